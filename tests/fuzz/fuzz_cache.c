/* A file of the cache with the right checksum and key, whatever else is in it: what is taken is in bounds. */
#include "fuzz.h"

#include "read/cache.h"

#include <math.h>

#define KEY_AT 24 /* in the header */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *bytes = malloc(size + 1);
    struct ratings *r = NULL;
    struct error err = {0};
    char key[33] = "";
    int rc;

    FUZZ_CHECK(bytes);
    memcpy(bytes, data, size);
    if (cache_file_seal(bytes, (int64_t)size))
        memcpy(key, bytes + KEY_AT, 32);
    rc = cache_file_read(&r, fuzz_file(bytes, size), key, false, &err);
    free(bytes);
    fuzz_error(rc, &err);
    if (rc < 0)
        return 0;
    FUZZ_CHECK(r->n > 0);
    for (int64_t i = 0; i < r->n; i++) {
        FUZZ_CHECK(r->user[i] >= 0 && r->user[i] < idtable_count(r->users));
        FUZZ_CHECK(r->item[i] >= 0 && r->item[i] < idtable_count(r->items));
        FUZZ_CHECK(isfinite(r->value[i]) && r->value[i] >= r->low && r->value[i] <= r->high);
        FUZZ_CHECK(!r->given || r->given[i] <= GIVEN_TEST_OUT);
    }
    for (int64_t i = 0; r->title && i < idtable_count(r->items); i++)
        FUZZ_CHECK(!r->title[i] || strlen(r->title[i]) < size);
    ratings_free(r);
    return 0;
}
