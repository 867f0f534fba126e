#include "eval/topk.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define CHUNK 256 /* scores that are compared with the bar at once */
#define SMALL 16  /* runs up to this long are sorted by insertion */

/* While entries are selected or sorted they stand in the buffer as keys: 64-bit numbers, greater for the
 * entry that is better, so that an order of two fields costs one comparison. A float's bits order like
 * the float when those of a negative one are inverted and the sign of a positive one is set. */
static inline uint64_t key_of(struct scored x)
{
    uint32_t bits;

    memcpy(&bits, &x.score, sizeof bits);
    bits ^= bits >> 31 ? UINT32_MAX : (uint32_t)1 << 31;
    return (uint64_t)bits << 32 | ~(uint32_t)x.column;
}

static inline struct scored scored_of(uint64_t key)
{
    struct scored x = {.column = (int32_t) ~(uint32_t)key};
    uint32_t bits = (uint32_t)(key >> 32);

    bits ^= bits >> 31 ? (uint32_t)1 << 31 : UINT32_MAX;
    memcpy(&x.score, &bits, sizeof bits);
    return x;
}

/* The room belongs to structs: keys go in and out as bytes. */
static inline uint64_t load(const struct scored *a)
{
    uint64_t key;

    memcpy(&key, a, sizeof key);
    return key;
}

static inline void store(struct scored *a, uint64_t key)
{
    memcpy(a, &key, sizeof key);
}

static void to_keys(struct scored *a, int n)
{
    for (int i = 0; i < n; i++)
        store(&a[i], key_of(a[i]));
}

static void from_keys(struct scored *a, int n)
{
    for (int i = 0; i < n; i++)
        a[i] = scored_of(load(&a[i]));
}

static inline void swap(struct scored *a, struct scored *b)
{
    uint64_t keep = load(a);

    store(a, load(b));
    store(b, keep);
}

static int draw_place(uint64_t *state, int n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (int)((*state >> 32) * (uint64_t)n >> 32);
}

static int median3(const struct scored *a, int i, int j, int k)
{
    uint64_t x = load(&a[i]), y = load(&a[j]), z = load(&a[k]);

    if (x > y)
        return y > z ? j : x > z ? k : i;
    return x > z ? i : y > z ? k : j;
}

/* Parts the keys a[0 .. n), n >= 1, at a pivot: what is above it, the pivot, what is below it; returns
 * the pivot's place. The pivot is the median of three places drawn by a fixed generator, so that no
 * order of scores that occurs in practice (sorted, organ pipes, the leavings of an earlier cut) makes
 * the work quadratic. Stores are unconditional, which leaves no branch for unsorted keys to mispredict. */
static int partition(struct scored *a, int n, uint64_t *state)
{
    int i = draw_place(state, n), j = draw_place(state, n), k = draw_place(state, n), front = 0;
    uint64_t pivot;

    swap(&a[median3(a, i, j, k)], &a[n - 1]);
    pivot = load(&a[n - 1]);
    for (i = 0; i < n - 1; i++) {
        uint64_t key = load(&a[i]);

        store(&a[i], load(&a[front]));
        store(&a[front], key);
        front += key > pivot;
    }
    swap(&a[front], &a[n - 1]);
    return front;
}

static void sort_small(struct scored *a, int n)
{
    for (int i = 1; i < n; i++) {
        uint64_t key = load(&a[i]);
        int j = i;

        for (; j > 0 && key > load(&a[j - 1]); j--)
            store(&a[j], load(&a[j - 1]));
        store(&a[j], key);
    }
}

/* The k greatest of the keys a[0 .. n) come to a[0 .. k), the least of them to a[k - 1]; 1 <= k <= n. */
static void select_keys(struct scored *a, int n, int k)
{
    uint64_t state = (uint64_t)n;
    int want = k - 1;

    while (n > SMALL) {
        int front = partition(a, n, &state);

        if (front == want)
            return;
        if (want < front) {
            n = front;
        } else {
            a += front + 1;
            n -= front + 1;
            want -= front + 1;
        }
    }
    sort_small(a, n);
}

static void sort_keys(struct scored *a, int n)
{
    uint64_t state = (uint64_t)n;

    while (n > SMALL) {
        int front = partition(a, n, &state), behind = n - front - 1;

        /* The shorter side by recursion: its depth is at most log2 n. */
        if (front < behind) {
            sort_keys(a, front);
            a += front + 1;
            n = behind;
        } else {
            sort_keys(a + front + 1, behind);
            n = front;
        }
    }
    sort_small(a, n);
}

static void raise_bar(struct topk *t)
{
    t->n = t->k;
    t->bar = t->best[t->k - 1].score;
    t->bar_column = t->best[t->k - 1].column;
}

/* There is always room for one more: a full buffer is cut at once. */
static void insert(struct topk *t, float score, int32_t column)
{
    /* Adding 0 makes a 0 of -0, and of a denormal where those count as 0: equal scores have equal bits. */
    score = isnan(score) ? -INFINITY : score + 0.0f;
    if (score < t->bar || (score == t->bar && column > t->bar_column))
        return;
    t->best[t->n++] = (struct scored){score, column};
    if (t->n == t->capacity) {
        to_keys(t->best, t->n);
        select_keys(t->best, t->n, t->k);
        from_keys(t->best, t->k);
        raise_bar(t);
    }
}

void topk_init(struct topk *t, int k, struct scored *room, int capacity)
{
    assert(k >= 1 && capacity / 2 >= k);
    *t = (struct topk){.best = room, .k = k, .capacity = capacity, .bar = -INFINITY, .bar_column = INT32_MAX};
}

void topk_offer(struct topk *t, const struct kernels *kern, const float *score, int64_t n, int32_t first)
{
    int32_t at[CHUNK];
    int64_t i = 0;

    /* While the bar is -inf everything reaches it, a NaN too: as a rule until the first cut. */
    for (; i < n && t->bar == -INFINITY; i++)
        insert(t, score[i], first + (int32_t)i);
    for (; i < n; i += CHUNK) {
        int64_t found = kern->above_threshold(score + i, n - i < CHUNK ? n - i : CHUNK, t->bar, at);

        for (int64_t j = 0; j < found; j++)
            insert(t, score[i + at[j]], first + (int32_t)(i + at[j]));
    }
}

void topk_offer_one(struct topk *t, float score, int32_t column)
{
    insert(t, score, column);
}

float topk_select(struct scored *a, int n, int k)
{
    to_keys(a, n);
    select_keys(a, n, k);
    from_keys(a, n);
    return a[k - 1].score;
}

int topk_finish(struct topk *t)
{
    int n = t->n < t->k ? t->n : t->k;

    to_keys(t->best, t->n);
    if (t->n > t->k)
        select_keys(t->best, t->n, t->k);
    sort_keys(t->best, n);
    from_keys(t->best, n);
    t->n = n;
    if (n == t->k)
        raise_bar(t);
    return n;
}

int topk_merge_workers(struct topk *t, int64_t stride, int count)
{
    int n;

    for (int i = 1; i < count; i++)
        for (int j = 0; j < t[i * stride].n; j++)
            insert(t, t[i * stride].best[j].score, t[i * stride].best[j].column);
    n = topk_finish(t);
    while (n > 0 && t->best[n - 1].score == -INFINITY)
        n--;
    return n;
}
