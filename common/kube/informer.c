// informer.c - the cache of one kind: objects as JSON text, fed by the watch thread and by own writes.
#include <stdio.h>

#include "kube/watch.h"

// ---- entries ------------------------------------------------------------------------------------------------------
static struct entry *entry_new(const struct object_text *t)
{
    struct entry *e = xmalloc(sizeof *e + t->text.len + t->resource_version.len + 2);
    atomic_init(&e->refs, 1);
    e->len = (uint32_t)t->text.len;
    memcpy(e->text, t->text.data, t->text.len);
    e->text[t->text.len] = '\0';
    char *rv = e->text + t->text.len + 1;
    memcpy(rv, t->resource_version.data, t->resource_version.len);
    rv[t->resource_version.len] = '\0';
    return e;
}

static const char *entry_rv(const struct entry *e)
{
    return e ? e->text + e->len + 1 : "";
}

static struct entry *entry_ref(struct entry *e)
{
    if (e)
        atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    return e;
}

static void entry_unref(struct entry *e)
{
    if (e && atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1)
        free(e);
}

static void entry_put(struct entry **place, struct entry *e) // takes the reference
{
    entry_unref(*place);
    *place = e;
}

static struct value entry_parse(struct arena *a, const struct entry *e)
{
    cleanup(error_clear) struct error ignored = {0};
    struct value v = VALUE_NULL;
    if (e)
        json_parse(a, e->text, e->len, 0, &v, &ignored); // it was checked when it came in
    return v;
}

static int entry_compare(const struct entry *a, const struct entry *b)
{
    return kube_rv_compare(entry_rv(a), entry_rv(b));
}

// ---- life ---------------------------------------------------------------------------------------------------------
struct informer *informer_new(struct watcher *w, const struct informer_options *o)
{
    struct informer *i = xcalloc(1, sizeof *i);
    struct arena *a = i->arena = arena_new();
    i->watcher = w;
    i->options = *o;
    i->options.api_version = arena_strdup(a, o->api_version);
    i->options.kind = arena_strdup(a, o->kind);
    i->options.namespace = str_empty(o->namespace) ? NULL : arena_strdup(a, o->namespace);
    i->options.label_selector = str_empty(o->label_selector) ? NULL : arena_strdup(a, o->label_selector);
    i->options.field_selector = str_empty(o->field_selector) ? NULL : arena_strdup(a, o->field_selector);
    i->form = (struct object_form){
        .api_version = i->options.api_version, .kind = i->options.kind, .metadata_only = o->metadata_only};
    pthread_mutex_init(&i->lock, NULL);
    i->slots = map_new(NULL);
    return i;
}

void informer_free(struct informer *i)
{
    void *value;
    for (size_t at = 0; map_each(i->slots, &at, NULL, &value);) {
        struct slot *s = value;
        entry_unref(s->current);
        entry_unref(s->announced);
        free(s);
    }
    map_free(i->slots);
    pthread_mutex_destroy(&i->lock);
    arena_free(i->arena);
    free(i);
}

// ---- slots, with the lock held ------------------------------------------------------------------------------------
static char *slot_key(const char *namespace, size_t namespace_len, const char *name, size_t name_len)
{
    return xasprintf("%.*s/%.*s", (int)namespace_len, namespace ? namespace : "", (int)name_len, name);
}

static struct slot *slot_get(struct informer *i, const char *key, bool make)
{
    struct slot *s = map_get(i->slots, key);
    if (!s && make) {
        s = xcalloc(1, sizeof *s);
        map_put(i->slots, key, s);
    }
    return s;
}

static void slot_tidy(struct informer *i, const char *key, struct slot *s)
{
    if (s->current || s->announced)
        return;
    map_remove(i->slots, key);
    free(s);
}

// ---- what the watch thread brings ---------------------------------------------------------------------------------
struct change {
    enum informer_event event;
    struct entry *old, *object; // references
};

static void announce(struct informer *i, struct arena *scratch, struct change *c)
{
    if (i->options.on_event) {
        struct arena_mark mark = arena_mark(scratch);
        i->options.on_event(i->options.ctx, c->event, entry_parse(scratch, c->old), entry_parse(scratch, c->object));
        arena_reset(scratch, mark);
    }
    entry_unref(c->old);
    entry_unref(c->object);
}

static bool read_text(struct informer *i, struct arena *scratch, struct slice text, struct object_text *out,
                      struct error *err)
{
    if (!object_compact(scratch, text, &i->form, out, err))
        return error_wrap(err, "%s", i->options.kind);
    if (out->resource_version.len >= RV_LEN)
        return error_set(err, ERROR_TRANSIENT, "%s: bad resourceVersion", i->options.kind);
    return true;
}

static void set_position(struct informer *i, struct slice rv)
{
    snprintf(i->position, sizeof i->position, "%.*s", SLICE_ARG(rv));
}

bool informer_take(struct informer *i, struct arena *scratch, struct slice text, bool listed, struct error *err)
{
    struct object_text t;
    struct change change = {0};
    struct arena_mark mark = arena_mark(scratch);
    if (!read_text(i, scratch, text, &t, err))
        return false;
    struct entry *e = entry_new(&t);
    cleanup(cleanup_free) char *key = slot_key(t.namespace.data, t.namespace.len, t.name.data, t.name.len);
    pthread_mutex_lock(&i->lock);
    struct slot *s = slot_get(i, key, true);
    if (listed)
        s->seen = i->list;
    else
        set_position(i, t.resource_version);
    if (!s->announced || entry_compare(e, s->announced) > 0) {
        change = (struct change){.event = s->announced ? INFORMER_UPDATED : INFORMER_ADDED,
                                 .old = entry_ref(s->announced),
                                 .object = entry_ref(e)};
        entry_put(&s->announced, entry_ref(e));
    }
    if (!s->current || entry_compare(e, s->current) >= 0)
        entry_put(&s->current, entry_ref(s->announced));
    pthread_mutex_unlock(&i->lock);
    entry_unref(e);
    arena_reset(scratch, mark);
    if (change.object)
        announce(i, scratch, &change);
    return true;
}

bool informer_take_deleted(struct informer *i, struct arena *scratch, struct slice text, struct error *err)
{
    struct object_text t;
    struct change change = {.event = INFORMER_DELETED};
    struct arena_mark mark = arena_mark(scratch);
    if (!read_text(i, scratch, text, &t, err))
        return false;
    struct entry *e = entry_new(&t);
    cleanup(cleanup_free) char *key = slot_key(t.namespace.data, t.namespace.len, t.name.data, t.name.len);
    pthread_mutex_lock(&i->lock);
    set_position(i, t.resource_version);
    struct slot *s = slot_get(i, key, false);
    if (s) {
        change.old = s->announced;
        s->announced = NULL;
        if (s->current && entry_compare(s->current, e) <= 0) // else: made anew by ourselves meanwhile
            entry_put(&s->current, NULL);
        slot_tidy(i, key, s);
    }
    pthread_mutex_unlock(&i->lock);
    arena_reset(scratch, mark);
    if (!change.old) {
        entry_unref(e);
        return true;
    }
    change.object = e;
    announce(i, scratch, &change);
    return true;
}

bool informer_take_bookmark(struct informer *i, struct arena *scratch, struct slice text, struct error *err)
{
    struct arena_mark mark = arena_mark(scratch);
    struct value bookmark;
    bool ok = json_parse(scratch, text.data, text.len, 0, &bookmark, err) || bad_json(err);
    if (ok) {
        struct slice rv = value_slice(value_path(bookmark, "metadata.resourceVersion"));
        ok = (rv.len && rv.len < RV_LEN) || error_set(err, ERROR_TRANSIENT, "a bookmark without resourceVersion");
        pthread_mutex_lock(&i->lock);
        if (ok)
            set_position(i, rv);
        pthread_mutex_unlock(&i->lock);
    }
    arena_reset(scratch, mark);
    return ok || error_wrap(err, "%s", i->options.kind);
}

bool informer_take_list_end(struct informer *i, struct arena *scratch, const char *resource_version)
{
    VEC(struct change) gone = {0};
    const char *key;
    void *value;
    pthread_mutex_lock(&i->lock);
    bool older = *i->position && kube_rv_compare(resource_version, i->position) < 0;
    for (size_t at = 0; map_each(i->slots, &at, &key, &value);) {
        struct slot *s = value;
        if (s->seen == i->list && !older)
            continue;
        if (s->announced)
            vec_push(
                NULL, &gone,
                (struct change){.event = INFORMER_DELETED, .old = s->announced, .object = entry_ref(s->announced)});
        s->announced = NULL;
        // What we wrote after the list was made stays.
        if (older || kube_rv_compare(entry_rv(s->current), resource_version) <= 0)
            entry_put(&s->current, NULL);
        slot_tidy(i, key, s);
    }
    set_position(i, older ? slice_of("") : slice_of(resource_version));
    pthread_mutex_unlock(&i->lock);
    for (size_t at = 0; at < gone.len; at++)
        announce(i, scratch, &gone.items[at]);
    free(gone.items);
    return !older;
}

void informer_clear(struct informer *i, struct arena *scratch)
{
    pthread_mutex_lock(&i->lock);
    i->list++; // nothing was seen in it
    cleanup(cleanup_free) char *position = xstrdup(i->position);
    pthread_mutex_unlock(&i->lock);
    informer_take_list_end(i, scratch, position);
}

// ---- what others ask and bring ------------------------------------------------------------------------------------
bool informer_synced(const struct informer *i)
{
    return atomic_load(&i->synced);
}

struct value informer_get(struct informer *i, struct arena *a, const char *namespace, const char *name)
{
    cleanup(cleanup_free) char *key = slot_key(namespace, namespace ? strlen(namespace) : 0, name, strlen(name));
    pthread_mutex_lock(&i->lock);
    struct slot *s = slot_get(i, key, false);
    struct entry *e = s ? entry_ref(s->current) : NULL;
    pthread_mutex_unlock(&i->lock);
    struct value v = entry_parse(a, e);
    entry_unref(e);
    return v;
}

// References to the current objects of a namespace.
struct snapshot {
    struct entry **items;
    size_t len, cap;
};

static struct snapshot snapshot_take(struct informer *i, const char *namespace)
{
    struct snapshot snap = {0};
    const char *key;
    void *value;
    size_t len = str_empty(namespace) ? 0 : strlen(namespace);
    pthread_mutex_lock(&i->lock);
    for (size_t at = 0; map_each(i->slots, &at, &key, &value);) {
        struct slot *s = value;
        if (s->current && (!len || (strncmp(key, namespace, len) == 0 && key[len] == '/')))
            vec_push(NULL, &snap, entry_ref(s->current));
    }
    pthread_mutex_unlock(&i->lock);
    return snap;
}

struct value informer_list(struct informer *i, struct arena *a, const char *namespace)
{
    struct snapshot snap = snapshot_take(i, namespace);
    struct value list = value_list(a);
    for (size_t at = 0; at < snap.len; at++) {
        value_push(list, entry_parse(a, snap.items[at]));
        entry_unref(snap.items[at]);
    }
    free(snap.items);
    return list;
}

void informer_each(struct informer *i, struct arena *scratch, const char *namespace,
                   bool (*visit)(void *ctx, struct value object), void *ctx)
{
    informer_search(i, scratch, namespace, "", visit, ctx);
}

void informer_search(struct informer *i, struct arena *scratch, const char *namespace, const char *text,
                     bool (*visit)(void *ctx, struct value object), void *ctx)
{
    struct snapshot snap = snapshot_take(i, namespace);
    bool more = true;
    for (size_t at = 0; at < snap.len; at++) {
        if (more && strstr(snap.items[at]->text, text)) {
            struct arena_mark mark = arena_mark(scratch);
            more = visit(ctx, entry_parse(scratch, snap.items[at]));
            arena_reset(scratch, mark);
        }
        entry_unref(snap.items[at]);
    }
    free(snap.items);
}

size_t informer_count(struct informer *i)
{
    size_t count = 0;
    void *value;
    pthread_mutex_lock(&i->lock);
    for (size_t at = 0; map_each(i->slots, &at, NULL, &value);)
        count += ((struct slot *)value)->current != NULL;
    pthread_mutex_unlock(&i->lock);
    return count;
}

// The API server's answer to the write that took the last finalizer away still shows the object, which is gone.
static bool is_gone(struct value object)
{
    struct value meta = value_get(object, "metadata");
    return kube_deleting(object) && value_len(value_get(meta, "finalizers")) == 0 &&
           value_int_or(value_get(meta, "deletionGracePeriodSeconds"), 0) == 0;
}

void informer_put(struct informer *i, struct value object)
{
    const char *namespace = kube_namespace(object), *name = kube_name(object);
    if (i->options.namespace && !str_eq(i->options.namespace, namespace))
        return;
    if (is_gone(object)) {
        informer_drop(i, namespace, name);
        return;
    }
    cleanup(cleanup_arena) struct arena *a = arena_new();
    cleanup(error_clear) struct error ignored = {0};
    struct object_text t;
    struct buf json = BUF_IN(a);
    json_write(&json, object, 0);
    if (!read_text(i, a, buf_view(&json), &t, &ignored))
        return; // no name or resourceVersion: not what a server answered
    struct entry *e = entry_new(&t);
    cleanup(cleanup_free) char *key = slot_key(namespace, strlen(namespace), name, strlen(name));
    pthread_mutex_lock(&i->lock);
    struct slot *s = slot_get(i, key, false);
    // Without a slot and with a watch that has passed this version, the object was deleted since.
    const char *known = s ? entry_rv(s->current ? s->current : s->announced) : i->position;
    if (kube_rv_compare(entry_rv(e), known) > 0)
        entry_put(&slot_get(i, key, true)->current, entry_ref(e));
    pthread_mutex_unlock(&i->lock);
    entry_unref(e);
}

void informer_drop(struct informer *i, const char *namespace, const char *name)
{
    cleanup(cleanup_free) char *key = slot_key(namespace, namespace ? strlen(namespace) : 0, name, strlen(name));
    pthread_mutex_lock(&i->lock);
    struct slot *s = slot_get(i, key, false);
    if (s) {
        entry_put(&s->current, NULL);
        slot_tidy(i, key, s);
    }
    pthread_mutex_unlock(&i->lock);
}
