/* cache_file_read.c - ratings out of a file of the cache. Nothing in it is believed before it was checked. */
#include "read/cache_file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct in {
    unsigned char *map;
    int64_t size;
    struct cache_header h;
    struct cache_layout l;
};

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
    const struct cache_header *h = &in->h;
    char checksum[33];

    memcpy(&in->h, in->map, sizeof in->h);
    if (memcmp(h->magic, CACHE_MAGIC, sizeof h->magic) != 0 || h->order != CACHE_ORDER)
        return error_set(err, PT_EFILE, "not a file of this kind");
    if (h->version != CACHE_VERSION || memcmp(h->key, key, sizeof h->key) != 0)
        return error_set(err, PT_EFILE, "another version's or another source's");
    if (h->bytes != in->size || h->has_time > 1 || h->has_given > 1 || h->has_titles > 1 || h->finished > 1 ||
        h->n < 1 || !cache_lay_out(&in->l, h))
        return error_set(err, PT_EFILE, "its size is not what it should be");
    if (!cache_sum(checksum, in->map, in->size))
        return error_set(err, PT_ENOMEM, "out of memory");
    if (memcmp(checksum, h->checksum, sizeof h->checksum) != 0)
        return error_set(err, PT_EFILE, "its checksum is wrong");
    return 0;
}

static void *part(const struct in *in, enum cache_part p)
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
    const struct cache_header *h = &in->h;
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

static int take_ids(struct idtable **out, const struct in *in, enum cache_part lengths, int64_t count,
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
    const struct cache_header *h = &in->h;

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
    const struct cache_header *h = &in->h;

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
