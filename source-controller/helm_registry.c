// helm_registry.c - charts in OCI registries, and choosing among tags by a version range.
#include "helm_registry.h"

#include "regex/regex.h"
#include "secrets.h"
#include "semver/semver.h"

static char *replace(struct arena *a, const char *text, char from, char to)
{
    char *copy = arena_strdup(a, text);
    for (char *p = copy; *p; p++)
        if (*p == from)
            *p = to;
    return copy;
}

char *tag_from_version(struct arena *a, const char *version)
{
    return replace(a, version, '+', '_');
}

char *version_from_tag(struct arena *a, const char *tag)
{
    return replace(a, tag, '_', '+');
}

// ---- choosing -----------------------------------------------------------------------------------------------------

bool choose_tag(struct arena *a, const char *const *tags, size_t count, const struct tag_choice *choice,
                const char **tag, struct error *err)
{
    struct regex *filter cleanup(regex_cleanup) = NULL;
    struct semver best = {0};
    *tag = NULL;
    if (!str_empty(choice->filter) && !(filter = regex_new(choice->filter, strlen(choice->filter), err)))
        return error_wrap(err, "filter regex '%s'", choice->filter);
    struct semver_constraint *range = semver_constraint_parse(a, str_or(choice->range, "*"), err);
    if (!range)
        return error_wrap(err, "semver '%s' parse error", choice->range);
    for (size_t i = 0; i < count; i++) {
        struct error ignored cleanup(error_clear) = {0};
        struct semver v;
        if (filter && !regex_is_match(filter, slice_of(tags[i])))
            continue;
        const char *text = choice->chart_tags ? version_from_tag(a, tags[i]) : tags[i];
        if (choice->exact_first && str_eq(text, choice->range)) {
            *tag = tags[i];
            return true;
        }
        if (!semver_parse(a, text, &v, &ignored) || !semver_check(range, &v))
            continue;
        if (!*tag || semver_compare(&v, &best) > 0) {
            *tag = tags[i];
            best = v;
        }
    }
    return *tag || error_set(err, ERROR_NOT_FOUND, "no match found for semver: %s", choice->range);
}

// ---- charts -------------------------------------------------------------------------------------------------------

static struct oci *connect(struct helm_client *c, struct reconcile *r, const char *name, struct error *err)
{
    struct oci_reference ref;
    struct oci_options options = {
        .tls = c->tls, .insecure_http = c->insecure, .deadline_ms = c->deadline_ms, .cancel = c->cancel};
    if (!oci_parse(r->arena, arena_printf(r->arena, "%s/%s", c->url, name), &ref, err))
        return NULL;
    if (ref.tag || ref.digest) {
        error_set(err, ERROR_INVALID, "invalid OCI registry URL '%s': it must not have a tag or digest",
                  url_redact(r->arena, c->url));
        return NULL;
    }
    options.credentials = (struct oci_credentials){.user = c->user, .password = c->password};
    // A Secret of docker's kind, where there is no user name of its own.
    if (!value_is_null(c->secret) && !c->user && secret_bytes(r, c->secret, ".dockerconfigjson").len &&
        !secret_registry(r, c->secret, ref.name, &options.credentials, err) && err->class)
        return NULL;
    return oci_new(&ref, &options, err);
}

static void close_oci(struct oci **o)
{
    oci_free(*o);
}

bool registry_find_chart(struct helm_client *c, struct reconcile *r, const char *name, const char *range,
                         struct helm_chart_ref *out, struct error *err)
{
    struct error ignored cleanup(error_clear) = {0};
    struct semver version;
    const char **tags;
    size_t count;
    *out = (struct helm_chart_ref){.name = name};
    if (semver_parse(r->arena, range, &version, &ignored)) { // one version, not a range: no need to know the others
        out->version = range;
        out->location = tag_from_version(r->arena, range);
        return true;
    }
    struct oci *o cleanup(close_oci) = connect(c, r, name, err);
    if (!o || !oci_tags(o, r->arena, &tags, &count, err))
        return error_wrap(err, "could not get tags for \"%s\"", name);
    if (!count)
        return error_set(err, ERROR_NOT_FOUND, "unable to locate any tags in provided repository: %s", name);
    struct tag_choice choice = {.range = range, .chart_tags = true, .exact_first = true};
    if (!choose_tag(r->arena, (const char *const *)tags, count, &choice, &out->location, err))
        return err->class == ERROR_NOT_FOUND
                   ? error_set(err, ERROR_NOT_FOUND, "could not locate a version matching provided version string %s",
                               range)
                   : false;
    out->version = version_from_tag(r->arena, out->location);
    return true;
}

bool registry_pull_chart(struct helm_client *c, struct reconcile *r, const struct helm_chart_ref *ref, size_t limit,
                         struct slice *tgz, struct error *err)
{
    struct oci_manifest manifest;
    const char *where = arena_printf(r->arena, "%s/%s:%s", c->url, ref->name, ref->location);
    struct oci *o cleanup(close_oci) = connect(c, r, ref->name, err);
    if (!o || !oci_manifest(o, r->arena, ref->location, &manifest, err))
        return error_wrap(err, "failed to get '%s'", where);
    struct value layers = value_get(manifest.document, "layers");
    for (size_t i = 0; i < value_len(layers); i++) {
        struct value layer = value_at(layers, i);
        if (!str_eq(value_str(value_get(layer, "mediaType")), CHART_LAYER))
            continue;
        return oci_blob(o, r->arena, value_str_or(value_get(layer, "digest"), ""), limit, NULL, tgz, err) ||
               error_wrap(err, "failed to get '%s'", where);
    }
    return error_set(err, ERROR_INVALID, "failed to get '%s': manifest does not contain a layer with mediatype %s",
                     where, CHART_LAYER);
}
