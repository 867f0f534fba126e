/* yaml.c - the door to libyaml: its events become a tree.
 *
 * libyaml always takes its memory from malloc; it reports a failure of it, which
 * comes out as PT_ENOMEM. Depth and size are limited before anything is built from them, so that the
 * recursion here is bounded. */
#include "config/options.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    const char *text, *name; /* borrowed */
    size_t length;
    struct error *err;
};

int tree_fail(struct error *err, const char *path, int line, int column, const char *fmt, ...)
{
    size_t length = path ? strlen(path) : 0;
    char reason[sizeof err->text];
    va_list args;

    va_start(args, fmt);
    vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    if (!path)
        return error_set(err, PT_ECONFIG, "%s", reason);
    return error_set(err, PT_ECONFIG, "%s%s:%d:%d: %s", length > 300 ? "..." : "",
                     length > 300 ? path + length - 300 : path, line, column, reason);
}

static int fail_at(struct reader *r, yaml_mark_t mark, const char *reason)
{
    return tree_fail(r->err, r->name, (int)mark.line + 1, (int)mark.column + 1, "%s", reason);
}

static bool is_control(uint32_t c)
{
    return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || (c >= 0x7f && c < 0xa0 && c != 0x85) ||
           (c & 0xfffe) == 0xfffe;
}

/* libyaml says of bytes that are no text at most the offset, and not always of the byte to blame: the first
 * that is not UTF-8, or no character of a text, is looked for here. */
static int fail_at_byte(struct reader *r)
{
    yaml_mark_t mark = {0};
    char reason[160] = "a character that cannot stand in a text";
    uint32_t character;

    for (size_t i = 0; i < r->length;) {
        int bytes = utf8_next(r->text + i, r->length - i, &character);

        if (bytes == 0) {
            snprintf(reason, sizeof reason, "byte 0x%02x is not UTF-8 here; save the file as UTF-8",
                     (unsigned)(unsigned char)r->text[i]);
            break;
        }
        if (is_control(character)) {
            snprintf(reason, sizeof reason, "control character 0x%02x; a configuration is plain text",
                     (unsigned)character);
            break;
        }
        mark.column = character == '\n' ? 0 : mark.column + 1;
        mark.line += character == '\n';
        i += (size_t)bytes;
    }
    return fail_at(r, mark, reason);
}

static int fail_parser(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    char reason[256];

    switch (p->error) {
    case YAML_MEMORY_ERROR:
        return need_memory(false, r->err);
    case YAML_READER_ERROR:
        return fail_at_byte(r);
    default:
        if (p->problem_mark.index < r->length && r->text[p->problem_mark.index] == '\t')
            return fail_at(r, p->problem_mark, "a tab cannot indent YAML; use spaces");
        snprintf(reason, sizeof reason, "not valid YAML: %s%s%s", p->problem ? p->problem : "unknown reason",
                 p->context ? " " : "", p->context ? p->context : "");
        return fail_at(r, p->problem_mark, reason);
    }
}

static int next_event(struct reader *r, yaml_event_t *event)
{
    return yaml_parser_parse(&r->parser, event) ? 0 : fail_parser(r);
}

static void clear(struct tree *t)
{
    for (int i = 0; i < t->n; i++)
        clear(&t->item[i]);
    mem_free(t->item);
    mem_free(t->text);
    mem_free(t->key);
    memset(t, 0, sizeof *t);
}

/* Moves *child to the end of the items; items grow by doubling. */
static int append(struct reader *r, struct tree *t, struct tree *child)
{
    if ((t->n & (t->n - 1)) == 0) {
        struct tree *grown = mem_resize(t->item, t->n ? 2 * (int64_t)t->n : 1, sizeof *grown);

        TRY(need_memory(grown, r->err));
        t->item = grown;
    }
    t->item[t->n++] = *child;
    memset(child, 0, sizeof *child);
    return 0;
}

/* A scalar's text in memory of our own. */
static int copy_text(struct reader *r, const yaml_event_t *event, char **out)
{
    const char *text = (const char *)event->data.scalar.value;

    if (memchr(text, 0, event->data.scalar.length))
        return fail_at(r, event->start_mark, "a NUL character cannot stand in a value");
    *out = mem_strdup(text);
    return need_memory(*out, r->err);
}

/* What YAML has and a configuration does not need. */
static int refuse_marks(struct reader *r, const yaml_event_t *event)
{
    bool scalar = event->type == YAML_SCALAR_EVENT; /* lists and mappings have the same head */

    if (event->type == YAML_ALIAS_EVENT)
        return fail_at(r, event->start_mark, "aliases (*name) are not taken; write the value out");
    if (scalar ? event->data.scalar.anchor : event->data.mapping_start.anchor)
        return fail_at(r, event->start_mark, "anchors (&name) are not taken; write the value out");
    if (scalar ? event->data.scalar.tag : event->data.mapping_start.tag)
        return fail_at(r, event->start_mark, "tags (!name) are not taken; write the plain value");
    return 0;
}

static int read_node(struct reader *r, const yaml_event_t *event, struct tree *t, int depth);

static int read_key(struct reader *r, const yaml_event_t *event, struct tree *child)
{
    if (event->type != YAML_SCALAR_EVENT && event->type != YAML_ALIAS_EVENT)
        return fail_at(r, event->start_mark, "a key has to be a word, not a list or a mapping");
    TRY(refuse_marks(r, event));
    child->key_line = (int)event->start_mark.line + 1;
    child->key_column = (int)event->start_mark.column + 1;
    return copy_text(r, event, &child->key);
}

/* The items of a list or mapping up to its end. */
static int read_items(struct reader *r, struct tree *t, yaml_event_type_t end, int depth)
{
    struct tree child = {0};
    yaml_event_t event;
    int rc;

    for (;;) {
        rc = next_event(r, &event);
        if (rc < 0)
            break;
        if (event.type == end) {
            yaml_event_delete(&event);
            return 0;
        }
        if (t->kind == TREE_MAP) {
            rc = read_key(r, &event, &child);
            yaml_event_delete(&event);
            if (rc == 0)
                rc = next_event(r, &event);
            if (rc < 0)
                break;
        }
        rc = read_node(r, &event, &child, depth);
        yaml_event_delete(&event);
        if (rc == 0)
            rc = append(r, t, &child);
        if (rc < 0)
            break;
    }
    clear(&child);
    return rc;
}

static int read_node(struct reader *r, const yaml_event_t *event, struct tree *t, int depth)
{
    if (depth > TREE_DEPTH)
        return fail_at(r, event->start_mark,
                       "nested too deeply; a configuration has sections and their keys");
    t->line = (int)event->start_mark.line + 1;
    t->column = (int)event->start_mark.column + 1;
    TRY(refuse_marks(r, event));
    if (event->type == YAML_SCALAR_EVENT) {
        t->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        return copy_text(r, event, &t->text);
    }
    t->kind = event->type == YAML_MAPPING_START_EVENT ? TREE_MAP : TREE_LIST;
    return read_items(r, t, t->kind == TREE_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT,
                      depth + 1);
}

/* stream start, document start, the root, document end, stream end */
static int read_document(struct reader *r, struct tree *root)
{
    yaml_event_t event;
    int rc = 0, place = 0;

    for (;;) {
        yaml_event_type_t type;

        TRY(next_event(r, &event));
        type = event.type;
        if (type == YAML_DOCUMENT_START_EVENT && place++ > 0)
            rc = fail_at(r, event.start_mark, "a second document (---) starts here; a configuration is one");
        else if (type == YAML_STREAM_END_EVENT && place == 0)
            rc = fail_at(r, event.start_mark, "empty; give at least model.kind and data.path");
        else if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT &&
                 type != YAML_DOCUMENT_END_EVENT && type != YAML_STREAM_END_EVENT)
            rc = read_node(r, &event, root, 0);
        yaml_event_delete(&event);
        if (rc < 0 || type == YAML_STREAM_END_EVENT)
            return rc;
    }
}

int tree_parse(struct tree **out, const char *text, size_t length, const char *name, struct error *err)
{
    struct reader r = {.text = text, .length = length, .name = name, .err = err};
    scoped(tree_free) struct tree *root = mem_zalloc(1, sizeof *root);
    int rc;

    TRY(need_memory(root && yaml_parser_initialize(&r.parser), err));
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, length);
    rc = read_document(&r, root);
    yaml_parser_delete(&r.parser);
    TRY(rc);
    *out = handed_on(root);
    return 0;
}

int tree_read(struct tree **out, const char *path, struct error *err)
{
    mem_scoped char *text = NULL;
    size_t length;

    if (!*path)
        return error_set(err, PT_ECONFIG, "the name of the configuration file is empty");
    TRY(file_read(&text, &length, path, TREE_BYTES, PT_ECONFIG, err));
    return tree_parse(out, text, length, path, err);
}

bool tree_is_null(const struct tree *t)
{
    return t->kind == TREE_SCALAR && !t->quoted &&
           (!*t->text || strcmp(t->text, "~") == 0 || strcmp(t->text, "null") == 0);
}

void tree_free(struct tree *t)
{
    if (t)
        clear(t);
    mem_free(t);
}
