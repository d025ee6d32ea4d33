// chart_build.c - makes the chart of a HelmChart.
#include "chart_build.h"

#include "chart_dependencies.h"
#include "regex/regex.h"
#include "semver/semver.h"

#include <inttypes.h>
#include <sys/stat.h>

#define VALUES_FILE "values.yaml"
#define FILE_MAX ((size_t)32 << 20)

static const struct build_failure failures[] = {
    [BUILD_REFERENCE] = {"InvalidChartReference", "invalid chart reference", true, "FetchFailed"},
    [BUILD_PULL] = {"ChartPullError", "chart pull error", false, "FetchFailed"},
    [BUILD_METADATA] = {"MetadataPatchError", "chart metadata patch error", true, "BuildFailed"},
    [BUILD_VALUES] = {"ValuesFilesError", "values files merge error", true, "BuildFailed"},
    [BUILD_DEPENDENCY] = {"DependencyBuildError", "dependency build error", false, "BuildFailed"},
    [BUILD_PACKAGE] = {"ChartPackageError", "chart package error", false, "BuildFailed"},
};

const struct build_failure *build_failure(enum build_fault fault)
{
    return &failures[fault];
}

static bool fail(enum build_fault *fault, enum build_fault which)
{
    *fault = which;
    return false;
}

static struct reconcile *reconcile_of(const struct build_request *q)
{
    return q->source->r;
}

const char *build_reason(const struct build *b)
{
    return b->packaged ? "ChartPackageSucceeded" : "ChartPullSucceeded";
}

const char *build_summary(struct arena *a, const struct build *b)
{
    struct buf out = BUF_IN(a);
    buf_printf(&out, "%s '%s' chart with version '%s'", b->packaged ? "packaged" : "pulled", b->name, b->version);
    for (size_t i = 0; b->values && b->values[i]; i++)
        buf_printf(&out, "%s%s%s", i ? " " : " and merged values files [", b->values[i], b->values[i + 1] ? "" : "]");
    return arena_strdup(a, buf_cstr(&out));
}

// ---- what both ways share -----------------------------------------------------------------------------------------

// The version with the metadata that tells its consumers of a change: 1.0.0+4ed1cafe0123.
static bool set_version(const struct build_request *q, const char *version, struct build *b, enum build_fault *fault,
                        struct error *err)
{
    struct arena *a = reconcile_of(q)->arena;
    struct semver v;
    b->version = version;
    if (!*q->metadata)
        return true;
    if (!semver_parse(a, version, &v, err)) {
        error_wrap(err, "failed to parse version from chart metadata as SemVer");
        return fail(fault, BUILD_METADATA);
    }
    v.meta = q->metadata;
    b->version = semver_string(a, &v);
    return true;
}

// Whether the artifact is this chart in this version already. What it holds was checked against its digest a moment
// ago.
static bool is_stored(const struct build_request *q, const struct build *b)
{
    struct reconcile *r = reconcile_of(q);
    return !q->force && artifact_is(&q->source->current, b->version) &&
           str_eq(value_str(value_get(r->status, "observedChartName")), b->name);
}

// What the status remembers of the values files that took part, or else those of the spec.
static const char *const *stored_values(const struct build_request *q)
{
    struct reconcile *r = reconcile_of(q);
    struct value seen = value_get(r->status, "observedValuesFiles");
    if (!value_len(seen))
        return q->values;
    const char **out = arena_array(r->arena, const char *, value_len(seen) + 1);
    for (size_t i = 0; i < value_len(seen); i++)
        out[i] = value_str_or(value_at(seen, i), "");
    return out;
}

typedef bool values_reader(void *ctx, struct reconcile *r, const char *path, struct slice *out, struct error *err);

struct merged {
    struct value values;
    const char **files;
    size_t count;
};

static bool merge_values(const struct build_request *q, values_reader *read, void *ctx, struct merged *out,
                         struct error *err)
{
    struct reconcile *r = reconcile_of(q);
    size_t count = 0;
    while (q->values[count])
        count++;
    *out = (struct merged){.values = value_dict(r->arena), .files = arena_array(r->arena, const char *, count + 1)};
    for (size_t i = 0; i < count; i++) {
        struct slice text;
        struct value values;
        if (!read(ctx, r, q->values[i], &text, err)) {
            if (err->class != ERROR_NOT_FOUND)
                return false;
            if (!q->ignore_missing_values)
                return error_set(err, ERROR_NOT_FOUND, "no values file found at path '%s'", q->values[i]);
            error_clear(err);
            continue;
        }
        if (!chart_unmarshal_map(r->arena, text, &values, err))
            return error_wrap(err, "unmarshaling values from '%s' failed", q->values[i]);
        if (value_is(values, V_DICT))
            chart_merge_values(r->arena, out->values, values);
        out->files[out->count++] = q->values[i];
    }
    return true;
}

// Packs the chart with the version and, where there are values files, with what they come to as its values.yaml.
static bool package(const struct build_request *q, const struct chart *chart, const struct merged *merged,
                    struct build *b, enum build_fault *fault, struct error *err)
{
    struct reconcile *r = reconcile_of(q);
    struct chart_package_options options = {.version = b->version};
    struct buf yaml = BUF_IN(r->arena);
    if (merged) {
        if (!chart->values_raw.data) {
            error_set(err, ERROR_INVALID, "failed to locate values file: %s", VALUES_FILE);
            return fail(fault, BUILD_VALUES);
        }
        if (value_len(merged->values) && !yaml_write(&yaml, merged->values, 0, err))
            return fail(fault, BUILD_VALUES);
        options.values_yaml = slice_n(buf_cstr(&yaml), yaml.len);
        b->values = merged->files;
    }
    if (!store_work_file(q->source->store, &b->file, err) ||
        !chart_package(r->arena, chart, &options, b->file.path, err)) {
        error_wrap(err, "failed to package chart");
        return fail(fault, BUILD_PACKAGE);
    }
    b->packaged = true;
    return true;
}

// ---- from a folder ------------------------------------------------------------------------------------------------

static bool read_below(void *ctx, struct reconcile *r, const char *path, struct slice *out, struct error *err)
{
    const char *file;
    struct stat st;
    if (!path_within(r->arena, ctx, path, &file, err))
        return false;
    if (lstat(file, &st) || !S_ISREG(st.st_mode))
        return error_set(err, ERROR_NOT_FOUND, "not a regular file");
    return file_read(r->arena, file, FILE_MAX, out, err);
}

// What the chart is, before the rest of it is read.
static bool read_metadata(struct reconcile *r, const char *dir, const char **name, const char **version,
                          struct error *err)
{
    struct slice text, requirements = {0};
    if (!read_below((void *)dir, r, "Chart.yaml", &text, err))
        return error_wrap(err, "failed to load chart metadata");
    if (!read_below((void *)dir, r, "requirements.yaml", &requirements, err)) {
        if (err->class != ERROR_NOT_FOUND)
            return error_wrap(err, "failed to load chart metadata");
        error_clear(err);
    }
    const struct chart *chart = chart_describe(r->arena, text, requirements, err);
    if (!chart)
        return false;
    *name = chart_name(chart);
    *version = chart_version(chart);
    return true;
}

bool build_local(const struct build_request *q, const char *root, struct build *b, enum build_fault *fault,
                 struct error *err)
{
    struct reconcile *r = reconcile_of(q);
    struct chart *chart = NULL;
    struct merged merged;
    const char *path, *version;
    struct stat st;

    *b = (struct build){0};
    if (q->chart[0] == '/') {
        error_set(err, ERROR_INVALID, "local chart reference path is expected to be relative");
        return fail(fault, BUILD_REFERENCE);
    }
    if (!path_within(r->arena, root, q->chart, &path, err))
        return fail(fault, BUILD_REFERENCE);
    bool folder = !lstat(path, &st) && S_ISDIR(st.st_mode);
    if (folder ? !read_metadata(r, path, &b->name, &version, err) : !(chart = chart_load(r->arena, path, NULL, err)))
        return fail(fault, BUILD_REFERENCE);
    if (!folder) {
        if (!chart_validate(chart, err))
            return fail(fault, BUILD_REFERENCE);
        b->name = chart_name(chart);
        version = chart_version(chart);
    }
    if (!set_version(q, version, b, fault, err))
        return false;
    bool repack = folder || *q->metadata || q->values;
    if (is_stored(q, b)) {
        b->stored = true;
        b->packaged = repack;
        b->values = q->values ? stored_values(q) : NULL;
        return true;
    }
    if (!repack)
        return file_read(r->arena, path, q->limit, &b->data, err) || fail(fault, BUILD_PULL);
    if (q->values && !merge_values(q, read_below, (void *)root, &merged, err))
        return fail(fault, BUILD_VALUES);
    if (folder && !(chart = chart_load_dir(r->arena, path, err)))
        return fail(fault, BUILD_PACKAGE);
    size_t added = 0;
    if (folder && !dependencies_add(q, root, q->chart, chart, &added, err))
        return fail(fault, BUILD_DEPENDENCY);
    if (added)
        log_info("resolved chart dependencies", LOG_I("count", (int64_t)added));
    return package(q, chart, q->values ? &merged : NULL, b, fault, err);
}

// ---- from a repository --------------------------------------------------------------------------------------------

static bool read_of_chart(void *ctx, struct reconcile *r, const char *path, struct slice *out, struct error *err)
{
    const struct chart *chart = ctx;
    const char *name = path_clean(r->arena, path);
    for (size_t i = 0; i < chart->raw.len; i++) {
        if (str_eq(chart->raw.items[i].name, name)) {
            *out = chart->raw.items[i].data;
            return true;
        }
    }
    return error_set(err, ERROR_NOT_FOUND, "no such file");
}

static bool check_name(const char *name, struct error *err)
{
    static const char pattern[] = "^([-a-z0-9]+/?\\.?)+$";
    const struct regex *valid = regex_cached(pattern, strlen(pattern), err);
    if (str_empty(name))
        return error_set(err, ERROR_INVALID, "no name set for remote chart reference");
    if (valid && regex_is_match(valid, slice_of(name)))
        return true;
    return error_set(err, ERROR_INVALID,
                     "invalid chart name '%s': a valid name must be lower case letters and numbers and MAY be "
                     "separated with dashes (-), slashes (/) or periods (.)",
                     name);
}

bool build_remote(const struct build_request *q, struct helm_client *client, struct slice index, struct build *b,
                  enum build_fault *fault, struct error *err)
{
    struct reconcile *r = reconcile_of(q);
    struct helm_chart_ref ref;
    struct merged merged;
    struct slice tgz;

    *b = (struct build){0};
    if (!check_name(q->chart, err))
        return fail(fault, BUILD_REFERENCE);
    if (!helm_client_find(client, r, index, q->chart, q->range, &ref, err)) {
        error_wrap(err, "failed to get chart version for remote reference");
        // In an index a version is there or not; a registry is asked over the network.
        return fail(fault, client->oci ? BUILD_PULL : BUILD_REFERENCE);
    }
    b->name = ref.name;
    if (!set_version(q, ref.version, b, fault, err))
        return false;
    bool repack = *q->metadata || q->values;
    if (is_stored(q, b)) {
        b->stored = true;
        b->packaged = repack;
        b->values = q->values ? stored_values(q) : NULL;
        return true;
    }
    if (!helm_client_chart(client, r, &ref, q->limit, &tgz, err)) {
        error_wrap(err, "failed to download chart for remote reference");
        return fail(fault, BUILD_PULL);
    }
    struct chart *chart = chart_load_archive(r->arena, tgz, err);
    if (!chart || !chart_validate(chart, err)) {
        error_wrap(err, "failed to load downloaded chart");
        return fail(fault, repack ? BUILD_PACKAGE : BUILD_PULL);
    }
    if (!repack) {
        b->data = tgz;
        return true;
    }
    if (q->values && !merge_values(q, read_of_chart, chart, &merged, err)) {
        error_wrap(err, "failed to merge chart values");
        return fail(fault, BUILD_VALUES);
    }
    return package(q, chart, q->values ? &merged : NULL, b, fault, err);
}
