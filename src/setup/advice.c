#include "setup/advice.h"

#include "base/mem.h"
#include "config/config.h"
#include "model/item_weights.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CHOSEN_FROM    0.6 /* of the way from the lowest value to the highest */
#define CHOSEN_LEAST   0.4 /* share of ratings that is kept, or a lower value is taken */
#define CHOSEN_MOST    0.95
#define COUNTS_FROM    100 /* no scale goes further */
#define USERS_ENOUGH   300 /* with enough ratings: users are held out whole */
#define JUDGED_WANTED  100
#define JUDGED_MOST    10000
#define JUDGED_LEAST   10
#define USERS_REFIT    10000
#define STEPS_LEAST    30   /* minibatches of an epoch */
#define STEPS_FEW      8    /* the same of small data */
#define EASE_ITEM_PAIR 8    /* bytes */
#define EASE_WORK      8e12 /* operations: 20,000 items, or more of few users; beyond it takes minutes */
#define EASE_WORK_FEW  1e12 /* seconds: several penalties are tried */
#define RECVAE_UNITS   200
#define RECVAE_EPOCHS  35.0 /* until patience ends it, and as many again with the validation part */
#define RECVAE_RATE    1e13 /* operations a minute of two cores */

struct advisor {
    struct advice *out;
    const struct ratings *r;
    const struct facts *f;
    char **given;
    int n_given;
    double share; /* of the users that are held out for each of validation and test; 0: ratings are */
};

static bool is_given(const struct advisor *a, const char *key)
{
    size_t length = strlen(key);

    for (int i = 0; i < a->n_given; i++)
        if (strncmp(a->given[i], key, length) == 0 && a->given[i][length] == '=')
            return true;
    return false;
}

/* Where the user says nothing about the key. */
__attribute__((format(printf, 5, 6))) static void add(const struct advisor *a, struct advice_list *to,
                                                      const char *key, const char *value, const char *reason,
                                                      ...)
{
    struct advice_setting *s = &to->setting[to->n];
    va_list args;

    if (is_given(a, key) || to->n == ADVICE_SETTINGS)
        return;
    snprintf(s->key, sizeof s->key, "%s", key);
    snprintf(s->value, sizeof s->value, "%s", value);
    va_start(args, reason);
    vsnprintf(s->reason, sizeof s->reason, reason, args);
    va_end(args);
    to->n++;
}

static const char *number(char out[32], double value)
{
    snprintf(out, 32, "%.10g", value);
    return out;
}

/* ---- which values count as chosen ---- */

static double share_from(const struct ratings *r, double least)
{
    int64_t n = 0;

    for (int64_t k = 0; k < r->n; k++)
        n += (double)r->value[k] >= least - 1e-6;
    return (double)n / (double)r->n;
}

static bool are_whole(const struct ratings *r)
{
    for (int64_t k = 0; k < r->n; k++)
        if (r->value[k] != floorf(r->value[k]))
            return false;
    return true;
}

/* Plays, purchases, visits, by the column's name, or whole numbers from 1 on without an upper end, or of
 * which 1 is the usual one. */
static bool are_counts(const struct advisor *a)
{
    const struct facts *f = a->f;

    return f->low >= 0 && are_whole(a->r) &&
           (a->r->reading.counts || f->high > COUNTS_FROM ||
            (f->low == 1 && 2 * f->bar[0].count > f->ratings));
}

/* The next value above (up) or below that occurs; where values are many, a twentieth of the scale further. */
static double next_value(const struct facts *f, double value, bool up)
{
    double step = (f->high - f->low) / 20;

    if (f->bar[0].low != f->bar[0].high)
        return up ? value + step : value - step;
    for (int i = 0; i < f->bars; i++) {
        int at = up ? i : f->bars - 1 - i;

        if (up ? f->bar[at].low > value + 1e-6 : f->bar[at].low < value - 1e-6)
            return f->bar[at].low;
    }
    return value;
}

/* From three fifths of the scale on, unless that keeps few ratings, or nearly all of them. */
static double chosen_from(const struct advisor *a)
{
    const struct facts *f = a->f;
    double from = f->low + CHOSEN_FROM * (f->high - f->low), up;

    from = next_value(f, from - 1e-4, true);
    while (share_from(a->r, from) < CHOSEN_LEAST && from > f->low + 1e-6)
        from = fmax(next_value(f, from, false), f->low);
    up = next_value(f, from, true);
    if (share_from(a->r, from) > CHOSEN_MOST && share_from(a->r, up) >= CHOSEN_LEAST)
        from = up;
    return from;
}

static void describe_values(const struct advisor *a, bool counts)
{
    const struct facts *f = a->f;
    const char *kind = "a scale of ratings";

    if (f->constant)
        snprintf(a->out->values, sizeof a->out->values, "no values: who chose what");
    else {
        if (counts)
            kind = "counts, not a scale: the more, the more often";
        else if (f->bars == 2)
            kind = "two values: no and yes";
        snprintf(a->out->values, sizeof a->out->values, "values from %g to %g: %s", f->low, f->high, kind);
    }
}

static void choose_values(const struct advisor *a)
{
    struct advice *o = a->out;
    bool counts = !a->f->constant && are_counts(a);
    char text[32];

    describe_values(a, counts);
    o->kept = a->r->n;
    if (o->ratings && (a->f->constant || counts)) {
        o->ratings = false; /* nothing to predict */
        snprintf(o->values + strlen(o->values), sizeof o->values - strlen(o->values),
                 "; ranked, for there is no rating to predict");
    }
    o->all_chosen = o->ratings || a->f->constant || a->r->finished || is_given(a, "data.min_rating");
    if (o->all_chosen)
        return;
    o->chosen = counts ? 1.0 : chosen_from(a);
    o->all_chosen = a->f->low >= o->chosen;
    o->kept = llround(share_from(a->r, o->chosen) * (double)a->r->n);
    o->dropped = a->r->n - o->kept;
    if (o->all_chosen)
        return;
    add(a, &o->common, "data.min_rating", number(text, o->chosen),
        "%s: keeps %.0f%% of the ratings, drops %" PRId64 " of %" PRId64,
        counts ? "0 is not a choice, every count above it is" : "what is liked, by the scale",
        100.0 * (double)o->kept / (double)a->r->n, o->dropped, a->r->n);
}

/* Users by what is kept of their ratings. */
static int count_users(const struct advisor *a, struct error *err)
{
    int64_t users = idtable_count(a->r->users);
    mem_scoped int64_t *count = mem_zalloc(users, sizeof *count);

    TRY(need_memory(count, err));
    for (int64_t k = 0; k < a->r->n; k++)
        count[a->r->user[k]] += a->out->all_chosen || (double)a->r->value[k] >= a->out->chosen - 1e-6;
    for (int64_t u = 0; u < users; u++) {
        a->out->users += count[u] > 0;
        a->out->judged += count[u] >= ADVICE_JUDGED;
    }
    if (a->out->judged < JUDGED_LEAST)
        return error_set(
            err, PT_EDATA,
            "%" PRId64 " of %" PRId64 " users have %d ratings or more to learn and to be evaluated "
            "by: too few to choose anything; name a configuration yourself (partrain help train)",
            a->out->judged, users, ADVICE_JUDGED);
    return 0;
}

/* ---- split and training ---- */

static void choose_split(struct advisor *a)
{
    struct advice *o = a->out;
    char text[32];

    if (a->r->finished)
        return; /* the files say it */
    if (o->ratings) {
        add(a, &o->common, "split.kind", "random", "single ratings are held out");
        add(a, &o->common, "split.valid", "0.1", "chooses the model: about %" PRId64 " ratings",
            o->kept / 10);
        add(a, &o->common, "split.test", "0.1", "judges it, once");
        return;
    }
    if (o->judged < USERS_ENOUGH) {
        add(a, &o->common, "split.kind", "per_user",
            "%" PRId64 " users have %d and more, too few to hold some out whole: a part of each one's",
            o->judged, ADVICE_JUDGED);
        add(a, &o->common, "split.valid", "0.2", "chooses the model");
        add(a, &o->common, "split.test", "0.2", "judges it, once");
        return;
    }
    a->share = fmin(0.2, fmax(0.1, ceil(100.0 * JUDGED_WANTED / (double)o->judged) / 100.0));
    add(a, &o->common, "split.kind", "users",
        "new users: %" PRId64 " of %" PRId64 " have %d and more and can be evaluated", o->judged, o->users,
        ADVICE_JUDGED);
    number(text, a->share * (double)o->users > JUDGED_MOST ? JUDGED_MOST : a->share);
    if (a->share * (double)o->users > JUDGED_MOST)
        a->share = JUDGED_MOST / (double)o->users;
    add(a, &o->common, "split.valid_users", text, "choose the model: about %.0f are evaluated",
        a->share * (double)o->judged);
    add(a, &o->common, "split.test_users", text, "judge it, once");
    add(a, &o->common, "split.fold_in", "0.8", "of their ratings the model sees; it must find the others");
}

/* Examples of a minibatch. Below 100 an autoencoder stops early at a worse figure (FilmTrust, three splits:
 * validation NDCG@100 mean .567 at 20, .579 at 100), so that small data has shorter epochs. */
static int64_t batch_of(int64_t examples)
{
    static const int64_t size[] = {500, 200, 100, 50, 20};
    int i = 0;

    while (i < 4 && examples / size[i] < (size[i] > 100 ? STEPS_LEAST : STEPS_FEW))
        i++;
    return size[i];
}

/* ---- models ---- */

/* A row is a model worth trying; a network without EASE only where none with it fits. */
static const struct row {
    const char *name, *note, *settings; /* KEY=VALUE by blanks */
    bool ratings, network;              /* network: of minibatches */
    double work_most;                   /* of its EASE (item_weights.h); 0: it has none */
} rows[] = {
    {"multidae-ease", "an autoencoder, and the scores of ease added to its own",
     "model.kind=multidae model.hidden=[] model.latent=200 model.input_dropout=0.5 model.ease=on "
     "model.ease_l2=100 model.ease_dropout=0.5 train.l2=1e-4",
     false, true, EASE_WORK},
    {"ease-dropout-100", "items from items, in closed form",
     "model.kind=ease model.input_dropout=0.5 train.l2=100", false, false, EASE_WORK},
    {"ease-200", "the same without dropout", "model.kind=ease train.l2=200", false, false, EASE_WORK},
    {"ease-dropout-20", "the same with it, less held back",
     "model.kind=ease model.input_dropout=0.5 train.l2=20", false, false, EASE_WORK_FEW},
    {"ease-dropout-500", "the same, more held back", "model.kind=ease model.input_dropout=0.5 train.l2=500",
     false, false, EASE_WORK_FEW},
    {"ease-50", "without dropout, less held back", "model.kind=ease train.l2=50", false, false,
     EASE_WORK_FEW},
    {"multidae", "an autoencoder",
     "model.kind=multidae model.hidden=[] model.latent=200 model.input_dropout=0.5 train.l2=1e-4", false,
     true, 0},
    {"ials", "factors of users and items, in turn",
     "model.kind=ials model.latent=64 model.unobserved_weight=0.1 train.penalty=0.01 train.epochs=9", false,
     false, 0},
    {"recvae-ease", "a deep autoencoder, and the scores of ease added to its own",
     "model.kind=recvae model.hidden=[200,200,200,200,200] model.latent=200 model.input_dropout=0.5 "
     "model.ease=on model.ease_l2=100 model.ease_dropout=0.5 train.epochs=100 train.patience=10",
     false, true, EASE_WORK},
    {"mf", "biases and factors, rating by rating",
     "model.kind=mf train.optimizer=sgd model.latent=50 model.init_std=0.02 model.center=true train.lr=0.05 "
     "train.penalty=0.07 train.penalty_bias=0.05 train.epochs=60 train.patience=5 train.refit=true",
     true, false, 0},
    {"autorec-user", "an autoencoder of users' ratings",
     "model.kind=autorec model.side=user model.hidden=[500] model.activation=sigmoid model.loss=example_mean "
     "model.center=true train.lr=0.002 train.schedule=exponential train.lr_decay=0.95 train.l2=0.03 "
     "train.epochs=60 train.patience=10",
     true, true, 0},
};

/* Whether this build knows all of them, over the common ones. */
static int is_known(bool *known, const struct advice_list *common, const struct advice_list *own,
                    struct error *err)
{
    scoped(config_free) struct config *c = NULL;
    struct error unknown;

    TRY(config_new(&c, err));
    *known = true;
    for (int i = 0; i < common->n + own->n && *known; i++) {
        const struct advice_setting *s = i < common->n ? &common->setting[i] : &own->setting[i - common->n];

        *known = config_setf(c, &unknown, "%s=%s", s->key, s->value) == 0;
    }
    return 0;
}

/* Where the validation part is much of what there is, the model learns from it too once it has chosen. */
static void choose_refit(const struct advisor *a, struct advice_candidate *c)
{
    if (!a->r->finished && a->out->users <= USERS_REFIT)
        add(a, &c->own, "train.refit", "true", "at last once more, with what has chosen; people are few");
}

/* Four passes an epoch: for each person all items by the latent units, and the hidden layers, three times. */
static double recvae_minutes(const struct advisor *a, int64_t examples)
{
    double units = (double)idtable_count(a->r->items) + 6.0 * RECVAE_UNITS;
    double pass = 6.0 * units * RECVAE_UNITS * (double)examples;

    return (a->out->users <= USERS_REFIT ? 2.0 : 1.0) * 4.0 * RECVAE_EPOCHS * pass / RECVAE_RATE;
}

static void fill_candidate(const struct advisor *a, struct advice_candidate *c, const struct row *row)
{
    int64_t examples = (int64_t)((1.0 - 2.0 * a->share) * (double)a->out->users), batch = batch_of(examples);
    char words[512], text[32], *word, *rest, *value;

    *c = (struct advice_candidate){.name = row->name, .network = row->network};
    snprintf(c->note, sizeof c->note, "%s", row->note);
    snprintf(words, sizeof words, "%s", row->settings);
    for (word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        value = strchr(word, '=');
        *value++ = '\0';
        add(a, &c->own, word, value, "%s", strcmp(word, "model.kind") == 0 ? row->note : "");
        if (strcmp(word, "model.kind") == 0)
            snprintf(c->kind, sizeof c->kind, "%s", value);
    }
    if (!row->ratings)
        choose_refit(a, c);
    if (strcmp(c->kind, "recvae") == 0) {
        c->minutes = recvae_minutes(a, examples);
        snprintf(c->note, sizeof c->note, "%s; about %.0f min on two cores", row->note, ceil(c->minutes));
    }
    if (!row->network)
        return;
    add(a, &c->own, "train.batch", number(text, (double)batch),
        "an epoch of %" PRId64 " users has %" PRId64 " steps", examples, (examples + batch - 1) / batch);
    if (row->ratings || c->minutes > 0)
        return;
    add(a, &c->own, "train.epochs", "500", "a limit; patience ends the training before");
    add(a, &c->own, "train.patience", "15", "epochs without a better validation figure");
}

static int choose_models(const struct advisor *a, struct error *err)
{
    int64_t items = idtable_count(a->r->items);
    bool square = mem_available(EASE_ITEM_PAIR * items * items), network = false, known;
    double work = item_solver_work(a->out->users, a->out->kept, items);

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct advice_candidate *c = &a->out->candidate[a->out->candidates];

        if (rows[i].ratings != a->out->ratings || (rows[i].network && network && rows[i].work_most == 0) ||
            (rows[i].work_most > 0 && (work > rows[i].work_most || !square)))
            continue;
        fill_candidate(a, c, &rows[i]);
        TRY(is_known(&known, &a->out->common, &c->own, err));
        a->out->candidates += known;
        network = network || (known && rows[i].network);
    }
    return a->out->candidates
               ? 0
               : error_set(err, PT_ECONFIG, "no model takes the settings that were given; leave some out");
}

int advice_make(struct advice *out, const struct ratings *r, const struct facts *f, bool ratings,
                char **given, int n_given, struct error *err)
{
    struct advisor a = {.out = out, .r = r, .f = f, .given = given, .n_given = n_given};

    *out = (struct advice){.ratings = ratings};
    choose_values(&a);
    TRY(count_users(&a, err));
    choose_split(&a);
    add(&a, &out->common, "eval.metrics", out->ratings ? "[rmse, mae]" : "[ndcg@100, recall@20, recall@50]",
        "the first one chooses");
    return choose_models(&a, err);
}
