// manifest.h - what a rendered chart is made of: documents split out of the files, hooks set apart, both in Helm's order.
//
// Everything lies in the arena of the call. Texts are exactly the ones that Helm stores in a release.
#ifndef RUNNEL_MANIFEST_H
#define RUNNEL_MANIFEST_H

#include "chart/chart.h"

enum hook_event { // bits of struct hook.events, in the order of Helm's names
    HOOK_PRE_INSTALL = 1 << 0,
    HOOK_POST_INSTALL = 1 << 1,
    HOOK_PRE_DELETE = 1 << 2,
    HOOK_POST_DELETE = 1 << 3,
    HOOK_PRE_UPGRADE = 1 << 4,
    HOOK_POST_UPGRADE = 1 << 5,
    HOOK_PRE_ROLLBACK = 1 << 6,
    HOOK_POST_ROLLBACK = 1 << 7,
    HOOK_TEST = 1 << 8,
};
const char *hook_event_name(enum hook_event event);               // "pre-install"
bool hook_event_parse(const char *name, enum hook_event *out);    // also "test-success"; exact, lower case

enum hook_delete_policy { // bits of struct hook.delete_policies
    HOOK_BEFORE_CREATION = 1 << 0, // before-hook-creation: what applies where the annotation is missing or empty
    HOOK_SUCCEEDED = 1 << 1,       // hook-succeeded
    HOOK_FAILED = 1 << 2,          // hook-failed
};

struct manifest { // one object of the release
    const char *source;      // "my-app/templates/deployment.yaml"
    const char *text;        // the document, trimmed, without "---" and "# Source:"
    size_t len;
    const char *api_version; // "" where the document has none
    const char *kind;
    const char *name;        // metadata.name
    const char *namespace;   // metadata.namespace, "" for none
};

struct hook {
    struct manifest manifest;
    unsigned events;           // enum hook_event, the union of event_list
    VEC(const char *) event_list; // in the annotation's order, as the release stores them
    int weight;
    unsigned delete_policies;  // enum hook_delete_policy: those that are known (HOOK_BEFORE_CREATION where there are none)
    VEC(const char *) delete_list;  // as written: what the release stores ("delete_policies")
    VEC(const char *) output_list;  // helm.sh/hook-output-log-policy, as written
};

typedef VEC(struct manifest) manifest_list;
typedef VEC(struct hook) hook_list;

struct manifest_file { // a rendered template
    const char *path;
    struct slice text; // writable: see manifests_sort
};

// Splits and sorts rendered files as Helm does: hooks by install order of their kind, objects too, equal ones in the order of
// their paths and documents. A document that is no YAML: "YAML parse error on PATH: …" (ERROR_INVALID); the files are unchanged then.
// Otherwise the manifests' texts lie in the files' own, where a NUL now stands behind each. `notices`: see chart.h.
bool manifests_sort(struct arena *a, const struct manifest_file *files, size_t count, manifest_list *objects,
                    hook_list *hooks, struct chart_notices *notices, struct error *err);

// Cuts a stream at its "---" lines, as Helm's SplitManifests; the pieces are trimmed, empty ones are left out.
typedef VEC(struct slice) slice_list;
slice_list manifest_split(struct arena *a, struct slice stream);

// Reads a release's stored manifest back: each document with its "# Source: PATH" comment's path, in the stored order.
bool manifests_parse(struct arena *a, struct slice stream, manifest_list *out, struct error *err);

// Helm's install order of kinds: below 0, 0, above 0. Unknown kinds come last, by name.
int manifest_compare_kind(const char *a, const char *b);
void manifests_sort_uninstall(manifest_list *list); // Helm's uninstall order, stable

// Stable sort of the hooks that run at an event: weight, then name, in Helm's order of execution.
hook_list hooks_for_event(struct arena *a, const hook_list *hooks, enum hook_event event);

// Whether metadata.annotations["helm.sh/resource-policy"] is "keep" (uninstall and prune leave the object).
bool manifest_keeps(struct value object);

#endif
