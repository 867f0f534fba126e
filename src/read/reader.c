#include "read/reader.h"

#include "base/mem.h"
#include "read/archive.h"
#include "read/field.h"
#include "read/lines.h"
#include "read/parser.h"
#include "read/recognise.h"
#include "read/reader_team.h"

#include <inttypes.h>
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
    struct text_format first; /* of the first text: the others have the same kinds of columns */
    const char *first_shown;
    int64_t texts, people;
    struct parser kinds; /* counts of all texts */
};

static int check_same_kind(struct reader *rd, const struct text_format *d, const char *shown,
                           struct error *err)
{
    if (rd->texts++ == 0) {
        rd->first = *d;
        rd->first_shown = shown;
        return 0;
    }
    if (d->layout != rd->first.layout || d->has_rating != rd->first.has_rating ||
        d->has_time != rd->first.has_time)
        return error_set(err, PT_EDATA, "%s: %s, unlike %s", shown,
                         d->layout != rd->first.layout ? "has another layout"
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

static int no_memory(const struct parser *p, const char *shown, struct error *err)
{
    return error_set(err, PT_ENOMEM,
                     "%s: out of memory for %lld ratings and more, or for ids (there may be 2^31 - 1)", shown,
                     (long long)p->out->n);
}

/* The blocks of one text, the first of which is at hand. */
static int parse_blocks(struct parser *p, struct lines *lines, const char *begin, const char *end,
                        const char *shown, struct error *err)
{
    while (begin < end) {
        const char *stopped = begin;
        int rc = parser_reserve(p, end - begin) ? parser_parse_lines(p, begin, end, &stopped) : PT_ENOMEM;

        if (rc == PARSER_OPEN_QUOTE && !lines_keep(lines, stopped)) {
            p->last = true;
            rc = parser_parse_lines(p, stopped, end, NULL);
        }
        if (rc == PT_ENOMEM)
            return no_memory(p, shown, err);
        if (rc >= 0)
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

/* The error for the first bad line of a text. */
static int bad_line_error(const struct parser *p, const char *shown, struct error *err)
{
    return error_set(err, PT_EDATA, "%s:%lld: %s", shown, (long long)p->bad_line, p->bad_reason);
}

static int parse(struct reader *rd, struct parser *p, struct lines *lines, const char *begin, const char *end,
                 const struct source_text *text, struct error *err)
{
    int64_t upto = 0;
    int rc = 0;

    *err = (struct error){0};
    if (rd->spec->workers > 1 && parser_lines_are_alone(p->format) && is_large_file(text))
        rc = reader_team_read(p, text->path, rd->spec->workers, BLOCK, &upto, err);
    if (rc >= 0 && upto > 0) {
        p->past_head = true;
        rc = lines_seek(lines, upto, err);
        if (rc == 0)
            rc = lines_next(lines, p->line, &begin, &end, err);
    }
    if (rc >= 0)
        rc = parse_blocks(p, lines, begin, end, text->shown, err);
    if (rc == PT_EDATA && !err->code)
        return bad_line_error(p, text->shown, err);
    return rc;
}

/* Puts a value among n in rising order; 0: it is there. */
static int add_value(float *seen, int n, float value)
{
    int low = 0, high = n;

    while (low < high) {
        int middle = (low + high) / 2;

        if (seen[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < n && seen[low] == value)
        return 0;
    memmove(seen + low + 1, seen + low, (size_t)(n - low) * sizeof *seen);
    seen[low] = value;
    return 1;
}

/* What the first lines said must hold for all of them where columns go by position. */
static int check_assumed(const struct reader *rd, const struct text_format *d, int64_t first, bool known_name,
                         const char *shown, struct error *err)
{
    enum { MANY = 1000 };
    float seen[MANY + 1];
    int different = 0;

    for (int64_t k = first; d->has_rating && d->columns == 3 && k < rd->all.n; k++)
        if (rating_like_time(rd->all.value[k]))
            return error_set(
                err, PT_EDATA,
                "%s: the third field was taken for ratings, and %.10g further down looks like a time; say "
                "what it is: data.columns=user,item,time or data.columns=user,item,rating",
                shown, (double)rd->all.value[k]);
    for (int64_t k = first; d->has_rating && different <= MANY && k < rd->all.n; k++)
        if (!(rd->all.value[k] >= -1000 && rd->all.value[k] <= 1000))
            different += add_value(seen, different, rd->all.value[k]);
    if (different > MANY)
        return error_set(err, PT_EDATA,
                         "%s: the third field was taken for ratings, and has more than %d different values "
                         "beyond 1,000: "
                         "are they ids or prices? data.columns=user,item,rating reads them all the same",
                         shown, MANY);
    for (int64_t k = first; d->has_time && rd->all.time && !known_name && k < rd->all.n; k++)
        if (rd->all.time[k] != TIME_NONE && rd->all.time[k] > -100000000 && rd->all.time[k] < 100000000)
            return error_set(err, PT_EDATA,
                             "%s: a field was taken for times, and holds %lld further down; say what the "
                             "fields are with "
                             "data.columns",
                             shown, (long long)rd->all.time[k]);
    return 0;
}

/* Where skipping is allowed, it is not for most of a text: then something else is wrong. */
static int check_skipped(const struct reader *rd, const struct parser *p, const char *shown,
                         struct error *err)
{
    double share = p->lines_read ? (double)p->lines_bad / (double)p->lines_read : 0.0;

    if (!p->lines_bad || share <= rd->spec->skip_bad)
        return 0;
    return error_set(
        err, PT_EDATA,
        "%s: %lld of %lld lines cannot be read, more than data.bad_lines allows to skip (%g); the first: "
        "%s:%lld: %.400s; data.bad_lines=skip:%.2g skips so many",
        shown, (long long)p->lines_bad, (long long)p->lines_read, rd->spec->skip_bad, shown,
        (long long)p->bad_line, p->bad_reason, share + 0.01 < 1 ? share + 0.01 : 1.0);
}

/* Adds the parser's counts to the source's. */
static void add_counts(struct reader *rd, const struct parser *p, const char *shown)
{
    struct reading *told = &rd->into->reading;

    if (p->lines_bad && !rd->into->lines_bad)
        snprintf(told->first_bad, sizeof told->first_bad, "%.100s:%lld: '%s': %.160s", shown,
                 (long long)p->bad_line, p->bad_text, p->bad_reason);
    rd->into->lines_read += p->lines_read;
    rd->into->lines_bad += p->lines_bad;
    told->headers += p->headers;
    told->comments += p->comments;
    told->elsewhere += p->elsewhere;
    told->no_rating += p->no_rating;
    told->no_time += p->no_time;
    told->rounded += p->rounded;
    for (int k = 0; k < PARSER_KINDS && p->kind_count[k]; k++)
        parser_count_kind(&rd->kinds, p->kind[k], strlen(p->kind[k]), p->kind_count[k]);
}

static int read_lines(struct reader *rd, struct lines *lines, const struct source_text *text,
                      struct error *err)
{
    const struct ratings_spec *spec = rd->spec;
    struct parser p = {.users = rd->into->users,
                       .items = rd->into->items,
                       .out = &rd->all,
                       .skip_bad = spec->skip_bad > 0,
                       .skip_missing = spec->missing == MISSING_SKIP,
                       .people = rd->people};
    struct reading later = {.comments = 0};
    struct text_format format;
    const char *begin, *end;
    int64_t first = rd->all.n;
    int rc = lines_next(lines, 0, &begin, &end, err);

    if (rc < 0)
        return rc;
    if (begin == end && rd->texts > 0)
        return 0; /* an empty part file among others */
    rc = recognise_text(&format, rd->texts ? &later : &rd->into->reading, spec, begin, end, text->known_name,
                        text->shown, err);
    if (rc == 0)
        rc = check_same_kind(rd, &format, text->shown, err);
    if (rc < 0)
        return rc;
    p.format = &format;
    p.keep_time = rd->keep_time && format.has_time;
    rc = parse(rd, &p, lines, begin, end, text, err);
    if (rc == 0 && format.entries > 0 && p.lines_read != format.entries)
        rc = error_set(err, PT_EDATA, "%s: has %lld entries where its line of sizes says %lld: it is cut off",
                       text->shown, (long long)p.lines_read, (long long)format.entries);
    if (rc == 0)
        rc = check_skipped(rd, &p, text->shown, err);
    if (rc == 0 && format.assumed)
        rc = check_assumed(rd, &format, first, text->known_name, text->shown, err);
    rd->people = p.people;
    if (rc == 0)
        add_counts(rd, &p, text->shown);
    return rc;
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

/* Notes the source: names, the reason for its choice, kinds of events. */
static void note_source(struct reader *rd, const struct source *source)
{
    struct reading *told = &rd->into->reading;
    size_t used = 0;

    snprintf(told->from, sizeof told->from, "%.260s", source->text[0].shown);
    if (source->n > 1)
        snprintf(told->from + strlen(told->from), sizeof told->from - strlen(told->from), " and %lld more",
                 (long long)source->n - 1);
    snprintf(told->chosen, sizeof told->chosen, "%s", source->chosen);
    for (int k = 0; k < PARSER_KINDS && rd->kinds.kind_count[k] && used < sizeof told->kinds; k++)
        used += (size_t)snprintf(told->kinds + used, sizeof told->kinds - used, "%s%s %" PRId64,
                                 k ? ", " : "", rd->kinds.kind[k], rd->kinds.kind_count[k]);
}

/* Ratings whose user or item is a word for "missing": counted, and dropped or refused where data.missing
 * says so. */
static int check_missing(struct reader *rd, struct error *err)
{
    struct ratings *r = rd->into;
    bool some = false;
    int64_t row[2][64], n = 0;
    int rows[2] = {0, 0};

    for (int k = 0; text_missing_words[k]; k++)
        for (int side = 0; side < 2; side++) {
            int64_t found = idtable_find(side ? r->items : r->users, text_missing_words[k],
                                         strlen(text_missing_words[k]));

            if (found >= 0)
                row[side][rows[side]++] = found;
            some = some || found >= 0;
        }
    for (int64_t k = 0; some && k < rd->all.n; k++) {
        bool missing = false;

        for (int j = 0; j < rows[0]; j++)
            missing = missing || rd->all.user[k] == row[0][j];
        for (int j = 0; j < rows[1]; j++)
            missing = missing || rd->all.item[k] == row[1][j];
        r->reading.missing += missing;
        if (missing && rd->spec->missing == MISSING_ERROR)
            return error_set(
                err, PT_EDATA,
                "%s: user '%.60s', item '%.60s': a word for \"missing\" (NA, nan, NULL); data.missing=skip "
                "leaves such ratings out, data.missing=keep takes it for an id",
                r->reading.from, idtable_name(r->users, rd->all.user[k]),
                idtable_name(r->items, rd->all.item[k]));
        if (missing && rd->spec->missing == MISSING_SKIP)
            continue;
        rd->all.user[n] = rd->all.user[k];
        rd->all.item[n] = rd->all.item[k];
        rd->all.value[n] = rd->all.value[k];
        if (rd->all.time)
            rd->all.time[n] = rd->all.time[k];
        if (r->given)
            r->given[n] = r->given[k];
        n++;
    }
    r->reading.missing_dropped = some && rd->spec->missing == MISSING_SKIP;
    rd->all.n = some ? n : rd->all.n;
    return 0;
}

/* data.time=lines */
static int number_lines(struct ratings *r, struct error *err)
{
    int64_t *time = mem_resize(r->time, r->n, sizeof *time);

    if (!time)
        return error_set(err, PT_ENOMEM, "out of memory for the times of %lld ratings", (long long)r->n);
    r->time = time;
    r->reading.no_time = 0;
    for (int64_t k = 0; k < r->n; k++)
        time[k] = k;
    return 0;
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
    r->reading.titles = -1;
    if (!r->users || !r->items)
        return error_set(err, PT_ENOMEM, "out of memory for tables of ids");
    for (int64_t k = 0; k < source->n && rc == 0; k++)
        rc = read_text(&rd, &source->text[k], err);
    if (rc == 0)
        note_source(&rd, source);
    if (rc == 0)
        rc = check_missing(&rd, err);
    if (rc == 0 && rd.all.n == 0)
        rc = error_set(err, PT_EDATA, "%s: holds no ratings%s%s", source->text[0].shown,
                       r->reading.elsewhere ? "; no line fits data.where=" : "",
                       r->reading.elsewhere ? spec->where : "");
    r->n = rd.all.n;
    r->user = rd.all.user;
    r->item = rd.all.item;
    r->value = rd.all.value;
    r->time = rd.all.time;
    r->finished = source->finished;
    return rc == 0 && spec->line_order && keep_time ? number_lines(r, err) : rc;
}
