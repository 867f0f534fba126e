/* binding.h - which processors W workers get: topo.h's policies, as arithmetic on a list. No hwloc in here.
 *
 *   slot     a processor that the process may use, in the machine's order: package, node, core, processor
 *   domain   the slots of one NUMA node (of one package where a node holds several), numbered in that order
 *
 * A core each: a policy is a rank on slots, and the first W ranks are those that W workers get. Compact takes
 * slots by sibling number, then in order; scatter by sibling number, then the first of every domain, the
 * second, ...
 *
 * A domain each (auto, while cores are left free): as few neighbouring domains as have two cores a worker,
 * the home domain among them, and all domains where no fewer have; workers are spread over their cores
 * evenly.
 *
 * Which worker sits on which of these slots is the machine's order under every policy. */
#ifndef PAR_BINDING_H
#define PAR_BINDING_H

#include "base/choices.h"
#include "base/error.h"

#include <stdbool.h>

struct topo_place {
    int pu, core, package, node; /* OS index of the PU; logical indexes of the others; -1: unknown or not
                                    bound, pu and core also of a worker that is bound to a node */
};

struct slot {
    struct topo_place place;
    int sibling; /* 0: its core's first usable processor, 1: the second, ... */
    int domain;
    int compact, scatter; /* ranks; 0: the first that the policy takes */
};

struct binding {
    struct slot *slot; /* (count), owned */
    int count;
    int *before; /* (domains + 1), owned: cores in front of a domain; the last: all cores */
    int domains;
    int home; /* the domain that small teams are on; 0 unless somebody sets another */
};

/* With slot[] and its places filled: sorts them and works out all else. PT_ENOMEM. */
int binding_order(struct binding *s, struct error *err);
void binding_fini(struct binding *s);

int binding_cores(const struct binding *s);
/* Whether a worker may be on all of its domain, rather than on one processor. */
bool binding_by_domain(const struct binding *s, enum topo_bind bind, int workers);
/* The slot of worker `id`; by domain it stands for its domain. Not for BIND_NONE. */
const struct slot *binding_of(const struct binding *s, enum topo_bind bind, int workers, int id);

#endif
