/* problem_biases.c - two shrunken means, computed from the training ratings or loaded with a trained model.
 */
#include "setup/problem.h"

#include "base/mem.h"

/* Adopts the biases of the model's columns, and of mf's users; those of other examples follow from their
 * ratings. */
static int adopt_biases(struct problem *p, const struct config *c, struct problem_known *known,
                        struct error *err)
{
    struct biases *b = &p->bias, *from = &known->bias;
    bool by_row = problem_traits(c)->by_rating;
    mem_scoped uint8_t *kept = mem_zalloc(p->examples, 1);

    b->example = mem_zalloc(p->examples, sizeof *b->example);
    TRY(need_memory(b->example && kept, err));
    b->column = from->column;
    from->column = NULL;
    for (int64_t e = 0; by_row && e < known->examples && e < p->examples; e++) {
        kept[e] = !(p->cold_example && p->cold_example[e]);
        b->example[e] = from->example[e];
    }
    return biases_of_histories(b, p->ratings, p->split->part, p->side, kept, err);
}

int problem_biases(struct problem *p, const struct config *c, struct problem_known *known, struct error *err)
{
    struct biases *b = &p->bias;

    if (problem_is_binary(c) || b->column)
        return 0;
    b->mean = p->mean;
    if (!known)
        return biases_fit(b, p->ratings, p->split->part, p->side, p->team, err);
    b->user_shrink = known->bias.user_shrink;
    b->item_shrink = known->bias.item_shrink;
    return known->bias.column ? adopt_biases(p, c, known, err) : 0;
}
