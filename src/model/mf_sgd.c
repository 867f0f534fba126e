/* mf_sgd.c - training by blocks; see mf_sgd.h. */
#include "model/mf_sgd.h"

#include <math.h>
#include <string.h>

/* ---- rounds ---- */

struct rounds {
    struct mf_sgd *s;
    const struct model_steps *steps;
};

struct sgd_rows mf_sgd_rows(const struct sgd_side *side, int shard)
{
    const struct table_part *p = &side->t->part[shard];
    int64_t begin = side->t->cut[shard].begin;

    return (struct sgd_rows){.row = p->row.w,
                             .bias = p->bias.w,
                             .mean = side->mean + begin,
                             .penalty = side->penalty + begin,
                             .square = p->bias.m,
                             .bias_square = p->bias.v};
}

static void train_block(struct mf_sgd *s, int64_t i, int64_t j, double lr)
{
    const struct model_spec *spec = &s->mf.model.spec;
    int64_t block = i * s->p + j;
    struct sgd_block b = {
        .rating = s->rating + s->start[block],
        .n = s->start[block + 1] - s->start[block],
        .shift = s->shift,
        .user = mf_sgd_rows(&s->user, (int)i),
        .item = mf_ring_items(s, (int)i, (int)j),
        .ld = s->mf.user.t.ld,
        .per_unit = 1.0f / (float)spec->latent,
        .lr = (float)lr,
        .penalty_bias = (float)spec->penalty_bias,
        .low = (float)spec->range_low,
        .range = spec->range_high > spec->range_low ? (float)(spec->range_high - spec->range_low) : 0.0f,
    };

    s->square[block] = s->mf.model.eng.kern->sgd(&b);
}

/* Blocks are numbered through the rounds. Who has taken one of the next round waits for this one's
 * end with it. */
static void run_rounds(struct worker *w, void *arg)
{
    const struct rounds *r = arg;
    struct mf_sgd *s = r->s;
    const struct scheduler *order = r->steps->batches;
    const struct adam_spec *plan = &s->mf.model.eng.plan->spec;
    int64_t first = scheduler_first_step(order, order->epoch), own = s->end - s->first, n = 0, at;

    team_phase(w, PHASE_UPDATE);
    at = atomic_fetch_add(&s->taken, 1);
    for (int64_t round = r->steps->from; round < r->steps->to; round++) {
        double lr, beta1;

        adam_schedule(plan, order->epoch, first + round, &lr, &beta1);
        for (n += own; at < n; at = atomic_fetch_add(&s->taken, 1))
            train_block(s, s->first + at % own, (s->first + at % own + round) % s->p, lr);
        team_barrier(w);
        if (w->ranks > 1) {
            team_phase(w, PHASE_REDUCE);
            if (w->id == 0)
                mf_ring_turn(s);
            team_barrier(w);
        }
        team_phase(w, PHASE_UPDATE);
    }
}

static void mf_sgd_train(struct model *m, const struct model_steps *steps)
{
    struct mf_sgd *s = mf_sgd_of(m);
    struct rounds r = {s, steps};

    if (steps->from == steps->to)
        return;
    atomic_store(&s->taken, 0);
    mf_ring_move(s, steps->from, false);
    team_run(m->eng.team, run_rounds, &r);
    mf_ring_move(s, steps->to, true);
    ranks_share(m->params.ranks, s->square, s->p, s->p * (int64_t)sizeof *s->square);
    for (int64_t round = steps->from; round < steps->to; round++) {
        double squares = 0.0;
        int64_t cells = 0;

        for (int64_t i = 0; i < s->p; i++) {
            int64_t block = i * s->p + (i + round) % s->p;

            squares += s->square[block];
            cells += s->start[block + 1] - s->start[block];
        }
        m->sums.loss += cells ? squares / (double)cells : 0.0;
        m->sums.squares += squares;
        m->sums.cells += cells;
        m->sums.steps++;
    }
}

/* ---- making ---- */

double mf_sgd_row_cost(int64_t ratings, int64_t rows)
{
    return 0.25 * (double)ratings /
           (double)(rows ? rows : 1); /* so that no shard has all rows without a rating */
}

int mf_sgd_shards(int64_t users, int64_t items, int64_t ld)
{
    int n = shard_count(users > items ? users : items, ld, false);

    /* The row cost leaves a shard five times its even part of the rows at most; both sides' numbers go into
     * 32 bits. */
    while ((5 * users / n + 2) * (5 * items / n + 2) > INT64_C(1) << 30)
        n *= 2;
    return n;
}

/* A side's means: a vector over all rows, in the spans of its table. */
static struct span mean_span(const void *owner, int64_t i, int which)
{
    const struct sgd_side *side = owner;
    int64_t width = shard_width(&side->t->cut[i]);

    (void)which;
    return (struct span){side->t->part[i].row.w ? side->mean + side->t->cut[i].begin : NULL, 1, width, width};
}

/* Its memory and penalties; its means are a parameter. */
static void side_init(struct mf_sgd *s, struct sgd_side *side, const struct table *t, const int64_t *count,
                      const char *name)
{
    struct model *m = &s->mf.model;
    double mean = (double)m->eng.train->entries / (double)t->columns;

    *side = (struct sgd_side){.t = t, .count = count};
    side->mean = mem_pool_array(&s->mf.pool, t->columns, sizeof *side->mean);
    side->penalty = mem_pool_array(&s->mf.pool, t->columns, sizeof *side->penalty);
    for (int64_t i = 0; side->penalty && i < t->columns; i++)
        side->penalty[i] = (float)(m->spec.penalty * sqrt(mean / (double)(count[i] ? count[i] : 1)));
    params_add(&m->params, (struct param){name, t->columns, 0, side, s->p, 0, true, mean_span});
}

static int mf_sgd_init(struct model *m, struct error *err)
{
    struct mf_sgd *s = mf_sgd_of(m);
    const struct matrix *x = m->eng.train;
    struct mem_pool *pool = &s->mf.pool;
    int64_t blocks = (int64_t)x->shards * x->shards;

    s->p = x->shards;
    TRY(mf_tables_init(&s->mf, s->p, mf_sgd_row_cost(x->entries, x->examples), MOMENTS_OF_BIASES, err));
    side_init(s, &s->user, &s->mf.user.t, x->row_count, "user.mean");
    side_init(s, &s->item, &s->mf.item.t, x->column_count, "item.mean");
    s->square = mem_pool_zalloc(pool, blocks, sizeof *s->square);
    s->sum = mem_pool_alloc(pool, x->examples + x->columns, sizeof *s->sum);
    s->partial = mem_pool_zalloc(pool, s->p, sizeof *s->partial);
    TRY(need_memory(!pool->failed, err));
    TRY(mf_ring_init(s, err));
    return mf_blocks_init(s, err);
}

/* Sums of squares begin at 1, so the first step sizes are train.lr. A row without a rating adds nothing to
 * a score. */
static void begin_rows(const struct sgd_side *side)
{
    const struct table *t = side->t;

    for (int i = 0; i < t->shards; i++)
        for (int64_t row = 0; row < shard_width(&t->cut[i]) && t->part[i].row.w; row++) {
            t->part[i].bias.m[row] = t->part[i].bias.v[row] = 1.0f;
            if (!side->count[t->cut[i].begin + row])
                memset(t->part[i].row.w + row * t->ld, 0, (size_t)t->ld * sizeof(float));
        }
}

static void mf_sgd_draw(struct model *m)
{
    struct mf_sgd *s = mf_sgd_of(m);
    struct init_spec init = m->spec.init;

    init.fan_in = m->spec.latent;
    init.fan_out = s->mf.item.t.columns;
    table_draw(&s->mf.item.t, m->eng.team, &init, 4);
    begin_rows(&s->user);
    begin_rows(&s->item);
    mf_two_means(s);
}

const struct model_ops mf_sgd_ops = {
    .size = sizeof(struct mf_sgd),
    .init = mf_sgd_init,
    .draw = mf_sgd_draw,
    .fini = mf_fini,
    .train = mf_sgd_train,
    .infer = mf_infer,
    .score = mf_score,
    .product = mf_product,
    .score_cells = mf_score_cells,
};
