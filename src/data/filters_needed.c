/* filters_needed.c - each worker has a range of ratings that begins where a user's run begins.
 *
 * Rows are numbered in order of first appearance where each is at most one above all rows before it. A worker
 * does not know what is before its range: it notes the largest row that is more than one above those before
 * it in the range, `jump`, and the caller compares that with the ranges before. If a user's run begins at a
 * row above all rows before it, the user is new, whether or not every row of the table has a rating. */
#include "data/filters_needed.h"

#include "base/mem.h"
#include "par/team.h"

#include <string.h>

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
