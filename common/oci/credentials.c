// credentials.c - which entry of a kubernetes.io/dockerconfigjson is for a repository.
#include "oci/private.h"

// An entry's key without scheme, trailing slash and the "/v1/" or "/v2/" of old Docker clients.
static struct slice strip_key(struct slice key)
{
    static const char *const schemes[] = {"https://", "http://"};
    static const char *const versions[] = {"/v1", "/v2"};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (slice_has_prefix(key, slice_of(schemes[i])))
            key = slice_sub(key, strlen(schemes[i]), key.len);
    while (key.len && key.data[key.len - 1] == '/')
        key.len--;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++)
        if (slice_has_suffix(key, slice_of(versions[i])))
            key.len -= strlen(versions[i]);
    return key;
}

// One label of a host name; '*' stands for any run of characters within it.
static bool glob_match(struct slice pattern, struct slice text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, resume = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.len && pattern.data[p] == text.data[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*')
        p++;
    return p == pattern.len;
}

// As the kubelet: label by label, so that *.example.com is no match for a.b.example.com.
static bool host_match(struct slice pattern, struct slice host)
{
    bool more_p = true, more_h = true;
    struct slice p, h, port_p, port_h, host_p, host_h;
    slice_cut(pattern, ':', &host_p, &port_p);
    slice_cut(host, ':', &host_h, &port_h);
    if (!slice_eq(port_p, port_h))
        return false;
    while (more_p && more_h) {
        more_p = slice_cut(host_p, '.', &p, &host_p);
        more_h = slice_cut(host_h, '.', &h, &host_h);
        if (!glob_match(p, h))
            return false;
    }
    return more_p == more_h;
}

static bool key_match(struct slice key, struct slice host, struct slice path)
{
    struct slice key_host, key_path;
    slice_cut(key, '/', &key_host, &key_path);
    if (is_docker_hub(key_host) ? !is_docker_hub(host) : !host_match(key_host, host))
        return false;
    return !key_path.len || slice_eq(key_path, path) ||
           (slice_has_prefix(path, key_path) && path.data[key_path.len] == '/');
}

static bool read_entry(struct arena *a, struct value entry, struct oci_credentials *out, struct error *err)
{
    *out = (struct oci_credentials){
        .user = value_str(value_get(entry, "username")),
        .password = value_str(value_get(entry, "password")),
        .bearer = value_str_or(value_get(entry, "registrytoken"), NULL),
        .identity_token = value_str_or(value_get(entry, "identitytoken"), NULL),
    };
    struct slice auth = value_slice(value_get(entry, "auth"));
    if (auth.len) {
        struct buf plain = BUF_IN(a);
        struct slice user, password;
        if (!base64_decode(&plain, auth.data, auth.len) || !slice_cut(buf_view(&plain), ':', &user, &password))
            return error_set(err, ERROR_INVALID, "invalid docker config: an \"auth\" is not base64 of user:password");
        out->user = slice_dup(a, user);
        out->password = slice_dup(a, password);
    }
    // Identity tokens come with the user <token>, which is nobody's name.
    if (str_empty(out->user) || str_eq(out->user, "<token>"))
        out->user = out->password = NULL;
    return true;
}

bool oci_docker_config(struct arena *a, struct slice json, const char *repository, struct oci_credentials *out,
                       struct error *err)
{
    struct error detail cleanup(error_clear) = {0};
    struct value document;
    *out = (struct oci_credentials){0};
    if (!json_parse(a, json.data, json.len, 0, &document, &detail)) // the parser's words could quote a password
        return error_set(err, ERROR_INVALID, "invalid docker config: not valid JSON");
    struct value auths = value_get(document, "auths");
    if (!value_is(auths, V_DICT))
        return error_set(err, ERROR_INVALID, "invalid docker config: no \"auths\" in it");

    struct slice host, path, best = {0};
    struct value entry = VALUE_NULL;
    slice_cut(slice_of(repository), '/', &host, &path);
    for (struct value_iter it = {0}; value_next(auths, &it);) {
        struct slice key = strip_key(slice_n(it.key, it.key_len));
        if (key.len && key_match(key, host, path) && (value_is_null(entry) || key.len > best.len)) {
            best = key;
            entry = it.value;
        }
    }
    return value_is(entry, V_DICT) && read_entry(a, entry, out, err);
}
