/* report_read.c - the folders of runs, read again. */
#include "cli/report/report.h"

#include "base/file.h"
#include "base/mem.h"
#include "read/read.h"
#include "store/run_files.h"
#include "setup/problem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int read_settings(struct report_run *run, int settings, struct error *err)
{
    TRY(run_config_read(&run->config, run->folder, err));
    run->value = mem_zalloc(settings, sizeof *run->value);
    for (int i = 0; run->value && i < settings; i++)
        TRY(need_memory((run->value[i] = config_value(run->config, i)) != NULL, err));
    return need_memory(run->value, err);
}

/* A file that an unfinished run may lack. */
static int read_file(struct json **out, const struct report_run *run, const char *name,
                     int (*read)(struct json **out, const char *path, struct error *err), struct error *err)
{
    mem_scoped char *path = file_join(run->folder, name);

    TRY(need_memory(path, err));
    return file_exists(path) ? read(out, path, err) : 0;
}

static int read_figures(struct report_run *run, struct error *err)
{
    TRY(read_file(&run->summary, run, RUN_SUMMARY, json_read, err));
    TRY(read_file(&run->metrics, run, RUN_METRICS, json_read_lines, err));
    while (run->lines < json_count(run->metrics) &&
           !json_get_bool(json_at(run->metrics, run->lines), "refit", false))
        run->lines++;
    return 0;
}

/* Whether a run before the last one stands on the same ratings: they are read and shown once. */
static bool seen_data(const struct report *r, const char *digest)
{
    for (int i = 0; i + 1 < r->n && digest; i++)
        if (strcmp(json_get_text(json_get(r->run[i].summary, "data"), "digest", ""), digest) == 0)
            return true;
    return false;
}

/* The ratings again, for the plots: a report without them is still a report. */
static void read_facts(const struct report *report, struct report_run *run)
{
    struct ratings_spec spec = problem_ratings_spec(run->config, problem_workers(run->config));
    struct ratings *r = NULL;
    struct error err = {0};
    const char *digest = json_get_text(json_get(run->summary, "data"), "digest", NULL);

    if (seen_data(report, digest))
        return;
    if (strcmp(run->config->data_path, "-") == 0) {
        snprintf(run->facts_note, sizeof run->facts_note, "The ratings came from standard input.");
        return;
    }
    spec.binarize = run->config->binarize;
    if (ratings_read(&r, &spec, &err) < 0) {
        snprintf(run->facts_note, sizeof run->facts_note, "The ratings cannot be read again: %.200s",
                 err.text);
        return;
    }
    run->facts = mem_zalloc(1, sizeof *run->facts);
    if (run->facts && facts_make(run->facts, r, &err) < 0) {
        mem_free(run->facts);
        run->facts = NULL;
    }
    if (!run->facts)
        snprintf(run->facts_note, sizeof run->facts_note, "%.200s", err.text);
    else if (digest && strcmp(digest, r->digest) != 0)
        snprintf(run->facts_note, sizeof run->facts_note,
                 "The ratings are others now than when it was trained.");
    ratings_free(r);
}

static void add_name(char list[REPORT_SERIES][32], int *n, const char *name)
{
    for (int i = 0; i < *n; i++)
        if (strcmp(list[i], name) == 0)
            return;
    if (*n < REPORT_SERIES)
        snprintf(list[(*n)++], 32, "%.31s", name);
}

static void collect_metrics(struct report *r)
{
    for (int k = 0; k < r->n; k++) {
        const struct report_run *run = &r->run[k];
        const char *key = NULL;

        for (int64_t i = 0; i < run->lines; i++)
            for (key = NULL; json_next(json_get(json_at(run->metrics, i), "valid"), &key);)
                add_name(r->metric_name, &r->metrics, key);
        for (key = NULL; json_next(json_get(run->summary, "test"), &key);)
            if (strcmp(key, "examples") != 0 && strcmp(key, "cells") != 0)
                add_name(r->metric_name, &r->metrics, key);
    }
}

static void collect_series(struct report *r)
{
    static const char *const own[] = {"loss", "train_rmse", "kl"};

    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        for (int k = 0; k < r->n; k++)
            if (r->run[k].lines && !isnan(report_value(&r->run[k], 0, own[i])))
                add_name(r->series_name, &r->series, own[i]);
    for (int i = 0; i < r->metrics; i++) {
        char name[40];

        snprintf(name, sizeof name, "valid %.25s", r->metric_name[i]);
        add_name(r->series_name, &r->series, name);
    }
}

/* The folder without a slash at its end, and its last part. */
static int name_run(struct report_run *run, const char *folder, struct error *err)
{
    size_t length = strlen(folder);
    const char *slash;

    while (length > 1 && folder[length - 1] == '/')
        length--;
    TRY(need_memory((run->folder = strndup(folder, length)) != NULL, err));
    slash = strrchr(run->folder, '/');
    run->name = slash && slash[1] ? slash + 1 : run->folder;
    return 0;
}

static void make_names_differ(struct report *r)
{
    for (int i = 1; i < r->n; i++)
        for (int k = 0; k < i; k++)
            if (strcmp(r->run[i].name, r->run[k].name) == 0)
                r->run[i].name = r->run[i].folder;
}

int report_read(struct report *out, char **folder, int n, bool facts, struct error *err)
{

    *out = (struct report){.run = mem_zalloc(n, sizeof *out->run)};
    TRY(need_memory(out->run, err));
    while (config_key(out->settings))
        out->settings++;
    for (int i = 0; i < n; i++) {
        struct report_run *run = &out->run[i];

        out->n++;
        TRY(name_run(run, folder[i], err));
        TRY(read_settings(run, out->settings, err));
        TRY(read_figures(run, err));
        if (facts)
            read_facts(out, run);
    }
    make_names_differ(out);
    collect_metrics(out);
    collect_series(out);
    return 0;
}

void report_fini(struct report *r)
{
    for (int k = 0; k < r->n; k++) {
        struct report_run *run = &r->run[k];

        for (int i = 0; run->value && i < r->settings; i++)
            free(run->value[i]);
        mem_free(run->value);
        json_free(run->metrics);
        free(run->folder);
        mem_free(run->facts);
        json_free(run->summary);
        config_free(run->config);
    }
    mem_free(r->run);
    *r = (struct report){0};
}

double report_value(const struct report_run *run, int64_t line, const char *series)
{
    const struct json *j = json_at(run->metrics, line);

    if (strncmp(series, "valid ", 6) == 0)
        return json_get_real(json_get(j, "valid"), series + 6, NAN);
    return json_get_real(j, series, NAN);
}

/* "test", or "baselines.popular" (NULL: all of the summary); NULL: it is not there. */
static const struct json *section(const struct json *summary, const char *part)
{
    const char *dot = part ? strchr(part, '.') : NULL;
    char room[32];

    if (!part)
        return summary;
    if (!dot)
        return json_get(summary, part);
    snprintf(room, sizeof room, "%.*s", (int)(dot - part), part);
    return json_get(json_get(summary, room), dot + 1);
}

double report_figure(const struct report_run *run, const char *part, const char *metric)
{
    return json_get_real(section(run->summary, part), metric, NAN);
}

bool report_has(const struct report *r, const char *part)
{
    for (int k = 0; k < r->n; k++)
        if (r->run[k].summary && section(r->run[k].summary, part))
            return true;
    return false;
}

bool report_differs(const struct report *r, int i)
{
    for (int k = 1; k < r->n; k++)
        if (strcmp(r->run[k].value[i], r->run[0].value[i]) != 0)
            return true;
    return false;
}
