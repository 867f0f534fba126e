/* bench.h - output of `partrain bench`, and its measurements over ranks. */
#ifndef CLI_BENCH_BENCH_H
#define CLI_BENCH_BENCH_H

#include "bench/bench.h"

struct json;

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
void bench_print_md(const struct bench_result *r, const struct config *c);
void bench_print_csv(const struct bench_result *r, const struct config *c);
/* A figure of a row: its name in csv and in JSON (NULL: not there), where it is divided by `unit` (0: 1). */
struct bench_field {
    const char *csv, *json;
    double value;
    bool whole;
    double unit;
};

void bench_csv_names(const struct bench_field *f, int n);
void bench_csv_values(const struct bench_field *f, int n);
/* One more field of a line of csv: a comma and the text, in quotes where it needs them. */
void bench_csv_text(const char *text);
struct json *bench_json_fields(const struct bench_field *f, int n);
int bench_print_json(const struct bench_result *r, const struct config *c, struct error *err);

/* Speed-up over threads with the ideal line, by gnuplot, as SVG. 1: there is no gnuplot; PT_EFILE where it
 * fails. */
int bench_plot(const struct bench_result *r, const struct config *c, const char *file, struct error *err);

#endif
