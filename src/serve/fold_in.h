/* fold_in.h - rows of matrix factorisation for users outside training, from their ratings.
 *
 * The items' factors q and biases b stay as trained. A user's row x = (factors, bias) minimises
 *
 *     sum over the ratings  (r_i - out(x . (q_i, 1) + b_i))^2
 *     + sigma^2 sum over k  (x_k - mean_k)^2 / var_k
 *
 * This is ridge least squares towards the mean of the trained users' rows, with their variance var_k in each
 * unit, and sigma, the error of a rating, a sixth of the range of the training ratings.
 * Without an output range that is one system of equations, solved by Cholesky's decomposition; with one
 * (model.range_low, range_high) out is a sigmoid, and Gauss-Newton steps solve one after the other. */
#pragma once

#include "serve/histories.h"
#include "setup/problem.h"

struct fold_in;

/* mf, loaded, and its problem: both borrowed. `batch`: users at once in fold_in_rows. PT_ENOMEM. */
int fold_in_new(struct fold_in **out, const struct model *model, const struct problem *problem, int64_t batch,
                struct error *err);
void fold_in_free(struct fold_in *f);
SCOPED(fold_in_free, struct fold_in)

/* Whether user `at` is folded in: it has no row, but an input rating of a trained item. */
static inline bool fold_in_takes(const uint8_t *untrained, const struct histories *p, int64_t at)
{
    if (p->row[at] >= 0)
        return false;
    for (int64_t i = p->ptr[at]; i < p->ptr[at + 1]; i++)
        if (p->kind[i] == HISTORY_INPUT && !(untrained && untrained[p->column[i]]))
            return true;
    return false;
}

/* Rows of the users in [begin, begin + rows) who have none; rows <= batch. Without input it is the mean of
 * the trained users' rows. Entered by every worker; one worker folds in a user, so bits do not depend on
 * their number. After the next barrier fold_in_codes returns the rows: (rows, latent + 1), the bias last. */
void fold_in_rows(struct worker *w, struct fold_in *f, const struct histories *p, int64_t begin,
                  int64_t rows);
/* The same of all users, at most `batch`. Serial. */
void fold_in_all(struct fold_in *f, const struct histories *p);
const float *fold_in_codes(const struct fold_in *f);
