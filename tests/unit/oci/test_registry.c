// test_registry.c - a registry that behaves, and the many ways in which one can fail to.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "digest/digest.h"
#include "fake_server.h"
#include "oci/oci.h"

#include <stdio.h>
#include <unistd.h>

static const char manifest[] =
    "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"layers\":[]}";
static const char blob[] = "the bytes of a layer";

enum auth { OPEN, TOKEN, BASIC, NEVER, TOKEN_GARBAGE, TOKEN_REFUSED, TOKEN_EMPTY, NO_REALM };
enum fault {
    NONE,
    BUSY,
    BROKEN,
    GARBAGE,
    ENDLESS,
    SAME_PAGE,
    EMPTY_PAGES,
    OTHER_HOST,
    WRONG_BYTES,
    WRONG_HEADER,
    NO_HEAD,
    ELSEWHERE,
    HUGE,
    NO_LIST
};

struct world {
    struct arena *arena;
    struct fake *fake, *elsewhere;
    struct oci *oci;
    enum auth auth;
    enum fault fault;
    const char *realm; // of the challenge; NULL: the registry's own /token
    char manifest_digest[80], blob_digest[80];
    int pages, tokens, token_requests;
    bool expired; // the first token is refused from now on
    char token_query[1024], token_auth[256], token_body[1024], elsewhere_auth[64];
};

static void elsewhere(void *ctx, const struct fake_request *req, struct buf *answer)
{
    struct world *w = ctx;
    const char *auth = fake_header(req, "Authorization");
    snprintf(w->elsewhere_auth, sizeof w->elsewhere_auth, "%s", auth ? auth : "");
    fake_reply(answer, 200, NULL, w->fault == WRONG_BYTES ? "other bytes" : blob);
}

static void issue_token(struct world *w, const struct fake_request *req, struct buf *answer)
{
    const char *auth = fake_header(req, "Authorization");
    w->token_requests++;
    snprintf(w->token_query, sizeof w->token_query, "%s", req->target);
    snprintf(w->token_auth, sizeof w->token_auth, "%s", auth ? auth : "");
    snprintf(w->token_body, sizeof w->token_body, "%.*s", SLICE_ARG(req->body));
    if (w->auth == TOKEN_GARBAGE) {
        fake_reply(answer, 200, NULL, "<html>login</html>");
    } else if (w->auth == TOKEN_REFUSED) {
        fake_reply(answer, 401, NULL, "{\"details\":\"incorrect username or password\"}");
    } else if (w->auth == TOKEN_EMPTY) {
        fake_reply(answer, 200, NULL, "{\"token\":\"\"}");
    } else {
        char *body = xasprintf("{\"token\":\"t%d\",\"expires_in\":300}", ++w->tokens);
        fake_reply(answer, 200, NULL, body);
        free(body);
    }
}

static bool is_allowed(struct world *w, const struct fake_request *req)
{
    const char *auth = fake_header(req, "Authorization");
    char token[32];
    snprintf(token, sizeof token, "Bearer t%d", w->tokens);
    switch (w->auth) {
    case OPEN:
        return true;
    case BASIC:
        return str_eq(auth, "Basic dTpw");
    case TOKEN:
        if (w->expired && w->tokens < 2)
            return false;
        return w->tokens && str_eq(auth, token);
    default:
        return false;
    }
}

static void challenge(struct world *w, struct buf *answer)
{
    char *realm = w->realm ? xstrdup(w->realm) : xasprintf("%s/token", fake_url(w->fake));
    char *header =
        w->auth == BASIC ? xstrdup("WWW-Authenticate: Basic realm=\"x\"\r\n")
        : w->auth == NO_REALM
            ? xstrdup("WWW-Authenticate: Bearer service=\"x\"\r\n")
            : xasprintf("WWW-Authenticate: Bearer realm=\"%s\",service=\"reg\",scope=\"repository:org/app:pull\"\r\n",
                        realm);
    fake_reply(answer, 401, header,
               "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\"}]}");
    free(header);
    free(realm);
}

static void list_tags(struct world *w, const struct fake_request *req, struct buf *answer)
{
    char *link = NULL;
    const char *body = "{\"name\":\"org/app\",\"tags\":[\"1.0.0\",\"1.1.0\"]}";
    w->pages++;
    switch (w->fault) {
    case ENDLESS:
        link = xasprintf("Link: </v2/org/app/tags/list?last=%d>; rel=\"next\"\r\n", w->pages);
        break;
    case SAME_PAGE:
        link = xasprintf("Link: <%s>; rel=\"next\"\r\n", req->target);
        break;
    case EMPTY_PAGES:
        link = xasprintf("Link: </v2/org/app/tags/list?last=%d>; rel=\"next\"\r\n", w->pages);
        body = "{\"tags\":null}";
        break;
    case NO_LIST:
        body = "{\"tags\":\"1.0.0\"}";
        break;
    case OTHER_HOST:
        link = xasprintf("Link: <%s/v2/org/app/tags/list>; rel=\"next\"\r\n", fake_url(w->elsewhere));
        break;
    default:
        if (w->pages == 1)
            link = xstrdup("Link: </v2/org/app/tags/list?n=1000&last=1.1.0>; rel=\"next\"\r\n");
        else
            body = "{\"tags\":[\"2.0.0\", 7, null, \"\", \".hidden\", \"not a tag\"]}";
    }
    fake_reply(answer, 200, link, body);
    free(link);
}

static void serve(struct world *w, const struct fake_request *req, struct buf *answer)
{
    char header[200];
    if (str_has_prefix(req->target, "/v2/org/app/tags/list")) {
        list_tags(w, req, answer);
    } else if (str_has_prefix(req->target, "/v2/org/app/manifests/1.0.0") || strstr(req->target, w->manifest_digest)) {
        snprintf(header, sizeof header,
                 "Content-Type: application/vnd.oci.image.manifest.v1+json\r\nDocker-Content-Digest: %s\r\n",
                 w->fault == WRONG_HEADER ? w->blob_digest : w->manifest_digest);
        bool head = !strcmp(req->method, "HEAD");
        if (head && w->fault == NO_HEAD)
            fake_reply(answer, 405, NULL, "");
        else
            fake_reply(answer, 200, header, head ? "" : w->fault == WRONG_BYTES ? "{\"schemaVersion\":3}" : manifest);
    } else if (str_has_prefix(req->target, "/v2/org/app/blobs/")) {
        if (w->fault == ELSEWHERE) {
            snprintf(header, sizeof header, "Location: %s/storage?signature=hush\r\n", fake_url(w->elsewhere));
            fake_reply(answer, 307, header, "");
        } else {
            fake_reply(answer, 200, NULL, w->fault == WRONG_BYTES ? "the bytes of a lawyer" : blob);
        }
    } else {
        fake_reply(answer, 404, NULL,
                   "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\"}]}");
    }
}

static void handle(void *ctx, const struct fake_request *req, struct buf *answer)
{
    struct world *w = ctx;
    if (w->fault == BUSY)
        fake_reply(answer, 429, "Retry-After: 120\r\n",
                   "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"slow down\"}]}");
    else if (w->fault == BROKEN)
        fake_reply(answer, 500, NULL, "oops");
    else if (w->fault == GARBAGE)
        fake_reply(answer, 200, NULL, "\xff\xfe{{{ nothing");
    else if (w->fault == HUGE) {
        buf_str(answer, "HTTP/1.1 200 OK\r\nContent-Length: 40000000\r\n\r\n{\"tags\":[\"");
        buf_fill(answer, 'x', 40000000 - 10);
    } else if (str_has_prefix(req->target, "/token"))
        issue_token(w, req, answer);
    else if (!is_allowed(w, req))
        challenge(w, answer);
    else
        serve(w, req, answer);
}

static int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    w->arena = arena_new();
    w->fake = fake_start(handle, w);
    w->elsewhere = fake_start(elsewhere, w);
    snprintf(w->manifest_digest, sizeof w->manifest_digest, "%s", sha256_digest(w->arena, manifest, strlen(manifest)));
    snprintf(w->blob_digest, sizeof w->blob_digest, "%s", sha256_digest(w->arena, blob, strlen(blob)));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    oci_free(w->oci);
    fake_stop(w->fake);
    fake_stop(w->elsewhere);
    arena_free(w->arena);
    free(w);
    return 0;
}

static struct oci *connect_with(struct world *w, struct oci_credentials credentials)
{
    struct error err cleanup(error_clear) = {0};
    struct oci_reference ref;
    struct oci_options options = {.credentials = credentials};
    oci_free(w->oci);
    assert_true(oci_parse(w->arena, arena_printf(w->arena, "127.0.0.1:%d/org/app", fake_port(w->fake)), &ref, &err));
    w->oci = oci_new(&ref, &options, &err);
    assert_non_null(w->oci);
    return w->oci;
}

static const struct oci_credentials anonymous, user = {.user = "u", .password = "p"};

static void test_tags(void **state)
{
    struct world *w = *state;
    static const enum auth modes[] = {OPEN, BASIC, TOKEN};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        struct error err cleanup(error_clear) = {0};
        const char **tags;
        size_t count;
        w->auth = modes[i];
        w->pages = 0;
        if (!oci_tags(connect_with(w, user), w->arena, &tags, &count, &err))
            fail_msg("%s", error_text(&err));
        assert_int_equal(count, 3);
        assert_string_equal(tags[0], "1.0.0");
        assert_string_equal(tags[2], "2.0.0");
        assert_int_equal(w->pages, 2);
    }
    // One token did for both pages, and it was asked for with the challenge's words and the user's password.
    assert_int_equal(w->token_requests, 1);
    assert_string_equal(w->token_query, "/token?service=reg&scope=repository%3Aorg%2Fapp%3Apull");
    assert_string_equal(w->token_auth, "Basic dTpw");
}

static void test_anonymous_token(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    const char *digest;
    w->auth = TOKEN;
    assert_true(oci_resolve(connect_with(w, anonymous), w->arena, "1.0.0", &digest, &err));
    assert_string_equal(w->token_auth, "");
}

static void test_token_runs_out(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    const char *digest;
    w->auth = TOKEN;
    assert_true(oci_resolve(connect_with(w, user), w->arena, "1.0.0", &digest, &err));
    w->expired = true;
    assert_true(oci_resolve(w->oci, w->arena, "1.0.0", &digest, &err));
    assert_int_equal(w->token_requests, 2);
}

static void test_identity_token(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    const char *digest;
    w->auth = TOKEN;
    assert_true(oci_resolve(connect_with(w, (struct oci_credentials){.identity_token = "refresh me"}), w->arena,
                            "1.0.0", &digest, &err));
    assert_non_null(strstr(w->token_body, "grant_type=refresh_token"));
    assert_non_null(strstr(w->token_body, "refresh_token=refresh%20me"));
}

static void test_manifest_and_blob(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    struct oci *o = connect_with(w, anonymous);
    struct oci_manifest m;
    const char *digest;
    struct slice data;
    static const enum fault heads[] = {NONE, NO_HEAD};
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        w->fault = heads[i];
        assert_true(oci_resolve(o, w->arena, "1.0.0", &digest, &err));
        assert_string_equal(digest, w->manifest_digest);
    }
    w->fault = NONE;
    assert_true(oci_manifest(o, w->arena, "1.0.0", &m, &err));
    assert_string_equal(m.digest, w->manifest_digest);
    assert_string_equal(m.media_type, "application/vnd.oci.image.manifest.v1+json");
    assert_int_equal(value_int_or(value_get(m.document, "schemaVersion"), 0), 2);
    assert_true(oci_manifest(o, w->arena, w->manifest_digest, &m, &err));
    assert_true(oci_blob(o, w->arena, w->blob_digest, 0, NULL, &data, &err));
    assert_true(slice_eq_str(data, blob));

    char path[] = "/tmp/runnel-oci-XXXXXX";
    close(mkstemp(path));
    assert_true(oci_blob(o, w->arena, w->blob_digest, 0, path, &data, &err));
    assert_true(file_read(w->arena, path, 1000, &data, &err));
    assert_true(slice_eq_str(data, blob));
    w->fault = WRONG_BYTES;
    assert_false(oci_blob(o, w->arena, w->blob_digest, 0, path, &data, &err));
    assert_int_equal(err.class, ERROR_INVALID);
    assert_int_not_equal(access(path, F_OK), 0); // nothing is left of what was not what it said
    error_clear(&err);
    w->fault = NONE;
    assert_false(oci_blob(o, w->arena, w->blob_digest, 5, NULL, &data, &err));
    assert_int_equal(err.class, ERROR_LIMIT);
}

static void test_blob_elsewhere(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    struct slice data;
    w->auth = TOKEN;
    w->fault = ELSEWHERE;
    assert_true(oci_blob(connect_with(w, user), w->arena, w->blob_digest, 0, NULL, &data, &err));
    assert_true(slice_eq_str(data, blob));
    assert_string_equal(w->elsewhere_auth, "");
}

// ---- the many ways to fail ------------------------------------------------------------------------------------------

static void test_refused(void **state)
{
    struct world *w = *state;
    static const struct {
        enum auth auth;
        enum error_class class;
        const char *text;
    } cases[] = {
        {NEVER, ERROR_DENIED, "UNAUTHORIZED: authentication required"}, // a fresh token, and still 401: no loop
        {TOKEN_REFUSED, ERROR_DENIED, "incorrect username or password"},
        {TOKEN_GARBAGE, ERROR_TRANSIENT, "not valid JSON"},
        {TOKEN_EMPTY, ERROR_TRANSIENT, "no token"},
        {NO_REALM, ERROR_DENIED, "without a realm"},
        {BASIC, ERROR_DENIED, "status 401"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err cleanup(error_clear) = {0};
        const char **tags;
        size_t count;
        w->auth = cases[i].auth;
        int before = fake_requests(w->fake);
        assert_false(oci_tags(connect_with(w, (struct oci_credentials){.user = "u", .password = "wrong"}), w->arena,
                              &tags, &count, &err));
        assert_int_equal(err.class, cases[i].class);
        if (!strstr(error_text(&err), cases[i].text))
            fail_msg("%s", error_text(&err));
        assert_null(strstr(error_text(&err), "wrong"));
        assert_true(fake_requests(w->fake) - before <= 3);
    }
}

static void test_faults(void **state)
{
    struct world *w = *state;
    static const struct {
        enum fault fault;
        enum error_class class;
        int code;
        const char *text;
    } cases[] = {
        {BUSY, ERROR_TRANSIENT, 429, "status 429: TOOMANYREQUESTS: slow down"},
        {BROKEN, ERROR_TRANSIENT, 500, "status 500"},
        {GARBAGE, ERROR_TRANSIENT, 0, "not a list of tags"},
        {NO_LIST, ERROR_TRANSIENT, 0, "not a list of tags"},
        {ENDLESS, ERROR_LIMIT, 0, "pages"},
        {SAME_PAGE, ERROR_LIMIT, 0, "has no end"},
        {EMPTY_PAGES, ERROR_LIMIT, 0, "has no end"},
        {OTHER_HOST, ERROR_INVALID, 0, "another host"},
        {HUGE, ERROR_LIMIT, 0, "larger than"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err cleanup(error_clear) = {0};
        const char **tags;
        size_t count = 99;
        w->fault = cases[i].fault;
        assert_false(oci_tags(connect_with(w, anonymous), w->arena, &tags, &count, &err));
        assert_int_equal(err.class, cases[i].class);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(count, 0);
        if (!strstr(error_text(&err), cases[i].text))
            fail_msg("%s", error_text(&err));
        if (cases[i].fault == BUSY)
            assert_int_equal(err.retry_after_ms, 120000);
    }
}

static void test_wrong_digests(void **state)
{
    struct world *w = *state;
    static const enum fault faults[] = {WRONG_BYTES, WRONG_HEADER};
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct error err cleanup(error_clear) = {0};
        struct oci_manifest m;
        w->fault = faults[i];
        assert_false(oci_manifest(connect_with(w, anonymous), w->arena, "1.0.0", &m, &err));
        assert_int_equal(err.class, ERROR_INVALID);
        assert_non_null(strstr(error_text(&err), "does not match"));
    }
    struct error err cleanup(error_clear) = {0};
    struct oci_manifest m;
    struct slice data;
    w->fault = WRONG_BYTES;
    assert_false(oci_manifest(w->oci, w->arena, w->manifest_digest, &m, &err));
    assert_int_equal(err.class, ERROR_INVALID);
    error_clear(&err);
    assert_false(oci_manifest(w->oci, w->arena, "sha256:../../etc", &m, &err));
    assert_int_equal(err.class, ERROR_INVALID);
    error_clear(&err);
    assert_false(oci_blob(w->oci, w->arena, "sha256:12", 0, NULL, &data, &err));
    assert_int_equal(err.class, ERROR_INVALID);
    error_clear(&err);
    w->fault = NONE;
    assert_false(oci_manifest(w->oci, w->arena, "none", &m, &err));
    assert_int_equal(err.class, ERROR_NOT_FOUND);
    assert_non_null(strstr(error_text(&err), "MANIFEST_UNKNOWN: manifest unknown"));
    const char *digest;
    error_clear(&err);
    assert_false(oci_resolve(w->oci, w->arena, "none", &digest, &err));
    assert_int_equal(err.class, ERROR_NOT_FOUND);
}

// A registry behind TLS that sends one to a token server without it does not get the password.
static void test_realm_without_tls(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    struct fake *secure = fake_start_tls(handle, w, "127.0.0.1");
    struct oci_reference ref;
    const char *digest;
    assert_true(oci_parse(w->arena, arena_printf(w->arena, "127.0.0.1:%d/org/app", fake_port(secure)), &ref, &err));
    struct oci_options options = {.credentials = user, .tls.ca = slice_of(fake_ca(secure))};
    w->auth = TOKEN;
    struct oci *o = oci_new(&ref, &options, &err);
    assert_false(oci_resolve(o, w->arena, "1.0.0", &digest, &err));
    assert_int_equal(err.class, ERROR_DENIED);
    assert_int_equal(w->token_requests, 0);
    error_clear(&err);
    w->realm = arena_printf(w->arena, "%s/token", fake_url(secure));
    assert_true(oci_resolve(o, w->arena, "1.0.0", &digest, &err));
    oci_free(o);
    // Without the CA it is refused, and never taken for a registry without TLS.
    options.tls = (struct http_tls){0};
    options.insecure_http = true;
    o = oci_new(&ref, &options, &err);
    assert_false(oci_resolve(o, w->arena, "1.0.0", &digest, &err));
    assert_int_equal(err.class, ERROR_DENIED);
    oci_free(o);
    fake_stop(secure);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_tags),
        T(test_anonymous_token),
        T(test_token_runs_out),
        T(test_identity_token),
        T(test_manifest_and_blob),
        T(test_blob_elsewhere),
        T(test_refused),
        T(test_faults),
        T(test_wrong_digests),
        T(test_realm_without_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
