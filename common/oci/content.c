// content.c - tags, manifests and blobs of a repository; nothing is taken for what its digest does not say.
#include "oci/private.h"

#include "digest/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define PAGE_SIZE 1000
#define PAGES_MAX 2000
#define EMPTY_PAGES_MAX 10
#define PAGE_BYTES ((size_t)32 << 20)
#define TAG_LENGTH_MAX 128
#define BLOB_MAX ((size_t)100 << 20)

// ---- tags ----------------------------------------------------------------------------------------------------------

// The target of a Link header with rel="next" (RFC 8288); NULL: no further page.
static const char *next_link(struct arena *a, const struct http_response *res)
{
    for (size_t i = 0; i < res->header_count; i++) {
        const char *v = res->headers[i].value, *start, *end;
        if (strcmp(res->headers[i].name, "link") || !(start = strchr(v, '<')) || !(end = strchr(start, '>')))
            continue;
        if (strstr(end, "rel=\"next\"") || strstr(end, "rel=next"))
            return arena_strndup(a, start + 1, (size_t)(end - start - 1));
    }
    return NULL;
}

struct tag_list {
    struct arena *arena;
    VEC(const char *) tags;
};

// [A-Za-z0-9_][A-Za-z0-9._-]{0,127}, the specification's rule: tags go into files, manifests and URLs.
static bool is_tag(struct slice tag)
{
    if (!tag.len || tag.len > TAG_LENGTH_MAX || tag.data[0] == '.' || tag.data[0] == '-')
        return false;
    for (size_t i = 0; i < tag.len; i++) {
        char c = tag.data[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_' && c != '.' &&
            c != '-')
            return false;
    }
    return true;
}

static bool add_page(struct tag_list *list, struct slice body, const char *url, size_t *added, struct error *err)
{
    struct arena *scratch cleanup(cleanup_arena) = arena_new();
    struct error detail cleanup(error_clear) = {0};
    struct value document;
    if (!json_parse(scratch, body.data, body.len, 0, &document, &detail) || !value_is(document, V_DICT))
        return error_set(err, ERROR_TRANSIENT, "GET %s: the answer is not a list of tags", url_redact(scratch, url));
    struct value tags = value_get(document, "tags"); // null for a repository without any
    if (!value_is_null(tags) && !value_is(tags, V_LIST))
        return error_set(err, ERROR_TRANSIENT, "GET %s: the answer is not a list of tags", url_redact(scratch, url));
    *added = value_len(tags);
    for (size_t i = 0; i < *added; i++) {
        struct slice tag = value_slice(value_at(tags, i));
        if (!is_tag(tag))
            continue; // no tag by any specification
        if (list->tags.len == OCI_TAGS_MAX)
            return error_set(err, ERROR_LIMIT, "GET %s: more than %d tags", url_redact(scratch, url), OCI_TAGS_MAX);
        vec_push(NULL, &list->tags, slice_dup(list->arena, tag));
    }
    return true;
}

static bool read_pages(struct oci *o, struct tag_list *list, const char *url, struct error *err)
{
    int empty = 0;
    struct arena *page cleanup(cleanup_arena) = NULL;
    for (int i = 0; i < PAGES_MAX; i++) {
        struct arena *scratch = arena_new();
        struct http_request req = {.url = url, .limit = PAGE_BYTES};
        struct http_response res;
        size_t added = 0;
        bool ok = registry_request(o, scratch, &req, &res, err) && add_page(list, res.body, url, &added, err);
        const char *link = ok ? next_link(scratch, &res) : NULL;
        const char *next = link ? url_resolve(scratch, url, link) : NULL;
        if (link && (!next || !url_same_host(url, next)))
            ok = error_set(err, ERROR_INVALID, "GET %s: the next page is on another host", url_redact(scratch, url));
        else if (link && (!strcmp(next, url) || (!added && ++empty > EMPTY_PAGES_MAX)))
            ok = error_set(err, ERROR_LIMIT, "GET %s: the list of tags has no end", url_redact(scratch, url));
        if (page)
            arena_free(page); // held the url
        page = scratch;
        if (!ok || !link)
            return ok;
        url = next;
    }
    return error_set(err, ERROR_LIMIT, "list of tags of %s: more than %d pages", o->ref.name, PAGES_MAX);
}

bool oci_tags(struct oci *o, struct arena *a, const char ***tags, size_t *count, struct error *err)
{
    struct tag_list list = {.arena = a};
    const char *url = registry_url(o, a, err, "tags/list?n=%d", PAGE_SIZE);
    bool ok = url && read_pages(o, &list, url, err);
    *tags = arena_array(a, const char *, list.tags.len + 1);
    *count = ok ? list.tags.len : 0;
    if (list.tags.len)
        memcpy(*tags, list.tags.items, list.tags.len * sizeof **tags);
    free(list.tags.items);
    return ok;
}

// ---- manifests ----------------------------------------------------------------------------------------------------

static struct http_header accept_manifest = {
    "Accept",
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/json;q=0.5, */*;q=0.1"};

// Hashes with the algorithm that the digest names.
static char *digest_like(struct arena *a, const char *digest, struct slice data)
{
    char *algorithm = arena_strndup(a, digest, strcspn(digest, ":"));
    struct digest *d = digest_new(algorithm);
    if (!d)
        return NULL;
    digest_add(d, data.data, data.len);
    return arena_printf(a, "%s:%s", algorithm, digest_end(d, a));
}

bool oci_manifest(struct oci *o, struct arena *a, const char *tag_or_digest, struct oci_manifest *out,
                  struct error *err)
{
    struct http_request req = {.headers = &accept_manifest, .header_count = 1, .limit = OCI_MANIFEST_MAX};
    struct http_response res;
    struct error detail cleanup(error_clear) = {0};
    bool by_digest = strchr(tag_or_digest, ':') != NULL;

    *out = (struct oci_manifest){0};
    if (by_digest && !digest_valid(tag_or_digest))
        return error_set(err, ERROR_INVALID, "invalid digest \"%s\"", tag_or_digest);
    if (!(req.url = registry_url(o, a, err, "manifests/%s", tag_or_digest)) || !registry_request(o, a, &req, &res, err))
        return false;
    out->raw = res.body;
    const char *said = http_header(&res, "docker-content-digest");
    const char *wanted = by_digest ? tag_or_digest : said && digest_valid(said) ? said : NULL;
    out->digest = wanted ? digest_like(a, wanted, res.body) : sha256_digest(a, res.body.data, res.body.len);
    if (wanted && !str_eq(out->digest, wanted))
        return error_set(err, ERROR_INVALID, "GET %s: manifest digest: %s does not match requested digest: %s",
                         url_redact(a, req.url), out->digest ? out->digest : "?", wanted);
    if (!json_parse(a, res.body.data, res.body.len, 0, &out->document, &detail) || !value_is(out->document, V_DICT))
        return error_set(err, ERROR_TRANSIENT, "GET %s: the answer is not a manifest", url_redact(a, req.url));
    const char *type = value_str(value_get(out->document, "mediaType"));
    if (str_empty(type)) // OCI's own may leave it out of the document
        type = http_header(&res, "content-type");
    out->media_type = type ? arena_strndup(a, type, strcspn(type, "; ")) : "";
    return true;
}

bool oci_resolve(struct oci *o, struct arena *a, const char *tag, const char **digest, struct error *err)
{
    struct http_request req = {.method = "HEAD", .headers = &accept_manifest, .header_count = 1};
    struct http_response res;
    struct error head cleanup(error_clear) = {0};
    struct oci_manifest manifest;

    if (!(req.url = registry_url(o, a, err, "manifests/%s", tag)))
        return false;
    if (registry_request(o, a, &req, &res, &head)) {
        const char *said = http_header(&res, "docker-content-digest");
        if (said && digest_valid(said)) {
            *digest = said;
            return true;
        }
    } else if (!head.code || head.code == 401 || head.code == 429) {
        return error_move(err, &head);
    }
    // A HEAD's error has no words, and some registries have no HEAD at all: ask in full.
    if (!oci_manifest(o, a, tag, &manifest, err))
        return false;
    *digest = manifest.digest;
    return true;
}

// ---- blobs --------------------------------------------------------------------------------------------------------

struct blob {
    struct digest *digest;
    struct buf data;
    int fd; // -1: into data
    int write_errno;
};

static bool take_blob(void *ctx, const char *data, size_t len)
{
    struct blob *b = ctx;
    digest_add(b->digest, data, len);
    if (b->fd < 0) {
        buf_add(&b->data, data, len);
        return true;
    }
    if (fd_write_all(b->fd, data, len))
        return true;
    b->write_errno = errno;
    return false;
}

static bool fetch_blob(struct oci *o, struct arena *a, const char *digest, size_t limit, struct blob *b,
                       struct error *err)
{
    struct http_request req = {.limit = limit ? limit : BLOB_MAX, .sink = take_blob, .sink_ctx = b};
    struct http_response res;
    if (!(req.url = registry_url(o, a, err, "blobs/%s", digest)))
        return false;
    if (!registry_request(o, a, &req, &res, err))
        return b->write_errno ? error_set(err, ERROR_TRANSIENT, "write blob %s: %s", digest, strerror(b->write_errno))
                              : false;
    char *algorithm = arena_strndup(a, digest, strcspn(digest, ":"));
    const char *got = arena_printf(a, "%s:%s", algorithm, digest_end(b->digest, a));
    b->digest = NULL;
    if (strcmp(got, digest))
        return error_set(err, ERROR_INVALID, "GET %s: blob digest: %s does not match requested digest: %s",
                         url_redact(a, req.url), got, digest);
    return true;
}

bool oci_blob(struct oci *o, struct arena *a, const char *digest, size_t limit, const char *path, struct slice *out,
              struct error *err)
{
    struct blob b = {.data = BUF_IN(a), .fd = -1};
    if (!digest_valid(digest))
        return error_set(err, ERROR_INVALID, "invalid digest \"%s\"", digest);
    if (path && (b.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
        return error_set(err, ERROR_TRANSIENT, "open %s: %s", path, strerror(errno));
    char *algorithm = arena_strndup(a, digest, strcspn(digest, ":"));
    b.digest = digest_new(algorithm);
    bool ok = fetch_blob(o, a, digest, limit, &b, err);
    digest_free(b.digest);
    if (b.fd >= 0 && close(b.fd) && ok)
        ok = error_set(err, ERROR_TRANSIENT, "close %s: %s", path, strerror(errno));
    if (path && !ok)
        unlink(path);
    if (ok && out)
        *out = path ? (struct slice){0} : slice_n(buf_cstr(&b.data), b.data.len);
    return ok;
}
