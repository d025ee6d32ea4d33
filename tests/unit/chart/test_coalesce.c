// test_coalesce.c - the user's values over the chart's over the subcharts': each row was rendered by helm (toJson .Values).

#include "support.h"

static const struct {
    const char *parent, *child, *user, *want;
} rows[] = {
    {"a: 1", "b: 2", "{}", "{\"a\":1,\"sub\":{\"b\":2,\"global\":{}}}"},
    {"a: {x: 1, w: 2}", "{}", "a: {x: null}", "{\"a\":{\"w\":2},\"sub\":{\"global\":{}}}"},
    {"a: 1", "{}", "a: null", "{\"sub\":{\"global\":{}}}"},
    {"{}", "{}", "a: null", "{\"a\":null,\"sub\":{\"global\":{}}}"},
    {"a: null", "{}", "{}", "{\"a\":null,\"sub\":{\"global\":{}}}"},
    {"a: {x: null}", "{}", "a: {w: 1}", "{\"a\":{\"w\":1,\"x\":null},\"sub\":{\"global\":{}}}"},
    {"a: [1]", "{}", "a: [2, 3]", "{\"a\":[2,3],\"sub\":{\"global\":{}}}"},
    {"a: {x: 1}", "{}", "a: z", "{\"a\":\"z\",\"sub\":{\"global\":{}}}"},
    {"a: z", "{}", "a: {x: 1}", "{\"a\":{\"x\":1},\"sub\":{\"global\":{}}}"},
    {"sub: {b: 3}", "b: 2\nc: 4", "{}", "{\"sub\":{\"b\":3,\"c\":4,\"global\":{}}}"},
    {"sub: {b: 3}", "b: 2", "sub: {b: 5}", "{\"sub\":{\"b\":5,\"global\":{}}}"},
    {"sub: {b: null}", "b: 2\nc: 1", "{}", "{\"sub\":{\"c\":1,\"global\":{}}}"},
    {"{}", "b: 2\nc: 1", "sub: {b: null}", "{\"sub\":{\"c\":1,\"global\":{}}}"},
    {"sub: {b: {x: 1}}", "b: {w: 2}", "sub: {b: {x: null}}", "{\"sub\":{\"b\":{\"w\":2,\"x\":null},\"global\":{}}}"},
    {"global: {g: 1}", "global: {g: 2, h: 3}", "{}", "{\"global\":{\"g\":1},\"sub\":{\"global\":{\"g\":1,\"h\":3}}}"},
    {"global: {g: {x: 1}}", "global: {g: {w: 2}}", "global: {g: {z: 3}}",
     "{\"global\":{\"g\":{\"x\":1,\"z\":3}},\"sub\":{\"global\":{\"g\":{\"w\":2,\"x\":1,\"z\":3}}}}"},
    {"global: x", "{}", "{}", "{\"global\":\"x\",\"sub\":{}}"},
};

static void test_rows(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a cleanup(cleanup_arena) = arena_new();
        struct error err cleanup(error_clear) = {0};
        struct chart *c = CHART(a, &err, {"Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n"},
                                {"values.yaml", rows[i].parent},
                                {"charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n"},
                                {"charts/sub/values.yaml", rows[i].child});
        assert_string_equal(error_text(&err), "");
        struct value user = from_yaml(a, rows[i].user), out;
        const char *before = as_json(a, user);
        assert_true(chart_coalesce(a, c, user, &out, &err));
        if (!str_eq(as_json(a, out), rows[i].want))
            fail_msg("%s | %s | %s: %s, not %s", rows[i].parent, rows[i].child, rows[i].user, as_json(a, out), rows[i].want);
        assert_string_equal(value_go_type(out), "common.Values");
        assert_string_equal(as_json(a, user), before);                      // the user's values are not changed
        assert_string_equal(as_json(a, c->values), as_json(a, from_yaml(a, rows[i].parent))); // nor the chart's
    }
}

static void test_type_mismatch(void **state)
{
    static const struct {
        const char *user, *error;
    } bad[] = {
        {"sub: text", "type mismatch on sub: %!t(string=text)"},
        {"sub: true", "type mismatch on sub: true"},
        {"sub: 3", "type mismatch on sub: %!t(float64=3)"},
        {"sub: [a, true]", "type mismatch on sub: [%!t(string=a) true]"},
        {"sub: [{a: null, c: true}]", "type mismatch on sub: [map[%!t(string=a):<nil> %!t(string=c):true]]"},
        {"sub: null", "type mismatch on sub: %!t(<nil>)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct arena *a cleanup(cleanup_arena) = arena_new();
        struct error err cleanup(error_clear) = {0};
        struct chart *c = CHART(a, &err, {"Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n"},
                                {"charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n"});
        struct value out;
        assert_false(chart_coalesce(a, c, from_yaml(a, bad[i].user), &out, &err));
        assert_string_equal(error_text(&err), bad[i].error);
    }
}

static void test_merge_values(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct value into = from_yaml(a, "{a: {x: 1}, b: 1}"), from = from_yaml(a, "{a: {w: null}, b: {z: 1}, c: []}");
    chart_merge_values(a, into, from);
    assert_string_equal(as_json(a, into), "{\"a\":{\"w\":null,\"x\":1},\"b\":{\"z\":1},\"c\":[]}");
    assert_string_equal(as_json(a, from), "{\"a\":{\"w\":null},\"b\":{\"z\":1},\"c\":[]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_type_mismatch),
                                       cmocka_unit_test(test_merge_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
