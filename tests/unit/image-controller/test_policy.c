// test_policy.c - the election of tags, label selectors, the tables of fields.
#include "from_text.h"
#include "image.h"
#include "policy.h"

#define VERSIONS "v2.0.0-rc.1 v1.10.0 v1.2.0 latest 1.9.9 1.2 1.10.0+b 0.1.0"
#define BUILDS "main-9-cafe main-10-beef main-2-f00d dev-99-abba"

static void elections(void **state)
{
    static const struct {
        const char *policy, *filter, *tags;
        const char *latest; // NULL: an error
        const char *error;
        enum error_class class;
    } cases[] = {
        {"{\"semver\":{\"range\":\">=1.0.0\"}}", NULL, VERSIONS, "v1.10.0", NULL, 0},
        {"{\"semver\":{\"range\":\"1.2.x\"}}", NULL, VERSIONS, "v1.2.0", NULL, 0}, // 1.2 is not strict
        {"{\"semver\":{\"range\":\">=1.0.0-0\"}}", NULL, VERSIONS, "v2.0.0-rc.1", NULL, 0},
        {"{\"semver\":{\"range\":\">3\"}}", NULL, VERSIONS, NULL,
         "unable to determine latest version from provided list", ERROR_NOT_FOUND},
        {"{\"semver\":{\"range\":\"a.b\"}}", NULL, VERSIONS, NULL, "invalid policy: improper constraint: a.b",
         ERROR_INVALID},
        {"{\"alphabetical\":{}}", NULL, "b a c", "c", NULL, 0},
        {"{\"alphabetical\":{\"order\":\"asc\"}}", NULL, "b a c", "c", NULL, 0},
        {"{\"alphabetical\":{\"order\":\"desc\"}}", NULL, "b a c", "a", NULL, 0},
        {"{\"alphabetical\":{\"order\":\"DESC\"}}", NULL, "b a c", "a", NULL, 0},
        {"{\"alphabetical\":{\"order\":\"up\"}}", NULL, "b", NULL,
         "invalid policy: invalid order argument provided: 'up', must be one of: ASC, DESC", ERROR_INVALID},
        {"{\"alphabetical\":{}}", NULL, "Z a", "a", NULL, 0}, // by bytes
        {"{\"numerical\":{}}", NULL, "9 10 2", "10", NULL, 0},
        {"{\"numerical\":{\"order\":\"desc\"}}", NULL, "9 10 2", "2", NULL, 0},
        {"{\"numerical\":{}}", NULL, "-1 -2.5 1e-3", "1e-3", NULL, 0},
        {"{\"numerical\":{}}", NULL, "9 v10", NULL, "failed to parse invalid numeric value 'v10'", ERROR_NOT_FOUND},
        {"{\"numerical\":{}}", NULL, "0x10", NULL, "failed to parse invalid numeric value '0x10'", ERROR_NOT_FOUND},
        {"{\"numerical\":{}}", NULL, "0x1p4 15", "0x1p4", NULL, 0},
        {"{\"numerical\":{}}", NULL, "1e999", NULL, "failed to parse invalid numeric value '1e999'", ERROR_NOT_FOUND},
        {"{\"numerical\":{}}", NULL, "1_000", NULL, "failed to parse invalid numeric value '1_000'", ERROR_NOT_FOUND},
        {"{\"numerical\":{}}", NULL, "20240101123000 20231231235959", "20240101123000", NULL, 0},
        {"{\"numerical\":{}}", "{\"pattern\":\"^main-(?P<n>[0-9]+)-\",\"extract\":\"$n\"}", BUILDS, "main-10-beef",
         NULL, 0},
        {"{\"numerical\":{}}", "{\"pattern\":\"^(main|dev)-([0-9]+)-\",\"extract\":\"${2}\"}", BUILDS, "dev-99-abba",
         NULL, 0},
        {"{\"alphabetical\":{}}", "{\"pattern\":\"^main-\"}", BUILDS, "main-9-cafe", NULL, 0},
        {"{\"alphabetical\":{}}", "{\"pattern\":\"[a-f0-9]+$\",\"extract\":\"$0\"}", BUILDS, "main-2-f00d", NULL, 0},
        {"{\"semver\":{\"range\":\"*\"}}", "{\"pattern\":\"^rel-(.*)$\",\"extract\":\"$1\"}",
         "rel-1.0.0 rel-1.1.0 2.0.0", "rel-1.1.0", NULL, 0},
        {"{\"alphabetical\":{}}", "{\"pattern\":\"^none$\"}", BUILDS, NULL, "version list argument cannot be empty",
         ERROR_NOT_FOUND},
        {"{\"semver\":{\"range\":\"*\"}}", "{\"pattern\":\"^none$\"}", BUILDS, NULL,
         "version list argument cannot be empty", ERROR_NOT_FOUND},
        {"{\"alphabetical\":{}}", "{\"pattern\":\"a(\"}", BUILDS, NULL,
         "failed to filter tags: invalid regular expression pattern 'a(': error parsing regexp: missing closing ): "
         "`a(`",
         ERROR_INVALID},
        {"{}", NULL, "a", NULL, "invalid policy: given ImagePolicyChoice object is invalid", ERROR_INVALID},
        {"{\"semver\":{\"range\":\"*\"},\"alphabetical\":{}}", NULL, "1.0.0 zebra", "1.0.0", NULL, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *a = arena_new();
        struct error err = {0};
        const char *tags[32], *latest = NULL;
        size_t count = 0;
        struct slice rest = slice_of(cases[i].tags), one;
        while (rest.len) {
            slice_cut(rest, ' ', &one, &rest);
            tags[count++] = slice_dup(a, one);
        }
        struct value filter = cases[i].filter ? from_json(a, cases[i].filter) : VALUE_NULL;
        bool fine = policy_latest(a, from_json(a, cases[i].policy), filter, tags, count, &latest, &err);
        if (fine != (cases[i].latest != NULL) || !str_eq(latest, cases[i].latest))
            fail_msg("case %zu (%s): %s %s", i, cases[i].policy, str_or(latest, ""), error_text(&err));
        if (!fine) {
            assert_string_equal(error_text(&err), cases[i].error);
            assert_int_equal(err.class, cases[i].class);
        }
        error_clear(&err);
        arena_free(a);
    }
}

// A filter under which two tags become one text: which of them counts is settled, not left to chance.
static void same_text(void **state)
{
    struct arena *a = arena_new();
    struct error err = {0};
    const char *const tags[] = {"1.0.0-b", "1.0.0-a"}, *latest;
    struct value filter = from_json(a, "{\"pattern\":\"^([0-9.]+)-\",\"extract\":\"$1\"}");
    assert_true(policy_latest(a, from_json(a, "{\"semver\":{\"range\":\"*\"}}"), filter, tags, 2, &latest, &err));
    assert_string_equal(latest, "1.0.0-a");
    arena_free(a);
}

static void selectors(void **state)
{
    static const struct {
        const char *selector;
        bool matches; // {"app": "web", "tier": "front"}
        const char *error;
    } cases[] = {
        {"null", true, NULL},
        {"{}", true, NULL},
        {"{\"matchLabels\":{\"app\":\"web\"}}", true, NULL},
        {"{\"matchLabels\":{\"app\":\"web\",\"tier\":\"back\"}}", false, NULL},
        {"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"In\",\"values\":[\"db\",\"web\"]}]}", true, NULL},
        {"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"NotIn\",\"values\":[\"web\"]}]}", false, NULL},
        {"{\"matchExpressions\":[{\"key\":\"none\",\"operator\":\"NotIn\",\"values\":[\"web\"]}]}", true, NULL},
        {"{\"matchExpressions\":[{\"key\":\"none\",\"operator\":\"In\",\"values\":[\"web\"]}]}", false, NULL},
        {"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"Exists\"}]}", true, NULL},
        {"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"DoesNotExist\"}]}", false, NULL},
        {"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"Like\"}]}", false,
         "\"Like\" is not a valid label selector operator"},
        {"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"In\"}]}", false, "values: "},
        {"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"Exists\",\"values\":[\"x\"]}]}", false, "values: "},
    };
    struct arena *a = arena_new();
    struct value labels = from_json(a, "{\"app\":\"web\",\"tier\":\"front\"}");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct value selector = from_json(a, cases[i].selector);
        bool valid = selector_check(selector, &err);
        assert_int_equal(valid, cases[i].error == NULL);
        if (valid)
            assert_int_equal(selector_matches(selector, labels), cases[i].matches);
        else
            assert_true(str_has_prefix(error_text(&err), cases[i].error));
        error_clear(&err);
    }
    arena_free(a);
}

static void images(void **state)
{
    static const struct {
        const char *image, *name, *error;
    } cases[] = {
        {"nginx", "index.docker.io/library/nginx", NULL},
        {"org/app", "index.docker.io/org/app", NULL},
        {"ghcr.io/org/app", "ghcr.io/org/app", NULL},
        {"localhost:5000/app", "localhost:5000/app", NULL},
        {"https://ghcr.io/app", NULL, "image 'https://ghcr.io/app' should not include URL scheme; remove 'https://'"},
        {"ghcr.io/app:1.0", NULL, "image 'ghcr.io/app:1.0' should not include a tag; remove ':1.0'"},
        {"ghcr.io/App", NULL, "could not parse reference: ghcr.io/App: invalid repository name"},
        {"", NULL, "could not parse reference: : invalid repository name"},
    };
    struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct oci_reference ref;
        bool fine = image_name_parse(a, cases[i].image, &ref, &err);
        assert_int_equal(fine, cases[i].name != NULL);
        assert_string_equal(fine ? ref.name : error_text(&err), fine ? cases[i].name : cases[i].error);
        error_clear(&err);
    }
    arena_free(a);
}

// Each field of the CRDs has its line: it works, or it is refused by name.
static void fields(void **state)
{
    const struct controller_kind *const kinds[] = {&image_repository_kind, &image_policy_kind,
                                                   &image_update_automation_kind};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct error err = {0};
        if (!fields_cover(kinds[i]->schema, kinds[i]->fields, kinds[i]->field_count, &err) ||
            !schema_rules_cover(kinds[i]->schema, kinds[i]->rules, kinds[i]->rule_count, &err))
            fail_msg("%s: %s", kinds[i]->kind, error_text(&err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elections), cmocka_unit_test(same_text), cmocka_unit_test(selectors),
        cmocka_unit_test(images),    cmocka_unit_test(fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
