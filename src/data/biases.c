#include "data/biases.h"

#include "base/mem.h"
#include "data/split.h"

#include <math.h>
#include <string.h>

#define GOES_IN (PART_TRAIN | PART_VALID_IN | PART_TEST_IN)

static const double of_users[] = {3, 5, 10, 20}, of_items[] = {1, 3, 5, 10, 20};
enum { USERS = 4, ITEMS = 5, CHOICES = USERS * ITEMS, PLAIN_USER = 10, PLAIN_ITEM = 5 };

/* One side's rows: of the ratings, and how many are in the mask. */
struct side_rows {
    const int32_t *row;
    int64_t rows;
    int64_t *count; /* (rows) */
};

struct fit {
    const struct ratings *r;
    const uint8_t *part;
    double mean;
    int side;
    struct side_rows column, example;
    const int64_t *extra;  /* (examples): ratings that go in */
    struct mem_pool *pool; /* of the arrays */
    double *room;          /* (workers, columns + examples) */
    double error[CHOICES];
};

static void pick_rows(struct fit *f)
{
    int64_t users = idtable_count(f->r->users), items = idtable_count(f->r->items);

    f->column = (struct side_rows){f->side ? f->r->item : f->r->user, f->side ? items : users, NULL};
    f->example = (struct side_rows){f->side ? f->r->user : f->r->item, f->side ? users : items, NULL};
}

static void count_rows(const struct fit *f, struct side_rows *s, uint8_t mask)
{
    s->count = mem_pool_zalloc(f->pool, s->rows, sizeof *s->count);
    for (int64_t i = 0; i < f->r->n && s->count; i++)
        s->count[s->row[i]] += (f->part[i] & mask) != 0;
}

/* `out`: biases of a side from those of the other. */
static void half_round(const struct fit *f, double *out, const struct side_rows *s, const double *other,
                       const int32_t *other_row, double shrink)
{
    memset(out, 0, (size_t)s->rows * sizeof *out);
    for (int64_t i = 0; i < f->r->n; i++)
        if (f->part[i] & PART_TRAIN)
            out[s->row[i]] += (double)f->r->value[i] - f->mean - other[other_row[i]];
    for (int64_t k = 0; k < s->rows; k++)
        out[k] /= (double)s->count[k] + shrink;
}

/* The rounds; columns rounded to what is kept, and examples by these. */
static void fit_rounds(const struct fit *f, double user, double item, double *column, double *example)
{
    double of_column = f->side ? item : user, of_example = f->side ? user : item;

    memset(example, 0, (size_t)f->example.rows * sizeof *example);
    for (int round = 0; round < BIASES_ROUNDS; round++) {
        half_round(f, column, &f->column, example, f->example.row, of_column);
        if (round == BIASES_ROUNDS - 1)
            for (int64_t k = 0; k < f->column.rows; k++)
                column[k] = (double)(float)column[k];
        half_round(f, example, &f->example, column, f->column.row, of_example);
    }
}

/* Examples without a training rating, from what goes in. */
static void add_histories(const struct fit *f, double shrink, const double *column, double *example)
{
    for (int64_t i = 0; i < f->r->n; i++) {
        int32_t e = f->example.row[i];

        if ((f->part[i] & GOES_IN) && f->example.count[e] == 0)
            example[e] += (double)f->r->value[i] - f->mean - column[f->column.row[i]];
    }
    for (int64_t e = 0; e < f->example.rows; e++)
        if (f->example.count[e] == 0)
            example[e] /= (double)f->extra[e] + shrink;
}

static double squares(const struct fit *f, const double *column, const double *example)
{
    double sum = 0.0;

    for (int64_t i = 0; i < f->r->n; i++)
        if (f->part[i] & PART_VALID_OUT) {
            double d =
                (double)f->r->value[i] - f->mean - column[f->column.row[i]] - example[f->example.row[i]];

            sum += d * d;
        }
    return sum;
}

static void try_choices(struct worker *w, void *arg)
{
    struct fit *f = arg;
    double *column = f->room + w->id * (f->column.rows + f->example.rows);
    double *example = column + f->column.rows;

    for (int i = w->id; i < CHOICES; i += w->count) {
        fit_rounds(f, of_users[i / ITEMS], of_items[i % ITEMS], column, example);
        add_histories(f, f->side ? of_users[i / ITEMS] : of_items[i % ITEMS], column, example);
        f->error[i] = squares(f, column, example);
    }
}

static void choose(struct fit *f, struct team *team, struct biases *b)
{
    bool any = false;
    int best = 0;

    b->user_shrink = PLAIN_USER;
    b->item_shrink = PLAIN_ITEM;
    for (int64_t i = 0; i < f->r->n && !any; i++)
        any = f->part[i] & PART_VALID_OUT;
    if (!any)
        return;
    team_run(team, try_choices, f);
    for (int i = 1; i < CHOICES; i++)
        if (f->error[i] < f->error[best])
            best = i;
    b->user_shrink = of_users[best / ITEMS];
    b->item_shrink = of_items[best % ITEMS];
}

int biases_fit(struct biases *b, const struct ratings *r, const uint8_t *part, int side, struct team *team,
               struct error *err)
{
    scoped_value(mem_pool_free) struct mem_pool pool = {0};
    struct fit f = {.r = r, .part = part, .mean = b->mean, .side = side, .pool = &pool};
    struct side_rows all;
    double *column, *example;

    pick_rows(&f);
    all = f.example;
    column = f.room =
        mem_pool_alloc(&pool, team_workers(team) * (f.column.rows + f.example.rows), sizeof *f.room);
    biases_fini(b);
    b->column = mem_alloc(f.column.rows, sizeof *b->column);
    b->example = mem_alloc(f.example.rows, sizeof *b->example);
    count_rows(&f, &f.column, PART_TRAIN);
    count_rows(&f, &f.example, PART_TRAIN);
    count_rows(&f, &all, GOES_IN);
    TRY(need_memory(b->column && b->example && !pool.failed, err));
    f.extra = all.count;
    if (b->user_shrink == 0.0)
        choose(&f, team, b);
    example = column + f.column.rows;
    fit_rounds(&f, b->user_shrink, b->item_shrink, column, example);
    add_histories(&f, side ? b->user_shrink : b->item_shrink, column, example);
    for (int64_t k = 0; k < f.column.rows; k++)
        b->column[k] = (float)column[k];
    for (int64_t k = 0; k < f.example.rows; k++)
        b->example[k] = (float)example[k];
    return 0;
}

int biases_of_histories(struct biases *b, const struct ratings *r, const uint8_t *part, int side,
                        const uint8_t *known, struct error *err)
{
    scoped_value(mem_pool_free) struct mem_pool pool = {0};
    struct fit f = {.r = r, .part = part, .mean = b->mean, .side = side, .pool = &pool};
    double shrink = side ? b->user_shrink : b->item_shrink, *sum;

    pick_rows(&f);
    sum = mem_pool_zalloc(&pool, f.example.rows, sizeof *sum);
    count_rows(&f, &f.example, GOES_IN);
    TRY(need_memory(!pool.failed, err));
    for (int64_t i = 0; i < r->n; i++)
        if (part[i] & GOES_IN)
            sum[f.example.row[i]] += (double)r->value[i] - f.mean - (double)b->column[f.column.row[i]];
    for (int64_t e = 0; e < f.example.rows; e++)
        if (!known || !known[e])
            b->example[e] = (float)(sum[e] / ((double)f.example.count[e] + shrink));
    return 0;
}

void biases_fini(struct biases *b)
{
    mem_free(b->column);
    mem_free(b->example);
    b->column = b->example = NULL;
}
