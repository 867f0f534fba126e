#include "model/model.h"

#include "base/rng.h"

#include <math.h>

struct step_range {
    struct model *m;
    const struct model_steps *s;
};

static void run_minibatches(struct worker *w, void *arg)
{
    const struct step_range *range = arg;
    const struct model_steps *s = range->s;
    struct model *m = range->m;
    struct batch b = {0}, next = {0};

    if (s->from < s->to)
        b = scheduler_batch(s->batches, s->from);
    if (s->begin) {
        m->ops->set_step(w, m, s->from);
        m->ops->begin(w, m, &b);
    }
    for (int64_t i = s->from; i < s->to; i++, b = next) {
        bool more = i + 1 < s->count;

        if (more)
            next = scheduler_batch(s->batches, i + 1);
        m->ops->step(w, m, &b, more ? &next : NULL);
    }
    if (s->flush) {
        team_phase(w, PHASE_UPDATE);
        m->ops->flush(w, m, s->to);
    }
}

void model_train_minibatches(struct model *m, const struct model_steps *s)
{
    struct step_range range = {m, s};

    team_run(m->eng.team, run_minibatches, &range);
}

/* Encoder and decoder of recvae count their own steps. */
void model_plan_epoch(enum model_kind kind, struct adam_plan *plan, const struct scheduler *batches,
                      int64_t epoch)
{
    int64_t turn = plan->steps / RECVAE_PASSES * RECVAE_ENCODER_PASSES;
    const double share = (double)RECVAE_ENCODER_PASSES / RECVAE_PASSES;

    if (kind != MODEL_RECVAE) {
        adam_plan_epoch(plan, epoch, scheduler_first_step(batches, epoch));
        return;
    }
    adam_plan_part(plan, 0, turn, epoch, epoch * turn, share);
    adam_plan_part(plan, turn, plan->steps, epoch, epoch * (plan->steps - turn), 1.0 - share);
}

void model_flush_table(struct worker *w, const struct model *m, struct table *t, int64_t steps)
{
    int64_t first, end;

    team_own(w, t->shards, &first, &end);
    for (int64_t s = first; s < end; s++)
        table_flush(t, m->eng.kern, m->eng.plan, (int)s, steps);
}

void model_set_table_step(struct worker *w, struct table *t, int64_t steps)
{
    int64_t first, end;

    team_own(w, t->shards, &first, &end);
    for (int64_t s = first; s < end; s++)
        table_set_step(t, (int)s, steps);
}

void model_drop_code(const struct model *m, const struct batch *b, int64_t first, int64_t end, int k,
                     float *rows)
{
    for (int64_t p = first; p < end; p++)
        m->eng.kern->dropout(rows + p * row_pad(k), k, (float)m->spec.dropout, m->spec.seed, RNG_DROPOUT,
                             b->step, (uint32_t)p);
}

/* What the squares of a loss are divided by. */
static double loss_divisor(enum rating_loss loss, double rows, double cells, double columns)
{
    switch (loss) {
    case LOSS_EXAMPLE_MEAN:
    case LOSS_ROW_MEAN:
        return rows;
    case LOSS_CELL_MEAN:
        return cells;
    case LOSS_COLUMN_MEAN:
        return rows * columns;
    default:
        return 1.0;
    }
}

/* A loss with half the squares; the others but for the root have all of them. */
static bool is_halved(enum rating_loss loss)
{
    return loss == LOSS_SUM || loss == LOSS_EXAMPLE_MEAN || loss == LOSS_COLUMN_MEAN;
}

double rating_loss_value(enum rating_loss loss, double squares, double rows, double cells, double columns)
{
    if (loss == LOSS_ROOT)
        return sqrt(squares);
    return (is_halved(loss) ? 0.5 : 1.0) * squares / loss_divisor(loss, rows, cells, columns);
}

double rating_loss_scale(enum rating_loss loss, double squares, double rows, double cells, double columns)
{
    if (loss == LOSS_ROOT)
        return squares > 0.0 ? 1.0 / sqrt(squares) : 0.0;
    return (is_halved(loss) ? 1.0 : 2.0) / loss_divisor(loss, rows, cells, columns);
}

float model_clip(const struct model *m, double squares)
{
    double norm = sqrt(squares);

    return norm > m->spec.clip_norm ? (float)(m->spec.clip_norm / norm) : 1.0f;
}
