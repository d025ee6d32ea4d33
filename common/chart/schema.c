// schema.c - a schema document made ready: drafts, resources, anchors, references; and the check of a chart's values.

#include "chart/schema.h"

#include <ctype.h>

#define MAX_DOCUMENTS 100 // that one schema may bring together

enum form { ONE = 1, LIST = 2, MAP = 4 };

// Where schemas stand inside a schema, from which draft on. In the order in which Helm's validator looks at them, because of several
// faults it shows the first one; definitions count when they are referred to.
static const struct subschema {
    const char *keyword;
    unsigned form;
    int draft;
    bool definitions;
} subschemas[] = {
    {"allOf", LIST, 4, false},
    {"anyOf", LIST, 4, false},
    {"oneOf", LIST, 4, false},
    {"not", ONE, 4, false},
    {"items", ONE | LIST, 4, false},
    {"additionalItems", ONE, 4, false},
    {"properties", MAP, 4, false},
    {"patternProperties", MAP, 4, false},
    {"additionalProperties", ONE, 4, false},
    {"dependencies", MAP, 4, false},
    {"contains", ONE, 6, false},
    {"propertyNames", ONE, 6, false},
    {"if", ONE, 7, false},
    {"then", ONE, 7, false},
    {"else", ONE, 7, false},
    {"dependentSchemas", MAP, 2019, false},
    {"unevaluatedItems", ONE, 2019, false},
    {"unevaluatedProperties", ONE, 2019, false},
    {"prefixItems", LIST, 2020, false},
    {"contentSchema", ONE, 2019, true},
    {"definitions", MAP, 4, true},
    {"$defs", MAP, 2019, true},
};

static const struct {
    const char *url; // without scheme
    int draft;
} drafts[] = {
    {"json-schema.org/schema", 2020},           {"json-schema.org/draft/2020-12/schema", 2020},
    {"json-schema.org/draft/2019-09/schema", 2019}, {"json-schema.org/draft-07/schema", 7},
    {"json-schema.org/draft-06/schema", 6},     {"json-schema.org/draft-04/schema", 4},
};

// ---- URLs ---------------------------------------------------------------------------------------------------------

static const char *decode_percent(struct arena *a, struct slice s)
{
    struct buf out = BUF_IN(a);
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '%' && i + 2 < s.len && isxdigit((unsigned char)s.data[i + 1]) &&
            isxdigit((unsigned char)s.data[i + 2])) {
            char hex[3] = {s.data[i + 1], s.data[i + 2], 0};
            buf_char(&out, (char)strtol(hex, NULL, 16));
            i += 2;
        } else {
            buf_char(&out, s.data[i]);
        }
    }
    return buf_cstr(&out);
}

const char *schema_fragment(struct arena *a, const char *reference)
{
    const char *hash = strchr(reference, '#');
    return hash ? decode_percent(a, slice_of(hash + 1)) : "";
}

// The length of "scheme:" at the start, 0 without.
static size_t scheme_length(const char *url)
{
    size_t i = 0;
    while (isalnum((unsigned char)url[i]) || url[i] == '+' || url[i] == '-' || url[i] == '.')
        i++;
    return i > 0 && url[i] == ':' && isalpha((unsigned char)url[0]) ? i + 1 : 0;
}

// RFC 3986's resolution of a reference, whose fragment is left out.
static const char *join_url(struct arena *a, const char *base, const char *reference)
{
    struct slice ref, ignored;
    slice_cut(slice_of(reference), '#', &ref, &ignored);
    char *text = slice_dup(a, ref);
    if (!*text)
        return base;
    if (scheme_length(text))
        return text;
    size_t scheme = scheme_length(base), authority = scheme;
    if (str_has_prefix(base + scheme, "//")) {
        const char *slash = strchr(base + scheme + 2, '/');
        authority = slash ? (size_t)(slash - base) : strlen(base);
    } else if (base[scheme] != '/') {
        return text; // an opaque base, a URN: nothing is relative to it
    }
    if (str_has_prefix(text, "//"))
        return arena_printf(a, "%.*s%s", (int)scheme, base, text);
    const char *last = strrchr(base + authority, '/');
    const char *path = *text == '/' || !last ? text
                                             : arena_printf(a, "%.*s/%s", (int)(last - base - (ptrdiff_t)authority),
                                                            base + authority, text);
    const char *clean = path_clean(a, *path == '/' ? path : arena_printf(a, "/%s", path));
    return arena_printf(a, "%.*s%s", (int)authority, base, clean);
}

// ---- collecting resources, anchors and places ---------------------------------------------------------------------

struct schema_place *schema_place_of(const struct schema_doc *doc, struct value schema)
{
    if (!value_is(schema, V_DICT))
        return NULL;
    return map_get_n(doc->places, (const char *)&schema.dict, sizeof schema.dict);
}

static bool draft_of(struct schema_doc *doc, struct value schema, int fallback, int *out, struct error *err)
{
    *out = fallback;
    const char *url = value_str(value_get(schema, "$schema"));
    if (!url)
        return true;
    struct slice plain, fragment;
    slice_cut(slice_of(url), '#', &plain, &fragment);
    struct slice name = plain;
    if (slice_has_prefix(name, SLICE("http://")))
        name = slice_sub(name, 7, name.len);
    else if (slice_has_prefix(name, SLICE("https://")))
        name = slice_sub(name, 8, name.len);
    for (size_t i = 0; i < ARRAY_LEN(drafts) && fragment.len == 0; i++)
        if (slice_eq_str(name, drafts[i].url)) {
            *out = drafts[i].draft;
            return true;
        }
    return error_set(err, ERROR_INVALID, "failing loading %s: meta-schemas of one's own are not supported",
                     go_quoted_str(doc->arena, slice_dup(doc->arena, plain)));
}

static const char *id_of(struct arena *a, struct value schema, int draft)
{
    if (draft < 2019 && value_has(schema, "$ref"))
        return NULL; // there, a $ref has no siblings
    const char *id = value_str(value_get(schema, draft == 4 ? "id" : "$id"));
    if (!id)
        return NULL;
    struct slice plain, fragment;
    slice_cut(slice_of(id), '#', &plain, &fragment);
    return plain.len > 0 ? slice_dup(a, plain) : NULL;
}

static bool add_anchor(struct schema_doc *doc, struct schema_resource *r, const char *name, struct schema_place *place,
                       bool dynamic, struct error *err)
{
    if (str_empty(name))
        return true;
    struct schema_place *held = map_get(r->anchors, name);
    if (held && held != place)
        return error_set(err, ERROR_INVALID, "duplicate anchor %s in %s at %s and %s", go_quoted_str(doc->arena, name),
                         go_quoted_str(doc->arena, place->url), go_quoted_str(doc->arena, held->pointer),
                         go_quoted_str(doc->arena, place->pointer));
    map_put(r->anchors, name, place);
    if (dynamic)
        map_put(r->dynamic_anchors, name, place);
    return true;
}

static bool add_anchors(struct schema_doc *doc, struct schema_resource *r, struct schema_place *place, struct error *err)
{
    struct value s = place->schema;
    if (r->draft < 2019) {
        const char *id = value_has(s, "$ref") ? NULL : value_str(value_get(s, r->draft == 4 ? "id" : "$id"));
        const char *fragment = id ? schema_fragment(doc->arena, id) : "";
        return *fragment == '/' || add_anchor(doc, r, fragment, place, false, err);
    }
    if (!add_anchor(doc, r, value_str(value_get(s, "$anchor")), place, false, err))
        return false;
    return r->draft < 2020 || add_anchor(doc, r, value_str(value_get(s, "$dynamicAnchor")), place, true, err);
}

const char *schema_pointer(struct arena *a, const char *base, const char *token)
{
    size_t base_len = strlen(base), len = strlen(token);
    char *pointer = arena_alloc(a, base_len + 2 * len + 2), *to = pointer + base_len;
    memcpy(pointer, base, base_len);
    *to++ = '/';
    for (; *token; token++) {
        bool escape = *token == '~' || *token == '/';
        *to = escape ? '~' : *token;
        to += 1 + escape;
        if (escape)
            to[-1] = *token == '~' ? '0' : '1';
    }
    *to = 0;
    return pointer;
}

// Which of the subschemas' keywords a schema has, a bit for each.
static uint32_t keywords_of(struct value schema)
{
    uint32_t present = 0;
    for (struct value_iter it = {0}; value_next(schema, &it);)
        for (size_t i = 0; i < ARRAY_LEN(subschemas); i++)
            if (subschemas[i].keyword[0] == it.key[0] && str_eq(subschemas[i].keyword, it.key))
                present |= 1u << i;
    return present;
}

// `url` is the document's; within is NULL for its root.
static bool collect(struct schema_doc *doc, struct value schema, const char *url, const char *pointer,
                    struct schema_resource *within, struct error *err);

static bool collect_below(struct schema_doc *doc, struct schema_place *place, struct error *err)
{
    struct arena *a = doc->arena;
    struct schema_resource *r = place->resource;
    for (size_t i = 0; i < ARRAY_LEN(subschemas); i++) {
        if (!(place->keywords & 1u << i) || r->draft < subschemas[i].draft)
            continue;
        struct value v = value_get(place->schema, subschemas[i].keyword);
        if (value_is_null(v))
            continue;
        const char *base = schema_pointer(a, place->pointer, subschemas[i].keyword);
        if (value_is(v, V_LIST) && (subschemas[i].form & LIST)) {
            for (size_t k = 0; k < value_len(v); k++)
                if (!collect(doc, value_at(v, k), place->url, arena_printf(a, "%s/%zu", base, k), r, err))
                    return false;
        } else if (value_is(v, V_DICT) && (subschemas[i].form & MAP)) {
            for (struct value_iter it = {0}; value_next(v, &it);)
                if (!collect(doc, it.value, place->url, schema_pointer(a, base, it.key), r, err))
                    return false;
        } else if (subschemas[i].form & ONE) {
            if (!collect(doc, v, place->url, base, r, err))
                return false;
        }
    }
    return true;
}

static struct schema_resource *add_resource(struct schema_doc *doc, struct value schema, const char *url,
                                            const char *document, const char *pointer, int draft, struct error *err)
{
    struct arena *a = doc->arena;
    for (size_t i = 0; i < doc->resources.len; i++) {
        if (!str_eq(doc->resources.items[i]->url, url))
            continue;
        error_set(err, ERROR_INVALID, "duplicate id %s in %s at %s and %s", go_quoted_str(a, url), go_quoted_str(a, document),
                  go_quoted_str(a, pointer), go_quoted_str(a, doc->resources.items[i]->pointer));
        return NULL;
    }
    struct schema_resource *r = arena_new_of(a, struct schema_resource);
    *r = (struct schema_resource){.url = url,
                                  .pointer = pointer,
                                  .document = document,
                                  .schema = schema,
                                  .draft = draft,
                                  .anchors = map_new(a),
                                  .dynamic_anchors = map_new(a),
                                  .recursive_anchor = value_true(value_get(schema, "$recursiveAnchor"))};
    vec_push(a, &doc->resources, r);
    return r;
}

static bool collect(struct schema_doc *doc, struct value schema, const char *url, const char *pointer,
                    struct schema_resource *within, struct error *err)
{
    if (!value_is(schema, V_DICT) || schema_place_of(doc, schema))
        return true;
    struct arena *a = doc->arena;
    int draft = within ? within->draft : 2020, own;
    if (!draft_of(doc, schema, draft, &own, err))
        return false;
    const char *id = id_of(a, schema, own);
    if (!id && within) { // a $schema counts where a resource begins
        own = draft;
        id = id_of(a, schema, own);
    }
    struct schema_resource *r = within;
    if (id || !within) {
        const char *base = within ? within->url : url;
        r = add_resource(doc, schema, id ? join_url(a, base, id) : url, url, pointer, own, err);
        if (!r)
            return false;
        if (!within)
            vec_push(a, &doc->documents, (struct schema_document){.url = url, .root = r});
    }
    struct schema_place *place = arena_new_of(a, struct schema_place);
    *place = (struct schema_place){
        .resource = r, .schema = schema, .url = url, .pointer = pointer, .keywords = keywords_of(schema)};
    map_put_n(doc->places, (const char *)&schema.dict, sizeof schema.dict, place);
    return add_anchors(doc, r, place, err) && collect_below(doc, place, err);
}

// ---- references ---------------------------------------------------------------------------------------------------

// One step of a JSON pointer; false where it leads nowhere.
static bool step(struct arena *a, struct value *v, struct slice token)
{
    struct buf key = BUF_IN(a);
    for (size_t i = 0; i < token.len; i++) {
        bool tilde = token.data[i] == '~';
        if (tilde && (i + 1 == token.len || (token.data[i + 1] != '0' && token.data[i + 1] != '1')))
            return false;
        buf_char(&key, tilde ? (token.data[++i] == '0' ? '~' : '/') : token.data[i]);
    }
    if (value_is(*v, V_DICT))
        return value_find(*v, buf_cstr(&key), key.len, v);
    char *end;
    unsigned long index = strtoul(buf_cstr(&key), &end, 10);
    if (!value_is(*v, V_LIST) || key.len == 0 || *end || index >= value_len(*v))
        return false;
    *v = value_at(*v, index);
    return true;
}

static bool follow_pointer(struct schema_doc *doc, struct schema_resource *from, const char *pointer, struct value *target,
                           struct error *err)
{
    struct value v = from->schema;
    struct schema_resource *nearest = from;
    struct slice rest = slice_of(pointer + (*pointer == '/')), token;
    for (bool more = *pointer != 0; more;) {
        more = slice_cut(rest, '/', &token, &rest);
        if (!step(doc->arena, &v, token))
            return error_set(err, ERROR_INVALID, "json-pointer in \"%s#%s%s\" not found", from->document, from->pointer,
                             pointer);
        struct schema_place *place = schema_place_of(doc, v);
        if (place)
            nearest = place->resource;
    }
    *target = v;
    // A place outside of the known keywords is a schema because a reference says so.
    return collect(doc, v, from->document, arena_printf(doc->arena, "%s%s", from->pointer, pointer), nearest, err);
}

// The resource of a URL, when it is in a document that is at hand.
static struct schema_resource *find_resource(const struct schema_doc *doc, const char *url)
{
    for (size_t i = 0; i < doc->documents.len; i++)
        if (str_eq(doc->documents.items[i].url, url))
            return doc->documents.items[i].root;
    for (size_t i = 0; i < doc->resources.len; i++)
        if (str_eq(doc->resources.items[i]->url, url))
            return doc->resources.items[i];
    return NULL;
}

static bool read_json(struct arena *a, struct slice json, struct value *out, struct error *err)
{
    struct error reason cleanup(error_clear) = {0};
    if (json_parse(a, json.data, json.len, 0, out, &reason))
        return true;
    // Helm reads it as a stream, which has other words for an early end and a late one.
    const char *text = error_text(&reason);
    if (str_eq(text, "unexpected end of JSON input"))
        text = json.len ? "unexpected EOF" : "EOF";
    else if (str_has_suffix(text, "after top-level value"))
        text = "invalid character after top-level value";
    return error_set(err, ERROR_INVALID, "%s", text);
}

static struct schema_resource *fetch_document(struct schema_doc *doc, const char *url, struct error *err)
{
    struct arena *a = doc->arena;
    struct slice text;
    struct value root;
    struct error reason = {0};
    bool ok = doc->documents.len < MAX_DOCUMENTS
                  ? true
                  : error_set(&reason, ERROR_LIMIT, "more than %d documents", MAX_DOCUMENTS);
    if (ok && !doc->source)
        ok = error_set(&reason, ERROR_INVALID, "schemas of other documents are not fetched");
    if (!ok || !doc->source->fetch(doc->source->ctx, a, url, &text, &reason) || !read_json(a, text, &root, &reason)) {
        error_move(err, &reason);
        error_wrap(err, "failing loading %s", go_quoted_str(a, url));
        return NULL;
    }
    size_t place = doc->documents.len;
    if (!value_is(root, V_DICT) || !collect(doc, root, arena_strdup(a, url), "", NULL, err)) {
        if (!err->class)
            error_set(err, ERROR_INVALID, "%s is no schema", go_quoted_str(a, url));
        return NULL;
    }
    return doc->documents.items[place].root;
}

static void add_urn(struct schema_doc *doc, const char *urn)
{
    for (size_t i = 0; i < doc->urns.len; i++)
        if (str_eq(doc->urns.items[i], urn))
            return;
    vec_push(doc->arena, &doc->urns, urn);
}

bool schema_resolve(struct schema_doc *doc, const struct schema_resource *base, const char *reference, struct value *target,
                    struct error *err)
{
    struct arena *a = doc->arena;
    const char *url = join_url(a, base->url, reference), *fragment = schema_fragment(a, reference);
    struct schema_resource *r = find_resource(doc, url);
    if (!r && str_has_prefix(url, "urn:") && !*fragment) {
        add_urn(doc, url);
        *target = value_bool(true);
        return true;
    }
    if (!r && !(r = fetch_document(doc, url, err)))
        return false;
    if (!*fragment || *fragment == '/')
        return follow_pointer(doc, r, fragment, target, err);
    struct schema_place *place = map_get(r->anchors, fragment);
    if (!place)
        return error_set(err, ERROR_INVALID, "anchor in \"%s#%s\" not found in schema %s", url, fragment,
                         go_quoted_str(a, r->document));
    *target = place->schema;
    return true;
}

// ---- checking the schema itself -----------------------------------------------------------------------------------
//
// Breadth first, as Helm's validator does it.

static void enqueue(struct schema_doc *doc, struct value schema)
{
    struct schema_place *place = schema_place_of(doc, schema);
    if (!place || place->queued)
        return;
    place->queued = true;
    vec_push(doc->arena, &doc->queue, schema);
}

static bool check_pattern(struct schema_doc *doc, const struct schema_place *place, const char *keyword, const char *pattern,
                          size_t len, struct error *err)
{
    struct error reason = {0};
    if (regex_cached(pattern, len, &reason))
        return true;
    error_move(err, &reason);
    return error_wrap(err, "invalid regex %s at \"%s#%s/%s\"", go_quoted_str(doc->arena, pattern), place->url, place->pointer,
                      keyword);
}

static bool check_reference(struct schema_doc *doc, const struct schema_place *place, const char *keyword, struct error *err)
{
    const char *reference = value_str(value_get(place->schema, keyword));
    struct value target;
    if (!reference)
        return true;
    if (!schema_resolve(doc, place->resource, reference, &target, err))
        return false;
    enqueue(doc, target);
    return true;
}

static bool check_below(struct schema_doc *doc, const struct schema_place *place, const struct subschema *s, struct error *err)
{
    struct value v = value_get(place->schema, s->keyword);
    if (place->resource->draft < s->draft || s->definitions || value_is_null(v))
        return true;
    if (value_is(v, V_LIST) && (s->form & LIST)) {
        for (size_t k = 0; k < value_len(v); k++)
            enqueue(doc, value_at(v, k));
    } else if (value_is(v, V_DICT) && (s->form & MAP)) {
        bool patterns = str_eq(s->keyword, "patternProperties");
        for (struct value_iter it = {0}; value_next(v, &it);) {
            if (patterns && !check_pattern(doc, place, s->keyword, it.key, it.key_len, err))
                return false;
            enqueue(doc, it.value);
        }
    } else if (s->form & ONE) {
        enqueue(doc, v);
    }
    return true;
}

static bool check_schema(struct schema_doc *doc, struct value schema, struct error *err)
{
    const struct schema_place *place = schema_place_of(doc, schema);
    int draft = place->resource->draft;
    if (!check_reference(doc, place, "$ref", err))
        return false;
    if (draft < 2019 && value_str(value_get(schema, "$ref")))
        return true;
    struct value pattern = value_get(schema, "pattern");
    if (value_is(pattern, V_STRING) && !check_pattern(doc, place, "pattern", pattern.data, pattern.len, err))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(subschemas); i++)
        if (place->keywords & 1u << i && !check_below(doc, place, &subschemas[i], err))
            return false;
    return (draft != 2019 || check_reference(doc, place, "$recursiveRef", err)) &&
           (draft < 2020 || check_reference(doc, place, "$dynamicRef", err));
}

struct schema_doc *schema_prepare(struct arena *a, struct slice json, const struct chart_schema_source *source,
                                  struct error *err)
{
    struct schema_doc *doc = arena_new_of(a, struct schema_doc);
    doc->arena = a;
    doc->source = source;
    doc->places = map_new(a);
    if (!read_json(a, json, &doc->root, err) || !collect(doc, doc->root, SCHEMA_URL, "", NULL, err))
        return NULL;
    if (!schema_check_meta(a, doc->root, doc->resources.len > 0 ? doc->resources.items[0]->draft : 2020, err))
        return NULL;
    enqueue(doc, doc->root);
    for (size_t i = 0; i < doc->queue.len; i++)
        if (!check_schema(doc, doc->queue.items[i], err))
            return NULL;
    return doc;
}

// ---- a chart's values ---------------------------------------------------------------------------------------------

// What Helm says with --debug: the schema, if it is JSON. slog quotes bytes even where it leaves text as it is.
static void tell_schema(struct arena *scratch, const struct chart *c)
{
    struct error ignored cleanup(error_clear) = {0};
    struct value root;
    chart_notice(c->notices, "DEBUG", "chart name", CHART_PAIRS("chart-name", chart_name(c)));
    if (!read_json(scratch, c->schema, &root, &ignored))
        return;
    struct buf line = BUF_IN(c->notices->arena);
    buf_str(&line, "level=DEBUG msg=\"unmarshalled JSON schema\" schema=");
    go_quote(&line, c->schema.data, c->schema.len);
    vec_push(c->notices->arena, &c->notices->lines, buf_cstr(&line));
}

// What a schema becomes is large, and done with here: it lies in an arena of its own.
static void check_one(const struct chart *c, struct value values, const struct chart_schema_source *source, struct buf *out)
{
    struct arena *scratch cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct schema_doc *doc = schema_prepare(scratch, c->schema, source, &err);
    if (c->notices && c->notices->debug)
        tell_schema(scratch, c);
    if (!doc)
        buf_printf(out, "%s:\n%s", chart_name(c), error_text(&err));
    else if (!schema_validate(doc, values, &err))
        buf_printf(out, "%s:\n%s\n", chart_name(c), error_text(&err));
    for (size_t i = 0; doc && i < doc->urns.len; i++)
        chart_notice(c->notices, "WARN", "unresolved URN reference ignored; using permissive schema",
                     CHART_PAIRS("urn", doc->urns.items[i]));
}

static void check_chart(const struct chart *c, struct value values, const struct chart_schema_source *source, struct buf *out)
{
    if (c->schema.data)
        check_one(c, values, source, out);
    if (c->notices && c->notices->debug)
        chart_notice(c->notices, "DEBUG", "number of dependencies in the chart",
                     CHART_PAIRS("chart", chart_name(c), "dependencies", arena_printf(out->arena, "%zu", c->dependencies.len)));
    for (size_t i = 0; i < c->dependencies.len; i++) {
        const struct chart *sub = c->dependencies.items[i];
        struct value table = value_get(values, chart_name(sub));
        if (value_is(table, V_DICT))
            check_chart(sub, table, source, out);
        else if (!value_is_null(table))
            buf_printf(out, "%s:\ninvalid type for values: expected object (map), got %s\n", chart_name(sub),
                       value_go_type(table));
    }
}

bool chart_check_schema(struct arena *a, const struct chart *c, struct value values, const struct chart_schema_source *source,
                        struct error *err)
{
    struct buf problems = BUF_IN(a);
    check_chart(c, values, source, &problems);
    if (problems.len == 0)
        return true;
    return error_set(err, ERROR_INVALID,
                     "values don't meet the specifications of the schema(s) in the following chart(s):\n%s",
                     buf_cstr(&problems));
}
