/* An archive: told, listed, every member read, within the limits against bombs. */
#include "fuzz.h"

#include "read/archive.h"

static void read_member(const char *path, const char *member)
{
    struct archive_member *m = NULL;
    struct error err = {0};
    char bytes[4096];
    size_t got = 1, all = 0;
    int rc = archive_open(&m, path, member, path, &err);

    while (rc == 0 && got && all < 4 << 20) {
        rc = archive_read_bytes(m, bytes, sizeof bytes, &got, &err);
        all += got;
    }
    fuzz_error(rc, &err);
    if (m)
        archive_close(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);
    enum packing packing = PACKING_NONE;
    struct error err = {0};
    struct mem_pool names = {0};
    int rc = archive_packing(&packing, path, &err);

    fuzz_error(rc, &err);
    if (rc < 0)
        return 0;
    if (packing == PACKING_FILE)
        read_member(path, NULL);
    if (packing != PACKING_FOLDER)
        return 0;
    rc = archive_list(&names, path, &err);
    fuzz_error(rc, &err);
    for (int64_t i = 0; rc == 0 && i < names.count && i < 3; i++)
        read_member(path, names.block[i]);
    mem_pool_free(&names);
    return 0;
}
