// request.c - the calls on objects: paths and bodies of get, list, create, apply, patch, delete.
#include <stdio.h>

#include "kube/text.h"

#define LIST_AGAIN 3 // lists that lost their snapshot (410) while they were paged

// ---- paths --------------------------------------------------------------------------------------------------------
static void escape(struct buf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c)))
            buf_char(out, *text);
        else
            buf_printf(out, "%%%02X", c);
    }
}

void path_group(struct buf *out, const char *api_version)
{
    const char *slash = strchr(api_version, '/');
    buf_str(out, slash ? "/apis" : "/api");
    if (slash) {
        cleanup(cleanup_free) char *group = xstrndup(api_version, (size_t)(slash - api_version));
        path_segment(out, group);
        api_version = slash + 1;
    }
    path_segment(out, api_version);
}

void path_segment(struct buf *out, const char *text)
{
    buf_char(out, '/');
    escape(out, text);
}

void path_query(struct buf *out, const char *key, const char *value)
{
    if (str_empty(value))
        return;
    buf_char(out, out->len && memchr(out->data, '?', out->len) ? '&' : '?');
    buf_str(out, key);
    buf_char(out, '=');
    escape(out, value);
}

// The path of a kind's collection. namespace NULL or "": all namespaces.
bool path_collection(struct kube *k, const char *api_version, const char *kind, const char *namespace, struct buf *out,
                     struct kube_resource *resource, struct error *err)
{
    if (!kube_discover(k, api_version, kind, resource, err))
        return false;
    path_resource(out, resource, namespace);
    return true;
}

void path_resource(struct buf *out, const struct kube_resource *resource, const char *namespace)
{
    path_group(out, resource->api_version);
    if (resource->namespaced && !str_empty(namespace)) {
        buf_str(out, "/namespaces");
        path_segment(out, namespace);
    }
    path_segment(out, resource->plural);
}

static bool path_object(struct kube *k, struct kube_ref ref, struct buf *out, struct error *err)
{
    struct kube_resource resource;
    if (str_empty(ref.name))
        return error_set(err, ERROR_INVALID, "%s: resource name may not be empty", str_or(ref.kind, "object"));
    if (strchr(ref.name, '/') || str_eq(ref.name, ".") || str_eq(ref.name, ".."))
        return error_set(err, ERROR_INVALID, "%s: \"%s\" is not a resource name", str_or(ref.kind, "object"), ref.name);
    if (!path_collection(k, ref.api_version, ref.kind, ref.namespace, out, &resource, err))
        return false;
    if (resource.namespaced && str_empty(ref.namespace))
        return error_set(err, ERROR_INVALID, "%s \"%s\": an empty namespace may not be set", ref.kind, ref.name);
    path_segment(out, ref.name);
    return true;
}

struct kube_ref kube_ref_of(struct value object)
{
    return (struct kube_ref){.api_version = value_str_or(value_get(object, "apiVersion"), ""),
                             .kind = kube_kind(object),
                             .namespace = kube_namespace(object),
                             .name = kube_name(object)};
}

// ---- reading ------------------------------------------------------------------------------------------------------
bool kube_get(struct kube *k, struct arena *a, struct kube_ref ref, struct value *out, struct error *err)
{
    struct buf path = BUF_IN(a);
    return path_object(k, ref, &path, err) &&
           kube_do_json(k, a, &(struct kube_call){.path = buf_cstr(&path)}, out, err);
}

struct listing {
    struct arena *arena;
    struct object_form form;
    struct value items;
    size_t before; // items of the pages that are in: a page that is asked for again starts here
    struct list_reader reader;
};

// Items are parsed as they arrive: neither the whole text nor managedFields are ever held.
static bool listing_item(void *ctx, struct slice text, struct error *err)
{
    struct listing *l = ctx;
    struct value object;
    struct object_text compact;
    cleanup(cleanup_arena) struct arena *scratch = arena_new();
    if (!object_compact(scratch, text, &l->form, &compact, err) ||
        !json_parse(l->arena, compact.text.data, compact.text.len, 0, &object, err))
        return bad_json(err);
    value_push(l->items, object);
    return true;
}

static void listing_begin(void *ctx)
{
    struct listing *l = ctx;
    list_reader_begin(&l->reader);
    if (value_len(l->items) == l->before)
        return;
    struct value whole = value_list(l->arena); // without those of a page that broke off
    for (size_t i = 0; i < l->before; i++)
        value_push(whole, value_at(l->items, i));
    l->items = whole;
}

static bool listing_feed(void *ctx, const char *data, size_t len, struct error *err)
{
    return list_reader_feed(&((struct listing *)ctx)->reader, data, len, err);
}

static bool list_page(struct kube *k, struct listing *l, const char *collection, const struct kube_list_options *o,
                      const char *next, const char **continued, struct error *err)
{
    struct buf path = BUF_IN(l->arena);
    struct kube_answer answer;
    struct value head;
    buf_str(&path, collection);
    path_query(&path, "limit", arena_printf(l->arena, "%d", o->page > 0 ? o->page : KUBE_PAGE));
    path_query(&path, "labelSelector", o->label_selector);
    path_query(&path, "fieldSelector", o->field_selector);
    path_query(&path, "continue", next);
    struct kube_call call = {.path = buf_cstr(&path),
                             .accept = o->metadata_only ? ACCEPT_METADATA_LIST : NULL,
                             .sink = listing_feed,
                             .begin = listing_begin,
                             .ctx = l};
    if (!kube_do(k, l->arena, &call, &answer, err))
        return false;
    if (!list_reader_end(&l->reader, l->arena, &head, err))
        return error_wrap(err, "GET %s%s", k->config.server, buf_cstr(&path));
    *continued = value_str_or(value_path(head, "metadata.continue"), NULL);
    return true;
}

bool kube_list(struct kube *k, struct arena *a, const char *api_version, const char *kind,
               const struct kube_list_options *options, struct value *items, struct error *err)
{
    static const struct kube_list_options defaults;
    const struct kube_list_options *o = options ? options : &defaults;
    struct buf path = BUF_IN(a);
    struct kube_resource resource;
    if (!path_collection(k, api_version, kind, o->namespace, &path, &resource, err))
        return false;
    struct listing l = {.arena = a,
                        .form = {.api_version = api_version, .kind = kind, .metadata_only = o->metadata_only},
                        .items = value_list(a)};
    l.reader = (struct list_reader){.item = listing_item, .ctx = &l};
    const char *next = NULL;
    bool ok;
    for (int again = 0;;) {
        l.before = value_len(l.items);
        ok = list_page(k, &l, buf_cstr(&path), o, next, &next, err);
        if (ok && next)
            continue;
        if (ok || !next || err->code != 410 || again++ == LIST_AGAIN)
            break;
        error_clear(err); // the snapshot was compacted away between two pages
        l.items = value_list(a);
        next = NULL;
    }
    list_reader_free(&l.reader);
    *items = l.items;
    return ok;
}

// ---- writing ------------------------------------------------------------------------------------------------------
static struct slice body_of(struct arena *a, struct value v)
{
    struct buf text = BUF_IN(a);
    json_write(&text, v, 0);
    return buf_view(&text);
}

bool kube_create(struct kube *k, struct arena *a, struct value object, const char *field_manager, struct value *out,
                 struct error *err)
{
    struct kube_ref ref = kube_ref_of(object);
    struct kube_resource resource;
    struct buf path = BUF_IN(a);
    if (!path_collection(k, ref.api_version, ref.kind, ref.namespace, &path, &resource, err))
        return false;
    if (resource.namespaced && str_empty(ref.namespace))
        return error_set(err, ERROR_INVALID, "%s \"%s\": an empty namespace may not be set during creation", ref.kind,
                         ref.name);
    path_query(&path, "fieldManager", field_manager);
    struct kube_call call = {.method = "POST", .path = buf_cstr(&path), .body = body_of(a, object), .once = true};
    return kube_do_json(k, a, &call, out, err);
}

bool kube_apply(struct kube *k, struct arena *a, struct value object, const struct kube_apply_options *options,
                struct value *out, struct error *err)
{
    struct buf path = BUF_IN(a);
    if (str_empty(options->field_manager))
        return error_set(err, ERROR_INVALID, "apply needs a field manager");
    if (!path_object(k, kube_ref_of(object), &path, err))
        return false;
    if (!str_empty(options->subresource))
        path_segment(&path, options->subresource);
    path_query(&path, "fieldManager", options->field_manager);
    path_query(&path, "force", options->force ? "true" : NULL);
    path_query(&path, "dryRun", options->dry_run ? "All" : NULL);
    struct kube_call call = {.method = "PATCH",
                             .path = buf_cstr(&path),
                             .content_type = "application/apply-patch+yaml", // JSON is YAML
                             .body = body_of(a, object)};
    return kube_do_json(k, a, &call, out, err);
}

bool kube_patch(struct kube *k, struct arena *a, struct kube_ref ref, enum kube_patch_type type, struct value patch,
                const char *subresource, const char *field_manager, struct value *out, struct error *err)
{
    static const char *const types[] = {
        [KUBE_PATCH_MERGE] = "application/merge-patch+json",
        [KUBE_PATCH_JSON] = "application/json-patch+json",
        [KUBE_PATCH_STRATEGIC] = "application/strategic-merge-patch+json",
    };
    struct buf path = BUF_IN(a);
    if (!path_object(k, ref, &path, err))
        return false;
    if (!str_empty(subresource))
        path_segment(&path, subresource);
    path_query(&path, "fieldManager", field_manager);
    // A JSON patch may add to a list, and a conditional patch that was carried out would conflict with itself.
    bool conditional = !value_is_null(value_path(patch, "metadata.resourceVersion"));
    struct kube_call call = {.method = "PATCH",
                             .path = buf_cstr(&path),
                             .content_type = types[type],
                             .body = body_of(a, patch),
                             .once = type == KUBE_PATCH_JSON || conditional};
    return kube_do_json(k, a, &call, out, err);
}

bool kube_delete(struct kube *k, struct arena *a, struct kube_ref ref, const struct kube_delete_options *options,
                 struct error *err)
{
    struct buf path = BUF_IN(a);
    if (!path_object(k, ref, &path, err))
        return false;
    struct value body = value_dict(a);
    value_set_str(body, "apiVersion", "v1");
    value_set_str(body, "kind", "DeleteOptions");
    if (options) {
        value_set_str(body, "propagationPolicy", options->propagation);
        if (options->uid)
            value_set_path(body, "preconditions.uid", value_string(options->uid));
        if (options->resource_version)
            value_set_path(body, "preconditions.resourceVersion", value_string(options->resource_version));
    }
    struct kube_call call = {.method = "DELETE", .path = buf_cstr(&path), .body = body_of(a, body)};
    return kube_do_json(k, a, &call, NULL, err);
}

bool kube_raw(struct kube *k, struct arena *a, const char *method, const char *path, struct value body,
              struct value *out, struct error *err)
{
    struct kube_answer answer;
    if (*path != '/' || strpbrk(path, " \r\n"))
        return error_set(err, ERROR_INVALID, "\"%s\" is not a path", path);
    bool reads = !method || str_eq(method, "GET");
    struct kube_call call = {
        .method = reads ? NULL : method, .path = path, .accept = "application/json, */*", .once = !reads};
    if (!value_is_null(body))
        call.body = body_of(a, body);
    if (!kube_do(k, a, &call, &answer, err))
        return false;
    if (!out)
        return true;
    if (!answer.json) {
        *out = value_string_copy(a, answer.body.data, answer.body.len);
        return true;
    }
    return json_parse(a, answer.body.data, answer.body.len, 0, out, err) || bad_json(err) ||
           error_wrap(err, "%s: answer", path);
}
