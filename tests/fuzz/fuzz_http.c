// fuzz_http.c - what a server says in headers: challenges, dates, and URLs to go to. Three texts: a WWW-Authenticate
// value, a URL, and a reference to be resolved against it.
#include "fuzz.h"

#include "http/http.h"

static void check_challenge(struct arena *a, const char *text)
{
    struct http_header header = {"www-authenticate", text};
    struct http_response res = {.headers = &header, .header_count = 1};
    struct http_challenge c;
    if (http_challenge_parse(a, text, &c)) {
        REQUIRE(!str_empty(c.scheme) && c.param_count <= ARRAY_LEN(c.params), "a challenge without a scheme");
        struct http_challenge found;
        REQUIRE(http_challenge_find(a, &res, c.scheme, &found), "%s: not found", c.scheme);
        for (size_t i = 0; i < c.param_count; i++)
            REQUIRE(http_challenge_param(&c, c.params[i].name), "%s: not found", c.params[i].name);
    }
    if (http_challenge_find(a, &res, "bearer", &c))
        REQUIRE(str_eq(c.scheme, "bearer"), "found %s", c.scheme);
    header.name = "retry-after";
    int64_t wait = http_retry_after_ms(&res);
    REQUIRE(wait >= 0 && wait <= 86400000, "wait %lld ms", (long long)wait);
}

static void check_url(struct arena *a, const char *text, const char *reference)
{
    struct error err cleanup(error_clear) = {0};
    struct url u;
    const char *shown = url_redact(a, text);
    if (!url_parse(a, text, &u, &err)) {
        fuzz_require_error(&err);
    } else {
        REQUIRE(!str_empty(u.scheme) && !str_empty(u.host), "%s: no host", text);
        // Long enough, and in no other part of the URL, not to be there by chance.
        const char *at = u.password && strlen(u.password) > 8 ? strstr(text, u.password) : NULL;
        if (at && !strstr(at + 1, u.password))
            REQUIRE(!strstr(shown, u.password), "the password is shown: %s", shown);
        REQUIRE(url_same_host(text, text), "%s: not its own host", text);
    }
    const char *resolved = url_resolve(a, text, reference);
    struct error ignored cleanup(error_clear) = {0};
    if (resolved && str_has_prefix(resolved, "http"))
        url_parse(a, resolved, &u, &ignored);
    const char *escaped = url_escape(a, reference);
    REQUIRE(strspn(escaped, "%-_.~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(escaped),
            "%s: not escaped", escaped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct slice rest = slice_n((const char *)data, size);
    const char *challenge = slice_dup(a, fuzz_part(&rest)), *url = slice_dup(a, fuzz_part(&rest));
    check_challenge(a, challenge);
    check_url(a, url, slice_dup(a, rest));
    return 0;
}
