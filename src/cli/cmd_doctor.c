/* cmd_doctor.c - partrain doctor: what a run can use on this machine, measured, and what to fix.
 *
 * Facts come first, then measurements, the map of workers, and warnings with their fix. A machine that is
 * only described (--topology) has facts and a map, no measurements. */
#include "cli/cli.h"

#include "base/mem.h"
#include "cli/doctor/doctor.h"
#include "math/gemm.h"
#include "math/kernels.h"
#include "par/openmp.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

struct request {
    const char *topology;
    int64_t threads, shards;
    int bind; /* enum topo_bind */
};

static const char *const policies[] = {
    [BIND_AUTO] = "auto", [BIND_COMPACT] = "compact", [BIND_SCATTER] = "scatter", [BIND_NONE] = "none", NULL};

static const struct cli_option options[] = {
    {"topology", 0, "STRING", "another machine, to hwloc: \"node:4 core:16 pu:2\"", CLI_TEXT(topology)},
    {"threads", 0, "N", "workers (default: as a run would have)", CLI_WHOLE(threads, 1, OPENMP_MOST)},
    {"bind", 0, "POLICY", "auto, compact, scatter or none (default: auto)", CLI_WORD(bind, policies)},
    {"shards", 0, "S", "column shards in the map (default: 64)", CLI_WHOLE(shards, 1, 65536)},
    {0},
};

const struct cli_usage cmd_doctor_usage = {
    "[--topology STRING] [--threads N] [--bind POLICY]",
    "Says what this machine lets a run do: processors and memory that the process may\n"
    "use, NUMA nodes, the BLAS library and how many threads its calls really use, the\n"
    "OpenMP runtime and its environment, huge pages, the map of workers to cores, and\n"
    "what could be better. The measurements take about half a second.\n"
    "\n"
    "Example: partrain doctor --threads 8\n",
    options};

static const char *bytes_text(char out[32], int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    int unit = 0;

    for (; value >= 1024 && unit < 4; unit++)
        value /= 1024;
    snprintf(out, 32, "%.*f %s", value < 10 && value != floor(value) ? 1 : 0, value, units[unit]);
    return out;
}

/* First line of a file of the system; "" where there is none. */
static void system_line(const char *path, char *out, int bytes)
{
    FILE *f = fopen(path, "re");

    out[0] = '\0';
    if (!f)
        return;
    if (!fgets(out, bytes, f))
        out[0] = '\0';
    fclose(f);
    out[strcspn(out, "\n")] = '\0';
}

/* "L1 48 KiB, L2 2 MiB, L3 16 x 32 MiB": a core's, and how many there are of the last level. */
static void print_caches(const struct topo_facts *f)
{
    const int64_t bytes[] = {f->l1, f->l2, f->l3};
    const char *before = "caches      ";
    char text[32];

    for (int level = 0; level < 3; level++) {
        bool last = level == (f->l3 ? 2 : 1);

        if (!bytes[level])
            continue;
        printf("%sL%d ", before, level + 1);
        if (last && f->last_bytes != f->last_caches * bytes[level])
            printf("%s in %d", bytes_text(text, f->last_bytes), f->last_caches);
        else if (last && f->last_caches > 1)
            printf("%d x %s", f->last_caches, bytes_text(text, bytes[level]));
        else
            printf("%s", bytes_text(text, bytes[level]));
        before = ", ";
    }
    if (f->l1 || f->l2 || f->l3)
        printf("\n");
}

static void print_machine(const struct doctor *d)
{
    const struct topo_facts *f = &d->facts;
    char a[32], b[32];

    if (d->description)
        printf("machine     described: %s\n", d->description);
    printf("cores       %d of %d, %d of %d processor%s (cpuset %s)%s\n", f->cores, f->machine_cores, f->pus,
           f->machine_pus, plural(f->machine_pus), f->cpuset,
           f->pus > f->cores ? ", several a core (SMT)" : "");
    printf("NUMA        %d node%s, ", f->nodes, plural(f->nodes));
    if (f->packages)
        printf("%d package%s\n", f->packages, plural(f->packages));
    else
        printf("packages unknown\n");
    print_caches(f);
    if (d->description)
        return;
    printf("memory      %s", bytes_text(a, f->memory));
    if (f->memory_limit)
        printf(", of which the cgroup allows %s", bytes_text(b, f->memory_limit));
    printf("\n");
    if (f->quota > 0)
        printf("CPU quota   %.4g CPUs (cgroup)\n", f->quota);
    else
        printf("CPU quota   none\n");
}

static void print_environment(void)
{
    static const char *const prefixes[] = {"OMP_",  "GOMP_",     "KMP_",  "OPENBLAS_",
                                           "BLIS_", "FLEXIBLAS", "HWLOC_"};

    for (char **e = environ; *e; e++)
        for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
            if (strncmp(*e, prefixes[i], strlen(prefixes[i])) == 0)
                printf("            %s\n", *e);
}

static void print_system(struct doctor *d)
{
    const struct kernels *path;
    char pages[128], balancing[16];
    double load;

    if (kernels_pick(&path, "auto", NULL) == 0)
        printf("vectors     %s (run.isa: auto)\n", path->name);
    system_line("/sys/kernel/mm/transparent_hugepage/enabled", pages, sizeof pages);
    printf("huge pages  %s\n", *pages ? pages : "unknown");
    if (strstr(pages, "[never]"))
        doctor_warn(d, "transparent huge pages are off, large tables cost more TLB misses: echo madvise > "
                       "/sys/kernel/mm/transparent_hugepage/enabled (as root)\n");
    system_line("/proc/sys/kernel/numa_balancing", balancing, sizeof balancing);
    if (d->facts.nodes > 1 && atoi(balancing) > 0)
        doctor_warn(d, "the kernel moves pages between NUMA nodes by itself, memory is placed already: "
                       "sysctl kernel.numa_balancing=0 (as root)\n");
    if (getloadavg(&load, 1) == 1 && load > 0.25 * d->facts.machine_pus)
        doctor_warn(d, "the load average is %.1f on %d processor%s: timings will vary\n", load,
                    d->facts.machine_pus, plural(d->facts.machine_pus));
}

static void print_number(int width, int value)
{
    if (value < 0)
        printf("%*s", width, "-");
    else
        printf("%*d", width, value);
}

static void print_map(const struct doctor *d)
{
    bool by_node = strcmp(topo_bound_to(d->topo, d->bind, d->workers), "node") == 0;
    const char *const bound[] = {[BIND_AUTO] = by_node ? "auto: each bound to a node" : "auto: a core each",
                                 [BIND_COMPACT] = "compact",
                                 [BIND_SCATTER] = "scatter",
                                 [BIND_NONE] = "not bound"};

    printf("\n%d worker%s, %s, %d shard%s\n", d->workers, plural(d->workers),
           d->facts.omp_places ? "placed by OpenMP" : bound[d->bind], d->shards, plural(d->shards));
    printf("%8s %9s %6s %6s %8s  %s\n", "worker", by_node ? "any of" : "processor", "core", "node", "package",
           "shards");
    for (int id = 0; id < d->workers; id++) {
        struct topo_place p;
        int64_t first, end;
        char text[256];

        topo_place(d->topo, d->bind, d->workers, id, &p);
        team_range(d->shards, id, d->workers, &first, &end);
        topo_place_text(d->topo, d->bind, d->workers, id, text, sizeof text);
        if (!*text && d->findings) /* nobody bound it: where it was seen */
            snprintf(text, sizeof text, "%d", d->findings[id].processor);
        printf("%8d %9s", id, *text ? text : "-");
        print_number(7, p.core);
        print_number(7, p.node);
        print_number(9, p.package);
        if (first == end)
            printf("  none\n");
        else if (end == first + 1)
            printf("  %" PRId64 "\n", first);
        else
            printf("  %" PRId64 "-%" PRId64 "\n", first, end - 1);
    }
}

/* Which variable says that a run has `usual` workers; "": the machine does. */
static const char *workers_by(int usual)
{
    int limit = openmp_thread_limit(), asked = openmp_asked_threads();

    if (limit == usual && (asked == 0 || asked > limit))
        return getenv("OMP_THREAD_LIMIT") ? "OMP_THREAD_LIMIT" : "";
    return asked == usual ? "OMP_NUM_THREADS" : "";
}

static int examine(struct doctor *d, struct error *err)
{
    int usual, rc = 0;

    topo_facts(d->topo, &d->facts);
    /* The environment is this machine's. */
    usual = d->description ? topo_default_workers(d->topo) : team_default_workers(d->topo);
    d->workers_by = d->description ? "" : workers_by(usual);
    if (!d->workers)
        d->workers = usual;
    print_machine(d);
    printf("workers     %d by default", usual);
    if (*d->workers_by)
        printf(" (%s)", d->workers_by);
    printf(", here %d\n", d->workers);
    doctor_check_workers(d);
    if (!d->description) {
        print_system(d);
        printf("OpenMP      %s\n", openmp_runtime());
        print_environment();
        doctor_check_environment(d);
        printf("BLAS        %s, kernels for %s\n", gemm_library(), gemm_core());
        rc = doctor_measure(d, err);
        if (rc == 0)
            doctor_print_measurement(d);
        else
            doctor_warn(d, "nothing is measured: %s\n", err->text);
    }
    print_map(d);
    return rc;
}

int cmd_doctor(int argc, char **argv, struct error *err)
{
    struct request q = {.shards = 64, .bind = BIND_AUTO};
    struct cli_args args;
    struct doctor d = {0};
    char *warnings = NULL;
    size_t size;
    int rc;

    TRY(cli_parse(&args, &cmd_doctor_usage, argc, argv, &q, err));
    if (args.rest < argc)
        return error_set(err, PT_EUSAGE, "doctor: \"%.60s\": takes options only", argv[args.rest]);
    d.description = q.topology;
    d.bind = (enum topo_bind)q.bind;
    d.workers = (int)q.threads;
    d.asked = q.threads > 0;
    d.shards = (int)q.shards;
    TRY(topo_new(&d.topo, d.description, err));
    d.warnings = open_memstream(&warnings, &size);
    rc = d.warnings ? examine(&d, err) : error_set(err, PT_ENOMEM, "out of memory");
    if (d.warnings && fclose(d.warnings) == 0)
        printf("\n%s", *warnings ? warnings : "Nothing to mend.\n");
    free(warnings);
    mem_free(d.findings);
    probe_fini(&d.probe);
    topo_free(d.topo);
    return rc;
}
