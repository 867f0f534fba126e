#include "support_ratings.h"

#include "base/mem.h"
#include "data/split.h"
#include "read/read.h"

#include <stdio.h>

static struct ratings *read_set(struct ratings_spec spec, const char *name)
{
    char path[4096];
    struct ratings *r = NULL;
    struct error err = {0};

    snprintf(path, sizeof path, "%s%s%s", strchr(name, ':') ? "" : support_data(),
             strchr(name, ':') ? "" : "/", name);
    spec.path = path;
    if (ratings_read(&r, &spec, &err) < 0)
        fail_msg("%s", err.text);
    return r;
}

static struct split *made(const struct ratings *r, struct split_spec spec)
{
    struct split *s = NULL;
    struct error err = {0};

    if (split_make(&s, r, &spec, &err) < 0)
        fail_msg("%s", err.text);
    return s;
}

static void u1_tests_its_20000_ratings(void **state)
{
    struct ratings_spec spec = support_plain;
    struct ratings *r;
    struct split *s;

    (void)state;
    skip_without_data();
    spec.prefer_given = 1;
    r = read_set(spec, "ml-100k/u1.base");
    s = made(r, (struct split_spec){.kind = SPLIT_GIVEN, .seed = 1, .valid = .1});
    assert_int_equal(s->train, 72000);
    assert_int_equal(s->valid, 8000);
    assert_int_equal(s->test, 20000);
    split_free(s);
    ratings_free(r);
}

/* The main job's split: 600 + 600 held-out users of those with at least five ratings of 3.5 and more. */
static void strong_generalisation_on_ml_1m(void **state)
{
    struct ratings_spec spec = support_plain;
    struct ratings *r;
    struct split *s;
    int64_t in[2] = {0, 0}, dropped = 0, *out, expected[2] = {0, 0};
    uint8_t *bits;

    (void)state;
    skip_without_data();
    spec.min_rating = 3.5;
    spec.min_user_ratings = 5;
    r = read_set(spec, "ml-1m");
    assert_int_equal(r->n, 575272);
    s = made(r, (struct split_spec){.kind = SPLIT_USERS,
                                    .seed = 1,
                                    .test_users = 600,
                                    .valid_users = 600,
                                    .fold_in = .8,
                                    .min_fold_in = 5});
    assert_int_equal(s->test_rows, 600);
    assert_int_equal(s->valid_rows, 600);
    out = mem_zalloc(idtable_count(r->users), sizeof *out);
    bits = mem_zalloc(idtable_count(r->users), 1);
    assert_true(out && bits);
    for (int64_t j = 0; j < r->n; j++) {
        in[0] += s->part[j] == PART_VALID_IN;
        in[1] += s->part[j] == PART_TEST_IN;
        dropped += s->part[j] == 0;
        bits[r->user[j]] |= s->part[j];
        out[r->user[j]] += s->part[j] != 0;
    }
    for (int64_t u = 0; u < idtable_count(r->users); u++) { /* n / 5 rounded down is int(.2 n), in integers */
        int64_t held = out[u] >= 5 ? out[u] / 5 : 0;

        expected[0] += bits[u] & PART_VALID_IN ? held : 0;
        expected[1] += bits[u] & PART_TEST_IN ? held : 0;
    }
    assert_int_equal(s->valid, expected[0]);
    assert_int_equal(s->test, expected[1]);
    assert_true(dropped < 100); /* items that only held-out users like */
    assert_int_equal(s->train + in[0] + s->valid + in[1] + s->test + dropped, r->n);
    mem_free(out);
    mem_free(bits);
    split_free(s);
    ratings_free(r);
}

static void liangs_files_are_the_split_whatever_the_kind(void **state)
{
    char *folder = support_folder();
    struct ratings *r;
    struct split *s;
    int64_t valid_in = 0, test_in = 0;

    (void)state;
    support_write(folder, "train.csv", "uid,sid\n0,0\n0,1\n1,1\n1,2\n", 0);
    support_write(folder, "validation_tr.csv", "uid,sid\n2,0\n2,1\n", 0);
    support_write(folder, "validation_te.csv", "uid,sid\n2,2\n", 0);
    support_write(folder, "test_tr.csv", "uid,sid\n3,1\n4,0\n", 0);
    support_write(folder, "test_te.csv", "uid,sid\n3,2\n4,1\n4,2\n", 0);
    r = support_read(support_plain, folder, "");
    s = made(r, (struct split_spec){.kind = SPLIT_RANDOM, .seed = 1, .test = .5});
    assert_true(s->rows);
    assert_int_equal(s->train, 4);
    assert_int_equal(s->valid, 1);
    assert_int_equal(s->test, 3);
    assert_int_equal(s->valid_rows, 1);
    assert_int_equal(s->test_rows, 2);
    for (int64_t j = 0; j < r->n; j++) {
        valid_in += s->part[j] == PART_VALID_IN;
        test_in += s->part[j] == PART_TEST_IN;
    }
    assert_int_equal(valid_in, 2);
    assert_int_equal(test_in, 2);
    split_free(s);
    ratings_free(r);
    support_remove(folder);
}

static void a_synthetic_set_can_be_split_by_time(void **state)
{
    struct ratings_spec spec = support_plain;
    struct ratings *r;
    struct split *s;

    (void)state;
    spec.want_time = true;
    spec.min_rating = 3;
    r = read_set(spec, "synth:small");
    assert_non_null(r->time);
    s = made(r, (struct split_spec){.kind = SPLIT_TIME, .test = 100, .valid = 50});
    assert_int_equal(s->test, 100);
    assert_int_equal(s->valid, 50);
    split_free(s);
    s = made(r, (struct split_spec){.kind = SPLIT_LAST, .test = 1});
    assert_true(s->test > 190 && s->test <= idtable_count(r->users)); /* users of one rating keep it */
    split_free(s);
    ratings_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(liangs_files_are_the_split_whatever_the_kind),
        cmocka_unit_test(a_synthetic_set_can_be_split_by_time),
        cmocka_unit_test(u1_tests_its_20000_ratings),
        cmocka_unit_test(strong_generalisation_on_ml_1m),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
