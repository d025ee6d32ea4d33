// server.c - the HTTP server: libmicrohttpd with two threads of its own, and limits on connections, sizes and time.
#include "serve/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve/file.h"

enum {
    BODY_MAX = 64 * 1024,
    PATH_LEN_MAX = 4096,
    CONNECTIONS_MAX = 256,
    CONNECTIONS_PER_ADDRESS_MAX = 128,
    CONNECTION_MEMORY = 16 * 1024, // request line and headers
    IDLE_SECONDS = 30,
    THREADS = 2,
    STACK = 256 * 1024,
};

struct server {
    struct MHD_Daemon *daemon;
    struct serve_route *routes;
    size_t route_count;
    int port;
};

struct connection { // one request, from its head to its end
    struct buf body;
    char *query;
    bool started, too_large;
    bool has_nul; // an escaped NUL in the URI, where the library's unescaped path ends early
    char remote[INET6_ADDRSTRLEN];
};

static const struct serve_route *route_for(const struct server *s, const char *path)
{
    const struct serve_route *best = NULL;
    for (size_t i = 0; i < s->route_count; i++) {
        const char *prefix = s->routes[i].prefix;
        size_t len = strlen(prefix);
        if (strncmp(path, prefix, len) != 0)
            continue;
        // "/metrics" is not the way to "/metricsfoo"
        if (len && prefix[len - 1] != '/' && path[len] && path[len] != '/')
            continue;
        if (!best || len > strlen(best->prefix))
            best = &s->routes[i];
    }
    return best;
}

void serve_text(struct serve_response *res, int status, const char *text)
{
    res->status = status;
    res->content_type = "text/plain; charset=utf-8";
    buf_clear(&res->body);
    buf_str(&res->body, text);
}

static enum MHD_Result send_body(struct MHD_Connection *c, struct serve_response *res)
{
    size_t len = res->body.len;
    struct MHD_Response *out = len ? MHD_create_response_from_buffer(len, buf_steal(&res->body), MHD_RESPMEM_MUST_FREE)
                                   : MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    if (!out)
        return MHD_NO;
    MHD_add_response_header(out, "Content-Type", res->content_type ? res->content_type : "text/plain; charset=utf-8");
    MHD_add_response_header(out, "X-Content-Type-Options", "nosniff");
    if (res->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(out, "Allow", "GET, HEAD");
    enum MHD_Result queued = MHD_queue_response(c, (unsigned)res->status, out);
    MHD_destroy_response(out);
    return queued;
}

// Answers with a file, or with what its conditional headers ask for (RFC 9110, 13 and 14).
static enum MHD_Result send_file(struct MHD_Connection *c, struct serve_response *res)
{
    struct stat st;
    int fd = open(res->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            close(fd);
        serve_text(res, MHD_HTTP_NOT_FOUND, "404 page not found\n");
        return send_body(c, res);
    }
    struct file_answer answer;
    file_answer(&answer, &st,
                &(struct file_conditions){
                    .range = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Range"),
                    .if_range = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-Range"),
                    .if_none_match = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-None-Match"),
                    .if_modified_since = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-Modified-Since"),
                });
    struct MHD_Response *out;
    if (answer.length) {
        out = MHD_create_response_from_fd_at_offset64(answer.length, fd, answer.offset);
    } else {
        close(fd);
        out = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    }
    if (!out)
        return MHD_NO;
    MHD_add_response_header(out, "ETag", answer.etag);
    MHD_add_response_header(out, "Last-Modified", answer.last_modified);
    MHD_add_response_header(out, "Accept-Ranges", "bytes");
    if (answer.status != MHD_HTTP_NOT_MODIFIED)
        MHD_add_response_header(out, "Content-Type",
                                res->content_type ? res->content_type : "application/octet-stream");
    if (*answer.content_range)
        MHD_add_response_header(out, "Content-Range", answer.content_range);
    enum MHD_Result queued = MHD_queue_response(c, (unsigned)answer.status, out);
    MHD_destroy_response(out);
    return queued;
}

static enum MHD_Result respond(struct MHD_Connection *c, struct serve_response *res)
{
    enum MHD_Result queued = res->file ? send_file(c, res) : send_body(c, res);
    free(res->file);
    buf_free(&res->body);
    return queued;
}

static void remote_address(struct MHD_Connection *c, char out[INET6_ADDRSTRLEN])
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!info || !info->client_addr)
        return;
    if (info->client_addr->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)info->client_addr)->sin_addr, out, INET6_ADDRSTRLEN);
    else if (info->client_addr->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)info->client_addr)->sin6_addr, out, INET6_ADDRSTRLEN);
}

// The first word of a request: what it returns is the request's state from here on.
static void *begin(void *ctx, const char *uri, struct MHD_Connection *c)
{
    struct connection *request = xcalloc(1, sizeof *request);
    const char *query = strchr(uri, '?');
    request->query = xstrdup(query ? query + 1 : "");
    request->has_nul = strstr(uri, "%00") != NULL;
    return request;
}

// Called with the head, then for each piece of the body, then with none left.
static enum MHD_Result handle(void *ctx, struct MHD_Connection *c, const char *path, const char *method,
                              const char *version, const char *data, size_t *len, void **state)
{
    struct server *s = ctx;
    struct connection *request = *state;
    if (!request->started) {
        request->started = true;
        remote_address(c, request->remote);
        return MHD_YES;
    }
    if (*len) {
        request->too_large = request->too_large || request->body.len + *len > BODY_MAX;
        if (!request->too_large)
            buf_add(&request->body, data, *len);
        *len = 0;
        return MHD_YES;
    }
    struct serve_response res = {.status = MHD_HTTP_OK};
    const struct serve_route *route = route_for(s, path);
    if (request->too_large)
        serve_text(&res, MHD_HTTP_CONTENT_TOO_LARGE, "413 body too large\n");
    else if (!route || request->has_nul || strlen(path) > PATH_LEN_MAX)
        serve_text(&res, MHD_HTTP_NOT_FOUND, "404 page not found\n");
    else if (!route->any_method && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        serve_text(&res, MHD_HTTP_METHOD_NOT_ALLOWED, "405 method not allowed\n");
    else
        route->handle(route->ctx,
                      &(struct serve_request){.method = method,
                                              .path = path,
                                              .query = request->query,
                                              .body = buf_view(&request->body),
                                              .remote = request->remote},
                      &res);
    return respond(c, &res);
}

static void completed(void *ctx, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code)
{
    struct connection *request = *state;
    if (!request)
        return;
    buf_free(&request->body);
    free(request->query);
    free(request);
    *state = NULL;
}

// The library's complaints are about what clients do: not worth a line each.
static void quiet(void *ctx, const char *fmt, va_list args)
{
}

// Binds and listens. host "" means every address: a dual-stack socket where the system has IPv6, else IPv4.
static int listen_on(const char *host, const char *port, struct error *err)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(*host ? host : NULL, port, &hints, &found);
    if (rc) {
        error_set(err, ERROR_INVALID, "listen %s:%s: %s", host, port, gai_strerror(rc));
        return -1;
    }
    int fd = -1, fault = 0;
    static const int families[] = {AF_INET6, AF_INET};
    for (size_t f = 0; f < ARRAY_LEN(families) && fd < 0; f++) {
        for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
            if (a->ai_family != families[f])
                continue;
            fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
            if (fd < 0) {
                fault = errno;
                continue;
            }
            setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
            if (a->ai_family == AF_INET6)
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){*host ? 1 : 0}, sizeof(int));
            if (bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 128)) {
                fault = errno;
                close(fd);
                fd = -1;
            }
        }
    }
    freeaddrinfo(found);
    if (fd < 0)
        error_set(err, ERROR_INVALID, "listen %s:%s: %s", host, port, strerror(fault));
    return fd;
}

static int bound_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len))
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

struct server *server_start(const char *address, const struct serve_route *routes, size_t count, struct error *err)
{
    const char *colon = address ? strrchr(address, ':') : NULL;
    char *port_end = NULL;
    if (!colon || !colon[1] || strtoul(colon + 1, &port_end, 10) > UINT16_MAX || *port_end) {
        error_set(err, ERROR_INVALID, "listen address \"%s\": want HOST:PORT or :PORT", address ? address : "");
        return NULL;
    }
    bool bracketed = address[0] == '[' && colon > address && colon[-1] == ']';
    cleanup(cleanup_free) char *host =
        bracketed ? xstrndup(address + 1, (size_t)(colon - address) - 2) : xstrndup(address, (size_t)(colon - address));
    int fd = listen_on(host, colon + 1, err);
    if (fd < 0)
        return NULL;
    struct server *s = xcalloc(1, sizeof *s);
    s->routes = xcalloc(count + 1, sizeof *s->routes);
    if (count)
        memcpy(s->routes, routes, count * sizeof *routes);
    s->route_count = count;
    s->port = bound_port(fd);
    // The logger comes first: the options after it may already want to complain.
    s->daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNALLY | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, NULL, NULL, handle, s,
                         MHD_OPTION_EXTERNAL_LOGGER, quiet, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                         (unsigned)CONNECTIONS_PER_ADDRESS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_THREAD_POOL_SIZE,
                         (unsigned)THREADS, MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK, MHD_OPTION_URI_LOG_CALLBACK,
                         begin, NULL, MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_END);
    if (!s->daemon) {
        close(fd);
        free(s->routes);
        free(s);
        error_set(err, ERROR_TRANSIENT, "listen %s: cannot start the HTTP server", address);
        return NULL;
    }
    return s;
}

int server_port(const struct server *s)
{
    return s->port;
}

void server_stop(struct server *s)
{
    if (!s)
        return;
    MHD_stop_daemon(s->daemon);
    free(s->routes);
    free(s);
}
