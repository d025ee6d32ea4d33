// template_print.h - what `template` does with a rendered chart: prints it, some of it (--show-only), or writes files
// (--output-dir).
#ifndef RUNNEL_TEMPLATE_PRINT_H
#define RUNNEL_TEMPLATE_PRINT_H

#include "render.h"
#include "template_cmd.h"
#include "template_flags.h"

struct template_output {
    struct arena *arena;
    const struct template_flags *flags;
    const char *release;
    template_write_fn *write; // what goes to stdout
    void *ctx;
};

// False: something could not be written, or --show-only names a template that is not there.
bool template_print(const struct template_output *o, const struct rendered *r, struct error *err);
// What there is of a chart whose rendering failed with err, for --debug. Always false, with the same err or that of
// printing.
bool template_print_failed(const struct template_output *o, const struct rendered *r, struct error *err);
// Helm's advice behind an error for which there is something to show with --debug. Returns false.
bool template_advise(struct error *err);

#endif
