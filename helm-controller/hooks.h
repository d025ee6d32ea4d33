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
    HOOKS_RUNNING, // message says which hook is waited for
    HOOKS_FAILED,  // message says why, in Helm's words
    HOOKS_ERROR,   // err: API server
};

struct hooks_run {
    const struct objects *objects;
    struct release *release;
    enum hook_event event;
    int64_t timeout_ms;   // from the start of each hook
    struct value filters; // of tests: a list of {name, exclude}; null: all hooks of the event
    // Called when the record has changed and has to be stored before the next step; false: err is set.
    bool (*store)(void *ctx, struct error *err);
    void *ctx;
    const char *message;
};
// Goes on with the hooks of an event.
enum hooks_state hooks_step(struct hooks_run *run, struct error *err);
// Whether the filters take a hook of this name: none excludes it, and where some include, one of them does.
bool hooks_selected(struct value filters, const char *name);

#endif
