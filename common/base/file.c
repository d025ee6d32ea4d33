// file.c - files, folders and paths. Errors read as Go's do: "open /path: no such file or directory".
#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void cleanup_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static int open_file(const char *path, struct stat *st, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_set_errno(err, errno, "open %s", path);
    } else if (fstat(fd, st) < 0) {
        error_set_errno(err, errno, "stat %s", path);
        cleanup_fd(&fd);
        fd = -1;
    }
    return fd;
}

static bool read_all(struct arena *a, int fd, const struct stat *st, const char *path, size_t limit, struct slice *out,
                     struct error *err)
{
    if (S_ISDIR(st->st_mode))
        return error_set_errno(err, EISDIR, "read %s", path);
    // Files of /proc have no size, and what is no regular file has none that means anything.
    size_t size = S_ISREG(st->st_mode) ? (size_t)st->st_size : 0;
    struct buf data = BUF_IN(a);
    buf_reserve(&data, size && (!limit || size <= limit) ? size + 1 : 4096);
    while (!size || data.len != size) {
        if (data.cap - data.len < 2 && !buf_reserve(&data, data.cap ? data.cap : ARENA_SMALL / 2))
            return error_set(err, ERROR_LIMIT, "read %s: no room for the file", path);
        ssize_t n = read(fd, data.data + data.len, data.cap - data.len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_errno(err, errno, "read %s", path);
        if (n == 0)
            break;
        data.len += (size_t)n;
        if (limit && data.len > limit)
            return error_set(err, ERROR_LIMIT, "read %s: file is larger than %zu bytes", path, limit);
    }
    data.data[data.len] = '\0';
    *out = buf_view(&data);
    return true;
}

bool file_read(struct arena *a, const char *path, size_t limit, struct slice *out, struct error *err)
{
    struct stat st;
    cleanup(cleanup_fd) int fd = open_file(path, &st, err);
    return fd >= 0 && read_all(a, fd, &st, path, limit, out, err);
}

bool file_view(struct arena *a, const char *path, size_t limit, struct slice *out, int64_t *mtime, struct error *err)
{
    enum { MAP_FROM = 64 * 1024 }; // below, reading takes no longer than mapping
    struct stat st;
    cleanup(cleanup_fd) int fd = open_file(path, &st, err);
    if (fd < 0)
        return false;
    *mtime = st.st_mtim.tv_sec;
    bool map = S_ISREG(st.st_mode) && st.st_size >= MAP_FROM && (!limit || (size_t)st.st_size <= limit);
    char *mapped = map ? arena_map(a, fd, (size_t)st.st_size) : NULL;
    if (!mapped)
        return read_all(a, fd, &st, path, limit, out, err);
    *out = slice_n(mapped, (size_t)st.st_size);
    return true;
}

bool fd_write_all(int fd, const void *data, size_t len)
{
    for (const char *at = data; len;) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
    return true;
}

// Makes a rename last. Not every file system can sync a folder; those that cannot have nothing to sync.
static void sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    cleanup(cleanup_free) char *dir = slash == path ? xstrdup("/")
                                      : slash       ? xstrndup(path, (size_t)(slash - path))
                                                    : xstrdup(".");
    cleanup(cleanup_fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        fsync(fd);
}

bool file_write_atomic(const char *path, const void *data, size_t len, unsigned mode, struct error *err)
{
    cleanup(cleanup_free) char *temporary = xasprintf("%s.XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, errno, "create %s", path);
    bool ok = fd_write_all(fd, data, len) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
    int number = errno;
    if (close(fd) < 0 && ok) {
        ok = false;
        number = errno;
    }
    if (ok && rename(temporary, path) < 0) {
        ok = false;
        number = errno;
    }
    if (!ok) {
        unlink(temporary);
        return error_set_errno(err, number, "write %s", path);
    }
    sync_parent(path);
    return true;
}

bool dir_make_all(const char *path, unsigned mode, struct error *err)
{
    cleanup(cleanup_free) char *part = xstrdup(path);
    for (char *p = part; *p;) {
        p += strspn(p, "/");
        p += strcspn(p, "/");
        char saved = *p;
        *p = '\0';
        struct stat st;
        // EEXIST alone does not do: a file may stand in the way, and a read-only parent says EROFS before EEXIST.
        if (mkdir(part, mode) < 0) {
            int number = errno;
            if (stat(part, &st) < 0)
                return error_set_errno(err, number, "mkdir %s", part);
            if (!S_ISDIR(st.st_mode))
                return error_set_errno(err, ENOTDIR, "mkdir %s", part);
        }
        *p = saved;
    }
    return true;
}

// ---- removing a tree ----

// A hostile tree can be deeper than there are descriptors. Below this depth folders are moved up to the top first.
enum { DEPTH_LIMIT = 32 };

struct removal {
    int top;         // descriptor of the folder being emptied
    unsigned parked; // folders moved up so far: their names
};

static bool park(struct removal *r, int dir, const char *name)
{
    char parked[32];
    do {
        snprintf(parked, sizeof parked, ".parked-%u", r->parked++);
        if (renameat2(dir, name, r->top, parked, RENAME_NOREPLACE) == 0)
            return true;
    } while (errno == EEXIST || errno == ENOTEMPTY);
    return false;
}

// Empties the folder of `fd`, which it closes. False with errno set.
static bool empty_folder(struct removal *r, int fd, int depth)
{
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return false;
    }
    bool ok = true;
    struct dirent *e;
    while (ok && (errno = 0, e = readdir(dir))) {
        if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
            continue;
        if (unlinkat(fd, e->d_name, 0) == 0 || errno == ENOENT)
            continue;
        if (errno != EISDIR && errno != EPERM) {
            ok = false;
        } else if (depth >= DEPTH_LIMIT) {
            ok = park(r, fd, e->d_name);
        } else {
            int child = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            ok = child >= 0 && empty_folder(r, child, depth + 1) && unlinkat(fd, e->d_name, AT_REMOVEDIR) == 0;
        }
    }
    int number = errno;
    closedir(dir);
    errno = number;
    return ok && number == 0;
}

bool dir_remove_all(const char *path, struct error *err)
{
    if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR)
        return true;
    struct removal r = {.top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    cleanup(cleanup_fd) int top = r.top;
    if (top < 0)
        return error_set_errno(err, errno, "remove %s", path);
    for (;;) {
        unsigned parked = r.parked;
        int fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); // a fresh one: readdir's position belongs to it
        if (fd < 0 || !empty_folder(&r, fd, 0))
            return error_set_errno(err, errno, "remove %s", path);
        if (rmdir(path) == 0)
            return true;
        if (errno != ENOTEMPTY && errno != EEXIST)
            return error_set_errno(err, errno, "remove %s", path);
        if (parked == r.parked)
            return error_set_errno(err, ENOTEMPTY, "remove %s", path); // somebody keeps filling it
    }
}

// ---- paths ----

struct slice path_clean_slice(struct arena *a, struct slice path)
{
    bool rooted = path.len && path.data[0] == '/';
    struct buf out = BUF_IN(a);
    buf_reserve(&out, path.len + 1);
    if (rooted)
        buf_char(&out, '/');
    size_t floor = out.len; // ".." goes back no further
    for (struct slice part; path.len;) {
        slice_cut(path, '/', &part, &path);
        if (part.len == 0 || slice_eq_str(part, "."))
            continue;
        if (slice_eq_str(part, "..") && out.len > floor) {
            while (out.len > floor && out.data[out.len - 1] != '/')
                out.len--;
            if (out.len > floor)
                out.len--;
            out.data[out.len] = '\0';
            continue;
        }
        if (slice_eq_str(part, "..") && rooted)
            continue;
        if (out.len > (rooted ? 1 : 0))
            buf_char(&out, '/');
        buf_slice(&out, part);
        if (slice_eq_str(part, ".."))
            floor = out.len;
    }
    if (out.len == 0)
        buf_char(&out, '.');
    return slice_n(buf_cstr(&out), out.len);
}

char *path_clean(struct arena *a, const char *path)
{
    return (char *)path_clean_slice(a, slice_of(path)).data;
}

char *path_join(struct arena *a, const char *dir, const char *name)
{
    if (str_empty(dir))
        return str_empty(name) ? arena_strdup(a, "") : path_clean(a, name);
    return path_clean(a, str_empty(name) ? dir : arena_printf(a, "%s/%s", dir, name));
}

bool path_is_local(const char *path)
{
    if (str_empty(path) || path[0] == '/')
        return false;
    size_t depth = 0;
    for (const char *p = path; *p;) {
        size_t len = strcspn(p, "/");
        struct slice part = slice_n(p, len);
        if (slice_eq_str(part, "..")) {
            if (depth-- == 0)
                return false;
        } else if (len && !slice_eq_str(part, ".")) {
            depth++;
        }
        p += len;
        p += strspn(p, "/");
    }
    return true;
}
