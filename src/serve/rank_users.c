/* rank_users.c - recommendations of item-based models, whose examples are items and whose columns are
 * users: all items pass through the model once, and each is offered to every user of the request. */
#include "serve/rank.h"

#include "base/mem.h"
#include "serve/scoring.h"

#include <math.h>
#include <string.h>

struct users_job {
    const struct trained *trained;
    const struct rank_spec *spec;
    struct scoring scoring; /* of some items with their ratings */
    int64_t first;          /* number of the first */
    int32_t *place;         /* (columns) owned: where a user stands in the request; -1: not in it */
    struct topk *best;      /* (n) owned */
};

static void offer_items(struct worker *w, void *arg, int s, float *score)
{
    struct users_job *j = arg;
    const struct shard *cut = &j->trained->cut[s];
    int64_t width = shard_width(cut), ld = row_pad(width);
    const int32_t *place = j->place + cut->begin;

    (void)w;
    for (int64_t p = 0; p < j->scoring.rows; p++) {
        int64_t at = j->scoring.begin + p, item = j->first + at;
        float *row = score + p * ld;

        if (j->scoring.in->row_count[at] == 0 || (j->spec->hidden && j->spec->hidden[item]))
            continue;
        if (!j->spec->keep_seen)
            scoring_hide_known(&j->scoring, s, p, row);
        for (int64_t c = 0; c < width; c++)
            if (place[c] >= 0 && row[c] != -INFINITY)
                topk_offer_one(&j->best[place[c]], row[c], (int32_t)item);
    }
}

static void deliver_users(const struct users_job *j, int k, const int32_t *user, int64_t n,
                          struct scored *best, int *count)
{
    for (int64_t i = 0; i < n; i++)
        count[i] = topk_finish(&j->best[i]);
    for (int64_t i = 0; i < n; i++) {
        int64_t from = user[i] < 0 || j->place[user[i]] < 0 ? i : j->place[user[i]]; /* asked for twice */

        count[i] = count[from];
        for (int c = 0; c < count[i]; c++)
            best[i * k + c] = (struct scored){j->best[from].best[c].score + j->trained->shift,
                                              j->best[from].best[c].column};
    }
}

int rank_users(const struct trained *trained, const struct history_source *h, const struct rank_spec *spec,
               const int32_t *user, int64_t n, struct scored *best, int *count, struct error *err)
{
    struct histories items = {0};
    static const struct scoring_work work = {NULL, offer_items, NULL};
    struct users_job j = {.trained = trained, .spec = spec};
    int64_t block = 8 * trained->batch;
    int k = spec->k, rc = 0;
    struct scored *room = mem_array(n * 2 * k, sizeof *room);

    j.best = mem_alloc(n, sizeof *j.best);
    j.place = mem_alloc(trained->columns, sizeof *j.place);
    if (!room || !j.best || !j.place || !scoring_init(&j.scoring, trained)) {
        rc = error_set(err, PT_ENOMEM, "out of memory");
        goto end;
    }
    memset(j.place, 0xff, (size_t)trained->columns * sizeof *j.place);
    for (int64_t i = 0; i < n; i++) {
        topk_init(&j.best[i], k, room + i * 2 * k, 2 * k);
        if (user[i] >= 0 && !trained->untrained[user[i]])
            j.place[user[i]] = (int32_t)i;
    }
    for (int64_t e = 0; e < h->n && rc == 0; e += block) {
        histories_clear(&items);
        j.first = e;
        for (int64_t i = e; i < h->n && i < e + block && rc == 0; i++)
            if (!history_source_add(h, trained, i, &items))
                rc = error_set(err, PT_ENOMEM, "out of memory");
        if (rc == 0)
            rc = scoring_run(&j.scoring, &items, &work, &j, err);
    }
    if (rc == 0)
        deliver_users(&j, k, user, n, best, count);
end:
    histories_fini(&items);
    scoring_fini(&j.scoring);
    mem_free(j.best);
    mem_free(j.place);
    mem_free(room);
    return rc;
}
