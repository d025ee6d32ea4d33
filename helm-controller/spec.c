// spec.c - reading a HelmRelease's spec.
#include "spec.h"

#include "digest/digest.h"

#define TIMEOUT_MS (5 * 60 * 1000)
#define RETRY_MS (5 * 60 * 1000)
#define HISTORY 5
#define SHORT_HASH 12

static int64_t duration_of(struct value v, int64_t fallback_ms)
{
    int64_t ns;
    return value_str(v) && duration_parse(value_str(v), &ns) ? ns / 1000000 : fallback_ms;
}

const char *spec_shorten_name(struct arena *a, const char *name)
{
    char hash[SHA256_HEX];
    if (strlen(name) <= RELEASE_NAME_MAX)
        return name;
    sha256_hex(name, strlen(name), hash);
    return arena_printf(a, "%.*s-%.*s", RELEASE_NAME_MAX - SHORT_HASH - 1, name, SHORT_HASH, hash);
}

static struct remediation remediation_of(struct value action)
{
    struct value m = value_get(action, "remediation"), strategy = value_get(action, "strategy");
    int retries = (int)value_int_or(value_get(m, "retries"), 0);
    return (struct remediation){
        .retries = retries,
        .last_failure = value_true(value_get(m, "remediateLastFailure")),
        .retry = str_eq(value_str(value_get(strategy, "name")), "RetryOnFailure"),
        .retry_ms = duration_of(value_get(strategy, "retryInterval"), RETRY_MS),
    };
}

struct spec spec_read(struct arena *a, struct value object)
{
    struct value v = value_get(object, "spec");
    const char *namespace = kube_namespace(object), *target = value_str_or(value_get(v, "targetNamespace"), NULL);
    const char *name = target ? arena_printf(a, "%s-%s", target, kube_name(object)) : kube_name(object);
    struct spec spec = {
        .value = v,
        .release_name = spec_shorten_name(a, value_str_or(value_get(v, "releaseName"), name)),
        .release_namespace = target ? target : namespace,
        .storage_namespace = value_str_or(value_get(v, "storageNamespace"), namespace),
        .max_history = (int)value_int_or(value_get(v, "maxHistory"), HISTORY),
        .install = remediation_of(value_get(v, "install")),
        .upgrade = remediation_of(value_get(v, "upgrade")),
    };
    struct value test = value_get(v, "test");
    spec.test = value_true(value_get(test, "enable"));
    spec.ignore_tests = value_true(value_get(test, "ignoreFailures"));
    spec.install.ignore_tests =
        value_bool_or(value_path(v, "install.remediation.ignoreTestFailures"), spec.ignore_tests);
    spec.upgrade.ignore_tests =
        value_bool_or(value_path(v, "upgrade.remediation.ignoreTestFailures"), spec.ignore_tests);
    spec.install.uninstall = true;
    struct value upgrade = value_path(v, "upgrade.remediation");
    spec.upgrade.uninstall = str_eq(value_str(value_get(upgrade, "strategy")), "uninstall");
    spec.upgrade.last_failure = value_bool_or(value_get(upgrade, "remediateLastFailure"), spec.upgrade.retries > 0);
    return spec;
}

// An uninstall has no word on Jobs, and what is missing is false.
struct action_options spec_options(const struct spec *spec, enum action_kind kind)
{
    struct value own = value_get(spec->value, action_word(kind));
    int64_t timeout_ms = duration_of(value_get(spec->value, "timeout"), TIMEOUT_MS);
    return (struct action_options){
        .timeout_ms = duration_of(value_get(own, "timeout"), timeout_ms),
        .disable_hooks = value_true(value_get(own, "disableHooks")),
        .disable_wait = value_true(value_get(own, "disableWait")),
        .disable_wait_for_jobs = value_true(value_get(own, "disableWaitForJobs")),
        .propagation = value_str_or(value_get(own, "deletionPropagation"), "background"),
        .keep_history = value_true(value_get(own, "keepHistory")),
        .max_history = spec->max_history,
        .test_filters = value_path(spec->value, "test.filters"),
    };
}

const char *spec_crds(const struct spec *spec, enum action_kind kind)
{
    struct value own = value_get(spec->value, action_word(kind));
    return value_str_or(value_get(own, "crds"), kind == ACTION_INSTALL ? "Create" : "Skip");
}

bool spec_flag(const struct spec *spec, enum action_kind kind, const char *name)
{
    return value_true(value_get(value_get(spec->value, action_word(kind)), name));
}

bool remediation_exhausted(const struct remediation *m, int64_t failures)
{
    return m->retries >= 0 && failures > m->retries;
}
