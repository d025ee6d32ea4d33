// private.h - shared by the files of archive: libarchive, and what both reading and writing must keep to.
#ifndef RUNNEL_ARCHIVE_PRIVATE_H
#define RUNNEL_ARCHIVE_PRIVATE_H

// libarchive has a struct archive_entry of its own.
#define archive_entry libarchive_entry
#include <archive.h>
#include <archive_entry.h>
#undef archive_entry

#include "archive/archive.h"

// Whether a symbolic link at `path` (cleaned, relative) can only lead to places inside of the root: relative, and
// climbing at its start only, no higher than the root. A ".." after a name could climb from wherever that name leads
// to.
bool link_stays_inside(const char *path, const char *target);

// Writes an open regular file as it is now; its own mode where `mode` is NULL.
bool writer_copy(struct archive_writer *w, const char *path, int fd, const unsigned *mode, struct error *err);

// Whether any pattern can bring back what another excludes: if not, an excluded folder need not be entered.
bool ignore_may_include(const struct ignore *ig);

#endif
