// events.c - events for the cluster and for Flux's notification-controller: no worker waits for either.
#include "controller/runtime.h"

#include <inttypes.h>

#include "controller/correlate.h"
#include "controller/outbox.h"
#include "http/http.h"

enum {
    QUEUE_MAX = 1000,
    MESSAGE_MAX = 30000, // the receiver takes 39,000 characters
    NAME_MAX_LEN = 200,  // of the object's name in that of its event
    WEBHOOK_TRIES = 5,
    WEBHOOK_TIMEOUT_MS = 5000,
};
#define EVENT_GROUP "event.toolkit.fluxcd.io/" // annotations of an object that its events carry

struct recorder {
    struct app *app;
    struct outbox *cluster, *webhook;
    char *url;
    struct http *http;
    struct correlator *correlator; // the cluster outbox's thread's
    bool webhook_down;             // the webhook outbox's thread's: the last event was not taken
};

static void dropped(struct recorder *r, const char *receiver, const char *cause)
{
    metric_add(r->app->instruments.events_dropped, 1, (const char *[]){receiver, cause});
}

// ---- what happened, as one JSON text: what both receivers make theirs of --------------------------------------------
static struct value involved(struct arena *a, struct value object)
{
    struct value ref = value_dict(a);
    value_set_str(ref, "kind", value_str(value_get(object, "kind")));
    value_set_str(ref, "namespace", kube_namespace(object));
    value_set_str(ref, "name", kube_name(object));
    value_set_str(ref, "uid", kube_uid(object));
    value_set_str(ref, "apiVersion", value_str(value_get(object, "apiVersion")));
    value_set_str(ref, "resourceVersion", value_str(value_path(object, "metadata.resourceVersion")));
    return ref;
}

static const char *limited(struct arena *a, const char *message)
{
    size_t len = strlen(message);
    if (len <= MESSAGE_MAX)
        return message;
    for (len = MESSAGE_MAX; ((unsigned char)message[len] & 0xC0) == 0x80; len--)
        ;
    return arena_printf(a, "%.*s...", (int)len, message);
}

void recorder_add(struct recorder *r, struct arena *scratch, struct value object, const char *type, const char *reason,
                  const char *message, struct value annotations)
{
    struct value event = value_dict(scratch), metadata = value_dict(scratch);
    for (struct value_iter it = {0}; value_next(annotations, &it);)
        value_set(metadata, it.key, it.value);
    for (struct value_iter it = {0}; value_next(value_path(object, "metadata.annotations"), &it);) {
        if (str_has_prefix(it.key, EVENT_GROUP))
            value_set(metadata, it.key, it.value);
    }
    value_set(event, "involvedObject", involved(scratch, object));
    value_set_str(event, "type", type);
    value_set_str(event, "reason", reason);
    value_set_str(event, "message", limited(scratch, message));
    value_set(event, "metadata", metadata);
    value_set(event, "at", value_int(clock_wall_us()));
    const char *text = json_text(scratch, event);
    if (!outbox_put(r->cluster, xstrdup(text)))
        dropped(r, "cluster", "full");
    if (r->webhook && !outbox_put(r->webhook, xstrdup(text)))
        dropped(r, "webhook", "full");
}

// ---- the cluster ----------------------------------------------------------------------------------------------------
static struct value event_object(struct recorder *r, struct arena *a, struct value happened, const char *message,
                                 const char *time)
{
    struct value event = value_dict(a), source = value_dict(a), object = value_get(happened, "involvedObject");
    int64_t at = value_int_or(value_get(happened, "at"), 0);
    value_set_str(event, "apiVersion", "v1");
    value_set_str(event, "kind", "Event");
    value_set_path(
        event, "metadata.name",
        value_printf(a, "%.*s.%" PRIx64, NAME_MAX_LEN, value_str_or(value_get(object, "name"), ""), at * 1000));
    value_set_path(event, "metadata.namespace", value_get(object, "namespace"));
    if (value_len(value_get(happened, "metadata")))
        value_set_path(event, "metadata.annotations", value_get(happened, "metadata"));
    value_set(event, "involvedObject", object);
    value_set(event, "reason", value_get(happened, "reason"));
    value_set_str(event, "message", message);
    value_set(event, "type", value_get(happened, "type"));
    value_set_str(source, "component", r->app->spec->name);
    value_set(event, "source", source);
    value_set_str(event, "reportingComponent", r->app->spec->name);
    value_set_str(event, "reportingInstance", r->app->instance);
    value_set_str(event, "firstTimestamp", time);
    value_set_str(event, "lastTimestamp", time);
    value_set(event, "count", value_int(1));
    return event;
}

// One more of an event that is there. False: it is not there any more (events live for an hour).
static bool raise_count(struct recorder *r, struct arena *a, const char *namespace, const struct correlation *c,
                        const char *message, const char *time, struct error *err)
{
    struct value patch = value_dict(a);
    value_set(patch, "count", value_int(c->count));
    value_set_str(patch, "lastTimestamp", time);
    value_set_str(patch, "message", message);
    struct kube_ref ref = {"v1", "Event", namespace, c->event_name};
    if (kube_patch(r->app->kube, a, ref, KUBE_PATCH_MERGE, patch, NULL, NULL, NULL, err))
        return true;
    if (err->class != ERROR_NOT_FOUND)
        return true;
    error_clear(err);
    return false;
}

static void send_to_cluster(void *ctx, const char *text, const int *cancel)
{
    struct recorder *r = ctx;
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct value happened;
    if (!json_parse(a, text, strlen(text), 0, &happened, &err))
        return;
    struct value object = value_get(happened, "involvedObject");
    const char *namespace = value_str_or(value_get(object, "namespace"), "default");
    const char *message = value_str_or(value_get(happened, "message"), "");
    char time[RFC3339_LEN];
    time_rfc3339(value_int_or(value_get(happened, "at"), 0) / 1000000, time);
    struct correlation c =
        correlate(r->correlator, value_str_or(value_get(object, "uid"), ""), value_str(value_get(happened, "type")),
                  value_str(value_get(happened, "reason")), message, clock_mono_ms());
    if (c.drop) {
        dropped(r, "cluster", "rate");
        return;
    }
    message = c.combined ? arena_printf(a, COMBINED_PREFIX "%s", message) : message;
    if (c.count > 1 && raise_count(r, a, namespace, &c, message, time, &err)) {
        const char *name = arena_strdup(a, c.event_name), *first = arena_strdup(a, c.first_time);
        if (!err.class)
            correlator_written(r->correlator, c.key, name, first, c.count);
    } else if (!err.class) {
        struct value event = event_object(r, a, happened, message, time);
        if (kube_create(r->app->kube, a, event, NULL, NULL, &err))
            correlator_written(r->correlator, c.key, kube_name(event), time, 1);
    }
    if (err.class) {
        dropped(r, "cluster", "error");
        log_error(error_text(&err), "unable to record event", LOG_S("name", value_str(value_get(object, "name"))),
                  LOG_S("namespace", namespace));
    }
}

// ---- the webhook ----------------------------------------------------------------------------------------------------
static const char *webhook_body(struct recorder *r, struct arena *a, struct value happened)
{
    struct value event = value_dict(a);
    char time[RFC3339_LEN];
    time_rfc3339(value_int_or(value_get(happened, "at"), 0) / 1000000, time);
    value_set(event, "involvedObject", value_get(happened, "involvedObject"));
    value_set_str(event, "severity", str_eq(value_str(value_get(happened, "type")), "Warning") ? "error" : "info");
    value_set_str(event, "timestamp", time);
    value_set(event, "message", value_get(happened, "message"));
    value_set(event, "reason", value_get(happened, "reason"));
    if (value_len(value_get(happened, "metadata")))
        value_set(event, "metadata", value_get(happened, "metadata"));
    value_set_str(event, "reportingController", r->app->spec->name);
    value_set_str(event, "reportingInstance", r->app->instance);
    return json_text(a, event);
}

// Connection faults and 5xx are worth another try; 429 is the receiver's word for an event that it has already.
static bool post(struct recorder *r, struct arena *a, const char *body, const int *cancel, bool *again,
                 struct error *err)
{
    static const struct http_header json[] = {{"Content-Type", "application/json"}};
    struct http_response res;
    struct http_request req = {.method = "POST",
                               .url = r->url,
                               .headers = json,
                               .header_count = 1,
                               .body = slice_of(body),
                               .limit = 64 * 1024,
                               .timeout_ms = WEBHOOK_TIMEOUT_MS,
                               .cancel = cancel};
    *again = true;
    if (!http_do(r->http, a, &req, &res, err))
        return false;
    *again = res.status >= 500;
    return (res.status >= 200 && res.status < 300) || res.status == 429 ||
           error_set(err, ERROR_TRANSIENT, "status %ld", res.status);
}

static void send_to_webhook(void *ctx, const char *text, const int *cancel)
{
    struct recorder *r = ctx;
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct value happened;
    if (!json_parse(a, text, strlen(text), 0, &happened, &err))
        return;
    const char *body = webhook_body(r, a, happened);
    bool taken = false, again = true;
    // While the receiver is away, each event has one try: the queue must not grow old behind the first.
    int tries = r->webhook_down ? 1 : WEBHOOK_TRIES;
    for (int i = 0; i < tries && again && !taken; i++) {
        if (i && !outbox_wait(r->webhook, 1000 << (i - 1)))
            break;
        error_clear(&err);
        taken = post(r, a, body, cancel, &again, &err);
    }
    if (!taken) {
        dropped(r, "webhook", "error");
        if (!r->webhook_down)
            log_error(error_text(&err), "unable to post event to --events-addr");
    }
    r->webhook_down = !taken;
}

// ---- start and end --------------------------------------------------------------------------------------------------
struct recorder *recorder_new(struct app *app, const char *webhook, struct error *err)
{
    struct arena *scratch cleanup(cleanup_arena) = arena_new();
    struct recorder *r = xcalloc(1, sizeof *r);
    struct url url;
    r->app = app;
    r->correlator = correlator_new();
    bool good = true;
    if (webhook) {
        r->url = xstrdup(webhook);
        good = (url_parse(scratch, webhook, &url, err) || error_wrap(err, "--events-addr")) &&
               (r->http = http_new(&(struct http_options){.user_agent = app->spec->name, .max_connections = 1}, err)) !=
                   NULL &&
               (r->webhook = outbox_new(QUEUE_MAX, send_to_webhook, r, err)) != NULL;
    }
    good = good && (r->cluster = outbox_new(QUEUE_MAX, send_to_cluster, r, err)) != NULL;
    if (good)
        return r;
    recorder_stop(r, 0);
    return NULL;
}

void recorder_stop(struct recorder *r, int64_t deadline_ms)
{
    outbox_drain(r->cluster, deadline_ms);
    outbox_drain(r->webhook, deadline_ms);
    kube_cancel(r->app->kube); // a request that hangs must not keep its thread
    outbox_free(r->cluster);
    outbox_free(r->webhook);
    correlator_free(r->correlator);
    if (r->http)
        http_free(r->http);
    free(r->url);
    free(r);
}
