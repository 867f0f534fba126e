#include "support.h"

#include "base/mem.h"
#include "base/rng.h"
#include "data/split.h"

#include <stdio.h>

/* A random set: users of 1 to `items` ratings, the ratings in random order, many equal times. */
static struct ratings *toy(int64_t users, int64_t items, uint64_t seed)
{
    struct rng_stream s = rng_stream(seed, RNG_TEST, 0, 0);
    struct ratings *r = mem_zalloc(1, sizeof *r);
    int64_t *order = mem_alloc(users * items, sizeof *order);
    int64_t *quota = mem_alloc(users, sizeof *quota);

    assert_non_null(r);
    assert_non_null(order);
    assert_non_null(quota);
    r->user = mem_alloc(users * items, sizeof *r->user);
    r->item = mem_alloc(users * items, sizeof *r->item);
    r->time = mem_alloc(users * items, sizeof *r->time);
    r->users = idtable_new();
    r->items = idtable_new();
    assert_true(r->user && r->item && r->time && r->users && r->items);
    for (int64_t u = 0; u < users; u++)
        quota[u] = 1 + (int64_t)rng_next_below(&s, (uint64_t)items);
    rng_permutation(&s, users * items, order);
    for (int64_t k = 0; k < users * items; k++) {
        int64_t u = order[k] / items, i = order[k] % items;
        char name[24];

        if (quota[u]-- <= 0)
            continue;
        r->user[r->n] = (int32_t)idtable_put(r->users, name, (size_t)sprintf(name, "%d", (int)u));
        r->item[r->n] = (int32_t)idtable_put(r->items, name, (size_t)sprintf(name, "%d", (int)i));
        r->time[r->n++] = 1000 + (int64_t)rng_next_below(&s, 50);
    }
    mem_free(order);
    mem_free(quota);
    return r;
}

static void toy_free(struct ratings *r)
{
    idtable_free(r->users);
    idtable_free(r->items);
    mem_free(r->user);
    mem_free(r->item);
    mem_free(r->time);
    mem_free(r->given);
    mem_free(r);
}

static void give(struct ratings *r, const uint8_t *given)
{
    mem_free(r->given);
    r->given = mem_alloc(r->n, 1);
    assert_non_null(r->given);
    memcpy(r->given, given, (size_t)r->n);
}

static const struct split_spec plain = {.kind = SPLIT_RANDOM,
                                        .seed = 7,
                                        .test = .1,
                                        .valid = .1,
                                        .test_users = .1,
                                        .valid_users = .2,
                                        .fold_in = .8,
                                        .min_fold_in = 5,
                                        .folds = 5};

static struct split_spec spec_of(enum split_kind kind)
{
    struct split_spec spec = plain;

    spec.kind = kind;
    return spec;
}

static struct split *made(const struct ratings *r, const struct split_spec *spec)
{
    struct split *s = NULL;
    struct error err = {0};

    if (split_make(&s, r, spec, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(s->n, r->n);
    return s;
}

static int64_t count_bit(const struct split *s, uint8_t bits)
{
    int64_t n = 0;

    for (int64_t j = 0; j < s->n; j++)
        n += (s->part[j] & bits) != 0;
    return n;
}

/* Every rating has one of the three uses of a cells split, and the counts are right. */
static void check_cells(const struct split *s)
{
    int64_t train = 0, valid = 0, test = 0;

    for (int64_t j = 0; j < s->n; j++) {
        train += s->part[j] == CELL_TRAIN;
        valid += s->part[j] == CELL_VALID;
        test += s->part[j] == CELL_TEST;
    }
    assert_int_equal(train + valid + test, s->n);
    assert_int_equal(train, s->train);
    assert_int_equal(valid, s->valid);
    assert_int_equal(test, s->test);
    assert_false(s->rows);
    assert_int_equal(s->valid_rows + s->test_rows, 0);
}

static int64_t nearest(double share, int64_t n)
{
    return (int64_t)floor(share * (double)n + .5);
}

static void random_shares_and_counts_are_exact(void **state)
{
    struct ratings *r = toy(37, 23, 1);
    const struct {
        double test, valid;
    } cases[] = {{.1, .1}, {.25, 0}, {0, .5}, {17, .1}, {.3, 20}, {1, 1}, {.99, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct split_spec spec = plain;
        struct split *s;
        int64_t test = cases[i].test < 1 ? nearest(cases[i].test, r->n) : (int64_t)cases[i].test;

        spec.test = cases[i].test;
        spec.valid = cases[i].valid;
        s = made(r, &spec);
        check_cells(s);
        assert_int_equal(s->test, test);
        assert_int_equal(s->valid,
                         cases[i].valid < 1 ? nearest(cases[i].valid, r->n - test) : (int64_t)cases[i].valid);
        split_free(s);
    }
    toy_free(r);
}

static void every_rating_is_as_likely_to_test(void **state)
{
    enum { SEEDS = 4000 };
    struct ratings *r = toy(6, 8, 3);
    int hits[48] = {0}, valid[48] = {0};
    double test = 0, from = 0;

    (void)state;
    for (int seed = 0; seed < SEEDS; seed++) {
        struct split_spec spec = {.kind = SPLIT_RANDOM, .seed = (uint64_t)seed, .test = .25, .valid = .25};
        struct split *s = made(r, &spec);

        for (int64_t j = 0; j < r->n; j++) {
            hits[j] += s->part[j] == CELL_TEST;
            valid[j] += s->part[j] == CELL_VALID;
        }
        test = (double)s->test / (double)r->n;
        from = (double)s->valid / (double)r->n;
        split_free(s);
    }
    for (int64_t j = 0; j < r->n; j++) { /* 4.5 standard deviations */
        assert_close(hits[j], SEEDS * test, 0, 4.5 * sqrt(SEEDS * test * (1 - test)));
        assert_close(valid[j], SEEDS * from, 0, 4.5 * sqrt(SEEDS * from * (1 - from)));
    }
    toy_free(r);
}

static void same_seed_same_split_other_seed_another(void **state)
{
    const enum split_kind kinds[] = {SPLIT_RANDOM, SPLIT_USERS, SPLIT_ROWS, SPLIT_PER_USER, SPLIT_KFOLD};
    struct ratings *r = toy(60, 30, 4);

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct split_spec spec = spec_of(kinds[i]);
        struct split *a = made(r, &spec), *b = made(r, &spec), *c;

        assert_memory_equal(a->part, b->part, (size_t)r->n);
        spec.seed++;
        c = made(r, &spec);
        assert_memory_not_equal(a->part, c->part, (size_t)r->n);
        split_free(a);
        split_free(b);
        split_free(c);
    }
    toy_free(r);
}

static void test_part_does_not_depend_on_validation(void **state)
{
    const enum split_kind kinds[] = {SPLIT_RANDOM, SPLIT_PER_USER, SPLIT_KFOLD,
                                     SPLIT_TIME,   SPLIT_LAST,     SPLIT_USERS};
    struct ratings *r = toy(60, 30, 5);

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct split_spec spec = spec_of(kinds[i]);
        struct split *a = made(r, &spec), *b;
        int64_t same = 0;

        spec.valid = 0;
        spec.valid_users = 0;
        b = made(r, &spec);
        assert_int_equal(b->valid, 0);
        for (int64_t j = 0; j < r->n; j++)
            same += (a->part[j] & PART_TEST_OUT) == (b->part[j] & PART_TEST_OUT);
        assert_int_equal(same, r->n);
        split_free(a);
        split_free(b);
    }
    toy_free(r);
}

static void folds_partition_the_ratings(void **state)
{
    struct ratings *r = toy(31, 17, 6);
    int *tested = mem_zalloc(r->n, sizeof *tested);

    (void)state;
    for (int fold = 0; fold < 7; fold++) {
        struct split_spec spec = spec_of(SPLIT_KFOLD);
        struct split *s;

        spec.folds = 7;
        spec.fold = fold;
        s = made(r, &spec);
        check_cells(s);
        assert_in_range(s->test, r->n / 7, r->n / 7 + 1);
        assert_int_equal(s->valid, nearest(.1, r->n - s->test));
        for (int64_t j = 0; j < r->n; j++)
            tested[j] += s->part[j] == CELL_TEST;
        split_free(s);
    }
    for (int64_t j = 0; j < r->n; j++)
        assert_int_equal(tested[j], 1);
    mem_free(tested);
    toy_free(r);
}

/* How many ratings of `user` come later than rating j: in time, ties by place in the source. */
static int64_t later(const struct ratings *r, int64_t j, int64_t user)
{
    int64_t n = 0;

    for (int64_t k = 0; k < r->n; k++)
        n += (user < 0 || r->user[k] == user) &&
             (r->time[k] > r->time[j] || (r->time[k] == r->time[j] && k > j));
    return n;
}

static void the_latest_share_tests_ties_by_place(void **state)
{
    struct ratings *r = toy(30, 20, 8);
    struct split_spec spec = spec_of(SPLIT_TIME);
    struct split *s = made(r, &spec);

    (void)state;
    check_cells(s);
    assert_int_equal(s->test, nearest(.1, r->n));
    assert_int_equal(s->valid, nearest(.1, r->n - s->test));
    for (int64_t j = 0; j < r->n; j++) {
        int64_t rank = later(r, j, -1);

        assert_int_equal(s->part[j], rank < s->test              ? CELL_TEST
                                     : rank < s->test + s->valid ? CELL_VALID
                                                                 : CELL_TRAIN);
    }
    split_free(s);
    toy_free(r);
}

static void a_time_cut_tests_what_is_at_or_after_it(void **state)
{
    struct ratings *r = toy(30, 20, 9);
    struct split_spec spec = spec_of(SPLIT_TIME);
    struct split *s;

    (void)state;
    spec.time_cut = 1040;
    s = made(r, &spec);
    check_cells(s);
    for (int64_t j = 0; j < r->n; j++)
        assert_int_equal(s->part[j] == CELL_TEST, r->time[j] >= 1040);
    for (int64_t j = 0; j < r->n; j++) /* validation is the latest of the rest */
        if (s->part[j] != CELL_TEST)
            assert_int_equal(s->part[j] == CELL_VALID, later(r, j, -1) < s->test + s->valid);
    split_free(s);
    toy_free(r);
}

static void each_user_gives_a_share_or_a_count_and_keeps_one(void **state)
{
    const enum split_kind kinds[] = {SPLIT_PER_USER, SPLIT_LAST};
    const struct {
        double test, valid;
    } cases[] = {{.1, .1}, {.2, 0}, {3, 1}, {1, .5}, {.5, 2}, {100, 0}};
    struct ratings *r = toy(40, 25, 10);

    (void)state;
    for (int c = 0; c < 12; c++) {
        double share = cases[c / 2].test, share2 = cases[c / 2].valid;
        struct split_spec spec = spec_of(kinds[c % 2]);
        struct split *s;

        spec.test = share;
        spec.valid = share2;
        s = made(r, &spec);
        check_cells(s);
        for (int64_t u = 0; u < idtable_count(r->users); u++) {
            int64_t n = 0, test = 0, valid = 0, want, want2;

            for (int64_t j = 0; j < r->n; j++) {
                n += r->user[j] == u;
                test += r->user[j] == u && s->part[j] == CELL_TEST;
                valid += r->user[j] == u && s->part[j] == CELL_VALID;
            }
            want = share < 1 ? nearest(share, n) : (int64_t)share;
            want = want < n ? want : n - 1;
            want2 = share2 < 1 ? nearest(share2, n - want) : (int64_t)share2;
            want2 = want2 < n - want ? want2 : n - want - 1;
            assert_int_equal(test, want);
            assert_int_equal(valid, want2);
            for (int64_t j = 0; spec.kind == SPLIT_LAST && j < r->n; j++) {
                if (r->user[j] != u)
                    continue;
                assert_int_equal(s->part[j] == CELL_TEST, later(r, j, u) < want);
                assert_int_equal(s->part[j] == CELL_VALID,
                                 later(r, j, u) >= want && later(r, j, u) < want + want2);
            }
        }
        split_free(s);
    }
    toy_free(r);
}

/* A rows split against its rules, counted anew. row, column: what the rows are. */
static void check_rows(const struct ratings *r, const struct split *s, const struct split_spec *spec,
                       const int32_t *row, int64_t rows, const int32_t *column, int64_t columns)
{
    bool *trained = mem_zalloc(columns, sizeof *trained);
    int64_t valid_rows = 0, test_rows = 0, unseen_rows = 0;

    assert_true(s->rows);
    for (int64_t j = 0; j < r->n; j++)
        trained[column[j]] |= s->part[j] == PART_TRAIN;
    for (int64_t i = 0; i < rows; i++) {
        int64_t n = 0, taking_part = 0, in = 0, out = 0;
        uint8_t bits = 0;

        for (int64_t j = 0; j < r->n; j++) {
            if (row[j] != i)
                continue;
            n++;
            bits |= s->part[j];
            assert_int_equal(s->part[j] != 0, trained[column[j]]);
            taking_part += s->part[j] != 0;
            in += (s->part[j] & (PART_VALID_IN | PART_TEST_IN)) != 0;
            out += (s->part[j] & (PART_VALID_OUT | PART_TEST_OUT)) != 0;
        }
        if (bits == PART_TRAIN) { /* whole */
            assert_int_equal(in + out, 0);
            assert_int_equal(taking_part, n);
            continue;
        }
        assert_true((bits & (PART_VALID_IN | PART_VALID_OUT)) == bits ||
                    (bits & (PART_TEST_IN | PART_TEST_OUT)) == bits);
        valid_rows += (bits & (PART_VALID_IN | PART_VALID_OUT)) != 0;
        test_rows += (bits & (PART_TEST_IN | PART_TEST_OUT)) != 0;
        unseen_rows += bits == 0;
        if (spec->fold_in >= 1) {
            assert_int_equal(in, taking_part);
            assert_int_equal(out, taking_part);
        } else {
            int64_t want = (int64_t)floor((1 - spec->fold_in) * (double)taking_part + 1e-9);

            assert_int_equal(in + out, taking_part);
            assert_int_equal(out, taking_part < spec->min_fold_in ? 0 : want);
        }
    }
    assert_in_range(s->valid_rows, valid_rows, valid_rows + unseen_rows);
    assert_int_equal(s->valid_rows + s->test_rows, valid_rows + test_rows + unseen_rows);
    assert_int_equal(s->train, count_bit(s, PART_TRAIN));
    assert_int_equal(s->valid, count_bit(s, PART_VALID_OUT));
    assert_int_equal(s->test, count_bit(s, PART_TEST_OUT));
    mem_free(trained);
}

static void held_out_users_follow_their_rules(void **state)
{
    (void)state;
    for (int c = 0; c < 40; c++) {
        struct ratings *r =
            toy(20 + c, 5 + c, (uint64_t)(100 + c)); /* columns without training ratings occur */
        struct split_spec spec = spec_of(SPLIT_USERS);
        struct split *s;

        spec.seed = (uint64_t)c;
        spec.fold_in = c % 4 == 0 ? 1 : c % 4 == 1 ? .5 : .8;
        spec.min_fold_in = c % 3 == 0 ? 0 : 5;
        spec.test_users = c % 2 ? 6 : .3;
        spec.valid_users = c % 2 ? 10 : .5;
        s = made(r, &spec);
        assert_int_equal(s->test_rows, c % 2 ? 6 : nearest(.3, idtable_count(r->users)));
        assert_int_equal(s->valid_rows, c % 2 ? 10 : nearest(.5, idtable_count(r->users)));
        check_rows(r, s, &spec, r->user, idtable_count(r->users), r->item, idtable_count(r->items));
        split_free(s);
        toy_free(r);
    }
}

static void five_clicks_give_one_up(void **state)
{
    /* 1 - .8 is a little less than .2, and int(.2 * 5) has to be 1 all the same. */
    struct ratings *r = toy(2, 1, 1);
    struct split_spec spec = spec_of(SPLIT_USERS);
    struct split *s;

    (void)state;
    mem_free(r->user);
    mem_free(r->item);
    r->n = 10;
    r->user = mem_alloc(10, sizeof *r->user);
    r->item = mem_alloc(10, sizeof *r->item);
    for (int j = 0; j < 10; j++) {
        char name[24];

        r->user[j] = j / 5;
        r->item[j] = (int32_t)idtable_put(r->items, name, (size_t)sprintf(name, "%d", j % 5));
    }
    spec.test_users = 1;
    spec.valid_users = 0;
    s = made(r, &spec);
    assert_int_equal(s->train, 5);
    assert_int_equal(s->test, 1);
    assert_int_equal(count_bit(s, PART_TEST_IN), 4);
    split_free(s);
    spec.min_fold_in = 6;
    s = made(r, &spec);
    assert_int_equal(s->test, 0);
    assert_int_equal(count_bit(s, PART_TEST_IN), 5);
    split_free(s);
    toy_free(r);
}

static void rows_of_items_are_users_of_the_transposed_set(void **state)
{
    struct ratings *r = toy(40, 30, 12), t = *r;
    struct split_spec items = spec_of(SPLIT_ROWS), users = spec_of(SPLIT_USERS), rows = spec_of(SPLIT_ROWS);
    struct split *a, *b, *c;

    (void)state;
    t.user = r->item, t.item = r->user, t.users = r->items, t.items = r->users;
    items.side = 0;
    rows.side = 1;
    a = made(r, &items);
    b = made(&t, &users);
    c = made(&t, &rows);
    assert_memory_equal(a->part, b->part, (size_t)r->n);
    assert_memory_equal(a->part, c->part, (size_t)r->n);
    assert_int_equal(a->test_rows, nearest(.1, idtable_count(r->items)));
    check_rows(r, a, &items, r->item, idtable_count(r->items), r->user, idtable_count(r->users));
    split_free(a);
    split_free(b);
    split_free(c);
    toy_free(r);
}

static void a_given_split_is_taken_and_validation_comes_from_its_training(void **state)
{
    struct ratings *r = toy(30, 20, 13);
    struct split_spec spec = spec_of(SPLIT_GIVEN);
    uint8_t *given = mem_alloc(r->n, 1);
    struct split *s;
    int64_t test = 0;

    (void)state;
    for (int64_t j = 0; j < r->n; j++) {
        given[j] = j % 3 == 1 ? GIVEN_TEST : GIVEN_TRAIN;
        test += given[j] == GIVEN_TEST;
    }
    give(r, given);
    s = made(r, &spec);
    check_cells(s);
    assert_int_equal(s->test, test);
    assert_int_equal(s->valid, nearest(.1, r->n - test));
    for (int64_t j = 0; j < r->n; j++)
        assert_int_equal(s->part[j] == CELL_TEST, given[j] == GIVEN_TEST);
    split_free(s);
    spec.kind = SPLIT_RANDOM; /* another kind does not look at it */
    s = made(r, &spec);
    assert_int_equal(s->test, nearest(.1, r->n));
    split_free(s);
    mem_free(given);
    toy_free(r);
}

static void a_finished_split_by_users_overrides_the_kind(void **state)
{
    static const uint8_t code[4][2] = {{GIVEN_TRAIN, GIVEN_TRAIN},
                                       {GIVEN_VALID_IN, GIVEN_VALID_OUT},
                                       {GIVEN_TEST_IN, GIVEN_TEST_OUT},
                                       {GIVEN_TRAIN, GIVEN_TRAIN}};
    static const uint8_t part[] = {[GIVEN_TRAIN] = PART_TRAIN,
                                   [GIVEN_VALID_IN] = PART_VALID_IN,
                                   [GIVEN_VALID_OUT] = PART_VALID_OUT,
                                   [GIVEN_TEST_IN] = PART_TEST_IN,
                                   [GIVEN_TEST_OUT] = PART_TEST_OUT};
    struct ratings *r = toy(20, 20, 14);
    uint8_t *given = mem_alloc(r->n, 1);
    struct split_spec spec = spec_of(SPLIT_RANDOM);
    struct error err;
    struct split *s;

    (void)state;
    for (int64_t j = 0; j < r->n; j++)
        given[j] = code[r->user[j] % 4][j % 2];
    give(r, given);
    r->finished = true;
    s = made(r, &spec);
    assert_true(s->rows);
    assert_int_equal(s->valid_rows, 5);
    assert_int_equal(s->test_rows, 5);
    for (int64_t j = 0; j < r->n; j++) {
        bool trained = false;

        for (int64_t k = 0; k < r->n; k++)
            trained |= r->item[k] == r->item[j] && given[k] == GIVEN_TRAIN;
        assert_int_equal(s->part[j], trained ? part[given[j]] : 0);
    }
    split_free(s);
    for (int64_t j = 0; j < r->n; j++) /* training users test too */
        r->given[j] = r->user[j] % 4 == 0 && j % 2 ? GIVEN_TEST_OUT : given[j];
    assert_int_equal(split_make(&s, r, &spec, &err), PT_EDATA);
    assert_non_null(strstr(err.text, "is in more than one"));
    mem_free(given);
    toy_free(r);
}

static void refit_trains_on_validation_too(void **state)
{
    const enum split_kind kinds[] = {SPLIT_RANDOM, SPLIT_PER_USER, SPLIT_TIME, SPLIT_USERS, SPLIT_ROWS};
    struct ratings *r = toy(50, 30, 15);

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct split_spec spec = spec_of(kinds[i]);
        struct split *a = made(r, &spec), *b = made(r, &spec);

        assert_true(a->valid > 0);
        split_refit(b);
        assert_int_equal(b->valid, 0);
        assert_int_equal(b->valid_rows, 0);
        assert_int_equal(b->test, a->test);
        for (int64_t j = 0; j < r->n; j++) {
            if (a->rows)
                assert_int_equal(b->part[j],
                                 a->part[j] & (PART_VALID_IN | PART_VALID_OUT) ? PART_TRAIN : a->part[j]);
            else
                assert_int_equal(b->part[j], a->part[j] == CELL_VALID ? CELL_TRAIN : a->part[j]);
        }
        assert_int_equal(b->train, count_bit(b, PART_TRAIN));
        assert_true(b->train > a->train);
        split_free(a);
        split_free(b);
    }
    toy_free(r);
}

static void bad_specs_name_the_key(void **state)
{
    const struct {
        struct split_spec spec;
        bool no_times;
        int code;
        const char *text;
    } cases[] = {
        {{.kind = SPLIT_RANDOM, .test = 1e9}, false, PT_ECONFIG, "split.test: "},
        {{.kind = SPLIT_RANDOM, .test = INFINITY}, false, PT_ECONFIG, "split.test: "},
        {{.kind = SPLIT_RANDOM, .test = 1.5}, false, PT_ECONFIG, "split.test: "},
        {{.kind = SPLIT_RANDOM, .test = -1}, false, PT_ECONFIG, "split.test: "},
        {{.kind = SPLIT_RANDOM, .test = NAN}, false, PT_ECONFIG, "split.test: "},
        {{.kind = SPLIT_RANDOM, .test = 1e-9}, false, PT_ECONFIG, "less than one"},
        {{.kind = SPLIT_RANDOM, .valid = 2.5}, false, PT_ECONFIG, "split.valid: "},
        {{.kind = SPLIT_RANDOM, .test = .9999999}, false, PT_EDATA, "none is left to train on"},
        {{.kind = SPLIT_GIVEN, .test = .1}, false, PT_ECONFIG, "split.kind: given"},
        {{.kind = SPLIT_USERS, .test_users = 1000}, false, PT_ECONFIG, "split.test_users: "},
        {{.kind = SPLIT_USERS, .valid_users = 1000}, false, PT_ECONFIG, "split.valid_users: "},
        {{.kind = SPLIT_USERS, .test_users = .5, .valid_users = .5}, false, PT_ECONFIG, "leaves none"},
        {{.kind = SPLIT_ROWS, .test_users = 30}, false, PT_ECONFIG, "rows"},
        {{.kind = SPLIT_KFOLD, .folds = 5, .fold = 5}, false, PT_ECONFIG, "split.fold: "},
        {{.kind = SPLIT_KFOLD, .folds = 5, .fold = -1}, false, PT_ECONFIG, "split.fold: "},
        {{.kind = SPLIT_KFOLD, .folds = 1}, false, PT_ECONFIG, "split.folds: "},
        {{.kind = SPLIT_KFOLD, .folds = 100000}, false, PT_ECONFIG, "split.folds: "},
        {{.kind = SPLIT_TIME, .test = .1}, true, PT_ECONFIG, "split.kind: time"},
        {{.kind = SPLIT_LAST, .test = 1}, true, PT_ECONFIG, "split.kind: last"},
        {{.kind = SPLIT_TIME, .time_cut = 5000}, false, PT_ECONFIG, "split.time_cut: "},
        {{.kind = SPLIT_TIME, .time_cut = 1}, false, PT_EDATA, "split.time_cut"},
        {{.kind = (enum split_kind)99}, false, PT_ECONFIG, "split.kind: "},
    };
    struct ratings *r = toy(40, 30, 16);
    int64_t *times = r->time;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct split *s = NULL;
        struct error err = {0};
        int rc;

        r->time = cases[i].no_times ? NULL : times;
        rc = split_make(&s, r, &cases[i].spec, &err);
        if (rc != cases[i].code || !strstr(err.text, cases[i].text) || s)
            fail_msg("case %zu: %d, '%s'", i, rc, err.text);
    }
    r->time = times;
    r->n = 0;
    assert_int_equal(split_make(&(struct split *){NULL}, r, &plain, &(struct error){0}), PT_EDATA);
    toy_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_shares_and_counts_are_exact),
        cmocka_unit_test(every_rating_is_as_likely_to_test),
        cmocka_unit_test(same_seed_same_split_other_seed_another),
        cmocka_unit_test(test_part_does_not_depend_on_validation),
        cmocka_unit_test(folds_partition_the_ratings),
        cmocka_unit_test(the_latest_share_tests_ties_by_place),
        cmocka_unit_test(a_time_cut_tests_what_is_at_or_after_it),
        cmocka_unit_test(each_user_gives_a_share_or_a_count_and_keeps_one),
        cmocka_unit_test(held_out_users_follow_their_rules),
        cmocka_unit_test(five_clicks_give_one_up),
        cmocka_unit_test(rows_of_items_are_users_of_the_transposed_set),
        cmocka_unit_test(a_given_split_is_taken_and_validation_comes_from_its_training),
        cmocka_unit_test(a_finished_split_by_users_overrides_the_kind),
        cmocka_unit_test(refit_trains_on_validation_too),
        cmocka_unit_test(bad_specs_name_the_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
