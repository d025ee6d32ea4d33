// web_fetch.c - fetching JSON schemas and values by HTTP.

#include "web_fetch.h"

#include <netdb.h>
#include <strings.h>

#include "value_options.h"

#define SCHEMA_TIMEOUT_MS 15000 // both as Helm
#define VALUES_TIMEOUT_MS 120000

// "lookup HOST on SERVER:53: no such host": Go's resolver names the first server of resolv.conf.
static const char *lookup_failure(struct arena *a, const char *host, int code)
{
    struct slice text, line;
    struct error ignored cleanup(error_clear) = {0};
    const char *server = "";
    if (file_read(a, "/etc/resolv.conf", 65536, &text, &ignored)) {
        while (text.len > 0 && !*server) {
            slice_cut(text, '\n', &line, &text);
            if (slice_has_prefix(line, SLICE("nameserver")))
                server = slice_dup(a, slice_trim_space(slice_sub(line, strlen("nameserver"), line.len)));
        }
    }
    const char *reason = code == EAI_NONAME || code == EAI_NODATA ? "no such host" : "server misbehaving";
    return arena_printf(a,
                        strchr(server, ':') ? "dial tcp: lookup %s on [%s]:53: %s" : "dial tcp: lookup %s on %s:53: %s",
                        host, server, reason);
}

// Why it could not connect: the resolver's word where the name has no address, else the client's.
static const char *failure(struct arena *a, const char *url, const struct error *err)
{
    struct url parts;
    struct error ignored cleanup(error_clear) = {0};
    if (url_parse(a, url, &parts, &ignored) && *parts.host != '[') { // there is nothing to look up of a number
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
        int code = getaddrinfo(parts.host, NULL, &hints, &found);
        if (found)
            freeaddrinfo(found);
        if (code != 0)
            return lookup_failure(a, parts.host, code);
    }
    const char *prefix = arena_printf(a, "GET %s: ", url_redact(a, url)), *text = error_text(err);
    return arena_strdup(a, strncasecmp(text, prefix, strlen(prefix)) == 0 ? text + strlen(prefix) : text);
}

// Get "URL": …
static bool get(struct http *http, struct arena *a, const struct http_request *request, struct http_response *response,
                struct error *err)
{
    if (http_do(http, a, request, response, err))
        return true;
    enum error_class class = err->class;
    const char *reason = failure(a, request->url, err);
    error_clear(err);
    return error_set(err, class, "Get \"%s\": %s", url_redact(a, request->url), reason);
}

bool schema_fetch(void *http, struct arena *a, const char *url, struct slice *out, struct error *err)
{
    struct http_request request = {.url = url, .limit = CHART_SCHEMA_MAX, .timeout_ms = SCHEMA_TIMEOUT_MS};
    struct http_response response;
    if (!get(http, a, &request, &response, err))
        return error_wrap(err, "HTTP request failed for %s", url_redact(a, url));
    if (response.status != 200)
        return error_set(err, http_status_class(response.status), "HTTP request to %s returned status %ld",
                         url_redact(a, url), response.status);
    *out = response.body;
    return true;
}

bool values_fetch(void *http, struct arena *a, const char *url, struct slice *out, struct error *err)
{
    struct http_request request = {.url = url, .limit = VALUE_FILE_MAX, .timeout_ms = VALUES_TIMEOUT_MS};
    struct http_response response;
    if (!get(http, a, &request, &response, err))
        return false;
    if (response.status != 200)
        return error_set(err, http_status_class(response.status), "failed to fetch %s : %ld %s", url_redact(a, url),
                         response.status, response.reason);
    *out = response.body;
    return true;
}
