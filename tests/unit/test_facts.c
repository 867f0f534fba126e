/* Facts about ratings: counts, skew, bars, and what is odd. */
#include "support_ratings.h"

#include "data/facts.h"

static struct ratings *read_text(const char *text)
{
    char *folder = support_folder(), named[65536];
    struct ratings *r;
    int commas = 0;

    for (const char *c = text; *c && *c != '\n'; c++)
        commas += *c == ',';

    snprintf(named, sizeof named, "user,item%s\n%s",
             commas < 2   ? ""
             : commas < 3 ? ",rating"
                          : ",rating,time",
             text);
    support_write(folder, "a.csv", named, 0);
    r = support_read(support_plain, folder, "a.csv");
    support_remove(folder);
    return r;
}

struct told {
    int n;
    char text[4096];
};

static void tell(void *arg, const char *text)
{
    struct told *t = arg;

    t->n++;
    snprintf(t->text + strlen(t->text), sizeof t->text - strlen(t->text), "%s\n", text);
}

static struct told odd(const char *text)
{
    struct ratings *r = read_text(text);
    struct facts f;
    struct told told = {0};

    assert_int_equal(facts_make(&f, r, NULL), 0);
    facts_suspicions(&f, r, tell, &told);
    ratings_free(r);
    return told;
}

static void counts_and_values_of_a_small_set(void **state)
{
    /* users u, v, w with 3, 2 and 1 ratings; items a, b, c with 3, 2 and 1 */
    struct ratings *r = read_text("u,a,1,100\nu,b,2,300\nu,c,3,200\nv,a,3,50\nv,b,5,60\nw,a,4,70\n");
    struct facts f;

    (void)state;
    assert_int_equal(facts_make(&f, r, NULL), 0);
    assert_int_equal(f.ratings, 6);
    assert_close(f.density, 6.0 / 9.0, 1e-12, 0);
    assert_close(f.mean, 3.0, 1e-12, 0);
    assert_close(f.deviation, sqrt(10.0 / 6.0), 1e-12, 0);
    assert_int_equal(f.bars, 5);
    assert_int_equal(f.bar[2].count, 2);
    assert_close(f.bar[2].low, 3.0, 0, 0);
    assert_int_equal(f.users.quantile[0], 1);
    assert_int_equal(f.users.quantile[3], 2);
    assert_int_equal(f.users.quantile[6], 3);
    assert_close(f.users.gini, 2.0 / 9.0, 1e-12, 0); /* (1 (-2) + 2 (0) + 3 (2)) / (3 x 6) */
    assert_int_equal(f.users.single, 1);
    assert_int_equal(f.items.curve_points, 3);
    assert_int_equal(f.items.curve_count[0], 3);
    assert_int_equal(f.items.curve_count[2], 1);
    assert_true(f.has_time);
    assert_int_equal(f.first_time, 50);
    assert_int_equal(f.last_time, 300);
    ratings_free(r);
}

static void equal_shares_have_no_skew(void **state)
{
    struct ratings *r = read_text("u,a,1\nu,b,2\nv,a,3\nv,b,4\n");
    struct facts f;

    (void)state;
    assert_int_equal(facts_make(&f, r, NULL), 0);
    assert_close(f.users.gini, 0.0, 0, 1e-15);
    assert_close(f.density, 1.0, 0, 0);
    assert_false(f.has_time);
    ratings_free(r);
}

static void many_values_are_put_into_ranges(void **state)
{
    char text[4096] = "";
    struct ratings *r;
    struct facts f;
    int64_t sum = 0;

    (void)state;
    for (int i = 0; i <= 100; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "u%d,a,%d\n", i, i);
    r = read_text(text);
    assert_int_equal(facts_make(&f, r, NULL), 0);
    assert_int_equal(f.bars, 10);
    for (int i = 0; i < f.bars; i++)
        sum += f.bar[i].count;
    assert_int_equal(sum, 101);
    assert_int_equal(f.bar[0].count, 10); /* 0 to 9 */
    assert_int_equal(f.bar[9].count, 11); /* 90 to 100 */
    ratings_free(r);
}

static void odd_things_are_told(void **state)
{
    char text[8192] = "";

    (void)state;
    assert_non_null(strstr(odd("u,a,1\nv,b,1\n").text, "every rating is 1"));
    assert_non_null(strstr(odd("u,a,1\nu,a,2\nv,b,1\n").text, "1 repeated (user, item) pairs"));
    assert_non_null(strstr(odd("u,a,0\nv,b,1\n").text, "1 ratings are 0"));
    assert_non_null(strstr(odd("u,a,-2\nv,b,1\n").text, "1 ratings are below 0"));
    assert_non_null(strstr(odd("u,a,1\nv,b,2\nw,c,3\n").text, "3 of 3 users have one rating"));
    assert_non_null(strstr(odd("u,a,1,1500000000000\nv,b,2,1500000000001\n").text, "milliseconds"));
    assert_non_null(strstr(odd("u,a,1,1500000000\nv,b,2,1500000000\n").text, "all times are the same"));
    assert_non_null(strstr(odd("u,NA,1\nv,b,2\n").text, "1 ratings have a word for"));
    for (int i = 0; i < 12; i++) { /* u rated all twelve, all with 4; the others two each, well mixed */
        snprintf(text + strlen(text), sizeof text - strlen(text), "u,i%d,4\n", i);
        snprintf(text + strlen(text), sizeof text - strlen(text), "v%d,i%d,1\nv%d,i%d,2\n", i, i, i,
                 (i + 1) % 12);
    }
    assert_non_null(strstr(odd(text).text, "1 user rated nearly all items (90% and more), \"u\""));
    assert_non_null(strstr(odd(text).text, "1 user gave 10 and more ratings, all of the same value"));
    assert_int_equal(odd("u,a,1\nu,b,2\nv,a,3\nv,b,4\n").n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_values_of_a_small_set),
        cmocka_unit_test(equal_shares_have_no_skew),
        cmocka_unit_test(many_values_are_put_into_ranges),
        cmocka_unit_test(odd_things_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
