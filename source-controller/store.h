// store.h - the artifact store: files below --storage-path, served over HTTP, laid out as Flux does.
//
//   <kind>/<namespace>/<name>/<file>     "gitrepository/apps/gitops/4ed1….tar.gz",
//   "helmchart/apps/my-app/my-app-1.0.0.tgz"
//
// A file appears under its name whole or not at all: it is written in a folder of its own (.tmp, which is not served
// and is emptied when work begins) and renamed. Paths that come from an object's status are checked, never trusted.
// Thread-safe: an object is reconciled by one worker at a time, and no two objects share a folder.
#ifndef RUNNEL_STORE_H
#define RUNNEL_STORE_H

#include "archive/archive.h"
#include "base/base.h"
#include "serve/serve.h"

struct store;

struct store_options {
    const char *path; // made when absent
    const char
        *hostname; // of artifact URLs: "source-controller.flux-system.svc.cluster.local.", or with http(s):// before it
    const char *algorithm; // of digests: sha256, sha384, sha512
    int64_t retention_ms;  // how long what is not current stays for those who still fetch it
    int retention_records; // files of an object that are left after a collection, the current one included
};
struct store *store_open(const struct store_options *options, struct error *err);
void store_free(struct store *s);
void store_clean(struct store *s); // removes what a killed process left half done; before the first reconcile

struct artifact {     // as in status.artifact
    const char *path; // relative to the store
    const char *url, *revision, *digest, *last_update_time;
    int64_t size;
};
// "kind/namespace/name/file", kind in lower case. INVALID when it would lead out of the object's folder.
bool store_name(struct arena *a, const char *kind, const char *namespace, const char *name, const char *file,
                const char **path, struct error *err);
// Whether a path is one of the object's own: what its status says may be another's, to have that collected or removed.
bool store_owns(const char *path, const char *kind, const char *namespace, const char *name);
const char *store_url(const struct store *s, struct arena *a, const char *path);
// The file's place on disk; NULL for a path that is none of this store's.
const char *store_local(const struct store *s, struct arena *a, const char *path);
bool store_has(const struct store *s, const char *path); // a regular file
bool store_verify(const struct store *s, const char *path, const char *digest, struct error *err);

// "sha256:…", by the store's algorithm.
char *store_digest(const struct store *s, struct arena *a, struct slice data);

// These fill in url, digest, last_update_time and size of an artifact whose path and revision are set.
bool store_archive(struct store *s, struct arena *a, struct artifact *to, const char *dir, const struct ignore *ignore,
                   struct error *err);
bool store_write(struct store *s, struct arena *a, struct artifact *to, struct slice data, struct error *err);
bool store_copy(struct store *s, struct arena *a, struct artifact *to, const char *file, struct error *err);
// Makes `link` beside the artifact point to it; *url is the link's.
bool store_link(struct store *s, struct arena *a, const char *path, const char *link, const char **url,
                struct error *err);

// Removes what is past its time beside the current file, and the oldest where there are too many. The number of files
// removed, -1: err.
int store_collect(struct store *s, const char *current, struct error *err);
bool store_remove(struct store *s, const char *path, struct error *err);
// The whole folder of an object.
bool store_remove_object(struct store *s, const char *kind, const char *namespace, const char *name, struct error *err);

// A fresh folder to work in, or the name of a file to be; gone with work_remove at the end of the scope.
struct work {
    char *path; // malloc'd
};
bool store_work_dir(struct store *s, struct work *out, struct error *err);
bool store_work_file(struct store *s, struct work *out, struct error *err);
void work_remove(struct work *w); // for cleanup(work_remove) struct work w = {0}

// The route of the artifact server; ctx is a `struct store **`, for the route is drawn up before the store opens.
void store_serve(void *ctx, const struct serve_request *req, struct serve_response *res);

#endif
