/* mf_means.c - two shrunken means: the initial biases.
 *
 * A bias is taken as a normal draw of variance t, a rating as off by variance v; the shrinkage is l = v / t.
 * Both are estimated as by EM: a row of n ratings leaves its bias uncertain by v / (n + l), so
 *     t = mean over the rows with ratings of (b^2 + v / (n + l))
 *     v = mean over the ratings of ((r - b_u - b_i)^2 + v / (n_u + l_u) + v / (n_i + l_i))
 * Sums are taken within a shard block by block, then over shards in their order. */
#include "model/mf_sgd.h"

#include "base/real.h"

#include <string.h>

enum { ROUNDS = 10, SQUARE = 0, UNSURE, SPREAD, ROWS }; /* the latter: of mf_sgd.partial */
#define EDGE 0.02 /* of the output range: ratings nearer to its ends than that count as there */

struct means {
    struct mf_sgd *s;
    double mean, v, t[2]; /* t: of users, items */
};

/* The score that would give a rating. */
static double score_of(const struct model_spec *spec, float value)
{
    double share;

    if (!(spec->range_high > spec->range_low))
        return (double)value;
    share = ((double)value - spec->range_low) / (spec->range_high - spec->range_low);
    share = share < EDGE ? EDGE : share > 1.0 - EDGE ? 1.0 - EDGE : share;
    return real_log(share / (1.0 - share));
}

/* The other half of mf_sgd.sum belongs to the items. */
static void renew(struct means *m, bool items, int64_t shard)
{
    const struct mf_sgd *s = m->s;
    const struct sgd_side *side = items ? &s->item : &s->user;
    const struct table *t = side->t;
    const double *sum = s->sum + (items ? s->mf.user.t.columns : 0);
    double l = m->v / m->t[items], *out = s->partial[shard];

    out[UNSURE] = out[SPREAD] = out[ROWS] = 0.0;
    for (int64_t row = t->cut[shard].begin; row < t->cut[shard].end; row++) {
        double n = (double)side->count[row], b = n > 0.0 ? sum[row] / (n + l) : 0.0;

        side->mean[row] = (float)(items ? m->mean + b : b);
        if (n > 0.0) {
            out[SPREAD] += b * b + m->v / (n + l);
            out[UNSURE] += n * m->v / (n + l);
            out[ROWS] += 1.0;
        }
    }
}

/* The side's sums over its shard: of the residuals that its means are made of. */
static void add_up(struct means *m, bool items, int64_t shard)
{
    struct mf_sgd *s = m->s;
    const struct model_spec *spec = &s->mf.model.spec;
    const struct table *user = &s->mf.user.t, *item = &s->mf.item.t;
    const struct shard *own = items ? &item->cut[shard] : &user->cut[shard];
    double *sum = s->sum + (items ? user->columns : 0), square = 0.0;

    memset(sum + own->begin, 0, (size_t)shard_width(own) * sizeof *sum);
    for (int64_t k = 0; k < s->p; k++) {
        int64_t a = items ? k : shard, b = items ? shard : k;

        for (int64_t i = s->start[a * s->p + b]; i < s->start[a * s->p + b + 1]; i++) {
            const struct sgd_rating *r = &s->rating[i];
            int64_t u = user->cut[a].begin + (r->at >> s->shift);
            int64_t c = item->cut[b].begin + (r->at & (((int64_t)1 << s->shift) - 1));
            double value = score_of(spec, r->value), left = value - (double)s->item.mean[c];

            square += (left - (double)s->user.mean[u]) * (left - (double)s->user.mean[u]);
            if (items)
                sum[c] += value - m->mean - (double)s->user.mean[u];
            else
                sum[u] += left;
        }
    }
    s->partial[shard][SQUARE] = square;
}

/* Serial: what the shards have together. */
static void estimate(struct means *m, bool items, double unsure_before, double *unsure)
{
    double all[4] = {0}, n = (double)m->s->mf.model.eng.cells->n;

    for (int i = 0; i < m->s->p; i++)
        for (int j = 0; j < 4; j++)
            all[j] += m->s->partial[i][j];
    m->v = (all[SQUARE] + unsure_before + all[UNSURE]) / n;
    m->t[items] = all[SPREAD] / all[ROWS];
    *unsure = all[UNSURE];
}

static void find_means(struct worker *w, void *arg)
{
    struct means *m = arg;
    int64_t first, end;
    double unsure = 0.0;

    team_range(m->s->p, w->id, w->count, &first, &end);
    for (int half = 0; half < 2 * ROUNDS; half++) {
        bool items = half % 2 == 0;

        for (int64_t i = first; i < end; i++) {
            add_up(m, items, i);
            renew(m, items, i);
        }
        team_barrier(w);
        if (w->id == 0)
            estimate(m, items, unsure, &unsure);
        team_barrier(w);
    }
}

static void put_biases(const struct sgd_side *side)
{
    const struct table *t = side->t;

    for (int i = 0; i < t->shards; i++)
        if (t->part[i].bias.w)
            memcpy(t->part[i].bias.w, side->mean + t->cut[i].begin,
                   (size_t)shard_width(&t->cut[i]) * sizeof *side->mean);
}

void mf_two_means(struct mf_sgd *s)
{
    const struct table *user = &s->mf.user.t, *item = &s->mf.item.t;
    const struct cells *cells = s->mf.model.eng.cells;
    struct means m = {.s = s};
    double square = 0.0;

    for (int64_t i = 0; i < cells->n; i++)
        m.mean += score_of(&s->mf.model.spec, s->rating[i].value);
    m.mean /= cells->n ? (double)cells->n : 1.0;
    for (int64_t i = 0; i < cells->n; i++) {
        double off = score_of(&s->mf.model.spec, s->rating[i].value) - m.mean;

        square += off * off;
    }
    memset(s->user.mean, 0, (size_t)user->columns * sizeof *s->user.mean);
    for (int64_t c = 0; c < item->columns; c++)
        s->item.mean[c] = (float)m.mean;
    if (square > 0.0) { /* else all ratings are the same */
        m.v = 0.7 * square / (double)cells->n;
        m.t[0] = m.t[1] = 0.15 * square / (double)cells->n;
        team_run(s->mf.model.eng.team, find_means, &m);
    }
    put_biases(&s->user);
    put_biases(&s->item);
}
