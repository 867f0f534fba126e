/* write.c - all ratings as one file; a split as files: Liang et al.'s five, and u.base with u.test. */
#include "data/write.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *ending, *between;
    bool names; /* the first line names the columns */
    bool can_quote;
    const char *bad; /* what an id cannot have in it */
} formats[WRITE_FORMATS] = {
    [WRITE_CSV] = {"csv", ".csv", ",", true, true, "\r\n"},
    [WRITE_TSV] = {"tsv", ".tsv", "\t", true, false, "\t\r\n"},
    [WRITE_UDATA] = {"u.data", ".data", "\t", false, false, "\t\r\n"},
    [WRITE_DAT] = {"dat", ".dat", "::", false, false, ":\r\n"},
    [WRITE_LISTS] = {"lists", ".txt", " ", false, false, " \t\r\n"},
};

const char *write_format_name(enum write_format format)
{
    return formats[format].name;
}

int write_format_find(enum write_format *out, const char *name, struct error *err)
{
    for (int i = 0; i < WRITE_FORMATS; i++)
        if (strcmp(name, formats[i].name) == 0) {
            *out = (enum write_format)i;
            return 0;
        }
    return error_set(err, PT_EUSAGE, "%.40s: no such format; known: csv, tsv, u.data, dat, lists", name);
}

bool write_format_of_path(enum write_format *out, const char *path)
{
    size_t length = strlen(path);

    for (int i = 0; i < WRITE_FORMATS; i++) {
        size_t ending = strlen(formats[i].ending);

        if (length > ending && strcmp(path + length - ending, formats[i].ending) == 0) {
            *out = (enum write_format)i;
            return true;
        }
    }
    return false;
}

/* ---- fields ---- */

static int put_id(struct file_writer *w, enum write_format format, const struct idtable *ids, int64_t row,
                  struct error *err)
{
    const char *name = idtable_name(ids, row);
    size_t length = idtable_length(ids, row);

    if (strlen(name) != length || strpbrk(name, formats[format].bad))
        return error_set(err, PT_EDATA, "the id \"%.60s\" has a character that %s files cannot hold; try csv",
                         name, formats[format].name);
    if (!formats[format].can_quote || !strpbrk(name, ",\";")) {
        file_write(w, name, length);
        return 0;
    }
    file_write(w, "\"", 1);
    for (; *name; name++) {
        file_write(w, name, 1);
        if (*name == '"')
            file_write(w, "\"", 1);
    }
    file_write(w, "\"", 1);
    return 0;
}

/* The fewest digits that read back as the same float. */
static void format_value(float value, char out[32])
{
    text_of_real(out, (double)(value + 0.0f)); /* no -0 */
    for (int digits = 8; strtof(out, NULL) != value; digits++)
        snprintf(out, 32, "%.*g", digits, (double)value);
}

static int put_rating(struct file_writer *w, enum write_format format, const struct ratings *r, int64_t k,
                      struct error *err)
{
    const char *between = formats[format].between;
    size_t width = strlen(between);
    char text[32];

    TRY(put_id(w, format, r->users, r->user[k], err));
    file_write(w, between, width);
    TRY(put_id(w, format, r->items, r->item[k], err));
    file_write(w, between, width);
    format_value(r->value[k], text);
    file_write(w, text, strlen(text));
    if (r->time) {
        file_write(w, between, width);
        if (r->time[k] != TIME_NONE)
            file_write(w, text, (size_t)snprintf(text, sizeof text, "%" PRId64, r->time[k]));
    }
    file_write(w, "\n", 1);
    return 0;
}

/* ---- all ratings ---- */

static int put_lines(struct file_writer *w, const struct ratings *r, enum write_format format,
                     struct error *err)
{
    if (formats[format].names) {
        const char *const names[] = {"user", "item", "rating", "timestamp"};

        for (int i = 0; i < (r->time ? 4 : 3); i++) {
            if (i)
                file_write(w, formats[format].between, 1);
            file_write(w, names[i], strlen(names[i]));
        }
        file_write(w, "\n", 1);
    }
    for (int64_t k = 0; k < r->n; k++)
        TRY(put_rating(w, format, r, k, err));
    return 0;
}

static int put_lists(struct file_writer *w, const struct ratings *r, struct error *err)
{
    int64_t users = idtable_count(r->users);
    mem_scoped int64_t *ptr = mem_zalloc(users + 2, sizeof *ptr);
    mem_scoped int64_t *place = mem_alloc(r->n, sizeof *place);

    TRY(need_memory(ptr && place, err));
    ratings_sort(place, NULL, r->n, r->user, NULL, ptr, users);
    for (int64_t u = 0; u < users; u++) {
        if (ptr[u] == ptr[u + 1])
            continue;
        TRY(put_id(w, WRITE_LISTS, r->users, u, err));
        for (int64_t i = ptr[u]; i < ptr[u + 1]; i++) {
            file_write(w, " ", 1);
            TRY(put_id(w, WRITE_LISTS, r->items, r->item[place[i]], err));
        }
        file_write(w, "\n", 1);
    }
    return 0;
}

int write_ratings(const struct ratings *r, enum write_format format, const char *path, FILE *stream,
                  struct error *err)
{
    scoped(file_abandon) struct file_writer *w = NULL;

    TRY(stream ? file_to_stream(&w, stream, err) : file_create(&w, path, err));
    TRY(format == WRITE_LISTS ? put_lists(w, r, err) : put_lines(w, r, format, err));
    return file_commit(handed_on(w), err);
}

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

static int open_in(struct file_writer **out, const char *folder, const char *name, struct error *err)
{
    mem_scoped char *path = file_join(folder, name);

    TRY(need_memory(path, err));
    return file_create(out, path, err);
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
    TRY(need_memory(m->of && m->row, err));
    for (int64_t i = 0; i < rows; i++)
        m->of[i] = -1;
    return 0;
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

static void liang_fini(struct liang *l)
{
    mem_free(l->users.of);
    mem_free(l->users.row);
    mem_free(l->items.of);
    mem_free(l->items.row);
}

static int put_field(struct file_writer *w, const struct liang *l, const struct id_numbers *m,
                     const struct idtable *ids, int32_t row, struct error *err)
{
    char text[32];
    const char *name = idtable_name(ids, row);

    if (!l->keep_ids) {
        file_write(w, text, (size_t)snprintf(text, sizeof text, "%" PRId64, m->of[row]));
        return 0;
    }
    if (strpbrk(name, ",\"\r\n"))
        return error_set(err, PT_EDATA, "the id \"%.60s\" has a comma or a quote in it: leave out --keep-ids",
                         name);
    file_write(w, name, strlen(name));
    return 0;
}

static int write_part(const struct liang *l, const char *name, int mask, struct error *err)
{
    const struct ratings *r = l->ratings;
    scoped(file_abandon) struct file_writer *w = NULL;

    TRY(open_in(&w, l->folder, name, err));
    file_write(w, "uid,sid\n", 8);
    for (int64_t k = 0; k < r->n; k++) {
        if (!(l->split->part[k] & mask))
            continue;
        TRY(put_field(w, l, &l->users, r->users, r->user[k], err));
        file_write(w, ",", 1);
        TRY(put_field(w, l, &l->items, r->items, r->item[k], err));
        file_write(w, "\n", 1);
    }
    return file_commit(handed_on(w), err);
}

static int write_names(const struct liang *l, const char *name, const struct id_numbers *m,
                       const struct idtable *ids, struct error *err)
{
    scoped(file_abandon) struct file_writer *w = NULL;

    TRY(open_in(&w, l->folder, name, err));
    for (int64_t i = 0; i < m->n; i++) {
        file_write(w, idtable_name(ids, m->row[i]), idtable_length(ids, m->row[i]));
        file_write(w, "\n", 1);
    }
    return file_commit(handed_on(w), err);
}

static int check_liang(const struct ratings *r, const struct split *s, struct error *err)
{
    mem_scoped uint8_t *uses = mem_zalloc(idtable_count(r->users), 1);

    TRY(need_memory(uses, err));
    for (int64_t k = 0; k < r->n; k++) {
        int part = s->part[k], use = part & PART_TRAIN ? 1 : part & (PART_VALID_IN | PART_VALID_OUT) ? 2 : 4;

        if ((part & PART_VALID_IN && part & PART_VALID_OUT) || (part & PART_TEST_IN && part & PART_TEST_OUT))
            return error_set(
                err, PT_ECONFIG,
                "split.fold_in=1 shows and asks for the same ratings, which the five files cannot say");
        uses[r->user[k]] |= part ? (uint8_t)use : 0;
        if (uses[r->user[k]] & (uses[r->user[k]] - 1))
            return error_set(err, PT_ECONFIG, "the five files hold out whole users: set split.kind=users");
    }
    return 0;
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
    scoped_value(liang_fini) struct liang l = {
        .ratings = r, .split = s, .folder = folder, .keep_ids = keep_ids};

    if (!s->rows)
        return error_set(err, PT_ECONFIG, "the five files hold out whole users: set split.kind=users");
    TRY(check_liang(r, s, err));
    TRY(file_make_folder(folder, err));
    TRY(numbers_init(&l.users, idtable_count(r->users), err));
    TRY(numbers_init(&l.items, idtable_count(r->items), err));
    numbers_add(&l.users, s, r->user, PART_TRAIN);
    numbers_add(&l.users, s, r->user, PART_VALID_IN | PART_VALID_OUT);
    numbers_add(&l.users, s, r->user, PART_TEST_IN | PART_TEST_OUT);
    numbers_add(&l.items, s, r->item, PART_TRAIN);
    numbers_add(&l.items, s, r->item, 0xff); /* none in a split of partrain's own */
    for (size_t i = 0; i < sizeof file / sizeof *file; i++)
        TRY(write_part(&l, file[i].name, file[i].mask, err));
    if (!keep_ids) {
        TRY(write_names(&l, "unique_uid.txt", &l.users, r->users, err));
        TRY(write_names(&l, "unique_sid.txt", &l.items, r->items, err));
    }
    count(counts, s);
    return 0;
}

/* ---- u.base and u.test ---- */

static int write_cells(const struct ratings *r, const struct split *s, const char *folder, const char *name,
                       const char *ending, int mask, struct error *err)
{
    char file[256];
    scoped(file_abandon) struct file_writer *w = NULL;

    snprintf(file, sizeof file, "%s.%s", name, ending);
    TRY(open_in(&w, folder, file, err));
    for (int64_t k = 0; k < r->n; k++)
        if (s->part[k] & mask)
            TRY(put_rating(w, WRITE_UDATA, r, k, err));
    return file_commit(handed_on(w), err);
}

int write_base_test(const struct ratings *r, const struct split *s, const char *folder, const char *name,
                    struct write_counts *counts, struct error *err)
{
    if (s->rows)
        return error_set(
            err, PT_ECONFIG,
            "NAME.base and NAME.test hold single ratings out, this split whole users or rows: set "
            "split.kind to random, per_user, last or time, or write --to liang");
    if (strlen(name) > 200 || strchr(name, '/') || !*name)
        return error_set(err, PT_EUSAGE, "--name: \"%.60s\" is no name for files", name);
    count(counts, s);
    TRY(file_make_folder(folder, err));
    TRY(write_cells(r, s, folder, name, "base", PART_TRAIN, err));
    TRY(write_cells(r, s, folder, name, "test", PART_TEST_OUT, err));
    return counts->valid_out ? write_cells(r, s, folder, name, "valid", PART_VALID_OUT, err) : 0;
}
