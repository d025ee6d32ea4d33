// test_codec.c - base64, hexadecimal, random numbers.
#include "base/base.h"

#include <setjmp.h>
#include <cmocka.h>

static void test_base64(void **state)
{
    // RFC 4648, 10, and bytes that use the whole alphabet.
    static const struct {
        struct slice plain;
        const char *text;
    } cases[] = {
        {{"", 0}, ""},
        {{"f", 1}, "Zg=="},
        {{"fo", 2}, "Zm8="},
        {{"foo", 3}, "Zm9v"},
        {{"foob", 4}, "Zm9vYg=="},
        {{"fooba", 5}, "Zm9vYmE="},
        {{"foobar", 6}, "Zm9vYmFy"},
        {{"\xFB\xFF\xBF", 3}, "+/+/"},
        {{"\0\0", 2}, "AAA="},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup(buf_free) struct buf text = {0}, plain = {0};
        base64_encode(&text, cases[i].plain.data, cases[i].plain.len);
        assert_string_equal(buf_cstr(&text), cases[i].text);
        assert_true(base64_decode(&plain, cases[i].text, strlen(cases[i].text)));
        assert_true(slice_eq(buf_view(&plain), cases[i].plain));
    }
}

static void test_base64_faults(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        const char *got;
    } cases[] = {
        {"Zm9v\nYmFy\r\n", true, "foobar"},
        {" Z g = = ", true, "f"},
        {"Zh==", true, "f"}, // bits after the end are not looked at, as in Go
        {"Z", false, ""},
        {"Zg", false, ""},
        {"Zg=", false, ""},
        {"Zm9v=", false, "foo"},
        {"Zg===", false, ""},
        {"=", false, ""},
        {"Zg==Zg==", false, ""},
        {"Zm9vZm-v", false, "foo"},
        {"Zm9v\x80", false, "foo"},
        {"Z=g=", false, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup(buf_free) struct buf out = {0};
        if (base64_decode(&out, cases[i].text, strlen(cases[i].text)) != cases[i].ok)
            fail_msg("%s", cases[i].text);
        assert_string_equal(buf_cstr(&out), cases[i].got);
    }
    cleanup(buf_free) struct buf out = {0};
    assert_false(base64_decode(&out, "Zm9v\0Zm9v", 9));
}

static void test_hex_and_random(void **state)
{
    char hex[9];
    hex_encode("\x00\xFF\x10\x0a", 4, hex);
    assert_string_equal(hex, "00ff100a");
    char one[37], two[37];
    uuid4(one);
    uuid4(two);
    assert_string_not_equal(one, two);
    assert_int_equal(strlen(one), 36);
    assert_int_equal(one[14], '4');
    assert_non_null(strchr("89ab", one[19]));
    assert_true(one[8] == '-' && one[13] == '-' && one[18] == '-' && one[23] == '-');
    double sum = 0;
    for (int i = 0; i < 10000; i++) {
        double d = random_unit();
        assert_true(d >= 0 && d < 1);
        sum += d;
    }
    assert_true(sum > 4500 && sum < 5500); // 17 standard deviations
    assert_int_not_equal(random_u64(), random_u64());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_base64_faults),
        cmocka_unit_test(test_hex_and_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
