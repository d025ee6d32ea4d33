// test_semver.c - versions and constraints. The table of constraints is what Helm v4.1.4's semverCompare answers; error
// and refusal texts are those of Masterminds/semver v3.4.0, the version in it.
#include "semver/semver.h"

#include <setjmp.h>
#include <cmocka.h>

static const char *const versions[] = {
    "0.0.0",        "0.0.3",      "0.0.4",       "0.2.3",      "0.2.4",       "0.3.0", "1.0.0",  "1.2.0",
    "1.2.3",        "1.2.4",      "1.3.0",       "1.4.5",      "1.4.6",       "2.0.0", "v1.2.3", "1.2.3-alpha",
    "1.2.3-beta.2", "1.2.3-rc.1", "1.2.3-rc.10", "2.0.0-rc.1", "1.2.3+build", "1.2",
};

static void test_constraints(void **state)
{
    // One digit for each version above: 1 satisfies.
    static const struct {
        const char *constraint, *answers;
    } cases[] = {
        {"1.2.3", "0000000010000010000010"},
        {"=1.2.3", "0000000010000010000010"},
        {"v1.2.3", "0000000010000010000010"},
        {"1.2", "0000000111000010000011"},
        {"1", "0000001111111010000011"},
        {"1.x", "0000001111111010000011"},
        {"1.2.x", "0000000111000010000011"},
        {"1.X.*", "0000001111111010000011"},
        {"*", "1111111111111110000011"},
        {"x", "1111111111111110000011"},
        {"!=1.2.3", "1111111101111100000001"},
        {"!=1.2", "1111111000111100000000"},
        {"!=1", "1111110000000100000000"},
        {"!=1.2.3-rc.1", "1111111111111111101111"},
        {">1.2.3", "0000000001111100000000"},
        {">1", "0000000000000100000000"},
        {">1.2", "0000000000111100000000"},
        {"<1.2.3", "1111111100000000000001"},
        {"<1", "1111110000000000000000"},
        {">=1.2.3", "0000000011111110000010"},
        {"=>1.2.3", "0000000011111110000010"},
        {">=1", "0000001111111110000011"},
        {"<=1.2.3", "1111111110000010000011"},
        {"=<1.2.3", "1111111110000010000011"},
        {"<=1", "1111111111111010000011"},
        {"<=1.2", "1111111111000010000011"},
        {"~1.2.3", "0000000011000010000010"},
        {"~1.2", "0000000111000010000011"},
        {"~1", "0000001111111010000011"},
        {"~>1.2", "0000000111000010000011"},
        {"~0.0.0", "1111111111111110000011"},
        {"~0", "1111110000000000000000"},
        {"^1.2.3", "0000000011111010000010"},
        {"^1.2", "0000000111111010000011"},
        {"^1", "0000001111111010000011"},
        {"^0.2.3", "0001100000000000000000"},
        {"^0.2", "0001100000000000000000"},
        {"^0.0.3", "0100000000000000000000"},
        {"^0.0", "1110000000000000000000"},
        {"^0", "1111110000000000000000"},
        {"^*", "1000000000000000000000"},
        {"~*", "1111111111111110000011"},
        {"1.2.0 - 1.4.5", "0000000111110010000011"},
        {"1.2 - 1.4", "0000000111111010000011"},
        {">=1.0 <2", "0000001111111010000011"},
        {">=1.0, <2", "0000001111111010000011"},
        {">=1.0,<2", "0000001111111010000011"},
        {"<1 || >=2", "1111110000000100000000"},
        {"1.2.3 || 2.0.0", "0000000010000110000010"},
        {">=1.0.0-0", "0000001111111111111111"},
        {"^1.2.3-alpha", "0000000011111011111010"},
        {"~1.2.3-beta.2", "0000000011000010111010"},
        {">1.0.0-0 <1.3", "0000001111000011111011"},
        {">=1.2.3-rc.1 || 2.x", "0000000011111110011110"},
        {"1.2.3+meta", "0000000010000010000010"},
    };
    cleanup(cleanup_arena) struct arena *a = arena_new();
    cleanup(error_clear) struct error err = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct semver_constraint *c = semver_constraint_parse(a, cases[i].constraint, &err);
        assert_non_null(c);
        assert_int_equal(strlen(cases[i].answers), ARRAY_LEN(versions));
        for (size_t k = 0; k < ARRAY_LEN(versions); k++) {
            struct semver v;
            assert_true(semver_parse(a, versions[k], &v, &err));
            bool expected = cases[i].answers[k] == '1';
            if (semver_check(c, &v) != expected)
                fail_msg("%s against %s: expected %d", cases[i].constraint, versions[k], expected);
            assert_int_equal(semver_check_reason(a, c, &v) == NULL, expected);
        }
    }
}

static void test_bad_constraints(void **state)
{
    static const char *const cases[][2] = {
        {"", "improper constraint: "},
        {" ", "improper constraint:  "},
        {"a b", "improper constraint: a b"},
        {"1.2.3.4", "improper constraint: 1.2.3.4"},
        {">=1.0,", "improper constraint: >=1.0,"},
        {">=1.0,,<2", "improper constraint: >=1.0,,<2"},
        {">=1.0<2", "improper constraint: >=1.0<2"},
        {"1 || ", "improper constraint:  "},
        {"==1", "improper constraint: ==1"},
        {"> =1", "improper constraint: > =1"},
        {"~^1", "improper constraint: ~^1"},
        {">=1.2 - 2.0", "improper constraint: >=>= 1.2, <= 2.0 "},
        {"V1.2", "improper constraint: V1.2"},
        {"xx", "constraint parser error"},
        {"1|2", "constraint parser error"},
        {"1.2.3-01", "constraint parser error"},
        {"99999999999999999999", "constraint parser error"},
        {"1.2.3-\xC3\xA9", "improper constraint: 1.2.3-\xC3\xA9"},
    };
    cleanup(cleanup_arena) struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup(error_clear) struct error err = {0};
        assert_null(semver_constraint_parse(a, cases[i][0], &err));
        assert_string_equal(error_text(&err), cases[i][1]);
        assert_int_equal(err.class, ERROR_INVALID);
    }
}

static void test_reasons(void **state)
{
    static const char *const cases[][3] = {
        {">=1.5, !=1.2", "1.2.3", "1.2.3 is less than 1.5\n1.2.3 is equal to 1.2"},
        {"1.0.0 || >1.2.3", "v1.2.3", "1.2.3 is not equal to 1.0.0\n1.2.3 is less than or equal to 1.2.3"},
        {"<1", "1.2", "1.2.0 is greater than or equal to 1"},
        {"<= 1.1", "1.2", "1.2.0 is greater than 1.1"},
        {"~1.1", "1.2", "1.2.0 does not have same major and minor version as 1.1"},
        {"~1", "2", "2.0.0 does not have same major version as 1"},
        {"^1.3", "1.2", "1.2.0 is less than 1.3"},
        {"^1.3", "2", "2.0.0 does not have same major version as 1.3"},
        {"^0.2.1", "0.3.0",
         "0.3.0 does not have same minor version as 0.2.1. Expected minor versions to match when constraint major "
         "version is 0"},
        {"^0.0.1", "0.1.0", "0.1.0 does not have same minor version as 0.0.1"},
        {"^0.0.1", "0.0.2",
         "0.0.2 does not equal 0.0.1. Expect version and constraint to equal when major and minor versions are 0"},
        {"1.x || >2", "1.0.0-rc.1",
         "1.0.0-rc.1 is a prerelease version and the constraint is only looking for release versions"},
        {"1.0.0 - 2.0.0", "3.0.0", "3.0.0 is greater than 2.0.0"},
    };
    cleanup(cleanup_arena) struct arena *a = arena_new();
    cleanup(error_clear) struct error err = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct semver_constraint *c = semver_constraint_parse(a, cases[i][0], &err);
        struct semver v;
        assert_non_null(c);
        assert_true(semver_parse(a, cases[i][1], &v, &err));
        assert_string_equal(semver_check_reason(a, c, &v), cases[i][2]);
    }
}

static void test_parse(void **state)
{
    static const struct {
        const char *text, *loose, *strict; // what it reads as; or the error, after '!'
    } cases[] = {
        {"1.2.3", "1.2.3", "1.2.3"},
        {"v1.2.3", "1.2.3", "!invalid characters in version"},
        {"1", "1.0.0", "!invalid semantic version"},
        {"1.2", "1.2.0", "!invalid semantic version"},
        {"01.02.03", "1.2.3", "!version segment starts with 0"},
        {"1.2.3-rc.1+build.5", "1.2.3-rc.1+build.5", "1.2.3-rc.1+build.5"},
        {"1.2-beta", "1.2.0-beta", "!invalid semantic version"},
        {"1.2.3-01", "!version segment starts with 0", "!version segment starts with 0"},
        {"1.2.3-0a", "1.2.3-0a", "1.2.3-0a"},
        {"1.2.3+01", "1.2.3+01", "1.2.3+01"},
        {"", "!invalid semantic version", "!version string empty"},
        {"V1.2.3", "!invalid semantic version", "!invalid characters in version"},
        {"1.2.3.4", "!invalid semantic version", "!invalid characters in version"},
        {" 1.2.3", "!invalid semantic version", "!invalid characters in version"},
        {"1.2.3\n", "!invalid semantic version", "!invalid characters in version"},
        {"1.2.3-", "!invalid semantic version", "!invalid prerelease string"},
        {"1.2.3+", "!invalid semantic version", "!invalid metadata string"},
        {"1.2.3-a..b", "!invalid semantic version", "!invalid prerelease string"},
        {"1.2.3-a_b", "!invalid semantic version", "!invalid prerelease string"},
        {"1.2.3+a_b", "!invalid semantic version", "!invalid metadata string"},
        {"1..3", "!invalid semantic version", "!strconv.ParseUint: parsing \"\": invalid syntax"},
        {"18446744073709551615.0.0", "18446744073709551615.0.0", "18446744073709551615.0.0"},
        {"18446744073709551616.0.0",
         "!error parsing version segment: strconv.ParseUint: parsing \"18446744073709551616\": value out of range",
         "!strconv.ParseUint: parsing \"18446744073709551616\": value out of range"},
        {"latest", "!invalid semantic version", "!invalid semantic version"},
    };
    cleanup(cleanup_arena) struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int strict = 0; strict < 2; strict++) {
            cleanup(error_clear) struct error err = {0};
            struct semver v;
            const char *expected = strict ? cases[i].strict : cases[i].loose;
            bool ok =
                strict ? semver_parse_strict(a, cases[i].text, &v, &err) : semver_parse(a, cases[i].text, &v, &err);
            assert_string_equal(ok ? semver_string(a, &v) : error_text(&err),
                                expected[0] == '!' ? expected + 1 : expected);
            assert_int_equal(ok, expected[0] != '!');
            if (ok)
                assert_string_equal(v.original, cases[i].text);
        }
    }
}

static void test_order(void **state)
{
    // Each one comes after those before it (semver.org 2.0.0, 11.4, and numbers that no integer holds).
    static const char *const order[] = {
        "0.0.1",       "1.0.0-0",       "1.0.0-1",
        "1.0.0-2",     "1.0.0-10",      "1.0.0-99999999999999999999",
        "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
        "1.0.0-beta",  "1.0.0-beta.2",  "1.0.0-beta.11",
        "1.0.0-rc.1",  "1.0.0",         "1.0.1",
        "1.1.0",       "2.0.0",         "10.0.0",
    };
    cleanup(cleanup_arena) struct arena *a = arena_new();
    cleanup(error_clear) struct error err = {0};
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        for (size_t k = 0; k < ARRAY_LEN(order); k++) {
            struct semver x, y;
            assert_true(semver_parse(a, order[i], &x, &err));
            assert_true(semver_parse(a, order[k], &y, &err));
            assert_int_equal(semver_compare(&x, &y), (i > k) - (i < k));
        }
    }
    struct semver x, y;
    assert_true(semver_parse(a, "1.0.0+a", &x, &err) && semver_parse(a, "1.0.0+b", &y, &err));
    assert_int_equal(semver_compare(&x, &y), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constraints), cmocka_unit_test(test_bad_constraints), cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_parse),       cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
