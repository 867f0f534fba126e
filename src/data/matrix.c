#include "data/matrix.h"

#include "base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* What the workers share while they fill their parts. */
struct fill {
    struct matrix *m;
    const struct ratings *r;
    const struct matrix_spec *spec;
    const int64_t *column_ptr; /* (columns + 1): where a column's ratings begin in by_column */
    /* Ratings in order of columns, then of the source: 32 bits wide where they fit, for this list is what
     * memory is short of while matrices are made. One of the two is NULL. */
    uint32_t *by_column;
    int64_t *by_column_wide;
    bool coded;
};

static inline int64_t rating_at(const struct fill *f, int64_t i)
{
    return f->by_column ? f->by_column[i] : f->by_column_wide[i];
}

static bool taken(const struct matrix_spec *spec, int64_t i)
{
    return !spec->part || (spec->part[i] & spec->mask);
}

static float value_of(const struct fill *f, int64_t rating)
{
    return f->spec->binary ? 1.0f : f->r->value[rating] - f->spec->shift;
}

int64_t *matrix_count_columns(const struct ratings *r, const struct matrix_spec *spec)
{
    const int32_t *column = matrix_column_of(r, spec->side);
    int64_t *count = mem_zalloc(spec->columns + 1, sizeof *count);

    for (int64_t i = 0; count && i < r->n; i++)
        if (taken(spec, i))
            count[column[i]]++;
    return count;
}

/* Collects the different values; false where there are more than 256. */
static bool collect_values(struct fill *f)
{
    int n = 0;

    for (int64_t i = 0; i < f->r->n; i++) {
        float v;
        int c = 0;

        if (!taken(f->spec, i))
            continue;
        v = value_of(f, i);
        while (c < n && f->m->code_value[c] != v)
            c++;
        if (c == n) {
            if (n == 256)
                return false;
            f->m->code_value[n++] = v;
        }
    }
    /* In ascending order, so that codes do not depend on the order of the source. */
    for (int i = 1; i < n; i++)
        for (int j = i; j > 0 && f->m->code_value[j] < f->m->code_value[j - 1]; j--) {
            float t = f->m->code_value[j];

            f->m->code_value[j] = f->m->code_value[j - 1];
            f->m->code_value[j - 1] = t;
        }
    for (int i = n; i < 256; i++)
        f->m->code_value[i] = 0.0f;
    return true;
}

static uint8_t code_of(const struct matrix *m, float v)
{
    int c = 0;

    while (m->code_value[c] != v)
        c++;
    return (uint8_t)c;
}

/* A shard's ratings come column by column, so appending to the rows leaves each row's columns ascending. */
static void fill_part(const struct fill *f, int shard)
{
    const struct matrix *m = f->m;
    const int32_t *example = matrix_example_of(f->r, f->spec->side);
    const struct shard *cut = &m->cut[shard];
    struct matrix_part *p = &m->part[shard];

    memset(p->ptr, 0, (size_t)(m->rows + 1) * sizeof *p->ptr);
    for (int64_t i = f->column_ptr[cut->begin]; i < f->column_ptr[cut->end]; i++)
        p->ptr[matrix_row(m, example[rating_at(f, i)]) + 1]++;
    for (int64_t e = 0; e < m->rows; e++)
        p->ptr[e + 1] += p->ptr[e];
    for (int64_t c = cut->begin; c < cut->end; c++)
        for (int64_t i = f->column_ptr[c]; i < f->column_ptr[c + 1]; i++) {
            int64_t rating = rating_at(f, i), at = p->ptr[matrix_row(m, example[rating])]++;

            p->col[at] = (int32_t)(c - cut->begin);
            if (f->coded)
                p->code[at] = code_of(m, value_of(f, rating));
            else
                p->value[at] = value_of(f, rating);
        }
    memmove(p->ptr + 1, p->ptr, (size_t)m->rows * sizeof *p->ptr); /* each ptr ran on to the row's end */
    p->ptr[0] = 0;
}

static void fill_own(struct worker *w, void *arg)
{
    const struct fill *f = arg;
    int64_t first, end;

    team_own(w, f->m->shards, &first, &end);
    for (int64_t s = first; s < end; s++)
        fill_part(f, (int)s);
}

/* Ratings in order of columns: ptr (columns + 1), for mem_free, and the list. */
static int sort_by_column(struct fill *f, int64_t **ptr, struct error *err)
{
    const int32_t *column = matrix_column_of(f->r, f->spec->side);
    struct matrix *m = f->m;

    *ptr = matrix_count_columns(f->r, f->spec);
    if (!*ptr)
        return error_set(err, PT_ENOMEM, "example matrix: out of memory");
    memcpy(m->column_count, *ptr, (size_t)m->columns * sizeof **ptr);
    for (int64_t c = 0, sum = 0; c <= m->columns; c++) {
        int64_t n = (*ptr)[c];

        (*ptr)[c] = sum;
        sum += n;
    }
    m->entries = (*ptr)[m->columns];
    if (f->r->n <= UINT32_MAX)
        f->by_column = mem_alloc(m->entries, sizeof *f->by_column);
    else
        f->by_column_wide = mem_alloc(m->entries, sizeof *f->by_column_wide);
    if (!f->by_column && !f->by_column_wide)
        return error_set(err, PT_ENOMEM, "example matrix: out of memory");
    for (int64_t i = 0; i < f->r->n; i++) {
        if (!taken(f->spec, i))
            continue;
        if (f->by_column)
            f->by_column[(*ptr)[column[i]]++] = (uint32_t)i;
        else
            f->by_column_wide[(*ptr)[column[i]]++] = i;
    }
    memmove(*ptr + 1, *ptr, (size_t)m->columns * sizeof **ptr);
    (*ptr)[0] = 0;
    return 0;
}

static int count_rows(struct fill *f, struct error *err)
{
    const int32_t *example = matrix_example_of(f->r, f->spec->side);
    struct matrix *m = f->m;
    double *squares = mem_zalloc(m->examples, sizeof *squares);

    if (!squares)
        return error_set(err, PT_ENOMEM, "example matrix: out of memory");
    for (int64_t i = 0; i < f->r->n; i++)
        if (taken(f->spec, i)) {
            double v = value_of(f, i);

            m->row_count[example[i]]++;
            squares[example[i]] += v * v;
        }
    for (int64_t e = 0; e < m->examples; e++)
        m->row_norm[e] = (float)sqrt(squares[e]);
    mem_free(squares);
    return 0;
}

/* Rows for all examples, or, where most would be empty, for those with entries and an empty one. */
static int number_rows(struct matrix *m, struct error *err)
{
    int64_t full = 0, next = 0;

    for (int64_t e = 0; e < m->examples; e++)
        full += m->row_count[e] > 0;
    m->rows = m->examples;
    if (full + 1 > m->examples / 2)
        return 0;
    m->rows = full + 1;
    m->slot = mem_alloc(m->examples, sizeof *m->slot);
    if (!m->slot)
        return error_set(err, PT_ENOMEM, "example matrix: out of memory");
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
        p->ptr = mem_array(m->rows + 1, sizeof *p->ptr);
        p->col = mem_array(n, sizeof *p->col);
        if (f->coded)
            p->code = mem_array(n, sizeof *p->code);
        else
            p->value = mem_array(n, sizeof *p->value);
        if (!p->ptr || !p->col || !(p->code || p->value))
            return error_set(err, PT_ENOMEM, "example matrix: out of memory");
    }
    return 0;
}

int matrix_new(struct matrix **out, const struct ratings *r, const struct matrix_spec *spec,
               const struct shard *cut, int shards, struct team *team, struct error *err)
{
    struct matrix *m = mem_zalloc(1, sizeof *m);
    struct fill f = {.m = m, .r = r, .spec = spec};
    int64_t *ptr = NULL;
    int rc = PT_ENOMEM;

    if (!m)
        goto no_memory;
    m->examples = spec->examples;
    m->columns = spec->columns;
    m->shards = shards;
    m->cut = mem_alloc(shards, sizeof *m->cut);
    m->part = mem_zalloc(shards, sizeof *m->part);
    m->row_count = mem_zalloc(m->examples, sizeof *m->row_count);
    m->row_norm = mem_zalloc(m->examples, sizeof *m->row_norm);
    m->column_count = mem_zalloc(m->columns, sizeof *m->column_count);
    if (!m->cut || !m->part || !m->row_count || !m->row_norm || !m->column_count)
        goto no_memory;
    memcpy(m->cut, cut, (size_t)shards * sizeof *cut);
    f.coded = collect_values(&f);
    if ((rc = sort_by_column(&f, &ptr, err)) < 0 || (rc = count_rows(&f, err)) < 0 ||
        (rc = number_rows(m, err)) < 0)
        goto fail;
    f.column_ptr = ptr;
    if ((rc = alloc_parts(&f, team, err)) < 0)
        goto fail;
    team_run(team, fill_own, &f);
    *out = m;
    m = NULL;
    goto fail;
no_memory:
    rc = error_set(err, PT_ENOMEM, "example matrix: out of memory");
fail:
    mem_free(ptr);
    mem_free(f.by_column);
    mem_free(f.by_column_wide);
    matrix_free(m);
    return rc;
}

void matrix_free(struct matrix *m)
{
    if (!m)
        return;
    for (int s = 0; m->part && s < m->shards; s++) {
        mem_free(m->part[s].ptr);
        mem_free(m->part[s].col);
        mem_free(m->part[s].code);
        mem_free(m->part[s].value);
    }
    mem_free(m->part);
    mem_free(m->slot);
    mem_free(m->cut);
    mem_free(m->row_count);
    mem_free(m->row_norm);
    mem_free(m->column_count);
    mem_free(m);
}

int64_t matrix_bytes(const struct matrix *m)
{
    int64_t entry = 4 + (m->shards && m->part[0].code ? 1 : 4);

    return m->entries * entry + (int64_t)m->shards * (m->rows + 1) * 4 + m->examples * (m->slot ? 16 : 12) +
           m->columns * 8;
}
