// work.h - one reconcile of a HelmRelease: what is known so far, and what its files do with it.
#ifndef RUNNEL_HELM_WORK_H
#define RUNNEL_HELM_WORK_H

#include "decide.h"
#include "snapshot.h"
#include "source.h"

struct work {
    struct reconcile *r;
    struct spec spec;
    struct http *http;
    struct release latest; // the newest revision in storage; document null: none
    // What is wanted; empty until the prerequisites are there (known).
    bool known;
    struct source source;
    struct value values;
    const char *config_digest;
    const char *digest;     // of artifact and values together: what an action is about
    struct chart *chart;    // loaded when something needs it
    const char *oci_digest; // "" for none
    const char *version;    // of the chart, once it is loaded
    bool attempted;         // an action has ended in this reconcile
};

// ---- release_work.c: storage and actions --------------------------------------------------------
bool work_read(struct work *w, struct error *err); // into w->latest: of the release that the spec names
bool work_read_latest(struct work *w, const char *storage_namespace, const char *name, struct error *err);
// Whether an action of this HelmRelease is under way on the newest revision, and which.
bool work_under_way(const struct work *w, enum action_kind *kind);
// Whether one has ended there whose outcome the status does not know: the process was killed in between.
bool work_unrecorded(const struct work *w, enum action_kind *kind);
bool work_load_chart(struct work *w, struct error *err);

enum begin_state {
    BEGIN_STARTED,
    BEGIN_WAIT,    // *message: what for
    BEGIN_REFUSED, // err: chart or values are at fault, nothing has been stored
    BEGIN_ERROR,   // err: API server, network
};
enum begin_state work_begin_release(struct work *w, enum action_kind kind, struct action *action, const char **message,
                                    struct error *err);
// *missing: there is no revision to go back to; *corrupt: there is one, but it is not what it was.
bool work_begin_rollback(struct work *w, struct action *action, bool *missing, bool *corrupt, struct error *err);
bool work_begin_test(struct work *w, struct action *action, struct error *err);
bool work_begin_uninstall(struct work *w, const char *storage_namespace, struct action *action, struct error *err);
struct action work_continue(struct work *w, const char *storage_namespace, enum action_kind kind);

// ---- report.c: outcomes in conditions, counters, history and events -----------------------------
void report_begin(struct work *w, enum action_kind kind);
// An action has ended on w->latest. why: NULL for success. remediation: it was one (an uninstall can be the end of a
// HelmRelease, too).
void report_end(struct work *w, enum action_kind kind, const char *why, bool remediation);
// An action that failed before anything was stored.
const char *report_refused(struct work *w, enum action_kind kind, const char *why, bool count);
void report_unlocked(struct work *w, const char *status);
// Revisions that the new one has superseded, in the status' history.
bool report_superseded(struct work *w, struct error *err);
// The release is in sync: conditions of an earlier failure say so.
void report_in_sync(struct work *w);
// What Ready has to say: Remediated, TestSuccess (where it counts) or Released, whichever is of the newest generation.
struct value report_summary(struct work *w);
// Makes Ready say it. After an uninstall that mends a failure it keeps saying what failed.
void report_ready(struct work *w);

// ---- work_know.c: what is wanted ----------------------------------------------------------------
struct value work_ready(struct work *w);                // the Ready condition
int64_t work_counter(struct work *w, const char *name); // of the status: "failures", …
void work_clear_failures(struct value status);
const char *work_common_digest(struct work *w); // of spec.commonMetadata; NULL: there is none
struct decide_facts work_facts(struct work *w); // all but in_sync
// Dependencies, source, values and digests. False: *result says what is missing.
bool work_know(struct work *w, struct result *result);
bool work_know_version(struct work *w, struct error *err); // of the chart
void work_note_attempt(struct work *w);                    // status.lastAttempted*; a new attempt has no failures yet

// ---- work_drive.c: from what is there to what is wanted -----------------------------------------
struct result work_drive(struct work *w);
struct result work_go_on(struct work *w, enum action_kind kind); // with the action that is under way
// Notes the outcome of an action that ended without being noted.
bool work_record(struct work *w, enum action_kind kind, struct error *err);

// ---- work_end.c ---------------------------------------------------------------------------------
struct result work_finalize(struct work *w); // the HelmRelease is being deleted
// Uninstalls a release that the spec no longer names, and reads the one that it does. False: *result ends the
// reconcile.
bool work_settle_target(struct work *w, struct result *result);

// ---- work_results.c: what a reconcile ends with -------------------------------------------------
const char *condition_word(struct value condition, const char *key, const char *fallback);
struct result result_again(struct work *w);     // after a failure, with back-off
struct result result_exhausted(struct work *w); // no retries are left
struct result result_stuck(struct work *w, const char *reason, const char *message);
struct result result_in_sync(struct work *w);
struct result result_running(struct work *w, const struct action *action, bool beside);
struct result result_soon(struct work *w, const char *message); // something short is under way
struct result result_later(struct work *w, const char *reason,
                           const char *message); // a prerequisite is missing: --requeue-dependency
struct result result_no_artifact(struct work *w, struct error *err);
struct result result_denied(struct work *w, struct error *err);

#endif
