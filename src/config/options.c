/* options.c - the table that options.def becomes, and looking things up in it. */
#include "config/options.h"

#include "base/text.h"

#include <string.h>

#define OPTION(kind, name, field, use, note)                                                                 \
    .type = kind, .when = use, .key = name, .help = note, .offset = offsetof(struct config, field),          \
    .size = sizeof((struct config *)NULL)->field

const struct option option_table[] = {
#define SECTION(section_name, note)
#define INT(name, field, def, min, max, use, note)                                                           \
    {OPTION(OPTION_INT, name, field, use, note), .whole = def, .low = min, .high = max},
#define REAL(name, field, def, min, max, use, note)                                                          \
    {OPTION(OPTION_REAL, name, field, use, note), .real = def, .least = min, .most = max},
#define BOOL(name, field, def, use, note)                                                                    \
    {OPTION(OPTION_BOOL, name, field, use, note), .whole = def, .text = "false\0true\0"},
#define TEXT(name, field, def, use, note) {OPTION(OPTION_TEXT, name, field, use, note), .text = def},
#define ENUM(name, field, def, names, use, note)                                                             \
    {OPTION(OPTION_ENUM, name, field, use, note), .whole = def, .text = names "\0"},
#define INTS(name, field, def, min, max, use, note)                                                          \
    {OPTION(OPTION_INTS, name, field, use, note), .text = def, .low = min, .high = max},
#define TEXTS(name, field, def, use, note) {OPTION(OPTION_TEXTS, name, field, use, note), .text = def},
#include "config/options.def"
};

const struct section section_table[] = {
#define SECTION(section_name, note) {section_name, note},
#define INT(...)
#define REAL(...)
#define BOOL(...)
#define TEXT(...)
#define ENUM(...)
#define INTS(...)
#define TEXTS(...)
#include "config/options.def"
};

enum { LONGEST_WORD = 48 };

const int option_count = sizeof option_table / sizeof *option_table;
const int section_count = sizeof section_table / sizeof *section_table;

_Static_assert(sizeof option_table / sizeof *option_table <= 256, "config.set holds 256 bits");

int option_find(const char *key)
{
    for (int i = 0; i < option_count; i++) {
        if (strcmp(option_table[i].key, key) == 0)
            return i;
    }
    return -1;
}

const char *option_find_retired(const char *key)
{
    static const char *const retired[] = {
        "run.cache", /* copies of read ratings: reading got as fast */
    };

    for (size_t i = 0; i < sizeof retired / sizeof *retired; i++) {
        if (strcmp(retired[i], key) == 0)
            return retired[i];
    }
    return NULL;
}

bool section_find(const char *name)
{
    for (int i = 0; i < section_count; i++) {
        if (strcmp(section_table[i].name, name) == 0)
            return true;
    }
    return false;
}

bool option_in_section(const struct option *o, const struct section *s)
{
    size_t length = strlen(s->name);

    return strncmp(o->key, s->name, length) == 0 && o->key[length] == '.';
}

const char *option_enum_name(const struct option *o, int value)
{
    const char *name = o->text;

    if (value < 0)
        return NULL;
    for (; *name && value > 0; value--)
        name += strlen(name) + 1;
    return *name ? name : NULL;
}

bool option_can_be_unset(const struct option *o)
{
    return o->type == OPTION_REAL && o->real <= -1e30;
}

bool option_is_time(const struct option *o)
{
    return o->type == OPTION_REAL && o->most >= 1e18;
}

void *option_field(const struct config *c, const struct option *o)
{
    return (char *)c + o->offset;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* A key in the wrong section, or without one, is nearest to the key of the same last word. */
static int key_distance(const char *word, const char *key)
{
    const char *word_dot = strrchr(word, '.'), *key_dot = strrchr(key, '.');
    int whole = word_distance(word, key), tail = word_distance(word_dot ? word_dot + 1 : word, key_dot + 1);

    if (tail == 0)
        return least(whole, 1);
    return word_dot ? whole : least(whole, tail + 1);
}

const char *option_nearest(const char *word)
{
    const char *nearest = NULL;
    int best = (int)strnlen(word, LONGEST_WORD) / 3 + 1;

    for (int i = 0; i < section_count; i++) {
        int d = word_distance(word, section_table[i].name);

        if (d < best) {
            best = d;
            nearest = section_table[i].name;
        }
    }
    for (int i = 0; i < option_count; i++) {
        int d = key_distance(word, option_table[i].key);

        if (d < best) {
            best = d;
            nearest = option_table[i].key;
        }
    }
    return nearest;
}
