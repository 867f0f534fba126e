/* cgroup.c - a limit may stand in the process's own group or in any above it, so all are read, up to the
 * root of what is mounted. In a container the path that the kernel tells may be the host's and not exist
 * here; the walk up ends at the mounted root, which is then the container's own group. */
#include "par/cgroup.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4096 };

/* First line of FOLDER/NAME without its newline; false where there is none. */
static bool read_line(const char *folder, const char *name, char *line, int bytes)
{
    char path[PATH_BYTES + 64];
    FILE *f;
    bool ok;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "re");
    if (!f)
        return false;
    ok = fgets(line, bytes, f) != NULL;
    fclose(f);
    if (ok)
        line[strcspn(line, "\n")] = '\0';
    return ok;
}

static void keep_cpus(struct cgroup_limits *limits, double quota, double period)
{
    if (quota > 0 && period > 0 && (limits->cpus == 0 || quota / period < limits->cpus))
        limits->cpus = quota / period;
}

static void keep_memory(struct cgroup_limits *limits, const char *text)
{
    unsigned long long bytes;
    char *end;

    /* "max" in version 2; in version 1 "none" is a number just below 2^63 */
    bytes = strtoull(text, &end, 10);
    if (end != text && bytes < 1ull << 62 && (limits->memory == 0 || (int64_t)bytes < limits->memory))
        limits->memory = (int64_t)bytes;
}

static void read_group_v2(struct cgroup_limits *limits, const char *folder)
{
    char line[128];
    double quota, period;

    if (read_line(folder, "cpu.max", line, sizeof line) && sscanf(line, "%lf %lf", &quota, &period) == 2)
        keep_cpus(limits, quota, period);
    if (read_line(folder, "memory.max", line, sizeof line))
        keep_memory(limits, line);
}

static void read_group_v1(struct cgroup_limits *limits, const char *folder)
{
    char quota[64], period[64], line[64];

    if (read_line(folder, "cpu.cfs_quota_us", quota, sizeof quota) &&
        read_line(folder, "cpu.cfs_period_us", period, sizeof period))
        keep_cpus(limits, atof(quota), atof(period)); /* no limit: quota -1 */
    if (read_line(folder, "memory.limit_in_bytes", line, sizeof line))
        keep_memory(limits, line);
}

/* Reads the group MOUNT/PATH and each one above it, down to MOUNT itself. */
static void walk_up(struct cgroup_limits *limits, const char *mount, const char *path,
                    void (*read_group)(struct cgroup_limits *, const char *))
{
    char folder[PATH_BYTES];
    size_t root = strlen(mount);

    if ((size_t)snprintf(folder, sizeof folder, "%s%s", mount, path) >= sizeof folder)
        return;
    for (;;) {
        char *slash;

        read_group(limits, folder);
        slash = strrchr(folder, '/');
        if (strlen(folder) <= root || !slash || (size_t)(slash - folder) < root)
            break;
        *slash = '\0';
    }
}

static bool has_controller(const char *list, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = list; (at = strstr(at, name)); at += n)
        if ((at == list || at[-1] == ',') && (at[n] == ',' || at[n] == '\0'))
            return true;
    return false;
}

struct cgroup_limits cgroup_read_limits(const char *root)
{
    struct cgroup_limits limits = {0};
    char name[PATH_BYTES], mount[PATH_BYTES], line[PATH_BYTES];
    FILE *f;

    snprintf(name, sizeof name, "%s/proc/self/cgroup", root);
    f = fopen(name, "re");
    if (!f)
        return limits;
    /* "NUMBER:CONTROLLERS:PATH"; version 2 is number 0 without controllers */
    while (fgets(line, sizeof line, f)) {
        char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;

        if (!path)
            continue;
        *controllers++ = '\0';
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        if (!*controllers) {
            snprintf(mount, sizeof mount, "%s/sys/fs/cgroup", root);
            walk_up(&limits, mount, path, read_group_v2);
            snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/unified", root);
            walk_up(&limits, mount, path, read_group_v2);
        } else if (has_controller(controllers, "cpu") || has_controller(controllers, "memory")) {
            /* mounted under the names of its controllers, or under one of them */
            snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/%s", root, controllers);
            walk_up(&limits, mount, path, read_group_v1);
            snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/%s", root,
                     has_controller(controllers, "cpu") ? "cpu" : "memory");
            walk_up(&limits, mount, path, read_group_v1);
        }
    }
    fclose(f);
    return limits;
}
