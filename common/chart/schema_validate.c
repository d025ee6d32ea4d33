// schema_validate.c - the keywords of JSON Schema, in the order in which Helm's validator applies them.

#include "chart/schema.h"

#include <math.h>
#include <stdio.h>

#define MAX_DEPTH 1500      // of schemas applied inside each other: references may go round
#define MAX_STEPS 5000000u  // schemas applied in all: allOf over references can double at each level

// The schemas under way, innermost first: for cycles and dynamic references.
struct scope {
    struct value schema;
    const struct schema_place *place;
    size_t instance; // counts instances: two scopes with the same number look at the same one
    const struct scope *parent;
    int depth;
};

// What of an object or list no schema has looked at yet, where unevaluated… asks for it.
struct unevaluated {
    struct value names; // a dict of them
    bool *items;
    size_t item_count;
};

struct validator {
    struct schema_doc *doc;
    struct arena *arena;
    const char *path; // of the instance: "/image/tag"
    size_t instances, steps;
};

// One schema being applied to one instance.
struct check {
    struct validator *v;
    struct scope scope;
    struct value schema, instance;
    int draft;
    bool quiet; // only whether it fails matters
    struct unevaluated *left;
    struct problem *failures; // a group
};

static struct problem quiet_problem = {.path = "", .text = ""};

static struct problem *apply(struct validator *v, const struct scope *parent, struct value schema, struct value instance,
                             size_t instance_number, bool quiet, struct unevaluated *left);

// ---- problems -------------------------------------------------------------------------------------------------------------

static struct problem *problem(struct check *c, const char *fmt, ...) PRINTF(2, 3);
static struct problem *problem(struct check *c, const char *fmt, ...)
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

static void add(struct check *c, struct problem *p)
{
    if (!p)
        return;
    if (!c->failures) {
        c->failures = arena_new_of(c->v->arena, struct problem);
        *c->failures = (struct problem){.path = c->v->path, .text = "validation failed", .group = true};
    }
    vec_push(c->v->arena, &c->failures->causes, p);
}

static void add_with_causes(struct check *c, struct problem *p, const struct problem *causes)
{
    if (!c->quiet)
        for (size_t i = 0; i < causes->causes.len; i++)
            vec_push(c->v->arena, &p->causes, causes->causes.items[i]);
    add(c, p);
}

#define FAIL(c, ...) add((c), problem((c), __VA_ARGS__))

// ---- small helpers --------------------------------------------------------------------------------------------------------

static bool is_number(struct value v)
{
    return value_is(v, V_INT) || value_is(v, V_FLOAT);
}

static bool is_whole(struct value v)
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

static bool keyword(struct check *c, const char *name, int draft, struct value *out)
{
    return c->draft >= draft && value_find(c->schema, name, strlen(name), out);
}

// A whole number's keyword (minLength and the like); others are ignored.
static bool count_keyword(struct check *c, const char *name, int draft, int64_t *out)
{
    struct value v;
    if (!keyword(c, name, draft, &v) || !is_whole(v))
        return false;
    *out = (int64_t)value_num(v);
    return true;
}

static const char *count_text(struct check *c, int64_t n)
{
    return problem_count(c->v->arena, n);
}

static const char *join_quoted(struct check *c, struct value names)
{
    struct buf out = BUF_IN(c->v->arena);
    for (size_t i = 0; i < value_len(names); i++)
        buf_printf(&out, "%s%s", i ? ", " : "", problem_quote(c->v->arena, value_slice(value_at(names, i))));
    return buf_cstr(&out);
}

// Applies a schema to what c looks at.
static struct problem *apply_same(struct check *c, struct value schema, bool quiet);
// Applies a schema to a part of it.
static struct problem *apply_part(struct check *c, struct value schema, struct value part, const char *token);

// ---- unevaluated ----------------------------------------------------------------------------------------------------------

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
        size_t from = items_evaluated(schema, draft, &all);
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

// ---- any type -------------------------------------------------------------------------------------------------------------

static bool type_matches(struct value instance, const char *type)
{
    return str_eq(type, type_name(instance)) || (str_eq(type, "integer") && is_whole(instance));
}

static struct problem *check_type(struct check *c)
{
    static const char *const order[] = {"null", "boolean", "number", "integer", "string", "array", "object"};
    struct value type;
    if (!keyword(c, "type", 4, &type))
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
    return wanted.len ? problem(c, "got %s, want %s", type_name(c->instance), buf_cstr(&wanted)) : NULL;
}

static struct problem *check_enum(struct check *c)
{
    struct value list;
    if (!keyword(c, "enum", 4, &list) || !value_is(list, V_LIST))
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
        return problem(c, "'enum' failed");
    return problem(c, value_len(list) == 1 ? "value must be %s" : "value must be one of %s", buf_cstr(&names));
}

static struct problem *check_const(struct check *c)
{
    struct value wanted;
    if (!keyword(c, "const", 6, &wanted) || value_equal(wanted, c->instance))
        return NULL;
    if (value_is(wanted, V_LIST) || value_is(wanted, V_DICT))
        return problem(c, "'const' failed");
    return problem(c, "value must be %s", problem_display(c->v->arena, wanted));
}

static struct problem *check_format(struct check *c)
{
    // From 2019-09 on a format is a remark unless the meta-schema says otherwise.
    const char *format = c->draft < 2019 ? value_str(value_get(c->schema, "format")) : NULL;
    if (!format || !value_is(c->instance, V_STRING))
        return NULL;
    const char *reason = schema_check_format(c->v->arena, format, value_slice(c->instance));
    return reason ? problem(c, "%s is not valid %s: %s", problem_display(c->v->arena, c->instance), format, reason) : NULL;
}

static struct problem *check_reference(struct check *c, struct value target)
{
    struct problem *p = apply_same(c, target, c->quiet);
    if (!p || c->quiet)
        return p;
    struct problem *reference = problem(c, "validation failed");
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
    if (!keyword(c, name, draft, &reference) || !value_is(reference, V_STRING) || !c->scope.place)
        return false;
    struct error err cleanup(error_clear) = {0};
    if (!schema_resolve(c->v->doc, c->scope.place->resource, value_str(reference), target, &err)) {
        *failed = problem(c, "%s", error_text(&err));
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
    if (c->draft == 2019 && resolve(c, "$recursiveRef", 2019, &target, &failed)) {
        if (value_true(value_get(target, "$recursiveAnchor")))
            for (const struct scope *s = &c->scope; s; s = s->parent)
                if (s->place && s->place->resource->recursive_anchor)
                    target = s->schema;
        add(c, check_reference(c, target));
    }
    if (resolve(c, "$dynamicRef", 2020, &target, &failed)) {
        const char *anchor = schema_fragment(c->v->arena, value_str(value_get(c->schema, "$dynamicRef")));
        if (*anchor && *anchor != '/' && str_eq(value_str(value_get(target, "$dynamicAnchor")), anchor))
            target = dynamic_target(c, target, anchor);
        add(c, check_reference(c, target));
    }
    add(c, failed);
}

// ---- objects --------------------------------------------------------------------------------------------------------------

// Which of the names are missing; a list, empty when none is.
static struct value missing(struct check *c, struct value names)
{
    struct value list = value_list(c->v->arena);
    for (size_t i = 0; i < value_len(names); i++) {
        struct value name = value_at(names, i);
        if (value_is(name, V_STRING) && !value_has(c->instance, name.data))
            value_push(list, name);
    }
    return list;
}

static void check_required(struct check *c)
{
    struct value names;
    if (!keyword(c, "required", 4, &names) || !value_is(names, V_LIST))
        return;
    struct value list = missing(c, names);
    if (value_len(list) > 0)
        FAIL(c, value_len(list) == 1 ? "missing property %s" : "missing properties %s", join_quoted(c, list));
}

// dependencies, dependentSchemas, dependentRequired: what the presence of one property asks of the others.
static void check_dependent(struct check *c, const char *name, int draft)
{
    struct value dict;
    if (!keyword(c, name, draft, &dict) || !value_is(dict, V_DICT))
        return;
    for (struct value_iter it = {0}; value_next(dict, &it);) {
        if (!value_has(c->instance, it.key))
            continue;
        if (!value_is(it.value, V_LIST)) {
            if (!str_eq(name, "dependentRequired"))
                add(c, apply_same(c, it.value, c->quiet));
            continue;
        }
        struct value list = missing(c, it.value);
        if (value_len(list) > 0 && !str_eq(name, "dependentSchemas"))
            FAIL(c, "properties %s required, if %s exists", join_quoted(c, list),
                 problem_quote(c->v->arena, slice_n(it.key, it.key_len)));
    }
}

static bool check_patterns(struct check *c, struct value patterns, const struct value_iter *property)
{
    bool evaluated = false;
    for (struct value_iter p = {0}; value_next(patterns, &p);) {
        struct error ignored cleanup(error_clear) = {0};
        const struct regex *re = regex_cached(p.key, p.key_len, &ignored);
        if (re && regex_is_match(re, slice_n(property->key, property->key_len))) {
            evaluated = true;
            add(c, apply_part(c, p.value, property->value, property->key));
        }
    }
    return evaluated;
}

static void check_properties(struct check *c)
{
    struct value properties = value_get(c->schema, "properties"), patterns = value_get(c->schema, "patternProperties");
    struct value additional, refused = value_list(c->v->arena), schema;
    bool has_additional = keyword(c, "additionalProperties", 4, &additional);
    for (struct value_iter it = {0}; value_next(c->instance, &it);) {
        bool evaluated = false;
        if (value_is(properties, V_DICT) && value_find(properties, it.key, it.key_len, &schema)) {
            evaluated = true;
            add(c, apply_part(c, schema, it.value, it.key));
        }
        if (value_is(patterns, V_DICT))
            evaluated |= check_patterns(c, patterns, &it);
        if (!evaluated && has_additional) {
            evaluated = true;
            if (!value_is(additional, V_BOOL))
                add(c, apply_part(c, additional, it.value, it.key));
            else if (!additional.boolean)
                value_push(refused, value_string_n(it.key, it.key_len));
        }
        if (evaluated)
            value_unset(c->left->names, it.key);
    }
    if (value_len(refused) > 0)
        FAIL(c, "additional properties %s not allowed", join_quoted(c, refused));
}

static void check_property_names(struct check *c)
{
    struct value schema;
    if (!keyword(c, "propertyNames", 6, &schema))
        return;
    for (struct value_iter it = {0}; value_next(c->instance, &it);) {
        struct value name = value_string_n(it.key, it.key_len);
        const char *path = c->v->path;
        c->v->path = ""; // a name has no place of its own
        struct problem *p = apply(c->v, &c->scope, schema, name, ++c->v->instances, c->quiet, &(struct unevaluated){0});
        c->v->path = path;
        if (!p)
            continue;
        struct problem *bad = problem(c, "invalid propertyName %s", problem_quote(c->v->arena, value_slice(name)));
        if (!c->quiet) {
            bad->path = "";
            if (p->group)
                bad->causes = p->causes;
            else
                vec_push(c->v->arena, &bad->causes, p);
        }
        add(c, bad);
    }
}

static void check_object(struct check *c)
{
    int64_t limit, len = (int64_t)value_len(c->instance);
    if (count_keyword(c, "minProperties", 4, &limit) && len < limit)
        FAIL(c, "minProperties: got %s, want %s", count_text(c, len), count_text(c, limit));
    if (count_keyword(c, "maxProperties", 4, &limit) && len > limit)
        FAIL(c, "maxProperties: got %s, want %s", count_text(c, len), count_text(c, limit));
    check_required(c);
    check_dependent(c, "dependencies", 4);
    check_properties(c);
    check_property_names(c);
    check_dependent(c, "dependentSchemas", 2019);
    check_dependent(c, "dependentRequired", 2019);
}

// ---- lists ----------------------------------------------------------------------------------------------------------------

static struct problem *apply_item(struct check *c, struct value schema, size_t i)
{
    char token[24];
    snprintf(token, sizeof token, "%zu", i);
    return apply_part(c, schema, value_at(c->instance, i), token);
}

static void check_unique(struct check *c)
{
    if (!value_true(value_get(c->schema, "uniqueItems")))
        return;
    size_t len = value_len(c->instance);
    for (size_t i = 1; i < len; i++)
        for (size_t j = 0; j < i; j++) {
            c->v->steps++;
            if (value_equal(value_at(c->instance, i), value_at(c->instance, j))) {
                FAIL(c, "items at %s and %s are equal", count_text(c, (int64_t)j), count_text(c, (int64_t)i));
                return;
            }
        }
}

static void check_items(struct check *c)
{
    size_t len = value_len(c->instance), done = 0;
    struct value first = value_get(c->schema, c->draft < 2020 ? "items" : "prefixItems"), rest;
    bool has_rest = keyword(c, c->draft < 2020 ? "additionalItems" : "items", 4, &rest);
    if (c->draft < 2020 && !value_is(first, V_LIST)) {
        rest = first;
        has_rest = !value_is_null(first);
    } else if (value_is(first, V_LIST)) {
        for (; done < len && done < value_len(first); done++)
            add(c, apply_item(c, value_at(first, done), done));
        if (c->draft < 2020 && has_rest && value_is(rest, V_BOOL)) {
            if (!rest.boolean && done < len)
                FAIL(c, "last %s additionalItem(s) not allowed", count_text(c, (int64_t)(len - done)));
            return;
        }
    }
    // Helm's validator counts the places of the rest from 0 again.
    for (size_t i = done; has_rest && i < len; i++) {
        char token[24];
        snprintf(token, sizeof token, "%zu", i - done);
        add(c, apply_part(c, rest, value_at(c->instance, i), token));
    }
}

static void check_contains(struct check *c)
{
    struct value schema;
    if (!keyword(c, "contains", 6, &schema))
        return;
    struct problem causes = {0};
    struct buf places = BUF_IN(c->v->arena);
    int64_t matched = 0, least, most;
    for (size_t i = 0; i < value_len(c->instance); i++) {
        struct problem *p = apply_item(c, schema, i);
        if (p) {
            vec_push(c->v->arena, &causes.causes, p);
            continue;
        }
        buf_printf(&places, "%s%zu", matched++ ? " " : "", i);
        if (c->draft >= 2020 && i < c->left->item_count)
            c->left->items[i] = false;
    }
    if (count_keyword(c, "minContains", 2019, &least)) {
        if (matched < least && matched == 0)
            add_with_causes(c, problem(c, "min %s items required to match contains schema, but none matched",
                                       count_text(c, least)), &causes);
        else if (matched < least)
            add_with_causes(c, problem(c, "min %s items required to match contains schema, but matched %s items at %s",
                                       count_text(c, least), count_text(c, matched), buf_cstr(&places)), &causes);
    } else if (matched == 0) {
        add_with_causes(c, problem(c, "no items match contains schema"), &causes);
    }
    if (count_keyword(c, "maxContains", 2019, &most) && matched > most)
        FAIL(c, "max %s items required to match contains schema, but matched %s items at %s", count_text(c, most),
             count_text(c, matched), buf_cstr(&places));
}

static void check_list(struct check *c)
{
    int64_t limit, len = (int64_t)value_len(c->instance);
    if (count_keyword(c, "minItems", 4, &limit) && len < limit)
        FAIL(c, "minItems: got %s, want %s", count_text(c, len), count_text(c, limit));
    if (count_keyword(c, "maxItems", 4, &limit) && len > limit)
        FAIL(c, "maxItems: got %s, want %s", count_text(c, len), count_text(c, limit));
    check_unique(c);
    check_items(c);
    check_contains(c);
}

// ---- strings and numbers --------------------------------------------------------------------------------------------------

static void check_string(struct check *c)
{
    struct slice text = value_slice(c->instance);
    int64_t limit, len = (int64_t)utf8_count(text.data, text.len);
    if (count_keyword(c, "minLength", 4, &limit) && len < limit)
        FAIL(c, "minLength: got %s, want %s", count_text(c, len), count_text(c, limit));
    if (count_keyword(c, "maxLength", 4, &limit) && len > limit)
        FAIL(c, "maxLength: got %s, want %s", count_text(c, len), count_text(c, limit));
    struct value pattern = value_get(c->schema, "pattern");
    if (!value_is(pattern, V_STRING))
        return;
    struct error ignored cleanup(error_clear) = {0};
    const struct regex *re = regex_cached(pattern.data, pattern.len, &ignored);
    if (re && !regex_is_match(re, text))
        FAIL(c, "%s does not match pattern %s", problem_quote(c->v->arena, text),
             problem_quote(c->v->arena, value_slice(pattern)));
}

enum bound { AT_LEAST, AT_MOST, ABOVE, BELOW };

static bool holds(enum bound bound, double got, double want)
{
    switch (bound) {
    case AT_LEAST: return got >= want;
    case AT_MOST: return got <= want;
    case ABOVE: return got > want;
    default: return got < want;
    }
}

// In draft 4 a boolean exclusiveMinimum sharpens minimum; later it is a number of its own.
static void check_bound(struct check *c, const char *plain, const char *exclusive, enum bound loose, enum bound strict)
{
    struct value limit = value_get(c->schema, plain), sharp = value_get(c->schema, exclusive);
    double got = value_num(c->instance);
    if (value_is(sharp, V_BOOL) && sharp.boolean) {
        sharp = limit;
        limit = VALUE_NULL;
    }
    if (is_number(limit) && !holds(loose, got, value_num(limit)))
        FAIL(c, "%s: got %s, want %s", plain, problem_number(c->v->arena, got),
             problem_number(c->v->arena, value_num(limit)));
    if (is_number(sharp) && !holds(strict, got, value_num(sharp)))
        FAIL(c, "%s: got %s, want %s", exclusive, problem_number(c->v->arena, got),
             problem_number(c->v->arena, value_num(sharp)));
}

static void check_number(struct check *c)
{
    check_bound(c, "minimum", "exclusiveMinimum", AT_LEAST, ABOVE);
    check_bound(c, "maximum", "exclusiveMaximum", AT_MOST, BELOW);
    struct value step = value_get(c->schema, "multipleOf");
    if (!is_number(step) || value_num(step) == 0)
        return;
    // Both are decimal texts; their doubles miss a whole quotient by a rounding error at most.
    double got = value_num(c->instance), quotient = got / value_num(step);
    if (fabs(quotient - nearbyint(quotient)) > 1e-9 * fmax(1, fabs(quotient)))
        FAIL(c, "multipleOf: got %s, want %s", problem_number(c->v->arena, got),
             problem_number(c->v->arena, value_num(step)));
}

// ---- combining ------------------------------------------------------------------------------------------------------------

static void check_all_of(struct check *c, struct value list)
{
    struct problem causes = {0};
    for (size_t i = 0; i < value_len(list); i++) {
        struct problem *p = apply_same(c, value_at(list, i), c->quiet);
        if (p)
            vec_push(c->v->arena, &causes.causes, p);
    }
    if (causes.causes.len > 0)
        add_with_causes(c, problem(c, "'allOf' failed"), &causes);
}

static void check_any_of(struct check *c, struct value list)
{
    struct problem causes = {0};
    bool matched = false;
    for (size_t i = 0; i < value_len(list); i++) {
        struct problem *p = apply_same(c, value_at(list, i), c->quiet);
        if (p) {
            vec_push(c->v->arena, &causes.causes, p);
            continue;
        }
        matched = true;
        if (is_left_empty(c->left))
            break;
    }
    if (!matched)
        add_with_causes(c, problem(c, "'anyOf' failed"), &causes);
}

static void check_one_of(struct check *c, struct value list)
{
    struct problem causes = {0};
    ptrdiff_t matched = -1;
    for (size_t i = 0; i < value_len(list); i++) {
        struct problem *p = apply_same(c, value_at(list, i), c->quiet || matched >= 0);
        if (p) {
            vec_push(c->v->arena, &causes.causes, p);
        } else if (matched < 0) {
            matched = (ptrdiff_t)i;
        } else {
            FAIL(c, "'oneOf' failed, subschemas %s, %s matched", count_text(c, matched), count_text(c, (int64_t)i));
            return;
        }
    }
    if (matched < 0)
        add_with_causes(c, problem(c, "'oneOf' failed, none matched"), &causes);
}

static void check_combined(struct check *c)
{
    struct value schema, then;
    if (keyword(c, "not", 4, &schema) && !apply_same(c, schema, true))
        FAIL(c, "'not' failed");
    if (keyword(c, "allOf", 4, &schema) && value_len(schema) > 0)
        check_all_of(c, schema);
    if (keyword(c, "anyOf", 4, &schema) && value_len(schema) > 0)
        check_any_of(c, schema);
    if (keyword(c, "oneOf", 4, &schema) && value_len(schema) > 0)
        check_one_of(c, schema);
    if (keyword(c, "if", 7, &schema) &&
        keyword(c, apply_same(c, schema, true) ? "else" : "then", 7, &then))
        add(c, apply_same(c, then, c->quiet));
}

static void check_unevaluated(struct check *c)
{
    struct value schema;
    if (value_is(c->instance, V_DICT) && keyword(c, "unevaluatedProperties", 2019, &schema)) {
        for (struct value_iter it = {0}; value_next(c->left->names, &it);)
            add(c, apply_part(c, schema, value_get_n(c->instance, it.key, it.key_len), it.key));
        c->left->names = VALUE_NULL;
    }
    if (value_is(c->instance, V_LIST) && keyword(c, "unevaluatedItems", 2019, &schema)) {
        for (size_t i = 0; i < c->left->item_count; i++)
            if (c->left->items[i])
                add(c, apply_item(c, schema, i));
        c->left->item_count = 0;
    }
}

// ---- applying -------------------------------------------------------------------------------------------------------------

static struct problem *apply_same(struct check *c, struct value schema, bool quiet)
{
    struct schema_place *place = schema_place_of(c->v->doc, schema);
    struct unevaluated left = left_of(c->v, c->instance, schema, place ? place->resource->draft : c->draft,
                                      !is_left_empty(c->left));
    struct problem *p = apply(c->v, &c->scope, schema, c->instance, c->scope.instance, c->quiet || quiet, &left);
    if (!p)
        merge_left(c->v, c->left, &left);
    return p;
}

static struct problem *apply_part(struct check *c, struct value schema, struct value part, const char *token)
{
    struct validator *v = c->v;
    const char *path = v->path;
    struct buf below = BUF_IN(v->arena);
    buf_printf(&below, "%s/", path);
    for (; *token; token++)
        buf_printf(&below, *token == '~' ? "~0" : *token == '/' ? "~1" : "%c", *token);
    v->path = buf_cstr(&below);
    struct schema_place *place = schema_place_of(v->doc, schema);
    struct unevaluated left = left_of(v, part, schema, place ? place->resource->draft : c->draft, false);
    struct problem *p = apply(v, &c->scope, schema, part, ++v->instances, c->quiet, &left);
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

static bool is_cycle(const struct scope *s)
{
    for (const struct scope *p = s->parent; p && p->instance == s->instance; p = p->parent)
        if (value_is(p->schema, V_DICT) && p->schema.dict == s->schema.dict)
            return true;
    return false;
}

static struct problem *apply(struct validator *v, const struct scope *parent, struct value schema, struct value instance,
                             size_t instance_number, bool quiet, struct unevaluated *left)
{
    struct check c = {.v = v, .schema = schema, .instance = instance, .quiet = quiet, .left = left};
    if (!value_is(schema, V_DICT))
        return value_is(schema, V_BOOL) && !schema.boolean ? problem(&c, "false schema") : NULL;
    const struct schema_place *place = schema_place_of(v->doc, schema);
    c.draft = place ? place->resource->draft : 2020;
    c.scope = (struct scope){.schema = schema, .place = place, .instance = instance_number, .parent = parent,
                             .depth = parent ? parent->depth + 1 : 0};
    if (is_cycle(&c.scope))
        return problem(&c, "the schema at %s refers to itself without end",
                       problem_quote(v->arena, slice_of(place ? place->pointer : "")));
    if (c.scope.depth > MAX_DEPTH || ++v->steps > MAX_STEPS)
        return problem(&c, "the schema takes too many steps or nests too deeply");

    struct problem *p;
    if ((p = check_type(&c)) || (p = check_const(&c)) || (p = check_enum(&c)) || (p = check_format(&c)))
        return p;
    struct value target;
    struct problem *failed = NULL;
    if (resolve(&c, "$ref", 4, &target, &failed)) {
        p = check_reference(&c, target);
        if (c.draft < 2019)
            return p;
        add(&c, p);
    }
    add(&c, failed);
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
    struct validator v = {.doc = doc, .arena = doc->arena, .path = ""};
    int draft = doc->resources.len > 0 ? doc->resources.items[0]->draft : 2020;
    struct unevaluated left = left_of(&v, instance, doc->root, draft, false);
    struct problem *p = apply(&v, NULL, doc->root, instance, 0, false, &left);
    if (!p)
        return true;
    struct buf text = BUF_IN(doc->arena);
    problem_print(&text, doc->arena, p);
    return error_set(err, ERROR_INVALID, "%s", buf_cstr(&text));
}
