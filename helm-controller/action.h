// action.h - install, upgrade, rollback and uninstall as state machines that never wait.
//
// An action begins by storing its revision as pending (action_begin_*), and then goes forward by action_step, one
// reconcile after the other: hooks, apply, waiting, hooks. Where it stands is kept in the release's Secret (struct
// release_progress and the hooks' last_run), nowhere else: whoever comes after a crash goes on from there. Faults of
// the API server or the network leave an action where it is; they are never a failure of the release.
#ifndef RUNNEL_ACTION_H
#define RUNNEL_ACTION_H

#include "objects.h"
#include "release.h"

enum action_kind { ACTION_INSTALL, ACTION_UPGRADE, ACTION_ROLLBACK, ACTION_TEST, ACTION_UNINSTALL };
const char *action_word(enum action_kind kind); // "install": Flux's words in status and messages
bool action_kind_parse(const char *word, enum action_kind *out);

struct action_options { // from the HelmRelease's spec
    int64_t timeout_ms; // of each phase that waits: hooks one by one, the objects together
    bool disable_hooks, disable_wait, disable_wait_for_jobs;
    const char *propagation;   // of an uninstall: "background", "foreground", "orphan"; NULL: background
    bool keep_history;         // of an uninstall
    int max_history;           // 0: keeps all
    struct value test_filters; // of a test: see hooks.h
};

struct action {
    enum action_kind kind;
    struct objects objects;
    const char *storage_namespace;
    const char *holder; // uid of the HelmRelease
    const char *digest; // of what is released: see release_progress
    struct action_options options;
    struct release release;    // the revision that is being made (or, for an uninstall, taken down)
    const char *message;       // what it is waiting for, or the outcome; in the arena
    VEC(struct release) older; // read when needed: the deployed revision and what failed after it
    bool older_known;
};

enum action_state {
    ACTION_DONE,    // release is deployed (or uninstalled)
    ACTION_RUNNING, // look again soon
    ACTION_FAILED,  // release is marked failed; message says why
    ACTION_ERROR,   // err says why (API server, network): nothing has changed, try again with back-off
};

// Stores the new revision with status pending-*, so that it can be stepped. release: with chart, config, manifest and
// hooks set; of an uninstall, the newest one. A revision that exists already is ERROR_CONFLICT. Old revisions beyond
// max_history go.
bool action_begin(struct action *action, struct error *err);
// Goes as far as it can without waiting.
enum action_state action_step(struct action *action, struct error *err);
// Marks a pending revision as failed: nobody is at work on it, or what is to be released has changed meanwhile.
bool action_abandon(struct action *action, const char *why, struct error *err);
// Whether this revision's progress belongs to the HelmRelease `holder` and to `digest` (NULL: any).
bool action_is_ours(const struct release *r, const char *holder, const char *digest);

// The CRDs of a chart (crds/), before anything is rendered; chart: with its dependencies processed, so that what is
// switched off brings none. policy: "Skip", "Create", "CreateReplace". True with *pending set: that one is not
// established yet.
struct chart;
bool action_apply_crds(const struct objects *o, const struct chart *chart, const char *policy, const char **pending,
                       struct error *err);
// The CRDs in a chart's crds/; anything else there is left out, with a word in the log.
bool action_list_crds(const struct objects *o, const struct chart *chart, object_list *out, struct error *err);
// install.createNamespace.
bool action_create_namespace(const struct objects *o, struct error *err);

#endif
