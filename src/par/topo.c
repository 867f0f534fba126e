/* topo.c - the only file that talks to hwloc.
 *
 * The whole machine is loaded, so that what the process may not use is known too; what it may use goes into
 * slots (binding.h), where the policies are. */
#include "par/topo.h"

#include "base/mem.h"
#include "par/cgroup.h"
#include "par/openmp.h"

#include <hwloc.h>
#include <hwloc/glibc-sched.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HWLOC_NEEDS ((int64_t)16 << 20) /* bytes, more than it takes for a large machine */

enum {
    MOST_PUS = OPENMP_CPUS, /* binding_order compares all with all */
    PAGES_AT_ONCE = 512
};

struct topo {
    hwloc_topology_t machine; /* owned */
    hwloc_bitmap_t usable;    /* owned: processors that the process may use */
    struct binding slots;     /* of those */
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

/* Whether a description asks for more processors than we take, seen from its numbers alone: hwloc would
 * build them all first. Attributes stand in parentheses, up to the first closing one as in hwloc. */
static bool asks_too_much(const char *synthetic)
{
    int64_t product = 1;

    for (const char *at = synthetic; at && *at; at++) {
        bool starts = at == synthetic || strchr(": \t\n", at[-1]);

        if (*at == '(') {
            if (!(at = strchr(at, ')')))
                break;
        } else if (starts && *at >= '0' && *at <= '9') {
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

SCOPED(hwloc_bitmap_free, struct hwloc_bitmap_s)

/* What the process may use: hwloc's allowed set (a cgroup's cpuset), cut down to the calling thread's own
 * binding (taskset, numactl, a scheduler). Where OpenMP's places rule, the calling thread was bound to the
 * first of them before main began, so the union of the places stands for the binding. */
static int find_usable(struct topo *t, struct error *err)
{
    scoped(hwloc_bitmap_free) hwloc_bitmap_t own = hwloc_bitmap_alloc();
    cpu_set_t places[OPENMP_CPUS / CPU_SETSIZE] = {0};

    t->usable = hwloc_bitmap_dup(hwloc_topology_get_topology_cpuset(t->machine));
    if (!own || !t->usable)
        return error_set(err, PT_ENOMEM, "topology: no memory");
    if (t->facts.synthetic)
        return 0;
    hwloc_bitmap_and(t->usable, t->usable, hwloc_topology_get_allowed_cpuset(t->machine));
    if (t->facts.omp_places && openmp_add_cpus(places) > 0)
        hwloc_cpuset_from_glibc_sched_affinity(t->machine, own, places, sizeof places);
    else if (hwloc_get_cpubind(t->machine, own, HWLOC_CPUBIND_THREAD) < 0)
        return 0;
    if (hwloc_bitmap_intersects(t->usable, own))
        hwloc_bitmap_and(t->usable, t->usable, own);
    return 0;
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

static int fill_slots(struct topo *t, struct error *err)
{
    hwloc_obj_t pu = NULL;
    int cpu;

    t->slots.slot = mem_zalloc(hwloc_bitmap_weight(t->usable), sizeof *t->slots.slot);
    if (!t->slots.slot)
        return error_set(err, PT_ENOMEM, "topology: no memory");
    while ((pu = hwloc_get_next_obj_by_type(t->machine, HWLOC_OBJ_PU, pu))) {
        hwloc_obj_t package;

        if (!hwloc_bitmap_isset(t->usable, pu->os_index))
            continue;
        package = hwloc_get_ancestor_obj_by_type(t->machine, HWLOC_OBJ_PACKAGE, pu);
        t->slots.slot[t->slots.count++].place = (struct topo_place){
            .pu = (int)pu->os_index,
            .core = (int)core_of(t, pu)->logical_index,
            .package = package ? (int)package->logical_index : -1,
            .node = node_of(t, pu),
        };
    }
    if (!t->slots.count)
        return error_set(err, PT_ENOMEM, "topology: there is no processor that this process may use");
    TRY(binding_order(&t->slots, err));
    cpu = t->facts.synthetic ? -1 : sched_getcpu(); /* where the system started this program */
    for (int i = 0; i < t->slots.count; i++)
        if (t->slots.slot[i].place.pu == cpu)
            t->slots.home = t->slots.slot[i].domain;
    return 0;
}

static int64_t cache_bytes(const struct topo *t, hwloc_obj_type_t type)
{
    hwloc_obj_t pu = hwloc_get_pu_obj_by_os_index(t->machine, (unsigned)t->slots.slot[0].place.pu);
    hwloc_obj_t cache = pu ? hwloc_get_ancestor_obj_by_type(t->machine, type, pu) : NULL;

    return cache ? (int64_t)cache->attr->cache.size : 0;
}

/* The caches of a kind that processors of the process have. */
static void add_caches(struct topo *t, hwloc_obj_type_t type)
{
    hwloc_obj_t cache = NULL;

    while ((cache = hwloc_get_next_obj_by_type(t->machine, type, cache))) {
        if (!hwloc_bitmap_intersects(cache->cpuset, t->usable))
            continue;
        t->facts.last_caches++;
        t->facts.last_bytes += (int64_t)cache->attr->cache.size;
    }
}

static void fill_facts(struct topo *t)
{
    struct topo_facts *f = &t->facts;

    f->machine_pus = hwloc_get_nbobjs_by_type(t->machine, HWLOC_OBJ_PU);
    f->machine_cores = hwloc_get_nbobjs_by_type(t->machine, HWLOC_OBJ_CORE);
    if (f->machine_cores <= 0) /* as in core_of */
        f->machine_cores = f->machine_pus;
    f->machine_nodes = hwloc_get_nbobjs_by_type(t->machine, HWLOC_OBJ_NUMANODE);
    f->pus = t->slots.count;
    f->cores = binding_cores(&t->slots);
    for (int i = 0; i < t->slots.count; i++) { /* in the machine's order */
        const struct topo_place *own = &t->slots.slot[i].place,
                                *last = i ? &t->slots.slot[i - 1].place : NULL;

        f->nodes += !last || last->node != own->node;
        f->packages += own->package >= 0 && (!last || last->package != own->package);
    }
    f->l1 = cache_bytes(t, HWLOC_OBJ_L1CACHE);
    f->l2 = cache_bytes(t, HWLOC_OBJ_L2CACHE);
    f->l3 = cache_bytes(t, HWLOC_OBJ_L3CACHE);
    add_caches(t, f->l3 ? HWLOC_OBJ_L3CACHE : HWLOC_OBJ_L2CACHE);
    f->memory = (int64_t)hwloc_get_root_obj(t->machine)->total_memory;
    hwloc_bitmap_list_snprintf(f->cpuset, sizeof f->cpuset, t->usable);
    if (!f->synthetic) {
        struct cgroup_limits limits = cgroup_read_limits("");
        int64_t pages = sysconf(_SC_PHYS_PAGES);

        if (pages > 0) /* hwloc's nodes do not count memory that a virtual machine got while it ran */
            f->memory = pages * sysconf(_SC_PAGESIZE);
        f->quota = limits.cpus;
        f->memory_limit = f->memory > 0 && limits.memory >= f->memory ? 0 : limits.memory;
    }
}

int topo_new(struct topo **out, const char *synthetic, struct error *err)
{
    scoped(topo_free) struct topo *t = mem_zalloc(1, sizeof *t);

    if (!t)
        return error_set(err, PT_ENOMEM, "topology: no memory");
    t->facts.omp_places = !synthetic && openmp_places();
    TRY(load(t, synthetic, err));
    TRY(find_usable(t, err));
    TRY(fill_slots(t, err));
    fill_facts(t);
    *out = handed_on(t);
    return 0;
}

void topo_free(struct topo *t)
{
    if (!t)
        return;
    binding_fini(&t->slots);
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

/* NULL: no worker is bound. */
static const struct slot *slot_of(const struct topo *t, enum topo_bind bind, int workers, int id)
{
    if (bind == BIND_NONE || t->facts.omp_places || id < 0 || id >= workers)
        return NULL;
    return binding_of(&t->slots, bind, workers, id);
}

int topo_place(const struct topo *t, enum topo_bind bind, int workers, int id, struct topo_place *out)
{
    const struct slot *s = slot_of(t, bind, workers, id);

    *out = s ? s->place : (struct topo_place){-1, -1, -1, -1};
    if (s && binding_by_domain(&t->slots, bind, workers))
        out->pu = out->core = -1;
    return s ? 0 : -1;
}

/* What worker `id` may run on, for hwloc_bitmap_free; NULL: it is not bound, or there is no memory. */
static hwloc_bitmap_t place_set(const struct topo *t, enum topo_bind bind, int workers, int id)
{
    const struct slot *s = slot_of(t, bind, workers, id);
    bool by_domain = binding_by_domain(&t->slots, bind, workers);
    hwloc_bitmap_t set = s ? hwloc_bitmap_alloc() : NULL;

    for (int i = 0; set && i < t->slots.count; i++) {
        const struct slot *x = &t->slots.slot[i];

        if (x == s || (by_domain && x->domain == s->domain))
            hwloc_bitmap_set(set, (unsigned)x->place.pu);
    }
    return set;
}

void topo_place_text(const struct topo *t, enum topo_bind bind, int workers, int id, char *out, size_t bytes)
{
    scoped(hwloc_bitmap_free) hwloc_bitmap_t set = place_set(t, bind, workers, id);

    *out = '\0';
    if (set)
        hwloc_bitmap_list_snprintf(out, bytes, set);
}

const char *topo_bound_to(const struct topo *t, enum topo_bind bind, int workers)
{
    if (t->facts.omp_places)
        return "OpenMP places";
    if (bind == BIND_NONE)
        return "none";
    return binding_by_domain(&t->slots, bind, workers) ? "node" : "core";
}

int topo_bind_self(const struct topo *t, enum topo_bind bind, int workers, int id)
{
    scoped(hwloc_bitmap_free) hwloc_bitmap_t set =
        t->facts.synthetic ? NULL : place_set(t, bind, workers, id);

    return set && hwloc_set_cpubind(t->machine, set, HWLOC_CPUBIND_THREAD) >= 0 ? 0 : -1;
}

void topo_unbind_self(const struct topo *t)
{
    if (!t->facts.synthetic && !t->facts.omp_places)
        (void)hwloc_set_cpubind(t->machine, t->usable, HWLOC_CPUBIND_THREAD);
}

void topo_count_pages(const struct topo *t, const void *p, size_t bytes, int64_t *pages, int nodes)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), end = (uintptr_t)p + bytes;
    uintptr_t at = ((uintptr_t)p + page - 1) / page * page;
    void *asked[PAGES_AT_ONCE];
    int os_index[PAGES_AT_ONCE]; /* negative: the page was not touched yet */

    while (!t->facts.synthetic && at + page <= end) {
        unsigned long n = 0;

        for (; n < PAGES_AT_ONCE && at + page <= end; at += page)
            asked[n++] = (void *)at;
        if (syscall(SYS_move_pages, 0, n, asked, NULL, os_index, 0) < 0) /* a container may forbid it */
            return;
        for (unsigned long i = 0; i < n; i++) {
            int os = os_index[i];
            hwloc_obj_t node = os < 0 ? NULL : hwloc_get_numanode_obj_by_os_index(t->machine, (unsigned)os);

            if (node && (int)node->logical_index < nodes)
                pages[node->logical_index]++;
        }
    }
}
