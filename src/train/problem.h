/* problem.h - everything that a run stands on, made from the configuration in one place:
 *
 *   ratings -> split -> shards of the columns -> example matrices (train, validation, test)
 *                                             -> team of workers, kernels
 *
 * Serial; owns what it makes. The rating triplets are given back as soon as the matrices stand (unless the
 * run will refit), so that they are not there beside the model. */
#ifndef TRAIN_PROBLEM_H
#define TRAIN_PROBLEM_H

#include "config/config.h"
#include "data/matrix.h"
#include "data/ratings.h"
#include "data/split.h"
#include "math/adam.h"
#include "math/kernels.h"
#include "model/model.h"
#include "par/team.h"

/* What a part (validation, test) is judged by: what goes in, what should come out, what is not to be
 * recommended besides the input. */
struct judged {
    struct matrix *in;   /* borrowed (the train matrix) or owned */
    struct matrix *out;  /* owned; NULL: there is no such part */
    struct matrix *seen; /* owned, or NULL: nothing besides the input */
    bool owns_in;
};

struct problem {
    struct topo *topo;
    struct team *team;
    const struct kernels *kern;
    struct ratings *ratings; /* ids, titles, counts; the triplets only where they are kept */
    struct split *split;
    bool kept; /* the triplets are still there */
    int side;
    int64_t examples, columns;
    int shards;
    struct shard *cut;
    struct matrix *train;
    struct judged valid, test;
    struct cells cells;          /* mf */
    float shift;                 /* model.center: subtracted from every value */
    float low, high;             /* range of the training ratings */
    double mean;                 /* of the training ratings */
    int64_t users, items, count; /* of the data set after filtering */
    double load_s;
};

int problem_new(struct problem **out, const struct config *c, struct error *err);
/* The same data with the validation part moved into training (train.refit). */
int problem_refit(struct problem *p, const struct config *c, struct error *err);
void problem_free(struct problem *p);

/* Plain arguments of lower layers, from the configuration. */
struct ratings_spec problem_ratings_spec(const struct config *c);
struct split_spec problem_split_spec(const struct config *c);
int problem_model_spec(struct model_spec *out, const struct config *c, const struct problem *p,
                       struct error *err);
struct adam_spec problem_adam_spec(const struct config *c);
bool problem_is_binary(const struct config *c); /* Multi-VAE, Mult-DAE */

#endif
