// refs.c - which of a remote's references a `struct repo_ref` means, and how a revision is written.
#include "git/private.h"

#include "semver/semver.h"

#define HEADS "refs/heads/"
#define TAGS "refs/tags/"
#define PEELED "^{}"

bool repo_hash_valid(const char *hash)
{
    return hash && strlen(hash) == 40 && strspn(hash, "0123456789abcdef") == 40;
}

const char *repo_revision(struct arena *a, const char *reference, bool whole_name, const char *hash)
{
    if (!reference)
        return arena_printf(a, "sha1:%s", hash);
    // Flux prints what follows the second slash: "main" of refs/heads/main.
    const char *shown = reference, *slash = strchr(reference, '/');
    if (!whole_name && slash && (slash = strchr(slash + 1, '/')))
        shown = slash + 1;
    return arena_printf(a, "%s@sha1:%s", shown, hash);
}

static const char *find(const struct repo_head *heads, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(heads[i].name, name))
            return heads[i].hash;
    return NULL;
}

// An annotated tag is advertised twice: as the tag object, and with "^{}" as the commit it points at.
static const char *find_commit(struct arena *a, const struct repo_head *heads, size_t count, const char *name)
{
    const char *peeled = find(heads, count, arena_printf(a, "%s" PEELED, name));
    return peeled ? peeled : find(heads, count, name);
}

static bool valid_reference(const char *name, struct error *err)
{
    int valid = 0;
    if (git_reference_name_is_valid(&valid, name) == 0 && valid)
        return true;
    return error_set(err, ERROR_INVALID, "\"%s\" is no valid Git reference", name);
}

static bool choose_one(struct arena *a, const char *name, const struct repo_head *heads, size_t count,
                       struct repo_choice *out, struct error *err)
{
    if (!valid_reference(name, err))
        return false;
    out->hash = find_commit(a, heads, count, name);
    if (!out->hash)
        return error_set(err, ERROR_NOT_FOUND, "couldn't find remote ref \"%s\"", name);
    out->reference = name;
    out->fetch = arena_array(a, const char *, 1);
    out->fetch[0] = name;
    out->fetch_count = 1;
    return true;
}

// Flux takes strict versions only, with the one freedom of a leading "v".
static bool tag_version(struct arena *a, const char *tag, struct semver *out)
{
    struct error ignored cleanup(error_clear) = {0};
    return semver_parse_strict(a, *tag == 'v' ? tag + 1 : tag, out, &ignored);
}

static bool choose_semver(struct arena *a, const char *range, const struct repo_head *heads, size_t count,
                          struct repo_choice *out, struct error *err)
{
    struct semver_constraint *constraint = semver_constraint_parse(a, range, err);
    if (!constraint)
        return error_wrap(err, "semver parse error");
    struct semver best = {0};
    VEC(const char *) names = {0};
    for (size_t i = 0; i < count; i++) {
        struct semver version;
        if (!str_has_prefix(heads[i].name, TAGS) || str_has_suffix(heads[i].name, PEELED) ||
            !tag_version(a, heads[i].name + strlen(TAGS), &version) || !semver_check(constraint, &version))
            continue;
        int order = names.len ? semver_compare(&version, &best) : 1;
        if (order < 0)
            continue;
        if (order > 0) {
            best = version;
            names.len = 0;
        }
        vec_push(a, &names, heads[i].name);
    }
    if (names.len == 0)
        return error_set(err, ERROR_NOT_FOUND, "no match found for semver: %s", range);
    out->fetch = names.items;
    out->fetch_count = names.len;
    out->tied = names.len > 1;
    if (!out->tied) {
        out->reference = names.items[0];
        out->hash = find_commit(a, heads, count, names.items[0]);
    }
    return true;
}

static bool choose_commit(struct arena *a, const struct repo_ref *spec, const struct repo_head *heads, size_t count,
                          struct repo_choice *out, struct error *err)
{
    if (!repo_hash_valid(spec->commit))
        return error_set(err, ERROR_INVALID, "\"%s\" is no commit: 40 hexadecimal digits are needed", spec->commit);
    const char *name = NULL;
    if (!str_empty(spec->branch))
        name = arena_printf(a, HEADS "%s", spec->branch);
    if (name) {
        if (!choose_one(a, name, heads, count, out, err))
            return false;
    } else {
        out->all_branches = true;
    }
    out->reference = str_empty(spec->name) ? name : spec->name;
    out->by_name = !str_empty(spec->name);
    out->hash = spec->commit;
    return true;
}

bool repo_choose(struct arena *a, const struct repo_ref *spec, const struct repo_head *heads, size_t count,
                 struct repo_choice *out, struct error *err)
{
    *out = (struct repo_choice){0};
    if (!str_empty(spec->commit))
        return choose_commit(a, spec, heads, count, out, err);
    if (!str_empty(spec->name)) {
        char *name = arena_strdup(a, spec->name);
        if (str_has_suffix(name, PEELED))
            name[strlen(name) - strlen(PEELED)] = '\0';
        if (!choose_one(a, name, heads, count, out, err))
            return false;
        out->reference = spec->name;
        out->by_name = true;
        return true;
    }
    if (!str_empty(spec->semver))
        return choose_semver(a, spec->semver, heads, count, out, err);
    if (!str_empty(spec->tag))
        return choose_one(a, arena_printf(a, TAGS "%s", spec->tag), heads, count, out, err);
    return choose_one(a, arena_printf(a, HEADS "%s", str_or(spec->branch, "master")), heads, count, out, err);
}
