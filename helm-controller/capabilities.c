// capabilities.c - .Capabilities: Kubernetes version, API versions, and which Helm this is compatible with.

#include "scope.h"

#include <ctype.h>
#include <errno.h>

// What Helm v4.1.4 says of itself without a cluster: `helm template` prints these.
#define KUBE_VERSION "v1.35.0"
static const struct {
    const char *name, *json, *text;
} helm_version[] = {
    {"Version", "version", "v4.1.4"},
    {"GitCommit", "git_commit", "05fa37973dc9e42b76e1d2883494c87174b6074f"},
    {"GitTreeState", "git_tree_state", "clean"},
    {"GoVersion", "go_version", "go1.25.9"},
    {"KubeClientVersion", "kube_client_version", "v1.35"},
};

static const char *const default_api_versions[] = {
    "v1",
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1alpha1",
    "admissionregistration.k8s.io/v1beta1",
    "internal.apiserver.k8s.io/v1alpha1",
    "apps/v1",
    "apps/v1beta1",
    "apps/v1beta2",
    "authentication.k8s.io/v1",
    "authentication.k8s.io/v1alpha1",
    "authentication.k8s.io/v1beta1",
    "authorization.k8s.io/v1",
    "authorization.k8s.io/v1beta1",
    "autoscaling/v1",
    "autoscaling/v2",
    "autoscaling/v2beta1",
    "autoscaling/v2beta2",
    "batch/v1",
    "batch/v1beta1",
    "certificates.k8s.io/v1",
    "certificates.k8s.io/v1beta1",
    "certificates.k8s.io/v1alpha1",
    "coordination.k8s.io/v1alpha2",
    "coordination.k8s.io/v1beta1",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "discovery.k8s.io/v1beta1",
    "events.k8s.io/v1",
    "events.k8s.io/v1beta1",
    "extensions/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
    "networking.k8s.io/v1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1beta1",
    "rbac.authorization.k8s.io/v1alpha1",
    "resource.k8s.io/v1",
    "resource.k8s.io/v1beta2",
    "resource.k8s.io/v1beta1",
    "resource.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1alpha1",
    "scheduling.k8s.io/v1beta1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1beta1",
    "storage.k8s.io/v1",
    "storage.k8s.io/v1alpha1",
    "storagemigration.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1",
};

struct render_capabilities render_default_capabilities(void)
{
    return (struct render_capabilities){.kube_version = KUBE_VERSION,
                                        .kube_constraint = KUBE_VERSION,
                                        .kube_major = "1",
                                        .kube_minor = "35",
                                        .api_versions = default_api_versions,
                                        .api_version_count = ARRAY_LEN(default_api_versions)};
}

// apimachinery's ParseGeneric: white space, "v", then at least two numbers with dots between; what follows the last is ignored.
bool render_parse_kube_version(struct arena *a, const char *text, struct render_capabilities *caps, struct error *err)
{
    struct buf normal = BUF_IN(a);
    const char *p = text + strspn(text, " \t\n\f\r");
    p += *p == 'v';
    if (!isdigit((unsigned char)*p))
        return error_set(err, ERROR_INVALID, "could not parse %s as version", go_quoted_str(a, text));
    VEC(const char *) parts = {0};
    for (size_t len;; p += len + 1) {
        len = strspn(p, "0123456789");
        vec_push(a, &parts, (const char *)arena_strndup(a, p, len));
        if (p[len] != '.' || !isdigit((unsigned char)p[len + 1]))
            break;
    }
    if (parts.len < 2)
        return error_set(err, ERROR_INVALID, "illegal version string %s", go_quoted_str(a, text));
    if (parts.items[0][0] == '0' && parts.items[0][1])
        return error_set(err, ERROR_INVALID, "illegal zero-prefixed version component \"%s\" in %s", parts.items[0],
                         go_quoted_str(a, text));
    for (size_t i = 0; i < parts.len; i++) {
        errno = 0;
        unsigned long long number = strtoull(parts.items[i], NULL, 10);
        if (errno)
            return error_set(err, ERROR_INVALID,
                             "illegal non-numeric version component \"%s\" in %s: strconv.ParseUint: parsing \"%s\": value "
                             "out of range",
                             parts.items[i], go_quoted_str(a, text), parts.items[i]);
        parts.items[i] = arena_printf(a, "%llu", number);
        buf_printf(&normal, "%s%s", i ? "." : "v", parts.items[i]);
    }
    caps->kube_version = *text == 'v' ? text : arena_printf(a, "v%s", text);
    caps->kube_constraint = buf_cstr(&normal);
    caps->kube_major = parts.items[0];
    caps->kube_minor = parts.items[1];
    return true;
}

// ---- the objects --------------------------------------------------------------------------------------------------

struct kube {
    struct object base;
    const struct render_capabilities *caps;
    const char *normal; // the version as it was understood; deepCopy, which does not see it, loses it
};
struct capabilities {
    struct object base, helm;
    struct kube kube, kube_value; // the second: what is left of the first in an interface
    struct value versions; // Has is its method: see template/methods.c
    const struct render_capabilities *caps;
};
#define OWNER(member, self) ((struct capabilities *)((char *)(self) - offsetof(struct capabilities, member)))

// .Capabilities.KubeVersion

static const struct render_capabilities *kube_caps(const struct object *self)
{
    return ((const struct kube *)self)->caps;
}
static const char *kube_normal(const struct object *self)
{
    return ((const struct kube *)self)->normal;
}
static const char *kube_own_text(const struct object *self)
{
    return *kube_normal(self) ? kube_normal(self) : kube_caps(self)->kube_version;
}

static bool kube_version(struct object *self, struct value_call *call)
{
    call->result = value_string(kube_caps(self)->kube_version);
    return true;
}
static bool kube_string(struct object *self, struct value_call *call)
{
    call->result = value_string(kube_own_text(self));
    return true;
}
static bool kube_major(struct object *self, struct value_call *call)
{
    call->result = value_string(kube_caps(self)->kube_major);
    return true;
}
static bool kube_minor(struct object *self, struct value_call *call)
{
    call->result = value_string(kube_caps(self)->kube_minor);
    return true;
}
static void kube_text(struct buf *out, struct object *self)
{
    buf_str(out, kube_own_text(self));
}
static struct value kube_fields(struct arena *a, struct object *self)
{
    const struct render_capabilities *caps = kube_caps(self);
    struct value v = value_dict_fields(a);
    value_set_str(v, "Version", caps->kube_version);
    value_set_str(v, "normalizedVersion", kube_normal(self));
    value_set_str(v, "Major", caps->kube_major);
    value_set_str(v, "Minor", caps->kube_minor);
    return v;
}
static struct value kube_plain(struct arena *a, struct object *self)
{
    const struct render_capabilities *caps = kube_caps(self);
    struct value v = value_dict_fields(a);
    value_set_str(v, "Version", caps->kube_version);
    value_set_str(v, "Major", caps->kube_major);
    value_set_str(v, "Minor", caps->kube_minor);
    return v;
}

static struct object *kube_boxed(struct object *self)
{
    return &OWNER(kube, self)->kube_value.base;
}

#define KUBE_FIELDS                                                                                                    \
    {"Version", false, 0, 0, kube_version}, {"Major", false, 0, 0, kube_major}, {"Minor", false, 0, 0, kube_minor}
static const struct value_member kube_members[] = {
    KUBE_FIELDS,
    {"String", true, 0, 0, kube_string},
    {"GitVersion", true, 0, 0, kube_version},
};
static const struct value_class kube_class = {.go_type = "common.KubeVersion",
                                              .go_kind = "struct",
                                              .members = kube_members,
                                              .member_count = ARRAY_LEN(kube_members),
                                              .fields = kube_fields,
                                              .text = kube_text,
                                              .boxed = kube_boxed,
                                              .plain = kube_plain};
static struct object *kube_copied(struct arena *a, struct object *self)
{
    struct kube *copy = arena_new_of(a, struct kube);
    *copy = (struct kube){*self, kube_caps(self), ""};
    return &copy->base;
}
static const struct value_member kube_value_members[] = {KUBE_FIELDS};
static const struct value_class kube_value_class = {.go_type = "common.KubeVersion",
                                                    .go_kind = "struct",
                                                    .members = kube_value_members,
                                                    .member_count = ARRAY_LEN(kube_value_members),
                                                    .fields = kube_fields,
                                                    .copied = kube_copied,
                                                    .plain = kube_plain};

// .Capabilities.HelmVersion

#define HELM_FIELD(index)                                                                                              \
    static bool helm_field_##index(struct object *self, struct value_call *call)                                       \
    {                                                                                                                  \
        call->result = value_string(helm_version[index].text);                                                         \
        return true;                                                                                                   \
    }
HELM_FIELD(0)
HELM_FIELD(1)
HELM_FIELD(2)
HELM_FIELD(3)
HELM_FIELD(4)

static struct value helm_fields(struct arena *a, struct object *self)
{
    struct value v = value_dict_fields(a);
    for (size_t i = 0; i < ARRAY_LEN(helm_version); i++)
        value_set_str(v, helm_version[i].name, helm_version[i].text);
    return v;
}
static struct value helm_plain(struct arena *a, struct object *self)
{
    struct value v = value_dict_fields(a);
    for (size_t i = 0; i < ARRAY_LEN(helm_version); i++)
        value_set_str(v, helm_version[i].json, helm_version[i].text);
    return v;
}
static const struct value_member helm_members[] = {
    {"Version", false, 0, 0, helm_field_0},      {"GitCommit", false, 0, 0, helm_field_1},
    {"GitTreeState", false, 0, 0, helm_field_2}, {"GoVersion", false, 0, 0, helm_field_3},
    {"KubeClientVersion", false, 0, 0, helm_field_4},
};
static const struct value_class helm_class = {.go_type = "version.BuildInfo",
                                              .go_kind = "struct",
                                              .members = helm_members,
                                              .member_count = ARRAY_LEN(helm_members),
                                              .fields = helm_fields,
                                              .plain = helm_plain};

// .Capabilities

static bool caps_kube(struct object *self, struct value_call *call)
{
    call->result = value_object(&OWNER(base, self)->kube.base);
    return true;
}
static bool caps_versions(struct object *self, struct value_call *call)
{
    call->result = OWNER(base, self)->versions;
    return true;
}
static bool caps_helm(struct object *self, struct value_call *call)
{
    call->result = value_object(&OWNER(base, self)->helm);
    return true;
}
static struct value caps_plain(struct arena *a, struct object *self)
{
    struct capabilities *c = OWNER(base, self);
    struct value v = value_dict_fields(a);
    value_set(v, "KubeVersion", kube_plain(a, &c->kube.base));
    value_set(v, "APIVersions", c->versions);
    value_set(v, "HelmVersion", helm_plain(a, &c->helm));
    return v;
}
static struct value caps_fields(struct arena *a, struct object *self)
{
    struct capabilities *c = OWNER(base, self);
    struct value v = value_dict_fields(a);
    value_set(v, "KubeVersion", value_object(&c->kube_value.base));
    value_set(v, "APIVersions", c->versions);
    value_set(v, "HelmVersion", value_object(&c->helm));
    return v;
}
static struct value caps_new(struct arena *a, const struct render_capabilities *caps, const char *normal,
                             struct value versions);

static bool caps_copy(struct object *self, struct value_call *call)
{
    struct capabilities *c = OWNER(base, self);
    call->result = caps_new(call->arena, c->caps, c->kube.normal, c->versions);
    return true;
}
static struct object *caps_copied(struct arena *a, struct object *self)
{
    struct capabilities *c = OWNER(base, self);
    return caps_new(a, c->caps, "", value_copy(a, c->versions)).object;
}
static const struct value_member caps_members[] = {
    {"KubeVersion", false, 0, 0, caps_kube},
    {"APIVersions", false, 0, 0, caps_versions},
    {"HelmVersion", false, 0, 0, caps_helm},
    {"Copy", true, 0, 0, caps_copy},
};
static const struct value_class caps_class = {.go_type = "*common.Capabilities",
                                              .go_kind = "ptr",
                                              .members = caps_members,
                                              .member_count = ARRAY_LEN(caps_members),
                                              .fields = caps_fields,
                                              .copied = caps_copied,
                                              .address = true,
                                              .plain = caps_plain};

static struct value caps_new(struct arena *a, const struct render_capabilities *caps, const char *normal,
                             struct value versions)
{
    struct capabilities *c = arena_new_of(a, struct capabilities);
    *c = (struct capabilities){.base = {&caps_class}, .helm = {&helm_class}, .kube = {{&kube_class}, caps, normal},
                               .kube_value = {{&kube_value_class}, caps, normal}, .versions = versions, .caps = caps};
    return value_object(&c->base);
}

struct value scope_capabilities(struct arena *a, const struct render_capabilities *caps)
{
    struct value versions = value_list_typed(a, "common.VersionSet");
    for (size_t i = 0; i < caps->api_version_count; i++)
        value_push(versions, value_string(caps->api_versions[i]));
    return caps_new(a, caps, str_or(caps->kube_constraint, caps->kube_version), versions);
}
