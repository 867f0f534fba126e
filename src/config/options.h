/* options.h - the rows of options.def as data, for the files of config/ alone. */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include "config/config.h"
#include "config/tree.h"

enum option_type {
    OPTION_INT,
    OPTION_REAL,
    OPTION_BOOL,
    OPTION_TEXT,
    OPTION_ENUM,
    OPTION_INTS,
    OPTION_TEXTS
};

struct option {
    enum option_type type;
    const char *key, *help;
    size_t offset;            /* of the field in struct config */
    int64_t whole, low, high; /* INT: default and bounds; INTS: bounds; BOOL, ENUM: default */
    double real, least, most; /* REAL: default and bounds */
    const char
        *text; /* TEXT, INTS, TEXTS: default; ENUM, BOOL: the names, each ended by a NUL, then one more */
};

struct section {
    const char *name, *help;
};

int option_count(void);
const struct option *option_at(int i);
int section_count(void);
const struct section *section_at(int i);

int option_find(const char *key); /* -1: no such key */
bool section_find(const char *name);
/* The key itself where earlier versions had it and it has no effect any more; else NULL. */
const char *option_find_retired(const char *key);
bool option_in_section(const struct option *o, const struct section *s);
const char *option_enum_name(const struct option *o, int value); /* NULL: no such value */

/* A real whose default of -1e30 stands for "unset", and is written so. */
bool option_can_be_unset(const struct option *o);
/* Whether it is a number of seconds, which a date (base/date.h) may stand for. */
bool option_is_time(const struct option *o);

/* The known word that is nearest to `word`, for "did you mean": a key or section; NULL: none is near. */
const char *option_nearest(const char *word);

/* The field of an option in a configuration. */
void *option_field(struct config *c, const struct option *o);
const void *option_field_const(const struct config *c, const struct option *o);

/* Puts a value from a document into its field; on failure the field is as before, the message is
 * "key: reason", and *at is the part of the value that is wrong. */
int option_set(struct config *c, const struct option *o, const struct tree *value, const struct tree **at,
               struct error *err);
/* The default, into a field that holds nothing yet. */
int option_set_default(struct config *c, const struct option *o, struct error *err);
/* The value of another configuration, into a field that holds nothing yet. */
int option_copy(struct config *to, const struct config *from, const struct option *o, struct error *err);
void option_clear(struct config *c, const struct option *o);
bool option_equal(const struct config *a, const struct config *b, const struct option *o);

/* Replaces a list of words, or of one number. */
int option_set_words(struct text_list *field, const char *const *word, int n, struct error *err);
int option_set_number(struct int_list *field, const int64_t *value, int n, struct error *err);

/* Whether the model and split at hand use the option. */
bool option_used(const struct config *c, const struct option *o);

/* A text for a message: in quotes, shortened, control characters shown as '?'. */
struct shown {
    char text[64];
};
struct shown show(const char *text);

/* The shortest decimal that reads back as the same number. */
void real_format(double value, char *out, size_t size);
bool real_parse(const char *text, double *out);

#endif
