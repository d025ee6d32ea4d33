// chart.h - Helm's chart format: load from a folder or tgz, metadata, dependencies, values, schema, packaging.
//
// A loaded chart is read-only and can be shared by threads; rendering works on copies of its values.
#ifndef RUNNEL_CHART_H
#define RUNNEL_CHART_H

#include "value/value.h"

struct chart_file {
    const char *name; // relative to the chart: "templates/deployment.yaml"
    struct slice data;
};
struct chart {
    struct value metadata;      // Chart.yaml as a dict (requirements.yaml's dependencies folded in for v1)
    struct value values;        // values.yaml, null when absent
    struct slice values_raw;    // its bytes
    struct slice schema;        // values.schema.json, empty when absent
    struct value lock;          // Chart.lock, null when absent
    VEC(struct chart_file) raw;       // every file, in the archive's or walk's order (what the release Secret stores)
    VEC(struct chart_file) templates; // below templates/
    VEC(struct chart_file) files;     // everything else that is not special
    VEC(struct chart *) dependencies; // loaded from charts/, in Helm's order
    struct chart *parent;             // NULL for the root
    const char *path;                 // where it came from: for messages
    bool v1;                          // apiVersion v1
};

// path: a folder or a .tgz. Messages are Helm's.
struct chart *chart_load(struct arena *a, const char *path, struct error *err);
struct chart *chart_load_archive(struct arena *a, struct slice tgz, struct error *err);
struct chart *chart_load_dir(struct arena *a, const char *dir, struct error *err);

const char *chart_name(const struct chart *c);
const char *chart_version(const struct chart *c);
bool chart_is_library(const struct chart *c);
char *chart_full_path(struct arena *a, const struct chart *c); // "my-app/charts/redis"
bool chart_validate(const struct chart *c, struct error *err);  // metadata, as helm lint/install insist on
// Objects of crds/ of the chart and of its dependencies: {name, data}.
struct chart_file *chart_crds(struct arena *a, const struct chart *c, size_t *count);

// A copy that can be changed: dependencies enabled by condition and tags, aliased, import-values done (chartutil's ProcessDependencies).
struct chart *chart_with_dependencies(struct arena *a, const struct chart *c, struct value user_values, struct error *err);
// chartutil.CoalesceValues: the chart's defaults under the user's values; null deletes; globals. Result: a "common.Values" dict.
bool chart_coalesce(struct arena *a, const struct chart *c, struct value user_values, struct value *out, struct error *err);
// values.schema.json of the chart and its dependencies, with Helm's message.
bool chart_check_schema(struct arena *a, const struct chart *c, struct value values, struct error *err);

// --set's grammar (strvals); kind: 's' --set, 'S' --set-string, 'j' --set-json, 'l' --set-literal; for --set-file see the caller.
bool strvals_parse(struct arena *a, const char *text, char kind, struct value into, struct error *err);

// Packs a chart folder (with values replaced where values_yaml is not NULL) as `helm package` does, deterministic.
bool chart_package(struct arena *a, const struct chart *c, const char *target_path, struct error *err);

// index.yaml of a Helm repository.
struct chart_index_entry {
    const char *version;
    struct value metadata;      // the entry: name, version, appVersion, urls, digest, created …
};
struct chart_index;
struct chart_index *chart_index_parse(struct arena *a, struct slice yaml, struct error *err);
// The best version in the range ("" or "*": the latest stable). NOT_FOUND in Helm's words.
bool chart_index_find(struct arena *a, const struct chart_index *index, const char *name, const char *range,
                      struct chart_index_entry *out, struct error *err);

#endif
