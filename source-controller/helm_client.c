// helm_client.c - downloading from a Helm repository: its index, and charts by it.
#include "helm_client.h"

#include "chart/chart.h"
#include "helm_registry.h"
#include "secrets.h"

#define TIMEOUT_MS 60000
#define RETRIES 2

// Flux trims the slashes at the end; what follows a "?" (tokens of some hosts) goes with each request.
static void split_url(struct arena *a, const char *url, struct helm_client *c)
{
    size_t len = strcspn(url, "?#");
    c->query = url[len] == '?' ? arena_strndup(a, url + len, strcspn(url + len, "#")) : "";
    while (len && url[len - 1] == '/')
        len--;
    c->url = arena_strndup(a, url, len);
}

static bool read_secrets(struct reconcile *r, struct value repository, struct helm_client *c, struct error *err)
{
    const char *secret_name = value_str(value_path(repository, "spec.secretRef.name"));
    const char *cert_name = value_str(value_path(repository, "spec.certSecretRef.name"));
    struct http_tls older;
    if (cert_name && !secret_tls_required(r, cert_name, &c->tls, err))
        return error_wrap(err, "failed to construct Helm client's TLS config");
    if (!secret_name)
        return true;
    if (!secret_get(r, secret_name, &c->secret, err))
        return false;
    if (!secret_basic(r, c->secret, &c->user, &c->password, err) || !secret_tls(r, c->secret, &older, err))
        return error_wrap(err, "failed to detect authentication methods");
    if (!cert_name) // certificates beside the password: deprecated in Flux, and works
        c->tls = older;
    return true;
}

bool helm_client_open(struct reconcile *r, struct value repository, struct helm_client *c, const char **reason,
                      struct error *err)
{
    struct value spec = value_get(repository, "spec");
    const char *url = value_str_or(value_get(spec, "url"), "");
    struct url parsed;
    int64_t timeout_ns = 0;

    *c = (struct helm_client){.cancel = r->cancel};
    c->oci = str_eq(value_str(value_get(spec, "type")), "oci");
    c->insecure = value_true(value_get(spec, "insecure"));
    c->pass_credentials = value_true(value_get(spec, "passCredentials"));
    *reason = "URLInvalid";
    if (!url_parse(r->arena, url, &parsed, err))
        return error_wrap(err, "invalid Helm repository URL");
    bool is_oci = str_eq(parsed.scheme, "oci"),
         is_http = str_eq(parsed.scheme, "http") || str_eq(parsed.scheme, "https");
    if (is_oci && !c->oci)
        return error_set(
            err, ERROR_INVALID,
            "invalid Helm repository URL: 'oci' URL scheme cannot be used with 'default' HelmRepository type");
    if (!is_oci && (c->oci || !is_http))
        return error_set(err, ERROR_INVALID, "invalid %s URL: %s", c->oci ? "OCI registry" : "Helm repository",
                         url_redact(r->arena, url));
    split_url(r->arena, url, c);
    const char *timeout = value_str(value_get(spec, "timeout"));
    if (!timeout || !duration_parse(timeout, &timeout_ns))
        timeout_ns = (int64_t)TIMEOUT_MS * 1000000;
    c->deadline_ms = clock_mono_ms() + timeout_ns / 1000000;
    *reason = "AuthenticationFailed";
    return read_secrets(r, repository, c, err);
}

void helm_client_close(struct helm_client *c)
{
    http_free(c->http);
    c->http = NULL;
}

static bool get(struct helm_client *c, struct arena *a, const char *url, size_t limit, struct slice *out,
                struct error *err)
{
    struct http_options options = {.tls = c->tls, .max_connections = 1};
    struct http_response res;
    struct http_request req = {.url = url,
                               .limit = limit,
                               .retries = RETRIES,
                               .deadline_ms = c->deadline_ms,
                               .timeout_ms = INT32_MAX,
                               .cancel = c->cancel};
    if (c->pass_credentials || url_same_host(c->url, url)) {
        req.user = c->user;
        req.password = c->password;
    }
    if (!c->http && !(c->http = http_new(&options, err)))
        return false;
    if (!http_get_ok(c->http, a, &req, &res, err))
        return false;
    *out = res.body;
    return true;
}

bool helm_client_index(struct helm_client *c, struct arena *a, size_t limit, struct slice *out, struct error *err)
{
    return get(c, a, arena_printf(a, "%s/index.yaml%s", c->url, c->query), limit, out, err);
}

// ---- charts -------------------------------------------------------------------------------------------------------

bool helm_client_find(struct helm_client *c, struct reconcile *r, struct slice index, const char *name,
                      const char *range, struct helm_chart_ref *out, struct error *err)
{
    struct chart_index_entry entry;
    if (c->oci)
        return registry_find_chart(c, r, name, range, out, err);
    struct chart_index *parsed = chart_index_parse(r->arena, index, err);
    if (!parsed)
        return error_wrap(err, "failed to load index");
    if (!chart_index_find(r->arena, parsed, name, range, &entry, err))
        return false;
    const char *url = value_str(value_at(value_get(entry.metadata, "urls"), 0));
    if (str_empty(url))
        return error_set(err, ERROR_INVALID, "chart '%s' has no downloadable URLs", name);
    out->name = name;
    out->version = entry.version;
    out->location = url_resolve(r->arena, arena_printf(r->arena, "%s/%s", c->url, c->query), url);
    if (!out->location)
        return error_set(err, ERROR_INVALID, "chart '%s' has an invalid URL", name);
    // Relative ones get the repository's query, as Helm does it.
    if (*c->query && !strstr(url, "://") && !strchr(url, '?'))
        out->location = arena_printf(r->arena, "%s%s", out->location, c->query);
    return true;
}

bool helm_client_chart(struct helm_client *c, struct reconcile *r, const struct helm_chart_ref *ref, size_t limit,
                       struct slice *tgz, struct error *err)
{
    if (c->oci)
        return registry_pull_chart(c, r, ref, limit, tgz, err);
    return get(c, r->arena, ref->location, limit, tgz, err);
}
