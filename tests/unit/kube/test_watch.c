// test_watch.c - lists and watches against a server that pages, ends, forgets, lies and hangs.
#include "watch_fixture.h"

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
    assert_int_equal(value_len(informer_list(f->informer, f->client.arena, NULL)), 2);
    assert_int_equal(value_len(informer_list(f->informer, f->client.arena, "ns")), 2);
    assert_int_equal(value_len(informer_list(f->informer, f->client.arena, "n")), 0);
    assert_int_equal(fake_count(f->client.server, "GET /api/v1/configmaps?watch"), 2);
    tear_down(f);
}

static void test_each(void **state)
{
    struct fixture *f = set_up(usual);
    int seen = 0;
    assert_true(WAIT_FOR(informer_count(f->informer) == 2 && *cached(f, "a") == '7'));
    informer_each(f->informer, f->client.arena, "ns", visit_one, &seen);
    assert_int_equal(seen, 1);
    informer_search(f->informer, f->client.arena, "ns", "\"nobody\"", visit_one, &seen);
    assert_int_equal(seen, 1);
    informer_search(f->informer, f->client.arena, NULL, "\"a\"", visit_one, &seen);
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
    assert_true(WAIT_FOR(fake_count(f->client.server, "GET /api/v1/configmaps?watch") == 2));
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
    assert_true(fake_count(f->client.server, "GET /api/v1/configmaps") -
                    fake_count(f->client.server, "GET /api/v1/configmaps?watch") >=
                2);
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
    kube_discovery_forget(f->client.kube); // who applied the definition says so; else it takes some seconds longer
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
    assert_true(WAIT_FOR(fake_count(f->client.server, "GET /api/v1") > 0));
    assert_false(watcher_wait_synced(f->watcher, 50));
    atomic_store(&served, true);
    kube_discovery_forget(f->client.kube);
    assert_true(watcher_wait_synced(f->watcher, 10000));
    tear_down(f);
}

static void test_wait_cancelled(void **state)
{
    atomic_store(&served, false);
    struct fixture *f = set_up(sometimes);
    kube_cancel(f->client.kube);
    int64_t start = clock_mono_ms();
    assert_false(watcher_wait_synced(f->watcher, 10000));
    assert_true(clock_mono_ms() - start < 5000);
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
        cmocka_unit_test(test_usual),         cmocka_unit_test(test_each),     cmocka_unit_test(test_relist),
        cmocka_unit_test(test_restored),      cmocka_unit_test(test_faults),   cmocka_unit_test(test_hard_list),
        cmocka_unit_test(test_endless_event), cmocka_unit_test(test_silent),   cmocka_unit_test(test_ends_at_once),
        cmocka_unit_test(test_optional),      cmocka_unit_test(test_required), cmocka_unit_test(test_wait_cancelled),
        cmocka_unit_test(test_never_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
