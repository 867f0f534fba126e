/* split.c - dispatches on split.kind, counts the parts; splits that hold out whole rows: users (Liang et al.
 * 2018), or examples of either side. Splits of single ratings are in split_cells.c. */
#include "data/split.h"

#include "base/mem.h"
#include "base/rng.h"

#include <inttypes.h>

int split_count(int64_t *count, double value, int64_t n, const char *key, const char *things,
                struct error *err)
{
    if (value >= 1 && value > (double)n)
        return error_set(err, PT_ECONFIG, "%s: %.0f %s asked for, but there are only %" PRId64, key, value,
                         things, n);
    if (!(value >= 0) || (value >= 1 && value != (double)(int64_t)value))
        return error_set(err, PT_ECONFIG, "%s: %g is neither a share (0 to 1) nor a whole number of %s", key,
                         value, things);
    *count = value >= 1 ? (int64_t)value : (int64_t)(value * (double)n + 0.5);
    if (value > 0 && *count == 0)
        return error_set(err, PT_ECONFIG,
                         "%s: a share of %g of %" PRId64 " %s is less than one; give a larger share, "
                         "a count, or 0 for none",
                         key, value, n, things);
    return 0;
}

/* ---- whole rows ---- */

enum fate { ROW_TRAIN, ROW_VALID, ROW_TEST };

struct row {
    uint8_t fate;
    uint32_t seen;      /* ratings met so far that take part */
    int64_t count, out; /* ratings that take part, and how many of them have to be held out */
};

/* The rows and columns of a split: users and items, or the other way round. */
struct sides {
    const int32_t *row, *column; /* (ratings) borrowed */
    int64_t rows, columns;
};

static struct sides sides_of(const struct ratings *r, const struct split_spec *spec)
{
    int64_t users = idtable_count(r->users), items = idtable_count(r->items);

    if (spec->kind == SPLIT_ROWS && spec->side == 0)
        return (struct sides){r->item, r->user, items, users};
    return (struct sides){r->user, r->item, users, items};
}

static int choose_rows(struct split *s, struct row *row, const struct sides *x, const struct split_spec *spec,
                       struct error *err)
{
    const char *things = spec->kind == SPLIT_ROWS ? "rows" : "users";
    struct rng_stream stream = rng_stream(spec->seed, RNG_SPLIT, SPLIT_ROW_ORDER, 0);
    mem_scoped int64_t *order = NULL;

    TRY(split_count(&s->test_rows, spec->test_users, x->rows, "split.test_users", things, err));
    TRY(split_count(&s->valid_rows, spec->valid_users, x->rows, "split.valid_users", things, err));
    if (s->test_rows + s->valid_rows >= x->rows)
        return error_set(err, PT_ECONFIG,
                         "split.test_users, split.valid_users: holding out %" PRId64 " and %" PRId64
                         " of %" PRId64 " %s leaves none to train on; give smaller numbers",
                         s->test_rows, s->valid_rows, x->rows, things);
    order = mem_alloc(x->rows, sizeof *order);
    TRY(need_memory(order, err));
    rng_permutation(&stream, x->rows, order);
    for (int64_t i = 0; i < s->test_rows; i++) /* test first: its users do not depend on valid_users */
        row[order[i]].fate = ROW_TEST;
    for (int64_t i = s->test_rows; i < s->test_rows + s->valid_rows; i++)
        row[order[i]].fate = ROW_VALID;
    return 0;
}

/* How many ratings of a row with `count` are held out; Liang et al.: int(0.2 n), if n >= 5. The small
 * number is for shares that have no exact binary form: 5 * (1 - .8) has to give 1. */
static int64_t held_out(int64_t count, const struct split_spec *spec)
{
    if (spec->fold_in >= 1 || count < spec->min_fold_in)
        return 0;
    return (int64_t)((1.0 - spec->fold_in) * (double)count + 1e-9);
}

/* Bits of a rating of a held-out row. Which of the row's ratings are held out is drawn one after the
 * other, with a chance of (still to hold out) / (still to come): exactly row->out of them. */
static uint8_t draw_part(struct row *row, int64_t number, const struct split_spec *spec)
{
    uint8_t in = row->fate == ROW_VALID ? PART_VALID_IN : PART_TEST_IN;
    uint8_t out = row->fate == ROW_VALID ? PART_VALID_OUT : PART_TEST_OUT;
    uint32_t word, left = (uint32_t)(row->count - row->seen);

    if (spec->fold_in >= 1)
        return in | out;
    word = rng_philox(spec->seed, RNG_SPLIT, SPLIT_FOLD_IN, (uint32_t)number, row->seen++).word[0];
    if ((int64_t)rng_below(word, left) >= row->out)
        return in;
    row->out--;
    return out;
}

/* A held-out rating in a column without training ratings takes no part, and does not count for
 * min_fold_in and fold_in either, as in Liang et al., whose item vocabulary is that of training. */
static void draw_parts(struct split *s, struct row *row, uint8_t *trained, const struct sides *x,
                       const struct split_spec *spec)
{
    for (int64_t j = 0; j < s->n; j++) {
        if (row[x->row[j]].fate == ROW_TRAIN) {
            s->part[j] = PART_TRAIN;
            trained[x->column[j]] = 1;
        }
    }
    for (int64_t j = 0; j < s->n; j++)
        row[x->row[j]].count += trained[x->column[j]];
    for (int64_t i = 0; i < x->rows; i++)
        row[i].out = held_out(row[i].count, spec);
    for (int64_t j = 0; j < s->n; j++) {
        if (row[x->row[j]].fate != ROW_TRAIN && trained[x->column[j]])
            s->part[j] = draw_part(&row[x->row[j]], x->row[j], spec);
    }
}

static int hold_out_rows(struct split *s, const struct ratings *r, const struct split_spec *spec,
                         struct error *err)
{
    struct sides x = sides_of(r, spec);
    mem_scoped struct row *row = mem_zalloc(x.rows, sizeof *row);
    mem_scoped uint8_t *trained = mem_zalloc(x.columns, sizeof *trained);

    s->rows = true;
    TRY(need_memory(row && trained, err));
    TRY(choose_rows(s, row, &x, spec, err));
    draw_parts(s, row, trained, &x, spec);
    return 0;
}

static int take_given_rows(struct split *s, const struct ratings *r, struct error *err)
{
    static const uint8_t part_of[] = {
        /* the others take no part */
        [GIVEN_TRAIN] = PART_TRAIN,     [GIVEN_VALID_IN] = PART_VALID_IN, [GIVEN_VALID_OUT] = PART_VALID_OUT,
        [GIVEN_TEST_IN] = PART_TEST_IN, [GIVEN_TEST_OUT] = PART_TEST_OUT,
    };
    int64_t users = idtable_count(r->users), items = idtable_count(r->items);
    mem_scoped uint8_t *seen = mem_zalloc(users, 1); /* all bits of the user */
    mem_scoped uint8_t *trained = mem_zalloc(items, 1);

    s->rows = true;
    TRY(need_memory(seen && trained, err));
    for (int64_t j = 0; j < r->n; j++)
        trained[r->item[j]] |= r->given[j] == GIVEN_TRAIN;
    for (int64_t j = 0; j < r->n; j++) {
        uint8_t part = r->given[j] <= GIVEN_TEST_OUT ? part_of[r->given[j]] : 0;

        seen[r->user[j]] |= part;
        s->part[j] = trained[r->item[j]] ? part : 0;
    }
    for (int64_t u = 0; u < users; u++) {
        bool train = seen[u] & PART_TRAIN, valid = seen[u] & (PART_VALID_IN | PART_VALID_OUT),
             test = seen[u] & (PART_TEST_IN | PART_TEST_OUT);

        if (train + valid + test > 1)
            return error_set(
                err, PT_EDATA,
                "data.path: user %s is in more than one of training, validation and test; a split by "
                "users has each in one",
                idtable_name(r->users, u));
        s->valid_rows += valid;
        s->test_rows += test;
    }
    return 0;
}

/* ---- all kinds ---- */

static void tally(struct split *s)
{
    s->train = s->valid = s->test = 0;
    for (int64_t j = 0; j < s->n; j++) {
        s->train += (s->part[j] & PART_TRAIN) != 0;
        s->valid += (s->part[j] & PART_VALID_OUT) != 0;
        s->test += (s->part[j] & PART_TEST_OUT) != 0;
    }
}

static int fill(struct split *s, const struct ratings *r, const struct split_spec *spec, struct error *err)
{
    if (r->finished)
        return take_given_rows(s, r, err);
    switch (spec->kind) {
    case SPLIT_RANDOM:
        return split_cells_random(s, r, spec, err);
    case SPLIT_GIVEN:
        return split_cells_given(s, r, spec, err);
    case SPLIT_USERS:
    case SPLIT_ROWS:
        return hold_out_rows(s, r, spec, err);
    case SPLIT_PER_USER:
    case SPLIT_LAST:
        return split_cells_within(s, r, spec, err);
    case SPLIT_TIME:
        return split_cells_time(s, r, spec, err);
    case SPLIT_KFOLD:
        return split_cells_kfold(s, r, spec, err);
    }
    return error_set(err, PT_ECONFIG, "split.kind: there is no kind number %d", (int)spec->kind);
}

int split_make(struct split **out, const struct ratings *r, const struct split_spec *spec, struct error *err)
{
    scoped(split_free) struct split *s = mem_zalloc(1, sizeof *s);

    if (s)
        *s = (struct split){.n = r->n, .part = mem_zalloc(r->n, 1)};
    TRY(need_memory(s && s->part, err));
    if (r->n == 0)
        return error_set(err, PT_EDATA,
                         "data.path: there are no ratings to split; look at the filters data.min_*");
    TRY(fill(s, r, spec, err));
    tally(s);
    if (s->train == 0)
        return error_set(err, PT_EDATA,
                         "split: of %" PRId64
                         " ratings none is left to train on; hold out fewer (split.test and "
                         "split.valid, split.test_users and split.valid_users, or a later split.time_cut)",
                         r->n);
    *out = handed_on(s);
    return 0;
}

void split_refit(struct split *s)
{
    for (int64_t j = 0; j < s->n; j++) {
        if (s->rows && s->part[j] & (PART_VALID_IN | PART_VALID_OUT))
            s->part[j] = PART_TRAIN;
        else if (s->part[j] & PART_VALID_OUT)
            s->part[j] = CELL_TRAIN;
    }
    s->valid_rows = 0;
    tally(s);
}

void split_shorten(struct split *s, int64_t n)
{
    s->n = n;
    tally(s);
}

void split_free(struct split *s)
{
    if (!s)
        return;
    mem_free(s->part);
    mem_free(s);
}
