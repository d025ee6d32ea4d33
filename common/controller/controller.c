// controller.c - the running kinds: informers and the bus fill their queues, workers empty them.
#include "base/monotonic.h"
#include "controller/runtime.h"

#include <ctype.h>

enum {
    IDLE_MS = 10000,      // a worker beyond the first ends after this long without work
    TRIM_AFTER_MS = 1000, // memory goes back to the system when nothing has been done for so long
    WORKER_STACK = 8 << 20,
};

struct queue_keys {
    struct arena *arena;
    VEC(char *) keys;
};

void queue_keys_add(struct queue_keys *keys, const char *namespace, const char *name)
{
    vec_push(keys->arena, &keys->keys, arena_printf(keys->arena, "%s/%s", namespace, name));
}

// ---- causes ---------------------------------------------------------------------------------------------------------
static bool differs(struct value old, struct value object, const char *annotation)
{
    const char *now = kube_annotation(object, annotation);
    return now && !str_eq(now, kube_annotation(old, annotation));
}

// Of the controller's own kind: a new object, a new generation, a request, a deletion. Not our own status writes. A
// relist can show one object in another's place: then the deletion in between was never seen.
static bool worth_reconciling(struct value old, struct value object)
{
    return value_is_null(old) || !str_eq(kube_uid(old), kube_uid(object)) ||
           kube_generation(old) != kube_generation(object) || differs(old, object, REQUESTED_AT) ||
           kube_deleting(old) != kube_deleting(object);
}

// Which reconciles a change causes.
static struct queue_keys map_keys(struct subscriber *s, struct value old, struct value object, struct arena *scratch)
{
    struct queue_keys keys = {.arena = scratch};
    s->map->map(s->controller->app, s->controller->own, old, object, scratch, &keys);
    return keys;
}

struct cause {
    bool gone; // the object is the last state of a deleted one
    bool hinted;
    const struct controller *by; // whose reconcile of this very object it comes from
    struct value known;          // the state which that reconcile works on: only what goes beyond it is news to it
};

static void notify(struct watched *w, struct value old, struct value object, const struct cause *cause)
{
    for (size_t i = 0; i < w->subscribers.len; i++) {
        struct subscriber *s = &w->subscribers.items[i];
        struct value before = s->controller == cause->by ? cause->known : old;
        if (s->map) {
            struct arena *scratch cleanup(cleanup_arena) = arena_new();
            struct queue_keys keys = map_keys(s, cause->gone ? VALUE_NULL : old, object, scratch);
            for (size_t k = 0; k < keys.keys.len; k++)
                queue_add(s->controller->queue, keys.keys.items[k], 0, cause->hinted);
        } else if (cause->gone || worth_reconciling(before, object)) {
            cleanup(cleanup_free) char *key = xasprintf("%s/%s", kube_namespace(object), kube_name(object));
            queue_add(s->controller->queue, key, 0, cause->hinted);
        }
    }
}

// ---- telling once ---------------------------------------------------------------------------------------------------
// What this process wrote or read afresh is told to its controllers at once, and not again when the watch brings the
// same state.
static bool was_told(struct watched *w, const char *key, struct value object)
{
    const char *has = value_str_or(value_path(object, "metadata.resourceVersion"), "");
    pthread_mutex_lock(&w->lock);
    char *told = map_get(w->told, key);
    int order = told ? kube_rv_compare(has, told) : -1;
    if (order >= 0)
        free(map_remove(w->told, key));
    pthread_mutex_unlock(&w->lock);
    return order == 0;
}

static void on_event(void *ctx, enum informer_event event, struct value old, struct value object)
{
    struct watched *w = ctx;
    cleanup(cleanup_free) char *key = xasprintf("%s/%s", kube_namespace(object), kube_name(object));
    if (!was_told(w, key, object) || event == INFORMER_DELETED)
        notify(w, old, object, &(struct cause){.gone = event == INFORMER_DELETED});
}

static void put(struct watched *w, struct arena *scratch, struct value object, const struct cause *cause)
{
    struct value old = informer_get(w->informer, scratch, kube_namespace(object), kube_name(object));
    const char *had = value_str(value_path(old, "metadata.resourceVersion"));
    const char *has = value_str(value_path(object, "metadata.resourceVersion"));
    if (had && has && kube_rv_compare(had, has) >= 0)
        return;
    informer_put(w->informer, object);
    if (!had || !has)
        return; // new here, or gone: the watch will tell
    pthread_mutex_lock(&w->lock);
    cleanup(cleanup_free) char *key = xasprintf("%s/%s", kube_namespace(object), kube_name(object));
    free(map_put(w->told, key, xstrdup(has)));
    pthread_mutex_unlock(&w->lock);
    notify(w, old, object, cause);
}

void watched_put(struct watched *w, struct arena *scratch, struct value object, const struct controller *by,
                 struct value known)
{
    put(w, scratch, object, &(struct cause){.by = by, .known = known});
}

// A hint about an object that is watched: read it, and let it take the way of a watch event. One that brings no news
// causes nothing.
static void hint_watched(struct app *app, struct watched *w, struct arena *scratch, const struct bus_message *m)
{
    struct error err cleanup(error_clear) = {0};
    struct value object;
    if (value_is_null(informer_get(w->informer, scratch, m->namespace, m->name)) ||
        !kube_get(app->kube, scratch, (struct kube_ref){w->api_version, w->kind, m->namespace, m->name}, &object, &err))
        return; // unknown here, or unreadable: the watch will tell
    put(w, scratch, object, &(struct cause){.hinted = true});
}

// A hint about an object that is not watched here (a push, heard by source-controller): the mapping sees what the
// message says.
static void hint_unwatched(struct controller *c, const struct controller_map *map, struct arena *scratch,
                           const struct bus_message *m)
{
    struct value object = value_dict(scratch);
    value_set_str(object, "kind", m->kind);
    value_set_path(object, "metadata.namespace", value_string(m->namespace));
    value_set_path(object, "metadata.name", value_string(m->name));
    value_set_str(object, "topic", bus_topic_name(m->topic));
    value_set_str(object, "revision", m->revision);
    value_set_str(object, "url", m->url);
    // Nobody can tell whether it is true: one reconcile in ten seconds, later ones wait for their turn.
    struct queue_keys keys = map_keys(&(struct subscriber){c, map}, VALUE_NULL, object, scratch);
    for (size_t i = 0; i < keys.keys.len; i++) {
        int64_t wait = rate_reserve(c->app->hints, arena_printf(scratch, "%s/%s", c->kind->kind, keys.keys.items[i]),
                                    clock_mono_ms());
        if (wait >= 0)
            queue_add(c->queue, keys.keys.items[i], wait, true);
    }
}

void controllers_hint(void *ctx, const struct bus_message *m)
{
    struct app *app = ctx;
    if (!app->synced || app_ending(app))
        return;
    struct arena *scratch cleanup(cleanup_arena) = arena_new();
    for (size_t i = 0; i < app->watched.len; i++) {
        struct watched *w = app->watched.items[i];
        bool concerned = false;
        for (size_t s = 0; s < w->subscribers.len; s++) {
            const struct controller_map *map = w->subscribers.items[s].map;
            concerned |= map && map->bus_kind && str_eq(map->bus_kind, m->kind);
        }
        if (concerned && !w->metadata_only)
            hint_watched(app, w, scratch, m);
    }
    for (size_t i = 0; i < app->controller_count; i++) {
        struct controller *c = &app->controllers[i];
        for (size_t j = 0; j < c->kind->map_count; j++) {
            const struct controller_map *map = &c->kind->maps[j];
            if (!map->api_version && str_eq(map->bus_kind, m->kind))
                hint_unwatched(c, map, scratch, m);
        }
    }
}

// ---- workers --------------------------------------------------------------------------------------------------------
static void work_on(struct controller *c, const struct queue_work *work)
{
    const char *const name[] = {c->name};
    const char *const queue[] = {c->name, c->name};
    const struct instruments *i = &c->app->instruments;
    metric_observe(i->queue_wait_seconds, (double)work->waited_us / 1e6, queue);
    c->active++;
    c->app->heap_used = 1;
    metric_set(i->active_workers, (double)c->active, name);
    reconcile_run(c, work);
    c->active--;
    metric_set(i->active_workers, (double)c->active, name);
    metric_observe(i->queue_work_seconds, (double)(clock_mono_us() - work->started_us) / 1e6, queue);
}

static bool all_idle(const struct app *app)
{
    for (size_t i = 0; i < app->controller_count; i++) {
        if (app->controllers[i].active)
            return false;
    }
    return true;
}

// Waits for work. False: this worker may end. Once nothing happens any more, memory goes back to the system.
static bool next_work(struct controller *c, struct queue_work *work)
{
    if (queue_take(c->queue, work, TRIM_AFTER_MS))
        return true;
    if (!queue_stopped(c->queue) && all_idle(c->app) && atomic_exchange(&c->app->heap_used, 0))
        memory_give_back();
    return queue_take(c->queue, work, IDLE_MS);
}

// Whether the worker stays although it found nothing to do: the last one does, and any one when work has come in
// meanwhile.
static bool stays(struct worker *self)
{
    struct controller *c = self->controller;
    pthread_mutex_lock(&c->lock);
    bool stay = !queue_stopped(c->queue) && (c->running == 1 || queue_stats(c->queue).ready);
    if (!stay) {
        c->running--;
        self->state = WORKER_ENDED;
        pthread_cond_signal(&c->worker_ended);
    }
    pthread_mutex_unlock(&c->lock);
    return stay;
}

static void *worker_loop(void *ctx)
{
    struct worker *self = ctx;
    struct queue_work work;
    do {
        while (next_work(self->controller, &work))
            work_on(self->controller, &work);
    } while (stays(self));
    return NULL;
}

// With a stack that does not depend on the system's limit, and on which a rendering has all that it may use.
static bool start_thread(pthread_t *thread, void *(*loop)(void *), void *ctx)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, WORKER_STACK);
    bool started = pthread_create(thread, &attr, loop, ctx) == 0;
    pthread_attr_destroy(&attr);
    return started;
}

static void start_worker(void *ctx)
{
    struct controller *c = ctx;
    pthread_mutex_lock(&c->lock);
    struct worker *slot = NULL;
    for (size_t i = 0; c->started && i < c->worker_count && !slot; i++) {
        if (c->workers[i].state != WORKER_RUNNING)
            slot = &c->workers[i];
    }
    if (slot && !queue_stopped(c->queue)) {
        if (slot->state == WORKER_ENDED)
            pthread_join(slot->thread, NULL);
        slot->controller = c;
        bool started = start_thread(&slot->thread, worker_loop, slot);
        slot->state = started ? WORKER_RUNNING : WORKER_NONE;
        c->running += started;
    }
    pthread_mutex_unlock(&c->lock);
}

void controllers_work(struct app *app)
{
    for (size_t i = 0; i < app->controller_count; i++) {
        struct controller *c = &app->controllers[i];
        pthread_mutex_lock(&c->lock);
        c->started = true;
        pthread_mutex_unlock(&c->lock);
        start_worker(c);
        log_info("Starting workers", LOG_S("controller", c->name), LOG_S("controllerGroup", c->group),
                 LOG_S("controllerKind", c->kind->kind), LOG_I("worker count", (int64_t)c->worker_count));
    }
}

void controllers_stop(struct app *app)
{
    for (size_t i = 0; i < app->controller_count; i++)
        queue_stop(app->controllers[i].queue);
}

// Whether all workers have ended by then, and are joined.
static bool join_workers(struct controller *c, int64_t deadline_ms)
{
    pthread_mutex_lock(&c->lock);
    while (c->running && monotonic_wait(&c->worker_ended, &c->lock, deadline_ms * 1000))
        ;
    bool all = !c->running;
    for (size_t i = 0; all && i < c->worker_count; i++) {
        if (c->workers[i].state == WORKER_ENDED)
            pthread_join(c->workers[i].thread, NULL);
        c->workers[i].state = WORKER_NONE;
    }
    pthread_mutex_unlock(&c->lock);
    return all;
}

bool controllers_join(struct app *app, int64_t deadline_ms)
{
    bool all = true;
    for (size_t i = 0; i < app->controller_count; i++)
        all = join_workers(&app->controllers[i], deadline_ms) && all;
    return all;
}

// ---- start and end --------------------------------------------------------------------------------------------------
struct watched *app_watched(struct app *app, const char *api_version, const char *kind)
{
    for (size_t i = 0; i < app->watched.len; i++) {
        struct watched *w = app->watched.items[i];
        if (!w->metadata_only && !w->label_selector && str_eq(w->kind, kind) && str_eq(w->api_version, api_version))
            return w;
    }
    return NULL;
}

static struct controller *controller_of(struct app *app, const char *kind)
{
    for (size_t i = 0; i < app->controller_count; i++) {
        if (str_eq(app->controllers[i].kind->kind, kind))
            return &app->controllers[i];
    }
    return NULL;
}

struct informer *app_informer(struct app *app, const char *api_version, const char *kind)
{
    struct watched *w = app_watched(app, api_version, kind);
    struct controller *c = controller_of(app, kind);
    return w ? w->informer : c && str_eq(c->kind->api_version, api_version) ? c->own : NULL;
}

void app_enqueue(struct app *app, const char *kind, const char *namespace, const char *name, int64_t after_ms)
{
    struct controller *c = controller_of(app, kind);
    if (!c)
        return;
    cleanup(cleanup_free) char *key = xasprintf("%s/%s", namespace, name);
    queue_add(c->queue, key, after_ms, false);
}

// One informer serves all who watch the same thing in the same way.
static struct watched *watch(struct app *app, const struct informer_options *wanted)
{
    for (size_t i = 0; i < app->watched.len; i++) {
        struct watched *w = app->watched.items[i];
        if (str_eq(w->api_version, wanted->api_version) && str_eq(w->kind, wanted->kind) &&
            str_eq(w->label_selector, wanted->label_selector) && w->metadata_only == wanted->metadata_only)
            return w;
    }
    struct watched *w = xcalloc(1, sizeof *w);
    *w = (struct watched){.app = app,
                          .api_version = wanted->api_version,
                          .kind = wanted->kind,
                          .label_selector = wanted->label_selector,
                          .metadata_only = wanted->metadata_only,
                          .optional = wanted->optional,
                          .told = map_new(NULL)};
    pthread_mutex_init(&w->lock, NULL);
    vec_push(NULL, &app->watched, w);
    return w;
}

static struct informer_options own_options(struct app *app, const struct controller_kind *kind)
{
    const char *selector = app_flag(app, "watch-label-selector");
    return (struct informer_options){
        .api_version = kind->api_version, .kind = kind->kind, .label_selector = *selector ? selector : NULL};
}

static bool is_own(const struct app *app, const struct controller_map *map)
{
    for (size_t i = 0; i < app->controller_count; i++) {
        const struct controller_kind *kind = app->controllers[i].kind;
        if (str_eq(kind->kind, map->kind) && str_eq(kind->api_version, map->api_version))
            return true;
    }
    return false;
}

#define WATCH_ENABLED "reconcile.fluxcd.io/watch=Enabled"

static void subscribe(struct app *app, struct controller *c)
{
    const struct controller_kind *kind = c->kind;
    struct informer_options own = own_options(app, kind);
    c->watched = watch(app, &own);
    vec_push(NULL, &c->watched->subscribers, (struct subscriber){c, NULL});
    for (size_t i = 0; i < kind->map_count; i++) {
        const struct controller_map *map = &kind->maps[i];
        if (!map->api_version)
            continue; // heard of on the bus alone
        struct informer_options other = {.api_version = map->api_version,
                                         .kind = map->kind,
                                         .label_selector = map->label_selector,
                                         .metadata_only = map->metadata_only,
                                         .optional = map->optional};
        if (is_own(app, map))
            other = (struct informer_options){
                .api_version = map->api_version, .kind = map->kind, .label_selector = own.label_selector};
        else if (str_eq(map->label_selector, WATCH_ENABLED)) // Secrets and ConfigMaps that are referred to
            other.label_selector = app_flag(app, "watch-configs-label-selector");
        vec_push(NULL, &watch(app, &other)->subscribers, (struct subscriber){c, map});
    }
}

static void lower_case(char *s)
{
    for (; *s; s++)
        *s = (char)tolower((unsigned char)*s);
}

static void controller_init(struct app *app, struct controller *c, const struct controller_kind *kind)
{
    c->app = app;
    c->kind = kind;
    c->name = xstrdup(kind->kind);
    lower_case(c->name);
    const char *slash = strchr(kind->api_version, '/');
    c->group = xstrndup(kind->api_version, slash ? (size_t)(slash - kind->api_version) : 0);
    int64_t concurrent = app_flag_int(app, "concurrent");
    c->worker_count = (size_t)(concurrent < 1 ? 1 : concurrent);
    c->workers = xcalloc(c->worker_count, sizeof *c->workers);
    pthread_mutex_init(&c->lock, NULL);
    monotonic_init(&c->worker_ended);
    c->queue = queue_new(&(struct queue_options){.min_retry_ms = app_flag_ms(app, "min-retry-delay"),
                                                 .max_retry_ms = app_flag_ms(app, "max-retry-delay"),
                                                 .backlog = start_worker,
                                                 .ctx = c});
    instruments_controller(app, c);
}

bool controllers_start(struct app *app, struct error *err)
{
    while (app->spec->kinds[app->controller_count])
        app->controller_count++;
    app->controllers = xcalloc(app->controller_count + 1, sizeof *app->controllers);
    for (size_t i = 0; i < app->controller_count; i++) {
        const struct controller_kind *kind = app->spec->kinds[i];
        controller_init(app, &app->controllers[i], kind);
        if (kind->schema && !kind->refused && !schema_rules_cover(kind->schema, kind->rules, kind->rule_count, err))
            return false;
    }
    for (size_t i = 0; i < app->controller_count; i++)
        subscribe(app, &app->controllers[i]);
    for (size_t i = 0; i < app->watched.len; i++) {
        struct watched *w = app->watched.items[i];
        w->informer = watcher_add(app->watcher, &(struct informer_options){.api_version = w->api_version,
                                                                           .kind = w->kind,
                                                                           .namespace = app->namespace,
                                                                           .label_selector = w->label_selector,
                                                                           .metadata_only = w->metadata_only,
                                                                           .optional = w->optional,
                                                                           .on_event = on_event,
                                                                           .ctx = w});
        for (size_t s = 0; s < w->subscribers.len; s++) {
            if (!w->subscribers.items[s].map)
                w->subscribers.items[s].controller->own = w->informer;
        }
    }
    return watcher_start(app->watcher, err);
}

void controllers_free(struct app *app)
{
    for (size_t i = 0; i < app->controller_count; i++) {
        struct controller *c = &app->controllers[i];
        queue_free(c->queue);
        pthread_cond_destroy(&c->worker_ended);
        pthread_mutex_destroy(&c->lock);
        free(c->workers);
        free(c->name);
        free(c->group);
    }
    free(app->controllers);
    for (size_t i = 0; i < app->watched.len; i++) {
        struct watched *w = app->watched.items[i];
        const char *key;
        void *told;
        for (size_t t = 0; map_each(w->told, &t, &key, &told);)
            free(told);
        map_free(w->told);
        pthread_mutex_destroy(&w->lock);
        free(w->subscribers.items);
        free(w);
    }
    free(app->watched.items);
}
