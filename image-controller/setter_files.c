// setter_files.c - walks a checked-out repository and edits the files that hold markers.
#include "setter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (16u << 20) // bytes of a YAML file; a larger one is left alone
#define DEPTH_MAX 100
#define MARKER "\"$imagepolicy\""

struct walk {
    struct arena *arena;
    const struct setter_image *images;
    size_t count;
    struct setter_result *result;
    struct error *err;
};

static bool is_candidate(const char *name)
{
    const char *dot = strrchr(name, '.');
    return str_eq(name, "Kustomization") || (dot && (str_eq(dot, ".yaml") || str_eq(dot, ".yml")));
}

static bool read_all(struct arena *a, int fd, size_t size, struct slice *out)
{
    char *data = arena_alloc(a, size + 1);
    size_t len = 0;
    while (len < size) {
        ssize_t n = read(fd, data + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    data[len] = '\0';
    *out = slice_n(data, len);
    return len == size;
}

// In place, through the descriptor that was opened without following a link: the work folder is thrown away should this
// fail half way.
static bool overwrite(int fd, struct slice text)
{
    if (ftruncate(fd, 0) < 0)
        return false;
    for (size_t done = 0; done < text.len;) {
        ssize_t n = pwrite(fd, text.data + done, text.len - done, (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static bool edit_open_file(struct walk *w, int fd, const char *path)
{
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size > FILE_MAX)
        return true;
    struct arena_mark mark = arena_mark(w->arena);
    struct slice text;
    if (!read_all(w->arena, fd, (size_t)st.st_size, &text))
        return error_set(w->err, ERROR_TRANSIENT, "reading YAML file: %s: %s", path, strerror(errno));
    if (slice_find(text, SLICE(MARKER)) < 0) {
        arena_reset(w->arena, mark);
        return true;
    }
    struct setter_file file = {.path = path};
    struct buf edited = {0};
    bool is_yaml, fine = true;
    w->result->scanned++;
    if (setter_edit(w->arena, text, w->images, w->count, &edited, &file, &is_yaml)) {
        fine = overwrite(fd, buf_view(&edited));
        if (!fine)
            error_set(w->err, ERROR_TRANSIENT, "writing YAML file: %s: %s", path, strerror(errno));
        vec_push(w->arena, &w->result->files, file);
    }
    if (!is_yaml)
        w->result->skipped++;
    buf_free(&edited);
    return fine;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool walk_folder(struct walk *w, int folder, const char *path, int depth);

// An entry that is neither a folder nor a file (a symbolic link, say) is passed over.
static bool visit(struct walk *w, int folder, const char *path, const char *name, int depth)
{
    const char *below = *path ? path_join(w->arena, path, name) : arena_strdup(w->arena, name);
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_set(w->err, ERROR_TRANSIENT, "walking path for files: %s: %s", below, strerror(errno));
    if (S_ISDIR(st.st_mode)) {
        int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? true : walk_folder(w, fd, below, depth + 1);
    }
    if (!S_ISREG(st.st_mode) || !is_candidate(name))
        return true;
    int fd = openat(folder, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set(w->err, ERROR_TRANSIENT, "reading YAML file: %s: %s", below, strerror(errno));
    bool fine = edit_open_file(w, fd, below);
    close(fd);
    return fine;
}

// Takes over the descriptor.
static bool walk_folder(struct walk *w, int folder, const char *path, int depth)
{
    DIR *dir = fdopendir(folder);
    if (!dir || depth > DEPTH_MAX) {
        dir ? closedir(dir) : close(folder);
        return error_set(w->err, ERROR_LIMIT, "walking path for files: %s cannot be read, or is nested too deep", path);
    }
    VEC(const char *) names = {0};
    for (struct dirent *entry; (entry = readdir(dir));)
        if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, "..") && !str_eq(entry->d_name, ".git"))
            vec_push(w->arena, &names, arena_strdup(w->arena, entry->d_name));
    if (names.len)
        qsort(names.items, names.len, sizeof *names.items, compare_names);
    bool fine = true;
    for (size_t i = 0; fine && i < names.len; i++)
        fine = visit(w, folder, path, names.items[i], depth);
    closedir(dir);
    return fine;
}

// Opens folder/path component by component, so that no symbolic link leads out. -1: not there.
static int open_below(struct arena *a, const char *folder, const char *path)
{
    int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct slice rest = slice_of(path), part;
    while (at >= 0 && rest.len) {
        slice_cut(rest, '/', &part, &rest);
        if (part.len == 0 || slice_eq_str(part, "."))
            continue;
        int next =
            openat(at, slice_dup(a, part), (rest.len ? O_DIRECTORY | O_RDONLY : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC);
        close(at);
        at = next;
    }
    return at;
}

bool setter_run(struct arena *a, const char *folder, const char *path, const struct setter_image *images, size_t count,
                struct setter_result *result, struct error *err)
{
    struct walk w = {.arena = a, .images = images, .count = count, .result = result, .err = err};
    *result = (struct setter_result){0};
    // As Flux reads it, a path that starts with a slash, or climbs, stays below the repository's root.
    const char *clean = path_clean(a, arena_printf(a, "/%s", str_or(path, "."))) + 1, *name = strrchr(clean, '/');
    struct stat st;
    if (str_has_prefix(clean, ".git") && (clean[4] == '/' || !clean[4]))
        return error_set(err, ERROR_INVALID, "update path %s is not part of the repository", path);
    int fd = open_below(a, folder, clean);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int number = errno;
        if (fd >= 0)
            close(fd);
        return error_set(err, ERROR_INVALID, "walking path for files: %s: %s", path, strerror(number));
    }
    result->base = clean;
    if (S_ISDIR(st.st_mode))
        return walk_folder(&w, fd, "", 0);
    close(fd);
    const char *parent = name ? arena_strndup(a, clean, (size_t)(name - clean)) : "";
    int at = open_below(a, folder, parent);
    result->base = parent;
    if (at < 0)
        return error_set(err, ERROR_INVALID, "walking path for files: %s: %s", path, strerror(errno));
    bool fine = visit(&w, at, "", name ? name + 1 : clean, 0);
    close(at);
    return fine;
}
