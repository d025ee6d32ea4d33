// template_main.c - the small executable behind `helm-controller template`, linked to the rendering libraries alone.

#include "template_cmd.h"

int main(int argc, char **argv)
{
    return template_command(argc, argv);
}
