#include "data/idtable.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

#define FIRST_BITS 10

/* Open addressing, at most half full. A name of up to 8 bytes is its own key, so that the usual numeric
 * id is found by one multiplication and one comparison; a longer one has its hash as the key and is compared
 * in the block of names. An empty slot has row -1.
 *
 *   slot    key | length | row        power of two of them
 *   start   (rows + 1) offsets into names; name r is names[start[r]] .. names[start[r + 1] - 2], then a zero
 *   by_number   rows of names that are small numbers, a memory of what lookup says; as long as the largest
 *               of them asks for
 */
struct slot {
    uint64_t key;
    uint32_t length; /* saturated; the names are compared where it does not fit */
    int32_t row;
};

struct idtable {
    int64_t rows, row_space;
    int64_t name_space;
    int bits;
    bool sealed;
    struct slot *slot;  /* (2^bits) owned */
    int64_t *start;     /* (row_space + 1) owned */
    char *names;        /* (name_space) owned */
    int32_t *by_number; /* (numbers) owned; -1: not known */
    uint32_t numbers;
    uint32_t most; /* of numbers */
};

struct key {
    uint64_t key;
    uint32_t length;
};

static uint64_t slot_of(const struct idtable *t, struct key k)
{
    return ((k.key ^ k.length) * 0x9E3779B97F4A7C15u) >> (64 - t->bits);
}

/* The bytes of a short name in a word; no byte outside of the name is read. */
static uint64_t pack(const char *name, size_t length)
{
    uint64_t word = 0;

    for (size_t k = length; k-- > 0;)
        word = word << 8 | (unsigned char)name[k];
    return word;
}

static struct key key_of(const char *name, size_t length)
{
    struct key k = {0, length < UINT32_MAX ? (uint32_t)length : UINT32_MAX};

    k.key = length <= 8 ? pack(name, length) : hash_64(name, length);
    return k;
}

int64_t idtable_count(const struct idtable *t)
{
    return t->rows;
}

const char *idtable_name(const struct idtable *t, int64_t row)
{
    return t->names + t->start[row];
}

size_t idtable_length(const struct idtable *t, int64_t row)
{
    return (size_t)(t->start[row + 1] - t->start[row] - 1);
}

static void empty_slots(struct slot *slot, int bits)
{
    for (int64_t k = 0; k < (int64_t)1 << bits; k++)
        slot[k].row = -1;
}

struct idtable *idtable_new(void)
{
    struct idtable *t = mem_zalloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->bits = FIRST_BITS;
    t->most = IDTABLE_NUMBERS;
    t->row_space = 1 << (FIRST_BITS - 1);
    t->name_space = 8 << FIRST_BITS;
    t->slot = mem_alloc((int64_t)1 << t->bits, sizeof *t->slot);
    t->start = mem_alloc(t->row_space + 1, sizeof *t->start);
    t->names = mem_alloc(t->name_space, 1);
    if (!t->slot || !t->start || !t->names) {
        idtable_free(t);
        return NULL;
    }
    empty_slots(t->slot, t->bits);
    t->start[0] = 0;
    return t;
}

/* Twice the slots; every name goes to its new place. */
static bool grow_slots(struct idtable *t)
{
    int bits = t->bits + 1;
    uint64_t mask = ((uint64_t)1 << bits) - 1;
    struct slot *old = t->slot, *fresh = mem_alloc((int64_t)1 << bits, sizeof *fresh);
    int64_t old_count = (int64_t)1 << t->bits;

    if (!fresh)
        return false;
    empty_slots(fresh, bits);
    t->bits = bits;
    for (int64_t k = 0; k < old_count; k++) {
        uint64_t at;

        if (old[k].row < 0)
            continue;
        at = slot_of(t, (struct key){old[k].key, old[k].length});
        while (fresh[at].row >= 0)
            at = (at + 1) & mask;
        fresh[at] = old[k];
    }
    t->slot = fresh;
    mem_free(old);
    return true;
}

static bool grow_rows(struct idtable *t)
{
    int64_t space = 2 * t->row_space;
    int64_t *start = mem_resize(t->start, space + 1, sizeof *start);

    if (!start)
        return false;
    t->start = start;
    t->row_space = space;
    return true;
}

static bool grow_names(struct idtable *t, size_t more)
{
    int64_t space = 2 * t->name_space;
    char *names;

    while ((size_t)(space - t->start[t->rows]) < more)
        space *= 2;
    names = mem_resize(t->names, space, 1);
    if (!names)
        return false;
    t->names = names;
    t->name_space = space;
    return true;
}

/* Up to a power of two above `most`; without memory it stays as it is, and rows are looked up. */
static void grow_numbers(struct idtable *t, uint32_t most)
{
    uint32_t n = t->numbers ? t->numbers : 1 << FIRST_BITS;
    int32_t *grown;

    while (n <= most)
        n *= 2;
    grown = mem_resize(t->by_number, n, sizeof *grown);
    if (!grown)
        return;
    for (uint32_t k = t->numbers; k < n; k++)
        grown[k] = -1;
    t->by_number = grown;
    t->numbers = n;
}

struct idtable_numbers idtable_numbers(const struct idtable *t)
{
    return (struct idtable_numbers){t->by_number, t->numbers};
}

void idtable_limit_numbers(struct idtable *t, uint32_t most)
{
    t->most = most;
}

/* A new row for a name that was not found. */
static int64_t add(struct idtable *t, struct key k, const char *name, size_t length)
{
    uint64_t mask, at;
    int64_t row = t->rows, from = t->start[row];

    if (row == INT32_MAX || t->sealed)
        return -1;
    if (2 * (row + 1) > (int64_t)1 << t->bits && !grow_slots(t))
        return -1;
    if (row == t->row_space && !grow_rows(t))
        return -1;
    if ((size_t)(t->name_space - from) < length + 1 && !grow_names(t, length + 1))
        return -1;
    mask = ((uint64_t)1 << t->bits) - 1;
    at = slot_of(t, k);
    while (t->slot[at].row >= 0)
        at = (at + 1) & mask;
    t->slot[at] = (struct slot){k.key, k.length, (int32_t)row};
    memcpy(t->names + from, name, length);
    t->names[from + (int64_t)length] = 0;
    t->start[row + 1] = from + (int64_t)length + 1;
    t->rows++;
    return row;
}

static bool same_name(const struct idtable *t, int64_t row, const char *name, size_t length)
{
    return idtable_length(t, row) == length && memcmp(idtable_name(t, row), name, length) == 0;
}

static int64_t lookup(const struct idtable *t, struct key k, const char *name, size_t length)
{
    uint64_t mask = ((uint64_t)1 << t->bits) - 1;

    for (uint64_t at = slot_of(t, k); t->slot[at].row >= 0; at = (at + 1) & mask) {
        const struct slot *s = &t->slot[at];

        if (s->key == k.key && s->length == k.length && (length <= 8 || same_name(t, s->row, name, length)))
            return s->row;
    }
    return -1;
}

int64_t idtable_find(const struct idtable *t, const char *name, size_t length)
{
    return lookup(t, key_of(name, length), name, length);
}

static bool same_digits(const char *a, const char *b)
{
    static const char digits[] = "0123456789";

    while (*(a += strcspn(a, digits)) && *a == *(b += strcspn(b, digits)))
        a++, b++;
    return !*a && !*(b + strcspn(b, digits));
}

int64_t idtable_nearest(const struct idtable *t, const char *name)
{
    int best = (int)strnlen(name, 64) / 4 + 1, d;
    int64_t nearest = -1;

    for (int64_t i = 0; i < idtable_count(t) && best > 1; i++)
        if (same_digits(name, idtable_name(t, i)) && (d = word_distance(name, idtable_name(t, i))) < best) {
            best = d;
            nearest = i;
        }
    return nearest;
}

int64_t idtable_find_row(const struct idtable *to, const struct idtable *from, int64_t row)
{
    return idtable_find(to, idtable_name(from, row), idtable_length(from, row));
}

int32_t *idtable_map(const struct idtable *to, const struct idtable *from)
{
    int32_t *map = mem_alloc(idtable_count(from), sizeof *map);

    for (int64_t i = 0; map && i < idtable_count(from); i++)
        map[i] = (int32_t)idtable_find_row(to, from, i);
    return map;
}

int64_t idtable_put(struct idtable *t, const char *name, size_t length)
{
    struct key k = key_of(name, length);
    int64_t row = lookup(t, k, name, length);

    return row >= 0 ? row : add(t, k, name, length);
}

static int64_t put_word(struct idtable *t, uint64_t word, unsigned length)
{
    struct key k = {word, length};
    int64_t row = lookup(t, k, NULL, length);
    char name[8];

    if (row >= 0)
        return row;
    for (unsigned j = 0; j < 8; j++)
        name[j] = (char)(word >> (8 * j));
    return add(t, k, name, length);
}

int64_t idtable_put_word(struct idtable *t, uint64_t word, unsigned length, uint32_t number)
{
    int64_t row = put_word(t, word, length);

    if (row < 0 || number >= t->most)
        return row;
    if (number >= t->numbers)
        grow_numbers(t, number);
    if (number < t->numbers)
        t->by_number[number] = (int32_t)row;
    return row;
}

void idtable_seal(struct idtable *t)
{
    struct slot *few = mem_resize(t->slot, 2, sizeof *few);

    if (!few)
        return;
    t->slot = few;
    t->bits = 1;
    empty_slots(t->slot, t->bits);
    mem_free(t->by_number);
    t->by_number = NULL;
    t->numbers = 0;
    t->sealed = true;
}

void idtable_free(struct idtable *t)
{
    if (!t)
        return;
    mem_free(t->slot);
    mem_free(t->start);
    mem_free(t->names);
    mem_free(t->by_number);
    mem_free(t);
}
