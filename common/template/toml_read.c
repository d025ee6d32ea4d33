// toml_read.c - TOML as values, as far as Helm's decoder takes it: what it lets pass passes here, and its words say what is
// wrong. Strings, numbers and dates are toml_scalar.c's.
#include "template/toml_scalar.h"

// The decoder knows each key by what it has become. A table that only stands in the path of others ("a" of "a.b = 1") is
// implied: it may be defined once more. An implied array is one that is still being read.
enum entry_kind { ENTRY_VALUE, ENTRY_TABLE, ENTRY_TABLES };

struct table {
    struct value dict;
    struct map *entries; // struct entry by name
};

struct entry {
    enum entry_kind kind;
    bool implied, array;
    struct table table; // of several, the last
    struct value list;  // of ENTRY_TABLES
};

struct document {
    struct toml_reader reader; // first
    struct table root;
    int depth; // of values within each other
};

static struct table table_new(struct arena *a)
{
    return (struct table){value_dict(a), map_new(a)};
}

static struct entry *find(const struct table *t, struct slice name)
{
    return map_get_n(t->entries, name.data, name.len);
}

static struct entry *add(struct document *d, struct table *t, struct slice name, enum entry_kind kind, struct value v)
{
    struct entry *e = arena_new_of(d->reader.arena, struct entry);
    *e = (struct entry){.kind = kind};
    if (kind == ENTRY_TABLE) {
        e->table = (struct table){v, map_new(d->reader.arena)};
    } else if (kind == ENTRY_TABLES) {
        e->list = v;
    }
    map_put_n(t->entries, name.data, name.len, e);
    value_set_n(t->dict, name.data, name.len, v);
    return e;
}

static struct toml_path path_add(struct arena *a, struct toml_path path, struct slice name)
{
    struct toml_path longer = {arena_alloc(a, (path.len + 1) * sizeof *longer.items), path.len + 1};
    if (path.len)
        memcpy(longer.items, path.items, path.len * sizeof *longer.items);
    longer.items[path.len] = name;
    return longer;
}

static const char *path_text(struct arena *a, struct toml_path path, size_t len)
{
    struct buf out = BUF_IN(a);
    toml_path_print(&out, (struct toml_path){path.items, len});
    return buf_cstr(&out);
}

// Of what a key means rather than of how it is written: the line is the one where the key begins.
static bool fail_key(struct document *d, const char *format, struct toml_path path, size_t len)
{
    return toml_fail(&d->reader, d->reader.key_line, format, path_text(d->reader.arena, path, len));
}

#define DEFINED "Key '%s' has already been defined."

// ---- defining -------------------------------------------------------------------------------------------------------

// The table that the context leads to.
static bool context_table(struct document *d, struct table **out)
{
    *out = &d->root;
    for (size_t i = 0; i < d->reader.context.len; i++) {
        struct entry *e = find(*out, d->reader.context.items[i]);
        if (e->kind == ENTRY_VALUE)
            return fail_key(d, DEFINED, d->reader.context, i + 1);
        *out = &e->table;
    }
    return true;
}

static bool define(struct document *d, struct slice name, enum entry_kind kind, struct value v, bool array, bool implied)
{
    struct table *t;
    if (!context_table(d, &t))
        return false;
    struct entry *e = find(t, name);
    if (!e) {
        e = add(d, t, name, kind, v);
        e->implied = implied;
        e->array = array;
        return true;
    }
    if (!implied && !e->implied)
        return fail_key(d, DEFINED, path_add(d->reader.arena, d->reader.context, name), d->reader.context.len + 1);
    if (array || e->array)
        e = add(d, t, name, kind, v);
    e->implied = false;
    e->array = array;
    return true;
}

// Makes `path` the context: a new table, or one more of an array of tables.
static bool open_table(struct document *d, struct toml_path path, bool array, bool implied)
{
    struct toml_reader *r = &d->reader;
    if (path.len > VALUE_DEPTH_MAX)
        return toml_fail(r, r->key_line, "exceeds maximum table depth of %d", VALUE_DEPTH_MAX);
    struct table *t = &d->root;
    for (size_t i = 0; i + 1 < path.len; i++) {
        struct entry *e = find(t, path.items[i]);
        if (!e) {
            e = add(d, t, path.items[i], ENTRY_TABLE, value_dict(r->arena));
            e->implied = true;
        }
        if (e->kind == ENTRY_VALUE)
            return fail_key(d, "Key '%s' was already created as a hash.", path, i + 1);
        t = &e->table;
    }
    struct slice name = path.items[path.len - 1];
    r->context = (struct toml_path){path.items, path.len - 1};
    if (!array) {
        if (!define(d, name, ENTRY_TABLE, value_dict(r->arena), false, implied))
            return false;
    } else {
        struct entry *e = find(t, name);
        if (!e)
            e = add(d, t, name, ENTRY_TABLES, value_list_typed(r->arena, "[]map[string]interface {}"));
        if (e->kind != ENTRY_TABLES)
            return fail_key(d, "Key '%s' was already created and cannot be used as an array.", path, path.len);
        e->implied = implied;
        e->table = table_new(r->arena);
        value_push(e->list, e->table.dict);
    }
    r->context = path;
    return true;
}

// ---- keys and values ------------------------------------------------------------------------------------------------

static bool read_value(struct document *d, bool in_array, struct value *out);

// The parts of a key up to its "=".
static bool read_key(struct toml_reader *r, struct toml_path *key)
{
    uint32_t c;
    *key = (struct toml_path){0};
    for (;;) {
        bool first = key->len == 0;
        struct slice part;
        if (!toml_peek_behind_blanks(r, &c))
            return false;
        if (c == '=' || c == TOML_END)
            return toml_fail_here(r, first ? "unexpected '=': key name appears blank" : "unexpected '='");
        if (c == '.')
            return toml_fail_here(r, first ? "unexpected '.': keys cannot start with a '.'" : "unexpected '.'");
        if (first)
            r->key_line = r->line;
        if (!toml_read_name(r, &part))
            return false;
        *key = path_add(r->arena, *key, part);
        if (!toml_peek_behind_blanks(r, &c) || !toml_next(r, &c))
            return false;
        if (c == '=')
            return true;
        if (c == TOML_END)
            return toml_fail_here(r, "unexpected EOF; expected key separator '='");
        if (c != '.')
            return toml_fail(r, r->line - (c == '\n'), "expected '.' or '=', but got %s instead", go_quoted_rune(r->arena, c));
        if (key->len >= VALUE_DEPTH_MAX)
            return toml_fail_here(r, "exceeds maximum table depth of %d", VALUE_DEPTH_MAX);
    }
}

// "a.b = 1" within the context, which is as it was afterwards; d->reader.key stays the last part.
static bool read_pair(struct document *d)
{
    struct toml_reader *r = &d->reader;
    struct toml_path key, outer = r->context;
    struct value v = VALUE_NULL;
    if (!read_key(r, &key))
        return false;
    r->key = key.items[key.len - 1];
    for (size_t i = 0; i + 1 < key.len; i++)
        if (!open_table(d, path_add(r->arena, r->context, key.items[i]), false, true))
            return false;
    bool array = toml_starts(r, '[');
    if (!read_value(d, false, &v))
        return false;
    if (!define(d, r->key, ENTRY_VALUE, v, array, false))
        return false;
    r->context = outer;
    return true;
}

static bool is_blank(uint32_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// What lies between the items of an array or an inline table: the next thing that is no blank and no comment.
static bool next_item(struct toml_reader *r, uint32_t *c)
{
    do {
        if (!toml_next(r, c) || (*c == '#' && !toml_skip_comment(r)))
            return false;
    } while (is_blank(*c) || *c == '#');
    return true;
}

static bool read_array(struct document *d, struct value *out)
{
    struct toml_reader *r = &d->reader;
    uint32_t c;
    *out = value_list(r->arena);
    for (;;) {
        struct value item = VALUE_NULL;
        if (!next_item(r, &c))
            return false;
        if (c == ']')
            return true;
        if (c == ',')
            return toml_fail_here(r, "unexpected comma");
        toml_back(r);
        if (!read_value(d, true, &item))
            return false;
        value_push(*out, item);
        if (!next_item(r, &c))
            return false;
        if (c == ']')
            return true;
        if (c != ',')
            return toml_fail_here(r, "expected a comma (',') or array terminator (']'), but got %s", toml_show_rune(r, c));
    }
}

// Its entries are those of the context that its key opens.
static bool read_inline_table(struct document *d, bool in_array, struct value *out)
{
    struct toml_reader *r = &d->reader;
    struct toml_path outer = r->context;
    struct slice outer_key = r->key;
    struct table *own;
    uint32_t c;
    r->context = path_add(r->arena, r->context, r->key);
    r->key = (struct slice){0};
    if (!open_table(d, r->context, in_array, true) || !context_table(d, &own))
        return false;
    *out = own->dict;
    for (;;) {
        if (!next_item(r, &c))
            return false;
        if (c == '}')
            break;
        if (c == ',')
            return toml_fail_here(r, "unexpected comma");
        toml_back(r);
        if (!read_pair(d) || !next_item(r, &c))
            return false;
        if (c == '}')
            break;
        if (c != ',')
            return toml_fail_here(r, "expected a comma or an inline table terminator '}', but got %s instead",
                                  toml_show_rune(r, c));
    }
    r->context = outer;
    r->key = outer_key;
    return true;
}

static bool read_nested(struct document *d, uint32_t c, bool in_array, struct value *out)
{
    if (d->depth >= VALUE_DEPTH_MAX)
        return toml_fail_here(&d->reader, "exceeds maximum array depth of %d", VALUE_DEPTH_MAX);
    d->depth++;
    bool ok = c == '[' ? read_array(d, out) : read_inline_table(d, in_array, out);
    d->depth--;
    return ok;
}

static bool read_value(struct document *d, bool in_array, struct value *out)
{
    uint32_t c;
    if (!toml_peek_behind_blanks(&d->reader, &c))
        return false;
    if (c != '[' && c != '{')
        return toml_read_scalar(&d->reader, out);
    return toml_next(&d->reader, &c) && read_nested(d, c, in_array, out);
}

// ---- the document ---------------------------------------------------------------------------------------------------

// "[a.b]" or "[[a.b]]", its first bracket read.
static bool read_header(struct document *d)
{
    struct toml_reader *r = &d->reader;
    struct toml_path path = {0};
    uint32_t c;
    if (!toml_next(r, &c))
        return false;
    bool array = c == '[';
    if (!array)
        toml_back(r);
    do {
        struct slice part;
        if (!toml_peek_behind_blanks(r, &c))
            return false;
        if (c == ']' || c == TOML_END)
            return toml_fail_here(r, "unexpected end of table name (table names cannot be empty)");
        if (c == '.')
            return toml_fail_here(r, "unexpected table separator (table names cannot be empty)");
        if (path.len == 0)
            r->key_line = r->line;
        if (!toml_read_name(r, &part))
            return false;
        path = path_add(r->arena, path, part);
        if (!toml_peek_behind_blanks(r, &c) || !toml_next(r, &c))
            return false;
        if (path.len > VALUE_DEPTH_MAX)
            return toml_fail_here(r, "exceeds maximum table depth of %d", VALUE_DEPTH_MAX);
    } while (c == '.');
    if (c != ']')
        return toml_fail_here(r, "expected '.' or ']' to end table name, but got %s instead", go_quoted_rune(r->arena, c));
    if (array && !toml_next(r, &c))
        return false;
    if (c != ']')
        return toml_fail_here(r, "expected end of table array name delimiter ']', but got %s instead",
                              go_quoted_rune(r->arena, c));
    return open_table(d, path, array, false);
}

static bool read_line_end(struct toml_reader *r)
{
    uint32_t c;
    do
        if (!toml_next(r, &c))
            return false;
    while (c == ' ' || c == '\t');
    if (c == '#')
        return toml_skip_comment(r);
    if (c == '\n' || c == '\r' || c == TOML_END)
        return true;
    return toml_fail_here(r, "expected a top-level item to end with a newline, comment, or EOF, but got %s instead",
                          go_quoted_rune(r->arena, c));
}

static bool read_item(struct document *d, uint32_t c)
{
    if (is_blank(c))
        return true;
    if (c == '#')
        return toml_skip_comment(&d->reader);
    if (c == '[')
        return read_header(d) && read_line_end(&d->reader);
    toml_back(&d->reader);
    if (!read_pair(d))
        return false;
    d->reader.key = (struct slice){0};
    return read_line_end(&d->reader);
}

bool toml_read(struct arena *a, struct slice text, struct value *out, struct error *err)
{
    if (slice_has_prefix(text, SLICE("\xff\xfe")) || slice_has_prefix(text, SLICE("\xfe\xff")))
        text = slice_sub(text, 2, text.len);
    else if (slice_has_prefix(text, SLICE("\xef\xbb\xbf")))
        text = slice_sub(text, 3, text.len);
    struct document d = {.reader = {.arena = a, .in = text, .line = 1, .err = err}, .root = table_new(a)};
    if (slice_find_char(slice_sub(text, 0, 6), '\0') >= 0)
        return toml_fail(&d.reader, 1, "files cannot contain NULL bytes; probably using UTF-16; TOML files must be UTF-8");
    for (uint32_t c;;) {
        if (!toml_next(&d.reader, &c))
            return false;
        if (c == TOML_END)
            break;
        if (!read_item(&d, c))
            return false;
    }
    *out = d.root.dict;
    return true;
}
