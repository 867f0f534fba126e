/* param_list.c - all parameters of a model as spans of memory in a fixed order: counted, hashed, looked
 * through, and handed to the rank that writes. */
#include "base/hash.h"

#include "base/mem.h"
#include "model/param.h"

#include <math.h>
#include <string.h>

static void table_span(const void *owner, int64_t i, int which, float **data, int64_t *count, int64_t *length,
                       int64_t *stride)
{
    const struct table *t = owner;

    *data = weights_pick(&t->part[i].row, which);
    *count = shard_width(&t->cut[i]);
    *length = t->k;
    *stride = t->ld;
}

static void bias_span(const void *owner, int64_t i, int which, float **data, int64_t *count, int64_t *length,
                      int64_t *stride)
{
    const struct table *t = owner;

    *data = weights_pick(&t->part[i].bias, which);
    *count = 1;
    *length = *stride = shard_width(&t->cut[i]);
}

static void vector_span(const void *owner, int64_t i, int which, float **data, int64_t *count,
                        int64_t *length, int64_t *stride)
{
    const struct vector *v = owner;

    (void)i;
    *data = weights_pick(&v->row, which);
    *count = 1;
    *length = *stride = v->n;
}

void params_add(struct param_list *l, struct param p)
{
    l->param[l->n++] = p;
}

void params_add_table(struct param_list *l, const struct table *t)
{
    params_add(l,
               (struct param){t->name, t->columns, t->k, t, t->shards, t->moments ? 2 : 0, true, table_span});
    if (t->bias_name)
        params_add(l, (struct param){t->bias_name, t->columns, 0, t, t->shards, t->moments ? 2 : 0, true,
                                     bias_span});
}

void params_add_vector(struct param_list *l, const struct vector *v)
{
    params_add(l, (struct param){v->name, v->n, 0, v, 1, v->row.m ? 2 : 0, false, vector_span});
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

static int owner_of(const struct param_list *l, const struct param *p, int64_t i)
{
    for (int q = 0; p->sharded && q < l->ranks->count; q++) {
        int64_t first, end;

        team_range(p->spans, q, l->ranks->count, &first, &end);
        if (i >= first && i < end)
            return q;
    }
    return 0;
}

const float *params_span(const struct param_list *l, const struct param *p, int64_t i, int which, float *room,
                         int64_t *count, int64_t *length, int64_t *stride)
{
    float *data;
    int owner;

    p->span(p->owner, i, which, &data, count, length, stride);
    if (!several(l))
        return data;
    owner = owner_of(l, p, i);
    if (l->ranks->id != 0) {
        if (l->ranks->id == owner)
            ranks_send(l->ranks, data, *count * *stride, 0);
        return NULL;
    }
    if (owner == 0)
        return data;
    ranks_receive(l->ranks, room, *count * *stride, owner);
    return room;
}

float *params_room(const struct param_list *l)
{
    int64_t most = 1;

    for (int i = 0; several(l) && i < l->n; i++)
        for (int64_t s = 0; s < l->param[i].spans; s++) {
            int64_t count, length, stride;
            float *data;

            l->param[i].span(l->param[i].owner, s, 0, &data, &count, &length, &stride);
            most = count * stride > most ? count * stride : most;
        }
    return mem_array(most, sizeof(float));
}

int64_t params_held(const struct param_list *l)
{
    int64_t floats = 0;

    for (int i = 0; i < l->n; i++)
        for (int64_t s = 0; s < l->param[i].spans; s++) {
            int64_t count, length, stride;
            float *data;

            l->param[i].span(l->param[i].owner, s, 0, &data, &count, &length, &stride);
            floats += data ? count * length : 0;
        }
    return floats * (int64_t)sizeof(float);
}

void params_keep(const struct param_list *l, float *kept, bool back)
{
    for (int i = 0; i < l->n; i++)
        for (int64_t s = 0; s < l->param[i].spans; s++) {
            int64_t count, length, stride;
            float *data;

            l->param[i].span(l->param[i].owner, s, 0, &data, &count, &length, &stride);
            for (int64_t r = 0; data && r < count; r++, kept += length)
                memcpy(back ? data + r * stride : kept, back ? kept : data + r * stride,
                       (size_t)length * sizeof *kept);
        }
}

int params_hash(const struct param_list *l, char out[33], struct error *err)
{
    struct hash *h = hash_new();
    float *room = params_room(l);

    if (!h || !room) {
        hash_free(h);
        mem_free(room);
        return error_set(err, PT_ENOMEM, "weights: out of memory");
    }
    for (int i = 0; i < l->n; i++)
        for (int64_t s = 0; s < l->param[i].spans; s++) {
            int64_t count, length, stride;
            const float *data = params_span(l, &l->param[i], s, 0, room, &count, &length, &stride);

            for (int64_t r = 0; data && r < count; r++)
                hash_add(h, data + r * stride, (size_t)length * sizeof(float));
        }
    hash_hex(h, out);
    if (several(l))
        ranks_copy(l->ranks, out, 33);
    hash_free(h);
    mem_free(room);
    return 0;
}

/* The number of the first tensor of which this rank has weights that are not finite; l->n: none. */
static int first_not_finite(const struct param_list *l)
{
    for (int i = 0; i < l->n; i++)
        for (int64_t s = 0; s < l->param[i].spans; s++) {
            int64_t count, length, stride;
            float *data;

            l->param[i].span(l->param[i].owner, s, 0, &data, &count, &length, &stride);
            for (int64_t r = 0; data && r < count; r++)
                for (int64_t k = 0; k < length; k++)
                    if (!isfinite(data[r * stride + k]))
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
