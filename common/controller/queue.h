// queue.h - inside controller: the work queue of one kind.
//
// A key ("namespace/name") is in the queue at most once, and is never worked on by two at a time: what is added while
// it is worked on comes up again afterwards. Each key has one due time: an earlier one replaces a later one, and the
// outcome of the work replaces both. Thread-safe. Times are in milliseconds.
#ifndef RUNNEL_CONTROLLER_QUEUE_H
#define RUNNEL_CONTROLLER_QUEUE_H

#include "base/base.h"

struct queue;

struct queue_options {
    int64_t min_retry_ms, max_retry_ms; // of the back-off: min, 2 min, 4 min … max
    // Work is ready and nobody waits for it: start a worker, if there may be another. Called without the queue's lock.
    void (*backlog)(void *ctx);
    void *ctx;
};
struct queue_work {
    const char *key;   // lives until queue_done
    unsigned failures; // in a row
    bool hinted;       // one of the causes was a hint of the bus
    int64_t waited_us; // between being due and being taken
    int64_t started_us;
};
enum queue_outcome {
    QUEUE_FORGET, // nothing more to do, failures are forgotten
    QUEUE_AFTER,  // again after some time, failures are forgotten
    QUEUE_RETRY,  // a failure: again after the back-off, or after the given time when it is above zero
};
struct queue_stats {
    size_t ready, delayed, active;
    uint64_t adds, retries;
    double unfinished_s, longest_s; // of the work under way: the sum, and the longest
};

struct queue *queue_new(const struct queue_options *options);
void queue_free(struct queue *q); // nobody may wait in it
void queue_add(struct queue *q, const char *key, int64_t after_ms, bool hinted);
// Waits for work. False: none within timeout_ms (-1: no limit), or the queue was stopped.
bool queue_take(struct queue *q, struct queue_work *out, int64_t timeout_ms);
// Ends the work on a key. cap_ms: a retry comes no later than this (0: no cap).
void queue_done(struct queue *q, const struct queue_work *work, enum queue_outcome outcome, int64_t after_ms,
                int64_t cap_ms);
void queue_stop(struct queue *q); // queue_take returns false from now on
bool queue_stopped(struct queue *q);
struct queue_stats queue_stats(struct queue *q);

#endif
