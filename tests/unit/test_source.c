/* Folders, archives, globs, stdin: which texts are read, in which order, and what is wrong with broken ones.
 */
#include "support_ratings.h"
#include "read/read.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_folder(const char *folder, const char *name)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0777), 0);
}

struct member {
    const char *name, *text; /* what is called .gz is packed; what is called cut.csv.gz, and cut off */
};

/* One text, packed by gzip, into `out`; its bytes. */
static size_t pack(const char *text, char *out, size_t space)
{
    struct archive *a = archive_write_new();
    struct archive_entry *e = archive_entry_new();
    size_t used = 0;

    archive_write_set_format_raw(a);
    archive_write_add_filter_gzip(a);
    archive_write_set_bytes_in_last_block(a, 1);
    assert_int_equal(archive_write_open_memory(a, out, space, &used), ARCHIVE_OK);
    archive_entry_set_pathname(e, "x");
    archive_entry_set_filetype(e, AE_IFREG);
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    assert_true(archive_write_data(a, text, strlen(text)) >= 0);
    archive_entry_free(e);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    return used;
}

/* A zip, or a .tgz, of these members in this order. */
static void make_zip(const char *folder, const char *name, const struct member *m, size_t n)
{
    struct archive *a = archive_write_new();
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (strstr(name, ".tgz")) {
        archive_write_set_format_ustar(a);
        archive_write_add_filter_gzip(a);
    } else {
        archive_write_set_format_zip(a);
    }
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    for (size_t k = 0; k < n; k++) {
        struct archive_entry *e = archive_entry_new();
        size_t bytes = strlen(m[k].text), space = 2 * bytes + 512;
        char *packed = malloc(space);

        assert_non_null(packed);
        memcpy(packed, m[k].text, bytes);
        if (strstr(m[k].name, ".gz"))
            bytes = pack(m[k].text, packed, space);
        if (strstr(m[k].name, "cut.csv.gz"))
            bytes -= 12;
        archive_entry_set_pathname(e, m[k].name);
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_perm(e, 0644);
        archive_entry_set_size(e, (la_int64_t)bytes);
        assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
        assert_true(archive_write_data(a, packed, bytes) >= 0);
        free(packed);
        archive_entry_free(e);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

#define MAKE_ZIP(folder, name, ...)                                                                          \
    make_zip(folder, name, (const struct member[]){__VA_ARGS__},                                             \
             sizeof((const struct member[]){__VA_ARGS__}) / sizeof(struct member))

static void check(struct ratings_spec spec, const char *folder, const char *name, const char *ratings)
{
    struct ratings *r = support_read(spec, folder, name);

    support_expect(r, ratings);
    ratings_free(r);
}

/* --- folders ------------------------------------------------------------------------------------- */

static void a_known_name_comes_first(void **state)
{
    char *folder = support_folder();
    struct ratings_spec given = support_plain;

    (void)state;
    given.prefer_given = 1;
    support_write(folder, "README", "not a rating", 0);
    support_write(folder, "a.txt", "1 1 1\n", 0);
    check(support_plain, folder, "", "1/1=1"); /* the only text */
    support_write(folder, "b.txt", "2 2 2\n", 0);
    support_refuse(support_plain, folder, "", PT_EDATA,
                   "%/: several texts | data.path=%/a.txt | data.path=%/b.txt");
    support_write(folder, "x.base", "3\t3\t3\n", 0);
    support_write(folder, "x.test", "3\t4\t4\n", 0);
    check(support_plain, folder, "", "3/3=3#1 3/4=4#2");
    support_write(folder, "ratings.csv", "4,4,4\n", 0);
    check(support_plain, folder, "", "4/4=4");
    support_write(folder, "ratings.dat", "5::5::5\n", 0);
    check(support_plain, folder, "", "5/5=5");
    support_write(folder, "u.data", "6\t6\t6\t6\n", 0);
    check(support_plain, folder, "", "6/6=6@6");
    check(given, folder, "", "3/3=3#1 3/4=4#2");
    support_remove(folder);
}

static void a_pair_is_found_from_either_name(void **state)
{
    char *folder = support_folder();
    struct ratings_spec given = support_plain;

    (void)state;
    given.prefer_given = 1;
    support_write(folder, "u2.base", "3\t3\t3\n", 0);
    check(given, folder, "u2.base", "3/3=3"); /* no test file beside it */
    support_write(folder, "u2.test", "3\t4\t4\n", 0);
    check(support_plain, folder, "u2", "3/3=3#1 3/4=4#2");
    check(given, folder, "u2", "3/3=3#1 3/4=4#2");
    check(given, folder, "u2.base", "3/3=3#1 3/4=4#2");
    check(support_plain, folder, "u2.base", "3/3=3");
    check(given, folder, "u2.test", "3/4=4");
    support_write(folder, "u2.test", "3\t3\t4\n", 0);
    support_refuse(given, folder, "u2", PT_EDATA,
                   "%/u2: user '3', item '3' stands both in the training file and in the test file");
    support_remove(folder);
}

static void one_folder_further_down(void **state)
{
    char *folder = support_folder();

    (void)state;
    make_folder(folder, "ml-x");
    make_folder(folder, ".git");
    support_write(folder, ".git/u.data", "9\t9\t9\t9\n", 0);
    support_write(folder, "ml-x/ratings.dat", "5::5::5\n", 0);
    support_write(folder, "ml-x/movies.dat", "5::F\374nf::Drama\n7::Sieben::x\n", 0);
    {
        struct ratings *r = support_read(support_plain, folder, "");

        support_expect(r, "5/5=5");
        assert_string_equal(r->title[0], "F\303\274nf");
        ratings_free(r);
    }
    make_folder(folder, "ml-y");
    support_write(folder, "ml-y/u.data", "6\t6\t6\t6\n", 0);
    support_refuse(
        support_plain, folder, "", PT_EDATA,
        "%/: holds several data sets (%/ml-x/ratings.dat and %/ml-y/u.data); name the one to read");
    support_remove(folder);
}

static const char *const five[][2] = {
    {"train.csv", "uid,sid\n0,0\n0,1\n1,0\n"}, {"validation_tr.csv", "uid,sid\n2,1\n"},
    {"validation_te.csv", "uid,sid\n2,0\n"},   {"test_tr.csv", "uid,sid\n3,0\n"},
    {"test_te.csv", "uid,sid\n3,1\n3,7\n"},
};

/* Filters do not apply, other files are ignored, items that training does not know are kept. */
static void a_finished_split(void **state)
{
    char *folder = support_folder();
    struct ratings_spec spec = support_plain;
    struct ratings *r;

    (void)state;
    for (int k = 4; k >= 0; k--)
        support_write(folder, five[k][0], five[k][1], 0);
    support_write(folder, "ratings.csv", "broken\n", 0);
    support_write(folder, "unique_sid.txt", "4\n5\n", 0);
    spec.min_rating = 4;
    spec.min_user_ratings = 2;
    spec.min_item_ratings = 3;
    r = support_read(spec, folder, "");
    support_expect(r, "0/0=1#1 0/1=1#1 1/0=1#1 2/1=1#3 2/0=1#4 3/0=1#5 3/1=1#6 3/7=1#6");
    assert_true(r->finished);
    assert_int_equal(r->filtered, 0);
    ratings_free(r);
    support_write(folder, "test_te.csv", "uid,sid\n0,7\n", 0);
    support_refuse(
        spec, folder, "", PT_EDATA,
        "%/: user '0' stands both in train.csv and in test_te.csv: a finished split holds out whole users");
    support_write(folder, "test_te.csv", "uid,sid\n3,0\n", 0);
    support_refuse(spec, folder, "", PT_EDATA,
                   "%/: user '3', item '0' stands both in test_tr.csv and in test_te.csv");
    support_write(folder, "test_te.csv", "uid,sid,rating\n3,1,5\n", 0);
    support_refuse(spec, folder, "", PT_EDATA, "%/test_te.csv: has ratings, unlike %/train.csv");
    support_write(folder, "test_te.csv", "uid,sid\n3\n", 0);
    support_refuse(spec, folder, "", PT_EDATA,
                   "%/test_te.csv:2: 1 field where 2 are expected (user, item); fields are cut at ',': is "
                   "another data.delimiter wanted?");
    {
        char path[4096];

        snprintf(path, sizeof path, "%s/test_te.csv", folder);
        assert_int_equal(unlink(path), 0);
    }
    support_refuse(
        spec, folder, "", PT_EDATA,
        "%/: test_te.csv is missing of a finished split of five files (train.csv, validation_tr.csv, "
        "validation_te.csv, test_tr.csv, test_te.csv)");
    support_remove(folder);
}

static void a_finished_split_with_ratings_in_a_zip(void **state)
{
    char *folder = support_folder();
    struct ratings *r;

    (void)state;
    MAKE_ZIP(folder, "s.zip", {"pro_sg/test_te.csv", "uid,sid,rating\n3,1,2\n"},
             {"pro_sg/test_tr.csv", "uid,sid,rating\n3,0,1.5\n"},
             {"pro_sg/train.csv", "uid,sid,rating\n0,0,4\n0,1,5\n"},
             {"pro_sg/validation_te.csv", "uid,sid,rating\n2,0,2\n"},
             {"pro_sg/validation_tr.csv", "uid,sid,rating\n2,1,3\n"});
    r = support_read(support_plain, folder, "s.zip");
    support_expect(r, "0/0=4#1 0/1=5#1 2/1=3#3 2/0=2#4 3/0=1.5#5 3/1=2#6");
    assert_true(r->finished);
    ratings_free(r);
    support_remove(folder);
}

/* --- archives ------------------------------------------------------------------------------------ */

static void a_zip_as_it_comes(void **state)
{
    char *folder = support_folder();
    struct ratings *r;

    (void)state;
    MAKE_ZIP(folder, "a.zip", {"__MACOSX/ml-x/._ratings.csv", "junk"}, {"ml-x/README.txt", "1,2,3\n"},
             {"ml-x/movies.csv", "movieId,title,genres\r\n2,\"Say \"\"Two\"\", then\",Drama\r\n9,Nine,x\r\n"},
             {"ml-x/ratings.csv", "userId,movieId,rating,timestamp\r\n1,2,3,4\r\n1,3,3,4\r\n"},
             {"ml-x/tags.csv", "userId,movieId,tag,timestamp\r\n1,2,x,4\r\n"});
    r = support_read(support_plain, folder, "a.zip");
    support_expect(r, "1/2=3@4 1/3=3@4");
    assert_string_equal(r->title[0], "Say \"Two\", then");
    assert_null(r->title[1]);
    ratings_free(r);
    support_remove(folder);
}

/* The message of a broken archive ends in libarchive's own words, which differ by version. */
static void refuse_start(const char *folder, const char *name, const char *start)
{
    struct ratings_spec spec = support_plain;
    struct ratings *r = NULL;
    struct error err = {0};
    char path[4096], wanted[5000];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(wanted, sizeof wanted, "%s%s", path, start);
    spec.path = path;
    assert_int_equal(ratings_read(&r, &spec, &err), PT_EDATA);
    err.text[strlen(wanted) < sizeof err.text ? strlen(wanted) : 0] = 0;
    assert_string_equal(err.text, wanted);
}

/* tar -C folder . puts "./" before every name. */
static void a_tar_of_a_folder_itself(void **state)
{
    char *folder = support_folder();

    (void)state;
    MAKE_ZIP(folder, "a.tgz", {"./ratings.csv", "1,2,3\n"}, {"./.ratings.csv.swp", "1,2,9\n"},
             {"./._ratings.csv", "junk"});
    check(support_plain, folder, "a.tgz", "1/2=3");
    MAKE_ZIP(folder, "b.tgz", {"./x/mine.csv", "1,2,4\n"}, {"./__MACOSX/x/mine.csv", "junk"});
    check(support_plain, folder, "b.tgz", "1/2=4");
    support_remove(folder);
}

static void packed_members_are_unpacked(void **state)
{
    char *folder = support_folder(), *large = malloc(700000);
    struct ratings *r, *plain;

    (void)state;
    assert_non_null(large);
    MAKE_ZIP(folder, "a.zip", {"m/ratings.csv.gz", "1,2,3\n1,3,4\n"},
             {"m/movies.csv.gz", "movieId,title\n3,Three\n"});
    r = support_read(support_plain, folder, "a.zip");
    support_expect(r, "1/2=3 1/3=4");
    assert_string_equal(r->title[1], "Three");
    ratings_free(r);
    MAKE_ZIP(folder, "b.tgz", {"./x.csv.gz", "1,2,3\n1,3,4\n"});
    check(support_plain, folder, "b.tgz", "1/2=3 1/3=4");
    MAKE_ZIP(folder, "none.zip", {"x.csv.gz", ""});
    support_refuse(support_plain, folder, "none.zip", PT_EDATA, "%/none.zip/x.csv.gz: is empty");
    MAKE_ZIP(folder, "cut.zip", {"cut.csv.gz", "1,2,3\n"});
    refuse_start(folder, "cut.zip", "/cut.csv.gz: cannot be unpacked: ");
    MAKE_ZIP(folder, "zip.zip", {"x.csv", "PK\003\004\024"});
    support_refuse(support_plain, folder, "zip.zip", PT_EDATA,
                   "%/zip.zip/x.csv: is packed data, which is not read; unpack it, or give its path");
    /* many blocks, of numbers that hardly shrink */
    for (uint32_t k = 0, x = 1, at = 0; at < 690000; k++) {
        x = x * 1664525 + 1013904223;
        at += (uint32_t)snprintf(large + at, 32, "%07u,%u\n", x >> 12, k ^ 5);
    }
    MAKE_ZIP(folder, "large.tgz", {"large.csv.gz", large});
    support_write(folder, "large.csv", large, 0);
    r = support_read(support_plain, folder, "large.tgz");
    plain = support_read(support_plain, folder, "large.csv");
    assert_true(r->n > 40000);
    assert_string_equal(r->digest, plain->digest);
    ratings_free(plain);
    ratings_free(r);
    free(large);
    support_remove(folder);
}

/* Files of other programs are told by their first bytes, those in a folder by their names. */
static void files_of_other_programs_are_told(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *what;
    } foreign[] = {
        {"PAR1\x15\x04\x15", 7, "a Parquet file"},     {"\x93NUMPY\x01\0v\0", 10, "a NumPy array"},
        {"\x89HDF\r\n\x1a\n\0", 9, "an HDF5 file"},    {"SQLite format 3\0\x10", 17, "an SQLite database"},
        {"ARROW1\0\0", 8, "an Arrow or Feather file"},
    };
    char *folder = support_folder(), message[256];

    (void)state;
    for (size_t k = 0; k < sizeof foreign / sizeof *foreign; k++) {
        support_write(folder, "f", foreign[k].bytes, foreign[k].n);
        snprintf(message, sizeof message, "%%/f: is %s, which is not read | onvert", foreign[k].what);
        support_refuse(support_plain, folder, "f", PT_EDATA, message);
    }
    support_write(folder, "f", "PAR1\tORC\t3\n", 0); /* ids may begin so */
    check(support_plain, folder, "f", "PAR1/ORC=3");
    MAKE_ZIP(folder, "a.xlsx", {"[Content_Types].xml", "<x/>"}, {"xl/workbook.xml", "<x/>"});
    support_refuse(support_plain, folder, "a.xlsx", PT_EDATA,
                   "%/a.xlsx: is an Excel workbook (.xlsx), which is not read; export its sheet as CSV");
    MAKE_ZIP(folder, "a.npz", {"u.npy", "x"}, {"i.npy", "x"});
    support_refuse(support_plain, folder, "a.npz", PT_EDATA,
                   "%/a.npz: is a NumPy archive (.npz), which is not read; write user, item, rating as CSV");
    make_folder(folder, "d");
    support_write(folder, "d/part-0.parquet", "PAR1", 0);
    support_refuse(support_plain, folder, "d", PT_EDATA, "%/d: no ratings here | part-0.parquet");
    support_remove(folder);
}

static void parts_in_a_folder_are_told_of(void **state)
{
    char *folder = support_folder();

    (void)state;
    make_folder(folder, "d");
    support_write(folder, "d/part-0.csv", "1,2,3\n", 0);
    support_write(folder, "d/part-1.csv", "1,3,3\n", 0);
    support_refuse(support_plain, folder, "d", PT_EDATA,
                   "%/d: several texts | data.path=%/d/part-0.csv | parts of one: data.path='%/d/*.csv'");
    check(support_plain, folder, "d/*.csv", "1/2=3 1/3=3");
    support_remove(folder);
}

static void a_folder_comes_before_a_pair_of_its_name(void **state)
{
    char *folder = support_folder();

    (void)state;
    support_write(folder, "foo.base", "1\t1\t3\n", 0);
    support_write(folder, "foo.test", "1\t2\t4\n", 0);
    check(support_plain, folder, "foo", "1/1=3#1 1/2=4#2");
    make_folder(folder, "foo");
    support_write(folder, "foo/ratings.csv", "9,9,9\n", 0);
    check(support_plain, folder, "foo", "9/9=9");
    support_remove(folder);
}

static void bad_archives(void **state)
{
    char *folder = support_folder(), path[4096];

    (void)state;
    MAKE_ZIP(folder, "bad.zip", {"x/ratings.csv", "1,2,3\n1,2\n"});
    support_refuse(support_plain, folder, "bad.zip", PT_EDATA,
                   "%/bad.zip/x/ratings.csv:2: 2 fields where 3 are expected (user, item, rating)");
    MAKE_ZIP(folder, "none.zip", {"x/README", "nothing"});
    support_refuse(support_plain, folder, "none.zip", PT_EDATA, "%/none.zip: no ratings here");
    MAKE_ZIP(folder, "two.zip", {"a/u.data", "1\t2\t3\t4\n"}, {"b/u.data", "1\t2\t3\t4\n"});
    support_refuse(support_plain, folder, "two.zip", PT_EDATA,
                   "%/two.zip: holds several data sets (%/two.zip/a/u.data and %/two.zip/b/u.data); name the "
                   "one to read");
    MAKE_ZIP(folder, "esc.zip", {"\033[2Ju.data", "1\t2\t3\t4\n1\n"});
    support_refuse(
        support_plain, folder, "esc.zip", PT_EDATA,
        "%/esc.zip/?[2Ju.data:2: 1 field where 4 are expected (user, item, rating, time); fields are "
        "cut at '\\t': is another data.delimiter wanted?");
    MAKE_ZIP(folder, "up.zip",
             {"../../u.data", "1\t2\t3\t4\n1\n"}); /* hidden by its dots; nothing is written anyway */
    support_refuse(support_plain, folder, "up.zip", PT_EDATA, "%/up.zip: no ratings here");
    MAKE_ZIP(folder, "empty.zip", {"u.data", ""});
    support_refuse(support_plain, folder, "empty.zip", PT_EDATA, "%/empty.zip/u.data: is empty");
    support_write(folder, "text.zip", "1,2,3\n", 0);
    support_refuse(support_plain, folder, "text.zip", PT_EDATA,
                   "%/text.zip: is not a .zip file (its first bytes are another's)");
    support_write(folder, "nil.gz", "", 0);
    support_refuse(support_plain, folder, "nil.gz", PT_EDATA, "%/nil.gz: is not a .gz file (it is empty)");
    support_write(folder, "cut.gz", "\037\213\010\0\0\0\0\0\0\003\0", 10);
    refuse_start(folder, "cut.gz", ": cannot be unpacked: ");
    support_write(folder, "cut.zip", "PK\003\004\024\0\0\0", 8);
    refuse_start(folder, "cut.zip", ": cannot be unpacked: ");
    MAKE_ZIP(folder, "good.zip", {"u.data", "1\t2\t3\t4\n1\t3\t3\t4\n1\t4\t3\t4\n1\t5\t3\t4\n"});
    snprintf(path, sizeof path, "%s/good.zip", folder);
    assert_int_equal(truncate(path, 40), 0);
    refuse_start(folder, "good.zip", "");
    support_remove(folder);
}

/* 600 MiB of zeros and newlines in some 600 KiB. */
static void a_bomb_is_stopped(void **state)
{
    char *folder = support_folder(), path[4096], *chunk = malloc(1 << 20);
    struct ratings_spec spec = support_plain;
    struct archive *a = archive_write_new();
    struct archive_entry *e = archive_entry_new();
    struct ratings *r = NULL;
    struct error err = {0};

    (void)state;
    assert_non_null(chunk);
    snprintf(path, sizeof path, "%s/b.zip", folder);
    memset(chunk, '\n', 1 << 20);
    archive_write_set_format_zip(a);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    archive_entry_set_pathname(e, "u.data");
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0644);
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    for (int k = 0; k < 600; k++)
        assert_int_equal(archive_write_data(a, k ? chunk : "1\t2\t3\t4\n", k ? 1 << 20 : 8), k ? 1 << 20 : 8);
    archive_entry_free(e);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    free(chunk);
    spec.path = path;
    assert_int_equal(ratings_read(&r, &spec, &err), PT_EDATA);
    assert_non_null(strstr(err.text, "b.zip/u.data: stopped after 2"));
    assert_non_null(strstr(err.text, "more than 200 times its size"));
    support_remove(folder);
}

/* --- globs, stdin, paths --------------------------------------------------------------------------- */

static void part_files_in_the_order_of_their_names(void **state)
{
    char *folder = support_folder();

    (void)state;
    support_write(folder, "part-2.csv", "user,item,rating\n3,1,3\n", 0);
    support_write(folder, "part-10.csv", "user,item,rating\n2,1,2\n", 0);
    support_write(folder, "part-1.csv", "item,user,rating\n1,1,1\n", 0); /* the order of columns may differ */
    support_write(folder, "part-3.csv", "", 0);
    make_folder(folder, "part-9.csv");
    check(support_plain, folder, "part-*.csv", "1/1=1 2/1=2 3/1=3");
    support_write(folder, "part-4.csv", "user,item\n2,5\n", 0);
    support_refuse(support_plain, folder, "part-*.csv", PT_EDATA,
                   "%/part-4.csv: has no ratings, unlike %/part-1.csv");
    support_write(folder, "part-4.csv", "user,item,rating\n2,5\n", 0);
    support_refuse(support_plain, folder, "part-*.csv", PT_EDATA,
                   "%/part-4.csv:2: 2 fields where 3 are expected (user, item, rating)");
    support_refuse(support_plain, folder, "nothing-*.csv", PT_EDATA, "%/nothing-*.csv: no file matches");
    support_refuse(support_plain, folder, "part-9*", PT_EDATA, "%/part-9*: only folders match");
    support_remove(folder);
}

static void from_stdin(const char *text, size_t bytes, const char *ratings, const char *message)
{
    char *folder = support_folder(), path[4096];
    struct ratings_spec spec = support_plain;
    struct ratings *r = NULL;
    struct error err = {0};
    int old = dup(STDIN_FILENO), fd, rc;

    support_write(folder, "in", text, bytes);
    snprintf(path, sizeof path, "%s/in", folder);
    fd = open(path, O_RDONLY);
    assert_true(old >= 0 && fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
    spec.path = "-";
    rc = ratings_read(&r, &spec, &err);
    assert_int_equal(dup2(old, STDIN_FILENO), STDIN_FILENO);
    close(fd);
    close(old);
    if (message) {
        assert_int_equal(rc, PT_EDATA);
        assert_string_equal(err.text, message);
    } else {
        assert_int_equal(rc, 0);
        support_expect(r, ratings);
        ratings_free(r);
    }
    support_remove(folder);
}

static void standard_input(void **state)
{
    (void)state;
    from_stdin("1,2,3\n2,2,4", 0, "1/2=3 2/2=4", NULL);
    from_stdin("1,2,3\n2,2", 0, NULL, "stdin:2: 2 fields where 3 are expected (user, item, rating)");
    from_stdin("\037\213\010 packed", 0, NULL,
               "stdin: is packed data, which is not read; unpack it, or give its path");
    from_stdin("\n", 0, NULL, "stdin: is empty");
}

static void bad_paths(void **state)
{
    char *folder = support_folder(), path[4096];

    (void)state;
    support_refuse(support_plain, folder, "nowhere", PT_EDATA, "%/nowhere: there is no such file or folder");
    support_refuse(support_plain, folder, "nowhere/u.data", PT_EDATA,
                   "%/nowhere/u.data: there is no such file or folder");
    support_write(folder, "file", "1,2,3\n", 0);
    support_refuse(support_plain, folder, "file/u.data", PT_EDATA, "%/file/u.data: Not a directory");
    support_refuse(support_plain, folder, "", PT_EDATA, "%/: no ratings here");
    make_folder(folder, "u.data");
    support_refuse(support_plain, folder, "u.data", PT_EDATA, "%/u.data: no ratings here");
    snprintf(path, sizeof path, "%s/loop", folder);
    assert_int_equal(symlink("loop", path), 0);
    support_refuse(support_plain, folder, "loop", PT_EDATA, "%/loop: Too many levels of symbolic links");
    if (geteuid() != 0) {
        snprintf(path, sizeof path, "%s/file", folder);
        assert_int_equal(chmod(path, 0), 0);
        support_refuse(support_plain, folder, "file", PT_EDATA,
                       "%/file: cannot be opened: Permission denied");
    }
    {
        struct ratings_spec spec = support_plain;
        struct ratings *r = NULL;
        struct error err = {0};

        spec.path = "";
        assert_int_equal(ratings_read(&r, &spec, &err), PT_ECONFIG);
        spec.path = "synth:nothing";
        assert_true(ratings_read(&r, &spec, &err) < 0);
    }
    support_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_name_comes_first),
        cmocka_unit_test(a_pair_is_found_from_either_name),
        cmocka_unit_test(one_folder_further_down),
        cmocka_unit_test(a_finished_split),
        cmocka_unit_test(a_finished_split_with_ratings_in_a_zip),
        cmocka_unit_test(a_zip_as_it_comes),
        cmocka_unit_test(a_tar_of_a_folder_itself),
        cmocka_unit_test(packed_members_are_unpacked),
        cmocka_unit_test(files_of_other_programs_are_told),
        cmocka_unit_test(parts_in_a_folder_are_told_of),
        cmocka_unit_test(a_folder_comes_before_a_pair_of_its_name),
        cmocka_unit_test(bad_archives),
        cmocka_unit_test(a_bomb_is_stopped),
        cmocka_unit_test(part_files_in_the_order_of_their_names),
        cmocka_unit_test(standard_input),
        cmocka_unit_test(bad_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
