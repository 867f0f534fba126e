/* fold_in.h - matrix factorisation for people who have no row in its table of users, from their ratings.
 *
 * The items' factors q and biases b stay as they were trained. A person's row x = (factors, bias) is the one
 * that makes
 *
 *     sum over the ratings  (r_i - out(x . (q_i, 1) + b_i))^2
 *     + sigma^2 sum over k  (x_k - mean_k)^2 / var_k
 *
 * smallest: ridge least squares towards the mean of the trained users' rows, each unit held as tightly as
 * those rows lie together (var_k), with ratings off by sigma, a sixth of the range of the training ratings.
 * Without an output range that is one system of equations, solved by Cholesky's decomposition; with one
 * (model.range_low, range_high) out is a sigmoid, and Gauss-Newton steps solve one after the other. */
#ifndef SERVE_FOLD_IN_H
#define SERVE_FOLD_IN_H

#include "serve/histories.h"

struct fold_in;

/* What it stands on: borrowed. */
struct fold_in_spec {
    const struct model *model; /* mf, loaded */
    struct team *team;
    const struct shard *cut; /* (shards) of the items */
    int shards;
    const uint8_t *untrained;     /* (items) 1: without a training rating; NULL: there are none */
    const uint8_t *untrained_row; /* (users) likewise */
    float shift;
    double low, high; /* of the training ratings */
    int64_t batch;    /* persons at once in fold_in_rows */
};

int fold_in_new(struct fold_in **out, const struct fold_in_spec *spec, struct error *err); /* PT_ENOMEM */
void fold_in_free(struct fold_in *f);

/* Whether person `at` is folded in: has no row, but a rating of a trained item that is input. */
static inline bool fold_in_takes(const uint8_t *untrained, const struct histories *p, int64_t at)
{
    if (p->row[at] >= 0)
        return false;
    for (int64_t i = p->ptr[at]; i < p->ptr[at + 1]; i++)
        if (p->use[i] == HISTORY_INPUT && !(untrained && untrained[p->column[i]]))
            return true;
    return false;
}

/* Serial: the rows of all persons, (persons, latent + 1), the bias last; of who has nothing to go by, the
 * mean of the trained users' rows. */
void fold_in_all(struct fold_in *f, const struct histories *p, float *rows);

/* Rows of those of the persons [begin, begin + rows), rows <= spec.batch, who are folded in. Entered by every
 * worker; a person is folded in by one of them: same bits at any number. They can be read behind the next
 * barrier, with fold_in_codes: (rows, latent + 1), the bias last. */
void fold_in_rows(struct worker *w, struct fold_in *f, const struct histories *p, int64_t begin,
                  int64_t rows);
const float *fold_in_codes(const struct fold_in *f);

#endif
