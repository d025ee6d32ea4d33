// commit.c - committing edited files on top of HEAD, and pushing.
#include "git/private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_LIMIT (64u << 20) // bytes of one committed file

struct work { // what one commit or push holds; freed together
    git_repository *repository;
    git_commit *parent;
    git_tree *tree;
    git_signature *author;
    git_remote *remote;
};

static void cleanup_work(struct work *w)
{
    git_remote_free(w->remote);
    git_signature_free(w->author);
    git_tree_free(w->tree);
    git_commit_free(w->parent);
    git_repository_free(w->repository);
}

static bool open_repository(struct work *w, const char *folder, struct error *err)
{
    int code = git_repository_open_ext(&w->repository, folder, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
    return code == 0 ? true : repo_failed(code, err);
}

// ---- committing ---------------------------------------------------------------------------------------------------

// Reads a file without following a symbolic link at its end. The folders above were made by the checkout.
static bool read_file(struct arena *a, const char *folder, const char *path, struct slice *out, git_filemode_t *mode,
                      struct error *err)
{
    int fd = open(path_join(a, folder, path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_LIMIT) {
        int number = errno;
        if (fd >= 0)
            close(fd);
        return error_set(err, ERROR_INVALID, "%s: %s", path, fd < 0 ? strerror(number) : "not a file, or too large");
    }
    char *data = arena_alloc(a, (size_t)st.st_size + 1);
    size_t len = 0;
    ssize_t n;
    while (len < (size_t)st.st_size && (n = read(fd, data + len, (size_t)st.st_size - len)) > 0)
        len += (size_t)n;
    close(fd);
    *out = slice_n(data, len);
    *mode = st.st_mode & S_IXUSR ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB;
    return true;
}

// The parent's tree with the files replaced: what is not named stays as it is, checked out or not.
static bool make_tree(struct work *w, struct arena *a, const char *folder, const char *const *paths, size_t count,
                      git_oid *out, struct error *err)
{
    git_tree_update *updates = arena_array(a, git_tree_update, count);
    for (size_t i = 0; i < count; i++) {
        struct slice data;
        if (!repo_path_safe(paths[i]))
            return error_set(err, ERROR_INVALID, "\"%s\" is no file of the repository", paths[i]);
        if (!read_file(a, folder, paths[i], &data, &updates[i].filemode, err))
            return false;
        int code = git_blob_create_from_buffer(&updates[i].id, w->repository, data.data, data.len);
        if (code < 0)
            return repo_failed(code, err);
        updates[i].action = GIT_TREE_UPDATE_UPSERT;
        updates[i].path = paths[i];
    }
    int code = git_commit_tree(&w->tree, w->parent);
    if (code == 0)
        code = git_tree_create_updated(out, w->repository, w->tree, count, updates);
    return code == 0 ? true : repo_failed(code, err);
}

static bool commit_files(struct work *w, struct arena *a, const char *folder, const char *const *paths, size_t count,
                         const struct repo_author *author, const char *message, struct repo_commit *out,
                         struct error *err)
{
    git_oid head, tree, made;
    if (!open_repository(w, folder, err))
        return false;
    int code = git_reference_name_to_id(&head, w->repository, "HEAD");
    if (code == 0)
        code = git_commit_lookup(&w->parent, w->repository, &head);
    if (code < 0)
        return repo_failed(code, err);
    if (!make_tree(w, a, folder, paths, count, &tree, err))
        return false;
    if (git_oid_equal(&tree, git_tree_id(w->tree)))
        return true;
    code = git_signature_now(&w->author, str_or(author->name, author->email), author->email);
    git_tree_free(w->tree);
    w->tree = NULL;
    if (code == 0)
        code = git_tree_lookup(&w->tree, w->repository, &tree);
    const git_commit *parents[] = {w->parent};
    if (code == 0)
        code = git_commit_create(&made, w->repository, "HEAD", w->author, w->author, NULL, message, w->tree, 1,
                                 (void *)parents);
    if (code < 0)
        return repo_failed(code, err);
    git_oid_tostr(out->hash, sizeof out->hash, &made);
    git_reference *branch = NULL;
    if (git_repository_head_detached(w->repository) == 0 && git_repository_head(&branch, w->repository) == 0)
        out->reference = arena_strdup(a, git_reference_name(branch));
    git_reference_free(branch);
    out->revision = repo_revision(a, out->reference, false, out->hash);
    out->message = arena_strdup(a, message);
    out->author_name = arena_strdup(a, str_or(author->name, author->email));
    out->author_email = arena_strdup(a, author->email);
    out->author_time = w->author->when.time;
    return true;
}

bool repo_commit_files(struct arena *a, const char *folder, const char *const *paths, size_t count,
                       const struct repo_author *author, const char *message, struct repo_commit *out,
                       struct error *err)
{
    struct work w cleanup(cleanup_work) = {0};
    *out = (struct repo_commit){0};
    if (str_empty(author->email))
        return error_set(err, ERROR_INVALID, "commit: the author's email is missing");
    return commit_files(&w, a, folder, paths, count, author, message, out, err) ? true : error_wrap(err, "commit");
}

bool repo_switch_branch(const char *folder, const char *branch, struct error *err)
{
    struct work w cleanup(cleanup_work) = {0};
    git_oid head;
    char *name cleanup(cleanup_free) = xasprintf("refs/heads/%s", branch);
    int valid = 0;
    if (git_reference_name_is_valid(&valid, name) < 0 || !valid)
        return error_set(err, ERROR_INVALID, "\"%s\" is no valid branch name", branch);
    if (!open_repository(&w, folder, err))
        return false;
    git_reference *made = NULL;
    int code = git_reference_name_to_id(&head, w.repository, "HEAD");
    if (code == 0)
        code = git_reference_create(&made, w.repository, name, &head, 1, NULL);
    git_reference_free(made);
    if (code == 0)
        code = git_repository_set_head(w.repository, name);
    return code == 0 ? true : repo_failed(code, err);
}

// ---- pushing ------------------------------------------------------------------------------------------------------

static bool push(struct repo_call *call, struct work *w, const char *folder, const char *const *refspecs, size_t count,
                 bool force, struct error *err)
{
    char **specs = arena_array(call->arena, char *, count);
    for (size_t i = 0; i < count; i++) {
        const char *spec = refspecs[i] + (*refspecs[i] == '+'), *plus = force || *refspecs[i] == '+' ? "+" : "";
        specs[i] = strchr(spec, ':') ? arena_printf(call->arena, "%s%s", plus, spec)
                                     : arena_printf(call->arena, "%sHEAD:%s", plus, spec);
    }
    if (!open_repository(w, folder, err))
        return false;
    if (!repo_call_remote(call, w->repository, &w->remote, err))
        return false;
    git_push_options options = GIT_PUSH_OPTIONS_INIT;
    repo_call_callbacks(call, &options.callbacks);
    options.pb_parallelism = 1;
    if (!repo_call_connect(call, w->remote, GIT_DIRECTION_PUSH, err))
        return false;
    const git_strarray list = {.strings = specs, .count = count};
    int code = git_remote_upload(w->remote, &list, &options);
    if (code < 0)
        return repo_call_failed(call, code, err);
    if (!call->rejected.class)
        return true;
    struct error rejected = call->rejected;
    call->rejected = (struct error){0};
    repo_call_quote(call, &rejected);
    return error_move(err, &rejected);
}

bool repo_push(struct arena *a, const char *folder, const struct repo_remote *remote, const char *const *refspecs,
               size_t count, bool force, struct error *err)
{
    struct repo_call call;
    struct work w = {0};
    bool fine = repo_call_begin(&call, remote, 0, err);
    if (fine) {
        call.spool = folder;
        fine = push(&call, &w, folder, refspecs, count, force, err);
    }
    if (!fine)
        error_wrap(err, "failed to push to remote");
    cleanup_work(&w); // before the call, which its transport refers to
    repo_call_end(&call);
    return fine;
}
