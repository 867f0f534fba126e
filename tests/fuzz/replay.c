/* replay.c - runs a fuzz target over files and folders: `replay MUTANTS PATH ...`. Each file is run as
 * it is, cut short, and in MUTANTS changed forms, the same ones at every call. */
#include "fuzz.h"

#include <dirent.h>
#include <sys/stat.h>

enum { INPUTS = 256, INPUT_BYTES = 1 << 20 };

static struct input {
    uint8_t *data;
    size_t size;
} inputs[INPUTS];
static int n_inputs;
static uint64_t state = 1;

static size_t random_below(size_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return n ? (size_t)((state >> 33) % n) : 0;
}

static void read_input(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct input *in = &inputs[n_inputs++];

    FUZZ_CHECK(f && n_inputs < INPUTS && (in->data = malloc(INPUT_BYTES)));
    in->size = fread(in->data, 1, INPUT_BYTES, f);
    fclose(f);
}

/* Puts n bytes of `from` into data at `at`, or in place of what stands there. */
static size_t put(uint8_t *data, size_t size, size_t at, const uint8_t *from, size_t n, bool insert)
{
    uint8_t copy[64];

    n = n < sizeof copy ? n : sizeof copy;
    memcpy(copy, from, n);
    if (insert) {
        memmove(data + at + n, data + at, size - at);
        size += n;
    }
    memcpy(data + at, copy, n);
    return at + n > size ? at + n : size;
}

/* One small change: a byte, a piece gone, a piece of another input, or a token that parsers care about. */
static size_t mutate(uint8_t *data, size_t size)
{
    static const char *const tokens[] = {"\n", "\"",  ",",   "\t", " ", "::", "#", "\r\n", "0",
                                         "-1", "1e9", "nan", ":",  "{", "[",  "'", "\xff", "%%"};
    const struct input *other = &inputs[random_below((size_t)n_inputs)];
    const char *token = tokens[random_below(sizeof tokens / sizeof *tokens)];
    size_t at = random_below(size + 1), from = random_below(other->size), n = 1 + random_below(32);

    switch (random_below(5)) {
    case 0:
        if (at < size)
            data[at] ^= (uint8_t)(1u << random_below(8));
        return size;
    case 1:
        if (at < size)
            data[at] = (uint8_t)random_below(256);
        return size;
    case 2:
        n = n < size - at ? n : size - at;
        memmove(data + at, data + at + n, size - at - n);
        return size - n;
    case 3:
        return put(data, size, at, other->data + from, n < other->size - from ? n : other->size - from,
                   random_below(2));
    default:
        return put(data, size, at, (const uint8_t *)token, strlen(token), random_below(2));
    }
}

static void run_input(const struct input *in, int mutants)
{
    uint8_t *data = malloc(INPUT_BYTES + 1024);

    FUZZ_CHECK(data);
    LLVMFuzzerTestOneInput(in->data, in->size);
    for (size_t cut = in->size < 512 ? in->size : 512; cut > 0; cut = cut * 3 / 4) /* its beginnings */
        LLVMFuzzerTestOneInput(in->data, in->size - cut);
    for (int k = 0; k < mutants; k++) {
        size_t size = in->size;

        memcpy(data, in->data, size);
        for (size_t change = 1 + random_below(8); change > 0; change--)
            size = mutate(data, size);
        LLVMFuzzerTestOneInput(data, size);
    }
    free(data);
}

int main(int argc, char **argv)
{
    FUZZ_CHECK(argc > 2);
    for (int i = 2; i < argc; i++) {
        struct dirent **entry;
        int n = scandir(argv[i], &entry, NULL, alphasort);

        for (int k = 0; k < n; k++) {
            char path[4096];

            snprintf(path, sizeof path, "%s/%s", argv[i], entry[k]->d_name);
            if (*entry[k]->d_name != '.')
                read_input(path);
            free(entry[k]);
        }
        if (n >= 0)
            free(entry);
        else
            read_input(argv[i]);
    }
    for (int k = 0; k < n_inputs; k++)
        run_input(&inputs[k], atoi(argv[1]));
    for (int k = 0; k < n_inputs; k++)
        free(inputs[k].data);
    printf("%d inputs\n", n_inputs);
    return n_inputs == 0;
}
