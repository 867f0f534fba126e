/* A folder as MovieLens or Liang publish it, or a run's table of ids. The first byte chooses which; the rest
 * is its files, parted by zero bytes. */
#include "ratings_check.h"

#include <sys/stat.h>

static const char *const layouts[][6] = {
    {"u.data", "u.item", NULL},
    {"ratings.dat", "movies.dat", NULL},
    {"ratings.csv", "movies.csv", NULL},
    {"train.csv", "validation_tr.csv", "validation_te.csv", "test_tr.csv", "test_te.csv", NULL},
    {"u1.base", "u1.test", "u.item", NULL},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char folder[64];
    struct ratings_spec spec = {.delimiter = "", .min_rating = -1e30, .path = folder};
    const char *const *name;
    const uint8_t *end = data + size;
    char path[128];

    if (!size)
        return 0;
    if (!*folder) {
        snprintf(folder, sizeof folder, "%s/partrain-fuzz-XXXXXX",
                 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
        FUZZ_CHECK(mkdtemp(folder));
    }
    name = layouts[data[0] % (sizeof layouts / sizeof *layouts)];
    spec.prefer_given = data[0] >> 4 & 1;
    spec.item_key = data[0] >> 5 & 1;
    spec.skip_bad = data[0] >> 6 & 1;
    data++;
    for (int i = 0; name[i]; i++) {
        const uint8_t *stop = memchr(data, 0, (size_t)(end - data));
        int fd;

        stop = stop ? stop : end;
        snprintf(path, sizeof path, "%s/%s", folder, name[i]);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        FUZZ_CHECK(fd >= 0 && write(fd, data, (size_t)(stop - data)) == stop - data);
        close(fd);
        data = stop < end ? stop + 1 : end;
    }
    fuzz_read(&spec);
    for (int i = 0; name[i]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, name[i]);
        unlink(path);
    }
    return 0;
}

__attribute__((destructor)) static void sweep(void)
{
    char command[128];

    snprintf(command, sizeof command,
             "rmdir /dev/shm/partrain-fuzz-?????? /tmp/partrain-fuzz-?????? 2>/dev/null");
    if (system(command) < 0)
        return;
}
