// fake_api.h - an HTTP server for what a real API server will not do: garbage, half lines, hanging, wrong statuses.
//
// Plain HTTP/1.1, one thread for each connection; a handler answers each request with bytes of its choice.
#ifndef RUNNEL_TEST_FAKE_API_H
#define RUNNEL_TEST_FAKE_API_H

#include "base/base.h"
#include "kube/kube.h"

struct fake_server;
struct fake_request {
    struct fake_server *server;
    int fd;
    int number;                                      // of this path with its query's `watch` and `continue`, from 1
    const char *method, *path, *query, *head, *body; // head: the lines of the header
    bool close;                                      // set by the handler: hang up after the answer
};
typedef void (*fake_handler)(struct fake_request *r);

struct fake_server *fake_start(fake_handler handler);
void fake_stop(struct fake_server *s); // ends held requests
const char *fake_url(const struct fake_server *s);
int fake_count(struct fake_server *s, const char *prefix); // requests so far whose "METHOD path?query" starts so
void fake_reset(struct fake_server *s);                    // hangs up all connections

void fake_answer(struct fake_request *r, int status, const char *extra_headers, const char *json);
void fake_begin_stream(struct fake_request *r); // 200, chunked
void fake_chunk(struct fake_request *r, const char *text);
void fake_end_stream(struct fake_request *r);
void fake_raw(struct fake_request *r, const char *text);
void fake_hold(struct fake_request *r); // until the client hangs up or the server stops
bool fake_stopping(struct fake_request *r);

// A handle on it.
struct kube *fake_kube(struct fake_server *s);
// Waits until the condition holds; false after ten seconds.
#define WAIT_FOR(condition)                                                                                            \
    ({                                                                                                                 \
        int64_t until_ = clock_mono_ms() + 10000;                                                                      \
        while (!(condition) && clock_mono_ms() < until_)                                                               \
            fake_pause();                                                                                              \
        (condition);                                                                                                   \
    })
void fake_pause(void); // a millisecond, between two looks

#endif
