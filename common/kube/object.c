// object.c - what every Kubernetes object has: names, labels, versions, the data of Secrets and ConfigMaps.
#include "kube/kube_internal.h"

const char *kube_name(struct value object)
{
    return value_str_or(value_get(value_get(object, "metadata"), "name"), "");
}

const char *kube_namespace(struct value object)
{
    return value_str_or(value_get(value_get(object, "metadata"), "namespace"), "");
}

const char *kube_uid(struct value object)
{
    return value_str_or(value_get(value_get(object, "metadata"), "uid"), "");
}

const char *kube_kind(struct value object)
{
    return value_str_or(value_get(object, "kind"), "");
}

const char *kube_label(struct value object, const char *key)
{
    return value_str(value_get(value_get(value_get(object, "metadata"), "labels"), key));
}

const char *kube_annotation(struct value object, const char *key)
{
    return value_str(value_get(value_get(value_get(object, "metadata"), "annotations"), key));
}

int64_t kube_generation(struct value object)
{
    return value_int_or(value_get(value_get(object, "metadata"), "generation"), 0);
}

bool kube_deleting(struct value object)
{
    return !str_empty(value_str(value_get(value_get(object, "metadata"), "deletionTimestamp")));
}

// They are opaque by contract, but every API server counts etcd revisions, and KEP-5504 makes that official.
int kube_rv_compare(const char *a, const char *b)
{
    a = a ? a : "";
    b = b ? b : "";
    a += strspn(a, "0");
    b += strspn(b, "0");
    size_t la = strlen(a), lb = strlen(b);
    if (la != lb)
        return la < lb ? -1 : 1;
    int order = strcmp(a, b);
    return (order > 0) - (order < 0);
}

bool kube_data(struct arena *a, struct value object, const char *key, struct slice *out)
{
    bool secret = str_eq(kube_kind(object), "Secret");
    struct value text = value_get(value_get(object, "data"), key);
    if (value_is(text, V_STRING) && !secret) {
        *out = value_slice(text);
        return true;
    }
    if (!secret)
        text = value_get(value_get(object, "binaryData"), key);
    if (!value_is(text, V_STRING))
        return false;
    struct buf decoded = BUF_IN(a);
    buf_reserve(&decoded, text.len);
    if (!base64_decode(&decoded, text.data, text.len))
        return false;
    buf_cstr(&decoded);
    *out = buf_view(&decoded);
    return true;
}
