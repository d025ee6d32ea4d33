// adopt.c - fields that another hand's Helm has written become ours.
//
// Server-side apply removes a field that has left the chart only when nobody else owns it. What `helm` or an older
// helm-controller wrote, by apply or by update, is owned under their names: before the first apply over a revision that
// is not ours, these entries of metadata.managedFields are joined into our own, as client-go's csaupgrade does it for
// client-side apply.
#include "objects.h"

#define TRIES 5

static bool is_helms(struct value entry, const char *own)
{
    const char *manager = value_str_or(value_get(entry, "manager"), "");
    return str_empty(value_str(value_get(entry, "subresource"))) &&
           (str_eq(manager, own) || str_eq(manager, "helm") || str_eq(manager, "Helm"));
}

static void join(struct value into, struct value from)
{
    for (struct value_iter it = {0}; value_next(from, &it);) {
        struct value have = value_get(into, it.key);
        if (value_is(have, V_DICT) && value_is(it.value, V_DICT))
            join(have, it.value);
        else if (!value_has(into, it.key))
            value_set(into, it.key, it.value);
    }
}

// The entries as they should be; *changed false: as they are.
static struct value joined(struct arena *a, struct value entries, const char *own, bool *changed)
{
    struct value out = value_list(a), ours = VALUE_NULL;
    *changed = false;
    for (size_t i = 0; i < value_len(entries); i++) {
        struct value entry = value_at(entries, i);
        bool same_version =
            value_is_null(ours) || value_equal(value_get(ours, "apiVersion"), value_get(entry, "apiVersion"));
        if (!is_helms(entry, own) || !same_version) {
            value_push(out, entry);
            continue;
        }
        if (!value_is_null(ours)) {
            join(value_get(ours, "fieldsV1"), value_get(entry, "fieldsV1"));
            *changed = true;
            continue;
        }
        ours = value_copy(a, entry);
        *changed |= !str_eq(value_str(value_get(entry, "manager")), own) ||
                    !str_eq(value_str(value_get(entry, "operation")), "Apply");
        value_set_str(ours, "manager", own);
        value_set_str(ours, "operation", "Apply");
        value_push(out, ours);
    }
    return out;
}

static void add_replace(struct value patch, struct arena *a, const char *path, struct value v)
{
    struct value op = value_dict(a);
    value_set_str(op, "op", "replace");
    value_set_str(op, "path", path);
    value_set(op, "value", v);
    value_push(patch, op);
}

static bool adopt_once(const struct objects *o, struct value object, struct error *err)
{
    struct arena *a = o->arena;
    struct value live, patch = value_list(a);
    bool changed;
    if (!kube_get(o->kube, a, kube_ref_of(object), &live, err))
        return false;
    struct value entries = joined(a, value_path(live, "metadata.managedFields"), o->field_manager, &changed);
    if (!changed)
        return true;
    add_replace(patch, a, "/metadata/managedFields", entries);
    // Makes it conditional: somebody may have written in between.
    add_replace(patch, a, "/metadata/resourceVersion", value_path(live, "metadata.resourceVersion"));
    return kube_patch(o->kube, a, kube_ref_of(object), KUBE_PATCH_JSON, patch, NULL, o->field_manager, NULL, err);
}

// Controllers write to their objects at any time: what has changed in between is read again.
static bool adopt(const struct objects *o, struct value object, struct error *err)
{
    for (int tries = 1; !adopt_once(o, object, err); tries++) {
        if (err->class != ERROR_CONFLICT || tries == TRIES)
            return false;
        error_clear(err);
    }
    return true;
}

bool objects_adopt(const struct objects *o, const object_list *list, struct error *err)
{
    for (size_t i = 0; i < list->len; i++) {
        if (adopt(o, list->items[i], err))
            continue;
        if (err->class != ERROR_NOT_FOUND)
            return error_wrap(err, "take over the fields of %s/%s", kube_kind(list->items[i]),
                              kube_name(list->items[i]));
        error_clear(err);
    }
    return true;
}
