// test_json.c - JSON: what is read, what is refused and in which words, what is written.
#include <math.h>
#include <stdio.h>

#include "support.h"

struct round {
    const char *in;
    int flags;
    const char *out; // written without flags
};

static void test_round(void **state)
{
    static const struct round cases[] = {
        {"null", .out = "null"},
        {" [ ] ", .out = "[]"},
        {"\t{ \"b\" : 1 , \"a\" : [ true , false , null ] }\r\n", .out = "{\"a\":[true,false,null],\"b\":1}"},
        {"{\"a\":1,\"a\":2}", .out = "{\"a\":2}"},
        {"[9007199254740993,-9007199254740993,9223372036854775807,-9223372036854775808]",
         .out = "[9007199254740993,-9007199254740993,9223372036854775807,-9223372036854775808]"},
        {"[9007199254740993]", .flags = JSON_FLOATS, .out = "[9007199254740992]"},
        {"[9223372036854775808,1e3,-0,-0.0,1.50]", .out = "[9223372036854776000,1000,0,-0,1.5]"},
        {"[\"12\",\"\\\"7\",3,{\"4\":5,\"x\\\\\":6}]", .out = "[\"12\",\"\\\"7\",3,{\"4\":5,\"x\\\\\":6}]"},
        {"[0.1,1e-7,1e21,123456789.5,1e20,5e-324,1.7976931348623157e308]",
         .out = "[0.1,1e-7,1e+21,123456789.5,100000000000000000000,5e-324,1.7976931348623157e+308]"},
        {"[0.000000000000000000000000000000000000000000000000000000000000000000001234]", .out = "[1.234e-69]"},
        {"[1234567890123456789012345678901234567890123456789012345678901234567890, 7]",
         .out = "[1.2345678901234567e+69,7]"},
        {"\"\\u0041\\n\\t\\/\\u00e9\\ud83d\\ude00\"", .out = "\"A\\n\\t/é😀\""},
        {"\"a\\u0000b\"", .out = "\"a\\u0000b\""},
        {"{\"k\\u0000\":\"\\u0000\"}", .out = "{\"k\\u0000\":\"\\u0000\"}"},
        {"\"\\ud800\"", .out = "\"\xef\xbf\xbd\""},
        {"\"\\ud800\\u0041\\udc00x\"", .out = "\"\xef\xbf\xbd"
                                              "A\xef\xbf\xbdx\""},
        {"\"\\ud800\\ud83d\\ude00\"", .out = "\"\xef\xbf\xbd😀\""},
        {"\"a\xff\xc3z\xed\xa0\x80\"", .out = "\"a\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\"\x7f\xe2\x80\xa8<&>\"", .out = "\"\x7f\\u2028<&>\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct value v;
        size_t len = strlen(cases[i].in);
        char *in = exact_copy(cases[i].in, len);
        if (!json_parse(a, in, len, cases[i].flags, &v, &err))
            fail_msg("%s: %s", cases[i].in, error_text(&err));
        free(in);
        assert_string_equal(json_text(a, v), cases[i].out);
    }
}

static void test_faults(void **state)
{
    static const struct {
        const char *in, *message;
        int offset;
    } cases[] = {
        {"", "unexpected end of JSON input", 0},
        {"  ", "unexpected end of JSON input", 2},
        {"{", "unexpected end of JSON input", 1},
        {"[1,", "unexpected end of JSON input", 3},
        {"\"abc", "unexpected end of JSON input", 4},
        {"\"abc\\", "invalid character ' ' in string escape code", 5},
        {"-", "invalid character ' ' in numeric literal", 1},
        {"tru", "invalid character ' ' in literal true (expecting 'e')", 3},
        {"x", "invalid character 'x' looking for beginning of value", 0},
        {"[1,]", "invalid character ']' looking for beginning of value", 3},
        {"{\"a\" 1}", "invalid character '1' after object key", 5},
        {"{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair", 7},
        {"{a:1}", "invalid character 'a' looking for beginning of object key string", 1},
        {"{\"a\":1,}", "invalid character '}' looking for beginning of object key string", 7},
        {"[1 2]", "invalid character '2' after array element", 3},
        {"[1}", "invalid character '}' after array element", 2},
        {"1 2", "invalid character '2' after top-level value", 2},
        {"01", "invalid character '1' after top-level value", 1},
        {"-a", "invalid character 'a' in numeric literal", 1},
        {"1.x", "invalid character 'x' after decimal point in numeric literal", 2},
        {"1ex", "invalid character 'x' in exponent of numeric literal", 2},
        {"truf", "invalid character 'f' in literal true (expecting 'e')", 3},
        {"nul1", "invalid character '1' in literal null (expecting 'l')", 3},
        {"\"\\q\"", "invalid character 'q' in string escape code", 2},
        {"\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape", 5},
        {"\"a\nb\"", "invalid character '\\n' in string literal", 2},
        {"'a'", "invalid character '\\'' looking for beginning of value", 0},
        {"\xef\xbb\xbf{}", "invalid character 'ï' looking for beginning of value", 0},
        {"1e", "invalid character ' ' in exponent of numeric literal", 2},
        {"[1e999}", "invalid character '}' after array element", 6},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct value v = value_int(1);
        assert_false(json_parse(a, cases[i].in, strlen(cases[i].in), 0, &v, &err));
        assert_string_equal(error_text(&err), cases[i].message);
        assert_int_equal(err.class, ERROR_INVALID);
        assert_int_equal(err.code, cases[i].offset);
        assert_true(value_is_null(v));
        error_clear(&err);
    }
}

static void test_too_large(void **state)
{
    struct error err = {0};
    struct value v;
    assert_false(json_parse(a, "[1e999,2]", 9, 0, &v, &err));
    assert_string_equal(error_text(&err), "json: cannot unmarshal number 1e999 into Go value of type float64");
    assert_string_equal(json_text(a, v), "[null,2]");
    error_clear(&err);
    assert_true(json_parse(a, "[1e999,2]", 9, JSON_STREAM, &v, &err));
    assert_false(json_parse(a, "-", 1, JSON_STREAM, &v, &err));
    assert_string_equal(error_text(&err), "unexpected end of JSON input");
    error_clear(&err);
}

static void test_nul_in_text(void **state)
{
    struct error err = {0};
    struct value v;
    assert_false(json_parse(a, "[1]\0", 4, 0, &v, &err));
    assert_string_equal(error_text(&err), "invalid character '\\x00' after top-level value");
    error_clear(&err);
    assert_false(json_parse(a, "\"a\0b\"", 5, 0, &v, &err));
    error_clear(&err);
}

static void test_depth(void **state)
{
    enum { BRACKETS = 100000 };
    char *text = xmalloc(BRACKETS);
    struct value v;
    for (int i = 0; i < 2; i++) {
        struct error err = {0};
        memset(text, "[{"[i], BRACKETS);
        for (size_t k = 1; i && k < BRACKETS; k += 5)
            memcpy(text + k - 1, "{\"a\":", 5);
        assert_false(json_parse(a, text, BRACKETS, 0, &v, &err));
        assert_string_equal(error_text(&err), "exceeded max depth");
        assert_int_equal(err.class, ERROR_LIMIT);
        error_clear(&err);
    }
    memset(text, '[', VALUE_DEPTH_MAX);
    memset(text + VALUE_DEPTH_MAX, ']', VALUE_DEPTH_MAX);
    assert_true(json_parse(a, text, 2 * VALUE_DEPTH_MAX, 0, &v, NULL));
    free(text);
}

static void test_count(void **state)
{
    enum { VALUES = 9 << 20 };
    struct error err = {0};
    struct value v;
    char *text = xmalloc(2 * VALUES);
    for (size_t i = 0; i < VALUES; i++)
        memcpy(text + 2 * i, i ? ",1" : "[1", 2);
    assert_false(json_parse(a, text, 2 * VALUES, 0, &v, &err));
    assert_int_equal(err.class, ERROR_LIMIT);
    error_clear(&err);
    free(text);
}

static void test_write_flags(void **state)
{
    const char *json = "{\"b\":[],\"a\":{\"x\":\"<&>\\u2029\",\"y\":[1,{}]}}";
    struct value v = from_json(a, json);
    struct buf out = BUF_IN(a);
    assert_true(json_write(&out, v, JSON_HTML));
    assert_string_equal(out.data, "{\"a\":{\"x\":\"\\u003c\\u0026\\u003e\\u2029\",\"y\":[1,{}]},\"b\":[]}");
    out.len = 0;
    assert_true(json_write(&out, v, JSON_INDENT));
    assert_string_equal(out.data,
                        "{\n  \"a\": {\n    \"x\": \"<&>\\u2029\",\n    \"y\": [\n      1,\n      {}\n    ]\n  },\n"
                        "  \"b\": []\n}");
}

static void test_write_odd(void **state)
{
    assert_null(json_text(a, value_float(NAN)));
    assert_null(json_text(a, value_float(-INFINITY)));
    assert_string_equal(json_text(a, value_bytes("\xff\0z", 3)), "\"/wB6\"");
    assert_string_equal(json_text(a, value_string("a\xff\b\f\x01")), "\"a\\ufffd\\b\\f\\u0001\"");
    assert_string_equal(json_text(a, value_int_of(GO_UINT64, -1)), "18446744073709551615");
    assert_string_equal(json_text(a, (struct value){.kind = V_FLOAT, .go = GO_FLOAT32, .number = 0.1f}), "0.1");
}

// Digits that are hard to get right: powers of two, halves of the last place, the ends of the range, 32 bits.
static void test_shortest_floats(void **state)
{
    static const struct {
        double f;
        int bits;
        const char *text;
    } cases[] = {
        {0x1p-44, 64, "5.684341886080802e-14"},
        {0x1p-1074, 64, "5e-324"},
        {0x1p-1022, 64, "2.2250738585072014e-308"},
        {0x1p53, 64, "9.007199254740992e+15"},
        {0x1p89, 64, "6.189700196426902e+26"},
        {0.3, 64, "0.3"},
        {0.1 + 0.2, 64, "0.30000000000000004"},
        {1e23, 64, "1e+23"},
        {123456, 64, "123456"},
        {1234567, 64, "1.234567e+06"},
        {0.0001, 64, "0.0001"},
        {0.00001, 64, "1e-05"},
        {0x1.fffffffffffffp1023, 64, "1.7976931348623157e+308"},
        {0.1f, 32, "0.1"},
        {16777216.0f, 32, "1.6777216e+07"},
        {0x1p-149, 32, "1e-45"},
        {3.4028234663852886e38, 32, "3.4028235e+38"},
        {1e300, 32, "+Inf"},
        {-0.0, 64, "-0"},
        {9007199254740991.0, 64, "9.007199254740991e+15"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = {0};
        go_print_float(&out, cases[i].f, cases[i].bits, GO_FLOAT_G);
        assert_string_equal(out.data, cases[i].text);
        buf_free(&out);
    }
    uint64_t seed = 88172645463325252u; // xorshift
    for (int i = 0; i < 20000; i++) {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        double f;
        memcpy(&f, &seed, sizeof f);
        if (!isfinite(f))
            continue;
        struct buf out = {0};
        go_print_float(&out, f, 64, GO_FLOAT_JSON);
        assert_true(strtod(out.data, NULL) == f);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_round), TEST(test_faults),      TEST(test_nul_in_text), TEST(test_too_large), TEST(test_depth),
        TEST(test_count), TEST(test_write_flags), TEST(test_write_odd),   TEST(test_shortest_floats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
