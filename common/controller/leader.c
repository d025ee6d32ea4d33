// leader.c - leader election by a Lease (coordination.k8s.io/v1), as client-go's: one writer wins by resourceVersion.
//
// The lease is judged by when its holder's record was last seen to change, on the clock of this machine: clocks may
// differ.
#include "base/monotonic.h"
#include "controller/runtime.h"

struct leader {
    struct kube *kube;
    struct leader_options options;
    struct arena *arena; // of the strings in options
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop, ended; // with lock
    bool leading;     // the thread's own, as all below
    char *seen;       // the record last seen: holder, renewTime, transitions
    int64_t seen_ms;
    _Atomic int64_t renewed_ms; // 0: never
};

static struct kube_ref ref_of(const struct leader *l)
{
    return (struct kube_ref){"coordination.k8s.io/v1", "Lease", l->options.namespace, l->options.name};
}

static struct value record(struct leader *l, struct arena *a, struct value old, bool held)
{
    struct value spec = value_dict(a);
    char now[RFC3339_LEN];
    time_rfc3339_micro(clock_wall_us(), now);
    bool same_holder = str_eq(value_str(value_get(old, "holderIdentity")), l->options.identity);
    int64_t transitions = value_int_or(value_get(old, "leaseTransitions"), 0);
    value_set_str(spec, "holderIdentity", held ? l->options.identity : "");
    // A released lease can be taken at once: others wait a second at most.
    value_set(spec, "leaseDurationSeconds", value_int(held ? (l->options.lease_ms + 999) / 1000 : 1));
    value_set_str(spec, "acquireTime", same_holder ? value_str_or(value_get(old, "acquireTime"), now) : now);
    value_set_str(spec, "renewTime", now);
    value_set(spec, "leaseTransitions", value_int(same_holder || value_is_null(old) ? transitions : transitions + 1));
    return spec;
}

static bool create_lease(struct leader *l, struct arena *a, struct error *err)
{
    struct value lease = value_dict(a);
    value_set_str(lease, "apiVersion", "coordination.k8s.io/v1");
    value_set_str(lease, "kind", "Lease");
    value_set_path(lease, "metadata.name", value_string(l->options.name));
    value_set_path(lease, "metadata.namespace", value_string(l->options.namespace));
    value_set(lease, "spec", record(l, a, VALUE_NULL, true));
    return kube_create(l->kube, a, lease, NULL, NULL, err);
}

static bool write_lease(struct leader *l, struct arena *a, struct value lease, bool held, struct error *err)
{
    struct value patch = value_dict(a);
    value_set_path(patch, "metadata.resourceVersion", value_path(lease, "metadata.resourceVersion"));
    value_set(patch, "spec", record(l, a, value_get(lease, "spec"), held));
    return kube_patch(l->kube, a, ref_of(l), KUBE_PATCH_MERGE, patch, NULL, NULL, NULL, err);
}

// Whether another one holds the lease and may still be at work.
static bool held_by_another(struct leader *l, struct arena *a, struct value lease)
{
    struct value spec = value_get(lease, "spec");
    const char *holder = value_str_or(value_get(spec, "holderIdentity"), "");
    const char *seen = json_text(a, spec);
    if (!str_eq(seen, l->seen)) {
        free(l->seen);
        l->seen = xstrdup(seen);
        l->seen_ms = clock_mono_ms();
    }
    if (!*holder || str_eq(holder, l->options.identity))
        return false;
    int64_t duration_ms = value_int_or(value_get(spec, "leaseDurationSeconds"), 0) * 1000;
    return clock_mono_ms() < l->seen_ms + (duration_ms > 0 ? duration_ms : l->options.lease_ms);
}

// *taken: another one holds it.
static bool acquire_or_renew(struct leader *l, bool *taken, struct error *err)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct value lease;
    int64_t now = clock_mono_ms(); // before the write: a lease is never believed longer than others believe it
    bool held;
    if (kube_get(l->kube, a, ref_of(l), &lease, err)) {
        *taken = held_by_another(l, a, lease);
        if (*taken)
            return error_set(err, ERROR_CONFLICT, "lease %s/%s is held by %s", l->options.namespace, l->options.name,
                             value_str_or(value_path(lease, "spec.holderIdentity"), "nobody"));
        held = write_lease(l, a, lease, true, err);
    } else if (err->class == ERROR_NOT_FOUND) {
        error_clear(err);
        held = create_lease(l, a, err);
    } else {
        return false;
    }
    if (held)
        l->renewed_ms = now;
    return held;
}

// Waits, unless it is time to stop. False: stop.
static bool pause_ms(struct leader *l, int64_t ms)
{
    int64_t until_us = clock_mono_us() + ms * 1000;
    pthread_mutex_lock(&l->lock);
    while (!l->stop && monotonic_wait(&l->wake, &l->lock, until_us))
        ;
    bool go_on = !l->stop;
    pthread_mutex_unlock(&l->lock);
    return go_on;
}

int64_t leader_time_left(const struct leader *l)
{
    int64_t renewed = l ? l->renewed_ms : 0;
    return renewed ? renewed + l->options.renew_ms - clock_mono_ms() : INT64_MAX;
}

static void elect(struct leader *l)
{
    log_info("attempting to acquire leader lease", LOG_S("lease", l->options.name),
             LOG_S("leaseNamespace", l->options.namespace));
    do {
        struct error err cleanup(error_clear) = {0};
        bool taken = false, held = acquire_or_renew(l, &taken, &err);
        if (held && !l->leading) {
            log_info("successfully acquired lease", LOG_S("lease", l->options.name),
                     LOG_S("identity", l->options.identity));
            l->leading = true;
            l->options.changed(l->options.ctx, true);
        } else if (!held && err.class != ERROR_CONFLICT && err.class != ERROR_CANCELLED) {
            log_error(error_text(&err), "error retrieving or updating the leader lease",
                      LOG_S("lease", l->options.name));
        }
        bool lost = l->leading && !held && (taken || leader_time_left(l) <= 0);
        if (lost && pause_ms(l, 0)) {
            l->leading = false;
            l->options.changed(l->options.ctx, false);
            return;
        }
        // A little jitter while waiting: standbys do not all ask at once.
    } while (pause_ms(l, l->leading ? l->options.retry_ms
                                    : (int64_t)((double)l->options.retry_ms * (1 + 0.2 * random_unit()))));
}

static void *elect_thread(void *ctx)
{
    struct leader *l = ctx;
    elect(l);
    pthread_mutex_lock(&l->lock);
    l->ended = true;
    pthread_cond_broadcast(&l->wake);
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

struct leader *leader_start(struct kube *k, const struct leader_options *options, struct error *err)
{
    struct leader *l = xcalloc(1, sizeof *l);
    l->kube = k;
    l->options = *options;
    l->arena = arena_new();
    l->options.name = arena_strdup(l->arena, options->name);
    l->options.namespace = arena_strdup(l->arena, options->namespace);
    l->options.identity = arena_strdup(l->arena, options->identity);
    pthread_mutex_init(&l->lock, NULL);
    monotonic_init(&l->wake);
    if (pthread_create(&l->thread, NULL, elect_thread, l) == 0)
        return l;
    arena_free(l->arena);
    free(l);
    error_set(err, ERROR_TRANSIENT, "leader election: cannot start its thread");
    return NULL;
}

static void give_up(struct leader *l)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct value lease;
    if (kube_get(l->kube, a, ref_of(l), &lease, &err) &&
        str_eq(value_str(value_path(lease, "spec.holderIdentity")), l->options.identity))
        write_lease(l, a, lease, false, &err);
    if (err.class)
        log_error(error_text(&err), "failed to release the leader lease", LOG_S("lease", l->options.name));
}

void leader_stop(struct leader *l, int64_t deadline_ms)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->wake);
    while (!l->ended && monotonic_wait(&l->wake, &l->lock, deadline_ms * 1000))
        ;
    bool answers = l->ended;
    pthread_mutex_unlock(&l->lock);
    if (!answers)
        kube_cancel(l->kube); // the API server hangs: the lease will run out
    pthread_join(l->thread, NULL);
    if (answers && l->leading && l->options.release)
        give_up(l);
    pthread_cond_destroy(&l->wake);
    pthread_mutex_destroy(&l->lock);
    arena_free(l->arena);
    free(l->seen);
    free(l);
}
