// fetch_helper.c - runs helm-fetch, only when a chart or the command line asks for what it brings.

#include "fetch_helper.h"

#include "value/go_url.h"

#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "neighbour.h"
#include "value_options.h"

#define ADDRESSES_MAX 65536

extern char **environ;

static bool read_all(int fd, size_t limit, struct buf *out)
{
    char block[16384];
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || out->len + (size_t)n > limit)
            return n == 0;
        buf_add(out, block, (size_t)n);
    }
}

// Messages are without the URL, in which a password may stand: helm-fetch itself names it where it matters.
static bool run_helper(struct arena *a, const char *kind, const char *what, size_t limit, struct slice *out,
                       struct error *err)
{
    const char *helper = neighbour_find(a, "helm-fetch");
    if (!helper)
        return error_set(err, ERROR_INVALID, "helm-fetch is not installed, so nothing is fetched");
    int ends[2], status = 0;
    pid_t pid;
    if (pipe(ends) != 0)
        return error_set(err, ERROR_TRANSIENT, "pipe: %m");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    char *const argv[] = {(char *)"helm-fetch", (char *)kind, (char *)what, NULL};
    int failed = posix_spawn(&pid, helper, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    struct buf text = BUF_IN(a);
    bool whole = failed == 0 && read_all(ends[0], limit, &text);
    close(ends[0]);
    if (failed)
        return error_set(err, ERROR_TRANSIENT, "%s: %s", helper, strerror(failed));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!whole)
        return error_set(err, ERROR_LIMIT, "what was fetched is longer than %zu bytes", limit);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return error_set(err, ERROR_TRANSIENT, "%s", buf_cstr(&text));
    *out = buf_view(&text);
    return true;
}

bool fetch_helper_schema(void *ctx, struct arena *a, const char *url, struct slice *out, struct error *err)
{
    struct go_url u;
    if (!go_url_parse(a, slice_of(url), &u, err))
        return false;
    if (slice_eq_str(u.scheme, "file"))
        return file_read(a, slice_dup(a, u.path), CHART_SCHEMA_MAX, out, err);
    if (!slice_eq_str(u.scheme, "http") && !slice_eq_str(u.scheme, "https"))
        return error_set(err, ERROR_INVALID, "no URLLoader registered for \"%s\"", url);
    return run_helper(a, "schema", url, CHART_SCHEMA_MAX, out, err);
}

bool fetch_helper_values(struct arena *a, const char *url, struct slice *out, struct error *err)
{
    return run_helper(a, "values", url, VALUE_FILE_MAX, out, err);
}

bool fetch_helper_address(void *ctx, struct arena *a, const char *name, struct slice *out, struct error *err)
{
    return run_helper(a, "address", name, ADDRESSES_MAX, out, err);
}
