// test_server.c - the server over real sockets: routes, limits, files, ranges, no way out of the root.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "serve/serve.h"

static char root[64];
static struct server *server;

static void say_hello(void *ctx, const struct serve_request *req, struct serve_response *res)
{
    res->content_type = "text/plain";
    buf_printf(&res->body, "%s %s?%s from %s %zu", req->method, req->path, req->query, req->remote, req->body.len);
}

static void say_files(void *ctx, const struct serve_request *req, struct serve_response *res)
{
    serve_files(root, req, res);
}

static void write_file(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int set_up(void **state)
{
    snprintf(root, sizeof root, "/tmp/runnel-serve.XXXXXX");
    assert_non_null(mkdtemp(root));
    char path[256];
    snprintf(path, sizeof path, "%s/dir", root);
    assert_int_equal(mkdir(path, 0755), 0);
    write_file("dir/a.tar.gz", "0123456789");
    write_file("dir/.part", "half");
    write_file("empty", "");
    snprintf(path, sizeof path, "%s/latest", root);
    assert_int_equal(symlink("dir/a.tar.gz", path), 0);
    snprintf(path, sizeof path, "%s/passwd", root);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    static const struct serve_route routes[] = {
        {.prefix = "/", .handle = say_files},
        {.prefix = "/hello", .handle = say_hello},
        {.prefix = "/post", .handle = say_hello, .any_method = true},
    };
    struct error err = {0};
    server = server_start("127.0.0.1:0", routes, ARRAY_LEN(routes), &err);
    assert_string_equal(error_text(&err), "");
    assert_non_null(server);
    return 0;
}

static int tear_down(void **state)
{
    server_stop(server);
    return !dir_remove_all(root, &(struct error){0});
}

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)server_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){10, 0}, sizeof(struct timeval));
    return fd;
}

// Sends the head (a line end and "Connection: close" are added) and reads to the end of the connection.
static char *ask(const char *head, const char *body, size_t body_len)
{
    int fd = dial();
    struct buf out = {0};
    buf_printf(&out, "%s\r\nHost: x\r\nConnection: close\r\n", head);
    if (body)
        buf_printf(&out, "Content-Length: %zu\r\n", body_len);
    buf_str(&out, "\r\n");
    if (body)
        buf_add(&out, body, body_len);
    assert_int_equal(send(fd, out.data, out.len, MSG_NOSIGNAL), out.len);
    buf_clear(&out);
    char piece[4096];
    for (ssize_t n; (n = recv(fd, piece, sizeof piece, 0)) > 0;)
        buf_add(&out, piece, (size_t)n);
    close(fd);
    return buf_steal(&out);
}

static const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

static void test_answers(void **state)
{
    static const struct {
        const char *head, *status, *header, *body;
    } table[] = {
        {"GET /hello?a=1&b=%20 HTTP/1.1", "200", NULL, "GET /hello?a=1&b=%20 from 127.0.0.1 0"},
        {"GET /hello/x%41 HTTP/1.1", "200", NULL, "GET /hello/xA? from 127.0.0.1 0"},
        {"GET /helloworld HTTP/1.1", "404", NULL, NULL},
        {"HEAD /hello HTTP/1.1", "200", "Content-Length: ", ""},
        {"DELETE /hello HTTP/1.1", "405", "Allow: GET, HEAD", NULL},
        {"POST /post HTTP/1.1", "200", NULL, "POST /post? from 127.0.0.1 0"},
        {"GET /dir/a.tar.gz HTTP/1.1", "200", "Content-Type: application/gzip", "0123456789"},
        {"GET /latest HTTP/1.1", "200", "Accept-Ranges: bytes", "0123456789"},
        {"GET /empty HTTP/1.1", "200", "Content-Length: 0", ""},
        {"HEAD /dir/a.tar.gz HTTP/1.1", "200", "Content-Length: 10", ""},
        // ranges
        {"GET /dir/a.tar.gz HTTP/1.1\r\nRange: bytes=2-4", "206", "Content-Range: bytes 2-4/10", "234"},
        {"GET /dir/a.tar.gz HTTP/1.1\r\nRange: bytes=7-", "206", "Content-Range: bytes 7-9/10", "789"},
        {"GET /dir/a.tar.gz HTTP/1.1\r\nRange: bytes=-3", "206", "Content-Range: bytes 7-9/10", "789"},
        {"GET /dir/a.tar.gz HTTP/1.1\r\nRange: bytes=-99", "206", "Content-Range: bytes 0-9/10", "0123456789"},
        {"GET /dir/a.tar.gz HTTP/1.1\r\nRange: bytes=8-99", "206", "Content-Range: bytes 8-9/10", "89"},
        {"GET /dir/a.tar.gz HTTP/1.1\r\nRange: bytes=10-", "416", "Content-Range: bytes */10", ""},
        {"GET /dir/a.tar.gz HTTP/1.1\r\nRange: bytes=-0", "416", NULL, ""},
        {"GET /dir/a.tar.gz HTTP/1.1\r\nRange: bytes=99999999999999999999999-", "416", NULL, ""},
        {"GET /dir/a.tar.gz HTTP/1.1\r\nRange: bytes=4-2", "200", NULL, "0123456789"},
        {"GET /dir/a.tar.gz HTTP/1.1\r\nRange: bytes=0-1,4-5", "200", NULL, "0123456789"},
        {"GET /dir/a.tar.gz HTTP/1.1\r\nRange: lines=1-2", "200", NULL, "0123456789"},
        {"GET /dir/a.tar.gz HTTP/1.1\r\nRange: bytes=2-4\r\nIf-Range: \"other\"", "200", NULL, "0123456789"},
        // conditions
        {"GET /dir/a.tar.gz HTTP/1.1\r\nIf-None-Match: *", "304", "ETag: ", ""},
        {"GET /dir/a.tar.gz HTTP/1.1\r\nIf-None-Match: \"zz\"", "200", NULL, "0123456789"},
        {"GET /dir/a.tar.gz HTTP/1.1\r\nIf-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT", "304", NULL, ""},
        {"GET /dir/a.tar.gz HTTP/1.1\r\nIf-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT", "200", NULL, "0123456789"},
        {"GET /dir/a.tar.gz HTTP/1.1\r\nIf-Modified-Since: yesterday", "200", NULL, "0123456789"},
        // what is not served
        {"GET / HTTP/1.1", "200", "Content-Length: 0", ""},
        {"GET /dir HTTP/1.1", "404", NULL, NULL},
        {"GET /dir/ HTTP/1.1", "404", NULL, NULL},
        {"GET /dir/.part HTTP/1.1", "404", NULL, NULL},
        {"GET /passwd HTTP/1.1", "404", NULL, NULL},
        {"GET /dir/../../../etc/passwd HTTP/1.1", "404", NULL, NULL},
        {"GET /dir/%2e%2e/%2e%2e/%2e%2e/etc/passwd HTTP/1.1", "404", NULL, NULL},
        {"GET /dir%2f..%2f..%2f..%2fetc%2fpasswd HTTP/1.1", "404", NULL, NULL},
        {"GET /dir//a.tar.gz HTTP/1.1", "404", NULL, NULL},
        {"GET /dir/a.tar.gz%00.txt HTTP/1.1", "404", NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char *answer = ask(table[i].head, NULL, 0);
        char want[32];
        snprintf(want, sizeof want, "HTTP/1.1 %s ", table[i].status);
        if (strncmp(answer, want, strlen(want)) != 0)
            fail_msg("%s: %s", table[i].head, answer);
        if (table[i].header && !strstr(answer, table[i].header))
            fail_msg("%s: no %s in %s", table[i].head, table[i].header, answer);
        if (table[i].body)
            assert_string_equal(body_of(answer), table[i].body);
        assert_null(strstr(answer, "root:"));
        free(answer);
    }
}

static void test_etag_round_trip(void **state)
{
    char *first = ask("GET /dir/a.tar.gz HTTP/1.1", NULL, 0);
    char etag[64], head[256];
    assert_int_equal(sscanf(strstr(first, "ETag: "), "ETag: %63[^\r]", etag), 1);
    free(first);
    snprintf(head, sizeof head, "GET /dir/a.tar.gz HTTP/1.1\r\nIf-None-Match: W/\"a\", %s", etag);
    char *second = ask(head, NULL, 0);
    assert_true(str_has_prefix(second, "HTTP/1.1 304 "));
    free(second);
    snprintf(head, sizeof head, "GET /dir/a.tar.gz HTTP/1.1\r\nRange: bytes=0-0\r\nIf-Range: %s", etag);
    char *third = ask(head, NULL, 0);
    assert_true(str_has_prefix(third, "HTTP/1.1 206 "));
    assert_string_equal(body_of(third), "0");
    free(third);
}

static void test_body_limit(void **state)
{
    size_t limit = 64 * 1024;
    char *body = xcalloc(1, limit + 1);
    memset(body, 'x', limit + 1);
    char *fits = ask("POST /post HTTP/1.1", body, limit);
    assert_string_equal(body_of(fits), "POST /post? from 127.0.0.1 65536");
    char *over = ask("POST /post HTTP/1.1", body, limit + 1);
    assert_true(str_has_prefix(over, "HTTP/1.1 413 "));
    free(fits);
    free(over);
    free(body);
}

static void test_addresses(void **state)
{
    static const char *const bad[] = {"", "8080", "127.0.0.1", ":", ":no-port", ":99999", "256.1.1.1:0", NULL};
    for (size_t i = 0; bad[i]; i++) {
        struct error err = {0};
        struct server *s = server_start(bad[i], NULL, 0, &err);
        if (s)
            fail_msg("%s was taken", bad[i]);
        assert_int_equal(err.class, ERROR_INVALID);
        error_clear(&err);
    }
    struct error err = {0};
    struct server *any = server_start(":0", NULL, 0, &err);
    assert_non_null(any);
    char taken[32];
    snprintf(taken, sizeof taken, ":%d", server_port(any));
    assert_null(server_start(taken, NULL, 0, &err));
    assert_non_null(strstr(error_text(&err), "Address already in use"));
    error_clear(&err);
    server_stop(any);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_etag_round_trip),
        cmocka_unit_test(test_body_limit),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
