// map.c - a hash map from string to pointer that keeps the order of insertion.
//
// Entries lie in one array in the order they came; a second array of slots (open addressing, linear probing) holds
// their numbers. A removed entry stays in the array without its key until the next rebuild, so that a loop over the map
// may remove what it stands on.
#include "base/base.h"

#include <pthread.h>

struct entry {
    char *key; // NULL: removed
    size_t len;
    uint64_t hash;
    void *value;
};

struct map {
    struct arena *arena;
    struct entry *entries;
    uint32_t *slots; // number of an entry + 1; 0: empty
    size_t len;      // live entries
    size_t filled;   // entries in use, removed ones among them
    size_t cap;      // entries that fit before a rebuild: three quarters of the slots
    size_t mask;     // slots - 1
};

enum { FIRST_SLOTS = 8 };

// ---- SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012), with the process's own key ----

static uint64_t hash_key[2];

static void make_hash_key(void)
{
    random_bytes(hash_key, sizeof hash_key);
}

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

uint64_t hash_bytes(const void *data, size_t len)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_hash_key);
    uint64_t v[4] = {hash_key[0] ^ 0x736f6d6570736575ULL, hash_key[1] ^ 0x646f72616e646f6dULL,
                     hash_key[0] ^ 0x6c7967656e657261ULL, hash_key[1] ^ 0x7465646279746573ULL};
    const unsigned char *p = data;
    size_t whole = len & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)len << 56;
    for (size_t i = whole; i < len; i++)
        last |= (uint64_t)p[i] << 8 * (i - whole);
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

// ---- the map ----

static void *take(struct arena *a, size_t size)
{
    return a ? arena_zalloc(a, size) : xcalloc(1, size);
}

struct map *map_new(struct arena *arena)
{
    struct map *m = take(arena, sizeof *m);
    m->arena = arena;
    return m;
}

void map_free(struct map *m)
{
    if (!m || m->arena)
        return;
    for (size_t i = 0; i < m->filled; i++)
        free(m->entries[i].key);
    free(m->entries);
    free(m->slots);
    free(m);
}

static struct entry *find(const struct map *m, const char *key, size_t len, uint64_t hash)
{
    if (!m->cap)
        return NULL;
    for (size_t i = hash & m->mask; m->slots[i]; i = (i + 1) & m->mask) {
        struct entry *e = &m->entries[m->slots[i] - 1];
        if (e->key && e->hash == hash && e->len == len && memcmp(e->key, key, len) == 0)
            return e;
    }
    return NULL;
}

static void claim_slot(struct map *m, uint64_t hash, size_t entry)
{
    size_t i = hash & m->mask;
    while (m->slots[i])
        i = (i + 1) & m->mask;
    m->slots[i] = (uint32_t)entry + 1;
}

// Makes room for one more: twice the slots, or the same ones swept where removed entries take most of them.
static void rebuild(struct map *m)
{
    size_t live = 0;
    for (size_t i = 0; i < m->filled; i++) {
        if (m->entries[i].key)
            m->entries[live++] = m->entries[i];
    }
    m->filled = live;
    size_t slots = m->cap ? m->mask + 1 : 0;
    if (!slots || live > m->cap / 2) {
        slots = slots ? slots * 2 : FIRST_SLOTS;
        if (slots > UINT32_MAX / 2)
            abort();
        size_t cap = slots / 4 * 3, old = m->cap * sizeof *m->entries, new = cap * sizeof *m->entries;
        m->entries = m->arena ? arena_realloc(m->arena, m->entries, old, new) : xrealloc(m->entries, new);
        if (!m->arena)
            free(m->slots);
        m->slots = take(m->arena, slots * sizeof *m->slots);
        m->cap = cap;
        m->mask = slots - 1;
    } else {
        memset(m->slots, 0, slots * sizeof *m->slots);
    }
    for (size_t i = 0; i < live; i++)
        claim_slot(m, m->entries[i].hash, i);
}

void *map_get_n(const struct map *m, const char *key, size_t len)
{
    if (!m || !m->len)
        return NULL;
    struct entry *e = find(m, key, len, hash_bytes(key, len));
    return e ? e->value : NULL;
}

void *map_get(const struct map *m, const char *key)
{
    return map_get_n(m, key, strlen(key));
}

void *map_put_n(struct map *m, const char *key, size_t len, void *value)
{
    uint64_t hash = hash_bytes(key, len);
    struct entry *e = find(m, key, len, hash);
    if (e) {
        void *old = e->value;
        e->value = value;
        return old;
    }
    if (m->filled == m->cap)
        rebuild(m);
    char *copy = m->arena ? arena_strndup(m->arena, key, len) : xstrndup(key, len);
    m->entries[m->filled] = (struct entry){.key = copy, .len = len, .hash = hash, .value = value};
    claim_slot(m, hash, m->filled);
    m->filled++;
    m->len++;
    return NULL;
}

void *map_put(struct map *m, const char *key, void *value)
{
    return map_put_n(m, key, strlen(key), value);
}

void *map_remove(struct map *m, const char *key)
{
    size_t len = strlen(key);
    struct entry *e = find(m, key, len, hash_bytes(key, len));
    if (!e)
        return NULL;
    if (!m->arena)
        free(e->key);
    e->key = NULL;
    m->len--;
    return e->value;
}

size_t map_len(const struct map *m)
{
    return m ? m->len : 0;
}

bool map_each(const struct map *m, size_t *i, const char **key, void **value)
{
    while (m && *i < m->filled) {
        struct entry *e = &m->entries[(*i)++];
        if (e->key) {
            if (key)
                *key = e->key;
            if (value)
                *value = e->value;
            return true;
        }
    }
    return false;
}
