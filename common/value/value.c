// value.c - making, looking at and changing values.
#include "value/internal.h"

// ---- making -------------------------------------------------------------------------------------------------------
struct value value_string_copy(struct arena *a, const char *s, size_t len)
{
    return value_string_n(arena_strndup(a, s, len), len);
}

struct value value_printf(struct arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *s = arena_vprintf(a, fmt, args);
    va_end(args);
    return value_string(s);
}

struct value value_list_typed(struct arena *a, const char *go_type)
{
    struct list *l = arena_alloc(a, sizeof *l);
    *l = (struct list){.arena = a, .go_type = go_type};
    return (struct value){.kind = V_LIST, .list = l};
}

struct value value_list(struct arena *a)
{
    return value_list_typed(a, NULL);
}

struct value value_as_nil(struct value v)
{
    v.reserved |= VALUE_NIL;
    return v;
}

struct value value_dict_fields(struct arena *a)
{
    struct value out = value_dict(a);
    out.dict->in_order = true;
    return out;
}

struct value value_dict_typed(struct arena *a, const char *go_type)
{
    struct dict *d = arena_alloc(a, sizeof *d);
    *d = (struct dict){.arena = a, .go_type = go_type, .sorted = true};
    return (struct value){.kind = V_DICT, .dict = d};
}

struct value value_dict(struct arena *a)
{
    return value_dict_typed(a, NULL);
}

struct value value_object(struct object *o)
{
    return o ? (struct value){.kind = V_OBJECT, .object = o} : VALUE_NULL;
}

struct value object_fields(struct arena *a, struct value v)
{
    return v.kind == V_OBJECT && v.object->class->fields ? v.object->class->fields(a, v.object) : VALUE_NULL;
}

void list_reserve(struct list *l, size_t count)
{
    if (count <= l->cap)
        return;
    l->items = arena_realloc(l->arena, l->items, l->cap * sizeof *l->items, count * sizeof *l->items);
    l->cap = count;
}

struct value list_of(struct arena *a, const struct value *items, size_t count)
{
    struct value out = value_list(a);
    list_reserve(out.list, count);
    if (count)
        memcpy(out.list->items, items, count * sizeof *items);
    out.list->len = count;
    out.list->how = GO_SLICE_GROWN;
    return out;
}

struct value list_clone(struct arena *a, const struct list *l)
{
    struct value out = value_list_typed(a, l->go_type);
    list_reserve(out.list, l->len);
    if (l->len)
        memcpy(out.list->items, l->items, l->len * sizeof *l->items);
    out.list->len = l->len;
    out.list->how = l->how;
    return out;
}

// keys NULL: text is shared.
static struct value copy(struct arena *a, struct value v, struct key_cache *keys, const struct walk *up)
{
    struct walk here;
    switch (v.kind) {
    case V_STRING:
    case V_BYTES:
        if (keys)
            v.data = arena_strndup(a, v.data, v.len);
        return v;
    case V_LIST: {
        if (!walk_enter(&here, up, v.list) || arena_full(a))
            return VALUE_NULL;
        struct value out = list_clone(a, v.list);
        for (size_t i = 0; i < out.list->len; i++)
            out.list->items[i] = copy(a, out.list->items[i], keys, &here);
        return out;
    }
    case V_DICT: {
        if (!walk_enter(&here, up, v.dict) || arena_full(a))
            return VALUE_NULL;
        struct value out = dict_clone(a, v.dict);
        out.reserved = v.reserved & VALUE_AS_VALUES;
        struct dict *to = out.dict;
        for (uint32_t i = 0; i < to->len; i++) {
            struct dict_entry *e = &to->entries[i];
            if (keys)
                e->key = key_cache_copy(keys, a, e->key, e->key_len).data;
            e->value = copy(a, e->value, keys, &here);
        }
        dict_sort(to);
        return out;
    }
    case V_OBJECT:
        return v.object->class->copied ? value_object(v.object->class->copied(a, v.object)) : v;
    default:
        return v;
    }
}

struct value value_copy(struct arena *a, struct value v)
{
    struct key_cache keys = {0};
    return copy(a, v, &keys, NULL);
}

struct value value_copy_tree(struct arena *a, struct value v)
{
    return copy(a, v, NULL, NULL);
}

// ---- looking ------------------------------------------------------------------------------------------------------
const char *value_str(struct value v)
{
    return v.kind == V_STRING ? v.data : NULL;
}

const char *value_str_or(struct value v, const char *fallback)
{
    return v.kind == V_STRING && v.len ? v.data : fallback;
}

struct slice value_slice(struct value v)
{
    return v.kind == V_STRING || v.kind == V_BYTES ? slice_n(v.data, v.len) : slice_n("", 0);
}

bool value_true(struct value v)
{
    return v.kind == V_BOOL && v.boolean;
}

bool value_bool_or(struct value v, bool fallback)
{
    return v.kind == V_BOOL ? v.boolean : fallback;
}

int64_t value_int_or(struct value v, int64_t fallback)
{
    if (v.kind == V_INT)
        return v.integer;
    // 2^63 is the first double that an int64 cannot hold; the comparison is false for NaN.
    if (v.kind == V_FLOAT && v.number >= -0x1p63 && v.number < 0x1p63 && (double)(int64_t)v.number == v.number)
        return (int64_t)v.number;
    return fallback;
}

double value_num(struct value v)
{
    switch (v.kind) {
    case V_INT:
        return v.go >= GO_UINT && v.go <= GO_UINT64 ? (double)(uint64_t)v.integer : (double)v.integer;
    case V_FLOAT:
        return v.number;
    default:
        return 0;
    }
}

bool value_truth(struct value v)
{
    switch (v.kind) {
    case V_NULL:
        return false;
    case V_BOOL:
        return v.boolean;
    case V_INT:
        return v.integer != 0;
    case V_FLOAT:
        return v.number != 0;
    case V_OBJECT:
        return v.object->class->truth ? v.object->class->truth(v.object) : true;
    default:
        return value_len(v) != 0;
    }
}

size_t value_len(struct value v)
{
    switch (v.kind) {
    case V_STRING:
    case V_BYTES:
        return v.len;
    case V_LIST:
        return v.list->len;
    case V_DICT:
        return v.dict->len;
    default:
        return 0;
    }
}

struct value value_at(struct value list, size_t i)
{
    return list.kind == V_LIST && i < list.list->len ? list.list->items[i] : VALUE_NULL;
}

bool value_find(struct value dict, const char *key, size_t len, struct value *out)
{
    *out = VALUE_NULL;
    if (dict.kind == V_OBJECT && dict.object->class->index)
        return dict.object->class->index(dict.object, key, len, out);
    const struct dict_entry *e = dict.kind == V_DICT ? dict_find(dict.dict, key, len) : NULL;
    if (e)
        *out = e->value;
    return e;
}

struct value value_get_n(struct value dict, const char *key, size_t len)
{
    struct value out;
    value_find(dict, key, len, &out);
    return out;
}

struct value value_get(struct value dict, const char *key)
{
    return value_get_n(dict, key, strlen(key));
}

bool value_has(struct value dict, const char *key)
{
    struct value out;
    return value_find(dict, key, strlen(key), &out);
}

// The item that one step of a path names, or NULL.
static struct value *step_into(struct value v, const char *step, size_t len)
{
    if (v.kind == V_DICT) {
        struct dict_entry *e = dict_find(v.dict, step, len);
        return e ? &e->value : NULL;
    }
    if (v.kind != V_LIST || len == 0 || len > 9)
        return NULL;
    size_t i = 0;
    for (size_t k = 0; k < len; k++) {
        if (step[k] < '0' || step[k] > '9')
            return NULL;
        i = i * 10 + (size_t)(step[k] - '0');
    }
    return i < v.list->len ? &v.list->items[i] : NULL;
}

struct value value_path(struct value v, const char *path)
{
    for (;;) {
        size_t len = strcspn(path, ".");
        const struct value *next = step_into(v, path, len);
        if (!next)
            return VALUE_NULL;
        v = *next;
        if (!path[len])
            return v;
        path += len + 1;
    }
}

struct value value_paths(struct value v, ...)
{
    va_list args;
    va_start(args, v);
    const char *step;
    while ((step = va_arg(args, const char *))) {
        const struct value *next = step_into(v, step, strlen(step));
        v = next ? *next : VALUE_NULL;
    }
    va_end(args);
    return v;
}

bool value_next(struct value dict, struct value_iter *it)
{
    if (dict.kind == V_OBJECT)
        return dict.object->class->next && dict.object->class->next(dict.object, it);
    if (dict.kind != V_DICT || it->i >= dict.dict->len)
        return false;
    if (it->i == 0)
        dict_sort(dict.dict);
    const struct dict_entry *e = &dict.dict->entries[it->i++];
    it->key = e->key;
    it->key_len = e->key_len;
    it->value = e->value;
    return true;
}

// ---- changing -----------------------------------------------------------------------------------------------------
void value_set_n(struct value dict, const char *key, size_t len, struct value v)
{
    if (dict.kind == V_DICT)
        dict_put(dict.dict, key, len, v);
}

void value_set(struct value dict, const char *key, struct value v)
{
    value_set_n(dict, key, strlen(key), v);
}

void value_set_str(struct value dict, const char *key, const char *s)
{
    if (dict.kind == V_DICT && s)
        value_set(dict, key, value_string_copy(dict.dict->arena, s, strlen(s)));
}

bool value_unset(struct value dict, const char *key)
{
    return value_unset_n(dict, key, strlen(key));
}

bool value_unset_n(struct value dict, const char *key, size_t len)
{
    return dict.kind == V_DICT && dict_remove(dict.dict, key, len);
}

void value_push(struct value list, struct value v)
{
    if (list.kind != V_LIST)
        return;
    struct list *l = list.list;
    if (l->len == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 4;
        if (cap * sizeof v > ARENA_SMALL && !arena_room(l->arena, cap * sizeof v))
            return;
        list_reserve(l, cap);
    }
    l->items[l->len++] = v;
}

void value_put(struct value list, size_t i, struct value v)
{
    if (list.kind == V_LIST && i < list.list->len)
        list.list->items[i] = v;
}

void value_set_path(struct value dict, const char *path, struct value v)
{
    for (;;) {
        size_t len = strcspn(path, ".");
        struct value *next = step_into(dict, path, len);
        if (!path[len]) {
            if (next)
                *next = v;
            else
                value_set_n(dict, path, len, v);
            return;
        }
        if (next && (next->kind == V_DICT || next->kind == V_LIST)) {
            dict = *next;
        } else if (dict.kind == V_DICT) {
            struct value made = value_dict(dict.dict->arena);
            value_set_n(dict, path, len, made);
            dict = made;
        } else {
            return; // a list index that is not there: nothing to make
        }
        path += len + 1;
    }
}

static void merge_patch(struct value into, struct value from, const struct walk *up)
{
    struct walk here;
    if (into.kind != V_DICT || from.kind != V_DICT || !walk_enter(&here, up, from.dict))
        return;
    struct arena *a = into.dict->arena;
    for (struct value_iter it = {0}; value_next(from, &it);) {
        if (value_is_null(it.value)) {
            dict_remove(into.dict, it.key, it.key_len);
        } else if (it.value.kind == V_DICT) {
            struct value below = value_get_n(into, it.key, it.key_len);
            if (below.kind != V_DICT) { // a fresh dict, so that nulls inside the patch vanish
                below = value_dict(a);
                value_set_n(into, it.key, it.key_len, below);
            }
            merge_patch(below, it.value, &here);
        } else {
            value_set_n(into, it.key, it.key_len, value_copy(a, it.value));
        }
    }
}

void value_merge_patch(struct value into, struct value from)
{
    merge_patch(into, from, NULL);
}
