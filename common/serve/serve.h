// serve.h - HTTP server (libmicrohttpd): /metrics, /healthz, /readyz, artifact files; and the metrics themselves.
#ifndef RUNNEL_SERVE_H
#define RUNNEL_SERVE_H

#include "base/base.h"

// ---- metrics: Prometheus text format 0.0.4. Thread-safe. ------------------------------------------------------------
struct metrics;
struct metric;

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);
// labels: names, NULL-terminated. buckets: upper bounds of a histogram. Registering a name twice gives the same metric.
struct metric *metrics_register(struct metrics *m, enum metric_type type, const char *name, const char *help,
                                const char *const *labels, const double *buckets, size_t bucket_count);
// values: one for each label, in order.
void metric_add(struct metric *m, double delta, const char *const *values);
void metric_set(struct metric *m, double value, const char *const *values);
void metric_observe(struct metric *m, double value, const char *const *values);
void metric_delete(struct metric *m, const char *const *values); // forget a series (its object is gone)
// Read at scrape time: process_*, queue depths. The function calls metric_set on what it owns.
void metrics_collect(struct metrics *m, void (*fn)(void *ctx), void *ctx);
void metrics_write(struct metrics *m, struct buf *out);
void metrics_process(struct metrics *m); // process_resident_memory_bytes, process_cpu_seconds_total, …

// ---- server ---------------------------------------------------------------------------------------------------------
struct server;
struct serve_request {
    const char *method, *path; // the path is unescaped
    const char *query;         // "a=1&b=%20" as sent; "" without one
    struct slice body;         // up to 64 KiB
    const char *remote;        // address of the other side
};
struct serve_response {
    int status;
    const char *content_type;
    struct buf body; // malloc'd; the server frees it
    char *file; // malloc'd path to stream instead of body (Range and If-None-Match/If-Modified-Since answered); freed
};
struct serve_route {
    const char *prefix; // "/metrics", or "/" for the rest
    void (*handle)(void *ctx, const struct serve_request *req, struct serve_response *res);
    void *ctx;
    bool any_method; // hand on other methods than GET and HEAD too, which are answered with 405 otherwise
};
// At most 256 connections, 30 s of silence on each. Handlers run on the server's two threads.
// address: ":8080", "127.0.0.1:0" (a free port), "[::1]:8080".
struct server *server_start(const char *address, const struct serve_route *routes, size_t count, struct error *err);
int server_port(const struct server *s);
void server_stop(struct server *s);
void serve_text(struct serve_response *res, int status, const char *text);
// Serves files below root by their path, refusing "..", hidden files and anything that is not a regular file. The root
// itself answers with nothing, for probes.
void serve_files(const char *root, const struct serve_request *req, struct serve_response *res);

#endif
