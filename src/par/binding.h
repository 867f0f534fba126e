/* binding.h - which processors W workers get: topo.h's policies, as arithmetic on a list. No hwloc in here.
 *
 *   slot     a processor that the process may use, in the machine's order: package, node, core, processor
 *   domain   the slots of one NUMA node (of one package where a node holds several), numbered in that order
 *
 * Auto is compact if the workers use every core: SMT siblings come last.
 *
 * A core each: a policy ranks the slots, and W workers get the first W. Compact orders by sibling number,
 * then by slot. Scatter orders by sibling number, then takes the first slot of every domain, the second, ...
 *
 * A domain each (auto, while cores are left free): the smallest run of neighbouring domains that includes the
 * home domain and has two cores a worker; if there is none, all domains. Workers are spread evenly over its
 * cores.
 *
 * Under every policy worker numbers follow the machine's order on the chosen slots. */
#pragma once

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
    int turn;             /* its number among those of its domain and sibling number */
    int compact, scatter; /* ranks; 0: the policy's first */
};

struct binding {
    struct slot *slot; /* (count), owned */
    int count;
    int *before; /* (domains + 1), owned: cores of all earlier domains; the last: all cores */
    int domains;
    int home; /* the domain of small teams; 0 unless the caller sets another */
};

/* Given slot[] with its places, sorts it and fills in all other fields. PT_ENOMEM. */
int binding_order(struct binding *s, struct error *err);
void binding_fini(struct binding *s);

int binding_cores(const struct binding *s);
/* Whether a worker may be on all of its domain, rather than on one processor. */
bool binding_by_domain(const struct binding *s, enum topo_bind bind, int workers);
/* The slot of worker `id`; with binding_by_domain any slot of the worker's domain. Not for BIND_NONE. */
const struct slot *binding_of(const struct binding *s, enum topo_bind bind, int workers, int id);
