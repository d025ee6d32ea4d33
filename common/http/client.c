// client.c - a way of connecting: CA, client certificate, proxy; and the pool of curl handles.
#include "http/private.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_ALL);
}

static struct slice keep(struct slice s)
{
    return s.len ? slice_n(xstrndup(s.data, s.len), s.len) : (struct slice){0};
}

static void forget(struct slice s)
{
    free((char *)s.data);
}

// Bad PEM is found out here, where the message can say which of them it was, and not in the middle of a handshake.
static bool check_pem(struct slice pem, const char *what, const char *marker, struct error *err)
{
    if (!pem.len || slice_find(pem, slice_of(marker)) >= 0)
        return true;
    return error_set(err, ERROR_INVALID, "%s is not PEM: no \"%s\" in it", what, marker);
}

static bool keep_proxy(struct http *h, const char *proxy, struct error *err)
{
    static const char *const schemes[] = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"};
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct url u;
    if (!proxy)
        return true;
    if (!url_parse(a, proxy, &u, err))
        return error_wrap(err, "proxy");
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (strcmp(u.scheme, schemes[i]))
            continue;
        h->proxy = xasprintf("%s://%s%s%s", u.scheme, u.host, str_empty(u.port) ? "" : ":", u.port ? u.port : "");
        h->proxy_user = u.user ? xstrdup(u.user) : NULL;
        h->proxy_password = u.user ? xstrdup(str_or(u.password, "")) : NULL;
        return true;
    }
    return error_set(err, ERROR_INVALID, "proxy: unsupported scheme \"%s\"", u.scheme);
}

struct http *http_new(const struct http_options *options, struct error *err)
{
    static const struct http_options none;
    const struct http_options *o = options ? options : &none;
    const struct http_tls *tls = &o->tls;

    if (!check_pem(tls->ca, "CA certificate", "-----BEGIN ", err) ||
        !check_pem(tls->cert, "client certificate", "-----BEGIN CERTIFICATE", err) ||
        !check_pem(tls->key, "client key", "PRIVATE KEY-----", err))
        return NULL;
    if (!tls->cert.len != !tls->key.len) {
        error_set(err, ERROR_INVALID, "a client certificate needs both certificate and key");
        return NULL;
    }
    pthread_once(&curl_once, start_curl);

    struct http *h = xcalloc(1, sizeof *h);
    pthread_mutex_init(&h->lock, NULL);
    h->idle_max = o->max_connections > 0 ? o->max_connections : 4;
    h->idle = xcalloc((size_t)h->idle_max, sizeof *h->idle);
    h->user_agent = xstrdup(o->user_agent ? o->user_agent : "runnel/" RUNNEL_VERSION);
    h->server_name = str_empty(tls->server_name) ? NULL : xstrdup(tls->server_name);
    h->ca = keep(tls->ca);
    h->cert = keep(tls->cert);
    h->key = keep(tls->key);
    h->insecure = tls->insecure;
    h->system_too = tls->system_too;
    if (keep_proxy(h, o->proxy, err))
        return h;
    http_free(h);
    return NULL;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    for (int i = 0; i < h->idle_count; i++)
        curl_easy_cleanup(h->idle[i]);
    free(h->idle);
    free(h->user_agent);
    free(h->server_name);
    free(h->proxy);
    free(h->proxy_user);
    secret_free(&h->proxy_password);
    forget(h->ca);
    forget(h->cert);
    if (h->key.data)
        explicit_bzero((char *)h->key.data, h->key.len);
    forget(h->key);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

static void set_blob(CURL *curl, CURLoption option, struct slice data)
{
    struct curl_blob blob = {.data = (void *)data.data, .len = data.len, .flags = CURL_BLOB_NOCOPY};
    curl_easy_setopt(curl, option, &blob);
}

// Adds our CA to those that curl has given the connection's context.
static CURLcode add_ca(CURL *curl, void *context, void *h)
{
    struct slice pem = ((struct http *)h)->ca;
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    int added = 0;
    for (X509 *x; bio && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL));) {
        added += X509_STORE_add_cert(store, x);
        X509_free(x);
    }
    BIO_free(bio);
    ERR_clear_error(); // that the PEM came to its end is one
    return added ? CURLE_OK : CURLE_SSL_CACERT_BADFILE;
}

static void set_trust(struct http *h, CURL *curl)
{
    const char *file = getenv("SSL_CERT_FILE"), *folder = getenv("SSL_CERT_DIR");
    if (h->ca.len && !h->system_too) {
        set_blob(curl, CURLOPT_CAINFO_BLOB, h->ca);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
        return;
    }
    if (!str_empty(file) || !str_empty(folder)) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, str_empty(file) ? NULL : file);
        curl_easy_setopt(curl, CURLOPT_CAPATH, str_empty(folder) ? NULL : folder);
    }
    if (h->ca.len) {
        curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, add_ca);
        curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, h);
    }
}

CURL *pool_acquire(struct http *h)
{
    pthread_mutex_lock(&h->lock);
    CURL *curl = h->idle_count ? h->idle[--h->idle_count] : NULL;
    pthread_mutex_unlock(&h->lock);
    if (!curl)
        curl = curl_easy_init();
    if (!curl)
        abort(); // out of memory, as xmalloc

    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, h->user_agent);
    if (h->proxy) { // one that was asked for by name: the environment's exceptions are not about it
        curl_easy_setopt(curl, CURLOPT_PROXY, h->proxy);
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
        curl_easy_setopt(curl, CURLOPT_PROXYUSERNAME, h->proxy_user);
        curl_easy_setopt(curl, CURLOPT_PROXYPASSWORD, h->proxy_password);
    }
    set_trust(h, curl);
    if (h->cert.len) {
        set_blob(curl, CURLOPT_SSLCERT_BLOB, h->cert);
        curl_easy_setopt(curl, CURLOPT_SSLCERTTYPE, "PEM");
        set_blob(curl, CURLOPT_SSLKEY_BLOB, h->key);
        curl_easy_setopt(curl, CURLOPT_SSLKEYTYPE, "PEM");
    }
    if (h->insecure) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    return curl;
}

void pool_release(struct http *h, CURL *curl)
{
    curl_easy_reset(curl); // drops the request's options and secrets; the connections stay
    pthread_mutex_lock(&h->lock);
    bool kept = h->idle_count < h->idle_max;
    if (kept)
        h->idle[h->idle_count++] = curl;
    pthread_mutex_unlock(&h->lock);
    if (!kept)
        curl_easy_cleanup(curl);
}
