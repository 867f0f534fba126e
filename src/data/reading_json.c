#include "data/reading_json.h"

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
