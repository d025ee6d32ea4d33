// builtins.c - the functions that every Go template has, except the comparisons (compare.c).
#include "template/builtins.h"
#include "template/run.h"
#include "value/unicode.h"

// ---- printing -------------------------------------------------------------------------------------------------------

struct value call_text(struct template_call *call, struct buf *b)
{
    return value_string_n(buf_cstr(b), b->len);
}

void go_sprint(struct buf *out, const struct value *args, size_t argc)
{
    for (size_t i = 0; i < argc; i++) {
        if (i && args[i].kind != V_STRING && args[i - 1].kind != V_STRING)
            buf_char(out, ' ');
        go_print_value(out, args[i]);
    }
}

static bool fn_print(struct template_call *call, struct value *result)
{
    struct buf out = BUF_IN(call->arena);
    go_sprint(&out, call->args, call->argc);
    *result = call_text(call, &out);
    return true;
}

static bool fn_println(struct template_call *call, struct value *result)
{
    struct buf out = BUF_IN(call->arena);
    for (size_t i = 0; i < call->argc; i++) {
        if (i)
            buf_char(&out, ' ');
        go_print_value(&out, call->args[i]);
    }
    buf_char(&out, '\n');
    *result = call_text(call, &out);
    return true;
}

static bool fn_printf(struct template_call *call, struct value *result)
{
    struct buf out = BUF_IN(call->arena);
    go_sprintf(&out, call->arena, value_slice(call->args[0]), call->args + 1, call->argc - 1);
    *result = call_text(call, &out);
    return true;
}

// ---- escaping -------------------------------------------------------------------------------------------------------

// What html, js and urlquery escape: one string as it is, anything else as print would have it.
static struct slice escaped_input(struct template_call *call)
{
    if (call->argc == 1 && call->args[0].kind == V_STRING)
        return value_slice(call->args[0]);
    struct buf out = BUF_IN(call->arena);
    for (size_t i = 0; i < call->argc; i++) {
        bool nil = call->args[i].kind == V_NULL; // stands for its text, so no space comes before or after it
        if (i && !nil && call->args[i].kind != V_STRING && call->args[i - 1].kind != V_STRING &&
            call->args[i - 1].kind != V_NULL)
            buf_char(&out, ' ');
        go_print_text(&out, call->args[i]);
    }
    return buf_view(&out);
}

void html_escape(struct buf *out, struct slice in)
{
    static const char *const escapes[128] = {
        ['"'] = "&#34;", ['\''] = "&#39;", ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;"};
    for (size_t i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.data[i];
        if (c == 0)
            buf_rune(out, RUNE_ERROR);
        else if (c < 128 && escapes[c])
            buf_str(out, escapes[c]);
        else
            buf_char(out, (char)c);
    }
}

static void js_escape(struct buf *out, struct slice in)
{
    for (size_t i = 0, width; i < in.len; i += width) {
        uint32_t r = utf8_decode(in.data + i, in.len - i, &width);
        if (r >= 0x80) {
            if (go_is_print(r))
                buf_add(out, in.data + i, width);
            else
                buf_printf(out, "\\u%04X", r);
        } else if (r == '\\' || r == '\'' || r == '"') {
            buf_printf(out, "\\%c", (char)r);
        } else if (r < ' ' || (r && strchr("<>&=", (int)r))) {
            buf_printf(out, "\\u%04X", r);
        } else {
            buf_char(out, (char)r);
        }
    }
}

void url_query_escape(struct buf *out, struct slice in)
{
    for (size_t i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.data[i];
        if (c == ' ')
            buf_char(out, '+');
        else if ((c < 0x80 && (go_is_letter(c) || go_is_digit(c))) || (c && strchr("-_.~", c)))
            buf_char(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

static bool escape(struct template_call *call, void (*how)(struct buf *, struct slice), struct value *result)
{
    struct buf out = BUF_IN(call->arena);
    how(&out, escaped_input(call));
    *result = call_text(call, &out);
    return true;
}

static bool fn_html(struct template_call *call, struct value *result)
{
    return escape(call, html_escape, result);
}

static bool fn_js(struct template_call *call, struct value *result)
{
    return escape(call, js_escape, result);
}

static bool fn_urlquery(struct template_call *call, struct value *result)
{
    return escape(call, url_query_escape, result);
}

// ---- containers -----------------------------------------------------------------------------------------------------

static bool bad(struct template_call *call, const char *message)
{
    return error_set(call->err, ERROR_INVALID, "%s", message);
}

// An index into something of a given length; `most` is the greatest one allowed.
static bool index_of(struct template_call *call, struct value index, size_t most, size_t *out)
{
    if (index.kind == V_NULL)
        return bad(call, "cannot index slice/array with nil");
    if (index.kind != V_INT)
        return error_set(call->err, ERROR_INVALID, "cannot index slice/array with type %s", value_go_type(index));
    if (index.integer < 0 || (uint64_t)index.integer > most)
        return error_set(call->err, ERROR_INVALID, "index out of range: %lld", (long long)index.integer);
    *out = (size_t)index.integer;
    return true;
}

// Go's index and len follow pointers.
static const char *pointed_type(struct value v)
{
    const char *type = value_go_type(v);
    return *type == '*' ? type + 1 : type;
}

static bool index_one(struct template_call *call, struct value item, struct value index, struct value *out)
{
    size_t i;
    switch (item.kind) {
    case V_NULL:
        return bad(call, "index of nil pointer");
    case V_LIST:
        if (!index_of(call, index, value_len(item), &i))
            return false;
        if (i == value_len(item))
            return bad(call, "reflect: slice index out of range");
        *out = value_at(item, i);
        return true;
    case V_STRING:
    case V_BYTES:
        if (!index_of(call, index, item.len, &i))
            return false;
        if (i == item.len)
            return bad(call, item.kind == V_STRING ? "reflect: string index out of range"
                                                   : "reflect: slice index out of range");
        *out = value_int_of(GO_UINT8, (uint8_t)item.data[i]);
        return true;
    case V_DICT:
    case V_OBJECT:
        if (item.kind == V_OBJECT && !item.object->class->index)
            break;
        if (index.kind == V_NULL)
            return bad(call, "value is nil; should be of type string");
        if (index.kind != V_STRING)
            return error_set(call->err, ERROR_INVALID, "value has type %s; should be string", value_go_type(index));
        *out = VALUE_NULL;
        if (item.kind == V_OBJECT) {
            item.object->class->index(item.object, index.data, index.len, out);
        } else if (!value_find(item, index.data, index.len, out)) {
            const char *element = element_type(item);
            if (element && strcmp(element, "string") == 0)
                *out = value_string("");
        }
        return true;
    default:
        break;
    }
    return error_set(call->err, ERROR_INVALID, "can't index item of type %s", pointed_type(item));
}

static bool fn_index(struct template_call *call, struct value *result)
{
    if (call->args[0].kind == V_NULL)
        return bad(call, "index of untyped nil");
    struct value item = call->args[0];
    for (size_t i = 1; i < call->argc; i++)
        if (!index_one(call, item, call->args[i], &item))
            return false;
    *result = item;
    return true;
}

static bool fn_slice(struct template_call *call, struct value *result)
{
    struct value item = call->args[0];
    if (item.kind == V_NULL)
        return bad(call, "slice of untyped nil");
    if (call->argc > 4)
        return error_set(call->err, ERROR_INVALID, "too many slice indexes: %zu", call->argc - 1);
    if (item.kind == V_STRING && call->argc == 4)
        return bad(call, "cannot 3-index slice a string");
    if (item.kind != V_LIST && item.kind != V_STRING && item.kind != V_BYTES)
        return error_set(call->err, ERROR_INVALID, "can't slice item of type %s", value_go_type(item));
    size_t len = value_len(item), at[3] = {0, len, len};
    for (size_t i = 1; i < call->argc; i++)
        if (!index_of(call, call->args[i], len, &at[i - 1]))
            return false;
    for (size_t i = 0; i < 2; i++)
        if (at[i] > at[i + 1])
            return error_set(call->err, ERROR_INVALID, "invalid slice index: %zu > %zu", at[i], at[i + 1]);
    if (item.kind == V_LIST) {
        *result = value_list_typed(call->arena, value_go_type(item));
        for (size_t i = at[0]; i < at[1]; i++)
            value_push(*result, value_at(item, i));
    } else {
        const char *copy = arena_strndup(call->arena, item.data + at[0], at[1] - at[0]);
        *result = item.kind == V_STRING ? value_string_n(copy, at[1] - at[0]) : value_bytes(copy, at[1] - at[0]);
    }
    return true;
}

static bool fn_len(struct template_call *call, struct value *result)
{
    struct value item = call->args[0];
    size_t len = value_len(item);
    switch (item.kind) {
    case V_NULL:
        return bad(call, is_interface(item) ? "len of nil pointer"
                                                         : "reflect: call of reflect.Value.Type on zero Value");
    case V_STRING:
    case V_BYTES:
    case V_LIST:
    case V_DICT:
        break;
    case V_OBJECT:
        if (item.object->class->next) {
            for (struct value_iter it = {0}; item.object->class->next(item.object, &it);)
                len++;
            break;
        }
        // fall through
    default:
        return error_set(call->err, ERROR_INVALID, "len of type %s", pointed_type(item));
    }
    *result = value_int_of(GO_INT, (int64_t)len);
    return true;
}

static bool fn_not(struct template_call *call, struct value *result)
{
    *result = value_bool(!value_truth(call->args[0]));
    return true;
}

// No value of ours is a function.
static bool fn_call(struct template_call *call, struct value *result)
{
    struct buf shown = BUF_IN(call->arena);
    if (call->operand)
        node_print(&shown, call->operand);
    else if (call->args[0].kind == V_STRING)
        go_print_value(&shown, call->args[0]);
    else
        buf_printf(&shown, "<%s Value>", value_go_type(call->args[0]));
    if (call->args[0].kind == V_NULL)
        return error_set(call->err, ERROR_INVALID, "call of nil");
    return error_set(call->err, ERROR_INVALID, "non-function %s of type %s", buf_cstr(&shown),
                     value_go_type(call->args[0]));
}

// `and` and `or` are evaluated in eval.c, which needs the operands unevaluated.
static bool fn_shortcut(struct template_call *call, struct value *result)
{
    *result = call->args[call->argc - 1];
    return true;
}

static const struct template_func items[] = {
    {"and", "rr*", fn_shortcut},
    {"call", "rr*", fn_call},
    {"eq", "rr*", compare_eq},
    {"ge", "rr", compare_ge},
    {"gt", "rr", compare_gt},
    {"html", "v*", fn_html},
    {"index", "rr*", fn_index},
    {"js", "v*", fn_js},
    {"le", "rr", compare_le},
    {"len", "r", fn_len},
    {"lt", "rr", compare_lt},
    {"ne", "rr", compare_ne},
    {"not", "r", fn_not},
    {"or", "rr*", fn_shortcut},
    {"print", "v*", fn_print},
    {"printf", "sv*", fn_printf},
    {"println", "v*", fn_println},
    {"slice", "rr*", fn_slice},
    {"urlquery", "v*", fn_urlquery},
};

static const struct template_funcs builtins = {.items = items, .count = ARRAY_LEN(items)};

const struct template_funcs *template_builtins(void)
{
    return &builtins;
}

bool builtin_binding(struct slice name, struct binding *out)
{
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        if (!slice_eq_str(name, items[i].name))
            continue;
        *out = binding_of(&items[i], NULL);
        if (items[i].fn == fn_shortcut)
            out->shortcut = items[i].name[0];
        return true;
    }
    return false;
}
