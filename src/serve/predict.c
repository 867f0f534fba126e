#include "serve/rank.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

static int by_example(const void *a, const void *b)
{
    const struct rating_pair *x = a, *y = b;

    if (x->example != y->example)
        return (x->example > y->example) - (x->example < y->example);
    return (x->column > y->column) - (x->column < y->column);
}

/* How many of the ratings wanted of the last person are input as well: both ascend. */
static int64_t count_shown(const struct histories *people, const struct histories *want)
{
    int64_t at = people->ptr[people->n - 1], n = 0;

    for (int64_t i = want->ptr[want->n - 1]; i < want->entries; i++) {
        while (at < people->entries && people->column[at] < want->column[i])
            at++;
        n += at < people->entries && people->column[at] == want->column[i] &&
             people->kind[at] == HISTORY_INPUT;
    }
    return n;
}

/* The examples of the sorted pairs, and the columns wanted of each. false: no memory. */
static bool collect(struct rating_pair *pair, int64_t n, struct histories *people, struct histories *want,
                    bool (*add)(void *arg, int32_t example, struct histories *to), void *arg, int64_t *shown)
{
    for (int64_t i = 0; i < n;) {
        int32_t e = pair[i].example, last = -1;

        for (; i < n && pair[i].example == e; i++) {
            struct rating_pair *p = &pair[i];
            bool known = e >= 0 && p->column >= 0;

            if (known && p->column != last && !histories_add(want, last = p->column, 0.0f, HISTORY_INPUT))
                return false;
            p->person = e < 0 ? -1 : people->n;
            p->output = known ? want->entries - 1 : -1;
        }
        if (e < 0)
            continue;
        if (!histories_end(want, -1) || !add(arg, e, people))
            return false;
        *shown += count_shown(people, want);
    }
    return true;
}

static double rating_of(const struct trained *trained, const struct rating_pair *p,
                        const struct histories *people, const float *output, int64_t *half)
{
    double r;

    if (p->output >= 0 && !isnan(output[p->output]))
        return trained_rating(trained, output[p->output]);
    r = trained_stand_in(trained, people, p->person, p->column);
    *half += !isnan(r);
    return r;
}

int predict_pairs(struct ranker *r, const struct trained *trained, struct rating_pair *pair, int64_t n,
                  bool (*add)(void *arg, int32_t example, struct histories *to), void *arg, double *rating,
                  struct predict_counts *counts, struct error *err)
{
    scoped_value(histories_fini) struct histories people = {0}, want = {0};
    mem_scoped float *output = mem_alloc(n, sizeof *output);

    qsort(pair, (size_t)n, sizeof *pair, by_example);
    TRY(need_memory(output && collect(pair, n, &people, &want, add, arg, &counts->shown), err));
    for (int64_t i = 0; i < want.entries; i++)
        output[i] = NAN;
    TRY(ranker_predict(r, &people, &want, output, err));
    for (int64_t i = 0; i < n; i++)
        rating[pair[i].place] = rating_of(trained, &pair[i], &people, output, &counts->half);
    return 0;
}
