// rate.c - one for each key in a window: a set-associative table of hashes and times.
#include "bus/rate.h"

#include <pthread.h>

enum { SETS = 1024, WAYS = 8 }; // 128 KiB, touched only where keys fall

struct rate_slot {
    uint64_t hash;
    int64_t until_ms; // 0: free
};

struct rate {
    pthread_mutex_t lock;
    int64_t window_ms;
    struct rate_slot slots[SETS][WAYS];
};

struct rate *rate_new(int64_t window_ms)
{
    struct rate *r = xcalloc(1, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    r->window_ms = window_ms;
    return r;
}

void rate_free(struct rate *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->lock);
    free(r);
}

bool rate_allow(struct rate *r, const char *key, int64_t now_ms, int64_t *wait_ms)
{
    uint64_t hash = hash_bytes(key, strlen(key));
    bool allowed = false;
    int64_t wait = r->window_ms;
    pthread_mutex_lock(&r->lock);
    struct rate_slot *set = r->slots[hash % SETS], *mine = NULL, *unused = NULL;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].until_ms && set[i].hash == hash)
            mine = &set[i];
        else if (set[i].until_ms <= now_ms)
            unused = &set[i];
    }
    if (mine ? mine->until_ms <= now_ms : unused != NULL) {
        *(mine ? mine : unused) = (struct rate_slot){hash, now_ms + r->window_ms};
        allowed = true;
    } else if (mine) {
        wait = mine->until_ms - now_ms;
    }
    pthread_mutex_unlock(&r->lock);
    if (wait_ms)
        *wait_ms = allowed ? 0 : wait;
    return allowed;
}
