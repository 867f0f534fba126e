/* problem.h - data, team and kernels of a run, made from the configuration:
 *
 *   ratings -> split -> shards of the columns -> example matrices (train, validation, test)
 *                                             -> team of workers, kernels
 *
 * Serial; a problem owns its parts. The rating triplets are freed as soon as the matrices are made, before
 * the model needs memory. A run of one process that will refit keeps them; ranks read them again. */
#pragma once

#include "batch/matrix.h"
#include "config/config.h"
#include "data/biases.h"
#include "data/ratings.h"
#include "data/split.h"
#include "math/adam.h"
#include "math/kernels.h"
#include "model/registry.h"
#include "par/team.h"

/* Ratings of the validation or test part: the input, the held-out ones, and others that must not be
 * recommended. */
struct eval_part {
    struct matrix *in;   /* borrowed (the train matrix) or owned */
    struct matrix *out;  /* owned; NULL: no such part */
    struct matrix *seen; /* owned: not recommended, besides the input; NULL: none */
    bool owns_in;
};

struct problem {
    struct topo *topo;
    struct team *team;
    const struct kernels *kern;
    struct ratings *ratings; /* ids, titles, counts; the triplets only if `kept` */
    struct split *split;
    bool kept; /* the triplets stay in memory */
    int side;
    int64_t examples, columns;
    int shards;
    struct shard *cut;
    struct matrix *train;
    struct eval_part valid, test;
    struct cells cells;          /* mf */
    struct item_counts *counts;  /* of struct model_spec; borrowed; NULL: none */
    float shift;                 /* model.center: subtracted from every value */
    float low, high;             /* range of the training ratings */
    double mean;                 /* of the training ratings */
    struct biases bias;          /* shrunken means; column NULL: clicks, or a model without them */
    int64_t users, items, count; /* of the data set after filtering */
    int64_t unused;              /* ratings that are held out, of items that no training rating has */
    bool refitted;               /* the validation part has been moved into training */
    uint8_t *cold_column;        /* (columns) owned: 1: no training rating; NULL: by the train matrix */
    uint8_t *cold_example;       /* (examples) owned, mf only: the same of users; NULL: by the input */
    double load_s;
};

/* Facts about the training ratings, stored in a model's file (store/model_file.h). */
struct run_facts {
    double low, high, shift, mean;
    bool refit; /* trained on the validation part too */
};

/* These facts, the rows without a training rating, and biases. */
struct problem_known {
    struct run_facts facts;
    uint8_t *cold_column, *cold_example; /* the problem takes ownership; may be NULL */
    struct biases bias;                  /* likewise; column NULL: its file has none */
    struct split *split;                 /* likewise, of the ratings; NULL: by the configuration */
    int64_t examples;                    /* in bias.example */
};

/* Number of workers of a run: run.threads, or as many as the machine allows; 1 if its topology is
 * unknown. Call it before a team binds the calling thread. */
int problem_workers(const struct config *c);

int problem_new(struct problem **out, const struct config *c, struct error *err);
/* The same from ratings in memory (ownership passes, on failure too); `known`: of a trained model, or NULL;
 * `keep`: the triplets stay. */
int problem_of_ratings(struct problem **out, const struct config *c, struct ratings *ratings,
                       struct problem_known *known, bool keep, struct error *err);
/* As problem_new; keeps the triplets, which problem_set_threads needs. */
int problem_new_kept(struct problem **out, const struct config *c, struct error *err);
/* The same data for another run.threads: a new team, and new matrices. Models and evaluators of the problem
 * must have been freed. */
int problem_set_threads(struct problem *p, const struct config *c, struct error *err);
/* The same data with the validation part moved into training (train.refit). */
int problem_refit(struct problem *p, const struct config *c, struct error *err);
void problem_free(struct problem *p);
SCOPED(problem_free, struct problem)

/* ---- problem_biases.c ---- */

/* Sets p->bias, unless it is set: from `known`, or from the training ratings. Needs ratings and split. */
int problem_biases(struct problem *p, const struct config *c, struct problem_known *known, struct error *err);

/* Whether a column, or an example with its input in `in`, has no rating to learn or predict from. */
static inline bool problem_column_is_cold(const struct problem *p, int64_t column)
{
    return p->cold_column ? p->cold_column[column] : p->train->column_count[column] == 0;
}

static inline bool problem_example_is_cold(const struct problem *p, const struct matrix *in, int64_t example)
{
    return p->cold_example ? p->cold_example[example] : in->row_count[example] == 0;
}

/* ---- problem_spec.c: arguments of lower rooms, from the configuration ---- */

/* `workers`: of the team that reads a large file: problem_workers, or 1 if a team exists already. */
struct ratings_spec problem_ratings_spec(const struct config *c, int workers);
struct split_spec problem_split_spec(const struct config *c);
int problem_model_spec(struct model_spec *out, const struct config *c, const struct problem *p,
                       struct error *err);
/* The same for a loaded model that is not trained: no moments, no memory for steps. */
int problem_fixed_spec(struct model_spec *out, const struct config *c, const struct problem *p,
                       struct error *err);
struct adam_spec problem_adam_spec(const struct config *c);
const struct model_traits *problem_traits(const struct config *c); /* of model.kind */
int problem_side(const struct config *c);
bool problem_is_binary(const struct config *c);    /* targets are ones: its trait `clicks` */
bool problem_drops_values(const struct config *c); /* so are the entries of the example matrix */
bool problem_is_sgd(const struct config *c);       /* mf by blocks of ratings: a step is a round of them */
/* The prediction if the model has none: eval.cold, or the mean of the training ratings. */
double problem_cold_value(const struct config *c, double mean);
