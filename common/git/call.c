// call.c - one operation on one remote: its address, deadline, limits, callbacks, and what libgit2's failures mean.
#include "git/private.h"

#include <ctype.h>

bool repo_setup(struct error *err)
{
    if (git_libgit2_init() < 0)
        return repo_failed(-1, err);
    // Nothing on this machine may change what a clone means: no insteadOf, no hooks' templates, no autocrlf.
    const int levels[] = {GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL,
                          GIT_CONFIG_LEVEL_PROGRAMDATA};
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
    git_libgit2_opts(GIT_OPT_SET_TEMPLATE_PATH, "");
    // libgit2 has read the system's trust store (350 KiB) for its own TLS, which is never used here: this folder has no
    // certificates.
    git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, NULL, "/proc/self/ns");
    // Each call reads each object about once: a cache would only be memory.
    git_libgit2_opts(GIT_OPT_ENABLE_CACHING, 0);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, (size_t)(64 << 20));
    git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, (size_t)GIT_OBJECTS_LIMIT);
    return true;
}

// ---- addresses ----------------------------------------------------------------------------------------------------

static bool parse_ssh(struct arena *a, const char *url, struct repo_location *out, struct error *err)
{
    struct url parts;
    if (strstr(url, "://")) {
        if (!url_parse(a, url, &parts, err))
            return false;
        out->user = parts.user;
        out->host = parts.host;
        out->port = str_empty(parts.port) ? 0 : atoi(parts.port);
        // ssh://host/~user/x is meant from the home folder: the shell expands ~ only at the start.
        out->path = parts.path && str_has_prefix(parts.path, "/~") ? parts.path + 1 : parts.path;
    } else {
        struct slice head, tail, user, host;
        slice_cut(slice_of(url), ':', &head, &tail);
        if (slice_cut(head, '@', &user, &host)) {
            out->user = slice_dup(a, user);
            out->host = slice_dup(a, host);
        } else {
            out->host = slice_dup(a, head);
        }
        out->path = slice_dup(a, tail);
    }
    if (str_empty(out->host) || str_empty(out->path) || str_eq(out->path, "/"))
        return error_set(err, ERROR_INVALID, "a Git URL needs a host and a path");
    // A host that starts with a dash has been taken for an option by other programs; no real one does.
    for (const char *c = out->host; *c; c++)
        if (isspace((unsigned char)*c) || iscntrl((unsigned char)*c) || *out->host == '-')
            return error_set(err, ERROR_INVALID, "a Git URL with a host that cannot be");
    for (const char *c = out->path; *c; c++)
        if (iscntrl((unsigned char)*c))
            return error_set(err, ERROR_INVALID, "a Git URL with control characters");
    const char *port = out->port ? arena_printf(a, ":%d", out->port) : "", *slash = *out->path == '/' ? "" : "/";
    out->printable = arena_printf(a, "ssh://%s%s%s%s", out->host, port, slash, out->path);
    return true;
}

bool repo_location_parse(struct arena *a, const char *url, struct repo_location *out, struct error *err)
{
    *out = (struct repo_location){.transport = GIT_OVER_HTTP};
    if (str_empty(url))
        return error_set(err, ERROR_INVALID, "the URL is empty");
    if (str_has_prefix(url, "http://") || str_has_prefix(url, "https://")) {
        struct url parts;
        if (!url_parse(a, url, &parts, err))
            return false;
        out->user = parts.user;
        out->password = parts.password;
        out->printable = url_redact(a, url);
        return true;
    }
    bool scp_like = !strstr(url, "://") && strchr(url, ':') && !strstr(url, "::") && *url != '/' && *url != '.';
    if (!scp_like && !str_has_prefix(url, "ssh://"))
        return error_set(err, ERROR_INVALID, "a Git URL starts with http://, https:// or ssh://");
    out->transport = GIT_OVER_SSH;
    return parse_ssh(a, url, out, err);
}

// ---- a call -------------------------------------------------------------------------------------------------------

bool repo_call_begin(struct repo_call *call, const struct repo_remote *remote, size_t limit, struct error *err)
{
    *call = (struct repo_call){.arena = arena_new(), .remote = remote, .limit = limit ? limit : GIT_RECEIVE_LIMIT};
    call->said = call->heard = call->updates = BUF_IN(call->arena);
    call->deadline_ms = remote->deadline_ms ? remote->deadline_ms : clock_mono_ms() + 60000;
    if (!repo_location_parse(call->arena, remote->url, &call->location, err))
        return false;
    if (call->location.transport == GIT_OVER_HTTP)
        return true;
    if (str_empty(call->location.user))
        call->location.user = str_or(remote->user, "git");
    if (!str_empty(remote->proxy))
        return error_set(err, ERROR_INVALID, "a proxy is not supported for Git over SSH");
    return true;
}

void repo_call_end(struct repo_call *call)
{
    error_clear(&call->error);
    error_clear(&call->rejected);
    arena_free(call->arena);
}

int64_t repo_call_remaining_ms(const struct repo_call *call)
{
    int64_t left = call->deadline_ms - clock_mono_ms();
    return left > 0 ? left : 0;
}

bool repo_call_ended(struct repo_call *call)
{
    if (call->error.class)
        return true;
    if (call->remote->cancel && __atomic_load_n(call->remote->cancel, __ATOMIC_RELAXED))
        return !error_set(&call->error, ERROR_CANCELLED, "cancelled");
    if (clock_mono_ms() >= call->deadline_ms)
        return !error_set(&call->error, ERROR_TIMEOUT, "context deadline exceeded");
    return false;
}

bool repo_call_count(struct repo_call *call, size_t received)
{
    call->received += received;
    if (call->received <= call->limit)
        return true;
    if (!call->error.class)
        error_set(&call->error, ERROR_LIMIT, "the repository is larger than the limit of %zu bytes", call->limit);
    return false;
}

// ---- callbacks ----------------------------------------------------------------------------------------------------

static int make_transport(git_transport **out, git_remote *owner, void *payload)
{
    struct repo_call *call = payload;
    bool ssh = call->location.transport == GIT_OVER_SSH;
    call->definition = (git_smart_subtransport_definition){
        .callback = ssh ? repo_transport_ssh : repo_transport_http,
        .rpc = !ssh,
        .param = call,
    };
    return git_transport_smart(out, owner, &call->definition);
}

static int on_progress(const git_indexer_progress *progress, void *payload)
{
    struct repo_call *call = payload;
    if (progress->total_objects > GIT_OBJECTS_LIMIT && !call->error.class)
        error_set(&call->error, ERROR_LIMIT, "the pack has %u objects, the limit is %u", progress->total_objects,
                  GIT_OBJECTS_LIMIT);
    return repo_call_ended(call) ? GIT_EUSER : 0;
}

static int on_said(const char *text, int len, void *payload)
{
    struct repo_call *call = payload;
    for (int i = 0; i < len && call->said.len < GIT_REMOTE_WORDS; i++)
        buf_char(&call->said, text[i] == '\r' ? '\n' : text[i]);
    return repo_call_ended(call) ? GIT_EUSER : 0;
}

// report-status: which references the server took. The words are git-receive-pack's.
static int on_reference(const char *reference, const char *status, void *payload)
{
    struct repo_call *call = payload;
    if (!status || call->rejected.class)
        return 0;
    static const char *const moved[] = {"non-fast-forward",        "fetch first",     "stale info",
                                        "failed to update ref",    "cannot lock ref", "needs force",
                                        "failed to lock",          "already exists",  "incorrect old value provided",
                                        "reference already exists"};
    enum error_class class = ERROR_DENIED; // a hook or a protected branch
    for (size_t i = 0; i < ARRAY_LEN(moved); i++)
        if (strstr(status, moved[i]))
            class = ERROR_CONFLICT;
    error_set(&call->rejected, class, "the server rejected %s: %.200s", reference, status);
    return 0;
}

void repo_call_callbacks(struct repo_call *call, git_remote_callbacks *callbacks)
{
    git_remote_init_callbacks(callbacks, GIT_REMOTE_CALLBACKS_VERSION);
    callbacks->transport = make_transport;
    callbacks->transfer_progress = on_progress;
    callbacks->sideband_progress = on_said;
    callbacks->push_update_reference = on_reference;
    callbacks->payload = call;
}

bool repo_call_remote(struct repo_call *call, git_repository *repository, git_remote **out, struct error *err)
{
    git_remote_create_options options = GIT_REMOTE_CREATE_OPTIONS_INIT;
    options.repository = repository;
    // Not only that no configuration may redirect a URL: looking for insteadOf leaks 20 KiB for each configuration line
    // (libgit2 1.5).
    options.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
    int code = git_remote_create_with_opts(out, call->remote->url, &options);
    return code == 0 ? true : repo_call_failed(call, code, err);
}

bool repo_call_connect(struct repo_call *call, git_remote *remote, git_direction direction, struct error *err)
{
    git_remote_callbacks callbacks;
    repo_call_callbacks(call, &callbacks);
    int code = git_remote_connect(remote, direction, &callbacks, NULL, NULL);
    return code == 0 ? true : repo_call_failed(call, code, err);
}

// ---- failures -----------------------------------------------------------------------------------------------------

bool repo_failed(int code, struct error *err)
{
    const git_error *last = git_error_last();
    const char *text = last && !str_empty(last->message) ? last->message : "libgit2 gives no reason";
    enum error_class class = ERROR_INVALID;
    if (code == GIT_ENOTFOUND)
        class = ERROR_NOT_FOUND;
    else if (code == GIT_ENONFASTFORWARD)
        class = ERROR_CONFLICT;
    else if (last && (last->klass == GIT_ERROR_NET || last->klass == GIT_ERROR_OS || last->klass == GIT_ERROR_INDEXER ||
                      last->klass == GIT_ERROR_ODB))
        class = ERROR_TRANSIENT;
    return error_set(err, class, "%s", text);
}

// What the server said beside the protocol, in one line without control characters.
static const char *said_line(struct repo_call *call)
{
    struct buf line = BUF_IN(call->arena);
    struct slice text = slice_trim_space(buf_view(&call->said));
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '\n')
            buf_str(&line, "; ");
        else if (!iscntrl((unsigned char)c))
            buf_char(&line, c);
    }
    return buf_cstr(&line);
}

void repo_call_quote(struct repo_call *call, struct error *err)
{
    const char *said = said_line(call);
    if (*said)
        error_set(err, err->class, "%s (the server says: %s)", error_text(err), said);
}

bool repo_call_failed(struct repo_call *call, int code, struct error *err)
{
    if (call->error.class) {
        struct error found = call->error;
        call->error = (struct error){0};
        return error_move(err, &found);
    }
    repo_failed(code, err);
    repo_call_quote(call, err);
    return false;
}
