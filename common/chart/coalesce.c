// coalesce.c - how a chart's default values, its subcharts' and the user's become one tree (Helm's coalescing rules).
//
// What is higher wins: the user's values over the chart's, a chart's over its subcharts'. Dicts merge, lists and scalars are
// replaced, a null of the user deletes a default, and `global` is handed down to every subchart.

#include "chart/internal.h"

// What all of one coalescing shares.
struct coalescing {
    struct arena *arena;
    struct chart_notices *notices;
};

// The dotted path of a table, for notices: "chart.sub.key".
struct prefix {
    const struct prefix *above;
    const char *name;
};

static void add_prefix(struct buf *out, const struct prefix *p)
{
    if (!p)
        return;
    add_prefix(out, p->above);
    if (out->len > 0)
        buf_char(out, '.');
    buf_str(out, p->name);
}

// `before`, the path, then `after` and, where it is given, the value in round brackets.
static void notice(const struct coalescing *co, const char *before, const struct prefix *path, const char *after,
                   const struct value *shown)
{
    if (!co->notices)
        return;
    struct buf text = BUF_IN(co->arena);
    buf_str(&text, before);
    struct buf dotted = BUF_IN(co->arena);
    add_prefix(&dotted, path);
    buf_str(&text, buf_cstr(&dotted));
    buf_str(&text, after);
    if (shown) {
        buf_str(&text, " (");
        go_print_value(&text, *shown);
        buf_char(&text, ')');
    }
    chart_notice(co->notices, "INFO", buf_cstr(&text), NULL);
}

static struct value shallow_copy(struct arena *a, struct value dict)
{
    struct value copy = value_dict(a);
    for (struct value_iter it = {0}; value_next(dict, &it);)
        value_set_n(copy, it.key, it.key_len, it.value);
    return copy;
}

static bool find(struct value dict, const struct value_iter *it, struct value *out)
{
    return value_find(dict, it->key, it->key_len, out);
}

static void merge_tables(const struct coalescing *co, struct value dst, struct value src, const struct prefix *path,
                         bool merge)
{
    for (struct value_iter it = {0}; value_next(src, &it);) {
        const struct prefix full = {path, it.key};
        struct value held;
        if (!find(dst, &it, &held)) {
            value_set_n(dst, it.key, it.key_len, it.value);
        } else if (value_is_null(held)) {
            // A null over a default deletes it; a null over a null (or nothing) is itself a value and stays.
            if (!merge && !value_is_null(it.value))
                value_unset(dst, it.key);
        } else if (value_is(it.value, V_DICT)) {
            if (value_is(held, V_DICT))
                merge_tables(co, held, it.value, &full, merge);
            else
                notice(co, "warning: cannot overwrite table with non table for ", &full, "", &it.value);
        } else if (value_is(held, V_DICT) && !value_is_null(it.value)) {
            notice(co, "warning: destination for ", &full, " is a table. Ignoring non-table value", &it.value);
        }
    }
    // Helm writes dst's nulls into src, which shows where src is used afterwards: in import-values.
    if (merge)
        for (struct value_iter it = {0}; value_next(dst, &it);)
            if (value_is_null(it.value))
                value_set_n(src, it.key, it.key_len, VALUE_NULL);
}

void coalesce_tables(struct arena *a, struct value dst, struct value src, struct chart_notices *notices)
{
    merge_tables(&(struct coalescing){a, notices}, dst, src, NULL, true);
}

static bool has_subchart(const struct chart *c, const char *name)
{
    for (size_t i = 0; i < c->dependencies.len; i++)
        if (str_eq(chart_name(c->dependencies.items[i]), name))
            return true;
    return false;
}

static void coalesce_defaults(const struct coalescing *co, const struct chart *c, struct value values,
                              const struct prefix *path, bool merge)
{
    struct value defaults = value_copy_tree(co->arena, c->values);
    for (struct value_iter it = {0}; value_next(defaults, &it);) {
        const struct prefix full = {path, it.key};
        struct value held;
        if (!find(values, &it, &held)) {
            value_set_n(values, it.key, it.key_len, it.value);
        } else if (value_is_null(held) && !merge) {
            value_unset(values, it.key);
        } else if (value_is(held, V_DICT)) {
            // A subchart's nulls have yet to meet the subchart's own defaults.
            if (value_is(it.value, V_DICT))
                merge_tables(co, held, it.value, &full, merge || has_subchart(c, it.key));
            else if (!value_is_null(it.value))
                notice(co, "warning: skipped value for ", &full, ": Not a table.", NULL);
        }
    }
}

static void say(const struct coalescing *co, const char *message)
{
    chart_notice(co->notices, "INFO", message, NULL);
}

// Hands src's globals down to dest, where src's win.
static void coalesce_globals(const struct coalescing *co, struct value dest, struct value src, const struct prefix *path)
{
    struct arena *a = co->arena;
    struct value theirs, ours;
    if (!value_find(dest, "global", 6, &theirs))
        theirs = value_dict(a);
    if (!value_find(src, "global", 6, &ours))
        ours = value_dict(a);
    if (!value_is(theirs, V_DICT)) {
        say(co, "warning: skipping globals because destination global is not a table.");
        return;
    }
    if (!value_is(ours, V_DICT)) {
        say(co, "warning: skipping globals because source global is not a table.");
        return;
    }
    for (struct value_iter it = {0}; value_next(ours, &it);) {
        struct value held;
        bool present = find(theirs, &it, &held);
        if (value_is(it.value, V_DICT)) {
            struct value copy = shallow_copy(a, it.value);
            if (present && !value_is(held, V_DICT)) {
                struct buf text = BUF_IN(a);
                buf_str(&text, "Conflict: cannot merge map onto non-map for ");
                go_quote(&text, it.key, it.key_len);
                buf_str(&text, ". Skipping.");
                say(co, buf_cstr(&text));
                continue;
            }
            if (present)
                merge_tables(co, copy, held, &(struct prefix){path, it.key}, true);
            value_set_n(theirs, it.key, it.key_len, copy);
        } else if (!present || !value_is(held, V_DICT)) {
            value_set_n(theirs, it.key, it.key_len, it.value);
        } else {
            say(co, arena_printf(a, "key %s is table. Skipping", it.key));
        }
    }
    value_set(dest, "global", theirs);
}

// fmt's %t of something that is no boolean. A nil inside of something reads otherwise than one alone.
static void print_no_bool(struct buf *out, struct value v, bool inside)
{
    if (value_is(v, V_BOOL)) {
        buf_str(out, v.boolean ? "true" : "false");
    } else if (value_is(v, V_LIST)) {
        buf_char(out, '[');
        for (size_t i = 0; i < value_len(v); i++) {
            if (i)
                buf_char(out, ' ');
            print_no_bool(out, value_at(v, i), true);
        }
        buf_char(out, ']');
    } else if (value_is(v, V_DICT)) {
        buf_str(out, "map[");
        for (struct value_iter it = {0}; value_next(v, &it);) {
            if (it.i > 1)
                buf_char(out, ' ');
            print_no_bool(out, value_string_n(it.key, it.key_len), true);
            buf_char(out, ':');
            print_no_bool(out, it.value, true);
        }
        buf_char(out, ']');
    } else if (value_is_null(v)) {
        buf_str(out, inside ? "<nil>" : "%!t(<nil>)");
    } else {
        buf_printf(out, "%%!t(%s=", value_go_type(v));
        go_print_value(out, v);
        buf_char(out, ')');
    }
}

static bool coalesce_into(const struct coalescing *co, const struct chart *c, struct value values,
                          const struct prefix *above, bool merge, struct error *err)
{
    struct arena *a = co->arena;
    const struct prefix path = {above, chart_name(c)};
    coalesce_defaults(co, c, values, &path, merge);
    for (size_t i = 0; i < c->dependencies.len; i++) {
        const struct chart *sub = c->dependencies.items[i];
        const char *name = chart_name(sub);
        struct value table;
        if (!value_find(values, name, strlen(name), &table)) {
            table = value_dict(a);
            value_set(values, name, table);
        } else if (!value_is(table, V_DICT)) {
            struct buf text = BUF_IN(a);
            print_no_bool(&text, table, false);
            return error_set(err, ERROR_INVALID, "type mismatch on %s: %s", name, buf_cstr(&text));
        }
        coalesce_globals(co, table, values, &path);
        if (!coalesce_into(co, sub, table, &path, merge, err))
            return false;
    }
    return true;
}

bool coalesce_chart(struct arena *a, const struct chart *c, struct value values, bool merge, struct value *out,
                    struct error *err)
{
    *out = value_is(values, V_DICT) ? value_copy_tree(a, values) : value_dict(a);
    const struct coalescing co = {a, c->notices};
    return coalesce_into(&co, c, *out, NULL, merge, err);
}

bool chart_coalesce(struct arena *a, const struct chart *c, struct value user_values, struct value *out, struct error *err)
{
    if (!coalesce_chart(a, c, user_values, false, out, err))
        return false;
    out->reserved |= VALUE_AS_VALUES;
    return true;
}

void chart_merge_values(struct arena *a, struct value into, struct value from)
{
    for (struct value_iter it = {0}; value_next(from, &it);) {
        struct value held;
        if (value_is(it.value, V_DICT) && find(into, &it, &held) && value_is(held, V_DICT)) {
            struct value merged = shallow_copy(a, held); // `from` may be somebody's; `held` may be shared
            chart_merge_values(a, merged, it.value);
            value_set_n(into, it.key, it.key_len, merged);
        } else {
            value_set_n(into, it.key, it.key_len, it.value);
        }
    }
}
