// read.c - reading tar and tar.gz: into memory, or below a folder.
//
// Nothing in an archive is trusted: sizes are counted as they unpack, paths are checked as text, and on disk each
// folder of a path is opened without following links, so that no earlier entry can lead a later one astray.
#include "archive/private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 64 * 1024 };

struct reader {
    struct archive *in;
    struct archive_limits limits;
    size_t entries, total;
    int root; // unpacking: the target folder, else -1
    struct arena *arena;
    bool (*entry)(void *ctx, const struct archive_entry *e, struct error *err);
    void *ctx;
};

static struct archive_limits with_defaults(const struct archive_limits *given)
{
    struct archive_limits l = given ? *given : (struct archive_limits){0};
    l.compressed = l.compressed ? l.compressed : (size_t)100 << 20;
    l.total = l.total ? l.total : (size_t)500 << 20;
    l.file = l.file ? l.file : (size_t)100 << 20;
    l.entries = l.entries ? l.entries : 50000;
    l.path = l.path ? l.path : 4096;
    return l;
}

static bool broken(struct reader *r, struct error *err)
{
    const char *why = archive_error_string(r->in);
    return error_set(err, ERROR_INVALID, "archive cannot be read: %s", str_or(why, "unknown format"));
}

bool link_stays_inside(const char *path, const char *target)
{
    if (str_empty(target) || target[0] == '/')
        return false;
    size_t depth = 0; // folders above the link
    for (const char *p = path; (p = strchr(p, '/')); p++)
        depth++;
    bool named = false;
    struct slice part, rest = slice_of(target);
    while (rest.len) {
        slice_cut(rest, '/', &part, &rest);
        if (slice_eq_str(part, "..")) {
            if (named || depth-- == 0)
                return false;
        } else if (part.len && !slice_eq_str(part, ".")) {
            named = true;
        }
    }
    return true;
}

// Bytes of a tar header are in no known charset: names that are no UTF-8, and all others in the C locale, come as they
// are.
static const char *raw_or_utf8(const char *utf8, const char *raw)
{
    return utf8 ? utf8 : raw;
}

static bool read_header(struct reader *r, struct libarchive_entry *h, struct archive_entry *out, struct error *err)
{
    const char *path = raw_or_utf8(archive_entry_pathname_utf8(h), archive_entry_pathname(h));
    if (str_empty(path))
        return error_set(err, ERROR_INVALID, "archive has an entry without a name");
    if (strlen(path) > r->limits.path)
        return error_set(err, ERROR_LIMIT, "archive has a path of more than %zu bytes", r->limits.path);
    // "a/../b" would be harmless, but nothing honest writes it.
    if (path[0] == '/' || !path_is_local(path) || str_eq(path, "..") || strstr(path, "/../") ||
        str_has_suffix(path, "/.."))
        return error_set(err, ERROR_INVALID, "archive entry %s: path is not inside of the archive", path);
    if (archive_entry_hardlink_utf8(h) || archive_entry_hardlink(h))
        return error_set(err, ERROR_INVALID, "archive entry %s: hard links are not supported", path);
    mode_t type = archive_entry_filetype(h);
    *out = (struct archive_entry){
        .name = arena_strdup(r->arena, path),
        .path = path_clean(r->arena, path),
        .directory = type == AE_IFDIR,
        .symlink = type == AE_IFLNK,
        .mode = archive_entry_perm(h) & 0777,
        .mtime = archive_entry_mtime(h),
    };
    if (type != AE_IFDIR && type != AE_IFLNK && type != AE_IFREG)
        return error_set(err, ERROR_INVALID, "archive entry %s: neither a file nor a folder nor a symbolic link",
                         out->path);
    if (!out->symlink || r->root >= 0) // unpacking leaves links out, wherever they lead
        return true;
    const char *target = raw_or_utf8(archive_entry_symlink_utf8(h), archive_entry_symlink(h));
    if (!link_stays_inside(out->path, target))
        return error_set(err, ERROR_INVALID, "archive entry %s: symbolic link leads out of the archive", out->path);
    out->link = arena_strdup(r->arena, target);
    return true;
}

// Counts n more bytes of a file that has `size` of them so far.
static bool count(struct reader *r, const struct archive_entry *e, size_t size, size_t n, struct error *err)
{
    if (n > r->limits.file - size)
        return error_set(err, ERROR_LIMIT, "archive entry %s: file is larger than %zu bytes", e->path, r->limits.file);
    if (n > r->limits.total - r->total)
        return error_set(err, ERROR_LIMIT, "archive unpacks to more than %zu bytes", r->limits.total);
    r->total += n;
    return true;
}

// ---- into memory ----

static bool keep(struct reader *r, struct libarchive_entry *h, struct archive_entry *e, struct error *err)
{
    if (!e->directory && !e->symlink) {
        int64_t declared = archive_entry_size(h);
        if (declared < 0 || !count(r, e, 0, (size_t)declared, err))
            return declared < 0 ? broken(r, err) : false;
        char *data = arena_alloc(r->arena, (size_t)declared + 1);
        size_t have = 0;
        while (have < (size_t)declared) {
            la_ssize_t n = archive_read_data(r->in, data + have, (size_t)declared - have);
            if (n < 0)
                return broken(r, err);
            if (n == 0)
                return error_set(err, ERROR_INVALID, "archive entry %s: file is cut short", e->path);
            have += (size_t)n;
        }
        data[have] = '\0';
        e->data = slice_n(data, have);
    }
    return r->entry(r->ctx, e, err);
}

// ---- below a folder ----

static void cleanup_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

// Opens the folder that holds the last name of a path, making those that are not there. -1 with errno set.
static int open_parent(int root, const char *path, const char **name)
{
    int fd = fcntl(root, F_DUPFD_CLOEXEC, 0);
    const char *p = path;
    for (const char *slash; fd >= 0 && (slash = strchr(p, '/')); p = slash + 1) {
        cleanup(cleanup_free) char *part = xstrndup(p, (size_t)(slash - p));
        int next = -1;
        if (mkdirat(fd, part, 0755) == 0 || errno == EEXIST)
            next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int number = errno;
        close(fd);
        errno = number;
        fd = next;
    }
    *name = p;
    return fd;
}

static bool write_file(struct reader *r, const struct archive_entry *e, int parent, const char *name, struct error *err)
{
    // Owner may read and write, others never write.
    cleanup(cleanup_fd) int fd =
        openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, (e->mode & 0755) | 0600);
    if (fd < 0)
        return error_set_errno(err, errno, "create %s", e->path);
    char *block = arena_alloc(r->arena, BLOCK);
    size_t size = 0;
    la_ssize_t n;
    while ((n = archive_read_data(r->in, block, BLOCK)) > 0) {
        if (!count(r, e, size, (size_t)n, err))
            return false;
        size += (size_t)n;
        if (!fd_write_all(fd, block, (size_t)n))
            return error_set_errno(err, errno, "write %s", e->path);
    }
    return n == 0 || broken(r, err);
}

static bool unpack(struct reader *r, struct libarchive_entry *h, struct archive_entry *e, struct error *err)
{
    const char *name;
    if (e->symlink)
        return true;
    cleanup(cleanup_fd) int parent = open_parent(r->root, e->path, &name);
    if (parent < 0)
        return error_set_errno(err, errno, "create folder of %s", e->path);
    if (e->directory) {
        struct stat st;
        if (mkdirat(parent, name, 0755) == 0)
            return true;
        int number = errno;
        bool there = number == EEXIST && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
        return there || error_set_errno(err, number, "create folder %s", e->path);
    }
    // A later entry replaces an earlier one of the same name; a folder stays in the way.
    if (unlinkat(parent, name, 0) < 0 && errno != ENOENT)
        return error_set_errno(err, errno, "replace %s", e->path);
    return write_file(r, e, parent, name, err);
}

// ---- both ----

static bool read_entries(struct reader *r, struct error *err)
{
    struct libarchive_entry *h;
    int status;
    while ((status = archive_read_next_header(r->in, &h)) == ARCHIVE_OK || status == ARCHIVE_WARN) {
        if (++r->entries > r->limits.entries)
            return error_set(err, ERROR_LIMIT, "archive has more than %zu entries", r->limits.entries);
        struct arena_mark mark = arena_mark(r->arena);
        struct archive_entry e;
        if (!read_header(r, h, &e, err))
            return false;
        bool root = str_eq(e.path, ".");
        if (!root && !(r->root < 0 ? keep(r, h, &e, err) : unpack(r, h, &e, err)))
            return false;
        if (r->root >= 0)
            arena_reset(r->arena, mark); // on disk now
    }
    return status == ARCHIVE_EOF || broken(r, err);
}

static void open_formats(struct reader *r)
{
    r->in = archive_read_new();
    if (!r->in)
        abort();
    archive_read_support_format_tar(r->in);
    archive_read_support_filter_gzip(r->in);
}

bool archive_read(struct arena *a, struct slice archive, const struct archive_limits *limits,
                  bool (*entry)(void *ctx, const struct archive_entry *e, struct error *err), void *ctx,
                  struct error *err)
{
    struct reader r = {.limits = with_defaults(limits), .root = -1, .arena = a, .entry = entry, .ctx = ctx};
    if (archive.len > r.limits.compressed)
        return error_set(err, ERROR_LIMIT, "archive is larger than %zu bytes", r.limits.compressed);
    open_formats(&r);
    bool ok = archive_read_open_memory(r.in, archive.data, archive.len) == ARCHIVE_OK ? read_entries(&r, err)
                                                                                      : broken(&r, err);
    archive_read_free(r.in);
    return ok;
}

bool archive_unpack(const char *archive_path, const char *target, const struct archive_limits *limits,
                    struct error *err)
{
    struct reader r = {.limits = with_defaults(limits)};
    cleanup(cleanup_fd) int fd = open(archive_path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_set_errno(err, errno, "open %s", archive_path);
    if ((size_t)st.st_size > r.limits.compressed)
        return error_set(err, ERROR_LIMIT, "archive is larger than %zu bytes", r.limits.compressed);
    cleanup(cleanup_fd) int root = r.root = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return error_set_errno(err, errno, "open %s", target);
    cleanup(cleanup_arena) struct arena *arena = r.arena = arena_new();
    open_formats(&r);
    bool ok = archive_read_open_fd(r.in, fd, BLOCK) == ARCHIVE_OK ? read_entries(&r, err) : broken(&r, err);
    archive_read_free(r.in);
    return ok;
}
