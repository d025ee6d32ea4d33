// test_load.c - charts from folders: which file is what, subcharts, and what is refused in Helm's words.

#include "support.h"

#include <sys/stat.h>

#define MINIMAL {"Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.2.3\n"}

static const char *names(struct arena *a, const chart_file_list *list)
{
    struct buf out = BUF_IN(a);
    for (size_t i = 0; i < list->len; i++)
        buf_printf(&out, "%s%s", i ? " " : "", list->items[i].name);
    return buf_cstr(&out);
}

static void test_sorts_files(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct chart *c = CHART(a, &err, MINIMAL, {"values.yaml", "a: 1\n---\nb: 2\n"}, {"values.schema.json", "{}"},
                            {"templates/a.yaml", "\xEF\xBB\xBFx: 1"}, {"templates/.hidden", "no"}, {"templates/_h.tpl", ""},
                            {"crds/crd.yaml", "crd"}, {"crds/read.me", ""}, {"README.md", "hi"}, {".helmignore", "*.bak\n"},
                            {"x.bak", ""}, {"charts/sub/Chart.yaml", "name: sub\nversion: 0.1.0\n"},
                            {"charts/sub/values.yaml", "c: 3\n"}, {"charts/_skipped/x", ""}, {"charts/x.tgz.prov", "sig"});
    assert_string_equal(error_text(&err), "");
    assert_non_null(c);
    assert_string_equal(names(a, &c->templates), "templates/_h.tpl templates/a.yaml");
    assert_string_equal(names(a, &c->files), ".helmignore README.md charts/x.tgz.prov crds/crd.yaml crds/read.me");
    assert_string_equal(c->templates.items[1].data.data, "x: 1");
    assert_string_equal(as_json(a, c->values), "{\"a\":1,\"b\":2}");
    assert_int_equal(c->dependencies.len, 1);
    assert_string_equal(chart_name(c->dependencies.items[0]), "sub");
    assert_true(c->dependencies.items[0]->v1); // no apiVersion: Helm 2's
    assert_string_equal(chart_full_path(a, c->dependencies.items[0]), "app/charts/sub");
    size_t count;
    struct chart_file *crds = chart_crds(a, c, &count);
    assert_int_equal(count, 1);
    assert_string_equal(crds[0].name, "app/crds/crd.yaml");
}

static void test_metadata_types(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct chart *c = CHART(a, &err,
                            {"Chart.yaml", "apiVersion: v2\nName: app\nversion: 1.0.0\nappVersion: 1.10\ndeprecated: true\n"
                                           "keywords: [a, 1]\nannotations: {x: true, z: 5}\nunknown: 1\nhome: \"a\\tb\"\n"
                                           "maintainers: [{name: me}]\n"});
    assert_string_equal(error_text(&err), "");
    assert_string_equal(as_json(a, c->metadata),
                        "{\"annotations\":{\"x\":\"true\",\"z\":\"5\"},\"apiVersion\":\"v2\",\"appVersion\":\"1.1\","
                        "\"deprecated\":true,\"home\":\"a b\",\"keywords\":[\"a\",\"1\"],\"maintainers\":[{\"name\":\"me\"}],"
                        "\"name\":\"app\",\"version\":\"1.0.0\"}");
    struct buf view = BUF_IN(a);
    go_print_value(&view, chart_template_view(a, c));
    assert_string_equal(buf_cstr(&view),
                        "map[APIVersion:v2 Annotations:map[x:true z:5] AppVersion:1.1 Condition: Dependencies:[] "
                        "Deprecated:true Description: Home:a b Icon: IsRoot:true Keywords:[a 1] KubeVersion: "
                        "Maintainers:[map[Email: Name:me URL:]] Name:app Sources:[] Tags: Type: Version:1.0.0]");
}

static void test_refused(void **state)
{
    static const struct {
        struct test_file files[3];
        const char *error;
    } rows[] = {
        {{{"Chart.yaml", "apiVersion: v2\nversion: 1.0.0\n"}}, "validation: chart.metadata.name is required"},
        {{{"Chart.yaml", "apiVersion: v2\nname: a/b\nversion: 1.0.0\n"}}, "validation: chart.metadata.name \"a/b\" is invalid"},
        {{{"Chart.yaml", "apiVersion: v2\nname: ..\nversion: 1.0.0\n"}}, "validation: chart.metadata.name \"..\" is not allowed"},
        {{{"Chart.yaml", "apiVersion: v2\nname: a\n"}}, "validation: chart.metadata.version is required"},
        {{{"Chart.yaml", "apiVersion: v2\nname: a\nversion: x.y\n"}}, "validation: chart.metadata.version \"x.y\" is invalid"},
        {{{"Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\ntype: tool\n"}},
         "validation: chart.metadata.type must be application or library"},
        {{{"Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\nmaintainers: [null]\n"}},
         "validation: maintainers must not contain empty or null nodes"},
        {{{"Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\ndependencies: [{name: x, alias: a.b}]\n"}},
         "validation: dependency \"x\" has disallowed characters in the alias"},
        {{{"Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\ndependencies: [{name: x}, {name: y, alias: x}]\n"}},
         "validation: more than one dependency with name or alias \"x\""},
        {{{"Chart.yaml", "apiVersion: v2\nname: {a: b}\nversion: 1.0.0\n"}},
         "cannot load Chart.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal object into Go struct "
         "field Metadata.name of type string"},
        {{{"Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\n"}, {"values.yaml", "- a\n"}},
         "cannot load values.yaml: cannot unmarshal yaml document: error unmarshaling JSON: while decoding JSON: json: cannot "
         "unmarshal array into Go value of type map[string]interface {}"},
        {{{"Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\n"}, {"charts/x/y", ""}},
         "error unpacking subchart x in a: Chart.yaml file is missing"},
        {{{"Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\n"}, {".helmignore", "**/x\n"}},
         "double-star (**) syntax is not supported"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a cleanup(cleanup_arena) = arena_new();
        struct error err cleanup(error_clear) = {0};
        size_t count = 0;
        while (count < 3 && rows[i].files[count].name)
            count++;
        assert_null(load_files(a, rows[i].files, count, &err));
        assert_string_equal(error_text(&err), rows[i].error);
        assert_int_equal(err.class, ERROR_INVALID);
    }
}

static void test_v1_requirements(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct chart *c = CHART(a, &err, {"Chart.yaml", "apiVersion: v1\nname: app\nversion: 1.0.0\n"},
                            {"requirements.yaml", "dependencies:\n- name: sub\n  version: 1.x\n  repository: ''\n"},
                            {"requirements.lock", "digest: sha256:x\n"});
    assert_string_equal(error_text(&err), "");
    assert_string_equal(names(a, &c->files), "requirements.lock requirements.yaml");
    assert_string_equal(as_json(a, value_get(c->metadata, "dependencies")),
                        "[{\"name\":\"sub\",\"repository\":\"\",\"version\":\"1.x\"}]");
    assert_string_equal(value_str(value_get(c->lock, "digest")), "sha256:x");
    assert_false(chart_check_dependencies(c, &err));
    assert_string_equal(error_text(&err),
                        "an error occurred while checking for chart dependencies. You may need to run `helm dependency build` "
                        "to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: sub");
}

static void test_no_chart(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    assert_null(chart_load(a, "/nowhere/at/all", NULL, &err));
    assert_string_equal(error_text(&err), "stat /nowhere/at/all: no such file or directory");
    error_clear(&err);
    char *folder = make_folder(a, (struct test_file[]){{"x", ""}}, 1);
    assert_null(chart_load(a, folder, NULL, &err));
    assert_string_equal(error_text(&err), arena_printf(a, "unable to detect chart at %s/Chart.yaml: open %s/Chart.yaml: no such "
                                                          "file or directory", folder, folder));
    error_clear(&err);
    char *file = arena_printf(a, "%s/x", folder);
    assert_null(chart_load(a, file, NULL, &err));
    assert_string_equal(error_text(&err), arena_printf(a, "file '%s' does not appear to be a gzipped archive; got "
                                                          "'application/octet-stream'", file));
    assert_true(dir_remove_all(folder, &err));
}

static void test_links_and_devices(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    char *folder = make_folder(a, (struct test_file[]){MINIMAL, {"templates/a.yaml", "x"}}, 2);
    assert_int_equal(symlink("a.yaml", arena_printf(a, "%s/templates/b.yaml", folder)), 0);
    assert_int_equal(symlink("templates", arena_printf(a, "%s/more", folder)), 0);
    struct chart *c = chart_load(a, folder, NULL, &err);
    assert_string_equal(error_text(&err), "");
    assert_string_equal(names(a, &c->templates), "templates/a.yaml templates/b.yaml");
    assert_string_equal(names(a, &c->files), "more/a.yaml more/b.yaml");
    // A circle of folders ends.
    assert_int_equal(symlink(".", arena_printf(a, "%s/round", folder)), 0);
    assert_null(chart_load(a, folder, NULL, &err));
    error_clear(&err);
    assert_int_equal(unlink(arena_printf(a, "%s/round", folder)), 0);
    assert_int_equal(mkfifo(arena_printf(a, "%s/pipe", folder), 0600), 0);
    assert_null(chart_load(a, folder, NULL, &err));
    assert_string_equal(error_text(&err), arena_printf(a, "cannot load irregular file %s/pipe as it has file mode type bits set",
                                                       folder));
    error_clear(&err);
    assert_true(dir_remove_all(folder, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorts_files), cmocka_unit_test(test_metadata_types), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_v1_requirements), cmocka_unit_test(test_no_chart), cmocka_unit_test(test_links_and_devices)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
