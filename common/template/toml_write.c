// toml_write.c - values as TOML 1.0, laid out as Helm's toToml has it: plain keys before tables, two spaces for each
// level.
#include "template/toml.h"
#include "template/go_time.h"

#include <math.h>

#define DEPTH_MAX 200

struct writer {
    struct buf *out;
    struct arena *arena;
    struct error *err;
};

struct key_path {
    const struct key_path *up;
    struct slice name;
    size_t depth; // the first key's is 1
};

static bool write_table(struct writer *w, const struct key_path *path, struct value dict);

static bool fail(struct writer *w, enum error_class class, const char *message)
{
    return error_set(w->err, class, "toml: %s", message);
}

static void add_quoted(struct buf *out, struct slice s)
{
    static const char letters[32] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    buf_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20 && letters[c])
            buf_printf(out, "\\%c", letters[c]);
        else if (c < 0x20 || c == 0x7F)
            buf_printf(out, "\\u%04x", c);
        else
            buf_char(out, (char)c);
    }
    buf_char(out, '"');
}

void toml_key(struct buf *out, struct slice name)
{
    bool bare = name.len > 0;
    for (size_t i = 0; i < name.len && bare; i++) {
        char c = name.data[i];
        bare = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '-';
    }
    if (bare)
        buf_slice(out, name);
    else
        add_quoted(out, name);
}

static void add_path(struct buf *out, const struct key_path *path)
{
    if (path->up) {
        add_path(out, path->up);
        buf_char(out, '.');
    }
    toml_key(out, path->name);
}

static void newline(struct writer *w)
{
    if (w->out->len)
        buf_char(w->out, '\n');
}

static void add_float(struct buf *out, double f)
{
    if (isnan(f) || isinf(f)) {
        buf_str(out, isnan(f) ? "nan" : f < 0 ? "-inf" : "inf");
        return;
    }
    size_t start = out->len;
    go_print_float(out, f, 64, GO_FLOAT_G);
    if (!memchr(out->data + start, '.', out->len - start) && !memchr(out->data + start, 'e', out->len - start))
        buf_str(out, ".0");
}

// What an object is to the encoder: a dict where it is a struct or a map, else what its text is.
static struct value seen(struct writer *w, struct value v)
{
    const struct value_class *class = v.kind == V_OBJECT ? v.object->class : NULL;
    if (!class || class->timestamp || class->no_json)
        return v;
    if (!class->fields || class->print)
        return object_plain(w->arena, v);
    struct value fields = class->fields(w->arena, v.object), out = value_dict_fields(w->arena);
    for (struct value_iter it = {0}; value_next(fields, &it);)
        if (field_exported(it.key))
            value_set_n(out, it.key, it.key_len, it.value);
    return out;
}

static bool is_dict(struct writer *w, struct value v)
{
    return seen(w, v).kind == V_DICT;
}

// A list that becomes [[tables]]: it has items, and each is a dict.
static bool is_table_list(struct writer *w, struct value v)
{
    if (v.kind != V_LIST)
        return false;
    for (size_t i = 0; i < value_len(v); i++)
        if (!is_dict(w, value_at(v, i)))
            return false;
    return value_len(v) > 0;
}

static bool is_table(struct writer *w, struct value v)
{
    return is_dict(w, v) || is_table_list(w, v);
}

static bool unsupported(struct writer *w, struct value v, const char *at)
{
    return error_set(w->err, ERROR_INVALID, "unsupported type%s: %s", at, value_go_type(v));
}

// A date of TOML's own, without quotes. What was read without a zone is in one that says so, and is told as it is in UTC.
static void add_time(struct writer *w, struct moment m)
{
    static const struct {
        const char *zone, *layout;
    } locals[] = {{"datetime-local", "2006-01-02T15:04:05.999999999"},
                  {"date-local", "2006-01-02"},
                  {"time-local", "15:04:05.999999999"}};
    const char *layout = "2006-01-02T15:04:05.999999999Z07:00";
    for (size_t i = 0; i < ARRAY_LEN(locals); i++)
        if (strcmp(zone_name(m.zone), locals[i].zone) == 0)
            layout = locals[i].layout;
    if (!strchr(layout, 'Z'))
        m.zone = zone_utc();
    layout_format(w->out, slice_of(layout), m);
}

// ---- values within a line -------------------------------------------------------------------------------------------

static bool add_element(struct writer *w, struct value v, size_t depth);

// The number of the field, from 1, behind which Helm's encoder sets no comma in a struct: as many as it shows, though it
// numbers those that it does not show too.
static size_t without_comma(struct value fields)
{
    size_t shown = 0;
    for (struct value_iter it = {0}; value_next(fields, &it);)
        shown += field_exported(it.key);
    return shown;
}

// Plain entries first, then those that are tables. Helm's encoder counts a nil at the end, which it leaves out, as an
// entry that follows: hence a comma behind which nothing comes.
static bool add_inline_table(struct writer *w, struct value v, size_t depth)
{
    struct value fields = object_fields(w->arena, v), dict = value_is_null(fields) ? seen(w, v) : fields;
    size_t left = value_len(dict), last = without_comma(fields);
    buf_char(w->out, '{');
    for (int tables = 0; tables < 2; tables++) {
        for (struct value_iter it = {0}; value_next(dict, &it);) {
            if (is_table(w, it.value) != tables)
                continue;
            left--;
            if (it.value.kind == V_NULL || value_is_nil(it.value) || (last && !field_exported(it.key)))
                continue;
            toml_key(w->out, slice_n(it.key, it.key_len));
            buf_str(w->out, " = ");
            if (!add_element(w, it.value, depth + 1))
                return false;
            if (last ? it.i != last : left > 0)
                buf_str(w->out, ", ");
        }
    }
    buf_char(w->out, '}');
    return true;
}

static bool add_array(struct writer *w, struct value list, size_t depth)
{
    buf_char(w->out, '[');
    for (size_t i = 0; i < value_len(list); i++) {
        struct value item = list.kind == V_BYTES ? value_int((uint8_t)list.data[i]) : value_at(list, i);
        if (i)
            buf_str(w->out, ", ");
        if (item.kind == V_NULL)
            return fail(w, ERROR_INVALID, "cannot encode array with nil element");
        if (!add_element(w, item, depth + 1))
            return false;
    }
    buf_char(w->out, ']');
    return true;
}

static bool add_element(struct writer *w, struct value v, size_t depth)
{
    if (depth > DEPTH_MAX || buf_full(w->out))
        return fail(w, ERROR_LIMIT, buf_full(w->out) ? "no room" : "nested too deeply");
    switch (v.kind) {
    case V_INT:
        if (v.go == GO_DURATION) {
            struct buf text = BUF_IN(w->arena);
            go_print_named(&text, v);
            add_quoted(w->out, buf_view(&text));
            return true;
        }
        if (v.go > GO_DURATION)
            v.go = GO_INT;
        // fall through
    case V_BOOL:
        go_print_value(w->out, v);
        return true;
    case V_FLOAT:
        add_float(w->out, v.number);
        return true;
    case V_STRING:
        add_quoted(w->out, value_slice(v));
        return true;
    case V_LIST:
    case V_BYTES:
        return add_array(w, v, depth);
    case V_DICT:
        return add_inline_table(w, v, depth);
    case V_OBJECT:
        if (time_moment(v)) {
            add_time(w, *time_moment(v));
            return true;
        }
        if (v.object->class->no_json)
            return unsupported(w, v, "");
        if (is_dict(w, v))
            return add_inline_table(w, v, depth);
        return add_element(w, seen(w, v), depth);
    default:
        return true;
    }
}

// ---- tables ---------------------------------------------------------------------------------------------------------

static void add_indent(struct writer *w, const struct key_path *path)
{
    buf_fill(w->out, ' ', 2 * (path->depth - 1));
}

static bool write_entry(struct writer *w, const struct key_path *path, struct value v)
{
    if (is_dict(w, v)) {
        if (path->depth == 1)
            newline(w);
        add_indent(w, path);
        buf_char(w->out, '[');
        add_path(w->out, path);
        buf_str(w->out, "]\n");
        return write_table(w, path, seen(w, v));
    }
    if (is_table_list(w, v)) {
        for (size_t i = 0; i < value_len(v); i++) {
            newline(w);
            add_indent(w, path);
            buf_str(w->out, "[[");
            add_path(w->out, path);
            buf_str(w->out, "]]\n");
            if (!write_table(w, path, seen(w, value_at(v, i))))
                return false;
        }
        return true;
    }
    add_indent(w, path);
    toml_key(w->out, path->name);
    buf_str(w->out, " = ");
    if (!add_element(w, v, path->depth))
        return false;
    newline(w);
    return true;
}

static bool write_table(struct writer *w, const struct key_path *path, struct value dict)
{
    size_t depth = path ? path->depth : 0;
    if (depth > DEPTH_MAX || buf_full(w->out))
        return fail(w, ERROR_LIMIT, buf_full(w->out) ? "no room" : "nested too deeply");
    for (int tables = 0; tables < 2; tables++) {
        for (struct value_iter it = {0}; value_next(dict, &it);) {
            struct key_path key = {path, slice_n(it.key, it.key_len), depth + 1};
            if (it.value.kind == V_NULL || value_is_nil(it.value) || is_table(w, it.value) != tables)
                continue;
            if (!write_entry(w, &key, it.value))
                return false;
        }
    }
    return true;
}

bool toml_write(struct buf *out, struct arena *a, struct value v, struct error *err)
{
    struct writer w = {out, a, err};
    if (is_dict(&w, v))
        return write_table(&w, NULL, seen(&w, v));
    if (is_table_list(&w, v))
        return fail(&w, ERROR_INVALID, "top-level values must be Go maps or structs");
    if (v.kind == V_OBJECT && v.object->class->no_json && !v.object->class->timestamp)
        return unsupported(&w, v, " for key ''");
    return add_element(&w, v, 0);
}
