/* signals.h - what train and tune have in common on a terminal: signals, and where the files go. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <signal.h>

struct error;

/* From here on Ctrl-C and SIGTERM are noted rather than obeyed, and SIGUSR1 counted; a second Ctrl-C or
 * SIGTERM, half a second later or more, leaves at once: what was saved before is whole. A file that grows
 * beyond the limit is an error, no signal. */
void signals_catch_signals(void);
/* The signal that was noted, or 0; how often SIGUSR1 came. */
const volatile sig_atomic_t *signals_stop(void);
const volatile sig_atomic_t *signals_saves(void);
/* rc, or for a run that SIGTERM interrupted PT_ETERMINATED. */
int signals_end(int rc, struct error *err);

/* UNDER/NAME-TIME, a name that nothing has yet; NAME from the configuration's file (NULL: partrain). For
 * free; NULL: no memory. */
char *run_folder_default(const char *under, const char *file);

#endif
