/* doctor.h - shared by the files of `partrain doctor`: cmd_doctor.c prints facts and the map,
 * doctor_measure.c measures and warns. */
#pragma once

#include "bench/probe.h"
#include "cli/cli.h"
#include "par/topo.h"

/* What a worker finds out, in a cache line of its own. */
struct finding {
    _Alignas(64) double cpu; /* seconds of this thread while all called BLAS */
    int processor;           /* that it ran on */
};

struct doctor {
    const char *description; /* of the machine that is not there; NULL: this one */
    enum topo_bind bind;
    int workers, shards;
    bool asked;             /* for a number of workers */
    const char *workers_by; /* the variable that set the number where nobody asked; "": none */
    struct topo *topo;
    struct topo_facts facts;
    FILE *warnings; /* lines for the end of the report */
    /* of doctor_measure */
    struct finding *findings; /* (workers) owned; NULL: nothing is measured yet */
    struct probe probe;
    double alone, together;  /* FLOP/s of one worker; of all who call BLAS at the same time */
    double barrier, process; /* seconds a barrier; CPU seconds of the process while all called BLAS */
    int serial_threads, bound;
};

#define doctor_warn(d, ...) fprintf((d)->warnings, "warning: " __VA_ARGS__)

/* Starts the workers, measures BLAS and barriers. */
int doctor_measure(struct doctor *d, struct error *err);
/* Prints it, and warns of what it shows. */
void doctor_print_measurement(struct doctor *d);

/* Warns of the number of workers, and of variables of the environment. */
void doctor_check_workers(struct doctor *d);
void doctor_check_environment(struct doctor *d);
