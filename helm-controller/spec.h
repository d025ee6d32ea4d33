// spec.h - a HelmRelease's spec with Flux's defaults: names, namespaces, timeouts, remediation.
#ifndef RUNNEL_HELM_SPEC_H
#define RUNNEL_HELM_SPEC_H

#include "action.h"

#define HELM_API "helm.toolkit.fluxcd.io/v2"
#define SOURCE_API "source.toolkit.fluxcd.io/v1"
#define RELEASE_NAME_MAX 53

struct remediation {   // install.remediation or upgrade.remediation
    int retries;       // negative: without end
    bool last_failure; // the last failure is remediated too
    bool uninstall;    // else: roll back
    bool ignore_tests; // tests that fail are no failure
    bool retry;        // strategy RetryOnFailure: no remediation, the action is tried again
    int64_t retry_ms;  // after this long
};

struct spec {
    struct value value; // the spec itself
    const char *release_name, *release_namespace, *storage_namespace;
    int max_history;
    struct remediation install, upgrade;
    bool test, ignore_tests; // test.enable, test.ignoreFailures
};
struct spec spec_read(struct arena *a, struct value object);

// 'NAME' as it is, or its first 40 characters, a hyphen and 12 of its SHA-256, where it is longer than Helm allows.
const char *spec_shorten_name(struct arena *a, const char *name);
struct action_options spec_options(const struct spec *spec, enum action_kind kind);
const char *spec_crds(const struct spec *spec, enum action_kind kind);            // "Create", "CreateReplace", "Skip"
bool spec_flag(const struct spec *spec, enum action_kind kind, const char *name); // spec.KIND.NAME is true
// More failures than retries: nothing is tried again.
bool remediation_exhausted(const struct remediation *m, int64_t failures);

#endif
