// template_main.c - the small executable behind `helm-controller template`, linked to the rendering libraries alone.

#include <malloc.h>

#include "template_cmd.h"

int main(int argc, char **argv)
{
    // One chart and the process is over: memory that is given back to the system would have to be asked for again.
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    mallopt(M_TOP_PAD, 256 << 10);
    return template_command(argc, argv);
}
