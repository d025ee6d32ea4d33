// store.c - the artifact store: names, writing, verifying, serving.
#include "store.h"

#include "digest/digest.h"
#include "store_private.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct store *store_open(const struct store_options *o, struct error *err)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct digest *known = digest_new(o->algorithm);
    if (!known) {
        error_set(err, ERROR_INVALID, "unsupported digest algorithm '%s'", o->algorithm);
        return NULL;
    }
    digest_free(known);
    const char *work = path_join(a, o->path, ".tmp");
    if (!dir_make_all(work, 0700, err)) {
        error_wrap(err, "storage %s", o->path);
        return NULL;
    }
    struct store *s = xcalloc(1, sizeof *s);
    s->path = xstrdup(o->path);
    s->work = xstrdup(work);
    s->hostname = xstrdup(o->hostname);
    s->algorithm = xstrdup(o->algorithm);
    s->retention_ms = o->retention_ms;
    s->retention_records = o->retention_records;
    return s;
}

void store_clean(struct store *s)
{
    struct error err cleanup(error_clear) = {0};
    if (!dir_remove_all(s->work, &err) || !dir_make_all(s->work, 0700, &err))
        log_error(error_text(&err), "failed to clean up the storage");
}

void store_free(struct store *s)
{
    if (!s)
        return;
    free(s->path);
    free(s->work);
    free(s->hostname);
    free(s->algorithm);
    free(s);
}

// ---- names ---------------------------------------------------------------------------------------------------------

static bool is_name(const char *s)
{
    return *s && strcmp(s, ".") && strcmp(s, "..") && !strchr(s, '/');
}

bool store_name(struct arena *a, const char *kind, const char *namespace, const char *name, const char *file,
                const char **path, struct error *err)
{
    char *folder = arena_strdup(a, kind);
    for (char *p = folder; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    const char *below = path_clean(a, file);
    if (!is_name(folder) || !is_name(namespace) || !is_name(name) || !path_is_local(below) || !strcmp(below, "."))
        return error_set(err, ERROR_INVALID, "invalid artifact path '%s/%s/%s/%s'", folder, namespace, name, file);
    *path = arena_printf(a, "%s/%s/%s/%s", folder, namespace, name, below);
    return true;
}

bool store_owns(const char *path, const char *kind, const char *namespace, const char *name)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error ignored cleanup(error_clear) = {0};
    const char *any;
    return path && store_name(a, kind, namespace, name, "x", &any, &ignored) &&
           strncmp(path, any, strlen(any) - strlen("x")) == 0;
}

const char *store_url(const struct store *s, struct arena *a, const char *path)
{
    bool has_scheme = str_has_prefix(s->hostname, "http://") || str_has_prefix(s->hostname, "https://");
    return arena_printf(a, "%s%s/%s", has_scheme ? "" : "http://", s->hostname, path + strspn(path, "/"));
}

// Three folders at least, none of them the work folder: the status of an object is anybody's who may write it.
const char *store_local(const struct store *s, struct arena *a, const char *path)
{
    int slashes = 0;
    if (str_empty(path) || path[0] == '.' || !path_is_local(path) || strcmp(path_clean(a, path), path))
        return NULL;
    for (const char *p = path; *p; p++)
        slashes += *p == '/';
    return slashes >= 3 ? path_join(a, s->path, path) : NULL;
}

static const char *local_or_fail(const struct store *s, struct arena *a, const char *path, struct error *err)
{
    const char *local = store_local(s, a, path);
    if (!local)
        error_set(err, ERROR_INVALID, "invalid artifact path '%s'", path ? path : "");
    return local;
}

bool store_has(const struct store *s, const char *path)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    const char *local = store_local(s, a, path);
    struct stat st;
    return local && !lstat(local, &st) && S_ISREG(st.st_mode);
}

// ---- digests -------------------------------------------------------------------------------------------------------

char *store_digest(const struct store *s, struct arena *a, struct slice data)
{
    struct digest *d = digest_new(s->algorithm);
    digest_add(d, data.data, data.len);
    return arena_printf(a, "%s:%s", s->algorithm, digest_end(d, a));
}

bool store_verify(const struct store *s, const char *path, const char *digest, struct error *err)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    int64_t size;
    if (str_empty(digest))
        return error_set(err, ERROR_INVALID, "artifact has no digest");
    if (!digest_valid(digest))
        return error_set(err, ERROR_INVALID, "failed to parse artifact digest '%s'", digest);
    const char *local = local_or_fail(s, a, path, err);
    const char *algorithm = arena_strndup(a, digest, strcspn(digest, ":"));
    const char *got = local ? digest_file(a, local, algorithm, &size, err) : NULL;
    if (!got)
        return false;
    return !strcmp(got, digest) || error_set(err, ERROR_INVALID, "computed digest doesn't match '%s'", digest);
}

// ---- writing -------------------------------------------------------------------------------------------------------

static bool make_parent(struct arena *a, const char *local, struct error *err)
{
    const char *parent = arena_strndup(a, local, (size_t)(strrchr(local, '/') - local));
    return dir_make_all(parent, 0700, err);
}

// Gives the finished work file its name.
static bool publish(struct store *s, struct arena *a, struct artifact *to, struct work *work, struct error *err)
{
    char now[RFC3339_LEN];
    const char *local = local_or_fail(s, a, to->path, err);
    if (!local || !(to->digest = digest_file(a, work->path, s->algorithm, &to->size, err)) ||
        !make_parent(a, local, err))
        return false;
    if (chmod(work->path, 0600) || rename(work->path, local))
        return error_set(err, ERROR_TRANSIENT, "rename to %s: %s", local, strerror(errno));
    time_rfc3339(clock_wall_s(), now);
    to->last_update_time = arena_strdup(a, now);
    to->url = store_url(s, a, to->path);
    return true;
}

bool store_archive(struct store *s, struct arena *a, struct artifact *to, const char *dir, const struct ignore *ignore,
                   struct error *err)
{
    struct work work cleanup(work_remove) = {0};
    return store_work_file(s, &work, err) && archive_pack_dir(dir, ignore, work.path, err) &&
           publish(s, a, to, &work, err);
}

bool store_write(struct store *s, struct arena *a, struct artifact *to, struct slice data, struct error *err)
{
    struct work work cleanup(work_remove) = {0};
    return store_work_file(s, &work, err) && file_write_atomic(work.path, data.data, data.len, 0600, err) &&
           publish(s, a, to, &work, err);
}

static bool copy_file(const char *from, const char *to, struct error *err)
{
    char chunk[1 << 16];
    ssize_t n = 0;
    int in = open(from, O_RDONLY | O_CLOEXEC),
        out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = in >= 0 && out >= 0;
    while (ok && (n = read(in, chunk, sizeof chunk)) > 0)
        ok = fd_write_all(out, chunk, (size_t)n);
    ok = ok && n == 0;
    int number = errno;
    if (in >= 0)
        close(in);
    if (out >= 0 && close(out) && ok) {
        number = errno;
        ok = false;
    }
    return ok || error_set(err, ERROR_TRANSIENT, "copy %s: %s", from, strerror(number));
}

bool store_copy(struct store *s, struct arena *a, struct artifact *to, const char *file, struct error *err)
{
    struct work work cleanup(work_remove) = {0};
    return store_work_file(s, &work, err) && copy_file(file, work.path, err) && publish(s, a, to, &work, err);
}

bool store_link(struct store *s, struct arena *a, const char *path, const char *link, const char **url,
                struct error *err)
{
    struct work work cleanup(work_remove) = {0};
    const char *local = local_or_fail(s, a, path, err);
    if (!local)
        return false;
    const char *slash = strrchr(path, '/');
    const char *link_path = arena_printf(a, "%.*s/%s", (int)(slash - path), path, link);
    const char *link_local = path_join(a, s->path, link_path);
    // Relative: the folder may be mounted elsewhere tomorrow.
    if (!store_work_file(s, &work, err))
        return false;
    if (symlink(slash + 1, work.path) || rename(work.path, link_local))
        return error_set(err, ERROR_TRANSIENT, "link %s: %s", link_local, strerror(errno));
    *url = store_url(s, a, link_path);
    return true;
}

// ---- folders to work in -------------------------------------------------------------------------------------------

bool store_work_file(struct store *s, struct work *out, struct error *err)
{
    char id[37];
    uuid4(id);
    out->path = xasprintf("%s/%s", s->work, id);
    return true;
}

bool store_work_dir(struct store *s, struct work *out, struct error *err)
{
    store_work_file(s, out, err);
    return dir_make_all(out->path, 0700, err);
}

void work_remove(struct work *w)
{
    struct error err cleanup(error_clear) = {0};
    if (w->path && !dir_remove_all(w->path, &err))
        log_error(error_text(&err), "failed to remove temporary working directory");
    free(w->path);
    w->path = NULL;
}

// ---- serving -------------------------------------------------------------------------------------------------------

void store_serve(void *ctx, const struct serve_request *req, struct serve_response *res)
{
    serve_files((*(struct store **)ctx)->path, req, res);
}
