#include "math/adam.h"

#include "base/mem.h"
#include "base/real.h"

#include <math.h>

/* From s to e as p goes from 0 to 1, along half a cosine. */
static double half_cosine(double s, double e, double p)
{
    double sine, cosine;

    real_sincos(0.5 * (1.0 - p), &sine, &cosine);
    return s + (1.0 + cosine) * (e - s) / 2.0;
}

void adam_schedule(const struct adam_spec *spec, int64_t epoch, int64_t step, double *lr, double *beta1)
{
    double share = spec->total_steps > 0 ? (double)step / (double)spec->total_steps : 0.0;

    *lr = spec->lr;
    *beta1 = spec->beta1;
    switch (spec->schedule) {
    case SCHEDULE_CONSTANT:
        break;
    case SCHEDULE_STEP:
        *lr *= real_power(spec->lr_decay, epoch / spec->lr_step);
        break;
    case SCHEDULE_EXPONENTIAL:
        *lr *= real_power(spec->lr_decay, epoch);
        break;
    case SCHEDULE_COSINE:
        *lr = half_cosine(spec->lr, 0.0, share);
        break;
    case SCHEDULE_ONE_CYCLE: /* Smith 2018 as fastai runs it: a quarter up, the rest down */
        if (share < 0.25) {
            *lr = half_cosine(spec->lr / 25.0, spec->lr, share / 0.25);
            *beta1 = half_cosine(spec->momentum_high, spec->momentum_low, share / 0.25);
        } else {
            *lr = half_cosine(spec->lr, spec->lr / 1e5, (share - 0.25) / 0.75);
            *beta1 = half_cosine(spec->momentum_low, spec->momentum_high, (share - 0.25) / 0.75);
        }
        break;
    }
}

int adam_plan_init(struct adam_plan *p, const struct adam_spec *spec, int64_t steps_per_epoch,
                   struct error *err)
{
    *p = (struct adam_plan){.spec = *spec, .steps = steps_per_epoch};
    p->weight = mem_alloc(steps_per_epoch, sizeof *p->weight);
    p->bias = mem_alloc(steps_per_epoch, sizeof *p->bias);
    if (!p->weight || !p->bias) {
        adam_plan_fini(p);
        return error_set(err, PT_ENOMEM, "adam: out of memory");
    }
    return 0;
}

void adam_plan_epoch(struct adam_plan *p, int64_t epoch, int64_t first_step)
{
    adam_plan_part(p, 0, p->steps, epoch, first_step, 1.0);
}

void adam_plan_part(struct adam_plan *p, int64_t from, int64_t to, int64_t epoch, int64_t first_step,
                    double share)
{
    for (int64_t i = from; i < to; i++) {
        int64_t step = first_step + i - from;
        double lr, beta1;
        struct adam_step s;

        adam_schedule(&p->spec, epoch, (int64_t)((double)step / share), &lr, &beta1);
        s.step_size = (float)(lr / (1.0 - real_power(beta1, step + 1)));
        s.root_scale = (float)(1.0 / sqrt(1.0 - real_power(p->spec.beta2, step + 1)));
        s.eps = (float)p->spec.eps;
        s.beta1 = (float)beta1;
        s.one_beta1 = (float)(1.0 - beta1);
        s.beta2 = (float)p->spec.beta2;
        s.one_beta2 = (float)(1.0 - p->spec.beta2);
        s.keep = (float)(1.0 - lr * p->spec.weight_decay);
        s.l2 = (float)p->spec.l2;
        p->weight[i] = s;
        if (!p->spec.decay_biases) {
            s.keep = 1.0f;
            s.l2 = 0.0f;
        }
        p->bias[i] = s;
    }
}

void adam_plan_fini(struct adam_plan *p)
{
    mem_free(p->weight);
    mem_free(p->bias);
    *p = (struct adam_plan){0};
}
