// action.c - the state machine of an action: a table of phases for each kind, walked as far as it goes without waiting.
#include "action.h"
#include "hooks.h"

#include <stdio.h>

#define OLDER_MAX 5 // revisions whose objects are looked at for pruning, where none of them is deployed

enum step { STEP_DONE, STEP_WAIT, STEP_FAILED, STEP_ERROR };

struct phase {
    const char *name; // in the Secret's annotation
    enum step (*run)(struct action *action, struct error *err);
};

struct plan {                 // what a kind of action consists of
    const char *word, *title; // "install", "Install"
    const char *pending;      // status while it runs
    enum hook_event before, after;
    const struct phase *phases; // ends with a NULL name
};

static const struct plan *plan_of(enum action_kind kind);

// ---- storing ------------------------------------------------------------------------------------
static bool store(void *ctx, struct error *err)
{
    struct action *action = ctx;
    return release_update(action->objects.kube, action->objects.arena, action->storage_namespace, &action->release,
                          err);
}

static int64_t now_ms(void)
{
    return clock_wall_us() / 1000;
}

static void enter(struct action *action, const char *phase)
{
    action->release.progress.phase = phase;
    action->release.progress.phase_ms = now_ms();
}

// Whose it was stays: who comes after a crash, before the outcome was noted in the HelmRelease's status, can tell.
static void leave(struct action *action)
{
    action->release.progress.phase = NULL;
    action->release.progress.phase_ms = 0;
}

static bool overdue(const struct action *action)
{
    return now_ms() - action->release.progress.phase_ms > action->options.timeout_ms;
}

// An error that another try can mend, or that says nothing about the chart: the action stays where it is.
static bool is_outside(const struct error *err)
{
    return error_is_transient(err) || err->class == ERROR_CANCELLED || err->code == 401;
}

// Turns an error of a step into STEP_ERROR or, where the chart's objects are to blame, into a failure.
static enum step blame(struct action *action, struct error *err)
{
    if (is_outside(err))
        return STEP_ERROR;
    action->message = arena_strdup(action->objects.arena, error_text(err));
    error_clear(err);
    return STEP_FAILED;
}

// ---- phases -------------------------------------------------------------------------------------
static enum step run_hooks(struct action *action, enum hook_event event, struct error *err)
{
    if (action->options.disable_hooks)
        return STEP_DONE;
    struct hooks_run run = {.objects = &action->objects,
                            .release = &action->release,
                            .event = event,
                            .timeout_ms = action->options.timeout_ms,
                            .filters = event == HOOK_TEST ? action->options.test_filters : VALUE_NULL,
                            .store = store,
                            .ctx = action};
    enum hooks_state state = hooks_step(&run, err);
    action->message = run.message;
    switch (state) {
    case HOOKS_DONE:
        return STEP_DONE;
    case HOOKS_RUNNING:
        return STEP_WAIT;
    case HOOKS_FAILED:
        return STEP_FAILED;
    default:
        return STEP_ERROR;
    }
}

static enum step hooks_before(struct action *action, struct error *err)
{
    return run_hooks(action, plan_of(action->kind)->before, err);
}

static enum step hooks_after(struct action *action, struct error *err)
{
    return run_hooks(action, plan_of(action->kind)->after, err);
}

static bool own_objects(struct action *action, object_list *out, struct error *err)
{
    manifest_list manifests = {0};
    return manifests_parse(action->objects.arena, release_manifest(&action->release), &manifests, err) &&
           objects_parse(&action->objects, &manifests, out, err);
}

// The deployed revision and what came after it, or, where none is deployed, the last ones: their objects can be in the
// cluster.
static bool read_older(struct action *action, struct error *err)
{
    struct arena *a = action->objects.arena;
    release_version_list all = {0};
    const char *name = release_name(&action->release);
    if (action->older_known)
        return true;
    if (!release_versions(action->objects.kube, a, action->storage_namespace, name, &all, err))
        return false;
    size_t end = 0, start;
    while (end < all.len && all.items[end].version < release_version(&action->release))
        end++;
    for (start = end; start > 0 && end - start < OLDER_MAX; start--)
        if (str_eq(all.items[start - 1].status, RELEASE_DEPLOYED)) {
            start--;
            break;
        }
    for (size_t i = start; i < end; i++) {
        struct release r;
        if (release_get(action->objects.kube, a, action->storage_namespace, name, all.items[i].version, &r, err))
            vec_push(a, &action->older, r);
        else if (err->class == ERROR_NOT_FOUND)
            error_clear(err);
        else
            return false;
    }
    action->older_known = true;
    return true;
}

static enum step apply(struct action *action, struct error *err)
{
    object_list now = {0}, before = {0};
    if (!own_objects(action, &now, err))
        return blame(action, err);
    if (!read_older(action, err))
        return STEP_ERROR;
    for (size_t i = 0; i < action->older.len; i++) {
        const struct release *r = &action->older.items[i];
        object_list of_revision = {0};
        if (!objects_parse_stored(&action->objects, release_manifest(r), &of_revision, err))
            return blame(action, err);
        if (!r->progress.action && !objects_adopt(&action->objects, &of_revision, err))
            return blame(action, err);
        for (size_t k = 0; k < of_revision.len; k++)
            vec_push(action->objects.arena, &before, of_revision.items[k]);
    }
    if (!objects_apply(&action->objects, &now, &before, err) || !objects_prune(&action->objects, &before, &now, err))
        return blame(action, err);
    return STEP_DONE;
}

// Ends a phase that looks at objects: ready, still waiting, failed, or too late.
static enum step judge(struct action *action, enum objects_state state, struct error *err)
{
    struct arena *a = action->objects.arena;
    switch (state) {
    case OBJECTS_READY:
        return STEP_DONE;
    case OBJECTS_UNKNOWN:
        return blame(action, err);
    case OBJECTS_FAILED:
        action->message = arena_printf(a, "failed early due to stalled resources: [%s]", action->message);
        return STEP_FAILED;
    default:
        if (!overdue(action))
            return STEP_WAIT;
        action->message = arena_printf(a, "timeout waiting for%s: [%s]",
                                       action->kind == ACTION_UNINSTALL ? " termination" : "", action->message);
        return STEP_FAILED;
    }
}

static enum step wait_ready(struct action *action, struct error *err)
{
    object_list now = {0};
    if (action->options.disable_wait)
        return STEP_DONE;
    if (!own_objects(action, &now, err))
        return blame(action, err);
    return judge(action,
                 objects_ready(&action->objects, &now, !action->options.disable_wait_for_jobs, &action->message, err),
                 err);
}

static bool stored_in_uninstall_order(struct action *action, object_list *out, struct error *err)
{
    manifest_list manifests = {0};
    struct buf text = BUF_IN(action->objects.arena);
    if (!manifests_parse(action->objects.arena, release_manifest(&action->release), &manifests, err))
        return false;
    manifests_sort_uninstall(&manifests);
    for (size_t i = 0; i < manifests.len; i++) {
        buf_printf(&text, "---\n# Source: %s\n", manifests.items[i].source);
        buf_add(&text, manifests.items[i].text, manifests.items[i].len);
        buf_char(&text, '\n');
    }
    return objects_parse_stored(&action->objects, buf_view(&text), out, err);
}

static enum step take_down(struct action *action, struct error *err)
{
    object_list list = {0};
    const char *words[][2] = {{"background", "Background"}, {"foreground", "Foreground"}, {"orphan", "Orphan"}};
    const char *propagation = NULL;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq(action->options.propagation, words[i][0]))
            propagation = words[i][1];
    if (!stored_in_uninstall_order(action, &list, err) || !objects_delete(&action->objects, &list, propagation, err))
        return blame(action, err);
    return STEP_DONE;
}

static enum step wait_gone(struct action *action, struct error *err)
{
    object_list list = {0};
    if (action->options.disable_wait)
        return STEP_DONE;
    if (!stored_in_uninstall_order(action, &list, err))
        return blame(action, err);
    return judge(action, objects_gone(&action->objects, &list, &action->message, err), err);
}

static const struct phase RELEASE_PHASES[] = {
    {"pre-hooks", hooks_before}, {"apply", apply}, {"wait", wait_ready}, {"post-hooks", hooks_after}, {0},
};
static const struct phase UNINSTALL_PHASES[] = {
    {"pre-hooks", hooks_before}, {"delete", take_down}, {"wait", wait_gone}, {"post-hooks", hooks_after}, {0},
};
static const struct phase TEST_PHASES[] = {{"tests", hooks_before}, {0}};
static const struct plan PLANS[] = {
    [ACTION_INSTALL] = {"install", "Install", RELEASE_PENDING_INSTALL, HOOK_PRE_INSTALL, HOOK_POST_INSTALL,
                        RELEASE_PHASES},
    [ACTION_UPGRADE] = {"upgrade", "Upgrade", RELEASE_PENDING_UPGRADE, HOOK_PRE_UPGRADE, HOOK_POST_UPGRADE,
                        RELEASE_PHASES},
    [ACTION_ROLLBACK] = {"rollback", "Rollback", RELEASE_PENDING_ROLLBACK, HOOK_PRE_ROLLBACK, HOOK_POST_ROLLBACK,
                         RELEASE_PHASES},
    [ACTION_TEST] = {"test", "Test", NULL, HOOK_TEST, 0, TEST_PHASES},
    [ACTION_UNINSTALL] = {"uninstall", "Uninstallation", RELEASE_UNINSTALLING, HOOK_PRE_DELETE, HOOK_POST_DELETE,
                          UNINSTALL_PHASES},
};

static const struct plan *plan_of(enum action_kind kind)
{
    return &PLANS[kind];
}

const char *action_word(enum action_kind kind)
{
    return PLANS[kind].word;
}

bool action_kind_parse(const char *word, enum action_kind *out)
{
    for (size_t i = 0; i < ARRAY_LEN(PLANS); i++)
        if (str_eq(PLANS[i].word, word)) {
            *out = (enum action_kind)i;
            return true;
        }
    return false;
}

// ---- beginning and ending -----------------------------------------------------------------------
bool action_is_ours(const struct release *r, const char *holder, const char *digest)
{
    return r->progress.phase && str_eq(r->progress.holder, holder) && (!digest || str_eq(r->progress.digest, digest));
}

bool action_begin(struct action *action, struct error *err)
{
    const struct plan *plan = plan_of(action->kind);
    bool is_new = action->kind != ACTION_UNINSTALL && action->kind != ACTION_TEST;
    const char *description = action->kind == ACTION_INSTALL     ? "Initial install underway"
                              : action->kind == ACTION_UNINSTALL ? "Deletion in progress (or silently failed)"
                              : action->kind == ACTION_ROLLBACK
                                  ? arena_strdup(action->objects.arena, release_description(&action->release))
                                  : arena_printf(action->objects.arena, "Preparing %s", plan->word);
    if (plan->pending)
        release_set_status(&action->release, plan->pending, description);
    if (action->kind == ACTION_UNINSTALL)
        release_set_deleted(&action->release);
    action->release.progress = (struct release_progress){
        .action = plan->word, .holder = action->holder, .digest = action->digest, .started_ms = now_ms()};
    enter(action, plan->phases[0].name);
    if (!is_new)
        return store(action, err);
    return release_create(action->objects.kube, action->objects.arena, action->storage_namespace, &action->release,
                          err) &&
           release_prune_history(action->objects.kube, action->objects.arena, action->storage_namespace,
                                 release_name(&action->release), action->options.max_history, err);
}

// Marks every deployed revision but this one as superseded, and an uninstalled one whose name an install takes over.
static bool supersede(struct action *action, struct error *err)
{
    if (!read_older(action, err))
        return false;
    for (size_t i = 0; i < action->older.len; i++) {
        struct release *r = &action->older.items[i];
        bool replaced = action->kind == ACTION_INSTALL && str_eq(release_status(r), RELEASE_UNINSTALLED);
        if (!replaced && !str_eq(release_status(r), RELEASE_DEPLOYED))
            continue;
        release_set_status(r, RELEASE_SUPERSEDED,
                           replaced ? "superseded by new release"
                                    : arena_strdup(action->objects.arena, release_description(r)));
        if (release_update(action->objects.kube, action->objects.arena, action->storage_namespace, r, err))
            continue;
        if (err->class != ERROR_NOT_FOUND)
            return false;
        error_clear(err);
    }
    return true;
}

static bool finish_uninstall(struct action *action, struct error *err)
{
    struct objects *o = &action->objects;
    const char *name = release_name(&action->release);
    release_set_status(&action->release, RELEASE_UNINSTALLED, "Uninstallation complete");
    leave(action);
    if (action->options.keep_history)
        return store(action, err);
    release_version_list versions = {0};
    if (!release_versions(o->kube, o->arena, action->storage_namespace, name, &versions, err))
        return false;
    // The newest goes last: until then whoever comes after a crash still finds the uninstallation under way.
    for (size_t i = 0; i < versions.len; i++)
        if (!release_delete(o->kube, o->arena, action->storage_namespace, name, versions.items[i].version, err))
            return false;
    return true;
}

static bool finish(struct action *action, struct error *err)
{
    struct objects *o = &action->objects;
    if (action->kind == ACTION_UNINSTALL)
        return finish_uninstall(action, err);
    leave(action);
    if (action->kind == ACTION_TEST)
        return store(action, err);
    // The old one first, as Helm does: two deployed revisions would confuse it, none is mended by the next step.
    if (!supersede(action, err))
        return false;
    const char *description = action->kind == ACTION_ROLLBACK
                                  ? arena_strdup(o->arena, release_description(&action->release))
                                  : arena_printf(o->arena, "%s complete", plan_of(action->kind)->title);
    release_set_status(&action->release, RELEASE_DEPLOYED, description);
    return store(action, err);
}

static bool mark_failed(struct action *action, const char *why, struct error *err)
{
    const struct plan *plan = plan_of(action->kind);
    const char *text =
        action->kind == ACTION_INSTALL || action->kind == ACTION_UPGRADE || action->kind == ACTION_ROLLBACK
            ? arena_printf(action->objects.arena, "%s \"%s\" failed: %s",
                           action->kind == ACTION_INSTALL ? "Release" : plan->title, release_name(&action->release),
                           why)
            : arena_printf(action->objects.arena, "%s failed: %s", plan->title, why);
    // A release whose tests fail is deployed all the same.
    if (action->kind != ACTION_TEST)
        release_set_status(&action->release, RELEASE_FAILED, text);
    leave(action);
    return store(action, err);
}

bool action_abandon(struct action *action, const char *why, struct error *err)
{
    return mark_failed(action, why, err);
}

enum action_state action_step(struct action *action, struct error *err)
{
    const struct phase *phase = plan_of(action->kind)->phases;
    while (phase->name && !str_eq(phase->name, action->release.progress.phase))
        phase++;
    if (!phase->name) // of another version of this program: every phase can be gone through again
        phase = plan_of(action->kind)->phases;
    bool moved = false;
    while (phase->name) {
        switch (phase->run(action, err)) {
        case STEP_DONE:
            phase++;
            if (phase->name) {
                enter(action, phase->name);
                moved = true;
            }
            continue;
        case STEP_WAIT:
            // Where it waits is stored once; an unstored phase before it can be gone through again without harm.
            return moved && !store(action, err) ? ACTION_ERROR : ACTION_RUNNING;
        case STEP_FAILED: {
            const char *why = action->message;
            if (!mark_failed(action, why, err))
                return ACTION_ERROR;
            action->message = why;
            return ACTION_FAILED;
        }
        default:
            return ACTION_ERROR;
        }
    }
    return finish(action, err) ? ACTION_DONE : ACTION_ERROR;
}
