#include "model/units.h"

#include <stdio.h>
#include <string.h>

static float *zeros(struct units *u, int64_t n)
{
    float *x = mem_pool_array(&u->pool, n, sizeof *x);

    return x ? memset(x, 0, (size_t)n * sizeof *x) : NULL;
}

static int norm_init(struct units *u, const char *prefix, int64_t rows, bool moments, struct error *err)
{
    snprintf(u->name[0], sizeof u->name[0], "%s.norm.weight", prefix);
    snprintf(u->name[1], sizeof u->name[1], "%s.norm.bias", prefix);
    TRY(vector_init(&u->gain, u->name[0], u->n, moments, err));
    TRY(vector_init(&u->offset, u->name[1], u->n, moments, err));
    u->scaled = zeros(u, rows * u->ld);
    u->back = zeros(u, rows * u->ld);
    u->inverse = zeros(u, rows);
    u->gradient = zeros(u, 2 * u->ld);
    return 0;
}

int units_init(struct units *u, const char *prefix, int n, bool linear, const struct model *m,
               struct error *err)
{
    const struct model_spec *s = &m->spec;
    int64_t rows = s->batch > s->eval_batch ? s->batch : s->eval_batch;

    *u = (struct units){.act = linear ? ACT_IDENTITY : s->activation,
                        .n = n,
                        .ld = row_pad(n),
                        .norm = s->layer_norm && !linear,
                        .kern = m->eng.kern};
    if (u->norm)
        TRY(norm_init(u, prefix, rows, !s->fixed, err));
    if ((u->norm || activation_keeps_input(u->act)) && !s->fixed)
        u->kept = zeros(u, rows * u->ld);
    return need_memory(!u->pool.failed, err);
}

void units_fini(struct units *u)
{
    vector_fini(&u->gain);
    vector_fini(&u->offset);
    mem_pool_free(&u->pool);
    *u = (struct units){0};
}

void units_draw(struct units *u)
{
    for (int k = 0; k < u->n && u->norm; k++)
        u->gain.row.w[k] = 1.0f;
}

void units_list(const struct units *u, struct param_list *l)
{
    if (!u->norm)
        return;
    params_add_vector(l, &u->gain);
    params_add_vector(l, &u->offset);
}

static void keep(struct units *u, int64_t p, const float *h)
{
    if (u->kept)
        memcpy(u->kept + p, h + p, (size_t)u->ld * sizeof *h);
}

void units_forward(struct units *u, int64_t first, int64_t end, float *h)
{
    bool sums = activation_keeps_input(u->act);

    for (int64_t r = first, p = first * u->ld; r < end; r++, p += u->ld) {
        if (sums)
            keep(u, p, h);
        u->kern->activate(u->act, h + p, u->n);
        if (!sums)
            keep(u, p, h);
        if (u->norm)
            u->inverse[r] =
                u->kern->norm(h + p, u->scaled + p, u->n, u->gain.row.w, u->offset.row.w, (float)NORM_EPS);
    }
}

void units_backward(struct units *u, int64_t first, int64_t end, float *d, const float *h)
{
    const float *from = u->kept ? u->kept : h;

    for (int64_t r = first, p = first * u->ld; r < end; r++, p += u->ld) {
        if (u->norm) {
            memcpy(u->back + p, d + p, (size_t)u->ld * sizeof *d);
            u->kern->norm_back(d + p, u->scaled + p, u->n, u->gain.row.w, u->inverse[r]);
        }
        u->kern->activate_back(u->act, d + p, from + p, u->n);
    }
}

void units_sum_rows(float *out, const float *rows, int64_t n, int64_t ld, const struct kernels *kern)
{
    memset(out, 0, (size_t)ld * sizeof *out);
    for (int64_t p = 0; p < n; p++)
        kern->add(out, rows + p * ld, ld);
}

static void sum_gradient(struct units *u, int64_t rows)
{
    units_sum_rows(u->gradient, u->scaled, rows, u->ld, u->kern);
    units_sum_rows(u->gradient + u->ld, u->back, rows, u->ld, u->kern);
}

void units_measure(struct units *u, int64_t rows)
{
    if (!u->norm)
        return;
    sum_gradient(u, rows);
    u->squares = u->kern->sum_squares(u->gradient, 2 * u->ld);
}

void units_update(struct units *u, int64_t rows, const struct adam_step *step, float scale)
{
    if (!u->norm)
        return;
    sum_gradient(u, rows); /* not the squares, which other workers read now */
    if (scale != 1.0f)
        u->kern->scale(u->gradient, scale, 2 * u->ld);
    for (int i = 0; i < 2; i++) {
        const struct weights *w = i ? &u->offset.row : &u->gain.row;

        u->kern->adam(step, w->w, w->m, w->v, u->gradient + i * u->ld, u->ld);
    }
}
