// setter.c - finds the marked scalars of one YAML text and replaces their bytes.
//
// libyaml reads the text twice: its parser says which scalars are values and of which object, its scanner where exactly
// the bytes of a scalar begin (an event's own mark begins at a tag or an anchor).
#include "setter.h"

#include "value/value.h"

#include <yaml.h>

#define MARKER "$imagepolicy"
#define DEPTH_MAX 512

struct frame { // a collection that is open
    bool map, value_next;
    char *key; // of the present entry, in the outer two levels
};

struct edit {
    size_t start, end; // bytes of the text
    const char *replacement;
};

struct editor {
    struct arena *arena;
    struct slice text;
    const struct setter_image *images;
    size_t image_count;
    yaml_parser_t parser, scanner;
    size_t scanner_end; // of the scanner's present scalar, as libyaml counts (characters)
    size_t scanner_start;
    size_t at_char, at_byte; // a pair that belongs together: marks come in order, so each is found from the one before
    struct frame stack[DEPTH_MAX];
    size_t depth;
    struct setter_object object;
    struct setter_file *file;
    VEC(struct edit) edits;
};

// ---- positions ----------------------------------------------------------------------------------------------------

// libyaml's marks count characters.
static size_t byte_of(struct editor *e, size_t character)
{
    if (character < e->at_char)
        e->at_char = 0, e->at_byte = slice_has_prefix(e->text, SLICE("\xEF\xBB\xBF")) ? 3 : 0;
    while (e->at_char < character && e->at_byte < e->text.len) {
        e->at_byte++;
        while (e->at_byte < e->text.len && ((unsigned char)e->text.data[e->at_byte] & 0xC0) == 0x80)
            e->at_byte++;
        e->at_char++;
    }
    return e->at_byte;
}

// Moves the scanner to the scalar that ends at `end`; false: there is none, the value is an empty one that nobody
// wrote.
static bool find_token(struct editor *e, size_t end)
{
    while (e->scanner_end < end) {
        yaml_token_t token;
        if (!yaml_parser_scan(&e->scanner, &token))
            return false;
        bool stop = token.type == YAML_STREAM_END_TOKEN || token.type == YAML_NO_TOKEN;
        if (token.type == YAML_SCALAR_TOKEN) {
            e->scanner_start = token.start_mark.index;
            e->scanner_end = token.end_mark.index;
        }
        yaml_token_delete(&token);
        if (stop)
            return false;
    }
    return e->scanner_end == end && e->scanner_start < end;
}

// ---- markers ------------------------------------------------------------------------------------------------------

// The setter's name in the comment that follows a scalar on its line (after the comma of a flow collection); NULL:
// none.
static const char *marker_after(struct editor *e, size_t byte)
{
    struct slice text = e->text;
    size_t i = byte;
    while (i < text.len && (text.data[i] == ' ' || text.data[i] == '\t'))
        i++;
    if (i < text.len && text.data[i] == ',')
        for (i++; i < text.len && (text.data[i] == ' ' || text.data[i] == '\t');)
            i++;
    if (i == byte || i >= text.len || text.data[i] != '#' || text.data[i - 1] == ',')
        return NULL;
    while (i < text.len && text.data[i] == '#')
        i++;
    size_t end = i;
    while (end < text.len && text.data[end] != '\n' && text.data[end] != '\r')
        end++;
    struct slice comment = slice_trim_space(slice_sub(text, i, end));
    if (slice_find(comment, SLICE("\"" MARKER "\"")) < 0)
        return NULL;
    struct value object;
    struct error ignored cleanup(error_clear) = {0};
    if (!json_parse(e->arena, comment.data, comment.len, 0, &object, &ignored) || !value_is(object, V_DICT))
        return NULL;
    for (struct value_iter it = {0}; value_next(object, &it);)
        if (!value_is(it.value, V_STRING))
            return NULL;
    return value_str(value_get(object, MARKER));
}

// What a setter stands for; NULL: no policy of that name, or no such part.
static const char *setter_value(struct editor *e, const char *setter)
{
    for (size_t i = 0; i < e->image_count; i++) {
        const struct setter_image *image = &e->images[i];
        const char *policy = arena_printf(e->arena, "%s:%s", image->namespace, image->policy),
                   *digest = str_or(image->digest, "");
        if (!str_has_prefix(setter, policy))
            continue;
        const char *part = setter + strlen(policy);
        if (!*part)
            return arena_printf(e->arena, "%s:%s%s%s", image->name, image->tag, *digest ? "@" : "", digest);
        const char *const parts[][2] = {{":tag", image->tag}, {":name", image->name}, {":digest", digest}};
        for (size_t p = 0; p < ARRAY_LEN(parts); p++)
            if (str_eq(part, parts[p][0]))
                return parts[p][1];
    }
    return NULL;
}

// ---- writing a scalar ---------------------------------------------------------------------------------------------

// Whether a plain scalar of these bytes is read as this string, by YAML 1.1 too.
static bool plain_is_string(struct arena *a, const char *text)
{
    static const char *const words[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/:@+-";
    size_t len = strlen(text);
    if (len == 0 || strspn(text, fine) != len || strchr(":@-+.", text[0]) || text[len - 1] == ':')
        return false;
    const char *dot = strchr(text, '.');
    bool two_dots = dot && strchr(dot + 1, '.'); // 1.2.3 is a number to no reader
    if ((!two_dots && strspn(text, "0123456789.:_eE+-") == len) ||
        (text[0] == '0' && strchr("xXoObB", text[1]) && text[1]))
        return false; // a number, a time, or near enough
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (!strcasecmp(text, words[i]))
            return false;
    struct value read;
    struct error ignored cleanup(error_clear) = {0};
    return yaml_parse(a, text, len, 0, &read, &ignored) && str_eq(value_str(read), text);
}

// The new value in the style of the old one; a plain one that would not be read as a string gets double quotes, as in
// kyaml.
static const char *write_scalar(struct arena *a, yaml_scalar_style_t style, const char *text)
{
    struct buf out = BUF_IN(a);
    if (style == YAML_SINGLE_QUOTED_SCALAR_STYLE) {
        buf_char(&out, '\'');
        for (const char *c = text; *c; c++)
            buf_str(&out, *c == '\'' ? "''" : (char[]){*c, '\0'});
        buf_char(&out, '\'');
        return buf_cstr(&out);
    }
    if (style == YAML_PLAIN_SCALAR_STYLE && plain_is_string(a, text))
        return text;
    buf_char(&out, '"');
    json_escape(&out, text, strlen(text)); // JSON's escapes are YAML's
    buf_char(&out, '"');
    return buf_cstr(&out);
}

static void edit_value(struct editor *e, const yaml_event_t *event)
{
    yaml_scalar_style_t style = event->data.scalar.style;
    if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE)
        return;
    const char *old = (const char *)event->data.scalar.value;
    if (style == YAML_PLAIN_SCALAR_STYLE && event->data.scalar.length == 0)
        return; // nobody wrote it: in {key,} its mark is the end of the key
    if (strlen(old) != event->data.scalar.length || !find_token(e, event->end_mark.index))
        return;
    size_t start = byte_of(e, e->scanner_start), end = byte_of(e, e->scanner_end);
    // A scalar can stand right behind its anchor (&a:x): another one there could be read as part of that.
    if (start && !strchr(" \t\r\n,[{:", e->text.data[start - 1]))
        return;
    const char *setter = marker_after(e, end), *value = setter ? setter_value(e, setter) : NULL;
    if (!value || str_eq(value, old))
        return;
    vec_push(e->arena, &e->edits, (struct edit){start, end, write_scalar(e->arena, style, value)});
    vec_push(e->arena, &e->object.changes, (struct setter_change){arena_strdup(e->arena, old), value, setter});
}

// ---- the document's structure -------------------------------------------------------------------------------------

// What identifies the object: apiVersion, kind, metadata.name, metadata.namespace.
static void note_identity(struct editor *e, const yaml_event_t *event)
{
    const struct frame *top = &e->stack[e->depth - 1];
    if (!top->map || !top->key || e->depth > 2)
        return;
    const char **fields[] = {&e->object.api_version, &e->object.kind, &e->object.name, &e->object.namespace};
    static const char *const keys[] = {"apiVersion", "kind", "name", "namespace"};
    bool metadata = e->depth == 2 && e->stack[0].map && str_eq(e->stack[0].key, "metadata");
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (str_eq(top->key, keys[i]) && (i < 2 ? e->depth == 1 : metadata))
            *fields[i] = arena_strndup(e->arena, (const char *)event->data.scalar.value, event->data.scalar.length);
}

// A node other than a scalar begins: as a key it names nothing.
static void begin_node(struct editor *e)
{
    struct frame *top = e->depth ? &e->stack[e->depth - 1] : NULL;
    if (top && top->map && !top->value_next)
        top->key = NULL;
}

static void node_done(struct editor *e)
{
    if (e->depth && e->stack[e->depth - 1].map)
        e->stack[e->depth - 1].value_next = !e->stack[e->depth - 1].value_next;
}

static void on_scalar(struct editor *e, const yaml_event_t *event)
{
    struct frame *top = e->depth ? &e->stack[e->depth - 1] : NULL;
    if (top && top->map && !top->value_next) {
        top->key = e->depth <= 2
                       ? arena_strndup(e->arena, (const char *)event->data.scalar.value, event->data.scalar.length)
                       : NULL;
    } else {
        if (top)
            note_identity(e, event);
        edit_value(e, event);
    }
    node_done(e);
}

static void end_document(struct editor *e)
{
    struct setter_object *o = &e->object;
    const char **fields[] = {&o->api_version, &o->kind, &o->namespace, &o->name};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        *fields[i] = str_or(*fields[i], "");
    if (o->changes.len)
        vec_push(e->arena, &e->file->objects, *o);
    *o = (struct setter_object){0};
}

// False: the text is no YAML, or nested too deep.
static bool read_events(struct editor *e)
{
    for (bool done = false; !done;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&e->parser, &event))
            return false;
        bool deep = false;
        switch (event.type) {
        case YAML_SCALAR_EVENT:
            on_scalar(e, &event);
            break;
        case YAML_ALIAS_EVENT:
            begin_node(e);
            node_done(e);
            break;
        case YAML_MAPPING_START_EVENT:
        case YAML_SEQUENCE_START_EVENT:
            begin_node(e);
            deep = e->depth == DEPTH_MAX;
            if (!deep)
                e->stack[e->depth++] = (struct frame){.map = event.type == YAML_MAPPING_START_EVENT};
            break;
        case YAML_MAPPING_END_EVENT:
        case YAML_SEQUENCE_END_EVENT:
            e->depth--;
            node_done(e);
            break;
        case YAML_DOCUMENT_END_EVENT:
            end_document(e);
            break;
        case YAML_STREAM_END_EVENT:
            done = true;
            break;
        default:
            break;
        }
        yaml_event_delete(&event);
        if (deep)
            return false;
    }
    return true;
}

bool setter_edit(struct arena *a, struct slice text, const struct setter_image *images, size_t count, struct buf *out,
                 struct setter_file *file, bool *is_yaml)
{
    struct editor *e = arena_new_of(a, struct editor);
    e->arena = a;
    e->text = text;
    e->images = images;
    e->image_count = count;
    e->file = file;
    e->at_byte = slice_has_prefix(text, SLICE("\xEF\xBB\xBF")) ? 3 : 0;
    yaml_parser_initialize(&e->parser);
    yaml_parser_initialize(&e->scanner);
    const unsigned char *input = (const unsigned char *)(text.data ? text.data : ""); // libyaml takes no NULL
    yaml_parser_set_input_string(&e->parser, input, text.len);
    yaml_parser_set_input_string(&e->scanner, input, text.len);
    *is_yaml = read_events(e);
    yaml_parser_delete(&e->parser);
    yaml_parser_delete(&e->scanner);
    if (!*is_yaml)
        file->objects.len = 0; // of documents ahead of the fault
    if (!*is_yaml || e->edits.len == 0)
        return false;
    size_t from = 0;
    for (size_t i = 0; i < e->edits.len; i++) {
        const struct edit *edit = &e->edits.items[i];
        buf_add(out, text.data + from, edit->start - from);
        buf_str(out, edit->replacement);
        from = edit->end;
    }
    buf_add(out, text.data + from, text.len - from);
    return true;
}
