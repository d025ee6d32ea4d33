// transfer.c - one request on one curl handle: headers out, answer in, with its limits.
#include "http/private.h"

#include <ctype.h>
#include <strings.h>

#define BODY_LIMIT ((size_t)32 << 20)
#define ERROR_BODY_LIMIT ((size_t)64 << 10)
#define HEADER_BYTES ((size_t)256 << 10)
#define HEADER_COUNT 512
#define CONNECT_TIMEOUT_MS 30000

struct receiver { // what the callbacks fill
    struct arena *arena;
    struct transfer *transfer;
    struct error *err;
    CURL *curl;
    struct buf body;
    VEC(struct http_header) headers;
    size_t header_bytes, received;
    bool body_started, too_many_headers, too_large, sink_stopped, cancelled;
    long status;
    const char *reason;
};

static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
    struct receiver *r = ctx;
    size_t len = size * count;
    struct slice line = slice_trim_space(slice_n(data, len)), name, value;

    if (r->body_started)
        return len;                               // trailers: nothing here asks for them
    if (slice_has_prefix(line, SLICE("HTTP/"))) { // a 100 Continue came before: only the last block counts
        r->headers.len = 0;
        struct slice version, status, reason;
        slice_cut(line, ' ', &version, &reason);
        slice_cut(reason, ' ', &status, &reason);
        r->reason = slice_dup(r->arena, slice_trim_space(reason));
        return len;
    }
    r->header_bytes += len;
    if (r->header_bytes > HEADER_BYTES || r->headers.len >= HEADER_COUNT) {
        r->too_many_headers = true;
        return 0;
    }
    if (!slice_cut(line, ':', &name, &value))
        return len;
    char *key = slice_dup(r->arena, slice_trim_space(name));
    for (char *p = key; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    const char *text = slice_dup(r->arena, slice_trim_space(value));
    vec_push(r->arena, &r->headers, (struct http_header){key, text});
    return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct receiver *r = ctx;
    const struct http_request *req = r->transfer->req;
    size_t len = size * count;

    if (!r->body_started) {
        r->body_started = true;
        curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &r->status);
    }
    if (r->status < 200 || r->status > 299) { // an error's text: the beginning of it will do
        size_t room = ERROR_BODY_LIMIT - r->body.len;
        buf_add(&r->body, data, len < room ? len : room);
        r->received += len;
        return r->received > BODY_LIMIT ? 0 : len;
    }
    size_t limit = req->limit ? req->limit : BODY_LIMIT;
    if (len > limit - r->received) {
        r->too_large = true;
        return 0;
    }
    r->received += len;
    if (!req->sink) {
        buf_add(&r->body, data, len);
        return len;
    }
    r->transfer->delivered = true;
    if (!req->sink(req->sink_ctx, data, len)) {
        r->sink_stopped = true;
        return 0;
    }
    return len;
}

static size_t on_read(char *buffer, size_t size, size_t count, void *ctx)
{
    struct transfer *t = ((struct receiver *)ctx)->transfer;
    t->delivered = true;
    return t->req->read(t->req->read_ctx, buffer, size * count);
}

// Called by curl at least once a second.
static int on_progress(void *ctx, curl_off_t dl_total, curl_off_t dl, curl_off_t ul_total, curl_off_t ul)
{
    struct receiver *r = ctx;
    const int *cancel = r->transfer->req->cancel;
    r->cancelled = cancel && __atomic_load_n(cancel, __ATOMIC_RELAXED);
    return r->cancelled;
}

// A line break in a header would smuggle in another one.
static bool header_add(struct arena *a, struct curl_slist **list, const char *name, const char *value,
                       struct error *err)
{
    if (str_empty(name) || strpbrk(name, "\r\n: ") || strpbrk(value, "\r\n"))
        return error_set(err, ERROR_INVALID, "a header's name or value holds a character that does not belong there");
    // curl sends a header without a value only when it ends with a semicolon.
    char *line = *value ? arena_printf(a, "%s: %s", name, value) : arena_printf(a, "%s;", name);
    struct curl_slist *more = curl_slist_append(*list, line);
    explicit_bzero(line, strlen(line));
    if (!more)
        abort();
    *list = more;
    return true;
}

static bool is_secret_header(const char *name)
{
    static const char *const secret[] = {"Authorization", "Cookie", "Proxy-Authorization", "Private-Token"};
    for (size_t i = 0; i < ARRAY_LEN(secret); i++)
        if (!strcasecmp(name, secret[i]))
            return true;
    return false;
}

static bool add_headers(struct arena *a, const struct transfer *t, struct curl_slist **list, struct error *err)
{
    const struct http_request *req = t->req;
    for (size_t i = 0; i < req->header_count; i++) {
        const struct http_header *h = &req->headers[i];
        if (!t->credentials && is_secret_header(h->name))
            continue;
        if (!header_add(a, list, h->name, h->value ? h->value : "", err))
            return false;
    }
    if (t->credentials && req->bearer) {
        if (!header_add(a, list, "Authorization", arena_printf(a, "Bearer %s", req->bearer), err))
            return false;
    } else if (t->credentials && t->user) {
        struct buf plain = BUF_IN(a), coded = BUF_IN(a);
        buf_printf(&plain, "%s:%s", t->user, t->password ? t->password : "");
        buf_str(&coded, "Basic ");
        base64_encode(&coded, plain.data, plain.len);
        if (!header_add(a, list, "Authorization", buf_cstr(&coded), err))
            return false;
    }
    if (t->body) { // curl would wait a second for a "100 Continue" that few servers send
        struct curl_slist *more = curl_slist_append(*list, "Expect:");
        if (!more)
            abort();
        *list = more;
    }
    return true;
}

// The TLS name is not the URL's host: connect to the host under that name, and send the host in the Host header.
static bool use_server_name(struct http *h, struct arena *a, CURL *curl, const struct transfer *t,
                            struct curl_slist **headers, struct curl_slist **connect_to, struct error *err)
{
    struct url u;
    if (!url_parse(a, t->url, &u, err))
        return false;
    const char *port = str_or(u.port, strcmp(u.scheme, "https") ? "80" : "443");
    *connect_to = curl_slist_append(NULL, arena_printf(a, "%s:%s:%s:%s", h->server_name, port, u.host, port));
    curl_easy_setopt(curl, CURLOPT_CONNECT_TO, *connect_to);
    curl_easy_setopt(curl, CURLOPT_URL,
                     arena_printf(a, "%s://%s:%s%s%s%s", u.scheme, h->server_name, port, u.path,
                                  str_empty(u.query) ? "" : "?", u.query ? u.query : ""));
    return header_add(a, headers, "Host", str_empty(u.port) ? u.host : arena_printf(a, "%s:%s", u.host, u.port), err);
}

static void set_body(CURL *curl, const struct transfer *t, struct receiver *r)
{
    const struct http_request *req = t->req;
    if (t->body && req->read) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(curl, CURLOPT_READDATA, r);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)req->body_len);
        // A stream cannot be rewound, which curl would ask for when a kept connection turns out to be dead.
        curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    } else if (t->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, req->body.data);
    }
    if (!strcmp(t->method, "HEAD"))
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else if (strcmp(t->method, "GET") || t->body)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, t->method);
}

static const struct {
    CURLcode code;
    enum error_class class;
    bool repeatable;
} faults[] = {
    {CURLE_OPERATION_TIMEDOUT, ERROR_TIMEOUT, false},
    {CURLE_COULDNT_RESOLVE_HOST, ERROR_TRANSIENT, true},
    {CURLE_COULDNT_RESOLVE_PROXY, ERROR_TRANSIENT, true},
    {CURLE_COULDNT_CONNECT, ERROR_TRANSIENT, true},
    {CURLE_GOT_NOTHING, ERROR_TRANSIENT, true},
    {CURLE_PARTIAL_FILE, ERROR_TRANSIENT, true},
    {CURLE_RECV_ERROR, ERROR_TRANSIENT, true},
    {CURLE_SEND_ERROR, ERROR_TRANSIENT, true},
    {CURLE_SSL_CONNECT_ERROR, ERROR_TRANSIENT, false},
    {CURLE_PEER_FAILED_VERIFICATION, ERROR_DENIED, false},
    {CURLE_SSL_CACERT_BADFILE, ERROR_INVALID, false},
    {CURLE_SSL_CERTPROBLEM, ERROR_INVALID, false},
    {CURLE_URL_MALFORMAT, ERROR_INVALID, false},
    {CURLE_UNSUPPORTED_PROTOCOL, ERROR_TRANSIENT,
     false}, // an answer that is no HTTP (the URL's scheme was checked before)
};

static bool fail(struct receiver *r, CURLcode code, const char *detail, struct error *err)
{
    struct transfer *t = r->transfer;
    const char *url = url_redact(r->arena, t->url);
    // An unfit proxy of the environment is quoted with its password.
    const char *text = *detail ? url_redact(r->arena, detail) : curl_easy_strerror(code);
    enum error_class class = ERROR_TRANSIENT;

    if (r->sink_stopped)
        return err->class ? false : error_set(err, ERROR_CANCELLED, "%s %s: stopped by its reader", t->method, url);
    if (r->cancelled)
        return error_set(err, ERROR_CANCELLED, "%s %s: cancelled", t->method, url);
    if (r->too_large)
        return error_set(err, ERROR_LIMIT, "%s %s: answer is larger than %zu bytes", t->method, url,
                         t->req->limit ? t->req->limit : BODY_LIMIT);
    if (r->too_many_headers)
        return error_set(err, ERROR_LIMIT, "%s %s: too many headers in the answer", t->method, url);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        if (faults[i].code == code) {
            class = faults[i].class;
            t->repeatable = faults[i].repeatable;
        }
    return error_set(err, class, "%s %s: %s", t->method, url, text);
}

bool transfer_run(struct http *h, struct arena *a, struct transfer *t, struct http_response *res, struct error *err)
{
    char detail[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = NULL, *connect_to = NULL;
    CURL *curl = pool_acquire(h);
    struct receiver r = {.arena = a, .transfer = t, .err = err, .curl = curl, .body = BUF_IN(a)};
    bool ok = false;

    *res = (struct http_response){.final_url = t->url};
    t->repeatable = false;
    curl_easy_setopt(curl, CURLOPT_URL, t->url);
    if (!add_headers(a, t, &headers, err) ||
        (h->server_name && !use_server_name(h, a, curl, t, &headers, &connect_to, err)))
        goto out;
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &r);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &r);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &r);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)t->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(t->timeout_ms < CONNECT_TIMEOUT_MS ? t->timeout_ms : CONNECT_TIMEOUT_MS));
    set_body(curl, t, &r);

    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        fail(&r, code, detail, err);
        goto out;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &res->status);
    res->reason = str_or(r.reason, "");
    res->headers = r.headers.items;
    res->header_count = r.headers.len;
    res->body = slice_n(buf_cstr(&r.body), r.body.len);
    ok = true;
out:
    curl_slist_free_all(headers);
    curl_slist_free_all(connect_to);
    pool_release(h, curl);
    return ok;
}
