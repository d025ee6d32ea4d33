// sprig_strings.c - Sprig's functions that look into strings, cut them, and join them.
#include "template/sprig.h"
#include "template/text.h"

static bool fn_upper(struct template_call *call, struct value *result)
{
    struct buf out = BUF_IN(call->arena);
    text_upper(&out, arg_text(call, 0));
    *result = call_text(call, &out);
    return true;
}

static bool fn_lower(struct template_call *call, struct value *result)
{
    struct buf out = BUF_IN(call->arena);
    text_lower(&out, arg_text(call, 0));
    *result = call_text(call, &out);
    return true;
}

static bool fn_trim(struct template_call *call, struct value *result)
{
    *result = sprig_copy(call, text_trim_space(arg_text(call, 0)));
    return true;
}

static bool fn_trim_all(struct template_call *call, struct value *result)
{
    *result = sprig_copy(call, text_trim(arg_text(call, 1), arg_text(call, 0), true, true));
    return true;
}

static bool fn_trim_suffix(struct template_call *call, struct value *result)
{
    struct slice suffix = arg_text(call, 0), s = arg_text(call, 1);
    *result = slice_has_suffix(s, suffix) ? sprig_copy(call, slice_sub(s, 0, s.len - suffix.len)) : call->args[1];
    return true;
}

static bool fn_trim_prefix(struct template_call *call, struct value *result)
{
    struct slice prefix = arg_text(call, 0), s = arg_text(call, 1);
    // What is left ends where the string does, so it needs no copy.
    *result = slice_has_prefix(s, prefix) ? value_string_n(s.data + prefix.len, s.len - prefix.len) : call->args[1];
    return true;
}

static bool fn_contains(struct template_call *call, struct value *result)
{
    *result = value_bool(slice_find(arg_text(call, 1), arg_text(call, 0)) >= 0);
    return true;
}

static bool fn_has_prefix(struct template_call *call, struct value *result)
{
    *result = value_bool(slice_has_prefix(arg_text(call, 1), arg_text(call, 0)));
    return true;
}

static bool fn_has_suffix(struct template_call *call, struct value *result)
{
    *result = value_bool(slice_has_suffix(arg_text(call, 1), arg_text(call, 0)));
    return true;
}

static bool fn_trunc(struct template_call *call, struct value *result)
{
    int64_t count = call->args[0].integer;
    struct slice s = arg_text(call, 1);
    *result = call->args[1];
    if (count < 0 && (int64_t)s.len + count > 0)
        *result = value_string_n(s.data + s.len + count, (size_t)-count);
    else if (count >= 0 && (int64_t)s.len > count)
        *result = sprig_copy(call, slice_sub(s, 0, (size_t)count));
    return true;
}

// Go's slice expression s[from:to] with its panics.
static bool cut(struct template_call *call, struct slice s, int64_t from, int64_t to, struct value *result)
{
    int64_t len = (int64_t)s.len;
    if (to < 0)
        return sprig_fail(call, "runtime error: slice bounds out of range [:%lld]", (long long)to);
    if (to > len)
        return sprig_fail(call, "runtime error: slice bounds out of range [:%lld] with length %lld", (long long)to,
                          (long long)len);
    if (from > to)
        return sprig_fail(call, "runtime error: slice bounds out of range [%lld:%lld]", (long long)from, (long long)to);
    *result = sprig_copy(call, slice_sub(s, (size_t)from, (size_t)to));
    return true;
}

static bool fn_substr(struct template_call *call, struct value *result)
{
    int64_t from = call->args[0].integer, to = call->args[1].integer;
    struct slice s = arg_text(call, 2);
    if (from < 0)
        return cut(call, s, 0, to, result);
    if (to < 0 || to > (int64_t)s.len)
        return cut(call, s, from, (int64_t)s.len, result);
    return cut(call, s, from, to, result);
}

static bool fn_repeat(struct template_call *call, struct value *result)
{
    int64_t count = call->args[0].integer;
    struct slice s = arg_text(call, 1);
    if (count < 0)
        return sprig_fail(call, "strings: negative Repeat count");
    size_t total;
    if (__builtin_mul_overflow((size_t)count, s.len, &total) || total > INT64_MAX)
        return sprig_fail(call, "strings: Repeat output length overflow");
    char *text = template_alloc(call, total);
    if (!text)
        return false;
    for (size_t at = 0; s.len && at < total; at += s.len)
        memcpy(text + at, s.data, s.len);
    text[total] = '\0';
    *result = value_string_n(text, total);
    return true;
}

static bool fn_replace(struct template_call *call, struct value *result)
{
    struct buf out = BUF_IN(call->arena);
    struct slice from = arg_text(call, 0), to = arg_text(call, 1), s = arg_text(call, 2);
    if (text_replace(&out, s, from, to) == 0)
        *result = call->args[2];
    else
        *result = call_text(call, &out);
    return true;
}

// ---- indentation ----------------------------------------------------------------------------------------------------

static bool indent(struct template_call *call, bool newline, struct value *result)
{
    int64_t spaces = call->args[0].integer;
    struct slice s = arg_text(call, 1);
    if (spaces < 0)
        return sprig_fail(call, "strings: negative Repeat count");
    size_t lines = 1, total;
    for (const char *p = s.data, *end = s.data + s.len; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        lines++;
    if (__builtin_mul_overflow(lines, (size_t)spaces, &total) || __builtin_add_overflow(total, s.len + newline, &total))
        total = SIZE_MAX;
    char *text = template_alloc(call, total), *to = text;
    if (!text)
        return false;
    if (newline)
        *to++ = '\n';
    for (;;) {
        memset(to, ' ', (size_t)spaces);
        to += spaces;
        const char *end = memchr(s.data, '\n', s.len);
        size_t n = end ? (size_t)(end - s.data) + 1 : s.len;
        memcpy(to, s.data, n);
        to += n;
        if (!end)
            break;
        s = slice_sub(s, n, s.len);
    }
    *to = '\0';
    *result = value_string_n(text, total);
    return true;
}

static bool fn_indent(struct template_call *call, struct value *result)
{
    return indent(call, false, result);
}

static bool fn_nindent(struct template_call *call, struct value *result)
{
    return indent(call, true, result);
}

// ---- many values to one string --------------------------------------------------------------------------------------

static bool fn_quote(struct template_call *call, struct value *result)
{
    struct buf out = BUF_IN(call->arena);
    for (size_t i = 0; i < call->argc; i++) {
        if (call->args[i].kind == V_NULL)
            continue;
        struct slice s = sprig_text(call->arena, call->args[i]);
        if (out.len)
            buf_char(&out, ' ');
        go_quote(&out, s.data, s.len);
    }
    *result = call_text(call, &out);
    return true;
}

static bool fn_squote(struct template_call *call, struct value *result)
{
    struct buf out = BUF_IN(call->arena);
    for (size_t i = 0; i < call->argc; i++) {
        if (call->args[i].kind == V_NULL)
            continue;
        if (out.len)
            buf_char(&out, ' ');
        buf_char(&out, '\'');
        go_print_value(&out, call->args[i]);
        buf_char(&out, '\'');
    }
    *result = call_text(call, &out);
    return true;
}

static bool fn_cat(struct template_call *call, struct value *result)
{
    struct buf out = BUF_IN(call->arena);
    bool first = true;
    for (size_t i = 0; i < call->argc; i++) {
        if (call->args[i].kind == V_NULL)
            continue;
        if (!first)
            buf_char(&out, ' ');
        first = false;
        go_print_value(&out, call->args[i]);
    }
    *result = call_text(call, &out);
    return true;
}

static bool fn_join(struct template_call *call, struct value *result)
{
    struct slice separator = arg_text(call, 0);
    struct value texts = sprig_texts(call->arena, call->args[1]);
    struct buf out = BUF_IN(call->arena);
    for (size_t i = 0; i < value_len(texts); i++) {
        if (i)
            buf_slice(&out, separator);
        buf_slice(&out, value_slice(value_at(texts, i)));
    }
    *result = call_text(call, &out);
    return true;
}

// ---- one string to many ---------------------------------------------------------------------------------------------

// strings.SplitN: most < 0 is without bound.
static struct value split(struct template_call *call, struct slice separator, struct slice s, int64_t most)
{
    struct value parts = value_list_typed(call->arena, "[]string");
    if (most == 0)
        return parts;
    while (most < 0 || (int64_t)value_len(parts) < most - 1) {
        size_t n, skip = separator.len;
        if (separator.len == 0) { // between runes
            if (s.len == 0)
                return parts;
            utf8_decode(s.data, s.len, &n);
            if (n == s.len)
                break;
        } else {
            ptrdiff_t at = slice_find(s, separator);
            if (at < 0)
                break;
            n = (size_t)at;
        }
        value_push(parts, sprig_copy(call, slice_sub(s, 0, n)));
        s = slice_sub(s, n + skip, s.len);
    }
    value_push(parts, sprig_copy(call, s));
    return parts;
}

static struct value numbered(struct template_call *call, struct value parts)
{
    struct value dict = value_dict_typed(call->arena, "map[string]string");
    for (size_t i = 0; i < value_len(parts); i++)
        value_set(dict, arena_printf(call->arena, "_%zu", i), value_at(parts, i));
    return dict;
}

static bool fn_split(struct template_call *call, struct value *result)
{
    *result = numbered(call, split(call, arg_text(call, 0), arg_text(call, 1), -1));
    return true;
}

static bool fn_splitn(struct template_call *call, struct value *result)
{
    *result = numbered(call, split(call, arg_text(call, 0), arg_text(call, 2), call->args[1].integer));
    return true;
}

static bool fn_split_list(struct template_call *call, struct value *result)
{
    *result = split(call, arg_text(call, 0), arg_text(call, 1), -1);
    return true;
}

static bool fn_to_strings(struct template_call *call, struct value *result)
{
    *result = sprig_texts(call->arena, call->args[0]);
    return true;
}

static bool fn_to_string(struct template_call *call, struct value *result)
{
    struct slice s = sprig_text(call->arena, call->args[0]);
    *result = call->args[0].kind == V_STRING ? call->args[0] : sprig_copy(call, s);
    return true;
}

static bool fn_plural(struct template_call *call, struct value *result)
{
    *result = call->args[call->args[2].integer == 1 ? 0 : 1];
    return true;
}

static bool fn_hello(struct template_call *call, struct value *result)
{
    *result = value_string("Hello!");
    return true;
}

static const struct template_func items[] = {
    {"cat", "v*", fn_cat},
    {"contains", "ss", fn_contains},
    {"hasPrefix", "ss", fn_has_prefix},
    {"hasSuffix", "ss", fn_has_suffix},
    {"hello", "", fn_hello},
    {"indent", "is", fn_indent},
    {"join", "sv", fn_join},
    {"lower", "s", fn_lower},
    {"nindent", "is", fn_nindent},
    {"plural", "ssi", fn_plural},
    {"quote", "v*", fn_quote},
    {"repeat", "is", fn_repeat},
    {"replace", "sss", fn_replace},
    {"split", "ss", fn_split},
    {"splitList", "ss", fn_split_list},
    {"splitn", "sis", fn_splitn},
    {"squote", "v*", fn_squote},
    {"substr", "iis", fn_substr},
    {"toString", "v", fn_to_string},
    {"toStrings", "v", fn_to_strings},
    {"trim", "s", fn_trim},
    {"trimAll", "ss", fn_trim_all},
    {"trimPrefix", "ss", fn_trim_prefix},
    {"trimSuffix", "ss", fn_trim_suffix},
    {"trimall", "ss", fn_trim_all},
    {"trunc", "is", fn_trunc},
    {"upper", "s", fn_upper},
};
const struct template_funcs sprig_strings = {.items = items, .count = ARRAY_LEN(items)};
