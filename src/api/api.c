/* api.c - partrain.h on what the program itself uses: configurations, training. */
#include "api/api.h"

#include "base/mem.h"
#include "config/config.h"
#include "data/reading.h"
#include "train/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* struct pt_config is struct config under another name: what is given so far, not checked. */
static struct config *config_of(struct pt_config *c)
{
    return (struct config *)c;
}

_Static_assert(sizeof(struct error) == sizeof(struct pt_error) &&
                   offsetof(struct error, text) == offsetof(struct pt_error, text),
               "api_error takes one for the other");

struct error *api_error(struct pt_error *err)
{
    static _Thread_local struct error none;
    struct error *own = err ? (struct error *)err : &none;

    *own = (struct error){0};
    return own;
}

const char *pt_version(void)
{
    return PARTRAIN_VERSION;
}

int pt_config_new(struct pt_config **out, struct pt_error *err)
{
    struct config *c;

    TRY(config_new(&c, api_error(err)));
    *out = (struct pt_config *)c;
    return 0;
}

int pt_config_load(struct pt_config *c, const char *path, struct pt_error *err)
{
    return config_load(config_of(c), path, api_error(err));
}

int pt_config_set(struct pt_config *c, const char *assignment, struct pt_error *err)
{
    return config_set(config_of(c), assignment, api_error(err));
}

void pt_config_free(struct pt_config *c)
{
    config_free(config_of(c));
}

struct listener {
    const struct pt_train_options *options;
    bool clicks; /* the model counts ratings as choices */
    volatile sig_atomic_t stop;
};

static void tell(void *arg, enum pt_level level, const char *text)
{
    const struct listener *l = arg;
    bool note = strncmp(text, "note: ", 6) == 0;

    if (l->options->message)
        l->options->message(l->options->arg, note ? PT_NOTE : level, text + (note ? 6 : 0));
}

static void warn(void *arg, const char *text)
{
    tell(arg, PT_WARNING, text);
}

static void note(void *arg, const char *text)
{
    tell(arg, PT_NOTE, text);
}

static void listen(void *arg, const struct train_progress *p)
{
    struct listener *l = arg;
    const struct pt_train_options *o = l->options;
    struct pt_progress told = {.epoch = p->epoch,
                               .epochs = p->epochs,
                               .loss = p->loss,
                               .metric = p->validated ? p->spec->metric[0].name : NULL,
                               .valid = p->validated ? p->valid->value[0] : NAN,
                               .best_epoch = p->best_epoch};

    if (p->event == TRAIN_READY)
        reading_report(p->problem->ratings, l->clicks, note, warn, l);
    if ((p->event == TRAIN_EPOCH && o->progress && o->progress(o->arg, &told)) ||
        (p->event == TRAIN_STEPS && o->poll && o->poll(o->arg)))
        l->stop = 1;
}

/* A copy: checks fill in what depends on the model, and the caller may set more afterwards. */
static int checked_config(struct config **out, const struct pt_config *c, const struct pt_ratings *ratings,
                          struct error *err)
{
    TRY(config_copy(out, (const struct config *)c, err));
    if (ratings) {
        (*out)->memory = ratings;
        TRY(config_set(*out, "data.path=" RATINGS_MEMORY, err));
    }
    TRY(config_check(*out, err));
    return config_need_data(*out, err);
}

static void give_result(struct pt_result *out, const struct train_result *result)
{
    *out = (struct pt_result){.epochs = result->epochs,
                              .best_epoch = result->best_epoch,
                              .valid = result->has_valid ? result->best_valid.value[0] : NAN,
                              .test = result->has_test ? result->test.value[0] : NAN,
                              .train_s = result->train_s};
    if (result->spec.n)
        snprintf(out->metric, sizeof out->metric, "%s", result->spec.metric[0].name);
    memcpy(out->weights_hash, result->weights_hash, sizeof out->weights_hash);
    memcpy(out->model_hash, result->model_hash, sizeof out->model_hash);
}

/* Trains, and opens the model where it is wanted: of `folder`, which is ours where its lock is. */
static int train_and_open(const struct config *c, struct listener *l, char *folder, int lock,
                          struct train_result *result, struct error *err)
{
    const struct pt_train_options *options = l->options;
    struct train_options o = {.folder = folder ? folder : options->folder,
                              .resume = options->resume != 0,
                              .stop = &l->stop,
                              .listen = listen,
                              .warn = warn,
                              .arg = l};
    int rc = train_run(c, &o, result, err);

    if (rc == 0 && options->model)
        return api_model_open(options->model, folder, lock, (int)c->threads, err);
    if (folder && lock >= 0)
        api_remove_folder(folder, lock);
    mem_free(folder);
    return rc;
}

int pt_train(const struct pt_config *c, const struct pt_train_options *options, struct pt_result *out,
             struct pt_error *error)
{
    static const struct pt_train_options none;
    struct error *err = api_error(error);
    struct listener l = {.options = options ? options : &none};
    struct train_result result = {0};
    scoped(config_free) struct config *checked = NULL;
    char *folder = NULL;
    int lock = -1;

    TRY(checked_config(&checked, c, l.options->ratings, err));
    if (l.options->model && l.options->folder)
        TRY(need_memory((folder = mem_strdup(l.options->folder)) != NULL, err));
    else if (l.options->model && !(folder = api_temporary_folder(&lock, err)))
        return err->code;
    l.clicks = problem_is_binary(checked);
    TRY(train_and_open(checked, &l, folder, lock, &result, err));
    if (out)
        give_result(out, &result);
    return 0;
}
