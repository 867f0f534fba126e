/* problem.c - the machine, the ratings, their split and the matrices of its parts. */
#include "setup/problem.h"

#include "base/mem.h"
#include "base/timing.h"
#include "par/ranks.h"
#include "read/read.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- workers ------------------------------------------------------------------------------------- */

/* run.threads, or as many as the machine allows. */
static int workers_on(const struct topo *topo, const struct config *c)
{
    return c->threads ? (int)c->threads : team_default_workers(topo);
}

int problem_workers(const struct config *c)
{
    struct topo *topo = NULL;
    int workers = topo_new(&topo, NULL, NULL) < 0 ? 1 : workers_on(topo, c);

    topo_free(topo);
    return workers;
}

static int make_team(struct problem *p, const struct config *c, struct error *err)
{
    TRY(topo_new(&p->topo, NULL, err));
    TRY(kernels_pick(&p->kern, config_enum_name("run.isa", c->isa), err));
    return team_new(&p->team, workers_on(p->topo, c), p->topo, (enum topo_bind)c->bind, err);
}

/* Whether all ranks read the same ratings. */
static int check_ranks(const struct problem *p, struct error *err)
{
    enum { LENGTH = 40 };
    struct ranks *self = team_ranks(p->team);
    mem_scoped char *text = NULL;
    int rc = 0;

    if (self->count == 1)
        return 0;
    text = mem_zalloc(self->count, LENGTH);
    TRY(need_memory(text, err));
    snprintf(text + self->id * LENGTH, LENGTH, "%.32s", p->ratings->digest);
    ranks_share(self, text, self->count, LENGTH);
    for (int q = 1; q < self->count && rc == 0; q++)
        if (strcmp(text, text + q * LENGTH) != 0)
            rc = error_set(
                err, PT_EUSAGE,
                "ranks must read the same ratings, or they would not give one answer: rank 0 has those of "
                "digest %.12s, rank %d %.12s",
                text, q, text + q * LENGTH);
    return rc;
}

/* A large file is read by as many workers; their team is gone before the run's own is made. */
static int read_ratings(struct ratings **out, const struct config *c, struct error *err)
{
    struct ratings_spec spec = problem_ratings_spec(c, problem_workers(c));

    return ratings_read(out, &spec, err);
}

/* ---- data ------------------------------------------------------------------------------------------ */

/* Range and mean of the training ratings. */
static void survey(struct problem *p)
{
    const struct ratings *r = p->ratings;
    double sum = 0.0;
    int64_t n = 0;

    p->low = INFINITY;
    p->high = -INFINITY;
    for (int64_t i = 0; i < r->n; i++)
        if (p->split->part[i] & PART_TRAIN) {
            p->low = r->value[i] < p->low ? r->value[i] : p->low;
            p->high = r->value[i] > p->high ? r->value[i] : p->high;
            sum += (double)r->value[i];
            n++;
        }
    p->mean = sum / (double)n;
}

static struct matrix_spec matrix_of(const struct problem *p, const struct config *c, uint8_t mask)
{
    return (struct matrix_spec){.part = p->split->part,
                                .mask = mask,
                                .side = p->side,
                                .examples = p->examples,
                                .columns = p->columns,
                                .shift = p->shift,
                                .binary = problem_drops_values(c)};
}

/* Cost of a column in an epoch besides its entries, in entries. A softmax computes every example in every
 * column, about an entry each; elsewhere a step updates the column's two rows by Adam, about six entries.
 * Matrix factorisation updates every row in every step. */
static double column_cost(const struct problem *p, const struct config *c, const int64_t *entries)
{
    int64_t ratings = 0;

    if (p->count == 0) /* the shape of training alone: even cuts */
        return 1.0;
    if (problem_traits(c)->by_rating) {
        for (int64_t i = 0; i < p->columns; i++)
            ratings += entries[i];
        return problem_is_sgd(c) ? mf_sgd_row_cost(ratings, p->columns) : mf_row_cost(ratings, c->batch);
    }
    return problem_is_binary(c) ? (double)p->examples : 6.0 * (double)p->examples / (double)c->batch;
}

static int cut_columns(struct problem *p, const struct config *c, struct error *err)
{
    struct matrix_spec spec = matrix_of(p, c, PART_TRAIN);
    bool dense = problem_is_binary(c), factors = problem_traits(c)->by_rating;
    int64_t k = factors || c->hidden.n == 0 ? c->latent : c->hidden.value[0];
    mem_scoped int64_t *entries = matrix_count_columns(p->ratings, &spec);

    if (c->shards)
        p->shards = (int)c->shards;
    else if (problem_is_sgd(c))
        p->shards = mf_sgd_shards(p->examples, p->columns, row_pad(k));
    else
        p->shards = shard_count(p->columns, row_pad(k), dense);
    p->cut = mem_alloc(p->shards, sizeof *p->cut);
    TRY(need_memory(entries && p->cut, err));
    shard_cut(p->cut, p->shards, entries, p->columns, column_cost(p, c, entries));
    return 0;
}

static bool any(const struct problem *p, uint8_t mask)
{
    for (int64_t i = 0; i < p->ratings->n; i++)
        if (p->split->part[i] & mask)
            return true;
    return false;
}

static int make_matrix(struct matrix **out, const struct problem *p, const struct config *c, uint8_t mask,
                       struct error *err)
{
    struct matrix_spec spec = matrix_of(p, c, mask);

    return matrix_new(out, p->ratings, &spec, p->cut, p->shards, p->team, err);
}

/* Whether every rating is in both masks or in neither. */
static bool same_ratings(const struct problem *p, uint8_t a, uint8_t b)
{
    for (int64_t i = 0; i < p->ratings->n; i++)
        if (!(p->split->part[i] & a) != !(p->split->part[i] & b))
            return false;
    return true;
}

static int make_part(struct eval_part *j, const struct problem *p, const struct config *c, uint8_t in,
                     uint8_t out, uint8_t seen, struct error *err)
{
    if (!any(p, out))
        return 0;
    j->in = p->train;
    if (!same_ratings(p, PART_TRAIN, in)) {
        TRY(make_matrix(&j->in, p, c, in, err));
        j->owns_in = true;
    }
    TRY(make_matrix(&j->out, p, c, out, err));
    return seen && any(p, seen) ? make_matrix(&j->seen, p, c, seen, err) : 0;
}

static int make_cells(struct problem *p, struct error *err)
{
    const struct ratings *r = p->ratings;
    struct cells *cells = &p->cells;

    cells->user = mem_alloc(p->train->entries, sizeof *cells->user);
    cells->item = mem_alloc(p->train->entries, sizeof *cells->item);
    cells->value = mem_alloc(p->train->entries, sizeof *cells->value);
    TRY(need_memory(cells->user && cells->item && cells->value, err));
    for (int64_t i = 0; i < r->n; i++)
        if (p->split->part[i] & PART_TRAIN) {
            cells->user[cells->n] = r->user[i];
            cells->item[cells->n] = r->item[i];
            cells->value[cells->n++] = r->value[i] - p->shift;
        }
    return 0;
}

static void part_free(struct eval_part *j)
{
    if (j->owns_in)
        matrix_free(j->in);
    matrix_free(j->out);
    matrix_free(j->seen);
    *j = (struct eval_part){0};
}

static void matrices_free(struct problem *p)
{
    part_free(&p->valid);
    part_free(&p->test);
    matrix_free(p->train);
    p->train = NULL;
    mem_free(p->cells.user);
    mem_free(p->cells.item);
    mem_free(p->cells.value);
    p->cells = (struct cells){0};
    mem_free(p->cut);
    p->cut = NULL;
}

/* `known`: facts of a trained model; NULL: those of the training part. */
static int make_matrices(struct problem *p, const struct config *c, struct problem_known *known,
                         struct error *err)
{
    survey(p);
    p->shift = c->center && !problem_is_binary(c) ? (float)p->mean : 0.0f;
    if (known) {
        p->low = (float)known->facts.low;
        p->high = (float)known->facts.high;
        p->mean = known->facts.mean;
        p->shift = (float)known->facts.shift;
        p->cold_column = known->cold_column;
        p->cold_example = known->cold_example;
        known->cold_column = known->cold_example = NULL;
    }
    TRY(problem_biases(p, c, known, err));
    TRY(cut_columns(p, c, err));
    TRY(make_matrix(&p->train, p, c, PART_TRAIN, err));
    TRY(make_part(&p->valid, p, c, PART_VALID_IN, PART_VALID_OUT, 0, err));
    TRY(make_part(&p->test, p, c, PART_TEST_IN, PART_TEST_OUT, PART_TEST_SEEN, err));
    return problem_traits(c)->by_rating ? make_cells(p, err) : 0;
}

/* Ids, titles and counts stay. */
static void drop_triplets(struct problem *p)
{
    ratings_drop_triplets(p->ratings);
    mem_free(p->split->part);
    p->split->part = NULL;
    p->kept = false;
}

int problem_of_ratings(struct problem **out, const struct config *c, struct ratings *ratings,
                       struct problem_known *known, bool keep, struct error *err)
{
    scoped(problem_free) struct problem *p = mem_zalloc(1, sizeof *p);
    struct split_spec split = problem_split_spec(c);

    if (!p) {
        ratings_free(ratings);
        return error_set(err, PT_ENOMEM, "out of memory");
    }
    p->kept = true;
    p->ratings = ratings;
    p->side = problem_side(c);
    split.side = p->side;
    if (known) {
        p->split = known->split;
        known->split = NULL;
    }
    TRY(make_team(p, c, err));
    if (!p->split)
        TRY(split_make(&p->split, ratings, &split, err));
    if (known && known->facts.refit) {
        split_refit(p->split);
        p->refitted = true;
    }
    p->users = idtable_count(p->ratings->users);
    p->items = idtable_count(p->ratings->items);
    p->count = p->ratings->n;
    for (int64_t i = 0; i < p->count; i++)
        p->unused += p->split->part[i] == 0;
    p->examples = p->side == SIDE_USER ? p->users : p->items;
    p->columns = p->side == SIDE_USER ? p->items : p->users;
    TRY(make_matrices(p, c, known, err));
    if (!keep)
        drop_triplets(p);
    *out = handed_on(p);
    return 0;
}

/* Ranks of a host take turns, so that the host holds one copy of the triplets at a time. */
static int read_and_make(struct problem **out, const struct config *c, bool keep, struct error *err)
{
    scoped(problem_free) struct problem *p = NULL;
    struct ranks self = ranks_self();
    struct ratings *ratings;
    double start = clock_now();
    struct ranks_turn turn = ranks_turn_begin(&self);
    int rc = read_ratings(&ratings, c, err);

    if (rc == 0)
        rc = problem_of_ratings(&p, c, ratings, NULL, keep, err);
    ranks_turn_end(turn);
    TRY(rc);
    TRY(check_ranks(p, err));
    p->load_s = clock_now() - start;
    *out = handed_on(p);
    return 0;
}

int problem_new(struct problem **out, const struct config *c, struct error *err)
{
    return read_and_make(out, c, c->refit && ranks_self().count == 1, err);
}

int problem_new_kept(struct problem **out, const struct config *c, struct error *err)
{
    return read_and_make(out, c, true, err);
}

int problem_set_threads(struct problem *p, const struct config *c, struct error *err)
{
    matrices_free(p);
    team_free(p->team);
    topo_free(p->topo);
    p->team = NULL;
    p->topo = NULL;
    TRY(make_team(p, c, err));
    return make_matrices(p, c, NULL, err);
}

/* The triplets and the split of before, from the same source. */
static int read_again(struct problem *p, const struct config *c, struct error *err)
{
    struct split_spec spec = problem_split_spec(c);
    struct ratings *fresh;

    TRY(read_ratings(&fresh, c, err));
    if (strcmp(fresh->digest, p->ratings->digest) != 0) {
        ratings_free(fresh);
        return error_set(err, PT_EDATA, "%s: the ratings have changed since the run read them", c->data_path);
    }
    ratings_move_triplets(p->ratings, fresh);
    ratings_free(fresh);
    split_free(p->split);
    p->split = NULL;
    spec.side = p->side;
    return split_make(&p->split, p->ratings, &spec, err);
}

int problem_refit(struct problem *p, const struct config *c, struct error *err)
{
    struct ranks_turn turn;
    int rc = 0;

    matrices_free(p);
    turn = ranks_turn_begin(team_ranks(p->team));
    if (!p->kept)
        rc = read_again(p, c, err);
    if (rc == 0) {
        split_refit(p->split);
        p->refitted = true;
        biases_fini(&p->bias); /* its shrinkages stay */
        rc = make_matrices(p, c, NULL, err);
    }
    if (rc == 0)
        drop_triplets(p);
    ranks_turn_end(turn);
    return rc;
}

void problem_free(struct problem *p)
{
    if (!p)
        return;
    matrices_free(p);
    mem_free(p->cold_column);
    mem_free(p->cold_example);
    biases_fini(&p->bias);
    split_free(p->split);
    ratings_free(p->ratings);
    team_free(p->team);
    topo_free(p->topo);
    mem_free(p);
}
