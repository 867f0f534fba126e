#include "support.h"

#include "base/mem.h"
#include "base/timing.h"
#include "par/team.h"

#include <float.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

/* Brute force: contiguous, in order, complete, and sizes that differ by one at most. */
static void ranges_cover_everything_once(void **state)
{
    (void)state;
    for (int64_t n = 0; n <= 70; n++) {
        for (int count = 1; count <= 20; count++) {
            int64_t at = 0, least = INT64_MAX, most = 0;

            for (int id = 0; id < count; id++) {
                int64_t first, end;

                team_range(n, id, count, &first, &end);
                assert_int_equal(first, at);
                assert_true(end >= first);
                least = end - first < least ? end - first : least;
                most = end - first > most ? end - first : most;
                at = end;
            }
            assert_int_equal(at, n);
            assert_true(most - least <= 1);
        }
    }
}

static void huge_range_does_not_overflow(void **state)
{
    int64_t first, end;

    (void)state;
    team_range(INT64_MAX, 1023, 1024, &first, &end);
    assert_true(end == INT64_MAX);
    assert_true(first > 0 && first < end);
}

struct visits {
    int calls[16];
    int wrong;
};

static void count_visit(struct worker *w, void *arg)
{
    struct visits *v = arg;

    v->calls[w->id]++;
    if (w != team_worker(w->team, w->id) || w->count != team_workers(w->team))
        v->wrong++;
}

static void every_worker_runs_once(void **state)
{
    static const int counts[] = {1, 2, 3, 5, 8, 16};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct team *team;
        struct visits v = {0};

        assert_int_equal(team_new(&team, counts[i], NULL, BIND_NONE, NULL), 0);
        assert_int_equal(team_workers(team), counts[i]);
        assert_int_equal(team_bound(team), 0);
        team_run(team, count_visit, &v);
        team_run(team, count_visit, &v);
        for (int id = 0; id < 16; id++)
            assert_int_equal(v.calls[id], id < counts[i] ? 2 : 0);
        assert_int_equal(v.wrong, 0);
        team_free(team);
    }
}

/* Each round every worker writes its cell, and after the barrier reads its neighbour's: a barrier that lets
 * one through early shows a cell of the round before. */
enum { ROUNDS = 300 };

struct ring {
    volatile int cell[16 * 16]; /* a line each */
    int wrong[16];
};

static void pass_round(struct worker *w, void *arg)
{
    struct ring *r = arg;

    for (int round = 1; round <= ROUNDS; round++) {
        r->cell[16 * w->id] = round;
        team_barrier(w);
        r->wrong[w->id] += r->cell[16 * ((w->id + 1) % w->count)] != round;
        team_barrier(w);
    }
}

static void barrier_holds_everyone(void **state)
{
    static const int counts[] = {1, 2, 3, 8};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct team *team;
        struct ring r = {0};

        assert_int_equal(team_new(&team, counts[i], NULL, BIND_NONE, NULL), 0);
        team_run(team, pass_round, &r);
        for (int id = 0; id < counts[i]; id++)
            assert_int_equal(r.wrong[id], 0);
        team_free(team);
    }
}

/* Half the smallest normal number, made in this thread: 0 where denormals are flushed. */
static float make_denormal(void)
{
    volatile float least = FLT_MIN;

    return least * 0.5f;
}

static float read_denormal(void)
{
    volatile uint32_t bits = 0x400000; /* FLT_MIN / 2 */
    uint32_t copy = bits;
    float x;

    memcpy(&x, &copy, sizeof x);
    return x * 0x1p126f;
}

static void look_for_denormals(struct worker *w, void *arg)
{
    ((float *)arg)[w->id] = make_denormal() + read_denormal();
}

static void denormals_are_flushed_while_the_team_lives(void **state)
{
#if defined(__x86_64__) || defined(__aarch64__)
    struct team *team;
    float seen[3] = {1, 1, 1};

    (void)state;
    assert_true(make_denormal() > 0.0f && read_denormal() > 0.0f);
    assert_int_equal(team_new(&team, 3, NULL, BIND_NONE, NULL), 0);
    assert_true(make_denormal() == 0.0f && read_denormal() == 0.0f);
    team_run(team, look_for_denormals, seen);
    for (int id = 0; id < 3; id++)
        assert_true(seen[id] == 0.0f);
    team_free(team);
    assert_true(make_denormal() > 0.0f && read_denormal() > 0.0f);
#else
    (void)state;
    skip();
#endif
}

static void note_cpus(struct worker *w, void *arg)
{
    cpu_set_t set;

    ((int *)arg)[w->id] = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : -1;
}

static void workers_are_bound_and_the_caller_is_let_go(void **state)
{
    struct team *team;
    struct topo *topo;
    struct topo_facts facts;
    int cpus[3] = {0};
    cpu_set_t before, after;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_int_equal(topo_new(&topo, NULL, NULL), 0);
    topo_facts(topo, &facts);
    assert_int_equal(team_new(&team, 3, topo, BIND_COMPACT, NULL), 0);
    team_run(team, note_cpus, cpus);
    if (!facts.omp_places && team_bound(team) == 3)
        for (int id = 0; id < 3; id++)
            assert_int_equal(cpus[id], 1);
    else
        assert_int_equal(team_bound(team), 0);
    team_free(team);
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_true(CPU_EQUAL(&before, &after));
    topo_free(topo);
}

/* A team that is not bound must not inherit the binding of one that lived before it on the same threads. */
static void next_team_is_not_bound_by_the_last(void **state)
{
    struct team *team;
    struct topo *topo;
    int cpus[2] = {0}, all;
    cpu_set_t set;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    all = CPU_COUNT(&set);
    assert_int_equal(topo_new(&topo, NULL, NULL), 0);
    assert_int_equal(team_new(&team, 2, topo, BIND_SCATTER, NULL), 0);
    team_free(team);
    assert_int_equal(team_new(&team, 2, NULL, BIND_NONE, NULL), 0);
    team_run(team, note_cpus, cpus);
    assert_int_equal(cpus[0], all);
    assert_int_equal(cpus[1], all);
    team_free(team);
    topo_free(topo);
}

static void spend(double seconds)
{
    double end = clock_now() + seconds;

    while (clock_now() < end)
        ;
}

static void work_and_wait(struct worker *w, void *arg)
{
    (void)arg;
    team_phase(w, PHASE_ENCODE);
    spend(0.01);
    if (w->id == 0) {
        team_phase(w, PHASE_DECODE);
        spend(0.04);
    }
    team_barrier(w);
    team_phase(w, PHASE_UPDATE);
    spend(0.01);
}

static void time_is_told_by_phase(void **state)
{
    struct team *team;
    const struct worker *first, *second;
    double start, wall;

    (void)state;
    assert_int_equal(team_new(&team, 2, NULL, BIND_NONE, NULL), 0);
    first = team_worker(team, 0);
    second = team_worker(team, 1);
    start = clock_now();
    team_run(team, work_and_wait, NULL);
    wall = clock_now() - start;
    assert_true(first->seconds[PHASE_DECODE] >= 0.04);
    assert_true(second->seconds[PHASE_DECODE] == 0.0);
    assert_true(second->seconds[PHASE_ENCODE] >= 0.01);
    assert_true(first->seconds[PHASE_UPDATE] >= 0.01 && second->seconds[PHASE_UPDATE] >= 0.01);
    for (int id = 0; id < 2; id++) {
        double sum = 0.0;

        for (int p = 0; p < PHASES; p++)
            sum += team_worker(team, id)->seconds[p];
        assert_true(sum <= wall + 1e-3);
    }
    team_reset_times(team);
    for (int p = 0; p < PHASES; p++) {
        assert_true(first->seconds[p] == 0.0 && second->seconds[p] == 0.0);
        assert_true(strlen(phase_name((enum phase)p)) > 2);
    }
    team_free(team);
}

static void free_takes_null(void **state)
{
    (void)state;
    team_free(NULL);
}

/* Run in a process of its own, since OpenMP reads its environment once: exit status 4 and the message on
 * stdout where the team cannot be had. */
static int try_team(int workers)
{
    struct team *team = NULL;
    struct error err = {0};
    int rc = team_new(&team, workers, NULL, BIND_NONE, &err);

    if (rc < 0)
        puts(err.text);
    team_free(team);
    return error_exit_status(rc);
}

static int run_self(const char *environment, const char *argument, char *line, int bytes)
{
    char command[4096], self[2048];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    FILE *f;
    int status;

    assert_true(n > 0);
    self[n] = '\0';
    snprintf(command, sizeof command, "%s '%s' %s", environment, self, argument);
    f = popen(command, "r");
    assert_non_null(f);
    line[0] = '\0';
    if (!fgets(line, bytes, f))
        line[0] = '\0';
    status = pclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void thread_limit_of_openmp_is_an_error(void **state)
{
    char line[1200];

    (void)state;
    assert_int_equal(run_self("OMP_THREAD_LIMIT=3", "--team 4", line, sizeof line), 4);
    assert_non_null(strstr(line, "OMP_THREAD_LIMIT"));
    assert_int_equal(run_self("OMP_THREAD_LIMIT=3", "--team 3", line, sizeof line), 0);
}

static void dynamic_threads_are_turned_off(void **state)
{
    char line[1200];

    (void)state;
    assert_int_equal(run_self("OMP_DYNAMIC=true", "--team 8", line, sizeof line), 0);
}

/* Root is not held by ulimit -u, but the room for stacks holds everybody. A sanitizer needs that room itself.
 */
static void system_without_threads_is_an_error(void **state)
{
    char line[1200];

    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip();
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    skip();
#endif
#endif
    assert_int_equal(run_self("ulimit -s 8192; ulimit -v 1000000;", "--team 400", line, sizeof line), 4);
    assert_non_null(strstr(line, "the system does not allow 400 threads"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_cover_everything_once),
        cmocka_unit_test(huge_range_does_not_overflow),
        cmocka_unit_test(every_worker_runs_once),
        cmocka_unit_test(barrier_holds_everyone),
        cmocka_unit_test(denormals_are_flushed_while_the_team_lives),
        cmocka_unit_test(workers_are_bound_and_the_caller_is_let_go),
        cmocka_unit_test(next_team_is_not_bound_by_the_last),
        cmocka_unit_test(time_is_told_by_phase),
        cmocka_unit_test(free_takes_null),
        cmocka_unit_test(thread_limit_of_openmp_is_an_error),
        cmocka_unit_test(dynamic_threads_are_turned_off),
        cmocka_unit_test(system_without_threads_is_an_error),
    };

    if (argc == 3 && strcmp(argv[1], "--team") == 0)
        return try_team(atoi(argv[2]));
    return cmocka_run_group_tests_name("team", tests, NULL, NULL);
}
