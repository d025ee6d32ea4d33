// test_cache.c - what the cache holds: metadata, selections, own writes beside the watch, many threads.
#include "watch_fixture.h"

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
    assert_true(WAIT_FOR(fake_count(f->client.server, "GET /api/v1/configmaps?watch") == 1));
    const char *want = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\",\"namespace\":"
                       "\"ns\",\"resourceVersion\":\"1\"}}";
    assert_string_equal(json_text(f->client.arena, informer_get(f->informer, f->client.arena, "ns", "a")), want);
    informer_put(f->informer,
                 from_json(f->client.arena, "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"resourceVersion\":"
                                            "\"9\"},\"data\":{\"password\":\"c2VjcmV0\"}}"));
    struct value got = informer_get(f->informer, f->client.arena, "ns", "a");
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
    struct arena *a = f->client.arena;
    feed(NULL);
    assert_log(f, "ADDED a -1;");
    // Seen at once; an older event does not undo it, yet is announced.
    informer_put(f->informer, from_json(a, CM("a", "10")));
    assert_string_equal(cached(f, "a"), "10");
    feed(EVENT("MODIFIED", CM("a", "8")));
    assert_log(f, "ADDED a -1;UPDATED a 1-8;");
    assert_string_equal(cached(f, "a"), "10");
    // Its own event comes as any other; an older put is nothing.
    feed(EVENT("MODIFIED", CM("a", "10")));
    assert_log(f, "ADDED a -1;UPDATED a 1-8;UPDATED a 8-10;");
    informer_put(f->informer, from_json(a, CM("a", "9")));
    assert_string_equal(cached(f, "a"), "10");
    // A creation: seen before its event, which then is ADDED.
    informer_put(f->informer, from_json(a, CM("b", "12")));
    assert_string_equal(cached(f, "b"), "12");
    assert_int_equal(informer_count(f->informer), 2);
    feed(EVENT("ADDED", CM("b", "12")));
    assert_log(f, "ADDED a -1;UPDATED a 1-8;UPDATED a 8-10;ADDED b -12;");
    // A late answer for an object whose deletion has been seen brings no ghost.
    feed(EVENT("DELETED", CM("b", "14")));
    assert_log(f, "ADDED a -1;UPDATED a 1-8;UPDATED a 8-10;ADDED b -12;DELETED b 12-14;");
    informer_put(f->informer, from_json(a, CM("b", "13")));
    assert_string_equal(cached(f, "b"), "");
    // Made anew before the deletion of the old one is seen.
    informer_put(f->informer, from_json(a, CM("a", "20")));
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
    informer_put(f->informer, from_json(f->client.arena, CM("b", "10")));
    const char *going = "{\"metadata\":{\"name\":\"b\",\"namespace\":\"ns\",\"resourceVersion\":\"11\","
                        "\"deletionTimestamp\":\"2020-01-01T00:00:00Z\",\"finalizers\":[\"x\"]}}";
    const char *gone = "{\"metadata\":{\"name\":\"b\",\"namespace\":\"ns\",\"resourceVersion\":\"12\","
                       "\"deletionTimestamp\":\"2020-01-01T00:00:00Z\",\"deletionGracePeriodSeconds\":0}}";
    informer_put(f->informer, from_json(f->client.arena, going));
    assert_string_equal(cached(f, "b"), "11");
    informer_put(f->informer, from_json(f->client.arena, gone));
    assert_string_equal(cached(f, "b"), "");
    informer_put(f->informer, from_json(f->client.arena, "{\"metadata\":{\"name\":\"no version\"}}"));
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
    const char *last = arena_printf(f->client.arena, "%d", 100 + 2 * (ROUNDS - 1));
    assert_true(WAIT_FOR(informer_count(late) == 2 || informer_count(late) == 1));
    assert_true(WAIT_FOR(str_eq(
        value_str(value_path(informer_get(late, f->client.arena, "ns", "o1"), "metadata.resourceVersion")), last)));
    assert_true(WAIT_FOR(kube_rv_compare(cached(f, "o1"), last) >= 0));
    atomic_store(&stop_workers, true);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    tear_down(f);
}

int main(void)
{
    log_init("test", LOG_ERROR, true);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata_only), cmocka_unit_test(test_selectors), cmocka_unit_test(test_put),
        cmocka_unit_test(test_drop),          cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
