// sprig_lists.c - Sprig's functions on lists. Each gives a new list; none changes the one it was given.
#include "template/sprig.h"

#include <stdlib.h>

static bool is_list(struct value v)
{
    return v.kind == V_LIST || v.kind == V_BYTES;
}

static struct value item_at(struct value list, size_t i)
{
    return list.kind == V_BYTES ? value_int_of(GO_UINT8, (uint8_t)list.data[i]) : value_at(list, i);
}

// Words with one hole for the kind of what is no list. Go takes the kind of nil's type, and falls over it.
static bool wrong_kind(struct template_call *call, const char *before, const char *after, struct value v)
{
    if (v.kind == V_NULL)
        return sprig_fail(call, "runtime error: invalid memory address or nil pointer dereference");
    return sprig_fail(call, "%s%s%s", before, value_go_kind(v), after);
}

static struct value items_between(struct template_call *call, struct value list, size_t from, size_t to)
{
    struct value out = value_list(call->arena);
    for (size_t i = from; i < to; i++)
        value_push(out, item_at(list, i));
    return out;
}

// A list that Sprig appends to, item after item.
static struct value growing(struct template_call *call)
{
    struct value out = value_list(call->arena);
    value_made(out, GO_SLICE_GROWN);
    return out;
}

static bool fn_list(struct template_call *call, struct value *result)
{
    *result = value_list(call->arena);
    for (size_t i = 0; i < call->argc; i++)
        value_push(*result, call->args[i]);
    return true;
}

static bool fn_append(struct template_call *call, struct value *result)
{
    struct value list = call->args[0];
    if (!is_list(list))
        return wrong_kind(call, "Cannot push on type ", "", list);
    *result = items_between(call, list, 0, value_len(list));
    value_push(*result, call->args[1]);
    value_made(*result, GO_SLICE_APPENDED);
    return true;
}

static bool fn_prepend(struct template_call *call, struct value *result)
{
    struct value list = call->args[0];
    if (!is_list(list))
        return wrong_kind(call, "Cannot prepend on type ", "", list);
    *result = value_list(call->arena);
    value_push(*result, call->args[1]);
    for (size_t i = 0; i < value_len(list); i++)
        value_push(*result, item_at(list, i));
    value_made(*result, GO_SLICE_PREPENDED);
    return true;
}

static bool fn_first(struct template_call *call, struct value *result)
{
    struct value list = call->args[0];
    if (!is_list(list))
        return wrong_kind(call, "Cannot find first on type ", "", list);
    if (value_len(list))
        *result = item_at(list, 0);
    return true;
}

static bool fn_last(struct template_call *call, struct value *result)
{
    struct value list = call->args[0];
    if (!is_list(list))
        return wrong_kind(call, "Cannot find last on type ", "", list);
    if (value_len(list))
        *result = item_at(list, value_len(list) - 1);
    return true;
}

static bool fn_rest(struct template_call *call, struct value *result)
{
    struct value list = call->args[0];
    if (!is_list(list))
        return wrong_kind(call, "Cannot find rest on type ", "", list);
    *result = items_between(call, list, 1, value_len(list));
    if (value_len(list) == 0)
        *result = value_as_nil(*result);
    return true;
}

static bool fn_initial(struct template_call *call, struct value *result)
{
    struct value list = call->args[0];
    if (!is_list(list))
        return wrong_kind(call, "Cannot find initial on type ", "", list);
    *result = items_between(call, list, 0, value_len(list) ? value_len(list) - 1 : 0);
    if (value_len(list) == 0)
        *result = value_as_nil(*result);
    return true;
}

static bool fn_reverse(struct template_call *call, struct value *result)
{
    struct value list = call->args[0];
    if (!is_list(list))
        return wrong_kind(call, "Cannot find reverse on type ", "", list);
    *result = value_list(call->arena);
    for (size_t i = value_len(list); i > 0; i--)
        value_push(*result, item_at(list, i - 1));
    return true;
}

static bool fn_compact(struct template_call *call, struct value *result)
{
    struct value list = call->args[0];
    if (!is_list(list))
        return wrong_kind(call, "Cannot compact on type ", "", list);
    *result = growing(call);
    for (size_t i = 0; i < value_len(list); i++)
        if (!sprig_empty(item_at(list, i)))
            value_push(*result, item_at(list, i));
    return true;
}

static bool holds(struct value list, struct value wanted)
{
    for (size_t i = 0; i < value_len(list); i++)
        if (value_deep_equal(item_at(list, i), wanted))
            return true;
    return false;
}

static bool fn_uniq(struct template_call *call, struct value *result)
{
    struct value list = call->args[0];
    if (!is_list(list))
        return wrong_kind(call, "Cannot find uniq on type ", "", list);
    *result = growing(call);
    for (size_t i = 0; i < value_len(list); i++) {
        if (!template_steps(call, value_len(*result)))
            return false;
        if (!holds(*result, item_at(list, i)))
            value_push(*result, item_at(list, i));
    }
    return true;
}

static bool fn_without(struct template_call *call, struct value *result)
{
    struct value list = call->args[0];
    if (!is_list(list))
        return wrong_kind(call, "Cannot find without on type ", "", list);
    *result = growing(call);
    for (size_t i = 0; i < value_len(list); i++) {
        if (!template_steps(call, call->argc))
            return false;
        bool omitted = false;
        for (size_t k = 1; k < call->argc && !omitted; k++)
            omitted = value_deep_equal(item_at(list, i), call->args[k]);
        if (!omitted)
            value_push(*result, item_at(list, i));
    }
    return true;
}

static bool fn_has(struct template_call *call, struct value *result)
{
    struct value list = call->args[1];
    if (list.kind != V_NULL && !is_list(list))
        return wrong_kind(call, "Cannot find has on type ", "", list);
    if (!template_steps(call, value_len(list)))
        return false;
    *result = value_bool(holds(list, call->args[0]));
    return true;
}

// What Go's arrays hold behind the last item of a list.
static struct value unset_item(struct value list)
{
    const char *type = value_go_type(list);
    if (str_eq(type, "[]string"))
        return value_string("");
    return str_eq(type, "[]int") ? value_int_of(GO_INT, 0) : VALUE_NULL;
}

static bool fn_slice(struct template_call *call, struct value *result)
{
    struct value list = call->args[0];
    if (!is_list(list))
        return wrong_kind(call, "list should be type of slice or array but ", "", list);
    int64_t len = (int64_t)value_len(list);
    if (len == 0)
        return true;
    int64_t from = call->argc > 1 ? sprig_int(call->args[1]) : 0, to = call->argc > 2 ? sprig_int(call->args[2]) : len;
    if (from < 0 || to < from || to > (int64_t)value_go_cap(list))
        return sprig_fail(call, "reflect.Value.Slice: slice index out of bounds");
    *result = value_list_typed(call->arena, list.kind == V_BYTES ? "[]uint8" : value_go_type(list));
    for (int64_t i = from; i < to; i++)
        value_push(*result, i < len ? item_at(list, (size_t)i) : unset_item(list));
    return true;
}

static bool fn_concat(struct template_call *call, struct value *result)
{
    *result = growing(call);
    for (size_t i = 0; i < call->argc; i++) {
        struct value list = call->args[i];
        if (!is_list(list))
            return wrong_kind(call, "Cannot concat type ", " as list", list);
        for (size_t k = 0; k < value_len(list); k++)
            value_push(*result, item_at(list, k));
    }
    if (value_len(*result) == 0)
        *result = value_as_nil(*result);
    return true;
}

static bool chunk_backwards(struct template_call *call, struct value list, uint64_t size, struct value *result)
{
    size_t len = value_len(list);
    if (size == 0 || len == 0 || len - 1 > size || (len == 1 && size == 1))
        return sprig_fail(call, "runtime error: makeslice: len out of range");
    if (len == 1)
        value_push(*result, items_between(call, list, 0, 1));
    return true;
}

static bool fn_chunk(struct template_call *call, struct value *result)
{
    int64_t size = call->args[0].integer;
    struct value list = call->args[1];
    if (!is_list(list))
        return wrong_kind(call, "Cannot chunk type ", "", list);
    *result = value_list_typed(call->arena, "[][]interface {}");
    size_t len = value_len(list);
    if (size <= 0) // Go counts the pieces by division: of a negative size there may come out none or one
        return chunk_backwards(call, list, 0 - (uint64_t)size, result);
    for (size_t at = 0; at < len; at += (size_t)size)
        value_push(*result, items_between(call, list, at, len - at < (size_t)size ? len : at + (size_t)size));
    return true;
}

static bool fn_sort_alpha(struct template_call *call, struct value *result)
{
    struct value texts = sprig_texts(call->arena, call->args[0]);
    if (call->args[0].kind == V_NULL) // sprig_texts leaves nil out; alone, it is a text as any other
        value_push(texts, value_string("<nil>"));
    size_t count = value_len(texts);
    struct value *sorted = arena_array(call->arena, struct value, count + 1);
    for (size_t i = 0; i < count; i++)
        sorted[i] = value_at(texts, i);
    qsort(sorted, count, sizeof *sorted, value_compare_str);
    *result = value_list_typed(call->arena, "[]string");
    for (size_t i = 0; i < count; i++)
        value_push(*result, sorted[i]);
    return true;
}

static const struct template_func items[] = {
    {"append", "vv", fn_append},
    {"chunk", "iv", fn_chunk},
    {"compact", "v", fn_compact},
    {"concat", "v*", fn_concat},
    {"first", "v", fn_first},
    {"has", "vv", fn_has},
    {"initial", "v", fn_initial},
    {"last", "v", fn_last},
    {"list", "v*", fn_list},
    {"mustAppend", "vv", fn_append},
    {"mustChunk", "iv", fn_chunk},
    {"mustCompact", "v", fn_compact},
    {"mustFirst", "v", fn_first},
    {"mustHas", "vv", fn_has},
    {"mustInitial", "v", fn_initial},
    {"mustLast", "v", fn_last},
    {"mustPrepend", "vv", fn_prepend},
    {"mustPush", "vv", fn_append},
    {"mustRest", "v", fn_rest},
    {"mustReverse", "v", fn_reverse},
    {"mustSlice", "vv*", fn_slice},
    {"mustUniq", "v", fn_uniq},
    {"mustWithout", "vv*", fn_without},
    {"prepend", "vv", fn_prepend},
    {"push", "vv", fn_append},
    {"rest", "v", fn_rest},
    {"reverse", "v", fn_reverse},
    {"slice", "vv*", fn_slice},
    {"sortAlpha", "v", fn_sort_alpha},
    {"tuple", "v*", fn_list},
    {"uniq", "v", fn_uniq},
    {"without", "vv*", fn_without},
};
const struct template_funcs sprig_lists = {.items = items, .count = ARRAY_LEN(items)};
