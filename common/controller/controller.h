// controller.h - the runtime that every kind shares: what controller-runtime and Flux's runtime packages do.
//
// A controller is a table, `struct controller_kind`: the kind, the kinds that map onto it, and its reconcile function.
// Watching, queueing, back-off, suspend, requestedAt, finalizers, validation, conditions, observedGeneration, status
// patches, events and metrics happen here, once. A reconcile never waits: it returns a result that says when to look
// again. All it builds lies in its arena.
//
//     static struct result reconcile_thing(struct reconcile *r)
//     {
//         …
//         return result_ready(r, "Succeeded", "stored %s", digest);
//     }
//     const struct controller_kind thing_kind = {.api_version = "g/v1", .kind = "Thing", .reconcile = reconcile_thing};
//
// main() is `return app_main(&spec, argc, argv)`, with the kinds and the program's own flags in `spec`.
#ifndef RUNNEL_CONTROLLER_H
#define RUNNEL_CONTROLLER_H

#include "base/base.h"
#include "bus/bus.h"
#include "kube/kube.h"
#include "serve/serve.h"
#include "value/value.h"

struct app;        // the process
struct controller; // one running kind

#define FLUX_FINALIZER "finalizers.fluxcd.io"
#define REQUESTED_AT "reconcile.fluxcd.io/requestedAt"
#define FORCE_AT "reconcile.fluxcd.io/forceAt"
#define RESET_AT "reconcile.fluxcd.io/resetAt"

// ---- one reconcile --------------------------------------------------------------------------------------------------
struct reconcile {
    struct arena *arena;
    struct app *app;
    struct controller *controller;
    struct kube *kube;
    const char *namespace, *name;
    struct value object; // as read, with the CRD's defaults filled in; not to be changed
    struct value spec;   // object.spec
    struct value status; // as it will be: change it with value_set…; it is patched at the end when it differs
    bool deleting;       // deletionTimestamp is set: clean up, then result_finalized
    bool forced;         // forceAt equals requestedAt, and was not handled yet
    bool reset;          // resetAt equals requestedAt, and was not handled yet
    bool hinted;         // a bus message caused it: read other objects afresh (reconcile_get does so)
    unsigned failures;   // in a row so far
    const int *cancel;   // non-zero: the process is ending; give to http, git
    struct runtime_state *runtime; // the runtime's own
};

enum result_kind { RESULT_READY, RESULT_WAIT, RESULT_FAILED, RESULT_STALLED, RESULT_FINALIZED };
struct result {
    enum result_kind kind;
    int64_t after_ms; // READY: 0: spec.interval with jitter, -1: only on change. WAIT: when to look again
};

// Ready=True with reason and message, Reconciling and Stalled removed; looks again after spec.interval.
struct result result_ready(struct reconcile *r, const char *reason, const char *fmt, ...) PRINTF(3, 4);
// Still under way (waiting for a dependency, for pods): Ready=Unknown or, where `ready` is given, that status;
// Reconciling=True.
struct result result_wait(struct reconcile *r, int64_t after_ms, const char *ready, const char *reason, const char *fmt,
                          ...) PRINTF(5, 6);
// Ready=False; Reconciling=True (ProgressingWithRetry). The message is err's. Tried again with exponential back-off, or
// at err->retry_after_ms, but at spec.interval at the latest.
struct result result_failed(struct reconcile *r, const char *reason, struct error *err);
// Ready=False, Stalled=True: nothing will change until the object (or something it maps from) does.
struct result result_stalled(struct reconcile *r, const char *reason, const char *fmt, ...) PRINTF(3, 4);
// Deletion is done: the finalizer goes.
struct result result_finalized(struct reconcile *r);

// Conditions of r->status. lastTransitionTime changes with status, reason and message, as in Flux; observedGeneration
// is the object's generation.
void condition_set(struct reconcile *r, const char *type, const char *status, const char *reason, const char *fmt, ...)
    PRINTF(5, 6);
void condition_remove(struct reconcile *r, const char *type);
struct value condition_get(struct value object_or_status, const char *type); // null: absent
bool condition_is_true(struct value object_or_status, const char *type);
// Patches the status now: a visible turning point ("reconciling new revision", "running upgrade").
bool status_flush(struct reconcile *r, struct error *err);

// A Kubernetes event on the object, and to --events-addr. type "Normal" or "Warning" (severity info, error).
// metadata: NULL or a dict of annotations ("revision", "checksum": sent with the group's prefix, as Flux does).
void reconcile_event(struct reconcile *r, const char *type, const char *reason, struct value metadata, const char *fmt,
                     ...) PRINTF(5, 6);
// Reads another object: from the informer of that kind where this controller has one (from the server when hinted),
// else from the server.
bool reconcile_get(struct reconcile *r, struct kube_ref ref, struct value *out, struct error *err);
// Announces on the bus, after the status is written.
void reconcile_announce(struct reconcile *r, enum bus_topic topic, const char *revision, const char *url);
int64_t reconcile_interval_ms(struct reconcile *r);                     // spec.interval
int64_t reconcile_timeout_ms(struct reconcile *r, int64_t fallback_ms); // spec.timeout
// "source-controller": also the field manager of server-side apply.
const char *reconcile_field_manager(struct reconcile *r);

// ---- a kind ---------------------------------------------------------------------------------------------------------
enum field_state { FIELD_WORKS, FIELD_REFUSED };
struct field {        // one line for each spec field of the CRD; a path covers what is below it ("verify")
    const char *path; // without "spec.": "ref.branch", "verify"
    enum field_state state;
    const char *allowed; // of a refused one: a value that is accepted all the same, as JSON (its default)
    const char *note;    // for docs/api-support.md
};

struct schema;       // generated from the CRD at build time, see schema.h
struct schema_rule { // an x-kubernetes-validations rule: found by its text, carried out by `check`
    const char *rule;
    bool (*check)(struct value self);
};

struct queue_keys; // filled by mappings
void queue_keys_add(struct queue_keys *keys, const char *namespace, const char *name);
struct controller_map { // another kind whose changes queue objects of this one
    const char *api_version, *kind;
    const char *label_selector;
    bool metadata_only, optional;
    // Adds the keys of the objects to queue. `own` is the informer of the controller's kind (to look for who refers to
    // it). `old` is null for an object that is new, and for one that is gone: `object` is then its last state.
    void (*map)(struct app *app, struct informer *own, struct value old, struct value object, struct arena *scratch,
                struct queue_keys *keys);
    // Bus messages about this kind take the same way, with the object as freshly read; NULL: none. Where api_version is
    // NULL, nothing is watched and `object` is what the message says: {kind, metadata: {namespace, name}, topic,
    // revision, url}.
    const char *bus_kind;
};

struct controller_kind {
    const char *api_version, *kind;
    struct result (*reconcile)(struct reconcile *r);
    const struct controller_map *maps;
    size_t map_count;
    const struct field *fields;
    size_t field_count;
    const struct schema *schema;
    const struct schema_rule *rules;
    size_t rule_count;
    bool no_finalizer; // nothing to clean up
    // True: a static object (HelmRepository of type oci): left alone, what it had of a status goes. NULL: never.
    bool (*skip)(struct value object);
    // One that has become static: what its kind keeps outside of the cluster goes, before finalizer and status do. NULL:
    // there is nothing.
    bool (*leave)(struct reconcile *r, struct error *err);
    const char *refused; // the whole kind is, in the words of its Ready condition; NULL: it works
};

// ---- the process ----------------------------------------------------------------------------------------------------
enum flag_type { FLAG_STRING, FLAG_BOOL, FLAG_INT, FLAG_DURATION, FLAG_LIST };
struct flag { // --name VALUE, --name=VALUE; --bool, --bool=false
    const char *name;
    enum flag_type type;
    const char *fallback;
    const char *help;
    bool fixed; // one of Flux's that has no other value than its fallback yet: anything else is refused
};
struct app_spec {
    const char *name;                           // "source-controller": logger, lease, field manager, event source
    const struct controller_kind *const *kinds; // NULL-terminated
    const struct flag *flags;                   // its own, beside those that all have
    size_t flag_count;
    bool (*start)(struct app *app, struct error *err); // after flags, before watching: make app_data
    void (*leading)(struct app *app);                  // became the active instance; NULL: nothing to do
    void (*stop)(struct app *app);                     // all workers have ended
    const struct serve_route *routes; // beside /metrics, /healthz, /readyz; served on --storage-addr where given
    size_t route_count;
    const char *const *feature_gates; // those that may be set to true, NULL-terminated; NULL: none
};
int app_main(const struct app_spec *spec, int argc, char **argv);
const char *app_flag(struct app *app, const char *name);
bool app_flag_bool(struct app *app, const char *name);
int64_t app_flag_int(struct app *app, const char *name);
int64_t app_flag_ms(struct app *app, const char *name);
void app_set_data(struct app *app, void *data);
void *app_data(struct app *app);
struct kube *app_kube(struct app *app);
struct metrics *app_metrics(struct app *app);
struct informer *app_informer(struct app *app, const char *api_version, const char *kind); // NULL: not watched
// Queues an object of one of the app's kinds after a delay.
void app_enqueue(struct app *app, const char *kind, const char *namespace, const char *name, int64_t after_ms);
bool app_ending(struct app *app);

#endif
