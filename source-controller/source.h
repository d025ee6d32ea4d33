// source.h - what all kinds of sources do alike: the stored artifact, progress, failures, the new artifact.
#ifndef RUNNEL_SOURCE_H
#define RUNNEL_SOURCE_H

#include "controller/controller.h"
#include "controller/schema.h"
#include "store.h"

#define SOURCE_API "source.toolkit.fluxcd.io/v1"
// Bytes of a stored index, which is JSON; what it was made of kept to --helm-index-max-size.
#define STORED_INDEX_MAX ((size_t)256 << 20)

struct settings { // the process's app_data
    struct store *store;
    size_t index_max; // --helm-index-max-size
    size_t chart_max; // --helm-chart-max-size
    int64_t requeue_dependency_ms;
};
struct settings *settings_of(struct reconcile *r);

// The kinds.
extern const struct controller_kind gitrepository_kind, helmrepository_kind, helmchart_kind, ocirepository_kind,
    bucket_kind;

// ---- one reconcile of a source ------------------------------------------------------------------------------------
struct source {
    struct reconcile *r;
    struct store *store;
    struct artifact current; // status.artifact, verified to be in the store; path NULL: there is none
    const char *old_digest;  // of the artifact before this reconcile; NULL: none
    bool was_failing;
};
// Collects garbage; an artifact that is not in the store any more, or not the same, leaves the status (and status.url
// with it). False: *result is the end of the reconcile.
bool source_begin(struct reconcile *r, struct source *s, struct result *result);
// "building artifact: …": Reconciling=True, Ready=Unknown, written at once. outdated: the reason of ArtifactOutdated
// where there was an artifact before, NULL: none.
bool source_progress(struct source *s, const char *outdated, struct error *err, const char *fmt, ...) PRINTF(4, 5);
// The condition (FetchFailed, BuildFailed, StorageOperationFailed, IncludeUnavailable) with the error, and Ready=False.
struct result source_failed(struct source *s, const char *condition, const char *reason, struct error *err);
struct result source_stalled(struct source *s, const char *condition, const char *reason, struct error *err);
// What it needs of others is not there yet: the condition and Ready=False, an event the first time, and a look again
// after --requeue-dependency.
struct result source_waits(struct source *s, const char *condition, const char *reason, const char *message);
// Writes the artifact into the status. metadata: of the artifact (OCI annotations), or null.
void source_store(struct source *s, const struct artifact *artifact, struct value metadata);
// The end of a good one: the failure conditions go, ArtifactInStorage and Ready get reason and message. A new artifact,
// or recovery from a failure, is an event (event_reason, or reason) with event_message, and a new artifact is announced on
// the bus.
struct result source_ready(struct source *s, const char *reason, const char *message, const char *event_reason,
                           const char *event_message);
bool source_remove(struct reconcile *r, struct error *err); // the object's folder in the store
// The end of the object: its folder in the store goes, then the finalizer.
struct result source_deleted(struct reconcile *r);

// ---- artifacts in a status ----------------------------------------------------------------------------------------
bool artifact_of(struct value object, struct artifact *out); // false: none
// That of another source, if the store has it and it is its own: a forged path would read what is somebody else's.
bool artifact_stored(const struct store *s, struct value object, struct artifact *out);
bool artifact_is(const struct artifact *a, const char *revision);

// Unpacks an artifact of this store: what Git's limits let in comes out again.
bool artifact_unpack(struct source *s, const struct artifact *a, const char *folder, struct error *err);

// A path below a folder of foreign making: never leads out, not even by symbolic links (which are refused). *out is the
// real path. NOT_FOUND: nothing there.
bool path_within(struct arena *a, const char *root, const char *path, const char **out, struct error *err);

// The patterns that decide what of a folder is packed: version control always; every .sourceignore and spec.ignore, or,
// where there is neither, Flux's defaults (pictures, archives, CI files).
bool source_ignore(struct arena *a, const char *folder, const char *spec_ignore, struct ignore **out,
                   struct error *err);

#endif
