// watch_fixture.h - what the tests of the list/watch cache share: a fake API server with ConfigMaps, and one watcher
// with one informer on it, whose events are kept as a text.
#ifndef RUNNEL_TEST_WATCH_FIXTURE_H
#define RUNNEL_TEST_WATCH_FIXTURE_H

#include <pthread.h>

#include "client_fixture.h"
#include "kube/watch.h"

#define LIST(rv, next, items)                                                                                          \
    "{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" rv "\"" next              \
    "},\"items\":[" items "]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(rv) EVENT("BOOKMARK", "{\"kind\":\"ConfigMap\",\"metadata\":{\"resourceVersion\":\"" rv "\"}}")
#define GONE                                                                                                           \
    EVENT("ERROR", "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"too old resource "          \
                   "version\"}")

struct fixture {
    struct client_fixture client;
    struct watcher *watcher;
    struct informer *informer;
    pthread_mutex_t lock; // of log
    struct buf log;       // "ADDED a -1;UPDATED a 1-2;DELETED a 2-;"
};

struct fixture *set_up(fake_handler handler);
struct fixture *set_up_with(fake_handler handler, struct informer_options options); // kind and on_event are its own
void tear_down(struct fixture *f);
bool log_is(struct fixture *f, const char *want);
void assert_log(struct fixture *f, const char *want);    // waits for it
const char *cached(struct fixture *f, const char *name); // an object's resourceVersion, or ""
bool visit_one(void *ctx, struct value object);          // counts in an int and ends

// Parts of handlers.
bool is_watch(const struct fake_request *r);
bool asks(const struct fake_request *r, const char *word);        // its query has it
void stream(struct fake_request *r, const char *text, bool hold); // the start of a watch, and its end where not held

#endif
