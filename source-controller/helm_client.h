// helm_client.h - a HelmRepository as one downloads from it: over HTTP(S) by its index, or from an OCI registry.
#ifndef RUNNEL_HELM_CLIENT_H
#define RUNNEL_HELM_CLIENT_H

#include "source.h"
#include "http/http.h"
#include "oci/oci.h"

struct helm_client {
    const char *url;   // without a slash at its end, the query apart
    const char *query; // "?…" or ""
    bool oci, insecure;
    bool pass_credentials; // to chart URLs on other hosts too
    const char *user, *password;
    struct oci_credentials registry;
    struct value secret; // of secretRef, for the registry's credentials; null: none
    struct http_tls tls;
    int64_t deadline_ms;
    const int *cancel;
    struct http *http; // made at the first request
};
// Reads URL and Secrets of a HelmRepository. *reason: URLInvalid (nothing can heal that) or AuthenticationFailed.
bool helm_client_open(struct reconcile *r, struct value repository, struct helm_client *out, const char **reason,
                      struct error *err);
void helm_client_close(struct helm_client *c); // for cleanup(helm_client_close) struct helm_client c = {0}
bool helm_client_index(struct helm_client *c, struct arena *a, size_t limit, struct slice *out, struct error *err);

struct helm_chart_ref { // a chart that was found
    const char *name, *version;
    const char *location; // a URL, or a tag
};
// index: index.yaml, or its JSON. A name or version that is not there is NOT_FOUND, a bad range INVALID.
bool helm_client_find(struct helm_client *c, struct reconcile *r, struct slice index, const char *name,
                      const char *range, struct helm_chart_ref *out, struct error *err);
bool helm_client_chart(struct helm_client *c, struct reconcile *r, const struct helm_chart_ref *ref, size_t limit,
                       struct slice *tgz, struct error *err);

#endif
