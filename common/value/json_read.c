// json_read.c - reads JSON by Go's rules, with Go's words for what is wrong.
//
// The grammar is RFC 8259's; messages are those of Go's encoding/json, which looks for faults of form first: a number
// that no float64 holds is kept until the whole text has been read.
#include "value/internal.h"
#include "value/json_string.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#define JSON_VALUES_MAX (8u << 20) // three bytes of text can become over a hundred of memory
#define NUMBER_SHOWN 60            // characters of a number that a message quotes

struct reader {
    struct arena *arena;
    struct error *err;
    int flags;
    const char *data, *end, *p;
    size_t values;
    unsigned depth;
    struct slice overflow; // the first number that is too large
    struct key_cache keys;
    // What lists and dicts under way hold, each one's above its parent's: they move to the arena at their exact size.
    VEC(struct value) items;
    VEC(struct dict_entry) entries;
};

static bool read_value(struct reader *r, struct value *out);

// Go's scanner is fed a space at the end of a text: within a literal, a number or an escape that is what is wrong.
static bool takes_space(const char *where)
{
    return str_eq(where, "in string literal") || !(str_has_prefix(where, "in ") || str_has_prefix(where, "after decimal"));
}

static bool fault(struct reader *r, const char *where)
{
    bool ended = r->p >= r->end;
    if (ended && (r->flags & JSON_STREAM || takes_space(where))) {
        error_set(r->err, ERROR_INVALID, "unexpected end of JSON input");
    } else {
        cleanup(buf_free) struct buf shown = {0};
        go_quote_rune(&shown, ended ? ' ' : (unsigned char)*r->p); // Go takes the byte for a rune, as Latin-1
        error_set(r->err, ERROR_INVALID, "invalid character %s %s", buf_cstr(&shown), where);
    }
    if (r->err)
        r->err->code = (int)(r->p - r->data);
    return false;
}

static void skip_space(struct reader *r)
{
    const char *p = r->p;
    while (p < r->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
        p++;
        while (r->end - p >= 8 && memcmp(p, "        ", 8) == 0) // as it is indented
            p += 8;
    }
    r->p = p;
}

static bool at(const struct reader *r, char c)
{
    return r->p < r->end && *r->p == c;
}

// ---- scalars ------------------------------------------------------------------------------------------------------
static bool read_literal(struct reader *r, const char *word, struct value v, struct value *out)
{
    for (const char *w = word; *w; w++, r->p++) {
        if (at(r, *w))
            continue;
        char where[48];
        snprintf(where, sizeof where, "in literal %s (expecting '%c')", word, *w);
        return fault(r, where);
    }
    *out = v;
    return true;
}

static bool is_digit(const struct reader *r)
{
    return r->p < r->end && *r->p >= '0' && *r->p <= '9';
}

static void skip_digits(struct reader *r)
{
    while (is_digit(r))
        r->p++;
}

// Steps over a number; *whole: it has neither fraction nor exponent.
static bool scan_number(struct reader *r, bool *whole)
{
    *whole = true;
    if (*r->p == '-') {
        r->p++;
        if (!is_digit(r))
            return fault(r, "in numeric literal");
    }
    if (*r->p == '0')
        r->p++;
    else
        skip_digits(r);
    if (at(r, '.')) {
        *whole = false;
        r->p++;
        if (!is_digit(r))
            return fault(r, "after decimal point in numeric literal");
        skip_digits(r);
    }
    if (at(r, 'e') || at(r, 'E')) {
        *whole = false;
        r->p++;
        if (at(r, '+') || at(r, '-'))
            r->p++;
        if (!is_digit(r))
            return fault(r, "in exponent of numeric literal");
        skip_digits(r);
    }
    return true;
}

static double number_of(const char *text, size_t len)
{
    char few[64];
    cleanup(cleanup_free) char *many = len < sizeof few ? NULL : xmalloc(len + 1);
    char *copy = many ? many : few;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return strtod(copy, NULL);
}

// A whole number that int64 holds.
static bool integer_of(const char *text, size_t len, int64_t *out)
{
    bool negative = *text == '-';
    uint64_t n = 0;
    for (size_t i = negative; i < len; i++)
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t)(text[i] - '0'), &n))
            return false;
    *out = (int64_t)(negative ? 0 - n : n);
    return n <= (uint64_t)INT64_MAX + negative;
}

static bool read_number(struct reader *r, struct value *out)
{
    const char *text = r->p;
    bool whole;
    if (!scan_number(r, &whole))
        return false;
    size_t len = (size_t)(r->p - text);
    int64_t n;
    if (whole && !(r->flags & JSON_FLOATS) && integer_of(text, len, &n)) {
        *out = value_int(n);
        return true;
    }
    double f = number_of(text, len);
    *out = value_float(f);
    if (isinf(f) && !(r->flags & JSON_STREAM)) {
        if (!r->overflow.data)
            r->overflow = slice_n(text, len);
        if (r->depth)
            *out = VALUE_NULL;
    }
    return true;
}

static bool read_string(struct reader *r, struct json_string *s)
{
    const char *wrong = json_string_scan(&r->p, r->end, s);
    return !wrong || fault(r, wrong);
}

// ---- containers ---------------------------------------------------------------------------------------------------
static bool enter(struct reader *r)
{
    if (r->depth++ < VALUE_DEPTH_MAX) {
        r->p++;
        skip_space(r);
        return true;
    }
    error_set(r->err, ERROR_LIMIT, "exceeded max depth");
    if (r->err)
        r->err->code = (int)(r->p - r->data);
    return false;
}

// What follows an item: a comma (*more), or the container's end.
static bool read_separator(struct reader *r, char end, const char *where, bool *more)
{
    skip_space(r);
    *more = at(r, ',');
    if (!*more && !at(r, end))
        return fault(r, where);
    r->p++;
    return true;
}

static bool read_list(struct reader *r, struct value *out)
{
    size_t from = r->items.len;
    if (!enter(r))
        return false;
    bool more = !at(r, ']');
    if (!more)
        r->p++;
    while (more) {
        struct value item;
        if (!read_value(r, &item) || !read_separator(r, ']', "after array element", &more))
            return false;
        vec_push(NULL, &r->items, item);
    }
    *out = list_of(r->arena, r->items.len > from ? r->items.items + from : NULL, r->items.len - from);
    r->items.len = from;
    r->depth--;
    return true;
}

static bool read_key(struct reader *r, struct slice *key)
{
    skip_space(r);
    if (!at(r, '"'))
        return fault(r, "looking for beginning of object key string");
    struct json_string s;
    if (!read_string(r, &s))
        return false;
    *key = s.plain ? key_cache_copy(&r->keys, r->arena, s.text, (size_t)(s.end - s.text))
                   : json_string_copy(r->arena, &s);
    skip_space(r);
    if (!at(r, ':'))
        return fault(r, "after object key");
    r->p++;
    return true;
}

static bool read_dict(struct reader *r, struct value *out)
{
    size_t from = r->entries.len;
    if (!enter(r))
        return false;
    bool more = !at(r, '}');
    if (!more)
        r->p++;
    while (more) {
        struct slice key;
        struct value v;
        if (!read_key(r, &key) || !read_value(r, &v) ||
            !read_separator(r, '}', "after object key:value pair", &more))
            return false;
        vec_push(NULL, &r->entries, (struct dict_entry){.key = key.data, .key_len = (uint32_t)key.len, .value = v});
    }
    *out = dict_of(r->arena, r->entries.len > from ? r->entries.items + from : NULL, r->entries.len - from);
    r->entries.len = from;
    r->depth--;
    return true;
}

static bool read_value(struct reader *r, struct value *out)
{
    if (++r->values > JSON_VALUES_MAX)
        return error_set(r->err, ERROR_LIMIT, "more than %u JSON values", JSON_VALUES_MAX);
    skip_space(r);
    if (r->p >= r->end)
        return fault(r, "");
    struct json_string s;
    switch (*r->p) {
    case '{':
        return read_dict(r, out);
    case '[':
        return read_list(r, out);
    case '"': {
        if (!read_string(r, &s))
            return false;
        struct slice text = json_string_copy(r->arena, &s);
        *out = value_string_n(text.data, text.len);
        return true;
    }
    case 't':
        return read_literal(r, "true", value_bool(true), out);
    case 'f':
        return read_literal(r, "false", value_bool(false), out);
    case 'n':
        return read_literal(r, "null", VALUE_NULL, out);
    default:
        if (*r->p == '-' || is_digit(r))
            return read_number(r, out);
        return fault(r, "looking for beginning of value");
    }
}

static bool read_document(struct reader *r, struct value *out)
{
    bool read = read_value(r, out);
    skip_space(r);
    if (read && r->p < r->end)
        read = fault(r, "after top-level value");
    if (!read)
        r->overflow.data = NULL; // the form comes first
    if (!r->overflow.data)
        return read;
    int shown = r->overflow.len > NUMBER_SHOWN ? NUMBER_SHOWN : (int)r->overflow.len;
    return error_set(r->err, ERROR_INVALID, "json: cannot unmarshal number %.*s into Go value of type float64", shown,
                     r->overflow.data);
}

bool json_parse(struct arena *a, const char *data, size_t len, int flags, struct value *out, struct error *err)
{
    struct reader r = {.arena = a, .err = err, .flags = flags, .data = data, .end = data + len, .p = data};
    bool ok = read_document(&r, out);
    free(r.items.items);
    free(r.entries.items);
    if (!ok && !r.overflow.data)
        *out = VALUE_NULL;
    return ok;
}
