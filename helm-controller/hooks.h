// hooks.h - the hooks of an action: one after the other by weight, each started, looked at, and cleaned up by its
// delete policies.
//
// Which hook has run is kept in the release's record (last_run), which the caller stores; nothing waits.
#ifndef RUNNEL_HOOKS_H
#define RUNNEL_HOOKS_H

#include "objects.h"
#include "release.h"

enum hooks_state {
    HOOKS_DONE,
    HOOKS_RUNNING, // *message says which hook is waited for
    HOOKS_FAILED,  // *message says why, in Helm's words
    HOOKS_ERROR,   // err: API server
};

// Goes on with the hooks of an event. store (ctx) is called when the record has changed and has to be stored before the
// next step; false: err is set. timeout_ms counts from the start of each hook.
enum hooks_state hooks_step(const struct objects *o, struct release *r, enum hook_event event, int64_t timeout_ms,
                            bool (*store)(void *ctx, struct error *err), void *ctx, const char **message,
                            struct error *err);

#endif
