/* recommend.c - the best items for people, and predicted ratings. */
#include "api/api.h"

#include "base/mem.h"
#include "data/memory.h"

#include <limits.h>
#include <math.h>
#include <string.h>

/* User i by external id in a table; -1 and an error: there is none. */
static int64_t find_user(const struct idtable *users, const struct pt_ids *ids, int64_t i, struct error *err)
{
    char digits[32];
    const char *name = memory_id(ids, i, digits);
    int64_t row = name ? idtable_find(users, name, strlen(name)) : -1,
            near = name && row < 0 ? idtable_nearest(users, name) : -1;

    if (row < 0)
        (void)error_set(err, PT_EUSAGE, "the ratings have no user '%.100s'%s%s", name ? name : "",
                        near < 0 ? "" : "; did you mean ", near < 0 ? "" : idtable_name(users, near));
    return row;
}

static int add_history(struct histories *to, const struct pt_model *m, const struct pt_people *from,
                       int64_t p, struct error *err)
{
    const struct trained *trained = m->trained;
    int32_t row = -1;

    if (from->start[p] > from->start[p + 1] || from->start[p] < 0)
        return error_set(err, PT_EUSAGE, "person %lld: start[] goes down", (long long)p);
    if (trained->by_row) {
        row = from->user ? from->user[p] : -1;
        if (row >= pt_model_users(m))
            return error_set(err, PT_EUSAGE, "person %lld: there is no user %d", (long long)p, (int)row);
        if (row < 0 && !from->rating && from->start[p] < from->start[p + 1])
            return error_set(err, PT_EUSAGE, "person %lld: this model needs ratings, and rating is NULL",
                             (long long)p);
    }
    for (int64_t i = from->start[p]; i < from->start[p + 1]; i++) {
        float value = from->rating ? from->rating[i] : 1.0f;
        bool low = from->rating && (double)value < trained->config->min_rating;

        if (from->item[i] < 0 || from->item[i] >= pt_model_items(m))
            return error_set(err, PT_EUSAGE, "person %lld: there is no item %d", (long long)p,
                             (int)from->item[i]);
        if (!isfinite(value))
            return error_set(err, PT_EUSAGE, "person %lld: a rating is not finite", (long long)p);
        TRY(need_memory(histories_add(to, from->item[i], trained->config->binarize ? 1.0f : value,
                                      low ? HISTORY_SEEN : HISTORY_INPUT),
                        err));
    }
    return need_memory(histories_end(to, row), err);
}

/* Also makes sure of the histories of users by id. */
static int check_people(struct pt_model *m, const struct pt_people *p, struct error *err)
{
    const struct trained *trained = m->trained;

    if (p->n < 0)
        return error_set(err, PT_EUSAGE, "a negative number of people");
    if (p->id)
        return api_need_histories(m, err);
    if (trained->problem->side == SIDE_ITEM)
        return error_set(err, PT_EUSAGE,
                         "item-based AutoRec takes no histories of new people; give its users by id");
    if (trained->rating && !trained->by_row && !trained->config->binarize && !p->rating && p->n &&
        p->start[p->n])
        return error_set(err, PT_EUSAGE, "this model needs ratings, and rating is NULL");
    return 0;
}

static int need_ranker(struct pt_model *m, const struct pt_choice *c, struct error *err)
{
    int64_t items = pt_model_items(m);
    struct rank_spec spec = {.k = c->k, .keep_seen = c->seen != 0};

    if (m->ranker && m->k == c->k && m->seen == spec.keep_seen && !m->hidden == !c->hidden &&
        (!c->hidden || memcmp(m->hidden, c->hidden, (size_t)items) == 0))
        return 0;
    ranker_free(m->ranker);
    mem_free(m->hidden);
    m->ranker = NULL;
    m->hidden = NULL;
    if (c->hidden) {
        TRY(need_memory((m->hidden = mem_alloc(items, 1)) != NULL, err));
        memcpy(m->hidden, c->hidden, (size_t)items);
    }
    spec.hidden = m->hidden;
    m->k = c->k;
    m->seen = spec.keep_seen;
    return ranker_new(&m->ranker, m->trained, &spec, err);
}

/* Histories [first, end) of `from`. */
static int add_histories(struct histories *to, const struct pt_model *m, const struct pt_people *from,
                         int64_t first, int64_t end, struct error *err)
{
    histories_clear(to);
    for (int64_t p = first; p < end; p++) {
        int64_t e = from->id ? find_user(m->history->names, from->id, p, err) : 0;

        if (e < 0)
            return PT_EUSAGE;
        if (!from->id)
            TRY(add_history(to, m, from, p, err));
        else
            TRY(need_memory(history_source_add(m->history, m->trained, e, to), err));
    }
    return 0;
}

enum { BLOCK = 4096 };

void api_give_best(const struct scored *best, const int *count, int64_t n, int k, int32_t *item, float *score)
{
    for (int64_t i = 0; i < n * k; i++) {
        bool is = i % k < count[i / k];

        item[i] = is ? best[i].column : -1;
        score[i] = is ? best[i].score : NAN;
    }
}

/* Item-based models: the users are columns of the model, the items examples of the histories. */
static int rank_columns(struct pt_model *m, const struct pt_people *people, int64_t first, int64_t n,
                        const struct pt_choice *c, struct scored *best, int *count, struct error *err)
{
    const struct history_source *h = m->history;
    mem_scoped int32_t *item_of = idtable_map(m->trained->items, h->names);
    mem_scoped int32_t *user = mem_alloc(n, sizeof *user);
    mem_scoped uint8_t *hidden = mem_zalloc(h->n, 1);
    struct rank_spec spec = {.k = c->k, .keep_seen = c->seen != 0, .hidden = hidden};

    TRY(need_memory(item_of && user && hidden, err));
    for (int64_t e = 0; e < h->n; e++) /* an item that only the histories have has no number */
        hidden[e] = item_of[e] < 0 || (c->hidden && c->hidden[item_of[e]]);
    for (int64_t i = 0; i < n; i++)
        if ((user[i] = (int32_t)find_user(m->trained->users, people->id, first + i, err)) < 0)
            return PT_EUSAGE;
    TRY(rank_users(m->trained, h, &spec, user, n, best, count, err));
    for (int64_t i = 0; i < n; i++)
        for (int r = 0; r < count[i]; r++)
            best[i * c->k + r].column = item_of[best[i * c->k + r].column];
    return 0;
}

static int rank_block(struct pt_model *m, const struct pt_people *people, int64_t first, int64_t end,
                      const struct pt_choice *c, struct histories *block, struct scored *best, int *count,
                      struct error *err)
{
    if (m->trained->problem->side == SIDE_ITEM)
        return rank_columns(m, people, first, end - first, c, best, count, err);
    TRY(add_histories(block, m, people, first, end, err));
    return ranker_run(m->ranker, block, best, count, err);
}

int pt_recommend_with(struct pt_model *m, const struct pt_people *people, const struct pt_choice *choice,
                      int32_t *item, float *score, struct pt_error *error)
{
    struct error *err = api_error(error);
    scoped_value(histories_fini) struct histories block = {0};
    int count[BLOCK], k = choice->k;
    mem_scoped struct scored *best =
        k < 1 || k > INT_MAX / 4 ? NULL : mem_alloc((int64_t)BLOCK * k, sizeof *best);

    if (k < 1 || k > INT_MAX / 4)
        return error_set(err, PT_EUSAGE, "k is %d; at least 1", k);
    TRY(check_people(m, people, err));
    TRY(need_memory(best, err));
    if (m->trained->problem->side == SIDE_USER)
        TRY(need_ranker(m, choice, err));
    for (int64_t first = 0; first < people->n; first += BLOCK) {
        int64_t end = people->n - first < BLOCK ? people->n : first + BLOCK;

        TRY(rank_block(m, people, first, end, choice, &block, best, count, err));
        api_give_best(best, count, end - first, k, item + first * k, score + first * k);
    }
    return 0;
}

int pt_recommend(struct pt_model *m, const struct pt_people *people, int k, int32_t *item, float *score,
                 struct pt_error *err)
{
    struct pt_choice choice = {.k = k};

    return pt_recommend_with(m, people, &choice, item, score, err);
}

int pt_predict(struct pt_model *m, const struct pt_people *people, float *rating, struct pt_error *error)
{
    struct error *err = api_error(error);
    scoped_value(histories_fini) struct histories block = {0}, want = {0};
    struct pt_choice any = {.k = 1}; /* for predictions any ranker will do */
    int64_t items = pt_model_items(m), most = 1 + (1 << 20) / items;

    if (!m->trained->rating)
        return error_set(err, PT_EUSAGE, "this model ranks items and predicts no ratings");
    TRY(check_people(m, people, err));
    if (m->trained->problem->side == SIDE_ITEM)
        return error_set(err, PT_EUSAGE, "item-based AutoRec predicts pairs: pt_predict_pairs");
    if (!m->ranker)
        TRY(need_ranker(m, &any, err));
    for (int64_t first = 0; first < people->n; first += most) {
        int64_t end = people->n - first < most ? people->n : first + most;
        float *out = rating + first * items;

        histories_clear(&want);
        TRY(add_histories(&block, m, people, first, end, err));
        for (int64_t p = first; p < end; p++) {
            bool ok = true;

            for (int64_t i = 0; i < items && ok; i++)
                ok = histories_add(&want, (int32_t)i, 0.0f, HISTORY_INPUT);
            TRY(need_memory(ok && histories_end(&want, -1), err));
        }
        TRY(ranker_predict(m->ranker, &block, &want, out, err));
        for (int64_t i = 0; i < (end - first) * items; i++)
            out[i] = (float)(isnan(out[i]) ? trained_stand_in(m->trained, &block, i / items, i % items)
                                           : trained_rating(m->trained, out[i]));
    }
    return 0;
}

/* ---- pairs ---- */

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

static bool add_known_history(void *arg, int32_t example, struct histories *to)
{
    const struct pt_model *m = arg;

    return history_source_add(m->history, m->trained, example, to);
}

int pt_predict_pairs(struct pt_model *m, const struct pt_ids *user, const int32_t *item, int64_t n,
                     float *rating, struct pt_error *error)
{
    struct error *err = api_error(error);
    struct rank_spec spec = {.k = 1};
    struct predict_counts counts = {0};
    scoped(ranker_free) struct ranker *ranker = NULL;
    mem_scoped struct rating_pair *pair = n < 0 ? NULL : mem_alloc(n, sizeof *pair);
    mem_scoped double *found = n < 0 ? NULL : mem_alloc(n, sizeof *found);

    if (!m->trained->rating)
        return error_set(err, PT_EUSAGE, "this model ranks items and predicts no ratings");
    TRY(api_need_histories(m, err));
    if (n <= 0)
        return n ? error_set(err, PT_EUSAGE, "a negative number of pairs") : 0;
    TRY(need_memory(pair && found, err));
    TRY(find_pairs(pair, m, user, item, n, err));
    TRY(ranker_new(&ranker, m->trained, &spec, err));
    TRY(predict_pairs(ranker, m->trained, pair, n, add_known_history, m, found, &counts, err));
    for (int64_t i = 0; i < n; i++)
        rating[i] = (float)found[i];
    return 0;
}
