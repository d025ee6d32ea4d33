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
    struct release latest;        // the newest revision in storage; document null: none
    // What is wanted; empty until the prerequisites are there (known).
    bool known;
    struct source source;
    struct value values;
    const char *config_digest;
    const char *digest;           // of artifact and values together: what an action is about
    struct chart *chart;          // loaded when something needs it
    const char *oci_digest;       // "" for none
    const char *version;          // of the chart, once it is loaded
    bool attempted;               // an action has ended in this reconcile
};

// ---- release_work.c: storage and actions ----------------------------------------------------------------------------------
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
enum begin_state work_begin_release(struct work *w, enum action_kind kind, struct action *action, const char **message, struct error *err);
// *missing: there is no revision to go back to; *corrupt: there is one, but it is not what it was.
bool work_begin_rollback(struct work *w, struct action *action, bool *missing, bool *corrupt, struct error *err);
bool work_begin_uninstall(struct work *w, const char *storage_namespace, struct action *action, struct error *err);
struct action work_continue(struct work *w, const char *storage_namespace, enum action_kind kind);

// ---- report.c: outcomes in conditions, counters, history and events ----------------------------------------------------------
void report_begin(struct work *w, enum action_kind kind);
// An action has ended on w->latest. why: NULL for success. remediation: it was one (an uninstall can be the end of a HelmRelease, too).
void report_end(struct work *w, enum action_kind kind, const char *why, bool remediation);
// An action that failed before anything was stored.
const char *report_refused(struct work *w, enum action_kind kind, const char *why, bool count);
void report_unlocked(struct work *w, const char *status);
// Revisions that the new one has superseded, in the status' history.
bool report_superseded(struct work *w, struct error *err);
// The release is in sync: conditions of an earlier failure say so.
void report_in_sync(struct work *w);
// What Ready has to say: Remediated or Released, whichever is of the newer generation.
struct value report_summary(struct work *w);

#endif
