/* eval_run_rows.c - other ratings than the run's, in the rows of its model. */
#include "base/mem.h"
#include "serve/eval_run.h"
#include "store/run_files.h"

/* Ratings and their parts in the rows of the model's tables (NULL: the table stays); those with an id that is
 * not there go, unless `add`: then users of the others get rows behind those that are there. */
static int move_rows(struct ratings *r, uint8_t *part, struct idtable *users, bool add,
                     const struct idtable *items, struct error *err)
{
    mem_scoped int32_t *user = users ? idtable_map(users, r->users) : NULL;
    mem_scoped int32_t *item = items ? idtable_map(items, r->items) : NULL;
    bool full = false;
    int64_t n = 0;

    if ((users && !user) || (items && !item))
        return error_set(err, PT_ENOMEM, "out of memory");
    for (int64_t i = 0; i < r->n; i++) {
        int32_t u = user ? user[r->user[i]] : r->user[i], c = item ? item[r->item[i]] : r->item[i];

        if (u < 0 && c >= 0 && add) {
            u = (int32_t)idtable_put(users, idtable_name(r->users, r->user[i]),
                                     idtable_length(r->users, r->user[i]));
            user[r->user[i]] = u;
            full |= u < 0;
        }
        if (u < 0 || c < 0)
            continue;
        ratings_move(r, n, i);
        r->user[n] = u;
        r->item[n] = c;
        part[n++] = part[i];
    }
    r->n = n;
    return full ? error_set(err, PT_ENOMEM, "out of memory") : 0;
}

int eval_run_rows(struct eval_run *e, struct ratings *r, struct split **split, struct error *err)
{
    const struct config *c = e->config;
    struct trained_files *f = &e->files;
    bool by_user = problem_side(c) == SIDE_USER;
    bool users = !by_user || problem_traits(c)->by_rating;
    struct split_spec spec = problem_split_spec(c);
    int64_t before = r->n;

    spec.side = problem_side(c);
    TRY(split_make(split, r, &spec, err));
    TRY(move_rows(r, (*split)->part, users ? f->users : NULL, by_user, by_user ? f->items : NULL, err));
    split_shorten(*split, r->n);
    e->dropped = before - r->n;
    if (r->n == 0)
        return error_set(err, PT_EDATA,
                         "%s: the model knows none of the %s of these ratings; are their ids those of its "
                         "%s.tsv?",
                         e->folder, by_user ? "items" : "users", by_user ? "items" : "users");
    if (users) {
        idtable_free(r->users);
        r->users = f->users;
        f->users = NULL;
    }
    if (by_user) {
        run_ids_free_titles(r->title, idtable_count(r->items));
        idtable_free(r->items);
        r->items = f->items;
        r->title = f->title;
        f->items = NULL;
        f->title = NULL;
    }
    return 0;
}
