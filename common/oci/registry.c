// registry.c - requests to a registry: which scheme it speaks, its challenge, tokens, and its errors as ours.
#include "oci/private.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <strings.h>

#define REQUEST_MS 60000
#define PING_MS 10000
#define TOKEN_LIFE_S 60 // where the token server says nothing, as the token specification has it
#define TOKEN_MAX ((size_t)1 << 20)
#define ERROR_TEXT_MAX 300
#define RETRIES 2

// Registries in one's own network are often without TLS: go-containerregistry lets these fall back to plain HTTP
// without being told.
static bool is_local(const char *registry)
{
    struct in_addr v4;
    const char *colon = strrchr(registry, ':');
    size_t len = registry[0] == '[' || !colon ? strlen(registry) : (size_t)(colon - registry);
    struct slice host = slice_n(registry, len);
    char text[64];

    if (str_has_prefix(registry, "[::1]") || slice_eq_str(host, "localhost") ||
        slice_has_suffix(host, SLICE(".localhost")) || slice_has_suffix(host, SLICE(".local")))
        return true;
    if (len >= sizeof text)
        return false;
    memcpy(text, registry, len);
    text[len] = '\0';
    if (inet_pton(AF_INET, text, &v4) != 1)
        return false;
    uint32_t ip = ntohl(v4.s_addr);
    return ip >> 24 == 127 || ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8;
}

static const char *keep(struct arena *a, const char *s)
{
    return s ? arena_strdup(a, s) : NULL;
}

struct oci *oci_new(const struct oci_reference *ref, const struct oci_options *options, struct error *err)
{
    struct http_options http = {
        .tls = options->tls, .proxy = options->proxy, .user_agent = options->user_agent, .max_connections = 1};
    struct http *client = http_new(&http, err);
    if (!client)
        return NULL;
    struct oci *o = xcalloc(1, sizeof *o);
    struct arena *a = o->arena = arena_new();
    o->http = client;
    o->ref = (struct oci_reference){keep(a, ref->registry), keep(a, ref->repository), keep(a, ref->tag),
                                    keep(a, ref->digest), keep(a, ref->name)};
    o->credentials =
        (struct oci_credentials){keep(a, options->credentials.user), keep(a, options->credentials.password),
                                 keep(a, options->credentials.bearer), keep(a, options->credentials.identity_token)};
    o->deadline_ms = options->deadline_ms;
    o->cancel = options->cancel;
    o->may_be_plain = options->insecure_http || is_local(ref->registry);
    if (!o->may_be_plain)
        o->base = arena_printf(a, "https://%s/v2/", o->ref.registry);
    if (o->credentials.bearer) {
        o->token = xstrdup(o->credentials.bearer);
        o->token_until = INT64_MAX;
    }
    return o;
}

void oci_free(struct oci *o)
{
    if (!o)
        return;
    secret_free(&o->token);
    http_free(o->http);
    arena_free(o->arena);
    free(o);
}

static void complete(const struct oci *o, struct http_request *req)
{
    req->deadline_ms = o->deadline_ms;
    // The deadline of all that is done with the registry rules; without one each request has its own.
    req->timeout_ms = o->deadline_ms ? INT32_MAX : REQUEST_MS;
    req->cancel = o->cancel;
    req->retries = RETRIES;
}

// Where plain HTTP is allowed, HTTPS is still tried first: any answer at all settles it.
static bool find_scheme(struct oci *o, struct arena *a, struct error *err)
{
    struct error tls cleanup(error_clear) = {0};
    struct http_response res;
    struct http_request ping = {0};
    if (o->base)
        return true;
    const char *secure = arena_printf(o->arena, "https://%s/v2/", o->ref.registry);
    complete(o, &ping);
    ping.url = secure;
    ping.retries = 0;
    ping.timeout_ms = PING_MS;
    ping.limit = OCI_MANIFEST_MAX;
    if (http_do(o->http, a, &ping, &res, &tls)) {
        o->base = secure;
        return true;
    }
    if (tls.class == ERROR_CANCELLED ||
        tls.class == ERROR_DENIED) // it does speak TLS, with a certificate that nobody vouches for
        return error_move(err, &tls);
    o->base = arena_printf(o->arena, "http://%s/v2/", o->ref.registry);
    return true;
}

char *registry_url(struct oci *o, struct arena *a, struct error *err, const char *fmt, ...)
{
    va_list args;
    if (!find_scheme(o, a, err))
        return NULL;
    va_start(args, fmt);
    char *rest = arena_vprintf(a, fmt, args);
    va_end(args);
    return arena_printf(a, "%s%s/%s", o->base, o->ref.repository, rest);
}

const char *oci_error_text(struct arena *a, struct slice body)
{
    struct error ignored cleanup(error_clear) = {0};
    struct value document;
    struct buf out = BUF_IN(a);
    if (!json_parse(a, body.data, body.len, 0, &document, &ignored))
        return "";
    struct value errors = value_get(document, "errors");
    for (size_t i = 0; i < value_len(errors) && i < 3; i++) {
        struct value e = value_at(errors, i);
        const char *code = value_str_or(value_get(e, "code"), "UNKNOWN");
        const char *message = value_str(value_get(e, "message"));
        buf_printf(&out, "%s%s%s%s", out.len ? "; " : "", code, str_empty(message) ? "" : ": ", message ? message : "");
    }
    if (!out.len) // token servers: {"details": "…"} or OAuth2's {"error_description": "…"}
        buf_str(&out, value_str_or(value_get(document, "details"),
                                   value_str_or(value_get(document, "error_description"), "")));
    if (out.len > ERROR_TEXT_MAX)
        out.len = ERROR_TEXT_MAX;
    char *line = arena_strndup(a, buf_cstr(&out), out.len);
    for (char *p = line; *p; p++)
        if (iscntrl((unsigned char)*p))
            *p = ' ';
    return line;
}

static bool fail_status(struct arena *a, const struct http_request *req, const struct http_response *res,
                        struct error *err)
{
    const char *text = oci_error_text(a, res->body);
    error_set(err, http_status_class(res->status), "%s %s: status %ld%s%s", str_or(req->method, "GET"),
              url_redact(a, req->url), res->status, *text ? ": " : "", text);
    err->code = (int)res->status;
    err->retry_after_ms = http_retry_after_ms(res);
    return false;
}

// The password goes to the realm that the registry names; over HTTPS, if that is how the registry itself was reached.
static bool check_realm(struct oci *o, struct arena *a, const char *realm, struct error *err)
{
    struct url u;
    if (!url_parse(a, realm, &u, err))
        return error_wrap(err, "registry %s: token server", o->ref.registry);
    if (!strcmp(u.scheme, "https") || (!strcmp(u.scheme, "http") && str_has_prefix(o->base, "http://")))
        return true;
    return error_set(err, ERROR_DENIED, "registry %s: token server %s is not reached over https", o->ref.registry,
                     url_redact(a, realm));
}

static bool fetch_token(struct oci *o, struct arena *a, const struct http_challenge *c, struct error *err)
{
    const char *realm = http_challenge_param(c, "realm"), *service = http_challenge_param(c, "service");
    const char *scope = http_challenge_param(c, "scope");
    struct http_header form = {"Content-Type", "application/x-www-form-urlencoded"};
    struct http_request req = {0};
    struct http_response res;
    struct buf query = BUF_IN(a);
    struct value answer;

    if (str_empty(realm))
        return error_set(err, ERROR_DENIED, "registry %s: challenge without a realm", o->ref.registry);
    if (!check_realm(o, a, realm, err))
        return false;
    buf_printf(&query, "service=%s&scope=%s", url_escape(a, service ? service : ""),
               url_escape(a, str_or(scope, arena_printf(a, "repository:%s:pull", o->ref.repository))));
    complete(o, &req);
    req.limit = TOKEN_MAX;
    if (o->credentials.identity_token) {
        buf_printf(&query, "&grant_type=refresh_token&client_id=runnel&refresh_token=%s",
                   url_escape(a, o->credentials.identity_token));
        req.method = "POST";
        req.url = realm;
        req.body = buf_view(&query);
        req.headers = &form;
        req.header_count = 1;
    } else {
        req.url = arena_printf(a, "%s%c%s", realm, strchr(realm, '?') ? '&' : '?', buf_cstr(&query));
        req.user = o->credentials.user;
        req.password = o->credentials.password;
    }
    if (!http_do(o->http, a, &req, &res, err))
        return error_wrap(err, "token of registry %s", o->ref.registry);
    if (res.status < 200 || res.status > 299) {
        fail_status(a, &req, &res, err);
        return error_wrap(err, "token of registry %s", o->ref.registry);
    }
    struct error detail cleanup(error_clear) = {0};
    if (!json_parse(a, res.body.data, res.body.len, 0, &answer, &detail))
        return error_set(err, ERROR_TRANSIENT, "token of registry %s: the answer is not valid JSON", o->ref.registry);
    const char *token = value_str_or(value_get(answer, "token"), value_str(value_get(answer, "access_token")));
    if (str_empty(token))
        return error_set(err, ERROR_TRANSIENT, "token of registry %s: the answer has no token", o->ref.registry);
    int64_t life = value_int_or(value_get(answer, "expires_in"), TOKEN_LIFE_S);
    life = life < 10 ? 10 : life > 86400 ? 86400 : life;
    secret_free(&o->token);
    o->token = xstrdup(token);
    o->token_until = clock_mono_ms() + life * 900; // a tenth before its end
    return true;
}

// What the registry asks for after a 401. False with err clear: nothing that could help.
static bool answer_challenge(struct oci *o, struct arena *a, const struct http_response *res, struct error *err)
{
    struct http_challenge c;
    if (http_challenge_find(a, res, "bearer", &c))
        return fetch_token(o, a, &c, err);
    if (!http_challenge_find(a, res, "basic", &c) || !o->credentials.user || o->basic)
        return false;
    o->basic = true;
    return true;
}

bool registry_request(struct oci *o, struct arena *a, struct http_request *req, struct http_response *res,
                      struct error *err)
{
    complete(o, req);
    // The first try may be without a token, or with one that has just run out; a second 401 is the answer.
    for (int attempt = 0; attempt < 2; attempt++) {
        if (o->token && clock_mono_ms() > o->token_until)
            secret_free(&o->token);
        req->bearer = o->token;
        req->user = o->basic ? o->credentials.user : NULL;
        req->password = o->basic ? o->credentials.password : NULL;
        if (!http_do(o->http, a, req, res, err))
            return false;
        if (res->status >= 200 && res->status < 300)
            return true;
        if (res->status != 401 || attempt || o->credentials.bearer)
            break;
        if (!answer_challenge(o, a, res, err)) {
            if (err->class)
                return false;
            break;
        }
    }
    return fail_status(a, req, res, err);
}
