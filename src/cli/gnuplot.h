/* gnuplot.h - plots by gnuplot, if it is installed. */
#ifndef CLI_GNUPLOT_H
#define CLI_GNUPLOT_H

#include <stdbool.h>
#include <stdio.h>

bool gnuplot_found(void);

/* What gnuplot prints for a script, which is closed: a text for mem_free; NULL: there is no gnuplot, or it
 * failed. */
char *gnuplot_run(FILE *script);

#endif
