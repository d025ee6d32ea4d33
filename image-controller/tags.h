// tags.h - the tag database: the tags that the last scan of each ImageRepository found, on disk.
//
// One file for each ImageRepository, below --storage-path: STORAGE/tags/NAMESPACE/NAME/tags, written beside and
// renamed. It holds a header with the digest of what follows, the canonical image name, and the tags in descending
// order, one a line. A file that is torn, foreign or of another image reads as no tags: the repository is then scanned
// again. Nothing stays in memory.
#ifndef RUNNEL_TAGS_H
#define RUNNEL_TAGS_H

#include "base/base.h"

struct tag_key {
    const char *storage, *namespace, *name;
};

// Sorts the tags (descending, bytewise) and writes them. *checksum is a digest of the sorted tags.
bool tags_store(struct arena *a, const struct tag_key *key, const char *image, const char **tags, size_t count,
                const char **checksum, struct error *err);
// No tags (count 0) when there is no usable file for this image.
bool tags_load(struct arena *a, const struct tag_key *key, const char *image, const char ***tags, size_t *count,
               struct error *err);
bool tags_delete(struct arena *a, const struct tag_key *key, struct error *err);

#endif
