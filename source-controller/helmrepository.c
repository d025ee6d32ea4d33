// helmrepository.c - HelmRepository: the index of an HTTP(S) repository, checked and kept as JSON.
//
// Those of type oci are static: nothing is done with them here.
#include "chart/chart.h"
#include "helm_client.h"

#define KIND "HelmRepository"

// The index as JSON, which a HelmChart reads in a fraction of the time, and which is checked in that form: large
// indexes are large trees, and YAML is slow.
static bool index_to_json(struct slice index, struct buf *json, struct error *err)
{
    struct arena *scratch cleanup(cleanup_arena) = arena_new();
    struct value document;
    if (index.len && !yaml_parse(scratch, index.data, index.len, YAML_UNIQUE_KEYS, &document, err))
        return error_wrap(err, "error converting YAML to JSON");
    if (index.len)
        json_write(json, document, 0);
    arena_free(scratch); // never two trees at a time
    scratch = arena_new();
    return chart_index_parse(scratch, buf_view(json), err) != NULL;
}

// As docker's units.HumanSize, which Flux prints: four digits, powers of a thousand.
static const char *human_size(struct arena *a, int64_t size)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double n = (double)size;
    size_t unit = 0;
    for (; n >= 1000 && unit + 1 < ARRAY_LEN(units); unit++)
        n /= 1000;
    return arena_printf(a, "%.4g%s", n, units[unit]);
}

static struct result ready(struct source *s)
{
    struct arena *a = s->r->arena;
    const char *url = url_redact(a, value_str_or(value_get(s->r->spec, "url"), ""));
    return source_ready(
        s, "Succeeded", arena_printf(a, "stored artifact: revision '%s'", s->current.revision), "NewArtifact",
        arena_printf(a, "stored fetched index of size %s from '%s'", human_size(a, s->current.size), url));
}

static struct result store_index(struct source *s, struct slice index, const char *revision)
{
    struct reconcile *r = s->r;
    struct error err cleanup(error_clear) = {0};
    struct buf json cleanup(buf_free) = {0};
    struct artifact artifact = {.revision = revision};
    const char *link;
    if (!index_to_json(index, &json, &err)) {
        error_wrap(&err, "failed to load Helm repository from index YAML: failed to load index");
        return source_failed(s, "FetchFailed", "IndexationFailed", &err);
    }
    if (!source_progress(s, "NewRevision", &err, "new index revision '%s'", revision))
        return result_failed(r, "PatchOperationFailed", &err);
    const char *file = arena_printf(r->arena, "index-%s.yaml", strchr(revision, ':') + 1);
    if (!store_name(r->arena, KIND, r->namespace, r->name, file, &artifact.path, &err) ||
        !store_write(s->store, r->arena, &artifact, buf_view(&json), &err)) {
        error_wrap(&err, "unable to save artifact to storage");
        return source_failed(s, "StorageOperationFailed", "ArchiveOperationFailed", &err);
    }
    source_store(s, &artifact, VALUE_NULL);
    if (store_link(s->store, r->arena, artifact.path, "index.yaml", &link, &err))
        value_set_str(r->status, "url", link);
    else
        log_error(error_text(&err), "failed to update status URL symlink");
    return ready(s);
}

static struct result reconcile_helmrepository(struct reconcile *r)
{
    struct error err cleanup(error_clear) = {0};
    struct helm_client client cleanup(helm_client_close) = {0};
    struct source s;
    struct result result;
    struct slice index;
    const char *reason;

    if (r->deleting)
        return source_deleted(r);
    if (!source_begin(r, &s, &result))
        return result;
    if (!helm_client_open(r, r->object, &client, &reason, &err))
        return str_eq(reason, "URLInvalid") ? source_stalled(&s, "FetchFailed", reason, &err)
                                            : source_failed(&s, "FetchFailed", reason, &err);
    if (!helm_client_index(&client, r->arena, settings_of(r)->index_max, &index, &err)) {
        error_wrap(&err, "failed to fetch Helm repository index");
        return source_failed(&s, "FetchFailed", "Failed", &err);
    }
    const char *revision = store_digest(s.store, r->arena, index);
    if (artifact_is(&s.current, revision))
        return ready(&s);
    return store_index(&s, index, revision);
}

static bool is_static(struct value object)
{
    return str_eq(value_str(value_path(object, "spec.type")), "oci");
}

static const struct field fields[] = {
    {"accessFrom", FIELD_REFUSED, NULL, "not implemented by Flux either"},
    {"certSecretRef", FIELD_WORKS, NULL, NULL},
    {"insecure", FIELD_WORKS, NULL, "of type oci"},
    {"interval", FIELD_WORKS, NULL, NULL},
    {"passCredentials", FIELD_WORKS, NULL, NULL},
    {"provider", FIELD_REFUSED, "\"generic\"", "cloud identities"},
    {"secretRef", FIELD_WORKS, NULL, "username and password; kubernetes.io/dockerconfigjson for type oci"},
    {"suspend", FIELD_WORKS, NULL, NULL},
    {"timeout", FIELD_WORKS, NULL, NULL},
    {"type", FIELD_WORKS, NULL, NULL},
    {"url", FIELD_WORKS, NULL, NULL},
};

const struct controller_kind helmrepository_kind = {
    .api_version = SOURCE_API,
    .kind = KIND,
    .reconcile = reconcile_helmrepository,
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .schema = &schema_HelmRepository,
    .skip = is_static,
    .leave = source_remove,
};
