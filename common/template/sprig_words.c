// sprig_words.c - Sprig's functions on words: capitals, snake and camel case, abbreviations, wrapping.
#include "template/sprig.h"
#include "value/unicode.h"

// The runes of the first argument that is a string; count gets how many.
static uint32_t *runes_of(struct template_call *call, size_t arg, size_t *count)
{
    struct slice s = arg_text(call, arg);
    uint32_t *runes = arena_array(call->arena, uint32_t, s.len + 1);
    *count = 0;
    for (size_t i = 0, width; i < s.len; i += width)
        runes[(*count)++] = utf8_decode(s.data + i, s.len - i, &width);
    return runes;
}

static void set_runes(struct template_call *call, const uint32_t *runes, size_t count, struct value *result)
{
    struct buf out = BUF_IN(call->arena);
    for (size_t i = 0; i < count; i++)
        buf_rune(&out, runes[i]);
    *result = call_text(call, &out);
}

// ---- capitals -------------------------------------------------------------------------------------------------------

static bool ends_word(uint32_t r)
{
    if (r < 0x80)
        return !(go_is_letter(r) || go_is_digit(r) || r == '_');
    return !go_is_letter(r) && !go_is_digit(r) && go_is_space(r);
}

static bool fn_title(struct template_call *call, struct value *result)
{
    size_t count;
    uint32_t *runes = runes_of(call, 0, &count);
    bool start = true;
    for (size_t i = 0; i < count; i++) {
        bool next = ends_word(runes[i]);
        if (start)
            runes[i] = go_to_title(runes[i]);
        start = next;
    }
    set_runes(call, runes, count, result);
    return true;
}

static bool fn_untitle(struct template_call *call, struct value *result)
{
    size_t count;
    uint32_t *runes = runes_of(call, 0, &count);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || go_is_space(runes[i - 1]))
            runes[i] = go_to_lower(runes[i]);
    set_runes(call, runes, count, result);
    return true;
}

static bool fn_swapcase(struct template_call *call, struct value *result)
{
    size_t count;
    uint32_t *runes = runes_of(call, 0, &count);
    bool start = true;
    for (size_t i = 0; i < count; i++) {
        uint32_t r = runes[i];
        if (go_is_upper(r) || go_is_title(r))
            runes[i] = go_to_lower(r);
        else if (go_is_lower(r))
            runes[i] = start ? go_to_title(r) : go_to_upper(r);
        start = go_is_space(r);
    }
    set_runes(call, runes, count, result);
    return true;
}

// The library behind Sprig takes each byte for a rune, and so do we.
static bool fn_initials(struct template_call *call, struct value *result)
{
    struct slice s = arg_text(call, 0);
    struct buf out = BUF_IN(call->arena);
    bool start = true;
    for (size_t i = 0; i < s.len; i++) {
        bool space = go_is_space((unsigned char)s.data[i]);
        if (start && !space)
            buf_rune(&out, (unsigned char)s.data[i]);
        start = space;
    }
    *result = call_text(call, &out);
    return true;
}

// Sprig takes each byte for a rune, and what has no white space is left alone.
static bool fn_nospace(struct template_call *call, struct value *result)
{
    struct slice s = arg_text(call, 0);
    struct buf out = BUF_IN(call->arena);
    bool spaces = false;
    for (size_t i = 0; i < s.len; i++) {
        if (go_is_space((unsigned char)s.data[i]))
            spaces = true;
        else
            buf_rune(&out, (unsigned char)s.data[i]);
    }
    *result = spaces ? call_text(call, &out) : call->args[0];
    return true;
}

// ---- snake-case, kebab-case -----------------------------------------------------------------------------------------

static bool is_connector(uint32_t r)
{
    return r == '-' || r == '_' || go_is_space(r);
}

enum word_kind { WORD_NONE, WORD_DIGITS, WORD_UPPER, WORD_LOWER, WORD_CONNECTOR, WORD_PUNCTUATION, WORD_OTHER };

// The ideographs, as xstrings knows them.
static bool is_cjk(uint32_t r)
{
    return (r >= 0x3400 && r <= 0x4d85) || (r >= 0x4e00 && r <= 0x9fcc) || (r >= 0x20000 && r <= 0x2b81d);
}

static enum word_kind kind_of(uint32_t r)
{
    return is_connector(r)                  ? WORD_CONNECTOR
           : go_is_punct(r)                 ? WORD_PUNCTUATION
           : go_is_upper(r)                 ? WORD_UPPER
           : go_is_letter(r) && !is_cjk(r)  ? WORD_LOWER
           : go_is_number(r)                ? WORD_DIGITS
                                            : WORD_OTHER;
}

struct word {
    enum word_kind kind;
    size_t from, to;
    bool mixed; // digits with small letters behind them: "2xx", "2m3s"
};

// As xstrings walks: bytes that are no UTF-8 belong to the rune behind them, at the end to the one before.
static size_t valid_runes(struct template_call *call, uint32_t **runes, size_t **ends)
{
    struct slice s = arg_text(call, 0);
    size_t count = 0, width;
    *runes = arena_array(call->arena, uint32_t, s.len + 1);
    *ends = arena_array(call->arena, size_t, s.len + 1);
    for (size_t i = 0; i < s.len;) {
        uint32_t rune = utf8_decode(s.data + i, s.len - i, &width);
        i += width;
        if (rune == RUNE_ERROR && i < s.len)
            continue;
        if (rune != RUNE_ERROR || count == 0)
            (*runes)[count++] = rune;
        (*ends)[count - 1] = i;
    }
    return count;
}

static struct word next_word(const uint32_t *runes, size_t from, size_t count)
{
    struct word w = {.kind = kind_of(runes[from]), .from = from, .to = from + 1};
    while (w.to < count && kind_of(runes[w.to]) == w.kind)
        w.to++;
    if (w.kind == WORD_DIGITS) {
        while (w.to < count && (kind_of(runes[w.to]) == WORD_LOWER || kind_of(runes[w.to]) == WORD_DIGITS))
            w.mixed |= kind_of(runes[w.to++]) == WORD_LOWER;
    } else if (w.kind == WORD_UPPER && w.to < count && kind_of(runes[w.to]) == WORD_LOWER) {
        if (w.to - from > 1)
            w.to--; // the last of a row of capitals begins the next word
        else
            while (w.to < count && kind_of(runes[w.to]) == WORD_LOWER)
                w.to++;
    }
    return w;
}

// A plain number belongs to the word before it; punctuation joins what it stands between.
static bool parted(struct word before, struct word w)
{
    if (before.kind == WORD_NONE || before.kind == WORD_CONNECTOR || before.kind == WORD_PUNCTUATION ||
        w.kind == WORD_PUNCTUATION)
        return false;
    return w.kind != WORD_DIGITS || w.mixed;
}

// Words with capitals, and what connects words, are written rune by rune; the rest as it stands.
static void add_word(struct buf *out, enum word_kind kind, struct slice text, char connector)
{
    if (kind != WORD_UPPER && kind != WORD_CONNECTOR) {
        buf_slice(out, text);
        return;
    }
    for (size_t i = 0, width; i < text.len; i += width) {
        uint32_t rune = utf8_decode(text.data + i, text.len - i, &width);
        buf_rune(out, is_connector(rune) ? (uint32_t)connector : go_is_upper(rune) ? go_to_lower(rune) : rune);
    }
}

static bool connected(struct template_call *call, char connector, struct value *result)
{
    uint32_t *runes;
    size_t *ends, count = valid_runes(call, &runes, &ends);
    struct buf out = BUF_IN(call->arena);
    struct word before = {0};
    for (size_t i = 0; i < count; i = before.to) {
        struct word w = next_word(runes, i, count);
        if (w.kind != WORD_CONNECTOR && parted(before, w))
            buf_char(&out, connector);
        size_t start = w.from ? ends[w.from - 1] : 0;
        add_word(&out, w.kind, slice_sub(arg_text(call, 0), start, ends[w.to - 1]), connector);
        before = w;
    }
    *result = call_text(call, &out);
    return true;
}

static bool fn_snakecase(struct template_call *call, struct value *result)
{
    return connected(call, '_', result);
}

static bool fn_kebabcase(struct template_call *call, struct value *result)
{
    return connected(call, '-', result);
}

// ---- PascalCase -----------------------------------------------------------------------------------------------------

static bool fn_camelcase(struct template_call *call, struct value *result)
{
    size_t count, i = 0;
    uint32_t *runes = runes_of(call, 0, &count);
    struct buf out = BUF_IN(call->arena);
    for (; i < count && is_connector(runes[i]); i++) // what leads stays
        buf_rune(&out, runes[i]);
    if (i == count && count) // and the last, where nothing else comes, twice
        buf_rune(&out, runes[i - 1]);
    bool start = true;
    while (i < count) {
        if (is_connector(runes[i])) {
            size_t end = i;
            while (end < count && is_connector(runes[end]))
                end++;
            // Of connectors between words the last goes; of those at the end none.
            for (size_t k = i; k < (end == count ? end : end - 1); k++)
                buf_rune(&out, runes[k]);
            i = end;
            start = true;
            continue;
        }
        if (start) { // a capital, and the rest of a row of capitals in small letters
            size_t end = i;
            while (end < count && go_is_upper(runes[end]))
                end++;
            buf_rune(&out, go_to_upper(runes[i++]));
            for (; i < end; i++)
                buf_rune(&out, go_to_lower(runes[i]));
            start = false;
            continue;
        }
        buf_rune(&out, runes[i++]);
    }
    *result = call_text(call, &out);
    return true;
}

// ---- abbreviations --------------------------------------------------------------------------------------------------

static bool abbreviate(struct template_call *call, struct slice s, int64_t offset, int64_t width, struct value *result)
{
    int64_t len = (int64_t)s.len;
    *result = sprig_copy(call, s);
    if (width < 4 || (offset > 0 && width < 7) || len <= width)
        return true;
    if (offset > len)
        offset = len;
    if (len - offset < width - 3)
        offset = len - (width - 3);
    struct buf out = BUF_IN(call->arena);
    if (offset <= 4) {
        buf_slice(&out, slice_sub(s, 0, (size_t)(width - 3)));
        buf_str(&out, "...");
    } else if (offset + width - 3 < len) {
        buf_str(&out, "...");
        buf_slice(&out, slice_sub(s, (size_t)offset, (size_t)(offset + width - 6)));
        buf_str(&out, "...");
    } else {
        buf_str(&out, "...");
        buf_slice(&out, slice_sub(s, (size_t)(len - (width - 3)), (size_t)len));
    }
    *result = call_text(call, &out);
    return true;
}

static bool fn_abbrev(struct template_call *call, struct value *result)
{
    return abbreviate(call, arg_text(call, 1), 0, call->args[0].integer, result);
}

static bool fn_abbrevboth(struct template_call *call, struct value *result)
{
    return abbreviate(call, arg_text(call, 2), call->args[0].integer, call->args[1].integer, result);
}

// ---- wrapping -------------------------------------------------------------------------------------------------------

// Lines of at most `width` bytes, broken at spaces; longer words are cut only where `cut` says so.
static bool wrap(struct template_call *call, struct slice s, int64_t width, struct slice line_end, bool cut,
                 struct value *result)
{
    if (width < 1)
        width = 1;
    if (line_end.len == 0)
        line_end = SLICE("\n");
    struct buf out = BUF_IN(call->arena);
    while (s.len > (size_t)width) {
        if (s.data[0] == ' ') {
            s = slice_sub(s, 1, s.len);
            continue;
        }
        const char *space = memrchr(s.data, ' ', (size_t)width + 1);
        size_t end, skip = 1;
        if (space) {
            end = (size_t)(space - s.data);
        } else if (cut) {
            end = (size_t)width;
            skip = 0;
        } else {
            space = memchr(s.data + width, ' ', s.len - (size_t)width);
            if (!space)
                break;
            end = (size_t)(space - s.data);
        }
        buf_slice(&out, slice_sub(s, 0, end));
        buf_slice(&out, line_end);
        s = slice_sub(s, end + skip, s.len);
    }
    buf_slice(&out, s);
    *result = call_text(call, &out);
    return true;
}

static bool fn_wrap(struct template_call *call, struct value *result)
{
    return wrap(call, arg_text(call, 1), call->args[0].integer, SLICE(""), false, result);
}

static bool fn_wrap_with(struct template_call *call, struct value *result)
{
    return wrap(call, arg_text(call, 2), call->args[0].integer, arg_text(call, 1), true, result);
}

static const struct template_func items[] = {
    {"abbrev", "is", fn_abbrev},       {"abbrevboth", "iis", fn_abbrevboth}, {"camelcase", "s", fn_camelcase},
    {"initials", "s", fn_initials},    {"kebabcase", "s", fn_kebabcase},     {"nospace", "s", fn_nospace},
    {"snakecase", "s", fn_snakecase},  {"swapcase", "s", fn_swapcase},       {"title", "s", fn_title},
    {"untitle", "s", fn_untitle},      {"wrap", "is", fn_wrap},              {"wrapWith", "iss", fn_wrap_with},
};
const struct template_funcs sprig_words = {.items = items, .count = ARRAY_LEN(items)};
