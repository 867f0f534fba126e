#include "read/reader.h"

#include "base/mem.h"
#include "read/archive.h"
#include "read/field.h"
#include "read/lines.h"
#include "read/parser.h"
#include "read/reader_team.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LARGE_FILE ((int64_t)16 << 20) /* below, a team is not worth its start */
#define BLOCK      ((int64_t)1 << 19)  /* with what is parsed of it, in a second-level cache */

struct reader {
    const struct ratings_spec *spec;
    struct ratings *into;
    struct triplets all;
    bool keep_time;
    struct dialect first; /* the dialect of the first text: the others have the same kinds of columns */
    const char *first_shown;
    int64_t texts;
    struct error first_bad; /* with its text's name, where a bad line was skipped */
};

static int check_same_kind(struct reader *rd, const struct dialect *d, const char *shown, struct error *err)
{
    if (rd->texts++ == 0) {
        rd->first = *d;
        rd->first_shown = shown;
        return 0;
    }
    if (d->lists != rd->first.lists || d->has_rating != rd->first.has_rating ||
        d->has_time != rd->first.has_time)
        return error_set(err, PT_EDATA, "%s: %s, unlike %s", shown,
                         d->lists ? "holds lists"
                         : d->has_rating != rd->first.has_rating
                             ? (d->has_rating ? "has ratings" : "has no ratings")
                             : (d->has_time ? "has times" : "has no times"),
                         rd->first_shown);
    return 0;
}

/* Marks the ratings from `first` on as the text's part. */
static int mark_given(struct reader *rd, int64_t first, enum given_part given, struct error *err)
{
    uint8_t *grown;

    if (given == GIVEN_NONE)
        return 0;
    grown = mem_resize(rd->into->given, rd->all.n, 1);
    if (!grown)
        return error_set(err, PT_ENOMEM, "out of memory for the parts of %lld ratings", (long long)rd->all.n);
    memset(grown + first, given, (size_t)(rd->all.n - first));
    rd->into->given = grown;
    return 0;
}

/* The blocks of one text, the first of which is at hand. */
static int parse_blocks(struct parser *p, struct lines *lines, const char *begin, const char *end,
                        const char *shown, struct error *err)
{
    while (begin < end) {
        int rc = PT_ENOMEM;

        if (parser_reserve(p, end - begin))
            rc = parser_take(p, begin, end, NULL);
        if (rc == PT_ENOMEM)
            return error_set(
                err, PT_ENOMEM,
                "%s: out of memory for %lld ratings and more, or for ids (there may be 2^31 - 1)", shown,
                (long long)p->out->n);
        if (rc == 0)
            rc = lines_next(lines, p->line, &begin, &end, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Whether the text is a plain file that several workers can read faster. */
static bool is_large_file(const struct source_text *text)
{
    enum packing packing;
    struct stat st;

    return !text->member && strcmp(text->path, "-") != 0 && stat(text->path, &st) == 0 &&
           S_ISREG(st.st_mode) && st.st_size >= LARGE_FILE &&
           archive_packing(&packing, text->path, NULL) == 0 && packing == PACKING_NONE;
}

/* The first bad line of a text. */
static int tell_bad(const struct reader *rd, const struct parser *p, const char *shown, struct error *err)
{
    bool header = p->bad_line == 1 && p->bad_number && rd->spec->header == HEADER_AUTO && !p->dialect->header;

    return error_set(err, PT_EDATA, "%s:%lld: %s%s", shown, (long long)p->bad_line, p->bad_reason,
                     !header             ? ""
                     : rd->spec->columns ? "; if line 1 is a header, set data.header=yes"
                                         : "; if line 1 is a header of names that are not known, set "
                                           "data.header=yes and say the columns with data.columns");
}

static int parse(struct reader *rd, struct parser *p, struct lines *lines, const char *begin, const char *end,
                 const struct source_text *text, struct error *err)
{
    bool done = false;
    int rc = 0;

    *err = (struct error){0};
    if (rd->spec->workers > 1 && is_large_file(text))
        rc = reader_team_read(p, text->path, rd->spec->workers, BLOCK, &done, err);
    if (rc == 0 && !done)
        rc = parse_blocks(p, lines, begin, end, text->shown, err);
    if (rc == PT_EDATA && !err->code)
        return tell_bad(rd, p, text->shown, err);
    return rc;
}

/* A third column that nobody named is taken for ratings: times in it would be learned as such. */
static int check_third(const struct reader *rd, int64_t first, const char *shown, struct error *err)
{
    for (int64_t k = first; k < rd->all.n; k++)
        if (rating_like_time(rd->all.value[k]))
            return error_set(
                err, PT_EDATA,
                "%s: the third column is taken for ratings, and %.10g in it looks like a time; say "
                "what it is: data.columns=user,item,time or data.columns=user,item,rating",
                shown, (double)rd->all.value[k]);
    return 0;
}

static int read_lines(struct reader *rd, struct lines *lines, const struct source_text *text,
                      struct error *err)
{
    const struct ratings_spec *spec = rd->spec;
    struct dialect_spec asked = {spec->format, spec->columns, spec->column, spec->delimiter, spec->header};
    struct parser p = {.users = rd->into->users,
                       .items = rd->into->items,
                       .out = &rd->all,
                       .skip_bad = spec->bad_lines == BAD_LINES_SKIP};
    struct dialect dialect;
    const char *begin, *end;
    int64_t first = rd->all.n;
    int rc = lines_next(lines, 0, &begin, &end, err);

    if (rc < 0)
        return rc;
    if (begin == end && rd->texts > 0)
        return 0; /* an empty part file among others */
    rc = dialect_find(&dialect, &asked, begin, end, text->shown, err);
    if (rc < 0)
        return rc;
    rc = check_same_kind(rd, &dialect, text->shown, err);
    if (rc < 0)
        return rc;
    if (rd->texts == 1) {
        dialect_describe(&dialect, begin, end, rd->into->columns, sizeof rd->into->columns);
        if (rd->spec->header == HEADER_AUTO)
            dialect_doubt(&dialect, rd->spec->columns > 0, begin, end, rd->into->doubt,
                          sizeof rd->into->doubt);
    }
    p.dialect = &dialect;
    p.keep_time = rd->keep_time && dialect.has_time;
    rc = parse(rd, &p, lines, begin, end, text, err);
    if (rc == 0 && dialect.third_guessed)
        rc = check_third(rd, first, text->shown, err);
    if (rc < 0)
        return rc;
    if (p.lines_bad && !rd->into->lines_bad)
        tell_bad(rd, &p, text->shown, &rd->first_bad);
    rd->into->lines_read += p.lines_read;
    rd->into->lines_bad += p.lines_bad;
    return 0;
}

static int read_text(struct reader *rd, const struct source_text *text, struct error *err)
{
    struct lines *lines = NULL;
    int64_t first = rd->all.n;
    int rc = lines_open(&lines, text->path, text->member, text->shown, err);

    if (rc == 0)
        rc = read_lines(rd, lines, text, err);
    if (rc == 0)
        rc = mark_given(rd, first, text->given, err);
    lines_close(lines);
    return rc;
}

int reader_read(struct ratings *r, const struct source *source, const struct ratings_spec *spec,
                bool keep_time, struct error *err)
{
    struct reader rd = {.spec = spec, .into = r, .keep_time = keep_time};
    struct error local = {0};
    int rc = 0;

    err = err ? err : &local;
    r->users = idtable_new();
    r->items = idtable_new();
    if (!r->users || !r->items)
        return error_set(err, PT_ENOMEM, "out of memory for tables of ids");
    for (int64_t k = 0; k < source->n && rc == 0; k++)
        rc = read_text(&rd, &source->text[k], err);
    if (rc == 0 && rd.all.n == 0 && r->lines_bad)
        rc = error_set(err, PT_EDATA, "%s: every line is bad (%lld); the first: %.800s",
                       source->text[0].shown, (long long)r->lines_bad, rd.first_bad.text);
    else if (rc == 0 && rd.all.n == 0)
        rc = error_set(err, PT_EDATA, "%s: holds no ratings", source->text[0].shown);
    r->n = rd.all.n;
    r->user = rd.all.user;
    r->item = rd.all.item;
    r->value = rd.all.value;
    r->time = rd.all.time;
    r->finished = source->finished;
    if (source->beside_folder)
        snprintf(
            r->chosen, sizeof r->chosen,
            "%.100s and its test file were read, not the folder of that name, which wants a / at its end",
            source->text[0].shown);
    return rc;
}
