// crds.c - what has to be there before a chart is rendered: its CustomResourceDefinitions, and the target namespace.
#include "action.h"

#define ESTABLISH_S 60 // how long a CRD may take to be established, as in Flux

bool action_list_crds(const struct objects *o, const struct chart *chart, object_list *out, struct error *err)
{
    size_t count = 0;
    struct chart_file *files = chart_crds(o->arena, chart, &count);
    for (size_t i = 0; i < count; i++) {
        struct value documents;
        if (!yaml_parse_all(o->arena, files[i].data.data, files[i].data.len, 0, &documents, err))
            return error_wrap(err, "failed to parse CustomResourceDefinitions from %s", files[i].name);
        for (size_t d = 0; d < value_len(documents); d++) {
            struct value object = value_at(documents, d);
            if (!value_is(object, V_DICT))
                continue;
            if (objects_is_crd(object))
                vec_push(o->arena, out, object);
            else
                log_info("the chart's crds/ holds an object that is no CustomResourceDefinition: it is left out",
                         LOG_S("file", files[i].name), LOG_S("kind", kube_kind(object)),
                         LOG_S("object", kube_name(object)));
        }
    }
    return true;
}

// Reads the CRD into *live; null: it is not there.
static bool look(const struct objects *o, struct value crd, struct value *live, struct error *err)
{
    *live = VALUE_NULL;
    if (kube_get(o->kube, o->arena, kube_ref_of(crd), live, err))
        return true;
    *live = VALUE_NULL;
    if (err->class != ERROR_NOT_FOUND)
        return false;
    error_clear(err);
    return true;
}

// Whether it can be used; false without an error: not yet.
static bool established(const struct objects *o, struct value live, struct error *err)
{
    const char *why = NULL, *created = value_str_or(value_path(live, "metadata.creationTimestamp"), "");
    enum kstatus status = kstatus_of(o->arena, live, &why);
    int64_t since_us;
    bool late = time_parse_rfc3339(created, &since_us) && clock_wall_us() - since_us > ESTABLISH_S * INT64_C(1000000);
    if (status == KSTATUS_CURRENT) {
        if (!late) // discovery may have been asked before it was there
            kube_discovery_forget(o->kube);
        return true;
    }
    if (status == KSTATUS_FAILED || late)
        error_set(err, ERROR_INVALID, "failed to wait for CustomResourceDefinition %s: status: '%s': %s",
                  kube_name(live), kstatus_name(status), str_or(why, ""));
    return false;
}

bool action_apply_crds(const struct objects *o, const struct chart *chart, const char *policy, const char **pending,
                       struct error *err)
{
    object_list crds = {0};
    *pending = NULL;
    if (str_eq(policy, "Skip"))
        return true;
    if (!action_list_crds(o, chart, &crds, err))
        return false;
    for (size_t i = 0; i < crds.len; i++) {
        struct value crd = crds.items[i], live;
        if (!look(o, crd, &live, err))
            return false;
        if (value_is_null(live) || str_eq(policy, "CreateReplace")) {
            objects_set_origin(o, crd);
            if (!objects_apply_plain(o, crd, err) || !look(o, crd, &live, err))
                return error_wrap(err, "failed to apply CustomResourceDefinitions");
        }
        if (!established(o, live, err)) {
            if (err->class)
                return error_wrap(err, "failed to apply CustomResourceDefinitions");
            *pending = kube_name(crd);
        }
    }
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
