/* baseline_ease.c - EASE (model/item_weights.h) on the training part, its penalty by validation. */
#include "eval/baseline.h"

#include "base/mem.h"
#include "model/registry.h"

#include <math.h>
#include <stdio.h>

static const double choices[] = {50, 200, 500, 1000};
enum { CHOICES = 4, PLAIN = 500 };

static void solve(struct baseline *b, double l2)
{
    const struct model_steps once = {.to = 1, .count = 1, .begin = true, .flush = true};

    b->ease->spec.l2 = l2;
    b->ease->ops->train(b->ease, &once);
}

static int init(struct baseline *b, const struct eval_spec *spec, struct error *err)
{
    const struct problem *p = b->problem;
    const char *how = baseline_chosen(b);
    bool chooses = baseline_chooses(b);
    const struct model_spec own = {
        .kind = MODEL_EASE, .eval_batch = spec->batch, .counts = chooses ? &b->counts : NULL};

    if (p->side == 0)
        return error_set(err, PT_EUSAGE, "ease ranks items for users; this model's examples are items");
    if (!mem_available((chooses ? 10 : 8) * p->columns * p->columns))
        return error_set(err, PT_ENOMEM, "ease: no memory for %lld items squared", (long long)p->columns);
    TRY(model_new(&b->ease, &own, &b->model.eng, err));
    b->setting = isnan(b->setting) ? PLAIN : b->setting;
    if (chooses)
        TRY(baseline_choose(b, spec, choices, CHOICES, solve, err));
    else
        solve(b, b->setting);
    snprintf(b->choice, sizeof b->choice, "l2 %g%s", b->setting, how);
    return 0;
}

static void fini(struct baseline *b)
{
    model_free(b->ease);
    item_counts_fini(&b->counts);
}

const struct baseline_ops baseline_ease = {"ease", "ease", true, false, true, NULL, init, fini};
