#include "train/run.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

struct former {
    const char *folder; /* borrowed */
    struct tensors *file;
    struct idtable *ids[2]; /* owned: items, users */
    int32_t *row[2];        /* owned: this run's items and users in the former run; -1: new */
    int64_t known[2];
};

enum { ITEMS, USERS };

static void former_fini(struct former *f)
{
    tensors_close(f->file);
    for (int i = 0; i < 2; i++) {
        idtable_free(f->ids[i]);
        mem_free(f->row[i]);
    }
}

static int match_ids(struct former *f, int which, const struct idtable *own, struct error *err)
{
    TRY(run_ids_read(&f->ids[which], NULL, f->folder, which == ITEMS ? RUN_ITEMS : RUN_USERS, err));
    f->row[which] = idtable_map(f->ids[which], own);
    TRY(need_memory(f->row[which], err));
    for (int64_t i = 0; i < idtable_count(own); i++)
        f->known[which] += f->row[which][i] >= 0;
    return 0;
}

/* Whose rows a tensor has: ITEMS, USERS, or -1. */
static int rows_of(const char *name, const struct problem *p)
{
    if (strncmp(name, "user.", 5) == 0)
        return USERS;
    if (strncmp(name, "item.", 5) == 0)
        return ITEMS;
    if (strcmp(name, "encoder.weight") == 0 || strncmp(name, "decoder.", 8) == 0)
        return p->side == SIDE_USER ? ITEMS : USERS;
    return -1;
}

static int copy_tensor(const struct former *f, const struct param *q, const struct problem *p,
                       struct error *err)
{
    int whose = rows_of(q->name, p);
    int64_t cols = q->cols ? q->cols : 1, at = 0;
    struct tensor_view v;

    TRY(tensors_find(f->file, q->name, TENSOR_F32, -1, -1, &v, err));
    if (v.cols != q->cols || (whose < 0 && v.rows != q->rows))
        return error_set(err, PT_ECONFIG,
                         "train.init: %s: %s is %lld x %lld there and %lld x %lld here; model.hidden and "
                         "model.latent must be as they were",
                         f->folder, q->name, (long long)v.rows, (long long)v.cols, (long long)q->rows,
                         (long long)q->cols);
    if (whose >= 0 && v.rows != idtable_count(f->ids[whose]))
        return error_set(err, PT_EFILE, "train.init: %s: %s has %lld rows and its ids are %lld", f->folder,
                         q->name, (long long)v.rows, (long long)idtable_count(f->ids[whose]));
    for (int64_t s = 0; s < q->spans; s++) {
        struct span span = span_by_row(q->span(q->owner, s, 0), q->cols == 0);

        for (int64_t r = 0; r < span.count; r++, at++) {
            int64_t from = whose < 0 ? at : f->row[whose][at];

            if (span.data && from >= 0) /* NULL: another rank's shard */
                memcpy(span.data + r * span.stride, (const float *)v.data + from * cols,
                       (size_t)cols * sizeof *span.data);
        }
    }
    return 0;
}

static int check_kind(const struct former *f, const struct problem *p, const struct config *c,
                      struct error *err)
{
    const char *kind = tensors_meta(f->file, "model"), *side = tensors_meta(f->file, "side");
    const char *own = config_enum_name("model.kind", c->model_kind);
    const char *own_side = p->side == SIDE_USER ? "user" : "item";

    if (!kind || !side || strcmp(kind, own) != 0 || strcmp(side, own_side) != 0)
        return error_set(err, PT_ECONFIG,
                         "train.init: %s holds a model %s of side %s, this one is %s of side %s", f->folder,
                         kind ? kind : "?", side ? side : "?", own, own_side);
    return 0;
}

int init_from_run(struct model *m, const struct problem *p, const struct config *c, const char *folder,
                  struct init_from_counts *counts, struct error *err)
{
    scoped_value(former_fini) struct former f = {.folder = folder};
    mem_scoped char *path = file_join(folder, RUN_MODEL);

    TRY(need_memory(path, err));
    if (!file_exists(path))
        return error_set(err, PT_ECONFIG, "train.init: %s: there is no " RUN_MODEL " in this folder", folder);
    TRY(tensors_open(&f.file, path, err));
    TRY(check_kind(&f, p, c, err));
    TRY(match_ids(&f, ITEMS, p->ratings->items, err));
    TRY(match_ids(&f, USERS, p->ratings->users, err));
    if (!f.known[p->side == SIDE_USER ? ITEMS : USERS])
        return error_set(err, PT_EDATA, "train.init: %s has none of these %s", folder,
                         p->side == SIDE_USER ? "items" : "users");
    for (int i = 0; i < m->params.n; i++)
        if (!strstr(m->params.param[i].name,
                    ".mean")) /* sgd: biases are drawn to the means of these ratings */
            TRY(copy_tensor(&f, &m->params.param[i], p, err));
    *counts = (struct init_from_counts){f.known[ITEMS], p->items - f.known[ITEMS], f.known[USERS],
                                        p->users - f.known[USERS]};
    return 0;
}

/* ---- what was held out then, and what is now ---- */

/* In the order of time, of all ratings or of a user's: where ratings are added behind those that were there,
 * the cut moves on and never back. */
static bool in_time(enum split_kind kind)
{
    return kind == SPLIT_TIME || kind == SPLIT_LAST;
}

static bool holds_out_rows(enum split_kind kind)
{
    return kind == SPLIT_USERS || kind == SPLIT_ROWS;
}

/* Whether two splits of one kind draw the same test part of the same ratings. */
static bool same_test(const struct split_spec *a, const struct split_spec *b)
{
    if (a->kind == SPLIT_GIVEN)
        return true;
    if (in_time(a->kind))
        return a->test == b->test && a->time_cut == b->time_cut;
    if (a->kind == SPLIT_KFOLD)
        return a->seed == b->seed && a->folds == b->folds && a->fold == b->fold;
    return a->seed == b->seed &&
           (holds_out_rows(a->kind) ? a->test_users == b->test_users : a->test == b->test);
}

static bool same_validation(const struct split_spec *a, const struct split_spec *b)
{
    return (in_time(a->kind) || a->seed == b->seed) &&
           (holds_out_rows(a->kind) ? a->valid_users == b->valid_users : a->valid == b->valid);
}

/* Whether the test and the validation part hold no rating that the former run trained on. */
static void find_unseen(bool *test, bool *valid, const struct config *former, const struct config *c,
                        bool same_data)
{
    struct split_spec a = problem_split_spec(former), b = problem_split_spec(c);
    bool moves_on = a.kind == SPLIT_TIME && a.time_cut > 0 && b.time_cut >= a.time_cut;

    *test = a.kind == b.kind && (same_test(&a, &b) || moves_on) &&
            (same_data || in_time(a.kind) || a.kind == SPLIT_GIVEN);
    *valid = *test && (same_data || in_time(a.kind)) && same_validation(&a, &b) && !former->refit;
}

int init_from_leaks(char *text, size_t size, const struct problem *p, const struct config *c,
                    struct error *err)
{
    mem_scoped char *path = file_join(c->init_run, RUN_MODEL);
    scoped(config_free) struct config *former = NULL;
    scoped(tensors_close) struct tensors *t = NULL;
    bool same_data, test = false, valid = false; /* a folder without its config.yaml: nobody knows */
    const char *digest;

    TRY(need_memory(path, err));
    TRY(tensors_open(&t, path, err));
    digest = tensors_meta(t, "data_digest");
    same_data = digest && strcmp(digest, p->ratings->digest) == 0;
    if (run_config_read(&former, c->init_run, &(struct error){0}) == 0)
        find_unseen(&test, &valid, former, c, same_data);
    if (p->ratings->finished) /* Liang's files: the same parts whatever split.* says */
        test = same_data, valid = same_data && !(former && former->refit);
    test |= !p->test.out;
    valid |= !p->valid.out;
    if (!test || !valid)
        snprintf(text, size,
                 "train.init: %.120s was trained on %s held out here, so the %s figures %s too good: %s "
                 "(docs/recommend.md, The daily retrain)",
                 c->init_run,
                 same_data ? "another split of these ratings, on some that are"
                           : "other ratings, perhaps on some that are",
                 test    ? "validation"
                 : valid ? "test"
                         : "validation and test",
                 same_data ? "are" : "may be",
                 same_data ? "keep its split.*" : "split.kind=time in both runs keeps them apart");
    return !test || !valid;
}
