#include "data/reading.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>

/* 71355 as "71,355". */
static const char *with_commas(int64_t n, char out[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRId64, n), to = 0;

    for (int k = 0; k < length; k++) {
        if (k > 0 && (length - k) % 3 == 0 && digits[k - 1] != '-')
            out[to++] = ',';
        out[to++] = digits[k];
    }
    out[to] = 0;
    return out;
}

const char *reading_line(const struct ratings *r, char *out, size_t space)
{
    const struct reading *t = &r->reading;
    char n[32];

    *out = 0;
    if (!*t->from)
        return out;
    text_append(out, space, "%s: %s", t->from, t->columns);
    if (*t->unused)
        text_append(out, space, "; not used: %s", t->unused);
    text_append(out, space, "; %s line%s", with_commas(r->lines_read, n), r->lines_read == 1 ? "" : "s");
    if (t->headers)
        text_append(out, space, "; %s repeated header%s left out", with_commas(t->headers, n),
                    t->headers == 1 ? "" : "s");
    if (t->comments)
        text_append(out, space, "; %s comment%s left out", with_commas(t->comments, n),
                    t->comments == 1 ? "" : "s");
    if (t->elsewhere)
        text_append(out, space, "; %s lines left out by data.where", with_commas(t->elsewhere, n));
    if (r->duplicates)
        text_append(out, space, "; %s repeated pair%s (data.duplicates)", with_commas(r->duplicates, n),
                    r->duplicates == 1 ? "" : "s");
    if (*t->kinds)
        text_append(out, space, "; events: %s (data.where keeps one kind)", t->kinds);
    if (t->titles > 0)
        text_append(out, space, "; titles for %s", with_commas(t->titles, n));
    if (t->titles > 0)
        text_append(out, space, " of %s items", with_commas(t->titles_of, n));
    return out;
}

const char *reading_dropped(const struct ratings *r, char *out, size_t space)
{
    char a[32], b[32];

    *out = 0;
    if (r->low_dropped)
        text_append(out, space, "%s below data.min_rating %g", with_commas(r->low_dropped, a), r->min_rating);
    if (r->item_dropped)
        text_append(out, space, "%s%s of items with fewer than %" PRId64 " (data.min_item_ratings)",
                    *out ? ", " : "", with_commas(r->item_dropped, a), r->min_item_ratings);
    if (r->user_dropped)
        text_append(out, space, "%s%s by %s user%s with fewer than %" PRId64 " (data.min_user_ratings)",
                    *out ? ", " : "", with_commas(r->user_dropped, a), with_commas(r->users_dropped, b),
                    r->users_dropped == 1 ? "" : "s", r->min_user_ratings);
    return out;
}

const char *reading_kept(const struct ratings *r, char *out, size_t space)
{
    char a[32], b[32], dropped[256];

    *out = 0;
    if (r->filtered)
        text_append(out, space, "%s read, %s kept: %s", with_commas(r->n_read - r->duplicates, a),
                    with_commas(r->n_read - r->duplicates - r->filtered, b),
                    reading_dropped(r, dropped, sizeof dropped));
    return out;
}

static void warn_filters(const struct ratings *r, void (*tell)(void *arg, const char *text), void *arg)
{
    int64_t users = idtable_count(r->users);
    char a[32], b[32];

    if (r->filtered && 3 * users < 2 * r->users_read)
        warn_printf(tell, arg,
                    "the filters leave out %s of %s users, more than a third (data.min_rating, "
                    "data.min_user_ratings)",
                    with_commas(r->users_read - users, a), with_commas(r->users_read, b));
    if (r->low_dropped && r->min_rating > 1 && r->reading.counts)
        warn_printf(
            tell, arg,
            "data.min_rating %g is meant for stars, and these ratings are counts by their column's name; "
            "data.min_rating=unset keeps all",
            r->min_rating);
    else if (r->low_dropped && r->min_rating > 1 && r->min_rating <= 5 &&
             (r->low_read < 0 || r->high_read > 5))
        warn_printf(tell, arg,
                    "data.min_rating %g is meant for stars of 1 to 5, and these ratings are from %g to %g",
                    r->min_rating, (double)r->low_read, (double)r->high_read);
}

void reading_warnings(const struct ratings *r, void (*tell)(void *arg, const char *text), void *arg)
{
    const struct reading *w = &r->reading;
    char a[32], b[32];

    if (r->lines_bad)
        warn_printf(tell, arg, "%s of %s lines could not be read and were skipped; the first: %s",
                    with_commas(r->lines_bad, a), with_commas(r->lines_read, b), w->first_bad);
    if (w->missing)
        warn_printf(tell, arg, "%s ratings have a word for \"missing\" (NA, nan, NULL) as user or item%s",
                    with_commas(w->missing, a),
                    w->missing_dropped ? " and were left out (data.missing)"
                                       : "; data.missing=skip leaves them out");
    if (w->no_rating)
        warn_printf(tell, arg, "%s lines without a rating were left out (data.missing)",
                    with_commas(w->no_rating, a));
    if (w->no_time)
        warn_printf(tell, arg, "%s lines have no time", with_commas(w->no_time, a));
    if (w->rounded)
        warn_printf(tell, arg, "%s values above 16,777,216 are rounded to 7 digits",
                    with_commas(w->rounded, a));
    if (*w->from && w->titles == 0)
        warn_printf(tell, arg,
                    "titles for 0 of %s items: the file of titles beside the ratings has none of their ids",
                    with_commas(w->titles_of, a));
    warn_filters(r, tell, arg);
}

void reading_report(const struct ratings *r, bool clicks, void (*tell)(void *arg, const char *text),
                    void (*warn)(void *arg, const char *text), void *arg)
{
    char text[1600], a[32];

    if (tell && *reading_line(r, text, sizeof text))
        tell(arg, text);
    if (tell && *reading_kept(r, text, sizeof text))
        tell(arg, text);
    reading_warnings(r, warn, arg);
    if (clicks && r->reading.not_positive && r->min_rating <= 0)
        warn_printf(
            warn, arg,
            "%s ratings are 0 or below, and this model counts each rating as a choice; data.min_rating=1 "
            "leaves them out",
            with_commas(r->reading.not_positive, a));
}

struct json *reading_json(const struct ratings *r)
{
    const struct reading *t = &r->reading;
    struct json *j = json_new_object();

    json_put_text(j, "from", t->from);
    json_put_text(j, "columns", t->columns);
    json_put_text(j, "not_used", t->unused);
    json_put_int(j, "lines", r->lines_read);
    json_put_int(j, "skipped", r->lines_bad);
    if (r->lines_bad)
        json_put_text(j, "first_skipped", t->first_bad);
    json_put_int(j, "repeated_headers", t->headers);
    json_put_int(j, "comments", t->comments);
    json_put_int(j, "left_out_by_where", t->elsewhere);
    json_put_int(j, "repeated_pairs", r->duplicates);
    json_put_int(j, "missing_ids", t->missing);
    json_put_int(j, "without_rating", t->no_rating);
    json_put_int(j, "without_time", t->no_time);
    json_put_int(j, "not_positive", t->not_positive);
    json_put_int(j, "rounded", t->rounded);
    if (*t->kinds)
        json_put_text(j, "events", t->kinds);
    if (t->titles >= 0 && *t->from)
        json_put_int(j, "titles", t->titles);
    json_put_int(j, "below_min_rating", r->low_dropped);
    json_put_int(j, "of_rare_items", r->item_dropped);
    json_put_int(j, "of_rare_users", r->user_dropped);
    json_put_int(j, "rare_users", r->users_dropped);
    return j;
}
