/* manual.h - man pages and shell completions, generated from the tables behind --help. */
#ifndef CLI_MANUAL_H
#define CLI_MANUAL_H

#include <stdbool.h>
#include <stdio.h>

/* The man page of a command, in roff; NULL: of the program. false: there is no such command. */
bool manual_man(FILE *out, const char *name);
/* For bash, zsh or fish; false: another word. */
bool manual_completion(FILE *out, const char *shell);

#endif
