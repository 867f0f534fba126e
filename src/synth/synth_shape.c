#include "synth/synth_shape.h"

#include "base/mem.h"
#include "synth/synth_math.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Quantiles of the published sets. Only their form counts: synth_shape_spread fits the sum. */
static const struct curve users_100k = {{0, .1, .25, .5, .75, .9, .95, .99, .999, 1},
                                        {20, 23, 33, 65, 148, 245, 311, 448, 685, 737}};
static const struct curve items_100k = {{0, .1, .25, .5, .75, .9, .95, .99, .999, 1},
                                        {1, 2, 6, 27, 80, 169, 230, 378, 509, 583}};
static const struct curve users_1m = {{0, .1, .25, .5, .75, .9, .95, .99, .999, 1},
                                      {20, 27, 44, 96, 208, 400, 556, 909, 1344, 2314}};
static const struct curve items_1m = {{0, .1, .25, .5, .75, .9, .95, .99, .999, 1},
                                      {1, 7, 33, 124, 350, 730, 1052, 1785, 2883, 3428}};
static const struct curve users_20m = {{0, .1, .25, .5, .75, .9, .95, .99, .999, 1},
                                       {20, 24, 35, 68, 155, 334, 520, 1114, 2400, 9254}};
static const struct curve items_20m = {{0, .1, .25, .5, .75, .9, .95, .99, .999, 1},
                                       {1, 1, 3, 18, 205, 1306, 3612, 14387, 40000, 67310}};

static const struct {
    const char *name;
    struct synth_shape shape;
} known[] = {
    {"ml-100k", {943, 1682, 100000, 20, &users_100k, &items_100k, false}},
    {"ml-1m", {6040, 3706, 1000209, 20, &users_1m, &items_1m, false}},
    {"ml-20m", {138493, 26744, 20000263, 20, &users_20m, &items_20m, true}},
    {"small", {200, 120, 4000, 5, &users_1m, &items_1m, false}},
};

const char *synth_names(void)
{
    return "ml-100k, ml-1m, ml-20m, small, or USERSxITEMSxRATINGS such as 1000x500x40000";
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* "UxIxR": three plain numbers. */
static bool parse_sizes(const char *text, int64_t size[3])
{
    for (int i = 0; i < 3; i++) {
        char *end;
        long long value;

        if (*text < '0' || *text > '9')
            return false;
        errno = 0;
        value = strtoll(text, &end, 10);
        if (errno || *end != (i < 2 ? 'x' : '\0'))
            return false;
        size[i] = value;
        text = end + 1;
    }
    return true;
}

int synth_shape_find(struct synth_shape *out, const char *name, struct error *err)
{
    int64_t size[3], users, items, ratings;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!strcmp(name, known[i].name)) {
            *out = known[i].shape;
            return 0;
        }
    }
    if (!parse_sizes(name, size))
        return error_set(err, PT_ECONFIG, "data.path: no synthetic set is called '%.100s'; there are %s",
                         name, synth_names());
    users = size[0], items = size[1], ratings = size[2];
    if (users < 1 || items < 1 || users > INT32_MAX || items > INT32_MAX)
        return error_set(err, PT_ECONFIG, "data.path: synth:%.100s: users and items must be between 1 and %d",
                         name, INT32_MAX);
    if (ratings < users || ratings < items || ratings > users * items)
        return error_set(err, PT_ECONFIG,
                         "data.path: synth:%.100s: %" PRId64
                         " ratings; every user and item needs one and each pair "
                         "has at most one, so between %" PRId64 " and %" PRId64,
                         name, ratings, users > items ? users : items, users * items);
    *out = (struct synth_shape){.users = users,
                                .items = items,
                                .ratings = ratings,
                                .min_user = min64(20, min64(items, 1 + ratings / users / 4)),
                                .user_curve = &users_1m,
                                .item_curve = &items_1m};
    if (out->min_user * users > ratings)
        out->min_user = 1;
    return 0;
}

/* The curve at the middle of row j of n. */
static double curve_at(const struct curve *c, int64_t j, int64_t n)
{
    double p = ((double)j + 0.5) / (double)n, t;
    int i = 1;

    while (i < CURVE_KNOTS - 1 && p > c->at[i])
        i++;
    t = (p - c->at[i - 1]) / (c->at[i] - c->at[i - 1]);
    return c->value[i - 1] * synth_exp(t * synth_log(c->value[i] / c->value[i - 1]));
}

/* count[0..n) = low + scale * above[], kept in [low, high] and rounded down; their sum. */
static int64_t fill(const double *above, int64_t n, double scale, int64_t low, int64_t high, int64_t *count)
{
    int64_t sum = 0;

    for (int64_t j = 0; j < n; j++) {
        double value = (double)low + scale * above[j];

        count[j] = value < (double)high ? (int64_t)value : high;
        sum += count[j];
    }
    return sum;
}

int synth_shape_spread(const struct curve *curve, int64_t n, int64_t total, int64_t low, int64_t high,
                       int64_t *count)
{
    double *above = mem_alloc(n, sizeof *above), left = 0, right = 1e4 * (double)high;
    int64_t missing;

    if (!above)
        return -1;
    /* The smallest value of the curve stands for `low`; the little that is added lets every row grow
     * where `total` asks for it. */
    for (int64_t j = 0; j < n; j++)
        above[j] = curve_at(curve, j, n) - 0.999 * curve->value[0];
    for (int i = 0; i < 80; i++) { /* the sum grows with the scale; at `left` it is at most total */
        double scale = 0.5 * (left + right);

        if (fill(above, n, scale, low, high, count) <= total)
            left = scale;
        else
            right = scale;
    }
    missing = total - fill(above, n, left, low, high, count);
    for (int64_t j = n - 1; missing > 0; j = j ? j - 1 : n - 1) {
        if (count[j] < high) {
            count[j]++;
            missing--;
        }
    }
    mem_free(above);
    return 0;
}
