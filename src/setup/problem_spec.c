/* problem_spec.c - turns the configuration into plain arguments for data/, model/ and math/. */
#include "setup/problem.h"

const struct model_traits *problem_traits(const struct config *c)
{
    return model_traits((enum model_kind)c->model_kind);
}

int problem_side(const struct config *c)
{
    return problem_traits(c)->sides ? c->model_side : SIDE_USER;
}

bool problem_is_binary(const struct config *c)
{
    return problem_traits(c)->clicks;
}

bool problem_drops_values(const struct config *c)
{
    return problem_is_binary(c) && c->confidence == CONFIDENCE_NONE;
}

bool problem_is_sgd(const struct config *c)
{
    return problem_traits(c)->by_rating && c->optimizer == OPTIMIZER_SGD;
}

double problem_cold_value(const struct config *c, double mean)
{
    return c->cold_value > -1e30 ? c->cold_value : mean; /* -1e30: unset */
}

struct ratings_spec problem_ratings_spec(const struct config *c, int workers)
{
    double share = 0, number = 0;
    int missing = MISSING_KEEP;

    (void)config_skip_share(c, &share);
    (void)config_missing(c, &missing, &number);
    return (struct ratings_spec){
        .path = c->data_path,
        .memory = c->memory,
        .valid_path = c->data_valid_path,
        .test_path = c->data_test_path,
        .format = (enum text_layout)c->data_format,
        .columns = c->data_columns.n,
        .column = (const char *const *)c->data_columns.value,
        .delimiter = c->data_delimiter,
        .header = (enum text_header)c->data_header,
        .skip_lines = c->data_skip_lines,
        .comment = c->data_comment,
        .where = c->data_where,
        .skip_bad = share,
        .missing = missing < 3 ? (enum missing)missing : MISSING_KEEP,
        .has_missing = missing == 3,
        .missing_value = number,
        .line_order = c->data_time == TIME_LINES,
        .duplicates = (enum duplicates)c->data_duplicates,
        .item_key = (enum item_key)c->data_item_key,
        .binarize = c->binarize,
        .min_rating = c->min_rating,
        .min_user_ratings = c->min_user_ratings,
        .min_item_ratings = c->min_item_ratings,
        .seed = (uint64_t)c->data_seed,
        .want_time = c->split_kind == SPLIT_TIME || c->split_kind == SPLIT_LAST,
        .prefer_given = c->split_kind == SPLIT_GIVEN,
        .workers = workers,
    };
}

struct split_spec problem_split_spec(const struct config *c)
{
    return (struct split_spec){
        .kind = (enum split_kind)c->split_kind,
        .seed = (uint64_t)c->split_seed,
        .test = c->split_test,
        .valid = c->split_valid,
        .test_users = c->split_test_users,
        .valid_users = c->split_valid_users,
        .fold_in = c->split_fold_in,
        .min_fold_in = c->split_min_fold_in,
        .folds = (int)c->split_folds,
        .fold = (int)c->split_fold,
        .time_cut = c->split_time_cut,
        .side = c->model_side,
    };
}

struct adam_spec problem_adam_spec(const struct config *c)
{
    return (struct adam_spec){
        .lr = c->lr,
        .beta1 = c->beta1,
        .beta2 = c->beta2,
        .eps = c->eps,
        .l2 = c->l2,
        .weight_decay = c->weight_decay,
        .decay_biases = c->decay_biases,
        .schedule = (enum schedule)c->schedule,
        .lr_decay = c->lr_decay,
        .lr_step = c->lr_step,
        .momentum_high = c->momentum_high,
        .momentum_low = c->momentum_low,
    };
}

int problem_model_spec(struct model_spec *out, const struct config *c, const struct problem *p,
                       struct error *err)
{
    int64_t examples = problem_traits(c)->by_rating ? p->cells.n : p->examples;

    *out = (struct model_spec){
        .kind = (enum model_kind)c->model_kind,
        .latent = (int)c->latent,
        .activation = (enum activation)c->activation,
        .output = (enum activation)c->output_activation,
        .loss = (enum rating_loss)c->loss,
        .input_dropout = c->input_dropout,
        .dropout = c->dropout,
        .normalize_input = c->normalize_input,
        .layer_norm = c->layer_norm && problem_is_binary(c),
        .noise_std = problem_traits(c)->in_turn ? 1.0 : c->noise_std,
        .decoder = (enum decoder)c->decoder,
        .kl_weight = problem_traits(c)->in_turn ? 0.0 : c->kl_weight,
        .kl_per_click = c->kl_per_click,
        .kl_anneal_steps = problem_traits(c)->in_turn ? 0 : c->kl_anneal_steps,
        .init = {.kind = (enum init_kind)c->init,
                 .std = c->init_std,
                 .bias_std = c->bias_std,
                 .seed = (uint64_t)c->train_seed},
        .biases = c->biases,
        .range_low = c->range_low - (double)p->shift,
        .range_high = c->range_high - (double)p->shift,
        .clip_norm = c->clip_norm,
        .l2 = c->l2,
        .items_most = c->items_most,
        .counts = p->counts,
        .companion = c->ease && problem_is_binary(c) && !problem_traits(c)->closed,
        .sgd = problem_is_sgd(c),
        .penalty = c->penalty,
        .unobserved_weight = c->unobserved_weight,
        .confidence = (enum confidence)c->confidence,
        .alpha = c->alpha,
        .penalty_bias = c->penalty_bias,
        .batch = c->batch < examples || c->last_batch != LAST_KEEP ? c->batch : examples,
        .eval_batch = c->eval_batch < p->examples ? c->eval_batch : p->examples,
        .microbatch = c->microbatch,
        .bf16 = c->precision == PRECISION_BF16,
        .seed = (uint64_t)c->train_seed,
    };
    if (c->hidden.n > (int)(sizeof out->hidden / sizeof *out->hidden))
        return error_set(err, PT_ECONFIG, "model.hidden: more than %d layers",
                         (int)(sizeof out->hidden / sizeof *out->hidden));
    out->hiddens = c->hidden.n;
    for (int i = 0; i < c->hidden.n; i++)
        out->hidden[i] = (int)c->hidden.value[i];
    return 0;
}

int problem_fixed_spec(struct model_spec *out, const struct config *c, const struct problem *p,
                       struct error *err)
{
    TRY(problem_model_spec(out, c, p, err));
    out->fixed = true;
    out->batch = 1;
    out->microbatch = 0;
    out->bf16 = false;
    out->dropout = out->input_dropout = out->clip_norm = 0.0;
    return 0;
}
