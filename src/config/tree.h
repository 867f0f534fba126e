/* tree.h - a YAML document as a tree, and where in the file each part stands.
 *
 * It takes what a configuration needs: one document of mappings, lists and scalars, in UTF-8.
 * Anchors, aliases, tags, several documents, more than TREE_DEPTH levels and files above TREE_BYTES are
 * refused. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define TREE_DEPTH 16
#define TREE_BYTES (1 << 20)

enum tree_kind { TREE_SCALAR, TREE_LIST, TREE_MAP };

struct tree {
    enum tree_kind kind;
    int line, column;         /* of the value, from 1 */
    char *text;               /* scalar: owned, without NUL bytes inside */
    bool quoted;              /* scalar: stood in quotes, or as a block of text */
    int n;                    /* list, mapping: number of items */
    struct tree *item;        /* owned */
    char *key;                /* an item of a mapping: its key, owned */
    int key_line, key_column; /* likewise */
};

/* Reads a file. PT_ECONFIG with "path:line:column: reason", also where it cannot be read or is empty. */
int tree_read(struct tree **out, const char *path, struct error *err);

/* The same from memory; `name` stands for the path in messages (NULL: no place is named). */
int tree_parse(struct tree **out, const char *text, size_t length, const char *name, struct error *err);

/* A plain scalar that says "nothing": empty, ~ or null. */
bool tree_is_null(const struct tree *t);

void tree_free(struct tree *t);
SCOPED(tree_free, struct tree)

/* Fills *err with "path:line:column: reason" (of a long path the end; NULL: the reason alone). PT_ECONFIG. */
int tree_fail(struct error *err, const char *path, int line, int column, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
