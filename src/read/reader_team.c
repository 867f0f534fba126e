#include "read/reader_team.h"

#include "base/mem.h"
#include "par/team.h"
#include "read/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOBS      4  /* for each worker: whoever is done first takes the next one of a round */
#define MANY_JOBS 64 /* beyond, half as many for each: a job has two tables of ids, and memory for a block */
#define NUMBERS   ((int64_t)256 << 20) /* bytes of all jobs for ids that are found by their number */
#define SLACK     ((int64_t)1 << 16)   /* what the last line of a block may reach into the next at first */

/* From a job's row numbers to those of the whole file. */
struct row_numbers {
    struct idtable *table; /* owned: the job's */
    int32_t *to;           /* (space) owned */
    int64_t known, space;
};

struct block_job {
    _Alignas(64) struct parser p; /* lines counted within the block */
    struct triplets local;
    struct row_numbers users, items;
    char *buffer; /* (room + LINES_PAD + 1) owned */
    int64_t room;
    int64_t at;          /* where the block begins; -1: no block */
    int64_t stopped;     /* where one parser must go on in the file */
    struct error failed; /* of reading */
    int rc;
    int64_t copy_to; /* where the whole's triplets take the local ones */
};

struct blocks {
    struct parser *whole;
    const char *path;
    int fd, jobs;
    int64_t size, block, start; /* start: behind a byte order mark */
    struct block_job *job;      /* (jobs) owned */
    atomic_int taken;           /* jobs of this round that a worker has taken */
};

/* --- in the team --------------------------------------------------------------------------------- */

/* The file's bytes from `from` on: `got` are there, up to `want` are read. */
static int read_more(const struct blocks *rd, struct block_job *job, int64_t from, int64_t got, int64_t want)
{
    if (want > job->room) {
        char *buffer = mem_resize(job->buffer, want + LINES_PAD + 1, 1);

        if (!buffer)
            return PT_ENOMEM;
        job->buffer = buffer;
        job->room = want;
    }
    while (got < want) {
        ssize_t n = pread(rd->fd, job->buffer + got, (size_t)(want - got), from + got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(&job->failed, PT_EDATA, "%s: cannot be read: %s", rd->path, strerror(errno));
        if (n == 0)
            return error_set(&job->failed, PT_EDATA, "%s: became shorter while it was read", rd->path);
        got += n;
    }
    return 0;
}

/* The whole lines that start in the block at job->at. PARSER_OPEN_QUOTE: the last is too long. */
static int read_block(const struct blocks *rd, struct block_job *job, const char **begin, const char **end)
{
    bool first = job->at == rd->start;
    int64_t from = first ? job->at : job->at - 1, limit = job->at + rd->block - from, left = rd->size - from;
    int64_t got = 0, want = limit + SLACK;
    const char *line = NULL;

    while (!line) {
        int rc;

        want = want < left ? want : left;
        if ((rc = read_more(rd, job, from, got, want)) < 0)
            return rc;
        got = want;
        want *= 2;
        *begin = *end = job->buffer;
        if (!first && !(line = memchr(job->buffer, '\n', (size_t)(got < limit - 1 ? got : limit - 1))))
            return 0; /* no line starts here */
        *begin = line ? line + 1 : job->buffer;
        line = got < limit ? NULL : memchr(job->buffer + limit - 1, '\n', (size_t)(got - limit + 1));
        if (!line && got == left) {
            line = job->buffer + got - (job->buffer[got - 1] == '\n');
            job->buffer[got] = '\n';
        } else if (!line && got > rd->block + 2 * (int64_t)LINES_LONGEST) {
            job->stopped = from + (*begin - job->buffer);
            return PARSER_OPEN_QUOTE;
        }
    }
    *end = line + 1;
    return 0;
}

static void copy_out(const struct blocks *rd, struct block_job *job)
{
    struct triplets *all = rd->whole->out, *own = &job->local;
    int64_t to = job->copy_to;

    for (int64_t k = 0; k < own->n; k++) {
        all->user[to + k] = job->users.to[own->user[k]];
        all->item[to + k] = job->items.to[own->item[k]];
    }
    if (own->n) {
        memcpy(all->value + to, own->value, (size_t)own->n * sizeof *all->value);
        if (rd->whole->keep_time)
            memcpy(all->time + to, own->time, (size_t)own->n * sizeof *all->time);
    }
    own->n = 0;
}

static void parse_block(const struct blocks *rd, struct block_job *job)
{
    const char *begin, *end, *stopped = NULL;

    job->rc = read_block(rd, job, &begin, &end);
    if (job->rc == 0)
        job->rc = parser_reserve(&job->p, end - begin) ? parser_parse_lines(&job->p, begin, end, &stopped)
                                                       : PT_ENOMEM;
    if (stopped)
        job->stopped = job->at - (job->at != rd->start) + (stopped - job->buffer);
}

static void run_jobs(struct worker *w, void *arg)
{
    struct blocks *rd = arg;
    int j;

    (void)w;
    while ((j = atomic_fetch_add(&rd->taken, 1)) < rd->jobs) {
        struct block_job *job = &rd->job[j];

        copy_out(rd, job);
        if (job->at >= 0)
            parse_block(rd, job);
    }
}

/* --- between rounds ------------------------------------------------------------------------------ */

static int no_memory(const struct blocks *rd, struct error *err)
{
    return error_set(err, PT_ENOMEM,
                     "%s: out of memory for %lld ratings and more, or for ids (there may be 2^31 - 1)",
                     rd->path, (long long)rd->whole->out->n);
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

/* Lines of the block into those of the whole. */
static void add_counts(struct parser *whole, struct parser *p)
{
    if (p->lines_bad && (!whole->lines_bad || p->never_skipped)) {
        whole->bad_line = whole->line + p->bad_line;
        whole->never_skipped = p->never_skipped;
        strcpy(whole->bad_reason, p->bad_reason);
        strcpy(whole->bad_text, p->bad_text);
    }
#define MOVE(count) (whole->count += p->count, p->count = 0)
    MOVE(line);
    MOVE(lines_read);
    MOVE(lines_bad);
    MOVE(headers);
    MOVE(comments);
    MOVE(elsewhere);
    MOVE(no_rating);
    MOVE(no_time);
    MOVE(rounded);
#undef MOVE
    for (int k = 0; k < PARSER_KINDS && p->kind_count[k]; k++) {
        parser_count_kind(whole, p->kind[k], strlen(p->kind[k]), p->kind_count[k]);
        p->kind_count[k] = 0;
    }
}

static int append_block(struct blocks *rd, struct block_job *job, struct error *err)
{
    struct parser *whole = rd->whole;

    if (job->failed.code) {
        *err = job->failed;
        return err->code;
    }
    if (job->rc == PT_ENOMEM || !number(&job->users, whole->users) || !number(&job->items, whole->items) ||
        !triplets_reserve(whole->out, job->local.n, whole->keep_time))
        return no_memory(rd, err);
    add_counts(whole, &job->p);
    if (job->rc < 0)
        return job->rc;
    job->copy_to = whole->out->n;
    whole->out->n += job->local.n;
    return job->rc;
}

/* Room for all ratings that the file will hold if it goes on as its first block, so that they need not be
 * moved. Where it cannot be had, or is not enough, there is room for what is read (append_block). */
static void expect_ratings(struct blocks *rd, int64_t first)
{
    double blocks = (double)(rd->size - rd->start) / (double)rd->block;

    if (blocks > 1)
        (void)triplets_reserve(rd->whole->out, (int64_t)(1.02 * (double)first * (blocks - 1)),
                               rd->whole->keep_time);
}

static int run_rounds(struct blocks *rd, struct team *team, int64_t *upto, struct error *err)
{
    int64_t next = rd->start;
    bool alone = false; /* one parser goes on from *upto */

    for (;;) {
        bool first = next == rd->start; /* the first block goes alone: it has the header */
        bool more = !alone && next < rd->size;

        for (int j = 0; j < rd->jobs; j++) {
            rd->job[j].at = !alone && next < rd->size && (!first || j == 0) ? next : -1;
            next += rd->job[j].at >= 0 ? rd->block : 0;
        }
        atomic_store(&rd->taken, 0);
        team_run(team, run_jobs, rd);
        if (!more)
            return 0;
        for (int j = 0; j < rd->jobs && rd->job[j].at >= 0; j++) {
            struct block_job *job = &rd->job[j];
            int rc = alone ? 0 : append_block(rd, job, err);

            if (rc < 0)
                return rc;
            if (alone)
                job->local.n = 0; /* it may begin within a quoted field */
            else
                *upto = rc ? job->stopped : job->at + rd->block < rd->size ? job->at + rd->block : rd->size;
            alone = alone || rc;
        }
        if (first && !rd->job[0].p.past_head) {
            rd->whole->line = rd->whole->comments = 0;
            *upto = 0;
            return 0;
        }
        if (first)
            expect_ratings(rd, rd->job[0].local.n);
        for (int j = 0; j < rd->jobs; j++)
            rd->job[j].p.past_head = true;
    }
}

/* --- set-up -------------------------------------------------------------------------------------- */

static void fini_job(struct block_job *job)
{
    idtable_free(job->users.table);
    idtable_free(job->items.table);
    mem_free(job->users.to);
    mem_free(job->items.to);
    mem_free(job->buffer);
    triplets_fini(&job->local);
}

/* As many as the file has blocks, JOBS for each worker at most, of many workers fewer. */
static int count_jobs(const struct blocks *rd, int workers)
{
    int64_t blocks = rd->size / rd->block + 1, jobs = (int64_t)JOBS * workers, fewer = jobs / 2;

    if (jobs > MANY_JOBS)
        jobs = fewer > MANY_JOBS ? fewer : MANY_JOBS;
    return blocks < jobs ? (int)blocks : (int)jobs;
}

/* Of each table of ids: so many numbers that all together take no more than NUMBERS bytes. */
static uint32_t count_numbers(const struct blocks *rd)
{
    uint32_t most = IDTABLE_NUMBERS;

    while (most > 1024 && 2 * (int64_t)sizeof(int32_t) * most * rd->jobs > NUMBERS)
        most /= 2;
    return most;
}

static bool init_job(struct block_job *job, const struct blocks *rd)
{
    job->p = *rd->whole;
    job->p.out = &job->local;
    job->p.users = job->users.table = idtable_new();
    job->p.items = job->items.table = idtable_new();
    if (!job->users.table || !job->items.table)
        return false;
    idtable_limit_numbers(job->users.table, count_numbers(rd));
    idtable_limit_numbers(job->items.table, count_numbers(rd));
    return true;
}

static int open_file(struct blocks *rd, struct error *err)
{
    unsigned char mark[3];
    struct stat st;

    rd->fd = open(rd->path, O_RDONLY | O_CLOEXEC);
    if (rd->fd < 0 || fstat(rd->fd, &st) < 0)
        return error_set(err, PT_EDATA, "%s: cannot be opened: %s", rd->path, strerror(errno));
    rd->size = st.st_size;
    if (pread(rd->fd, mark, 3, 0) == 3 && mark[0] == 0xEF && mark[1] == 0xBB && mark[2] == 0xBF)
        rd->start = 3;
    return 0;
}

int reader_team_read(struct parser *whole, const char *path, int workers, int64_t block, int64_t *upto,
                     struct error *err)
{
    struct blocks rd = {.whole = whole, .path = path, .fd = -1, .block = block};
    struct team *team = NULL;
    int rc = open_file(&rd, err);

    if (rc < 0)
        goto out;
    rd.jobs = count_jobs(&rd, workers);
    rd.job = mem_array(rd.jobs, sizeof *rd.job);
    if (!rd.job) {
        rc = no_memory(&rd, err);
        goto out;
    }
    memset(rd.job, 0, (size_t)rd.jobs * sizeof *rd.job);
    for (int j = 0; j < rd.jobs; j++)
        if (!init_job(&rd.job[j], &rd)) {
            rc = no_memory(&rd, err);
            goto out;
        }
    *upto = 0;
    if (team_new(&team, workers, NULL, BIND_NONE, NULL) == 0) /* else fewer threads are allowed */
        rc = run_rounds(&rd, team, upto, err);
out:
    team_free(team);
    for (int j = 0; rd.job && j < rd.jobs; j++)
        fini_job(&rd.job[j]);
    mem_free(rd.job);
    if (rd.fd >= 0)
        close(rd.fd);
    return rc;
}
