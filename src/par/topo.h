/* topo.h - which cores the workers run on. The only file that talks to hwloc is topo.c; the policies are in
 * binding.c.
 *
 * One worker a core, SMT siblings last; compact fills a NUMA node (then a socket) before the next, scatter
 * deals workers out over nodes in turn. That says which cores W workers get; worker numbers follow the
 * machine's order on them, so that workers who merge each other's sums are near. Auto is compact where the
 * workers take every core. Where they leave cores free, others may want those, other runs of this program
 * first of all, which know nothing of this one: then a worker is bound to a NUMA node, all of it, and which
 * core it is on is the system's to say, which knows of all. Always within the cpuset that taskset, numactl, a
 * cgroup or a scheduler left to the process. OMP_PLACES / OMP_PROC_BIND, when set, win: then nothing is bound
 * here. A synthetic description ("node:4 core:16 pu:2") makes every policy testable. */
#ifndef PAR_TOPO_H
#define PAR_TOPO_H

#include "base/error.h"
#include "par/binding.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct topo;

/* `synthetic` NULL: this machine, restricted to the process's cpuset. Call it before a team binds the calling
 * thread. PT_EUSAGE for a description that hwloc does not take. Freed by topo_free. */
int topo_new(struct topo **out, const char *synthetic, struct error *err);
void topo_free(struct topo *t);

struct topo_facts {
    int nodes, packages, cores, pus; /* that the process may use; packages 0: unknown */
    int machine_cores, machine_pus;  /* that there are */
    int machine_nodes;
    double quota;                 /* CPUs' worth of the cgroup's quota (v1 or v2); 0: no limit */
    int64_t memory, memory_limit; /* bytes of RAM; the cgroup's limit, 0: none */
    int64_t l1, l2, l3;           /* data cache bytes of a core's caches; 0: unknown */
    int last_caches;              /* how many last-level caches (L3; where there are none, L2) ... */
    int64_t last_bytes;           /* ... and how large together, of those that the process may use */
    char cpuset[256];             /* as a list: "0-3,8" */
    bool synthetic;
    bool omp_places; /* OMP_PLACES or OMP_PROC_BIND rule */
};
void topo_facts(const struct topo *t, struct topo_facts *out);

/* The default number of workers: cores, at most the quota (rounded down), at
 * least 1. */
int topo_default_workers(const struct topo *t);

/* Where worker `id` of `workers` goes. Workers beyond the PUs share them evenly. 0, or -1 (and -1 in
 * every field) where nobody is bound: BIND_NONE, or OpenMP's places rule. */
int topo_place(const struct topo *t, enum topo_bind bind, int workers, int id, struct topo_place *out);
/* The processors of that place, as a list by OS index: "3", "0-15,64-79"; "" where nobody is bound. */
void topo_place_text(const struct topo *t, enum topo_bind bind, int workers, int id, char *out, size_t bytes);
/* What each of `workers` is bound to: "core", "node", "none" or "OpenMP places". */
const char *topo_bound_to(const struct topo *t, enum topo_bind bind, int workers);

/* Binds the calling thread to its place. 0, or -1 where the system cannot (not an error: the run goes on
 * unbound). */
int topo_bind_self(const struct topo *t, enum topo_bind bind, int workers, int id);
/* Puts the calling thread's binding back to the whole cpuset of the process. */
void topo_unbind_self(const struct topo *t);

/* Adds to pages[node] (nodes of the machine by logical index, at most `nodes`) the pages that lie wholly in
 * [p, p + bytes) and on that node. Pages not touched yet count nowhere, nor does any where the system does
 * not tell. */
void topo_count_pages(const struct topo *t, const void *p, size_t bytes, int64_t *pages, int nodes);

#endif
