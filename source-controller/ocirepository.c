// ocirepository.c - OCIRepository: a layer of an OCI artifact, unpacked and packed again, or kept as it is.
#include "helm_registry.h"
#include "oci/oci.h"
#include "secrets.h"

#define KIND "OCIRepository"
#define TIMEOUT_MS 60000
#define LAYER_MAX ((size_t)500 << 20)
#define INDEX_DEPTH 3 // image indexes within indexes

struct pull { // one look at the registry
    struct source *source;
    struct oci_reference ref;
    struct oci *oci;
    const char *digest, *revision; // of the manifest; "latest@sha256:…", "sha256:…" for ref.digest
    const char *name;              // for messages: "ghcr.io/org/app:latest"
};

static void close_pull(struct pull *p)
{
    oci_free(p->oci);
}

static const char *spec(struct reconcile *r, const char *path)
{
    return value_str_or(value_path(r->spec, path), NULL);
}

// ---- the registry -------------------------------------------------------------------------------------------------

static bool read_options(struct reconcile *r, struct pull *p, struct oci_options *o, const char **what,
                         struct error *err)
{
    const char *secret_name = spec(r, "secretRef.name"), *cert = spec(r, "certSecretRef.name"),
               *proxy = spec(r, "proxySecretRef.name");
    struct value secret;
    *o = (struct oci_options){.insecure_http = value_true(value_get(r->spec, "insecure")),
                              .cancel = r->cancel,
                              .deadline_ms = clock_mono_ms() + reconcile_timeout_ms(r, TIMEOUT_MS)};
    *what = "failed to get credential";
    if (secret_name && (!secret_get(r, secret_name, &secret, err) ||
                        (!secret_registry(r, secret, p->ref.name, &o->credentials, err) && err->class)))
        return false;
    *what = "failed to get proxy address";
    if (proxy && !secret_proxy(r, proxy, &o->proxy, err))
        return false;
    *what = arena_printf(r->arena, "failed to generate transport for '%s'", spec(r, "url"));
    if (cert)
        return secret_tls_required(r, cert, &o->tls, err);
    o->tls.insecure = o->insecure_http; // as Flux: without a CA of its own, insecure is also about the certificate
    return true;
}

static bool tag_by_semver(struct reconcile *r, struct pull *p, const char **tag, struct error *err)
{
    const char **tags;
    size_t count;
    struct tag_choice choice = {.range = spec(r, "ref.semver"),
                                .filter = spec(r, "ref.semverFilter"),
                                .chart_tags = str_eq(spec(r, "layerSelector.mediaType"), CHART_LAYER)};
    return oci_tags(p->oci, r->arena, &tags, &count, err) &&
           choose_tag(r->arena, (const char *const *)tags, count, &choice, tag, err);
}

// What stands where the spec points: digest before semver before tag, latest without any.
static bool find_revision(struct reconcile *r, struct pull *p, const char **reason, struct error *err)
{
    const char *digest = spec(r, "ref.digest"), *tag = str_or(spec(r, "ref.tag"), "latest");
    *reason = "ReadOperationFailed";
    if (digest) {
        p->digest = p->revision = digest;
        p->name = arena_printf(r->arena, "%s@%s", p->ref.name, digest);
        return true;
    }
    if (spec(r, "ref.semver") && !tag_by_semver(r, p, &tag, err))
        return error_wrap(err, "failed to determine the artifact tag for '%s'", spec(r, "url"));
    *reason = "OCIArtifactPullFailed";
    p->name = arena_printf(r->arena, "%s:%s", p->ref.name, tag);
    if (!oci_resolve(p->oci, r->arena, tag, &p->digest, err))
        return error_wrap(err, "failed to determine artifact digest");
    p->revision = arena_printf(r->arena, "%s@%s", tag, p->digest);
    return true;
}

// ---- the layer ----------------------------------------------------------------------------------------------------

// The manifest of the digest; of an index, that of linux/amd64, which is what go-containerregistry takes.
static bool get_manifest(struct reconcile *r, struct pull *p, struct oci_manifest *m, struct error *err)
{
    const char *digest = p->digest;
    for (int depth = 0; depth < INDEX_DEPTH; depth++) {
        if (!oci_manifest(p->oci, r->arena, digest, m, err))
            return false;
        struct value list = value_get(m->document, "manifests");
        if (!value_is(list, V_LIST))
            return true;
        digest = NULL;
        for (size_t i = 0; i < value_len(list) && !digest; i++) {
            struct value platform = value_get(value_at(list, i), "platform");
            if (str_eq(value_str(value_get(platform, "os")), "linux") &&
                str_eq(value_str(value_get(platform, "architecture")), "amd64"))
                digest = value_str(value_get(value_at(list, i), "digest"));
        }
        if (!digest)
            return error_set(err, ERROR_INVALID, "no child with platform linux/amd64 in index %s", p->digest);
    }
    return error_set(err, ERROR_INVALID, "index %s is nested more than %d deep", p->digest, INDEX_DEPTH);
}

static const char *select_layer(struct reconcile *r, struct value manifest, struct error *err)
{
    struct value layers = value_get(manifest, "layers");
    const char *wanted = spec(r, "layerSelector.mediaType");
    if (!value_len(layers)) {
        error_set(err, ERROR_INVALID, "no layers found in artifact");
        return NULL;
    }
    for (size_t i = 0; i < value_len(layers); i++) {
        struct value layer = value_at(layers, i);
        if (!wanted || str_eq(value_str(value_get(layer, "mediaType")), wanted))
            return value_str_or(value_get(layer, "digest"), "");
    }
    error_set(err, ERROR_INVALID, "failed to find layer with media type '%s' in artifact", wanted);
    return NULL;
}

static bool is_copy(struct reconcile *r)
{
    return str_eq(spec(r, "layerSelector.operation"), "copy");
}

static bool keep_layer(struct source *s, struct artifact *artifact, const char *layer, const char **reason,
                       struct error *err)
{
    struct reconcile *r = s->r;
    const struct archive_limits limits = {.compressed = LAYER_MAX};
    struct work folder cleanup(work_remove) = {0};
    struct ignore *ignore;
    *reason = "ArchiveOperationFailed";
    if (is_copy(r))
        return store_copy(s->store, r->arena, artifact, layer, err) ||
               error_wrap(err, "unable to copy artifact to storage");
    *reason = "OCIArtifactLayerOperationFailed";
    if (!store_work_dir(s->store, &folder, err) || !archive_unpack(layer, folder.path, &limits, err))
        return error_wrap(err, "failed to extract layer contents from artifact");
    *reason = "SourceIgnoreError";
    if (!source_ignore(r->arena, folder.path, spec(r, "ignore"), &ignore, err))
        return false;
    *reason = "ArchiveOperationFailed";
    return store_archive(s->store, r->arena, artifact, folder.path, ignore, err) ||
           error_wrap(err, "unable to archive artifact to storage");
}

// ---- the reconcile ------------------------------------------------------------------------------------------------

static bool config_changed(struct reconcile *r)
{
    struct value layer = value_get(r->spec, "layerSelector"), seen = value_get(r->status, "observedLayerSelector");
    return !str_eq(value_str(value_get(r->spec, "ignore")), value_str(value_get(r->status, "observedIgnore"))) ||
           value_is_null(layer) != value_is_null(seen) || (!value_is_null(layer) && !value_equal(layer, seen));
}

static void observe(struct reconcile *r, const char *field, struct value v)
{
    if (value_is_null(v))
        value_unset(r->status, field);
    else
        value_set(r->status, field, value_copy(r->arena, v));
}

static struct result ready(struct source *s, struct value annotations)
{
    struct arena *a = s->r->arena;
    const char *source = value_str(value_get(annotations, "org.opencontainers.image.source"));
    const char *revision = value_str(value_get(annotations, "org.opencontainers.image.revision"));
    const char *event =
        arena_printf(a, "stored artifact with revision '%s' from '%s'", s->current.revision, spec(s->r, "url"));
    if (!str_empty(source) && !str_empty(revision))
        event = arena_printf(a, "%s, origin source '%s', origin revision '%s'", event, source, revision);
    return source_ready(s, "Succeeded", arena_printf(a, "stored artifact for digest '%s'", s->current.revision),
                        "NewArtifact", event);
}

static struct result pull(struct pull *p)
{
    struct source *s = p->source;
    struct reconcile *r = s->r;
    struct error err cleanup(error_clear) = {0};
    struct work layer cleanup(work_remove) = {0};
    struct artifact artifact = {.revision = p->revision};
    struct oci_manifest manifest;
    const char *reason, *link, *digest;

    if (!get_manifest(r, p, &manifest, &err)) {
        error_wrap(&err, "failed to pull artifact from '%s'", spec(r, "url"));
        return source_failed(s, "FetchFailed", "OCIArtifactPullFailed", &err);
    }
    if (!(digest = select_layer(r, manifest.document, &err)))
        return source_failed(s, "FetchFailed", "OCIArtifactLayerOperationFailed", &err);
    store_work_file(s->store, &layer, &err);
    if (!oci_blob(p->oci, r->arena, digest, LAYER_MAX, layer.path, NULL, &err)) {
        error_wrap(&err, "failed to extract the first layer from artifact");
        return source_failed(s, "FetchFailed", "OCIArtifactLayerOperationFailed", &err);
    }
    if (!store_name(r->arena, KIND, r->namespace, r->name, arena_printf(r->arena, "%s.tar.gz", p->digest),
                    &artifact.path, &err))
        return source_failed(s, "StorageOperationFailed", "InvalidPath", &err);
    if (!keep_layer(s, &artifact, layer.path, &reason, &err))
        return source_failed(s, str_has_prefix(reason, "OCI") ? "FetchFailed" : "StorageOperationFailed", reason, &err);
    struct value annotations = value_get(manifest.document, "annotations");
    source_store(s, &artifact, value_is(annotations, V_DICT) ? annotations : VALUE_NULL);
    observe(r, "observedIgnore", value_get(r->spec, "ignore"));
    observe(r, "observedLayerSelector", value_get(r->spec, "layerSelector"));
    if (store_link(s->store, r->arena, artifact.path, "latest.tar.gz", &link, &err))
        value_set_str(r->status, "url", link);
    else
        log_error(error_text(&err), "failed to update status URL symlink");
    return ready(s, annotations);
}

static bool parse_url(struct reconcile *r, struct oci_reference *ref, struct error *err)
{
    const char *url = str_or(spec(r, "url"), "");
    if (!oci_parse(r->arena, url, ref, err)) // a URL with a password is none of a registry
        return error_wrap(err, "URL validation failed for '%s'", url_redact(r->arena, url));
    if (ref->tag || ref->digest)
        return error_set(err, ERROR_INVALID,
                         "URL validation failed for '%s': URL must not contain a tag; remove '%s%s'", url,
                         ref->tag ? ":" : "@", ref->tag ? ref->tag : ref->digest);
    return true;
}

static struct result reconcile_ocirepository(struct reconcile *r)
{
    struct error err cleanup(error_clear) = {0};
    struct pull p cleanup(close_pull) = {0};
    struct source s;
    struct result result;
    struct oci_options options;
    const char *reason;

    if (r->deleting)
        return source_deleted(r);
    if (!source_begin(r, &s, &result))
        return result;
    p.source = &s;
    if (!parse_url(r, &p.ref, &err))
        return source_stalled(&s, "FetchFailed", "URLInvalid", &err);
    if (!read_options(r, &p, &options, &reason, &err) || !(p.oci = oci_new(&p.ref, &options, &err))) {
        error_wrap(&err, "%s", reason);
        return source_failed(&s, "FetchFailed", "AuthenticationFailed", &err);
    }
    if (!find_revision(r, &p, &reason, &err))
        return source_failed(&s, "FetchFailed", reason, &err);
    if (artifact_is(&s.current, p.revision) && !config_changed(r))
        return ready(&s, value_path(r->status, "artifact.metadata"));
    if (!artifact_is(&s.current, p.revision) &&
        !source_progress(&s, "NewRevision", &err, "new revision '%s' for '%s'", p.revision, p.name))
        return result_failed(r, "PatchOperationFailed", &err);
    return pull(&p);
}

static const struct field fields[] = {
    {"certSecretRef", FIELD_WORKS, NULL, NULL},
    {"ignore", FIELD_WORKS, NULL, NULL},
    {"insecure", FIELD_WORKS, NULL, NULL},
    {"interval", FIELD_WORKS, NULL, NULL},
    {"layerSelector", FIELD_WORKS, NULL, NULL},
    {"provider", FIELD_REFUSED, "\"generic\"", "cloud identities"},
    {"proxySecretRef", FIELD_WORKS, NULL, NULL},
    {"ref", FIELD_WORKS, NULL, NULL},
    {"secretRef", FIELD_WORKS, NULL, "kubernetes.io/dockerconfigjson"},
    {"serviceAccountName", FIELD_REFUSED, NULL, NULL},
    {"suspend", FIELD_WORKS, NULL, NULL},
    {"timeout", FIELD_WORKS, NULL, NULL},
    {"url", FIELD_WORKS, NULL, NULL},
    {"verify", FIELD_REFUSED, NULL, NULL},
};

const struct controller_kind ocirepository_kind = {
    .api_version = SOURCE_API,
    .kind = KIND,
    .reconcile = reconcile_ocirepository,
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .schema = &schema_OCIRepository,
};
