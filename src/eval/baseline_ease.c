/* baseline_ease.c - EASE (model/item_weights.h) on the training part, its penalty by validation. */
#include "eval/baseline.h"

#include "base/mem.h"
#include "model/registry.h"

#include <math.h>
#include <stdio.h>

static const double choices[] = {50, 200, 500, 1000};
enum { CHOICES = 4, PLAIN = 500 };

static void solve(struct model *m, double l2)
{
    const struct model_steps once = {.to = 1, .count = 1, .begin = true, .flush = true};

    m->spec.l2 = l2;
    m->ops->train(m, &once);
}

/* The penalty by the first metric of the spec on the validation part. */
static int choose(struct baseline *b, const struct eval_spec *spec, struct error *err)
{
    struct eval_spec one = *spec;
    struct evaluator *e = NULL;
    double best = -1.0, chosen = PLAIN;
    int rc;

    one.n = 1;
    if ((rc = evaluator_new(&e, &one, &b->problem->valid, b->ease, b->problem, err)) < 0)
        return rc;
    for (int i = 0; i < CHOICES; i++) {
        struct eval_result r;

        solve(b->ease, choices[i]);
        evaluate(e, &r);
        if (r.value[0] > best) {
            best = r.value[0];
            chosen = choices[i];
        }
    }
    evaluator_free(e);
    if (chosen != choices[CHOICES - 1])
        solve(b->ease, chosen);
    return 0;
}

static int init(struct baseline *b, const struct eval_spec *spec, struct error *err)
{
    const struct problem *p = b->problem;
    const struct model_spec own = {
        .kind = MODEL_EASE, .eval_batch = spec->batch, .counts = baseline_chooses(b) ? &b->counts : NULL};
    int rc;

    if (p->side == 0)
        return error_set(err, PT_EUSAGE, "ease ranks items for users; this model's examples are items");
    if (!mem_available((baseline_chooses(b) ? 10 : 8) * p->columns * p->columns))
        return error_set(err, PT_ENOMEM, "ease: no memory for %lld items squared", (long long)p->columns);
    if ((rc = model_new(&b->ease, &own, &b->model.eng, err)) < 0)
        return rc;
    if (!baseline_chooses(b))
        solve(b->ease, isnan(b->setting) ? PLAIN : b->setting);
    else if ((rc = choose(b, spec, err)) < 0)
        return rc;
    snprintf(b->choice, sizeof b->choice, "l2 %g%s", b->ease->spec.l2, baseline_chosen(b));
    b->setting = b->ease->spec.l2;
    return 0;
}

static void fini(struct baseline *b)
{
    model_free(b->ease);
    item_counts_fini(&b->counts);
}

const struct baseline_ops baseline_ease = {"ease", "ease", true, false, true, NULL, init, fini};
