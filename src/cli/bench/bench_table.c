/* bench_table.c - rows of fields as Markdown, csv or JSON. */
#include "cli/bench/bench.h"

#include "base/json.h"
#include "cli/cli.h"
#include "cli/rows.h"

#include <math.h>
#include <stdio.h>

/* NaN is an empty field. */
static void csv_line(const struct bench_field *f, int n, bool names)
{
    const char *comma = "";

    for (int i = 0; i < n; i++) {
        if (!f[i].csv)
            continue;
        fputs(comma, stdout);
        if (names)
            printf("%s%s%s", f[i].phase ? f[i].phase : "", f[i].phase ? "_" : "", f[i].csv);
        else if (f[i].kind == AS_TEXT)
            rows_csv_field(stdout, f[i].text);
        else if (isfinite(f[i].value))
            printf(f[i].kind == AS_REAL ? "%.6g" : "%.0f", f[i].value);
        comma = ",";
    }
    putchar('\n');
}

/* A row, or the names and the rule below them. NaN is a dash. */
static void md_line(const struct bench_field *f, int n, bool names)
{
    putchar('|');
    for (int i = 0; i < n; i++) {
        if (!f[i].md)
            continue;
        if (names)
            printf(" %s |", f[i].md);
        else if (f[i].kind == AS_TEXT)
            printf(" %s |", f[i].text);
        else if (!isfinite(f[i].value))
            printf(" - |");
        else if (f[i].kind == AS_WHOLE || f[i].digits)
            printf(" %.*f |", f[i].digits, f[i].value);
        else
            printf(" %.4g |", f[i].value);
    }
    if (names)
        printf("\n|");
    for (int i = 0; names && i < n; i++)
        if (f[i].md)
            printf(f[i].kind == AS_TEXT ? " :--- |" : " ---: |");
    putchar('\n');
}

static struct json *row_json(const struct bench_field *f, int n, struct json *result)
{
    struct json *row = json_new_object(), *phases = NULL, *phase = NULL;

    for (int i = 0; i < n; i++) {
        struct json *to = f[i].once ? result : row;

        if (f[i].phase && !phases)
            json_put(row, "phases", phases = json_new_object());
        if (f[i].phase && f[i].phase != f[i - 1].phase)
            json_put(phases, f[i].phase, phase = json_new_object());
        if (f[i].phase)
            to = phase;
        if (!f[i].json)
            continue;
        if (f[i].kind == AS_TEXT)
            json_put_text(to, f[i].json, f[i].text);
        else if (f[i].kind == AS_FLAG)
            json_put_bool(to, f[i].json, f[i].value != 0.0);
        else if (f[i].kind == AS_WHOLE)
            json_put_int(to, f[i].json, llround(f[i].value));
        else
            json_put_real(to, f[i].json, f[i].value / (f[i].unit > 0.0 ? f[i].unit : 1.0));
    }
    return row;
}

int bench_table_print(int rows, int (*fields)(struct bench_field *out, const void *arg, int row),
                      const void *arg, enum bench_form form, struct error *err)
{
    void (*line)(const struct bench_field *f, int n, bool names) = form == FORM_CSV ? csv_line : md_line;
    struct bench_field f[BENCH_FIELDS];
    struct json *result, *all;

    if (form != FORM_JSON) {
        line(f, fields(f, arg, 0), true);
        for (int i = 0; i < rows; i++)
            line(f, fields(f, arg, i), false);
        return 0;
    }
    result = json_new_object();
    all = json_new_array();
    for (int i = 0; i < rows; i++)
        json_put(all, NULL, row_json(f, fields(f, arg, i), result));
    json_put(result, "rows", all);
    return cli_print_json(stdout, result, err);
}
