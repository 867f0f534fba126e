/* The cache of read ratings: what is taken from it is what was read; nothing else is taken from it. */
#include "support_ratings.h"

#include "base/file.h"
#include "base/mem.h"
#include "read/cache.h"
#include "read/cache_file.h"
#include "read/read.h"

#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char text[] = "user,item,rating,timestamp\n"
                           "ann,one,4,10\nann,two,3.5,11\nbob,one,2,12\n"
                           "a user with a long name,two,5,13\nbob,three,-1.25,14\nbob,three,1,15\n";
static const char expected[] = "ann/one=4@10 ann/two=3.5@11 bob/one=2@12 a user with a long name/two=5@13 "
                               "bob/three=1@15";
static const char titles[] = "movieId,title,genres\none,\"One, the film\",Drama\ntwo,Zwei \xC3\xA4,Drama\n";

static struct ratings_spec spec_with(const char *cache)
{
    struct ratings_spec spec = support_plain;

    spec.cache = cache;
    return spec;
}

/* Files in a folder; the path of the last one. */
static int count_files(const char *folder, char path[4096])
{
    DIR *d = opendir(folder);
    const struct dirent *entry;
    int n = 0;

    while (d && (entry = readdir(d)))
        if (*entry->d_name != '.') {
            snprintf(path, 4096, "%s/%s", folder, entry->d_name);
            n++;
        }
    if (d)
        closedir(d);
    return n;
}

static void assert_same(const struct ratings *a, const struct ratings *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->user, b->user, (size_t)a->n * 4);
    assert_memory_equal(a->item, b->item, (size_t)a->n * 4);
    assert_memory_equal(a->value, b->value, (size_t)a->n * 4);
    assert_true(!a->time == !b->time && !a->given == !b->given && !a->title == !b->title);
    if (a->time)
        assert_memory_equal(a->time, b->time, (size_t)a->n * 8);
    if (a->given)
        assert_memory_equal(a->given, b->given, (size_t)a->n);
    assert_int_equal(idtable_count(a->users), idtable_count(b->users));
    assert_int_equal(idtable_count(a->items), idtable_count(b->items));
    for (int64_t i = 0; i < idtable_count(a->users); i++)
        assert_string_equal(idtable_name(a->users, i), idtable_name(b->users, i));
    for (int64_t i = 0; i < idtable_count(a->items); i++) {
        assert_string_equal(idtable_name(a->items, i), idtable_name(b->items, i));
        assert_int_equal(idtable_find(b->items, idtable_name(a->items, i), idtable_length(a->items, i)), i);
        if (a->title && a->title[i])
            assert_string_equal(a->title[i], b->title[i]);
        else if (a->title)
            assert_null(b->title[i]);
    }
    assert_true(a->low == b->low && a->high == b->high && a->noise_floor == b->noise_floor);
    assert_int_equal(a->finished, b->finished);
    assert_int_equal(a->lines_read, b->lines_read);
    assert_int_equal(a->lines_bad, b->lines_bad);
    assert_int_equal(a->duplicates, b->duplicates);
    assert_int_equal(a->filtered, b->filtered);
    assert_string_equal(a->sha256, b->sha256);
}

/* A folder with ratings.csv and movies.csv, and an empty one below it: *cache, for free. */
static char *make_source(char **cache)
{
    char *folder = support_folder();

    *cache = malloc(4096);
    snprintf(*cache, 4096, "%s/kept", folder);
    support_write(folder, "ratings.csv", text, 0);
    support_write(folder, "movies.csv", titles, 0);
    return folder;
}

static void clean(char *folder, char *cache)
{
    support_remove(folder);
    free(cache);
}

/* --- what is taken is what was read ---------------------------------------------------------------- */

static void second_reading_takes_the_file(void **state)
{
    char *cache, *folder = make_source(&cache), path[4096];
    struct ratings_spec spec = spec_with(cache);
    struct ratings *first, *second;

    (void)state;
    spec.duplicates = 0;
    first = support_read(spec, folder, "ratings.csv");
    assert_false(first->cached);
    assert_string_equal(first->note, "");
    assert_int_equal(count_files(cache, path), 1);
    second = support_read(spec, folder, "ratings.csv");
    assert_true(second->cached);
    assert_non_null(second->map);
    support_expect(second, expected);
    assert_string_equal(second->title[0], "One, the film");
    assert_same(first, second);
    second->user[0] = 77; /* private: the file stays as it is */
    ratings_free(second);
    second = support_read(spec, folder, "ratings.csv");
    assert_true(second->cached);
    assert_same(first, second);
    ratings_drop_triplets(second);
    assert_int_equal(second->n, 0);
    assert_string_equal(idtable_name(second->users, 0), "ann");
    ratings_free(first);
    ratings_free(second);
    clean(folder, cache);
}

static void generated_and_given_splits_are_kept_too(void **state)
{
    char *cache, *folder = make_source(&cache);
    struct ratings_spec spec = spec_with(cache);
    struct ratings *first = NULL, *second = NULL;
    struct error err = {0};

    (void)state;
    spec.path = "synth:small";
    spec.seed = 3;
    assert_int_equal(ratings_read(&first, &spec, &err), 0);
    assert_int_equal(ratings_read(&second, &spec, &err), 0);
    assert_true(!first->cached && second->cached && first->noise_floor > 0);
    assert_same(first, second);
    ratings_free(second);
    spec.seed = 4;
    assert_int_equal(ratings_read(&second, &spec, &err), 0);
    assert_false(second->cached);
    ratings_free(first);
    ratings_free(second);

    support_write(folder, "u1.base", "1\t1\t3\t5\n1\t2\t4\t6\n", 0);
    support_write(folder, "u1.test", "2\t1\t5\t7\n", 0);
    first = support_read(spec, folder, "u1");
    second = support_read(spec, folder, "u1");
    assert_true(!first->cached && second->cached);
    support_expect(second, "1/1=3@5#1 1/2=4@6#1 2/1=5@7#2");
    assert_same(first, second);
    ratings_free(first);
    ratings_free(second);
    clean(folder, cache);
}

/* --- nothing else is taken --------------------------------------------------------------------------- */

/* Reads ratings.csv; whether it came from the cache. */
static bool was_kept(struct ratings_spec spec, const char *folder)
{
    struct ratings *r = support_read(spec, folder, "ratings.csv");
    bool cached = r->cached;

    ratings_free(r);
    return cached;
}

static void a_changed_source_is_read(void **state)
{
    char *cache, *folder = make_source(&cache), *changed = strdup(text), path[4096];
    struct ratings_spec spec = spec_with(cache);
    struct timespec times[2];
    struct ratings *r;
    struct stat st;

    (void)state;
    assert_false(was_kept(spec, folder));
    assert_true(was_kept(spec, folder));
    /* one digit, with the size and the time of the old file */
    snprintf(path, sizeof path, "%s/ratings.csv", folder);
    assert_int_equal(stat(path, &st), 0);
    *strstr(changed, "3.5") = '2';
    support_write(folder, "ratings.csv", changed, 0);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    r = support_read(spec, folder, "ratings.csv");
    assert_false(r->cached);
    assert_true(r->value[1] == 2.5f);
    ratings_free(r);
    assert_true(was_kept(spec, folder));
    /* titles belong to the source */
    support_write(folder, "movies.csv", "movieId,title,genres\none,Another,Drama\n", 0);
    r = support_read(spec, folder, "ratings.csv");
    assert_false(r->cached);
    assert_string_equal(r->title[0], "Another");
    ratings_free(r);
    /* and what it was is still there */
    support_write(folder, "movies.csv", titles, 0);
    assert_true(was_kept(spec, folder));
    free(changed);
    clean(folder, cache);
}

static void every_option_has_a_file_of_its_own(void **state)
{
    static const char *const columns[] = {"user", "item", "rating", "time"};
    char *cache, *folder = make_source(&cache);
    struct ratings_spec plain = spec_with(cache), other[12];
    int n = 0;

    (void)state;
#define OTHER(field, value) other[n] = plain, other[n].field = (value), n++
    OTHER(format, 1);
    OTHER(delimiter, ",");
    OTHER(header, 1);
    OTHER(bad_lines, 1);
    OTHER(duplicates, 1);
    OTHER(item_key, 1);
    OTHER(binarize, true);
    OTHER(min_rating, 2);
    OTHER(min_user_ratings, 2);
    OTHER(min_item_ratings, 2);
    OTHER(want_time, false);
    OTHER(column, columns);
    other[n - 1].columns = 4;
#undef OTHER
    assert_false(was_kept(plain, folder));
    for (int i = 0; i < n; i++) {
        assert_false(was_kept(other[i], folder));
        assert_true(was_kept(other[i], folder));
    }
    plain.workers = 3; /* not one that changes what is read */
    assert_true(was_kept(plain, folder));
    clean(folder, cache);
}

static void off_and_stdin_have_no_cache(void **state)
{
    char *cache, *folder = make_source(&cache), path[4096];

    (void)state;
    assert_false(was_kept(spec_with("off"), folder));
    assert_false(was_kept(spec_with(""), folder));
    assert_false(was_kept(spec_with(NULL), folder));
    setenv("XDG_CACHE_HOME", cache, 1); /* a small set is not worth a file in the user's folder */
    assert_false(was_kept(spec_with("auto"), folder));
    assert_false(was_kept(spec_with("auto"), folder));
    unsetenv("XDG_CACHE_HOME");
    assert_int_equal(count_files(cache, path), 0);
    assert_false(was_kept(
        (struct ratings_spec){.delimiter = "", .min_rating = -1e30, .cache = cache, .cache_only_read = true},
        folder));
    assert_int_equal(count_files(cache, path), 0);
    clean(folder, cache);
}

static void a_folder_that_cannot_be_written_is_a_note(void **state)
{
    char *cache, *folder = make_source(&cache);
    struct ratings *r;

    (void)state;
    support_write(folder, "kept", "a file", 0);
    r = support_read(spec_with(cache), folder, "ratings.csv");
    assert_non_null(strstr(r->note, "run.cache: "));
    support_expect(r, expected);
    ratings_free(r);
    clean(folder, cache);
}

/* --- damage ----------------------------------------------------------------------------------------- */

struct bytes {
    unsigned char *data; /* owned: for mem_free */
    size_t n;
    char path[4096], key[33];
};

/* The file that reading ratings.csv leaves. */
static struct bytes read_kept(const char *folder, const char *cache)
{
    struct bytes b = {0};
    struct error err = {0};
    const char *slash;
    char *data;

    assert_false(was_kept(spec_with(cache), folder));
    assert_int_equal(count_files(cache, b.path), 1);
    assert_int_equal(file_read(&data, &b.n, b.path, 1 << 20, PT_EFILE, &err), 0);
    b.data = (unsigned char *)data;
    slash = strrchr(b.path, '/');
    memcpy(b.key, slash + 1, 32);
    return b;
}

static void put_bytes(const char *path, const void *data, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, n), n);
    close(fd);
}

/* Whether such a file is taken; what is taken is in bounds. */
static bool is_taken(const struct bytes *b, const void *data, size_t n, char message[1024])
{
    struct ratings *r = NULL;
    struct error err = {0};

    put_bytes(b->path, data, n);
    if (cache_file_read(&r, b->path, b->key, true, &err) < 0) {
        assert_true(*err.text);
        strcpy(message, err.text);
        return false;
    }
    for (int64_t i = 0; i < r->n; i++) {
        assert_in_range(r->user[i], 0, idtable_count(r->users) - 1);
        assert_in_range(r->item[i], 0, idtable_count(r->items) - 1);
        assert_true(isfinite(r->value[i]) && r->value[i] >= r->low && r->value[i] <= r->high);
    }
    ratings_free(r);
    return true;
}

static void no_bit_may_be_wrong_and_no_byte_missing(void **state)
{
    char *cache, *folder = make_source(&cache), message[1024];
    struct bytes b = read_kept(folder, cache);

    (void)state;
    assert_true(is_taken(&b, b.data, b.n, message));
    for (size_t i = 0; i < b.n; i++) {
        b.data[i] ^= (unsigned char)(1 << i % 8);
        assert_false(is_taken(&b, b.data, b.n, message));
        b.data[i] ^= (unsigned char)(1 << i % 8);
        assert_false(is_taken(&b, b.data, i, message));
    }
    b.data = mem_resize(b.data, (int64_t)b.n + 64, 1);
    memset(b.data + b.n, 0, 64);
    assert_false(is_taken(&b, b.data, b.n + 64, message));
    assert_true(is_taken(&b, b.data, b.n, message));
    b.key[0] = b.key[0] == 'a' ? 'b' : 'a';
    assert_false(is_taken(&b, b.data, b.n, message));
    assert_string_equal(message, "another version's or another source's");
    mem_free(b.data);
    clean(folder, cache);
}

/* Version 1 read ratings that a float holds only as a denormal as what they are; they are 0 now. */
static void an_old_version_is_not_taken(void **state)
{
    char *cache, *folder = make_source(&cache), message[1024];
    struct bytes b = read_kept(folder, cache);
    uint32_t version = 1;

    (void)state;
    memcpy(b.data + offsetof(struct cache_header, version), &version, sizeof version);
    assert_true(cache_file_seal(b.data, (int64_t)b.n));
    assert_false(is_taken(&b, b.data, b.n, message));
    assert_string_equal(message, "another version's or another source's");
    mem_free(b.data);
    clean(folder, cache);
}

/* Files made on purpose, with the right checksum: numbers are checked all the same. */
static void a_right_checksum_is_not_enough(void **state)
{
    char *cache, *folder = make_source(&cache), message[1024];
    struct bytes b = read_kept(folder, cache);
    unsigned char *forged = malloc(b.n);
    int refused = 0;

    (void)state;
    srand(1);
    for (int round = 0; round < 4000; round++) {
        memcpy(forged, b.data, b.n);
        for (int k = 0; k < 1 + round % 3; k++)
            forged[(size_t)rand() % b.n] = (unsigned char)(rand() % 3 ? rand() : 255);
        assert_true(cache_file_seal(forged, (int64_t)b.n));
        refused += !is_taken(&b, forged, b.n, message);
    }
    assert_true(refused > 400);
    free(forged);
    mem_free(b.data);
    clean(folder, cache);
}

static void damage_is_noted_and_mended(void **state)
{
    char *cache, *folder = make_source(&cache), *again;
    struct bytes b = read_kept(folder, cache);
    struct error err = {0};
    struct ratings *r;
    size_t n;

    (void)state;
    for (int way = 0; way < 3; way++) {
        if (way == 0)
            put_bytes(b.path, b.data, b.n / 2);
        else if (way == 1)
            put_bytes(b.path, "something else", 14);
        else {
            b.data[b.n - 70] ^= 4;
            put_bytes(b.path, b.data, b.n);
            b.data[b.n - 70] ^= 4;
        }
        r = support_read(spec_with(cache), folder, "ratings.csv");
        assert_false(r->cached);
        assert_non_null(strstr(r->note, b.path));
        assert_null(strchr(r->note, '\n'));
        support_expect(r, expected);
        ratings_free(r);
        assert_int_equal(file_read(&again, &n, b.path, 1 << 20, PT_EFILE, &err), 0);
        assert_int_equal(n, b.n);
        assert_memory_equal(again, b.data, n);
        mem_free(again);
        assert_true(was_kept(spec_with(cache), folder));
    }
    mem_free(b.data);
    clean(folder, cache);
}

/* --- several at once, and how much stays ------------------------------------------------------------ */

static void processes_may_do_it_at_once(void **state)
{
    char *cache, *folder = make_source(&cache), path[4096];
    pid_t child[6];

    (void)state;
    for (int i = 0; i < 6; i++) {
        child[i] = fork();
        assert_true(child[i] >= 0);
        if (child[i] == 0) {
            struct ratings *r = NULL;
            struct ratings_spec spec = spec_with(cache);
            struct error err = {0};
            int rc = 0;

            snprintf(path, sizeof path, "%s/ratings.csv", folder);
            spec.path = path;
            for (int k = 0; k < 5 && rc == 0; k++) {
                rc = ratings_read(&r, &spec, &err);
                rc = rc == 0 && r->n == 5 && !*r->note ? 0 : 1;
                ratings_free(r);
            }
            _exit(rc ? 1 : 0);
        }
    }
    for (int i = 0; i < 6; i++) {
        int status;

        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(count_files(cache, path), 1);
    assert_true(was_kept(spec_with(cache), folder));
    clean(folder, cache);
}

/* A file of this size with nothing in it, last used `days` ago. */
static void put_sparse(const char *folder, const char *name, int64_t size, int days)
{
    struct timespec times[2] = {{0}};
    char path[4096];
    int fd;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    fd = open(path, O_WRONLY | O_CREAT, 0666);
    assert_true(fd >= 0 && ftruncate(fd, size) == 0);
    close(fd);
    times[0].tv_sec = times[1].tv_sec = time(NULL) - days * 86400;
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static bool is_there(const char *folder, const char *name)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return file_exists(path);
}

static void the_users_own_folder_is_bounded(void **state)
{
    char *home = support_folder(), own[2048], path[4096];
    struct ratings_spec spec = spec_with("auto");
    struct ratings *r = NULL;
    struct error err = {0};
    struct stat st;

    (void)state;
    snprintf(own, sizeof own, "%s/partrain", home);
    setenv("XDG_CACHE_HOME", home, 1);
    spec.path = "synth:8000x1000x4000000";
    spec.want_time = false;
    assert_int_equal(ratings_read(&r, &spec, &err), 0);
    ratings_free(r);
    assert_int_equal(count_files(own, path), 1);
    assert_int_equal(stat(own, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    put_sparse(own, "oldest.ratings", (int64_t)3 << 30, 9);
    put_sparse(own, "old.ratings", (int64_t)1 << 30, 8);
    put_sparse(own, "new.ratings.tmp-1", 1, 0);
    put_sparse(own, "dead.ratings.tmp-2", 1, 2);
    put_sparse(own, "somebody's", (int64_t)5 << 30, 20);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ratings_read(&r, &spec, &err), 0);
    assert_false(r->cached);
    ratings_free(r);
    assert_false(is_there(own, "oldest.ratings"));
    assert_true(is_there(own, "old.ratings"));
    assert_true(is_there(own, "new.ratings.tmp-1"));
    assert_false(is_there(own, "dead.ratings.tmp-2"));
    assert_true(is_there(own, "somebody's"));
    assert_int_equal(ratings_read(&r, &spec, &err), 0);
    assert_true(r->cached);
    ratings_free(r);
    unsetenv("XDG_CACHE_HOME");
    support_remove(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(second_reading_takes_the_file),
        cmocka_unit_test(generated_and_given_splits_are_kept_too),
        cmocka_unit_test(a_changed_source_is_read),
        cmocka_unit_test(every_option_has_a_file_of_its_own),
        cmocka_unit_test(off_and_stdin_have_no_cache),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_a_note),
        cmocka_unit_test(no_bit_may_be_wrong_and_no_byte_missing),
        cmocka_unit_test(an_old_version_is_not_taken),
        cmocka_unit_test(a_right_checksum_is_not_enough),
        cmocka_unit_test(damage_is_noted_and_mended),
        cmocka_unit_test(processes_may_do_it_at_once),
        cmocka_unit_test(the_users_own_folder_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
