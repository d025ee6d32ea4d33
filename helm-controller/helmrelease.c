// helmrelease.c - HelmRelease: the order of its steps, what it watches, its fields and rules. Nothing here waits.
#include "controller/schema.h"
#include "helm_app.h"
#include "values.h"
#include "work.h"

// Values that are refused of fields that work with others.
static const char *refused_value(struct reconcile *r)
{
    static const struct {
        const char *path, *json;
    } refused[] = {
        {"install.serverSideApply", "false"},
        {"rollback.serverSideApply", "\"disabled\""},
        {"upgrade.serverSideApply", "\"disabled\""},
        {"waitStrategy.name", "\"legacy\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (str_eq(json_text(r->arena, value_path(r->spec, refused[i].path)), refused[i].json))
            return arena_printf(r->arena, "spec.%s: %s is not supported by Runnel yet", refused[i].path,
                                refused[i].json);
    return NULL;
}

// A release of another chart than the one that is known is another release; only a loaded chart tells its name, and it
// is loaded only where something has changed.
static bool check_chart_name(struct work *w, struct result *result)
{
    struct error err cleanup(error_clear) = {0};
    if (value_is_null(history_latest(w->r->status)) || str_eq(w->latest.progress.digest, w->digest))
        return true;
    if (work_load_chart(w, &err))
        return work_settle_target(w, result);
    *result = result_no_artifact(w, &err);
    return false;
}

static struct result reconcile_helm_release(struct reconcile *r)
{
    const struct helm_app *own = app_data(r->app);
    struct error err cleanup(error_clear) = {0};
    struct work w = {.r = r, .spec = spec_read(r->arena, r->object), .http = own->http, .oci_digest = ""};
    struct result result;
    enum action_kind kind;
    if (r->deleting)
        return work_finalize(&w);
    const char *refused = refused_value(r);
    if (refused)
        return result_stalled(r, "UnsupportedField", "%s", refused);
    if (!source_apply_chart(r, &err))
        return err.class == ERROR_DENIED && !err.code ? result_denied(&w, &err)
                                                      : result_failed(r, "HelmChartSyncErr", &err);
    if (!work_settle_target(&w, &result))
        return result;
    if (!work_read(&w, &err))
        return result_failed(r, "StateError", &err);
    // An action that is under way goes on also while source or values cannot be read: all that it needs is in storage.
    bool busy = work_under_way(&w, &kind), known = work_know(&w, &result);
    if (known && !work_know_version(&w, &err)) {
        result = result_no_artifact(&w, &err);
        known = w.known = false;
    }
    if (!known && !busy)
        return result;
    if (!busy && !check_chart_name(&w, &result))
        return result;
    if (known) {
        value_set_str(r->status, "storageNamespace", w.spec.storage_namespace);
        work_note_attempt(&w);
    }
    if (busy)
        return work_go_on(&w, kind);
    if (work_unrecorded(&w, &kind) && !work_record(&w, kind, &err))
        return result_failed(r, "StateError", &err);
    return work_drive(&w);
}

// ---- the table ----------------------------------------------------------------------------------
static const struct controller_map maps[] = {
    {.api_version = SOURCE_API, .kind = "HelmChart", .map = source_map, .bus_kind = "HelmChart"},
    {.api_version = SOURCE_API,
     .kind = "OCIRepository",
     .map = source_map,
     .optional = true,
     .bus_kind = "OCIRepository"},
    {.api_version = SOURCE_API,
     .kind = "ExternalArtifact",
     .map = source_map,
     .optional = true,
     .bus_kind = "ExternalArtifact"},
    {.api_version = "v1",
     .kind = "ConfigMap",
     .label_selector = "reconcile.fluxcd.io/watch=Enabled",
     .metadata_only = true,
     .map = values_map},
    {.api_version = "v1",
     .kind = "Secret",
     .label_selector = "reconcile.fluxcd.io/watch=Enabled",
     .metadata_only = true,
     .map = values_map},
};

static bool chart_or_ref(struct value self)
{
    return value_is_null(value_get(self, "chart")) != value_is_null(value_get(self, "chartRef"));
}

static bool no_interval_without_retry(struct value self)
{
    return value_is_null(value_get(self, "retryInterval")) ||
           !str_eq(value_str(value_get(self, "name")), "RemediateOnFailure");
}

static bool interval_with_retry(struct value self)
{
    return value_is_null(value_get(self, "retryInterval")) ||
           str_eq(value_str(value_get(self, "name")), "RetryOnFailure");
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

#define ALWAYS_SERVER_SIDE "enabled and auto mean the same; disabled is refused"
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
    {"chartRef", FIELD_WORKS, NULL, "an ExternalArtifact needs no feature gate"},
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
    {"install.remediation.ignoreTestFailures", FIELD_WORKS, NULL, NULL},
    {"install.remediation.remediateLastFailure", FIELD_WORKS, NULL, NULL},
    {"install.remediation.retries", FIELD_WORKS, NULL, NULL},
    {"install.replace", FIELD_WORKS, NULL, NULL},
    {"install.serverSideApply", FIELD_WORKS, NULL, "true: false is refused"},
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
    {"rollback.serverSideApply", FIELD_WORKS, NULL, ALWAYS_SERVER_SIDE},
    {"rollback.timeout", FIELD_WORKS, NULL, NULL},
    {"serviceAccountName", FIELD_REFUSED, NULL, NULL},
    {"storageNamespace", FIELD_WORKS, NULL, NULL},
    {"suspend", FIELD_WORKS, NULL, NULL},
    {"targetNamespace", FIELD_WORKS, NULL, NULL},
    {"test.enable", FIELD_WORKS, NULL, NULL},
    {"test.filters", FIELD_WORKS, NULL, NULL},
    {"test.ignoreFailures", FIELD_WORKS, NULL, NULL},
    {"test.timeout", FIELD_WORKS, NULL, NULL},
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
    {"upgrade.remediation.ignoreTestFailures", FIELD_WORKS, NULL, NULL},
    {"upgrade.remediation.remediateLastFailure", FIELD_WORKS, NULL, NULL},
    {"upgrade.remediation.retries", FIELD_WORKS, NULL, NULL},
    {"upgrade.remediation.strategy", FIELD_WORKS, NULL, NULL},
    {"upgrade.serverSideApply", FIELD_WORKS, NULL, ALWAYS_SERVER_SIDE},
    {"upgrade.strategy", FIELD_WORKS, NULL, NULL},
    {"upgrade.timeout", FIELD_WORKS, NULL, NULL},
    {"values", FIELD_WORKS, NULL, NULL},
    {"valuesFrom", FIELD_WORKS, NULL, NULL},
    {"waitStrategy.name", FIELD_WORKS, NULL, "poller; legacy is refused"},
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
