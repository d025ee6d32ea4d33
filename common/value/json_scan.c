// json_scan.c - checks JSON by Go's rules, with Go's words for what is wrong.
//
// The grammar is RFC 8259's; messages are those of Go's encoding/json. One pass, no recursion.
#include "value/json_scan.h"

#include <stdio.h>

struct scanner {
    const char *data, *end, *p;
    struct json_facts *facts;
    struct error *err;
    unsigned depth;
    uint8_t in_object[VALUE_DEPTH_MAX / 8]; // a bit for each level
};

static bool fault(struct scanner *s, const char *where)
{
    if (s->p >= s->end) {
        error_set(s->err, ERROR_INVALID, "unexpected end of JSON input");
    } else {
        unsigned char c = (unsigned char)*s->p;
        char utf8[4];
        cleanup(buf_free) struct buf quoted = {0};
        if (c == '\'')
            buf_str(&quoted, "\"\\'\"");
        else if (c == '"')
            buf_str(&quoted, "\"\"\"");
        else // Go takes the byte for a rune, as Latin-1
            go_quote(&quoted, utf8, utf8_encode(c, utf8));
        error_set(s->err, ERROR_INVALID, "invalid character '%.*s' %s", (int)quoted.len - 2, quoted.data + 1, where);
    }
    if (s->err)
        s->err->code = (int)(s->p - s->data);
    return false;
}

static bool is_digit(const struct scanner *s)
{
    return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static void skip_space(struct scanner *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
        s->p++;
}

static bool scan_literal(struct scanner *s, const char *word)
{
    for (const char *w = word; *w; w++, s->p++) {
        if (s->p < s->end && *s->p == *w)
            continue;
        char where[48];
        snprintf(where, sizeof where, "in literal %s (expecting '%c')", word, *w);
        return fault(s, where);
    }
    return true;
}

static bool scan_number(struct scanner *s)
{
    const char *start = s->p;
    if (*s->p == '-') {
        s->p++;
        if (!is_digit(s))
            return fault(s, "in numeric literal");
    }
    if (*s->p == '0')
        s->p++;
    else
        while (is_digit(s))
            s->p++;
    if (s->p < s->end && *s->p == '.') {
        s->p++;
        if (!is_digit(s))
            return fault(s, "after decimal point in numeric literal");
        while (is_digit(s))
            s->p++;
    }
    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        s->p++;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
            s->p++;
        if (!is_digit(s))
            return fault(s, "in exponent of numeric literal");
        while (is_digit(s))
            s->p++;
    }
    if (s->p - start > JSON_NUMBER_MAX)
        s->facts->long_numbers = true;
    return true;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

uint32_t json_hex4(const char *s)
{
    uint32_t n = 0;
    for (int i = 0; i < 4; i++)
        n = n << 4 | (uint32_t)(s[i] <= '9' ? s[i] - '0' : (s[i] | 0x20) - 'a' + 10);
    return n;
}

static bool scan_escape(struct scanner *s) // at the backslash
{
    s->p++;
    if (s->p >= s->end || !*s->p || !strchr("bfnrt\\/\"u", *s->p))
        return fault(s, "in string escape code");
    if (*s->p++ != 'u')
        return true;
    for (int i = 0; i < 4; i++, s->p++)
        if (s->p >= s->end || !is_hex(*s->p))
            return fault(s, "in \\u hexadecimal character escape");
    uint32_t unit = json_hex4(s->p - 4);
    // A low half is looked at with the high half before it: what remains here stands alone.
    bool high = unit >= 0xd800 && unit < 0xdc00;
    if (unit == 0 || (unit >= 0xdc00 && unit < 0xe000))
        s->facts->odd_strings = true;
    if (high) {
        bool pair = s->end - s->p >= 6 && s->p[0] == '\\' && s->p[1] == 'u' && is_hex(s->p[2]) && is_hex(s->p[3]) &&
                    is_hex(s->p[4]) && is_hex(s->p[5]) && (json_hex4(s->p + 2) & 0xfc00) == 0xdc00;
        if (pair)
            s->p += 6;
        else
            s->facts->odd_strings = true;
    }
    return true;
}

static bool scan_string(struct scanner *s) // at the quote
{
    const char *start = ++s->p;
    bool ascii = true;
    for (;;) {
        while (s->p < s->end && (unsigned char)*s->p >= 0x20 && *s->p != '"' && *s->p != '\\') {
            ascii &= (unsigned char)*s->p < 0x80;
            s->p++;
        }
        if (s->p >= s->end || (unsigned char)*s->p < 0x20)
            return fault(s, "in string literal");
        if (*s->p == '"')
            break;
        if (!scan_escape(s))
            return false;
    }
    if (!ascii && !utf8_valid(start, (size_t)(s->p - start)))
        s->facts->odd_strings = true;
    s->p++;
    return true;
}

static bool scan_scalar(struct scanner *s)
{
    if (s->p >= s->end)
        return fault(s, "");
    switch (*s->p) {
    case '"':
        return scan_string(s);
    case 't':
        return scan_literal(s, "true");
    case 'f':
        return scan_literal(s, "false");
    case 'n':
        return scan_literal(s, "null");
    default:
        if (*s->p == '-' || is_digit(s))
            return scan_number(s);
        return fault(s, "looking for beginning of value");
    }
}

static bool scan_key(struct scanner *s)
{
    skip_space(s);
    if (s->p >= s->end || *s->p != '"')
        return fault(s, "looking for beginning of object key string");
    if (!scan_string(s))
        return false;
    skip_space(s);
    if (s->p >= s->end || *s->p != ':')
        return fault(s, "after object key");
    s->p++;
    return true;
}

static bool inside_object(const struct scanner *s)
{
    unsigned level = s->depth - 1;
    return s->in_object[level / 8] >> level % 8 & 1;
}

static bool open_container(struct scanner *s, bool object)
{
    if (s->depth == VALUE_DEPTH_MAX) {
        error_set(s->err, ERROR_LIMIT, "exceeded max depth");
        if (s->err)
            s->err->code = (int)(s->p - s->data);
        return false;
    }
    unsigned level = s->depth++;
    s->in_object[level / 8] = (uint8_t)((s->in_object[level / 8] & ~(1u << level % 8)) | (unsigned)object << level % 8);
    s->p++;
    return true;
}

// Reads what follows a complete value: a comma and the next key, or the ends of containers. *more: a value comes next.
static bool scan_after_value(struct scanner *s, bool *more)
{
    for (;;) {
        skip_space(s);
        *more = false;
        if (s->depth == 0)
            return s->p == s->end || fault(s, "after top-level value");
        bool object = inside_object(s);
        if (s->p < s->end && *s->p == ',') {
            s->p++;
            *more = true;
            return !object || scan_key(s);
        }
        if (s->p >= s->end || *s->p != (object ? '}' : ']'))
            return fault(s, object ? "after object key:value pair" : "after array element");
        s->p++;
        s->depth--;
    }
}

bool json_scan(const char *data, size_t len, struct json_facts *facts, struct error *err)
{
    struct scanner s = {.data = data, .end = data + len, .p = data, .facts = facts, .err = err};
    bool more = true;
    for (size_t values = 0; more; values++) {
        if (values == JSON_VALUES_MAX)
            return error_set(err, ERROR_LIMIT, "more than %u JSON values", JSON_VALUES_MAX);
        skip_space(&s);
        char c = s.p < s.end ? *s.p : '\0';
        if (c == '{' || c == '[') {
            if (!open_container(&s, c == '{'))
                return false;
            skip_space(&s);
            bool empty = s.p < s.end && *s.p == (c == '{' ? '}' : ']');
            if (!empty && c == '{' && !scan_key(&s))
                return false;
            if (!empty)
                continue;
        } else if (!scan_scalar(&s)) {
            return false;
        }
        if (!scan_after_value(&s, &more))
            return false;
    }
    return true;
}
