// schema_refer.c - where references of schemas lead: within a document, to another one, to a meta-schema.

#include "chart/schema.h"

#include <ctype.h>

#define MAX_DOCUMENTS 100 // that one schema may bring together

// A token of a JSON pointer; false: a tilde stands alone.
static bool unescape(struct buf *key, struct slice token)
{
    for (size_t i = 0; i < token.len; i++) {
        bool tilde = token.data[i] == '~';
        if (tilde && (i + 1 == token.len || (token.data[i + 1] != '0' && token.data[i + 1] != '1')))
            return false;
        buf_char(key, tilde ? (token.data[++i] == '0' ? '~' : '/') : token.data[i]);
    }
    return true;
}

// One step of a JSON pointer; false where it leads nowhere.
static bool step(struct value *v, struct buf key)
{
    if (value_is(*v, V_DICT))
        return value_find(*v, buf_cstr(&key), key.len, v);
    char *end;
    unsigned long index = strtoul(buf_cstr(&key), &end, 10);
    if (!value_is(*v, V_LIST) || key.len == 0 || isspace((unsigned char)key.data[0]) || end != key.data + key.len ||
        index >= value_len(*v))
        return false;
    *v = value_at(*v, index);
    return true;
}

static const char *location_of(struct arena *a, const struct schema_resource *from, const struct buf *pointer)
{
    return schema_location(a, from->document, buf_view(pointer));
}

static bool follow_pointer(struct schema_doc *doc, struct schema_resource *from, struct slice pointer, struct value *target,
                           struct error *err)
{
    struct arena *a = doc->arena;
    struct value v = from->schema;
    struct schema_resource *nearest = from;
    struct buf whole = BUF_IN(a);
    buf_str(&whole, from->pointer);
    buf_slice(&whole, pointer);
    struct slice rest = slice_sub(pointer, 1, pointer.len), token;
    for (bool more = pointer.len > 0; more;) {
        struct buf key = BUF_IN(a);
        more = slice_cut(rest, '/', &token, &rest);
        if (!unescape(&key, token))
            return error_set(err, ERROR_INVALID, "invalid json-pointer \"%s\"", location_of(a, from, &whole));
        if (!step(&v, key))
            return error_set(err, ERROR_INVALID, "json-pointer in \"%s\" not found", location_of(a, from, &whole));
        struct schema_place *place = schema_place_of(doc, v);
        if (place)
            nearest = place->resource;
    }
    *target = v;
    // A place outside of the known keywords is a schema because a reference says so: it was not checked with the others.
    return value_is(v, V_BOOL) || schema_place_of(doc, v) ||
           (schema_check_meta(a, v, location_of(a, from, &whole), nearest->draft, err) &&
            schema_collect(doc, v, from->document, buf_cstr(&whole), nearest, err));
}

static struct schema_resource *find_document(const struct schema_doc *doc, const char *url)
{
    for (size_t i = 0; i < doc->documents.len; i++)
        if (str_eq(doc->documents.items[i].url, url))
            return doc->documents.items[i].root;
    return NULL;
}

// The resource of a URL, when it is in the same document or is another one that is at hand: ids count within their documents.
static struct schema_resource *find_resource(const struct schema_doc *doc, const struct schema_resource *base, const char *url)
{
    for (size_t i = 0; i < doc->resources.len && !str_eq(base->document, url); i++)
        if (str_eq(doc->resources.items[i]->url, url) && str_eq(doc->resources.items[i]->document, base->document))
            return doc->resources.items[i];
    return find_document(doc, url);
}

bool schema_read_json(struct arena *a, struct slice json, struct value *out, struct error *err)
{
    struct error reason cleanup(error_clear) = {0};
    if (json_parse(a, json.data, json.len, JSON_STREAM, out, &reason))
        return true;
    // Helm reads it as a stream, which has other words for an early end and a late one.
    const char *text = error_text(&reason);
    if (str_eq(text, "unexpected end of JSON input"))
        text = json.len ? "unexpected EOF" : "EOF";
    else if (str_has_suffix(text, "after top-level value"))
        text = "invalid character after top-level value";
    return error_set(err, ERROR_INVALID, "%s", text);
}

static void add_urn(struct schema_doc *doc, const char *urn)
{
    for (size_t i = 0; i < doc->urns.len; i++)
        if (str_eq(doc->urns.items[i], urn))
            return;
    vec_push(doc->arena, &doc->urns, urn);
}

bool schema_load(struct schema_doc *doc, const char *url, struct value *out, struct error *err)
{
    struct arena *a = doc->arena;
    struct slice text;
    struct error reason = {0};
    if (str_has_prefix(url, "urn:")) {
        add_urn(doc, url);
        *out = value_bool(true);
        return true;
    }
    bool ok = true;
    if (++doc->loaded > MAX_DOCUMENTS)
        ok = error_set(&reason, ERROR_LIMIT, "more than %d documents", MAX_DOCUMENTS);
    else if (!schema_draft_text(a, url, &text))
        ok = doc->source ? doc->source->fetch(doc->source->ctx, a, url, &text, &reason)
                         : error_set(&reason, ERROR_INVALID, "schemas of other documents are not fetched");
    if (ok && schema_read_json(a, text, out, &reason))
        return true;
    error_move(err, &reason);
    return error_wrap(err, "failing loading %s", go_quoted_str(a, url));
}

static struct schema_resource *fetch_document(struct schema_doc *doc, const char *url, struct error *err)
{
    struct value root;
    size_t place = doc->documents.len;
    if (!schema_load(doc, url, &root, err))
        return NULL;
    if (value_is(root, V_BOOL)) { // a schema without keywords
        struct schema_resource *r = arena_new_of(doc->arena, struct schema_resource);
        *r = (struct schema_resource){.url = url, .pointer = "", .document = url, .schema = root, .draft = 2020,
                                      .anchors = map_new(doc->arena), .dynamic_anchors = map_new(doc->arena)};
        vec_push(doc->arena, &doc->documents, (struct schema_document){.url = url, .root = r});
        return r;
    }
    if (!value_is(root, V_DICT)) {
        error_set(err, ERROR_INVALID, "%s is no schema", go_quoted_str(doc->arena, url));
        return NULL;
    }
    if (!schema_collect(doc, root, arena_strdup(doc->arena, url), "", NULL, err))
        return NULL;
    struct schema_resource *r = doc->documents.items[place].root;
    bool draft = str_has_prefix(url, "http://json-schema.org/") || str_has_prefix(url, "https://json-schema.org/");
    return draft || schema_check_meta(doc->arena, root, schema_location(doc->arena, url, SLICE("")), r->draft, err) ? r : NULL;
}

bool schema_resolve(struct schema_doc *doc, const struct schema_resource *base, const char *reference, struct value *target,
                    struct error *err)
{
    struct arena *a = doc->arena;
    struct slice fragment;
    if (!schema_fragment(a, reference, &fragment, err))
        return false;
    const char *url = *reference == '#' ? base->url : schema_join_url(a, base->url, reference, err);
    if (!url)
        return false;
    struct schema_resource *r = find_resource(doc, base, url);
    if (!r && !(r = fetch_document(doc, url, err)))
        return false;
    if (fragment.len == 0 || fragment.data[0] == '/')
        return follow_pointer(doc, r, fragment, target, err);
    struct schema_place *place = memchr(fragment.data, 0, fragment.len) ? NULL : map_get(r->anchors, slice_dup(a, fragment));
    if (!place)
        return error_set(err, ERROR_INVALID, "anchor in \"%s\" not found in schema %s", schema_location(a, r->url, fragment),
                         go_quoted_str(a, r->document));
    *target = place->schema;
    return true;
}
