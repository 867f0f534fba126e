/* cgroup.h - the limits of the process's control groups: CPU quota and memory. */
#pragma once

#include <stdint.h>

struct cgroup_limits {
    double cpus;    /* CPU time in CPUs: the lowest limit of the group and its parents; 0: none */
    int64_t memory; /* bytes, likewise */
};

/* Reads ROOT/proc/self/cgroup and ROOT/sys/fs/cgroup, versions 1 and 2 and both mixed. ROOT is "" except in
 * tests. A file that cannot be read sets no limit. */
struct cgroup_limits cgroup_read_limits(const char *root);
