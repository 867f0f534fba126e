/* report.h - runs read from their folders, for `partrain report`. */
#pragma once

#include "base/json.h"
#include "cli/cli.h"
#include "data/facts.h"

#include <stdio.h>

#define REPORT_SERIES 24 /* most curves and metrics that are shown */

struct report_run {
    const char *name;      /* the folder's last part, or all of it where two are alike */
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

/* Reads the folders. PT_EUSAGE where one is no run's. `facts`: read the ratings again, too. Call report_fini
 * after a failure too. */
int report_read(struct report *out, char **folder, int n, bool facts, struct error *err);
void report_fini(struct report *r);

/* The value of a curve at a line of metrics.jsonl, and a figure of the summary's part ("valid", "test"); NaN:
 * there is none. */
double report_value(const struct report_run *run, int64_t line, const char *series);
double report_figure(const struct report_run *run, const char *part, const char *metric);
/* Whether any run's summary has the part, such as "test" or "baselines.popular". */
bool report_has(const struct report *r, const char *part);
/* Whether the runs differ in setting i. */
bool report_differs(const struct report *r, int i);

/* ---- report_tables.c: what the text and the page have in common ---- */

struct page {
    FILE *out;   /* the terminal, or a page in memory */
    FILE *table; /* owned: cells of the table at hand, each ended by a tab, in lines; the first has titles */
    char *cells; /* owned: what `table` writes to */
    size_t size;
    bool html;
    const struct report *r;
};

/* PT_ENOMEM. */
int page_init(struct page *p, FILE *out, bool html, const struct report *r, struct error *err);
void page_fini(struct page *p);

/* A text, on a page without markup; a run's name, on a page with its colour. */
void page_text(const struct page *p, FILE *out, const char *text);
void page_run(const struct page *p, FILE *out, int k);
void page_heading(const struct page *p, int level, const char *text);
/* Prints the table and begins another; `left`: of texts, not numbers. */
void page_table(struct page *p, bool left);

/* A figure of each run's summary. */
struct column {
    const char *title, *section, *key; /* section NULL: of the summary itself; key NULL: the kind of model */
    enum { AS_WHOLE, AS_SECONDS, AS_FIGURE, AS_MIB, AS_GIB } format;
};

/* A row for each run. */
void page_columns(struct page *p, const struct column *column, int n);

void page_runs(struct page *p);
void page_figures(struct page *p);
void page_differences(struct page *p);
void page_phases(struct page *p);

/* ---- report_html.c ---- */

int report_write_html(const char *path, const struct report *r, bool plots, struct error *err);

/* ---- report_plot.c: gnuplot ---- */

/* A learning curve of every run; activity (0), popularity (1) or values (2) of one run's data. An <svg>
 * element for mem_free; NULL: nothing to draw, or gnuplot failed. */
char *report_plot_series(const struct report *r, const char *series);
char *report_plot_facts(const struct facts *f, int which);
