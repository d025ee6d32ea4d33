// test_connection.c - ways of connecting: certificates, whose word is taken for them, proxies.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fake_server.h"
#include "http/http.h"

#include <openssl/pem.h>
#include <stdlib.h>

struct world {
    struct arena *arena;
    struct fake *fake;
};

static void handle(void *ctx, const struct fake_request *req, struct buf *answer)
{
    fake_reply(answer, 200, NULL, "hello");
}

static int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    w->arena = arena_new();
    w->fake = fake_start(handle, w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    fake_stop(w->fake);
    arena_free(w->arena);
    free(w);
    return 0;
}

static bool tls_get(struct world *w, struct fake *f, const struct http_options *options, struct error *err)
{
    struct http *h = http_new(options, err);
    if (!h)
        return false;
    struct http_response res;
    struct http_request req = {.url = arena_printf(w->arena, "%s/ok", fake_url(f))};
    bool ok = http_do(h, w->arena, &req, &res, err);
    http_free(h);
    return ok;
}

static void test_tls(void **state)
{
    struct world *w = *state;
    struct fake *f = fake_start_tls(handle, w, "127.0.0.1"), *named = fake_start_tls(handle, w, "name.example");
    struct error err cleanup(error_clear) = {0};
    struct http_options none = {0}, with_ca = {.tls.ca = slice_of(fake_ca(f))}, blind = {.tls.insecure = true};
    struct http_options other_ca = {.tls.ca = slice_of(fake_ca(named))};
    struct http_options by_name = {.tls.ca = slice_of(fake_ca(named)), .tls.server_name = "name.example"};
    struct http_options wrong_name = {.tls.ca = slice_of(fake_ca(named)), .tls.server_name = "other.example"};

    assert_false(tls_get(w, f, &none, &err));
    assert_int_equal(err.class, ERROR_DENIED);
    error_clear(&err);
    assert_false(tls_get(w, f, &other_ca, &err));
    assert_int_equal(err.class, ERROR_DENIED);
    error_clear(&err);
    if (!tls_get(w, f, &with_ca, &err))
        fail_msg("%s", error_text(&err));
    assert_true(tls_get(w, f, &blind, &err));
    assert_false(tls_get(w, named, &other_ca, &err)); // right CA, the certificate is for another name
    assert_int_equal(err.class, ERROR_DENIED);
    error_clear(&err);
    if (!tls_get(w, named, &by_name, &err))
        fail_msg("%s", error_text(&err));
    assert_false(tls_get(w, named, &wrong_name, &err));
    assert_int_equal(err.class, ERROR_DENIED);
    fake_stop(f);
    fake_stop(named);
}

// Makes this CA the system's: as the one file of all of them, or in a folder under the name that OpenSSL looks for.
static void trust(const char *folder, const char *pem, bool as_file)
{
    struct error err cleanup(error_clear) = {0};
    struct arena *a cleanup(cleanup_arena) = arena_new();
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    assert_non_null(x);
    const char *path = arena_printf(a, "%s/%08lx.0", folder, X509_subject_name_hash(x));
    assert_true(file_write_atomic(path, pem, strlen(pem), 0600, &err));
    X509_free(x);
    BIO_free(bio);
    assert_int_equal(as_file ? setenv("SSL_CERT_FILE", path, 1) : setenv("SSL_CERT_DIR", folder, 1), 0);
}

static void test_system_ca(void **state)
{
    struct world *w = *state;
    struct fake *own = fake_start_tls(handle, w, "127.0.0.1"), *systems = fake_start_tls(handle, w, "127.0.0.1");
    const struct http_tls none = {0}, alone = {.ca = slice_of(fake_ca(own))},
                          both = {.ca = slice_of(fake_ca(own)), .system_too = true};
    const struct {
        const struct http_tls *tls;
        bool own, systems; // are trusted
    } cases[] = {{&none, false, true}, {&alone, true, false}, {&both, true, true}};
    for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
        struct error err cleanup(error_clear) = {0};
        char folder[] = "/tmp/runnel-ca-XXXXXX";
        assert_non_null(mkdtemp(folder));
        trust(folder, fake_ca(systems), i % 2);
        const size_t c = i / 2;
        struct http_options options = {.tls = *cases[c].tls};
        struct http *h = http_new(&options, &err);
        assert_non_null(h);
        // One after the other on one handle: curl may keep what it trusted first.
        for (int k = 0; k < 4; k++) {
            struct http_response res;
            struct http_request req = {.url = arena_printf(w->arena, "%s/ok", fake_url(k % 2 ? own : systems)),
                                       .timeout_ms = 20000};
            if (http_do(h, w->arena, &req, &res, &err) != (k % 2 ? cases[c].own : cases[c].systems))
                fail_msg("%zu, %d: %s", i, k, error_text(&err));
            error_clear(&err);
        }
        http_free(h);
        unsetenv("SSL_CERT_DIR");
        unsetenv("SSL_CERT_FILE");
        assert_true(dir_remove_all(folder, &err));
    }
    fake_stop(own);
    fake_stop(systems);
}

// What goes wrong with a proxy is told without its password.
static void test_proxy_faults(void **state)
{
    struct world *w = *state;
    static const char *const proxies[] = {"foo://me:Hush@127.0.0.1:1", "http://me:Hush@127.0.0.1:1",
                                          "me:Hush@127.0.0.1:1", "http://me:Hush@", "http://me:Hush@nowhere.invalid:1"};
    for (size_t i = 0; i < ARRAY_LEN(proxies); i++) {
        struct error err cleanup(error_clear) = {0};
        struct http_options options = {.proxy = proxies[i]};
        struct http_response res;
        struct http_request req = {.url = arena_printf(w->arena, "%s/ok", fake_url(w->fake)), .timeout_ms = 20000};
        struct http *h = http_new(&options, &err);
        assert_false(h && http_do(h, w->arena, &req, &res, &err));
        assert_true(err.class != 0);
        if (strstr(error_text(&err), "Hush"))
            fail_msg("%s", error_text(&err));
        http_free(h);
    }
    // One of the environment is quoted by curl itself.
    struct error err cleanup(error_clear) = {0};
    struct http_response res;
    struct http_request req = {.url = arena_printf(w->arena, "%s/ok", fake_url(w->fake)), .timeout_ms = 20000};
    struct http *h = http_new(NULL, &err);
    assert_non_null(h);
    assert_int_equal(setenv("http_proxy", proxies[0], 1), 0);
    assert_false(http_do(h, w->arena, &req, &res, &err));
    http_free(h);
    unsetenv("http_proxy");
    assert_non_null(strstr(error_text(&err), "proxy"));
    assert_null(strstr(error_text(&err), "Hush"));
}

static void test_bad_pem(void **state)
{
    struct error err cleanup(error_clear) = {0};
    struct http_options ca = {.tls.ca = SLICE("hush")}, half = {.tls.cert = SLICE("-----BEGIN CERTIFICATE-----\n")};
    assert_null(http_new(&ca, &err));
    assert_int_equal(err.class, ERROR_INVALID);
    assert_null(strstr(error_text(&err), "hush"));
    error_clear(&err);
    assert_null(http_new(&half, &err));
    assert_int_equal(err.class, ERROR_INVALID);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_tls),
        T(test_system_ca),
        T(test_proxy_faults),
        cmocka_unit_test(test_bad_pem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
