// secrets.c - what sources read from Secrets.
#include "secrets.h"

#include "git/git.h"

bool secret_get(struct reconcile *r, const char *name, struct value *out, struct error *err)
{
    struct kube_ref ref = {"v1", "Secret", r->namespace, name};
    return reconcile_get(r, ref, out, err) || error_wrap(err, "failed to get secret '%s/%s'", r->namespace, name);
}

struct slice secret_bytes(struct reconcile *r, struct value secret, const char *key)
{
    struct slice data;
    return kube_data(r->arena, secret, key, &data) ? data : (struct slice){0};
}

const char *secret_text(struct reconcile *r, struct value secret, const char *key)
{
    struct slice data;
    return kube_data(r->arena, secret, key, &data) ? slice_dup(r->arena, data) : NULL;
}

static struct slice either(struct reconcile *r, struct value secret, const char *key, const char *older)
{
    struct slice data = secret_bytes(r, secret, key);
    return data.len ? data : secret_bytes(r, secret, older);
}

bool secret_tls(struct reconcile *r, struct value secret, struct http_tls *out, struct error *err)
{
    *out = (struct http_tls){
        .ca = either(r, secret, "ca.crt", "caFile"),
        .cert = either(r, secret, "tls.crt", "certFile"),
        .key = either(r, secret, "tls.key", "keyFile"),
        .system_too = true,
    };
    if (!out->cert.len == !out->key.len)
        return true;
    return error_set(err, ERROR_INVALID, "secret '%s/%s': found '%s' but missing '%s'", r->namespace, kube_name(secret),
                     out->cert.len ? "tls.crt" : "tls.key", out->cert.len ? "tls.key" : "tls.crt");
}

bool secret_tls_required(struct reconcile *r, const char *name, struct http_tls *out, struct error *err)
{
    struct value secret;
    if (!secret_get(r, name, &secret, err) || !secret_tls(r, secret, out, err))
        return false;
    if (out->ca.len || out->cert.len)
        return true;
    return error_set(err, ERROR_INVALID, "secret '%s/%s' must contain either 'ca.crt' or both 'tls.crt' and 'tls.key'",
                     r->namespace, name);
}

bool secret_basic(struct reconcile *r, struct value secret, const char **user, const char **password, struct error *err)
{
    *user = secret_text(r, secret, "username");
    *password = secret_text(r, secret, "password");
    if (!*user == !*password)
        return true;
    return error_set(err, ERROR_INVALID, "secret '%s/%s': malformed basic auth - has '%s' but missing '%s'",
                     r->namespace, kube_name(secret), *user ? "username" : "password", *user ? "password" : "username");
}

bool secret_proxy(struct reconcile *r, const char *name, const char **proxy, struct error *err)
{
    struct value secret;
    struct repo_remote remote = {0};
    if (!secret_get(r, name, &secret, err))
        return false;
    if (!repo_proxy(r->arena, secret, &remote, err))
        return error_wrap(err, "secret '%s/%s'", r->namespace, name);
    *proxy = remote.proxy;
    return true;
}

bool secret_registry(struct reconcile *r, struct value secret, const char *repository, struct oci_credentials *out,
                     struct error *err)
{
    struct slice json = secret_bytes(r, secret, ".dockerconfigjson");
    *out = (struct oci_credentials){0};
    if (!json.len)
        return error_set(err, ERROR_INVALID, "secret '%s/%s': key '.dockerconfigjson' not found", r->namespace,
                         kube_name(secret));
    if (oci_docker_config(r->arena, json, repository, out, err))
        return true;
    if (err->class)
        error_wrap(err, "secret '%s/%s'", r->namespace, kube_name(secret));
    return false;
}
