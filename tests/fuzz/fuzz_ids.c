/* items.tsv or users.tsv of a run. */
#include "fuzz.h"

#include "data/idtable.h"
#include "store/run_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct idtable *ids = NULL;
    char **title = NULL;
    struct error err = {0};
    int rc = run_ids_read(&ids, &title, "", fuzz_file(data, size), &err);

    fuzz_error(rc, &err);
    if (rc < 0)
        return 0;
    for (int64_t i = 0; i < idtable_count(ids); i++) {
        FUZZ_CHECK(idtable_find(ids, idtable_name(ids, i), idtable_length(ids, i)) == i);
    }
    run_ids_free_titles(title, idtable_count(ids));
    idtable_free(ids);
    return 0;
}
