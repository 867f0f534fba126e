/* compare_lists.c - lists of recommendations that any program made, against what was held out. */
#include "serve/compare.h"

#include "base/hash.h"
#include "base/order.h"
#include "read/read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    int32_t user, item; /* rows of the truth; item -1: not in it */
    double key;         /* ascending: ranks, or scores with the sign changed */
    int64_t line;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->user != y->user)
        return (x->user > y->user) - (x->user < y->user);
    if (x->key != y->key)
        return (x->key > y->key) - (x->key < y->key);
    return (x->line > y->line) - (x->line < y->line);
}

static int read_file(struct ratings **out, const char *path, struct error *err)
{
    struct ratings_spec spec = {
        .path = path, .duplicates = DUPLICATES_ERROR, .min_rating = -1e30, .workers = 1};

    static const char *const column[] = {"user=user", "item=item", "rating=rank"};
    int rc = ratings_read(out, &spec, err);

    if (rc == PT_EDATA && strstr(err->text, "rank")) { /* a header that calls the third column so */
        spec.columns = 3;
        spec.column = column;
        rc = ratings_read(out, &spec, err);
    }
    return rc;
}

/* Whether every user's values are 1, 2, ... in some order, and not all of them a single 1. */
static bool are_ranks(const struct ratings *l)
{
    int64_t users = idtable_count(l->users);
    mem_scoped int64_t *n = mem_zalloc(users, sizeof *n), *sum = mem_zalloc(users, sizeof *sum);
    bool ranks = n && sum, any = false;

    for (int64_t i = 0; i < l->n && ranks; i++) {
        ranks = l->value[i] >= 1.0f && l->value[i] == floorf(l->value[i]) && l->value[i] <= 1e6f;
        n[l->user[i]]++;
        sum[l->user[i]] += ranks ? (int64_t)l->value[i] : 0;
    }
    for (int64_t u = 0; u < users && ranks; u++) {
        ranks = sum[u] == n[u] * (n[u] + 1) / 2;
        any |= n[u] > 1;
    }
    return ranks && any;
}

/* The lists in the rows of the truth, best first; *n: how many entries. For mem_free. */
static struct entry *order_lists(const struct ratings *l, const struct ratings *t, int64_t *n)
{
    struct entry *e = mem_alloc(l->n, sizeof *e);
    bool ranks = are_ranks(l);

    *n = 0;
    for (int64_t i = 0; i < l->n && e; i++) {
        int32_t u = (int32_t)idtable_find_row(t->users, l->users, l->user[i]);

        if (u >= 0)
            e[(*n)++] = (struct entry){u, (int32_t)idtable_find_row(t->items, l->items, l->item[i]),
                                       ranks ? (double)l->value[i] : -(double)l->value[i], i};
    }
    if (e)
        qsort(e, (size_t)*n, sizeof *e, compare_entries);
    return e;
}

struct judge {
    struct evaluation *out;
    const struct ratings *truth;
    int64_t *pair; /* (pairs) relevant ones, user x items + item, ascending */
    int64_t pairs;
    bool *hit;
};

/* Figures of a user with `held_out` relevant items and the list e[0 .. n). */
static void judge_user(struct judge *j, int32_t user, const struct entry *e, int64_t n, int64_t held_out)
{
    int64_t items = idtable_count(j->truth->items);

    for (int64_t r = 0; r < n; r++) {
        int64_t key = (int64_t)user * items + e[r].item;

        j->hit[r] =
            e[r].item >= 0 && bsearch(&key, j->pair, (size_t)j->pairs, sizeof key, compare_int64) != NULL;
    }
    for (int i = 0; i < j->out->spec.n; i++) {
        int64_t at = j->out->n[i]++;

        j->out->user[i][at] = user;
        j->out->value[i][at] = metric_of_user(&j->out->spec.metric[i], j->hit, (int)n, held_out);
        j->out->weight[i][at] = 1.0;
        j->out->result.value[i] += j->out->value[i][at];
    }
}

/* Users in the order of their rows; `lists`: of entries. Returns how many have no list. */
static int64_t judge_all(struct judge *j, const struct entry *e, int64_t n)
{
    int64_t items = idtable_count(j->truth->items), at = 0, p = 0, missing = 0;

    for (int64_t u = 0; u < idtable_count(j->truth->users); u++) {
        int64_t first = at, held_out = 0;

        for (; at < n && e[at].user == u; at++)
            ;
        for (; p < j->pairs && j->pair[p] / items == u; p++)
            held_out++;
        if (held_out == 0)
            continue;
        missing += at == first;
        judge_user(j, (int32_t)u, e + first, at - first, held_out);
        j->out->result.examples++;
    }
    for (int i = 0; i < j->out->spec.n; i++)
        j->out->result.value[i] /= (double)j->out->result.examples;
    return missing;
}

static bool make_room(struct judge *j, const struct ratings *t, int64_t entries, double relevant)
{
    int64_t users = idtable_count(t->users), items = idtable_count(t->items);

    j->pair = mem_alloc(t->n, sizeof *j->pair);
    j->hit = mem_alloc(entries + 1, sizeof *j->hit);
    j->out->held_out = mem_pool_zalloc(&j->out->pool, users, sizeof *j->out->held_out);
    evaluation_alloc(j->out, users);
    if (!j->pair || !j->hit || j->out->pool.failed)
        return false;
    for (int64_t i = 0; i < t->n; i++) {
        if ((double)t->value[i] >= relevant)
            j->pair[j->pairs++] = (int64_t)t->user[i] * items + t->item[i];
        j->out->held_out[t->user[i]] +=
            hash_64(idtable_name(t->items, t->item[i]), idtable_length(t->items, t->item[i]));
    }
    qsort(j->pair, (size_t)j->pairs, sizeof *j->pair, compare_int64);
    return true;
}

static int make_metrics(struct eval_spec *spec, char *const *metric, int n, struct error *err)
{
    *spec = (struct eval_spec){.n = n};
    if (n > METRICS_MOST)
        return error_set(err, PT_ECONFIG, "eval.metrics: more than %d", METRICS_MOST);
    for (int i = 0; i < n; i++) {
        TRY(metric_parse(&spec->metric[i], metric[i], err));
        if (!metric_is_ranking(&spec->metric[i]) || spec->metric[i].kind == METRIC_COVERAGE)
            return error_set(err, PT_EUSAGE,
                             "%s: lists are judged by metrics of users' lists, such as ndcg@10", metric[i]);
    }
    return 0;
}

static void judge_fini(struct judge *j)
{
    mem_free(j->pair);
    mem_free(j->hit);
}

int evaluate_lists(struct evaluation *out, const struct lists_request *q, struct error *err)
{
    scoped(ratings_free) struct ratings *lists = NULL, *truth = NULL;
    scoped_value(judge_fini) struct judge j = {.out = out};
    mem_scoped struct entry *e = NULL;
    int64_t n = 0, missing;

    *out = (struct evaluation){.same_data = true, .same_split = true};
    TRY(make_metrics(&out->spec, q->metric, q->metrics, err));
    TRY(read_file(&truth, q->truth, err));
    TRY(read_file(&lists, q->lists, err));
    out->result = (struct eval_result){.n = out->spec.n, .cells = truth->n};
    j.truth = truth;
    e = order_lists(lists, truth, &n);
    TRY(need_memory(e && make_room(&j, truth, n, q->relevant), err));
    if (n == 0 || j.pairs == 0)
        return error_set(err, PT_EDATA, "%s: %s", n ? q->truth : q->lists,
                         n ? "no rating is relevant (eval.relevant)" : "none of its users is in the truth");
    missing = judge_all(&j, e, n);
    if (missing)
        warn_printf(q->warn, q->arg,
                    "note: %lld of %lld users of the truth have no list: their figures are 0",
                    (long long)missing, (long long)out->result.examples);
    out->users = handed_on(truth->users);
    return 0;
}
