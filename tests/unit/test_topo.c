#include "support.h"

#include "base/mem.h"
#include "par/binding.h"
#include "par/topo.h"

#include <sched.h>
#include <unistd.h>

#define NODES 64

static const enum topo_bind policies[] = {BIND_COMPACT, BIND_SCATTER, BIND_AUTO};

static struct topo *machine(const char *synthetic)
{
    struct topo *t = NULL;
    struct error err = {0};

    if (topo_new(&t, synthetic, &err) < 0)
        fail_msg("%s", err.text);
    return t;
}

static struct topo_place place(const struct topo *t, enum topo_bind bind, int workers, int id)
{
    struct topo_place p;

    assert_int_equal(topo_place(t, bind, workers, id, &p), 0);
    return p;
}

/* Workers by node, for as many as counts has. */
static void count_nodes(const struct topo *t, enum topo_bind bind, int workers, int counts[8])
{
    memset(counts, 0, 8 * sizeof *counts);
    for (int id = 0; id < workers; id++) {
        struct topo_place p = place(t, bind, workers, id);

        assert_in_range(p.node, 0, 7);
        counts[p.node]++;
    }
}

static void memory_is_that_of_the_whole_machine(void **state)
{
    struct topo *t = machine(NULL);
    struct topo_facts f;
    FILE *file = fopen("/proc/meminfo", "r");
    long long kib = 0;

    (void)state;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "MemTotal: %lld kB", &kib), 1);
    fclose(file);
    topo_facts(t, &f);
    assert_true(kib > 0 && f.memory >= 1024 * kib); /* a container may be shown less, its limit */
    topo_free(t);
    t = machine("node:2(memory=1073741824) core:2 pu:1");
    topo_facts(t, &f);
    assert_int_equal(f.memory, 2147483648);
    topo_free(t);
}

static void facts_of_a_large_machine(void **state)
{
    struct topo *t = machine("node:4 core:16 pu:2");
    struct topo_facts f;

    (void)state;
    topo_facts(t, &f);
    assert_int_equal(f.nodes, 4);
    assert_int_equal(f.cores, 64);
    assert_int_equal(f.pus, 128);
    assert_int_equal(f.machine_cores, 64);
    assert_int_equal(f.machine_pus, 128);
    assert_string_equal(f.cpuset, "0-127");
    assert_true(f.synthetic && !f.omp_places);
    assert_true(f.quota == 0.0 && f.memory_limit == 0); /* of this machine, not of that one */
    assert_int_equal(topo_default_workers(t), 64);
    topo_free(t);
}

static void caches_are_told(void **state)
{
    struct topo *t =
        machine("package:2 l3:1(size=33554432) l2:4(size=1048576) l1d:1(size=32768) core:1 pu:1");
    struct topo_facts f;

    (void)state;
    topo_facts(t, &f);
    assert_int_equal(f.l1, 32768);
    assert_int_equal(f.l2, 1048576);
    assert_int_equal(f.l3, 33554432);
    assert_int_equal(f.packages, 2);
    topo_free(t);
}

static void last_level_caches_are_all_counted(void **state)
{
    static const struct {
        const char *machine;
        int caches;
        int64_t bytes;
        int packages;
    } cases[] = {
        {"package:2 l3:8(size=33554432) core:8 pu:1", 16, INT64_C(16) << 25, 2},
        {"package:1 l3:1(size=33554432) core:8 pu:1", 1, INT64_C(1) << 25, 1},
        {"l2:4(size=1048576) core:2 pu:1", 4, INT64_C(4) << 20, 0}, /* no L3 */
        {"node:2 core:2 pu:1", 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct topo *t = machine(cases[i].machine);
        struct topo_facts f;

        topo_facts(t, &f);
        assert_int_equal(f.last_caches, cases[i].caches);
        assert_int_equal(f.last_bytes, cases[i].bytes);
        assert_int_equal(f.packages, cases[i].packages);
        topo_free(t);
    }
}

static void compact_fills_a_node_before_the_next(void **state)
{
    struct topo *t = machine("node:4 core:16 pu:2");

    (void)state;
    for (int workers = 1; workers <= 64; workers++) {
        int counts[8];

        count_nodes(t, BIND_COMPACT, workers, counts);
        for (int node = 0; node < 4; node++) {
            int left = workers - 16 * node;

            assert_int_equal(counts[node], left < 0 ? 0 : left > 16 ? 16 : left);
        }
    }
    topo_free(t);
}

static void compact_fills_a_package_of_two_nodes_before_the_next(void **state)
{
    struct topo *t = machine("package:2 node:2 core:4 pu:1");

    (void)state;
    for (int id = 0; id < 8; id++)
        assert_int_equal(place(t, BIND_COMPACT, 8, id).package, 0);
    for (int id = 0; id < 9; id++)
        assert_int_equal(place(t, BIND_COMPACT, 9, id).package, id / 8);
    topo_free(t);
}

static void scatter_deals_over_nodes(void **state)
{
    struct topo *t = machine("node:4 core:16 pu:2");

    (void)state;
    for (int workers = 1; workers <= 128; workers++) {
        int counts[8];

        count_nodes(t, BIND_SCATTER, workers, counts);
        for (int node = 0; node < 4; node++)
            assert_int_equal(counts[node], workers / 4 + (node < workers % 4));
    }
    topo_free(t);
}

static void scatter_deals_over_packages_without_numa(void **state)
{
    struct topo *t = machine("package:2 core:4 pu:1");

    (void)state;
    assert_int_equal(place(t, BIND_SCATTER, 2, 0).package, 0);
    assert_int_equal(place(t, BIND_SCATTER, 2, 1).package, 1);
    topo_free(t);
}

/* Every core has a worker before any has two; every processor before any is shared; sharing is even. */
static void check_spread(const char *synthetic, int cores, int pus)
{
    struct topo *t = machine(synthetic);

    for (int policy = 0; policy < 2; policy++) {
        for (int workers = 1; workers <= 3 * pus + 1; workers++) {
            int by_core[64] = {0}, by_pu[64] = {0}, idle_cores = 0, idle_pus = 0, most = 0, least = workers;

            for (int id = 0; id < workers; id++) {
                struct topo_place p = place(t, policies[policy], workers, id);

                assert_in_range(p.core, 0, cores - 1);
                assert_in_range(p.pu, 0, pus - 1);
                by_core[p.core]++;
                by_pu[p.pu]++;
            }
            for (int i = 0; i < cores; i++) {
                idle_cores += by_core[i] == 0;
                if (workers <= cores)
                    assert_true(by_core[i] <= 1);
            }
            for (int i = 0; i < pus; i++) {
                idle_pus += by_pu[i] == 0;
                most = by_pu[i] > most ? by_pu[i] : most;
                least = by_pu[i] < least ? by_pu[i] : least;
            }
            assert_int_equal(idle_cores, workers < cores ? cores - workers : 0);
            assert_int_equal(idle_pus, workers < pus ? pus - workers : 0);
            assert_true(most - least <= 1);
        }
    }
    topo_free(t);
}

static void siblings_come_last_and_sharing_is_even(void **state)
{
    (void)state;
    check_spread("package:1 core:1 pu:2", 1, 2);
    check_spread("core:2 pu:1", 2, 2);
    check_spread("node:4 core:3 pu:2", 12, 24);
    check_spread("package:2 node:2 core:2 pu:4", 8, 32);
    check_spread("pu:5", 5, 5); /* no cores are told: a processor counts as one */
}

/* Neighbours in number are neighbours on the machine: nodes never go back. */
static void worker_numbers_follow_the_machine(void **state)
{
    struct topo *t = machine("package:2 node:2 core:4 pu:2");

    (void)state;
    for (int policy = 0; policy < 3; policy++) {
        for (int workers = 2; workers <= 80; workers++) {
            for (int id = 1; id < workers; id++) {
                struct topo_place a = place(t, policies[policy], workers, id - 1);
                struct topo_place b = place(t, policies[policy], workers, id);

                assert_true(a.package <= b.package);
                assert_true(a.node <= b.node);
                assert_true(a.core <= b.core);
            }
        }
    }
    topo_free(t);
}

static void auto_is_compact_where_no_core_is_left(void **state)
{
    struct topo *t = machine("package:2 node:2 core:2 pu:2");

    (void)state;
    for (int workers = 8; workers <= 40; workers++) {
        assert_string_equal(topo_bound_to(t, BIND_AUTO, workers), "core");
        for (int id = 0; id < workers; id++) {
            struct topo_place a = place(t, BIND_AUTO, workers, id), b = place(t, BIND_COMPACT, workers, id);
            char text[16], want[16];

            assert_memory_equal(&a, &b, sizeof a);
            topo_place_text(t, BIND_AUTO, workers, id, text, sizeof text);
            snprintf(want, sizeof want, "%d", a.pu);
            assert_string_equal(text, want);
        }
    }
    topo_free(t);
}

/* All of its node, and only as many nodes as leave a second such team its cores. */
static void auto_leaves_the_choice_of_cores_where_some_are_left(void **state)
{
    static const char *const nodes[] = {"0-31", "32-63", "64-95", "96-127"};
    struct topo *t = machine("node:4 core:16 pu:2");

    (void)state;
    for (int workers = 1; workers < 64; workers++) {
        int counts[8], used = workers <= 8 ? 1 : workers <= 16 ? 2 : workers <= 24 ? 3 : 4;

        count_nodes(t, BIND_AUTO, workers, counts);
        for (int node = 0; node < 4; node++)
            assert_in_range(counts[node], node < used ? workers / used : 0,
                            node < used ? (workers + used - 1) / used : 0);
        for (int id = 0; id < workers; id++) {
            struct topo_place p = place(t, BIND_AUTO, workers, id);
            char text[16];

            assert_true(p.pu == -1 && p.core == -1);
            topo_place_text(t, BIND_AUTO, workers, id, text, sizeof text);
            assert_string_equal(text, nodes[p.node]);
        }
        assert_string_equal(topo_bound_to(t, BIND_AUTO, workers), "node");
    }
    topo_free(t);
}

/* Without NUMA nodes of their own packages stand for them; a machine of one node is one set. */
static void auto_takes_packages_for_nodes(void **state)
{
    struct topo *t = machine("package:2 core:4 pu:1");
    char text[16];

    (void)state;
    assert_int_equal(place(t, BIND_AUTO, 2, 1).package, 0);
    assert_int_equal(place(t, BIND_AUTO, 4, 1).package, 0);
    assert_int_equal(place(t, BIND_AUTO, 4, 2).package, 1);
    topo_place_text(t, BIND_AUTO, 4, 2, text, sizeof text);
    assert_string_equal(text, "4-7");
    topo_free(t);
    t = machine("core:3 pu:1");
    topo_place_text(t, BIND_AUTO, 2, 1, text, sizeof text);
    assert_string_equal(text, "0-2");
    topo_place_text(t, BIND_NONE, 2, 1, text, sizeof text);
    assert_string_equal(text, "");
    topo_free(t);
}

/* Domains of so many cores, two to a package, each core with two processors. */
static void fill(struct binding *s, const int *cores, int domains)
{
    int core = 0, all = 0;

    for (int d = 0; d < domains; d++)
        all += cores[d];
    *s = (struct binding){.slot = mem_zalloc(2 * all, sizeof *s->slot)};
    assert_non_null(s->slot);
    for (int d = 0; d < domains; d++)
        for (int i = 0; i < cores[d]; i++, core++)
            for (int pu = 0; pu < 2; pu++)
                s->slot[s->count++].place = (struct topo_place){core + pu * all, core, d / 2, d};
    assert_int_equal(binding_order(s, NULL), 0);
    assert_int_equal(s->domains, domains);
    assert_int_equal(binding_cores(s), all);
}

/* Wherever a team is at home, and whatever the cpuset left of the nodes. */
static void auto_begins_at_home(void **state)
{
    static const int cores[][4] = {{4, 4, 4, 4}, {16, 16, 16, 16}, {1, 7, 3, 2}, {5, 1, 1, 9}};

    (void)state;
    for (int m = 0; m < 4; m++) {
        struct binding s;

        fill(&s, cores[m], 4);
        for (s.home = 0; s.home < 4; s.home++) {
            for (int workers = 1; workers < binding_cores(&s); workers++) {
                int counts[4] = {0}, last = 0, used = 0;

                for (int id = 0; id < workers; id++) {
                    const struct slot *x = binding_of(&s, BIND_AUTO, workers, id);

                    assert_true(x->domain >= last); /* in the machine's order */
                    last = x->domain;
                    counts[x->domain]++;
                }
                for (int d = 0; d < 4; d++) {
                    used += counts[d] > 0;
                    assert_in_range(counts[d], 0, cores[m][d]);
                    if (2 * workers <= binding_cores(&s))
                        assert_in_range(counts[d], 0, (cores[m][d] + 1) / 2); /* room for such another */
                }
                if (2 * workers <= cores[m][s.home])
                    assert_int_equal(counts[s.home], workers);
                if (m < 2 && workers > cores[m][0] / 2 &&
                    workers <= cores[m][0]) { /* two domains: a package */
                    assert_int_equal(used, 2);
                    assert_true(counts[s.home] > 0 && counts[s.home ^ 1] > 0);
                }
            }
        }
        binding_fini(&s);
    }
}

static void nobody_has_a_place_without_binding(void **state)
{
    struct topo *t = machine("core:4 pu:1");
    struct topo_place p = {7, 7, 7, 7};

    (void)state;
    assert_int_equal(topo_place(t, BIND_NONE, 4, 0, &p), -1);
    assert_true(p.pu == -1 && p.core == -1 && p.package == -1 && p.node == -1);
    assert_int_equal(topo_place(t, BIND_COMPACT, 4, 4, &p), -1);
    assert_int_equal(topo_place(t, BIND_COMPACT, 4, -1, &p), -1);
    topo_free(t);
}

static void machine_that_is_not_there_binds_nobody(void **state)
{
    struct topo *t = machine("core:4 pu:1");
    cpu_set_t before, after;
    static char page[1 << 18];
    int64_t pages = 0;

    (void)state;
    memset(page, 1, sizeof page);
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_int_equal(topo_bind_self(t, BIND_COMPACT, 1, 0), -1);
    topo_unbind_self(t);
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_true(CPU_EQUAL(&before, &after));
    topo_count_pages(t, page, sizeof page, &pages, 1);
    assert_int_equal(pages, 0);
    topo_free(t);
}

static void bad_description_is_a_usage_error(void **state)
{
    struct topo *t = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(topo_new(&t, "node:x", &err), PT_EUSAGE);
    assert_non_null(strstr(err.text, "node:x"));
    assert_int_equal(topo_new(&t, "node:64 core:256 pu:2", &err), PT_EUSAGE);
    assert_non_null(strstr(err.text, "8192"));
    assert_null(t);
    topo_free(NULL);
}

static void this_machine_is_the_cpuset(void **state)
{
    struct topo *t = machine(NULL);
    struct topo_facts f;
    cpu_set_t set;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    topo_facts(t, &f);
    if (!f.omp_places)
        assert_int_equal(f.pus, CPU_COUNT(&set));
    assert_true(f.cores >= 1 && f.cores <= f.pus && f.pus <= f.machine_pus && f.cores <= f.machine_cores);
    assert_true(f.nodes >= 1 && f.packages >= 1);
    assert_in_range(topo_default_workers(t), 1, f.cores);
    assert_true(f.memory > 0);
    assert_int_equal(f.machine_pus, sysconf(_SC_NPROCESSORS_ONLN));
    topo_free(t);
}

/* As under taskset: of the machine's processors only the last may be used. */
static void cpuset_is_obeyed(void **state)
{
    cpu_set_t before, one;
    struct topo *t;
    struct topo_facts f;
    int last = -1;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &before))
            last = cpu;
    CPU_ZERO(&one);
    CPU_SET(last, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    t = machine(NULL);
    topo_facts(t, &f);
    if (!f.omp_places) {
        char text[16];

        snprintf(text, sizeof text, "%d", last);
        assert_int_equal(f.pus, 1);
        assert_string_equal(f.cpuset, text);
        assert_int_equal(topo_default_workers(t), 1);
        for (int id = 0; id < 3; id++)
            assert_int_equal(place(t, BIND_SCATTER, 3, id).pu, last);
    }
    topo_free(t);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

static void binding_moves_the_thread_to_its_place(void **state)
{
    struct topo *t = machine(NULL);
    struct topo_facts f;
    cpu_set_t before, after;

    (void)state;
    topo_facts(t, &f);
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    for (int id = 0; id < f.pus; id++) {
        if (topo_bind_self(t, BIND_COMPACT, f.pus, id) < 0)
            continue; /* the system does not let us, or OpenMP's places rule */
        assert_int_equal(sched_getcpu(), place(t, BIND_COMPACT, f.pus, id).pu);
    }
    topo_unbind_self(t);
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_true(CPU_EQUAL(&before, &after));
    topo_free(t);
}

/* A worker of a team that leaves cores free may be on all that the process may use of its node. */
static void auto_lets_the_thread_have_its_node(void **state)
{
    struct topo *t = machine(NULL);
    struct topo_facts f;
    cpu_set_t before, during;
    struct topo_place own;

    (void)state;
    topo_facts(t, &f);
    topo_place(t, BIND_AUTO, 1, 0, &own);
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    if (f.cores > 1 && topo_bind_self(t, BIND_AUTO, 1, 0) == 0) {
        assert_int_equal(sched_getaffinity(0, sizeof during, &during), 0);
        if (f.nodes == 1 && f.packages == 1)
            assert_true(CPU_EQUAL(&before, &during));
        else
            assert_true(CPU_COUNT(&during) < CPU_COUNT(&before));
        for (int id = 0; id < f.pus; id++) {
            struct topo_place p = place(t, BIND_COMPACT, f.pus, id);

            if (f.packages == 1)
                assert_int_equal(CPU_ISSET(p.pu, &during) != 0, p.node == own.node);
        }
    }
    topo_unbind_self(t);
    topo_free(t);
}

static void memory_lies_on_the_node_of_its_first_writer(void **state)
{
    struct topo *t = machine(NULL);
    struct topo_facts f;

    (void)state;
    topo_facts(t, &f);
    for (int id = 0; id < f.cores; id++) {
        int64_t bytes = 1 << 20;
        int64_t pages[NODES] = {0};
        char *block = mem_array(bytes, 1);

        assert_non_null(block);
        if (topo_bind_self(t, BIND_COMPACT, f.cores, id) == 0) {
            memset(block, 1, (size_t)bytes);
            topo_count_pages(t, block, (size_t)bytes, pages, NODES);
            for (int n = 0; n < NODES; n++)
                assert_true(pages[n] == 0 || n == place(t, BIND_COMPACT, f.cores, id).node);
        }
        mem_free(block);
    }
    topo_unbind_self(t);
    topo_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_that_of_the_whole_machine),
        cmocka_unit_test(facts_of_a_large_machine),
        cmocka_unit_test(caches_are_told),
        cmocka_unit_test(last_level_caches_are_all_counted),
        cmocka_unit_test(compact_fills_a_node_before_the_next),
        cmocka_unit_test(compact_fills_a_package_of_two_nodes_before_the_next),
        cmocka_unit_test(scatter_deals_over_nodes),
        cmocka_unit_test(scatter_deals_over_packages_without_numa),
        cmocka_unit_test(siblings_come_last_and_sharing_is_even),
        cmocka_unit_test(worker_numbers_follow_the_machine),
        cmocka_unit_test(auto_is_compact_where_no_core_is_left),
        cmocka_unit_test(auto_leaves_the_choice_of_cores_where_some_are_left),
        cmocka_unit_test(auto_takes_packages_for_nodes),
        cmocka_unit_test(auto_begins_at_home),
        cmocka_unit_test(nobody_has_a_place_without_binding),
        cmocka_unit_test(machine_that_is_not_there_binds_nobody),
        cmocka_unit_test(bad_description_is_a_usage_error),
        cmocka_unit_test(this_machine_is_the_cpuset),
        cmocka_unit_test(cpuset_is_obeyed),
        cmocka_unit_test(binding_moves_the_thread_to_its_place),
        cmocka_unit_test(auto_lets_the_thread_have_its_node),
        cmocka_unit_test(memory_lies_on_the_node_of_its_first_writer),
    };

    return cmocka_run_group_tests_name("topo", tests, NULL, NULL);
}
