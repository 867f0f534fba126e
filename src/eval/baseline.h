/* baseline.h - the baselines that a model should beat, from the same training ratings.
 *
 *   popular   ranks items by their training ratings
 *   mean      predicts the training mean
 *   bias      two shrunken means (data/biases.h): mean + b_u + b_i; ranks by the same
 *   itemknn   ranks by cosine: an item's score is the sum of its similarity to the items of the history
 *             among its k nearest; k by validation
 *   ease      ranks by EASE (model/item_weights.h), its penalty by validation
 *
 * An evaluation uses a baseline in place of a model. Definitions: docs/metrics.md. */
#pragma once

#include "eval/eval.h"
#include "model/item_weights.h"

enum baseline_kind {
    BASELINE_POPULAR,
    BASELINE_MEAN,
    BASELINE_BIAS,
    BASELINE_ITEMKNN,
    BASELINE_EASE,
    BASELINES
};

struct baseline;

/* The words of --against: "popular" and so on; -1: none of them. */
int baseline_find(const char *name);
const char *baseline_name(enum baseline_kind kind);
/* PT_EUSAGE: a word that is neither of them nor a run's folder, with the nearest. */
int baseline_unknown(const char *word, struct error *err);

/* A baseline on a problem, with the engine of a model of it; both borrowed. Its settings are chosen on the
 * validation part, where there is one, unless `setting` is given (else NAN). PT_EUSAGE if a metric of `spec`
 * does not fit it, or it does not fit the problem; PT_ENOMEM. */
int baseline_new(struct baseline **out, enum baseline_kind kind, const struct eval_spec *spec,
                 const struct problem *p, const struct engine *eng, double setting, struct error *err);
bool baseline_has_setting(enum baseline_kind kind); /* itemknn: neighbours; ease: the penalty */
double baseline_setting(const struct baseline *b);  /* NAN: none */
struct model *baseline_model(struct baseline *b);   /* not for model_free */
/* The chosen settings as a phrase: "50 neighbours"; "": none. */
const char *baseline_choice(const struct baseline *b);
void baseline_free(struct baseline *b);
SCOPED(baseline_free, struct baseline)

/* Figures of popular, mean and bias on a part, for the metrics of a spec; NAN: does not fit, or unknown. */
struct baseline_figures {
    bool any;
    double value[BASELINES][METRICS_MOST]; /* of popular, mean and bias */
};
/* Entered by all ranks. PT_ENOMEM. */
int baselines_evaluate(struct baseline_figures *out, const struct eval_spec *spec,
                       const struct eval_part *part, const struct problem *p, const struct engine *eng,
                       struct error *err);
/* " (mean 1.117, two means 0.9086)" for metric i; "": no figure. */
void baselines_text(char *text, size_t size, const struct baseline_figures *f, int i);
/* Whether a baseline is better than the model; `text` says which one and what to try. False if few ratings
 * are held out. `part`, for the text: "test". */
bool baselines_note(char *text, size_t size, const struct config *c, const struct baseline_figures *f,
                    const char *part, const struct eval_spec *spec, const struct eval_result *r);

/* RMSE of predicting the training mean for each of the held-out ratings `out`. Entered by all ranks.
 * PT_ENOMEM. */
int eval_mean_rmse(double *rmse, const struct problem *p, const struct matrix *out, struct error *err);
/* Whether a model is no better than the training mean (mean_rmse; NAN: unknown); `text` says what to try.
 * False if few ratings are held out, or all have one value. `part`, for the text: "test". */
bool eval_mean_note(char *text, size_t size, const struct config *c, const char *part,
                    const struct eval_spec *spec, const struct eval_result *r, double mean_rmse);

/* ---- for baseline.c and baseline_items.c ---- */

struct baseline_ops {
    const char *name, *told; /* told: in a line of figures */
    bool ranks, rates;
    const struct model_ops *model; /* NULL: a model of its own, made by init */
    /* Computes what infer and score need, but for the setting; NULL: nothing. */
    int (*init)(struct baseline *b, const struct eval_spec *spec, struct error *err);
    void (*fini)(struct baseline *b);
    /* A baseline with a setting; set NULL: it has none. */
    void (*set)(struct baseline *b, double setting);
    double choices[5], plain;   /* 0: no more of them; the one without a validation part */
    const char *before, *after; /* the setting, in `choice` */
};

struct baseline {
    struct model model; /* first */
    const struct baseline_ops *ops;
    const struct problem *problem;
    const struct input *in;        /* the current block */
    struct neighbours *neighbours; /* itemknn, owned */
    struct model *ease;            /* ease, owned */
    struct item_counts counts;     /* likewise, for several penalties */
    double setting;                /* NAN: not chosen yet, or none */
    char choice[96];
};

extern const struct baseline_ops baseline_itemknn, baseline_ease;
/* Whether the setting is to be chosen on the validation part. */
bool baseline_chooses(const struct baseline *b);
/* Sets the current block; ends with a barrier, as infer must. */
void baseline_infer(struct worker *w, struct model *m, const struct input *in);
