#include "batch/batch.h"

#include "base/rng.h"

#include <string.h>

int scheduler_init(struct scheduler *s, int64_t examples, const uint8_t *usable, int64_t size,
                   enum last_batch last, bool shuffle, uint64_t seed, struct error *err)
{
    *s = (struct scheduler){
        .size = size, .last = last, .shuffle = shuffle, .seed = seed, .passes = 1, .epoch = -1};
    s->pool = mem_alloc(examples, sizeof *s->pool);
    s->order = mem_alloc(2 * examples, sizeof *s->order);
    if (!s->pool || !s->order) {
        scheduler_fini(s);
        return error_set(err, PT_ENOMEM, "minibatches: out of memory");
    }
    for (int64_t e = 0; e < examples; e++)
        if (!usable || usable[e])
            s->pool[s->examples++] = e;
    if (s->size > s->examples && last != LAST_KEEP) {
        int64_t n = s->examples;

        scheduler_fini(s);
        return error_set(
            err, PT_ECONFIG,
            "train.batch: %lld is more than the %lld training examples there are; make it smaller, or set "
            "train.last_batch to keep",
            (long long)size, (long long)n);
    }
    return 0;
}

int scheduler_repeat(struct scheduler *s, int64_t passes, struct error *err)
{
    mem_free(s->order);
    s->passes = passes;
    s->order = mem_alloc((passes + 1) * s->examples, sizeof *s->order);
    return need_memory(s->order, err);
}

/* Of one pass. */
static int64_t pass_steps(const struct scheduler *s)
{
    return s->last == LAST_DROP ? s->examples / s->size : (s->examples + s->size - 1) / s->size;
}

int64_t scheduler_max_steps(const struct scheduler *s)
{
    return s->passes * pass_steps(s);
}

/* With rollover, epoch e trains on full batches up to and including the first that reaches past its end:
 * after e epochs ceil(e * examples / size) batches are done. */
int64_t scheduler_first_step(const struct scheduler *s, int64_t epoch)
{
    if (s->last == LAST_ROLLOVER)
        return (epoch * s->examples + s->size - 1) / s->size;
    return epoch * scheduler_max_steps(s);
}

static void draw_order(const struct scheduler *s, int64_t epoch, int64_t *order)
{
    struct rng_stream stream = rng_stream(s->seed, RNG_SHUFFLE, (uint64_t)epoch, 0);

    if (s->shuffle)
        rng_permutation(&stream, s->examples, order);
    for (int64_t i = 0; i < s->examples; i++)
        order[i] = s->pool[s->shuffle ? order[i] : i];
}

void scheduler_epoch(struct scheduler *s, int64_t epoch)
{
    if (s->epoch == epoch)
        return;
    for (int64_t i = 0; i < s->passes; i++)
        draw_order(s, s->passes * epoch + i, s->order + i * s->examples);
    s->offset = 0;
    if (s->last == LAST_ROLLOVER) {
        draw_order(s, epoch + 1, s->order + s->examples);
        s->offset = scheduler_first_step(s, epoch) * s->size - epoch * s->examples;
    }
    s->epoch = epoch;
    s->steps = scheduler_first_step(s, epoch + 1) - scheduler_first_step(s, epoch);
}

struct batch scheduler_batch(const struct scheduler *s, int64_t i)
{
    int64_t pass = s->passes > 1 ? i / pass_steps(s) : 0;
    int64_t begin = s->offset + (i - pass * pass_steps(s)) * s->size, rows = s->size;

    if (s->last == LAST_KEEP && begin + rows > s->examples)
        rows = s->examples - begin;
    return (struct batch){.example = s->order + pass * s->examples + begin,
                          .rows = rows,
                          .in_epoch = i,
                          .step = (uint64_t)(scheduler_first_step(s, s->epoch) + i)};
}

void scheduler_fini(struct scheduler *s)
{
    mem_free(s->pool);
    mem_free(s->order);
    *s = (struct scheduler){0};
}

/* ---- one shard's entries of a minibatch ---- */

/* The most entries that `rows` rows can have in a part: the longest rows, each counted up to twice. */
static int64_t most_entries(const struct matrix_part *p, int64_t part_rows, int64_t rows, int64_t width)
{
    mem_scoped int64_t *rows_of = mem_zalloc(width + 1, sizeof *rows_of); /* rows by length */
    int64_t total = 0, left = rows;

    if (!rows_of)
        return -1;
    for (int64_t e = 0; e < part_rows; e++) {
        int64_t n = p->ptr[e + 1] - p->ptr[e];

        rows_of[n < width ? n : width]++;
    }
    for (int64_t n = width; n > 0 && left > 0; n--) {
        int64_t take = 2 * rows_of[n] < left ? 2 * rows_of[n] : left;

        total += take * n;
        left -= take;
    }
    return total;
}

int view_init(struct view *v, const struct matrix *m, int shard, int64_t rows, struct error *err)
{
    int64_t width = shard_width(&m->cut[shard]), n = most_entries(&m->part[shard], m->rows, rows, width);

    *v = (struct view){.room_rows = rows, .room_entries = n, .pool.failed = n < 0};
    v->row = mem_pool_array(&v->pool, rows + 1, sizeof *v->row);
    v->col = mem_pool_array(&v->pool, n, sizeof *v->col);
    v->own_x = mem_pool_array(&v->pool, n, sizeof *v->x);
    v->target = mem_pool_array(&v->pool, n, sizeof *v->target);
    v->active = mem_pool_array(&v->pool, width, sizeof *v->active);
    v->start = mem_pool_array(&v->pool, width + 1, sizeof *v->start);
    v->pos = mem_pool_array(&v->pool, n, sizeof *v->pos);
    v->at = mem_pool_array(&v->pool, n, sizeof *v->at);
    v->own_x_by_column = mem_pool_array(&v->pool, n, sizeof *v->x_by_column);
    v->target_by_column = mem_pool_array(&v->pool, n, sizeof *v->target_by_column);
    v->own_row = mem_pool_array(&v->pool, rows + 1, sizeof *v->own_row);
    v->own_col = mem_pool_array(&v->pool, n, sizeof *v->own_col);
    v->fill = mem_pool_zalloc(&v->pool, width, sizeof *v->fill);
    if (!v->pool.failed)
        return 0;
    view_fini(v);
    return error_set(err, PT_ENOMEM, "minibatch: out of memory");
}

void view_fini(struct view *v)
{
    mem_pool_free(&v->pool);
    *v = (struct view){0};
}

int views_new(struct view **out, const struct matrix *m, int64_t rows, const struct team *team,
              struct error *err)
{
    struct view *v = mem_zalloc(m->shards, sizeof *v);
    int64_t first, end;
    int rc = 0;

    TRY(need_memory(v, err));
    team_rank_own(team, m->shards, &first, &end);
    for (int64_t s = first; s < end && rc == 0; s++)
        rc = view_init(&v[s], m, (int)s, rows, err);
    if (rc < 0)
        views_free(v, m->shards);
    else
        *out = v;
    return rc;
}

void views_free(struct view *v, int shards)
{
    for (int s = 0; v && s < shards; s++)
        view_fini(&v[s]);
    mem_free(v);
}

/* Coordinate of a draw: the column's number in the whole matrix. */
static void drop_inputs(struct view *v, const struct view_input *input, int64_t first)
{
    int64_t n = 0;

    for (int64_t p = 0; p < v->rows; p++)
        for (int64_t i = v->row[p]; i < v->row[p + 1]; i++)
            v->at[i] = (int32_t)p;
    input->kern->drop_at(v->x, v->entries, v->col, v->at, (uint32_t)first, input->dropout, input->seed,
                         RNG_INPUT_DROPOUT, input->step);
    if (input->zeros)
        return;
    for (int64_t p = 0; p < v->rows; p++) {
        v->own_row[p] = n;
        for (int64_t i = v->row[p]; i < v->row[p + 1]; i++) {
            v->own_col[n] = v->col[i];
            v->x[n] = v->x[i];
            n += v->x[n] != 0.0f;
        }
    }
    v->own_row[v->rows] = n;
    v->input_row = v->own_row;
    v->input_col = v->own_col;
}

static void make_inputs(struct view *v, const struct matrix *m, const struct view_input *input,
                        const int64_t *example, int64_t first)
{
    for (int64_t p = 0; p < v->rows; p++) {
        float norm = m->row_norm[example[p]], scale = input->normalize && norm > 0.0f ? 1.0f / norm : 1.0f;

        if (input->dropout > 0.0f)
            scale /= 1.0f - input->dropout;
        for (int64_t i = v->row[p]; i < v->row[p + 1]; i++)
            v->x[i] = v->target[i] * scale;
    }
    if (input->dropout > 0.0f)
        drop_inputs(v, input, first);
}

/* A counting sort of the inputs by column; stable, so batch positions ascend. */
static void sort_by_column(struct view *v, int64_t width)
{
    int64_t sum = 0, a = 0;

    for (int64_t i = 0; i < v->input_row[v->rows]; i++)
        v->fill[v->input_col[i]]++;
    for (int64_t c = 0; c < width; c++)
        if (v->fill[c]) {
            v->active[a] = (int32_t)c;
            v->start[a++] = sum;
            sum += v->fill[c];
            v->fill[c] = sum - v->fill[c];
        }
    v->columns = a;
    v->start[a] = sum;
    for (int64_t p = 0; p < v->rows; p++)
        for (int64_t i = v->input_row[p]; i < v->input_row[p + 1]; i++) {
            int64_t to = v->fill[v->input_col[i]]++;

            v->pos[to] = (int32_t)p;
            v->at[to] = (int32_t)i;
            v->target_by_column[to] = v->target[i];
            if (!v->plain)
                v->x_by_column[to] = v->x[i];
        }
    for (a = 0; a < v->columns; a++)
        v->fill[v->active[a]] = 0;
}

/* Copies a row's entries behind the n that are there; returns the new count. */
static int64_t copy_row(struct view *v, const struct matrix *m, const struct matrix_part *part, int64_t row,
                        int64_t n)
{
    int64_t first = part->ptr[row], count = part->ptr[row + 1] - first;

    for (int64_t i = 0; i < count; i++)
        v->target[n + i] = matrix_value(m, part, first + i);
    memcpy(v->col + n, part->col + first, (size_t)count * sizeof *v->col);
    return n + count;
}

/* Rows lie anywhere in the part: asks for what row copy_row will need. */
static void prefetch_row(const struct matrix_part *part, int64_t row)
{
    int64_t first = part->ptr[row], end = part->ptr[row + 1];

    for (int64_t i = first; i < end; i += 16)
        __builtin_prefetch(part->col + i);
    if (part->code)
        __builtin_prefetch(part->code + first);
}

#define AHEAD 8 /* rows */

void view_build(struct view *v, const struct matrix *m, int shard, const int64_t *example, int64_t rows,
                const struct view_input *input, bool by_column)
{
    const struct matrix_part *part = &m->part[shard];
    int64_t n = 0;

    v->rows = rows;
    v->row[0] = 0;
    v->plain = !input || (!input->normalize && !(input->dropout > 0.0f));
    v->x = v->plain ? v->target : v->own_x;
    v->x_by_column = v->plain ? v->target_by_column : v->own_x_by_column;
    v->input_row = v->row;
    v->input_col = v->col;
    for (int64_t p = 0; p < rows; p++) {
        if (p + 2 * AHEAD < rows)
            __builtin_prefetch(part->ptr + matrix_row(m, example[p + 2 * AHEAD]));
        if (p + AHEAD < rows)
            prefetch_row(part, matrix_row(m, example[p + AHEAD]));
        n = v->row[p + 1] = copy_row(v, m, part, matrix_row(m, example[p]), n);
    }
    v->entries = n;
    if (!v->plain)
        make_inputs(v, m, input, example, m->cut[shard].begin);
    if (by_column)
        sort_by_column(v, shard_width(&m->cut[shard]));
}

int64_t view_bytes_of(const struct matrix *m, int64_t rows)
{
    int64_t sum = 0;

    for (int s = 0; s < m->shards; s++) {
        int64_t width = shard_width(&m->cut[s]), n;

        if (!m->part[s].ptr) /* another rank's */
            continue;
        n = most_entries(&m->part[s], m->rows, rows, width);
        if (n < 0)
            return -1;
        sum += (rows + 1) * 16 + n * 36 + width * 20;
    }
    return sum;
}
