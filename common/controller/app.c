// app.c - the process: start, serve, lead, work, and end within five seconds of SIGTERM.
#include "controller/runtime.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "digest/digest.h"

enum {
    SYNC_POLL_MS = 20,
    FOR_LONG_MS = 24 * 3600 * 1000,
    GRACE_MS = 2500, // after SIGTERM: for reconciles to end by themselves
    CANCEL_MS = 700, // then, with their requests cancelled
    EVENTS_MS = 500, // then, for events that wait to be sent
    LEASE_MS = 200,  // then, to release the lease
    HARD_LIMIT_S =
        5, // whatever hangs then is cut off, as if the process had been killed: every restart can deal with that
};

// ---- what the kinds ask for -----------------------------------------------------------------------------------------
const char *app_flag(struct app *app, const char *name)
{
    return flags_text(app->flags, name);
}

bool app_flag_bool(struct app *app, const char *name)
{
    return flags_bool(app->flags, name);
}

int64_t app_flag_int(struct app *app, const char *name)
{
    return flags_int(app->flags, name);
}

int64_t app_flag_ms(struct app *app, const char *name)
{
    return flags_ms(app->flags, name);
}

void app_set_data(struct app *app, void *data)
{
    app->data = data;
}

void *app_data(struct app *app)
{
    return app->data;
}

struct kube *app_kube(struct app *app)
{
    return app->kube;
}

struct metrics *app_metrics(struct app *app)
{
    return app->metrics;
}

bool app_ending(struct app *app)
{
    return __atomic_load_n(&app->ending, __ATOMIC_RELAXED);
}

// ---- health and metrics ---------------------------------------------------------------------------------------------
static void serve_metrics(void *ctx, const struct serve_request *req, struct serve_response *res)
{
    struct app *app = ctx;
    res->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_write(app->metrics, &res->body);
}

static void serve_alive(void *ctx, const struct serve_request *req, struct serve_response *res)
{
    serve_text(res, 200, "ok");
}

static void serve_ready(void *ctx, const struct serve_request *req, struct serve_response *res)
{
    struct app *app = ctx;
    if (app_ending(app))
        serve_text(res, 503, "ending\n");
    else if (!app->synced)
        serve_text(res, 503, "the caches are not filled yet\n");
    else
        serve_text(res, 200, "ok");
}

static bool serve_on(struct app *app, const char *flag, const struct serve_route *routes, size_t count,
                     struct server **out, struct error *err)
{
    const char *address = app_flag(app, flag);
    if (!*address || str_eq(address, "0"))
        return true;
    *out = server_start(address, routes, count, err);
    if (!*out)
        return error_wrap(err, "--%s", flag);
    log_info("starting server", LOG_S("flag", flag), LOG_S("addr", address), LOG_I("port", server_port(*out)));
    return true;
}

static void collect_bus(void *ctx)
{
    struct app *app = ctx;
    struct bus_stats s = bus_stats(app->bus);
    const struct {
        const char *result;
        uint64_t count;
    } table[] = {{"sent", s.sent}, {"received", s.received}, {"malformed", s.malformed}, {"dropped", s.dropped}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        metric_set(app->instruments.bus_messages, (double)table[i].count, &table[i].result);
}

static bool start_servers(struct app *app, struct error *err)
{
    const struct serve_route metrics[] = {{.prefix = "/metrics", .handle = serve_metrics, .ctx = app}};
    const struct serve_route health[] = {{.prefix = "/healthz", .handle = serve_alive, .ctx = app},
                                         {.prefix = "/readyz", .handle = serve_ready, .ctx = app}};
    app->metrics = metrics_new();
    metrics_process(app->metrics);
    instruments_init(&app->instruments, app->metrics);
    return serve_on(app, "metrics-addr", metrics, ARRAY_LEN(metrics), &app->metrics_server, err) &&
           serve_on(app, "health-addr", health, ARRAY_LEN(health), &app->health_server, err);
}

// ---- start ----------------------------------------------------------------------------------------------------------
static void count_request(void *ctx, long status, const char *method, const char *host)
{
    struct app *app = ctx;
    char code[16];
    snprintf(code, sizeof code, "%ld", status);
    metric_add(app->instruments.requests, 1, (const char *[]){status ? code : "<error>", method, host});
}

static bool connect_api(struct app *app, struct kube **out, struct error *err)
{
    struct arena *scratch cleanup(cleanup_arena) = arena_new();
    struct kube_config config;
    const char *path = app_flag(app, "kubeconfig");
    if (!kube_config_load(scratch, *path ? path : NULL, NULL, &config, err) || !(*out = kube_new(&config, err)))
        return error_wrap(err, "Kubernetes API");
    free(app->own_namespace);
    app->own_namespace = xstrdup(str_or(getenv("RUNTIME_NAMESPACE"), str_or(config.namespace, "default")));
    kube_set_rate(*out, (double)app_flag_int(app, "kube-api-qps"), (double)app_flag_int(app, "kube-api-burst"));
    kube_set_observer(*out, count_request, app);
    kube_set_user_agent(*out, arena_printf(scratch, "%s/%s", app->spec->name, RUNNEL_VERSION));
    return true;
}

static void leading_changed(void *ctx, bool leading)
{
    struct app *app = ctx;
    app->leading = leading;
    app->lost = !leading;
    metric_set(app->instruments.leader, leading ? 1 : 0, (const char *[]){app->lease});
    pthread_kill(app->main_thread, SIGUSR1); // have a look
}

static bool start_leader(struct app *app, struct error *err)
{
    struct arena *scratch cleanup(cleanup_arena) = arena_new();
    if (!app_flag_bool(app, "enable-leader-election")) {
        app->leading = true;
        return true;
    }
    char id[37];
    uuid4(id);
    // Its own handle: that of the reconciles may be busy, or cancelled, when the lease has to be renewed or released.
    if (!connect_api(app, &app->lease_kube, err))
        return false;
    const char *selector = app_flag(app, "watch-label-selector");
    const char *name = arena_printf(scratch, "%s-leader-election", app->spec->name);
    if (*selector) { // each shard has a leader of its own, under the name that Flux gives it
        char hash[SHA256_HEX];
        sha256_hex(selector, strlen(selector), hash);
        name = arena_printf(scratch, "%s-%.8s", name, hash);
    }
    app->lease = xstrdup(name);
    metric_set(app->instruments.leader, 0, (const char *[]){name});
    app->leader =
        leader_start(app->lease_kube,
                     &(struct leader_options){.name = name,
                                              .namespace = app->own_namespace,
                                              .identity = arena_printf(scratch, "%s_%s", app->instance, id),
                                              .lease_ms = app_flag_ms(app, "leader-election-lease-duration"),
                                              .renew_ms = app_flag_ms(app, "leader-election-renew-deadline"),
                                              .retry_ms = app_flag_ms(app, "leader-election-retry-period"),
                                              .release = app_flag_bool(app, "leader-election-release-on-cancel"),
                                              .changed = leading_changed,
                                              .ctx = app},
                     err);
    return app->leader != NULL;
}

static bool start_bus(struct app *app, struct error *err)
{
    struct arena *scratch cleanup(cleanup_arena) = arena_new();
    const char *bind = app_flag(app, "bus-bind");
    VEC(const char *) addresses = {0};
    struct slice rest = slice_of(app_flag(app, "bus-connect")), one;
    while (rest.len) {
        slice_cut(rest, ',', &one, &rest);
        if (one.len)
            vec_push(scratch, &addresses, slice_dup(scratch, one));
    }
    vec_push(scratch, &addresses, NULL);
    if (!*bind && !addresses.items[0])
        return true;
    app->bus = bus_start(
        &(struct bus_options){
            .bind = *bind ? bind : NULL, .connect = addresses.items, .receive = controllers_hint, .ctx = app},
        err);
    metrics_collect(app->metrics, collect_bus, app);
    return app->bus != NULL;
}

// A gate that is on but unknown here would be a promise that nobody keeps.
static bool check_gates(struct app *app, struct error *err)
{
    struct slice rest = slice_of(app_flag(app, "feature-gates")), gate, name, value;
    while (rest.len) {
        slice_cut(rest, ',', &gate, &rest);
        if (!gate.len)
            continue;
        if (!slice_cut(gate, '=', &name, &value) || !(slice_eq_str(value, "true") || slice_eq_str(value, "false")))
            return error_set(err, ERROR_INVALID, "--feature-gates: \"%.*s\": want NAME=true or NAME=false",
                             SLICE_ARG(gate));
        bool known = slice_eq_str(value, "false");
        for (const char *const *g = app->spec->feature_gates; g && *g && !known; g++)
            known = slice_eq_str(name, *g);
        if (!known)
            return error_set(err, ERROR_INVALID, "feature gate %.*s is not supported by Runnel", SLICE_ARG(name));
    }
    return true;
}

static bool prepare(struct app *app, struct error *err)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    app->instance = xstrdup(host);
    app->main_thread = pthread_self();
    app->hints = rate_new(10000);
    if (!app_flag_bool(app, "watch-all-namespaces")) {
        app->namespace = getenv("RUNTIME_NAMESPACE");
        if (str_empty(app->namespace))
            return error_set(err, ERROR_INVALID,
                             "--watch-all-namespaces=false needs RUNTIME_NAMESPACE in the environment");
    }
    const char *events = app_flag(app, "events-addr");
    return check_gates(app, err) && start_servers(app, err) && connect_api(app, &app->kube, err) &&
           (app->recorder = recorder_new(app, *events ? events : NULL, err)) != NULL &&
           (!app->spec->start || app->spec->start(app, err)) && (app->watcher = watcher_new(app->kube)) != NULL &&
           controllers_start(app, err) && start_bus(app, err);
}

// ---- the main thread ------------------------------------------------------------------------------------------------
static sigset_t signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    return set;
}

static bool begin_work(struct app *app, struct error *err)
{
    if (app->spec->leading)
        app->spec->leading(app);
    if (flags_known(app->flags, "storage-addr") &&
        !serve_on(app, "storage-addr", app->spec->routes, app->spec->route_count, &app->storage_server, err))
        return false;
    app->heap_used = 1; // by the first lists
    controllers_work(app);
    return true;
}

// How long the main thread may sleep: until the caches want a look, or the lease would be overdue.
static int64_t time_to_wait(const struct app *app)
{
    int64_t most = app->synced ? FOR_LONG_MS : SYNC_POLL_MS, left = app->leading ? leader_time_left(app->leader) : most;
    return left > most ? most : left > 1 ? left : 1;
}

// Returns the exit status, when it is time to end.
static int run(struct app *app)
{
    const sigset_t set = signals();
    bool working = false;
    for (;;) {
        if (!app->synced)
            app->synced = watcher_wait_synced(app->watcher, 0);
        if (app->synced && app->leading && !working) {
            struct error err cleanup(error_clear) = {0};
            if (!begin_work(app, &err)) {
                log_error(error_text(&err), "unable to start");
                return 1;
            }
            working = true;
        }
        int64_t wait_ms = time_to_wait(app);
        int signal =
            sigtimedwait(&set, NULL, &(struct timespec){.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000});
        if (app->lost || (app->leading && leader_time_left(app->leader) <= 0)) {
            app->lost = true;
            log_error("leader election lost", "problem running manager");
            return 1;
        }
        if (signal == SIGTERM || signal == SIGINT) {
            log_info("Stopping and waiting for all controllers");
            return 0;
        }
    }
}

static void cut_off(int signal)
{
    _exit(0);
}

static bool stop_work(struct app *app)
{
    int64_t now = clock_mono_ms();
    __atomic_store_n(&app->ending, 1, __ATOMIC_RELAXED);
    controllers_stop(app);
    // Who lost the lease has no time left: another instance may be at work in a moment.
    int64_t grace_ms = app->lost ? 0 : GRACE_MS;
    if (controllers_join(app, now + grace_ms))
        return true;
    kube_cancel(app->kube);
    return controllers_join(app, now + grace_ms + CANCEL_MS);
}

static void release(struct app *app)
{
    server_stop(app->storage_server);
    server_stop(app->metrics_server);
    server_stop(app->health_server);
    bus_stop(app->bus);
    if (app->watcher)
        watcher_stop(app->watcher);
    if (app->spec->stop)
        app->spec->stop(app);
    controllers_free(app);
    kube_free(app->kube);
    kube_free(app->lease_kube);
    rate_free(app->hints);
    metrics_free(app->metrics);
    flags_free(app->flags);
    free(app->own_namespace);
    free(app->instance);
    free(app->lease);
}

static int serve_and_work(struct app *app)
{
    struct error err cleanup(error_clear) = {0};
    int status = 1;
    if (prepare(app, &err) && start_leader(app, &err))
        status = run(app);
    else
        log_error(error_text(&err), "unable to start");
    signal(SIGALRM, cut_off);
    alarm(HARD_LIMIT_S);
    bool stopped = stop_work(app);
    if (app->recorder)
        recorder_stop(app->recorder, clock_mono_ms() + EVENTS_MS);
    leader_stop(app->leader,
                clock_mono_ms() + LEASE_MS); // only now: until the last reconcile ended, nobody else may start
    if (!stopped) {
        log_info("some reconciles did not end in time and were cut off");
        _exit(status);
    }
    release(app);
    return status;
}

int app_main(const struct app_spec *spec, int argc, char **argv)
{
    struct error err cleanup(error_clear) = {0};
    struct app app = {.spec = spec};
    if (argc == 2 && str_eq(argv[1], "--dump-fields"))
        return fields_dump(spec) ? 0 : 1;
    app.flags = flags_parse(spec->flags, spec->flag_count, argc, argv, &err);
    if (!app.flags) {
        fprintf(stderr, "%s: %s\nSee %s --help.\n", spec->name, error_text(&err), spec->name);
        return 2;
    }
    if (flags_help_wanted(app.flags)) {
        struct buf text = {0};
        flags_help(app.flags, spec->name, &text);
        fputs(buf_cstr(&text), stdout);
        buf_free(&text);
        flags_free(app.flags);
        return 0;
    }
    memory_tune(argv);
    enum log_level level = LOG_INFO;
    log_level_parse(app_flag(&app, "log-level"), &level);
    log_init(spec->name, level, str_eq(app_flag(&app, "log-encoding"), "json"));
    const sigset_t set = signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL); // threads inherit it: signals are for the main thread alone
    signal(SIGPIPE, SIG_IGN);
    return serve_and_work(&app);
}
