// compare.c - eq, ne, lt, le, gt, ge: Go's rules on which types compare with which.
#include "template/builtins.h"
#include "template/complex.h"

enum basic { BASIC_NONE, BASIC_BOOL, BASIC_INT, BASIC_UINT, BASIC_FLOAT, BASIC_STRING, BASIC_COMPLEX };

static enum basic basic_kind(struct value v)
{
    switch (v.kind) {
    case V_BOOL:
        return BASIC_BOOL;
    case V_INT:
        return v.go >= GO_UINT && v.go <= GO_UINT64 ? BASIC_UINT : BASIC_INT;
    case V_FLOAT:
        return BASIC_FLOAT;
    case V_STRING:
        return BASIC_STRING;
    default:
        return complex_of(v) ? BASIC_COMPLEX : BASIC_NONE;
    }
}

static bool incompatible(struct template_call *call, struct value a, struct value b)
{
    return error_set(call->err, ERROR_INVALID, "incompatible types for comparison: %s and %s", value_go_type(a),
                     value_go_type(b));
}

static struct value boxed(struct value v)
{
    return v.kind == V_OBJECT && v.object->class->boxed ? value_object(v.object->class->boxed(v.object)) : v;
}

static bool not_comparable(struct template_call *call, struct value v)
{
    struct buf shown = BUF_IN(call->arena);
    go_sprintf(&shown, call->arena, SLICE("%s"), &v, 1); // as Go does, with fmt's notes in it
    return error_set(call->err, ERROR_INVALID, "non-comparable type %s: %s", buf_cstr(&shown), value_go_type(v));
}

// Equality of two values that are no basic types.
static bool equal_others(struct template_call *call, struct value a, struct value b, bool *equal)
{
    a = boxed(a);
    b = boxed(b);
    if (a.kind == V_NULL || b.kind == V_NULL) {
        *equal = a.kind == b.kind;
        return true;
    }
    if (!str_eq(value_go_kind(a), value_go_kind(b))) {
        struct buf shown = BUF_IN(call->arena);
        go_sprintf(&shown, call->arena, SLICE("%s"), &a, 1);
        buf_printf(&shown, ": %s, %s: ", value_go_type(a), value_go_type(b));
        go_print_value(&shown, b);
        return error_set(call->err, ERROR_INVALID, "non-comparable types %s", buf_cstr(&shown));
    }
    if (b.kind != V_OBJECT || str_eq(value_go_kind(b), "map"))
        return not_comparable(call, b);
    // A pointer is equal to itself alone, a struct to another of its type with the same in it.
    if (str_eq(value_go_kind(a), "ptr"))
        *equal = a.object == b.object;
    else
        *equal = value_deep_equal(a, b);
    return true;
}

static bool equal(struct template_call *call, struct value a, struct value b, bool *out)
{
    enum basic ka = basic_kind(a), kb = basic_kind(b);
    *out = false;
    if (ka != kb) {
        if ((ka == BASIC_INT && kb == BASIC_UINT) || (ka == BASIC_UINT && kb == BASIC_INT))
            *out = a.integer == b.integer && a.integer >= 0;
        else if (a.kind != V_NULL && b.kind != V_NULL)
            return incompatible(call, a, b);
        return true;
    }
    switch (ka) {
    case BASIC_BOOL:
        *out = a.boolean == b.boolean;
        return true;
    case BASIC_INT:
    case BASIC_UINT:
        *out = a.integer == b.integer;
        return true;
    case BASIC_FLOAT:
        *out = a.number == b.number;
        return true;
    case BASIC_STRING:
        *out = slice_eq(value_slice(a), value_slice(b));
        return true;
    default:
        return equal_others(call, a, b, out);
    }
}

static bool less(struct template_call *call, struct value a, struct value b, bool *out)
{
    enum basic ka = basic_kind(a), kb = basic_kind(b);
    if (ka == BASIC_NONE || kb == BASIC_NONE)
        return error_set(call->err, ERROR_INVALID, "invalid type for comparison");
    if (ka != kb) {
        if (ka == BASIC_INT && kb == BASIC_UINT)
            *out = a.integer < 0 || (uint64_t)a.integer < (uint64_t)b.integer;
        else if (ka == BASIC_UINT && kb == BASIC_INT)
            *out = b.integer >= 0 && (uint64_t)a.integer < (uint64_t)b.integer;
        else
            return incompatible(call, a, b);
        return true;
    }
    switch (ka) {
    case BASIC_INT:
        *out = a.integer < b.integer;
        return true;
    case BASIC_UINT:
        *out = (uint64_t)a.integer < (uint64_t)b.integer;
        return true;
    case BASIC_FLOAT:
        *out = a.number < b.number;
        return true;
    case BASIC_STRING:
        *out = slice_cmp(value_slice(a), value_slice(b)) < 0;
        return true;
    default:
        return error_set(call->err, ERROR_INVALID, "invalid type for comparison");
    }
}

bool compare_eq(struct template_call *call, struct value *result)
{
    if (call->argc < 2)
        return error_set(call->err, ERROR_INVALID, "missing argument for comparison");
    bool is = false;
    for (size_t i = 1; i < call->argc && !is; i++)
        if (!equal(call, call->args[0], call->args[i], &is))
            return false;
    *result = value_bool(is);
    return true;
}

bool compare_ne(struct template_call *call, struct value *result)
{
    bool is;
    if (!equal(call, call->args[0], call->args[1], &is))
        return false;
    *result = value_bool(!is);
    return true;
}

bool compare_lt(struct template_call *call, struct value *result)
{
    bool is;
    if (!less(call, call->args[0], call->args[1], &is))
        return false;
    *result = value_bool(is);
    return true;
}

bool compare_le(struct template_call *call, struct value *result)
{
    bool is;
    if (!less(call, call->args[0], call->args[1], &is) || (!is && !equal(call, call->args[0], call->args[1], &is)))
        return false;
    *result = value_bool(is);
    return true;
}

bool compare_gt(struct template_call *call, struct value *result)
{
    if (!compare_le(call, result))
        return false;
    *result = value_bool(!result->boolean);
    return true;
}

bool compare_ge(struct template_call *call, struct value *result)
{
    if (!compare_lt(call, result))
        return false;
    *result = value_bool(!result->boolean);
    return true;
}
