#include "read/read.h"

#include "base/mem.h"
#include "base/timing.h"
#include "data/filter.h"
#include "read/memory.h"
#include "read/reader.h"
#include "read/source.h"
#include "read/titles.h"
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

static int read_source(struct ratings *r, const struct source *source, const struct ratings_spec *spec,
                       bool keep_time, struct filters_needed *look, struct error *err)
{
    int rc = reader_read(r, source, spec, keep_time, err);

    if (rc == 0)
        rc = titles_read(r, source, err);
    if (rc == 0 && spec->item_key == ITEM_KEY_TITLE)
        rc = titles_merge(r, spec->path, err);
    return rc < 0 ? rc : merge_pairs(r, spec, look, err);
}

/* Times only serve to tell which of a repeated pair is the last one, unless they are asked for. */
static int read_memory(struct ratings **out, const struct ratings_spec *spec, struct filters_needed *look,
                       struct error *err)
{
    struct ratings *r = *out = mem_zalloc(1, sizeof *r);
    int rc = r ? memory_read(r, spec, spec->want_time || spec->duplicates == DUPLICATES_LAST, err)
               : error_set(err, PT_ENOMEM, "%s out of memory", spec->path);

    if (rc == 0)
        rc = merge_pairs(r, spec, look, err);
    if (rc == 0 && !spec->want_time) {
        mem_free(r->time);
        r->time = NULL;
    }
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
static int read_texts(struct ratings **out, const struct ratings_spec *spec, struct filters_needed *look,
                      struct error *err)
{
    struct source *source = NULL;
    bool keep_time = spec->want_time;
    int rc = source_find(&source, spec, err);

    if (rc == 0 && spec->duplicates == DUPLICATES_LAST && !is_lasting(source))
        keep_time = true;
    while (rc == 0) {
        *out = mem_zalloc(1, sizeof **out);
        rc = *out ? read_source(*out, source, spec, keep_time, look, err)
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
    struct filters_needed look = {0};
    int rc;

    if (is_synth)
        rc = make_synth(&r, spec, spec->path + sizeof synth - 1, err);
    else if (strcmp(spec->path, RATINGS_MEMORY) == 0)
        rc = read_memory(&r, spec, &look, err);
    else
        rc = read_texts(&r, spec, &look, err);
    if (rc == 0 && !r->finished)
        rc = filter_ratings(r, spec, err);
    if (rc == 0)
        rc = filter_finish(r, spec, &look, err);
    if (rc < 0) {
        ratings_free(r);
        return rc;
    }
    if (!is_synth)
        filter_shrink(r);
    rc = ratings_digest(r, err);
    if (rc < 0)
        ratings_free(r);
    else
        *out = r;
    return rc;
}

int ratings_read(struct ratings **out, const struct ratings_spec *spec, struct error *err)
{
    double start = clock_now();
    int rc = read_and_filter(out, spec, err);

    if (rc == 0)
        (*out)->seconds = clock_now() - start;
    return rc;
}
