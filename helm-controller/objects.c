// objects.c - the objects of a release: parsing, marks of ownership, server-side apply, pruning, deletion.
#include "objects.h"

#include <stdio.h>

#define MANAGED_BY "app.kubernetes.io/managed-by"
#define RELEASE_NAME "meta.helm.sh/release-name"
#define RELEASE_NAMESPACE "meta.helm.sh/release-namespace"
#define OWNER_NAME "helm.toolkit.fluxcd.io/name"
#define OWNER_NAMESPACE "helm.toolkit.fluxcd.io/namespace"
#define LISTED_MAX 10000 // objects in one release
#define FAULTS_TOLD 10   // that a message names

// The dict below a key, made where it is missing or null.
static struct value child(struct arena *a, struct value dict, const char *key)
{
    struct value v = value_get(dict, key);
    if (!value_is(v, V_DICT)) {
        v = value_dict(a);
        value_set(dict, key, v);
    }
    return v;
}

static struct value labels_of(struct arena *a, struct value object)
{
    return child(a, child(a, object, "metadata"), "labels");
}

static struct value annotations_of(struct arena *a, struct value object)
{
    return child(a, child(a, object, "metadata"), "annotations");
}

static void merge_strings(struct value into, struct value from)
{
    for (struct value_iter it = {0}; value_next(from, &it);)
        value_set(into, it.key, it.value);
}

void objects_set_origin(const struct objects *o, struct value object)
{
    struct value labels = labels_of(o->arena, object);
    value_set_str(labels, OWNER_NAME, o->owner_name);
    value_set_str(labels, OWNER_NAMESPACE, o->owner_namespace);
}

// ---- texts --------------------------------------------------------------------------------------
static bool mark_text(const struct objects *o, struct manifest *m, struct error *err)
{
    struct value object;
    struct buf text = BUF_IN(o->arena);
    if (!yaml_parse(o->arena, m->text, m->len, 0, &object, err))
        return error_wrap(err, "%s", m->source);
    if (!value_is(object, V_DICT))
        return true;
    merge_strings(labels_of(o->arena, object), value_get(o->common_metadata, "labels"));
    if (value_len(value_get(o->common_metadata, "annotations")))
        merge_strings(annotations_of(o->arena, object), value_get(o->common_metadata, "annotations"));
    objects_set_origin(o, object);
    if (!yaml_write(&text, object, 0, err))
        return error_wrap(err, "%s", m->source);
    m->len = slice_trim_space(buf_view(&text)).len;
    m->text = arena_strndup(o->arena, buf_cstr(&text), m->len);
    return true;
}

bool objects_mark(const struct objects *o, manifest_list *manifests, hook_list *hooks, struct slice *manifest_text,
                  struct error *err)
{
    struct buf all = BUF_IN(o->arena);
    for (size_t i = 0; i < manifests->len; i++) {
        struct manifest *m = &manifests->items[i];
        if (!mark_text(o, m, err))
            return false;
        buf_printf(&all, "---\n# Source: %s\n", m->source);
        buf_add(&all, m->text, m->len);
        buf_char(&all, '\n');
    }
    for (size_t i = 0; i < hooks->len; i++)
        if (!mark_text(o, &hooks->items[i].manifest, err))
            return false;
    *manifest_text = buf_view(&all);
    return true;
}

// ---- parsing ------------------------------------------------------------------------------------
static const char *api_version_of(struct value object)
{
    return value_str_or(value_get(object, "apiVersion"), "");
}

struct parsing {
    const struct objects *o;
    bool known; // an unknown kind is a fault; else it is left out
    object_list *out;
    struct buf faults; // what the chart is to blame for, one after the other
    size_t fault_count;
};

static bool fault(struct parsing *p, const char *text)
{
    if (p->fault_count++ < FAULTS_TOLD)
        buf_printf(&p->faults, "%s%s", p->faults.len ? ", " : "", text);
    return true;
}

// Adds an object, or the items of a list, with its namespace. False: the API server cannot be asked.
static bool add_object(struct parsing *p, struct value object, int depth, struct error *err)
{
    struct arena *a = p->o->arena;
    struct kube_resource resource;
    const char *kind = kube_kind(object);
    struct value items = value_get(object, "items");
    if (str_has_suffix(kind, "List") && value_is(items, V_LIST) && depth < 2) {
        for (size_t i = 0; i < value_len(items); i++)
            if (!add_object(p, value_at(items, i), depth + 1, err))
                return false;
        return true;
    }
    if (p->out->len >= LISTED_MAX)
        return error_set(err, ERROR_LIMIT, "release has more than %d objects", LISTED_MAX);
    if (p->known && str_empty(kube_name(object)))
        return fault(p, arena_printf(a, "%s: resource name may not be empty", kind));
    if (!kube_discover(p->o->kube, api_version_of(object), kind, &resource, err)) {
        if (err->class != ERROR_NOT_FOUND)
            return false;
        error_clear(err);
        return !p->known ||
               fault(p, arena_printf(a,
                                     "resource mapping not found for name: \"%s\" namespace: \"%s\" from "
                                     "\"\": no matches for kind \"%s\" in version \"%s\"\nensure CRDs are "
                                     "installed first",
                                     kube_name(object), kube_namespace(object), kind, api_version_of(object)));
    }
    struct value metadata = child(a, object, "metadata");
    if (!resource.namespaced)
        value_unset(metadata, "namespace");
    else if (str_empty(kube_namespace(object)))
        value_set_str(metadata, "namespace", p->o->release_namespace);
    vec_push(a, p->out, object);
    return true;
}

static bool parse(struct parsing *p, const manifest_list *manifests, struct error *err)
{
    p->faults = BUF_IN(p->o->arena);
    for (size_t i = 0; i < manifests->len; i++) {
        const struct manifest *m = &manifests->items[i];
        struct value object;
        if (!yaml_parse(p->o->arena, m->text, m->len, 0, &object, err))
            return error_wrap(err, "%s", m->source);
        if (value_is(object, V_DICT) && !add_object(p, object, 0, err))
            return false;
    }
    if (!p->fault_count)
        return true;
    if (p->fault_count > FAULTS_TOLD)
        buf_printf(&p->faults, ", and %zu more", p->fault_count - FAULTS_TOLD);
    bool many = p->fault_count > 1;
    return error_set(err, ERROR_INVALID, "unable to build kubernetes objects from release manifest: %s%s%s",
                     many ? "[" : "", buf_cstr(&p->faults), many ? "]" : "");
}

bool objects_parse(const struct objects *o, const manifest_list *manifests, object_list *out, struct error *err)
{
    struct parsing p = {.o = o, .known = true, .out = out};
    return parse(&p, manifests, err);
}

bool objects_parse_stored(const struct objects *o, struct slice manifest, object_list *out, struct error *err)
{
    manifest_list list = {0};
    struct parsing p = {.o = o, .out = out};
    return manifests_parse(o->arena, manifest, &list, err) && parse(&p, &list, err);
}

static struct slice group_of(struct value object)
{
    struct slice version = slice_of(api_version_of(object)), group, rest;
    return slice_cut(version, '/', &group, &rest) ? group : SLICE("");
}

bool objects_same(struct value a, struct value b)
{
    return str_eq(kube_name(a), kube_name(b)) && str_eq(kube_kind(a), kube_kind(b)) &&
           str_eq(kube_namespace(a), kube_namespace(b)) && slice_eq(group_of(a), group_of(b));
}

static bool contains(const object_list *list, struct value object)
{
    for (size_t i = 0; list && i < list->len; i++)
        if (objects_same(list->items[i], object))
            return true;
    return false;
}

// ---- ownership ----------------------------------------------------------------------------------
// What keeps an existing object from being the release's own, in Helm's words; NULL: nothing.
static const char *ownership_fault(const struct objects *o, struct value live)
{
    struct {
        const char *what, *key, *have, *want;
    } checks[] = {
        {"label", MANAGED_BY, kube_label(live, MANAGED_BY), "Helm"},
        {"annotation", RELEASE_NAME, kube_annotation(live, RELEASE_NAME), o->release_name},
        {"annotation", RELEASE_NAMESPACE, kube_annotation(live, RELEASE_NAMESPACE), o->release_namespace},
    };
    struct buf why = BUF_IN(o->arena);
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        if (str_eq(checks[i].have, checks[i].want))
            continue;
        buf_printf(&why, "%s%s validation error: ", why.len ? "; " : "", checks[i].what);
        if (!checks[i].have)
            buf_printf(&why, "missing key \"%s\": must be set to \"%s\"", checks[i].key, checks[i].want);
        else
            buf_printf(&why, "key \"%s\" must equal \"%s\": current value is \"%s\"", checks[i].key, checks[i].want,
                       checks[i].have);
    }
    return why.len ? buf_cstr(&why) : NULL;
}

static bool check_ownership(const struct objects *o, struct value object, struct error *err)
{
    struct value live;
    if (!kube_get(o->kube, o->arena, kube_ref_of(object), &live, err)) {
        if (err->class != ERROR_NOT_FOUND)
            return false;
        error_clear(err);
        return true;
    }
    const char *why = ownership_fault(o, live);
    if (!why)
        return true;
    return error_set(err, ERROR_INVALID,
                     "%s \"%s\" in namespace \"%s\" exists and cannot be imported into the current release: invalid "
                     "ownership metadata; %s",
                     kube_kind(object), kube_name(object), kube_namespace(object), why);
}

// ---- writing ------------------------------------------------------------------------------------
static char *describe(struct arena *a, struct value object)
{
    return arena_printf(a, "%s/%s %s, Kind=%s", str_or(kube_namespace(object), ""), kube_name(object),
                        api_version_of(object), kube_kind(object));
}

#define SECRET_LEAST 3 // bytes: shorter ones are in any text

static void mask(struct arena *a, struct buf *text, struct slice secret)
{
    struct slice rest = slice_of(arena_strdup(a, buf_cstr(text)));
    ptrdiff_t at;
    if (secret.len < SECRET_LEAST)
        return;
    buf_clear(text);
    while ((at = slice_find(rest, secret)) >= 0) {
        buf_add(text, rest.data, (size_t)at);
        buf_str(text, "***");
        rest = slice_sub(rest, (size_t)at + secret.len, rest.len);
    }
    buf_slice(text, rest);
}

// The API server quotes what it refuses: a Secret's contents are cut out, since the message goes into status and
// events.
static void hide_secrets(struct arena *a, struct value object, struct error *err)
{
    static const char *const parts[] = {"data", "stringData"};
    struct buf text = BUF_IN(a);
    if (!str_eq(kube_kind(object), "Secret"))
        return;
    buf_str(&text, error_text(err));
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        for (struct value_iter it = {0}; value_next(value_get(object, parts[i]), &it);) {
            struct buf plain = BUF_IN(a);
            bool is_text = value_is(it.value, V_STRING);
            struct slice v = is_text ? value_slice(it.value) : slice_of(json_text(a, it.value));
            mask(a, &text, v);
            if (is_text && base64_decode(&plain, v.data, v.len))
                mask(a, &text, buf_view(&plain));
        }
    struct error masked = {0};
    error_set(&masked, err->class, "%s", buf_cstr(&text));
    masked.code = err->code;
    masked.retry_after_ms = err->retry_after_ms;
    error_clear(err);
    error_move(err, &masked);
}

bool objects_is_crd(struct value object)
{
    return str_eq(kube_kind(object), "CustomResourceDefinition") &&
           slice_eq_str(group_of(object), "apiextensions.k8s.io");
}

bool objects_apply_plain(const struct objects *o, struct value object, struct error *err)
{
    struct kube_apply_options options = {.field_manager = o->field_manager, .force = true};
    const char *refused = NULL;
    bool crd = objects_is_crd(object);
    objects_fill_ports(object);
    if (!(crd ? kube_apply_crd(o->kube, o->arena, object, &options, &refused, NULL, err)
              : kube_apply(o->kube, o->arena, object, &options, NULL, err))) {
        hide_secrets(o->arena, object, err);
        return error_wrap(err, "server-side apply failed for object %s", describe(o->arena, object));
    }
    if (refused)
        log_info("the API server does not know all fields of this CustomResourceDefinition: written without "
                 "server-side apply",
                 LOG_S("crd", kube_name(object)), LOG_S("reason", refused));
    if (crd)
        kube_discovery_forget(o->kube);
    return true;
}

bool objects_apply(const struct objects *o, const object_list *list, const object_list *previous, struct error *err)
{
    for (size_t i = 0; i < list->len; i++) {
        struct value object = list->items[i];
        if (o->refuse_ownership && !contains(previous, object) && !check_ownership(o, object, err))
            return false;
    }
    for (size_t i = 0; i < list->len; i++) {
        struct value object = list->items[i];
        value_set_str(labels_of(o->arena, object), MANAGED_BY, "Helm");
        value_set_str(annotations_of(o->arena, object), RELEASE_NAME, o->release_name);
        value_set_str(annotations_of(o->arena, object), RELEASE_NAMESPACE, o->release_namespace);
        if (!objects_apply_plain(o, object, err))
            return false;
    }
    return true;
}

// Gone already is fine. heed_keep: what is marked to be kept, in the chart or in the cluster, stays.
static bool delete_one(const struct objects *o, struct value object, const char *propagation, bool heed_keep,
                       struct error *err)
{
    struct value live;
    struct kube_delete_options options = {.propagation = str_or(propagation, "Background")};
    if (heed_keep && manifest_keeps(object))
        return true;
    if (kube_get(o->kube, o->arena, kube_ref_of(object), &live, err)) {
        if ((heed_keep && manifest_keeps(live)) || kube_deleting(live))
            return true;
        options.uid = kube_uid(live);
        if (kube_delete(o->kube, o->arena, kube_ref_of(object), &options, err))
            return true;
    }
    if (err->class != ERROR_NOT_FOUND)
        return error_wrap(err, "delete %s", describe(o->arena, object));
    error_clear(err);
    return true;
}

// An object that has moved to another API group (an Ingress of extensions/v1beta1) is the same object still: the UID
// tells.
static bool has_moved(const struct objects *o, struct value old, const object_list *now, bool *moved, struct error *err)
{
    *moved = false;
    for (size_t i = 0; i < now->len && !*moved; i++) {
        struct value a, b, new = now->items[i];
        if (!str_eq(kube_name(old), kube_name(new)) || !str_eq(kube_kind(old), kube_kind(new)) ||
            !str_eq(kube_namespace(old), kube_namespace(new)))
            continue;
        if (kube_get(o->kube, o->arena, kube_ref_of(old), &a, err) &&
            kube_get(o->kube, o->arena, kube_ref_of(new), &b, err))
            *moved = str_eq(kube_uid(a), kube_uid(b));
        else if (err->class != ERROR_NOT_FOUND)
            return false;
        error_clear(err);
    }
    return true;
}

bool objects_prune(const struct objects *o, const object_list *old, const object_list *now, struct error *err)
{
    for (size_t i = 0; i < old->len; i++) {
        bool moved;
        if (contains(now, old->items[i]))
            continue;
        if (!has_moved(o, old->items[i], now, &moved, err) ||
            (!moved && !delete_one(o, old->items[i], NULL, true, err)))
            return false;
    }
    return true;
}

bool objects_delete(const struct objects *o, const object_list *list, const char *propagation, struct error *err)
{
    for (size_t i = 0; i < list->len; i++)
        if (!delete_one(o, list->items[i], propagation, true, err))
            return false;
    return true;
}

bool objects_delete_hook(const struct objects *o, const object_list *list, struct error *err)
{
    for (size_t i = 0; i < list->len; i++)
        if (!delete_one(o, list->items[i], "Foreground", false, err))
            return false;
    return true;
}
