/* kernels_units.c - activations and softmax rows. */
#include "math/kernels_functions.h"

#define EACH(expression)                                                                                     \
    do {                                                                                                     \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++) y[i] = expression;                               \
    } while (0)

void PATH(activate)(enum activation f, float *y, int64_t n)
{
    switch (f) {
    case ACT_IDENTITY:
        break;
    case ACT_SIGMOID:
        EACH(sigmoid_element(y[i]));
        break;
    case ACT_TANH:
        EACH(tanh_element(y[i]));
        break;
    case ACT_RELU:
        EACH(y[i] < 0.0f ? 0.0f : y[i]); /* NaN stays */
        break;
    case ACT_ELU:
        EACH(elu_element(y[i]));
        break;
    case ACT_SELU:
        EACH(selu_element(y[i]));
        break;
    }
}

#define EACH_BACK(expression)                                                                                \
    do {                                                                                                     \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++) dy[i] *= expression;                             \
    } while (0)

void PATH(activate_back)(enum activation f, float *dy, const float *y, int64_t n)
{
    switch (f) {
    case ACT_IDENTITY:
        break;
    case ACT_SIGMOID:
        EACH_BACK(y[i] * (1.0f - y[i]));
        break;
    case ACT_TANH:
        EACH_BACK(FMA(-y[i], y[i], 1.0f));
        break;
    case ACT_RELU:
        EACH_BACK((y[i] > 0.0f ? 1.0f : 0.0f));
        break;
    case ACT_ELU:
        EACH_BACK((y[i] > 0.0f ? 1.0f : y[i] + 1.0f));
        break;
    case ACT_SELU:
        EACH_BACK((y[i] > 0.0f ? SELU_SCALE : y[i] + SELU_SCALE * SELU_ALPHA));
        break;
    }
}

/* ---- softmax ---- */

/* A row's maximum; NaN where any element is: no comparison with NaN holds, so it must be asked for. */
INLINE float row_max(const float *x, int64_t n)
{
    float lane[LANES], best;
    int64_t i = 0;
    bool nan = false;

    for (int j = 0; j < LANES; j++)
        lane[j] = -__builtin_inff();
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) {
            lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
            nan |= x[i + j] != x[i + j];
        }
    for (int j = 0; i + j < n; j++) {
        lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
        nan |= x[i + j] != x[i + j];
    }
    best = lane[0];
    for (int j = 1; j < LANES; j++)
        best = lane[j] > best ? lane[j] : best;
    return nan ? __builtin_nanf("") : best;
}

void PATH(exp_row)(float *x, int64_t n, float *max, float *sum)
{
    float top = row_max(x, n), lane[LANES] = {0};
    int64_t i = 0;
    vec total;

    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) {
            float e = exp_element(x[i + j] - top);

            x[i + j] = e;
            lane[j] += e;
        }
    for (int j = 0; i + j < n; j++) {
        float e = exp_element(x[i + j] - top);

        x[i + j] = e;
        lane[j] += e;
    }
    memcpy(&total, lane, sizeof total);
    *max = top;
    *sum = lane_sum(total);
}

void PATH(exp_stats)(const float *x, int64_t n, float *max, float *sum)
{
    float top = row_max(x, n), lane[LANES] = {0};
    int64_t i = 0;
    vec total;

    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] += exp_element(x[i + j] - top);
    for (int j = 0; i + j < n; j++)
        lane[j] += exp_element(x[i + j] - top);
    memcpy(&total, lane, sizeof total);
    *max = top;
    *sum = lane_sum(total);
}
