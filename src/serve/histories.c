#include "serve/histories.h"

#include "base/mem.h"

#include <stdlib.h>

static bool grow(void **block, int64_t space, size_t size)
{
    void *grown = mem_resize(*block, space, size);

    if (grown)
        *block = grown;
    return grown != NULL;
}

bool histories_add(struct histories *h, int32_t column, float value, int kind)
{
    if (h->entries == h->entry_space) {
        int64_t space = h->entry_space ? 2 * h->entry_space : 1024;

        if (!grow((void **)&h->column, space, sizeof *h->column) ||
            !grow((void **)&h->value, space, sizeof *h->value) || !grow((void **)&h->kind, space, 1))
            return false;
        h->entry_space = space;
    }
    h->column[h->entries] = column;
    h->value[h->entries] = value;
    h->kind[h->entries++] = (uint8_t)kind;
    return true;
}

struct entry {
    int32_t column, place;
    float value;
    uint8_t kind;
};

static int by_column(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return x->column != y->column ? (x->column > y->column) - (x->column < y->column) : x->place - y->place;
}

static bool sort_entries(struct histories *h, int64_t first)
{
    int64_t n = h->entries - first, to = first;
    struct entry *e;
    bool sorted = true;

    for (int64_t i = first + 1; i < h->entries && sorted; i++)
        sorted = h->column[i - 1] < h->column[i];
    if (sorted)
        return true;
    e = mem_alloc(n, sizeof *e);
    if (!e)
        return false;
    for (int64_t i = 0; i < n; i++)
        e[i] = (struct entry){h->column[first + i], (int32_t)i, h->value[first + i], h->kind[first + i]};
    qsort(e, (size_t)n, sizeof *e, by_column);
    for (int64_t i = 0; i < n; i++) {
        if (i + 1 < n && e[i + 1].column == e[i].column)
            continue;
        h->column[to] = e[i].column;
        h->value[to] = e[i].value;
        h->kind[to++] = e[i].kind;
    }
    h->entries = to;
    mem_free(e);
    return true;
}

bool histories_end(struct histories *h, int32_t row)
{
    if (h->n + 1 >= h->space) {
        int64_t space = h->space ? 2 * h->space : 256;

        if (!grow((void **)&h->ptr, space + 1, sizeof *h->ptr) ||
            !grow((void **)&h->row, space, sizeof *h->row))
            return false;
        h->space = space;
    }
    if (h->n == 0)
        h->ptr[0] = 0;
    if (!sort_entries(h, h->ptr[h->n]))
        return false;
    h->row[h->n++] = row;
    h->ptr[h->n] = h->entries;
    return true;
}

void histories_clear(struct histories *h)
{
    h->n = h->entries = 0;
}

void histories_fini(struct histories *h)
{
    mem_free(h->ptr);
    mem_free(h->row);
    mem_free(h->column);
    mem_free(h->value);
    mem_free(h->kind);
    *h = (struct histories){0};
}
