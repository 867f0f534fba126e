/* KEY=VALUE arguments, one a line. */
#include "fuzz.h"

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *c = NULL;
    struct error err = {0};
    char *text = malloc(size + 1), *rest = text, *line;

    FUZZ_CHECK(text && config_new(&c, &err) == 0);
    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    while ((line = strsep(&rest, "\n"))) {
        struct error own = {0};

        fuzz_error(config_set(c, line, &own), &own);
    }
    fuzz_error(config_check(c, &err), &err);
    config_free(c);
    free(text);
    return 0;
}
