// chart_build.h - makes the chart of a HelmChart: taken as it is, or packaged anew with another version or values.
#ifndef RUNNEL_CHART_BUILD_H
#define RUNNEL_CHART_BUILD_H

#include "helm_client.h"

// Why a build failed: each has Flux's reason and words, and says which condition it belongs to.
enum build_fault { BUILD_REFERENCE, BUILD_PULL, BUILD_METADATA, BUILD_VALUES, BUILD_DEPENDENCY, BUILD_PACKAGE };
struct build_failure {
    const char *reason, *summary;
    bool persistent;       // only another spec or source can heal it
    const char *condition; // FetchFailed, BuildFailed
};
const struct build_failure *build_failure(enum build_fault fault);

struct build_request {
    struct source *source;     // the HelmChart's
    const char *chart, *range; // spec.chart, spec.version
    const char *metadata;      // of the version ("4ed1cafe0123"); "" for none
    const char *const *values; // values files, NULL-terminated; none for the chart's own values.yaml alone
    bool ignore_missing_values;
    bool force;   // the spec has changed: what is stored is no answer
    size_t limit; // bytes of a chart
};
struct build {
    const char *name, *version;
    bool packaged;             // anew; else taken as it was
    bool stored;               // the artifact is this chart already: nothing was built
    struct slice data;         // the tgz as it came, or
    struct work file;          // the tgz as it was packaged; work_remove
    const char *const *values; // the files that took part, NULL-terminated
};
// "packaged 'app' chart with version '1.0.0' and merged values files [a.yaml b.yaml]"
const char *build_summary(struct arena *a, const struct build *b);
const char *build_reason(const struct build *b); // ChartPackageSucceeded, ChartPullSucceeded

// From a folder or tgz below `root` (a Git checkout); values files are relative to root.
bool build_local(const struct build_request *q, const char *root, struct build *out, enum build_fault *fault,
                 struct error *err);
// From a Helm repository or registry; values files are the chart's own.
bool build_remote(const struct build_request *q, struct helm_client *client, struct slice index, struct build *out,
                  enum build_fault *fault, struct error *err);

#endif
