// test_request.c - requests against a server that behaves, misbehaves, redirects and hangs.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fake_server.h"
#include "http/http.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct world { // what a handler sees and remembers
    struct arena *arena;
    struct http *http;
    struct fake *fake, *other;
    int count;      // requests of the test's kind so far
    int connection; // that the last one came on
    char auth[256], cookie[64], body[256], method[16];
    const char *location;
    int cancel;
};

static void note(struct world *w, const struct fake_request *req)
{
    const char *auth = fake_header(req, "Authorization");
    snprintf(w->auth, sizeof w->auth, "%s", auth ? auth : "");
    const char *cookie = fake_header(req, "Cookie");
    snprintf(w->cookie, sizeof w->cookie, "%s", cookie ? cookie : "");
    snprintf(w->body, sizeof w->body, "%.*s", SLICE_ARG(req->body));
    snprintf(w->method, sizeof w->method, "%s", req->method);
    w->connection = req->connection;
    w->count++;
}

static void big(struct buf *answer, size_t size)
{
    buf_printf(answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
    buf_fill(answer, 'x', size);
}

static void answer_many_headers(struct buf *answer)
{
    buf_str(answer, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 2000; i++)
        buf_printf(answer, "X-%d: y\r\n", i);
    buf_str(answer, "Content-Length: 0\r\n\r\n");
}

static void handle(void *ctx, const struct fake_request *req, struct buf *answer)
{
    struct world *w = ctx;
    const char *t = req->target;
    note(w, req);
    if (!strcmp(t, "/ok"))
        fake_reply(answer, 200, "X-Answer: 42\r\nx-answer: 43\r\n", "hello");
    else if (!strcmp(t, "/404"))
        fake_reply(answer, 404, NULL, "no such\nthing\x01");
    else if (!strcmp(t, "/html"))
        fake_reply(answer, 500, NULL, "<html>oops</html>");
    else if (!strcmp(t, "/flaky"))
        fake_reply(answer, w->count < 3 ? 503 : 200, NULL, w->count < 3 ? "later" : "now");
    else if (!strcmp(t, "/drop-once") && w->count == 1)
        buf_clear(answer);
    else if (!strcmp(t, "/drop-once"))
        fake_reply(answer, 200, NULL, "second");
    else if (!strcmp(t, "/busy"))
        fake_reply(answer, w->count == 1 ? 429 : 200, "Retry-After: 1\r\n", "x");
    else if (!strcmp(t, "/very-busy"))
        fake_reply(answer, 429, "Retry-After: 3600\r\n", "x");
    else if (!strcmp(t, "/big"))
        big(answer, 100000);
    else if (!strcmp(t, "/headers"))
        answer_many_headers(answer);
    else if (!strcmp(t, "/short"))
        buf_str(answer, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nshort");
    else if (!strcmp(t, "/garbage"))
        buf_str(answer, "\x16\x03\x01 nothing like HTTP, connection: close\r\n\r\n");
    else if (!strcmp(t, "/hang"))
        buf_str(answer, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    else if (!strcmp(t, "/loop"))
        fake_reply(answer, 302, "Location: /loop\r\n", "");
    else if (!strcmp(t, "/file"))
        fake_reply(answer, 302, "Location: file:///etc/passwd\r\n", "");
    else if (str_has_prefix(t, "/to/")) {
        char *headers = xasprintf("Location: %s\r\n", w->location);
        fake_reply(answer, atoi(t + 4), headers, "");
        free(headers);
    } else
        fake_reply(answer, 418, NULL, "what?");
}

static int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    struct error err = {0};
    w->arena = arena_new();
    w->fake = fake_start(handle, w);
    w->other = fake_start(handle, w);
    w->http = http_new(NULL, &err);
    assert_non_null(w->http);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    http_free(w->http);
    fake_stop(w->fake);
    fake_stop(w->other);
    arena_free(w->arena);
    free(w);
    return 0;
}

static struct http_request to(struct world *w, const char *path)
{
    return (struct http_request){.url = arena_printf(w->arena, "%s%s", fake_url(w->fake), path), .timeout_ms = 20000};
}

static void test_get(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    struct http_response res;
    struct http_request req = to(w, "/ok");
    assert_true(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(res.status, 200);
    assert_true(slice_eq_str(res.body, "hello"));
    assert_string_equal(http_header(&res, "X-Answer"), "42");
    assert_null(http_header(&res, "x-none"));
    assert_string_equal(res.final_url, req.url);
    assert_string_equal(w->method, "GET");
    assert_string_equal(w->auth, "");
}

static void test_connections_are_kept(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    struct http_response res;
    struct http_request req = to(w, "/ok");
    for (int i = 0; i < 5; i++)
        assert_true(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(fake_requests(w->fake), 5);
    assert_int_equal(w->connection, 1);
}

static void test_status_is_an_error(void **state)
{
    static const struct {
        const char *path;
        int status;
        enum error_class class;
        const char *text;
    } cases[] = {
        {"/404", 404, ERROR_NOT_FOUND, "/404: status 404: no such thing "},
        {"/html", 500, ERROR_TRANSIENT, "/html: status 500"},
        {"/teapot", 418, ERROR_INVALID, "/teapot: status 418: what?"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err cleanup(error_clear) = {0};
        struct http_response res;
        struct http_request req = to(w, cases[i].path);
        assert_false(http_get_ok(w->http, w->arena, &req, &res, &err));
        assert_int_equal(err.class, cases[i].class);
        assert_int_equal(err.code, cases[i].status);
        assert_true(str_has_prefix(error_text(&err), "GET http://127.0.0.1:"));
        assert_true(str_has_suffix(error_text(&err), cases[i].text));
    }
    assert_int_equal(http_status_class(401), ERROR_DENIED);
    assert_int_equal(http_status_class(403), ERROR_DENIED);
    assert_int_equal(http_status_class(409), ERROR_CONFLICT);
    assert_int_equal(http_status_class(429), ERROR_TRANSIENT);
    assert_int_equal(http_status_class(503), ERROR_TRANSIENT);
}

static void test_credentials(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    struct http_response res;
    struct http_request req = to(w, "/ok");
    req.user = "user";
    req.password = "pa:ss";
    assert_true(http_do(w->http, w->arena, &req, &res, &err));
    assert_string_equal(w->auth, "Basic dXNlcjpwYTpzcw==");
    req.bearer = "token";
    assert_true(http_do(w->http, w->arena, &req, &res, &err));
    assert_string_equal(w->auth, "Bearer token");
    // From the URL, which is printed and sent without them.
    struct http_request in_url = {
        .url = arena_printf(w->arena, "http://me:hush@127.0.0.1:%d/404?key=hush", fake_port(w->fake))};
    assert_false(http_get_ok(w->http, w->arena, &in_url, &res, &err));
    assert_string_equal(w->auth, "Basic bWU6aHVzaA==");
    assert_null(strstr(error_text(&err), "hush"));
    assert_null(strstr(res.final_url, "me:"));
}

static void test_header_injection(void **state)
{
    struct world *w = *state;
    static const struct http_header bad[] = {{"X-A", "1\r\nX-B: 2"}, {"X\nY", "1"}, {"", "1"}, {"X: Y", "1"}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct error err cleanup(error_clear) = {0};
        struct http_response res;
        struct http_request req = to(w, "/ok");
        req.headers = &bad[i];
        req.header_count = 1;
        assert_false(http_do(w->http, w->arena, &req, &res, &err));
        assert_int_equal(err.class, ERROR_INVALID);
    }
    struct error err cleanup(error_clear) = {0};
    struct http_response res;
    struct http_request req = to(w, "/ok");
    req.bearer = "hush\r\nX-B: 2";
    assert_false(http_do(w->http, w->arena, &req, &res, &err));
    assert_null(strstr(error_text(&err), "hush"));
    assert_int_equal(w->count, 0);
}

static void test_retries(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    struct http_response res;
    struct http_request req = to(w, "/flaky");
    req.retries = 2;
    assert_true(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(res.status, 200);
    assert_true(slice_eq_str(res.body, "now"));
    assert_int_equal(w->count, 3);

    w->count = 0;
    req = to(w, "/flaky");
    assert_true(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(res.status, 503);
    assert_int_equal(w->count, 1);

    w->count = 0;
    req.retries = 5;
    req.method = "POST"; // not idempotent
    req.body = SLICE("x");
    assert_true(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(w->count, 1);

    w->count = 0;
    req = to(w, "/drop-once");
    req.retries = 1;
    assert_true(http_do(w->http, w->arena, &req, &res, &err));
    assert_true(slice_eq_str(res.body, "second"));
}

static void test_retry_after(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    struct http_response res;
    struct http_request req = to(w, "/busy");
    req.retries = 1;
    int64_t before = clock_mono_ms();
    assert_true(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(res.status, 200);
    assert_true(clock_mono_ms() - before >= 1000);
    // An hour is not waited for here: the caller learns of it.
    req = to(w, "/very-busy");
    req.retries = 3;
    w->count = 0;
    assert_false(http_get_ok(w->http, w->arena, &req, &res, &err));
    assert_int_equal(w->count, 1);
    assert_int_equal(err.class, ERROR_TRANSIENT);
    assert_int_equal(err.retry_after_ms, 3600 * 1000);

    struct http_header header = {"retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"};
    struct http_response fixed = {.headers = &header, .header_count = 1};
    assert_int_equal(http_retry_after_ms(&fixed), 0);
    header.value = "-5";
    assert_int_equal(http_retry_after_ms(&fixed), 0);
    header.value = "99999999999999";
    assert_int_equal(http_retry_after_ms(&fixed), 86400000);
    header.value = "soon";
    assert_int_equal(http_retry_after_ms(&fixed), 0);
}

static void test_redirects(void **state)
{
    struct world *w = *state;
    struct http_response res;
    struct http_header headers[] = {{"Cookie", "a=b"}, {"X-Plain", "1"}};
    static const struct {
        const char *path, *method, *sent; // the method that arrives
        bool elsewhere, credentials;
    } cases[] = {
        {"/to/302", "GET", "GET", false, true},   {"/to/302", "GET", "GET", true, false},
        {"/to/301", "POST", "GET", false, true},  {"/to/303", "PUT", "GET", false, true},
        {"/to/307", "POST", "POST", false, true}, {"/to/308", "POST", "POST", true, false},
        {"/to/303", "HEAD", "HEAD", false, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err cleanup(error_clear) = {0};
        struct http_request req = to(w, cases[i].path);
        bool body = !strcmp(cases[i].method, "POST") || !strcmp(cases[i].method, "PUT");
        w->location = cases[i].elsewhere ? arena_printf(w->arena, "%s/ok", fake_url(w->other)) : "/ok";
        req.method = cases[i].method;
        req.user = "u";
        req.password = "p";
        req.headers = headers;
        req.header_count = 2;
        if (body)
            req.body = SLICE("data");
        assert_true(http_do(w->http, w->arena, &req, &res, &err));
        assert_int_equal(res.status, 200);
        assert_true(str_has_suffix(res.final_url, "/ok"));
        assert_string_equal(w->method, cases[i].sent);
        assert_string_equal(w->body, body && !strcmp(cases[i].sent, cases[i].method) ? "data" : "");
        assert_string_equal(w->auth, cases[i].credentials ? "Basic dTpw" : "");
        assert_string_equal(w->cookie, cases[i].credentials ? "a=b" : "");
    }
}

static void test_redirect_limits(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    struct http_response res;
    struct http_request req = to(w, "/loop");
    assert_false(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(err.class, ERROR_LIMIT);
    assert_int_equal(w->count, 11);
    error_clear(&err);
    req = to(w, "/file");
    assert_false(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(err.class, ERROR_INVALID);
    error_clear(&err);
    req = to(w, "/loop");
    req.redirects = -1;
    assert_true(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(res.status, 302);
    req = (struct http_request){.url = "file:///etc/passwd"};
    assert_false(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(err.class, ERROR_INVALID);
}

struct sunk {
    size_t len, stop_at;
};

static bool sink(void *ctx, const char *data, size_t len)
{
    struct sunk *s = ctx;
    s->len += len;
    return !s->stop_at || s->len < s->stop_at;
}

static void test_limits(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    struct http_response res;
    struct http_request req = to(w, "/big");
    req.limit = 99999;
    assert_false(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(err.class, ERROR_LIMIT);
    error_clear(&err);
    req.limit = 100000;
    assert_true(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(res.body.len, 100000);

    struct sunk sunk = {0};
    req.sink = sink;
    req.sink_ctx = &sunk;
    assert_true(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(sunk.len, 100000);
    assert_int_equal(res.body.len, 0);
    sunk = (struct sunk){.stop_at = 10};
    assert_false(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(err.class, ERROR_CANCELLED);
    error_clear(&err);
    // An error's body never reaches the sink.
    sunk = (struct sunk){0};
    req = to(w, "/404");
    req.sink = sink;
    req.sink_ctx = &sunk;
    assert_true(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(sunk.len, 0);
    assert_int_not_equal(res.body.len, 0);

    req = to(w, "/headers");
    assert_false(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(err.class, ERROR_LIMIT);
}

static void test_faults(void **state)
{
    static const char *const paths[] = {"/short", "/garbage"};
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct error err cleanup(error_clear) = {0};
        struct http_response res;
        struct http_request req = to(w, paths[i]);
        assert_false(http_do(w->http, w->arena, &req, &res, &err));
        assert_int_equal(err.class, ERROR_TRANSIENT);
    }
    struct error err cleanup(error_clear) = {0};
    struct http_response res;
    struct http_request req = {.url = "http://127.0.0.1:1/"};
    assert_false(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(err.class, ERROR_TRANSIENT);
}

static void test_deadline(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 2; i++) {
        struct error err cleanup(error_clear) = {0};
        struct http_response res;
        struct http_request req = to(w, "/hang");
        req.retries = 5;
        if (i)
            req.deadline_ms = clock_mono_ms() + 200;
        else
            req.timeout_ms = 200;
        int64_t before = clock_mono_ms();
        assert_false(http_do(w->http, w->arena, &req, &res, &err));
        assert_int_equal(err.class, ERROR_TIMEOUT);
        assert_true(clock_mono_ms() - before < 5000);
    }
    struct error err cleanup(error_clear) = {0};
    struct http_response res;
    struct http_request req = to(w, "/ok");
    req.deadline_ms = clock_mono_ms() - 1;
    w->count = 0;
    assert_false(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(err.class, ERROR_TIMEOUT);
    assert_int_equal(w->count, 0);
}

static void *cancel_when_asked(void *ctx)
{
    struct world *w = ctx;
    while (!fake_requests(w->fake))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    __atomic_store_n(&w->cancel, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void test_cancel(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    struct http_response res;
    struct http_request req = to(w, "/hang");
    pthread_t thread;
    req.cancel = &w->cancel;
    pthread_create(&thread, NULL, cancel_when_asked, w);
    int64_t before = clock_mono_ms();
    assert_false(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(err.class, ERROR_CANCELLED);
    assert_true(clock_mono_ms() - before < 5000);
    pthread_join(thread, NULL);
}

struct source {
    const char *data;
};

static size_t read_source(void *ctx, char *buffer, size_t room)
{
    struct source *s = ctx;
    size_t n = strlen(s->data) < room ? strlen(s->data) : room;
    n = n > 3 ? 3 : n; // in small pieces
    memcpy(buffer, s->data, n);
    s->data += n;
    return n;
}

static void test_upload(void **state)
{
    struct world *w = *state;
    for (int chunked = 0; chunked < 2; chunked++) {
        struct error err cleanup(error_clear) = {0};
        struct http_response res;
        struct source source = {"streamed body"};
        struct http_request req = to(w, "/ok");
        req.method = "POST";
        req.read = read_source;
        req.read_ctx = &source;
        req.body_len = chunked ? -1 : (int64_t)strlen(source.data);
        if (!http_do(w->http, w->arena, &req, &res, &err))
            fail_msg("%s", error_text(&err));
        assert_int_equal(res.status, 200);
        assert_string_equal(w->method, "POST");
        assert_string_equal(w->body, "streamed body");
    }
    struct error err cleanup(error_clear) = {0};
    struct http_response res;
    struct source source = {"x"};
    struct http_request req = to(w, "/to/307");
    w->location = "/ok";
    req.method = "POST";
    req.read = read_source;
    req.read_ctx = &source;
    req.body_len = 1;
    assert_false(http_do(w->http, w->arena, &req, &res, &err));
    assert_int_equal(err.class, ERROR_INVALID);
}

static void *hammer(void *ctx)
{
    struct world *w = ctx;
    for (int i = 0; i < 50; i++) {
        struct arena *a = arena_new();
        struct error err cleanup(error_clear) = {0};
        struct http_response res;
        struct http_request req = {.url = arena_printf(a, "%s/ok", fake_url(w->fake))};
        if (!http_get_ok(w->http, a, &req, &res, &err) || !slice_eq_str(res.body, "hello"))
            abort();
        arena_free(a);
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct world *w = *state;
    pthread_t threads[6];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_create(&threads[i], NULL, hammer, w);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(fake_requests(w->fake), 300);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_get),
        T(test_connections_are_kept),
        T(test_status_is_an_error),
        T(test_credentials),
        T(test_retries),
        T(test_retry_after),
        T(test_redirects),
        T(test_redirect_limits),
        T(test_limits),
        T(test_faults),
        T(test_deadline),
        T(test_cancel),
        T(test_upload),
        T(test_header_injection),
        T(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
