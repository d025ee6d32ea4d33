// snapshot.h - status.history: what the status remembers of each revision, and whether storage still agrees.
//
// A snapshot's apiVersion names the way its digest is made. Flux and Runnel have different ways, and each takes the
// other's snapshots as they are: so either can take over from the other without an upgrade.
#ifndef RUNNEL_SNAPSHOT_H
#define RUNNEL_SNAPSHOT_H

#include "release.h"

#define SNAPSHOT_API "runnel.dev/v1"

// "sha256:…" of values: over their YAML with sorted keys, and over nothing where there are none, as Flux has it.
const char *values_digest(struct arena *a, struct value values);

// oci_digest: NULL or "" for none; action: "install", "upgrade", "rollback", …
struct value snapshot_of(struct arena *a, const struct release *r, const char *action, const char *oci_digest);
bool snapshot_matches(struct arena *a, struct value snapshot,
                      const struct release *r);                            // name, namespace, version and digest
const char *snapshot_release_name(struct arena *a, struct value snapshot); // "ns/name.v1"
const char *snapshot_chart_name(struct arena *a, struct value snapshot);   // "my-app@1.0.0"

// Test hooks as status.history has them: {name: {phase, lastStarted, lastCompleted}} of those that the filters take; an
// empty dict where there are none.
struct value snapshot_tests(struct arena *a, const struct release *r, struct value filters);
bool snapshot_tested(struct value snapshot); // all of them have succeeded, or one has failed
bool snapshot_tests_failed(struct value snapshot);

// status.history, newest first.
struct value history_latest(struct value status); // null: none
// The newest deployed or superseded one below the latest whose tests have not failed, or may fail; null: none.
struct value history_previous(struct value status, bool ignore_tests);
// In the place of the same revision's, or in front.
void history_put(struct arena *a, struct value status, struct value snapshot);
#define HISTORY_KEPT 5
// Keeps what is needed to roll back: the latest and all down to the previous good one; where there is none,
// HISTORY_KEPT.
void history_truncate(struct arena *a, struct value status, bool ignore_tests);
void history_limit(struct arena *a, struct value status, size_t keep); // the newest ones
void history_clear(struct value status);
// A deployed revision that has been superseded since, and has not been changed otherwise.
void history_supersede(struct arena *a, struct value status, const struct release *superseded);

// status.inventory: the objects of a revision.
struct value inventory_of(struct arena *a, const struct value *objects, size_t count);
// After a rollback the CRDs of crds/ are still there: adds those of `known` that the manifest of that revision, with
// the inventory `of_manifest`, does not account for.
void inventory_keep_crds(struct value inventory, struct value known, struct value of_manifest);

#endif
