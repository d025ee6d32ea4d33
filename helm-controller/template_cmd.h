// template_cmd.h - `helm-controller template`: renders a chart and prints what `helm template` prints.
#ifndef RUNNEL_TEMPLATE_CMD_H
#define RUNNEL_TEMPLATE_CMD_H

// argv[0] is the command's own name ("template"), then Helm's words: [NAME] CHART [flags]. Output to stdout, "Error: …" to stderr.
// Returns the exit code. Needs no network and no cluster.
int template_command(int argc, char **argv);

#endif
