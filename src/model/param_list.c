/* param_list.c - all parameters of a model as spans of memory in a fixed order: counted, hashed, looked
 * through, and handed to the rank that writes. */
#include "base/hash.h"

#include "base/mem.h"
#include "model/param.h"

#include <math.h>
#include <string.h>

static struct span table_span(const void *owner, int64_t i, int which)
{
    const struct table *t = owner;

    return (struct span){weights_pick(&t->part[i].row, which), shard_width(&t->cut[i]), t->k, t->ld};
}

static struct span bias_span(const void *owner, int64_t i, int which)
{
    const struct table *t = owner;
    int64_t width = shard_width(&t->cut[i]);

    return (struct span){weights_pick(&t->part[i].bias, which), 1, width, width};
}

static struct span vector_span(const void *owner, int64_t i, int which)
{
    const struct vector *v = owner;

    (void)i;
    return (struct span){weights_pick(&v->row, which), 1, v->n, v->n};
}

void params_add(struct param_list *l, struct param p)
{
    l->param[l->n++] = p;
}

void params_add_table(struct param_list *l, const struct table *t)
{
    params_add(l, (struct param){t->name, t->columns, t->k, t, t->shards, t->moments == MOMENTS_ALL ? 2 : 0,
                                 true, table_span});
    if (t->bias_name)
        params_add(l, (struct param){t->bias_name, t->columns, 0, t, t->shards, t->moments ? 2 : 0, true,
                                     bias_span});
}

void params_add_vector(struct param_list *l, const struct vector *v)
{
    params_add(l, (struct param){v->name, v->n, 0, v, 1, v->row.m ? 2 : 0, false, vector_span});
}

const struct param *params_find(const struct param_list *l, const char *name)
{
    for (int i = 0; i < l->n; i++)
        if (strcmp(l->param[i].name, name) == 0)
            return &l->param[i];
    return NULL;
}

int64_t params_count(const struct param_list *l)
{
    int64_t n = 0;

    for (int i = 0; i < l->n; i++)
        n += l->param[i].rows * (l->param[i].cols ? l->param[i].cols : 1);
    return n;
}

static bool several(const struct param_list *l)
{
    return l->ranks && l->ranks->count > 1;
}

struct span params_span(const struct param_list *l, const struct param *p, int64_t i, int which, float *room)
{
    struct span span = p->span(p->owner, i, which);
    int owner;

    if (!several(l))
        return span;
    owner = p->sharded ? team_owner(p->spans, l->ranks->count, i) : 0;
    if (l->ranks->id != 0) {
        if (l->ranks->id == owner)
            ranks_send(l->ranks, span.data, span.count * span.stride, 0);
        span.data = NULL;
    } else if (owner != 0) {
        ranks_receive(l->ranks, room, span.count * span.stride, owner);
        span.data = room;
    }
    return span;
}

float *params_room(const struct param_list *l)
{
    int64_t most = 1;

    for (int i = 0; several(l) && i < l->n; i++)
        for (int64_t s = 0; s < l->param[i].spans; s++) {
            struct span span = l->param[i].span(l->param[i].owner, s, 0);

            most = span.count * span.stride > most ? span.count * span.stride : most;
        }
    return mem_array(most, sizeof(float));
}

int64_t params_held(const struct param_list *l)
{
    int64_t floats = 0;

    for (int i = 0; i < l->n; i++)
        for (int64_t s = 0; s < l->param[i].spans; s++) {
            struct span span = l->param[i].span(l->param[i].owner, s, 0);

            floats += span.data ? span.count * span.length : 0;
        }
    return floats * (int64_t)sizeof(float);
}

void params_keep(const struct param_list *l, float *kept, bool back)
{
    for (int i = 0; i < l->n; i++)
        for (int64_t s = 0; s < l->param[i].spans; s++) {
            struct span span = l->param[i].span(l->param[i].owner, s, 0);

            for (int64_t r = 0; span.data && r < span.count; r++, kept += span.length)
                memcpy(back ? span.data + r * span.stride : kept, back ? kept : span.data + r * span.stride,
                       (size_t)span.length * sizeof *kept);
        }
}

int params_hash(const struct param_list *l, char out[33], struct error *err)
{
    scoped(hash_free) struct hash *h = hash_new();
    mem_scoped float *room = params_room(l);

    TRY(need_memory(h && room, err));
    for (int i = 0; i < l->n; i++)
        for (int64_t s = 0; s < l->param[i].spans; s++) {
            struct span span = params_span(l, &l->param[i], s, 0, room);

            for (int64_t r = 0; span.data && r < span.count; r++)
                hash_add(h, span.data + r * span.stride, (size_t)span.length * sizeof(float));
        }
    hash_hex(h, out);
    if (several(l))
        ranks_copy(l->ranks, out, 33);
    return 0;
}

/* The number of the first tensor of which this rank has weights that are not finite; l->n: none. */
static int first_not_finite(const struct param_list *l)
{
    for (int i = 0; i < l->n; i++)
        for (int64_t s = 0; s < l->param[i].spans; s++) {
            struct span span = l->param[i].span(l->param[i].owner, s, 0);

            for (int64_t r = 0; span.data && r < span.count; r++)
                for (int64_t k = 0; k < span.length; k++)
                    if (!isfinite(span.data[r * span.stride + k]))
                        return i;
        }
    return l->n;
}

const char *params_not_finite(const struct param_list *l)
{
    int64_t first = first_not_finite(l);

    if (several(l))
        first = -ranks_max(l->ranks, -first);
    return first < l->n ? l->param[first].name : NULL;
}
