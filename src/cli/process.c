
#include "base/mem.h"
#include "cli/cli.h"
#include "par/openmp.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_BYTES ((int64_t)64 << 20)

static char *text_of(FILE *f)
{
    int64_t size;
    char *text;

    if (fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) <= 0 || size > MOST_BYTES)
        return NULL;
    text = mem_zalloc(size + 1, 1);
    rewind(f);
    if (text && fread(text, 1, (size_t)size, f) == (size_t)size)
        return text;
    mem_free(text);
    return NULL;
}

int process_run(char *const *argv, FILE *in, bool quiet, char **text)
{
    FILE *out = tmpfile();
    pid_t child = out ? fork() : -1;
    int status = -1;

    *text = NULL;
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        openmp_leave_place();
        if (in)
            dup2(fileno(in), STDIN_FILENO);
        dup2(fileno(out), STDOUT_FILENO);
        if (quiet)
            dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
        execvp(argv[0], argv);
        cli_message("%s: %s", argv[0], strerror(errno));
        _exit(127);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (child > 0)
        *text = text_of(out);
    if (out)
        fclose(out);
    return status;
}

bool gnuplot_found(void)
{
    char name[] = "gnuplot", version[] = "--version", *argv[] = {name, version, NULL}, *text;
    int status = process_run(argv, NULL, true, &text);

    mem_free(text);
    return status == 0;
}

char *gnuplot_run(FILE *script)
{
    char name[] = "gnuplot", *argv[] = {name, NULL}, *text = NULL;

    fflush(script);
    rewind(script);
    if (!ferror(script) && process_run(argv, script, true, &text) != 0) {
        mem_free(text);
        text = NULL;
    }
    fclose(script);
    return text;
}
