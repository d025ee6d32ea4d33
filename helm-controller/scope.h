// scope.h - what templates see as ".": .Values .Chart .Release .Capabilities .Files .Subcharts, for each chart of a tree.
#ifndef RUNNEL_SCOPE_H
#define RUNNEL_SCOPE_H

#include "render.h"

struct scope_template { // a file below templates/ that is to be parsed
    const char *path;      // "my-app/charts/redis/templates/x.yaml"
    int depth;             // its slashes
    const char *base_path; // ".Template.BasePath"
    struct slice text;
    struct value data;     // "." of its chart
};
typedef VEC(struct scope_template) scope_template_list;

// Every template of the tree in the order in which Helm parses and runs them; library charts give their partials only.
// values: what chart_coalesce made for the root.
scope_template_list scope_templates(struct arena *a, const struct chart *root, struct value values,
                                    const struct render_options *options);

struct value scope_capabilities(struct arena *a, const struct render_capabilities *caps);
struct value scope_files(struct arena *a, const struct chart *c);

#endif
