#include "support_ratings.h"
#include "read/read.h"

const struct ratings_spec support_plain = {.delimiter = "", .min_rating = -1e30, .want_time = true};

void support_write(const char *folder, const char *name, const char *text, size_t bytes)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "wb");
    assert_non_null(f);
    bytes = bytes ? bytes : strlen(text);
    assert_int_equal(fwrite(text, 1, bytes, f), bytes);
    assert_int_equal(fclose(f), 0);
}

struct ratings *support_read(struct ratings_spec spec, const char *folder, const char *name)
{
    char path[4096];
    struct ratings *r = NULL;
    struct error err = {0};

    snprintf(path, sizeof path, "%s/%s", folder, name);
    spec.path = path;
    if (ratings_read(&r, &spec, &err) < 0)
        fail_msg("%s", err.text);
    return r;
}

void support_refuse(struct ratings_spec spec, const char *folder, const char *name, int code,
                    const char *message)
{
    char path[4096], wanted[2048];
    struct ratings *r = NULL;
    struct error err = {0};
    size_t n = 0;

    for (const char *c = message; *c; c++)
        n += (size_t)(*c == '%' ? sprintf(wanted + n, "%s", folder) : sprintf(wanted + n, "%c", *c));
    wanted[n] = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    spec.path = path;
    if (ratings_read(&r, &spec, &err) == 0) {
        ratings_free(r);
        fail_msg("%s was read; expected: %s", path, wanted);
    }
    for (char *part = wanted, *next; part; part = next) {
        next = strstr(part, " | ");
        if (next) {
            *next = 0;
            next += 3;
        }
        if (!strstr(err.text, part))
            fail_msg("\"%s\" does not say \"%s\"", err.text, part);
    }
    assert_int_equal(err.code, code);
}

void support_expect(const struct ratings *r, const char *text)
{
    char *got = calloc(1, 65536);
    size_t n = 0;

    assert_non_null(got);
    for (int64_t k = 0; k < r->n && n < 60000; k++) {
        n += (size_t)sprintf(got + n, "%s%.200s/%.200s=%g", k ? " " : "", idtable_name(r->users, r->user[k]),
                             idtable_name(r->items, r->item[k]), (double)r->value[k]);
        if (r->time)
            n += (size_t)sprintf(got + n, "@%lld", (long long)r->time[k]);
        if (r->given)
            n += (size_t)sprintf(got + n, "#%d", r->given[k]);
    }
    assert_string_equal(got, text);
    free(got);
}

void support_text(struct ratings_spec spec, const char *name, const char *text, const char *ratings)
{
    char *folder = support_folder();
    struct ratings *r;

    support_write(folder, name, text, 0);
    r = support_read(spec, folder, name);
    support_expect(r, ratings);
    ratings_free(r);
    support_remove(folder);
}

void support_bad_text(struct ratings_spec spec, const char *name, const char *text, size_t bytes,
                      const char *message)
{
    char *folder = support_folder();

    support_write(folder, name, text, bytes);
    support_refuse(spec, folder, name, PT_EDATA, message);
    support_remove(folder);
}
