// test_metrics.c - the registry's text, its escapes, its histograms; concurrent updates (run under TSan too).
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "serve/serve.h"

#define LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void assert_text(struct metrics *m, const char *want)
{
    struct buf out = {0};
    metrics_write(m, &out);
    assert_string_equal(buf_cstr(&out), want);
    buf_free(&out);
}

static void test_text(void **state)
{
    struct metrics *m = metrics_new();
    struct metric *b =
        metrics_register(m, METRIC_GAUGE, "b_things", "Things\\ and\nlines", LABELS("kind", "name"), NULL, 0);
    struct metric *a = metrics_register(m, METRIC_COUNTER, "a_total", "All", NULL, NULL, 0);
    assert_text(m, ""); // a family without a series is not shown
    assert_ptr_equal(a, metrics_register(m, METRIC_COUNTER, "a_total", "All", NULL, NULL, 0));
    metric_add(a, 1, NULL);
    metric_add(a, 2.5, NULL);
    metric_set(b, 1e-08, LABELS("x\"\\\n", "é"));
    assert_text(m, "# HELP a_total All\n# TYPE a_total counter\na_total 3.5\n"
                   "# HELP b_things Things\\\\ and\\nlines\n# TYPE b_things gauge\n"
                   "b_things{kind=\"x\\\"\\\\\\n\",name=\"é\"} 1e-08\n");
    metric_delete(b, LABELS("x\"\\\n", "é"));
    metric_delete(b, LABELS("never", "there"));
    assert_text(m, "# HELP a_total All\n# TYPE a_total counter\na_total 3.5\n");
    metrics_free(m);
}

static void test_histogram(void **state)
{
    struct metrics *m = metrics_new();
    static const double bounds[] = {0.1, 1, 10};
    struct metric *h = metrics_register(m, METRIC_HISTOGRAM, "h_seconds", "H", LABELS("k"), bounds, 3);
    static const double values[] = {0.1, 0.2, 5, 50};
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        metric_observe(h, values[i], LABELS("v"));
    assert_text(m, "# HELP h_seconds H\n# TYPE h_seconds histogram\n"
                   "h_seconds_bucket{k=\"v\",le=\"0.1\"} 1\nh_seconds_bucket{k=\"v\",le=\"1\"} 2\n"
                   "h_seconds_bucket{k=\"v\",le=\"10\"} 3\nh_seconds_bucket{k=\"v\",le=\"+Inf\"} 4\n"
                   "h_seconds_sum{k=\"v\"} 55.3\nh_seconds_count{k=\"v\"} 4\n");
    metrics_free(m);
}

enum { THREADS = 4, ROUNDS = 2000 };
static void *hammer(void *ctx)
{
    struct metric *m = ctx;
    for (int i = 0; i < ROUNDS; i++)
        metric_add(m, 1, LABELS(i % 2 ? "odd" : "even"));
    return NULL;
}

static void count_scrapes(void *ctx)
{
    metric_add(ctx, 1, LABELS("scrapes"));
}

static void test_threads(void **state)
{
    struct metrics *m = metrics_new();
    struct metric *c = metrics_register(m, METRIC_COUNTER, "c_total", "C", LABELS("l"), NULL, 0);
    metrics_collect(m, count_scrapes, c);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, hammer, c);
    struct buf out = {0};
    for (int i = 0; i < 20; i++) {
        buf_clear(&out);
        metrics_write(m, &out);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    buf_clear(&out);
    metrics_write(m, &out);
    assert_non_null(strstr(buf_cstr(&out), "c_total{l=\"odd\"} 4000\n"));
    assert_non_null(strstr(buf_cstr(&out), "c_total{l=\"even\"} 4000\n"));
    assert_non_null(strstr(buf_cstr(&out), "c_total{l=\"scrapes\"} 21\n"));
    buf_free(&out);
    metrics_free(m);
}

static double sample(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    while (at && at != text && at[-1] != '\n')
        at = strstr(at + 1, name);
    assert_non_null(at);
    return strtod(at + strlen(name), NULL);
}

static void test_process(void **state)
{
    struct metrics *m = metrics_new();
    metrics_process(m);
    struct buf out = {0};
    metrics_write(m, &out);
    assert_true(sample(buf_cstr(&out), "process_resident_memory_bytes ") > 1e5);
    assert_true(sample(buf_cstr(&out), "process_virtual_memory_bytes ") >=
                sample(buf_cstr(&out), "process_resident_memory_bytes "));
    assert_true(sample(buf_cstr(&out), "process_open_fds ") >= 1);
    assert_true(sample(buf_cstr(&out), "process_max_fds ") > sample(buf_cstr(&out), "process_open_fds "));
    double start = sample(buf_cstr(&out), "process_start_time_seconds ");
    assert_true(start > (double)clock_wall_s() - 600 && start < (double)clock_wall_s() + 2);
    assert_true(sample(buf_cstr(&out), "process_cpu_seconds_total ") >= 0);
    buf_free(&out);
    metrics_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
