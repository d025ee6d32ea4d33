// test_clock.c - time stamps and durations. The tables are what Go's time package answers.
#include "base/base.h"

#include <setjmp.h>
#include <cmocka.h>

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t ns;
        const char *canonical;
    } cases[] = {
        {"1m30s", true, 90000000000, "1m30s"},
        {"1.5h", true, 5400000000000, "1h30m0s"},
        {"300ms", true, 300000000, "300ms"},
        {"-1.5h", true, -5400000000000, "-1h30m0s"},
        {"0", true, 0, "0s"},
        {"+5s", true, 5000000000, "5s"},
        {"", false, 0, NULL},
        {"1", false, 0, NULL},
        {"s", false, 0, NULL},
        {".s", false, 0, NULL},
        {"1..5s", false, 0, NULL},
        {"-", false, 0, NULL},
        {"3000000h", false, 0, NULL},
        {"9223372036854775807ns", true, 9223372036854775807, "2562047h47m16.854775807s"},
        {"9223372036854775808ns", false, 0, NULL},
        {"-9223372036854775808ns", true, INT64_MIN, "-2562047h47m16.854775808s"},
        {"1us", true, 1000, "1µs"},
        {"1µs", true, 1000, "1µs"},
        {"1μs", true, 1000, "1µs"},
        {"2h45m0.000000001s", true, 9900000000001, "2h45m0.000000001s"},
        {".5s", true, 500000000, "500ms"},
        {"5.s", true, 5000000000, "5s"},
        {"1h1h", true, 7200000000000, "2h0m0s"},
        {"1d", false, 0, NULL},
        {"0.3333333333333333333h", true, 1200000000000, "20m0s"},
        {"1 s", false, 0, NULL},
        {"0.9223372036854775807h", true, 3320413933267, "55m20.413933267s"},
        {"39h9m14.425s", true, 140954425000000, "39h9m14.425s"},
        {"1e3s", false, 0, NULL},
        {"--1s", false, 0, NULL},
        {"0s", true, 0, "0s"},
        {"-0", true, 0, "0s"},
        {"1.00000000000000000000000000001s", true, 1000000000, "1s"},
    };
    cleanup(cleanup_arena) struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ns = 1;
        if (duration_parse(cases[i].text, &ns) != cases[i].ok)
            fail_msg("%s", cases[i].text);
        if (cases[i].ok) {
            assert_int_equal(ns, cases[i].ns);
            assert_string_equal(duration_format(a, ns), cases[i].canonical);
        }
    }
    int64_t ns;
    assert_false(duration_parse(NULL, &ns));
    assert_string_equal(duration_format(a, 1500), "1.5\u00b5s");
    assert_string_equal(duration_format(a, 999), "999ns");
    assert_string_equal(duration_format(a, 1000001), "1.000001ms");
}

static void test_parse_rfc3339(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t us;
    } cases[] = {
        {"2026-01-02T15:04:05Z", true, 1767366245000000},
        {"2026-01-02T15:04:05.123456789Z", true, 1767366245123456},
        {"2026-01-02T15:04:05+02:00", true, 1767359045000000},
        {"2026-01-02T15:04:05-07:30", true, 1767393245000000},
        {"2024-02-29T00:00:00Z", true, 1709164800000000},
        {"2023-02-29T00:00:00Z", false, 0},
        {"2026-13-01T00:00:00Z", false, 0},
        {"2026-01-02 15:04:05Z", false, 0},
        {"2026-01-02T15:04:05", false, 0},
        {"2026-01-02T24:00:00Z", false, 0},
        {"2026-01-02T23:59:60Z", false, 0},
        {"0001-01-01T00:00:00Z", true, -62135596800000000},
        {"9999-12-31T23:59:59.999999Z", true, 253402300799999999},
        {"2026-01-02T15:04:05.Z", false, 0},
        {"2026-01-02T15:04:05.5Zx", false, 0},
        {"1969-12-31T23:59:59.5Z", true, -500000},
        {"2026-01-02t15:04:05z", false, 0},
        {"", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t us = 0;
        if (time_parse_rfc3339(cases[i].text, &us) != cases[i].ok)
            fail_msg("%s", cases[i].text);
        if (cases[i].ok)
            assert_int_equal(us, cases[i].us);
    }
    int64_t us;
    assert_false(time_parse_rfc3339(NULL, &us));
    assert_false(time_parse_rfc3339("2026-01-02T5:04:05Z", &us));
}

static void test_format_rfc3339(void **state)
{
    char out[RFC3339_LEN + 8];
    time_rfc3339(1767366245, out);
    assert_string_equal(out, "2026-01-02T15:04:05Z");
    time_rfc3339(-1, out);
    assert_string_equal(out, "1969-12-31T23:59:59Z");
    time_rfc3339_micro(1767366245000007, out);
    assert_string_equal(out, "2026-01-02T15:04:05.000007Z");
    time_rfc3339_micro(-500000, out);
    assert_string_equal(out, "1969-12-31T23:59:59.500000Z");
    time_rfc3339_nano(1767366245, 0, out);
    assert_string_equal(out, "2026-01-02T15:04:05Z");
    time_rfc3339_nano(1767366245, 120000000, out);
    assert_string_equal(out, "2026-01-02T15:04:05.12Z");
    time_rfc3339_nano(1767366245, 1, out);
    assert_string_equal(out, "2026-01-02T15:04:05.000000001Z");
    // Beyond the four digits of a year.
    time_rfc3339(INT64_MAX, out);
    assert_string_equal(out, "9999-12-31T23:59:59Z");
    time_rfc3339_micro(INT64_MIN, out);
    assert_int_equal(strlen(out), 27);
}

static void test_clocks(void **state)
{
    int64_t before = clock_mono_us();
    assert_true(clock_mono_us() >= before);
    assert_true(llabs(clock_mono_ms() - before / 1000) < 10000);
    assert_true(llabs(clock_wall_s() - clock_wall_us() / 1000000) <= 1);
    assert_true(clock_wall_s() > 1700000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_parse_rfc3339),
        cmocka_unit_test(test_format_rfc3339),
        cmocka_unit_test(test_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
