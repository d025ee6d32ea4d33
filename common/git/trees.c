// trees.c - whether a tree from a stranger can be checked out: names, depth, count, bytes.
#include "git/private.h"

#include <strings.h>

#define TREE_DEPTH 100
#define TREE_ENTRIES 500000

// ".git", and what file systems that fold names would take for it.
bool repo_name_safe(const char *name)
{
    if (!*name || str_eq(name, ".") || str_eq(name, "..") || strchr(name, '/'))
        return false;
    size_t len = strlen(name);
    while (len && (name[len - 1] == ' ' || name[len - 1] == '.'))
        len--;
    return !(len == 4 && strncasecmp(name, ".git", 4) == 0) && strcasecmp(name, "git~1") != 0;
}

bool repo_path_safe(const char *path)
{
    char part[256];
    if (!*path || *path == '/')
        return false;
    for (const char *at = path; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL) {
        size_t len = strcspn(at, "/");
        if (len >= sizeof part)
            return false;
        memcpy(part, at, len);
        part[len] = '\0';
        if (!repo_name_safe(part))
            return false;
    }
    return true;
}

struct walk {
    git_repository *repository;
    git_odb *odb;
    struct arena *arena;
    size_t entries, bytes, limit;
};

static bool check_level(struct walk *w, const git_tree *tree, int depth, struct error *err);

static bool check_entry(struct walk *w, const git_tree_entry *entry, int depth, struct error *err)
{
    const char *name = git_tree_entry_name(entry);
    const git_oid *id = git_tree_entry_id(entry);
    if (!repo_name_safe(name))
        return error_set(err, ERROR_INVALID, "the repository has a file name that is not allowed: \"%.100s\"", name);
    if (++w->entries > TREE_ENTRIES)
        return error_set(err, ERROR_LIMIT, "the repository has more than %d files", TREE_ENTRIES);
    if (git_tree_entry_type(entry) == GIT_OBJECT_TREE) {
        git_tree *below;
        int code = git_tree_lookup(&below, w->repository, id);
        if (code < 0)
            return repo_failed(code, err);
        bool fine = check_level(w, below, depth + 1, err);
        git_tree_free(below);
        return fine;
    }
    if (git_tree_entry_type(entry) != GIT_OBJECT_BLOB)
        return true; // a submodule's commit: its folder stays empty
    size_t size;
    git_object_t type;
    int code = git_odb_read_header(&size, &type, w->odb, id);
    if (code < 0)
        return repo_failed(code, err);
    w->bytes += size;
    if (w->bytes > w->limit)
        return error_set(err, ERROR_LIMIT, "the files of the repository are larger than %zu bytes", w->limit);
    return true;
}

static bool check_level(struct walk *w, const git_tree *tree, int depth, struct error *err)
{
    if (depth > TREE_DEPTH)
        return error_set(err, ERROR_LIMIT, "the repository has more than %d levels of folders", TREE_DEPTH);
    struct arena_mark mark = arena_mark(w->arena);
    // A name given twice, once as a symbolic link and once as a folder, would lead out of the work folder.
    struct map *seen = map_new(w->arena);
    bool fine = true;
    for (size_t i = 0; fine && i < git_tree_entrycount(tree); i++) {
        const git_tree_entry *entry = git_tree_entry_byindex(tree, i);
        const char *name = git_tree_entry_name(entry);
        if (map_put(seen, name, w))
            fine = error_set(err, ERROR_INVALID, "the repository has the name \"%.100s\" twice in one folder", name);
        else
            fine = check_entry(w, entry, depth, err);
    }
    arena_reset(w->arena, mark);
    return fine;
}

bool repo_tree_check(git_repository *repository, const git_tree *tree, size_t limit, struct error *err)
{
    struct walk w = {.repository = repository, .limit = limit, .arena = arena_new()};
    int code = git_repository_odb(&w.odb, repository);
    bool fine = code == 0 ? check_level(&w, tree, 0, err) : repo_failed(code, err);
    git_odb_free(w.odb);
    arena_free(w.arena);
    return fine;
}
