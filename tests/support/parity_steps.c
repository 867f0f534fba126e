/* parity_steps.c - what tools/parity and tools/pytorch/paired.py compare with: a configuration's data, split,
 * minibatches, weights and losses, in files that any reader of safetensors takes.
 *
 *     parity_steps FOLDER STEPS CONFIG [KEY=VALUE ...]
 *
 *     split.safetensors       every rating: user, item, value, bits of enum part; the effective options as
 *                             metadata
 *     start.safetensors       the initial weights
 *     first.safetensors       those after the first step, last.safetensors after the last one
 *     steps.safetensors       loss and rows of each minibatch, and the examples of all of them in a row
 *
 * With STEPS 0 there is only the split. The steps are the trainer's own (trainer.h). */
#include "base/mem.h"
#include "base/tensors.h"
#include "config/options.h"
#include "setup/trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parity {
    struct config *config;
    struct problem *problem;
    struct trainer trainer;
};

static void check(int rc, const struct error *err)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "parity_steps: %s\n", err->text);
    exit(1);
}

static char *path_of(const char *folder, const char *name)
{
    static char path[4096];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* The effective options, a metadata entry each. */
static void put_options(struct tensors_writer *w, struct config *c)
{
    for (int i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        const void *field = option_field(c, o);
        char text[256] = "";
        size_t n = 0;

        switch (o->type) {
        case OPTION_INT:
            snprintf(text, sizeof text, "%lld", (long long)*(const int64_t *)field);
            break;
        case OPTION_REAL:
            real_format(*(const double *)field, text, sizeof text);
            break;
        case OPTION_BOOL:
            snprintf(text, sizeof text, "%d", *(const bool *)field);
            break;
        case OPTION_ENUM:
            snprintf(text, sizeof text, "%s", option_enum_name(o, *(const int *)field));
            break;
        case OPTION_INTS:
            for (int k = 0; k < ((const struct int_list *)field)->n; k++)
                n += (size_t)snprintf(text + n, sizeof text - n, "%lld ",
                                      (long long)((const struct int_list *)field)->value[k]);
            break;
        default:
            continue;
        }
        tensors_metadata(w, o->key, text);
    }
}

static void save_split(const struct parity *p, const char *folder)
{
    const struct ratings *r = p->problem->ratings;
    struct tensors_writer *w;
    struct error err;
    char text[32];

    check(tensors_create(&w, path_of(folder, "split.safetensors"), &err), &err);
    tensors_declare(w, "user", TENSOR_I64, r->n, 0);
    tensors_declare(w, "item", TENSOR_I64, r->n, 0);
    tensors_declare(w, "value", TENSOR_F32, r->n, 0);
    tensors_declare(w, "part", TENSOR_U8, r->n, 0);
    put_options(w, p->config);
    snprintf(text, sizeof text, "%lld", (long long)p->problem->users);
    tensors_metadata(w, "users", text);
    snprintf(text, sizeof text, "%lld", (long long)p->problem->items);
    tensors_metadata(w, "items", text);
    for (int side = 1; side >= 0; side--)
        for (int64_t j = 0; j < r->n; j++)
            tensors_data(w, &(int64_t){side ? r->user[j] : r->item[j]}, sizeof(int64_t));
    tensors_data(w, r->value, r->n * (int64_t)sizeof(float));
    tensors_data(w, p->problem->split->part, r->n);
    check(tensors_commit(w, &err), &err);
}

static void save_weights(const struct parity *p, const char *folder, const char *name)
{
    const struct param_list *l = &p->trainer.model->params;
    struct tensors_writer *w;
    struct error err;

    check(tensors_create(&w, path_of(folder, name), &err), &err);
    for (int i = 0; i < l->n; i++)
        tensors_declare(w, l->param[i].name, TENSOR_F32, l->param[i].rows, l->param[i].cols);
    for (int i = 0; i < l->n; i++)
        for (int64_t s = 0; s < l->param[i].spans; s++) {
            struct span span = l->param[i].span(l->param[i].owner, s, 0);

            for (int64_t r = 0; r < span.count; r++)
                tensors_data(w, span.data + r * span.stride, span.length * (int64_t)sizeof *span.data);
        }
    check(tensors_commit(w, &err), &err);
}

static void run_steps(struct parity *p, const char *folder, int64_t steps)
{
    double *loss = mem_alloc(steps, sizeof *loss);
    int64_t *rows = mem_alloc(steps, sizeof *rows),
            *example = mem_alloc(steps * p->config->batch, sizeof *example);
    int64_t done = 0, examples = 0;
    struct trainer *l = &p->trainer;
    struct tensors_writer *w;
    struct error err;

    save_weights(p, folder, "start.safetensors");
    for (int64_t epoch = 0; done < steps; epoch++) {
        trainer_epoch(l, epoch);
        for (int64_t i = 0; i < l->steps && done < steps; i++, done++) {
            struct batch b = scheduler_batch(&l->scheduler, i);

            l->model->sums.loss = 0.0;
            trainer_steps(l, i, i + 1, i == 0, true);
            loss[done] = l->model->sums.loss;
            rows[done] = b.rows;
            memcpy(example + examples, b.example, (size_t)b.rows * sizeof *example);
            examples += b.rows;
            if (done == 0)
                save_weights(p, folder, "first.safetensors");
        }
    }
    save_weights(p, folder, "last.safetensors");
    check(tensors_create(&w, path_of(folder, "steps.safetensors"), &err), &err);
    tensors_declare(w, "loss", TENSOR_F64, steps, 0);
    tensors_declare(w, "rows", TENSOR_I64, steps, 0);
    tensors_declare(w, "example", TENSOR_I64, examples, 0);
    tensors_data(w, loss, steps * (int64_t)sizeof *loss);
    tensors_data(w, rows, steps * (int64_t)sizeof *rows);
    tensors_data(w, example, examples * (int64_t)sizeof *example);
    check(tensors_commit(w, &err), &err);
    mem_free(loss);
    mem_free(rows);
    mem_free(example);
}

int main(int argc, char **argv)
{
    struct parity p = {0};
    struct error err;
    int64_t steps;

    if (argc < 4) {
        fprintf(stderr, "use: parity_steps FOLDER STEPS CONFIG [KEY=VALUE ...]\n");
        return 2;
    }
    steps = atoll(argv[2]);
    check(config_new(&p.config, &err), &err);
    check(config_load(p.config, argv[3], &err), &err);
    for (int i = 4; i < argc; i++)
        check(config_set(p.config, argv[i], &err), &err);
    check(config_check(p.config, &err), &err);
    p.config->refit = true; /* the problem then keeps the ratings one by one */
    check(problem_new(&p.problem, p.config, &err), &err);
    save_split(&p, argv[1]);
    if (steps > 0) {
        check(trainer_init(&p.trainer, p.config, p.problem, p.config->epochs, &err), &err);
        run_steps(&p, argv[1], steps);
        trainer_fini(&p.trainer);
    }
    problem_free(p.problem);
    config_free(p.config);
    return 0;
}
