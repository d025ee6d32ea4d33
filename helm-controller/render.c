// render.c - from chart and values to a release's manifest, hooks and notes.

#include "render.h"

#include "engine.h"

#define NOTES "NOTES.txt"
#define MAX_NAME 53

static bool is_name_part(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool plain = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9');
        if (!plain && (s[i] != '-' || i == 0 || i + 1 == len))
            return false;
    }
    return len > 0;
}

bool render_check_release_name(const char *name, struct error *err)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    const char *quoted = go_quoted_str(a, name);
    bool valid = *name && strlen(name) <= MAX_NAME;
    struct slice rest = slice_of(name), part;
    for (bool more = valid; more && valid;) {
        more = slice_cut(rest, '.', &part, &rest);
        valid = is_name_part(part.data, part.len);
    }
    if (!*name)
        error_set(err, ERROR_INVALID, "release name %s: no name provided", quoted);
    else if (!valid)
        error_set(err, ERROR_INVALID,
                  "release name %s: invalid release name, must match regex "
                  "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer "
                  "than %d",
                  quoted, MAX_NAME);
    return valid;
}

// Notes are no manifest: they come out of the files, the root's into `notes`.
static struct manifest_file *take_notes(struct arena *a, const struct chart *c, const engine_output_list *files,
                                        const char **notes, size_t *count)
{
    const char *own = arena_printf(a, "%s/templates/%s", chart_name(c), NOTES);
    struct manifest_file *rest = arena_array(a, struct manifest_file, files->len + 1);
    *notes = "";
    *count = 0;
    for (size_t i = 0; i < files->len; i++) {
        const struct engine_output *f = &files->items[i];
        if (!str_has_suffix(f->path, NOTES))
            rest[(*count)++] = (struct manifest_file){.path = f->path, .text = f->text};
        else if (str_eq(f->path, own))
            *notes = slice_dup(a, f->text);
    }
    return rest;
}

static void add_source(struct buf *out, const char *path, const char *text, size_t len)
{
    buf_printf(out, "---\n# Source: %s\n", path);
    buf_add(out, text, len);
    buf_char(out, '\n');
}

// What Helm keeps of a chart whose output is no YAML: every file, as it was rendered.
static struct slice raw_text(struct arena *a, const struct manifest_file *files, size_t count)
{
    struct buf out = BUF_IN(a);
    for (size_t i = 0; i < count; i++)
        if (slice_trim_space(files[i].text).len > 0)
            add_source(&out, files[i].path, files[i].text.data, files[i].text.len);
    return buf_view(&out);
}

static struct slice manifest_text(struct arena *a, const struct rendered *r, bool include_crds)
{
    size_t size = 0, crd_count = 0;
    struct chart_file *crds = include_crds ? chart_crds(a, r->chart, &crd_count) : NULL;
    for (size_t i = 0; i < crd_count; i++)
        size += crds[i].data.len + strlen(crds[i].name) + 32;
    for (size_t i = 0; i < r->objects.len; i++)
        size += r->objects.items[i].len + strlen(r->objects.items[i].source) + 32;
    struct buf out = BUF_IN(a);
    buf_reserve(&out, size);
    for (size_t i = 0; i < crd_count; i++)
        add_source(&out, crds[i].name, crds[i].data.data, crds[i].data.len);
    for (size_t i = 0; i < r->objects.len; i++)
        add_source(&out, r->objects.items[i].source, r->objects.items[i].text, r->objects.items[i].len);
    return buf_view(&out);
}

bool render_chart(struct arena *a, const struct chart *chart, struct value values, const struct render_options *options,
                  struct rendered *out, struct error *err)
{
    *out = (struct rendered){.notes = ""};
    if (!render_check_release_name(str_or(options->release.name, ""), err))
        return chart_refuse(options->notices, "release name check failed", err);
    struct chart heard = *chart;
    heard.notices = options->notices;
    struct chart *c = chart_with_dependencies(a, &heard, values, err);
    if (!c)
        return false;
    struct value coalesced;
    if (!chart_coalesce(a, c, values, &coalesced, err))
        return false;
    if (!options->skip_schema && !chart_check_schema(a, c, coalesced, options->schema_source, err))
        return false;
    out->chart = c;
    if (!options->objects_only)
        out->values = value_copy_tree(a, coalesced);

    const struct render_capabilities *caps = &options->capabilities;
    if (!chart_kube_compatible(c, str_or(caps->kube_constraint, str_or(caps->kube_version, ""))))
        return error_set(err, ERROR_INVALID, "chart requires kubeVersion: %s which is incompatible with Kubernetes %s",
                         value_str_or(value_get(c->metadata, "kubeVersion"), ""), str_or(caps->kube_version, ""));
    scope_template_list templates = scope_templates(a, c, coalesced, options);
    engine_output_list files = {0};
    if (!engine_render(a, &templates, options, &files, err))
        return false;
    size_t count;
    struct manifest_file *rest = take_notes(a, c, &files, &out->notes, &count);
    if (!manifests_sort(a, rest, count, &out->objects, &out->hooks, options->notices, err)) {
        out->notes = "";
        out->manifest_text = raw_text(a, rest, count);
        return false;
    }
    if (!options->objects_only)
        out->manifest_text = manifest_text(a, out, options->include_crds);
    return true;
}
