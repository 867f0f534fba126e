/* bench.h - output of `partrain bench`, and its measurements over ranks. */
#pragma once

#include "bench/bench.h"

enum bench_form { FORM_MD, FORM_CSV, FORM_JSON };

/* bench_ranks.c: the same measurement by R processes, for each R of a list. */
struct bench_ranks {
    int count[BENCH_ROWS], rows;
    const char *launch; /* what R and the program are put behind; NULL: "mpirun -np" */
};

/* Starts `partrain bench` for each number of ranks (1: without the launcher), with the threads and the length
 * of `spec`, `file` (or NULL) and the assignments, and writes one table of all of it to stdout. PT_ECHECK
 * where weights differ: the table is written all the same. Where a measurement fails, its own code. */
int bench_ranks(const struct bench_ranks *ranks, const struct bench_spec *spec, const char *file,
                char **assignment, int assignments, enum bench_form form,
                void (*note)(void *arg, const char *text), struct error *err);

/* To stdout. */
int bench_print(const struct bench_result *r, const struct config *c, enum bench_form form,
                struct error *err);

/* Speed-up over threads with the ideal line, by gnuplot, as SVG. PT_EFILE where it fails. */
int bench_plot(const struct bench_result *r, const struct config *c, const char *file, struct error *err);

/* ---- bench_table.c ---- */

enum { BENCH_FIELDS = 128 };

/* A field of a row: its name in each form (NULL: not there). */
struct bench_field {
    const char *csv, *json, *md;
    const char *phase; /* csv: PHASE_NAME; JSON: within phases.PHASE; NULL: of the whole row */
    enum { AS_REAL, AS_WHOLE, AS_FLAG, AS_TEXT } kind;
    const char *text;
    double value, unit; /* JSON: the value is divided by `unit` (0: 1) */
    int digits;         /* md: behind the point; 0: four significant ones */
    bool once;          /* JSON: of the result, not of the row */
};

#define FIELD_NAMES(name)    .csv = name, .json = name
#define FIELD_REAL(name, x)  FIELD_NAMES(name), .kind = AS_REAL, .value = x
#define FIELD_WHOLE(name, x) FIELD_NAMES(name), .kind = AS_WHOLE, .value = (double)(x)
#define FIELD_FLAG(name, x)  FIELD_NAMES(name), .kind = AS_FLAG, .value = x
#define FIELD_TEXT(name, x)  FIELD_NAMES(name), .kind = AS_TEXT, .text = x
/* A rate: csv NAME a second, JSON gNAME, in 10^9 a second. */
#define FIELD_GIGA(name, json_name, x) .csv = name, .json = json_name, .value = x, .unit = 1e9

/* `fields` fills in the at most BENCH_FIELDS fields of a row, the same ones for every row, and returns how
 * many. */
int bench_table_print(int rows, int (*fields)(struct bench_field *out, const void *arg, int row),
                      const void *arg, enum bench_form form, struct error *err);
