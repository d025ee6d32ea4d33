// template_main.c - the small executable behind `helm-controller template`, linked to the rendering libraries alone.

#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include "template_cmd.h"

// Large files of a chart are mapped: the kernel tells in this way that one is shorter now.
static void cut_short(int signal)
{
    static const char text[] = "Error: a file of the chart was cut short while it was read\n";
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(1);
}

int main(int argc, char **argv)
{
    // One chart and the process is over: memory that is given back to the system would have to be asked for again.
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    mallopt(M_TOP_PAD, 256 << 10);
    signal(SIGBUS, cut_short);
    return template_command(argc, argv);
}
