#include "read/reader_team.h"

#include "base/mem.h"
#include "par/team.h"

#include <stdatomic.h>
#include <string.h>

#define JOBS      4                    /* for each worker */
#define MANY_JOBS 64                   /* beyond, half as many for each: a job has two tables of ids */
#define NUMBERS   ((int64_t)256 << 20) /* bytes of all jobs for ids that are found by their number */

/* From a job's row numbers to those of the whole text. */
struct row_numbers {
    struct idtable *table; /* owned: the job's */
    int32_t *to;           /* (space) owned */
    int64_t known, space;
};

struct piece_job {
    _Alignas(64) struct parser p; /* lines counted within the piece */
    struct triplets local;
    struct row_numbers users, items;
    const char *begin, *end, *stopped; /* borrowed from the block */
    int rc;
    int64_t copy_to; /* where the whole's triplets take the local ones */
};

struct reader_team {
    struct parser *whole;
    struct team *team;     /* owned */
    struct piece_job *job; /* (jobs) owned */
    int jobs;
    atomic_int taken; /* jobs of this block that a worker has taken */
};

static void copy_out(const struct reader_team *t, struct piece_job *job)
{
    struct triplets *all = t->whole->out, *own = &job->local;
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

static void run_jobs(struct worker *w, void *arg)
{
    struct reader_team *t = arg;
    int j;

    (void)w;
    while ((j = atomic_fetch_add(&t->taken, 1)) < t->jobs) {
        struct piece_job *job = &t->job[j];

        copy_out(t, job);
        job->rc = parser_reserve(&job->p, job->end - job->begin)
                      ? parser_parse_lines(&job->p, job->begin, job->end, &job->stopped)
                      : PT_ENOMEM;
    }
}

/* Rows of the whole for the ids that are new in a job's table. */
static bool number(struct row_numbers *n, struct idtable *whole)
{
    int64_t count = idtable_count(n->table);

    if (count > n->space) {
        int32_t *to = mem_resize(n->to, 2 * count, sizeof *to);

        if (!to)
            return false;
        n->to = to;
        n->space = 2 * count;
    }
    for (; n->known < count; n->known++) {
        int64_t row =
            idtable_put(whole, idtable_name(n->table, n->known), idtable_length(n->table, n->known));

        if (row < 0)
            return false;
        n->to[n->known] = (int32_t)row;
    }
    return true;
}

static int append(struct reader_team *t, struct piece_job *job)
{
    struct parser *whole = t->whole;

    if (job->rc == PT_ENOMEM || !number(&job->users, whole->users) || !number(&job->items, whole->items) ||
        !triplets_reserve(whole->out, job->local.n, whole->keep_time)) {
        job->local.n = 0;
        return PT_ENOMEM;
    }
    parser_move_counts(whole, &job->p);
    job->copy_to = whole->out->n;
    whole->out->n += job->local.n;
    return job->rc;
}

int reader_team_parse(struct reader_team *t, const char *begin, const char *end, const char **stopped_at)
{
    int64_t piece = (end - begin) / t->jobs + 1;
    int rc = 0;

    for (int j = 0; j < t->jobs; j++) {
        t->job[j].begin = begin;
        begin = end - begin > piece ? text_newline(begin + piece - 1, end) + 1 : end;
        t->job[j].end = begin;
    }
    atomic_store(&t->taken, 0);
    team_run(t->team, run_jobs, t);
    for (int j = 0; j < t->jobs; j++) {
        if (rc)
            t->job[j].local.n = 0; /* it may begin within a quoted field */
        else if ((rc = append(t, &t->job[j])))
            *stopped_at = t->job[j].stopped;
    }
    return rc;
}

/* Of each table of ids: so many numbers that all together take no more than
 * NUMBERS bytes. */
static uint32_t count_numbers(int jobs)
{
    uint32_t most = IDTABLE_NUMBERS;

    while (most > 1024 && 2 * (int64_t)sizeof(int32_t) * most * jobs > NUMBERS)
        most /= 2;
    return most;
}

static bool init_job(const struct reader_team *t, struct piece_job *job)
{
    struct parser *whole = t->whole;

    job->users.table = idtable_new();
    job->items.table = idtable_new();
    job->p = (struct parser){.format = whole->format,
                             .users = job->users.table,
                             .items = job->items.table,
                             .out = &job->local,
                             .skip_bad = whole->skip_bad,
                             .keep_time = whole->keep_time,
                             .skip_missing = whole->skip_missing,
                             .past_head = true};
    if (!job->users.table || !job->items.table)
        return false;
    idtable_limit_numbers(job->users.table, count_numbers(t->jobs));
    idtable_limit_numbers(job->items.table, count_numbers(t->jobs));
    return true;
}

int reader_team_new(struct reader_team **out, struct parser *whole, int workers)
{
    struct reader_team *t = mem_zalloc(1, sizeof *t);
    int jobs = JOBS * workers;
    bool there;

    *out = NULL;
    if (!t)
        return PT_ENOMEM;
    if (jobs > MANY_JOBS)
        jobs = jobs / 2 > MANY_JOBS ? jobs / 2 : MANY_JOBS;
    t->whole = whole;
    t->job = mem_array(jobs, sizeof *t->job);
    if (t->job)
        memset(t->job, 0, (size_t)jobs * sizeof *t->job);
    t->jobs = t->job ? jobs : 0;
    there = t->job != NULL;
    for (int j = 0; j < t->jobs; j++)
        there = init_job(t, &t->job[j]) && there;
    if (there && team_new(&t->team, workers, NULL, BIND_NONE, NULL) == 0)
        *out = t;
    else
        reader_team_free(t);
    return there ? 0 : PT_ENOMEM;
}

void reader_team_free(struct reader_team *t)
{
    if (!t)
        return;
    for (int j = 0; j < t->jobs; j++) {
        struct piece_job *job = &t->job[j];

        copy_out(t, job);
        idtable_free(job->users.table);
        idtable_free(job->items.table);
        mem_free(job->users.to);
        mem_free(job->items.to);
        triplets_fini(&job->local);
    }
    team_free(t->team);
    mem_free(t->job);
    mem_free(t);
}
