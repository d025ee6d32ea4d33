// client.c - the client handle: which server, as whom; its token; its end.
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "kube/kube_internal.h"

#define TOKEN_LIMIT (64u << 10)

// ---- the server's URL ---------------------------------------------------------------------------------------------
// Splits
// "https://host:port/prefix"; curl parses what is left in full.
struct server_url {
    struct slice scheme, host, port, prefix;
};

static bool server_split(const char *text, struct server_url *out, struct error *err)
{
    struct slice rest = slice_of(text);
    ptrdiff_t at = slice_find(rest, SLICE("://"));
    *out = (struct server_url){.scheme = SLICE("https")};
    if (at >= 0) {
        out->scheme = slice_sub(rest, 0, (size_t)at);
        rest = slice_sub(rest, (size_t)at + 3, rest.len);
    }
    bool http = slice_eq_str(out->scheme, "http");
    if (!http && !slice_eq_str(out->scheme, "https"))
        return error_set(err, ERROR_INVALID, "server: the scheme must be http or https");
    at = slice_find_char(rest, '/');
    struct slice authority = at < 0 ? rest : slice_sub(rest, 0, (size_t)at);
    out->prefix = at < 0 ? slice_n("", 0) : slice_sub(rest, (size_t)at, rest.len);
    while (slice_has_suffix(out->prefix, SLICE("/")))
        out->prefix.len--;
    if (slice_find_char(authority, '@') >= 0)
        return error_set(err, ERROR_INVALID, "server: user and password belong into the user entry");
    size_t colon = authority.len;
    for (size_t i = authority.len; i-- > 0 && authority.data[i] != ']';)
        if (authority.data[i] == ':') {
            colon = i;
            break;
        }
    out->host = slice_sub(authority, 0, colon);
    out->port = colon < authority.len ? slice_sub(authority, colon + 1, authority.len)
                : http                ? SLICE("80")
                                      : SLICE("443");
    if (!out->host.len || !out->port.len)
        return error_set(err, ERROR_INVALID, "server: no host in \"%s\"", text);
    return true;
}

// With a tls_server_name, requests go to a URL of that name, and curl connects to the real host: so that SNI and the
// certificate check use the name. The Host header stays the real host's.
static bool kube_take_server(struct kube *k, struct error *err)
{
    struct server_url url;
    if (!server_split(k->config.server, &url, err))
        return false;
    struct arena *a = k->arena;
    const char *name = k->config.tls_server_name;
    if (!str_empty(name) && slice_eq_str(url.scheme, "https") && !slice_eq_str(url.host, name)) {
        k->connect_to = arena_printf(a, "::%.*s:%.*s", SLICE_ARG(url.host), SLICE_ARG(url.port));
        k->host_header = arena_printf(a, "Host: %.*s:%.*s", SLICE_ARG(url.host), SLICE_ARG(url.port));
        url.host = slice_of(name);
    }
    k->server = arena_printf(a, "%.*s://%.*s:%.*s%.*s", SLICE_ARG(url.scheme), SLICE_ARG(url.host), SLICE_ARG(url.port),
                             SLICE_ARG(url.prefix));
    return true;
}

// ---- life ---------------------------------------------------------------------------------------------------------
static struct slice slice_keep(struct arena *a, struct slice s)
{
    return s.len ? slice_n(slice_dup(a, s), s.len) : slice_n(NULL, 0);
}

static const char *text_keep(struct arena *a, const char *s)
{
    return str_empty(s) ? NULL : arena_strdup(a, s);
}

static void config_copy(struct arena *a, const struct kube_config *from, struct kube_config *to)
{
    *to = (struct kube_config){
        .server = text_keep(a, from->server),
        .ca = slice_keep(a, from->ca),
        .token = text_keep(a, from->token),
        .token_file = text_keep(a, from->token_file),
        .client_cert = slice_keep(a, from->client_cert),
        .client_key = slice_keep(a, from->client_key),
        .user = text_keep(a, from->user),
        .password = text_keep(a, from->password),
        .insecure = from->insecure,
        .tls_server_name = text_keep(a, from->tls_server_name),
        .proxy = text_keep(a, from->proxy),
        .namespace = text_keep(a, from->namespace),
        .impersonate_user = text_keep(a, from->impersonate_user),
    };
    size_t groups = 0;
    while (from->impersonate_groups && from->impersonate_groups[groups])
        groups++;
    if (!groups)
        return;
    const char **names = arena_array(a, const char *, groups + 1);
    for (size_t i = 0; i < groups; i++)
        names[i] = arena_strdup(a, from->impersonate_groups[i]);
    to->impersonate_groups = names;
}

struct kube *kube_new(const struct kube_config *config, struct error *err)
{
    transport_once();
    struct kube *k = xcalloc(1, sizeof *k);
    k->arena = arena_new();
    k->retry_ms = KUBE_RETRY_MS;
    k->silence_ms = KUBE_SILENCE_MS;
    pthread_mutex_init(&k->lock, NULL);
    monotonic_init(&k->changed);
    k->discovery = discovery_new();
    k->user_agent = xstrdup("runnel/" RUNNEL_VERSION);
    config_copy(k->arena, config, &k->config);
    if (!k->config.server)
        error_set(err, ERROR_INVALID, "no API server is configured");
    else if (kube_take_server(k, err))
        return k;
    kube_free(k);
    return NULL;
}

void kube_free(struct kube *k)
{
    if (!k)
        return;
    transport_free(k);
    discovery_free(k->discovery);
    secret_free(&k->file_token);
    free(k->user_agent);
    pthread_cond_destroy(&k->changed);
    pthread_mutex_destroy(&k->lock);
    arena_free(k->arena);
    free(k);
}

void kube_cancel(struct kube *k)
{
    pthread_mutex_lock(&k->lock);
    atomic_store(&k->cancelled, 1);
    transport_wake(k);
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->lock);
}

void kube_set_user_agent(struct kube *k, const char *agent)
{
    pthread_mutex_lock(&k->lock);
    free(k->user_agent);
    k->user_agent = xstrdup(agent);
    pthread_mutex_unlock(&k->lock);
}

const char *kube_default_namespace(const struct kube *k)
{
    return str_or(k->config.namespace, "default");
}

// ---- the token ----------------------------------------------------------------------------------------------------
static bool token_read(struct kube *k, const struct stat *st, struct error *err)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    struct slice text;
    if (!file_read(a, k->config.token_file, TOKEN_LIMIT, &text, err))
        return false;
    struct slice token = slice_trim_space(text);
    if (!token.len)
        return error_set(err, ERROR_DENIED, "%s is empty", k->config.token_file);
    for (size_t i = 0; i < token.len; i++)
        if ((unsigned char)token.data[i] <= ' ' || token.data[i] == 0x7f)
            return error_set(err, ERROR_DENIED, "%s holds no token", k->config.token_file);
    secret_free(&k->file_token);
    k->file_token = xstrndup(token.data, token.len);
    explicit_bzero((char *)text.data, text.len);
    k->token_mtime = st->st_mtim;
    k->token_size = st->st_size;
    k->token_inode = (int64_t)st->st_ino;
    return true;
}

// The kubelet replaces the file about once an hour by swapping a symbolic link: another inode, another time.
static bool token_unchanged(const struct kube *k, const struct stat *st)
{
    return k->file_token && k->token_mtime.tv_sec == st->st_mtim.tv_sec &&
           k->token_mtime.tv_nsec == st->st_mtim.tv_nsec && k->token_size == st->st_size &&
           k->token_inode == (int64_t)st->st_ino;
}

bool kube_token(struct kube *k, bool force, char **token, struct error *err)
{
    *token = NULL;
    if (!k->config.token_file) {
        if (k->config.token)
            *token = xstrdup(k->config.token);
        return true;
    }
    cleanup(error_clear) struct error fault = {0};
    struct stat st;
    pthread_mutex_lock(&k->lock);
    if (stat(k->config.token_file, &st) < 0)
        error_set(&fault, ERROR_DENIED, "%s: %s", k->config.token_file, strerror(errno));
    else if (force || !token_unchanged(k, &st))
        token_read(k, &st, &fault);
    // A file that cannot be read just now is being replaced: the token that we have is good for a while.
    if (k->file_token)
        *token = xstrdup(k->file_token);
    else if (k->config.token)
        *token = xstrdup(k->config.token);
    pthread_mutex_unlock(&k->lock);
    return *token || (error_move(err, &fault), error_wrap(err, "token file"));
}
