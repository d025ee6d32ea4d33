// transport_http.c - Git's smart HTTP protocol (git's http-protocol document) as a subtransport of libgit2, on
// common/http.
//
// libgit2 writes a request and then reads the answer bit by bit; curl works the other way round, so both are kept in a
// spool. Only the first request (info/refs) may be redirected, as with git itself: a later redirect could send a push
// elsewhere.
#include "git/private.h"

#define ADVERTISEMENT_TRIES 2
#define SPOOL_MEMORY (256u << 10)

struct http_subtransport {
    git_smart_subtransport parent;
    struct repo_call *call;
    struct http *http; // made at the first action: libgit2 leaks where a subtransport cannot be made
    char *base;        // the repository's URL, after the redirects of info/refs
};

struct http_stream {
    git_smart_subtransport_stream parent;
    struct http_subtransport *transport;
    const char *service; // "git-upload-pack"
    bool advertisement;  // GET info/refs; else POST
    bool pushes;         // to git-receive-pack
    bool done;
    struct repo_spool request, answer;
};

// ---- errors -------------------------------------------------------------------------------------------------------

// In the words go-git, and so Flux, uses.
static bool status_error(struct repo_call *call, const struct http_response *res)
{
    enum error_class class = http_status_class(res->status);
    struct error *err = &call->error;
    switch (res->status) {
    case 401:
        error_set(err, class, "authentication required");
        break;
    case 403:
        error_set(err, class, "authorization failed");
        break;
    case 404:
        error_set(err, class, "repository not found");
        break;
    default:
        error_set(err, class, "unexpected status %ld of %s", res->status, call->location.printable);
    }
    err->code = (int)res->status;
    err->retry_after_ms = http_retry_after_ms(res);
    return false;
}

// ---- requests -----------------------------------------------------------------------------------------------------

// What the remote was given comes before what its URL holds, and a user before a token: as in Flux.
static void authenticate(const struct http_subtransport *t, struct http_request *req)
{
    const struct repo_remote *remote = t->call->remote;
    const char *user = str_or(remote->user, t->call->location.user);
    const char *password = str_or(remote->password, t->call->location.password);
    if (t->base && !url_same_host(t->base, remote->url))
        return; // the redirect left the host that the credentials are for
    if (!str_empty(user) || !str_empty(password)) {
        req->user = user ? user : "";
        req->password = password ? password : "";
    } else if (!str_empty(remote->bearer)) {
        req->bearer = remote->bearer;
    }
}

static bool expect_type(struct repo_call *call, const struct http_response *res, const char *type)
{
    const char *found = http_header(res, "content-type");
    if (found && str_has_prefix(found, type))
        return true;
    return error_set(&call->error, ERROR_INVALID, "%s is no Git repository over smart HTTP: content type %.80s",
                     call->location.printable, str_or(found, "missing"));
}

static const char *service_url(struct arena *a, const char *base, const char *rest)
{
    size_t len = strlen(base);
    while (len && base[len - 1] == '/')
        len--;
    return arena_printf(a, "%.*s/%s", (int)len, base, rest);
}

static bool advertise(struct http_stream *s)
{
    struct http_subtransport *t = s->transport;
    struct repo_call *call = t->call;
    struct arena *a = call->arena;
    const char *tail = arena_printf(a, "info/refs?service=%s", s->service);
    const struct http_header headers[] = {{"Accept", "*/*"}, {"Pragma", "no-cache"}};
    struct http_request req = {
        .url = service_url(a, call->remote->url, tail),
        .headers = headers,
        .header_count = ARRAY_LEN(headers),
        .limit = GIT_REFS_LIMIT,
        .timeout_ms = repo_call_remaining_ms(call),
        .deadline_ms = call->deadline_ms,
        .retries = ADVERTISEMENT_TRIES,
        .cancel = call->remote->cancel,
    };
    struct http_response res;
    authenticate(t, &req);
    if (!http_do(t->http, a, &req, &res, &call->error))
        return false;
    if (res.status != 200)
        return status_error(call, &res);
    if (!expect_type(call, &res, arena_printf(a, "application/x-%s-advertisement", s->service)))
        return false;
    const char *end = strstr(res.final_url, tail);
    if (!end)
        return error_set(&call->error, ERROR_INVALID, "redirected to %s, which is no Git service",
                         url_redact(a, res.final_url));
    free(t->base);
    t->base = xstrndup(res.final_url, (size_t)(end - res.final_url));
    repo_push_options_hear(call, res.body.data, res.body.len);
    return repo_call_count(call, res.body.len) &&
           repo_spool_write(&s->answer, res.body.data, res.body.len, &call->error);
}

static bool receive(void *ctx, const char *data, size_t len)
{
    struct http_stream *s = ctx;
    struct repo_call *call = s->transport->call;
    return repo_call_count(call, len) && repo_spool_write(&s->answer, data, len, &call->error);
}

static size_t send_body(void *ctx, char *buffer, size_t room)
{
    struct http_stream *s = ctx;
    ptrdiff_t n = repo_spool_read(&s->request, buffer, room);
    return n > 0 ? (size_t)n : 0;
}

static bool post(struct http_stream *s)
{
    struct http_subtransport *t = s->transport;
    struct repo_call *call = t->call;
    struct arena *a = call->arena;
    const struct http_header headers[] = {
        {"Content-Type", arena_printf(a, "application/x-%s-request", s->service)},
        {"Accept", arena_printf(a, "application/x-%s-result", s->service)},
    };
    struct http_request req = {
        .method = "POST",
        .url = service_url(a, t->base ? t->base : call->remote->url, s->service),
        .headers = headers,
        .header_count = ARRAY_LEN(headers),
        .limit = SIZE_MAX, // receive() counts: the limit is on the whole call
        .timeout_ms = repo_call_remaining_ms(call),
        .deadline_ms = call->deadline_ms,
        .redirects = -1,
        .sink = receive,
        .sink_ctx = s,
        .cancel = call->remote->cancel,
    };
    if (s->request.fd < 0) {
        req.body = slice_n(buf_cstr(&s->request.memory), s->request.memory.len);
    } else {
        req.read = send_body;
        req.read_ctx = s;
        req.body_len = (int64_t)s->request.length;
    }
    struct http_response res;
    authenticate(t, &req);
    struct error err = {0}; // the sink may have set call->error, which knows better
    if (!http_do(t->http, a, &req, &res, &err)) {
        if (call->error.class)
            error_clear(&err);
        else
            error_move(&call->error, &err);
        return false;
    }
    if (res.status != 200)
        return status_error(call, &res);
    return expect_type(call, &res, arena_printf(a, "application/x-%s-result", s->service));
}

// ---- libgit2's side -----------------------------------------------------------------------------------------------

static int stream_read(git_smart_subtransport_stream *stream, char *buffer, size_t room, size_t *read)
{
    struct http_stream *s = (struct http_stream *)stream;
    *read = 0;
    if (!s->done) {
        s->done = true;
        if (repo_call_ended(s->transport->call) || !(s->advertisement ? advertise(s) : post(s)))
            return -1;
    }
    ptrdiff_t n = repo_spool_read(&s->answer, buffer, room);
    if (n < 0)
        return error_set(&s->transport->call->error, ERROR_TRANSIENT, "the temporary file cannot be read"), -1;
    *read = (size_t)n;
    return 0;
}

static int stream_write(git_smart_subtransport_stream *stream, const char *buffer, size_t len)
{
    struct http_stream *s = (struct http_stream *)stream;
    struct repo_call *call = s->transport->call;
    struct buf changed = BUF_IN(call->arena);
    if (repo_call_ended(call) || (s->pushes && !repo_push_options_insert(call, &buffer, &len, &changed)))
        return -1;
    return repo_spool_write(&s->request, buffer, len, &call->error) ? 0 : -1;
}

static void stream_free(git_smart_subtransport_stream *stream)
{
    struct http_stream *s = (struct http_stream *)stream;
    repo_spool_close(&s->request);
    repo_spool_close(&s->answer);
    free(s);
}

static struct http *connection(struct repo_call *call)
{
    const struct http_options options = {
        .tls = {.ca = call->remote->ca,
                .system_too = true,
                .cert = call->remote->client_cert,
                .key = call->remote->client_key},
        .proxy = call->remote->proxy,
        .user_agent = "git/2.0 (runnel " RUNNEL_VERSION ")", // GitHub and others serve Git to agents that say git/
        .max_connections = 1,
    };
    return http_new(&options, &call->error);
}

static int transport_action(git_smart_subtransport_stream **out, git_smart_subtransport *transport, const char *url,
                            git_smart_service_t action)
{
    struct http_subtransport *t = (struct http_subtransport *)transport;
    if (!t->http && !(t->http = connection(t->call)))
        return -1;
    struct http_stream *s = xcalloc(1, sizeof *s);
    *s = (struct http_stream){
        .parent = {.subtransport = transport, .read = stream_read, .write = stream_write, .free = stream_free},
        .transport = t,
        .advertisement = action == GIT_SERVICE_UPLOADPACK_LS || action == GIT_SERVICE_RECEIVEPACK_LS,
        .pushes = action == GIT_SERVICE_RECEIVEPACK,
        .service = action == GIT_SERVICE_UPLOADPACK_LS || action == GIT_SERVICE_UPLOADPACK ? "git-upload-pack"
                                                                                           : "git-receive-pack",
    };
    repo_spool_init(&s->request, t->call->spool, SPOOL_MEMORY);
    // An advertisement came in memory, and a call without a folder may have nowhere to write.
    repo_spool_init(&s->answer, t->call->spool, s->advertisement ? GIT_REFS_LIMIT : SPOOL_MEMORY);
    *out = &s->parent;
    return 0;
}

static int transport_close(git_smart_subtransport *transport)
{
    return 0;
}

static void transport_free(git_smart_subtransport *transport)
{
    struct http_subtransport *t = (struct http_subtransport *)transport;
    http_free(t->http);
    free(t->base);
    free(t);
}

int repo_transport_http(git_smart_subtransport **out, git_transport *owner, void *call)
{
    struct http_subtransport *t = xcalloc(1, sizeof *t);
    *t = (struct http_subtransport){
        .parent = {.action = transport_action, .close = transport_close, .free = transport_free},
        .call = call,
    };
    *out = &t->parent;
    return 0;
}
