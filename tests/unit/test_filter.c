/* Duplicates, filters and their order, numbering, titles as keys, the digest. */
#include "support_ratings.h"

static void text(struct ratings_spec spec, const char *lines, const char *ratings)
{
    support_text(spec, "a.csv", lines, ratings);
}

static void a_repeated_pair_counts_once(void **state)
{
    const char *untimed = "u,a,1\nv,a,5\nu,a,3\nu,b,4\nu,a,2\n",
               *timed = "user,item,rating,time\nu,a,1,5\nv,a,5,1\nu,a,3,9\nu,b,4,2\nu,a,2,7\n";
    struct ratings_spec spec = support_plain;

    (void)state;
    text(spec, untimed, "v/a=5 u/b=4 u/a=2");                           /* last in the file */
    text(spec, timed, "v/a=5@1 u/a=3@9 u/b=4@2");                       /* last in time */
    text(spec, "user,item,rating,time\nu,a,1,5\nu,a,2,5\n", "u/a=2@5"); /* of one time: last in the file */
    spec.want_time = false;
    text(spec, timed, "v/a=5 u/a=3 u/b=4"); /* whether or not times are kept */
    spec.want_time = true;
    spec.duplicates = DUPLICATES_FIRST;
    text(spec, timed, "u/a=1@5 v/a=5@1 u/b=4@2");
    spec.duplicates = DUPLICATES_MEAN;
    text(spec, timed, "u/a=2@9 v/a=5@1 u/b=4@2");
    spec.duplicates = DUPLICATES_ERROR;
    support_bad_text(
        spec, "a.csv", timed, 0,
        "%/a.csv: user 'u', item 'a' stands twice (ratings 1 and 3); data.duplicates says what to do");
    text(spec, "u,a,1\nv,a,1\nu,b,1\n", "u/a=1 v/a=1 u/b=1");
}

/* Each policy against a naive search, on random pairs, grouped by user and not. */
static void policies_agree_with_a_naive_search(void **state)
{
    enum { N = 3000 };
    static int user[N], item[N], value[N];
    char *lines = malloc(N * 32);

    (void)state;
    assert_non_null(lines);
    for (int grouped = 0; grouped < 2; grouped++)
        for (int policy = 0; policy < 3; policy++) {
            struct ratings_spec spec = support_plain;
            char *folder = support_folder();
            struct ratings *r;
            size_t used = 0;
            int64_t next = 0, same = 0;

            srand(17);
            for (int k = 0; k < N; k++) {
                user[k] = grouped ? k / 60 : rand() % 50;
                item[k] = rand() % 40;
                value[k] = rand() % 5 + 1;
                used += (size_t)sprintf(lines + used, "%d,%d,%d\n", user[k], item[k], value[k]);
            }
            support_write(folder, "a.csv", lines, 0);
            spec.duplicates = policy;
            r = support_read(spec, folder, "a.csv");
            for (int k = 0; k < N; k++) {
                double sum = 0;
                int count = 0, first = -1, last = -1;

                for (int j = 0; j < N; j++)
                    if (user[j] == user[k] && item[j] == item[k]) {
                        first = first < 0 ? j : first;
                        last = j;
                        sum += value[j];
                        count++;
                    }
                if (k != (policy == 0 ? last : first)) {
                    same++;
                    continue;
                }
                assert_true(next < r->n);
                assert_int_equal(atoi(idtable_name(r->users, r->user[next])), user[k]);
                assert_int_equal(atoi(idtable_name(r->items, r->item[next])), item[k]);
                assert_true(r->value[next] == (policy == 2 ? (float)(sum / count) : (float)value[k]));
                next++;
            }
            assert_int_equal(next, r->n);
            assert_int_equal(same, r->duplicates);
            assert_true(same > 500);
            ratings_free(r);
            support_remove(folder);
        }
    free(lines);
}

static void filters_go_rating_then_items_then_users(void **state)
{
    /* item c is rated twice, once too low; without it u2 has one rating left */
    const char *lines = "u1,a,4\nu1,b,5\nu2,a,4\nu2,c,4\nu3,a,5\nu3,b,4\nu3,c,1\n";
    struct ratings_spec spec = support_plain;
    char *folder = support_folder();
    struct ratings *r;

    (void)state;
    spec.min_rating = 2;
    text(spec, lines, "u1/a=4 u1/b=5 u2/a=4 u2/c=4 u3/a=5 u3/b=4");
    spec.min_item_ratings = 2;
    text(spec, lines, "u1/a=4 u1/b=5 u2/a=4 u3/a=5 u3/b=4");
    spec.min_user_ratings = 2;
    text(spec, lines, "u1/a=4 u1/b=5 u3/a=5 u3/b=4");
    spec.binarize = true;
    support_write(folder, "a.csv", lines, 0);
    r = support_read(spec, folder, "a.csv");
    support_expect(r, "u1/a=1 u1/b=1 u3/a=1 u3/b=1");
    assert_int_equal(r->filtered, 3);
    assert_int_equal(idtable_count(r->users), 2);
    assert_int_equal(idtable_count(r->items), 2);
    assert_true(r->low == 1 && r->high == 1);
    ratings_free(r);
    support_remove(folder);
}

/* One pass each: a user who leaves may leave an item with fewer ratings than asked for. */
static void filters_are_not_repeated(void **state)
{
    struct ratings_spec spec = support_plain;

    (void)state;
    spec.min_item_ratings = 2;
    spec.min_user_ratings = 2;
    text(spec, "u,a,1\nu,b,1\nv,b,1\nw,a,1\nw,c,1\n", "u/a=1 u/b=1");
}

static void nothing_left_says_why(void **state)
{
    struct ratings_spec spec = support_plain;

    (void)state;
    spec.min_rating = 3;
    spec.min_item_ratings = 2;
    spec.min_user_ratings = 5;
    support_bad_text(
        spec, "a.csv", "u,a,1\nu,b,3\nv,b,4\nv,c,4\nv,c,4\n", 0,
        "%/a.csv: the filters leave none of 4 ratings: 1 below data.min_rating 3, 1 of items with "
        "fewer than 2 (data.min_item_ratings), 2 by 2 users with fewer than 5 "
        "(data.min_user_ratings)");
    spec.min_item_ratings = spec.min_user_ratings = 0;
    support_bad_text(
        spec, "a.csv", "u,a\nu,b\nv,b\n", 0,
        "%/a.csv: the filters leave none of 3 ratings: 3 below data.min_rating 3; every rating is 1: "
        "clicks want data.min_rating=unset");
}

static void rows_are_numbered_among_what_is_kept(void **state)
{
    struct ratings_spec spec = support_plain;
    char *folder = support_folder();
    struct ratings *r;

    (void)state;
    spec.min_rating = 2;
    support_write(folder, "ratings.csv", "userId,movieId,rating\nx,p,1\ny,q,1\ny,p,3\nx,q,5\n", 0);
    support_write(folder, "movies.csv", "movieId,title\np,The P\nq,The Q\n", 0);
    r = support_read(spec, folder, "ratings.csv");
    support_expect(r, "y/p=3 x/q=5");
    assert_string_equal(idtable_name(r->users, 0), "y");
    assert_string_equal(idtable_name(r->users, 1), "x");
    assert_string_equal(r->title[0], "The P");
    assert_string_equal(r->title[1], "The Q");
    ratings_free(r);
    spec.min_rating = 4;
    r = support_read(spec, folder, "");
    support_expect(r, "x/q=5");
    assert_int_equal(idtable_count(r->items), 1);
    assert_string_equal(r->title[0], "The Q");
    ratings_free(r);
    support_remove(folder);
}

static void items_of_one_title_are_one(void **state)
{
    struct ratings_spec spec = support_plain;
    char *folder = support_folder();
    struct ratings *r;

    (void)state;
    spec.item_key = ITEM_KEY_TITLE;
    support_write(folder, "ratings.csv", "user,item,rating\n1,10,1\n1,11,2\n1,12,3\n2,11,4\n2,13,5\n", 0);
    support_refuse(spec, folder, "ratings.csv", PT_EDATA,
                   "%/ratings.csv: | no file of titles | data.item_key=id");
    support_write(folder, "movies.csv", "10,Same\n11,Same\n12,Other\n", 0);
    r = support_read(spec, folder, "ratings.csv");
    support_expect(r, "1/Same=2 1/Other=3 2/Same=4 2/13=5");
    assert_int_equal(r->duplicates, 1);
    assert_string_equal(r->title[0], "Same");
    assert_string_equal(r->title[1], "Other");
    assert_null(r->title[2]);
    ratings_free(r);
    support_remove(folder);
}

static void digest_of(const char *lines, struct ratings_spec spec, char out[33])
{
    char *folder = support_folder();
    struct ratings *r;

    support_write(folder, "a.csv", lines, 0);
    r = support_read(spec, folder, "a.csv");
    strcpy(out, r->digest);
    ratings_free(r);
    support_remove(folder);
}

/* The first one: xxhash's own XXH3-128 of the bytes in docs/formats.md. */
static void the_digest_is_of_ids_values_and_order(void **state)
{
    static const char *const others[] = {
        "u,a,1.5\nu,b,3.5\nw,a,.25\n", "u,a,1.5\nu,c,3.5\nv,a,.25\n",  "u,a,1.5\nu,b,3\nv,a,.25\n",
        "u,a,1.5\nv,a,.25\nu,b,3.5\n", "u,a,1.5\nu,b,3.5\nv,a,.125\n", "u,a,1.5\nu,b,3.5\nv,b,.25\n",
        "u,a,1.5\nu,b,3.5\n",
    };
    struct ratings_spec spec = support_plain;
    char first[33], again[33];

    (void)state;
    digest_of("u,a,1.5\nu,b,3.5\nv,a,.25\n", spec, first);
    assert_string_equal(first, "028131cfcc9f81d92d6aea21c0823759");
    digest_of("time,item,rating,user\n5,a,1.50,u\n6,b,35e-1,u\n7,a,0.25,v\n", spec, again);
    assert_string_equal(again, first);
    spec.min_rating = .2;
    digest_of("z,y,.1\nu,a,1.5\nu,b,3.5\nv,a,.25\nw,a,.1\n", spec,
              again); /* what is dropped leaves no trace */
    assert_string_equal(again, first);
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
        digest_of(others[k], support_plain, again);
        assert_string_not_equal(again, first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeated_pair_counts_once),
        cmocka_unit_test(policies_agree_with_a_naive_search),
        cmocka_unit_test(filters_go_rating_then_items_then_users),
        cmocka_unit_test(filters_are_not_repeated),
        cmocka_unit_test(nothing_left_says_why),
        cmocka_unit_test(rows_are_numbered_among_what_is_kept),
        cmocka_unit_test(items_of_one_title_are_one),
        cmocka_unit_test(the_digest_is_of_ids_values_and_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
