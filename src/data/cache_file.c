/* cache_file.c - the format of a file of the cache. Nothing in it is believed before it was checked. */
#include "data/cache.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC    "partrain.ratings" /* 16 bytes, no zero */
#define ORDER    0x01020304u
#define UNIT     64         /* where parts begin */
#define NO_TITLE UINT32_MAX /* as a title's length */

/* The first bytes of the file, as they lie in memory (ORDER tells another byte order). The checksum, 32 hex
 * digits, is that of the whole file with zeros in its place. */
struct header {
    char magic[16];
    uint32_t order, version;
    char key[32], checksum[32];
    int64_t bytes; /* of the file */
    int64_t n, users, items;
    int64_t user_bytes, item_bytes, title_bytes; /* of all names of a kind */
    int64_t lines_read, lines_bad, duplicates, filtered;
    double noise_floor;
    float low, high;
    char sha256[64];
    uint8_t has_time, has_given, has_titles, finished;
    uint8_t zero[60];
};

_Static_assert(sizeof(struct header) % UNIT == 0, "the parts behind it are aligned");

/* Names of a kind: (count) lengths, then their bytes one after another. */
enum part {
    PART_TIME,
    PART_USER,
    PART_ITEM,
    PART_VALUE,
    PART_GIVEN,
    PART_USER_LENGTHS,
    PART_USER_NAMES,
    PART_ITEM_LENGTHS,
    PART_ITEM_NAMES,
    PART_TITLE_LENGTHS,
    PART_TITLES,
    PARTS
};

struct layout {
    int64_t at[PARTS], size[PARTS];
    int64_t end;
};

/* Where the parts are; false: they cannot be in a file of h->bytes. */
static bool lay_out(struct layout *l, const struct header *h)
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
        l->end += (l->size[i] + UNIT - 1) / UNIT * UNIT;
        if (l->end > h->bytes)
            return false;
    }
    return l->end == h->bytes;
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
    static const char zero[UNIT];

    put(o, zero, (UNIT - o->bytes % UNIT) % UNIT);
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

static bool make_header(struct header *h, const char key[33], const struct ratings *r)
{
    struct layout l;

    *h = (struct header){.order = ORDER,
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
    memcpy(h->magic, MAGIC, sizeof h->magic);
    memcpy(h->key, key, sizeof h->key);
    memcpy(h->sha256, r->sha256, sizeof h->sha256);
    for (int64_t i = 0; r->title && i < h->items; i++)
        h->title_bytes += r->title[i] ? (int64_t)strlen(r->title[i]) : 0;
    lay_out(&l, h); /* says false, since the size is not known yet */
    h->bytes = l.end;
    return lay_out(&l, h);
}

int cache_file_write(const char *path, const char key[33], const struct ratings *r, struct error *err)
{
    struct out o = {0};
    struct header h;
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
    file_patch(o.file, offsetof(struct header, checksum), checksum, sizeof h.checksum);
    return file_commit(o.file, err);
}

/* --- reading ------------------------------------------------------------------------------------- */

struct in {
    unsigned char *map;
    int64_t size;
    struct header h;
    struct layout l;
};

/* Of the bytes with zeros for the checksum in them. */
static bool sum(char out[33], const unsigned char *bytes, int64_t size)
{
    static const char zero[sizeof((struct header *)0)->checksum];
    size_t at = offsetof(struct header, checksum), behind = at + sizeof zero;
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

    if (size < (int64_t)sizeof(struct header) || !sum(checksum, bytes, size))
        return false;
    memcpy(bytes + offsetof(struct header, checksum), checksum, 32);
    return true;
}

static int map_file(struct in *in, const char *path, bool own, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = 0;
    struct stat st;
    void *map;

    if (fd < 0)
        return error_set(err, errno == ENOENT || errno == ENOTDIR ? PT_EDATA : PT_EFILE, "%s",
                         strerror(errno));
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        rc = error_set(err, PT_EFILE, "not a regular file");
    } else if (own && st.st_uid != geteuid()) {
        rc = error_set(err, PT_EFILE, "another user's");
    } else if (st.st_size < (int64_t)sizeof in->h) {
        rc = error_set(err, PT_EFILE, "cut off");
    } else {
        map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED) {
            rc = error_set(err, PT_EFILE, "cannot be mapped: %s", strerror(errno));
        } else {
            in->map = map;
            in->size = st.st_size;
            madvise(map, (size_t)st.st_size, MADV_WILLNEED);
        }
    }
    close(fd);
    return rc;
}

static int check_header(struct in *in, const char key[33], struct error *err)
{
    const struct header *h = &in->h;
    char checksum[33];

    memcpy(&in->h, in->map, sizeof in->h);
    if (memcmp(h->magic, MAGIC, sizeof h->magic) != 0 || h->order != ORDER)
        return error_set(err, PT_EFILE, "not a file of this kind");
    if (h->version != CACHE_VERSION || memcmp(h->key, key, sizeof h->key) != 0)
        return error_set(err, PT_EFILE, "another version's or another source's");
    if (h->bytes != in->size || h->has_time > 1 || h->has_given > 1 || h->has_titles > 1 || h->finished > 1 ||
        h->n < 1 || !lay_out(&in->l, h))
        return error_set(err, PT_EFILE, "its size is not what it should be");
    if (!sum(checksum, in->map, in->size))
        return error_set(err, PT_ENOMEM, "out of memory");
    if (memcmp(checksum, h->checksum, sizeof h->checksum) != 0)
        return error_set(err, PT_EFILE, "its checksum is wrong");
    return 0;
}

static void *part(const struct in *in, enum part p)
{
    return in->map + in->l.at[p];
}

/* Whether all rows are below `rows`. */
static bool rows_fit(const int32_t *row, int64_t n, int64_t rows)
{
    uint32_t most = 0;

    for (int64_t i = 0; i < n; i++)
        most = (uint32_t)row[i] > most ? (uint32_t)row[i] : most;
    return (int64_t)most < rows;
}

static int check_triplets(const struct in *in, struct error *err)
{
    const struct header *h = &in->h;
    const float *value = part(in, PART_VALUE);
    const uint8_t *given = part(in, PART_GIVEN);
    float low = value[0], high = value[0];
    bool finite = true, parts = true;

    for (int64_t i = 0; i < h->n; i++) {
        finite &= fabsf(value[i]) < INFINITY;
        low = value[i] < low ? value[i] : low;
        high = value[i] > high ? value[i] : high;
    }
    for (int64_t i = 0; h->has_given && i < h->n; i++)
        parts &= given[i] <= GIVEN_TEST_OUT;
    if (!rows_fit(part(in, PART_USER), h->n, h->users) || !rows_fit(part(in, PART_ITEM), h->n, h->items) ||
        !finite || !parts || !(low == h->low) || !(high == h->high))
        return error_set(err, PT_EFILE, "a number in it cannot be");
    return 0;
}

static int take_ids(struct idtable **out, const struct in *in, enum part lengths, int64_t count,
                    struct error *err)
{
    const uint32_t *length = part(in, lengths);
    const char *name = part(in, lengths + 1);
    int64_t left = in->l.size[lengths + 1];

    *out = idtable_new();
    if (!*out || !idtable_reserve(*out, count, left))
        return error_set(err, PT_ENOMEM, "out of memory");
    for (int64_t i = 0; i < count; i++) {
        if (length[i] > left)
            return error_set(err, PT_EFILE, "an id in it cannot be");
        if (idtable_put(*out, name, length[i]) != i)
            return error_set(err, PT_EFILE, "an id stands in it twice");
        name += length[i];
        left -= length[i];
    }
    return left == 0 ? 0 : error_set(err, PT_EFILE, "an id in it cannot be");
}

static int take_titles(struct ratings *r, const struct in *in, struct error *err)
{
    const uint32_t *length = part(in, PART_TITLE_LENGTHS);
    const char *text = part(in, PART_TITLES);
    int64_t left = in->l.size[PART_TITLES];

    r->title = mem_zalloc(in->h.items, sizeof *r->title);
    if (!r->title)
        return error_set(err, PT_ENOMEM, "out of memory");
    for (int64_t i = 0; i < in->h.items; i++) {
        if (length[i] == NO_TITLE)
            continue;
        if (length[i] > left)
            return error_set(err, PT_EFILE, "a title in it cannot be");
        r->title[i] = mem_zalloc((int64_t)length[i] + 1, 1);
        if (!r->title[i])
            return error_set(err, PT_ENOMEM, "out of memory");
        memcpy(r->title[i], text, length[i]);
        text += length[i];
        left -= length[i];
    }
    return left == 0 ? 0 : error_set(err, PT_EFILE, "a title in it cannot be");
}

static void take_counts(struct ratings *r, const struct in *in)
{
    const struct header *h = &in->h;

    r->low = h->low;
    r->high = h->high;
    r->finished = h->finished;
    r->lines_read = h->lines_read;
    r->lines_bad = h->lines_bad;
    r->duplicates = h->duplicates;
    r->filtered = h->filtered;
    r->noise_floor = h->noise_floor;
    memcpy(r->sha256, h->sha256, sizeof h->sha256);
}

/* The mapping becomes *r's. */
static void take_triplets(struct ratings *r, const struct in *in)
{
    const struct header *h = &in->h;

    r->cached = true;
    r->map = in->map;
    r->map_bytes = in->size;
    r->n = h->n;
    r->user = part(in, PART_USER);
    r->item = part(in, PART_ITEM);
    r->value = part(in, PART_VALUE);
    r->time = h->has_time ? part(in, PART_TIME) : NULL;
    r->given = h->has_given ? part(in, PART_GIVEN) : NULL;
}

int cache_file_read(struct ratings **out, const char *path, const char key[33], bool own, struct error *err)
{
    struct ratings *r = NULL;
    struct in in = {0};
    int rc = map_file(&in, path, own, err);

    if (rc < 0 || (rc = check_header(&in, key, err)) < 0 || (rc = check_triplets(&in, err)) < 0)
        goto fail;
    r = mem_zalloc(1, sizeof *r);
    if (!r) {
        rc = error_set(err, PT_ENOMEM, "out of memory");
        goto fail;
    }
    if ((rc = take_ids(&r->users, &in, PART_USER_LENGTHS, in.h.users, err)) < 0 ||
        (rc = take_ids(&r->items, &in, PART_ITEM_LENGTHS, in.h.items, err)) < 0 ||
        (in.h.has_titles && (rc = take_titles(r, &in, err)) < 0))
        goto fail;
    take_counts(r, &in);
    take_triplets(r, &in);
    *out = r;
    return 0;
fail:
    ratings_free(r);
    if (in.map)
        munmap(in.map, (size_t)in.size);
    return rc;
}
