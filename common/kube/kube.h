// kube.h - the API server: configuration, requests, discovery, the list/watch cache, server-side apply, events.
//
// Every call takes a client handle (server, credentials, discovery): impersonation and remote clusters are other
// handles. Errors carry the server's own message; classes: NOT_FOUND, CONFLICT (409), DENIED (401, 403), INVALID (400,
// 422), LIMIT/TRANSIENT (429, 5xx, network), all retried with back-off inside the call where that is safe, within its
// deadline. An object that was read is never written back: writing is by create, patch and server-side apply only.
//
// A handle is thread-safe. A call ends within a minute, retries (10 s at most) included. What the API server itself
// said stands in the message alone ("deployments.apps \"x\" not found"); what went wrong on the way has method and URL
// before it.
#ifndef RUNNEL_KUBE_H
#define RUNNEL_KUBE_H

#include "base/base.h"
#include "value/value.h"

// ---- configuration and handle -------------------------------------------------------------------------------------
struct kube_config { // all strings in the arena given to kube_config_load
    const char *server;
    struct slice ca;                // PEM
    const char *token, *token_file; // the file is read again when it changes
    struct slice client_cert, client_key;
    const char *user, *password;
    bool insecure;
    const char *tls_server_name, *proxy;
    const char *namespace; // of the context, or the service account's
    const char *impersonate_user;
    const char *const *impersonate_groups; // NULL-terminated
};
// kubeconfig NULL: $KUBECONFIG, then the service account in a pod, then ~/.kube/config.
bool kube_config_load(struct arena *a, const char *kubeconfig, const char *context, struct kube_config *out,
                      struct error *err);
// The same from the text of a kubeconfig (a Secret's): it must not name files. `insecure` is for the caller to judge.
bool kube_config_parse(struct arena *a, struct slice yaml, const char *context, struct kube_config *out,
                       struct error *err);

struct kube; // libcurl with threads leaves it to the process to ignore SIGPIPE: app_main does
struct kube *kube_new(const struct kube_config *config, struct error *err); // copies
void kube_free(struct kube *k);
// The process is ending: ends requests under way, and later ones at once (ERROR_CANCELLED).
void kube_cancel(struct kube *k);
void kube_set_user_agent(struct kube *k, const char *agent);
// Requests per second beyond a burst are held back; watches are not counted. 0: no limit, which is what a new handle
// has.
void kube_set_rate(struct kube *k, double per_second, double burst);
// Called after each request, lists and watches too, on its thread. status 0: no answer came. Before the first request.
void kube_set_observer(struct kube *k, void (*fn)(void *ctx, long status, const char *method, const char *host),
                       void *ctx);
const char *kube_default_namespace(const struct kube *k); // of the context, or the service account's

// ---- discovery ----------------------------------------------------------------------------------------------------
struct kube_resource {
    const char *api_version, *kind, *plural; // "apps/v1", "Deployment", "deployments"
    bool namespaced;
};
// What the server calls a kind. NOT_FOUND ("no matches for kind …") when it has none: asked again then, at most once in
// some seconds. The strings live as long as the handle.
bool kube_discover(struct kube *k, const char *api_version, const char *kind, struct kube_resource *out,
                   struct error *err);
void kube_discovery_forget(struct kube *k); // after CRDs were applied
// "v1", "apps/v1", …, and with kinds "apps/v1/Deployment": Helm's .Capabilities.APIVersions.
bool kube_api_versions(struct kube *k, struct arena *a, struct value *list, struct error *err);
// {major, minor, gitVersion, …}
bool kube_version(struct kube *k, struct arena *a, struct value *out, struct error *err);

// ---- requests -----------------------------------------------------------------------------------------------------
struct kube_ref {
    const char *api_version, *kind, *namespace, *name; // namespace NULL or "" for cluster-scoped ones
};
struct kube_ref kube_ref_of(struct value object);
bool kube_get(struct kube *k, struct arena *a, struct kube_ref ref, struct value *out, struct error *err);
struct kube_list_options {
    const char *namespace; // NULL: all
    const char *label_selector, *field_selector;
    bool metadata_only; // PartialObjectMetadata
    int page;           // 0: 500
};
bool kube_list(struct kube *k, struct arena *a, const char *api_version, const char *kind,
               const struct kube_list_options *options, struct value *items, struct error *err);
bool kube_create(struct kube *k, struct arena *a, struct value object, const char *field_manager, struct value *out,
                 struct error *err);
struct kube_apply_options {
    const char *field_manager;
    bool force;
    bool dry_run;
    const char *subresource; // "status"; NULL: the object
};
// Server-side apply. out may be NULL, here and in the calls that follow.
bool kube_apply(struct kube *k, struct arena *a, struct value object, const struct kube_apply_options *options,
                struct value *out, struct error *err);
// The same for a CustomResourceDefinition. A server that does not know all of its schema (1.20 and
// x-kubernetes-validations) refuses it; then it is created, or its spec, labels and annotations are merged into the one
// that is there. *refused (in the arena; NULL where apply worked) is what the server said: log it, for the fields it
// does not know are lost.
bool kube_apply_crd(struct kube *k, struct arena *a, struct value crd, const struct kube_apply_options *options,
                    const char **refused, struct value *out, struct error *err);
bool kube_error_is_schema(const struct error *err); // apply refused: a field that the server's schema does not have
bool kube_error_already_exists(const struct error *err); // of a creation; other conflicts are somebody else's write
enum kube_patch_type { KUBE_PATCH_MERGE, KUBE_PATCH_JSON, KUBE_PATCH_STRATEGIC };
// A metadata.resourceVersion in a merge patch makes it conditional (ERROR_CONFLICT).
bool kube_patch(struct kube *k, struct arena *a, struct kube_ref ref, enum kube_patch_type type, struct value patch,
                const char *subresource, const char *field_manager, struct value *out, struct error *err);
struct kube_delete_options {
    const char *propagation;      // "Background", "Foreground", "Orphan"; NULL: the kind's own
    const char *uid;              // precondition; NULL: none
    const char *resource_version; // precondition; NULL: none
};
bool kube_delete(struct kube *k, struct arena *a, struct kube_ref ref, const struct kube_delete_options *options,
                 struct error *err);
// Anything else: GET path ("/api/v1/namespaces/x/pods/y/log"). method NULL: GET; body null: none. An answer that is not
// JSON is given as a string.
bool kube_raw(struct kube *k, struct arena *a, const char *method, const char *path, struct value body,
              struct value *out, struct error *err);

// ---- the list/watch cache -----------------------------------------------------------------------------------------
// One thread runs all watches on one curl multi handle. Objects are kept as compact JSON text, without managedFields,
// and parsed by who needs them. Lists are paged, watches use bookmarks and resume; 410 Gone and long silence relist;
// faults back off. All calls are thread-safe, those in on_event too (but watcher_stop).
struct watcher;
struct informer;

enum informer_event { INFORMER_ADDED, INFORMER_UPDATED, INFORMER_DELETED };
struct informer_options {
    const char *api_version, *kind;
    const char *namespace; // NULL: all
    const char *label_selector, *field_selector;
    bool metadata_only; // cache and hand on metadata only (Secrets, ConfigMaps)
    bool optional;      // a kind that the server may not have: synced and empty until it appears
    // On the watch thread, after the cache changed; must not block. old is null for ADDED, object is the last state for
    // DELETED. Both live in a scratch arena until it returns. A relist gives UPDATED only for objects whose
    // resourceVersion changed.
    void (*on_event)(void *ctx, enum informer_event event, struct value old, struct value object);
    void *ctx;
};
struct watcher *watcher_new(struct kube *k);
struct informer *watcher_add(struct watcher *w, const struct informer_options *options); // before or after the start
bool watcher_start(struct watcher *w, struct error *err);
void watcher_stop(struct watcher *w); // ends the thread and frees all informers
// Waits until every informer's first list is in; false at the deadline or when the process is ending.
bool watcher_wait_synced(struct watcher *w, int64_t timeout_ms);
bool informer_synced(const struct informer *i);
// Null when it is not there.
struct value informer_get(struct informer *i, struct arena *a, const char *namespace, const char *name);
// A list of the objects of a namespace (NULL: all).
struct value informer_list(struct informer *i, struct arena *a, const char *namespace);
// The same one by one, without holding all: visit returns false to end. scratch (of the caller) is reset after each.
void informer_each(struct informer *i, struct arena *scratch, const char *namespace,
                   bool (*visit)(void *ctx, struct value object), void *ctx);
// The same for those alone whose JSON text holds `text` (a name in quotes): what is not concerned is not parsed.
void informer_search(struct informer *i, struct arena *scratch, const char *namespace, const char *text,
                     bool (*visit)(void *ctx, struct value object), void *ctx);
size_t informer_count(struct informer *i);
// Puts the answer of an own write (or of a fresh GET) into the cache at once, unless the cache has a newer
// resourceVersion already: so that no reconcile acts on a state older than its own last write. It makes no event: that
// comes with the watch. The object must be one that the informer's selectors take in.
void informer_put(struct informer *i, struct value object);
void informer_drop(struct informer *i, const char *namespace, const char *name); // a fresh GET said 404

// ---- objects ------------------------------------------------------------------------------------------------------
const char *kube_name(struct value object);
const char *kube_namespace(struct value object); // "" for cluster-scoped ones
const char *kube_uid(struct value object);
const char *kube_kind(struct value object);
const char *kube_label(struct value object, const char *key);      // NULL: absent
const char *kube_annotation(struct value object, const char *key); // NULL: absent
int64_t kube_generation(struct value object);
bool kube_deleting(struct value object);
int kube_rv_compare(const char *a, const char *b); // resourceVersions as numbers of any length
// A key of Secret.data decoded, or ConfigMap.data/binaryData; false: absent.
bool kube_data(struct arena *a, struct value object, const char *key, struct slice *out);

// ---- kstatus ------------------------------------------------------------------------------------------------------
// What kstatus (sigs.k8s.io/cli-utils) says of any object: Deployment, StatefulSet, DaemonSet, ReplicaSet, Pod, Job,
// PVC, PDB, Service and CRD by rules of their own, the rest (APIServices too) by the conditions Ready, Reconciling and
// Stalled and observedGeneration. A null object is NOT_FOUND. *message (may be NULL) is in the arena.
enum kstatus {
    KSTATUS_IN_PROGRESS,
    KSTATUS_CURRENT,
    KSTATUS_FAILED,
    KSTATUS_TERMINATING,
    KSTATUS_NOT_FOUND,
    KSTATUS_UNKNOWN
};
enum kstatus kstatus_of(struct arena *a, struct value object, const char **message);
// The same for waiting until a Job or Pod (a hook's, or with waitForJobs) has ended: CURRENT is success. kstatus_of
// calls a running Job current and a failed Pod too, as kstatus does.
enum kstatus kstatus_completed(struct arena *a, struct value object, const char **message);
const char *kstatus_name(enum kstatus s); // "InProgress"

#endif
