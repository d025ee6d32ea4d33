// spool.c - a buffer that moves to an unlinked file when it grows: packs are larger than a small controller may be.
#include "git/private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void repo_spool_init(struct repo_spool *s, const char *folder, size_t memory_max)
{
    const char *temporary = getenv("TMPDIR");
    *s = (struct repo_spool){.folder = folder ? folder : str_or(temporary, "/tmp"), .memory_max = memory_max, .fd = -1};
}

static int unlinked_file(const char *folder)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    char *path = xasprintf("%s/.spool-XXXXXX", folder); // a file system without O_TMPFILE
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    free(path);
    return fd;
}

bool repo_spool_write(struct repo_spool *s, const void *data, size_t len, struct error *err)
{
    if (s->fd < 0 && s->memory.len + len > s->memory_max) {
        s->fd = unlinked_file(s->folder);
        if (s->fd < 0 || !fd_write_all(s->fd, s->memory.data, s->memory.len))
            return error_set(err, ERROR_TRANSIENT, "temporary file in %s: %s", s->folder, strerror(errno));
        buf_free(&s->memory);
    }
    if (s->fd < 0)
        buf_add(&s->memory, data, len);
    else if (!fd_write_all(s->fd, data, len))
        return error_set(err, ERROR_TRANSIENT, "temporary file in %s: %s", s->folder, strerror(errno));
    s->length += len;
    return true;
}

ptrdiff_t repo_spool_read(struct repo_spool *s, void *buffer, size_t room)
{
    size_t left = s->length - s->position, n = left < room ? left : room;
    if (n == 0)
        return 0;
    if (s->fd < 0) {
        memcpy(buffer, s->memory.data + s->position, n);
    } else {
        ssize_t got;
        do
            got = pread(s->fd, buffer, n, (off_t)s->position);
        while (got < 0 && errno == EINTR);
        if (got <= 0)
            return -1;
        n = (size_t)got;
    }
    s->position += n;
    return (ptrdiff_t)n;
}

void repo_spool_close(struct repo_spool *s)
{
    buf_free(&s->memory);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->length = s->position = 0;
}
