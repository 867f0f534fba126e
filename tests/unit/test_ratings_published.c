/* The published sets as they come: folder, file, packed file, zip. */
#include "support.h"

#include "data/ratings.h"
#include "read/read.h"

static const struct ratings_spec plain = {.delimiter = "", .min_rating = -1e30};

static struct ratings *read_with(struct ratings_spec spec, const char *fmt, const char *a, const char *b)
{
    char path[4096];
    struct ratings *r = NULL;
    struct error err = {0};

    snprintf(path, sizeof path, fmt, a, b);
    spec.path = path;
    if (ratings_read(&r, &spec, &err) < 0)
        fail_msg("%s", err.text);
    return r;
}

static struct ratings *read_set(struct ratings_spec spec, const char *name)
{
    return read_with(spec, "%s/%s", support_data(), name);
}

static void expect(const struct ratings *r, int64_t n, int64_t users, int64_t items)
{
    assert_int_equal(r->n, n);
    assert_int_equal(idtable_count(r->users), users);
    assert_int_equal(idtable_count(r->items), items);
    assert_int_equal(r->lines_read, n);
    assert_int_equal(r->lines_bad, 0);
    assert_int_equal(r->duplicates, 0);
}

static const char *title_of(const struct ratings *r, const char *item)
{
    int64_t row = idtable_find(r->items, item, strlen(item));

    assert_true(row >= 0);
    assert_non_null(r->title);
    return r->title[row];
}

static void movielens_100k_as_folder_and_file(void **state)
{
    struct ratings *folder, *file;
    struct ratings_spec spec = plain;

    (void)state;
    skip_without_data();
    spec.want_time = true;
    folder = read_set(spec, "ml-100k");
    file = read_set(plain, "ml-100k/u.data");
    expect(folder, 100000, 943, 1682);
    expect(file, 100000, 943, 1682);
    assert_string_equal(folder->digest, file->digest);
    assert_null(folder->given);
    assert_true(folder->low == 1 && folder->high == 5);
    assert_string_equal(idtable_name(folder->users, 0), "196");
    assert_int_equal(folder->time[0], 881250949);
    assert_null(file->time);
    assert_string_equal(title_of(folder, "1"), "Toy Story (1995)");
    assert_string_equal(title_of(file, "543"), "Mis\303\251rables, Les (1995)"); /* Latin-1 in u.item */
    ratings_free(folder);
    ratings_free(file);
}

static void movielens_100k_given_splits(void **state)
{
    static const char *const names[] = {"ml-100k/u1", "ml-100k/u1.base", "ml-100k/ua"};
    struct ratings_spec spec = plain;
    char first[65] = "";

    (void)state;
    skip_without_data();
    spec.prefer_given = 1;
    for (int k = 0; k < 3; k++) {
        struct ratings *r = read_set(spec, names[k]);
        int64_t train = 0, test = 0;

        expect(r, 100000, 943, 1682);
        assert_non_null(r->given);
        for (int64_t j = 0; j < r->n; j++) {
            train += r->given[j] == GIVEN_TRAIN;
            test += r->given[j] == GIVEN_TEST;
        }
        assert_int_equal(train, k < 2 ? 80000 : 90570);
        assert_int_equal(test, k < 2 ? 20000 : 9430);
        assert_false(r->finished);
        if (k == 0)
            strcpy(first, r->digest);
        else
            assert_int_equal(strcmp(first, r->digest) == 0, k == 1);
        ratings_free(r);
    }
    spec.prefer_given = 0;
    {
        struct ratings *r = read_set(spec, "ml-100k/u1.base");

        assert_int_equal(r->n, 80000);
        assert_null(r->given);
        ratings_free(r);
    }
}

static void movielens_1m_without_times(void **state)
{
    struct ratings_spec spec = plain;
    struct ratings *r;

    (void)state;
    skip_without_data();
    spec.want_time = true;
    r = read_set(spec, "ml-1m");
    expect(r, 1000209, 6040, 3706);
    assert_null(r->time);
    assert_string_equal(title_of(r, "1"), "Toy Story (1995)");
    ratings_free(r);
    /* Liang et al.'s filters: counts checked by an awk script. */
    spec.min_rating = 3.5;
    spec.min_user_ratings = 5;
    spec.binarize = true;
    r = read_set(spec, "ml-1m/ratings.dat");
    assert_int_equal(r->n, 575272);
    assert_int_equal(idtable_count(r->users), 6034);
    assert_int_equal(idtable_count(r->items), 3533);
    assert_int_equal(r->filtered, 1000209 - 575272);
    assert_true(r->low == 1 && r->high == 1);
    ratings_free(r);
}

static void movielens_small_and_titles_as_keys(void **state)
{
    struct ratings_spec spec = plain;
    struct ratings *r;

    (void)state;
    skip_without_data();
    r = read_set(plain, "ml-latest-small");
    expect(r, 100836, 610, 9724);
    assert_true(r->low == 0.5f && r->high == 5);
    assert_string_equal(title_of(r, "11"), "American President, The (1995)"); /* quoted, with a comma */
    ratings_free(r);
    spec.item_key = ITEM_KEY_TITLE;
    r = read_set(spec, "ml-latest-small/ratings.csv");
    assert_int_equal(idtable_count(r->items), 9719);
    assert_int_equal(r->n + r->duplicates, 100836);
    assert_string_equal(title_of(r, "Toy Story (1995)"), "Toy Story (1995)");
    ratings_free(r);
}

/* Runs a command where its program is installed; false where it is not. */
static bool pack(const char *fmt, const char *a, const char *b)
{
    char command[8192];

    snprintf(command, sizeof command, fmt, a, b);
    return system(command) == 0;
}

static void packed_in_every_way(void **state)
{
    static const char *const ways[][2] = {
        {"cd %s && zip -qr %s/set.zip ml-latest-small 2>/dev/null", "%s/set.zip%s"},
        {"tar -C %s -czf %s/set.tar.gz ml-latest-small 2>/dev/null", "%s/set.tar.gz%s"},
        {"tar -C %s -cf %s/set.tar ml-latest-small 2>/dev/null", "%s/set.tar%s"},
        {"gzip -c %s/ml-latest-small/ratings.csv >%s/r.csv.gz 2>/dev/null", "%s/r.csv.gz%s"},
        {"zstd -qc %s/ml-latest-small/ratings.csv >%s/r.csv.zst 2>/dev/null", "%s/r.csv.zst%s"},
        {"xz -0c %s/ml-latest-small/ratings.csv >%s/r.csv.xz 2>/dev/null", "%s/r.csv.xz%s"},
    };
    char *folder;
    struct ratings *r;
    char digest[33];
    int done = 0;

    (void)state;
    skip_without_data();
    folder = support_folder();
    r = read_set(plain, "ml-latest-small");
    strcpy(digest, r->digest);
    ratings_free(r);
    for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
        if (!pack(ways[k][0], support_data(), folder))
            continue;
        r = read_with(plain, ways[k][1], folder, "");
        expect(r, 100836, 610, 9724);
        assert_string_equal(r->digest, digest);
        if (k < 3)
            assert_string_equal(title_of(r, "1"), "Toy Story (1995)");
        ratings_free(r);
        done++;
    }
    assert_true(done >= 3); /* tar and gzip are everywhere */
    support_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(movielens_100k_as_folder_and_file),
        cmocka_unit_test(movielens_100k_given_splits),
        cmocka_unit_test(movielens_1m_without_times),
        cmocka_unit_test(movielens_small_and_titles_as_keys),
        cmocka_unit_test(packed_in_every_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
