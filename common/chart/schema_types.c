// schema_types.c - the keywords of JSON Schema that look at one type: objects, lists, strings, numbers.

#include "chart/schema_check.h"

#include <math.h>
#include <stdio.h>

// minItems and maxItems, and their like: how many there may be.
static void check_size(struct check *c, const char *least, const char *most, size_t size)
{
    int64_t limit, got = (int64_t)size;
    if (check_count_keyword(c, least, 4, &limit) && got < limit)
        FAIL(c, "%s: got %s, want %s", least, check_count_text(c, got), check_count_text(c, limit));
    if (check_count_keyword(c, most, 4, &limit) && got > limit)
        FAIL(c, "%s: got %s, want %s", most, check_count_text(c, got), check_count_text(c, limit));
}

// ---- objects ------------------------------------------------------------------------------------------------------

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
    if (!check_keyword(c, "required", 4, &names) || !value_is(names, V_LIST))
        return;
    struct value list = missing(c, names);
    if (value_len(list) > 0)
        FAIL(c, value_len(list) == 1 ? "missing property %s" : "missing properties %s", check_join_quoted(c, list));
}

// dependencies, dependentSchemas, dependentRequired: what the presence of one property asks of the others.
static void check_dependent(struct check *c, const char *name, int draft)
{
    struct value dict;
    if (!check_keyword(c, name, draft, &dict) || !value_is(dict, V_DICT))
        return;
    for (struct value_iter it = {0}; value_next(dict, &it);) {
        if (!value_has(c->instance, it.key))
            continue;
        if (!value_is(it.value, V_LIST)) {
            if (!str_eq(name, "dependentRequired"))
                check_add(c, check_same(c, it.value, c->quiet));
            continue;
        }
        struct value list = missing(c, it.value);
        if (value_len(list) > 0 && !str_eq(name, "dependentSchemas"))
            FAIL(c, "properties %s required, if %s exists", check_join_quoted(c, list),
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
            check_add(c, check_part(c, p.value, property->value, property->key));
        }
    }
    return evaluated;
}

static void check_properties(struct check *c)
{
    struct value properties = value_get(c->schema, "properties"), patterns = value_get(c->schema, "patternProperties");
    struct value additional, refused = value_list(c->v->arena), schema;
    bool has_additional = check_keyword(c, "additionalProperties", 4, &additional);
    for (struct value_iter it = {0}; value_next(c->instance, &it);) {
        bool evaluated = false;
        if (value_is(properties, V_DICT) && value_find(properties, it.key, it.key_len, &schema)) {
            evaluated = true;
            check_add(c, check_part(c, schema, it.value, it.key));
        }
        if (value_is(patterns, V_DICT))
            evaluated |= check_patterns(c, patterns, &it);
        if (!evaluated && has_additional) {
            evaluated = true;
            if (!value_is(additional, V_BOOL))
                check_add(c, check_part(c, additional, it.value, it.key));
            else if (!additional.boolean)
                value_push(refused, value_string_n(it.key, it.key_len));
        }
        if (evaluated)
            value_unset(c->left->names, it.key);
    }
    if (value_len(refused) > 0)
        FAIL(c, "additional properties %s not allowed", check_join_quoted(c, refused));
}

static void check_property_names(struct check *c)
{
    struct value schema;
    if (!check_keyword(c, "propertyNames", 6, &schema))
        return;
    for (struct value_iter it = {0}; value_next(c->instance, &it);) {
        struct value name = value_string_n(it.key, it.key_len);
        const char *path = c->v->path;
        c->v->path = ""; // a name has no place of its own
        struct problem *p = check_apply(c->v, &c->scope, schema, name, ++c->v->instances, c->quiet, &(struct unevaluated){0});
        c->v->path = path;
        if (!p)
            continue;
        struct problem *bad = check_problem(c, "invalid propertyName %s", problem_quote(c->v->arena, value_slice(name)));
        if (!c->quiet) {
            bad->path = "";
            if (p->group)
                bad->causes = p->causes;
            else
                vec_push(c->v->arena, &bad->causes, p);
        }
        check_add(c, bad);
    }
}

void check_object(struct check *c)
{
    check_size(c, "minProperties", "maxProperties", value_len(c->instance));
    check_required(c);
    check_dependent(c, "dependencies", 4);
    check_properties(c);
    check_property_names(c);
    check_dependent(c, "dependentSchemas", 2019);
    check_dependent(c, "dependentRequired", 2019);
}

// ---- lists --------------------------------------------------------------------------------------------------------

struct problem *check_item(struct check *c, struct value schema, size_t i)
{
    char token[24];
    snprintf(token, sizeof token, "%zu", i);
    return check_part(c, schema, value_at(c->instance, i), token);
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
                FAIL(c, "items at %s and %s are equal", check_count_text(c, (int64_t)j), check_count_text(c, (int64_t)i));
                return;
            }
        }
}

static void check_items(struct check *c)
{
    size_t len = value_len(c->instance), done = 0;
    struct value first = value_get(c->schema, c->draft < 2020 ? "items" : "prefixItems"), rest;
    bool has_rest = check_keyword(c, c->draft < 2020 ? "additionalItems" : "items", 4, &rest);
    if (c->draft < 2020 && !value_is(first, V_LIST)) {
        rest = first;
        has_rest = !value_is_null(first);
    } else if (value_is(first, V_LIST)) {
        for (; done < len && done < value_len(first); done++)
            check_add(c, check_item(c, value_at(first, done), done));
        if (c->draft < 2020 && has_rest && value_is(rest, V_BOOL)) {
            if (!rest.boolean && done < len)
                FAIL(c, "last %s additionalItem(s) not allowed", check_count_text(c, (int64_t)(len - done)));
            return;
        }
    }
    // Helm's validator counts the places of the rest from 0 again.
    for (size_t i = done; has_rest && i < len; i++) {
        char token[24];
        snprintf(token, sizeof token, "%zu", i - done);
        check_add(c, check_part(c, rest, value_at(c->instance, i), token));
    }
}

static void check_contains(struct check *c)
{
    struct value schema;
    if (!check_keyword(c, "contains", 6, &schema))
        return;
    struct problem causes = {0};
    struct buf places = BUF_IN(c->v->arena);
    int64_t matched = 0, least, most;
    for (size_t i = 0; i < value_len(c->instance); i++) {
        struct problem *p = check_item(c, schema, i);
        if (p) {
            vec_push(c->v->arena, &causes.causes, p);
            continue;
        }
        buf_printf(&places, "%s%zu", matched++ ? " " : "", i);
        if (c->draft >= 2020 && i < c->left->item_count)
            c->left->items[i] = false;
    }
    if (check_count_keyword(c, "minContains", 2019, &least)) {
        if (matched < least && matched == 0)
            check_add_causes(c, check_problem(c, "min %s items required to match contains schema, but none matched",
                                       check_count_text(c, least)), &causes);
        else if (matched < least)
            check_add_causes(c, check_problem(c, "min %s items required to match contains schema, but matched %s items at %s",
                                       check_count_text(c, least), check_count_text(c, matched), buf_cstr(&places)), &causes);
    } else if (matched == 0) {
        check_add_causes(c, check_problem(c, "no items match contains schema"), &causes);
    }
    if (check_count_keyword(c, "maxContains", 2019, &most) && matched > most)
        FAIL(c, "max %s items required to match contains schema, but matched %s items at %s", check_count_text(c, most),
             check_count_text(c, matched), buf_cstr(&places));
}

void check_list(struct check *c)
{
    check_size(c, "minItems", "maxItems", value_len(c->instance));
    check_unique(c);
    check_items(c);
    check_contains(c);
}

// ---- strings and numbers ------------------------------------------------------------------------------------------

void check_string(struct check *c)
{
    struct slice text = value_slice(c->instance);
    check_size(c, "minLength", "maxLength", utf8_count(text.data, text.len));
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
    if (check_is_number(limit) && !holds(loose, got, value_num(limit)))
        FAIL(c, "%s: got %s, want %s", plain, problem_number(c->v->arena, got),
             problem_number(c->v->arena, value_num(limit)));
    if (check_is_number(sharp) && !holds(strict, got, value_num(sharp)))
        FAIL(c, "%s: got %s, want %s", exclusive, problem_number(c->v->arena, got),
             problem_number(c->v->arena, value_num(sharp)));
}

void check_number(struct check *c)
{
    check_bound(c, "minimum", "exclusiveMinimum", AT_LEAST, ABOVE);
    check_bound(c, "maximum", "exclusiveMaximum", AT_MOST, BELOW);
    struct value step = value_get(c->schema, "multipleOf");
    if (!check_is_number(step) || value_num(step) == 0)
        return;
    // Both are decimal texts; their doubles miss a whole quotient by a rounding error at most.
    double got = value_num(c->instance), quotient = got / value_num(step);
    if (fabs(quotient - nearbyint(quotient)) > 1e-9 * fmax(1, fabs(quotient)))
        FAIL(c, "multipleOf: got %s, want %s", problem_number(c->v->arena, got),
             problem_number(c->v->arena, value_num(step)));
}
