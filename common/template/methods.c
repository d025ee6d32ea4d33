// methods.c - which type has which methods, and those of Helm's: common.Values and common.VersionSet.
#include "template/methods.h"

static const struct method_set *const sets[] = {&values_methods, &version_set_methods, &duration_methods, &month_methods,
                                               &weekday_methods};

const struct method_set *methods_of(struct value v)
{
    if (v.kind == V_OBJECT)
        return NULL;
    const char *type = value_go_type(v);
    if (memcmp(type, "map[", strlen("map[")) == 0 || !strchr(type, '.') || strchr(type, '['))
        return NULL; // the first is what nearly all fields are of
    for (size_t i = 0; i < ARRAY_LEN(sets); i++)
        if (strcmp(sets[i]->go_type, type) == 0)
            return sets[i];
    return NULL;
}

// ---- common.Values --------------------------------------------------------------------------------------------------

static bool is_table(struct value v)
{
    return v.kind == V_DICT && strcmp(value_go_type(v), "map[string]interface {}") == 0;
}

static bool values_as_map(struct object *self, struct value_call *call)
{
    call->result = call->self;
    call->result.reserved &= ~VALUE_AS_VALUES;
    return true;
}

static bool values_yaml(struct object *self, struct value_call *call)
{
    struct buf out = BUF_IN(call->arena);
    if (!yaml_write(&out, call->self, 0, call->err))
        return error_wrap(call->err, "error marshaling into JSON");
    call->result = value_string_n(buf_cstr(&out), out.len);
    return true;
}

// The table at a path of names with dots between. False: *name is the one at which it ends.
static bool find_table(struct value values, struct slice path, struct value *out, struct slice *name)
{
    *out = values;
    for (bool more = true; more;) {
        more = slice_cut(path, '.', name, &path);
        *out = value_get_n(*out, name->data, name->len);
        if (!is_table(*out) && !(out->kind == V_DICT && methods_of(*out) == &values_methods))
            return false;
    }
    out->reserved |= VALUE_AS_VALUES;
    return true;
}

static bool values_table(struct object *self, struct value_call *call)
{
    struct slice name;
    return find_table(call->self, value_slice(call->args[0]), &call->result, &name) ||
           error_set(call->err, ERROR_INVALID, "\"%.*s\" is not a table", SLICE_ARG(name));
}

// Anything but a table, which only a map of no other name is: values within values count as one.
static bool values_path_value(struct object *self, struct value_call *call)
{
    struct slice path = value_slice(call->args[0]), last = path, name;
    struct value table = call->self;
    if (path.len == 0)
        return error_set(call->err, ERROR_INVALID, "YAML path cannot be empty");
    ptrdiff_t dot = -1;
    for (size_t i = 0; i < path.len; i++)
        if (path.data[i] == '.')
            dot = (ptrdiff_t)i;
    if (dot >= 0)
        last = slice_sub(path, (size_t)dot + 1, path.len);
    if ((dot >= 0 && !find_table(table, slice_sub(path, 0, (size_t)dot), &table, &name)) ||
        !value_find(table, last.data, last.len, &call->result) || is_table(call->result))
        return error_set(call->err, ERROR_INVALID, "\"%.*s\" is not a value", SLICE_ARG(last));
    return true;
}

static bool values_encode(struct object *self, struct value_call *call)
{
    // No value is a writer, and nil is none.
    return error_set(call->err, ERROR_INVALID, "runtime error: invalid memory address or nil pointer dereference");
}

static const struct value_member values_members[] = {
    {"AsMap", true, 0, 0, values_as_map},           {"Encode", true, 1, 1, values_encode, "w"},
    {"PathValue", true, 1, 1, values_path_value, "s"}, {"Table", true, 1, 1, values_table, "s"},
    {"YAML", true, 0, 0, values_yaml},
};
const struct method_set values_methods = {"common.Values", values_members, ARRAY_LEN(values_members)};

// ---- common.VersionSet ----------------------------------------------------------------------------------------------

static bool version_set_has(struct object *self, struct value_call *call)
{
    bool found = false;
    for (size_t i = 0; i < value_len(call->self) && !found; i++)
        found = slice_eq(value_slice(value_at(call->self, i)), value_slice(call->args[0]));
    call->result = value_bool(found);
    return true;
}

static const struct value_member version_set_members[] = {{"Has", true, 1, 1, version_set_has, "s"}};
const struct method_set version_set_methods = {"common.VersionSet", version_set_members, ARRAY_LEN(version_set_members)};
