/* The k best by a sieve of bf16 scores against those of all scores in float: the same columns and the same
 * bits, on every vector path, for scores that rounding confuses, and for what has no bound. */
#include "support.h"

#include "base/mem.h"
#include "base/rng.h"
#include "eval/sieve.h"

enum { COLUMNS = 1500, LD = 96, ROWS = 30, K = 10, SHARDS = 5 };

enum flavour {
    PLAIN,
    SMALL,           /* codes and weights far below 1 */
    TIES,            /* columns differ in the last bit of one weight, or in nothing */
    SKEWED,          /* some columns are a thousand times as long */
    ALIGNED_WEIGHTS, /* the best are all rounded down, the others up: the bound is reached */
    ALIGNED_CODES,   /* likewise, by the codes */
    ONE_NAN,         /* a weight is not a number */
    BAD_CODES,       /* a code is infinite, one not a number, one zero, one overflows */
    INFINITE,        /* a bias is infinite */
    MOSTLY_HIDDEN,
    FLAVOURS
};

struct world {
    struct model model; /* first: what the operations get */
    struct matrix matrix;
    struct shard cut[SHARDS];
    float *code, *weight, code_bias[ROWS];
    float *bias[SHARDS], *part[SHARDS];
    bool with_code_bias;
    bool hidden[COLUMNS];
    /* of a run */
    struct sieve *sieve;
    struct topk *best;
    struct scored *room;
    float **score;
};

static bool product(struct model *m, int shard, struct score_product *out)
{
    struct world *x = (struct world *)m;

    *out = (struct score_product){.code = x->code,
                                  .weight = x->part[shard],
                                  .bias = x->bias[shard],
                                  .code_bias = x->with_code_bias ? x->code_bias : NULL,
                                  .ld = LD};
    return true;
}

static const struct model_ops ops = {.product = product};

static float draw(struct rng_stream *s)
{
    return (float)rng_next_unit(s) - 0.5f;
}

/* 1 + 0.0039 becomes 1 in bf16, 1 + 0.00391 becomes 1 + 2^-7. Ten columns are the best by a little. */
static void align(struct world *x, bool codes)
{
    const float down = 1.0039f, up = 1.00391f;

    for (int i = 0; i < ROWS * LD; i++)
        x->code[i] = !codes ? 1.0f : i % LD < LD / 2 ? down : up;
    for (int c = 0; c < COLUMNS; c++) {
        bool good = c % 150 == 149;

        for (int i = 0; i < LD; i++)
            x->weight[c * LD + i] = !codes ? (good ? down : up) : (float)(good == (i < LD / 2));
        if (!good)
            x->weight[c * LD + LD - 1] -= 0x1p-6f;
        x->hidden[c] = false;
    }
}

static void fill(struct world *x, enum flavour flavour)
{
    struct rng_stream s = rng_stream(11, RNG_TEST, (uint64_t)flavour, 0);
    float size = flavour == SMALL ? 1e-10f : 1.0f;

    for (int i = 0; i < ROWS * LD; i++)
        x->code[i] = size * draw(&s);
    for (int c = 0; c < COLUMNS; c++) {
        float *row = x->weight + c * LD, *bias = &x->bias[shard_of(x->cut, SHARDS, c)][0];

        bias += c - x->cut[shard_of(x->cut, SHARDS, c)].begin;
        for (int i = 0; i < LD; i++)
            row[i] = flavour == TIES && c % 50 ? x->weight[c / 50 * 50 * LD + i] : size * draw(&s);
        *bias = flavour >= SMALL && flavour <= ALIGNED_CODES && flavour != SKEWED ? 0.0f : draw(&s);
        if (flavour == TIES && c % 50)
            row[c % LD] = nextafterf(row[c % LD], c % 3 ? 1.0f : -1.0f);
        for (int i = 0; i < LD && flavour == SKEWED && c % 100 == 7; i++)
            row[i] *= 1000.0f;
        x->hidden[c] = flavour == MOSTLY_HIDDEN ? c % 200 != 3 : c % 9 == 2;
    }
    for (int p = 0; p < ROWS; p++)
        x->code_bias[p] = size * size * draw(&s);
    x->with_code_bias = flavour % 2 == 1;
    if (flavour == ALIGNED_WEIGHTS || flavour == ALIGNED_CODES)
        align(x, flavour == ALIGNED_CODES);
    if (flavour == ONE_NAN)
        x->weight[700 * LD + 5] = NAN;
    if (flavour == INFINITE)
        x->bias[2][17] = INFINITY;
    if (flavour == BAD_CODES) {
        x->code[1 * LD + 3] = INFINITY;
        x->code[2 * LD + 4] = NAN;
        memset(x->code + 3 * LD, 0, LD * sizeof(float));
        for (int i = 0; i < LD; i++)
            x->code[4 * LD + i] = 3e38f;
    }
}

/* As serve and eval use it. */
static void run(struct worker *w, void *arg)
{
    struct world *x = arg;
    struct topk *best = x->best + w->id * ROWS;
    int end, first = own_shards(w, &x->model, &end), capacity = topk_capacity(K);

    sieve_round_weights(w, x->sieve);
    sieve_begin(w, x->sieve, ROWS);
    for (int64_t p = 0; p < ROWS; p++)
        topk_init(&best[p], K, x->room + (w->id * ROWS + p) * capacity, capacity);
    for (int s = first; s < end; s++) {
        int64_t width = shard_width(&x->cut[s]), ld = row_pad(width);

        sieve_score(w, x->sieve, s, ROWS, x->score[w->id], ld);
        for (int64_t p = 0; p < ROWS; p++) {
            float *row = x->score[w->id] + p * ld;

            for (int64_t c = 0; c < width; c++)
                if (x->hidden[x->cut[s].begin + c])
                    row[c] = -INFINITY;
            sieve_offer(w, x->sieve, s, p, row, &best[p]);
        }
    }
    for (int64_t p = 0; p < ROWS; p++)
        sieve_finish(w, x->sieve, p, &best[p]);
}

/* All scores of example p in float, as models give them, and the best of those. */
static int by_all_scores(const struct world *x, int64_t p, struct scored *out)
{
    const struct kernels *kern = x->model.eng.kern;
    struct scored room[2 * K + 64];
    struct topk best;
    int n;

    topk_init(&best, K, room, topk_capacity(K));
    for (int s = 0; s < SHARDS; s++)
        for (int64_t c = 0; c < shard_width(&x->cut[s]); c++) {
            float score, bias = x->bias[s][c];

            kern->product_nt(1, 1, LD, x->code + p * LD, LD, x->part[s] + c * LD, LD, NULL, &score, 1);
            score += x->with_code_bias ? x->code_bias[p] + bias : bias;
            if (!x->hidden[x->cut[s].begin + c])
                topk_offer_one(&best, score, (int32_t)(x->cut[s].begin + c));
        }
    n = topk_merge_workers(&best, 1, 1);
    memcpy(out, room, (size_t)n * sizeof *out);
    return n;
}

/* Returns how many columns were scored in float. */
static int64_t compare(struct world *x, int workers)
{
    struct scored want[K];
    struct error err = {0};
    int64_t scored = 0;

    x->model.eng.train = &x->matrix;
    assert_int_equal(sieve_new(&x->sieve, &x->model, K, ROWS, &err), 0);
    team_run(x->model.eng.team, run, x);
    for (int64_t p = 0; p < ROWS; p++) {
        int n = by_all_scores(x, p, want), m = topk_merge_workers(&x->best[p], ROWS, workers);

        assert_int_equal(m, n);
        assert_memory_equal(x->best[p].best, want, (size_t)n * sizeof *want);
    }
    for (int i = 0; i < workers; i++)
        scored += x->sieve->scored[i * ROW_ALIGN];
    sieve_free(x->sieve);
    return scored;
}

static void try_path(const char *isa, int workers)
{
    struct world *x = mem_zalloc(1, sizeof *x);
    struct mem_pool pool = {0};
    struct topo *topo;
    struct error err = {0};

    assert_non_null(x);
    x->model = (struct model){.ops = &ops};
    if (kernels_pick(&x->model.eng.kern, isa, &err) < 0) {
        mem_free(x);
        return;
    }
    assert_int_equal(topo_new(&topo, NULL, &err), 0);
    assert_int_equal(team_new(&x->model.eng.team, workers, topo, BIND_NONE, &err), 0);
    shard_cut(x->cut, SHARDS, (const int64_t[COLUMNS]){0}, COLUMNS, 1.0);
    x->matrix = (struct matrix){.columns = COLUMNS, .shards = SHARDS, .cut = x->cut};
    x->code = mem_pool_array(&pool, ROWS * LD, sizeof(float));
    x->weight = mem_pool_array(&pool, COLUMNS * LD, sizeof(float));
    x->best = mem_pool_alloc(&pool, workers * ROWS, sizeof *x->best);
    x->room = mem_pool_alloc(&pool, (int64_t)workers * ROWS * topk_capacity(K), sizeof *x->room);
    x->score = mem_pool_arrays(&pool, workers, ROWS * row_pad(COLUMNS));
    for (int s = 0; s < SHARDS; s++) {
        x->part[s] = x->weight + x->cut[s].begin * LD;
        x->bias[s] = mem_pool_array(&pool, row_pad(COLUMNS), sizeof(float));
        memset(x->bias[s], 0, (size_t)row_pad(COLUMNS) * sizeof(float));
    }
    for (int flavour = 0; flavour < FLAVOURS; flavour++) {
        int64_t scored;

        fill(x, (enum flavour)flavour);
        scored = compare(x, workers);
        if (flavour == PLAIN || flavour == SMALL) /* it is the sieve that saves work, and it lets some pass */
            assert_in_range(scored, ROWS * K, ROWS * K * 5 * workers);
        if (flavour == INFINITE && workers == 1)
            assert_int_equal(scored, 0);
    }
    team_free(x->model.eng.team);
    topo_free(topo);
    mem_pool_free(&pool);
    mem_free(x);
}

static void test_lists_are_those_of_all_scores_in_float(void **state)
{
    static const char *const isa[] = {"avx512", "avx2", "baseline"};

    (void)state;
    for (int i = 0; i < 3; i++)
        for (int workers = 1; workers <= 3; workers += 2)
            try_path(isa[i], workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists_are_those_of_all_scores_in_float)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
