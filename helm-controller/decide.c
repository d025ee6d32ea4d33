// decide.c - what to do next with a release.
#include "decide.h"

const struct remediation *decide_active(const struct decide_facts *facts, const struct spec *spec, int64_t *failures)
{
    if (str_eq(facts->last_action, "install")) {
        *failures = facts->install_failures;
        return &spec->install;
    }
    if (str_eq(facts->last_action, "upgrade")) {
        *failures = facts->upgrade_failures;
        return &spec->upgrade;
    }
    *failures = 0;
    return NULL;
}

static enum decision absent(const struct decide_facts *facts, const struct spec *spec)
{
    if (remediation_exhausted(&spec->install, facts->install_failures) && !spec->install.retry && !facts->forced)
        return DECIDE_EXHAUSTED;
    return DECIDE_INSTALL;
}

static enum decision out_of_sync(const struct decide_facts *facts, const struct spec *spec)
{
    if (remediation_exhausted(&spec->upgrade, facts->upgrade_failures) && !spec->upgrade.retry && !facts->forced)
        return DECIDE_EXHAUSTED;
    return DECIDE_UPGRADE;
}

static enum decision failed(const struct decide_facts *facts, const struct spec *spec, const char **reason)
{
    int64_t failures;
    const struct remediation *active = decide_active(facts, spec, &failures);
    *reason = "release is in a failed state";
    if (!active || active->retry || facts->forced)
        return DECIDE_UPGRADE;
    if (failures <= 0) {
        *reason = "release conditions have changed since last failure";
        return DECIDE_UPGRADE;
    }
    if (remediation_exhausted(active, failures) && !active->last_failure)
        return DECIDE_EXHAUSTED;
    return active->uninstall ? DECIDE_UNINSTALL : DECIDE_ROLLBACK;
}

enum decision decide(const struct decide_facts *facts, const struct spec *spec, const char **reason, bool *forget)
{
    *forget = false;
    if (!facts->status) {
        *reason = "no release in storage for object";
        return absent(facts, spec);
    }
    if (release_status_pending(facts->status) || str_eq(facts->status, RELEASE_UNINSTALLING)) {
        *reason = "the newest revision is pending, and nobody is at work on it";
        return DECIDE_UNLOCK;
    }
    if (!facts->has_history || !facts->observed) {
        if (!facts->has_history && str_eq(facts->status, RELEASE_UNINSTALLED)) {
            *reason = "found uninstalled release in storage";
            return absent(facts, spec);
        }
        *reason =
            facts->has_history ? "release not observed to be made for object" : "found existing release in storage";
        *forget = true;
        return DECIDE_UPGRADE;
    }
    if (str_eq(facts->status, RELEASE_FAILED))
        return failed(facts, spec, reason);
    if (str_eq(facts->status, RELEASE_UNINSTALLED)) {
        *reason = "found uninstalled release in storage";
        return absent(facts, spec);
    }
    if (!str_eq(facts->status, RELEASE_DEPLOYED)) {
        *reason = "the newest revision was never finished";
        return out_of_sync(facts, spec);
    }
    if (!facts->in_sync) {
        *reason = "release chart or values have changed";
        return out_of_sync(facts, spec);
    }
    if (facts->untested) {
        *reason = "release has not been tested";
        return DECIDE_TEST;
    }
    if (facts->tests_failed) {
        enum decision decision = failed(facts, spec, reason);
        *reason = "release has test in failed phase";
        return decision;
    }
    *reason = facts->forced ? "force requested through annotation" : "release in-sync with desired state";
    return facts->forced ? DECIDE_UPGRADE : DECIDE_DONE;
}
