/* The fast way through plain lines against the careful one, which a blank in front of a line asks for. */
#include "support.h"

#include "read/field.h"
#include "read/lines.h"
#include "read/parser.h"
#include "read/scan.h"

#include <math.h>

enum { LINES = 3000, LONGEST = 200 };

static const char *const ids[] = {"0",
                                  "7",
                                  "007",
                                  "00",
                                  "1",
                                  "+1",
                                  "-5",
                                  "19",
                                  "131262",
                                  "1e3",
                                  "3.0",
                                  "999999",
                                  "1048575",
                                  "1048576",
                                  "12345678",
                                  "123456789",
                                  "012345678",
                                  "u1",
                                  "A00.b",
                                  "b c",
                                  "\"9\"",
                                  "\"a\"\"b\"",
                                  "\"a,b::c\td\"",
                                  "x\"y",
                                  "",
                                  " ",
                                  "\xC3\xA9",
                                  "\x7F",
                                  "a\x01",
                                  "12345678901234567890",
                                  "1234567\xE9",
                                  "/",
                                  ":",
                                  "1:",
                                  "9:",
                                  "1\r",
                                  "'1'"};
static const char *const values[] = {"4",    "3.5", "0.5", "5.0",   "0",    "9.9", "1.3", "0.7",
                                     "4.00", ".5",  "5.",  "10",    "1e0",  "+3",  "-1",  "nan",
                                     "x",    "3,5", "3:5", "\"2\"", " 2 ",  "",    "/.5", "5./",
                                     "3.5 ", "::",  "inf", "1e99",  "2.25", "3\r"};
static const char *const times[] = {"978300760",
                                    "1112486027",
                                    "0",
                                    "1",
                                    "12345678",
                                    "123456789012345",
                                    "1234567890123456",
                                    "12345678901234567",
                                    "0000000001112486027",
                                    "9223372036854775807",
                                    "9223372036854775808",
                                    "-5",
                                    "+7",
                                    "1.5",
                                    "1e9",
                                    "111248602x",
                                    "x112486027",
                                    "11124860:7",
                                    "",
                                    " 3",
                                    "\"4\""};

#define PICK(list) list[rand() % (rand() % 3 ? 3 : (int)(sizeof list / sizeof *list))]

struct result {
    struct parser p;
    struct ratings t;
    int rc;
};

static void parse(struct result *r, const struct text_format *d, const char *text, size_t bytes,
                  bool skip_bad)
{
    char *block = malloc(bytes + LINES_PAD); /* no more: a sanitizer sees who reads too far */

    assert_non_null(block);
    memcpy(block, text, bytes);
    memset(block + bytes, '7', LINES_PAD);
    memset(r, 0, sizeof *r);
    r->t.users = idtable_new();
    r->t.items = idtable_new();
    r->p = (struct parser){.format = d, .out = &r->t, .skip_bad = skip_bad, .keep_time = d->has_time};
    assert_true(parser_reserve(&r->p, (int64_t)bytes));
    r->rc = parser_parse_lines(&r->p, block, block + bytes, NULL);
    free(block);
}

static void fini(struct result *r)
{
    idtable_free(r->t.users);
    idtable_free(r->t.items);
    ratings_drop_triplets(&r->t);
}

static void expect_same_ids(const struct idtable *a, const struct idtable *b)
{
    assert_int_equal(idtable_count(a), idtable_count(b));
    for (int64_t k = 0; k < idtable_count(a); k++) {
        assert_int_equal(idtable_length(a, k), idtable_length(b, k));
        assert_memory_equal(idtable_name(a, k), idtable_name(b, k), idtable_length(a, k));
    }
}

static void expect_same(const struct result *a, const struct result *b)
{
    assert_int_equal(a->rc, b->rc);
    assert_int_equal(a->p.bad_line, b->p.bad_line);
    assert_string_equal(a->p.bad_reason, b->p.bad_reason);
    assert_int_equal(a->p.line, b->p.line);
    assert_int_equal(a->p.lines_read, b->p.lines_read);
    assert_int_equal(a->p.lines_bad, b->p.lines_bad);
    assert_int_equal(a->t.n, b->t.n);
    expect_same_ids(a->t.users, b->t.users);
    expect_same_ids(a->t.items, b->t.items);
    for (int64_t k = 0; k < a->t.n; k++) {
        assert_int_equal(a->t.user[k], b->t.user[k]);
        assert_int_equal(a->t.item[k], b->t.item[k]);
        assert_memory_equal(&a->t.value[k], &b->t.value[k], sizeof(float));
        if (a->p.keep_time)
            assert_int_equal(a->t.time[k], b->t.time[k]);
    }
}

static size_t make_line(char *line, const struct text_format *d)
{
    int columns = rand() % 40 ? d->columns : rand() % 7;
    size_t n = 0;

    for (int c = 0; c < columns; c++) {
        enum role role = c < d->columns ? text_role(d, c) : ROLE_SKIP;
        const char *text = role == ROLE_RATING ? PICK(values) : role == ROLE_TIME ? PICK(times) : PICK(ids);

        if (role != ROLE_RATING && role != ROLE_TIME && rand() % 3)
            n += (size_t)sprintf(line + n, "%s%d", c ? d->delimiter : "", rand() % 3000);
        else if (role == ROLE_RATING && rand() % 2)
            n += (size_t)sprintf(line + n, "%s%d.%d", c ? d->delimiter : "", rand() % 10, rand() % 10);
        else
            n += (size_t)sprintf(line + n, "%s%s", c ? d->delimiter : "", text);
    }
    return n + (size_t)sprintf(line + n, "%s", rand() % 20 == 0 ? " \n" : rand() % 5 ? "\n" : "\r\n");
}

/* Each line by itself, where the first bad one ends it, and all together. */
static void compare(const struct text_format *d)
{
    char *plain = malloc(LINES * LONGEST), *careful = malloc(LINES * LONGEST), line[LONGEST];
    size_t n = 0, m = 0;
    struct result a, b;

    assert_non_null(plain);
    assert_non_null(careful);
    for (int k = 0; k < LINES; k++) {
        size_t length = make_line(line, d);

        careful[m] = ' ';
        memcpy(plain + n, line, length);
        memcpy(careful + m + 1, line, length);
        parse(&a, d, plain + n, length, false);
        parse(&b, d, careful + m, length + 1, false);
        expect_same(&a, &b);
        fini(&a);
        fini(&b);
        n += length;
        m += length + 1;
    }
    parse(&a, d, plain, n, true);
    parse(&b, d, careful, m, true);
    assert_true(a.t.n > LINES / 20);
    assert_true(a.p.lines_bad > 0);
    expect_same(&a, &b);
    fini(&a);
    fini(&b);
    free(plain);
    free(careful);
}

static void plain_lines_are_what_the_careful_way_makes_of_them(void **state)
{
    static const char *const delimiters[] = {",", "\t", "::", ";", "|", ", ", "#!", "-", "."};
    static const int of[][ROLES] = {
        {-1, 0, 1, 2, 3}, {-1, 0, 1, 2, -1}, {-1, 1, 0, -1, -1}, {-1, 4, 2, 3, 0}};
    static const int columns[] = {4, 3, 2, 6};

    (void)state;
    srand(11);
    for (size_t c = 0; c < sizeof delimiters / sizeof *delimiters; c++)
        for (size_t r = 0; r < sizeof columns / sizeof *columns; r++) {
            struct text_format d = {.layout = FORMAT_DELIMITED,
                                    .where = -1,
                                    .event = -1,
                                    .delimiter_length = (int)strlen(delimiters[c]),
                                    .columns = columns[r]};

            strcpy(d.delimiter, delimiters[c]);
            memcpy(d.of, of[r], sizeof of[r]);
            d.quotes = d.strict = strcmp(d.delimiter, ",") == 0 || strcmp(d.delimiter, ";") == 0;
            d.has_rating = d.of[ROLE_RATING] >= 0;
            d.has_time = d.of[ROLE_TIME] >= 0;
            compare(&d);
        }
}

static void bytes_are_found_and_digits_read(void **state)
{
    char text[64];

    (void)state;
    srand(3);
    for (int round = 0; round < 20000; round++) {
        uint32_t expected = 0, others = 0;
        unsigned n = 1 + (unsigned)rand() % 8;
        long number = rand() % 100000000;
        char c = (char)(rand() % 256);

        for (int k = 0; k < SCAN_BYTES; k++) {
            text[k] = rand() % 3 ? (char)(rand() % 256) : c;
            text[k] = rand() % 2 ? (char)('0' + rand() % 10) : text[k];
            expected |= (uint32_t)(text[k] == c) << k;
            others |= (uint32_t)(text[k] < '0' || text[k] > '9') << k;
        }
        assert_true((scan_other(text) & others) == others);
        assert_true((scan_other_words(text) & others) == others);
        assert_true(((scan_other(text) | scan_other_words(text)) & ~(others | others << 1)) == 0);
        assert_int_equal(scan_equal(text, c), expected);
        assert_int_equal(scan_equal_words(text, c), expected);
        snprintf(text, sizeof text, "%0*ld", (int)n, number);
        n = (unsigned)strlen(text);
        assert_int_equal(scan_number(scan_digits(text, n)), number);
        assert_true(scan_odd(scan_digits(text, n)) == 0);
        text[(unsigned)rand() % n] = (char)(rand() % 2 ? '0' - 1 - rand() % 47 : '9' + 1 + rand() % 198);
        assert_true(scan_odd(scan_digits(text, n)) != 0);
    }
}

/* By whichever thread reads it: workers flush denormals. */
static void denormal_ratings_are_zero(void **state)
{
    float value = 1.0f;

    (void)state;
    assert_null(field_rating("1e-40", 5, &value));
    assert_true(value == 0.0f && !signbit(value));
    assert_null(field_rating("-1e-40", 6, &value));
    assert_true(value == 0.0f && !signbit(value));
    assert_null(field_rating("1.2e-38", 7, &value));
    assert_true(value == 1.2e-38f);
}

/* What stands behind a field does not belong to it. */
static void a_field_ends_where_it_ends(void **state)
{
    float value;

    (void)state;
    assert_string_equal(field_rating("inf", 3, &value), "is not finite");
    assert_string_equal(field_rating("-inf", 4, &value), "is not finite");
    assert_string_equal(field_rating("xinf", 3, &value), "is not a number");
    assert_string_equal(field_rating("inf", 2, &value), "is not a number");
    assert_string_equal(field_rating("nanx", 3, &value), "is not finite");
}

/* The tables hold nobody without a rating: neither a user without items nor what stands in a bad line. */
static void lists_put_only_what_has_a_rating(void **state)
{
    static const char lines[] = "u\n v \nw a\0 b\nx a b \0\n y a b\nz c\n";
    static const struct text_format lists = {.layout = FORMAT_LISTS,
                                             .where = -1,
                                             .event = -1,
                                             .blanks = true,
                                             .delimiter = " ",
                                             .delimiter_length = 1};
    struct ratings t = {.users = idtable_new(), .items = idtable_new()};
    struct parser p = {.format = &lists, .out = &t, .skip_bad = true};
    char text[sizeof lines + LINES_PAD] = {0};

    (void)state;
    memcpy(text, lines, sizeof lines);
    assert_true(parser_reserve(&p, sizeof lines));
    assert_int_equal(parser_parse_lines(&p, text, text + sizeof lines - 1, NULL), 0);
    assert_int_equal(p.lines_read, 6);
    assert_int_equal(p.lines_bad, 2);
    assert_int_equal(p.bad_line, 3);
    assert_string_equal(p.bad_reason, "item 'a?' holds a zero byte");
    assert_int_equal(t.n, 3);
    assert_int_equal(idtable_count(t.users), 2);
    assert_int_equal(idtable_count(t.items), 3);
    assert_string_equal(idtable_name(t.users, 0), "y");
    assert_string_equal(idtable_name(t.users, 1), "z");
    ratings_drop_triplets(&t);
    idtable_free(t.users);
    idtable_free(t.items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_lines_are_what_the_careful_way_makes_of_them),
        cmocka_unit_test(bytes_are_found_and_digits_read),
        cmocka_unit_test(denormal_ratings_are_zero),
        cmocka_unit_test(a_field_ends_where_it_ends),
        cmocka_unit_test(lists_put_only_what_has_a_rating),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
