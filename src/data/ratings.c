#include "data/ratings.h"

#include "base/mem.h"
#include "base/sha256.h"
#include "data/cache.h"
#include "data/filter.h"
#include "data/reader.h"
#include "data/source.h"
#include "data/synth.h"
#include "data/titles.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

void ratings_drop_triplets(struct ratings *r)
{
    if (r->map) {
        munmap(r->map, (size_t)r->map_bytes);
    } else {
        mem_free(r->user);
        mem_free(r->item);
        mem_free(r->value);
        mem_free(r->time);
        mem_free(r->given);
    }
    r->map = NULL;
    r->user = r->item = NULL;
    r->value = NULL;
    r->time = NULL;
    r->given = NULL;
    r->n = 0;
}

void ratings_free(struct ratings *r)
{
    if (!r)
        return;
    if (r->title)
        for (int64_t i = 0; i < idtable_count(r->items); i++)
            mem_free(r->title[i]);
    mem_free(r->title);
    ratings_drop_triplets(r);
    idtable_free(r->users);
    idtable_free(r->items);
    mem_free(r);
}

/* --- digest -------------------------------------------------------------------------------------- */

#define DIGEST_BUFFER 16384
#define DIGEST_RATING 64 /* more than the bytes of a rating, names aside */

/* A short form, so that hashing does not take longer than reading:
 *
 *   "partrain ratings 1\n"
 *   each rating: a byte (value code << 1 | same user as before), the value's 4 bytes where the code is 127,
 *                the user's number unless it is the same, the item's number; a number that is met for the
 * first time (the smallest one not used yet) is followed by its name's length and bytes each run of ratings
 * in one part of a given split: 255, the part, the run's length
 *
 * Numbers: 7 bits a byte, lowest first. Since rows are numbered in order of first appearance, the bytes
 * follow from the sequence of (user id, item id, value) alone. */
struct digest {
    struct sha256 hash;
    size_t used;
    unsigned char buffer[DIGEST_BUFFER];
};

static void put_bytes(struct digest *d, const void *data, size_t bytes)
{
    if (bytes > DIGEST_BUFFER - d->used) {
        sha256_add(&d->hash, d->buffer, d->used);
        d->used = 0;
    }
    if (bytes > DIGEST_BUFFER) {
        sha256_add(&d->hash, data, bytes);
        return;
    }
    memcpy(d->buffer + d->used, data, bytes);
    d->used += bytes;
}

/* The caller has made room. */
static inline void put_number(struct digest *d, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        d->buffer[d->used++] = (unsigned char)(n | 0x80);
    d->buffer[d->used++] = (unsigned char)n;
}

static inline void make_room(struct digest *d)
{
    if (d->used + DIGEST_RATING > DIGEST_BUFFER) {
        sha256_add(&d->hash, d->buffer, d->used);
        d->used = 0;
    }
}

static inline void put_row(struct digest *d, const struct idtable *t, int64_t row, int64_t *next)
{
    put_number(d, (uint64_t)row);
    if (row == *next) {
        size_t length = idtable_length(t, row);

        ++*next;
        put_number(d, length);
        put_bytes(d, idtable_name(t, row), length);
        make_room(d);
    }
}

/* Half stars from 0 to 63 have a code of 0 to 126. */
static inline unsigned value_code(float value)
{
    float twice = 2 * value;

    return twice >= 0 && twice <= 126 && twice == (float)(int)twice && !(twice == 0 && 1 / value < 0)
               ? (unsigned)twice
               : 127;
}

static void put_given(struct digest *d, const struct ratings *r)
{
    for (int64_t k = 0, end; k < r->n; k = end) {
        unsigned char mark[2] = {255, r->given[k]};

        for (end = k + 1; end < r->n && r->given[end] == r->given[k]; end++)
            ;
        put_bytes(d, mark, 2);
        make_room(d);
        put_number(d, (uint64_t)(end - k));
    }
}

void ratings_digest(struct ratings *r)
{
    static const char name[] = "partrain ratings 1\n";
    int64_t next_user = 0, next_item = 0;
    struct digest d = {.used = 0};

    sha256_init(&d.hash);
    put_bytes(&d, name, sizeof name - 1);
    for (int64_t k = 0; k < r->n; k++) {
        unsigned code = value_code(r->value[k]);
        bool same = k > 0 && r->user[k] == r->user[k - 1];

        make_room(&d);
        d.buffer[d.used++] = (unsigned char)(code << 1 | same);
        if (code == 127) {
            uint32_t bits;

            memcpy(&bits, &r->value[k], 4);
            for (int b = 0; b < 4; b++)
                d.buffer[d.used++] = (unsigned char)(bits >> 8 * b);
        }
        if (!same)
            put_row(&d, r->users, r->user[k], &next_user);
        put_row(&d, r->items, r->item[k], &next_item);
    }
    if (r->given)
        put_given(&d, r);
    sha256_add(&d.hash, d.buffer, d.used);
    sha256_hex(&d.hash, r->sha256);
}

/* --- reading ------------------------------------------------------------------------------------- */

static int read_source(struct ratings *r, const struct source *source, const struct ratings_spec *spec,
                       bool keep_time, struct error *err)
{
    int rc = reader_read(r, source, spec, keep_time, err);

    if (rc == 0)
        rc = titles_read(r, source, err);
    if (rc == 0 && spec->item_key == ITEM_KEY_TITLE)
        rc = titles_merge(r, spec->path, err);
    if (rc < 0)
        return rc;
    rc = filter_duplicates(r, spec, err);
    if (rc < 0)
        error_prefix(err, "%s", spec->path);
    return rc;
}

/* Whether every text can be read a second time. */
static bool is_lasting(const struct source *source)
{
    for (int64_t k = 0; k < source->n; k++) {
        struct stat st;

        if (stat(source->text[k].path, &st) < 0 || !S_ISREG(st.st_mode))
            return false;
    }
    return true;
}

/* The policy "last" is the later in time, and times take as much memory as half of the rest. A set without
 * duplicates does not need them: so they are left out, and the few sets that have some are read again. */
static int read_texts(struct ratings **out, const struct ratings_spec *spec, struct error *err)
{
    struct source *source = NULL;
    bool keep_time = spec->want_time;
    int rc = source_find(&source, spec->path, spec->prefer_given == 1, err);

    if (rc == 0 && spec->duplicates == DUPLICATES_LAST && !is_lasting(source))
        keep_time = true;
    while (rc == 0) {
        *out = mem_zalloc(1, sizeof **out);
        rc = *out ? read_source(*out, source, spec, keep_time, err)
                  : error_set(err, PT_ENOMEM, "%s: out of memory", spec->path);
        if (rc < 0 || keep_time || spec->duplicates != DUPLICATES_LAST || (*out)->duplicates == 0)
            break;
        ratings_free(*out);
        *out = NULL;
        keep_time = true;
    }
    source_free(source);
    return rc;
}

static int make_synth(struct ratings **out, const struct ratings_spec *spec, const char *name,
                      struct error *err)
{
    int rc = synth_make(out, name, spec->seed, err);

    return rc == 0 && spec->want_time ? synth_add_times(*out, spec->seed, err) : rc;
}

static int read_and_filter(struct ratings **out, const struct ratings_spec *spec, struct error *err)
{
    static const char synth[] = RATINGS_SYNTH;
    bool is_synth = strncmp(spec->path, synth, sizeof synth - 1) == 0;
    struct ratings *r = NULL;
    int rc;

    if (is_synth)
        rc = make_synth(&r, spec, spec->path + sizeof synth - 1, err);
    else
        rc = read_texts(&r, spec, err);
    if (rc == 0 && !r->finished)
        rc = filter_ratings(r, spec, err);
    if (rc == 0)
        rc = filter_finish(r, spec, err);
    if (rc < 0) {
        ratings_free(r);
        return rc;
    }
    if (!is_synth)
        filter_shrink(r);
    ratings_digest(r);
    *out = r;
    return 0;
}

/* Whatever changes what comes out of here for the same texts and spec goes with another CACHE_VERSION. */
int ratings_read(struct ratings **out, const struct ratings_spec *spec, struct error *err)
{
    struct cache cache;
    int rc = 0;

    cache_init(&cache, spec);
    *out = cache_take(&cache);
    if (!*out) {
        rc = read_and_filter(out, spec, err);
        if (rc == 0)
            cache_keep(&cache, *out, spec);
    }
    cache_fini(&cache);
    return rc;
}
