#include "batch/matrix.h"

#include "base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define CODE_BITS 10

/* Values to codes, by hash: open addressing, at most a quarter full. */
struct codes {
    uint32_t bits[1 << CODE_BITS]; /* of a float; what equals zero has those of +0 */
    int16_t code[1 << CODE_BITS];  /* -1: nothing here */
};

/* What the workers share while they fill their parts. */
struct fill {
    struct matrix *m;
    const struct ratings *r;
    const struct matrix_spec *spec;
    struct mem_pool pool; /* of the arrays here */
    int64_t *column_ptr;  /* (columns + 1): where a column's entries begin in the lists */
    int64_t *next;        /* (columns): where the next one of a column goes */
    /* The entries in order of columns, then of the source: what they are, not where, since a shard's rows are
     * then made without another look at ratings that lie anywhere. */
    int32_t *example; /* (entries) */
    uint8_t *code;    /* (entries); NULL: not coded, or one value only */
    float *value;     /* (entries); NULL: coded */
    bool coded;
    int values; /* different ones, where coded */
    struct codes codes;
};

/* Loops over all ratings ask this of a copy of the spec, which no store in the loop can change. */
static inline bool is_included(const struct matrix_spec *spec, int64_t i)
{
    return !spec->part || (spec->part[i] & spec->mask);
}

static inline float value_of(const struct matrix_spec *spec, const float *value, int64_t rating)
{
    return spec->binary ? 1.0f : value[rating] - spec->shift;
}

int64_t *matrix_count_columns(const struct ratings *r, const struct matrix_spec *spec)
{
    const struct matrix_spec s = *spec;
    const int32_t *column = matrix_column_of(r, s.side);
    int64_t *count = mem_zalloc(s.columns + 1, sizeof *count), n = r->n;

    for (int64_t i = 0; count && i < n; i++)
        if (is_included(&s, i))
            count[column[i]]++;
    return count;
}

/* Where a value is, or would be. */
static inline int code_slot(const struct codes *t, float v)
{
    float positive = v + 0.0f;
    uint32_t bits, at;

    memcpy(&bits, &positive, sizeof bits);
    at = bits * 0x9E3779B1u >> (32 - CODE_BITS);
    while (t->code[at] >= 0 && t->bits[at] != bits)
        at = (at + 1) & ((1 << CODE_BITS) - 1);
    return (int)at;
}

static void put_code(struct codes *t, float v, int code)
{
    int at = code_slot(t, v);
    float positive = v + 0.0f;

    memcpy(&t->bits[at], &positive, sizeof t->bits[at]);
    t->code[at] = (int16_t)code;
}

/* Collects the different values; false where there are more than 256. */
static bool collect_values(struct fill *f)
{
    const struct matrix_spec s = *f->spec;
    const float *rating = f->r->value;
    float *value = f->m->code_value;
    int n = 0;

    memset(f->codes.code, -1, sizeof f->codes.code);
    for (int64_t i = 0; i < f->r->n; i++) {
        float v;

        if (!is_included(&s, i))
            continue;
        v = value_of(&s, rating, i);
        if (f->codes.code[code_slot(&f->codes, v)] >= 0)
            continue;
        if (n == 256)
            return false;
        put_code(&f->codes, v, n);
        value[n++] = v;
    }
    /* In ascending order, so that codes do not depend on the order of the source. */
    for (int i = 1; i < n; i++)
        for (int j = i; j > 0 && value[j] < value[j - 1]; j--) {
            float t = value[j];

            value[j] = value[j - 1];
            value[j - 1] = t;
        }
    for (int i = 0; i < n; i++)
        put_code(&f->codes, value[i], i);
    for (int i = n; i < 256; i++)
        value[i] = 0.0f;
    f->values = n;
    return true;
}

static inline uint8_t code_of(const struct fill *f, float v)
{
    return (uint8_t)f->codes.code[code_slot(&f->codes, v)];
}

/* Lists the entries of columns [begin, end). */
static void list_columns(const struct fill *f, int64_t begin, int64_t end)
{
    const struct matrix_spec s = *f->spec;
    const int32_t *column = matrix_column_of(f->r, s.side), *example = matrix_example_of(f->r, s.side);
    const float *rating = f->r->value;
    int64_t *next = f->next, n = f->r->n;

    for (int64_t i = 0; i < n; i++) {
        int64_t at;

        if (column[i] < begin || column[i] >= end || !is_included(&s, i))
            continue;
        at = next[column[i]]++;
        f->example[at] = example[i];
        if (f->code)
            f->code[at] = code_of(f, value_of(&s, rating, i));
        else if (f->value)
            f->value[at] = value_of(&s, rating, i);
    }
}

/* A shard's entries come column by column, so appending to the rows leaves each row's columns ascending. */
static void fill_part(const struct fill *f, int shard)
{
    const struct matrix *m = f->m;
    const struct shard *cut = &m->cut[shard];
    struct matrix_part *p = &m->part[shard];

    memset(p->ptr, 0, (size_t)(m->rows + 1) * sizeof *p->ptr);
    for (int64_t i = f->column_ptr[cut->begin]; i < f->column_ptr[cut->end]; i++)
        p->ptr[matrix_row(m, f->example[i]) + 1]++;
    for (int64_t e = 0; e < m->rows; e++)
        p->ptr[e + 1] += p->ptr[e];
    for (int64_t c = cut->begin; c < cut->end; c++)
        for (int64_t i = f->column_ptr[c]; i < f->column_ptr[c + 1]; i++) {
            int64_t at = p->ptr[matrix_row(m, f->example[i])]++;

            p->col[at] = (int32_t)(c - cut->begin);
            if (p->code)
                p->code[at] = f->code[i];
            else if (p->value)
                p->value[at] = f->value[i];
        }
    memmove(p->ptr + 1, p->ptr, (size_t)m->rows * sizeof *p->ptr); /* each ptr ran on to the row's end */
    p->ptr[0] = 0;
}

static void fill_own(struct worker *w, void *arg)
{
    const struct fill *f = arg;
    int64_t first, end;

    team_own(w, f->m->shards, &first, &end);
    if (first < end)
        list_columns(f, f->m->cut[first].begin, f->m->cut[end - 1].end);
    for (int64_t s = first; s < end; s++)
        fill_part(f, (int)s);
}

/* Where the columns' entries begin, and room for the lists, which the workers fill. */
static int alloc_lists(struct fill *f, struct error *err)
{
    struct matrix *m = f->m;
    int64_t sum = 0;

    f->next = mem_pool_alloc(&f->pool, m->columns, sizeof *f->next);
    f->column_ptr = mem_pool_alloc(&f->pool, m->columns + 1, sizeof *f->column_ptr);
    m->column_count = mem_pool_add(&m->pool, matrix_count_columns(f->r, f->spec));
    TRY(need_memory(!f->pool.failed && m->column_count, err));
    for (int64_t c = 0; c < m->columns; c++) {
        f->column_ptr[c] = f->next[c] = sum;
        sum += m->column_count[c];
    }
    f->column_ptr[m->columns] = m->entries = sum;
    f->example = mem_pool_array(&f->pool, sum, sizeof *f->example);
    if (f->coded && f->values > 1)
        f->code = mem_pool_array(&f->pool, sum, sizeof *f->code);
    else if (!f->coded)
        f->value = mem_pool_array(&f->pool, sum, sizeof *f->value);
    return need_memory(!f->pool.failed, err);
}

static int count_rows(struct fill *f, struct error *err)
{
    const struct matrix_spec s = *f->spec;
    const int32_t *example = matrix_example_of(f->r, s.side);
    const float *value = f->r->value;
    struct matrix *m = f->m;
    int64_t *count = m->row_count, n = f->r->n;
    mem_scoped double *squares = mem_zalloc(m->examples, sizeof *squares);

    TRY(need_memory(squares, err));
    for (int64_t i = 0; i < n; i++)
        if (is_included(&s, i)) {
            double v = value_of(&s, value, i);

            count[example[i]]++;
            squares[example[i]] += v * v;
        }
    for (int64_t e = 0; e < m->examples; e++)
        m->row_norm[e] = (float)sqrt(squares[e]);
    return 0;
}

/* Rows for all examples, or, where that takes less memory, for those with entries and an empty one. */
static int number_rows(struct matrix *m, struct error *err)
{
    int64_t full = 0, next = 0;

    for (int64_t e = 0; e < m->examples; e++)
        full += m->row_count[e] > 0;
    m->rows = m->examples;
    if ((m->examples - full - 1) * m->shards <= m->examples)
        return 0;
    m->rows = full + 1;
    m->slot = mem_pool_alloc(&m->pool, m->examples, sizeof *m->slot);
    TRY(need_memory(m->slot, err));
    for (int64_t e = 0; e < m->examples; e++)
        m->slot[e] = (int32_t)(m->row_count[e] ? next++ : full);
    return 0;
}

static int alloc_parts(struct fill *f, const struct team *team, struct error *err)
{
    struct matrix *m = f->m;
    int64_t first, end;

    team_rank_own(team, m->shards, &first, &end);
    for (int64_t s = first; s < end; s++) {
        struct matrix_part *p = &m->part[s];
        int64_t n = f->column_ptr[m->cut[s].end] - f->column_ptr[m->cut[s].begin];

        if (n > UINT32_MAX)
            return error_set(err, PT_ECONFIG,
                             "run.shards: shard %d of %d would hold %" PRId64
                             " ratings, more than 4294967295; ask for more shards",
                             (int)s, m->shards, n);
        p->ptr = mem_pool_array(&m->pool, m->rows + 1, sizeof *p->ptr);
        p->col = mem_pool_array(&m->pool, n, sizeof *p->col);
        if (f->code)
            p->code = mem_pool_array(&m->pool, n, sizeof *p->code);
        else if (f->value)
            p->value = mem_pool_array(&m->pool, n, sizeof *p->value);
    }
    return need_memory(!m->pool.failed, err);
}

static void fill_fini(struct fill *f)
{
    mem_pool_free(&f->pool);
}

int matrix_new(struct matrix **out, const struct ratings *r, const struct matrix_spec *spec,
               const struct shard *cut, int shards, struct team *team, struct error *err)
{
    scoped(matrix_free) struct matrix *m = mem_zalloc(1, sizeof *m);
    scoped_value(fill_fini) struct fill f = {.m = m, .r = r, .spec = spec};

    TRY(need_memory(m, err));
    m->examples = spec->examples;
    m->columns = spec->columns;
    m->shards = shards;
    m->cut = mem_pool_alloc(&m->pool, shards, sizeof *m->cut);
    m->part = mem_pool_zalloc(&m->pool, shards, sizeof *m->part);
    m->row_count = mem_pool_zalloc(&m->pool, m->examples, sizeof *m->row_count);
    m->row_norm = mem_pool_zalloc(&m->pool, m->examples, sizeof *m->row_norm);
    TRY(need_memory(!m->pool.failed, err));
    memcpy(m->cut, cut, (size_t)shards * sizeof *cut);
    f.coded = collect_values(&f);
    TRY(alloc_lists(&f, err));
    TRY(count_rows(&f, err));
    TRY(number_rows(m, err));
    TRY(alloc_parts(&f, team, err));
    team_run(team, fill_own, &f);
    *out = handed_on(m);
    return 0;
}

void matrix_free(struct matrix *m)
{
    if (!m)
        return;
    mem_pool_free(&m->pool);
    mem_free(m);
}

void matrix_list_entries(const struct matrix *m, const int32_t *column_as, int64_t columns,
                         struct entries *by_row, struct entries *by_column, struct mem_pool *pool)
{
    int64_t n = 0;

    by_row->at = mem_pool_alloc(pool, m->rows + 1, sizeof *by_row->at);
    by_row->entry = mem_pool_alloc(pool, m->entries, sizeof *by_row->entry);
    by_column->at = mem_pool_zalloc(pool, columns + 1, sizeof *by_column->at);
    by_column->entry = mem_pool_alloc(pool, m->entries, sizeof *by_column->entry);
    if (pool->failed)
        return;
    for (int64_t row = 0; row < m->rows; row++) {
        by_row->at[row] = n;
        for (int s = 0; s < m->shards; s++)
            for (uint32_t i = m->part[s].ptr[row]; i < m->part[s].ptr[row + 1]; i++) {
                int64_t c = m->cut[s].begin + m->part[s].col[i], as = column_as ? column_as[c] : c;

                if (as < 0)
                    continue;
                by_row->entry[n++] = (int32_t)as;
                by_column->at[as + 1]++;
            }
    }
    by_row->at[m->rows] = n;
    for (int64_t c = 0; c < columns; c++)
        by_column->at[c + 1] += by_column->at[c];
    for (int64_t row = 0; row < m->rows; row++)
        for (int64_t i = by_row->at[row]; i < by_row->at[row + 1]; i++)
            by_column->entry[by_column->at[by_row->entry[i]]++] = (int32_t)row;
    memmove(by_column->at + 1, by_column->at, (size_t)columns * sizeof *by_column->at);
    by_column->at[0] = 0; /* each had moved on to the next one's */
}
