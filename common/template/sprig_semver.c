// sprig_semver.c - Sprig's versions: comparing with a range, and *semver.Version with its methods.
#include "semver/semver.h"
#include "template/sprig.h"

struct version {
    struct object object; // first
    struct semver semver;
};

static const struct value_class version_class, version_value_class;

static struct value version_new(struct arena *a, const struct value_class *class, struct semver v)
{
    struct version *self = arena_new_of(a, struct version);
    self->object.class = class;
    self->semver = v;
    return value_object(&self->object);
}

static const struct semver *semver_of(struct object *self)
{
    return &((struct version *)self)->semver;
}

static void version_print(struct buf *out, struct object *self)
{
    struct arena *a = arena_new();
    buf_str(out, semver_string(a, semver_of(self)));
    arena_free(a);
}

static struct value text_value(struct arena *a, const struct semver *v)
{
    return value_string(semver_string(a, v));
}

#define METHOD(name, expression)                                                                                       \
    static bool version_##name(struct object *self, struct value_call *call)                                           \
    {                                                                                                                  \
        const struct semver *v = semver_of(self);                                                                      \
        call->result = (expression);                                                                                   \
        return true;                                                                                                   \
    }

METHOD(major, value_int_of(GO_UINT64, (int64_t)v->major))
METHOD(minor, value_int_of(GO_UINT64, (int64_t)v->minor))
METHOD(patch, value_int_of(GO_UINT64, (int64_t)v->patch))
METHOD(prerelease, value_string(v->pre))
METHOD(metadata, value_string(v->meta))
METHOD(original, value_string(v->original))
METHOD(string, text_value(call->arena, v))

static struct value as_bytes(struct value text)
{
    text.kind = V_BYTES;
    return text;
}

METHOD(marshal_text, as_bytes(text_value(call->arena, v)))
METHOD(marshal_json, as_bytes(value_printf(call->arena, "\"%s\"", semver_string(call->arena, v))))

// ---- comparing ------------------------------------------------------------------------------------------------------

// The version given as argument, compared with this one.
static bool compare_arg(struct object *self, struct value_call *call, int *order)
{
    if (call->args[0].kind == V_NULL)
        return error_set(call->err, ERROR_INVALID, "runtime error: invalid memory address or nil pointer dereference");
    *order = semver_compare(semver_of(self), semver_of(call->args[0].object));
    return true;
}

#define COMPARING(name, expression)                                                                                    \
    static bool version_##name(struct object *self, struct value_call *call)                                           \
    {                                                                                                                  \
        int order;                                                                                                     \
        if (!compare_arg(self, call, &order))                                                                          \
            return false;                                                                                              \
        call->result = (expression);                                                                                   \
        return true;                                                                                                   \
    }

COMPARING(compare, value_int_of(GO_INT, order))
COMPARING(less_than, value_bool(order < 0))
COMPARING(less_than_equal, value_bool(order <= 0))
COMPARING(greater_than, value_bool(order > 0))
COMPARING(greater_than_equal, value_bool(order >= 0))

static bool version_equal(struct object *self, struct value_call *call)
{
    struct value other = call->args[0];
    call->result = value_bool(other.kind != V_NULL && semver_compare(semver_of(self), semver_of(other.object)) == 0);
    return true;
}

// ---- other versions -------------------------------------------------------------------------------------------------

// The prefix "v" stays in the original.
static bool give(struct object *self, struct value_call *call, struct semver next)
{
    bool prefixed = semver_of(self)->original[0] == 'v';
    next.original = arena_printf(call->arena, "%s%s", prefixed ? "v" : "", semver_string(call->arena, &next));
    call->result = version_new(call->arena, &version_value_class, next);
    return true;
}

static bool next_version(struct object *self, struct value_call *call, uint64_t major, uint64_t minor, uint64_t patch)
{
    return give(self, call, (struct semver){.major = major, .minor = minor, .patch = patch, .pre = "", .meta = ""});
}

static bool version_inc_major(struct object *self, struct value_call *call)
{
    return next_version(self, call, semver_of(self)->major + 1, 0, 0);
}

static bool version_inc_minor(struct object *self, struct value_call *call)
{
    return next_version(self, call, semver_of(self)->major, semver_of(self)->minor + 1, 0);
}

// A pre-release comes before its own version, so the next patch of it is that version.
static bool version_inc_patch(struct object *self, struct value_call *call)
{
    const struct semver *v = semver_of(self);
    return next_version(self, call, v->major, v->minor, v->patch + (v->pre[0] == '\0'));
}

static bool version_set_prerelease(struct object *self, struct value_call *call)
{
    struct semver next = *semver_of(self);
    next.pre = call->args[0].data;
    return (!next.pre[0] || semver_check_pre(value_slice(call->args[0]), call->err)) && give(self, call, next);
}

static bool version_set_metadata(struct object *self, struct value_call *call)
{
    struct semver next = *semver_of(self);
    next.meta = call->args[0].data;
    return (!next.meta[0] || semver_check_meta(value_slice(call->args[0]), call->err)) && give(self, call, next);
}

// ---- reading another text into a version ----------------------------------------------------------------------------

// Such a method gives an error as its result: nil where all is well. Only printed is that other than no value at all.
struct failure {
    struct object object; // first
    const char *message;  // "<nil>" of the one that is none
};

static void failure_print(struct buf *out, struct object *self)
{
    buf_str(out, ((struct failure *)self)->message);
}

static bool failure_error(struct object *self, struct value_call *call)
{
    call->result = value_string(((struct failure *)self)->message);
    return true;
}

static struct value failure_fields(struct arena *a, struct object *self)
{
    struct value fields = value_dict_fields(a);
    value_set_str(fields, "s", ((struct failure *)self)->message);
    return fields;
}

static struct value failure_plain(struct arena *a, struct object *self)
{
    return value_dict(a);
}

static const struct value_member failure_members[] = {{"Error", true, 0, 0, failure_error}};
static const struct value_class failure_class = {.go_type = "*errors.errorString", .go_kind = "ptr",
                                                 .members = failure_members, .member_count = 1,
                                                 .print = failure_print, .fields = failure_fields,
                                                 .plain = failure_plain};

static bool never(struct object *self)
{
    return false;
}

static struct object *nothing(struct object *self)
{
    return NULL;
}

static const struct value_member success_members[] = {
    {"Error", true, 0, 0, .refused = "nil pointer evaluating error.Error"}};
static const struct value_class success_class = {.go_type = "error", .go_kind = "interface", .members = success_members,
                                                 .member_count = 1, .print = failure_print, .truth = never,
                                                 .boxed = nothing};

static bool read_into(struct object *self, struct value_call *call, const char *text, struct error *why)
{
    struct semver read;
    struct failure *failure = arena_new_of(call->arena, struct failure);
    if (text && semver_parse(call->arena, text, &read, why)) {
        *failure = (struct failure){{&success_class}, "<nil>"};
        ((struct version *)self)->semver = read;
    } else {
        *failure = (struct failure){{&failure_class}, arena_strdup(call->arena, error_text(why))};
    }
    error_clear(why);
    call->result = value_object(&failure->object);
    return true;
}

static bool version_unmarshal_text(struct object *self, struct value_call *call)
{
    struct slice text = value_slice(call->args[0]);
    struct error why = {0};
    return read_into(self, call, slice_dup(call->arena, text), &why);
}

static bool version_unmarshal_json(struct object *self, struct value_call *call)
{
    struct slice text = value_slice(call->args[0]);
    struct error why = {0};
    struct value read = VALUE_NULL;
    if (json_parse(call->arena, text.data, text.len, 0, &read, &why) && read.kind != V_STRING && read.kind != V_NULL)
        error_set(&why, ERROR_INVALID, "json: cannot unmarshal %s into Go value of type string", go_json_kind(read));
    return read_into(self, call, why.class ? NULL : value_str_or(read, ""), &why);
}

static bool version_scan(struct object *self, struct value_call *call)
{
    struct error why = {0};
    return read_into(self, call, value_str_or(call->args[0], ""), &why);
}

// Those of the pointer first: a version that is no pointer has only what follows.
#define POINTER_METHODS 10
static const struct value_member members[] = {
    {"Compare", true, 1, 1, version_compare, "V"},
    {"Equal", true, 1, 1, version_equal, "V"},
    {"GreaterThan", true, 1, 1, version_greater_than, "V"},
    {"GreaterThanEqual", true, 1, 1, version_greater_than_equal, "V"},
    {"LessThan", true, 1, 1, version_less_than, "V"},
    {"LessThanEqual", true, 1, 1, version_less_than_equal, "V"},
    {"Original", true, 0, 0, version_original},
    {"Scan", true, 1, 1, version_scan, "v"},
    {"UnmarshalJSON", true, 1, 1, version_unmarshal_json, "B"},
    {"UnmarshalText", true, 1, 1, version_unmarshal_text, "B"},
    {"IncMajor", true, 0, 0, version_inc_major},
    {"IncMinor", true, 0, 0, version_inc_minor},
    {"IncPatch", true, 0, 0, version_inc_patch},
    {"Major", true, 0, 0, version_major},
    {"MarshalJSON", true, 0, 0, version_marshal_json},
    {"MarshalText", true, 0, 0, version_marshal_text},
    {"Metadata", true, 0, 0, version_metadata},
    {"Minor", true, 0, 0, version_minor},
    {"Patch", true, 0, 0, version_patch},
    {"Prerelease", true, 0, 0, version_prerelease},
    {"SetMetadata", true, 1, 1, version_set_metadata, "s"},
    {"SetPrerelease", true, 1, 1, version_set_prerelease, "s"},
    {"String", true, 0, 0, version_string},
    {"Value", true, 0, 0, version_string},
};

static struct value version_fields(struct arena *a, struct object *self)
{
    const struct semver *v = semver_of(self);
    struct value fields = value_dict_fields(a);
    value_set(fields, "major", value_int_of(GO_UINT64, (int64_t)v->major));
    value_set(fields, "minor", value_int_of(GO_UINT64, (int64_t)v->minor));
    value_set(fields, "patch", value_int_of(GO_UINT64, (int64_t)v->patch));
    value_set(fields, "pre", value_string(v->pre));
    value_set(fields, "metadata", value_string(v->meta));
    value_set(fields, "original", value_string(v->original));
    return fields;
}

// Nobody else sees the fields, so a copy is without them.
static struct object *version_copied(struct arena *a, struct object *self)
{
    return version_new(a, self->class, (struct semver){.pre = "", .meta = "", .original = ""}).object;
}

static struct value version_plain(struct arena *a, struct object *self)
{
    return text_value(a, semver_of(self));
}

static bool version_equal_to(struct object *self, struct object *other)
{
    return strcmp(semver_of(self)->original, semver_of(other)->original) == 0;
}

static const struct value_class version_class = {.go_type = "*semver.Version", .go_kind = "ptr", .members = members,
                                                 .member_count = ARRAY_LEN(members), .print = version_print,
                                                 .fields = version_fields, .plain = version_plain,
                                                 .copied = version_copied, .equal = version_equal_to};
static const struct value_class version_value_class = {.go_type = "semver.Version", .go_kind = "struct",
                                                       .members = members + POINTER_METHODS,
                                                       .member_count = ARRAY_LEN(members) - POINTER_METHODS,
                                                       .print = version_print, .fields = version_fields,
                                                       .plain = version_plain, .copied = version_copied,
                                                       .equal = version_equal_to};

static bool parse_version(struct template_call *call, unsigned arg, struct semver *v)
{
    struct slice text = arg_text(call, arg);
    if (memchr(text.data, '\0', text.len))
        return sprig_fail(call, "invalid semantic version");
    return semver_parse(call->arena, text.data, v, call->err);
}

static bool fn_semver(struct template_call *call, struct value *result)
{
    struct semver v;
    if (!parse_version(call, 0, &v))
        return false;
    *result = version_new(call->arena, &version_class, v);
    return true;
}

static bool fn_semver_compare(struct template_call *call, struct value *result)
{
    struct semver v;
    struct slice text = arg_text(call, 0);
    if (memchr(text.data, '\0', text.len))
        return sprig_fail(call, "improper constraint: %s", text.data);
    struct semver_constraint *c = semver_constraint_parse(call->arena, text.data, call->err);
    if (!c || !parse_version(call, 1, &v))
        return false;
    *result = value_bool(semver_check(c, &v));
    return true;
}

static const struct template_func items[] = {
    {"semver", "s", fn_semver},
    {"semverCompare", "ss", fn_semver_compare},
};
const struct template_funcs sprig_semver = {.items = items, .count = ARRAY_LEN(items)};
