// schema_fetch.c - fetching a JSON schema by HTTP.

#include "schema_fetch.h"

#include <netdb.h>

#define TIMEOUT_MS 15000 // as Helm

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
    return arena_printf(a, strchr(server, ':') ? "dial tcp: lookup %s on [%s]:53: %s" : "dial tcp: lookup %s on %s:53: %s",
                        host, server, reason);
}

// Why it could not connect: the resolver's word where the name has no address, else the client's.
static const char *failure(struct arena *a, const char *url, const struct error *err)
{
    struct url parts;
    struct error ignored cleanup(error_clear) = {0};
    if (url_parse(a, url, &parts, &ignored)) {
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
        int code = getaddrinfo(parts.host, NULL, &hints, &found);
        if (found)
            freeaddrinfo(found);
        if (code != 0)
            return lookup_failure(a, parts.host, code);
    }
    return arena_strdup(a, error_text(err));
}

bool schema_fetch(void *http, struct arena *a, const char *url, struct slice *out, struct error *err)
{
    struct http_request request = {.url = url, .limit = CHART_SCHEMA_MAX, .timeout_ms = TIMEOUT_MS};
    struct http_response response;
    if (!http_do(http, a, &request, &response, err)) {
        enum error_class class = err->class;
        const char *reason = failure(a, url, err);
        error_clear(err);
        return error_set(err, class, "HTTP request failed for %s: Get \"%s\": %s", url, url, reason);
    }
    if (response.status != 200)
        return error_set(err, http_status_class(response.status), "HTTP request to %s returned status %ld", url,
                         response.status);
    *out = response.body;
    return true;
}
