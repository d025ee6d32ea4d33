// compare.c - equality, order, and the names of Go's types.
#include "value/internal.h"

// Comparing two values that share structure can take time exponential in their size; no honest pair comes near this.
#define COMPARE_STEPS_MAX (64u << 20)

struct compare {
    bool types; // reflect.DeepEqual: Go types count
    size_t steps;
    unsigned depth;
};

static bool is_unsigned(struct value v)
{
    return v.go >= GO_UINT && v.go <= GO_UINT64;
}

static bool numbers_equal(struct value a, struct value b)
{
    if (a.kind == V_INT && b.kind == V_INT)
        return a.integer == b.integer && (is_unsigned(a) == is_unsigned(b) || a.integer >= 0);
    return value_num(a) == value_num(b);
}

static bool equal(struct compare *c, struct value a, struct value b);

static bool lists_equal(struct compare *c, const struct list *a, const struct list *b)
{
    if (a->len != b->len)
        return false;
    for (size_t i = 0; i < a->len; i++)
        if (!equal(c, a->items[i], b->items[i]))
            return false;
    return true;
}

static bool dicts_equal(struct compare *c, const struct dict *a, const struct dict *b)
{
    if (a->len != b->len)
        return false;
    for (uint32_t i = 0; i < a->len; i++) {
        const struct dict_entry *x = &a->entries[i], *y = dict_find(b, x->key, x->key_len);
        if (!y || !equal(c, x->value, y->value))
            return false;
    }
    return true;
}

// Of one type, and with the same in them, which %v shows of most.
static bool objects_equal(struct value a, struct value b)
{
    if (a.object == b.object || a.object->class != b.object->class)
        return a.object == b.object;
    if (a.object->class->equal)
        return a.object->class->equal(a.object, b.object);
    struct buf one cleanup(buf_free) = {0}, other cleanup(buf_free) = {0};
    go_print_value(&one, a);
    go_print_value(&other, b);
    return slice_eq(buf_view(&one), buf_view(&other));
}

static bool equal(struct compare *c, struct value a, struct value b)
{
    bool numbers = (a.kind == V_INT || a.kind == V_FLOAT) && (b.kind == V_INT || b.kind == V_FLOAT);
    if (c->types) {
        if (a.kind != b.kind || value_is_nil(a) != value_is_nil(b) || !str_eq(value_go_type(a), value_go_type(b)))
            return false;
    } else if (numbers) {
        return numbers_equal(a, b);
    }
    if (a.kind != b.kind || ++c->steps > COMPARE_STEPS_MAX)
        return false;
    switch (a.kind) {
    case V_BOOL:
        return a.boolean == b.boolean;
    case V_INT:
    case V_FLOAT:
        return numbers_equal(a, b);
    case V_STRING:
    case V_BYTES:
        return slice_eq(value_slice(a), value_slice(b));
    case V_OBJECT:
        return objects_equal(a, b);
    case V_LIST:
    case V_DICT: {
        if (a.kind == V_LIST ? a.list == b.list : a.dict == b.dict)
            return true;
        if (++c->depth > WALK_DEPTH_MAX)
            return false;
        bool same = a.kind == V_LIST ? lists_equal(c, a.list, b.list) : dicts_equal(c, a.dict, b.dict);
        c->depth--;
        return same;
    }
    default:
        return true;
    }
}

bool value_equal(struct value a, struct value b)
{
    return equal(&(struct compare){0}, a, b);
}

bool value_deep_equal(struct value a, struct value b)
{
    return equal(&(struct compare){.types = true}, a, b);
}

int value_compare_str(const void *a, const void *b)
{
    return slice_cmp(value_slice(*(const struct value *)a), value_slice(*(const struct value *)b));
}

static const char *number_type(struct value v)
{
    static const char *const names[] = {
        [GO_INT] = "int",       [GO_INT8] = "int8",       [GO_INT16] = "int16",   [GO_INT32] = "int32",
        [GO_UINT] = "uint",     [GO_UINT8] = "uint8",     [GO_UINT16] = "uint16", [GO_UINT32] = "uint32",
        [GO_UINT64] = "uint64", [GO_FLOAT32] = "float32",
        [GO_DURATION] = "time.Duration", [GO_MONTH] = "time.Month", [GO_WEEKDAY] = "time.Weekday",
    };
    if (v.go != GO_DEFAULT && v.go < ARRAY_LEN(names))
        return names[v.go];
    return v.kind == V_INT ? "int64" : "float64";
}

const char *value_go_type(struct value v)
{
    switch (v.kind) {
    case V_BOOL:
        return "bool";
    case V_INT:
    case V_FLOAT:
        return number_type(v);
    case V_STRING:
        return "string";
    case V_BYTES:
        return "[]uint8";
    case V_LIST:
        return v.list->go_type ? v.list->go_type : "[]interface {}";
    case V_DICT:
        if (v.reserved & VALUE_AS_VALUES)
            return "common.Values";
        return v.dict->go_type ? v.dict->go_type : "map[string]interface {}";
    case V_OBJECT:
        return v.object->class->go_type;
    default:
        return "<nil>";
    }
}

const char *value_go_kind(struct value v)
{
    switch (v.kind) {
    case V_NULL:
        return "invalid";
    case V_BYTES:
    case V_LIST:
        return "slice";
    case V_DICT:
        return "map";
    case V_OBJECT:
        return v.object->class->go_kind;
    case V_INT:
        if (v.go >= GO_DURATION)
            return v.go == GO_DURATION ? "int64" : "int";
        // fall through
    default:
        return value_go_type(v);
    }
}
