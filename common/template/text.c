// text.c - runes and strings as Go's unicode and strings packages see them.
#include "template/text.h"

#include "value/unicode.h"
#include "value/value.h"

static void map_runes(struct buf *out, struct slice s, uint32_t (*map)(uint32_t))
{
    buf_reserve(out, s.len);
    for (size_t i = 0, width; i < s.len; i += width)
        buf_rune(out, map(utf8_decode(s.data + i, s.len - i, &width)));
}

void text_upper(struct buf *out, struct slice s)
{
    map_runes(out, s, go_to_upper);
}

void text_lower(struct buf *out, struct slice s)
{
    map_runes(out, s, go_to_lower);
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
    while (s.len && go_is_space(utf8_decode(s.data, s.len, &width)))
        s.data += width, s.len -= width;
    while (s.len && go_is_space(last_rune(s, &width)))
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
