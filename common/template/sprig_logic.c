// sprig_logic.c - Sprig's defaults, conditions, and questions about types.
#include "template/sprig.h"

static bool fn_default(struct template_call *call, struct value *result)
{
    *result = call->args[call->argc > 1 && !sprig_empty(call->args[1]) ? 1 : 0];
    return true;
}

static bool fn_empty(struct template_call *call, struct value *result)
{
    *result = value_bool(sprig_empty(call->args[0]));
    return true;
}

static bool fn_coalesce(struct template_call *call, struct value *result)
{
    for (size_t i = 0; i < call->argc; i++) {
        if (!sprig_empty(call->args[i])) {
            *result = call->args[i];
            break;
        }
    }
    return true;
}

static bool fn_all(struct template_call *call, struct value *result)
{
    bool all = true;
    for (size_t i = 0; i < call->argc; i++)
        all = all && !sprig_empty(call->args[i]);
    *result = value_bool(all);
    return true;
}

static bool fn_any(struct template_call *call, struct value *result)
{
    bool any = false;
    for (size_t i = 0; i < call->argc; i++)
        any = any || !sprig_empty(call->args[i]);
    *result = value_bool(any);
    return true;
}

static bool fn_ternary(struct template_call *call, struct value *result)
{
    *result = call->args[call->args[2].boolean ? 0 : 1];
    return true;
}

static bool fn_fail(struct template_call *call, struct value *result)
{
    return sprig_fail(call, "%s", call->args[0].data);
}

static bool fn_type_of(struct template_call *call, struct value *result)
{
    *result = value_string(value_go_type(call->args[0]));
    return true;
}

static bool fn_type_is(struct template_call *call, struct value *result)
{
    *result = value_bool(slice_eq_str(arg_text(call, 0), value_go_type(call->args[1])));
    return true;
}

static bool fn_type_is_like(struct template_call *call, struct value *result)
{
    struct slice type = slice_of(value_go_type(call->args[1])), target = arg_text(call, 0);
    bool pointer = type.len && type.data[0] == '*' && slice_eq(slice_sub(type, 1, type.len), target);
    *result = value_bool(pointer || slice_eq(type, target));
    return true;
}

static bool fn_kind_of(struct template_call *call, struct value *result)
{
    *result = value_string(value_go_kind(call->args[0]));
    return true;
}

static bool fn_kind_is(struct template_call *call, struct value *result)
{
    *result = value_bool(slice_eq_str(arg_text(call, 0), value_go_kind(call->args[1])));
    return true;
}

static bool fn_deep_equal(struct template_call *call, struct value *result)
{
    *result = value_bool(value_deep_equal(call->args[0], call->args[1]));
    return true;
}

// Helm answers nothing unless DNS was asked for.
static bool fn_get_host_by_name(struct template_call *call, struct value *result)
{
    *result = value_string("");
    return true;
}

static const struct template_func items[] = {
    {"all", "v*", fn_all},
    {"any", "v*", fn_any},
    {"coalesce", "v*", fn_coalesce},
    {"deepEqual", "vv", fn_deep_equal},
    {"default", "vv*", fn_default},
    {"empty", "v", fn_empty},
    {"fail", "s", fn_fail},
    {"getHostByName", "s", fn_get_host_by_name},
    {"kindIs", "sv", fn_kind_is},
    {"kindOf", "v", fn_kind_of},
    {"ternary", "vvb", fn_ternary},
    {"typeIs", "sv", fn_type_is},
    {"typeIsLike", "sv", fn_type_is_like},
    {"typeOf", "v", fn_type_of},
};
const struct template_funcs sprig_logic = {.items = items, .count = ARRAY_LEN(items)};
