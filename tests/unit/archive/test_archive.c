// test_archive.c - reading hostile and honest archives, unpacking, deterministic packing.
#include "archive/archive.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

static char root[] = "/tmp/runnel-archive-XXXXXX";

struct fixture {
    struct arena *a;
    struct error err;
    char *dir; // an empty folder
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    f->a = arena_new();
    f->dir = path_join(f->a, root, "test");
    *state = f;
    return dir_make_all(f->dir, 0755, &f->err) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    bool ok = dir_remove_all(f->dir, NULL);
    error_clear(&f->err);
    arena_free(f->a);
    free(f);
    return ok ? 0 : -1;
}

// ---- raw tar, to say what no honest writer would ----

struct raw {
    const char *path;
    char type; // of the ustar header
    const char *link;
    struct slice data;
    unsigned mode;
};

static void raw_entry(struct buf *out, const struct raw *e)
{
    char h[512] = {0};
    snprintf(h, 100, "%s", e->path);
    snprintf(h + 100, 8, "%07o", e->mode ? e->mode & 07777 : 0644);
    snprintf(h + 108, 8, "%07o", 1000);
    snprintf(h + 116, 8, "%07o", 1000);
    snprintf(h + 124, 12, "%011zo", e->data.len);
    snprintf(h + 136, 12, "%011o", 1000000);
    h[156] = e->type ? e->type : '0';
    if (e->link)
        snprintf(h + 157, 100, "%s", e->link);
    memcpy(h + 257, "ustar\00000", 8);
    memset(h + 148, ' ', 8);
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof h; i++)
        sum += (unsigned char)h[i];
    snprintf(h + 148, 8, "%06o", sum);
    buf_add(out, h, sizeof h);
    buf_slice(out, e->data);
    buf_fill(out, '\0', (512 - e->data.len % 512) % 512);
}

static struct slice raw_tar(struct arena *a, const struct raw *entries, size_t n)
{
    struct buf out = BUF_IN(a);
    for (size_t i = 0; i < n; i++)
        raw_entry(&out, &entries[i]);
    buf_fill(&out, '\0', 1024);
    return buf_view(&out);
}

// "path mode=data" or "path -> link" or "path/" for each entry.
static bool note(void *ctx, const struct archive_entry *e, struct error *err)
{
    struct buf *out = ctx;
    if (e->symlink)
        buf_printf(out, "%s -> %s\n", e->path, e->link);
    else if (e->directory)
        buf_printf(out, "%s/ %o\n", e->path, e->mode);
    else
        buf_printf(out, "%s %o=%.*s\n", e->path, e->mode, SLICE_ARG(e->data));
    return true;
}

static const char *listing(struct fixture *f, struct slice archive)
{
    struct buf out = BUF_IN(f->a);
    if (!archive_read(f->a, archive, NULL, note, &out, &f->err))
        fail_msg("%s", error_text(&f->err));
    return buf_cstr(&out);
}

static const char *write_file(struct fixture *f, const char *name, struct slice data)
{
    const char *path = path_join(f->a, f->dir, name);
    if (!file_write_atomic(path, data.data, data.len, 0600, &f->err))
        fail_msg("%s", error_text(&f->err));
    return path;
}

static const char *content(struct fixture *f, const char *name)
{
    struct slice got;
    if (!file_read(f->a, path_join(f->a, f->dir, name), 0, &got, &f->err))
        fail_msg("%s", error_text(&f->err));
    return got.data;
}

// ---- reading ----

static void test_read_honest(void **state)
{
    struct fixture *f = *state;
    const struct raw entries[] = {
        {"./", '5', .mode = 0755},
        {"dir/", '5', .mode = 0755},
        {"./dir//a.txt", .data = SLICE("hello")},
        {"dir/run", .data = SLICE("#!"), .mode = 0755},
        {"dir/sub/link", '2', "../../top"},
        {"empty", .mode = 0600},
        {"\xC3\xA9\xFF", .data = SLICE("x")}, // bytes, whatever the locale
    };
    assert_string_equal(
        listing(f, raw_tar(f->a, entries, ARRAY_LEN(entries))),
        "dir/ 755\ndir/a.txt 644=hello\ndir/run 755=#!\ndir/sub/link -> ../../top\nempty 600=\n\xC3\xA9\xFF 644=x\n");
}

static void test_read_hostile(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct raw entry;
        const char *says;
    } cases[] = {
        {{"/etc/passwd"}, "not inside"},
        {{"../x"}, "not inside"},
        {{".."}, "not inside"},
        {{"a/../../x"}, "not inside"},
        {{"a/../x"}, "not inside"},
        {{"a/b/.."}, "not inside"},
        {{"a", '2', "/etc/passwd"}, "leads out"},
        {{"a", '2', "../x"}, "leads out"},
        {{"a/b", '2', "../../x"}, "leads out"},
        {{"a/b", '2', "c/../../.."}, "leads out"},
        {{"a", '2', "b/../c"}, "leads out"}, // where b leads is not known
        {{"a", '2', ""}, "leads out"},
        {{"a", '1', "b"}, "hard link"},
        {{"a", '3'}, "neither a file"},
        {{"a", '4'}, "neither a file"},
        {{"a", '6'}, "neither a file"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_IN(f->a);
        struct slice tar = raw_tar(f->a, &cases[i].entry, 1);
        error_clear(&f->err);
        assert_false(archive_read(f->a, tar, NULL, note, &out, &f->err));
        assert_int_equal(f->err.class, ERROR_INVALID);
        if (!strstr(error_text(&f->err), cases[i].says))
            fail_msg("%s -> %s: %s", cases[i].entry.path, str_or(cases[i].entry.link, ""), error_text(&f->err));
        assert_int_equal(out.len, 0);
        // The same on disk, where links are left out.
        const char *path = write_file(f, "hostile.tar", tar), *target = path_join(f->a, f->dir, "target");
        assert_true(dir_make_all(target, 0755, &f->err));
        assert_int_equal(archive_unpack(path, target, NULL, &f->err), cases[i].entry.type == '2');
        assert_int_equal(rmdir(target), 0);
    }
}

static void test_not_an_archive(void **state)
{
    struct fixture *f = *state;
    const struct raw entry = {"a", .data = SLICE("some text that is cut")};
    struct slice tar = raw_tar(f->a, &entry, 1);
    struct slice cases[] = {SLICE(""), SLICE("hello"), SLICE("\x1f\x8b\x08garbage"), slice_sub(tar, 0, 520),
                            slice_sub(tar, 0, 300)};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_IN(f->a);
        error_clear(&f->err);
        assert_false(archive_read(f->a, cases[i], NULL, note, &out, &f->err));
        assert_int_equal(f->err.class, ERROR_INVALID);
    }
}

static void test_limits(void **state)
{
    struct fixture *f = *state;
    const struct raw entries[] = {{"first", .data = SLICE("12345")}, {"second-name", .data = SLICE("67890")}};
    struct slice tar = raw_tar(f->a, entries, 2);
    static const struct {
        struct archive_limits limits;
        bool ok;
    } cases[] = {
        {{.compressed = 100}, false}, {{.total = 9}, false}, {{.total = 10}, true},
        {{.file = 4}, false},         {{.file = 5}, true},   {{.entries = 1}, false},
        {{.entries = 2}, true},       {{.path = 10}, false}, {{.path = 11}, true},
    };
    const char *path = write_file(f, "x.tar", tar);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_IN(f->a);
        error_clear(&f->err);
        assert_int_equal(archive_read(f->a, tar, &cases[i].limits, note, &out, &f->err), cases[i].ok);
        assert_int_equal(f->err.class, cases[i].ok ? 0 : ERROR_LIMIT);
        const char *target = path_join(f->a, f->dir, "limited");
        assert_true(dir_make_all(target, 0755, &f->err));
        assert_int_equal(archive_unpack(path, target, &cases[i].limits, &f->err), cases[i].ok);
        assert_int_equal(f->err.class, cases[i].ok ? 0 : ERROR_LIMIT);
        assert_true(dir_remove_all(target, NULL));
    }
}

static void test_bomb(void **state)
{
    // 200 MiB of zeros in 200 KiB: stopped by the limit on a file, long before.
    struct fixture *f = *state;
    struct buf packed = {0};
    struct archive_writer *w = archive_writer_new_memory(&packed, &f->err);
    char *zeros = xcalloc(200, 1 << 20);
    assert_true(archive_writer_file(w, "zeros", 0600, slice_n(zeros, 200u << 20), &f->err));
    assert_true(archive_writer_end(w, &f->err));
    free(zeros);
    assert_true(packed.len < 1 << 20);
    struct buf out = BUF_IN(f->a);
    assert_false(archive_read(f->a, buf_view(&packed), NULL, note, &out, &f->err));
    assert_int_equal(f->err.class, ERROR_LIMIT);
    assert_true(arena_used(f->a) < 1 << 20); // nothing was made ready for it
    buf_free(&packed);
}

// ---- unpacking ----

static void test_unpack(void **state)
{
    struct fixture *f = *state;
    const struct raw entries[] = {
        {"./", '5', .mode = 0777},
        {"dir/", '5', .mode = 0},
        {"dir/file", .data = SLICE("old"), .mode = 0666},
        {"dir/file", .data = SLICE("new"), .mode = 0666}, // the later one counts
        {"deep/er/run", .data = SLICE("x"), .mode = 04777},
        {"dir/link", '2', "../deep/er"},
    };
    const char *path = write_file(f, "x.tar", raw_tar(f->a, entries, ARRAY_LEN(entries)));
    const char *target = path_join(f->a, f->dir, "out");
    mode_t mask = umask(022);
    assert_true(dir_make_all(target, 0755, &f->err));
    if (!archive_unpack(path, target, NULL, &f->err))
        fail_msg("%s", error_text(&f->err));
    umask(mask);
    assert_string_equal(content(f, "out/dir/file"), "new");
    struct stat st;
    assert_int_not_equal(lstat(path_join(f->a, target, "dir/link"), &st), 0);
    assert_int_equal(stat(path_join(f->a, target, "dir/file"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(stat(path_join(f->a, target, "deep/er/run"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(stat(path_join(f->a, target, "dir"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
}

static void test_unpack_goes_through_no_link(void **state)
{
    struct fixture *f = *state;
    const struct raw through[] = {
        {"real/x", .data = SLICE("x")},      {"link", '2', "real"},  {"link/file", .data = SLICE("y")},
        {"precious", .data = SLICE("kept")}, {"l", '2', "precious"}, {"l", .data = SLICE("own")}};
    const char *path = write_file(f, "x.tar", raw_tar(f->a, through, ARRAY_LEN(through)));
    const char *target = path_join(f->a, f->dir, "out");
    assert_true(dir_make_all(target, 0755, &f->err));
    assert_true(archive_unpack(path, target, NULL, &f->err));
    assert_int_not_equal(access(path_join(f->a, target, "real/file"), F_OK), 0);
    assert_string_equal(content(f, "out/link/file"), "y");
    assert_string_equal(content(f, "out/precious"), "kept");
    assert_string_equal(content(f, "out/l"), "own");
    // A link that was there before leads nowhere either.
    assert_int_equal(symlink("/tmp", path_join(f->a, target, "dir")), 0);
    const struct raw planted[] = {{"dir/planted", .data = SLICE("x")}};
    path = write_file(f, "z.tar", raw_tar(f->a, planted, 1));
    assert_false(archive_unpack(path, target, NULL, &f->err));
    assert_int_not_equal(access("/tmp/planted", F_OK), 0);
}

// ---- writing ----

static void test_write_and_read_back(void **state)
{
    struct fixture *f = *state;
    struct buf packed = {0}, again = {0};
    struct buf name = BUF_IN(f->a);
    buf_fill(&name, 'n', 200); // longer than a ustar header holds
    const char *source = write_file(f, "source", SLICE("from a file"));
    for (int round = 0; round < 2; round++) {
        struct archive_writer *w = archive_writer_new_memory(round ? &again : &packed, &f->err);
        assert_true(archive_writer_dir(w, "d", 0700, &f->err));
        assert_true(archive_writer_file(w, "d/\xC3\xA9", 0644, SLICE("data"), &f->err));
        assert_true(archive_writer_file(w, buf_cstr(&name), 0755, SLICE(""), &f->err));
        assert_true(archive_writer_file_from(w, "d/copy", 0400, source, &f->err));
        assert_true(archive_writer_link(w, "d/l", "../x", &f->err));
        assert_false(archive_writer_link(w, "l", "../x", &f->err));
        assert_false(archive_writer_file(w, "../x", 0600, SLICE(""), &f->err));
        assert_false(archive_writer_file(w, "/x", 0600, SLICE(""), &f->err));
        assert_false(archive_writer_file_from(w, "dir", 0600, f->dir, &f->err));
        error_clear(&f->err);
        assert_true(archive_writer_end(w, &f->err));
    }
    assert_true(slice_eq(buf_view(&packed), buf_view(&again)));
    // gzip (RFC 1952): deflate, no flags, no time.
    assert_memory_equal(packed.data, "\x1f\x8b\x08\0\0\0\0\0", 8);
    assert_string_equal(listing(f, buf_view(&packed)),
                        arena_printf(f->a,
                                     "d/ 750\nd/\xC3\xA9 600=data\n%s 700=\nd/copy 600=from a file\nd/l -> ../x\n",
                                     buf_cstr(&name)));
    buf_free(&packed);
    buf_free(&again);
}

static void test_writer_faults(void **state)
{
    struct fixture *f = *state;
    assert_null(archive_writer_new(path_join(f->a, f->dir, "none/x.tgz"), &f->err));
    assert_int_equal(f->err.class, ERROR_NOT_FOUND);
    struct archive_writer *w = archive_writer_new(path_join(f->a, f->dir, "x.tgz"), &f->err);
    assert_true(archive_writer_file(w, "a", 0600, SLICE("x"), &f->err));
    archive_writer_abort(w);
    archive_writer_abort(NULL);
    error_clear(&f->err);
    w = archive_writer_new("/dev/full", &f->err);
    assert_non_null(w);
    bool ok = archive_writer_file(w, "a", 0600, SLICE("x"), &f->err);
    assert_false(archive_writer_end(w, &f->err) && ok);
    assert_non_null(strstr(error_text(&f->err), "No space left on device"));
}

// ---- packing folders ----

static void make_tree(struct fixture *f, bool other_order)
{
    const char *const files[] = {"b", "a/z", "a/y", "a.txt", "c/d/e"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        const char *name = files[other_order ? ARRAY_LEN(files) - 1 - i : i];
        const char *path = path_join(f->a, f->dir, path_join(f->a, "tree", name));
        assert_true(dir_make_all(arena_strndup(f->a, path, (size_t)(strrchr(path, '/') - path)),
                                 other_order ? 0700 : 0755, &f->err));
        assert_true(file_write_atomic(path, name, strlen(name), other_order ? 0666 : 0600, &f->err));
    }
    assert_int_equal(chmod(path_join(f->a, f->dir, "tree/b"), other_order ? 0711 : 0755), 0);
    assert_int_equal(symlink("b", path_join(f->a, f->dir, "tree/link")), 0);
    assert_int_equal(mkfifo(path_join(f->a, f->dir, "tree/fifo"), 0600), 0);
}

static struct slice pack(struct fixture *f, const struct ignore *ig)
{
    const char *out = path_join(f->a, f->dir, "out.tgz");
    struct slice got;
    if (!archive_pack_dir(path_join(f->a, f->dir, "tree"), ig, out, &f->err) || !file_read(f->a, out, 0, &got, &f->err))
        fail_msg("%s", error_text(&f->err));
    return got;
}

static void test_pack_is_deterministic(void **state)
{
    struct fixture *f = *state;
    make_tree(f, false);
    struct slice first = pack(f, NULL);
    assert_true(dir_remove_all(path_join(f->a, f->dir, "tree"), &f->err));
    make_tree(f, true); // other times, order, modes
    struct slice second = pack(f, NULL);
    assert_true(slice_eq(first, second));
    assert_string_equal(
        listing(f, first),
        "a/ 750\na/y 600=a/y\na/z 600=a/z\na.txt 600=a.txt\nb 700=b\nc/ 750\nc/d/ 750\nc/d/e 600=c/d/e\n");
}

static void test_pack_ignores(void **state)
{
    struct fixture *f = *state;
    make_tree(f, false);
    struct ignore *ig = ignore_new(f->a);
    ignore_add(ig, "", SLICE("a/\nb\n"));
    assert_string_equal(listing(f, pack(f, ig)), "a.txt 600=a.txt\nc/ 750\nc/d/ 750\nc/d/e 600=c/d/e\n");
    ignore_add(ig, "", SLICE("!a/y\n/c/*\n"));
    assert_string_equal(listing(f, pack(f, ig)), "a/y 600=a/y\na.txt 600=a.txt\nc/ 750\n");
}

static void test_pack_and_unpack(void **state)
{
    struct fixture *f = *state;
    make_tree(f, false);
    pack(f, NULL);
    const char *target = path_join(f->a, f->dir, "copy");
    assert_true(dir_make_all(target, 0755, &f->err));
    assert_true(archive_unpack(path_join(f->a, f->dir, "out.tgz"), target, NULL, &f->err));
    assert_string_equal(content(f, "copy/c/d/e"), "c/d/e");
    assert_int_equal(access(path_join(f->a, target, "b"), X_OK), 0);
}

static void test_pack_faults(void **state)
{
    struct fixture *f = *state;
    const char *out = path_join(f->a, f->dir, "out.tgz");
    assert_false(archive_pack_dir(path_join(f->a, f->dir, "none"), NULL, out, &f->err));
    assert_int_equal(f->err.class, ERROR_NOT_FOUND);
    // Too deep: an error, and no half-written archive.
    const char *path = path_join(f->a, f->dir, "tree");
    for (int i = 0; i < 140; i++)
        path = arena_printf(f->a, "%s/d", path);
    assert_true(dir_make_all(path, 0755, &f->err));
    assert_false(archive_pack_dir(path_join(f->a, f->dir, "tree"), NULL, out, &f->err));
    assert_int_equal(f->err.class, ERROR_LIMIT);
    assert_int_not_equal(access(out, F_OK), 0);
}

static int make_root(void **state)
{
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    return rmdir(root);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_read_honest),
        TEST(test_read_hostile),
        TEST(test_not_an_archive),
        TEST(test_limits),
        TEST(test_bomb),
        TEST(test_unpack),
        TEST(test_unpack_goes_through_no_link),
        TEST(test_write_and_read_back),
        TEST(test_writer_faults),
        TEST(test_pack_is_deterministic),
        TEST(test_pack_ignores),
        TEST(test_pack_and_unpack),
        TEST(test_pack_faults),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
