// main.c - the command `helm-controller`: `template` renders a chart here and now, all else is the reconciler's.
//
// This program is linked to the rendering libraries alone, statically: what the reconciler is linked to takes longer to
// load than most charts to render.

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "neighbour.h"
#include "template_cmd.h"

// Large files of a chart are mapped: the kernel tells in this way that one is shorter now.
static void cut_short(int signal)
{
    static const char text[] = "Error: a file of the chart was cut short while it was read\n";
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(1);
}

// Templates that call each other go as deep as there is stack, and some systems give little.
static void widen_stack(void)
{
    const rlim_t wanted = 8 << 20;
    struct rlimit limit;
    if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    setrlimit(RLIMIT_STACK, &limit);
}

static int render(int argc, char **argv)
{
    // One chart and the process is over: memory that is given back to the system would have to be asked for again.
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    mallopt(M_TOP_PAD, 256 << 10);
    signal(SIGBUS, cut_short);
    widen_stack();
    return template_command(argc, argv);
}

static int become(const char *program, char **argv)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    const char *path = neighbour_find(a, program);
    if (path)
        execv(path, argv);
    fprintf(stderr, "helm-controller: %s: %s\n", program, path ? strerror(errno) : "not installed");
    return 1;
}

int main(int argc, char **argv)
{
    return argc > 1 && str_eq(argv[1], "template") ? render(argc - 1, argv + 1) : become("helm-reconciler", argv);
}
