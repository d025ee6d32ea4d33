// git.h - clone, fetch, checkout, commit, push (libgit2), with transports of our own: smart HTTP on `http`, SSH on libssh.
//
// Every call takes its credentials, CA and deadline from the remote it is given: nothing is process-wide. Each call works on a
// folder of its own; two threads must not use one folder.
#ifndef RUNNEL_GIT_H
#define RUNNEL_GIT_H

#include "http/http.h"

struct git_remote_options {
    const char *url;              // http, https or ssh (also scp-like git@host:path)
    const char *user, *password;  // basic
    const char *bearer;
    struct slice ca;              // PEM
    struct slice client_cert, client_key;
    const char *proxy;            // NULL: the environment's
    struct slice identity;        // SSH private key, PEM or OpenSSH; identity_password for an encrypted one
    const char *identity_password;
    struct slice known_hosts;     // known_hosts(5); an unknown or changed host key is ERROR_DENIED
    int64_t deadline_ms;          // clock_mono_ms
    const int *cancel;
};
struct git_ref_spec {             // Flux's precedence: commit > name > semver > tag > branch
    const char *branch, *tag, *semver, *name, *commit;
};
struct git_commit {
    char hash[65];
    const char *reference;        // "refs/heads/main", "refs/tags/v1"; NULL for a bare commit
    const char *revision;         // Flux's: "main@sha1:…", "v1@sha1:…", "sha1:…", "refs/pull/1/head@sha1:…"
    const char *message;
    const char *author_name, *author_email;
    int64_t author_time;
};

bool git_init(struct error *err); // once a process; registers the transports
// Asks the remote which commit the reference stands at, without fetching (ls-remote). hash empty where only a fetch can tell.
bool git_resolve(struct arena *a, const struct git_remote_options *remote, const struct git_ref_spec *ref,
                 struct git_commit *out, struct error *err);
struct git_checkout_options {
    struct git_ref_spec ref;
    bool shallow;                  // depth 1 where libgit2 can; else the whole branch
    bool submodules;
    const char *const *sparse;     // folders, NULL-terminated; NULL: everything
    size_t limit;                  // bytes received; 0: 1 GiB
};
// Clones into an empty folder and checks out.
bool git_clone(struct arena *a, const struct git_remote_options *remote, const struct git_checkout_options *options,
               const char *folder, struct git_commit *out, struct error *err);

struct git_signature {
    const char *name, *email;
};
// Commits the given files (paths relative to the folder) on top of HEAD. NOT_FOUND-free: no change is success with hash empty.
bool git_commit_files(struct arena *a, const char *folder, const char *const *paths, size_t count,
                      const struct git_signature *author, const char *message, struct git_commit *out, struct error *err);
// Pushes HEAD to the refspec's target ("refs/heads/x"); ERROR_CONFLICT when the remote moved (non fast forward) and not force.
bool git_push(struct arena *a, const char *folder, const struct git_remote_options *remote, const char *const *refspecs,
              size_t count, bool force, struct error *err);

#endif
