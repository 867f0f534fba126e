/* topo.h - which cores the workers run on. The only file that talks to hwloc is topo.c; the policies are in
 * binding.h, within the cpuset that taskset, numactl, a cgroup or a scheduler gave the process. OMP_PLACES
 * and OMP_PROC_BIND take precedence: then nothing is bound here. A synthetic description ("node:4 core:16
 * pu:2") makes every policy testable. */
#pragma once

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
SCOPED(topo_free, struct topo)

struct topo_facts {
    int nodes, packages, cores, pus; /* that the process may use; packages 0: unknown */
    int machine_cores, machine_pus;  /* in all */
    int machine_nodes;
    double quota;                 /* the cgroup's quota (v1 or v2) in CPUs; 0: no limit */
    int64_t memory, memory_limit; /* bytes of RAM; the cgroup's limit, 0: none */
    int64_t l1, l2, l3;           /* data cache bytes of a core's caches; 0: unknown */
    int last_caches;              /* number of last-level caches (L3, else L2) ... */
    int64_t last_bytes;           /* ... that the process may use, and their bytes together */
    char cpuset[256];             /* as a list: "0-3,8" */
    bool synthetic;
    bool omp_places; /* OMP_PLACES or OMP_PROC_BIND is in effect */
};
void topo_facts(const struct topo *t, struct topo_facts *out);

/* The default number of workers: cores, at most the quota (rounded down), at
 * least 1. */
int topo_default_workers(const struct topo *t);

/* Where worker `id` of `workers` goes. Workers beyond the PUs share them evenly. Returns 0, or -1
 * (and -1 in every field) if no worker is bound: BIND_NONE, or OpenMP's places. */
int topo_place(const struct topo *t, enum topo_bind bind, int workers, int id, struct topo_place *out);
/* The processors of that place, as a list by OS index: "3", "0-15,64-79"; "": not bound. */
void topo_place_text(const struct topo *t, enum topo_bind bind, int workers, int id, char *out, size_t bytes);
/* What each of `workers` is bound to: "core", "node", "none" or "OpenMP places". */
const char *topo_bound_to(const struct topo *t, enum topo_bind bind, int workers);

/* Binds the calling thread to its place. 0, or -1 if the system cannot: not an error, the run goes on
 * unbound. */
int topo_bind_self(const struct topo *t, enum topo_bind bind, int workers, int id);
/* Puts the calling thread's binding back to the whole cpuset of the process. */
void topo_unbind_self(const struct topo *t);

/* Adds to pages[node] (nodes of the machine by logical index, at most `nodes`) the pages that lie wholly in
 * [p, p + bytes) and on that node. Pages not touched yet are not counted; on a system that does not report
 * nodes none is. */
void topo_count_pages(const struct topo *t, const void *p, size_t bytes, int64_t *pages, int nodes);
