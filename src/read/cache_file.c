/* cache_file.c - how a file of the cache is laid out and sealed, and how it is written. */
#include "read/cache_file.h"

#include "base/file.h"
#include "base/hash.h"

#include <stddef.h>
#include <string.h>

bool cache_lay_out(struct cache_layout *l, const struct cache_header *h)
{
    const int64_t count[PARTS] = {
        [PART_TIME] = h->has_time ? h->n : 0,
        [PART_USER] = h->n,
        [PART_ITEM] = h->n,
        [PART_VALUE] = h->n,
        [PART_GIVEN] = h->has_given ? h->n : 0,
        [PART_USER_LENGTHS] = h->users,
        [PART_USER_NAMES] = h->user_bytes,
        [PART_ITEM_LENGTHS] = h->items,
        [PART_ITEM_NAMES] = h->item_bytes,
        [PART_TITLE_LENGTHS] = h->has_titles ? h->items : 0,
        [PART_TITLES] = h->has_titles ? h->title_bytes : 0,
    };
    static const int size[PARTS] = {8, 4, 4, 4, 1, 4, 1, 4, 1, 4, 1};

    l->end = (int64_t)sizeof *h;
    for (int i = 0; i < PARTS; i++) {
        if (count[i] < 0 || count[i] > h->bytes / size[i])
            return false;
        l->at[i] = l->end;
        l->size[i] = count[i] * size[i];
        l->end += (l->size[i] + CACHE_UNIT - 1) / CACHE_UNIT * CACHE_UNIT;
        if (l->end > h->bytes)
            return false;
    }
    return l->end == h->bytes;
}

/* Of the bytes with zeros for the checksum in them. */
bool cache_sum(char out[33], const unsigned char *bytes, int64_t size)
{
    static const char zero[sizeof((struct cache_header *)0)->checksum];
    size_t at = offsetof(struct cache_header, checksum), behind = at + sizeof zero;
    struct hash *hash = hash_new();

    if (!hash)
        return false;
    hash_add(hash, bytes, at);
    hash_add(hash, zero, sizeof zero);
    hash_add(hash, bytes + behind, (size_t)size - behind);
    hash_hex(hash, out);
    hash_free(hash);
    return true;
}

bool cache_file_seal(unsigned char *bytes, int64_t size)
{
    char checksum[33];

    if (size < (int64_t)sizeof(struct cache_header) || !cache_sum(checksum, bytes, size))
        return false;
    memcpy(bytes + offsetof(struct cache_header, checksum), checksum, 32);
    return true;
}

/* --- writing ------------------------------------------------------------------------------------- */

struct out {
    struct file_writer *file;
    struct hash *hash;
    int64_t bytes;
};

static void put(struct out *o, const void *data, int64_t bytes)
{
    hash_add(o->hash, data, (size_t)bytes);
    file_write(o->file, data, (size_t)bytes);
    o->bytes += bytes;
}

static void fill_up(struct out *o)
{
    static const char zero[CACHE_UNIT];

    put(o, zero, (CACHE_UNIT - o->bytes % CACHE_UNIT) % CACHE_UNIT);
}

static void put_part(struct out *o, const void *data, int64_t bytes)
{
    put(o, data, bytes);
    fill_up(o);
}

static void put_ids(struct out *o, const struct idtable *t)
{
    for (int64_t i = 0; i < idtable_count(t); i++) {
        uint32_t length = (uint32_t)idtable_length(t, i);

        put(o, &length, sizeof length);
    }
    fill_up(o);
    for (int64_t i = 0; i < idtable_count(t); i++)
        put(o, idtable_name(t, i), (int64_t)idtable_length(t, i));
    fill_up(o);
}

static void put_titles(struct out *o, const struct ratings *r)
{
    int64_t items = idtable_count(r->items);

    for (int64_t i = 0; i < items; i++) {
        uint32_t length = r->title[i] ? (uint32_t)strlen(r->title[i]) : NO_TITLE;

        put(o, &length, sizeof length);
    }
    fill_up(o);
    for (int64_t i = 0; i < items; i++)
        if (r->title[i])
            put(o, r->title[i], (int64_t)strlen(r->title[i]));
    fill_up(o);
}

static int64_t name_bytes(const struct idtable *t)
{
    int64_t bytes = 0;

    for (int64_t i = 0; i < idtable_count(t); i++)
        bytes += (int64_t)idtable_length(t, i);
    return bytes;
}

static bool make_header(struct cache_header *h, const char key[33], const struct ratings *r)
{
    struct cache_layout l;

    *h = (struct cache_header){.order = CACHE_ORDER,
                               .version = CACHE_VERSION,
                               .bytes = INT64_MAX / 2,
                               .n = r->n,
                               .users = idtable_count(r->users),
                               .items = idtable_count(r->items),
                               .user_bytes = name_bytes(r->users),
                               .item_bytes = name_bytes(r->items),
                               .lines_read = r->lines_read,
                               .lines_bad = r->lines_bad,
                               .duplicates = r->duplicates,
                               .filtered = r->filtered,
                               .noise_floor = r->noise_floor,
                               .low = r->low,
                               .high = r->high,
                               .has_time = r->time != NULL,
                               .has_given = r->given != NULL,
                               .has_titles = r->title != NULL,
                               .finished = r->finished};
    memcpy(h->magic, CACHE_MAGIC, sizeof h->magic);
    memcpy(h->key, key, sizeof h->key);
    memcpy(h->sha256, r->sha256, sizeof h->sha256);
    for (int64_t i = 0; r->title && i < h->items; i++)
        h->title_bytes += r->title[i] ? (int64_t)strlen(r->title[i]) : 0;
    cache_lay_out(&l, h); /* says false, since the size is not known yet */
    h->bytes = l.end;
    return cache_lay_out(&l, h);
}

int cache_file_write(const char *path, const char key[33], const struct ratings *r, struct error *err)
{
    struct out o = {0};
    struct cache_header h;
    char checksum[33];
    int rc;

    if (!make_header(&h, key, r))
        return error_set(err, PT_EFILE, "%s: too large", path);
    if ((rc = file_create(&o.file, path, err)) < 0)
        return rc;
    o.hash = hash_new();
    if (!o.hash) {
        file_abandon(o.file);
        return error_set(err, PT_ENOMEM, "%s: out of memory", path);
    }
    put_part(&o, &h, (int64_t)sizeof h);
    put_part(&o, r->time, h.has_time ? 8 * r->n : 0);
    put_part(&o, r->user, 4 * r->n);
    put_part(&o, r->item, 4 * r->n);
    put_part(&o, r->value, 4 * r->n);
    put_part(&o, r->given, h.has_given ? r->n : 0);
    put_ids(&o, r->users);
    put_ids(&o, r->items);
    if (r->title)
        put_titles(&o, r);
    hash_hex(o.hash, checksum);
    hash_free(o.hash);
    file_patch(o.file, offsetof(struct cache_header, checksum), checksum, sizeof h.checksum);
    return file_commit(o.file, err);
}
