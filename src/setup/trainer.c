#include "setup/trainer.h"

#include "base/mem.h"

/* 1 for examples with a rating, which train. NULL: no memory. */
static uint8_t *with_entries(const struct problem *p)
{
    uint8_t *usable = mem_alloc(p->examples, 1);

    for (int64_t e = 0; usable && e < p->examples; e++)
        usable[e] = p->train->row_count[e] > 0;
    return usable;
}

int trainer_init(struct trainer *l, const struct config *c, struct problem *p, int64_t epochs,
                 struct error *err)
{
    struct engine eng = {p->team, p->kern, &l->plan, p->train, &p->cells};
    struct adam_spec adam = problem_adam_spec(c);
    struct model_spec spec;
    uint8_t *usable = NULL;
    bool by_rating = problem_traits(c)->by_rating;
    int rc;

    *l = (struct trainer){.problem = p};
    if (!by_rating && !(usable = with_entries(p)))
        return error_set(err, PT_ENOMEM, "out of memory");
    if (problem_is_sgd(c)) /* steps are rounds */
        rc = scheduler_init(&l->scheduler, p->shards, NULL, 1, LAST_KEEP, false, 0, err);
    else
        rc = scheduler_init(&l->scheduler, by_rating ? p->cells.n : p->examples, usable, c->batch,
                            (enum last_batch)c->last_batch, c->shuffle, (uint64_t)c->train_seed, err);
    mem_free(usable);
    if (rc == 0)
        adam.total_steps = scheduler_first_step(&l->scheduler, epochs);
    if (rc < 0 || (rc = adam_plan_init(&l->plan, &adam, scheduler_max_steps(&l->scheduler), err)) < 0 ||
        (rc = problem_model_spec(&spec, c, p, err)) < 0)
        return rc;
    return model_new(&l->model, &spec, &eng, err);
}

void trainer_fini(struct trainer *l)
{
    model_free(l->model);
    scheduler_fini(&l->scheduler);
    adam_plan_fini(&l->plan);
    *l = (struct trainer){0};
}

void trainer_epoch(struct trainer *l, int64_t epoch)
{
    scheduler_epoch(&l->scheduler, epoch);
    adam_plan_epoch(&l->plan, epoch, scheduler_first_step(&l->scheduler, epoch));
    l->steps = model_traits(l->model->spec.kind)->closed || model_traits(l->model->spec.kind)->alternating
                   ? 1
                   : l->scheduler.steps;
}

void trainer_steps(struct trainer *l, int64_t from, int64_t to, bool begin, bool flush)
{
    struct model_steps s = {&l->scheduler, from, to, l->steps, begin, flush};

    l->model->ops->train(l->model, &s);
}
