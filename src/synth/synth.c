#include "synth/synth.h"

#include "base/mem.h"
#include "base/rng.h"
#include "synth/synth_math.h"
#include "synth/synth_world.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- stars ---- */

static const double NOISE = 0.82; /* standard deviation */

/* below[k]: the chance that fewer than k of 64 bits are ones. */
static void binomial(double below[66])
{
    double chance = synth_power2(-64);

    below[0] = 0;
    for (int k = 0; k <= 64; k++) {
        below[k + 1] = below[k] + chance;
        chance = chance * (double)(64 - k) / (double)(k + 1);
    }
}

/* The chance that synth_normal gives less than z: ones plus a uniform part is less than x. */
static double normal_below(const double below[66], double z)
{
    double x = z * SYNTH_NORMAL_UNIT + 32.5, k = floor(x);

    if (x <= 0)
        return 0;
    if (x >= 65)
        return 1;
    return below[(int)k] + (x - k) * (below[(int)k + 1] - below[(int)k]);
}

void synth_stars_init(struct synth_stars *s, double low, double step)
{
    double below[66];

    binomial(below);
    s->low = low;
    s->step = step;
    for (int i = 0; i <= STARS_CELLS; i++) {
        double truth = (double)i / STARS_GRID, mean = low;

        /* Each further star is given when truth + noise is at least half a step below it. */
        for (double star = low + step; star <= 5.0; star += step)
            mean += step * (1.0 - normal_below(below, (star - step / 2.0 - truth) / NOISE));
        s->expected[i] = mean;
    }
}

double synth_stars_give(const struct synth_stars *s, double truth, uint32_t a, uint32_t b, uint32_t c)
{
    double value = truth + NOISE * synth_normal(a, b, c);

    value = floor(value / s->step + 0.5) * s->step;
    return value < s->low ? s->low : value > 5.0 ? 5.0 : value;
}

double synth_stars_expected(const struct synth_stars *s, double truth)
{
    double x = truth * STARS_GRID;
    int cell = (int)x;

    if (cell >= STARS_CELLS)
        return s->expected[STARS_CELLS];
    return s->expected[cell] + (x - cell) * (s->expected[cell + 1] - s->expected[cell]);
}

/* ---- the set ---- */

/* Where there are half stars: share of the users who give whole ones only all the same. */
static const double WHOLE_STARS = 0.48;

/* What is drawn for a user, and where the emission stands. */
struct draft {
    const struct synth_world *w;
    struct ratings *r;
    int32_t *row;       /* (items): the item's row in r->items, -1 before its first rating */
    int32_t *taken_by;  /* (items): 1 + the last user who took it */
    struct racer *race; /* (items) */
    int64_t *reserved;  /* (items): item of each stratum */
    struct synth_stars whole, half;
    double squares; /* of rating - expected rating */
};

/* An item in the race of race_rest. */
struct racer {
    double finish;
    int32_t item;
};

static int put_name(struct idtable *t, int64_t number)
{
    char name[24];
    int n = snprintf(name, sizeof name, "%" PRId64, number + 1);

    return idtable_put(t, name, (size_t)n) < 0 ? -1 : 0;
}

static int name_item(struct draft *d, int64_t item)
{
    int64_t row = idtable_count(d->r->items);
    char title[32];

    snprintf(title, sizeof title, "Film %" PRId64, item + 1);
    d->row[item] = (int32_t)row;
    d->r->title[row] = mem_strdup(title);
    return d->r->title[row] ? put_name(d->r->items, item) : -1;
}

/* Adds the pair (user, item); rate_all sets the rating later. */
static int add_choice(struct draft *d, int64_t user, int64_t item)
{
    if (d->row[item] < 0 && name_item(d, item) < 0)
        return -1;
    d->taken_by[item] = (int32_t)user + 1;
    d->r->user[d->r->n] = (int32_t)user;
    d->r->item[d->r->n] = (int32_t)item; /* a row only after rate_all */
    d->r->n++;
    return 0;
}

static int by_finish(const void *a, const void *b)
{
    const struct racer *x = a, *y = b;

    if (x->finish != y->finish)
        return x->finish < y->finish ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

/* Takes `want` of the items that are left, for users to whom few are: each item finishes after an
 * exponential time at the rate of its weight, the first ones are taken. This has the same distribution
 * as proposing until one is accepted, whatever is left. */
static int race_rest(struct draft *d, int64_t user, int64_t want)
{
    const struct synth_world *w = d->w;
    int64_t n = 0;

    for (int64_t i = 0; i < w->shape.items; i++) {
        uint32_t word;
        double rate;

        if (d->taken_by[i] == user + 1)
            continue;
        word = rng_philox(w->seed, RNG_SYNTH, SYNTH_RACE, (uint32_t)user, (uint32_t)i).word[0];
        rate = w->weight[i] * w->taste[synth_taste_step(synth_affinity(w, user, i))];
        d->race[n++] = (struct racer){-synth_log(((double)word + 0.5) / 4294967296.0) / rate, (int32_t)i};
    }
    qsort(d->race, (size_t)n, sizeof *d->race, by_finish);
    for (int64_t j = 0; j < want; j++) {
        if (add_choice(d, user, d->race[j].item) < 0)
            return -1;
    }
    return 0;
}

/* Takes `want` items with chances of popularity times taste: an item proposed by popularity is accepted
 * by taste. Proposals are cheap but unbounded, the race costs as much as a proposal per item. */
static int choose(struct draft *d, int64_t user, int64_t want)
{
    const struct synth_world *w = d->w;
    int64_t limit = 2 * w->shape.items;

    for (uint32_t group = 0; want > 0; group++) {
        struct rng4 words = rng_philox(w->seed, RNG_SYNTH, SYNTH_CHOICE, (uint32_t)user, group);

        if (group > limit)
            return race_rest(d, user, want);
        for (int k = 0; k < 4 && want > 0; k += 2) {
            uint64_t place = (uint64_t)words.word[k] * (uint64_t)w->shape.items;
            int64_t item = (int64_t)(place >> 32);

            if ((uint32_t)place >= w->alias[item].keep)
                item = w->alias[item].other;
            if (d->taken_by[item] == user + 1)
                continue;
            if (words.word[k + 1] > w->accept[synth_taste_step(synth_affinity(w, user, item))])
                continue;
            if (add_choice(d, user, item) < 0)
                return -1;
            want--;
        }
    }
    return 0;
}

/* Each item is promised one rating, so that none is without: the ratings, user after user, are cut into
 * as many strata as there are items, and the user in whose range the middle of a stratum lies takes the
 * item of the stratum. Middles are at least 1 apart, so nobody takes more than activity allows. */
static int add_reserved(struct draft *d, int64_t user, int64_t end, int64_t *stratum)
{
    int64_t items = d->w->shape.items, width = d->w->shape.ratings / items,
            rest = d->w->shape.ratings % items;

    for (; *stratum < items; ++*stratum) {
        int64_t middle = *stratum * width + *stratum * rest / items + width / 2;

        if (middle >= end)
            break;
        if (add_choice(d, user, d->reserved[*stratum]) < 0)
            return -1;
    }
    return 0;
}

/* Rates what the user took, ratings [begin, n), and turns items into rows. */
static void rate_all(struct draft *d, int64_t user, int64_t begin)
{
    const struct synth_world *w = d->w;
    struct ratings *r = d->r;
    uint32_t coin = rng_philox(w->seed, RNG_SYNTH, SYNTH_NOISE, (uint32_t)user, UINT32_MAX).word[0];
    bool half = w->shape.half_stars && (double)coin >= WHOLE_STARS * 4294967296.0;
    const struct synth_stars *stars = half ? &d->half : &d->whole;

    for (int64_t j = begin; j < r->n; j++) {
        struct rng4 g = rng_philox(w->seed, RNG_SYNTH, SYNTH_NOISE, (uint32_t)user, (uint32_t)(j - begin));
        double truth = synth_truth(w, user, r->item[j]);
        double value = synth_stars_give(stars, truth, g.word[0], g.word[1], g.word[2]);
        double error = value - synth_stars_expected(stars, truth);

        d->squares += error * error;
        r->value[j] = (float)value;
        r->item[j] = d->row[r->item[j]];
        if (j == 0 || r->value[j] < r->low)
            r->low = r->value[j];
        if (j == 0 || r->value[j] > r->high)
            r->high = r->value[j];
    }
}

static int draw_all(struct draft *d)
{
    const struct synth_world *w = d->w;
    struct rng_stream s = rng_stream(w->seed, RNG_SYNTH, SYNTH_RESERVED, 0);
    int64_t stratum = 0;

    synth_stars_init(&d->whole, 1.0, 1.0);
    synth_stars_init(&d->half, 0.5, 0.5);
    rng_permutation(&s, w->shape.items, d->reserved);
    for (int64_t i = 0; i < w->shape.items; i++) {
        d->row[i] = -1;
        d->taken_by[i] = 0;
    }
    for (int64_t u = 0; u < w->shape.users; u++) {
        int64_t begin = d->r->n, end = begin + w->activity[u];

        if (put_name(d->r->users, u) < 0 || add_reserved(d, u, end, &stratum) < 0 ||
            choose(d, u, end - d->r->n) < 0)
            return -1;
        rate_all(d, u, begin);
    }
    d->r->noise_floor = sqrt(d->squares / (double)d->r->n);
    return 0;
}

int synth_make(struct ratings **out, const char *name, uint64_t seed, struct error *err)
{
    struct synth_shape shape;
    scoped(synth_world_free) struct synth_world *w = NULL;
    scoped(ratings_free) struct ratings *r = NULL;
    scoped_value(mem_pool_free) struct mem_pool pool = {0};
    struct draft d;

    TRY(synth_shape_find(&shape, name, err));
    TRY(synth_world_new(&w, &shape, seed, err));
    r = mem_zalloc(1, sizeof *r);
    if (r) {
        r->user = mem_array(shape.ratings, sizeof *r->user);
        r->item = mem_array(shape.ratings, sizeof *r->item);
        r->value = mem_array(shape.ratings, sizeof *r->value);
        r->users = idtable_new();
        r->items = idtable_new();
        r->title = mem_zalloc(shape.items, sizeof *r->title);
    }
    d = (struct draft){.w = w,
                       .r = r,
                       .row = mem_pool_alloc(&pool, shape.items, sizeof *d.row),
                       .taken_by = mem_pool_alloc(&pool, shape.items, sizeof *d.taken_by),
                       .race = mem_pool_alloc(&pool, shape.items, sizeof *d.race),
                       .reserved = mem_pool_alloc(&pool, shape.items, sizeof *d.reserved)};
    if (!r || !r->user || !r->item || !r->value || !r->users || !r->items || !r->title || pool.failed ||
        draw_all(&d) < 0)
        return error_set(err, PT_ENOMEM, "data.path: no memory for synth:%s, %" PRId64 " ratings", name,
                         shape.ratings);
    r->lines_read = r->n;
    *out = handed_on(r);
    return 0;
}

int synth_add_times(struct ratings *r, uint64_t seed, struct error *err)
{
    const int64_t start = 946684800, years = 3 * 365 * 86400; /* from 2000-01-01 on */
    struct rng_stream s = {0};
    int64_t now = 0;

    mem_free(r->time);
    r->time = mem_array(r->n, sizeof *r->time);
    TRY(need_memory(r->time, err));
    for (int64_t j = 0; j < r->n; j++) {
        if (j == 0 || r->user[j] != r->user[j - 1]) {
            s = rng_stream(seed, RNG_SYNTH, SYNTH_TIMES, (uint32_t)r->user[j]);
            now = start + (int64_t)rng_next_below(&s, (uint64_t)years);
        } else if (rng_next_below(&s, 40) == 0) {
            now += 3600 + (int64_t)rng_next_below(&s, 30 * 86400); /* another evening */
        } else {
            now += (int64_t)rng_next_below(&s, 60); /* ties within a user occur, as in real data */
        }
        r->time[j] = now;
    }
    return 0;
}
