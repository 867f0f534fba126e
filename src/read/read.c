#include "read/read.h"

#include "base/mem.h"
#include "base/timing.h"
#include "data/filter.h"
#include "data/memory.h"
#include "read/reader.h"
#include "read/source.h"
#include "read/text_format.h"
#include "synth/synth.h"

#include <string.h>
#include <sys/stat.h>

static int merge_pairs(struct ratings *r, const struct ratings_spec *spec, struct filters_needed *look,
                       struct error *err)
{
    int rc = 0;

    filters_needed_find(look, r, spec->workers);
    if (r->given || !look->pairs_once)
        rc = filter_duplicates(r, spec, err);
    if (rc < 0)
        error_prefix(err, "%s", spec->path);
    return rc;
}

static bool is_number(const char *id)
{
    return id[strspn(id, "0123456789.-")] == 0;
}

/* "Total,20,61" at the end: an id in letters where all others are numbers, on no other line, with a value
 * above all others or another id that is alone too. */
static int check_last_line(const struct ratings *r, const struct ratings_spec *spec, struct error *err)
{
    for (int side = 0; side < 2 && r->n > 0 && !spec->columns; side++) {
        const struct idtable *ids = side ? r->items : r->users;
        const int32_t *own = side ? r->item : r->user, *other = side ? r->user : r->item;
        int64_t last = own[r->n - 1], end = r->n - 1;
        const char *name = idtable_name(ids, last);
        bool sum = true, above = true, alone = true;

        if (last < 2 || last + 1 < idtable_count(ids) || strpbrk(name, "0123456789") ||
            text_is_missing(name, strlen(name)))
            continue;
        for (int64_t k = 0; k < last && sum; k++)
            sum = is_number(idtable_name(ids, k));
        for (int64_t k = 0; k < end && sum; k++) {
            sum = own[k] != last;
            above &= r->value[k] < r->value[end];
            alone &= other[k] != other[end];
        }
        if (sum && (above || alone))
            return error_set(
                err, PT_EDATA,
                "%s: the %s of the last line is '%.60s', and all others are numbers: a line of sums? "
                "Leave it out (head -n -1 FILE > FILE.csv); said by data.columns, it is read",
                r->reading.from, side ? "item" : "user", name);
    }
    return 0;
}

static int read_source(struct ratings *r, const struct source *source, const struct ratings_spec *spec,
                       bool keep_time, struct filters_needed *look, struct error *err)
{
    TRY(reader_read(r, source, spec, keep_time, err));
    TRY(check_last_line(r, spec, err));
    TRY(titles_read(r, source, err));
    if (spec->item_key == ITEM_KEY_TITLE)
        TRY(titles_merge(r, spec->path, err));
    return merge_pairs(r, spec, look, err);
}

/* Times only serve to tell which of a repeated pair is the last one, unless they are asked for. */
static int read_memory(struct ratings **out, const struct ratings_spec *spec, struct filters_needed *look,
                       struct error *err)
{
    struct ratings *r = *out = mem_zalloc(1, sizeof *r);

    TRY(need_memory(r, err));
    TRY(memory_read(r, spec, spec->want_time || spec->duplicates == DUPLICATES_LAST, err));
    TRY(merge_pairs(r, spec, look, err));
    if (!spec->want_time) {
        mem_free(r->time);
        r->time = NULL;
    }
    return 0;
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
static int read_texts(struct ratings **out, const struct ratings_spec *spec, struct filters_needed *look,
                      struct error *err)
{
    scoped(source_free) struct source *source = NULL;
    bool last = spec->duplicates == DUPLICATES_LAST, keep_time = spec->want_time;

    TRY(source_find(&source, spec, err));
    keep_time = keep_time || (last && !is_lasting(source));
    for (;; keep_time = true) {
        *out = mem_zalloc(1, sizeof **out);
        TRY(need_memory(*out, err));
        TRY(read_source(*out, source, spec, keep_time, look, err));
        if (keep_time || !last || (*out)->duplicates == 0)
            return 0;
        ratings_free(*out);
    }
}

int ratings_read(struct ratings **out, const struct ratings_spec *spec, struct error *err)
{
    static const char synth[] = RATINGS_SYNTH;
    bool is_synth = strncmp(spec->path, synth, sizeof synth - 1) == 0;
    scoped(ratings_free) struct ratings *r = NULL;
    struct filters_needed look = {0};
    double start = clock_now();

    if (is_synth) {
        TRY(synth_make(&r, spec->path + sizeof synth - 1, spec->seed, err));
        if (spec->want_time)
            TRY(synth_add_times(r, spec->seed, err));
    } else if (strcmp(spec->path, RATINGS_MEMORY) == 0) {
        TRY(read_memory(&r, spec, &look, err));
    } else {
        TRY(read_texts(&r, spec, &look, err));
    }
    if (!r->finished)
        TRY(filter_ratings(r, spec, &look, err));
    TRY(filter_finish(r, spec, &look, err));
    if (!is_synth)
        filter_shrink(r);
    TRY(ratings_digest(r, err));
    r->seconds = clock_now() - start;
    *out = handed_on(r);
    return 0;
}
