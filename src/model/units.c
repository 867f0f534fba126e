#include "model/units.h"

#include <string.h>

int units_init(struct units *u, enum activation act, int n, const struct model *m, struct error *err)
{
    const struct model_spec *s = &m->spec;
    int64_t rows = s->batch > s->eval_batch ? s->batch : s->eval_batch;

    *u = (struct units){.act = act, .n = n, .ld = row_pad(n), .kern = m->eng.kern};
    if (activation_keeps_input(act) && !s->fixed)
        u->kept = mem_pool_array(&u->pool, rows * u->ld, sizeof *u->kept);
    return u->pool.failed ? error_set(err, PT_ENOMEM, "hidden layers: out of memory") : 0;
}

void units_fini(struct units *u)
{
    mem_pool_free(&u->pool);
    *u = (struct units){0};
}

void units_forward(struct units *u, int64_t first, int64_t end, float *h)
{
    for (int64_t p = first * u->ld; p < end * u->ld; p += u->ld) {
        if (u->kept)
            memcpy(u->kept + p, h + p, (size_t)u->ld * sizeof *h);
        u->kern->activate(u->act, h + p, u->n);
    }
}

void units_backward(struct units *u, int64_t first, int64_t end, float *d, const float *h)
{
    const float *from = u->kept ? u->kept : h;

    for (int64_t p = first * u->ld; p < end * u->ld; p += u->ld)
        u->kern->activate_back(u->act, d + p, from + p, u->n);
}
