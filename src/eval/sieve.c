#include "eval/sieve.h"

#include <assert.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#define CHUNK    256 /* scores that are compared with the bar at once */
#define TOGETHER 64  /* columns that are scored exactly at once */
#define LD_MOST  65536
#define UNIT     0x1p-24 /* u: half the distance of 1 and the next float */

static struct score_product product_of(const struct sieve *s, int shard)
{
    struct score_product x;
    bool is = s->model->ops->product(s->model, shard, &x);

    assert(is);
    (void)is;
    return x;
}

static const struct shard *cut_of(const struct sieve *s, int shard)
{
    return &s->model->eng.train->cut[shard];
}

static struct sieve_list *list_of(const struct worker *w, const struct sieve *s, int64_t p)
{
    return &s->list[w->id * s->batch + p];
}

/* ---- lengths and the bound ---- */

static float from_bf16(uint32_t upper_half)
{
    float x;

    memcpy(&x, &upper_half, sizeof x);
    return x;
}

/* Lengths of x and of what rounding to bf16 took from it, rounded up; INFINITY: too large for a bound. */
static void measure(const struct sieve *s, const float *x, const uint32_t *rounded, float *row,
                    double *length, double *rest)
{
    const struct kernels *kern = s->model->eng.kern;

    for (int64_t t = 0; t < s->ld / 2; t++) {
        row[2 * t] = x[2 * t] - from_bf16(rounded[t] << 16);
        row[2 * t + 1] = x[2 * t + 1] - from_bf16(rounded[t] & 0xffff0000);
    }
    *length = sqrt(kern->sum_squares(x, s->ld)) * (1.0 + 0x1p-20);
    *rest = sqrt(kern->sum_squares(row, s->ld)) * (1.0 + 0x1p-20);
    if (!(*length < 1e15 && *rest < 1e15))
        *length = *rest = INFINITY;
}

/* Of one code and the largest of some columns; the terms are those of sieve.h. 0x1p-110: what is flushed, in
 * sums of at most LD_MOST terms and in their operands. */
static double bound_of(int64_t ld, double length, double rest, double code_bias, const struct sieve_shard *of)
{
    double rounded = length + rest, sum = (double)(ld + 32) * UNIT;
    double bound = rest * of->length + rounded * of->rest +
                   sum * (length * of->length + rounded * (of->length + of->rest)) +
                   4.0 * UNIT * (code_bias + of->bias) + 0x1p-110 * (1.0 + length + of->length);

    bound *= 1.02; /* for K u / (1 - K u), and the roundings of this line's */
    return bound < 1e30 ? bound : INFINITY;
}

/* ---- making ---- */

int sieve_most(int64_t columns)
{
    return (int)(columns / 64 < INT_MAX / 8 ? columns / 64 : INT_MAX / 8);
}

bool sieve_pays(struct model *m, int k, int64_t examples)
{
    struct score_product x;

    return m->eng.kern->bf16_fast && m->ops->product && m->ops->product(m, 0, &x) && x.ld >= 64 &&
           x.ld <= LD_MOST && examples >= 128 && k <= sieve_most(m->eng.train->columns);
}

static int capacity_of(int k)
{
    return k < 16 ? 64 : 4 * k; /* small, so that the bar rises early */
}

static int64_t panel_words(const struct shard *cut, int64_t ld)
{
    return row_pad(shard_width(cut)) * ld / 2;
}

int sieve_new(struct sieve **out, struct model *m, int k, int64_t batch, struct error *err)
{
    const struct matrix *x = m->eng.train;
    int64_t workers = team_workers(m->eng.team), words = 0, first, end;
    uint32_t *panel;
    scoped(sieve_free) struct sieve *s = mem_zalloc(1, sizeof *s);
    struct score_product any;

    TRY(need_memory(s, err));
    *s = (struct sieve){.model = m, .k = k, .capacity = capacity_of(k), .batch = batch};
    s->ld = m->ops->product(m, 0, &any) ? any.ld : 0;
    s->shard = mem_pool_zalloc(&s->pool, x->shards, sizeof *s->shard);
    s->code = mem_pool_array(&s->pool, batch * s->ld / 2, sizeof *s->code);
    s->length = mem_pool_alloc(&s->pool, batch, sizeof *s->length);
    s->rest = mem_pool_alloc(&s->pool, batch, sizeof *s->rest);
    s->list = mem_pool_zalloc(&s->pool, workers * batch, sizeof *s->list);
    s->room = mem_pool_array(&s->pool, (workers * batch + workers) * s->capacity, sizeof *s->room);
    s->row = mem_pool_arrays(&s->pool, (int)workers, s->ld);
    s->words = mem_pool_array(&s->pool, workers * s->ld / 2, sizeof *s->words);
    s->scored = mem_pool_zalloc(&s->pool, workers * ROW_ALIGN, sizeof *s->scored);
    team_rank_own(m->eng.team, x->shards, &first, &end);
    for (int64_t i = first; i < end; i++)
        words += panel_words(&x->cut[i], s->ld);
    panel = mem_pool_array(&s->pool, words, sizeof *panel); /* in one: large pages */
    for (int64_t i = first; i < end && !s->pool.failed; i++) {
        s->shard[i].panel = panel;
        panel += panel_words(&x->cut[i], s->ld);
    }
    if (s->pool.failed)
        return error_set(err, PT_ENOMEM, "out of memory; a smaller eval.batch needs less");
    *out = handed_on(s);
    return 0;
}

void sieve_free(struct sieve *s)
{
    if (!s)
        return;
    mem_pool_free(&s->pool);
    mem_free(s);
}

int64_t sieve_bytes(int64_t columns, int64_t ld, int64_t batch, int workers, int k)
{
    return (columns + batch) * ld * 2 + workers * batch * capacity_of(k) * (int64_t)sizeof(struct scored);
}

static void round_shard(const struct worker *w, struct sieve *s, int shard)
{
    const struct kernels *kern = s->model->eng.kern;
    struct score_product x = product_of(s, shard);
    struct sieve_shard *of = &s->shard[shard];
    int64_t width = shard_width(cut_of(s, shard));
    uint32_t *words = s->words + w->id * s->ld / 2;

    of->length = of->rest = of->bias = 0.0;
    for (int64_t c = 0; c < width; c += ROW_ALIGN) {
        int64_t rows = width - c < ROW_ALIGN ? width - c : ROW_ALIGN;

        kern->bf16_panel(rows, s->ld, x.weight + c * s->ld, s->ld, of->panel + c * s->ld / 2);
        for (int64_t i = c; i < c + rows; i++) {
            double length, rest, bias = x.bias ? fabs((double)x.bias[i]) : 0.0;

            kern->bf16_rows(1, s->ld, x.weight + i * s->ld, s->ld, words, s->ld / 2);
            measure(s, x.weight + i * s->ld, words, s->row[w->id], &length, &rest);
            of->length = length > of->length ? length : of->length;
            of->rest = rest > of->rest ? rest : of->rest;
            of->bias = !(bias < 1e15) ? INFINITY : bias > of->bias ? bias : of->bias;
        }
    }
}

void sieve_round_weights(struct worker *w, void *sieve)
{
    struct sieve *s = sieve;
    int end, first = own_shards(w, s->model, &end);

    for (int i = first; i < end; i++)
        round_shard(w, s, i);
}

/* ---- a block ---- */

/* The largest of the worker's columns. */
static struct sieve_shard largest(const struct worker *w, const struct sieve *s)
{
    int end, first = own_shards(w, s->model, &end);
    struct sieve_shard all = {0};

    for (int i = first; i < end; i++) {
        const struct sieve_shard *of = &s->shard[i];

        all.length = of->length > all.length ? of->length : all.length;
        all.rest = of->rest > all.rest ? of->rest : all.rest;
        all.bias = of->bias > all.bias ? of->bias : all.bias;
    }
    return all;
}

void sieve_begin(struct worker *w, struct sieve *s, int64_t rows)
{
    struct score_product x = product_of(s, 0);
    struct sieve_shard of = largest(w, s);
    int64_t from, to;

    team_range(rows, w->id, w->count, &from, &to);
    s->model->eng.kern->bf16_rows(to - from, s->ld, x.code + from * s->ld, s->ld, s->code + from * s->ld / 2,
                                  s->ld / 2);
    for (int64_t p = from; p < to; p++)
        measure(s, x.code + p * s->ld, s->code + p * s->ld / 2, s->row[w->id], &s->length[p], &s->rest[p]);
    team_barrier(w);
    for (int64_t p = 0; p < rows; p++) {
        double bias = x.code_bias ? fabs((double)x.code_bias[p]) : 0.0;

        *list_of(w, s, p) =
            (struct sieve_list){.kept = s->room + (w->id * s->batch + p) * s->capacity,
                                .bar = -FLT_MAX,
                                .bound = bound_of(s->ld, s->length[p], s->rest[p], bias, &of)};
    }
}

static void add_biases(const struct score_product *x, int64_t p, const int32_t *column, int64_t n, float *out)
{
    for (int64_t i = 0; i < n && x->bias; i++) {
        float bias = x->bias[column ? column[i] : i];

        out[i] += x->code_bias ? x->code_bias[p] + bias : bias;
    }
}

void sieve_score(struct worker *w, struct sieve *s, int shard, int64_t rows, float *out, int64_t ld)
{
    const struct kernels *kern = s->model->eng.kern;
    struct score_product x = product_of(s, shard);
    int64_t width = shard_width(cut_of(s, shard));

    kern->bf16_product(rows, row_pad(width), s->ld / 2, s->code, s->ld / 2, 1, s->shard[shard].panel, x.bias,
                       INTO_NEW, out, ld, NULL);
    for (int64_t p = 0; p < rows; p++)
        if (list_of(w, s, p)->bound == INFINITY) {
            kern->product_nt(1, width, s->ld, x.code + p * s->ld, s->ld, x.weight, s->ld, NULL, out + p * ld,
                             ld);
            add_biases(&x, p, NULL, width, out + p * ld);
        }
}

/* ---- what is kept ---- */

static void score_kept(struct worker *w, struct sieve *s, int64_t p, struct topk *best)
{
    struct sieve_list *l = list_of(w, s, p);
    const struct matrix *train = s->model->eng.train;
    int32_t column[TOGETHER];
    float score[TOGETHER];

    for (int i = 0, n; i < l->n; i += n) { /* columns ascend */
        int shard = shard_of(train->cut, train->shards, l->kept[i].column);
        const struct shard *cut = cut_of(s, shard);
        struct score_product x = product_of(s, shard);

        for (n = 0; n < TOGETHER && i + n < l->n && l->kept[i + n].column < cut->end; n++)
            column[n] = l->kept[i + n].column - (int32_t)cut->begin;
        s->model->eng.kern->dots(score, n, column, x.code + p * s->ld, x.weight, s->ld);
        add_biases(&x, p, column, n, score);
        for (int j = 0; j < n; j++)
            topk_offer_one(best, score[j], l->kept[i + j].column);
    }
    s->scored[w->id * ROW_ALIGN] += l->n;
    l->n = 0;
}

/* Raises the bar, if there are k to do it by, and drops what is below it. */
static void tighten(const struct worker *w, const struct sieve *s, struct sieve_list *l)
{
    struct scored *copy = s->room + (team_workers(s->model->eng.team) * s->batch + w->id) * s->capacity;
    double last, bar;
    int n = 0;

    if (l->n < s->k)
        return;
    memcpy(copy, l->kept, (size_t)l->n * sizeof *copy);
    last = (double)topk_select(copy, l->n, s->k);
    bar = last - 2.0 * l->bound;
    bar -= 4.0 * UNIT * (fabs(last) + 2.0 * l->bound); /* so that rounding does not raise it */
    if (bar > (double)l->bar)
        l->bar = (float)bar;
    for (int i = 0; i < l->n; i++)
        if (l->kept[i].score >= l->bar)
            l->kept[n++] = l->kept[i];
    l->n = n;
}

void sieve_offer(struct worker *w, struct sieve *s, int shard, int64_t p, const float *row, struct topk *best)
{
    const struct kernels *kern = s->model->eng.kern;
    const struct shard *cut = cut_of(s, shard);
    struct sieve_list *l = list_of(w, s, p);
    int64_t width = shard_width(cut);
    int32_t at[CHUNK];

    if (l->bound == INFINITY) {
        topk_offer(best, kern, row, width, (int32_t)cut->begin);
        return;
    }
    for (int64_t i = 0; i < width; i += CHUNK) {
        int64_t found = kern->above_threshold(row + i, width - i < CHUNK ? width - i : CHUNK, l->bar, at);

        for (int64_t j = 0; j < found; j++) {
            float score = row[i + at[j]];

            if (score < l->bar)
                continue;
            l->kept[l->n++] = (struct scored){score, (int32_t)(cut->begin + i + at[j])};
            if (l->n < s->capacity)
                continue;
            tighten(w, s, l);
            if (l->n > s->capacity / 2) /* many near ties: make room for more */
                score_kept(w, s, p, best);
        }
    }
}

void sieve_finish(struct worker *w, struct sieve *s, int64_t p, struct topk *best)
{
    tighten(w, s, list_of(w, s, p));
    score_kept(w, s, p, best);
}
