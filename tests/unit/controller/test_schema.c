// test_schema.c - specs against the CRDs' tables: defaults, the API server's messages, rules; the table of fields.
#include "from_text.h"
#include "controller/runtime.h"

extern const struct schema schema_Probe;

static bool lucky(struct value spec)
{
    return value_int_or(value_get(spec, "busy"), 0) != 13;
}
static const struct schema_rule probe_rules[] = {{"!has(self.busy) || self.busy != 13", lucky}};

static bool always(struct value self)
{
    return true;
}

static void test_checks(void **state)
{
    static const struct schema_rule git_rules[] = {
        {"!has(self.serviceAccountName) || (has(self.provider) && (self.provider == "
         "'azure' || self.provider == 'aws'))",
         always}};
    static const struct {
        const struct schema *schema;
        const char *spec, *error; // NULL: good
    } table[] = {
        {&schema_Probe, "{\"interval\":\"1m\"}", NULL},
        {&schema_Probe, "{\"interval\":\"1.5h30m\",\"busy\":60000,\"text\":\"é\",\"outcome\":\"wait\"}", NULL},
        {&schema_Probe, "{\"interval\":\"1m\",\"busy\":5.0}", NULL},
        {&schema_Probe, "{}", "spec.interval: Required value"},
        {&schema_Probe, "{\"interval\":\"soon\"}",
         "spec.interval: Invalid value: \"soon\": spec.interval in body should match "
         "'^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$'"},
        {&schema_Probe, "{\"interval\":5}",
         "spec.interval: Invalid value: \"integer\": spec.interval in body must be of type string: \"integer\""},
        {&schema_Probe, "{\"interval\":\"1m\",\"outcome\":\"maybe\"}",
         "spec.outcome: Unsupported value: \"maybe\": supported values: \"ready\", \"fail\", \"wait\", \"stall\""},
        {&schema_Probe, "{\"interval\":\"1m\",\"busy\":-1}",
         "spec.busy: Invalid value: -1: spec.busy in body should be greater than or equal to 0"},
        {&schema_Probe, "{\"interval\":\"1m\",\"busy\":60001}",
         "spec.busy: Invalid value: 60001: spec.busy in body should be less than or equal to 60000"},
        {&schema_Probe, "{\"interval\":\"1m\",\"busy\":1e39}",
         "spec.busy: Invalid value: 1e+39: spec.busy in body should be less than or equal to 60000"},
        {&schema_Probe, "{\"interval\":\"1m\",\"busy\":5.5}",
         "spec.busy: Invalid value: \"number\": spec.busy in body must be of type integer: \"number\""},
        {&schema_Probe, "{\"interval\":\"1m\",\"busy\":13}", "spec: Invalid value: \"object\": 13 brings bad luck"},
        {&schema_Probe, "{\"interval\":\"1m\",\"refused\":[]}",
         "spec.refused: Invalid value: \"array\": spec.refused in body must be of type object: \"array\""},
        {&schema_GitRepository, "{\"interval\":\"1m\",\"url\":\"https://x/y\",\"include\":[{\"repository\":{}}]}",
         "spec.include[0].repository.name: Required value"},
        {&schema_GitRepository, "{\"interval\":\"1m\",\"url\":\"file:///etc\"}",
         "spec.url: Invalid value: \"file:///etc\": spec.url in body should match '^(http|https|ssh)://.*$'"},
        {&schema_HelmRelease, "{\"interval\":\"1m\",\"targetNamespace\":\"\"}",
         "spec.targetNamespace: Invalid value: \"\": spec.targetNamespace in body should be at least 1 chars long"},
        {&schema_HelmRelease,
         "{\"interval\":\"1m\",\"releaseName\":\"123456789012345678901234567890123456789012345678901234\"}",
         "spec.releaseName: Invalid value: \"123456789012345678901234567890123456789012345678901234\": "
         "spec.releaseName in body should be at "
         "most 53 chars long"},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct arena *a = arena_new();
        struct error err = {0};
        bool git = table[i].schema == &schema_GitRepository;
        bool good =
            schema_check(a, table[i].schema, git ? git_rules : probe_rules, 1, from_json(a, table[i].spec), &err);
        if (good != !table[i].error)
            fail_msg("%s: %s", table[i].spec, error_text(&err));
        if (!good) {
            assert_string_equal(error_text(&err), table[i].error);
            assert_int_equal(err.class, ERROR_INVALID);
        }
        error_clear(&err);
        arena_free(a);
    }
}

static void test_a_rule_nobody_carries_out(void **state)
{
    struct arena *a = arena_new();
    struct error err = {0};
    assert_false(schema_check(a, &schema_Probe, NULL, 0, from_json(a, "{\"interval\":\"1m\"}"), &err));
    assert_string_equal(error_text(&err),
                        "spec: the rule `!has(self.busy) || self.busy != 13` is not supported by Runnel yet");
    error_clear(&err);
    assert_false(schema_rules_cover(&schema_Probe, NULL, 0, &err));
    error_clear(&err);
    assert_true(schema_rules_cover(&schema_Probe, probe_rules, 1, &err));
    assert_false(schema_rules_cover(&schema_HelmRelease, probe_rules, 1, &err)); // those deep inside count too
    error_clear(&err);
    arena_free(a);
}

static void test_long_values_are_cut_in_errors(void **state)
{
    struct arena *a = arena_new();
    struct error err = {0};
    struct buf json = BUF_IN(a);
    buf_str(&json, "{\"interval\":\"1m\",\"text\":\"");
    buf_fill(&json, 'x', 10000);
    buf_str(&json, "\"}");
    assert_false(schema_check(a, &schema_Probe, probe_rules, 1, from_json(a, json.data), &err));
    assert_true(strlen(error_text(&err)) < 500);
    assert_non_null(strstr(error_text(&err), "should be at most 100 chars long"));
    error_clear(&err);
    arena_free(a);
}

static void test_defaults(void **state)
{
    static const struct {
        const struct schema *schema;
        const char *spec, *want;
    } table[] = {
        {&schema_Probe, "{}", "{\"later\":\"never\",\"outcome\":\"ready\"}"},
        {&schema_Probe, "{\"later\":\"x\",\"outcome\":null,\"refused\":{}}",
         "{\"later\":\"x\",\"outcome\":\"ready\",\"refused\":{\"mode\":\"none\"}}"}, // in dicts that are there
        {&schema_HelmChart, "{\"chart\":\"c\"}",
         "{\"chart\":\"c\",\"reconcileStrategy\":\"ChartVersion\",\"version\":\"*\"}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct arena *a = arena_new();
        struct value spec = from_json(a, table[i].spec);
        schema_default(a, table[i].schema, spec);
        assert_string_equal(json_text(a, spec), table[i].want);
        arena_free(a);
    }
}

static void test_status_fields(void **state)
{
    assert_true(schema_status_has(&schema_HelmRelease, "lastHandledForceAt"));
    assert_false(schema_status_has(&schema_GitRepository, "lastHandledForceAt"));
    assert_true(schema_status_has(&schema_GitRepository, "lastHandledReconcileAt"));
}

// ---- fields ---------------------------------------------------------------------------------------------------------
static const struct field some[] = {
    {"interval", FIELD_WORKS},
    {"refused", FIELD_REFUSED, .allowed = "{\"mode\":\"none\"}"},
    {"later", FIELD_REFUSED},
    {"include.toPath", FIELD_REFUSED},
    {"deep.er.flag", FIELD_REFUSED, .allowed = "5"},
};

static void test_refusing(void **state)
{
    static const struct {
        const char *spec, *field; // NULL: accepted
    } table[] = {
        {"{\"interval\":\"1m\"}", NULL},
        {"{\"refused\":{\"mode\":\"none\"}}", NULL},
        {"{\"refused\":{\"mode\":\"some\"}}", "refused"},
        {"{\"refused\":{}}", "refused"},
        {"{\"later\":\"never\"}", NULL}, // the CRD's default
        {"{\"later\":\"\"}", NULL},
        {"{\"later\":null}", NULL},
        {"{\"later\":false}", NULL},
        {"{\"later\":[]}", NULL},
        {"{\"later\":0}", "later"},
        {"{\"later\":\"now\"}", "later"},
        {"{\"include\":[{},{\"toPath\":\"x\"}]}", "include.toPath"},
        {"{\"include\":[{},{\"fromPath\":\"x\"}]}", NULL},
        {"{\"deep\":{\"er\":{\"flag\":5}}}", NULL},
        {"{\"deep\":{\"er\":{\"flag\":6}}}", "deep.er.flag"},
        {"{\"deep\":\"flat\"}", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct arena *a = arena_new();
        struct error err = {0};
        bool good = fields_check(a, &schema_Probe, some, ARRAY_LEN(some), from_json(a, table[i].spec), &err);
        if (good != !table[i].field)
            fail_msg("%s: %s", table[i].spec, error_text(&err));
        if (!good)
            assert_string_equal(error_text(&err),
                                arena_printf(a, "spec.%s is not supported by Runnel yet", table[i].field));
        error_clear(&err);
        arena_free(a);
    }
}

static void test_covering(void **state)
{
    static const struct field whole[] = {{"interval"}, {"suspend"}, {"outcome"}, {"text"}, {"busy"},
                                         {"follows"},  {"linger"},  {"refused"}, {"later"}};
    struct error err = {0};
    assert_true(fields_cover(&schema_Probe, whole, ARRAY_LEN(whole), &err));
    assert_false(fields_cover(&schema_Probe, whole, ARRAY_LEN(whole) - 1, &err));
    assert_string_equal(error_text(&err), "Probe: spec.later is in the CRD but not in the table");
    error_clear(&err);
    static const struct field wrong[] = {{"interval"}, {"suspend"},  {"outcome"},     {"text"},
                                         {"busy"},     {"follows"},  {"linger"},      {"later"},
                                         {"text"},     {"invented"}, {"refused.mode"}};
    assert_false(fields_cover(&schema_Probe, wrong, ARRAY_LEN(wrong), &err));
    assert_string_equal(error_text(&err),
                        "Probe: spec.text is in the table twice; spec.invented is in the table but not in the CRD");
    error_clear(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_a_rule_nobody_carries_out),
        cmocka_unit_test(test_long_values_are_cut_in_errors),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_status_fields),
        cmocka_unit_test(test_refusing),
        cmocka_unit_test(test_covering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
