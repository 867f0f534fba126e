/* JSON: what is read is written, and read back to the same text. */
#include "fuzz.h"

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json *j = NULL, *again = NULL;
    struct error err = {0};
    char *first, *second;
    int rc = json_parse(&j, (const char *)data, size, &err);

    fuzz_error(rc, &err);
    if (rc < 0)
        return 0;
    first = json_text(j, false);
    FUZZ_CHECK(first && json_parse(&again, first, strlen(first), &err) == 0);
    second = json_text(again, false);
    FUZZ_CHECK(second && strcmp(first, second) == 0);
    mem_free(first);
    mem_free(second);
    json_free(j);
    json_free(again);
    return 0;
}
