/* pairs.c - predicted ratings of pairs. */
#include "api/api.h"

#include "base/mem.h"
#include "read/memory.h"
#include "serve/predict.h"

#include <string.h>

static int find_pairs(struct rating_pair *pair, const struct pt_model *m, const struct pt_ids *user,
                      const int32_t *item, int64_t n, struct error *err)
{
    const struct trained *trained = m->trained;

    for (int64_t i = 0; i < n; i++) {
        char digits[32];
        const char *name = memory_id(user, i, digits);

        if (item[i] < 0 || item[i] >= pt_model_items(m))
            return error_set(err, PT_EUSAGE, "pair %lld: there is no item %d", (long long)i, (int)item[i]);
        if (!name)
            return error_set(err, PT_EUSAGE, "pair %lld: its user has no name", (long long)i);
        pair[i] = (struct rating_pair){.column = item[i], .place = i};
        if (trained->problem->side == SIDE_USER) {
            pair[i].example = (int32_t)idtable_find(m->history->names, name, strlen(name));
            continue;
        }
        pair[i].column = (int32_t)idtable_find(trained->users, name, strlen(name));
        pair[i].example = (int32_t)idtable_find_row(m->history->names, trained->items, item[i]);
    }
    return 0;
}

static bool add_history(void *arg, int32_t example, struct histories *to)
{
    const struct pt_model *m = arg;

    return history_source_add(m->history, m->trained, example, to);
}

static int predict(struct pt_model *m, const struct pt_ids *user, const int32_t *item, int64_t n,
                   float *rating, struct error *err)
{
    struct rank_spec spec = {.k = 1};
    struct predict_counts counts = {0};
    scoped(ranker_free) struct ranker *ranker = NULL;
    mem_scoped struct rating_pair *pair = mem_alloc(n, sizeof *pair);
    mem_scoped double *found = mem_alloc(n, sizeof *found);

    TRY(need_memory(pair && found, err));
    TRY(find_pairs(pair, m, user, item, n, err));
    TRY(ranker_new(&ranker, m->trained, &spec, err));
    TRY(predict_pairs(ranker, m->trained, pair, n, add_history, m, found, &counts, err));
    for (int64_t i = 0; i < n; i++)
        rating[i] = (float)found[i];
    return 0;
}

int pt_predict_pairs(struct pt_model *m, const struct pt_ids *user, const int32_t *item, int64_t n,
                     float *rating, struct pt_error *err)
{
    struct error own = {0};
    int rc = m->trained->rating
                 ? api_need_histories(m, &own)
                 : error_set(&own, PT_EUSAGE, "this model ranks items and predicts no ratings");

    if (rc == 0 && n < 0)
        rc = error_set(&own, PT_EUSAGE, "a negative number of pairs");
    if (rc == 0 && n > 0)
        rc = predict(m, user, item, n, rating, &own);
    return api_error(rc, &own, err);
}
