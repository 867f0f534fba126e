#include "support.h"

#include <ftw.h>
#include <unistd.h>

const char *support_data(void)
{
    const char *folder = getenv("PARTRAIN_DATA");

    return folder && *folder && access(folder, R_OK) == 0 ? folder : NULL;
}

void skip_without_data(void)
{
    if (!support_data()) {
        print_message("skipped: no data (PARTRAIN_DATA is not set)\n");
        skip();
    }
}

char *support_folder(void)
{
    const char *base = getenv("TMPDIR");
    char *path = NULL;

    assert_true(asprintf(&path, "%s/partrain-test-XXXXXX", base && *base ? base : "/tmp") > 0);
    assert_non_null(mkdtemp(path));
    return path;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

void support_remove(char *folder)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
}

char *support_file(const char *folder, const char *name, const char *text)
{
    char *path = NULL;
    FILE *f;

    assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
    return path;
}

void assert_close(double a, double b, double rtol, double atol)
{
    if (!(fabs(a - b) <= atol + rtol * fabs(b)))
        fail_msg("%.10g and %.10g differ by %.3g", a, b, fabs(a - b));
}
