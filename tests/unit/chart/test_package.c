// test_package.c - a chart packed and read back: the same chart, the same bytes each time, nothing from outside.

#include "support.h"

#include "archive/archive.h"

static struct chart *sample(struct arena *a, struct error *err)
{
    return CHART(a, err, {"Chart.yaml", "apiVersion: v2\nversion: 1.0.0\nname: app\ndependencies:\n- name: sub\n  version: 1.x\n"},
                 {"Chart.lock", "digest: sha256:abc\ngenerated: '2024-01-01T00:00:00Z'\n"}, {"values.yaml", "# kept\na: 1\n"},
                 {"values.schema.json", "{}"}, {"templates/a.yaml", "a"}, {"README.md", "hi"},
                 {"charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n"}, {"charts/sub/templates/b.yaml", "b"});
}

static struct slice pack(struct arena *a, const struct chart *c, const struct chart_package_options *options)
{
    struct error err cleanup(error_clear) = {0};
    char path[] = "/tmp/runnel-package-XXXXXX";
    close(mkstemp(path));
    if (!chart_package(a, c, options, path, &err))
        fail_msg("%s", error_text(&err));
    struct slice data;
    assert_true(file_read(a, path, 1 << 20, &data, &err));
    unlink(path);
    return data;
}

static void test_round_trip(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct chart *c = sample(a, &err);
    assert_non_null(c);
    struct slice first = pack(a, c, NULL), second = pack(a, c, NULL);
    assert_true(slice_eq(first, second));
    struct chart *back = chart_load_archive(a, first, &err);
    assert_string_equal(error_text(&err), "");
    struct buf names = BUF_IN(a);
    for (size_t i = 0; i < back->raw.len; i++)
        buf_printf(&names, "%s ", back->raw.items[i].name);
    assert_string_equal(buf_cstr(&names), "Chart.yaml Chart.lock values.yaml values.schema.json templates/a.yaml README.md "
                                          "charts/sub/Chart.yaml charts/sub/templates/b.yaml ");
    assert_string_equal(as_json(a, back->metadata), as_json(a, c->metadata));
    assert_string_equal(value_str(value_get(back->lock, "digest")), "sha256:abc");
    assert_true(slice_eq_str(back->values_raw, "# kept\na: 1\n"));
    assert_true(slice_eq_str(back->raw.items[0].data, "apiVersion: v2\ndependencies:\n- name: sub\n  repository: \"\"\n"
                                                      "  version: 1.x\nname: app\nversion: 1.0.0\n"));
}

static void test_replaced(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct chart *c = sample(a, &err);
    struct chart_package_options options = {.version = "1.0.0+abc", .values_yaml = slice_of("a: 2\n")};
    struct chart *back = chart_load_archive(a, pack(a, c, &options), &err);
    assert_string_equal(error_text(&err), "");
    assert_string_equal(chart_version(back), "1.0.0+abc");
    assert_string_equal(as_json(a, back->values), "{\"a\":2}");
    assert_string_equal(chart_version(c), "1.0.0");
}

static struct slice archive_of(struct arena *a, const struct test_file *files, size_t count)
{
    struct error err cleanup(error_clear) = {0};
    struct buf out = BUF_IN(a);
    struct archive_writer *w = archive_writer_new_memory(&out, &err);
    for (size_t i = 0; i < count; i++)
        assert_true(archive_writer_file(w, files[i].name, 0644, slice_of(files[i].text), &err));
    assert_true(archive_writer_end(w, &err));
    return buf_view(&out);
}

static void test_bad_archives(void **state)
{
    static const struct {
        struct test_file files[2];
        const char *error;
    } bad[] = {
        {{{"app/values.yaml", ""}}, "unable to detect chart version, no Chart.yaml found"},
        {{{"Chart.yaml", "name: x"}}, "unable to load chart archive: chart yaml not in base directory"},
        {{{"stray", "x"}}, "unable to load chart archive: chart illegally contains content outside the base directory: \"stray\""},
        {{{"app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n"}, {"app/charts/x.tgz", "no archive"}},
         "error unpacking subchart x.tgz in app: "},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct arena *a cleanup(cleanup_arena) = arena_new();
        struct error err cleanup(error_clear) = {0};
        size_t count = bad[i].files[1].name ? 2 : 1;
        assert_null(chart_load_archive(a, archive_of(a, bad[i].files, count), &err));
        if (!str_has_prefix(error_text(&err), bad[i].error))
            fail_msg("%s", error_text(&err));
    }
}

// A chart in a tgz in a tgz …: each level is small, the whole is not.
static void test_nested_archives(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct slice inner = archive_of(a, (struct test_file[]){{"x/Chart.yaml", "apiVersion: v2\nname: x\nversion: 1.0.0\n"}}, 1);
    for (int level = 0; level < 20; level++) {
        struct buf out = BUF_IN(a);
        struct archive_writer *w = archive_writer_new_memory(&out, &err);
        assert_true(archive_writer_file(w, "x/Chart.yaml", 0644, slice_of("apiVersion: v2\nname: x\nversion: 1.0.0\n"), &err));
        assert_true(archive_writer_file(w, "x/charts/x.tgz", 0644, inner, &err));
        assert_true(archive_writer_end(w, &err));
        inner = buf_view(&out);
        bool loads = chart_load_archive(a, inner, &err) != NULL;
        assert_int_equal(loads, level < 8);
        if (!loads)
            assert_int_equal(err.class, ERROR_LIMIT);
        error_clear(&err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_replaced),
                                       cmocka_unit_test(test_bad_archives), cmocka_unit_test(test_nested_archives)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
