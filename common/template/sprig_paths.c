// sprig_paths.c - Sprig's functions on paths: Go's path package, and filepath on Unix, which agrees with it.
#include "template/sprig.h"

static struct slice without_slashes(struct slice s)
{
    while (s.len && s.data[s.len - 1] == '/')
        s.len--;
    return s;
}

static ptrdiff_t last_slash(struct slice s)
{
    const char *slash = memrchr(s.data, '/', s.len);
    return slash ? slash - s.data : -1;
}

static bool fn_base(struct template_call *call, struct value *result)
{
    struct slice path = arg_text(call, 0), name = without_slashes(path);
    name = slice_sub(name, (size_t)(last_slash(name) + 1), name.len);
    *result = name.len ? sprig_copy(call, name) : value_string(path.len ? "/" : ".");
    return true;
}

static bool fn_dir(struct template_call *call, struct value *result)
{
    struct slice path = arg_text(call, 0);
    path.len = (size_t)(last_slash(path) + 1);
    path = path_clean_slice(call->arena, path);
    *result = value_string_n(path.data, path.len);
    return true;
}

static bool fn_clean(struct template_call *call, struct value *result)
{
    struct slice path = path_clean_slice(call->arena, arg_text(call, 0));
    *result = value_string_n(path.data, path.len);
    return true;
}

static bool fn_ext(struct template_call *call, struct value *result)
{
    struct slice path = arg_text(call, 0);
    const char *dot = memrchr(path.data, '.', path.len);
    bool found = dot && dot - path.data > last_slash(path);
    *result = found ? value_string_n(dot, (size_t)(path.data + path.len - dot)) : value_string("");
    return true;
}

static bool fn_is_abs(struct template_call *call, struct value *result)
{
    *result = value_bool(call->args[0].len && call->args[0].data[0] == '/');
    return true;
}

static const struct template_func items[] = {
    {"base", "s", fn_base},     {"clean", "s", fn_clean},     {"dir", "s", fn_dir},
    {"ext", "s", fn_ext},       {"isAbs", "s", fn_is_abs},    {"osBase", "s", fn_base},
    {"osClean", "s", fn_clean}, {"osDir", "s", fn_dir},       {"osExt", "s", fn_ext},
    {"osIsAbs", "s", fn_is_abs},
};
const struct template_funcs sprig_paths = {.items = items, .count = ARRAY_LEN(items)};
