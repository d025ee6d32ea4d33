// crd.c - CustomResourceDefinitions on API servers whose own schema is older than theirs.
//
// Server-side apply checks an object against the server's schema and refuses what that does not have: 1.20 and
// x-kubernetes-validations, which came with 1.23. Creation and merge patches drop such fields instead.
#include "kube/kube_internal.h"

// spec, labels and annotations: what a manifest of a CRD says and the server does not write.
static struct value crd_patch(struct arena *a, struct value crd)
{
    struct value patch = value_dict(a);
    value_set(patch, "spec", value_get(crd, "spec"));
    static const char *const kept[] = {"labels", "annotations"};
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        struct value part = value_get(value_get(crd, "metadata"), kept[i]);
        if (!value_is(part, V_DICT))
            continue;
        if (value_is_null(value_get(patch, "metadata")))
            value_set(patch, "metadata", value_dict(a));
        value_set(value_get(patch, "metadata"), kept[i], part);
    }
    return patch;
}

bool kube_apply_crd(struct kube *k, struct arena *a, struct value crd, const struct kube_apply_options *options,
                    const char **refused, struct value *out, struct error *err)
{
    *refused = NULL;
    if (kube_apply(k, a, crd, options, out, err))
        return true;
    if (!kube_error_is_schema(err) || options->dry_run)
        return false;
    *refused = arena_strdup(a, error_text(err));
    error_clear(err);
    if (kube_patch(k, a, kube_ref_of(crd), KUBE_PATCH_MERGE, crd_patch(a, crd), NULL, options->field_manager, out, err))
        return true;
    if (err->class != ERROR_NOT_FOUND)
        return false;
    error_clear(err);
    return kube_create(k, a, crd, options->field_manager, out, err);
}
