#include "data/memory.h"

#include "base/mem.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NUMBERS ((int64_t)1 << 20) /* numbers below are put once: the row of each is kept */

/* Users or items. */
struct side {
    const char *what;
    const struct pt_ids *ids;
    struct idtable *table;
    int32_t *row_of; /* (known) owned: the row of a number; -1: not met yet */
    int64_t known;
};

static int side_init(struct side *s, struct error *err)
{
    const struct pt_ids *ids = s->ids;

    if (ids->int32 && ids->int64)
        return error_set(err, PT_EUSAGE, RATINGS_MEMORY " two arrays of %s ids; one is needed", s->what);
    s->known = ids->name ? ids->names : NUMBERS;
    if (ids->name && !ids->int32 && !ids->int64)
        s->known = 0;
    s->row_of = mem_alloc(s->known, sizeof *s->row_of);
    TRY(need_memory(s->row_of && s->table, err));
    for (int64_t i = 0; i < s->known; i++)
        s->row_of[i] = -1;
    return 0;
}

const char *memory_id(const struct pt_ids *ids, int64_t i, char digits[32])
{
    bool numbers = ids->int32 || ids->int64 || !ids->name;
    int64_t number = ids->int32 ? ids->int32[i] : ids->int64 ? ids->int64[i] : i;

    if (ids->name && numbers && (number < 0 || number >= ids->names))
        return NULL;
    if (ids->name)
        return ids->name[number];
    snprintf(digits, 32, "%" PRId64, number);
    return digits;
}

/* The row of id i, that of the rating. */
static int find_row(struct side *s, int64_t i, int32_t *row, int64_t rating, struct error *err)
{
    const struct pt_ids *ids = s->ids;
    int64_t number = ids->int32 ? ids->int32[i] : ids->int64 ? ids->int64[i] : i, at;
    bool kept = number >= 0 && number < s->known;
    const char *name;
    char digits[32];

    if (kept && s->row_of[number] >= 0) {
        *row = s->row_of[number];
        return 0;
    }
    if (ids->name && (ids->int32 || ids->int64) && (number < 0 || number >= ids->names))
        return error_set(err, PT_EDATA,
                         RATINGS_MEMORY " rating %" PRId64 ": the %s is number %" PRId64 " of %" PRId64
                                        " names",
                         rating, s->what, number, ids->names);
    name = memory_id(ids, i, digits);
    if (!name || !*name)
        return error_set(err, PT_EDATA, RATINGS_MEMORY " rating %" PRId64 ": the %s has an empty id", rating,
                         s->what);
    at = idtable_put(s->table, name, strlen(name));
    if (at < 0)
        return error_set(err, PT_ENOMEM,
                         RATINGS_MEMORY " out of memory for ids of %ss (there may be 2^31 - 1)", s->what);
    *row = (int32_t)at;
    if (kept)
        s->row_of[number] = *row;
    return 0;
}

/* As field_rating takes it from a text. */
static int take_value(const struct pt_ratings *m, struct ratings *r, int64_t i, struct error *err)
{
    double value = m->value ? (double)m->value[i] : m->value64 ? m->value64[i] : 1.0;

    if (!(fabs(value) <= (double)FLT_MAX))
        return error_set(err, PT_EDATA,
                         RATINGS_MEMORY " rating %" PRId64 " (user '%.60s', item '%.60s'): its value is %s",
                         i, idtable_name(r->users, r->user[i]), idtable_name(r->items, r->item[i]),
                         isfinite(value) ? "too large" : "not finite; leave out pairs without a rating");
    r->value[i] = fabs(value) < (double)FLT_MIN ? 0.0f : (float)value;
    return 0;
}

static int check_matrix(const struct pt_ratings *m, struct error *err)
{
    bool right = m->users >= 0 && m->start[0] == 0 && m->start[m->users] == m->n;

    for (int64_t p = 0; p < m->users && right; p++)
        right = m->start[p] <= m->start[p + 1];
    return right ? 0
                 : error_set(err, PT_EDATA,
                             RATINGS_MEMORY " start[] of a matrix goes up from 0 to its %" PRId64
                                            " ratings, and this one does not",
                             m->n);
}

static int check_spec(const struct ratings_spec *spec, struct error *err)
{
    const struct pt_ratings *m = spec->memory;

    if (!m)
        return error_set(err, PT_EDATA,
                         RATINGS_MEMORY " these ratings were in the memory of a program, and are not here");
    if (m->n < 1)
        return error_set(err, PT_EDATA, RATINGS_MEMORY " there are no ratings");
    if (!m->item.int32 && !m->item.int64 && !m->item.name)
        return error_set(err, PT_EUSAGE, RATINGS_MEMORY " no ids of items");
    if (!m->start && !m->user.int32 && !m->user.int64 && !m->user.name)
        return error_set(err, PT_EUSAGE, RATINGS_MEMORY " no ids of users");
    if ((spec->valid_path && *spec->valid_path) || (spec->test_path && *spec->test_path))
        return error_set(err, PT_ECONFIG,
                         "data.valid_path, data.test_path: ratings in memory have no parts in files; leave "
                         "them out");
    if (spec->item_key == ITEM_KEY_TITLE)
        return error_set(err, PT_ECONFIG, "data.item_key: ratings in memory have no titles; leave it out");
    return m->start ? check_matrix(m, err) : 0;
}

static int take_ratings(struct ratings *r, const struct ratings_spec *spec, struct side *users,
                        struct side *items, struct error *err)
{
    const struct pt_ratings *m = spec->memory;
    int64_t p = 0;

    for (int64_t i = 0; i < m->n; i++) {
        while (m->start && i >= m->start[p + 1])
            p++;
        TRY(find_row(users, m->start ? p : i, &r->user[i], i, err));
        TRY(find_row(items, i, &r->item[i], i, err));
        TRY(take_value(m, r, i, err));
        if (r->time) {
            r->time[i] = spec->line_order ? i : m->time[i];
            r->reading.no_time += r->time[i] == TIME_NONE;
        }
    }
    return 0;
}

int memory_read(struct ratings *r, const struct ratings_spec *spec, bool keep_time, struct error *err)
{
    const struct pt_ratings *m = spec->memory;
    struct side users = {.what = "user"}, items = {.what = "item"};
    bool times = keep_time && m && (m->time || spec->line_order);
    int rc = check_spec(spec, err);

    if (rc < 0)
        return rc;
    users.ids = &m->user;
    items.ids = &m->item;
    users.table = r->users = idtable_new();
    items.table = r->items = idtable_new();
    r->user = mem_alloc(m->n, sizeof *r->user);
    r->item = mem_alloc(m->n, sizeof *r->item);
    r->value = mem_alloc(m->n, sizeof *r->value);
    r->time = times ? mem_alloc(m->n, sizeof *r->time) : NULL;
    if (!r->user || !r->item || !r->value || (times && !r->time))
        rc = error_set(err, PT_ENOMEM, RATINGS_MEMORY " out of memory for %" PRId64 " ratings", m->n);
    if (rc == 0 && (rc = side_init(&users, err)) == 0 && (rc = side_init(&items, err)) == 0)
        rc = take_ratings(r, spec, &users, &items, err);
    mem_free(users.row_of);
    mem_free(items.row_of);
    r->n = rc == 0 ? m->n : 0;
    r->lines_read = m->n;
    r->reading.titles = -1;
    snprintf(r->reading.from, sizeof r->reading.from, "memory");
    snprintf(r->reading.columns, sizeof r->reading.columns, "user, item%s%s",
             m->value || m->value64 ? ", rating" : "", m->time ? ", time" : "");
    return rc;
}
