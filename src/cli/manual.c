/* manual.c - man pages and completions, from the tables behind --help. */
#include "cli/cli.h"

#include <string.h>

/* Whether a command takes KEY=VALUE words. */
static bool takes_keys(const struct command *c)
{
    return strstr(c->usage->arguments, "KEY=VALUE") != NULL;
}

/* A text as roff: no line may begin with a request, and '-' is a minus. */
static void put_roff(FILE *out, const char *text)
{
    bool start = true;

    for (; *text; text++) {
        if (start && (*text == '.' || *text == '\''))
            fputs("\\&", out);
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            putc(*text, out);
        start = *text == '\n';
    }
}

/* An empty line is a paragraph; the text after "Example:" is shown as it is. */
static void put_text(FILE *out, const char *text)
{
    const char *example = strstr(text, "Example");

    for (const char *line = text; *line && line != example;) {
        size_t n = strcspn(line, "\n");
        char copy[512];

        snprintf(copy, sizeof copy, "%.*s\n", (int)n, line);
        if (n)
            put_roff(out, copy);
        else if (line[1] && line + 1 != example)
            fputs(".PP\n", out);
        line += n + (line[n] == '\n');
    }
    if (example) {
        fputs(".SH EXAMPLE\n.nf\n", out);
        put_roff(out, example + strcspn(example, ":") + (strchr(example, ':') ? 2 : 0));
        fputs(".fi\n", out);
    }
}

static void man_of(FILE *out, const struct command *c)
{
    fprintf(out, ".TH partrain\\-%s 1 \"\" \"partrain %s\"\n.SH NAME\npartrain\\-%s \\- ", c->name,
            PARTRAIN_VERSION, c->name);
    put_roff(out, c->help);
    fprintf(out, "\n.SH SYNOPSIS\n.B partrain %s\n", c->name);
    put_roff(out, c->usage->arguments);
    fputs("\n.SH OPTIONS\n", out);
    for (const struct cli_option *o = c->usage->options; o->name; o++) {
        fputs(".TP\n.B ", out);
        if (o->letter)
            fprintf(out, "\\-%c, ", o->letter);
        fputs("\\-\\-", out);
        put_roff(out, o->name);
        if (o->argument)
            fprintf(out, " \\fI%s\\fP", o->argument);
        putc('\n', out);
        put_roff(out, o->help);
        putc('\n', out);
    }
    fputs(".TP\n.B \\-h, \\-\\-help\nwhat the command does and takes\n.SH DESCRIPTION\n", out);
    put_text(out, c->usage->text);
    fputs(".SH SEE ALSO\n.BR partrain (1)\n", out);
}

static void man_overview(FILE *out)
{
    fprintf(
        out,
        ".TH PARTRAIN 1 \"\" \"partrain %s\"\n.SH NAME\npartrain \\- trainer for recommender autoencoders "
        "and matrix factorisation\n.SH SYNOPSIS\n.B partrain\n\\-c FILE [KEY=VALUE ...]\n.br\n.B partrain\n"
        "COMMAND ...\n.SH COMMANDS\n",
        PARTRAIN_VERSION);
    for (const struct command *c = cli_commands; c->name; c++) {
        fprintf(out, ".TP\n.BR partrain\\-%s (1)\n", c->name);
        put_roff(out, c->help);
        putc('\n', out);
    }
    fputs(".SH EXIT STATUS\n" CLI_EXIT_STATUS ".SH EXAMPLE\n.nf\npartrain \\-c conf/multivae.yaml\n.fi\n",
          out);
}

bool manual_man(FILE *out, const char *name)
{
    const struct command *c = name ? cli_command(name) : NULL;

    if (!name)
        man_overview(out);
    else if (c)
        man_of(out, c);
    return !name || c;
}

static void options_of(FILE *out, const struct command *c)
{
    for (const struct cli_option *o = c->usage->options; o->name; o++) {
        if (o->letter)
            fprintf(out, "-%c ", o->letter);
        fprintf(out, "--%s ", o->name);
    }
    fputs("--help", out);
}

static void put_commands(FILE *out)
{
    for (const struct command *c = cli_commands; c->name; c++)
        fprintf(out, "%s ", c->name);
}

static void put_keys(FILE *out)
{
    for (int i = 0; config_key(i); i++)
        fprintf(out, "%s= ", config_key(i));
}

/* "        KEY) words='VALUE VALUE' ;;" where the values are names. */
static void put_choices(FILE *out)
{
    for (int i = 0; config_key(i); i++) {
        const char *key = config_key(i);

        if (!config_enum_name(key, 0))
            continue;
        fprintf(out, "        %s) words='", key);
        for (int k = 0; config_enum_name(key, k); k++)
            fprintf(out, "%s ", config_enum_name(key, k));
        fputs("' ;;\n", out);
    }
}

/* KEY= and, where they are names, its values, for every shell that knows `case`. */
static void bash(FILE *out)
{
    fputs("# bash completion for partrain\n"
          "_partrain() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words= keys=\n"
          "    COMPREPLY=()\n"
          "    if [ \"$word\" = = ]; then word= before==; fi\n"
          "    if [ \"$before\" = = ]; then\n"
          "        [ \"${COMP_WORDS[COMP_CWORD]}\" = = ] && before=${COMP_WORDS[COMP_CWORD - 1]} ||\n"
          "            before=${COMP_WORDS[COMP_CWORD - 2]}\n"
          "        case $before in\n",
          out);
    put_choices(out);
    fputs("        *) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
          "        esac\n"
          "        COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
          "        return\n"
          "    fi\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
          "        words='",
          out);
    put_commands(out);
    fputs("help --help --version -c'\n"
          "        COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
          "        return\n"
          "    fi\n"
          "    case ${COMP_WORDS[1]} in\n",
          out);
    for (const struct command *c = cli_commands; c->name; c++) {
        fprintf(out, "    %s%s) words='", c->name, strcmp(c->name, "train") == 0 ? "|-*" : "");
        options_of(out, c);
        fprintf(out, "'%s ;;\n", takes_keys(c) ? " keys=yes" : "");
    }
    fputs("    help) words='", out);
    put_commands(out);
    fputs("' ;;\n"
          "    esac\n"
          "    case $word in\n"
          "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$word\")); return ;;\n"
          "    esac\n"
          "    [ \"${COMP_WORDS[1]}\" = help ] && { COMPREPLY=($(compgen -W \"$words\" -- \"$word\")); "
          "return; }\n"
          "    COMPREPLY=($(compgen -f -- \"$word\"))\n"
          "    if [ -n \"$keys\" ] && [ -n \"$word\" ]; then\n"
          "        COMPREPLY+=($(compgen -W '",
          out);
    put_keys(out);
    fputs("' -- \"$word\"))\n"
          "        [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null\n"
          "    fi\n"
          "    return 0\n"
          "}\n"
          "complete -o filenames -F _partrain partrain\n",
          out);
}

/* A text within single quotes, for zsh and fish; `colon`: ':' is quoted too, and brackets. */
static void put_quoted(FILE *out, const char *text, bool zsh)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs(zsh ? "'\\''" : "\\'", out);
        else if (zsh && (*text == ':' || *text == '[' || *text == ']'))
            fprintf(out, "\\%c", *text);
        else
            putc(*text, out);
    }
}

static void zsh(FILE *out)
{
    fputs("#compdef partrain\n"
          "local -a commands keys\n"
          "commands=(",
          out);
    for (const struct command *c = cli_commands; c->name; c++) {
        fprintf(out, "\n    '%s:", c->name);
        put_quoted(out, c->help, true);
        putc('\'', out);
    }
    fputs("\n    'help:what a command does and takes')\nkeys=(", out);
    put_keys(out);
    fputs(")\n"
          "if (( CURRENT == 2 )); then\n"
          "    _describe command commands\n"
          "    return\n"
          "fi\n"
          "case $words[2] in\n",
          out);
    for (const struct command *c = cli_commands; c->name; c++) {
        fprintf(out, "%s%s)\n    _arguments", c->name, strcmp(c->name, "train") == 0 ? "|-*" : "");
        for (const struct cli_option *o = c->usage->options; o->name; o++) {
            fprintf(out, " \\\n        '--%s[", o->name);
            put_quoted(out, o->help, true);
            fprintf(out, "]%s%s%s'", o->argument ? ":" : "", o->argument ? o->argument : "",
                    o->argument ? ":_files" : "");
        }
        fprintf(out, " \\\n        '*:argument:%s'\n    ;;\n",
                takes_keys(c) ? "{ compadd -S \"\" -a keys; _files }" : "_files");
    }
    fputs("help) _describe command commands ;;\nesac\n", out);
}

static void fish(FILE *out)
{
    fputs("# fish completion for partrain\n", out);
    for (const struct command *c = cli_commands; c->name; c++) {
        fprintf(out, "complete -c partrain -n __fish_use_subcommand -f -a %s -d '", c->name);
        put_quoted(out, c->help, false);
        fputs("'\n", out);
    }
    fputs("complete -c partrain -n __fish_use_subcommand -f -a help -d 'what a command does and takes'\n",
          out);
    for (const struct command *c = cli_commands; c->name; c++)
        for (const struct cli_option *o = c->usage->options; o->name; o++) {
            fprintf(out, "complete -c partrain -n '__fish_seen_subcommand_from %s' -l %s", c->name, o->name);
            if (o->letter)
                fprintf(out, " -s %c", o->letter);
            fprintf(out, "%s -d '", o->argument ? " -r" : "");
            put_quoted(out, o->help, false);
            fputs("'\n", out);
        }
    for (int i = 0; config_key(i); i++) {
        fputs("complete -c partrain -n '__fish_seen_subcommand_from", out);
        for (const struct command *c = cli_commands; c->name; c++)
            if (takes_keys(c))
                fprintf(out, " %s", c->name);
        fprintf(out, "' -f -a %s=\n", config_key(i));
    }
}

bool manual_completion(FILE *out, const char *shell)
{
    if (strcmp(shell, "bash") == 0)
        bash(out);
    else if (strcmp(shell, "zsh") == 0)
        zsh(out);
    else if (strcmp(shell, "fish") == 0)
        fish(out);
    else
        return false;
    return true;
}
