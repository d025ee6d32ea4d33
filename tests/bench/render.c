// render.c - `helm template` and `helm-controller template` as whole processes: wall time, processor time, peak memory.
//
//     bench-render ROUNDS HELM ENGINE CHART...
//
// The two take turns, so that what else the machine does hits both. Medians of the rounds; the peak is the largest. This
// program is small and linked to nothing, because the kernel counts the memory of whoever starts a process as that process's
// own until it has become another program.
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

enum { ROUNDS_MAX = 1000 };

struct series {
    double wall[ROUNDS_MAX], cpu[ROUNDS_MAX]; // milliseconds
    long peak;                                // KiB
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double milliseconds(struct timeval t)
{
    return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static void run(const char *const *words, struct series *s, int round)
{
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    pid_t child;
    int status;
    struct rusage used;
    double start = now();
    int fault = posix_spawn(&child, words[0], &files, NULL, (char *const *)words, environ);
    if (fault || wait4(child, &status, 0, &used) < 0 || status) {
        fprintf(stderr, "%s: %s\n", words[0], fault ? strerror(fault) : "failed");
        exit(1);
    }
    s->wall[round] = now() - start;
    s->cpu[round] = milliseconds(used.ru_utime) + milliseconds(used.ru_stime);
    s->peak = used.ru_maxrss > s->peak ? used.ru_maxrss : s->peak;
    posix_spawn_file_actions_destroy(&files);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

static void chart(const char *helm, const char *engine, const char *path, int rounds)
{
    static struct series theirs, ours;
    memset(&theirs, 0, sizeof theirs);
    memset(&ours, 0, sizeof ours);
    const char *const helm_words[] = {helm, "template", "rel", path, "-n", "ns1", "--include-crds", NULL};
    const char *const engine_words[] = {engine, "template", "rel", path, "-n", "ns1", "--include-crds", NULL};
    for (int i = 0; i < rounds; i++) {
        run(helm_words, &theirs, i);
        run(engine_words, &ours, i);
    }
    double wall[] = {median(theirs.wall, rounds), median(ours.wall, rounds)};
    double cpu[] = {median(theirs.cpu, rounds), median(ours.cpu, rounds)};
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    printf("%-45s wall %8.1f / %6.1f ms = %5.1f   cpu %8.1f / %6.1f ms = %5.1f   peak %7ld / %6ld KiB = %5.1f\n", name, wall[0],
           wall[1], wall[0] / wall[1], cpu[0], cpu[1], cpu[0] / cpu[1], theirs.peak, ours.peak,
           (double)theirs.peak / (double)ours.peak);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int rounds = argc > 4 ? atoi(argv[1]) : 0;
    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: %s ROUNDS HELM ENGINE CHART...\n", argv[0]);
        return 2;
    }
    for (int i = 4; i < argc; i++)
        chart(argv[2], argv[3], argv[i], rounds);
    return 0;
}
