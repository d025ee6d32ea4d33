// automation.h - where an ImageUpdateAutomation reads and writes: its GitRepository, branches and credentials.
#ifndef RUNNEL_AUTOMATION_H
#define RUNNEL_AUTOMATION_H

#include "git/git.h"
#include "image.h"

struct automation_source {
    struct repo_remote remote; // deadline_ms is set anew for each operation
    struct repo_ref checkout;
    const char *push_branch, *push_refspec; // refspec NULL: none
    bool switch_branch; // the push branch is not the one that is checked out: it is rebuilt and forced
    int64_t timeout_ms;
    const char *url; // without user info
};

// Reads the GitRepository and its Secrets. *stalled is set to a reason where nothing but a change of the objects can
// help (then err says why); otherwise an error may heal.
bool automation_source(struct reconcile *r, struct automation_source *out, const char **stalled, struct error *err);
// The remote with a deadline counted from now.
const struct repo_remote *automation_remote(struct automation_source *s);

#endif
