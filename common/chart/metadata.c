// metadata.c - Chart.yaml: decoding as Go decodes it into Helm's Metadata type, checking, and the map that templates see.

#include "chart/internal.h"

#include <ctype.h>

#include "semver/semver.h"
#include "value/unicode.h"

enum field_type {
    FIELD_STRING,
    FIELD_BOOL,
    FIELD_STRINGS,    // []string
    FIELD_STRING_MAP, // map[string]string
    FIELD_ANY_LIST,   // []interface {}
    FIELD_STRUCTS,    // []*T, T described by `sub`
};

struct field {
    const char *json, *go;
    enum field_type type;
    bool required; // written to JSON even when empty
    const struct shape *sub;
};

struct shape {
    const char *package, *name; // Go's package and name of the struct, for messages
    const char *list; // Go's type of a list of it
    const struct field *fields;
    size_t count;
};

static const struct field maintainer_fields[] = {
    {"name", "Name", FIELD_STRING, false, NULL},
    {"email", "Email", FIELD_STRING, false, NULL},
    {"url", "URL", FIELD_STRING, false, NULL},
};
static const struct shape maintainer_shape = {"v2", "Maintainer", "[]*v2.Maintainer", maintainer_fields,
                                              ARRAY_LEN(maintainer_fields)};

static const struct field dependency_fields[] = {
    {"name", "Name", FIELD_STRING, true, NULL},
    {"version", "Version", FIELD_STRING, false, NULL},
    {"repository", "Repository", FIELD_STRING, true, NULL},
    {"condition", "Condition", FIELD_STRING, false, NULL},
    {"tags", "Tags", FIELD_STRINGS, false, NULL},
    {"enabled", "Enabled", FIELD_BOOL, false, NULL},
    {"import-values", "ImportValues", FIELD_ANY_LIST, false, NULL},
    {"alias", "Alias", FIELD_STRING, false, NULL},
};
static const struct shape dependency_shape = {"v2", "Dependency", "[]*v2.Dependency", dependency_fields,
                                              ARRAY_LEN(dependency_fields)};

static const struct field metadata_fields[] = {
    {"name", "Name", FIELD_STRING, false, NULL},
    {"home", "Home", FIELD_STRING, false, NULL},
    {"sources", "Sources", FIELD_STRINGS, false, NULL},
    {"version", "Version", FIELD_STRING, false, NULL},
    {"description", "Description", FIELD_STRING, false, NULL},
    {"keywords", "Keywords", FIELD_STRINGS, false, NULL},
    {"maintainers", "Maintainers", FIELD_STRUCTS, false, &maintainer_shape},
    {"icon", "Icon", FIELD_STRING, false, NULL},
    {"apiVersion", "APIVersion", FIELD_STRING, false, NULL},
    {"condition", "Condition", FIELD_STRING, false, NULL},
    {"tags", "Tags", FIELD_STRING, false, NULL},
    {"appVersion", "AppVersion", FIELD_STRING, false, NULL},
    {"deprecated", "Deprecated", FIELD_BOOL, false, NULL},
    {"annotations", "Annotations", FIELD_STRING_MAP, false, NULL},
    {"kubeVersion", "KubeVersion", FIELD_STRING, false, NULL},
    {"dependencies", "Dependencies", FIELD_STRUCTS, false, &dependency_shape},
    {"type", "Type", FIELD_STRING, false, NULL},
};
static const struct shape metadata_shape = {"v2", "Metadata", NULL, metadata_fields, ARRAY_LEN(metadata_fields)};

static const struct field lock_fields[] = {
    {"generated", "Generated", FIELD_STRING, true, NULL},
    {"digest", "Digest", FIELD_STRING, true, NULL},
    {"dependencies", "Dependencies", FIELD_STRUCTS, true, &dependency_shape},
};
static const struct shape lock_shape = {"v2", "Lock", NULL, lock_fields, ARRAY_LEN(lock_fields)};

static const struct field base_fields[] = {{"apiVersion", "APIVersion", FIELD_STRING, false, NULL}};
static const struct shape base_shape = {"loader", "chartBase", NULL, base_fields, ARRAY_LEN(base_fields)};

// ---- decoding -----------------------------------------------------------------------------------------------------

struct decoder {
    struct arena *arena;
    struct error *err; // the first mismatch, as encoding/json reports it
};

static void mismatch(struct decoder *d, struct value v, const struct shape *shape, const char *path, const char *go_type)
{
    if (!d->err->class)
        error_set(d->err, ERROR_INVALID, "json: cannot unmarshal %s into Go struct field %s.%s of type %s",
                  go_json_kind(v), shape->name, path, go_type);
}

// sigs.k8s.io/yaml turns plain scalars into strings where the Go field is a string.
static bool scalar_text(struct decoder *d, struct value v, struct value *out)
{
    switch (v.kind) {
    case V_STRING: *out = v; return true;
    case V_BOOL: *out = value_string(v.boolean ? "true" : "false"); return true;
    case V_INT: *out = value_printf(d->arena, "%lld", (long long)v.integer); return true;
    case V_FLOAT: {
        struct buf text = BUF_IN(d->arena);
        go_print_float(&text, v.number, 64, GO_FLOAT_G);
        *out = value_string(buf_cstr(&text));
        return true;
    }
    default: return false;
    }
}

static struct value decode_struct(struct decoder *d, struct value from, struct value into, const struct shape *shape,
                                  const char *path);

static struct value decode_strings(struct decoder *d, struct value v, const struct shape *shape, const char *path)
{
    struct value list = value_list_typed(d->arena, "[]string");
    for (size_t i = 0; i < value_len(v); i++) {
        struct value item = value_at(v, i), text = value_string("");
        if (!value_is_null(item) && !scalar_text(d, item, &text))
            mismatch(d, item, shape, path, "string");
        value_push(list, text);
    }
    return list;
}

static struct value decode_string_map(struct decoder *d, struct value v, struct value before, const struct shape *shape,
                                      const char *path)
{
    struct value dict = value_is(before, V_DICT) ? before : value_dict_typed(d->arena, "map[string]string");
    for (struct value_iter it = {0}; value_next(v, &it);) {
        struct value text = value_string("");
        if (!value_is_null(it.value) && !scalar_text(d, it.value, &text))
            mismatch(d, it.value, shape, path, "string");
        value_set_n(dict, it.key, it.key_len, text);
    }
    return dict;
}

// As encoding/json does where the list has been filled before (by Chart.yaml, now comes requirements.yaml): an item is decoded into
// the one in its place.
static struct value decode_structs(struct decoder *d, struct value v, struct value before, const struct shape *shape,
                                   const struct field *field, const char *path)
{
    struct value list = value_list(d->arena);
    for (size_t i = 0; i < value_len(v); i++) {
        struct value item = value_at(v, i), held = i < value_len(before) ? value_at(before, i) : VALUE_NULL;
        if (value_is(item, V_DICT))
            item = decode_struct(d, item, value_is(held, V_DICT) ? held : value_dict(d->arena), field->sub, path);
        else if (!value_is_null(item)) {
            // The Go type behind the pointer is what the message names.
            char *go_type = arena_printf(d->arena, "v2.%s", field->sub->name);
            mismatch(d, item, shape, path, go_type);
            continue;
        }
        value_push(list, item);
    }
    return list;
}

// False: the value has no place in the field; *out is what the field gets.
static void decode_field(struct decoder *d, struct value v, const struct shape *shape, const struct field *field,
                         const char *path, struct value into)
{
    struct value out = VALUE_NULL, before = value_get(into, field->json);
    switch (field->type) {
    case FIELD_STRING:
        if (!scalar_text(d, v, &out))
            mismatch(d, v, shape, path, "string");
        else if (out.len == 0 && !field->required)
            out = VALUE_NULL;
        break;
    case FIELD_BOOL:
        if (!value_is(v, V_BOOL))
            mismatch(d, v, shape, path, "bool");
        else if (v.boolean)
            out = v;
        break;
    case FIELD_STRINGS:
    case FIELD_ANY_LIST:
    case FIELD_STRUCTS:
        if (!value_is(v, V_LIST)) {
            mismatch(d, v, shape, path,
                     field->type == FIELD_STRINGS    ? "[]string"
                     : field->type == FIELD_ANY_LIST ? "[]interface {}"
                                                     : field->sub->list);
        } else if (value_len(v) > 0 || field->required || field->sub == &dependency_shape) {
            // An empty list of dependencies stays one: unlike none it makes Helm coalesce, and say its warnings, once more.
            out = field->type == FIELD_STRINGS    ? decode_strings(d, v, shape, path)
                  : field->type == FIELD_ANY_LIST ? v
                                                  : decode_structs(d, v, before, shape, field, path);
        }
        break;
    case FIELD_STRING_MAP:
        if (!value_is(v, V_DICT))
            mismatch(d, v, shape, path, "map[string]string");
        else // templates see an empty one as {}, none as null
            out = decode_string_map(d, v, before, shape, path);
        break;
    }
    if (value_is_null(out))
        value_unset(into, field->json);
    else
        value_set(into, field->json, out);
}

// encoding/json matches names exactly first, then without regard to case.
static const struct field *find_field(const struct shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->count; i++)
        if (str_eq(shape->fields[i].json, name))
            return &shape->fields[i];
    for (size_t i = 0; i < shape->count; i++)
        if (strcasecmp(shape->fields[i].json, name) == 0)
            return &shape->fields[i];
    return NULL;
}

static struct value decode_struct(struct decoder *d, struct value from, struct value into, const struct shape *shape,
                                  const char *path)
{
    for (struct value_iter it = {0}; value_next(from, &it);) {
        const struct field *field = find_field(shape, it.key);
        if (!field || value_is_null(it.value))
            continue;
        const char *full = path ? arena_printf(d->arena, "%s.%s", path, field->json) : field->json;
        decode_field(d, it.value, shape, field, full, into);
    }
    for (size_t i = 0; i < shape->count; i++)
        if (shape->fields[i].required && !value_has(into, shape->fields[i].json))
            value_set(into, shape->fields[i].json, shape->fields[i].type == FIELD_STRING ? value_string("") : VALUE_NULL);
    return into;
}

static bool decode_document(struct arena *a, struct slice yaml, struct value into, const struct shape *shape,
                            struct error *err)
{
    struct value document = VALUE_NULL;
    const char *go_type = arena_printf(a, "%s.%s", shape->package, shape->name);
    if (!yaml_decode(a, yaml, 0, go_type, &document, err) || value_is_null(document))
        return !err->class;
    struct decoder d = {.arena = a, .err = err};
    decode_struct(&d, document, into, shape, NULL);
    if (err->class)
        return error_wrap(err, "error unmarshaling JSON: while decoding JSON");
    return true;
}

bool metadata_decode(struct arena *a, struct slice yaml, struct value into, struct error *err)
{
    return decode_document(a, yaml, into, &metadata_shape, err);
}

bool metadata_check_api_version(struct arena *a, struct slice yaml, struct error *err)
{
    static const char *const read[] = {"", "v1", "v2"};
    struct value base = value_dict(a);
    if (!decode_document(a, yaml, base, &base_shape, err))
        return error_wrap(err, "cannot load Chart.yaml");
    const char *version = value_str_or(value_get(base, "apiVersion"), "");
    for (size_t i = 0; i < ARRAY_LEN(read); i++)
        if (str_eq(version, read[i]))
            return true;
    // Helm's code can read v3, and refuses to install it.
    return error_set(err, ERROR_INVALID, str_eq(version, "v3") ? "invalid chart apiVersion" : "unsupported chart version");
}

bool lock_decode(struct arena *a, struct slice yaml, struct value *out, struct error *err)
{
    *out = value_dict(a);
    return decode_document(a, yaml, *out, &lock_shape, err);
}

// ---- checking -----------------------------------------------------------------------------------------------------

static bool needs_sanitizing(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.data[i] >= 0x7F || (unsigned char)s.data[i] < 0x20)
            return true;
    return false;
}

static struct value sanitize(struct arena *a, struct value v)
{
    struct slice s = value_slice(v);
    if (!needs_sanitizing(s))
        return v;
    struct buf out = BUF_IN(a);
    for (size_t at = 0, width; at < s.len; at += width) {
        uint32_t r = utf8_decode(s.data + at, s.len - at, &width);
        if (go_is_space(r))
            buf_char(&out, ' ');
        else if (go_is_print(r))
            buf_rune(&out, r);
    }
    return value_string_n(buf_cstr(&out), out.len);
}

static void sanitize_key(struct arena *a, struct value dict, const char *key)
{
    struct value v = value_get(dict, key);
    if (value_is(v, V_LIST)) {
        for (size_t i = 0; i < value_len(v); i++)
            value_put(v, i, sanitize(a, value_at(v, i)));
    } else if (value_is(v, V_STRING)) {
        value_set(dict, key, sanitize(a, v));
    }
}

static void sanitize_keys(struct arena *a, struct value dict, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sanitize_key(a, dict, keys[i]);
}

static bool invalid(struct error *err, const char *fmt, ...) PRINTF(2, 3);
static bool invalid(struct error *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct buf text = {0};
    buf_vprintf(&text, fmt, args);
    va_end(args);
    error_set(err, ERROR_INVALID, "validation: %s", buf_cstr(&text));
    buf_free(&text);
    return false;
}

static bool is_alias(const char *s)
{
    if (!*s)
        return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && *s != '_' && *s != '-')
            return false;
    return true;
}

static bool validate_dependencies(struct arena *a, struct value list, struct error *err)
{
    static const char *const keys[] = {"name", "version", "repository", "condition", "tags"};
    struct value seen = value_dict(a);
    for (size_t i = 0; i < value_len(list); i++) {
        struct value d = value_at(list, i);
        if (!value_is(d, V_DICT))
            return invalid(err, "dependencies must not contain empty or null nodes");
        sanitize_keys(a, d, keys, ARRAY_LEN(keys));
        const char *alias = value_str(value_get(d, "alias"));
        const char *name = value_str_or(value_get(d, "name"), "");
        if (!str_empty(alias) && !is_alias(alias))
            return invalid(err, "dependency %s has disallowed characters in the alias", go_quoted_str(a, name));
        const char *key = str_or(alias, name);
        if (value_has(seen, key))
            return invalid(err, "more than one dependency with name or alias %s", go_quoted_str(a, key));
        value_set(seen, key, value_bool(true));
    }
    return true;
}

bool metadata_validate(struct arena *a, struct value m, struct error *err)
{
    static const char *const keys[] = {"name", "description", "home",    "icon",    "condition",
                                       "tags", "appVersion",  "sources", "keywords", "kubeVersion"};
    static const char *const maintainer_keys[] = {"name", "email", "url"};
    sanitize_keys(a, m, keys, ARRAY_LEN(keys));

    if (str_empty(value_str(value_get(m, "apiVersion"))))
        return invalid(err, "chart.metadata.apiVersion is required");
    const char *name = value_str_or(value_get(m, "name"), "");
    if (!*name)
        return invalid(err, "chart.metadata.name is required");
    if (str_eq(name, ".") || str_eq(name, ".."))
        return invalid(err, "chart.metadata.name %s is not allowed", go_quoted_str(a, name));
    if (strchr(name, '/'))
        return invalid(err, "chart.metadata.name %s is invalid", go_quoted_str(a, name));
    const char *version = value_str_or(value_get(m, "version"), "");
    if (!*version)
        return invalid(err, "chart.metadata.version is required");
    struct semver parsed;
    struct error ignored cleanup(error_clear) = {0};
    if (!semver_parse(a, version, &parsed, &ignored))
        return invalid(err, "chart.metadata.version %s is invalid", go_quoted_str(a, version));
    const char *type = value_str_or(value_get(m, "type"), "");
    if (*type && !str_eq(type, "application") && !str_eq(type, "library"))
        return invalid(err, "chart.metadata.type must be application or library");
    struct value maintainers = value_get(m, "maintainers");
    for (size_t i = 0; i < value_len(maintainers); i++) {
        if (!value_is(value_at(maintainers, i), V_DICT))
            return invalid(err, "maintainers must not contain empty or null nodes");
        sanitize_keys(a, value_at(maintainers, i), maintainer_keys, ARRAY_LEN(maintainer_keys));
    }
    return validate_dependencies(a, value_get(m, "dependencies"), err);
}

// ---- .Chart -------------------------------------------------------------------------------------------------------

static struct value template_view(struct arena *a, struct value from, const struct shape *shape)
{
    struct value map = value_dict(a);
    for (size_t i = 0; i < shape->count; i++) {
        const struct field *f = &shape->fields[i];
        struct value v = value_get(from, f->json), out = VALUE_NULL;
        switch (f->type) {
        case FIELD_STRING: out = value_is_null(v) ? value_string("") : v; break;
        case FIELD_BOOL: out = value_bool(value_true(v)); break;
        case FIELD_STRING_MAP:
            out = value_is_null(v) ? value_as_nil(value_dict_typed(a, "map[string]string")) : value_copy(a, v);
            break;
        case FIELD_STRINGS:
        case FIELD_ANY_LIST:
        case FIELD_STRUCTS:
            out = value_list(a); // Helm hands every list over as []interface {}
            for (size_t k = 0; k < value_len(v); k++)
                value_push(out, f->sub ? template_view(a, value_at(v, k), f->sub) : value_copy(a, value_at(v, k)));
            break;
        }
        value_set(map, f->go, out);
    }
    return map;
}

struct value chart_template_view(struct arena *a, const struct chart *c)
{
    struct value map = template_view(a, c->metadata, &metadata_shape);
    value_set(map, "IsRoot", value_bool(!c->parent));
    return map;
}
