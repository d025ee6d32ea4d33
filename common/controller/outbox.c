// outbox.c - a ring of texts and the thread that empties it.
#include "controller/outbox.h"
#include "base/monotonic.h"

struct outbox {
    void (*send)(void *ctx, const char *text, const int *cancel);
    void *ctx;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char **ring;
    size_t capacity, first, count;
    bool closed, idle; // closed: ends when it is empty. idle: the thread has nothing in hand
    int cancel;
};

static void *send_loop(void *ctx)
{
    struct outbox *o = ctx;
    pthread_mutex_lock(&o->lock);
    for (;;) {
        o->idle = true;
        pthread_cond_broadcast(&o->changed);
        while (!o->count && !o->closed)
            pthread_cond_wait(&o->changed, &o->lock);
        if (!o->count || o->cancel)
            break;
        o->idle = false;
        char *text = o->ring[o->first];
        o->first = (o->first + 1) % o->capacity;
        o->count--;
        pthread_mutex_unlock(&o->lock);
        o->send(o->ctx, text, &o->cancel);
        free(text);
        pthread_mutex_lock(&o->lock);
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

struct outbox *outbox_new(size_t capacity, void (*send)(void *ctx, const char *text, const int *cancel), void *ctx,
                          struct error *err)
{
    struct outbox *o = xcalloc(1, sizeof *o);
    *o = (struct outbox){.send = send, .ctx = ctx, .ring = xcalloc(capacity, sizeof(char *)), .capacity = capacity};
    pthread_mutex_init(&o->lock, NULL);
    monotonic_init(&o->changed);
    if (pthread_create(&o->thread, NULL, send_loop, o) == 0)
        return o;
    free(o->ring);
    free(o);
    error_set(err, ERROR_TRANSIENT, "cannot start a thread");
    return NULL;
}

bool outbox_put(struct outbox *o, char *text)
{
    pthread_mutex_lock(&o->lock);
    bool room = o->count < o->capacity && !o->closed;
    if (room) {
        o->ring[(o->first + o->count++) % o->capacity] = text;
        pthread_cond_broadcast(&o->changed);
    }
    pthread_mutex_unlock(&o->lock);
    if (!room)
        free(text);
    return room;
}

static bool wait_until(struct outbox *o, int64_t deadline_ms) // with the lock
{
    return monotonic_wait(&o->changed, &o->lock, deadline_ms * 1000);
}

bool outbox_wait(struct outbox *o, int64_t ms)
{
    int64_t deadline = clock_mono_ms() + ms;
    pthread_mutex_lock(&o->lock);
    while (!o->closed && wait_until(o, deadline))
        ;
    bool go_on = !o->closed;
    pthread_mutex_unlock(&o->lock);
    return go_on;
}

void outbox_drain(struct outbox *o, int64_t deadline_ms)
{
    if (!o)
        return;
    pthread_mutex_lock(&o->lock);
    o->closed = true;
    pthread_cond_broadcast(&o->changed);
    while ((o->count || !o->idle) && wait_until(o, deadline_ms))
        ;
    pthread_mutex_unlock(&o->lock);
}

void outbox_free(struct outbox *o)
{
    if (!o)
        return;
    pthread_mutex_lock(&o->lock);
    o->closed = true;
    __atomic_store_n(&o->cancel, 1, __ATOMIC_RELAXED);
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
    pthread_join(o->thread, NULL);
    for (size_t i = 0; i < o->count; i++)
        free(o->ring[(o->first + i) % o->capacity]);
    free(o->ring);
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->lock);
    free(o);
}
