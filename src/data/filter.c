#include "data/filter.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int no_memory(const struct ratings *r, struct error *err)
{
    return error_set(err, PT_ENOMEM, "out of memory for checking %lld ratings", (long long)r->n);
}

/* Drops the ratings of rows with fewer than `least`; `row`: r->user or r->item. */
static int drop_rare(struct ratings *r, const int32_t *row, int64_t rows, int64_t least, int64_t *dropped,
                     int64_t *rows_dropped, struct error *err)
{
    mem_scoped int64_t *count = NULL;

    *dropped = *rows_dropped = 0;
    if (least <= 1)
        return 0; /* a row that is there has one */
    count = mem_zalloc(rows, sizeof *count);
    if (!count)
        return no_memory(r, err);
    for (int64_t k = 0; k < r->n; k++)
        if (r->user[k] >= 0)
            count[row[k]]++;
    for (int64_t k = 0; k < r->n; k++)
        if (r->user[k] >= 0 && count[row[k]] < least) {
            r->user[k] = -1;
            ++*dropped;
        }
    for (int64_t i = 0; i < rows; i++)
        *rows_dropped += count[i] > 0 && count[i] < least;
    return 0;
}

/* Range and sign of all values, before the filters. */
static void note_values(struct ratings *r)
{
    r->low_read = INFINITY;
    r->high_read = -INFINITY;
    for (int64_t k = 0; k < r->n; k++) {
        r->low_read = r->value[k] < r->low_read ? r->value[k] : r->low_read;
        r->high_read = r->value[k] > r->high_read ? r->value[k] : r->high_read;
        r->reading.not_positive += r->value[k] <= 0 && r->user[k] >= 0;
    }
}

static void drop_low(struct ratings *r, double least, int64_t *dropped)
{
    *dropped = 0;
    if (least <= -1e30)
        return; /* the option's default: no bound */
    for (int64_t k = 0; k < r->n; k++)
        if (r->user[k] >= 0 && (double)r->value[k] < least) {
            r->user[k] = -1;
            ++*dropped;
        }
}

/* Clicks: a bound from stars leaves none of them. */
static bool all_are_one(const struct ratings *r)
{
    int64_t k = 0;

    while (k < r->n && r->value[k] == 1.0f)
        k++;
    return k == r->n;
}

int filter_ratings(struct ratings *r, const struct ratings_spec *spec, struct error *err)
{
    int64_t low = 0, by_item = 0, by_user = 0, items_dropped;
    int rc;

    note_values(r);
    r->n_read = r->n;
    r->users_read = idtable_count(r->users);
    r->min_rating = spec->min_rating;
    r->min_user_ratings = spec->min_user_ratings;
    r->min_item_ratings = spec->min_item_ratings;
    drop_low(r, spec->min_rating, &low);
    rc =
        drop_rare(r, r->item, idtable_count(r->items), spec->min_item_ratings, &by_item, &items_dropped, err);
    if (rc == 0)
        rc = drop_rare(r, r->user, idtable_count(r->users), spec->min_user_ratings, &by_user,
                       &r->users_dropped, err);
    if (rc < 0)
        return rc;
    r->low_dropped = low;
    r->item_dropped = by_item;
    r->user_dropped = by_user;
    r->filtered = low + by_item + by_user;
    if (r->filtered + r->duplicates == r->n) {
        char lowest[64] = "data.min_rating (unset)", columns[600] = "";

        if (spec->min_rating > -1e30)
            snprintf(lowest, sizeof lowest, "data.min_rating %g", spec->min_rating);
        if (low && *r->reading.columns)
            snprintf(columns, sizeof columns, " (read: %s%s%s)", r->reading.columns,
                     *r->reading.unused ? "; not used: " : "", r->reading.unused);
        return error_set(err, PT_EDATA,
                         "%s: the filters leave none of %lld ratings: %lld are below %s, %lld of items with "
                         "fewer than data.min_item_ratings %lld, %lld of users with fewer than "
                         "data.min_user_ratings %lld%s%s",
                         spec->path, (long long)(r->n - r->duplicates), (long long)low, lowest,
                         (long long)by_item, (long long)spec->min_item_ratings, (long long)by_user,
                         (long long)spec->min_user_ratings,
                         low && all_are_one(r) && !*r->reading.unused
                             ? "; every rating is 1: clicks want data.min_rating=unset"
                             : "",
                         columns);
    }
    return 0;
}

/* --- finishing ----------------------------------------------------------------------------------- */

static void remove_marked(struct ratings *r)
{
    int64_t n = 0;

    for (int64_t k = 0; k < r->n; k++) {
        if (r->user[k] < 0)
            continue;
        r->user[n] = r->user[k];
        r->item[n] = r->item[k];
        r->value[n] = r->value[k];
        if (r->time)
            r->time[n] = r->time[k];
        if (r->given)
            r->given[n] = r->given[k];
        n++;
    }
    r->n = n;
}

/* Gives memory back that reading ahead took; a failure to shrink costs nothing. */
void filter_shrink(struct ratings *r)
{
    void *smaller;

#define SHRINK(field)                                                                                        \
    do {                                                                                                     \
        smaller = r->field ? mem_resize(r->field, r->n, sizeof *r->field) : NULL;                            \
        if (smaller)                                                                                         \
            r->field = smaller;                                                                              \
    } while (0)
    SHRINK(user);
    SHRINK(item);
    SHRINK(value);
    SHRINK(time);
    SHRINK(given);
#undef SHRINK
}

/* Rows of one side in order of first appearance. *table is replaced; titles (or NULL) move along. */
static int renumber(struct ratings *r, int32_t *row, struct idtable **table, char ***titles,
                    struct error *err)
{
    int64_t rows = idtable_count(*table), next = 0;
    mem_scoped int32_t *to = mem_alloc(rows, sizeof *to);
    bool changed = false, titled = titles && *titles, full;
    struct idtable *fresh;
    char **moved;

    if (!to)
        return no_memory(r, err);
    for (int64_t i = 0; i < rows; i++)
        to[i] = -1;
    for (int64_t k = 0; k < r->n; k++)
        if (to[row[k]] < 0) {
            changed = changed || row[k] != next;
            to[row[k]] = (int32_t)next++;
        }
    if (!changed && next == rows)
        return 0;
    fresh = idtable_new();
    moved = titled ? mem_zalloc(next, sizeof *moved) : NULL;
    full = !fresh || (titled && !moved);
    next = 0;
    for (int64_t k = 0; k < r->n && !full; k++) {
        int64_t old = row[k];

        row[k] = to[old];
        if (row[k] == next)
            full = idtable_put(fresh, idtable_name(*table, old), idtable_length(*table, old)) != next++;
    }
    if (full) {
        idtable_free(fresh);
        mem_free(moved);
        return no_memory(r, err);
    }
    for (int64_t i = 0; titled && i < rows; i++)
        if (to[i] >= 0)
            moved[to[i]] = (*titles)[i];
        else
            mem_free((*titles)[i]);
    if (titled) {
        mem_free(*titles);
        *titles = moved;
    }
    idtable_free(*table);
    *table = fresh;
    return 0;
}

int filter_finish(struct ratings *r, const struct ratings_spec *spec, const struct filters_needed *look,
                  struct error *err)
{
    int rc;

    if (r->duplicates || r->filtered)
        remove_marked(r);
    if (!spec->want_time) {
        mem_free(r->time);
        r->time = NULL;
    }
    if (look->in_order && !r->duplicates && !r->filtered && !spec->binarize) {
        r->low = look->low;
        r->high = look->high;
        return 0;
    }
    for (int64_t k = 0; spec->binarize && k < r->n; k++)
        r->value[k] = 1;
    rc = renumber(r, r->user, &r->users, NULL, err);
    if (rc == 0)
        rc = renumber(r, r->item, &r->items, &r->title, err);
    if (rc < 0)
        return rc;
    r->low = r->high = r->value[0];
    for (int64_t k = 1; k < r->n; k++) {
        r->low = r->value[k] < r->low ? r->value[k] : r->low;
        r->high = r->value[k] > r->high ? r->value[k] : r->high;
    }
    return 0;
}
