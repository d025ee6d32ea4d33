// cache.c - compiled patterns, shared by all threads.
//
// The cache is bounded, because templates may make patterns without end. What a thread got last stays alive for it
// beyond eviction: each thread holds references to its last few.
#include "regex/private.h"

#include <pthread.h>

enum { CACHE_ENTRIES = 32, HELD = REGEX_CACHED_HELD };

struct entry {
    char *pattern;
    size_t len;
    uint64_t last_use;
    struct regex *re;
};

static struct {
    pthread_mutex_t lock;
    struct entry entries[CACHE_ENTRIES];
    uint64_t uses;
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct held {
    struct regex *items[HELD];
    size_t next;
};

static pthread_key_t held_key;

static void free_held(void *p)
{
    struct held *h = p;
    for (size_t i = 0; i < HELD; i++)
        regex_free(h->items[i]);
    free(h);
}

static void make_held_key(void)
{
    if (pthread_key_create(&held_key, free_held))
        abort();
}

static const struct regex *hold(struct regex *re)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_held_key);
    struct held *h = pthread_getspecific(held_key);
    if (!h) {
        h = xcalloc(1, sizeof *h);
        pthread_setspecific(held_key, h);
    }
    regex_free(h->items[h->next]);
    h->items[h->next] = re;
    h->next = (h->next + 1) % HELD;
    return re;
}

static struct regex *find(struct slice pattern)
{
    for (size_t i = 0; i < CACHE_ENTRIES; i++) {
        struct entry *e = &cache.entries[i];
        if (e->re && slice_eq(slice_n(e->pattern, e->len), pattern)) {
            e->last_use = ++cache.uses;
            e->re->references++;
            return e->re;
        }
    }
    return NULL;
}

static void insert(struct slice pattern, struct regex *re)
{
    struct entry *oldest = &cache.entries[0];
    for (size_t i = 1; i < CACHE_ENTRIES; i++) {
        if (cache.entries[i].last_use < oldest->last_use)
            oldest = &cache.entries[i];
    }
    free(oldest->pattern);
    regex_free(oldest->re);
    re->references++;
    *oldest = (struct entry){xstrndup(pattern.data, pattern.len), pattern.len, ++cache.uses, re};
}

const struct regex *regex_cached(const char *pattern, size_t len, struct error *err)
{
    struct slice key = slice_n(pattern, len);
    pthread_mutex_lock(&cache.lock);
    struct regex *re = find(key);
    pthread_mutex_unlock(&cache.lock);
    if (re)
        return hold(re);
    re = regex_new(pattern, len, err); // outside the lock: compiling can take a while
    if (!re)
        return NULL;
    pthread_mutex_lock(&cache.lock);
    struct regex *faster = find(key); // another thread's
    if (!faster)
        insert(key, re);
    pthread_mutex_unlock(&cache.lock);
    if (faster)
        regex_free(re);
    return hold(faster ? faster : re);
}
