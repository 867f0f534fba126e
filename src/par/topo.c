/* topo.c - the only file that talks to hwloc.
 *
 * The whole machine is loaded, so that what the process may not use is known too; `slots` are the processors
 * that it may use, in the machine's own order (package, node, core, processor). A policy is a rank on them:
 * the first W ranks are the processors that W workers get. Which of the W workers gets which of them is the
 * machine's order again: neighbours in the shard order, who merge their sums, are neighbours on the machine,
 * under both policies. */
#include "par/topo.h"

#include "base/mem.h"
#include "par/cgroup.h"
#include "par/team.h"

#include <hwloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HWLOC_NEEDS ((int64_t)16 << 20) /* bytes, more than it takes for a large machine */

enum { MOST_PUS = 8192 }; /* as Linux; ranks are found by comparing all with all */

struct slot {
    struct topo_place place;
    int sibling;                /* 0: its core's first usable processor, 1: the second, ... */
    int domain;                 /* a number for its (package, node), in machine order */
    int rank[BIND_SCATTER + 1]; /* 0: the first that the policy takes */
};

struct topo {
    hwloc_topology_t machine; /* owned */
    hwloc_bitmap_t usable;    /* owned: processors that the process may use */
    struct slot *slots;       /* (count), owned */
    int count;
    struct topo_facts facts;
};

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);

    return value && *value;
}

/* Whether the user tied OpenMP's threads down (or said that they be left alone). */
static bool openmp_places(void)
{
    return is_set("OMP_PLACES") || is_set("OMP_PROC_BIND") || is_set("GOMP_CPU_AFFINITY") ||
           is_set("KMP_AFFINITY");
}

/* Whether a description asks for more processors than we take, seen from its numbers alone: hwloc would build
 * them all first. What stands in brackets or parentheses is about memory and attributes. */
static bool asks_too_much(const char *synthetic)
{
    int64_t product = 1;
    int depth = 0;

    for (const char *at = synthetic; *at; at++) {
        bool starts = at == synthetic || strchr(": \t\n", at[-1]);

        if (strchr("[(", *at))
            depth++;
        else if (strchr("])", *at) && depth > 0)
            depth--;
        else if (depth == 0 && starts && *at >= '0' && *at <= '9') {
            int64_t n = strtoll(at, NULL, 0);

            if (n > 0 && (n > MOST_PUS || (product *= n) > MOST_PUS))
                return true;
        }
    }
    return false;
}

static int load(struct topo *t, const char *synthetic, struct error *err)
{
    if (synthetic && asks_too_much(synthetic))
        return error_set(err, PT_EUSAGE, "topology: more than %d processors", MOST_PUS);
    /* hwloc dereferences some of its allocations unchecked. */
    if (!mem_available(HWLOC_NEEDS) || hwloc_topology_init(&t->machine) < 0) {
        t->machine = NULL;
        return error_set(err, PT_ENOMEM, "topology: no memory");
    }
    t->facts.synthetic = synthetic != NULL;
    if (synthetic) {
        if (hwloc_topology_set_synthetic(t->machine, synthetic) < 0)
            return error_set(err, PT_EUSAGE,
                             "topology: \"%s\" is no description that hwloc takes; it ends in processors, as "
                             "in \"node:4 core:16 pu:2\"",
                             synthetic);
    } else {
        hwloc_topology_set_flags(t->machine, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
    }
    if (hwloc_topology_load(t->machine) < 0)
        return error_set(err, synthetic ? PT_EUSAGE : PT_ENOMEM, "topology: hwloc cannot load %s%s",
                         synthetic ? "the description " : "this machine's",
                         synthetic ? synthetic : " topology");
    if (hwloc_get_nbobjs_by_type(t->machine, HWLOC_OBJ_PU) > MOST_PUS)
        return error_set(err, synthetic ? PT_EUSAGE : PT_ENOMEM, "topology: more than %d processors",
                         MOST_PUS);
    return 0;
}

/* What the process may use: hwloc's allowed set (a cgroup's cpuset), cut down to the calling thread's own
 * binding (taskset, numactl, a scheduler). Where OpenMP's places rule, the calling thread was bound to the
 * first of them before main began, so the union of the places stands for the binding. */
static int find_usable(struct topo *t, struct error *err)
{
    hwloc_bitmap_t own = hwloc_bitmap_alloc();
    int *cpus = NULL, places = 0;

    t->usable = hwloc_bitmap_dup(hwloc_topology_get_topology_cpuset(t->machine));
    if (!own || !t->usable)
        goto no_memory;
    if (!t->facts.synthetic) {
        hwloc_bitmap_and(t->usable, t->usable, hwloc_topology_get_allowed_cpuset(t->machine));
        if (t->facts.omp_places) {
            places = team_omp_cpus(NULL, 0);
            cpus = mem_alloc(places, sizeof *cpus);
            if (!cpus)
                goto no_memory;
            places = team_omp_cpus(cpus, places);
            for (int i = 0; i < places; i++)
                hwloc_bitmap_set(own, (unsigned)cpus[i]);
        }
        if (places > 0 || hwloc_get_cpubind(t->machine, own, HWLOC_CPUBIND_THREAD) == 0)
            if (hwloc_bitmap_intersects(t->usable, own))
                hwloc_bitmap_and(t->usable, t->usable, own);
    }
    mem_free(cpus);
    hwloc_bitmap_free(own);
    return 0;
no_memory:
    mem_free(cpus);
    hwloc_bitmap_free(own);
    return error_set(err, PT_ENOMEM, "topology: no memory");
}

/* The object that counts as a processor's core: itself on a machine that tells of no cores. */
static hwloc_obj_t core_of(const struct topo *t, hwloc_obj_t pu)
{
    hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(t->machine, HWLOC_OBJ_CORE, pu);

    return core ? core : pu;
}

/* Logical index of the first NUMA node that has the processor; -1: none. */
static int node_of(const struct topo *t, hwloc_obj_t pu)
{
    hwloc_obj_t node = NULL;

    while ((node = hwloc_get_next_obj_by_type(t->machine, HWLOC_OBJ_NUMANODE, node)))
        if (hwloc_bitmap_isset(node->cpuset, pu->os_index))
            return (int)node->logical_index;
    return -1;
}

static int by_machine_order(const void *left, const void *right)
{
    const struct topo_place *a = &((const struct slot *)left)->place,
                            *b = &((const struct slot *)right)->place;

    if (a->package != b->package)
        return a->package < b->package ? -1 : 1;
    if (a->node != b->node)
        return a->node < b->node ? -1 : 1;
    if (a->core != b->core)
        return a->core < b->core ? -1 : 1;
    return (a->pu > b->pu) - (a->pu < b->pu);
}

static int fill_slots(struct topo *t, struct error *err)
{
    hwloc_obj_t pu = NULL, core = NULL;
    int cores = -1;

    t->slots = mem_zalloc(hwloc_bitmap_weight(t->usable), sizeof *t->slots);
    if (!t->slots)
        return error_set(err, PT_ENOMEM, "topology: no memory");
    while ((pu = hwloc_get_next_obj_by_type(t->machine, HWLOC_OBJ_PU, pu))) {
        hwloc_obj_t package;

        if (core_of(t, pu) != core) {
            core = core_of(t, pu);
            cores++;
        }
        if (!hwloc_bitmap_isset(t->usable, pu->os_index))
            continue;
        package = hwloc_get_ancestor_obj_by_type(t->machine, HWLOC_OBJ_PACKAGE, pu);
        t->slots[t->count++].place = (struct topo_place){
            .pu = (int)pu->os_index,
            .core = cores,
            .package = package ? (int)package->logical_index : -1,
            .node = node_of(t, pu),
        };
    }
    t->facts.machine_cores = cores + 1;
    if (!t->count)
        return error_set(err, PT_ENOMEM, "topology: there is no processor that this process may use");
    qsort(t->slots, (size_t)t->count, sizeof *t->slots, by_machine_order);
    for (int i = 0; i < t->count; i++) {
        struct slot *s = &t->slots[i], *before = i ? s - 1 : NULL;

        s->sibling = before && before->place.core == s->place.core ? before->sibling + 1 : 0;
        s->domain = !before ? 0 : before->domain;
        if (before && (before->place.package != s->place.package || before->place.node != s->place.node))
            s->domain++;
    }
    return 0;
}

/* How many of its domain and of its sibling number stand before slot i: its turn when domains are dealt to.
 */
static int turn_of(const struct topo *t, int i)
{
    int turn = 0;

    for (int j = i - 1; j >= 0 && t->slots[j].domain == t->slots[i].domain; j--)
        turn += t->slots[j].sibling == t->slots[i].sibling;
    return turn;
}

/* Compact: by sibling, then machine order. Scatter: by sibling, then turn, then domain. */
static int rank_slots(struct topo *t, struct error *err)
{
    int *turn = mem_alloc(t->count, sizeof *turn);

    if (!turn)
        return error_set(err, PT_ENOMEM, "topology: no memory");
    for (int i = 0; i < t->count; i++)
        turn[i] = turn_of(t, i);
    for (int i = 0; i < t->count; i++) {
        struct slot *a = &t->slots[i];

        for (int j = 0; j < t->count; j++) {
            const struct slot *b = &t->slots[j];

            if (b->sibling != a->sibling) {
                a->rank[BIND_COMPACT] += b->sibling < a->sibling;
                a->rank[BIND_SCATTER] += b->sibling < a->sibling;
                continue;
            }
            a->rank[BIND_COMPACT] += j < i;
            a->rank[BIND_SCATTER] += turn[j] != turn[i] ? turn[j] < turn[i] : j < i;
        }
    }
    mem_free(turn);
    return 0;
}

static int64_t cache_bytes(const struct topo *t, hwloc_obj_type_t type)
{
    hwloc_obj_t pu = hwloc_get_pu_obj_by_os_index(t->machine, (unsigned)t->slots[0].place.pu);
    hwloc_obj_t cache = pu ? hwloc_get_ancestor_obj_by_type(t->machine, type, pu) : NULL;

    return cache ? (int64_t)cache->attr->cache.size : 0;
}

static bool seen_before(const struct topo *t, int i, bool node)
{
    for (int j = 0; j < i; j++)
        if (node ? t->slots[j].place.node == t->slots[i].place.node
                 : t->slots[j].place.package == t->slots[i].place.package)
            return true;
    return false;
}

static void fill_facts(struct topo *t)
{
    struct topo_facts *f = &t->facts;

    f->machine_pus = hwloc_get_nbobjs_by_type(t->machine, HWLOC_OBJ_PU);
    f->machine_nodes = hwloc_get_nbobjs_by_type(t->machine, HWLOC_OBJ_NUMANODE);
    f->pus = t->count;
    for (int i = 0; i < t->count; i++) {
        f->cores += t->slots[i].sibling == 0;
        f->nodes += !seen_before(t, i, true);
        f->packages += !seen_before(t, i, false);
    }
    f->l1 = cache_bytes(t, HWLOC_OBJ_L1CACHE);
    f->l2 = cache_bytes(t, HWLOC_OBJ_L2CACHE);
    f->l3 = cache_bytes(t, HWLOC_OBJ_L3CACHE);
    f->memory = (int64_t)hwloc_get_root_obj(t->machine)->total_memory;
    hwloc_bitmap_list_snprintf(f->cpuset, sizeof f->cpuset, t->usable);
    if (!f->synthetic) {
        struct cgroup_limits limits = cgroup_read_limits("");

        f->quota = limits.cpus;
        f->memory_limit = f->memory > 0 && limits.memory >= f->memory ? 0 : limits.memory;
    }
}

int topo_new(struct topo **out, const char *synthetic, struct error *err)
{
    struct topo *t = mem_zalloc(1, sizeof *t);
    int rc;

    if (!t)
        return error_set(err, PT_ENOMEM, "topology: no memory");
    t->facts.omp_places = !synthetic && openmp_places();
    rc = load(t, synthetic, err);
    if (rc == 0)
        rc = find_usable(t, err);
    if (rc == 0)
        rc = fill_slots(t, err);
    if (rc == 0)
        rc = rank_slots(t, err);
    if (rc < 0)
        goto fail;
    fill_facts(t);
    *out = t;
    return 0;
fail:
    topo_free(t);
    return rc;
}

void topo_free(struct topo *t)
{
    if (!t)
        return;
    mem_free(t->slots);
    hwloc_bitmap_free(t->usable);
    if (t->machine)
        hwloc_topology_destroy(t->machine);
    mem_free(t);
}

void topo_facts(const struct topo *t, struct topo_facts *out)
{
    *out = t->facts;
}

int topo_default_workers(const struct topo *t)
{
    int n = t->facts.cores;
    double quota = t->facts.quota;

    if (quota > 0 && quota < n)
        n = (int)floor(quota + 1e-6);
    return n > 0 ? n : 1;
}

/* Of `workers`, slot s gets one, or one more or fewer where there are more workers than slots. The slots are
 * walked in machine order until worker `id` has had its turn. */
int topo_place(const struct topo *t, enum topo_bind bind, int workers, int id, struct topo_place *out)
{
    int before = 0;

    *out = (struct topo_place){-1, -1, -1, -1};
    if (bind == BIND_NONE || t->facts.omp_places || id < 0 || id >= workers)
        return -1;
    for (int i = 0; i < t->count; i++) {
        before += workers / t->count + (t->slots[i].rank[bind] < workers % t->count);
        if (id < before) {
            *out = t->slots[i].place;
            return 0;
        }
    }
    return -1;
}

int topo_bind_self(const struct topo *t, enum topo_bind bind, int workers, int id)
{
    struct topo_place place;
    hwloc_bitmap_t set;
    int rc = -1;

    if (t->facts.synthetic || topo_place(t, bind, workers, id, &place) < 0)
        return -1;
    set = hwloc_bitmap_alloc();
    if (set && hwloc_bitmap_only(set, (unsigned)place.pu) == 0)
        rc = hwloc_set_cpubind(t->machine, set, HWLOC_CPUBIND_THREAD);
    hwloc_bitmap_free(set);
    return rc < 0 ? -1 : 0;
}

void topo_unbind_self(const struct topo *t)
{
    if (!t->facts.synthetic && !t->facts.omp_places)
        (void)hwloc_set_cpubind(t->machine, t->usable, HWLOC_CPUBIND_THREAD);
}

int topo_node_of(const struct topo *t, const void *p, size_t bytes)
{
    hwloc_bitmap_t set;
    hwloc_obj_t node = NULL;

    if (t->facts.synthetic)
        return -1;
    set = hwloc_bitmap_alloc();
    if (set && hwloc_get_area_memlocation(t->machine, p, bytes, set, HWLOC_MEMBIND_BYNODESET) == 0 &&
        hwloc_bitmap_first(set) >= 0)
        node = hwloc_get_numanode_obj_by_os_index(t->machine, (unsigned)hwloc_bitmap_first(set));
    hwloc_bitmap_free(set);
    return node ? (int)node->logical_index : -1;
}

void topo_count_pages(const struct topo *t, const void *p, size_t bytes, int64_t *pages, int nodes)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), end = (uintptr_t)p + bytes;

    for (uintptr_t at = ((uintptr_t)p + page - 1) / page * page; at + page <= end; at += page) {
        int node = topo_node_of(t, (const void *)at, 1);

        if (node >= 0 && node < nodes)
            pages[node]++;
    }
}
