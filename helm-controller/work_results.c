// work_results.c - what a reconcile of a HelmRelease can end with: Flux's reasons and messages, and when to look again.
#include "work.h"

#include <inttypes.h>

#define POLL_LEAST_MS                                                                                                  \
    300 // how soon what is under way is looked at again: a tenth of the time that it has taken so far,
#define POLL_MOST_MS 5000 // within these

const char *condition_word(struct value condition, const char *key, const char *fallback)
{
    return value_str_or(value_get(condition, key), fallback);
}

// What went wrong, as Ready says it already, or as the outcomes have it.
static struct value failure_of(struct work *w)
{
    struct value ready = work_ready(w);
    return str_eq(condition_word(ready, "status", ""), "False") ? ready : report_summary(w);
}

// The back-off is counted in the status, so that a restart does not shorten it.
static int64_t back_off(struct work *w, const struct remediation *active)
{
    int64_t wait = app_flag_ms(w->r->app, "min-retry-delay"), most = app_flag_ms(w->r->app, "max-retry-delay");
    if (active && active->retry)
        return active->retry_ms;
    for (int64_t n = work_counter(w, "failures"); n > 1 && wait < most; n--)
        wait *= 2;
    return wait < most ? wait : most;
}

struct result result_again(struct work *w)
{
    struct decide_facts facts = work_facts(w);
    int64_t failures;
    const struct remediation *active = decide_active(&facts, &w->spec, &failures);
    struct value failure = failure_of(w);
    const char *reason = condition_word(failure, "reason", "Failed"), *why = condition_word(failure, "message", "");
    int64_t wait = back_off(w, active);
    struct result result = result_wait(w->r, wait, "False", reason, "%s", why);
    if (active && active->retry)
        why = arena_printf(w->r->arena, "retrying after %s", duration_format(w->r->arena, wait * 1000000));
    condition_set(w->r, "Reconciling", "True", "ProgressingWithRetry", "%s", why);
    return result;
}

// Ready keeps saying what went wrong; Stalled says why that is the end of it.
struct result result_stuck(struct work *w, const char *reason, const char *message)
{
    struct value failure = failure_of(w);
    struct result result = result_stalled(w->r, reason, "%s", message);
    if (!value_is_null(failure))
        condition_set(w->r, "Ready", "False", condition_word(failure, "reason", reason), "%s",
                      condition_word(failure, "message", message));
    return result;
}

struct result result_exhausted(struct work *w)
{
    struct decide_facts facts = work_facts(w);
    int64_t failures;
    decide_active(&facts, &w->spec, &failures);
    return result_stuck(
        w, "RetriesExceeded",
        arena_printf(w->r->arena, "Failed to %s after %" PRId64 " attempt(s)", facts.last_action, failures));
}

struct result result_in_sync(struct work *w)
{
    const char *common = work_common_digest(w);
    report_in_sync(w);
    value_unset(w->r->status, "observedPostRenderersDigest");
    if (common)
        value_set_str(w->r->status, "observedCommonMetadataDigest", common);
    else
        value_unset(w->r->status, "observedCommonMetadataDigest");
    struct value summary = report_summary(w);
    struct result result = result_ready(w->r, condition_word(summary, "reason", "UpgradeSucceeded"), "%s",
                                        condition_word(summary, "message", ""));
    report_ready(w); // tests that failed, and that are not remediated, are no success
    return result;
}

struct result result_soon(struct work *w, const char *message)
{
    return result_wait(w->r, POLL_LEAST_MS, NULL, "Progressing", "%s", message);
}

struct result result_later(struct work *w, const char *reason, const char *message)
{
    return result_wait(w->r, app_flag_ms(w->r->app, "requeue-dependency"), "False", reason, "%s", message);
}

struct result result_no_artifact(struct work *w, struct error *err)
{
    if (err->code == 404)
        return result_later(
            w, "ArtifactFailed",
            arena_printf(w->r->arena, "Source not ready: artifact not found. Retrying in %s",
                         duration_format(w->r->arena, app_flag_ms(w->r->app, "requeue-dependency") * 1000000)));
    error_wrap(err, "Could not load chart");
    return result_failed(w->r, "ArtifactFailed", err);
}

struct result result_denied(struct work *w, struct error *err)
{
    return result_stalled(w->r, "AccessDenied", "%s", error_text(err));
}

// Beside a release: a remediation or a test does not touch Ready, which says how the release itself went.
struct result result_running(struct work *w, const struct action *action, bool beside)
{
    struct reconcile *r = w->r;
    int64_t elapsed = clock_wall_us() / 1000 - action->release.progress.started_ms, after = elapsed / 10;
    const char *message = arena_printf(r->arena, "Running '%s' action with timeout of %s", action_word(action->kind),
                                       duration_format(r->arena, action->options.timeout_ms * 1000000));
    struct value ready = work_ready(w);
    after = after < POLL_LEAST_MS ? POLL_LEAST_MS : after > POLL_MOST_MS ? POLL_MOST_MS : after;
    log_debug(message, LOG_S("waitingFor", action->message));
    if (!beside)
        return result_wait(r, after, NULL, "Progressing", "%s", message);
    struct result result =
        result_wait(r, after, condition_word(ready, "status", "False"), condition_word(ready, "reason", "Progressing"),
                    "%s", condition_word(ready, "message", message));
    condition_set(r, "Reconciling", "True", "Progressing", "%s", message);
    return result;
}
