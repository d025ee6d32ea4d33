// test_release_record.c - Helm's record of a release, packed and unpacked, and what the status remembers of it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "snapshot.h"

#define OK(expression)                                                                                                 \
    do {                                                                                                               \
        if (!(expression))                                                                                             \
            fail_msg("%s: %s", #expression, error_text(&err));                                                         \
    } while (0)

static const char HOOK[] =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: h\n  annotations: {helm.sh/hook: pre-install}\n";

static struct release make(struct arena *a, int version)
{
    struct release r = release_new(a, "app", "apps", version, RELEASE_DEPLOYED, "2026-01-02T03:04:05.678Z");
    struct value metadata = value_dict(a), config = value_dict(a);
    struct chart chart = {0};
    hook_list hooks = {0};
    struct hook h = {.manifest = {.source = "app/templates/h.yaml",
                                  .text = HOOK,
                                  .len = sizeof HOOK - 1,
                                  .kind = "ConfigMap",
                                  .name = "h"},
                     .weight = 3};
    vec_push(a, &h.event_list, "pre-install");
    vec_push(a, &hooks, h);
    value_set_str(metadata, "name", "app");
    value_set_str(metadata, "version", "1.0.0");
    value_set_str(metadata, "appVersion", "9");
    value_set(config, "text", value_string("<a&b>"));
    value_set(config, "n", value_float(3));
    chart.metadata = metadata;
    vec_push(a, &chart.templates, ((struct chart_file){.name = "templates/x.yaml", .data = SLICE("a: b\n")}));
    release_set_chart(a, &r, &chart);
    release_set_rendered(a, &r, config, SLICE("---\n# Source: app/templates/x.yaml\na: b\n"), &hooks, "notes\n");
    release_set_status(&r, RELEASE_DEPLOYED, "Install complete");
    return r;
}

static void test_packed_and_back(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct release r = make(a, 7), back;
    struct slice packed;
    hook_list hooks = {0};
    OK(release_encode(a, &r, &packed, &err));
    OK(release_decode(a, packed, &back, &err));
    assert_true(value_equal(r.document, back.document));
    assert_int_equal(release_version(&back), 7);
    assert_string_equal(release_first_deployed(&back), "2026-01-02T03:04:05.678Z");
    assert_null(release_deleted(&back));
    assert_string_equal(value_str(value_path(back.document, "config.text")), "<a&b>");
    OK(release_hooks(a, &back, &hooks, &err));
    assert_int_equal(hooks.len, 1);
    assert_int_equal(hooks.items[0].weight, 3);
    assert_int_equal(hooks.items[0].events, HOOK_PRE_INSTALL);
    assert_int_equal(hooks.items[0].delete_policies, HOOK_BEFORE_CREATION);
}

static void test_hook_phases(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct release r = make(a, 1);
    assert_string_equal(release_hook_phase(&r, 0), "");
    release_hook_set_phase(&r, 0, "Running");
    assert_non_null(release_hook_started(&r, 0));
    release_hook_set_phase(&r, 0, "Succeeded");
    assert_string_equal(release_hook_phase(&r, 0), "Succeeded");
    release_hooks_reset(&r);
    assert_string_equal(release_hook_phase(&r, 0), "");
    assert_null(release_hook_started(&r, 0));
}

static void test_hostile_records(void **state)
{
    static const char *const texts[] = {
        "",
        "not base64!",
        "H4sIAAAAAAAA/w==",                                 // gzip, cut short
        "e30=",                                             // {}
        "eyJuYW1lIjoiYSIsInZlcnNpb24iOjF9",                 // no info
        "eyJuYW1lIjoiYSIsInZlcnNpb24iOjAsImluZm8iOnt9fQ==", // version 0
        "W10=",                                             // []
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct arena *a cleanup(cleanup_arena) = arena_new();
        struct error err cleanup(error_clear) = {0};
        struct release r;
        assert_false(release_decode(a, slice_of(texts[i]), &r, &err));
        assert_int_equal(err.class, ERROR_INVALID);
    }
}

// ---- what the status remembers ------------------------------------------------------------------
static void test_snapshot_knows_its_release(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct release r = make(a, 2), other = make(a, 3);
    struct value s = snapshot_of(a, &r, "upgrade", "sha256:x");
    assert_string_equal(snapshot_release_name(a, s), "apps/app.v2");
    assert_string_equal(snapshot_chart_name(a, s), "app@1.0.0");
    assert_string_equal(value_str(value_get(s, "firstDeployed")), "2026-01-02T03:04:05Z");
    assert_true(snapshot_matches(a, s, &r));
    assert_false(snapshot_matches(a, s, &other));
    value_set_path(r.document, "config.text", value_string("changed"));
    assert_false(snapshot_matches(a, s, &r));
}

static void test_tests_do_not_change_the_digest(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct release r = make(a, 1);
    struct value s = snapshot_of(a, &r, "install", NULL),
                 test = value_copy(a, value_at(value_get(r.document, "hooks"), 0));
    struct value events = value_list(a);
    value_push(events, value_string("test"));
    value_set(test, "events", events);
    value_push(value_get(r.document, "hooks"), test);
    assert_true(snapshot_matches(a, s, &r));
    release_hook_set_phase(&r, 0, "Failed");
    assert_false(snapshot_matches(a, s, &r));
}

static void test_foreign_snapshots_are_taken_over(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct release r = make(a, 1);
    struct value s = snapshot_of(a, &r, "install", NULL);
    value_set_str(s, "apiVersion", "v2");
    value_set_str(s, "digest", "sha256:made-in-flux's-way");
    assert_true(snapshot_matches(a, s, &r));
    release_set_status(&r, RELEASE_FAILED, "x");
    assert_false(snapshot_matches(a, s, &r));
}

static void put(struct arena *a, struct value status, int version, const char *words)
{
    struct release r = make(a, version);
    release_set_status(&r, words, "x");
    history_put(a, status, snapshot_of(a, &r, NULL, NULL));
}

static const char *versions(struct arena *a, struct value status)
{
    struct buf out = BUF_IN(a);
    struct value list = value_get(status, "history");
    for (size_t i = 0; i < value_len(list); i++)
        buf_printf(&out, "%s%d", i ? " " : "", (int)value_int_or(value_get(value_at(list, i), "version"), 0));
    return buf_cstr(&out);
}

static void test_history(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct value status = value_dict(a);
    put(a, status, 1, RELEASE_SUPERSEDED);
    put(a, status, 3, RELEASE_FAILED);
    put(a, status, 2, RELEASE_SUPERSEDED);
    put(a, status, 3, RELEASE_FAILED);
    put(a, status, 4, RELEASE_FAILED);
    assert_string_equal(versions(a, status), "4 3 2 1");
    assert_int_equal(value_int_or(value_get(history_previous(status, false), "version"), 0), 2);
    history_truncate(a, status, false);
    assert_string_equal(versions(a, status), "4 3 2");
    history_clear(status);
    for (int i = 1; i < 9; i++)
        put(a, status, i, RELEASE_FAILED);
    assert_true(value_is_null(history_previous(status, false)));
    history_truncate(a, status, false);
    assert_string_equal(versions(a, status), "8 7 6 5 4");
}

static void test_superseded_unless_changed(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct value status = value_dict(a);
    struct release r = make(a, 1);
    history_put(a, status, snapshot_of(a, &r, "install", NULL));
    put(a, status, 2, RELEASE_DEPLOYED);
    struct release changed = r;
    changed.document = value_copy(a, r.document);
    value_set_path(changed.document, "config.text", value_string("by hand"));
    release_set_status(&changed, RELEASE_SUPERSEDED, release_description(&r));
    history_supersede(a, status, &changed);
    assert_string_equal(value_str(value_get(value_at(value_get(status, "history"), 1), "status")), RELEASE_DEPLOYED);
    release_set_status(&r, RELEASE_SUPERSEDED, release_description(&r));
    history_supersede(a, status, &r);
    struct value s = value_at(value_get(status, "history"), 1);
    assert_string_equal(value_str(value_get(s, "status")), RELEASE_SUPERSEDED);
    assert_string_equal(value_str(value_get(s, "action")), "install");
    assert_true(snapshot_matches(a, s, &r));
}

static void test_values_digest(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct value v = value_dict(a);
    // Of nothing, as Flux has it for a release without values.
    assert_string_equal(values_digest(a, VALUE_NULL),
                        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(values_digest(a, v), values_digest(a, VALUE_NULL));
    value_set(v, "b", value_float(3));
    value_set(v, "a", value_string("x"));
    // printf 'a: x\nb: 3\n' | sha256sum
    assert_string_equal(values_digest(a, v), "sha256:ad6ef74f838eaa620f32ec78b38de1fcee396690f76f38a86b5467cd39ba1944");
}

static void test_inventory(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    const char *yaml =
        "- {apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: ns}}\n"
        "- {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: 'system:x'}}\n";
    struct value list;
    OK(yaml_parse(a, yaml, strlen(yaml), 0, &list, &err));
    struct value objects[] = {value_at(list, 0), value_at(list, 1)};
    assert_string_equal(json_text(a, inventory_of(a, objects, 2)),
                        "{\"entries\":[{\"id\":\"ns_d_apps_Deployment\",\"v\":\"v1\"},"
                        "{\"id\":\"_system__x_rbac.authorization.k8s.io_ClusterRole\",\"v\":\"v1\"}]}");
}

// After a rollback: the revision's own objects, and the definitions of crds/ that neither manifest has.
static void test_inventory_after_a_rollback(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    const char *yaml =
        "- {apiVersion: v1, kind: ConfigMap, metadata: {name: old, namespace: ns}}\n"
        "- {apiVersion: v1, kind: ConfigMap, metadata: {name: new, namespace: ns}}\n"
        "- {apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: templated}}\n"
        "- {apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: of-crds}}\n";
    struct value list;
    OK(yaml_parse(a, yaml, strlen(yaml), 0, &list, &err));
    struct value objects[] = {value_at(list, 0), value_at(list, 1), value_at(list, 2), value_at(list, 3)};
    struct value inventory = inventory_of(a, objects, 1);
    inventory_keep_crds(inventory, inventory_of(a, objects + 1, 3), inventory_of(a, objects + 1, 2));
    assert_string_equal(json_text(a, inventory),
                        "{\"entries\":[{\"id\":\"ns_old__ConfigMap\",\"v\":\"v1\"},"
                        "{\"id\":\"_of-crds_apiextensions.k8s.io_CustomResourceDefinition\",\"v\":\"v1\"}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed_and_back),
        cmocka_unit_test(test_hook_phases),
        cmocka_unit_test(test_hostile_records),
        cmocka_unit_test(test_snapshot_knows_its_release),
        cmocka_unit_test(test_tests_do_not_change_the_digest),
        cmocka_unit_test(test_foreign_snapshots_are_taken_over),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_superseded_unless_changed),
        cmocka_unit_test(test_values_digest),
        cmocka_unit_test(test_inventory),
        cmocka_unit_test(test_inventory_after_a_rollback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
