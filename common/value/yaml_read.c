// yaml_read.c - reads YAML: libyaml's events become values by the rules of go-yaml v2 and sigs.k8s.io/yaml.
//
// go-yaml works in steps: parse a document to its end, decode the nodes, make every key a string, marshal. A fault of
// an earlier step hides those of later ones. Here one pass does all of it, so a fault of a later step is kept
// (reader.faults) while parsing goes on to the end of the document; then the fault of the earliest step is told.
#include "value/internal.h"
#include "value/yaml_disguise.h"
#include "value/yaml_fault.h"
#include "value/yaml_scalar.h"
#include "value/yaml_simple.h"

#include <math.h>
#include <stdio.h>
#include <yaml.h>

#define YAML_BYTES_MAX (64u << 20)
#define YAML_NODES_MAX (4u << 20)
#define FAULT_TEXT_MAX 2000 // of what a message quotes from the document
#define TAG_PREFIX "tag:yaml.org,2002:"

static struct yaml_limits limits = {.bytes = YAML_BYTES_MAX, .nodes = YAML_NODES_MAX};

void yaml_set_limits(const struct yaml_limits *l)
{
    limits = (struct yaml_limits){.bytes = l && l->bytes ? l->bytes : YAML_BYTES_MAX,
                                  .nodes = l && l->nodes ? l->nodes : YAML_NODES_MAX};
}

struct anchor {
    struct value value;
    bool open; // its node has not ended yet: an alias to it would hold itself
};

// A list or dict that is being filled. It grows in the scratch arena, where the next one at that depth takes its memory
// over, and moves to the document's arena, without slack, when it is complete.
struct frame {
    struct value container;
    struct dict *dict; // of this depth, once there was one; likewise
    struct list *list;
    struct anchor *anchor;
    struct value key; // of a dict, as it will be stored
    size_t line;      // of the node itself
    bool have_key;
    bool merging; // the value to come belongs to <<
};

enum step { STEP_DECODE, STEP_TYPES, STEP_KEYS, STEP_MARSHAL, STEP_COUNT };

struct reader {
    yaml_parser_t parser;
    struct arena *arena;
    struct error *err;
    int flags;
    struct map *anchors;
    struct arena *scratch;
    struct key_cache keys;
    VEC(struct frame) stack;
    size_t depth;
    struct value root;
    struct buf faults[STEP_COUNT];
    enum error_class fault_class;
    struct buf disguise; // the text as libyaml is given it, where that is another
    bool not_finite;     // a NaN or an infinity came
    size_t nodes, alias_nodes; // decoded so far, and of these through aliases
};

// ---- errors -------------------------------------------------------------------------------------------------------
static struct buf *fault_text(struct reader *r, enum step step)
{
    if (r->faults[step].len)
        return NULL; // the first one counts
    r->faults[step].arena = r->scratch;
    return &r->faults[step];
}

PRINTF(3, 4) static void fault(struct reader *r, enum step step, const char *fmt, ...)
{
    struct buf *text = fault_text(r, step);
    if (!text)
        return;
    va_list args;
    va_start(args, fmt);
    buf_vprintf(text, fmt, args);
    va_end(args);
}

// Type errors are collected, one a line.
static void duplicate_key(struct reader *r, size_t line, struct value key)
{
    struct buf *text = &r->faults[STEP_TYPES];
    if (!text->len) {
        text->arena = r->scratch;
        buf_str(text, "yaml: unmarshal errors:");
    }
    buf_printf(text, "\n  line %zu: key ", line + 1);
    go_quote(text, key.data, key.len);
    buf_str(text, " already set in map");
}

static bool failed(const struct reader *r)
{
    return r->faults[STEP_DECODE].len;
}

// JSON has no NaN and no infinities: the first, in the order in which it is written, is a fault. Those that a later key
// of the same name took the place of are gone by then.
static bool find_not_finite(struct reader *r, struct value v)
{
    if (v.kind == V_FLOAT && !isfinite(v.number)) {
        struct buf text = BUF_IN(r->scratch);
        go_print_float(&text, v.number, 64, GO_FLOAT_G);
        fault(r, STEP_MARSHAL, "json: unsupported value: %s", text.data);
        return true;
    }
    for (size_t i = 0; v.kind == V_LIST && i < v.list->len; i++)
        if (find_not_finite(r, v.list->items[i]))
            return true;
    for (struct value_iter it = {0}; v.kind == V_DICT && value_next(v, &it);)
        if (find_not_finite(r, it.value))
            return true;
    return false;
}

static bool document_faults(struct reader *r)
{
    if (r->not_finite)
        find_not_finite(r, r->root);
    for (size_t i = 0; i < STEP_COUNT; i++)
        if (r->faults[i].len)
            return error_set(r->err, r->fault_class ? r->fault_class : ERROR_INVALID, "%s", r->faults[i].data);
    return true;
}

// Go's %#v, as far as keys need it.
static void go_syntax(struct buf *out, struct value v, unsigned depth)
{
    if (out->len > FAULT_TEXT_MAX)
        return;
    if (v.kind == V_STRING) {
        go_quote(out, v.data, v.len);
    } else if (v.kind == V_LIST && depth < 32) {
        buf_str(out, "[]interface {}{");
        for (size_t i = 0; i < v.list->len; i++) {
            buf_str(out, i ? ", " : "");
            go_syntax(out, v.list->items[i], depth + 1);
        }
        buf_char(out, '}');
    } else if (v.kind == V_DICT && depth < 32) {
        buf_str(out, "map[interface {}]interface {}{");
        for (struct value_iter it = {0}; value_next(v, &it);) {
            buf_str(out, it.i > 1 ? ", " : "");
            go_quote(out, it.key, it.key_len);
            buf_char(out, ':');
            go_syntax(out, it.value, depth + 1);
        }
        buf_char(out, '}');
    } else if (v.kind == V_NULL && depth) {
        buf_str(out, "interface {}(nil)");
    } else {
        go_print_value(out, v);
    }
}

// ---- limits -------------------------------------------------------------------------------------------------------
// go-yaml's measure against alias bombs: the share of nodes that may come from aliases falls as documents grow.
static double alias_share_max(size_t nodes)
{
    const double low = 400000, high = 4000000;
    if (nodes <= low)
        return 0.99;
    return nodes >= high ? 0.10 : 0.99 - 0.89 * (((double)nodes - low) / (high - low));
}

static bool count_node(struct reader *r, bool by_alias)
{
    r->nodes++;
    r->alias_nodes += by_alias;
    if (r->alias_nodes > 100 && r->nodes > 1000 &&
        (double)r->alias_nodes / (double)r->nodes > alias_share_max(r->nodes))
        fault(r, STEP_DECODE, "yaml: document contains excessive aliasing");
    else if (r->nodes > limits.nodes)
        fault(r, STEP_DECODE, "yaml: document has more than %zu nodes", limits.nodes);
    else
        return true;
    r->fault_class = ERROR_LIMIT;
    return false;
}

// Each alias is a copy of its own, as in go-yaml: changing one changes no other.
static bool copy_alias(struct reader *r, struct value from, unsigned depth, struct value *out)
{
    if (!count_node(r, true))
        return false;
    *out = from;
    if (depth > VALUE_DEPTH_MAX) {
        r->fault_class = ERROR_LIMIT;
        fault(r, STEP_DECODE, "yaml: exceeded max depth of %d", VALUE_DEPTH_MAX);
        return false;
    }
    if (from.kind == V_LIST) {
        *out = value_list(r->arena);
        value_made(*out, GO_SLICE_GROWN);
        for (size_t i = 0; i < from.list->len; i++) {
            struct value item;
            if (!copy_alias(r, from.list->items[i], depth + 1, &item))
                return false;
            value_push(*out, item);
        }
    } else if (from.kind == V_DICT) {
        *out = value_dict(r->arena);
        for (struct value_iter it = {0}; value_next(from, &it);) {
            struct value item;
            if (!count_node(r, true) || !copy_alias(r, it.value, depth + 1, &item))
                return false;
            dict_put_borrowed(out->dict, it.key, it.key_len, item);
        }
    }
    return true;
}

// ---- scalars ------------------------------------------------------------------------------------------------------
static const char *const type_tags[] = {
    [YAML_STR] = "str", [YAML_NULL] = "null",   [YAML_BOOL] = "bool",
    [YAML_INT] = "int", [YAML_FLOAT] = "float", [YAML_TIMESTAMP] = "timestamp",
};

static struct value decode_binary(struct reader *r, struct value text)
{
    cleanup(buf_free) struct buf bytes = {0};
    bool strict = !memchr(text.data, ' ', text.len) && !memchr(text.data, '\t', text.len);
    if (!strict || !base64_decode(&bytes, text.data, text.len)) {
        fault(r, STEP_DECODE, "yaml: !!binary value contains invalid base64 data");
        return VALUE_NULL;
    }
    // JSON has no bytes that are not UTF-8.
    struct buf out = BUF_IN(r->arena);
    for (size_t i = 0, width; i < bytes.len; i += width)
        buf_rune(&out, utf8_decode(bytes.data + i, bytes.len - i, &width));
    return value_string_n(buf_cstr(&out), out.len);
}

// A scalar whose tag is one of YAML's own.
static struct value decode_tagged(struct reader *r, const char *tag, struct value text)
{
    if (str_eq(tag, "str"))
        return text;
    if (str_eq(tag, "binary"))
        return decode_binary(r, text);
    enum yaml_type want = YAML_STR;
    for (size_t i = 0; i < ARRAY_LEN(type_tags); i++)
        if (str_eq(tag, type_tags[i]))
            want = (enum yaml_type)i;
    if (want == YAML_STR) // a tag that means nothing to go-yaml: the text stays
        return text;
    struct value v = text;
    enum yaml_type got = yaml_resolve(text.data, text.len, &v);
    if (got == YAML_TIMESTAMP && want != YAML_TIMESTAMP) // which it is where nothing else was asked for
        got = YAML_STR;
    if (got == want)
        return got == YAML_TIMESTAMP ? text : v;
    if (want == YAML_FLOAT && got == YAML_INT && v.go != GO_UINT64)
        return value_float((double)v.integer);
    int shown = text.len < FAULT_TEXT_MAX ? (int)text.len : FAULT_TEXT_MAX;
    fault(r, STEP_DECODE, "yaml: cannot decode !!%s `%.*s` as a !!%s", type_tags[got], shown, text.data, tag);
    return VALUE_NULL;
}

static bool key_comes_next(const struct reader *r)
{
    const struct frame *f = r->depth ? &r->stack.items[r->depth - 1] : NULL;
    return f && f->container.kind == V_DICT && !f->have_key;
}

static struct value scalar_text(struct reader *r, const yaml_event_t *event)
{
    char *text = (char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    if (r->disguise.len)
        len = yaml_undisguise(text, len);
    if (!key_comes_next(r))
        return value_string_copy(r->arena, text, len);
    struct slice key = key_cache_copy(&r->keys, r->arena, text, len);
    return value_string_n(key.data, key.len);
}

static struct value decode_scalar(struct reader *r, const yaml_event_t *event)
{
    const char *tag = (const char *)event->data.scalar.tag;
    struct value text = scalar_text(r, event);
    if (tag && *tag)
        return str_has_prefix(tag, TAG_PREFIX) ? decode_tagged(r, tag + strlen(TAG_PREFIX), text) : text;
    if (!event->data.scalar.plain_implicit)
        return text;
    struct value v = text;
    enum yaml_type type = yaml_resolve(text.data, text.len, &v);
    return type == YAML_TIMESTAMP ? text : v;
}

static struct value through_json(struct reader *r, struct value v)
{
    r->not_finite |= v.kind == V_FLOAT && !isfinite(v.number);
    return yaml_json_number(v, r->flags);
}

// ---- keys ---------------------------------------------------------------------------------------------------------
static struct value key_text(struct reader *r, struct value key, struct value item)
{
    struct buf out = BUF_IN(r->arena);
    if (key.kind == V_STRING)
        return key;
    if (key.kind == V_INT && key.go == GO_DEFAULT) {
        go_print_value(&out, key);
    } else if (key.kind == V_FLOAT) { // with 32 bits' digits: so sigs.k8s.io/yaml has it
        go_print_float(&out, key.number, 32, GO_FLOAT_YAML);
    } else if (key.kind == V_BOOL) {
        go_print_value(&out, key);
    } else {
        struct buf *text = fault_text(r, STEP_KEYS);
        if (text) {
            buf_printf(text, "unsupported map key of type: %s, key: ", key.kind ? "uint64" : "%!s(<nil>)");
            if (key.kind)
                buf_printf(text, "0x%llx", (unsigned long long)key.integer);
            else
                buf_str(text, "<nil>");
            buf_str(text, ", value: ");
            go_syntax(text, item, 0);
        }
        return value_string("");
    }
    return value_string_n(buf_cstr(&out), out.len);
}

// ---- building -----------------------------------------------------------------------------------------------------
static void put(struct reader *r, struct frame *f, struct value key, struct value v, size_t line)
{
    struct value text = key_text(r, key, v), old;
    if (r->flags & YAML_UNIQUE_KEYS && value_find(f->container, text.data, text.len, &old))
        duplicate_key(r, line, text);
    else
        dict_put_borrowed(f->container.dict, text.data, text.len, v);
}

static void merge_map(struct reader *r, struct frame *f, struct value from, size_t line)
{
    for (struct value_iter it = {0}; value_next(from, &it);)
        put(r, f, value_string_n(it.key, it.key_len), it.value, line);
}

static void merge(struct reader *r, struct frame *f, struct value v, bool alias, size_t line)
{
    bool list = v.kind == V_LIST && !alias, fine = list || v.kind == V_DICT;
    for (size_t i = 0; list && i < v.list->len; i++)
        fine = fine && v.list->items[i].kind == V_DICT;
    if (!fine) {
        fault(r, STEP_DECODE, "yaml: map merge requires map or sequence of maps as the value");
        return;
    }
    if (v.kind == V_DICT)
        merge_map(r, f, v, line);
    for (size_t i = value_len(v); list && i > 0; i--) // backwards: earlier maps win
        merge_map(r, f, v.list->items[i - 1], line);
}

// Gives a finished node to the container that waits for it. A mapping key << that is not quoted comes with merge_key.
static void add_node(struct reader *r, struct value v, bool merge_key, bool alias, size_t line)
{
    if (!r->depth) {
        r->root = through_json(r, v);
        return;
    }
    struct frame *f = &r->stack.items[r->depth - 1];
    if (f->container.kind == V_LIST) {
        value_push(f->container, through_json(r, v));
    } else if (!f->have_key) {
        f->have_key = true;
        f->merging = merge_key;
        f->key = v;
        if (v.kind == V_LIST || v.kind == V_DICT) {
            struct buf *text = fault_text(r, STEP_DECODE);
            if (text) {
                buf_str(text, "yaml: invalid map key: ");
                go_syntax(text, v, 0);
            }
        }
    } else {
        f->have_key = false;
        if (f->merging)
            merge(r, f, v, alias, line);
        else
            put(r, f, f->key, through_json(r, v), line);
    }
}

static struct anchor *anchor_new(struct reader *r, const yaml_char_t *name, bool open)
{
    if (!name)
        return NULL;
    struct anchor *anchor = arena_new_of(r->scratch, struct anchor);
    anchor->open = open;
    map_put(r->anchors, (const char *)name, anchor);
    return anchor;
}

static bool on_alias(struct reader *r, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    const struct anchor *anchor = map_get(r->anchors, name);
    if (!anchor)
        return error_set(r->err, ERROR_INVALID, "yaml: unknown anchor '%.*s' referenced", FAULT_TEXT_MAX, name);
    if (failed(r))
        return true;
    if (anchor->open) {
        fault(r, STEP_DECODE, "yaml: anchor '%.*s' value contains itself", FAULT_TEXT_MAX, name);
        return true;
    }
    struct value v;
    if (count_node(r, r->alias_nodes) && copy_alias(r, anchor->value, (unsigned)r->depth, &v))
        add_node(r, v, false, true, event->start_mark.line);
    return true;
}

static bool on_scalar(struct reader *r, const yaml_event_t *event)
{
    if (r->disguise.len && yaml_question_fault(&r->parser, event))
        return yaml_fault(&r->parser, r->err);
    struct anchor *anchor = anchor_new(r, event->data.scalar.anchor, false);
    if (failed(r) || !count_node(r, false))
        return true;
    const char *tag = (const char *)event->data.scalar.tag;
    bool merge_key = event->data.scalar.length == 2 && memcmp(event->data.scalar.value, "<<", 2) == 0 &&
                     (event->data.scalar.plain_implicit || str_eq(tag, TAG_PREFIX "merge"));
    // What should be merged is no map: go-yaml does not look at what it is.
    bool merged = r->depth && r->stack.items[r->depth - 1].have_key && r->stack.items[r->depth - 1].merging;
    struct value v = merged ? VALUE_NULL : decode_scalar(r, event);
    if (anchor)
        anchor->value = v;
    add_node(r, v, merge_key, false, event->start_mark.line);
    return true;
}

// The frame of the next depth, with an empty container of that kind.
static struct frame *push_frame(struct reader *r, enum value_kind kind)
{
    if (r->depth == r->stack.len)
        vec_push(r->scratch, &r->stack, (struct frame){0});
    struct frame *f = &r->stack.items[r->depth++];
    if (kind == V_DICT) {
        if (!f->dict)
            f->dict = value_dict(r->scratch).dict;
        dict_clear(f->dict);
        f->container = (struct value){.kind = V_DICT, .dict = f->dict};
    } else {
        if (!f->list)
            f->list = value_list(r->scratch).list;
        f->list->len = 0;
        f->list->how = GO_SLICE_GROWN;
        f->container = (struct value){.kind = V_LIST, .list = f->list};
    }
    return f;
}

static bool on_start(struct reader *r, const yaml_event_t *event, enum value_kind kind, const yaml_char_t *name)
{
    if (r->depth == VALUE_DEPTH_MAX)
        return error_set(r->err, ERROR_LIMIT, "yaml: exceeded max depth of %d", VALUE_DEPTH_MAX);
    if (!failed(r))
        count_node(r, false);
    struct frame *f = push_frame(r, kind);
    f->anchor = anchor_new(r, name, true);
    f->line = event->start_mark.line;
    f->have_key = false;
    return true;
}

static void on_end(struct reader *r)
{
    struct frame *f = &r->stack.items[--r->depth];
    struct value v;
    if (f->container.kind == V_DICT) {
        dict_sort(f->dict); // so that reading it changes nothing: threads may share what is only read
        v = dict_clone(r->arena, f->dict);
    } else {
        v = list_clone(r->arena, f->list);
    }
    if (f->anchor) {
        f->anchor->open = false;
        f->anchor->value = v;
    }
    if (!failed(r))
        add_node(r, v, false, false, f->line);
}

// ---- documents ----------------------------------------------------------------------------------------------------
enum next { NEXT_DOCUMENT, NEXT_END, NEXT_ERROR };

// libyaml takes YAML 1.2 too; go-yaml v2 does not.
static bool on_document(struct reader *r, const yaml_event_t *event)
{
    const yaml_version_directive_t *version = event->data.document_start.version_directive;
    if (!version || version->minor == 1)
        return true;
    r->parser.problem = "found incompatible YAML document";
    r->parser.problem_mark = event->start_mark;
    r->parser.error = YAML_PARSER_ERROR;
    return yaml_fault(&r->parser, r->err);
}

static bool on_event(struct reader *r, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return on_document(r, event);
    case YAML_ALIAS_EVENT:
        return on_alias(r, event);
    case YAML_SCALAR_EVENT:
        return on_scalar(r, event);
    case YAML_SEQUENCE_START_EVENT:
        return on_start(r, event, V_LIST, event->data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
        return on_start(r, event, V_DICT, event->data.mapping_start.anchor);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        on_end(r);
        return true;
    default:
        return true;
    }
}

// Reads up to the end of one document, whose value is r->root.
static enum next next_document(struct reader *r)
{
    r->anchors = map_new(r->scratch);
    r->depth = 0;
    r->root = VALUE_NULL;
    r->not_finite = false;
    r->nodes = r->alias_nodes = 0;
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&r->parser, &event)) {
            yaml_fault(&r->parser, r->err);
            return NEXT_ERROR;
        }
        yaml_event_type_t type = event.type;
        bool ok = on_event(r, &event);
        yaml_event_delete(&event);
        if (!ok)
            return NEXT_ERROR;
        if (type == YAML_STREAM_END_EVENT)
            return NEXT_END;
        if (type == YAML_DOCUMENT_END_EVENT)
            return document_faults(r) ? NEXT_DOCUMENT : NEXT_ERROR;
    }
}

static bool reader_start(struct reader *r, const char *data, size_t len)
{
    if (len > limits.bytes)
        return error_set(r->err, ERROR_LIMIT, "yaml: document of %zu bytes is over the limit of %zu", len,
                         limits.bytes);
    if (!yaml_parser_initialize(&r->parser))
        return error_set(r->err, ERROR_LIMIT, "yaml: out of memory");
    r->scratch = arena_new();
    struct slice text = slice_n(data ? data : "", len); // NULL would end the process
    if (yaml_disguise(&r->disguise, text))
        text = buf_view(&r->disguise);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)text.data, text.len);
    r->parser.read_handler = yaml_read_piece; // whose input is still that text
    yaml_parser_set_encoding(&r->parser, YAML_ANY_ENCODING);
    return true;
}

static void reader_end(struct reader *r)
{
    yaml_parser_delete(&r->parser);
    arena_free(r->scratch);
    buf_free(&r->disguise);
}

bool yaml_parse(struct arena *a, const char *data, size_t len, int flags, struct value *out, struct error *err)
{
    struct reader r = {.arena = a, .err = err, .flags = flags};
    if (len <= limits.bytes && yaml_simple_parse(a, slice_n(data, len), flags, limits.nodes, out))
        return true;
    *out = VALUE_NULL;
    if (!reader_start(&r, data, len))
        return false;
    enum next next = next_document(&r);
    reader_end(&r);
    if (next == NEXT_DOCUMENT)
        *out = r.root;
    return next != NEXT_ERROR;
}

bool yaml_parse_all(struct arena *a, const char *data, size_t len, int flags, struct value *out, struct error *err)
{
    struct reader r = {.arena = a, .err = err, .flags = flags};
    *out = value_list(a);
    if (!reader_start(&r, data, len))
        return false;
    enum next next;
    while ((next = next_document(&r)) == NEXT_DOCUMENT)
        if (!value_is_null(r.root))
            value_push(*out, r.root);
    reader_end(&r);
    return next == NEXT_END;
}
