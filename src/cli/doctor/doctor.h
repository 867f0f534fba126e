/* doctor.h - shared by the files of `partrain doctor`: cmd_doctor.c prints facts and the map,
 * doctor_measure.c measures and warns. */
#ifndef CLI_DOCTOR_DOCTOR_H
#define CLI_DOCTOR_DOCTOR_H

#include "bench/probe.h"
#include "cli/cli.h"
#include "par/topo.h"

#include <stdbool.h>
#include <stdint.h>

enum { DOCTOR_WARNINGS = 24 };

struct doctor {
    const char *description; /* of the machine that is not there; NULL: this one */
    enum topo_bind bind;
    int workers, shards;
    bool asked;             /* for a number of workers */
    const char *workers_by; /* the variable that set the number where nobody asked; "": none */
    struct topo *topo;
    struct topo_facts facts;
    char warnings[DOCTOR_WARNINGS][400];
    int warned;
};

/* What a worker finds out, in a cache line of its own. */
struct finding {
    _Alignas(64) double cpu; /* seconds of this thread while all called BLAS */
    int processor;           /* that it ran on */
};

struct measurement {
    struct finding *findings; /* (workers) owned; NULL: nothing is measured yet */
    struct probe probe;
    double alone, together;  /* FLOP/s of one worker; of all who call BLAS at the same time */
    double barrier, process; /* seconds a barrier; CPU seconds of the process while all called BLAS */
    int serial_threads, bound;
};

/* One more line for the end of the report; beyond the room there is, it is dropped. */
void doctor_warn(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Starts the workers and measures BLAS and barriers; doctor_measurement_fini in every case. */
int doctor_measure(struct doctor *d, struct measurement *m, struct error *err);
void doctor_measurement_fini(struct measurement *m);
/* Prints it, and warns of what it shows. */
void doctor_print_measurement(struct doctor *d, const struct measurement *m);

/* Warns of the number of workers, and of variables of the environment. */
void doctor_check_workers(struct doctor *d);
void doctor_check_environment(struct doctor *d);

#endif
