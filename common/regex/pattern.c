// pattern.c - Go's regular expression syntax where it differs from RE2's, and Go's words for what is wrong with one.
#include "regex/private.h"

static const char *const fault_words[] = {
    [FAULT_INTERNAL] = "regexp/syntax: internal error",
    [FAULT_ESCAPE] = "invalid escape sequence",
    [FAULT_CHAR_CLASS] = "invalid character class",
    [FAULT_CHAR_RANGE] = "invalid character class range",
    [FAULT_MISSING_BRACKET] = "missing closing ]",
    [FAULT_MISSING_PAREN] = "missing closing )",
    [FAULT_UNEXPECTED_PAREN] = "unexpected )",
    [FAULT_TRAILING_BACKSLASH] = "trailing backslash at end of expression",
    [FAULT_REPEAT_ARGUMENT] = "missing argument to repetition operator",
    [FAULT_REPEAT_SIZE] = "invalid repeat count",
    [FAULT_REPEAT_OPERATOR] = "invalid nested repetition operator",
    [FAULT_PERL] = "invalid or unsupported Perl syntax",
    [FAULT_UTF8] = "invalid UTF-8",
    [FAULT_NAMED_CAPTURE] = "invalid named capture",
    [FAULT_TOO_LARGE] = "expression too large",
};

static bool fail(struct error *err, enum engine_fault fault, struct slice piece)
{
    return error_set(err, ERROR_INVALID, "error parsing regexp: %s: `%.*s`", fault_words[fault], SLICE_ARG(piece));
}

static bool starts(struct slice s, size_t at, const char *word)
{
    return slice_has_prefix(slice_sub(s, at, s.len), slice_of(word));
}

// The end of the [...] that begins at `at`: after its ], or of the pattern.
static size_t class_end(struct slice s, size_t at)
{
    size_t i = at + 1 + starts(s, at + 1, "^");
    for (bool first = true; i < s.len; first = false) {
        if (s.data[i] == ']' && !first)
            return i + 1;
        ptrdiff_t named = starts(s, i, "[:") ? slice_find(slice_sub(s, i + 2, s.len), SLICE(":]")) : -1;
        i += named >= 0 ? (size_t)named + 4 : s.data[i] == '\\' ? 2 : 1;
    }
    return s.len;
}

static size_t quote_end(struct slice s, size_t at)
{
    ptrdiff_t end = slice_find(slice_sub(s, at, s.len), SLICE("\\E"));
    return end < 0 ? s.len : at + (size_t)end + 2;
}

// What RE2 takes and Go does not.
struct refusal {
    enum engine_fault fault;
    struct slice piece;
};

// The end of the "(?P<name>" or "(?<name>" at `at`, where the name is not of ASCII's letters alone; 0: there is none such.
static size_t foreign_name_end(struct slice s, size_t at)
{
    bool foreign = false;
    if (!starts(s, at, "(?<") && !starts(s, at, "(?P<"))
        return 0;
    for (size_t i = at; i < s.len; i++) {
        if (s.data[i] == '>')
            return foreign ? i + 1 : 0;
        foreign |= (unsigned char)s.data[i] >= 0x80;
    }
    return 0;
}

// "(?<name>" becomes "(?P<name>", which every RE2 knows: `added` gets the places, in the result, of each P. What Go
// refuses ends it.
static void translate(struct slice pattern, struct buf *out, struct positions *added, struct refusal *refused)
{
    for (size_t i = 0, end; i < pattern.len; i = end) {
        end = i + 1;
        size_t name_end = foreign_name_end(pattern, i);
        if (name_end || starts(pattern, i, "\\C")) {
            refused->fault = name_end ? FAULT_NAMED_CAPTURE : FAULT_ESCAPE;
            refused->piece = slice_sub(pattern, i, name_end ? name_end : i + 2);
            return;
        }
        if (starts(pattern, i, "\\Q")) {
            end = quote_end(pattern, i);
        } else if (pattern.data[i] == '\\') {
            end = i + 2;
        } else if (pattern.data[i] == '[') {
            end = class_end(pattern, i);
        } else if (starts(pattern, i, "(?<")) {
            buf_str(out, "(?");
            vec_push(NULL, added, out->len);
            buf_char(out, 'P');
            i += 2;
            end = i + 1;
        }
        buf_slice(out, slice_sub(pattern, i, end));
    }
}

// The piece of the pattern as it was written.
static void report(struct slice translated, struct positions added, enum engine_fault fault, struct slice piece,
                   struct error *err)
{
    ptrdiff_t at = slice_find(translated, piece);
    cleanup(buf_free) struct buf original = {0};
    for (size_t i = 0, next = 0; i < piece.len; i++) {
        size_t position = (size_t)at + i;
        while (next < added.len && added.items[next] < position)
            next++;
        if (at < 0 || next == added.len || added.items[next] != position)
            buf_char(&original, piece.data[i]);
    }
    fail(err, fault, buf_view(&original));
}

static struct slice from_bad_byte(struct slice s)
{
    size_t i = 0, width;
    while (i < s.len && (utf8_decode(s.data + i, s.len - i, &width) != RUNE_ERROR || width > 1))
        i += width;
    return slice_sub(s, i, s.len);
}

// A pattern that ends within "\x{" is no UTF-8 to RE2.
static void report_utf8(struct slice pattern, struct error *err)
{
    struct slice bad = from_bad_byte(pattern);
    const char *cut = bad.len ? NULL : memrchr(pattern.data, '\\', pattern.len);
    if (cut)
        fail(err, FAULT_ESCAPE, slice_sub(pattern, (size_t)(cut - pattern.data), pattern.len));
    else
        fail(err, FAULT_UTF8, bad);
}

struct engine *pattern_compile(struct slice pattern, struct error *err)
{
    cleanup(buf_free) struct buf translated = {0};
    struct positions added = {0};
    struct refusal refused = {0};
    translate(pattern, &translated, &added, &refused);
    struct engine *engine = engine_new(buf_cstr(&translated), translated.len);
    struct engine_span piece;
    enum engine_fault fault = engine_fault(engine, &piece);
    if (refused.fault && fault == FAULT_MISSING_PAREN)
        fault = FAULT_NONE; // which would be found at the end
    if (fault == FAULT_UTF8)
        report_utf8(pattern, err);
    else if (fault == FAULT_PERL) // never of a name
        fail(err, fault, slice_n(piece.data, piece.len));
    else if (fault)
        report(buf_view(&translated), added, fault, slice_n(piece.data, piece.len), err);
    else if (refused.fault)
        fail(err, refused.fault, refused.piece);
    free(added.items);
    if (!fault && !refused.fault)
        return engine;
    engine_free(engine);
    return NULL;
}
