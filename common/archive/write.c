// write.c - writing tar.gz: the same bytes for the same input, whoever runs it and wherever.
//
// Headers are what Flux's artifacts have: owner 0, no times, mode 0750 for folders, 0700 for programs, 0600 for other
// files.
#include "archive/private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIR_MODE = 0750, PROGRAM_MODE = 0700, FILE_MODE = 0600, BLOCK = 64 * 1024 };

struct archive_writer {
    struct archive *out;
    struct libarchive_entry *header;
    struct buf *memory; // NULL: it writes the file
    char *path;
    int fd;
    bool aborted; // nothing is written any more
    char *block;  // for copying from files
};

static bool fault(struct archive_writer *w, struct error *err)
{
    const char *why = archive_error_string(w->out);
    return error_set(err, ERROR_TRANSIENT, "write archive%s%s: %s", w->path ? " " : "", str_or(w->path, ""),
                     str_or(why, "failed"));
}

static la_ssize_t write_out(struct archive *out, void *ctx, const void *data, size_t len)
{
    struct archive_writer *w = ctx;
    if (w->aborted)
        return (la_ssize_t)len;
    if (w->memory) {
        buf_add(w->memory, data, len);
        return (la_ssize_t)len;
    }
    ssize_t n;
    do {
        n = write(w->fd, data, len);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        archive_set_error(out, errno, "%s", strerror(errno));
    return n;
}

static void writer_free(struct archive_writer *w)
{
    archive_entry_free(w->header);
    archive_write_free(w->out);
    if (w->fd >= 0)
        close(w->fd);
    free(w->path);
    free(w->block);
    free(w);
}

static struct archive_writer *writer_new(int fd, const char *path, struct buf *memory, struct error *err)
{
    struct archive_writer *w = xcalloc(1, sizeof *w);
    w->fd = fd;
    w->path = path ? xstrdup(path) : NULL;
    w->memory = memory;
    w->out = archive_write_new();
    w->header = archive_entry_new();
    if (!w->out || !w->header)
        abort();
    // GNU's format takes names as bytes, of any length; pax would ask the locale.
    archive_write_set_format_gnutar(w->out);
    archive_write_add_filter_gzip(w->out);
    archive_write_set_filter_option(w->out, "gzip", "timestamp", NULL);
    archive_write_set_bytes_in_last_block(w->out, 1); // gzip's output is not padded
    if (archive_write_open(w->out, w, NULL, write_out, NULL) == ARCHIVE_OK)
        return w;
    fault(w, err);
    writer_free(w);
    return NULL;
}

struct archive_writer *archive_writer_new(const char *path, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0)
        return writer_new(fd, path, NULL, err);
    error_set_errno(err, errno, "create %s", path);
    return NULL;
}

struct archive_writer *archive_writer_new_memory(struct buf *out, struct error *err)
{
    return writer_new(-1, NULL, out, err);
}

static bool write_header(struct archive_writer *w, const char *path, mode_t type, unsigned mode, size_t size,
                         const char *target, struct error *err)
{
    if (!path_is_local(path))
        return error_set(err, ERROR_INVALID, "write archive: %s is not a relative path", path);
    archive_entry_clear(w->header);
    archive_entry_set_pathname(w->header, path);
    archive_entry_set_filetype(w->header, type);
    archive_entry_set_perm(w->header, (__LA_MODE_T)mode);
    archive_entry_set_size(w->header, (la_int64_t)size);
    archive_entry_set_mtime(w->header, 0, 0);
    if (target)
        archive_entry_set_symlink(w->header, target);
    return archive_write_header(w->out, w->header) == ARCHIVE_OK || fault(w, err);
}

static unsigned file_mode(unsigned mode)
{
    return mode & 0111 ? PROGRAM_MODE : FILE_MODE;
}

bool archive_writer_dir(struct archive_writer *w, const char *path, unsigned mode, struct error *err)
{
    return write_header(w, path, AE_IFDIR, DIR_MODE, 0, NULL, err);
}

static bool write_data(struct archive_writer *w, const char *data, size_t len, struct error *err)
{
    while (len) {
        la_ssize_t n = archive_write_data(w->out, data, len);
        if (n <= 0)
            return fault(w, err);
        data += n;
        len -= (size_t)n;
    }
    return true;
}

bool archive_writer_file(struct archive_writer *w, const char *path, unsigned mode, struct slice data,
                         struct error *err)
{
    return write_header(w, path, AE_IFREG, file_mode(mode), data.len, NULL, err) &&
           write_data(w, data.data, data.len, err);
}

bool writer_copy(struct archive_writer *w, const char *path, int fd, const unsigned *mode, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return error_set_errno(err, errno, "stat %s", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERROR_INVALID, "read %s: not a regular file", path);
    size_t size = (size_t)st.st_size;
    if (!write_header(w, path, AE_IFREG, file_mode(mode ? *mode : st.st_mode), size, NULL, err))
        return false;
    if (!w->block)
        w->block = xmalloc(BLOCK);
    while (size) {
        ssize_t n = read(fd, w->block, size < BLOCK ? size : BLOCK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_errno(err, errno, "read %s", path);
        if (n == 0)
            return error_set(err, ERROR_TRANSIENT, "read %s: file became shorter meanwhile", path);
        if (!write_data(w, w->block, (size_t)n, err))
            return false;
        size -= (size_t)n;
    }
    return true;
}

bool archive_writer_file_from(struct archive_writer *w, const char *path, unsigned mode, const char *source,
                              struct error *err)
{
    int fd = open(source, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, errno, "open %s", source);
    bool ok = writer_copy(w, path, fd, &mode, err);
    close(fd);
    return ok;
}

bool archive_writer_link(struct archive_writer *w, const char *path, const char *target, struct error *err)
{
    if (!link_stays_inside(path, target))
        return error_set(err, ERROR_INVALID, "write archive: symbolic link %s leads out of the archive", path);
    return write_header(w, path, AE_IFLNK, 0777, 0, target, err);
}

bool archive_writer_end(struct archive_writer *w, struct error *err)
{
    bool ok = archive_write_close(w->out) == ARCHIVE_OK || fault(w, err);
    if (ok && w->fd >= 0 && fsync(w->fd) < 0)
        ok = error_set_errno(err, errno, "write archive %s", w->path);
    writer_free(w);
    return ok;
}

void archive_writer_abort(struct archive_writer *w)
{
    if (!w)
        return;
    w->aborted = true; // archive_write_fail would do, but leaks the compressor in libarchive 3.6
    writer_free(w);
}
