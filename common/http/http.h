// http.h - fetching: pooled libcurl handles, TLS, proxy, authentication, limits on size and time, retries.
//
// A `struct http` is a handle on one way of connecting (CA, client certificate, proxy); it pools connections and is
// thread-safe. Secrets go into headers only and never into an error text: user info and query values are cut out of
// every URL that is printed. Redirects are followed here and not by libcurl, so that credentials stay with the host
// they were given for. An answer is taken as it is on the wire (no content coding is offered): a chart or a layer must
// keep its digest. HTTP/1.1 only.
#ifndef RUNNEL_HTTP_H
#define RUNNEL_HTTP_H

#include "base/base.h"

struct http;

struct http_tls {
    struct slice ca;         // PEM; empty: the system's, or those of SSL_CERT_FILE and SSL_CERT_DIR, as OpenSSL and Go
    bool system_too;         // with a ca: the system's are trusted beside it
    struct slice cert, key;  // PEM, client certificate
    bool insecure;           // do not verify
    const char *server_name; // NULL: the URL's host
};
struct http_options {
    struct http_tls tls;
    const char *proxy;      // NULL: the environment's (HTTPS_PROXY, NO_PROXY)
    const char *user_agent; // NULL: "runnel/VERSION"
    int max_connections;    // pooled; 0: 4
};

struct http *http_new(const struct http_options *options, struct error *err); // copies what it needs
void http_free(struct http *h);

struct http_header {
    const char *name, *value;
};
struct http_request {
    const char *method; // NULL: GET
    const char *url;    // http or https only
    const struct http_header *headers;
    size_t header_count;
    const char *user, *password; // basic; NULL: none (then the URL's user info, where it has one)
    const char *bearer;          // NULL: none
    struct slice body;           // NULL data: none
    size_t (*read)(void *ctx, char *buffer, size_t room); // streaming body instead; body_len -1: chunked
    void *read_ctx;
    int64_t body_len;
    size_t limit;        // bytes of the answer's body; 0: 32 MiB
    int64_t timeout_ms;  // whole request; 0: 60 s
    int64_t deadline_ms; // clock_mono_ms; 0: none. The earlier of the two ends it
    int redirects;       // 0: 10; -1: none are followed
    // Further tries after connection faults, 429 and 5xx, of idempotent requests; with back-off and Retry-After.
    int retries;
    // Where the body of a 2xx answer goes: a sink, or (NULL) response.body in the arena, as that of any other answer
    // (its first 64 KiB). Return false to stop: http_do fails then, and leaves an err that the sink has filled. Nothing
    // is tried again after the first byte.
    bool (*sink)(void *ctx, const char *data, size_t len);
    void *sink_ctx;
    const int *cancel; // may be NULL; non-zero ends the request soon (read atomically)
};
struct http_response {
    long status;
    const char *reason; // what the server says behind it: "Not Found"; may be empty
    struct slice body;
    struct http_header *headers; // lower-case names, in the order of the answer
    size_t header_count;
    const char *final_url; // after redirects
};

// True when an answer came, whatever its status. err: network, TLS, time, size. Everything is in the arena.
bool http_do(struct http *h, struct arena *a, const struct http_request *req, struct http_response *res,
             struct error *err);
const char *http_header(const struct http_response *res, const char *name); // NULL: absent
// http_do, and a status other than 2xx is an error with its class ("GET https://…: status 404: text").
bool http_get_ok(struct http *h, struct arena *a, const struct http_request *req, struct http_response *res,
                 struct error *err);
enum error_class http_status_class(long status);
int64_t http_retry_after_ms(const struct http_response *res); // Retry-After (seconds or a date); 0: absent

// URLs (RFC 3986)
struct url {
    // NULL or "": absent. The path starts with / or is empty.
    const char *scheme, *user, *password, *host, *port, *path, *query;
};
bool url_parse(struct arena *a, const char *text, struct url *out, struct error *err);
char *url_redact(struct arena *a, const char *text);                         // without user info and query secrets
char *url_resolve(struct arena *a, const char *base, const char *reference); // RFC 3986, 5.2
char *url_escape(struct arena *a, const char *text);                         // as a query value
bool url_same_host(const char *a, const char *b);                            // scheme, host and port
// Parses "Bearer realm=…,service=…": RFC 7235 challenges.
struct http_challenge {
    const char *scheme; // lower-case
    struct http_header params[8];
    size_t param_count;
};
bool http_challenge_parse(struct arena *a, const char *header, struct http_challenge *out);
// The first challenge of a scheme ("bearer") in an answer's WWW-Authenticate headers, each of which can hold several.
bool http_challenge_find(struct arena *a, const struct http_response *res, const char *scheme,
                         struct http_challenge *out);
const char *http_challenge_param(const struct http_challenge *c, const char *name); // NULL: absent

#endif
