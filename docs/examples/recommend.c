/* recommend.c - trains Multi-VAE on ratings and recommends for a person who was not there.
 *
 *     cc recommend.c $(pkg-config --cflags --libs partrain) && ./a.out ml-1m run 'Toy Story (1995)' Heat */
#include <partrain.h>
#include <stdio.h>
#include <stdlib.h>

enum { K = 5, MOST = 100 };

static int show_epoch(void *arg, const struct pt_progress *p)
{
    (void)arg;
    fprintf(stderr, "epoch %lld: %s %.4f\n", (long long)p->epoch, p->metric, p->valid);
    return 0; /* go on */
}

static void check(int rc, const struct pt_error *err)
{
    if (rc == 0)
        return;
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

int main(int argc, char **argv)
{
    struct pt_error err;
    struct pt_config *config;
    struct pt_model *model;
    char data[4096];
    int64_t start[2] = {0, 0};
    int32_t known[MOST], best[K];
    float score[K];

    if (argc < 4) {
        fprintf(stderr, "usage: %s RATINGS FOLDER ITEM...\n", argv[0]);
        return 2;
    }
    snprintf(data, sizeof data, "data.path=%s", argv[1]);
    check(pt_config_new(&config, &err), &err);
    check(pt_config_set(config, "model.kind=multivae", &err), &err);
    check(pt_config_set(config, data, &err), &err);
    check(pt_train(config, &(struct pt_train_options){.folder = argv[2], .progress = show_epoch}, NULL, &err),
          &err);
    pt_config_free(config);

    check(pt_model_open(&model, argv[2], 0, &err), &err);
    for (int i = 3; i < argc && start[1] < MOST; i++) {
        int64_t item = pt_model_find_item(model, argv[i]);

        if (item >= 0)
            known[start[1]++] = (int32_t)item;
        else
            fprintf(stderr, "%s: no item has this id or title\n", argv[i]);
    }
    if (start[1] == 0)
        return 1;
    check(
        pt_recommend(model, &(struct pt_people){.n = 1, .start = start, .item = known}, K, best, score, &err),
        &err);
    for (int i = 0; i < K && best[i] >= 0; i++) {
        const char *title = pt_model_item_title(model, best[i]); /* NULL: the data have none */

        printf("%6.3f  %s\n", score[i], title ? title : pt_model_item_id(model, best[i]));
    }
    pt_model_free(model);
    return 0;
}
