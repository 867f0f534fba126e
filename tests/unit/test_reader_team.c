/* A text parsed by several workers in blocks of any size: the same as by one parser. */
#include "support.h"

#include "read/parser.h"

#include <unistd.h>

enum { LINES = 400, HEAD_BYTES = 64 };

static char *folder;

struct result {
    struct parser p;
    struct ratings t;
    int rc;
};

static void init(struct result *r, const struct text_format *d, bool skip_bad)
{
    memset(r, 0, sizeof *r);
    r->t.users = idtable_new();
    r->t.items = idtable_new();
    r->p = (struct parser){.format = d, .skip_bad = skip_bad, .keep_time = d->has_time};
}

static void fini(struct result *r)
{
    idtable_free(r->t.users);
    idtable_free(r->t.items);
    ratings_drop_triplets(&r->t);
}

static void expect_same(const struct result *a, const struct result *b)
{
    assert_int_equal(a->rc, b->rc);
    assert_int_equal(a->p.bad_line, b->p.bad_line);
    if (a->p.bad_line)
        assert_string_equal(a->p.bad_reason, b->p.bad_reason);
    if (a->rc < 0)
        return;
    assert_int_equal(a->p.line, b->p.line);
    assert_int_equal(a->p.lines_read, b->p.lines_read);
    assert_int_equal(a->p.lines_bad, b->p.lines_bad);
    assert_int_equal(a->t.n, b->t.n);
    assert_int_equal(idtable_count(a->t.users), idtable_count(b->t.users));
    assert_int_equal(idtable_count(a->t.items), idtable_count(b->t.items));
    for (int64_t k = 0; k < idtable_count(a->t.users); k++)
        assert_string_equal(idtable_name(a->t.users, k), idtable_name(b->t.users, k));
    for (int64_t k = 0; k < idtable_count(a->t.items); k++)
        assert_string_equal(idtable_name(a->t.items, k), idtable_name(b->t.items, k));
    for (int64_t k = 0; k < a->t.n; k++) {
        assert_int_equal(a->t.user[k], b->t.user[k]);
        assert_int_equal(a->t.item[k], b->t.item[k]);
        assert_true(a->t.value[k] == b->t.value[k]);
        if (a->p.keep_time)
            assert_int_equal(a->t.time[k], b->t.time[k]);
    }
}

/* One parser goes on with the blocks of a text, or parses only the first. */
static int parse_alone(struct parser *p, struct lines *lines, size_t bytes, bool only_first)
{
    struct lines_block b = {.length = 1};
    int rc = 0;

    while (rc == 0 && b.length) {
        assert_int_equal(lines_read(lines, &b, bytes), 0);
        rc = parser_parse_block(p, lines, b.text, b.text + b.length);
        if (only_first && p->past_head)
            break;
    }
    free(b.text);
    return rc;
}

/* The text by a team, in blocks of whole lines of about `block` bytes; its head, and what follows an open
 * quote, by one parser. */
static int parse_by_team(struct parser *p, char *text, size_t bytes, int64_t block, int workers)
{
    struct lines *lines = NULL;
    struct error err;
    char *path;
    int rc;

    text[bytes] = 0;
    path = support_file(folder, "text", text);
    assert_int_equal(lines_open(&lines, path, NULL, path, false, &err), 0);
    rc = parse_alone(p, lines, HEAD_BYTES, true);
    if (rc == 0)
        rc = reader_team_parse(p, lines, workers, (size_t)block);
    if (rc == 0)
        rc = parse_alone(p, lines, (size_t)block, false);
    lines_close(lines);
    free(path);
    return rc;
}

/* `text` has room for a newline and the pad behind it. */
static void compare(const struct text_format *d, char *text, size_t bytes, bool skip_bad, int64_t block,
                    int workers)
{
    struct result one, team;
    size_t bom = bytes >= 3 && memcmp(text, "\357\273\277", 3) == 0 ? 3 : 0, end = bytes;

    init(&team, d, skip_bad);
    team.p.out = &team.t;
    team.rc = parse_by_team(&team.p, text, bytes, block, workers);
    if (text[end - 1] != '\n')
        text[end++] = '\n';
    init(&one, d, skip_bad);
    one.p.out = &one.t;
    one.p.last = true;
    assert_true(parser_reserve(&one.p, (int64_t)end));
    one.rc = parser_parse_lines(&one.p, text + bom, text + end, NULL);
    expect_same(&one, &team);
    fini(&one);
    fini(&team);
}

/* Lines of every kind; `bad`: one in so many is bad, 0: none. */
static size_t make_text(char *text, const struct text_format *d, int bad, bool last_newline)
{
    size_t n = 0;

    if (rand() % 3 == 0)
        n += (size_t)sprintf(text, "\357\273\277");
    if (d->head_lines)
        n += (size_t)sprintf(text + n, "user,item,rating,time\r\n");
    for (int k = 0; k < LINES; k++) {
        int kind = rand() % 12;
        const char *end = rand() % 4 ? "\n" : "\r\n";

        if (bad && rand() % bad == 0)
            n += (size_t)sprintf(text + n, "%d,x%s", k, end);
        else if (d->layout == FORMAT_LISTS)
            n += (size_t)sprintf(text + n, "u%d i%d %d%s", rand() % 40, rand() % 40, rand() % 9, end);
        else if (kind == 0)
            n += (size_t)sprintf(text + n, "%s", end);
        else if (kind == 1)
            n += (size_t)sprintf(text + n, "\"a, %d\",\"a rather long name of an item, %d\",%d,%d%s",
                                 rand() % 9, rand() % 9, rand() % 5, rand() % 1000, end);
        else
            n += (size_t)sprintf(text + n, "%d,%d,%d.5,%d%s", k / 20 + rand() % 3, rand() % 60, rand() % 5,
                                 978300000 + rand() % 100, end);
    }
    while (!last_newline && n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    return n;
}

static void any_blocks_and_workers(void **state)
{
    static const int64_t blocks[] = {1, 2, 7, 33, 64, 250, 1000, 4096, 1 << 20};
    struct text_format csv = {.layout = FORMAT_DELIMITED,
                              .where = -1,
                              .event = -1,
                              .strict = true,
                              .delimiter = ",",
                              .delimiter_length = 1,
                              .quotes = true,
                              .columns = 4,
                              .has_rating = true,
                              .has_time = true,
                              .of = {-1, 0, 1, 2, 3}};
    struct text_format lists = {.layout = FORMAT_LISTS,
                                .where = -1,
                                .event = -1,
                                .blanks = true,
                                .delimiter = " ",
                                .delimiter_length = 1};
    char *text = malloc(LINES * 100 + 100);

    (void)state;
    assert_non_null(text);
    srand(5);
    for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++)
        for (int round = 0; round < 12; round++) {
            struct text_format d = round % 4 == 3 ? lists : csv;
            size_t n;

            d.head_lines = round % 2 == 0;
            n = make_text(text, &d, (round % 3) * (round % 3) * 100, round % 5 != 0);
            compare(&d, text, n, round % 6 < 3, blocks[b], (const int[]){1, 2, 3, 5, 8}[round % 5]);
        }
    free(text);
}

/* A line that is longer than several blocks. */
static void a_long_line(void **state)
{
    struct text_format d = {.layout = FORMAT_DELIMITED,
                            .where = -1,
                            .event = -1,
                            .delimiter = ",",
                            .delimiter_length = 1,
                            .columns = 2,
                            .of = {-1, 0, 1, -1, -1}};
    size_t n = 0, space = 600000;
    char *text = malloc(space);

    (void)state;
    assert_non_null(text);
    for (int k = 0; k < 300; k++)
        n += (size_t)sprintf(text + n, "%d,%d\n", k, k % 7);
    memset(text + n, 'x', 300000);
    n += 300000;
    for (int k = 0; k < 300; k++)
        n += (size_t)sprintf(text + n, "\n%d,%d", k, k % 5);
    compare(&d, text, n, true, 1000, 3);
    compare(&d, text, n, false, 1000, 3);
    compare(&d, text, n, true, 100000, 2);
    free(text);
}

/* Many new ids in a block. */
static void many_new_ids(void **state)
{
    struct text_format d = {.layout = FORMAT_DELIMITED,
                            .where = -1,
                            .event = -1,
                            .delimiter = ",",
                            .delimiter_length = 1,
                            .columns = 2,
                            .of = {-1, 0, 1, -1, -1}};
    size_t n = 0;
    char *text = malloc(400000 * 40);

    (void)state;
    assert_non_null(text);
    for (int k = 0; k < 400000; k++)
        n += (size_t)sprintf(text + n, "%d,item-%d\n", (int)(k * 7919LL % 400000), k / 2);
    compare(&d, text, n, false, 4 << 20, 2);
    compare(&d, text, n, false, 3 << 20, 3);
    free(text);
}

/* So many workers that each has a smaller table of numbers than ids ask for. */
static void many_workers(void **state)
{
    struct text_format d = {.layout = FORMAT_DELIMITED,
                            .where = -1,
                            .event = -1,
                            .delimiter = ",",
                            .delimiter_length = 1,
                            .columns = 2,
                            .of = {-1, 0, 1, -1, -1}};
    size_t n = 0;
    char *text = malloc(60000 * 20);

    (void)state;
    assert_non_null(text);
    for (int k = 0; k < 60000; k++)
        n += (size_t)sprintf(text + n, "%d,%d\n", (int)(k * 7919LL % 1048576),
                             (int)(k * 104729LL % 700) * 1500);
    compare(&d, text, n, false, 1000, 48);
    compare(&d, text, n, false, 3000, 17);
    free(text);
}

/* Quoted fields with line breaks, some longer than a piece. */
static void quotes_with_line_breaks(void **state)
{
    struct text_format d = {
        .layout = FORMAT_DELIMITED, .where = -1, .event = -1, .columns = 3, .of = {-1, 0, 1, -1, -1}};
    char *text = malloc(400000);
    size_t n = 0;

    (void)state;
    assert_non_null(text);
    text_set_delimiter(&d, ",");
    for (int k = 0; k < 3000; k++)
        n += (size_t)sprintf(text + n, k == 2000 ? "%d,%d,\"a\n1,2,b\n%0400d\nc\"\n" : "%d,%d,x%d\n", k,
                             k % 7, k);
    compare(&d, text, n, false, 1000, 3);
    compare(&d, text, n, false, 100000, 2);
    free(text);
}

/* A bad line, and an open quote, far from the end: what others have read by then is read again. */
static void what_follows_an_open_quote(void **state)
{
    struct text_format d = {
        .layout = FORMAT_DELIMITED, .where = -1, .event = -1, .columns = 3, .of = {-1, 0, 1, -1, -1}};
    char *text = malloc(400000);
    size_t n = 0;

    (void)state;
    assert_non_null(text);
    text_set_delimiter(&d, ",");
    for (int k = 0; k < 9000; k++)
        n += (size_t)sprintf(text + n, k == 100 || k == 8990 ? "%d,%d,\"a\n%d,\"\n" : "%d,%d,x%d\n", k, k % 7,
                             k);
    for (int workers = 1; workers <= 8; workers++)
        for (int64_t block = 20; block < 40000; block *= 7)
            compare(&d, text, n, false, block, workers);
    n += (size_t)sprintf(text + n, "1,2\n3,4,5\n");
    compare(&d, text, n, false, 500, 3);
    compare(&d, text, n, true, 500, 3);
    free(text);
}

static void a_file_that_shrinks(void **state)
{
    size_t space = 6 << 20;
    char *text = malloc(space + 1), *path;
    const char *begin, *end;
    struct lines *lines = NULL;
    struct error err = {0};

    (void)state;
    assert_non_null(text);
    for (size_t k = 0; k < space; k += 4)
        memcpy(text + k, "1,2\n", 4);
    text[space] = 0;
    path = support_file(folder, "text", text);
    assert_int_equal(lines_open(&lines, path, NULL, path, false, &err), 0);
    assert_int_equal(lines_next(lines, 0, &begin, &end, &err), 0);
    assert_true(begin < end && lines_have_more(lines));
    assert_int_equal(truncate(path, 5 << 20), 0);
    for (int rc = 0; rc == 0;) {
        rc = lines_next(lines, 0, &begin, &end, &err);
        assert_true(rc < 0 || begin < end);
    }
    assert_int_equal(err.code, PT_EDATA);
    assert_non_null(strstr(err.text, "became shorter while it was read"));
    lines_close(lines);
    free(path);
    free(text);
}

static int make_folder(void **state)
{
    (void)state;
    folder = support_folder();
    return folder ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    support_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_blocks_and_workers),
        cmocka_unit_test(a_long_line),
        cmocka_unit_test(many_new_ids),
        cmocka_unit_test(many_workers),
        cmocka_unit_test(quotes_with_line_breaks),
        cmocka_unit_test(what_follows_an_open_quote),
        cmocka_unit_test(a_file_that_shrinks),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
