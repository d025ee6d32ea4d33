// source.c - from a HelmRelease to the source object that has its chart.
#include "source.h"

#include "spec.h"

#include <stdio.h>

#define OWNER_NAME "helm.toolkit.fluxcd.io/name"
#define OWNER_NAMESPACE "helm.toolkit.fluxcd.io/namespace"

// ---- the HelmChart ------------------------------------------------------------------------------
static const char *chart_namespace(struct reconcile *r)
{
    return value_str_or(value_path(r->spec, "chart.spec.sourceRef.namespace"), r->namespace);
}

static bool allowed(struct reconcile *r, const char *kind, const char *namespace, const char *name, struct error *err)
{
    if (str_eq(namespace, r->namespace) || !app_flag_bool(r->app, "no-cross-namespace-refs"))
        return true;
    return error_set(err, ERROR_DENIED, "cross-namespace references are not allowed: cannot access %s %s/%s", kind,
                     namespace, name);
}

static void copy_dict(struct value into, struct value from)
{
    for (struct value_iter it = {0}; value_next(from, &it);)
        value_set(into, it.key, it.value);
}

static struct value build_chart(struct reconcile *r, const char *namespace, const char *name)
{
    static const char *const keys[] = {"chart", "version", "reconcileStrategy", "valuesFiles",
                                       "ignoreMissingValuesFiles"};
    struct value template = value_path(r->spec, "chart.spec"), meta = value_path(r->spec, "chart.metadata");
    struct value object = value_dict(r->arena), spec = value_dict(r->arena), metadata = value_dict(r->arena);
    struct value labels = value_dict(r->arena), ref = value_dict(r->arena);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (value_has(template, keys[i]))
            value_set(spec, keys[i], value_get(template, keys[i]));
    value_set(ref, "kind", value_path(template, "sourceRef.kind"));
    value_set(ref, "name", value_path(template, "sourceRef.name"));
    value_set(spec, "sourceRef", ref);
    value_set(spec, "interval", value_get(value_has(template, "interval") ? template : r->spec, "interval"));
    copy_dict(labels, value_get(meta, "labels"));
    value_set_str(labels, OWNER_NAME, r->name);
    value_set_str(labels, OWNER_NAMESPACE, r->namespace);
    value_set_str(metadata, "name", name);
    value_set_str(metadata, "namespace", namespace);
    value_set(metadata, "labels", labels);
    if (value_len(value_get(meta, "annotations")))
        value_set(metadata, "annotations", value_get(meta, "annotations"));
    value_set_str(object, "apiVersion", SOURCE_API);
    value_set_str(object, "kind", "HelmChart");
    value_set(object, "metadata", metadata);
    value_set(object, "spec", spec);
    return object;
}

static bool contains(struct value all, struct value some)
{
    for (struct value_iter it = {0}; value_next(some, &it);)
        if (!value_equal(value_get(all, it.key), it.value))
            return false;
    return true;
}

// Whether the HelmChart is as it should be: then nothing is written.
static bool is_same(struct reconcile *r, struct value want)
{
    struct informer *charts = app_informer(r->app, SOURCE_API, "HelmChart");
    struct value have = charts ? informer_get(charts, r->arena, kube_namespace(want), kube_name(want)) : VALUE_NULL;
    return !value_is_null(have) && !kube_deleting(have) &&
           value_equal(value_get(have, "spec"), value_get(want, "spec")) &&
           contains(value_path(have, "metadata.labels"), value_path(want, "metadata.labels")) &&
           contains(value_path(have, "metadata.annotations"), value_path(want, "metadata.annotations"));
}

bool source_delete_chart(struct reconcile *r, struct error *err)
{
    const char *made = value_str(value_get(r->status, "helmChart"));
    struct slice namespace, name;
    struct kube_delete_options options = {0};
    if (str_empty(made) || !slice_cut(slice_of(made), '/', &namespace, &name))
        return true;
    struct kube_ref ref = {SOURCE_API, "HelmChart", slice_dup(r->arena, namespace), slice_dup(r->arena, name)};
    if (!allowed(r, ref.kind, ref.namespace, ref.name, err))
        return false;
    if (!kube_delete(r->kube, r->arena, ref, &options, err)) {
        if (err->class != ERROR_NOT_FOUND)
            return error_wrap(err, "failed to delete HelmChart '%s'", made);
        error_clear(err);
    }
    value_unset(r->status, "helmChart");
    return true;
}

bool source_apply_chart(struct reconcile *r, struct error *err)
{
    bool wanted = value_is(value_get(r->spec, "chart"), V_DICT);
    const char *namespace = chart_namespace(r), *name = arena_printf(r->arena, "%s-%s", r->namespace, r->name);
    const char *path = arena_printf(r->arena, "%s/%s", namespace, name),
               *made = value_str(value_get(r->status, "helmChart"));
    if (made && (!wanted || !str_eq(made, path)) && !source_delete_chart(r, err))
        return false;
    if (!wanted)
        return true;
    if (!allowed(r, "HelmChart", namespace, name, err))
        return false;
    struct value want = build_chart(r, namespace, name), stored;
    struct kube_apply_options options = {.field_manager = reconcile_field_manager(r), .force = true};
    if (!is_same(r, want)) {
        if (!kube_apply(r->kube, r->arena, want, &options, &stored, err))
            return error_wrap(err, "failed to run server-side apply");
        struct informer *charts = app_informer(r->app, SOURCE_API, "HelmChart");
        if (charts)
            informer_put(charts, stored);
        log_info(arena_printf(r->arena, "HelmChart/%s applied with SourceRef '%s/%s/%s'", path,
                              value_str_or(value_path(want, "spec.sourceRef.kind"), ""), namespace,
                              value_str_or(value_path(want, "spec.sourceRef.name"), "")));
    }
    value_set_str(r->status, "helmChart", path);
    return true;
}

// ---- the source ---------------------------------------------------------------------------------
static struct kube_ref ref_of(struct reconcile *r)
{
    struct value ref = value_get(r->spec, "chartRef");
    if (value_is(ref, V_DICT))
        return (struct kube_ref){SOURCE_API, value_str_or(value_get(ref, "kind"), ""),
                                 value_str_or(value_get(ref, "namespace"), r->namespace),
                                 value_str_or(value_get(ref, "name"), "")};
    return (struct kube_ref){SOURCE_API, "HelmChart", chart_namespace(r),
                             arena_printf(r->arena, "%s-%s", r->namespace, r->name)};
}

// Why a source cannot be used yet; NULL: it can.
static const char *not_ready(struct value object, bool external)
{
    struct value ready = condition_get(object, "Ready");
    if (!external && kube_generation(object) != value_int_or(value_path(object, "status.observedGeneration"), -1))
        return str_eq(value_str(value_get(ready, "status")), "False")
                   ? value_str_or(value_get(ready, "message"), "")
                   : "latest generation of object has not been reconciled";
    if (!external && condition_is_true(object, "Stalled"))
        return value_str_or(value_get(condition_get(object, "Stalled"), "message"), "");
    struct value artifact = value_path(object, "status.artifact");
    if (str_empty(value_str(value_get(artifact, "url"))) || str_empty(value_str(value_get(artifact, "digest"))))
        return "does not have an artifact";
    return NULL;
}

enum source_state source_find(struct reconcile *r, struct source *out, struct error *err)
{
    struct kube_ref ref = ref_of(r);
    struct value object;
    *out = (struct source){.kind = ref.kind, .namespace = ref.namespace, .name = ref.name};
    if (!allowed(r, ref.kind, ref.namespace, ref.name, err))
        return SOURCE_DENIED;
    if (!reconcile_get(r, ref, &object, err)) {
        error_wrap(err, "could not get Source object");
        return SOURCE_ERROR;
    }
    const char *why = not_ready(object, str_eq(ref.kind, "ExternalArtifact"));
    if (why) {
        error_set(err, ERROR_NOT_FOUND, "%s '%s/%s' is not ready: %s", ref.kind, ref.namespace, ref.name, why);
        return SOURCE_NOT_READY;
    }
    struct value artifact = value_path(object, "status.artifact");
    out->url = value_str(value_get(artifact, "url"));
    out->digest = value_str(value_get(artifact, "digest"));
    out->revision = value_str_or(value_get(artifact, "revision"), "");
    return SOURCE_READY;
}

// ---- who is concerned ---------------------------------------------------------------------------
struct search {
    struct kube_ref ref;
    struct queue_keys *keys;
};

static bool visit(void *ctx, struct value release)
{
    struct search *s = ctx;
    struct value ref = value_path(release, "spec.chartRef");
    if (str_eq(value_str(value_get(ref, "kind")), s->ref.kind) &&
        str_eq(value_str(value_get(ref, "name")), s->ref.name) &&
        str_eq(value_str_or(value_get(ref, "namespace"), kube_namespace(release)), s->ref.namespace))
        queue_keys_add(s->keys, kube_namespace(release), kube_name(release));
    return true;
}

// What a HelmRelease looks at: readiness and artifact, not each change of a message.
static bool news(struct value old, struct value object)
{
    static const char *const paths[] = {"status.artifact.revision", "status.artifact.digest", "status.artifact.url",
                                        "status.observedGeneration", "metadata.generation"};
    if (value_is_null(old))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        if (!value_equal(value_path(old, paths[i]), value_path(object, paths[i])))
            return true;
    return condition_is_true(old, "Stalled") != condition_is_true(object, "Stalled") ||
           condition_is_true(old, "Ready") != condition_is_true(object, "Ready");
}

void source_map(struct app *app, struct informer *own, struct value old, struct value object, struct arena *scratch,
                struct queue_keys *keys)
{
    const char *namespace = kube_label(object, OWNER_NAMESPACE), *name = kube_label(object, OWNER_NAME);
    struct search search = {kube_ref_of(object), keys};
    if (!news(old, object))
        return;
    // A HelmChart that was made for a HelmRelease says so; others can refer to it all the same.
    if (str_eq(search.ref.kind, "HelmChart") && namespace && name)
        queue_keys_add(keys, namespace, name);
    struct arena *each cleanup(cleanup_arena) = arena_new();
    informer_search(own, each, NULL, arena_printf(scratch, "\"%s\"", search.ref.name), visit, &search);
}
