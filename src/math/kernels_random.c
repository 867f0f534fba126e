/* kernels_random.c - dropout and normal numbers, from the counter-based generator. */
#include "math/kernels_functions.h"

void ISA(dropout)(float *y, int64_t n, float rate, uint64_t seed, int purpose, uint64_t step,
                  uint32_t position)
{
    const uint32_t bar = (uint32_t)((double)rate * 4294967296.0);
    const float keep = 1.0f / (1.0f - rate);

    for (int64_t i0 = 0; i0 < n; i0 += 64) { /* 16 calls of four words at a time, for vector registers */
        int64_t left = n - i0 < 64 ? n - i0 : 64;
        uint32_t word[64];

#pragma omp simd
        for (int j = 0; j < 16; j++) {
            struct rng4 r =
                rng_philox(seed, (enum rng_purpose)purpose, step, position, (uint32_t)(i0 / 4 + j));

            word[4 * j] = r.word[0];
            word[4 * j + 1] = r.word[1];
            word[4 * j + 2] = r.word[2];
            word[4 * j + 3] = r.word[3];
        }
        for (int64_t i = 0; i < left; i++)
            y[i0 + i] = word[i] < bar ? 0.0f : y[i0 + i] * keep;
    }
}

void ISA(drop_at)(float *x, int64_t n, const int32_t *column, const int32_t *position, uint32_t first,
                  float rate, uint64_t seed, int purpose, uint64_t step)
{
    const uint32_t bar = (uint32_t)((double)rate * 4294967296.0);

    for (int64_t i0 = 0; i0 < n; i0 += 16) {
        int64_t left = n - i0 < 16 ? n - i0 : 16;
        uint32_t unit[16] = {0}, row[16] = {0}, word[16];

        for (int64_t j = 0; j < left; j++) {
            unit[j] = first + (uint32_t)column[i0 + j];
            row[j] = (uint32_t)position[i0 + j];
        }
#pragma omp simd
        for (int j = 0; j < 16; j++) {
            struct rng4 r = rng_philox(seed, (enum rng_purpose)purpose, step, row[j], unit[j] / 4);
            uint32_t low = unit[j] & 1 ? r.word[1] : r.word[0], high = unit[j] & 1 ? r.word[3] : r.word[2];

            word[j] = unit[j] & 2 ? high : low;
        }
        for (int64_t j = 0; j < left; j++)
            x[i0 + j] = word[j] < bar ? 0.0f : x[i0 + j];
    }
}

/* sin and cos of 2 pi u, u in [0, 1): the nearest quarter turn, then polynomials on +- pi / 4. */
INLINE void sincos_element(float u, float *sine, float *cosine)
{
    int32_t quarter = (int32_t)(4.0f * u + 0.5f);
    float r = FMA((float)quarter, -0.25f, u) * 6.28318530718f, z = r * r, s, c, swap;

    s = FMA(-1.9515295891e-4f, z, 8.3321608736e-3f);
    s = FMA(s, z, -1.6666654611e-1f);
    s = FMA(s * z, r, r);
    c = FMA(2.443315711809948e-5f, z, -1.388731625493765e-3f);
    c = FMA(c, z, 4.166664568298827e-2f);
    c = FMA(c * z, z, FMA(-0.5f, z, 1.0f));
    swap = quarter & 1 ? c : s;
    c = quarter & 1 ? s : c;
    s = swap;
    *sine = quarter & 2 ? -s : s;
    *cosine = (quarter + 1) & 2 ? -c : c;
}

void ISA(normal)(float *out, int64_t n, float std, uint64_t seed, int purpose, uint64_t step,
                 uint32_t position)
{
    for (int64_t i0 = 0; i0 < n; i0 += 64) {
        float value[64];

#pragma omp simd
        for (int j = 0; j < 16; j++) {
            struct rng4 r =
                rng_philox(seed, (enum rng_purpose)purpose, step, position, (uint32_t)(i0 / 4 + j));
            float a = std * __builtin_sqrtf(-2.0f * log_element(rng_unit_open(r.word[0])));
            float b = std * __builtin_sqrtf(-2.0f * log_element(rng_unit_open(r.word[2])));
            float sine, cosine;

            sincos_element(rng_unit(r.word[1]), &sine, &cosine);
            value[4 * j] = a * cosine;
            value[4 * j + 1] = a * sine;
            sincos_element(rng_unit(r.word[3]), &sine, &cosine);
            value[4 * j + 2] = b * cosine;
            value[4 * j + 3] = b * sine;
        }
        memcpy(out + i0, value, (size_t)(n - i0 < 64 ? n - i0 : 64) * sizeof *out);
    }
}
