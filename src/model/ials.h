/* ials.h - shared by the files of ials: who chose what, and with which weight. ials.c: equations and
 * training; ials_rows.c: a row's system; ials_score.c: users as they are scored; ials_lists.c: the lists. */
#pragma once

#include "base/mem.h"
#include "model/model.h"

#include <stdatomic.h>

enum {
    PIECE = 128, /* rows that are added at once */
    PASSED = 64  /* users that go from rank to rank together */
};

/* For each row of a side those of the other side that it goes with, ascending: entries [start[i], start[i +
 * 1]). */
struct lists {
    int64_t *start; /* (rows + 1) */
    int32_t *other; /* (entries) */
    float *root;    /* (entries) root of the pair's weight; NULL: every weight is 1 */
    double *weight; /* (rows) sum of a row's weights */
};

struct ials_scratch {
    /* Of normal_add and normal_solve; packed (PIECE, ld), right (ld). */
    float *system, *room, *packed, *right;
    const float *row[PIECE];
    float root[PIECE];
    bool weights; /* some root is not 1 */
    int n;        /* rows gathered */
    bool begun;   /* the system holds more than it will begin with */
};

struct ials {
    struct model model; /* first: a model is an ials */
    struct table item;
    struct mem_pool pool;
    float *code;                  /* (eval rows, ld): factors of the inferred users */
    float *gram, *part;           /* a G; (shards) G of each; normal_floats each */
    struct ials_scratch *scratch; /* (workers) */
    float *passed;                /* several ranks: systems and right hand sides of PASSED users */
    /* In training only. */
    float *user;           /* (users, ld) */
    float *all;            /* (items, ld), with several ranks */
    const float **item_at; /* (items): the row of each */
    double *loss;          /* (users): what a user's row leaves of the sum above */
    struct lists by_user, by_item;
    _Atomic int64_t user_taken, item_taken;
};

static inline struct ials *ials_of(struct model *m)
{
    return (struct ials *)m;
}

/* A row's system: begin, add what it goes with, solve into x (ld), padding zero. Returns right . x.
 * add_gathered: the system and its right hand side are complete. */
void ials_begin_row(const struct ials *a, struct ials_scratch *s);
void ials_add_row(const struct ials *a, struct ials_scratch *s, const float *q, float root);
void ials_add_gathered(const struct ials *a, struct ials_scratch *s);
double ials_solve_row(const struct ials *a, struct ials_scratch *s, double weight, int64_t others, float *x);

/* Sum of row row^T of n rows. */
void ials_sum_rows(const struct ials *a, struct ials_scratch *s, const float *rows, int64_t n, float *gram);
/* Entered by every worker: a G from the parts of own shards; and the same of the items. Barriers before and
 * after. */
void ials_sum_gram(struct worker *w, struct ials *a);
void ials_item_gram(struct worker *w, struct ials *a);

/* Floats of a user on the way through the ranks. */
int64_t ials_passed_floats(const struct ials *a);
/* Scoring (model.h). */
void ials_infer(struct worker *w, struct model *m, const struct input *in);
void ials_score(struct worker *w, struct model *m, int shard, int64_t rows, float *out, int64_t ld);
bool ials_product(struct model *m, int shard, struct score_product *out);

/* The weight of a chosen pair. */
double ials_weight(const struct model_spec *s, float value);

/* Both sides' lists; memory from the pool. A rank gets those of users [first, end) and of the items of its
 * own shards, and the others are empty. PT_ENOMEM; PT_EDATA: a value that gives no weight. Entered by all
 * ranks. */
int ials_lists_init(struct lists *user, struct lists *item, const struct model *m, int64_t first, int64_t end,
                    struct mem_pool *pool, struct error *err);
