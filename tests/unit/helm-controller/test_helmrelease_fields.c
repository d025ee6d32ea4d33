// test_helmrelease_fields.c - HelmRelease's tables cover the CRD: each field and each rule.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "controller/schema.h"
#include "helm_app.h"

static void test_every_field_has_its_line(void **state)
{
    struct error err cleanup(error_clear) = {0};
    const struct controller_kind *k = &helm_release_kind;
    if (!fields_cover(k->schema, k->fields, k->field_count, &err))
        fail_msg("%s", error_text(&err));
}

static void test_every_rule_is_carried_out(void **state)
{
    struct error err cleanup(error_clear) = {0};
    const struct controller_kind *k = &helm_release_kind;
    if (!schema_rules_cover(k->schema, k->rules, k->rule_count, &err))
        fail_msg("%s", error_text(&err));
}

static void test_rules(void **state)
{
    static const struct {
        const char *spec;
        const char *want; // part of the message; NULL: valid
    } rows[] = {
        {"{interval: 1m, chartRef: {kind: HelmChart, name: a}}", NULL},
        {"{interval: 1m, chart: {spec: {chart: a, sourceRef: {kind: GitRepository, name: a}}}}", NULL},
        {"{interval: 1m}", "either chart or chartRef must be set"},
        {"{interval: 1m, chartRef: {kind: HelmChart, name: a}, chart: {spec: {chart: a, sourceRef: {kind: Bucket, "
         "name: a}}}}",
         "either chart or chartRef must be set"},
        {"{interval: 1m, chartRef: {kind: HelmChart, name: a}, install: {strategy: {name: RemediateOnFailure, "
         "retryInterval: 1s}}}",
         ".retryInterval cannot be set when .name is 'RemediateOnFailure'"},
        {"{interval: 1m, chartRef: {kind: HelmChart, name: a}, upgrade: {strategy: {name: RemediateOnFailure, "
         "retryInterval: 1s}}}",
         ".retryInterval"},
        {"{interval: 1m, chartRef: {kind: HelmChart, name: a}, upgrade: {strategy: {name: RetryOnFailure, "
         "retryInterval: 1s}}}",
         NULL},
        {"{interval: 1m, chartRef: {kind: Nothing, name: a}}", "spec.chartRef.kind"},
        {"{interval: soon, chartRef: {kind: HelmChart, name: a}}", "spec.interval"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a cleanup(cleanup_arena) = arena_new();
        struct error err cleanup(error_clear) = {0};
        struct value spec;
        assert_true(yaml_parse(a, rows[i].spec, strlen(rows[i].spec), 0, &spec, &err));
        schema_default(a, helm_release_kind.schema, spec);
        bool valid = schema_check(a, helm_release_kind.schema, helm_release_kind.rules, helm_release_kind.rule_count,
                                  spec, &err);
        if (valid != !rows[i].want || (rows[i].want && !strstr(error_text(&err), rows[i].want)))
            fail_msg("%s: %s", rows[i].spec, error_text(&err));
    }
}

static void test_defaults_of_flux_are_accepted(void **state)
{
    static const char spec_text[] =
        "{driftDetection: {mode: disabled}, upgrade: {serverSideApply: enabled, force: false, preserveValues: false},"
        " rollback: {serverSideApply: enabled}, install: {serverSideApply: true}, waitStrategy: {name: poller}, test: "
        "{enable: false}}";
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct value spec;
    assert_true(yaml_parse(a, spec_text, sizeof spec_text - 1, 0, &spec, &err));
    if (!fields_check(a, helm_release_kind.schema, helm_release_kind.fields, helm_release_kind.field_count, spec, &err))
        fail_msg("%s", error_text(&err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_has_its_line),
        cmocka_unit_test(test_every_rule_is_carried_out),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_defaults_of_flux_are_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
