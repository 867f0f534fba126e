/* config.h - the configuration of a run: every option of options.def, checked and frozen.
 *
 * Order of strength: defaults < the YAML file < KEY=VALUE < the program's own flags.
 * Rooms before setup/ do not include this; they take plain arguments. */
#pragma once

#include "base/choices.h"
#include "base/error.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CONFIG_LIST = 64 }; /* most entries of a list */

struct int_list {
    int n;
    int64_t value[CONFIG_LIST];
};

struct text_list {
    int n;
    char *value[CONFIG_LIST]; /* in the configuration's pool */
};

struct config {
#define SECTION(name, help)
#define INT(key, field, ...)   int64_t field;
#define REAL(key, field, ...)  double field;
#define BOOL(key, field, ...)  bool field;
#define TEXT(key, field, ...)  char *field; /* in the pool, never NULL */
#define ENUM(key, field, ...)  int field;
#define INTS(key, field, ...)  struct int_list field;
#define TEXTS(key, field, ...) struct text_list field;
#include "config/options.def"
    struct mem_pool pool; /* of all texts, also of those that a later value replaced */
    uint64_t set[4];      /* bit i: option i (in the order of options.def) was given by file or KEY=VALUE */
    const char
        *retired; /* borrowed: a key of earlier versions that was given last, without effect; or NULL */
    const struct pt_ratings *memory; /* borrowed: the ratings of data.path=memory:; NULL: none */
};

/* All defaults. *out is freed by config_free. */
int config_new(struct config **out, struct error *err);

/* All that was given, as it stands: checks that are still to come find what was left out. As config_new. */
int config_copy(struct config **out, const struct config *from, struct error *err);

/* Reads a YAML file over the present values. Keys stand in sections (`model: {kind: mf}`) or dotted
 * (`model.kind: mf`); a mapping `tune` is passed over. Errors (PT_ECONFIG) carry path:line:column, the
 * bound, and the nearest known key. A key of earlier versions does nothing: c->retired names it, for a note
 * to the user. */
int config_load(struct config *c, const char *path, struct error *err);

/* The same from text in memory; `name` stands for the path in messages. */
int config_load_text(struct config *c, const char *text, size_t length, const char *name, struct error *err);

/* Sets "KEY=VALUE"; a later one wins. The value is YAML (`model.hidden=[600, 200]`), but that of a text key
 * is taken as it stands unless it begins with a quote. Words of a list may be parted by commas. */
int config_set(struct config *c, const char *assignment, struct error *err);

/* The same of a printf format. */
int config_setf(struct config *c, struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Cross-field checks; fills in defaults that depend on the model where nothing was given: model.hidden,
 * model.activation, split.kind, eval.metrics, train.monitor. Call last. */
int config_check(struct config *c, struct error *err);
/* The same to evaluate a trained model: mf may then meet users who were held out whole. */
int config_check_use(struct config *c, struct error *err);

/* PT_ECONFIG unless data.path is there: for what reads ratings. */
int config_need_data(const struct config *c, struct error *err);

/* The next key, from *at on, that was given another value than its default although the model or split at
 * hand makes no use of it; NULL: no more. Begin with *at = 0. For a note to the user. */
const char *config_next_unused(const struct config *c, int *at);

/* Whether a key was given rather than left at its default. False for an unknown key. */
bool config_given(const struct config *c, const char *key);

/* The effective configuration as YAML that config_load takes back to the same values (PT_EFILE: cannot
 * write). `all`: every key, as a run's folder keeps it; otherwise what the model at hand uses, in at most
 * 40 lines of ordinary length. */
int config_print(const struct config *c, FILE *out, bool all, struct error *err);

/* The same as a text, for free(). PT_ENOMEM. */
int config_text(const struct config *c, bool all, char **out, struct error *err);

/* Key i, in the order of config_print; NULL behind the last. Its value as config_print writes it, for free();
 * NULL: no memory. */
const char *config_key(int i);
char *config_value(const struct config *c, int i);

/* data.bad_lines and data.missing as they are meant; false: they cannot be. *kind: 0 keep, 1 skip, 2 error,
 * 3 a number. */
bool config_skip_share(const struct config *c, double *share);
bool config_missing(const struct config *c, int *kind, double *number);

/* The name of a value of an enum or bool: config_enum_name("model.kind", 0) is "autorec". NULL: no such key
 * or value. */
const char *config_enum_name(const char *key, int value);

/* Two configurations may differ in train.epochs, eval.untrained and run.* only, to resume one with the other:
 * NULL if so, else the first key that differs. */
const char *config_resume_conflict(const struct config *a, const struct config *b);

/* docs/config.md, made from the table. */
int config_write_reference(FILE *out, struct error *err);

void config_free(struct config *c);
SCOPED(config_free, struct config)
