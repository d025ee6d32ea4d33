// template_namespace.c - the default namespace, as Kubernetes' client library finds it for Helm.

#include "template_namespace.h"

#include <unistd.h>

#include "value/value.h"

#define CONFIG_LIMIT (4u << 20)
#define CONFIG_FILES 16
#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

struct kubeconfigs { // in order of precedence
    struct value items[CONFIG_FILES];
    size_t len;
};

static bool add_file(struct arena *a, struct kubeconfigs *files, const char *path)
{
    struct error ignored cleanup(error_clear) = {0};
    struct slice text;
    struct value doc;
    if (files->len == CONFIG_FILES || !file_read(a, path, CONFIG_LIMIT, &text, &ignored) ||
        !yaml_parse(a, text.data, text.len, 0, &doc, &ignored))
        return false;
    struct value contexts = value_get(doc, "contexts");
    if (!value_is_null(doc) && !value_is(doc, V_DICT))
        return false;
    if (!value_is_null(contexts) && !value_is(contexts, V_LIST))
        return false;
    files->items[files->len++] = doc;
    return true;
}

// The files of $KUBECONFIG that are there; one that cannot be read spoils them all.
static bool add_files(struct arena *a, struct kubeconfigs *files)
{
    const char *home = getenv("HOME");
    struct slice rest = slice_of(getenv("KUBECONFIG")), part;
    if (rest.len == 0)
        rest = slice_of(arena_printf(a, "%s/.kube/config", str_or(home, "")));
    for (bool more = true; more;) {
        more = slice_cut(rest, ':', &part, &rest);
        const char *path = slice_dup(a, part);
        if (*path && access(path, F_OK) == 0 && !add_file(a, files, path))
            return false;
    }
    return true;
}

static bool find_context(const struct kubeconfigs *files, const char *name, struct value *out)
{
    for (size_t f = 0; f < files->len; f++) {
        struct value list = value_get(files->items[f], "contexts");
        for (size_t i = 0; i < value_len(list); i++) {
            if (!str_eq(value_str(value_get(value_at(list, i), "name")), name))
                continue;
            *out = value_get(value_at(list, i), "context");
            return true;
        }
    }
    return false;
}

// False: these files are of no use. An empty namespace: they are, but name none.
static bool kubeconfig_namespace(struct arena *a, const char *file, const char *context, const char **out)
{
    struct kubeconfigs files = {0};
    struct value found = VALUE_NULL;
    if (str_empty(file) ? !add_files(a, &files) : !add_file(a, &files, file))
        return false;
    for (size_t i = 0; str_empty(context) && i < files.len; i++)
        context = value_str(value_get(files.items[i], "current-context"));
    if (!str_empty(context) && !find_context(&files, context, &found))
        return false;
    *out = value_str_or(value_get(found, "namespace"), "");
    return true;
}

static const char *pod_namespace(struct arena *a)
{
    struct error ignored cleanup(error_clear) = {0};
    struct slice text;
    if (str_empty(getenv("KUBERNETES_SERVICE_HOST")) || str_empty(getenv("KUBERNETES_SERVICE_PORT")) ||
        access(SERVICE_ACCOUNT "/token", F_OK) != 0)
        return "";
    if (!str_empty(getenv("POD_NAMESPACE")))
        return getenv("POD_NAMESPACE");
    if (!file_read(a, SERVICE_ACCOUNT "/namespace", 4096, &text, &ignored))
        return "";
    return slice_dup(a, slice_trim_space(text));
}

const char *template_namespace(struct arena *a, const char *file, const char *context)
{
    const char *namespace = "";
    if (!kubeconfig_namespace(a, file, context, &namespace))
        return "default";
    return str_or(namespace, str_or(pod_namespace(a), "default"));
}
