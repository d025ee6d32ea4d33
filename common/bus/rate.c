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

// The key's slot, or one that it may take; NULL: others hold them all.
static struct rate_slot *slot_of(struct rate *r, uint64_t hash, int64_t now_ms)
{
    struct rate_slot *set = r->slots[hash % SETS], *unused = NULL;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].until_ms > now_ms && set[i].hash == hash)
            return &set[i];
        if (set[i].until_ms <= now_ms)
            unused = &set[i];
    }
    return unused;
}

// Which turn the key gets within `ahead_ms` of now: how long until it, -1 for none.
static int64_t turn(struct rate *r, const char *key, int64_t now_ms, int64_t ahead_ms)
{
    uint64_t hash = hash_bytes(key, strlen(key));
    int64_t wait = -1;
    pthread_mutex_lock(&r->lock);
    struct rate_slot *slot = slot_of(r, hash, now_ms);
    if (slot) {
        int64_t at = slot->until_ms > now_ms ? slot->until_ms : now_ms;
        if (at - now_ms <= ahead_ms) {
            wait = at - now_ms;
            *slot = (struct rate_slot){hash, at + r->window_ms};
        }
    }
    pthread_mutex_unlock(&r->lock);
    return wait;
}

bool rate_allow(struct rate *r, const char *key, int64_t now_ms)
{
    return turn(r, key, now_ms, 0) == 0;
}

int64_t rate_reserve(struct rate *r, const char *key, int64_t now_ms)
{
    return turn(r, key, now_ms, r->window_ms);
}
