// reconcile.c - one reconcile from start to end: read, finalize, check, call the kind, write the status, tell.
#include "controller/runtime.h"

#include <inttypes.h>

#include "http/http.h"

enum { WAIT_MIN_MS = 50 }; // a kind that would look again at once does not spin

static bool ending(const struct reconcile *r)
{
    return __atomic_load_n(&r->app->ending, __ATOMIC_RELAXED);
}

const char *reconcile_field_manager(struct reconcile *r)
{
    return r->app->spec->name;
}

static int64_t duration_ms(struct value v, int64_t fallback)
{
    int64_t ns;
    return value_str(v) && duration_parse(value_str(v), &ns) ? ns / 1000000 : fallback;
}

int64_t reconcile_interval_ms(struct reconcile *r)
{
    return duration_ms(value_get(r->spec, "interval"), 0);
}

int64_t reconcile_timeout_ms(struct reconcile *r, int64_t fallback_ms)
{
    return duration_ms(value_get(r->spec, "timeout"), fallback_ms);
}

static const char *annotation(struct reconcile *r, const char *key)
{
    return kube_annotation(r->object, key);
}

// ---- reading --------------------------------------------------------------------------------------------------------
// The object as the cache has it, or, after a hint, as the server has it now: a message can overtake the watch. Null:
// it is gone.
static bool read_object(struct reconcile *r, struct value *out, struct error *err)
{
    struct controller *c = r->controller;
    *out = informer_get(c->own, r->arena, r->namespace, r->name);
    if (!r->hinted)
        return true;
    struct kube_ref ref = {c->kind->api_version, c->kind->kind, r->namespace, r->name};
    if (kube_get(r->kube, r->arena, ref, out, err)) {
        watched_put(r->runtime->watched, r->arena, *out, r->controller, *out);
        return true;
    }
    if (err->class != ERROR_NOT_FOUND)
        return false;
    error_clear(err);
    *out = VALUE_NULL;
    return true;
}

static bool not_found(struct reconcile *r, struct kube_ref ref, struct error *err)
{
    struct kube_resource resource;
    struct error ignored cleanup(error_clear) = {0};
    const char *slash = strrchr(ref.api_version, '/');
    if (!kube_discover(r->kube, ref.api_version, ref.kind, &resource, &ignored))
        return error_set(err, ERROR_NOT_FOUND, "%s \"%s\" not found", ref.kind, ref.name);
    if (!slash)
        return error_set(err, ERROR_NOT_FOUND, "%s \"%s\" not found", resource.plural, ref.name);
    return error_set(err, ERROR_NOT_FOUND, "%s.%.*s \"%s\" not found", resource.plural, (int)(slash - ref.api_version),
                     ref.api_version, ref.name);
}

bool reconcile_get(struct reconcile *r, struct kube_ref ref, struct value *out, struct error *err)
{
    struct watched *w = app_watched(r->app, ref.api_version, ref.kind);
    bool within = !r->app->namespace || str_eq(r->app->namespace, ref.namespace);
    if (w && within && !r->hinted && informer_synced(w->informer)) {
        *out = informer_get(w->informer, r->arena, str_or(ref.namespace, ""), ref.name);
        return !value_is_null(*out) || not_found(r, ref, err);
    }
    if (!kube_get(r->kube, r->arena, ref, out, err))
        return false;
    if (w && within)
        watched_put(w, r->arena, *out, NULL, VALUE_NULL);
    return true;
}

// ---- the status -----------------------------------------------------------------------------------------------------
bool status_flush(struct reconcile *r, struct error *err)
{
    struct value diff = merge_patch_diff(r->arena, r->runtime->written, r->status);
    if (value_is_null(diff))
        return true;
    struct value patch = value_dict(r->arena), out;
    value_set(patch, "status", diff);
    // Should another object have taken the name, it is not the one that this status is about.
    value_set_path(patch, "metadata.uid", value_path(r->object, "metadata.uid"));
    if (!kube_patch(r->kube, r->arena, kube_ref_of(r->object), KUBE_PATCH_MERGE, patch, "status",
                    reconcile_field_manager(r), &out, err))
        return error_wrap(err, "patch status");
    watched_put(r->runtime->watched, r->arena, out, r->controller, r->object);
    r->runtime->written = value_copy(r->arena, r->status);
    return true;
}

static bool status_has(const struct controller_kind *kind, const char *field)
{
    return !kind->schema || schema_status_has(kind->schema, field);
}

// Notes which requests (annotations) this reconcile answers, and what they ask of it.
static void handle_requests(struct reconcile *r)
{
    const char *requested = annotation(r, REQUESTED_AT);
    bool fresh = requested && !str_eq(requested, value_str(value_get(r->status, "lastHandledReconcileAt")));
    static const struct {
        const char *annotation, *field;
    } table[] = {{FORCE_AT, "lastHandledForceAt"}, {RESET_AT, "lastHandledResetAt"}};
    bool *const asked[] = {&r->forced, &r->reset};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const char *at = annotation(r, table[i].annotation);
        if (!at || !status_has(r->controller->kind, table[i].field))
            continue;
        *asked[i] = fresh && str_eq(at, requested) && !str_eq(at, value_str(value_get(r->status, table[i].field)));
        value_set_str(r->status, table[i].field, at);
    }
    if (requested && status_has(r->controller->kind, "lastHandledReconcileAt"))
        value_set_str(r->status, "lastHandledReconcileAt", requested);
}

// A new generation shows at once that it was seen: clients that wait for it would otherwise read the old one's Ready.
static bool show_progress(struct reconcile *r, struct error *err)
{
    int64_t generation = kube_generation(r->object), seen = value_int_or(value_get(r->status, "observedGeneration"), 0);
    struct value reconciling = condition_get(r->status, "Reconciling");
    if (generation == seen || value_int_or(value_get(reconciling, "observedGeneration"), 0) == generation)
        return true;
    char *message =
        arena_printf(r->arena, "processing object: new generation %" PRId64 " -> %" PRId64, seen, generation);
    condition_put(r, "Reconciling", "True", "Progressing", message);
    condition_remove(r, "Stalled");
    struct value ready = condition_get(r->status, "Ready");
    if (value_is_null(ready) || str_eq(value_str(value_get(ready, "status")), "Unknown"))
        condition_put(r, "Ready", "Unknown", "Progressing", message);
    return status_flush(r, err);
}

// ---- events and announcements ---------------------------------------------------------------------------------------
void reconcile_event(struct reconcile *r, const char *type, const char *reason, struct value metadata, const char *fmt,
                     ...)
{
    va_list args;
    va_start(args, fmt);
    char *message = arena_vprintf(r->arena, fmt, args);
    va_end(args);
    struct value annotations = value_dict(r->arena);
    for (struct value_iter it = {0}; value_next(metadata, &it);) {
        bool qualified = strchr(it.key, '/') != NULL;
        value_set(annotations, qualified ? it.key : arena_printf(r->arena, "%s/%s", r->controller->group, it.key),
                  it.value);
    }
    r->runtime->told = true;
    r->runtime->warned |= str_eq(type, "Warning");
    recorder_add(r->app->recorder, r->arena, r->object, type, reason, message, annotations);
}

void reconcile_announce(struct reconcile *r, enum bus_topic topic, const char *revision, const char *url)
{
    vec_push(r->arena, &r->runtime->announcements,
             (struct bus_message){.topic = topic,
                                  .kind = r->controller->kind->kind,
                                  .namespace = r->namespace,
                                  .name = r->name,
                                  .revision = arena_strdup(r->arena, str_or(revision, "")),
                                  .url = url_redact(r->arena, str_or(url, ""))});
}

static void announce(struct reconcile *r)
{
    for (size_t i = 0; i < r->runtime->announcements.len; i++)
        bus_publish(r->app->bus, &r->runtime->announcements.items[i]);
    r->runtime->announcements.len = 0;
}

// What the kind did not tell itself: each failure, and each new success.
static void tell_result(struct reconcile *r, enum result_kind kind, struct value before)
{
    struct runtime_state *s = r->runtime;
    if ((kind == RESULT_FAILED || kind == RESULT_STALLED) && !s->warned) {
        reconcile_event(r, "Warning", s->reason, VALUE_NULL, "%s", s->message);
    } else if (kind == RESULT_READY && !s->told) {
        struct value old = condition_get(before, "Ready");
        if (!str_eq(value_str(value_get(old, "status")), "True") ||
            !str_eq(value_str(value_get(old, "reason")), s->reason) ||
            !str_eq(value_str(value_get(old, "message")), s->message))
            reconcile_event(r, "Normal", s->reason, VALUE_NULL, "%s", s->message);
    }
}

// ---- the whole ------------------------------------------------------------------------------------------------------
static struct result check_and_reconcile(struct reconcile *r)
{
    const struct controller_kind *kind = r->controller->kind;
    struct error err cleanup(error_clear) = {0};
    const char *reason = NULL;
    if (!r->deleting && !spec_check(r->arena, kind, r->spec, &reason, &err))
        return result_stalled(r, reason, "%s", error_text(&err));
    return kind->reconcile(r);
}

struct outcome { // what becomes of the key, and how the reconcile counts
    enum queue_outcome queue;
    int64_t after_ms, cap_ms;
    const char *result; // controller_runtime_reconcile_total's
    char *error;
};

static struct outcome failed(struct reconcile *r, const struct error *err)
{
    return (struct outcome){QUEUE_RETRY, err->retry_after_ms, 0, "error", arena_strdup(r->arena, error_text(err))};
}

static int64_t with_jitter(struct reconcile *r, int64_t ms)
{
    double part = (double)flags_int(r->app->flags, "interval-jitter-percentage") / 100.0;
    return (int64_t)((double)ms * (1.0 + part * (2.0 * random_unit() - 1.0)));
}

static struct outcome outcome_of(struct reconcile *r, struct result result)
{
    int64_t interval = reconcile_interval_ms(r);
    switch (result.kind) {
    case RESULT_READY:
        if (result.after_ms < 0 || (!result.after_ms && interval <= 0))
            return (struct outcome){QUEUE_FORGET, .result = "success"};
        return (struct outcome){QUEUE_AFTER, result.after_ms ? result.after_ms : with_jitter(r, interval),
                                .result = "requeue_after"};
    case RESULT_WAIT:
        if (result.after_ms < 0)
            return (struct outcome){QUEUE_FORGET, .result = "success"};
        return (struct outcome){QUEUE_AFTER, result.after_ms > WAIT_MIN_MS ? result.after_ms : WAIT_MIN_MS,
                                .result = "requeue_after"};
    case RESULT_FAILED:
        return (struct outcome){QUEUE_RETRY, r->runtime->retry_ms, interval, "error", r->runtime->message};
    case RESULT_STALLED:
    case RESULT_FINALIZED:
        break;
    }
    return (struct outcome){QUEUE_FORGET, .result = "success"};
}

static struct outcome finish(struct reconcile *r, struct result result)
{
    struct error err cleanup(error_clear) = {0};
    struct value before = r->runtime->written;
    if (result.kind == RESULT_FINALIZED) {
        bool gone;
        if (!r->deleting || finalizer_patch(r, false, &gone, &err))
            return outcome_of(r, result);
        return failed(r, &err);
    }
    // Cut short because the process ends: the next instance takes it up again, and no failure is written for it.
    if (result.kind == RESULT_FAILED && ending(r))
        return (struct outcome){QUEUE_FORGET, .result = "success"};
    if (result.kind == RESULT_READY || result.kind == RESULT_STALLED)
        value_set(r->status, "observedGeneration", value_int(kube_generation(r->object)));
    if (!status_flush(r, &err)) {
        if (err.class == ERROR_NOT_FOUND) // deleted meanwhile
            return (struct outcome){QUEUE_FORGET, .result = "success"};
        return failed(r, &err);
    }
    tell_result(r, result.kind, before);
    announce(r);
    return outcome_of(r, result);
}

// A static object (HelmRepository of type oci): whatever an earlier type left behind goes, and nothing else happens.
static struct outcome leave_alone(struct reconcile *r)
{
    const struct controller_kind *kind = r->controller->kind;
    struct error err cleanup(error_clear) = {0};
    bool gone, finalizer = finalizer_present(r->object);
    // The CRD's own default of a status is an observedGeneration of -1: that much every object has.
    bool has_status = value_len(r->runtime->written) > value_has(r->runtime->written, "observedGeneration");
    if (!r->deleting && value_true(value_get(r->spec, "suspend")))
        return (struct outcome){QUEUE_FORGET, .result = "success"};
    if ((finalizer || has_status) && kind->leave && !kind->leave(r, &err))
        return failed(r, &err);
    if (finalizer && !finalizer_patch(r, false, &gone, &err))
        return failed(r, &err);
    if (!r->deleting && has_status) {
        r->status = value_dict(r->arena);
        if (!status_flush(r, &err) && err.class != ERROR_NOT_FOUND)
            return failed(r, &err);
    }
    return (struct outcome){QUEUE_FORGET, .result = "success"};
}

static struct outcome run(struct reconcile *r, bool *present)
{
    const struct controller_kind *kind = r->controller->kind;
    struct error err cleanup(error_clear) = {0};
    *present = true;
    if (!read_object(r, &r->object, &err))
        return failed(r, &err);
    r->deleting = kube_deleting(r->object);
    *present = !value_is_null(r->object) && !(r->deleting && !finalizer_present(r->object));
    if (!*present)
        return (struct outcome){QUEUE_FORGET, .result = "success"};
    if (!value_is(value_get(r->object, "spec"), V_DICT))
        value_set(r->object, "spec", value_dict(r->arena));
    r->spec = value_get(r->object, "spec");
    r->runtime->written = value_get(r->object, "status");
    if (!value_is(r->runtime->written, V_DICT))
        r->runtime->written = value_dict(r->arena);
    r->status = value_copy(r->arena, r->runtime->written);
    if (kind->schema)
        schema_default(r->arena, kind->schema, r->spec);
    if (kind->skip && kind->skip(r->object))
        return leave_alone(r);
    if (r->deleting && kind->no_finalizer) // Flux, which had the object before, may have put it there
        return finish(r, result_finalized(r));
    if (!r->deleting && !kind->no_finalizer && !kind->refused) {
        bool gone = false;
        if (!finalizer_patch(r, true, &gone, &err))
            return failed(r, &err);
        if (gone)
            return (struct outcome){QUEUE_FORGET, .result = "success"};
    }
    if (!r->deleting && value_true(value_get(r->spec, "suspend"))) {
        log_info("reconciliation is suspended for this resource");
        return (struct outcome){QUEUE_FORGET, .result = "success"};
    }
    handle_requests(r);
    if (!r->deleting && !show_progress(r, &err)) {
        if (err.class == ERROR_NOT_FOUND)
            return (struct outcome){QUEUE_FORGET, .result = "success"};
        return failed(r, &err);
    }
    return finish(r, check_and_reconcile(r));
}

static void count(struct reconcile *r, const struct outcome *o, bool present, int64_t started_us)
{
    struct controller *c = r->controller;
    const struct instruments *i = &r->app->instruments;
    double seconds = (double)(clock_mono_us() - started_us) / 1e6;
    metric_add(i->reconcile_total, 1, (const char *[]){c->name, o->result});
    metric_observe(i->reconcile_seconds, seconds, (const char *[]){c->name});
    if (o->error)
        metric_add(i->reconcile_errors, 1, (const char *[]){c->name});
    const char *const object[] = {c->kind->kind, r->name, r->namespace};
    if (present)
        metric_observe(i->object_seconds, seconds, object);
    else
        metric_delete(i->object_seconds, object);
}

void reconcile_run(struct controller *c, const struct queue_work *work)
{
    int64_t started_us = clock_mono_us();
    struct arena *arena cleanup(cleanup_arena) = arena_new();
    struct runtime_state state = {.work = *work, .watched = c->watched};
    const char *slash = strchr(work->key, '/');
    struct reconcile r = {
        .arena = arena,
        .app = c->app,
        .controller = c,
        .kube = c->app->kube,
        .namespace = arena_strndup(arena, work->key, (size_t)(slash - work->key)),
        .name = arena_strdup(arena, slash + 1),
        .hinted = work->hinted,
        .failures = work->failures,
        .cancel = &c->app->ending,
        .runtime = &state,
    };
    char id[37];
    uuid4(id);
    struct value named = value_dict(arena);
    value_set_str(named, "name", r.name);
    value_set_str(named, "namespace", r.namespace);
    const struct log_field scope[] = {
        LOG_S("controller", c->name),
        LOG_S("controllerGroup", c->group),
        LOG_S("controllerKind", c->kind->kind),
        LOG_S("name", r.name),
        LOG_S("namespace", r.namespace),
        LOG_S("reconcileID", id),
        LOG_J(c->kind->kind, json_text(arena, named)),
    };
    log_scope(scope, ARRAY_LEN(scope));
    log_debug("reconciling");
    bool present;
    struct outcome o = run(&r, &present);
    if (o.error)
        log_error(o.error, "Reconciler error");
    count(&r, &o, present, started_us);
    log_scope(NULL, 0);
    queue_done(c->queue, work, o.queue, o.after_ms, o.cap_ms);
}
