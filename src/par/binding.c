#include "par/binding.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>

static int by_machine_order(const void *left, const void *right)
{
    const struct topo_place *a = &((const struct slot *)left)->place,
                            *b = &((const struct slot *)right)->place;

    const int x[] = {a->package, a->node, a->core, a->pu}, y[] = {b->package, b->node, b->core, b->pu};

    for (int i = 0; i < 4; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

static void number(struct binding *s)
{
    for (int i = 0; i < s->count; i++) {
        struct slot *x = &s->slot[i], *last = i ? x - 1 : NULL;

        x->sibling = last && last->place.core == x->place.core ? last->sibling + 1 : 0;
        x->domain = last ? last->domain : 0;
        if (last && (last->place.package != x->place.package || last->place.node != x->place.node))
            x->domain++;
        for (int j = i - 1; j >= 0 && s->slot[j].domain == x->domain; j--)
            x->turn += s->slot[j].sibling == x->sibling;
        s->domains = x->domain + 1;
    }
}

/* By comparing all with all. */
static void rank(struct binding *s)
{
    for (struct slot *a = s->slot; a < s->slot + s->count; a++)
        for (const struct slot *b = s->slot; b < s->slot + s->count; b++) {
            bool before = b->sibling != a->sibling ? b->sibling < a->sibling : b < a;

            a->compact += before;
            a->scatter += b->sibling == a->sibling && b->turn != a->turn ? b->turn < a->turn : before;
        }
}

int binding_order(struct binding *s, struct error *err)
{
    qsort(s->slot, (size_t)s->count, sizeof *s->slot, by_machine_order);
    number(s);
    rank(s);
    s->before = mem_zalloc(s->domains + 1, sizeof *s->before);
    if (!s->before)
        return error_set(err, PT_ENOMEM, "topology: no memory");
    for (int i = 0; i < s->count; i++)
        s->before[s->slot[i].domain + 1] += s->slot[i].sibling == 0;
    for (int d = 0; d < s->domains; d++)
        s->before[d + 1] += s->before[d];
    return 0;
}

void binding_fini(struct binding *s)
{
    mem_free(s->slot);
    mem_free(s->before);
}

int binding_cores(const struct binding *s)
{
    return s->before[s->domains];
}

bool binding_by_domain(const struct binding *s, enum topo_bind bind, int workers)
{
    return bind == BIND_AUTO && workers < binding_cores(s);
}

/* n domains are a run that begins at a multiple of n, where there is room: so they lie in one package if a
 * package's number of them allows it. */
static const struct slot *in_domains(const struct binding *s, int workers, int id)
{
    int first = s->home, cores = 0, core;

    for (int n = 1; n <= s->domains && cores < 2 * workers; n++) {
        first = s->home - s->home % n;
        first = first < s->domains - n ? first : s->domains - n;
        cores = s->before[first + n] - s->before[first];
    }
    core = s->before[first] + (int)((int64_t)id * cores / workers);
    for (int i = 0; i < s->count; i++)
        if (s->slot[i].sibling == 0 && core-- == 0)
            return &s->slot[i];
    return NULL; /* not reached: there are that many cores */
}

/* Of `workers`, a slot gets one, or one more or fewer where there are more workers than slots. The slots are
 * walked in order until worker `id` has had its turn. */
static const struct slot *on_core(const struct binding *s, enum topo_bind bind, int workers, int id)
{
    int before = 0;

    for (int i = 0; i < s->count; i++) {
        const struct slot *x = &s->slot[i];

        before +=
            workers / s->count + ((bind == BIND_SCATTER ? x->scatter : x->compact) < workers % s->count);
        if (id < before)
            return x;
    }
    return NULL; /* not reached: id < workers */
}

const struct slot *binding_of(const struct binding *s, enum topo_bind bind, int workers, int id)
{
    return binding_by_domain(s, bind, workers) ? in_domains(s, workers, id) : on_core(s, bind, workers, id);
}
