// setter.h - image references into YAML files: the marked scalars are replaced in place, every other byte stays.
//
// A marker is a comment at the end of a scalar's line, the JSON object {"$imagepolicy": "NAMESPACE:NAME"}, with ":tag",
// ":name" or ":digest" after the name for a part of the reference. This is the language of Flux's
// image-automation-controller, which writes the whole file anew with kyaml; here only the scalar's own bytes change.
#ifndef RUNNEL_SETTER_H
#define RUNNEL_SETTER_H

#include "base/base.h"

struct setter_image { // an ImagePolicy's latest image
    const char *namespace, *policy;
    const char *name, *tag, *digest; // digest "" or NULL: none
};

struct setter_change {
    const char *old_value, *new_value;
    const char *setter; // "ns:policy:tag"
};
struct setter_object { // one YAML document; fields are "" where it has none
    const char *api_version, *kind, *namespace, *name;
    VEC(struct setter_change) changes;
};
struct setter_file {
    const char *path; // below setter_result.base
    VEC(struct setter_object) objects;
};
struct setter_result {
    const char *base;              // the folder that was walked, below the repository's; "" for that itself
    VEC(struct setter_file) files; // those that changed, by path
    size_t scanned, skipped;       // files that hold a marker; those of them that are no YAML
};

// Edits one file's text: true where something changed, then the new text is in `out` and the changes are in `file`.
// *is_yaml tells whether the text could be read at all; one that cannot is left alone.
bool setter_edit(struct arena *a, struct slice text, const struct setter_image *images, size_t count, struct buf *out,
                 struct setter_file *file, bool *is_yaml);

// Edits the .yaml and .yml files and those named Kustomization below folder/path (NULL: all of the folder; a file: that
// one). Symbolic links are not followed. INVALID: the path leads out, or is not there.
bool setter_run(struct arena *a, const char *folder, const char *path, const struct setter_image *images, size_t count,
                struct setter_result *result, struct error *err);

#endif
