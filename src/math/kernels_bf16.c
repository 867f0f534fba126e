/* kernels_bf16.c - products of numbers rounded to bf16, on register tiles; layouts: kernels.h.
 *
 * A step of a chain is c = fma(even, even', fma(odd, odd', c)): what VDPBF16PS does, in one instruction. This
 * file is compiled once more with it; elsewhere two fused operations on widened numbers give the same
 * bits. */
#include "math/kernels_isa.h"

#if defined(__AVX512F__)
#define PANELS 3  /* of a tile */
#define SUMS   24 /* with 3 + 1 operands: 32 registers */
#elif defined(__aarch64__)
#define PANELS 1
#define SUMS   24
#else
#define PANELS 1
#define SUMS   12
#endif
#define ROWS_MOST 12
#define VECS      (PANELS * PARTS)
#define NEAR      8 /* steps: how early a tile asks for operands */

typedef uint32_t words __attribute__((vector_size(4 * LANES), may_alias));
typedef uint16_t halves __attribute__((vector_size(2 * LANES), may_alias));

/* To nearest even, in the lower half of a word. What is tiny becomes zero; not a number stays that. */
INLINE words round_bf16(vec x)
{
#if defined(__AVX512BF16__)
    return (words)_mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)x));
#else
    words bits = (words)x, exponent = bits & 0x7f800000;
    words nearest = bits + 0x7fff + (bits >> 16 & 1), sign = bits & 0x80000000;

    nearest = (words)choose(x == x, (vec)nearest, (vec)(bits | 0x400000));
    return (words)choose((mask)(exponent == 0), (vec)sign, (vec)nearest) >> 16;
#endif
}

void ISA(bf16_rows)(int64_t m, int64_t n, const float *x, int64_t ldx, uint32_t *out, int64_t ld)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j += LANES) {
            halves h = __builtin_convertvector(round_bf16(*(const vec *)(x + i * ldx + j)), halves);

            memcpy(out + i * ld + j / 2, &h, sizeof h);
        }
}

#if defined(__AVX512F__)
/* 16 numbers of each of two rows, rounded; NULL: zeros. */
INLINE __m512i round_two(const float *low, const float *high)
{
    __m512 a = low ? _mm512_load_ps(low) : _mm512_setzero_ps();
    __m512 b = high ? _mm512_load_ps(high) : _mm512_setzero_ps();

#if defined(__AVX512BF16__)
    return (__m512i)_mm512_cvtne2ps_pbh(b, a);
#else
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi32_epi16((__m512i)round_bf16((vec)a))),
                              _mm512_cvtepi32_epi16((__m512i)round_bf16((vec)b)), 1);
#endif
}
#endif

void ISA(bf16_pair)(int64_t n, const float *even, const float *odd, uint32_t *out, int64_t panel)
{
#if defined(__AVX512F__)
    const __m512i turns = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23,
                                           7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);

    for (int64_t j = 0; j < n; j += LANES, out += panel)
        _mm512_store_si512(out, _mm512_permutexvar_epi16(turns, round_two(even + j, odd ? odd + j : NULL)));
#else
    for (int64_t j = 0; j < n; j += LANES) {
        words pair = round_bf16(*(const vec *)(even + j));

        if (odd)
            pair |= round_bf16(*(const vec *)(odd + j)) << 16;
        *(words *)(out + j / ROW_ALIGN * panel + j % ROW_ALIGN) = pair;
    }
#endif
}

#if defined(__AVX512F__)
/* 16 numbers of each of 16 rows, the first m of which there are: words (16, 8) to (8, 16). */
INLINE void panel_part(const float *x, int64_t ld, uint32_t *out, const int64_t m)
{
    const __m512i even = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13),
                  odd = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    __m512i a[8], b[8];

    UNROLL for (int i = 0; i < 8; i++) /* rows i and i + 8 */
        a[i] = round_two(i < m ? x + i * ld : NULL, i + 8 < m ? x + (i + 8) * ld : NULL);
    UNROLL for (int i = 0; i < 8; i += 2)
    {
        b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
    }
    UNROLL for (int i = 0; i < 8; i += 4) UNROLL for (int j = 0; j < 2; j++)
    {
        a[i + 2 * j] = _mm512_unpacklo_epi64(b[i + j], b[i + 2 + j]);
        a[i + 2 * j + 1] = _mm512_unpackhi_epi64(b[i + j], b[i + 2 + j]);
    }
    UNROLL for (int i = 0; i < 4; i++)
    {
        _mm512_store_si512(out + i * ROW_ALIGN, _mm512_permutex2var_epi64(a[i], even, a[i + 4]));
        _mm512_store_si512(out + (i + 4) * ROW_ALIGN, _mm512_permutex2var_epi64(a[i], odd, a[i + 4]));
    }
}
#else
INLINE void panel_part(const float *x, int64_t ld, uint32_t *out, const int64_t m)
{
    uint32_t row[ROW_ALIGN][ROW_ALIGN / 2] = {{0}};

    ISA(bf16_rows)(m, ROW_ALIGN, x, ld, row[0], ROW_ALIGN / 2);
    for (int t = 0; t < ROW_ALIGN / 2; t++)
        for (int i = 0; i < ROW_ALIGN; i++)
            out[t * ROW_ALIGN + i] = row[i][t];
}
#endif

void ISA(bf16_panel)(int64_t m, int64_t n, const float *x, int64_t ld, uint32_t *out)
{
    for (int64_t j = 0; j < n; j += ROW_ALIGN, out += ROW_ALIGN * ROW_ALIGN / 2) {
        if (m == ROW_ALIGN)
            panel_part(x + j, ld, out, ROW_ALIGN);
        else
            panel_part(x + j, ld, out, m);
    }
}

/* Operands of a tile: rows of A, and panels of B. */
struct operands {
    const uint32_t *a, *b;
    int64_t row, column, panel;
};

INLINE const uint32_t *right_at(struct operands o, int64_t t, int j)
{
    return o.b + j / PARTS * o.panel + t * ROW_ALIGN + j % PARTS * LANES;
}

INLINE void multiply(vec sum[ROWS_MOST][VECS], struct operands o, int64_t t, const int rows, const int vecs)
{
#if defined(__AVX512BF16__)
    __m512bh right[VECS];

    UNROLL for (int j = 0; j < vecs; j++) right[j] = (__m512bh)_mm512_load_si512(right_at(o, t, j));
    UNROLL for (int i = 0; i < rows; i++)
    {
        __m512bh left = (__m512bh)_mm512_set1_epi32((int)o.a[i * o.row + t * o.column]);

        UNROLL for (int j = 0; j < vecs; j++) sum[i][j] =
            (vec)_mm512_dpbf16_ps((__m512)sum[i][j], left, right[j]);
    }
#else
    vec right[VECS];

    UNROLL for (int j = 0; j < vecs; j++) right[j] = (vec)(*(const words *)right_at(o, t, j) & 0xffff0000);
    UNROLL for (int i = 0; i < rows; i++)
    {
        vec left = (vec)((o.a[i * o.row + t * o.column] - (words){0}) & 0xffff0000);

        UNROLL for (int j = 0; j < vecs; j++) sum[i][j] = fma_vec(left, right[j], sum[i][j]);
    }
    UNROLL for (int j = 0; j < vecs; j++) right[j] = (vec)(*(const words *)right_at(o, t, j) << 16);
    UNROLL for (int i = 0; i < rows; i++)
    {
        vec left = (vec)((o.a[i * o.row + t * o.column] - (words){0}) << 16);

        UNROLL for (int j = 0; j < vecs; j++) sum[i][j] = fma_vec(left, right[j], sum[i][j]);
    }
#endif
}

INLINE void tile(int64_t pairs, struct operands o, const float *bias, enum product_into into, struct fetch f,
                 float *c, int64_t ldc, const int rows, const int vecs)
{
    vec sum[ROWS_MOST][VECS];

    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < vecs; j += PARTS)
        __builtin_prefetch(c + i * ldc + j * LANES, 1, 3);
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < vecs; j++) sum[i][j] =
        into == INTO_CHAIN ? *(const vec *)(c + i * ldc + j * LANES) : splat(0.0f);
    for (int64_t t = 0; t < pairs; t++) {
        if (t < f.steps)
            __builtin_prefetch(f.at + t * f.stride, 0, 2);
        UNROLL for (int j = 0; j < vecs; j += PARTS) __builtin_prefetch(right_at(o, t + NEAR, j), 0, 3);
        multiply(sum, o, t, rows, vecs);
    }
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < vecs; j++)
    {
        vec *out = (vec *)(c + i * ldc + j * LANES);

        if (into == INTO_SUM)
            sum[i][j] = *out + sum[i][j];
        if (bias)
            sum[i][j] += *(const vec *)(bias + j * LANES);
        *out = sum[i][j];
    }
}

/* Rows of the next tile: at most `most`, and what is left in two halves rather than a full tile and a short
 * one, whose few sums would wait for one another. */
INLINE int64_t tile_rows(int64_t left, const int most)
{
    return left >= 2 * most ? most : left > most ? (left + 1) / 2 : left;
}

/* All rows against some panels. The tiles fetch what the caller will need, or else the next panels of B. */
INLINE void tiles(int64_t m, int64_t pairs, struct operands o, const float *bias, enum product_into into,
                  struct fetched *ahead, bool more, float *c, int64_t ldc, const int most, const int panels)
{
    const uint32_t *a = o.a;
    int64_t rows, number = 0;

    for (int64_t i = 0; i < m; i += rows, number++, o.a = a + i * o.row) {
        struct fetch f = {0};

        rows = tile_rows(m - i, most);
        if (ahead)
            f = fetch_ahead(ahead, pairs);
        else if (more && number < PANELS)
            f = (struct fetch){(const float *)(const void *)(o.b + (panels + number) * o.panel), ROW_ALIGN,
                               pairs};
        UNROLL for (int r = 1; r <= most; r++) if (rows == r)
            tile(pairs, o, bias, into, f, c + i * ldc, ldc, r, panels * PARTS);
    }
}

void ISA(bf16_product)(int64_t m, int64_t n, int64_t pairs, const uint32_t *a, int64_t row, int64_t column,
                       const uint32_t *b, const float *bias, enum product_into into, float *c, int64_t ldc,
                       const struct ahead *ahead)
{
    struct fetched rest = fetch_begin(ahead), *fetch = ahead ? &rest : NULL;
    struct operands o = {a, b, row, column, pairs * ROW_ALIGN};

    for (int64_t j = 0; j < n;) {
        const float *offset = bias ? bias + j : NULL;
        int64_t left = (n - j) / ROW_ALIGN;

        o.b = b + j * pairs;
        if (left >= PANELS && !(PANELS > 2 && left == 4)) {
            tiles(m, pairs, o, offset, into, fetch, left > PANELS, c + j, ldc, SUMS / VECS, PANELS);
            j += PANELS * ROW_ALIGN;
        } else if (PANELS > 2 && left >= 2) {
            tiles(m, pairs, o, offset, into, fetch, left > 2, c + j, ldc, ROWS_MOST, PANELS > 2 ? 2 : 1);
            j += 2 * ROW_ALIGN;
        } else {
            tiles(m, pairs, o, offset, into, fetch, false, c + j, ldc, SUMS / VECS, 1);
            j += ROW_ALIGN;
        }
    }
}
