// engine.h - Helm's own template functions (include, tpl, required, fail, lookup) and the form of its errors.
#ifndef RUNNEL_ENGINE_H
#define RUNNEL_ENGINE_H

#include "scope.h"

struct engine_output {
    const char *path;
    struct slice text;
};
typedef VEC(struct engine_output) engine_output_list;

// Parses all templates, then runs each that is no partial. Errors in Helm's form.
bool engine_render(struct arena *a, const scope_template_list *templates, const struct render_options *options,
                   engine_output_list *out, struct error *err);

// template_error.c: Helm's rewriting of the template engine's messages. Both return false.
bool engine_parse_error(struct arena *a, const char *path, struct error *err);
bool engine_exec_error(struct arena *a, const char *path, struct error *err);

// required and fail wrap their words in these, so that the words alone are shown.
#define ENGINE_WARN_START "HELM_ERR_START"
#define ENGINE_WARN_END "HELM_ERR_END"

#endif
