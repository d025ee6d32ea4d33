// schema_helper.c - runs helm-fetch, which lies beside this program or in ../libexec/runnel, only when a schema asks for it.

#include "schema_helper.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *find_helper(struct arena *a)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0)
        return NULL;
    self[len] = 0;
    *strrchr(self, '/') = 0;
    const char *const places[] = {"helm-fetch", "../libexec/runnel/helm-fetch"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        const char *path = arena_printf(a, "%s/%s", self, places[i]);
        if (access(path, X_OK) == 0)
            return path;
    }
    return NULL;
}

static bool read_all(int fd, struct buf *out)
{
    char block[16384];
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || out->len + (size_t)n > CHART_SCHEMA_MAX)
            return n == 0;
        buf_add(out, block, (size_t)n);
    }
}

static bool run_helper(struct arena *a, const char *helper, const char *url, struct slice *out, struct error *err)
{
    int ends[2], status = 0;
    pid_t pid;
    if (pipe(ends) != 0)
        return error_set(err, ERROR_TRANSIENT, "pipe: %m");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    char *const argv[] = {(char *)"helm-fetch", (char *)url, NULL};
    int failed = posix_spawn(&pid, helper, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    struct buf text = BUF_IN(a);
    bool whole = failed == 0 && read_all(ends[0], &text);
    close(ends[0]);
    if (failed)
        return error_set(err, ERROR_TRANSIENT, "%s: %s", helper, strerror(failed));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!whole)
        return error_set(err, ERROR_LIMIT, "%s is longer than %u bytes", url, CHART_SCHEMA_MAX);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return error_set(err, ERROR_TRANSIENT, "%s", buf_cstr(&text));
    *out = buf_view(&text);
    return true;
}

static bool read_local(struct arena *a, const char *path, struct slice *out, struct error *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        char *reason = arena_strdup(a, strerror(errno)); // Go writes it in lower case
        if (*reason >= 'A' && *reason <= 'Z')
            *reason += 'a' - 'A';
        return error_set(err, ERROR_NOT_FOUND, "open %s: %s", path, reason);
    }
    return file_read(a, path, CHART_SCHEMA_MAX, out, err);
}

bool schema_helper_fetch(void *ctx, struct arena *a, const char *url, struct slice *out, struct error *err)
{
    if (str_has_prefix(url, "file://"))
        return read_local(a, url + strlen("file://"), out, err);
    if (!str_has_prefix(url, "http://") && !str_has_prefix(url, "https://"))
        return error_set(err, ERROR_INVALID, "no URLLoader registered for \"%s\"", url);
    const char *helper = find_helper(a);
    if (!helper)
        return error_set(err, ERROR_INVALID, "helm-fetch is not installed: schemas of other documents are not fetched");
    return run_helper(a, helper, url, out, err);
}
