// test_files.c - paths within foreign folders, ignore rules, choosing among tags, and the tables of fields.
#include "from_text.h"
#include "controller/schema.h"
#include "helm_registry.h"
#include "source.h"

#include <sys/stat.h>
#include <unistd.h>

struct world {
    struct arena *arena;
    char root[64];
};

static int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    w->arena = arena_new();
    strcpy(w->root, "/tmp/runnel-files-XXXXXX");
    assert_non_null(mkdtemp(w->root));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    struct error err cleanup(error_clear) = {0};
    assert_true(dir_remove_all(w->root, &err));
    arena_free(w->arena);
    free(w);
    return 0;
}

static void put(struct world *w, const char *path, const char *text)
{
    struct error err cleanup(error_clear) = {0};
    char *full = path_join(w->arena, w->root, path);
    assert_true(dir_make_all(arena_strndup(w->arena, full, (size_t)(strrchr(full, '/') - full)), 0700, &err));
    assert_true(file_write_atomic(full, text, strlen(text), 0600, &err));
}

static void test_path_within(void **state)
{
    struct world *w = *state;
    put(w, "a/b/c.yaml", "x");
    assert_int_equal(symlink("/etc", path_join(w->arena, w->root, "out")), 0);
    assert_int_equal(symlink("a", path_join(w->arena, w->root, "in")), 0);
    static const struct {
        const char *path, *result;
        enum error_class class;
    } cases[] = {
        {"a/b/c.yaml", "a/b/c.yaml", 0},
        {"./a//b/../b", "a/b", 0},
        {"/a/b", "a/b", 0},
        {"a/none", NULL, ERROR_NOT_FOUND},
        {"a/b/c.yaml/x", NULL, ERROR_NOT_FOUND},
        {"..", NULL, ERROR_INVALID},
        {"../x", NULL, ERROR_INVALID},
        {"a/../../x", NULL, ERROR_INVALID},
        {"out/passwd", NULL, ERROR_INVALID},
        {"out", NULL, ERROR_INVALID},
        {"in/b/c.yaml", NULL, ERROR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err cleanup(error_clear) = {0};
        const char *out = NULL;
        bool ok = path_within(w->arena, w->root, cases[i].path, &out, &err);
        assert_int_equal(err.class, cases[i].class);
        assert_int_equal(ok, cases[i].result != NULL);
        if (ok)
            assert_string_equal(out, path_join(w->arena, w->root, cases[i].result));
    }
    struct error err cleanup(error_clear) = {0};
    const char *out;
    assert_true(path_within(w->arena, w->root, ".", &out, &err));
    assert_string_equal(out, w->root);
}

static bool is_ignored(struct world *w, const char *spec, const char *path)
{
    struct error err cleanup(error_clear) = {0};
    struct ignore *ignore;
    if (!source_ignore(w->arena, w->root, spec, &ignore, &err))
        fail_msg("%s", error_text(&err));
    return ignore_match(ignore, path, false);
}

static void test_ignore(void **state)
{
    struct world *w = *state;
    // Neither the repository nor the object has a word: Flux's defaults.
    static const char *const defaults[] = {".git/config", ".gitignore", "a/.gitmodules", "x.png",
                                           "a/b.tar.gz",  ".github/x",  ".travis.yml",   "a/.sops.yaml"};
    for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
        assert_true(is_ignored(w, NULL, defaults[i]));
    assert_false(is_ignored(w, NULL, "a.yaml"));
    assert_true(is_ignored(w, "  \n", "x.png"));
    // The object's: the defaults go, version control stays out.
    assert_false(is_ignored(w, "*.txt", "x.png"));
    assert_true(is_ignored(w, "*.txt", "a/x.txt"));
    assert_true(is_ignored(w, "*.txt", ".git/config"));
    // Files in folders, each about its own; the object's come last.
    put(w, ".sourceignore", "# comment\n*.md\n");
    put(w, "sub/.sourceignore", "/only\n");
    assert_true(is_ignored(w, NULL, "sub/x.md"));
    assert_true(is_ignored(w, NULL, "sub/only"));
    assert_false(is_ignored(w, NULL, "only"));
    assert_false(is_ignored(w, NULL, "x.png"));
    assert_false(is_ignored(w, "!keep.md", "keep.md"));
    // A rule file in .git is nobody's.
    put(w, ".git/.sourceignore", "*\n");
    assert_false(is_ignored(w, NULL, "a.yaml"));
    // One that is a link is not read.
    unlink(path_join(w->arena, w->root, ".sourceignore"));
    put(w, "rules", "*.yaml\n");
    assert_int_equal(symlink("rules", path_join(w->arena, w->root, ".sourceignore")), 0);
    assert_false(is_ignored(w, NULL, "a.yaml"));
    // One that is too large ends it.
    struct error err cleanup(error_clear) = {0};
    struct ignore *ignore;
    struct buf big = BUF_IN(w->arena);
    buf_fill(&big, '\n', (1 << 20) + 1);
    put(w, "big/.sourceignore", buf_cstr(&big));
    assert_false(source_ignore(w->arena, w->root, NULL, &ignore, &err));
    assert_int_equal(err.class, ERROR_LIMIT);
}

static void test_choose_tag(void **state)
{
    struct world *w = *state;
    static const char *const tags[] = {"1.0.0",      "latest",         "1.10.0",    "v1.2.0",
                                       "2.0.0-rc.1", "1.11.0_build.1", "sha-12345", "1.2"};
    static const struct {
        struct tag_choice choice;
        const char *tag; // NULL: not found
    } cases[] = {
        {{.range = "1.x"}, "1.10.0"},
        {{.range = "1.x", .chart_tags = true}, "1.11.0_build.1"},
        {{.range = "~1.2"}, "v1.2.0"},
        {{.range = ">=1.0.0-0"}, "2.0.0-rc.1"},
        {{.range = "*"}, "1.10.0"},
        {{.range = "1.x", .filter = "^v"}, "v1.2.0"},
        {{.range = "1.x", .filter = "^nothing$"}, NULL},
        {{.range = ">=3"}, NULL},
        {{.range = "1.2", .exact_first = true}, "1.2"},
        {{.range = "1.11.0+build.1", .chart_tags = true, .exact_first = true}, "1.11.0_build.1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err cleanup(error_clear) = {0};
        const char *tag;
        bool ok = choose_tag(w->arena, tags, ARRAY_LEN(tags), &cases[i].choice, &tag, &err);
        if (cases[i].tag ? !ok || strcmp(tag, cases[i].tag) : ok || err.class != ERROR_NOT_FOUND)
            fail_msg("%zu: %s", i, ok ? tag : error_text(&err));
    }
    struct error err cleanup(error_clear) = {0};
    const char *tag;
    assert_false(choose_tag(w->arena, tags, 1, &(struct tag_choice){.range = "x.y.z.w"}, &tag, &err));
    error_clear(&err);
    assert_false(choose_tag(w->arena, tags, 1, &(struct tag_choice){.range = "*", .filter = "("}, &tag, &err));
    assert_string_equal(tag_from_version(w->arena, "1.0.0+a.b"), "1.0.0_a.b");
    assert_string_equal(version_from_tag(w->arena, "1.0.0_a.b"), "1.0.0+a.b");
}

// Each spec field of each CRD has its line, and each line is a field of the CRD.
static void test_field_tables(void **state)
{
    static const struct controller_kind *const kinds[] = {&gitrepository_kind, &helmrepository_kind, &helmchart_kind,
                                                          &ocirepository_kind, &bucket_kind};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct error err cleanup(error_clear) = {0};
        if (!fields_cover(kinds[i]->schema, kinds[i]->fields, kinds[i]->field_count, &err))
            fail_msg("%s", error_text(&err));
        if (!kinds[i]->refused && !schema_rules_cover(kinds[i]->schema, kinds[i]->rules, kinds[i]->rule_count, &err))
            fail_msg("%s", error_text(&err));
    }
}

static void test_artifact_of(void **state)
{
    struct world *w = *state;
    struct artifact a;
    struct value object =
        from_json(w->arena, "{\"status\":{\"artifact\":{\"path\":\"p\",\"revision\":\"main@sha1:x\",\"digest\":"
                            "\"d\",\"url\":\"u\",\"size\":7}}}");
    assert_true(artifact_of(object, &a));
    assert_true(artifact_is(&a, "main@sha1:x") && !artifact_is(&a, "main@sha1:y"));
    assert_int_equal(a.size, 7);
    assert_false(artifact_of(VALUE_NULL, &a));
    assert_false(artifact_is(&a, NULL));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_path_within), T(test_ignore), T(test_choose_tag), T(test_field_tables), T(test_artifact_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
