// test_refs.c - addresses, the choice of a reference, revisions, names in trees.
#include "from_text.h"
#include "git/private.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccc"
#define D "dddddddddddddddddddddddddddddddddddddddd"

static const struct repo_head heads[] = {
    {"HEAD", A},
    {"refs/heads/main", A},
    {"refs/heads/feature/x", B},
    {"refs/pull/7/head", C},
    {"refs/tags/v1.0.0", B},
    {"refs/tags/v1.2.0", C},
    {"refs/tags/v1.2.0^{}", D},
    {"refs/tags/1.10.0-rc.1", A},
    {"refs/tags/v2.0.0+one", A},
    {"refs/tags/v2.0.0+two", B},
    {"refs/tags/v9", C},
    {"refs/tags/nightly", D},
};

static void choosing(void **state)
{
    static const struct {
        struct repo_ref ref;
        const char *hash, *revision; // NULL hash: an error
        const char *error;
        enum error_class class;
    } cases[] = {
        {{.branch = "main"}, A, "main@sha1:" A, NULL, 0},
        {{.branch = "feature/x"}, B, "feature/x@sha1:" B, NULL, 0},
        {{0}, NULL, NULL, "couldn't find remote ref \"refs/heads/master\"", ERROR_NOT_FOUND},
        {{.branch = "gone"}, NULL, NULL, "couldn't find remote ref \"refs/heads/gone\"", ERROR_NOT_FOUND},
        {{.branch = "../../etc"}, NULL, NULL, "\"refs/heads/../../etc\" is no valid Git reference", ERROR_INVALID},
        {{.branch = "a b"}, NULL, NULL, "\"refs/heads/a b\" is no valid Git reference", ERROR_INVALID},
        {{.tag = "v1.0.0", .branch = "main"}, B, "v1.0.0@sha1:" B, NULL, 0},
        {{.tag = "v1.2.0"}, D, "v1.2.0@sha1:" D, NULL, 0}, // annotated: the commit
        {{.semver = "^1.0", .tag = "v1.0.0"}, D, "v1.2.0@sha1:" D, NULL, 0},
        {{.semver = ">=1.0.0-0 <2.0.0"}, A, "1.10.0-rc.1@sha1:" A, NULL, 0},
        {{.semver = ">=9.0.0"}, NULL, NULL, "no match found for semver: >=9.0.0", ERROR_NOT_FOUND}, // v9 is not strict
        {{.semver = "one"}, NULL, NULL, "semver parse error: ", ERROR_INVALID},
        {{.name = "refs/pull/7/head", .branch = "main"}, C, "refs/pull/7/head@sha1:" C, NULL, 0},
        {{.name = "refs/tags/v1.2.0"}, D, "refs/tags/v1.2.0@sha1:" D, NULL, 0},
        {{.name = "refs/tags/v1.2.0^{}"}, D, "refs/tags/v1.2.0^{}@sha1:" D, NULL, 0},
        {{.name = "refs/heads/main"}, A, "refs/heads/main@sha1:" A, NULL, 0},
        {{.commit = C}, C, "sha1:" C, NULL, 0},
        {{.commit = C, .branch = "main"}, C, "main@sha1:" C, NULL, 0},
        {{.commit = C, .branch = "gone"}, NULL, NULL, "couldn't find remote ref \"refs/heads/gone\"", ERROR_NOT_FOUND},
        {{.commit = "abc"}, NULL, NULL, "\"abc\" is no commit: 40 hexadecimal digits are needed", ERROR_INVALID},
    };
    struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct repo_choice choice;
        struct error err = {0};
        bool found = repo_choose(a, &cases[i].ref, heads, ARRAY_LEN(heads), &choice, &err);
        if (!cases[i].hash) {
            assert_false(found);
            assert_int_equal(err.class, cases[i].class);
            assert_true(str_has_prefix(error_text(&err), cases[i].error));
        } else {
            if (!found)
                fail_msg("case %zu: %s", i, error_text(&err));
            assert_string_equal(choice.hash, cases[i].hash);
            assert_string_equal(repo_revision(a, choice.reference, choice.by_name, choice.hash), cases[i].revision);
        }
        error_clear(&err);
    }
    arena_free(a);
}

static void versions_that_tie(void **state)
{
    struct arena *a = arena_new();
    struct repo_choice choice;
    struct error err = {0};
    assert_true(repo_choose(a, &(struct repo_ref){.semver = "2.x"}, heads, ARRAY_LEN(heads), &choice, &err));
    assert_true(choice.tied);
    assert_null(choice.hash); // only the commits' times can tell
    assert_int_equal(choice.fetch_count, 2);
    arena_free(a);
}

static void addresses(void **state)
{
    static const struct {
        const char *url;
        bool ssh;
        const char *user, *host, *path;
        int port;
        const char *printable;
    } cases[] = {
        {"https://user:secret@example.com/a.git", false, NULL, NULL, NULL, 0, "https://example.com/a.git"},
        {"http://example.com:8080/a", false, NULL, NULL, NULL, 0, "http://example.com:8080/a"},
        {"ssh://git@example.com/org/a.git", true, "git", "example.com", "/org/a.git", 0, "ssh://example.com/org/a.git"},
        {"ssh://example.com:2222/org/a.git", true, NULL, "example.com", "/org/a.git", 2222,
         "ssh://example.com:2222/org/a.git"},
        {"ssh://me@example.com/~you/a", true, "me", "example.com", "~you/a", 0, "ssh://example.com/~you/a"},
        {"git@github.com:org/a.git", true, "git", "github.com", "org/a.git", 0, "ssh://github.com/org/a.git"},
        {"host:a.git", true, NULL, "host", "a.git", 0, "ssh://host/a.git"},
    };
    static const char *const refused[] = {
        "",           "file:///etc",       "/srv/a.git",  "./a.git", "git://host/a",
        "ext::sh -c", "ssh://host",        "ssh:///a",    "a.git",   "ssh://-oProxyCommand=x/a",
        "host:",      "git@host:a\nb.git", "ftp://host/a"};
    struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct repo_location l;
        struct error err = {0};
        if (!repo_location_parse(a, cases[i].url, &l, &err))
            fail_msg("%s: %s", cases[i].url, error_text(&err));
        assert_int_equal(l.transport == GIT_OVER_SSH, cases[i].ssh);
        assert_string_equal(l.printable, cases[i].printable);
        if (!cases[i].ssh)
            continue;
        assert_true(str_eq(str_empty(l.user) ? NULL : l.user, cases[i].user));
        assert_string_equal(l.host, cases[i].host);
        assert_string_equal(l.path, cases[i].path);
        assert_int_equal(l.port, cases[i].port);
    }
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct repo_location l;
        struct error err = {0};
        if (repo_location_parse(a, refused[i], &l, &err))
            fail_msg("%s was taken", refused[i]);
        assert_int_equal(err.class, ERROR_INVALID);
        error_clear(&err);
    }
    arena_free(a);
}

static void credentials(void **state)
{
    static const struct {
        const char *url, *secret;
        const char *user, *password, *bearer, *ca, *error;
    } cases[] = {
        {"https://h/a",
         "{\"data\":{\"username\":\"bWU=\",\"password\":\"cHc=\",\"ca.crt\":\"Q0E=\",\"caFile\":\"b2xk\"}}", "me", "pw",
         NULL, "CA", NULL},
        {"https://h/a", "{\"data\":{\"bearerToken\":\"dG9r\",\"username\":\"bWU=\",\"caFile\":\"b2xk\"}}", NULL, NULL,
         "tok", "old", NULL},
        {"http://h/a", "{\"data\":{\"password\":\"cHc=\"}}", NULL, NULL, NULL, NULL,
         "invalid 'http' auth option: 'password' requires 'username' to be set"},
        {"ssh://h/a", "{\"data\":{\"known_hosts\":\"aG9zdA==\"}}", NULL, NULL, NULL, NULL,
         "invalid 'ssh' auth option: 'identity' is required"},
        {"git@h:a", "{\"data\":{\"identity\":\"aWQ=\"}}", NULL, NULL, NULL, NULL,
         "invalid 'ssh' auth option: 'known_hosts' is required"},
        {"https://h/a", "{}", NULL, NULL, NULL, NULL, NULL},
        {"https://h/a", "{\"data\":{\"githubAppID\":\"MQ==\"}}", NULL, NULL, NULL, NULL,
         "github app data in the secret is not supported by Runnel yet"},
        // Keys by their first bytes: of ciphers aes256-ctr and none, and an older one.
        {"ssh://h/a",
         "{\"data\":{\"known_hosts\":\"aG9zdA==\",\"identity\":\""
         "LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZLS0tLS0KYjNCbGJuTnphQzFyWlhrdGRqRUFBQUFBQ21GbGN6ST"
         "FOaTFqZEhJQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQQpBQUFBQUFBQUFBQUFBQUFBQUFBQUFBCi0tLS0t"
         "RU5EIE9QRU5TU0ggUFJJVkFURSBLRVktLS0tLQo="
         "\"}}",
         NULL, NULL, NULL, NULL, "SSH identity key is encrypted but no 'password' field was provided"},
        {"ssh://h/a",
         "{\"data\":{\"known_hosts\":\"aG9zdA==\",\"password\":\"cHc=\",\"identity\":\""
         "LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZLS0tLS0KYjNCbGJuTnphQzFyWlhrdGRqRUFBQUFBQ21GbGN6ST"
         "FOaTFqZEhJQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQQpBQUFBQUFBQUFBQUFBQUFBQUFBQUFBCi0tLS0t"
         "RU5EIE9QRU5TU0ggUFJJVkFURSBLRVktLS0tLQo="
         "\"}}",
         NULL, NULL, NULL, NULL, NULL},
        {"ssh://h/a",
         "{\"data\":{\"known_hosts\":\"aG9zdA==\",\"identity\":\""
         "LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZLS0tLS0KYjNCbGJuTnphQzFyWlhrdGRqRUFBQUFBQkc1dmJtVU"
         "FBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQQpBQUFBQUFBQUFBQUFBQQotLS0tLUVORCBPUEVO"
         "U1NIIFBSSVZBVEUgS0VZLS0tLS0K"
         "\"}}",
         NULL, NULL, NULL, NULL, NULL},
        {"ssh://h/a",
         "{\"data\":{\"known_hosts\":\"aG9zdA==\",\"identity\":\""
         "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpQcm9jLVR5cGU6IDQsRU5DUllQVEVECg=="
         "\"}}",
         NULL, NULL, NULL, NULL, "SSH identity key is encrypted but no 'password' field was provided"},
    };
    struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct repo_remote remote = {.url = cases[i].url};
        struct error err = {0};
        if (!repo_credentials(a, from_json(a, cases[i].secret), &remote, &err)) {
            assert_non_null(cases[i].error);
            assert_string_equal(error_text(&err), cases[i].error);
            error_clear(&err);
            continue;
        }
        assert_null(cases[i].error);
        assert_true(str_eq(remote.user, cases[i].user));
        assert_true(str_eq(remote.password, cases[i].password));
        assert_true(str_eq(remote.bearer, cases[i].bearer));
        assert_true(slice_eq(remote.ca, slice_of(cases[i].ca)));
    }
    arena_free(a);
}

static void names(void **state)
{
    static const char *const fine[] = {"a", ".github", ".gitignore", "a.git", "git", "...a", "-x", "a b"};
    static const char *const bad[] = {"", ".", "..", ".git", ".GIT", ".Git ", ".git.", "git~1", "a/b", "GIT~1"};
    for (size_t i = 0; i < ARRAY_LEN(fine); i++)
        assert_true(repo_name_safe(fine[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(repo_name_safe(bad[i]));
    assert_true(repo_path_safe("a/b/c.yaml"));
    static const char *const paths[] = {"", "/a", "a//b", "a/../b", "a/.git/config", "a/", "./a"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        assert_false(repo_path_safe(paths[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choosing),  cmocka_unit_test(versions_that_tie),
        cmocka_unit_test(addresses), cmocka_unit_test(credentials),
        cmocka_unit_test(names),
    };
    git_libgit2_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    git_libgit2_shutdown();
    return failed;
}
