// imagepolicy.c - ImagePolicy: elects one of the tags in the database, and reflects its digest where that is asked for.
#include "image.h"

#include "policy.h"
#include "tags.h"

#define REASON_INVALID_POLICY "InvalidPolicy"
#define REASON_FAILED "Failed"

// ---- the repository and who may use it ----------------------------------------------------------------------------

static const char *repository_namespace(struct value policy)
{
    return value_str_or(value_path(policy, "spec.imageRepositoryRef.namespace"), kube_namespace(policy));
}

// spec.accessFrom of the ImageRepository, against the labels of the policy's namespace.
static bool may_access(struct reconcile *r, struct value repository, struct error *err)
{
    struct value selectors = value_path(repository, "spec.accessFrom.namespaceSelectors"), namespace;
    const char *there = kube_namespace(repository), *name = kube_name(repository);
    if (str_eq(there, r->namespace))
        return true;
    if (!value_is(value_path(repository, "spec.accessFrom"), V_DICT))
        return error_set(err, ERROR_DENIED,
                         "access denied: '%s/%s' can't be accessed due to missing ACL labels on 'accessFrom'", there,
                         name);
    if (!kube_get(r->kube, r->arena, (struct kube_ref){"v1", "Namespace", NULL, r->namespace}, &namespace, err))
        return error_wrap(err, "access denied");
    struct value labels = value_path(namespace, "metadata.labels");
    for (size_t i = 0; i < value_len(selectors); i++)
        if (selector_matches(value_at(selectors, i), labels))
            return true;
    return error_set(err, ERROR_DENIED,
                     "access denied: '%s/%s' can't be accessed due to ACL labels mismatch on namespace '%s'", there,
                     name, r->namespace);
}

static bool get_repository(struct reconcile *r, struct value *out, struct error *err)
{
    const char *namespace = repository_namespace(r->object),
               *name = value_str_or(value_path(r->spec, "imageRepositoryRef.name"), "");
    if (!str_eq(namespace, r->namespace) && app_flag_bool(r->app, "no-cross-namespace-refs"))
        return error_set(err, ERROR_DENIED,
                         "cannot access 'ImageRepository/%s/%s', cross-namespace references have been blocked",
                         namespace, name);
    if (!reconcile_get(r, (struct kube_ref){IMAGE_API, "ImageRepository", namespace, name}, out, err))
        return err->class == ERROR_NOT_FOUND ? error_wrap(err, "referenced ImageRepository does not exist") : false;
    return may_access(r, *out, err);
}

static struct result no_repository(struct reconcile *r, struct error *err)
{
    const char *reason = err->class == ERROR_DENIED      ? REASON_ACCESS_DENIED
                         : err->class == ERROR_NOT_FOUND ? REASON_DEPENDENCY_NOT_READY
                                                         : REASON_FAILURE;
    error_wrap(err, "failed to get the referred ImageRepository");
    return result_failed(r, reason, err);
}

// ---- the digest ---------------------------------------------------------------------------------------------------

static const char *reflection(struct reconcile *r)
{
    return value_str_or(value_get(r->spec, "digestReflectionPolicy"), "Never");
}

static bool fetch_digest(struct reconcile *r, struct value repository, const struct oci_reference *image,
                         const char *tag, const char **digest, struct error *err)
{
    struct oci *registry = NULL;
    if (!image_registry(r, repository, image, &registry, err))
        return error_wrap(err, "failed to configure authentication options");
    bool fine = oci_resolve(registry, r->arena, tag, digest, err);
    oci_free(registry);
    return fine;
}

// ---- the result ---------------------------------------------------------------------------------------------------

static const char *ref_text(struct arena *a, struct value ref)
{
    const char *digest = value_str_or(value_get(ref, "digest"), "");
    return arena_printf(a, "%s:%s%s%s", value_str_or(value_get(ref, "name"), ""),
                        value_str_or(value_get(ref, "tag"), ""), *digest ? "@" : "", digest);
}

static bool update_refs(struct reconcile *r, struct value repository, const struct oci_reference *image,
                        const char *tag, struct error *err)
{
    struct value old = value_get(r->status, "latestRef"), latest = value_dict(r->arena);
    const char *digest = value_str_or(value_get(old, "digest"), NULL);
    value_set(latest, "name", value_path(repository, "spec.image"));
    value_set_str(latest, "tag", tag);
    bool same =
        value_equal(value_get(old, "name"), value_get(latest, "name")) && str_eq(value_str(value_get(old, "tag")), tag);
    bool always = str_eq(reflection(r), "Always"), once = str_eq(reflection(r), "IfNotPresent");
    if ((always || (once && (!same || str_empty(digest)))) && !fetch_digest(r, repository, image, tag, &digest, err))
        return error_wrap(err, "failed fetching digest of %s", ref_text(r->arena, latest));
    if (always || once)
        value_set_str(latest, "digest", digest);
    if (value_equal(old, latest))
        return true;
    if (value_is(old, V_DICT))
        value_set(r->status, "observedPreviousRef", old);
    value_set(r->status, "latestRef", latest);
    reconcile_announce(r, BUS_POLICY, ref_text(r->arena, latest), NULL);
    return true;
}

static const char *ready_message(struct reconcile *r)
{
    struct value latest = value_get(r->status, "latestRef"), before = value_get(r->status, "observedPreviousRef");
    const char *digest = value_str_or(value_get(latest, "digest"), "");
    const char *message = arena_printf(
        r->arena, "Latest image tag for %s resolved to %s%s%s", value_str_or(value_get(latest, "name"), ""),
        value_str_or(value_get(latest, "tag"), ""), *digest ? " with digest " : "", digest);
    if (!value_is(before, V_DICT) || value_equal(latest, before))
        return message;
    return arena_printf(r->arena, "%s (previously %s)", message, ref_text(r->arena, before));
}

// Of the tags of the image that the spec names: those of the one before it are no choice, and there are none (count 0)
// until the new one has been scanned.
static bool elect(struct reconcile *r, struct value repository, const char *image, const char **tag, size_t *count,
                  struct error *err)
{
    const struct image_app *app = app_data(r->app);
    const struct tag_key key = {app->storage, kube_namespace(repository), kube_name(repository)};
    const char **tags;
    if (!tags_load(r->arena, &key, image, &tags, count, err))
        return error_wrap(err, "failed to read tags from database");
    return *count == 0 || policy_latest(r->arena, value_get(r->spec, "policy"), value_get(r->spec, "filterTags"), tags,
                                        *count, tag, err);
}

static struct result reconcile_image_policy(struct reconcile *r)
{
    struct error err cleanup(error_clear) = {0};
    struct value repository;
    struct oci_reference image;
    const char *tag = NULL;
    size_t count = 0;
    if (r->deleting)
        return result_finalized(r);
    if (!get_repository(r, &repository, &err))
        return no_repository(r, &err);
    if (!image_name_parse(r->arena, value_str(value_path(repository, "spec.image")), &image, &err))
        return result_stalled(r, REASON_IMAGE_URL_INVALID, "%s", error_text(&err));
    if (!elect(r, repository, image.name, &tag, &count, &err))
        return err.class == ERROR_INVALID ? result_stalled(r, REASON_INVALID_POLICY, "%s", error_text(&err))
                                          : result_failed(r, REASON_FAILURE, &err);
    if (count == 0) {
        int64_t after_ms = app_flag_ms(r->app, "requeue-dependency");
        return result_wait(r, after_ms, "False", REASON_DEPENDENCY_NOT_READY,
                           "retrying in %s error: no tags in database", duration_format(r->arena, after_ms * 1000000));
    }
    if (!update_refs(r, repository, &image, tag, &err))
        return result_failed(r, REASON_FAILED, &err);
    return result_ready(r, "Succeeded", "%s", ready_message(r));
}

// ---- the table ----------------------------------------------------------------------------------------------------

struct search { // for the policies of a repository
    struct value repository;
    struct queue_keys *keys;
};

static bool visit(void *ctx, struct value policy)
{
    struct search *s = ctx;
    if (str_eq(repository_namespace(policy), kube_namespace(s->repository)) &&
        str_eq(value_str(value_path(policy, "spec.imageRepositoryRef.name")), kube_name(s->repository)))
        queue_keys_add(s->keys, kube_namespace(policy), kube_name(policy));
    return true;
}

// A change of the repository that can change what is elected: its tags, its image, who may use it.
static void map_repository(struct app *app, struct informer *own, struct value old, struct value object,
                           struct arena *scratch, struct queue_keys *keys)
{
    static const char *const paths[] = {"status.lastScanResult.revision", "status.canonicalImageName",
                                        "metadata.generation"};
    struct search search = {object, keys};
    struct arena *each cleanup(cleanup_arena) = arena_new();
    bool changed = value_is_null(old);
    for (size_t i = 0; i < ARRAY_LEN(paths) && !changed; i++)
        changed = !value_equal(value_path(old, paths[i]), value_path(object, paths[i]));
    if (changed)
        informer_search(own, each, NULL, arena_printf(scratch, "\"%s\"", kube_name(object)), visit, &search);
}

static const struct controller_map maps[] = {
    {.api_version = IMAGE_API, .kind = "ImageRepository", .map = map_repository},
};

static bool interval_only_with_always(struct value self)
{
    return value_is_null(value_get(self, "interval")) ||
           str_eq(value_str(value_get(self, "digestReflectionPolicy")), "Always");
}

static bool always_only_with_interval(struct value self)
{
    return !value_is_null(value_get(self, "interval")) ||
           !str_eq(value_str(value_get(self, "digestReflectionPolicy")), "Always");
}

static const struct schema_rule rules[] = {
    {"!has(self.interval) || (has(self.digestReflectionPolicy) && self.digestReflectionPolicy == 'Always')",
     interval_only_with_always},
    {"has(self.interval) || !has(self.digestReflectionPolicy) || self.digestReflectionPolicy != 'Always'",
     always_only_with_interval},
};

static const struct field fields[] = {
    {"imageRepositoryRef", FIELD_WORKS, NULL, NULL}, {"policy", FIELD_WORKS, NULL, NULL},
    {"filterTags", FIELD_WORKS, NULL, NULL},         {"digestReflectionPolicy", FIELD_WORKS, NULL, NULL},
    {"interval", FIELD_WORKS, NULL, NULL},           {"suspend", FIELD_WORKS, NULL, NULL},
};

const struct controller_kind image_policy_kind = {
    .api_version = IMAGE_API,
    .kind = "ImagePolicy",
    .reconcile = reconcile_image_policy,
    .maps = maps,
    .map_count = ARRAY_LEN(maps),
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .schema = &schema_ImagePolicy,
    .rules = rules,
    .rule_count = ARRAY_LEN(rules),
};
