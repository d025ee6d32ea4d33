// test_store.c - the artifact store: names that lead nowhere else, whole files, what is collected and what is served.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "digest/digest.h"
#include "store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct world {
    struct arena *arena;
    char root[64], *path;
    struct store *store;
};

static struct store *open_store(struct world *w, int64_t retention_ms, int records)
{
    struct error err cleanup(error_clear) = {0};
    struct store_options options = {.path = w->path,
                                    .hostname = "source.example:9090",
                                    .algorithm = "sha256",
                                    .retention_ms = retention_ms,
                                    .retention_records = records};
    struct store *s = store_open(&options, &err);
    if (!s)
        fail_msg("%s", error_text(&err));
    return s;
}

static int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    w->arena = arena_new();
    strcpy(w->root, "/tmp/runnel-store-XXXXXX");
    assert_non_null(mkdtemp(w->root));
    w->path = path_join(w->arena, w->root, "data");
    w->store = open_store(w, 60000, 2);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    store_free(w->store);
    assert_true(dir_remove_all(w->root, &err));
    arena_free(w->arena);
    free(w);
    return 0;
}

static struct artifact write_file(struct world *w, const char *file, const char *text)
{
    struct error err cleanup(error_clear) = {0};
    struct artifact to = {.revision = "r"};
    assert_true(store_name(w->arena, "GitRepository", "ns", "name", file, &to.path, &err));
    if (!store_write(w->store, w->arena, &to, slice_of(text), &err))
        fail_msg("%s", error_text(&err));
    return to;
}

static void test_names(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *kind, *namespace, *name, *file, *path;
    } cases[] = {
        {"GitRepository", "ns", "name", "x.tar.gz", "gitrepository/ns/name/x.tar.gz"},
        {"HelmChart", "ns", "name", "org/app-1.0.0+abc.tgz", "helmchart/ns/name/org/app-1.0.0+abc.tgz"},
        {"HelmChart", "ns", "name", "../x", NULL},
        {"HelmChart", "ns", "name", "a/../../x", NULL},
        {"HelmChart", "ns", "name", "/etc/passwd", NULL},
        {"HelmChart", "ns", "name", ".", NULL},
        {"HelmChart", "..", "name", "x", NULL},
        {"HelmChart", "ns", "..", "x", NULL},
        {"HelmChart", "ns", "a/b", "x", NULL},
        {"HelmChart", "ns", "", "x", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err cleanup(error_clear) = {0};
        const char *path = NULL;
        bool ok = store_name(w->arena, cases[i].kind, cases[i].namespace, cases[i].name, cases[i].file, &path, &err);
        assert_int_equal(ok, cases[i].path != NULL);
        if (ok)
            assert_string_equal(path, cases[i].path);
        else
            assert_int_equal(err.class, ERROR_INVALID);
    }
    static const char *const bad[] = {
        "", "x", "a/b/c", "../../../etc/passwd", "/a/b/c/d", "a/b/../c/d", ".tmp/a/b/c", "a//b/c/d", "a/b/c/", NULL};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct error err cleanup(error_clear) = {0};
        assert_null(store_local(w->store, w->arena, bad[i]));
        assert_false(store_has(w->store, bad[i]));
        assert_false(store_verify(w->store, bad[i],
                                  "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", &err));
        error_clear(&err);
        assert_false(store_remove(w->store, bad[i], &err));
        error_clear(&err);
        assert_int_equal(store_collect(w->store, bad[i], &err), -1);
    }
}

static void test_write_and_verify(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    struct artifact a = write_file(w, "x.tar.gz", "hello");
    assert_string_equal(a.digest, sha256_digest(w->arena, "hello", 5));
    assert_string_equal(a.url, "http://source.example:9090/gitrepository/ns/name/x.tar.gz");
    assert_int_equal(a.size, 5);
    assert_true(store_has(w->store, a.path));
    assert_true(store_verify(w->store, a.path, a.digest, &err));
    // Nothing is left where the work was done.
    assert_int_equal(rmdir(path_join(w->arena, w->path, ".tmp")), 0);
    assert_true(dir_make_all(path_join(w->arena, w->path, ".tmp"), 0700, &err));

    const char *local = store_local(w->store, w->arena, a.path);
    assert_true(file_write_atomic(local, "other", 5, 0600, &err));
    assert_false(store_verify(w->store, a.path, a.digest, &err));
    assert_non_null(strstr(error_text(&err), "doesn't match"));
    error_clear(&err);
    assert_false(store_verify(w->store, a.path, NULL, &err));
    error_clear(&err);
    assert_false(store_verify(w->store, a.path, "md5:x", &err));
    error_clear(&err);
    // A link in the place of a file is no artifact.
    unlink(local);
    assert_int_equal(symlink("/etc/passwd", local), 0);
    assert_false(store_has(w->store, a.path));
    assert_false(store_verify(w->store, a.path, a.digest, &err));
    error_clear(&err);
    assert_true(store_remove(w->store, a.path, &err));
    assert_false(store_verify(w->store, a.path, a.digest, &err));
    assert_int_equal(err.class, ERROR_NOT_FOUND);
}

static void test_copy_and_archive(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    struct artifact copy = {.path = "helmchart/ns/name/a.tgz"}, first = {.path = "gitrepository/ns/name/1.tar.gz"},
                    second = {.path = "gitrepository/ns/name/2.tar.gz"};
    struct artifact source = write_file(w, "x", "some bytes");
    assert_true(store_copy(w->store, w->arena, &copy, store_local(w->store, w->arena, source.path), &err));
    assert_string_equal(copy.digest, source.digest);
    error_clear(&err);
    assert_false(store_copy(w->store, w->arena, &copy, "/nonexistent", &err));
    error_clear(&err);

    struct work dir cleanup(work_remove) = {0};
    assert_true(store_work_dir(w->store, &dir, &err));
    assert_true(file_write_atomic(path_join(w->arena, dir.path, "a"), "a", 1, 0644, &err));
    assert_true(store_archive(w->store, w->arena, &first, dir.path, NULL, &err));
    struct timespec long_ago[2] = {{1, 0}, {1, 0}};
    utimensat(AT_FDCWD, path_join(w->arena, dir.path, "a"), long_ago, 0);
    assert_true(store_archive(w->store, w->arena, &second, dir.path, NULL, &err));
    assert_string_equal(first.digest, second.digest); // the same content, the same bytes
}

static void age(struct world *w, const struct artifact *a, int seconds)
{
    struct timespec then = {.tv_sec = clock_wall_s() - seconds}, times[2] = {then, then};
    assert_int_equal(utimensat(AT_FDCWD, store_local(w->store, w->arena, a->path), times, 0), 0);
}

static void test_collect(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    const char *url;
    struct artifact a = write_file(w, "a", "a"), b = write_file(w, "b", "b"), c = write_file(w, "sub/c", "c");
    // The current one is the oldest of all, and stays; so does a link.
    age(w, &a, 500);
    age(w, &b, 20);
    age(w, &c, 10);
    assert_true(store_link(w->store, w->arena, a.path, "latest.tar.gz", &url, &err));
    assert_int_equal(store_collect(w->store, a.path, &err),
                     1); // three are one too many: the oldest but the current goes
    assert_true(store_has(w->store, a.path) && !store_has(w->store, b.path) && store_has(w->store, c.path));
    assert_int_equal(store_collect(w->store, a.path, &err), 0);
    age(w, &c, 100); // past its time
    assert_int_equal(store_collect(w->store, a.path, &err), 1);
    assert_true(store_has(w->store, a.path) && !store_has(w->store, c.path));
    assert_int_equal(store_collect(w->store, "gitrepository/ns/nobody/x", &err), 0);

    assert_true(store_remove_object(w->store, "GitRepository", "ns", "name", &err));
    assert_false(store_has(w->store, a.path));
    assert_true(store_remove_object(w->store, "GitRepository", "ns", "name", &err));
    assert_false(store_remove_object(w->store, "GitRepository", "..", "name", &err));
}

static void test_clean(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    const char *left = path_join(w->arena, w->path, ".tmp/left/over");
    assert_true(dir_make_all(left, 0700, &err));
    struct store *again = open_store(w, 60000, 2);
    assert_int_equal(access(left, F_OK), 0); // it may be another's, who is still at work
    store_clean(again);
    assert_int_not_equal(access(left, F_OK), 0);
    struct artifact a = write_file(w, "x", "x");
    assert_true(store_has(again, a.path));
    store_free(again);
}

static void test_owns(void **state)
{
    static const struct {
        const char *path;
        bool own;
    } cases[] = {
        {"gitrepository/ns/name/x.tar.gz", true}, {"gitrepository/ns/name2/x.tar.gz", false},
        {"gitrepository/other/name/x", false},    {"helmchart/ns/name/x", false},
        {"gitrepository/ns/name", false},         {NULL, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(store_owns(cases[i].path, "GitRepository", "ns", "name"), cases[i].own);
}

static struct serve_response ask(struct world *w, const char *path)
{
    struct serve_request req = {.method = "GET", .path = path, .query = ""};
    struct serve_response res = {0};
    store_serve(&w->store, &req, &res);
    return res;
}

static void test_serve(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    const char *url;
    struct artifact a = write_file(w, "x.tar.gz", "x");
    assert_true(store_link(w->store, w->arena, a.path, "latest.tar.gz", &url, &err));
    assert_string_equal(url, "http://source.example:9090/gitrepository/ns/name/latest.tar.gz");
    static const char *const good[] = {"/gitrepository/ns/name/x.tar.gz", "/gitrepository/ns/name/latest.tar.gz"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct serve_response res = ask(w, good[i]);
        assert_non_null(res.file);
        assert_string_equal(strrchr(res.file, '/'), "/x.tar.gz");
        free(res.file);
    }
    static const char *const bad[] = {"/gitrepository/ns/name/y", "/.tmp/a/b/c"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct serve_response res = ask(w, bad[i]);
        assert_int_equal(res.status, 404);
        assert_null(res.file);
        buf_free(&res.body);
    }
}

static void test_options(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    struct store_options options = {.path = w->path, .hostname = "https://sources.example", .algorithm = "sha1x"};
    assert_null(store_open(&options, &err));
    assert_non_null(strstr(error_text(&err), "unsupported digest algorithm 'sha1x'"));
    error_clear(&err);
    options.algorithm = "sha512";
    struct store *s = store_open(&options, &err);
    assert_string_equal(store_url(s, w->arena, "a/b/c/d"), "https://sources.example/a/b/c/d");
    struct artifact a = {.path = "a/b/c/d"};
    assert_true(store_write(s, w->arena, &a, SLICE("x"), &err));
    assert_true(str_has_prefix(a.digest, "sha512:") && digest_valid(a.digest));
    assert_string_equal(store_digest(s, w->arena, SLICE("x")), a.digest);
    store_free(s);
    options.path = "/proc/nothing/here";
    assert_null(store_open(&options, &err));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_names), T(test_write_and_verify), T(test_copy_and_archive), T(test_collect), T(test_clean), T(test_owns),
        T(test_serve), T(test_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
