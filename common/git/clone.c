// clone.c - asking a remote where a reference stands, and cloning it into an empty folder.
#include "git/private.h"

#include <stdio.h>

#define FETCHED "refs/runnel/fetched/" // where fetched references are kept in the clone, below it their own names

static void cleanup_repository(git_repository **r)
{
    git_repository_free(*r);
}

static void cleanup_remote(git_remote **r)
{
    git_remote_free(*r);
}

static void cleanup_object(git_object **o)
{
    git_object_free(*o);
}

// ---- the remote's references --------------------------------------------------------------------------------------

// The advertisement of a connected remote, copied into the call's arena.
static bool list_heads(struct repo_call *call, git_remote *remote, struct repo_head **heads, size_t *count,
                       struct error *err)
{
    const git_remote_head **listed;
    int code = git_remote_ls(&listed, count, remote);
    if (code < 0)
        return repo_call_failed(call, code, err);
    *heads = arena_array(call->arena, struct repo_head, *count + 1);
    for (size_t i = 0; i < *count; i++) {
        char hash[GIT_OID_HEXSZ + 1];
        git_oid_tostr(hash, sizeof hash, &listed[i]->oid);
        (*heads)[i] = (struct repo_head){arena_strdup(call->arena, listed[i]->name), arena_strdup(call->arena, hash)};
    }
    if (*count)
        return true;
    error_set(err, ERROR_NOT_FOUND, "remote repository is empty");
    err->code = REPO_EMPTY;
    return false;
}

static void fill_commit(struct arena *a, const struct repo_choice *choice, const char *hash, struct repo_commit *out)
{
    snprintf(out->hash, sizeof out->hash, "%s", hash);
    out->reference = choice->reference ? arena_strdup(a, choice->reference) : NULL;
    out->revision = repo_revision(a, out->reference, choice->by_name, hash);
}

static bool resolve(struct repo_call *call, struct arena *a, const struct repo_ref *ref, struct repo_commit *out,
                    struct error *err)
{
    git_remote *remote cleanup(cleanup_remote) = NULL;
    struct repo_head *heads;
    size_t count;
    struct repo_choice choice;
    if (!repo_call_remote(call, NULL, &remote, err) || !repo_call_connect(call, remote, GIT_DIRECTION_FETCH, err) ||
        !list_heads(call, remote, &heads, &count, err) || !repo_choose(call->arena, ref, heads, count, &choice, err))
        return false;
    if (choice.hash)
        fill_commit(a, &choice, choice.hash, out);
    return true;
}

bool repo_resolve(struct arena *a, const struct repo_remote *remote, const struct repo_ref *ref,
                  struct repo_commit *out, struct error *err)
{
    struct repo_call call;
    *out = (struct repo_commit){0};
    bool fine = repo_call_begin(&call, remote, GIT_REFS_LIMIT, err) && resolve(&call, a, ref, out, err);
    if (!fine && call.location.printable)
        error_wrap(err, "unable to list remote for '%s'", call.location.printable);
    repo_call_end(&call);
    return fine;
}

// ---- fetching -----------------------------------------------------------------------------------------------------

static bool fetch(struct repo_call *call, git_remote *remote, const struct repo_choice *choice, bool shallow,
                  struct error *err)
{
    VEC(char *) specs = {0};
    if (choice->all_branches)
        vec_push(call->arena, &specs, arena_strdup(call->arena, "+refs/heads/*:" FETCHED "refs/heads/*"));
    for (size_t i = 0; i < choice->fetch_count; i++)
        vec_push(call->arena, &specs,
                 arena_printf(call->arena, "+%s:" FETCHED "%s", choice->fetch[i], choice->fetch[i]));
    git_fetch_options options = GIT_FETCH_OPTIONS_INIT;
    repo_call_callbacks(call, &options.callbacks);
    options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
    options.update_fetchhead = 0;
#if LIBGIT2_AT_LEAST(1, 7)
    if (shallow)
        options.depth = 1;
#endif
    const git_strarray list = {.strings = specs.items, .count = specs.len};
    int code = git_remote_fetch(remote, &list, &options, NULL);
    return code == 0 ? true : repo_call_failed(call, code, err);
}

static bool peel(git_repository *repository, const char *name, git_object **out, struct error *err)
{
    git_object *object cleanup(cleanup_object) = NULL;
    char full[1024];
    snprintf(full, sizeof full, FETCHED "%s", name);
    int code = git_revparse_single(&object, repository, full);
    if (code == 0)
        code = git_object_peel(out, object, GIT_OBJECT_COMMIT);
    if (code == 0)
        return true;
    repo_failed(code, err);
    return error_wrap(err, "%s is no commit", name);
}

// Of tags that are the same version the one with the latest commit wins, as in Flux.
static bool choose_latest(struct repo_call *call, git_repository *repository, struct repo_choice *choice,
                          struct error *err)
{
    git_time_t latest = 0;
    for (size_t i = 0; i < choice->fetch_count; i++) {
        git_object *commit cleanup(cleanup_object) = NULL;
        if (!peel(repository, choice->fetch[i], &commit, err))
            return false;
        git_time_t time = git_commit_time((git_commit *)commit);
        if (choice->reference && time <= latest)
            continue;
        latest = time;
        choice->reference = choice->fetch[i];
    }
    return true;
}

static bool find_commit(struct repo_call *call, git_repository *repository, struct repo_choice *choice,
                        const struct repo_ref *ref, git_object **out, struct error *err)
{
    if (str_empty(ref->commit)) {
        if (choice->tied && !choose_latest(call, repository, choice, err))
            return false;
        return peel(repository, choice->tied ? choice->reference : choice->fetch[0], out, err);
    }
    git_oid id;
    int code = git_oid_fromstr(&id, ref->commit);
    if (code == 0)
        code = git_object_lookup(out, repository, &id, GIT_OBJECT_COMMIT);
    if (code == 0)
        return true;
    repo_failed(code, err);
    return error_wrap(err, "unable to resolve commit object for '%s'", ref->commit);
}

// ---- checking out -------------------------------------------------------------------------------------------------

static int on_checkout(git_checkout_notify_t why, const char *path, const git_diff_file *baseline,
                       const git_diff_file *target, const git_diff_file *workdir, void *payload)
{
    return repo_call_ended(payload) ? GIT_EUSER : 0;
}

static bool checkout(struct repo_call *call, git_repository *repository, git_object *commit,
                     const struct repo_clone_options *options, struct error *err)
{
    git_object *tree cleanup(cleanup_object) = NULL;
    int code = git_object_peel(&tree, commit, GIT_OBJECT_TREE);
    if (code < 0)
        return repo_call_failed(call, code, err);
    if (!repo_tree_check(repository, (git_tree *)tree, call->limit, err))
        return false;
    git_checkout_options how = GIT_CHECKOUT_OPTIONS_INIT;
    how.checkout_strategy = GIT_CHECKOUT_FORCE | GIT_CHECKOUT_DISABLE_PATHSPEC_MATCH;
    how.disable_filters = 1; // the bytes as they were committed: no line endings changed by .gitattributes
    how.notify_flags = GIT_CHECKOUT_NOTIFY_UPDATED;
    how.notify_cb = on_checkout;
    how.notify_payload = call;
    while (options->sparse && options->sparse[how.paths.count])
        how.paths.count++;
    if (how.paths.count) {
        how.paths.strings = arena_array(call->arena, char *, how.paths.count);
        for (size_t i = 0; i < how.paths.count; i++)
            how.paths.strings[i] = path_clean(call->arena, options->sparse[i]);
    }
    code = git_checkout_tree(repository, tree, &how);
    return code == 0 ? true : repo_call_failed(call, code, err);
}

// HEAD as `git clone` leaves it: the branch, or the bare commit.
static bool set_head(git_repository *repository, const char *reference, git_object *commit, struct error *err)
{
    int code;
    if (reference && str_has_prefix(reference, "refs/heads/")) {
        git_reference *branch = NULL;
        code = git_reference_create(&branch, repository, reference, git_object_id(commit), 1, NULL);
        git_reference_free(branch);
        if (code == 0)
            code = git_repository_set_head(repository, reference);
    } else {
        code = git_repository_set_head_detached(repository, git_object_id(commit));
    }
    return code == 0 ? true : repo_failed(code, err);
}

static bool make_repository(const char *folder, git_repository **out, struct error *err)
{
    git_repository_init_options options = GIT_REPOSITORY_INIT_OPTIONS_INIT;
    options.flags = GIT_REPOSITORY_INIT_NO_REINIT | GIT_REPOSITORY_INIT_MKDIR;
    options.initial_head = "runnel";
    int code = git_repository_init_ext(out, folder, &options);
    git_config *config = NULL;
    if (code == 0)
        code = git_repository_config(&config, *out);
    // Names that another file system would take for .git are refused here too: an artifact may be unpacked anywhere.
    if (code == 0)
        code = git_config_set_bool(config, "core.protectHFS", 1);
    if (code == 0)
        code = git_config_set_bool(config, "core.protectNTFS", 1);
    git_config_free(config);
    return code == 0 ? true : repo_failed(code, err);
}

static bool clone_into(struct repo_call *call, struct arena *a, const struct repo_clone_options *options,
                       const char *folder, struct repo_commit *out, struct error *err)
{
    git_repository *repository cleanup(cleanup_repository) = NULL;
    git_remote *remote cleanup(cleanup_remote) = NULL;
    git_object *commit cleanup(cleanup_object) = NULL;
    struct repo_head *heads;
    size_t count;
    struct repo_choice choice;
    if (options->submodules)
        return error_set(err, ERROR_INVALID, "submodules are not supported");
    for (size_t i = 0; options->sparse && options->sparse[i]; i++)
        if (!repo_path_safe(path_clean(call->arena, options->sparse[i])))
            return error_set(err, ERROR_INVALID, "sparse checkout: \"%s\" is no folder of the repository",
                             options->sparse[i]);
    if (!make_repository(folder, &repository, err) || !repo_call_remote(call, repository, &remote, err) ||
        !repo_call_connect(call, remote, GIT_DIRECTION_FETCH, err) || !list_heads(call, remote, &heads, &count, err) ||
        !repo_choose(call->arena, &options->ref, heads, count, &choice, err) ||
        !fetch(call, remote, &choice, options->shallow && str_empty(options->ref.commit), err) ||
        !find_commit(call, repository, &choice, &options->ref, &commit, err) ||
        !checkout(call, repository, commit, options, err) ||
        !set_head(repository, choice.by_name ? choice.fetch_count ? choice.fetch[0] : NULL : choice.reference, commit,
                  err))
        return false;
    const git_commit *c = (const git_commit *)commit;
    char hash[GIT_OID_HEXSZ + 1];
    git_oid_tostr(hash, sizeof hash, git_commit_id(c));
    fill_commit(a, &choice, hash, out);
    repo_commit_describe(a, c, out);
    return true;
}

void repo_commit_describe(struct arena *a, const git_commit *commit, struct repo_commit *out)
{
    const git_signature *author = git_commit_author(commit);
    out->message = arena_strdup(a, git_commit_message(commit));
    out->author_name = arena_strdup(a, author->name);
    out->author_email = arena_strdup(a, author->email);
    out->author_time = author->when.time;
}

bool repo_clone(struct arena *a, const struct repo_remote *remote, const struct repo_clone_options *options,
                const char *folder, struct repo_commit *out, struct error *err)
{
    struct repo_call call;
    *out = (struct repo_commit){0};
    bool fine = repo_call_begin(&call, remote, options->limit, err);
    if (fine) {
        call.spool = folder;
        fine = clone_into(&call, a, options, folder, out, err);
    }
    if (!fine && call.location.printable)
        error_wrap(err, "unable to clone '%s'", call.location.printable);
    repo_call_end(&call);
    return fine;
}
