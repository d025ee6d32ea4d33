// test_queue.c - the work queue: order, delays, back-off, additions during work; many threads (TSan).
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "controller/queue.h"

static struct queue *new_queue(void)
{
    return queue_new(&(struct queue_options){.min_retry_ms = 20, .max_retry_ms = 100});
}

static struct queue_work take(struct queue *q, const char *want)
{
    struct queue_work w;
    assert_true(queue_take(q, &w, 5000));
    assert_string_equal(w.key, want);
    return w;
}

static void assert_empty(struct queue *q)
{
    struct queue_work w;
    assert_false(queue_take(q, &w, 0));
}

static void test_once_and_in_order(void **state)
{
    struct queue *q = new_queue();
    static const char *const keys[] = {"a/1", "a/2", "a/1", "a/3", "a/2"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        queue_add(q, keys[i], 0, i == 4);
    static const char *const order[] = {"a/1", "a/2", "a/3"};
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        struct queue_work w = take(q, order[i]);
        assert_int_equal(w.hinted, i == 1);
        assert_int_equal(w.failures, 0);
        queue_done(q, &w, QUEUE_FORGET, 0, 0);
    }
    assert_empty(q);
    struct queue_stats s = queue_stats(q);
    assert_int_equal(s.ready + s.delayed + s.active, 0);
    assert_int_equal(s.adds, 3);
    queue_free(q);
}

static void test_added_while_worked_on(void **state)
{
    struct queue *q = new_queue();
    queue_add(q, "a/1", 0, false);
    struct queue_work w = take(q, "a/1");
    queue_add(q, "a/1", 0, true);
    assert_empty(q); // never two at a time
    assert_true(queue_stats(q).unfinished_s >= 0 && queue_stats(q).active == 1);
    queue_done(q, &w, QUEUE_AFTER, 3600 * 1000, 0); // what was asked for meanwhile comes first
    w = take(q, "a/1");
    assert_true(w.hinted);
    queue_done(q, &w, QUEUE_FORGET, 0, 0);
    assert_empty(q);
    queue_free(q);
}

static void test_delays(void **state)
{
    struct queue *q = new_queue();
    int64_t start = clock_mono_ms();
    queue_add(q, "a/late", 600, false);
    queue_add(q, "a/soon", 300, false);
    queue_add(q, "a/never", 3600 * 1000, false);
    queue_add(q, "a/moved", 3600 * 1000, false);
    queue_add(q, "a/moved", 450, false); // an earlier time replaces a later one
    queue_add(q, "a/moved", 3600 * 1000, false);
    assert_empty(q);
    static const struct {
        const char *key;
        int64_t at;
    } order[] = {{"a/soon", 300}, {"a/moved", 450}, {"a/late", 600}};
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        struct queue_work w = take(q, order[i].key);
        assert_true(clock_mono_ms() - start >= order[i].at - 1);
        assert_true(w.waited_us >= 0);
        queue_done(q, &w, QUEUE_FORGET, 0, 0);
    }
    queue_add(q, "a/never", 0, false); // or none at all
    struct queue_work w = take(q, "a/never");
    queue_done(q, &w, QUEUE_AFTER, 20, 0);
    w = take(q, "a/never");
    queue_done(q, &w, QUEUE_FORGET, 0, 0);
    queue_free(q);
}

static void test_backoff(void **state)
{
    static const struct {
        int64_t after_ms, cap_ms, want_ms;
    } rounds[] = {{0, 0, 20}, {0, 0, 40}, {0, 0, 80}, {0, 0, 100}, {0, 0, 100}, {0, 30, 30}, {50, 0, 50}};
    struct queue *q = new_queue();
    queue_add(q, "a/1", 0, false);
    struct queue_work w = take(q, "a/1");
    for (size_t i = 0; i < ARRAY_LEN(rounds); i++) {
        assert_int_equal(w.failures, i);
        int64_t before = clock_mono_us();
        queue_done(q, &w, QUEUE_RETRY, rounds[i].after_ms, rounds[i].cap_ms);
        w = take(q, "a/1");
        int64_t took_ms = (clock_mono_us() - before) / 1000;
        assert_in_range(took_ms, rounds[i].want_ms, rounds[i].want_ms + 2000);
    }
    queue_done(q, &w, QUEUE_AFTER, 1, 0);
    w = take(q, "a/1");
    assert_int_equal(w.failures, 0); // a success forgets them
    queue_done(q, &w, QUEUE_FORGET, 0, 0);
    queue_free(q);
}

static void test_stop(void **state)
{
    struct queue *q = new_queue();
    queue_add(q, "a/1", 0, false);
    queue_stop(q);
    assert_true(queue_stopped(q));
    assert_empty(q); // what waits is left to the next process
    queue_free(q);
}

// ---- many threads ---------------------------------------------------------------------------------------------------
enum { KEYS = 20, ADDS = 3000, ADDERS = 2, WORKERS = 4 };
struct shared {
    struct queue *q;
    pthread_mutex_t lock;
    bool busy[KEYS];
    size_t done, overlaps, backlogs;
};

static void count_backlog(void *ctx)
{
    struct shared *s = ctx;
    pthread_mutex_lock(&s->lock);
    s->backlogs++;
    pthread_mutex_unlock(&s->lock);
}

static void *add_loop(void *ctx)
{
    struct shared *s = ctx;
    for (int i = 0; i < ADDS; i++) {
        char key[16];
        snprintf(key, sizeof key, "n/%d", i % KEYS);
        queue_add(s->q, key, i % 7 == 0, i % 3 == 0);
    }
    return NULL;
}

static void *work_loop(void *ctx)
{
    struct shared *s = ctx;
    struct queue_work w;
    while (queue_take(s->q, &w, -1)) {
        int key = atoi(w.key + 2);
        pthread_mutex_lock(&s->lock);
        s->overlaps += s->busy[key];
        s->busy[key] = true;
        size_t turn = ++s->done;
        pthread_mutex_unlock(&s->lock);
        pthread_mutex_lock(&s->lock);
        s->busy[key] = false;
        pthread_mutex_unlock(&s->lock);
        queue_done(s->q, &w, turn % 5 ? QUEUE_FORGET : turn % 2 ? QUEUE_AFTER : QUEUE_RETRY, 1, 1);
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct shared s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    s.q = queue_new(&(struct queue_options){.min_retry_ms = 1, .max_retry_ms = 1, .backlog = count_backlog, .ctx = &s});
    pthread_t adders[ADDERS], workers[WORKERS];
    for (size_t i = 0; i < WORKERS; i++)
        pthread_create(&workers[i], NULL, work_loop, &s);
    for (size_t i = 0; i < ADDERS; i++)
        pthread_create(&adders[i], NULL, add_loop, &s);
    for (size_t i = 0; i < ADDERS; i++)
        pthread_join(adders[i], NULL);
    // Everything that was added is worked on, and then the queue is empty.
    int64_t deadline = clock_mono_ms() + 20000;
    for (struct queue_stats st = queue_stats(s.q); st.ready + st.delayed + st.active; st = queue_stats(s.q))
        assert_true(clock_mono_ms() < deadline);
    queue_stop(s.q);
    for (size_t i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    assert_true(s.done >= KEYS);
    assert_int_equal(s.overlaps, 0);
    queue_free(s.q);
}

static void test_backlog_is_told(void **state)
{
    struct shared s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    s.q = queue_new(&(struct queue_options){.min_retry_ms = 1, .max_retry_ms = 1, .backlog = count_backlog, .ctx = &s});
    queue_add(s.q, "a/1", 0, false); // nobody waits
    queue_add(s.q, "a/2", 0, false);
    assert_int_equal(s.backlogs, 2);
    take(s.q, "a/1"); // and still one is ready
    assert_int_equal(s.backlogs, 3);
    take(s.q, "a/2");
    assert_int_equal(s.backlogs, 3);
    queue_stop(s.q);
    queue_free(s.q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once_and_in_order),
        cmocka_unit_test(test_added_while_worked_on),
        cmocka_unit_test(test_delays),
        cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_backlog_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
