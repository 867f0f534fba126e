/* kernels_norm.c - layer norm of a row. Sums are in float64 on 16 lanes and a tree: products of two floats
 * are exact there, so the bits are the same on every path. */
#include "math/kernels_isa.h"

#define SUM_LANES 16

INLINE double tree(double *lane)
{
    for (int half = SUM_LANES / 2; half; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] += lane[j + half];
    return lane[0];
}

float ISA(norm)(float *y, float *scaled, int64_t n, const float *gain, const float *offset, float eps)
{
    double lane[SUM_LANES] = {0.0}, square[SUM_LANES] = {0.0}, mean, variance;
    float center, inverse;

    for (int64_t i = 0; i < n; i += SUM_LANES) /* the padding adds nothing */
        _Pragma("omp simd") for (int j = 0; j < SUM_LANES; j++)
        {
            lane[j] += (double)y[i + j];
            square[j] += (double)y[i + j] * (double)y[i + j];
        }
    mean = tree(lane) / (double)n;
    variance = tree(square) / (double)n - mean * mean;
    center = (float)mean;
    inverse = (float)(1.0 / __builtin_sqrt((variance < 0.0 ? 0.0 : variance) + (double)eps));
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++)
    {
        float s = (y[i] - center) * inverse;

        scaled[i] = s;
        y[i] = FMA(gain[i], s, offset[i]);
    }
    return inverse;
}

void ISA(norm_back)(float *dy, float *scaled, int64_t n, const float *gain, float inverse)
{
    double lane[SUM_LANES] = {0.0}, along[SUM_LANES] = {0.0};
    float mean, slope;

    for (int64_t i = 0; i < n; i += SUM_LANES)
        _Pragma("omp simd") for (int j = 0; j < SUM_LANES; j++)
        {
            float g = dy[i + j] * gain[i + j];

            lane[j] += (double)g;
            along[j] += (double)g * (double)scaled[i + j];
        }
    mean = (float)(tree(lane) / (double)n);
    slope = (float)(tree(along) / (double)n);
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++)
    {
        float d = dy[i], s = scaled[i];

        scaled[i] = d * s;
        dy[i] = (d * gain[i] - FMA(s, slope, mean)) * inverse;
    }
}
