/* bench.h - what the two halves of `partrain bench` share: cmd_bench.c measures, bench_print.c writes. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "train/bench.h"

/* To stdout. */
void bench_print_md(const struct bench_result *r, const struct config *c);
void bench_print_csv(const struct bench_result *r);
int bench_print_json(const struct bench_result *r, const struct config *c, struct error *err);

/* Speed-up over threads with the ideal line, by gnuplot, as SVG. 1: there is no gnuplot; PT_EFILE where it
 * fails. */
int bench_plot(const struct bench_result *r, const struct config *c, const char *file, struct error *err);

#endif
