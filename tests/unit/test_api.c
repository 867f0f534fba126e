/* The public interface: what partrain.h promises beyond what the parts' own tests show. */
#include "support.h"

#include "base/file.h"
#include "base/mem.h"
#include "partrain.h"

static char *folder;

static int setup(void **state)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    (void)state;
    folder = support_folder();
    fprintf(f, "userId,movieId,rating\n");
    for (int u = 0; u < 40; u++)
        for (int i = 0; i < 20; i++)
            if ((u * 7 + i * 3) % 5 < 2 || u == i)
                fprintf(f, "u%d,i%d,%d\n", u, i, (u + i) % 2 ? 2 : 4);
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

static struct pt_config *config_of(const char *settings)
{
    struct pt_config *c;
    struct pt_error err;
    char data[512], *copy = strdup(settings);

    snprintf(data, sizeof data, "data.path=%s/ratings.csv", folder);
    assert_int_equal(pt_config_new(&c, &err), 0);
    assert_int_equal(pt_config_set(c, data, &err), 0);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        if (pt_config_set(c, word, &err) < 0)
            fail_msg("%s", err.text);
    free(copy);
    return c;
}

static struct pt_model *trained(const char *settings, const char *name)
{
    struct pt_config *c = config_of(settings);
    struct pt_train_options o = {0};
    struct pt_result result;
    struct pt_model *m = NULL;
    struct pt_error err;
    char *run = file_join(folder, name);

    o.folder = run;
    if (pt_train(c, &o, &result, &err) < 0 || pt_model_open(&m, run, 2, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(strlen(result.weights_hash), 32);
    assert_true(result.best_epoch >= 1 && result.best_epoch <= result.epochs);
    assert_true(isfinite(result.valid) && isfinite(result.test));
    pt_config_free(c);
    mem_free(run);
    return m;
}

static void configuration_keeps_its_defaults_until_training(void **state)
{
    struct pt_config *c = config_of("model.kind=mf train.optimizer=adam train.epochs=1 model.latent=3");
    struct pt_error err;
    struct pt_result result;

    (void)state;
    assert_int_equal(pt_train(c, NULL, &result, &err), 0);
    assert_string_equal(result.metric, "rmse");
    /* Another model in the same configuration has its own defaults, not those of the one before. */
    assert_int_equal(pt_config_set(c, "model.kind=multivae", &err), 0);
    assert_int_equal(pt_train(c, NULL, &result, &err), 0);
    assert_string_equal(result.metric, "ndcg@100");
    pt_config_free(c);
}

static void errors_are_values(void **state)
{
    struct pt_config *c;
    struct pt_error err;
    struct pt_model *m;
    char *path;

    (void)state;
    assert_int_equal(pt_config_new(&c, NULL), 0);
    assert_int_equal(pt_config_set(c, "train.lrr=1", &err), PT_ECONFIG);
    assert_int_equal(err.code, PT_ECONFIG);
    assert_non_null(strstr(err.text, "train.lr"));
    assert_int_equal(pt_config_load(c, "/nowhere.yaml", &err), PT_ECONFIG);
    path = support_file(folder, "c.yaml", "train: {epochs: x}\n");
    assert_int_equal(pt_config_load(c, path, &err), PT_ECONFIG);
    assert_non_null(strstr(err.text, "c.yaml:1:"));
    free(path);
    assert_int_equal(pt_train(c, NULL, NULL, &err), PT_ECONFIG);
    assert_non_null(strstr(err.text, "data.path"));
    assert_int_equal(pt_train(c, NULL, NULL, NULL), PT_ECONFIG);
    pt_config_free(c);
    assert_int_equal(pt_model_open(&m, folder, 0, &err), PT_EUSAGE);
    pt_config_free(NULL);
    pt_model_free(NULL);
}

static int stop_after_two(void *arg, const struct pt_progress *p)
{
    int *calls = arg;

    assert_int_equal(p->epochs, 9);
    assert_int_equal(p->epoch, ++*calls);
    return p->epoch == 2;
}

static void progress_can_stop_and_training_resume(void **state)
{
    struct pt_config *c = config_of("model.kind=mf train.optimizer=adam train.epochs=9 model.latent=3");
    char *run = file_join(folder, "stopped"), *whole = file_join(folder, "whole");
    int calls = 0;
    struct pt_train_options o = {.folder = run, .progress = stop_after_two, .arg = &calls};
    struct pt_result stopped, straight;
    struct pt_error err;

    (void)state;
    assert_int_equal(pt_train(c, &o, NULL, &err), PT_EINTERRUPTED);
    assert_int_equal(calls, 2);
    o.progress = NULL;
    assert_int_equal(pt_train(c, &o, &stopped, &err), PT_EUSAGE); /* a run is there */
    o.resume = 1;
    assert_int_equal(pt_train(c, &o, &stopped, &err), 0);
    o = (struct pt_train_options){.folder = whole};
    assert_int_equal(pt_train(c, &o, &straight, &err), 0);
    assert_string_equal(stopped.weights_hash, straight.weights_hash);
    pt_config_free(c);
    mem_free(run);
    mem_free(whole);
}

/* Trained too far, so that the best epoch is not the last one. */
static void figures_are_of_the_best_epoch_without_a_folder_too(void **state)
{
    static const char *const settings[] = {
        "model.kind=mf train.optimizer=adam model.latent=8 train.lr=.05 train.epochs=60",
        "model.kind=autorec model.side=user model.hidden=30 model.loss=sum train.lr=.05 train.epochs=60",
        "model.kind=multivae model.hidden=8 model.latent=3 train.lr=.1 train.epochs=40 data.min_rating=0",
        "model.kind=mf train.optimizer=adam model.latent=8 train.lr=.05 train.epochs=60 train.refit=true",
    };
    char name[] = "best-0";

    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++, name[5]++) {
        struct pt_config *c = config_of(settings[i]);
        char *run = file_join(folder, name);
        struct pt_train_options o = {.folder = run};
        struct pt_result kept, told;
        struct pt_error err;

        if (pt_train(c, &o, &kept, &err) < 0 || pt_train(c, NULL, &told, &err) < 0)
            fail_msg("%s: %s", settings[i], err.text);
        if (kept.best_epoch == kept.epochs && !strstr(settings[i], "refit"))
            fail_msg("%s: the last epoch is the best", settings[i]);
        assert_string_equal(kept.model_hash, told.model_hash);
        assert_string_equal(kept.weights_hash, told.weights_hash);
        if (kept.valid != told.valid || kept.test != told.test)
            fail_msg("%s: valid %g and test %g, without a folder %g and %g", settings[i], kept.valid,
                     kept.test, told.valid, told.test);
        pt_config_free(c);
        mem_free(run);
    }
}

static void people_and_ratings(void **state)
{
    struct pt_model *m =
        trained("model.kind=autorec model.side=user model.hidden=8 train.epochs=20 train.lr=.01", "a");
    int64_t start[] = {0, 3, 3};
    int32_t item[] = {5, 0, 9}, best[2 * 30];
    float rating[] = {4, 4, 2}, score[2 * 30], all[2 * 20];
    struct pt_people p = {.n = 2, .start = start, .item = item, .rating = rating};
    struct pt_error err;
    int differ = 0;

    (void)state;
    assert_int_equal(pt_model_items(m), 20);
    assert_int_equal(pt_model_users(m), 40);
    assert_null(pt_model_item_id(m, 20));
    assert_int_equal(pt_model_find_item(m, pt_model_item_id(m, 7)), 7);
    assert_int_equal(pt_model_find_user(m, pt_model_user_id(m, 39)), 39);
    assert_int_equal(pt_model_find_item(m, "none"), -1);
    assert_int_equal(pt_recommend(m, &p, 30, best, score, &err), 0);
    assert_int_equal(pt_predict(m, &p, all, &err), 0);
    for (int i = 0; i < 17;
         i++) { /* the first person knows three; lists descend and agree with predictions */
        assert_true(best[i] >= 0 && best[i] != 5 && best[i] != 0 && best[i] != 9);
        assert_true(i == 0 || score[i] <= score[i - 1]);
        assert_close((double)all[best[i]], fmin(4.0, fmax(2.0, (double)score[i])), 1e-6, 1e-6);
    }
    for (int i = 17; i < 30; i++)
        assert_true(best[i] == -1 && isnan(score[i]));
    for (int i = 1; i < 20; i++) { /* of the second one nothing is known: every item has its own mean */
        assert_true(all[20 + i] >= 2.0f && all[20 + i] <= 4.0f);
        differ += fabsf(all[20 + i] - all[20]) > 1e-3f;
    }
    assert_true(differ > 5);
    item[1] = 20;
    assert_int_equal(pt_recommend(m, &p, 3, best, score, &err), PT_EUSAGE);
    assert_int_equal(pt_recommend(m, &p, 0, best, score, &err), PT_EUSAGE);
    p.rating = NULL;
    assert_int_equal(pt_recommend(m, &p, 3, best, score, &err), PT_EUSAGE);
    pt_model_free(m);
}

static void users_of_matrix_factorisation(void **state)
{
    struct pt_model *m = trained("model.kind=mf train.optimizer=adam model.latent=3 train.epochs=3", "m");
    int64_t start[] = {0, 1, 1};
    int32_t item[] = {5}, user[] = {3, 11}, best[8];
    float score[8], all[40];
    struct pt_people p = {.n = 2, .start = start, .item = item, .user = user};
    struct pt_error err;

    (void)state;
    assert_int_equal(pt_recommend(m, &p, 4, best, score, &err), 0);
    assert_int_equal(pt_predict(m, &p, all, &err), 0);
    for (int i = 0; i < 8; i++)
        assert_close((double)all[i / 4 * 20 + best[i]], fmin(4.0, fmax(2.0, (double)score[i])), 1e-6, 1e-6);
    user[1] = 40;
    assert_int_equal(pt_recommend(m, &p, 4, best, score, &err), PT_EUSAGE);
    p.user = NULL;
    assert_int_equal(pt_recommend(m, &p, 4, best, score, &err), PT_EUSAGE);
    pt_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configuration_keeps_its_defaults_until_training),
        cmocka_unit_test(errors_are_values),
        cmocka_unit_test(progress_can_stop_and_training_resume),
        cmocka_unit_test(figures_are_of_the_best_epoch_without_a_folder_too),
        cmocka_unit_test(people_and_ratings),
        cmocka_unit_test(users_of_matrix_factorisation),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
