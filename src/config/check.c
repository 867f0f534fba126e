/* check.c - what depends on more than one key: defaults by model, combinations that make no sense, and which
 * options the model and split at hand use. */
#include "config/options.h"

#include <math.h>
#include <string.h>

#define EASE_L2 500.0

static bool is_vae(const struct config *c)
{
    return c->model_kind == MODEL_MULTIVAE;
}

static bool is_multi(const struct config *c)
{
    return c->model_kind == MODEL_MULTIVAE || c->model_kind == MODEL_MULTIDAE;
}

static bool is_ease(const struct config *c)
{
    return c->model_kind == MODEL_EASE;
}

static bool is_ials(const struct config *c)
{
    return c->model_kind == MODEL_IALS;
}

static bool is_clicks(const struct config *c)
{
    return is_multi(c) || is_ease(c) || is_ials(c);
}

static bool has_companion(const struct config *c)
{
    return is_multi(c) && c->ease;
}

static bool squares_items(const struct config *c)
{
    return is_ease(c) || has_companion(c);
}

static bool is_rating(const struct config *c)
{
    return !is_clicks(c);
}

static bool is_autorec(const struct config *c)
{
    return c->model_kind == MODEL_AUTOREC;
}

static bool is_mf(const struct config *c)
{
    return c->model_kind == MODEL_MF;
}

static bool is_sgd(const struct config *c)
{
    return is_mf(c) && c->optimizer == OPTIMIZER_SGD;
}

static bool is_adam(const struct config *c)
{
    return !is_sgd(c) && !is_ease(c) && !is_ials(c);
}

static bool has_l2(const struct config *c)
{
    return is_adam(c) || is_ease(c);
}

static bool has_penalty(const struct config *c)
{
    return is_sgd(c) || is_ials(c);
}

static bool is_network(const struct config *c)
{
    return !is_mf(c) && !is_ease(c) && !is_ials(c);
}

static bool drops_input(const struct config *c)
{
    return !is_mf(c) && !is_ials(c);
}

static bool has_loss(const struct config *c)
{
    return is_rating(c) && is_adam(c);
}

static bool has_latent(const struct config *c)
{
    return is_multi(c) || is_mf(c) || is_ials(c);
}

static bool has_epochs(const struct config *c)
{
    return !is_ease(c);
}

static bool takes_steps(const struct config *c)
{
    return !is_ease(c) && !is_ials(c);
}

static bool init_is_normal(const struct config *c)
{
    return c->init == INIT_NORMAL && has_epochs(c);
}

static bool holds_out_rows(const struct config *c)
{
    return c->split_kind == SPLIT_USERS || c->split_kind == SPLIT_ROWS;
}

static bool holds_out_cells(const struct config *c)
{
    return !holds_out_rows(c);
}

static bool split_has_share(const struct config *c)
{
    return c->split_kind == SPLIT_RANDOM || c->split_kind == SPLIT_PER_USER || c->split_kind == SPLIT_LAST ||
           (c->split_kind == SPLIT_TIME && c->split_time_cut == 0);
}

static bool split_has_folds(const struct config *c)
{
    return c->split_kind == SPLIT_KFOLD;
}

static bool split_has_time(const struct config *c)
{
    return c->split_kind == SPLIT_TIME;
}

static bool is_synthetic(const struct config *c)
{
    return strncmp(c->data_path, "synth:", 6) == 0;
}

static bool is_read(const struct config *c)
{
    return !is_synthetic(c);
}

static bool lr_decays(const struct config *c)
{
    return takes_steps(c) && (c->schedule == SCHEDULE_STEP || c->schedule == SCHEDULE_EXPONENTIAL);
}

static bool lr_steps(const struct config *c)
{
    return takes_steps(c) && c->schedule == SCHEDULE_STEP;
}

static bool is_one_cycle(const struct config *c)
{
    return takes_steps(c) && c->schedule == SCHEDULE_ONE_CYCLE;
}

static bool beta1_is_fixed(const struct config *c)
{
    return takes_steps(c) && is_adam(c) && !is_one_cycle(c);
}

static bool decays_weights(const struct config *c)
{
    return takes_steps(c) && is_adam(c) && (c->l2 > 0 || c->weight_decay > 0);
}

/* Keys that are not listed are used always. */
static const struct {
    const char *key;
    bool (*used)(const struct config *c);
} conditions[] = {
    {"model.side", is_network},
    {"model.ease", is_multi},
    {"model.ease_weight", has_companion},
    {"model.ease_l2", has_companion},
    {"model.items_most", squares_items},
    {"model.init", has_epochs},
    {"model.bias_std", takes_steps},
    {"train.epochs", has_epochs},
    {"train.lr", takes_steps},
    {"train.schedule", takes_steps},
    {"train.seed", has_epochs},
    {"train.init", has_epochs},
    {"train.patience", has_epochs},
    {"train.checkpoint_every", has_epochs},
    {"train.checkpoint_minutes", has_epochs},
    {"eval.every", has_epochs},
    {"model.hidden", is_network},
    {"model.latent", has_latent},
    {"model.activation", is_network},
    {"model.output", is_autorec},
    {"model.loss", has_loss},
    {"model.input_dropout", drops_input},
    {"model.dropout", is_network},
    {"model.normalize_input", is_multi},
    {"model.noise_std", is_vae},
    {"model.decoder", is_multi},
    {"model.kl_weight", is_vae},
    {"model.kl_per_click", is_vae},
    {"model.kl_anneal_steps", is_vae},
    {"model.init_std", init_is_normal},
    {"model.biases", is_mf},
    {"model.unobserved_weight", is_ials},
    {"model.center", is_rating},
    {"model.range_low", is_mf},
    {"model.range_high", is_mf},
    {"data.format", is_read},
    {"data.columns", is_read},
    {"data.delimiter", is_read},
    {"data.header", is_read},
    {"data.bad_lines", is_read},
    {"data.duplicates", is_read},
    {"data.item_key", is_read},
    {"data.binarize", is_rating},
    {"data.seed", is_synthetic},
    {"split.test", split_has_share},
    {"split.valid", holds_out_cells},
    {"split.test_users", holds_out_rows},
    {"split.valid_users", holds_out_rows},
    {"split.fold_in", holds_out_rows},
    {"split.min_fold_in", holds_out_rows},
    {"split.folds", split_has_folds},
    {"split.fold", split_has_folds},
    {"split.time_cut", split_has_time},
    {"train.optimizer", takes_steps},
    {"train.batch", is_adam},
    {"train.last_batch", is_adam},
    {"train.shuffle", is_adam},
    {"train.microbatch", is_multi},
    {"train.penalty", has_penalty},
    {"train.penalty_bias", is_sgd},
    {"train.beta2", is_adam},
    {"train.eps", is_adam},
    {"train.l2", has_l2},
    {"train.weight_decay", is_adam},
    {"train.clip_norm", is_adam},
    {"train.beta1", beta1_is_fixed},
    {"train.lr_decay", lr_decays},
    {"train.lr_step", lr_steps},
    {"train.momentum_high", is_one_cycle},
    {"train.momentum_low", is_one_cycle},
    {"train.decay_biases", decays_weights},
    {"eval.clip", is_rating},
    {"eval.cold", is_rating},
    {"eval.untrained", is_rating},
    {"eval.relevant", is_rating},
};

bool option_used(const struct config *c, const struct option *o)
{
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        if (strcmp(conditions[i].key, o->key) == 0)
            return conditions[i].used(c);
    }
    return true;
}

static int set_model_defaults(struct config *c, struct error *err)
{
    static const char *const rating[] = {"rmse", "mae"};
    static const char *const ranking[] = {"ndcg@100", "recall@20", "recall@50"};
    static const int64_t vae_hidden = 600;
    int rc = 0;

    if (is_multi(c) && !config_given(c, "model.hidden"))
        rc = option_set_number(&c->hidden, &vae_hidden, is_vae(c), err);
    if (is_multi(c) && !config_given(c, "model.activation"))
        c->activation = ACT_TANH;
    if (is_ials(c)) {
        rc = option_set_number(&c->hidden, &vae_hidden, 0, err);
        c->latent = config_given(c, "model.latent") ? c->latent : 64;
        c->epochs = config_given(c, "train.epochs") ? c->epochs : 9;
        c->penalty = config_given(c, "train.penalty") ? c->penalty : 0.01;
        c->init = config_given(c, "model.init") ? c->init : INIT_NORMAL;
    }
    if (is_sgd(c) && !config_given(c, "train.lr"))
        c->lr = 0.05;
    if (is_sgd(c) && !config_given(c, "model.init"))
        c->init = INIT_NORMAL;
    if (is_sgd(c) && !config_given(c, "model.init_std"))
        c->init_std = 0.02;
    if (is_mf(c) && !config_given(c, "model.loss"))
        c->loss = LOSS_CELL_MEAN;
    if (is_ease(c) && !config_given(c, "train.l2"))
        c->l2 = EASE_L2;
    if (is_ease(c) && c->epochs > 1) /* a closed form has nothing to go on from */
        c->epochs = 1;
    if (is_clicks(c) && !config_given(c, "split.kind"))
        c->split_kind = SPLIT_USERS;
    if (rc == 0 && c->metrics.n == 0)
        rc = option_set_words(&c->metrics, is_clicks(c) ? ranking : rating, is_clicks(c) ? 3 : 2, err);
    if (rc == 0 && !*c->monitor) {
        struct tree first = {.text = c->metrics.value[0], .quoted = true};
        const struct tree *at;

        rc = option_set(c, option_at(option_find("train.monitor")), &first, &at, err);
    }
    return rc;
}

static int check_model(const struct config *c, struct error *err)
{
    const char *kind = config_enum_name("model.kind", c->model_kind);

    if (is_vae(c) && c->kl_per_click > 0 && c->kl_anneal_steps > 0)
        return error_set(
            err, PT_ECONFIG,
            "model.kl_anneal_steps: it grows kl_weight, which model.kl_per_click replaces; leave "
            "one of the two out");

    if (is_clicks(c) && c->model_side == SIDE_ITEM)
        return error_set(err, PT_ECONFIG, "model.side: %s takes users as examples; set it to user", kind);
    if (is_ease(c) && c->l2 <= 0)
        return error_set(err, PT_ECONFIG,
                         "train.l2: ease has no solution without a penalty; set it above 0, such as 500");
    if (is_ease(c) && *c->init_run)
        return error_set(err, PT_ECONFIG,
                         "train.init: ease is computed from the ratings alone, so it cannot start from a "
                         "former run; leave train.init out");
    if (is_autorec(c) && c->hidden.n == 0)
        return error_set(err, PT_ECONFIG, "model.hidden: autorec needs a hidden layer, such as [500]");
    if (c->optimizer == OPTIMIZER_SGD && !is_mf(c))
        return error_set(err, PT_ECONFIG, "train.optimizer: sgd trains mf, and %s by adam; leave it out",
                         kind);
    if (is_sgd(c) && !c->biases)
        return error_set(
            err, PT_ECONFIG,
            "model.biases: sgd works on what the biases leave; set it to true, or train.optimizer to "
            "adam");
    if (is_mf(c) && c->range_low > c->range_high)
        return error_set(err, PT_ECONFIG, "model.range_low: %g is above model.range_high, %g; swap them",
                         c->range_low, c->range_high);
    if (is_mf(c) && c->range_low < c->range_high && c->center)
        return error_set(err, PT_ECONFIG,
                         "model.center: a sigmoid range already places the ratings; set it to false, "
                         "or model.range_low and model.range_high to 0");
    if (init_is_normal(c) && c->init_std == 0)
        return error_set(
            err, PT_ECONFIG,
            "model.init_std: with 0 all units start alike and stay so; set it above 0, such as 0.05");
    return 0;
}

static int check_data(const struct config *c, struct error *err)
{
    static const char *const known[] = {"user", "item", "rating", "time", "skip"};
    int times[5] = {0}, missing;
    double number;

    if (c->data_format == FORMAT_LISTS && c->data_columns.n > 0)
        return error_set(err, PT_ECONFIG,
                         "data.columns: the format lists has no columns; leave one of the two out");
    if (!config_skip_share(c, &number))
        return error_set(err, PT_ECONFIG,
                         "data.bad_lines: %s is none of error, skip, skip:SHARE (such as skip:0.5)",
                         show(c->data_bad_lines).text);
    if (!config_missing(c, &missing, &number))
        return error_set(err, PT_ECONFIG, "data.missing: %s is none of keep, skip, error, and no number",
                         show(c->data_missing).text);
    if ((*c->data_valid_path || *c->data_test_path) && c->split_kind != SPLIT_GIVEN)
        return error_set(err, PT_ECONFIG,
                         "data.%s_path: parts in files of their own are taken with split.kind=given",
                         *c->data_test_path ? "test" : "valid");
    if (c->data_format == FORMAT_MATRIX || (c->data_columns.n && strchr(c->data_columns.value[0], '=')))
        return 0; /* the names are looked for in the text */
    for (int i = 0; i < c->data_columns.n; i++) {
        const char *word = c->data_columns.value[i];
        int k = 0;

        while (k < 5 && strcmp(word, known[k]) != 0)
            k++;
        if (k == 5)
            return error_set(err, PT_ECONFIG, "data.columns: %s is none of user, item, rating, time, skip",
                             show(word).text);
        if (k < 4 && ++times[k] > 1)
            return error_set(err, PT_ECONFIG, "data.columns: %s stands twice; name the other column skip",
                             known[k]);
    }
    if (c->data_columns.n > 0 && (!times[0] || !times[1]))
        return error_set(err, PT_ECONFIG, "data.columns: no %s; name the column that holds it",
                         known[times[0] ? 1 : 0]);
    return 0;
}

static int check_share(const char *key, double value, struct error *err)
{
    if (value >= 1 && value != floor(value))
        return error_set(err, PT_ECONFIG, "%s: %g is neither a share (below 1) nor a count (a whole number)",
                         key, value);
    return 0;
}

static int check_split_model(const struct config *c, bool trains, struct error *err)
{
    const char *split = config_enum_name("split.kind", c->split_kind);

    if (trains && is_mf(c) && holds_out_rows(c))
        return error_set(
            err, PT_ECONFIG,
            "split.kind: %s holds examples out whole, and mf knows nothing of those; set it to random",
            split);
    if (c->split_kind == SPLIT_USERS && c->model_side == SIDE_ITEM && is_autorec(c))
        return error_set(err, PT_ECONFIG,
                         "split.kind: users holds users out, but the examples of model.side item are "
                         "items; set it to rows or random, or model.side to user");
    if (holds_out_rows(c) && c->split_fold_in == 0)
        return error_set(
            err, PT_ECONFIG,
            "split.fold_in: with 0 the model sees nothing of held-out %s; set it above 0, such as 0.8",
            split);
    if (holds_out_rows(c) && is_clicks(c) && c->split_fold_in == 1 && c->eval_seen == 0)
        return error_set(err, PT_ECONFIG,
                         "split.fold_in: with 1 every held-out item has been seen and eval.seen removes "
                         "it; set it below 1, such as 0.8");
    return 0;
}

static int check_split(const struct config *c, bool trains, struct error *err)
{
    int rc = 0;

    if (split_has_share(c))
        rc = check_share("split.test", c->split_test, err);
    if (rc == 0 && holds_out_cells(c))
        rc = check_share("split.valid", c->split_valid, err);
    if (rc == 0 && holds_out_rows(c))
        rc = check_share("split.test_users", c->split_test_users, err);
    if (rc == 0 && holds_out_rows(c))
        rc = check_share("split.valid_users", c->split_valid_users, err);
    if (rc < 0)
        return rc;
    if (holds_out_rows(c) && c->split_test_users < 1 && c->split_valid_users < 1 &&
        c->split_test_users + c->split_valid_users >= 1)
        return error_set(err, PT_ECONFIG,
                         "split.test_users: with split.valid_users %g, a share of %g leaves nobody to "
                         "train on; lower one of them",
                         c->split_valid_users, c->split_test_users);
    if (split_has_folds(c) && c->split_fold >= c->split_folds)
        return error_set(err, PT_ECONFIG, "split.fold: there are %d folds, counted from 0; set it below that",
                         (int)c->split_folds);
    return check_split_model(c, trains, err);
}

/* Files that come split may hold a validation part of their own: then the run finds out. */
static bool surely_no_validation(const struct config *c)
{
    return holds_out_rows(c) ? c->split_valid_users == 0
                             : c->split_kind != SPLIT_GIVEN && c->split_valid == 0;
}

static int check_train(const struct config *c, struct error *err)
{
    const char *part = holds_out_rows(c) ? "split.valid_users" : "split.valid";

    if (!is_multi(c) && c->microbatch > 0)
        return error_set(err, PT_ECONFIG,
                         "train.microbatch: only multivae and multidae hold a block of logits that it "
                         "could cut; leave it out, or 0");
    if (has_companion(c) && c->ease_weight < 0 && surely_no_validation(c))
        return error_set(err, PT_ECONFIG,
                         "model.ease_weight: there is no validation part to choose it by; set %s above 0, or "
                         "model.ease_weight to a number, such as 8",
                         part);
    if (takes_steps(c) && c->patience > 0 && surely_no_validation(c))
        return error_set(
            err, PT_ECONFIG,
            "train.patience: there is no validation part to judge by; set %s above 0, such as 0.1", part);
    if (c->refit && surely_no_validation(c))
        return error_set(err, PT_ECONFIG,
                         "train.refit: there is no validation part to choose by; set %s above 0, or "
                         "train.refit to false",
                         part);
    if (lr_decays(c) && c->lr_decay == 1)
        return error_set(err, PT_ECONFIG,
                         "train.lr_decay: with 1 the schedule %s changes nothing; set it below 1, or "
                         "train.schedule to constant",
                         config_enum_name("train.schedule", c->schedule));
    if (is_one_cycle(c) && c->momentum_low > c->momentum_high)
        return error_set(err, PT_ECONFIG,
                         "train.momentum_low: %g is above train.momentum_high, %g; swap them",
                         c->momentum_low, c->momentum_high);
    if (takes_steps(c) && c->lr * c->weight_decay >= 1)
        return error_set(err, PT_ECONFIG,
                         "train.weight_decay: train.lr times it is %g, and from 1 on a step wipes the "
                         "weights out; lower it",
                         c->lr * c->weight_decay);
    return 0;
}

static int check(struct config *c, bool trains, struct error *err)
{
    int rc = set_model_defaults(c, err);

    if (rc == 0)
        rc = check_model(c, err);
    if (rc == 0)
        rc = check_data(c, err);
    if (rc == 0)
        rc = check_split(c, trains, err);
    if (rc == 0 && trains)
        rc = check_train(c, err);
    return rc;
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
    if (*c->data_path)
        return 0;
    return error_set(
        err, PT_ECONFIG,
        "data.path: not given; name a file, a folder or an archive of ratings, or synth:ml-100k");
}
