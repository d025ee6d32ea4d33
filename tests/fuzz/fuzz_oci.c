// fuzz_oci.c - a registry's answers, one after the other: challenges, tokens, pages of tags, manifests, blobs. The
// first text is the reference and the credentials' document; the others are what http_do gives: "STATUS", headers, an
// empty line, the body. Nothing is believed that its digest does not say, and no secret leaves over plain HTTP.
#include "fuzz.h"

#include "digest/digest.h"
#include "oci/oci.h"

#include <strings.h>

bool __wrap_http_do(struct http *h, struct arena *a, const struct http_request *req, struct http_response *res,
                    struct error *err);

static struct slice answers;

static const char *lower(struct arena *a, struct slice s)
{
    char *text = slice_dup(a, s);
    for (char *c = text; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c += 'a' - 'A';
    return text;
}

bool __wrap_http_do(struct http *h, struct arena *a, const struct http_request *req, struct http_response *res,
                    struct error *err)
{
    REQUIRE(!strncasecmp(req->url, "https://", 8) || !(req->password || req->bearer || req->body.data),
            "a secret for %s", req->url);
    if (answers.len == 0)
        return error_set(err, ERROR_TRANSIENT, "GET %s: the server is gone", url_redact(a, req->url));
    struct slice answer = fuzz_part(&answers), line;
    slice_cut(answer, '\n', &line, &answer);
    *res = (struct http_response){.status = strtol(slice_dup(a, line), NULL, 10), .final_url = req->url};
    res->headers = arena_array(a, struct http_header, 8);
    while (slice_cut(answer, '\n', &line, &answer) && line.len) {
        struct slice name, value;
        if (slice_cut(line, ':', &name, &value) && res->header_count < 8)
            res->headers[res->header_count++] =
                (struct http_header){lower(a, name), slice_dup(a, slice_trim_space(value))};
    }
    bool good = res->status >= 200 && res->status < 300;
    if (answer.len > (req->limit ? req->limit : 32u << 20))
        return error_set(err, ERROR_LIMIT, "too long");
    if (good && req->sink)
        return req->sink(req->sink_ctx, answer.data, answer.len) || err->class ||
               error_set(err, ERROR_TRANSIENT, "stopped");
    res->body = fuzz_exact(a, answer);
    return true;
}

static void ask(struct arena *a, struct oci *o, const struct oci_reference *ref)
{
    struct error err cleanup(error_clear) = {0};
    const char **tags, *digest;
    size_t count;
    struct oci_manifest manifest;
    struct slice blob;
    if (!oci_tags(o, a, &tags, &count, &err))
        fuzz_require_error(&err);
    for (size_t i = 0; i < count; i++)
        REQUIRE(tags[i][0] && strlen(tags[i]) <= 128 && !strpbrk(tags[i], "/ \n:@\"\\"), "a tag: %s", tags[i]);
    error_clear(&err);
    if (!oci_resolve(o, a, str_or(ref->tag, "latest"), &digest, &err))
        fuzz_require_error(&err);
    else
        REQUIRE(digest_valid(digest), "a digest: %s", digest);
    error_clear(&err);
    if (!oci_manifest(o, a, str_or(ref->digest, str_or(ref->tag, "latest")), &manifest, &err))
        fuzz_require_error(&err);
    else
        REQUIRE(value_is(manifest.document, V_DICT) && manifest.media_type && digest_valid(manifest.digest) &&
                    (!ref->digest || str_eq(ref->digest, manifest.digest)),
                "a manifest that is none");
    error_clear(&err);
    if (ref->digest && oci_blob(o, a, ref->digest, 1 << 20, NULL, &blob, &err) &&
        str_has_prefix(ref->digest, "sha256:"))
        REQUIRE(str_eq(ref->digest, sha256_digest(a, blob.data, blob.len)), "a blob that is another");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0}, ignored cleanup(error_clear) = {0};
    struct slice head, line, config;
    answers = slice_n((const char *)data, size);
    head = fuzz_part(&answers);
    slice_cut(head, '\n', &line, &config);
    struct oci_reference ref, again;
    if (!oci_parse(a, slice_dup(a, line), &ref, &err)) {
        fuzz_require_error(&err);
        return 0;
    }
    const char *printed = arena_printf(a, "%s%s%s%s%s", ref.name, ref.tag ? ":" : "", ref.tag ? ref.tag : "",
                                       ref.digest ? "@" : "", ref.digest ? ref.digest : "");
    if (strlen(ref.repository) > 255) // with the "library/" that Docker Hub puts before it
        return 0;
    REQUIRE(oci_parse(a, printed, &again, &err) && str_eq(ref.name, again.name) &&
                str_eq(ref.registry, again.registry) && str_eq(ref.repository, again.repository) &&
                str_eq(ref.digest, again.digest),
            "%s: another reference", printed);
    struct oci_options options = {.credentials = {.user = "user", .password = "password"}};
    if (config.len && !oci_docker_config(a, config, ref.name, &options.credentials, &ignored) && ignored.class)
        fuzz_require_error(&ignored);
    // Plain HTTP may carry passwords where that is the registry's only way: not the way that is looked at here.
    const char *port = strrchr(ref.registry, ':');
    if (!port && !strchr(ref.registry, '.'))
        return 0;
    struct oci *o = oci_new(&ref, &options, &err);
    if (o)
        ask(a, o, &ref);
    oci_free(o);
    return 0;
}
