/* cgroup.h - the limits of the process's control groups: CPU quota and memory. */
#ifndef PAR_CGROUP_H
#define PAR_CGROUP_H

#include <stdint.h>

struct cgroup_limits {
    double cpus;    /* CPUs' worth of time, the tightest of the group and those above it; 0: no limit */
    int64_t memory; /* bytes, likewise */
};

/* Reads ROOT/proc/self/cgroup and ROOT/sys/fs/cgroup, versions 1 and 2 and the mix of both; ROOT is "" but in
 * tests. What cannot be read is no limit. */
struct cgroup_limits cgroup_read_limits(const char *root);

#endif
