#include "setup/trainer.h"

#include "base/mem.h"

int trainer_init(struct trainer *t, const struct config *c, struct problem *p, int64_t epochs,
                 struct error *err)
{
    struct engine eng = {p->team, p->kern, &t->plan, p->train, &p->cells};
    struct adam_spec adam = problem_adam_spec(c);
    struct model_spec spec;
    mem_scoped uint8_t *usable = NULL;
    bool by_rating = problem_traits(c)->by_rating;

    *t = (struct trainer){.problem = p};
    TRY(need_memory(by_rating || (usable = mem_alloc(p->examples, 1)), err));
    for (int64_t e = 0; usable && e < p->examples; e++)
        usable[e] = p->train->row_count[e] > 0;
    if (problem_is_sgd(c)) /* steps are rounds */
        TRY(scheduler_init(&t->scheduler, p->shards, NULL, 1, LAST_KEEP, false, 0, err));
    else
        TRY(scheduler_init(&t->scheduler, by_rating ? p->cells.n : p->examples, usable, c->batch,
                           (enum last_batch)c->last_batch, c->shuffle, (uint64_t)c->train_seed, err));
    if (problem_traits(c)->in_turn)
        TRY(scheduler_repeat(&t->scheduler, RECVAE_PASSES, err));
    adam.total_steps = scheduler_first_step(&t->scheduler, epochs);
    TRY(adam_plan_init(&t->plan, &adam, scheduler_max_steps(&t->scheduler), err));
    TRY(problem_model_spec(&spec, c, p, err));
    return model_new(&t->model, &spec, &eng, err);
}

void trainer_fini(struct trainer *t)
{
    model_free(t->model);
    scheduler_fini(&t->scheduler);
    adam_plan_fini(&t->plan);
    *t = (struct trainer){0};
}

void trainer_epoch(struct trainer *t, int64_t epoch)
{
    scheduler_epoch(&t->scheduler, epoch);
    model_plan_epoch(t->model->spec.kind, &t->plan, &t->scheduler, epoch);
    t->steps = model_traits(t->model->spec.kind)->closed || model_traits(t->model->spec.kind)->alternating
                   ? 1
                   : t->scheduler.steps;
}

void trainer_steps(struct trainer *t, int64_t from, int64_t to, bool begin, bool flush)
{
    struct model_steps s = {&t->scheduler, from, to, t->steps, begin, flush};

    t->model->ops->train(t->model, &s);
}
