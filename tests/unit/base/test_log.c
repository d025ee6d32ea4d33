// test_log.c - log lines, caught from standard error.
#include "base/base.h"

#include <stdio.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

static char caught[8192];
static int real_stderr, pipe_ends[2];

static void catch_start(void)
{
    fflush(stderr);
    assert_int_equal(pipe(pipe_ends), 0);
    real_stderr = dup(STDERR_FILENO);
    dup2(pipe_ends[1], STDERR_FILENO);
}

// What was logged, with the time stamp checked and replaced by TIME.
static const char *catch_end(void)
{
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    close(pipe_ends[1]);
    ssize_t n = read(pipe_ends[0], caught, sizeof caught - 1);
    close(pipe_ends[0]);
    caught[n > 0 ? n : 0] = '\0';
    char *stamp = strstr(caught, "\"ts\":\"");
    if (stamp) {
        stamp += 6;
        int64_t us;
        stamp[24] = '\0';
        assert_true(time_parse_rfc3339(stamp, &us));
        assert_int_equal(stamp[19], '.');
        assert_true(llabs(us - clock_wall_us()) < 60000000);
        memcpy(stamp, "TIME\"", 5);
        memmove(stamp + 5, stamp + 25, strlen(stamp + 25) + 1);
    }
    return caught;
}

static void test_keys_in_flux_order(void **state)
{
    log_init(NULL, LOG_INFO, true);
    const struct log_field scope[] = {LOG_S("controller", "gitrepository"), LOG_S("name", "app"),
                                      LOG_J("GitRepository", "{\"name\":\"app\"}")};
    log_scope(scope, ARRAY_LEN(scope));
    catch_start();
    log_error("boom", "Reconciler error", LOG_S("reconcileID", NULL), LOG_I("attempt", -3));
    assert_string_equal(
        catch_end(),
        "{\"level\":\"error\",\"ts\":\"TIME\",\"msg\":\"Reconciler error\",\"controller\":\"gitrepository\","
        "\"name\":\"app\",\"GitRepository\":{\"name\":\"app\"},\"reconcileID\":\"\",\"attempt\":-3,"
        "\"error\":\"boom\"}\n");
    log_scope(NULL, 0);
    catch_start();
    log_info("plain");
    assert_string_equal(catch_end(), "{\"level\":\"info\",\"ts\":\"TIME\",\"msg\":\"plain\"}\n");
    log_init("setup", LOG_INFO, true);
    catch_start();
    log_info("starting");
    assert_string_equal(catch_end(),
                        "{\"level\":\"info\",\"ts\":\"TIME\",\"logger\":\"setup\",\"msg\":\"starting\"}\n");
}

static void test_levels(void **state)
{
    enum log_level level;
    assert_true(log_level_parse("trace", &level));
    assert_int_equal(level, LOG_TRACE);
    assert_true(log_level_parse("error", &level));
    assert_false(log_level_parse("warn", &level));
    assert_false(log_level_parse("", &level));
    log_init(NULL, LOG_ERROR, true);
    assert_false(log_enabled(LOG_INFO));
    catch_start();
    log_info("not seen");
    log_debug("not seen");
    assert_string_equal(catch_end(), "");
}

static void test_one_line_whatever_it_says(void **state)
{
    log_init(NULL, LOG_DEBUG, true);
    catch_start();
    log_debug("a\nb\"c\\d\x01\xFF\xC3\xA9", LOG_S("k\n", "\t"));
    assert_string_equal(catch_end(),
                        "{\"level\":\"debug\",\"ts\":\"TIME\",\"msg\":\"a\\nb\\\"c\\\\d\\u0001\\ufffd\xC3\xA9\","
                        "\"k\\n\":\"\\t\"}\n");
}

static void test_for_people(void **state)
{
    log_init(NULL, LOG_INFO, false);
    catch_start();
    log_info("hello", LOG_S("who", "you"), LOG_I("n", 2));
    const char *line = catch_end();
    assert_non_null(strstr(line, " info hello who=\"you\" n=2\n"));
}

static void test_json_escape(void **state)
{
    static const struct {
        struct slice in;
        const char *out;
    } cases[] = {
        {{"", 0}, ""},
        {{"plain", 5}, "plain"},
        {{"\0", 1}, "\\u0000"},
        {{"\b\f\n\r\t\x1F\x7F", 7}, "\\b\\f\\n\\r\\t\\u001f\x7F"},
        {{"<>&/", 4}, "<>&/"},
        {{"\xE2\x82", 2}, "\\ufffd\\ufffd"},
        {{"\xEF\xBF\xBD", 3}, "\xEF\xBF\xBD"},
        {{"x\xFFy", 3}, "x\\ufffdy"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup(buf_free) struct buf out = {0};
        json_escape(&out, cases[i].in.data, cases[i].in.len);
        assert_string_equal(buf_cstr(&out), cases[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_in_flux_order),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_one_line_whatever_it_says),
        cmocka_unit_test(test_for_people),
        cmocka_unit_test(test_json_escape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
