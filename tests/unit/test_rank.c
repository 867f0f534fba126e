/* Recommendations and predictions of opened models, against the models' equations in double precision on the
 * tensors of their files. */
#include "support.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/tensors.h"
#include "serve/history_source.h"
#include "serve/rank.h"
#include "train/train.h"

enum { USERS = 60, ITEMS = 45, K = 7 };

static char *folder;

/* ratings.csv with a title for most items: item i is called "Film i, The (1980)". */
static void write_data(void)
{
    struct rng_stream s = rng_stream(7, RNG_TEST, 0, 0);
    char *ratings = NULL, *titles = NULL;
    size_t size;
    FILE *f = open_memstream(&ratings, &size), *g = open_memstream(&titles, &size);

    fprintf(f, "userId,movieId,rating,timestamp\n");
    fprintf(g, "movieId,title,genres\n");
    for (int u = 0; u < USERS; u++)
        for (int i = 0; i < ITEMS; i++)
            if (rng_next_unit(&s) < 0.4)
                fprintf(f, "u%d,i%d,%.1f,1\n", u, i, 1.0 + 0.5 * (double)rng_next_below(&s, 9));
    for (int i = 0; i < ITEMS; i++)
        fprintf(g, "i%d,\"Film %c%d, The (1980)\",x\n", i, 'a' + i % 3, i / 2);
    fclose(f);
    fclose(g);
    free(support_file(folder, "ratings.csv", ratings));
    free(support_file(folder, "movies.csv", titles));
    free(ratings);
    free(titles);
}

static int setup(void **state)
{
    (void)state;
    folder = support_folder();
    write_data();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    support_remove(folder);
    return 0;
}

static struct trained *open_trained(const char *settings, int threads, char **run)
{
    struct config *c;
    struct error err = {0};
    struct trained *u = NULL;
    char *copy = strdup(settings), data[512];
    static int runs;
    char name[32];

    snprintf(data, sizeof data, "data.path=%s", folder);
    assert_int_equal(config_new(&c, &err), 0);
    assert_int_equal(config_set(c, data, &err), 0);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        if (config_set(c, word, &err) < 0)
            fail_msg("%s", err.text);
    if (config_check(c, &err) < 0)
        fail_msg("%s", err.text);
    snprintf(name, sizeof name, "run%d", runs++);
    *run = file_join(folder, name);
    struct train_options o = {.folder = *run};
    if (train_run(c, &o, NULL, &err) < 0 || trained_open(&u, *run, threads, &err) < 0)
        fail_msg("%s", err.text);
    config_free(c);
    free(copy);
    return u;
}

/* ---- the equations ------------------------------------------------------------------------------- */

static const float *tensor(const struct tensors *t, const char *name, int64_t *rows, int64_t *cols)
{
    struct tensor_view v;
    struct error err = {0};

    if (tensors_find(t, name, TENSOR_F32, -1, -1, &v, &err) < 0)
        fail_msg("%s", err.text);
    *rows = v.rows;
    *cols = v.cols;
    return v.data;
}

/* out (n) = act(W in + b) */
static int64_t layer(double *out, const double *in, const struct tensors *t, const char *prefix,
                     double (*act)(double))
{
    char name[64];
    int64_t n, m, x;
    const float *w, *b;

    snprintf(name, sizeof name, "%s.weight", prefix);
    w = tensor(t, name, &n, &m);
    snprintf(name, sizeof name, "%s.bias", prefix);
    b = tensor(t, name, &x, &x);
    for (int64_t i = 0; i < n; i++) {
        double sum = (double)b[i];

        for (int64_t j = 0; j < m; j++)
            sum += (double)w[i * m + j] * in[j];
        out[i] = act(sum);
    }
    return n;
}

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static double same(double x)
{
    return x;
}

/* Outputs for all columns, from an example's inputs x (columns). */
static void outputs(double *out, const struct trained *u, const struct tensors *t, const double *x,
                    int64_t row)
{
    int64_t columns, k, n;
    double h[64], z[64];

    if (u->by_row) {
        const float *p = tensor(t, "user.weight", &n, &k), *q = tensor(t, "item.weight", &columns, &k);
        const float *bu = tensor(t, "user.bias", &n, &n), *bi = tensor(t, "item.bias", &n, &n);

        for (int64_t c = 0; c < columns; c++) {
            out[c] = (double)bu[row] + (double)bi[c];
            for (int64_t i = 0; i < k; i++)
                out[c] += (double)p[row * k + i] * (double)q[c * k + i];
        }
        return;
    }
    const float *v = tensor(t, "encoder.weight", &columns, &k), *mu = tensor(t, "encoder.bias", &n, &n);
    double norm = 0.0;

    for (int64_t c = 0; c < columns; c++)
        norm += x[c] * x[c];
    norm = u->rating || norm == 0.0 ? 1.0 : sqrt(norm);
    for (int64_t i = 0; i < k; i++) {
        h[i] = (double)mu[i];
        for (int64_t c = 0; c < columns; c++)
            h[i] += x[c] / norm * (double)v[c * k + i];
        h[i] = u->rating ? sigmoid(h[i]) : tanh(h[i]);
    }
    if (u->config->model_kind == MODEL_MULTIVAE) {
        layer(z, h, t, "inference.0", same); /* its first half is the mean */
        layer(h, z, t, "generator.0", tanh);
    }
    layer(out, h, t, "decoder", same);
}

/* ---- */

/* Example e as the data have it: inputs (columns), and which columns are known. */
static int64_t inputs(double *x, bool *known, const struct trained *u, const struct history_source *h,
                      int64_t e)
{
    struct histories p = {0};
    int64_t row;

    for (int64_t c = 0; c < u->problem->columns; c++) {
        x[c] = 0.0;
        known[c] = false;
    }
    assert_true(history_source_add(h, u, e, &p));
    for (int64_t i = 0; i < p.entries; i++) {
        known[p.column[i]] = true;
        if (p.kind[i] == HISTORY_INPUT)
            x[p.column[i]] = u->rating ? (double)p.value[i] - (double)u->problem->shift : 1.0;
    }
    row = p.row[0];
    histories_fini(&p);
    return row;
}

static struct tensors *open_tensors(const char *run)
{
    struct tensors *t;
    struct error err = {0};
    char *path = file_join(run, "model.safetensors");

    if (tensors_open(&t, path, &err) < 0)
        fail_msg("%s", err.text);
    mem_free(path);
    return t;
}

/* The list is right where each score is what the equations say, none is known or hidden, it descends, and
 * nothing that is left out is better than its end. */
static void check_list(const struct scored *best, int count, const double *score, const bool *barred,
                       int64_t n, double shift)
{
    int64_t open = 0;

    for (int64_t c = 0; c < n; c++)
        open += !barred[c];
    assert_int_equal(count, open < K ? open : K);
    for (int i = 0; i < count; i++) {
        assert_false(barred[best[i].column]);
        assert_close((double)best[i].score, score[best[i].column] + shift, 1e-4, 1e-4);
        if (i)
            assert_true(best[i].score <= best[i - 1].score);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(best[i].column, best[j].column);
    }
    for (int64_t c = 0; c < n && count; c++) {
        bool listed = barred[c];

        for (int i = 0; i < count; i++)
            listed |= best[i].column == c;
        if (!listed)
            assert_true(score[c] + shift <= (double)best[count - 1].score + 1e-4);
    }
}

static void check_people(const char *settings, int threads)
{
    char *run;
    struct trained *u = open_trained(settings, threads, &run);
    struct tensors *t = open_tensors(run);
    uint8_t hidden[ITEMS] = {[3] = 1, [11] = 1};
    struct rank_spec spec = {.k = K, .hidden = hidden};
    struct ranker *r;
    struct history_source *h = NULL;
    struct histories p = {0};
    struct error err = {0};
    struct scored best[USERS * K];
    int count[USERS];

    u->batch = 17; /* several blocks, the last not full */
    if (ranker_new(&r, u, &spec, &err) < 0 || history_source_read(&h, u, NULL, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(h->n, USERS);
    for (int64_t e = 0; e < h->n; e++)
        assert_true(history_source_add(h, u, e, &p));
    assert_int_equal(ranker_run(r, &p, best, count, &err), 0);
    for (int64_t e = 0; e < h->n; e++) {
        double x[ITEMS], score[ITEMS];
        bool barred[ITEMS];
        int64_t row = inputs(x, barred, u, h, e);

        outputs(score, u, t, x, row);
        for (int64_t c = 0; c < u->problem->columns; c++)
            barred[c] |= hidden[c];
        check_list(best + e * K, count[e], score, barred, u->problem->columns, (double)u->problem->shift);
    }
    histories_fini(&p);
    history_source_free(h);
    ranker_free(r);
    tensors_close(t);
    trained_close(u);
    mem_free(run);
}

static void people_get_what_the_equations_say(void **state)
{
    static const char *const settings[] = {
        "model.kind=multivae model.kl_weight=.1 model.hidden=24 model.latent=8 train.epochs=4 train.batch=16 "
        "data.min_rating=2",
        ("model.kind=autorec model.side=user model.activation=sigmoid model.hidden=20 model.center=true "
         "train.epochs=4 train.batch=16 train.lr=.01"),
        "model.kind=mf model.latent=6 train.epochs=4 train.batch=64 train.lr=.01 model.center=true"};

    (void)state;
    for (int i = 0; i < 3; i++)
        for (int threads = 1; threads <= 3; threads += 2)
            check_people(settings[i], threads);
}

static const char *const by_item =
    "model.kind=autorec model.side=item model.activation=sigmoid model.hidden=20 "
    "train.epochs=6 train.batch=16 train.lr=.01";

static void users_of_an_item_model_get_what_the_equations_say(void **state)
{
    char *run;
    struct trained *u = open_trained(by_item, 3, &run);
    struct tensors *t = open_tensors(run);
    uint8_t hidden[ITEMS] = {[5] = 1};
    struct rank_spec spec = {.k = K, .hidden = hidden};
    struct history_source *h = NULL;
    struct error err = {0};
    int32_t user[] = {4, 0, 59, 4};
    struct scored best[4 * K];
    double score[4][ITEMS], x[USERS], out[USERS];
    bool barred[4][ITEMS], known[USERS];
    int count[4];

    (void)state;
    u->batch = 10;
    if (history_source_read(&h, u, NULL, &err) < 0 || rank_users(u, h, &spec, user, 4, best, count, &err) < 0)
        fail_msg("%s", err.text);
    for (int64_t e = 0; e < h->n; e++) {
        inputs(x, known, u, h, e);
        outputs(out, u, t, x, e);
        for (int i = 0; i < 4; i++) {
            score[i][e] = out[user[i]];
            barred[i][e] = known[user[i]] || hidden[e];
        }
    }
    for (int i = 0; i < 4; i++)
        check_list(best + i * K, count[i], score[i], barred[i], h->n, (double)u->problem->shift);
    history_source_free(h);
    tensors_close(t);
    trained_close(u);
    mem_free(run);
}

static void predictions_are_what_the_equations_say(void **state)
{
    char *run;
    struct trained *u = open_trained(by_item, 2, &run);
    struct tensors *t = open_tensors(run);
    struct rank_spec spec = {.k = 1};
    struct ranker *r;
    struct history_source *h = NULL;
    struct histories p = {0}, want = {0};
    struct error err = {0};
    float output[2 * ITEMS];

    (void)state;
    u->batch = 8;
    if (ranker_new(&r, u, &spec, &err) < 0 || history_source_read(&h, u, NULL, &err) < 0)
        fail_msg("%s", err.text);
    for (int64_t e = 0; e < h->n; e++) { /* two users of each item */
        assert_true(history_source_add(h, u, e, &p));
        assert_true(histories_add(&want, (int32_t)(e % 7), 0.0f, HISTORY_INPUT));
        assert_true(histories_add(&want, (int32_t)(e + 9), 0.0f, HISTORY_INPUT));
        assert_true(histories_end(&want, -1));
    }
    assert_int_equal(ranker_predict(r, &p, &want, output, &err), 0);
    for (int64_t e = 0; e < h->n; e++) {
        double x[USERS], out[USERS];
        bool known[USERS];

        inputs(x, known, u, h, e);
        outputs(out, u, t, x, e);
        for (int i = 0; i < 2; i++) {
            int32_t c = i ? (int32_t)(e + 9) : (int32_t)(e % 7);

            if (u->problem->cold_column[c])
                assert_true(isnan(output[2 * e + i]));
            else
                assert_close((double)output[2 * e + i], out[c], 1e-4, 1e-4);
        }
    }
    histories_fini(&p);
    histories_fini(&want);
    history_source_free(h);
    ranker_free(r);
    tensors_close(t);
    trained_close(u);
    mem_free(run);
}

static void any_thread_count_gives_the_same_bits(void **state)
{
    char *run;
    struct trained *u =
        open_trained("model.kind=multivae model.hidden=24 model.latent=8 train.epochs=2", 1, &run);
    struct scored best[2][USERS * K];
    int count[2][USERS];

    (void)state;
    memset(best, 0, sizeof best);
    for (int i = 0; i < 2; i++) {
        struct rank_spec spec = {.k = K};
        struct ranker *r;
        struct history_source *h = NULL;
        struct histories p = {0};
        struct error err = {0};

        if (i && trained_open(&u, run, 5, &err) < 0)
            fail_msg("%s", err.text);
        if (ranker_new(&r, u, &spec, &err) < 0 || history_source_read(&h, u, NULL, &err) < 0)
            fail_msg("%s", err.text);
        for (int64_t e = 0; e < h->n; e++)
            assert_true(history_source_add(h, u, e, &p));
        assert_int_equal(ranker_run(r, &p, best[i], count[i], &err), 0);
        histories_fini(&p);
        history_source_free(h);
        ranker_free(r);
        trained_close(u);
    }
    assert_memory_equal(best[0], best[1], sizeof best[0]);
    assert_memory_equal(count[0], count[1], sizeof count[0]);
    mem_free(run);
}

/* Many people at once are ranked by a sieve where the processor has one, few by all scores. */
static void many_people_get_what_few_get(const char *settings)
{
    enum { MANY = 150, FEW = 25 };
    char *run;
    struct trained *u = open_trained(settings, 2, &run);
    struct rank_spec spec = {.k = K};
    struct scored best[2][MANY * K];
    int count[2][MANY];
    struct history_source *h = NULL;
    struct ranker *r;
    struct error err = {0};

    memset(best, 0, sizeof best);
    u->batch = 70;
    if (ranker_new(&r, u, &spec, &err) < 0 || history_source_read(&h, u, NULL, &err) < 0)
        fail_msg("%s", err.text);
    for (int i = 0; i < 2; i++)
        for (int64_t from = 0, n = i ? FEW : MANY; from < MANY; from += n) {
            struct histories p = {0};

            for (int64_t e = from; e < from + n; e++)
                assert_true(history_source_add(h, u, e, &p));
            assert_int_equal(ranker_run(r, &p, best[i] + from * K, count[i] + from, &err), 0);
            histories_fini(&p);
        }
    assert_memory_equal(count[0], count[1], sizeof count[0]);
    assert_memory_equal(best[0], best[1], sizeof best[0]);
    history_source_free(h);
    ranker_free(r);
    trained_close(u);
    mem_free(run);
}

static void a_sieve_changes_no_list(void **state)
{
    (void)state;
#define WIDE "data.path=synth:150x700x6000 train.epochs=1 model.latent=64 "
    many_people_get_what_few_get(WIDE "model.kind=multivae model.hidden=64");
    many_people_get_what_few_get(WIDE "model.kind=autorec model.side=user model.hidden=64 split.valid=0");
    many_people_get_what_few_get(WIDE "model.kind=mf split.valid=0");
    many_people_get_what_few_get(WIDE "model.kind=ials split.valid=0");
}

/* ---- texts ---------------------------------------------------------------------------------------- */

static int told;
static void count_notes(void *arg, const char *text)
{
    (void)arg;
    (void)text;
    told++;
}

static void histories_are_read_as_people_write_them(void **state)
{
    char *run, *path;
    struct trained *u = open_trained(by_item, 1, &run);
    struct history_text *t;
    struct histories p = {0};
    struct error err = {0};
    int64_t unknown, a0;

    (void)state;
    a0 = idtable_find(u->items, "i0", 2);
    assert_int_equal(trained_find_item(u, "Film a0, The (1980)", 19), a0);
    assert_int_equal(trained_find_item(u, "the  FILM a0", 12), a0);
    assert_int_equal(trained_find_item(u, "Film", 4), -1);
    assert_non_null(strstr(trained_title(u, trained_suggest_item(u, "film b", 6)), "Film b"));
    assert_int_equal(trained_suggest_item(u, "no such", 7), -1);
    assert_int_equal(trained_suggest_item(u, "flim a0", 7), a0);
    assert_int_equal(trained_suggest_item(u, "0", 1), -1);
    path = support_file(folder, "people",
                        "\n\r\n i1 4.5\r\nThe Film a0\t2\n i1\t5 \n\n\nnothing like it\t3\ni2\t0.5");
    assert_int_equal(history_text_open(&t, u, path, HISTORY_PARAGRAPHS, count_notes, NULL, &err), 0);
    assert_int_equal(history_text_next(t, &p, 10, &err), 0);
    assert_int_equal(p.n, 2);
    assert_int_equal(p.ptr[1], 2);
    assert_int_equal(p.ptr[2], 3);
    for (int64_t i = 0; i < 2; i++)
        assert_close((double)p.value[i], p.column[i] == a0 ? 2.0 : 5.0, 0.0, 0.0); /* the last one counts */
    history_text_lines(t, &unknown);
    assert_int_equal(unknown, 1);
    assert_int_equal(told, 2); /* of no such item, and of a rating off the scale */
    histories_clear(&p);
    assert_int_equal(history_text_next(t, &p, 10, &err), 0);
    assert_int_equal(p.n, 0);
    history_text_close(t);
    free(path);

    path = support_file(folder, "people", "i1\t4\ni2\n");
    assert_int_equal(history_text_open(&t, u, path, HISTORY_PARAGRAPHS, NULL, NULL, &err), 0);
    assert_int_equal(history_text_next(t, &p, 10, &err), PT_EDATA);
    assert_non_null(strstr(err.text, "people:2: there is no rating"));
    history_text_close(t);
    free(path);
    histories_fini(&p);
    trained_close(u);
    mem_free(run);
}

static void a_folder_that_does_not_fit_is_refused(void **state)
{
    char *run, *items;
    struct trained *u = open_trained(by_item, 1, &run), *other = NULL;
    struct error err = {0};

    (void)state;
    trained_close(u);
    items = support_file(run, "users.tsv", "u1\nu2\n");
    assert_int_equal(trained_open(&other, run, 1, &err), PT_EFILE);
    assert_non_null(strstr(err.text, "decoder.weight has 60 rows and users.tsv 2"));
    free(items);
    items = support_file(run, "users.tsv", "u1\nu1\n");
    assert_int_equal(trained_open(&other, run, 1, &err), PT_EFILE);
    free(items);
    assert_int_equal(trained_open(&other, folder, 1, &err), PT_EUSAGE);
    mem_free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_get_what_the_equations_say),
        cmocka_unit_test(users_of_an_item_model_get_what_the_equations_say),
        cmocka_unit_test(predictions_are_what_the_equations_say),
        cmocka_unit_test(any_thread_count_gives_the_same_bits),
        cmocka_unit_test(a_sieve_changes_no_list),
        cmocka_unit_test(histories_are_read_as_people_write_them),
        cmocka_unit_test(a_folder_that_does_not_fit_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
