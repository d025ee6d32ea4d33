// oci.h - OCI registries: challenge, tags, manifests, blobs.
//
// OCI Distribution Specification 1.1 and what came before it, the Docker Registry HTTP API V2.
//
// A registry is a stranger: its answers are limited in size and number, every digest is checked against the bytes, its
// pages may not lead to another host, and credentials are never sent in plain text to where a challenge points. A
// `struct oci` is used by one thread at a time.
#ifndef RUNNEL_OCI_H
#define RUNNEL_OCI_H

#include "http/http.h"
#include "value/value.h"

struct oci_credentials {
    const char *user, *password; // NULL: anonymous
    const char *bearer;          // a registry token used as it is
    const char *identity_token;  // an OAuth2 refresh token, exchanged at the registry's token server
};
// Credentials from a kubernetes.io/dockerconfigjson document for a registry host or repository; the longest match wins,
// Docker Hub under each of its names. False with err clear: none fits.
bool oci_docker_config(struct arena *a, struct slice json, const char *repository, struct oci_credentials *out,
                       struct error *err);

struct oci_reference {        // ghcr.io/org/app:1.0@sha256:…
    const char *registry;     // host[:port] as one connects: "index.docker.io" for Docker Hub
    const char *repository;   // "library/nginx"
    const char *tag, *digest; // NULL: none
    const char *name;         // canonical: "index.docker.io/library/nginx"
};
// An oci:// prefix is taken off. The rules for names are those of go-containerregistry, which Flux uses.
bool oci_parse(struct arena *a, const char *text, struct oci_reference *out, struct error *err);

struct oci_options {
    struct http_tls tls;
    const char *proxy;
    bool insecure_http; // plain HTTP where HTTPS does not answer; loopback and private (RFC 1918) addresses need no
                        // leave for that
    struct oci_credentials credentials;
    int64_t deadline_ms; // clock_mono_ms; 0: 60 s from now on each request
    const int *cancel;
    const char *user_agent; // NULL: http's own
};
struct oci; // one repository: keeps the token it was given
struct oci *oci_new(const struct oci_reference *ref, const struct oci_options *options, struct error *err);
void oci_free(struct oci *o);

#define OCI_TAGS_MAX 500000
#define OCI_MANIFEST_MAX ((size_t)4 << 20)
// All tags, through all pages.
bool oci_tags(struct oci *o, struct arena *a, const char ***tags, size_t *count, struct error *err);
struct oci_manifest {
    const char *digest; // of the manifest, verified against its bytes
    const char *media_type;
    struct value document; // image manifest or index
    struct slice raw;
};
bool oci_resolve(struct oci *o, struct arena *a, const char *tag, const char **digest,
                 struct error *err); // HEAD, else GET
bool oci_manifest(struct oci *o, struct arena *a, const char *tag_or_digest, struct oci_manifest *out,
                  struct error *err);
// Into memory or (path not NULL) a file; the digest is verified while it streams. limit 0: 100 MiB. A file that failed
// is removed.
bool oci_blob(struct oci *o, struct arena *a, const char *digest, size_t limit, const char *path, struct slice *out,
              struct error *err);
// The registry's own words of an error answer ("MANIFEST_UNKNOWN: manifest unknown"), bounded and on one line; "" where
// it has none.
const char *oci_error_text(struct arena *a, struct slice body);

#endif
