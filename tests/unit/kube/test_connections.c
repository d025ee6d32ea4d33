// test_connections.c - connections to the API server: refused, dead, cancelled, and many at once.
#include <pthread.h>

#include "client_fixture.h"
#include "kube/kube_internal.h"

static void works(struct fake_request *r)
{
    if (!is_discovery(r))
        fake_answer(r, 200, NULL, CM("x", "1"));
}

// ---- dead ---------------------------------------------------------------------------------------------------------
static void test_refused_connection(void **state)
{
    struct client_fixture f = client_set_up(works);
    struct fake_server *other = fake_start(works);
    struct kube *k = fake_kube(other);
    k->retry_ms = 500;
    fake_stop(other); // nobody listens there now
    struct value out;
    int64_t start = clock_mono_ms();
    assert_false(kube_version(k, f.arena, &out, &f.err));
    assert_int_equal(f.err.class, ERROR_TRANSIENT);
    assert_true(clock_mono_ms() - start >= 100 && clock_mono_ms() - start < 5000);
    assert_non_null(strstr(error_text(&f.err), "server version: GET http://127.0.0.1:"));
    kube_free(k);
    client_tear_down(&f);
}

// The first connection is read from no more once discovery was answered; what is sent on it is never taken.
static void goes_deaf(struct fake_request *r)
{
    works(r);
    while (str_eq(r->path, "/api/v1") && !fake_stopping(r))
        fake_pause();
}

// As behind a router that lost the connection: without a word from the peer, the call goes on over another one.
static void test_dead_connection(void **state)
{
    struct client_fixture f = client_set_up(goes_deaf);
    f.kube->silence_ms = 300;
    struct value object = from_json(f.arena, CM("x", "1")), data = value_dict(f.arena);
    struct buf big = BUF_IN(f.arena); // more than the sockets' buffers hold
    buf_fill(&big, 'x', 16 << 20);
    value_set_str(data, "big", big.data);
    value_set(object, "data", data);
    int64_t start = clock_mono_ms();
    if (!kube_apply(f.kube, f.arena, object, &(struct kube_apply_options){.field_manager = "m"}, NULL, &f.err))
        fail_msg("%s", error_text(&f.err));
    assert_true(clock_mono_ms() - start >= 300);
    assert_int_equal(fake_count(f.server, "PATCH "), 1);
    client_tear_down(&f);
}

// ---- cancelled ----------------------------------------------------------------------------------------------------
static void hang(struct fake_request *r)
{
    if (!is_discovery(r))
        fake_hold(r);
}

struct caller {
    struct client_fixture *fixture;
    int64_t took_ms;
    enum error_class class;
};

static void *call(void *ctx)
{
    struct caller *c = ctx;
    cleanup(cleanup_arena) struct arena *a = arena_new();
    cleanup(error_clear) struct error err = {0};
    struct value out;
    int64_t start = clock_mono_ms();
    kube_get(c->fixture->kube, a, cm("x"), &out, &err);
    c->took_ms = clock_mono_ms() - start;
    c->class = err.class;
    return NULL;
}

static void test_cancel(void **state)
{
    struct client_fixture f = client_set_up(hang);
    struct caller callers[3];
    pthread_t threads[3];
    for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
        callers[i] = (struct caller){.fixture = &f};
        pthread_create(&threads[i], NULL, call, &callers[i]);
    }
    assert_true(WAIT_FOR(fake_count(f.server, "GET /api/v1/namespaces/ns/configmaps/x") == 3));
    int64_t start = clock_mono_ms();
    kube_cancel(f.kube);
    for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].class, ERROR_CANCELLED);
    }
    assert_true(clock_mono_ms() - start < 500);
    struct value out;
    assert_false(kube_get(f.kube, f.arena, cm("x"), &out, &f.err)); // later ones at once
    assert_int_equal(f.err.class, ERROR_CANCELLED);
    client_tear_down(&f);
}

// ---- many ----------------------------------------------------------------------------------------------------------
// Many threads on one handle, for the sanitizers. Gives the text of what failed.
static void *many(void *ctx)
{
    struct client_fixture *f = ctx;
    for (int i = 0; i < 30; i++) {
        cleanup(cleanup_arena) struct arena *a = arena_new();
        cleanup(error_clear) struct error err = {0};
        struct value out;
        if (!kube_get(f->kube, a, cm("x"), &out, &err))
            return xstrdup(error_text(&err));
        if (!str_eq(kube_name(out), "x"))
            return xstrdup(kube_name(out));
        if (i % 10 == 5)
            kube_discovery_forget(f->kube);
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct client_fixture f = client_set_up(works);
    pthread_t threads[8];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_create(&threads[i], NULL, many, &f);
    bool ok = true;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *text;
        pthread_join(threads[i], &text);
        if (text)
            print_error("thread %zu: %s\n", i, (char *)text);
        ok &= !text;
        free(text);
    }
    assert_true(ok);
    client_tear_down(&f);
}

int main(void)
{
    log_init("test", LOG_ERROR, true);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_connection),
        cmocka_unit_test(test_dead_connection),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
