// crds.c - what has to be there before a chart is rendered: its CustomResourceDefinitions, and the target namespace.
#include "action.h"

bool action_list_crds(const struct objects *o, const struct chart *chart, object_list *out, struct error *err)
{
    size_t count = 0;
    struct chart_file *files = chart_crds(o->arena, chart, &count);
    for (size_t i = 0; i < count; i++) {
        struct value documents;
        if (!yaml_parse_all(o->arena, files[i].data.data, files[i].data.len, 0, &documents, err))
            return error_wrap(err, "failed to parse CustomResourceDefinitions from %s", files[i].name);
        for (size_t d = 0; d < value_len(documents); d++)
            if (value_is(value_at(documents, d), V_DICT))
                vec_push(o->arena, out, value_at(documents, d));
    }
    return true;
}

// Whether the CRD is there; *established: and ready to be used.
static bool look(const struct objects *o, struct value crd, bool *there, bool *established, struct error *err)
{
    struct value live;
    *there = *established = false;
    if (kube_get(o->kube, o->arena, kube_ref_of(crd), &live, err)) {
        *there = true;
        *established = kstatus_of(o->arena, live, NULL) == KSTATUS_CURRENT;
        return true;
    }
    if (err->class != ERROR_NOT_FOUND)
        return false;
    error_clear(err);
    return true;
}

bool action_apply_crds(const struct objects *o, const struct chart *chart, const char *policy, size_t *applied,
                       const char **pending, struct error *err)
{
    object_list crds = {0};
    *applied = 0;
    *pending = NULL;
    if (str_eq(policy, "Skip"))
        return true;
    if (!action_list_crds(o, chart, &crds, err))
        return false;
    for (size_t i = 0; i < crds.len; i++) {
        bool there, established;
        struct value crd = crds.items[i];
        if (!look(o, crd, &there, &established, err))
            return false;
        if (!there || str_eq(policy, "CreateReplace")) {
            object_list one = {0};
            vec_push(o->arena, &one, crd);
            if (!objects_apply(o, &one, NULL, err))
                return error_wrap(err, "failed to apply CustomResourceDefinitions");
            (*applied)++;
            if (!look(o, crd, &there, &established, err))
                return false;
        }
        if (!established)
            *pending = kube_name(crd);
    }
    if (*applied)
        kube_discovery_forget(o->kube);
    return true;
}

bool action_create_namespace(const struct objects *o, struct error *err)
{
    struct value object = value_dict(o->arena), live;
    struct kube_ref ref = {"v1", "Namespace", NULL, o->release_namespace};
    if (kube_get(o->kube, o->arena, ref, &live, err))
        return true;
    if (err->class != ERROR_NOT_FOUND)
        return false;
    error_clear(err);
    value_set_str(object, "apiVersion", "v1");
    value_set_str(object, "kind", "Namespace");
    value_set_path(object, "metadata.name", value_string(o->release_namespace));
    value_set_path(object, "metadata.labels.name", value_string(o->release_namespace)); // as Helm makes it
    if (kube_create(o->kube, o->arena, object, o->field_manager, NULL, err))
        return true;
    if (!kube_error_already_exists(err))
        return error_wrap(err, "create namespace %s", o->release_namespace);
    error_clear(err);
    return true;
}
