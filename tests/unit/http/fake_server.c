// fake_server.c - an HTTP server inside a test, with or without TLS.
#include "fake_server.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024

struct connection {
    struct fake *fake;
    int fd, number;
    pthread_t thread;
};

struct fake {
    fake_handler *handler;
    void *ctx;
    int listener, port, requests;
    bool ending;
    char *url, *ca;
    SSL_CTX *tls;
    pthread_t thread;
    pthread_mutex_t lock; // guards requests, and one handler at a time
    struct connection connections[CONNECTIONS_MAX];
    int connection_count;
};

static ssize_t receive(struct fake *f, SSL *ssl, int fd, char *data, size_t room)
{
    while (!(ssl && SSL_pending(ssl))) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 20) > 0)
            break;
        if (__atomic_load_n(&f->ending, __ATOMIC_RELAXED))
            return -1;
    }
    return ssl ? SSL_read(ssl, data, (int)room) : read(fd, data, room);
}

static bool send_all(SSL *ssl, int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = ssl ? SSL_write(ssl, data, (int)len) : send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static const char *find_header(const char *head, const char *name, struct buf *out)
{
    size_t name_len = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line && line[2] != '\0'; line = strstr(line + 2, "\r\n")) {
        const char *p = line + 2;
        if (strncasecmp(p, name, name_len) || p[name_len] != ':')
            continue;
        p += name_len + 1;
        p += strspn(p, " ");
        buf_clear(out);
        buf_add(out, p, strcspn(p, "\r\n"));
        return buf_cstr(out);
    }
    return NULL;
}

// Reads one request. Bodies: Content-Length, or chunked (whose framing is taken off).
static bool read_request(struct connection *c, SSL *ssl, struct buf *in, struct buf *head, struct buf *body)
{
    char chunk[4096];
    char *end;
    struct buf value = {0};
    while (!(end = in->len ? memmem(in->data, in->len, "\r\n\r\n", 4) : NULL)) {
        ssize_t n = receive(c->fake, ssl, c->fd, chunk, sizeof chunk);
        if (n <= 0)
            return false;
        buf_add(in, chunk, (size_t)n);
        if (in->data[0] == '\x16') // TLS where plain HTTP is spoken: real servers hang up too
            return false;
    }
    size_t head_len = (size_t)(end - in->data) + 4;
    buf_clear(head);
    buf_add(head, in->data, head_len);
    const char *length = find_header(head->data, "Content-Length", &value);
    size_t want = length ? strtoul(length, NULL, 10) : 0;
    bool chunked = find_header(head->data, "Transfer-Encoding", &value) != NULL;
    buf_free(&value);
    for (;;) {
        const char *rest = in->data + head_len;
        size_t have = in->len - head_len;
        if (chunked ? have >= 5 && !memcmp(rest + have - 5, "0\r\n\r\n", 5) : have >= want)
            break;
        ssize_t n = receive(c->fake, ssl, c->fd, chunk, sizeof chunk);
        if (n <= 0)
            return false;
        buf_add(in, chunk, (size_t)n);
    }
    buf_clear(body);
    if (chunked) {
        for (char *p = in->data + head_len;;) {
            size_t n = strtoul(p, &p, 16);
            if (!n)
                break;
            buf_add(body, p + 2, n);
            p += 2 + n + 2;
        }
        buf_clear(in);
    } else {
        buf_add(body, in->data + head_len, want);
        size_t used = head_len + want;
        memmove(in->data, in->data + used, in->len - used);
        in->len -= used;
    }
    return true;
}

static void *serve_connection(void *arg)
{
    struct connection *c = arg;
    struct fake *f = c->fake;
    struct buf in = {0}, head = {0}, body = {0}, answer = {0};
    SSL *ssl = NULL;

    if (f->tls) {
        ssl = SSL_new(f->tls);
        SSL_set_fd(ssl, c->fd);
        if (SSL_accept(ssl) != 1)
            goto out;
    }
    while (read_request(c, ssl, &in, &head, &body)) {
        char method[16] = "", target[4096] = "";
        if (sscanf(head.data, "%15s %4095s", method, target) != 2)
            break;
        struct fake_request req = {method, target, head.data, buf_view(&body), c->number};
        buf_clear(&answer);
        pthread_mutex_lock(&f->lock);
        f->requests++;
        f->handler(f->ctx, &req, &answer);
        pthread_mutex_unlock(&f->lock);
        if (!answer.len || !send_all(ssl, c->fd, answer.data, answer.len) ||
            strcasestr(answer.data, "connection: close"))
            break;
    }
out:
    if (ssl) {
        SSL_shutdown(ssl);
        SSL_free(ssl);
    }
    buf_free(&in);
    buf_free(&head);
    buf_free(&body);
    buf_free(&answer);
    close(c->fd);
    return NULL;
}

static void *accept_loop(void *arg)
{
    struct fake *f = arg;
    while (!__atomic_load_n(&f->ending, __ATOMIC_RELAXED)) {
        struct pollfd p = {.fd = f->listener, .events = POLLIN};
        if (poll(&p, 1, 20) <= 0)
            continue;
        int fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        if (f->connection_count == CONNECTIONS_MAX)
            abort();
        struct connection *c = &f->connections[f->connection_count++];
        *c = (struct connection){.fake = f, .fd = fd, .number = f->connection_count};
        pthread_create(&c->thread, NULL, serve_connection, c);
    }
    return NULL;
}

static X509 *make_certificate(EVP_PKEY *key, const char *name, X509 *ca, EVP_PKEY *ca_key)
{
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ca ? 2 : 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(ca ? ca : x));
    bool ip = name[strspn(name, "0123456789.")] == '\0';
    char *alt = xasprintf("%s:%s", ip ? "IP" : "DNS", name);
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, ca ? ca : x, x, NULL, NULL, 0);
    X509_EXTENSION *e = ca ? X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, alt)
                           : X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints, "critical,CA:TRUE");
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    free(alt);
    X509_sign(x, ca_key ? ca_key : key, EVP_sha256());
    return x;
}

static void start_tls(struct fake *f, const char *name)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    char *ca_name =
        xasprintf("CA of %s at %p", name, (void *)f); // each its own: two of one name would be taken for the same
    X509 *ca = make_certificate(ca_key, ca_name, NULL, NULL), *cert = make_certificate(key, name, ca, ca_key);
    BIO *out = BIO_new(BIO_s_mem());
    char *pem;

    f->tls = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(f->tls, cert);
    SSL_CTX_use_PrivateKey(f->tls, key);
    PEM_write_bio_X509(out, ca);
    long len = BIO_get_mem_data(out, &pem);
    f->ca = xstrndup(pem, (size_t)len);
    BIO_free(out);
    free(ca_name);
    X509_free(ca);
    X509_free(cert);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
}

static struct fake *start(fake_handler *handler, void *ctx, const char *tls_name)
{
    struct fake *f = xcalloc(1, sizeof *f);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;

    signal(SIGPIPE, SIG_IGN); // SSL_write has no MSG_NOSIGNAL
    f->handler = handler;
    f->ctx = ctx;
    pthread_mutex_init(&f->lock, NULL);
    if (tls_name)
        start_tls(f, tls_name);
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(f->listener, (struct sockaddr *)&address, sizeof address) || listen(f->listener, 64) ||
        getsockname(f->listener, (struct sockaddr *)&address, &len))
        abort();
    f->port = ntohs(address.sin_port);
    f->url = xasprintf("%s://127.0.0.1:%d", tls_name ? "https" : "http", f->port);
    pthread_create(&f->thread, NULL, accept_loop, f);
    return f;
}

struct fake *fake_start(fake_handler *handler, void *ctx)
{
    return start(handler, ctx, NULL);
}

struct fake *fake_start_tls(fake_handler *handler, void *ctx, const char *name)
{
    return start(handler, ctx, name);
}

const char *fake_ca(const struct fake *f)
{
    return f->ca;
}

const char *fake_url(const struct fake *f)
{
    return f->url;
}

int fake_port(const struct fake *f)
{
    return f->port;
}

int fake_requests(struct fake *f)
{
    pthread_mutex_lock(&f->lock);
    int n = f->requests;
    pthread_mutex_unlock(&f->lock);
    return n;
}

void fake_stop(struct fake *f)
{
    __atomic_store_n(&f->ending, true, __ATOMIC_RELAXED);
    pthread_join(f->thread, NULL);
    for (int i = 0; i < f->connection_count; i++)
        pthread_join(f->connections[i].thread, NULL);
    close(f->listener);
    SSL_CTX_free(f->tls);
    pthread_mutex_destroy(&f->lock);
    free(f->url);
    free(f->ca);
    free(f);
}

void fake_reply(struct buf *answer, int status, const char *headers, const char *body)
{
    buf_printf(answer, "HTTP/1.1 %d Status\r\n%sContent-Length: %zu\r\n\r\n%s", status, headers ? headers : "",
               strlen(body), body);
}

const char *fake_header(const struct fake_request *req, const char *name)
{
    static _Thread_local char value[4096];
    struct buf found = {0};
    const char *text = find_header(req->head, name, &found);
    if (text)
        snprintf(value, sizeof value, "%s", text);
    buf_free(&found);
    return text ? value : NULL;
}
