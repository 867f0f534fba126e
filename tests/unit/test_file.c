#include "base/file.h"
#include "base/mem.h"
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *folder;

static int make_folder(void **state)
{
    (void)state;
    folder = support_folder();
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    support_remove(folder);
    return 0;
}

static char *in_folder(const char *name)
{
    char *path = file_join(folder, name);

    assert_non_null(path);
    return path;
}

static int entries(void)
{
    DIR *d = opendir(folder);
    struct dirent *e;
    int n = 0;

    while ((e = readdir(d)))
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void assert_content(const char *path, const char *expected)
{
    struct error err = {0};
    char *text = NULL;
    size_t length = 0;

    if (file_read(&text, &length, path, 1 << 24, PT_EFILE, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(length, strlen(expected));
    assert_string_equal(text, expected);
    mem_free(text);
}

static struct file_writer *created(const char *path)
{
    struct error err = {0};
    struct file_writer *w = NULL;

    if (file_create(&w, path, &err) < 0)
        fail_msg("%s", err.text);
    return w;
}

static void a_file_appears_at_the_commit(void **state)
{
    char *path = in_folder("a.txt");
    struct file_writer *w = created(path);
    struct error err = {0};

    (void)state;
    file_write(w, "one ", 4);
    file_printf(w, "%d %s", 2, "three");
    file_write(w, NULL, 0);
    assert_false(file_exists(path));
    assert_int_equal(file_commit(w, &err), 0);
    assert_content(path, "one 2 three");
    assert_int_equal(entries(), 1);

    w = created(path); /* and is replaced whole */
    file_write(w, "new", 3);
    assert_content(path, "one 2 three");
    assert_int_equal(file_commit(w, &err), 0);
    assert_content(path, "new");
    assert_int_equal(entries(), 1);
    mem_free(path);
}

static void an_abandoned_writer_leaves_nothing(void **state)
{
    char *path = support_file(folder, "a.txt", "old");
    struct file_writer *w = created(path);

    (void)state;
    file_write(w, "new", 3);
    file_abandon(w);
    file_abandon(NULL);
    assert_content(path, "old");
    assert_int_equal(entries(), 1);
    free(path);
}

/* Pieces below, at and above the buffer's MiB, by both doors, then patches across what was and was not
 * flushed. */
static void sizes_around_the_buffer_come_back(void **state)
{
    const size_t total = (size_t)9 << 20, mib = 1 << 20;
    const size_t pieces[] = {1, mib - 1, mib, mib + 1, 7, 3 * mib, mib / 2, mib / 2, 100};
    char *path = in_folder("big"), *data = malloc(total), *back = NULL;
    struct file_writer *w = created(path);
    struct error err = {0};
    size_t at = 0, length;

    (void)state;
    for (size_t i = 0; i < total; i++)
        data[i] = (char)('a' + i * 2654435761u % 26);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        if (pieces[i] < mib) {
            file_printf(w, "%.*s", (int)pieces[i], data + at);
        } else {
            file_write(w, data + at, pieces[i]);
        }
        at += pieces[i];
    }
    for (size_t offset = 0; offset + 10 <= at; offset += 777777) {
        memset(data + offset, '#', 10);
        file_patch(w, (int64_t)offset, "##########", 10);
    }
    file_write(w, "end", 3);
    assert_int_equal(file_commit(w, &err), 0);
    assert_int_equal(file_read(&back, &length, path, total, PT_EFILE, &err), 0);
    assert_int_equal(length, at + 3);
    assert_memory_equal(back, data, at);
    assert_string_equal(back + at, "end");
    mem_free(back);
    mem_free(path);
    free(data);
}

static void a_text_too_long_for_the_buffer_is_an_error(void **state)
{
    char *path = in_folder("long"), *text = malloc(3 << 20);
    struct file_writer *w = created(path);
    struct error err = {0};

    (void)state;
    memset(text, 'x', 3 << 20);
    text[(3 << 20) - 1] = 0;
    file_printf(w, "%s", text);
    assert_int_equal(file_commit(w, &err), PT_EFILE);
    assert_int_equal(entries(), 0);
    free(text);
    mem_free(path);
}

static void what_cannot_be_created_is_said(void **state)
{
    char *inside = in_folder("absent/x"), *slash = in_folder("x/"), *link = in_folder("null");
    char *file = support_file(folder, "file", ""), *below = in_folder("file/x");
    const char *const paths[] = {inside, folder, slash, below, "/dev/null", link, ""};
    struct file_writer *w = NULL;

    (void)state;
    assert_int_equal(symlink("/dev/null", link), 0);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct error err = {0};

        assert_int_equal(file_create(&w, paths[i], &err), PT_EFILE);
        assert_non_null(strstr(err.text, paths[i]));
        assert_null(w);
    }
    assert_int_equal(entries(), 2);
    mem_free(inside);
    mem_free(slash);
    mem_free(link);
    mem_free(below);
    free(file);
}

static void a_failed_rename_leaves_no_temporary_file(void **state)
{
    char *path = in_folder("target");
    struct file_writer *w = created(path);
    struct error err = {0};

    (void)state;
    file_write(w, "x", 1);
    assert_int_equal(mkdir(path, 0777), 0); /* came in between */
    assert_int_equal(file_commit(w, &err), PT_EFILE);
    assert_non_null(strstr(err.text, path));
    assert_non_null(strstr(err.text, strerror(EISDIR)));
    assert_int_equal(entries(), 1);
    mem_free(path);
}

/* In a child, since the limit holds for the process. */
static void a_full_disk_keeps_the_old_file(void **state)
{
    static const size_t sizes[] = {70000, 5 << 20}; /* fails at the commit's flush; fails while writing */

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char *path = support_file(folder, "a", "old");
        int status = 0;
        pid_t child = fork();

        if (child == 0) {
            struct rlimit limit = {65536, 65536};
            struct error err = {0};
            struct file_writer *w = NULL;
            char *data = calloc(1, sizes[i]);

            signal(SIGXFSZ, SIG_IGN);
            setrlimit(RLIMIT_FSIZE, &limit);
            if (file_create(&w, path, &err) < 0)
                _exit(2);
            file_write(w, data, sizes[i]);
            file_write(w, data, 10);
            free(data);
            if (file_commit(w, &err) != PT_EFILE || !strstr(err.text, strerror(EFBIG)) ||
                !strstr(err.text, path))
                _exit(3);
            _exit(0);
        }
        assert_true(child > 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_content(path, "old");
        assert_int_equal(entries(), 1);
        free(path);
    }
}

static void half_a_line_is_taken_back(void **state)
{
    char *path = support_file(folder, "lines", "first\n");
    int status = 0;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        struct rlimit limit = {10, 10};
        struct error err = {0};

        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(file_append_line(path, "second", &err) == PT_EFILE && strstr(err.text, path) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_content(path, "first\n");
    free(path);
}

static void a_link_is_followed_not_replaced(void **state)
{
    char *real = support_file(folder, "real", "old"), *link = in_folder("link");
    struct file_writer *w;
    struct error err = {0};
    struct stat st;

    (void)state;
    assert_int_equal(symlink("real", link), 0);
    w = created(link);
    file_write(w, "new", 3);
    assert_int_equal(file_commit(w, &err), 0);
    assert_content(real, "new");
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(entries(), 2);
    free(real);
    mem_free(link);
}

static void a_leftover_with_our_number_is_no_obstacle(void **state)
{
    char name[64], *path = in_folder("a"), *left, *victim = support_file(folder, "victim", "mine");
    struct file_writer *w;
    struct error err = {0};

    (void)state;
    snprintf(name, sizeof name, "a.tmp-%ld", (long)getpid());
    left = in_folder(name);
    assert_int_equal(symlink("victim", left), 0);
    w = created(path);
    file_write(w, "x", 1);
    assert_int_equal(file_commit(w, &err), 0);
    assert_content(path, "x");
    assert_content(victim, "mine");
    assert_int_equal(entries(), 2);
    mem_free(path);
    mem_free(left);
    free(victim);
}

static void sweeping_takes_leftovers_only(void **state)
{
    static const char *const stay[] = {"a.tmp-", "a.tmp-1x", "a.tmp", "tmp-12", "a-12", "model.safetensors"};
    static const char *const go[] = {"a.tmp-1", "model.safetensors.tmp-4711"};
    struct error err = {0};
    char *sub = in_folder("folder.tmp-3");

    (void)state;
    for (size_t i = 0; i < sizeof stay / sizeof *stay; i++)
        free(support_file(folder, stay[i], ""));
    for (size_t i = 0; i < sizeof go / sizeof *go; i++)
        free(support_file(folder, go[i], ""));
    assert_int_equal(mkdir(sub, 0777), 0);
    assert_int_equal(entries(), 9);
    assert_int_equal(file_sweep(folder, &err), 0);
    assert_int_equal(entries(), 7);
    assert_int_equal(file_sweep("/nowhere/at/all", &err), PT_EFILE);
    mem_free(sub);
}

static void reading_obeys_the_limit(void **state)
{
    char *path = support_file(folder, "a", "12345");
    struct error err = {0};
    char *text = NULL;
    size_t length;

    (void)state;
    assert_int_equal(file_read(&text, &length, path, 5, PT_EDATA, &err), 0);
    assert_int_equal(length, 5);
    assert_string_equal(text, "12345");
    mem_free(text);
    assert_int_equal(file_read(&text, &length, path, 4, PT_EDATA, &err), PT_EDATA);
    assert_non_null(strstr(err.text, "larger than 4 bytes"));
    assert_int_equal(file_read(&text, &length, folder, 4000, PT_ECONFIG, &err), PT_ECONFIG);
    assert_int_equal(file_read(&text, &length, "/nowhere/at/all", 4, PT_EFILE, &err), PT_EFILE);
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    /* Files that do not know their size. */
    assert_int_equal(file_read(&text, &length, "/proc/self/status", 1 << 20, PT_EFILE, &err), 0);
    assert_true(length > 100 && strlen(text) == length);
    mem_free(text);
    assert_int_equal(file_read(&text, &length, "/dev/zero", 300000, PT_EFILE, &err), PT_EFILE);
    assert_int_equal(file_read(&text, &length, "/dev/null", 0, PT_EFILE, &err), 0);
    assert_int_equal(length, 0);
    assert_string_equal(text, "");
    mem_free(text);
    free(path);
}

static void lines_are_appended_and_cut(void **state)
{
    char *path = in_folder("metrics.jsonl");
    struct error err = {0};
    FILE *f;

    (void)state;
    assert_int_equal(file_keep_lines(path, 3, &err), 0);
    assert_false(file_exists(path));
    assert_int_equal(file_append_line(path, "one", &err), 0);
    assert_int_equal(file_append_line(path, "two", &err), 0);
    assert_int_equal(file_append_line(path, "", &err), 0);
    assert_content(path, "one\ntwo\n\n");
    assert_int_equal(file_keep_lines(path, 9, &err), 0);
    assert_content(path, "one\ntwo\n\n");
    f = fopen(path, "a");
    fputs("half a li", f);
    fclose(f);
    assert_int_equal(file_keep_lines(path, 9, &err), 0);
    assert_content(path, "one\ntwo\n\n");
    assert_int_equal(file_keep_lines(path, 1, &err), 0);
    assert_content(path, "one\n");
    assert_int_equal(file_keep_lines(path, 0, &err), 0);
    assert_content(path, "");
    assert_int_equal(file_append_line("/nowhere/at/all", "x", &err), PT_EFILE);
    mem_free(path);
}

static void folders_are_made_with_their_parents(void **state)
{
    char *deep = in_folder("a//b/c/"), *blocked = in_folder("file/x"),
         *file = support_file(folder, "file", "");
    struct error err = {0};

    (void)state;
    assert_int_equal(file_make_folder(deep, &err), 0);
    assert_int_equal(file_make_folder(deep, &err), 0);
    assert_true(file_exists(deep));
    assert_int_equal(file_make_folder(blocked, &err), PT_EFILE);
    assert_int_equal(file_make_folder(file, &err), PT_EFILE);
    assert_non_null(strstr(err.text, "no folder"));
    assert_int_equal(file_make_folder("/proc/x/y", &err), PT_EFILE);
    mem_free(deep);
    mem_free(blocked);
    free(file);
}

static void joining_puts_one_slash(void **state)
{
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"", "b", "b"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path = file_join(cases[i][0], cases[i][1]);

        assert_string_equal(path, cases[i][2]);
        mem_free(path);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_appears_at_the_commit),
        TEST(an_abandoned_writer_leaves_nothing),
        TEST(sizes_around_the_buffer_come_back),
        TEST(a_text_too_long_for_the_buffer_is_an_error),
        TEST(what_cannot_be_created_is_said),
        TEST(a_failed_rename_leaves_no_temporary_file),
        TEST(a_full_disk_keeps_the_old_file),
        TEST(half_a_line_is_taken_back),
        TEST(a_link_is_followed_not_replaced),
        TEST(a_leftover_with_our_number_is_no_obstacle),
        TEST(sweeping_takes_leftovers_only),
        TEST(reading_obeys_the_limit),
        TEST(lines_are_appended_and_cut),
        TEST(folders_are_made_with_their_parents),
        TEST(joining_puts_one_slash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
