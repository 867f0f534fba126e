/* plan_time.c - time estimate of an epoch before the model exists: its operations, divided by the rates of
 * the kernels that do them. All workers measure each rate together for some milliseconds, on rows of the
 * model's length and spread over as much memory:
 *
 *   gather   rows that ratings read and add to (encoder, scores, gradients)
 *   adam     Adam on rows that a minibatch touches, or that are all touched (a softmax's)
 *   idle     Adam deferred on the others
 *   product  of matrices: a softmax's logits and gradients, hidden layers */
#include "train/plan.h"

#include "base/clock.h"
#include "base/mem.h"
#include "train/cost.h"

#include <math.h>
#include <string.h>

enum {
    GATHER, /* in floats a second, as the next two */
    ADAM,
    IDLE,
    PRODUCT, /* in operations a second */
    RATES,

    SIDE = 192,      /* of the blocks that are multiplied */
    IDLE_STEPS = 16, /* deferred steps made up for in one go */
    PIECES = 10,
};
#define PIECE_S     5e-4 /* a measurement; the best of PIECES counts: others may want the processor */
#define ARENA_BYTES ((int64_t)32 << 20)

struct trial {
    const struct kernels *kern;
    int64_t ld, rows; /* of each worker's table */
    float **arena;    /* (workers): weights and moments, (3, rows, ld), then a row */
    float **block;    /* (workers): three blocks of SIDE x SIDE */
    double *rate;     /* (workers, RATES) */
};

static const struct adam_step any_step = {.step_size = 1e-3f,
                                          .root_scale = 1.0f,
                                          .eps = 1e-8f,
                                          .beta1 = 0.9f,
                                          .one_beta1 = 0.1f,
                                          .beta2 = 0.999f,
                                          .one_beta2 = 0.001f,
                                          .keep = 1.0f};

/* A row far from the last one, as in training. */
static int64_t next_row(const struct trial *t, int64_t i)
{
    return (int64_t)((uint64_t)i * 2654435761u % (uint64_t)t->rows);
}

/* One piece of work; returns its size. */
static double once(const struct trial *t, int what, int id, int64_t i)
{
    float *w = t->arena[id], *m = w + t->rows * t->ld, *v = m + t->rows * t->ld, *row = v + t->rows * t->ld;
    int64_t at = next_row(t, i) * t->ld;
    struct adam_step steps[IDLE_STEPS];

    switch (what) {
    case GATHER:
        t->kern->axpy(row, 1e-9f, w + at, t->ld);
        return (double)t->ld;
    case ADAM:
        t->kern->adam(&any_step, w + at, m + at, v + at, row, t->ld);
        return (double)t->ld;
    case IDLE:
        for (int s = 0; s < IDLE_STEPS; s++)
            steps[s] = any_step;
        t->kern->adam_idle(steps, IDLE_STEPS, w + at, m + at, v + at, t->ld);
        return (double)(IDLE_STEPS * t->ld);
    default:
        t->kern->product_nt(SIDE, SIDE, SIDE, t->block[id], SIDE, t->block[id] + SIDE * SIDE, SIDE, NULL,
                            t->block[id] + 2 * SIDE * SIDE, SIDE);
        return 2.0 * SIDE * SIDE * SIDE;
    }
}

static void measure(struct worker *w, void *arg)
{
    struct trial *t = arg;

    for (int64_t i = 0; i < (3 * t->rows + 1) * t->ld; i++) /* the owner is the first to touch them */
        t->arena[w->id][i] = 0.01f;
    for (int64_t i = 0; i < (int64_t)3 * SIDE * SIDE; i++)
        t->block[w->id][i] = 0.01f;
    for (int what = 0; what < RATES; what++) {
        double *best = &t->rate[w->id * RATES + what];
        int64_t i = 0;

        team_barrier(w);
        for (int piece = 0; piece < PIECES; piece++) {
            double start = clock_now(), took, done = 0.0;

            do {
                for (int j = 0; j < (what == PRODUCT ? 1 : 16); j++)
                    done += once(t, what, w->id, i++);
                took = clock_now() - start;
            } while (took < PIECE_S);
            *best = fmax(*best, done / took);
        }
    }
}

static void trial_fini(struct trial *t, int workers)
{
    for (int i = 0; i < workers; i++) {
        mem_free(t->arena ? t->arena[i] : NULL);
        mem_free(t->block ? t->block[i] : NULL);
    }
    mem_free(t->arena);
    mem_free(t->block);
    mem_free(t->rate);
}

/* Of all workers together; PT_ENOMEM. */
static int find_rates(double rate[RATES], struct problem *p, int64_t ld, int64_t floats, struct error *err)
{
    int workers = team_workers(p->team), rc = 0;
    struct trial t = {.kern = p->kern, .ld = ld};

    /* As much as a worker's part of the model, so that caches help here as they will there. */
    t.rows = floats / workers / ld + 1;
    if (t.rows > ARENA_BYTES / 12 / ld)
        t.rows = ARENA_BYTES / 12 / ld + 1;
    t.arena = mem_zalloc(workers, sizeof *t.arena);
    t.block = mem_zalloc(workers, sizeof *t.block);
    t.rate = mem_zalloc((int64_t)workers * RATES, sizeof *t.rate);
    for (int i = 0; i < workers && t.arena && t.block; i++)
        if (!(t.arena[i] = mem_array((3 * t.rows + 1) * ld, sizeof(float))) ||
            !(t.block[i] = mem_array((int64_t)3 * SIDE * SIDE, sizeof(float))))
            rc = PT_ENOMEM;
    if (rc < 0 || !t.arena || !t.block || !t.rate) {
        rc = error_set(err, PT_ENOMEM, "out of memory");
        goto end;
    }
    team_run(p->team, measure, &t);
    memset(rate, 0, RATES * sizeof *rate);
    for (int i = 0; i < workers * RATES; i++)
        rate[i % RATES] += t.rate[i];
end:
    trial_fini(&t, workers);
    return rc;
}

struct amounts {
    double of[RATES];
    int64_t ld;     /* of the longest rows */
    int64_t floats; /* of the tables */
};

static void count_factors(struct amounts *a, const struct config *c, const struct problem *p, double steps,
                          double share)
{
    double ld, rows, all = steps * (double)(p->users + p->items);

    a->ld = row_pad(c->latent);
    a->floats = (p->users + p->items) * a->ld;
    ld = (double)a->ld;
    rows = steps * (cost_touched(p->train->row_count, p->examples, share) +
                    cost_touched(p->train->column_count, p->columns, share));
    a->of[GATHER] = 6.0 * ld * (double)p->cells.n; /* two copies, the score, two sums and their zeros */
    a->of[ADAM] = rows * ld;
    a->of[IDLE] = (all - rows) * ld;
}

static void count_autoencoder(struct amounts *a, const struct config *c, const struct problem *p,
                              double steps, double share)
{
    bool softmax = problem_is_binary(c), variational = problem_traits(c)->variational;
    double rows = steps * cost_touched(p->train->column_count, p->columns, share);
    double all = steps * (double)p->columns, examples = (double)p->examples;
    double ratings = (double)p->train->entries, ld0, ld1, dense = 0.0;
    int n = c->hidden.n;
    int64_t first = n ? c->hidden.value[0] : variational ? 2 * c->latent : c->latent;
    int64_t last = !softmax ? c->hidden.value[n - 1] : n ? first : c->latent;

    for (int i = 0; i + 1 < n; i++) /* encoder's and, of a softmax model, the decoder's mirror of it */
        dense += (softmax ? 2.0 : 1.0) * (double)c->hidden.value[i] * (double)c->hidden.value[i + 1];
    if (softmax && n) /* to the latent units, of a Multi-VAE means and variances, and back */
        dense += (variational ? 3.0 : 2.0) * (double)c->hidden.value[n - 1] * (double)c->latent;
    ld0 = (double)row_pad(first);
    ld1 = (double)row_pad(last);
    a->ld = (int64_t)fmax(ld0, ld1);
    a->floats = p->columns * (int64_t)(ld0 + ld1);
    a->of[GATHER] = ratings * (2.0 * ld0 + (softmax ? 0.0 : 3.0 * ld1));
    a->of[ADAM] = rows * ld0 + (softmax ? all : rows) * ld1 + steps * dense;
    a->of[IDLE] = (all - rows) * (ld0 + (softmax ? 0.0 : ld1));
    a->of[PRODUCT] = 6.0 * examples * (dense + (softmax ? ld1 * (double)p->columns : 0.0));
}

int plan_time(struct memory_plan *m, const struct config *c, struct problem *p, struct error *err)
{
    bool factors = problem_traits(c)->by_rating;
    double examples = (double)(factors ? p->cells.n : p->examples), share, steps;
    double rate[RATES];
    struct amounts a = {0};
    int rc;

    steps = ceil(examples / (double)c->batch);
    share = 1.0 / fmax(steps, 1.0);
    (factors ? count_factors : count_autoencoder)(&a, c, p, steps, share);
    if ((rc = find_rates(rate, p, a.ld, a.floats, err)) < 0)
        return rc;
    m->epoch_s = 0.0;
    for (int i = 0; i < RATES; i++)
        m->epoch_s += a.of[i] / rate[i];
    return 0;
}
