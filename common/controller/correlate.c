// correlate.c - repeated, similar and too many events.
#include "controller/correlate.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    ENTRIES_MAX = 1024, // of each table
    SIMILAR_MAX = 10,
    SIMILAR_WINDOW_MS = 10 * 60 * 1000,
    BURST = 25,
    REFILL_MS = 5 * 60 * 1000, // for one event
};

struct written {
    char *event_name, *first_time;
    int64_t count;
};
struct similar { // messages of one object, type and reason
    int64_t since_ms;
    uint64_t messages[SIMILAR_MAX];
    size_t count;
};
struct budget {
    double events;
    int64_t at_ms;
};

struct correlator {
    struct map *written, *similar, *budgets;
};

struct correlator *correlator_new(void)
{
    struct correlator *c = xcalloc(1, sizeof *c);
    *c = (struct correlator){map_new(NULL), map_new(NULL), map_new(NULL)};
    return c;
}

static void written_free(struct written *w)
{
    if (!w)
        return;
    free(w->event_name);
    free(w->first_time);
    free(w);
}

void correlator_free(struct correlator *c)
{
    if (!c)
        return;
    const char *key;
    void *entry;
    for (size_t i = 0; map_each(c->written, &i, &key, &entry);)
        written_free(entry);
    for (size_t i = 0; map_each(c->similar, &i, &key, &entry);)
        free(entry);
    for (size_t i = 0; map_each(c->budgets, &i, &key, &entry);)
        free(entry);
    map_free(c->written);
    map_free(c->similar);
    map_free(c->budgets);
    free(c);
}

struct key {
    char text[20];
};

static struct key key_text(uint64_t hash)
{
    struct key k;
    snprintf(k.text, sizeof k.text, "%016" PRIx64, hash);
    return k;
}

static uint64_t hash_of(const char *object, const char *type, const char *reason, const char *message)
{
    struct buf b = {0};
    buf_printf(&b, "%s\n%s\n%s\n%s", object, type, reason, message);
    uint64_t hash = hash_bytes(b.data, b.len);
    buf_free(&b);
    return hash;
}

// Takes out the oldest entry of a full table.
static void *make_room(struct map *m)
{
    const char *key;
    void *entry;
    size_t i = 0;
    return map_len(m) >= ENTRIES_MAX && map_each(m, &i, &key, &entry) ? map_remove(m, key) : NULL;
}

static void *entry_of(struct map *m, uint64_t hash, size_t size)
{
    struct key key = key_text(hash);
    void *entry = map_get(m, key.text);
    if (!entry) {
        free(make_room(m));
        map_put(m, key.text, entry = xcalloc(1, size));
    }
    return entry;
}

static bool spend(struct correlator *c, const char *object, int64_t now_ms)
{
    struct budget *b = entry_of(c->budgets, hash_bytes(object, strlen(object)), sizeof *b);
    if (!b->at_ms)
        *b = (struct budget){BURST, now_ms};
    b->events += (double)(now_ms - b->at_ms) / REFILL_MS;
    b->events = b->events > BURST ? BURST : b->events;
    b->at_ms = now_ms;
    if (b->events < 1)
        return false;
    b->events--;
    return true;
}

static bool too_many_similar(struct correlator *c, uint64_t group, uint64_t message, int64_t now_ms)
{
    struct similar *s = entry_of(c->similar, group, sizeof *s);
    if (!s->since_ms || now_ms - s->since_ms > SIMILAR_WINDOW_MS)
        *s = (struct similar){.since_ms = now_ms};
    for (size_t i = 0; i < s->count; i++) {
        if (s->messages[i] == message)
            return false;
    }
    if (s->count == SIMILAR_MAX)
        return true;
    s->messages[s->count++] = message;
    return false;
}

struct correlation correlate(struct correlator *c, const char *object, const char *type, const char *reason,
                             const char *message, int64_t now_ms)
{
    struct correlation out = {.count = 1};
    uint64_t group = hash_of(object, type, reason, "");
    out.combined = too_many_similar(c, group, hash_bytes(message, strlen(message)), now_ms);
    out.key = out.combined ? group : hash_of(object, type, reason, message);
    out.drop = !spend(c, object, now_ms);
    struct written *w = map_get(c->written, key_text(out.key).text);
    if (w) {
        out.count = w->count + 1;
        out.event_name = w->event_name;
        out.first_time = w->first_time;
    }
    return out;
}

void correlator_written(struct correlator *c, uint64_t key, const char *event_name, const char *first_time,
                        int64_t count)
{
    struct key text = key_text(key);
    struct written *w = xcalloc(1, sizeof *w), *old = map_get(c->written, text.text);
    *w = (struct written){xstrdup(event_name), xstrdup(first_time), count};
    if (!old)
        written_free(make_room(c->written));
    written_free(map_put(c->written, text.text, w));
}

void correlator_forget(struct correlator *c, uint64_t key)
{
    written_free(map_remove(c->written, key_text(key).text));
}
