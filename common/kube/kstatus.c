// kstatus.c - whether an object is as its spec wants it: the rules of sigs.k8s.io/cli-utils' kstatus, as Flux and Helm
// 4 apply them.
//
// First what all objects share (deletion, observedGeneration, the conditions Reconciling and Stalled), then the rules
// of the kind, then the condition Ready; an object with none of these is current. The messages are kstatus's own:
// people search for them.
#include <stdio.h>

#include "kube/kube_internal.h"

#define NO_DEADLINE INT32_MAX // a Deployment's progressDeadlineSeconds that means none
#define SCHEDULE_SECONDS 15   // a pod younger than this is not called unschedulable yet

struct status {
    struct arena *arena;
    struct value object;
    const char *message;
};

static PRINTF(3, 4) enum kstatus say(struct status *s, enum kstatus status, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    s->message = arena_vprintf(s->arena, fmt, args);
    va_end(args);
    return status;
}

static int64_t number(const struct status *s, const char *path, int64_t fallback)
{
    struct value v = value_path(s->object, path);
    return value_is(v, V_INT) ? v.integer : fallback;
}

static const char *text(const struct status *s, const char *path, const char *fallback)
{
    const char *found = value_str(value_path(s->object, path));
    return found ? found : fallback;
}

// ---- conditions ---------------------------------------------------------------------------------------------------
struct condition {
    const char *type, *status, *reason, *message;
};

static bool next_condition(const struct status *s, size_t *at, struct condition *out)
{
    struct value list = value_path(s->object, "status.conditions");
    if (*at >= value_len(list))
        return false;
    struct value c = value_at(list, (*at)++);
    *out = (struct condition){.type = value_str_or(value_get(c, "type"), ""),
                              .status = value_str_or(value_get(c, "status"), ""),
                              .reason = value_str_or(value_get(c, "reason"), ""),
                              .message = value_str_or(value_get(c, "message"), "")};
    return true;
}

static bool condition_of(const struct status *s, const char *type, const char *status, struct condition *out)
{
    for (size_t at = 0; next_condition(s, &at, out);)
        if (str_eq(out->type, type) && str_eq(out->status, status))
            return true;
    return false;
}

// ---- counting replicas --------------------------------------------------------------------------------------------
// The rules
// of workloads are sequences of "so many of so many"; the first that falls short is the message.
struct shortage {
    const char *word;
    int64_t have, want;
};

static const struct shortage *first_shortage(const struct shortage *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].want > list[i].have)
            return &list[i];
    return NULL;
}

static enum kstatus say_shortage(struct status *s, const struct shortage *what)
{
    return say(s, KSTATUS_IN_PROGRESS, "%s: %lld/%lld", what->word, (long long)what->have, (long long)what->want);
}

static enum kstatus say_extra(struct status *s, int64_t extra)
{
    return say(s, KSTATUS_IN_PROGRESS, "Pending termination: %lld", (long long)extra);
}

// ---- workloads ----------------------------------------------------------------------------------------------------
static enum kstatus deployment(struct status *s)
{
    // Without a deadline the controller sets no Progressing condition to wait for.
    bool progressing = number(s, "spec.progressDeadlineSeconds", NO_DEADLINE) == NO_DEADLINE, available = false;
    struct condition c;
    for (size_t at = 0; next_condition(s, &at, &c);) {
        bool yes = str_eq(c.status, "True");
        if (str_eq(c.type, "Progressing") && str_eq(c.reason, "ProgressDeadlineExceeded"))
            return say(s, KSTATUS_FAILED, "Progress deadline exceeded");
        progressing |= str_eq(c.type, "Progressing") && yes && str_eq(c.reason, "NewReplicaSetAvailable");
        available |= str_eq(c.type, "Available") && yes;
    }
    int64_t want = number(s, "spec.replicas", 1), replicas = number(s, "status.replicas", 0);
    int64_t updated = number(s, "status.updatedReplicas", 0);
    const struct shortage before[] = {{"Replicas", replicas, want}, {"Updated", updated, want}};
    const struct shortage after[] = {{"Available", number(s, "status.availableReplicas", 0), updated},
                                     {"Ready", number(s, "status.readyReplicas", 0), want}};
    const struct shortage *lack = first_shortage(before, ARRAY_LEN(before));
    if (!lack && replicas > want)
        return say_extra(s, replicas - want);
    if (!lack)
        lack = first_shortage(after, ARRAY_LEN(after));
    if (lack)
        return say_shortage(s, lack);
    if (!progressing)
        return say(s, KSTATUS_IN_PROGRESS, "ReplicaSet not Available");
    if (!available)
        return say(s, KSTATUS_IN_PROGRESS, "Deployment not Available");
    return say(s, KSTATUS_CURRENT, "Deployment is available. Replicas: %lld", (long long)replicas);
}

static enum kstatus stateful_set(struct status *s)
{
    if (str_eq(text(s, "spec.updateStrategy.type", ""), "OnDelete"))
        return say(s, KSTATUS_CURRENT, "StatefulSet is using the ondelete update strategy");
    int64_t want = number(s, "spec.replicas", 1), replicas = number(s, "status.replicas", 0);
    int64_t updated = number(s, "status.updatedReplicas", 0);
    int64_t partition = number(s, "spec.updateStrategy.rollingUpdate.partition", -1);
    const struct shortage counts[] = {{"Replicas", replicas, want},
                                      {"Ready", number(s, "status.readyReplicas", 0), want}};
    const struct shortage *lack = first_shortage(counts, ARRAY_LEN(counts));
    if (lack)
        return say_shortage(s, lack);
    if (replicas > want)
        return say_extra(s, replicas - want);
    if (partition != -1) {
        if (updated < want - partition)
            return say_shortage(s, &(struct shortage){"updated", updated, want - partition});
        return say(s, KSTATUS_CURRENT, "Partition rollout complete. updated: %lld", (long long)updated);
    }
    int64_t current = number(s, "status.currentReplicas", 0);
    if (want > current)
        return say_shortage(s, &(struct shortage){"current", current, want});
    if (!str_eq(text(s, "status.currentRevision", ""), text(s, "status.updateRevision", "")))
        return say(s, KSTATUS_IN_PROGRESS, "Waiting for updated revision to match current");
    return say(s, KSTATUS_CURRENT, "All replicas scheduled as expected. Replicas: %lld", (long long)replicas);
}

static enum kstatus replica_set(struct status *s)
{
    struct condition c;
    if (condition_of(s, "ReplicaFailure", "True", &c))
        return say(s, KSTATUS_IN_PROGRESS, "Replica Failure condition. Check Pods");
    int64_t want = number(s, "spec.replicas", 1), replicas = number(s, "status.replicas", 0);
    const struct shortage counts[] = {{"Labelled", number(s, "status.fullyLabeledReplicas", 0), want},
                                      {"Available", number(s, "status.availableReplicas", 0), want},
                                      {"Ready", number(s, "status.readyReplicas", 0), want}};
    const struct shortage *lack = first_shortage(counts, ARRAY_LEN(counts));
    if (lack)
        return say_shortage(s, lack);
    if (replicas > want)
        return say_extra(s, replicas - want);
    return say(s, KSTATUS_CURRENT, "ReplicaSet is available. Replicas: %lld", (long long)replicas);
}

static enum kstatus daemon_set(struct status *s)
{
    // Its controller always sets these, so that their absence means that it has not looked yet.
    if (!value_is(value_path(s->object, "metadata.generation"), V_INT))
        return say(s, KSTATUS_IN_PROGRESS, "%s metadata.generation not found", kube_kind(s->object));
    if (!value_is(value_path(s->object, "status.observedGeneration"), V_INT))
        return say(s, KSTATUS_IN_PROGRESS, "%s status.observedGeneration not found", kube_kind(s->object));
    int64_t want = number(s, "status.desiredNumberScheduled", -1);
    if (want == -1)
        return say(s, KSTATUS_IN_PROGRESS, "Missing .status.desiredNumberScheduled");
    const struct shortage counts[] = {{"Current", number(s, "status.currentNumberScheduled", 0), want},
                                      {"Updated", number(s, "status.updatedNumberScheduled", 0), want},
                                      {"Available", number(s, "status.numberAvailable", 0), want},
                                      {"Ready", number(s, "status.numberReady", 0), want}};
    const struct shortage *lack = first_shortage(counts, ARRAY_LEN(counts));
    if (lack)
        return say_shortage(s, lack);
    return say(s, KSTATUS_CURRENT, "All replicas scheduled as expected. Replicas: %lld", (long long)want);
}

// ---- pods and jobs ------------------------------------------------------------------------------------------------
static const char *crash_looping(const struct status *s)
{
    struct value list = value_path(s->object, "status.containerStatuses");
    struct buf names = BUF_IN(s->arena);
    for (size_t i = 0; i < value_len(list); i++) {
        struct value c = value_at(list, i);
        const char *name = value_str(value_get(c, "name"));
        if (!name || !str_eq(value_str(value_path(c, "state.waiting.reason")), "CrashLoopBackOff"))
            continue;
        if (names.len)
            buf_char(&names, ',');
        buf_str(&names, name);
    }
    return names.len ? buf_cstr(&names) : NULL;
}

static bool pod_is_new(const struct status *s)
{
    int64_t created;
    return time_parse_rfc3339(text(s, "metadata.creationTimestamp", ""), &created) &&
           clock_wall_us() - created < SCHEDULE_SECONDS * 1000000LL;
}

static enum kstatus pod(struct status *s)
{
    const char *phase = text(s, "status.phase", "");
    struct condition c;
    if (str_eq(phase, "Succeeded"))
        return say(s, KSTATUS_CURRENT, "Pod has completed successfully");
    if (str_eq(phase, "Failed"))
        return say(s, KSTATUS_CURRENT, "Pod has completed, but not successfully");
    if (str_eq(phase, "Running")) {
        if (condition_of(s, "Ready", "True", &c))
            return say(s, KSTATUS_CURRENT, "Pod is Ready");
        const char *crashing = crash_looping(s);
        if (crashing)
            return say(s, KSTATUS_FAILED, "Containers in CrashLoop state: %s", crashing);
        return say(s, KSTATUS_IN_PROGRESS, "Pod is running but is not Ready");
    }
    if (str_eq(phase, "Pending")) {
        if (!condition_of(s, "PodScheduled", "False", &c) || !str_eq(c.reason, "Unschedulable"))
            return say(s, KSTATUS_IN_PROGRESS, "Pod is in the Pending phase");
        if (pod_is_new(s))
            return say(s, KSTATUS_IN_PROGRESS, "Pod has not been scheduled");
        return say(s, KSTATUS_FAILED, "Pod could not be scheduled");
    }
    if (!*phase)
        return say(s, KSTATUS_IN_PROGRESS, "Pod phase not available");
    return say(s, KSTATUS_UNKNOWN, "unknown phase %s", phase);
}

// A Job that runs is as its spec wants it; to wait for its end there is kstatus_completed.
static enum kstatus job(struct status *s)
{
    long long completions = number(s, "spec.completions", number(s, "spec.parallelism", 1));
    long long succeeded = number(s, "status.succeeded", 0), failed = number(s, "status.failed", 0);
    struct condition c;
    for (size_t at = 0; next_condition(s, &at, &c);) {
        if (!str_eq(c.status, "True"))
            continue;
        if (str_eq(c.type, "Complete"))
            return say(s, KSTATUS_CURRENT, "Job Completed. succeeded: %lld/%lld", succeeded, completions);
        if (str_eq(c.type, "Failed"))
            return say(s, KSTATUS_FAILED, "Job Failed. failed: %lld/%lld", failed, completions);
        if (str_eq(c.type, "Suspended") && value_true(value_path(s->object, "spec.suspend")))
            return say(s, KSTATUS_CURRENT, "Job is suspended");
    }
    if (!*text(s, "status.startTime", ""))
        return say(s, KSTATUS_IN_PROGRESS, "Job not started");
    return say(s, KSTATUS_CURRENT, "Job in progress. success:%lld, active: %lld, failed: %lld", succeeded,
               (long long)number(s, "status.active", 0), failed);
}

// ---- the rest -----------------------------------------------------------------------------------------------------
static enum kstatus claim(struct status *s)
{
    const char *phase = text(s, "status.phase", "unknown");
    if (!str_eq(phase, "Bound"))
        return say(s, KSTATUS_IN_PROGRESS, "PVC is not Bound. phase: %s", phase);
    return say(s, KSTATUS_CURRENT, "PVC is Bound");
}

static enum kstatus disruption_budget(struct status *s)
{
    return say(s, KSTATUS_CURRENT, "AllowedDisruptions has been computed.");
}

static enum kstatus service(struct status *s)
{
    if (str_eq(text(s, "spec.type", "ClusterIP"), "LoadBalancer") && !*text(s, "spec.clusterIP", ""))
        return say(s, KSTATUS_IN_PROGRESS, "ClusterIP not set. Service type: LoadBalancer");
    return say(s, KSTATUS_CURRENT, "Service is ready");
}

static enum kstatus definition(struct status *s)
{
    struct condition c;
    for (size_t at = 0; next_condition(s, &at, &c);) {
        bool yes = str_eq(c.status, "True"), no = str_eq(c.status, "False"),
             established = str_eq(c.type, "Established");
        if (no && (str_eq(c.type, "NamesAccepted") || (established && !str_eq(c.reason, "Installing"))))
            return say(s, KSTATUS_FAILED, "%s", c.message);
        if (yes && established)
            return say(s, KSTATUS_CURRENT, "CRD is established");
    }
    return say(s, KSTATUS_IN_PROGRESS, "Install in progress");
}

static enum kstatus always(struct status *s)
{
    return say(s, KSTATUS_CURRENT, "Resource is always ready");
}

static const struct {
    const char *group, *kind;
    enum kstatus (*rule)(struct status *s);
} rules[] = {
    {"", "Service", service},
    {"", "Pod", pod},
    {"", "Secret", always},
    {"", "ConfigMap", always},
    {"", "PersistentVolumeClaim", claim},
    {"apps", "Deployment", deployment},
    {"apps", "StatefulSet", stateful_set},
    {"apps", "DaemonSet", daemon_set},
    {"apps", "ReplicaSet", replica_set},
    {"extensions", "Deployment", deployment},
    {"extensions", "DaemonSet", daemon_set},
    {"extensions", "ReplicaSet", replica_set},
    {"policy", "PodDisruptionBudget", disruption_budget},
    {"batch", "CronJob", always},
    {"batch", "Job", job},
    {"apiextensions.k8s.io", "CustomResourceDefinition", definition},
};

// ---- what all objects share ---------------------------------------------------------------------------------------
// KSTATUS_UNKNOWN without a message: nothing is said.
static enum kstatus generic(struct status *s)
{
    if (kube_deleting(s->object))
        return say(s, KSTATUS_TERMINATING, "Resource scheduled for deletion");
    struct value generation = value_path(s->object, "metadata.generation");
    struct value observed = value_path(s->object, "status.observedGeneration");
    if (value_is(generation, V_INT) && value_is(observed, V_INT) && generation.integer != observed.integer)
        return say(s, KSTATUS_IN_PROGRESS, "%s generation is %lld, but latest observed generation is %lld",
                   kube_kind(s->object), (long long)generation.integer, (long long)observed.integer);
    struct condition c;
    for (size_t at = 0; next_condition(s, &at, &c);) {
        if (!str_eq(c.status, "True"))
            continue;
        if (str_eq(c.type, "Reconciling"))
            return say(s, KSTATUS_IN_PROGRESS, "%s", c.message);
        if (str_eq(c.type, "Stalled"))
            return say(s, KSTATUS_FAILED, "%s", c.message);
    }
    return KSTATUS_UNKNOWN;
}

static enum kstatus by_ready(struct status *s)
{
    struct condition c;
    for (size_t at = 0; next_condition(s, &at, &c);) {
        if (!str_eq(c.type, "Ready"))
            continue;
        if (str_eq(c.status, "True"))
            return say(s, KSTATUS_CURRENT, "Resource is Ready");
        if (str_eq(c.status, "False") || str_eq(c.status, "Unknown"))
            return say(s, KSTATUS_IN_PROGRESS, "%s", c.message);
    }
    return say(s, KSTATUS_CURRENT, "Resource is current");
}

static enum kstatus status_of(struct status *s)
{
    enum kstatus status = generic(s);
    if (s->message)
        return status;
    struct slice group, version;
    if (!slice_cut(slice_of(value_str(value_get(s->object, "apiVersion"))), '/', &group, &version))
        group = slice_of("");
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (slice_eq_str(group, rules[i].group) && str_eq(kube_kind(s->object), rules[i].kind))
            return rules[i].rule(s);
    return by_ready(s);
}

enum kstatus kstatus_of(struct arena *a, struct value object, const char **message)
{
    struct status s = {.arena = a, .object = object};
    if (value_is_null(object))
        say(&s, KSTATUS_NOT_FOUND, "Resource not found");
    enum kstatus status = value_is_null(object) ? KSTATUS_NOT_FOUND : status_of(&s);
    if (message)
        *message = s.message;
    return status;
}

static enum kstatus job_completed(struct status *s)
{
    struct condition c;
    if (condition_of(s, "Complete", "True", &c) || condition_of(s, "Failed", "True", &c))
        return job(s);
    return say(s, KSTATUS_IN_PROGRESS, "Job in progress");
}

static enum kstatus pod_completed(struct status *s)
{
    const char *phase = text(s, "status.phase", "");
    if (str_eq(phase, "Succeeded"))
        return say(s, KSTATUS_CURRENT, "pod %s succeeded", kube_name(s->object));
    if (str_eq(phase, "Failed"))
        return say(s, KSTATUS_FAILED, "pod %s failed", kube_name(s->object));
    return say(s, KSTATUS_IN_PROGRESS, "Pod in progress");
}

enum kstatus kstatus_completed(struct arena *a, struct value object, const char **message)
{
    struct status s = {.arena = a, .object = object};
    const char *api_version = value_str(value_get(object, "apiVersion"));
    bool is_job = str_eq(kube_kind(object), "Job") && api_version && str_has_prefix(api_version, "batch/");
    bool is_pod = str_eq(kube_kind(object), "Pod") && str_eq(api_version, "v1");
    if (!is_job && !is_pod)
        return kstatus_of(a, object, message);
    enum kstatus status = is_job ? job_completed(&s) : pod_completed(&s);
    if (message)
        *message = s.message;
    return status;
}

const char *kstatus_name(enum kstatus s)
{
    static const char *const names[] = {
        [KSTATUS_IN_PROGRESS] = "InProgress",  [KSTATUS_CURRENT] = "Current",    [KSTATUS_FAILED] = "Failed",
        [KSTATUS_TERMINATING] = "Terminating", [KSTATUS_NOT_FOUND] = "NotFound", [KSTATUS_UNKNOWN] = "Unknown",
    };
    return names[s];
}
