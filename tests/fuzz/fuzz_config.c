/* A configuration file: what is taken is printed, and read back to the same. */
#include "fuzz.h"

#include "config/config.h"

static char *print(const struct config *c)
{
    char *text = NULL;
    size_t size;
    struct error err = {0};
    FILE *f = open_memstream(&text, &size);

    FUZZ_CHECK(f && config_print(c, f, true, &err) == 0);
    fclose(f);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *c = NULL, *again = NULL;
    struct error err = {0};
    int rc = config_new(&c, &err);

    if (rc == 0)
        rc = config_load_text(c, (const char *)data, size, "fuzz", &err);
    if (rc == 0)
        rc = config_check(c, &err);
    fuzz_error(rc, &err);
    if (rc == 0) {
        char *first = print(c), *second;

        FUZZ_CHECK(config_new(&again, &err) == 0);
        rc = config_load_text(again, first, strlen(first), "again", &err);
        if (rc < 0)
            fprintf(stderr, "%s\n%s\n", err.text, first);
        FUZZ_CHECK(rc == 0);
        second = print(again);
        FUZZ_CHECK(strcmp(first, second) == 0);
        free(first);
        free(second);
    }
    config_free(c);
    config_free(again);
    return 0;
}
