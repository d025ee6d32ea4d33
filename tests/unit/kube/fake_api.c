// fake_api.c - an HTTP server for what a real API server will not do: see fake_api.h.
#include "fake_api.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 2048

struct connection {
    struct fake_server *server;
    pthread_t thread;
    int fd;
};

struct fake_server {
    fake_handler handler;
    char url[64];
    int listener;
    pthread_t thread;
    atomic_bool stopping;
    pthread_mutex_t lock; // of all below
    struct connection connections[CONNECTIONS];
    size_t count;
    VEC(char *) log;
};

void fake_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

// ---- answers ------------------------------------------------------------------------------------------------------
void fake_raw(struct fake_request *r, const char *text)
{
    for (size_t len = strlen(text); len;) {
        ssize_t n = send(r->fd, text, len, MSG_NOSIGNAL);
        if (n <= 0)
            return; // the client hung up, as some tests want
        text += n;
        len -= (size_t)n;
    }
}

void fake_answer(struct fake_request *r, int status, const char *extra_headers, const char *json)
{
    cleanup(cleanup_free) char *text =
        xasprintf("HTTP/1.1 %d Status\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n%s", status,
                  strlen(json), str_or(extra_headers, ""), json);
    fake_raw(r, text);
}

void fake_begin_stream(struct fake_request *r)
{
    fake_raw(r, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
}

void fake_chunk(struct fake_request *r, const char *text)
{
    cleanup(cleanup_free) char *chunk = xasprintf("%zx\r\n%s\r\n", strlen(text), text);
    fake_raw(r, chunk);
}

void fake_end_stream(struct fake_request *r)
{
    fake_raw(r, "0\r\n\r\n");
}

bool fake_stopping(struct fake_request *r)
{
    return atomic_load(&r->server->stopping);
}

void fake_hold(struct fake_request *r)
{
    struct pollfd p = {.fd = r->fd, .events = POLLIN | POLLRDHUP};
    while (!fake_stopping(r))
        if (poll(&p, 1, 20) > 0)
            break;
    r->close = true;
}

// ---- requests -----------------------------------------------------------------------------------------------------
static int count_log(struct fake_server *s, const char *prefix, bool whole)
{
    int n = 0;
    for (size_t i = 0; i < s->log.len; i++)
        n += whole ? str_eq(s->log.items[i], prefix) : str_has_prefix(s->log.items[i], prefix);
    return n;
}

int fake_count(struct fake_server *s, const char *prefix)
{
    pthread_mutex_lock(&s->lock);
    int n = count_log(s, prefix, false);
    pthread_mutex_unlock(&s->lock);
    return n;
}

// What tells requests apart when they are counted: a watch from another version is the same watch.
static char *log_line(const struct fake_request *r)
{
    bool watch = strstr(r->query, "watch=true"), next = strstr(r->query, "continue=");
    return xasprintf("%s %s%s%s", r->method, r->path, watch ? "?watch" : "", next ? "?continue" : "");
}

static void serve(struct fake_server *s, int fd, char *text, size_t head_len)
{
    struct fake_request r = {.server = s, .fd = fd, .body = text + head_len, .query = ""};
    char *save, *line = strtok_r(text, "\r\n", &save);
    r.head = line + strlen(line) + 1;
    r.method = strtok_r(line, " ", &save);
    char *path = strtok_r(NULL, " ", &save), *query = strchr(path, '?');
    if (query) {
        *query = '\0';
        r.query = query + 1;
    }
    r.path = path;
    pthread_mutex_lock(&s->lock);
    vec_push(NULL, &s->log, log_line(&r));
    r.number = count_log(s, s->log.items[s->log.len - 1], true);
    pthread_mutex_unlock(&s->lock);
    s->handler(&r);
    if (r.close)
        shutdown(fd, SHUT_RDWR);
}

static size_t content_length(const char *head)
{
    const char *at = strcasestr(head, "content-length:");
    return at ? strtoul(at + 15, NULL, 10) : 0;
}

static void *converse(void *ctx)
{
    struct connection *c = ctx;
    struct buf in = {0};
    char part[65536];
    for (size_t head_len = 0, whole = 0;;) {
        ssize_t n = recv(c->fd, part, sizeof part, 0);
        if (n <= 0)
            break;
        buf_add(&in, part, (size_t)n);
        char *end = head_len ? NULL : strstr(in.data, "\r\n\r\n");
        if (end) {
            head_len = (size_t)(end + 4 - in.data);
            whole = head_len + content_length(in.data);
        }
        if (!head_len || in.len < whole)
            continue;
        in.data[head_len - 2] = '\0'; // the head's text ends here; the body follows after two more bytes
        serve(c->server, c->fd, in.data, head_len);
        buf_clear(&in);
        head_len = 0;
    }
    buf_free(&in);
    return NULL;
}

static void *listen_thread(void *ctx)
{
    struct fake_server *s = ctx;
    int fd;
    while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
        pthread_mutex_lock(&s->lock);
        if (s->count == CONNECTIONS)
            abort();
        struct connection *c = &s->connections[s->count++];
        *c = (struct connection){.server = s, .fd = fd};
        pthread_create(&c->thread, NULL, converse, c);
        pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

// ---- life ---------------------------------------------------------------------------------------------------------
struct fake_server *fake_start(fake_handler handler)
{
    struct fake_server *s = xcalloc(1, sizeof *s);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    s->handler = handler;
    pthread_mutex_init(&s->lock, NULL);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(s->listener, (struct sockaddr *)&addr, len) < 0 || listen(s->listener, 16) < 0 ||
        getsockname(s->listener, (struct sockaddr *)&addr, &len) < 0)
        abort();
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d", ntohs(addr.sin_port));
    pthread_create(&s->thread, NULL, listen_thread, s);
    return s;
}

const char *fake_url(const struct fake_server *s)
{
    return s->url;
}

void fake_reset(struct fake_server *s)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->count; i++)
        shutdown(s->connections[i].fd, SHUT_RDWR);
    pthread_mutex_unlock(&s->lock);
}

void fake_stop(struct fake_server *s)
{
    atomic_store(&s->stopping, true);
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    fake_reset(s);
    for (size_t i = 0; i < s->count; i++) {
        pthread_join(s->connections[i].thread, NULL);
        close(s->connections[i].fd);
    }
    close(s->listener);
    for (size_t i = 0; i < s->log.len; i++)
        free(s->log.items[i]);
    free(s->log.items);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

struct kube *fake_kube(struct fake_server *s)
{
    struct error err = {0};
    struct kube *k = kube_new(&(struct kube_config){.server = s->url, .token = "t0ken"}, &err);
    if (!k)
        abort();
    return k;
}
