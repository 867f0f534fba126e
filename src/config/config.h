/* config.h - what a run was asked to do: every option of options.def, checked and frozen.
 *
 * Order of strength: defaults < the YAML file < KEY=VALUE < the program's own flags.
 * Only train/ and cli/ include this; lower layers take plain arguments. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct int_list {
    int n;
    int64_t *value; /* owned */
};

struct text_list {
    int n;
    char **value; /* owned, each too */
};

struct config {
#define SECTION(name, help)
#define INT(key, field, def, min, max, help)  int64_t field;
#define REAL(key, field, def, min, max, help) double field;
#define BOOL(key, field, def, help)           bool field;
#define TEXT(key, field, def, help)           char *field; /* owned, never NULL */
#define ENUM(key, field, def, names, help)    int field;
#define INTS(key, field, def, min, max, help) struct int_list field;
#define TEXTS(key, field, def, help)          struct text_list field;
#include "config/options.def"
#undef SECTION
#undef INT
#undef REAL
#undef BOOL
#undef TEXT
#undef ENUM
#undef INTS
#undef TEXTS
    uint64_t set[4]; /* bit i: option i (in the order of options.def) was given by file or KEY=VALUE */
};

/* The names of enum options, in the order of options.def. */
enum { KIND_AUTOREC, KIND_MULTIVAE, KIND_MULTIDAE, KIND_MF };
enum { SIDE_ITEM, SIDE_USER };

/* All defaults. *out is freed by config_free. */
int config_new(struct config **out, struct error *err);

/* Reads a YAML file over what is there. Errors carry path:line:column, the bound, and the
 * nearest known key. A key twice, an unknown key, a wrong type, a value out of bounds and an
 * empty file are errors (PT_ECONFIG). */
int config_load(struct config *c, const char *path, struct error *err);

/* "KEY=VALUE" (the value in YAML's flow syntax) over what is there. */
int config_set(struct config *c, const char *assignment, struct error *err);

/* Cross-field checks; fills in defaults that depend on the model (metrics, monitor). Call last. */
int config_check(struct config *c, struct error *err);

/* Whether a key was given rather than left at its default. False for an unknown key. */
bool config_given(const struct config *c, const char *key);

/* The effective configuration as YAML that config_load takes back to the same values.
 * `all`: every key; otherwise what the model at hand uses, within one screen. */
int config_print(const struct config *c, FILE *out, bool all, struct error *err);

/* The name of an enum option's value: config_enum_name("model.kind", 0) is "autorec". */
const char *config_enum_name(const char *key, int value);

/* Two configurations may differ in train.epochs and run.* only, to resume one with the other:
 * NULL if so, else the first key that differs. */
const char *config_resume_conflict(const struct config *a, const struct config *b);

/* docs/config.md, made from the table. */
void config_write_reference(FILE *out);

void config_free(struct config *c);

#endif
