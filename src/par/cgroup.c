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

/* A group of either version: a folder has the files of one. */
static void read_group(struct cgroup_limits *limits, const char *folder)
{
    char line[128], period[128];
    double quota, of;

    if (read_line(folder, "cpu.max", line, sizeof line) && sscanf(line, "%lf %lf", &quota, &of) == 2)
        keep_cpus(limits, quota, of);
    if (read_line(folder, "cpu.cfs_quota_us", line, sizeof line) &&
        read_line(folder, "cpu.cfs_period_us", period, sizeof period))
        keep_cpus(limits, atof(line), atof(period)); /* no limit: quota -1 */
    if (read_line(folder, "memory.max", line, sizeof line) ||
        read_line(folder, "memory.limit_in_bytes", line, sizeof line))
        keep_memory(limits, line);
}

/* Reads the group PATH of ROOT/sys/fs/cgroup/NAME and each one above it, down to NAME itself. */
static void walk_up(struct cgroup_limits *limits, const char *root, const char *name, const char *path)
{
    char folder[PATH_BYTES];
    int mount = snprintf(folder, sizeof folder, "%s/sys/fs/cgroup/%s", root, name);
    char *end;

    if (mount + strlen(path) >= sizeof folder)
        return;
    strcpy(folder + mount, path);
    for (;;) {
        read_group(limits, folder);
        end = strrchr(folder, '/');
        if (end < folder + mount)
            break;
        *end = '\0';
    }
}

struct cgroup_limits cgroup_read_limits(const char *root)
{
    struct cgroup_limits limits = {0};
    char line[PATH_BYTES], *save;
    FILE *f;

    snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
    f = fopen(line, "re");
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
        if (!*controllers)
            walk_up(&limits, root, "unified", path);
        /* mounted under the names of its controllers, or under one of them */
        walk_up(&limits, root, controllers, path);
        for (char *name = strtok_r(controllers, ",", &save); name; name = strtok_r(NULL, ",", &save))
            walk_up(&limits, root, name, path);
    }
    fclose(f);
    return limits;
}
