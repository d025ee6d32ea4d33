// test_error.c - error chains.
#include "base/base.h"

#include <errno.h>

#include <setjmp.h>
#include <cmocka.h>

static void test_chain(void **state)
{
    cleanup(error_clear) struct error err = {0};
    assert_string_equal(error_text(&err), "");
    assert_string_equal(error_text(NULL), "");
    assert_false(error_set(&err, ERROR_INVALID, "status %d", 404));
    assert_false(error_wrap(&err, "https://%s", "x"));
    assert_false(error_wrap(&err, "fetch index"));
    assert_string_equal(error_text(&err), "fetch index: https://x: status 404");
    assert_int_equal(err.class, ERROR_INVALID);
    error_set(&err, ERROR_LIMIT, "again: %s", err.message); // the old message as an argument
    assert_string_equal(error_text(&err), "again: fetch index: https://x: status 404");
    assert_int_equal(err.class, ERROR_LIMIT);
}

static void test_move(void **state)
{
    cleanup(error_clear) struct error to = {0}, from = {0};
    error_set(&to, ERROR_INVALID, "old");
    error_set(&from, ERROR_TIMEOUT, "new");
    from.code = 504;
    from.retry_after_ms = 30;
    assert_false(error_move(&to, &from));
    assert_string_equal(error_text(&to), "new");
    assert_int_equal(to.code, 504);
    assert_int_equal(to.retry_after_ms, 30);
    assert_null(from.message);
    error_move(&to, &to);
    assert_string_equal(error_text(&to), "new");
    error_clear(&to);
    assert_int_equal(to.code, 0);
}

static void test_nobody_asks(void **state)
{
    assert_false(error_set(NULL, ERROR_INVALID, "x"));
    assert_false(error_wrap(NULL, "x"));
    assert_false(error_set_errno(NULL, ENOENT, "x"));
    error_clear(NULL);
}

static void test_classes(void **state)
{
    static const struct {
        int number;
        enum error_class class;
        bool transient;
        const char *text;
    } cases[] = {
        {ENOENT, ERROR_NOT_FOUND, false, "open /x: no such file or directory"},
        {EACCES, ERROR_DENIED, false, "open /x: permission denied"},
        {EISDIR, ERROR_INVALID, false, "open /x: is a directory"},
        {EEXIST, ERROR_CONFLICT, true, "open /x: file exists"},
        {ENOSPC, ERROR_TRANSIENT, true, "open /x: no space left on device"},
        {ETIMEDOUT, ERROR_TIMEOUT, true, "open /x: connection timed out"},
        {EFBIG, ERROR_LIMIT, false, "open /x: file too large"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup(error_clear) struct error err = {0};
        error_set_errno(&err, cases[i].number, "open %s", "/x");
        assert_string_equal(error_text(&err), cases[i].text);
        assert_int_equal(err.class, cases[i].class);
        assert_int_equal(error_is_transient(&err), cases[i].transient);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_move),
        cmocka_unit_test(test_nobody_asks),
        cmocka_unit_test(test_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
