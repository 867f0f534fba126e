#include "synth/synth_world.h"

#include "base/rng.h"
#include "synth/synth_math.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Chosen so that mean, histogram and skew come out as in the MovieLens sets; see tests/unit/test_synth.c. */
static const double MEAN = 3.28;
static const double USER_BIAS = 0.44, ITEM_BIAS = 0.50; /* standard deviations */
static const double ITEM_BIAS_SLOPE = 0.20;             /* popular items are liked better: per e-fold */
static const double LIKING = 0.46;
static const double TASTE = 1.3;

/* ---- how many ratings each user gives and each item gets ---- */

/* Quantiles of the published sets. Only their form counts: synth_shape_spread fits the sum. */
static const double quantile[CURVE_KNOTS] = {0, .1, .25, .5, .75, .9, .95, .99, .999, 1};
static const struct curve users_100k = {{20, 23, 33, 65, 148, 245, 311, 448, 685, 737}};
static const struct curve items_100k = {{1, 2, 6, 27, 80, 169, 230, 378, 509, 583}};
static const struct curve users_1m = {{20, 27, 44, 96, 208, 400, 556, 909, 1344, 2314}};
static const struct curve items_1m = {{1, 7, 33, 124, 350, 730, 1052, 1785, 2883, 3428}};
static const struct curve users_20m = {{20, 24, 35, 68, 155, 334, 520, 1114, 2400, 9254}};
static const struct curve items_20m = {{1, 1, 3, 18, 205, 1306, 3612, 14387, 40000, 67310}};

static const struct {
    const char *name;
    struct synth_shape shape;
} known[] = {
    {"ml-100k", {943, 1682, 100000, 20, &users_100k, &items_100k, false}},
    {"ml-1m", {6040, 3706, 1000209, 20, &users_1m, &items_1m, false}},
    {"ml-20m", {138493, 26744, 20000263, 20, &users_20m, &items_20m, true}},
    {"small", {200, 120, 4000, 5, &users_1m, &items_1m, false}},
};

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
    int64_t size[3], users, items, ratings, least;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!strcmp(name, known[i].name)) {
            *out = known[i].shape;
            return 0;
        }
    }
    if (!parse_sizes(name, size))
        return error_set(
            err, PT_ECONFIG,
            "data.path: no synthetic set is called '%.100s'; there are ml-100k, ml-1m, ml-20m, small, or "
            "USERSxITEMSxRATINGS such as 1000x500x40000",
            name);
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
    least = 1 + ratings / users / 4;
    least = least < 20 ? least : 20;
    *out = (struct synth_shape){.users = users,
                                .items = items,
                                .ratings = ratings,
                                .min_user = items < least ? items : least,
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

    while (i < CURVE_KNOTS - 1 && p > quantile[i])
        i++;
    t = (p - quantile[i - 1]) / (quantile[i] - quantile[i - 1]);
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
                       int64_t *count, struct error *err)
{
    mem_scoped double *above = mem_alloc(n, sizeof *above);
    double left = 0, right = 1e4 * (double)high;
    int64_t missing;

    TRY(need_memory(above, err));
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
    return 0;
}

/* ---- the planted model ---- */

static int16_t fixed(double x)
{
    x = x < -5.0 ? -5.0 : x > 5.0 ? 5.0 : x;
    return (int16_t)(x * (double)(1 << SYNTH_FACTOR_BITS));
}

static double normal(struct rng_stream *s)
{
    uint32_t a = rng_next(s), b = rng_next(s), c = rng_next(s);

    return synth_normal(a, b, c);
}

/* Standard deviations of an item's factors: falling, with squares that sum to 1. Users have 1. */
static void spectrum(double sd[SYNTH_RANK])
{
    double sum = 0;

    for (int k = 0; k < SYNTH_RANK; k++)
        sum += 1.0 / (1.0 + k);
    for (int k = 0; k < SYNTH_RANK; k++)
        sd[k] = sqrt(1.0 / (1.0 + k) / sum);
}

static void draw_users(struct synth_world *w)
{
    for (int64_t u = 0; u < w->shape.users; u++) {
        struct rng_stream s = rng_stream(w->seed, RNG_SYNTH, SYNTH_USERS, (uint32_t)u);

        for (int k = 0; k < SYNTH_RANK; k++)
            w->user_factor[u * SYNTH_LANES + k] = fixed(normal(&s));
        w->user_bias[u] = (float)(USER_BIAS * normal(&s));
    }
}

static void draw_items(struct synth_world *w)
{
    double sd[SYNTH_RANK];

    spectrum(sd);
    for (int64_t i = 0; i < w->shape.items; i++) {
        struct rng_stream s = rng_stream(w->seed, RNG_SYNTH, SYNTH_ITEMS, (uint32_t)i);

        for (int k = 0; k < SYNTH_RANK; k++)
            w->item_factor[i * SYNTH_LANES + k] = fixed(sd[k] * normal(&s));
        w->item_bias[i] = (float)(ITEM_BIAS * normal(&s));
    }
}

/* value[order[j]] = sorted[j] for a random order. */
static void scatter(struct synth_world *w, enum synth_stream what, int64_t n, const int64_t *sorted,
                    int64_t *order, int64_t *value)
{
    struct rng_stream s = rng_stream(w->seed, RNG_SYNTH, what, 0);

    rng_permutation(&s, n, order);
    for (int64_t j = 0; j < n; j++)
        value[order[j]] = sorted[j];
}

/* The bias grows with the number of ratings; centred so that MEAN keeps its meaning. */
static void lean_to_popular(struct synth_world *w, const int64_t *target)
{
    double mean = 0;

    for (int64_t i = 0; i < w->shape.items; i++)
        mean += synth_log((double)target[i]) * ((double)target[i] / (double)w->shape.ratings);
    for (int64_t i = 0; i < w->shape.items; i++)
        w->item_bias[i] += (float)(ITEM_BIAS_SLOPE * (synth_log((double)target[i]) - mean));
}

/* Popularity weights that make the expected counts meet `target`. Users draw without repetition, so
 * a popular item saturates: user u has item i with probability 1 - exp(-weight_i taste_ui t_u), t_u
 * such that the sum over i is the user's activity. A sample of users, even over activity (`order`
 * ascends with it), stands for all; weights and t are scaled in turn until both sums fit. */
enum { SAMPLE = 256, ROUNDS = 5 };

static void fit_popularity(struct synth_world *w, const int64_t *target, const int64_t *order,
                           double *expected)
{
    int64_t users = w->shape.users, items = w->shape.items;
    int sample = users < SAMPLE ? (int)users : SAMPLE;
    double t[SAMPLE], n[SAMPLE], share = (double)w->shape.ratings, total = 0;
    int64_t who[SAMPLE];

    for (int j = 0; j < sample; j++) {
        who[j] = order[(2 * j + 1) * users / (2 * sample)];
        n[j] = (double)w->activity[who[j]];
        t[j] = n[j] / share;
        total += n[j];
    }
    for (int64_t i = 0; i < items; i++) /* one rating of each is reserved, see synth.c */
        w->weight[i] = target[i] > 1 ? (double)(target[i] - 1) : 0.05;
    for (int round = 0; round < ROUNDS; round++) {
        for (int64_t i = 0; i < items; i++)
            expected[i] = 0;
        for (int j = 0; j < sample; j++) {
            double sum = 0;

            for (int64_t i = 0; i < items; i++) {
                double taste = w->taste[synth_taste_step(synth_affinity(w, who[j], i))];
                double p = 1.0 - synth_exp(-w->weight[i] * taste * t[j]);

                expected[i] += p;
                sum += p;
            }
            t[j] *= n[j] / sum;
        }
        for (int64_t i = 0; i < items; i++) {
            double want = target[i] > 1 ? (double)(target[i] - 1) : 0.05;
            double ratio = want / (expected[i] * share / total);

            w->weight[i] *= ratio < 0.25 ? 0.25 : ratio > 4.0 ? 4.0 : ratio;
        }
    }
}

/* Vose's alias method: columns with less than the mean are filled up by ones with more. `stack` holds
 * the small ones from its start and the large ones from its end. */
static void build_alias(struct synth_world *w, double *left, int64_t *stack)
{
    int64_t n = w->shape.items, small = 0, large = n;
    double sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += w->weight[i];
    for (int64_t i = 0; i < n; i++) {
        left[i] = w->weight[i] / sum * (double)n;
        w->alias[i] = (struct alias){UINT32_MAX, (int32_t)i};
        if (left[i] < 1.0)
            stack[small++] = i;
        else
            stack[--large] = i;
    }
    while (small > 0 && large < n) {
        int64_t a = stack[--small], b = stack[large];

        w->alias[a] = (struct alias){(uint32_t)(left[a] * 4294967296.0), (int32_t)b};
        left[b] -= 1.0 - left[a];
        if (left[b] < 1.0) {
            large++;
            stack[small++] = b;
        }
    }
}

static void fill_tables(struct synth_world *w)
{
    for (int i = 0; i < SYNTH_TASTE_STEPS; i++) {
        double below = TASTE * (double)(i + 1 - SYNTH_TASTE_STEPS) / 256.0;
        double share = synth_exp(below) * 4294967296.0;

        w->taste[i] = synth_exp(TASTE * ((double)i - 4.0 * 256.0) / 256.0);
        w->accept[i] = share >= 4294967295.0 ? UINT32_MAX : (uint32_t)share;
    }
}

double synth_truth(const struct synth_world *w, int64_t user, int64_t item)
{
    double s = (double)synth_affinity(w, user, item) / (double)(1 << 2 * SYNTH_FACTOR_BITS);
    double value = MEAN + (double)w->user_bias[user] + (double)w->item_bias[item] + LIKING * s;
    double low = w->shape.half_stars ? 0.5 : 1.0;

    return value < low ? low : value > 5.0 ? 5.0 : value;
}

/* Nobody rates more than three quarters of all items where that leaves room for all ratings. */
static int64_t most_active(const struct synth_shape *s)
{
    int64_t bound = s->items - s->items / 4;

    return s->ratings / s->users < bound ? bound : s->items;
}

int synth_world_new(struct synth_world **out, const struct synth_shape *shape, uint64_t seed,
                    struct error *err)
{
    int64_t users = shape->users, items = shape->items, most = users > items ? users : items;
    scoped(synth_world_free) struct synth_world *w = mem_zalloc(1, sizeof *w);
    scoped_value(mem_pool_free) struct mem_pool scratch = {0};
    int64_t *sorted = mem_pool_alloc(&scratch, most, sizeof *sorted);
    int64_t *order = mem_pool_alloc(&scratch, most, sizeof *order);
    int64_t *target = mem_pool_alloc(&scratch, items, sizeof *target);
    double *room = mem_pool_alloc(&scratch, items, sizeof *room);

    TRY(need_memory(w && !scratch.failed, err));
    w->shape = *shape;
    w->seed = seed;
    w->activity = mem_pool_alloc(&w->pool, users, sizeof *w->activity);
    w->user_factor = mem_pool_zalloc(&w->pool, users * SYNTH_LANES, sizeof *w->user_factor);
    w->item_factor = mem_pool_zalloc(&w->pool, items * SYNTH_LANES, sizeof *w->item_factor);
    w->user_bias = mem_pool_alloc(&w->pool, users, sizeof *w->user_bias);
    w->item_bias = mem_pool_alloc(&w->pool, items, sizeof *w->item_bias);
    w->weight = mem_pool_alloc(&w->pool, items, sizeof *w->weight);
    w->alias = mem_pool_alloc(&w->pool, items, sizeof *w->alias);
    TRY(need_memory(!w->pool.failed, err));
    fill_tables(w);
    draw_users(w);
    draw_items(w);
    TRY(synth_shape_spread(shape->item_curve, items, shape->ratings, 1, users, sorted, err));
    scatter(w, SYNTH_POPULARITY, items, sorted, order, target);
    lean_to_popular(w, target);
    TRY(synth_shape_spread(shape->user_curve, users, shape->ratings, shape->min_user, most_active(shape),
                           sorted, err));
    scatter(w, SYNTH_ACTIVITY, users, sorted, order, w->activity);
    fit_popularity(w, target, order, room);
    build_alias(w, room, sorted);
    *out = handed_on(w);
    return 0;
}

void synth_world_free(struct synth_world *w)
{
    if (w)
        mem_pool_free(&w->pool);
    mem_free(w);
}
