// test_message.c - the wire form: what is taken, what is refused on either side; the rate table.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "bus/bus.h"
#include "bus/rate.h"

static void test_round_trip(void **state)
{
    struct arena *a = arena_new();
    for (enum bus_topic t = BUS_ARTIFACT; t <= BUS_PUSH; t++) {
        struct buf b = BUF_IN(a);
        struct bus_message in = {t, "GitRepository", "apps", "my.app-1", "main@sha1:abc é", "https://host:1/x.git"},
                           out;
        assert_true(bus_encode(&b, &in));
        assert_true(str_has_prefix(b.data, bus_topic_name(t)));
        assert_true(bus_decode(a, b.data, b.len, &out));
        assert_int_equal(out.topic, t);
        assert_string_equal(out.kind, in.kind);
        assert_string_equal(out.namespace, in.namespace);
        assert_string_equal(out.name, in.name);
        assert_string_equal(out.revision, in.revision);
        assert_string_equal(out.url, in.url);
    }
    arena_free(a);
}

static char *repeat(struct arena *a, char c, size_t n)
{
    struct buf b = BUF_IN(a);
    buf_fill(&b, c, n);
    return b.data;
}

static void test_refused(void **state)
{
    struct arena *a = arena_new();
    const struct {
        const char *kind, *namespace, *name, *revision, *url;
        bool good;
    } table[] = {
        {"HelmRelease", "a", "b", "", "", true},
        {"HelmRelease", repeat(a, 'n', 63), repeat(a, 'n', 253), repeat(a, 'r', 512), "", true},
        {"Secret", "a", "b", "", "", false},
        {"", "a", "b", "", "", false},
        {"HelmRelease", "", "b", "", "", false},
        {"HelmRelease", "a", "", "", "", false},
        {"HelmRelease", repeat(a, 'n', 64), "b", "", "", false},
        {"HelmRelease", "a", repeat(a, 'n', 254), "", "", false},
        {"HelmRelease", "a.b", "b", "", "", false},
        {"HelmRelease", "A", "b", "", "", false},
        {"HelmRelease", "a", "-b", "", "", false},
        {"HelmRelease", "a", "b-", "", "", false},
        {"HelmRelease", "a", "b..c", "", "", false},
        {"HelmRelease", "a", "b.-c", "", "", false},
        {"HelmRelease", "a", ".b", "", "", false},
        {"HelmRelease", "a", "../b", "", "", false},
        {"HelmRelease", "a", "b c", "", "", false},
        {"HelmRelease", "a", "b", repeat(a, 'r', 513), "", false},
        {"HelmRelease", "a", "b", "a\nb", "", false},
        {"HelmRelease", "a", "b", "\x1b[2J", "", false},
        {"HelmRelease", "a", "b", "\xff\xfe", "", false},
        {"HelmRelease", "a", "b", "", "https://user:secret@host/x", false},
        {"HelmRelease", "a", "b", "", "git@host:x", false},
        {"HelmRelease", "a", "b", "", "https://host/a@b", true},
        {"HelmRelease", "a", "b", "", "https://host/a b", false},
        {"HelmRelease", "a", "b", "", repeat(a, 'u', 1025), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct buf b = BUF_IN(a);
        struct bus_message m = {BUS_RELEASE,   table[i].kind,     table[i].namespace,
                                table[i].name, table[i].revision, table[i].url},
                           out;
        if (bus_encode(&b, &m) != table[i].good)
            fail_msg("encode, row %zu", i);
        // The same bytes from somebody who does not check.
        const char *wire =
            arena_printf(a, "release\n1\n%s\n%s\n%s\n%s\n%s", m.kind, m.namespace, m.name, m.revision, m.url);
        if (bus_decode(a, wire, strlen(wire), &out) != table[i].good)
            fail_msg("decode, row %zu: %s", i, wire);
    }
    static const char *const wires[] = {
        "",
        "\n",
        "release",
        "release\n1\nHelmRelease\na\nb\nr",
        "release\n1\nHelmRelease\na\nb\nr\nu\nv",
        "release\n2\nHelmRelease\na\nb\nr\n",
        "Release\n1\nHelmRelease\na\nb\nr\n",
        "\n1\nHelmRelease\na\nb\nr\n",
        "\n\n\n\n\n\n",
    };
    struct bus_message out;
    for (size_t i = 0; i < ARRAY_LEN(wires); i++)
        assert_false(bus_decode(a, wires[i], strlen(wires[i]), &out));
    assert_false(bus_decode(a, "release\n1\nHelmRelease\na\nb\0c\nr\n", 30, &out));
    arena_free(a);
}

static void test_rate(void **state)
{
    struct rate *r = rate_new(10000);
    assert_true(rate_allow(r, "a", 1000));
    assert_false(rate_allow(r, "a", 4000));
    assert_true(rate_allow(r, "b", 4000));
    assert_false(rate_allow(r, "a", 10999));
    assert_true(rate_allow(r, "a", 11000));
    assert_false(rate_allow(r, "a", 11001));
    // Reserved turns are one window apart, however many ask.
    static const struct {
        int64_t at, wait;
    } turns[] = {{1000, 0},      {3000, 8000}, {3001, -1},  {10999, -1},
                 {11000, 10000}, {11001, -1},  {20999, -1}, {40000, 0}};
    for (size_t i = 0; i < ARRAY_LEN(turns); i++)
        assert_int_equal(rate_reserve(r, "c", turns[i].at), turns[i].wait);
    // A flood of invented keys: some are refused, none passes twice, and the table is free again when the window is
    // over.
    size_t passed = 0;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 50000; i++) {
            char key[32];
            snprintf(key, sizeof key, "k%d", i);
            passed += rate_allow(r, key, 60000);
        }
    }
    assert_in_range(passed, 4096, 1024 * 8);
    assert_true(rate_allow(r, "a", 80000));
    rate_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
