/* options.h - the rows of options.def as data, for the files of config/ alone. */
#pragma once

#include "config/config.h"
#include "config/tree.h"

/* Who uses an option: bits of struct option's `when`, and of what a configuration is. */
enum option_use {
    FOR_VAE = 1 << 0,
    FOR_MULTI = 1 << 1, /* Multi-VAE, Mult-DAE, RecVAE */
    FOR_AUTOREC = 1 << 2,
    FOR_MF = 1 << 3,
    FOR_SGD = 1 << 4, /* mf */
    FOR_EASE = 1 << 5,
    FOR_IALS = 1 << 6,
    FOR_COMPANION = 1 << 7, /* model.ease */
    FOR_RATINGS = 1 << 8,   /* models of ratings */
    FOR_CLICKS = 1 << 9,    /* models of choices */
    FOR_NETWORK = 1 << 10,
    FOR_EPOCHS = 1 << 11, /* not a closed form */
    FOR_STEPS = 1 << 12,  /* gradient steps */
    FOR_ADAM = 1 << 13,
    FOR_BETA1 = 1 << 14,  /* Adam, beta1 constant */
    FOR_DECAY = 1 << 15,  /* Adam, weights decay */
    FOR_LOSS = 1 << 16,   /* Adam, ratings */
    FOR_NORMAL = 1 << 17, /* model.init */
    FOR_ONE_CYCLE = 1 << 18,
    FOR_LR_STEP = 1 << 19,
    FOR_LR_DECAY = 1 << 20,
    FOR_ROWS = 1 << 21,  /* split.kind: users or rows */
    FOR_CELLS = 1 << 22, /* all others */
    FOR_SHARE = 1 << 23, /* split.test is a share or a count */
    FOR_FOLDS = 1 << 24,
    FOR_TIME = 1 << 25,
    FOR_SYNTH = 1 << 26, /* data.path */
    FOR_FILES = 1 << 27,
    FOR_CONFIDENCE = 1 << 28, /* ials, weights by value */
    FOR_RECVAE = 1 << 29,
    FOR_DECODER = 1 << 30, /* Multi-VAE, Mult-DAE */
    ALWAYS = 0
};

enum option_type {
    OPTION_INT,
    OPTION_REAL,
    OPTION_BOOL,
    OPTION_ENUM,
    OPTION_TEXT,
    OPTION_INTS,
    OPTION_TEXTS
};

struct option {
    enum option_type type;
    unsigned when; /* uses; ALWAYS: all */
    const char *key, *help;
    size_t offset, size;      /* of the field in struct config */
    int64_t whole, low, high; /* INT: default and bounds; INTS: bounds; BOOL, ENUM: default */
    double real, least, most; /* REAL: default and bounds */
    const char
        *text; /* TEXT, INTS, TEXTS: default; ENUM, BOOL: the names, each ended by a NUL, then one more */
};

struct section {
    const char *name, *help;
};

extern const struct option option_table[]; /* (option_count) in the order of options.def */
extern const struct section section_table[];
extern const int option_count, section_count;

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
void *option_field(const struct config *c, const struct option *o);

/* Puts a value from a document into its field; on failure the field is as before, the message is
 * "key: reason", and *at is the part of the value that is wrong. */
int option_set(struct config *c, const struct option *o, const struct tree *value, const struct tree **at,
               struct error *err);
/* The default, into a field that holds nothing yet. */
int option_set_default(struct config *c, const struct option *o, struct error *err);
/* The value of another configuration, into a field that holds nothing yet. */
int option_copy(struct config *to, const struct config *from, const struct option *o, struct error *err);
bool option_equal(const struct config *a, const struct config *b, const struct option *o);

/* The same from text: YAML, for a text as it stands unless it begins with a quote. */
int option_set_text(struct config *c, int i, const char *value, struct error *err);

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
