// test_file.c - files, folders, paths. The table of path_clean is what Go's path.Clean answers.
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

static char root[] = "/tmp/runnel-file-XXXXXX";

static char *at(struct arena *a, const char *name)
{
    return path_join(a, root, name);
}

static void test_clean(void **state)
{
    static const char *const cases[][2] = {
        {"", "."},
        {"abc", "abc"},
        {"abc/def", "abc/def"},
        {"a/b/c", "a/b/c"},
        {".", "."},
        {"..", ".."},
        {"../..", "../.."},
        {"../../abc", "../../abc"},
        {"/abc", "/abc"},
        {"/", "/"},
        {"abc/", "abc"},
        {"abc/def/", "abc/def"},
        {"./", "."},
        {"../", ".."},
        {"/abc/", "/abc"},
        {"abc//def//ghi", "abc/def/ghi"},
        {"//abc", "/abc"},
        {"///abc", "/abc"},
        {"abc/./def", "abc/def"},
        {"/./abc/def", "/abc/def"},
        {"abc/def/ghi/../jkl", "abc/def/jkl"},
        {"abc/def/../ghi/../jkl", "abc/jkl"},
        {"abc/def/..", "abc"},
        {"abc/def/../..", "."},
        {"/abc/def/../..", "/"},
        {"abc/def/../../..", ".."},
        {"/abc/def/../../..", "/"},
        {"abc/def/../../../ghi/jkl/../../../mno", "../../mno"},
        {"abc/./../def", "def"},
        {"abc//./../def", "def"},
        {"abc/../../././../def", "../../def"},
        {"../../..", "../../.."},
        {"...", "..."},
        {"a/...", "a/..."},
        {"/..", "/"},
        {"a/..b", "a/..b"},
        {"..a", "..a"},
        {"a/../..b", "..b"},
    };
    cleanup(cleanup_arena) struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(path_clean(a, cases[i][0]), cases[i][1]);
    assert_string_equal(path_join(a, "a", "../b"), "b");
    assert_string_equal(path_join(a, "", "b/"), "b");
    assert_string_equal(path_join(a, "a/", ""), "a");
    assert_string_equal(path_join(a, "", ""), "");
    assert_string_equal(path_join(a, "/a", "/b"), "/a/b");
}

static void test_local(void **state)
{
    static const char *const inside[] = {".", "a", "a/b", "a/../b", "a/..", "...", "..a", "a//b", "./a"};
    static const char *const outside[] = {"", "/", "/a", "..", "../a", "a/../..", "a/../../a", "./..", "a//../.."};
    for (size_t i = 0; i < ARRAY_LEN(inside); i++)
        assert_true(path_is_local(inside[i]));
    for (size_t i = 0; i < ARRAY_LEN(outside); i++)
        assert_false(path_is_local(outside[i]));
    assert_false(path_is_local(NULL));
}

static void test_read_and_write(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    cleanup(error_clear) struct error err = {0};
    struct slice got;
    const char *path = at(a, "file");
    assert_false(file_read(a, path, 0, &got, &err));
    assert_int_equal(err.class, ERROR_NOT_FOUND);
    assert_non_null(strstr(error_text(&err), "no such file or directory"));
    assert_true(file_write_atomic(path, "old", 3, 0600, &err));
    assert_true(file_write_atomic(path, "a\0b", 3, 0640, &err));
    assert_true(file_read(a, path, 3, &got, &err));
    assert_int_equal(got.len, 3);
    assert_memory_equal(got.data, "a\0b", 4); // and a NUL
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_false(file_read(a, path, 2, &got, &err));
    assert_int_equal(err.class, ERROR_LIMIT);
    assert_false(file_read(a, root, 0, &got, &err));
    assert_int_equal(err.class, ERROR_INVALID);
    assert_false(file_write_atomic(at(a, "none/file"), "x", 1, 0600, &err));
    assert_int_equal(err.class, ERROR_NOT_FOUND);
    assert_true(file_read(a, "/proc/self/status", 0, &got, &err)); // has no size
    assert_non_null(strstr(got.data, "VmRSS"));
    assert_true(file_write_atomic(path, NULL, 0, 0600, &err));
    assert_true(file_read(a, path, 0, &got, &err));
    assert_int_equal(got.len, 0);
    assert_string_equal(got.data, "");
}

// Small files are read, large ones are mapped unless no NUL would stand behind them: nobody can tell.
static void test_view(void **state)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 131072, 200001};
    cleanup(cleanup_arena) struct arena *a = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct slice text;
    int64_t mtime = 0;
    const char *path = at(a, "view");
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char *data = memset(arena_alloc(a, sizes[i] + 1), 'a' + (int)i, sizes[i] + 1);
        assert_true(file_write_atomic(path, data, sizes[i], 0600, &err));
        assert_true(file_view(a, path, sizes[i], &text, &mtime, &err));
        assert_true(slice_eq(text, slice_n(data, sizes[i])));
        assert_int_equal(text.data[text.len], 0);
        assert_true(mtime > 1500000000);
        if (sizes[i] > 1) {
            assert_false(file_view(a, path, sizes[i] - 1, &text, &mtime, &err));
            error_clear(&err);
        }
    }
    assert_false(file_view(a, root, 0, &text, &mtime, &err));
}

static void test_failed_write_leaves_nothing(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    cleanup(error_clear) struct error err = {0};
    const char *dir = at(a, "target-is-a-folder");
    assert_true(dir_make_all(path_join(a, dir, "inner"), 0755, &err));
    const char *target = path_join(a, dir, "inner");
    assert_false(file_write_atomic(target, "x", 1, 0600, &err)); // rename onto a folder
    assert_true(dir_remove_all(target, &err));
    assert_int_equal(rmdir(dir), 0); // no temporary file in it
}

static void test_write_all(void **state)
{
    int pair[2], full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    char got[8] = "";
    assert_int_equal(pipe(pair), 0);
    assert_true(fd_write_all(pair[1], "abc", 3) && fd_write_all(pair[1], NULL, 0) && fd_write_all(pair[1], "de", 2));
    assert_int_equal(read(pair[0], got, sizeof got), 5);
    assert_string_equal(got, "abcde");
    assert_false(fd_write_all(full, "x", 1));
    assert_int_equal(errno, ENOSPC);
    close(full);
    close(pair[0]);
    close(pair[1]);
}

static void test_folders(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    cleanup(error_clear) struct error err = {0};
    assert_true(dir_make_all(at(a, "x/y/z"), 0755, &err));
    assert_true(dir_make_all(at(a, "x/y/z/"), 0755, &err));
    assert_true(file_write_atomic(at(a, "x/f"), "", 0, 0600, &err));
    assert_false(dir_make_all(at(a, "x/f/g"), 0755, &err));
    assert_int_equal(err.class, ERROR_INVALID);
    assert_true(dir_remove_all(at(a, "absent"), &err));
    assert_true(dir_remove_all(at(a, "x/f"), &err)); // a file goes too
}

static void test_remove_follows_no_link(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    cleanup(error_clear) struct error err = {0};
    assert_true(dir_make_all(at(a, "outside"), 0755, &err));
    assert_true(file_write_atomic(at(a, "outside/precious"), "x", 1, 0600, &err));
    assert_true(dir_make_all(at(a, "tree/sub"), 0755, &err));
    assert_int_equal(symlink("../../outside", at(a, "tree/sub/link")), 0);
    assert_int_equal(symlink("outside", at(a, "link")), 0);
    assert_true(dir_remove_all(at(a, "tree"), &err));
    assert_true(dir_remove_all(at(a, "link"), &err));
    assert_int_not_equal(access(at(a, "tree"), F_OK), 0);
    assert_int_equal(access(at(a, "outside/precious"), F_OK), 0);
}

static void test_remove_deep(void **state)
{
    // Deeper than descriptors and path names reach.
    cleanup(cleanup_arena) struct arena *a = arena_new();
    cleanup(error_clear) struct error err = {0};
    const char *top = at(a, "deep");
    assert_int_equal(mkdir(top, 0755), 0);
    int fd = open(top, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(mkdirat(fd, "d", 0755), 0);
        int next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
        close(fd);
        fd = next;
        if (i % 100 == 0) {
            int file = openat(fd, "f", O_CREAT | O_WRONLY, 0600);
            assert_true(file >= 0);
            close(file);
        }
    }
    close(fd);
    assert_true(dir_remove_all(top, &err));
    assert_int_not_equal(access(top, F_OK), 0);
}

static int make_root(void **state)
{
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    struct error err = {0};
    return dir_remove_all(root, &err) && access(root, F_OK) != 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_read_and_write),
        cmocka_unit_test(test_view),
        cmocka_unit_test(test_failed_write_leaves_nothing),
        cmocka_unit_test(test_write_all),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_remove_follows_no_link),
        cmocka_unit_test(test_remove_deep),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
