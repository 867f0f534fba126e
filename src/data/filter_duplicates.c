/* filter_duplicates.c - merges repeated pairs of user and item, user by user. */
#include "data/filter.h"

#include "base/mem.h"
#include "base/text.h"

static const char *const part_names[] = {
    "",
    "the training file",
    "the test file",
    "validation_tr.csv",
    "validation_te.csv",
    "test_tr.csv",
    "test_te.csv",
    "the validation file",
};

static const char *part_name(const struct ratings *r, uint8_t part)
{
    return r->finished && part == GIVEN_TRAIN ? "train.csv" : part_names[part];
}

/* What is known of an item while one user's ratings are looked at; `user` tells whether it is this one. */
struct seen {
    int32_t user;
    int32_t count;
    int64_t kept; /* position of the rating that stands for the pair */
    double sum;
};

static int fail_pair(const struct ratings *r, int64_t first, int64_t again, struct error *err)
{
    char user[PRINTABLE_BYTES], item[PRINTABLE_BYTES];
    int64_t u = r->user[again], i = r->item[again];

    printable(user, idtable_name(r->users, u), idtable_length(r->users, u));
    printable(item, idtable_name(r->items, i), idtable_length(r->items, i));
    if (r->given && r->given[first] != r->given[again])
        return error_set(err, PT_EDATA, "user '%s', item '%s' stands both in %s and in %s", user, item,
                         part_name(r, r->given[first]), part_name(r, r->given[again]));
    return error_set(
        err, PT_EDATA,
        "user '%s', item '%s' stands twice (ratings %lld and %lld); data.duplicates says what to do", user,
        item, (long long)first + 1, (long long)again + 1);
}

/* A pair's second or later rating, at position k. The order of one user's positions is that of the source. */
static int merge(struct ratings *r, struct seen *s, int64_t k, enum duplicates policy, struct error *err)
{
    int64_t drop = k;

    if (policy == DUPLICATES_ERROR || (r->given && r->given[s->kept] != r->given[k]))
        return fail_pair(r, s->kept, k, err);
    s->count++;
    s->sum += r->value[k];
    if (policy == DUPLICATES_LAST && (!r->time || r->time[k] >= r->time[s->kept])) {
        drop = s->kept;
        s->kept = k;
    } else if (policy == DUPLICATES_MEAN || policy == DUPLICATES_SUM || policy == DUPLICATES_COUNT) {
        r->value[s->kept] = policy == DUPLICATES_COUNT ? (float)s->count
                            : policy == DUPLICATES_SUM ? (float)s->sum
                                                       : (float)(s->sum / s->count);
        if (r->time && r->time[k] > r->time[s->kept])
            r->time[s->kept] = r->time[k];
    }
    r->user[drop] = -1;
    r->duplicates++;
    return 0;
}

/* One user's ratings: positions order[0..n), or first, first + 1, ... where order is NULL. */
static int check_user(struct ratings *r, struct seen *seen, int32_t u, const int64_t *order, int64_t first,
                      int64_t n, enum duplicates policy, struct error *err)
{
    for (int64_t j = 0; j < n; j++) {
        int64_t k = order ? order[j] : first + j;
        struct seen *s = &seen[r->item[k]];

        if (s->user != u) {
            *s = (struct seen){u, 1, k, r->value[k]};
            continue;
        }
        TRY(merge(r, s, k, policy, err));
    }
    return 0;
}

/* The usual file has each user's ratings together: then nothing needs to be sorted. Rows are numbered in
 * order of first appearance, so a run whose user is above all users before it is that user's first; where
 * they are not, sorting is right too. */
static bool is_grouped(const struct ratings *r)
{
    int32_t next = 0;

    for (int64_t k = 0; k < r->n; k++) {
        if (k > 0 && r->user[k] == r->user[k - 1])
            continue;
        if (r->user[k] < next)
            return false;
        next = r->user[k] + 1;
    }
    return true;
}

static int check_grouped(struct ratings *r, struct seen *seen, enum duplicates policy, struct error *err)
{
    for (int64_t first = 0, end; first < r->n; first = end) {
        int32_t u = r->user[first];

        for (end = first + 1; end < r->n && r->user[end] == u; end++)
            ;
        TRY(check_user(r, seen, u, NULL, first, end - first, policy, err));
    }
    return 0;
}

/* Otherwise: users in ranges of so many ratings that their positions take little memory beside the ratings
 * themselves, a counting sort for each range. `start`: (users + 1) zero. */
static int check_sorted(struct ratings *r, struct seen *seen, int64_t users, int64_t *start,
                        enum duplicates policy, struct error *err)
{
    int64_t block = r->n / 16 > (int64_t)8 << 20 ? r->n / 16 : (int64_t)8 << 20, space = 0;
    mem_scoped int64_t *order = NULL;

    for (int64_t k = 0; k < r->n; k++)
        start[r->user[k] + 1]++;
    for (int64_t u = 0; u < users; u++)
        start[u + 1] += start[u];
    for (int64_t a = 0, b; a < users; a = b) {
        int64_t from = start[a], count;

        for (b = a + 1; b < users && start[b + 1] - from <= block; b++)
            ;
        count = start[b] - from;
        if (!order || count > space) {
            mem_free(order);
            order = mem_alloc(count, sizeof *order);
            space = count;
        }
        TRY(need_memory(order, err));
        /* start[u] runs on to the end of u's positions, which is where u + 1 begins */
        for (int64_t k = 0; k < r->n; k++)
            if (r->user[k] >= a && r->user[k] < b)
                order[start[r->user[k]]++ - from] = k;
        for (int64_t u = a; u < b; u++) {
            int64_t begin = u == a ? from : start[u - 1];

            TRY(check_user(r, seen, (int32_t)u, order + (begin - from), 0, start[u] - begin, policy, err));
        }
    }
    return 0;
}

/* Strong generalisation: who is held out is held out whole. */
static int check_finished(const struct ratings *r, int64_t users, struct error *err)
{
    mem_scoped uint8_t *part = mem_zalloc(users, 1);

    TRY(need_memory(part, err));
    for (int64_t k = 0; k < r->n; k++) {
        static const uint8_t group[] = {
            0, GIVEN_TRAIN, GIVEN_TEST, GIVEN_VALID_IN, GIVEN_VALID_IN, GIVEN_TEST_IN, GIVEN_TEST_IN};
        uint8_t own = group[r->given[k]], *old = &part[r->user[k]];
        char user[PRINTABLE_BYTES];

        if (*old && *old != own) {
            int64_t u = r->user[k];

            return error_set(err, PT_EDATA,
                             "user '%s' stands both in %s and in %s: a finished split holds out whole users",
                             printable(user, idtable_name(r->users, u), idtable_length(r->users, u)),
                             part_name(r, *old), part_name(r, r->given[k]));
        }
        *old = own;
    }
    return 0;
}

int filter_duplicates(struct ratings *r, const struct ratings_spec *spec, struct error *err)
{
    int64_t users = idtable_count(r->users), items = idtable_count(r->items);
    mem_scoped struct seen *seen = mem_alloc(items, sizeof *seen);
    mem_scoped int64_t *start = NULL;

    TRY(need_memory(seen, err));
    for (int64_t i = 0; i < items; i++)
        seen[i].user = -1;
    if (r->finished)
        TRY(check_finished(r, users, err));
    if (is_grouped(r))
        return check_grouped(r, seen, spec->duplicates, err);
    start = mem_zalloc(users + 1, sizeof *start);
    TRY(need_memory(start, err));
    return check_sorted(r, seen, users, start, spec->duplicates, err);
}
