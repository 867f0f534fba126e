#include "cli/cli.h"

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Signals closer together than this count as one: timeout(1) signals the program and then its group, and
 * mpirun forwards what the terminal has sent already. */
#define SAME_SIGNAL_NS 500000000LL

static volatile sig_atomic_t stop_signal, save_count; /* a signal handler has nothing else to write to */
static struct timespec stop_time;                     /* of the first: set before stop_signal is */

static long long passed_ns(struct timespec since)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since.tv_sec) * 1000000000LL + (now.tv_nsec - since.tv_nsec);
}

static void on_stop(int number)
{
    if (!stop_signal) {
        clock_gettime(CLOCK_MONOTONIC, &stop_time);
        stop_signal = number;
    } else if (passed_ns(stop_time) > SAME_SIGNAL_NS) {
        signal(number, SIG_DFL);
        raise(number);
    }
}

static void on_save(int number)
{
    (void)number;
    save_count++;
}

void signals_install(void)
{
    struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART},
                     save = {.sa_handler = on_save, .sa_flags = SA_RESTART};

    sigemptyset(&stop.sa_mask);
    sigaddset(&stop.sa_mask, SIGINT);
    sigaddset(&stop.sa_mask, SIGTERM);
    sigemptyset(&save.sa_mask);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGUSR1, &save, NULL);
}

const volatile sig_atomic_t *signals_stop(void)
{
    return &stop_signal;
}

const volatile sig_atomic_t *signals_saves(void)
{
    return &save_count;
}

int signals_end(int rc, struct error *err)
{
    if (rc == PT_EINTERRUPTED && stop_signal == SIGTERM)
        rc = err->code = PT_ETERMINATED;
    return rc;
}

char *run_folder_default(const char *under, const char *file)
{
    const char *base = file ? strrchr(file, '/') : NULL, *dot;
    char stamp[32], *out;
    time_t now = time(NULL);
    struct tm local;

    base = base ? base + 1 : file ? file : "partrain";
    dot = strrchr(base, '.');
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", localtime_r(&now, &local));
    out = mem_printf("%s/%.*s-%s", under, dot ? (int)(dot - base) : (int)strlen(base), base, stamp);
    for (int i = 2; out && file_exists(out); i++) {
        mem_free(out);
        out = mem_printf("%s/%.*s-%s-%d", under, dot ? (int)(dot - base) : (int)strlen(base), base, stamp, i);
    }
    return out;
}
