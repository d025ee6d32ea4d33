// private.h - what the files of common/git share: one call's state, the transports, choosing a reference.
//
// A `struct repo_call` is one operation on one remote. libgit2 hands it back to our transports as the callbacks'
// payload, so that credentials, limits and errors stay with the call and nothing is process-wide.
#ifndef RUNNEL_GIT_PRIVATE_H
#define RUNNEL_GIT_PRIVATE_H

#include <git2.h>
#include <git2/sys/transport.h>

#include "git/git.h"

#define LIBGIT2_AT_LEAST(major, minor)                                                                                 \
    (LIBGIT2_VER_MAJOR > (major) || (LIBGIT2_VER_MAJOR == (major) && LIBGIT2_VER_MINOR >= (minor)))

#define GIT_REFS_LIMIT (64u << 20)        // bytes of a reference advertisement
#define GIT_RECEIVE_LIMIT (1024ull << 20) // bytes received by one clone, unless the caller says otherwise
#define GIT_OBJECTS_LIMIT (5u << 20)      // objects in one pack
#define GIT_REMOTE_WORDS 2048             // bytes kept of what a server says on the side

struct repo_location { // a remote's address, taken apart
    enum { GIT_OVER_HTTP, GIT_OVER_SSH } transport;
    const char *user, *password; // the URL's; NULL: it has none (the password is for HTTP)
    const char *host, *path;     // of SSH; path as the server's git-upload-pack gets it
    int port;                       // 0: 22
    const char *printable;          // without user info, for messages
};
// Only http, https and ssh (and git@host:path): file and git URLs would reach what a user must not.
bool repo_location_parse(struct arena *a, const char *url, struct repo_location *out, struct error *err);

struct repo_call {
    struct arena *arena; // ends with the call
    const struct repo_remote *remote;
    struct repo_location location;
    int64_t deadline_ms;
    size_t limit, received; // bytes
    const char *spool;      // folder for what does not fit in memory; NULL: $TMPDIR or /tmp
    struct error error;     // what a transport found wrong; libgit2 itself only learns that it failed
    struct buf said;        // what the server said on the side band or on stderr
    // push_options.c: the server's capabilities; what libgit2 wrote until its updates were complete.
    struct buf heard, updates;
    bool updates_sent;
    struct error rejected; // of a push: the first reference that the server refused
    git_smart_subtransport_definition definition;
};
bool repo_call_begin(struct repo_call *call, const struct repo_remote *remote, size_t limit, struct error *err);
void repo_call_end(struct repo_call *call);
bool repo_call_ended(struct repo_call *call); // the deadline passed or the process is ending; sets call->error
int64_t repo_call_remaining_ms(const struct repo_call *call);
bool repo_call_count(struct repo_call *call, size_t received); // false: over the limit, and call->error says so
void repo_call_callbacks(struct repo_call *call, git_remote_callbacks *callbacks);
// The call's remote, with a repository or (NULL) without.
bool repo_call_remote(struct repo_call *call, git_repository *repository, git_remote **out, struct error *err);
// Connects for GIT_DIRECTION_FETCH or GIT_DIRECTION_PUSH.
bool repo_call_connect(struct repo_call *call, git_remote *remote, git_direction direction, struct error *err);
// Turns a failure of libgit2 into err, preferring what the transport knows. Returns false.
bool repo_call_failed(struct repo_call *call, int code, struct error *err);
void repo_call_quote(struct repo_call *call, struct error *err); // adds what the server said
bool repo_failed(int code, struct error *err);                   // the same outside of a call

// Push options: a transport tells what the server advertises, and lets what libgit2 writes to git-receive-pack pass
// through. *data and *len become what is to be sent (nothing yet, at first), in `out` where it was changed.
void repo_push_options_hear(struct repo_call *call, const char *data, size_t len);
bool repo_push_options_insert(struct repo_call *call, const char **data, size_t *len, struct buf *out);

int repo_transport_http(git_smart_subtransport **out, git_transport *owner, void *call);
int repo_transport_ssh(git_smart_subtransport **out, git_transport *owner, void *call);

// ---- choosing a reference -----------------------------------------------------------------------------------------
struct repo_head { // one line of the advertisement; the strings are libgit2's
    const char *name;
    const char *hash; // 40 hex digits
};
struct repo_choice {
    const char *reference; // what the commit is known by: "refs/heads/main", "refs/tags/v1", "refs/pull/1/head"; NULL:
                           // a bare commit
    const char *hash;      // the commit, tags peeled; NULL where only a fetch can tell
    const char **fetch;    // names to fetch
    size_t fetch_count;
    bool all_branches; // a commit without a branch can be on any
    bool by_name;      // ref.name: the revision carries the whole name
    // Several tags are the same version (they differ in metadata only): the latest commit decides. Otherwise one name
    // or none.
    bool tied;
};
bool repo_choose(struct arena *a, const struct repo_ref *spec, const struct repo_head *heads, size_t count,
                 struct repo_choice *out, struct error *err);
bool repo_hash_valid(const char *hash);
// "main@sha1:…" as Flux writes revisions.
const char *repo_revision(struct arena *a, const char *reference, bool whole_name, const char *hash);

// Message and author of a commit that libgit2 has read.
void repo_commit_describe(struct arena *a, const git_commit *commit, struct repo_commit *out);

// ---- trees --------------------------------------------------------------------------------------------------------
// Whether a tree can be checked out: no name that leaves the folder or reaches .git, none twice, within limits on
// depth, count and bytes.
bool repo_tree_check(git_repository *repository, const git_tree *tree, size_t limit, struct error *err);
bool repo_name_safe(const char *name); // of one path component
bool repo_path_safe(const char *path);

// ---- a buffer that moves to a file when it grows ------------------------------------------------------------------
struct repo_spool {
    const char *folder;
    struct buf memory; // malloc'd
    size_t memory_max; // bytes; beyond it the file
    int fd;            // -1: in memory; else an unlinked file
    size_t length, position;
};
void repo_spool_init(struct repo_spool *s, const char *folder, size_t memory_max);
bool repo_spool_write(struct repo_spool *s, const void *data, size_t len, struct error *err);
ptrdiff_t repo_spool_read(struct repo_spool *s, void *buffer, size_t room); // -1: the file failed
void repo_spool_close(struct repo_spool *s);

#endif
