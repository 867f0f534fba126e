#include "support.h"

#include "par/cgroup.h"

#include <sys/stat.h>

/* Puts text into ROOT/PATH, with the folders above it. */
static void put(const char *root, const char *path, const char *text)
{
    char whole[4096];
    FILE *f;

    snprintf(whole, sizeof whole, "%s/%s", root, path);
    for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(whole, 0777);
        *slash = '/';
    }
    f = fopen(whole, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void nothing_to_read_is_no_limit(void **state)
{
    char *root = support_folder();
    struct cgroup_limits limits = cgroup_read_limits(root);

    (void)state;
    assert_true(limits.cpus == 0.0);
    assert_int_equal(limits.memory, 0);
    support_remove(root);
}

static void version_2_tightest_of_the_groups_above(void **state)
{
    char *root = support_folder();
    struct cgroup_limits limits;

    (void)state;
    put(root, "proc/self/cgroup", "0::/slurm/job_7/step_0\n");
    put(root, "sys/fs/cgroup/slurm/job_7/step_0/cpu.max", "max 100000\n");
    put(root, "sys/fs/cgroup/slurm/job_7/step_0/memory.max", "8589934592\n");
    put(root, "sys/fs/cgroup/slurm/job_7/cpu.max", "350000 100000\n");
    put(root, "sys/fs/cgroup/slurm/job_7/memory.max", "4294967296\n");
    put(root, "sys/fs/cgroup/slurm/cpu.max", "800000 100000\n");
    put(root, "sys/fs/cgroup/slurm/memory.max", "max\n");
    limits = cgroup_read_limits(root);
    assert_close(limits.cpus, 3.5, 0, 1e-12);
    assert_int_equal(limits.memory, 4294967296);
    support_remove(root);
}

static void version_2_other_groups_do_not_count(void **state)
{
    char *root = support_folder();
    struct cgroup_limits limits;

    (void)state;
    put(root, "proc/self/cgroup", "0::/a/b\n");
    put(root, "sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    put(root, "sys/fs/cgroup/a/c/cpu.max", "100000 100000\n");
    put(root, "sys/fs/cgroup/a/b/d/memory.max", "1000\n");
    limits = cgroup_read_limits(root);
    assert_true(limits.cpus == 0.0);
    assert_int_equal(limits.memory, 0);
    support_remove(root);
}

/* The kernel tells the host's path, of which a container sees nothing but its own group as the root. */
static void container_with_the_path_of_its_host(void **state)
{
    char *root = support_folder();
    struct cgroup_limits limits;

    (void)state;
    put(root, "proc/self/cgroup", "0::/system.slice/docker-abc.scope\n");
    put(root, "sys/fs/cgroup/cpu.max", "150000 100000\n");
    put(root, "sys/fs/cgroup/memory.max", "1073741824\n");
    limits = cgroup_read_limits(root);
    assert_close(limits.cpus, 1.5, 0, 1e-12);
    assert_int_equal(limits.memory, 1073741824);
    support_remove(root);
}

static void version_1_quota_and_memory(void **state)
{
    char *root = support_folder();
    struct cgroup_limits limits;

    (void)state;
    put(root, "proc/self/cgroup",
        "12:cpuset:/job\n9:memory:/job/mem\n4:cpu,cpuacct:/job\n1:name=systemd:/x\n0::/\nnonsense\n");
    put(root, "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "250000\n");
    put(root, "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
    put(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    put(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    put(root, "sys/fs/cgroup/memory/job/mem/memory.limit_in_bytes", "9223372036854771712\n");
    put(root, "sys/fs/cgroup/memory/job/memory.limit_in_bytes", "2147483648\n");
    limits = cgroup_read_limits(root);
    assert_close(limits.cpus, 2.5, 0, 1e-12);
    assert_int_equal(limits.memory, 2147483648);
    support_remove(root);
}

static void version_1_mounted_by_one_name_and_unlimited(void **state)
{
    char *root = support_folder();
    struct cgroup_limits limits;

    (void)state;
    put(root, "proc/self/cgroup", "4:cpuacct,cpu:/job\n9:memory:/\n");
    put(root, "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "50000\n");
    put(root, "sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
    put(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    limits = cgroup_read_limits(root);
    assert_close(limits.cpus, 0.5, 0, 1e-12);
    assert_int_equal(limits.memory, 0);
    support_remove(root);
}

static void mix_of_both_versions(void **state)
{
    char *root = support_folder();
    struct cgroup_limits limits;

    (void)state;
    put(root, "proc/self/cgroup", "4:memory:/m\n0::/u\n");
    put(root, "sys/fs/cgroup/memory/m/memory.limit_in_bytes", "1048576\n");
    put(root, "sys/fs/cgroup/unified/u/cpu.max", "200000 100000\n");
    limits = cgroup_read_limits(root);
    assert_close(limits.cpus, 2.0, 0, 1e-12);
    assert_int_equal(limits.memory, 1048576);
    support_remove(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_to_read_is_no_limit),
        cmocka_unit_test(version_2_tightest_of_the_groups_above),
        cmocka_unit_test(version_2_other_groups_do_not_count),
        cmocka_unit_test(container_with_the_path_of_its_host),
        cmocka_unit_test(version_1_quota_and_memory),
        cmocka_unit_test(version_1_mounted_by_one_name_and_unlimited),
        cmocka_unit_test(mix_of_both_versions),
    };

    return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
