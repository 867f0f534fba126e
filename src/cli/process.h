/* process.h - other programs: runs one and takes what it prints; gnuplot. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* Runs argv[0] with `in` (NULL: ours) as its input. Its messages go where ours go, with `quiet` nowhere; it
 * ends when this process is stopped. Returns its status as of waitpid(), -1: not started. *text, for
 * mem_free: what it printed, at most 64 MiB; NULL: nothing. */
int process_run(char *const *argv, FILE *in, bool quiet, char **text);

bool gnuplot_found(void);
/* What gnuplot prints for a script, which is closed; for mem_free. NULL: it failed, or is not there. */
char *gnuplot_run(FILE *script);
