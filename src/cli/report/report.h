/* report.h - runs read from their folders, for `partrain report`. */
#ifndef CLI_REPORT_REPORT_H
#define CLI_REPORT_REPORT_H

#include "base/json.h"
#include "cli/cli.h"
#include "data/facts.h"

#include <stdio.h>

#define REPORT_SERIES 24 /* most curves and metrics that are shown */

struct report_run {
    char *name;            /* owned: the folder's last part, or all of it where two are alike */
    char *folder;          /* owned */
    struct config *config; /* owned */
    char **value;          /* (settings of the report) owned, each too: of every key */
    struct json *summary;  /* owned; NULL: the run is not finished */
    struct json *metrics;  /* owned: metrics.jsonl */
    int64_t lines;         /* of it, without those of a refit */
    struct facts *facts;   /* owned; NULL: the ratings could not be read again, and why */
    char facts_note[256];
};

struct report {
    struct report_run *run; /* (n) owned */
    int n;
    int settings; /* keys: config_key(0) to config_key(settings - 1) */
    int series;   /* curves over the epochs: loss, train_rmse, kl, then the validation metrics */
    char series_name[REPORT_SERIES][32];
    int metrics; /* the validation metrics among them: names of the tables' columns */
    char metric_name[REPORT_SERIES][32];
};

/* Reads the folders. PT_EUSAGE where one is no run's. `facts`: read the ratings again, too. */
int report_read(struct report *out, char **folder, int n, bool facts, struct error *err);
void report_fini(struct report *r);

/* The value of a curve at a line of metrics.jsonl, and a figure of the summary's part ("valid", "test"); NaN:
 * there is none. */
double report_value(const struct report_run *run, int64_t line, const char *series);
double report_figure(const struct report_run *run, const char *part, const char *metric);
/* A part of a summary, "test" or "baselines.popular", and whether any run has it; NULL: it is not there. */
const struct json *report_section(const struct json *summary, const char *part);
bool report_has(const struct report *r, const char *part);
/* The parts that are baselines (eval/baseline.h) and their titles. */
#define REPORT_BASELINES                                                                                     \
    {                                                                                                        \
        {"baselines.popular", "test, the most popular items"},                                               \
            {"baselines.mean", "test, the training mean"},                                                   \
        {                                                                                                    \
            "baselines.bias", "test, two means: training mean + bias of the user + bias of the item"         \
        }                                                                                                    \
    }
/* Whether the runs differ in setting i. */
bool report_differs(const struct report *r, int i);

/* ---- report_text.c, report_html.c ---- */

void report_print(FILE *out, const struct report *r);
int report_write_html(const char *path, const struct report *r, bool plots, struct error *err);

/* ---- report_plot.c: gnuplot ---- */

/* A learning curve of every run; activity (0), popularity (1) or values (2) of one run's data. An <svg>
 * element for mem_free; NULL: nothing to draw, or gnuplot failed. */
char *report_plot_series(const struct report *r, const char *series);
char *report_plot_facts(const struct facts *f, int which);

#endif
