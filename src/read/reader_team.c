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
#define SPARE_NAMES                                                                                          \
    ((int64_t)1 << 13) /* new ids of a block that need no allocation, and an eighth of those there are */
#define SPARE_NAME 16  /* bytes of such a name */
#define SLACK      ((int64_t)1 << 16) /* what the last line of a block may reach into the next */

enum outcome { READ_DONE, READ_FAILED, READ_SHRUNK, READ_LONG };

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
    char *buffer; /* (room) owned */
    int64_t room;
    int64_t at; /* where the block begins; -1: no block */
    const char *begin, *end, *stopped;
    enum outcome outcome;
    int failure; /* errno */
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

/* The whole lines that start in the block at job->at. */
static enum outcome read_block(const struct blocks *rd, struct block_job *job)
{
    bool first = job->at == rd->start;
    int64_t from = first ? job->at : job->at - 1, limit = job->at + rd->block - from;
    int64_t want = job->room - LINES_PAD - 1 < rd->size - from ? job->room - LINES_PAD - 1 : rd->size - from,
            got = 0;
    bool to_end = from + want == rd->size;
    const char *line;

    while (got < want) {
        ssize_t n = pread(rd->fd, job->buffer + got, (size_t)(want - got), from + got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            job->failure = errno;
        if (n <= 0)
            return n < 0 ? READ_FAILED : READ_SHRUNK;
        got += n;
    }
    job->begin = job->end = job->buffer;
    if (!first) {
        line = memchr(job->buffer, '\n', (size_t)(want < limit - 1 ? want : limit - 1));
        if (!line)
            return READ_DONE; /* one line goes through the whole block, or the block has nothing but the
                                 last newline */
        job->begin = job->end = line + 1;
    }
    line = want < limit ? NULL : memchr(job->buffer + limit - 1, '\n', (size_t)(want - limit + 1));
    if (!line && !to_end)
        return READ_LONG;
    job->end = line ? line + 1 : job->buffer + want;
    if (!line && job->begin < job->end && job->end[-1] != '\n') {
        job->buffer[want] = '\n';
        job->end++;
    }
    return READ_DONE;
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
    job->stopped = NULL;
    job->rc = 0;
    job->outcome = read_block(rd, job);
    if (job->outcome == READ_DONE)
        job->rc = parser_take(&job->p, job->begin, job->end, &job->stopped);
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

static int64_t count_lines(const char *p, const char *end)
{
    int64_t n = 0;

    while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
        n++;
        p++;
    }
    return n;
}

/* The last line of a block is longer than expected: with more room, by the caller alone. */
static int read_longer(struct blocks *rd, struct block_job *job, struct error *err)
{
    while (job->outcome == READ_LONG) {
        char *buffer;

        if (job->room > rd->block + 2 * (int64_t)LINES_LONGEST)
            return error_set(err, PT_EDATA, "%s:%lld: the line is longer than %zu MiB", rd->path,
                             (long long)(rd->whole->line +
                                         count_lines(job->begin, job->buffer + job->room - LINES_PAD - 1) +
                                         1),
                             LINES_LONGEST >> 20);
        buffer = mem_resize(job->buffer, 2 * job->room, 1);
        if (!buffer)
            return no_memory(rd, err);
        job->buffer = buffer;
        job->room *= 2;
        if (!parser_reserve(&job->p, job->room))
            return no_memory(rd, err);
        parse_block(rd, job);
    }
    return 0;
}

static int check_read(const struct blocks *rd, const struct block_job *job, struct error *err)
{
    if (job->outcome == READ_FAILED)
        return error_set(err, PT_EDATA, "%s: cannot be read: %s", rd->path, strerror(job->failure));
    if (job->outcome == READ_SHRUNK)
        return error_set(err, PT_EDATA, "%s: became shorter while it was read", rd->path);
    return 0;
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

static void freeze(struct block_job *job, bool frozen)
{
    idtable_freeze(job->users.table, frozen);
    idtable_freeze(job->items.table, frozen);
}

static int append_block(struct blocks *rd, struct block_job *job, struct error *err)
{
    struct parser *whole = rd->whole;
    int rc;

    freeze(job, false);
    rc = read_longer(rd, job, err);
    if (rc == 0)
        rc = check_read(rd, job, err);
    if (rc < 0)
        return rc;
    if (job->rc == PT_ENOMEM) /* a table was full: the rest of the block, with a table that may grow */
        job->rc = parser_take(&job->p, job->stopped, job->end, &job->stopped);
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

static bool make_spare(struct idtable *t)
{
    int64_t names = SPARE_NAMES + idtable_count(t) / 8;

    return idtable_reserve(t, names, names * SPARE_NAME);
}

static bool prepare(struct block_job *job)
{
    freeze(job, true);
    return make_spare(job->users.table) && make_spare(job->items.table);
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
    bool open = false; /* a quoted field goes on behind its line */
    int rc;

    for (;;) {
        bool more = false;

        for (int j = 0; j < rd->jobs; j++) {
            struct block_job *job = &rd->job[j];

            /* the first block goes alone: it has the header */
            job->at = !open && next < rd->size && (j == 0 || rd->job[0].at != rd->start) ? next : -1;
            if (job->at < 0)
                continue;
            next += rd->block;
            more = true;
            if (!prepare(job))
                return no_memory(rd, err);
        }
        atomic_store(&rd->taken, 0);
        team_run(team, run_jobs, rd);
        if (!more)
            return 0;
        *upto = next < rd->size ? next : rd->size;
        for (int j = 0; j < rd->jobs; j++) {
            struct block_job *job = &rd->job[j];

            if (open)
                job->local.n = 0; /* it may begin within the field */
            rc = job->at < 0 || open ? 0 : append_block(rd, job, err);
            if (rc < 0)
                return rc;
            if (rc == PARSER_OPEN_QUOTE) {
                open = true;
                *upto = job->at - (job->at != rd->start) + (job->stopped - job->buffer);
            }
        }
        if (!rd->job[0].p.past_head && rd->job[0].at == rd->start) {
            rd->whole->line = rd->whole->comments = 0;
            *upto = 0;
            return 0;
        }
        if (rd->job[0].at == rd->start)
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
    job->room = rd->block + SLACK + LINES_PAD + 2;
    job->buffer = mem_alloc(job->room, 1);
    if (!job->users.table || !job->items.table || !job->buffer || !parser_reserve(&job->p, job->room))
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
