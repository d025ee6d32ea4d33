// registry.c - how an ImageRepository's spec reaches its registry: Secrets, certificates, proxy, timeout.
#include "image.h"

#include "git/git.h"

struct slice secret_key(struct arena *a, struct value secret, const char *key)
{
    struct slice data = {0};
    kube_data(a, secret, key, &data);
    return data;
}

bool image_name_parse(struct arena *a, const char *image, struct oci_reference *out, struct error *err)
{
    const char *scheme = strstr(str_or(image, ""), "://");
    if (scheme)
        return error_set(err, ERROR_INVALID, "image '%s' should not include URL scheme; remove '%.*s://'", image,
                         (int)(scheme - image), image);
    if (!oci_parse(a, str_or(image, ""), out, err))
        return false;
    if (out->tag)
        return error_set(err, ERROR_INVALID, "image '%s' should not include a tag; remove ':%s'", image, out->tag);
    if (out->digest)
        return error_set(err, ERROR_INVALID, "image '%s' should not include a digest; remove '@%s'", image,
                         out->digest);
    return true;
}

static bool get_secret(struct reconcile *r, const char *namespace, const char *name, struct value *out,
                       struct error *err)
{
    return reconcile_get(r, (struct kube_ref){"v1", "Secret", namespace, name}, out, err);
}

static bool use_certificates(struct reconcile *r, const char *namespace, struct value ref, struct http_tls *tls,
                             struct error *err)
{
    struct value secret;
    const char *name = value_str(value_get(ref, "name"));
    if (!name)
        return true;
    if (!get_secret(r, namespace, name, &secret, err))
        return false;
    // The second names are those that Flux once had.
    static const char *const keys[][2] = {{"ca.crt", "caFile"}, {"tls.crt", "certFile"}, {"tls.key", "keyFile"}};
    struct slice *const fields[] = {&tls->ca, &tls->cert, &tls->key};
    tls->system_too = true; // as Flux: the CA joins the system's
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        *fields[i] = secret_key(r->arena, secret, keys[i][0]);
        if (!fields[i]->len)
            *fields[i] = secret_key(r->arena, secret, keys[i][1]);
    }
    if (!tls->cert.len != !tls->key.len)
        return error_set(err, ERROR_INVALID, "secret '%s/%s': a client certificate needs both 'tls.crt' and 'tls.key'",
                         namespace, name);
    if (!tls->cert.len && !tls->ca.len)
        return error_set(err, ERROR_INVALID, "secret '%s/%s' has none of 'ca.crt', 'tls.crt' and 'tls.key'", namespace,
                         name);
    return true;
}

static bool use_proxy(struct reconcile *r, const char *namespace, struct value ref, const char **proxy,
                      struct error *err)
{
    struct value secret;
    struct repo_remote remote = {0};
    const char *name = value_str(value_get(ref, "name"));
    if (!name)
        return true;
    if (!get_secret(r, namespace, name, &secret, err))
        return false;
    if (!repo_proxy(r->arena, secret, &remote, err))
        return error_wrap(err, "secret '%s/%s'", namespace, name);
    *proxy = remote.proxy;
    return true;
}

// True with *found where the Secret has credentials for this image.
static bool pull_secret(struct reconcile *r, const char *namespace, const char *name, const struct oci_reference *image,
                        struct oci_credentials *out, bool *found, struct error *err)
{
    struct value secret;
    if (!get_secret(r, namespace, name, &secret, err))
        return false;
    struct slice config = secret_key(r->arena, secret, ".dockerconfigjson");
    if (!config.len)
        return error_set(err, ERROR_INVALID, "secret '%s/%s' has no key '.dockerconfigjson'", namespace, name);
    *found = oci_docker_config(r->arena, config, image->name, out, err);
    return *found || !err->class ? true : error_wrap(err, "secret '%s/%s'", namespace, name);
}

// spec.secretRef first, then what the service account has for pulling images.
static bool use_credentials(struct reconcile *r, struct value repository, const struct oci_reference *image,
                            struct oci_credentials *out, struct error *err)
{
    struct value spec = value_get(repository, "spec"), account;
    const char *namespace = kube_namespace(repository), *name = value_str(value_path(spec, "secretRef.name"));
    bool found = false;
    if (name && !pull_secret(r, namespace, name, image, out, &found, err))
        return false;
    name = value_str(value_get(spec, "serviceAccountName"));
    if (found || str_empty(name))
        return true;
    if (!reconcile_get(r, (struct kube_ref){"v1", "ServiceAccount", namespace, name}, &account, err))
        return false;
    struct value list = value_get(account, "imagePullSecrets");
    for (size_t i = 0; i < value_len(list) && !found; i++) {
        name = value_str(value_get(value_at(list, i), "name"));
        if (name && !pull_secret(r, namespace, name, image, out, &found, err))
            return false;
    }
    return true;
}

// spec.timeout, else the interval; one second at least.
static int64_t timeout_ms(struct value spec)
{
    int64_t ns = 0;
    const char *text = value_str(value_get(spec, "timeout"));
    if (!text)
        text = value_str(value_get(spec, "interval"));
    if (text && duration_parse(text, &ns) && ns > 1000000000)
        return ns / 1000000;
    return 1000;
}

bool image_registry(struct reconcile *r, struct value repository, const struct oci_reference *image, struct oci **out,
                    struct error *err)
{
    struct value spec = value_get(repository, "spec");
    const char *namespace = kube_namespace(repository);
    struct oci_options options = {
        .insecure_http = value_true(value_get(spec, "insecure")),
        .deadline_ms = clock_mono_ms() + timeout_ms(spec),
        .cancel = r->cancel,
    };
    if (!use_proxy(r, namespace, value_get(spec, "proxySecretRef"), &options.proxy, err) ||
        !use_certificates(r, namespace, value_get(spec, "certSecretRef"), &options.tls, err) ||
        !use_credentials(r, repository, image, &options.credentials, err))
        return false;
    *out = oci_new(image, &options, err);
    return *out != NULL;
}
