// url.c - URLs by RFC 3986: curl's parser behind arena strings; and what may be printed of one.
#include "http/private.h"

#include <strings.h>

static void cleanup_curlu(CURLU **u)
{
    curl_url_cleanup(*u);
}

// A part as text of the arena; NULL where the URL has none.
static const char *part(struct arena *a, CURLU *u, CURLUPart which, unsigned flags)
{
    char *text = NULL;
    if (curl_url_get(u, which, &text, flags) != CURLUE_OK)
        return NULL;
    const char *copy = arena_strdup(a, text);
    curl_free(text);
    return copy;
}

bool url_parse(struct arena *a, const char *text, struct url *out, struct error *err)
{
    *out = (struct url){0};
    CURLU *u cleanup(cleanup_curlu) = curl_url();
    if (!u)
        abort();
    if (!text)
        return error_set(err, ERROR_INVALID, "empty URL");
    const char *slashes = text + strcspn(text, ":/?#") + 1; // curl would be content with one, or three
    if (slashes[-1] == ':' && slashes[0] == '/' && strspn(slashes, "/") != 2)
        return error_set(err, ERROR_INVALID, "invalid URL \"%s\": no host", url_redact(a, text));
    CURLUcode code = curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
    if (code != CURLUE_OK)
        return error_set(err, ERROR_INVALID, "invalid URL \"%s\": %s", url_redact(a, text), curl_url_strerror(code));
    out->scheme = part(a, u, CURLUPART_SCHEME, 0);
    out->user = part(a, u, CURLUPART_USER, CURLU_URLDECODE);
    out->password = part(a, u, CURLUPART_PASSWORD, CURLU_URLDECODE);
    out->host = part(a, u, CURLUPART_HOST, 0);
    out->port = part(a, u, CURLUPART_PORT, 0);
    out->path = part(a, u, CURLUPART_PATH, 0);
    out->query = part(a, u, CURLUPART_QUERY, 0);
    if (str_empty(out->host))
        return error_set(err, ERROR_INVALID, "invalid URL \"%s\": no host", url_redact(a, text));
    return true;
}

// By the letters and not by the parser: also what is no URL may hold a password.
char *url_redact(struct arena *a, const char *text)
{
    struct buf out = BUF_IN(a);
    const char *scheme_end = text ? strstr(text, ":/") : NULL;
    const char *rest = scheme_end ? scheme_end + 1 + strspn(scheme_end + 1, "/") : text ? text : "";
    if (scheme_end)
        buf_add(&out, text, (size_t)(rest - text));
    const char *at = memrchr(rest, '@', strcspn(rest, "/?#"));
    if (at && (scheme_end || memchr(rest, ':', (size_t)(at - rest)))) // git@host:path has no password
        rest = at + 1;
    size_t before_query = strcspn(rest, "?#");
    buf_add(&out, rest, before_query);
    rest += before_query;
    while (*rest == '?' || *rest == '&') { // the keys of the query stay, its values can be tokens and signatures
        size_t key = strcspn(rest + 1, "=&#") + 1;
        buf_add(&out, rest, key);
        rest += key;
        if (*rest == '=') {
            buf_str(&out, "=REDACTED");
            rest += strcspn(rest, "&#");
        }
    }
    buf_cstr(&out);
    return out.data ? out.data : arena_strdup(a, "");
}

char *url_resolve(struct arena *a, const char *base, const char *reference)
{
    CURLU *u cleanup(cleanup_curlu) = curl_url();
    if (!u)
        abort();
    if (curl_url_set(u, CURLUPART_URL, base, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
        (!str_empty(reference) && curl_url_set(u, CURLUPART_URL, reference, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK))
        return NULL;
    return (char *)part(a, u, CURLUPART_URL, 0);
}

char *url_escape(struct arena *a, const char *text)
{
    struct buf out = BUF_IN(a);
    buf_reserve(&out, strlen(text) + 1);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || strchr("-_.~", *p))
            buf_char(&out, (char)*p);
        else
            buf_printf(&out, "%%%02X", *p);
    }
    buf_str(&out, "");
    return out.data;
}

static const char *effective_port(const struct url *u)
{
    if (!str_empty(u->port))
        return u->port;
    return !strcmp(u->scheme, "https") ? "443" : !strcmp(u->scheme, "http") ? "80" : "";
}

bool url_same_host(const char *a, const char *b)
{
    struct arena *arena cleanup(cleanup_arena) = arena_new();
    struct error ignored cleanup(error_clear) = {0};
    struct url u, v;
    return url_parse(arena, a, &u, &ignored) && url_parse(arena, b, &v, &ignored) && !strcasecmp(u.scheme, v.scheme) &&
           !strcasecmp(u.host, v.host) && !strcmp(effective_port(&u), effective_port(&v));
}
