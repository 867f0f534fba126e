/* check.c - what depends on more than one key: who uses an option, defaults by model, combinations that make
 * no sense. */
#include "config/options.h"

#include <math.h>
#include <string.h>

static unsigned when(bool holds, unsigned use)
{
    return holds ? use : 0;
}

static unsigned uses_of_model(const struct config *c)
{
    bool vae = c->model_kind == MODEL_MULTIVAE, recvae = c->model_kind == MODEL_RECVAE;
    bool decoder = vae || c->model_kind == MODEL_MULTIDAE, multi = decoder || recvae;
    bool ease = c->model_kind == MODEL_EASE, ials = c->model_kind == MODEL_IALS;
    bool mf = c->model_kind == MODEL_MF, sgd = mf && c->optimizer == OPTIMIZER_SGD;
    bool adam = !sgd && !ease && !ials, steps = adam || sgd, ratings = !multi && !ease && !ials;
    bool one_cycle = steps && c->schedule == SCHEDULE_ONE_CYCLE;
    bool by_step = steps && c->schedule == SCHEDULE_STEP;

    return when(vae, FOR_VAE) | when(recvae, FOR_RECVAE) | when(decoder, FOR_DECODER) |
           when(multi, FOR_MULTI) | when(multi && c->ease, FOR_COMPANION) |
           when(c->model_kind == MODEL_AUTOREC, FOR_AUTOREC) | when(mf, FOR_MF) | when(sgd, FOR_SGD) |
           when(ease, FOR_EASE) | when(ials, FOR_IALS) |
           when(ials && c->confidence != CONFIDENCE_NONE, FOR_CONFIDENCE) | when(ratings, FOR_RATINGS) |
           when(!ratings, FOR_CLICKS) | when(!mf && !ease && !ials, FOR_NETWORK) | when(adam, FOR_ADAM) |
           when(steps, FOR_STEPS) | when(!ease, FOR_EPOCHS) | when(ratings && adam, FOR_LOSS) |
           when(!ease && c->init == INIT_NORMAL, FOR_NORMAL) |
           when(adam && (c->l2 > 0 || c->weight_decay > 0), FOR_DECAY) | when(adam && !one_cycle, FOR_BETA1) |
           when(one_cycle, FOR_ONE_CYCLE) | when(by_step, FOR_LR_STEP) |
           when(by_step || (steps && c->schedule == SCHEDULE_EXPONENTIAL), FOR_LR_DECAY);
}

static unsigned uses_of_data(const struct config *c)
{
    bool rows = c->split_kind == SPLIT_USERS || c->split_kind == SPLIT_ROWS,
         time = c->split_kind == SPLIT_TIME;
    bool synth = strncmp(c->data_path, "synth:", 6) == 0;
    bool share =
        c->split_kind == SPLIT_RANDOM || c->split_kind == SPLIT_PER_USER || c->split_kind == SPLIT_LAST;

    return when(rows, FOR_ROWS) | when(!rows, FOR_CELLS) | when(time, FOR_TIME) |
           when(share || (time && c->split_time_cut == 0), FOR_SHARE) |
           when(c->split_kind == SPLIT_KFOLD, FOR_FOLDS) | when(synth, FOR_SYNTH) | when(!synth, FOR_FILES);
}

/* Whether one of the uses is at hand. */
static bool is(const struct config *c, unsigned use)
{
    return ((uses_of_model(c) | uses_of_data(c)) & use) != 0;
}

bool option_used(const struct config *c, const struct option *o)
{
    return o->when == ALWAYS || is(c, o->when);
}

#define RECVAE_HIDDEN "[600, 600, 600, 600, 600]"

/* Defaults of a model where its key is not given; a later row stands. */
static const struct {
    unsigned use;
    const char *key, *value;
} model_defaults[] = {{FOR_MULTI, "model.hidden", "[]"},
                      {FOR_MULTI, "model.input_dropout", "0.5"},
                      {FOR_MULTI, "model.bias_std", "0.001"},
                      {FOR_MULTI, "train.epochs", "200"},
                      {FOR_MULTI, "train.batch", "500"},
                      {FOR_MULTI, "train.l2", "4e-5"},
                      {FOR_VAE, "model.hidden", "[600]"},
                      {FOR_VAE, "model.dropout", "0.5"},
                      {FOR_VAE, "model.bias_std", "0"},
                      {FOR_VAE, "train.batch", "100"},
                      {FOR_VAE, "train.l2", "0"},
                      {FOR_MULTI, "model.activation", "tanh"},
                      {FOR_IALS, "model.latent", "64"},
                      {FOR_IALS, "train.epochs", "9"},
                      {FOR_IALS, "train.penalty", "0.01"},
                      {FOR_IALS, "model.init", "normal"},
                      {FOR_SGD, "model.init", "normal"},
                      {FOR_SGD, "model.init_std", "0.005"},
                      {FOR_SGD, "model.latent", "96"},
                      {FOR_SGD, "train.lr", "0.03"},
                      {FOR_SGD, "train.epochs", "100"},
                      {FOR_MF, "model.loss", "cell_mean"},
                      {FOR_EASE, "train.l2", "500"},
                      {FOR_CLICKS, "split.kind", "users"},
                      {FOR_RECVAE, "model.hidden", RECVAE_HIDDEN},
                      {FOR_RECVAE, "model.activation", "swish"},
                      {FOR_RECVAE, "model.layer_norm", "true"},
                      {FOR_RECVAE, "model.kl_per_click", "0.005"},
                      {FOR_RECVAE, "model.bias_std", "0"},
                      {FOR_RECVAE, "train.epochs", "60"},
                      {FOR_RECVAE, "train.batch", "100"},
                      {FOR_RECVAE, "train.l2", "0"}};

/* Those that hang together with a key that older files, or recipes of others, give: they are kept from
 * these. */
struct key_value {
    const char *key, *value;
};

/* Multi-VAE where no KL weight for all users alike is given. */
static const struct key_value vae_defaults[] = {
    {"model.decoder", "linear"}, {"model.activation", "swish"}, {"model.layer_norm", "true"},
    {"model.dropout", "0"},      {"model.noise_std", "1"},      {"model.kl_per_click", "0.005"}};

/* AutoRec where no loss is given, from which step size and penalty cannot be parted; then by side. */
static const struct key_value autorec_defaults[] = {
    {"model.loss", "example_mean"}, {"train.schedule", "exponential"}, {"train.lr_decay", "0.95"}};
static const struct key_value autorec_sides[2][3] = {
    [SIDE_ITEM] = {{"train.epochs", "80"}, {"train.lr", "0.003"}, {"train.l2", "0.028"}},
    [SIDE_USER] = {{"train.epochs", "60"}, {"train.lr", "0.002"}, {"train.l2", "0.006"}}};

static int set_default(struct config *c, const char *key, const char *value, struct error *err)
{
    return config_given(c, key) ? 0 : option_set_text(c, option_find(key), value, err);
}

/* Whether a key is given that Adam alone heeds; or, with model.biases and the range, published recipes. */
static bool adam_is_meant(const struct config *c)
{
    const unsigned own = FOR_ADAM | FOR_LOSS | FOR_DECAY | FOR_BETA1 | FOR_ONE_CYCLE;
    bool meant = config_given(c, "model.biases") || config_given(c, "model.range_low") ||
                 config_given(c, "model.range_high");

    for (int i = 0; i < option_count && !meant; i++)
        meant = option_table[i].when & own && config_given(c, option_table[i].key);
    return meant;
}

static int set_defaults(struct config *c, const struct key_value *d, size_t n, struct error *err)
{
    for (size_t i = 0; i < n; i++)
        TRY(set_default(c, d[i].key, d[i].value, err));
    return 0;
}

static int set_model_defaults(struct config *c, struct error *err)
{
    bool by_click =
        is(c, FOR_VAE) && !config_given(c, "model.kl_weight") && !config_given(c, "model.kl_anneal_steps");
    bool autorec = is(c, FOR_AUTOREC) && !config_given(c, "model.loss");

    if (is(c, FOR_MF) && !config_given(c, "train.optimizer"))
        c->optimizer = adam_is_meant(c) ? OPTIMIZER_ADAM : OPTIMIZER_SGD;
    if (is(c, FOR_SGD) && !config_given(c, "model.center"))
        c->center = c->range_low >= c->range_high;
    for (size_t i = 0; i < sizeof model_defaults / sizeof *model_defaults; i++)
        if (is(c, model_defaults[i].use))
            TRY(set_default(c, model_defaults[i].key, model_defaults[i].value, err));
    if (by_click)
        TRY(set_defaults(c, vae_defaults, sizeof vae_defaults / sizeof *vae_defaults, err));
    if (autorec) {
        TRY(set_defaults(c, autorec_defaults, 3, err));
        TRY(set_defaults(c, autorec_sides[c->model_side], 3, err));
    }
    if (is(c, FOR_IALS))
        TRY(option_set_text(c, option_find("model.hidden"), "[]", err));
    if (is(c, FOR_RECVAE))
        c->decoder = DECODER_LINEAR;
    if (is(c, FOR_EASE) && c->epochs > 1) /* a closed form has nothing to go on from */
        c->epochs = 1;
    if (c->metrics.n == 0)
        TRY(option_set_text(c, option_find("eval.metrics"),
                            is(c, FOR_CLICKS) ? "[ndcg@100, recall@20, recall@50]" : "[rmse, mae]", err));
    return *c->monitor ? 0 : option_set_text(c, option_find("train.monitor"), c->metrics.value[0], err);
}

/* The first rule that is broken makes the message. */
#define REFUSE_IF(wrong, ...)                                                                                \
    do {                                                                                                     \
        if (wrong)                                                                                           \
            return error_set(err, PT_ECONFIG, __VA_ARGS__);                                                  \
    } while (0)

static int check_model(const struct config *c, struct error *err)
{
    const char *kind = config_enum_name("model.kind", c->model_kind);

    REFUSE_IF(is(c, FOR_VAE) && c->kl_per_click > 0 && c->kl_anneal_steps > 0,
              "model.kl_anneal_steps: it grows kl_weight, which model.kl_per_click replaces; leave one out");
    REFUSE_IF(is(c, FOR_CLICKS) && c->model_side == SIDE_ITEM,
              "model.side: %s takes users as examples; set it to user", kind);
    REFUSE_IF(is(c, FOR_EASE) && c->l2 <= 0,
              "train.l2: ease has no solution without a penalty; set it above 0, such as 500");
    REFUSE_IF(is(c, FOR_EASE) && *c->init_run,
              "train.init: ease is computed from the ratings alone; leave train.init out");
    REFUSE_IF(is(c, FOR_RECVAE) && c->hidden.n == 0,
              "model.hidden: recvae needs hidden layers, such as " RECVAE_HIDDEN);
    for (int i = 1; i < c->hidden.n; i++)
        REFUSE_IF(is(c, FOR_RECVAE) && c->hidden.value[i] != c->hidden.value[0],
                  "model.hidden: recvae adds each layer to all that follow, so they are of one width, such "
                  "as " RECVAE_HIDDEN);
    REFUSE_IF(is(c, FOR_AUTOREC) && c->hidden.n == 0,
              "model.hidden: autorec needs a hidden layer, such as [500]");
    REFUSE_IF(c->optimizer == OPTIMIZER_SGD && !is(c, FOR_MF),
              "train.optimizer: sgd trains mf, and %s by adam; leave it out", kind);
    REFUSE_IF(is(c, FOR_SGD) && !c->biases,
              "model.biases: sgd works on what the biases leave; set it to true, or train.optimizer to adam");
    REFUSE_IF(is(c, FOR_MF) && c->range_low > c->range_high,
              "model.range_low: %g is above model.range_high, %g; swap them", c->range_low, c->range_high);
    REFUSE_IF(is(c, FOR_MF) && c->range_low < c->range_high && c->center,
              "model.center: a sigmoid range already places the ratings; set it to false, or the range to 0");
    REFUSE_IF(is(c, FOR_NORMAL) && c->init_std == 0,
              "model.init_std: with 0 all units start alike and stay so; set it above 0, such as 0.05");
    return 0;
}

/* data.columns as positions; names are looked for in the text. */
static int check_columns(const struct text_list *columns, struct error *err)
{
    static const char *const known[] = {"user", "item", "rating", "time", "skip"};
    int times[5] = {0};

    for (int i = 0; i < columns->n; i++) {
        int k = 0;

        while (k < 5 && strcmp(columns->value[i], known[k]) != 0)
            k++;
        REFUSE_IF(k == 5, "data.columns: %s is none of user, item, rating, time, skip",
                  show(columns->value[i]).text);
        REFUSE_IF(k < 4 && ++times[k] > 1, "data.columns: %s stands twice; name the other column skip",
                  known[k]);
    }
    REFUSE_IF(!times[0] || !times[1], "data.columns: no %s; name the column that holds it",
              known[times[0] ? 1 : 0]);
    return 0;
}

static int check_data(const struct config *c, struct error *err)
{
    const struct text_list *columns = &c->data_columns;
    double number;
    int missing;

    REFUSE_IF(c->data_format == FORMAT_LISTS && columns->n > 0,
              "data.columns: the format lists has no columns; leave one of the two out");
    REFUSE_IF(!config_skip_share(c, &number),
              "data.bad_lines: %s is none of error, skip, skip:SHARE (such as skip:0.5)",
              show(c->data_bad_lines).text);
    REFUSE_IF(!config_missing(c, &missing, &number),
              "data.missing: %s is none of keep, skip, error, and no number", show(c->data_missing).text);
    REFUSE_IF((*c->data_valid_path || *c->data_test_path) && c->split_kind != SPLIT_GIVEN,
              "data.%s_path: parts in files of their own are taken with split.kind=given",
              *c->data_test_path ? "test" : "valid");
    if (c->data_format == FORMAT_MATRIX || columns->n == 0 || strchr(columns->value[0], '='))
        return 0;
    return check_columns(columns, err);
}

static int check_split_model(const struct config *c, bool trains, struct error *err)
{
    const char *split = config_enum_name("split.kind", c->split_kind);

    REFUSE_IF(trains && is(c, FOR_MF) && is(c, FOR_ROWS),
              "split.kind: %s holds examples out whole, and mf knows nothing of those; set it to random",
              split);
    REFUSE_IF(c->split_kind == SPLIT_USERS && c->model_side == SIDE_ITEM && is(c, FOR_AUTOREC),
              "split.kind: users are held out, but the examples of model.side item are items; set it to rows "
              "or random");
    REFUSE_IF(is(c, FOR_ROWS) && c->split_fold_in == 0,
              "split.fold_in: with 0 the model sees nothing of held-out %s; set it above 0, such as 0.8",
              split);
    REFUSE_IF(is(c, FOR_ROWS) && is(c, FOR_CLICKS) && c->split_fold_in == 1 && c->eval_seen == 0,
              "split.fold_in: with 1 every held-out item was seen, and eval.seen removes it; set it below 1");
    return 0;
}

static int check_split(const struct config *c, bool trains, struct error *err)
{
    const struct {
        unsigned use;
        const char *key;
        double value;
    } share[] = {{FOR_SHARE, "split.test", c->split_test},
                 {FOR_CELLS, "split.valid", c->split_valid},
                 {FOR_ROWS, "split.test_users", c->split_test_users},
                 {FOR_ROWS, "split.valid_users", c->split_valid_users}};

    for (int i = 0; i < 4; i++)
        REFUSE_IF(is(c, share[i].use) && share[i].value >= 1 && share[i].value != floor(share[i].value),
                  "%s: %g is neither a share (below 1) nor a count (a whole number)", share[i].key,
                  share[i].value);
    REFUSE_IF(
        is(c, FOR_ROWS) && c->split_test_users < 1 && c->split_valid_users < 1 &&
            c->split_test_users + c->split_valid_users >= 1,
        "split.test_users: with split.valid_users %g, a share of %g leaves nobody to train on; lower one",
        c->split_valid_users, c->split_test_users);
    REFUSE_IF(is(c, FOR_FOLDS) && c->split_fold >= c->split_folds,
              "split.fold: there are %d folds, counted from 0; set it below that", (int)c->split_folds);
    return check_split_model(c, trains, err);
}

static int check_train(const struct config *c, struct error *err)
{
    const char *part = is(c, FOR_ROWS) ? "split.valid_users" : "split.valid";
    /* Files that come split may hold a validation part of their own: then the run finds out. */
    bool no_valid =
        is(c, FOR_ROWS) ? c->split_valid_users == 0 : c->split_kind != SPLIT_GIVEN && c->split_valid == 0;

    REFUSE_IF(!is(c, FOR_MULTI) && c->microbatch > 0,
              "train.microbatch: only multivae, multidae and recvae hold logits; leave it out, or 0");
    REFUSE_IF(c->precision == PRECISION_BF16 && !is(c, FOR_NETWORK),
              "train.precision: bf16 is for dense layers, and %s has none; leave it out",
              config_enum_name("model.kind", c->model_kind));
    REFUSE_IF(
        c->precision == PRECISION_BF16 && is(c, FOR_AUTOREC) && c->hidden.n < 2,
        "train.precision: bf16 is for dense layers, and autorec has some only between two hidden layers; "
        "leave it out, or give model.hidden a second one");
    REFUSE_IF(c->precision == PRECISION_BF16 && c->microbatch % 2 == 1,
              "train.microbatch: with train.precision bf16 it must be even");
    REFUSE_IF(is(c, FOR_RECVAE) && c->last_batch == LAST_ROLLOVER,
              "train.last_batch: each of recvae's passes has all examples, so none is left for the next "
              "epoch; set it to keep or drop");
    REFUSE_IF(is(c, FOR_COMPANION) && c->ease_weight < 0 && no_valid,
              "model.ease_weight: there is no validation part to choose it by; set %s above 0, or "
              "model.ease_weight to a number, such as 8",
              part);
    REFUSE_IF(is(c, FOR_STEPS) && c->patience > 0 && no_valid,
              "train.patience: there is no validation part to judge by; set %s above 0, such as 0.1", part);
    REFUSE_IF(
        c->refit && no_valid,
        "train.refit: there is no validation part to choose by; set %s above 0, or train.refit to false",
        part);
    REFUSE_IF(is(c, FOR_LR_DECAY) && c->lr_decay == 1,
              "train.lr_decay: with 1 the schedule %s changes nothing; set it below 1",
              config_enum_name("train.schedule", c->schedule));
    REFUSE_IF(is(c, FOR_ONE_CYCLE) && c->momentum_low > c->momentum_high,
              "train.momentum_low: %g is above train.momentum_high, %g; swap them", c->momentum_low,
              c->momentum_high);
    REFUSE_IF(is(c, FOR_STEPS) && c->lr * c->weight_decay >= 1,
              "train.weight_decay: train.lr times it is %g, and from 1 on a step wipes the weights out",
              c->lr * c->weight_decay);
    return 0;
}

static int check(struct config *c, bool trains, struct error *err)
{
    TRY(set_model_defaults(c, err));
    TRY(check_model(c, err));
    TRY(check_data(c, err));
    TRY(check_split(c, trains, err));
    return trains ? check_train(c, err) : 0;
}

int config_check(struct config *c, struct error *err)
{
    return check(c, true, err);
}

int config_check_use(struct config *c, struct error *err)
{
    return check(c, false, err);
}

int config_need_data(const struct config *c, struct error *err)
{
    REFUSE_IF(!*c->data_path, "data.path: not given; name a file, a folder, an archive, or synth:ml-100k");
    return 0;
}
