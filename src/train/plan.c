#include "train/plan.h"

#include "base/tensors.h"
#include "batch/batch.h"
#include "eval/metrics.h"
#include "eval/sieve.h"
#include "math/kernels.h"
#include "model/click_decoder.h"
#include "model/item_weights.h"
#include "par/reduce.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define FLOAT ((int64_t)sizeof(float))

/* The sizes that follow from the configuration. */
struct sizes {
    int64_t batch, eval, rows; /* rows: the larger */
    int64_t layer[2 * 32 + 4];
    int layers; /* widths, from the first hidden layer to the last */
    int64_t first_ld, last_ld;
    int workers, shards, ranks;
    bool softmax, mf, sgd, alternating;
    int64_t closed; /* items in the weights of a closed form; 0: another model */
};

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void measure(struct sizes *z, const struct config *c, const struct problem *p)
{
    int64_t n = problem_traits(c)->by_rating ? p->cells.n : p->examples;

    *z = (struct sizes){.workers = team_workers(p->team),
                        .shards = p->shards,
                        .ranks = team_ranks(p->team)->count,
                        .softmax = problem_is_binary(c),
                        .mf = problem_traits(c)->by_rating,
                        .sgd = problem_is_sgd(c),
                        .alternating = problem_traits(c)->alternating};
    z->closed = problem_traits(c)->closed ? item_weights_kept(p->columns, c->items_most) : 0;
    z->batch = c->batch < n || c->last_batch != LAST_KEEP ? c->batch : n;
    z->eval = c->eval_batch < p->examples ? c->eval_batch : p->examples;
    z->rows = most(z->batch, z->eval);
    for (int i = 0; i < c->hidden.n && i < 32; i++)
        z->layer[z->layers++] = c->hidden.value[i];
    if (z->softmax) {
        z->layer[z->layers++] = c->latent;
        for (int i = c->hidden.n - 1; i >= 0 && z->layers < 64 && c->decoder == DECODER_MIRROR; i--)
            z->layer[z->layers++] = c->hidden.value[i];
    }
    if (z->mf) {
        z->layers = 1;
        z->layer[0] = c->latent;
    }
    if (z->closed) {
        z->layers = 1;
        z->layer[0] = z->closed;
        z->softmax = false;
    }
    /* A Multi-VAE without hidden layers encodes means and log variances at once. */
    z->first_ld = row_pad(problem_traits(c)->variational && c->hidden.n == 0 ? 2 * c->latent : z->layer[0]);
    z->last_ld = row_pad(z->layer[z->layers - 1]);
}

/* Of weights and moments of a table of `rows` rows cut into `shards`: a block of whole pages each, and the
 * steps that each row has seen. */
static int64_t table_bytes(int64_t rows, int64_t ld, int64_t shards)
{
    const int64_t page = 4096, block = rows / shards + 1;

    return shards * ((3 * block * (ld + 1) * FLOAT + page - 1) / page * page) +
           rows * (int64_t)sizeof(int32_t);
}

/* Weights and moments in bytes, padding included. */
static int64_t weight_bytes(const struct sizes *z, const struct config *c, const struct problem *p)
{
    int64_t floats = z->first_ld, tables;

    if (z->mf)
        return table_bytes(p->users, z->first_ld,
                           z->sgd ? p->shards : shard_count(p->users, z->first_ld, false)) +
               table_bytes(p->items, z->first_ld, p->shards);
    tables = table_bytes(p->columns, z->first_ld, p->shards) + table_bytes(p->columns, z->last_ld, p->shards);
    for (int l = 0; l + 1 < z->layers; l++) {
        int64_t out = z->layer[l + 1];

        if (problem_traits(c)->variational && l == c->hidden.n - 1)
            out *= 2; /* mean and log variance */
        floats += out * row_pad(z->layer[l]) + (c->layer_norm && z->softmax ? 3 : 1) * row_pad(out);
    }
    return tables + 3 * floats * FLOAT;
}

static int64_t logit_bytes(const struct problem *p, int64_t block)
{
    int64_t floats = 0;

    for (int s = 0; s < p->shards; s++)
        floats += block * row_pad(shard_width(&p->cut[s]));
    return floats * FLOAT;
}

/* In precision bf16: each hidden layer's weights, and what products read, each stored twice; a worker has its
 * own room. Blocks of `block` examples. */
static int64_t rounded_bytes(const struct sizes *z, const struct config *c, const struct problem *p,
                             int64_t block)
{
    int64_t words = 0, widest = 0, columns = row_pad(shards_widest(p->cut, p->shards));

    if (c->precision != PRECISION_BF16)
        return 0;
    for (int l = 0; l < z->layers; l++)
        widest = most(widest, row_pad(2 * z->layer[l]) + 16);
    for (int l = 0; l + 1 < z->layers; l++)
        words += 2 * bf16_words(2 * z->layer[l + 1], row_pad(z->layer[l]));
    words += z->workers * bf16_words(z->batch, widest);
    if (z->softmax)
        words += 2 * (bf16_words(block, z->last_ld) + z->workers * bf16_words(block, columns)) +
                 z->workers * bf16_words(CLICK_PANELS * ROW_ALIGN, most(columns, z->last_ld));
    return words * (int64_t)sizeof(uint32_t);
}

/* What the decoder of a softmax model keeps besides its weights, for blocks of `block` examples. */
static int64_t click_decoder_bytes(const struct sizes *z, const struct config *c, const struct problem *p,
                                   int64_t block)
{
    bool keep = block < z->batch || c->clip_norm > 0.0; /* the whole gradient, or some rows a worker */
    int64_t gradient = (keep ? p->columns : z->workers * SOFTMAX_ROWS) * z->last_ld;

    return logit_bytes(p, block) + gradient * FLOAT + p->shards * block * 24 + rounded_bytes(z, c, p, block);
}

static int64_t block_of(const struct sizes *z, const struct config *c)
{
    return c->microbatch && c->microbatch < z->batch ? c->microbatch : z->batch;
}

/* Users' factors and both lists; a system and its factor a worker. Several ranks: the items' factors, what
 * the lists are made from, users on their way. */
static int64_t alternating_bytes(const struct sizes *z, const struct problem *p)
{
    int64_t ld = z->first_ld, system = normal_floats(ld) * FLOAT;
    int64_t others = p->items * ld * FLOAT + p->train->entries * 20 + 64 * (system + ld * FLOAT);

    return p->train->entries * 16 + p->users * (ld * FLOAT + 24) + p->items * 24 +
           (2 * z->workers + z->shards + 1) * system + (z->workers * 160 + z->eval) * ld * FLOAT +
           (z->ranks > 1 ? others : 0);
}

/* Ratings in blocks; of each row a mean, a penalty, a sum and what makes blocks. Several ranks: item shards
 * on their way. */
static int64_t block_bytes(const struct sizes *z, const struct problem *p)
{
    int slots = z->ranks > 1 ? z->shards / z->ranks + 2 : 0;

    return p->cells.n * 8 + 3 * (int64_t)z->shards * z->shards * 8 + (p->users + p->items) * 24 +
           z->eval * (z->first_ld + 1) * FLOAT +
           mf_ring_floats(shards_widest(p->cut, p->shards), z->first_ld, slots) * FLOAT;
}

/* Shared counts that are there already are among the process's memory. */
static int64_t solver_bytes(const struct sizes *z, const struct problem *p, int64_t kept)
{
    bool counts = p->counts && !p->counts->count;

    return item_solver_bytes(p->train, kept, z->workers) + (counts ? item_counts_bytes(p->train, kept) : 0);
}

/* -1: out of memory. */
static int64_t batch_bytes(const struct sizes *z, const struct config *c, const struct problem *p)
{
    int64_t views, bytes = 0;

    if (z->alternating)
        return alternating_bytes(z, p);
    if (z->closed)
        return solver_bytes(z, p, z->closed);
    if (z->sgd)
        return block_bytes(z, p);
    if (z->mf)
        return 2 * z->batch * (2 * z->first_ld + 4) * FLOAT + (p->users + p->items) * 8 +
               z->eval * z->first_ld * FLOAT + p->users * 8;
    views = view_bytes_of(p->train, z->batch);
    if (views < 0)
        return -1;
    bytes += views + reduce_bytes(z->shards, z->workers, z->rows, z->first_ld);
    if (z->last_ld != z->first_ld ||
        z->softmax) /* the softmax's shards have other workers than the encoder's */
        bytes += reduce_bytes(z->shards, z->workers, z->batch, z->last_ld);
    for (int l = 0; l < z->layers; l++)
        bytes += (c->layer_norm && z->softmax ? 4 : 2) * z->rows * row_pad(2 * z->layer[l]) * FLOAT;
    bytes += z->softmax ? click_decoder_bytes(z, c, p, block_of(z, c))
                        : views / 4 + z->workers * shards_widest(p->cut, p->shards) * z->last_ld * FLOAT +
                              rounded_bytes(z, c, p, z->batch);
    if (problem_traits(c)->in_turn) /* the prior; orders of the passes */
        bytes += p->examples * (row_pad(2 * c->latent) * FLOAT + 8 * RECVAE_PASSES);
    return bytes + 8 * p->examples; /* the order of the examples */
}

/* Of rankings, for blocks of `rows` examples: each worker's best columns, and what it has recommended. */
static int64_t ranking_bytes(const struct sizes *z, const struct config *c, const struct problem *p,
                             int64_t rows)
{
    int64_t k = 0, best;
    bool coverage = false;
    struct metric m;

    for (int i = 0; i < c->metrics.n; i++)
        if (metric_parse(&m, c->metrics.value[i], NULL) == 0) {
            k = most(k, m.k); /* 0 of those that rank nothing */
            coverage |= m.kind == METRIC_COVERAGE;
        }
    if (!k)
        return 0;
    k = k < p->columns ? k : p->columns;
    best = topk_capacity((int)k) * (int64_t)sizeof(struct scored) + (int64_t)sizeof(struct topk);
    best = z->workers * (rows * best + (coverage ? c->metrics.n * p->columns : 0));
    if (p->kern->bf16_fast && !z->closed && k <= sieve_most(p->columns))
        best += sieve_bytes(p->columns, z->last_ld, rows, z->workers, (int)k);
    return best;
}

static int64_t part_bytes(const struct sizes *z, const struct config *c, const struct problem *p,
                          const struct eval_part *j)
{
    const struct matrix *m[] = {j->in, j->out, j->seen};
    int64_t bytes = 0, rows;

    if (!j->out)
        return 0;
    rows = z->eval;
    for (int i = 0; i < 3; i++) {
        int64_t views = m[i] ? view_bytes_of(m[i], rows) : 0;

        if (views < 0)
            return -1;
        bytes += views;
    }
    bytes += z->shards * rows * 40 + p->examples * 8 * (2 + c->metrics.n);
    return bytes + z->workers * rows * shards_widest(p->cut, p->shards) * FLOAT +
           ranking_bytes(z, c, p, rows);
}

/* Memory of the process now. */
static int64_t resident(void)
{
    long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (!f)
        return 0;
    if (fscanf(f, "%*s %lld", &pages) != 1)
        pages = 0;
    fclose(f);
    return pages * (int64_t)sysconf(_SC_PAGESIZE);
}

static int64_t limit_of(const struct problem *p)
{
    struct topo_facts f;

    topo_facts(p->topo, &f);
    return f.memory_limit && f.memory_limit < f.memory ? f.memory_limit : f.memory;
}

/* The largest microbatch that fits, among halves of the minibatch. */
static int64_t fitting_microbatch(const struct memory_plan *m, const struct sizes *z, const struct config *c,
                                  const struct problem *p)
{
    int64_t others = m->total - click_decoder_bytes(z, c, p, block_of(z, c));

    for (int64_t block = block_of(z, c) / 2; block > 0; block /= 2)
        if (others + click_decoder_bytes(z, c, p, block) <= m->limit)
            return block;
    return 0;
}

/* The largest hundred of items whose squares would do; what grows with items alone has a fiftieth of the
 * room. */
static int64_t fitting_items(const struct memory_plan *m, int64_t bytes, int64_t items)
{
    double squares = (double)bytes / (double)items / (double)items;
    double room = 0.98 * (double)(m->limit - (m->total - bytes));

    return room > 0.0 ? (int64_t)sqrt(room / squares) / 100 * 100 : 0;
}

int plan_make(struct memory_plan *out, const struct config *c, const struct problem *p, bool folder,
              struct error *err)
{
    struct sizes z;
    int64_t valid, test;

    measure(&z, c, p);
    *out = (struct memory_plan){.data = resident(), .limit = limit_of(p)};
    out->weights = z.alternating ? p->columns * z.first_ld * FLOAT
                   : z.closed    ? z.closed * z.first_ld * FLOAT
                                 : weight_bytes(&z, c, p) / 3;
    out->moments = z.closed || z.alternating ? 0
                   : z.sgd                   ? (p->users + p->items) * 2 * FLOAT
                                             : 2 * out->weights;
    out->files = out->weights;
    if (folder) /* let go span by span */
        out->files = most(out->weights / p->shards, TENSORS_PIECE);
    if (out->files > out->weights)
        out->files = out->weights;
    out->batch = batch_bytes(&z, c, p);
    valid = part_bytes(&z, c, p, &p->valid);
    test = part_bytes(&z, c, p, &p->test);
    TRY(need_memory(out->batch >= 0 && valid >= 0 && test >= 0, err));
    if (c->ease && z.softmax) { /* its solver is there when training is done, beside all else */
        int64_t kept = item_weights_kept(p->columns, c->items_most);

        out->companion = kept * row_pad(kept) * FLOAT + solver_bytes(&z, p, kept);
        out->weights += kept * row_pad(kept) * FLOAT;
        out->batch += solver_bytes(&z, p, kept);
    }
    out->logits = z.softmax ? logit_bytes(p, block_of(&z, c)) : 0;
    out->evaluation = valid + test;
    out->total = out->data + out->weights + out->moments + out->batch + out->evaluation + out->files;
    if (!out->limit || out->total <= out->limit)
        return 0;
    if (z.closed)
        out->items_most = fitting_items(out, out->weights + out->batch + out->files, z.closed);
    else if (out->companion && out->total - out->companion <= out->limit)
        out->items_most = fitting_items(out, out->companion, item_weights_kept(p->columns, c->items_most));
    else if (z.softmax)
        out->microbatch = fitting_microbatch(out, &z, c, p);
    return 0;
}

int plan_check(const struct memory_plan *m, const struct config *c, struct error *err)
{
    const double gib = 1024.0 * 1024.0 * 1024.0;
    char cure[160];

    if (!m->limit || m->total <= m->limit)
        return 0;
    if (problem_traits(c)->closed)
        return error_set(
            err, PT_ENOMEM,
            "not enough memory: ease would take %.2f GiB, of it %.2f for the items squared, and there are "
            "%.2f GiB; keep the most popular items only: model.items_most=%lld would fit",
            (double)m->total / gib, (double)(m->weights + m->batch) / gib, (double)m->limit / gib,
            (long long)m->items_most);
    if (m->items_most)
        snprintf(cure, sizeof cure,
                 "model.ease would take %.2f of them; model.items_most=%lld, the popular ones, would fit, or "
                 "model.ease=off",
                 (double)m->companion / gib, (long long)m->items_most);
    else if (m->microbatch)
        snprintf(cure, sizeof cure, "train.microbatch=%lld would fit", (long long)m->microbatch);
    else if (m->weights + m->moments + m->data > m->limit)
        snprintf(cure, sizeof cure, "the model itself is too large: lower %s",
                 problem_traits(c)->by_rating ? "model.latent" : "model.hidden");
    else if (m->evaluation > m->batch)
        snprintf(cure, sizeof cure, "lower eval.batch (%lld)", (long long)c->eval_batch);
    else
        snprintf(cure, sizeof cure, "lower train.batch (%lld)", (long long)c->batch);
    return error_set(
        err, PT_ENOMEM,
        "not enough memory: the run needs %.2f GiB (data %.2f, weights %.2f, moments %.2f, "
        "minibatch %.2f, of it logits %.2f, evaluation %.2f, files %.2f), and there are %.2f GiB; %s",
        (double)m->total / gib, (double)m->data / gib, (double)m->weights / gib, (double)m->moments / gib,
        (double)m->batch / gib, (double)m->logits / gib, (double)m->evaluation / gib, (double)m->files / gib,
        (double)m->limit / gib, cure);
}
