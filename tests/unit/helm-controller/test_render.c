// test_render.c - the template command on small charts: cases/render.yaml has what helm v4.1.4 printed (record_render.py).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "template_cmd.h"
#include "value/value.h"

static char *make_chart(struct arena *a, struct value files)
{
    char template[] = "/tmp/runnel-render-XXXXXX";
    char *folder = arena_strdup(a, mkdtemp(template));
    struct error err = {0};
    for (struct value_iter it = {0}; value_next(files, &it);) {
        char *path = arena_printf(a, "%s/%s", folder, it.key), *parent = arena_strdup(a, path);
        *strrchr(parent, '/') = 0;
        struct slice text = value_slice(it.value);
        if (!dir_make_all(parent, 0755, &err) || !file_write_atomic(path, text.data, text.len, 0644, &err))
            fail_msg("%s", error_text(&err));
    }
    return folder;
}

static char *replace(struct arena *a, const char *text, const char *from, const char *to)
{
    struct buf out = BUF_IN(a);
    for (const char *at; (at = strstr(text, from)); text = at + strlen(from)) {
        buf_add(&out, text, (size_t)(at - text));
        buf_str(&out, to);
    }
    buf_str(&out, text);
    return (char *)buf_cstr(&out);
}

static void add_text(void *ctx, const char *data, size_t len)
{
    buf_add(ctx, data, len);
}

// True: as recorded.
static bool check_case(struct arena *a, struct value row)
{
    char *folder = make_chart(a, value_get(row, "files"));
    struct value words = value_get(row, "words");
    int argc = (int)value_len(words);
    char **argv = arena_array(a, char *, argc + 1);
    for (int i = 0; i < argc; i++)
        argv[i] = replace(a, value_str(value_at(words, i)), "CHART", folder);
    struct buf out = BUF_IN(a);
    struct error err cleanup(error_clear) = {0}, ignored cleanup(error_clear) = {0};
    template_run(a, argc, argv, add_text, &out, NULL, &err);
    dir_remove_all(folder, &ignored);
    const char *error = replace(a, error_text(&err), folder, "CHART");
    const char *want_out = value_str(value_get(row, "out")), *want_error = value_str(value_get(row, "error"));
    // Both lose trailing line breaks: Helm's stderr does not tell them from its own.
    size_t len = strlen(error);
    while (len > 0 && error[len - 1] == '\n')
        len--;
    if (str_eq(buf_cstr(&out), want_out) && strlen(want_error) == len && memcmp(error, want_error, len) == 0)
        return true;
    print_error("%s\n--- got\n%s%s\n--- want\n%s%s\n\n", value_str(value_get(row, "about")), buf_cstr(&out), error, want_out,
                want_error);
    return false;
}

static void test_recorded(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct slice text;
    struct value cases;
    const char *path = arena_printf(a, "%s/cases/render.yaml", getenv("CASES"));
    if (!file_read(a, path, 4 << 20, &text, &err) || !yaml_parse(a, text.data, text.len, 0, &cases, &err))
        fail_msg("%s", error_text(&err));
    assert_true(value_len(cases) > 80);
    size_t wrong = 0;
    for (size_t i = 0; i < value_len(cases); i++)
        wrong += !check_case(a, value_at(cases, i));
    assert_int_equal(wrong, 0);
}

// What needs a cluster, the network or Helm's plugins: Helm would ask them, so there is nothing to record.
static void test_refused(void **state)
{
    static const struct {
        const char *words[4], *error;
    } refused[] = {
        {{"rel", "CHART", "--validate"}, "--validate: there is no cluster here"},
        {{"rel", "CHART", "--dry-run=server"}, "--dry-run=server: there is no cluster here"},
        {{"rel", "CHART", "--repo=http://u:secret@127.0.0.1:1"}, "--repo: charts are read from folders"},
        {{"rel", "http://u:secret@127.0.0.1:1/c.tgz"}, "charts are read from folders"},
        {{"rel", "oci://u:secret@127.0.0.1:1/c"}, "charts are read from folders"},
        {{"rel", "CHART", "-f", "oci://u:secret@127.0.0.1:1/v"}, "values are not read from OCI"},
        {{"rel", "CHART/a.tgz", "--verify"}, "--verify: provenance files are not verified"},
        {{"rel", "CHART", "--dependency-update"}, "--dependency-update: dependencies are not fetched here: an error occurred"},
        {{"rel", "CHART", "--post-renderer=x"}, "invalid argument \"x\" for \"--post-renderer\" flag: Helm's plugins"},
    };
    static const char files[] = "a.tgz: ''\n"
                                "Chart.yaml: '{apiVersion: v2, name: c, version: 1.0.0, dependencies: [{name: x, version: 1}]}'\n";
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error ignored cleanup(error_clear) = {0};
    struct value chart;
    assert_true(yaml_parse(a, files, strlen(files), 0, &chart, &ignored));
    char *folder = make_chart(a, chart);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        char *argv[6] = {(char *)"template"};
        int argc = 1;
        for (size_t k = 0; k < ARRAY_LEN(refused[i].words) && refused[i].words[k]; k++)
            argv[argc++] = replace(a, refused[i].words[k], "CHART", folder);
        struct buf out = BUF_IN(a);
        struct error err cleanup(error_clear) = {0};
        assert_int_equal(template_run(a, argc, argv, add_text, &out, NULL, &err), TEMPLATE_FAILED);
        if (!str_has_prefix(error_text(&err), refused[i].error))
            fail_msg("%s: %s", refused[i].error, error_text(&err));
        assert_null(strstr(error_text(&err), "secret"));
        assert_int_equal(out.len, 0);
    }
    dir_remove_all(folder, &ignored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_recorded), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
