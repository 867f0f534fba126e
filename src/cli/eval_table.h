/* eval_table.h - the figures of an evaluated run as a table: a row a metric; columns for its value,
 * interval and difference to another run. */
#ifndef CLI_EVAL_TABLE_H
#define CLI_EVAL_TABLE_H

#include "serve/compare.h"
#include "eval/bootstrap.h"

/* Columns of the table; NAN is an empty cell. */
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
    const struct metric *metric; /* (rows) borrowed from the evaluation */
    bool shown[COLUMNS];
    double cell[METRICS_MOST][COLUMNS];
};

/* a's figures; with `ci` standard errors and intervals; with `b` (else NULL) the differences to it. Both are
 * evaluations by the same metrics. PT_EUSAGE where a and b cannot be paired; else as bootstrap.h. */
int eval_table_fill(struct eval_table *s, const struct evaluation *a, const struct evaluation *b, bool ci,
                    const struct bootstrap_spec *draw, struct error *err);

/* For reading, or tab-separated with all digits. */
void eval_table_print(const struct eval_table *s, bool tsv);
/* An object by metric; NULL without memory. */
struct json;
struct json *eval_table_json(const struct eval_table *s);

#endif
