// text.h - objects as JSON text: compacting, watch events, lists cut into items as they arrive. Private to common/kube.
//
// Errors are ERROR_TRANSIENT: what the server sent is not JSON or not an object; asking again may give a better answer.
#ifndef RUNNEL_KUBE_TEXT_H
#define RUNNEL_KUBE_TEXT_H

#include "kube/kube_internal.h"

struct object_form {
    const char *api_version, *kind; // written instead of the object's own: items of lists have none, metadata another
    bool metadata_only;             // drop the rest, for servers that sent it all the same
};
struct object_text { // name and the others point into the text that was given, or into the arena
    struct slice text, name, namespace, resource_version;
};
// Checks the JSON text of an object and copies it without white space and metadata.managedFields.
bool object_compact(struct arena *a, struct slice text, const struct object_form *form, struct object_text *out,
                    struct error *err);

struct watch_event { // slices of the line
    struct slice type, object;
};
bool watch_event_read(struct slice line, struct watch_event *out, struct error *err);

// A list read piece by piece: each item goes to `item` when it is whole, the rest is given at the end.
#define LIST_HOLD_KEPT (32u << 10)
struct list_reader {
    bool (*item)(void *ctx, struct slice text, struct error *err);
    void *ctx;
    struct buf hold, head; // malloc'd
    int depth;
    bool in_string, escape, items, done;
};
void list_reader_begin(struct list_reader *r);
bool list_reader_feed(struct list_reader *r, const char *data, size_t len, struct error *err);
bool list_reader_end(struct list_reader *r, struct arena *a, struct value *head,
                     struct error *err); // head: without items
void list_reader_free(struct list_reader *r);

#endif
