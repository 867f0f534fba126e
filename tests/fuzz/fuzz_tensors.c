/* A safetensors file: what is accepted lies within the file. */
#include "fuzz.h"

#include "base/tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tensors *t = NULL;
    struct error err = {0};
    int rc = tensors_open(&t, fuzz_file(data, size), &err);
    volatile uint8_t sum = 0;

    fuzz_error(rc, &err);
    if (rc < 0)
        return 0;
    for (int i = 0; i < tensors_count(t); i++) {
        struct tensor_view v = tensors_at(t, i), found;
        const uint8_t *bytes = v.data;

        FUZZ_CHECK(v.bytes >= 0 && v.bytes <= (int64_t)size);
        FUZZ_CHECK(v.bytes == v.rows * (v.cols ? v.cols : 1) * tensor_type_size(v.type));
        FUZZ_CHECK((uintptr_t)v.data % (uintptr_t)tensor_type_size(v.type) == 0);
        for (int64_t b = 0; b < v.bytes; b++)
            sum = (uint8_t)(sum + bytes[b]);
        FUZZ_CHECK(tensors_find(t, v.name, v.type, -1, -1, &found, &err) == 0);
    }
    tensors_close(t);
    return 0;
}
