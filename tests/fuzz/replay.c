/* replay.c - runs a fuzz target over files and folders of files. */
#include "fuzz.h"

#include <dirent.h>
#include <sys/stat.h>

static int runs;

static void one(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(1 << 20);
    size_t size;

    FUZZ_CHECK(f && data);
    size = fread(data, 1, 1 << 20, f);
    fclose(f);
    LLVMFuzzerTestOneInput(data, size);
    for (size_t cut = size < 512 ? size : 512; cut > 0; cut = cut * 3 / 4) /* and its beginnings */
        LLVMFuzzerTestOneInput(data, size - cut);
    free(data);
    runs++;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        const struct dirent *entry;

        while (folder && (entry = readdir(folder))) {
            char path[4096];

            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (*entry->d_name != '.')
                one(path);
        }
        if (folder)
            closedir(folder);
        else
            one(argv[i]);
    }
    printf("%d inputs\n", runs);
    return runs == 0;
}
