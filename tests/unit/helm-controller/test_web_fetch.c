// test_web_fetch.c - what is said when nothing can be fetched.
#include "web_fetch.h"

#include <setjmp.h>
#include <cmocka.h>

// Nobody listens there: how that is told is the client's business, but a number is not looked up, the URL stands there
// once, and its password not at all.
static void test_nobody_listens(void **state)
{
    static const struct {
        const char *url, *shown;
    } cases[] = {
        {"http://127.0.0.1:1/x", "Get \"http://127.0.0.1:1/x\": "},
        {"HTTP://127.0.0.1:1/x", "Get \"HTTP://127.0.0.1:1/x\": "},
        {"http://[::1]:1/x", "Get \"http://[::1]:1/x\": "},
        {"http://user:secret@127.0.0.1:1/x", "Get \"http://127.0.0.1:1/x\": "},
    };
    struct arena *a cleanup(cleanup_arena) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err cleanup(error_clear) = {0};
        struct slice body;
        struct http *http = http_new(&(struct http_options){0}, &err);
        assert_non_null(http);
        assert_false(values_fetch(http, a, cases[i].url, &body, &err));
        http_free(http);
        const char *text = error_text(&err);
        if (!str_has_prefix(text, cases[i].shown) || strstr(text, "GET") || strstr(text, "lookup") || strstr(text, "secret"))
            fail_msg("%s: %s", cases[i].url, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nobody_listens)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
