// regex.c - matching, replacing and expanding as Go's regexp package does.
//
// RE2 stops at bytes that are no UTF-8, Go reads each as U+FFFD. A text with such bytes is matched as a copy in which
// they are spelled out, and the spans are carried back.
#include "regex/private.h"

struct regex *regex_new(const char *pattern, size_t len, struct error *err)
{
    struct engine *engine = pattern_compile(slice_n(pattern, len), err);
    if (!engine)
        return NULL;
    struct regex *re = xmalloc(sizeof *re);
    re->engine = engine;
    re->references = 1;
    return re;
}

void regex_free(struct regex *re)
{
    if (!re || --re->references)
        return;
    engine_free(re->engine);
    free(re);
}

void regex_cleanup(struct regex **re)
{
    regex_free(*re);
}

int regex_groups(const struct regex *re)
{
    return engine_groups(re->engine);
}

const char *regex_group_name(const struct regex *re, int i, struct arena *a)
{
    struct engine_span name;
    return engine_group_name(re->engine, i, &name) ? arena_strndup(a, name.data, name.len) : "";
}

int regex_group_index(const struct regex *re, const char *name)
{
    return engine_group_index(re->engine, name);
}

// ---- matching ----

// A text to be matched, and its well-formed copy where it needs one.
struct subject {
    struct slice text;
    struct buf copy;
    struct positions origin; // for each byte of the copy, and its end: where in the text it comes from
};

static struct subject subject_of(struct slice text)
{
    struct subject s = {.text = text};
    if (utf8_valid(text.data, text.len))
        return s;
    size_t width;
    for (size_t i = 0; i < text.len; i += width) {
        size_t before = s.copy.len;
        buf_rune(&s.copy, utf8_decode(text.data + i, text.len - i, &width));
        for (size_t k = 0; k < s.copy.len - before; k++)
            vec_push(NULL, &s.origin, k < width ? i + k : i);
    }
    vec_push(NULL, &s.origin, text.len);
    return s;
}

static void subject_free(struct subject *s)
{
    buf_free(&s->copy);
    free(s->origin.items);
}

static size_t to_copy(const struct subject *s, size_t at)
{
    size_t low = 0, high = s->origin.len - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->origin.items[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// The engine's match, in the copy where there is one. RE2 finds "\B" between the bytes of a rune as well: such matches
// are empty and begin inside of it, and the search goes on behind.
static bool search(const struct regex *re, struct slice text, size_t from, struct engine_span *spans, int n)
{
    while (engine_match(re->engine, (struct engine_span){text.data, text.len}, from, false, spans, n)) {
        size_t begin = (size_t)(spans[0].data - text.data);
        if (begin == text.len || (text.data[begin] & 0xC0) != 0x80)
            return true;
        for (from = begin; from < text.len && (text.data[from] & 0xC0) == 0x80;)
            from++;
    }
    return false;
}

static bool match(const struct regex *re, const struct subject *s, size_t from, struct slice *groups, int n)
{
    struct engine_span few[16];
    if (from > s->text.len)
        return false;
    struct engine_span *spans = n <= (int)ARRAY_LEN(few) ? few : xmalloc((size_t)n * sizeof *spans);
    struct slice text = s->origin.items ? buf_view(&s->copy) : s->text;
    bool hit = search(re, text, s->origin.items ? to_copy(s, from) : from, spans, n ? n : 1);
    for (int i = 0; hit && i < n; i++) {
        groups[i] = (struct slice){spans[i].data, spans[i].len};
        if (!spans[i].data || !s->origin.items)
            continue;
        size_t begin = (size_t)(spans[i].data - text.data);
        groups[i] = slice_sub(s->text, s->origin.items[begin], s->origin.items[begin + spans[i].len]);
    }
    if (spans != few)
        free(spans);
    return hit;
}

// A span's data tells whether the group took part: so the empty text needs an address too.
static struct slice addressed(struct slice text)
{
    return text.data ? text : SLICE("");
}

bool regex_match(const struct regex *re, struct slice text, size_t from, struct slice *groups, int n)
{
    // Groups that the pattern does not have took no part.
    int known = regex_groups(re) + 1;
    for (int i = known; i < n; i++)
        groups[i] = (struct slice){0};
    cleanup(subject_free) struct subject s = subject_of(addressed(text));
    return match(re, &s, from, groups, n < known ? n : known);
}

bool regex_is_match(const struct regex *re, struct slice text)
{
    return regex_match(re, text, 0, NULL, 0);
}

static size_t rune_width(struct slice text, size_t at)
{
    size_t width;
    utf8_decode(text.data + at, text.len - at, &width);
    return width;
}

bool regex_next(const struct regex *re, struct slice text, struct regex_cursor *c, struct slice *groups, int n)
{
    text = addressed(text);
    while (c->at <= text.len && regex_match(re, text, c->at, groups, n)) {
        size_t begin = (size_t)(groups[0].data - text.data), end = begin + groups[0].len;
        // No empty match right after another match.
        bool accept = end != c->at || begin != c->last_end || !c->any;
        size_t width = c->at < text.len ? rune_width(text, c->at) : 0;
        c->at = end != c->at ? end : width ? c->at + width : text.len + 1;
        c->last_end = end;
        c->any = true;
        if (accept)
            return true;
    }
    return false;
}

// ---- replacing ----

void regex_replace(struct buf *out, const struct regex *re, struct slice text, struct slice replacement, bool literal)
{
    text = addressed(text);
    int n = regex_groups(re) + 1;
    struct slice *groups = xcalloc((size_t)n, sizeof *groups);
    cleanup(subject_free) struct subject s = subject_of(text);
    size_t copied = 0; // end of the last match
    for (size_t at = 0; at <= text.len && match(re, &s, at, groups, n);) {
        size_t begin = (size_t)(groups[0].data - text.data), end = begin + groups[0].len;
        buf_slice(out, slice_sub(text, copied, begin));
        // An empty match right after another match is not replaced.
        if (end > copied || begin == 0) {
            if (literal)
                buf_slice(out, replacement);
            else
                regex_expand(out, re, replacement, groups, n);
        }
        copied = end;
        size_t width = at < text.len ? rune_width(text, at) : 1;
        at = at + width > end ? at + width : end;
    }
    buf_slice(out, slice_sub(text, copied, text.len));
    free(groups);
}

static bool is_ascii_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Length of the name at the start: letters, digits and underscores of any script, as Go's unicode package has them.
static size_t name_length(struct slice s)
{
    size_t n = 0;
    while (n < s.len && is_ascii_word(s.data[n]))
        n++;
    if (n == s.len || (unsigned char)s.data[n] < 0x80)
        return n;
    static const char word[] = "[\\p{L}\\p{Nd}_]+";
    const struct regex *re = regex_cached(word, sizeof word - 1, NULL);
    struct engine_span found;
    return re && engine_match(re->engine, (struct engine_span){s.data, s.len}, 0, true, &found, 1) ? found.len : n;
}

// -1: the name is no number (a leading zero makes it none).
static int as_group_number(struct slice name)
{
    if (name.len > 9 || (name.len > 1 && name.data[0] == '0'))
        return -1;
    int number = 0;
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] < '0' || name.data[i] > '9')
            return -1;
        number = number * 10 + (name.data[i] - '0');
    }
    return number;
}

// Reads "name" or "{name}" after a dollar sign. False: malformed.
static bool read_reference(struct slice *rest, struct slice *name)
{
    bool brace = rest->len && rest->data[0] == '{';
    struct slice s = slice_sub(*rest, brace, rest->len);
    *name = slice_sub(s, 0, name_length(s));
    s = slice_sub(s, name->len, s.len);
    if (!name->len || (brace && (!s.len || s.data[0] != '}')))
        return false;
    *rest = slice_sub(s, brace, s.len);
    return true;
}

void regex_expand(struct buf *out, const struct regex *re, struct slice pattern, const struct slice *groups, int n)
{
    struct slice before, rest = pattern, name;
    while (slice_cut(rest, '$', &before, &rest)) {
        buf_slice(out, before);
        if (rest.len && rest.data[0] == '$') {
            buf_char(out, '$');
            rest = slice_sub(rest, 1, rest.len);
        } else if (!read_reference(&rest, &name)) {
            buf_char(out, '$');
        } else {
            int group = as_group_number(name);
            if (group < 0) {
                cleanup(cleanup_free) char *text = xstrndup(name.data, name.len);
                group = regex_group_index(re, text);
            }
            if (group >= 0 && group < n && groups[group].data)
                buf_slice(out, groups[group]);
        }
        pattern = rest;
    }
    buf_slice(out, pattern);
}
