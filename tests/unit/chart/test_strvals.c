// test_strvals.c - --set and its sisters. Results and messages are those of `helm template --debug` on the same words.

#include "support.h"

struct row {
    char kind;
    const char *start, *text, *want, *error;
};

static const struct row rows[] = {
    {'s', "{}", "a=b", "{\"a\":\"b\"}", NULL},
    {'s', "{}", "a=1,b=true,c=null,d=1.5,e=007,f=0,g=-3", "{\"a\":1,\"b\":true,\"c\":null,\"d\":\"1.5\",\"e\":\"007\",\"f\":0,\"g\":-3}", NULL},
    {'S', "{}", "a=1,b=true,c=null", "{\"a\":\"1\",\"b\":\"true\",\"c\":\"null\"}", NULL},
    {'s', "{}", "a.b.c=d", "{\"a\":{\"b\":{\"c\":\"d\"}}}", NULL},
    {'s', "{a: {x: 1}}", "a.b=2", "{\"a\":{\"b\":2,\"x\":1}}", NULL},
    {'s', "{}", "a[0]=x,a[2]=y", "{\"a\":[\"x\",null,\"y\"]}", NULL},
    {'s', "{}", "a[1].b=x", "{\"a\":[null,{\"b\":\"x\"}]}", NULL},
    {'s', "{a: [1, {b: 2}]}", "a[1].c=3", "{\"a\":[1,{\"b\":2,\"c\":3}]}", NULL},
    {'s', "{}", "a[0][1]=x", "{\"a\":[[null,\"x\"]]}", NULL},
    {'s', "{}", "a={x,2,true}", "{\"a\":[\"x\",2,true]}", NULL},
    {'s', "{}", "a={x},b=1", "{\"a\":[\"x\"],\"b\":1}", NULL},
    {'s', "{}", "a={}", "{\"a\":[\"\"]}", NULL},
    {'s', "{}", "a=b\\,c", "{\"a\":\"b,c\"}", NULL},
    {'s', "{}", "a\\.b=c", "{\"a.b\":\"c\"}", NULL},
    {'s', "{}", "a=", "{\"a\":\"\"}", NULL},
    {'s', "{}", "a=b=c", "{\"a\":\"b=c\"}", NULL},
    {'s', "{}", "", "{}", NULL},
    {'s', "{}", "=x", "{}", NULL},
    {'s', "{}", "a[0", "{}", NULL},
    {'s', "{}", "a[0]", "{\"a\":[]}", NULL},
    {'s', "{}", "a", NULL, "key \"a\" has no value"},
    {'s', "{}", "a,b=1", NULL, "key \"a\" has no value (cannot end with ,)"},
    {'s', "{}", "a.=x", NULL, "key map \"a\" has no value"},
    {'s', "{}", "a={x", NULL, "list must terminate with '}'"},
    {'s', "{}", "a[x]=1", NULL, "error parsing index: strconv.Atoi: parsing \"x\": invalid syntax"},
    {'s', "{}", "a[-1]=1", NULL, "negative -1 index not allowed"},
    {'s', "{}", "a[65537]=1", NULL, "index of 65537 is greater than maximum supported index of 65536"},
    {'s', "{}", "a[0]xy=1", NULL, "unexpected data at end of array index: ['x' 'y']"},
    {'s', "{a: x}", "a.b=1", NULL, "unable to parse key: interface conversion: interface {} is string, not map[string]interface {}"},
    {'s', "{a: null}", "a.b=1", NULL, "unable to parse key: interface conversion: interface {} is nil, not map[string]interface {}"},
    {'s', "{a: {}}", "a[0]=1", NULL, "unable to parse key: interface conversion: interface {} is map[string]interface {}, not []interface {}"},
    {'s', "{}", "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a=1", NULL,
     "value name nested level is greater than maximum supported nested level of 30"},
    {'j', "{}", "a={\"b\":[1,\"x,}\"]},c=2", "{\"a\":{\"b\":[1,\"x,}\"]},\"c\":2}", NULL},
    {'j', "{}", "a=,b=null", "{\"a\":null,\"b\":null}", NULL},
    {'j', "{}", "a[1]=true", "{\"a\":[null,true]}", NULL},
    {'l', "{}", "a.b=c,d=\\x", "{\"a\":{\"b\":\"c,d=\\\\x\"}}", NULL},
};

static void test_rows(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a cleanup(cleanup_arena) = arena_new();
        struct error err cleanup(error_clear) = {0};
        struct value into = from_yaml(a, rows[i].start);
        bool ok = strvals_parse(a, rows[i].text, rows[i].kind, into, &err);
        if (ok != !rows[i].error)
            fail_msg("%s: %s", rows[i].text, ok ? as_json(a, into) : error_text(&err));
        if (ok)
            assert_string_equal(as_json(a, into), rows[i].want);
        else
            assert_string_equal(error_text(&err), rows[i].error);
    }
}

static bool shout(void *ctx, struct arena *a, const char *path, struct value *out, struct error *err)
{
    if (str_eq(path, "missing"))
        return error_set(err, ERROR_NOT_FOUND, "open missing: no such file or directory");
    *out = value_printf(a, "<%s>", path);
    return true;
}

static void test_files(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct value into = value_dict(a);
    assert_true(strvals_parse_files(a, "a=x,b={y,z},c[0]=1", shout, NULL, into, &err));
    assert_string_equal(as_json(a, into), "{\"a\":\"<x>\",\"b\":[\"<y>\",\"<z>\"],\"c\":[\"<1>\"]}");
    assert_false(strvals_parse_files(a, "d=missing", shout, NULL, into, &err));
    assert_string_equal(error_text(&err), "open missing: no such file or directory");
}

static void test_cells_are_limited(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct buf text = BUF_IN(a);
    for (int i = 0; i < 40; i++)
        buf_printf(&text, "%sk%d[65536]=1", i ? "," : "", i);
    assert_false(strvals_parse(a, buf_cstr(&text), 's', value_dict(a), &err));
    assert_int_equal(err.class, ERROR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_files),
                                       cmocka_unit_test(test_cells_are_limited)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
