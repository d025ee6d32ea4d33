// queue.c - the work queue: a list of what is ready, a heap of what is due later, and the table of all keys.
#include "controller/queue.h"
#include "base/monotonic.h"

enum item_state { ITEM_DELAYED, ITEM_READY, ITEM_ACTIVE };
#define NEVER INT64_MAX

struct item {
    enum item_state state;
    int64_t due_us;     // delayed: when; active: when it is to come again, NEVER when not
    int64_t ready_us;   // since when it has been ready
    int64_t started_us; // since when it has been worked on
    size_t heap_index;
    struct item *next, *previous; // in the ready list
    unsigned failures;
    bool hinted;
    char key[];
};

struct queue {
    struct queue_options options;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct map *items;
    struct item ready; // the list's anchor
    VEC(struct item *) heap;
    size_t ready_count, active_count, waiting;
    uint64_t adds, retries;
    bool stopped;
};

struct queue *queue_new(const struct queue_options *options)
{
    struct queue *q = xcalloc(1, sizeof *q);
    q->options = *options;
    q->items = map_new(NULL);
    q->ready.next = q->ready.previous = &q->ready;
    pthread_mutex_init(&q->lock, NULL);
    monotonic_init(&q->changed);
    return q;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    const char *key;
    void *item;
    for (size_t i = 0; map_each(q->items, &i, &key, &item);)
        free(item);
    map_free(q->items);
    free(q->heap.items);
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

// ---- the heap of delayed items: the earliest is at its top ----------------------------------------------------------
static void heap_place(struct queue *q, size_t i, struct item *item)
{
    q->heap.items[i] = item;
    item->heap_index = i;
}

static void heap_up(struct queue *q, size_t i)
{
    struct item *item = q->heap.items[i];
    for (size_t parent; i && (parent = (i - 1) / 2, q->heap.items[parent]->due_us > item->due_us); i = parent)
        heap_place(q, i, q->heap.items[parent]);
    heap_place(q, i, item);
}

static void heap_down(struct queue *q, size_t i)
{
    struct item *item = q->heap.items[i];
    for (size_t child; (child = 2 * i + 1) < q->heap.len; i = child) {
        if (child + 1 < q->heap.len && q->heap.items[child + 1]->due_us < q->heap.items[child]->due_us)
            child++;
        if (q->heap.items[child]->due_us >= item->due_us)
            break;
        heap_place(q, i, q->heap.items[child]);
    }
    heap_place(q, i, item);
}

static void heap_remove(struct queue *q, struct item *item)
{
    size_t i = item->heap_index;
    struct item *last = q->heap.items[--q->heap.len];
    if (last == item)
        return;
    heap_place(q, i, last);
    heap_up(q, i);
    heap_down(q, last->heap_index);
}

// ---- states ---------------------------------------------------------------------------------------------------------
static void make_delayed(struct queue *q, struct item *item, int64_t due_us)
{
    item->state = ITEM_DELAYED;
    item->due_us = due_us;
    vec_push(NULL, &q->heap, item);
    heap_up(q, q->heap.len - 1);
}

static void make_ready(struct queue *q, struct item *item, int64_t since_us)
{
    item->state = ITEM_READY;
    item->ready_us = since_us;
    item->previous = q->ready.previous;
    item->next = &q->ready;
    item->previous->next = item->next->previous = item;
    q->ready_count++;
    q->adds++;
}

static void make_active(struct queue *q, struct item *item)
{
    item->previous->next = item->next;
    item->next->previous = item->previous;
    q->ready_count--;
    q->active_count++;
    item->state = ITEM_ACTIVE;
    item->due_us = NEVER;
    item->started_us = clock_mono_us();
}

static void promote_due(struct queue *q)
{
    int64_t now = clock_mono_us();
    while (q->heap.len && q->heap.items[0]->due_us <= now) {
        struct item *item = q->heap.items[0];
        heap_remove(q, item);
        make_ready(q, item, item->due_us);
    }
}

// Queues an item that is in neither list, and wakes whom it concerns.
static void schedule(struct queue *q, struct item *item, int64_t after_ms)
{
    int64_t now = clock_mono_us();
    if (after_ms <= 0)
        make_ready(q, item, now);
    else
        make_delayed(q, item, now + after_ms * 1000);
    pthread_cond_signal(&q->changed);
}

// With the lock held on entry, not on return.
static void unlock_and_tell(struct queue *q)
{
    bool tell = q->ready_count > q->waiting && !q->stopped;
    pthread_mutex_unlock(&q->lock);
    if (tell && q->options.backlog)
        q->options.backlog(q->options.ctx);
}

void queue_add(struct queue *q, const char *key, int64_t after_ms, bool hinted)
{
    pthread_mutex_lock(&q->lock);
    struct item *item = map_get(q->items, key);
    if (!item) {
        size_t len = strlen(key);
        item = xcalloc(1, sizeof *item + len + 1);
        memcpy(item->key, key, len);
        map_put(q->items, key, item);
        schedule(q, item, after_ms);
    } else if (item->state != ITEM_READY) {
        int64_t due = clock_mono_us() + (after_ms > 0 ? after_ms * 1000 : 0);
        if (item->state == ITEM_ACTIVE) {
            item->due_us = due < item->due_us ? due : item->due_us;
        } else if (due < item->due_us) {
            heap_remove(q, item);
            schedule(q, item, after_ms);
        }
    }
    item->hinted |= hinted;
    q->retries += after_ms > 0;
    unlock_and_tell(q);
}

bool queue_take(struct queue *q, struct queue_work *out, int64_t timeout_ms)
{
    int64_t end_us = timeout_ms < 0 ? NEVER : clock_mono_us() + timeout_ms * 1000;
    pthread_mutex_lock(&q->lock);
    for (;;) {
        promote_due(q);
        if (q->stopped || q->ready_count)
            break;
        int64_t until_us = q->heap.len && q->heap.items[0]->due_us < end_us ? q->heap.items[0]->due_us : end_us;
        if (until_us == end_us && end_us != NEVER && clock_mono_us() >= end_us)
            break;
        q->waiting++;
        if (until_us == NEVER)
            pthread_cond_wait(&q->changed, &q->lock);
        else
            monotonic_wait(&q->changed, &q->lock, until_us);
        q->waiting--;
    }
    if (q->stopped || !q->ready_count) {
        pthread_mutex_unlock(&q->lock);
        return false;
    }
    struct item *item = q->ready.next;
    make_active(q, item);
    *out = (struct queue_work){
        .key = item->key,
        .failures = item->failures,
        .hinted = item->hinted,
        .waited_us = item->started_us > item->ready_us ? item->started_us - item->ready_us : 0,
        .started_us = item->started_us,
    };
    item->hinted = false;
    if (q->ready_count)
        pthread_cond_signal(&q->changed); // several became due at once, and only one waiter woke
    unlock_and_tell(q);
    return true;
}

static int64_t backoff_ms(const struct queue *q, unsigned failures)
{
    int64_t ms = q->options.min_retry_ms;
    while (failures-- && ms < q->options.max_retry_ms)
        ms *= 2;
    return ms < q->options.max_retry_ms ? ms : q->options.max_retry_ms;
}

void queue_done(struct queue *q, const struct queue_work *work, enum queue_outcome outcome, int64_t after_ms,
                int64_t cap_ms)
{
    pthread_mutex_lock(&q->lock);
    struct item *item = map_get(q->items, work->key);
    int64_t again_us = item->due_us; // asked for while it was worked on
    q->active_count--;
    if (outcome == QUEUE_RETRY) {
        after_ms = after_ms > 0 ? after_ms : backoff_ms(q, item->failures);
        after_ms = cap_ms > 0 && after_ms > cap_ms ? cap_ms : after_ms;
        item->failures++;
    } else {
        item->failures = 0;
    }
    if (outcome == QUEUE_FORGET && again_us == NEVER) {
        map_remove(q->items, item->key);
        free(item);
    } else {
        int64_t left_ms = again_us == NEVER ? INT64_MAX : (again_us - clock_mono_us() + 999) / 1000;
        if (outcome == QUEUE_FORGET || left_ms < after_ms)
            after_ms = left_ms;
        q->retries += after_ms > 0;
        schedule(q, item, after_ms);
    }
    unlock_and_tell(q);
}

void queue_stop(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->stopped = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

bool queue_stopped(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    bool stopped = q->stopped;
    pthread_mutex_unlock(&q->lock);
    return stopped;
}

struct queue_stats queue_stats(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    promote_due(q);
    struct queue_stats s = {.ready = q->ready_count,
                            .delayed = q->heap.len,
                            .active = q->active_count,
                            .adds = q->adds,
                            .retries = q->retries};
    int64_t now = clock_mono_us();
    const char *key;
    void *entry;
    for (size_t i = 0; q->active_count && map_each(q->items, &i, &key, &entry);) {
        const struct item *item = entry;
        if (item->state != ITEM_ACTIVE)
            continue;
        double seconds = (double)(now - item->started_us) / 1e6;
        s.unfinished_s += seconds;
        s.longest_s = seconds > s.longest_s ? seconds : s.longest_s;
    }
    pthread_mutex_unlock(&q->lock);
    return s;
}
