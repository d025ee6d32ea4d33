// test_names.c - image references, and which credentials of a docker config are for one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "oci/oci.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_parse(void **state)
{
    static const struct {
        const char *text, *registry, *repository, *tag, *digest, *name;
    } cases[] = {
        {"nginx", "index.docker.io", "library/nginx", NULL, NULL, "index.docker.io/library/nginx"},
        {"nginx:1.25", "index.docker.io", "library/nginx", "1.25", NULL, "index.docker.io/library/nginx"},
        {"docker.io/nginx", "index.docker.io", "library/nginx", NULL, NULL, "index.docker.io/library/nginx"},
        {"docker.io/org/app:v1", "index.docker.io", "org/app", "v1", NULL, "index.docker.io/org/app"},
        {"org/app", "index.docker.io", "org/app", NULL, NULL, "index.docker.io/org/app"},
        {"ghcr.io/org/app:1.0", "ghcr.io", "org/app", "1.0", NULL, "ghcr.io/org/app"},
        {"oci://ghcr.io/org/app", "ghcr.io", "org/app", NULL, NULL, "ghcr.io/org/app"},
        {"localhost/app", "localhost", "app", NULL, NULL, "localhost/app"},
        {"localhost:5000/app", "localhost:5000", "app", NULL, NULL, "localhost:5000/app"},
        {"127.0.0.1:5000/a/b/c:x_Y.z-1", "127.0.0.1:5000", "a/b/c", "x_Y.z-1", NULL, "127.0.0.1:5000/a/b/c"},
        {"[::1]:5000/app", "[::1]:5000", "app", NULL, NULL, "[::1]:5000/app"},
        {"ghcr.io/a/b@sha256:" HEX64, "ghcr.io", "a/b", NULL, "sha256:" HEX64, "ghcr.io/a/b"},
        {"ghcr.io/a/b:v1@sha256:" HEX64, "ghcr.io", "a/b", "v1", "sha256:" HEX64, "ghcr.io/a/b"},
    };
    struct arena *a cleanup(cleanup_arena) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err cleanup(error_clear) = {0};
        struct oci_reference ref;
        if (!oci_parse(a, cases[i].text, &ref, &err))
            fail_msg("%s: %s", cases[i].text, error_text(&err));
        assert_string_equal(ref.registry, cases[i].registry);
        assert_string_equal(ref.repository, cases[i].repository);
        assert_true(str_eq(ref.tag, cases[i].tag));
        assert_true(str_eq(ref.digest, cases[i].digest));
        assert_string_equal(ref.name, cases[i].name);
    }
}

static void test_parse_refuses(void **state)
{
    static const char *const bad[] = {
        "",
        "oci://",
        "UPPER/case",
        "a",
        "ghcr.io/",
        "ghcr.io//x",
        "ghcr.io/a/../b",
        "ghcr.io/./b",
        "ghcr.io/a b",
        "ghcr.io/a:",
        "ghcr.io/a:b:c",
        "ghcr.io/ab:-x",
        "ghcr.io/ab@sha256:12",
        "ghcr.io/ab@",
        "host:port/ab",
        "user@host.io/ab",
        "ghcr.io/ab?x=1",
        "ho st.io/ab",
        "[::1/ab",
        "a.b:123456/cd",
        "oci://oci://ghcr.io/ab",
        "ghcr.io/ab/",
        ":tag",
        "oci://user:Hush@ghcr.io/ab",
        "user:Hush@ghcr.io/ab",
    };
    struct arena *a cleanup(cleanup_arena) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct error err cleanup(error_clear) = {0};
        struct oci_reference ref;
        if (oci_parse(a, bad[i], &ref, &err))
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(err.class, ERROR_INVALID);
        assert_null(strstr(error_text(&err), "Hush"));
    }
}

// base64: "u:p" dTpw, "hub:hush" aHViOmh1c2g=, "path:p" cGF0aDpw, "star:p" c3RhcjpwCg== carries a newline that belongs
// to the password
static const char config[] = "{\"auths\": {"
                             "  \"https://index.docker.io/v1/\": {\"auth\": \"aHViOmh1c2g=\"},"
                             "  \"ghcr.io\": {\"username\": \"gh\", \"password\": \"pw\"},"
                             "  \"ghcr.io/org\": {\"auth\": \"cGF0aDpw\"},"
                             "  \"*.example.com\": {\"auth\": \"dTpw\"},"
                             "  \"reg.local:5000\": {\"registrytoken\": \"tok\"},"
                             "  \"id.io\": {\"username\": \"<token>\", \"identitytoken\": \"refresh\"},"
                             "  \"bad.io\": {\"auth\": \"%%%\"},"
                             "  \"nocolon.io\": {\"auth\": \"dXNlcg==\"},"
                             "  \"odd.io\": 7"
                             "}}";

static void test_docker_config(void **state)
{
    static const struct {
        const char *repository, *user, *password, *bearer, *identity;
    } cases[] = {
        {"index.docker.io/library/nginx", "hub", "hush", NULL, NULL},
        {"docker.io/org/app", "hub", "hush", NULL, NULL},
        {"ghcr.io/other/app", "gh", "pw", NULL, NULL},
        {"ghcr.io/org/app", "path", "p", NULL, NULL},
        {"ghcr.io/org", "path", "p", NULL, NULL},
        {"ghcr.io/organ", "gh", "pw", NULL, NULL},
        {"a.example.com/x", "u", "p", NULL, NULL},
        {"reg.local:5000/x", NULL, NULL, "tok", NULL},
        {"id.io/x", NULL, NULL, NULL, "refresh"},
    };
    static const char *const none[] = {"a.b.example.com/x",    "example.com/x",      "reg.local/x",
                                       "a.example.com:5000/x", "ghcr.io.evil.com/x", "odd.io/x"};
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct oci_credentials c;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err cleanup(error_clear) = {0};
        if (!oci_docker_config(a, SLICE(config), cases[i].repository, &c, &err))
            fail_msg("%s: none found: %s", cases[i].repository, error_text(&err));
        assert_true(str_eq(c.user, cases[i].user));
        assert_true(str_eq(c.password, cases[i].password));
        assert_true(str_eq(c.bearer, cases[i].bearer));
        assert_true(str_eq(c.identity_token, cases[i].identity));
    }
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        struct error err cleanup(error_clear) = {0};
        if (oci_docker_config(a, SLICE(config), none[i], &c, &err))
            fail_msg("%s: took the credentials of %s", none[i], c.user ? c.user : "?");
        assert_int_equal(err.class, 0);
    }
}

static void test_docker_config_faults(void **state)
{
    static const struct {
        const char *json, *repository;
    } cases[] = {
        {config, "bad.io/x"}, {config, "nocolon.io/x"}, {"{\"auths\": hush", "x.io/x"},
        {"[]", "x.io/x"},     {"", "x.io/x"},           {"{}", "x.io/x"},
    };
    struct arena *a cleanup(cleanup_arena) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err cleanup(error_clear) = {0};
        struct oci_credentials c;
        assert_false(oci_docker_config(a, slice_of(cases[i].json), cases[i].repository, &c, &err));
        assert_int_equal(err.class, ERROR_INVALID);
        assert_null(strstr(error_text(&err), "hush"));
    }
}

static void test_error_text(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    assert_string_equal(
        oci_error_text(
            a, SLICE("{\"errors\":[{\"code\":\"NAME_UNKNOWN\",\"message\":\"not\\nknown\"},{\"code\":\"X\"}]}")),
        "NAME_UNKNOWN: not known; X");
    assert_string_equal(oci_error_text(a, SLICE("{\"details\":\"incorrect username or password\"}")),
                        "incorrect username or password");
    assert_string_equal(oci_error_text(a, SLICE("<html>")), "");
    assert_string_equal(oci_error_text(a, SLICE("{\"errors\":[1,null]}")), "UNKNOWN; UNKNOWN");
    struct buf big = BUF_IN(a);
    buf_str(&big, "{\"errors\":[{\"code\":\"");
    buf_fill(&big, 'A', 100000);
    buf_str(&big, "\"}]}");
    assert_true(strlen(oci_error_text(a, buf_view(&big))) <= 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),         cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_docker_config), cmocka_unit_test(test_docker_config_faults),
        cmocka_unit_test(test_error_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
