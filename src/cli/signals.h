/* signals.h - signals during `train`, `tune` and `bench`; the default folder of a run. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <signal.h>

struct error;

/* From here on Ctrl-C and SIGTERM set a flag, and SIGUSR1 is counted. A second Ctrl-C or SIGTERM, half a
 * second later or more, ends the program at once. A file beyond the size limit is an error, not a signal. */
void signals_install(void);
/* The signal that came, or 0; how often SIGUSR1 came. */
const volatile sig_atomic_t *signals_stop(void);
const volatile sig_atomic_t *signals_saves(void);
/* rc, or for a run that SIGTERM interrupted PT_ETERMINATED. */
int signals_end(int rc, struct error *err);

/* UNDER/NAME-TIME, which does not exist yet; NAME from the configuration's file (NULL: partrain). For
 * free; NULL: no memory. */
char *run_folder_default(const char *under, const char *file);

#endif
