// file.h - inside serve: what a request for a file is answered with (RFC 9110: validators, conditions, one byte range).
#ifndef RUNNEL_SERVE_FILE_H
#define RUNNEL_SERVE_FILE_H

#include <sys/stat.h>

#include "base/base.h"

struct file_conditions { // the request's headers; NULL: absent
    const char *range, *if_range, *if_none_match, *if_modified_since;
};
struct file_answer {
    int status;              // 200, 206, 304, 416
    uint64_t offset, length; // of the body
    char etag[64], last_modified[40], content_range[80];
};
void file_answer(struct file_answer *out, const struct stat *st, const struct file_conditions *conditions);

#endif
