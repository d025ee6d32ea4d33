// work_end.c - the end of a release: the HelmRelease is deleted, or names another release than it did.
#include "work.h"

enum down { DOWN_DONE, DOWN_RESULT };

// Uninstalls the release that the status knows. DOWN_RESULT: *result is what the reconcile ends with.
static enum down take_down(struct work *w, struct result *result)
{
    struct reconcile *r = w->r;
    struct error err cleanup(error_clear) = {0};
    const char *storage = value_str_or(value_get(r->status, "storageNamespace"), w->spec.storage_namespace);
    struct value known = history_latest(r->status);
    const char *name = value_str_or(value_get(known, "name"), w->spec.release_name);
    struct action action;
    enum action_kind kind;
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
        *result = result_running(w, &action, false);
        return DOWN_RESULT;
    }
    report_end(w, ACTION_UNINSTALL, state == ACTION_FAILED ? str_or(action.message, "failed") : NULL, false);
    if (state == ACTION_DONE)
        return DOWN_DONE;
    error_set(&err, ERROR_INVALID, "%s",
              condition_word(condition_get(r->status, "Released"), "message", "uninstall failed"));
    *result = result_failed(r, "UninstallFailed", &err);
    return DOWN_RESULT;
}

struct result work_finalize(struct work *w)
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
    *what = !str_eq(storage, w->spec.storage_namespace)                                    ? "storage namespace"
            : !str_eq(value_str(value_get(known, "namespace")), w->spec.release_namespace) ? "release namespace"
            : !str_eq(value_str(value_get(known, "name")), w->spec.release_name)           ? "release name"
            : w->chart && !str_eq(value_str(value_get(known, "chartName")), chart_name(w->chart)) &&
                    !str_eq(value_str(value_path(r->spec, "upgrade.chartNameChangeStrategy")), "InPlaceUpdate")
                ? "chart name"
                : NULL;
    return *what != NULL;
}

bool work_settle_target(struct work *w, struct result *result)
{
    struct error err cleanup(error_clear) = {0};
    const char *what = NULL;
    if (!target_changed(w, &what))
        return true;
    log_info("release target configuration changed: running uninstall for current release", LOG_S("changed", what));
    if (take_down(w, result) != DOWN_DONE)
        return false;
    history_clear(w->r->status);
    work_clear_failures(w->r->status);
    value_unset(w->r->status, "storageNamespace");
    value_unset(w->r->status, "inventory");
    if (work_read(w, &err))
        return true;
    *result = result_failed(w->r, "StateError", &err);
    return false;
}
