// text.c - objects as JSON text: checked and made compact without a tree, and lists cut into items as they arrive.
//
// The cache holds the texts of thousands of objects, and a list of them passes through here: so nothing is parsed into
// values, and no more than one item is held at a time.
#include <stdio.h>

#include "kube/text.h"

#define HEAD_LIMIT (1u << 20) // of a list without its items

// ---- a checking scanner (RFC 8259) --------------------------------------------------------------------------------
struct scan {
    const char *start, *at, *end;
    struct buf *out; // what is scanned goes here, without white space; NULL: nowhere
    int depth;
};

static void scan_space(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r'))
        s->at++;
}

static void scan_emit(struct scan *s, const char *from)
{
    if (s->out)
        buf_add(s->out, from, (size_t)(s->at - from));
}

static bool scan_char(struct scan *s, char c)
{
    scan_space(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    if (s->out)
        buf_char(s->out, c);
    return true;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// With its quotes.
static bool scan_string(struct scan *s, struct slice *inside)
{
    const char *from = s->at;
    if (s->at == s->end || *s->at++ != '"')
        return false;
    while (s->at < s->end && *s->at != '"') {
        if ((unsigned char)*s->at < ' ')
            return false;
        if (*s->at++ != '\\')
            continue;
        if (s->at == s->end || !*s->at || !strchr("\"\\/bfnrtu", *s->at))
            return false;
        if (*s->at++ == 'u') {
            for (int i = 0; i < 4; i++, s->at++)
                if (s->at == s->end || !is_hex(*s->at))
                    return false;
        }
    }
    if (s->at == s->end)
        return false;
    s->at++;
    if (inside)
        *inside = slice_n(from + 1, (size_t)(s->at - from) - 2);
    scan_emit(s, from);
    return true;
}

static bool scan_digits(struct scan *s)
{
    const char *from = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at > from;
}

static bool scan_number(struct scan *s)
{
    const char *from = s->at;
    if (*s->at == '-')
        s->at++;
    const char *whole = s->at;
    if (!scan_digits(s) || (*whole == '0' && s->at - whole > 1))
        return false;
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!scan_digits(s))
            return false;
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        if (!scan_digits(s))
            return false;
    }
    scan_emit(s, from);
    return true;
}

static bool scan_word(struct scan *s, const char *word)
{
    size_t len = strlen(word);
    const char *from = s->at;
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len))
        return false;
    s->at += len;
    scan_emit(s, from);
    return true;
}

static bool scan_value(struct scan *s);

static bool scan_list(struct scan *s)
{
    if (!scan_char(s, '['))
        return false;
    if (scan_char(s, ']'))
        return true;
    do {
        if (!scan_value(s))
            return false;
    } while (scan_char(s, ','));
    return scan_char(s, ']');
}

static bool scan_dict(struct scan *s)
{
    if (!scan_char(s, '{'))
        return false;
    if (scan_char(s, '}'))
        return true;
    do {
        scan_space(s);
        if (!scan_string(s, NULL) || !scan_char(s, ':') || !scan_value(s))
            return false;
    } while (scan_char(s, ','));
    return scan_char(s, '}');
}

static bool scan_value(struct scan *s)
{
    scan_space(s);
    if (s->at == s->end || s->depth == VALUE_DEPTH_MAX)
        return false;
    s->depth++;
    bool ok = false;
    switch (*s->at) {
    case '{':
        ok = scan_dict(s);
        break;
    case '[':
        ok = scan_list(s);
        break;
    case '"':
        ok = scan_string(s, NULL);
        break;
    case 't':
        ok = scan_word(s, "true");
        break;
    case 'f':
        ok = scan_word(s, "false");
        break;
    case 'n':
        ok = scan_word(s, "null");
        break;
    case '-':
    case '0' ... '9':
        ok = scan_number(s);
        break;
    }
    s->depth--;
    return ok;
}

// ---- members of a dict --------------------------------------------------------------------------------------------
// Calls `member`
// for each; it takes the value by scanning it, with s->out set to where the value should go.
typedef bool (*member_fn)(void *ctx, struct scan *s, struct slice key);

static bool scan_members(struct scan *s, member_fn member, void *ctx)
{
    struct buf *out = s->out;
    s->out = NULL;
    bool ok = scan_char(s, '{') && s->depth++ < VALUE_DEPTH_MAX;
    if (ok && !scan_char(s, '}')) {
        do {
            struct slice key;
            scan_space(s);
            ok = scan_string(s, &key) && scan_char(s, ':') && member(ctx, s, key);
            s->out = NULL;
        } while (ok && scan_char(s, ','));
        ok = ok && scan_char(s, '}');
    }
    s->depth--;
    s->out = out;
    return ok;
}

// Skips a value and says where it lies.
static bool scan_raw(struct scan *s, struct slice *text)
{
    scan_space(s);
    const char *from = s->at;
    s->out = NULL;
    if (!scan_value(s))
        return false;
    *text = slice_n(from, (size_t)(s->at - from));
    return true;
}

static bool scan_error(const struct scan *s, struct error *err)
{
    return error_set(err, ERROR_TRANSIENT, "bad JSON at offset %zu", (size_t)(s->at - s->start));
}

// ---- objects ------------------------------------------------------------------------------------------------------
struct compacting {
    struct arena *arena;
    const struct object_form *form;
    struct object_text *result;
    struct buf out;
    bool first; // member of the dict under way
};

static void put_key(struct compacting *c, struct slice key)
{
    if (!c->first)
        buf_char(&c->out, ',');
    c->first = false;
    buf_char(&c->out, '"');
    buf_slice(&c->out, key);
    buf_str(&c->out, "\":");
}

// The text of a JSON string; names with escapes are rare enough to be parsed.
static bool take_text(struct compacting *c, struct slice raw, struct slice *out)
{
    struct value parsed;
    cleanup(error_clear) struct error ignored = {0};
    if (raw.len < 2 || *raw.data != '"')
        return false;
    *out = slice_sub(raw, 1, raw.len - 1);
    if (slice_find_char(*out, '\\') < 0)
        return true;
    if (!json_parse(c->arena, raw.data, raw.len, 0, &parsed, &ignored))
        return false;
    *out = value_slice(parsed);
    return true;
}

static bool metadata_member(void *ctx, struct scan *s, struct slice key)
{
    struct compacting *c = ctx;
    struct slice raw;
    if (slice_eq_str(key, "managedFields"))
        return scan_raw(s, &raw);
    struct slice *wanted = slice_eq_str(key, "name")              ? &c->result->name
                           : slice_eq_str(key, "namespace")       ? &c->result->namespace
                           : slice_eq_str(key, "resourceVersion") ? &c->result->resource_version
                                                                  : NULL;
    put_key(c, key);
    s->out = &c->out;
    if (!wanted)
        return scan_value(s);
    scan_space(s);
    const char *from = s->at;
    return scan_value(s) && take_text(c, slice_n(from, (size_t)(s->at - from)), wanted);
}

static bool object_member(void *ctx, struct scan *s, struct slice key)
{
    struct compacting *c = ctx;
    struct slice raw;
    bool metadata = slice_eq_str(key, "metadata");
    if (slice_eq_str(key, "apiVersion") || slice_eq_str(key, "kind") || (c->form->metadata_only && !metadata))
        return scan_raw(s, &raw);
    put_key(c, key);
    if (!metadata) {
        s->out = &c->out;
        return scan_value(s);
    }
    buf_char(&c->out, '{');
    c->first = true;
    bool ok = scan_members(s, metadata_member, c);
    buf_char(&c->out, '}');
    c->first = false;
    return ok;
}

bool object_compact(struct arena *a, struct slice text, const struct object_form *form, struct object_text *out,
                    struct error *err)
{
    *out = (struct object_text){0};
    struct compacting c = {.arena = a, .form = form, .result = out, .out = BUF_IN(a)};
    struct scan s = {.start = text.data, .at = text.data, .end = text.data + text.len};
    buf_reserve(&c.out, text.len + 64);
    buf_printf(&c.out, "{\"apiVersion\":\"%s\",\"kind\":\"%s\"", form->api_version, form->kind);
    bool ok = scan_members(&s, object_member, &c);
    buf_char(&c.out, '}');
    scan_space(&s);
    if (!ok || s.at != s.end)
        return scan_error(&s, err);
    if (!out->name.len || !out->resource_version.len)
        return error_set(err, ERROR_TRANSIENT, "an object without name or resourceVersion");
    out->text = buf_view(&c.out);
    return true;
}

static bool event_member(void *ctx, struct scan *s, struct slice key)
{
    struct watch_event *event = ctx;
    struct slice raw;
    if (!scan_raw(s, &raw))
        return false;
    if (slice_eq_str(key, "type") && raw.len >= 2)
        event->type = slice_sub(raw, 1, raw.len - 1);
    else if (slice_eq_str(key, "object"))
        event->object = raw;
    return true;
}

bool watch_event_read(struct slice line, struct watch_event *out, struct error *err)
{
    *out = (struct watch_event){0};
    struct scan s = {.start = line.data, .at = line.data, .end = line.data + line.len};
    bool ok = scan_members(&s, event_member, out);
    scan_space(&s);
    if (!ok || s.at != s.end)
        return scan_error(&s, err);
    if (!out->type.len || !out->object.len)
        return error_set(err, ERROR_TRANSIENT, "a watch event without type or object");
    return true;
}

// ---- lists, as they arrive ----------------------------------------------------------------------------------------
// Brackets and
// strings are counted to find the items; whether each is JSON is for who takes it.
void list_reader_begin(struct list_reader *r)
{
    buf_clear(&r->hold);
    buf_clear(&r->head);
    r->depth = 0;
    r->in_string = r->escape = r->items = r->done = false;
}

void list_reader_free(struct list_reader *r)
{
    buf_free(&r->hold);
    buf_free(&r->head);
}

static bool list_hold(struct list_reader *r, const char *from, const char *to, struct error *err)
{
    if (r->hold.len + (size_t)(to - from) > KUBE_OBJECT_LIMIT)
        return error_set(err, ERROR_LIMIT, "an object of a list is larger than %u bytes", KUBE_OBJECT_LIMIT);
    buf_add(&r->hold, from, (size_t)(to - from));
    return true;
}

// An item, or a member of the list beside "items", is whole in r->hold.
static bool list_take(struct list_reader *r, bool last, struct error *err)
{
    struct slice text = slice_trim_space(buf_view(&r->hold));
    bool ok = true;
    if (r->items && text.len)
        ok = r->item(r->ctx, text, err);
    else if (r->items && !last)
        ok = error_set(err, ERROR_TRANSIENT, "bad JSON: an empty item");
    else if (text.len && r->head.len + text.len > HEAD_LIMIT)
        ok = error_set(err, ERROR_LIMIT, "a list's metadata are larger than %u bytes", HEAD_LIMIT);
    else if (text.len && !r->items) {
        buf_char(&r->head, r->head.len ? ',' : '{');
        buf_slice(&r->head, text);
    }
    if (r->hold.cap > LIST_HOLD_KEPT)
        buf_free(&r->hold);
    buf_clear(&r->hold);
    return ok;
}

static bool at_items(const struct list_reader *r)
{
    struct slice text = slice_trim_space(buf_view(&r->hold));
    if (!slice_has_suffix(text, SLICE(":")))
        return false;
    text.len--;
    return slice_eq_str(slice_trim_space(text), "\"items\"");
}

// One bracket or comma outside strings. *from: where the text not yet held starts.
static bool list_mark(struct list_reader *r, const char *at, const char **from, struct error *err)
{
    int level = r->items ? 2 : 1; // the depth at which the pieces lie
    char c = *at;
    bool open = c == '{' || c == '[', close = c == '}' || c == ']';
    if (r->depth == 0) {
        r->depth = 1;
        *from = at + 1;
    } else if (open) {
        if (r->depth == 1 && c == '[') {
            if (!list_hold(r, *from, at, err))
                return false;
            *from = at;
            if (at_items(r)) {
                buf_clear(&r->hold);
                r->items = true;
                *from = at + 1;
            }
        }
        r->depth++;
    } else if (r->depth > level) {
        r->depth -= close;
    } else if (c == ',' || close) {
        if (!list_hold(r, *from, at, err) || !list_take(r, close, err))
            return false;
        *from = at + 1;
        if (close) {
            r->depth--;
            r->done = r->depth == 0;
            r->items = false;
        }
    }
    return true;
}

bool list_reader_feed(struct list_reader *r, const char *data, size_t len, struct error *err)
{
    const char *from = data, *end = data + len;
    for (const char *at = data; at < end; at++) {
        if (r->in_string) {
            if (r->escape)
                r->escape = false;
            else if (*at == '\\')
                r->escape = true;
            else if (*at == '"')
                r->in_string = false;
            continue;
        }
        if (r->depth == 0) { // before the list, or after it
            if (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t') {
                from = at + 1;
                continue;
            }
            if (r->done || *at != '{')
                return error_set(err, ERROR_TRANSIENT, "bad JSON: %s",
                                 r->done ? "something after the list" : "not a list");
        }
        if (*at == '"')
            r->in_string = true;
        else if (strchr("{}[],", *at) && *at && !list_mark(r, at, &from, err))
            return false;
    }
    return from >= end || list_hold(r, from, end, err);
}

bool list_reader_end(struct list_reader *r, struct arena *a, struct value *head, struct error *err)
{
    if (!r->done)
        return error_set(err, ERROR_TRANSIENT, "the list ends too early");
    if (!r->head.len)
        buf_char(&r->head, '{');
    buf_char(&r->head, '}');
    return json_parse(a, r->head.data, r->head.len, 0, head, err) || bad_json(err);
}
