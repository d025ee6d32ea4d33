// test_tags.c - the tag database: what is written comes back, and what is torn or foreign reads as nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tags.h"

#define IMAGE "ghcr.io/org/app"

static char storage[] = "/tmp/runnel-tags-XXXXXX";

static size_t load(struct arena *a, const struct tag_key *key, const char *image, const char ***tags)
{
    struct error err = {0};
    size_t count;
    if (!tags_load(a, key, image, tags, &count, &err))
        fail_msg("%s", error_text(&err));
    return count;
}

static void round_trip(void **state)
{
    struct arena *a = arena_new();
    struct error err = {0};
    const struct tag_key key = {storage, "apps", "one"};
    const char *tags[] = {"1.0", "b", "a", "1.10", "1.9"}, **back, *first, *second, *third;
    assert_int_equal(load(a, &key, IMAGE, &back), 0);
    assert_true(tags_store(a, &key, IMAGE, tags, 5, &first, &err));
    assert_int_equal(load(a, &key, IMAGE, &back), 5);
    static const char *const sorted[] = {"b", "a", "1.9", "1.10", "1.0"};
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(back[i], sorted[i]);
    const char *shuffled[] = {"a", "1.0", "1.9", "1.10", "b"};
    assert_true(tags_store(a, &key, IMAGE, shuffled, 5, &second, &err));
    assert_string_equal(first, second); // the same tags, whatever their order
    assert_true(tags_store(a, &key, IMAGE, shuffled, 4, &third, &err));
    assert_string_not_equal(first, third);
    assert_int_equal(load(a, &key, "ghcr.io/org/other", &back), 0); // the image was changed

    // Namespaces and names do not mix.
    const struct tag_key other = {storage, "apps", "two"}, elsewhere = {storage, "ops", "one"};
    assert_int_equal(load(a, &other, IMAGE, &back), 0);
    assert_int_equal(load(a, &elsewhere, IMAGE, &back), 0);
    assert_true(tags_delete(a, &key, &err));
    assert_int_equal(load(a, &key, IMAGE, &back), 0);
    assert_true(tags_delete(a, &key, &err));
    struct stat st;
    assert_int_equal(stat(path_join(a, storage, "tags/apps"), &st), -1);
    assert_true(tags_store(a, &key, IMAGE, NULL, 0, &first, &err));
    assert_int_equal(load(a, &key, IMAGE, &back), 0);
    arena_free(a);
}

static void damage(void **state)
{
    struct arena *a = arena_new();
    struct error err = {0};
    const struct tag_key key = {storage, "apps", "damaged"};
    const char *tags[] = {"1.0", "1.1", "1.2"}, **back, *checksum;
    assert_true(tags_store(a, &key, IMAGE, tags, 3, &checksum, &err));
    char *path = path_join(a, storage, "tags/apps/damaged/tags");
    struct slice good;
    assert_true(file_read(a, path, 1 << 20, &good, &err));
    for (size_t i = 0; i < good.len; i++) { // each byte changed, and the file cut at each
        char *bad = arena_strndup(a, good.data, good.len);
        bad[i] ^= 1;
        assert_true(file_write_atomic(path, bad, good.len, 0600, &err));
        if (load(a, &key, IMAGE, &back))
            fail_msg("byte %zu changed, and read all the same", i);
        assert_true(file_write_atomic(path, good.data, i, 0600, &err));
        assert_int_equal(load(a, &key, IMAGE, &back), 0);
    }
    assert_true(file_write_atomic(path, good.data, good.len, 0600, &err));
    assert_int_equal(load(a, &key, IMAGE, &back), 3);
    arena_free(a);
}

static void names(void **state)
{
    struct arena *a = arena_new();
    static const char *const bad[] = {"", ".", "..", "a/b", "../../etc", ".hidden"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct error err = {0};
        const char *tags[] = {"1"}, *checksum;
        const struct tag_key key = {storage, "apps", bad[i]}, other = {storage, bad[i], "x"};
        assert_false(tags_store(a, &key, IMAGE, tags, 1, &checksum, &err));
        assert_int_equal(err.class, ERROR_INVALID);
        assert_false(tags_delete(a, &other, &err));
        error_clear(&err);
    }
    arena_free(a);
}

static void many(void **state)
{
    enum { COUNT = 20000 };
    struct arena *a = arena_new();
    struct error err = {0};
    const struct tag_key key = {storage, "apps", "many"};
    const char **tags = arena_array(a, const char *, COUNT), **back, *checksum;
    for (int i = 0; i < COUNT; i++)
        tags[i] = arena_printf(a, "main-%d-%08x", i, i * 2654435761u);
    assert_true(tags_store(a, &key, IMAGE, tags, COUNT, &checksum, &err));
    assert_int_equal(load(a, &key, IMAGE, &back), COUNT);
    for (int i = 1; i < COUNT; i++)
        assert_true(strcmp(back[i - 1], back[i]) > 0);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(damage),
        cmocka_unit_test(names),
        cmocka_unit_test(many),
    };
    struct error err = {0};
    if (!mkdtemp(storage))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    dir_remove_all(storage, &err);
    return failed;
}
