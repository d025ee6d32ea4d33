// source_files.c - files of foreign making: paths that stay in their folder, and what is left out of an artifact.
#include "source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define IGNORE_FILE ".sourceignore"
#define IGNORE_MAX ((size_t)1 << 20)
#define IGNORE_FILES_MAX 1000
#define DEPTH_MAX 128
#define ARTIFACT_MAX ((size_t)2 << 30) // bytes; a clone has half of that, and each include as much
#define ARTIFACT_FILES_MAX 1000000

// Version control is never packed.
static const char vcs_patterns[] = ".git/\n.gitignore\n.gitmodules\n.gitattributes\n";
// What else Flux leaves out where neither the repository nor the object says anything.
static const char default_patterns[] =
    "*.jpg\n*.jpeg\n*.gif\n*.png\n*.wmv\n*.flv\n*.tar.gz\n*.zip\n"
    ".github/\n.circleci/"
    "\n.travis.yml\n.gitlab-ci.yml\nappveyor.yml\n.drone.yml\ncloudbuild.yaml\ncodeship-services.yml\n"
    "codeship-steps.yml\n"
    "**/.goreleaser.yml\n**/.sops.yaml\n**/.flux.yaml\n";

bool artifact_unpack(struct source *s, const struct artifact *artifact, const char *folder, struct error *err)
{
    static const struct archive_limits limits = {
        .compressed = ARTIFACT_MAX, .total = ARTIFACT_MAX, .file = ARTIFACT_MAX, .entries = ARTIFACT_FILES_MAX};
    const char *local = store_local(s->store, s->r->arena, artifact->path);
    if (!local)
        return error_set(err, ERROR_INVALID, "invalid artifact path '%s'", str_or(artifact->path, ""));
    return archive_unpack(local, folder, &limits, err);
}

bool path_within(struct arena *a, const char *root, const char *path, const char **out, struct error *err)
{
    const char *clean = path_clean(a, path + strspn(path, "/"));
    struct stat st;
    if (!path_is_local(clean))
        return error_set(err, ERROR_INVALID, "path '%s' leads out of its folder", path);
    const char *at = root;
    struct slice part, rest = slice_of(clean);
    for (bool more = strcmp(clean, ".") != 0; more;) {
        more = slice_cut(rest, '/', &part, &rest);
        at = path_join(a, at, slice_dup(a, part));
        if (lstat(at, &st))
            return error_set(err, errno == ENOENT || errno == ENOTDIR ? ERROR_NOT_FOUND : ERROR_TRANSIENT, "%s: %s",
                             path, errno == ENOENT || errno == ENOTDIR ? "no such file or directory" : strerror(errno));
        if (S_ISLNK(st.st_mode))
            return error_set(err, ERROR_INVALID, "path '%s' has a symbolic link in it", path);
    }
    *out = at;
    return true;
}

struct ignore_walk {
    struct arena *arena;
    struct ignore *ignore;
    int found; // files with something in them
};

// Reads the ignore file of an open folder, if it has one. Links are not followed: they could name any file of this
// machine.
static bool read_ignore_file(struct ignore_walk *w, int dir, const char *domain, struct error *err)
{
    int fd = openat(dir, IGNORE_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0)
        return true;
    bool regular = !fstat(fd, &st) && S_ISREG(st.st_mode);
    bool ok = true;
    if (regular && (size_t)st.st_size > IGNORE_MAX) {
        ok = error_set(err, ERROR_LIMIT, "%s%s%s is larger than %zu bytes", domain, *domain ? "/" : "", IGNORE_FILE,
                       IGNORE_MAX);
    } else if (regular) {
        char *text = arena_alloc(w->arena, (size_t)st.st_size + 1);
        ssize_t n, len = 0;
        while (len < st.st_size && (n = read(fd, text + len, (size_t)(st.st_size - len))) > 0)
            len += n;
        ignore_add(w->ignore, domain, slice_n(text, (size_t)len));
        if (slice_trim_space(slice_n(text, (size_t)len)).len && ++w->found > IGNORE_FILES_MAX)
            ok = error_set(err, ERROR_LIMIT, "more than %d %s files", IGNORE_FILES_MAX, IGNORE_FILE);
    }
    close(fd);
    return ok;
}

static bool walk_ignore_files(struct ignore_walk *w, int dir, const char *domain, int depth, struct error *err)
{
    if (depth > DEPTH_MAX)
        return error_set(err, ERROR_LIMIT, "folders are nested more than %d deep", DEPTH_MAX);
    if (!read_ignore_file(w, dir, domain, err))
        return false;
    int copy = dup(dir);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    if (!d) {
        if (copy >= 0)
            close(copy);
        return error_set(err, ERROR_TRANSIENT, "read folder %s: %s", domain, strerror(errno));
    }
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(d));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || !strcmp(e->d_name, ".git") ||
            (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN))
            continue;
        int sub = openat(dir, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (sub < 0)
            continue;
        const char *below =
            *domain ? arena_printf(w->arena, "%s/%s", domain, e->d_name) : arena_strdup(w->arena, e->d_name);
        ok = walk_ignore_files(w, sub, below, depth + 1, err);
        close(sub);
    }
    closedir(d);
    return ok;
}

bool source_ignore(struct arena *a, const char *folder, const char *spec_ignore, struct ignore **out, struct error *err)
{
    struct ignore_walk w = {.arena = a, .ignore = ignore_new(a)};
    ignore_add(w.ignore, "", slice_of(vcs_patterns));
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, ERROR_TRANSIENT, "open %s: %s", folder, strerror(errno));
    bool ok = walk_ignore_files(&w, fd, "", 0, err);
    close(fd);
    if (!ok)
        return error_wrap(err, "failed to load source ignore patterns from repository");
    if (spec_ignore && slice_trim_space(slice_of(spec_ignore)).len) {
        ignore_add(w.ignore, "", slice_of(spec_ignore));
        w.found++;
    }
    if (!w.found)
        ignore_add(w.ignore, "", slice_of(default_patterns));
    *out = w.ignore;
    return true;
}
