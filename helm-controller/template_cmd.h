// template_cmd.h - `helm-controller template`: renders a chart and prints what `helm template` prints.
#ifndef RUNNEL_TEMPLATE_CMD_H
#define RUNNEL_TEMPLATE_CMD_H

#include "chart/chart.h"

// argv[0] is the command's own name ("template"), then Helm's words: [NAME] CHART [flags]. Output to stdout, "Error: …" to
// stderr. Returns the exit code. Needs no cluster, and no network unless the words name a URL (helm-fetch brings it).
int template_command(int argc, char **argv);

// The same without printing: `write` gets what goes to stdout, piece by piece, `notices` (NULL: nobody listens) the lines
// for stderr, and err is what stands behind "Error: "; where it fails and err is unset, the last notice has said why.
enum template_result { TEMPLATE_DONE, TEMPLATE_FAILED, TEMPLATE_HELP };
typedef void template_write_fn(void *ctx, const char *data, size_t len);
enum template_result template_run(struct arena *arena, int argc, char **argv, template_write_fn *write, void *ctx,
                                  struct chart_notices *notices, struct error *err);

#endif
