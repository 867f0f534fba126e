#include "cli/gnuplot.h"

#include "base/mem.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_BYTES ((int64_t)64 << 20)

extern char **environ;

/* Runs gnuplot with these files; its exit status, -1 where there is none. */
static int run(int in, int out, bool ask_version)
{
    char name[] = "gnuplot", version[] = "--version";
    char *argv[] = {name, ask_version ? version : NULL, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = -1;

    if (posix_spawn_file_actions_init(&actions) != 0)
        return -1;
    if (posix_spawn_file_actions_adddup2(&actions, in, 0) == 0 &&
        posix_spawn_file_actions_adddup2(&actions, out, 1) == 0 &&
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) == 0 &&
        posix_spawnp(&pid, name, &actions, NULL, argv, environ) == 0) {
        if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
            status = -1;
        else
            status = WEXITSTATUS(status);
    }
    posix_spawn_file_actions_destroy(&actions);
    return status;
}

bool gnuplot_found(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    bool found = null >= 0 && run(null, null, true) == 0;

    if (null >= 0)
        close(null);
    return found;
}

static char *text_of(FILE *f)
{
    int64_t size;
    char *text;

    if (fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) <= 0 || size > MOST_BYTES)
        return NULL;
    text = mem_alloc(size + 1, 1);
    rewind(f);
    if (text && fread(text, 1, (size_t)size, f) == (size_t)size) {
        text[size] = '\0';
        return text;
    }
    mem_free(text);
    return NULL;
}

char *gnuplot_run(FILE *script)
{
    FILE *out = tmpfile();
    char *text = NULL;

    fflush(script);
    rewind(script);
    if (out && !ferror(script) && run(fileno(script), fileno(out), false) == 0)
        text = text_of(out);
    if (out)
        fclose(out);
    fclose(script);
    return text;
}
