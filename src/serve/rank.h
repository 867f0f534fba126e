/* rank.h - recommendations and predictions of an opened model, in blocks of bounded size.
 *
 * Blocks of people go through the model as in evaluation (eval.h): codes by the tree over shards, scores by
 * shard, and each worker keeps the best of its own shards' columns, merged afterwards. There is no people x
 * items array; results are the same at any thread count. */
#ifndef SERVE_RANK_H
#define SERVE_RANK_H

#include "eval/topk.h"
#include "serve/histories.h"

struct rank_spec {
    int k;                 /* at least 1 */
    bool keep_seen;        /* recommend what is known too */
    const uint8_t *hidden; /* 1: never recommended; (columns), for rank_users (examples); or NULL */
};

struct ranker;
/* Borrows the model and spec->hidden. */
int ranker_new(struct ranker **out, struct trained *u, const struct rank_spec *spec, struct error *err);
void ranker_free(struct ranker *r);

/* The best columns of each person, best first, from best + p * k on, count[p] of them (fewer where fewer may
 * be recommended; none for a person without a row and ratings in mf). score: as the model puts it out, plus
 * use->shift.
 */
int ranker_run(struct ranker *r, const struct histories *p, struct scored *best, int *count,
               struct error *err);

/* Outputs for chosen columns: want->column of person p's entries; output (want->entries) in their order. NAN
 * where nothing can be predicted: a column without training ratings, a person without input or row. */
int ranker_predict(struct ranker *r, const struct histories *p, const struct histories *want, float *output,
                   struct error *err);

/* For models whose columns are users (item-based AutoRec): the best items of `n` users, columns of the model,
 * in one pass over all items of `h`. As ranker_run; the numbers are examples of `h`. Memory grows with n k.
 */
int rank_users(struct trained *u, const struct history_source *h, const struct rank_spec *spec,
               const int32_t *user, int64_t n, struct scored *best, int *count, struct error *err);

#endif
