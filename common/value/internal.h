// internal.h - what the files of `value` share: the layout of lists and dicts, and guards for walking them.
#ifndef RUNNEL_VALUE_INTERNAL_H
#define RUNNEL_VALUE_INTERNAL_H

#include "value/value.h"

struct list {
    struct arena *arena;
    const char *go_type; // NULL: []interface {}
    struct value *items;
    size_t len, cap;
    uint8_t how; // enum go_slice
};

struct dict_entry {
    const char *key; // NUL-terminated
    uint32_t key_len;
    uint32_t hash; // valid while the dict has an index
    struct value value;
};

// Entries lie in one array, in any order until somebody iterates: then they are sorted in place and stay so until a
// key is added out of order. Up to DICT_SMALL entries a lookup compares keys one by one, which beats hashing at that
// size; beyond, `slots` is an open-addressed table of entry numbers + 1.
#define DICT_SMALL 8
struct dict {
    struct arena *arena;
    const char *go_type; // NULL: map[string]interface {}
    struct dict_entry *entries;
    uint32_t *slots; // NULL while small
    uint32_t len, cap;
    uint32_t slot_count; // a power of two
    bool sorted;
    bool in_order; // never sorted
};

void dict_sort(struct dict *d);
struct dict_entry *dict_find(const struct dict *d, const char *key, size_t len);
void dict_put(struct dict *d, const char *key, size_t len, struct value v); // copies the key
void dict_put_borrowed(struct dict *d, const char *key, size_t len,
                       struct value v); // the key lives as long as the dict
// Makes room for exactly `count` entries, or items, in all.
void dict_reserve(struct dict *d, size_t count);
void list_reserve(struct list *l, size_t count);
// Empties a dict for the next use, keeping its memory.
void dict_clear(struct dict *d);
// A shallow copy that takes no more memory than it needs.
struct value dict_clone(struct arena *a, const struct dict *d);
struct value list_clone(struct arena *a, const struct list *l);
// Of these items or entries, as read from text. They are copied (keys are not), and entries get sorted on the way; of
// equal keys the last wins.
struct value list_of(struct arena *a, const struct value *items, size_t count);
struct value dict_of(struct arena *a, struct dict_entry *entries, size_t count);
bool dict_remove(struct dict *d, const char *key, size_t len);

// The same few keys come again and again in a document: readers keep one copy of those they met last.
struct key_cache {
    struct slice keys[256];
};
struct slice key_cache_copy(struct key_cache *cache, struct arena *a, const char *key, size_t len);

// Templates can make a dict that holds itself, and lists that hold one another twice over and over. Every walk over
// values therefore carries its way from the root; a container that is its own ancestor, or lies too deep, ends it.
#define WALK_DEPTH_MAX 1000
struct walk {
    const struct walk *up;
    const void *container;
    unsigned depth;
};
static inline bool walk_enter(struct walk *here, const struct walk *up, const void *container)
{
    *here = (struct walk){.up = up, .container = container, .depth = up ? up->depth + 1 : 1};
    if (here->depth > WALK_DEPTH_MAX)
        return false;
    for (const struct walk *w = up; w; w = w->up)
        if (w->container == container)
            return false;
    return true;
}

void print_integer(struct buf *out, struct value v); // a V_INT, in decimal

// What an object stands for when it is written as JSON or YAML.

#endif
