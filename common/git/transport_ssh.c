// transport_ssh.c - Git over SSH as a subtransport of libgit2, on libssh: keys and known hosts come from memory.
//
// One session for each call. Nothing of the machine takes part: no ~/.ssh, no agent, no ssh_config. The server's key
// has to be in the known_hosts that came with the call; libssh then also asks the server for a key of a type that is
// known.
#include "git/private.h"

#include <ctype.h>
#include <errno.h>
#include <libssh/libssh.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define POLL_MS 100         // how soon a call notices that the process is ending
#define WRITE_TIMEOUT_S 20L // a server that does not take what it is sent

struct ssh_subtransport {
    git_smart_subtransport parent;
    git_smart_subtransport_stream stream; // one for all actions: upload-pack and receive-pack keep their state
    struct repo_call *call;
    ssh_session session;
    ssh_channel channel;
    int known_hosts; // file descriptor, -1: none
    bool answered;   // the server has sent something
    bool pushes;     // to git-receive-pack
};

#define OF_STREAM(s) ((struct ssh_subtransport *)((char *)(s)-offsetof(struct ssh_subtransport, stream)))

// ---- waiting ------------------------------------------------------------------------------------------------------

static bool wait_for_server(struct ssh_subtransport *t)
{
    if (repo_call_ended(t->call))
        return false;
    int flags = ssh_get_poll_flags(t->session);
    struct pollfd fd = {.fd = ssh_get_fd(t->session), .events = POLLIN};
    if (flags & SSH_WRITE_PENDING)
        fd.events |= POLLOUT;
    poll(&fd, 1, POLL_MS);
    return true;
}

// Repeats a step of libssh until it is through; false with call->error when the call ended first.
#define STEP(t, result, expression, again)                                                                             \
    ({                                                                                                                 \
        bool going_ = true;                                                                                            \
        while (((result) = (expression)) == (again) && (going_ = wait_for_server(t)))                                  \
            ;                                                                                                          \
        going_;                                                                                                        \
    })

static bool ssh_error(struct ssh_subtransport *t, enum error_class class, const char *what)
{
    if (t->call->error.class)
        return false;
    return error_set(&t->call->error, class, "ssh: %s: %.300s", what, ssh_get_error(t->session));
}

// ---- the server's key ---------------------------------------------------------------------------------------------

// libssh reads known_hosts from a path only: a file in memory has one.
static bool offer_known_hosts(struct ssh_subtransport *t)
{
    struct slice text = t->call->remote->known_hosts;
    if (slice_trim_space(text).len == 0)
        return error_set(&t->call->error, ERROR_DENIED,
                         "ssh: known_hosts is missing: the server's key cannot be verified");
    for (struct slice line, rest = text; rest.len; text = rest) {
        slice_cut(text, '\n', &line, &rest);
        if (slice_has_prefix(slice_trim_space(line), SLICE("@")))
            return error_set(&t->call->error, ERROR_INVALID,
                             "ssh: known_hosts with @cert-authority or @revoked lines is not supported");
    }
    t->known_hosts = memfd_create("known_hosts", MFD_CLOEXEC);
    const struct slice all = t->call->remote->known_hosts;
    if (t->known_hosts < 0 || write(t->known_hosts, all.data, all.len) != (ssize_t)all.len ||
        write(t->known_hosts, "\n", 1) != 1)
        return error_set(&t->call->error, ERROR_TRANSIENT, "ssh: known_hosts: %s", strerror(errno));
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", t->known_hosts);
    ssh_options_set(t->session, SSH_OPTIONS_KNOWNHOSTS, path);
    ssh_options_set(t->session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
    return true;
}

static const char *server_key(struct ssh_subtransport *t)
{
    ssh_key key = NULL;
    unsigned char *hash = NULL;
    size_t len = 0;
    const char *text = "no key";
    if (ssh_get_server_publickey(t->session, &key) == SSH_OK &&
        ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) == 0) {
        char *print = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len);
        text = arena_printf(t->call->arena, "%s %s", ssh_key_type_to_char(ssh_key_type(key)), print ? print : "?");
        ssh_string_free_char(print);
    }
    ssh_clean_pubkey_hash(&hash);
    ssh_key_free(key);
    return text;
}

static bool verify_server(struct ssh_subtransport *t)
{
    struct repo_call *call = t->call;
    switch (ssh_session_is_known_server(t->session)) {
    case SSH_KNOWN_HOSTS_OK:
        return true;
    case SSH_KNOWN_HOSTS_CHANGED:
    case SSH_KNOWN_HOSTS_OTHER:
        return error_set(&call->error, ERROR_DENIED,
                         "ssh: handshake failed: knownhosts: key mismatch: %s now has %s, known_hosts has another key",
                         call->location.host, server_key(t));
    case SSH_KNOWN_HOSTS_UNKNOWN:
    case SSH_KNOWN_HOSTS_NOT_FOUND:
        return error_set(&call->error, ERROR_DENIED,
                         "ssh: handshake failed: knownhosts: key is unknown: %s with %s is not in known_hosts",
                         call->location.host, server_key(t));
    default:
        return ssh_error(t, ERROR_DENIED, "known_hosts");
    }
}

// ---- our key ------------------------------------------------------------------------------------------------------

static bool unable_to_authenticate(struct ssh_subtransport *t, const char *method)
{
    return error_set(&t->call->error, ERROR_DENIED,
                     "ssh: handshake failed: ssh: unable to authenticate, attempted %s as %s", method,
                     t->call->location.user);
}

static bool authenticate_with_key(struct ssh_subtransport *t)
{
    const struct repo_remote *remote = t->call->remote;
    char *text = xstrndup(remote->identity.data, remote->identity.len);
    ssh_key key = NULL;
    int imported = ssh_pki_import_privkey_base64(text, remote->identity_password, NULL, NULL, &key);
    explicit_bzero(text, remote->identity.len);
    free(text);
    if (imported != SSH_OK)
        return error_set(&t->call->error, ERROR_INVALID,
                         "ssh: the identity is no private key, or its password is wrong");
    int result;
    bool going = STEP(t, result, ssh_userauth_publickey(t->session, NULL, key), SSH_AUTH_AGAIN);
    ssh_key_free(key);
    if (!going)
        return false;
    if (result == SSH_AUTH_ERROR)
        return ssh_error(t, ERROR_TRANSIENT, "authentication");
    return result == SSH_AUTH_SUCCESS ? true : unable_to_authenticate(t, "publickey");
}

// Many servers ask for a password as a "keyboard-interactive" question.
static int answer_questions(struct ssh_subtransport *t)
{
    int result;
    for (int round = 0; round < 4; round++) {
        if (!STEP(t, result, ssh_userauth_kbdint(t->session, NULL, NULL), SSH_AUTH_AGAIN) || result != SSH_AUTH_INFO)
            return result;
        int prompts = ssh_userauth_kbdint_getnprompts(t->session);
        for (int i = 0; i < prompts; i++)
            ssh_userauth_kbdint_setanswer(t->session, (unsigned)i, t->call->remote->password);
    }
    return SSH_AUTH_DENIED;
}

static bool authenticate(struct ssh_subtransport *t)
{
    const struct repo_remote *remote = t->call->remote;
    if (remote->identity.len)
        return authenticate_with_key(t);
    if (str_empty(remote->password))
        return error_set(&t->call->error, ERROR_DENIED, "ssh: neither an identity nor a password is given");
    int result;
    if (!STEP(t, result, ssh_userauth_password(t->session, NULL, remote->password), SSH_AUTH_AGAIN))
        return false;
    if (result != SSH_AUTH_SUCCESS && result != SSH_AUTH_ERROR)
        result = answer_questions(t);
    if (t->call->error.class)
        return false;
    if (result == SSH_AUTH_ERROR)
        return ssh_error(t, ERROR_TRANSIENT, "authentication");
    return result == SSH_AUTH_SUCCESS ? true : unable_to_authenticate(t, "password");
}

// ---- connecting ---------------------------------------------------------------------------------------------------

static bool configure(struct ssh_subtransport *t)
{
    const struct repo_location *l = &t->call->location;
    int port = l->port ? l->port : 22, off = 0;
    long timeout = WRITE_TIMEOUT_S;
    bool set = ssh_options_set(t->session, SSH_OPTIONS_PROCESS_CONFIG, &off) == 0 &&
               ssh_options_set(t->session, SSH_OPTIONS_HOST, l->host) == 0 &&
               ssh_options_set(t->session, SSH_OPTIONS_PORT, &port) == 0 &&
               ssh_options_set(t->session, SSH_OPTIONS_USER, t->call->location.user) == 0 &&
               ssh_options_set(t->session, SSH_OPTIONS_TIMEOUT, &timeout) == 0 &&
               ssh_options_set(t->session, SSH_OPTIONS_SSH_DIR, "/nonexistent") == 0;
    return set ? true : ssh_error(t, ERROR_INVALID, "options");
}

static bool open_session(struct ssh_subtransport *t)
{
    t->session = ssh_new();
    if (!t->session)
        abort(); // no memory
    if (!configure(t) || !offer_known_hosts(t))
        return false;
    ssh_set_blocking(t->session, 0);
    int result;
    if (!STEP(t, result, ssh_connect(t->session), SSH_AGAIN))
        return false;
    if (result != SSH_OK)
        return ssh_error(t, ERROR_TRANSIENT, "connect");
    return verify_server(t) && authenticate(t);
}

// The path in single quotes, as git itself gives it to the server's shell.
static const char *command(struct repo_call *call, bool push)
{
    struct buf line = BUF_IN(call->arena);
    buf_str(&line, push ? "git-receive-pack '" : "git-upload-pack '");
    for (const char *c = call->location.path; *c; c++) {
        if (*c == '\'' || *c == '!')
            buf_printf(&line, "'\\%c'", *c);
        else
            buf_char(&line, *c);
    }
    buf_char(&line, '\'');
    return buf_cstr(&line);
}

static bool start_service(struct ssh_subtransport *t, bool push)
{
    int result;
    t->channel = ssh_channel_new(t->session);
    if (!t->channel)
        return ssh_error(t, ERROR_TRANSIENT, "channel");
    if (!STEP(t, result, ssh_channel_open_session(t->channel), SSH_AGAIN))
        return false;
    if (result != SSH_OK)
        return ssh_error(t, ERROR_TRANSIENT, "session");
    const char *line = command(t->call, push);
    if (!STEP(t, result, ssh_channel_request_exec(t->channel, line), SSH_AGAIN))
        return false;
    if (result != SSH_OK)
        return ssh_error(t, ERROR_DENIED, push ? "git-receive-pack" : "git-upload-pack");
    ssh_set_blocking(t->session, 1); // from here on each read has a timeout of its own
    return true;
}

// ---- libgit2's side -----------------------------------------------------------------------------------------------

static void hear_stderr(struct ssh_subtransport *t)
{
    char text[1024];
    int n;
    while (t->call->said.len < GIT_REMOTE_WORDS &&
           (n = ssh_channel_read_nonblocking(t->channel, text, sizeof text, 1)) > 0)
        buf_add(&t->call->said, text, (size_t)n);
}

// The server ended without a word of the protocol: what it wrote to stderr says why.
static bool refused(struct ssh_subtransport *t)
{
    static const struct {
        const char *words;
        enum error_class class;
    } reasons[] = {
        {"not appear to be a git", ERROR_NOT_FOUND},
        {"not found", ERROR_NOT_FOUND},
        {"o such", ERROR_NOT_FOUND},
        {"denied", ERROR_DENIED},
        {"ot authori", ERROR_DENIED},
        {"ermission", ERROR_DENIED},
    };
    hear_stderr(t);
    const char *said = buf_cstr(&t->call->said);
    enum error_class class = ERROR_TRANSIENT;
    for (size_t i = 0; i < ARRAY_LEN(reasons) && class == ERROR_TRANSIENT; i++)
        if (strstr(said, reasons[i].words))
            class = reasons[i].class;
    return error_set(&t->call->error, class, class == ERROR_NOT_FOUND ? "repository not found: %.300s" : "ssh: %.300s",
                     *said ? arena_strdup(t->call->arena, said) : "the server closed the connection");
}

static int stream_read(git_smart_subtransport_stream *stream, char *buffer, size_t room, size_t *read)
{
    struct ssh_subtransport *t = OF_STREAM(stream);
    *read = 0;
    while (!repo_call_ended(t->call)) {
        int n = ssh_channel_read_timeout(t->channel, buffer, (uint32_t)(room < 1 << 20 ? room : 1 << 20), 0, POLL_MS);
        if (n > 0) {
            t->answered = true;
            repo_push_options_hear(t->call, buffer, (size_t)n);
            *read = (size_t)n;
            return repo_call_count(t->call, (size_t)n) ? 0 : -1;
        }
        if (n == SSH_ERROR)
            return ssh_error(t, ERROR_TRANSIENT, "read"), -1;
        hear_stderr(t);
        if (ssh_channel_is_eof(t->channel) || ssh_channel_is_closed(t->channel))
            return t->answered ? 0 : (refused(t), -1);
    }
    return -1;
}

static int stream_write(git_smart_subtransport_stream *stream, const char *buffer, size_t len)
{
    struct ssh_subtransport *t = OF_STREAM(stream);
    struct buf changed = BUF_IN(t->call->arena);
    if (t->pushes && !repo_push_options_insert(t->call, &buffer, &len, &changed))
        return -1;
    while (len) {
        if (repo_call_ended(t->call))
            return -1;
        int n = ssh_channel_write(t->channel, buffer, (uint32_t)(len < 1 << 16 ? len : 1 << 16));
        // The server ends when it has sent its pack, and libgit2 says goodbye all the same. Where it ended too early,
        // the next read finds out.
        if (n <= 0 && t->answered && ssh_channel_is_closed(t->channel))
            return 0;
        if (n <= 0)
            return ssh_error(t, ERROR_TRANSIENT, "write"), -1;
        buffer += n;
        len -= (size_t)n;
    }
    return 0;
}

static void stream_free(git_smart_subtransport_stream *stream)
{
    // It is part of the subtransport, which outlives it.
}

static void disconnect(struct ssh_subtransport *t)
{
    if (t->channel) {
        ssh_set_blocking(t->session, 0); // a farewell is not worth waiting for
        ssh_channel_free(t->channel);
    }
    if (t->session) {
        ssh_disconnect(t->session);
        ssh_free(t->session);
    }
    if (t->known_hosts >= 0)
        close(t->known_hosts);
    t->channel = NULL;
    t->session = NULL;
    t->known_hosts = -1;
}

static int transport_action(git_smart_subtransport_stream **out, git_smart_subtransport *transport, const char *url,
                            git_smart_service_t action)
{
    struct ssh_subtransport *t = (struct ssh_subtransport *)transport;
    *out = &t->stream;
    if (t->channel) // the conversation that began with the advertisement goes on
        return 0;
    if (action != GIT_SERVICE_UPLOADPACK_LS && action != GIT_SERVICE_RECEIVEPACK_LS)
        return -1;
    t->pushes = action == GIT_SERVICE_RECEIVEPACK_LS;
    return open_session(t) && start_service(t, t->pushes) ? 0 : -1;
}

static int transport_close(git_smart_subtransport *transport)
{
    disconnect((struct ssh_subtransport *)transport);
    return 0;
}

static void transport_free(git_smart_subtransport *transport)
{
    disconnect((struct ssh_subtransport *)transport);
    free(transport);
}

int repo_transport_ssh(git_smart_subtransport **out, git_transport *owner, void *param)
{
    struct ssh_subtransport *t = xcalloc(1, sizeof *t);
    *t = (struct ssh_subtransport){
        .parent = {.action = transport_action, .close = transport_close, .free = transport_free},
        .stream = {.subtransport = &t->parent, .read = stream_read, .write = stream_write, .free = stream_free},
        .call = param,
        .known_hosts = -1,
    };
    *out = &t->parent;
    return 0;
}
