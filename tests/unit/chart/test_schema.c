// test_schema.c - values.schema.json: cases/schema.yaml has schemas, values and what helm v4.1.4 said of them (record_schema.py).

#include "support.h"

#include "chart/schema.h"

static void test_recorded(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct slice text;
    struct value cases;
    const char *path = arena_printf(a, "%s/cases/schema.yaml", getenv("CASES"));
    if (!file_read(a, path, 1 << 20, &text, &err) || !yaml_parse(a, text.data, text.len, 0, &cases, &err))
        fail_msg("%s", error_text(&err));
    assert_true(value_len(cases) > 50);
    size_t wrong = 0;
    for (size_t i = 0; i < value_len(cases); i++) {
        struct value row = value_at(cases, i);
        const char *schema = value_str(value_get(row, "schema"));
        struct value values = from_yaml(a, value_str(value_get(row, "values")));
        struct error failed cleanup(error_clear) = {0};
        struct schema_doc *doc = schema_prepare(a, slice_of(schema), NULL, &failed);
        const char *got = doc && schema_validate(doc, values, &failed) ? "" : error_text(&failed);
        const char *want = value_str(value_get(row, "says"));
        if (str_eq(got, want))
            continue;
        wrong++;
        print_error("schema %s\nvalues %s\ngot  %s\nwant %s\n\n", schema, value_str(value_get(row, "values")), got, want);
    }
    assert_int_equal(wrong, 0);
}

static void test_endless(void **state)
{
    static const char *const schemas[] = {
        "{\"$ref\":\"#\"}",
        "{\"allOf\":[{\"$ref\":\"#/$defs/a\"}],\"$defs\":{\"a\":{\"anyOf\":[{\"$ref\":\"#/$defs/a\"}]}}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(schemas); i++) {
        struct arena *a cleanup(cleanup_arena) = arena_new();
        struct error err cleanup(error_clear) = {0};
        struct schema_doc *doc = schema_prepare(a, slice_of(schemas[i]), NULL, &err);
        assert_non_null(doc);
        assert_false(schema_validate(doc, from_yaml(a, "{a: 1}"), &err));
        assert_non_null(strstr(error_text(&err), "causing reference cycle"));
    }
}

// Every level applies the next one twice.
static void test_exponential(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct buf text = BUF_IN(a);
    buf_str(&text, "{\"$ref\":\"#/$defs/l0\",\"$defs\":{");
    for (int i = 0; i < 40; i++)
        buf_printf(&text, "\"l%d\":{\"allOf\":[{\"$ref\":\"#/$defs/l%d\"},{\"$ref\":\"#/$defs/l%d\"}]},", i, i + 1, i + 1);
    buf_str(&text, "\"l40\":{\"type\":\"object\"}}}");
    struct schema_doc *doc = schema_prepare(a, buf_view(&text), NULL, &err);
    assert_non_null(doc);
    assert_false(schema_validate(doc, value_dict(a), &err));
    assert_non_null(strstr(error_text(&err), "too many steps"));
}

static void test_charts_message(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct chart *c = CHART(a, &err, {"Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n"},
                            {"values.schema.json", "{\"properties\":{\"a\":{\"type\":\"string\"}}}"},
                            {"charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n"},
                            {"charts/sub/values.schema.json", "{\"required\":[\"b\"]}"});
    assert_false(chart_check_schema(a, c, from_yaml(a, "{a: 1, sub: {}}"), NULL, &err));
    assert_string_equal(error_text(&err), "values don't meet the specifications of the schema(s) in the following chart(s):\n"
                                          "app:\n- at '/a': got number, want string\nsub:\n- at '': missing property 'b'\n");
    error_clear(&err);
    assert_true(chart_check_schema(a, c, from_yaml(a, "{a: x, sub: {b: 1}}"), NULL, &err));
    assert_true(chart_check_schema(a, c, from_yaml(a, "{a: x, sub: null}"), NULL, &err));
}

static bool fetch(void *ctx, struct arena *a, const char *url, struct slice *out, struct error *err)
{
    buf_printf(ctx, "%s ", url);
    if (!str_has_suffix(url, "/parts.json"))
        return error_set(err, ERROR_NOT_FOUND, "status 404");
    *out = slice_of("{\"name\":{\"type\":\"string\"},\"more\":{\"$ref\":\"missing.json\"}}");
    return true;
}

static void test_other_documents(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct buf asked = BUF_IN(a);
    struct chart_schema_source source = {fetch, &asked};
    const char *schema = "{\"$id\":\"https://x.org/a/s.json\",\"properties\":{\"v\":{\"$ref\":\"parts.json#/name\"},"
                         "\"w\":{\"$ref\":\"../a/parts.json#/name\"}}}";
    struct schema_doc *doc = schema_prepare(a, slice_of(schema), &source, &err);
    assert_string_equal(error_text(&err), "");
    assert_string_equal(buf_cstr(&asked), "https://x.org/a/parts.json ");
    assert_false(schema_validate(doc, from_yaml(a, "{v: 1}"), &err));
    assert_string_equal(error_text(&err), "- at '/v': got number, want string");
    error_clear(&err);
    assert_null(schema_prepare(a, slice_of("{\"$ref\":\"https://x.org/parts.json#/more\"}"), &source, &err));
    assert_string_equal(error_text(&err), "failing loading \"https://x.org/missing.json\": status 404");
    error_clear(&err);
    assert_null(schema_prepare(a, slice_of("{\"$ref\":\"https://x.org/parts.json#/more\"}"), NULL, &err));
    assert_string_equal(error_text(&err),
                        "failing loading \"https://x.org/parts.json\": schemas of other documents are not fetched");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_recorded), cmocka_unit_test(test_endless),
                                       cmocka_unit_test(test_exponential), cmocka_unit_test(test_charts_message),
                                       cmocka_unit_test(test_other_documents)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
