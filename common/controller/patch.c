// patch.c - what is written on objects: merge patches of the status, and the finalizer.
#include "controller/runtime.h"

struct value merge_patch_diff(struct arena *a, struct value from, struct value to)
{
    struct value patch = VALUE_NULL;
    for (struct value_iter it = {0}; value_next(from, &it);) {
        if (!value_has(to, it.key)) {
            patch = value_is_null(patch) ? value_dict(a) : patch;
            value_set_n(patch, it.key, it.key_len, VALUE_NULL);
        }
    }
    for (struct value_iter it = {0}; value_next(to, &it);) {
        struct value old = value_get_n(from, it.key, it.key_len), change = it.value;
        if (value_equal(old, it.value) && value_has(from, it.key))
            continue;
        if (value_is(old, V_DICT) && value_is(it.value, V_DICT)) {
            change = merge_patch_diff(a, old, it.value);
            if (value_is_null(change))
                continue;
        }
        patch = value_is_null(patch) ? value_dict(a) : patch;
        value_set_n(patch, it.key, it.key_len, change);
    }
    return patch;
}

bool finalizer_present(struct value object)
{
    struct value list = value_path(object, "metadata.finalizers");
    for (size_t i = 0; i < value_len(list); i++) {
        if (str_eq(value_str(value_at(list, i)), FLUX_FINALIZER))
            return true;
    }
    return false;
}

static struct value finalizer_change(struct arena *a, struct value object, bool present)
{
    struct value list = value_path(object, "metadata.finalizers"), wanted = value_list(a), patch = value_dict(a);
    for (size_t i = 0; i < value_len(list); i++) {
        if (!str_eq(value_str(value_at(list, i)), FLUX_FINALIZER))
            value_push(wanted, value_at(list, i));
    }
    if (present)
        value_push(wanted, value_string(FLUX_FINALIZER));
    // The list is written as a whole: only onto the very state it was read from.
    value_set_path(patch, "metadata.finalizers", wanted);
    value_set_path(patch, "metadata.resourceVersion", value_path(object, "metadata.resourceVersion"));
    value_set_path(patch, "metadata.uid", value_path(object, "metadata.uid"));
    return patch;
}

bool finalizer_patch(struct reconcile *r, bool present, bool *gone, struct error *err)
{
    enum { TRIES = 5 };
    struct kube_ref ref = kube_ref_of(r->object);
    struct value object = r->object;
    *gone = false;
    for (int i = 0;; i++) {
        if (finalizer_present(object) == present)
            return true;
        struct value patch = finalizer_change(r->arena, object, present), written;
        if (kube_patch(r->kube, r->arena, ref, KUBE_PATCH_MERGE, patch, NULL, reconcile_field_manager(r), &written,
                       err)) {
            watched_put(r->runtime->watched, r->arena, written, r->controller, r->object);
            value_set_path(r->object, "metadata.finalizers", value_path(written, "metadata.finalizers"));
            value_set_path(r->object, "metadata.resourceVersion", value_path(written, "metadata.resourceVersion"));
            return true;
        }
        if (err->class == ERROR_CONFLICT && i < TRIES) {
            const char *uid = kube_uid(r->object);
            error_clear(err);
            if (kube_get(r->kube, r->arena, ref, &object, err) && str_eq(kube_uid(object), uid))
                continue;
        }
        if (err->class && err->class != ERROR_NOT_FOUND)
            return error_wrap(err, "%s finalizer", present ? "add" : "remove");
        error_clear(err);
        *gone = true; // or another one has its name now
        return true;
    }
}
