#include "model/param.h"

#include "base/rng.h"

#include <math.h>
#include <string.h>

/* ---- initial values ------------------------------------------------------------------------------- */

/* A normal number folded into (-2, 2), the remainder of a division: fastai's truncated normal. */
static double truncated(double normal)
{
    return normal - 2.0 * (double)(int)(0.5 * normal);
}

/* Half the width of the uniform distribution; 0: the kind is a normal one. */
static double uniform_bound(const struct init_spec *init, bool bias)
{
    if (init->kind == INIT_TORCH) /* torch.nn.Linear: weights and biases alike */
        return 1.0 / sqrt((double)init->fan_in);
    if (init->kind == INIT_GLOROT && !bias)
        return sqrt(6.0 / (double)(init->fan_in + init->fan_out));
    return 0.0;
}

static double normal_value(const struct init_spec *init, bool bias, double normal)
{
    if (bias)
        return truncated(normal) * init->bias_std;
    return init->kind == INIT_FASTAI ? truncated(normal) * 0.01 : normal * init->std;
}

void init_row(float *out, int64_t n, const struct init_spec *init, int tensor, int64_t row, bool bias)
{
    /* position holds the row's low 32 bits, the step the tensor and the row's high ones */
    uint64_t step = (uint64_t)tensor | (uint64_t)row >> 32 << 16;
    double bound = uniform_bound(init, bias);

    for (int64_t k = 0; k < n; k += 4) {
        struct rng4 r = rng_philox(init->seed, RNG_INIT, step, (uint32_t)row, (uint32_t)(k / 4));
        double value[4];

        if (bound > 0.0) {
            for (int c = 0; c < 4; c++)
                value[c] = (2.0 * (double)rng_unit(r.word[c]) - 1.0) * bound;
        } else {
            rng_normal2(r.word[0], r.word[1], value);
            rng_normal2(r.word[2], r.word[3], value + 2);
            for (int c = 0; c < 4; c++)
                value[c] = normal_value(init, bias, value[c]);
        }
        for (int64_t c = 0; c < 4 && k + c < n; c++)
            out[k + c] = (float)value[c];
    }
}

/* ---- tables ------------------------------------------------------------------------------------------ */

static int64_t part_floats(const struct table *t, int s)
{
    int64_t width = shard_width(&t->cut[s]);

    return (t->moments == MOMENTS_ALL ? 3 : 1) * width * t->ld +
           (t->moments ? 3 : 1) * (t->bias_name ? row_pad(width) : 0);
}

static void touch_own(struct worker *w, void *arg)
{
    struct table *t = arg;
    int64_t first, end;

    team_own(w, t->shards, &first, &end);
    for (int64_t s = first; s < end; s++) {
        memset(t->part[s].row.w, 0, (size_t)part_floats(t, (int)s) * sizeof(float));
        memset(t->part[s].at, 0, (size_t)shard_width(&t->cut[s]) * sizeof *t->part[s].at);
    }
}

/* Weights first, then their moments, where there are any; the biases' behind those of the rows. */
static void place(struct table_part *p, const struct table *t, float *block, int64_t rows, int64_t biases)
{
    p->row.w = block;
    if (t->moments == MOMENTS_ALL) {
        p->row.m = block + rows;
        p->row.v = block + 2 * rows;
    }
    if (!t->bias_name)
        return;
    p->bias.w = block + (t->moments == MOMENTS_ALL ? 3 : 1) * rows;
    if (t->moments) {
        p->bias.m = p->bias.w + biases;
        p->bias.v = p->bias.m + biases;
    }
}

/* Memory of a worker's shards: one block, whose huge pages few shards could fill alone. */
static void place_own(struct table *t, const struct worker *w)
{
    int64_t first, end, floats = 0;
    float *at;

    team_own(w, t->shards, &first, &end);
    for (int64_t s = first; s < end; s++)
        floats += part_floats(t, (int)s);
    at = mem_pool_array(&t->pool, floats, sizeof *at);
    for (int64_t s = first; s < end && at; s++) {
        int64_t width = shard_width(&t->cut[s]);

        place(&t->part[s], t, at, width * t->ld, row_pad(width));
        t->part[s].at = mem_pool_array(&t->pool, width, sizeof *t->part[s].at);
        at += part_floats(t, (int)s);
    }
}

int table_init(struct table *t, const char *name, const char *bias_name, int64_t columns, int k,
               enum moments moments, const struct shard *cut, int shards, struct team *team,
               struct error *err)
{
    *t = (struct table){.name = name,
                        .bias_name = bias_name,
                        .columns = columns,
                        .k = k,
                        .ld = row_pad(k),
                        .moments = moments,
                        .shards = shards,
                        .cut = cut};
    t->part = mem_pool_zalloc(&t->pool, shards, sizeof *t->part);
    for (int i = 0; i < team_workers(team) && !t->pool.failed; i++)
        place_own(t, team_worker(team, i));
    if (!t->pool.failed) {
        team_run(team, touch_own, t);
        return 0;
    }
    table_fini(t);
    return error_set(err, PT_ENOMEM, "%s: out of memory for %lld x %d weights%s", name, (long long)columns, k,
                     moments == MOMENTS_ALL ? " and their moments" : "");
}

void table_fini(struct table *t)
{
    mem_pool_free(&t->pool);
    t->part = NULL;
}

struct draw_job {
    struct table *t;
    const struct init_spec *init;
    int tensor;
};

static void draw_own(struct worker *w, void *arg)
{
    const struct draw_job *j = arg;
    const struct table *t = j->t;
    int64_t first, end;

    team_own(w, t->shards, &first, &end);
    for (int64_t s = first; s < end; s++)
        for (int64_t c = t->cut[s].begin; c < t->cut[s].end; c++) {
            int64_t i = c - t->cut[s].begin;

            init_row(t->part[s].row.w + i * t->ld, t->k, j->init, j->tensor, c, false);
            if (t->bias_name)
                init_row(t->part[s].bias.w + i, 1, j->init, j->tensor + 1, c, true);
        }
}

void table_draw(struct table *t, struct team *team, const struct init_spec *init, int tensor)
{
    struct draw_job j = {t, init, tensor};

    team_run(team, draw_own, &j);
}

/* Rows that no step has ever touched have no moments; without decay nothing would move them. */
static bool at_rest(const struct table *t, const struct table_part *p, int64_t c, const struct adam_step *s)
{
    const float *m = p->row.m + c * t->ld, *v = p->row.v + c * t->ld;

    if (s->l2 != 0.0f || s->keep != 1.0f)
        return false;
    for (int64_t k = 0; k < t->k; k++)
        if (m[k] != 0.0f || v[k] != 0.0f)
            return false;
    return true;
}

void table_flush(struct table *t, const struct kernels *kern, const struct adam_plan *plan, int shard,
                 int64_t steps)
{
    struct table_part *p = &t->part[shard];

    for (int64_t c = 0; c < shard_width(&t->cut[shard]); c++)
        if (p->at[c] < steps && !at_rest(t, p, c, plan->weight + p->at[c]))
            table_catch_up(t, kern, plan, shard, c, steps);
    table_set_step(t, shard, steps);
}

void table_sweep(struct table *t, const struct kernels *kern, const struct adam_plan *plan, int shard,
                 int64_t step)
{
    struct table_part *p = &t->part[shard];
    int64_t width = shard_width(&t->cut[shard]);

    for (int64_t c = 0; c < width;) { /* runs of rows, which lie one behind the other */
        int64_t first = c;

        for (; c < width && p->at[c] == step; c++)
            p->at[c] = (int32_t)step + 1;
        if (c > first)
            kern->adam_idle(plan->weight + step, 1, p->row.w + first * t->ld, p->row.m + first * t->ld,
                            p->row.v + first * t->ld, (c - first) * t->ld);
        for (; c < width && p->at[c] != step; c++)
            ;
    }
}

void table_set_step(struct table *t, int shard, int64_t step)
{
    for (int64_t c = 0; c < shard_width(&t->cut[shard]); c++)
        t->part[shard].at[c] = (int32_t)step;
}

/* ---- vectors ---- */

int vector_init(struct vector *v, const char *name, int n, bool moments, struct error *err)
{
    int64_t ld = row_pad(n), floats = (moments ? 3 : 1) * ld;
    float *block = mem_array(floats, sizeof *block);

    *v = (struct vector){.name = name, .n = n, .ld = ld};
    TRY(need_memory(block, err));
    memset(block, 0, (size_t)floats * sizeof *block);
    v->row = moments ? (struct weights){block, block + ld, block + 2 * ld} : (struct weights){.w = block};
    return 0;
}

void vector_draw(struct vector *v, const struct init_spec *init, int tensor)
{
    init_row(v->row.w, v->n, init, tensor, 0, true);
}

void vector_fini(struct vector *v)
{
    mem_free(v->row.w);
    *v = (struct vector){0};
}
