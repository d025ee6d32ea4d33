// test_value.c - lists, dicts, paths, merging, copying, comparing.
#include <stdio.h>

#include "support.h"

static const char *text(struct value v)
{
    return json_text(a, v);
}

static const char *shown(struct value v)
{
    struct buf out = BUF_IN(a);
    go_print_value(&out, v);
    return buf_cstr(&out);
}

// ---- dicts --------------------------------------------------------------------------------------------------------
static void test_dict_small(void **state)
{
    struct value d = value_dict(a);
    value_set(d, "b", value_int(2));
    value_set(d, "a", value_int(1));
    value_set(d, "c", value_int(3));
    assert_string_equal(text(d), "{\"a\":1,\"b\":2,\"c\":3}");
    value_set(d, "b", value_int(9));
    assert_int_equal(value_len(d), 3);
    assert_int_equal(value_int_or(value_get(d, "b"), 0), 9);
    assert_true(value_unset(d, "a"));
    assert_false(value_unset(d, "a"));
    assert_string_equal(text(d), "{\"b\":9,\"c\":3}");
    assert_true(value_has(d, "b"));
    value_set(d, "n", VALUE_NULL);
    assert_true(value_has(d, "n"));
    assert_false(value_has(d, "m"));
    assert_true(value_is_null(value_get(d, "m")));
}

static void test_dict_keys_with_nul(void **state)
{
    struct value d = value_dict(a), found;
    value_set_n(d, "a\0b", 3, value_int(1));
    value_set_n(d, "a", 1, value_int(2));
    assert_true(value_find(d, "a\0b", 3, &found));
    assert_int_equal(found.integer, 1);
    assert_string_equal(text(d), "{\"a\":2,\"a\\u0000b\":1}");
}

// Grows far beyond the small form, with removals and iterations in between, beside a plain array as the truth.
static void test_dict_big(void **state)
{
    enum { KEYS = 5000 };
    struct value d = value_dict(a);
    static int truth[KEYS];
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < KEYS; i++) {
            char key[16];
            int n = (i * 7919 + round) % KEYS;
            snprintf(key, sizeof key, "key-%d", n);
            if ((n + round) % 3 == 0) {
                assert_true(value_unset(d, key) == (truth[n] != 0));
                truth[n] = 0;
            } else {
                truth[n] = i + 1;
                value_set(d, key, value_int(i + 1));
            }
            if (i % 1000 == 0) {
                struct value_iter it = {0};
                assert_true(value_next(d, &it) == (value_len(d) > 0));
            }
        }
        size_t count = 0;
        for (int n = 0; n < KEYS; n++) {
            char key[16];
            snprintf(key, sizeof key, "key-%d", n);
            assert_int_equal(value_int_or(value_get(d, key), 0), truth[n]);
            count += truth[n] != 0;
        }
        assert_int_equal(value_len(d), count);
        struct slice before = slice_of("");
        for (struct value_iter it = {0}; value_next(d, &it); before = slice_n(it.key, it.key_len), count--)
            assert_true(slice_cmp(before, slice_n(it.key, it.key_len)) < 0);
        assert_int_equal(count, 0);
    }
}

static void test_aliasing(void **state)
{
    struct value d = from_json(a, "{\"a\":{\"b\":[1]}}"), same = value_get(d, "a"), copy = value_copy(a, d);
    value_set(same, "c", value_bool(true));
    value_push(value_get(same, "b"), value_string("x"));
    assert_string_equal(text(d), "{\"a\":{\"b\":[1,\"x\"],\"c\":true}}");
    assert_string_equal(text(copy), "{\"a\":{\"b\":[1]}}");
}

static void test_copy_outlives_its_source(void **state)
{
    struct arena *other = arena_new();
    struct value v, copy;
    const char *json = "{\"k\":[\"text\",{\"deep\":\"er\"}],\"l\":null}";
    assert_true(json_parse(other, json, strlen(json), 0, &v, NULL));
    copy = value_copy(a, v);
    arena_free(other);
    assert_string_equal(text(copy), json);
}

// ---- paths --------------------------------------------------------------------------------------------------------
static void test_paths(void **state)
{
    struct value v =
        from_json(a, "{\"spec\":{\"versions\":[{\"name\":\"v1\"},{\"name\":\"v2\"}]},\"m\":{\"a.b/c\":{\"d\":1}}}");
    assert_string_equal(value_str(value_path(v, "spec.versions.1.name")), "v2");
    static const char *const nowhere[] = {"spec.versions.2.name",
                                          "spec.versions.x",
                                          "spec.versions.-1",
                                          "spec.none.deeper",
                                          "spec.versions.1.name.more",
                                          "",
                                          ".",
                                          "spec.",
                                          "spec.versions.99999999999"};
    for (size_t i = 0; i < ARRAY_LEN(nowhere); i++)
        assert_true(value_is_null(value_path(v, nowhere[i])));
    assert_int_equal(value_int_or(value_paths(v, "m", "a.b/c", "d", NULL), 0), 1);
    assert_true(value_is_null(value_paths(v, "m", "none", "d", NULL)));
    assert_true(value_is_null(value_path(value_int(1), "a.b")));
}

static void test_set_path(void **state)
{
    struct value v = from_json(a, "{\"a\":{\"list\":[{\"x\":1}]},\"s\":\"text\"}");
    value_set_path(v, "status.artifact.url", value_string("u"));
    value_set_path(v, "a.list.0.y", value_int(2));
    value_set_path(v, "a.list.5.y", value_int(3));
    value_set_path(v, "s.t", value_bool(true));
    assert_string_equal(text(v), "{\"a\":{\"list\":[{\"x\":1,\"y\":2}]},\"s\":{\"t\":true},"
                                 "\"status\":{\"artifact\":{\"url\":\"u\"}}}");
}

// The examples of RFC 7386, appendix A, whose target is an object.
static void test_merge_patch(void **state)
{
    static const struct {
        const char *target, *patch, *result;
    } cases[] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"{\"e\":null}", "{\"a\":1}", "{\"a\":1,\"e\":null}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct value v = from_json(a, cases[i].target);
        value_merge_patch(v, from_json(a, cases[i].patch));
        assert_string_equal(text(v), cases[i].result);
    }
}

// ---- comparing ----------------------------------------------------------------------------------------------------
static void test_equal(void **state)
{
    assert_true(value_equal(from_json(a, "{\"a\":[1,{\"b\":2.0}]}"), from_json(a, "{\"a\":[1.0,{\"b\":2}]}")));
    assert_false(value_equal(from_json(a, "{\"a\":1}"), from_json(a, "{\"a\":1,\"b\":null}")));
    assert_false(value_equal(from_json(a, "{\"a\":null}"), from_json(a, "{\"b\":null}")));
    assert_false(value_equal(from_json(a, "[1]"), from_json(a, "[\"1\"]")));
    assert_false(value_equal(value_int(-1), value_int_of(GO_UINT64, -1)));
    assert_false(value_deep_equal(value_int(1), value_float(1)));
    assert_false(value_deep_equal(value_int(1), value_int_of(GO_INT, 1)));
    assert_true(value_deep_equal(from_json(a, "[1,[2,{}]]"), from_json(a, "[1,[2,{}]]")));
    assert_false(value_deep_equal(value_list_typed(a, "[]string"), value_list(a)));
}

static void test_types(void **state)
{
    static const struct {
        enum value_go go;
        const char *name;
    } numbers[] = {
        {GO_DEFAULT, "int64"}, {GO_INT, "int"}, {GO_INT8, "int8"}, {GO_UINT16, "uint16"}, {GO_UINT64, "uint64"}};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        assert_string_equal(value_go_type(value_int_of(numbers[i].go, 1)), numbers[i].name);
    assert_string_equal(value_go_type(VALUE_NULL), "<nil>");
    assert_string_equal(value_go_kind(VALUE_NULL), "invalid");
    assert_string_equal(value_go_type(value_dict(a)), "map[string]interface {}");
    assert_string_equal(value_go_type(value_dict_typed(a, "common.Values")), "common.Values");
    assert_string_equal(value_go_kind(value_dict_typed(a, "common.Values")), "map");
    assert_string_equal(value_go_kind(value_bytes("x", 1)), "slice");
    assert_string_equal(value_go_type(value_bytes("x", 1)), "[]uint8");
    assert_string_equal(value_go_type(value_float(1)), "float64");
}

static void test_truth(void **state)
{
    assert_false(value_truth(VALUE_NULL));
    assert_false(value_truth(value_string("")));
    assert_false(value_truth(value_float(0)));
    assert_false(value_truth(value_list(a)));
    assert_false(value_truth(from_json(a, "{}")));
    assert_true(value_truth(from_json(a, "[null]")));
    assert_true(value_truth(value_string("false")));
}

static void test_number_access(void **state)
{
    assert_int_equal(value_int_or(value_float(3), 0), 3);
    assert_int_equal(value_int_or(value_float(3.5), -1), -1);
    assert_int_equal(value_int_or(value_float(0x1p63), -1), -1);
    assert_int_equal(value_int_or(value_float(__builtin_nan("")), -1), -1);
    assert_true(value_num(value_int_of(GO_UINT64, -1)) == 0x1p64);
    assert_int_equal(value_int_or(value_string("3"), 7), 7);
}

// ---- cycles -------------------------------------------------------------------------------------------------------
// Templates can build these; every walk must come to an end, also where each level branches.
static void test_cycles(void **state)
{
    struct value d = value_dict(a), l = value_list(a), e = value_dict(a);
    value_set(d, "left", d);
    value_set(d, "right", l);
    value_push(l, d);
    value_push(l, l);
    value_set(e, "left", e);
    value_set(e, "right", d);
    struct buf out = BUF_IN(a);
    struct error err = {0};
    assert_false(json_write(&out, d, 0));
    out.len = 0;
    assert_false(yaml_write(&out, d, 0, &err));
    assert_string_equal(error_text(&err), "json: unsupported value: encountered a cycle via map[string]interface {}");
    assert_int_equal(out.len, 0);
    error_clear(&err);
    assert_string_equal(shown(d), "map[left:map[...] right:[map[...] [...]]]");
    struct value copy = value_copy(a, d);
    assert_true(value_is_null(value_get(copy, "left")));
    assert_false(value_deep_equal(d, e));
    value_merge_patch(e, d);
}

static bool print_called;
static void object_print(struct buf *out, struct object *self)
{
    print_called = true;
    buf_str(out, "&{x}");
}
static struct value object_plain_value(struct arena *arena, struct object *self)
{
    struct value v = value_dict(arena);
    value_set_str(v, "name", "x");
    return v;
}

static void test_objects(void **state)
{
    static const struct value_class class = {
        .go_type = "*chart.Metadata", .go_kind = "ptr", .print = object_print, .plain = object_plain_value};
    struct object o = {&class};
    struct value l = value_list(a);
    value_push(l, value_object(&o));
    assert_string_equal(shown(l), "[&{x}]");
    assert_true(print_called);
    assert_string_equal(text(l), "[{\"name\":\"x\"}]");
    struct buf out = BUF_IN(a);
    assert_true(yaml_write(&out, l, 0, NULL));
    assert_string_equal(out.data, "- name: x\n");
    assert_string_equal(value_go_type(value_at(l, 0)), "*chart.Metadata");
    assert_true(value_truth(value_at(l, 0)));
    assert_true(value_is_null(value_object(NULL)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_dict_small),
        TEST(test_dict_keys_with_nul),
        TEST(test_dict_big),
        TEST(test_aliasing),
        TEST(test_copy_outlives_its_source),
        TEST(test_paths),
        TEST(test_set_path),
        TEST(test_merge_patch),
        TEST(test_equal),
        TEST(test_types),
        TEST(test_truth),
        TEST(test_number_access),
        TEST(test_cycles),
        TEST(test_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
