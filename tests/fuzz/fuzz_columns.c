/* What is recognised is what the same columns give where they are said: equal, or one is refused. The first
 * byte chooses the columns; the rest is the file. */
#include "ratings_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const named[][4] = {{"user", "item", "rating", "time"},
                                           {"user", "item", "time", "skip"}};
    struct ratings_spec spec = {.delimiter = "", .min_rating = -1e30, .want_time = true};
    struct ratings *seen = NULL, *said = NULL;
    struct error err = {0};

    if (!size)
        return 0;
    spec.header = HEADER_NO;
    spec.path = fuzz_file(data + 1, size - 1);
    if (ratings_read(&seen, &spec, &err) < 0)
        return 0;
    if (strncmp(seen->reading.columns, "assumed", 7) == 0) {
        spec.column = named[strstr(seen->reading.columns, "rating") == NULL];
        spec.columns = 2 + (strstr(seen->reading.columns, "rating") != NULL) + (seen->time != NULL);
        if (ratings_read(&said, &spec, &err) == 0) {
            FUZZ_CHECK(said->n == seen->n);
            for (int64_t k = 0; k < seen->n; k++) {
                FUZZ_CHECK(said->user[k] == seen->user[k] && said->item[k] == seen->item[k]);
                FUZZ_CHECK(said->value[k] == seen->value[k]);
                FUZZ_CHECK(!seen->time || seen->time[k] == said->time[k]);
            }
            ratings_free(said);
        }
    }
    ratings_free(seen);
    return 0;
}
