#include "read/column_names.h"

#include <ctype.h>
#include <string.h>

/* The tables: words between blanks, in lower case, without what parts words. */

/* How often: ratings without an upper end. */
#define COUNTS                                                                                               \
    " clicks numclicks plays numplays totalplays playcount playcounts listens listencount numlistens count " \
    "counts frequency "                                                                                      \
    "freq quantity qty views viewcount clickcount purchasecount interactioncount purchases visits "          \
    "ordercount "

/* Whole names. */
static const struct {
    const char *names;
    struct column_name is;
} known[] = {
    {" index unnamed0 row rowid rownumber rownum level0 ", {NAME_INDEX, 1}},
    {" uid msno ", {NAME_USER, 3}},
    {" parentasin ", {NAME_ITEM, 4}},
    {" iid aid asin isbn sku stockcode ", {NAME_ITEM, 3}},
    {" sid ", {NAME_ITEM, 0}}, /* an item in Liang's files, a session beside another item */
    {" rating ratings score scores star stars overall label rate value eventvalue preference pref like liked "
     "islike isliked bought purchased ratingvalue feedback isclick clicked click watchratio hours "
     "hoursplayed playtime playtimeforever vote "
     "points grade grades weight recommended isrecommended ",
     {NAME_RATING, 1}},
    {COUNTS, {NAME_RATING, 1}},
    {" event eventtype eventname action actiontype behavior behaviortype behaviour interactiontype ",
     {NAME_EVENT, 1}},
    {" title ", {NAME_TITLE, 2}},
    {" name ", {NAME_TITLE, 1}},
};
static const char times[] = /* whole names too; the first known one is the time */
    " timestamp unixreviewtime unixtime unixtimestamp ts datetime eventtime createdat time reviewtime date "
    "tdat ";

/* Nouns, alone or with an id or a name behind them. */
static const struct {
    const char *nouns;
    enum meaning meaning;
} things[] = {
    {" user customer cust household reviewer visitor member person profile account client buyer follower "
     "listener reader "
     "player viewer subscriber consumer rater ",
     NAME_USER},
    {" item movie product book artist song track album film game page article video recipe venue business "
     "anime beer joke show series restaurant hotel place poi paper followee podcast episode dish wine course "
     "app url ",
     NAME_ITEM},
};
static const char ids[] = " id ids no nr number num code key index idx uri uuid guid ";
static const char names[] = " name names title login ";
static const char not_ids[] = " valid isvalid paid bid grid void hybrid avoid ";

/* With one of these a rating is not one that the user gave. */
static const char statistics[] =
    " avg average mean median count counts n num number total sum max min std var predicted prediction pred "
    "expected imdb meta metacritic critics global popularity similarity sentiment content age esrb mpaa pegi "
    "maturity parental ";
/* With one of these a time is a duration, or not that of the rating. */
static const char durations[] =
    " play watch listen dwell total reading duration spent elapsed up run delivery lead release released "
    "birth "
    "birthday publish published publication signup registration registered joined login expiry expires due ";

const char *role_name(enum role r)
{
    static const char *const name[] = {"skip", "user", "item", "rating", "time"};

    return name[r];
}

/* The place of a word in a table, 0: it is not there. */
static int find(const char *table, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = table; n && (at = strstr(at, word)); at++)
        if (at > table && at[-1] == ' ' && at[n] == ' ')
            return (int)(at - table);
    return 0;
}

struct words {
    char word[12][24];
    int n;
    char joined[64]; /* all of them, "" where they are too long */
};

static void split_words(struct words *w, const char *text, size_t length)
{
    static const char *const types[] = {"token", "float", "token_seq", "float_seq"};
    const char *colon = memrchr(text, ':', length), *brace;
    size_t used = 0;
    bool open = false, low = false;

    *w = (struct words){.n = 0};
    for (int k = 0; colon && k < 4; k++)
        if (strlen(types[k]) == length - (size_t)(colon + 1 - text) &&
            memcmp(colon + 1, types[k], strlen(types[k])) == 0)
            length = (size_t)(colon - text);
    brace = memchr(text, '(', length);
    if (brace && brace > text && memchr(brace, ')', (size_t)(text + length - brace)))
        length = (size_t)(brace - text);
    for (size_t k = 0; k < length; k++) {
        unsigned char c = (unsigned char)text[k];
        bool letter = isalnum(c) || c >= 0x80;

        if (!letter || (isupper(c) && low))
            open = false;
        low = islower(c);
        if (!letter)
            continue;
        if (!open && w->n == 12)
            break;
        if (!open) {
            used = 0;
            w->n++;
        }
        open = true;
        if (used + 1 < sizeof w->word[0])
            w->word[w->n - 1][used++] = (char)tolower(c);
    }
    while (w->n > 1 && (strcmp(w->word[w->n - 1], "x") == 0 || strcmp(w->word[w->n - 1], "y") == 0))
        w->n--; /* what pandas adds where two tables had a column each */
    for (int k = 0; k < w->n && strlen(w->joined) + sizeof w->word[0] < sizeof w->joined; k++)
        strcat(w->joined, w->word[k]);
}

/* A noun alone, with an id behind it, or with a name: 2, 3, 1; 0: none of the table. */
static int noun_rank(const char *table, const char *joined)
{
    size_t n = strlen(joined);

    for (size_t k = n; k > 1; k--) {
        char noun[64];

        memcpy(noun, joined, k);
        noun[k] = 0;
        if (!find(table, noun))
            continue;
        if (!joined[k] || strcmp(joined + k, "s") == 0)
            return 2;
        return find(ids, joined + k) ? 3 : find(names, joined + k) ? 1 : 0;
    }
    return 0;
}

static bool has_word(const struct words *w, const char *table)
{
    for (int k = 0; k < w->n; k++)
        if (find(table, w->word[k]))
            return true;
    return false;
}

static int time_rank(const struct words *w)
{
    int place = find(times, w->joined);
    const char *last = w->word[w->n - 1];

    if (place)
        return 1000 - place;
    if (w->n < 2 || has_word(w, durations))
        return 0;
    return find(" time date timestamp datetime ts at ", last) || find(" date time ", w->word[0]);
}

static bool is_id(const struct words *w)
{
    const char *last = w->word[w->n - 1];
    size_t n = strlen(last);

    return find(" id ids uuid guid key hash ", last) ||
           (n > 3 && strcmp(last + n - 2, "id") == 0 && !find(not_ids, last));
}

static struct column_name find_words(const struct words *w)
{
    const char *last = w->n ? w->word[w->n - 1] : "";
    int rank;

    if (!w->n)
        return (struct column_name){NAME_INDEX, 1};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (find(known[k].names, w->joined))
            return known[k].is;
    if (noun_rank(" session ", w->joined))
        return (struct column_name){NAME_USER, 0};
    for (size_t k = 0; k < sizeof things / sizeof *things; k++)
        if ((rank = noun_rank(things[k].nouns, w->joined)))
            return (struct column_name){things[k].meaning, rank};
    if (find(" rating ratings score star stars ", last) && !has_word(w, statistics))
        return (struct column_name){NAME_RATING, 1};
    rank = time_rank(w);
    return (struct column_name){rank       ? NAME_TIME
                                : is_id(w) ? NAME_ID
                                           : NAME_UNKNOWN,
                                rank ? rank : has_word(w, " rating ratings rated rate star stars ")};
}

struct column_name column_name_find(const char *text, size_t length)
{
    struct column_name found, whole = {.meaning = NAME_UNKNOWN};
    struct words w;

    if (!length) /* the text of an empty field may be NULL */
        return (struct column_name){NAME_INDEX, 1};
    /* of a path of keys (review/userId, review.user.id) the end counts too */
    for (const char *p = text, *end = text + length;; p++) {
        split_words(&w, p, (size_t)(end - p));
        found = find_words(&w);
        if (found.meaning != NAME_UNKNOWN && found.meaning != NAME_ID)
            return found;
        whole = p == text ? found : whole;
        while (p < end && *p != '/' && *p != '.')
            p++;
        if (p >= end)
            return whole;
    }
}

bool column_name_counts(const char *text, size_t length)
{
    struct words w;

    split_words(&w, text, length);
    return find(COUNTS, w.joined);
}
