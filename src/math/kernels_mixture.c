/* kernels_mixture.c - RecVAE's latent units: the sample and the composite prior (model/multivae.h). */
#include "math/kernels_functions.h"

#define PIECE 64

/* One unit. `term`: log q(z) - log p(z) without the constant that both have; `slope`: -dlog p / dz.
 * Logarithms of densities: -(log variance + distance^2 / variance) / 2. */
INLINE float mixture_element(float m, float s, float m_old, float s_old, float *noise, float *slope)
{
    const float log_weight[] = {-1.89711998f, -0.287682072f, -2.30258509f}; /* of .15, .75, .1 */
    const float wide = 10.0f, narrow = 4.53999298e-5f;                      /* e^-10 */
    float eps = *noise, z, precision = exp_element(-s_old), away, a, b, c, top, sum;

    *noise = eps * exp_element(0.5f * s);
    z = m + *noise;
    away = z - m_old;
    a = FMA(-0.5f * z, z, log_weight[0]);
    b = FMA(-0.5f, FMA(away * away, precision, s_old), log_weight[1]);
    c = FMA(-0.5f, FMA(z * z, narrow, wide), log_weight[2]);
    top = a > b ? a : b;
    top = top > c ? top : c;
    a = exp_element(a - top);
    b = exp_element(b - top);
    c = exp_element(c - top);
    sum = a + b + c;
    *slope = (FMA(a, z, b * away * precision) + c * z * narrow) / sum;
    return -0.5f * FMA(eps, eps, s) - (top + log_element(sum));
}

double ISA(sample_mixture)(int64_t n, const float *m, const float *old, float *noise, float *z, float *slope)
{
    double kl = 0.0;

    for (int64_t i0 = 0; i0 < n; i0 += PIECE) {
        int64_t piece = n - i0 < PIECE ? n - i0 : PIECE;
        float term[PIECE];

        _Pragma("omp simd") for (int64_t j = 0; j < piece; j++)
        {
            int64_t i = i0 + j;
            float e = noise[i], d;

            term[j] = mixture_element(m[i], m[n + i], old[i], old[n + i], &e, &d);
            noise[i] = e;
            slope[i] = d;
            z[i] = m[i] + e;
        }
        for (int64_t j = 0; j < piece; j++)
            kl += (double)term[j];
    }
    return kl;
}
