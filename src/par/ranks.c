/* ranks.c - the only file with <mpi.h>; built with -DPARTRAIN_MPI=ON. Counts of MPI are ints: long messages
 * go in units of 64 bytes where they are counted by bytes, and in pieces where they are not. */
#include "par/ranks.h"

#include <limits.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#define PIECE    ((int64_t)1 << 28) /* elements of a message */
#define TAG_TURN 1                  /* messages of ranks_send have 0 */

/* What the launchers set. Without one MPI is left alone: it would start helpers of its own. */
static bool launched(void)
{
    static const char *const name[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK",
                                       "MPI_LOCALNRANKS"};

    for (size_t i = 0; i < sizeof name / sizeof *name; i++)
        if (getenv(name[i]))
            return true;
    return false;
}

static bool running(void)
{
    int started = 0, stopped = 0;

    MPI_Initialized(&started);
    MPI_Finalized(&stopped);
    return started && !stopped;
}

int ranks_start(struct error *err)
{
    int level;

    if (!launched())
        return 0;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS)
        return error_set(err, PT_EUSAGE, "MPI could not be started");
    if (level < MPI_THREAD_FUNNELED)
        return error_set(err, PT_EUSAGE,
                         "this MPI library does not work with threads (MPI_THREAD_FUNNELED); use another");
    if (ranks_self().count > RANKS_MOST)
        return error_set(err, PT_EUSAGE, "%d ranks; there can be %d", ranks_self().count, RANKS_MOST);
    return 0;
}

void ranks_stop(void)
{
    if (running())
        MPI_Finalize();
}

void ranks_abort(int status)
{
    if (ranks_self().count > 1)
        MPI_Abort(MPI_COMM_WORLD, status);
}

struct ranks ranks_self(void)
{
    struct ranks r = {0, 1, 0};

    if (running()) {
        MPI_Comm_rank(MPI_COMM_WORLD, &r.id);
        MPI_Comm_size(MPI_COMM_WORLD, &r.count);
    }
    return r;
}

void ranks_copy(struct ranks *r, void *data, int64_t bytes)
{
    assert(bytes <= INT_MAX);
    if (r->count == 1)
        return;
    MPI_Bcast(data, (int)bytes, MPI_BYTE, 0, MPI_COMM_WORLD);
    r->sent += r->id == 0 ? bytes * (r->count - 1) : 0;
}

int64_t ranks_max(struct ranks *r, int64_t value)
{
    int64_t most = value;

    if (r->count == 1)
        return value;
    MPI_Allreduce(&value, &most, 1, MPI_INT64_T, MPI_MAX, MPI_COMM_WORLD);
    r->sent += (int64_t)sizeof value;
    return most;
}

/* Counts and places in elements of `unit` bytes, as MPI wants them. */
static void in_units(const struct ranks *r, const int64_t *bytes, int64_t unit, int *out)
{
    for (int q = 0; q < r->count; q++) {
        assert(bytes[q] % unit == 0 && bytes[q] / unit <= INT_MAX);
        out[q] = (int)(bytes[q] / unit);
    }
}

/* An element of MPI that is `unit` bytes long; for MPI_Type_free. */
static MPI_Datatype unit_type(int64_t unit)
{
    MPI_Datatype type;

    MPI_Type_contiguous((int)unit, MPI_BYTE, &type);
    MPI_Type_commit(&type);
    return type;
}

/* The largest of 64, 32, ..., 1 that divides them all. */
static int64_t common_unit(const struct ranks *r, const int64_t *const *lists, int n)
{
    int64_t unit = 64;

    for (int i = 0; i < n; i++)
        for (int q = 0; q < r->count; q++)
            while (lists[i][q] % unit)
                unit /= 2;
    return unit;
}

void ranks_share(struct ranks *r, void *items, int64_t n, int64_t bytes)
{
    int64_t at[RANKS_MOST], size[RANKS_MOST];

    if (r->count == 1)
        return;
    assert(r->count <= RANKS_MOST);
    for (int q = 0; q < r->count; q++) {
        int64_t first, end;

        team_range(n, q, r->count, &first, &end);
        at[q] = first * bytes;
        size[q] = (end - first) * bytes;
    }
    ranks_gather(r, (char *)items + at[r->id], items, at, size);
}

void ranks_join(struct ranks *r, uint32_t *words, int64_t n)
{
    if (r->count == 1)
        return;
    for (int64_t i = 0; i < n; i += PIECE)
        MPI_Allreduce(MPI_IN_PLACE, words + i, (int)(n - i < PIECE ? n - i : PIECE), MPI_UINT32_T, MPI_BOR,
                      MPI_COMM_WORLD);
    r->sent += 8 * n * (r->count - 1) / r->count; /* what a ring or halving takes */
}

void ranks_gather(struct ranks *r, const void *own, void *to, const int64_t *at, const int64_t *bytes)
{
    const int64_t *lists[] = {at, bytes};
    int64_t unit = common_unit(r, lists, 2);
    int where[RANKS_MOST], count[RANKS_MOST];
    MPI_Datatype type = unit_type(unit);

    assert(r->count <= RANKS_MOST);
    in_units(r, at, unit, where);
    in_units(r, bytes, unit, count);
    if ((const char *)own == (char *)to + at[r->id])
        own = MPI_IN_PLACE;
    MPI_Allgatherv(own, count[r->id], type, to, count, where, type, MPI_COMM_WORLD);
    MPI_Type_free(&type);
    r->sent += bytes[r->id] * (r->count - 1);
}

void ranks_exchange(struct ranks *r, const void *from, const int64_t *send_at, const int64_t *send, void *to,
                    const int64_t *get_at, const int64_t *get)
{
    const int64_t *lists[] = {send_at, send, get_at, get};
    int64_t unit = common_unit(r, lists, 4);
    int out_at[RANKS_MOST], out[RANKS_MOST], in_at[RANKS_MOST], in[RANKS_MOST];
    MPI_Datatype type = unit_type(unit);

    assert(r->count <= RANKS_MOST);
    in_units(r, send_at, unit, out_at);
    in_units(r, send, unit, out);
    in_units(r, get_at, unit, in_at);
    in_units(r, get, unit, in);
    MPI_Alltoallv(from, out, out_at, type, to, in, in_at, type, MPI_COMM_WORLD);
    MPI_Type_free(&type);
    for (int q = 0; q < r->count; q++)
        r->sent += q == r->id ? 0 : send[q];
}

void ranks_send(struct ranks *r, const float *data, int64_t n, int to)
{
    for (int64_t i = 0; i < n; i += PIECE)
        MPI_Send(data + i, (int)(n - i < PIECE ? n - i : PIECE), MPI_FLOAT, to, 0, MPI_COMM_WORLD);
    r->sent += n * (int64_t)sizeof *data;
}

void ranks_receive(struct ranks *r, float *data, int64_t n, int from)
{
    (void)r;
    for (int64_t i = 0; i < n; i += PIECE)
        MPI_Recv(data + i, (int)(n - i < PIECE ? n - i : PIECE), MPI_FLOAT, from, 0, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
}

struct ranks_turn ranks_turn_begin(const struct ranks *r)
{
    struct ranks_turn turn = {-1};
    int own, count, host[RANKS_MOST];
    MPI_Comm comm;

    if (r->count == 1)
        return turn;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, r->id, MPI_INFO_NULL, &comm);
    MPI_Comm_rank(comm, &own);
    MPI_Comm_size(comm, &count);
    MPI_Allgather(&r->id, 1, MPI_INT, host, 1, MPI_INT, comm);
    MPI_Comm_free(&comm);
    if (own + 1 < count)
        turn.next = host[own + 1];
    if (own > 0)
        MPI_Recv(NULL, 0, MPI_BYTE, host[own - 1], TAG_TURN, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return turn;
}

void ranks_turn_end(struct ranks_turn turn)
{
    if (turn.next >= 0)
        MPI_Send(NULL, 0, MPI_BYTE, turn.next, TAG_TURN, MPI_COMM_WORLD);
}

const char *ranks_library(char *room, int size)
{
    char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;

    MPI_Get_library_version(text, &length);
    text[strcspn(text, ",\n")] = '\0';
    if (size > 0) {
        strncpy(room, text, (size_t)size - 1);
        room[size - 1] = '\0';
    }
    return room;
}
