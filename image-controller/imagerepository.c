// imagerepository.c - ImageRepository: scans a registry for an image's tags and keeps them in the tag database.
#include "image.h"

#include "regex/regex.h"
#include "tags.h"

#define LATEST_TAGS 10
#define DEFAULT_EXCLUSION "^.*\\.sig$"
#define NO_TAGS "no tags in database"
#define REASON_AUTHENTICATION_FAILED "AuthenticationFailed"
#define REASON_READ_FAILED "ReadOperationFailed"

// ---- when to scan -------------------------------------------------------------------------------------------------

// The CRD's default stands for an empty list too.
static struct value exclusion_list(struct reconcile *r)
{
    struct value list = value_get(r->spec, "exclusionList");
    if (value_len(list))
        return list;
    list = value_list(r->arena);
    value_push(list, value_string(DEFAULT_EXCLUSION));
    return list;
}

static bool same_content(struct value a, struct value b)
{
    if (value_len(a) != value_len(b))
        return false;
    for (size_t i = 0; i < value_len(a); i++) {
        bool found = false;
        for (size_t j = 0; j < value_len(b) && !found; j++)
            found = value_equal(value_at(a, i), value_at(b, j));
        if (!found)
            return false;
    }
    return true;
}

static struct tag_key key_of(struct reconcile *r)
{
    const struct image_app *app = app_data(r->app);
    return (struct tag_key){app->storage, r->namespace, r->name};
}

// Why it is time to scan, in Flux's words; NULL: not yet, *after_ms says when.
static const char *scan_reason(struct reconcile *r, const char *image, int64_t *after_ms)
{
    struct value before = value_get(r->object, "status"), scan = value_get(before, "lastScanResult");
    const char *requested = kube_annotation(r->object, REQUESTED_AT);
    int64_t scanned_us, interval = reconcile_interval_ms(r);
    const char **tags;
    size_t count;
    struct error ignored cleanup(error_clear) = {0};
    const struct tag_key key = key_of(r);
    if (!value_is(scan, V_DICT))
        return "first scan";
    if (requested && !str_eq(requested, value_str(value_get(before, "lastHandledReconcileAt"))))
        return "reconcile requested";
    // A request counts as handled when its scan failed, too: without this the next reconcile would call that a success.
    if (!condition_is_true(before, "Ready"))
        return "last scan failed";
    if (!str_eq(image, value_str(value_get(before, "canonicalImageName"))))
        return "new image name";
    if (!same_content(exclusion_list(r), value_get(before, "observedExclusionList")))
        return "updated exclusion list";
    if (!tags_load(r->arena, &key, image, &tags, &count, &ignored) || count == 0)
        return NO_TAGS;
    if (!time_parse_rfc3339(value_str_or(value_get(scan, "scanTime"), ""), &scanned_us))
        return "triggered by interval";
    *after_ms = interval - (clock_wall_us() - scanned_us) / 1000;
    if (*after_ms > interval)
        *after_ms = interval; // the clock was set back
    return *after_ms < 1000 ? "triggered by interval" : NULL;
}

// ---- scanning -----------------------------------------------------------------------------------------------------

static bool compile_exclusions(struct reconcile *r, const struct regex ***out, size_t *count, struct error *err)
{
    struct value list = exclusion_list(r);
    *count = value_len(list);
    *out = arena_array(r->arena, const struct regex *, *count);
    for (size_t i = 0; i < *count; i++) {
        struct slice pattern = value_slice(value_at(list, i));
        (*out)[i] = regex_cached(pattern.data, pattern.len, err);
        if (!(*out)[i])
            return error_wrap(err, "failed to compile regex %.*s", SLICE_ARG(pattern));
    }
    return true;
}

static size_t exclude(const char **tags, size_t count, const struct regex *const *patterns, size_t pattern_count)
{
    size_t kept = 0;
    for (size_t t = 0; t < count; t++) {
        bool excluded = false;
        for (size_t i = 0; i < pattern_count && !excluded; i++)
            excluded = regex_is_match(patterns[i], slice_of(tags[t]));
        if (!excluded)
            tags[kept++] = tags[t];
    }
    return kept;
}

static bool scan(struct reconcile *r, struct oci *registry, const char *image, struct error *err)
{
    const struct regex **patterns;
    const char **tags, *checksum;
    size_t count, pattern_count;
    const struct tag_key key = key_of(r);
    if (!compile_exclusions(r, &patterns, &pattern_count, err) || !oci_tags(registry, r->arena, &tags, &count, err))
        return false;
    count = exclude(tags, count, patterns, pattern_count);
    if (!tags_store(r->arena, &key, image, tags, count, &checksum, err))
        return error_wrap(err, "failed to set tags for \"%s\"", image);
    struct value result = value_dict(r->arena), latest = value_list(r->arena);
    char now[RFC3339_LEN];
    time_rfc3339(clock_wall_s(), now);
    for (size_t i = 0; i < count && i < LATEST_TAGS; i++)
        value_push(latest, value_string(tags[i]));
    if (count)
        value_set(result, "latestTags", latest);
    value_set_str(result, "revision", checksum);
    value_set_str(result, "scanTime", now);
    value_set(result, "tagCount", value_int((int64_t)count));
    value_set(r->status, "lastScanResult", result);
    return true;
}

// Flux's reason for the failure of a scan; what the registry says about credentials has the same one there.
static struct result scan_now(struct reconcile *r, const struct oci_reference *image, const char *why)
{
    struct error err cleanup(error_clear) = {0};
    struct oci *registry = NULL;
    if (!image_registry(r, r->object, image, &registry, &err)) {
        error_wrap(&err, "failed to configure authentication options");
        return result_failed(r, REASON_AUTHENTICATION_FAILED, &err);
    }
    // Without its database the repository is not ready until it has one again. One whose image has no tags lost
    // nothing.
    bool lost = str_eq(why, NO_TAGS) && value_int_or(value_path(r->status, "lastScanResult.tagCount"), 0) > 0;
    if (lost) {
        condition_set(r, "Ready", "Unknown", "Progressing", "scanning: %s", why);
        condition_set(r, "Reconciling", "True", "Progressing", "scanning: %s", why);
    }
    bool fine = (!lost || status_flush(r, &err)) && scan(r, registry, image->name, &err);
    oci_free(registry);
    if (!fine) {
        error_wrap(&err, "scan failed");
        return result_failed(r, REASON_READ_FAILED, &err);
    }
    return (struct result){.kind = RESULT_READY};
}

static struct result reconcile_image_repository(struct reconcile *r)
{
    struct error err cleanup(error_clear) = {0};
    const struct tag_key key = key_of(r);
    if (r->deleting)
        return tags_delete(r->arena, &key, &err) ? result_finalized(r) : result_failed(r, REASON_FAILURE, &err);
    struct oci_reference image;
    if (!image_name_parse(r->arena, value_str(value_get(r->spec, "image")), &image, &err))
        return result_stalled(r, REASON_IMAGE_URL_INVALID, "%s", error_text(&err));
    int64_t after_ms = 0;
    const char *why = scan_reason(r, image.name, &after_ms);
    if (why) {
        log_debug("scanning", LOG_S("reason", why));
        struct result scanned = scan_now(r, &image, why);
        if (scanned.kind != RESULT_READY)
            return scanned;
    }
    value_set_str(r->status, "canonicalImageName", image.name);
    value_set(r->status, "observedExclusionList", exclusion_list(r));
    struct value result_status = value_get(r->status, "lastScanResult");
    struct result ready = result_ready(r, "Succeeded", "successful scan: found %d tags with checksum %s",
                                       (int)value_int_or(value_get(result_status, "tagCount"), 0),
                                       value_str_or(value_get(result_status, "revision"), ""));
    ready.after_ms = after_ms; // no scan: at the time of the next one; 0: the interval
    return ready;
}

static const struct field fields[] = {
    {"image", FIELD_WORKS, NULL, NULL},
    {"interval", FIELD_WORKS, NULL, NULL},
    {"timeout", FIELD_WORKS, NULL, NULL},
    {"secretRef", FIELD_WORKS, NULL, "kubernetes.io/dockerconfigjson"},
    {"serviceAccountName", FIELD_WORKS, NULL, "its imagePullSecrets"},
    {"certSecretRef", FIELD_WORKS, NULL, NULL},
    {"proxySecretRef", FIELD_WORKS, NULL, NULL},
    {"insecure", FIELD_WORKS, NULL, NULL},
    {"exclusionList", FIELD_WORKS, NULL, NULL},
    {"accessFrom", FIELD_WORKS, NULL, "checked by the ImagePolicies that refer to it"},
    {"suspend", FIELD_WORKS, NULL, NULL},
    {"provider", FIELD_REFUSED, "\"generic\"", "aws, azure and gcp need their clouds' token services"},
};

const struct controller_kind image_repository_kind = {
    .api_version = IMAGE_API,
    .kind = "ImageRepository",
    .reconcile = reconcile_image_repository,
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .schema = &schema_ImageRepository,
};
