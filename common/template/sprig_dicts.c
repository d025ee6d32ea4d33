// sprig_dicts.c - Sprig's functions on dicts. Those that change a dict change the one they are given, as in Go.
#include "template/sprig.h"

static bool fn_dict(struct template_call *call, struct value *result)
{
    *result = value_dict(call->arena);
    for (size_t i = 0; i < call->argc; i += 2) {
        struct slice key = sprig_text(call->arena, call->args[i]);
        value_set_n(*result, key.data, key.len, i + 1 < call->argc ? call->args[i + 1] : value_string(""));
    }
    return true;
}

static bool fn_get(struct template_call *call, struct value *result)
{
    if (!value_find(call->args[0], call->args[1].data, call->args[1].len, result))
        *result = value_string("");
    return true;
}

static bool fn_set(struct template_call *call, struct value *result)
{
    if (call->args[0].kind == V_NULL)
        return sprig_fail(call, "assignment to entry in nil map");
    value_set_n(call->args[0], call->args[1].data, call->args[1].len, call->args[2]);
    *result = call->args[0];
    return true;
}

static bool fn_unset(struct template_call *call, struct value *result)
{
    value_unset_n(call->args[0], call->args[1].data, call->args[1].len);
    *result = call->args[0].kind == V_DICT ? call->args[0] : value_dict(call->arena);
    return true;
}

static bool fn_has_key(struct template_call *call, struct value *result)
{
    struct value found;
    *result = value_bool(value_find(call->args[0], call->args[1].data, call->args[1].len, &found));
    return true;
}

static bool fn_pluck(struct template_call *call, struct value *result)
{
    *result = value_list(call->arena);
    value_made(*result, GO_SLICE_GROWN);
    struct value found;
    for (size_t i = 1; i < call->argc; i++)
        if (value_find(call->args[i], call->args[0].data, call->args[0].len, &found))
            value_push(*result, found);
    return true;
}

// Go's order is random here; ours is the keys' own.
static bool fn_keys(struct template_call *call, struct value *result)
{
    *result = value_list_typed(call->arena, "[]string");
    value_made(*result, GO_SLICE_GROWN);
    for (size_t i = 0; i < call->argc; i++)
        for (struct value_iter it = {0}; value_next(call->args[i], &it);)
            value_push(*result, value_string_n(it.key, it.key_len));
    return true;
}

static bool fn_values(struct template_call *call, struct value *result)
{
    *result = value_list(call->arena);
    value_made(*result, GO_SLICE_GROWN);
    for (struct value_iter it = {0}; value_next(call->args[0], &it);)
        value_push(*result, it.value);
    return true;
}

static bool fn_pick(struct template_call *call, struct value *result)
{
    *result = value_dict(call->arena);
    struct value found;
    for (size_t i = 1; i < call->argc; i++)
        if (value_find(call->args[0], call->args[i].data, call->args[i].len, &found))
            value_set_n(*result, call->args[i].data, call->args[i].len, found);
    return true;
}

static bool among(const struct value *texts, size_t count, const char *key, size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (slice_eq(value_slice(texts[i]), slice_n(key, len)))
            return true;
    return false;
}

static bool fn_omit(struct template_call *call, struct value *result)
{
    *result = value_dict(call->arena);
    for (struct value_iter it = {0}; value_next(call->args[0], &it);)
        if (!among(call->args + 1, call->argc - 1, it.key, it.key_len))
            value_set_n(*result, it.key, it.key_len, it.value);
    return true;
}

// ---- merging --------------------------------------------------------------------------------------------------------

#define MERGE_DEPTH_MAX 500

// As the mergo library merges maps: what is empty in `into` counts as absent. Nested dicts of `from` come over by
// reference.
static bool merge(struct template_call *call, struct value into, struct value from, bool overwrite, int depth)
{
    if (depth > MERGE_DEPTH_MAX)
        return error_set(call->err, ERROR_LIMIT, "dicts nested deeper than %d", MERGE_DEPTH_MAX);
    if (!template_steps(call, 1 + value_len(from)))
        return false;
    if (into.kind == V_DICT && from.kind == V_DICT && into.dict == from.dict)
        return true;
    for (struct value_iter it = {0}; value_next(from, &it);) {
        struct value old = VALUE_NULL;
        bool found = value_find(into, it.key, it.key_len, &old);
        if (it.value.kind == V_NULL) {
            if (overwrite)
                value_set_n(into, it.key, it.key_len, it.value);
            continue;
        }
        if (it.value.kind == V_DICT && old.kind == V_DICT) {
            if (!merge(call, old, it.value, overwrite, depth + 1))
                return false;
            if (value_len(old))
                continue;
        }
        if (overwrite || !found || sprig_empty(old))
            value_set_n(into, it.key, it.key_len, it.value);
    }
    return true;
}

static bool merge_all(struct template_call *call, bool overwrite, struct value *result)
{
    struct value into = call->args[0];
    for (size_t i = 1; i < call->argc; i++) {
        if (into.kind == V_NULL && value_len(call->args[i]))
            into = value_dict(call->arena);
        if (!merge(call, into, call->args[i], overwrite, 0))
            return false;
    }
    *result = into.kind == V_DICT ? into : value_as_nil(value_dict(call->arena));
    return true;
}

static bool fn_merge(struct template_call *call, struct value *result)
{
    return merge_all(call, false, result);
}

static bool fn_merge_overwrite(struct template_call *call, struct value *result)
{
    return merge_all(call, true, result);
}

static bool fn_deep_copy(struct template_call *call, struct value *result)
{
    if (call->args[0].kind == V_NULL)
        return sprig_fail(call, "reflect: call of reflect.Value.Type on zero Value");
    *result = value_copy(call->arena, call->args[0]);
    return true;
}

// ---- dig ------------------------------------------------------------------------------------------------------------

static bool not_a(struct template_call *call, struct value v, const char *type)
{
    return sprig_fail(call, "interface conversion: interface {} is %s, not %s",
                      v.kind == V_NULL ? "nil" : value_go_type(v), type);
}

static bool is_plain_dict(struct value v)
{
    return v.kind == V_DICT && strcmp(value_go_type(v), "map[string]interface {}") == 0;
}

static bool fn_dig(struct template_call *call, struct value *result)
{
    if (call->argc < 3)
        return sprig_fail(call, "dig needs at least three arguments");
    size_t keys = call->argc - 2;
    struct value at = call->args[call->argc - 1];
    if (!is_plain_dict(at))
        return not_a(call, at, "map[string]interface {}");
    for (size_t i = 0; i < keys; i++)
        if (call->args[i].kind != V_STRING)
            return not_a(call, call->args[i], "string");
    for (size_t i = 0; i < keys; i++) {
        if (!is_plain_dict(at))
            return not_a(call, at, "map[string]interface {}");
        if (!value_find(at, call->args[i].data, call->args[i].len, &at)) {
            *result = call->args[keys];
            return true;
        }
    }
    *result = at;
    return true;
}

static const struct template_func items[] = {
    {"deepCopy", "v", fn_deep_copy},
    {"dict", "v*", fn_dict},
    {"dig", "v*", fn_dig},
    {"get", "ms", fn_get},
    {"hasKey", "ms", fn_has_key},
    {"keys", "m*", fn_keys},
    {"merge", "mm*", fn_merge},
    {"mergeOverwrite", "mm*", fn_merge_overwrite},
    {"mustDeepCopy", "v", fn_deep_copy},
    {"mustMerge", "mm*", fn_merge},
    {"mustMergeOverwrite", "mm*", fn_merge_overwrite},
    {"omit", "ms*", fn_omit},
    {"pick", "ms*", fn_pick},
    {"pluck", "sm*", fn_pluck},
    {"set", "msv", fn_set},
    {"unset", "ms", fn_unset},
    {"values", "m", fn_values},
};
const struct template_funcs sprig_dicts = {.items = items, .count = ARRAY_LEN(items)};
