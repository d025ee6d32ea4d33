// text.c - runes and strings as Go's unicode and strings packages see them.
//
// The character classes are the C library's own tables, read through its built-in C.UTF-8 locale, which is loaded once
// for the process and never changed.
#include "template/text.h"

#include "value/value.h"

#include <locale.h>
#include <pthread.h>
#include <wctype.h>

static locale_t utf8_locale;

static void load_locale(void)
{
    utf8_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static locale_t locale_utf8(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_locale);
    return utf8_locale;
}

bool rune_is_digit(uint32_t r)
{
    if (r < 0x80)
        return r >= '0' && r <= '9';
    // The blocks of ten decimal digits in the Basic Multilingual Plane, by their zero, and the full-width ones.
    static const uint16_t zeros[] = {0x660,  0x6F0,  0x7C0,  0x966,  0x9E6,  0xA66,  0xAE6,  0xB66,  0xBE6,  0xC66,
                                     0xCE6,  0xD66,  0xDE6,  0xE50,  0xED0,  0xF20,  0x1040, 0x1090, 0x17E0, 0x1810,
                                     0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0,
                                     0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10};
    for (size_t i = 0; i < ARRAY_LEN(zeros); i++)
        if (r >= zeros[i] && r < zeros[i] + 10u)
            return true;
    return (r >= 0x1D7CE && r <= 0x1D7FF) || (r >= 0x104A0 && r <= 0x104A9);
}

bool rune_is_letter(uint32_t r)
{
    if (r < 0x80)
        return (r | 0x20) >= 'a' && (r | 0x20) <= 'z';
    locale_t l = locale_utf8();
    return l && iswalpha_l((wint_t)r, l) && !rune_is_digit(r);
}

bool rune_is_space(uint32_t r)
{
    if (r < 0x80)
        return r == ' ' || (r >= '\t' && r <= '\r');
    return r == 0x85 || r == 0xA0 || r == 0x1680 || (r >= 0x2000 && r <= 0x200A) || r == 0x2028 || r == 0x2029 ||
           r == 0x202F || r == 0x205F || r == 0x3000;
}

bool rune_is_print(uint32_t r)
{
    if (r < 0x80)
        return r >= ' ' && r < 0x7F;
    char utf8[4]; // the one table of what is printable is behind strconv.Quote
    struct buf quoted cleanup(buf_free) = {0};
    go_quote(&quoted, utf8, utf8_encode(r, utf8));
    return quoted.data[1] != '\\';
}

bool rune_is_upper(uint32_t r)
{
    if (r < 0x80)
        return r >= 'A' && r <= 'Z';
    locale_t l = locale_utf8();
    return l && iswupper_l((wint_t)r, l);
}

bool rune_is_lower(uint32_t r)
{
    if (r < 0x80)
        return r >= 'a' && r <= 'z';
    locale_t l = locale_utf8();
    return l && iswlower_l((wint_t)r, l);
}

uint32_t rune_to_upper(uint32_t r)
{
    if (r < 0x80)
        return r >= 'a' && r <= 'z' ? r - 32 : r;
    locale_t l = locale_utf8();
    return l ? (uint32_t)towupper_l((wint_t)r, l) : r;
}

uint32_t rune_to_lower(uint32_t r)
{
    if (r < 0x80)
        return r >= 'A' && r <= 'Z' ? r + 32 : r;
    locale_t l = locale_utf8();
    return l ? (uint32_t)towlower_l((wint_t)r, l) : r;
}

static void map_runes(struct buf *out, struct slice s, uint32_t (*map)(uint32_t))
{
    buf_reserve(out, s.len);
    for (size_t i = 0, width; i < s.len; i += width)
        buf_rune(out, map(utf8_decode(s.data + i, s.len - i, &width)));
}

void text_upper(struct buf *out, struct slice s)
{
    map_runes(out, s, rune_to_upper);
}

void text_lower(struct buf *out, struct slice s)
{
    map_runes(out, s, rune_to_lower);
}

// The last rune of a text that is not empty; *width is its length.
static uint32_t last_rune(struct slice s, size_t *width)
{
    size_t from = s.len - 1;
    while (from > 0 && s.len - from < 4 && ((unsigned char)s.data[from] & 0xC0) == 0x80)
        from--;
    uint32_t r = utf8_decode(s.data + from, s.len - from, width);
    if (from + *width == s.len)
        return r;
    *width = 1;
    return RUNE_ERROR;
}

struct slice text_trim_space(struct slice s)
{
    size_t width;
    while (s.len && rune_is_space(utf8_decode(s.data, s.len, &width)))
        s.data += width, s.len -= width;
    while (s.len && rune_is_space(last_rune(s, &width)))
        s.len -= width;
    return s;
}

static bool in_set(struct slice set, uint32_t rune)
{
    for (size_t i = 0, width; i < set.len; i += width)
        if (utf8_decode(set.data + i, set.len - i, &width) == rune)
            return true;
    return false;
}

struct slice text_trim(struct slice s, struct slice cutset, bool left, bool right)
{
    size_t width;
    while (left && s.len && in_set(cutset, utf8_decode(s.data, s.len, &width)))
        s.data += width, s.len -= width;
    while (right && s.len && in_set(cutset, last_rune(s, &width)))
        s.len -= width;
    return s;
}

size_t text_replace(struct buf *out, struct slice s, struct slice from, struct slice to)
{
    size_t count = 0;
    if (from.len == 0) { // Go puts the new text before each rune and at the end
        for (size_t i = 0, width; i < s.len; i += width) {
            utf8_decode(s.data + i, s.len - i, &width);
            buf_slice(out, to);
            buf_add(out, s.data + i, width);
            count++;
        }
        buf_slice(out, to);
        return count + 1;
    }
    for (const char *hit; s.len >= from.len && (hit = memmem(s.data, s.len, from.data, from.len)); count++) {
        size_t before = (size_t)(hit - s.data);
        buf_add(out, s.data, before);
        buf_slice(out, to);
        s.data += before + from.len;
        s.len -= before + from.len;
    }
    buf_slice(out, s);
    return count;
}
