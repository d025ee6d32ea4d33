// coalesce.c - how a chart's default values, its subcharts' and the user's become one tree (Helm's coalescing rules).
//
// What is higher wins: the user's values over the chart's, a chart's over its subcharts'. Dicts merge, lists and scalars are
// replaced, a null of the user deletes a default, and `global` is handed down to every subchart.

#include "chart/internal.h"

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

void coalesce_tables(struct arena *a, struct value dst, struct value src, bool merge)
{
    for (struct value_iter it = {0}; value_next(src, &it);) {
        struct value held;
        if (!find(dst, &it, &held)) {
            value_set_n(dst, it.key, it.key_len, it.value);
        } else if (value_is_null(held)) {
            // A null over a default deletes it; a null over a null (or nothing) is itself a value and stays.
            if (!merge && !value_is_null(it.value))
                value_unset(dst, it.key);
        } else if (value_is(it.value, V_DICT) && value_is(held, V_DICT)) {
            coalesce_tables(a, held, it.value, merge);
        }
    }
}

static bool has_subchart(const struct chart *c, const char *name)
{
    for (size_t i = 0; i < c->dependencies.len; i++)
        if (str_eq(chart_name(c->dependencies.items[i]), name))
            return true;
    return false;
}

static void coalesce_defaults(struct arena *a, const struct chart *c, struct value values, bool merge)
{
    struct value defaults = value_copy(a, c->values);
    for (struct value_iter it = {0}; value_next(defaults, &it);) {
        struct value held;
        if (!find(values, &it, &held)) {
            value_set_n(values, it.key, it.key_len, it.value);
        } else if (value_is_null(held) && !merge) {
            value_unset(values, it.key);
        } else if (value_is(held, V_DICT) && value_is(it.value, V_DICT)) {
            // A subchart's nulls have yet to meet the subchart's own defaults.
            coalesce_tables(a, held, it.value, merge || has_subchart(c, it.key));
        }
    }
}

// Hands src's globals down to dest, where src's win.
static void coalesce_globals(struct arena *a, struct value dest, struct value src)
{
    struct value theirs, ours;
    if (!value_find(dest, "global", 6, &theirs))
        theirs = value_dict(a);
    if (!value_find(src, "global", 6, &ours))
        ours = value_dict(a);
    if (!value_is(theirs, V_DICT) || !value_is(ours, V_DICT))
        return;
    for (struct value_iter it = {0}; value_next(ours, &it);) {
        struct value held;
        bool present = find(theirs, &it, &held);
        if (value_is(it.value, V_DICT)) {
            struct value copy = shallow_copy(a, it.value);
            if (present && !value_is(held, V_DICT))
                continue;
            if (present)
                coalesce_tables(a, copy, held, true);
            value_set_n(theirs, it.key, it.key_len, copy);
        } else if (!present || !value_is(held, V_DICT)) {
            value_set_n(theirs, it.key, it.key_len, it.value);
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

static bool coalesce_into(struct arena *a, const struct chart *c, struct value values, bool merge, struct error *err)
{
    coalesce_defaults(a, c, values, merge);
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
        coalesce_globals(a, table, values);
        if (!coalesce_into(a, sub, table, merge, err))
            return false;
    }
    return true;
}

bool coalesce_chart(struct arena *a, const struct chart *c, struct value values, bool merge, struct value *out,
                    struct error *err)
{
    *out = value_is(values, V_DICT) ? value_copy(a, values) : value_dict(a);
    return coalesce_into(a, c, *out, merge, err);
}

bool chart_coalesce(struct arena *a, const struct chart *c, struct value user_values, struct value *out, struct error *err)
{
    struct value plain;
    if (!coalesce_chart(a, c, user_values, false, &plain, err))
        return false;
    *out = value_dict_typed(a, "common.Values");
    for (struct value_iter it = {0}; value_next(plain, &it);)
        value_set_n(*out, it.key, it.key_len, it.value);
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
