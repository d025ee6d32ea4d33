// client.c - a way of connecting: CA, client certificate, proxy; and the pool of curl handles.
#include "http/private.h"

#define SYSTEM_CA_FOLDER "/etc/ssl/certs" // of Debian's ca-certificates, by hash

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
    h->proxy = o->proxy ? xstrdup(o->proxy) : NULL;
    h->server_name = str_empty(tls->server_name) ? NULL : xstrdup(tls->server_name);
    h->ca = keep(tls->ca);
    h->cert = keep(tls->cert);
    h->key = keep(tls->key);
    h->insecure = tls->insecure;
    h->system_too = tls->system_too;
    return h;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    for (int i = 0; i < h->idle_count; i++)
        curl_easy_cleanup(h->idle[i]);
    free(h->idle);
    free(h->user_agent);
    free(h->proxy);
    free(h->server_name);
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
    }
    if (h->ca.len) {
        set_blob(curl, CURLOPT_CAINFO_BLOB, h->ca);
        curl_easy_setopt(curl, CURLOPT_CAPATH, h->system_too ? SYSTEM_CA_FOLDER : NULL);
    }
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
