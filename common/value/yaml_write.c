// yaml_write.c - writes YAML, byte for byte as Helm's toYaml and toYamlPretty do.
//
// toYaml is sigs.k8s.io/yaml: the value goes through JSON, is read back by go-yaml v2 and written by it. What JSON or
// that reading changes or refuses (bad UTF-8, NaN, some control characters, very long keys) is changed or refused here
// too. toYamlPretty is go-yaml v3 on the value itself. libyaml's emitter differs from both in quoting, line breaks and
// folding.
#include "value/internal.h"
#include "value/yaml_order.h"
#include "value/yaml_scalar.h"

#include <math.h>
#include <stdio.h>

#define YAML_OUTPUT_MAX (512u << 20)
#define FOLD_COLUMN 80     // v2 breaks lines at the first space beyond it
#define SIMPLE_KEY_MAX 128 // longer keys, and those of several lines, are written after "? "
#define JSON_KEY_MAX 1024  // what go-yaml reads as a key, in runes, with its quotes

struct writer {
    struct buf *out;
    struct error *err;
    bool v3;
    bool fresh;  // nothing stands on this line yet
    size_t line; // where in `out` this line starts
    struct arena *scratch;
    const struct dict_entry **order; // a stack: the sorted entries of the dicts being written
    size_t order_len, order_cap;
};

static bool refuse(struct writer *w, const char *why)
{
    return error_set(w->err, ERROR_INVALID, "%s", why);
}

static void new_line(struct writer *w, size_t indent)
{
    if (!w->fresh)
        buf_char(w->out, '\n');
    w->fresh = false;
    w->line = w->out->len;
    buf_fill(w->out, ' ', indent);
}

static void end_line(struct writer *w) // after a line break that is part of a scalar
{
    w->fresh = true;
    w->line = w->out->len;
}

// ---- what a string needs ------------------------------------------------------------------------------------------
struct shape {
    bool plain, single, block; // the styles that can hold it
    bool newline;              // has \n
    bool breaks;               // has line breaks of any kind
    bool exotic_breaks;        // U+2028 or U+2029
    bool bad_utf8;
    bool next_line; // U+0085, which go-yaml folds when it reads JSON
    bool forbidden; // a rune that go-yaml does not read
};

// Bytes that call for a closer look wherever they stand.
static const bool remarkable[256] = {
    [0 ... 0x20] = true,
    ['#'] = true,
    [':'] = true,
    [0x7f ... 0xff] = true,
};
// Bytes that start something other than a plain scalar.
static const bool indicator[256] = {
    ['#'] = true, [','] = true, ['['] = true, [']'] = true,  ['{'] = true, ['}'] = true, ['&'] = true, ['*'] = true,
    ['!'] = true, ['|'] = true, ['>'] = true, ['\''] = true, ['"'] = true, ['%'] = true, ['@'] = true, ['`'] = true,
};

static bool is_blank(const char *s, size_t len, size_t i)
{
    return i >= len || s[i] == ' ' || s[i] == '\t';
}

static bool is_break(uint32_t rune)
{
    return rune == '\n' || rune == '\r' || rune == 0x85 || rune == 0x2028 || rune == 0x2029;
}

// What go-yaml writes as it is; beyond the basic plane it escapes everything.
static bool is_printable(uint32_t rune)
{
    return rune == '\n' || (rune >= 0x20 && rune < 0x7f) || (rune >= 0xa0 && rune <= 0xfffd && rune != 0xfeff);
}

static bool starts_like_syntax(const char *s, size_t len)
{
    if (indicator[(uint8_t)s[0]])
        return true;
    if ((s[0] == '-' || s[0] == '?' || s[0] == ':') && is_blank(s, len, 1))
        return true;
    return len >= 3 && (memcmp(s, "---", 3) == 0 || memcmp(s, "...", 3) == 0);
}

static struct shape shape_of(const char *s, size_t len, bool v3)
{
    struct shape shape = {0};
    bool syntax = starts_like_syntax(s, len), special = false, tab = false;
    bool break_space = false, space_break = false, edge_break = false;
    bool after_break = false, edge_space = s[0] == ' ' || s[len - 1] == ' ';
    for (size_t i = 0, width; i < len; i += width) {
        width = 1;
        uint8_t c = (uint8_t)s[i];
        if (!remarkable[c]) {
            after_break = false;
            continue;
        }
        uint32_t rune = c < 0x80 ? c : utf8_decode(s + i, len - i, &width);
        shape.bad_utf8 |= rune == RUNE_ERROR && width == 1;
        if (rune == ' ') {
            break_space |= after_break;
            after_break = false;
        } else if (is_break(rune)) {
            shape.breaks = true;
            shape.newline |= rune == '\n';
            shape.next_line |= rune == 0x85;
            shape.exotic_breaks |= rune > 0xff;
            space_break |= i > 0 && s[i - 1] == ' ';
            edge_break |= i == 0 || i + width == len;
            after_break = true;
        } else {
            after_break = false;
            syntax |= rune == ':' && is_blank(s, len, i + 1);
            syntax |= rune == '#' && i > 0 && is_blank(s, len, i - 1);
        }
        if (rune == '\t' && v3)
            tab = true;
        else if (!is_printable(rune))
            special = true;
        shape.forbidden |= rune >= 0x7f && rune != 0x85 && rune != 0xfeff && rune < 0x10000 && !is_printable(rune);
    }
    shape.single = !break_space && !space_break && !special && !tab;
    shape.plain = shape.single && !edge_space && !edge_break && !shape.breaks && !syntax;
    shape.block = s[len - 1] != ' ' && !space_break && !special;
    return shape;
}

// What is left of a string that went through JSON and go-yaml's reader: bad bytes become U+FFFD, and a run of U+0085
// folds as line breaks do, with the spaces around it.
static struct slice through_json(struct writer *w, struct slice s)
{
    struct buf out = BUF_IN(w->scratch);
    for (size_t i = 0, width; i < s.len; i += width) {
        uint32_t rune = utf8_decode(s.data + i, s.len - i, &width);
        if (rune != 0x85) {
            buf_rune(&out, rune);
            continue;
        }
        while (out.len && out.data[out.len - 1] == ' ')
            out.len--;
        size_t lines = 0, end = i;
        while (end < s.len) {
            size_t step;
            uint32_t next = utf8_decode(s.data + end, s.len - end, &step);
            if (next != 0x85 && next != ' ')
                break;
            lines += next == 0x85;
            end += step;
        }
        buf_fill(&out, lines == 1 ? ' ' : '\n', lines == 1 ? 1 : lines - 1);
        width = end - i;
    }
    buf_cstr(&out);
    return buf_view(&out);
}

// U+2028 and U+2029 break lines too, and are kept as they are.
#define EXOTIC_LEN 3
static bool exotic_break_at(struct slice s, size_t i)
{
    return s.len - i >= EXOTIC_LEN && memcmp(s.data + i, "\xe2\x80", 2) == 0 && ((uint8_t)s.data[i + 2] | 1) == 0xa9;
}

// ---- scalars ------------------------------------------------------------------------------------------------------
// Is the column, counted in runes, beyond the one where v2 folds?
static bool line_is_long(const struct writer *w)
{
    size_t bytes = w->out->len - w->line;
    return bytes > FOLD_COLUMN && utf8_count(w->out->data + w->line, bytes) > FOLD_COLUMN;
}

// Plain, or in single quotes where `quoted`. `indent` is where the next line of a folded scalar starts.
static void write_flow(struct writer *w, struct slice s, bool quoted, bool fold, size_t indent)
{
    struct buf *out = w->out;
    if (quoted)
        buf_char(out, '\'');
    fold = fold && out->len - w->line + 2 * s.len > FOLD_COLUMN && memchr(s.data, ' ', s.len);
    size_t start = 0;
    for (size_t i = 0; i < s.len && (quoted || fold); i++) {
        char c = s.data[i];
        if (exotic_break_at(s, i)) { // stays as it is; the text after it is indented
            buf_add(out, s.data + start, i + EXOTIC_LEN - start);
            start = i + EXOTIC_LEN;
            i += EXOTIC_LEN - 1;
            end_line(w);
            continue;
        }
        if (w->fresh)
            new_line(w, indent);
        if (c == '\'' && quoted) {
            buf_add(out, s.data + start, i + 1 - start); // with the quote, which is then written once more
            start = i;
        } else if (c == ' ' && fold && i > 0 && i + 1 < s.len && s.data[i - 1] != ' ' && s.data[i + 1] != ' ') {
            buf_add(out, s.data + start, i - start);
            start = i;
            if (line_is_long(w)) {
                new_line(w, indent);
                start++;
            }
        }
    }
    buf_add(out, s.data + start, s.len - start);
    if (quoted)
        buf_char(out, '\'');
    w->fresh = false;
}

static void write_escape(struct buf *out, uint32_t rune)
{
    static const char letters[256] = {
        [0] = '0',    ['\a'] = 'a', ['\b'] = 'b', ['\t'] = 't',  ['\n'] = 'n', ['\v'] = 'v', ['\f'] = 'f',
        ['\r'] = 'r', [0x1b] = 'e', ['"'] = '"',  ['\\'] = '\\', [0x85] = 'N', [0xa0] = '_'};
    if (rune < 256 && letters[rune])
        buf_printf(out, "\\%c", letters[rune]);
    else if (rune == 0x2028 || rune == 0x2029)
        buf_str(out, rune == 0x2028 ? "\\L" : "\\P");
    else
        buf_printf(out, rune < 0x100 ? "\\x%02X" : rune < 0x10000 ? "\\u%04X" : "\\U%08X", rune);
}

// How many bytes from i on mean nothing special in double quotes.
static size_t ordinary_run(struct slice s, size_t i)
{
    size_t end = i;
    while (end < s.len && s.data[end] > ' ' && s.data[end] < 0x7f && s.data[end] != '"' && s.data[end] != '\\')
        end++;
    return end - i;
}

static void write_double(struct writer *w, struct slice s, bool fold, size_t indent)
{
    struct buf *out = w->out;
    // go-yaml looks for the byte order mark at the start of the string, not at each rune: it then escapes everything.
    bool escape_all = s.len >= 3 && memcmp(s.data, "\xef\xbb\xbf", 3) == 0;
    bool spaces = false;
    buf_char(out, '"');
    for (size_t i = 0, width; i < s.len; i += width) {
        width = escape_all ? 0 : ordinary_run(s, i);
        if (width) {
            buf_add(out, s.data + i, width);
            spaces = false;
            continue;
        }
        uint32_t rune = utf8_decode(s.data + i, s.len - i, &width);
        if (escape_all || !is_printable(rune) || is_break(rune) || rune == '"' || rune == '\\') {
            write_escape(out, rune);
            spaces = false;
        } else if (rune == ' ') {
            if (fold && !spaces && i > 0 && i + 1 < s.len && line_is_long(w)) {
                new_line(w, indent);
                if (s.data[i + 1] == ' ')
                    buf_char(out, '\\');
            } else {
                buf_char(out, ' ');
            }
            spaces = true;
        } else {
            buf_add(out, s.data + i, width);
            spaces = false;
        }
    }
    buf_char(out, '"');
}

// Does a line break end at `len`? *before is where it starts.
static bool ends_in_break(struct slice s, size_t len, size_t *before)
{
    *before = len;
    if (len >= 1 && s.data[len - 1] == '\n')
        *before = len - 1;
    else if (len >= EXOTIC_LEN && exotic_break_at(s, len - EXOTIC_LEN))
        *before = len - EXOTIC_LEN;
    return *before < len;
}

static void write_literal(struct writer *w, struct slice s, const struct shape *shape, size_t indent)
{
    struct buf *out = w->out;
    buf_char(out, '|');
    if (s.data[0] == '\n' || s.data[0] == ' ' || exotic_break_at(s, 0))
        buf_char(out, '2'); // the indentation, which a reader could not tell from the first line
    size_t before, unused;
    if (!ends_in_break(s, s.len, &before))
        buf_char(out, '-');
    else if (before == 0 || ends_in_break(s, before, &unused))
        buf_char(out, '+');
    buf_char(out, '\n');
    end_line(w);
    for (size_t i = 0; i < s.len;) {
        size_t end = i;
        if (shape->exotic_breaks) {
            size_t width = 0;
            while (end < s.len && !is_break(utf8_decode(s.data + end, s.len - end, &width)))
                end += width;
            if (end > i)
                buf_fill(out, ' ', indent);
            end += end < s.len ? width : 0;
        } else {
            const char *newline = memchr(s.data + i, '\n', s.len - i);
            if (newline != s.data + i)
                buf_fill(out, ' ', indent);
            end = newline ? (size_t)(newline + 1 - s.data) : s.len;
        }
        buf_add(out, s.data + i, end - i);
        i = end;
    }
    w->fresh = false;
    if (ends_in_break(s, s.len, &before))
        end_line(w);
}

#define BINARY_LINE 70 // of base64; what is not shorter takes several

static void write_binary(struct writer *w, struct slice s, size_t indent)
{
    struct buf text = BUF_IN(w->scratch), lines = BUF_IN(w->scratch);
    base64_encode(&text, s.data, s.len);
    buf_str(w->out, "!!binary ");
    if (text.len < BINARY_LINE) {
        buf_slice(w->out, buf_view(&text));
        return;
    }
    for (size_t i = 0; i < text.len; i += BINARY_LINE) {
        buf_slice(&lines, slice_sub(buf_view(&text), i, i + BINARY_LINE));
        buf_char(&lines, '\n');
    }
    write_literal(w, buf_view(&lines), &(struct shape){0}, indent);
}

static bool must_quote(struct writer *w, struct slice s)
{
    struct value unused;
    if (!yaml_may_resolve(s.data, s.len))
        return false;
    if (yaml_is_base60(s.data, s.len))
        return true;
    if (!w->v3)
        return yaml_resolve(s.data, s.len, &unused) != YAML_STR;
    return yaml_resolve_v3(s.data, s.len, &unused) != YAML_STR || yaml_is_old_bool(s.data, s.len);
}

// The string as go-yaml sees it, and its shape. False: go-yaml refuses it.
static bool prepare(struct writer *w, struct slice *s, struct shape *shape)
{
    *shape = s->len ? shape_of(s->data, s->len, w->v3) : (struct shape){.plain = true};
    if (w->v3)
        return true;
    if (shape->forbidden)
        return refuse(w, "yaml: control characters are not allowed");
    if (shape->bad_utf8 || shape->next_line) {
        *s = through_json(w, *s);
        *shape = shape_of(s->data, s->len, false);
    }
    return true;
}

static void write_prepared(struct writer *w, struct slice s, const struct shape *shape, bool simple_key, size_t indent)
{
    bool fold = !w->v3 && !simple_key;
    if (shape->bad_utf8)
        write_binary(w, s, indent);
    else if (shape->newline && shape->block)
        write_literal(w, s, shape, indent);
    else if (shape->newline || must_quote(w, s) || !shape->single)
        write_double(w, s, fold, indent);
    else
        write_flow(w, s, !shape->plain, fold, indent);
}

static bool write_string(struct writer *w, struct slice s, size_t indent)
{
    struct shape shape;
    if (!prepare(w, &s, &shape))
        return false;
    write_prepared(w, s, &shape, false, indent);
    return true;
}

static bool write_float(struct writer *w, struct value v)
{
    int bits = v.go == GO_FLOAT32 ? 32 : 64;
    struct buf *out = w->out;
    if (w->v3) {
        go_print_float(out, v.number, bits, GO_FLOAT_YAML);
        return true;
    }
    if (!isfinite(v.number))
        return refuse(w, isnan(v.number) ? "json: unsupported value: NaN"
                         : v.number > 0  ? "json: unsupported value: +Inf"
                                         : "json: unsupported value: -Inf");
    if (fabs(v.number) < 1e15 && v.number == (double)(int64_t)v.number) { // by far the most; -0 becomes 0
        print_integer(out, value_int((int64_t)v.number));
        return true;
    }
    // Written as JSON and read back: what has neither point nor exponent there is a whole number, if it fits into 64
    // bits.
    size_t start = out->len;
    go_print_float(out, v.number, bits, GO_FLOAT_JSON);
    struct value back;
    if (yaml_resolve(out->data + start, out->len - start, &back) == YAML_INT)
        return true;
    out->len = start;
    go_print_float(out, back.number, 64, GO_FLOAT_YAML);
    return true;
}

// ---- nodes --------------------------------------------------------------------------------------------------------
// Where a node stands: at the root, after "key:", or after "- ", "? " or ": ", where a block may start on the same
// line.
enum place { AT_ROOT, AFTER_KEY, INLINE };

static bool write_node(struct writer *w, struct value v, enum place place, size_t indent, const struct walk *up);

static bool enter(struct writer *w, struct walk *here, const struct walk *up, const void *container, struct value v)
{
    if (w->out->len > YAML_OUTPUT_MAX || buf_full(w->out))
        return error_set(w->err, ERROR_LIMIT, "yaml: more than %u bytes", YAML_OUTPUT_MAX);
    if (walk_enter(here, up, container))
        return true;
    return error_set(w->err, ERROR_LIMIT, "json: unsupported value: encountered a cycle via %s", value_go_type(v));
}

static bool json_key_too_long(struct slice key)
{
    size_t runes = 2;
    if (key.len <= JSON_KEY_MAX / 6) // no rune takes more than six bytes for each of its own
        return false;
    for (size_t i = 0, width; i < key.len; i += width) {
        uint32_t rune = utf8_decode(key.data + i, key.len - i, &width);
        bool letter = rune && rune < 0x80 && strchr("\"\\\n\r\t\b\f", (int)rune);
        bool hex = rune < 0x20 || rune == '<' || rune == '>' || rune == '&' || rune == 0x2028 || rune == 0x2029 ||
                   (rune == RUNE_ERROR && width == 1);
        runes += letter ? 2 : hex ? 6 : 1;
    }
    return runes > JSON_KEY_MAX;
}

// Writes the key and what stands between it and its value; *complex: it was written after "? ".
static bool write_key(struct writer *w, const struct dict_entry *e, size_t indent, bool *complex)
{
    struct slice key = slice_n(e->key, e->key_len);
    struct shape shape;
    if (!w->v3 && (memmem(key.data, key.len, "\xc2\x85", 2) || json_key_too_long(key)))
        return refuse(w, "yaml: line 1: could not find expected ':'");
    if (!prepare(w, &key, &shape))
        return false;
    *complex = shape.bad_utf8 ? (key.len + 2) / 3 * 4 >= BINARY_LINE : key.len > SIMPLE_KEY_MAX || shape.breaks;
    if (*complex)
        buf_add(w->out, "? ", 2);
    write_prepared(w, key, &shape, !*complex, indent + 2);
    if (*complex) {
        new_line(w, indent);
        buf_add(w->out, ": ", 2);
    } else {
        buf_char(w->out, ':');
    }
    return true;
}

static const struct dict_entry **order_push(struct writer *w, const struct dict *d)
{
    size_t need = w->order_len + 2 * (size_t)d->len;
    if (need > w->order_cap) {
        w->order_cap = need * 2;
        w->order = xrealloc(w->order, w->order_cap * sizeof *w->order);
    }
    const struct dict_entry **entries = w->order + w->order_len;
    for (uint32_t i = 0; i < d->len; i++)
        entries[i] = &d->entries[i];
    if (!w->v3 || !d->in_order) // a struct's fields keep their order, but not on the way through JSON
        yaml_order(entries, entries + d->len, d->len, w->v3);
    w->order_len += d->len;
    return entries;
}

static bool write_dict(struct writer *w, struct value v, enum place place, size_t indent, const struct walk *up)
{
    struct walk here;
    struct dict *d = v.dict;
    if (!enter(w, &here, up, d, v))
        return false;
    dict_sort(d);
    size_t base = w->order_len;
    order_push(w, d);
    bool ok = true;
    for (uint32_t i = 0; i < d->len && ok; i++) {
        const struct dict_entry *e = w->order[base + i];
        if (i > 0 || place == AFTER_KEY)
            new_line(w, indent);
        bool complex = false;
        ok = write_key(w, e, indent, &complex) && write_node(w, e->value, complex ? INLINE : AFTER_KEY, indent, &here);
    }
    w->order_len = base;
    return ok;
}

static bool write_list(struct writer *w, struct value v, enum place place, size_t indent, const struct walk *up)
{
    struct walk here;
    if (!enter(w, &here, up, v.list, v))
        return false;
    for (size_t i = 0; i < v.list->len; i++) {
        if (i > 0 || place == AFTER_KEY)
            new_line(w, indent);
        buf_add(w->out, "- ", 2);
        if (!write_node(w, v.list->items[i], INLINE, indent, &here))
            return false;
    }
    return true;
}

static bool write_bytes(struct writer *w, struct value v, enum place place, size_t indent, const struct walk *up)
{
    if (!w->v3) {
        struct buf text = BUF_IN(w->scratch);
        base64_encode(&text, v.data, v.len);
        buf_cstr(&text);
        return write_string(w, buf_view(&text), indent);
    }
    struct value numbers = value_list(w->scratch); // go-yaml v3 sees a list of uint8
    for (uint32_t i = 0; i < v.len; i++)
        value_push(numbers, value_int((uint8_t)v.data[i]));
    return write_node(w, numbers, place, indent, up);
}

// What go-yaml v3 makes of a struct without tags: its fields in small letters, in their own order.
static struct value small_fields(struct writer *w, struct value object)
{
    struct value fields = object_fields(w->scratch, object), out = value_dict_fields(w->scratch);
    for (struct value_iter it = {0}; value_next(fields, &it);) {
        if (!field_exported(it.key))
            continue;
        char *name = arena_strndup(w->scratch, it.key, it.key_len);
        for (char *p = name; *p; p++)
            *p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
        value_set(out, name, it.value);
    }
    return out;
}

// `indent` is that of the block the node stands in.
static bool write_node(struct writer *w, struct value v, enum place place, size_t indent, const struct walk *up)
{
    size_t inner = place == AT_ROOT ? 0 : indent + 2;
    size_t scalar_indent = place == AT_ROOT ? 2 : inner;
    struct walk here;
    if (value_is_nil(v) && !w->v3)
        v = VALUE_NULL;
    if (v.kind == V_OBJECT) {
        const struct value_class *class = v.object->class;
        if (w->v3 && class->timestamp) {
            if (place == AFTER_KEY)
                buf_char(w->out, ' ');
            buf_slice(w->out, value_slice(object_plain(w->scratch, v)));
            return true;
        }
        const char *why = class->no_json ? class->no_json(v.object) : NULL;
        if (why)
            return refuse(w, w->v3 ? arena_printf(w->scratch, "cannot marshal type: %s", class->go_type) : why);
        if (!enter(w, &here, up, v.object, v))
            return false;
        bool by_fields = w->v3 && class->fields && !class->print;
        return write_node(w, by_fields ? small_fields(w, v) : object_plain(w->scratch, v), place, indent, &here);
    }
    bool block = (v.kind == V_LIST || v.kind == V_DICT) && value_len(v);
    bool byte_list = v.kind == V_BYTES && w->v3 && v.len;
    if (place == AFTER_KEY && !block && !byte_list)
        buf_char(w->out, ' ');
    switch (v.kind) {
    case V_BOOL:
        buf_str(w->out, v.boolean ? "true" : "false");
        return true;
    case V_INT:
        if (w->v3 && v.go == GO_DURATION) // the one type of numbers that go-yaml v3 has a text for
            go_print_named(w->out, v);
        else
            print_integer(w->out, v);
        return true;
    case V_FLOAT:
        return write_float(w, v);
    case V_STRING:
        return write_string(w, value_slice(v), scalar_indent);
    case V_BYTES:
        return write_bytes(w, v, place, byte_list ? indent : scalar_indent, up);
    case V_LIST: // a list that belongs to a key stands under the key itself, but not in the pretty form
        return block ? write_list(w, v, place, place == AFTER_KEY && !w->v3 ? indent : inner, up)
                     : (buf_add(w->out, "[]", 2), true);
    case V_DICT:
        return block ? write_dict(w, v, place, inner, up) : (buf_add(w->out, "{}", 2), true);
    default:
        buf_add(w->out, "null", 4);
        return true;
    }
}

bool yaml_write(struct buf *out, struct value v, int flags, struct error *err)
{
    struct writer w = {
        .out = out, .err = err, .v3 = flags & YAML_INDENT_LISTS, .line = out->len, .scratch = arena_new()};
    size_t start = out->len;
    bool ok = write_node(&w, v, AT_ROOT, 0, NULL);
    free(w.order);
    arena_free(w.scratch);
    if (ok && !w.fresh)
        buf_char(out, '\n');
    if (!ok && out->data) {
        out->len = start;
        out->data[start] = '\0';
    }
    return ok;
}
