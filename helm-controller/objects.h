// objects.h - the objects of a release in the cluster: from the manifest's text to server-side apply, pruning, deletion
// and readiness.
//
// Everything works on one client handle and one arena, and nothing waits: objects_ready says how things stand now.
#ifndef RUNNEL_OBJECTS_H
#define RUNNEL_OBJECTS_H

#include "kube/kube.h"
#include "manifest.h"

struct objects { // what all calls need to know about the release
    struct kube *kube;
    struct arena *arena;
    const char *field_manager;
    const char *release_name, *release_namespace; // Helm's ownership annotations
    const char *owner_name, *owner_namespace;     // the HelmRelease: Flux's labels
    struct value common_metadata;                 // labels and annotations for every object; null: none
    bool refuse_ownership;                        // disableTakeOwnership: objects of others are an error
};

typedef VEC(struct value) object_list;

// Puts the labels of Flux (helm.toolkit.fluxcd.io/name and namespace) into the texts of manifests and hooks, as Flux's
// post-renderer does, and gives the release's manifest anew.
bool objects_mark(const struct objects *o, manifest_list *manifests, hook_list *hooks, struct slice *manifest_text,
                  struct error *err);

// The same labels on one object: a CustomResourceDefinition of crds/, which is no part of the release.
void objects_set_origin(const struct objects *o, struct value object);

// Parses manifests; lists are taken apart, namespaces filled in by what discovery says of the kind. Kinds that the
// server does not have and names that are missing are one ERROR_INVALID, in Helm's words.
bool objects_parse(const struct objects *o, const manifest_list *manifests, object_list *out, struct error *err);
// The same from a record's manifest, for objects that are to be deleted: kinds that the server no longer has are left
// out.
bool objects_parse_stored(const struct objects *o, struct slice manifest, object_list *out, struct error *err);

// Server-side apply in the order given, with Helm's ownership label and annotations. `previous` (may be NULL): objects
// of the last revision, which are the release's own already.
bool objects_apply(const struct objects *o, const object_list *list, const object_list *previous, struct error *err);
// Makes the fields that other Helms wrote our own (adopt.c), so that those that left the chart go.
bool objects_adopt(const struct objects *o, const object_list *list, struct error *err);
// One object as it is (hooks): no ownership metadata.
bool objects_apply_plain(const struct objects *o, struct value object, struct error *err);
// Says TCP where a port of a Service or a container does not name its protocol (ports.c).
void objects_fill_ports(struct value object);
// Deletes what is in `old` and not in `now`, but for helm.sh/resource-policy: keep.
bool objects_prune(const struct objects *o, const object_list *old, const object_list *now, struct error *err);
// Deletes all, but for those that are to be kept. propagation as in kube_delete_options.
bool objects_delete(const struct objects *o, const object_list *list, const char *propagation, struct error *err);
// Deletes the objects of a hook, also those that helm.sh/resource-policy would keep, as Helm does.
bool objects_delete_hook(const struct objects *o, const object_list *list, struct error *err);

enum objects_state {
    OBJECTS_READY,
    OBJECTS_PENDING,
    OBJECTS_FAILED,
    OBJECTS_UNKNOWN
}; // UNKNOWN: err says why (API server)
// How things stand. jobs: Jobs have to have completed. *message names what is not ready. What kstatus calls failed ends
// the wait at once, as in Flux; Deployments that the chart has paused do not count.
enum objects_state objects_ready(const struct objects *o, const object_list *list, bool jobs, const char **message,
                                 struct error *err);
enum objects_state objects_gone(const struct objects *o, const object_list *list, const char **message,
                                struct error *err);

// A Job that the cluster deletes once it has ended (ttlSecondsAfterFinished): that it is not there is no failure.
bool objects_may_vanish(struct value object);

bool objects_is_crd(struct value object);
// The same object: group, kind, namespace and name.
bool objects_same(struct value a, struct value b);

#endif
