// probe.c - a controller whose kind says what its reconcile does: the runtime is tested with it on a real API server.
#include <time.h>

#include "controller/controller.h"
#include "controller/schema.h"

extern const struct schema schema_Probe;

// Stands for work that listens to the process' end: a download, a clone.
static bool keep_busy(struct reconcile *r, int64_t ms, struct error *err)
{
    int64_t end = clock_mono_ms() + ms;
    while (clock_mono_ms() < end) {
        if (__atomic_load_n(r->cancel, __ATOMIC_RELAXED))
            return error_set(err, ERROR_CANCELLED, "busy: cancelled");
        nanosleep(&(struct timespec){.tv_nsec = 5 * 1000 * 1000}, NULL);
    }
    return true;
}

static void count(struct reconcile *r, const char *field)
{
    value_set(r->status, field, value_int(value_int_or(value_get(r->status, field), 0) + 1));
}

static struct result finalize(struct reconcile *r)
{
    if (value_true(value_get(r->spec, "linger")))
        return result_wait(r, 200, NULL, "Lingering", "waiting for .spec.linger to go");
    reconcile_event(r, "Normal", "Finalized", VALUE_NULL, "cleaned up after %s", r->name);
    return result_finalized(r);
}

static struct result reconcile_probe(struct reconcile *r)
{
    struct error err = {0};
    if (r->deleting)
        return finalize(r);
    count(r, "runs");
    if (r->forced)
        count(r, "forced");
    if (r->reset)
        count(r, "resets");
    if (!keep_busy(r, value_int_or(value_get(r->spec, "busy"), 0), &err))
        return result_failed(r, "Cancelled", &err);
    const char *text = value_str_or(value_get(r->spec, "text"), "nothing"),
               *follows = value_str(value_get(r->spec, "follows"));
    struct value config;
    if (follows) {
        if (!reconcile_get(r, (struct kube_ref){"v1", "ConfigMap", r->namespace, follows}, &config, &err))
            return result_failed(r, "Unreadable", &err);
        text = value_str_or(value_path(config, "data.text"), text);
    }
    const char *outcome = value_str(value_get(r->spec, "outcome"));
    if (str_eq(outcome, "fail")) {
        error_set(&err, ERROR_TRANSIENT, "said %s", text);
        return result_failed(r, "Failed", &err);
    }
    if (str_eq(outcome, "wait"))
        return result_wait(r, 200, NULL, "Waiting", "will say %s", text);
    if (str_eq(outcome, "stall"))
        return result_stalled(r, "Stuck", "cannot say %s", text);
    struct value metadata = value_dict(r->arena);
    value_set_str(metadata, "revision", text);
    if (!condition_is_true(r->status, "Ready"))
        reconcile_event(r, "Normal", "Said", metadata, "said %s", text);
    return result_ready(r, "Succeeded", "said %s", text);
}

static void map_config(struct app *app, struct informer *own, struct value old, struct value object,
                       struct arena *scratch, struct queue_keys *keys)
{
    struct value all = informer_list(own, scratch, kube_namespace(object));
    for (size_t i = 0; i < value_len(all); i++) {
        if (str_eq(value_str(value_path(value_at(all, i), "spec.follows")), kube_name(object)))
            queue_keys_add(keys, kube_namespace(object), kube_name(value_at(all, i)));
    }
}

// A hint about a source of the same name, where there is such a probe.
static void map_hint(struct app *app, struct informer *own, struct value old, struct value object,
                     struct arena *scratch, struct queue_keys *keys)
{
    if (!value_is_null(informer_get(own, scratch, kube_namespace(object), kube_name(object))))
        queue_keys_add(keys, kube_namespace(object), kube_name(object));
}

static bool lucky(struct value spec)
{
    return value_int_or(value_get(spec, "busy"), 0) != 13;
}

static const struct controller_map maps[] = {
    {.api_version = "v1", .kind = "ConfigMap", .map = map_config},
    {.bus_kind = "GitRepository", .map = map_hint},
};
static const struct field fields[] = {
    {"interval", FIELD_WORKS}, {"suspend", FIELD_WORKS},
    {"outcome", FIELD_WORKS},  {"text", FIELD_WORKS},
    {"busy", FIELD_WORKS},     {"follows", FIELD_WORKS},
    {"linger", FIELD_WORKS},   {"refused", FIELD_REFUSED, .allowed = "{\"mode\":\"none\"}", .note = "a | in a note"},
    {"later", FIELD_REFUSED},
};
static const struct schema_rule rules[] = {{"!has(self.busy) || self.busy != 13", lucky}};

static const struct controller_kind probe_kind = {
    .api_version = "test.runnel.dev/v1",
    .kind = "Probe",
    .reconcile = reconcile_probe,
    .maps = maps,
    .map_count = ARRAY_LEN(maps),
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .schema = &schema_Probe,
    .rules = rules,
    .rule_count = ARRAY_LEN(rules),
};

int main(int argc, char **argv)
{
    static const struct controller_kind *const kinds[] = {&probe_kind, NULL};
    static const char *const gates[] = {"Probing", NULL};
    static const struct app_spec spec = {.name = "probe-controller", .kinds = kinds, .feature_gates = gates};
    return app_main(&spec, argc, argv);
}
