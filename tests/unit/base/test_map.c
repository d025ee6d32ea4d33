// test_map.c - the hash map: hostile keys, order, removal.
#include "base/base.h"

#include <stdio.h>

#include <setjmp.h>
#include <cmocka.h>

static void *number(size_t n)
{
    return (void *)(uintptr_t)n;
}

static void check_many(struct map *m)
{
    char key[32];
    for (size_t i = 1; i <= 20000; i++) {
        snprintf(key, sizeof key, "%zu", i);
        assert_null(map_put(m, key, number(i)));
    }
    assert_int_equal(map_len(m), 20000);
    for (size_t i = 1; i <= 20000; i += 2) {
        snprintf(key, sizeof key, "%zu", i);
        assert_ptr_equal(map_remove(m, key), number(i));
        assert_null(map_remove(m, key));
    }
    assert_int_equal(map_len(m), 10000);
    const char *found;
    void *value;
    size_t expected = 2;
    for (size_t i = 0; map_each(m, &i, &found, &value); expected += 2) {
        assert_ptr_equal(value, number(expected));
        assert_int_equal(strtoul(found, NULL, 10), expected);
        assert_ptr_equal(map_get(m, found), value);
    }
    assert_int_equal(expected, 20002);
}

static void test_many(void **state)
{
    struct map *heap = map_new(NULL);
    check_many(heap);
    map_free(heap);
    cleanup(cleanup_arena) struct arena *a = arena_new();
    check_many(map_new(a));
}

static void test_hostile_keys(void **state)
{
    struct map *m = map_new(NULL);
    static const struct {
        const char *key;
        size_t len;
    } keys[] = {{"", 0}, {"\0", 1}, {"\0\0", 2}, {"a", 1}, {"a\0b", 3}, {"a\0c", 3}, {"\xFF\xFE", 2}, {"__proto__", 9}};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        assert_null(map_put_n(m, keys[i].key, keys[i].len, number(i + 1)));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        assert_ptr_equal(map_get_n(m, keys[i].key, keys[i].len), number(i + 1));
    assert_null(map_get(m, "b"));
    assert_ptr_equal(map_put(m, "a", number(99)), number(4));
    assert_ptr_equal(map_get(m, "a"), number(99));
    assert_int_equal(map_len(m), ARRAY_LEN(keys));
    char *huge = xmalloc(1 << 20);
    memset(huge, 'k', 1 << 20);
    map_put_n(m, huge, 1 << 20, number(5));
    assert_null(map_get_n(m, huge, (1 << 20) - 1));
    assert_ptr_equal(map_get_n(m, huge, 1 << 20), number(5));
    free(huge);
    map_free(m);
}

static void test_churn_stays_small(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    struct map *m = map_new(a);
    map_put(m, "stays", number(1));
    for (int i = 0; i < 100; i++) {
        map_put(m, "comes and goes", number(2));
        map_remove(m, "comes and goes");
    }
    size_t keys = 100 * 48; // copies of keys; the table itself must not grow
    assert_true(arena_used(a) < keys + 1024);
    assert_ptr_equal(map_get(m, "stays"), number(1));
}

static void test_removal_while_iterating(void **state)
{
    struct map *m = map_new(NULL);
    char key[16];
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "%d", i);
        map_put(m, key, number((size_t)i));
    }
    const char *found;
    void *value;
    int seen = 0;
    for (size_t i = 0; map_each(m, &i, &found, &value); seen++) {
        snprintf(key, sizeof key, "%s", found);
        map_remove(m, key);
    }
    assert_int_equal(seen, 100);
    assert_int_equal(map_len(m), 0);
    map_free(m);
}

static void test_absent(void **state)
{
    size_t i = 0;
    assert_null(map_get(NULL, "x"));
    assert_int_equal(map_len(NULL), 0);
    assert_false(map_each(NULL, &i, NULL, NULL));
    struct map *m = map_new(NULL);
    assert_null(map_get(m, "x"));
    assert_null(map_remove(m, "x"));
    assert_false(map_each(m, &i, NULL, NULL));
    map_put(m, "null", NULL);
    assert_int_equal(map_len(m), 1);
    map_free(m);
}

static void test_hash(void **state)
{
    assert_int_equal(hash_bytes("abcdefgh1", 9), hash_bytes("abcdefgh1", 9));
    assert_int_not_equal(hash_bytes("abcdefgh1", 9), hash_bytes("abcdefgh2", 9));
    assert_int_not_equal(hash_bytes("", 0), hash_bytes("\0", 1));
    assert_int_not_equal(hash_bytes("\0", 1), hash_bytes("\0\0", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_hostile_keys),
        cmocka_unit_test(test_churn_stays_small),
        cmocka_unit_test(test_removal_while_iterating),
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
