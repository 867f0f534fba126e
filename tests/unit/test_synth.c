#include "support.h"

#include "base/mem.h"
#include "base/rng.h"
#include "synth/synth.h"
#include "synth/synth_math.h"
#include "synth/synth_world.h"

#include <stdio.h>

static struct ratings *made(const char *name, uint64_t seed)
{
    struct ratings *r = NULL;
    struct error err = {0};

    if (synth_make(&r, name, seed, &err) < 0)
        fail_msg("%s: %s", name, err.text);
    return r;
}

/* FNV-1a over numbers rather than bytes in memory, the same on every machine. */
static uint64_t fnv(uint64_t h, uint64_t x)
{
    for (int k = 0; k < 8; k++)
        h = (h ^ (x >> 8 * k & 255)) * 0x100000001b3u;
    return h;
}

static uint64_t digest(const struct ratings *r)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (int64_t j = 0; j < r->n; j++) {
        h = fnv(h, strtoull(idtable_name(r->users, r->user[j]), NULL, 10));
        h = fnv(h, strtoull(idtable_name(r->items, r->item[j]), NULL, 10));
        h = fnv(h, (uint64_t)(r->value[j] * 2));
    }
    return fnv(h, (uint64_t)(r->noise_floor * 1e12));
}

/* The counts are those of the name, all rows have a rating, no pair two, and values lie on the scale. */
static void check_set(const struct ratings *r, int64_t users, int64_t items, int64_t n, int64_t min_user)
{
    uint8_t *pair = mem_zalloc(users * items, 1);
    int64_t *user = mem_zalloc(users, sizeof *user), *item = mem_zalloc(items, sizeof *item), next = 0;
    float low = INFINITY, high = -INFINITY;

    assert_true(pair && user && item);
    assert_int_equal(r->n, n);
    assert_int_equal(idtable_count(r->users), users);
    assert_int_equal(idtable_count(r->items), items);
    assert_null(r->time);
    assert_null(r->given);
    for (int64_t j = 0; j < n; j++) {
        assert_in_range(r->user[j], 0, users - 1);
        assert_in_range(r->item[j], 0, items - 1);
        assert_int_equal(pair[r->user[j] * items + r->item[j]]++, 0);
        user[r->user[j]]++;
        item[r->item[j]]++;
        next += r->item[j] == next; /* rows are numbered by first appearance */
        assert_true(r->item[j] < next);
        assert_true(r->value[j] >= 1 && r->value[j] <= 5 && r->value[j] == floorf(r->value[j]));
        low = fminf(low, r->value[j]);
        high = fmaxf(high, r->value[j]);
    }
    for (int64_t u = 0; u < users; u++) {
        assert_true(user[u] >= min_user);
        assert_int_equal(strtoll(idtable_name(r->users, u), NULL, 10), u + 1);
    }
    for (int64_t i = 0; i < items; i++) {
        char title[32];

        assert_true(item[i] >= 1);
        sprintf(title, "Film %s", idtable_name(r->items, i));
        assert_string_equal(r->title[i], title);
    }
    assert_true(r->low == low && r->high == high);
    mem_free(pair);
    mem_free(user);
    mem_free(item);
}

static void named_sets_have_their_published_shape(void **state)
{
    const struct {
        const char *name;
        int64_t users, items, ratings, min_user;
    } cases[] = {
        {"small", 200, 120, 4000, 5}, {"ml-100k", 943, 1682, 100000, 20}, {"ml-1m", 6040, 3706, 1000209, 20}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ratings *r = made(cases[i].name, 1);

        check_set(r, cases[i].users, cases[i].items, cases[i].ratings, cases[i].min_user);
        ratings_free(r);
    }
}

static void any_possible_size_is_met(void **state)
{
    static const int64_t size[][3] = {{1, 1, 1},        {5, 7, 35},     {35, 1, 35},     {1, 40, 40},
                                      {10, 1000, 1000}, {900, 10, 900}, {300, 20, 5999}, {20, 300, 3000},
                                      {7, 3, 8},        {50, 60, 70},   {64, 64, 2048},  {300, 2000, 9000},
                                      {2, 2, 3},        {3, 500, 501}};

    (void)state;
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        char name[80];

        sprintf(name, "%dx%dx%d", (int)size[i][0], (int)size[i][1], (int)size[i][2]);
        for (uint64_t seed = 0; seed < 3; seed++) {
            struct ratings *r = made(name, seed);

            check_set(r, size[i][0], size[i][1], size[i][2], 1);
            ratings_free(r);
        }
    }
}

static void names_that_cannot_be_are_refused(void **state)
{
    const char *const bad[] = {"",
                               "ml-2m",
                               "ML-1M",
                               "10x10",
                               "10x10x",
                               "10x10x5x5",
                               "10x10x101",
                               "10x10x9",
                               "0x10x10",
                               "-3x10x10",
                               "10 x10x50",
                               "10x10x50 ",
                               "1e3x10x100",
                               "10X10X50",
                               "3000000000x10x3000000000",
                               "99999999999999999999x1x1",
                               "small/",
                               "4x5x0"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ratings *r = NULL;
        struct error err = {0};

        assert_int_equal(synth_make(&r, bad[i], 1, &err), PT_ECONFIG);
        assert_null(r);
        assert_non_null(strstr(err.text, "data.path: "));
    }
}

static void a_seed_gives_one_set_everywhere(void **state)
{
    static const struct {
        const char *name;
        uint64_t seed, digest;
    } golden[] = {{"small", 1, 0x909d877f40df1631},
                  {"small", 2, 0x360343fc3308f6c2},
                  {"ml-100k", 1, 0x87eea3d93a96ba26},
                  {"60x50x2000", 1, 0xc134b38f6cfcf1da}};

    (void)state;
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        struct ratings *r = made(golden[i].name, golden[i].seed);

        if (digest(r) != golden[i].digest)
            fail_msg("%s, seed %d: 0x%016llx", golden[i].name, (int)golden[i].seed,
                     (unsigned long long)digest(r));
        ratings_free(r);
    }
}

static void expected_stars_are_the_mean_of_those_given(void **state)
{
    const double scale[2] = {1, .5};
    struct rng_stream s = rng_stream(7, RNG_TEST, 0, 0);

    (void)state;
    for (int k = 0; k < 2; k++) {
        struct synth_stars stars;

        synth_stars_init(&stars, scale[k], scale[k]);
        for (double truth = scale[k]; truth <= 5; truth += .35) {
            double sum = 0;

            for (int i = 0; i < 100000; i++) {
                uint32_t a = rng_next(&s), b = rng_next(&s), c = rng_next(&s);
                double value = synth_stars_give(&stars, truth, a, b, c);

                assert_true(value >= scale[k] && value <= 5 && fmod(value, scale[k]) == 0);
                sum += value;
            }
            assert_close(synth_stars_expected(&stars, truth), sum / 100000, 0,
                         0.013); /* 4.5 standard errors */
        }
    }
}

static void noise_floor_is_the_error_of_the_planted_model(void **state)
{
    struct ratings *r = made("ml-100k", 3);
    struct synth_shape shape;
    struct synth_world *w = NULL;
    struct synth_stars stars;
    double squares = 0, worse = 0;

    (void)state;
    synth_stars_init(&stars, 1, 1);
    assert_int_equal(synth_shape_find(&shape, "ml-100k", NULL), 0);
    assert_int_equal(synth_world_new(&w, &shape, 3, NULL), 0);
    for (int64_t j = 0; j < r->n; j++) {
        int64_t item = strtoll(idtable_name(r->items, r->item[j]), NULL, 10) - 1;
        double truth = synth_truth(w, r->user[j], item), expected = synth_stars_expected(&stars, truth);

        squares += (r->value[j] - expected) * (r->value[j] - expected);
        worse += (r->value[j] - truth) * (r->value[j] - truth);
    }
    assert_close(r->noise_floor, sqrt(squares / (double)r->n), 1e-9, 0);
    assert_close(r->noise_floor, 0.8, 0, 0.05);
    assert_true(worse > squares);
    synth_world_free(w);
    ratings_free(r);
}

/* RMSE of mean + user + item biases, fitted on all ratings by alternating means. */
static double bias_rmse(const struct ratings *r)
{
    int64_t users = idtable_count(r->users), items = idtable_count(r->items);
    double *b[2] = {mem_zalloc(users, sizeof(double)), mem_zalloc(items, sizeof(double))}, squares = 0;
    double *sum = mem_alloc(users + items, sizeof *sum), *count = mem_alloc(users + items, sizeof *count);
    const int32_t *row[2] = {r->user, r->item};
    int64_t rows[2] = {users, items};

    assert_true(b[0] && b[1] && sum && count);
    for (int round = 0; round < 20; round++) {
        int side = round % 2;

        memset(sum, 0, (size_t)rows[side] * sizeof *sum);
        memset(count, 0, (size_t)rows[side] * sizeof *count);
        for (int64_t j = 0; j < r->n; j++) {
            sum[row[side][j]] += r->value[j] - b[!side][row[!side][j]];
            count[row[side][j]]++;
        }
        for (int64_t i = 0; i < rows[side]; i++)
            b[side][i] = sum[i] / count[i];
    }
    for (int64_t j = 0; j < r->n; j++)
        squares += pow(r->value[j] - b[0][r->user[j]] - b[1][r->item[j]], 2);
    mem_free(b[0]);
    mem_free(b[1]);
    mem_free(sum);
    mem_free(count);
    return sqrt(squares / (double)r->n);
}

static void ratings_hold_more_than_biases(void **state)
{
    struct ratings *r = made("ml-1m", 1);

    (void)state;
    assert_true(bias_rmse(r) > r->noise_floor + 0.05);
    ratings_free(r);
}

/* Hides the last fifth of each user's liked items and counts how many of them stand among the 20 best by
 * `score` of those that the user was not shown. */
struct likes {
    int64_t users, items, *start; /* (users + 1) */
    int32_t *item;
};

static struct likes liked(const struct ratings *r)
{
    struct likes x = {idtable_count(r->users), idtable_count(r->items), NULL, NULL};
    int64_t n = 0;

    x.start = mem_zalloc(x.users + 1, sizeof *x.start);
    x.item = mem_alloc(r->n, sizeof *x.item);
    assert_true(x.start && x.item);
    for (int64_t j = 0; j < r->n; j++) { /* the ratings of a user stand together */
        if (r->value[j] >= 3.5f)
            x.item[n++] = r->item[j];
        x.start[r->user[j] + 1] = n;
    }
    return x;
}

static int64_t shown(const struct likes *x, int64_t u)
{
    return x->start[u + 1] - (x->start[u + 1] - x->start[u]) / 5;
}

static double recall20(const struct likes *x, const float *pairs, const double *popularity)
{
    double *score = mem_alloc(x->items, sizeof *score), sum = 0;
    int64_t n = 0;

    for (int64_t u = 0; u < x->users; u++) {
        int64_t end = shown(x, u), hidden = x->start[u + 1] - end, hits = 0;

        if (hidden == 0)
            continue;
        for (int64_t i = 0; i < x->items; i++) {
            score[i] = pairs ? 0 : popularity[i];
            for (int64_t k = x->start[u]; pairs && k < end; k++)
                score[i] += pairs[(int64_t)x->item[k] * x->items + i];
        }
        for (int64_t k = x->start[u]; k < end; k++)
            score[x->item[k]] = -1;
        for (int64_t k = end; k < x->start[u + 1]; k++) {
            int64_t better = 0;

            for (int64_t i = 0; i < x->items; i++)
                better += score[i] > score[x->item[k]];
            hits += better < 20;
        }
        sum += (double)hits / (double)(hidden < 20 ? hidden : 20);
        n++;
    }
    mem_free(score);
    return sum / (double)n;
}

static void what_was_rated_tells_more_than_popularity(void **state)
{
    struct ratings *r = made("ml-100k", 1);
    struct likes x = liked(r);
    float *pairs = mem_zalloc(x.items * x.items, sizeof *pairs);
    double *popularity = mem_zalloc(x.items, sizeof *popularity), by_popularity, by_neighbours;

    (void)state;
    assert_true(pairs && popularity);
    for (int64_t u = 0; u < x.users; u++) {
        for (int64_t k = x.start[u]; k < shown(&x, u); k++) {
            popularity[x.item[k]]++;
            for (int64_t l = x.start[u]; l < shown(&x, u); l++)
                pairs[(int64_t)x.item[k] * x.items + x.item[l]]++;
        }
    }
    for (int64_t i = 0; i < x.items * x.items; i++) /* cosine of the two items' users */
        pairs[i] /= (float)sqrt((popularity[i / x.items] + 1) * (popularity[i % x.items] + 1));
    by_popularity = recall20(&x, NULL, popularity);
    by_neighbours = recall20(&x, pairs, NULL);
    print_message("recall@20: popularity %.3f, neighbours %.3f\n", by_popularity, by_neighbours);
    assert_true(by_neighbours > 1.25 * by_popularity);
    mem_free(pairs);
    mem_free(popularity);
    mem_free(x.start);
    mem_free(x.item);
    ratings_free(r);
}

static int ascending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* What is compared with a real set. */
struct facts {
    double mean, share[6];          /* share[k]: of rating k */
    double gini[2], quantile[2][7]; /* users, items */
};

static const double at[7] = {.05, .1, .25, .5, .75, .9, .99};

static struct facts facts_of(int64_t users, int64_t items, int64_t n, const int32_t *user,
                             const int32_t *item, const float *value)
{
    struct facts f = {0};

    for (int64_t j = 0; j < n; j++) {
        f.mean += value[j] / (double)n;
        f.share[(int)value[j]] += 1.0 / (double)n;
    }
    for (int side = 0; side < 2; side++) {
        int64_t rows = side ? items : users, *count = mem_zalloc(rows, sizeof *count);

        assert_non_null(count);
        for (int64_t j = 0; j < n; j++)
            count[side ? item[j] : user[j]]++;
        qsort(count, (size_t)rows, sizeof *count, ascending);
        for (int64_t i = 0; i < rows; i++)
            f.gini[side] += (double)(2 * i - rows + 1) * (double)count[i] / ((double)rows * (double)n);
        for (int k = 0; k < 7; k++)
            f.quantile[side][k] = (double)count[(int64_t)(at[k] * (double)rows)];
        mem_free(count);
    }
    return f;
}

/* The published files, read by a few lines of our own. */
static struct facts facts_of_file(const char *name, const char *format, int64_t users, int64_t items,
                                  int64_t n)
{
    char path[4096], line[256];
    int32_t *user = mem_alloc(n, sizeof *user), *item = mem_alloc(n, sizeof *item);
    int32_t *row = mem_zalloc(100000, sizeof *row), rows = 0;
    float *value = mem_alloc(n, sizeof *value);
    struct facts f;
    int64_t j = 0;
    FILE *file;

    assert_true(user && item && row && value);
    snprintf(path, sizeof path, "%s/%s", support_data(), name);
    file = fopen(path, "r");
    assert_non_null(file);
    for (int id, u, v; j < n && fgets(line, sizeof line, file); j++) {
        assert_int_equal(sscanf(line, format, &u, &id, &v), 3);
        assert_in_range(id, 1, 99999);
        if (!row[id])
            row[id] = ++rows;
        user[j] = u - 1;
        item[j] = row[id] - 1;
        value[j] = (float)v;
    }
    fclose(file);
    assert_int_equal(j, n);
    assert_int_equal(rows, items);
    f = facts_of(users, items, n, user, item, value);
    mem_free(user);
    mem_free(item);
    mem_free(row);
    mem_free(value);
    return f;
}

static void skew_and_histogram_are_those_of_the_real_sets(void **state)
{
    const struct {
        const char *name, *file, *format;
        int64_t users, items, ratings;
    } cases[] = {{"ml-100k", "ml-100k/u.data", "%d %d %d", 943, 1682, 100000},
                 {"ml-1m", "ml-1m/ratings.dat", "%d::%d::%d", 6040, 3706, 1000209}};

    (void)state;
    skip_without_data();
    for (size_t c = 0; c < 2; c++) {
        struct ratings *r = made(cases[c].name, 1);
        struct facts ours = facts_of(cases[c].users, cases[c].items, r->n, r->user, r->item, r->value);
        struct facts real =
            facts_of_file(cases[c].file, cases[c].format, cases[c].users, cases[c].items, cases[c].ratings);

        assert_close(ours.mean, real.mean, 0, 0.06);
        for (int k = 1; k <= 5; k++)
            assert_close(ours.share[k], real.share[k], 0, 0.04);
        for (int side = 0; side < 2; side++) {
            assert_close(ours.gini[side], real.gini[side], 0, 0.025);
            for (int k = 0; k < 7; k++)
                assert_close(ours.quantile[side][k], real.quantile[side][k], 0.08, 2);
        }
        ratings_free(r);
    }
}

static void spread_meets_sum_and_bounds(void **state)
{
    static const struct curve curve = {{20, 27, 44, 96, 208, 400, 556, 909, 1344, 2314}};
    struct rng_stream s = rng_stream(5, RNG_TEST, 0, 0);
    int64_t count[300];

    (void)state;
    for (int c = 0; c < 500; c++) {
        int64_t n = 1 + (int64_t)rng_next_below(&s, 300), low = (int64_t)rng_next_below(&s, 30);
        int64_t high = low + (int64_t)rng_next_below(&s, 1000), sum = 0;
        int64_t total = c % 10 == 0 ? low * n
                        : c % 10 == 1
                            ? high * n
                            : low * n + (int64_t)rng_next_below(&s, (uint64_t)((high - low) * n + 1));

        assert_int_equal(synth_shape_spread(&curve, n, total, low, high, count, NULL), 0);
        for (int64_t j = 0; j < n; j++) {
            assert_true(count[j] >= low && count[j] <= high);
            assert_true(j == 0 || count[j] >= count[j - 1]);
            sum += count[j];
        }
        assert_int_equal(sum, total);
    }
}

static void own_functions_agree_with_the_library(void **state)
{
    struct rng_stream s = rng_stream(6, RNG_TEST, 0, 0);
    double sum = 0, squares = 0, fourth = 0;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        double x = (rng_next_unit(&s) - 0.5) * 1200, y = exp(x / 2);

        assert_close(synth_exp(x), exp(x), 1e-14, 0);
        assert_close(synth_log(y), log(y), 1e-14, 1e-15);
    }
    assert_true(synth_exp(0) == 1 && synth_log(1) == 0);
    for (int i = 0; i < 200000; i++) {
        uint32_t a = rng_next(&s), b = rng_next(&s), c = rng_next(&s);
        double x = synth_normal(a, b, c);

        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
    }
    assert_close(sum / 200000, 0, 0, 0.01);
    assert_close(squares / 200000, 1, 0, 0.015);
    assert_close(fourth / 200000, 3, 0, 0.15);
}

static void times_go_on_within_a_user(void **state)
{
    struct ratings *r = made("small", 1), *other = made("small", 1);
    bool differ = false;

    (void)state;
    assert_int_equal(synth_add_times(r, 1, NULL), 0);
    assert_int_equal(synth_add_times(other, 2, NULL), 0);
    for (int64_t j = 0; j < r->n; j++) {
        assert_true(r->time[j] >= 946684800 && r->time[j] < 2000000000);
        assert_true(j == 0 || r->user[j] != r->user[j - 1] || r->time[j] >= r->time[j - 1]);
        differ |= r->time[j] != other->time[j];
    }
    assert_true(differ);
    ratings_free(r);
    ratings_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(named_sets_have_their_published_shape),
        cmocka_unit_test(any_possible_size_is_met),
        cmocka_unit_test(names_that_cannot_be_are_refused),
        cmocka_unit_test(a_seed_gives_one_set_everywhere),
        cmocka_unit_test(expected_stars_are_the_mean_of_those_given),
        cmocka_unit_test(noise_floor_is_the_error_of_the_planted_model),
        cmocka_unit_test(ratings_hold_more_than_biases),
        cmocka_unit_test(what_was_rated_tells_more_than_popularity),
        cmocka_unit_test(spread_meets_sum_and_bounds),
        cmocka_unit_test(own_functions_agree_with_the_library),
        cmocka_unit_test(times_go_on_within_a_user),
        cmocka_unit_test(skew_and_histogram_are_those_of_the_real_sets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
