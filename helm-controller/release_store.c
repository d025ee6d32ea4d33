// release_store.c - revisions as Secrets: list, create, conditional update, history.
#include "release.h"

#include <stdio.h>

#define ANNOTATION "helm.runnel.dev/"
#define PHASE ANNOTATION "phase"
#define ACTION ANNOTATION "action"
#define HOLDER ANNOTATION "holder"
#define DIGEST ANNOTATION "digest"
#define STARTED ANNOTATION "started"
#define PHASE_SINCE ANNOTATION "phase-since"

char *release_secret_name(struct arena *a, const char *name, int version)
{
    return arena_printf(a, "sh.helm.release.v1.%s.v%d", name, version);
}

static int64_t number(const char *text)
{
    return text ? strtoll(text, NULL, 10) : 0;
}

static bool from_secret(struct arena *a, struct value secret, struct release *out, struct error *err)
{
    struct slice data;
    if (!kube_data(a, secret, "release", &data))
        return error_set(err, ERROR_INVALID, "Secret %s/%s has no key release", kube_namespace(secret),
                         kube_name(secret));
    if (!release_decode(a, data, out, err))
        return error_wrap(err, "Secret %s/%s", kube_namespace(secret), kube_name(secret));
    out->resource_version = value_str(value_path(secret, "metadata.resourceVersion"));
    out->created_s = number(kube_label(secret, "createdAt"));
    out->modified_s = number(kube_label(secret, "modifiedAt"));
    out->progress = (struct release_progress){
        .phase = kube_annotation(secret, PHASE),
        .action = kube_annotation(secret, ACTION),
        .holder = kube_annotation(secret, HOLDER),
        .digest = kube_annotation(secret, DIGEST),
        .started_ms = number(kube_annotation(secret, STARTED)),
        .phase_ms = number(kube_annotation(secret, PHASE_SINCE)),
    };
    return true;
}

static struct kube_ref secret_ref(struct arena *a, const char *namespace, const char *name, int version)
{
    return (struct kube_ref){"v1", "Secret", namespace, release_secret_name(a, name, version)};
}

// A number as text; null (which deletes in a patch) for 0.
static struct value text_of(struct arena *a, int64_t n)
{
    return n ? value_printf(a, "%lld", (long long)n) : VALUE_NULL;
}

// The parts of the Secret that change with the record; absent annotations are null, so that a merge patch deletes them.
static bool to_secret(struct arena *a, struct release *r, struct value *out, struct error *err)
{
    struct slice packed;
    struct buf twice = BUF_IN(a);
    if (!release_encode(a, r, &packed, err))
        return false;
    base64_encode(&twice, packed.data, packed.len);
    if (packed.len > RELEASE_SECRET_MAX)
        return error_set(err, ERROR_LIMIT, "release %s is too large to be stored: %zu bytes packed, a Secret holds %d",
                         release_name(r), packed.len, RELEASE_SECRET_MAX);
    struct value secret = value_dict(a), metadata = value_dict(a), labels = value_dict(a), annotations = value_dict(a),
                 data = value_dict(a);
    r->modified_s = clock_wall_s();
    value_set_str(labels, "name", release_name(r));
    value_set_str(labels, "owner", "helm");
    value_set_str(labels, "status", release_status(r));
    value_set(labels, "version", value_printf(a, "%d", release_version(r)));
    value_set(labels, "modifiedAt", text_of(a, r->modified_s));
    value_set(annotations, PHASE, value_string(r->progress.phase));
    value_set(annotations, ACTION, value_string(r->progress.action));
    value_set(annotations, HOLDER, value_string(r->progress.holder));
    value_set(annotations, DIGEST, value_string(r->progress.digest));
    value_set(annotations, STARTED, text_of(a, r->progress.started_ms));
    value_set(annotations, PHASE_SINCE, text_of(a, r->progress.phase_ms));
    value_set(data, "release", value_string_n(buf_cstr(&twice), twice.len));
    value_set(metadata, "labels", labels);
    value_set(metadata, "annotations", annotations);
    value_set(secret, "metadata", metadata);
    value_set(secret, "data", data);
    *out = secret;
    return true;
}

static void drop_nulls(struct value dict)
{
    for (bool again = true; again;) {
        again = false;
        for (struct value_iter it = {0}; value_next(dict, &it);)
            if (value_is_null(it.value)) {
                value_unset(dict, it.key);
                again = true;
                break;
            }
    }
}

bool release_create(struct kube *k, struct arena *a, const char *storage_namespace, struct release *r,
                    struct error *err)
{
    struct value secret, stored;
    r->created_s = clock_wall_s();
    if (!to_secret(a, r, &secret, err))
        return false;
    value_set_str(secret, "apiVersion", "v1");
    value_set_str(secret, "kind", "Secret");
    value_set_str(secret, "type", RELEASE_SECRET_TYPE);
    struct value metadata = value_get(secret, "metadata");
    value_set_str(metadata, "name", release_secret_name(a, release_name(r), release_version(r)));
    value_set_str(metadata, "namespace", storage_namespace);
    value_set(value_get(metadata, "labels"), "createdAt", text_of(a, r->created_s));
    value_unset(value_get(metadata, "labels"), "modifiedAt"); // as Helm: from the first update on
    r->modified_s = 0;
    drop_nulls(value_get(metadata, "annotations"));
    if (!kube_create(k, a, secret, "helm-controller", &stored, err))
        return error_wrap(err, "store release %s revision %d", release_name(r), release_version(r));
    r->resource_version = value_str(value_path(stored, "metadata.resourceVersion"));
    return true;
}

bool release_update(struct kube *k, struct arena *a, const char *storage_namespace, struct release *r,
                    struct error *err)
{
    struct value patch, stored;
    if (!to_secret(a, r, &patch, err))
        return false;
    value_set_path(patch, "metadata.resourceVersion", value_string(r->resource_version));
    if (!kube_patch(k, a, secret_ref(a, storage_namespace, release_name(r), release_version(r)), KUBE_PATCH_MERGE,
                    patch, NULL, "helm-controller", &stored, err))
        return error_wrap(err, "store release %s revision %d", release_name(r), release_version(r));
    r->resource_version = value_str(value_path(stored, "metadata.resourceVersion"));
    return true;
}

bool release_delete(struct kube *k, struct arena *a, const char *storage_namespace, const char *name, int version,
                    struct error *err)
{
    struct kube_delete_options options = {0};
    if (kube_delete(k, a, secret_ref(a, storage_namespace, name, version), &options, err))
        return true;
    if (err->class != ERROR_NOT_FOUND)
        return error_wrap(err, "delete release %s revision %d", name, version);
    error_clear(err);
    return true;
}

bool release_get(struct kube *k, struct arena *a, const char *storage_namespace, const char *name, int version,
                 struct release *out, struct error *err)
{
    struct value secret;
    return kube_get(k, a, secret_ref(a, storage_namespace, name, version), &secret, err) &&
           from_secret(a, secret, out, err);
}

static int by_version(const void *a, const void *b)
{
    int x = ((const struct release_mark *)a)->version, y = ((const struct release_mark *)b)->version;
    return (x > y) - (x < y);
}

bool release_versions(struct kube *k, struct arena *a, const char *storage_namespace, const char *name,
                      release_version_list *out, struct error *err)
{
    struct value items;
    struct kube_list_options options = {.namespace = storage_namespace,
                                        .label_selector = arena_printf(a, "owner=helm,name=%s", name),
                                        .metadata_only = true};
    if (!kube_list(k, a, "v1", "Secret", &options, &items, err))
        return error_wrap(err, "list revisions of release %s", name);
    for (size_t i = 0; i < value_len(items); i++) {
        struct value secret = value_at(items, i);
        int version = (int)number(kube_label(secret, "version"));
        if (version > 0 && str_eq(kube_name(secret), release_secret_name(a, name, version)))
            vec_push(a, out, ((struct release_mark){version, str_or(kube_label(secret, "status"), "unknown")}));
    }
    if (out->len)
        qsort(out->items, out->len, sizeof *out->items, by_version);
    return true;
}

bool release_prune_history(struct kube *k, struct arena *a, const char *storage_namespace, const char *name, int keep,
                           struct error *err)
{
    release_version_list all = {0};
    if (keep <= 0)
        return true;
    if (!release_versions(k, a, storage_namespace, name, &all, err))
        return false;
    size_t deployed = all.len;
    for (size_t i = 0; i < all.len; i++)
        if (str_eq(all.items[i].status, RELEASE_DEPLOYED))
            deployed = i;
    size_t surplus = all.len > (size_t)keep ? all.len - (size_t)keep : 0;
    for (size_t i = 0; i + 1 < all.len && surplus; i++) {
        if (i == deployed)
            continue;
        if (!release_delete(k, a, storage_namespace, name, all.items[i].version, err))
            return false;
        surplus--;
    }
    return true;
}
