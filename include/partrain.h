/* partrain.h - the whole public interface of libpartrain: train recommender models, use them, export them.
 *
 * Every function that can fail returns 0 or a negative code of enum pt_code and fills *err (which may be
 * NULL) with one line: what, where, what to do. The library keeps no global state, prints nothing and never
 * exits.
 *
 * Threads. A training run and an opened model own worker threads, which belong to the thread that called:
 * it alone may use and free them, and it should have one of the two at a time. They set OpenMP, in that
 * thread, to one thread, and leave it so. While they live, denormal floats count as zero there.
 *
 * What is borrowed stays valid until the object it came from is freed. Every _free takes NULL.
 */
#ifndef PARTRAIN_H
#define PARTRAIN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PT_API __attribute__((visibility("default")))
#else
#define PT_API
#endif

/* The numbers do not change from release to release. */
enum pt_code {
    PT_EUSAGE = -1,       /* wrong use: an argument that cannot be */
    PT_ECONFIG = -2,      /* a configuration is missing or wrong */
    PT_EDATA = -3,        /* something is wrong with ratings data */
    PT_ENOMEM = -4,       /* not enough memory or another resource */
    PT_EDIVERGED = -5,    /* training diverged */
    PT_EFILE = -6,        /* a file of partrain's own is corrupt, or output cannot be written */
    PT_EINTERRUPTED = -7, /* stopped on demand */
    PT_ETERMINATED = -8,  /* the program's: stopped by SIGTERM */
    PT_ECHECK = -9        /* the program's: an answer of its own did not pass its check */
};

struct pt_error {
    int code;
    char text[1024];
};

/* "0.1.0" */
PT_API const char *pt_version(void);

/* ---- configurations: the keys of docs/config.md ---- */

struct pt_config;
PT_API int pt_config_new(struct pt_config **out, struct pt_error *err);
/* Adds a YAML file, or "KEY=VALUE", to the configuration; later values win. */
PT_API int pt_config_load(struct pt_config *c, const char *path, struct pt_error *err);
PT_API int pt_config_set(struct pt_config *c, const char *assignment, struct pt_error *err);
PT_API void pt_config_free(struct pt_config *c);

/* ---- ratings in memory ---- */

/* Ids of users or items. A number is the id that its decimal digits are in a file: 42 is "42". With `name`
 * numbers are places in it: name[number]. `name` alone: name[i] is the id of the i-th. */
struct pt_ids {
    const int32_t *int32;
    const int64_t *int64;    /* at most one of the two */
    const char *const *name; /* UTF-8, not empty; or NULL */
    int64_t names;           /* in `name` where there are numbers */
};

/* n ratings, as a file has them line by line; all arrays are borrowed for the call. A compressed sparse
 * matrix (CSR) sets `start`: the ratings of row p are those from start[p] to start[p + 1] - 1, and `user`
 * has the ids of the rows (all NULL: 0, 1, 2, ...). */
struct pt_ratings {
    int64_t n;
    struct pt_ids user, item; /* (n) each; with `start`, user (users) */
    const int64_t *start;     /* (users + 1), from 0 to n; or NULL */
    int64_t users;            /* rows of a matrix */
    const float *value;       /* (n) finite */
    const double *value64;    /* the same, instead; both NULL: all 1 */
    const int64_t *time;      /* (n) INT64_MIN: this one has none; NULL: none has */
};

/* ---- training ---- */

struct pt_progress {
    int64_t epoch, epochs; /* done; in all */
    double loss;           /* mean over the epoch's minibatches */
    const char *metric;    /* of `valid`: "ndcg@100"; NULL without a validation part */
    double valid;          /* NaN: not evaluated yet */
    int64_t best_epoch;
};

enum pt_level { PT_NOTE = 1, PT_WARNING = 2 }; /* what was done; what may not be as it was meant */

struct pt_train_options {
    const char *folder; /* for the run's files, which pt_model_open reads; NULL: nothing is kept */
    int resume;         /* continue the run in the folder */
    /* After every epoch; not 0 stops: the run is saved and PT_EINTERRUPTED returned. May be NULL. */
    int (*progress)(void *arg, const struct pt_progress *p);
    void *arg;
    /* Train on these instead of the configuration's data.path; NULL: on that. The weights are those of a
     * file with the same ratings in the same order. */
    const struct pt_ratings *ratings;
    /* The trained, best model, as of pt_model_open; NULL: not wanted. Without a folder its files lie in a
     * temporary one, in memory where there is room, until pt_model_free. */
    struct pt_model **model;
    int (*poll)(void *arg); /* several times a second; not 0 stops, as by progress. May be NULL. */
    void (*message)(void *arg, enum pt_level level, const char *text); /* a line each; may be NULL */
};

struct pt_result {
    int64_t epochs, best_epoch; /* 0 epochs: the run in the folder was finished already */
    char metric[32];            /* the first of eval.metrics */
    double valid, test;         /* of the best epoch; NaN: no such part */
    double train_s;
    char weights_hash[33], model_hash[33]; /* after the last step; of the saved, best model */
};

/* `options` and `out` may be NULL. */
PT_API int pt_train(const struct pt_config *c, const struct pt_train_options *options, struct pt_result *out,
                    struct pt_error *err);

/* ---- using a model ---- */

struct pt_model;
/* `folder`: a run's. threads 0: as the run's configuration says. */
PT_API int pt_model_open(struct pt_model **out, const char *folder, int threads, struct pt_error *err);
PT_API void pt_model_free(struct pt_model *m);

/* Items and users of the training data, numbered from 0; external ids, and titles (NULL: none). */
PT_API int64_t pt_model_items(const struct pt_model *m);
PT_API int64_t pt_model_users(const struct pt_model *m);
PT_API const char *pt_model_item_id(const struct pt_model *m, int64_t item);
PT_API const char *pt_model_item_title(const struct pt_model *m, int64_t item);
PT_API const char *pt_model_user_id(const struct pt_model *m, int64_t user);
/* By id, else by title (case, year and article do not matter); -1: none, or two with that title. */
PT_API int64_t pt_model_find_item(struct pt_model *m, const char *id_or_title);
PT_API int64_t pt_model_find_user(const struct pt_model *m, const char *id);

/* Histories: person p rated item[i] with rating[i], for i from start[p] to start[p + 1] - 1. Multi-VAE,
 * Mult-DAE and user-based AutoRec take any history. Matrix factorisation takes its users by number, and
 * fits others to their ratings. Item-based AutoRec takes none (PT_EUSAGE). */
struct pt_people {
    int64_t n;
    const int64_t *start; /* (n + 1) */
    const int32_t *item;
    const float *rating; /* NULL: all 1 (Multi-VAE, Mult-DAE, or items that are only left out) */
    const int32_t *user; /* (n) matrix factorisation: -1: none; NULL: all -1; other models ignore it */
    /* (n) users by external id, who have the histories of pt_model_histories: then n alone is used of the
     * above, and every model takes them. NULL: histories are above. */
    const struct pt_ids *id;
};

/* Ratings that users are known by: all of them, whatever their part of a split. NULL: those of the run's
 * data.path, which is what happens by itself when they are first needed. They are copied. */
PT_API int pt_model_histories(struct pt_model *m, const struct pt_ratings *ratings, struct pt_error *err);

/* The k best items of each person, best first: item and score (n, k). Rated items are left out. -1 and NaN
 * fill a row with fewer than k items. Scores: predicted ratings, or logits before the softmax. */
PT_API int pt_recommend(struct pt_model *m, const struct pt_people *people, int k, int32_t *item,
                        float *score, struct pt_error *err);

/* The same with more to say. */
struct pt_choice {
    int k;
    int seen;              /* not 0: recommend rated items too */
    const uint8_t *hidden; /* (items) 1: never recommended; NULL: none */
};
PT_API int pt_recommend_with(struct pt_model *m, const struct pt_people *people,
                             const struct pt_choice *choice, int32_t *item, float *score,
                             struct pt_error *err);

/* The k nearest other items of each of n items by cosine of the model's item vectors, nearest first: near
 * and score (n, k); -1 and NaN fill a row. PT_EUSAGE for item-based AutoRec, which has none. */
PT_API int pt_similar(struct pt_model *m, const int32_t *item, int64_t n, int k, int32_t *near, float *score,
                      struct pt_error *err);
/* These vectors, scaled to length 1 (zeros: nothing is known of the item), into vector (items, *length);
 * NULL: *length alone. */
PT_API int pt_item_vectors(struct pt_model *m, int64_t *length, float *vector, struct pt_error *err);

/* Ratings (n, items) that a rating model predicts for every person and item, clipped as eval.clip says.
 * Where the person or the item alone was trained: the training mean plus that one's bias
 * (eval.untrained: bias); NaN where neither was. PT_EUSAGE for models that rank. */
PT_API int pt_predict(struct pt_model *m, const struct pt_people *people, float *rating,
                      struct pt_error *err);

/* Ratings (n) of pairs: user i, by external id, and item[i]. Users have the histories of pt_model_histories,
 * and for item-based AutoRec items have. Else as pt_predict. */
PT_API int pt_predict_pairs(struct pt_model *m, const struct pt_ids *user, const int32_t *item, int64_t n,
                            float *rating, struct pt_error *err);

struct pt_figure {
    char name[32]; /* "ndcg@100" */
    double value;
};

struct pt_evaluation {
    /* Evaluated are `held_out`, all of them but those that the model was trained on; everything else in
     * `input` is input. NULL held_out: the test part of `input` by the run's split. NULL input: the ratings
     * of the run's data.path. */
    const struct pt_ratings *input, *held_out;
    const char *metrics;         /* "ndcg@10,recall@20"; NULL: the run's eval.metrics */
    int64_t examples, cells;     /* set: users (or items) evaluated, and held-out ratings */
    int64_t unknown;             /* set: ratings with an id that the model does not have */
    int n;                       /* set: figures */
    struct pt_figure figure[64]; /* set */
};
PT_API int pt_evaluate(struct pt_model *m, struct pt_evaluation *e, struct pt_error *err);

/* The run's files into another folder, which must have no run. */
PT_API int pt_model_save(struct pt_model *m, const char *folder, struct pt_error *err);

/* The model as an ONNX file: docs/export.md. */
PT_API int pt_export_onnx(struct pt_model *m, const char *path, struct pt_error *err);

#ifdef __cplusplus
}
#endif

#endif
