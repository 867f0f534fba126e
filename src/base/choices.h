/* choices.h - options whose value is one word of several. Each list makes the enumeration and, in
 * config/options.def, the words. Files hold words, never numbers. */
#pragma once

#define CHOICE_ID(id, word)   id,
#define CHOICE_WORD(id, word) word "\0"

#define MODEL_KIND_CHOICES(X)                                                                                \
    X(MODEL_AUTOREC, "autorec")                                                                              \
    X(MODEL_MULTIVAE, "multivae")                                                                            \
    X(MODEL_MULTIDAE, "multidae")                                                                            \
    X(MODEL_MF, "mf")                                                                                        \
    X(MODEL_EASE, "ease") X(MODEL_IALS, "ials") X(MODEL_RECVAE, "recvae")
enum model_kind { MODEL_KIND_CHOICES(CHOICE_ID) MODEL_KINDS };

/* What an example is. */
#define SIDE_CHOICES(X) X(SIDE_ITEM, "item") X(SIDE_USER, "user")
enum { SIDE_CHOICES(CHOICE_ID) };

#define OUTPUT_CHOICES(X)                                                                                    \
    X(ACT_IDENTITY, "identity")                                                                              \
    X(ACT_SIGMOID, "sigmoid")                                                                                \
    X(ACT_TANH, "tanh")                                                                                      \
    X(ACT_RELU, "relu")                                                                                      \
    X(ACT_ELU, "elu")                                                                                        \
    X(ACT_SELU, "selu")
/* Of hidden layers. swish: x sigmoid(x); gelu: x times the normal distribution function of x. */
#define ACTIVATION_CHOICES(X) OUTPUT_CHOICES(X) X(ACT_SWISH, "swish") X(ACT_GELU, "gelu")
enum activation { ACTIVATION_CHOICES(CHOICE_ID) };

/* Layers from the latent units to the outputs: the encoder's mirrored, or none. */
#define DECODER_CHOICES(X) X(DECODER_MIRROR, "mirror") X(DECODER_LINEAR, "linear")
enum decoder { DECODER_CHOICES(CHOICE_ID) };

/* The weight of a chosen pair by its value (ials). */
#define CONFIDENCE_CHOICES(X)                                                                                \
    X(CONFIDENCE_NONE, "none") X(CONFIDENCE_LINEAR, "linear") X(CONFIDENCE_LOG, "log")
enum confidence { CONFIDENCE_CHOICES(CHOICE_ID) };

/* How squared errors become one number; e = output - rating over the batch's observed cells.
 *
 *   sum            1/2 sum e^2                                             (Sedhain et al. 2015)
 *   example_mean   1/(2B) sum e^2
 *   row_mean       mean over examples with cells of (sum e^2 / cells of the example)
 *   cell_mean      sum e^2 / cells
 *   column_mean    mean over examples of 1/2 (sum e^2 / all columns)       (d2l)
 *   root           sqrt(sum e^2) */
#define RATING_LOSS_CHOICES(X)                                                                               \
    X(LOSS_SUM, "sum")                                                                                       \
    X(LOSS_EXAMPLE_MEAN, "example_mean")                                                                     \
    X(LOSS_ROW_MEAN, "row_mean")                                                                             \
    X(LOSS_CELL_MEAN, "cell_mean")                                                                           \
    X(LOSS_COLUMN_MEAN, "column_mean")                                                                       \
    X(LOSS_ROOT, "root")
enum rating_loss { RATING_LOSS_CHOICES(CHOICE_ID) };

#define INIT_CHOICES(X)                                                                                      \
    X(INIT_GLOROT, "glorot") X(INIT_NORMAL, "normal") X(INIT_FASTAI, "fastai") X(INIT_TORCH, "torch")
enum init_kind { INIT_CHOICES(CHOICE_ID) };

/* How ratings stand in a text (docs/formats.md). */
#define TEXT_LAYOUT_CHOICES(X)                                                                               \
    X(FORMAT_AUTO, "auto")                                                                                   \
    X(FORMAT_DELIMITED, "delimited")                                                                         \
    X(FORMAT_LISTS, "lists")                                                                                 \
    X(FORMAT_COUNTED_LISTS, "counted_lists")                                                                 \
    X(FORMAT_ITEM_VALUES, "item_values")                                                                     \
    X(FORMAT_CELL_LISTS, "cell_lists")                                                                       \
    X(FORMAT_MATRIX_MARKET, "matrix_market")                                                                 \
    X(FORMAT_NETFLIX, "netflix")                                                                             \
    X(FORMAT_JSON, "json")                                                                                   \
    X(FORMAT_MATRIX, "matrix")
enum text_layout { TEXT_LAYOUT_CHOICES(CHOICE_ID) };

#define TEXT_HEADER_CHOICES(X) X(HEADER_AUTO, "auto") X(HEADER_YES, "yes") X(HEADER_NO, "no")
enum text_header { TEXT_HEADER_CHOICES(CHOICE_ID) };

/* What the time of a rating is. */
#define DATA_TIME_CHOICES(X) X(TIME_COLUMN, "column") X(TIME_LINES, "lines")
enum data_time { DATA_TIME_CHOICES(CHOICE_ID) };

#define DUPLICATES_CHOICES(X)                                                                                \
    X(DUPLICATES_LAST, "last")                                                                               \
    X(DUPLICATES_FIRST, "first")                                                                             \
    X(DUPLICATES_MEAN, "mean")                                                                               \
    X(DUPLICATES_ERROR, "error")                                                                             \
    X(DUPLICATES_SUM, "sum")                                                                                 \
    X(DUPLICATES_COUNT, "count")
enum duplicates { DUPLICATES_CHOICES(CHOICE_ID) };

#define ITEM_KEY_CHOICES(X) X(ITEM_KEY_ID, "id") X(ITEM_KEY_TITLE, "title")
enum item_key { ITEM_KEY_CHOICES(CHOICE_ID) };

#define SPLIT_CHOICES(X)                                                                                     \
    X(SPLIT_RANDOM, "random")                                                                                \
    X(SPLIT_GIVEN, "given")                                                                                  \
    X(SPLIT_USERS, "users")                                                                                  \
    X(SPLIT_ROWS, "rows")                                                                                    \
    X(SPLIT_PER_USER, "per_user")                                                                            \
    X(SPLIT_TIME, "time")                                                                                    \
    X(SPLIT_LAST, "last")                                                                                    \
    X(SPLIT_KFOLD, "kfold")
enum split_kind { SPLIT_CHOICES(CHOICE_ID) };

/* An incomplete last minibatch of an epoch. */
#define LAST_BATCH_CHOICES(X) X(LAST_KEEP, "keep") X(LAST_DROP, "drop") X(LAST_ROLLOVER, "rollover")
enum last_batch { LAST_BATCH_CHOICES(CHOICE_ID) };

/* adam: minibatches; sgd: matrix factorisation rating by rating, in blocks. */
#define OPTIMIZER_CHOICES(X) X(OPTIMIZER_ADAM, "adam") X(OPTIMIZER_SGD, "sgd")
enum optimizer { OPTIMIZER_CHOICES(CHOICE_ID) };

/* Operands of dense products in training. */
#define PRECISION_CHOICES(X) X(PRECISION_FLOAT32, "float32") X(PRECISION_BF16, "bf16")
enum precision { PRECISION_CHOICES(CHOICE_ID) };

#define SCHEDULE_CHOICES(X)                                                                                  \
    X(SCHEDULE_CONSTANT, "constant")                                                                         \
    X(SCHEDULE_STEP, "step")                                                                                 \
    X(SCHEDULE_EXPONENTIAL, "exponential")                                                                   \
    X(SCHEDULE_COSINE, "cosine")                                                                             \
    X(SCHEDULE_ONE_CYCLE, "one_cycle")
enum schedule { SCHEDULE_CHOICES(CHOICE_ID) };

/* What is predicted where user or item has no training rating. */
#define UNTRAINED_CHOICES(X)                                                                                 \
    X(UNTRAINED_REPLACE, "replace") X(UNTRAINED_SCORE, "score") X(UNTRAINED_BIAS, "bias")
enum untrained { UNTRAINED_CHOICES(CHOICE_ID) };

#define BIND_CHOICES(X)                                                                                      \
    X(BIND_AUTO, "auto") X(BIND_COMPACT, "compact") X(BIND_SCATTER, "scatter") X(BIND_NONE, "none")
enum topo_bind { BIND_CHOICES(CHOICE_ID) };
