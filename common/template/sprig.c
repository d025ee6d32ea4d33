// sprig.c - the set of Sprig's functions, and how they convert their arguments.
#include "template/sprig.h"
#include "template/node.h"

#include <math.h>

static const struct template_funcs *const parts[] = {
    &sprig_strings, &sprig_lists,    &sprig_dicts, &sprig_logic,  &sprig_convert,
    &sprig_math,    &sprig_encoding, &sprig_regex, &sprig_semver, &sprig_paths,
    &sprig_random,  &sprig_crypto,   &sprig_certs, &sprig_url,    &sprig_words,
    &sprig_dates,
};

const struct template_funcs *template_sprig(void)
{
    static const struct template_funcs all = {.parts = parts, .part_count = ARRAY_LEN(parts)};
    return &all;
}

bool sprig_fail(struct template_call *call, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *message = arena_vprintf(call->arena, fmt, args);
    va_end(args);
    return error_set(call->err, ERROR_INVALID, "%s", message);
}

struct value sprig_said(struct template_call *call, const char *what, struct slice of)
{
    struct buf out = BUF_IN(call->arena);
    buf_str(&out, what);
    buf_slice(&out, of);
    return call_text(call, &out);
}

struct value sprig_copy(struct template_call *call, struct slice s)
{
    return value_string_copy(call->arena, s.data, s.len);
}

struct slice sprig_text(struct arena *a, struct value v)
{
    if (v.kind == V_STRING || v.kind == V_BYTES)
        return value_slice(v);
    struct buf out = BUF_IN(a);
    go_print_value(&out, v);
    return buf_view(&out);
}

struct value sprig_texts(struct arena *a, struct value v)
{
    if (v.kind == V_LIST && strcmp(value_go_type(v), "[]string") == 0)
        return v;
    struct value texts = value_list_typed(a, "[]string");
    if (v.kind == V_NULL)
        return texts;
    if (v.kind == V_BYTES) {
        for (size_t i = 0; i < v.len; i++)
            value_push(texts, value_printf(a, "%d", (uint8_t)v.data[i]));
        return texts;
    }
    size_t count = v.kind == V_LIST ? value_len(v) : 1;
    for (size_t i = 0; i < count; i++) {
        struct value item = v.kind == V_LIST ? value_at(v, i) : v;
        if (item.kind == V_NULL)
            continue;
        struct slice text = sprig_text(a, item);
        value_push(texts, item.kind == V_STRING ? item : value_string_copy(a, text.data, text.len));
    }
    return texts;
}

// "12.000" counts as 12.
static struct slice without_zero_decimals(struct slice s)
{
    ptrdiff_t point = slice_find_char(s, '.');
    if (point < 0)
        return s;
    for (size_t i = (size_t)point + 1; i < s.len; i++)
        if (s.data[i] != '0')
            return s;
    return slice_sub(s, 0, (size_t)point);
}

int64_t sprig_int(struct value v)
{
    int64_t i;
    switch (v.kind) {
    case V_BOOL:
        return v.boolean;
    case V_INT: // months and weekdays count, durations do not
        return v.go == GO_DURATION ? 0 : v.integer;
    case V_FLOAT: // where Go leaves it to the processor, amd64's answer
        return v.number >= -0x1p63 && v.number < 0x1p63 ? (int64_t)v.number : INT64_MIN;
    case V_STRING:
        return go_parse_int(without_zero_decimals(value_slice(v)), 0, &i) == 0 ? i : 0;
    default:
        return 0;
    }
}

double sprig_float(struct value v)
{
    double f;
    switch (v.kind) {
    case V_BOOL:
        return v.boolean;
    case V_INT:
        if (v.go == GO_DURATION)
            return 0;
        return v.go >= GO_UINT && v.go <= GO_UINT64 ? (double)(uint64_t)v.integer : (double)v.integer;
    case V_FLOAT:
        return v.number;
    case V_STRING:
        return go_parse_float(value_slice(v), &f) == 0 ? f : 0;
    default:
        return 0;
    }
}

bool sprig_empty(struct value v)
{
    return !value_truth(v);
}
