// report.c - outcomes of actions: conditions, failure counters, history, events, in Flux's words.
#include "work.h"

#include <ctype.h>

// What an action is called in conditions and events.
static const struct {
    const char *condition, *succeeded, *failed;
} WORDS[] = {
    [ACTION_INSTALL] = {"Released", "InstallSucceeded", "InstallFailed"},
    [ACTION_UPGRADE] = {"Released", "UpgradeSucceeded", "UpgradeFailed"},
    [ACTION_ROLLBACK] = {"Remediated", "RollbackSucceeded", "RollbackFailed"},
    [ACTION_TEST] = {"TestSuccess", "TestSucceeded", "TestFailed"},
    [ACTION_UNINSTALL] = {"Remediated", "UninstallSucceeded", "UninstallFailed"},
};

static bool is_release(enum action_kind kind)
{
    return kind == ACTION_INSTALL || kind == ACTION_UPGRADE;
}

static void increment(struct value status, const char *counter)
{
    value_set(status, counter, value_int(value_int_or(value_get(status, counter), 0) + 1));
}

static const struct remediation *remediation_of(struct work *w, enum action_kind kind)
{
    return kind == ACTION_INSTALL ? &w->spec.install : &w->spec.upgrade;
}

// ---- events -------------------------------------------------------------------------------------
static struct value metadata_of(struct work *w, struct value snapshot)
{
    struct value m = value_dict(w->r->arena);
    value_set_str(m, "revision", value_str_or(value_get(snapshot, "chartVersion"), NULL));
    value_set_str(m, "token", value_str_or(value_get(snapshot, "configDigest"), NULL));
    value_set_str(m, "app-version", value_str_or(value_get(snapshot, "appVersion"), NULL));
    value_set_str(m, "oci-digest", value_str_or(value_get(snapshot, "ociDigest"), NULL));
    return m;
}

// Of what was to be released, where no revision says it.
static struct value metadata_wanted(struct work *w)
{
    struct value s = value_dict(w->r->arena);
    value_set_str(s, "chartVersion", w->version);
    value_set_str(s, "configDigest", w->config_digest);
    value_set_str(s, "ociDigest", w->oci_digest);
    if (w->chart)
        value_set(s, "appVersion", value_get(w->chart->metadata, "appVersion"));
    return metadata_of(w, s);
}

static const char *trimmed(struct arena *a, const char *why)
{
    return slice_dup(a, slice_trim_space(slice_of(why)));
}

// ---- messages -----------------------------------------------------------------------------------
static const char *success_message(struct arena *a, enum action_kind kind, struct value snapshot, bool remediation)
{
    const char *release = snapshot_release_name(a, snapshot), *chart = snapshot_chart_name(a, snapshot);
    switch (kind) {
    case ACTION_ROLLBACK:
        return arena_printf(a, "Helm rollback to previous release %s with chart %s succeeded", release, chart);
    case ACTION_UNINSTALL:
        return remediation ? arena_printf(a, "Helm uninstall remediation for release %s with chart %s succeeded",
                                          release, chart)
                           : arena_printf(a, "Helm uninstall succeeded for release %s with chart %s", release, chart);
    default:
        return arena_printf(a, "Helm %s succeeded for release %s with chart %s", action_word(kind), release, chart);
    }
}

static const char *failure_message(struct arena *a, enum action_kind kind, struct value snapshot, bool remediation,
                                   const char *why)
{
    const char *release = snapshot_release_name(a, snapshot), *chart = snapshot_chart_name(a, snapshot);
    switch (kind) {
    case ACTION_ROLLBACK:
        return arena_printf(a, "Helm rollback to previous release %s with chart %s failed: %s", release, chart, why);
    case ACTION_UNINSTALL:
        return remediation
                   ? arena_printf(a, "Helm uninstall remediation for release %s with chart %s failed: %s", release,
                                  chart, why)
                   : arena_printf(a, "Helm uninstall failed for release %s with chart %s: %s", release, chart, why);
    default:
        return arena_printf(a, "Helm %s failed for release %s/%s with chart %s: %s", action_word(kind),
                            value_str_or(value_get(snapshot, "namespace"), ""),
                            value_str_or(value_get(snapshot, "name"), ""), chart, why);
    }
}

// ---- outcomes -----------------------------------------------------------------------------------
void report_begin(struct work *w, enum action_kind kind)
{
    struct value status = w->r->status;
    if (!is_release(kind))
        return;
    value_set_str(status, "lastAttemptedReleaseAction", action_word(kind));
    condition_remove(w->r, "Remediated");
    condition_remove(w->r, "TestSuccess");
    if (kind == ACTION_INSTALL && value_len(value_get(status, "history")))
        history_clear(status);
}

const char *report_refused(struct work *w, enum action_kind kind, const char *why, bool counts)
{
    struct arena *a = w->r->arena;
    const char *message = arena_printf(a, "Helm %s failed for release %s/%s with chart %s@%s: %s", action_word(kind),
                                       w->spec.release_namespace, w->spec.release_name,
                                       w->chart ? chart_name(w->chart) : "", str_or(w->version, ""), trimmed(a, why));
    report_begin(w, kind);
    if (counts)
        increment(w->r->status, "failures");
    condition_set(w->r, "Released", "False", WORDS[kind].failed, "%s", message);
    reconcile_event(w->r, "Warning", WORDS[kind].failed, metadata_wanted(w), "%s", message);
    return message;
}

static void note_duration(struct work *w)
{
    int64_t started_ms = w->latest.progress.started_ms, now_ms = clock_wall_us() / 1000;
    if (started_ms > 0 && started_ms <= now_ms)
        value_set_str(w->r->status, "lastAttemptedReleaseActionDuration",
                      duration_format(w->r->arena, (now_ms - started_ms) * 1000000));
}

static void end_failed(struct work *w, enum action_kind kind, struct value snapshot, const char *why, bool remediation)
{
    struct reconcile *r = w->r;
    const char *condition = kind == ACTION_UNINSTALL && !remediation ? "Released" : WORDS[kind].condition;
    const char *message = failure_message(r->arena, kind, snapshot, remediation, trimmed(r->arena, why));
    increment(r->status, "failures");
    if (is_release(kind))
        increment(r->status, kind == ACTION_INSTALL ? "installFailures" : "upgradeFailures");
    condition_set(r, condition, "False", WORDS[kind].failed, "%s", message);
    reconcile_event(r, "Warning", WORDS[kind].failed, metadata_of(w, snapshot), "%s", message);
}

static void end_succeeded(struct work *w, enum action_kind kind, struct value snapshot, bool remediation)
{
    struct reconcile *r = w->r;
    bool final = kind == ACTION_UNINSTALL && !remediation;
    const char *message = success_message(r->arena, kind, snapshot, remediation);
    // The end of a release leaves nothing that is released.
    condition_set(r, final ? "Released" : WORDS[kind].condition, final ? "False" : "True", WORDS[kind].succeeded, "%s",
                  message);
    if (is_release(kind) && remediation_of(w, kind)->retry)
        for (size_t i = 0; i < 3; i++)
            value_unset(r->status, (const char *[]){"failures", "installFailures", "upgradeFailures"}[i]);
    reconcile_event(r, "Normal", WORDS[kind].succeeded, metadata_of(w, snapshot), "%s", message);
    if (is_release(kind) && w->spec.test)
        condition_set(r, "TestSuccess", "Unknown", "AwaitingTests", "Helm release %s with chart %s is awaiting tests",
                      snapshot_release_name(r->arena, snapshot), snapshot_chart_name(r->arena, snapshot));
    if (is_release(kind))
        reconcile_announce(r, BUS_RELEASE, value_str(value_get(snapshot, "chartVersion")), NULL);
    if (kind == ACTION_UNINSTALL)
        value_unset(r->status, "inventory");
}

// The outcome of tests belongs to the revision that was tested, and counts for the action that made it.
static void end_tests(struct work *w, const char *why)
{
    struct reconcile *r = w->r;
    struct value known = history_latest(r->status);
    struct value snapshot = snapshot_of(r->arena, &w->latest, value_str(value_get(known, "action")),
                                        value_str(value_get(known, "ociDigest")));
    struct value tests = snapshot_tests(r->arena, &w->latest, value_path(r->spec, "test.filters"));
    const char *release = snapshot_release_name(r->arena, snapshot), *chart = snapshot_chart_name(r->arena, snapshot);
    bool of_install = str_eq(value_str(value_get(r->status, "lastAttemptedReleaseAction")), "install");
    enum action_kind kind = of_install ? ACTION_INSTALL : ACTION_UPGRADE;
    size_t count = value_len(tests);
    const char *ran =
        count ? arena_printf(r->arena, "%zu test hook%s completed successfully", count, count > 1 ? "s" : "")
              : "no test hooks";
    const char *message =
        arena_printf(r->arena, "Helm test %s for release %s with chart %s: %s", why ? "failed" : "succeeded", release,
                     chart, why ? trimmed(r->arena, why) : ran);
    value_set(snapshot, "testHooks", tests);
    history_put(r->arena, r->status, snapshot);
    condition_set(r, "TestSuccess", why ? "False" : "True", why ? "TestFailed" : "TestSucceeded", "%s", message);
    reconcile_event(r, why ? "Warning" : "Normal", why ? "TestFailed" : "TestSucceeded", metadata_of(w, snapshot), "%s",
                    message);
    if (!why)
        return;
    increment(r->status, "failures");
    if (snapshot_tested(snapshot) && !remediation_of(w, kind)->ignore_tests)
        increment(r->status, of_install ? "installFailures" : "upgradeFailures");
}

// The revision that a rollback went back to, with the values that could not be had as the event's token.
static struct value rollback_target(struct work *w, struct value fallback)
{
    struct reconcile *r = w->r;
    struct value target = history_previous(r->status, w->spec.upgrade.ignore_tests);
    struct value wanted = value_get(r->status, "lastAttemptedConfigDigest");
    struct value about = value_copy(r->arena, value_is_null(target) ? fallback : target);
    if (!value_is_null(wanted))
        value_set(about, "configDigest", wanted);
    return about;
}

void report_end(struct work *w, enum action_kind kind, const char *why, bool remediation)
{
    struct reconcile *r = w->r;
    if (kind == ACTION_TEST) {
        end_tests(w, why);
        return;
    }
    // A rollback brings back what was wanted before, an uninstall takes down what is there.
    const char *oci_digest =
        is_release(kind) ? value_str(value_get(r->status, "lastAttemptedRevisionDigest"))
        : kind == ACTION_ROLLBACK
            ? value_str(value_get(history_previous(r->status, w->spec.upgrade.ignore_tests), "ociDigest"))
            : value_str(value_get(history_latest(r->status), "ociDigest"));
    const char *word = kind == ACTION_UNINSTALL && remediation ? "uninstall-remediation" : action_word(kind);
    struct value snapshot = snapshot_of(r->arena, &w->latest, word, oci_digest), about = snapshot;
    report_begin(w, kind);
    if (is_release(kind))
        note_duration(w);
    if (kind == ACTION_ROLLBACK) // Flux names the revision that it went back to
        about = rollback_target(w, snapshot);
    if (why)
        end_failed(w, kind, about, why, remediation);
    else
        end_succeeded(w, kind, about, remediation);
    history_put(r->arena, r->status, snapshot);
    // Who only ever tries again has no use for the revision to roll back to, however far down it is.
    if (is_release(kind) && remediation_of(w, kind)->retry)
        history_limit(r->arena, r->status, HISTORY_KEPT);
}

bool report_superseded(struct work *w, struct error *err)
{
    struct reconcile *r = w->r;
    struct value list = value_get(r->status, "history");
    const char *name = release_name(&w->latest);
    for (size_t i = 1; i < value_len(list); i++) {
        struct value s = value_at(list, i);
        struct release old;
        if (!str_eq(value_str(value_get(s, "status")), RELEASE_DEPLOYED) ||
            !str_eq(value_str(value_get(s, "name")), name))
            continue;
        if (release_get(r->kube, r->arena, w->spec.storage_namespace, name,
                        (int)value_int_or(value_get(s, "version"), 0), &old, err))
            history_supersede(r->arena, r->status, &old);
        else if (err->class == ERROR_NOT_FOUND)
            error_clear(err);
        else
            return false;
    }
    return true;
}

void report_unlocked(struct work *w, const char *status)
{
    struct reconcile *r = w->r;
    struct value snapshot = snapshot_of(r->arena, &w->latest, NULL, NULL);
    const char *message =
        arena_printf(r->arena, "Unlocked Helm release %s with chart %s in %s state",
                     snapshot_release_name(r->arena, snapshot), snapshot_chart_name(r->arena, snapshot), status);
    condition_set(r, "Released", "False", "PendingRelease", "%s", message);
    reconcile_event(r, "Normal", "PendingRelease", metadata_of(w, snapshot), "%s", message);
}

void report_in_sync(struct work *w)
{
    struct reconcile *r = w->r;
    struct value released = condition_get(r->status, "Released"), latest = history_latest(r->status);
    const char *reason = value_str_or(value_get(released, "reason"), "");
    enum action_kind kind = str_eq(reason, "InstallFailed") ? ACTION_INSTALL : ACTION_UPGRADE;
    // After a rollback to what is wanted again, or a failure that was mended by another hand.
    if (condition_is_true(r->status, "Remediated") || !str_eq(value_str(value_get(released, "status")), "True")) {
        condition_remove(r, "Remediated");
        condition_set(r, "Released", "True", WORDS[kind].succeeded, "%s",
                      success_message(r->arena, kind, latest, false));
    }
    if (!w->spec.test)
        condition_remove(r, "TestSuccess");
    history_truncate(r->arena, r->status, w->spec.upgrade.ignore_tests);
}

struct value report_summary(struct work *w)
{
    static const char *const types[] = {"Remediated", "TestSuccess", "Released"};
    struct value best = VALUE_NULL;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct value c = condition_get(w->r->status, types[i]);
        bool counts = !str_eq(types[i], "TestSuccess") || (w->spec.test && !w->spec.ignore_tests);
        int64_t generation = value_int_or(value_get(c, "observedGeneration"), 0);
        if (!value_is_null(c) && counts &&
            (value_is_null(best) || generation > value_int_or(value_get(best, "observedGeneration"), 0)))
            best = c;
    }
    return best;
}

void report_ready(struct work *w)
{
    struct value summary = report_summary(w);
    const char *status = value_str_or(value_get(summary, "status"), "Unknown");
    if (value_is_null(summary))
        return;
    // That something had to be mended is no success.
    if (str_eq(value_str(value_get(summary, "type")), "Remediated"))
        status = "False";
    condition_set(w->r, "Ready", status, value_str_or(value_get(summary, "reason"), "Failed"), "%s",
                  value_str_or(value_get(summary, "message"), ""));
}
