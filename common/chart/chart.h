// chart.h - Helm's chart format: load from a folder or tgz, metadata, dependencies, values, schema, packaging.
//
// A loaded chart is read-only and can be shared by threads; rendering works on copies of its values.
#ifndef RUNNEL_CHART_H
#define RUNNEL_CHART_H

#include "value/value.h"

struct chart_file {
    const char *name; // relative to the chart: "templates/deployment.yaml"
    struct slice data;
    int64_t mtime;    // unix seconds: Helm stores it in the release
};
struct chart;
typedef VEC(struct chart_file) chart_file_list;
typedef VEC(struct chart *) chart_list;

struct chart {
    struct value metadata;      // Chart.yaml as Helm's Metadata writes JSON: strings are strings, empty fields left out
                                // (requirements.yaml's dependencies folded in for v1)
    struct value values;        // values.yaml, null when absent
    struct slice values_raw;    // its bytes
    struct slice schema;        // values.schema.json, empty when absent
    struct value lock;          // Chart.lock, null when absent
    int64_t mtime, schema_mtime;  // of Chart.yaml and values.schema.json
    chart_file_list raw;          // every file, in the archive's or walk's order
    chart_file_list templates;    // below templates/
    chart_file_list files;        // everything else that is not special
    chart_list dependencies;      // loaded from charts/, by name (Helm's order there is random)
    struct chart *parent;             // NULL for the root
    const char *path;                 // where it came from: for messages
    bool v1;                          // apiVersion v1
    struct chart_notices *notices;    // where processing it says what; NULL: nobody listens
};

// What Helm says on stderr beside its answer, a line each: `level=WARN msg="this chart is deprecated"`. Values stand in some, and
// secrets in values: they are for a command line, not for a log.
struct chart_notices {
    struct arena *arena;
    VEC(const char *) lines;
    bool debug; // lines of level "DEBUG" are wanted
};
// level: "DEBUG", "INFO", "WARN", "ERROR". pairs: key, text, …, NULL; or NULL. Nothing is done where notices is NULL.
void chart_notice(struct chart_notices *notices, const char *level, const char *message, const char *const *pairs);
#define CHART_PAIRS(...) ((const char *const[]){__VA_ARGS__, NULL})
// Wraps err in `what`, of which Helm says so at once as well. Returns false.
bool chart_refuse(struct chart_notices *notices, const char *what, struct error *err);

// path: a folder or a .tgz. Messages are Helm's. The chart keeps `notices` (NULL: nobody listens).
struct chart *chart_load(struct arena *a, const char *path, struct chart_notices *notices, struct error *err);
struct chart *chart_load_archive(struct arena *a, struct slice tgz, struct error *err);
struct chart *chart_load_dir(struct arena *a, const char *dir, struct error *err);
// What a chart says it is, without its other files: Chart.yaml and, of version 1, requirements.yaml (empty: there is none).
struct chart *chart_describe(struct arena *a, struct slice chart_yaml, struct slice requirements, struct error *err);

const char *chart_name(const struct chart *c);
const char *chart_version(const struct chart *c);
bool chart_is_library(const struct chart *c);
char *chart_full_path(struct arena *a, const struct chart *c); // "my-app/charts/redis"
bool chart_validate(const struct chart *c, struct error *err);  // metadata, as helm lint/install insist on
struct value chart_written_metadata(struct arena *a, const struct chart *c); // a copy as Helm writes it: nothing empty
bool chart_check_installable(const struct chart *c, struct error *err);  // a library chart is not
bool chart_check_dependencies(const struct chart *c, struct error *err); // each one of Chart.yaml is in charts/
bool chart_kube_compatible(const struct chart *c, const char *kube_version); // Chart.yaml's kubeVersion holds
// .Chart as templates see it: a dict with Go's field names, every field present; a new one each time.
struct value chart_template_view(struct arena *a, const struct chart *c);
// Objects of crds/ of the chart and of its dependencies: {name, data}.
struct chart_file *chart_crds(struct arena *a, const struct chart *c, size_t *count);

// A copy that can be changed: dependencies enabled by condition and tags, aliased, import-values done (chartutil's ProcessDependencies).
struct chart *chart_with_dependencies(struct arena *a, const struct chart *c, struct value user_values, struct error *err);
// chartutil.CoalesceValues: the chart's defaults under the user's values; null deletes; globals. Result: a "common.Values" dict.
bool chart_coalesce(struct arena *a, const struct chart *c, struct value user_values, struct value *out, struct error *err);
// values.schema.json of the chart and its dependencies, with Helm's message. A schema may refer to documents elsewhere; `source`
// brings them (their errors are shown as they are), NULL refuses them.
#define CHART_SCHEMA_MAX (8u << 20) // bytes of one document
struct chart_schema_source {
    bool (*fetch)(void *ctx, struct arena *a, const char *url, struct slice *out, struct error *err);
    void *ctx;
};
bool chart_check_schema(struct arena *a, const struct chart *c, struct value values, const struct chart_schema_source *source,
                        struct error *err);

// sigs.k8s.io/yaml's Unmarshal into a map: numbers become float64, an empty document an empty dict; of several documents the
// first. Errors have its words. So Flux reads values.
bool chart_unmarshal_map(struct arena *a, struct slice yaml, struct value *out, struct error *err);
// A values file as Helm reads it: one or more documents, later ones merged over earlier ones.
bool chart_load_values(struct arena *a, struct slice yaml, struct value *out, struct error *err);
// loader.MergeMaps: dicts merge, everything else is replaced, nulls stay. `from` is not changed.
void chart_merge_values(struct arena *a, struct value into, struct value from);

// --set's grammar (strvals); kind: 's' --set, 'S' --set-string, 'j' --set-json, 'l' --set-literal.
bool strvals_parse(struct arena *a, const char *text, char kind, struct value into, struct error *err);
// --set-file: each value is a path, which read turns into the value.
typedef bool strvals_read_fn(void *ctx, struct arena *a, const char *path, struct value *out, struct error *err);
bool strvals_parse_files(struct arena *a, const char *text, strvals_read_fn *read, void *ctx, struct value into,
                         struct error *err);

// Go's path.Match: * ? [a-z] and \\, where nothing but a slash matches a slash.
enum chart_match { CHART_MATCH_NO, CHART_MATCH_YES, CHART_MATCH_BAD };
enum chart_match chart_path_match(const char *pattern, const char *name);

// Packs a chart as `helm package` does, with the same bytes for the same chart: owner, mode and time are fixed.
struct chart_package_options {
    const char *version;      // instead of Chart.yaml's; NULL: as it is
    struct slice values_yaml; // instead of the chart's values.yaml; data NULL: as it is
};
bool chart_package(struct arena *a, const struct chart *c, const struct chart_package_options *options,
                   const char *target_path, struct error *err);

// index.yaml of a Helm repository.
struct chart_index_entry {
    const char *version;
    struct value metadata;      // the entry: name, version, appVersion, urls, digest, created …
};
struct chart_index;
struct chart_index *chart_index_parse(struct arena *a, struct slice yaml, struct error *err);
// The best version in the range ("" or "*": the latest stable): an exact match first, then by precedence, the newer of equals.
// Entries that Helm skips as invalid are not seen. NOT_FOUND: "no chart name found", "no 'NAME' chart with version matching 'RANGE' found".
struct value chart_index_names(struct arena *a, const struct chart_index *index); // a list of strings, sorted
bool chart_index_find(struct arena *a, const struct chart_index *index, const char *name, const char *range,
                      struct chart_index_entry *out, struct error *err);

#endif
