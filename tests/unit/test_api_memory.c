/* Ratings from arrays: the same answers as from a file with the same ratings in the same order. */
#include "support.h"

#include "base/file.h"
#include "base/mem.h"
#include "partrain.h"

#include <sys/wait.h>
#include <unistd.h>

enum { USERS = 40, ITEMS = 20, MOST = USERS * ITEMS };

static char *folder;
static int64_t n, user[MOST], item[MOST], when[MOST], start[USERS + 1];
static double value[MOST];
static const char *user_name[MOST], *item_name[MOST];

/* Users and items as names ("u3") and as numbers (3), in files and in arrays. */
static int setup(void **state)
{
    char *text[2] = {0};
    size_t size[2];
    FILE *f[2];

    (void)state;
    folder = support_folder();
    for (int k = 0; k < 2; k++) {
        f[k] = open_memstream(&text[k], &size[k]);
        fprintf(f[k], "userId,movieId,rating,timestamp\n");
    }
    for (int u = 0; u < USERS; u++) {
        for (int j = 0; j < ITEMS; j++) {
            int i = (j * 7 + u) % ITEMS;

            if ((u * 7 + i * 3) % 5 > 1 && u != i)
                continue;
            user[n] = u;
            item[n] = i;
            value[n] = (u + i) % 2 ? 2 : 4.5;
            when[n] = 1000000000 + (u * 31 + i * 17) % 1000;
            user_name[n] = mem_printf("u%d", u);
            item_name[n] = mem_printf("Ж%d", i);
            for (int k = 0; k < 2; k++)
                fprintf(f[k], "%s%d,%s%d,%g,%lld\n", k ? "" : "u", u, k ? "" : "Ж", i, value[n],
                        (long long)when[n]);
            n++;
        }
        start[u + 1] = n;
    }
    for (int k = 0; k < 2; k++) {
        fclose(f[k]);
        free(support_file(folder, k ? "numbers.csv" : "names.csv", text[k]));
        free(text[k]);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int64_t i = 0; i < n; i++) {
        mem_free((void *)user_name[i]);
        mem_free((void *)item_name[i]);
    }
    support_remove(folder);
    return 0;
}

static struct pt_ratings names(void)
{
    return (struct pt_ratings){
        .n = n, .user = {.name = user_name}, .item = {.name = item_name}, .value64 = value, .time = when};
}

static struct pt_ratings numbers(void)
{
    return (struct pt_ratings){
        .n = n, .user = {.int64 = user}, .item = {.int64 = item}, .value64 = value, .time = when};
}

static struct pt_config *config_of(const char *settings, const char *file)
{
    struct pt_config *c;
    struct pt_error err;
    char *copy = strdup(settings), *data = mem_printf("data.path=%s/%s", folder, file ? file : "");

    assert_int_equal(pt_config_new(&c, &err), 0);
    if (file)
        assert_int_equal(pt_config_set(c, data, &err), 0);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        if (pt_config_set(c, word, &err) < 0)
            fail_msg("%s", err.text);
    free(copy);
    mem_free(data);
    return c;
}

static struct pt_result train(const char *settings, const char *file, const struct pt_ratings *r,
                              struct pt_model **model)
{
    struct pt_config *c = config_of(settings, file);
    struct pt_train_options o = {.ratings = r, .model = model};
    struct pt_result result;
    struct pt_error err;

    if (pt_train(c, &o, &result, &err) < 0)
        fail_msg("%s: %s", settings, err.text);
    pt_config_free(c);
    return result;
}

static const char *const kinds[] = {
    "model.kind=mf train.optimizer=adam model.latent=4 train.epochs=3",
    "model.kind=mf train.optimizer=sgd model.latent=4 train.epochs=3",
    "model.kind=mf train.optimizer=adam model.latent=4 train.epochs=3 split.kind=time train.refit=true",
    "model.kind=ials model.latent=4",
    "model.kind=ease",
    "model.kind=autorec model.hidden=5 train.epochs=3 model.side=item",
    "model.kind=autorec model.hidden=5 train.epochs=3 model.side=user data.min_user_ratings=8",
    "model.kind=multivae model.hidden=8 model.latent=3 train.epochs=3",
    ("model.kind=multidae model.latent=3 train.epochs=3 model.ease=true model.ease_weight=2 "
     "data.min_rating=3 "
     "train.patience=0"),
    "model.kind=recvae model.hidden=[6,6] model.latent=3 train.epochs=2",
};

static void weights_are_those_of_a_file(void **state)
{
    struct pt_ratings texts = names(), ints = numbers(), matrix = numbers(), coded = names();
    int32_t small[MOST];
    const char *vocabulary[ITEMS];

    (void)state;
    for (int64_t i = 0; i < n; i++) {
        small[i] = (int32_t)item[i];
        vocabulary[item[i]] = item_name[i];
    }
    matrix.user = (struct pt_ids){0};
    matrix.start = start;
    matrix.users = USERS;
    matrix.item = (struct pt_ids){.int32 = small};
    coded.item = (struct pt_ids){.int32 = small, .name = vocabulary, .names = ITEMS};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct pt_result by_name = train(kinds[k], "names.csv", NULL, NULL);
        struct pt_result by_number = train(kinds[k], "numbers.csv", NULL, NULL);

        assert_string_equal(train(kinds[k], NULL, &texts, NULL).weights_hash, by_name.weights_hash);
        assert_string_equal(train(kinds[k], NULL, &coded, NULL).weights_hash, by_name.weights_hash);
        assert_string_equal(train(kinds[k], NULL, &ints, NULL).weights_hash, by_number.weights_hash);
        assert_string_equal(train(kinds[k], NULL, &matrix, NULL).model_hash, by_number.model_hash);
    }
}

/* The best items of users by id, as a model from memory and one from a folder give them. */
static void models_from_memory_are_those_of_a_folder(void **state)
{
    static const char *const who[] = {"u7", "u0", "u39"};
    struct pt_ids id = {.name = who};
    struct pt_people people = {.n = 3, .id = &id};
    struct pt_ratings texts = names();
    char *saved = file_join(folder, "saved");
    struct pt_error err;

    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct pt_model *m[3];
        int32_t best[3][3 * 6];
        float score[3][3 * 6];

        (void)train(kinds[k], NULL, &texts, &m[0]);
        (void)train(kinds[k], "names.csv", NULL, &m[1]);
        if (pt_model_save(m[0], saved, &err) < 0 || pt_model_open(&m[2], saved, 1, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(pt_model_save(m[0], saved, &err), PT_EUSAGE);
        assert_int_equal(pt_recommend(m[0], &people, 6, best[0], score[0], &err), PT_EDATA);
        for (int i = 0; i < 3; i += 2)
            assert_int_equal(pt_model_histories(m[i], &texts, &err), 0);
        for (int i = 0; i < 3; i++)
            if (pt_recommend(m[i], &people, 6, best[i], score[i], &err) < 0)
                fail_msg("%s: %s", kinds[k], err.text);
        assert_true(best[0][0] >= 0 && isfinite(score[0][0]));
        assert_memory_equal(best[0], best[1], sizeof best[0]);
        assert_memory_equal(best[0], best[2], sizeof best[0]);
        assert_memory_equal(score[0], score[1], sizeof score[0]);
        for (int i = 0; i < 3; i++)
            pt_model_free(m[i]);
        support_remove(saved);
        saved = file_join(folder, "saved");
    }
    mem_free(saved);
}

static void a_model_freed_in_a_fork_is_whole_in_its_maker(void **state)
{
    struct pt_ratings texts = names();
    char *saved = file_join(folder, "saved");
    struct pt_model *m, *copy = NULL;
    struct pt_error err;
    int status;
    pid_t child;

    (void)state;
    (void)train(kinds[0], NULL, &texts, &m);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(60);
        pt_model_free(m);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    if (pt_model_save(m, saved, &err) < 0 || pt_model_open(&copy, saved, 1, &err) < 0)
        fail_msg("%s", err.text);
    pt_model_free(copy);
    pt_model_free(m);
    support_remove(saved);
}

static void choice_hides_items_and_shows_seen_ones(void **state)
{
    static const char *const who[] = {"u7"}, *const nobody[] = {"u77"};
    struct pt_ids id = {.name = who};
    struct pt_people people = {.n = 1, .id = &id};
    struct pt_ratings texts = names();
    uint8_t hidden[ITEMS] = {0};
    struct pt_error err;

    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct pt_choice some = {.k = ITEMS}, all = {.k = ITEMS, .seen = 1},
                         one = {.k = ITEMS, .hidden = hidden};
        int32_t best[ITEMS], first;
        float score[ITEMS];
        struct pt_model *m;
        int seen = 0;

        (void)train(kinds[k], NULL, &texts, &m);
        assert_int_equal(pt_model_histories(m, &texts, &err), 0);
        assert_int_equal(pt_recommend_with(m, &people, &all, best, score, &err), 0);
        for (int i = 0; i < ITEMS; i++)
            seen += best[i] >= 0;
        assert_int_equal(seen, ITEMS);
        assert_int_equal(pt_recommend_with(m, &people, &some, best, score, &err), 0);
        first = best[0];
        for (int i = 0; i < ITEMS; i++)
            for (int64_t r = 0; r < n; r++)
                if (best[i] >= 0 && user[r] == 7)
                    assert_string_not_equal(pt_model_item_id(m, best[i]), item_name[r]);
        for (int i = 0; i < ITEMS; i++)
            hidden[i] = i != first;
        assert_int_equal(pt_recommend_with(m, &people, &one, best, score, &err), 0);
        assert_int_equal(best[0], first);
        assert_int_equal(best[1], -1);
        id.name = nobody;
        assert_int_equal(pt_recommend_with(m, &people, &some, best, score, &err), PT_EUSAGE);
        assert_non_null(strstr(err.text, "u77"));
        id.name = who;
        pt_model_free(m);
    }
}

static void pairs_agree_with_rows(void **state)
{
    static const char *const who[] = {"u9", "u2", "u9", "u2", "none"};
    static const int32_t what[] = {3, 19, 0, 3, 4};
    struct pt_ids id = {.name = who};
    struct pt_people people = {.n = 5, .id = &id};
    struct pt_ratings texts = names();
    float one[5], all[4 * ITEMS];
    struct pt_model *m;
    struct pt_error err;

    (void)state;
    for (int k = 0; k < 7; k++) {
        if (k == 3 || k == 4) /* these rank */
            continue;
        (void)train(kinds[k], NULL, &texts, &m);
        assert_int_equal(pt_model_histories(m, &texts, &err), 0);
        if (pt_predict_pairs(m, &id, what, 5, one, &err) < 0)
            fail_msg("%s: %s", kinds[k], err.text);
        for (int i = 0; i < 5; i++)
            assert_true(one[i] >= 2 && one[i] <= 4.5f);
        people.n = 4;
        if (k == 5) {
            assert_int_equal(pt_predict(m, &people, all, &err), PT_EUSAGE);
        } else {
            assert_int_equal(pt_predict(m, &people, all, &err), 0);
            for (int i = 0; i < 4; i++)
                assert_close((double)one[i], (double)all[i * ITEMS + what[i]], 1e-6, 1e-6);
        }
        pt_model_free(m);
    }
}

static void evaluation_of_arrays(void **state)
{
    struct pt_ratings texts = names(), held_out = names();
    struct pt_evaluation e = {.input = &texts}, some = {.input = &texts, .metrics = "rmse"};
    struct pt_result result;
    struct pt_model *m;
    struct pt_error err;

    (void)state;
    result = train(kinds[0], NULL, &texts, &m);
    if (pt_evaluate(m, &e, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(e.n, 2);
    assert_string_equal(e.figure[0].name, "rmse");
    assert_close(e.figure[0].value, result.test, 1e-6, 1e-6);
    held_out.n = 50; /* those that it was trained on are left out */
    some.held_out = &held_out;
    assert_int_equal(pt_evaluate(m, &some, &err), 0);
    assert_int_equal(some.n, 1);
    assert_true(some.cells > 0 && some.cells < 50);
    e.input = NULL;
    assert_int_equal(pt_evaluate(m, &e, &err), PT_EDATA);
    pt_model_free(m);
}

static void similar_items_have_near_vectors(void **state)
{
    struct pt_ratings texts = names();
    int32_t of[] = {4, 0}, near[2 * 3];
    float score[2 * 3], *vector;
    int64_t length;
    struct pt_model *m;
    struct pt_error err;

    (void)state;
    (void)train(kinds[0], NULL, &texts, &m);
    assert_int_equal(pt_item_vectors(m, &length, NULL, &err), 0);
    assert_int_equal(length, 4);
    vector = mem_alloc(ITEMS * length, sizeof *vector);
    assert_int_equal(pt_item_vectors(m, &length, vector, &err), 0);
    assert_int_equal(pt_similar(m, of, 2, 3, near, score, &err), 0);
    for (int i = 0; i < 6; i++) {
        double cosine = 0;

        for (int64_t k = 0; k < length; k++)
            cosine += (double)vector[of[i / 3] * length + k] * (double)vector[near[i] * length + k];
        assert_close((double)score[i], cosine, 1e-5, 1e-5);
    }
    of[0] = ITEMS;
    assert_int_equal(pt_similar(m, of, 2, 3, near, score, &err), PT_EUSAGE);
    mem_free(vector);
    pt_model_free(m);
}

/* What cannot be is refused with its place. */
static void bad_arrays_are_errors(void **state)
{
    static const char *const empty[] = {"a", ""};
    static const int64_t down[] = {0, 3, 2, 4}, far[] = {0, 7};
    struct pt_config *c = config_of(kinds[0], NULL);
    struct pt_ratings r = numbers();
    struct pt_train_options o = {.ratings = &r};
    double bad[MOST];
    struct pt_error err;

    (void)state;
    memcpy(bad, value, sizeof bad);
    bad[17] = (double)NAN;
    r.value64 = bad;
    assert_int_equal(pt_train(c, &o, NULL, &err), PT_EDATA);
    assert_non_null(strstr(err.text, "rating 17 "));
    assert_non_null(strstr(err.text, "not finite"));
    bad[17] = 1e300;
    assert_int_equal(pt_train(c, &o, NULL, &err), PT_EDATA);
    assert_non_null(strstr(err.text, "too large"));
    r.n = 0;
    assert_int_equal(pt_train(c, &o, NULL, &err), PT_EDATA);
    assert_non_null(strstr(err.text, "no ratings"));
    r = numbers();
    r.item = (struct pt_ids){0};
    assert_int_equal(pt_train(c, &o, NULL, &err), PT_EUSAGE);
    r = numbers();
    r.n = 2;
    r.item = (struct pt_ids){.name = empty};
    assert_int_equal(pt_train(c, &o, NULL, &err), PT_EDATA);
    assert_non_null(strstr(err.text, "empty id"));
    r.item = (struct pt_ids){.int64 = far, .name = empty, .names = 2};
    assert_int_equal(pt_train(c, &o, NULL, &err), PT_EDATA);
    assert_non_null(strstr(err.text, "number 7 of 2"));
    r = numbers();
    r.n = 4;
    r.start = down;
    r.users = 3;
    assert_int_equal(pt_train(c, &o, NULL, &err), PT_EDATA);
    assert_non_null(strstr(err.text, "start[]"));
    assert_int_equal(pt_config_set(c, "data.path=memory:", &err), 0);
    o.ratings = NULL;
    assert_int_equal(pt_train(c, &o, NULL, &err), PT_EDATA);
    pt_config_free(c);
}

static int count_calls(void *arg)
{
    ++*(int *)arg;
    return 0;
}

static void count_messages(void *arg, enum pt_level level, const char *text)
{
    assert_true(level == PT_NOTE || level == PT_WARNING);
    assert_true(*text && strncmp(text, "note: ", 6) != 0);
    count_calls(arg);
}

static void messages_and_polls_come_to_the_caller(void **state)
{
    struct pt_config *c = config_of("model.kind=mf train.epochs=2", NULL);
    struct pt_ratings r = numbers();
    int calls = 0, messages = 0;
    struct pt_train_options o = {.ratings = &r, .poll = count_calls, .arg = &calls};
    struct pt_error err;

    (void)state;
    assert_int_equal(pt_train(c, &o, NULL, &err), 0);
    assert_true(calls >= 2);
    o = (struct pt_train_options){.ratings = &r, .message = count_messages, .arg = &messages};
    assert_int_equal(pt_train(c, &o, NULL, &err), 0);
    assert_true(messages >= 1);
    pt_config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_those_of_a_file),
        cmocka_unit_test(models_from_memory_are_those_of_a_folder),
        cmocka_unit_test(a_model_freed_in_a_fork_is_whole_in_its_maker),
        cmocka_unit_test(choice_hides_items_and_shows_seen_ones),
        cmocka_unit_test(pairs_agree_with_rows),
        cmocka_unit_test(evaluation_of_arrays),
        cmocka_unit_test(similar_items_have_near_vectors),
        cmocka_unit_test(bad_arrays_are_errors),
        cmocka_unit_test(messages_and_polls_come_to_the_caller),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
