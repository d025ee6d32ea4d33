// schema.c - a schema document made ready: drafts, resources, anchors, references; and the check of a chart's values.

#include "chart/schema.h"

#include <assert.h>

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

// Other keywords that are worth knowing about before they are looked for: most schemas have none of them.
enum other { ID, ID_4, SCHEMA, REF, ANCHOR, DYNAMIC_ANCHOR, PATTERN, OTHERS };
static const char *const others[OTHERS] = {"$id", "id", "$schema", "$ref", "$anchor", "$dynamicAnchor", "pattern"};

// Bits of schema_place.keywords: the subschemas', then these.
#define HAS(other) (1u << (ARRAY_LEN(subschemas) + (other)))
static_assert(ARRAY_LEN(subschemas) + OTHERS <= 32, "keywords are bits of a uint32_t");

// ---- collecting resources, anchors and places ---------------------------------------------------------------------

// The slot that holds a schema's place, or would.
static struct schema_place **slot_of(const struct schema_doc *doc, const struct dict *dict)
{
    size_t mask = doc->places.count - 1, i = (size_t)((uintptr_t)dict / 16 * 0x9E3779B97F4A7C15u >> 32);
    while (doc->places.slots[i & mask] && doc->places.slots[i & mask]->schema.dict != dict)
        i++;
    return &doc->places.slots[i & mask];
}

struct schema_place *schema_place_of(const struct schema_doc *doc, struct value schema)
{
    return value_is(schema, V_DICT) && doc->places.count > 0 ? *slot_of(doc, schema.dict) : NULL;
}

static void add_place(struct schema_doc *doc, struct schema_place *place)
{
    if (doc->places.len >= doc->places.count / 2) {
        struct schema_place **old = doc->places.slots;
        size_t count = doc->places.count;
        doc->places.count = count ? count * 4 : 256;
        doc->places.slots = arena_zalloc(doc->arena, doc->places.count * sizeof *old);
        for (size_t i = 0; i < count; i++)
            if (old[i])
                *slot_of(doc, old[i]->schema.dict) = old[i];
    }
    *slot_of(doc, place->schema.dict) = place;
    doc->places.len++;
}

// Which of the keywords a schema has.
static uint32_t keywords_of(const struct schema_doc *doc, struct value schema, uint32_t *letters)
{
    uint32_t present = 0;
    *letters = 0;
    for (struct value_iter it = {0}; value_next(schema, &it);) {
        *letters |= schema_letter(it.key);
        for (uint32_t left = doc->keywords_by_first[(unsigned char)it.key[0]]; left; left &= left - 1) {
            size_t i = (size_t)__builtin_ctz(left);
            if (str_eq(i < ARRAY_LEN(subschemas) ? subschemas[i].keyword : others[i - ARRAY_LEN(subschemas)], it.key))
                present |= 1u << i;
        }
    }
    return present;
}

static void index_keywords(struct schema_doc *doc)
{
    for (size_t i = 0; i < ARRAY_LEN(subschemas); i++)
        doc->keywords_by_first[(unsigned char)subschemas[i].keyword[0]] |= 1u << i;
    for (size_t i = 0; i < OTHERS; i++)
        doc->keywords_by_first[(unsigned char)others[i][0]] |= HAS(i);
}

// The text of a schema's id, with its fragment; NULL without.
static const char *whole_id_of(struct value schema, uint32_t keywords, int draft)
{
    if (!(keywords & (draft == 4 ? HAS(ID_4) : HAS(ID))) || (draft < 2019 && keywords & HAS(REF)))
        return NULL; // before 2019-09 a $ref has no siblings
    return value_str(value_get(schema, draft == 4 ? "id" : "$id"));
}

static const char *id_of(struct arena *a, struct value schema, uint32_t keywords, int draft)
{
    const char *id = whole_id_of(schema, keywords, draft);
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
        const char *id = whole_id_of(s, place->keywords, r->draft);
        struct slice fragment = {0};
        struct error ignored cleanup(error_clear) = {0};
        if (id && !schema_fragment(doc->arena, id, &fragment, &ignored))
            return error_set(err, ERROR_INVALID, "error in parsing anchor at \"%s\"",
                             schema_location(doc->arena, place->url, slice_of(place->pointer)));
        return slice_has_prefix(fragment, SLICE("/")) ||
               add_anchor(doc, r, slice_dup(doc->arena, fragment), place, false, err);
    }
    if (place->keywords & HAS(ANCHOR) && !add_anchor(doc, r, value_str(value_get(s, "$anchor")), place, false, err))
        return false;
    return r->draft < 2020 || !(place->keywords & HAS(DYNAMIC_ANCHOR)) ||
           add_anchor(doc, r, value_str(value_get(s, "$dynamicAnchor")), place, true, err);
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
                if (!schema_collect(doc, value_at(v, k), place->url, arena_printf(a, "%s/%zu", base, k), r, err))
                    return false;
        } else if (value_is(v, V_DICT) && (subschemas[i].form & MAP)) {
            for (struct value_iter it = {0}; value_next(v, &it);)
                if (!schema_collect(doc, it.value, place->url, schema_pointer(a, base, it.key), r, err))
                    return false;
        } else if (subschemas[i].form & ONE) {
            if (!schema_collect(doc, v, place->url, base, r, err))
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
        if (!str_eq(doc->resources.items[i]->url, url) || !str_eq(doc->resources.items[i]->document, document))
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

bool schema_collect(struct schema_doc *doc, struct value schema, const char *url, const char *pointer,
                    struct schema_resource *within, struct error *err)
{
    if (!value_is(schema, V_DICT) || schema_place_of(doc, schema))
        return true;
    struct arena *a = doc->arena;
    uint32_t letters, keywords = keywords_of(doc, schema, &letters);
    int draft = within ? within->draft : 2020, own = draft;
    if ((keywords & HAS(SCHEMA)) && !schema_draft_of(doc, schema, url, pointer, draft, &own, err))
        return false;
    const char *id = id_of(a, schema, keywords, own);
    if (!id && within) { // a $schema counts where a resource begins
        own = draft;
        id = id_of(a, schema, keywords, own);
    }
    struct schema_resource *r = within;
    if (id || !within) {
        struct error ignored cleanup(error_clear) = {0};
        const char *whole = id ? schema_join_url(a, within ? within->url : url, id, &ignored) : url;
        if (!whole)
            return error_set(err, ERROR_INVALID, "error in parsing id at \"%s\"", schema_location(a, url, slice_of(pointer)));
        r = add_resource(doc, schema, whole, url, pointer, own, err);
        if (!r)
            return false;
        if (!within)
            vec_push(a, &doc->documents, (struct schema_document){.url = url, .root = r});
    }
    struct schema_place *place = arena_new_of(a, struct schema_place);
    *place = (struct schema_place){.resource = r, .schema = schema, .url = url, .pointer = pointer, .keywords = keywords,
                                   .letters = letters};
    add_place(doc, place);
    return add_anchors(doc, r, place, err) && collect_below(doc, place, err);
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
    const char *at = schema_pointer(doc->arena, place->pointer, keyword);
    return error_wrap(err, "invalid regex %s at \"%s\"", go_quoted_str(doc->arena, pattern),
                      schema_location(doc->arena, place->url, slice_of(at)));
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

// Some keywords count beside another alone: nobody follows the references below them otherwise.
static bool is_idle(const struct schema_place *place, const char *keyword)
{
    struct value condition = value_get(place->schema, "if");
    if (str_eq(keyword, "then") || str_eq(keyword, "else"))
        return !value_has(place->schema, "if") ||
               (value_is(condition, V_BOOL) && condition.boolean == str_eq(keyword, "else"));
    return str_eq(keyword, "additionalItems") &&
           (place->resource->draft >= 2020 || !value_is(value_get(place->schema, "items"), V_LIST));
}

static bool check_below(struct schema_doc *doc, const struct schema_place *place, const struct subschema *s, struct error *err)
{
    struct value v = value_get(place->schema, s->keyword);
    if (place->resource->draft < s->draft || s->definitions || value_is_null(v) || is_idle(place, s->keyword))
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
    if (place->keywords & HAS(REF)) {
        if (!check_reference(doc, place, "$ref", err))
            return false;
        if (draft < 2019 && value_str(value_get(schema, "$ref")))
            return true;
    }
    struct value pattern = place->keywords & HAS(PATTERN) ? value_get(schema, "pattern") : VALUE_NULL;
    if (value_is(pattern, V_STRING) && !check_pattern(doc, place, "pattern", pattern.data, pattern.len, err))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(subschemas); i++)
        if (place->keywords & 1u << i && !check_below(doc, place, &subschemas[i], err))
            return false;
    return (draft < 2019 || check_reference(doc, place, "$recursiveRef", err)) &&
           (draft < 2020 || check_reference(doc, place, "$dynamicRef", err));
}

struct schema_doc *schema_prepare(struct arena *a, struct slice json, const struct chart_schema_source *source,
                                  struct error *err)
{
    struct schema_doc *doc = arena_new_of(a, struct schema_doc);
    doc->arena = a;
    doc->source = source;
    index_keywords(doc);
    if (!schema_read_json(a, json, &doc->root, err) || !schema_collect(doc, doc->root, SCHEMA_URL, "", NULL, err))
        return NULL;
    if (!schema_check_meta(a, doc->root, SCHEMA_URL "#", doc->resources.len > 0 ? doc->resources.items[0]->draft : 2020, err))
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
    if (!schema_read_json(scratch, c->schema, &root, &ignored))
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
