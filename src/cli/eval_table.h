/* eval_table.h - a judged run's figures as a table: a row a metric, a column for what stands beside its value. */
#ifndef CLI_EVAL_TABLE_H
#define CLI_EVAL_TABLE_H

#include "cli/compare.h"
#include "eval/bootstrap.h"

/* What stands beside a figure; NAN: nothing. */
enum column {
    COLUMN_VALUE,
    COLUMN_REMOVE,
    COLUMN_ERROR,
    COLUMN_LOW,
    COLUMN_HIGH,
    COLUMN_AGAINST,
    COLUMN_DIFFERENCE,
    COLUMN_DIFFERENCE_LOW,
    COLUMN_DIFFERENCE_HIGH,
    COLUMN_P,
    COLUMNS,
};

/* Zeroed before sheet_fill. */
struct sheet {
    int rows;
    const struct metric *metric; /* (rows) borrowed from the judgement */
    bool shown[COLUMNS];
    double cell[METRICS_MOST][COLUMNS];
};

/* a's figures; with `ci` standard errors and intervals; with `b` (else NULL) the differences to it. Both are
 * judgements by the same metrics. PT_EUSAGE where a and b cannot be paired; else as bootstrap.h. */
int sheet_fill(struct sheet *s, const struct judgement *a, const struct judgement *b, bool ci,
               const struct bootstrap_spec *draw, struct error *err);

void sheet_print_table(const struct sheet *s);
void sheet_print_tsv(const struct sheet *s);
/* An object by metric; NULL without memory. */
struct json;
struct json *sheet_json(const struct sheet *s);

#endif
