// render.h - Helm's engine: a chart and values in, manifests, hooks and notes out.
//
// What Helm adds to the template language (include, tpl, required, fail, lookup, .Values .Chart .Release .Capabilities .Files
// .Template .Subcharts), the order in which templates run, and the words of its errors. One render uses one arena and its own
// copy of the values, so that a chart may be shared by threads.
//
//     struct render_options options = {.release = {.name = "app", .namespace = "apps", .revision = 1, .is_install = true},
//                                      .capabilities = caps};
//     struct rendered out = {0};
//     if (!render_chart(arena, chart, values, &options, &out, &err)) …
#ifndef RUNNEL_RENDER_H
#define RUNNEL_RENDER_H

#include "chart/chart.h"
#include "manifest.h"
#include "template/template.h"

struct render_release {
    const char *name, *namespace;
    int revision;
    bool is_install, is_upgrade; // .Release.Service is always "Helm"
};

struct render_capabilities {
    const char *kube_version;         // "v1.35.0"; .Capabilities.KubeVersion.Version
    const char *kube_constraint;      // what kubeVersion ranges are held against; NULL: kube_version
    const char *kube_major, *kube_minor;
    const char *const *api_versions;  // "v1", "apps/v1", "apps/v1/Deployment", … ; .Capabilities.APIVersions
    size_t api_version_count;
};
// What `helm template` assumes without a cluster: the Kubernetes version and API versions of Helm's own client library.
struct render_capabilities render_default_capabilities(void);
// Fills version, constraint, major and minor from the user's words ("1.30", "v1.30.2-gke.1") or a server's gitVersion.
bool render_parse_kube_version(struct arena *a, const char *text, struct render_capabilities *caps, struct error *err);

// lookup's answer: the object, or a list when name is "", or an empty dict when it does not exist. false: err is shown in
// the template's error. The result lies in `a`.
typedef bool render_lookup_fn(void *ctx, struct arena *a, const char *api_version, const char *kind, const char *namespace,
                              const char *name, struct value *out, struct error *err);

// The addresses of a host for getHostByName, a line each; none if there are none. false: err is shown in the template's error.
typedef bool render_resolve_fn(void *ctx, struct arena *a, const char *name, struct slice *out, struct error *err);

struct render_options {
    struct render_release release;
    struct render_capabilities capabilities;
    render_lookup_fn *lookup;       // NULL: always an empty dict
    void *lookup_ctx;
    render_resolve_fn *resolve;     // NULL: getHostByName answers nothing
    void *resolve_ctx;
    struct template_limits limits;  // zeros: the defaults
    bool skip_schema;               // values.schema.json is not consulted
    const struct chart_schema_source *schema_source; // brings documents that a schema refers to; NULL: such a schema is refused
    bool include_crds;              // crds/ ahead of the objects in manifest_text
    bool objects_only;              // manifest_text and values, which a release keeps, are not wanted
    struct chart_notices *notices;  // what Helm says beside; NULL: nobody listens
};

struct rendered {
    struct chart *chart;       // NULL: it did not get as far as templates. As rendered: dependencies processed (disabled ones gone, aliases named)
    struct value values;       // coalesced: what .Values was before any template changed it
    manifest_list objects;     // in install order
    hook_list hooks;           // in Helm's order, as the release stores them
    const char *notes;         // NOTES.txt's output, "" without
    struct slice manifest_text; // the release's `manifest`: "---\n# Source: PATH\nTEXT\n" for each object (and CRDs)
};

// values: the user's, before the chart's defaults; not changed. Messages are those of `helm install`/`helm template`, without
// the word "Error:". On a YAML error of a rendered document, manifest_text still holds what was rendered, as Helm keeps it.
bool render_chart(struct arena *a, const struct chart *chart, struct value values, const struct render_options *options,
                  struct rendered *out, struct error *err);

// ValidateReleaseName: "release name %q: …".
bool render_check_release_name(const char *name, struct error *err);

#endif
