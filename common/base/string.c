// string.c - slices, the string builder, UTF-8, vectors.
#include "base/base.h"

#include <stdio.h>

struct slice slice_of(const char *s)
{
    return s ? (struct slice){s, strlen(s)} : (struct slice){"", 0};
}

struct slice slice_n(const char *data, size_t len)
{
    return (struct slice){data, len};
}

bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool slice_eq_str(struct slice a, const char *b)
{
    return slice_eq(a, slice_of(b));
}

int slice_cmp(struct slice a, struct slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool slice_has_prefix(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_eq(slice_n(s.data, prefix.len), prefix);
}

bool slice_has_suffix(struct slice s, struct slice suffix)
{
    return s.len >= suffix.len && slice_eq(slice_sub(s, s.len - suffix.len, s.len), suffix);
}

ptrdiff_t slice_find(struct slice s, struct slice needle)
{
    if (needle.len == 0)
        return 0;
    if (s.len < needle.len)
        return -1;
    // memchr is much faster than memmem where the first byte is rare in the text.
    const char *p = s.data, *last = s.data + s.len - needle.len;
    for (ptrdiff_t misses = 0; misses * 32 <= p - s.data; misses++, p++) {
        if (p > last || !(p = memchr(p, needle.data[0], (size_t)(last - p) + 1)))
            return -1;
        if (memcmp(p, needle.data, needle.len) == 0)
            return p - s.data;
    }
    p = memmem(p, (size_t)(s.data + s.len - p), needle.data, needle.len);
    return p ? p - s.data : -1;
}

ptrdiff_t slice_find_char(struct slice s, char c)
{
    const char *hit = s.len ? memchr(s.data, c, s.len) : NULL;
    return hit ? hit - s.data : -1;
}

struct slice slice_sub(struct slice s, size_t from, size_t to)
{
    if (to > s.len)
        to = s.len;
    if (from > to)
        from = to;
    return (struct slice){from ? s.data + from : s.data, to - from};
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct slice slice_trim_space(struct slice s)
{
    size_t from = 0, to = s.len;
    while (from < to && is_space(s.data[from]))
        from++;
    while (to > from && is_space(s.data[to - 1]))
        to--;
    return slice_sub(s, from, to);
}

char *slice_dup(struct arena *a, struct slice s)
{
    return arena_strndup(a, s.data, s.len);
}

bool slice_cut(struct slice s, char separator, struct slice *head, struct slice *tail)
{
    ptrdiff_t at = slice_find_char(s, separator);
    *head = at < 0 ? s : slice_sub(s, 0, (size_t)at);
    *tail = at < 0 ? slice_sub(s, s.len, s.len) : slice_sub(s, (size_t)at + 1, s.len);
    return at >= 0;
}

bool str_has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_has_suffix(const char *s, const char *suffix)
{
    return slice_has_suffix(slice_of(s), slice_of(suffix));
}

bool str_eq(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

// ---- string builder ----

bool buf_full(const struct buf *b)
{
    return b->full || (b->arena && arena_full(b->arena));
}

bool buf_reserve(struct buf *b, size_t more)
{
    if (more > PTRDIFF_MAX - b->len - 1)
        abort();
    size_t need = b->len + more + 1;
    if (need <= b->cap)
        return true;
    size_t cap = b->cap ? b->cap * 2 : 64;
    if (cap < need)
        cap = need;
    if ((b->limit && need - 1 > b->limit) || (b->arena && cap > ARENA_SMALL && !arena_room(b->arena, cap))) {
        b->full = true;
        return false;
    }
    b->data = b->arena ? arena_realloc(b->arena, b->data, b->cap, cap) : xrealloc(b->data, cap);
    b->cap = cap;
    b->data[b->len] = '\0';
    return true;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
    if (!buf_reserve(b, len))
        return;
    if (len)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_slice(struct buf *b, struct slice s)
{
    buf_add(b, s.data, s.len);
}

void buf_char(struct buf *b, char c)
{
    if (b->len + 2 > b->cap && !buf_reserve(b, 1))
        return;
    b->data[b->len++] = c;
    b->data[b->len] = '\0';
}

void buf_fill(struct buf *b, char c, size_t times)
{
    if (!buf_reserve(b, times))
        return;
    memset(b->data + b->len, c, times);
    b->len += times;
    b->data[b->len] = '\0';
}

void buf_vprintf(struct buf *b, const char *fmt, va_list args)
{
    if (!buf_reserve(b, 0))
        return;
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(b->data + b->len, b->cap - b->len, fmt, args);
    if (len > 0 && (size_t)len >= b->cap - b->len) {
        if (buf_reserve(b, (size_t)len))
            vsnprintf(b->data + b->len, b->cap - b->len, fmt, again);
        else
            len = 0;
    }
    if (len > 0)
        b->len += (size_t)len;
    b->data[b->len] = '\0';
    va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    buf_vprintf(b, fmt, args);
    va_end(args);
}

void buf_rune(struct buf *b, uint32_t rune)
{
    char bytes[4];
    buf_add(b, bytes, utf8_encode(rune, bytes));
}

const char *buf_cstr(struct buf *b)
{
    return b->data ? b->data : "";
}

struct slice buf_view(const struct buf *b)
{
    return (struct slice){b->data ? b->data : "", b->len};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->full = false;
    if (b->data)
        b->data[0] = '\0';
}

void buf_free(struct buf *b)
{
    if (b->arena)
        return;
    free(b->data);
    *b = (struct buf){0};
}

char *buf_steal(struct buf *b)
{
    buf_reserve(b, 0);
    char *data = b->data;
    *b = (struct buf){.arena = b->arena};
    return data;
}

// ---- UTF-8 ----

uint32_t utf8_decode(const char *data, size_t len, size_t *width)
{
    *width = len ? 1 : 0;
    if (!len)
        return RUNE_ERROR;
    const unsigned char *p = (const unsigned char *)data;
    if (p[0] < 0x80)
        return p[0];
    // The second byte's bounds shut out overlong forms, surrogates and what lies above U+10FFFF (Unicode, table 3-7).
    size_t need;
    uint32_t rune;
    unsigned char least = 0x80, most = 0xBF;
    if (p[0] >= 0xC2 && p[0] <= 0xDF) {
        need = 2;
        rune = p[0] & 0x1F;
    } else if ((p[0] & 0xF0) == 0xE0) {
        need = 3;
        rune = p[0] & 0x0F;
        least = p[0] == 0xE0 ? 0xA0 : 0x80;
        most = p[0] == 0xED ? 0x9F : 0xBF;
    } else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        need = 4;
        rune = p[0] & 0x07;
        least = p[0] == 0xF0 ? 0x90 : 0x80;
        most = p[0] == 0xF4 ? 0x8F : 0xBF;
    } else {
        return RUNE_ERROR;
    }
    if (len < need || p[1] < least || p[1] > most)
        return RUNE_ERROR;
    for (size_t i = 1; i < need; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return RUNE_ERROR;
        rune = rune << 6 | (p[i] & 0x3F);
    }
    *width = need;
    return rune;
}

size_t utf8_encode(uint32_t rune, char out[4])
{
    if (rune > 0x10FFFF || (rune >= 0xD800 && rune <= 0xDFFF))
        rune = RUNE_ERROR;
    if (rune < 0x80) {
        out[0] = (char)rune;
        return 1;
    }
    size_t width = rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = width - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (rune & 0x3F));
        rune >>= 6;
    }
    out[0] = (char)(lead[width] | rune);
    return width;
}

size_t utf8_count(const char *data, size_t len)
{
    size_t count = 0, width;
    for (size_t i = 0; i < len; i += width, count++)
        utf8_decode(data + i, len - i, &width);
    return count;
}

bool utf8_valid(const char *data, size_t len)
{
    size_t width;
    for (size_t i = 0; i < len; i += width) {
        // Eight plain bytes at a time: most text is plain.
        uint64_t word;
        while (len - i >= sizeof word && (memcpy(&word, data + i, sizeof word), !(word & 0x8080808080808080ULL)))
            i += sizeof word;
        if (i == len)
            break;
        // A well-formed U+FFFD is three bytes wide; an error is one.
        if (utf8_decode(data + i, len - i, &width) == RUNE_ERROR && width == 1)
            return false;
    }
    return true;
}

// ---- vectors ----

void *vec_grow(struct arena *arena, void *items, size_t item_size, size_t *cap)
{
    size_t next = *cap ? *cap * 2 : 4;
    if (next > PTRDIFF_MAX / item_size)
        abort();
    items = arena ? arena_realloc(arena, items, *cap * item_size, next * item_size) : xrealloc(items, next * item_size);
    *cap = next;
    return items;
}
