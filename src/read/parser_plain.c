#include "read/parser.h"

#include "read/scan.h"

#define COLUMNS PLAIN_COLUMNS
#define INLINE  static inline __attribute__((always_inline)) /* where the compiler must see the form */

struct piece {
    const char *text;
    unsigned length;
};

struct id {
    uint64_t word; /* its bytes, the first lowest, zero above its end */
    unsigned length;
    uint32_t number; /* IDTABLE_NUMBERS: not a number as one writes it */
};

struct plain_line {
    struct id user, item;
    float value;
    int64_t time;
};

bool parser_plain_form(struct plain_form *out, const struct text_format *d)
{
    *out = (struct plain_form){.columns = d->columns,
                               .width = (unsigned)d->delimiter_length,
                               .delimiter = d->delimiter[0],
                               .ids_alone = d->of[ROLE_RATING] < 0 && d->of[ROLE_TIME] < 0};

    if (d->layout != FORMAT_DELIMITED || d->blanks || d->columns > COLUMNS || d->where >= 0 ||
        d->event >= 0 || *d->comment ||
        (out->ids_alone && text_has_digit(d->header, (size_t)d->header_length)) ||
        (d->delimiter_length != 1 && (d->delimiter_length != 2 || d->delimiter[0] != d->delimiter[1])))
        return false;
    memcpy(out->of, d->of, sizeof out->of);
    for (int c = 0; c < d->columns; c++) {
        out->skip[c] = text_role(d, c) == ROLE_SKIP;
        out->skips |= out->skip[c];
    }
    return true;
}

/* The line's fields; returns the next line's start, or NULL: too long, or not so many fields. */
INLINE const char *cut(const struct plain_form *f, const char *line, struct piece piece[COLUMNS])
{
    uint64_t ends = scan_equal(line, '\n'), marks = scan_equal(line, f->delimiter);
    unsigned from = 0, stop, end;

    if (!ends) {
        ends = (uint64_t)scan_equal(line + SCAN_BYTES, '\n') << SCAN_BYTES;
        marks |= (uint64_t)scan_equal(line + SCAN_BYTES, f->delimiter) << SCAN_BYTES;
        if (!ends)
            return NULL;
    }
    end = stop = (unsigned)__builtin_ctzll(ends);
    marks &= ((uint64_t)1 << end) - 1;
    if (f->width == 2)
        marks &= marks >> 1;
    for (int k = 0; k < f->columns - 1; k++) {
        unsigned at = marks ? (unsigned)__builtin_ctzll(marks) : 0;

        if (!marks || at < from) /* three of a delimiter's characters in a row */
            return NULL;
        piece[k] = (struct piece){line + from, at - from};
        from = at + f->width;
        marks &= marks - 1;
    }
    if (stop > from && line[stop - 1] == '\r')
        stop--;
    if (marks || stop < from)
        return NULL;
    piece[f->columns - 1] = (struct piece){line + from, stop - from};
    return line + end + 1;
}

/* Whether no byte is a blank, a control character or a quote. */
static inline bool is_plain_word(uint64_t word, unsigned length)
{
    uint64_t w = word | (length < 8 ? (SCAN_ONES * 'x') << 8 * length : 0), quote = w ^ SCAN_ONES * '"';

    return !((((w - SCAN_ONES * 0x21) & ~w) | ((quote - SCAN_ONES) & ~quote)) & SCAN_HIGHS);
}

/* A word as an id: not of a header, which may stand again, no dashes, and no byte order mark. */
static bool is_own_word(const struct plain_form *f, uint64_t word, struct piece p)
{
    return !(f->ids_alone && !text_has_digit(p.text, p.length)) && (word & 0xFFFF) != 0x2D2D &&
           (word & 0xFFFFFF) != 0xBFBBEF;
}

INLINE bool read_id(const struct plain_form *f, struct piece p, struct id *out)
{
    uint64_t digits;

    if (p.length - 1 > 7)
        return false;
    digits = scan_digits(p.text, p.length);
    out->length = p.length;
    out->word = (digits >> (64 - 8 * p.length)) ^ (SCAN_ONES * '0' >> (64 - 8 * p.length));
    if (!scan_odd(digits) && (p.text[0] != '0' || p.length == 1)) {
        out->number = scan_number(digits);
        return true;
    }
    out->number = IDTABLE_NUMBERS;
    return is_plain_word(out->word, p.length) && is_own_word(f, out->word, p) &&
           !text_is_missing(p.text, p.length);
}

INLINE bool read_value(struct piece p, float *out)
{
    unsigned a = (unsigned char)p.text[0] - (unsigned)'0', b = 0;

    if (p.length == 3 && p.text[1] == '.')
        b = (unsigned char)p.text[2] - (unsigned)'0';
    else if (p.length != 1)
        return false;
    if (a > 9 || b > 9)
        return false;
    *out = (float)(10 * a + b) / 10.0f; /* rounded once, as by strtod */
    return true;
}

INLINE bool read_time(struct piece p, bool keep, int64_t *out)
{
    bool two = p.length > 8;
    uint64_t high, low;

    if (p.length - 1 > 15)
        return false;
    high = two ? scan_digits(p.text, p.length - 8) : 0;
    low = two ? scan_digits(p.text + p.length - 8, 8) : scan_digits(p.text, p.length);
    if (keep)
        *out = (int64_t)scan_number(high) * 100000000 + scan_number(low);
    return !(scan_odd(high) | scan_odd(low));
}

/* A column that is skipped may hold anything but what could be quoting. */
static bool skipped_are_plain(const struct plain_form *f, const struct piece *piece)
{
    for (int k = 0; k < f->columns; k++)
        for (unsigned c = 0; f->skip[k] && c < piece[k].length; c++)
            if ((unsigned char)piece[k].text[c] <= ' ' || piece[k].text[c] == '"')
                return false;
    return true;
}

INLINE const char *read_line(const struct plain_form *f, const char *line, bool keep_time,
                             struct plain_line *out)
{
    struct piece piece[COLUMNS];
    const char *next = cut(f, line, piece);

    if (!next || !read_id(f, piece[f->of[ROLE_USER]], &out->user) ||
        !read_id(f, piece[f->of[ROLE_ITEM]], &out->item) ||
        (f->of[ROLE_RATING] >= 0 && !read_value(piece[f->of[ROLE_RATING]], &out->value)) ||
        (f->of[ROLE_TIME] >= 0 && !read_time(piece[f->of[ROLE_TIME]], keep_time, &out->time)) ||
        (f->skips && !skipped_are_plain(f, piece)))
        return NULL;
    return next;
}

/* The id's row; -1: no memory, or a frozen table is full. */
INLINE int64_t row_of(struct idtable *t, struct idtable_numbers *known, const struct id *id)
{
    int64_t row = id->number < known->n ? known->row[id->number] : -1;

    if (row < 0) {
        row = idtable_put_word(t, id->word, id->length, id->number);
        *known = idtable_numbers(t);
    }
    return row;
}

INLINE const char *parse_lines(const struct plain_form *form, struct parser *p, const char *begin,
                               const char *end)
{
    struct idtable_numbers users = idtable_numbers(p->out->users), items = idtable_numbers(p->out->items);
    struct plain_line line = {.value = 1};
    int32_t *user = p->out->user, *item = p->out->item;
    float *value = p->out->value;
    int64_t *time = p->out->time, first = p->out->n, n = first;

    while (begin < end) {
        const char *next = read_line(form, begin, p->keep_time, &line);
        int64_t u = next ? row_of(p->out->users, &users, &line.user) : -1;
        int64_t i = u < 0 ? -1 : row_of(p->out->items, &items, &line.item);

        if (i < 0)
            break;
        user[n] = (int32_t)u;
        item[n] = (int32_t)i;
        value[n] = line.value;
        if (p->keep_time)
            time[n] = line.time;
        n++;
        begin = next;
    }
    p->line += n - first;
    p->lines_read += n - first;
    p->out->n = n;
    return begin;
}

/* The row of an id of 1 to 8 digits without a leading zero. */
INLINE int64_t row_of_digits(struct idtable *t, struct idtable_numbers *known, const char *text,
                             unsigned length)
{
    uint64_t digits = scan_digits(text, length);
    unsigned shift = 64 - 8 * length;
    struct id id = {(digits ^ SCAN_ONES * '0' << shift) >> shift, length, scan_number(digits)};

    return row_of(t, known, &id);
}

/* The same for lines user,item,d.d,time or user,item,d,time of digits alone: one comparison tells that they
 * are, and the user is mostly that of the line before. */
static const char *parse_numbers(const char delimiter, struct parser *p, const char *begin, const char *end)
{
    struct idtable_numbers users = idtable_numbers(p->out->users), items = idtable_numbers(p->out->items);
    int32_t *to_user = p->out->user, *to_item = p->out->item;
    float *to_value = p->out->value;
    int64_t *to_time = p->out->time, start = p->out->n, n = start, user = -1, item;
    uint64_t last = 0; /* the user's digits */

    while (begin < end) {
        uint64_t ends = scan_equal(begin, '\n'), marks = scan_equal(begin, delimiter),
                 others = scan_other(begin), digits;
        uint64_t second, third;
        unsigned a, b, c, stop; /* where the fields end */
        bool point;

        if (!ends)
            break;
        stop = (unsigned)__builtin_ctzll(ends);
        ends = ((uint64_t)1 << stop) - 1; /* what is before it */
        others &= ends & ~marks;
        marks &= ends;
        second = marks & (marks - 1);
        third = second & (second - 1);
        if (!third || third & (third - 1))
            break;
        a = (unsigned)__builtin_ctzll(marks);
        b = (unsigned)__builtin_ctzll(second);
        c = (unsigned)__builtin_ctzll(third);
        point = c - b == 4 && begin[b + 2] == '.';
        if (others != (uint64_t)point << (b + 2) || a - 1 > 7 || b - a - 2 > 7 || (c - b != 2 && !point) ||
            stop - c - 2 > 15 || (*begin == '0' && a > 1) || (begin[a + 1] == '0' && b > a + 2))
            break;
        digits = scan_digits(begin, a);
        user = digits == last ? user : row_of_digits(p->out->users, &users, begin, a);
        item = user < 0 ? -1 : row_of_digits(p->out->items, &items, begin + a + 1, b - a - 1);
        if (item < 0)
            break;
        last = digits;
        to_user[n] = (int32_t)user;
        to_item[n] = (int32_t)item;
        to_value[n] = point ? (float)(10 * begin[b + 1] + begin[b + 3] - 11 * '0') / 10.0f /* as read_value */
                            : (float)(begin[b + 1] - '0');
        if (p->keep_time)
            read_time((struct piece){begin + c + 1, stop - c - 1}, true, &to_time[n]);
        n++;
        begin += stop + 1;
    }
    p->line += n - start;
    p->lines_read += n - start;
    p->out->n = n;
    return begin;
}

const char *parser_parse_plain(const struct plain_form *form, struct parser *p, const char *begin,
                               const char *end)
{
    static const int usual_of[ROLES] = {-1, 0, 1, 2, 3};
    const struct plain_form own = *form; /* nothing that is written can be it */
    struct plain_form usual = own;       /* known to the compiler */

    if (own.columns != 4 || own.width != 1 || memcmp(own.of, usual_of, sizeof usual_of) != 0)
        return parse_lines(&own, p, begin, end);
    begin = parse_numbers(own.delimiter, p, begin, end);
    memcpy(usual.of, usual_of, sizeof usual_of);
    usual.columns = 4;
    usual.width = 1;
    usual.skips = false;
    return parse_lines(&usual, p, begin, end);
}
