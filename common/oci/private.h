// private.h - what the files of the oci library share: a repository and one authenticated request to it.
#ifndef RUNNEL_OCI_PRIVATE_H
#define RUNNEL_OCI_PRIVATE_H

#include "oci/oci.h"

struct oci {
    struct arena *arena; // of what lives as long as the handle
    struct http *http;
    struct oci_reference ref;
    struct oci_credentials credentials;
    int64_t deadline_ms;
    const int *cancel;
    bool may_be_plain;   // plain HTTP is allowed; which one it is, is found out at the first request
    const char *base;    // "https://host/v2/" once it is known
    char *token;         // bearer, malloc'd; NULL: none yet
    int64_t token_until; // clock_mono_ms
    bool basic;          // the registry asked for basic authentication
};

// One request, authenticated as the registry's challenge asks. req->url is complete; its headers and sink are the
// caller's. A status other than 2xx is an error with the registry's words.
bool registry_request(struct oci *o, struct arena *a, struct http_request *req, struct http_response *res,
                      struct error *err);
// "https://host/v2/REPOSITORY/" + rest, printf's way
char *registry_url(struct oci *o, struct arena *a, struct error *err, const char *fmt, ...) PRINTF(4, 5);

// "docker.io", "registry-1.docker.io" and "index.docker.io" are one registry.
bool is_docker_hub(struct slice host);

#endif
