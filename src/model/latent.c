#include "model/multivae.h"

#include "base/rng.h"

#include <string.h>

#define PIECE 64

int latent_init(struct latent *l, bool mixture, const struct model *m, struct error *err)
{
    const struct model_spec *spec = &m->spec;
    int64_t floats;

    *l = (struct latent){.ld = row_pad(spec->latent),
                         .ld_old = row_pad(2 * spec->latent),
                         .mixture = mixture && !spec->fixed,
                         .model = m};
    floats = spec->batch * l->ld;
    l->noise = mem_pool_array(&l->pool, floats, sizeof *l->noise);
    l->kl = mem_pool_zalloc(&l->pool, spec->batch, sizeof *l->kl);
    if (l->mixture) {
        l->slope = mem_pool_array(&l->pool, floats, sizeof *l->slope);
        l->old = mem_pool_array(&l->pool, m->eng.train->examples * l->ld_old, sizeof *l->old);
    }
    return need_memory(!l->pool.failed, err);
}

void latent_fini(struct latent *l)
{
    mem_pool_free(&l->pool);
    *l = (struct latent){0};
}

static double kl_weight(const struct latent *l, const struct batch *b)
{
    const struct model_spec *spec = &l->model->spec;
    double grown;

    if (!spec->kl_anneal_steps)
        return spec->kl_weight;
    grown = (double)b->step / (double)spec->kl_anneal_steps;
    return grown < spec->kl_weight ? grown : spec->kl_weight;
}

/* The weight of a row's KL; with kl_per_click it depends on the number of the row's clicks. */
static double row_kl_weight(const struct latent *l, const struct batch *b, int64_t p)
{
    double per_click = l->model->spec.kl_per_click;

    return per_click > 0.0 ? per_click * (double)l->model->eng.train->row_count[b->example[p]]
                           : kl_weight(l, b);
}

/* Adds the noise of a row to z; returns its KL from the standard normal distribution. */
static double sample_normal(const struct kernels *kern, int n, const float *m, float *noise, float *z)
{
    const float *s = m + n;
    double kl = 0.0;

    for (int k0 = 0; k0 < n; k0 += PIECE) {
        int piece = n - k0 < PIECE ? n - k0 : PIECE;
        float deviation[PIECE];

        kern->exp_wide(s + k0, 0.5f, deviation, piece);
        for (int j = 0, k = k0; j < piece; j++, k++) {
            noise[k] *= deviation[j];
            z[k] += noise[k];
            kl += (double)deviation[j] * (double)deviation[j] + (double)m[k] * (double)m[k] - 1.0 -
                  (double)s[k];
        }
    }
    return 0.5 * kl;
}

void latent_sample(struct latent *l, int64_t first, int64_t end, const struct batch *b, const float *m,
                   int64_t ldm, float *z)
{
    const struct model_spec *spec = &l->model->spec;
    const struct kernels *kern = l->model->eng.kern;
    int n = spec->latent;

    for (int64_t p = first; p < end; p++) {
        const float *row = m + p * ldm;
        float *zp = z + p * l->ld, *noise = l->noise + p * l->ld;

        memcpy(zp, row, (size_t)n * sizeof *z);
        if (!b)
            continue;
        kern->normal(noise, n, (float)spec->noise_std, spec->seed, RNG_NOISE, b->step, (uint32_t)p);
        l->kl[p] = l->mixture ? kern->sample_mixture(n, row, l->old + b->example[p] * l->ld_old, noise, zp,
                                                     l->slope + p * l->ld)
                              : sample_normal(kern, n, row, noise, zp);
    }
}

/* Multi-VAE: dm = dz + kl_weight m / B
 *            ds = dz (z - m) / 2 + kl_weight (exp(s) - 1) / 2B
 * RecVAE: dm = dz + kl_weight slope / B
 *         ds = dm (z - m) / 2 - kl_weight / 2B */
void latent_backward(const struct latent *l, int64_t first, int64_t end, const struct batch *b,
                     const float *m, int64_t ldm, const float *dz, float *dm)
{
    int n = l->model->spec.latent;

    for (int64_t p = first; p < end; p++) {
        const float *mean = m + p * ldm, *s = mean + n, *noise = l->noise + p * l->ld, *d = dz + p * l->ld;
        float *to = dm + p * ldm, weight = (float)(row_kl_weight(l, b, p) / (double)b->rows);

        if (!l->mixture)
            l->model->eng.kern->exp_wide(s, 1.0f, to + n, n);
        for (int k = 0; k < n && !l->mixture; k++) {
            to[k] = d[k] + weight * mean[k];
            to[n + k] = 0.5f * (d[k] * noise[k] + weight * (to[n + k] - 1.0f));
        }
        for (int k = 0; k < n && l->mixture; k++) {
            to[k] = d[k] + weight * l->slope[p * l->ld + k];
            to[n + k] = 0.5f * (to[k] * noise[k] - weight);
        }
    }
}

double latent_loss(const struct latent *l, const struct batch *b, double *kl)
{
    double sum = 0.0, weighted = 0.0;

    for (int64_t p = 0; p < b->rows; p++) {
        sum += l->kl[p];
        weighted += row_kl_weight(l, b, p) * l->kl[p];
    }
    *kl = sum / (double)b->rows;
    return l->model->spec.kl_per_click > 0.0 ? weighted / (double)b->rows : kl_weight(l, b) * *kl;
}
