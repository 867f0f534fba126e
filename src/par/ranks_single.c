/* ranks_single.c - replaces ranks.c in a build without MPI: one rank, nothing to exchange. */
#include "par/ranks.h"

#include <stdlib.h>

/* More than one process was asked for, of a program that would train the same run in each of them. */
int ranks_start(struct error *err)
{
    static const char *const name[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};

    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        const char *count = getenv(name[i]);

        if (count && strtol(count, NULL, 10) > 1)
            return error_set(err, PT_EUSAGE,
                             "started as one of %.8s ranks, but this build has no MPI; build it with "
                             "-DPARTRAIN_MPI=ON",
                             count);
    }
    return 0;
}

void ranks_stop(void)
{
}

void ranks_abort(int status)
{
    (void)status;
}

struct ranks ranks_self(void)
{
    return (struct ranks){0, 1, 0};
}

void ranks_copy(struct ranks *r, void *data, int64_t bytes)
{
    (void)r, (void)data, (void)bytes;
}

int64_t ranks_max(struct ranks *r, int64_t value)
{
    (void)r;
    return value;
}

void ranks_share(struct ranks *r, void *items, int64_t n, int64_t bytes)
{
    (void)r, (void)items, (void)n, (void)bytes;
}

void ranks_join(struct ranks *r, uint32_t *words, int64_t n)
{
    (void)r, (void)words, (void)n;
}

/* The rest is asked for by one rank of several only. */
void ranks_gather(struct ranks *r, const void *own, void *to, const int64_t *at, const int64_t *bytes)
{
    (void)r, (void)own, (void)to, (void)at, (void)bytes;
    assert(!"one rank");
}

void ranks_exchange(struct ranks *r, const void *from, const int64_t *send_at, const int64_t *send, void *to,
                    const int64_t *get_at, const int64_t *get)
{
    (void)r, (void)from, (void)send_at, (void)send, (void)to, (void)get_at, (void)get;
    assert(!"one rank");
}

void ranks_send(struct ranks *r, const float *data, int64_t n, int to)
{
    (void)r, (void)data, (void)n, (void)to;
    assert(!"one rank");
}

void ranks_receive(struct ranks *r, float *data, int64_t n, int from)
{
    (void)r, (void)data, (void)n, (void)from;
    assert(!"one rank");
}

struct ranks_turn ranks_turn_begin(const struct ranks *r)
{
    (void)r;
    return (struct ranks_turn){-1};
}

void ranks_turn_end(struct ranks_turn turn)
{
    (void)turn;
}

const char *ranks_library(char *room, int size)
{
    if (size > 0)
        *room = '\0';
    return room;
}
