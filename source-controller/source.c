// source.c - what all kinds of sources do alike.
#include "source.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const failure_conditions[] = {"FetchFailed", "BuildFailed", "StorageOperationFailed",
                                                 "IncludeUnavailable"};

struct settings *settings_of(struct reconcile *r)
{
    return app_data(r->app);
}

// ---- artifacts in a status ----------------------------------------------------------------------------------------

bool artifact_of(struct value object, struct artifact *out)
{
    struct value a = value_path(object, "status.artifact");
    *out = (struct artifact){
        .path = value_str(value_get(a, "path")),
        .url = value_str(value_get(a, "url")),
        .revision = value_str(value_get(a, "revision")),
        .digest = value_str(value_get(a, "digest")),
        .last_update_time = value_str(value_get(a, "lastUpdateTime")),
        .size = value_int_or(value_get(a, "size"), 0),
    };
    return !str_empty(out->path);
}

bool artifact_stored(const struct store *s, struct value object, struct artifact *out)
{
    return artifact_of(object, out) &&
           store_owns(out->path, kube_kind(object), kube_namespace(object), kube_name(object)) &&
           store_has(s, out->path);
}

bool artifact_is(const struct artifact *a, const char *revision)
{
    return a->path && str_eq(a->revision, revision);
}

void source_store(struct source *s, const struct artifact *artifact, struct value metadata)
{
    struct reconcile *r = s->r;
    struct value a = value_dict(r->arena);
    value_set_str(a, "path", artifact->path);
    value_set_str(a, "url", artifact->url);
    value_set_str(a, "revision", artifact->revision);
    value_set_str(a, "digest", artifact->digest);
    value_set_str(a, "lastUpdateTime", artifact->last_update_time);
    value_set(a, "size", value_int(artifact->size));
    if (value_len(metadata))
        value_set(a, "metadata", metadata);
    value_set(r->status, "artifact", a);
    s->current = *artifact;
}

// ---- the beginning ------------------------------------------------------------------------------------------------

static void collect_garbage(struct source *s)
{
    struct error err cleanup(error_clear) = {0};
    int removed = store_collect(s->store, s->current.path, &err);
    if (removed < 0)
        log_error(error_text(&err), "garbage collection of artifacts failed");
    else if (removed > 0)
        log_info("garbage collected artifacts", LOG_I("count", removed));
}

// Whether the store still has what the status says, byte for byte. What is there but differs is removed.
static bool in_store(struct source *s)
{
    struct error err cleanup(error_clear) = {0}, ignored cleanup(error_clear) = {0};
    if (!store_has(s->store, s->current.path))
        return false;
    if (store_verify(s->store, s->current.path, s->current.digest, &err))
        return true;
    reconcile_event(s->r, "Warning", "ArtifactVerificationFailed", VALUE_NULL,
                    "failed to verify integrity of artifact: %s", error_text(&err));
    if (!store_remove(s->store, s->current.path, &ignored))
        log_error(error_text(&ignored), "failed to remove artifact after digest mismatch");
    return false;
}

// The store may be reached under another name than when the status was written.
static void refresh_urls(struct source *s)
{
    struct reconcile *r = s->r;
    s->current.url = store_url(s->store, r->arena, s->current.path);
    value_set_path(r->status, "artifact.url", value_string(s->current.url));
    const char *link = value_str(value_get(r->status, "url"));
    const char *slash = link ? strrchr(link, '/') : NULL;
    if (slash) {
        int folder = (int)(strrchr(s->current.path, '/') - s->current.path);
        const char *path = arena_printf(r->arena, "%.*s%s", folder, s->current.path, slash);
        value_set_str(r->status, "url", store_url(s->store, r->arena, path));
    }
}

bool source_begin(struct reconcile *r, struct source *s, struct result *result)
{
    struct error err cleanup(error_clear) = {0};
    *s = (struct source){.r = r, .store = settings_of(r)->store};
    for (size_t i = 0; i < ARRAY_LEN(failure_conditions); i++)
        s->was_failing |= condition_is_true(r->status, failure_conditions[i]);
    // What the status of a dict is, r->status alone is changed from here on.
    struct value holder = value_dict(r->arena);
    value_set(holder, "status", value_copy(r->arena, r->status));
    bool had =
        artifact_of(holder, &s->current) && store_owns(s->current.path, kube_kind(r->object), r->namespace, r->name);
    s->old_digest = s->current.digest;
    if (had && in_store(s)) {
        collect_garbage(s);
        refresh_urls(s);
        return true;
    }
    value_unset(r->status, "artifact");
    value_unset(r->status, "url");
    s->current = (struct artifact){0};
    condition_remove(r, "ArtifactInStorage");
    // A source that goes on failing keeps saying why, and does not flap with each try.
    if (!had && s->was_failing)
        return true;
    if (source_progress(s, NULL, &err, "%s", had ? "disappeared from storage" : ""))
        return true;
    *result = result_failed(r, "PatchOperationFailed", &err);
    return false;
}

// ---- on the way ---------------------------------------------------------------------------------------------------

bool source_progress(struct source *s, const char *outdated, struct error *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *text = arena_vprintf(s->r->arena, fmt, args);
    va_end(args);
    if (outdated && s->current.path)
        condition_set(s->r, "ArtifactOutdated", "True", outdated, "%s", text);
    condition_set(s->r, "Reconciling", "True", "Progressing", "building artifact%s%s", *text ? ": " : "", text);
    condition_set(s->r, "Ready", "Unknown", "Progressing", "building artifact%s%s", *text ? ": " : "", text);
    condition_remove(s->r, "Stalled");
    return status_flush(s->r, err);
}

// One thing failed: what else had failed before is not known any more.
static void set_failure(struct source *s, const char *condition, const char *reason, const struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(failure_conditions); i++)
        if (strcmp(failure_conditions[i], condition))
            condition_remove(s->r, failure_conditions[i]);
    condition_set(s->r, condition, "True", reason, "%s", error_text(err));
}

struct result source_failed(struct source *s, const char *condition, const char *reason, struct error *err)
{
    set_failure(s, condition, reason, err);
    return result_failed(s->r, reason, err);
}

struct result source_stalled(struct source *s, const char *condition, const char *reason, struct error *err)
{
    set_failure(s, condition, reason, err);
    struct result result = result_stalled(s->r, reason, "%s", error_text(err));
    error_clear(err);
    return result;
}

struct result source_waits(struct source *s, const char *condition, const char *reason, const char *message)
{
    struct value before = condition_get(s->r->status, condition);
    if (!str_eq(value_str(value_get(before, "reason")), reason) ||
        !str_eq(value_str(value_get(before, "message")), message))
        reconcile_event(s->r, "Normal", reason, VALUE_NULL, "%s", message);
    condition_set(s->r, condition, "True", reason, "%s", message);
    return result_wait(s->r, settings_of(s->r)->requeue_dependency_ms, "False", reason, "%s", message);
}

// ---- the end ------------------------------------------------------------------------------------------------------

struct result source_ready(struct source *s, const char *reason, const char *message, const char *event_reason,
                           const char *event_message)
{
    struct reconcile *r = s->r;
    bool is_new = !str_eq(s->old_digest, s->current.digest);
    for (size_t i = 0; i < ARRAY_LEN(failure_conditions); i++)
        condition_remove(r, failure_conditions[i]);
    condition_remove(r, "ArtifactOutdated");
    condition_set(r, "ArtifactInStorage", "True", reason, "%s", message);
    if (is_new || s->was_failing) {
        struct value metadata = value_dict(r->arena);
        value_set_str(metadata, "revision", s->current.revision);
        value_set_str(metadata, "digest", s->current.digest);
        reconcile_event(r, "Normal", is_new ? event_reason : reason, metadata, "%s", event_message);
        log_info(event_message);
    } else {
        log_info("artifact up-to-date with remote revision", LOG_S("revision", s->current.revision));
    }
    if (is_new)
        reconcile_announce(r, BUS_ARTIFACT, s->current.revision, NULL);
    return result_ready(r, reason, "%s", message);
}

bool source_remove(struct reconcile *r, struct error *err)
{
    return store_remove_object(settings_of(r)->store, kube_kind(r->object), r->namespace, r->name, err) ||
           error_wrap(err, "garbage collection for deleted resource failed");
}

struct result source_deleted(struct reconcile *r)
{
    struct error err cleanup(error_clear) = {0};
    return source_remove(r, &err) ? result_finalized(r) : result_failed(r, "GarbageCollectionFailed", &err);
}
