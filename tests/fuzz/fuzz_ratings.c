/* A file of ratings. The first byte chooses the options; the rest is the file. */
#include "ratings_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const named[] = {"user", "item", "rating", "time"};
    struct ratings_spec spec = {.delimiter = "", .min_rating = -1e30, .want_time = true};

    if (!size)
        return 0;
    spec.format = data[0] % 3;
    spec.skip_bad = data[0] >> 2 & 1;
    spec.header = (data[0] >> 3 & 3) % 3;
    spec.duplicates = data[0] >> 5 & 3;
    if (data[0] >> 7) {
        spec.format = 1;
        spec.columns = 2 + spec.duplicates % 3;
        spec.column = named;
        spec.delimiter = spec.skip_bad > 0 ? "::" : ",";
    }
    spec.path = fuzz_file(data + 1, size - 1);
    fuzz_read(&spec);
    return 0;
}
