/* plan_time.c - time estimate of an epoch before the model exists: the work of each kernel (enum
 * cost_kernel), divided by its rate. All workers measure each rate together for some milliseconds, on rows
 * of the model's length and spread over as much memory. */
#include "train/plan.h"

#include "base/mem.h"
#include "base/timing.h"
#include "train/cost.h"

#include <string.h>

enum {
    SIDE = 192,      /* of the blocks that are multiplied */
    IDLE_STEPS = 16, /* deferred steps made up for in one go */
    PIECES = 10,
};
#define PIECE_S     5e-4 /* a measurement; the best of PIECES counts: others may want the processor */
#define ARENA_BYTES ((int64_t)32 << 20)

struct trial {
    const struct kernels *kern;
    int64_t ld, rows; /* of each worker's table */
    bool bf16;        /* products */
    float **arena;    /* (workers): weights and moments, (3, rows, ld), then a row */
    float **block;    /* (workers): three blocks of SIDE x SIDE */
    double *rate;     /* (workers, COST_KERNELS) */
};

const struct adam_step plan_adam_step = {.step_size = 1e-3f,
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
    case COST_GATHER:
        t->kern->axpy(row, 1e-9f, w + at, t->ld);
        return (double)t->ld;
    case COST_ADAM:
        t->kern->adam(&plan_adam_step, w + at, m + at, v + at, row, t->ld);
        return (double)t->ld;
    case COST_IDLE:
        for (int s = 0; s < IDLE_STEPS; s++)
            steps[s] = plan_adam_step;
        t->kern->adam_idle(steps, IDLE_STEPS, w + at, m + at, v + at, t->ld);
        return (double)(IDLE_STEPS * t->ld);
    default:
        if (t->bf16)
            t->kern->bf16_product(SIDE, SIDE, SIDE / 2, (const void *)t->block[id], SIDE / 2, 1,
                                  (const void *)(t->block[id] + SIDE * SIDE), NULL, INTO_NEW,
                                  t->block[id] + 2 * SIDE * SIDE, SIDE, NULL);
        else
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
    for (int what = 0; what < COST_KERNELS; what++) {
        double *best = &t->rate[w->id * COST_KERNELS + what];
        int64_t i = 0;

        team_barrier(w);
        for (int piece = 0; piece < PIECES; piece++) {
            double start = clock_now(), took, done = 0.0;

            do {
                for (int j = 0; j < (what == COST_PRODUCT ? 1 : 16); j++)
                    done += once(t, what, w->id, i++);
                took = clock_now() - start;
            } while (took < PIECE_S);
            *best = done / took > *best ? done / took : *best;
        }
    }
}

/* Of all workers together; PT_ENOMEM. */
static int find_rates(double rate[COST_KERNELS], struct problem *p, const struct cost *work, bool bf16,
                      struct error *err)
{
    int workers = team_workers(p->team);
    int64_t ld = work->ld;
    struct trial t = {.kern = p->kern, .ld = ld, .bf16 = bf16};
    scoped_value(mem_pool_free) struct mem_pool pool = {0};

    /* As much as a worker's part of the model, so that caches help here as they will there. */
    t.rows = work->floats / workers / ld + 1;
    if (t.rows > ARENA_BYTES / 12 / ld)
        t.rows = ARENA_BYTES / 12 / ld + 1;
    t.arena = mem_pool_arrays(&pool, workers, (3 * t.rows + 1) * ld);
    t.block = mem_pool_arrays(&pool, workers, (int64_t)3 * SIDE * SIDE);
    t.rate = mem_pool_zalloc(&pool, (int64_t)workers * COST_KERNELS, sizeof *t.rate);
    memset(rate, 0, COST_KERNELS * sizeof *rate);
    TRY(need_memory(!pool.failed, err));
    team_run(p->team, measure, &t);
    for (int i = 0; i < workers * COST_KERNELS; i++)
        rate[i % COST_KERNELS] += t.rate[i];
    return 0;
}

int plan_time(struct memory_plan *m, const struct config *c, struct problem *p, struct error *err)
{
    double rate[COST_KERNELS];
    struct model_spec spec;
    struct cost w;

    TRY(problem_model_spec(&spec, c, p, err));
    cost_of_plan(&w, &spec, p);
    TRY(find_rates(rate, p, &w, spec.bf16, err));
    m->epoch_s = 0.0;
    for (int i = 0; i < COST_KERNELS; i++)
        m->epoch_s += w.kernel[i] / rate[i];
    return 0;
}
