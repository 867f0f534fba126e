/* eval_table.h - a judged run's figures as a table: a row a metric, a column for what stands beside its value. */
#ifndef CLI_EVAL_TABLE_H
#define CLI_EVAL_TABLE_H

#include "serve/compare.h"
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

/* Zeroed before eval_table_fill. */
struct eval_table {
    int rows;
    const struct metric *metric; /* (rows) borrowed from the judgement */
    bool shown[COLUMNS];
    double cell[METRICS_MOST][COLUMNS];
};

/* a's figures; with `ci` standard errors and intervals; with `b` (else NULL) the differences to it. Both are
 * judgements by the same metrics. PT_EUSAGE where a and b cannot be paired; else as bootstrap.h. */
int eval_table_fill(struct eval_table *s, const struct evaluation *a, const struct evaluation *b, bool ci,
                    const struct bootstrap_spec *draw, struct error *err);

void eval_table_print_table(const struct eval_table *s);
void eval_table_print_tsv(const struct eval_table *s);
/* An object by metric; NULL without memory. */
struct json;
struct json *eval_table_json(const struct eval_table *s);

#endif
