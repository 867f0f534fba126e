/* baseline_knn.c - nearest items by cosine: s_ij = users with both / sqrt(users with i x users with j). */
#include "eval/baseline.h"

#include "base/mem.h"

#include "eval/topk.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const int choices[] = {10, 20, 50, 100, 200};
enum { CHOICES = 5, MOST = 200, PLAIN = 100 };

/* An item's rows of others whose neighbour it is: sorted by row. */
struct neighbours {
    int k;
    int64_t *ptr;   /* (items + 1) owned */
    int32_t *item;  /* (entries) owned: whose neighbour it is */
    int32_t *place; /* (entries) owned: as which, from 0 */
    float *cosine;  /* (entries) owned */
};

/* Training pairs by user and by item, without shards. */
struct pairs {
    int64_t users, items;
    int64_t *of_user, *of_item; /* (+ 1) owned */
    int32_t *item, *user;       /* owned */
    float *near_cosine;         /* (items, MOST) owned: descending */
    int32_t *near;              /* likewise */
    int *nears;                 /* (items) owned */
    int32_t *count;             /* (workers, items) owned, zero between items */
    int32_t *touched;           /* likewise */
    struct scored *room;        /* (workers, 2 MOST) owned */
};

static bool make_pairs(struct pairs *q, const struct matrix *m)
{
    q->users = m->examples;
    q->items = m->columns;
    q->of_user = mem_zalloc(q->users + 1, sizeof *q->of_user);
    q->of_item = mem_zalloc(q->items + 1, sizeof *q->of_item);
    q->item = mem_alloc(m->entries, sizeof *q->item);
    q->user = mem_alloc(m->entries, sizeof *q->user);
    if (!q->of_user || !q->of_item || !q->item || !q->user)
        return false;
    for (int64_t i = 0; i < q->items; i++)
        q->of_item[i + 1] = q->of_item[i] + m->column_count[i];
    for (int64_t u = 0; u < q->users; u++) {
        int64_t row = matrix_row(m, u), n = q->of_user[u];

        for (int s = 0; s < m->shards; s++)
            for (int64_t i = m->part[s].ptr[row]; i < m->part[s].ptr[row + 1]; i++) {
                int32_t c = (int32_t)m->cut[s].begin + m->part[s].col[i];

                q->item[n++] = c;
                q->user[q->of_item[c]++] = (int32_t)u;
            }
        q->of_user[u + 1] = n;
    }
    for (int64_t i = q->items; i > 0; i--) /* each has moved on to the next one's begin */
        q->of_item[i] = q->of_item[i - 1];
    q->of_item[0] = 0;
    return true;
}

static void find_near(struct pairs *q, int worker, int64_t i)
{
    int32_t *count = q->count + worker * q->items, *touched = q->touched + worker * q->items;
    double own = (double)(q->of_item[i + 1] - q->of_item[i]);
    struct topk best;
    int64_t n = 0;

    topk_init(&best, MOST, q->room + (int64_t)worker * 2 * MOST, 2 * MOST);
    for (int64_t a = q->of_item[i]; a < q->of_item[i + 1]; a++) {
        int64_t u = q->user[a];

        for (int64_t b = q->of_user[u]; b < q->of_user[u + 1]; b++)
            if (count[q->item[b]]++ == 0)
                touched[n++] = q->item[b];
    }
    for (int64_t t = 0; t < n; t++) {
        int32_t j = touched[t];
        double other = (double)(q->of_item[j + 1] - q->of_item[j]);

        if (j != i)
            topk_offer_one(&best, (float)((double)count[j] / sqrt(own * other)), j);
        count[j] = 0;
    }
    q->nears[i] = topk_finish(&best);
    for (int t = 0; t < q->nears[i]; t++) {
        q->near[i * MOST + t] = best.best[t].column;
        q->near_cosine[i * MOST + t] = best.best[t].score;
    }
}

static void find_all(struct worker *w, void *arg)
{
    struct pairs *q = arg;

    for (int64_t i = w->id; i < q->items; i += w->count)
        find_near(q, w->id, i);
}

static bool turn_round(struct neighbours *out, const struct pairs *q)
{
    int64_t n = 0;

    out->ptr = mem_zalloc(q->items + 2, sizeof *out->ptr);
    for (int64_t i = 0; i < q->items && out->ptr; i++)
        for (int t = 0; t < q->nears[i]; t++, n++)
            out->ptr[q->near[i * MOST + t] + 2]++;
    out->item = mem_alloc(n, sizeof *out->item);
    out->place = mem_alloc(n, sizeof *out->place);
    out->cosine = mem_alloc(n, sizeof *out->cosine);
    if (!out->ptr || !out->item || !out->place || !out->cosine)
        return false;
    for (int64_t j = 1; j < q->items + 2; j++)
        out->ptr[j] += out->ptr[j - 1];
    for (int64_t i = 0; i < q->items; i++)
        for (int t = 0; t < q->nears[i]; t++) {
            int64_t at = out->ptr[q->near[i * MOST + t] + 1]++;

            out->item[at] = (int32_t)i;
            out->place[at] = t;
            out->cosine[at] = q->near_cosine[i * MOST + t];
        }
    return true;
}

static bool make_neighbours(struct neighbours *out, const struct matrix *train, struct team *team)
{
    struct pairs q = {0};
    int64_t workers = team_workers(team);
    bool ok = make_pairs(&q, train);

    q.near = mem_alloc(train->columns * MOST, sizeof *q.near);
    q.near_cosine = mem_alloc(train->columns * MOST, sizeof *q.near_cosine);
    q.nears = mem_zalloc(train->columns, sizeof *q.nears);
    q.count = mem_zalloc(workers * train->columns, sizeof *q.count);
    q.touched = mem_alloc(workers * train->columns, sizeof *q.touched);
    q.room = mem_alloc(workers * 2 * MOST, sizeof *q.room);
    ok = ok && q.near && q.near_cosine && q.nears && q.count && q.touched && q.room;
    if (ok) {
        team_run(team, find_all, &q);
        ok = turn_round(out, &q);
    }
    mem_free(q.of_user);
    mem_free(q.of_item);
    mem_free(q.item);
    mem_free(q.user);
    mem_free(q.near);
    mem_free(q.near_cosine);
    mem_free(q.nears);
    mem_free(q.count);
    mem_free(q.touched);
    mem_free(q.room);
    return ok;
}

/* What item j adds to the scores of a shard's columns. */
static void add_item(const struct neighbours *n, int64_t j, const struct shard *cut, float *row)
{
    int64_t a = n->ptr[j], b = n->ptr[j + 1];

    while (a < b) {
        int64_t mid = (a + b) / 2;

        if (n->item[mid] < cut->begin)
            a = mid + 1;
        else
            b = mid;
    }
    for (; a < n->ptr[j + 1] && n->item[a] < cut->end; a++)
        if (n->place[a] < n->k)
            row[n->item[a] - cut->begin] += n->cosine[a];
}

static void score(struct worker *w, struct model *m, int shard, int64_t rows, float *out, int64_t ld)
{
    const struct baseline *b = (struct baseline *)m;
    const struct matrix *in = b->in->matrix;
    const struct shard *cut = &b->problem->cut[shard];

    (void)w;
    memset(out, 0, (size_t)(rows * ld) * sizeof *out);
    for (int64_t p = 0; p < rows; p++) {
        int64_t row = matrix_row(in, b->in->example[p]);

        for (int s = 0; s < in->shards; s++)
            for (int64_t i = in->part[s].ptr[row]; i < in->part[s].ptr[row + 1]; i++)
                add_item(b->neighbours, in->cut[s].begin + in->part[s].col[i], cut, out + p * ld);
    }
}

/* k by the first metric of the spec on the validation part. */
static int choose(struct baseline *b, const struct eval_spec *spec, struct error *err)
{
    struct eval_spec one = *spec;
    struct evaluator *e = NULL;
    double best = -1.0;
    int chosen = PLAIN, rc;

    one.n = 1;
    if ((rc = evaluator_new(&e, &one, &b->problem->valid, &b->model, b->problem, err)) < 0)
        return rc;
    for (int i = 0; i < CHOICES; i++) {
        struct eval_result r;

        b->neighbours->k = choices[i];
        evaluate(e, &r);
        if (r.value[0] > best) {
            best = r.value[0];
            chosen = choices[i];
        }
    }
    evaluator_free(e);
    b->neighbours->k = chosen;
    return 0;
}

static int init(struct baseline *b, const struct eval_spec *spec, struct error *err)
{
    const struct problem *p = b->problem;
    int rc = 0;

    if (p->side == 0)
        return error_set(err, PT_EUSAGE, "itemknn ranks items for users; this model's examples are items");
    b->neighbours = mem_zalloc(1, sizeof *b->neighbours);
    if (!b->neighbours || !make_neighbours(b->neighbours, p->train, p->team))
        return error_set(err, PT_ENOMEM, "itemknn: out of memory");
    b->neighbours->k = isnan(b->setting) ? PLAIN : (int)b->setting;
    if (baseline_chooses(b))
        rc = choose(b, spec, err);
    snprintf(b->choice, sizeof b->choice, "%d neighbours%s", b->neighbours->k, baseline_chosen(b));
    b->setting = b->neighbours->k;
    return rc;
}

static void fini(struct baseline *b)
{
    if (b->neighbours) {
        mem_free(b->neighbours->ptr);
        mem_free(b->neighbours->item);
        mem_free(b->neighbours->place);
        mem_free(b->neighbours->cosine);
    }
    mem_free(b->neighbours);
}

static const struct model_ops ops = {.infer = baseline_infer, .score = score};
const struct baseline_ops baseline_itemknn = {"itemknn", "itemknn", true, false, true, &ops, init, fini};
