// test_ignore.c - Go's path.Match and .helmignore's rules.

#include "support.h"

#include "chart/internal.h"

static void test_path_match(void **state)
{
    // From the documentation and tests of Go's path package.
    static const struct {
        const char *pattern, *name;
        enum chart_match want;
    } rows[] = {
        {"abc", "abc", CHART_MATCH_YES},       {"*", "abc", CHART_MATCH_YES},        {"*c", "abc", CHART_MATCH_YES},
        {"a*", "a", CHART_MATCH_YES},          {"a*", "ab/c", CHART_MATCH_NO},       {"a*/b", "abc/b", CHART_MATCH_YES},
        {"a*/b", "a/c/b", CHART_MATCH_NO},     {"a*b*c*d*e*/f", "axbxcxdxe/f", CHART_MATCH_YES},
        {"a*b?c*x", "abxbbxdbxebxczzx", CHART_MATCH_YES}, {"a*b?c*x", "abxbbxdbxebxczzy", CHART_MATCH_NO},
        {"ab[c]", "abc", CHART_MATCH_YES},     {"ab[b-d]", "abc", CHART_MATCH_YES},  {"ab[e-g]", "abc", CHART_MATCH_NO},
        {"ab[^c]", "abc", CHART_MATCH_NO},     {"ab[^e-g]", "abc", CHART_MATCH_YES}, {"a\\*b", "a*b", CHART_MATCH_YES},
        {"a\\*b", "ab", CHART_MATCH_NO},       {"a?b", "a\xE2\x98\xBA" "b", CHART_MATCH_YES},
        {"a[^a]b", "a\xE2\x98\xBA" "b", CHART_MATCH_YES}, {"[a-\xCE\xB6]*", "\xCE\xB1", CHART_MATCH_YES},
        {"a?b", "a/b", CHART_MATCH_NO},        {"a*b", "a/b", CHART_MATCH_NO},       {"[\\]a]", "]", CHART_MATCH_YES},
        {"[\\-x]", "-", CHART_MATCH_YES},      {"[]a]", "]", CHART_MATCH_BAD},       {"[-]", "-", CHART_MATCH_BAD},
        {"[x-]", "x", CHART_MATCH_BAD},        {"[a-b-c]", "a", CHART_MATCH_BAD},    {"[", "a", CHART_MATCH_BAD},
        {"[^", "a", CHART_MATCH_BAD},          {"[^bc", "a", CHART_MATCH_BAD},       {"a[", "a", CHART_MATCH_BAD},
        {"a[", "ab", CHART_MATCH_BAD},         {"*x", "xxx", CHART_MATCH_YES},       {"", "", CHART_MATCH_YES},
        {"", "x", CHART_MATCH_NO},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (chart_path_match(rows[i].pattern, rows[i].name) != rows[i].want)
            fail_msg("%s on %s: %d", rows[i].pattern, rows[i].name, chart_path_match(rows[i].pattern, rows[i].name));
}

static void test_rules(void **state)
{
    static const struct {
        const char *rules, *path;
        bool directory, want;
    } rows[] = {
        {"helm.txt", "helm.txt", false, true},
        {"helm.txt", "cargo/helm.txt", false, true}, // without a slash, the name counts
        {"/helm.txt", "cargo/helm.txt", false, false},
        {"cargo/*.txt", "cargo/a.txt", false, true},
        {"*.txt", "a.md", false, false},
        {"cargo/", "cargo", true, true},
        {"cargo/", "cargo", false, false},
        {"# cargo", "cargo", true, false},
        {"  *.bak  ", "x.bak", false, true},
        {"!helm.txt", "helm.txt", false, false},
        {"!helm.txt", "other.txt", false, true}, // a negated rule shuts out all that it does not match
        {"\xEF\xBB\xBF*.md", "a.md", false, true},
        {"*.md\r\n", "a.md", false, true},
        {"templates/.?*", "templates/.hidden", false, true},
        {"templates/.?*", "templates/a", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a cleanup(cleanup_arena) = arena_new();
        struct error err cleanup(error_clear) = {0};
        struct helmignore *ig = helmignore_new(a);
        assert_true(helmignore_parse(ig, slice_of(rows[i].rules), &err));
        if (helmignore_match(ig, rows[i].path, rows[i].directory) != rows[i].want)
            fail_msg("%s on %s", rows[i].rules, rows[i].path);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *rule, *error;
    } rows[] = {{"a/**/b", "double-star (**) syntax is not supported"}, {"[a", "syntax error in pattern"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a cleanup(cleanup_arena) = arena_new();
        struct error err cleanup(error_clear) = {0};
        assert_false(helmignore_parse(helmignore_new(a), slice_of(rows[i].rule), &err));
        assert_string_equal(error_text(&err), rows[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_path_match), cmocka_unit_test(test_rules),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
