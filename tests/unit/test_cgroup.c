#include "support.h"

#include "par/cgroup.h"

#include <sys/stat.h>

static char *root;

static int make_root(void **state)
{
    (void)state;
    root = support_folder();
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    support_remove(root);
    return 0;
}

/* Puts text into ROOT/PATH, with the folders above it. */
static void put(const char *path, const char *text)
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

static void assert_limits(double cpus, int64_t memory)
{
    struct cgroup_limits limits = cgroup_read_limits(root);

    assert_close(limits.cpus, cpus, 0, 1e-12);
    assert_int_equal(limits.memory, memory);
}

static void nothing_to_read_is_no_limit(void **state)
{
    (void)state;
    assert_limits(0.0, 0);
}

static void version_2_tightest_of_the_groups_above(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/slurm/job_7/step_0\n");
    put("sys/fs/cgroup/slurm/job_7/step_0/cpu.max", "max 100000\n");
    put("sys/fs/cgroup/slurm/job_7/step_0/memory.max", "8589934592\n");
    put("sys/fs/cgroup/slurm/job_7/cpu.max", "350000 100000\n");
    put("sys/fs/cgroup/slurm/job_7/memory.max", "4294967296\n");
    put("sys/fs/cgroup/slurm/cpu.max", "800000 100000\n");
    put("sys/fs/cgroup/slurm/memory.max", "max\n");
    assert_limits(3.5, 4294967296);
}

static void version_2_other_groups_do_not_count(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/a/b\n");
    put("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    put("sys/fs/cgroup/a/c/cpu.max", "100000 100000\n");
    put("sys/fs/cgroup/a/b/d/memory.max", "1000\n");
    assert_limits(0.0, 0);
}

/* The kernel tells the host's path, of which a container sees nothing but its own group as the root. */
static void container_with_the_path_of_its_host(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/system.slice/docker-abc.scope\n");
    put("sys/fs/cgroup/cpu.max", "150000 100000\n");
    put("sys/fs/cgroup/memory.max", "1073741824\n");
    assert_limits(1.5, 1073741824);
}

static void version_1_quota_and_memory(void **state)
{
    (void)state;
    put("proc/self/cgroup",
        "12:cpuset:/job\n9:memory:/job/mem\n4:cpu,cpuacct:/job\n1:name=systemd:/x\n0::/\nnonsense\n");
    put("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "250000\n");
    put("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
    put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    put("sys/fs/cgroup/memory/job/mem/memory.limit_in_bytes", "9223372036854771712\n");
    put("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "2147483648\n");
    assert_limits(2.5, 2147483648);
}

static void version_1_mounted_by_one_name_and_unlimited(void **state)
{
    (void)state;
    put("proc/self/cgroup", "4:cpuacct,cpu:/job\n9:memory:/\n");
    put("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "50000\n");
    put("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
    put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    assert_limits(0.5, 0);
}

static void mix_of_both_versions(void **state)
{
    (void)state;
    put("proc/self/cgroup", "4:memory:/m\n0::/u\n");
    put("sys/fs/cgroup/memory/m/memory.limit_in_bytes", "1048576\n");
    put("sys/fs/cgroup/unified/u/cpu.max", "200000 100000\n");
    assert_limits(2.0, 1048576);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_to_read_is_no_limit),
        TEST(version_2_tightest_of_the_groups_above),
        TEST(version_2_other_groups_do_not_count),
        TEST(container_with_the_path_of_its_host),
        TEST(version_1_quota_and_memory),
        TEST(version_1_mounted_by_one_name_and_unlimited),
        TEST(mix_of_both_versions),
    };

    return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
