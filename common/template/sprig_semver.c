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

static bool version_major(struct object *self, struct value_call *call)
{
    call->result = value_int_of(GO_UINT64, (int64_t)semver_of(self)->major);
    return true;
}

static bool version_minor(struct object *self, struct value_call *call)
{
    call->result = value_int_of(GO_UINT64, (int64_t)semver_of(self)->minor);
    return true;
}

static bool version_patch(struct object *self, struct value_call *call)
{
    call->result = value_int_of(GO_UINT64, (int64_t)semver_of(self)->patch);
    return true;
}

static bool version_prerelease(struct object *self, struct value_call *call)
{
    call->result = value_string(semver_of(self)->pre);
    return true;
}

static bool version_metadata(struct object *self, struct value_call *call)
{
    call->result = value_string(semver_of(self)->meta);
    return true;
}

static bool version_original(struct object *self, struct value_call *call)
{
    call->result = value_string(semver_of(self)->original);
    return true;
}

static bool version_string(struct object *self, struct value_call *call)
{
    call->result = value_string(semver_string(call->arena, semver_of(self)));
    return true;
}

// The version given as argument, compared with this one.
static bool compare_arg(struct object *self, struct value_call *call, int *order)
{
    struct value other = call->args[0];
    if (other.kind != V_OBJECT || other.object->class != &version_class)
        return error_set(call->err, ERROR_INVALID, "wrong type for value; expected *semver.Version; got %s",
                         value_go_type(other));
    *order = semver_compare(semver_of(self), semver_of(other.object));
    return true;
}

static bool version_compare(struct object *self, struct value_call *call)
{
    int order;
    if (!compare_arg(self, call, &order))
        return false;
    call->result = value_int_of(GO_INT, order);
    return true;
}

static bool version_equal(struct object *self, struct value_call *call)
{
    int order;
    if (!compare_arg(self, call, &order))
        return false;
    call->result = value_bool(order == 0);
    return true;
}

static bool version_less_than(struct object *self, struct value_call *call)
{
    int order;
    if (!compare_arg(self, call, &order))
        return false;
    call->result = value_bool(order < 0);
    return true;
}

static bool version_less_than_equal(struct object *self, struct value_call *call)
{
    int order;
    if (!compare_arg(self, call, &order))
        return false;
    call->result = value_bool(order <= 0);
    return true;
}

static bool version_greater_than(struct object *self, struct value_call *call)
{
    int order;
    if (!compare_arg(self, call, &order))
        return false;
    call->result = value_bool(order > 0);
    return true;
}

static bool version_greater_than_equal(struct object *self, struct value_call *call)
{
    int order;
    if (!compare_arg(self, call, &order))
        return false;
    call->result = value_bool(order >= 0);
    return true;
}

// The next version of one kind, without pre-release and metadata; the prefix "v" stays in the original.
static bool next_version(struct object *self, struct value_call *call, uint64_t major, uint64_t minor, uint64_t patch)
{
    bool prefixed = semver_of(self)->original[0] == 'v';
    struct semver next = {.major = major, .minor = minor, .patch = patch, .pre = "", .meta = ""};
    next.original = arena_printf(call->arena, "%s%s", prefixed ? "v" : "", semver_string(call->arena, &next));
    call->result = version_new(call->arena, &version_value_class, next);
    return true;
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

// Those of the pointer first: a version that is no pointer has only what follows.
#define POINTER_METHODS 7
static const struct value_member members[] = {
    {"Compare", true, 1, 1, version_compare},
    {"Equal", true, 1, 1, version_equal},
    {"GreaterThan", true, 1, 1, version_greater_than},
    {"GreaterThanEqual", true, 1, 1, version_greater_than_equal},
    {"LessThan", true, 1, 1, version_less_than},
    {"LessThanEqual", true, 1, 1, version_less_than_equal},
    {"Original", true, 0, 0, version_original},
    {"IncMajor", true, 0, 0, version_inc_major},
    {"IncMinor", true, 0, 0, version_inc_minor},
    {"IncPatch", true, 0, 0, version_inc_patch},
    {"Major", true, 0, 0, version_major},
    {"Metadata", true, 0, 0, version_metadata},
    {"Minor", true, 0, 0, version_minor},
    {"Patch", true, 0, 0, version_patch},
    {"Prerelease", true, 0, 0, version_prerelease},
    {"String", true, 0, 0, version_string},
};

static struct value version_plain(struct arena *a, struct object *self)
{
    return value_string(semver_string(a, semver_of(self)));
}

static bool version_equal_to(struct object *self, struct object *other)
{
    return strcmp(semver_of(self)->original, semver_of(other)->original) == 0;
}

static const struct value_class version_class = {.go_type = "*semver.Version", .go_kind = "ptr", .members = members,
                                                 .member_count = ARRAY_LEN(members), .print = version_print,
                                                 .plain = version_plain, .equal = version_equal_to};
static const struct value_class version_value_class = {.go_type = "semver.Version", .go_kind = "struct",
                                                       .members = members + POINTER_METHODS,
                                                       .member_count = ARRAY_LEN(members) - POINTER_METHODS,
                                                       .print = version_print, .plain = version_plain,
                                                       .equal = version_equal_to};

static bool fn_semver(struct template_call *call, struct value *result)
{
    struct semver v;
    if (!semver_parse(call->arena, call->args[0].data, &v, call->err))
        return false;
    *result = version_new(call->arena, &version_class, v);
    return true;
}

static bool fn_semver_compare(struct template_call *call, struct value *result)
{
    struct semver v;
    struct semver_constraint *c = semver_constraint_parse(call->arena, call->args[0].data, call->err);
    if (!c || !semver_parse(call->arena, call->args[1].data, &v, call->err))
        return false;
    *result = value_bool(semver_check(c, &v));
    return true;
}

static const struct template_func items[] = {
    {"semver", "s", fn_semver},
    {"semverCompare", "ss", fn_semver_compare},
};
const struct template_funcs sprig_semver = {.items = items, .count = ARRAY_LEN(items)};
