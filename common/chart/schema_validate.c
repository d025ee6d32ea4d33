// schema_validate.c - a schema applied to a value: the keywords of any type and the combining ones, in the order of Helm's validator.

#include "chart/schema_check.h"

#include <math.h>

#define MAX_DEPTH 1500      // of schemas applied inside each other: references may go round
#define MAX_MEMORY (64u << 20) // bytes of failures: anyOf over references collects them all
#define MAX_STEPS 5000000u  // schemas applied in all: allOf over references can double at each level

// Stands for every failure of a quiet check; never written to.
static struct problem quiet_problem = {.path = "", .text = ""};

// ---- problems -----------------------------------------------------------------------------------------------------

struct problem *check_problem(struct check *c, const char *fmt, ...)
{
    if (c->quiet)
        return &quiet_problem;
    struct problem *p = arena_new_of(c->v->arena, struct problem);
    va_list args;
    va_start(args, fmt);
    p->text = arena_vprintf(c->v->arena, fmt, args);
    va_end(args);
    p->path = c->v->path;
    return p;
}

void check_add(struct check *c, struct problem *p)
{
    if (!p)
        return;
    if (!c->failures) {
        c->failures = arena_new_of(c->v->arena, struct problem);
        *c->failures = (struct problem){.path = c->v->path, .text = "validation failed", .group = true};
    }
    vec_push(c->v->arena, &c->failures->causes, p);
}

void check_add_causes(struct check *c, struct problem *p, const struct problem *causes)
{
    if (!c->quiet)
        for (size_t i = 0; i < causes->causes.len; i++)
            vec_push(c->v->arena, &p->causes, causes->causes.items[i]);
    check_add(c, p);
}

// ---- small helpers ------------------------------------------------------------------------------------------------

bool check_is_number(struct value v)
{
    return value_is(v, V_INT) || value_is(v, V_FLOAT);
}

bool check_is_whole(struct value v)
{
    return value_is(v, V_INT) || (value_is(v, V_FLOAT) && isfinite(v.number) && v.number == trunc(v.number));
}

static const char *type_name(struct value v)
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

bool check_keyword(struct check *c, const char *name, int draft, struct value *out)
{
    const struct schema_place *place = c->scope.place;
    return (!place || place->letters & schema_letter(name)) && c->draft >= draft &&
           value_find(c->schema, name, strlen(name), out);
}

// A whole number's keyword (minLength and the like); others are ignored.
bool check_count_keyword(struct check *c, const char *name, int draft, int64_t *out)
{
    struct value v;
    if (!check_keyword(c, name, draft, &v) || !check_is_whole(v))
        return false;
    if (value_is(v, V_INT)) {
        *out = v.integer;
        return true;
    }
    uint64_t low = (uint64_t)fmod(fabs(v.number), 0x1p64); // what int64 cannot hold loses its upper bits, as in Helm
    *out = (int64_t)(v.number < 0 ? 0 - low : low);
    return true;
}

const char *check_count_text(struct check *c, int64_t n)
{
    return problem_count(c->v->arena, n);
}

const char *check_join_quoted(struct check *c, struct value names)
{
    struct buf out = BUF_IN(c->v->arena);
    for (size_t i = 0; i < value_len(names); i++)
        buf_printf(&out, "%s%s", i ? ", " : "", problem_quote(c->v->arena, value_slice(value_at(names, i))));
    return buf_cstr(&out);
}

// ---- unevaluated --------------------------------------------------------------------------------------------------

static bool is_left_empty(const struct unevaluated *u)
{
    if (value_len(u->names) > 0)
        return false;
    for (size_t i = 0; i < u->item_count; i++)
        if (u->items[i])
            return false;
    return true;
}

static size_t items_evaluated(struct value schema, int draft, bool *all)
{
    struct value items = value_get(schema, "items");
    if (draft >= 2020) {
        *all = !value_is_null(items);
        return value_len(value_get(schema, "prefixItems"));
    }
    *all = value_is(items, V_LIST) ? value_has(schema, "additionalItems") : !value_is_null(items);
    return value_is(items, V_LIST) ? value_len(items) : 0;
}

// `draft` holds where the schema has no place of its own.
static struct unevaluated left_of(struct validator *v, struct value instance, struct value schema, int draft, bool asked)
{
    struct unevaluated u = {0};
    if (value_is(instance, V_DICT)) {
        if (value_has(schema, "additionalProperties") || !(asked || value_has(schema, "unevaluatedProperties")))
            return u;
        u.names = value_dict(v->arena);
        for (struct value_iter it = {0}; value_next(instance, &it);)
            value_set_n(u.names, it.key, it.key_len, value_bool(true));
    } else if (value_is(instance, V_LIST)) {
        bool all;
        const struct schema_place *place = schema_place_of(v->doc, schema);
        size_t from = items_evaluated(schema, place ? place->resource->draft : draft, &all);
        if (all || !(asked || value_has(schema, "unevaluatedItems")))
            return u;
        u.item_count = value_len(instance);
        u.items = arena_array(v->arena, bool, u.item_count + 1);
        for (size_t i = from; i < u.item_count; i++)
            u.items[i] = true;
    }
    return u;
}

// What the other has looked at, this one has too.
static void merge_left(struct validator *v, struct unevaluated *u, const struct unevaluated *other)
{
    if (value_len(u->names) > 0) {
        struct value both = value_dict(v->arena);
        for (struct value_iter it = {0}; value_next(u->names, &it);)
            if (value_has(other->names, it.key))
                value_set_n(both, it.key, it.key_len, it.value);
        u->names = both;
    }
    for (size_t i = 0; i < u->item_count; i++)
        u->items[i] = u->items[i] && i < other->item_count && other->items[i];
}

// ---- any type -----------------------------------------------------------------------------------------------------

static bool type_matches(struct value instance, const char *type)
{
    return str_eq(type, type_name(instance)) || (str_eq(type, "integer") && check_is_whole(instance));
}

static struct problem *check_type(struct check *c)
{
    static const char *const order[] = {"null", "boolean", "number", "integer", "string", "array", "object"};
    struct value type;
    if (!check_keyword(c, "type", 4, &type))
        return NULL;
    struct buf wanted = BUF_IN(c->v->arena);
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        bool named = value_is(type, V_STRING) && str_eq(type.data, order[i]);
        for (size_t k = 0; k < value_len(type) && value_is(type, V_LIST) && !named; k++)
            named = str_eq(value_str_or(value_at(type, k), ""), order[i]);
        if (!named)
            continue;
        if (type_matches(c->instance, order[i]))
            return NULL;
        buf_printf(&wanted, "%s%s", wanted.len ? " or " : "", order[i]);
    }
    return wanted.len ? check_problem(c, "got %s, want %s", type_name(c->instance), buf_cstr(&wanted)) : NULL;
}

static struct problem *check_enum(struct check *c)
{
    struct value list;
    if (!check_keyword(c, "enum", 4, &list) || !value_is(list, V_LIST))
        return NULL;
    bool plain = true;
    struct buf names = BUF_IN(c->v->arena);
    for (size_t i = 0; i < value_len(list); i++) {
        struct value item = value_at(list, i);
        if (value_equal(item, c->instance))
            return NULL;
        plain &= !value_is(item, V_LIST) && !value_is(item, V_DICT);
        buf_printf(&names, "%s%s", i ? ", " : "", problem_display(c->v->arena, item));
    }
    if (!plain)
        return check_problem(c, "'enum' failed");
    return check_problem(c, value_len(list) == 1 ? "value must be %s" : "value must be one of %s", buf_cstr(&names));
}

static struct problem *check_const(struct check *c)
{
    struct value wanted;
    if (!check_keyword(c, "const", 6, &wanted) || value_equal(wanted, c->instance))
        return NULL;
    if (value_is(wanted, V_LIST) || value_is(wanted, V_DICT))
        return check_problem(c, "'const' failed");
    return check_problem(c, "value must be %s", problem_display(c->v->arena, wanted));
}

static struct problem *check_format(struct check *c)
{
    // From 2019-09 on a format is a remark unless the meta-schema says otherwise.
    const char *format = c->draft < 2019 ? value_str(value_get(c->schema, "format")) : NULL;
    if (!format || !value_is(c->instance, V_STRING))
        return NULL;
    const char *reason = schema_check_format(c->v->arena, format, value_slice(c->instance));
    return reason ? check_problem(c, "%s is not valid %s: %s", problem_display(c->v->arena, c->instance), format, reason) : NULL;
}

static struct problem *check_reference(struct check *c, struct value target, const char *keyword)
{
    c->v->reference = keyword;
    struct problem *p = check_same(c, target, c->quiet);
    if (!p || c->quiet)
        return p;
    struct problem *reference = check_problem(c, "validation failed");
    reference->reference = true;
    if (p->group)
        for (size_t i = 0; i < p->causes.len; i++)
            vec_push(c->v->arena, &reference->causes, p->causes.items[i]);
    else
        vec_push(c->v->arena, &reference->causes, p);
    return reference;
}

static bool resolve(struct check *c, const char *name, int draft, struct value *target, struct problem **failed)
{
    struct value reference;
    if (!check_keyword(c, name, draft, &reference) || !value_is(reference, V_STRING) || !c->scope.place)
        return false;
    struct error err cleanup(error_clear) = {0};
    if (!schema_resolve(c->v->doc, c->scope.place->resource, value_str(reference), target, &err)) {
        *failed = check_problem(c, "%s", error_text(&err));
        return false;
    }
    return true;
}

// The outermost schema under way whose resource has the anchor, else the target itself.
static struct value dynamic_target(struct check *c, struct value target, const char *anchor)
{
    for (const struct scope *s = &c->scope; s; s = s->parent) {
        struct schema_place *place = s->place ? map_get(s->place->resource->dynamic_anchors, anchor) : NULL;
        if (place)
            target = place->schema;
    }
    return target;
}

static void check_dynamic_references(struct check *c)
{
    struct value target;
    struct problem *failed = NULL;
    if (resolve(c, "$recursiveRef", 2019, &target, &failed)) {
        if (value_true(value_get(target, "$recursiveAnchor")))
            for (const struct scope *s = &c->scope; s; s = s->parent)
                if (s->place && s->place->resource->recursive_anchor)
                    target = s->schema;
        check_add(c, check_reference(c, target, "$recursiveRef"));
    }
    if (resolve(c, "$dynamicRef", 2020, &target, &failed)) {
        struct slice anchor;
        struct error ignored cleanup(error_clear) = {0}; // it led somewhere
        schema_fragment(c->v->arena, value_str(value_get(c->schema, "$dynamicRef")), &anchor, &ignored);
        if (anchor.len && anchor.data[0] != '/' && slice_eq_str(anchor, value_str_or(value_get(target, "$dynamicAnchor"), "")))
            target = dynamic_target(c, target, slice_dup(c->v->arena, anchor));
        check_add(c, check_reference(c, target, "$dynamicRef"));
    }
    check_add(c, failed);
}

// ---- combining ----------------------------------------------------------------------------------------------------

static void check_all_of(struct check *c, struct value list)
{
    struct problem causes = {0};
    for (size_t i = 0; i < value_len(list); i++) {
        struct problem *p = check_same(c, value_at(list, i), c->quiet);
        if (p)
            vec_push(c->v->arena, &causes.causes, p);
    }
    if (causes.causes.len > 0)
        check_add_causes(c, check_problem(c, "'allOf' failed"), &causes);
}

static void check_any_of(struct check *c, struct value list)
{
    struct problem causes = {0};
    bool matched = false;
    for (size_t i = 0; i < value_len(list); i++) {
        struct problem *p = check_same(c, value_at(list, i), c->quiet);
        if (p) {
            vec_push(c->v->arena, &causes.causes, p);
            continue;
        }
        matched = true;
        if (is_left_empty(c->left))
            break;
    }
    if (!matched)
        check_add_causes(c, check_problem(c, "'anyOf' failed"), &causes);
}

static void check_one_of(struct check *c, struct value list)
{
    struct problem causes = {0};
    ptrdiff_t matched = -1;
    for (size_t i = 0; i < value_len(list); i++) {
        struct problem *p = check_same(c, value_at(list, i), c->quiet || matched >= 0);
        if (p) {
            vec_push(c->v->arena, &causes.causes, p);
        } else if (matched < 0) {
            matched = (ptrdiff_t)i;
        } else {
            FAIL(c, "'oneOf' failed, subschemas %s, %s matched", check_count_text(c, matched), check_count_text(c, (int64_t)i));
            return;
        }
    }
    if (matched < 0)
        check_add_causes(c, check_problem(c, "'oneOf' failed, none matched"), &causes);
}

static void check_combined(struct check *c)
{
    struct value schema, then;
    if (check_keyword(c, "not", 4, &schema) && !check_same(c, schema, true))
        FAIL(c, "'not' failed");
    if (check_keyword(c, "allOf", 4, &schema) && value_len(schema) > 0)
        check_all_of(c, schema);
    if (check_keyword(c, "anyOf", 4, &schema) && value_len(schema) > 0)
        check_any_of(c, schema);
    if (check_keyword(c, "oneOf", 4, &schema) && value_len(schema) > 0)
        check_one_of(c, schema);
    if (check_keyword(c, "if", 7, &schema) &&
        check_keyword(c, check_same(c, schema, true) ? "else" : "then", 7, &then))
        check_add(c, check_same(c, then, c->quiet));
}

static void check_unevaluated(struct check *c)
{
    struct value schema;
    if (value_is(c->instance, V_DICT) && check_keyword(c, "unevaluatedProperties", 2019, &schema)) {
        for (struct value_iter it = {0}; value_next(c->left->names, &it);)
            check_add(c, check_part(c, schema, value_get_n(c->instance, it.key, it.key_len), it.key));
        c->left->names = VALUE_NULL;
    }
    if (value_is(c->instance, V_LIST) && check_keyword(c, "unevaluatedItems", 2019, &schema)) {
        for (size_t i = 0; i < c->left->item_count; i++)
            if (c->left->items[i])
                check_add(c, check_item(c, schema, i));
        c->left->item_count = 0;
    }
}

// ---- applying -----------------------------------------------------------------------------------------------------

struct problem *check_same(struct check *c, struct value schema, bool quiet)
{
    struct unevaluated left = left_of(c->v, c->instance, schema, c->draft, !is_left_empty(c->left));
    struct problem *p = check_apply(c->v, &c->scope, schema, c->instance, c->scope.instance, c->quiet || quiet, &left);
    if (!p)
        merge_left(c->v, c->left, &left);
    return p;
}

struct problem *check_part(struct check *c, struct value schema, struct value part, const char *token)
{
    struct validator *v = c->v;
    const char *path = v->path;
    v->path = schema_pointer(v->arena, path, token);
    struct unevaluated left = left_of(v, part, schema, c->draft, false);
    struct problem *p = check_apply(v, &c->scope, schema, part, ++v->instances, c->quiet, &left);
    v->path = path;
    return p;
}

static void check_by_type(struct check *c)
{
    switch (c->instance.kind) {
    case V_DICT: check_object(c); break;
    case V_LIST: check_list(c); break;
    case V_STRING: check_string(c); break;
    case V_INT:
    case V_FLOAT: check_number(c); break;
    default: break;
    }
}

// The same schema on the same instance, further out.
static const struct scope *same_before(const struct scope *s)
{
    for (const struct scope *p = s->parent; p && p->instance == s->instance; p = p->parent)
        if (value_is(p->schema, V_DICT) && p->schema.dict == s->schema.dict)
            return p;
    return NULL;
}

static const char *pointer_of(const struct scope *s)
{
    return s->place ? s->place->pointer : "";
}

// How one got to a schema: "/allOf/1/$ref".
static void add_way(struct buf *out, const struct scope *s)
{
    if (!s->parent)
        return;
    add_way(out, s->parent);
    size_t known = strlen(pointer_of(s->parent));
    if (s->reference)
        buf_printf(out, "/%s", s->reference);
    else if (strlen(pointer_of(s)) > known)
        buf_str(out, pointer_of(s) + known);
}

static struct problem *cycle(struct check *c, const struct scope *before)
{
    struct arena *a = c->v->arena;
    struct buf way = BUF_IN(a), way_before = BUF_IN(a);
    add_way(&way, &c->scope);
    add_way(&way_before, before);
    const char *place = schema_location(a, c->scope.place ? c->scope.place->url : "", slice_of(pointer_of(&c->scope)));
    return check_problem(c, "both %s and %s resolve to %s causing reference cycle", buf_cstr(&way), buf_cstr(&way_before),
                         go_quoted_str(a, place));
}

struct problem *check_apply(struct validator *v, const struct scope *parent, struct value schema, struct value instance,
                             size_t instance_number, bool quiet, struct unevaluated *left)
{
    struct check c = {.v = v, .schema = schema, .instance = instance, .quiet = quiet, .left = left};
    if (!value_is(schema, V_DICT))
        return value_is(schema, V_BOOL) && !schema.boolean ? check_problem(&c, "false schema") : NULL;
    const struct schema_place *place = schema_place_of(v->doc, schema);
    c.draft = place ? place->resource->draft : 2020;
    c.scope = (struct scope){.schema = schema, .place = place, .instance = instance_number, .parent = parent,
                             .depth = parent ? parent->depth + 1 : 0, .reference = v->reference};
    v->reference = NULL;
    const struct scope *before = same_before(&c.scope);
    if (before)
        return cycle(&c, before);
    if (!v->exhausted &&
        (c.scope.depth > MAX_DEPTH || ++v->steps > MAX_STEPS || arena_used(v->arena) - v->start > MAX_MEMORY)) {
        c.quiet = false;
        v->exhausted = check_problem(&c, "the schema takes too many steps, too much memory or nests too deeply");
    }
    if (v->exhausted)
        return v->exhausted;

    struct problem *p;
    bool alone = c.draft < 2019 && value_is(value_get(schema, "$ref"), V_STRING); // what stands beside does not count
    if (!alone && ((p = check_type(&c)) || (p = check_const(&c)) || (p = check_enum(&c)) || (p = check_format(&c))))
        return p;
    struct value target;
    struct problem *failed = NULL;
    if (resolve(&c, "$ref", 4, &target, &failed)) {
        p = check_reference(&c, target, "$ref");
        if (c.draft < 2019)
            return p;
        check_add(&c, p);
    }
    check_add(&c, failed);
    check_by_type(&c);
    if (!c.failures || !quiet) {
        check_dynamic_references(&c);
        check_combined(&c);
        check_unevaluated(&c);
    }
    if (!c.failures)
        return NULL;
    return c.failures->causes.len == 1 ? c.failures->causes.items[0] : c.failures;
}

bool schema_validate(struct schema_doc *doc, struct value instance, struct error *err)
{
    struct validator v = {.doc = doc, .arena = doc->arena, .path = "", .start = arena_used(doc->arena)};
    int draft = doc->resources.len > 0 ? doc->resources.items[0]->draft : 2020;
    struct unevaluated left = left_of(&v, instance, doc->root, draft, false);
    struct problem *p = check_apply(&v, NULL, doc->root, instance, 0, false, &left);
    if (!p && !v.exhausted)
        return true;
    struct buf text = BUF_IN(doc->arena);
    problem_print(&text, doc->arena, v.exhausted ? v.exhausted : p);
    return error_set(err, ERROR_INVALID, "%s", buf_cstr(&text));
}
