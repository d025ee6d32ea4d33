// json_write.c - JSON as Go's encoding/json writes it.
#include "value/internal.h"

#include <math.h>

// Shared structure multiplies when it is written out: a few nested lists can stand for any amount of text.
#define JSON_OUTPUT_MAX (512u << 20)

struct writer {
    struct buf *out;
    int flags;
    struct arena *scratch; // for what objects stand for; made when first needed
};

// What a byte in a string needs: 0 nothing, 1 always an escape, 2 an escape in HTML, 3 a look at the whole rune.
static const uint8_t byte_class[256] = {
    [0 ... 0x1f] = 1, ['"'] = 1, ['\\'] = 1, ['&'] = 2, ['<'] = 2, ['>'] = 2, [0x80 ... 0xff] = 3,
};

static void add_escape(struct buf *out, unsigned char c)
{
    static const char letters[128] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['"'] = '"', ['\\'] = '\\'};
    if (letters[c]) {
        buf_add(out, (char[]){'\\', letters[c]}, 2);
    } else {
        static const char hex[] = "0123456789abcdef";
        buf_add(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
    }
}

static void write_string(struct buf *out, const char *s, size_t len, bool html)
{
    buf_reserve(out, len + 2);
    buf_char(out, '"');
    size_t start = 0, i = 0;
    while (i < len) {
        unsigned char c = (unsigned char)s[i];
        uint8_t class = byte_class[c];
        if (class == 0 || (class == 2 && !html)) {
            i++;
            continue;
        }
        size_t width = 1;
        uint32_t rune = class == 3 ? utf8_decode(s + i, len - i, &width) : c;
        bool bad = rune == RUNE_ERROR && width == 1;
        if (class == 3 && !bad && rune != 0x2028 && rune != 0x2029) {
            i += width;
            continue;
        }
        buf_add(out, s + start, i - start);
        if (class != 3)
            add_escape(out, c);
        else // JavaScript takes U+2028 and U+2029 for line ends: escaped with or without HTML
            buf_str(out, bad ? "\\ufffd" : rune == 0x2028 ? "\\u2028" : "\\u2029");
        i += width;
        start = i;
    }
    buf_add(out, s + start, len - start);
    buf_char(out, '"');
}

static void break_line(struct writer *w, unsigned depth)
{
    if (w->flags & JSON_INDENT) {
        buf_char(w->out, '\n');
        buf_fill(w->out, ' ', 2 * (size_t)depth);
    }
}

static bool write_value(struct writer *w, struct value v, const struct walk *up);

static bool write_list(struct writer *w, const struct list *l, const struct walk *up)
{
    struct walk here;
    if (!walk_enter(&here, up, l) || w->out->len > JSON_OUTPUT_MAX || buf_full(w->out))
        return false;
    buf_char(w->out, '[');
    for (size_t i = 0; i < l->len; i++) {
        if (i)
            buf_char(w->out, ',');
        break_line(w, here.depth);
        if (!write_value(w, l->items[i], &here))
            return false;
    }
    if (l->len)
        break_line(w, here.depth - 1);
    buf_char(w->out, ']');
    return true;
}

static bool write_dict(struct writer *w, struct value v, const struct walk *up)
{
    struct walk here;
    if (!walk_enter(&here, up, v.dict) || w->out->len > JSON_OUTPUT_MAX || buf_full(w->out))
        return false;
    buf_char(w->out, '{');
    for (struct value_iter it = {0}; value_next(v, &it);) {
        if (it.i > 1)
            buf_char(w->out, ',');
        break_line(w, here.depth);
        write_string(w->out, it.key, it.key_len, w->flags & JSON_HTML);
        buf_str(w->out, w->flags & JSON_INDENT ? ": " : ":");
        if (!write_value(w, it.value, &here))
            return false;
    }
    if (v.dict->len)
        break_line(w, here.depth - 1);
    buf_char(w->out, '}');
    return true;
}

static bool write_value(struct writer *w, struct value v, const struct walk *up)
{
    struct walk here;
    switch (value_is_nil(v) ? V_NULL : v.kind) {
    case V_NULL:
        buf_add(w->out, "null", 4);
        return true;
    case V_BOOL:
        buf_str(w->out, v.boolean ? "true" : "false");
        return true;
    case V_INT:
        print_integer(w->out, v);
        return true;
    case V_FLOAT:
        if (!isfinite(v.number))
            return false;
        go_print_float(w->out, v.number, v.go == GO_FLOAT32 ? 32 : 64, GO_FLOAT_JSON);
        return true;
    case V_STRING:
        write_string(w->out, v.data, v.len, w->flags & JSON_HTML);
        return true;
    case V_BYTES:
        buf_char(w->out, '"');
        base64_encode(w->out, v.data, v.len);
        buf_char(w->out, '"');
        return true;
    case V_LIST:
        return write_list(w, v.list, up);
    case V_DICT:
        return write_dict(w, v, up);
    default:
        if (!w->scratch)
            w->scratch = arena_new();
        if (!walk_enter(&here, up, v.object))
            return false;
        here.depth--; // it stands where its fields' braces do
        if (v.object->class->no_json && v.object->class->no_json(v.object))
            return false;
        return write_value(w, object_plain(w->scratch, v), &here);
    }
}

struct value object_plain(struct arena *a, struct value v)
{
    return v.object->class->plain ? v.object->class->plain(a, v.object) : VALUE_NULL;
}

bool json_write(struct buf *out, struct value v, int flags)
{
    struct writer w = {.out = out, .flags = flags};
    bool ok = write_value(&w, v, NULL);
    arena_free(w.scratch);
    return ok;
}

char *json_text(struct arena *a, struct value v)
{
    struct buf out = BUF_IN(a);
    return json_write(&out, v, 0) ? out.data : NULL;
}
