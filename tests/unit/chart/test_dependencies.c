// test_dependencies.c - conditions, tags, aliases, version ranges, import-values.

#include "support.h"

// The names of the subcharts that are left, those of theirs in parentheses.
static void list_charts(struct buf *out, const struct chart *c)
{
    for (size_t i = 0; i < c->dependencies.len; i++) {
        buf_printf(out, "%s%s", i ? " " : "", chart_name(c->dependencies.items[i]));
        if (c->dependencies.items[i]->dependencies.len > 0) {
            buf_char(out, '(');
            list_charts(out, c->dependencies.items[i]);
            buf_char(out, ')');
        }
    }
}

#define SUB(folder, text) {"charts/" folder "/Chart.yaml", "apiVersion: v2\nname: " folder "\nversion: 1.2.0\n" text}

static const struct {
    const char *wanted, *values, *user, *charts;
} rows[] = {
    {"", "{}", "{}", "one two(inner)"},
    {"dependencies: [{name: one, version: 1.x.x}]", "{}", "{}", "two(inner) one"},
    {"dependencies: [{name: one, version: ^1.0.0, condition: one.use}]", "one: {use: false}", "{}", "two(inner)"},
    {"dependencies: [{name: one, version: ^1.0.0, condition: one.use}]", "one: {use: false}", "one: {use: true}", "two(inner) one"},
    {"dependencies: [{name: one, version: ^1.0.0, condition: 'x.z,one.use'}]", "one: {use: false}", "{}", "two(inner)"},
    {"dependencies: [{name: one, version: ^1.0.0, condition: one.use}]", "one: {use: 'no'}", "{}", "two(inner) one"},
    {"dependencies: [{name: one, version: 2.x}]", "{}", "{}", "one two(inner)"}, // no match: as if it was not named
    {"dependencies: [{name: one, version: 1.x, tags: [t]}]", "tags: {t: false}", "{}", "two(inner)"},
    {"dependencies: [{name: one, version: 1.x, tags: [t, u]}]", "tags: {t: false, u: true}", "{}", "two(inner) one"},
    {"dependencies: [{name: one, version: 1.x, tags: [t], condition: one.use}]", "tags: {t: false}", "one: {use: true}",
     "two(inner) one"},
    {"dependencies: [{name: one, version: 1.x, alias: a}, {name: one, version: 1.x, alias: b, condition: b.use}]", "{}",
     "b: {use: true}", "two(inner) a b"},
    {"dependencies: [{name: one, version: 1.x, alias: a}, {name: one, version: 1.x, alias: b, condition: b.use}]", "{}",
     "b: {use: false}", "two(inner) a"},
    {"dependencies: [{name: two, version: 1.x}]", "two: {inner: {use: false}}", "{}", "one two"},
};

static struct chart *family(struct arena *a, const char *wanted, const char *values, struct error *err)
{
    char *description = arena_printf(a, "apiVersion: v2\nname: app\nversion: 1.0.0\n%s\n", wanted);
    return CHART(a, err, {"Chart.yaml", description}, {"values.yaml", values}, SUB("one", ""),
                 {"charts/one/values.yaml", "exports: {data: {from: one}}\nport: {number: 80}\n"},
                 SUB("two", "dependencies: [{name: inner, version: 1.x, condition: inner.use}]"),
                 {"charts/two/charts/inner/Chart.yaml", "apiVersion: v2\nname: inner\nversion: 1.0.0\n"});
}

static void test_rows(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a cleanup(cleanup_arena) = arena_new();
        struct error err cleanup(error_clear) = {0};
        struct chart *c = family(a, rows[i].wanted, rows[i].values, &err);
        assert_string_equal(error_text(&err), "");
        const char *before = as_json(a, c->metadata);
        struct chart *used = chart_with_dependencies(a, c, from_yaml(a, rows[i].user), &err);
        assert_string_equal(error_text(&err), "");
        struct buf out = BUF_IN(a);
        list_charts(&out, used);
        if (!str_eq(buf_cstr(&out), rows[i].charts))
            fail_msg("%s | %s | %s: %s", rows[i].wanted, rows[i].values, rows[i].user, buf_cstr(&out));
        assert_string_equal(as_json(a, c->metadata), before); // the loaded chart is shared
        for (size_t k = 0; k < used->dependencies.len; k++)
            assert_ptr_equal(used->dependencies.items[k]->parent, used);
    }
}

static void test_import_values(void **state)
{
    static const struct {
        const char *wanted, *values, *from, *number;
    } cases[] = {
        {"dependencies: [{name: one, version: 1.x, import-values: [data]}]", "{}", "\"one\"", "null"},
        {"dependencies: [{name: one, version: 1.x, import-values: [data]}]", "from: mine", "\"mine\"", "null"},
        {"dependencies: [{name: one, version: 1.x, import-values: [{child: port, parent: my.port}]}]", "{}", "null", "80"},
        {"dependencies: [{name: one, version: 1.x, import-values: [{child: nothing, parent: my.port}]}]", "{}", "null", "null"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *a cleanup(cleanup_arena) = arena_new();
        struct error err cleanup(error_clear) = {0};
        struct chart *c = family(a, cases[i].wanted, cases[i].values, &err);
        c = chart_with_dependencies(a, c, value_dict(a), &err);
        assert_string_equal(error_text(&err), "");
        assert_string_equal(as_json(a, value_get(c->values, "from")), cases[i].from);
        assert_string_equal(as_json(a, value_path(c->values, "my.port.number")), cases[i].number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_import_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
