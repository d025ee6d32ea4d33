// test_arena.c - arenas: alignment, growth, marks, big pieces.
#include "base/base.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

static void test_alignment_and_contents(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    char *pieces[500];
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        pieces[i] = arena_alloc(a, i);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)i, i);
    }
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        for (size_t k = 0; k < i; k++)
            assert_int_equal((unsigned char)pieces[i][k], i & 255);
    }
    char *zeros = arena_zalloc(a, 100000);
    for (size_t k = 0; k < 100000; k++)
        assert_int_equal(zeros[k], 0);
}

static void test_big_pieces_between_small_ones(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    char *before = arena_strdup(a, "before");
    char *big = arena_alloc(a, 3 << 20);
    char *after = arena_strdup(a, "after");
    memset(big, 1, 3 << 20);
    assert_string_equal(before, "before");
    assert_string_equal(after, "after");
    assert_true(arena_used(a) >= (3 << 20) + 13);
}

static void test_realloc_keeps_contents(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    char *p = arena_alloc(a, 10);
    memcpy(p, "0123456789", 10);
    char *grown = arena_realloc(a, p, 10, 200);
    assert_ptr_equal(grown, p); // the newest grows where it is
    arena_alloc(a, 1);
    char *moved = arena_realloc(a, grown, 200, 400);
    assert_ptr_not_equal(moved, grown);
    assert_memory_equal(moved, "0123456789", 10);
    // Doubling across the sizes of blocks and into pieces of their own.
    size_t size = 400;
    for (; size < (8u << 20); size *= 2) {
        moved = arena_realloc(a, moved, size, size * 2);
        assert_memory_equal(moved, "0123456789", 10);
        memset(moved + size, 7, size);
    }
    assert_ptr_equal(arena_realloc(a, moved, size, 5), moved);
    assert_non_null(arena_realloc(a, NULL, 0, 5));
    // The only piece of an arena without blocks.
    cleanup(cleanup_arena) struct arena *one = arena_new();
    moved = arena_realloc(one, arena_zalloc(one, 1 << 20), 1 << 20, 2 << 20);
    assert_int_equal(moved[(1 << 20) - 1], 0);
}

// Whether asking for that much ends the process as running out of memory does.
static bool ends_process(size_t first, size_t then)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        struct arena *a = arena_new();
        arena_realloc(a, first ? arena_alloc(a, first) : NULL, first, then);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_sizes_that_overflow(void **state)
{
    static const size_t huge[] = {SIZE_MAX, SIZE_MAX - 40, (size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX};
    for (size_t i = 0; i < ARRAY_LEN(huge); i++) {
        assert_true(ends_process(0, huge[i]));
        assert_true(ends_process(100, huge[i]));     // within a block
        assert_true(ends_process(1 << 20, huge[i])); // a piece of its own
    }
    assert_false(ends_process(1 << 20, 2 << 20));
}

static void test_reset_gives_back(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    char *kept = arena_strdup(a, "kept");
    char *kept_big = arena_zalloc(a, 1 << 20);
    size_t used = arena_used(a);
    for (int round = 0; round < 3; round++) {
        struct arena_mark outer = arena_mark(a);
        arena_alloc(a, 100);
        struct arena_mark inner = arena_mark(a);
        for (int i = 0; i < 200; i++)
            memset(arena_alloc(a, 1000), 1, 1000);
        memset(arena_alloc(a, 2 << 20), 2, 2 << 20);
        arena_reset(a, inner);
        assert_int_equal(arena_used(a), inner.used);
        arena_reset(a, outer);
        assert_int_equal(arena_used(a), used);
    }
    assert_string_equal(kept, "kept");
    assert_int_equal(kept_big[(1 << 20) - 1], 0);
    // A mark of an empty arena.
    cleanup(cleanup_arena) struct arena *empty = arena_new();
    struct arena_mark mark = arena_mark(empty);
    arena_alloc(empty, 5);
    arena_alloc(empty, 1 << 20);
    arena_reset(empty, mark);
    assert_int_equal(arena_used(empty), 0);
    assert_string_equal(arena_strdup(empty, "again"), "again");
}

struct piece {
    unsigned char *data;
    size_t size;
};

static unsigned char mark_of(const struct piece *p)
{
    return (unsigned char)(p->size * 31 + 1);
}

static bool holds(const struct piece *p)
{
    return p->size == 0 || (p->data[0] == mark_of(p) && memcmp(p->data, p->data + 1, p->size - 1) == 0);
}

// Pieces of all sizes, grown and given back in any order that marks allow: none touches another.
static void test_at_random(void **state)
{
    enum { PIECES = 200, ROUNDS = 2000 };
    static const size_t most[] = {1, 40, 40, 40, 400, 400, 4000, 70000, 270000, 1100000};
    cleanup(cleanup_arena) struct arena *a = arena_new();
    struct piece pieces[PIECES];
    struct arena_mark marks[8];
    size_t count = 0, depth = 0, floors[9] = {0};
    uint32_t seed = 7;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t r = (seed = seed * 1664525 + 1013904223) >> 8;
        size_t size = (r >> 4) % most[(r >> 12) % ARRAY_LEN(most)];
        struct piece *p = &pieces[count];
        if (r % 16 == 0 && depth < ARRAY_LEN(marks)) {
            marks[depth++] = arena_mark(a);
            floors[depth] = count;
        } else if (depth > 0 && (r % 16 == 1 || count == PIECES)) {
            count = floors[depth];
            arena_reset(a, marks[--depth]);
            assert_int_equal(arena_used(a), marks[depth].used);
        } else if (count > floors[depth] && (r % 4 == 2 || count == PIECES)) { // grows one, mostly the newest
            p = r & 64 ? p - 1 : &pieces[floors[depth] + r % (count - floors[depth])];
            size_t old = p->size;
            p->data = arena_realloc(a, p->data, old, old + size);
            assert_true(holds(p));
            p->size += size;
            memset(p->data, mark_of(p), p->size);
        } else if (count < PIECES) {
            *p = (struct piece){arena_alloc(a, size), size};
            assert_int_equal((uintptr_t)p->data % 16, 0);
            memset(p->data, mark_of(p), size);
            count++;
        }
        for (size_t k = 0; round % 50 == 0 && k < count; k++)
            assert_true(holds(&pieces[k]));
    }
}

static void test_maps_files(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    char path[] = "/tmp/runnel-arena-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && unlink(path) == 0);
    char text[100001];
    memset(text, 'x', sizeof text);
    assert_int_equal(write(fd, text, sizeof text), sizeof text);
    size_t used = arena_used(a);
    struct arena_mark mark = arena_mark(a);
    for (int round = 0; round < 2; round++) {
        char *mapped = arena_map(a, fd, sizeof text);
        assert_non_null(mapped);
        assert_memory_equal(mapped, text, sizeof text);
        assert_int_equal(mapped[sizeof text], 0);
        mapped[0] = 'y'; // is seen by nobody else
        assert_int_equal(write(fd, "more", 4), 4);
        assert_int_equal(mapped[sizeof text], 0);
        assert_true(arena_used(a) >= used + sizeof text);
        arena_reset(a, mark);
        assert_int_equal(arena_used(a), used);
    }
    assert_null(arena_map(a, fd, 65536)); // no room for a NUL
    assert_null(arena_map(a, fd, 0));
    assert_null(arena_map(a, -1, 1000));
    assert_non_null(arena_map(a, fd, 1000)); // the arena's end takes it along
    close(fd);
}

static void test_printf(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    assert_string_equal(arena_printf(a, "%s-%d", "x", 7), "x-7");
    char long_text[1000];
    memset(long_text, 'y', sizeof long_text);
    for (size_t len = 250; len < 260; len++) // around the room for short ones
        assert_int_equal(strlen(arena_printf(a, "%.*s", (int)len, long_text)), len);
    assert_int_equal(strlen(arena_printf(a, "%.*s", 1000, long_text)), 1000);
    cleanup(cleanup_free) char *m = xasprintf("%.*s!", 999, long_text);
    assert_int_equal(strlen(m), 1000);
}

// What is built in an arena stays within its limit, but for the small; the arena itself goes on.
static void test_limit(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    struct buf text = BUF_IN(a), small = BUF_IN(a);
    arena_alloc(a, 1000);
    arena_limit(a, arena_used(a) + 100000);
    assert_true(arena_room(a, 50000));
    for (int i = 0; i < 1000000; i++)
        buf_char(&text, 'x');
    assert_true(buf_full(&text) && arena_full(a) && !arena_room(a, 1));
    assert_true(text.len > 10000 && text.len < 100000 && text.data[text.len] == '\0');
    assert_true(arena_used(a) < 110000);
    size_t len = text.len;
    buf_fill(&text, 'y', 200000);
    buf_printf(&text, "%*d", 200000, 1);
    assert_int_equal(text.len, len);
    buf_str(&small, "small");
    assert_string_equal(buf_cstr(&small), "small");
    assert_non_null(arena_alloc(a, 1 << 20));
    arena_limit(a, 0);
    assert_false(arena_full(a));
    buf_fill(&text, 'y', 200000);
    assert_int_equal(text.len, len + 200000);

    cleanup(buf_free) struct buf own = {.limit = 1000};
    buf_fill(&own, 'x', 2000);
    assert_true(buf_full(&own) && own.len == 0);
    buf_clear(&own);
    buf_fill(&own, 'x', 1000);
    assert_true(!buf_full(&own) && own.len == 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alignment_and_contents),
        cmocka_unit_test(test_big_pieces_between_small_ones),
        cmocka_unit_test(test_realloc_keeps_contents),
        cmocka_unit_test(test_sizes_that_overflow),
        cmocka_unit_test(test_reset_gives_back),
        cmocka_unit_test(test_at_random),
        cmocka_unit_test(test_maps_files),
        cmocka_unit_test(test_printf),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
