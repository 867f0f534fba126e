/* rank_users.c - recommendations where items are the examples and users the columns: all items pass through
 * the model once, and each is offered to every user of the request. */
#include "serve/rank.h"

#include "base/mem.h"
#include "serve/rank_block.h"

#include <math.h>
#include <string.h>

struct users_job {
    struct trained *use;
    const struct rank_spec *spec;
    struct block block; /* some items with their ratings */
    int64_t first;      /* number of the first */
    float **score;      /* (workers) owned */
    int32_t *place;     /* (columns) where a user stands in the request; -1: not in it */
    struct topk *best;  /* (n) */
};

static void offer_items(struct worker *w, struct users_job *j, int s)
{
    const struct shard *cut = &j->use->cut[s];
    int64_t width = shard_width(cut), ld = row_pad(width);
    const int32_t *place = j->place + cut->begin;
    float *score = j->score[w->id];

    block_score(w, &j->block, s, score);
    for (int64_t p = 0; p < j->block.rows; p++) {
        int64_t at = j->block.begin + p, item = j->first + at;
        float *row = score + p * ld;

        if (j->block.in->row_count[at] == 0 || (j->spec->hidden && j->spec->hidden[item]))
            continue;
        if (!j->spec->keep_seen)
            block_hide_known(&j->block, s, p, row);
        for (int64_t c = 0; c < width; c++)
            if (place[c] >= 0 && row[c] != -INFINITY)
                topk_offer_one(&j->best[place[c]], row[c], (int32_t)item);
    }
}

static void offer_all(struct worker *w, void *arg)
{
    struct users_job *j = arg;
    int end, first = own_shards(w, j->use->model, &end);

    for (int64_t begin = 0; begin < j->block.n; begin += j->use->batch) {
        block_infer(w, &j->block, begin);
        for (int s = first; s < end; s++)
            offer_items(w, j, s);
        team_barrier(w);
    }
}

/* `items` against all users of the request. */
static int offer_block(struct users_job *j, const struct histories *items, struct error *err)
{
    int rc = block_init(&j->block, j->use, items, err);

    if (rc < 0)
        return rc;
    team_run(j->use->team, offer_all, j);
    block_fini(&j->block);
    return 0;
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
            best[i * k + c] =
                (struct scored){j->best[from].best[c].score + j->use->shift, j->best[from].best[c].column};
    }
}

int rank_users(struct trained *u, const struct history_source *h, const struct rank_spec *spec,
               const int32_t *user, int64_t n, struct scored *best, int *count, struct error *err)
{
    struct histories items = {0};
    struct users_job j = {.use = u, .spec = spec};
    int64_t block = 8 * u->batch;
    int k = spec->k, rc = 0;
    struct scored *room = mem_array(n * 2 * k, sizeof *room);

    j.best = mem_alloc(n, sizeof *j.best);
    j.place = mem_alloc(u->columns, sizeof *j.place);
    if (!room || !j.best || !j.place || !block_scores_init(&j.score, u)) {
        rc = error_set(err, PT_ENOMEM, "out of memory");
        goto end;
    }
    memset(j.place, 0xff, (size_t)u->columns * sizeof *j.place);
    for (int64_t i = 0; i < n; i++) {
        topk_init(&j.best[i], k, room + i * 2 * k, 2 * k);
        if (user[i] >= 0 && !u->untrained[user[i]])
            j.place[user[i]] = (int32_t)i;
    }
    for (int64_t e = 0; e < h->n && rc == 0; e += block) {
        histories_clear(&items);
        j.first = e;
        for (int64_t i = e; i < h->n && i < e + block && rc == 0; i++)
            if (!history_source_take(h, u, i, &items))
                rc = error_set(err, PT_ENOMEM, "out of memory");
        if (rc == 0)
            rc = offer_block(&j, &items, err);
    }
    if (rc == 0)
        deliver_users(&j, k, user, n, best, count);
end:
    histories_fini(&items);
    block_scores_free(j.score);
    mem_free(j.best);
    mem_free(j.place);
    mem_free(room);
    return rc;
}
