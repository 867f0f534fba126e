/* A text parsed by several workers, with the result of one parser.
 *
 *   worker   | reads a block of lines | parses it | places it | reads the next ...
 *
 * One worker reads at a time; the others parse meanwhile. Blocks are placed in the order of the text: the
 * worker gives each id that is new in its own tables its row in the whole's, and takes as much room in the
 * whole's triplets as its block has ratings. Then it copies them there, renumbered, while the next block is
 * placed. A worker's blocks come in order, and its tables list ids in the order they appeared to it: so the
 * rows of the whole are in order of first appearance in the text. */
#include "read/parser.h"

#include "base/mem.h"
#include "par/team.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define NUMBERS ((int64_t)256 << 20) /* bytes of all jobs for ids that are found by their number */

/* From a job's row numbers to those of the whole text. */
struct row_numbers {
    int32_t *to; /* (space) owned */
    int64_t known, space;
};

/* A worker's. */
struct job {
    _Alignas(64) struct parser p; /* lines counted within the block */
    struct ratings local;
    struct row_numbers users, items;
    struct lines_block block;
    int64_t number;      /* of the block; -1: all of it is placed */
    const char *stopped; /* in the block; its start if the parser did not stop */
    int64_t copy_to;     /* where the whole's ratings take the local ones */
    int rc;
};

struct reader_team {
    struct parser *whole;
    struct lines *lines;
    size_t bytes;    /* of a block */
    struct job *job; /* (jobs) owned */
    pthread_mutex_t reading, placing;
    pthread_cond_t moved;    /* `placed` or `copying` is another */
    int64_t taken;           /* blocks; with `reading` locked */
    int64_t placed, copying; /* blocks, and workers that copy; with `placing` locked */
    atomic_int rc;           /* of the first block that is not wholly parsed */
    int jobs;
};

/* The text's next block; false: there is none, or all that is left is for the whole parser. */
static bool take(struct reader_team *t, struct job *job)
{
    bool there;

    pthread_mutex_lock(&t->reading);
    there = !t->rc && lines_read(t->lines, &job->block, t->bytes) == 0 && job->block.length;
    if (there)
        job->number = t->taken++;
    pthread_mutex_unlock(&t->reading);
    return there;
}

/* Rows of the whole for the ids that are new in a job's table. */
static bool number(struct row_numbers *n, const struct idtable *own, struct idtable *whole)
{
    int64_t count = idtable_count(own);

    if (count > n->space) {
        int32_t *to = mem_resize(n->to, 2 * count, sizeof *to);

        if (!to)
            return false;
        n->to = to;
        n->space = 2 * count;
    }
    for (; n->known < count; n->known++) {
        int64_t row = idtable_put(whole, idtable_name(own, n->known), idtable_length(own, n->known));

        if (row < 0)
            return false;
        n->to[n->known] = (int32_t)row;
    }
    return true;
}

static int append(struct reader_team *t, struct job *job)
{
    struct parser *whole = t->whole;
    struct ratings *all = whole->out;

    while (t->copying && all->n + job->local.n > all->space) /* it will be moved */
        pthread_cond_wait(&t->moved, &t->placing);
    if (job->rc == PT_ENOMEM || !number(&job->users, job->local.users, all->users) ||
        !number(&job->items, job->local.items, all->items) || !parser_reserve_ratings(whole, job->local.n)) {
        job->local.n = 0;
        return PT_ENOMEM;
    }
    parser_move_counts(whole, &job->p);
    job->copy_to = all->n;
    all->n += job->local.n;
    return job->rc;
}

static void copy_out(const struct reader_team *t, struct job *job)
{
    struct ratings *all = t->whole->out, *own = &job->local;
    int64_t to = job->copy_to;

    for (int64_t k = 0; k < own->n; k++) {
        all->user[to + k] = job->users.to[own->user[k]];
        all->item[to + k] = job->items.to[own->item[k]];
    }
    if (own->n)
        memcpy(all->value + to, own->value, (size_t)own->n * sizeof *all->value);
    if (own->n && t->whole->keep_time)
        memcpy(all->time + to, own->time, (size_t)own->n * sizeof *all->time);
    own->n = 0;
}

/* When all blocks before are placed. After one that was not wholly parsed there are no more: they may begin
 * within a quoted field. */
static void place(struct reader_team *t, struct job *job)
{
    pthread_mutex_lock(&t->placing);
    while (t->placed != job->number && !t->rc)
        pthread_cond_wait(&t->moved, &t->placing);
    if (t->rc) {
        job->local.n = 0;
        pthread_mutex_unlock(&t->placing);
        return;
    }
    t->rc = append(t, job);
    t->placed++;
    t->copying++;
    job->number = t->rc ? job->number : -1;
    pthread_cond_broadcast(&t->moved);
    pthread_mutex_unlock(&t->placing);
    copy_out(t, job);
    pthread_mutex_lock(&t->placing);
    t->copying--;
    pthread_cond_broadcast(&t->moved);
    pthread_mutex_unlock(&t->placing);
}

static void run_job(struct worker *w, void *arg)
{
    struct reader_team *t = arg;
    struct job *job = &t->job[w->id];

    while (take(t, job)) {
        const char *begin = job->block.text, *end = begin + job->block.length;

        job->stopped = begin;
        job->rc = parser_reserve(&job->p, end - begin)
                      ? parser_parse_lines(&job->p, begin, end, &job->stopped)
                      : PT_ENOMEM;
        place(t, job);
    }
}

/* What was read and is not parsed, the last block first. */
static void give_back(struct reader_team *t)
{
    for (int64_t number = t->taken - 1; number >= t->placed - 1; number--)
        for (int j = 0; j < t->jobs; j++) {
            struct job *job = &t->job[j];
            const char *from = number < t->placed ? job->stopped : job->block.text;

            if (job->number == number)
                lines_give_back(t->lines, from, (size_t)(job->block.text + job->block.length - from));
        }
}

/* Of each table of ids: so many numbers that all together take no more than NUMBERS bytes. */
static uint32_t count_numbers(int jobs)
{
    uint32_t most = IDTABLE_NUMBERS;

    while (most > 1024 && 2 * (int64_t)sizeof(int32_t) * most * jobs > NUMBERS)
        most /= 2;
    return most;
}

static bool init_job(const struct reader_team *t, struct job *job)
{
    struct parser *whole = t->whole;

    job->number = -1;
    job->local.users = idtable_new();
    job->local.items = idtable_new();
    job->p = (struct parser){.format = whole->format,
                             .out = &job->local,
                             .skip_bad = whole->skip_bad,
                             .keep_time = whole->keep_time,
                             .if_missing = whole->if_missing,
                             .past_head = true};
    if (!job->local.users || !job->local.items)
        return false;
    idtable_limit_numbers(job->local.users, count_numbers(t->jobs));
    idtable_limit_numbers(job->local.items, count_numbers(t->jobs));
    return true;
}

static void fini_job(struct job *job)
{
    idtable_free(job->local.users);
    idtable_free(job->local.items);
    mem_free(job->users.to);
    mem_free(job->items.to);
    mem_free(job->block.text);
    ratings_drop_triplets(&job->local);
}

int reader_team_parse(struct parser *whole, struct lines *lines, int workers, size_t bytes)
{
    struct reader_team t = {.whole = whole,
                            .lines = lines,
                            .bytes = bytes,
                            .reading = PTHREAD_MUTEX_INITIALIZER,
                            .placing = PTHREAD_MUTEX_INITIALIZER,
                            .moved = PTHREAD_COND_INITIALIZER,
                            .jobs = workers};
    struct team *team = NULL;
    bool there = true;

    t.job = mem_array(workers, sizeof *t.job);
    if (!t.job)
        return PT_ENOMEM;
    memset(t.job, 0, (size_t)workers * sizeof *t.job);
    for (int j = 0; j < workers; j++)
        there = init_job(&t, &t.job[j]) && there;
    if (there && team_new(&team, workers, NULL, BIND_NONE, NULL) == 0) { /* else fewer threads are allowed */
        team_run(team, run_job, &t);
        if (t.rc == PARSER_OPEN_QUOTE)
            give_back(&t);
    }
    team_free(team);
    for (int j = 0; j < workers; j++)
        fini_job(&t.job[j]);
    mem_free(t.job);
    return !there ? PT_ENOMEM : t.rc == PARSER_OPEN_QUOTE ? 0 : t.rc;
}
