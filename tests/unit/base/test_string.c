// test_string.c - slices, builders, UTF-8, vectors.
#include "base/base.h"

#include <setjmp.h>
#include <cmocka.h>

static void assert_slice(struct slice s, const char *expected)
{
    assert_int_equal(s.len, strlen(expected));
    assert_true(slice_eq_str(s, expected));
}

static void test_slices(void **state)
{
    assert_slice(slice_of(NULL), "");
    assert_true(slice_eq((struct slice){NULL, 0}, SLICE("")));
    assert_false(slice_eq(SLICE("ab"), SLICE("abc")));
    assert_true(slice_cmp(SLICE("a"), SLICE("ab")) < 0);
    assert_true(slice_cmp(SLICE("b"), SLICE("ab")) > 0);
    assert_true(slice_cmp(SLICE("\x80"), SLICE("a")) > 0); // bytes, not signed chars
    assert_int_equal(slice_cmp(SLICE("ab"), SLICE("ab")), 0);
    assert_true(slice_has_prefix(SLICE("abc"), SLICE("")));
    assert_true(slice_has_prefix(SLICE("abc"), SLICE("ab")));
    assert_false(slice_has_prefix(SLICE("a"), SLICE("ab")));
    assert_true(slice_has_suffix(SLICE("abc"), SLICE("bc")));
    assert_false(slice_has_suffix(SLICE("c"), SLICE("bc")));
    assert_int_equal(slice_find(SLICE("a\0bc"), SLICE("bc")), 2);
    assert_int_equal(slice_find(SLICE("abc"), SLICE("x")), -1);
    assert_int_equal(slice_find(SLICE("abc"), SLICE("")), 0);
    assert_int_equal(slice_find_char(SLICE("abc"), 'c'), 2);
    assert_int_equal(slice_find_char((struct slice){0}, 'c'), -1);
    assert_slice(slice_sub(SLICE("abc"), 1, 99), "bc");
    assert_slice(slice_sub(SLICE("abc"), 5, 7), "");
    assert_slice(slice_sub((struct slice){0}, 1, 2), "");
    assert_slice(slice_trim_space(SLICE(" \t\r\n\v\f a b ")), "a b");
    assert_slice(slice_trim_space(SLICE("  ")), "");
    struct slice head, tail;
    assert_true(slice_cut(SLICE("a=b=c"), '=', &head, &tail));
    assert_slice(head, "a");
    assert_slice(tail, "b=c");
    assert_false(slice_cut(tail = SLICE("abc"), '=', &head, &tail));
    assert_slice(head, "abc");
    assert_slice(tail, "");
    assert_true(str_eq(NULL, NULL));
    assert_false(str_eq(NULL, ""));
    assert_true(str_has_suffix("abc", "c"));
    assert_false(str_has_suffix("c", "abc"));
    assert_string_equal(str_or("", "x"), "x");
}

static void check_builder(struct buf *b)
{
    assert_string_equal(buf_cstr(b), "");
    buf_str(b, "ab");
    buf_char(b, 'c');
    buf_slice(b, SLICE("d\0e"));
    assert_int_equal(b->len, 6);
    buf_clear(b);
    assert_string_equal(buf_cstr(b), "");
    buf_fill(b, '-', 3);
    buf_printf(b, "%s=%d", "n", 42);
    assert_string_equal(buf_cstr(b), "---n=42");
    buf_clear(b);
    for (int i = 0; i < 1000; i++)
        buf_printf(b, "%04d", i);
    assert_int_equal(b->len, 4000);
    assert_memory_equal(b->data + 3996, "0999", 5);
    buf_rune(b, 0x1F600);
    assert_string_equal(b->data + 4000, "\xF0\x9F\x98\x80");
}

// A rare first byte, and one so frequent that the search changes its ways.
static void test_find(void **state)
{
    char text[300];
    uint32_t seed = 1;
    for (int round = 0; round < 2000; round++) {
        size_t len = round % sizeof text, needle_len = 1 + round % 5, expected = 0;
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = (seed >> 24) % (2 + round % 40) ? 'b' : 'a';
        }
        const char needle[] = {round % 3 ? 'a' : 'b', 'a', 'b', 'b', 'a'};
        while (expected + needle_len <= len && memcmp(text + expected, needle, needle_len) != 0)
            expected++;
        assert_int_equal(slice_find(slice_n(text, len), slice_n(needle, needle_len)),
                         expected + needle_len <= len ? (ptrdiff_t)expected : -1);
    }
}

static void test_builder(void **state)
{
    struct buf heap = {0};
    check_builder(&heap);
    char *stolen = buf_steal(&heap);
    assert_int_equal(strlen(stolen), 4004);
    assert_null(heap.data);
    free(stolen);
    buf_free(&heap);
    cleanup(cleanup_free) char *empty = buf_steal(&heap);
    assert_string_equal(empty, "");

    cleanup(cleanup_arena) struct arena *a = arena_new();
    struct buf in_arena = BUF_IN(a);
    check_builder(&in_arena);
    buf_free(&in_arena);
    assert_int_equal(in_arena.len, 4004); // an arena's is left alone
}

static void test_utf8(void **state)
{
    static const struct {
        const char *bytes;
        size_t len, width;
        uint32_t rune;
    } cases[] = {
        {"", 0, 0, RUNE_ERROR},
        {"a", 1, 1, 'a'},
        {"\0", 1, 1, 0},
        {"\xC3\xA9", 2, 2, 0xE9},
        {"\xE2\x82\xAC", 3, 3, 0x20AC},
        {"\xF0\x9F\x98\x80", 4, 4, 0x1F600},
        {"\xEF\xBF\xBD", 3, 3, RUNE_ERROR}, // U+FFFD itself
        {"\xF4\x8F\xBF\xBF", 4, 4, 0x10FFFF},
        {"\xED\x9F\xBF", 3, 3, 0xD7FF},
        {"\x80", 1, 1, RUNE_ERROR},             // continuation alone
        {"\xC3", 1, 1, RUNE_ERROR},             // cut short
        {"\xE2\x82", 2, 1, RUNE_ERROR},         //
        {"\xF0\x9F\x98", 3, 1, RUNE_ERROR},     //
        {"\xC3\x28", 2, 1, RUNE_ERROR},         // bad continuation
        {"\xE2\x28\xA1", 3, 1, RUNE_ERROR},     //
        {"\xE2\x82\x28", 3, 1, RUNE_ERROR},     //
        {"\xC0\x80", 2, 1, RUNE_ERROR},         // overlong
        {"\xC1\xBF", 2, 1, RUNE_ERROR},         //
        {"\xE0\x80\x80", 3, 1, RUNE_ERROR},     //
        {"\xF0\x80\x80\x80", 4, 1, RUNE_ERROR}, //
        {"\xED\xA0\x80", 3, 1, RUNE_ERROR},     // surrogate
        {"\xF4\x90\x80\x80", 4, 1, RUNE_ERROR}, // above U+10FFFF
        {"\xF5\x80\x80\x80", 4, 1, RUNE_ERROR}, //
        {"\xFF", 1, 1, RUNE_ERROR},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t width = 99;
        assert_int_equal(utf8_decode(cases[i].bytes, cases[i].len, &width), cases[i].rune);
        assert_int_equal(width, cases[i].width);
        bool bad = cases[i].rune == RUNE_ERROR && cases[i].width == 1;
        assert_int_equal(utf8_valid(cases[i].bytes, cases[i].len), !bad);
        if (!bad && cases[i].len) {
            char out[4];
            assert_int_equal(utf8_encode(cases[i].rune, out), cases[i].width);
            assert_memory_equal(out, cases[i].bytes, cases[i].width);
        }
    }
    char out[4];
    assert_int_equal(utf8_encode(0xD800, out), 3);
    assert_memory_equal(out, "\xEF\xBF\xBD", 3);
    assert_int_equal(utf8_encode(0x110000, out), 3);
    assert_int_equal(utf8_count("a\xC3\xA9\xFF\xE2\x82", 6), 5);
    // A fault after a long plain run, at every place within a word.
    char plain[64];
    memset(plain, 'a', sizeof plain);
    for (size_t i = 0; i < sizeof plain; i++) {
        plain[i] = '\xFF';
        assert_false(utf8_valid(plain, sizeof plain));
        plain[i] = 'a';
    }
    assert_true(utf8_valid(plain, sizeof plain));
}

static void test_vectors(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    VEC(int) in_arena = {0}, heap = {0};
    for (int i = 0; i < 1000; i++) {
        vec_push(a, &in_arena, i);
        vec_push(NULL, &heap, 2 * i);
    }
    assert_int_equal(in_arena.len, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(in_arena.items[i], i);
        assert_int_equal(heap.items[i], 2 * i);
    }
    free(heap.items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_builder),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
