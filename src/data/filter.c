#include "data/filter.h"

#include "base/mem.h"
#include "data/reading.h"
#include "par/team.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Drops the ratings of rows with fewer than `least`; `row`: r->user or r->item. */
static int drop_rare(struct ratings *r, const int32_t *row, int64_t rows, int64_t least, int64_t *dropped,
                     int64_t *rows_dropped, struct error *err)
{
    mem_scoped int64_t *count = NULL;

    *dropped = *rows_dropped = 0;
    if (least <= 1)
        return 0; /* a row that is there has one */
    count = mem_zalloc(rows, sizeof *count);
    TRY(need_memory(count, err));
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
static void note_values(struct ratings *r, const struct filters_needed *look)
{
    float low = INFINITY, high = -INFINITY;

    r->low_read = look->low;
    r->high_read = look->high;
    if (look->in_order && !r->duplicates && look->low > 0)
        return;
    for (int64_t k = 0; k < r->n; k++) {
        low = r->value[k] < low ? r->value[k] : low;
        high = r->value[k] > high ? r->value[k] : high;
        r->reading.not_positive += r->value[k] <= 0 && r->user[k] >= 0;
    }
    r->low_read = low;
    r->high_read = high;
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

int filter_ratings(struct ratings *r, const struct ratings_spec *spec, const struct filters_needed *look,
                   struct error *err)
{
    int64_t low = 0, by_item = 0, by_user = 0, items_dropped;

    note_values(r, look);
    r->n_read = r->n;
    r->users_read = idtable_count(r->users);
    r->min_rating = spec->min_rating;
    r->min_user_ratings = spec->min_user_ratings;
    r->min_item_ratings = spec->min_item_ratings;
    drop_low(r, spec->min_rating, &low);
    TRY(drop_rare(r, r->item, idtable_count(r->items), spec->min_item_ratings, &by_item, &items_dropped,
                  err));
    TRY(drop_rare(r, r->user, idtable_count(r->users), spec->min_user_ratings, &by_user, &r->users_dropped,
                  err));
    r->low_dropped = low;
    r->item_dropped = by_item;
    r->user_dropped = by_user;
    r->filtered = low + by_item + by_user;
    if (r->filtered + r->duplicates == r->n) {
        char dropped[256], columns[600] = "";

        if (low && *r->reading.columns)
            snprintf(columns, sizeof columns, " (read: %s%s%s)", r->reading.columns,
                     *r->reading.unused ? "; not used: " : "", r->reading.unused);
        return error_set(err, PT_EDATA, "%s: the filters leave none of %lld ratings: %s%s%s", spec->path,
                         (long long)(r->n - r->duplicates), reading_dropped(r, dropped, sizeof dropped),
                         low && all_are_one(r) && !*r->reading.unused
                             ? "; every rating is 1: clicks want data.min_rating=unset"
                             : "",
                         columns);
    }
    return 0;
}

/* ---- finishing ---- */

static void remove_marked(struct ratings *r)
{
    int64_t n = 0;

    for (int64_t k = 0; k < r->n; k++)
        if (r->user[k] >= 0)
            ratings_move(r, n++, k);
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

    TRY(need_memory(to, err));
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
        return need_memory(false, err);
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
    TRY(renumber(r, r->user, &r->users, NULL, err));
    TRY(renumber(r, r->item, &r->items, &r->title, err));
    r->low = r->high = r->value[0];
    for (int64_t k = 1; k < r->n; k++) {
        r->low = r->value[k] < r->low ? r->value[k] : r->low;
        r->high = r->value[k] > r->high ? r->value[k] : r->high;
    }
    return 0;
}

/* ---- which filters are needed ----
 *
 * Each worker has a range of ratings that begins where a user's run begins.
 *
 * Rows are numbered in order of first appearance where each is at most one above all rows before it. A worker
 * does not know what is before its range: it notes the largest row that is more than one above those before
 * it in the range, `jump`, and the caller compares that with the ranges before. If a user's run begins at a
 * row above all rows before it, the user is new, whether or not every row of the table has a rating. */

struct rows {
    int32_t jump; /* -1: none */
    int32_t next; /* one above the largest */
};

struct range {
    _Alignas(64) int32_t *last; /* (items) owned: the last user seen with each item */
    int32_t first;              /* user of the first run; -1: the range is empty */
    bool again;                 /* a run's user is not above all users before it in the range */
    bool twice;
    struct rows users, items;
    float low, high;
};

struct scan {
    const struct ratings *r;
    int ranges;
    struct range *range; /* (ranges) owned */
};

static inline void note_row(struct rows *rows, int32_t row)
{
    if (row < rows->next)
        return;
    if (row > rows->next && row > rows->jump)
        rows->jump = row;
    rows->next = row + 1;
}

/* Values in their order as whole numbers: a team takes denormal numbers as zero. */
static inline int32_t order_of(float value)
{
    int32_t bits;

    memcpy(&bits, &value, 4);
    return bits >= 0 ? bits : INT32_MIN - bits;
}

static void scan_range(const struct ratings *r, struct range *out, int64_t begin, int64_t end)
{
    struct range own = *out;
    int32_t low = INT32_MAX, high = INT32_MIN, user = -1;

    for (int64_t k = begin; k < end; k++) {
        int32_t item = r->item[k], order = order_of(r->value[k]);

        if (r->user[k] != user) {
            own.first = user < 0 ? r->user[k] : own.first;
            user = r->user[k];
            own.again |= user < own.users.next;
            note_row(&own.users, user);
        }
        own.twice |= own.last[item] == user;
        own.last[item] = user;
        note_row(&own.items, item);
        if (order < low) {
            low = order;
            own.low = r->value[k];
        }
        if (order > high) {
            high = order;
            own.high = r->value[k];
        }
    }
    *out = own;
}

static int64_t run_begin(const struct ratings *r, int64_t k)
{
    while (k > 0 && k < r->n && r->user[k] == r->user[k - 1])
        k++;
    return k;
}

static void scan_own_range(struct worker *w, void *arg)
{
    const struct scan *s = arg;
    struct range *own = &s->range[w->id];
    int64_t first, end;

    team_range(s->r->n, w->id, w->count, &first, &end);
    memset(own->last, 0xFF, (size_t)idtable_count(s->r->items) * sizeof *own->last);
    own->users.jump = own->items.jump = own->first = -1;
    scan_range(s->r, own, run_begin(s->r, first), run_begin(s->r, end));
}

/* The rows of `after` behind those of `all`; false: they are not in order. */
static bool join_rows(struct rows *all, const struct rows *after)
{
    bool in_order = after->jump <= all->next;

    if (after->next > all->next)
        all->next = after->next;
    return in_order;
}

static void join_ranges(struct filters_needed *out, const struct scan *s)
{
    int64_t users = idtable_count(s->r->users), items = idtable_count(s->r->items);
    struct rows user = {-1, 0}, item = {-1, 0};
    bool once = true, in_order = true, first = true;

    for (int k = 0; k < s->ranges; k++) {
        const struct range *own = &s->range[k];

        if (own->first < 0)
            continue;
        once = once && !own->twice && !own->again && own->first >= user.next;
        in_order = join_rows(&user, &own->users) && join_rows(&item, &own->items) && in_order;
        if (first || order_of(own->low) < order_of(out->low))
            out->low = own->low;
        if (first || order_of(own->high) > order_of(out->high))
            out->high = own->high;
        first = false;
    }
    out->pairs_once = once;
    out->in_order = in_order && user.next == users && item.next == items;
}

/* As many as keep their lists of items within a byte for each rating. */
static int count_ranges(const struct ratings *r, int workers)
{
    int64_t most = 1 + r->n / 4 / (idtable_count(r->items) + 1);

    return workers < most ? workers : (int)most;
}

void filters_needed_find(struct filters_needed *out, const struct ratings *r, int workers)
{
    struct scan s = {.r = r, .ranges = count_ranges(r, workers)};
    struct team *team = NULL;
    bool there;

    *out = (struct filters_needed){0};
    if (r->n < RATINGS_FOR_TEAM || workers < 2)
        return;
    s.range = mem_array(s.ranges, sizeof *s.range);
    if (!s.range)
        return;
    memset(s.range, 0, (size_t)s.ranges * sizeof *s.range);
    there = team_new(&team, s.ranges, NULL, BIND_NONE, NULL) == 0;
    for (int k = 0; k < s.ranges && there; k++) {
        s.range[k].last = mem_array(idtable_count(r->items), sizeof *s.range[k].last);
        there = s.range[k].last != NULL;
    }
    if (there) {
        team_run(team, scan_own_range, &s);
        join_ranges(out, &s);
    }
    team_free(team);
    for (int k = 0; k < s.ranges; k++)
        mem_free(s.range[k].last);
    mem_free(s.range);
}
