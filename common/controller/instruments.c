// instruments.c - the metrics of controller-runtime and Flux 2.9, and a few of Runnel's own.
#include "controller/runtime.h"

#include <math.h>

static const double reconcile_buckets[] = {
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5,
    1.75,  2.0,  2.5,   3.0,  3.5, 4.0,  4.5, 5,    6,   7,    8,   9,    10,  15,  20,  25,  30,  40,  50,   60};
static const double queue_buckets[] = {1e-08, 1e-07, 1e-06, 1e-05, 1e-04, 1e-03, 1e-02, 1e-01, 1, 10, 100, 1000};
enum { OBJECT_BUCKETS = 10 };

#define LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})
static const char *const by_controller[] = {"controller", NULL};
static const char *const by_queue[] = {"name", "controller", NULL};

void instruments_init(struct instruments *i, struct metrics *m)
{
    double object_buckets[OBJECT_BUCKETS]; // 10 ms to half an hour, each the same factor above the one before
    for (int b = 0; b < OBJECT_BUCKETS; b++)
        object_buckets[b] = b + 1 == OBJECT_BUCKETS ? 1800 : 0.01 * pow(1800 / 0.01, (double)b / (OBJECT_BUCKETS - 1));
    const struct {
        struct metric **out;
        enum metric_type type;
        const char *name, *help;
        const char *const *labels;
        const double *buckets;
        size_t bucket_count;
    } table[] = {
        {&i->reconcile_total, METRIC_COUNTER, "controller_runtime_reconcile_total",
         "Total number of reconciliations per controller", LABELS("controller", "result"), NULL, 0},
        {&i->reconcile_errors, METRIC_COUNTER, "controller_runtime_reconcile_errors_total",
         "Total number of reconciliation errors per controller", by_controller, NULL, 0},
        {&i->reconcile_terminal_errors, METRIC_COUNTER, "controller_runtime_terminal_reconcile_errors_total",
         "Total number of terminal reconciliation errors per controller", by_controller, NULL, 0},
        {&i->reconcile_panics, METRIC_COUNTER, "controller_runtime_reconcile_panics_total",
         "Total number of reconciliation panics per controller", by_controller, NULL, 0},
        {&i->reconcile_timeouts, METRIC_COUNTER, "controller_runtime_reconcile_timeouts_total",
         "Total number of reconciliation timeouts per controller", by_controller, NULL, 0},
        {&i->reconcile_seconds, METRIC_HISTOGRAM, "controller_runtime_reconcile_time_seconds",
         "Length of time per reconciliation per controller", by_controller, reconcile_buckets,
         ARRAY_LEN(reconcile_buckets)},
        {&i->max_concurrent, METRIC_GAUGE, "controller_runtime_max_concurrent_reconciles",
         "Maximum number of concurrent reconciles per controller", by_controller, NULL, 0},
        {&i->active_workers, METRIC_GAUGE, "controller_runtime_active_workers",
         "Number of currently used workers per controller", by_controller, NULL, 0},
        {&i->queue_depth, METRIC_GAUGE, "workqueue_depth", "Current depth of workqueue by workqueue and priority",
         LABELS("name", "controller", "priority"), NULL, 0},
        {&i->queue_adds, METRIC_COUNTER, "workqueue_adds_total", "Total number of adds handled by workqueue", by_queue,
         NULL, 0},
        {&i->queue_wait_seconds, METRIC_HISTOGRAM, "workqueue_queue_duration_seconds",
         "How long in seconds an item stays in workqueue before being requested", by_queue, queue_buckets,
         ARRAY_LEN(queue_buckets)},
        {&i->queue_work_seconds, METRIC_HISTOGRAM, "workqueue_work_duration_seconds",
         "How long in seconds processing an item from workqueue takes.", by_queue, queue_buckets,
         ARRAY_LEN(queue_buckets)},
        {&i->queue_unfinished, METRIC_GAUGE, "workqueue_unfinished_work_seconds",
         "How many seconds of work is in progress and hasn't been observed by work_duration.", by_queue, NULL, 0},
        {&i->queue_longest, METRIC_GAUGE, "workqueue_longest_running_processor_seconds",
         "How many seconds has the longest running processor for workqueue been running.", by_queue, NULL, 0},
        {&i->queue_retries, METRIC_COUNTER, "workqueue_retries_total", "Total number of retries handled by workqueue",
         by_queue, NULL, 0},
        {&i->object_seconds, METRIC_HISTOGRAM, "gotk_reconcile_duration_seconds",
         "The duration in seconds of a GitOps Toolkit resource reconciliation.", LABELS("kind", "name", "namespace"),
         object_buckets, OBJECT_BUCKETS},
        {&i->leader, METRIC_GAUGE, "leader_election_master_status",
         "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master.",
         LABELS("name"), NULL, 0},
        {&i->requests, METRIC_COUNTER, "rest_client_requests_total",
         "Number of HTTP requests, partitioned by status code, method, and host.", LABELS("code", "method", "host"),
         NULL, 0},
        {&i->bus_messages, METRIC_COUNTER, "runnel_bus_messages_total",
         "Messages of the bus: sent; received, of those malformed, or dropped above the rate of one for each object a "
         "second.",
         LABELS("result"), NULL, 0},
        {&i->events_dropped, METRIC_COUNTER, "runnel_events_dropped_total", "Events that were not recorded.",
         LABELS("receiver", "cause"), NULL, 0},
    };
    for (size_t t = 0; t < ARRAY_LEN(table); t++)
        *table[t].out = metrics_register(m, table[t].type, table[t].name, table[t].help, table[t].labels,
                                         table[t].buckets, table[t].bucket_count);
}

static void collect_queue(void *ctx)
{
    const struct controller *c = ctx;
    const struct instruments *i = &c->app->instruments;
    const char *const queue[] = {c->name, c->name};
    struct queue_stats s = queue_stats(c->queue);
    metric_set(i->queue_depth, (double)s.ready, (const char *[]){c->name, c->name, "0"});
    metric_set(i->queue_adds, (double)s.adds, queue);
    metric_set(i->queue_retries, (double)s.retries, queue);
    metric_set(i->queue_unfinished, s.unfinished_s, queue);
    metric_set(i->queue_longest, s.longest_s, queue);
}

void instruments_controller(struct app *app, const struct controller *c)
{
    const struct instruments *i = &app->instruments;
    const char *const name[] = {c->name};
    static const char *const results[] = {"error", "requeue", "requeue_after", "success"};
    for (size_t r = 0; r < ARRAY_LEN(results); r++)
        metric_add(i->reconcile_total, 0, (const char *[]){c->name, results[r]});
    struct metric *const zero[] = {i->reconcile_errors, i->reconcile_terminal_errors, i->reconcile_panics,
                                   i->reconcile_timeouts, i->active_workers};
    for (size_t z = 0; z < ARRAY_LEN(zero); z++)
        metric_add(zero[z], 0, name);
    metric_set(i->max_concurrent, (double)c->worker_count, name);
    metrics_collect(app->metrics, collect_queue, (void *)c);
}
