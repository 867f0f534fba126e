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

#define MOST_BYTES ((size_t)1 << 30)

/* ---- settings -------------------------------------------------------------------------------------------
 */

static int add_setting(struct report_run *run, const char *section, const char *key, size_t length,
                       const char *value)
{
    struct setting *more = mem_resize(run->setting, run->settings + 1, sizeof *more);
    size_t size = strlen(section) + length + 2;

    if (!more)
        return -1;
    run->setting = more;
    more += run->settings++;
    *more = (struct setting){mem_alloc((int64_t)size, 1), mem_strdup(value)};
    if (!more->key || !more->value)
        return -1;
    snprintf(more->key, size, "%s.%.*s", section, (int)length, key);
    return 0;
}

/* config_print's lines: "section:" and "  key: value". */
static int split_settings(struct report_run *run, char *text)
{
    char *section = text, *rest = NULL;

    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *colon = strchr(line, ':');

        if (!colon)
            continue;
        if (*line != ' ') {
            *colon = 0;
            section = line;
        } else if (add_setting(run, section, line + 2, (size_t)(colon - line - 2),
                               colon[1] == ' ' ? colon + 2 : colon + 1) < 0) {
            return -1;
        }
    }
    return 0;
}

static int read_settings(struct report_run *run, struct error *err)
{
    char *text;
    size_t length;
    int rc = run_config_read(&run->config, run->folder, err);

    if (rc < 0 || (rc = run_config_text(run->config, &text, &length, err)) < 0)
        return rc;
    if (split_settings(run, text) < 0)
        rc = error_set(err, PT_ENOMEM, "out of memory");
    free(text);
    return rc;
}

/* ---- figures --------------------------------------------------------------------------------------------
 */

static int read_text(char **out, size_t *length, const struct report_run *run, const char *name,
                     struct error *err)
{
    char *path = file_join(run->folder, name);
    int rc = 0;

    *out = NULL;
    if (!path)
        return error_set(err, PT_ENOMEM, "out of memory");
    if (file_exists(path))
        rc = file_read(out, length, path, MOST_BYTES, PT_EFILE, err);
    mem_free(path);
    return rc;
}

static int read_summary(struct report_run *run, struct error *err)
{
    char *text;
    size_t length;
    int rc = read_text(&text, &length, run, RUN_SUMMARY, err);

    if (text && (rc = json_parse(&run->summary, text, length, err)) < 0)
        error_prefix(err, "%s/" RUN_SUMMARY, run->folder);
    mem_free(text);
    return rc;
}

static int add_line(struct report_run *run, const char *text, size_t length, struct error *err)
{
    struct json **more, *line;
    int rc = json_parse(&line, text, length, err);

    if (rc < 0)
        return error_prefix(err, "%s/" RUN_METRICS ": line %lld", run->folder, (long long)run->lines + 1);
    if (json_get_bool(line, "refit", false)) {
        json_free(line);
        return 0;
    }
    more = mem_resize(run->line, run->lines + 1, sizeof *more);
    if (!more) {
        json_free(line);
        return error_set(err, PT_ENOMEM, "out of memory");
    }
    run->line = more;
    run->line[run->lines++] = line;
    return 0;
}

/* A last line without its end is one that is being written. */
static int read_lines(struct report_run *run, struct error *err)
{
    char *text;
    size_t length;
    int rc = read_text(&text, &length, run, RUN_METRICS, err);

    for (char *at = text, *end; at && rc == 0 && (end = strchr(at, '\n')); at = end + 1)
        rc = add_line(run, at, (size_t)(end - at), err);
    mem_free(text);
    return rc;
}

/* Whether a run before the last one stands on the same ratings: they are read and shown once. */
static bool seen_data(const struct report *r, const char *digest)
{
    for (int i = 0; i < r->n && digest; i++)
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

/* ---- the report -----------------------------------------------------------------------------------------
 */

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
            for (key = NULL; json_next(json_get(run->line[i], "valid"), &key);)
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

static int name_run(struct report_run *run, const char *folder, struct error *err)
{
    const char *slash;
    size_t length;

    run->folder = mem_strdup(folder);
    if (!run->folder)
        return error_set(err, PT_ENOMEM, "out of memory");
    for (length = strlen(folder); length > 1 && folder[length - 1] == '/'; length--)
        run->folder[length - 1] = 0;
    slash = strrchr(run->folder, '/');
    run->name = mem_strdup(slash && slash[1] ? slash + 1 : run->folder);
    return run->name ? 0 : error_set(err, PT_ENOMEM, "out of memory");
}

static int make_names_differ(struct report *r, struct error *err)
{
    for (int i = 1; i < r->n; i++)
        for (int k = 0; k < i; k++)
            if (strcmp(r->run[i].name, r->run[k].name) == 0) {
                mem_free(r->run[i].name);
                r->run[i].name = mem_strdup(r->run[i].folder);
                if (!r->run[i].name)
                    return error_set(err, PT_ENOMEM, "out of memory");
            }
    return 0;
}

int report_read(struct report *out, char **folder, int n, bool facts, struct error *err)
{
    int rc = 0;

    *out = (struct report){.run = mem_zalloc(n, sizeof *out->run)};
    if (!out->run)
        return error_set(err, PT_ENOMEM, "out of memory");
    for (; out->n < n && rc == 0; out->n++) {
        struct report_run *run = &out->run[out->n];

        if ((rc = name_run(run, folder[out->n], err)) == 0 && (rc = read_settings(run, err)) == 0 &&
            (rc = read_summary(run, err)) == 0 && (rc = read_lines(run, err)) == 0 && facts)
            read_facts(out, run);
    }
    if (rc == 0)
        rc = make_names_differ(out, err);
    if (rc < 0) {
        report_fini(out);
        return rc;
    }
    collect_metrics(out);
    collect_series(out);
    return 0;
}

void report_fini(struct report *r)
{
    for (int k = 0; k < r->n; k++) {
        struct report_run *run = &r->run[k];

        for (int i = 0; i < run->settings; i++) {
            mem_free(run->setting[i].key);
            mem_free(run->setting[i].value);
        }
        for (int64_t i = 0; i < run->lines; i++)
            json_free(run->line[i]);
        mem_free(run->setting);
        mem_free(run->line);
        mem_free(run->name);
        mem_free(run->folder);
        mem_free(run->facts);
        json_free(run->summary);
        config_free(run->config);
    }
    mem_free(r->run);
    *r = (struct report){0};
}

double report_value(const struct report_run *run, int64_t line, const char *series)
{
    const struct json *j = run->line[line];

    if (strncmp(series, "valid ", 6) == 0)
        return json_get_real(json_get(j, "valid"), series + 6, NAN);
    return json_get_real(j, series, NAN);
}

const struct json *report_section(const struct json *summary, const char *part)
{
    const char *dot = strchr(part, '.');
    char room[32];

    if (!dot)
        return json_get(summary, part);
    snprintf(room, sizeof room, "%.*s", (int)(dot - part), part);
    return json_get(json_get(summary, room), dot + 1);
}

double report_figure(const struct report_run *run, const char *part, const char *metric)
{
    return json_get_real(report_section(run->summary, part), metric, NAN);
}

bool report_has(const struct report *r, const char *part)
{
    for (int k = 0; k < r->n; k++)
        if (r->run[k].summary && report_section(r->run[k].summary, part))
            return true;
    return false;
}

bool report_differs(const struct report *r, int i)
{
    for (int k = 1; k < r->n; k++)
        if (strcmp(r->run[k].setting[i].value, r->run[0].setting[i].value) != 0)
            return true;
    return false;
}
