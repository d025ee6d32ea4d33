// source_load.c - from an artifact to a chart: fetch, verify, load, and mark the version with the digest it came from.
#include "source.h"

#include "digest/digest.h"
#include "semver/semver.h"

#define ARTIFACT_MAX ((size_t)64 << 20)
#define DIGEST_CHARS 12 // of a digest in a version

static bool fetch(struct reconcile *r, struct http *http, const struct source *s, struct slice *out, struct error *err)
{
    struct http_response res;
    struct http_request req = {.url = s->url,
                               .limit = ARTIFACT_MAX,
                               .timeout_ms = app_flag_ms(r->app, "http-timeout"),
                               .retries = (int)app_flag_int(r->app, "http-retry"),
                               .cancel = r->cancel};
    if (!http_get_ok(http, r->arena, &req, &res, err))
        return error_wrap(err, "failed to download chart");
    *out = res.body;
    return true;
}

static bool verify(struct arena *a, const struct source *s, struct slice data, struct error *err)
{
    struct slice algorithm, hex;
    if (!digest_valid(s->digest))
        return error_set(err, ERROR_INVALID, "failed to parse digest '%s'", s->digest);
    slice_cut(slice_of(s->digest), ':', &algorithm, &hex);
    struct digest *d = digest_new(slice_dup(a, algorithm));
    if (!d)
        return error_set(err, ERROR_INVALID, "failed to parse digest '%s': unsupported digest algorithm", s->digest);
    digest_add(d, data.data, data.len);
    if (slice_eq_str(hex, digest_end(d, a)))
        return true;
    // The artifact can have been replaced between reading the object and fetching: another try may be right.
    return error_set(err, ERROR_TRANSIENT, "integrity failure: computed digest doesn't match '%s'", s->digest);
}

static bool has_digest(const struct source *s)
{
    return str_eq(s->kind, "OCIRepository") || (str_eq(s->kind, "ExternalArtifact") && strchr(s->revision, ':'));
}

const char *source_oci_digest(struct arena *a, const struct source *s)
{
    const char *at = strrchr(s->revision, '@');
    return has_digest(s) ? at ? at + 1 : s->revision : "";
}

// "1.2.3" of "1.2.3@sha256:…"; a tag has '_' where a version has '+'. False: the tag is no version.
static bool tag_version(struct arena *a, const char *revision, struct semver *out)
{
    struct error ignored cleanup(error_clear) = {0};
    const char *at = strrchr(revision, '@');
    char *tag = at ? arena_strndup(a, revision, (size_t)(at - revision)) : arena_strdup(a, revision);
    for (char *p = tag; *p; p++)
        if (*p == '_')
            *p = '+';
    return semver_parse(a, tag, out, &ignored);
}

static bool mark_version(struct arena *a, const struct source *s, struct chart *chart, const char **oci_digest,
                         struct error *err)
{
    struct semver version, tag;
    struct slice algorithm, hex;
    *oci_digest = source_oci_digest(a, s);
    if (!**oci_digest)
        return true;
    if (!semver_parse(a, chart_version(chart), &version, err))
        return error_wrap(err, "invalid chart version %s", chart_version(chart));
    if (tag_version(a, s->revision, &tag) && (semver_compare(&tag, &version) != 0 || !str_eq(tag.meta, version.meta)))
        return error_set(err, ERROR_INVALID, "artifact revision %s does not match chart version %s", s->revision,
                         chart_version(chart));
    if (!slice_cut(slice_of(*oci_digest), ':', &algorithm, &hex) || hex.len < DIGEST_CHARS)
        return error_set(err, ERROR_INVALID, "invalid artifact revision %s", s->revision);
    version.meta = arena_strndup(a, hex.data, DIGEST_CHARS);
    value_set_str(chart->metadata, "version", semver_string(a, &version));
    return true;
}

struct chart *source_load(struct reconcile *r, struct http *http, const struct source *s, const char **oci_digest,
                          struct error *err)
{
    struct slice data;
    if (!fetch(r, http, s, &data, err) || !verify(r->arena, s, data, err))
        return NULL;
    struct chart *chart = chart_load_archive(r->arena, data, err);
    return chart && mark_version(r->arena, s, chart, oci_digest, err) ? chart : NULL;
}
