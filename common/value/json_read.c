// json_read.c - reads JSON: checked by json_scan, parsed by cJSON, copied into the arena.
//
// cJSON knows numbers as doubles only and ends strings at U+0000. So whole numbers are taken from the text itself, in
// step with the tree, and a text with the strings that cJSON cannot hold is given to it with stand-ins for them.
#include "value/internal.h"
#include "value/json_scan.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>

#define NUL_STAND_IN '\xff' // a byte that valid UTF-8 has nowhere

struct reader {
    struct arena *arena;
    struct error *err;
    int flags;
    bool odd_strings;
    const char *numbers, *end; // the text, from the last number seen on
    struct key_cache keys;
};

static void cleanup_cjson(cJSON **tree)
{
    cJSON_Delete(*tree);
}

// ---- stand-ins ----------------------------------------------------------------------------------------------------
static const char *rewrite_escape(struct buf *out, const char *p, const char *end)
{
    if (p[1] != 'u') {
        buf_add(out, p, 2);
        return p + 2;
    }
    uint32_t unit = json_hex4(p + 2);
    if ((unit & 0xfc00) == 0xd800 && end - p >= 12 && p[6] == '\\' && p[7] == 'u' &&
        (json_hex4(p + 8) & 0xfc00) == 0xdc00) {
        buf_add(out, p, 12);
        return p + 12;
    }
    if (unit == 0)
        buf_char(out, NUL_STAND_IN);
    else if ((unit & 0xf800) == 0xd800) // half a pair, which Go reads as U+FFFD
        buf_rune(out, RUNE_ERROR);
    else
        buf_add(out, p, 6);
    return p + 6;
}

static const char *rewrite_string(struct buf *out, const char *p, const char *end)
{
    buf_char(out, *p++);
    while (*p != '"') {
        if (*p == '\\') {
            p = rewrite_escape(out, p, end);
            continue;
        }
        size_t width;
        buf_rune(out, utf8_decode(p, (size_t)(end - p), &width));
        p += width;
    }
    buf_char(out, *p);
    return p + 1;
}

static size_t number_length(const char *p, const char *end)
{
    const char *q = p;
    while (q < end && ((*q >= '0' && *q <= '9') || *q == '-' || *q == '+' || *q == '.' || *q == 'e' || *q == 'E'))
        q++;
    return (size_t)(q - p);
}

static bool starts_number(char c)
{
    return c == '-' || (c >= '0' && c <= '9');
}

static double number_of(const char *p, size_t len)
{
    cleanup(cleanup_free) char *text = xstrndup(p, len);
    return strtod(text, NULL);
}

// The same document, in which cJSON loses nothing.
static void rewrite(struct buf *out, const char *p, const char *end)
{
    buf_reserve(out, (size_t)(end - p));
    while (p < end) {
        size_t len = starts_number(*p) ? number_length(p, end) : 0;
        if (*p == '"') {
            p = rewrite_string(out, p, end);
        } else if (len > JSON_NUMBER_MAX) {
            double f = number_of(p, len);
            if (isinf(f))
                buf_str(out, f < 0 ? "-1e999" : "1e999");
            else
                buf_printf(out, "%.17g", f);
            p += len;
        } else {
            len = len ? len : 1;
            buf_add(out, p, len);
            p += len;
        }
    }
}

// ---- from cJSON's tree --------------------------------------------------------------------------------------------
// The text of the next number. Numbers stand in the text in the order in which the tree is walked.
static struct slice next_number(struct reader *r)
{
    const char *p = r->numbers;
    while (!starts_number(*p)) {
        if (*p++ != '"')
            continue;
        for (; *p != '"'; p++)
            if (*p == '\\')
                p++;
        p++;
    }
    size_t len = number_length(p, r->end);
    r->numbers = p + len;
    return slice_n(p, len);
}

static bool read_number(struct reader *r, const cJSON *node, struct value *out)
{
    struct slice text = next_number(r);
    if (!(r->flags & JSON_FLOATS) && text.len <= 20 && !memchr(text.data, '.', text.len) &&
        !memchr(text.data, 'e', text.len) && !memchr(text.data, 'E', text.len)) {
        char digits[24];
        memcpy(digits, text.data, text.len);
        digits[text.len] = '\0';
        errno = 0;
        long long whole = strtoll(digits, NULL, 10);
        if (errno == 0) {
            *out = value_int(whole);
            return true;
        }
    }
    if (isinf(node->valuedouble))
        return error_set(r->err, ERROR_INVALID, "json: cannot unmarshal number %.*s into Go value of type float64",
                         text.len > JSON_NUMBER_MAX ? JSON_NUMBER_MAX : (int)text.len, text.data);
    *out = value_float(node->valuedouble);
    return true;
}

static struct slice read_text(struct reader *r, const char *s)
{
    size_t len = strlen(s);
    char *text = arena_strndup(r->arena, s, len);
    if (r->odd_strings)
        for (char *p = text; (p = memchr(p, NUL_STAND_IN, (size_t)(text + len - p)));)
            *p++ = '\0';
    return slice_n(text, len);
}

static size_t child_count(const cJSON *node)
{
    size_t count = 0;
    for (const cJSON *child = node->child; child; child = child->next)
        count++;
    return count;
}

static bool read_node(struct reader *r, const cJSON *node, struct value *out)
{
    switch (node->type & 0xff) {
    case cJSON_False:
    case cJSON_True:
        *out = value_bool((node->type & 0xff) == cJSON_True);
        return true;
    case cJSON_Number:
        return read_number(r, node, out);
    case cJSON_String: {
        struct slice text = read_text(r, node->valuestring);
        *out = value_string_n(text.data, text.len);
        return true;
    }
    case cJSON_Array:
        *out = value_list(r->arena);
        list_reserve(out->list, child_count(node));
        for (const cJSON *child = node->child; child; child = child->next) {
            struct value item;
            if (!read_node(r, child, &item))
                return false;
            value_push(*out, item);
        }
        return true;
    case cJSON_Object:
        *out = value_dict(r->arena);
        dict_reserve(out->dict, child_count(node));
        for (const cJSON *child = node->child; child; child = child->next) {
            struct slice key = r->odd_strings
                                   ? read_text(r, child->string)
                                   : key_cache_copy(&r->keys, r->arena, child->string, strlen(child->string));
            struct value item;
            if (!read_node(r, child, &item))
                return false;
            dict_put_borrowed(out->dict, key.data, key.len, item);
        }
        dict_sort(out->dict); // so that reading it changes nothing: threads may share what is only read
        return true;
    default:
        *out = VALUE_NULL;
        return true;
    }
}

bool json_parse(struct arena *a, const char *data, size_t len, int flags, struct value *out, struct error *err)
{
    struct json_facts facts = {0};
    *out = VALUE_NULL;
    if (!json_scan(data, len, &facts, err))
        return false;
    cleanup(buf_free) struct buf rewritten = {0};
    struct slice text = slice_n(data, len);
    if (facts.odd_strings || facts.long_numbers) {
        rewrite(&rewritten, data, data + len);
        text = buf_view(&rewritten);
    }
    cleanup(cleanup_cjson) cJSON *tree = cJSON_ParseWithLengthOpts(text.data, text.len, NULL, false);
    if (!tree) // json_scan found nothing wrong with it: only memory can be short
        return error_set(err, ERROR_LIMIT, "out of memory reading %zu bytes of JSON", len);
    struct reader r = {
        .arena = a, .err = err, .flags = flags, .odd_strings = facts.odd_strings, .numbers = data, .end = data + len};
    if (read_node(&r, tree, out))
        return true;
    *out = VALUE_NULL;
    return false;
}
