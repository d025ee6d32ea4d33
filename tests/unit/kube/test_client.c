// test_client.c - requests against a server that misbehaves: errors, retries, limits, credentials, discovery.
#include <sys/stat.h>
#include <stdio.h>
#include <unistd.h>

#include "client_fixture.h"
#include "kube/kube_internal.h"

#define STATUS(code, reason, message)                                                                                  \
    "{\"kind\":\"Status\",\"code\":" #code ",\"reason\":\"" reason "\",\"message\":\"" message "\"}"

// ---- errors -------------------------------------------------------------------------------------------------------
// GET of an object named CASE-n gives the case's answer.
static const struct {
    int status;
    const char *headers, *body;
    enum error_class class;
    const char *message; // ends with
    int tries;           // GETs that the server sees
} answers[] = {
    {404, "", STATUS(404, "NotFound", "configmaps \\\"x\\\" not found"), ERROR_NOT_FOUND, "configmaps \"x\" not found",
     1},
    {404, "", "404 page not found", ERROR_NOT_FOUND, "the server could not find the requested resource", 1},
    {403, "", STATUS(403, "Forbidden", "configmaps is forbidden: no"), ERROR_DENIED, "configmaps is forbidden: no", 1},
    {401, "", STATUS(401, "Unauthorized", "Unauthorized"), ERROR_DENIED, "Unauthorized", 1},
    {409, "", STATUS(409, "Conflict", "changed"), ERROR_CONFLICT, "changed", 1},
    {422, "", STATUS(422, "Invalid", "ConfigMap \\\"x\\\" is invalid: [a: b, c: d]"), ERROR_INVALID,
     "ConfigMap \"x\" is invalid: [a: b, c: d]", 1},
    {400, "", STATUS(400, "BadRequest", "bad"), ERROR_INVALID, "bad", 1},
    {410, "", STATUS(410, "Expired", "too old"), ERROR_TRANSIENT, "too old", 1},
    {413, "", "", ERROR_LIMIT, "status 413", 1},
    {500, "", STATUS(500, "InternalError", "webhook down"), ERROR_TRANSIENT, "webhook down", 1},
    {500, "",
     STATUS(500, "InternalError", "failed to create typed patch object: .spec.x: field not declared in schema"),
     ERROR_INVALID, "field not declared in schema", 1},
    {500, "Retry-After: 3600\r\n", "oops", ERROR_TRANSIENT, "status 500: oops", 1},
    {301, "Location: http://127.0.0.1:1/\r\n", "", ERROR_TRANSIENT, "status 301", 1},
    {200, "", "garbage", ERROR_TRANSIENT, NULL, 1},
    {200, "", "{\"a\":", ERROR_TRANSIENT, NULL, 1},
    {200, "", "", ERROR_TRANSIENT, NULL, 1},
};

static void answer_case(struct fake_request *r)
{
    if (is_discovery(r))
        return;
    const char *name = strrchr(r->path, '-');
    assert_non_null(name);
    int i = atoi(name + 1);
    fake_answer(r, answers[i].status, answers[i].headers, answers[i].body);
}

static void test_errors(void **state)
{
    struct client_fixture f = client_set_up(answer_case);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct value out;
        const char *name = arena_printf(f.arena, "case-%02zu", i);
        assert_false(kube_get(f.kube, f.arena, cm(name), &out, &f.err));
        if (f.err.class != answers[i].class ||
            (answers[i].message && !str_has_suffix(error_text(&f.err), answers[i].message)))
            fail_msg("%d %s: class %d, %s", answers[i].status, answers[i].body, f.err.class, error_text(&f.err));
        assert_int_equal(f.err.code, answers[i].status == 200 ? 0 : answers[i].status);
        assert_int_equal(fake_count(f.server, arena_printf(f.arena, "GET /api/v1/namespaces/ns/configmaps/%s", name)),
                         answers[i].tries);
        error_clear(&f.err);
    }
    client_tear_down(&f);
}

// What the server said comes without URL; other faults say where.
static void test_messages(void **state)
{
    struct client_fixture f = client_set_up(answer_case);
    struct value out;
    assert_false(kube_get(f.kube, f.arena, cm("case-00"), &out, &f.err));
    assert_string_equal(error_text(&f.err), "configmaps \"x\" not found");
    error_clear(&f.err);
    assert_false(kube_get(f.kube, f.arena, cm("case-08"), &out, &f.err));
    assert_string_equal(
        error_text(&f.err),
        arena_printf(f.arena, "GET %s/api/v1/namespaces/ns/configmaps/case-08: status 413", fake_url(f.server)));
    error_clear(&f.err);
    assert_false(kube_get(f.kube, f.arena, cm("case-10"), &out, &f.err));
    assert_true(kube_error_is_schema(&f.err));
    client_tear_down(&f);
}

static void test_names(void **state)
{
    static const struct {
        struct kube_ref ref;
        const char *message;
    } cases[] = {
        {{"v1", "ConfigMap", "ns", ""}, "ConfigMap: resource name may not be empty"},
        {{"v1", "ConfigMap", "ns", ".."}, "ConfigMap: \"..\" is not a resource name"},
        {{"v1", "ConfigMap", "ns", "a/b"}, "ConfigMap: \"a/b\" is not a resource name"},
        {{"v1", "ConfigMap", "", "a"}, "ConfigMap \"a\": an empty namespace may not be set"},
        {{"v1", "Nothing", "ns", "a"}, "no matches for kind \"Nothing\" in version \"v1\""},
        {{"v1", "Other", "ns", "a"}, "no matches for kind \"Other\" in version \"v1\""},
        {{"", "ConfigMap", "ns", "a"}, "an object without apiVersion"},
        {{"v1", NULL, "ns", "a"}, "an object without kind"},
    };
    struct client_fixture f = client_set_up(answer_case);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct value out;
        assert_false(kube_get(f.kube, f.arena, cases[i].ref, &out, &f.err));
        assert_string_equal(error_text(&f.err), cases[i].message);
        error_clear(&f.err);
    }
    // All that with one request: a missing kind is not asked for again at once.
    assert_int_equal(fake_count(f.server, "GET /api/v1"), 1);
    client_tear_down(&f);
}

// ---- retries ------------------------------------------------------------------------------------------------------
static void flaky(struct fake_request *r)
{
    if (is_discovery(r))
        return;
    bool first = r->number == 1;
    if (strstr(r->path, "busy") && r->number < 3)
        fake_answer(r, 429, "Retry-After: 1\r\n", STATUS(429, "TooManyRequests", "slow down"));
    else if (strstr(r->path, "starting") && r->number < 3)
        fake_answer(r, 503, NULL, "");
    else if (strstr(r->path, "hangup") && first)
        r->close = true;
    else if (strstr(r->path, "half") && first) {
        fake_raw(r, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"half\":");
        r->close = true;
    } else {
        fake_answer(r, 200, NULL, CM("x", "1"));
    }
}

static void test_retries(void **state)
{
    static const char *const names[] = {"busy", "starting", "hangup", "half"};
    struct client_fixture f = client_set_up(flaky);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct value out;
        if (!kube_get(f.kube, f.arena, cm(names[i]), &out, &f.err))
            fail_msg("%s: %s", names[i], error_text(&f.err));
        assert_string_equal(kube_name(out), "x");
        assert_int_equal(
            fake_count(f.server, arena_printf(f.arena, "GET /api/v1/namespaces/ns/configmaps/%s", names[i])),
            i < 2 ? 3 : 2);
    }
    client_tear_down(&f);
}

static void hang_up_on_posts(struct fake_request *r)
{
    if (is_discovery(r))
        return;
    if (str_eq(r->method, "GET"))
        fake_answer(r, 200, NULL, CM("x", "1"));
    else
        r->close = true;
}

// A creation whose answer is lost may have happened: it is not sent twice. An apply is.
static void test_no_blind_retry(void **state)
{
    struct client_fixture f = client_set_up(hang_up_on_posts);
    struct value object = from_json(f.arena, CM("x", "1"));
    assert_false(kube_create(f.kube, f.arena, object, "m", NULL, &f.err));
    assert_int_equal(f.err.class, ERROR_TRANSIENT);
    // libcurl itself tries once more where a reused connection turned out to be dead before a byte came.
    assert_true(fake_count(f.server, "POST ") <= 2);
    client_tear_down(&f);
}

// ---- credentials --------------------------------------------------------------------------------------------------
static void want_new_token(struct fake_request *r)
{
    if (strstr(r->head, "Authorization: Bearer new"))
        fake_answer(r, 200, NULL, "{\"gitVersion\":\"v1.20.2\"}");
    else
        fake_answer(r, 401, NULL, STATUS(401, "Unauthorized", "Unauthorized"));
}

static void test_token_replaced(void **state)
{
    struct client_fixture f = client_set_up(want_new_token);
    char path[] = "/tmp/runnel-kube-token-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "old", 3), 3);
    struct kube *k = kube_new(&(struct kube_config){.server = fake_url(f.server), .token_file = path}, &f.err);
    struct value out;
    assert_false(kube_version(k, f.arena, &out, &f.err));
    assert_int_equal(f.err.class, ERROR_DENIED);
    assert_int_equal(fake_count(f.server, "GET /version"), 1); // the same token again would be no use
    error_clear(&f.err);
    // The same size, the same file, and a time stamp put back: only reading it again tells.
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};
    futimens(fd, times);
    assert_false(kube_version(k, f.arena, &out, &f.err));
    error_clear(&f.err);
    assert_int_equal(pwrite(fd, "new", 3, 0), 3);
    futimens(fd, times);
    assert_true(kube_version(k, f.arena, &out, &f.err));
    assert_int_equal(fake_count(f.server, "GET /version"), 4);
    kube_free(k);
    close(fd);
    unlink(path);
    client_tear_down(&f);
}

static void echo_head(struct fake_request *r)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    struct value v = value_dict(a);
    value_set_str(v, "head", r->head);
    fake_answer(r, 200, NULL, json_text(a, v));
}

static void test_headers(void **state)
{
    struct client_fixture f = client_set_up(echo_head);
    const char *groups[] = {"g1", "g2", NULL};
    struct kube *k = kube_new(&(struct kube_config){.server = fake_url(f.server),
                                                    .user = "u",
                                                    .password = "p",
                                                    .impersonate_user = "alice",
                                                    .impersonate_groups = groups},
                              &f.err);
    struct value out;
    kube_set_user_agent(k, "helm-controller/1");
    assert_true(kube_version(k, f.arena, &out, &f.err));
    const char *head = value_str(value_get(out, "head"));
    static const char *const want[] = {"Authorization: Basic dTpw",     "Impersonate-User: alice",
                                       "Impersonate-Group: g1",         "Impersonate-Group: g2",
                                       "User-Agent: helm-controller/1", "Accept: application/json"};
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        if (!strstr(head, want[i]))
            fail_msg("%s is missing in\n%s", want[i], head);
    kube_free(k);
    client_tear_down(&f);
}

// ---- lists --------------------------------------------------------------------------------------------------------
#define LIST(rv, next, items)                                                                                          \
    "{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" rv "\"" next              \
    "},\"items\":[" items "]}"

// The first snapshot is gone when its second page is asked for.
static void pages(struct fake_request *r)
{
    if (is_discovery(r))
        return;
    if (!strstr(r->query, "continue="))
        fake_answer(r, 200, NULL, LIST("5", ",\"continue\":\"t1\"", CM("a", "1") "," CM("b", "2")));
    else if (r->number == 1)
        fake_answer(r, 410, NULL, STATUS(410, "Expired", "The provided continue parameter is too old"));
    else
        fake_answer(r, 200, NULL, LIST("5", "", CM("c", "3")));
}

static void test_list_expired(void **state)
{
    struct client_fixture f = client_set_up(pages);
    struct value items;
    if (!kube_list(f.kube, f.arena, "v1", "ConfigMap", NULL, &items, &f.err))
        fail_msg("%s", error_text(&f.err));
    assert_int_equal(value_len(items), 3);
    assert_string_equal(kube_name(value_at(items, 0)), "a");
    assert_string_equal(kube_name(value_at(items, 2)), "c");
    assert_string_equal(kube_kind(value_at(items, 2)), "ConfigMap");
    client_tear_down(&f);
}

// Breaks off in the middle of the second item once; those that came are not there twice.
static void broken_page(struct fake_request *r)
{
    if (is_discovery(r))
        return;
    if (r->number == 1) {
        fake_raw(
            r,
            "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" CM(
                "a", "1") ",{\"meta");
        r->close = true;
    } else {
        fake_answer(r, 200, NULL, LIST("5", "", CM("a", "1") "," CM("b", "2")));
    }
}

static void test_list_broken(void **state)
{
    struct client_fixture f = client_set_up(broken_page);
    struct value items;
    assert_true(
        kube_list(f.kube, f.arena, "v1", "ConfigMap", &(struct kube_list_options){.namespace = "ns"}, &items, &f.err));
    assert_int_equal(value_len(items), 2);
    client_tear_down(&f);
}

static void always_expired(struct fake_request *r)
{
    if (!is_discovery(r))
        fake_answer(r, strstr(r->query, "continue=") ? 410 : 200, NULL,
                    strstr(r->query, "continue=") ? STATUS(410, "Expired", "too old")
                                                  : LIST("5", ",\"continue\":\"t\"", CM("a", "1")));
}

static void test_list_gives_up(void **state)
{
    struct client_fixture f = client_set_up(always_expired);
    struct value items;
    assert_false(kube_list(f.kube, f.arena, "v1", "ConfigMap", NULL, &items, &f.err));
    assert_int_equal(f.err.code, 410);
    client_tear_down(&f);
}

static void endless(struct fake_request *r)
{
    if (is_discovery(r))
        return;
    cleanup(cleanup_free) char *block = xcalloc(1, (1 << 20) + 1);
    memset(block, 'x', 1 << 20);
    fake_begin_stream(r);
    fake_chunk(r, "{\"data\":\"");
    for (int i = 0; i < 80; i++)
        fake_chunk(r, block);
    r->close = true;
}

static void test_answer_limit(void **state)
{
    struct client_fixture f = client_set_up(endless);
    struct value out;
    assert_false(kube_get(f.kube, f.arena, cm("x"), &out, &f.err));
    assert_int_equal(f.err.class, ERROR_LIMIT);
    client_tear_down(&f);
}

// ---- discovery ----------------------------------------------------------------------------------------------------
static void aggregated(struct fake_request *r)
{
    if (str_eq(r->path, "/api"))
        fake_answer(r, 200, NULL,
                    "{\"kind\":\"APIGroupDiscoveryList\",\"items\":[{\"metadata\":{},\"versions\":[{\"version\":\"v1\","
                    "\"resources\":["
                    "{\"resource\":\"pods\",\"responseKind\":{\"kind\":\"Pod\"}}]}]}]}");
    else if (str_eq(r->path, "/apis") && strstr(r->head, "as=APIGroupDiscoveryList"))
        fake_answer(r, 200, NULL,
                    "{\"kind\":\"APIGroupDiscoveryList\",\"items\":[{\"metadata\":{\"name\":\"apps\"},\"versions\":[{"
                    "\"version\":\"v1\",\"resources\":["
                    "{\"resource\":\"deployments\",\"responseKind\":{\"kind\":\"Deployment\"}}]}]}]}");
    else
        fake_answer(r, 404, NULL, "");
}

static void grouped(struct fake_request *r)
{
    if (str_eq(r->path, "/api"))
        fake_answer(r, 200, NULL, "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"]}");
    else if (str_eq(r->path, "/apis"))
        fake_answer(r, 200, NULL,
                    "{\"kind\":\"APIGroupList\",\"groups\":[{\"versions\":[{\"groupVersion\":\"metrics.k8s.io/"
                    "v1\"},{\"groupVersion\":\"apps/v1\"}]}]}");
    else if (str_eq(r->path, "/apis/apps/v1"))
        fake_answer(r, 200, NULL,
                    "{\"resources\":[{\"name\":\"deployments\",\"kind\":\"Deployment\"},{\"name\":\"deployments/"
                    "scale\",\"kind\":\"Scale\"}]}");
    else if (str_eq(r->path, "/api/v1"))
        fake_answer(r, 200, NULL, "{\"resources\":[{\"name\":\"pods\",\"kind\":\"Pod\"}]}");
    else
        fake_answer(r, 500, NULL, "metrics-server is down");
}

static void test_api_versions(void **state)
{
    static const struct {
        fake_handler handler;
        const char *versions;
        int requests;
    } cases[] = {
        {aggregated, "[\"v1\",\"v1/Pod\",\"apps/v1\",\"apps/v1/Deployment\"]", 2},
        {grouped, "[\"v1\",\"v1/Pod\",\"apps/v1\",\"apps/v1/Deployment\"]", 5},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct client_fixture f = client_set_up(cases[i].handler);
        struct value list;
        for (int again = 0; again < 2; again++) { // the second time from memory
            assert_true(kube_api_versions(f.kube, f.arena, &list, &f.err));
            assert_string_equal(json_text(f.arena, list), cases[i].versions);
        }
        assert_int_equal(fake_count(f.server, "GET "), cases[i].requests);
        kube_discovery_forget(f.kube);
        assert_true(kube_api_versions(f.kube, f.arena, &list, &f.err));
        assert_int_equal(fake_count(f.server, "GET "), 2 * cases[i].requests);
        client_tear_down(&f);
    }
}

// The kind appears with the second answer.
static void growing(struct fake_request *r)
{
    fake_answer(r, 200, NULL, r->number == 1 ? "{\"resources\":[]}" : RESOURCES);
}

static void test_discovery_again(void **state)
{
    struct client_fixture f = client_set_up(growing);
    struct kube_resource r;
    assert_false(kube_discover(f.kube, "v1", "ConfigMap", &r, &f.err));
    assert_int_equal(f.err.class, ERROR_NOT_FOUND);
    error_clear(&f.err);
    assert_false(kube_discover(f.kube, "v1", "ConfigMap", &r, &f.err));
    assert_int_equal(fake_count(f.server, "GET /api/v1"), 1);
    error_clear(&f.err);
    kube_discovery_forget(f.kube);
    assert_true(kube_discover(f.kube, "v1", "ConfigMap", &r, &f.err));
    const char *plural = r.plural;
    assert_string_equal(plural, "configmaps");
    assert_true(r.namespaced);
    kube_discovery_forget(f.kube); // its strings live on
    assert_true(kube_discover(f.kube, "v1", "ConfigMap", &r, &f.err));
    assert_ptr_equal(plural, r.plural);
    client_tear_down(&f);
}

// Another thread defines the kind, and says so, while the question is under way.
static struct kube *asking;

static void overtaken(struct fake_request *r)
{
    if (r->number == 1)
        kube_discovery_forget(asking);
    growing(r);
}

static void test_discovery_overtaken(void **state)
{
    struct client_fixture f = client_set_up(overtaken);
    struct kube_resource r;
    asking = f.kube;
    assert_true(kube_discover(f.kube, "v1", "ConfigMap", &r, &f.err));
    assert_int_equal(fake_count(f.server, "GET /api/v1"), 2);
    client_tear_down(&f);
}

int main(void)
{
    log_init("test", LOG_ERROR, true);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),          cmocka_unit_test(test_messages),
        cmocka_unit_test(test_names),           cmocka_unit_test(test_retries),
        cmocka_unit_test(test_no_blind_retry),  cmocka_unit_test(test_token_replaced),
        cmocka_unit_test(test_headers),         cmocka_unit_test(test_list_expired),
        cmocka_unit_test(test_list_broken),     cmocka_unit_test(test_list_gives_up),
        cmocka_unit_test(test_answer_limit),    cmocka_unit_test(test_api_versions),
        cmocka_unit_test(test_discovery_again), cmocka_unit_test(test_discovery_overtaken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
