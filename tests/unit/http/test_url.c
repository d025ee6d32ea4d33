// test_url.c - URLs, what may be printed of them, and authentication challenges.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "http/http.h"

static void test_parse(void **state)
{
    static const struct {
        const char *text, *scheme, *user, *password, *host, *port, *path, *query;
    } cases[] = {
        {"https://example.com", "https", NULL, NULL, "example.com", NULL, "/", NULL},
        {"HTTP://Example.com:8080/a/b?x=1&y", "http", NULL, NULL, "Example.com", "8080", "/a/b", "x=1&y"},
        {"https://u:p%40ss@h/p", "https", "u", "p@ss", "h", NULL, "/p", NULL},
        {"https://token@h/p#frag", "https", "token", NULL, "h", NULL, "/p", NULL},
        {"http://[::1]:5000/v2/", "http", NULL, NULL, "[::1]", "5000", "/v2/", NULL},
        {"oci://ghcr.io/org/app", "oci", NULL, NULL, "ghcr.io", NULL, "/org/app", NULL},
        {"ssh://git@host:2222/repo.git", "ssh", "git", NULL, "host", "2222", "/repo.git", NULL},
    };
    struct arena *a cleanup(cleanup_arena) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err cleanup(error_clear) = {0};
        struct url u;
        if (!url_parse(a, cases[i].text, &u, &err))
            fail_msg("%s: %s", cases[i].text, error_text(&err));
        assert_string_equal(u.scheme, cases[i].scheme);
        assert_true(str_eq(u.user, cases[i].user));
        assert_true(str_eq(u.password, cases[i].password));
        assert_string_equal(u.host, cases[i].host);
        assert_true(str_eq(u.port, cases[i].port));
        assert_string_equal(u.path, cases[i].path);
        assert_true(str_eq(u.query, cases[i].query));
    }
}

static void test_parse_refuses(void **state)
{
    static const char *const bad[] = {"",
                                      "example.com/x",
                                      "http://",
                                      "http:///path",
                                      "http:/host/path",
                                      "http:/user:hush@host/path",
                                      "https://h:99999/",
                                      "https://h:x/",
                                      "http://a b/",
                                      "http://user:hush@h:x/",
                                      "://"};
    struct arena *a cleanup(cleanup_arena) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct error err cleanup(error_clear) = {0};
        struct url u;
        if (url_parse(a, bad[i], &u, &err))
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(err.class, ERROR_INVALID);
        assert_null(strstr(error_text(&err), "hush"));
    }
}

static void test_redact(void **state)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"https://h/p", "https://h/p"},
        {"https://user:hush@h/p", "https://h/p"},
        {"https://user:hu@sh@h/p", "https://h/p"},
        {"https://h/p@v1", "https://h/p@v1"},
        {"https://h/p?token=hush&x=hush#hush", "https://h/p?token=REDACTED&x=REDACTED"},
        {"https://h/info/refs?service=git-upload-pack", "https://h/info/refs?service=REDACTED"},
        {"https://h?flag", "https://h?flag"},
        {"https://user:hush@", "https://"},
        {"https:/user:hush@h/p", "https:/h/p"},
        {"https:///user:hush@h/p", "https:///h/p"},
        {"user:hush@h:80/p", "h:80/p"},
        {"git@h:org/repo", "git@h:org/repo"},
        {"no proxy 'foo://user:hush@h:1'", "no proxy 'foo://h:1'"},
        {"", ""},
    };
    struct arena *a cleanup(cleanup_arena) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(url_redact(a, cases[i].text), cases[i].shown);
}

static void test_resolve(void **state)
{
    static const struct { // RFC 3986, 5.4
        const char *base, *reference, *result;
    } cases[] = {
        {"http://a/b/c/d?q", "g", "http://a/b/c/g"},
        {"http://a/b/c/d?q", "./g", "http://a/b/c/g"},
        {"http://a/b/c/d?q", "g/", "http://a/b/c/g/"},
        {"http://a/b/c/d?q", "/g", "http://a/g"},
        {"http://a/b/c/d?q", "//g", "http://g/"},
        {"http://a/b/c/d?q", "g?y", "http://a/b/c/g?y"},
        {"http://a/b/c/d?q", "../g", "http://a/b/g"},
        {"http://a/b/c/d?q", "../../g", "http://a/g"},
        {"http://a/b/c/d?q", "../../../g", "http://a/g"},
        {"http://a/b/c/d?q", "https://other/x", "https://other/x"},
        {"https://h/charts/index.yaml", "app-1.0.0.tgz", "https://h/charts/app-1.0.0.tgz"},
    };
    struct arena *a cleanup(cleanup_arena) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *got = url_resolve(a, cases[i].base, cases[i].reference);
        assert_non_null(got);
        assert_string_equal(got, cases[i].result);
    }
    assert_null(url_resolve(a, "not a url", "x"));
}

static void test_same_host(void **state)
{
    assert_true(url_same_host("https://h/a", "https://H:443/b"));
    assert_true(url_same_host("http://h:80", "http://h/"));
    assert_false(url_same_host("http://h/", "https://h/"));
    assert_false(url_same_host("https://h/", "https://h:8443/"));
    assert_false(url_same_host("https://h/", "https://sub.h/"));
    assert_false(url_same_host("https://h/", "nonsense"));
}

static void test_escape(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    assert_string_equal(url_escape(a, "repository:a/b:pull"), "repository%3Aa%2Fb%3Apull");
    assert_string_equal(url_escape(a, "a-b_c.d~e f&\xc3\xa4"), "a-b_c.d~e%20f%26%C3%A4");
    assert_string_equal(url_escape(a, ""), "");
}

static void test_challenge(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct http_challenge c;
    assert_true(http_challenge_parse(a,
                                     "Bearer realm=\"https://auth.example/token\",service=\"reg\", "
                                     "scope=\"repository:a/b:pull,push\",error=\"x\\\"y\"",
                                     &c));
    assert_string_equal(c.scheme, "bearer");
    assert_string_equal(http_challenge_param(&c, "realm"), "https://auth.example/token");
    assert_string_equal(http_challenge_param(&c, "SERVICE"), "reg");
    assert_string_equal(http_challenge_param(&c, "scope"), "repository:a/b:pull,push");
    assert_string_equal(http_challenge_param(&c, "error"), "x\"y");
    assert_null(http_challenge_param(&c, "nothing"));
    assert_true(http_challenge_parse(a, "Negotiate", &c));
    assert_string_equal(c.scheme, "negotiate");
    assert_int_equal(c.param_count, 0);
    assert_false(http_challenge_parse(a, "", &c));
    assert_false(http_challenge_parse(a, " ,\"", &c));
    assert_true(http_challenge_parse(a, "Bearer realm=\"unterminated", &c));
    assert_string_equal(http_challenge_param(&c, "realm"), "unterminated");
    // More parameters than there is room for.
    struct buf many = BUF_IN(a);
    buf_str(&many, "Bearer ");
    for (int i = 0; i < 100; i++)
        buf_printf(&many, "k%d=v,", i);
    assert_true(http_challenge_parse(a, buf_cstr(&many), &c));
    assert_int_equal(c.param_count, ARRAY_LEN(c.params));
}

static void test_challenge_find(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct http_header headers[] = {
        {"content-type", "text/plain"},
        {"www-authenticate", "Negotiate, Basic realm=\"x, y\", charset=\"UTF-8\""},
        {"www-authenticate", "Digest qop=auth, Bearer realm=\"https://a/t\""},
    };
    struct http_response res = {.status = 401, .headers = headers, .header_count = ARRAY_LEN(headers)};
    struct http_challenge c;
    assert_true(http_challenge_find(a, &res, "basic", &c));
    assert_string_equal(http_challenge_param(&c, "realm"), "x, y");
    assert_true(http_challenge_find(a, &res, "bearer", &c));
    assert_string_equal(http_challenge_param(&c, "realm"), "https://a/t");
    assert_false(http_challenge_find(a, &res, "hoba", &c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),     cmocka_unit_test(test_parse_refuses),  cmocka_unit_test(test_redact),
        cmocka_unit_test(test_resolve),   cmocka_unit_test(test_same_host),      cmocka_unit_test(test_escape),
        cmocka_unit_test(test_challenge), cmocka_unit_test(test_challenge_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
