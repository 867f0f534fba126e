/* write_split.c - a split as files: Liang et al.'s five, and u.base with u.test. */
#include "data/write.h"

#include "base/mem.h"
#include "data/write_sink.h"

#include <inttypes.h>
#include <string.h>

static void count(struct write_counts *c, const struct split *s)
{
    *c = (struct write_counts){0};
    for (int64_t k = 0; k < s->n; k++) {
        c->train += (s->part[k] & PART_TRAIN) != 0;
        c->valid_in += s->rows && (s->part[k] & PART_VALID_IN) != 0;
        c->valid_out += (s->part[k] & PART_VALID_OUT) != 0;
        c->test_in += s->rows && (s->part[k] & PART_TEST_IN) != 0;
        c->test_out += (s->part[k] & PART_TEST_OUT) != 0;
        c->left_out += s->part[k] == 0;
    }
}

static int open_in(struct sink *out, const char *folder, const char *name, struct error *err)
{
    char *path = file_join(folder, name);
    int rc = path ? sink_open(out, path, NULL, err) : error_set(err, PT_ENOMEM, "out of memory");

    mem_free(path);
    return rc;
}

/* ---- the five files ---- */

struct id_numbers {
    int64_t *of;  /* (rows) owned: the number of a row, -1: none */
    int64_t *row; /* (n) owned: the other way round */
    int64_t n;
};

static int numbers_init(struct id_numbers *m, int64_t rows, struct error *err)
{
    *m = (struct id_numbers){.of = mem_alloc(rows, sizeof *m->of), .row = mem_alloc(rows, sizeof *m->row)};
    if (!m->of || !m->row)
        return error_set(err, PT_ENOMEM, "out of memory for the numbers of %" PRId64 " rows", rows);
    for (int64_t i = 0; i < rows; i++)
        m->of[i] = -1;
    return 0;
}

static void numbers_fini(struct id_numbers *m)
{
    mem_free(m->of);
    mem_free(m->row);
}

/* Rows of the ratings with a bit of `mask`, in order of appearance, behind those that have a number. */
static void numbers_add(struct id_numbers *m, const struct split *s, const int32_t *row, int mask)
{
    for (int64_t k = 0; k < s->n; k++)
        if ((s->part[k] & mask) && m->of[row[k]] < 0) {
            m->of[row[k]] = m->n;
            m->row[m->n++] = row[k];
        }
}

struct liang {
    const struct ratings *ratings;
    const struct split *split;
    const char *folder;
    struct id_numbers users, items;
    bool keep_ids;
};

static int put_field(struct sink *s, const struct liang *l, const struct id_numbers *m,
                     const struct idtable *ids, int32_t row, struct error *err)
{
    char text[32];
    const char *name = idtable_name(ids, row);

    if (!l->keep_ids) {
        sink_put(s, text, (size_t)snprintf(text, sizeof text, "%" PRId64, m->of[row]));
        return 0;
    }
    if (strpbrk(name, ",\"\r\n"))
        return error_set(err, PT_EDATA, "the id \"%.60s\" has a comma or a quote in it: leave out --keep-ids",
                         name);
    sink_put(s, name, strlen(name));
    return 0;
}

static int write_part(const struct liang *l, const char *name, int mask, struct error *err)
{
    const struct ratings *r = l->ratings;
    struct sink s;
    int rc = open_in(&s, l->folder, name, err);

    if (rc < 0)
        return rc;
    sink_put(&s, "uid,sid\n", 8);
    for (int64_t k = 0; k < r->n && rc == 0; k++) {
        if (!(l->split->part[k] & mask))
            continue;
        rc = put_field(&s, l, &l->users, r->users, r->user[k], err);
        sink_put(&s, ",", 1);
        if (rc == 0)
            rc = put_field(&s, l, &l->items, r->items, r->item[k], err);
        sink_put(&s, "\n", 1);
    }
    return sink_close(&s, rc, err);
}

static int write_names(const struct liang *l, const char *name, const struct id_numbers *m,
                       const struct idtable *ids, struct error *err)
{
    struct sink s;
    int rc = open_in(&s, l->folder, name, err);

    if (rc < 0)
        return rc;
    for (int64_t i = 0; i < m->n; i++) {
        sink_put(&s, idtable_name(ids, m->row[i]), idtable_length(ids, m->row[i]));
        sink_put(&s, "\n", 1);
    }
    return sink_close(&s, 0, err);
}

static int check_liang(const struct ratings *r, const struct split *s, struct error *err)
{
    uint8_t *uses = mem_zalloc(idtable_count(r->users), 1);
    int rc = 0;

    if (!uses)
        return error_set(err, PT_ENOMEM, "out of memory");
    for (int64_t k = 0; k < r->n && rc == 0; k++) {
        int part = s->part[k], use = part & PART_TRAIN ? 1 : part & (PART_VALID_IN | PART_VALID_OUT) ? 2 : 4;

        if ((part & PART_VALID_IN && part & PART_VALID_OUT) || (part & PART_TEST_IN && part & PART_TEST_OUT))
            rc = error_set(
                err, PT_ECONFIG,
                "split.fold_in=1 shows and asks for the same ratings, which the five files cannot say");
        uses[r->user[k]] |= part ? (uint8_t)use : 0;
        if (rc == 0 && (uses[r->user[k]] & (uses[r->user[k]] - 1)))
            rc = error_set(err, PT_ECONFIG, "the five files hold out whole users: set split.kind=users");
    }
    mem_free(uses);
    return rc;
}

int write_liang(const struct ratings *r, const struct split *s, const char *folder, bool keep_ids,
                struct write_counts *counts, struct error *err)
{
    static const struct {
        const char *name;
        int mask;
    } file[] = {{"train.csv", PART_TRAIN},
                {"validation_tr.csv", PART_VALID_IN},
                {"validation_te.csv", PART_VALID_OUT},
                {"test_tr.csv", PART_TEST_IN},
                {"test_te.csv", PART_TEST_OUT}};
    struct liang l = {.ratings = r, .split = s, .folder = folder, .keep_ids = keep_ids};
    int rc;

    if (!s->rows)
        return error_set(err, PT_ECONFIG, "the five files hold out whole users: set split.kind=users");
    if ((rc = check_liang(r, s, err)) < 0 || (rc = file_make_folder(folder, err)) < 0)
        return rc;
    if ((rc = numbers_init(&l.users, idtable_count(r->users), err)) < 0 ||
        (rc = numbers_init(&l.items, idtable_count(r->items), err)) < 0)
        goto end;
    numbers_add(&l.users, s, r->user, PART_TRAIN);
    numbers_add(&l.users, s, r->user, PART_VALID_IN | PART_VALID_OUT);
    numbers_add(&l.users, s, r->user, PART_TEST_IN | PART_TEST_OUT);
    numbers_add(&l.items, s, r->item, PART_TRAIN);
    numbers_add(&l.items, s, r->item, 0xff); /* none in a split of partrain's own */
    for (size_t i = 0; i < sizeof file / sizeof *file && rc == 0; i++)
        rc = write_part(&l, file[i].name, file[i].mask, err);
    if (rc == 0 && !keep_ids && (rc = write_names(&l, "unique_uid.txt", &l.users, r->users, err)) == 0)
        rc = write_names(&l, "unique_sid.txt", &l.items, r->items, err);
    count(counts, s);
end:
    numbers_fini(&l.users);
    numbers_fini(&l.items);
    return rc;
}

/* ---- u.base and u.test ---- */

static int write_cells(const struct ratings *r, const struct split *s, const char *folder, const char *name,
                       const char *ending, int mask, struct error *err)
{
    char file[256];
    struct sink out;
    int rc;

    snprintf(file, sizeof file, "%s.%s", name, ending);
    if ((rc = open_in(&out, folder, file, err)) < 0)
        return rc;
    for (int64_t k = 0; k < r->n && rc == 0; k++)
        if (s->part[k] & mask)
            rc = sink_put_rating(&out, WRITE_UDATA, r, k, err);
    return sink_close(&out, rc, err);
}

int write_base_test(const struct ratings *r, const struct split *s, const char *folder, const char *name,
                    struct write_counts *counts, struct error *err)
{
    int rc;

    if (s->rows)
        return error_set(
            err, PT_ECONFIG,
            "NAME.base and NAME.test hold single ratings out, this split whole users or rows: set "
            "split.kind to random, per_user, last or time, or write --to liang");
    if (strlen(name) > 200 || strchr(name, '/') || !*name)
        return error_set(err, PT_EUSAGE, "--name: \"%.60s\" is no name for files", name);
    count(counts, s);
    if ((rc = file_make_folder(folder, err)) < 0 ||
        (rc = write_cells(r, s, folder, name, "base", PART_TRAIN, err)) < 0 ||
        (rc = write_cells(r, s, folder, name, "test", PART_TEST_OUT, err)) < 0)
        return rc;
    return counts->valid_out ? write_cells(r, s, folder, name, "valid", PART_VALID_OUT, err) : 0;
}
