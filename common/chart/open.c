// open.c - where a chart comes from: a folder on disk or a tgz.

#include "chart/internal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/archive.h"

#define MAX_FILE (5u << 20)    // of one file, as Helm
#define MAX_CHART (100u << 20) // of all files together, as Helm
#define MAX_FOLDERS 100        // nested: a symbolic link can make a circle
#define MAX_FILES 50000
#define MAX_LINKS 255 // followed on the way to one file, as Go

static struct slice without_bom(struct slice data)
{
    return slice_has_prefix(data, SLICE("\xEF\xBB\xBF")) ? slice_sub(data, 3, data.len) : data;
}

// ---- folders ------------------------------------------------------------------------------------------------------

struct walk {
    struct arena *arena;
    const char *top; // with a slash at its end
    struct helmignore *ignore;
    struct chart_notices *notices;
    chart_file_list files;
    size_t total;
    struct error *err;
};

static bool too_large(struct walk *w, const char *path)
{
    return error_set(w->err, ERROR_LIMIT, "chart file %s is larger than the maximum file size %u",
                     go_quoted_str(w->arena, chart_base_name(path)), MAX_FILE);
}

static bool add_file(struct walk *w, const char *path, const char *name)
{
    struct chart_file file = {.name = name};
    struct error inner = {0};
    if (!file_view(w->arena, path, MAX_FILE, &file.data, &file.mtime, &inner)) {
        if (inner.class == ERROR_LIMIT) {
            error_clear(&inner);
            return too_large(w, path);
        }
        error_move(w->err, &inner);
        return error_wrap(w->err, "error reading %s", name);
    }
    w->total += file.data.len;
    if (w->total > MAX_CHART || w->files.len >= MAX_FILES)
        return error_set(w->err, ERROR_LIMIT, "the chart holds more than %u bytes or %d files", MAX_CHART, MAX_FILES);
    file.data = without_bom(file.data);
    vec_push(w->arena, &w->files, file);
    return true;
}

struct listed { // of a folder
    const char *name;
    unsigned char type; // DT_REG, DT_DIR; anything else has to be looked at
};

static int compare_listed(const void *a, const void *b)
{
    return strcmp(((const struct listed *)a)->name, ((const struct listed *)b)->name);
}

typedef VEC(struct listed) listed_list;

static bool list_folder(struct walk *w, const char *path, listed_list *list)
{
    DIR *dir = opendir(path);
    if (!dir)
        return error_set_errno(w->err, errno, "open %s", path);
    for (struct dirent *entry; (entry = readdir(dir)) && list->len <= MAX_FILES;)
        if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, ".."))
            vec_push(w->arena, list, (struct listed){arena_strdup(w->arena, entry->d_name), entry->d_type});
    closedir(dir);
    if (list->len > 1)
        qsort(list->items, list->len, sizeof *list->items, compare_listed);
    return true;
}

// Says where following the links of a path breaks off, as Go's EvalSymlinks does: it goes component by component and names
// the first place that is not there.
static bool broken_link(struct walk *w, const char *path)
{
    struct slice rest = slice_of(path), name;
    const char *at = *path == '/' ? "/" : "";
    for (int links = 0; rest.len > 0;) {
        slice_cut(rest, '/', &name, &rest);
        if (name.len == 0 || slice_eq_str(name, "."))
            continue;
        const char *slash = strrchr(at, '/'), *last = slash ? slash + 1 : at;
        const char *above = slash ? arena_strndup(w->arena, at, (size_t)(slash - at)) : "";
        const char *joint = *at && at[strlen(at) - 1] != '/' ? "/" : "";
        if (slice_eq_str(name, "..") && *last && !str_eq(last, "..")) {
            at = slash == at ? "/" : above;
            continue;
        }
        const char *before = at;
        at = arena_printf(w->arena, "%s%s%.*s", at, joint, SLICE_ARG(name));
        char target[PATH_MAX];
        struct stat st;
        if (lstat(at, &st) != 0)
            return error_set_errno(w->err, errno, "lstat %s", at);
        if (!S_ISLNK(st.st_mode) && !S_ISDIR(st.st_mode) && rest.len > 0)
            return error_set(w->err, ERROR_INVALID, "not a directory");
        ssize_t len = S_ISLNK(st.st_mode) ? readlink(at, target, sizeof target) : -1;
        if (len < 0)
            continue;
        if (++links > MAX_LINKS)
            return error_set(w->err, ERROR_INVALID, "EvalSymlinks: too many links");
        at = *target == '/' ? "/" : before;
        rest = slice_of(arena_printf(w->arena, "%.*s/%.*s", (int)len, target, SLICE_ARG(rest)));
    }
    return error_set_errno(w->err, errno, "lstat %s", path);
}

// Symbolic links are followed, to files and to folders, and told of. *type: DT_REG or DT_DIR then.
static bool look_at(struct walk *w, const char *path, unsigned char *type)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return error_set_errno(w->err, errno, "lstat %s", path);
    if (S_ISLNK(st.st_mode)) {
        char resolved[PATH_MAX];
        if (stat(path, &st) != 0 || !realpath(path, resolved)) {
            broken_link(w, path);
            return error_wrap(w->err, "error evaluating symlink %s", path);
        }
        chart_notice(w->notices, "INFO", "found symbolic link in path. Contents of linked file included and used",
                     CHART_PAIRS("path", path, "resolved", resolved));
    }
    *type = S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) ? DT_REG : DT_UNKNOWN;
    return true;
}

static bool walk(struct walk *w, const char *path, unsigned char type, int depth)
{
    if (depth > MAX_FOLDERS)
        return error_set(w->err, ERROR_LIMIT, "more than %d nested folders at %s", MAX_FOLDERS, path);
    if (type != DT_REG && type != DT_DIR && !look_at(w, path, &type))
        return false;
    const char *name = path + strlen(w->top);
    if (depth > 0 && helmignore_match(w->ignore, name, type == DT_DIR))
        return true;
    if (type == DT_UNKNOWN)
        return error_set(w->err, ERROR_INVALID, "cannot load irregular file %s as it has file mode type bits set", path);
    if (type == DT_REG)
        return add_file(w, path, name);

    listed_list list = {0};
    if (!list_folder(w, path, &list))
        return false;
    for (size_t i = 0; i < list.len; i++) {
        const char *below = arena_printf(w->arena, "%s%s%s", path, depth ? "/" : "", list.items[i].name);
        if (!walk(w, below, list.items[i].type, depth + 1))
            return false;
    }
    return true;
}

static struct chart *load_folder(struct arena *a, const char *dir, struct chart_notices *notices, struct error *err)
{
    char resolved[PATH_MAX];
    if (!realpath(dir, resolved)) {
        error_set_errno(err, errno, "stat %s", dir);
        return NULL;
    }
    // Links on the way to the chart stay in what is said of its files.
    const char *absolute = *dir == '/' ? path_clean(a, dir) : arena_strdup(a, resolved);
    struct walk w = {.arena = a,
                     .top = arena_printf(a, "%s/", absolute),
                     .ignore = helmignore_new(a),
                     .notices = notices,
                     .err = err};
    const char *description = arena_printf(a, "%sChart.yaml", w.top);
    struct slice text;
    int64_t mtime;
    if (!file_view(a, description, MAX_FILE, &text, &mtime, err)) {
        error_wrap(err, "unable to detect chart at %s", description);
        return NULL;
    }
    if (!metadata_check_api_version(a, without_bom(text), err))
        return NULL;
    const char *rules = arena_printf(a, "%s.helmignore", w.top);
    struct stat st;
    if (stat(rules, &st) == 0 &&
        (!file_view(a, rules, MAX_FILE, &text, &mtime, err) || !helmignore_parse(w.ignore, text, err)))
        return NULL;
    helmignore_parse(w.ignore, SLICE("templates/.?*"), err); // Helm's own rule: dot files are no templates
    if (!walk(&w, w.top, DT_UNKNOWN, 0))
        return NULL;
    struct chart *c = chart_from_files(a, w.files.items, w.files.len, notices, err);
    if (c)
        c->path = absolute;
    return c;
}

struct chart *chart_load_dir(struct arena *a, const char *dir, struct error *err)
{
    return load_folder(a, dir, NULL, err);
}

// ---- archives -----------------------------------------------------------------------------------------------------

struct unpack {
    struct arena *arena;
    chart_file_list files;
};

static bool add_entry(void *ctx, const struct archive_entry *e, struct error *err)
{
    struct unpack *u = ctx;
    if (e->directory)
        return true;
    const char *slash = strchr(e->path, '/');
    if (!slash)
        return str_eq(e->path, "Chart.yaml")
                   ? error_set(err, ERROR_INVALID, "chart yaml not in base directory")
                   : error_set(err, ERROR_INVALID, "chart illegally contains content outside the base directory: \"%s\"",
                               e->path);
    // The first folder of a name is cut off, also where it is ".".
    const char *name = str_has_prefix(e->name, "./") ? e->path : slash + 1;
    // A link has no content of its own in an archive: Helm sees an empty file. Those have no body at all.
    struct slice data = e->symlink || e->data.len == 0 ? slice_n(NULL, 0) : without_bom(e->data);
    vec_push(u->arena, &u->files, (struct chart_file){.name = name, .data = data, .mtime = e->mtime});
    return true;
}

bool chart_read_archive(struct arena *a, struct slice tgz, struct chart_file **files, size_t *count, struct error *err)
{
    struct unpack u = {.arena = a};
    const struct archive_limits limits = {.total = MAX_CHART, .file = MAX_FILE, .entries = MAX_FILES};
    if (!archive_read(a, tgz, &limits, add_entry, &u, err))
        return false;
    if (u.files.len == 0)
        return error_set(err, ERROR_INVALID, "no files in chart archive");
    *files = u.files.items;
    *count = u.files.len;
    return true;
}

static struct chart *load_tgz(struct arena *a, struct slice tgz, bool detailed, struct chart_notices *notices,
                              struct error *err)
{
    struct chart_file *files;
    size_t count;
    struct error inner = {0};
    if (!chart_read_archive(a, tgz, &files, &count, &inner)) {
        // The command line hides the reason, as Helm's does; the controllers show it.
        if (detailed) {
            error_move(err, &inner);
            error_wrap(err, "unable to load chart archive");
        } else {
            error_set(err, inner.class, "unable to load chart archive");
            error_clear(&inner);
        }
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        if (str_eq(files[i].name, "Chart.yaml"))
            return !metadata_check_api_version(a, files[i].data, err) ? NULL : chart_from_files(a, files, count, notices, err);
    error_set(err, ERROR_INVALID, "unable to detect chart version, no Chart.yaml found");
    return NULL;
}

struct chart *chart_load_archive(struct arena *a, struct slice tgz, struct error *err)
{
    return load_tgz(a, tgz, true, NULL, err);
}

// The part of the WHATWG sniffing rules that tells people what they gave instead of a chart.
static const char *content_type(struct slice data)
{
    static const struct {
        const char *magic, *type;
    } known[] = {{"PK\003\004", "application/zip"}, {"\x25PDF-", "application/pdf"}, {"\x89PNG\r\n\x1a\n", "image/png"}};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (slice_has_prefix(data, slice_of(known[i].magic)))
            return known[i].type;
    if (data.len < 512)
        return "application/octet-stream"; // Helm pads with zeros, which are no text
    for (size_t i = 0; i < 512; i++) {
        unsigned char c = (unsigned char)data.data[i];
        if (c <= 0x08 || c == 0x0B || (c >= 0x0E && c <= 0x1A) || (c >= 0x1C && c <= 0x1F))
            return "application/octet-stream";
    }
    return "text/plain; charset=utf-8";
}

static struct chart *load_file(struct arena *a, const char *path, struct chart_notices *notices, struct error *err)
{
    struct slice tgz;
    int64_t mtime;
    if (!file_view(a, path, MAX_CHART, &tgz, &mtime, err))
        return NULL;
    if (!slice_has_prefix(tgz, SLICE("\x1F\x8B\x08"))) {
        if (str_has_suffix(path, ".yml") || str_has_suffix(path, ".yaml"))
            error_set(err, ERROR_INVALID, "file '%s' seems to be a YAML file, but expected a gzipped archive", path);
        else
            error_set(err, ERROR_INVALID, "file '%s' does not appear to be a gzipped archive; got '%s'", path,
                      content_type(tgz));
        return NULL;
    }
    struct chart *c = load_tgz(a, tgz, false, notices, err);
    if (c) {
        c->path = arena_strdup(a, path);
    } else if (str_has_suffix(error_text(err), NO_GZIP)) { // an archive within
        const char *reason = arena_strdup(a, error_text(err));
        error_clear(err);
        error_set(err, ERROR_INVALID, "file '%s' does not appear to be a valid chart file (details: %s)", path, reason);
    }
    return c;
}

struct chart *chart_load(struct arena *a, const char *path, struct chart_notices *notices, struct error *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        error_set_errno(err, errno, "stat %s", path);
        return NULL;
    }
    return S_ISDIR(st.st_mode) ? load_folder(a, path, notices, err) : load_file(a, path, notices, err);
}
