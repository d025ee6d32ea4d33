// config.c - where the API server is and who we are there: kubeconfig files, the service account of a pod.
#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

#include "kube/kube_internal.h"

#define CONFIG_LIMIT (4u << 20)
#define CONFIG_FILES 16
#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

struct config_file {
    struct value doc;
    const char *dir; // relative paths in it start here; NULL: no paths are allowed
};
struct config_files { // in order of precedence: of two entries of one name the first counts
    struct config_file items[CONFIG_FILES];
    size_t len;
};

// ---- reading ------------------------------------------------------------------------------------------------------
static bool config_add(struct arena *a, struct config_files *files, struct slice text, const char *dir,
                       struct error *err)
{
    struct value doc;
    if (!yaml_parse(a, text.data, text.len, 0, &doc, err))
        return false;
    if (value_is_null(doc))
        return true;
    if (!value_is(doc, V_DICT))
        return error_set(err, ERROR_INVALID, "not a kubeconfig");
    if (files->len == CONFIG_FILES)
        return error_set(err, ERROR_LIMIT, "more than %d files", CONFIG_FILES);
    files->items[files->len++] = (struct config_file){.doc = doc, .dir = dir};
    return true;
}

static bool config_add_path(struct arena *a, struct config_files *files, const char *path, struct error *err)
{
    struct slice text;
    if (!file_read(a, path, CONFIG_LIMIT, &text, err))
        return false;
    const char *slash = strrchr(path, '/');
    const char *dir = !slash ? "." : slash == path ? "/" : arena_strndup(a, path, (size_t)(slash - path));
    if (!config_add(a, files, text, dir, err))
        return error_wrap(err, "%s", path);
    return true;
}

// The entry of that name in the lists `section` ("clusters"), and the body it holds ("cluster").
static bool config_find(const struct config_files *files, const char *section, const char *body, const char *name,
                        struct value *out, const char **dir)
{
    for (size_t f = 0; f < files->len; f++) {
        struct value list = value_get(files->items[f].doc, section);
        for (size_t i = 0; i < value_len(list); i++) {
            struct value entry = value_at(list, i);
            if (!str_eq(value_str(value_get(entry, "name")), name))
                continue;
            *out = value_get(entry, body);
            *dir = files->items[f].dir;
            return true;
        }
    }
    return false;
}

// A header's value must not smuggle in another header.
static bool one_line(const char *s)
{
    for (; s && *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return false;
    return true;
}

static bool config_text(struct value from, const char *key, const char **out, struct error *err)
{
    const char *text = value_str(value_get(from, key));
    if (str_empty(text))
        return true;
    if (!one_line(text))
        return error_set(err, ERROR_INVALID, "%s holds a control character", key);
    *out = text;
    return true;
}

// "KEY-data" (base64) or a file of the name in "KEY".
static bool config_bytes(struct arena *a, struct value from, const char *key, const char *dir, struct slice *out,
                         struct error *err)
{
    const char *data_key = arena_printf(a, "%s-data", key);
    struct slice data = value_slice(value_get(from, data_key));
    if (data.len) {
        struct buf decoded = BUF_IN(a);
        if (!base64_decode(&decoded, data.data, data.len))
            return error_set(err, ERROR_INVALID, "%s is not base64", data_key);
        *out = buf_view(&decoded);
        return true;
    }
    const char *path = value_str(value_get(from, key));
    if (str_empty(path))
        return true;
    if (!dir)
        return error_set(err, ERROR_INVALID, "%s names a file, which is not allowed here: use %s", key, data_key);
    if (*path != '/')
        path = path_join(a, dir, path);
    return file_read(a, path, CONFIG_LIMIT, out, err) || error_wrap(err, "%s", key);
}

// ---- the parts ----------------------------------------------------------------------------------------------------
static bool config_cluster(struct arena *a, struct value cluster, const char *dir, struct kube_config *out,
                           struct error *err)
{
    if (!config_text(cluster, "server", &out->server, err) ||
        !config_text(cluster, "tls-server-name", &out->tls_server_name, err) ||
        !config_text(cluster, "proxy-url", &out->proxy, err) ||
        !config_bytes(a, cluster, "certificate-authority", dir, &out->ca, err))
        return false;
    if (!out->server)
        return error_set(err, ERROR_INVALID, "no server");
    out->insecure = value_true(value_get(cluster, "insecure-skip-tls-verify"));
    if (out->insecure && out->ca.len)
        return error_set(err, ERROR_INVALID, "certificate-authority and insecure-skip-tls-verify exclude each other");
    return true;
}

// What a user entry may hold and we do not do: refused by name, so that nobody wonders why a request is anonymous.
static bool config_user_refuse(struct value user, struct error *err)
{
    if (value_is(value_get(user, "exec"), V_DICT))
        return error_set(err, ERROR_INVALID,
                         "the exec credential plugin \"%s\" is not supported: use a token or a client certificate",
                         value_str_or(value_path(user, "exec.command"), ""));
    if (value_is(value_get(user, "auth-provider"), V_DICT))
        return error_set(err, ERROR_INVALID,
                         "the auth provider \"%s\" is not supported: use a token or a client certificate",
                         value_str_or(value_path(user, "auth-provider.name"), ""));
    static const char *const refused[] = {"as-uid", "as-user-extra"};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (value_len(value_get(user, refused[i])))
            return error_set(err, ERROR_INVALID, "%s is not supported", refused[i]);
    return true;
}

static bool config_user(struct arena *a, struct value user, const char *dir, struct kube_config *out, struct error *err)
{
    if (!config_user_refuse(user, err) || !config_text(user, "token", &out->token, err) ||
        !config_text(user, "tokenFile", &out->token_file, err) || !config_text(user, "username", &out->user, err) ||
        !config_text(user, "password", &out->password, err) || !config_text(user, "as", &out->impersonate_user, err) ||
        !config_bytes(a, user, "client-certificate", dir, &out->client_cert, err) ||
        !config_bytes(a, user, "client-key", dir, &out->client_key, err))
        return false;
    if (out->token_file) {
        if (!dir)
            return error_set(err, ERROR_INVALID, "tokenFile names a file, which is not allowed here: use token");
        if (*out->token_file != '/')
            out->token_file = path_join(a, dir, out->token_file);
    }
    if (!out->client_cert.len != !out->client_key.len)
        return error_set(err, ERROR_INVALID, "%s is missing",
                         out->client_cert.len ? "client-key" : "client-certificate");
    struct value groups = value_get(user, "as-groups");
    if (value_len(groups)) {
        if (!out->impersonate_user)
            return error_set(err, ERROR_INVALID, "as-groups needs as");
        const char **names = arena_array(a, const char *, value_len(groups) + 1);
        for (size_t i = 0; i < value_len(groups); i++) {
            names[i] = value_str(value_at(groups, i));
            if (str_empty(names[i]) || !one_line(names[i]))
                return error_set(err, ERROR_INVALID, "as-groups: not a group name");
        }
        out->impersonate_groups = names;
    }
    return true;
}

static bool config_resolve(struct arena *a, const struct config_files *files, const char *context,
                           struct kube_config *out, struct error *err)
{
    for (size_t i = 0; i < files->len && str_empty(context); i++)
        context = value_str(value_get(files->items[i].doc, "current-context"));
    if (str_empty(context))
        return error_set(err, ERROR_INVALID, "no current-context is set");
    struct value body, part;
    const char *dir;
    if (!config_find(files, "contexts", "context", context, &body, &dir))
        return error_set(err, ERROR_INVALID, "context \"%s\" does not exist", context);
    out->namespace = value_str_or(value_get(body, "namespace"), "default");
    const char *name = value_str_or(value_get(body, "cluster"), "");
    if (!config_find(files, "clusters", "cluster", name, &part, &dir))
        return error_set(err, ERROR_INVALID, "context \"%s\": cluster \"%s\" does not exist", context, name);
    if (!config_cluster(a, part, dir, out, err))
        return error_wrap(err, "cluster \"%s\"", name);
    name = value_str_or(value_get(body, "user"), "");
    if (!*name)
        return true; // an open server
    if (!config_find(files, "users", "user", name, &part, &dir))
        return error_set(err, ERROR_INVALID, "context \"%s\": user \"%s\" does not exist", context, name);
    if (!config_user(a, part, dir, out, err))
        return error_wrap(err, "user \"%s\"", name);
    return true;
}

// ---- the ways in --------------------------------------------------------------------------------------------------
bool kube_config_in_cluster(struct arena *a, const char *folder, const char *host, const char *port,
                            struct kube_config *out, struct error *err)
{
    cleanup(error_clear) struct error ignored = {0};
    struct slice name;
    *out = (struct kube_config){.token_file = path_join(a, folder, "token"), .namespace = "default"};
    out->server = arena_printf(a, strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host, port);
    if (!file_read(a, path_join(a, folder, "ca.crt"), CONFIG_LIMIT, &out->ca, err))
        return error_wrap(err, "service account");
    if (file_read(a, path_join(a, folder, "namespace"), 256, &name, &ignored) && slice_trim_space(name).len)
        out->namespace = slice_dup(a, slice_trim_space(name));
    return true;
}

static bool config_load_list(struct arena *a, const char *list, struct config_files *files, struct error *err)
{
    struct slice rest = slice_of(list), path;
    for (bool more = true; more;) {
        more = slice_cut(rest, ':', &path, &rest);
        if (!path.len)
            continue;
        struct error fault = {0};
        if (config_add_path(a, files, slice_dup(a, path), &fault))
            continue;
        if (fault.class != ERROR_NOT_FOUND) // as kubectl: a file of the list may be missing
            return error_move(err, &fault);
        error_clear(&fault);
    }
    return files->len || error_set(err, ERROR_NOT_FOUND, "KUBECONFIG: none of the files exists: %s", list);
}

bool kube_config_load(struct arena *a, const char *kubeconfig, const char *context, struct kube_config *out,
                      struct error *err)
{
    struct config_files files = {0};
    *out = (struct kube_config){0};
    const char *list = getenv("KUBECONFIG"), *host = getenv("KUBERNETES_SERVICE_HOST"), *home = getenv("HOME");
    bool ok;
    if (!str_empty(kubeconfig))
        ok = config_add_path(a, &files, kubeconfig, err);
    else if (!str_empty(list))
        ok = config_load_list(a, list, &files, err);
    else if (!str_empty(host) && access(SERVICE_ACCOUNT "/token", F_OK) == 0)
        return kube_config_in_cluster(a, SERVICE_ACCOUNT, host, str_or(getenv("KUBERNETES_SERVICE_PORT"), "443"), out,
                                      err);
    else
        ok = config_add_path(a, &files, path_join(a, str_or(home, "/"), ".kube/config"), err);
    return (ok && config_resolve(a, &files, context, out, err)) || error_wrap(err, "kubeconfig");
}

bool kube_config_parse(struct arena *a, struct slice yaml, const char *context, struct kube_config *out,
                       struct error *err)
{
    struct config_files files = {0};
    *out = (struct kube_config){0};
    return (config_add(a, &files, yaml, NULL, err) && config_resolve(a, &files, context, out, err)) ||
           error_wrap(err, "kubeconfig");
}
