/* A description of a machine for `doctor --topology`. */
#include "fuzz.h"

#include "par/topo.h"

/* hwloc 2.9 loses 32 bytes of its own where a description ends in the middle (corpus: topology/leak). */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhwloc.so\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct topo *t = NULL;
    struct error err = {0};
    char text[512];
    struct topo_facts facts;
    struct topo_place place;
    int rc;

    if (size >= sizeof text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    rc = topo_new(&t, text, &err);
    if (rc < 0) {
        FUZZ_CHECK(*err.text);
        return 0;
    }
    topo_facts(t, &facts);
    for (int w = 0; w < 5; w++)
        for (int bind = BIND_AUTO; bind <= BIND_NONE; bind++)
            topo_place(t, (enum topo_bind)bind, 5, w, &place);
    topo_free(t);
    return 0;
}
