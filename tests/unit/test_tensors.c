#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/tensors.h"
#include "support.h"

#include <inttypes.h>

static char *folder, *path;

static int make_folder(void **state)
{
    (void)state;
    folder = support_folder();
    path = file_join(folder, "m.safetensors");
    return path ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    mem_free(path);
    support_remove(folder);
    return 0;
}

static const double seeds[2] = {0.5, -1e300};
static const int64_t steps[3] = {0, INT64_MIN, 7};
static const float weights[2][3] = {{1, 2, 3}, {-0.0f, 1e-40f, NAN}};
static const uint8_t bytes[5] = {0, 1, 2, 254, 255};

static struct tensors_writer *created(void)
{
    struct tensors_writer *w = NULL;
    struct error err = {0};

    if (tensors_create(&w, path, &err) < 0)
        fail_msg("%s", err.text);
    return w;
}

static void commit(struct tensors_writer *w)
{
    struct error err = {0};

    if (tensors_commit(w, &err) < 0)
        fail_msg("%s", err.text);
}

static void write_sample(void)
{
    struct tensors_writer *w = created();

    tensors_declare(w, "seeds", TENSOR_F64, 2, 0);
    tensors_declare(w, "steps", TENSOR_I64, 3, 0);
    tensors_declare(w, "none", TENSOR_F32, 0, 4);
    tensors_declare(w, "V \"x\" \xC3\xA9", TENSOR_F32, 2, 3);
    tensors_declare(w, "bytes", TENSOR_U8, 5, 0);
    tensors_metadata(w, "model", "autorec\n\"quoted\"");
    tensors_data(w, seeds, sizeof seeds);
    tensors_data(w, steps, sizeof steps);
    tensors_data(w, weights[0], sizeof weights[0]);
    tensors_data(w, weights[1], sizeof weights[1]);
    tensors_data(w, bytes, sizeof bytes);
    commit(w);
}

static struct tensors *opened(void)
{
    struct tensors *t = NULL;
    struct error err = {0};

    if (tensors_open(&t, path, &err) < 0)
        fail_msg("%s", err.text);
    return t;
}

static bool view_is(const struct tensors *t, int i, const char *name, enum tensor_type type, int64_t rows,
                    int64_t cols, const void *data, size_t size)
{
    struct tensor_view v = tensors_at(t, i);

    return strcmp(v.name, name) == 0 && v.type == type && v.rows == rows && v.cols == cols &&
           v.bytes == (int64_t)size && (uintptr_t)v.data % (uintptr_t)tensor_type_size(type) == 0 &&
           (!size || memcmp(v.data, data, size) == 0);
}

static bool is_sample(const struct tensors *t)
{
    const char *model = tensors_meta(t, "model"), *format = tensors_meta(t, "format");

    return tensors_count(t) == 5 && view_is(t, 0, "seeds", TENSOR_F64, 2, 0, seeds, sizeof seeds) &&
           view_is(t, 1, "steps", TENSOR_I64, 3, 0, steps, sizeof steps) &&
           view_is(t, 2, "none", TENSOR_F32, 0, 4, NULL, 0) &&
           view_is(t, 3, "V \"x\" \xC3\xA9", TENSOR_F32, 2, 3, weights, sizeof weights) &&
           view_is(t, 4, "bytes", TENSOR_U8, 5, 0, bytes, sizeof bytes) && model &&
           strcmp(model, "autorec\n\"quoted\"") == 0 && format && strcmp(format, "partrain-1") == 0 &&
           !tensors_meta(t, "absent");
}

static char *content(size_t *length)
{
    struct error err = {0};
    char *text = NULL;

    if (file_read(&text, length, path, 1 << 24, PT_EFILE, &err) < 0)
        fail_msg("%s", err.text);
    return text;
}

static void put_file(const char *data, size_t length)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, length, f), length);
    assert_int_equal(fclose(f), 0);
}

/* A file with this header, `claim` for its length (-1: the true one), and so many bytes of data. */
static void put_raw(const char *header, int64_t claim, int data)
{
    size_t n = strlen(header);
    char *file = calloc(1, 8 + n + (size_t)data);
    uint64_t length = claim < 0 ? n : (uint64_t)claim;

    memcpy(file, &length, 8);
    memcpy(file + 8, header, n);
    put_file(file, 8 + n + (size_t)data);
    free(file);
}

/* The message of a file that must be refused. */
static const char *refused(void)
{
    static struct error err;
    struct tensors *t = NULL;

    err = (struct error){0};
    assert_int_equal(tensors_open(&t, path, &err), PT_EFILE);
    assert_null(t);
    assert_int_equal(strncmp(err.text, path, strlen(path)), 0);
    return err.text;
}

static void what_was_written_is_read(void **state)
{
    struct tensors *t;

    (void)state;
    write_sample();
    t = opened();
    assert_true(is_sample(t));
    tensors_close(t);
    tensors_close(NULL);
    tensors_abandon(NULL);
}

/* What any reader of the format relies on, looked at without our reader. */
static void the_file_is_plain_safetensors(void **state)
{
    size_t length;
    char *file;
    const char *key = NULL;
    struct json *root = NULL;
    const struct json *j, *meta;
    struct error err = {0};
    uint64_t n;
    int64_t end = 0;

    (void)state;
    write_sample();
    file = content(&length);
    memcpy(&n, file, 8);
    assert_true(n < length && (8 + n) % 64 == 0);
    assert_int_equal(file[8], '{');
    assert_int_equal(json_parse(&root, file + 8, (size_t)n, &err), 0);
    meta = json_get(root, "__metadata__");
    while ((j = json_next(meta, &key)))
        assert_non_null(json_as_text(j, NULL));
    assert_int_equal(strlen(json_get_text(meta, "xxh128", "")), 32);
    assert_int_equal(strlen(json_get_text(meta, "xxh128:bytes", "")), 32);
    assert_int_equal(json_count(meta), 3 + 5);
    while ((j = json_next(root, &key))) {
        if (j == meta)
            continue;
        assert_int_equal(json_count(j), 3);
        assert_int_equal(json_as_int(json_at(json_get(j, "data_offsets"), 0), -1), end);
        end = json_as_int(json_at(json_get(j, "data_offsets"), 1), -1);
    }
    assert_int_equal(8 + n + (uint64_t)end, length);
    assert_memory_equal(file + length - 5, bytes, 5);
    assert_string_equal(json_get_text(meta, "xxh128:none", ""), "99aa06d3014798d86001c324468d497f");
    json_free(root);
    mem_free(file);
}

static void the_same_content_makes_the_same_file(void **state)
{
    size_t a, b;
    char *one, *two;

    (void)state;
    write_sample();
    one = content(&a);
    write_sample();
    two = content(&b);
    assert_int_equal(a, b);
    assert_memory_equal(one, two, a);
    mem_free(one);
    mem_free(two);
}

static void a_file_cut_at_any_byte_is_refused(void **state)
{
    size_t length;
    char *file, *longer;

    (void)state;
    write_sample();
    file = content(&length);
    for (size_t n = 0; n < length; n++) {
        put_file(file, n);
        refused();
    }
    longer = calloc(1, length + 1);
    memcpy(longer, file, length);
    put_file(longer, length + 1);
    refused();
    put_file(file, length);
    tensors_close(opened());
    free(longer);
    mem_free(file);
}

static void a_change_of_any_byte_is_found(void **state)
{
    static const char others[] = {0, ' ', '"', '0', '9', '{', (char)0xFF};
    size_t length;
    char *file;

    (void)state;
    write_sample();
    file = content(&length);
    for (size_t i = 0; i < length; i++)
        for (int k = 0; k < 8 + (int)sizeof others; k++) {
            char had = file[i];

            file[i] = k < 8 ? (char)(had ^ 1 << k) : others[k - 8];
            if (file[i] != had) {
                put_file(file, length);
                refused();
            }
            file[i] = had;
        }
    mem_free(file);
}

/* Without checksums damage to data cannot be found, but no answer may be a crash or lie outside the file. */
static void a_foreign_file_changed_anywhere_is_answered(void **state)
{
    static const char header[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]},"
                                 "\"b\":{\"dtype\":\"U8\",\"shape\":[2,2],\"data_offsets\":[12,16]}}";
    size_t length;
    char *file;
    int good = 0;

    (void)state;
    put_raw(header, -1, 16);
    file = content(&length);
    for (size_t i = 0; i < length; i++)
        for (int byte = 0; byte < 256; byte++) {
            char had = file[i];
            struct tensors *t = NULL;
            struct error err = {0};
            int64_t sum = 0;

            file[i] = (char)byte;
            put_file(file, length);
            if (tensors_open(&t, path, &err) == 0) {
                for (int k = 0; k < tensors_count(t); k++)
                    sum += tensors_at(t, k).bytes;
                assert_int_equal(sum, 16);
                tensors_close(t);
                good++;
            }
            file[i] = had;
        }
    assert_true(good >= 16 * 256);
    mem_free(file);
}

static void hostile_headers_are_refused(void **state)
{
#define T(name, type, shape, begin, end)                                                                     \
    "\"" name "\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"
    static const struct {
        const char *header, *says;
    } cases[] = {
        {"", "not a JSON object"},
        {"[]", "not a JSON object"},
        {" {}", "not a JSON object"},
        {"{", "header: line 1"},
        {"{}", "16 bytes of data where the tensors have 0"},
        {"{" T("a", "F32", "[4]", "0", "16") "," T("a", "F32", "[4]", "0", "16") "}", "duplicate object key"},
        {"{" T("a", "F32", "[2]", "0", "8") "," T("b", "F32", "[2]", "4", "12") "}", "overlaps"},
        {"{" T("a", "F32", "[4]", "0", "16") "," T("b", "F32", "[4]", "0", "16") "}", "overlaps"},
        {"{" T("a", "F32", "[2]", "0", "8") "," T("b", "F32", "[1]", "12", "16") "}", "gap"},
        {"{" T("a", "F32", "[3]", "4", "16") "}", "gap"},
        {"{" T("a", "F32", "[3]", "0", "12") "}", "16 bytes of data"},
        {"{" T("a", "F32", "[5]", "0", "20") "}", "outside"},
        {"{" T("a", "F32", "[4]", "-1", "15") "}", "outside"},
        {"{" T("a", "F32", "[4]", "16", "0") "}", "outside"},
        {"{" T("a", "F32", "[4]", "0", "9223372036854775807") "}", "outside"},
        {"{" T("a", "F32", "[4]", "0", "99999999999999999999") "}", "header: line 1"},
        {"{" T("a", "F32", "[4]", "0", "16.0") "}", "outside"},
        {"{" T("a", "F32", "[4]", "0", "16,16") "}", "outside"},
        {"{" T("a", "F32", "[3]", "0", "16") "}", "has 16 bytes where its shape needs 12"},
        {"{" T("a", "F64", "[4]", "0", "16") "}", "has 16 bytes where its shape needs 32"},
        {"{" T("a", "F32", "[4611686018427387904,4]", "0", "0") "}", "larger than the file"},
        {"{" T("a", "F32", "[4611686018427387904]", "0", "0") "}", "larger than the file"},
        {"{" T("a", "F32", "[-4,-1]", "0", "16") "}", "not a count"},
        {"{" T("a", "F32", "[4.0]", "0", "16") "}", "not a count"},
        {"{" T("a", "F32", "[4,0]", "0", "0") "}", "not a count"},
        {"{" T("a", "F32", "[]", "0", "4") "}", "dimensions"},
        {"{" T("a", "F32", "[1,2,2]", "0", "16") "}", "dimensions"},
        {"{" T("a", "F32", "4", "0", "16") "}", "dimensions"},
        {"{" T("a", "F16", "[8]", "0", "16") "}", "type F16"},
        {"{" T("a", "\\u001b[31m", "[8]", "0", "16") "}", "type ?[31m"},
        {"{\"a\":1}", "type none"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4]}}", "outside"},
        {"{\"__metadata__\":[]," T("a", "F32", "[4]", "0", "16") "}", "not an object"},
        {"{\"__metadata__\":{\"x\":1}," T("a", "F32", "[4]", "0", "16") "}", "x is not a string"},
        {"{\"__metadata__\":{\"format\":\"partrain-2\"}," T("a", "F32", "[4]", "0", "16") "}", "partrain-2"},
        {"{\"__metadata__\":{\"format\":\"partrain-1\"}," T("a", "F32", "[4]", "0", "16") "}", "checksum"},
        {"{\"__metadata__\":{\"xxh128:a\":\"0\"}," T("a", "F32", "[4]", "0", "16") "}", "checksum"},
        {"{\"__metadata__\":{\"xxh128\":\"0\"}," T("a", "F32", "[4]", "0", "16") "}", "checksum"},
        {"{" T("a\xFF", "F32", "[4]", "0", "16") "}", "header: line 1"},
        {"{" T("a\\u0000", "F32", "[4]", "0", "16") "}", "header: line 1"},
    };
    const int64_t claims[] = {INT64_MAX, INT64_MAX - 7, 1 << 20, 100, 0, 1};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_raw(cases[i].header, -1, 16);
        if (!strstr(refused(), cases[i].says))
            fail_msg("%s\n%s\nlacks \"%s\"", cases[i].header, refused(), cases[i].says);
    }
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        put_raw("{" T("a", "F32", "[4]", "0", "16") "}", claims[i], 16);
        refused();
    }
}

static void huge_or_deep_headers_are_refused_early(void **state)
{
    size_t n = (size_t)TENSORS_HEADER_MAX + 100;
    char *header = malloc(n + 1);

    (void)state;
    memset(header, ' ', n);
    header[0] = '{';
    header[n - 1] = '}';
    header[n] = 0;
    put_raw(header, -1, 0);
    assert_non_null(strstr(refused(), "the limit is"));
    memset(header, '[', n);
    memcpy(header, "{\"a\":", 5);
    header[1000000] = 0;
    put_raw(header, -1, 0);
    assert_non_null(strstr(refused(), "depth"));
    free(header);
    assert_int_equal(remove(path), 0);
    assert_non_null(strstr(refused(), "No such file"));
    assert_int_equal(file_make_folder(path, NULL), 0);
    assert_non_null(strstr(refused(), "not a regular file"));
}

/* Old files of other programs have no padding: every kind of misalignment. */
static void foreign_files_are_read_and_aligned(void **state)
{
    (void)state;
    for (int pad = 0; pad < 8; pad++) {
        char header[256];
        struct tensors *t;
        size_t length;
        char *file;

        snprintf(header, sizeof header,
                 "{\"w\":{\"dtype\":\"F64\",\"shape\":[1,2],\"data_offsets\":[1,17]},"
                 "\"u\":{\"shape\":[1],\"data_offsets\":[0,1],\"dtype\":\"U8\"},\"z\":{\"dtype\":\"F32\","
                 "\"shape\":"
                 "[0],\"data_offsets\":[17,17]}}%*s",
                 pad, "");
        put_raw(header, -1, 17);
        file = content(&length);
        file[length - 17] = 9;
        memcpy(file + length - 16, seeds, 16);
        put_file(file, length);
        t = opened();
        assert_int_equal(tensors_count(t), 3);
        assert_true(view_is(t, 0, "u", TENSOR_U8, 1, 0, "\x09", 1)); /* in the order of the file */
        assert_true(view_is(t, 1, "w", TENSOR_F64, 1, 2, seeds, 16));
        assert_true(view_is(t, 2, "z", TENSOR_F32, 0, 0, NULL, 0));
        assert_null(tensors_meta(t, "format"));
        tensors_close(t);
        mem_free(file);
    }
}

static void find_checks_type_and_shape(void **state)
{
    struct tensor_view v = {0};
    struct error err = {0};
    struct tensors *t;

    (void)state;
    write_sample();
    t = opened();
    assert_int_equal(tensors_find(t, "steps", TENSOR_I64, 3, 0, &v, &err), 0);
    assert_int_equal(((const int64_t *)v.data)[2], 7);
    assert_int_equal(tensors_find(t, "steps", TENSOR_I64, -1, -1, &v, &err), 0);
    assert_int_equal(tensors_find(t, "none", TENSOR_F32, 0, 4, &v, &err), 0);
    assert_int_equal(tensors_find(t, "steps", TENSOR_F64, 3, 0, &v, &err), PT_EFILE);
    assert_non_null(strstr(err.text, "type I64, not F64"));
    assert_int_equal(tensors_find(t, "steps", TENSOR_I64, 4, 0, &v, &err), PT_EFILE);
    assert_non_null(strstr(err.text, "3 x 0, not 4 x 0"));
    assert_int_equal(tensors_find(t, "steps", TENSOR_I64, 3, 1, &v, &err), PT_EFILE);
    assert_int_equal(tensors_find(t, "absent", TENSOR_I64, -1, -1, &v, &err), PT_EFILE);
    assert_non_null(strstr(err.text, "no tensor absent"));
    tensors_close(t);
}

static void not_committed(struct tensors_writer *w, const char *says)
{
    struct error err = {0};

    assert_int_equal(tensors_commit(w, &err), PT_EFILE);
    if (!strstr(err.text, says))
        fail_msg("%s lacks \"%s\"", err.text, says);
    assert_false(file_exists(path));
}

static void a_tensor_too_large_is_reported_by_commit(void **state)
{
    struct tensors_writer *w = created();

    (void)state;
    tensors_declare(w, "a", TENSOR_F32, INT64_MAX / 2, 3);
    not_committed(w, "too large");
    w = created();
    tensors_declare(w, "a", TENSOR_U8, INT64_MAX, 0);
    tensors_declare(w, "b", TENSOR_U8, INT64_MAX, 0);
    not_committed(w, "too large");
    w = created();
    tensors_abandon(w);
    assert_false(file_exists(path));
}

static void an_empty_file_has_no_tensors(void **state)
{
    struct tensors *t;

    (void)state;
    commit(created());
    t = opened();
    assert_int_equal(tensors_count(t), 0);
    assert_string_equal(tensors_meta(t, "format"), "partrain-1");
    tensors_close(t);
}

/* More than one buffer, in pieces that know nothing of tensors; a header too large for one piece as well. */
static void large_tensors_stream(void **state)
{
    const int64_t rows = 30011, cols = 50;
    float *data = malloc((size_t)(2 * rows * cols) * sizeof *data);
    char *text = malloc(2000001);
    struct tensors_writer *w = created();
    const int64_t total = 2 * rows * cols * 4;
    struct tensor_view v;
    struct error err = {0};
    struct tensors *t;

    (void)state;
    memset(text, 'y', 2000000);
    text[2000000] = 0;
    for (int64_t i = 0; i < 2 * rows * cols; i++)
        data[i] = (float)i * .25f;
    tensors_metadata(w, "config", text);
    tensors_declare(w, "V", TENSOR_F32, rows, cols);
    tensors_declare(w, "empty", TENSOR_F32, 0, 0);
    tensors_declare(w, "W", TENSOR_F32, rows, cols);
    for (int64_t at = 0, n = 1; at < total; at += n, n = n * 5 + 3)
        tensors_data(w, (const char *)data + at, n < total - at ? n : total - at);
    commit(w);
    t = opened();
    assert_string_equal(tensors_meta(t, "config"), text);
    assert_int_equal(tensors_find(t, "V", TENSOR_F32, rows, cols, &v, &err), 0);
    assert_memory_equal(v.data, data, (size_t)v.bytes);
    assert_int_equal((uintptr_t)v.data % 64, 0);
    assert_int_equal(tensors_find(t, "W", TENSOR_F32, rows, cols, &v, &err), 0);
    assert_memory_equal(v.data, data + rows * cols, (size_t)v.bytes);
    tensors_close(t);
    free(data);
    free(text);
}

static void a_header_over_the_limit_is_not_written(void **state)
{
    struct tensors_writer *w = created();
    char *text = malloc((size_t)TENSORS_HEADER_MAX + 1);

    (void)state;
    memset(text, 'y', (size_t)TENSORS_HEADER_MAX);
    text[TENSORS_HEADER_MAX] = 0;
    tensors_metadata(w, "config", text);
    not_committed(w, "larger than the limit");
    free(text);
}

static void damage_is_named_by_its_place(void **state)
{
    size_t length;
    char *file, *name;

    (void)state;
    write_sample();
    file = content(&length);
    name = strstr(file + 8, "\"none\"");
    assert_non_null(name);
    memcpy(name, "\"nine\"", 6);
    put_file(file, length);
    assert_non_null(strstr(refused(), "checksum does not match"));
    memcpy(name, "\"none\"", 6);
    file[length - 1] ^= 1;
    put_file(file, length);
    assert_non_null(strstr(refused(), "tensor bytes is damaged"));
    mem_free(file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_is_read),
        TEST(the_file_is_plain_safetensors),
        TEST(the_same_content_makes_the_same_file),
        TEST(a_file_cut_at_any_byte_is_refused),
        TEST(a_change_of_any_byte_is_found),
        TEST(a_foreign_file_changed_anywhere_is_answered),
        TEST(hostile_headers_are_refused),
        TEST(huge_or_deep_headers_are_refused_early),
        TEST(foreign_files_are_read_and_aligned),
        TEST(find_checks_type_and_shape),
        TEST(a_tensor_too_large_is_reported_by_commit),
        TEST(an_empty_file_has_no_tensors),
        TEST(large_tensors_stream),
        TEST(a_header_over_the_limit_is_not_written),
        TEST(damage_is_named_by_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
