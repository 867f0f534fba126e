#include "read/dialect_names.h"

#include <ctype.h>
#include <string.h>

const uint8_t dialect_places[DIALECT_PLACES] = {ROLE_USER, ROLE_ITEM, ROLE_RATING, ROLE_TIME};

/* From the one that is taken last. `sid` is an item in Liang's files and a session in others. */
enum rank { UNKNOWN, SECOND_NOUN, SECOND_ID, SID, NOUN, ID };

/* In lower case without punctuation. */
static const struct word {
    const char *name;
    enum role role;
    enum rank rank;
} words[] = {
    {"user", ROLE_USER, NOUN},
    {"userid", ROLE_USER, ID},
    {"uid", ROLE_USER, ID},
    {"customerid", ROLE_USER, ID},
    {"reviewerid", ROLE_USER, ID},
    {"visitorid", ROLE_USER, ID},
    {"userindex", ROLE_USER, ID},
    {"item", ROLE_ITEM, NOUN},
    {"itemid", ROLE_ITEM, ID},
    {"iid", ROLE_ITEM, ID},
    {"sid", ROLE_ITEM, SID},
    {"songid", ROLE_ITEM, ID},
    {"movie", ROLE_ITEM, NOUN},
    {"movieid", ROLE_ITEM, ID},
    {"product", ROLE_ITEM, NOUN},
    {"productid", ROLE_ITEM, ID},
    {"parentasin", ROLE_ITEM, ID},
    {"asin", ROLE_ITEM, ID},
    {"bookid", ROLE_ITEM, ID},
    {"isbn", ROLE_ITEM, ID},
    {"artistid", ROLE_ITEM, ID},
    {"itemindex", ROLE_ITEM, ID},
    {"rating", ROLE_RATING, ID},
    {"ratings", ROLE_RATING, ID},
    {"bookrating", ROLE_RATING, ID},
    {"score", ROLE_RATING, ID},
    {"stars", ROLE_RATING, ID},
    {"overall", ROLE_RATING, ID},
    {"timestamp", ROLE_TIME, ID},
    {"time", ROLE_TIME, ID},
    {"unixreviewtime", ROLE_TIME, ID},

    {"username", ROLE_USER, SECOND_NOUN},
    {"customer", ROLE_USER, SECOND_NOUN},
    {"reviewer", ROLE_USER, SECOND_NOUN},
    {"visitor", ROLE_USER, SECOND_NOUN},
    {"member", ROLE_USER, SECOND_NOUN},
    {"memberid", ROLE_USER, SECOND_ID},
    {"person", ROLE_USER, SECOND_NOUN},
    {"personid", ROLE_USER, SECOND_ID},
    {"profileid", ROLE_USER, SECOND_ID},
    {"accountid", ROLE_USER, SECOND_ID},
    {"clientid", ROLE_USER, SECOND_ID},
    {"buyerid", ROLE_USER, SECOND_ID},
    {"session", ROLE_USER, SECOND_NOUN},
    {"sessionid", ROLE_USER, SECOND_ID},
    {"follower", ROLE_USER, SECOND_NOUN},
    {"followerid", ROLE_USER, SECOND_ID},
    {"followee", ROLE_ITEM, SECOND_NOUN},
    {"followeeid", ROLE_ITEM, SECOND_ID},
    {"track", ROLE_ITEM, SECOND_NOUN},
    {"trackid", ROLE_ITEM, SECOND_ID},
    {"song", ROLE_ITEM, SECOND_NOUN},
    {"artist", ROLE_ITEM, SECOND_NOUN},
    {"album", ROLE_ITEM, SECOND_NOUN},
    {"albumid", ROLE_ITEM, SECOND_ID},
    {"film", ROLE_ITEM, SECOND_NOUN},
    {"filmid", ROLE_ITEM, SECOND_ID},
    {"book", ROLE_ITEM, SECOND_NOUN},
    {"game", ROLE_ITEM, SECOND_NOUN},
    {"gameid", ROLE_ITEM, SECOND_ID},
    {"page", ROLE_ITEM, SECOND_NOUN},
    {"pageid", ROLE_ITEM, SECOND_ID},
    {"url", ROLE_ITEM, SECOND_NOUN},
    {"article", ROLE_ITEM, SECOND_NOUN},
    {"articleid", ROLE_ITEM, SECOND_ID},
    {"video", ROLE_ITEM, SECOND_NOUN},
    {"videoid", ROLE_ITEM, SECOND_ID},
    {"recipe", ROLE_ITEM, SECOND_NOUN},
    {"recipeid", ROLE_ITEM, SECOND_ID},
    {"venueid", ROLE_ITEM, SECOND_ID},
    {"businessid", ROLE_ITEM, SECOND_ID},
    {"sku", ROLE_ITEM, SECOND_ID},
    {"stockcode", ROLE_ITEM, SECOND_ID},
    {"plays", ROLE_RATING, SECOND_NOUN},
    {"playcount", ROLE_RATING, SECOND_NOUN},
    {"count", ROLE_RATING, SECOND_NOUN},
    {"counts", ROLE_RATING, SECOND_NOUN},
    {"clicks", ROLE_RATING, SECOND_NOUN},
    {"views", ROLE_RATING, SECOND_NOUN},
    {"quantity", ROLE_RATING, SECOND_NOUN},
    {"qty", ROLE_RATING, SECOND_NOUN},
    {"weight", ROLE_RATING, SECOND_NOUN},
    {"ts", ROLE_TIME, SECOND_NOUN},
    {"date", ROLE_TIME, SECOND_NOUN},
    {"datetime", ROLE_TIME, SECOND_NOUN},
    {"unixtime", ROLE_TIME, SECOND_NOUN},
    {"createdat", ROLE_TIME, SECOND_NOUN},
    {"eventtime", ROLE_TIME, SECOND_NOUN},
};

static struct word find_word(const struct field *f)
{
    static const struct word unknown = {"", ROLE_SKIP, UNKNOWN};
    char name[24];
    size_t n = 0;

    /* "user_id:token" is how RecBole writes a column's name and type */
    for (size_t k = 0; k < f->length && f->text[k] != ':'; k++) {
        unsigned char c = (unsigned char)f->text[k];

        if (c == '_' || c == '-' || c == ' ' || c == '.')
            continue;
        if (n == sizeof name - 1)
            return unknown;
        name[n++] = (char)tolower(c);
    }
    name[n] = 0;
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (strcmp(name, words[k].name) == 0)
            return words[k];
    return unknown;
}

enum role dialect_word_role(const struct field *f)
{
    return find_word(f).role;
}

void dialect_words_count(struct dialect_words *out, const struct field *f, int64_t n)
{
    int column[ROLES];

    *out = (struct dialect_words){.in_place = true};
    for (int64_t c = 0; c < n; c++) {
        struct word w = find_word(&f[c]);
        bool at_home = c < DIALECT_PLACES && dialect_places[c] == w.role;

        if (w.rank == UNKNOWN)
            continue;
        out->known++;
        out->first += w.rank >= SID;
        out->in_place = out->in_place && at_home;
    }
    dialect_words_choose(column, f, n, false);
    out->both = column[ROLE_USER] >= 0 && column[ROLE_ITEM] >= 0;
}

void dialect_words_choose(int column[ROLES], const struct field *f, int64_t n, bool second)
{
    enum rank rank[ROLES] = {UNKNOWN}, least = second ? SECOND_NOUN : SID, other = UNKNOWN;
    int sid = -1, item = -1;

    for (int r = 0; r < ROLES; r++)
        column[r] = -1;
    for (int64_t c = 0; c < n; c++) {
        struct word w = find_word(&f[c]);

        if (w.rank < least)
            continue;
        if (w.rank == SID && sid < 0) {
            sid = (int)c;
        } else if (w.role == ROLE_ITEM && w.rank > other) {
            item = (int)c;
            other = w.rank;
        }
        if (w.rank > rank[w.role]) {
            column[w.role] = (int)c;
            rank[w.role] = w.rank;
        }
    }
    /* Beside another item's name it is a session, which is the user where there is no other. */
    if (column[ROLE_USER] < 0 && sid >= 0 && item >= 0) {
        column[ROLE_USER] = sid;
        column[ROLE_ITEM] = item;
    }
}
