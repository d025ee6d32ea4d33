// scope.c - the tree of ".": one for each chart, whose .Values is its part of the root's values.
//
// The parts are shared, not copied: what a template does to .Values.sub is seen below .Values of the subchart, as in Helm.

#include "scope.h"

static int depth_of(const char *path)
{
    int n = 0;
    for (; *path; path++)
        n += *path == '/';
    return n;
}

// Deeper paths first, then the reverse of their names: a parent's definitions come later and win.
static int compare_templates(const void *a, const void *b)
{
    const struct scope_template *x = a, *y = b;
    return x->depth != y->depth ? y->depth - x->depth : strcmp(y->path, x->path);
}

struct builder {
    struct arena *arena;
    struct value release, capabilities;
    struct map *templates; // path -> struct scope_template: the last file of a name counts
};

// Helm looks "Values.NAME" up as a dotted path: a chart with a dot in its name never finds its values.
static struct value child_values(struct arena *a, struct value values, const char *name)
{
    struct slice rest = slice_of(name), key;
    for (bool more = true; more && value_is(values, V_DICT);) {
        more = slice_cut(rest, '.', &key, &rest);
        values = value_get_n(values, key.data, key.len);
    }
    if (!value_is(values, V_DICT))
        values = value_dict(a);
    values.reserved |= VALUE_AS_VALUES;
    return values;
}

static bool is_partial(const char *path)
{
    const char *slash = strrchr(path, '/');
    return (slash ? slash[1] : path[0]) == '_';
}

static struct value build(struct builder *b, const struct chart *c, struct value values)
{
    struct arena *a = b->arena;
    struct value data = value_dict(a), subcharts = value_dict(a), dot = data;
    value_set(data, "Chart", chart_template_view(a, c));
    value_set(data, "Files", scope_files(a, c));
    value_set(data, "Release", b->release);
    value_set(data, "Capabilities", b->capabilities);
    value_set(data, "Values", values);
    value_set(data, "Subcharts", subcharts);
    for (size_t i = 0; i < c->dependencies.len; i++) {
        const struct chart *sub = c->dependencies.items[i];
        value_set(subcharts, chart_name(sub), build(b, sub, child_values(a, values, chart_name(sub))));
    }
    dot.reserved |= VALUE_AS_VALUES; // within the tree it is a plain map
    const char *root = chart_full_path(a, c);
    const char *base_path = path_clean(a, arena_printf(a, "%s/templates", root));
    for (size_t i = 0; i < c->templates.len; i++) {
        const struct chart_file *file = &c->templates.items[i];
        if (chart_is_library(c) && !is_partial(file->name))
            continue;
        struct scope_template *t = arena_new_of(a, struct scope_template);
        const char *path = path_clean(a, arena_printf(a, "%s/%s", root, file->name));
        *t = (struct scope_template){.path = path,
                                     .depth = depth_of(path),
                                     .base_path = base_path,
                                     .text = file->data,
                                     .data = dot};
        map_put(b->templates, t->path, t);
    }
    return data;
}

static struct value release_view(struct arena *a, const struct render_release *release)
{
    struct value view = value_dict(a);
    value_set_str(view, "Name", str_or(release->name, ""));
    value_set_str(view, "Namespace", str_or(release->namespace, ""));
    value_set(view, "IsUpgrade", value_bool(release->is_upgrade));
    value_set(view, "IsInstall", value_bool(release->is_install));
    value_set(view, "Revision", value_int_of(GO_INT, release->revision));
    value_set_str(view, "Service", "Helm");
    return view;
}

scope_template_list scope_templates(struct arena *a, const struct chart *root, struct value values,
                                    const struct render_options *options)
{
    struct builder b = {.arena = a,
                        .release = release_view(a, &options->release),
                        .capabilities = scope_capabilities(a, &options->capabilities),
                        .templates = map_new(a)};
    build(&b, root, values);
    scope_template_list list = {0};
    const char *path;
    void *entry;
    for (size_t i = 0; map_each(b.templates, &i, &path, &entry);)
        vec_push(a, &list, *(struct scope_template *)entry);
    if (list.len > 1)
        qsort(list.items, list.len, sizeof *list.items, compare_templates);
    return list;
}
