// helmrelease.c - HelmRelease: from the spec to a release, one step at a time; nothing here waits.
#include "work.h"

#include "digest/digest.h"
#include "controller/schema.h"
#include "helm_app.h"
#include "values.h"

#include <inttypes.h>

#define TURNS_MAX 6           // actions that can end in one reconcile: unlock, release, remediation
#define POLL_LEAST_MS 300     // how soon what is under way is looked at again: a tenth of the time that it has taken so far,
#define POLL_MOST_MS 5000     // within these

// ---- small things -------------------------------------------------------------------------------------------------------
static struct value ready_of(struct work *w)
{
    return condition_get(w->r->status, "Ready");
}

static const char *words(struct value condition, const char *key, const char *fallback)
{
    return value_str_or(value_get(condition, key), fallback);
}

static const char *common_metadata_digest(struct work *w)
{
    struct value common = value_get(w->r->spec, "commonMetadata");
    struct buf text = BUF_IN(w->r->arena);
    if (!value_is(common, V_DICT))
        return NULL;
    json_write(&text, common, JSON_HTML);
    buf_char(&text, '\n');
    return sha256_digest(w->r->arena, text.data, text.len); // as Flux makes it
}

static void clear_failures(struct value status)
{
    static const char *const counters[] = {"failures", "installFailures", "upgradeFailures"};
    for (size_t i = 0; i < ARRAY_LEN(counters); i++)
        value_unset(status, counters[i]);
}

static int64_t counter(struct work *w, const char *name)
{
    return value_int_or(value_get(w->r->status, name), 0);
}

static struct decide_facts facts_of(struct work *w)
{
    struct value latest = history_latest(w->r->status);
    bool absent = value_is_null(w->latest.document);
    return (struct decide_facts){
        .status = absent ? NULL : release_status(&w->latest),
        .has_history = !value_is_null(latest),
        .observed = !absent && !value_is_null(latest) && snapshot_matches(w->r->arena, latest, &w->latest),
        .forced = w->r->forced && !w->attempted,
        .last_action = value_str_or(value_get(w->r->status, "lastAttemptedReleaseAction"), ""),
        .install_failures = counter(w, "installFailures"),
        .upgrade_failures = counter(w, "upgradeFailures"),
    };
}

// ---- results --------------------------------------------------------------------------------------------------------------
// Another try after a time that grows with each failure. It is kept in the status, so that a restart does not shorten it.
static struct result try_again(struct work *w)
{
    struct decide_facts facts = facts_of(w);
    int64_t failures, wait = app_flag_ms(w->r->app, "min-retry-delay"), most = app_flag_ms(w->r->app, "max-retry-delay");
    const struct remediation *active = decide_active(&facts, &w->spec, &failures);
    struct value summary = report_summary(w);
    for (int64_t n = counter(w, "failures"); n > 1 && wait < most; n--)
        wait *= 2;
    wait = wait < most ? wait : most;
    if (active && active->retry)
        wait = active->retry_ms;
    const char *message = active && active->retry ? arena_printf(w->r->arena, "retrying after %s", duration_format(w->r->arena, wait * 1000000))
                                                  : words(summary, "message", "");
    struct result result = result_wait(w->r, wait, "False", words(summary, "reason", "Failed"), "%s", words(summary, "message", ""));
    condition_set(w->r, "Reconciling", "True", "ProgressingWithRetry", "%s", message);
    return result;
}

static struct result stalled(struct work *w, const char *reason, const char *message)
{
    struct value summary = report_summary(w);
    struct result result = result_stalled(w->r, reason, "%s", message);
    if (!value_is_null(summary))
        condition_set(w->r, "Ready", "False", words(summary, "reason", reason), "%s", words(summary, "message", message));
    return result;
}

static struct result exhausted(struct work *w)
{
    struct decide_facts facts = facts_of(w);
    int64_t failures;
    decide_active(&facts, &w->spec, &failures);
    return stalled(w, "RetriesExceeded",
                   arena_printf(w->r->arena, "Failed to %s after %" PRId64 " attempt(s)", facts.last_action, failures));
}

static struct result in_sync(struct work *w)
{
    const char *common = common_metadata_digest(w);
    report_in_sync(w);
    value_unset(w->r->status, "observedPostRenderersDigest");
    if (common)
        value_set_str(w->r->status, "observedCommonMetadataDigest", common);
    else
        value_unset(w->r->status, "observedCommonMetadataDigest");
    struct value summary = report_summary(w);
    return result_ready(w->r, words(summary, "reason", "UpgradeSucceeded"), "%s", words(summary, "message", ""));
}

static struct result wait_for(struct work *w, const char *reason, const char *message)
{
    return result_wait(w->r, app_flag_ms(w->r->app, "requeue-dependency"), "False", reason, "%s", message);
}

static struct result artifact_failed(struct work *w, struct error *err)
{
    if (err->code == 404)
        return wait_for(w, "ArtifactFailed",
                        arena_printf(w->r->arena, "Source not ready: artifact not found. Retrying in %s",
                                     duration_format(w->r->arena, app_flag_ms(w->r->app, "requeue-dependency") * 1000000)));
    error_wrap(err, "Could not load chart");
    return result_failed(w->r, "ArtifactFailed", err);
}

// A remediation does not touch Ready: that an action failed is more important than what is done about it.
static struct result running(struct work *w, const struct action *action, bool remediation)
{
    struct reconcile *r = w->r;
    int64_t elapsed = clock_wall_us() / 1000 - action->release.progress.started_ms, after = elapsed / 10;
    const char *message = arena_printf(r->arena, "Running '%s' action with timeout of %s", action_word(action->kind),
                                       duration_format(r->arena, action->options.timeout_ms * 1000000));
    struct value ready = ready_of(w);
    after = after < POLL_LEAST_MS ? POLL_LEAST_MS : after > POLL_MOST_MS ? POLL_MOST_MS : after;
    log_debug(message, LOG_S("waitingFor", action->message));
    if (!remediation)
        return result_wait(r, after, NULL, "Progressing", "%s", message);
    struct result result = result_wait(r, after, words(ready, "status", "False"), words(ready, "reason", "Progressing"), "%s",
                                       words(ready, "message", message));
    condition_set(r, "Reconciling", "True", "Progressing", "%s", message);
    return result;
}

// ---- one action -------------------------------------------------------------------------------------------------------------
// Goes on with an action. True: it has ended and is noted in the status; false: *result is what the reconcile ends with.
static bool step(struct work *w, struct action *action, struct result *result)
{
    struct reconcile *r = w->r;
    struct error err cleanup(error_clear) = {0};
    bool remediation = action->kind == ACTION_ROLLBACK || action->kind == ACTION_UNINSTALL;
    *result = running(w, action, remediation);
    // Seen before it is worked on: a hook or a slow API server can take a while.
    if (!status_flush(r, &err)) {
        *result = result_failed(r, "ReconcileError", &err);
        return false;
    }
    enum action_state state = action_step(action, &err);
    w->latest = action->release;
    switch (state) {
    case ACTION_RUNNING:
        *result = running(w, action, remediation);
        return false;
    case ACTION_ERROR:
        error_wrap(&err, "%s of release %s/%s", action_word(action->kind), w->spec.release_namespace, w->spec.release_name);
        *result = result_failed(r, "ReconcileError", &err);
        return false;
    default:
        break;
    }
    report_end(w, action->kind, state == ACTION_FAILED ? str_or(action->message, "failed") : NULL, remediation);
    w->attempted = true;
    if (!report_superseded(w, &err) || !status_flush(r, &err)) {
        *result = result_failed(r, "ReconcileError", &err);
        return false;
    }
    return true;
}

// The outcome of an action that ended without being noted.
static bool record(struct work *w, enum action_kind kind, struct error *err)
{
    const char *why = NULL, *description = release_description(&w->latest);
    if (str_eq(release_status(&w->latest), RELEASE_FAILED)) {
        const char *text = strstr(description, " failed: ");
        why = text ? text + strlen(" failed: ") : description;
    }
    report_end(w, kind, why, kind == ACTION_ROLLBACK);
    w->attempted = true;
    return report_superseded(w, err) && status_flush(w->r, err);
}

static bool abandon(struct work *w, enum action_kind kind, struct error *err)
{
    struct action action = work_continue(w, w->spec.storage_namespace, kind);
    const char *why = w->r->forced ? "a new attempt was requested" : "chart, values or specification changed while it was under way";
    if (!action_abandon(&action, why, err))
        return false;
    w->latest = action.release;
    log_info("action abandoned", LOG_S("action", action_word(kind)), LOG_S("reason", why));
    history_put(w->r->arena, w->r->status, snapshot_of(w->r->arena, &w->latest, action_word(kind), NULL));
    return true;
}

static bool unlock(struct work *w, struct error *err)
{
    struct reconcile *r = w->r;
    const char *status = arena_strdup(r->arena, release_status(&w->latest));
    w->latest.progress = (struct release_progress){0};
    release_set_status(&w->latest, RELEASE_FAILED, arena_printf(r->arena, "Release unlocked from stale '%s' state", status));
    if (!release_update(r->kube, r->arena, w->spec.storage_namespace, &w->latest, err))
        return false;
    report_unlocked(w, status);
    struct value known = history_latest(r->status);
    if (value_int_or(value_get(known, "version"), 0) == release_version(&w->latest))
        history_put(r->arena, r->status,
                    snapshot_of(r->arena, &w->latest, value_str(value_get(known, "action")), value_str(value_get(known, "ociDigest"))));
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
        *result = result_wait(w->r, POLL_LEAST_MS, NULL, "Progressing", "%s", message);
        return false;
    case BEGIN_REFUSED:
        message = report_refused(w, kind, error_text(&err), true);
        error_clear(&err);
        error_set(&err, ERROR_INVALID, "%s", message);
        *result = result_failed(w->r, kind == ACTION_INSTALL ? "InstallFailed" : "UpgradeFailed", &err);
        return false;
    default:
        *result = w->chart ? result_failed(w->r, "ReconcileError", &err) : artifact_failed(w, &err);
        return false;
    }
}

// ---- deciding -----------------------------------------------------------------------------------------------------------------
// Whether the newest revision is what is wanted. The digest beside it answers most of the time, without fetching the chart.
static bool is_in_sync(struct work *w, bool *answer, struct error *err)
{
    struct reconcile *r = w->r;
    struct value latest = history_latest(r->status);
    *answer = false;
    if (value_is_null(w->latest.document) || value_is_null(latest))
        return true;
    bool wanted = str_eq(w->latest.progress.digest, w->digest) && str_eq(w->latest.progress.holder, kube_uid(r->object));
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
              (same_generation || str_eq(str_or(common, NULL), common_metadata_digest(w)));
    return true;
}

static struct result after_remediation(struct work *w)
{
    struct decide_facts facts = facts_of(w);
    int64_t failures;
    const struct remediation *active = decide_active(&facts, &w->spec, &failures);
    bool reinstalls = active == &w->spec.upgrade && active->uninstall;
    if (active && !active->retry && remediation_exhausted(active, failures) && !reinstalls)
        return exhausted(w);
    return try_again(w);
}

static struct result roll_back(struct work *w, bool *upgrade)
{
    struct error err cleanup(error_clear) = {0};
    struct action action;
    struct result result;
    bool missing, corrupt;
    *upgrade = false;
    history_truncate(w->r->arena, w->r->status);
    if (work_begin_rollback(w, &action, &missing, &corrupt, &err))
        return step(w, &action, &result) ? after_remediation(w) : result;
    if (missing)
        return stalled(w, "MissingRollbackTarget",
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
    history_truncate(w->r->arena, w->r->status);
    if (!work_begin_uninstall(w, w->spec.storage_namespace, &action, &err))
        return result_failed(w->r, "ReconcileError", &err);
    return step(w, &action, &result) ? after_remediation(w) : result;
}

static bool read_latest(struct work *w, struct error *err)
{
    return work_read_latest(w, w->spec.storage_namespace, w->spec.release_name, err);
}

// One action after the other, until one has to be waited for, or nothing is left to do.
static struct result drive(struct work *w)
{
    struct error err cleanup(error_clear) = {0};
    struct result result;
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        const char *reason;
        bool forget, upgrade = false;
        struct decide_facts facts = facts_of(w);
        if (str_eq(facts.status, RELEASE_DEPLOYED) && !is_in_sync(w, &facts.in_sync, &err))
            return artifact_failed(w, &err);
        enum decision decision = decide(&facts, &w->spec, &reason, &forget);
        if (forget)
            history_clear(w->r->status);
        log_debug(reason);
        switch (decision) {
        case DECIDE_DONE:
            return in_sync(w);
        case DECIDE_EXHAUSTED:
            return exhausted(w);
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
        case DECIDE_INSTALL:
        case DECIDE_UPGRADE:
            break;
        }
        // One attempt in one reconcile: what failed is not tried again at once.
        if (w->attempted)
            return try_again(w);
        log_info(reason);
        if (!release(w, decision == DECIDE_INSTALL ? ACTION_INSTALL : ACTION_UPGRADE, &result))
            return result;
    }
    return try_again(w);
}

// ---- prerequisites --------------------------------------------------------------------------------------------------------------
static struct result denied(struct work *w, struct error *err)
{
    return result_stalled(w->r, "AccessDenied", "%s", error_text(err));
}

static const char *first_unready(struct work *w)
{
    struct reconcile *r = w->r;
    struct value list = value_get(r->spec, "dependsOn");
    for (size_t i = 0; i < value_len(list); i++) {
        struct error err cleanup(error_clear) = {0};
        struct value ref = value_at(list, i), object;
        const char *namespace = value_str_or(value_get(ref, "namespace"), r->namespace), *name = value_str_or(value_get(ref, "name"), "");
        if (!reconcile_get(r, (struct kube_ref){HELM_API, "HelmRelease", namespace, name}, &object, &err))
            return arena_printf(r->arena, "unable to get '%s/%s' dependency: %s", namespace, name, error_text(&err));
        if (kube_generation(object) != value_int_or(value_path(object, "status.observedGeneration"), 0) || !condition_is_true(object, "Ready"))
            return arena_printf(r->arena, "dependency '%s/%s' is not ready", namespace, name);
    }
    return NULL;
}

// Source and values: what is wanted. False: *result says why it is not known yet.
static bool know(struct work *w, struct result *result)
{
    struct reconcile *r = w->r;
    struct error err cleanup(error_clear) = {0};
    const char *unready = first_unready(w);
    if (unready) {
        if (!str_eq(words(ready_of(w), "message", ""), unready))
            reconcile_event(r, "Normal", "DependencyNotReady", VALUE_NULL, "%s", unready);
        *result = wait_for(w, "DependencyNotReady", unready);
        return false;
    }
    switch (source_find(r, &w->source, &err)) {
    case SOURCE_READY:
        break;
    case SOURCE_NOT_READY:
        *result = wait_for(w, "SourceNotReady", error_text(&err));
        return false;
    case SOURCE_DENIED:
        *result = denied(w, &err);
        return false;
    case SOURCE_ERROR:
        *result = result_failed(r, "ArtifactFailed", &err);
        return false;
    }
    if (!values_compose(r, &w->values, &err)) {
        *result = result_failed(r, "ValuesError", &err);
        return false;
    }
    w->config_digest = values_digest(r->arena, w->values);
    const char *all = arena_printf(r->arena, "%s\n%s\n%s\n%s", w->source.digest, w->source.revision, w->config_digest,
                                   str_or(common_metadata_digest(w), ""));
    w->digest = sha256_digest(r->arena, all, strlen(all));
    w->oci_digest = source_oci_digest(r->arena, &w->source);
    w->known = true;
    return true;
}

// The chart's version is in the HelmChart's artifact; for others the chart itself has to say it.
static bool know_version(struct work *w, struct error *err)
{
    if (str_eq(w->source.kind, "HelmChart") && !str_empty(w->source.revision)) {
        w->version = w->source.revision;
        return true;
    }
    const char *last = value_str(value_get(w->r->status, "lastAttemptedRevision"));
    if (last && str_eq(w->latest.progress.digest, w->digest)) {
        w->version = last;
        return true;
    }
    return work_load_chart(w, err);
}

static void note_attempt(struct work *w)
{
    struct reconcile *r = w->r;
    struct value s = r->status;
    bool changed = value_int_or(value_get(s, "lastAttemptedGeneration"), 0) != kube_generation(r->object) ||
                   !str_eq(value_str_or(value_get(s, "lastAttemptedRevision"), ""), w->version) ||
                   !str_eq(value_str(value_get(s, "lastAttemptedConfigDigest")), w->config_digest);
    if (changed || r->reset)
        clear_failures(s);
    value_set(s, "lastAttemptedGeneration", value_int(kube_generation(r->object)));
    value_set_str(s, "lastAttemptedRevision", w->version);
    value_set_str(s, "lastAttemptedConfigDigest", w->config_digest);
    if (*w->oci_digest)
        value_set_str(s, "lastAttemptedRevisionDigest", w->oci_digest);
    else
        value_unset(s, "lastAttemptedRevisionDigest");
    value_unset(s, "lastAttemptedValuesChecksum");
    value_unset(s, "lastReleaseRevision");
}

// ---- taking down ------------------------------------------------------------------------------------------------------------------
enum down { DOWN_DONE, DOWN_RESULT };

// Uninstalls the release that the status knows. DOWN_RESULT: *result is what the reconcile ends with.
static enum down take_down(struct work *w, struct result *result)
{
    struct reconcile *r = w->r;
    struct error err cleanup(error_clear) = {0};
    const char *storage = value_str(value_get(r->status, "storageNamespace"));
    struct value known = history_latest(r->status);
    const char *name = value_str_or(value_get(known, "name"), w->spec.release_name);
    struct action action;
    enum action_kind kind;
    if (str_empty(storage))
        return DOWN_DONE;
    if (!work_read_latest(w, storage, name, &err)) {
        *result = result_failed(r, "UninstallFailed", &err);
        return DOWN_RESULT;
    }
    // Without a history it is ours only where the record itself says so.
    bool ours = !value_is_null(known) || str_eq(w->latest.progress.holder, kube_uid(r->object));
    if (value_is_null(w->latest.document) || str_eq(release_status(&w->latest), RELEASE_UNINSTALLED) || !ours)
        return DOWN_DONE;
    if (work_under_way(w, &kind) && kind == ACTION_UNINSTALL) {
        action = work_continue(w, storage, kind);
    } else if (!work_begin_uninstall(w, storage, &action, &err)) {
        *result = result_failed(r, "UninstallFailed", &err);
        return DOWN_RESULT;
    }
    enum action_state state = action_step(&action, &err);
    w->latest = action.release;
    if (state == ACTION_ERROR) {
        *result = result_failed(r, "UninstallFailed", &err);
        return DOWN_RESULT;
    }
    if (state == ACTION_RUNNING) {
        *result = running(w, &action, false);
        return DOWN_RESULT;
    }
    report_end(w, ACTION_UNINSTALL, state == ACTION_FAILED ? str_or(action.message, "failed") : NULL, false);
    if (state == ACTION_DONE)
        return DOWN_DONE;
    error_set(&err, ERROR_INVALID, "%s", words(condition_get(r->status, "Released"), "message", "uninstall failed"));
    *result = result_failed(r, "UninstallFailed", &err);
    return DOWN_RESULT;
}

static struct result finalize(struct work *w)
{
    struct reconcile *r = w->r;
    struct error err cleanup(error_clear) = {0};
    struct result result;
    if (value_true(value_get(r->spec, "suspend"))) // what is suspended is left as it is
        return result_finalized(r);
    if (take_down(w, &result) != DOWN_DONE)
        return result;
    if (!source_delete_chart(r, &err) && err.class != ERROR_DENIED)
        return result_failed(r, "UninstallFailed", &err);
    return result_finalized(r);
}

// Whether the release that the status knows is another one than the spec now names.
static bool target_changed(struct work *w, const char **what)
{
    struct reconcile *r = w->r;
    struct value known = history_latest(r->status);
    const char *storage = value_str(value_get(r->status, "storageNamespace"));
    if (str_empty(storage) || value_is_null(known))
        return false;
    *what = !str_eq(storage, w->spec.storage_namespace)                                           ? "storage namespace"
            : !str_eq(value_str(value_get(known, "namespace")), w->spec.release_namespace)        ? "release namespace"
            : !str_eq(value_str(value_get(known, "name")), w->spec.release_name)                  ? "release name"
            : w->chart && !str_eq(value_str(value_get(known, "chartName")), chart_name(w->chart)) &&
                    !str_eq(value_str(value_path(r->spec, "upgrade.chartNameChangeStrategy")), "InPlaceUpdate")
                ? "chart name"
                : NULL;
    return *what != NULL;
}

static bool leave_target(struct work *w, const char *what, struct result *result)
{
    log_info("release target configuration changed: running uninstall for current release", LOG_S("changed", what));
    if (take_down(w, result) != DOWN_DONE)
        return false;
    history_clear(w->r->status);
    clear_failures(w->r->status);
    value_unset(w->r->status, "storageNamespace");
    value_unset(w->r->status, "inventory");
    return true;
}

// ---- the whole ----------------------------------------------------------------------------------------------------------------------
static struct result go_on(struct work *w, enum action_kind kind)
{
    struct error err cleanup(error_clear) = {0};
    struct result result;
    // An uninstall goes on to its end; anything else is worth it only while it is what is wanted.
    bool stale = w->known && kind != ACTION_UNINSTALL && (!str_eq(w->latest.progress.digest, w->digest) || w->r->forced);
    if (stale) {
        if (!abandon(w, kind, &err))
            return result_failed(w->r, "ReconcileError", &err);
        return drive(w);
    }
    struct action action = work_continue(w, w->spec.storage_namespace, kind);
    if (!step(w, &action, &result))
        return result;
    if (kind == ACTION_ROLLBACK || kind == ACTION_UNINSTALL)
        return after_remediation(w);
    return w->known ? drive(w) : try_again(w);
}

static struct result reconcile_helm_release(struct reconcile *r)
{
    const struct helm_app *own = app_data(r->app);
    struct error err cleanup(error_clear) = {0};
    struct work w = {.r = r, .spec = spec_read(r->arena, r->object), .http = own->http, .oci_digest = ""};
    struct result result;
    const char *what = NULL;
    enum action_kind kind;
    if (r->deleting)
        return finalize(&w);
    if (!source_apply_chart(r, &err))
        return err.class == ERROR_DENIED && !err.code ? denied(&w, &err) : result_failed(r, "HelmChartSyncErr", &err);
    if (target_changed(&w, &what) && !leave_target(&w, what, &result))
        return result;
    if (!read_latest(&w, &err))
        return result_failed(r, "StateError", &err);
    bool busy = work_under_way(&w, &kind), known = know(&w, &result);
    if (!known && !busy)
        return result;
    if (known && !know_version(&w, &err)) {
        if (!busy)
            return artifact_failed(&w, &err);
        error_clear(&err);
        w.known = known = false;
    }
    if (known && !busy && !value_is_null(history_latest(r->status)) && !str_eq(w.latest.progress.digest, w.digest)) {
        // Only a loaded chart tells its name.
        if (!work_load_chart(&w, &err))
            return artifact_failed(&w, &err);
        if (target_changed(&w, &what) && (!leave_target(&w, what, &result) || (!read_latest(&w, &err) && (result = result_failed(r, "StateError", &err), true))))
            return result;
    }
    if (known) {
        value_set_str(r->status, "storageNamespace", w.spec.storage_namespace);
        note_attempt(&w);
    }
    if (busy)
        return go_on(&w, kind);
    if (work_unrecorded(&w, &kind) && !record(&w, kind, &err))
        return result_failed(r, "StateError", &err);
    return drive(&w);
}

// ---- the table ------------------------------------------------------------------------------------------------------------------------
static const struct controller_map maps[] = {
    {.api_version = SOURCE_API, .kind = "HelmChart", .map = source_map, .bus_kind = "HelmChart"},
    {.api_version = SOURCE_API, .kind = "OCIRepository", .map = source_map, .optional = true, .bus_kind = "OCIRepository"},
    {.api_version = SOURCE_API, .kind = "ExternalArtifact", .map = source_map, .optional = true, .bus_kind = "ExternalArtifact"},
    {.api_version = "v1", .kind = "ConfigMap", .label_selector = "reconcile.fluxcd.io/watch=Enabled", .metadata_only = true, .map = values_map},
    {.api_version = "v1", .kind = "Secret", .label_selector = "reconcile.fluxcd.io/watch=Enabled", .metadata_only = true, .map = values_map},
};

static bool chart_or_ref(struct value self)
{
    return value_is_null(value_get(self, "chart")) != value_is_null(value_get(self, "chartRef"));
}

static bool no_interval_without_retry(struct value self)
{
    return value_is_null(value_get(self, "retryInterval")) || !str_eq(value_str(value_get(self, "name")), "RemediateOnFailure");
}

static bool interval_with_retry(struct value self)
{
    return value_is_null(value_get(self, "retryInterval")) || str_eq(value_str(value_get(self, "name")), "RetryOnFailure");
}

static bool kube_config_some(struct value self)
{
    return !value_is_null(value_get(self, "configMapRef")) || !value_is_null(value_get(self, "secretRef"));
}

static bool kube_config_one(struct value self)
{
    return value_is_null(value_get(self, "configMapRef")) || value_is_null(value_get(self, "secretRef"));
}

static const struct schema_rule rules[] = {
    {"(has(self.chart) && !has(self.chartRef)) || (!has(self.chart) && has(self.chartRef))", chart_or_ref},
    {"!has(self.retryInterval) || self.name != 'RemediateOnFailure'", no_interval_without_retry},
    {"!has(self.retryInterval) || self.name == 'RetryOnFailure'", interval_with_retry},
    {"has(self.configMapRef) || has(self.secretRef)", kube_config_some},
    {"!has(self.configMapRef) || !has(self.secretRef)", kube_config_one},
};

#define NO_TESTS "says something about tests only, and test.enable is refused"
#define NO_CLIENT_VALIDATION "nothing is validated on the client's side; the API server validates what is applied"
static const struct field fields[] = {
    {"chart.metadata", FIELD_WORKS, NULL, NULL},
    {"chart.spec.chart", FIELD_WORKS, NULL, NULL},
    {"chart.spec.ignoreMissingValuesFiles", FIELD_WORKS, NULL, NULL},
    {"chart.spec.interval", FIELD_WORKS, NULL, NULL},
    {"chart.spec.reconcileStrategy", FIELD_WORKS, NULL, NULL},
    {"chart.spec.sourceRef", FIELD_WORKS, NULL, NULL},
    {"chart.spec.valuesFiles", FIELD_WORKS, NULL, NULL},
    {"chart.spec.verify", FIELD_REFUSED, NULL, NULL},
    {"chart.spec.version", FIELD_WORKS, NULL, NULL},
    {"chartRef", FIELD_WORKS, NULL, NULL},
    {"commonMetadata", FIELD_WORKS, NULL, NULL},
    {"dependsOn.name", FIELD_WORKS, NULL, NULL},
    {"dependsOn.namespace", FIELD_WORKS, NULL, NULL},
    {"dependsOn.readyExpr", FIELD_REFUSED, NULL, NULL},
    {"driftDetection.ignore", FIELD_REFUSED, NULL, NULL},
    {"driftDetection.mode", FIELD_REFUSED, "\"disabled\"", NULL},
    {"healthCheckExprs", FIELD_REFUSED, NULL, NULL},
    {"install.crds", FIELD_WORKS, NULL, NULL},
    {"install.createNamespace", FIELD_WORKS, NULL, NULL},
    {"install.disableHooks", FIELD_WORKS, NULL, NULL},
    {"install.disableOpenAPIValidation", FIELD_WORKS, NULL, NO_CLIENT_VALIDATION},
    {"install.disableSchemaValidation", FIELD_WORKS, NULL, NULL},
    {"install.disableTakeOwnership", FIELD_WORKS, NULL, NULL},
    {"install.disableWait", FIELD_WORKS, NULL, NULL},
    {"install.disableWaitForJobs", FIELD_WORKS, NULL, NULL},
    {"install.remediation.ignoreTestFailures", FIELD_WORKS, NULL, NO_TESTS},
    {"install.remediation.remediateLastFailure", FIELD_WORKS, NULL, NULL},
    {"install.remediation.retries", FIELD_WORKS, NULL, NULL},
    {"install.replace", FIELD_WORKS, NULL, NULL},
    {"install.serverSideApply", FIELD_REFUSED, "true", "server-side apply is the only way to write; false is refused"},
    {"install.skipCRDs", FIELD_REFUSED, NULL, "Flux says to use install.crds"},
    {"install.strategy", FIELD_WORKS, NULL, NULL},
    {"install.timeout", FIELD_WORKS, NULL, NULL},
    {"interval", FIELD_WORKS, NULL, NULL},
    {"kubeConfig", FIELD_REFUSED, NULL, NULL},
    {"maxHistory", FIELD_WORKS, NULL, NULL},
    {"persistentClient", FIELD_WORKS, NULL, "the client knows when to ask discovery again"},
    {"postRenderStrategy", FIELD_REFUSED, NULL, NULL},
    {"postRenderers", FIELD_REFUSED, NULL, NULL},
    {"releaseName", FIELD_WORKS, NULL, NULL},
    {"rollback.cleanupOnFail", FIELD_REFUSED, NULL, NULL},
    {"rollback.disableHooks", FIELD_WORKS, NULL, NULL},
    {"rollback.disableWait", FIELD_WORKS, NULL, NULL},
    {"rollback.disableWaitForJobs", FIELD_WORKS, NULL, NULL},
    {"rollback.force", FIELD_REFUSED, NULL, NULL},
    {"rollback.recreate", FIELD_REFUSED, NULL, "without effect in Flux 2.9 too"},
    {"rollback.serverSideApply", FIELD_REFUSED, "\"enabled\"", "enabled; others are refused"},
    {"rollback.timeout", FIELD_WORKS, NULL, NULL},
    {"serviceAccountName", FIELD_REFUSED, NULL, NULL},
    {"storageNamespace", FIELD_WORKS, NULL, NULL},
    {"suspend", FIELD_WORKS, NULL, NULL},
    {"targetNamespace", FIELD_WORKS, NULL, NULL},
    {"test.enable", FIELD_REFUSED, NULL, NULL},
    {"test.filters", FIELD_WORKS, NULL, NO_TESTS},
    {"test.ignoreFailures", FIELD_WORKS, NULL, NO_TESTS},
    {"test.timeout", FIELD_WORKS, NULL, NO_TESTS},
    {"timeout", FIELD_WORKS, NULL, NULL},
    {"uninstall.deletionPropagation", FIELD_WORKS, NULL, NULL},
    {"uninstall.disableHooks", FIELD_WORKS, NULL, NULL},
    {"uninstall.disableWait", FIELD_WORKS, NULL, NULL},
    {"uninstall.keepHistory", FIELD_WORKS, NULL, NULL},
    {"uninstall.timeout", FIELD_WORKS, NULL, NULL},
    {"upgrade.chartNameChangeStrategy", FIELD_WORKS, NULL, NULL},
    {"upgrade.cleanupOnFail", FIELD_REFUSED, NULL, NULL},
    {"upgrade.crds", FIELD_WORKS, NULL, NULL},
    {"upgrade.disableHooks", FIELD_WORKS, NULL, NULL},
    {"upgrade.disableOpenAPIValidation", FIELD_WORKS, NULL, NO_CLIENT_VALIDATION},
    {"upgrade.disableSchemaValidation", FIELD_WORKS, NULL, NULL},
    {"upgrade.disableTakeOwnership", FIELD_WORKS, NULL, NULL},
    {"upgrade.disableWait", FIELD_WORKS, NULL, NULL},
    {"upgrade.disableWaitForJobs", FIELD_WORKS, NULL, NULL},
    {"upgrade.force", FIELD_REFUSED, NULL, NULL},
    {"upgrade.preserveValues", FIELD_REFUSED, NULL, NULL},
    {"upgrade.remediation.ignoreTestFailures", FIELD_WORKS, NULL, NO_TESTS},
    {"upgrade.remediation.remediateLastFailure", FIELD_WORKS, NULL, NULL},
    {"upgrade.remediation.retries", FIELD_WORKS, NULL, NULL},
    {"upgrade.remediation.strategy", FIELD_WORKS, NULL, NULL},
    {"upgrade.serverSideApply", FIELD_REFUSED, "\"enabled\"", "enabled; others are refused"},
    {"upgrade.strategy", FIELD_WORKS, NULL, NULL},
    {"upgrade.timeout", FIELD_WORKS, NULL, NULL},
    {"values", FIELD_WORKS, NULL, NULL},
    {"valuesFrom", FIELD_WORKS, NULL, NULL},
    {"waitStrategy.name", FIELD_REFUSED, "\"poller\"", "poller; legacy is refused"},
};

const struct controller_kind helm_release_kind = {
    .api_version = HELM_API,
    .kind = "HelmRelease",
    .reconcile = reconcile_helm_release,
    .maps = maps,
    .map_count = ARRAY_LEN(maps),
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .schema = &schema_HelmRelease,
    .rules = rules,
    .rule_count = ARRAY_LEN(rules),
};
