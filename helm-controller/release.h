// release.h - Helm's own record of a release: one Secret for each revision, sh.helm.release.v1.NAME.vN, that the helm
// command reads too.
//
// The format is Helm v4's storage driver "secrets": type helm.sh/release.v1; labels name, owner=helm, status, version,
// createdAt, modifiedAt; data.release is base64 of gzip of JSON (Kubernetes puts its own base64 around it). What an
// action has still to do is kept in annotations of the same Secret (struct release_progress): a controller that is
// killed finds it there.
//
// A record is read with limits, and whatever in it is not understood is kept when it is written again.
#ifndef RUNNEL_RELEASE_H
#define RUNNEL_RELEASE_H

#include "chart/chart.h"
#include "kube/kube.h"
#include "manifest.h"

#define RELEASE_SECRET_TYPE "helm.sh/release.v1"
#define RELEASE_SECRET_MAX (1024 * 1024)     // what etcd and the API server take
#define RELEASE_JSON_MAX (64u * 1024 * 1024) // of a record unpacked

// info.status, in Helm's words.
#define RELEASE_DEPLOYED "deployed"
#define RELEASE_SUPERSEDED "superseded"
#define RELEASE_FAILED "failed"
#define RELEASE_UNINSTALLED "uninstalled"
#define RELEASE_UNINSTALLING "uninstalling"
#define RELEASE_PENDING_INSTALL "pending-install"
#define RELEASE_PENDING_UPGRADE "pending-upgrade"
#define RELEASE_PENDING_ROLLBACK "pending-rollback"
bool release_status_pending(const char *status);

// Where an action that is under way stands, and, when it has ended, whose it was. Kept as annotations of the Secret.
struct release_progress {
    const char *phase;  // the action's own word; NULL: nobody is at work on this revision
    const char *action; // "install", "upgrade", "rollback", "uninstall"; NULL: not one of ours
    const char *holder; // uid of the HelmRelease
    const char *digest; // of what is released (chart, values): another one makes an action under way void
    int64_t started_ms; // unix, when the action began: timeouts count from here
    int64_t phase_ms;   // unix, when the phase began
};

struct release {           // one revision; everything lies in the arena that it was read into
    struct value document; // the JSON: change it through the functions below
    struct release_progress progress;
    const char *resource_version;  // of the Secret; NULL: not stored yet
    int64_t created_s, modified_s; // labels createdAt and modifiedAt, unix; 0: absent
};

const char *release_name(const struct release *r);
const char *release_namespace(const struct release *r);
int release_version(const struct release *r);
const char *release_status(const struct release *r);
const char *release_description(const struct release *r);
struct value release_config(const struct release *r); // the user's values
struct slice release_manifest(const struct release *r);
struct value release_chart_metadata(const struct release *r);
const char *release_first_deployed(const struct release *r); // RFC 3339
const char *release_last_deployed(const struct release *r);
const char *release_deleted(const struct release *r); // NULL: it is not

// A new record: status, notes, chart, config, manifest and hooks filled in; version and first_deployed as given.
// first_deployed NULL: now.
struct release release_new(struct arena *a, const char *name, const char *namespace, int version, const char *status,
                           const char *first_deployed);
void release_set_chart(struct arena *a, struct release *r, const struct chart *chart);
void release_set_rendered(struct arena *a, struct release *r, struct value config, struct slice manifest,
                          const hook_list *hooks, const char *notes);
void release_set_status(struct release *r, const char *status, const char *description);
void release_set_deleted(struct release *r); // now
// The hooks of the record, to run them: manifest, events, weight, policies.
bool release_hooks(struct arena *a, const struct release *r, hook_list *out, struct error *err);
// last_run of the i-th hook: phase "Unknown" (it is about to be made), "Running", "Succeeded", "Failed" or "". Setting
// the first two stamps started_at, the others completed_at.
const char *release_hook_phase(const struct release *r, size_t i);
const char *release_hook_started(const struct release *r, size_t i);
void release_hook_set_phase(struct release *r, size_t i, const char *phase);
void release_hooks_reset(struct release *r); // a new run: every phase becomes ""

// ---- storage ------------------------------------------------------------------------------------
char *release_secret_name(struct arena *a, const char *name, int version);
// The revisions there are, oldest first, from the Secrets' labels alone.
struct release_mark {
    int version;
    const char *status;
};
typedef VEC(struct release_mark) release_version_list;
bool release_versions(struct kube *k, struct arena *a, const char *storage_namespace, const char *name,
                      release_version_list *out, struct error *err);
bool release_get(struct kube *k, struct arena *a, const char *storage_namespace, const char *name, int version,
                 struct release *out, struct error *err);
// Creates the Secret; CONFLICT when the revision exists. Fills resource_version.
bool release_create(struct kube *k, struct arena *a, const char *storage_namespace, struct release *r,
                    struct error *err);
// Writes status, document and progress; CONFLICT when somebody else wrote since it was read.
bool release_update(struct kube *k, struct arena *a, const char *storage_namespace, struct release *r,
                    struct error *err);
bool release_delete(struct kube *k, struct arena *a, const char *storage_namespace, const char *name, int version,
                    struct error *err);
// Deletes the oldest revisions until `keep` are left (0: keeps all); the last deployed one always stays, as Helm has
// it, and the newest.
bool release_prune_history(struct kube *k, struct arena *a, const char *storage_namespace, const char *name, int keep,
                           struct error *err);

// The text forms, for tests and the fuzzer.
bool release_encode(struct arena *a, const struct release *r, struct slice *base64, struct error *err);
bool release_decode(struct arena *a, struct slice base64, struct release *out, struct error *err);

#endif
