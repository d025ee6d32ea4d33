// schema.c - a spec against its CRD's tables: defaults, and what is wrong in the API server's words.
#include "controller/schema.h"

#include "controller/runtime.h"
#include "regex/regex.h"

#include <math.h>

enum { SHOWN_MAX = 256 }; // of a value in an error text

// ---- defaults -------------------------------------------------------------------------------------------------------
static void fill_in(struct arena *a, const struct schema_node *node, struct value v);

static void fill_in_dict(struct arena *a, const struct schema_node *node, struct value v)
{
    for (size_t i = 0; i < node->property_count; i++) {
        const struct schema_property *p = &node->properties[i];
        struct value child = value_get(v, p->name);
        if (value_is_null(child) && p->node->fallback && !(p->node->nullable && value_has(v, p->name))) {
            struct error ignored cleanup(error_clear) = {0};
            if (json_parse(a, p->node->fallback, strlen(p->node->fallback), 0, &child, &ignored))
                value_set(v, p->name, child);
        }
        fill_in(a, p->node, child);
    }
}

static void fill_in(struct arena *a, const struct schema_node *node, struct value v)
{
    if (value_is(v, V_DICT)) {
        fill_in_dict(a, node, v);
        for (struct value_iter it = {0}; node->items && value_next(v, &it);)
            fill_in(a, node->items, it.value);
    } else if (value_is(v, V_LIST) && node->items) {
        for (size_t i = 0; i < value_len(v); i++)
            fill_in(a, node->items, value_at(v, i));
    }
}

void schema_default(struct arena *a, const struct schema *schema, struct value spec)
{
    fill_in(a, &schema->spec, spec);
}

bool schema_status_has(const struct schema *schema, const char *field)
{
    for (const char *const *f = schema->status_fields; *f; f++) {
        if (str_eq(*f, field))
            return true;
    }
    return false;
}

// ---- checks ---------------------------------------------------------------------------------------------------------
struct check {
    struct arena *arena;
    const struct schema_rule *rules;
    size_t rule_count;
    struct error *err;
};

static const char *const type_names[] = {"", "object", "array", "string", "integer", "number", "boolean"};

static enum schema_type type_of(struct value v)
{
    static const enum schema_type types[] = {
        [V_BOOL] = SCHEMA_BOOLEAN,  [V_INT] = SCHEMA_INTEGER, [V_FLOAT] = SCHEMA_NUMBER,
        [V_STRING] = SCHEMA_STRING, [V_LIST] = SCHEMA_ARRAY,  [V_DICT] = SCHEMA_OBJECT};
    return v.kind < ARRAY_LEN(types) ? types[v.kind] : SCHEMA_ANY;
}

static const char *shown(struct check *c, struct value v)
{
    const char *text = json_text(c->arena, v);
    return strlen(text) <= SHOWN_MAX ? text : arena_printf(c->arena, "%.*s…", SHOWN_MAX, text);
}

static bool invalid(struct check *c, const char *path, struct value v, const char *fmt, ...) PRINTF(4, 5);
static bool invalid(struct check *c, const char *path, struct value v, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *what = arena_vprintf(c->arena, fmt, args);
    va_end(args);
    return error_set(c->err, ERROR_INVALID, "%s: Invalid value: %s: %s in body %s", path, shown(c, v), path, what);
}

static bool check_type(struct check *c, const struct schema_node *n, const char *path, struct value v)
{
    enum schema_type type = type_of(v);
    bool whole = type == SCHEMA_NUMBER && v.number == trunc(v.number);
    if (n->type == SCHEMA_ANY || n->type == type || (n->type == SCHEMA_NUMBER && type == SCHEMA_INTEGER) ||
        (n->type == SCHEMA_INTEGER && whole))
        return true;
    return error_set(c->err, ERROR_INVALID, "%s: Invalid value: \"%s\": %s in body must be of type %s: \"%s\"", path,
                     type_names[type], path, type_names[n->type], type_names[type]);
}

static bool check_enum(struct check *c, const struct schema_node *n, const char *path, struct value v)
{
    if (!n->allowed)
        return true;
    const char *text = json_text(c->arena, v);
    struct buf list = BUF_IN(c->arena);
    for (const char *const *allowed = n->allowed; *allowed; allowed++) {
        if (str_eq(text, *allowed))
            return true;
        buf_printf(&list, "%s%s", list.len ? ", " : "", *allowed);
    }
    return error_set(c->err, ERROR_INVALID, "%s: Unsupported value: %s: supported values: %s", path, shown(c, v),
                     buf_cstr(&list));
}

static bool check_size(struct check *c, const struct schema_node *n, const char *path, struct value v)
{
    bool text = value_is(v, V_STRING);
    if (!text && !value_is(v, V_LIST) && !value_is(v, V_DICT))
        return true;
    const char *unit = text ? "chars long" : value_is(v, V_LIST) ? "items" : "properties";
    int64_t size = text ? (int64_t)utf8_count(v.data, v.len) : (int64_t)value_len(v);
    if (n->max_length >= 0 && size > n->max_length)
        return invalid(c, path, v, "should %s at most %lld %s", text ? "be" : "have", (long long)n->max_length, unit);
    if (n->min_length >= 0 && size < n->min_length)
        return invalid(c, path, v, "should %s at least %lld %s", text ? "be" : "have", (long long)n->min_length, unit);
    return true;
}

static bool check_pattern(struct check *c, const struct schema_node *n, const char *path, struct value v)
{
    if (!n->pattern || !value_is(v, V_STRING))
        return true;
    const struct regex *re = regex_cached(n->pattern, strlen(n->pattern), c->err);
    if (!re)
        return error_wrap(c->err, "%s", path);
    return regex_is_match(re, value_slice(v)) || invalid(c, path, v, "should match '%s'", n->pattern);
}

static bool check_range(struct check *c, const struct schema_node *n, const char *path, struct value v)
{
    if (!value_is(v, V_INT) && !value_is(v, V_FLOAT))
        return true;
    if (n->has_minimum && value_num(v) < n->minimum)
        return invalid(c, path, v, "should be greater than or equal to %g", n->minimum);
    if (n->has_maximum && value_num(v) > n->maximum)
        return invalid(c, path, v, "should be less than or equal to %g", n->maximum);
    return true;
}

static const struct schema_rule *rule_of(const struct schema_rule *rules, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(rules[i].rule, text))
            return &rules[i];
    }
    return NULL;
}

static bool check_rules(struct check *c, const struct schema_node *n, const char *path, struct value v)
{
    for (size_t i = 0; i < n->validation_count; i++) {
        const struct schema_validation *validation = &n->validations[i];
        const struct schema_rule *rule = rule_of(c->rules, c->rule_count, validation->rule);
        if (!rule)
            return error_set(c->err, ERROR_INVALID, "%s: the rule `%s` is not supported by Runnel yet", path,
                             validation->rule);
        if (!rule->check(v))
            return error_set(c->err, ERROR_INVALID, "%s: Invalid value: \"%s\": %s", path, type_names[type_of(v)],
                             validation->message);
    }
    return true;
}

static bool check_node(struct check *c, const struct schema_node *n, const char *path, struct value v);

static bool check_children(struct check *c, const struct schema_node *n, const char *path, struct value v)
{
    for (const char *const *required = n->required; required && *required && value_is(v, V_DICT); required++) {
        if (!value_has(v, *required))
            return error_set(c->err, ERROR_INVALID, "%s.%s: Required value", path, *required);
    }
    for (size_t i = 0; i < n->property_count && value_is(v, V_DICT); i++) {
        const struct schema_property *p = &n->properties[i];
        struct value child = value_get(v, p->name);
        if (!value_is_null(child) && !check_node(c, p->node, arena_printf(c->arena, "%s.%s", path, p->name), child))
            return false;
    }
    if (!n->items)
        return true;
    for (struct value_iter it = {0}; value_is(v, V_DICT) && value_next(v, &it);) {
        if (!check_node(c, n->items, arena_printf(c->arena, "%s.%s", path, it.key), it.value))
            return false;
    }
    for (size_t i = 0; value_is(v, V_LIST) && i < value_len(v); i++) {
        if (!check_node(c, n->items, arena_printf(c->arena, "%s[%zu]", path, i), value_at(v, i)))
            return false;
    }
    return true;
}

static bool check_node(struct check *c, const struct schema_node *n, const char *path, struct value v)
{
    return check_type(c, n, path, v) && check_enum(c, n, path, v) && check_size(c, n, path, v) &&
           check_pattern(c, n, path, v) && check_range(c, n, path, v) && check_children(c, n, path, v) &&
           check_rules(c, n, path, v);
}

bool schema_check(struct arena *a, const struct schema *schema, const struct schema_rule *rules, size_t rule_count,
                  struct value spec, struct error *err)
{
    struct check c = {a, rules, rule_count, err};
    return check_node(&c, &schema->spec, "spec", spec);
}

static bool rules_cover_node(const struct schema_node *n, const struct schema_rule *rules, size_t count,
                             struct error *err)
{
    for (size_t i = 0; i < n->validation_count; i++) {
        if (!rule_of(rules, count, n->validations[i].rule))
            return error_set(err, ERROR_INVALID, "nobody carries out the rule `%s`", n->validations[i].rule);
    }
    for (size_t i = 0; i < n->property_count; i++) {
        if (!rules_cover_node(n->properties[i].node, rules, count, err))
            return false;
    }
    return !n->items || rules_cover_node(n->items, rules, count, err);
}

bool schema_rules_cover(const struct schema *schema, const struct schema_rule *rules, size_t count, struct error *err)
{
    return rules_cover_node(&schema->spec, rules, count, err) || error_wrap(err, "%s", schema->kind);
}

bool spec_check(struct arena *a, const struct controller_kind *kind, struct value spec, const char **reason,
                struct error *err)
{
    *reason = "UnsupportedKind";
    if (kind->refused)
        return error_set(err, ERROR_INVALID, "%s", kind->refused);
    *reason = "UnsupportedField";
    if (!fields_check(a, kind->schema, kind->fields, kind->field_count, spec, err))
        return false;
    *reason = "InvalidSpec";
    return !kind->schema || schema_check(a, kind->schema, kind->rules, kind->rule_count, spec, err);
}
