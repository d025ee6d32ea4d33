// store_collect.c - removing artifacts that nobody needs any more.
#include "store.h"
#include "store_private.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 1000 // of one object, looked at in one collection

struct stored {
    const char *path;
    int64_t age_ms;
    bool current, garbage;
};
struct collection {
    struct arena *arena;
    const char *current;
    int64_t now_ms;
    VEC(struct stored) files;
};

// Links and folders are not counted. A chart's name can hold a slash, so files may lie deeper.
static bool list_files(struct collection *c, const char *dir, int depth, struct error *err)
{
    DIR *d = opendir(dir);
    if (!d)
        return errno == ENOENT || error_set(err, ERROR_TRANSIENT, "read folder %s: %s", dir, strerror(errno));
    bool ok = true;
    for (struct dirent *e; ok && c->files.len < FILES_MAX && (e = readdir(d));) {
        struct stat st;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        const char *path = path_join(c->arena, dir, e->d_name);
        if (lstat(path, &st))
            continue;
        if (S_ISDIR(st.st_mode) && depth < 8) {
            ok = list_files(c, path, depth + 1, err);
        } else if (S_ISREG(st.st_mode)) {
            int64_t made = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
            vec_push(c->arena, &c->files,
                     (struct stored){.path = path, .age_ms = c->now_ms - made, .current = !strcmp(path, c->current)});
        }
    }
    closedir(d);
    return ok;
}

static int oldest_first(const void *a, const void *b)
{
    const struct stored *x = a, *y = b;
    return x->age_ms == y->age_ms ? strcmp(x->path, y->path) : x->age_ms > y->age_ms ? -1 : 1;
}

int store_collect(struct store *s, const char *current, struct error *err)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    const char *local = store_local(s, a, current);
    struct slice kind, namespace, name, rest;
    if (!local) {
        error_set(err, ERROR_INVALID, "invalid artifact path '%s'", current ? current : "");
        return -1;
    }
    slice_cut(slice_of(current), '/', &kind, &rest);
    slice_cut(rest, '/', &namespace, &rest);
    slice_cut(rest, '/', &name, &rest);
    const char *dir =
        arena_printf(a, "%s/%.*s/%.*s/%.*s", s->path, SLICE_ARG(kind), SLICE_ARG(namespace), SLICE_ARG(name));
    struct collection c = {.arena = a, .current = local, .now_ms = clock_wall_us() / 1000};
    if (!list_files(&c, dir, 0, err))
        return -1;
    if (c.files.len)
        qsort(c.files.items, c.files.len, sizeof *c.files.items, oldest_first);
    size_t left = c.files.len;
    for (size_t i = 0; i < c.files.len; i++) {
        struct stored *f = &c.files.items[i];
        f->garbage = !f->current && f->age_ms > s->retention_ms;
        left -= f->garbage;
    }
    for (size_t i = 0; i < c.files.len && left > (size_t)s->retention_records; i++) {
        struct stored *f = &c.files.items[i];
        if (!f->current && !f->garbage) {
            f->garbage = true;
            left--;
        }
    }
    int removed = 0;
    for (size_t i = 0; i < c.files.len; i++) {
        if (!c.files.items[i].garbage)
            continue;
        if (unlink(c.files.items[i].path) && errno != ENOENT) {
            error_set(err, ERROR_TRANSIENT, "remove %s: %s", c.files.items[i].path, strerror(errno));
            return -1;
        }
        removed++;
    }
    return removed;
}

bool store_remove(struct store *s, const char *path, struct error *err)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    const char *local = store_local(s, a, path);
    if (!local)
        return error_set(err, ERROR_INVALID, "invalid artifact path '%s'", path ? path : "");
    if (unlink(local) && errno != ENOENT)
        return error_set(err, ERROR_TRANSIENT, "remove %s: %s", local, strerror(errno));
    return true;
}

bool store_remove_object(struct store *s, const char *kind, const char *namespace, const char *name, struct error *err)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    const char *path;
    if (!store_name(a, kind, namespace, name, "x", &path, err))
        return false;
    return dir_remove_all(arena_printf(a, "%s/%.*s", s->path, (int)(strrchr(path, '/') - path), path), err);
}
