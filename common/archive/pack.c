// pack.c - packing a folder as Flux's source-controller does: sorted, the root as ".", files and folders only.
#include "archive/private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_LIMIT = 128 }; // each level holds a descriptor

struct packing {
    struct archive_writer *out;
    const struct ignore *ignore;
    struct arena *arena;
};

typedef VEC(char *) names;

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// The names in a folder, sorted. False with errno set. `fd` stays open.
static bool list(struct packing *p, int fd, names *out)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir) {
        int number = errno;
        if (copy >= 0)
            close(copy);
        errno = number;
        return false;
    }
    struct dirent *e;
    while ((errno = 0, e = readdir(dir))) {
        if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
            vec_push(p->arena, out, arena_strdup(p->arena, e->d_name));
    }
    int number = errno;
    closedir(dir);
    if (out->len)
        qsort(out->items, out->len, sizeof *out->items, by_name);
    errno = number;
    return number == 0;
}

static bool pack_folder(struct packing *p, int fd, const char *path, int depth, struct error *err);

static bool pack_one(struct packing *p, int parent, const char *name, const char *path, int depth, struct error *err)
{
    struct stat st;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_set_errno(err, errno, "stat %s", path);
    bool directory = S_ISDIR(st.st_mode);
    if (!directory && !S_ISREG(st.st_mode))
        return true; // links, sockets and devices have no place in an artifact
    bool ignored = p->ignore && ignore_match(p->ignore, path, directory);
    if (ignored && (!directory || !ignore_may_include(p->ignore)))
        return true;
    int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (directory ? O_DIRECTORY : O_NONBLOCK));
    if (fd < 0)
        return error_set_errno(err, errno, "open %s", path);
    bool ok;
    if (directory)
        ok = (ignored || archive_writer_dir(p->out, path, 0, err)) && pack_folder(p, fd, path, depth + 1, err);
    else
        ok = writer_copy(p->out, path, fd, NULL, err);
    close(fd);
    return ok;
}

static bool pack_folder(struct packing *p, int fd, const char *path, int depth, struct error *err)
{
    if (depth > DEPTH_LIMIT)
        return error_set(err, ERROR_LIMIT, "pack %s: folders are nested more than %d deep", path, DEPTH_LIMIT);
    struct arena_mark mark = arena_mark(p->arena);
    names entries = {0};
    if (!list(p, fd, &entries))
        return error_set_errno(err, errno, "read folder %s", path);
    bool ok = true;
    for (size_t i = 0; ok && i < entries.len; i++) {
        char *name = entries.items[i];
        ok = pack_one(p, fd, name, *path ? arena_printf(p->arena, "%s/%s", path, name) : name, depth, err);
    }
    arena_reset(p->arena, mark);
    return ok;
}

bool archive_pack_dir(const char *dir, const struct ignore *ig, const char *target_path, struct error *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, errno, "open %s", dir);
    cleanup(cleanup_arena) struct arena *arena = arena_new();
    struct packing p = {.out = archive_writer_new(target_path, err), .ignore = ig, .arena = arena};
    bool ok = p.out && archive_writer_dir(p.out, ".", 0, err) && pack_folder(&p, fd, "", 0, err);
    close(fd);
    if (ok)
        ok = archive_writer_end(p.out, err);
    else
        archive_writer_abort(p.out);
    if (!ok && p.out)
        unlink(target_path);
    return ok;
}
