// test_process.c - flags, merge patches, conditions, the correlation of events, the outbox.
#include <pthread.h>
#include <stdio.h>

#include "from_text.h"
#include "controller/correlate.h"
#include "controller/outbox.h"
#include "controller/runtime.h"

// ---- flags ----------------------------------------------------------------------------------------------------------
static const struct flag own[] = {
    {"concurrent", FLAG_INT, "2", "another default"},
    {"ssh-kex-algos", FLAG_LIST, "", "several"},
    {"helm-chart-file-max-size", FLAG_INT, "5", "no other value", .fixed = true},
};

static struct flags *parse(struct error *err, const char *words)
{
    char *text = xstrdup(words), name[] = "program", *argv[16] = {name};
    int argc = 1;
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    struct flags *f = flags_parse(own, ARRAY_LEN(own), argc, argv, err);
    free(text);
    return f;
}

static void test_flags(void **state)
{
    struct error err = {0};
    struct flags *f = parse(&err, "");
    assert_non_null(f);
    assert_int_equal(flags_int(f, "concurrent"), 2);
    assert_int_equal(flags_ms(f, "min-retry-delay"), 750);
    assert_int_equal(flags_ms(f, "max-retry-delay"), 900000);
    assert_int_equal(flags_ms(f, "leader-election-lease-duration"), 35000);
    assert_true(flags_bool(f, "watch-all-namespaces"));
    assert_false(flags_bool(f, "enable-leader-election"));
    assert_string_equal(flags_text(f, "metrics-addr"), ":8080");
    assert_string_equal(flags_text(f, "health-addr"), ":9440");
    assert_true(flags_known(f, "ssh-kex-algos"));
    assert_false(flags_known(f, "storage-addr"));
    flags_free(f);
    f = parse(
        &err,
        "--concurrent=7 --enable-leader-election --watch-all-namespaces=false --ssh-kex-algos a,b --ssh-kex-algos c "
        "--requeue-dependency 5s --metrics-addr=");
    assert_non_null(f);
    assert_int_equal(flags_int(f, "concurrent"), 7);
    assert_true(flags_bool(f, "enable-leader-election"));
    assert_false(flags_bool(f, "watch-all-namespaces"));
    assert_string_equal(flags_text(f, "ssh-kex-algos"), "a,b,c");
    assert_int_equal(flags_ms(f, "requeue-dependency"), 5000);
    assert_string_equal(flags_text(f, "metrics-addr"), "");
    flags_free(f);
    f = parse(&err, "--help --nonsense");
    assert_true(flags_help_wanted(f));
    struct buf text = {0};
    flags_help(f, "program", &text);
    assert_non_null(strstr(buf_cstr(&text), "--concurrent int\n            another default (default 2)"));
    buf_free(&text);
    flags_free(f);
}

static void test_flags_from_the_environment(void **state)
{
    struct error err = {0};
    setenv("METRICS_ADDR", ":1", 1);
    struct flags *f = parse(&err, ""), *given = parse(&err, "--metrics-addr :2");
    assert_string_equal(flags_text(f, "metrics-addr"), ":1");
    assert_string_equal(flags_text(given, "metrics-addr"), ":2");
    flags_free(f);
    flags_free(given);
    unsetenv("METRICS_ADDR");
}

static void test_bad_flags(void **state)
{
    static const struct {
        const char *words, *error;
    } table[] = {
        {"--nope", "unknown flag: --nope"},
        {"--nope=1", "unknown flag: --nope=1"},
        {"-concurrent=1", "unknown flag: -concurrent=1"},
        {"-x", "unknown flag: -x"},
        {"-", "unexpected argument \"-\""},
        {"word", "unexpected argument \"word\""},
        {"--concurrent", "flag needs an argument: --concurrent"},
        {"--concurrent=x", "invalid argument \"x\" for \"--concurrent\" flag"},
        {"--concurrent=", "invalid argument \"\" for \"--concurrent\" flag"},
        {"--concurrent=99999999999999999999", "invalid argument \"99999999999999999999\" for \"--concurrent\" flag"},
        {"--concurrent=0", "--concurrent must be between 1 and 256"},
        {"--requeue-dependency=fast", "invalid argument \"fast\" for \"--requeue-dependency\" flag"},
        {"--requeue-dependency=-1s", "invalid argument \"-1s\" for \"--requeue-dependency\" flag"},
        {"--enable-leader-election=maybe", "invalid argument \"maybe\" for \"--enable-leader-election\" flag"},
        {"--default-service-account=default", "--default-service-account=default is not supported by Runnel yet"},
        {"--helm-chart-file-max-size=6", "--helm-chart-file-max-size=6 is not supported by Runnel yet"},
        {"--log-encoding=xml", "unknown log encoding \"xml\""},
        {"--min-retry-delay=0s", "--min-retry-delay must be above zero and at most --max-retry-delay"},
        {"--leader-election-lease-duration=30s",
         "leader election: the lease duration (1s at least) must be above the renew deadline, and "
         "that above the retry period"},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct error err = {0};
        assert_null(parse(&err, table[i].words));
        assert_string_equal(error_text(&err), table[i].error);
        error_clear(&err);
    }
}

// ---- merge patches --------------------------------------------------------------------------------------------------
static void test_merge_patch(void **state)
{
    static const struct {
        const char *from, *to, *patch;
    } table[] = {
        {"{}", "{}", "null"},
        {"{\"a\":1}", "{\"a\":1}", "null"},
        {"{\"a\":1}", "{\"a\":2}", "{\"a\":2}"},
        {"{\"a\":1}", "{}", "{\"a\":null}"},
        {"{}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}"},
        {"{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"b\":1,\"d\":3}}", "{\"a\":{\"c\":null,\"d\":3}}"},
        {"{\"a\":{\"b\":{\"c\":1}}}", "{\"a\":{\"b\":{\"c\":1}}}", "null"},
        {"{\"a\":[1,2]}", "{\"a\":[1]}", "{\"a\":[1]}"}, // lists as a whole
        {"{\"a\":[]}", "{\"a\":[]}", "null"},
        {"{\"a\":{\"b\":1}}", "{\"a\":5}", "{\"a\":5}"},
        {"{\"a\":5}", "{\"a\":{}}", "{\"a\":{}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct arena *a = arena_new();
        struct value from = from_json(a, table[i].from), to = from_json(a, table[i].to);
        struct value patch = merge_patch_diff(a, from, to);
        assert_string_equal(json_text(a, patch), table[i].patch);
        if (!value_is_null(patch)) {
            value_merge_patch(from, patch);
            assert_true(value_equal(from, to));
        }
        arena_free(a);
    }
}

// ---- conditions -----------------------------------------------------------------------------------------------------
static const char *types_of(struct arena *a, struct value status)
{
    struct buf out = BUF_IN(a);
    struct value list = value_get(status, "conditions");
    for (size_t i = 0; i < value_len(list); i++)
        buf_printf(&out, "%s%s", i ? " " : "", value_str(value_get(value_at(list, i), "type")));
    return buf_cstr(&out);
}

static void test_conditions(void **state)
{
    struct arena *a = arena_new();
    struct error err = {0};
    struct runtime_state runtime = {0};
    struct reconcile r = {.arena = a, .runtime = &runtime};
    r.object = from_json(a, "{\"metadata\":{\"generation\":3}}");
    r.status =
        from_json(a, "{\"conditions\":[{\"type\":\"Zeta\",\"status\":\"True\",\"reason\":\"R\",\"message\":\"m\","
                     "\"lastTransitionTime\":\"2020-01-01T00:00:00Z\",\"observedGeneration\":3},"
                     "{\"type\":\"Ready\",\"status\":\"True\",\"reason\":\"R\",\"message\":\"m\","
                     "\"lastTransitionTime\":\"2020-01-01T00:00:00Z\",\"observedGeneration\":2}]}");

    condition_put(&r, "Ready", "True", "R", "m"); // nothing new but the generation
    struct value ready = condition_get(r.status, "Ready");
    assert_string_equal(value_str(value_get(ready, "lastTransitionTime")), "2020-01-01T00:00:00Z");
    assert_int_equal(value_int_or(value_get(ready, "observedGeneration"), 0), 3);
    assert_true(condition_is_true(r.status, "Ready"));

    condition_set(&r, "Ready", "True", "R", "another %s", "message");
    assert_string_not_equal(value_str(value_get(condition_get(r.status, "Ready"), "lastTransitionTime")),
                            "2020-01-01T00:00:00Z");
    condition_put(&r, "Alpha", "False", "R", "m");
    condition_put(&r, "Reconciling", "True", "R", "m");
    condition_put(&r, "Stalled", "True", "R", "m");
    assert_string_equal(types_of(a, r.status), "Stalled Reconciling Ready Alpha Zeta");

    struct result result = result_wait(&r, 100, NULL, "Waiting", "for %d", 5);
    assert_int_equal(result.after_ms, 100);
    assert_string_equal(types_of(a, r.status), "Reconciling Ready Alpha Zeta");
    assert_string_equal(value_str(value_get(condition_get(r.status, "Ready"), "status")), "Unknown");

    error_set(&err, ERROR_TRANSIENT, "no luck");
    err.retry_after_ms = 7000;
    result_failed(&r, "Failed", &err);
    assert_int_equal(err.class, 0); // it was taken
    assert_int_equal(runtime.retry_ms, 7000);
    assert_string_equal(value_str(value_get(condition_get(r.status, "Reconciling"), "reason")), "ProgressingWithRetry");
    assert_string_equal(value_str(value_get(condition_get(r.status, "Ready"), "message")), "no luck");

    result_stalled(&r, "Stuck", "for good");
    assert_string_equal(types_of(a, r.status), "Stalled Ready Alpha Zeta");
    result_ready(&r, "Succeeded", "fine");
    assert_string_equal(types_of(a, r.status), "Ready Alpha Zeta");
    condition_remove(&r, "Alpha");
    condition_remove(&r, "Never");
    assert_string_equal(types_of(a, r.status), "Ready Zeta");

    // What is too long for a condition is cut between runes.
    struct buf text = BUF_IN(a);
    while (text.len < 40000)
        buf_str(&text, "é€");
    condition_put(&r, "Ready", "False", "R", text.data);
    struct slice message = value_slice(value_get(condition_get(r.status, "Ready"), "message"));
    assert_in_range(message.len, 32760, 32768);
    assert_true(slice_has_suffix(message, SLICE("...")) && utf8_valid(message.data, message.len));
    arena_free(a);
}

// ---- events ---------------------------------------------------------------------------------------------------------
static void test_repeated_events_are_counted(void **state)
{
    struct correlator *c = correlator_new();
    struct correlation e = correlate(c, "uid", "Warning", "Failed", "no", 1000);
    assert_true(!e.drop && !e.combined && e.count == 1);
    correlator_written(c, e.key, "p.1", "then", 1);
    for (int64_t n = 2; n < 5; n++) {
        e = correlate(c, "uid", "Warning", "Failed", "no", 1000 + n);
        assert_int_equal(e.count, n);
        assert_string_equal(e.event_name, "p.1");
        assert_string_equal(e.first_time, "then");
        correlator_written(c, e.key, "p.1", "then", n);
    }
    static const char *const others[][4] = {{"uid2", "Warning", "Failed", "no"},
                                            {"uid", "Normal", "Failed", "no"},
                                            {"uid", "Warning", "Other", "no"},
                                            {"uid", "Warning", "Failed", "yes"}};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_int_equal(correlate(c, others[i][0], others[i][1], others[i][2], others[i][3], 2000).count, 1);
    e = correlate(c, "uid", "Warning", "Failed", "no", 3000);
    correlator_forget(c, e.key); // it lived for an hour
    assert_int_equal(correlate(c, "uid", "Warning", "Failed", "no", 3001).count, 1);
    correlator_free(c);
}

static void test_similar_events_are_combined(void **state)
{
    struct correlator *c = correlator_new();
    uint64_t key = 0;
    for (int i = 0; i < 15; i++) {
        char message[32];
        snprintf(message, sizeof message, "attempt %d", i);
        struct correlation e = correlate(c, "uid", "Warning", "Failed", message, 1000 + i);
        assert_int_equal(e.combined, i >= 10);
        assert_int_equal(e.count, i > 10 ? i - 9 : 1);
        if (i > 10)
            assert_true(e.key == key);
        key = e.key;
        correlator_written(c, e.key, "p.x", "then", e.count);
    }
    assert_false(correlate(c, "uid", "Warning", "Failed", "much later", 1000 + 11 * 60 * 1000).combined);
    correlator_free(c);
}

static void test_too_many_events_are_dropped(void **state)
{
    struct correlator *c = correlator_new();
    size_t passed = 0;
    for (int i = 0; i < 100; i++)
        passed += !correlate(c, "uid", "Normal", "Said", "x", 1000).drop;
    assert_int_equal(passed, 25);
    assert_false(correlate(c, "other", "Normal", "Said", "x", 1000).drop);
    assert_false(correlate(c, "uid", "Normal", "Said", "x", 1000 + 5 * 60 * 1000).drop); // one more each five minutes
    assert_true(correlate(c, "uid", "Normal", "Said", "x", 1000 + 5 * 60 * 1000).drop);
    for (int i = 0; i < 5000; i++) { // tables stay small
        char uid[32];
        snprintf(uid, sizeof uid, "flood-%d", i);
        struct correlation e = correlate(c, uid, "Normal", "Said", "x", 2000);
        correlator_written(c, e.key, uid, "then", 1);
    }
    correlator_free(c);
}

// ---- the outbox -----------------------------------------------------------------------------------------------------
struct sent {
    struct outbox *box;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool gate, waited, cancelled;
    size_t count;
    char last[16];
};

static void send_one(void *ctx, const char *text, const int *cancel)
{
    struct sent *s = ctx;
    pthread_mutex_lock(&s->lock);
    while (!s->gate)
        pthread_cond_wait(&s->changed, &s->lock);
    s->count++;
    snprintf(s->last, sizeof s->last, "%s", text);
    pthread_mutex_unlock(&s->lock);
    if (str_eq(text, "hang")) {
        s->waited = outbox_wait(s->box, 60000);
        while (!__atomic_load_n(cancel, __ATOMIC_RELAXED))
            ;
        s->cancelled = true;
    }
}

static void open_gate(struct sent *s)
{
    pthread_mutex_lock(&s->lock);
    s->gate = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void test_outbox(void **state)
{
    struct sent s = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct error err = {0};
    s.box = outbox_new(4, send_one, &s, &err);
    assert_non_null(s.box);
    size_t taken = 0;
    for (int i = 0; i < 20; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        taken += outbox_put(s.box, xstrdup(text)); // never blocks, whatever the receiver does
    }
    assert_in_range(taken, 4, 5); // one may be in hand
    open_gate(&s);
    outbox_drain(s.box, clock_mono_ms() + 20000);
    assert_int_equal(s.count, taken);
    assert_false(outbox_put(s.box, xstrdup("late")));
    outbox_free(s.box);
}

static void test_outbox_that_hangs(void **state)
{
    struct sent s = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct error err = {0};
    s.box = outbox_new(4, send_one, &s, &err);
    outbox_put(s.box, xstrdup("hang"));
    outbox_put(s.box, xstrdup("never"));
    open_gate(&s);
    int64_t start = clock_mono_ms();
    outbox_drain(s.box, start + 50);
    outbox_free(s.box);
    assert_true(clock_mono_ms() - start < 20000);
    assert_true(!s.waited && s.cancelled);
    assert_string_equal(s.last, "hang");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_flags_from_the_environment),
        cmocka_unit_test(test_bad_flags),
        cmocka_unit_test(test_merge_patch),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_repeated_events_are_counted),
        cmocka_unit_test(test_similar_events_are_combined),
        cmocka_unit_test(test_too_many_events_are_dropped),
        cmocka_unit_test(test_outbox),
        cmocka_unit_test(test_outbox_that_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
