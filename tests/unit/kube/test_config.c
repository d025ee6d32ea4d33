// test_config.c - kubeconfigs: what is read from them, and what is refused.
#include <stdio.h>
#include <unistd.h>

#include "from_text.h"
#include "kube/kube_internal.h"

#define CLUSTER "clusters: [{name: c, cluster: {server: 'https://h:1'"
#define CONTEXT "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u, namespace: ns}}]\n"

static bool parse(struct arena *a, const char *text, struct kube_config *out, struct error *err)
{
    return kube_config_parse(a, slice_of(text), NULL, out, err);
}

static void test_parse(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    cleanup(error_clear) struct error err = {0};
    struct kube_config c;
    const char *text =
        "apiVersion: v1\nkind: Config\npreferences: {}\n" CONTEXT CLUSTER
        ", certificate-authority-data: Q0E=, tls-server-name: t, proxy-url: 'http://p:2'}}]\n"
        "users: [{name: u, user: {token: tok, client-certificate-data: Q0VSVA==, client-key-data: S0VZ, as: alice, "
        "as-groups: [g1, g2]}}]\n";
    if (!parse(a, text, &c, &err))
        fail_msg("%s", error_text(&err));
    assert_string_equal(c.server, "https://h:1");
    assert_true(slice_eq_str(c.ca, "CA"));
    assert_string_equal(c.token, "tok");
    assert_true(slice_eq_str(c.client_cert, "CERT"));
    assert_true(slice_eq_str(c.client_key, "KEY"));
    assert_string_equal(c.tls_server_name, "t");
    assert_string_equal(c.proxy, "http://p:2");
    assert_string_equal(c.namespace, "ns");
    assert_string_equal(c.impersonate_user, "alice");
    assert_string_equal(c.impersonate_groups[1], "g2");
    assert_null(c.impersonate_groups[2]);
    assert_false(c.insecure);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "kubeconfig: no current-context is set"},
        {"just words", "kubeconfig: not a kubeconfig"},
        {"current-context: z\n", "kubeconfig: context \"z\" does not exist"},
        {CONTEXT, "kubeconfig: context \"x\": cluster \"c\" does not exist"},
        {CONTEXT CLUSTER "}}]\n", "kubeconfig: context \"x\": user \"u\" does not exist"},
        {CONTEXT "clusters: [{name: c, cluster: {}}]\n", "kubeconfig: cluster \"c\": no server"},
        {CONTEXT CLUSTER ", insecure-skip-tls-verify: true, certificate-authority-data: Q0E=}}]\n",
         "kubeconfig: cluster \"c\": certificate-authority and insecure-skip-tls-verify exclude each other"},
        {CONTEXT CLUSTER ", certificate-authority: /etc/ca}}]\n",
         "kubeconfig: cluster \"c\": certificate-authority names a file, which is not allowed here: use "
         "certificate-authority-data"},
        {CONTEXT CLUSTER ", certificate-authority-data: '%%'}}]\n",
         "kubeconfig: cluster \"c\": certificate-authority-data is not base64"},
        {CONTEXT CLUSTER "}}]\nusers: [{name: u, user: {exec: {command: aws}}}]\n",
         "kubeconfig: user \"u\": the exec credential plugin \"aws\" is not supported: use a token or a client "
         "certificate"},
        {CONTEXT CLUSTER "}}]\nusers: [{name: u, user: {auth-provider: {name: gcp}}}]\n",
         "kubeconfig: user \"u\": the auth provider \"gcp\" is not supported: use a token or a client certificate"},
        {CONTEXT CLUSTER "}}]\nusers: [{name: u, user: {as: a, as-uid: '7'}}]\n",
         "kubeconfig: user \"u\": as-uid is not supported"},
        {CONTEXT CLUSTER "}}]\nusers: [{name: u, user: {as-groups: [g]}}]\n",
         "kubeconfig: user \"u\": as-groups needs as"},
        {CONTEXT CLUSTER "}}]\nusers: [{name: u, user: {tokenFile: /var/run/token}}]\n",
         "kubeconfig: user \"u\": tokenFile names a file, which is not allowed here: use token"},
        {CONTEXT CLUSTER "}}]\nusers: [{name: u, user: {token: \"a\\r\\nX: y\"}}]\n",
         "kubeconfig: user \"u\": token holds a control character"},
        {CONTEXT CLUSTER "}}]\nusers: [{name: u, user: {client-certificate-data: Q0E=}}]\n",
         "kubeconfig: user \"u\": client-key is missing"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup(cleanup_arena) struct arena *a = arena_new();
        cleanup(error_clear) struct error err = {0};
        struct kube_config c;
        if (parse(a, cases[i].text, &c, &err))
            fail_msg("accepted: %s", cases[i].text);
        assert_string_equal(error_text(&err), cases[i].error);
        assert_int_equal(err.class, ERROR_INVALID);
    }
}

static void test_servers(void **state)
{
    static const struct {
        const char *server, *tls_name, *url, *connect; // url NULL: refused
    } cases[] = {
        {"https://h", NULL, "https://h:443", NULL},
        {"http://h/", NULL, "http://h:80", NULL},
        {"h:6443", NULL, "https://h:6443", NULL},
        {"https://[::1]:6443/prefix/", NULL, "https://[::1]:6443/prefix", NULL},
        {"https://10.0.0.1:6443", "api.example", "https://api.example:6443", "::10.0.0.1:6443"},
        {"https://h", "h", "https://h:443", NULL},
        {"ftp://h", NULL, NULL, NULL},
        {"https://u:p@h", NULL, NULL, NULL},
        {"https://:1", NULL, NULL, NULL},
        {"", NULL, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup(error_clear) struct error err = {0};
        struct kube *k =
            kube_new(&(struct kube_config){.server = cases[i].server, .tls_server_name = cases[i].tls_name}, &err);
        if (!k != !cases[i].url)
            fail_msg("%s: %s", cases[i].server, error_text(&err));
        if (k) {
            assert_string_equal(k->server, cases[i].url);
            assert_true(str_eq(k->connect_to, cases[i].connect));
        }
        kube_free(k);
    }
}

// ---- files --------------------------------------------------------------------------------------------------------
static void write_file(struct arena *a, const char *dir, const char *name, const char *text)
{
    struct error err = {0};
    assert_true(file_write_atomic(path_join(a, dir, name), text, strlen(text), 0600, &err));
}

static char *make_dir(struct arena *a)
{
    char *dir = arena_strdup(a, "/tmp/runnel-kube-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return dir;
}

static void test_files(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    cleanup(error_clear) struct error err = {0};
    struct kube_config c;
    char *dir = make_dir(a);
    write_file(a, dir, "one",
               "current-context: two\ncontexts: [{name: one, context: {cluster: c, user: u}}]\n"
               "clusters: [{name: c, cluster: {server: 'https://first'}}]\n");
    write_file(a, dir, "two",
               "current-context: one\ncontexts: [{name: two, context: {cluster: d, user: u}}]\n"
               "clusters: [{name: c, cluster: {server: 'https://hidden'}}, {name: d, cluster: {server: "
               "'https://second', certificate-authority: ca.pem}}]\n"
               "users: [{name: u, user: {tokenFile: tok}}]\n");
    write_file(a, dir, "ca.pem", "PEM");
    // $KUBECONFIG is a list: missing files are skipped, the first word counts, relative paths start at their file.
    setenv("KUBECONFIG", arena_printf(a, "%s/none:%s/one::%s/two", dir, dir, dir), 1);
    if (!kube_config_load(a, NULL, NULL, &c, &err))
        fail_msg("%s", error_text(&err));
    assert_string_equal(c.server, "https://second");
    assert_true(slice_eq_str(c.ca, "PEM"));
    assert_string_equal(c.token_file, path_join(a, dir, "tok"));
    assert_string_equal(c.namespace, "default");
    assert_true(kube_config_load(a, NULL, "one", &c, &err));
    assert_string_equal(c.server, "https://first");
    // A file of its own wins over the variable.
    assert_false(kube_config_load(a, path_join(a, dir, "one"), NULL, &c, &err));
    assert_string_equal(error_text(&err), "kubeconfig: context \"two\" does not exist");
    error_clear(&err);
    setenv("KUBECONFIG", path_join(a, dir, "none"), 1);
    assert_false(kube_config_load(a, NULL, NULL, &c, &err));
    assert_int_equal(err.class, ERROR_NOT_FOUND);
    unsetenv("KUBECONFIG");
    struct error ignored = {0};
    dir_remove_all(dir, &ignored);
}

static void test_in_cluster(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    cleanup(error_clear) struct error err = {0};
    struct kube_config c;
    char *dir = make_dir(a);
    assert_false(kube_config_in_cluster(a, dir, "10.0.0.1", "443", &c, &err));
    error_clear(&err);
    write_file(a, dir, "ca.crt", "PEM");
    write_file(a, dir, "token", "tok\n");
    write_file(a, dir, "namespace", "flux-system\n");
    assert_true(kube_config_in_cluster(a, dir, "fd00::1", "443", &c, &err));
    assert_string_equal(c.server, "https://[fd00::1]:443");
    assert_string_equal(c.namespace, "flux-system");
    assert_true(slice_eq_str(c.ca, "PEM"));
    struct kube *k = kube_new(&c, &err);
    char *token;
    assert_true(kube_token(k, false, &token, &err));
    assert_string_equal(token, "tok");
    free(token);
    // Replaced as the kubelet does it: another file takes the name.
    write_file(a, dir, "token", "new");
    assert_true(kube_token(k, false, &token, &err));
    assert_string_equal(token, "new");
    free(token);
    // Gone, or garbage, for a moment: the last one is still good.
    unlink(path_join(a, dir, "token"));
    assert_true(kube_token(k, false, &token, &err));
    assert_string_equal(token, "new");
    free(token);
    write_file(a, dir, "token", "a\nInjected: header");
    assert_true(kube_token(k, false, &token, &err));
    assert_string_equal(token, "new");
    free(token);
    kube_free(k);
    k = kube_new(&c, &err);
    assert_false(kube_token(k, false, &token, &err));
    assert_int_equal(err.class, ERROR_DENIED);
    assert_null(strstr(error_text(&err), "Injected"));
    kube_free(k);
    struct error ignored = {0};
    dir_remove_all(dir, &ignored);
}

static void test_data(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    struct slice s;
    struct value v = from_json(a, "{\"kind\":\"Secret\",\"data\":{\"a\":\"AAFi\",\"bad\":\"%\",\"e\":\"\"}}");
    assert_true(kube_data(a, v, "a", &s) && s.len == 3 && memcmp(s.data, "\0\1b", 3) == 0);
    assert_true(kube_data(a, v, "e", &s) && s.len == 0);
    assert_false(kube_data(a, v, "bad", &s));
    assert_false(kube_data(a, v, "none", &s));
    v = from_json(a, "{\"kind\":\"ConfigMap\",\"data\":{\"a\":\"text\"},\"binaryData\":{\"b\":\"Yg==\"}}");
    assert_true(kube_data(a, v, "a", &s) && slice_eq_str(s, "text"));
    assert_true(kube_data(a, v, "b", &s) && slice_eq_str(s, "b"));
    assert_false(kube_data(a, v, "c", &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse), cmocka_unit_test(test_refusals),   cmocka_unit_test(test_servers),
        cmocka_unit_test(test_files), cmocka_unit_test(test_in_cluster), cmocka_unit_test(test_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
