// archive.h - tar and gzip (libarchive): reading with limits and without escape, writing the same bytes for the same
// input.
#ifndef RUNNEL_ARCHIVE_H
#define RUNNEL_ARCHIVE_H

#include "base/base.h"

struct archive_limits { // 0: the default
    size_t compressed;  // bytes of input, 100 MiB
    size_t total;       // bytes unpacked, 500 MiB
    size_t file;        // bytes of one file, 100 MiB
    size_t entries;     // 50,000
    size_t path;        // bytes of a path, 4096
};

struct archive_entry {
    const char *name; // as it stands in the archive
    const char *path; // cleaned, relative, no ".." in it, '/' between
    bool directory, symlink;
    const char *link;  // of a symlink: verified to stay inside, ".." at its start only
    unsigned mode;     // permission bits
    int64_t mtime;     // unix seconds
    struct slice data; // of a regular file, when read into memory
};

// Reads a tar or tar.gz from memory; calls back for each entry. An absolute path, one with "..", a device, a hard link
// or a link that leads out is an error (ERROR_INVALID), a limit ERROR_LIMIT. The callback's entry lives in the arena
// until the end.
bool archive_read(struct arena *a, struct slice archive, const struct archive_limits *limits,
                  bool (*entry)(void *ctx, const struct archive_entry *e, struct error *err), void *ctx,
                  struct error *err);
// Unpacks a file on disk below an existing folder, streaming; nothing is written outside of it. Symbolic links are left
// out: artifacts have none. Folders get mode 0755, files their own without what would let others write. After a failure,
// what was unpacked so far is still there.
bool archive_unpack(const char *archive_path, const char *target, const struct archive_limits *limits,
                    struct error *err);

// A deterministic tar.gz: entries in the order given (callers sort), fixed owner 0:0, mode reduced as Flux does
// (folders 0750, files 0600, or 0700 where `mode` has an x bit), mtime 0, gzip header without name or time.
struct archive_writer;
struct archive_writer *archive_writer_new(const char *path, struct error *err); // writes to a file, mode 0600
struct archive_writer *archive_writer_new_memory(struct buf *out, struct error *err);
bool archive_writer_dir(struct archive_writer *w, const char *path, unsigned mode, struct error *err);
bool archive_writer_file(struct archive_writer *w, const char *path, unsigned mode, struct slice data,
                         struct error *err);
bool archive_writer_file_from(struct archive_writer *w, const char *path, unsigned mode, const char *source,
                              struct error *err);
bool archive_writer_link(struct archive_writer *w, const char *path, const char *target, struct error *err);
bool archive_writer_end(struct archive_writer *w, struct error *err); // flushes, fsyncs and frees, also on failure
void archive_writer_abort(struct archive_writer *w);                  // frees; what was written so far is of no use

// gitignore patterns in go-git's reading, for spec.ignore and .sourceignore (Helm's .helmignore differs, and is the
// business of `chart`). Added later, they weigh more.
struct ignore;
struct ignore *ignore_new(struct arena *a); // patterns are copied
// domain: the folder the patterns stand in, "" for the root.
void ignore_add(struct ignore *ig, const char *domain, struct slice patterns);
// True: excluded. The last pattern that matches decides.
bool ignore_match(const struct ignore *ig, const char *path, bool directory);

// Packs a folder as Flux does: "." first, sorted, modes as above; skips what `ig` (may be NULL) matches. Symbolic links
// and all else that is neither file nor folder are left out. Each path is judged alone: see ignore.c. target_path is
// overwritten, and gone after a failure.
bool archive_pack_dir(const char *dir, const struct ignore *ig, const char *target_path, struct error *err);

#endif
