/* The reader. jansson's own does not check every allocation (its lexer reads past a string that it had no
 * memory to keep), so the text is taken apart here, and jansson only keeps the values. */
#include "base/json.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    const char *text, *at, *end;
    char *scratch; /* room for the whole text and a zero: every string and number is shorter; owned */
    struct error *err;
};

static int bad(const struct parser *p, const char *what)
{
    int line = 1;
    const char *line_start = p->text;

    for (const char *s = p->text; s < p->at; s++)
        if (*s == '\n') {
            line++;
            line_start = s + 1;
        }
    return error_set(p->err, PT_EFILE, "line %d, column %lld: %s", line, (long long)(p->at - line_start + 1),
                     what);
}

/* The next character that is no space, 0 at the end. */
static char peek(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
        p->at++;
    return p->at < p->end ? *p->at : 0;
}

/* Four hex digits, or -1. */
static int32_t hex4(struct parser *p)
{
    int32_t value = 0;

    if (p->end - p->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p->at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;

        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    p->at += 4;
    return value;
}

static char *put_utf8(char *to, int32_t c)
{
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xC0 | c >> 6);
        *to++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *to++ = (char)(0xE0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 63));
        *to++ = (char)(0x80 | (c & 63));
    } else {
        *to++ = (char)(0xF0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 63));
        *to++ = (char)(0x80 | (c >> 6 & 63));
        *to++ = (char)(0x80 | (c & 63));
    }
    return to;
}

/* What follows a backslash; *to moves on. */
static int parse_escape(struct parser *p, char **to)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    char c = p->at < p->end ? *p->at : 0;
    const char *known = c ? strchr(from, c) : NULL;
    int32_t high, low;

    if (known) {
        p->at++;
        *(*to)++ = into[known - from];
        return 0;
    }
    if (c != 'u')
        return bad(p, "unknown escape");
    p->at++;
    high = hex4(p);
    if (high <= 0)
        return bad(p, high ? "\\u wants four hex digits" : "\\u0000 cannot be kept");
    if (high >= 0xD800 && high < 0xE000) {
        if (high >= 0xDC00 || p->end - p->at < 6 || p->at[0] != '\\' || p->at[1] != 'u')
            return bad(p, "half of a surrogate pair");
        p->at += 2;
        low = hex4(p);
        if (low < 0xDC00 || low >= 0xE000)
            return bad(p, "half of a surrogate pair");
        high = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    }
    *to = put_utf8(*to, high);
    return 0;
}

/* A string, into the scratch. */
static int parse_text(struct parser *p)
{
    char *to = p->scratch;
    int rc = 0;

    p->at++; /* the quote */
    while (rc == 0) {
        int n;

        if (p->at == p->end)
            return bad(p, "a string without its end");
        if (*p->at == '"')
            break;
        if (*p->at == '\\') {
            p->at++;
            rc = parse_escape(p, &to);
            continue;
        }
        n = utf8_length(p->at, (size_t)(p->end - p->at));
        if (!n)
            return bad(p, "not UTF-8");
        if ((unsigned char)*p->at < 0x20)
            return bad(p, "a control character in a string");
        memcpy(to, p->at, (size_t)n);
        to += n;
        p->at += n;
    }
    *to = 0;
    p->at++;
    return rc;
}

/* Passes digits; false: there is none. */
static bool pass_digits(struct parser *p)
{
    const char *start = p->at;

    while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
        p->at++;
    return p->at > start;
}

static bool pass(struct parser *p, const char *either)
{
    bool found = p->at < p->end && *p->at && strchr(either, *p->at);

    p->at += found;
    return found;
}

static int parse_number(struct parser *p, struct json *parent, const char *key)
{
    const char *start = p->at;
    bool real = false, minus = pass(p, "-"), zero = p->at < p->end && *p->at == '0';
    const char *digits = p->at;
    int64_t integer = 0;
    char *point;
    double value;

    if (!pass_digits(p) || (zero && p->at > digits + 1))
        return bad(p, "not a value");
    if (pass(p, ".")) {
        real = true;
        if (!pass_digits(p))
            return bad(p, "a number without its digits");
    }
    if (pass(p, "eE")) {
        real = true;
        pass(p, "+-");
        if (!pass_digits(p))
            return bad(p, "a number without its digits");
    }
    if (!real) {
        for (; digits < p->at; digits++)
            if (__builtin_mul_overflow(integer, 10, &integer) ||
                __builtin_sub_overflow(integer, *digits - '0', &integer)) /* below zero: one more fits */
                return bad(p, "an integer that is too large");
        if (!minus && integer == INT64_MIN)
            return bad(p, "an integer that is too large");
        json_put_int(parent, key, minus ? integer : -integer);
        return 0;
    }
    memcpy(p->scratch, start, (size_t)(p->at - start));
    p->scratch[p->at - start] = 0;
    point = strchr(p->scratch, '.');
    if (point)
        *point = *localeconv()->decimal_point; /* strtod wants the locale's */
    value = strtod(p->scratch, NULL);
    if (!isfinite(value))
        return bad(p, "a number that is too large");
    json_put_real(parent, key, value);
    return 0;
}

static int parse_container(struct parser *p, struct json **out, int depth);

static bool pass_word(struct parser *p, const char *word)
{
    size_t n = strlen(word);
    bool found = (size_t)(p->end - p->at) >= n && memcmp(p->at, word, n) == 0;

    p->at += found ? n : 0;
    return found;
}

/* A value, put into its parent. A put that fails is found at the end: json_failed. */
static int parse_value(struct parser *p, struct json *parent, const char *key, int depth)
{
    struct json *child = NULL;
    char c = peek(p);
    int rc = 0;

    if (c == '{' || c == '[') {
        rc = parse_container(p, &child, depth + 1);
        if (rc == 0)
            json_put(parent, key, child);
    } else if (c == '"') {
        rc = parse_text(p);
        if (rc == 0)
            json_put_text(parent, key, p->scratch);
    } else if (pass_word(p, "true")) {
        json_put_bool(parent, key, true);
    } else if (pass_word(p, "false")) {
        json_put_bool(parent, key, false);
    } else if (pass_word(p, "null")) {
        json_put_text(parent, key, NULL);
    } else {
        rc = parse_number(p, parent, key);
    }
    return rc;
}

static int parse_entry(struct parser *p, struct json *object, int depth)
{
    char *key;
    int rc;

    if (peek(p) != '"')
        return bad(p, "a key in quotes is missing");
    rc = parse_text(p);
    if (rc < 0)
        return rc;
    if (json_get(object, p->scratch))
        return bad(p, "a key stands twice");
    if (peek(p) != ':')
        return bad(p, "a colon is missing");
    p->at++;
    key = mem_strdup(p->scratch);
    if (!key)
        return error_set(p->err, PT_ENOMEM, "out of memory while reading JSON");
    rc = parse_value(p, object, key, depth);
    mem_free(key);
    return rc;
}

static int parse_container(struct parser *p, struct json **out, int depth)
{
    bool object = *p->at == '{';
    char close = object ? '}' : ']';
    struct json *j;
    int rc = 0;

    if (depth > JSON_DEPTH_MAX)
        return bad(p, "nested too deeply");
    j = object ? json_new_object() : json_new_array();
    if (!j)
        return error_set(p->err, PT_ENOMEM, "out of memory while reading JSON");
    p->at++;
    if (peek(p) != close) {
        for (;;) {
            rc = object ? parse_entry(p, j, depth) : parse_value(p, j, NULL, depth);
            if (rc < 0)
                goto fail;
            if (peek(p) != ',')
                break;
            p->at++;
        }
        if (peek(p) != close) {
            rc = bad(p, object ? "a comma or } is missing" : "a comma or ] is missing");
            goto fail;
        }
    }
    p->at++;
    *out = j;
    return 0;
fail:
    json_free(j);
    return rc;
}

int json_parse(struct json **out, const char *text, size_t length, struct error *err)
{
    struct parser p = {.text = text, .at = text, .end = text + length, .err = err};
    struct json *j = NULL;
    char first = peek(&p);
    int rc;

    if (first != '{' && first != '[')
        return bad(&p, "neither an object nor an array");
    p.scratch = mem_alloc(length < INT64_MAX ? (int64_t)length + 1 : -1, 1);
    if (!p.scratch)
        return error_set(err, PT_ENOMEM, "out of memory while reading JSON");
    rc = parse_container(&p, &j, 1);
    mem_free(p.scratch);
    if (rc < 0)
        return rc;
    peek(&p);
    if (p.at < p.end)
        rc = bad(&p, "something stands behind the end");
    else if (json_failed(j))
        rc = error_set(err, PT_ENOMEM, "out of memory while reading JSON");
    if (rc < 0)
        json_free(j);
    else
        *out = j;
    return rc;
}
