/* People whom matrix factorisation has no row for: their ratings' predictions against the minimum that
 * fold_in.h defines, found by plain gradient descent in double precision on the tensors of the file. */
#include "support.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/tensors.h"
#include "eval/eval.h"
#include "serve/eval_run.h"
#include "serve/history_source.h"
#include "serve/rank.h"
#include "train/train.h"

enum { USERS = 50, ITEMS = 30, K = 3, PEOPLE = 8 };

static char *folder;

static int setup(void **state)
{
    struct rng_stream s = rng_stream(11, RNG_TEST, 0, 0);
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    (void)state;
    folder = support_folder();
    fprintf(f, "user,item,rating\n");
    for (int u = 0; u < USERS; u++)
        for (int i = 0; i < ITEMS; i++)
            if (rng_next_unit(&s) < 0.5)
                fprintf(f, "u%d,i%d,%d\n", u, i, 1 + ((u % 3 == i % 3) ? 3 : 1) + (int)rng_next_below(&s, 2));
    fclose(f);
    free(support_file(folder, "ratings.csv", text));
    free(text);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    support_remove(folder);
    return 0;
}

/* Trains in `run` unless something is there. */
static struct trained *open_trained(const char *run, const char *settings, int threads)
{
    char *path = file_join(folder, run), *data = file_join(folder, "ratings.csv"), *copy = strdup(settings);
    struct train_options o = {.folder = path};
    struct error err = {0};
    struct config *c;
    struct trained *u = NULL;
    char word[512];

    snprintf(word, sizeof word, "data.path=%s", data);
    assert_int_equal(config_new(&c, &err), 0);
    assert_int_equal(config_set(c, word, &err), 0);
    assert_int_equal(config_set(c, "model.kind=mf", &err), 0);
    for (char *at = strtok(copy, " "); at; at = strtok(NULL, " "))
        if (config_set(c, at, &err) < 0)
            fail_msg("%s", err.text);
    if (config_check(c, &err) < 0 || (!file_exists(path) && train_run(c, &o, NULL, &err) < 0) ||
        trained_open(&u, path, threads, &err) < 0)
        fail_msg("%s", err.text);
    config_free(c);
    mem_free(path);
    mem_free(data);
    free(copy);
    return u;
}

/* ---- the minimum ---- */

struct naive {
    const float *q, *bi, *p, *bu; /* bi, bu: NULL without biases */
    double mean[K + 1], spread[K + 1], sigma2, low, high, shift;
    int n;
};

static const float *tensor(const struct tensors *t, const char *name)
{
    struct tensor_view v;
    struct error err = {0};

    if (tensors_find(t, name, TENSOR_F32, -1, -1, &v, &err) < 0)
        fail_msg("%s", err.text);
    return v.data;
}

static void naive_init(struct naive *a, const struct tensors *t, const struct trained *u)
{
    bool biases = u->model->spec.biases;
    double trained = 0.0;

    *a = (struct naive){.q = tensor(t, "item.weight"),
                        .p = tensor(t, "user.weight"),
                        .bi = biases ? tensor(t, "item.bias") : NULL,
                        .bu = biases ? tensor(t, "user.bias") : NULL,
                        .sigma2 = (u->problem->high - u->problem->low) *
                                  (u->problem->high - u->problem->low) / 36.0,
                        .low = u->model->spec.range_low,
                        .high = u->model->spec.range_high,
                        .shift = (double)u->problem->shift,
                        .n = biases ? K + 1 : K};
    for (int pass = 0; pass < 2; pass++)
        for (int k = 0; k < a->n; k++) {
            double sum = 0.0;

            trained = 0.0;
            for (int64_t i = 0; i < u->problem->examples; i++) {
                double x = k < K ? (double)a->p[i * K + k] : (double)a->bu[i];

                if (u->problem->cold_example[i])
                    continue;
                trained += 1.0;
                sum += pass ? (x - a->mean[k]) * (x - a->mean[k]) : x;
            }
            if (pass)
                a->spread[k] = sqrt(sum / trained);
            else
                a->mean[k] = sum / trained;
        }
}

static double item_part(const struct naive *a, int64_t item, int k)
{
    return k < K ? (double)a->q[item * K + k] : 1.0;
}

static double output(const struct naive *a, int64_t item, const double *z, double *slope)
{
    double s = a->bi ? (double)a->bi[item] : 0.0, g;

    for (int k = 0; k < a->n; k++)
        s += (a->mean[k] + a->spread[k] * z[k]) * item_part(a, item, k);
    *slope = 1.0;
    if (a->high <= a->low)
        return s;
    g = 1.0 / (1.0 + exp(-s));
    *slope = (a->high - a->low) * g * (1.0 - g);
    return a->low + (a->high - a->low) * g;
}

static void minimise(const struct naive *a, const struct histories *p, int64_t person,
                     const uint8_t *untrained, double *z)
{
    double rate = a->sigma2;

    for (int k = 0; k < a->n; k++)
        z[k] = 0.0;
    for (int64_t i = p->ptr[person]; i < p->ptr[person + 1]; i++)
        for (int k = 0; k < a->n; k++) {
            double row = a->spread[k] * item_part(a, p->column[i], k) * (a->high > a->low ? 2.0 : 1.0);

            rate += row * row;
        }
    rate = 0.5 / rate;
    for (int step = 0; step < 200000; step++) {
        double gradient[K + 1], longest = 0.0;

        for (int k = 0; k < a->n; k++)
            gradient[k] = -a->sigma2 * z[k];
        for (int64_t i = p->ptr[person]; i < p->ptr[person + 1]; i++) {
            double slope, out = output(a, p->column[i], z, &slope);

            if (p->kind[i] != HISTORY_INPUT || untrained[p->column[i]])
                continue;
            for (int k = 0; k < a->n; k++)
                gradient[k] += slope * ((double)p->value[i] - a->shift - out) * a->spread[k] *
                               item_part(a, p->column[i], k);
        }
        for (int k = 0; k < a->n; k++) {
            z[k] += rate * gradient[k];
            longest = fabs(gradient[k]) > longest ? fabs(gradient[k]) : longest;
        }
        if (longest < 1e-9)
            return;
    }
    fail_msg("gradient descent did not arrive");
}

/* ---- */

/* Persons with 0, 1, 2, 4, ... ratings; the last one's are all known but no input. */
static void make_people(struct histories *p, struct histories *want)
{
    struct rng_stream s = rng_stream(5, RNG_TEST, 0, 0);

    for (int e = 0; e < PEOPLE; e++) {
        for (int i = 0; i < ITEMS; i++) {
            int most = e == 0 ? 0 : 1 << (e - 1);

            if (i % 7 == e % 7 || rng_next_below(&s, ITEMS) >= (uint64_t)most)
                continue;
            assert_true(histories_add(p, i, (float)(1 + rng_next_below(&s, 5)),
                                      e == PEOPLE - 1 ? HISTORY_SEEN : HISTORY_INPUT));
        }
        if (e > 0 && e < PEOPLE - 1)
            assert_true(histories_add(p, e, 4.0f, HISTORY_INPUT));
        assert_true(histories_end(p, -1));
        for (int i = 0; i < ITEMS; i++)
            assert_true(histories_add(want, i, 0.0f, HISTORY_INPUT));
        assert_true(histories_end(want, -1));
    }
}

static void predict(float *output, struct trained *u, const struct histories *p, const struct histories *want)
{
    struct rank_spec spec = {.k = 4};
    struct error err = {0};
    struct ranker *r;

    u->batch = 3; /* several blocks */
    if (ranker_new(&r, u, &spec, &err) < 0 || ranker_predict(r, p, want, output, &err) < 0)
        fail_msg("%s", err.text);
    ranker_free(r);
}

static void check(const char *run, const char *settings, double within)
{
    struct trained *u = open_trained(run, settings, 2);
    struct histories p = {0}, want = {0};
    float out[PEOPLE * ITEMS];
    struct naive a;
    struct tensors *t;
    struct error err = {0};
    char *path = file_join(u->files.folder, "model.safetensors");

    make_people(&p, &want);
    predict(out, u, &p, &want);
    if (tensors_open(&t, path, &err) < 0)
        fail_msg("%s", err.text);
    naive_init(&a, t, u);
    for (int e = 0; e < PEOPLE; e++) {
        bool nothing = e == 0 || e == PEOPLE - 1;
        double z[K + 1], slope;

        if (!nothing)
            minimise(&a, &p, e, u->problem->cold_column, z);
        for (int64_t c = 0; c < u->problem->columns; c++) {
            float got = out[e * ITEMS + c];

            if (nothing || u->problem->cold_column[c])
                assert_true(isnan(got));
            else
                assert_close((double)got, output(&a, c, z, &slope), within, within);
        }
    }
    tensors_close(t);
    mem_free(path);
    histories_fini(&p);
    histories_fini(&want);
    trained_close(u);
}

static void new_people_get_the_row_that_fits_their_ratings_best(void **state)
{
    (void)state;
    check("plain", "model.latent=3 train.epochs=20 train.batch=64 train.lr=.01", 1e-5);
    check("centred", "model.latent=3 train.epochs=20 train.batch=64 train.lr=.01 model.center=true", 1e-5);
    check("unbiased", "model.latent=3 train.epochs=20 train.batch=64 train.lr=.01 model.biases=false", 1e-5);
}

static void an_output_range_is_kept_to(void **state)
{
    (void)state;
    check("ranged",
          "model.latent=3 train.epochs=20 train.batch=64 train.lr=.01 model.range_low=0 "
          "model.range_high=5.5",
          1e-5);
}

static void any_thread_count_gives_the_same_bits(void **state)
{
    const char *settings = "model.latent=3 train.epochs=3 train.batch=64 train.lr=.01";
    struct histories p = {0}, want = {0};
    float out[2][PEOPLE * ITEMS];

    (void)state;
    make_people(&p, &want);
    for (int i = 0; i < 2; i++) {
        struct trained *u = open_trained("threads", settings, i ? 3 : 1);

        predict(out[i], u, &p, &want);
        trained_close(u);
    }
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    histories_fini(&p);
    histories_fini(&want);
}

static void users_without_a_training_rating_are_folded_in(void **state)
{
    struct trained *u = open_trained("plain", "model.latent=3", 1);
    struct history_source *h;
    struct error err = {0};
    struct histories p = {0};

    (void)state;
    u->problem->cold_example[7] = 1;
    if (history_source_read(&h, u, NULL, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(history_source_add(h, u, 7, &p));
    assert_true(history_source_add(h, u, 8, &p));
    assert_int_equal(p.row[0], -1);
    assert_int_equal(p.row[1], 8);
    histories_fini(&p);
    history_source_free(h);
    trained_close(u);
}

/* ---- judged on other ratings ---- */

/* 20 new people, 6 of training and, of items, one that training did not have. */
static void write_others(void)
{
    struct rng_stream s = rng_stream(12, RNG_TEST, 0, 0);
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    fprintf(f, "user,item,rating\nv0,strange,4\nonly,strange,2\n");
    for (int u = 0; u < 26; u++)
        for (int i = 0; i < ITEMS; i++)
            if (rng_next_unit(&s) < (u % 5 ? 0.5 : 0.1))
                fprintf(f, "%c%d,i%d,%d\n", u < 20 ? 'v' : 'u', u, i, 1 + (int)rng_next_below(&s, 5));
    fclose(f);
    free(support_file(folder, "others.csv", text));
    free(text);
}

static bool entry_of(const struct matrix *m, int64_t user, int64_t column, double *value)
{
    for (int s = 0; m->row_count[user] && s < m->shards; s++) {
        const struct matrix_part *part = &m->part[s];
        int64_t row = matrix_row(m, user);

        for (int64_t i = part->ptr[row]; i < part->ptr[row + 1]; i++)
            if (m->cut[s].begin + part->col[i] == column) {
                *value = (double)matrix_value(m, part, i);
                return true;
            }
    }
    return false;
}

/* Units of a user's row in the naive's terms, row = mean + spread z: from the file, or fitted to what goes
 * in. false: there is nothing to go by. */
static bool naive_row(const struct naive *a, const struct trained *u, const struct eval_run *l, int64_t user,
                      double *z)
{
    const struct idtable *names = l->problem->ratings->users;
    int64_t row = idtable_find(u->users, idtable_name(names, user), idtable_length(names, user));
    struct histories p = {0};
    double value;

    memset(z, 0, (K + 1) * sizeof *z);
    if (row >= 0 && !u->problem->cold_example[row]) {
        for (int k = 0; k < a->n; k++)
            z[k] = ((double)(k < K ? a->p[row * K + k] : a->bu[row]) - a->mean[k]) / a->spread[k];
        return true;
    }
    for (int i = 0; i < ITEMS; i++)
        if (entry_of(l->problem->test.in, user, i, &value) && !u->problem->cold_column[i])
            assert_true(histories_add(&p, i, (float)(value + a->shift), HISTORY_INPUT));
    assert_true(histories_end(&p, -1));
    if (p.entries)
        minimise(a, &p, 0, u->problem->cold_column, z);
    value = (double)p.entries;
    histories_fini(&p);
    return value > 0.0;
}

/* The best three by a plain search: whether one of them was held out. */
static bool naive_hit(const struct naive *a, const struct trained *u, const struct eval_run *l, int64_t user,
                      const double *z)
{
    bool taken[ITEMS] = {false};
    double slope, ignored;

    for (int n = 0; n < 3; n++) {
        int best = -1;

        for (int i = 0; i < ITEMS; i++)
            if (!taken[i] && !u->problem->cold_column[i] &&
                !entry_of(l->problem->test.in, user, i, &ignored) &&
                !(l->problem->test.seen && entry_of(l->problem->test.seen, user, i, &ignored)) &&
                (best < 0 || output(a, i, z, &slope) > output(a, best, z, &slope)))
                best = i;
        if (best < 0)
            return false;
        if (entry_of(l->problem->test.out, user, best, &ignored))
            return true;
        taken[best] = true;
    }
    return false;
}

struct figures {
    double rmse, hit;
    int64_t folded, unknown;
};

static void judge_naively(struct figures *f, const struct naive *a, const struct trained *u,
                          const struct eval_run *l)
{
    const struct matrix *out = l->problem->test.out;
    double square = 0.0, hits = 0.0, users = 0.0;

    *f = (struct figures){0};
    for (int64_t user = 0; user < out->examples; user++) {
        double z[K + 1], slope, r;
        bool row;

        if (!out->row_count[user])
            continue;
        row = naive_row(a, u, l, user, z);
        f->unknown += !row;
        f->folded += row && *idtable_name(l->problem->ratings->users, user) == 'v';
        users += 1.0;
        hits += naive_hit(a, u, l, user, z);
        for (int i = 0; i < ITEMS; i++)
            if (entry_of(out, user, i, &r)) {
                double p = output(a, i, z, &slope) + a->shift;

                p = !row || u->problem->cold_column[i] ? u->problem->mean
                                                       : fmin(fmax(p, u->problem->low), u->problem->high);
                square += (p - r - a->shift) * (p - r - a->shift);
            }
    }
    f->rmse = sqrt(square / (double)out->entries);
    f->hit = hits / users;
}

static void judge(const char *run, const char *split)
{
    char *path = file_join(folder, run), *others = file_join(folder, "others.csv"), data[512];
    char *word[16] = {data, (char *)"eval.metrics=rmse,hit@3"}, *copy = strdup(split);
    struct trained *u = open_trained(run, "", 1);
    struct eval_spec spec;
    struct eval_result result;
    struct evaluator *e = NULL;
    struct figures naive;
    struct error err = {0};
    struct tensors *t = NULL;
    struct eval_run *l = NULL;
    struct naive a;
    int64_t rows[3] = {0};
    int n = 2;

    snprintf(data, sizeof data, "data.path=%s", others);
    for (char *at = strtok(copy, " "); at; at = strtok(NULL, " "))
        word[n++] = at;
    mem_free(others);
    others = file_join(u->files.folder, "model.safetensors");
    if (eval_run_open(&l, path, NULL, NULL, word, n, &err) < 0 || tensors_open(&t, others, &err) < 0 ||
        eval_spec_make(&spec, l->config, l->problem, &err) < 0 ||
        evaluator_new(&e, &spec, &l->problem->test, l->model, l->problem, &err) < 0)
        fail_msg("%s: %s", split, err.text);
    evaluate(e, &result);
    naive_init(&a, t, u);
    judge_naively(&naive, &a, u, l);
    assert_close(result.value[0], naive.rmse, 1e-5, 0.0);
    assert_close(result.value[1], naive.hit, 1e-12, 0.0);
    assert_true(naive.folded > 4);
    for (int64_t i = 0; i < l->problem->users; i++)
        if (l->problem->test.out->row_count[i])
            rows[l->row_of[i]]++;
    assert_int_equal(rows[ROW_FOLDED], naive.folded);
    assert_int_equal(rows[ROW_NONE], naive.unknown);
    assert_int_equal(l->dropped, 2);
    evaluator_free(e);
    eval_run_close(l);
    tensors_close(t);
    trained_close(u);
    mem_free(path);
    mem_free(others);
    free(copy);
}

static void others_are_judged_by_rows_from_what_the_split_leaves_them(void **state)
{
    static const char *const runs[] = {"plain", "centred", "unbiased", "ranged"};

    (void)state;
    write_others();
    for (int i = 0; i < 4; i++) {
        judge(runs[i], "split.kind=random split.test=.4 split.valid=.2");
        judge(runs[i], "split.kind=users split.test_users=18 split.valid_users=2 split.fold_in=.7");
        judge(runs[i], "split.kind=per_user split.test=3 split.valid=0 run.threads=3 run.shards=5");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_people_get_the_row_that_fits_their_ratings_best),
        cmocka_unit_test(an_output_range_is_kept_to),
        cmocka_unit_test(any_thread_count_gives_the_same_bits),
        cmocka_unit_test(users_without_a_training_rating_are_folded_in),
        cmocka_unit_test(others_are_judged_by_rows_from_what_the_split_leaves_them),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
