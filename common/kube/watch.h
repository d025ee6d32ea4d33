// watch.h - what the cache (informer.c) and the watch thread (watcher.c) share. Private to common/kube.
//
// An informer keeps two states of each object: `announced`, the last one that came through the watch and was handed to
// on_event, and `current`, the newest that is known. They differ only from an own write (informer_put) until its event
// arrives, so that events are the watch's own sequence without holes, while readers never see less than their own last
// write.
#ifndef RUNNEL_KUBE_WATCH_H
#define RUNNEL_KUBE_WATCH_H

#include "kube/text.h"

#define RV_LEN 40 // a resourceVersion with its NUL; etcd's have 20 digits at most

struct entry { // immutable, counted: readers parse it without holding the lock
    atomic_uint refs;
    uint32_t len;
    char text[]; // JSON, NUL, resourceVersion, NUL
};
struct slot {
    struct entry *current, *announced; // either may be NULL
    uint32_t seen;                     // the list that had it last
};

enum phase { PHASE_DISCOVER, PHASE_LIST, PHASE_WATCH };

struct informer {
    struct watcher *watcher;
    struct informer *next;
    struct arena *arena; // of the options' strings
    struct informer_options options;
    struct object_form form;
    atomic_bool synced;

    pthread_mutex_t lock;  // of the two below
    struct map *slots;     // "namespace/name" to struct slot *
    char position[RV_LEN]; // all events up to here have been taken; "": none

    // The rest is the watch thread's own.
    enum phase phase;
    bool ask; // DISCOVER asks the server, whatever was known
    struct kube_resource resource;
    bool busy;      // a transfer is under way
    int64_t due_ms; // else: when to begin the next
    CURL *easy;
    struct call_lines lines;
    char message[CURL_ERROR_SIZE];
    struct list_reader reader;
    struct buf body;    // of discovery, or of an error
    struct buf line;    // the part of a watch event that has arrived
    struct error fault; // while receiving
    char *continued;    // the next page, malloc'd
    uint32_t list;      // number of the list under way
    bool progressed;    // this transfer brought something
    int failures;       // in a row
    int64_t started_ms, missing_since_ms;
};

// The times, so that tests need not wait: set before watcher_start.
struct watch_timing {
    int64_t watch_s;  // timeoutSeconds of a watch, plus up to half of it
    int64_t grace_ms; // silence beyond that: the connection is dead
    int64_t stall_s;  // a list that brings nothing for so long is given up
    int64_t backoff_first_ms, backoff_most_ms;
    int64_t missing_ms; // between two looks for a kind that the server does not have
    int64_t gone_ms; // a kind missing for so long is gone: an API server that starts up forgets its CRDs for a moment
};
struct watch_timing *watcher_timing(struct watcher *w);

struct informer *informer_new(struct watcher *w, const struct informer_options *options);
void informer_free(struct informer *i);
// Each takes one text of the watch thread, changes the cache, and calls on_event.
bool informer_take(struct informer *i, struct arena *scratch, struct slice text, bool listed, struct error *err);
bool informer_take_deleted(struct informer *i, struct arena *scratch, struct slice text, struct error *err);
bool informer_take_bookmark(struct informer *i, struct arena *scratch, struct slice text, struct error *err);
// A list is whole: what it did not have is deleted. False: the list is older than the cache (the server's etcd was
// restored from a backup), and all was forgotten: list again.
bool informer_take_list_end(struct informer *i, struct arena *scratch, const char *resource_version);
void informer_clear(struct informer *i, struct arena *scratch); // the kind is gone

#endif
