// value.h - the one dynamic value: Kubernetes objects, YAML files, Helm values, template data are all `struct value`.
//
// A value is 16 bytes and passed by value. Strings, bytes, lists and dicts point into an arena. Lists and dicts are
// references with Go's aliasing: two values that hold the same dict see each other's changes (value_copy makes a deep
// copy). Threads may share values that were parsed or copied as long as nobody changes them; one that was built by
// value_set has to be iterated over once first (that sorts it). Every list and dict remembers the arena it grows in.
// The value of all zero bytes is null. Lookups accept any value and give null where there is nothing, so they chain
// without checks:
//
//     const char *version = value_str(value_path(object, "spec.chart.spec.version"));
//
// Numbers: `go` says which of Go's types a number has; Helm values are float64 throughout, API objects keep int64.
// An object is a Go type as templates see it (a struct, a method set): see struct value_class.
#ifndef RUNNEL_VALUE_H
#define RUNNEL_VALUE_H

#include "base/base.h"

enum value_kind { V_NULL, V_BOOL, V_INT, V_FLOAT, V_STRING, V_BYTES, V_LIST, V_DICT, V_OBJECT };

enum value_go { // which number type; 0 is the usual one (int64 for V_INT, float64 for V_FLOAT)
    GO_DEFAULT, // int64 or float64
    GO_INT,
    GO_INT8,
    GO_INT16,
    GO_INT32,
    GO_UINT,
    GO_UINT8,
    GO_UINT16,
    GO_UINT32,
    GO_UINT64, // of these, `integer` holds the bits
    GO_FLOAT32,
    GO_DURATION, // time's own: an int64, and two ints; each has a text
    GO_MONTH,
    GO_WEEKDAY,
};

struct list;
struct dict;
struct object;

struct value {
    uint8_t kind; // enum value_kind
    uint8_t go;   // enum value_go
    uint16_t reserved; // bits: VALUE_AS_VALUES, VALUE_NIL, and the evaluator's own (template/run.h)
    uint32_t len; // of a string or of bytes
    union {
        bool boolean;
        int64_t integer;
        double number;
        const char *data; // string and bytes; strings are NUL-terminated too, but may hold NULs
        struct list *list;
        struct dict *dict;
        struct object *object;
    };
};

#define VALUE_NULL ((struct value){0})
#define VALUE_AS_VALUES 2 // a dict that Go holds as Helm's common.Values here; elsewhere it may be a plain map, of the same
                          // entries
#define VALUE_NIL 4       // an empty list or dict that Go holds as nil: JSON's null, and YAML's as sigs.k8s.io/yaml writes it

// ---- making -------------------------------------------------------------------------------------------------------
static inline struct value value_bool(bool b)
{
    return (struct value){.kind = V_BOOL, .boolean = b};
}
static inline struct value value_int(int64_t i)
{
    return (struct value){.kind = V_INT, .integer = i};
}
static inline struct value value_int_of(enum value_go go, int64_t i)
{
    return (struct value){.kind = V_INT, .go = (uint8_t)go, .integer = i};
}
static inline struct value value_float(double f)
{
    return (struct value){.kind = V_FLOAT, .number = f};
}
// These three borrow: the bytes must live as long as the value and be followed by a NUL.
static inline struct value value_string(const char *s)
{
    return s ? (struct value){.kind = V_STRING, .len = (uint32_t)strlen(s), .data = s} : VALUE_NULL;
}
static inline struct value value_string_n(const char *s, size_t len)
{
    return (struct value){.kind = V_STRING, .len = (uint32_t)len, .data = s};
}
static inline struct value value_bytes(const char *s, size_t len)
{
    return (struct value){.kind = V_BYTES, .len = (uint32_t)len, .data = s};
}
struct value value_string_copy(struct arena *a, const char *s, size_t len);
struct value value_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3); // a string
struct value value_list(struct arena *a);                                      // []interface {}
struct value value_list_typed(struct arena *a, const char *go_type);           // "[]string"; the text is not copied
// How Go came to a list, which decides how far its array goes on behind the last item; a copy keeps it.
enum go_slice {
    GO_SLICE_EXACT,     // made with its length
    GO_SLICE_GROWN,     // item after item was appended: what is read from text
    GO_SLICE_APPENDED,  // the last item to a slice without room
    GO_SLICE_PREPENDED, // all others to a slice of the first
};
void value_made(struct value list, enum go_slice how);
size_t value_go_cap(struct value list);                                        // Go's cap()
struct value value_dict(struct arena *a);                                      // map[string]interface {}
struct value value_as_nil(struct value v); // the same, an empty list or dict, with VALUE_NIL
// A dict whose entries stay in the order in which they come: the fields of a Go struct, as JSON writes them.
struct value value_dict_fields(struct arena *a);
struct value value_dict_typed(struct arena *a, const char *go_type);           // "common.Values", "map[string]string"
struct value value_copy(struct arena *a, struct value v);                      // deep; objects are shared
struct value value_copy_tree(struct arena *a, struct value v); // lists and dicts alone: v's text has to outlive the copy

// ---- looking ------------------------------------------------------------------------------------------------------
static inline bool value_is(struct value v, enum value_kind kind)
{
    return v.kind == kind;
}
static inline bool value_is_null(struct value v)
{
    return v.kind == V_NULL;
}
const char *value_str(struct value v);                          // a string's text, else NULL
const char *value_str_or(struct value v, const char *fallback); // fallback also for the empty string
struct slice value_slice(struct value v);                       // string or bytes, else empty
bool value_true(struct value v);                                // the boolean true
bool value_bool_or(struct value v, bool fallback);
int64_t value_int_or(struct value v, int64_t fallback); // ints, and floats that are whole
double value_num(struct value v);                       // ints and floats; else 0
bool value_truth(struct value v);                       // Go templates' truth: not the type's empty value

size_t value_len(struct value v); // items, entries, bytes; else 0
static inline bool value_is_nil(struct value v)
{
    return (v.reserved & VALUE_NIL) && value_len(v) == 0;
}
struct value value_at(struct value list, size_t i);
struct value value_get(struct value dict, const char *key);
struct value value_get_n(struct value dict, const char *key, size_t len);
bool value_has(struct value dict, const char *key); // present, be it null
bool value_find(struct value dict, const char *key, size_t len, struct value *out);
// Dotted path through dicts, and list indices as numbers: "spec.versions.0.name". Null where it leads nowhere.
struct value value_path(struct value v, const char *path);
// The same step by step, for keys that hold dots: value_paths(v, "metadata", "annotations", "a.b/c", NULL)
struct value value_paths(struct value v, ...) __attribute__((sentinel));

// Entries in key order (bytewise, as Go's templates range over maps). Keys are NUL-terminated. The dict must not change
// meanwhile.
struct value_iter {
    size_t i;
    const char *key;
    size_t key_len;
    struct value value;
    struct value key_value; // of a map-like object whose keys are no strings (map[struct]…); else null
};
// for (struct value_iter it = {0}; value_next(dict, &it);) …
bool value_next(struct value dict, struct value_iter *it);

// ---- changing -----------------------------------------------------------------------------------------------------
// Keys and strings given as `const char *` are copied into the dict's arena; a struct value is stored as it is.
void value_set(struct value dict, const char *key, struct value v);
void value_set_n(struct value dict, const char *key, size_t len, struct value v);
void value_set_str(struct value dict, const char *key, const char *s); // NULL: no effect
bool value_unset(struct value dict, const char *key);
bool value_unset_n(struct value dict, const char *key, size_t len);
void value_push(struct value list, struct value v);
void value_put(struct value list, size_t i, struct value v); // i < len
// Sets at a dotted path, making dicts on the way (value_set_path(obj, "status.artifact.url", …)).
void value_set_path(struct value dict, const char *path, struct value v);
// Deep merge of dicts, `from` wins, null in `from` deletes (JSON merge patch, RFC 7386).
void value_merge_patch(struct value into, struct value from);

// ---- comparing, types ---------------------------------------------------------------------------------------------
bool value_equal(struct value a, struct value b);      // deep; 1 and 1.0 are equal
bool value_deep_equal(struct value a, struct value b); // Go's reflect.DeepEqual: types count
const char *value_go_type(struct value v);             // Go's %T: "map[string]interface {}", "<nil>"
const char *value_go_kind(struct value v);             // reflect.Kind: "map", "slice", "struct", "ptr", "invalid"
int value_compare_str(const void *a, const void *b);   // qsort over string values

// ---- how Go prints ------------------------------------------------------------------------------------------------
void go_print_value(struct buf *out, struct value v); // fmt's %v: map[a:1 b:[x y]], <nil>
void go_print_text(struct buf *out, struct value v);  // what a template action prints: as %v, but <no value> for null
void go_quote(struct buf *out, const char *s, size_t len); // strconv.Quote
// A duration, a month or a weekday: `out` gets its text. False: v is none.
bool go_print_named(struct buf *out, struct value v);
extern const char *const go_month_names[12], *const go_weekday_names[7];
void go_quote_rune(struct buf *out, uint32_t rune);        // strconv.QuoteRune
const char *go_quoted(struct arena *a, struct slice s);    // the same, as texts of their own
const char *go_quoted_rune(struct arena *a, uint32_t rune);
const char *time_quote(struct arena *a, struct slice s); // as package time quotes in messages: all that is no ASCII byte by byte
static inline const char *go_quoted_str(struct arena *a, const char *s)
{
    return go_quoted(a, slice_of(s));
}
enum go_float_style { GO_FLOAT_G, GO_FLOAT_JSON, GO_FLOAT_YAML }; // strconv 'g' -1 as %v; encoding/json; go-yaml
void go_print_float(struct buf *out, double f, int bits, enum go_float_style style);

// ---- objects ------------------------------------------------------------------------------------------------------
// A Go struct or method set. The evaluator looks a name up in `members`; a field has no arguments.
struct value_call { // what a method gets and gives
    struct arena *arena;
    struct value self; // whose method it is
    const struct value *args;
    size_t argc;
    struct value result;
    struct error *err;
};
struct value_member {
    const char *name;
    bool method;
    int min_args, max_args; // of a method; max -1: any
    // Fills call->result; false: call->err says why (a method that returns an error). self: NULL where it is no object.
    bool (*get)(struct object *self, struct value_call *call);
    const char *args; // what a method takes, in the letters of template.h, one for each argument; NULL: anything
    const char *refused; // why templates cannot call it, in Go's words; else NULL
};
struct value_class {
    const char *go_type; // "*chart.Metadata", "engine.files"
    const char *go_kind; // "struct", "ptr", "map", "slice"
    const struct value_member *members;
    size_t member_count;
    void (*print)(struct buf *out, struct object *self); // %v: the type's own text; NULL: by its fields
    // Of a struct, or a pointer to one: its fields by name in their order, those that others cannot see (in small
    // letters) too.
    struct value (*fields)(struct arena *a, struct object *self);
    void (*text)(struct buf *out, struct object *self); // what an action prints, where that is not %v; else NULL
    void (*go_string)(struct buf *out, struct object *self); // %#v, where a type has words of its own for it; else NULL
    struct object *(*boxed)(struct object *self);       // what a parameter of type interface{} gets: methods of the
                                                        // pointer are lost there; NULL: itself
    struct value (*plain)(struct arena *a, struct object *self); // what toYaml/toJson see; NULL: null
    struct object *(*copied)(struct arena *a, struct object *self); // deepCopy, which loses the unseen; NULL: itself
    bool address;                                                // a pointer: within lists and dicts fmt prints GO_ADDRESS
    const char *(*no_json)(struct object *self); // why encoding/json refuses it, or NULL; NULL: it does not
    bool timestamp; // what plain gives is a date: go-yaml v3 and TOML write it without quotes
    bool (*truth)(struct object *self);                          // NULL: true
    bool (*equal)(struct object *self, struct object *other);    // reflect.DeepEqual; NULL: whether they print alike
    // Of map-like ones, else NULL: what `.x` and `index` find, and what `range` runs over.
    bool (*index)(struct object *self, const char *key, size_t len, struct value *out);
    bool (*next)(struct object *self, struct value_iter *it);
};
#define GO_ADDRESS "0xc000100000" // of what, is another one each time
struct object { // embed this first in the instance
    const struct value_class *class;
};
struct value value_object(struct object *o);
struct value object_plain(struct arena *a, struct value v);
struct value object_fields(struct arena *a, struct value v); // null: it has none
static inline bool field_exported(const char *name)
{
    return *name >= 'A' && *name <= 'Z';
}

// ---- JSON ---------------------------------------------------------------------------------------------------------
enum {
    JSON_FLOATS = 1, // every number becomes float64, as Helm's values; else whole numbers are int64
    JSON_STREAM = 2, // as a json.Decoder that leaves numbers as they are: a text ends where it ends, and none is too large
};
#define VALUE_DEPTH_MAX 512
// Reads one document, as strictly as encoding/json and with its words for what is wrong; err->code is the offset. data
// need not be NUL-terminated. Whole numbers are exact (int64); what int64 cannot hold becomes a float64. Where nothing but
// a number too large for that is wrong, *out is the document all the same, with null in its place; otherwise it is null.
bool json_parse(struct arena *a, const char *data, size_t len, int flags, struct value *out, struct error *err);
enum {
    JSON_SORTED = 0, // keys are always in order
    JSON_HTML = 1,   // & < > escaped, as encoding/json does unless told not to
    JSON_INDENT = 2, // two spaces
};
// False where encoding/json fails too: NaN, infinities, a dict that holds itself. Nothing that was parsed holds those.
bool json_write(struct buf *out, struct value v, int flags);
char *json_text(struct arena *a, struct value v); // json_write without flags; NULL where that fails

// ---- YAML ---------------------------------------------------------------------------------------------------------
// Reads as sigs.k8s.io/yaml 1.6 does (go-yaml v2: YAML 1.1 scalars, anchors, merges, tags; keys become strings). Known
// to differ: inside [] and {}, libyaml takes `?` for a part of plain text and ends a tag at a comma; it knows `\/`.
// Whole numbers are int64 (GO_UINT64 above) unless YAML_FLOATS is given; 1.0 is whole, as JSON writes it.
struct yaml_limits {
    size_t bytes; // of input; 0: 64 MiB
    size_t nodes; // after alias expansion; 0: 4 million. 10 levels of aliases end here (ERROR_LIMIT)
};
enum {
    YAML_FLOATS = 1,      // numbers to float64, as Helm's values (via JSON)
    YAML_UNIQUE_KEYS = 2, // a key given twice is an error (sigs' UnmarshalStrict); otherwise the last one wins
};
// One document; an empty one is null; more than one: the first, as sigs.k8s.io/yaml reads.
// Errors: go-yaml's words, "yaml: line 3: did not find expected key" with err->code = line.
bool yaml_parse(struct arena *a, const char *data, size_t len, int flags, struct value *out, struct error *err);
// The same as sigs.k8s.io/yaml's Unmarshal into a Go type that has keys: a dict, or null where the document is empty.
bool yaml_decode(struct arena *a, struct slice text, int flags, const char *go_type, struct value *out,
                 struct error *err);
const char *go_json_kind(struct value v); // encoding/json's word for what it is: "number", "array"
// All documents; empty ones (only comments) are left out. *out is a list.
bool yaml_parse_all(struct arena *a, const char *data, size_t len, int flags, struct value *out, struct error *err);
void yaml_set_limits(const struct yaml_limits *limits); // for the process; NULL: the defaults
enum {
    YAML_INDENT_LISTS = 1, // lists in maps are indented (go-yaml v3 with SetIndent(2)): toYamlPretty
};
// As sigs.k8s.io/yaml marshals: keys in go-yaml's natural order, lists not indented, strings quoted where go-yaml
// quotes them, long lines folded at 80 columns (not in the pretty form). Ends with a newline (Helm's toYaml cuts that
// off). False, with nothing added to out, for what sigs.k8s.io/yaml refuses: NaN, a dict that holds itself, U+007F;
// toYaml is then "".
bool yaml_write(struct buf *out, struct value v, int flags, struct error *err);

#endif
