// test_ignore.c - gitignore patterns. What is expected is what Flux's sourceignore/gitignore package answers.
#include "archive/archive.h"

#include <setjmp.h>
#include <cmocka.h>

static void test_patterns(void **state)
{
    static const struct {
        const char *patterns, *path;
        bool directory, excluded;
    } cases[] = {
        {"", "a", false, false},
        {"# a\n\n  \n", "a", false, false},
        {"a", "a", false, true},
        {"a", "b/a", false, true},
        {"a", "a/b", false, true},
        {"a", "ab", false, false},
        {"/a", "a", false, true},
        {"/a", "b/a", false, false},
        {"a/", "a", true, true},
        {"a/", "a", false, false},
        {"a/", "a/b", false, true},
        {"a/b", "a/b", false, true},
        {"a/b", "x/a/b", false, false},
        {"a/b/", "a/b", false, false},
        {"a/b/", "a/b/c", false, true},
        {"*.jpg", "x/y.jpg", false, true},
        {"*.jpg", "x/y.jpeg", false, false},
        {"/*.c", "cat.c", false, true},
        {"/*.c", "x/cat.c", false, false},
        {"doc/*.html", "doc/git.html", false, true},
        {"doc/*.html", "doc/x/git.html", false, false},
        {"**/foo", "foo", false, true},
        {"**/foo", "a/b/foo", false, true},
        {"**/foo/bar", "x/foo/bar", false, true},
        {"**/foo/bar", "foo/x/bar", false, false},
        {"abc/**", "abc/x/y", false, true},
        {"abc/**", "abc", true, true}, // unlike git
        {"a/**/b", "a/b", false, true},
        {"a/**/b", "a/x/y/b", false, true},
        {"a/**/b", "a/x/y/c", false, false},
        {"a**b/c", "axb/c", false, false}, // two stars within a name
        {"**", "anything", false, true},
        {"*\n!keep", "keep", false, false},
        {"*\n!keep", "other", false, true},
        {"/*\n!/charts", "charts/app/values.yaml", false, false}, // brought back below an excluded folder
        {"/*\n!/charts/app", "charts/app/values.yaml", false, false},
        {"/*\n!/charts/app", "charts/other/values.yaml", false, true},
        {"!a\na", "a", false, true},
        {"a?c",
         "a\xC3\xA9"
         "c",
         false, true},
        {"a?c", "ac", false, false},
        {"[a-c]x", "bx", false, true},
        {"[^a-c]x", "bx", false, false},
        {"[^a-c]x", "dx", false, true},
        {"[!a]x", "!x", false, true}, // no negation here
        {"[", "[", false, false},     // malformed: matches nothing
        {"[]a]", "]", false, false},
        {"[a-]x", "ax", false, false},
        {"[\\]]x", "]x", false, true},
        {"\\#a", "#a", false, true},
        {"\\!a", "!a", false, true},
        {"\\*", "*", false, true},
        {"\\*", "x", false, false},
        {"a\\", "a", false, false},
        {"a  ", "a", false, true},
        {"a\\ ", "a ", false, true},
        {"a\r\nb\r\n", "a", false, true},
        {"a\r\nb\r\n", "b", false, true},
        {"*a*b*c*", "xxaxxbxxcxx", false, true},
        {"*a*b*c*", "xxaxxcxxbxx", false, false},
        {"*.tar.gz", "x.tar.tar.gz", false, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup(cleanup_arena) struct arena *a = arena_new();
        struct ignore *ig = ignore_new(a);
        ignore_add(ig, "", slice_of(cases[i].patterns));
        if (ignore_match(ig, cases[i].path, cases[i].directory) != cases[i].excluded)
            fail_msg("'%s' against '%s': expected %d", cases[i].patterns, cases[i].path, cases[i].excluded);
    }
}

static void test_domain(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    struct ignore *ig = ignore_new(a);
    char domain[] = "x/y/", patterns[] = "/a\nb";
    ignore_add(ig, domain, slice_of(patterns));
    memset(domain, '?', sizeof domain - 1); // both were copied
    memset(patterns, '?', sizeof patterns - 1);
    assert_true(ignore_match(ig, "x/y/a", false));
    assert_true(ignore_match(ig, "x/y/z/b", false));
    assert_false(ignore_match(ig, "x/y/z/a", false));
    assert_false(ignore_match(ig, "a", false));
    assert_false(ignore_match(ig, "b", false));
    assert_false(ignore_match(ig, "x/y", true));
    ignore_add(ig, NULL, SLICE("!b"));
    assert_false(ignore_match(ig, "x/y/z/b", false)); // the later one decides
}

static void test_stars_without_end(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    struct buf pattern = BUF_IN(a), name = BUF_IN(a);
    for (int i = 0; i < 200; i++)
        buf_str(&pattern, "*a");
    buf_char(&pattern, 'b');
    buf_fill(&name, 'a', 5000);
    struct ignore *ig = ignore_new(a);
    ignore_add(ig, "", buf_view(&pattern));
    assert_false(ignore_match(ig, buf_cstr(&name), false)); // and comes back before the universe ends
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_domain),
        cmocka_unit_test(test_stars_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
