// arena.c - memory: the allocators that never return NULL, and arenas.
//
// An arena is a stack of blocks that double in size from 4 KiB to 1 MiB, so that a small reconcile costs a page and a
// large one few calls of malloc. A page that is first touched costs a fault of the processor, which took a third of the
// time that a chart needs: so blocks are got ready STEP bytes at a time; beyond HUGE_FROM bytes they are huge pages.
// Until 2 MiB are in use, requests of BIG bytes and more get a block of their own, on a second list: they would leave
// holes in the stack, and can be grown by realloc without a copy. So do files that are mapped.
#include "base/base.h"

#include <stdio.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
// What is not handed out is poisoned, and a red zone follows each piece: the sanitizer then sees inside of arenas.
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#define RED_ZONE ((size_t)16)
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#define RED_ZONE ((size_t)0)
#endif

enum {
    ALIGNMENT = 16,
    FIRST_BLOCK = 4096,
    LAST_BLOCK = 1 << 20,
    HUGE_PAGE = 2 << 20,
    HUGE_FROM = 512 * 1024,
    BIG = 256 * 1024,
    STEP = 64 * 1024
};

// What malloc adds itself; block sizes leave room for it so that a block fills whole pages.
#define MALLOC_OVERHEAD ((size_t)16)

struct block {
    struct block *below;
    size_t size;         // of data
    size_t offset, ready; // the arena's next and end while another block lies above
    bool huge;           // a page, not malloc's
    _Alignas(ALIGNMENT) char data[];
};

struct big {
    struct big *below;
    size_t size;    // of data
    size_t used_at; // the arena's count when this was allocated: tells which marks it is younger than
    void *mapped;   // a file instead of data; NULL: none
    _Alignas(ALIGNMENT) char data[];
};

struct arena {
    char *next, *end; // free bytes of the top block that are ready
    struct block *top;
    struct big *bigs; // newest first
    size_t used, limit;
    bool full;
};

static _Noreturn void out_of_memory(size_t size)
{
    fprintf(stderr, "out of memory: %zu bytes\n", size);
    abort();
}

void *xmalloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p)
        out_of_memory(size);
    return p;
}

void *xcalloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (!p)
        out_of_memory(size);
    return p;
}

void *xrealloc(void *p, size_t size)
{
    void *q = realloc(p, size ? size : 1);
    if (!q)
        out_of_memory(size);
    return q;
}

char *xstrndup(const char *s, size_t len)
{
    char *copy = xmalloc(len + 1);
    if (len)
        memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

char *xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

char *xasprintf(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct buf b = {0};
    buf_vprintf(&b, fmt, args);
    va_end(args);
    return buf_steal(&b);
}

void cleanup_free(void *pp)
{
    free(*(void **)pp);
}

void secret_free(char **secret)
{
    if (*secret)
        explicit_bzero(*secret, strlen(*secret));
    free(*secret);
    *secret = NULL;
}

struct arena *arena_new(void)
{
    return xcalloc(1, sizeof(struct arena));
}

static void pop_block(struct arena *a)
{
    struct block *b = a->top;
    a->top = b->below;
    a->next = a->top ? a->top->data + a->top->offset : NULL;
    a->end = a->top ? a->top->data + a->top->ready : NULL;
    UNPOISON(b->data, b->size);
    if (b->huge)
        munmap(b, HUGE_PAGE);
    else
        free(b);
}

static void pop_big(struct arena *a)
{
    struct big *b = a->bigs;
    a->bigs = b->below;
    if (b->mapped)
        munmap(b->mapped, b->size);
    free(b);
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    while (a->top)
        pop_block(a);
    while (a->bigs)
        pop_big(a);
    free(a);
}

void cleanup_arena(struct arena **a)
{
    arena_free(*a);
}

static void check_size(size_t size)
{
    if (size > PTRDIFF_MAX - LAST_BLOCK)
        out_of_memory(size); // from overflowed arithmetic or hostile input
}

// The room a piece takes in a block.
static inline size_t room_for(size_t size)
{
    return (((size ? size : 1) + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1)) + RED_ZONE;
}

// Has the kernel give the pages of [from, to) now, which is far less work than one at a time. Linux 5.14; before, they
// come as ever.
static void fault_in(char *from, const char *to)
{
#if defined(MADV_POPULATE_WRITE) && !defined(ARENA_ASAN)
    uintptr_t start = (uintptr_t)from & -(uintptr_t)getauxval(AT_PAGESZ);
    madvise((void *)start, (uintptr_t)to - start, MADV_POPULATE_WRITE);
#else
    (void)from, (void)to;
#endif
}

// The kernel makes a huge page of it where it can; else it is memory as any other. NULL: it has none to give.
static struct block *huge_block(void)
{
#ifdef ARENA_ASAN
    return NULL; // malloc's blocks tell the sanitizer more
#endif
    char *room = mmap(NULL, 2 * HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return NULL;
    size_t before = -(uintptr_t)room & (HUGE_PAGE - 1);
    if (before)
        munmap(room, before);
    munmap(room + before + HUGE_PAGE, HUGE_PAGE - before);
    struct block *b = (struct block *)(room + before);
    madvise(b, HUGE_PAGE, MADV_HUGEPAGE);
    *b = (struct block){.size = HUGE_PAGE - sizeof *b, .huge = true};
    return b;
}

static struct block *plain_block(size_t whole)
{
    size_t size = whole - sizeof(struct block) - MALLOC_OVERHEAD;
    struct block *b = xmalloc(sizeof *b + size);
    *b = (struct block){.size = size};
    return b;
}

static void push_block(struct arena *a, size_t room)
{
    struct block *b = a->used >= HUGE_FROM ? huge_block() : NULL;
    size_t whole = a->top ? (a->top->size + sizeof *b + MALLOC_OVERHEAD) * 2 : FIRST_BLOCK;
    if (whole > LAST_BLOCK)
        whole = LAST_BLOCK;
    while (whole - sizeof *b - MALLOC_OVERHEAD < room)
        whole *= 2;
    if (!b)
        b = plain_block(whole);
    POISON(b->data, b->size);
    if (a->top) {
        a->top->offset = (size_t)(a->next - a->top->data);
        a->top->ready = (size_t)(a->end - a->top->data);
    }
    b->below = a->top;
    a->top = b;
    a->next = b->data;
    a->end = b->huge || whole <= STEP ? b->data + b->size : b->data;
}

// What is free in the top block, ready or not.
static size_t room_left(const struct arena *a)
{
    return a->top ? (size_t)(a->top->data + a->top->size - a->next) : 0;
}

// Gets `room` bytes of those ready.
static void make_ready(struct arena *a, size_t room)
{
    if (room <= (size_t)(a->end - a->next))
        return;
    size_t more = room > STEP ? room : STEP;
    char *from = a->end;
    a->end = more < room_left(a) ? a->next + more : a->top->data + a->top->size;
    fault_in(from, a->end);
}

static struct big *push_big(struct arena *a, size_t room, size_t size, void *mapped)
{
    struct big *b = xmalloc(sizeof *b + room);
    b->below = a->bigs;
    b->size = size;
    b->used_at = a->used;
    b->mapped = mapped;
    a->bigs = b;
    a->used += size;
    return b;
}

static void *alloc_big(struct arena *a, size_t size)
{
    struct big *b = push_big(a, size, size, NULL);
    fault_in(b->data, b->data + size);
    return b->data;
}

char *arena_map(struct arena *a, int fd, size_t size)
{
    if (size % getauxval(AT_PAGESZ) == 0) // nothing zero would stand behind it
        return NULL;
    char *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (mapped == MAP_FAILED)
        return NULL;
    mapped[size] = '\0'; // it was: but now the page is ours, and stays so when the file grows
    push_big(a, 0, size, mapped);
    return mapped;
}

static void *take(struct arena *a, size_t room, size_t size)
{
    char *p = a->next;
    a->next += room;
    a->used += room;
    UNPOISON(p, size);
    return p;
}

__attribute__((noinline)) static void *alloc_slowly(struct arena *a, size_t size)
{
    check_size(size);
    size_t room = room_for(size);
    if (room >= BIG && (a->used < HUGE_PAGE || room > HUGE_PAGE / 2))
        return alloc_big(a, size);
    if (room_left(a) < room)
        push_block(a, room);
    make_ready(a, room);
    return take(a, room, size);
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t room = room_for(size);
    return size < BIG && room <= (size_t)(a->end - a->next) ? take(a, room, size) : alloc_slowly(a, size);
}

void *arena_zalloc(struct arena *a, size_t size)
{
    void *p = arena_alloc(a, size);
    memset(p, 0, size);
    return p;
}

void *arena_realloc(struct arena *a, void *p, size_t old_size, size_t new_size)
{
    if (!p)
        return arena_alloc(a, new_size);
    if (new_size <= old_size)
        return p;
    check_size(new_size);
    size_t old_room = room_for(old_size), more = room_for(new_size) - old_room;
    if (a->top && (char *)p == a->next - old_room && room_left(a) >= more) {
        make_ready(a, more);
        take(a, more, 0);
        UNPOISON(p, new_size);
        return p;
    }
    if (a->bigs && p == a->bigs->data) {
        a->used += new_size - a->bigs->size;
        a->bigs = xrealloc(a->bigs, sizeof(struct big) + new_size);
        a->bigs->size = new_size;
        return a->bigs->data;
    }
    void *q = arena_alloc(a, new_size);
    memcpy(q, p, old_size);
    return q;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
    char *copy = arena_alloc(a, len + 1);
    if (len)
        memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    char room[256]; // most are short: formatted once, then copied
    int len = vsnprintf(room, sizeof room, fmt, args);
    char *s;
    if (len < (int)sizeof room) {
        s = arena_strndup(a, room, len < 0 ? 0 : (size_t)len);
    } else {
        s = arena_alloc(a, (size_t)len + 1);
        vsnprintf(s, (size_t)len + 1, fmt, again);
    }
    va_end(again);
    return s;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *s = arena_vprintf(a, fmt, args);
    va_end(args);
    return s;
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}

void arena_limit(struct arena *a, size_t used)
{
    a->limit = used;
    a->full = false;
}

bool arena_room(struct arena *a, size_t more)
{
    if (a->limit && (a->full || a->used > a->limit || more > a->limit - a->used))
        a->full = true;
    return !a->full;
}

bool arena_full(const struct arena *a)
{
    return a->full || (a->limit && a->used > a->limit);
}

struct arena_mark arena_mark(struct arena *a)
{
    size_t offset = a->top ? (size_t)(a->next - a->top->data) : 0;
    return (struct arena_mark){.block = a->top, .offset = offset, .used = a->used};
}

void arena_reset(struct arena *a, struct arena_mark mark)
{
    while (a->top && a->top != mark.block)
        pop_block(a);
    if (a->top) {
        a->next = a->top->data + mark.offset;
        POISON(a->next, room_left(a));
    }
    while (a->bigs && a->bigs->used_at >= mark.used)
        pop_big(a);
    a->used = mark.used;
}
