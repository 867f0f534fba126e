/* Splits of single ratings: every user trains, and some of the ratings are held out. Each function first
 * gives all ratings to training; test ratings are taken from those, then validation from what is left,
 * by the same rule. So the test part does not depend on split.valid. */
#include "data/split.h"

#include "base/mem.h"
#include "base/order.h"
#include "base/rng.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void train_all(struct split *s)
{
    for (int64_t j = 0; j < s->n; j++)
        s->part[j] = CELL_TRAIN;
}

/* `count` of the `from` training ratings, drawn at random, become `part`. Each in turn is taken with a
 * chance of (still to take) / (still to come): exactly `count`, every subset as likely, no memory. */
static void draw_training(struct split *s, uint64_t seed, uint32_t position, int64_t from, int64_t count,
                          uint8_t part)
{
    struct rng_stream stream = rng_stream(seed, RNG_SPLIT, SPLIT_CELLS, position);

    for (int64_t j = 0; j < s->n && count > 0; j++) {
        if (s->part[j] != CELL_TRAIN)
            continue;
        if ((int64_t)rng_next_below(&stream, (uint64_t)from--) < count) {
            s->part[j] = part;
            count--;
        }
    }
}

/* The validation part, of `from` ratings that are left for training. */
static int draw_valid(struct split *s, const struct split_spec *spec, int64_t from, struct error *err)
{
    int64_t count = 0;

    TRY(split_count(&count, spec->valid, from, "split.valid", "training ratings", err));
    draw_training(s, spec->seed, 1, from, count, CELL_VALID);
    return 0;
}

int split_cells_random(struct split *s, const struct ratings *r, const struct split_spec *spec,
                       struct error *err)
{
    int64_t test = 0;

    TRY(split_count(&test, spec->test, r->n, "split.test", "ratings", err));
    train_all(s);
    draw_training(s, spec->seed, 0, r->n, test, CELL_TEST);
    return draw_valid(s, spec, r->n - test, err);
}

int split_cells_given(struct split *s, const struct ratings *r, const struct split_spec *spec,
                      struct error *err)
{
    int64_t train = 0, test = 0, valid = 0;

    for (int64_t j = 0; r->given && j < r->n; j++) {
        bool to_train = r->given[j] == GIVEN_TRAIN, to_test = r->given[j] == GIVEN_TEST,
             to_valid = r->given[j] == GIVEN_VALID;

        s->part[j] = to_train ? CELL_TRAIN : to_test ? CELL_TEST : to_valid ? CELL_VALID : 0;
        valid += to_valid;
        train += to_train;
        test += to_test;
    }
    if (train == 0 || test == 0)
        return error_set(
            err, PT_ECONFIG,
            "split.kind: given, but the data have no %s of their own; it takes a folder with u1.base "
            "and u1.test, with train.txt and test.txt, or with train.csv, validation_tr.csv, ...; or "
            "data.test_path; or choose another kind",
            train  ? "test part"
            : test ? "training part"
                   : "parts");
    return valid ? 0 : draw_valid(s, spec, train, err);
}

int split_cells_kfold(struct split *s, const struct ratings *r, const struct split_spec *spec,
                      struct error *err)
{
    struct rng_stream stream = rng_stream(spec->seed, RNG_SPLIT, SPLIT_FOLDS, 0);
    mem_scoped int64_t *order = NULL;
    int64_t test = 0;

    if (spec->folds < 2 || spec->folds > r->n)
        return error_set(err, PT_ECONFIG, "split.folds: %d folds of %" PRId64 " ratings; give 2 to %" PRId64,
                         spec->folds, r->n, r->n);
    if (spec->fold < 0 || spec->fold >= spec->folds)
        return error_set(err, PT_ECONFIG, "split.fold: %d; folds are numbered from 0 to %d (split.folds - 1)",
                         spec->fold, spec->folds - 1);
    order = mem_alloc(r->n, sizeof *order);
    TRY(need_memory(order, err));
    train_all(s);
    rng_permutation(&stream, r->n, order);
    for (int64_t j = spec->fold; j < r->n; j += spec->folds, test++)
        s->part[order[j]] = CELL_TEST;
    return draw_valid(s, spec, r->n - test, err);
}

#define MILLISECONDS 100000000000 /* as seconds it would be the year 5138 */

static int need_times(const struct ratings *r, const char *kind, struct error *err)
{
    char columns[600] = "";

    for (int64_t k = 0; r->time && r->reading.no_time && k < r->n; k++)
        if (r->time[k] == TIME_NONE)
            return error_set(err, PT_EDATA,
                             "split.kind: %s needs the time of each rating, and %" PRId64
                             " lines have none; leave those "
                             "lines out, or choose another split.kind",
                             kind, r->reading.no_time);
    if (r->time)
        return 0;
    if (*r->reading.columns)
        snprintf(columns, sizeof columns, " (%s%s%s; data.columns says which is the time)",
                 r->reading.columns, *r->reading.unused ? "; not used: " : "", r->reading.unused);
    return error_set(err, PT_ECONFIG,
                     "split.kind: %s needs the time of each rating, and the data have none%s; choose another "
                     "kind (random, per_user, users)",
                     kind, columns);
}

/* The latest `count` of the `from` training ratings become `part`; of equal times those that come later
 * in the source. `times` is scratch for them. */
static void hold_out_latest(struct split *s, const struct ratings *r, int64_t from, int64_t count,
                            uint8_t part, int64_t *times)
{
    int64_t k = 0, cut, ties = count;

    if (count == 0)
        return;
    for (int64_t j = 0; j < s->n; j++) {
        if (s->part[j] == CELL_TRAIN)
            times[k++] = r->time[j];
    }
    qsort(times, (size_t)from, sizeof *times, compare_int64);
    cut = times[from - count];
    for (int64_t i = from - count; i < from; i++)
        ties -= times[i] > cut;
    for (int64_t j = s->n - 1; j >= 0; j--) {
        if (s->part[j] != CELL_TRAIN || r->time[j] < cut || (r->time[j] == cut && ties == 0))
            continue;
        ties -= r->time[j] == cut;
        s->part[j] = part;
    }
}

/* split.time_cut is in seconds, a date too; times may be in milliseconds. */
static double cut_of(const struct ratings *r, double cut)
{
    int64_t latest = INT64_MIN;

    for (int64_t j = 0; j < r->n; j++)
        latest = r->time[j] > latest ? r->time[j] : latest;
    return latest > MILLISECONDS && cut < (double)MILLISECONDS ? 1000 * cut : cut;
}

int split_cells_time(struct split *s, const struct ratings *r, const struct split_spec *spec,
                     struct error *err)
{
    mem_scoped int64_t *times = NULL;
    int64_t test = 0, valid = 0;
    double cut;

    TRY(need_times(r, "time", err));
    if (!(spec->time_cut > 0))
        TRY(split_count(&test, spec->test, r->n, "split.test", "ratings", err));
    times = mem_alloc(r->n, sizeof *times);
    TRY(need_memory(times, err));
    train_all(s);
    cut = cut_of(r, spec->time_cut);
    for (int64_t j = 0; cut > 0 && j < r->n; j++) {
        if ((double)r->time[j] >= cut) {
            s->part[j] = CELL_TEST;
            test++;
        }
    }
    if (spec->time_cut > 0 && test == 0)
        return error_set(err, PT_ECONFIG,
                         "split.time_cut: no rating is at or after %.0f; give an earlier time, in the "
                         "unit of the data",
                         spec->time_cut);
    if (!(spec->time_cut > 0))
        hold_out_latest(s, r, r->n, test, CELL_TEST, times);
    if (test < r->n)
        TRY(split_count(&valid, spec->valid, r->n - test, "split.valid", "training ratings", err));
    hold_out_latest(s, r, r->n - test, valid, CELL_VALID, times);
    return 0;
}

/* What a user still has to give; `left` counts the ratings that are still to come. */
struct quota {
    int64_t left, test, valid;
    uint32_t seen;
};

static int64_t quota_of(double value, int64_t n)
{
    int64_t count = value >= 1 ? (int64_t)value : (int64_t)(value * (double)n + 0.5);

    return count < n ? count : n - 1; /* one rating at least is left for training */
}

/* The next rating of a user becomes test, validation or training by chance (see draw_training). */
static void draw_within(struct split *s, const struct ratings *r, uint64_t seed, struct quota *quota)
{
    for (int64_t j = 0; j < r->n; j++) {
        struct quota *q = &quota[r->user[j]];
        uint32_t word = rng_philox(seed, RNG_SPLIT, SPLIT_WITHIN, (uint32_t)r->user[j], q->seen++).word[0];
        int64_t x = rng_below(word, (uint32_t)q->left--);

        if (x < q->test) {
            s->part[j] = CELL_TEST;
            q->test--;
        } else if (x < q->test + q->valid) {
            s->part[j] = CELL_VALID;
            q->valid--;
        }
    }
}

struct stamp {
    int64_t time, place;
    int32_t user;
};

/* Users together, the latest first; of equal times what comes later in the source. */
static int by_user_latest(const void *a, const void *b)
{
    const struct stamp *x = a, *y = b;

    if (x->user != y->user)
        return x->user < y->user ? -1 : 1;
    if (x->time != y->time)
        return x->time > y->time ? -1 : 1;
    return x->place > y->place ? -1 : x->place < y->place;
}

static int hold_out_last(struct split *s, const struct ratings *r, struct quota *quota, struct error *err)
{
    mem_scoped struct stamp *stamp = mem_alloc(r->n, sizeof *stamp);

    TRY(need_memory(stamp, err));
    for (int64_t j = 0; j < r->n; j++)
        stamp[j] = (struct stamp){r->time[j], j, r->user[j]};
    qsort(stamp, (size_t)r->n, sizeof *stamp, by_user_latest);
    for (int64_t i = 0; i < r->n; i++) {
        struct quota *q = &quota[stamp[i].user];

        if (q->test > 0) {
            s->part[stamp[i].place] = CELL_TEST;
            q->test--;
        } else if (q->valid > 0) {
            s->part[stamp[i].place] = CELL_VALID;
            q->valid--;
        }
    }
    return 0;
}

int split_cells_within(struct split *s, const struct ratings *r, const struct split_spec *spec,
                       struct error *err)
{
    int64_t users = idtable_count(r->users), ignored;
    mem_scoped struct quota *quota = NULL;

    if (spec->kind == SPLIT_LAST)
        TRY(need_times(r, "last", err));
    /* The bounds of the options; the numbers themselves are per user. */
    TRY(split_count(&ignored, spec->test, r->n, "split.test", "ratings", err));
    TRY(split_count(&ignored, spec->valid, r->n, "split.valid", "ratings", err));
    quota = mem_zalloc(users, sizeof *quota);
    TRY(need_memory(quota, err));
    train_all(s);
    for (int64_t j = 0; j < r->n; j++)
        quota[r->user[j]].left++;
    for (int64_t u = 0; u < users; u++) {
        struct quota *q = &quota[u];

        if (q->left == 0)
            continue;
        q->test = quota_of(spec->test, q->left);
        q->valid = quota_of(spec->valid, q->left - q->test);
    }
    if (spec->kind == SPLIT_LAST)
        return hold_out_last(s, r, quota, err);
    draw_within(s, r, spec->seed, quota);
    return 0;
}
