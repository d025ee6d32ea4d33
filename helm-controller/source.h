// source.h - where the chart comes from: the HelmChart that a HelmRelease makes, or the object that it refers to, and
// its artifact.
#ifndef RUNNEL_HELM_SOURCE_H
#define RUNNEL_HELM_SOURCE_H

#include "chart/chart.h"
#include "controller/controller.h"
#include "http/http.h"

struct source {
    const char *kind, *namespace, *name;
    const char *url, *digest, *revision; // of the artifact
};

// Makes the HelmChart of spec.chart, and deletes the one that is no longer wanted (another name or namespace, chartRef,
// deletion). ERROR_DENIED: it would be in another namespace, and that is not allowed.
bool source_apply_chart(struct reconcile *r, struct error *err);
bool source_delete_chart(struct reconcile *r, struct error *err);

enum source_state {
    SOURCE_READY,
    SOURCE_NOT_READY, // err says why; the watch tells when it is
    SOURCE_DENIED,    // err says why: nothing but another spec heals that
    SOURCE_ERROR,     // err: it cannot be read
};
enum source_state source_find(struct reconcile *r, struct source *out, struct error *err);

// Fetches the artifact, checks its digest, loads the chart. For an OCIRepository or ExternalArtifact whose revision
// holds a digest, the chart's version gets "+" and 12 characters of it, and *oci_digest is the digest (else "").
// NOT_FOUND: the artifact is gone.
struct chart *source_load(struct reconcile *r, struct http *http, const struct source *s, const char **oci_digest,
                          struct error *err);
// The digest that source_load gives, without fetching; "" for none.
const char *source_oci_digest(struct arena *a, const struct source *s);

// Which HelmReleases a changed source concerns: the controller_map function.
void source_map(struct app *app, struct informer *own, struct value old, struct value object, struct arena *scratch,
                struct queue_keys *keys);

#endif
