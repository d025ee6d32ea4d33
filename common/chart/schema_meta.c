// schema_meta.c - is the schema itself a schema? What the meta-schemas of the drafts ask of each keyword, and the tree of failures
// as Helm's validator shows it: from 2019-09 on, where a meta-schema is all of its vocabularies, every schema above the fault is an
// "allOf" that failed (but for the keywords of old that stand beside the vocabularies).

#include "chart/schema.h"

#include <assert.h>
#include <math.h>

#define MAX_DEPTH 400 // of schemas in schemas

enum keyword_kind {
    SCHEMA,       // a schema
    SCHEMA_BOOL4, // a schema or, in draft 4 where a boolean is none, a boolean
    SCHEMA_LIST,  // at least one
    SCHEMA_MAP,
    PATTERN_MAP,  // whose names are regular expressions
    VOCABULARY_MAP,
    ITEMS,        // a schema or a list of them
    DEPENDENCIES, // a map of schemas or lists of names
    NAME_LISTS,   // a map of lists of names
    TYPE,
    ENUM,
    NAMES,        // a list of different strings
    STRING,
    REGEX,
    URI,
    URI_REFERENCE,
    ID,           // the same without a fragment
    ANCHOR,
    BOOLEAN,
    NUMBER,
    POSITIVE,     // a number above 0
    COUNT,        // a whole number, 0 or more
    COUNT_0,      // the same with a default, which older drafts wrap in an allOf
    LIST,
};

// From 2019-09 on. BESIDE: in the meta-schema itself.
enum vocabulary { CORE, APPLICATOR, UNEVALUATED, VALIDATION, META_DATA, FORMAT, CONTENT, VOCABULARIES, BESIDE = VOCABULARIES };

// By their first letters.
static const struct keyword {
    const char *name;
    int from, to;
    enum keyword_kind kind;
    enum vocabulary vocabulary;
} keywords[] = {
    {"$ref", 4, 4, STRING, CORE},
    {"$ref", 6, 9999, URI_REFERENCE, CORE},
    {"$id", 6, 7, URI_REFERENCE, CORE},
    {"$id", 2019, 9999, ID, CORE},
    {"$anchor", 2019, 9999, ANCHOR, CORE},
    {"$dynamicRef", 2020, 9999, URI_REFERENCE, CORE},
    {"$dynamicAnchor", 2020, 9999, ANCHOR, CORE},
    {"$recursiveRef", 2019, 2019, URI_REFERENCE, CORE},
    {"$recursiveRef", 2020, 9999, URI_REFERENCE, BESIDE},
    {"$recursiveAnchor", 2019, 2019, BOOLEAN, CORE},
    {"$recursiveAnchor", 2020, 9999, ANCHOR, BESIDE},
    {"$schema", 6, 9999, URI, CORE},
    {"$schema", 4, 4, STRING, CORE},
    {"$vocabulary", 2019, 9999, VOCABULARY_MAP, CORE},
    {"$comment", 7, 9999, STRING, CORE},
    {"$defs", 2019, 9999, SCHEMA_MAP, CORE},
    {"additionalItems", 4, 2019, SCHEMA_BOOL4, APPLICATOR},
    {"additionalProperties", 4, 9999, SCHEMA_BOOL4, APPLICATOR},
    {"allOf", 4, 9999, SCHEMA_LIST, APPLICATOR},
    {"anyOf", 4, 9999, SCHEMA_LIST, APPLICATOR},
    {"contentMediaType", 7, 9999, STRING, CONTENT},
    {"contentEncoding", 7, 9999, STRING, CONTENT},
    {"contentSchema", 2019, 9999, SCHEMA, CONTENT},
    {"contains", 6, 9999, SCHEMA, APPLICATOR},
    {"definitions", 4, 9999, SCHEMA_MAP, BESIDE},
    {"description", 4, 9999, STRING, META_DATA},
    {"deprecated", 2019, 9999, BOOLEAN, META_DATA},
    {"dependencies", 4, 9999, DEPENDENCIES, BESIDE},
    {"dependentRequired", 2019, 9999, NAME_LISTS, VALIDATION},
    {"dependentSchemas", 2019, 9999, SCHEMA_MAP, APPLICATOR},
    {"examples", 7, 9999, LIST, META_DATA},
    {"exclusiveMaximum", 4, 4, BOOLEAN, VALIDATION},
    {"exclusiveMinimum", 4, 4, BOOLEAN, VALIDATION},
    {"exclusiveMaximum", 6, 9999, NUMBER, VALIDATION},
    {"exclusiveMinimum", 6, 9999, NUMBER, VALIDATION},
    {"enum", 4, 9999, ENUM, VALIDATION},
    {"else", 7, 9999, SCHEMA, APPLICATOR},
    {"format", 4, 9999, STRING, FORMAT},
    {"id", 4, 4, STRING, CORE},
    {"items", 4, 2019, ITEMS, APPLICATOR},
    {"items", 2020, 9999, SCHEMA, APPLICATOR},
    {"if", 7, 9999, SCHEMA, APPLICATOR},
    {"multipleOf", 4, 9999, POSITIVE, VALIDATION},
    {"maximum", 4, 9999, NUMBER, VALIDATION},
    {"minimum", 4, 9999, NUMBER, VALIDATION},
    {"maxLength", 4, 9999, COUNT, VALIDATION},
    {"minLength", 4, 9999, COUNT_0, VALIDATION},
    {"maxItems", 4, 9999, COUNT, VALIDATION},
    {"minItems", 4, 9999, COUNT_0, VALIDATION},
    {"maxContains", 2019, 9999, COUNT, VALIDATION},
    {"minContains", 2019, 9999, COUNT, VALIDATION},
    {"maxProperties", 4, 9999, COUNT, VALIDATION},
    {"minProperties", 4, 9999, COUNT_0, VALIDATION},
    {"not", 4, 9999, SCHEMA, APPLICATOR},
    {"oneOf", 4, 9999, SCHEMA_LIST, APPLICATOR},
    {"pattern", 4, 9999, REGEX, VALIDATION},
    {"prefixItems", 2020, 9999, SCHEMA_LIST, APPLICATOR},
    {"properties", 4, 9999, SCHEMA_MAP, APPLICATOR},
    {"patternProperties", 4, 6, SCHEMA_MAP, APPLICATOR},
    {"patternProperties", 7, 9999, PATTERN_MAP, APPLICATOR},
    {"propertyNames", 6, 9999, SCHEMA, APPLICATOR},
    {"readOnly", 7, 9999, BOOLEAN, META_DATA},
    {"required", 4, 9999, NAMES, VALIDATION},
    {"title", 4, 9999, STRING, META_DATA},
    {"type", 4, 9999, TYPE, VALIDATION},
    {"then", 7, 9999, SCHEMA, APPLICATOR},
    {"uniqueItems", 4, 9999, BOOLEAN, VALIDATION},
    {"unevaluatedItems", 2019, 9999, SCHEMA, UNEVALUATED},
    {"unevaluatedProperties", 2019, 9999, SCHEMA, UNEVALUATED},
    {"writeOnly", 2019, 9999, BOOLEAN, META_DATA},
};

static const char *const types[] = {"array", "boolean", "integer", "null", "number", "object", "string"};

struct meta {
    struct arena *arena;
    int draft, depth;
    uint8_t first[128]; // the place of the first keyword that begins with a letter, plus one
};

// ---- failures -----------------------------------------------------------------------------------------------------

// Where one is: the path is only written down when something is wrong there.
struct place {
    const struct place *parent;
    const char *key;
    size_t index; // of a list, where key is NULL
};

static void add_path(struct buf *out, const struct place *at)
{
    if (!at || !at->parent)
        return;
    add_path(out, at->parent);
    buf_char(out, '/');
    if (!at->key)
        buf_printf(out, "%zu", at->index);
    for (const char *p = at->key; p && *p; p++)
        buf_printf(out, *p == '~' ? "~0" : *p == '/' ? "~1" : "%c", *p);
}

static const char *path_of(struct meta *m, const struct place *at)
{
    struct buf path = BUF_IN(m->arena);
    add_path(&path, at);
    return buf_cstr(&path);
}

static struct problem *fail(struct meta *m, const struct place *at, const char *fmt, ...) PRINTF(3, 4);
static struct problem *fail(struct meta *m, const struct place *at, const char *fmt, ...)
{
    struct problem *p = arena_new_of(m->arena, struct problem);
    p->path = path_of(m, at);
    va_list args;
    va_start(args, fmt);
    p->text = arena_vprintf(m->arena, fmt, args);
    va_end(args);
    return p;
}

static const char *type_of(struct value v)
{
    switch (v.kind) {
    case V_NULL: return "null";
    case V_BOOL: return "boolean";
    case V_INT:
    case V_FLOAT: return "number";
    case V_LIST: return "array";
    case V_DICT: return "object";
    default: return "string";
    }
}

static struct problem *want(struct meta *m, const struct place *at, struct value v, const char *wanted)
{
    return fail(m, at, "got %s, want %s", type_of(v), wanted);
}

typedef VEC(struct problem *) problem_list;

static void add(struct meta *m, problem_list *list, struct problem *p)
{
    if (p)
        vec_push(m->arena, list, p);
}

// One problem of several: itself, or a group.
static struct problem *together(struct meta *m, const struct place *at, const problem_list *list)
{
    if (list->len <= 1)
        return list->len ? list->items[0] : NULL;
    struct problem *group = fail(m, at, "validation failed");
    group->group = true;
    for (size_t i = 0; i < list->len; i++)
        vec_push(m->arena, &group->causes, list->items[i]);
    return group;
}

// What a reference leads to is no group any more: it shows as a failure of its own, at the place of the reference, where it has
// several causes.
static struct problem *referred(struct meta *m, const struct place *at, struct problem *p)
{
    if (p && p->group) {
        p->group = false;
        p->path = path_of(m, at);
    }
    return p;
}

static struct problem *wrap(struct meta *m, const struct place *at, const char *text, struct problem *first,
                            struct problem *second)
{
    struct problem *p = fail(m, at, "%s", text);
    add(m, (problem_list *)&p->causes, first);
    add(m, (problem_list *)&p->causes, second);
    return p;
}

// ---- keywords -----------------------------------------------------------------------------------------------------

static struct problem *check_schema(struct meta *m, struct value v, const struct place *at);

static bool is_number(struct value v)
{
    return value_is(v, V_INT) || value_is(v, V_FLOAT);
}

static struct problem *check_count(struct meta *m, struct value v, const struct place *at)
{
    if (!is_number(v) || (value_is(v, V_FLOAT) && v.number != trunc(v.number)))
        return want(m, at, v, "integer");
    return value_num(v) < 0 ? fail(m, at, "minimum: got %s, want 0", problem_number(m->arena, value_num(v))) : NULL;
}

static struct problem *check_positive(struct meta *m, struct value v, const struct place *at)
{
    if (!is_number(v))
        return want(m, at, v, "number");
    return value_num(v) <= 0 ? fail(m, at, "exclusiveMinimum: got %s, want 0", problem_number(m->arena, value_num(v))) : NULL;
}

static struct problem *check_formatted(struct meta *m, struct value v, const struct place *at, const char *format)
{
    if (!value_is(v, V_STRING))
        return want(m, at, v, "string");
    const char *reason = schema_check_format(m->arena, format, value_slice(v));
    return reason ? fail(m, at, "%s is not valid %s: %s", problem_quote(m->arena, value_slice(v)), format, reason) : NULL;
}

static struct problem *no_match(struct meta *m, struct value v, const struct place *at, const char *pattern)
{
    return fail(m, at, "%s does not match pattern '%s'", problem_quote(m->arena, value_slice(v)), pattern);
}

static struct problem *check_id(struct meta *m, struct value v, const struct place *at)
{
    problem_list list = {0};
    add(m, &list, check_formatted(m, v, at, "uri-reference"));
    ptrdiff_t hash = value_is(v, V_STRING) ? slice_find_char(value_slice(v), '#') : -1;
    if (hash >= 0 && (size_t)hash + 1 < v.len)
        add(m, &list, no_match(m, v, at, "^[^#]*#?$"));
    return referred(m, at, together(m, at, &list));
}

static struct problem *check_anchor(struct meta *m, struct value v, const struct place *at)
{
    if (!value_is(v, V_STRING))
        return want(m, at, v, "string");
    bool old = m->draft < 2020, fits = v.len > 0;
    for (size_t i = 0; i < v.len && fits; i++) {
        char c = v.data[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        bool digit = c >= '0' && c <= '9';
        fits = letter || (i > 0 && (digit || c == '-' || c == '.')) || (c == '_' && (i > 0 || !old)) ||
               (c == ':' && i > 0 && old);
    }
    if (fits)
        return NULL;
    return no_match(m, v, at, old ? "^[A-Za-z][-A-Za-z0-9.:_]*$" : "^[A-Za-z_][-A-Za-z0-9._]*$");
}

static struct problem *check_different(struct meta *m, struct value v, const struct place *at)
{
    size_t len = value_len(v);
    for (size_t i = 1; i < len && len < 2000; i++)
        for (size_t j = 0; j < i; j++)
            if (value_equal(value_at(v, i), value_at(v, j)))
                return fail(m, at, "items at %zu and %zu are equal", j, i);
    return NULL;
}

static struct problem *check_names(struct meta *m, struct value v, const struct place *at)
{
    if (!value_is(v, V_LIST))
        return want(m, at, v, "array");
    problem_list list = {0};
    if (m->draft == 4 && value_len(v) == 0)
        add(m, &list, fail(m, at, "minItems: got 0, want 1"));
    add(m, &list, check_different(m, v, at));
    for (size_t i = 0; i < value_len(v); i++)
        if (!value_is(value_at(v, i), V_STRING))
            add(m, &list, want(m, &(struct place){at, NULL, i}, value_at(v, i), "string"));
    return referred(m, at, together(m, at, &list));
}

static struct problem *check_enum(struct meta *m, struct value v, const struct place *at)
{
    if (!value_is(v, V_LIST))
        return want(m, at, v, "array");
    if (m->draft < 2019 && value_len(v) == 0)
        return fail(m, at, "minItems: got 0, want 1");
    return m->draft < 2019 ? check_different(m, v, at) : NULL;
}

static struct problem *check_type_name(struct meta *m, struct value v, const struct place *at)
{
    for (size_t i = 0; i < ARRAY_LEN(types) && value_is(v, V_STRING); i++)
        if (str_eq(v.data, types[i]))
            return NULL;
    struct buf names = BUF_IN(m->arena);
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        buf_printf(&names, "%s'%s'", i ? ", " : "", types[i]);
    return fail(m, at, "value must be one of %s", buf_cstr(&names));
}

static struct problem *check_type(struct meta *m, struct value v, const struct place *at)
{
    if (!value_is(v, V_LIST)) {
        struct problem *one = check_type_name(m, v, at);
        return one ? wrap(m, at, "'anyOf' failed", one, want(m, at, v, "array")) : NULL;
    }
    problem_list list = {0};
    if (value_len(v) == 0)
        add(m, &list, fail(m, at, "minItems: got 0, want 1"));
    add(m, &list, check_different(m, v, at));
    for (size_t i = 0; i < value_len(v); i++)
        add(m, &list, check_type_name(m, value_at(v, i), &(struct place){at, NULL, i}));
    struct problem *many = together(m, at, &list);
    return many ? wrap(m, at, "'anyOf' failed", check_type_name(m, v, at), many) : NULL;
}

static struct problem *check_schemas(struct meta *m, struct value v, const struct place *at)
{
    if (!value_is(v, V_LIST))
        return want(m, at, v, "array");
    problem_list list = {0};
    if (value_len(v) == 0)
        add(m, &list, fail(m, at, "minItems: got 0, want 1"));
    for (size_t i = 0; i < value_len(v); i++)
        add(m, &list, check_schema(m, value_at(v, i), &(struct place){at, NULL, i}));
    return referred(m, at, together(m, at, &list));
}

static struct problem *check_entry(struct meta *m, struct value v, const struct place *at, enum keyword_kind kind)
{
    if (kind == NAME_LISTS)
        return check_names(m, v, at);
    if (kind == VOCABULARY_MAP)
        return value_is(v, V_BOOL) ? NULL : want(m, at, v, "boolean");
    struct problem *as_schema = check_schema(m, v, at);
    if (kind != DEPENDENCIES || !as_schema)
        return as_schema;
    struct problem *as_names = check_names(m, v, at);
    return as_names ? wrap(m, at, "'anyOf' failed", as_schema, as_names) : NULL;
}

// A name counts as a document of its own: the place is its root.
static struct problem *check_name(struct meta *m, const struct value_iter *it, enum keyword_kind kind)
{
    const char *format = kind == PATTERN_MAP ? "regex" : kind == VOCABULARY_MAP ? "uri" : NULL;
    struct value name = value_string_n(it->key, it->key_len);
    struct problem *p = format ? check_formatted(m, name, NULL, format) : NULL;
    if (!p)
        return NULL;
    const char *text = arena_printf(m->arena, "invalid propertyName %s", problem_quote(m->arena, value_slice(name)));
    return wrap(m, NULL, text, p, NULL);
}

static struct problem *check_map(struct meta *m, struct value v, const struct place *at, enum keyword_kind kind)
{
    if (!value_is(v, V_DICT))
        return want(m, at, v, "object");
    problem_list list = {0};
    for (struct value_iter it = {0}; value_next(v, &it);)
        add(m, &list, check_entry(m, it.value, &(struct place){at, it.key, 0}, kind));
    for (struct value_iter it = {0}; value_next(v, &it);)
        add(m, &list, check_name(m, &it, kind));
    return together(m, at, &list);
}

static struct problem *check_items(struct meta *m, struct value v, const struct place *at)
{
    struct problem *one = check_schema(m, v, at);
    if (!one)
        return NULL;
    struct problem *many = check_schemas(m, v, at);
    return many ? wrap(m, at, "'anyOf' failed", one, many) : NULL;
}

static struct problem *check_keyword(struct meta *m, enum keyword_kind kind, struct value v, const struct place *at)
{
    struct problem *p;
    switch (kind) {
    case SCHEMA: return check_schema(m, v, at);
    case SCHEMA_BOOL4:
        if (m->draft > 4)
            return check_schema(m, v, at);
        p = value_is(v, V_BOOL) ? NULL : check_schema(m, v, at);
        return p ? wrap(m, at, "'anyOf' failed", want(m, at, v, "boolean"), p) : NULL;
    case SCHEMA_LIST: return check_schemas(m, v, at);
    case SCHEMA_MAP:
    case PATTERN_MAP:
    case VOCABULARY_MAP:
    case DEPENDENCIES:
    case NAME_LISTS: return check_map(m, v, at, kind);
    case ITEMS: return check_items(m, v, at);
    case TYPE: return check_type(m, v, at);
    case ENUM: return check_enum(m, v, at);
    case NAMES: return check_names(m, v, at);
    case STRING: return value_is(v, V_STRING) ? NULL : want(m, at, v, "string");
    case REGEX: return check_formatted(m, v, at, "regex");
    case URI: return check_formatted(m, v, at, "uri");
    case URI_REFERENCE: return check_formatted(m, v, at, "uri-reference");
    case ID: return check_id(m, v, at);
    case ANCHOR: return check_anchor(m, v, at);
    case BOOLEAN: return value_is(v, V_BOOL) ? NULL : want(m, at, v, "boolean");
    case NUMBER: return is_number(v) ? NULL : want(m, at, v, "number");
    case POSITIVE: return check_positive(m, v, at);
    case COUNT: return check_count(m, v, at);
    case COUNT_0:
        p = check_count(m, v, at);
        return p && m->draft < 2019 ? wrap(m, at, "'allOf' failed", p, NULL) : p;
    case LIST: return value_is(v, V_LIST) ? NULL : want(m, at, v, "array");
    }
    return NULL;
}

static void index_keywords(struct meta *m)
{
    static_assert(ARRAY_LEN(keywords) < UINT8_MAX, "places of keywords are bytes");
    for (size_t i = ARRAY_LEN(keywords); i-- > 0;) {
        uint8_t *first = &m->first[(unsigned char)keywords[i].name[0]];
        assert(*first == 0 || *first == i + 2); // those of a letter stand together
        *first = (uint8_t)(i + 1);
    }
}

static const struct keyword *find_keyword(const struct meta *m, const char *name)
{
    size_t i = (unsigned char)name[0] < 128 ? m->first[(unsigned char)name[0]] : 0;
    for (; i && i <= ARRAY_LEN(keywords) && keywords[i - 1].name[0] == name[0]; i++)
        if (str_eq(keywords[i - 1].name, name) && m->draft >= keywords[i - 1].from && m->draft <= keywords[i - 1].to)
            return &keywords[i - 1];
    return NULL;
}

// In draft 4 a bound is sharpened by a boolean beside it, which means nothing alone.
static void check_bounds(struct meta *m, struct value v, const struct place *at, problem_list *list)
{
    static const char *const bounds[][2] = {{"exclusiveMaximum", "maximum"}, {"exclusiveMinimum", "minimum"}};
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
        if (value_has(v, bounds[i][0]) && !value_has(v, bounds[i][1]))
            add(m, list, fail(m, at, "properties '%s' required, if '%s' exists", bounds[i][1], bounds[i][0]));
}

static struct problem *check_schema(struct meta *m, struct value v, const struct place *at)
{
    if (!value_is(v, V_DICT)) {
        if (value_is(v, V_BOOL) && m->draft > 4)
            return NULL;
        return want(m, at, v, m->draft > 4 ? "boolean or object" : "object");
    }
    if (m->depth >= MAX_DEPTH)
        return fail(m, at, "more than %d schemas in each other", MAX_DEPTH);
    m->depth++;
    problem_list own = {0}, of[VOCABULARIES] = {0};
    if (m->draft == 4)
        check_bounds(m, v, at, &own);
    for (struct value_iter it = {0}; value_next(v, &it);) {
        const struct keyword *k = find_keyword(m, it.key);
        if (!k)
            continue;
        bool beside = m->draft < 2019 || k->vocabulary == BESIDE;
        enum vocabulary vocabulary = m->draft == 2019 && k->vocabulary == UNEVALUATED ? APPLICATOR : k->vocabulary;
        add(m, beside ? &own : &of[vocabulary], check_keyword(m, k->kind, it.value, &(struct place){at, it.key, 0}));
    }
    m->depth--;
    struct problem *all = NULL;
    for (size_t i = 0; i < VOCABULARIES; i++) {
        struct problem *p = referred(m, at, together(m, at, &of[i]));
        if (p && !all)
            all = wrap(m, at, "'allOf' failed", NULL, NULL);
        if (p)
            vec_push(m->arena, &all->causes, p);
    }
    add(m, &own, all);
    struct problem *p = together(m, at, &own);
    return at->parent ? referred(m, at, p) : p;
}

bool schema_check_meta(struct arena *a, struct value schema, const char *url, int draft, struct error *err)
{
    static const struct {
        int draft;
        const char *url;
    } urls[] = {{4, "http://json-schema.org/draft-04/schema"},
                {6, "http://json-schema.org/draft-06/schema"},
                {7, "http://json-schema.org/draft-07/schema"},
                {2019, "https://json-schema.org/draft/2019-09/schema"},
                {2020, "https://json-schema.org/draft/2020-12/schema"}};
    struct meta m = {.arena = a, .draft = draft};
    index_keywords(&m);
    struct problem *p = check_schema(&m, schema, &(struct place){0});
    if (!p)
        return true;
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(urls) && urls[i].draft != draft)
        i++;
    struct buf text = BUF_IN(a);
    problem_print(&text, a, p);
    return error_set(err, ERROR_INVALID,
                     "%s is not valid against metaschema: jsonschema validation failed with '%s#'\n%s", go_quoted_str(a, url),
                     urls[i].url, buf_cstr(&text));
}
