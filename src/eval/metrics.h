/* metrics.h - definitions of the metrics. Pure functions; callable from any thread.
 *
 * A ranking metric compares one user's list of recommended columns, best first, with the columns held out
 * of that user's history. Definitions, and which published numbers use which: docs/metrics.md. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum metric_kind {
    METRIC_RMSE,
    METRIC_MAE,
    METRIC_MSE,
    METRIC_LOSS,       /* the model's own validation loss */
    METRIC_NDCG,       /* Liang et al. 2018: binary, log2, ideal over min(k, held-out) */
    METRIC_RECALL,     /* hits / min(k, held-out), Liang et al. */
    METRIC_RECALL_ALL, /* hits / held-out ("recall_all@k") */
    METRIC_PRECISION,  /* hits / k */
    METRIC_MAP,        /* average precision / held-out items (microsoft/recommenders, older) */
    METRIC_MAP_MIN,    /* average precision / min(k, held-out) ("map_min@k") */
    METRIC_MRR,        /* 1 / rank of the first hit */
    METRIC_HIT,        /* 1 if any hit ("hit@k") */
    METRIC_COVERAGE,   /* share of items recommended to at least one user ("coverage@k") */
};

struct metric {
    enum metric_kind kind;
    int k;         /* cut-off; 0 where the kind has none */
    char name[32]; /* canonical: "ndcg@100" */
};

#define METRIC_MAX_K 1000000

/* "ndcg@100", "recall@20", "rmse", ...: capitals and leading zeros are accepted and made canonical.
 * Ranking metrics need a cut-off of 1 to METRIC_MAX_K, the others have none. PT_ECONFIG with the list
 * of known names and the nearest one. */
int metric_parse(struct metric *out, const char *text, struct error *err);
bool metric_is_ranking(const struct metric *m);
bool metric_smaller_is_better(const struct metric *m);
/* The figure from its mean: rmse is the root of the mean of squares, others are the mean. */
double metric_from_mean(const struct metric *m, double mean);

/* One user's figure of a ranking metric other than coverage, in [0, 1]. `hit[i]` says whether rank
 * i+1 is a held-out item, for i < ranked; `held_out` > 0 counts the user's held-out items. The list
 * may be longer than k (the rest is ignored, so one list serves every cut-off) or shorter (fewer columns
 * could be recommended). Users without held-out items are left out of means.
 * NaN for a metric that no single user has (coverage, rmse, ...). */
double metric_of_user(const struct metric *m, const bool *hit, int ranked, int64_t held_out);
