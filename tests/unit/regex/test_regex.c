// test_regex.c - matching, replacing, errors. What is expected is what Go's regexp package answers.
#include "regex/regex.h"

#include <pthread.h>
#include <stdio.h>

#include <setjmp.h>
#include <cmocka.h>

static struct regex *compile(const char *pattern)
{
    cleanup(error_clear) struct error err = {0};
    struct regex *re = regex_new(pattern, strlen(pattern), &err);
    if (!re)
        fail_msg("%s", error_text(&err));
    return re;
}

// All matches as Go prints FindAllStringSubmatchIndex.
static void find_all(struct buf *out, const struct regex *re, struct slice text)
{
    struct slice groups[8];
    struct regex_cursor c = {0};
    int n = regex_groups(re) + 1;
    buf_clear(out);
    while (regex_next(re, text, &c, groups, n)) {
        buf_str(out, out->len ? " [" : "[");
        for (int i = 0; i < n; i++) {
            long begin = groups[i].data ? groups[i].data - text.data : -1;
            buf_printf(out, "%s%ld %ld", i ? " " : "", begin, groups[i].data ? begin + (long)groups[i].len : -1);
        }
        buf_char(out, ']');
    }
}

static void test_find_all(void **state)
{
    static const struct {
        const char *pattern;
        struct slice text;
        const char *matches;
    } cases[] = {
        {"a+", {"baaac aa", 8}, "[1 4] [6 8]"},
        {"a*", {"baac", 4}, "[0 0] [1 3] [4 4]"},
        {"", {"", 0}, "[0 0]"},
        {"", {"\xC3\xA9", 2}, "[0 0] [2 2]"},
        {"x", {"", 0}, ""},
        {"(a)|(b)", {"ab", 2}, "[0 1 0 1 -1 -1] [1 2 -1 -1 1 2]"},
        {"a|ab", {"ab", 2}, "[0 1]"}, // leftmost-first, not longest
        {"^a", {"aaa", 3}, "[0 1]"},
        {"\\ba", {"aa a", 4}, "[0 1] [3 4]"},
        {"(?m)^.", {"a\nb", 3}, "[0 1] [2 3]"},
        {"$", {"a\n", 2}, "[2 2]"},
        {".", {"a\n\xC3\xA9", 4}, "[0 1] [2 4]"},
        {"(?i)STRASSE", {"Strasse", 7}, "[0 7]"},
        {"\\pL+", {"\xCE\xB1x1", 4}, "[0 3]"},
        // Bytes that are no UTF-8 are U+FFFD each.
        {".", {"a\xFF\xC3", 3}, "[0 1] [1 2] [2 3]"},
        {"[^a]+",
         {"a\xE2\x82"
          "b",
          4},
         "[1 4]"},
        {"(b)(.)",
         {"\xFF\xFF"
          "b\xFF",
          4},
         "[2 4 2 3 3 4]"},
        {"\\x{FFFD}", {"x\xFF", 2}, "[1 2]"},
        // No match begins inside of a rune.
        {"\\B",
         {"\xCE\xB1"
          "1",
          3},
         "[0 0]"},
        {"\\B", {"\xC3\xBC\xC3\xA9", 4}, "[0 0] [2 2] [4 4]"},
        {"(?<year>\\d+)-(?P<month>\\d+)", {"2026-01", 7}, "[0 7 0 4 5 7]"},
    };
    cleanup(buf_free) struct buf got = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup(regex_cleanup) struct regex *re = compile(cases[i].pattern);
        find_all(&got, re, cases[i].text);
        assert_string_equal(buf_cstr(&got), cases[i].matches);
        assert_int_equal(regex_is_match(re, cases[i].text), cases[i].matches[0] != '\0');
    }
}

static void test_bytes(void **state)
{
    cleanup(error_clear) struct error err = {0};
    cleanup(regex_cleanup) struct regex *re = regex_new("a\0b", 3, &err);
    assert_non_null(re);
    assert_true(regex_is_match(re, slice_n("xa\0b", 4)));
    assert_false(regex_is_match(re, SLICE("a")));
    cleanup(regex_cleanup) struct regex *any = compile("^$");
    assert_true(regex_is_match(any, (struct slice){NULL, 0}));
    struct slice group;
    assert_true(regex_match(any, (struct slice){NULL, 0}, 0, &group, 1));
    assert_non_null(group.data); // it took part, although it is empty
    assert_false(regex_match(any, SLICE(""), 1, &group, 1));
}

static void test_from_sees_what_is_before(void **state)
{
    cleanup(regex_cleanup) struct regex *re = compile("^b|\\bc");
    struct slice group;
    assert_false(regex_match(re, SLICE("ab"), 1, &group, 1));
    assert_false(regex_match(re, SLICE("ac"), 1, &group, 1));
    assert_true(regex_match(re, SLICE(" c"), 1, &group, 1));
    assert_false(regex_match(re,
                             SLICE("\xFF"
                                   "b"),
                             1, &group, 1));
}

static void test_groups(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    cleanup(regex_cleanup) struct regex *re = compile("(x)(?P<ts>\\d+)(?<rest>.*)|(y)");
    assert_int_equal(regex_groups(re), 4);
    assert_string_equal(regex_group_name(re, 1, a), "");
    assert_string_equal(regex_group_name(re, 2, a), "ts");
    assert_string_equal(regex_group_name(re, 3, a), "rest");
    assert_string_equal(regex_group_name(re, 9, a), "");
    assert_int_equal(regex_group_index(re, "rest"), 3);
    assert_int_equal(regex_group_index(re, "none"), -1);
    struct slice groups[7];
    memset(groups, 0xEE, sizeof groups);
    assert_true(regex_match(re, SLICE("y"), 0, groups, 7)); // more room than groups
    assert_null(groups[1].data);
    assert_true(slice_eq_str(groups[4], "y"));
    assert_null(groups[6].data);
}

static void test_replace(void **state)
{
    static const struct {
        const char *pattern, *text, *replacement, *expanded, *literal;
    } cases[] = {
        {"a(x*)b", "-ab-axxb-", "T", "-T-T-", "-T-T-"},
        {"a(x*)b", "-ab-axxb-", "$1", "--xx-", "-$1-$1-"},
        {"a(x*)b", "-ab-axxb-", "$1W", "---", "-$1W-$1W-"}, // the group named 1W
        {"a(x*)b", "-ab-axxb-", "${1}W", "-W-xxW-", "-${1}W-${1}W-"},
        {"(?P<n>a)", "a", "[$n][${n}][$0]", "[a][a][a]", "[$n][${n}][$0]"},
        {"a", "a", "$$ $ ${ ${} $- $9 $01 $x!", "$ $ ${ ${} $-   !", "$$ $ ${ ${} $- $9 $01 $x!"},
        {"(a)", "a", "$1\xC3\xA9|", "|", "$1\xC3\xA9|"},                   // the group named 1e-acute
        {"(a)", "a", "$1\xE2\x82\xAC", "a\xE2\x82\xAC", "$1\xE2\x82\xAC"}, // the euro sign is no letter
        {"", "ab", "-", "-a-b-", "-a-b-"},
        {"", "\xC3\xA9", "-", "-\xC3\xA9-", "-\xC3\xA9-"},
        {"a*", "baac", "x", "xbxcx", "xbxcx"},
        {"b*", "", "x", "x", "x"},
        {"x", "abc", "y", "abc", "abc"},
        {".", "a\xFF", "x", "xx", "xx"},
        {"a",
         "\xFF"
         "a\xFF",
         "x", "\xFFx\xFF", "\xFFx\xFF"}, // what is not matched stays as it was
    };
    cleanup(buf_free) struct buf out = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup(regex_cleanup) struct regex *re = compile(cases[i].pattern);
        for (int literal = 0; literal < 2; literal++) {
            buf_clear(&out);
            regex_replace(&out, re, slice_of(cases[i].text), slice_of(cases[i].replacement), literal);
            assert_string_equal(buf_cstr(&out), literal ? cases[i].literal : cases[i].expanded);
        }
    }
}

static void test_expand(void **state)
{
    cleanup(regex_cleanup) struct regex *re = compile("^main-[a-f0-9]+-(?P<ts>[0-9]+)$");
    cleanup(buf_free) struct buf out = {0};
    struct slice groups[2];
    assert_true(regex_match(re, SLICE("main-ab12-1700000000"), 0, groups, 2));
    regex_expand(&out, re, SLICE("$ts/${1}"), groups, 2);
    assert_string_equal(buf_cstr(&out), "1700000000/1700000000");
}

static void test_errors(void **state)
{
    static const char *const cases[][2] = {
        {"a(b", "missing closing ): `a(b`"},
        {"a)b", "unexpected ): `a)b`"},
        {"x[a", "missing closing ]: `[a`"},
        {"*", "missing argument to repetition operator: `*`"},
        {"a|+", "missing argument to repetition operator: `+`"},
        {"a**", "invalid nested repetition operator: `**`"},
        {"a{1001}", "invalid repeat count: `{1001}`"},
        {"a{2,1}", "invalid repeat count: `{2,1}`"},
        {"x\\", "trailing backslash at end of expression: ``"},
        {"\\8", "invalid escape sequence: `\\8`"},
        {"a\\Cb", "invalid escape sequence: `\\C`"},
        {"[b-a]", "invalid character class range: `b-a`"},
        {"[[:foo:]]", "invalid character class range: `[:foo:]`"},
        {"\\p{Foo}", "invalid character class range: `\\p{Foo}`"},
        {"(?=a)", "invalid or unsupported Perl syntax: `(?=`"},
        {"(?P<n", "invalid named capture: `(?P<n`"},
        {"(?P<n!>a)", "invalid named capture: `(?P<n!>`"},
        {"(?<n!>a)", "invalid named capture: `(?<n!>`"},
        {"(?<a>x)(", "missing closing ): `(?<a>x)(`"},
        {"a\xFF"
         "b",
         "invalid UTF-8: `\xFF"
         "b`"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup(error_clear) struct error err = {0};
        assert_null(regex_new(cases[i][0], strlen(cases[i][0]), &err));
        assert_true(str_has_prefix(error_text(&err), "error parsing regexp: "));
        assert_string_equal(error_text(&err) + strlen("error parsing regexp: "), cases[i][1]);
        assert_int_equal(err.class, ERROR_INVALID);
    }
    // None of these is what it looks like.
    static const char *const fine[] = {"\\Q\\C(?<\\E", "[(?<]", "[[:alpha:](?<]", "[]a]", "[^]a]", "\\\\C"};
    for (size_t i = 0; i < ARRAY_LEN(fine); i++)
        regex_free(compile(fine[i]));
    cleanup(regex_cleanup) struct regex *quoted = compile("\\Q(?<\\E");
    assert_true(regex_is_match(quoted, SLICE("(?<")));
}

static void test_linear_time(void **state)
{
    // A backtracking matcher needs 2^100 steps for this.
    cleanup(buf_free) struct buf pattern = {0}, text = {0};
    for (int i = 0; i < 100; i++)
        buf_str(&pattern, "a?");
    buf_fill(&pattern, 'a', 100);
    buf_fill(&text, 'a', 100);
    cleanup(regex_cleanup) struct regex *re = compile(buf_cstr(&pattern));
    assert_true(regex_is_match(re, buf_view(&text)));
}

static void test_cache(void **state)
{
    cleanup(error_clear) struct error err = {0};
    const struct regex *first = regex_cached("a+", 2, &err);
    assert_ptr_equal(regex_cached("a+", 2, &err), first);
    assert_null(regex_cached("(", 1, &err));
    assert_string_equal(error_text(&err), "error parsing regexp: missing closing ): `(`");
    // Held although many others came since, in this thread no more than promised.
    first = regex_cached("held", 4, &err);
    char pattern[32];
    for (int i = 0; i < REGEX_CACHED_HELD - 1; i++) {
        snprintf(pattern, sizeof pattern, "other-%d", i);
        assert_non_null(regex_cached(pattern, strlen(pattern), &err));
    }
    assert_true(regex_is_match(first, SLICE("held")));
}

static void *many_patterns(void *number)
{
    char pattern[32];
    bool ok = true;
    for (int i = 0; i < 2000; i++) {
        int n = (i * 7 + *(int *)number) % 60; // more than the cache has room for
        snprintf(pattern, sizeof pattern, "^x%dy$", n);
        const struct regex *re = regex_cached(pattern, strlen(pattern), NULL);
        char text[32];
        snprintf(text, sizeof text, "x%dy", n);
        ok = ok && re && regex_is_match(re, slice_of(text));
    }
    return ok ? number : NULL;
}

static void test_cache_shared_by_threads(void **state)
{
    pthread_t threads[4];
    int numbers[4] = {1, 20, 30, 40};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, many_patterns, &numbers[i]), 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, &numbers[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_all),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_from_sees_what_is_before),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_expand),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_linear_time),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_cache_shared_by_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
