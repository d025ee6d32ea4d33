// credentials.c - a remote's credentials from a Secret, with the keys and rules of Flux's GitRepository.
#include "git/private.h"

#include "value/value.h"

static struct slice secret_key(struct arena *a, struct value secret, const char *key)
{
    struct slice coded = value_slice(value_get(value_get(secret, "data"), key));
    struct buf plain = BUF_IN(a);
    if (!base64_decode(&plain, coded.data, coded.len))
        return (struct slice){0};
    return slice_n(buf_cstr(&plain), plain.len); // NUL-terminated
}

static const char *secret_text(struct arena *a, struct value secret, const char *key)
{
    struct slice data = secret_key(a, secret, key);
    return data.len ? data.data : NULL;
}

// PKCS#8 and the older PEM say so in plain words; OpenSSH's own format names the cipher behind its magic
// (PROTOCOL.key).
static bool is_encrypted(struct arena *a, struct slice identity)
{
    static const char begin[] = "-----BEGIN OPENSSH PRIVATE KEY-----", magic[] = "openssh-key-v1";
    ptrdiff_t at = slice_find(identity, slice_of(begin));
    if (at < 0)
        return slice_find(identity, SLICE("ENCRYPTED")) >= 0;
    struct slice line = slice_trim_space(slice_sub(identity, (size_t)at + strlen(begin), identity.len)), rest;
    struct buf plain = BUF_IN(a);
    slice_cut(line, '\n', &line, &rest);
    line = slice_trim_space(line);
    line.len -= line.len % 4;
    if (!base64_decode(&plain, line.data, line.len) ||
        !slice_has_prefix(buf_view(&plain), slice_n(magic, sizeof magic)))
        return false;
    // The cipher's name with its length before it.
    return !slice_has_prefix(slice_sub(buf_view(&plain), sizeof magic, plain.len), SLICE("\0\0\0\4none"));
}

static bool ssh_credentials(struct arena *a, struct value secret, struct repo_remote *remote, struct error *err)
{
    remote->identity = secret_key(a, secret, "identity");
    remote->identity_password = secret_text(a, secret, "password");
    remote->known_hosts = secret_key(a, secret, "known_hosts");
    if (!remote->identity.len)
        return error_set(err, ERROR_INVALID, "invalid 'ssh' auth option: 'identity' is required");
    if (!remote->known_hosts.len)
        return error_set(err, ERROR_INVALID, "invalid 'ssh' auth option: 'known_hosts' is required");
    if (!remote->identity_password && is_encrypted(a, remote->identity))
        return error_set(err, ERROR_INVALID, "SSH identity key is encrypted but no 'password' field was provided");
    return true;
}

bool repo_credentials(struct arena *a, struct value secret, struct repo_remote *remote, struct error *err)
{
    struct repo_location location;
    if (!repo_location_parse(a, remote->url, &location, err))
        return false;
    if (secret_key(a, secret, "githubAppID").len)
        return error_set(err, ERROR_INVALID, "github app data in the secret is not supported by Runnel yet");
    if (location.transport == GIT_OVER_SSH)
        return ssh_credentials(a, secret, remote, err);
    remote->ca = secret_key(a, secret, "ca.crt");
    if (!remote->ca.len)
        remote->ca = secret_key(a, secret, "caFile");
    remote->client_cert = secret_key(a, secret, "tls.crt");
    remote->client_key = secret_key(a, secret, "tls.key");
    remote->bearer = secret_text(a, secret, "bearerToken");
    if (remote->bearer)
        return true;
    remote->user = secret_text(a, secret, "username");
    remote->password = secret_text(a, secret, "password");
    if (!remote->user && remote->password)
        return error_set(err, ERROR_INVALID, "invalid '%s' auth option: 'password' requires 'username' to be set",
                         str_has_prefix(remote->url, "https") ? "https" : "http");
    return true;
}

bool repo_proxy(struct arena *a, struct value secret, struct repo_remote *remote, struct error *err)
{
    const char *address = secret_text(a, secret, "address");
    struct url url;
    if (!address)
        return error_set(err, ERROR_INVALID, "key 'address' not found");
    address = slice_dup(a, slice_trim_space(slice_of(address)));
    if (!url_parse(a, address, &url, err))
        return error_wrap(err, "the proxy's address");
    const char *user = secret_text(a, secret, "username"), *password = secret_text(a, secret, "password");
    remote->proxy = address;
    if (user)
        remote->proxy =
            arena_printf(a, "%s://%s:%s@%s%s%s", url.scheme, url_escape(a, user), url_escape(a, str_or(password, "")),
                         url.host, str_empty(url.port) ? "" : ":", str_or(url.port, ""));
    return true;
}
