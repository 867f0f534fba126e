/* digest.c - the bytes of the ratings are written block by block, by any worker, since what a block begins
 * with is known beforehand (how many rows there are before it); they are hashed in order, by worker 0.
 *
 *   round   worker 0: hashes the last round's blocks, then helps | the others: write this round's | barrier
 */
#include "data/digest.h"

#include "base/mem.h"
#include "base/sha256.h"
#include "par/team.h"

#include <stdatomic.h>
#include <string.h>

#define BLOCK  4096 /* ratings */
#define RATING 16   /* bytes of a rating at most, names aside */
#define ROOM   (BLOCK * RATING)
#define ROUND  16 /* blocks of a round for each worker */

/* The form of a part of the ratings, as far as it goes. */
struct form {
    unsigned char *bytes; /* (ROOM) */
    size_t used;
    int64_t next_user, next_item; /* rows that were not met yet begin here */
};

/* --- writing ------------------------------------------------------------------------------------- */

static size_t put_number(unsigned char *to, uint64_t n)
{
    size_t used = 0;

    for (; n >= 0x80; n >>= 7)
        to[used++] = (unsigned char)(n | 0x80);
    to[used++] = (unsigned char)n;
    return used;
}

/* The same for a row, of which most have up to four bytes: without a branch. */
static inline size_t put_row(unsigned char *to, uint32_t row)
{
    unsigned more = (row >= 1u << 7) + (row >= 1u << 14) + (row >= 1u << 21);
    uint32_t bytes = (row & 0x7F) | (row << 1 & 0x7F00) | (row << 2 & 0x7F0000) | (row << 3 & 0x7F000000);

    if (row >= 1u << 28)
        return put_number(to, row);
    bytes |= 0x808080u & (((uint32_t)1 << 8 * more) - 1);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bytes = __builtin_bswap32(bytes);
#endif
    memcpy(to, &bytes, 4);
    return more + 1;
}

static size_t put_name(unsigned char *to, const struct idtable *t, int64_t row)
{
    size_t length = idtable_length(t, row), used = put_number(to, length);

    memcpy(to + used, idtable_name(t, row), length);
    return used + length;
}

/* Half stars from 0 to 63 have a code of 0 to 126. By the bits: a team takes denormal numbers as zero. */
static inline unsigned value_code(float value, uint32_t bits)
{
    float twice = 2 * value;

    return twice >= 0 && twice <= 126 && twice == (float)(int)twice && (bits == 0 || bits >= 0x00800000) &&
                   bits < 0x80000000
               ? (unsigned)twice
               : 127;
}

/* The start of a rating's bytes, up to its value; returns how many. */
static inline size_t put_value(unsigned char *to, float value, bool same)
{
    uint32_t bits;
    unsigned code;

    memcpy(&bits, &value, 4);
    code = value_code(value, bits);
    to[0] = (unsigned char)(code << 1 | same);
    if (code != 127)
        return 1;
    for (int b = 0; b < 4; b++)
        to[1 + b] = (unsigned char)(bits >> 8 * b);
    return 5;
}

/* Ratings from k on while there is room; returns the first one that is not written. Everything in locals:
 * bytes may be stored anywhere, as far as the compiler knows. */
static int64_t write_form(struct form *f, const struct ratings *r, int64_t k, int64_t end)
{
    const int32_t *user = r->user, *item = r->item;
    const float *value = r->value;
    unsigned char *to = f->bytes + f->used, *const last = f->bytes + ROOM - RATING;
    int64_t next_user = f->next_user, next_item = f->next_item;

    for (; k < end && to <= last; k++) {
        bool same = k > 0 && user[k] == user[k - 1];

        if (user[k] == next_user || item[k] == next_item) {
            size_t names = (user[k] == next_user ? idtable_length(r->users, next_user) + 10 : 0) +
                           (item[k] == next_item ? idtable_length(r->items, next_item) + 10 : 0);

            if (names > (size_t)(last - to))
                break;
        }
        to += put_value(to, value[k], same);
        if (!same)
            to += put_row(to, (uint32_t)user[k]);
        if (user[k] == next_user)
            to += put_name(to, r->users, next_user++);
        to += put_row(to, (uint32_t)item[k]);
        if (item[k] == next_item)
            to += put_name(to, r->items, next_item++);
    }
    f->used = (size_t)(to - f->bytes);
    f->next_user = next_user;
    f->next_item = next_item;
    return k;
}

/* --- hashing ------------------------------------------------------------------------------------- */

static void add_form(struct sha256 *hash, struct form *f)
{
    sha256_add(hash, f->bytes, f->used);
    f->used = 0;
}

static void add_row(struct sha256 *hash, const struct idtable *t, int64_t row, int64_t *next)
{
    unsigned char bytes[RATING];

    sha256_add(hash, bytes, put_number(bytes, (uint64_t)row));
    if (row != *next)
        return;
    ++*next;
    sha256_add(hash, bytes, put_number(bytes, idtable_length(t, row)));
    sha256_add(hash, idtable_name(t, row), idtable_length(t, row));
}

/* Ratings from k on by one worker, names of any length among them. */
static void add_ratings(struct sha256 *hash, struct form *f, const struct ratings *r, int64_t k, int64_t end)
{
    while (k < end) {
        int64_t from = k;

        k = write_form(f, r, k, end);
        add_form(hash, f);
        if (k == from) {
            bool same = k > 0 && r->user[k] == r->user[k - 1];
            unsigned char bytes[RATING];

            sha256_add(hash, bytes, put_value(bytes, r->value[k], same));
            if (!same)
                add_row(hash, r->users, r->user[k], &f->next_user);
            add_row(hash, r->items, r->item[k], &f->next_item);
            k++;
        }
    }
}

static void add_given(struct sha256 *hash, const struct ratings *r)
{
    for (int64_t k = 0, end; k < r->n; k = end) {
        unsigned char mark[RATING] = {255, r->given[k]};

        for (end = k + 1; end < r->n && r->given[end] == r->given[k]; end++)
            ;
        sha256_add(hash, mark, 2 + put_number(mark + 2, (uint64_t)(end - k)));
    }
}

/* --- by a team ----------------------------------------------------------------------------------- */

struct slot {
    struct form form;
    int64_t stopped; /* the first rating of the block that is not in the form */
};

struct digesting {
    const struct ratings *r;
    struct sha256 hash;
    int64_t blocks;
    int32_t (*before)[2]; /* (blocks + 1) owned: rows of users and of items before a block */
    int slots;
    struct slot *slot[2];  /* (slots) owned; of this round and of the last one, in turn */
    atomic_int taken[2];   /* likewise: blocks that a worker has taken */
    unsigned char *bytes;  /* (2 slots + 1) of ROOM owned */
    struct form remainder; /* for what does not fit a block's form */
};

static int64_t end_of(const struct digesting *d, int64_t block)
{
    return (block + 1) * BLOCK < d->r->n ? (block + 1) * BLOCK : d->r->n;
}

static void count_rows(struct worker *w, void *arg)
{
    struct digesting *d = arg;
    int64_t first, last;

    team_range(d->blocks, w->id, w->count, &first, &last);
    for (int64_t b = first; b < last; b++) {
        int32_t user = -1, item = -1;

        for (int64_t k = b * BLOCK; k < end_of(d, b); k++) {
            user = d->r->user[k] > user ? d->r->user[k] : user;
            item = d->r->item[k] > item ? d->r->item[k] : item;
        }
        d->before[b + 1][0] = user + 1;
        d->before[b + 1][1] = item + 1;
    }
}

static void write_blocks(struct digesting *d, int64_t round)
{
    int64_t first = round * d->slots;
    int s;

    while ((s = atomic_fetch_add(&d->taken[round % 2], 1)) < d->slots && first + s < d->blocks) {
        struct slot *slot = &d->slot[round % 2][s];
        int64_t block = first + s;

        slot->form.used = 0;
        slot->form.next_user = d->before[block][0];
        slot->form.next_item = d->before[block][1];
        slot->stopped = write_form(&slot->form, d->r, block * BLOCK, end_of(d, block));
    }
}

static void hash_blocks(struct digesting *d, int64_t round)
{
    int64_t first = round * d->slots;

    for (int s = 0; s < d->slots && first + s < d->blocks; s++) {
        struct slot *slot = &d->slot[round % 2][s];

        d->remainder.next_user = slot->form.next_user;
        d->remainder.next_item = slot->form.next_item;
        add_form(&d->hash, &slot->form);
        add_ratings(&d->hash, &d->remainder, d->r, slot->stopped, end_of(d, first + s));
    }
}

static void work(struct worker *w, void *arg)
{
    struct digesting *d = arg;

    for (int64_t round = 0; (round - 1) * d->slots < d->blocks; round++) {
        if (w->id == 0) {
            atomic_store(&d->taken[(round + 1) % 2], 0); /* nobody asks for it in this round */
            if (round > 0)
                hash_blocks(d, round - 1);
        }
        write_blocks(d, round);
        team_barrier(w);
    }
}

static bool init(struct digesting *d, int workers)
{
    d->blocks = (d->r->n + BLOCK - 1) / BLOCK;
    d->slots = ROUND * workers;
    d->before = mem_alloc(d->blocks + 1, sizeof *d->before);
    d->bytes = mem_array(2 * (int64_t)d->slots + 1, ROOM);
    d->slot[0] = mem_alloc(2 * (int64_t)d->slots, sizeof *d->slot[0]);
    if (!d->before || !d->bytes || !d->slot[0])
        return false;
    d->slot[1] = d->slot[0] + d->slots;
    for (int s = 0; s < 2 * d->slots; s++)
        d->slot[0][s].form.bytes = d->bytes + (int64_t)s * ROOM;
    d->remainder.bytes = d->bytes + 2 * (int64_t)d->slots * ROOM;
    return true;
}

/* false: it cannot be had, and nothing was added to the hash. */
static bool add_by_team(struct sha256 *hash, const struct ratings *r, int workers)
{
    struct digesting d = {.r = r, .hash = *hash};
    struct team *team = NULL;
    bool done = init(&d, workers) && team_new(&team, workers, NULL, BIND_NONE, NULL) == 0;

    if (done) {
        d.before[0][0] = d.before[0][1] = 0;
        team_run(team, count_rows, &d);
        for (int64_t b = 0; b < d.blocks; b++)
            for (int side = 0; side < 2; side++)
                if (d.before[b + 1][side] < d.before[b][side])
                    d.before[b + 1][side] = d.before[b][side];
        team_run(team, work, &d);
        *hash = d.hash;
    }
    team_free(team);
    mem_free(d.before);
    mem_free(d.slot[0]);
    mem_free(d.bytes);
    return done;
}

void digest_make(struct ratings *r, int workers)
{
    static const char name[] = "partrain ratings 1\n";
    struct sha256 hash;

    sha256_init(&hash);
    sha256_add(&hash, name, sizeof name - 1);
    if (r->n < RATINGS_FOR_TEAM || workers < 2 || !add_by_team(&hash, r, workers)) {
        unsigned char bytes[ROOM];
        struct form form = {.bytes = bytes};

        add_ratings(&hash, &form, r, 0, r->n);
    }
    if (r->given)
        add_given(&hash, r);
    sha256_hex(&hash, r->sha256);
}
