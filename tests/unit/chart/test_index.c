// test_index.c - index.yaml: which version a range means, and indexes that are wrong or large.

#include "support.h"

static const char repository[] = "apiVersion: v1\n"
                                 "entries:\n"
                                 "  app:\n"
                                 "  - {name: app, version: 1.2.0, urls: [a]}\n"
                                 "  - {name: app, version: 2.0.0-rc.1, urls: [b]}\n"
                                 "  - {name: app, version: 1.10.0, urls: [c]}\n"
                                 "  - {name: app, version: 1.3.0+one, created: '2024-01-01T00:00:00Z', urls: [d]}\n"
                                 "  - {name: app, version: 1.3.0+two, created: '2025-01-01T00:00:00Z', urls: [e]}\n"
                                 "  - {name: app, version: nonsense, urls: [f]}\n"
                                 "  - null\n"
                                 "  - {version: 9.0.0, urls: [g]}\n"
                                 "  empty: []\n"
                                 "  broken:\n"
                                 "  - {name: '', version: 1.0.0}\n";

static const struct {
    const char *name, *range, *version, *error;
} rows[] = {
    {"app", "", "1.10.0", NULL},
    {"app", "*", "1.10.0", NULL},
    {"app", NULL, "1.10.0", NULL},
    {"app", "1.2.0", "1.2.0", NULL},
    {"app", "~1.2", "1.2.0", NULL},
    {"app", "1.3.x", "1.3.0+two", NULL},
    {"app", "1.3.0+one", "1.3.0+one", NULL},
    {"app", ">=2.0.0-0", "2.0.0-rc.1", NULL},
    {"app", ">2", NULL, "no 'app' chart with version matching '>2' found"},
    {"app", "nonsense", NULL, "improper constraint: nonsense"},
    {"other", "", NULL, "no chart name found"},
    {"empty", "", NULL, "no chart version found"},
    {"broken", "", NULL, "no chart version found"},
};

static void test_rows(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct chart_index *index = chart_index_parse(a, slice_of(repository), &err);
    assert_non_null(index);
    assert_string_equal(as_json(a, chart_index_names(a, index)), "[\"app\",\"broken\",\"empty\"]");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct chart_index_entry entry;
        bool ok = chart_index_find(a, index, rows[i].name, rows[i].range, &entry, &err);
        if (ok != !rows[i].error)
            fail_msg("%s %s: %s", rows[i].name, rows[i].range, ok ? entry.version : error_text(&err));
        if (ok)
            assert_string_equal(entry.version, rows[i].version);
        else
            assert_string_equal(error_text(&err), rows[i].error);
        error_clear(&err);
    }
}

static void test_json(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    const char *text = "{\"apiVersion\":\"v1\",\"entries\":{\"a\":[{\"name\":\"a\",\"version\":\"1.0.0\",\"digest\":\"d\"}]}}";
    struct chart_index *index = chart_index_parse(a, slice_of(text), &err);
    struct chart_index_entry entry;
    assert_true(chart_index_find(a, index, "a", "1", &entry, &err));
    assert_string_equal(value_str(value_get(entry.metadata, "digest")), "d");
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *error;
    } bad[] = {
        {"", "empty index.yaml file"},
        {"entries: {}\n", "no API version specified"},
        {"apiVersion: v1\nentries: [\n", "error converting YAML to JSON: "},
        {"- a\n", "the index is no map"},
        {"apiVersion: v1\nentries: []\n", "the index's entries are no map"},
        {"<html>not found</html>", "the index is no map"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct arena *a cleanup(cleanup_arena) = arena_new();
        struct error err cleanup(error_clear) = {0};
        assert_null(chart_index_parse(a, slice_of(bad[i].text), &err));
        if (!str_has_prefix(error_text(&err), bad[i].error))
            fail_msg("%s: %s", bad[i].text, error_text(&err));
    }
}

static void test_many_versions(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct buf text = BUF_IN(a);
    buf_str(&text, "apiVersion: v1\nentries:\n");
    for (int chart = 0; chart < 50; chart++) {
        buf_printf(&text, "  c%d:\n", chart);
        for (int version = 0; version < 100; version++)
            buf_printf(&text, "  - name: c%d\n    version: 1.%d.0\n    urls: [x]\n", chart, (version * 37) % 100);
    }
    struct chart_index *index = chart_index_parse(a, buf_view(&text), &err);
    assert_non_null(index);
    struct chart_index_entry entry;
    assert_true(chart_index_find(a, index, "c49", "<1.50", &entry, &err));
    assert_string_equal(entry.version, "1.49.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_json),
                                       cmocka_unit_test(test_refused), cmocka_unit_test(test_many_versions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
