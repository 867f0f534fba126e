/* race.c - does ThreadSanitizer see what workers do? Each of two workers writes a number and reads its
 * neighbour's: with "barrier" behind the team's barrier, which it must know to be right, else without, which
 * it must report. The leg of CI that relies on its silence runs both. */
#include "base/error.h"
#include "par/team.h"

#include <stdio.h>
#include <string.h>

struct pair {
    int64_t number[2], seen[2];
    int barrier;
};

static void exchange(struct worker *w, void *arg)
{
    struct pair *p = arg;

    for (int round = 0; round < 1000; round++) {
        p->number[w->id] = round;
        if (p->barrier)
            team_barrier(w);
        p->seen[w->id] += p->number[1 - w->id];
        if (p->barrier)
            team_barrier(w);
    }
}

int main(int argc, char **argv)
{
    struct pair p = {.barrier = argc > 1 && strcmp(argv[1], "barrier") == 0};
    struct error err = {0};
    struct team *team;

    if (team_new(&team, 2, NULL, BIND_NONE, &err) < 0) {
        fprintf(stderr, "race: %s\n", err.text);
        return 1;
    }
    team_run(team, exchange, &p);
    team_run(team, exchange, &p); /* what a region has written the next one may read */
    team_free(team);
    printf("%lld %lld\n", (long long)p.seen[0], (long long)p.seen[1]);
    return 0;
}
