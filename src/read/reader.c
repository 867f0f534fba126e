#include "read/reader.h"

#include "base/mem.h"
#include "base/text.h"
#include "read/lines.h"
#include "read/parser.h"
#include "read/recognise.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct reader {
    const struct ratings_spec *spec;
    struct ratings *into;
    bool keep_time;
    struct text_format first; /* of the first text: the others have the same kinds of columns */
    const char *first_shown;
    int64_t texts;
    struct parser total; /* counts of all texts */
};

static int check_same_kind(struct reader *rd, const struct text_format *d, const char *shown,
                           struct error *err)
{
    const char *what;

    if (rd->texts++ == 0) {
        rd->first = *d;
        rd->first_shown = shown;
        return 0;
    }
    what = d->layout != rd->first.layout           ? "has another layout"
           : d->has_rating != rd->first.has_rating ? d->has_rating ? "has ratings" : "has no ratings"
           : d->has_time == rd->first.has_time     ? NULL
           : d->has_time                           ? "has times"
                                                   : "has no times";
    return what ? error_set(err, PT_EDATA, "%s: %s, unlike %s", shown, what, rd->first_shown) : 0;
}

/* Room for all ratings that the text will hold if it goes on as it began, so that they need not be moved. */
static void expect_ratings(struct parser *p, int64_t first, const struct lines *lines)
{
    double more = 1.02 * (double)(p->out->n - first) * lines_ahead(lines);

    if (more > 0)
        (void)parser_reserve_ratings(p, (int64_t)more + LINES_BLOCK / 4 + 1);
}

/* The blocks of one text, the first of which is at hand. */
static int parse(struct reader *rd, struct parser *p, struct lines *lines, const char *begin, const char *end,
                 const char *shown, struct error *err)
{
    bool alone = rd->spec->workers <= 1 || !parser_lines_are_alone(p->format);
    int64_t first = p->out->n;
    int rc = 0;

    *err = (struct error){0};
    for (bool began = false; rc == 0 && begin < end; began = true) {
        rc = parser_parse_block(p, lines, begin, end);
        if (!began)
            expect_ratings(p, first, lines);
        if (rc == 0 && !alone && p->past_head && !p->last) {
            rc = reader_team_parse(p, lines, rd->spec->workers, LINES_BLOCK);
            alone = true;
        }
        if (rc == 0)
            rc = lines_next(lines, p->line, &begin, &end, err);
    }
    if (rc == PT_EDATA && !err->code)
        rc = error_set(err, PT_EDATA, "%s:%lld: %s", shown, (long long)p->bad_line, p->bad_reason);
    if (rc == PT_ENOMEM && !err->code)
        rc = error_set(err, PT_ENOMEM,
                       "%s: out of memory for %lld ratings and more, or for ids (there may be 2^31 - 1)",
                       shown, (long long)p->out->n);
    return rc;
}

/* What the first lines said must hold for all of them where columns go by position. */
static int check_assumed(const struct reader *rd, const struct text_format *d, int64_t first, bool known_name,
                         const char *shown, struct error *err)
{
    enum { MANY = 1000 }; /* values beyond 1,000 */
    bool times = d->has_time && rd->into->time && !known_name;
    int beyond = 0;

    for (int64_t k = first; k < rd->into->n; k++) {
        float value = rd->into->value[k];
        int64_t time = times ? rd->into->time[k] : TIME_NONE;

        if (time != TIME_NONE && time > -100000000 && time < 100000000)
            return error_set(err, PT_EDATA,
                             "%s: a field was taken for times, and holds %lld further down; say what the "
                             "fields are with data.columns",
                             shown, (long long)time);
        if (!d->has_rating || (value >= -1000 && value <= 1000))
            continue;
        if ((d->columns == 3 && rating_like_time(value)) || ++beyond > MANY)
            return error_set(err, PT_EDATA,
                             "%s: the third field was taken for ratings, and holds %.10g further down: are "
                             "there times, ids "
                             "or prices? data.columns=user,item,rating reads them all the same, "
                             "data.columns=user,item,time "
                             "as times",
                             shown, (double)value);
    }
    return 0;
}

/* Every rating with a point has three digits behind it and none is below 1, in a text of `;`, and some
 * ratings have no point: where all have one, a program wrote fractions of three digits. */
static int check_thousands(const struct reader *rd, const struct parser *p, int64_t first, const char *shown,
                           struct error *err)
{
    int64_t fractions = 0;

    for (int64_t k = first; p->thousands && k < rd->into->n; k++)
        fractions += rd->into->value[k] != rintf(rd->into->value[k]);
    return p->thousands && p->thousands >= fractions && !p->fractions && p->thousands < rd->into->n - first &&
                   !rd->spec->columns
               ? error_set(err, PT_EDATA,
                           "%s: is a rating such as 1.234 a thousand or a fraction? Thousands: take the "
                           "points out (sed 's/\\.//g' FILE > FILE.csv, if ids have none); fractions: "
                           "data.columns=user=NAME,item=NAME,rating=NAME",
                           shown)
               : 0;
}

/* Where skipping is allowed, it is not for most of a text: then something else is wrong. */
static int check_skipped(const struct reader *rd, const struct parser *p, const char *shown,
                         struct error *err)
{
    double share = p->lines_read ? (double)p->lines_bad / (double)p->lines_read : 0.0;

    if (!p->lines_bad || share <= rd->spec->skip_bad)
        return 0;
    return error_set(err, PT_EDATA,
                     "%s: %lld of %lld lines cannot be read, more than data.bad_lines allows to skip (%g); "
                     "the first: %s:%lld: %.400s; data.bad_lines=skip:%.2g skips so many",
                     shown, (long long)p->lines_bad, (long long)p->lines_read, rd->spec->skip_bad, shown,
                     (long long)p->bad_line, p->bad_reason, share + 0.01 < 1 ? share + 0.01 : 1.0);
}

/* The part that the ratings from `first` on are. */
static int mark_part(struct reader *rd, int64_t first, enum given_part part, struct error *err)
{
    uint8_t *given = mem_resize(rd->into->given, rd->into->n, 1);

    TRY(need_memory(given, err));
    memset(given + first, part, (size_t)(rd->into->n - first));
    rd->into->given = given;
    return 0;
}

static int read_text(struct reader *rd, const struct source_text *text, struct error *err)
{
    scoped(lines_close) struct lines *lines = NULL;
    const struct ratings_spec *spec = rd->spec;
    const char *begin, *end, *shown = text->shown;
    struct reading *told = &rd->into->reading, later = {.comments = 0};
    struct text_format format;
    struct parser p = {.format = &format,
                       .out = rd->into,
                       .skip_bad = spec->skip_bad > 0,
                       .if_missing = spec->missing,
                       .people = rd->total.people};
    int64_t first = rd->into->n;

    TRY(lines_open(&lines, text->path, text->member, shown, false, err));
    TRY(lines_next(lines, 0, &begin, &end, err));
    if (begin == end && rd->texts > 0) /* an empty part file among others */
        return 0;
    TRY(recognise_text(&format, rd->texts ? &later : told, spec, begin, end, text->known_name, shown, err));
    TRY(check_same_kind(rd, &format, shown, err));
    p.keep_time = rd->keep_time && format.has_time;
    TRY(parse(rd, &p, lines, begin, end, shown, err));
    if (format.entries > 0 && p.lines_read != format.entries)
        return error_set(err, PT_EDATA,
                         "%s: has %lld entries where its line of sizes says %lld: it is cut off", shown,
                         (long long)p.lines_read, (long long)format.entries);
    TRY(check_skipped(rd, &p, shown, err));
    TRY(check_thousands(rd, &p, first, shown, err));
    if (format.assumed)
        TRY(check_assumed(rd, &format, first, text->known_name, shown, err));
    if (p.lines_bad && !rd->total.lines_bad)
        snprintf(told->first_bad, sizeof told->first_bad, "%.100s:%lld: '%s': %.160s", shown,
                 (long long)p.bad_line, p.bad_text, p.bad_reason);
    rd->total.people = p.people;
    parser_move_counts(&rd->total, &p);
    return text->given == GIVEN_NONE ? 0 : mark_part(rd, first, text->given, err);
}

/* Names of the source, and what all of its lines were. */
static void report(struct reader *rd, const struct source *source)
{
    struct reading *told = &rd->into->reading;
    const struct parser *total = &rd->total;

    snprintf(told->from, sizeof told->from, "%.260s", source->text[0].shown);
    if (source->n > 1)
        text_append(told->from, sizeof told->from, " and %lld more", (long long)source->n - 1);
    for (int k = 0; k < PARSER_KINDS && total->kind_count[k]; k++)
        text_append(told->kinds, sizeof told->kinds, "%s%s %" PRId64, k ? ", " : "", total->kind[k],
                    total->kind_count[k]);
    rd->into->lines_read = total->lines_read;
    rd->into->lines_bad = total->lines_bad;
#define TELL(count) told->count += total->count;
    PARSER_TOLD(TELL)
#undef TELL
    told->missing_dropped = total->missing && rd->spec->missing == MISSING_SKIP;
}

/* The later of two ratings cannot be found where some times are in seconds and others in milliseconds. */
static int check_units(const struct ratings *r, const char *shown, struct error *err)
{
    static const int64_t least[4] = {300000000, 300000000000, 300000000000000, 300000000000000000};
    int64_t one[4] = {0}; /* a time of each unit from 1979 on: seconds, a thousand times that, ... */

    for (int64_t k = 0; k < r->n; k++)
        for (int u = 0; u < 4 && r->time[k] >= least[u]; u++)
            if (r->time[k] / 17 <= least[u])
                one[u] = r->time[k];
    for (int u = 1, last = one[0] ? 0 : -1; u < 4; last = one[u] ? u : last, u++)
        if (one[u] && last >= 0)
            return error_set(err, PT_EDATA,
                             "%s: times of two units, such as %lld and %lld: seconds and milliseconds? Write "
                             "all in one, or leave the time out of data.columns",
                             shown, (long long)one[last], (long long)one[u]);
    return 0;
}

/* data.time=lines */
static int number_lines(struct ratings *r, struct error *err)
{
    int64_t *time = mem_resize(r->time, r->n, sizeof *time);

    TRY(need_memory(time, err));
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
    TRY(need_memory(r->users && r->items, err));
    for (int64_t k = 0; k < source->n && rc == 0; k++)
        rc = read_text(&rd, &source->text[k], err);
    if (rc == 0)
        report(&rd, source);
    if (rc == 0 && r->n == 0)
        rc = error_set(err, PT_EDATA, "%s: holds no ratings%s%s", source->text[0].shown,
                       r->reading.elsewhere ? "; no line fits data.where=" : "",
                       r->reading.elsewhere ? spec->where : "");
    if (rc == 0 && r->time && !spec->line_order)
        rc = check_units(r, source->text[0].shown, err);
    r->finished = source->finished;
    return rc == 0 && spec->line_order && keep_time ? number_lines(r, err) : rc;
}
