// transport.c - one request to the API server: pooled connections, credentials, limits, retries, cancellation.
//
// Each pooled connection is an easy handle on a multi handle of its own, so that kube_cancel can wake who waits on it.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>

#include "kube/kube_internal.h"

#define IDLE_CONNS 4
#define IDLE_MS                                                                                                        \
    30000 // a connection costs 90 KiB: those that a burst left are closed by the next request after this time
#define WATCH_SILENCE_MS 60000L
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MOST_MS 2000

struct conn {
    CURL *easy;
    CURLM *multi;
    char message[CURL_ERROR_SIZE];
    struct conn *next;      // of all
    struct conn *next_idle; // used before this one
    int64_t idle_since_ms;
};

static void transport_init(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
}

void transport_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, transport_init);
}

// ---- the pool -----------------------------------------------------------------------------------------------------
static struct conn *conn_take(struct kube *k)
{
    pthread_mutex_lock(&k->lock);
    struct conn *c = k->idle;
    if (c) {
        k->idle = c->next_idle;
        k->idle_count--;
    } else {
        c = xcalloc(1, sizeof *c);
        c->easy = curl_easy_init();
        c->multi = curl_multi_init();
        if (!c->easy || !c->multi)
            abort(); // out of memory, as xmalloc
        curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, 1L);
        c->next = k->conns;
        k->conns = c;
    }
    pthread_mutex_unlock(&k->lock);
    return c;
}

static void conn_free(struct conn *c)
{
    curl_easy_cleanup(c->easy);
    curl_multi_cleanup(c->multi);
    free(c);
}

static void conn_forget(struct kube *k, struct conn *c) // with the lock held
{
    for (struct conn **p = &k->conns; *p; p = &(*p)->next)
        if (*p == c) {
            *p = c->next;
            return;
        }
}

static void conn_give_back(struct kube *k, struct conn *c)
{
    curl_easy_reset(c->easy); // keeps the connection, forgets the credentials
    pthread_mutex_lock(&k->lock);
    c->idle_since_ms = clock_mono_ms();
    c->next_idle = k->idle;
    k->idle = c;
    // The last one used is first: what lies behind IDLE_CONNS or has been idle for long goes.
    struct conn **rest = &k->idle;
    for (k->idle_count = 0; *rest && k->idle_count < IDLE_CONNS; rest = &(*rest)->next_idle, k->idle_count++)
        if (c->idle_since_ms - (*rest)->idle_since_ms > IDLE_MS)
            break;
    struct conn *surplus = *rest;
    *rest = NULL;
    for (struct conn *s = surplus; s; s = s->next_idle)
        conn_forget(k, s);
    pthread_mutex_unlock(&k->lock);
    for (struct conn *next; surplus; surplus = next) {
        next = surplus->next_idle;
        conn_free(surplus);
    }
}

void transport_wake(struct kube *k)
{
    for (struct conn *c = k->conns; c; c = c->next)
        curl_multi_wakeup(c->multi);
}

void transport_free(struct kube *k)
{
    while (k->conns) {
        struct conn *c = k->conns;
        k->conns = c->next;
        conn_free(c);
    }
}

// ---- what a request consists of -----------------------------------------------------------------------------------
static void header_add(struct curl_slist **list, const char *name, const char *value)
{
    cleanup(cleanup_free) char *line = xasprintf("%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (!longer)
        abort();
    *list = longer;
}

static void set_blob(CURL *easy, CURLoption option, struct slice pem)
{
    struct curl_blob blob = {.data = (void *)pem.data, .len = pem.len, .flags = CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, option, &blob);
}

static void set_tls(struct kube *k, CURL *easy)
{
    const struct kube_config *c = &k->config;
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, c->insecure ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, c->insecure ? 0L : 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (c->ca.len) { // this CA alone, not the system's beside it
        set_blob(easy, CURLOPT_CAINFO_BLOB, c->ca);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    if (c->client_cert.len) {
        set_blob(easy, CURLOPT_SSLCERT_BLOB, c->client_cert);
        set_blob(easy, CURLOPT_SSLKEY_BLOB, c->client_key);
    }
}

// A peer that is gone acknowledges neither a request nor a keepalive probe. A call notices it early enough for another
// try on a new connection; a watch does not hang up for one lost probe.
static int set_socket(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    unsigned silence_ms = (unsigned)(uintptr_t)ctx;
    int probes = 3;
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof silence_ms);
    return CURL_SOCKOPT_OK;
}

bool call_prepare(struct kube *k, CURL *easy, const struct kube_call *call, struct call_lines *lines, struct error *err)
{
    const struct kube_config *c = &k->config;
    *lines = (struct call_lines){.url = xasprintf("%s%s", k->server, call->path)};
    // HTTP/2 would take all watches over one connection and save 60 KiB for each, but libcurl 7.88 (Debian 12) writes
    // past its buffer when several streams are busy (seen with ASan), and one stalled connection would stall them all.
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_URL, lines->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)KUBE_CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, set_socket);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, (void *)(uintptr_t)(call->watch ? WATCH_SILENCE_MS : k->silence_ms));
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); // a resolver that hangs does not hold up the process' end
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 8192L);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16384L); // one for each connection to a TLS server
    set_tls(k, easy);
    if (c->proxy)
        curl_easy_setopt(easy, CURLOPT_PROXY, c->proxy);
    if (call->method)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
    header_add(&lines->headers, "Accept", str_or(call->accept, "application/json"));
    if (k->connect_to) {
        if (!(lines->connect_to = curl_slist_append(NULL, k->connect_to)))
            abort();
        curl_easy_setopt(easy, CURLOPT_CONNECT_TO, lines->connect_to);
        lines->headers = curl_slist_append(lines->headers, k->host_header);
    }
    if (call->body.data) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L); // the word is CUSTOMREQUEST's
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.data);
        header_add(&lines->headers, "Content-Type", str_or(call->content_type, "application/json"));
        header_add(&lines->headers, "Expect", ""); // no 100-continue: it costs a round trip
    }
    if (!kube_token(k, false, &lines->token, err))
        return false;
    if (lines->token) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, lines->token);
    } else if (c->user) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, c->user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, c->password ? c->password : "");
    }
    if (c->impersonate_user)
        header_add(&lines->headers, "Impersonate-User", c->impersonate_user);
    for (size_t i = 0; c->impersonate_groups && c->impersonate_groups[i]; i++)
        header_add(&lines->headers, "Impersonate-Group", c->impersonate_groups[i]);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines->headers);
    pthread_mutex_lock(&k->lock);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, k->user_agent);
    pthread_mutex_unlock(&k->lock);
    return true;
}

void call_lines_free(struct call_lines *lines)
{
    curl_slist_free_all(lines->headers);
    curl_slist_free_all(lines->connect_to);
    secret_free(&lines->token);
    free(lines->url);
    *lines = (struct call_lines){0};
}

// ---- one try ------------------------------------------------------------------------------------------------------
struct
try {
    const struct kube_call *call;
    struct conn *conn;
    struct buf body;    // of an answer without a sink, or outside 2xx
    struct error fault; // ours, or the sink's: while receiving
    CURLcode code;
    long status;
    int64_t retry_after_ms;
    bool cancelled, json;
    char *token; // what was sent
};

static size_t try_receive(char *data, size_t size, size_t count, void *ctx)
{
    struct try *t = ctx;
    size_t len = size * count;
    long status = 0;
    curl_easy_getinfo(t->conn->easy, CURLINFO_RESPONSE_CODE, &status);
    bool good = status >= 200 && status < 300;
    if (good && t->call->sink)
        return t->call->sink(t->call->ctx, data, len, &t->fault) ? len : 0;
    size_t limit = good ? KUBE_ANSWER_LIMIT : KUBE_STATUS_LIMIT;
    if (t->body.len + len > limit) {
        error_set(&t->fault, ERROR_LIMIT, "the answer is larger than %zu bytes", limit);
        return 0;
    }
    buf_add(&t->body, data, len);
    return len;
}

static void try_run(struct kube *k, struct try *t)
{
    CURLM *multi = t->conn->multi;
    CURL *easy = t->conn->easy;
    curl_multi_add_handle(multi, easy);
    for (int running = 1;;) {
        curl_multi_perform(multi, &running);
        if (!running)
            break;
        if (atomic_load(&k->cancelled)) {
            t->cancelled = true;
            break;
        }
        curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(multi, &left));)
        if (m->msg == CURLMSG_DONE)
            t->code = m->data.result;
    curl_multi_remove_handle(multi, easy);
    const char *type = NULL;
    curl_off_t after = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &t->status);
    curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &after);
    t->json = type && str_has_prefix(type, "application/json");
    t->retry_after_ms = after > 0 && after < 3600 ? (int64_t)after * 1000 : 0;
}

// One transfer. False: t->fault says why none took place.
static bool try_once(struct kube *k, struct try *t, int64_t deadline)
{
    struct call_lines lines;
    CURL *easy = t->conn->easy;
    bool ok = call_prepare(k, easy, t->call, &lines, &t->fault);
    if (ok) {
        int64_t left = deadline - clock_mono_ms();
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(left > 1 ? left : 1));
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->conn->message);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, try_receive);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
        t->conn->message[0] = '\0';
        if (t->call->begin)
            t->call->begin(t->call->ctx);
        try_run(k, t);
        meter_observe(k, easy, str_or(t->call->method, "GET"));
        t->token = lines.token;
        lines.token = NULL;
    }
    call_lines_free(&lines);
    return ok;
}

// ---- what comes after it ------------------------------------------------------------------------------------------
static bool never_sent(CURLcode code)
{
    return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
           code == CURLE_SSL_CONNECT_ERROR;
}

// Whether the same request may be sent again. 429, and any answer with Retry-After, say that it was not carried out.
static bool may_retry(const struct try *t)
{
    if (t->fault.class)
        return false;
    if (t->code != CURLE_OK)
        return never_sent(t->code) ||
               (!t->call->once && (t->code == CURLE_RECV_ERROR || t->code == CURLE_SEND_ERROR ||
                                   t->code == CURLE_GOT_NOTHING || t->code == CURLE_PARTIAL_FILE));
    if (t->status == 429)
        return true;
    if (t->status >= 500 && t->retry_after_ms)
        return true;
    return !t->call->once && t->status >= 502 && t->status <= 504;
}

// A token can be revoked or expire before its file was read again: look once more, and try again if it is another.
static bool token_replaced(struct kube *k, const struct try *t)
{
    if (t->code != CURLE_OK || t->status != 401 || !k->config.token_file || !t->token)
        return false;
    cleanup(error_clear) struct error ignored = {0};
    cleanup(secret_free) char *fresh = NULL;
    return kube_token(k, true, &fresh, &ignored) && !str_eq(fresh, t->token);
}

bool transport_pause(struct kube *k, int64_t until_us)
{
    while (!atomic_load(&k->cancelled) && monotonic_wait(&k->changed, &k->lock, until_us))
        ;
    return !atomic_load(&k->cancelled);
}

// Waits out the back-off; false when it would end after `last`, or when cancelled.
static bool wait_retry(struct kube *k, int tries, int64_t retry_after_ms, int64_t last)
{
    int64_t most = BACKOFF_FIRST_MS << (tries < 6 ? tries : 6);
    if (most > BACKOFF_MOST_MS)
        most = BACKOFF_MOST_MS;
    int64_t wait = retry_after_ms ? retry_after_ms : most / 2 + (int64_t)(random_unit() * (double)most / 2);
    int64_t until = clock_mono_ms() + wait;
    if (until > last)
        return false;
    pthread_mutex_lock(&k->lock);
    bool go_on = transport_pause(k, until * 1000);
    pthread_mutex_unlock(&k->lock);
    return go_on;
}

static bool try_error(const struct kube *k, struct try *t, struct error *err)
{
    const char *method = str_or(t->call->method, "GET");
    cleanup(cleanup_free) char *url = xasprintf("%s%s", k->config.server, t->call->path);
    if (t->cancelled)
        return error_set(err, ERROR_CANCELLED, "%s %s: the process is ending", method, url);
    if (t->fault.class)
        return error_move(err, &t->fault), error_wrap(err, "%s %s", method, url);
    if (t->code != CURLE_OK)
        return call_failed(method, url, t->code, t->conn->message, err);
    status_error(method, url, t->status, buf_view(&t->body), err);
    if (t->retry_after_ms)
        err->retry_after_ms = t->retry_after_ms;
    return false;
}

static void try_end(struct try *t)
{
    secret_free(&t->token);
    error_clear(&t->fault);
}

bool kube_do(struct kube *k, struct arena *a, const struct kube_call *call, struct kube_answer *answer,
             struct error *err)
{
    meter_wait(k);
    int64_t start = clock_mono_ms();
    struct try t = {.call = call, .conn = conn_take(k), .body = BUF_IN(a)};
    bool ok = false, fresh_token = false;
    for (int tries = 0;; tries++) {
        t.cancelled = atomic_load(&k->cancelled);
        bool sent = !t.cancelled && try_once(k, &t, start + KUBE_CALL_MS);
        ok = sent && !t.cancelled && !t.fault.class && t.code == CURLE_OK && t.status >= 200 && t.status < 300;
        if (ok || !sent || t.cancelled)
            break;
        if (!fresh_token && token_replaced(k, &t)) {
            fresh_token = true;
        } else if (!may_retry(&t) || !wait_retry(k, tries, t.retry_after_ms, start + k->retry_ms)) {
            t.cancelled = atomic_load(&k->cancelled);
            break;
        }
        curl_easy_reset(t.conn->easy);
        try_end(&t);
        buf_clear(&t.body);
        t = (struct try){.call = call, .conn = t.conn, .body = t.body};
    }
    if (ok)
        *answer = (struct kube_answer){.status = t.status, .body = buf_view(&t.body), .json = t.json};
    else
        try_error(k, &t, err);
    try_end(&t);
    conn_give_back(k, t.conn);
    return ok;
}

bool kube_do_json(struct kube *k, struct arena *a, const struct kube_call *call, struct value *out, struct error *err)
{
    struct kube_answer answer;
    struct arena_mark mark = arena_mark(a);
    if (!kube_do(k, a, call, &answer, err))
        return false;
    if (!out) {
        arena_reset(a, mark);
        return true;
    }
    if (!json_parse(a, answer.body.data, answer.body.len, 0, out, err)) {
        bad_json(err);
        return error_wrap(err, "%s %s%s: answer", str_or(call->method, "GET"), k->config.server, call->path);
    }
    return true;
}
