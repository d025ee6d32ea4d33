// test_manifest.c - splitting, kinds, hooks at an event, stored manifests read back.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "manifest.h"

static void test_split(void **state)
{
    static const struct {
        const char *stream, *pieces;
    } rows[] = {
        {"", ""},
        {"a", "[a]"},
        {"---\na\n---\nb\n", "[a][b]"},
        {"a\n--- \nb", "[a][b]"},
        {"a\n---b", "[a][b]"},
        {"a ---\nb", "[a ---\nb]"},
        {"a\n\n \t\n---\n\nb", "[a][b]"},
        {"a\n ---\nb", "[a\n ---\nb]"},
        {"a\n---\n---\nb", "[a][---\nb]"}, // the first separator took the line break of the second
        {"a\r\n---\r\nb", "[a][b]"},
        {"---", ""},
        {"a\n----b", "[a][-b]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a cleanup(cleanup_arena) = arena_new();
        slice_list list = manifest_split(a, slice_of(rows[i].stream));
        struct buf out = BUF_IN(a);
        for (size_t k = 0; k < list.len; k++)
            buf_printf(&out, "[%.*s]", SLICE_ARG(list.items[k]));
        assert_string_equal(buf_cstr(&out), rows[i].pieces);
    }
}

static void test_kinds(void **state)
{
    assert_true(manifest_compare_kind("Namespace", "Deployment") < 0);
    assert_true(manifest_compare_kind("Ingress", "Service") > 0);
    assert_true(manifest_compare_kind("Zebra", "ValidatingWebhookConfiguration") > 0);
    assert_true(manifest_compare_kind("Alpaca", "Zebra") < 0);
    assert_int_equal(manifest_compare_kind("Pod", "Pod"), 0);
    static const char *const given[] = {"Namespace", "Zebra", "Service", "Deployment", "Ingress", "Alpaca", "Pod", "Secret",
                                        "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"};
    static const char *const wanted[] = {"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "Ingress", "Service",
                                         "Deployment", "Pod", "Secret", "Namespace", "Alpaca", "Zebra"};
    struct arena *a cleanup(cleanup_arena) = arena_new();
    manifest_list list = {0};
    for (size_t i = 0; i < ARRAY_LEN(given); i++)
        vec_push(a, &list, (struct manifest){.kind = given[i]});
    manifests_sort_uninstall(&list);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        assert_string_equal(list.items[i].kind, wanted[i]);
}

static bool sort_text(struct arena *a, const char *text, manifest_list *objects, hook_list *hooks, struct error *err)
{
    struct manifest_file file = {.path = "c/templates/a.yaml", .text = slice_of(arena_strdup(a, text))};
    return manifests_sort(a, &file, 1, objects, hooks, NULL, err);
}

static void test_hooks(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    manifest_list objects = {0};
    hook_list hooks = {0};
    const char *text =
        "kind: Job\nmetadata: {name: b, annotations: {helm.sh/hook: 'pre-install,post-upgrade', helm.sh/hook-weight: 1}}\n---\n"
        "kind: Job\nmetadata: {name: a, annotations: {helm.sh/hook: pre-install, helm.sh/hook-weight: '1',\n"
        "  helm.sh/hook-delete-policy: 'hook-succeeded, Hook-Failed,other', helm.sh/hook-output-log-policy: hook-failed}}\n---\n"
        "kind: Job\nmetadata: {name: z, annotations: {helm.sh/hook: pre-install, helm.sh/hook-weight: '-5'}}\n---\n"
        "kind: Job\nmetadata: {name: t, annotations: {helm.sh/hook: test-success}}\n---\n"
        "kind: Job\nmetadata: {name: x, annotations: {helm.sh/hook: 'pre-install,sometime'}}\n---\n"
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: ns, annotations: {a: b}}\n";
    assert_true(sort_text(a, text, &objects, &hooks, &err));
    assert_int_equal(objects.len, 1);
    assert_string_equal(objects.items[0].name, "p");
    assert_string_equal(objects.items[0].namespace, "ns");
    assert_string_equal(objects.items[0].api_version, "v1");
    assert_int_equal(hooks.len, 4);
    hook_list run = hooks_for_event(a, &hooks, HOOK_PRE_INSTALL);
    assert_int_equal(run.len, 3);
    assert_string_equal(run.items[0].manifest.name, "z");
    assert_string_equal(run.items[1].manifest.name, "a");
    assert_string_equal(run.items[2].manifest.name, "b");
    const struct hook *h = &run.items[1];
    assert_int_equal(h->delete_policies, HOOK_SUCCEEDED | HOOK_FAILED);
    assert_int_equal(h->delete_list.len, 3);
    assert_string_equal(h->delete_list.items[1], "hook-failed");
    assert_string_equal(h->output_list.items[0], "hook-failed");
    assert_int_equal(run.items[2].delete_policies, HOOK_BEFORE_CREATION);
    assert_int_equal(run.items[2].events, HOOK_PRE_INSTALL | HOOK_POST_UPGRADE);
    run = hooks_for_event(a, &hooks, HOOK_TEST);
    assert_int_equal(run.len, 1);
    assert_string_equal(run.items[0].event_list.items[0], "test");
    assert_int_equal(hooks_for_event(a, &hooks, HOOK_PRE_DELETE).len, 0);
}

static void test_stored(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    manifest_list list = {0};
    const char *text = "---\n# Source: c/templates/a.yaml\nkind: Pod\nmetadata: {name: a}\n---\n# Source: c/templates/b.yaml\n# nothing\n"
                       "---\nkind: Secret\nmetadata: {name: s}\n";
    assert_true(manifests_parse(a, slice_of(text), &list, &err));
    assert_int_equal(list.len, 2);
    assert_string_equal(list.items[0].source, "c/templates/a.yaml");
    assert_string_equal(list.items[0].text, "kind: Pod\nmetadata: {name: a}");
    assert_string_equal(list.items[1].source, "");
    assert_string_equal(list.items[1].kind, "Secret");
    assert_false(manifests_parse(a, slice_of("# Source: c/x\na: b: c"), &list, &err));
    assert_non_null(strstr(error_text(&err), "YAML parse error on c/x: "));
}

static void test_keeps(void **state)
{
    static const struct {
        const char *policy;
        bool want;
    } rows[] = {{"keep", true}, {" Keep ", true}, {"delete", false}, {NULL, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a cleanup(cleanup_arena) = arena_new();
        struct value object = value_dict(a), annotations = value_dict(a);
        value_set_path(object, "metadata.annotations", annotations);
        value_set_str(annotations, "helm.sh/resource-policy", rows[i].policy);
        assert_int_equal(manifest_keeps(object), rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_split), cmocka_unit_test(test_kinds), cmocka_unit_test(test_hooks),
                                       cmocka_unit_test(test_stored), cmocka_unit_test(test_keeps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
