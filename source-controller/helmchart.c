// helmchart.c - HelmChart: one version of a chart, from a HelmRepository or a GitRepository, as a tgz.
#include "chart_build.h"

#include <inttypes.h>
#include <stdio.h>

#define KIND "HelmChart"
#define REVISION_CHARS 12 // of a commit in a version: charts put it into labels, which are short

// ---- the request --------------------------------------------------------------------------------------------------

static const char *const *strings(struct arena *a, struct value list)
{
    const char **out = arena_array(a, const char *, value_len(list) + 1);
    for (size_t i = 0; i < value_len(list); i++)
        out[i] = value_str_or(value_at(list, i), "");
    return out;
}

// values.yaml alone is what a chart has anyway.
static const char *const *values_files(struct reconcile *r)
{
    struct value list = value_get(r->spec, "valuesFiles");
    const char *const *files = strings(r->arena, list);
    if (!value_len(list) || (value_len(list) == 1 && str_eq(path_clean(r->arena, files[0]), "values.yaml")))
        return NULL;
    return files;
}

// What follows the '+' of the version: the start of the commit with strategy Revision, and the generation where values
// files are merged, so that whoever uses the chart notices each change.
static const char *version_metadata(struct reconcile *r, const struct artifact *source, bool from_git, bool merged)
{
    struct buf out = BUF_IN(r->arena);
    if (from_git && str_eq(value_str(value_get(r->spec, "reconcileStrategy")), "Revision")) {
        const char *at = strrchr(str_or(source->revision, ""), ':');
        const char *hash = at ? at + 1 : str_or(source->revision, "");
        buf_printf(&out, "%.*s", REVISION_CHARS, hash);
    }
    if (merged)
        buf_printf(&out, "%s%" PRId64, out.len ? "." : "", kube_generation(r->object));
    return arena_strdup(r->arena, buf_cstr(&out));
}

static struct build_request request_of(struct source *s, const struct artifact *source, bool from_git)
{
    struct reconcile *r = s->r;
    struct build_request q = {
        .source = s,
        .chart = value_str_or(value_get(r->spec, "chart"), ""),
        .range = value_str_or(value_get(r->spec, "version"), "*"),
        .values = values_files(r),
        .ignore_missing_values = value_true(value_get(r->spec, "ignoreMissingValuesFiles")),
        .force = kube_generation(r->object) != value_int_or(value_get(r->status, "observedGeneration"), 0),
        .limit = settings_of(r)->chart_max,
    };
    q.metadata = version_metadata(r, source, from_git, q.values != NULL);
    return q;
}

// ---- the end ------------------------------------------------------------------------------------------------------

static struct result store_build(struct source *s, const struct build *b)
{
    struct reconcile *r = s->r;
    struct error err cleanup(error_clear) = {0};
    const char *summary = build_summary(r->arena, b), *link;
    if (b->stored)
        return source_ready(s, build_reason(b), summary, build_reason(b), summary);

    struct artifact artifact = {.revision = b->version};
    const char *file = arena_printf(r->arena, "%s-%s.tgz", b->name, b->version);
    if (!source_progress(s, "NewChart", &err, "%s", summary))
        return result_failed(r, "PatchOperationFailed", &err);
    if (!store_name(r->arena, KIND, r->namespace, r->name, file, &artifact.path, &err) ||
        !(b->file.path ? store_copy(s->store, r->arena, &artifact, b->file.path, &err)
                       : store_write(s->store, r->arena, &artifact, b->data, &err))) {
        error_wrap(&err, "unable to copy Helm chart to storage");
        return source_failed(s, "StorageOperationFailed", "ArchiveOperationFailed", &err);
    }
    source_store(s, &artifact, VALUE_NULL);
    value_set_str(r->status, "observedChartName", b->name);
    value_unset(r->status, "observedValuesFiles");
    if (value_true(value_get(r->spec, "ignoreMissingValuesFiles")) && b->values && b->values[0]) {
        struct value used = value_list(r->arena);
        for (size_t i = 0; b->values[i]; i++)
            value_push(used, value_string(b->values[i]));
        value_set(r->status, "observedValuesFiles", used);
    }
    if (store_link(s->store, r->arena, artifact.path, "latest.tar.gz", &link, &err))
        value_set_str(r->status, "url", link);
    else
        log_error(error_text(&err), "failed to update status URL symlink");
    return source_ready(s, build_reason(b), summary, build_reason(b), summary);
}

static struct result build_failed(struct source *s, const struct build *b, enum build_fault fault, struct error *err)
{
    const struct build_failure *f = build_failure(fault);
    if (b->version && s->current.path && !artifact_is(&s->current, b->version))
        condition_set(s->r, "ArtifactOutdated", "True", "NewChart", "new '%s' chart with version '%s'", b->name,
                      b->version);
    if (fault == BUILD_PULL &&
        err->class == ERROR_DENIED) { // a wrong password, or a certificate that nobody vouches for
        error_wrap(err, "failed to authenticate with the Helm repository: %s", f->summary);
        return source_failed(s, "FetchFailed", "AuthenticationFailed", err);
    }
    error_wrap(err, "%s", f->summary);
    return f->persistent ? source_stalled(s, f->condition, f->reason, err)
                         : source_failed(s, f->condition, f->reason, err);
}

// ---- the ways -----------------------------------------------------------------------------------------------------

static struct result from_git(struct source *s, const struct artifact *source)
{
    struct error err cleanup(error_clear) = {0};
    struct work folder cleanup(work_remove) = {0};
    struct build b = {0};
    enum build_fault fault = BUILD_PACKAGE;
    struct build_request q = request_of(s, source, true);

    if (!store_work_dir(s->store, &folder, &err))
        return source_failed(s, "FetchFailed", "DirectoryCreationFailed", &err);
    if (!artifact_unpack(s, source, folder.path, &err)) {
        error_wrap(&err, "artifact untar error");
        return source_failed(s, "FetchFailed", "Failed", &err);
    }
    bool ok = build_local(&q, folder.path, &b, &fault, &err);
    struct result result = ok ? store_build(s, &b) : build_failed(s, &b, fault, &err);
    work_remove(&b.file);
    return result;
}

static struct result from_repository(struct source *s, struct value repository, const struct artifact *source)
{
    struct reconcile *r = s->r;
    struct error err cleanup(error_clear) = {0};
    struct helm_client client cleanup(helm_client_close) = {0};
    struct build b = {0};
    struct slice index = {0};
    enum build_fault fault = BUILD_PACKAGE;
    struct build_request q = request_of(s, source, false);
    const char *reason;

    if (!helm_client_open(r, repository, &client, &reason, &err))
        return str_eq(reason, "URLInvalid") ? source_stalled(s, "FetchFailed", reason, &err)
                                            : source_failed(s, "FetchFailed", reason, &err);
    if (!client.oci &&
        !file_read(r->arena, store_local(s->store, r->arena, source->path), STORED_INDEX_MAX, &index, &err))
        return source_failed(s, "FetchFailed", "ReadOperationFailed", &err);
    bool ok = build_remote(&q, &client, index, &b, &fault, &err);
    struct result result = ok ? store_build(s, &b) : build_failed(s, &b, fault, &err);
    work_remove(&b.file);
    return result;
}

static bool is_oci(struct value repository)
{
    return str_eq(value_str(value_path(repository, "spec.type")), "oci");
}

static struct result reconcile_helmchart(struct reconcile *r)
{
    struct error err cleanup(error_clear) = {0};
    struct source s;
    struct result result;
    struct value object;
    struct artifact artifact;

    if (r->deleting)
        return source_deleted(r);
    if (!source_begin(r, &s, &result))
        return result;
    const char *kind = value_str_or(value_path(r->spec, "sourceRef.kind"), "");
    const char *name = value_str_or(value_path(r->spec, "sourceRef.name"), "");
    bool git = str_eq(kind, "GitRepository");
    if (!git && !str_eq(kind, "HelmRepository")) {
        error_set(&err, ERROR_INVALID,
                  "failed to get source: %s as a source of HelmChart is not supported by Runnel yet", kind);
        return source_stalled(&s, "FetchFailed", "UnsupportedSourceKind", &err);
    }
    if (!reconcile_get(r, (struct kube_ref){SOURCE_API, kind, r->namespace, name}, &object, &err)) {
        error_wrap(&err, "failed to get source");
        return source_failed(&s, "FetchFailed", "SourceUnavailable", &err);
    }
    bool has = artifact_stored(s.store, object, &artifact);
    if (!has && (git || !is_oci(object)))
        return source_waits(&s, "FetchFailed", "NoSourceArtifact",
                            arena_printf(r->arena, "no artifact available for %s source '%s'", kind, name));
    if (has)
        value_set_str(r->status, "observedSourceArtifactRevision", artifact.revision);
    return git ? from_git(&s, &artifact) : from_repository(&s, object, &artifact);
}

// ---- the kind -----------------------------------------------------------------------------------------------------

// A source has a revision that a chart of it has not seen.
static void map_source(struct app *app, struct informer *own, struct value old, struct value object,
                       struct arena *scratch, struct queue_keys *keys)
{
    struct artifact artifact;
    bool has = artifact_of(object, &artifact);
    const char *kind = value_str(value_get(object, "kind"));
    if (!has && !is_oci(object))
        return;
    struct value charts = informer_list(own, scratch, kube_namespace(object));
    for (size_t i = 0; i < value_len(charts); i++) {
        struct value chart = value_at(charts, i);
        const char *seen = value_str(value_path(chart, "status.observedSourceArtifactRevision"));
        if (str_eq(value_str(value_path(chart, "spec.sourceRef.kind")), kind) &&
            str_eq(value_str(value_path(chart, "spec.sourceRef.name")), kube_name(object)) &&
            (has ? !str_eq(seen, artifact.revision) : !condition_is_true(chart, "Ready")))
            queue_keys_add(keys, kube_namespace(chart), kube_name(chart));
    }
}

static const struct controller_map maps[] = {
    {.api_version = SOURCE_API, .kind = "GitRepository", .map = map_source},
    {.api_version = SOURCE_API, .kind = "HelmRepository", .map = map_source},
};

static bool verify_needs_repository(struct value self)
{
    return !value_has(self, "verify") || str_eq(value_str(value_path(self, "sourceRef.kind")), "HelmRepository");
}

static const struct schema_rule rules[] = {
    {"!has(self.verify) || self.sourceRef.kind == 'HelmRepository'", verify_needs_repository},
};

static const struct field fields[] = {
    {"chart", FIELD_WORKS, NULL, NULL},
    {"ignoreMissingValuesFiles", FIELD_WORKS, NULL, NULL},
    {"interval", FIELD_WORKS, NULL, NULL},
    {"reconcileStrategy", FIELD_WORKS, NULL, NULL},
    {"sourceRef", FIELD_WORKS, NULL, "HelmRepository and GitRepository; Bucket is refused"},
    {"suspend", FIELD_WORKS, NULL, NULL},
    {"valuesFiles", FIELD_WORKS, NULL, NULL},
    {"verify", FIELD_REFUSED, NULL, NULL},
    {"version", FIELD_WORKS, NULL, NULL},
};

const struct controller_kind helmchart_kind = {
    .api_version = SOURCE_API,
    .kind = KIND,
    .reconcile = reconcile_helmchart,
    .maps = maps,
    .map_count = ARRAY_LEN(maps),
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .schema = &schema_HelmChart,
    .rules = rules,
    .rule_count = ARRAY_LEN(rules),
};
