// request.c - a whole request: redirects that keep credentials at home, further tries, the deadline over all of them.
#include "http/private.h"

#include <strings.h>
#include <time.h>

#define TIMEOUT_MS 60000
#define REDIRECTS 10
#define BACKOFF_MS 200
#define RETRY_AFTER_MAX_MS 2000 // longer waits are the caller's: a worker has other things to do meanwhile

enum error_class http_status_class(long status)
{
    switch (status) {
    case 401:
    case 403:
    case 407:
        return ERROR_DENIED;
    case 404:
    case 410:
        return ERROR_NOT_FOUND;
    case 408:
        return ERROR_TIMEOUT;
    case 409:
    case 412:
        return ERROR_CONFLICT;
    case 429:
        return ERROR_TRANSIENT;
    case 501:
    case 505:
        return ERROR_INVALID;
    default:
        return status >= 500 ? ERROR_TRANSIENT : ERROR_INVALID;
    }
}

const char *http_header(const struct http_response *res, const char *name)
{
    for (size_t i = 0; i < res->header_count; i++)
        if (!strcasecmp(res->headers[i].name, name))
            return res->headers[i].value;
    return NULL;
}

int64_t http_retry_after_ms(const struct http_response *res)
{
    const char *text = http_header(res, "retry-after");
    char *end;
    if (str_empty(text))
        return 0;
    long long seconds = strtoll(text, &end, 10);
    if (*end) {
        time_t when = curl_getdate(text, NULL);
        seconds = when == -1 ? 0 : (long long)when - clock_wall_s();
    }
    if (seconds < 0)
        return 0;
    return (seconds > 86400 ? 86400 : seconds) * 1000; // a day at most: the number is a stranger's
}

static bool is_redirect(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool is_idempotent(const char *method)
{
    return !strcmp(method, "GET") || !strcmp(method, "HEAD") || !strcmp(method, "PUT") || !strcmp(method, "DELETE") ||
           !strcmp(method, "OPTIONS");
}

static bool is_cancelled(const struct http_request *req)
{
    return req->cancel && __atomic_load_n(req->cancel, __ATOMIC_RELAXED);
}

// The same server in the eyes of who gave the password: same origin, or the https side of an http one.
static bool keeps_credentials(struct arena *a, const char *from, const char *to)
{
    struct url u, v;
    struct error ignored cleanup(error_clear) = {0};
    if (url_same_host(from, to))
        return true;
    return url_parse(a, from, &u, &ignored) && url_parse(a, to, &v, &ignored) && !strcasecmp(u.host, v.host) &&
           !strcmp(u.scheme, "http") && !strcmp(v.scheme, "https") && str_empty(u.port) && str_empty(v.port);
}

// The URL without user info and fragment, which go to no server; the user info goes into *t where the request has none
// of its own.
static bool clean_url(struct arena *a, const char *text, struct url *u, char **out, struct error *err)
{
    if (!url_parse(a, text, u, err))
        return false;
    if (strcmp(u->scheme, "http") && strcmp(u->scheme, "https"))
        return error_set(err, ERROR_INVALID, "%s: unsupported scheme \"%s\"", url_redact(a, text), u->scheme);
    *out =
        arena_printf(a, "%s://%s%s%s%s%s%s", u->scheme, u->host, str_empty(u->port) ? "" : ":", u->port ? u->port : "",
                     str_or(u->path, "/"), str_empty(u->query) ? "" : "?", u->query ? u->query : "");
    return true;
}

static int64_t time_left(const struct http_request *req, int64_t started)
{
    int64_t now = clock_mono_ms(), end = started + (req->timeout_ms > 0 ? req->timeout_ms : TIMEOUT_MS);
    if (req->deadline_ms && req->deadline_ms < end)
        end = req->deadline_ms;
    return end - now;
}

// Sleeps in short steps, so that a process that is ending does not wait for it.
static bool pause_ms(const struct http_request *req, int64_t ms)
{
    int64_t end = clock_mono_ms() + ms;
    for (int64_t left = ms; left > 0; left = end - clock_mono_ms()) {
        if (is_cancelled(req))
            return false;
        int64_t step = left < 100 ? left : 100;
        nanosleep(&(struct timespec){.tv_nsec = (long)step * 1000000}, NULL);
    }
    return !is_cancelled(req);
}

// One URL, with further tries. What a failed try has built is given back to the arena.
static bool run_with_retries(struct http *h, struct arena *a, struct transfer *t, int64_t started,
                             struct http_response *res, struct error *err)
{
    const struct http_request *req = t->req;
    struct arena_mark mark = arena_mark(a);

    for (int attempt = 0;; attempt++) {
        t->timeout_ms = time_left(req, started);
        if (is_cancelled(req))
            return error_set(err, ERROR_CANCELLED, "%s %s: cancelled", t->method, url_redact(a, t->url));
        if (t->timeout_ms <= 0)
            return error_set(err, ERROR_TIMEOUT, "%s %s: deadline exceeded", t->method, url_redact(a, t->url));
        bool ok = transfer_run(h, a, t, res, err);
        bool again =
            ok ? res->status == 429 || (res->status >= 500 && res->status != 501 && res->status != 505) : t->repeatable;
        if (!again || attempt >= req->retries || t->delivered || !is_idempotent(t->method))
            return ok;
        int64_t wait = (BACKOFF_MS << (attempt < 6 ? attempt : 6)) + (int64_t)(random_unit() * BACKOFF_MS);
        int64_t asked = ok ? http_retry_after_ms(res) : 0;
        if (asked > wait)
            wait = asked;
        if (wait > RETRY_AFTER_MAX_MS || wait >= time_left(req, started))
            return ok;
        if (!pause_ms(req, wait))
            continue; // the loop's head says that it was cancelled
        error_clear(err);
        arena_reset(a, mark);
    }
}

bool http_do(struct http *h, struct arena *a, const struct http_request *req, struct http_response *res,
             struct error *err)
{
    int64_t started = clock_mono_ms();
    int left = req->redirects ? req->redirects : REDIRECTS;
    struct transfer t = {.req = req,
                         .method = str_or(req->method, "GET"),
                         .credentials = true,
                         .user = req->user,
                         .password = req->password,
                         .body = req->body.data || req->read};
    struct url u;
    char *url;

    *res = (struct http_response){0};
    if (!clean_url(a, req->url, &u, &url, err))
        return false;
    if (!t.user && !str_empty(u.user)) {
        t.user = u.user;
        t.password = u.password;
    }
    for (;;) {
        t.url = url;
        if (!run_with_retries(h, a, &t, started, res, err))
            return false;
        const char *location = is_redirect(res->status) ? http_header(res, "location") : NULL;
        if (!location || left < 0)
            return true;
        if (left-- == 0)
            return error_set(err, ERROR_LIMIT, "%s %s: too many redirects", t.method, url_redact(a, url));
        char *target = url_resolve(a, url, location);
        if (!target)
            return error_set(err, ERROR_INVALID, "%s %s: redirect to an invalid URL", t.method, url_redact(a, url));
        char *next;
        if (!clean_url(a, target, &u, &next, err))
            return error_wrap(err, "%s %s: redirect", t.method, url_redact(a, url));
        // Once away from home, a redirect back brings the credentials no more: the way led through a stranger.
        if (!keeps_credentials(a, url, next))
            t.credentials = false;
        if (res->status == 303 || (res->status < 303 && !strcmp(t.method, "POST"))) {
            if (strcmp(t.method, "HEAD"))
                t.method = "GET";
            t.body = false;
        } else if (t.body && req->read) {
            return error_set(err, ERROR_INVALID, "%s %s: a streamed request was redirected", t.method,
                             url_redact(a, url));
        }
        url = next;
    }
}

// The beginning of an error answer as one line for people; nothing when it is a page of HTML.
static const char *error_body(struct arena *a, const struct http_response *res)
{
    struct slice text = slice_trim_space(slice_sub(res->body, 0, 300));
    if (!text.len || text.data[0] == '<' || !utf8_valid(text.data, text.len))
        return "";
    char *line = slice_dup(a, text);
    for (char *p = line; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
    return arena_printf(a, ": %s", line);
}

bool http_get_ok(struct http *h, struct arena *a, const struct http_request *req, struct http_response *res,
                 struct error *err)
{
    if (!http_do(h, a, req, res, err))
        return false;
    if (res->status >= 200 && res->status < 300)
        return true;
    error_set(err, http_status_class(res->status), "%s %s: status %ld%s", str_or(req->method, "GET"),
              url_redact(a, req->url), res->status, error_body(a, res));
    err->code = (int)res->status;
    err->retry_after_ms = http_retry_after_ms(res);
    return false;
}
