/* api.c - the functions of partrain.h, on what the program itself uses. */
#include "partrain.h"

#include "base/mem.h"
#include "config/config.h"
#include "export/onnx.h"
#include "serve/rank.h"
#include "train/train.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct pt_config {
    struct config *config; /* owned: what is given so far, not checked */
};

struct pt_model {
    struct trained *trained;
    struct ranker *ranker; /* of the last k; NULL: none yet */
    int k;
};

/* The library's own error into the caller's. */
static int give(int rc, const struct error *own, struct pt_error *err)
{
    if (rc < 0 && err) {
        err->code = rc;
        snprintf(err->text, sizeof err->text, "%s", own->text);
    }
    return rc;
}

static int no_memory(struct pt_error *err)
{
    struct error own;

    return give(error_set(&own, PT_ENOMEM, "out of memory"), &own, err);
}

const char *pt_version(void)
{
    return PARTRAIN_VERSION;
}

int pt_config_new(struct pt_config **out, struct pt_error *err)
{
    struct pt_config *c = mem_zalloc(1, sizeof *c);
    struct error own = {0};
    int rc;

    if (!c)
        return no_memory(err);
    if ((rc = config_new(&c->config, &own)) < 0) {
        mem_free(c);
        return give(rc, &own, err);
    }
    *out = c;
    return 0;
}

int pt_config_load(struct pt_config *c, const char *path, struct pt_error *err)
{
    struct error own = {0};

    return give(config_load(c->config, path, &own), &own, err);
}

int pt_config_set(struct pt_config *c, const char *assignment, struct pt_error *err)
{
    struct error own = {0};

    return give(config_set(c->config, assignment, &own), &own, err);
}

void pt_config_free(struct pt_config *c)
{
    if (!c)
        return;
    config_free(c->config);
    mem_free(c);
}

struct listener {
    const struct pt_train_options *options;
    volatile sig_atomic_t stop;
};

static void listen(void *arg, const struct train_progress *p)
{
    struct listener *l = arg;
    struct pt_progress told = {.epoch = p->epoch,
                               .epochs = p->epochs,
                               .loss = p->loss,
                               .metric = p->validated ? p->spec->metric[0].name : NULL,
                               .valid = p->validated ? p->valid->value[0] : NAN,
                               .best_epoch = p->best_epoch};

    if (p->event == TRAIN_EPOCH && l->options->progress && l->options->progress(l->options->arg, &told))
        l->stop = 1;
}

/* A copy: checks fill in what depends on the model, and the caller may set more afterwards. */
static int checked_config(struct config **out, const struct pt_config *c, struct error *err)
{
    int rc = config_copy(out, c->config, err);

    if (rc == 0 && (rc = config_check(*out, err)) == 0)
        rc = config_need_data(*out, err);
    return rc;
}

int pt_train(const struct pt_config *c, const struct pt_train_options *options, struct pt_result *out,
             struct pt_error *err)
{
    static const struct pt_train_options none;
    struct listener l = {options ? options : &none, 0};
    struct train_options o = {.folder = l.options->folder,
                              .resume = l.options->resume != 0,
                              .stop = &l.stop,
                              .listen = listen,
                              .arg = &l};
    struct train_result result = {0};
    struct config *checked = NULL;
    struct error own = {0};
    int rc = checked_config(&checked, c, &own);

    if (rc == 0)
        rc = train_run(checked, &o, &result, &own);
    config_free(checked);
    if (rc < 0 || !out)
        return give(rc, &own, err);
    *out = (struct pt_result){.epochs = result.epochs,
                              .best_epoch = result.best_epoch,
                              .valid = result.has_valid ? result.best_valid.value[0] : NAN,
                              .test = result.has_test ? result.test.value[0] : NAN,
                              .train_s = result.train_s};
    if (result.spec.n)
        snprintf(out->metric, sizeof out->metric, "%s", result.spec.metric[0].name);
    memcpy(out->weights_hash, result.weights_hash, sizeof out->weights_hash);
    memcpy(out->model_hash, result.model_hash, sizeof out->model_hash);
    return 0;
}

int pt_model_open(struct pt_model **out, const char *folder, int threads, struct pt_error *err)
{
    struct pt_model *m = mem_zalloc(1, sizeof *m);
    struct error own = {0};
    int rc;

    if (!m)
        return no_memory(err);
    if ((rc = trained_open(&m->trained, folder, threads, &own)) < 0) {
        mem_free(m);
        return give(rc, &own, err);
    }
    *out = m;
    return 0;
}

void pt_model_free(struct pt_model *m)
{
    if (!m)
        return;
    ranker_free(m->ranker);
    trained_close(m->trained);
    mem_free(m);
}

int64_t pt_model_items(const struct pt_model *m)
{
    return idtable_count(m->trained->items);
}

int64_t pt_model_users(const struct pt_model *m)
{
    return idtable_count(m->trained->users);
}

const char *pt_model_item_id(const struct pt_model *m, int64_t item)
{
    return item >= 0 && item < pt_model_items(m) ? idtable_name(m->trained->items, item) : NULL;
}

const char *pt_model_item_title(const struct pt_model *m, int64_t item)
{
    return item >= 0 && item < pt_model_items(m) ? trained_title(m->trained, item) : NULL;
}

const char *pt_model_user_id(const struct pt_model *m, int64_t user)
{
    return user >= 0 && user < pt_model_users(m) ? idtable_name(m->trained->users, user) : NULL;
}

int64_t pt_model_find_item(struct pt_model *m, const char *id_or_title)
{
    int64_t item = trained_find_item(m->trained, id_or_title, strlen(id_or_title));

    return item < 0 ? -1 : item;
}

int64_t pt_model_find_user(const struct pt_model *m, const char *id)
{
    return idtable_find(m->trained->users, id, strlen(id));
}

static int add_history(struct histories *to, const struct pt_model *m, const struct pt_people *from,
                       int64_t p, struct error *err)
{
    const struct trained *trained = m->trained;
    int32_t row = -1;

    if (from->start[p] > from->start[p + 1] || from->start[p] < 0)
        return error_set(err, PT_EUSAGE, "person %lld: start[] goes down", (long long)p);
    if (trained->by_row) {
        row = from->user ? from->user[p] : -1;
        if (row >= pt_model_users(m))
            return error_set(err, PT_EUSAGE, "person %lld: there is no user %d", (long long)p, (int)row);
        if (row < 0 && !from->rating && from->start[p] < from->start[p + 1])
            return error_set(err, PT_EUSAGE, "person %lld: this model needs ratings, and rating is NULL",
                             (long long)p);
    }
    for (int64_t i = from->start[p]; i < from->start[p + 1]; i++) {
        float value = from->rating ? from->rating[i] : 1.0f;
        bool low = from->rating && (double)value < trained->config->min_rating;

        if (from->item[i] < 0 || from->item[i] >= pt_model_items(m))
            return error_set(err, PT_EUSAGE, "person %lld: there is no item %d", (long long)p,
                             (int)from->item[i]);
        if (!isfinite(value))
            return error_set(err, PT_EUSAGE, "person %lld: a rating is not finite", (long long)p);
        if (!histories_add(to, from->item[i], trained->config->binarize ? 1.0f : value,
                           low ? HISTORY_SEEN : HISTORY_INPUT))
            return error_set(err, PT_ENOMEM, "out of memory");
    }
    return histories_end(to, row) ? 0 : error_set(err, PT_ENOMEM, "out of memory");
}

static int check_people(const struct pt_model *m, const struct pt_people *p, struct error *err)
{
    const struct trained *trained = m->trained;

    if (trained->side == SIDE_ITEM)
        return error_set(err, PT_EUSAGE, "item-based AutoRec takes no people; use the program's recommend");
    if (trained->rating && !trained->by_row && !trained->config->binarize && !p->rating && p->n &&
        p->start[p->n])
        return error_set(err, PT_EUSAGE, "this model needs ratings, and rating is NULL");
    return 0;
}

static int need_ranker(struct pt_model *m, int k, struct error *err)
{
    struct rank_spec spec = {.k = k};

    if (m->ranker && m->k == k)
        return 0;
    ranker_free(m->ranker);
    m->ranker = NULL;
    m->k = k;
    return ranker_new(&m->ranker, m->trained, &spec, err);
}

/* Histories [first, end) of `from`. */
static int add_histories(struct histories *to, const struct pt_model *m, const struct pt_people *from,
                         int64_t first, int64_t end, struct error *err)
{
    int rc = 0;

    histories_clear(to);
    for (int64_t p = first; p < end && rc == 0; p++)
        rc = add_history(to, m, from, p, err);
    return rc;
}

enum { BLOCK = 4096 };

int pt_recommend(struct pt_model *m, const struct pt_people *people, int k, int32_t *item, float *score,
                 struct pt_error *err)
{
    struct error own = {0};
    struct histories block = {0};
    struct scored *best = NULL;
    int count[BLOCK];
    int rc = k < 1 || k > INT_MAX / 4 ? error_set(&own, PT_EUSAGE, "k is %d; at least 1", k)
                                      : check_people(m, people, &own);

    if (rc == 0 && !(best = mem_alloc((int64_t)BLOCK * k, sizeof *best)))
        rc = error_set(&own, PT_ENOMEM, "out of memory");
    if (rc == 0)
        rc = need_ranker(m, k, &own);
    for (int64_t first = 0; first < people->n && rc == 0; first += BLOCK) {
        int64_t end = people->n - first < BLOCK ? people->n : first + BLOCK;

        if ((rc = add_histories(&block, m, people, first, end, &own)) < 0 ||
            (rc = ranker_run(m->ranker, &block, best, count, &own)) < 0)
            break;
        for (int64_t p = first; p < end; p++)
            for (int i = 0; i < k; i++) {
                const struct scored *s = &best[(p - first) * k + i];
                bool is = i < count[p - first];

                item[p * k + i] = is ? s->column : -1;
                score[p * k + i] = is ? s->score : NAN;
            }
    }
    histories_fini(&block);
    mem_free(best);
    return give(rc, &own, err);
}

int pt_predict(struct pt_model *m, const struct pt_people *people, float *rating, struct pt_error *err)
{
    struct error own = {0};
    struct histories block = {0}, want = {0};
    int64_t items = pt_model_items(m), most = 1 + (1 << 20) / items;
    int rc = m->trained->rating
                 ? check_people(m, people, &own)
                 : error_set(&own, PT_EUSAGE, "this model ranks items and predicts no ratings");

    if (rc == 0)
        rc = need_ranker(m, 1, &own);
    for (int64_t first = 0; first < people->n && rc == 0; first += most) {
        int64_t end = people->n - first < most ? people->n : first + most;
        float *out = rating + first * items;

        histories_clear(&want);
        rc = add_histories(&block, m, people, first, end, &own);
        for (int64_t p = first; p < end && rc == 0; p++) {
            bool ok = true;

            for (int64_t i = 0; i < items && ok; i++)
                ok = histories_add(&want, (int32_t)i, 0.0f, HISTORY_INPUT);
            if (!ok || !histories_end(&want, -1))
                rc = error_set(&own, PT_ENOMEM, "out of memory");
        }
        if (rc == 0)
            rc = ranker_predict(m->ranker, &block, &want, out, &own);
        for (int64_t i = 0; i < (end - first) * items && rc == 0; i++)
            out[i] = (float)(isnan(out[i]) ? trained_stand_in(m->trained, &block, i / items, i % items)
                                           : trained_rating(m->trained, out[i]));
    }
    histories_fini(&block);
    histories_fini(&want);
    return give(rc, &own, err);
}

int pt_export_onnx(struct pt_model *m, const char *path, struct pt_error *err)
{
    struct error own = {0};

    return give(onnx_write(m->trained, path, &own), &own, err);
}
