// engine.c - the template functions that only Helm has, and the run over all templates of a chart.

#include "engine.h"

#define MAX_INCLUDES 1000      // of one name within each other, as Helm
#define TEMPLATE_DEPTH 4000    // of all names together: a limit of ours, on the stack
#define MAX_TPL 250            // tpl within tpl, ours too: each level's error quotes all that is below it
#define NO_VALUE "<no value>"  // Go prints it for what is missing; Helm takes it out

struct engine {
    const struct render_options *options;
    struct map *included; // name -> size_t *: how often it is under way
    size_t tpl_depth;
};

// ---- functions ----------------------------------------------------------------------------------------------------

static void remove_no_value(struct buf *text)
{
    ptrdiff_t at = slice_find(buf_view(text), SLICE(NO_VALUE));
    if (at < 0)
        return;
    size_t read = (size_t)at, write = read;
    while (read < text->len) {
        struct slice rest = slice_sub(buf_view(text), read, text->len);
        at = slice_find(rest, SLICE(NO_VALUE));
        size_t keep = at < 0 ? rest.len : (size_t)at;
        memmove(text->data + write, text->data + read, keep);
        write += keep;
        read += keep + (at < 0 ? 0 : strlen(NO_VALUE));
    }
    text->len = write;
    text->data[write] = 0;
}

static bool include(struct template_call *call, struct value *result)
{
    struct engine *e = call->user;
    struct slice name = value_slice(call->args[0]);
    size_t *count = map_get_n(e->included, name.data, name.len);
    if (!count) {
        count = arena_new_of(call->arena, size_t);
        map_put_n(e->included, name.data, name.len, count);
    }
    if (*count > MAX_INCLUDES)
        return error_set(call->err, ERROR_LIMIT,
                         "rendering template has a nested reference name: %.*s: unable to execute template",
                         SLICE_ARG(name));
    if (memchr(name.data, '\0', name.len)) // no template's name goes on behind it
        return error_set(call->err, ERROR_INVALID, "template: no template %s associated with template \"gotpl\"",
                         go_quoted(call->arena, name));
    ++*count;
    struct buf out cleanup(buf_free) = {0};
    bool ok = template_run_nested(call->run, template_run_set(call->run), value_str(call->args[0]), call->args[1], &out,
                                  call->err);
    --*count;
    if (ok)
        *result = value_string_copy(call->arena, out.data ? out.data : "", out.len);
    return ok;
}

static bool tpl(struct template_call *call, struct value *result)
{
    struct engine *e = call->user;
    struct slice text = value_slice(call->args[0]);
    struct buf out cleanup(buf_free) = {0};
    if (slice_find(text, SLICE("{{")) < 0) {
        buf_slice(&out, text); // nothing to execute
    } else {
        struct template_set *set = template_set_clone(call->arena, template_run_set(call->run));
        if (!template_parse(set, "gotpl", text.data, text.len, call->err))
            return error_wrap(call->err, "cannot parse template %s", go_quoted(call->arena, text));
        if (e->tpl_depth >= MAX_TPL)
            return error_set(call->err, ERROR_LIMIT, "tpl runs within itself more than %d times", MAX_TPL);
        e->tpl_depth++;
        bool ok = template_run_nested(call->run, set, NULL, call->args[1], &out, call->err);
        e->tpl_depth--;
        if (!ok)
            return error_wrap(call->err, "error during tpl function execution for %s", go_quoted(call->arena, text));
    }
    remove_no_value(&out);
    *result = value_string_copy(call->arena, out.data ? out.data : "", out.len);
    return true;
}

static bool warn(struct template_call *call, struct slice words)
{
    return error_set(call->err, ERROR_INVALID, ENGINE_WARN_START "%.*s" ENGINE_WARN_END, SLICE_ARG(words));
}

static bool required(struct template_call *call, struct value *result)
{
    *result = call->args[1];
    if (value_is_null(*result) || (value_is(*result, V_STRING) && result->len == 0))
        return warn(call, value_slice(call->args[0]));
    return true;
}

static bool fail(struct template_call *call, struct value *result)
{
    return warn(call, value_slice(call->args[0]));
}

static bool lookup(struct template_call *call, struct value *result)
{
    const struct render_options *options = ((struct engine *)call->user)->options;
    *result = value_dict(call->arena);
    if (!options->lookup)
        return true;
    const char *words[4];
    for (int i = 0; i < 4; i++)
        words[i] = slice_dup(call->arena, value_slice(call->args[i]));
    return options->lookup(options->lookup_ctx, call->arena, words[0], words[1], words[2], words[3], result, call->err);
}

static bool get_host_by_name(struct template_call *call, struct value *result)
{
    const struct render_options *options = ((struct engine *)call->user)->options;
    struct slice text = {0}, line;
    VEC(struct slice) found = {0};
    if (!options->resolve) {
        *result = value_string("");
        return true;
    }
    const char *name = slice_dup(call->arena, value_slice(call->args[0]));
    if (!options->resolve(options->resolve_ctx, call->arena, name, &text, call->err))
        return false;
    while (text.len > 0) {
        slice_cut(text, '\n', &line, &text);
        vec_push(call->arena, &found, line);
    }
    if (found.len == 0) // Sprig draws one of none
        return error_set(call->err, ERROR_INVALID, "invalid argument to Intn");
    line = found.items[random_u64() % found.len];
    *result = value_string_copy(call->arena, line.data, line.len);
    return true;
}

static const struct template_func functions[] = {
    {"include", "sv", include}, {"tpl", "sv", tpl},          {"required", "sv", required},
    {"fail", "s", fail},        {"lookup", "ssss", lookup},  {"getHostByName", "s", get_host_by_name},
};
static const struct template_funcs engine_functions = {functions, ARRAY_LEN(functions)};

// ---- the run ------------------------------------------------------------------------------------------------------

static bool is_partial(const char *path)
{
    const char *slash = strrchr(path, '/');
    return (slash ? slash[1] : path[0]) == '_';
}

// `text` is scratch: it grows once for all templates, and the arena gets each output at its size.
static bool run_one(struct arena *a, const struct template_set *set, const struct scope_template *t,
                    const struct template_limits *limits, struct buf *text, engine_output_list *out, struct error *err)
{
    struct value own = value_dict(a);
    own.reserved |= VALUE_AS_VALUES;
    value_set_str(own, "Name", t->path);
    value_set_str(own, "BasePath", t->base_path);
    value_set(t->data, "Template", own);
    buf_clear(text);
    if (!template_execute(set, a, t->path, t->data, limits, text, err))
        return engine_exec_error(a, t->path, err);
    remove_no_value(text);
    vec_push(a, out,
             (struct engine_output){.path = t->path, .text = slice_n(slice_dup(a, buf_view(text)), text->len)});
    return true;
}

bool engine_render(struct arena *a, const scope_template_list *templates, const struct render_options *options,
                   engine_output_list *out, struct error *err)
{
    struct engine engine = {.options = options, .included = map_new(a)};
    struct template_set *set = template_set_new(a);
    // Helm's own win over Sprig's functions of the same name (fail, toYaml, getHostByName).
    template_set_funcs(set, &engine_functions, &engine);
    template_set_funcs(set, template_codecs(), NULL);
    template_set_funcs(set, template_sprig(), NULL);
    template_set_missing_key(set, true, false);
    for (size_t i = 0; i < templates->len; i++) {
        const struct scope_template *t = &templates->items[i];
        if (!template_parse(set, t->path, t->text.data ? t->text.data : "", t->text.len, err))
            return engine_parse_error(a, t->path, err);
    }
    struct template_limits limits = options->limits;
    if (!limits.depth)
        limits.depth = TEMPLATE_DEPTH;
    struct buf text cleanup(buf_free) = {0};
    for (size_t i = 0; i < templates->len; i++)
        if (!is_partial(templates->items[i].path) && !run_one(a, set, &templates->items[i], &limits, &text, out, err))
            return false;
    return true;
}
