#include "support_world.h"

#include "base/mem.h"
#include "support.h"

struct world_spec world_default(enum model_kind kind)
{
    struct world_spec s = {.users = 23,
                           .items = 41,
                           .density = 0.3,
                           .data_seed = 1,
                           .side = 1,
                           .shards = 5,
                           .workers = 2,
                           .bind = BIND_NONE};

    s.model = (struct model_spec){.kind = kind,
                                  .hidden = {12},
                                  .hiddens = 1,
                                  .latent = 6,
                                  .activation = kind == MODEL_AUTOREC ? ACT_SIGMOID : ACT_TANH,
                                  .output = ACT_IDENTITY,
                                  .loss = LOSS_SUM,
                                  .normalize_input = kind != MODEL_AUTOREC,
                                  .noise_std = 1.0,
                                  .kl_weight = 0.2,
                                  .init = {.kind = INIT_NORMAL, .std = 0.3, .bias_std = 0.1, .seed = 5},
                                  .biases = true,
                                  .batch = 9,
                                  .eval_batch = 10,
                                  .seed = 17};
    s.adam = (struct adam_spec){.lr = 0.01,
                                .beta1 = 0.9,
                                .beta2 = 0.99,
                                .eps = 1e-4,
                                .lr_decay = 0.7,
                                .lr_step = 2,
                                .momentum_high = 0.95,
                                .momentum_low = 0.85,
                                .total_steps = 100};
    s.binary = model_traits(kind)->clicks && kind != MODEL_IALS;
    if (kind == MODEL_RECVAE) {
        for (int i = 0; i < 16; i++) /* of one width */
            s.model.hidden[i] = 12;
        s.model.hiddens = 3;
        s.model.activation = ACT_SWISH;
        s.model.layer_norm = true;
        s.model.decoder = DECODER_LINEAR;
        s.model.input_dropout = 0.3;
        s.model.kl_per_click = 0.02;
    }
    return s;
}

void world_init(struct world *w, const struct world_spec *spec)
{
    struct engine *e = &w->engine;
    int64_t examples = spec->side ? spec->users : spec->items;
    struct error err = {.text = ""};

    *w = (struct world){.spec = *spec};
    w->ratings = support_ratings(spec->users, spec->items, spec->density, spec->data_seed);
    if (spec->change)
        w->ratings->value[spec->change - 1] = w->ratings->value[spec->change - 1] == 3.0f ? 2.0f : 3.0f;
    if (spec->bind != BIND_NONE)
        assert_int_equal(topo_new(&w->topo, spec->topo, &err), 0);
    if (team_new(&w->team, spec->workers, w->topo, spec->bind, &err) < 0)
        fail_msg("%s", err.text);
    w->matrix =
        support_matrix(w->ratings, spec->users, spec->items, spec->side, spec->binary, spec->shards, w->team);
    w->cells = (struct cells){w->ratings->n, w->ratings->user, w->ratings->item, w->ratings->value};
    if (spec->model.kind == MODEL_MF)
        examples = w->ratings->n;
    if (spec->model.sgd) /* steps are rounds */
        assert_int_equal(scheduler_init(&w->batches, spec->shards, NULL, 1, LAST_KEEP, false, 0, &err), 0);
    else
        assert_int_equal(scheduler_init(&w->batches, examples, NULL, spec->model.batch, spec->last, true,
                                        spec->model.seed, &err),
                         0);
    if (spec->model.kind == MODEL_RECVAE)
        assert_int_equal(scheduler_repeat(&w->batches, RECVAE_PASSES, &err), 0);
    assert_int_equal(adam_plan_init(&w->plan, &spec->adam, scheduler_max_steps(&w->batches), &err), 0);
    *e = (struct engine){.team = w->team, .plan = &w->plan, .train = w->matrix};
    if (spec->model.kind == MODEL_MF)
        e->cells = &w->cells;
    if (kernels_pick(&e->kern, spec->isa ? spec->isa : "auto", &err) < 0 ||
        model_new(&w->model, &spec->model, e, &err) < 0)
        fail_msg("%s", err.text);
}

void world_fini(struct world *w)
{
    model_free(w->model);
    adam_plan_fini(&w->plan);
    scheduler_fini(&w->batches);
    matrix_free(w->matrix);
    team_free(w->team);
    topo_free(w->topo);
    ratings_free(w->ratings);
}

void world_train(struct world *w, int64_t steps, bool fused)
{
    while (steps > 0) {
        int64_t from = w->in_epoch, left, to;

        scheduler_epoch(&w->batches, w->epoch);
        model_plan_epoch(w->spec.model.kind, &w->plan, &w->batches, w->epoch);
        left = w->batches.steps - from;
        to = from + (left < steps ? left : steps);
        assert_true(w->done + to - from <= WORLD_STEPS);
        for (int64_t i = from; i < to; i++) {
            struct model_steps s = {&w->batches,          i, i + 1, w->batches.steps, !fused || i == from,
                                    !fused || i + 1 == to};

            w->model->ops->train(w->model, &s);
            w->loss[scheduler_batch(&w->batches, i).step] = w->model->sums.loss;
            w->model->sums.loss = 0.0;
        }
        w->in_epoch = to;
        w->done += to - from;
        steps -= to - from;
        if (w->in_epoch == w->batches.steps) {
            w->in_epoch = 0;
            w->epoch++;
        }
    }
}

void world_hash(const struct world_spec *spec, int64_t steps, bool fused, char out[33])
{
    struct world w;
    struct error err;

    world_init(&w, spec);
    world_train(&w, steps, fused);
    assert_null(params_not_finite(&w.model->params));
    assert_int_equal(params_hash(&w.model->params, out, &err), 0);
    world_fini(&w);
}

/* ---- against the reference ---- */

struct scoring {
    struct world *w;
    struct view *view; /* (shards) */
    const int64_t *example;
    int64_t rows;
    float *out;    /* (rows, columns) */
    float **cells; /* (shards): outputs for the view's entries; NULL: the model has no score_cells */
};

static void score_all(struct worker *worker, void *arg)
{
    const struct scoring *s = arg;
    struct model *m = s->w->model;
    const struct matrix *x = s->w->matrix;
    struct input in = {.matrix = x, .view = s->view, .example = s->example, .rows = s->rows};
    struct view_input raw = {0};
    int end, first = own_shards(worker, m, &end);

    m->ops->infer(worker, m, &in);
    for (int k = first; k < end; k++) {
        m->ops->score(worker, m, k, s->rows, s->out + x->cut[k].begin, x->columns);
        if (!s->cells)
            continue;
        view_build(&s->view[k], x, k, s->example, s->rows, &raw, false);
        m->ops->score_cells(worker, m, k, &s->view[k], s->cells[k]);
    }
}

static void compare_outputs(const char *label, struct scoring *s, struct reference *ref)
{
    const double bound = s->w->spec.model.bf16 ? 1e-2 : 2e-4;
    const struct matrix *x = s->w->matrix;
    double *want = ref_array(x->columns);

    team_run(s->w->team, score_all, s);
    for (int64_t p = 0; p < s->rows; p++) {
        ref_output(ref, s->example[p], want);
        for (int64_t c = 0; c < x->columns; c++)
            if (!(fabs((double)s->out[p * x->columns + c] - want[c]) <= bound + bound * fabs(want[c])))
                fail_msg("%s: output of example %lld for column %lld: %g, reference %g", label,
                         (long long)s->example[p], (long long)c, (double)s->out[p * x->columns + c], want[c]);
    }
    for (int k = 0; k < x->shards && s->cells; k++)
        for (int64_t p = 0; p < s->rows; p++)
            for (int64_t i = s->view[k].row[p]; i < s->view[k].row[p + 1]; i++)
                assert_close((double)s->cells[k][i],
                             (double)s->out[p * x->columns + x->cut[k].begin + s->view[k].col[i]], 1e-4,
                             1e-5);
    free(want);
}

static void check_outputs(const char *label, struct world *w, struct reference *ref)
{
    const struct matrix *x = w->matrix;
    int64_t rows = w->spec.model.eval_batch, example[64];
    struct scoring s = {.w = w, .example = example};
    struct error err;

    s.view = calloc((size_t)x->shards, sizeof *s.view);
    s.out = mem_array(rows * x->columns, sizeof *s.out);
    if (w->model->ops->score_cells)
        s.cells = calloc((size_t)x->shards, sizeof *s.cells);
    for (int k = 0; k < x->shards; k++) {
        assert_int_equal(view_init(&s.view[k], x, k, rows, &err), 0);
        if (s.cells)
            s.cells[k] = mem_array(s.view[k].room_entries, sizeof(float));
    }
    for (int64_t from = 0; from < x->examples; from += rows) {
        s.rows = x->examples - from < rows ? x->examples - from : rows;
        for (int64_t p = 0; p < s.rows; p++)
            example[p] = from + p;
        compare_outputs(label, &s, ref);
    }
    for (int k = 0; k < x->shards; k++) {
        view_fini(&s.view[k]);
        if (s.cells)
            mem_free(s.cells[k]);
    }
    free(s.view);
    free(s.cells);
    mem_free(s.out);
}

static void check_weights(const char *label, const struct world *w, const struct reference *ref)
{
    double bound = w->spec.tolerance > 0.0 ? w->spec.tolerance : 3e-4;
    const char *worst = "";
    double distance = ref_distance(ref, w->model, &worst);

    if (getenv("SHOW_DISTANCES"))
        print_message("%s: %.2e after %lld steps (%s)\n", label, distance, (long long)w->done, worst);
    if (!(distance <= bound))
        fail_msg("%s: after %lld steps %s is apart by %.3g of its way", label, (long long)w->done, worst,
                 distance);
}

void world_compare(const char *label, const struct world_spec *spec, int64_t steps)
{
    struct world w;
    struct reference *ref;
    int64_t epoch = 0, i = 0, total;

    world_init(&w, spec);
    ref = ref_new(w.model, &spec->adam, w.ratings, spec->binary, spec->side);
    total = spec->adam.total_steps;
    if (spec->model.kind == MODEL_RECVAE) {
        ref->steps = scheduler_max_steps(&w.batches);
        ref->turn = ref->steps / RECVAE_PASSES * RECVAE_ENCODER_PASSES;
    }
    for (int64_t step = 0; step < steps; step++) {
        struct batch b;
        double want;

        if (step < 2) /* one step alone, then all others, fused */
            world_train(&w, step ? steps - 1 : 1, true);
        scheduler_epoch(&w.batches, epoch);
        b = scheduler_batch(&w.batches, i);
        want = ref_step(ref, &b, epoch, total);
        if (!(fabs(w.loss[step] - want) <= (spec->model.bf16 ? 1e-3 : 1e-5) * fabs(want) + 1e-12))
            fail_msg("%s: loss of step %lld is %.10g, the reference's %.10g", label, (long long)step,
                     w.loss[step], want);
        if (step == 0)
            check_weights(label, &w, ref);
        if (++i == w.batches.steps) {
            i = 0;
            epoch++;
        }
    }
    check_weights(label, &w, ref);
    check_outputs(label, &w, ref);
    ref_free(ref);
    world_fini(&w);
}
