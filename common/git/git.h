// git.h - clone, fetch, checkout, commit, push (libgit2), with transports of our own: smart HTTP on `http`, SSH on
// libssh.
//
// Every call takes its credentials, CA and deadline from the remote it is given: nothing is process-wide. Each call
// works on a folder of its own; two threads must not use one folder. The prefix is repo_ because git_ belongs to
// libgit2, whose header no user of this one needs.
//
// Error classes: DENIED (401, 403, wrong key, unknown or changed host key), NOT_FOUND (repository, reference, commit),
// INVALID (URL, reference, not a Git server, a file name that is not allowed), LIMIT (bytes, files, depth), CONFLICT (a
// push that came second), TIMEOUT, CANCELLED, TRANSIENT. Messages carry the remote's URL without user info and, where
// there are any, the server's own words. A repository without a single reference is NOT_FOUND with REPO_EMPTY as the
// error's code.
#ifndef RUNNEL_GIT_H
#define RUNNEL_GIT_H

#include "http/http.h"
#include "value/value.h"

#define REPO_EMPTY 1

struct repo_remote { // all borrowed for the call
    const char *url; // http, https or ssh (also scp-like git@host:path)
    // Basic (without them, the URL's); over SSH the user where the URL names none, and the password where there is no
    // identity.
    const char *user, *password;
    const char *bearer;
    struct slice ca; // PEM, trusted beside the system's
    struct slice client_cert, client_key;
    const char *proxy;     // NULL: the environment's; refused over SSH
    struct slice identity; // SSH private key, PEM or OpenSSH; identity_password for an encrypted one
    const char *identity_password;
    struct slice known_hosts;        // known_hosts(5), hashed names too; an unknown or changed host key is ERROR_DENIED
    const char *const *push_options; // NULL-terminated "name=value"; INVALID where the server takes none
    int64_t deadline_ms;             // clock_mono_ms; 0: 60 s from now
    const int *cancel;               // may be NULL
};
// Fills in what a Secret (null: none) holds for remote->url, as Flux's GitRepository reads it: username and password or
// bearerToken, ca.crt (or caFile), tls.crt and tls.key; over SSH identity and known_hosts, both needed, and password
// for the identity. INVALID else.
bool repo_credentials(struct arena *a, struct value secret, struct repo_remote *remote, struct error *err);
// A proxy's Secret: address, and username and password.
bool repo_proxy(struct arena *a, struct value secret, struct repo_remote *remote, struct error *err);

struct repo_ref { // Flux's precedence: commit > name > semver > tag > branch; nothing set: branch master
    const char *branch, *tag, *semver, *name, *commit;
};
struct repo_commit { // strings in the arena
    char hash[65];
    const char *reference; // "refs/heads/main", "refs/tags/v1"; NULL for a bare commit
    const char *revision; // Flux's: "main@sha1:…", "v1@sha1:…", "sha1:…"; the whole name where ref.name was given
    const char *message;  // these four are NULL and 0 after repo_resolve
    const char *author_name, *author_email;
    int64_t author_time;
};

bool repo_setup(struct error *err); // once a process, before threads
// Asks the remote which commit the reference stands at, without fetching (one request over HTTP). hash is empty where
// only a fetch can tell: several tags that are the same version. A `commit` is returned as it is, whether the remote
// has it or not.
bool repo_resolve(struct arena *a, const struct repo_remote *remote, const struct repo_ref *ref,
                  struct repo_commit *out, struct error *err);
struct repo_clone_options {
    struct repo_ref ref;
    bool shallow;              // depth 1 where libgit2 can (1.7 on; not for `commit`); else the whole branch
    bool submodules;           // not supported: ERROR_INVALID says so
    const char *const *sparse; // folders, NULL-terminated; NULL: everything
    size_t limit;              // bytes received, and bytes checked out; 0: 1 GiB
};
// Clones into a folder (made when absent, else empty) and checks out the bytes as committed: no filters, no line
// endings changed. HEAD is the branch, or the bare commit for anything else. Symbolic links are checked out as links,
// wherever they point.
bool repo_clone(struct arena *a, const struct repo_remote *remote, const struct repo_clone_options *options,
                const char *folder, struct repo_commit *out, struct error *err);

struct repo_author {
    const char *name, *email; // name may be NULL
};
// Commits the given files (paths relative to the folder) on top of HEAD; all else stays as in HEAD. No change is
// success with an empty hash.
bool repo_commit_files(struct arena *a, const char *folder, const char *const *paths, size_t count,
                       const struct repo_author *author, const char *message, struct repo_commit *out,
                       struct error *err);
// Makes HEAD the branch of that name, at the commit where HEAD is now (git checkout -B). No file changes.
bool repo_switch_branch(const char *folder, const char *branch, struct error *err);
// Pushes refspecs: "refs/heads/a:refs/heads/b", or a bare target ("refs/heads/b"), which gets HEAD. ERROR_CONFLICT when
// the remote moved and not force, also when the server finds that only while it updates; a hook's refusal is
// ERROR_DENIED with its words.
bool repo_push(struct arena *a, const char *folder, const struct repo_remote *remote, const char *const *refspecs,
               size_t count, bool force, struct error *err);

#endif
