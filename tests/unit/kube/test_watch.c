// test_watch.c - the list/watch cache against a server that pages, ends, forgets, lies and hangs; and own writes beside
// it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

#include "fake_api.h"
#include "kube/watch.h"

#define CM(name, rv)                                                                                                   \
    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"" name                                     \
    "\",\"namespace\":\"ns\",\"resourceVersion\":\"" rv "\"}}"
#define LIST(rv, next, items)                                                                                          \
    "{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" rv "\"" next              \
    "},\"items\":[" items "]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(rv) EVENT("BOOKMARK", "{\"kind\":\"ConfigMap\",\"metadata\":{\"resourceVersion\":\"" rv "\"}}")
#define GONE                                                                                                           \
    EVENT("ERROR", "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"too old resource "          \
                   "version\"}")
#define RESOURCES "{\"resources\":[{\"name\":\"configmaps\",\"kind\":\"ConfigMap\",\"namespaced\":true}]}"

// ---- one watcher with one informer, its events as lines -----------------------------------------------------------
struct fixture {
    struct fake_server *server;
    struct kube *kube;
    struct watcher *watcher;
    struct informer *informer;
    struct arena *arena;
    struct error err;
    pthread_mutex_t lock; // of log
    struct buf log;       // "ADDED a -1;UPDATED a 1-2;DELETED a 2-;"
};

static void on_event(void *ctx, enum informer_event event, struct value old, struct value object)
{
    static const char *const names[] = {"ADDED", "UPDATED", "DELETED"};
    struct fixture *f = ctx;
    pthread_mutex_lock(&f->lock);
    buf_printf(&f->log, "%s %s %s-%s;", names[event], kube_name(object),
               value_str_or(value_path(old, "metadata.resourceVersion"), ""),
               value_str_or(value_path(object, "metadata.resourceVersion"), ""));
    pthread_mutex_unlock(&f->lock);
}

static bool log_is(struct fixture *f, const char *want)
{
    pthread_mutex_lock(&f->lock);
    bool is = str_eq(buf_cstr(&f->log), want);
    pthread_mutex_unlock(&f->lock);
    return is;
}

static void assert_log(struct fixture *f, const char *want)
{
    if (!WAIT_FOR(log_is(f, want)))
        fail_msg("\n  got  %s\n  want %s", buf_cstr(&f->log), want);
}

static struct fixture *set_up_with(fake_handler handler, struct informer_options options)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    pthread_mutex_init(&f->lock, NULL);
    f->server = fake_start(handler);
    f->kube = fake_kube(f->server);
    f->arena = arena_new();
    f->watcher = watcher_new(f->kube);
    options.api_version = "v1";
    options.kind = "ConfigMap";
    options.on_event = on_event;
    options.ctx = f;
    f->informer = watcher_add(f->watcher, &options);
    *watcher_timing(f->watcher) = (struct watch_timing){.watch_s = 1,
                                                        .grace_ms = 300,
                                                        .stall_s = 3,
                                                        .backoff_first_ms = 5,
                                                        .backoff_most_ms = 40,
                                                        .missing_ms = 20,
                                                        .gone_ms = 100};
    assert_true(watcher_start(f->watcher, &f->err));
    return f;
}

static struct fixture *set_up(fake_handler handler)
{
    return set_up_with(handler, (struct informer_options){0});
}

static void tear_down(struct fixture *f)
{
    watcher_stop(f->watcher);
    kube_free(f->kube);
    fake_stop(f->server);
    arena_free(f->arena);
    error_clear(&f->err);
    buf_free(&f->log);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

static const char *cached(struct fixture *f, const char *name) // its resourceVersion, or ""
{
    return value_str_or(value_path(informer_get(f->informer, f->arena, "ns", name), "metadata.resourceVersion"), "");
}

static struct value json(struct arena *a, const char *text)
{
    struct error err = {0};
    struct value v;
    assert_true(json_parse(a, text, strlen(text), 0, &v, &err));
    return v;
}

// ---- parts of handlers --------------------------------------------------------------------------------------------
static bool is_discovery(struct fake_request *r)
{
    if (!str_eq(r->path, "/api/v1"))
        return false;
    fake_answer(r, 200, NULL, RESOURCES);
    return true;
}

static bool is_watch(const struct fake_request *r)
{
    return strstr(r->query, "watch=true") != NULL;
}

static bool asks(const struct fake_request *r, const char *word)
{
    return strstr(r->query, word) != NULL;
}

static void stream(struct fake_request *r, const char *text, bool hold)
{
    fake_begin_stream(r);
    fake_chunk(r, text);
    if (hold)
        fake_hold(r);
    else
        fake_end_stream(r);
}

// ---- the usual ----------------------------------------------------------------------------------------------------
static void usual(struct fake_request *r)
{
    if (is_discovery(r))
        return;
    if (!is_watch(r) && !asks(r, "continue="))
        fake_answer(r, 200, NULL, LIST("5", ",\"continue\":\"t%1\"", CM("a", "1") "," CM("b", "2")));
    else if (asks(r, "continue=t%251&") || str_has_suffix(r->query, "continue=t%251"))
        fake_answer(r, 200, NULL, LIST("5", "", CM("c", "3")));
    else if (asks(r, "resourceVersion=5&")) // an event in pieces, white space, a bookmark; then the end
        stream(r,
               EVENT("ADDED", CM("d", "6")) "\n  \r\n" EVENT("MODIFIED", CM("a", "7")) EVENT("DELETED", CM("b", "8"))
                   BOOKMARK("50"),
               false);
    else if (asks(r, "resourceVersion=50&"))
        stream(r, EVENT("DELETED", CM("d", "51")), true);
}

static void test_usual(void **state)
{
    struct fixture *f = set_up(usual);
    assert_true(watcher_wait_synced(f->watcher, 10000));
    assert_true(informer_synced(f->informer));
    assert_log(f, "ADDED a -1;ADDED b -2;ADDED c -3;ADDED d -6;UPDATED a 1-7;DELETED b 2-8;DELETED d 6-51;");
    assert_int_equal(informer_count(f->informer), 2);
    assert_string_equal(cached(f, "a"), "7");
    assert_string_equal(cached(f, "b"), "");
    assert_int_equal(value_len(informer_list(f->informer, f->arena, NULL)), 2);
    assert_int_equal(value_len(informer_list(f->informer, f->arena, "ns")), 2);
    assert_int_equal(value_len(informer_list(f->informer, f->arena, "n")), 0);
    assert_int_equal(fake_count(f->server, "GET /api/v1/configmaps?watch"), 2);
    tear_down(f);
}

static bool visit_one(void *ctx, struct value object)
{
    ++*(int *)ctx;
    return false;
}

static void test_each(void **state)
{
    struct fixture *f = set_up(usual);
    int seen = 0;
    assert_true(WAIT_FOR(informer_count(f->informer) == 2 && *cached(f, "a") == '7'));
    informer_each(f->informer, f->arena, "ns", visit_one, &seen);
    assert_int_equal(seen, 1);
    informer_search(f->informer, f->arena, "ns", "\"nobody\"", visit_one, &seen);
    assert_int_equal(seen, 1);
    informer_search(f->informer, f->arena, NULL, "\"a\"", visit_one, &seen);
    assert_int_equal(seen, 2);
    tear_down(f);
}

// ---- relist -------------------------------------------------------------------------------------------------------
// After the ERROR: a is gone, b has changed, c has not.
static void expired(struct fake_request *r)
{
    if (is_discovery(r))
        return;
    if (is_watch(r))
        stream(r, r->number == 1 ? BOOKMARK("6") GONE : "\n", r->number > 1);
    else if (r->number == 1)
        fake_answer(r, 200, NULL, LIST("5", "", CM("a", "1") "," CM("b", "2") "," CM("c", "3")));
    else
        fake_answer(r, 200, NULL, LIST("9", "", CM("b", "8") "," CM("c", "3")));
}

static void expired_by_status(struct fake_request *r)
{
    if (is_watch(r) && r->number == 1)
        fake_answer(r, 410, NULL, "{\"kind\":\"Status\",\"code\":410,\"message\":\"too old\"}");
    else
        expired(r);
}

// A page's snapshot is gone: from the start, and what the first try brought is not lost or doubled.
static void expired_page(struct fake_request *r)
{
    if (!is_watch(r) && asks(r, "continue=") && r->number == 1)
        fake_answer(r, 410, NULL, "{\"kind\":\"Status\",\"code\":410,\"message\":\"too old\"}");
    else if (!is_watch(r) && r->number == 1 && !is_discovery(r))
        fake_answer(r, 200, NULL, LIST("5", ",\"continue\":\"x\"", CM("a", "1") "," CM("b", "2") "," CM("c", "3")));
    else
        expired(r);
}

static void test_relist(void **state)
{
    static const fake_handler handlers[] = {expired, expired_by_status, expired_page};
    for (size_t i = 0; i < ARRAY_LEN(handlers); i++) {
        struct fixture *f = set_up(handlers[i]);
        assert_log(f, "ADDED a -1;ADDED b -2;ADDED c -3;UPDATED b 2-8;DELETED a 1-1;");
        assert_true(watcher_wait_synced(f->watcher, 10000));
        assert_int_equal(informer_count(f->informer), 2);
        tear_down(f);
    }
}

// etcd was restored from a backup: its revisions went back.
static void restored(struct fake_request *r)
{
    if (is_discovery(r))
        return;
    if (is_watch(r))
        stream(r, r->number == 1 ? BOOKMARK("1000") GONE : "\n", r->number > 1);
    else if (r->number == 1)
        fake_answer(r, 200, NULL, LIST("900", "", CM("a", "800") "," CM("b", "801")));
    else
        fake_answer(r, 200, NULL, LIST("500", "", CM("a", "400")));
}

static void test_restored(void **state)
{
    struct fixture *f = set_up(restored);
    assert_log(f, "ADDED a -800;ADDED b -801;DELETED a 800-800;DELETED b 801-801;ADDED a -400;");
    assert_string_equal(cached(f, "a"), "400");
    assert_true(WAIT_FOR(fake_count(f->server, "GET /api/v1/configmaps?watch") == 2));
    tear_down(f);
}

// ---- faults -------------------------------------------------------------------------------------------------------
static const char *const faults[] = {
    "garbage\n",
    "{\"type\":\"ADDED\"}\n",
    "{\"type\":\"ADDED\",\"object\":{}}\n",
    EVENT("NONSENSE", "{}"),
    "<html>\n</html>\n",
    "{\"type\":\"ADDED\",\"object\":", // half a line, then the end
    EVENT("BOOKMARK", "{}"),
    EVENT("ERROR", "{\"kind\":\"Status\",\"code\":500,\"message\":\"etcd\"}"),
    EVENT("ERROR", "null"),
    EVENT("ADDED",
          "{\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"1111111111111111111111111111111111111111111111111\"}}"),
    NULL, // hangs up without an answer
};
static size_t fault; // which, set before the server starts

static void faulty(struct fake_request *r)
{
    if (is_discovery(r))
        return;
    if (!is_watch(r)) {
        fake_answer(r, 200, NULL, LIST("5", "", CM("a", "1")));
    } else if (r->number == 1 && !faults[fault]) {
        r->close = true;
    } else if (r->number == 1) {
        fake_begin_stream(r);
        fake_chunk(r, EVENT("ADDED", CM("b", "6")));
        fake_chunk(r, faults[fault]);
        fake_end_stream(r);
    } else { // resumed behind the last good event, or where it began
        bool resumed = asks(r, faults[fault] ? "resourceVersion=6&" : "resourceVersion=5&");
        stream(r, resumed ? EVENT("ADDED", CM("z", "7")) : "\n", true);
    }
}

static void test_faults(void **state)
{
    for (fault = 0; fault < ARRAY_LEN(faults); fault++) {
        struct fixture *f = set_up(faulty);
        assert_log(f, faults[fault] ? "ADDED a -1;ADDED b -6;ADDED z -7;" : "ADDED a -1;ADDED z -7;");
        tear_down(f);
    }
}

// The list fails in every way before it succeeds.
static void hard_list(struct fake_request *r)
{
    static const struct {
        int status;
        const char *headers, *body;
    } answers[] = {
        {500, NULL, "{\"kind\":\"Status\",\"message\":\"no\"}"},
        {429, "Retry-After: 1\r\n", ""},
        {503, NULL, "<html>"},
        {403, NULL, "{}"},
        {200, NULL, ""},
        {200, NULL, "garbage"},
        {200, NULL, "{\"items\":[{]}"},
        {200, NULL, "{\"items\":[{\"metadata\":{}}]}"},
        {200, NULL, LIST("", "", CM("a", "1"))},
        {302, "Location: /\r\n", ""},
    };
    size_t at = (size_t)r->number - 1;
    if (is_watch(r))
        stream(r, "\n", true);
    else if (str_eq(r->path, "/api/v1") && at < 3)
        fake_answer(r, at == 0 ? 503 : 200, NULL, at == 1 ? "garbage" : "{\"resources\":7}");
    else if (is_discovery(r))
        return;
    else if (at < ARRAY_LEN(answers))
        fake_answer(r, answers[at].status, answers[at].headers, answers[at].body);
    else if (at == ARRAY_LEN(answers))
        r->close = true;
    else
        fake_answer(r, 200, NULL, LIST("5", "", CM("a", "1") "," CM("b", "2")));
}

static void test_hard_list(void **state)
{
    struct fixture *f = set_up(hard_list);
    int64_t start = clock_mono_ms();
    assert_log(f, "ADDED a -1;ADDED b -2;");
    assert_true(clock_mono_ms() - start >= 900); // Retry-After was heeded
    tear_down(f);
}

static void endless_event(struct fake_request *r)
{
    if (is_discovery(r))
        return;
    if (!is_watch(r)) {
        fake_answer(r, 200, NULL, LIST("5", "", ""));
    } else if (r->number == 1) {
        cleanup(cleanup_free) char *block = xcalloc(1, (1 << 20) + 1);
        memset(block, 'x', 1 << 20);
        fake_begin_stream(r);
        fake_chunk(r, "{\"type\":\"ADDED\",\"object\":{\"data\":\"");
        for (int i = 0; i < 20; i++)
            fake_chunk(r, block);
        r->close = true;
    } else {
        stream(r, EVENT("ADDED", CM("a", "6")), true);
    }
}

static void test_endless_event(void **state)
{
    struct fixture *f = set_up(endless_event);
    assert_log(f, "ADDED a -6;");
    tear_down(f);
}

// Says nothing, neither to the list nor to the watch; then it does.
static void silent(struct fake_request *r)
{
    if (is_discovery(r))
        return;
    if (r->number == 1)
        fake_hold(r);
    else if (!is_watch(r))
        fake_answer(r, 200, NULL, LIST("5", "", CM("a", "1")));
    else
        stream(r, EVENT("ADDED", CM("b", "6")), true);
}

static void test_silent(void **state)
{
    struct fixture *f = set_up(silent);
    assert_log(f, "ADDED a -1;ADDED b -6;");
    tear_down(f);
}

static void ends_at_once(struct fake_request *r)
{
    if (is_discovery(r))
        return;
    if (is_watch(r))
        stream(r, r->number < 12 ? "\n" : EVENT("ADDED", CM("a", "6")), r->number >= 12);
    else
        fake_answer(r, 200, NULL, LIST("5", "", ""));
}

// Backed off, and after some of them a fresh list: 11 failures take at least 5 + 10 + 20 + 40 … / 2.
static void test_ends_at_once(void **state)
{
    struct fixture *f = set_up(ends_at_once);
    int64_t start = clock_mono_ms();
    assert_log(f, "ADDED a -6;");
    assert_true(clock_mono_ms() - start >= 80);
    assert_true(
        fake_count(f->server, "GET /api/v1/configmaps") - fake_count(f->server, "GET /api/v1/configmaps?watch") >= 2);
    tear_down(f);
}

// ---- kinds that come and go ---------------------------------------------------------------------------------------
static atomic_bool served;

static void sometimes(struct fake_request *r)
{
    if (!atomic_load(&served))
        fake_answer(r, 404, NULL, "404 page not found");
    else if (is_discovery(r))
        return;
    else if (is_watch(r))
        while (!fake_stopping(r) && atomic_load(&served))
            fake_pause();
    else
        fake_answer(r, 200, NULL, LIST("5", "", CM("a", "1")));
    if (is_watch(r))
        r->close = true;
}

static void test_optional(void **state)
{
    atomic_store(&served, false);
    struct fixture *f = set_up_with(sometimes, (struct informer_options){.optional = true});
    assert_true(watcher_wait_synced(f->watcher, 10000)); // synced and empty
    assert_int_equal(informer_count(f->informer), 0);
    atomic_store(&served, true);
    kube_discovery_forget(f->kube); // who applied the definition says so; else it takes some seconds longer
    assert_log(f, "ADDED a -1;");
    atomic_store(&served, false);
    assert_log(f, "ADDED a -1;DELETED a 1-1;");
    assert_int_equal(informer_count(f->informer), 0);
    tear_down(f);
}

static void test_required(void **state)
{
    atomic_store(&served, false);
    struct fixture *f = set_up(sometimes);
    assert_true(WAIT_FOR(fake_count(f->server, "GET /api/v1") > 0));
    assert_false(watcher_wait_synced(f->watcher, 50));
    atomic_store(&served, true);
    kube_discovery_forget(f->kube);
    assert_true(watcher_wait_synced(f->watcher, 10000));
    tear_down(f);
}

static void test_wait_cancelled(void **state)
{
    atomic_store(&served, false);
    struct fixture *f = set_up(sometimes);
    kube_cancel(f->kube);
    int64_t start = clock_mono_ms();
    assert_false(watcher_wait_synced(f->watcher, 10000));
    assert_true(clock_mono_ms() - start < 5000);
    tear_down(f);
}

// ---- metadata -----------------------------------------------------------------------------------------------------
static void secrets(struct fake_request *r)
{
    static const char whole[] = "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"resourceVersion\":\"1\","
                                "\"managedFields\":[{}]},\"data\":{\"password\":\"c2VjcmV0\"}}";
    if (is_discovery(r))
        return;
    if (!strstr(r->head, is_watch(r) ? "as=PartialObjectMetadata;" : "as=PartialObjectMetadataList;"))
        fake_answer(r, 406, NULL, "");
    else if (is_watch(r))
        stream(r, "\n", true);
    else {
        cleanup(cleanup_free) char *list = xasprintf(LIST("5", "", "%s"), whole);
        fake_answer(r, 200, NULL, list);
    }
}

static void test_metadata_only(void **state)
{
    struct fixture *f = set_up_with(secrets, (struct informer_options){.metadata_only = true});
    assert_true(watcher_wait_synced(f->watcher, 10000));
    assert_true(WAIT_FOR(fake_count(f->server, "GET /api/v1/configmaps?watch") == 1));
    const char *want = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\",\"namespace\":"
                       "\"ns\",\"resourceVersion\":\"1\"}}";
    assert_string_equal(json_text(f->arena, informer_get(f->informer, f->arena, "ns", "a")), want);
    informer_put(f->informer, json(f->arena, "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"resourceVersion\":"
                                             "\"9\"},\"data\":{\"password\":\"c2VjcmV0\"}}"));
    struct value got = informer_get(f->informer, f->arena, "ns", "a");
    assert_string_equal(value_str(value_path(got, "metadata.resourceVersion")), "9");
    assert_true(value_is_null(value_get(got, "data")));
    tear_down(f);
}

static void echo_query(struct fake_request *r)
{
    if (is_discovery(r))
        return;
    if (is_watch(r)) {
        stream(r, "\n", true);
        return;
    }
    bool ok = str_eq(r->path, "/api/v1/namespaces/n%2Fs/configmaps") &&
              asks(r, "labelSelector=a%3Db%2Cc%20in%20%28d%29") && asks(r, "fieldSelector=metadata.name%3Dx") &&
              asks(r, "limit=500");
    fake_answer(r, ok ? 200 : 400, NULL, LIST("5", "", ""));
}

static void test_selectors(void **state)
{
    struct fixture *f = set_up_with(echo_query, (struct informer_options){.namespace = "n/s",
                                                                          .label_selector = "a=b,c in (d)",
                                                                          .field_selector = "metadata.name=x"});
    assert_true(watcher_wait_synced(f->watcher, 10000));
    tear_down(f);
}

// ---- own writes ---------------------------------------------------------------------------------------------------
// The watch gives one event whenever the test asks for it.
static pthread_mutex_t feed_lock = PTHREAD_MUTEX_INITIALIZER;
static const char *feed_next;

static void feed(const char *event)
{
    pthread_mutex_lock(&feed_lock);
    feed_next = event;
    pthread_mutex_unlock(&feed_lock);
}

static void fed(struct fake_request *r)
{
    if (is_discovery(r))
        return;
    if (!is_watch(r)) {
        fake_answer(r, 200, NULL, LIST("5", "", CM("a", "1")));
        return;
    }
    fake_begin_stream(r);
    while (!fake_stopping(r)) {
        pthread_mutex_lock(&feed_lock);
        const char *event = feed_next;
        feed_next = NULL;
        pthread_mutex_unlock(&feed_lock);
        if (event)
            fake_chunk(r, event);
        fake_pause();
    }
}

static void test_put(void **state)
{
    struct fixture *f = set_up(fed);
    struct arena *a = f->arena;
    feed(NULL);
    assert_log(f, "ADDED a -1;");
    // Seen at once; an older event does not undo it, yet is announced.
    informer_put(f->informer, json(a, CM("a", "10")));
    assert_string_equal(cached(f, "a"), "10");
    feed(EVENT("MODIFIED", CM("a", "8")));
    assert_log(f, "ADDED a -1;UPDATED a 1-8;");
    assert_string_equal(cached(f, "a"), "10");
    // Its own event comes as any other; an older put is nothing.
    feed(EVENT("MODIFIED", CM("a", "10")));
    assert_log(f, "ADDED a -1;UPDATED a 1-8;UPDATED a 8-10;");
    informer_put(f->informer, json(a, CM("a", "9")));
    assert_string_equal(cached(f, "a"), "10");
    // A creation: seen before its event, which then is ADDED.
    informer_put(f->informer, json(a, CM("b", "12")));
    assert_string_equal(cached(f, "b"), "12");
    assert_int_equal(informer_count(f->informer), 2);
    feed(EVENT("ADDED", CM("b", "12")));
    assert_log(f, "ADDED a -1;UPDATED a 1-8;UPDATED a 8-10;ADDED b -12;");
    // A late answer for an object whose deletion has been seen brings no ghost.
    feed(EVENT("DELETED", CM("b", "14")));
    assert_log(f, "ADDED a -1;UPDATED a 1-8;UPDATED a 8-10;ADDED b -12;DELETED b 12-14;");
    informer_put(f->informer, json(a, CM("b", "13")));
    assert_string_equal(cached(f, "b"), "");
    // Made anew before the deletion of the old one is seen.
    informer_put(f->informer, json(a, CM("a", "20")));
    feed(EVENT("DELETED", CM("a", "18")));
    assert_log(f, "ADDED a -1;UPDATED a 1-8;UPDATED a 8-10;ADDED b -12;DELETED b 12-14;DELETED a 10-18;");
    assert_string_equal(cached(f, "a"), "20");
    feed(EVENT("ADDED", CM("a", "20")));
    assert_log(f, "ADDED a -1;UPDATED a 1-8;UPDATED a 8-10;ADDED b -12;DELETED b 12-14;DELETED a 10-18;ADDED a -20;");
    tear_down(f);
}

static void test_drop(void **state)
{
    struct fixture *f = set_up(fed);
    feed(NULL);
    assert_log(f, "ADDED a -1;");
    informer_drop(f->informer, "ns", "a");
    informer_drop(f->informer, "ns", "never there");
    assert_string_equal(cached(f, "a"), "");
    assert_int_equal(informer_count(f->informer), 0);
    feed(EVENT("DELETED", CM("a", "9")));
    assert_log(f, "ADDED a -1;DELETED a 1-9;");
    // What took the last finalizer away is gone; one with a finalizer, or a pod with grace, is not.
    informer_put(f->informer, json(f->arena, CM("b", "10")));
    const char *going = "{\"metadata\":{\"name\":\"b\",\"namespace\":\"ns\",\"resourceVersion\":\"11\","
                        "\"deletionTimestamp\":\"2020-01-01T00:00:00Z\",\"finalizers\":[\"x\"]}}";
    const char *gone = "{\"metadata\":{\"name\":\"b\",\"namespace\":\"ns\",\"resourceVersion\":\"12\","
                       "\"deletionTimestamp\":\"2020-01-01T00:00:00Z\",\"deletionGracePeriodSeconds\":0}}";
    informer_put(f->informer, json(f->arena, going));
    assert_string_equal(cached(f, "b"), "11");
    informer_put(f->informer, json(f->arena, gone));
    assert_string_equal(cached(f, "b"), "");
    informer_put(f->informer, json(f->arena, "{\"metadata\":{\"name\":\"no version\"}}"));
    assert_int_equal(informer_count(f->informer), 0);
    tear_down(f);
}

// ---- threads, for the sanitizers ----------------------------------------------------------------------------------
#define ROUNDS 300
static void busy(struct fake_request *r)
{
    if (is_discovery(r))
        return;
    if (!is_watch(r)) {
        fake_answer(r, 200, NULL, LIST("5", "", CM("o0", "1") "," CM("o1", "2")));
        return;
    }
    fake_begin_stream(r);
    for (int i = 0; i < ROUNDS && !fake_stopping(r); i++) {
        cleanup(cleanup_free) char *event = xasprintf(
            i % 7 == 6 ? EVENT("DELETED", CM("o%d", "%d")) : EVENT("MODIFIED", CM("o%d", "%d")), i % 2, 100 + 2 * i);
        fake_chunk(r, event);
    }
    fake_hold(r);
}

static atomic_bool stop_workers;

static void *work(void *ctx)
{
    struct fixture *f = ctx;
    for (int rv = 100; !atomic_load(&stop_workers); rv++) {
        cleanup(cleanup_arena) struct arena *a = arena_new();
        cleanup(error_clear) struct error err = {0};
        struct value v;
        int seen = 0;
        char *text = arena_printf(a, CM("o%d", "%d"), rv % 3, 100 + rv % (2 * ROUNDS));
        if (!json_parse(a, text, strlen(text), 0, &v, &err))
            abort();
        informer_put(f->informer, v);
        informer_get(f->informer, a, "ns", "o1");
        informer_list(f->informer, a, NULL);
        informer_each(f->informer, a, "ns", visit_one, &seen);
        informer_drop(f->informer, "ns", "o2");
        informer_count(f->informer);
        informer_synced(f->informer);
        fake_pause();
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct fixture *f = set_up(busy);
    pthread_t threads[4];
    atomic_store(&stop_workers, false);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_create(&threads[i], NULL, work, f);
    struct informer *late =
        watcher_add(f->watcher, &(struct informer_options){.api_version = "v1", .kind = "ConfigMap"});
    assert_true(watcher_wait_synced(f->watcher, 10000));
    // The last event of each object: o1 is deleted or changed by the last rounds.
    const char *last = arena_printf(f->arena, "%d", 100 + 2 * (ROUNDS - 1));
    assert_true(WAIT_FOR(informer_count(late) == 2 || informer_count(late) == 1));
    assert_true(WAIT_FOR(
        str_eq(value_str(value_path(informer_get(late, f->arena, "ns", "o1"), "metadata.resourceVersion")), last)));
    assert_true(WAIT_FOR(kube_rv_compare(cached(f, "o1"), last) >= 0));
    atomic_store(&stop_workers, true);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    tear_down(f);
}

static void test_never_started(void **state)
{
    struct fake_server *s = fake_start(usual);
    struct kube *k = fake_kube(s);
    struct watcher *w = watcher_new(k);
    struct informer *i = watcher_add(w, &(struct informer_options){.api_version = "v1", .kind = "ConfigMap"});
    assert_false(informer_synced(i));
    assert_false(watcher_wait_synced(w, 1));
    watcher_stop(w);
    kube_free(k);
    fake_stop(s);
}

int main(void)
{
    log_init("test", LOG_ERROR, true);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual),         cmocka_unit_test(test_each),      cmocka_unit_test(test_relist),
        cmocka_unit_test(test_restored),      cmocka_unit_test(test_faults),    cmocka_unit_test(test_hard_list),
        cmocka_unit_test(test_endless_event), cmocka_unit_test(test_silent),    cmocka_unit_test(test_ends_at_once),
        cmocka_unit_test(test_optional),      cmocka_unit_test(test_required),  cmocka_unit_test(test_wait_cancelled),
        cmocka_unit_test(test_metadata_only), cmocka_unit_test(test_selectors), cmocka_unit_test(test_put),
        cmocka_unit_test(test_drop),          cmocka_unit_test(test_threads),   cmocka_unit_test(test_never_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
