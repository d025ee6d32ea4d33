// work_know.c - what is wanted: dependencies, source, values, and the digest of all that.
#include "work.h"

#include "digest/digest.h"
#include "values.h"

// ---- the status and the spec --------------------------------------------------------------------
struct value work_ready(struct work *w)
{
    return condition_get(w->r->status, "Ready");
}

const char *work_common_digest(struct work *w)
{
    struct value common = value_get(w->r->spec, "commonMetadata");
    struct buf text = BUF_IN(w->r->arena);
    if (!value_is(common, V_DICT))
        return NULL;
    json_write(&text, common, JSON_HTML);
    buf_char(&text, '\n');
    return sha256_digest(w->r->arena, text.data, text.len); // as Flux makes it
}

void work_clear_failures(struct value status)
{
    static const char *const counters[] = {"failures", "installFailures", "upgradeFailures"};
    for (size_t i = 0; i < ARRAY_LEN(counters); i++)
        value_unset(status, counters[i]);
}

int64_t work_counter(struct work *w, const char *name)
{
    return value_int_or(value_get(w->r->status, name), 0);
}

struct decide_facts work_facts(struct work *w)
{
    struct value latest = history_latest(w->r->status);
    bool absent = value_is_null(w->latest.document);
    struct decide_facts facts = {
        .status = absent ? NULL : release_status(&w->latest),
        .has_history = !value_is_null(latest),
        .observed = !absent && !value_is_null(latest) && snapshot_matches(w->r->arena, latest, &w->latest),
        .forced = w->r->forced && !w->attempted,
        .last_action = value_str_or(value_get(w->r->status, "lastAttemptedReleaseAction"), ""),
        .install_failures = work_counter(w, "installFailures"),
        .upgrade_failures = work_counter(w, "upgradeFailures"),
        .untested = w->spec.test && !snapshot_tested(latest),
    };
    int64_t failures;
    const struct remediation *active = decide_active(&facts, &w->spec, &failures);
    facts.tests_failed = w->spec.test && active && !active->ignore_tests && snapshot_tests_failed(latest);
    return facts;
}

// ---- prerequisites ------------------------------------------------------------------------------
// The first dependency that is not ready, in words; NULL: all are.
static const char *first_unready(struct work *w)
{
    struct reconcile *r = w->r;
    struct value list = value_get(r->spec, "dependsOn");
    for (size_t i = 0; i < value_len(list); i++) {
        struct error err cleanup(error_clear) = {0};
        struct value ref = value_at(list, i), object;
        const char *namespace = value_str_or(value_get(ref, "namespace"), r->namespace),
                   *name = value_str_or(value_get(ref, "name"), "");
        if (!reconcile_get(r, (struct kube_ref){HELM_API, "HelmRelease", namespace, name}, &object, &err))
            return arena_printf(r->arena, "unable to get '%s/%s' dependency: %s", namespace, name, error_text(&err));
        if (kube_generation(object) != value_int_or(value_path(object, "status.observedGeneration"), 0) ||
            !condition_is_true(object, "Ready"))
            return arena_printf(r->arena, "dependency '%s/%s' is not ready", namespace, name);
    }
    return NULL;
}

// Source and values: what is wanted. False: *result says why it is not known yet.
bool work_know(struct work *w, struct result *result)
{
    struct reconcile *r = w->r;
    struct error err cleanup(error_clear) = {0};
    const char *unready = first_unready(w);
    if (unready) {
        if (!str_eq(condition_word(work_ready(w), "message", ""), unready))
            reconcile_event(r, "Normal", "DependencyNotReady", VALUE_NULL, "%s", unready);
        *result = result_later(w, "DependencyNotReady", unready);
        return false;
    }
    switch (source_find(r, &w->source, &err)) {
    case SOURCE_READY:
        break;
    case SOURCE_NOT_READY:
        *result = result_later(w, "SourceNotReady", error_text(&err));
        return false;
    case SOURCE_DENIED:
        *result = result_denied(w, &err);
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
                                   str_or(work_common_digest(w), ""));
    w->digest = sha256_digest(r->arena, all, strlen(all));
    w->oci_digest = source_oci_digest(r->arena, &w->source);
    w->known = true;
    return true;
}

// The chart's version is in the HelmChart's artifact; for others the chart itself has to say it.
bool work_know_version(struct work *w, struct error *err)
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

void work_note_attempt(struct work *w)
{
    struct reconcile *r = w->r;
    struct value s = r->status;
    bool changed = value_int_or(value_get(s, "lastAttemptedGeneration"), 0) != kube_generation(r->object) ||
                   !str_eq(value_str_or(value_get(s, "lastAttemptedRevision"), ""), w->version) ||
                   !str_eq(value_str(value_get(s, "lastAttemptedConfigDigest")), w->config_digest);
    if (changed || r->reset)
        work_clear_failures(s);
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
