/* matrix.h - the example matrix X, one row an example, one column a coordinate, cut into column shards.
 *
 * Side `user`: examples are users and columns items; side `item` the other way round.
 *
 *                 shard 0        shard 1              a shard's part holds its entries by example, columns
 *     example 0   . 4 .          . . 5                ascending within a row; a column is numbered from
 *     example 1   3 . .          . . .                the shard's first
 *     example 2   . 5 1          2 . .
 *
 * If many examples are empty (those of other parts of the split), a part stores only the non-empty rows plus
 * one shared empty row. matrix_row maps an example to its row.
 *
 * Values are stored as one-byte codes into a table if at most 256 differ (stars), else as floats; a single
 * value (clicks) is not stored. The worker that owns a shard touches its part first and writes it. A rank
 * (ranks.h) has the parts of its own shards only, and the counts and norms of all. Immutable once made. */
#pragma once

#include "base/error.h"
#include "base/mem.h"
#include "data/ratings.h"
#include "par/shard.h"
#include "par/team.h"

#include <stdbool.h>
#include <stdint.h>

struct matrix_part {
    uint32_t *ptr; /* (rows + 1): a row's entries are [ptr[row], ptr[row + 1]) */
    int32_t *col;  /* (entries): column - shard's first */
    uint8_t *code; /* (entries), or NULL: all have code_value[0], or a value of their own */
    float *value;  /* (entries), or NULL */
};

struct matrix {
    int64_t examples, columns, entries;
    int64_t rows;  /* of each part */
    int32_t *slot; /* (examples): the row of an example in the parts; NULL: its number */
    int shards;
    struct shard *cut;        /* (shards) */
    struct matrix_part *part; /* (shards) */
    float code_value[256];
    int64_t *row_count;    /* (examples): entries of each row */
    int64_t *column_count; /* (columns) */
    float *row_norm;       /* (examples): Euclidean norm of each row */
    struct mem_pool pool;  /* of all arrays */
};

/* Entries without shards: those of row r are entry[at[r] .. at[r + 1]), ascending. */
struct entries {
    int64_t *at;    /* (rows + 1) */
    int32_t *entry; /* (entries) */
};

/* side 0: items are examples; 1: users. */
static inline const int32_t *matrix_example_of(const struct ratings *r, int side)
{
    return side ? r->user : r->item;
}

static inline const int32_t *matrix_column_of(const struct ratings *r, int side)
{
    return side ? r->item : r->user;
}

/* Where in the ascending numbers x[a .. b) the first is that is not below `least`; b: none. */
static inline int64_t first_from(const int32_t *x, int64_t a, int64_t b, int64_t least)
{
    while (a < b) {
        int64_t mid = (a + b) / 2;

        if (x[mid] < least)
            a = mid + 1;
        else
            b = mid;
    }
    return a;
}

/* Which ratings the matrix has, and their values. */
struct matrix_spec {
    const uint8_t *part; /* (ratings) bits of enum part, or NULL */
    uint8_t mask;        /* the ratings whose part has a bit of this; part NULL: all */
    int side;
    int64_t examples, columns;
    float shift; /* subtracted from every value */
    bool binary; /* every value is 1 */
};
/* cut: `shards` shards of the columns, copied. PT_ENOMEM; PT_ECONFIG if a shard would have more than 2^32 - 1
 * entries. Freed by matrix_free. */
int matrix_new(struct matrix **out, const struct ratings *r, const struct matrix_spec *spec,
               const struct shard *cut, int shards, struct team *team, struct error *err);
void matrix_free(struct matrix *m);
SCOPED(matrix_free, struct matrix)

/* Entries of each column, to make a cut from: (columns), for mem_free; NULL: no memory. */
int64_t *matrix_count_columns(const struct ratings *r, const struct matrix_spec *spec);

static inline float matrix_value(const struct matrix *m, const struct matrix_part *p, int64_t i)
{
    return p->value ? p->value[i] : m->code_value[p->code ? p->code[i] : 0];
}

/* The row of the parts that holds an example's entries. */
static inline int64_t matrix_row(const struct matrix *m, int64_t example)
{
    return m->slot ? m->slot[example] : example;
}

/* The columns of each row of the parts, and the rows of each column: arrays in `pool`, whose `failed` is set
 * without memory. A column c counts as column_as[c] of `columns`, -1: not at all (NULL: as itself). One
 * rank. */
void matrix_list_entries(const struct matrix *m, const int32_t *column_as, int64_t columns,
                         struct entries *by_row, struct entries *by_column, struct mem_pool *pool);
