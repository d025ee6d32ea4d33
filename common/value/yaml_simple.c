// yaml_simple.c - reads simple YAML: blocks of mappings and lists, plain and quoted text, literal blocks, short flow lists.
//
// libyaml decodes, scans and parses rune by rune and takes two thirds of the time that a chart's values and manifests
// need. Nearly all of these keep to a small part of YAML, whose meaning can be told line by line; this is a reader for
// that part. It knows no errors: whatever it does not know (anchors, tags, folded blocks, several documents, odd
// characters, keys that are no strings, anything that looks wrong) it leaves to libyaml.
#include "value/yaml_simple.h"

#include <math.h>

#include "value/internal.h"
#include "value/yaml_scalar.h"

#define DEPTH_MAX 64
#define KEY_MAX 1000 // libyaml looks no further than 1024 characters for the colon

struct reader {
    struct arena *arena;
    const char *p, *end;
    size_t indent; // of the line at p, where p stands behind it
    int flags;
    size_t nodes_left;
    unsigned depth;
    struct key_cache keys;
    // What lists and mappings under way hold, each one's above its parent's; malloc'd.
    VEC(struct value) items;
    VEC(struct dict_entry) entries;
    struct buf text; // of a scalar that has to be put together; malloc'd
};

static bool read_block(struct reader *r, struct value *out);
static bool read_flow(struct reader *r, struct value *out);

// ---- characters ---------------------------------------------------------------------------------------------------
// What may start a plain scalar here. libyaml allows a few more.
static const bool starts_plain[256] = {
    ['$'] = true,        ['('] = true,         [')'] = true,  ['+'] = true,          ['-'] = true,
    ['.'] = true,  ['/'] = true,        ['0' ... '9'] = true, [';'] = true,  ['<'] = true,          ['='] = true,
    ['A' ... 'Z'] = true, ['\\'] = true, ['^'] = true,        ['_'] = true,  ['a' ... 'z'] = true,  ['~'] = true,
    [0x80 ... 0xff] = true,
};
// What a plain scalar in a flow list or mapping may hold here.
static const bool flow_plain[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['_'] = true,
    ['-'] = true, ['.'] = true, ['/'] = true, ['+'] = true, ['='] = true, ['$'] = true,
};

static bool is_blank_at(const struct reader *r, const char *p)
{
    return p >= r->end || *p == ' ' || *p == '\n';
}

static bool is_item(const struct reader *r)
{
    return r->p < r->end && *r->p == '-' && is_blank_at(r, r->p + 1);
}

// ---- lines --------------------------------------------------------------------------------------------------------
static void skip_spaces(struct reader *r)
{
    while (r->p < r->end && *r->p == ' ')
        r->p++;
}

static const char *line_end(const struct reader *r, const char *p)
{
    const char *end = p < r->end ? memchr(p, '\n', (size_t)(r->end - p)) : NULL;
    return end ? end : r->end;
}

static bool is_marker(const struct reader *r, const char *p)
{
    return r->end - p >= 3 && (memcmp(p, "---", 3) == 0 || memcmp(p, "...", 3) == 0);
}

// From the start of a line to the next one that holds more than white space and comments. False: not simple.
static bool find_line(struct reader *r)
{
    for (;;) {
        const char *start = r->p;
        skip_spaces(r);
        r->indent = (size_t)(r->p - start);
        if (r->p >= r->end)
            return true;
        if (*r->p != '\n' && *r->p != '#')
            return *r->p != '\t' && !(r->indent == 0 && (*r->p == '%' || is_marker(r, r->p)));
        r->p = line_end(r, r->p);
        r->p += r->p < r->end;
    }
}

// Whether the rest of the line is empty but for a comment. Something stands before r->p.
static bool at_line_end(const struct reader *r)
{
    return r->p >= r->end || *r->p == '\n' || (*r->p == '#' && r->p[-1] == ' ');
}

// At the end of a value: white space and a comment may follow on the line. False: something else does.
static bool end_line(struct reader *r)
{
    skip_spaces(r);
    if (!at_line_end(r))
        return false;
    r->p = line_end(r, r->p);
    r->p += r->p < r->end;
    return find_line(r);
}

// ---- scalars ------------------------------------------------------------------------------------------------------
static bool count_node(struct reader *r)
{
    return r->nodes_left-- > 0;
}

static bool plain_value(struct reader *r, const char *text, size_t len, struct value *out)
{
    struct arena_mark mark = arena_mark(r->arena);
    struct value copy = value_string_copy(r->arena, text, len);
    enum yaml_type type = yaml_may_resolve(text, len) ? yaml_resolve(copy.data, len, out) : YAML_STR;
    if (type == YAML_STR || type == YAML_TIMESTAMP) {
        *out = copy;
        return true;
    }
    arena_reset(r->arena, mark);
    if (type == YAML_FLOAT && !isfinite(out->number))
        return false;
    *out = yaml_json_number(*out, r->flags);
    return true;
}

// At a line break within a scalar, behind text->len bytes of it. One break is a space, more of them are one less; white
// space around them does not count. False: no line for this scalar follows, or not simple.
static bool fold_lines(struct reader *r)
{
    size_t breaks = 0;
    for (; r->p < r->end && *r->p == '\n'; breaks++) {
        const char *line = ++r->p;
        skip_spaces(r);
        r->indent = (size_t)(r->p - line);
    }
    if (r->p >= r->end || *r->p == '\t' || (r->indent == 0 && is_marker(r, r->p)))
        return false;
    buf_fill(&r->text, breaks > 1 ? '\n' : ' ', breaks > 1 ? breaks - 1 : 1);
    return true;
}

// A string in quotes; r->p stands at the opening one. *out lies in the source, or in r->text. With `key`, it is on one
// line.
static bool read_quoted(struct reader *r, bool key, struct slice *out)
{
    char quote = *r->p++;
    const char *start = r->p;
    bool copied = false;
    buf_clear(&r->text);
    while (r->p < r->end) {
        bool twice = *r->p == quote && quote == '\'' && r->p + 1 < r->end && r->p[1] == '\'';
        if (*r->p == quote && !twice)
            break;
        bool escape = *r->p == '\\' && quote == '"';
        if (!twice && !escape && *r->p != '\n') {
            r->p++;
            continue;
        }
        copied = true;
        const char *stop = r->p;
        if (*stop == '\n')
            while (stop > start && stop[-1] == ' ')
                stop--;
        buf_add(&r->text, start, (size_t)(stop - start));
        if (*r->p == '\n') {
            if (key || (stop > start && stop[-1] == '\t') || !fold_lines(r))
                return false;
            start = r->p;
            continue;
        }
        static const char letters[] = "nt\"\\", meanings[] = "\n\t\"\\";
        const char *letter = escape && r->p + 1 < r->end && r->p[1] ? strchr(letters, r->p[1]) : NULL;
        if (escape && !letter)
            return false;
        buf_char(&r->text, twice ? '\'' : meanings[letter - letters]);
        r->p += 2;
        start = r->p;
    }
    if (r->p >= r->end)
        return false;
    *out = slice_n(start, (size_t)(r->p++ - start));
    if (copied) {
        buf_slice(&r->text, *out);
        *out = buf_view(&r->text);
    }
    return true;
}

static bool read_quoted_value(struct reader *r, struct value *out)
{
    struct slice s;
    if (!read_quoted(r, false, &s))
        return false;
    *out = value_string_copy(r->arena, s.data ? s.data : "", s.len);
    return true;
}

// A literal block; r->p stands at the bar. `outer` is the indentation of what it belongs to.
static bool read_literal(struct reader *r, size_t outer, struct value *out)
{
    r->p++;
    char chomp = r->p < r->end && (*r->p == '-' || *r->p == '+') ? *r->p++ : 0;
    skip_spaces(r);
    if (!at_line_end(r))
        return false;
    if (line_end(r, r->p) == r->end) { // nothing follows
        r->p = r->end;
        *out = value_string("");
        return true;
    }
    const char *line = line_end(r, r->p) + 1, *first = line;
    size_t indent = 0, spaces_before = 0; // the first line with text sets the indentation
    while (first < r->end && indent == 0) {
        const char *q = first;
        while (q < r->end && *q == ' ')
            q++;
        if (q < r->end && *q != '\n') {
            indent = (size_t)(q - first);
            break;
        }
        spaces_before = (size_t)(q - first) > spaces_before ? (size_t)(q - first) : spaces_before;
        first = q + (q < r->end);
    }
    if (indent <= outer || spaces_before > indent || first[indent] == '\t')
        return false;
    struct buf *text = &r->text;
    buf_clear(text);
    size_t keep = 0; // up to the last line that is not empty
    bool broken = false; // that line ends in a line break
    while (line < r->end) {
        const char *q = line, *stop = line_end(r, line);
        while (q < stop && *q == ' ' && (size_t)(q - line) < indent)
            q++;
        if (q < stop && (size_t)(q - line) < indent) {
            if (*q == '\t')
                return false;
            break;
        }
        buf_add(text, q, (size_t)(stop - q));
        if (stop > q) {
            keep = text->len;
            broken = stop < r->end;
        }
        if (stop < r->end)
            buf_char(text, '\n');
        line = stop + (stop < r->end);
    }
    if (chomp != '+')
        text->len = keep + (chomp == 0 && broken);
    r->p = line;
    *out = value_string_copy(r->arena, text->data, text->len);
    return find_line(r);
}

// ---- flow ---------------------------------------------------------------------------------------------------------
static bool read_flow_plain(struct reader *r, struct slice *out)
{
    const char *start = r->p;
    while (r->p < r->end && flow_plain[(unsigned char)*r->p])
        r->p++;
    *out = slice_n(start, (size_t)(r->p - start));
    return out->len > 0 && (*start != '-' || out->len > 1);
}

static bool key_is_string(struct slice key)
{
    char few[64];
    struct value v;
    if (!yaml_may_resolve(key.data, key.len))
        return !slice_eq(key, SLICE("<<"));
    if (key.len >= sizeof few)
        return false;
    memcpy(few, key.data, key.len);
    few[key.len] = '\0';
    enum yaml_type type = yaml_resolve(few, key.len, &v);
    return type == YAML_STR || type == YAML_TIMESTAMP;
}

// The key as it is kept. What was read lies in r->text, maybe, where the value is about to be put together.
static struct slice keep_key(struct reader *r, struct slice key)
{
    return key_cache_copy(&r->keys, r->arena, key.data ? key.data : "", key.len);
}

static void push_entry(struct reader *r, struct slice key, struct value v)
{
    vec_push(NULL, &r->entries, (struct dict_entry){.key = key.data, .key_len = (uint32_t)key.len, .value = v});
}

// The entries pushed since there were `from`. False: a key came twice where none may.
static bool make_dict(struct reader *r, size_t from, struct value *out)
{
    size_t count = r->entries.len - from;
    *out = dict_of(r->arena, count ? r->entries.items + from : NULL, count);
    r->entries.len = from;
    return !(r->flags & YAML_UNIQUE_KEYS) || value_len(*out) == count;
}

static bool read_flow_item(struct reader *r, struct value *out)
{
    struct slice plain;
    if (r->p >= r->end || !count_node(r))
        return false;
    if (*r->p == '[' || *r->p == '{')
        return read_flow(r, out);
    if (*r->p == '"' || *r->p == '\'') {
        if (!read_quoted(r, true, &plain))
            return false;
        *out = value_string_copy(r->arena, plain.data ? plain.data : "", plain.len);
        return true;
    }
    return read_flow_plain(r, &plain) && plain_value(r, plain.data, plain.len, out);
}

static bool read_flow_entry(struct reader *r)
{
    struct slice key;
    const char *start = r->p;
    if (!count_node(r))
        return false;
    bool quoted = r->p < r->end && (*r->p == '"' || *r->p == '\'');
    if (quoted ? !read_quoted(r, true, &key) : !read_flow_plain(r, &key) || !key_is_string(key))
        return false;
    if (r->p - start > KEY_MAX || r->end - r->p < 2 || r->p[0] != ':' || r->p[1] != ' ')
        return false;
    r->p++;
    skip_spaces(r);
    key = keep_key(r, key);
    struct value v;
    if (!read_flow_item(r, &v))
        return false;
    push_entry(r, key, v);
    return true;
}

// A list or mapping in brackets on one line.
static bool read_flow(struct reader *r, struct value *out)
{
    bool list = *r->p++ == '[';
    char close = list ? ']' : '}';
    size_t items = r->items.len, entries = r->entries.len;
    if (++r->depth > DEPTH_MAX)
        return false;
    skip_spaces(r);
    for (bool more = r->p < r->end && *r->p != close; more;) {
        struct value item;
        if (list ? !read_flow_item(r, &item) : !read_flow_entry(r))
            return false;
        if (list)
            vec_push(NULL, &r->items, item);
        skip_spaces(r);
        more = r->p < r->end && *r->p == ',';
        if (more) {
            r->p++;
            skip_spaces(r);
        }
    }
    if (r->p >= r->end || *r->p != close)
        return false;
    r->p++;
    r->depth--;
    if (!list)
        return make_dict(r, entries, out);
    *out = list_of(r->arena, r->items.len > items ? r->items.items + items : NULL, r->items.len - items);
    r->items.len = items;
    return true;
}

// ---- blocks -------------------------------------------------------------------------------------------------------
// Where the plain scalar at r->p ends: before a comment, a colon with white space behind it, or the line's end, less the
// white space there. NULL: a tab is in it, which means something else in every place.
static const char *plain_end(const struct reader *r, bool *colon)
{
    const char *q = r->p;
    *colon = false;
    for (; q < r->end && *q != '\n'; q++) {
        if (*q == '\t')
            return NULL;
        if (*q == ':' && is_blank_at(r, q + 1)) {
            *colon = true;
            break;
        }
        if (*q == '#' && q[-1] == ' ' && q > r->p)
            break;
    }
    while (q > r->p && q[-1] == ' ')
        q--;
    return q;
}

static bool can_start_plain(const struct reader *r)
{
    return starts_plain[(unsigned char)*r->p] && !is_item(r);
}

// A plain scalar, which may go on over lines that are indented further than `outer`.
static bool read_plain(struct reader *r, size_t outer, struct value *out)
{
    bool colon;
    const char *start = r->p, *stop = plain_end(r, &colon);
    if (!stop || colon)
        return false;
    const char *next = line_end(r, stop);
    r->p = stop;
    if (!end_line(r))
        return false;
    if (r->p >= r->end || r->indent <= outer)
        return plain_value(r, start, (size_t)(stop - start), out);
    buf_clear(&r->text);
    buf_add(&r->text, start, (size_t)(stop - start));
    for (;;) {
        // What ended the line before must have been its end, and no comment may stand between.
        while (*stop == ' ')
            stop++;
        r->p = next;
        if (stop != next || !fold_lines(r) || *r->p == '#')
            return false;
        start = r->p;
        stop = plain_end(r, &colon);
        if (!stop || colon)
            return false;
        buf_add(&r->text, start, (size_t)(stop - start));
        next = line_end(r, stop);
        r->p = stop;
        if (!end_line(r))
            return false;
        if (r->p >= r->end || r->indent <= outer)
            return plain_value(r, r->text.data, r->text.len, out);
    }
}

// What stands behind "key:" or "- " on the same line, or on the next one. `outer`: the column of the key or dash.
static bool read_scalar(struct reader *r, size_t outer, struct value *out)
{
    if (!count_node(r))
        return false;
    if (*r->p == '|')
        return read_literal(r, outer, out);
    bool ok;
    if (*r->p == '"' || *r->p == '\'')
        ok = read_quoted_value(r, out);
    else if (*r->p == '[' || *r->p == '{')
        ok = read_flow(r, out);
    else
        return can_start_plain(r) && read_plain(r, outer, out);
    return ok && end_line(r) && (r->p >= r->end || r->indent <= outer);
}

// A key and its colon; r->p stands behind both then. *found false: no key stands here, and r->p is where it was.
static bool read_key(struct reader *r, struct slice *key, bool *found)
{
    const char *start = r->p;
    *found = false;
    if (*start == '"' || *start == '\'') {
        if (!read_quoted(r, true, key))
            return false;
        *found = r->p < r->end && *r->p == ':' && is_blank_at(r, r->p + 1);
    } else if (can_start_plain(r)) {
        bool colon;
        const char *end = plain_end(r, &colon);
        if (!end)
            return false;
        *found = colon;
        *key = slice_n(start, (size_t)(end - start));
        if (colon && !key_is_string(*key))
            return false;
        while (colon && *end == ' ')
            end++;
        r->p = end;
    }
    if (*found && (r->p - start > KEY_MAX || !count_node(r)))
        return false;
    r->p = *found ? r->p + 1 : start;
    return true;
}

// The value of a key or item of which nothing stands on its line: a block on the next lines, or null.
static bool read_below(struct reader *r, size_t outer, bool list_may_align, struct value *out)
{
    *out = VALUE_NULL;
    if (!end_line(r))
        return false;
    if (r->p >= r->end || r->indent < outer || (r->indent == outer && !(list_may_align && is_item(r))))
        return count_node(r);
    if (is_item(r))
        return read_block(r, out);
    const char *start = r->p;
    struct slice key;
    bool mapping;
    size_t nodes = r->nodes_left;
    if (!read_key(r, &key, &mapping))
        return false;
    r->nodes_left = nodes;
    r->p = start;
    return mapping ? read_block(r, out) : *r->p != '|' && read_scalar(r, outer, out);
}

// A mapping whose first key stands at r->p, in column `indent`, and has been found to be one.
static bool read_mapping(struct reader *r, size_t indent, struct value *out)
{
    size_t from = r->entries.len;
    do {
        struct slice key;
        bool found;
        if (!read_key(r, &key, &found) || !found)
            return false;
        key = keep_key(r, key);
        skip_spaces(r);
        struct value v;
        if (at_line_end(r) ? !read_below(r, indent, true, &v) : !read_scalar(r, indent, &v))
            return false;
        push_entry(r, key, v);
    } while (r->p < r->end && r->indent == indent);
    return (r->p >= r->end || r->indent < indent) && make_dict(r, from, out);
}

static bool read_item(struct reader *r, size_t indent, struct value *out)
{
    const char *dash = r->p++;
    skip_spaces(r);
    if (at_line_end(r))
        return read_below(r, indent, false, out);
    size_t column = indent + (size_t)(r->p - dash);
    const char *start = r->p;
    struct slice key;
    bool mapping = false;
    size_t nodes = r->nodes_left;
    if (!is_item(r) && !read_key(r, &key, &mapping))
        return false;
    r->nodes_left = nodes;
    r->p = start;
    if (!mapping && !is_item(r))
        return read_scalar(r, indent, out);
    r->indent = column; // what follows the dash stands as on a line of its own
    return read_block(r, out);
}

static bool read_list(struct reader *r, size_t indent, struct value *out)
{
    size_t from = r->items.len;
    do {
        struct value item;
        if (!read_item(r, indent, &item))
            return false;
        vec_push(NULL, &r->items, item);
    } while (r->p < r->end && r->indent == indent && is_item(r));
    *out = list_of(r->arena, r->items.len > from ? r->items.items + from : NULL, r->items.len - from);
    r->items.len = from;
    return r->p >= r->end || r->indent <= indent;
}

// The mapping or list that starts at r->p, in column r->indent.
static bool read_block(struct reader *r, struct value *out)
{
    if (++r->depth > DEPTH_MAX || !count_node(r))
        return false;
    bool ok = is_item(r) ? read_list(r, r->indent, out) : read_mapping(r, r->indent, out);
    r->depth--;
    return ok;
}

static bool read_document(struct reader *r, struct value *out)
{
    *out = VALUE_NULL;
    if (is_marker(r, r->p) && *r->p == '-') {
        r->p += 3;
        if (!end_line(r))
            return false;
    } else if (!find_line(r)) {
        return false;
    }
    if (r->p >= r->end)
        return true;
    bool flow = *r->p == '[' || *r->p == '{';
    return r->indent == 0 && (flow ? count_node(r) && read_flow(r, out) && end_line(r) : read_block(r, out)) &&
           r->p >= r->end;
}

bool yaml_simple_parse(struct arena *a, struct slice text, int flags, size_t nodes_max, struct value *out)
{
    if (text.len == 0) // then it may have no data either
        return false;
    struct reader r = {
        .arena = a, .p = text.data, .end = text.data + text.len, .flags = flags, .nodes_left = nodes_max};
    if (!yaml_is_simple_text(r.p, r.end))
        return false;
    struct arena_mark mark = arena_mark(a);
    bool ok = read_document(&r, out);
    free(r.items.items);
    free(r.entries.items);
    buf_free(&r.text);
    if (!ok)
        arena_reset(a, mark);
    return ok;
}
