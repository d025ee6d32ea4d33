// json_string.c - strings of a JSON text, by Go's rules.
#include "value/json_string.h"

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// The four hex digits at s; the caller knows that they are there.
static uint32_t hex4(const char *s)
{
    uint32_t n = 0;
    for (int i = 0; i < 4; i++)
        n = n << 4 | (uint32_t)(s[i] <= '9' ? s[i] - '0' : (s[i] | 0x20) - 'a' + 10);
    return n;
}

static const char *scan_escape(const char **p, const char *end) // at the backslash
{
    const char *q = *p + 1;
    const char *fault = NULL;
    if (q >= end || !*q || !strchr("bfnrt\\/\"u", *q)) {
        fault = "in string escape code";
    } else if (*q++ == 'u') {
        for (const char *digits_end = q + 4; q < digits_end && !fault; q += !fault)
            if (q >= end || !is_hex(*q))
                fault = "in \\u hexadecimal character escape";
    }
    *p = q;
    return fault;
}

// What stands for itself: ASCII but for controls, quotes and backslashes.
static const bool plain[256] = {
    [' '] = true, ['!'] = true, ['#' ... '['] = true, [']' ... 0x7f] = true,
};

const char *json_string_scan(const char **p, const char *end, struct json_string *out)
{
    const char *q = *p + 1;
    bool ascii = true, escapes = false;
    out->text = q;
    for (;;) {
        while (q < end && plain[(unsigned char)*q])
            q++;
        if (q < end && (unsigned char)*q >= 0x80) {
            ascii = false;
            q++;
            continue;
        }
        const char *fault = q >= end || (unsigned char)*q < 0x20 ? "in string literal" : NULL;
        if (!fault && *q == '"')
            break;
        escapes = true;
        if (!fault)
            fault = scan_escape(&q, end);
        *p = q;
        if (fault)
            return fault;
    }
    out->end = q;
    out->plain = !escapes && (ascii || utf8_valid(out->text, (size_t)(q - out->text)));
    *p = q + 1;
    return NULL;
}

// What the escape at s stands for; *width: how many bytes it takes.
static uint32_t escaped_rune(const char *s, const char *end, size_t *width)
{
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    *width = 2;
    if (s[1] != 'u') {
        const char *letter = strchr(letters, s[1]);
        return (unsigned char)(letter ? meanings[letter - letters] : s[1]);
    }
    *width = 6;
    uint32_t unit = hex4(s + 2);
    if ((unit & 0xf800) != 0xd800)
        return unit;
    if (unit < 0xdc00 && end - s >= 12 && s[6] == '\\' && s[7] == 'u') {
        uint32_t low = hex4(s + 8);
        if ((low & 0xfc00) == 0xdc00) {
            *width = 12;
            return 0x10000 + ((unit & 0x3ff) << 10 | (low & 0x3ff));
        }
    }
    return RUNE_ERROR; // half a pair
}

struct slice json_string_copy(struct arena *a, const struct json_string *s)
{
    size_t len = (size_t)(s->end - s->text);
    if (s->plain)
        return slice_n(arena_strndup(a, s->text, len), len);
    struct buf out = BUF_IN(a);
    buf_reserve(&out, len);
    for (const char *p = s->text; p < s->end;) {
        size_t width;
        uint32_t rune = *p == '\\' ? escaped_rune(p, s->end, &width) : utf8_decode(p, (size_t)(s->end - p), &width);
        buf_rune(&out, rune);
        p += width;
    }
    return slice_n(buf_cstr(&out), out.len);
}
