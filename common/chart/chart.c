// chart.c - what one asks of a loaded chart: its name, version, kind, path and CRDs.

#include "chart/internal.h"

#include "semver/semver.h"

const char *chart_name(const struct chart *c)
{
    return value_str_or(value_get(c->metadata, "name"), "");
}

const char *chart_version(const struct chart *c)
{
    return value_str_or(value_get(c->metadata, "version"), "");
}

bool chart_is_library(const struct chart *c)
{
    return strcasecmp(value_str_or(value_get(c->metadata, "type"), ""), "library") == 0;
}

char *chart_full_path(struct arena *a, const struct chart *c)
{
    if (!c->parent)
        return arena_strdup(a, chart_name(c));
    return arena_printf(a, "%s/charts/%s", chart_full_path(a, c->parent), chart_name(c));
}

struct value chart_written_metadata(struct arena *a, const struct chart *c)
{
    static const char *const containers[] = {"annotations", "dependencies"};
    struct value written = value_copy(a, c->metadata);
    for (size_t i = 0; i < ARRAY_LEN(containers); i++)
        if (value_len(value_get(written, containers[i])) == 0)
            value_unset(written, containers[i]);
    return written;
}

bool chart_validate(const struct chart *c, struct error *err)
{
    struct arena *scratch cleanup(cleanup_arena) = arena_new();
    return metadata_validate(scratch, value_copy(scratch, c->metadata), err);
}

bool chart_check_installable(const struct chart *c, struct error *err)
{
    const char *type = value_str_or(value_get(c->metadata, "type"), "");
    if (!*type || str_eq(type, "application"))
        return true;
    return error_set(err, ERROR_INVALID, "%s charts are not installable", type);
}

bool chart_check_dependencies(const struct chart *c, struct error *err)
{
    struct buf missing = {0};
    size_t count = 0; // a name may be empty
    struct value wanted = value_get(c->metadata, "dependencies");
    for (size_t i = 0; i < value_len(wanted); i++) {
        const char *name = value_str_or(value_get(value_at(wanted, i), "name"), "");
        bool found = false;
        for (size_t k = 0; k < c->dependencies.len && !found; k++)
            found = str_eq(chart_name(c->dependencies.items[k]), name);
        if (!found)
            buf_printf(&missing, "%s%s", count++ ? ", " : "", name);
    }
    if (count)
        error_set(err, ERROR_INVALID,
                  "an error occurred while checking for chart dependencies. You may need to run `helm dependency build` to "
                  "fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: %s",
                  buf_cstr(&missing));
    buf_free(&missing);
    return count == 0;
}

const char *chart_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool chart_has_extension(const char *path, const char *extension)
{
    const char *dot = strrchr(chart_base_name(path), '.');
    return dot && str_eq(dot, extension);
}

static bool is_manifest(const char *path)
{
    const char *dot = strrchr(chart_base_name(path), '.');
    return dot && (strcasecmp(dot, ".yaml") == 0 || strcasecmp(dot, ".yml") == 0 || strcasecmp(dot, ".json") == 0);
}

static void collect_crds(struct arena *a, const struct chart *c, chart_file_list *out)
{
    for (size_t i = 0; i < c->files.len; i++) {
        const struct chart_file *f = &c->files.items[i];
        if (str_has_prefix(f->name, "crds/") && is_manifest(f->name))
            vec_push(a, out,
                     (struct chart_file){.name = arena_printf(a, "%s/%s", chart_full_path(a, c), f->name),
                                         .data = f->data,
                                         .mtime = f->mtime});
    }
    for (size_t i = 0; i < c->dependencies.len; i++)
        collect_crds(a, c->dependencies.items[i], out);
}

struct chart_file *chart_crds(struct arena *a, const struct chart *c, size_t *count)
{
    chart_file_list list = {0};
    collect_crds(a, c, &list);
    *count = list.len;
    return list.items;
}

bool chart_version_in_range(struct arena *a, const char *range, const char *version)
{
    struct error ignored cleanup(error_clear) = {0};
    struct semver v;
    struct semver_constraint *constraint = semver_constraint_parse(a, range, &ignored);
    return constraint && semver_parse(a, version, &v, &ignored) && semver_check(constraint, &v);
}

bool chart_kube_compatible(const struct chart *c, const char *kube_version)
{
    const char *range = value_str(value_get(c->metadata, "kubeVersion"));
    if (str_empty(range))
        return true;
    struct arena *scratch cleanup(cleanup_arena) = arena_new();
    return chart_version_in_range(scratch, range, kube_version);
}
