/* click_decoder_init.c - memory of the softmax layer, touched first by whoever will use it. */
#include "model/click_decoder.h"

#include <string.h>

static void touch(struct worker *w, void *arg)
{
    struct click_decoder *d = arg;
    int64_t first, end;

    team_own(w, d->w.shards, &first, &end);
    for (int64_t s = first; s < end; s++) {
        struct click_decoder_shard *own = &d->shard[s];

        memset(own->block, 0, (size_t)(d->block * own->ld) * sizeof(float));
        memset(own->hit, 0, (size_t)d->stats_bytes);
        memset(own->gb, 0, (size_t)own->ld * sizeof(float));
        if (d->keep)
            memset(own->gradient, 0, (size_t)(shard_width(&d->w.cut[s]) * d->w.ld) * sizeof(float));
    }
    if (!d->keep)
        memset(d->gradient[w->id], 0, 64);
}

/* A shard's statistics are whole cache lines: no two workers write to one. */
static void init_stats(struct click_decoder *d)
{
    int64_t rows = (d->block + 7) / 8 * 8;

    d->stats_bytes = rows * (int64_t)(2 * sizeof(double) + 2 * sizeof(float));
    d->stats = mem_pool_array(&d->pool, d->w.shards * d->stats_bytes, 1);
    for (int s = 0; s < d->w.shards && d->stats; s++) {
        struct click_decoder_shard *own = &d->shard[s];

        own->hit = (double *)(void *)(d->stats + s * d->stats_bytes);
        own->mass = own->hit + rows;
        own->max = (float *)(void *)(own->mass + rows);
        own->sum = own->max + rows;
    }
}

/* Arrays of a worker's shards; their blocks lie one after the other, in huge pages. */
static void init_own_shards(struct click_decoder *d, int worker)
{
    int64_t first, end, floats = 0;
    float *at;

    team_own(team_worker(d->model->eng.team, worker), d->w.shards, &first, &end);
    for (int64_t s = first; s < end; s++) {
        d->shard[s].ld = row_pad(shard_width(&d->w.cut[s]));
        floats += d->block * d->shard[s].ld;
    }
    at = mem_pool_array(&d->pool, floats, sizeof *at);
    for (int64_t s = first; s < end && at; s++) {
        struct click_decoder_shard *own = &d->shard[s];

        own->block = at;
        at += d->block * own->ld;
        own->gb = mem_pool_array(&d->pool, own->ld, sizeof(float));
        d->scale[s] = mem_pool_array(&d->pool, d->block, sizeof(float));
        if (d->keep)
            own->gradient = mem_pool_array(&d->pool, shard_width(&d->w.cut[s]) * d->w.ld, sizeof(float));
    }
}

static void init_rounded(struct click_decoder *d)
{
    struct click_decoder_rounded *r = &d->rounded;
    int64_t codes = bf16_words(d->block, d->w.ld), widest = 0, errors, panels;

    for (int s = 0; s < d->w.shards; s++)
        widest = d->shard[s].ld > widest ? d->shard[s].ld : widest;
    r->words = bf16_words(d->block, widest);
    r->panel_words = bf16_words(CLICK_PANELS * ROW_ALIGN, widest > d->w.ld ? widest : d->w.ld);
    errors = team_workers(d->model->eng.team) * r->words;
    panels = team_workers(d->model->eng.team) * r->panel_words;
    r->h = mem_pool_array(&d->pool, 2 * (codes + errors) + panels, sizeof *r->h);
    if (!r->h)
        return;
    r->h_down = r->h + codes;
    r->e = r->h_down + codes;
    r->e_down = r->e + errors;
    r->w = r->e_down + errors;
    r->row = mem_pool_arrays(&d->pool, team_workers(d->model->eng.team), 2 * widest);
}

int click_decoder_init(struct click_decoder *d, struct model *m, int k, struct error *err)
{
    const struct matrix *x = m->eng.train;
    int workers = team_workers(m->eng.team), rc;

    *d = (struct click_decoder){.model = m};
    d->block = m->spec.microbatch && m->spec.microbatch < m->spec.batch ? m->spec.microbatch : m->spec.batch;
    d->keep = d->block < m->spec.batch || m->spec.clip_norm > 0.0;
    if ((rc = table_init(&d->w, "decoder.weight", "decoder.bias", x->columns, k, !m->spec.fixed, x->cut,
                         x->shards, m->eng.team, err)) < 0 ||
        (rc = reduce_new(&d->reduce, x->shards, m->eng.team, NULL, m->spec.batch, row_pad(k), err)) < 0)
        return rc;
    d->shard = mem_pool_zalloc(&d->pool, x->shards, sizeof *d->shard);
    d->scale = mem_pool_zalloc(&d->pool, x->shards, sizeof *d->scale);
    d->norm = mem_pool_zalloc(&d->pool, x->shards, sizeof *d->norm);
    d->row_loss = mem_pool_zalloc(&d->pool, m->spec.batch, sizeof *d->row_loss);
    if (!d->keep)
        d->gradient = mem_pool_arrays(&d->pool, workers, SOFTMAX_ROWS * d->w.ld);
    if (!d->pool.failed)
        init_stats(d);
    for (int i = 0; i < workers && !d->pool.failed; i++)
        init_own_shards(d, i);
    if (m->spec.bf16 && !d->pool.failed)
        init_rounded(d);
    if (d->pool.failed)
        return error_set(err, PT_ENOMEM,
                         "softmax layer: out of memory for %lld x %lld logits; set train.microbatch to hold "
                         "fewer at once",
                         (long long)d->block, (long long)x->columns);
    team_run(m->eng.team, touch, d);
    return 0;
}

void click_decoder_fini(struct click_decoder *d)
{
    mem_pool_free(&d->pool);
    reduce_free(d->reduce);
    table_fini(&d->w);
    *d = (struct click_decoder){0};
}
