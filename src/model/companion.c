#include "model/item_weights.h"

#include <math.h>

int companion_init(struct companion *c, struct model *m, struct error *err)
{
    int rc = item_weights_init(&c->weights, m, m->spec.items_most, err);

    return rc < 0 ? rc : vector_init(&c->scale, "ease.scale", 1, false, err);
}

void companion_fini(struct companion *c)
{
    item_weights_fini(&c->weights);
    vector_fini(&c->scale);
}

void companion_list(struct companion *c, struct model *m, bool listed)
{
    if (listed == c->listed)
        return;
    if (listed) {
        item_weights_list(&c->weights, &m->params);
        params_add_vector(&m->params, &c->scale);
    } else {
        m->params.n -= c->weights.column ? 3 : 2;
    }
    c->listed = listed;
}

int companion_solve(struct companion *c, double l2, double dropout, struct error *err)
{
    struct item_solver *s;
    int rc = item_solver_new(&s, &c->weights, err);
    double loss;

    if (rc < 0)
        return rc;
    loss = item_weights_solve(s, l2, dropout);
    item_solver_free(s);
    return isfinite(loss)
               ? 0
               : error_set(err, PT_EDIVERGED,
                           "model.ease_l2 (%g) is too small for an inverse in float64; set it to 1 or more",
                           l2);
}
