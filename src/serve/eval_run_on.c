/* eval_run_on.c - a file of ratings to evaluate a run on, beside the ratings of the run.
 *
 *   the run's ratings    1 2 3 4 5 6 7 8    6 7 were held out
 *   the file's               3       7 9    3 was trained on: left out; 7 is evaluated and no input any more
 *   input                1 2 3 4 5 6   8
 *   evaluated                        7   9
 *
 * The input is all other ratings of a user, as in `recommend` and `predict`. */
#include "serve/eval_run.h"

#include "base/mem.h"
#include "read/read.h"

struct asked {
    struct ratings *r; /* owned: of the file */
    int32_t *user;     /* (n) owned: row in the run, -1 */
    int32_t *item;     /* (n) owned: likewise */
    int64_t *own;      /* (n) owned: the run's rating of that pair, -1 */
};

static void asked_fini(struct asked *a)
{
    ratings_free(a->r);
    mem_free(a->user);
    mem_free(a->item);
    mem_free(a->own);
}

static int read_asked(struct asked *a, const struct eval_run *e, const struct ratings *own, struct error *err)
{
    struct ratings_spec spec = problem_ratings_spec(e->config, problem_workers(e->config));
    struct error again = {0};
    int rc;

    spec.path = e->on;
    spec.memory = e->on_memory;
    spec.min_user_ratings = spec.min_item_ratings = 0;
    spec.want_time = false;
    spec.prefer_given = 0;
    rc = ratings_read(&a->r, &spec, err);
    if (rc == PT_EDATA ||
        rc == PT_ECONFIG) { /* not a file like the run's: as one that nobody has described */
        spec.columns = 0;
        spec.delimiter = NULL;
        spec.header = HEADER_AUTO;
        spec.format = FORMAT_AUTO;
        spec.item_key = ITEM_KEY_ID;
        if (ratings_read(&a->r, &spec, &again) == 0)
            rc = 0;
    }
    if (rc < 0)
        return rc;
    a->user = mem_alloc(a->r->n, sizeof *a->user);
    a->item = mem_alloc(a->r->n, sizeof *a->item);
    a->own = mem_alloc(a->r->n, sizeof *a->own);
    TRY(need_memory(a->user && a->item && a->own, err));
    for (int64_t i = 0; i < a->r->n; i++) {
        a->user[i] = (int32_t)idtable_find_row(own->users, a->r->users, a->r->user[i]);
        a->item[i] = (int32_t)idtable_find_row(own->items, a->r->items, a->r->item[i]);
        a->own[i] = -1;
    }
    return 0;
}

/* a->own: user by user, with the user's ratings laid out over the items. */
static int find_own(struct asked *a, const struct ratings *own, struct error *err)
{
    int64_t users = idtable_count(own->users), items = idtable_count(own->items);
    int64_t n = a->r->n;
    mem_scoped int64_t *at = mem_alloc(items, sizeof *at);
    mem_scoped int64_t *own_start = mem_zalloc(users + 2, sizeof *own_start);
    mem_scoped int64_t *own_place = mem_alloc(own->n, sizeof *own_place);
    mem_scoped int64_t *room = mem_zalloc(users + 3, sizeof *room);
    mem_scoped int64_t *place = mem_alloc(n, sizeof *place);

    TRY(need_memory(at && own_start && own_place && room && place, err));
    ratings_sort(own_place, NULL, own->n, own->user, NULL, own_start, users);
    ratings_sort(place, NULL, n, a->user, NULL, room + 1, users); /* + 1: users that the run lacks are -1 */
    for (int64_t i = 0; i < items; i++)
        at[i] = -1;
    for (int64_t u = 0; u < users; u++) {
        if (room[u + 1] == room[u + 2])
            continue;
        for (int64_t i = own_start[u]; i < own_start[u + 1]; i++)
            at[own->item[own_place[i]]] = own_place[i];
        for (int64_t i = room[u + 1]; i < room[u + 2]; i++)
            if (a->item[place[i]] >= 0)
                a->own[place[i]] = at[a->item[place[i]]];
        for (int64_t i = own_start[u]; i < own_start[u + 1]; i++)
            at[own->item[own_place[i]]] = -1;
    }
    return 0;
}

static void put(struct ratings *r, int32_t user, int32_t item, float value, uint8_t given)
{
    r->user[r->n] = user;
    r->item[r->n] = item;
    r->value[r->n] = value;
    r->given[r->n++] = given;
}

/* What is held out of the run's own ratings, for the file's, in `part` as split_make gave it. */
static int join(struct eval_run *e, struct ratings *own, const struct asked *a, uint8_t *part,
                struct error *err)
{
    struct ratings all = {0};
    int64_t most = own->n + a->r->n;

    all.user = mem_alloc(most, sizeof *all.user);
    all.item = mem_alloc(most, sizeof *all.item);
    all.value = mem_alloc(most, sizeof *all.value);
    all.given = mem_alloc(most, 1);
    if (!all.user || !all.item || !all.value || !all.given) {
        ratings_drop_triplets(&all);
        return error_set(err, PT_ENOMEM, "out of memory");
    }
    for (int64_t i = 0; i < a->r->n; i++) {
        int64_t there = a->own[i];

        if (a->user[i] < 0 || a->item[i] < 0) {
            e->dropped++;
        } else if (there >= 0 && part[there] & PART_TRAIN) {
            e->left_out++;
        } else {
            put(&all, a->user[i], a->item[i], a->r->value[i], GIVEN_TEST);
            if (there >= 0)
                part[there] = UINT8_MAX;
        }
    }
    e->held_out = all.n;
    for (int64_t i = 0; i < own->n; i++)
        if (part[i] != UINT8_MAX)
            put(&all, own->user[i], own->item[i], own->value[i], GIVEN_TRAIN);
    ratings_move_triplets(own, &all);
    own->finished = false;
    return 0;
}

int eval_run_on(struct eval_run *e, struct ratings *own, struct error *err)
{
    struct split_spec spec = problem_split_spec(e->config);
    scoped(split_free) struct split *s = NULL;
    scoped_value(asked_fini) struct asked a = {0};

    spec.side = problem_side(e->config);
    TRY(read_asked(&a, e, own, err));
    TRY(find_own(&a, own, err));
    TRY(split_make(&s, own, &spec, err));
    if (e->files.facts.refit)
        split_refit(s);
    TRY(join(e, own, &a, s->part, err));
    if (!e->held_out)
        return error_set(
            err, PT_EDATA,
            "%s: nothing in it to evaluate %s on: of %lld ratings %lld have ids that it does not know, "
            "and it was trained on %lld",
            e->on, e->folder, (long long)a.r->n, (long long)e->dropped, (long long)e->left_out);
    e->config->split_kind = SPLIT_GIVEN;
    e->config->split_valid = 0;
    ratings_drop_triplets(a.r);
    e->on_read = handed_on(a.r);
    return 0;
}
