// goprint.c - values as Go's fmt prints them with %v, and strings as strconv quotes them.
#include "value/internal.h"
#include "value/unicode.h"

const char *const go_month_names[12] = {"January", "February", "March",     "April",   "May",      "June",
                                        "July",    "August",   "September", "October", "November", "December"};
const char *const go_weekday_names[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                         "Thursday", "Friday", "Saturday"};

bool go_print_named(struct buf *out, struct value v)
{
    static const struct {
        const char *type;
        const char *const *names;
        int first, count;
    } types[] = {[GO_MONTH] = {"Month", go_month_names, 1, 12}, [GO_WEEKDAY] = {"Weekday", go_weekday_names, 0, 7}};
    if (v.kind != V_INT || v.go < GO_DURATION)
        return false;
    if (v.go == GO_DURATION)
        duration_print(out, v.integer);
    else if (v.integer >= types[v.go].first && v.integer < types[v.go].first + types[v.go].count)
        buf_str(out, types[v.go].names[v.integer - types[v.go].first]);
    else
        buf_printf(out, "%%!%s(%llu)", types[v.go].type, (unsigned long long)v.integer);
    return true;
}

static void print(struct buf *out, struct value v, const struct walk *up);

static void print_fields(struct buf *out, struct value v, const struct walk *up)
{
    struct arena *scratch = arena_new();
    buf_char(out, '{');
    struct value fields = object_fields(scratch, v);
    for (struct value_iter it = {0}; value_next(fields, &it);) {
        if (it.i > 1)
            buf_char(out, ' ');
        print(out, it.value, up);
    }
    buf_char(out, '}');
    arena_free(scratch);
}

static void print(struct buf *out, struct value v, const struct walk *up)
{
    struct walk here;
    switch (v.kind) {
    case V_NULL:
        buf_str(out, "<nil>");
        break;
    case V_BOOL:
        buf_str(out, v.boolean ? "true" : "false");
        break;
    case V_INT:
        if (!go_print_named(out, v))
            print_integer(out, v);
        break;
    case V_FLOAT:
        go_print_float(out, v.number, v.go == GO_FLOAT32 ? 32 : 64, GO_FLOAT_G);
        break;
    case V_STRING:
        buf_add(out, v.data, v.len);
        break;
    case V_BYTES:
        buf_char(out, '[');
        for (uint32_t i = 0; i < v.len; i++)
            buf_printf(out, i ? " %d" : "%d", (uint8_t)v.data[i]);
        buf_char(out, ']');
        break;
    case V_LIST:
        if (buf_full(out) || !walk_enter(&here, up, v.list)) {
            buf_str(out, "[...]");
            break;
        }
        buf_char(out, '[');
        for (size_t i = 0; i < v.list->len; i++) {
            if (i)
                buf_char(out, ' ');
            print(out, v.list->items[i], &here);
        }
        buf_char(out, ']');
        break;
    case V_DICT:
        if (buf_full(out) || !walk_enter(&here, up, v.dict)) {
            buf_str(out, "map[...]");
            break;
        }
        buf_str(out, "map[");
        for (struct value_iter it = {0}; value_next(v, &it);) {
            if (it.i > 1)
                buf_char(out, ' ');
            buf_add(out, it.key, it.key_len);
            buf_char(out, ':');
            print(out, it.value, &here);
        }
        buf_char(out, ']');
        break;
    case V_OBJECT:
        if (up && v.object->class->address) {
            buf_str(out, GO_ADDRESS);
        } else if (v.object->class->print) {
            v.object->class->print(out, v.object);
        } else if (walk_enter(&here, up, v.object)) {
            if (strcmp(v.object->class->go_kind, "ptr") == 0)
                buf_char(out, '&');
            print_fields(out, v, &here);
        }
        break;
    }
}

void go_print_value(struct buf *out, struct value v)
{
    print(out, v, NULL);
}

void go_print_text(struct buf *out, struct value v)
{
    if (v.kind == V_NULL)
        buf_str(out, "<no value>");
    else if (v.kind == V_OBJECT && v.object->class->text)
        v.object->class->text(out, v.object);
    else if (v.kind == V_OBJECT && !v.object->class->print) // what a pointer points to
        print_fields(out, v, &(struct walk){0});
    else
        print(out, v, NULL);
}

static void escape_rune(struct buf *out, uint32_t rune, char quote)
{
    static const char letters[32] = {
        ['\a'] = 'a', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['\v'] = 'v'};
    if (rune == (unsigned char)quote || rune == '\\')
        buf_printf(out, "\\%c", (char)rune);
    else if (rune < 0x20 && letters[rune])
        buf_printf(out, "\\%c", letters[rune]);
    else if (go_is_print(rune))
        buf_rune(out, rune);
    else if (rune < 0x80)
        buf_printf(out, "\\x%02x", rune);
    else
        buf_printf(out, rune < 0x10000 ? "\\u%04x" : "\\U%08x", rune);
}

void go_quote(struct buf *out, const char *s, size_t len)
{
    buf_reserve(out, len + 2);
    buf_char(out, '"');
    for (size_t i = 0, width; i < len; i += width) {
        size_t start = i;
        while (i < len && (unsigned char)s[i] >= 0x20 && (unsigned char)s[i] < 0x7f && s[i] != '"' && s[i] != '\\')
            i++;
        buf_add(out, s + start, i - start);
        if (i == len)
            break;
        uint32_t rune = utf8_decode(s + i, len - i, &width);
        if (rune == RUNE_ERROR && width == 1)
            buf_printf(out, "\\x%02x", (uint8_t)s[i]);
        else
            escape_rune(out, rune, '"');
    }
    buf_char(out, '"');
}

void go_quote_rune(struct buf *out, uint32_t rune)
{
    buf_char(out, '\'');
    escape_rune(out, rune > 0x10FFFF || (rune >= 0xD800 && rune <= 0xDFFF) ? RUNE_ERROR : rune, '\'');
    buf_char(out, '\'');
}

const char *go_quoted(struct arena *a, struct slice s)
{
    struct buf out = BUF_IN(a);
    go_quote(&out, s.data, s.len);
    return buf_cstr(&out);
}

const char *go_quoted_rune(struct arena *a, uint32_t rune)
{
    struct buf out = BUF_IN(a);
    go_quote_rune(&out, rune);
    return buf_cstr(&out);
}

const char *time_quote(struct arena *a, struct slice s)
{
    struct buf out = BUF_IN(a);
    buf_char(&out, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c == '"' || c == '\\')
            buf_printf(&out, "\\%c", c);
        else if (c < ' ' || c > 0x7f)
            buf_printf(&out, "\\x%02x", c);
        else
            buf_char(&out, (char)c);
    }
    buf_char(&out, '"');
    return buf_cstr(&out);
}
