// work_drive.c - from what is there to what is wanted: decides, begins actions, goes on with them, notes how they end.
#include "work.h"

#define TURNS_MAX 6 // actions that can end in one reconcile: unlock, release, remediation

// ---- one action ---------------------------------------------------------------------------------
// Goes on with an action. True: it has ended and is noted in the status; false: *result is what the reconcile ends
// with.
static bool step(struct work *w, struct action *action, struct result *result)
{
    struct reconcile *r = w->r;
    struct error err cleanup(error_clear) = {0};
    bool remediation = action->kind == ACTION_ROLLBACK || action->kind == ACTION_UNINSTALL;
    bool beside = remediation || action->kind == ACTION_TEST;
    *result = result_running(w, action, beside);
    // Seen before it is worked on: a hook or a slow API server can take a while.
    if (!status_flush(r, &err)) {
        *result = result_failed(r, "ReconcileError", &err);
        return false;
    }
    enum action_state state = action_step(action, &err);
    w->latest = action->release;
    switch (state) {
    case ACTION_RUNNING:
        *result = result_running(w, action, beside);
        return false;
    case ACTION_ERROR:
        error_wrap(&err, "%s of release %s/%s", action_word(action->kind), w->spec.release_namespace,
                   w->spec.release_name);
        *result = result_failed(r, "ReconcileError", &err);
        return false;
    default:
        break;
    }
    report_end(w, action->kind, state == ACTION_FAILED ? str_or(action->message, "failed") : NULL, remediation);
    w->attempted = true;
    if (action->kind != ACTION_UNINSTALL)
        report_ready(w);
    if (!report_superseded(w, &err) || !status_flush(r, &err)) {
        *result = result_failed(r, "ReconcileError", &err);
        return false;
    }
    return true;
}

// The outcome of an action that ended without being noted.
bool work_record(struct work *w, enum action_kind kind, struct error *err)
{
    const char *why = NULL, *description = release_description(&w->latest);
    if (str_eq(release_status(&w->latest), RELEASE_FAILED)) {
        const char *text = strstr(description, " failed: ");
        why = text ? text + strlen(" failed: ") : description;
    }
    report_end(w, kind, why, kind == ACTION_ROLLBACK);
    w->attempted = true;
    report_ready(w);
    return report_superseded(w, err) && status_flush(w->r, err);
}

static bool abandon(struct work *w, enum action_kind kind, struct error *err)
{
    struct action action = work_continue(w, w->spec.storage_namespace, kind);
    const char *why =
        w->r->forced ? "a new attempt was requested" : "chart, values or specification changed while it was under way";
    if (!action_abandon(&action, why, err))
        return false;
    w->latest = action.release;
    if (kind == ACTION_TEST)
        return true;
    log_info("action abandoned", LOG_S("action", action_word(kind)), LOG_S("reason", why));
    history_put(w->r->arena, w->r->status, snapshot_of(w->r->arena, &w->latest, action_word(kind), NULL));
    return true;
}

static bool unlock(struct work *w, struct error *err)
{
    struct reconcile *r = w->r;
    const char *status = arena_strdup(r->arena, release_status(&w->latest));
    w->latest.progress = (struct release_progress){0};
    release_set_status(&w->latest, RELEASE_FAILED,
                       arena_printf(r->arena, "Release unlocked from stale '%s' state", status));
    if (!release_update(r->kube, r->arena, w->spec.storage_namespace, &w->latest, err))
        return false;
    report_unlocked(w, status);
    report_ready(w);
    struct value known = history_latest(r->status);
    if (value_int_or(value_get(known, "version"), 0) == release_version(&w->latest))
        history_put(r->arena, r->status,
                    snapshot_of(r->arena, &w->latest, value_str(value_get(known, "action")),
                                value_str(value_get(known, "ociDigest"))));
    return true;
}

// Begins an install or upgrade and goes as far as it can. As step.
static bool release(struct work *w, enum action_kind kind, struct result *result)
{
    struct error err cleanup(error_clear) = {0};
    struct action action;
    const char *message = NULL;
    switch (work_begin_release(w, kind, &action, &message, &err)) {
    case BEGIN_STARTED:
        report_begin(w, kind);
        return step(w, &action, result);
    case BEGIN_WAIT:
        *result = result_soon(w, message);
        return false;
    case BEGIN_REFUSED:
        message = report_refused(w, kind, error_text(&err), true);
        error_clear(&err);
        error_set(&err, ERROR_INVALID, "%s", message);
        *result = result_failed(w->r, kind == ACTION_INSTALL ? "InstallFailed" : "UpgradeFailed", &err);
        return false;
    default:
        *result = w->chart ? result_failed(w->r, "ReconcileError", &err) : result_no_artifact(w, &err);
        return false;
    }
}

// ---- deciding -----------------------------------------------------------------------------------
// Whether the newest revision is what is wanted. The digest beside it answers most of the time, without fetching the
// chart.
static bool is_in_sync(struct work *w, bool *answer, struct error *err)
{
    struct reconcile *r = w->r;
    struct value latest = history_latest(r->status);
    *answer = false;
    if (value_is_null(w->latest.document) || value_is_null(latest))
        return true;
    bool wanted =
        str_eq(w->latest.progress.digest, w->digest) && str_eq(w->latest.progress.holder, kube_uid(r->object));
    if (wanted && !str_eq(w->latest.progress.action, "rollback")) {
        *answer = true;
        return true;
    }
    if (!work_load_chart(w, err))
        return false;
    const char *common = value_str(value_get(r->status, "observedCommonMetadataDigest"));
    bool same_generation = value_int_or(value_get(r->status, "observedGeneration"), 0) == kube_generation(r->object);
    *answer = str_eq(value_str(value_get(latest, "configDigest")), w->config_digest) &&
              str_eq(value_str(value_get(release_chart_metadata(&w->latest), "name")), chart_name(w->chart)) &&
              str_eq(value_str(value_get(release_chart_metadata(&w->latest), "version")), w->version) &&
              (same_generation || str_eq(str_or(common, NULL), work_common_digest(w)));
    return true;
}

static struct result after_remediation(struct work *w)
{
    struct decide_facts facts = work_facts(w);
    int64_t failures;
    const struct remediation *active = decide_active(&facts, &w->spec, &failures);
    bool reinstalls = active == &w->spec.upgrade && active->uninstall;
    if (active && !active->retry && remediation_exhausted(active, failures) && !reinstalls)
        return result_exhausted(w);
    return result_again(w);
}

static struct result roll_back(struct work *w, bool *upgrade)
{
    struct error err cleanup(error_clear) = {0};
    struct action action;
    struct result result;
    bool missing, corrupt;
    *upgrade = false;
    history_truncate(w->r->arena, w->r->status, w->spec.upgrade.ignore_tests);
    if (work_begin_rollback(w, &action, &missing, &corrupt, &err))
        return step(w, &action, &result) ? after_remediation(w) : result;
    if (missing)
        return result_stuck(
            w, "MissingRollbackTarget",
            "Failed to perform remediation: missing target release for rollback: cannot remediate failed release");
    if (corrupt) {
        log_info("unable to verify previous release in storage to roll back to", LOG_S("reason", error_text(&err)));
        *upgrade = true;
        return (struct result){0};
    }
    return result_failed(w->r, "ReconcileError", &err);
}

static struct result uninstall_remediation(struct work *w)
{
    struct error err cleanup(error_clear) = {0};
    struct action action;
    struct result result;
    history_truncate(w->r->arena, w->r->status, w->spec.upgrade.ignore_tests);
    if (!work_begin_uninstall(w, w->spec.storage_namespace, &action, &err))
        return result_failed(w->r, "ReconcileError", &err);
    return step(w, &action, &result) ? after_remediation(w) : result;
}

static bool test(struct work *w, struct result *result)
{
    struct error err cleanup(error_clear) = {0};
    struct action action;
    if (work_begin_test(w, &action, &err))
        return step(w, &action, result);
    *result = result_failed(w->r, "ReconcileError", &err);
    return false;
}

// One action after the other, until one has to be waited for, or nothing is left to do.
struct result work_drive(struct work *w)
{
    struct error err cleanup(error_clear) = {0};
    struct result result;
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        const char *reason;
        bool forget, upgrade = false;
        struct decide_facts facts = work_facts(w);
        if (str_eq(facts.status, RELEASE_DEPLOYED) && !is_in_sync(w, &facts.in_sync, &err))
            return result_no_artifact(w, &err);
        enum decision decision = decide(&facts, &w->spec, &reason, &forget);
        if (forget)
            history_clear(w->r->status);
        log_debug(reason);
        switch (decision) {
        case DECIDE_DONE:
            return result_in_sync(w);
        case DECIDE_EXHAUSTED:
            return result_exhausted(w);
        case DECIDE_UNLOCK:
            log_info("release locked", LOG_S("status", facts.status));
            if (!unlock(w, &err))
                return result_failed(w->r, "PendingRelease", &err);
            continue;
        case DECIDE_ROLLBACK:
            result = roll_back(w, &upgrade);
            if (!upgrade)
                return result;
            break;
        case DECIDE_UNINSTALL:
            return uninstall_remediation(w);
        case DECIDE_TEST:
            if (!test(w, &result))
                return result;
            continue;
        case DECIDE_INSTALL:
        case DECIDE_UPGRADE:
            break;
        }
        // One attempt in one reconcile: what failed is not tried again at once.
        if (w->attempted)
            return result_again(w);
        log_info(reason);
        if (!release(w, decision == DECIDE_INSTALL ? ACTION_INSTALL : ACTION_UPGRADE, &result))
            return result;
    }
    return result_again(w);
}

struct result work_go_on(struct work *w, enum action_kind kind)
{
    struct error err cleanup(error_clear) = {0};
    struct result result;
    // An uninstall goes on to its end; anything else is worth it only while it is what is wanted.
    bool stale =
        w->known && kind != ACTION_UNINSTALL && (!str_eq(w->latest.progress.digest, w->digest) || w->r->forced);
    if (stale) {
        if (!abandon(w, kind, &err))
            return result_failed(w->r, "ReconcileError", &err);
        return work_drive(w);
    }
    struct action action = work_continue(w, w->spec.storage_namespace, kind);
    if (!step(w, &action, &result))
        return result;
    if (kind == ACTION_ROLLBACK || kind == ACTION_UNINSTALL)
        return after_remediation(w);
    return w->known ? work_drive(w) : result_again(w);
}
