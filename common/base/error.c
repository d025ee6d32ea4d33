// error.c - error chains in Go's manner, each with a class that decides what to do about it.
#include "base/base.h"

#include <ctype.h>
#include <errno.h>

static char *format(const char *fmt, va_list args)
{
    struct buf b = {0};
    buf_vprintf(&b, fmt, args);
    return buf_steal(&b);
}

bool (error_set)(struct error *err, enum error_class class, const char *fmt, ...)
{
    if (!err)
        return false;
    va_list args;
    va_start(args, fmt);
    char *message = format(fmt, args); // before the old one goes: the arguments may point into it
    va_end(args);
    error_clear(err);
    err->class = class;
    err->message = message;
    return false;
}

bool (error_wrap)(struct error *err, const char *fmt, ...)
{
    if (!err)
        return false;
    va_list args;
    va_start(args, fmt);
    char *prefix = format(fmt, args);
    va_end(args);
    char *chain = xasprintf("%s: %s", prefix, error_text(err));
    free(prefix);
    free(err->message);
    err->message = chain;
    if (!err->class)
        err->class = ERROR_TRANSIENT;
    return false;
}

bool (error_move)(struct error *to, struct error *from)
{
    if (to && to != from) {
        error_clear(to);
        *to = *from;
        *from = (struct error){0};
    }
    return false;
}

void error_clear(struct error *err)
{
    if (!err)
        return;
    free(err->message);
    *err = (struct error){0};
}

const char *error_text(const struct error *err)
{
    return err && err->message ? err->message : "";
}

bool error_is_transient(const struct error *err)
{
    return err->class == ERROR_TRANSIENT || err->class == ERROR_TIMEOUT || err->class == ERROR_CONFLICT;
}

static enum error_class class_of_errno(int number)
{
    switch (number) {
    case ENOENT:
        return ERROR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERROR_DENIED;
    case EISDIR:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case EINVAL:
    case EXDEV:
        return ERROR_INVALID;
    case EEXIST:
    case ENOTEMPTY:
        return ERROR_CONFLICT;
    case EFBIG:
        return ERROR_LIMIT;
    case ETIMEDOUT:
        return ERROR_TIMEOUT;
    default:
        return ERROR_TRANSIENT;
    }
}

bool (error_set_errno)(struct error *err, int number, const char *fmt, ...)
{
    if (!err)
        return false;
    va_list args;
    va_start(args, fmt);
    char *subject = format(fmt, args);
    va_end(args);
    char room[128];
    const char *reason = strerror_r(number, room, sizeof room);
    error_set(err, class_of_errno(number), "%s: %c%s", subject, tolower((unsigned char)reason[0]), reason + 1);
    free(subject);
    return false;
}
