// decide.h - what to do next with a release, from what Helm's storage, the status and the spec say: Flux's release
// states as one pure function.
#ifndef RUNNEL_DECIDE_H
#define RUNNEL_DECIDE_H

#include "spec.h"

enum decision {
    DECIDE_DONE, // in sync
    DECIDE_INSTALL,
    DECIDE_UPGRADE,
    DECIDE_TEST,      // in sync, and not tested yet
    DECIDE_ROLLBACK,  // remediation of a failed upgrade
    DECIDE_UNINSTALL, // remediation of a failed install, or of an upgrade where the spec says so
    DECIDE_UNLOCK,    // the newest revision is pending (or being uninstalled), and nobody is at work on it
    DECIDE_EXHAUSTED, // no retries are left
};

struct decide_facts {
    const char *status;      // of the newest revision in storage; NULL: there is none
    bool has_history;        // the status knows of a release
    bool observed;           // the newest revision is the one that the status knows, unchanged
    bool in_sync;            // its chart and values are what is wanted
    bool untested;           // tests are wanted and have not been run
    bool tests_failed;       // they have, and that counts as a failure
    bool forced;             // asked for by annotation
    const char *last_action; // status.lastAttemptedReleaseAction: "install", "upgrade", or ""
    int64_t install_failures, upgrade_failures;
};
// *reason: why, for the log. *forget: the status' history cannot be relied on any longer.
enum decision decide(const struct decide_facts *facts, const struct spec *spec, const char **reason, bool *forget);

// The remediation that belongs to the last action, NULL when there was none; *failures: those of that action.
const struct remediation *decide_active(const struct decide_facts *facts, const struct spec *spec, int64_t *failures);

#endif
