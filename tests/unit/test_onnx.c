/* onnx.h: what a file cannot hold. That it computes what the model does is tested by cli/onnx.sh. */
#include "support.h"

#include "base/file.h"
#include "config/config.h"
#include "export/onnx_graph.h"

#include <string.h>

/* B of an ease with 25,000 items has 2.5 GB: only its size is looked at. */
static void a_model_above_two_gigabytes_is_refused_with_its_size(void **state)
{
    struct error err;
    struct config *c;
    struct problem problem = {.side = SIDE_USER};
    struct trained trained = {.problem = &problem};
    struct graph g = {.trained = &trained, .err = &err, .weights = 1};
    const char *path = "none/large.onnx";

    (void)state;
    assert_int_equal(config_new(&c, &err), 0);
    trained.config = c;
    g.weight[0] = (struct weight){.rows = 25000, .cols = 25024, .kept_cols = 25000};
    assert_int_equal(graph_write(&g, path), PT_EUSAGE);
    assert_string_equal(err.text, "none/large.onnx: the model has 2.5 GB; ONNX files end at 2 GB");
    g.rc = 0;
    g.weight[0].rows = 21400; /* 2.14 GB: the folder is missed, so the size was not */
    assert_int_equal(graph_write(&g, path), PT_EFILE);
    assert_false(file_exists(path));
    graph_fini(&g);
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_above_two_gigabytes_is_refused_with_its_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
