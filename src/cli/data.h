/* data.h - facts about ratings as text and JSON, for `data describe` and reports. */
#ifndef CLI_DATA_H
#define CLI_DATA_H

#include "data/facts.h"

#include <stdio.h>

/* The output of `data describe`. */
void data_print(FILE *out, const char *path, const struct facts *f, const struct ratings *r);
/* The same facts as one JSON object, indented. */
int data_print_json(FILE *out, const char *path, const struct facts *f, const struct ratings *r,
                    struct error *err);

/* "2000-04-25" (UTC) of seconds since 1970. */
void data_date(int64_t time, char out[32]);

#endif
