// watch_fixture.h - what the tests of the list/watch cache share: a fake API server with ConfigMaps, and one watcher
// with one informer on it, whose events are kept as a text.
#ifndef RUNNEL_TEST_WATCH_FIXTURE_H
#define RUNNEL_TEST_WATCH_FIXTURE_H

#include <pthread.h>

#include "fake_api.h"
#include "kube/watch.h"

#define CM(name, rv)                                                                                                   \
    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"" name                                     \
    "\",\"namespace\":\"ns\",\"resourceVersion\":\"" rv "\"}}"
#define LIST(rv, next, items)                                                                                          \
    "{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" rv "\"" next              \
    "},\"items\":[" items "]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(rv) EVENT("BOOKMARK", "{\"kind\":\"ConfigMap\",\"metadata\":{\"resourceVersion\":\"" rv "\"}}")
#define GONE                                                                                                           \
    EVENT("ERROR", "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"too old resource "          \
                   "version\"}")
#define RESOURCES "{\"resources\":[{\"name\":\"configmaps\",\"kind\":\"ConfigMap\",\"namespaced\":true}]}"

struct fixture {
    struct fake_server *server;
    struct kube *kube;
    struct watcher *watcher;
    struct informer *informer;
    struct arena *arena;
    struct error err;
    pthread_mutex_t lock; // of log
    struct buf log;       // "ADDED a -1;UPDATED a 1-2;DELETED a 2-;"
};

struct fixture *set_up(fake_handler handler);
struct fixture *set_up_with(fake_handler handler, struct informer_options options); // kind and on_event are its own
void tear_down(struct fixture *f);
bool log_is(struct fixture *f, const char *want);
void assert_log(struct fixture *f, const char *want);    // waits for it
const char *cached(struct fixture *f, const char *name); // an object's resourceVersion, or ""
struct value json(struct arena *a, const char *text);
bool visit_one(void *ctx, struct value object); // counts in an int and ends

// Parts of handlers.
bool is_discovery(struct fake_request *r); // answered, then
bool is_watch(const struct fake_request *r);
bool asks(const struct fake_request *r, const char *word);        // its query has it
void stream(struct fake_request *r, const char *text, bool hold); // the start of a watch, and its end where not held

#endif
