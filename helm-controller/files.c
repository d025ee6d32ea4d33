// files.c - .Files: the chart's other files by path, with Get, GetBytes, Glob, Lines, AsConfig and AsSecrets.

#include "scope.h"

#include "regex/regex.h"

struct files {
    struct object base;
    struct arena *arena;
    struct value by_path; // a dict of bytes
};

static const struct value_class files_class;

static struct value make(struct arena *a, struct value by_path)
{
    struct files *f = arena_new_of(a, struct files);
    *f = (struct files){.base = {&files_class}, .arena = a, .by_path = by_path};
    return value_object(&f->base);
}

struct value scope_files(struct arena *a, const struct chart *c)
{
    struct value by_path = value_dict(a);
    for (size_t i = 0; i < c->files.len; i++) {
        const struct chart_file *f = &c->files.items[i];
        value_set(by_path, f->name, value_bytes(f->data.data, f->data.len));
    }
    return make(a, by_path);
}

static struct slice get(struct object *self, const struct value_call *call)
{
    struct slice path = value_slice(call->args[0]);
    return value_slice(value_get_n(((struct files *)self)->by_path, path.data, path.len));
}

static bool files_get(struct object *self, struct value_call *call)
{
    struct slice data = get(self, call);
    call->result = value_string_copy(call->arena, data.data ? data.data : "", data.len);
    return true;
}

static bool files_get_bytes(struct object *self, struct value_call *call)
{
    struct slice data = get(self, call);
    call->result = value_bytes(data.data ? data.data : "", data.len);
    return true;
}

static bool files_lines(struct object *self, struct value_call *call)
{
    struct slice data = get(self, call), line;
    call->result = value_list_typed(call->arena, "[]string");
    struct slice path = value_slice(call->args[0]);
    if (!data.data || !value_find(((struct files *)self)->by_path, path.data, path.len, &(struct value){0}))
        return true;
    // Helm's own panic: a file that is there and empty (from a folder; archives give none of their empty files a body).
    if (data.len == 0)
        return error_set(call->err, ERROR_INVALID, "runtime error: index out of range [-1]");
    if (data.data[data.len - 1] == '\n')
        data.len--;
    for (bool more = true; more;) {
        more = slice_cut(data, '\n', &line, &data);
        value_push(call->result, value_string_copy(call->arena, line.data ? line.data : "", line.len));
    }
    return true;
}

// ---- Glob ---------------------------------------------------------------------------------------------------------

// The glob language of gobwas/glob with '/' as separator, as a regular expression. False: malformed.
static bool glob_to_regex(struct slice glob, struct buf *out)
{
    int braces = 0;
    buf_str(out, "(?s)\\A(?:");
    for (size_t i = 0; i < glob.len; i++) {
        char c = glob.data[i];
        switch (c) {
        case '*':
            if (i + 1 < glob.len && glob.data[i + 1] == '*') {
                while (i + 1 < glob.len && glob.data[i + 1] == '*')
                    i++;
                buf_str(out, ".*");
            } else {
                buf_str(out, "[^/]*");
            }
            break;
        case '?': buf_str(out, "[^/]"); break;
        case '{':
            braces++;
            buf_str(out, "(?:");
            break;
        case '}':
            if (--braces < 0)
                return false;
            buf_char(out, ')');
            break;
        case ',': buf_str(out, braces ? "|" : ","); break;
        case '[': {
            size_t end = i + 1;
            while (end < glob.len && glob.data[end] != ']')
                end += glob.data[end] == '\\' ? 2 : 1;
            if (end >= glob.len || end == i + 1)
                return false;
            buf_char(out, '[');
            for (size_t k = i + 1; k < end; k++) {
                char inner = glob.data[k];
                if (inner == '!' && k == i + 1)
                    buf_char(out, '^');
                else if (inner == '[' || inner == '^')
                    buf_printf(out, "\\%c", inner);
                else
                    buf_char(out, inner);
            }
            buf_char(out, ']');
            i = end;
            break;
        }
        case '\\':
            if (++i == glob.len)
                return false;
            c = glob.data[i];
            // fallthrough
        default:
            if (strchr("\\.+()|^$[]{}*?", c) && c)
                buf_char(out, '\\');
            buf_char(out, c);
        }
    }
    buf_str(out, ")\\z");
    return braces == 0;
}

static bool files_glob(struct object *self, struct value_call *call)
{
    struct files *f = (struct files *)self;
    struct buf pattern = BUF_IN(call->arena);
    struct error bad cleanup(error_clear) = {0};
    struct regex *re cleanup(regex_cleanup) = NULL;
    // Helm takes every file where the pattern is malformed.
    if (glob_to_regex(value_slice(call->args[0]), &pattern))
        re = regex_new(buf_cstr(&pattern), pattern.len, &bad);
    struct value found = value_dict(call->arena);
    for (struct value_iter it = {0}; value_next(f->by_path, &it);)
        if (!re || regex_is_match(re, slice_n(it.key, it.key_len)))
            value_set_n(found, it.key, it.key_len, it.value);
    call->result = make(call->arena, found);
    return true;
}

// ---- AsConfig, AsSecrets ------------------------------------------------------------------------------------------

static bool as_yaml(struct files *f, struct value_call *call, bool encode)
{
    struct value map = value_dict(call->arena);
    for (struct value_iter it = {0}; value_next(f->by_path, &it);) {
        const char *slash = strrchr(it.key, '/');
        struct slice data = value_slice(it.value);
        struct buf text = BUF_IN(call->arena);
        if (encode)
            base64_encode(&text, data.data, data.len);
        else
            buf_slice(&text, data);
        value_set(map, slash ? slash + 1 : it.key, value_string_n(buf_cstr(&text), text.len));
    }
    struct buf out = BUF_IN(call->arena);
    struct error ignored cleanup(error_clear) = {0};
    if (!yaml_write(&out, map, 0, &ignored))
        buf_clear(&out);
    if (out.len > 0 && out.data[out.len - 1] == '\n')
        out.data[--out.len] = 0;
    call->result = value_string_n(buf_cstr(&out), out.len);
    return true;
}

static bool files_as_config(struct object *self, struct value_call *call)
{
    return as_yaml((struct files *)self, call, false);
}

static bool files_as_secrets(struct object *self, struct value_call *call)
{
    return as_yaml((struct files *)self, call, true);
}

// ---- the object ---------------------------------------------------------------------------------------------------

static void files_print(struct buf *out, struct object *self)
{
    go_print_value(out, ((struct files *)self)->by_path);
}

static struct value files_plain(struct arena *a, struct object *self)
{
    return ((struct files *)self)->by_path;
}

static bool files_truth(struct object *self)
{
    return value_len(((struct files *)self)->by_path) > 0;
}

static bool files_index(struct object *self, const char *key, size_t len, struct value *out)
{
    if (!value_find(((struct files *)self)->by_path, key, len, out))
        *out = value_as_nil(value_bytes("", 0)); // Go's zero value
    return true;
}

static bool files_next(struct object *self, struct value_iter *it)
{
    return value_next(((struct files *)self)->by_path, it);
}

static const struct value_member files_members[] = {
    {"Get", true, 1, 1, files_get, "s"},           {"GetBytes", true, 1, 1, files_get_bytes, "s"},
    {"Glob", true, 1, 1, files_glob, "s"},         {"Lines", true, 1, 1, files_lines, "s"},
    {"AsConfig", true, 0, 0, files_as_config}, {"AsSecrets", true, 0, 0, files_as_secrets},
};
static const struct value_class files_class = {.go_type = "engine.files",
                                               .go_kind = "map",
                                               .members = files_members,
                                               .member_count = ARRAY_LEN(files_members),
                                               .print = files_print,
                                               .plain = files_plain,
                                               .truth = files_truth,
                                               .index = files_index,
                                               .next = files_next};
