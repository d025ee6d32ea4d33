// test_decide.c - what to do next with a release: each state of storage, status and spec.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "decide.h"
#include "hooks.h"

struct row {
    const char *what;
    struct decide_facts facts;
    struct spec spec;
    enum decision want;
    bool forgets;
};

#define NO_RETRIES                                                                                                     \
    {                                                                                                                  \
        .uninstall = true                                                                                              \
    }
#define RETRIES(n)                                                                                                     \
    {                                                                                                                  \
        .retries = (n), .last_failure = (n) > 0                                                                        \
    }
#define KNOWN(s) .status = (s), .has_history = true, .observed = true

static const struct row rows[] = {
    {"nothing there", {.status = NULL}, {.install = NO_RETRIES}, DECIDE_INSTALL, false},
    {"nothing there, and the install has failed before",
     {.install_failures = 1},
     {.install = NO_RETRIES},
     DECIDE_EXHAUSTED,
     false},
    {"the same, asked for", {.install_failures = 1, .forced = true}, {.install = NO_RETRIES}, DECIDE_INSTALL, false},
    {"retries are left", {.install_failures = 2}, {.install = RETRIES(2)}, DECIDE_INSTALL, false},
    {"none are left", {.install_failures = 3}, {.install = RETRIES(2)}, DECIDE_EXHAUSTED, false},
    {"retries without end", {.install_failures = 99}, {.install = RETRIES(-1)}, DECIDE_INSTALL, false},
    {"retry instead of remediation", {.install_failures = 9}, {.install = {.retry = true}}, DECIDE_INSTALL, false},

    {"in sync", {KNOWN(RELEASE_DEPLOYED), .in_sync = true}, {.max_history = 0}, DECIDE_DONE, false},
    {"in sync, asked for",
     {KNOWN(RELEASE_DEPLOYED), .in_sync = true, .forced = true},
     {.max_history = 0},
     DECIDE_UPGRADE,
     false},
    {"something changed", {KNOWN(RELEASE_DEPLOYED)}, {.max_history = 0}, DECIDE_UPGRADE, false},
    {"something changed after a rollback, no retries",
     {KNOWN(RELEASE_DEPLOYED), .upgrade_failures = 1},
     {.max_history = 0},
     DECIDE_EXHAUSTED,
     false},
    {"something changed after a rollback, retries",
     {KNOWN(RELEASE_DEPLOYED), .upgrade_failures = 1},
     {.upgrade = RETRIES(1)},
     DECIDE_UPGRADE,
     false},

    {"somebody else's", {.status = RELEASE_DEPLOYED}, {.max_history = 0}, DECIDE_UPGRADE, true},
    {"changed by hand", {.status = RELEASE_DEPLOYED, .has_history = true}, {.max_history = 0}, DECIDE_UPGRADE, true},
    {"failed by hand",
     {.status = RELEASE_FAILED, .has_history = true, .upgrade_failures = 9},
     {.max_history = 0},
     DECIDE_UPGRADE,
     true},
    {"uninstalled before, kept", {.status = RELEASE_UNINSTALLED}, {.install = NO_RETRIES}, DECIDE_INSTALL, false},
    {"uninstalled by us, kept", {KNOWN(RELEASE_UNINSTALLED)}, {.install = NO_RETRIES}, DECIDE_INSTALL, false},

    {"pending", {KNOWN(RELEASE_PENDING_UPGRADE)}, {.max_history = 0}, DECIDE_UNLOCK, false},
    {"pending, nothing known", {.status = RELEASE_PENDING_INSTALL}, {.max_history = 0}, DECIDE_UNLOCK, false},
    {"an uninstall that was left", {KNOWN(RELEASE_UNINSTALLING)}, {.max_history = 0}, DECIDE_UNLOCK, false},
    {"never finished", {KNOWN(RELEASE_SUPERSEDED)}, {.max_history = 0}, DECIDE_UPGRADE, false},

    {"failed, no action known", {KNOWN(RELEASE_FAILED)}, {.max_history = 0}, DECIDE_UPGRADE, false},
    {"failed install, changed since",
     {KNOWN(RELEASE_FAILED), .last_action = "install"},
     {.install = NO_RETRIES},
     DECIDE_UPGRADE,
     false},
    {"failed install",
     {KNOWN(RELEASE_FAILED), .last_action = "install", .install_failures = 1},
     {.install = NO_RETRIES},
     DECIDE_EXHAUSTED,
     false},
    {"failed install, the last one is remediated too",
     {KNOWN(RELEASE_FAILED), .last_action = "install", .install_failures = 1},
     {.install = {.uninstall = true, .last_failure = true}},
     DECIDE_UNINSTALL,
     false},
    {"failed install, retries",
     {KNOWN(RELEASE_FAILED), .last_action = "install", .install_failures = 1},
     {.install = {.uninstall = true, .retries = 1}},
     DECIDE_UNINSTALL,
     false},
    {"failed upgrade, retries",
     {KNOWN(RELEASE_FAILED), .last_action = "upgrade", .upgrade_failures = 1},
     {.upgrade = RETRIES(1)},
     DECIDE_ROLLBACK,
     false},
    {"failed upgrade, the last of them",
     {KNOWN(RELEASE_FAILED), .last_action = "upgrade", .upgrade_failures = 2},
     {.upgrade = RETRIES(1)},
     DECIDE_ROLLBACK,
     false},
    {"failed upgrade, none are left",
     {KNOWN(RELEASE_FAILED), .last_action = "upgrade", .upgrade_failures = 2},
     {.upgrade = {.retries = 1}},
     DECIDE_EXHAUSTED,
     false},
    {"failed upgrade, uninstall",
     {KNOWN(RELEASE_FAILED), .last_action = "upgrade", .upgrade_failures = 1},
     {.upgrade = {.retries = 1, .uninstall = true}},
     DECIDE_UNINSTALL,
     false},
    {"not tested yet",
     {KNOWN(RELEASE_DEPLOYED), .in_sync = true, .untested = true},
     {.max_history = 0},
     DECIDE_TEST,
     false},
    {"not tested, but something changed",
     {KNOWN(RELEASE_DEPLOYED), .untested = true},
     {.max_history = 0},
     DECIDE_UPGRADE,
     false},
    {"tests failed",
     {KNOWN(RELEASE_DEPLOYED), .in_sync = true, .tests_failed = true, .last_action = "upgrade", .upgrade_failures = 1},
     {.upgrade = RETRIES(1)},
     DECIDE_ROLLBACK,
     false},
    {"tests failed after an install, no retries",
     {KNOWN(RELEASE_DEPLOYED), .in_sync = true, .tests_failed = true, .last_action = "install", .install_failures = 1},
     {.install = NO_RETRIES},
     DECIDE_EXHAUSTED,
     false},
    {"failed upgrade, asked for",
     {KNOWN(RELEASE_FAILED), .last_action = "upgrade", .upgrade_failures = 9, .forced = true},
     {.max_history = 0},
     DECIDE_UPGRADE,
     false},
    {"failed upgrade, retry instead",
     {KNOWN(RELEASE_FAILED), .last_action = "upgrade", .upgrade_failures = 9},
     {.upgrade = {.retry = true}},
     DECIDE_UPGRADE,
     false},
};

static void test_table(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *reason = NULL;
        bool forget;
        enum decision got = decide(&rows[i].facts, &rows[i].spec, &reason, &forget);
        if (got != rows[i].want || forget != rows[i].forgets)
            fail_msg("%s: %d (forget %d), wanted %d (forget %d): %s", rows[i].what, got, forget, rows[i].want,
                     rows[i].forgets, reason);
        assert_non_null(reason);
    }
}

static struct value object_of(struct arena *a, const char *yaml)
{
    struct error err = {0};
    struct value v;
    if (!yaml_parse(a, yaml, strlen(yaml), 0, &v, &err))
        fail_msg("%s", error_text(&err));
    return v;
}

static void test_spec_defaults(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct spec s = spec_read(a, object_of(a, "metadata: {name: app, namespace: apps}\nspec: {interval: 1m}"));
    assert_string_equal(s.release_name, "app");
    assert_string_equal(s.release_namespace, "apps");
    assert_string_equal(s.storage_namespace, "apps");
    assert_int_equal(s.max_history, 5);
    assert_true(s.install.uninstall);
    assert_false(s.upgrade.uninstall);
    assert_false(s.upgrade.last_failure);
    assert_string_equal(spec_crds(&s, ACTION_INSTALL), "Create");
    assert_string_equal(spec_crds(&s, ACTION_UPGRADE), "Skip");
    struct action_options o = spec_options(&s, ACTION_UNINSTALL);
    assert_int_equal(o.timeout_ms, 300000);
    assert_string_equal(o.propagation, "background");
    assert_false(o.disable_wait);
}

static void test_spec_words(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct spec s = spec_read(
        a,
        object_of(a, "metadata: {name: app, namespace: apps}\n"
                     "spec:\n"
                     "  targetNamespace: prod\n"
                     "  storageNamespace: store\n"
                     "  timeout: 2m\n"
                     "  maxHistory: 0\n"
                     "  install: {timeout: 10s, disableHooks: true, crds: CreateReplace}\n"
                     "  upgrade: {remediation: {retries: 3}, strategy: {name: RetryOnFailure, retryInterval: 7s}}\n"));
    assert_string_equal(s.release_name, "prod-app");
    assert_string_equal(s.release_namespace, "prod");
    assert_string_equal(s.storage_namespace, "store");
    assert_int_equal(s.max_history, 0);
    assert_int_equal(spec_options(&s, ACTION_INSTALL).timeout_ms, 10000);
    assert_int_equal(spec_options(&s, ACTION_ROLLBACK).timeout_ms, 120000);
    assert_true(spec_flag(&s, ACTION_INSTALL, "disableHooks"));
    assert_false(spec_flag(&s, ACTION_UPGRADE, "disableHooks"));
    assert_string_equal(spec_crds(&s, ACTION_INSTALL), "CreateReplace");
    assert_true(s.upgrade.last_failure);
    assert_true(s.upgrade.retry);
    assert_int_equal(s.upgrade.retry_ms, 7000);
}

static void test_filters(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct value both = object_of(a, "[{name: a}, {name: b, exclude: true}]"),
                 none = object_of(a, "[{name: a, exclude: true}]");
    assert_true(hooks_selected(VALUE_NULL, "x"));
    assert_true(hooks_selected(both, "a"));
    assert_false(hooks_selected(both, "b"));
    assert_false(hooks_selected(both, "x"));
    assert_false(hooks_selected(none, "a"));
    assert_true(hooks_selected(none, "x"));
}

static void test_names_are_shortened(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    const char *fits = "x2345678901234567890123456789012345678901234567890123"; // 53
    const char *name = spec_shorten_name(a, "flux-system-a-very-long-namespace-and-a-very-long-release-name");
    assert_string_equal(spec_shorten_name(a, fits), fits);
    // printf %s NAME | sha256sum
    assert_string_equal(name, "flux-system-a-very-long-namespace-and-a--a35dab4ca124");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),   cmocka_unit_test(test_spec_defaults),       cmocka_unit_test(test_spec_words),
        cmocka_unit_test(test_filters), cmocka_unit_test(test_names_are_shortened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
