// watcher.c - the watch thread: discovery, lists and watches of all informers on one curl multi handle.
//
// Each informer is a small state machine: DISCOVER finds the kind's path, LIST reads page by page, WATCH follows from
// the list's resourceVersion with bookmarks. A watch that ends resumes where it was; 410 Gone, and faults that repeat,
// lead back to LIST; a kind that is not there back to DISCOVER.
#include <signal.h>
#include <stdio.h>

#include "kube/watch.h"

#define STACK_SIZE (1u << 20)
#define LINE_KEPT (32u << 10) // a buffer larger than this is given back after its event
#define RELIST_AFTER 5        // failures in a row of a watch without an event
#define POLL_MOST_MS 60000

struct watcher {
    struct kube *kube;
    CURLM *multi;
    struct arena *scratch; // the thread's
    struct watch_timing timing;
    pthread_t thread;
    bool started;
    atomic_bool stopping;
    _Atomic(struct informer *) informers; // grows at its head only
    pthread_mutex_t lock;                 // of adding
};

// ---- life ---------------------------------------------------------------------------------------------------------
struct watcher *watcher_new(struct kube *k)
{
    struct watcher *w = xcalloc(1, sizeof *w);
    w->kube = k;
    w->scratch = arena_new();
    w->multi = curl_multi_init();
    if (!w->multi)
        abort(); // out of memory, as xmalloc
    pthread_mutex_init(&w->lock, NULL);
    w->timing = (struct watch_timing){.watch_s = 120,
                                      .grace_ms = 15000,
                                      .stall_s = 30,
                                      .backoff_first_ms = 200,
                                      .backoff_most_ms = 30000,
                                      .missing_ms = 10000,
                                      .gone_ms = 60000};
    return w;
}

struct watch_timing *watcher_timing(struct watcher *w)
{
    return &w->timing;
}

static bool reader_item(void *ctx, struct slice text, struct error *err)
{
    struct informer *i = ctx;
    i->progressed = true;
    return informer_take(i, i->watcher->scratch, text, true, err);
}

struct informer *watcher_add(struct watcher *w, const struct informer_options *options)
{
    struct informer *i = informer_new(w, options);
    i->easy = curl_easy_init();
    if (!i->easy)
        abort();
    i->reader = (struct list_reader){.item = reader_item, .ctx = i};
    pthread_mutex_lock(&w->lock);
    i->next = atomic_load(&w->informers);
    atomic_store(&w->informers, i);
    pthread_mutex_unlock(&w->lock);
    curl_multi_wakeup(w->multi);
    return i;
}

// With kube's lock, so that no waiter misses it.
static void notify(struct watcher *w, atomic_bool *flag)
{
    pthread_mutex_lock(&w->kube->lock);
    atomic_store(flag, true);
    pthread_cond_broadcast(&w->kube->changed);
    pthread_mutex_unlock(&w->kube->lock);
}

void watcher_stop(struct watcher *w)
{
    if (!w)
        return;
    notify(w, &w->stopping);
    curl_multi_wakeup(w->multi);
    if (w->started)
        pthread_join(w->thread, NULL);
    for (struct informer *i = atomic_load(&w->informers), *next; i; i = next) {
        next = i->next;
        if (i->busy)
            curl_multi_remove_handle(w->multi, i->easy);
        curl_easy_cleanup(i->easy);
        call_lines_free(&i->lines);
        list_reader_free(&i->reader);
        buf_free(&i->body);
        buf_free(&i->line);
        error_clear(&i->fault);
        free(i->continued);
        informer_free(i);
    }
    curl_multi_cleanup(w->multi);
    pthread_mutex_destroy(&w->lock);
    arena_free(w->scratch);
    free(w);
}

static bool all_synced(struct watcher *w)
{
    for (struct informer *i = atomic_load(&w->informers); i; i = i->next)
        if (!atomic_load(&i->synced))
            return false;
    return true;
}

bool watcher_wait_synced(struct watcher *w, int64_t timeout_ms)
{
    struct kube *k = w->kube;
    int64_t until_us = clock_mono_us() + timeout_ms * 1000;
    pthread_mutex_lock(&k->lock);
    while (!all_synced(w) && !atomic_load(&w->stopping) && !atomic_load(&k->cancelled) &&
           monotonic_wait(&k->changed, &k->lock, until_us))
        ;
    bool ok = all_synced(w);
    pthread_mutex_unlock(&k->lock);
    return ok;
}

// ---- receiving ----------------------------------------------------------------------------------------------------
// One event. ERROR ends the watch: its Status becomes i->fault, with its code.
static bool take_event(struct informer *i, struct slice line)
{
    struct watch_event event;
    struct arena *scratch = i->watcher->scratch;
    if (!watch_event_read(line, &event, &i->fault))
        return false;
    bool ok;
    if (slice_eq_str(event.type, "ADDED") || slice_eq_str(event.type, "MODIFIED")) {
        ok = informer_take(i, scratch, event.object, false, &i->fault);
    } else if (slice_eq_str(event.type, "DELETED")) {
        ok = informer_take_deleted(i, scratch, event.object, &i->fault);
    } else if (slice_eq_str(event.type, "BOOKMARK")) {
        ok = informer_take_bookmark(i, scratch, event.object, &i->fault);
    } else if (slice_eq_str(event.type, "ERROR")) {
        struct arena_mark mark = arena_mark(scratch);
        cleanup(error_clear) struct error ignored = {0};
        struct value status = VALUE_NULL;
        json_parse(scratch, event.object.data, event.object.len, 0, &status, &ignored);
        status_error("WATCH", i->lines.url, value_int_or(value_get(status, "code"), 500), event.object, &i->fault);
        arena_reset(scratch, mark);
        return false;
    } else {
        event.type = slice_sub(event.type, 0, 32);
        return error_set(&i->fault, ERROR_TRANSIENT, "an unknown watch event \"%.*s\"", SLICE_ARG(event.type));
    }
    i->progressed |= ok;
    return ok;
}

static bool take_lines(struct informer *i, const char *data, size_t len)
{
    for (const char *end = data + len; data < end;) {
        const char *newline = memchr(data, '\n', (size_t)(end - data));
        size_t part = (size_t)((newline ? newline : end) - data);
        bool held = i->line.len > 0 || !newline;
        if (held && i->line.len + part > KUBE_OBJECT_LIMIT)
            return error_set(&i->fault, ERROR_LIMIT, "a watch event is larger than %u bytes", KUBE_OBJECT_LIMIT);
        if (held)
            buf_add(&i->line, data, part);
        if (!newline)
            return true;
        struct slice line = slice_trim_space(held ? buf_view(&i->line) : slice_n(data, part));
        if (line.len && !take_event(i, line))
            return false;
        if (i->line.cap > LINE_KEPT)
            buf_free(&i->line);
        buf_clear(&i->line);
        data = newline + 1;
    }
    return true;
}

static size_t receive(char *data, size_t size, size_t count, void *ctx)
{
    struct informer *i = ctx;
    size_t len = size * count;
    long status = 0;
    bool ok;
    curl_easy_getinfo(i->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 || i->phase == PHASE_DISCOVER) {
        ok = i->body.len + len <= KUBE_STATUS_LIMIT ||
             error_set(&i->fault, ERROR_LIMIT, "the answer is larger than %u bytes", KUBE_STATUS_LIMIT);
        if (ok)
            buf_add(&i->body, data, len);
    } else if (i->phase == PHASE_LIST) {
        ok = list_reader_feed(&i->reader, data, len, &i->fault);
    } else {
        ok = take_lines(i, data, len);
    }
    return ok ? len : 0;
}

// ---- asking -------------------------------------------------------------------------------------------------------
static void build_path(struct informer *i, int64_t watch_s, struct buf *path)
{
    char number[24];
    if (i->phase == PHASE_DISCOVER) {
        path_group(path, i->options.api_version);
        return;
    }
    path_resource(path, &i->resource, i->options.namespace);
    path_query(path, "labelSelector", i->options.label_selector);
    path_query(path, "fieldSelector", i->options.field_selector);
    if (i->phase == PHASE_LIST) {
        snprintf(number, sizeof number, "%d", KUBE_PAGE);
        path_query(path, "limit", number);
        path_query(path, "continue", i->continued);
        return;
    }
    snprintf(number, sizeof number, "%lld", (long long)watch_s);
    path_query(path, "watch", "true");
    path_query(path, "allowWatchBookmarks", "true");
    path_query(path, "resourceVersion", i->position); // written by this thread alone
    path_query(path, "timeoutSeconds", number);
}

static void set_times(struct informer *i, int64_t watch_s)
{
    const struct watch_timing *t = &i->watcher->timing;
    if (i->phase == PHASE_WATCH) {
        curl_easy_setopt(i->easy, CURLOPT_TIMEOUT_MS, (long)(watch_s * 1000 + t->grace_ms));
        return;
    }
    curl_easy_setopt(i->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(i->easy, CURLOPT_LOW_SPEED_TIME, (long)t->stall_s);
    curl_easy_setopt(i->easy, CURLOPT_TIMEOUT_MS, (long)(t->stall_s * 20000));
}

static void failed(struct informer *i, struct error *err);
static void missing(struct informer *i);

static void begin_transfer(struct informer *i)
{
    struct watcher *w = i->watcher;
    int64_t watch_s = w->timing.watch_s + (int64_t)(random_unit() * (double)w->timing.watch_s / 2);
    struct buf path = {0};
    build_path(i, watch_s, &path);
    static const char *const accept[] = {[PHASE_LIST] = ACCEPT_METADATA_LIST, [PHASE_WATCH] = ACCEPT_METADATA};
    struct kube_call call = {
        .path = buf_cstr(&path), .accept = i->options.metadata_only ? accept[i->phase] : NULL, .watch = true};
    struct error fault = {0};
    bool ok = call_prepare(w->kube, i->easy, &call, &i->lines, &fault);
    buf_free(&path);
    if (!ok) {
        call_lines_free(&i->lines);
        failed(i, &fault);
        return;
    }
    set_times(i, watch_s);
    curl_easy_setopt(i->easy, CURLOPT_PRIVATE, i);
    curl_easy_setopt(i->easy, CURLOPT_ERRORBUFFER, i->message);
    curl_easy_setopt(i->easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(i->easy, CURLOPT_WRITEDATA, i);
    i->message[0] = '\0';
    i->progressed = false;
    i->started_ms = clock_mono_ms();
    buf_clear(&i->body);
    buf_clear(&i->line);
    list_reader_begin(&i->reader);
    i->busy = true;
    curl_multi_add_handle(w->multi, i->easy);
}

static void begin(struct informer *i)
{
    if (i->phase == PHASE_DISCOVER && !i->ask) {
        bool fresh;
        if (discovery_lookup(i->watcher->kube, i->options.api_version, i->options.kind, &i->resource, &fresh)) {
            i->phase = PHASE_LIST;
        } else if (fresh) {
            missing(i);
            return;
        }
    }
    if (i->phase == PHASE_LIST && !i->continued)
        i->list++;
    begin_transfer(i);
}

// ---- what came of it ----------------------------------------------------------------------------------------------
static void again_after(struct informer *i, int64_t ms)
{
    i->due_ms = clock_mono_ms() + ms;
}

static void list_anew(struct informer *i)
{
    free(i->continued);
    i->continued = NULL;
    i->phase = PHASE_LIST;
}

static void failed(struct informer *i, struct error *err)
{
    const struct watch_timing *t = &i->watcher->timing;
    int shift = i->failures < 16 ? i->failures : 16;
    int64_t most = t->backoff_first_ms << shift;
    if (most > t->backoff_most_ms)
        most = t->backoff_most_ms;
    int64_t wait = most / 2 + (int64_t)(random_unit() * (double)most / 2);
    if (err->retry_after_ms > wait)
        wait = err->retry_after_ms;
    i->failures++;
    static const char *const doing[] = {
        [PHASE_DISCOVER] = "discovery failed", [PHASE_LIST] = "list failed", [PHASE_WATCH] = "watch failed"};
    if (i->failures > 2) // one or two are part of an API server's restart
        log_error(error_text(err), doing[i->phase], LOG_S("kind", i->options.kind), LOG_I("retryAfterMs", wait));
    else
        log_info(doing[i->phase], LOG_S("kind", i->options.kind), LOG_S("cause", error_text(err)),
                 LOG_I("retryAfterMs", wait));
    // Its file may hold another token already, whose time stamp looks the same.
    if (err->code == 401) {
        cleanup(error_clear) struct error ignored = {0};
        cleanup(cleanup_free) char *token = NULL;
        kube_token(i->watcher->kube, true, &token, &ignored);
    }
    if (err->code == 410 || (i->phase == PHASE_WATCH && i->failures >= RELIST_AFTER)) {
        list_anew(i);
    } else if (err->code == 404 && i->phase != PHASE_DISCOVER) { // its definition was deleted, or replaced
        list_anew(i);
        i->phase = PHASE_DISCOVER;
        i->ask = true;
    }
    again_after(i, wait);
    error_clear(err);
}

// The server does not have the kind (now).
static void missing(struct informer *i)
{
    struct watcher *w = i->watcher;
    int64_t now = clock_mono_ms();
    if (!i->missing_since_ms) {
        i->missing_since_ms = now;
        log_info(i->options.optional ? "kind is not served, looking again" : "kind is missing, looking again",
                 LOG_S("kind", i->options.kind), LOG_S("apiVersion", i->options.api_version));
    }
    if (now - i->missing_since_ms >= w->timing.gone_ms)
        informer_clear(i, w->scratch);
    if (i->options.optional && !atomic_load(&i->synced))
        notify(w, &i->synced);
    list_anew(i);
    i->phase = PHASE_DISCOVER;
    again_after(i, w->timing.missing_ms / 2 + (int64_t)(random_unit() * (double)w->timing.missing_ms / 2));
}

static void discovered(struct informer *i, bool there)
{
    struct error fault = {0};
    i->ask = false;
    if (discovery_store(i->watcher->kube, i->options.api_version, there ? buf_view(&i->body) : slice_n(NULL, 0),
                        i->started_ms, &fault))
        again_after(i, 0); // `begin` finds it, or finds it missing
    else
        failed(i, &fault);
}

static void listed(struct informer *i)
{
    struct arena *scratch = i->watcher->scratch;
    struct arena_mark mark = arena_mark(scratch);
    struct error fault = {0};
    struct value head;
    const char *next = NULL, *version = NULL;
    if (list_reader_end(&i->reader, scratch, &head, &fault)) {
        next = value_str(value_path(head, "metadata.continue"));
        version = value_str_or(value_path(head, "metadata.resourceVersion"), "");
        if (!*version || strlen(version) >= RV_LEN)
            error_set(&fault, ERROR_TRANSIENT, "a list without resourceVersion");
    }
    if (fault.class) {
        failed(i, &fault);
    } else if (!str_empty(next)) {
        free(i->continued);
        i->continued = xstrdup(next);
        again_after(i, 0);
    } else {
        list_anew(i); // the pages are done
        i->failures = 0;
        i->missing_since_ms = 0;
        if (informer_take_list_end(i, scratch, version)) {
            i->phase = PHASE_WATCH;
            if (!atomic_load(&i->synced))
                notify(i->watcher, &i->synced);
        }
        again_after(i, 0);
    }
    arena_reset(scratch, mark);
}

static void watch_ended(struct informer *i)
{
    if (!i->progressed && clock_mono_ms() - i->started_ms < 1000) { // a server that hangs up at once
        struct error fault = {0};
        error_set(&fault, ERROR_TRANSIENT, "the watch ended at once");
        failed(i, &fault);
        return;
    }
    again_after(i, 0);
}

static void finished(struct informer *i, CURLcode code)
{
    meter_observe(i->watcher->kube, i->easy, "GET");
    long status = 0;
    curl_off_t after = 0;
    struct error fault = {0};
    curl_easy_getinfo(i->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(i->easy, CURLINFO_RETRY_AFTER, &after);
    curl_multi_remove_handle(i->watcher->multi, i->easy);
    i->busy = false;
    if (i->progressed && i->phase == PHASE_WATCH)
        i->failures = 0;
    if (i->fault.class)
        error_move(&fault, &i->fault);
    else if (code != CURLE_OK)
        call_failed(i->phase == PHASE_WATCH ? "WATCH" : "GET", i->lines.url, code, i->message, &fault);
    else if (status != 200)
        status_error(i->phase == PHASE_WATCH ? "WATCH" : "GET", i->lines.url, status, buf_view(&i->body), &fault);
    if (fault.class && after > 0 && after < 600)
        fault.retry_after_ms = (int64_t)after * 1000;
    call_lines_free(&i->lines);
    curl_easy_reset(i->easy);
    if (i->body.cap > LINE_KEPT && i->phase != PHASE_DISCOVER)
        buf_free(&i->body);
    if (fault.class == ERROR_NOT_FOUND && i->phase == PHASE_DISCOVER) {
        error_clear(&fault);
        discovered(i, false);
    } else if (fault.class) {
        failed(i, &fault);
    } else if (i->phase == PHASE_DISCOVER) {
        discovered(i, true);
        buf_free(&i->body);
    } else if (i->phase == PHASE_LIST) {
        listed(i);
    } else {
        watch_ended(i);
    }
}

// ---- the thread ---------------------------------------------------------------------------------------------------
static void *run(void *ctx)
{
    struct watcher *w = ctx;
    while (!atomic_load(&w->stopping)) {
        struct informer *first = atomic_load(&w->informers);
        for (struct informer *i = first; i; i = i->next)
            if (!i->busy && i->due_ms <= clock_mono_ms())
                begin(i);
        int running, left;
        curl_multi_perform(w->multi, &running);
        for (CURLMsg *m; (m = curl_multi_info_read(w->multi, &left));) {
            struct informer *i = NULL;
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &i);
            if (m->msg == CURLMSG_DONE)
                finished(i, m->data.result);
        }
        int64_t now = clock_mono_ms(), wait = POLL_MOST_MS;
        for (struct informer *i = atomic_load(&w->informers); i; i = i->next)
            if (!i->busy && i->due_ms - now < wait)
                wait = i->due_ms - now;
        if (wait > 0)
            curl_multi_poll(w->multi, NULL, 0, (int)wait, NULL);
    }
    return NULL;
}

bool watcher_start(struct watcher *w, struct error *err)
{
    pthread_attr_t attr;
    sigset_t all, before;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    sigfillset(&all); // signals are for the main thread
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int fault = pthread_create(&w->thread, &attr, run, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (fault)
        return error_set(err, ERROR_TRANSIENT, "watch thread: %s", strerror(fault));
    w->started = true;
    return true;
}
