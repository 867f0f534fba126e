#include "serve/history_source.h"

#include "base/mem.h"
#include "read/read.h"
#include "setup/problem.h"
#include "store/run_files.h"

#include <stdio.h>
#include <string.h>

/* The run's own ratings, of the digest that training gave them. */
static int check_digest(const struct ratings *r, const struct trained *trained, struct error *err)
{
    const char *path = trained->config->data_path;

    if (!trained->files.digest || strcmp(trained->files.digest, r->digest) == 0)
        return 0;
    return error_set(
        err, PT_EDATA,
        "%s: the ratings in %s are not those that the model was trained on: they have changed%s. "
        "To take histories from them all the same, say --data %s",
        trained->files.folder, path,
        *path == '/' ? "" : ", or the run was trained in another folder than this one", path);
}

static int read_own(struct ratings **out, const struct ratings_spec *spec, struct error *err)
{
    int rc = ratings_read(out, spec, err);

    if (rc < 0)
        run_prefix_ratings_error(err, spec->path, "histories are read from the run's data.path",
                                 "--data PATH reads others");
    return rc;
}

/* The digest is of the ratings that the filters leave: with filters, the ratings are first read as
 * training read them. */
static int read_checked(struct ratings **out, const struct trained *trained, const struct ratings_spec *spec,
                        struct error *err)
{
    struct ratings_spec own = problem_ratings_spec(trained->config, 1);
    bool filters = own.binarize || own.min_rating > spec->min_rating || own.min_user_ratings > 0 ||
                   own.min_item_ratings > 0;
    scoped(ratings_free) struct ratings *r = NULL;

    if (!*spec->path)
        return error_set(err, PT_EUSAGE, "the run has no data.path; say --data PATH");
    if (strcmp(spec->path, "-") == 0)
        return error_set(err, PT_EUSAGE,
                         "%s: the run read its ratings from standard input; say --data FILE, or --data - and "
                         "the same ratings again",
                         trained->files.folder);
    if (!filters) {
        TRY(read_own(out, spec, err));
        return check_digest(*out, trained, err);
    }
    TRY(read_own(&r, &own, err));
    TRY(check_digest(r, trained, err));
    ratings_free(r); /* not both sets at a time */
    r = NULL;
    return read_own(out, spec, err);
}

/* Read as in training, but without its filters on ratings and users: a history has all ratings. One thread
 * reads: the model has its team already. */
static int read_ratings(struct history_source *h, const struct trained *trained, const char *path,
                        struct error *err)
{
    struct ratings_spec spec = problem_ratings_spec(trained->config, 1);

    if (path)
        spec.path = path;
    spec.min_rating = -1e30;
    spec.min_user_ratings = spec.min_item_ratings = 0;
    spec.binarize = false;
    return path ? ratings_read(&h->ratings, &spec, err) : read_checked(&h->ratings, trained, &spec, err);
}

static bool map_columns(struct history_source *h, const struct trained *trained)
{
    const struct idtable *own = trained->problem->side == SIDE_USER ? trained->items : trained->users;
    const struct idtable *data = trained->problem->side == SIDE_USER ? h->ratings->items : h->ratings->users;

    h->column_of = idtable_map(own, data);
    return h->column_of != NULL;
}

/* By example, and an example's by the model's column, as histories_end wants them. */
static bool sort_by_example(struct history_source *h, const struct trained *trained)
{
    const struct ratings *r = h->ratings;
    const int32_t *example = matrix_example_of(r, trained->problem->side),
                  *column = matrix_column_of(r, trained->problem->side);
    mem_scoped int64_t *by_column = mem_alloc(r->n, sizeof *by_column);
    mem_scoped int64_t *ptr = mem_zalloc(trained->problem->columns + 3, sizeof *ptr);

    h->ptr = mem_zalloc(h->n + 2, sizeof *h->ptr);
    h->order = mem_alloc(r->n, sizeof *h->order);
    if (!h->ptr || !h->order || !by_column || !ptr)
        return false;
    for (int64_t i = 0; i < r->n; i++)
        h->unknown += h->column_of[column[i]] < 0;
    /* ptr + 1: a column that the model does not have is -1 */
    ratings_sort(by_column, NULL, r->n, column, h->column_of, ptr + 1, trained->problem->columns);
    ratings_sort(h->order, by_column, r->n, example, NULL, h->ptr, h->n);
    return true;
}

int history_source_read(struct history_source **out, const struct trained *trained, const char *path,
                        struct error *err)
{
    scoped(history_source_free) struct history_source *h = mem_zalloc(1, sizeof *h);

    TRY(need_memory(h, err));
    TRY(read_ratings(h, trained, path, err));
    if (!path && !trained->files.digest)
        snprintf(h->ratings->note, sizeof h->ratings->note, "%.180s: " MODEL_FILE_NO_DIGEST,
                 trained->files.folder);
    h->names = trained->problem->side == SIDE_USER ? h->ratings->users : h->ratings->items;
    h->n = idtable_count(h->names);
    h->min_rating = h->ratings->finished ? -1e30 : trained->config->min_rating;
    TRY(need_memory(map_columns(h, trained) && sort_by_example(h, trained), err));
    if (h->unknown == h->ratings->n)
        return error_set(err, PT_EDATA, "%s: the run knows none of its %s; is it another data set?",
                         path ? path : trained->config->data_path,
                         trained->problem->side == SIDE_USER ? "items" : "users");
    *out = handed_on(h);
    return 0;
}

bool history_source_add(const struct history_source *h, const struct trained *trained, int64_t e,
                        struct histories *p)
{
    const int32_t *column = matrix_column_of(h->ratings, trained->problem->side);
    int32_t row = -1;

    for (int64_t i = h->ptr[e]; i < h->ptr[e + 1]; i++) {
        int64_t rating = h->order[i];
        float value = h->ratings->value[rating];
        int32_t c = h->column_of[column[rating]];

        if (c >= 0 && !histories_add(p, c, trained->config->binarize ? 1.0f : value,
                                     (double)value < h->min_rating ? HISTORY_SEEN : HISTORY_INPUT))
            return false;
    }
    if (trained->by_row)
        row = (int32_t)idtable_find_row(trained->users, h->names, e);
    if (row >= 0 && trained->problem->cold_example[row])
        row = -1;
    return histories_end(p, row);
}

void history_source_free(struct history_source *h)
{
    if (!h)
        return;
    ratings_free(h->ratings);
    mem_free(h->ptr);
    mem_free(h->order);
    mem_free(h->column_of);
    mem_free(h);
}
