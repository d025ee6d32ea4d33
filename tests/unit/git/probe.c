// probe.c - common/git from the command line, for tests/integration/test_git.py: one operation, its outcome as one JSON
// line.
//
//     git-probe resolve|clone|together|switch|commit|push NAME=VALUE…     files are given as NAME=@PATH
//
// "together" clones into FOLDER/0 to FOLDER/7 in as many threads at once.
#include <pthread.h>
#include <stdio.h>

#include "git/git.h"

static const char *option(int argc, char **argv, const char *name)
{
    size_t len = strlen(name);
    for (int i = 2; i < argc; i++)
        if (!strncmp(argv[i], name, len) && argv[i][len] == '=')
            return argv[i] + len + 1;
    return NULL;
}

static struct slice file_option(struct arena *a, int argc, char **argv, const char *name)
{
    const char *value = option(argc, argv, name);
    struct slice data = {0};
    struct error err = {0};
    if (value && *value == '@' && !file_read(a, value + 1, 1 << 20, &data, &err)) {
        fprintf(stderr, "%s\n", error_text(&err));
        exit(2);
    }
    return data;
}

static int report(const struct repo_commit *commit, const struct error *err)
{
    struct buf out = {0};
    buf_printf(&out, "{\"class\": %d, \"error\": \"", err->class);
    json_escape(&out, error_text(err), strlen(error_text(err)));
    buf_printf(&out, "\", \"hash\": \"%s\", \"revision\": \"", commit->hash);
    const char *revision = str_or(commit->revision, ""), *message = str_or(commit->message, "");
    json_escape(&out, revision, strlen(revision));
    buf_str(&out, "\", \"message\": \"");
    json_escape(&out, message, strlen(message));
    buf_str(&out, "\"}");
    puts(buf_cstr(&out));
    buf_free(&out);
    return err->class ? 1 : 0;
}

struct job {
    const struct repo_remote *remote;
    const struct repo_clone_options *options;
    char *folder;
    struct error err;
};

static void *clone_one(void *ctx)
{
    struct job *job = ctx;
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct repo_commit commit;
    if (repo_resolve(a, job->remote, &job->options->ref, &commit, &job->err))
        repo_clone(a, job->remote, job->options, job->folder, &commit, &job->err);
    return NULL;
}

static void clone_together(const struct repo_remote *remote, const struct repo_clone_options *options,
                           const char *folder, struct error *err)
{
    struct job jobs[8] = {0};
    pthread_t threads[ARRAY_LEN(jobs)];
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        jobs[i] = (struct job){remote, options, xasprintf("%s/%zu", folder, i)};
        pthread_create(&threads[i], NULL, clone_one, &jobs[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        pthread_join(threads[i], NULL);
        free(jobs[i].folder);
        if (jobs[i].err.class && !err->class)
            error_move(err, &jobs[i].err);
        error_clear(&jobs[i].err);
    }
}

int main(int argc, char **argv)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct repo_commit commit = {0};
    const char *verb = argc > 1 ? argv[1] : "", *timeout = option(argc, argv, "timeout"),
               *limit = option(argc, argv, "limit");
    struct repo_remote remote = {
        .url = option(argc, argv, "url"),
        .user = option(argc, argv, "user"),
        .password = option(argc, argv, "password"),
        .bearer = option(argc, argv, "bearer"),
        .proxy = option(argc, argv, "proxy"),
        .identity_password = option(argc, argv, "identity_password"),
        .ca = file_option(a, argc, argv, "ca"),
        .identity = file_option(a, argc, argv, "identity"),
        .known_hosts = file_option(a, argc, argv, "known_hosts"),
        .deadline_ms = clock_mono_ms() + (timeout ? atoi(timeout) : 20000),
    };
    struct repo_clone_options options = {
        .ref = {option(argc, argv, "branch"), option(argc, argv, "tag"), option(argc, argv, "semver"),
                option(argc, argv, "name"), option(argc, argv, "commit")},
        .shallow = option(argc, argv, "shallow"),
        .submodules = option(argc, argv, "submodules"),
        .sparse = option(argc, argv, "sparse") ? (const char *const[]){option(argc, argv, "sparse"), NULL} : NULL,
        .limit = limit ? (size_t)atoll(limit) : 0,
    };
    const char *folder = option(argc, argv, "folder");
    if (!repo_setup(&err)) {
        // reported below
    } else if (str_eq(verb, "resolve")) {
        repo_resolve(a, &remote, &options.ref, &commit, &err);
    } else if (str_eq(verb, "clone")) {
        repo_clone(a, &remote, &options, folder, &commit, &err);
    } else if (str_eq(verb, "together")) {
        clone_together(&remote, &options, folder, &err);
    } else if (str_eq(verb, "switch")) {
        repo_switch_branch(folder, option(argc, argv, "branch"), &err);
    } else if (str_eq(verb, "commit")) {
        const char *path = option(argc, argv, "path");
        struct repo_author author = {"bot", "bot@example.com"};
        repo_commit_files(a, folder, &path, 1, &author, option(argc, argv, "message"), &commit, &err);
    } else if (str_eq(verb, "push")) {
        const char *spec = option(argc, argv, "refspec"), *extra = option(argc, argv, "option");
        remote.push_options = extra ? (const char *const[]){extra, "second=2", NULL} : NULL;
        repo_push(a, folder, &remote, &spec, 1, option(argc, argv, "force"), &err);
    } else {
        error_set(&err, ERROR_INVALID, "git-probe resolve|clone|together|switch|commit|push NAME=VALUE...");
    }
    return report(&commit, &err);
}
