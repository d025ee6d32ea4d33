// test_text.c - object texts: compacting, watch events, lists that arrive in pieces, and what is no JSON.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kube/text.h"

static const struct object_form thing = {.api_version = "example.com/v1", .kind = "Thing"};
static const struct object_form metadata = {.api_version = "v1", .kind = "Secret", .metadata_only = true};
#define HEAD "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Thing\""

static void test_compact(void **state)
{
    static const struct {
        const struct object_form *form;
        const char *in, *out;
    } cases[] = {
        {&thing, "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"}}",
         HEAD ",\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"}}"},
        {&thing,
         " { \"kind\" : \"X\", \"apiVersion\":\"y\" , \"spec\" : [ 1 , -2.5e+3 , true , false , null , { } , [ ] , \" "
         "a\\u00e9\\\" \" ] ,\n\t\"metadata\" : { \"managedFields\" : [ { \"a\" : 1 } ] , \"name\" : \"a\" , "
         "\"resourceVersion\" : \"7\" } } ",
         HEAD ",\"spec\":[1,-2.5e+3,true,false,null,{},[],\" a\\u00e9\\\" "
              "\"],\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"}}"},
        {&thing,
         "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\",\"managedFields\":[]},\"spec\":{\"managedFields\":1}"
         "}",
         HEAD ",\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},\"spec\":{\"managedFields\":1}}"},
        {&metadata,
         "{\"kind\":\"PartialObjectMetadata\",\"data\":{\"p\":\"c2VjcmV0\"},\"metadata\":{\"name\":\"a\",\"namespace\":"
         "\"n\",\"resourceVersion\":\"7\"},\"type\":\"Opaque\"}",
         "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"a\",\"namespace\":\"n\","
         "\"resourceVersion\":\"7\"}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup(cleanup_arena) struct arena *a = arena_new();
        struct error err = {0};
        struct object_text t;
        if (!object_compact(a, slice_of(cases[i].in), cases[i].form, &t, &err))
            fail_msg("%s: %s", cases[i].in, error_text(&err));
        assert_string_equal(slice_dup(a, t.text), cases[i].out);
        assert_true(slice_eq_str(t.name, "a"));
        assert_true(slice_eq_str(t.resource_version, "7"));
        assert_true(slice_eq_str(t.namespace, cases[i].form == &metadata ? "n" : ""));
    }
}

static void test_escaped_name(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    struct error err = {0};
    struct object_text t;
    assert_true(object_compact(a, slice_of("{\"metadata\":{\"name\":\"a\\u0062\\\"c\",\"resourceVersion\":\"1\"}}"),
                               &thing, &t, &err));
    assert_true(slice_eq_str(t.name, "ab\"c"));
}

static void test_compact_refuses(void **state)
{
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "{",
        "{}",
        "{\"metadata\":{}}",
        "{\"metadata\":null}",
        "{\"metadata\":{\"name\":\"a\"}}",
        "{\"metadata\":{\"name\":7,\"resourceVersion\":\"7\"}}",
        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"}} x",
        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"}},",
        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},}",
        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},\"x\":}",
        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},\"x\":01}",
        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},\"x\":1.}",
        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},\"x\":-}",
        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},\"x\":1e}",
        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},\"x\":tru}",
        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},\"x\":[1 2]}",
        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},\"x\":\"\\q\"}",
        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},\"x\":\"\\u12g4\"}",
        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},\"x\":\"a\nb\"}",
        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},\"x\":[}]}",
        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},x:1}",
        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},\"x\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        cleanup(cleanup_arena) struct arena *a = arena_new();
        cleanup(error_clear) struct error err = {0};
        struct object_text t;
        if (object_compact(a, slice_of(bad[i]), &thing, &t, &err))
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(err.class, ERROR_TRANSIENT);
    }
}

static void test_deep(void **state)
{
    static const struct {
        int depth;
        bool ok;
    } cases[] = {{400, true}, {100000, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup(cleanup_arena) struct arena *a = arena_new();
        cleanup(error_clear) struct error err = {0};
        struct object_text t;
        struct buf text = BUF_IN(a);
        buf_str(&text, "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},\"x\":");
        buf_fill(&text, '[', (size_t)cases[i].depth);
        buf_fill(&text, ']', (size_t)cases[i].depth);
        buf_char(&text, '}');
        assert_int_equal(object_compact(a, buf_view(&text), &thing, &t, &err), cases[i].ok);
    }
}

static void test_events(void **state)
{
    struct watch_event e;
    struct error err = {0};
    assert_true(watch_event_read(slice_of("{\"type\":\"ADDED\",\"object\":{\"a\":[1]}}"), &e, &err));
    assert_true(slice_eq_str(e.type, "ADDED"));
    assert_true(slice_eq_str(e.object, "{\"a\":[1]}"));
    static const char *const bad[] = {"",
                                      "{",
                                      "{}",
                                      "garbage",
                                      "{\"type\":\"ADDED\"}",
                                      "{\"type\":\"ADDED\",\"object\":{}",
                                      "{\"type\":\"ADDED\",\"object\":{}}{}",
                                      "<html>"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        cleanup(error_clear) struct error fault = {0};
        if (watch_event_read(slice_of(bad[i]), &e, &fault))
            fail_msg("accepted: %s", bad[i]);
    }
}

// ---- lists --------------------------------------------------------------------------------------------------------
struct collected {
    struct buf text;
};

static bool collect(void *ctx, struct slice text, struct error *err)
{
    struct collected *c = ctx;
    buf_slice(&c->text, text);
    buf_char(&c->text, ';');
    return !slice_eq_str(text, "\"stop\"") || error_set(err, ERROR_LIMIT, "stop");
}

// Reads in pieces of `step` bytes; the items joined by ';', then the head. NULL: an error.
static char *read_list(struct arena *a, const char *text, size_t step)
{
    struct collected c = {.text = BUF_IN(a)};
    struct list_reader r = {.item = collect, .ctx = &c};
    cleanup(error_clear) struct error err = {0};
    struct value head;
    bool ok = true;
    list_reader_begin(&r);
    for (size_t at = 0, len = strlen(text); ok && at < len; at += step)
        ok = list_reader_feed(&r, text + at, len - at < step ? len - at : step, &err);
    ok = ok && list_reader_end(&r, a, &head, &err);
    list_reader_free(&r);
    if (!ok)
        return NULL;
    buf_str(&c.text, json_text(a, head));
    return c.text.data;
}

static void test_list(void **state)
{
    static const struct {
        const char *in, *out; // NULL: refused
    } cases[] = {
        {"{\"kind\":\"L\",\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[{\"a\":[1,{\"b\":2}]},{\"c\":\"],}{["
         "\\\"\"}]}",
         "{\"a\":[1,{\"b\":2}]};{\"c\":\"],}{[\\\"\"};{\"kind\":\"L\",\"metadata\":{\"resourceVersion\":\"5\"}}"},
        {" {\n \"items\" : [ {} , {} ] , \"metadata\" : { \"x\" : [ 1 , 2 ] } }\n ",
         "{};{};{\"metadata\":{\"x\":[1,2]}}"},
        {"{\"items\":[],\"kind\":\"L\"}", "{\"kind\":\"L\"}"},
        {"{\"items\":null,\"kind\":\"L\"}", "{\"items\":null,\"kind\":\"L\"}"},
        {"{\"metadata\":{\"items\":[1,2]},\"other\":[3]}", "{\"metadata\":{\"items\":[1,2]},\"other\":[3]}"},
        {"{}", "{}"},
        {"", NULL},
        {"[]", NULL},
        {"<html><body>502</body></html>", NULL},
        {"{\"items\":[{}", NULL},
        {"{\"items\":[{},,{}]}", NULL},
        {"{\"items\":[\"stop\",{}]}", NULL},
        {"{\"items\":[{}]} {}", NULL},
        {"{\"kind\":}", NULL},
        {"{\"kind\":\"unfinished", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t step = 1; step <= strlen(cases[i].in) + 1; step++) {
            cleanup(cleanup_arena) struct arena *a = arena_new();
            const char *got = read_list(a, cases[i].in, step);
            if (!str_eq(got, cases[i].out))
                fail_msg("%s by %zu\n  got  %s\n  want %s", cases[i].in, step, str_or(got, "refused"),
                         str_or(cases[i].out, "refused"));
        }
}

static void test_list_limits(void **state)
{
    cleanup(error_clear) struct error err = {0};
    struct collected c = {0};
    struct list_reader r = {.item = collect, .ctx = &c};
    cleanup(cleanup_free) char *block = xmalloc(1 << 20);
    memset(block, 'x', 1 << 20);
    list_reader_begin(&r);
    bool ok = list_reader_feed(&r, "{\"items\":[\"", 11, &err);
    size_t fed = 0;
    for (; ok && fed < 64; fed++)
        ok = list_reader_feed(&r, block, 1 << 20, &err);
    list_reader_free(&r);
    buf_free(&c.text);
    assert_false(ok);
    assert_true(fed <= 17);
    assert_int_equal(err.class, ERROR_LIMIT);
}

static void test_versions(void **state)
{
    static const struct {
        const char *a, *b;
        int order;
    } cases[] = {{"1", "1", 0},  {"9", "10", -1}, {"100", "99", 1},
                 {"", "1", -1},  {NULL, "", 0},   {"18446744073709551616", "18446744073709551615", 1},
                 {"007", "7", 0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(kube_rv_compare(cases[i].a, cases[i].b), cases[i].order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compact),     cmocka_unit_test(test_escaped_name), cmocka_unit_test(test_compact_refuses),
        cmocka_unit_test(test_deep),        cmocka_unit_test(test_events),       cmocka_unit_test(test_list),
        cmocka_unit_test(test_list_limits), cmocka_unit_test(test_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
