/* split_make.c - dispatches on split.kind and counts the parts. */
#include "data/split_parts.h"

#include "base/mem.h"

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
        return split_rows_given(s, r, err);
    switch (spec->kind) {
    case SPLIT_RANDOM:
        return split_cells_random(s, r, spec, err);
    case SPLIT_GIVEN:
        return split_cells_given(s, r, spec, err);
    case SPLIT_USERS:
    case SPLIT_ROWS:
        return split_rows_drawn(s, r, spec, err);
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
    struct split *s = mem_zalloc(1, sizeof *s);
    int rc = 0;

    if (s)
        s->part = mem_zalloc(r->n, sizeof *s->part);
    if (!s || !s->part) {
        rc = error_set(err, PT_ENOMEM, "no memory for the split of %" PRId64 " ratings", r->n);
        goto fail;
    }
    s->n = r->n;
    if (r->n == 0) {
        rc = error_set(err, PT_EDATA,
                       "data.path: there are no ratings to split; look at the filters data.min_*");
        goto fail;
    }
    rc = fill(s, r, spec, err);
    if (rc < 0)
        goto fail;
    tally(s);
    if (s->train == 0) {
        rc = error_set(err, PT_EDATA,
                       "split: of %" PRId64
                       " ratings none is left to train on; hold out fewer (split.test and "
                       "split.valid, split.test_users and split.valid_users, or a later split.time_cut)",
                       r->n);
        goto fail;
    }
    *out = s;
    return 0;
fail:
    split_free(s);
    return rc;
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

void split_free(struct split *s)
{
    if (!s)
        return;
    mem_free(s->part);
    mem_free(s);
}
