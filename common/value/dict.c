// dict.c - dicts: compact and searched in order when small, hashed when big, sorted when iterated over.
#include "value/internal.h"

static int entry_cmp(const void *a, const void *b)
{
    const struct dict_entry *x = a, *y = b;
    return slice_cmp(slice_n(x->key, x->key_len), slice_n(y->key, y->key_len));
}

static inline bool entry_is(const struct dict_entry *e, const char *key, size_t len)
{
    return e->key_len == len && memcmp(e->key, key, len) == 0;
}

static inline uint32_t key_hash(const char *key, size_t len)
{
    return (uint32_t)hash_bytes(key, len);
}

// ---- the index of big dicts ---------------------------------------------------------------------------------------
static void index_add(struct dict *d, uint32_t i)
{
    uint32_t mask = d->slot_count - 1, slot = d->entries[i].hash & mask;
    while (d->slots[slot])
        slot = (slot + 1) & mask;
    d->slots[slot] = i + 1;
}

static void index_build(struct dict *d, uint32_t slot_count, bool hashes_known)
{
    if (slot_count != d->slot_count) {
        d->slots = arena_realloc(d->arena, d->slots, d->slot_count * sizeof *d->slots, slot_count * sizeof *d->slots);
        d->slot_count = slot_count;
    }
    memset(d->slots, 0, slot_count * sizeof *d->slots);
    for (uint32_t i = 0; i < d->len; i++) {
        if (!hashes_known)
            d->entries[i].hash = key_hash(d->entries[i].key, d->entries[i].key_len);
        index_add(d, i);
    }
}

static uint32_t index_slot_of(const struct dict *d, uint32_t i)
{
    uint32_t mask = d->slot_count - 1, slot = d->entries[i].hash & mask;
    while (d->slots[slot] != i + 1)
        slot = (slot + 1) & mask;
    return slot;
}

// Closes the gap in the probe sequence, so that no tombstones are needed.
static void index_drop(struct dict *d, uint32_t slot)
{
    uint32_t mask = d->slot_count - 1;
    for (uint32_t next = (slot + 1) & mask; d->slots[next]; next = (next + 1) & mask) {
        uint32_t home = d->entries[d->slots[next] - 1].hash & mask;
        if (((next - home) & mask) >= ((next - slot) & mask)) {
            d->slots[slot] = d->slots[next];
            slot = next;
        }
    }
    d->slots[slot] = 0;
}

// ---- entries ------------------------------------------------------------------------------------------------------
struct dict_entry *dict_find(const struct dict *d, const char *key, size_t len)
{
    if (!d->slots) {
        for (uint32_t i = 0; i < d->len; i++)
            if (entry_is(&d->entries[i], key, len))
                return &d->entries[i];
        return NULL;
    }
    uint32_t hash = key_hash(key, len), mask = d->slot_count - 1;
    for (uint32_t slot = hash & mask; d->slots[slot]; slot = (slot + 1) & mask) {
        struct dict_entry *e = &d->entries[d->slots[slot] - 1];
        if (e->hash == hash && entry_is(e, key, len))
            return e;
    }
    return NULL;
}

static void entry_append(struct dict *d, const char *key, size_t len, struct value v)
{
    if (d->len == d->cap) {
        uint32_t cap = d->cap ? d->cap * 2 : 4;
        if (cap * sizeof *d->entries > ARENA_SMALL && !arena_room(d->arena, cap * sizeof *d->entries))
            return;
        d->entries = arena_realloc(d->arena, d->entries, d->cap * sizeof *d->entries, (size_t)cap * sizeof *d->entries);
        d->cap = cap;
    }
    struct dict_entry *e = &d->entries[d->len++];
    *e = (struct dict_entry){.key = key, .key_len = (uint32_t)len, .value = v};
    if (d->len > 1 && d->sorted && entry_cmp(e - 1, e) > 0)
        d->sorted = false;
    if (d->slots) {
        e->hash = key_hash(key, len);
        if (d->len > d->slot_count / 2)
            index_build(d, d->slot_count * 2, true);
        else
            index_add(d, d->len - 1);
    } else if (d->len > DICT_SMALL) {
        index_build(d, DICT_SMALL * 4, false);
    }
}

void dict_put(struct dict *d, const char *key, size_t len, struct value v)
{
    struct dict_entry *e = dict_find(d, key, len);
    if (e)
        e->value = v;
    else
        entry_append(d, arena_strndup(d->arena, key, len), len, v);
}

void dict_put_borrowed(struct dict *d, const char *key, size_t len, struct value v)
{
    struct dict_entry *e = dict_find(d, key, len);
    if (e)
        e->value = v;
    else
        entry_append(d, key, len, v);
}

bool dict_remove(struct dict *d, const char *key, size_t len)
{
    struct dict_entry *e = dict_find(d, key, len);
    if (!e)
        return false;
    uint32_t hole = (uint32_t)(e - d->entries), last = d->len - 1;
    if (!d->slots) { // keeps the order
        memmove(e, e + 1, (last - hole) * sizeof *e);
        d->len--;
        return true;
    }
    index_drop(d, index_slot_of(d, hole));
    if (hole != last) {
        uint32_t slot = index_slot_of(d, last);
        *e = d->entries[last];
        d->slots[slot] = hole + 1;
        d->sorted = false;
    }
    d->len--;
    return true;
}

void dict_reserve(struct dict *d, size_t count)
{
    if (count <= d->cap || count > UINT32_MAX)
        return;
    d->entries = arena_realloc(d->arena, d->entries, d->cap * sizeof *d->entries, count * sizeof *d->entries);
    d->cap = (uint32_t)count;
}

void dict_clear(struct dict *d)
{
    d->len = 0;
    d->sorted = true;
    if (d->slot_count > 1024) { // clearing a big table again and again costs more than making one when it is needed
        d->slots = NULL;
        d->slot_count = 0;
    } else if (d->slots) {
        memset(d->slots, 0, d->slot_count * sizeof *d->slots);
    }
}

struct value dict_clone(struct arena *a, const struct dict *d)
{
    struct value out = value_dict_typed(a, d->go_type);
    struct dict *to = out.dict;
    if (d->len) {
        to->entries = arena_alloc(a, d->len * sizeof *to->entries);
        memcpy(to->entries, d->entries, d->len * sizeof *to->entries);
        to->cap = to->len = d->len;
    }
    if (d->len > DICT_SMALL) {
        to->slots = arena_alloc(a, d->slot_count * sizeof *to->slots);
        memcpy(to->slots, d->slots, d->slot_count * sizeof *to->slots);
        to->slot_count = d->slot_count;
    }
    to->sorted = d->sorted;
    return out;
}

// `hash` holds the place in the text meanwhile: equal keys stay in their order.
static int entry_cmp_stable(const void *a, const void *b)
{
    const struct dict_entry *x = a, *y = b;
    int order = entry_cmp(x, y);
    return order ? order : x->hash < y->hash ? -1 : 1;
}

static void sort_entries(struct dict_entry *entries, size_t count)
{
    size_t i = 1;
    while (i < count && entry_cmp(&entries[i - 1], &entries[i]) < 0)
        i++;
    if (i >= count)
        return; // as most texts that a program wrote
    if (count <= 16) {
        for (; i < count; i++) {
            struct dict_entry e = entries[i];
            size_t k = i;
            for (; k > 0 && entry_cmp(&entries[k - 1], &e) > 0; k--)
                entries[k] = entries[k - 1];
            entries[k] = e;
        }
        return;
    }
    for (i = 0; i < count; i++)
        entries[i].hash = (uint32_t)i;
    qsort(entries, count, sizeof *entries, entry_cmp_stable);
}

struct value dict_of(struct arena *a, struct dict_entry *entries, size_t count)
{
    struct value out = value_dict(a);
    struct dict *d = out.dict;
    sort_entries(entries, count);
    dict_reserve(d, count);
    for (size_t i = 0; i < count; i++) {
        bool again = d->len && entry_is(&entries[i], d->entries[d->len - 1].key, d->entries[d->len - 1].key_len);
        d->entries[again ? d->len - 1 : d->len++] = entries[i];
    }
    if (d->len > DICT_SMALL) {
        uint32_t slots = DICT_SMALL * 4;
        while (slots / 2 < d->len)
            slots *= 2;
        index_build(d, slots, false);
    }
    return out;
}

// Two keys in one slot cost a copy and nothing else, so this need not withstand anybody.
static size_t cache_slot(const char *key, size_t len)
{
    uint64_t head = 0, tail = 0;
    if (len >= 8) {
        memcpy(&head, key, 8);
        memcpy(&tail, key + len - 8, 8);
    } else if (len >= 2) {
        memcpy(&head, key, 2);
        memcpy(&tail, key + len - 2, 2);
        head |= (uint64_t)(unsigned char)key[len / 2] << 16;
    }
    return (head * 3 + tail * 5 + len) * 0x9e3779b97f4a7c15ULL >> 56;
}

struct slice key_cache_copy(struct key_cache *cache, struct arena *a, const char *key, size_t len)
{
    struct slice *slot = &cache->keys[cache_slot(key, len) % ARRAY_LEN(cache->keys)];
    if (!slot->data || slot->len != len || memcmp(slot->data, key, len) != 0)
        *slot = slice_n(arena_strndup(a, key, len), len);
    return *slot;
}

void dict_sort(struct dict *d)
{
    if (d->sorted || d->in_order)
        return;
    qsort(d->entries, d->len, sizeof *d->entries, entry_cmp);
    if (d->slots)
        index_build(d, d->slot_count, true);
    d->sorted = true;
}
