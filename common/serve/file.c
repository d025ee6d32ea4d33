// file.c - files over HTTP: which file a path names, and which part of it a request is answered with.
#include "serve/file.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "serve/serve.h"

#define HTTP_DATE "%a, %d %b %Y %H:%M:%S GMT"

static bool etag_listed(const char *list, const char *etag)
{
    if (strcmp(list, "*") == 0)
        return true;
    for (const char *p = list; (p = strstr(p, etag)); p += strlen(etag)) {
        char after = p[strlen(etag)];
        if (!after || after == ',' || after == ' ')
            return true;
    }
    return false;
}

static bool unmodified_since(const struct stat *st, const char *date)
{
    struct tm tm = {0};
    const char *end = strptime(date, HTTP_DATE, &tm);
    return end && !*end && st->st_mtime <= timegm(&tm);
}

// "bytes=0-99", "bytes=100-", "bytes=-100": one range. Several, or another unit, are answered with the whole file, as
// the RFC allows.
enum range { RANGE_NONE, RANGE_GOOD, RANGE_BAD };
static enum range parse_range(const char *text, uint64_t size, uint64_t *offset, uint64_t *length)
{
    if (strncmp(text, "bytes=", 6) != 0 || strchr(text, ','))
        return RANGE_NONE;
    const char *p = text + 6;
    char *end;
    if (*p == '-') {
        if (!isdigit((unsigned char)p[1]))
            return RANGE_NONE;
        uint64_t last = strtoull(p + 1, &end, 10);
        if (*end)
            return RANGE_NONE;
        if (!last || !size)
            return RANGE_BAD;
        *length = last < size ? last : size;
        *offset = size - *length;
        return RANGE_GOOD;
    }
    if (!isdigit((unsigned char)*p))
        return RANGE_NONE;
    uint64_t first = strtoull(p, &end, 10), last = size ? size - 1 : 0;
    if (*end++ != '-')
        return RANGE_NONE;
    if (*end) {
        if (!isdigit((unsigned char)*end))
            return RANGE_NONE;
        uint64_t given = strtoull(end, &end, 10);
        if (*end || given < first)
            return RANGE_NONE;
        last = given < last ? given : last;
    }
    if (first >= size)
        return RANGE_BAD;
    *offset = first;
    *length = last - first + 1;
    return RANGE_GOOD;
}

void file_answer(struct file_answer *out, const struct stat *st, const struct file_conditions *c)
{
    *out = (struct file_answer){.status = 200, .length = (uint64_t)st->st_size};
    snprintf(out->etag, sizeof out->etag, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"", (uint64_t)st->st_ino,
             (uint64_t)st->st_mtim.tv_sec * 1000000000u + (uint64_t)st->st_mtim.tv_nsec, (uint64_t)st->st_size);
    struct tm tm;
    strftime(out->last_modified, sizeof out->last_modified, HTTP_DATE, gmtime_r(&st->st_mtime, &tm));
    bool same = c->if_none_match ? etag_listed(c->if_none_match, out->etag)
                                 : c->if_modified_since && unmodified_since(st, c->if_modified_since);
    if (same) {
        out->status = 304;
        out->length = 0;
        return;
    }
    bool range_applies = c->range && (!c->if_range || strcmp(c->if_range, out->etag) == 0 ||
                                      strcmp(c->if_range, out->last_modified) == 0);
    if (!range_applies)
        return;
    switch (parse_range(c->range, (uint64_t)st->st_size, &out->offset, &out->length)) {
    case RANGE_NONE:
        break;
    case RANGE_BAD:
        out->status = 416;
        out->length = 0;
        snprintf(out->content_range, sizeof out->content_range, "bytes */%" PRIu64, (uint64_t)st->st_size);
        break;
    case RANGE_GOOD:
        out->status = 206;
        snprintf(out->content_range, sizeof out->content_range, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, out->offset,
                 out->offset + out->length - 1, (uint64_t)st->st_size);
        break;
    }
}

// Each part of the path must be a plain name; hidden files are where downloads are put together.
static bool path_is_plain(const char *path)
{
    for (const char *p = path; *p;) {
        size_t len = strcspn(p, "/");
        if (!len || p[0] == '.')
            return false;
        p += len;
        if (*p == '/' && !*++p)
            return false;
    }
    return *path != 0;
}

static const char *content_type(const char *path)
{
    return str_has_suffix(path, ".tar.gz") || str_has_suffix(path, ".tgz") ? "application/gzip"
           : str_has_suffix(path, ".yaml")                                 ? "application/yaml"
                                                                           : "application/octet-stream";
}

void serve_files(const char *root, const struct serve_request *req, struct serve_response *res)
{
    const char *path = req->path + strspn(req->path, "/");
    char resolved[4096], top[4096];
    if (!*path) {
        serve_text(res, 200, ""); // what the readiness probe of Flux's own Deployment asks for
        return;
    }
    char *file = path_is_plain(path) ? xasprintf("%s/%s", root, path) : NULL;
    // Symbolic links are the store's own ("latest.tar.gz"): followed as long as they stay below the root.
    if (!file || strlen(file) >= sizeof resolved || !realpath(file, resolved) || !realpath(root, top) ||
        strncmp(resolved, top, strlen(top)) != 0 || resolved[strlen(top)] != '/') {
        serve_text(res, 404, "404 page not found\n");
    } else {
        res->file = xstrdup(resolved);
        res->content_type = content_type(resolved);
    }
    free(file);
}
