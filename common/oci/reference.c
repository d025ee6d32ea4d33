// reference.c - names of images and artifacts: ghcr.io/org/app:1.0@sha256:…, and Docker Hub's short ones.
#include "oci/private.h"

#include "digest/digest.h"

#define DOCKER_HUB "index.docker.io"

bool is_docker_hub(struct slice host)
{
    static const char *const names[] = {DOCKER_HUB, "docker.io", "registry-1.docker.io"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (slice_eq_str(host, names[i]))
            return true;
    return false;
}

static bool all_of(struct slice s, const char *allowed)
{
    for (size_t i = 0; i < s.len; i++)
        if (!s.data[i] || !strchr(allowed, s.data[i]))
            return false;
    return true;
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_registry(struct slice first)
{
    return slice_find_char(first, '.') >= 0 || slice_find_char(first, ':') >= 0 || slice_eq_str(first, "localhost");
}

static bool check_registry(struct slice r)
{
    struct slice host, port;
    if (r.len > 0 && r.data[0] == '[') { // [::1]:5000
        ptrdiff_t end = slice_find_char(r, ']');
        return end > 1 && all_of(slice_sub(r, 1, (size_t)end), DIGITS "abcdefABCDEF:.") &&
               (r.len == (size_t)end + 1 || (r.data[end + 1] == ':' && r.len > (size_t)end + 2 &&
                                             all_of(slice_sub(r, (size_t)end + 2, r.len), DIGITS)));
    }
    bool has_port = slice_cut(r, ':', &host, &port);
    return host.len && host.len <= 253 && all_of(host, LOWER UPPER DIGITS "-.") &&
           (!has_port || (port.len && port.len <= 5 && all_of(port, DIGITS)));
}

// As go-containerregistry: 2 to 255 of the characters, of which a component is never ".", ".." or empty (it becomes a
// URL's path).
static bool check_repository(struct slice r)
{
    if (r.len < 2 || r.len > 255 || !all_of(r, LOWER DIGITS "_-./"))
        return false;
    struct slice head, tail = r;
    bool more = true;
    while (more) {
        more = slice_cut(tail, '/', &head, &tail);
        if (!head.len || slice_eq_str(head, ".") || slice_eq_str(head, ".."))
            return false;
    }
    return true;
}

static bool check_tag(struct slice t)
{
    return t.len && t.len <= 128 && all_of(t, LOWER UPPER DIGITS "_-.") && t.data[0] != '-' && t.data[0] != '.';
}

bool oci_parse(struct arena *a, const char *text, struct oci_reference *out, struct error *err)
{
    struct slice rest = slice_of(text), first, tail;
    *out = (struct oci_reference){0};
    if (slice_has_prefix(rest, SLICE("oci://")))
        rest = slice_sub(rest, 6, rest.len);

    ptrdiff_t at = slice_find_char(rest, '@');
    if (at >= 0) {
        out->digest = slice_dup(a, slice_sub(rest, (size_t)at + 1, rest.len));
        rest = slice_sub(rest, 0, (size_t)at);
        if (!digest_valid(out->digest))
            return error_set(err, ERROR_INVALID, "could not parse reference: %s: invalid digest", url_redact(a, text));
    }
    // A colon after the last slash starts the tag; one before it belongs to the registry's port.
    const char *slash = rest.len ? memrchr(rest.data, '/', rest.len) : NULL;
    size_t last = slash ? (size_t)(slash - rest.data) + 1 : 0;
    ptrdiff_t colon = slice_find_char(slice_sub(rest, last, rest.len), ':');
    if (colon >= 0) {
        struct slice tag = slice_sub(rest, last + (size_t)colon + 1, rest.len);
        if (!check_tag(tag))
            return error_set(err, ERROR_INVALID, "could not parse reference: %s: invalid tag", url_redact(a, text));
        out->tag = slice_dup(a, tag);
        rest = slice_sub(rest, 0, last + (size_t)colon);
    }
    struct slice registry = SLICE(DOCKER_HUB), repository = rest;
    if (slice_cut(rest, '/', &first, &tail) && is_registry(first)) {
        registry = is_docker_hub(first) ? SLICE(DOCKER_HUB) : first;
        repository = tail;
    }
    if (!check_registry(registry))
        return error_set(err, ERROR_INVALID, "could not parse reference: %s: invalid registry", url_redact(a, text));
    if (!check_repository(repository))
        return error_set(err, ERROR_INVALID, "could not parse reference: %s: invalid repository name",
                         url_redact(a, text));
    out->registry = slice_dup(a, registry);
    out->repository = is_docker_hub(registry) && !memchr(repository.data, '/', repository.len)
                          ? arena_printf(a, "library/%.*s", SLICE_ARG(repository))
                          : slice_dup(a, repository);
    out->name = arena_printf(a, "%s/%s", out->registry, out->repository);
    return true;
}
