/* pairs.c - predicted ratings of pairs. They are sorted by example (user; item for item-based models), and
 * each example goes through the model once. */
#include "api/api.h"

#include "base/mem.h"
#include "read/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct pair {
    int64_t example;        /* of the histories; -1: they do not have it */
    int32_t column;         /* of the model; -1: unknown */
    int64_t place;          /* in the call */
    int64_t person, output; /* of the batch; -1: none */
};

static int by_example(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    if (x->example != y->example)
        return (x->example > y->example) - (x->example < y->example);
    return (x->column > y->column) - (x->column < y->column);
}

static int find_pairs(struct pair *pair, const struct pt_model *m, const struct pt_ids *user,
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
        pair[i] = (struct pair){.column = item[i], .place = i, .person = -1, .output = -1};
        if (trained->side == SIDE_USER) {
            pair[i].example = idtable_find(m->history->names, name, strlen(name));
            continue;
        }
        pair[i].column = (int32_t)idtable_find(trained->users, name, strlen(name));
        pair[i].example = idtable_find(m->history->names, idtable_name(trained->items, item[i]),
                                       idtable_length(trained->items, item[i]));
    }
    return 0;
}

/* The examples of the pairs, and which columns are wanted of each; false: no memory. */
static bool collect(struct pair *pair, int64_t n, const struct pt_model *m, struct histories *people,
                    struct histories *want)
{
    for (int64_t i = 0; i < n;) {
        int64_t example = pair[i].example, first = want->entries;

        if (example < 0) {
            i++;
            continue;
        }
        for (; i < n && pair[i].example == example; i++) {
            pair[i].person = people->n;
            if (pair[i].column < 0)
                continue;
            if ((want->entries == first || want->column[want->entries - 1] != pair[i].column) &&
                !histories_add(want, pair[i].column, 0.0f, HISTORY_INPUT))
                return false;
            pair[i].output = want->entries - 1;
        }
        if (!histories_end(want, -1) || !history_source_add(m->history, m->trained, example, people))
            return false;
    }
    return true;
}

static int predict(const struct pt_model *m, struct pair *pair, int64_t n, float *rating, struct error *err)
{
    struct rank_spec spec = {.k = 1};
    struct histories people = {0}, want = {0};
    struct ranker *ranker = NULL;
    float *output = mem_alloc(n, sizeof *output);
    int rc = 0;

    qsort(pair, (size_t)n, sizeof *pair, by_example);
    if (!output || !collect(pair, n, m, &people, &want))
        rc = error_set(err, PT_ENOMEM, "out of memory");
    for (int64_t i = 0; i < want.entries && rc == 0; i++)
        output[i] = NAN;
    if (rc == 0 && want.entries && (rc = ranker_new(&ranker, m->trained, &spec, err)) == 0)
        rc = ranker_predict(ranker, &people, &want, output, err);
    for (int64_t i = 0; i < n && rc == 0; i++) {
        const struct pair *p = &pair[i];
        bool is = p->output >= 0 && !isnan(output[p->output]);

        rating[p->place] = (float)(is ? trained_rating(m->trained, output[p->output])
                                      : trained_stand_in(m->trained, &people, p->person, p->column));
    }
    ranker_free(ranker);
    histories_fini(&people);
    histories_fini(&want);
    mem_free(output);
    return rc;
}

int pt_predict_pairs(struct pt_model *m, const struct pt_ids *user, const int32_t *item, int64_t n,
                     float *rating, struct pt_error *err)
{
    struct error own = {0};
    struct pair *pair = NULL;
    int rc = m->trained->rating
                 ? api_need_histories(m, &own)
                 : error_set(&own, PT_EUSAGE, "this model ranks items and predicts no ratings");

    if (rc == 0 && n < 0)
        rc = error_set(&own, PT_EUSAGE, "a negative number of pairs");
    if (rc == 0 && !(pair = mem_alloc(n, sizeof *pair)))
        rc = error_set(&own, PT_ENOMEM, "out of memory");
    if (rc == 0)
        rc = find_pairs(pair, m, user, item, n, &own);
    if (rc == 0 && n > 0)
        rc = predict(m, pair, n, rating, &own);
    mem_free(pair);
    return api_error(rc, &own, err);
}
