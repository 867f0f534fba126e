#include "cli/eval_table.h"

#include "base/json.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>

static const char *const column_name[COLUMNS] = {
    [COLUMN_VALUE] = "value",
    [COLUMN_REMOVE] = "seen_remove",
    [COLUMN_ERROR] = "std_error",
    [COLUMN_LOW] = "low",
    [COLUMN_HIGH] = "high",
    [COLUMN_AGAINST] = "against",
    [COLUMN_DIFFERENCE] = "difference",
    [COLUMN_DIFFERENCE_LOW] = "diff_low",
    [COLUMN_DIFFERENCE_HIGH] = "diff_high",
    [COLUMN_P] = "p",
};

static int add_interval(struct eval_table *s, const struct evaluation *j, int i,
                        const struct bootstrap_spec *draw, struct error *err)
{
    const struct metric *m = &j->spec.metric[i];
    struct bootstrap_figure f;
    int rc;

    if (j->n[i] == 0) /* no single user has it */
        return 0;
    rc = bootstrap_figure(&f, j->value[i], j->weight[i], j->n[i], draw, err);
    if (rc < 0)
        return error_prefix(err, "%s", m->name);
    s->cell[i][COLUMN_ERROR] =
        m->kind == METRIC_RMSE ? f.standard_error / (2.0 * sqrt(f.value)) : f.standard_error;
    s->cell[i][COLUMN_LOW] = metric_from_mean(m, f.low);
    s->cell[i][COLUMN_HIGH] = metric_from_mean(m, f.high);
    return 0;
}

/* The difference of two roots is that of what is under them, divided by their sum: the ends of its interval
 * are taken with that sum held. */
static int add_difference(struct eval_table *s, const struct evaluation *a, const struct evaluation *b, int i,
                          const struct bootstrap_spec *draw, struct error *err)
{
    const struct metric *m = &a->spec.metric[i];
    struct bootstrap_difference d;
    double *value, by = 1.0, *cell = s->cell[i];
    int rc;

    cell[COLUMN_AGAINST] = b->result.value[i];
    cell[COLUMN_DIFFERENCE] = a->result.value[i] - b->result.value[i];
    if (a->n[i] == 0 && b->n[i] == 0)
        return 0;
    if ((rc = evaluation_align(a, b, i, &value, err)) < 0)
        return rc;
    rc = bootstrap_difference(&d, a->value[i], value, a->weight[i], a->n[i], draw, err);
    mem_free(value);
    if (rc < 0)
        return error_prefix(err, "%s", m->name);
    if (m->kind == METRIC_RMSE && d.a.value + d.b.value > 0.0)
        by = sqrt(d.a.value) + sqrt(d.b.value);
    cell[COLUMN_DIFFERENCE_LOW] = d.difference.low / by;
    cell[COLUMN_DIFFERENCE_HIGH] = d.difference.high / by;
    cell[COLUMN_P] = d.p;
    return 0;
}

int eval_table_fill(struct eval_table *s, const struct evaluation *a, const struct evaluation *b, bool ci,
                    const struct bootstrap_spec *draw, struct error *err)
{
    int rc = 0;

    s->rows = a->spec.n;
    s->metric = a->spec.metric;
    s->shown[COLUMN_VALUE] = true;
    s->shown[COLUMN_REMOVE] = a->has_other;
    for (int c = COLUMN_ERROR; c <= COLUMN_HIGH; c++)
        s->shown[c] = ci;
    for (int c = COLUMN_AGAINST; c <= COLUMN_P; c++)
        s->shown[c] = b != NULL;
    for (int i = 0; i < s->rows && rc == 0; i++) {
        for (int c = 0; c < COLUMNS; c++)
            s->cell[i][c] = NAN;
        s->cell[i][COLUMN_VALUE] = a->result.value[i];
        if (a->has_other)
            s->cell[i][COLUMN_REMOVE] = a->other.value[i];
        if (ci)
            rc = add_interval(s, a, i, draw, err);
        if (b && rc == 0)
            rc = add_difference(s, a, b, i, draw, err);
    }
    return rc;
}

void eval_table_print(const struct eval_table *s, bool tsv)
{
    printf(tsv ? "%s" : "%-16s", "metric");
    for (int c = 0; c < COLUMNS; c++)
        if (s->shown[c])
            printf(tsv ? "\t%s" : " %11s", column_name[c]);
    putchar('\n');
    for (int i = 0; i < s->rows; i++) {
        printf(tsv ? "%s" : "%-16s", s->metric[i].name);
        for (int c = 0; c < COLUMNS; c++)
            if (s->shown[c] && isnan(s->cell[i][c]))
                fputs(tsv ? "\t" : "           -", stdout);
            else if (s->shown[c])
                printf(tsv ? "\t%.17g" : " %11.5g", s->cell[i][c]);
        putchar('\n');
    }
}

struct json *eval_table_json(const struct eval_table *s)
{
    struct json *metrics = json_new_object();

    for (int i = 0; i < s->rows; i++) {
        struct json *one = json_new_object();

        for (int c = 0; c < COLUMNS; c++)
            if (s->shown[c])
                json_put_real(one, column_name[c], s->cell[i][c]);
        json_put(metrics, s->metric[i].name, one);
    }
    return metrics;
}
