// strvals.c - the grammar of --set and its sisters: "a.b=1,c[0].d={x,y}".
//
// A key goes down through dicts with "." and lists with "[i]"; "\\" takes the next character as it is. A plain value is typed
// (true, false, null, whole numbers), {…} is a list. Text that ends early inside a key's index is silently nothing, as in Helm.

#include "chart/internal.h"

#include <ctype.h>
#include <errno.h>

#define MAX_INDEX 65536
#define MAX_LEVEL 30
#define MAX_CELLS (1u << 20) // list cells that one text may make: "a[65536][65536]…" is short

enum outcome { DONE, AT_END, FAILED };

struct strvals {
    struct arena *arena;
    struct slice text;
    size_t at;
    char kind; // of strvals_parse, or 'f'
    strvals_read_fn *read;
    void *ctx;
    size_t cells;
    struct error *err;
};

static enum outcome fail(struct strvals *p, const char *fmt, ...) PRINTF(2, 3);
static enum outcome fail(struct strvals *p, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *message = arena_vprintf(p->arena, fmt, args);
    va_end(args);
    error_set(p->err, ERROR_INVALID, "%s", message);
    return FAILED;
}

// Takes characters up to one of `stops`, which is consumed. False at the end of the text; *out is what was taken.
static bool take_until(struct strvals *p, const char *stops, char *stop, const char **out)
{
    struct buf taken = BUF_IN(p->arena);
    bool found = false;
    while (p->at < p->text.len && !found) {
        char c = p->text.data[p->at++];
        if (c && strchr(stops, c)) {
            *stop = c;
            found = true;
        } else if (c == '\\' && p->kind != 'l') {
            if (p->at < p->text.len)
                buf_char(&taken, p->text.data[p->at++]);
        } else {
            buf_char(&taken, c);
        }
    }
    *out = buf_cstr(&taken);
    return found;
}

static struct value typed(struct strvals *p, const char *text)
{
    if (p->kind == 's') {
        if (strcasecmp(text, "true") == 0)
            return value_bool(true);
        if (strcasecmp(text, "false") == 0)
            return value_bool(false);
        if (strcasecmp(text, "null") == 0)
            return VALUE_NULL;
        if (str_eq(text, "0"))
            return value_int(0);
        if (*text && *text != '0' && !isspace((unsigned char)*text)) {
            char *end;
            errno = 0;
            long long number = strtoll(text, &end, 10);
            if (!*end && errno == 0)
                return value_int(number);
        }
    }
    return value_string(text);
}

static bool convert(struct strvals *p, const char *text, struct value *out)
{
    if (p->kind == 'f')
        return p->read(p->ctx, p->arena, text, out, p->err);
    *out = typed(p, text);
    return true;
}

// {a,b,c}; the brace is consumed already.
static enum outcome parse_list(struct strvals *p, struct value *out)
{
    *out = value_list(p->arena);
    value_made(*out, GO_SLICE_GROWN);
    for (;;) {
        char stop;
        const char *text;
        if (!take_until(p, ",}", &stop, &text))
            return fail(p, "list must terminate with '}'");
        struct value item;
        if (!convert(p, text, &item))
            return FAILED;
        value_push(*out, item);
        if (stop == '}') {
            if (p->at < p->text.len && p->text.data[p->at] == ',')
                p->at++;
            return DONE;
        }
    }
}

// White space and one comma. True: nothing but those was left before the comma or the end.
static bool skip_empty(struct strvals *p)
{
    while (p->at < p->text.len) {
        char c = p->text.data[p->at];
        if (c == ',') {
            p->at++;
            return true;
        }
        if (!isspace((unsigned char)c))
            return false;
        p->at++;
    }
    return true;
}

// How far one JSON value reaches; it is parsed, and refused if it is none, afterwards.
static size_t json_extent(struct slice s)
{
    size_t i = 0, depth = 0;
    while (i < s.len && isspace((unsigned char)s.data[i]))
        i++;
    for (bool string = false; i < s.len; i++) {
        char c = s.data[i];
        if (string) {
            if (c == '\\')
                i++;
            else if (c == '"' && !(string = false) && depth == 0)
                return i + 1;
        } else if (c == '"') {
            string = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return i;
            if (--depth == 0)
                return i + 1;
        } else if (depth == 0 && (c == ',' || isspace((unsigned char)c))) {
            return i;
        }
    }
    return s.len;
}

// What stands after '='. DONE: *out is the value; AT_END as DONE, but the text ended where a value could have been.
static enum outcome parse_value(struct strvals *p, struct value *out)
{
    struct slice rest = slice_sub(p->text, p->at, p->text.len);
    if (p->kind == 'j') {
        *out = VALUE_NULL;
        if (skip_empty(p))
            return DONE;
        rest = slice_sub(p->text, p->at, p->text.len);
        size_t len = json_extent(rest);
        if (!json_parse(p->arena, rest.data, len, JSON_FLOATS, out, p->err))
            return FAILED;
        p->at += len;
        skip_empty(p);
        return DONE;
    }
    *out = value_string("");
    if (p->kind == 'l') {
        *out = value_string_copy(p->arena, rest.data ? rest.data : "", rest.len);
        p->at = p->text.len;
        return DONE;
    }
    if (rest.len == 0)
        return AT_END;
    if (rest.data[0] == '{') {
        p->at++;
        return parse_list(p, out);
    }
    char stop;
    const char *text;
    take_until(p, ",", &stop, &text);
    return convert(p, text, out) ? DONE : FAILED;
}

static void set(struct value dict, const char *key, struct value v)
{
    if (*key)
        value_set(dict, key, v);
}

static enum outcome set_index(struct strvals *p, struct value list, int64_t index, struct value v)
{
    if (index > MAX_INDEX)
        return fail(p, "index of %lld is greater than maximum supported index of %d", (long long)index, MAX_INDEX);
    while ((int64_t)value_len(list) <= index) {
        if (++p->cells > MAX_CELLS) {
            error_set(p->err, ERROR_LIMIT, "more than %u list items", MAX_CELLS);
            return FAILED;
        }
        value_push(list, VALUE_NULL);
        value_made(list, GO_SLICE_EXACT); // Helm copies it into a longer one
    }
    value_put(list, (size_t)index, v);
    return DONE;
}

// "0]": the index after '['.
static enum outcome parse_index(struct strvals *p, int64_t *index)
{
    char stop, *end;
    const char *text;
    if (!take_until(p, "]", &stop, &text))
        return AT_END;
    errno = 0;
    *index = strtoll(text, &end, 10);
    if (!*text || *end || isspace((unsigned char)*text))
        return fail(p, "error parsing index: strconv.Atoi: parsing %s: invalid syntax", go_quoted_str(p->arena, text));
    if (errno)
        return fail(p, "error parsing index: strconv.Atoi: parsing %s: value out of range", go_quoted_str(p->arena, text));
    return DONE;
}

static enum outcome wrong_type(struct strvals *p, struct value v, const char *wanted)
{
    return fail(p, "unable to parse key: interface conversion: interface {} is %s, not %s",
                value_is_null(v) ? "nil" : value_go_type(v), wanted);
}

static enum outcome parse_key(struct strvals *p, struct value dict, int level);

// %q of a []rune.
static const char *quoted_runes(struct strvals *p, const char *text)
{
    struct buf out = BUF_IN(p->arena);
    buf_char(&out, '[');
    size_t len = strlen(text);
    for (size_t at = 0, width; at < len; at += width) {
        uint32_t r = utf8_decode(text + at, len - at, &width);
        buf_str(&out, at ? " " : "");
        go_quote_rune(&out, r);
    }
    buf_char(&out, ']');
    return buf_cstr(&out);
}

// What follows "[i]": "=value", "[j]…" or ".key…".
static enum outcome parse_item(struct strvals *p, struct value list, int64_t index, int level)
{
    if (index < 0)
        return fail(p, "negative %lld index not allowed", (long long)index);
    char stop = 0;
    const char *text;
    bool found = take_until(p, "[.=", &stop, &text);
    if (*text)
        return fail(p, "unexpected data at end of array index: %s", quoted_runes(p, text));
    if (!found)
        return AT_END;

    struct value held = value_at(list, (size_t)index), v;
    enum outcome outcome;
    switch (stop) {
    case '=':
        if (parse_value(p, &v) == FAILED)
            return FAILED;
        return set_index(p, list, index, v);
    case '[': {
        int64_t inner;
        if ((outcome = parse_index(p, &inner)) != DONE)
            return outcome;
        if (!value_is_null(held) && !value_is(held, V_LIST))
            return wrong_type(p, held, "[]interface {}");
        v = value_is_null(held) ? value_list(p->arena) : held;
        if ((outcome = parse_item(p, v, inner, level)) != DONE)
            return outcome;
        return set_index(p, list, index, v);
    }
    default:
        v = value_is(held, V_DICT) ? held : value_dict(p->arena);
        if ((outcome = parse_key(p, v, level)) == FAILED)
            return FAILED;
        // Where the text ends inside the key, an item that exists keeps what was set, a new one is dropped.
        return outcome == AT_END ? AT_END : set_index(p, list, index, v);
    }
}

static enum outcome parse_list_key(struct strvals *p, struct value dict, const char *key, int level)
{
    int64_t index;
    enum outcome outcome = parse_index(p, &index);
    if (outcome != DONE)
        return outcome;
    struct value list;
    if (!value_find(dict, key, strlen(key), &list))
        list = value_list(p->arena);
    else if (!value_is(list, V_LIST))
        return wrong_type(p, list, "[]interface {}");
    outcome = parse_item(p, list, index, level);
    set(dict, key, list);
    return outcome;
}

static enum outcome parse_dict_key(struct strvals *p, struct value dict, const char *key, int level)
{
    if (++level > MAX_LEVEL)
        return fail(p, "value name nested level is greater than maximum supported nested level of %d", MAX_LEVEL);
    struct value inner;
    if (!value_find(dict, key, strlen(key), &inner))
        inner = value_dict(p->arena);
    else if (!value_is(inner, V_DICT))
        return wrong_type(p, inner, "map[string]interface {}");
    enum outcome outcome = parse_key(p, inner, level);
    if (outcome == DONE && value_len(inner) == 0)
        return fail(p, "key map %s has no value", go_quoted_str(p->arena, key));
    if (value_len(inner) > 0)
        set(dict, key, inner);
    return outcome;
}

static enum outcome parse_key(struct strvals *p, struct value dict, int level)
{
    char stop;
    const char *key;
    if (!take_until(p, p->kind == 'l' ? "=[." : "=[,.", &stop, &key))
        return *key ? fail(p, "key %s has no value", go_quoted_str(p->arena, key)) : AT_END;
    struct value v;
    enum outcome outcome;
    switch (stop) {
    case '[': return parse_list_key(p, dict, key, level);
    case '.': return parse_dict_key(p, dict, key, level);
    case ',': return fail(p, "key %s has no value (cannot end with ,)", go_quoted_str(p->arena, key));
    default:
        outcome = parse_value(p, &v);
        if (outcome != FAILED)
            set(dict, key, v);
        return outcome;
    }
}

static bool parse(struct strvals *p, struct value into)
{
    enum outcome outcome;
    while ((outcome = parse_key(p, into, 0)) == DONE)
        continue;
    return outcome == AT_END;
}

bool strvals_parse(struct arena *a, const char *text, char kind, struct value into, struct error *err)
{
    struct strvals p = {.arena = a, .text = slice_of(text), .kind = kind, .err = err};
    return parse(&p, into);
}

bool strvals_parse_files(struct arena *a, const char *text, strvals_read_fn *read, void *ctx, struct value into,
                         struct error *err)
{
    struct strvals p = {.arena = a, .text = slice_of(text), .kind = 'f', .read = read, .ctx = ctx, .err = err};
    return parse(&p, into);
}
