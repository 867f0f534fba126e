/* recognise_layouts.h - what is recognised of texts that are not one rating a line: their columns, by the
 * first lines. Each function reports what it found, or refuses. */
#pragma once

#include "read/sample.h"

struct recogniser {
    struct text_format *d;
    struct reading *told;
    const struct ratings_spec *spec;
    struct sample *s;
    const char *begin, *end;       /* behind the head */
    int64_t head;                  /* lines of the head */
    const char *names, *names_end; /* the last comment of the head: it may hold the names */
    bool known_name;
    struct error *err;
};

#define REPORT(g, ...) snprintf((g)->told->columns, sizeof(g)->told->columns, __VA_ARGS__)

void recogniser_pass_line(struct recogniser *g);
/* The header, which is no data if it stands again. */
void recogniser_set_header(struct recogniser *g, const char *begin, const char *end);

int recognise_json(struct recogniser *g);
int recognise_matrix_market(struct recogniser *g, const char *banner);
/* "7:", the item of the lines below. */
bool recognise_block_name(const char *line, const char *end);
int recognise_netflix(struct recogniser *g);
int recognise_matrix(struct recogniser *g);
void recogniser_report_lists(struct recogniser *g);
/* Refuses blocks of 'user|count'; 0: there are none. */
int recognise_counted_blocks(struct recogniser *g);
