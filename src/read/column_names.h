/* column_names.h - the table of known names of columns in headers, and of keys in JSON lines. Pure.
 *
 *   user_id  userId  "User-ID"  user_id:token   any case, joined or apart; RecBole's types are ignored
 *   star_rating  my_rating  "Rating (1-10)"     a rating by its last word; not rating_count, avg_rating */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum role { ROLE_SKIP, ROLE_USER, ROLE_ITEM, ROLE_RATING, ROLE_TIME, ROLES };
const char *role_name(enum role r); /* as in data.columns */

enum meaning {
    NAME_UNKNOWN,
    NAME_USER,
    NAME_ITEM,
    NAME_RATING,
    NAME_TIME,
    NAME_EVENT, /* kinds of events: view, purchase */
    NAME_INDEX, /* row numbers */
    NAME_ID,    /* of something else: an order, a review */
    NAME_TITLE,
};

/* Of two columns with one meaning the higher rank is used; equal ranks are in doubt. */
struct column_name {
    enum meaning meaning;
    int rank;
};

struct column_name column_name_find(const char *text, size_t length);
/* Of a rating: whether it says how often, such as plays. */
bool column_name_counts(const char *text, size_t length);
