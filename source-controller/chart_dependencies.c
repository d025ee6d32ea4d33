// chart_dependencies.c - fetches the dependencies that a chart's folder lacks.
#include "chart_dependencies.h"

#include "semver/semver.h"

struct remote { // a repository that was opened for one of them
    const char *url;
    struct helm_client client;
    struct slice index;
};
struct resolver {
    const struct build_request *request;
    struct reconcile *r;
    const char *root, *folder;
    struct chart *chart;
    VEC(struct remote *) remotes;
};

struct wanted {
    const char *name, *version, *repository;
};

static struct wanted wanted_at(struct value list, size_t i)
{
    struct value d = value_at(list, i);
    return (struct wanted){value_str_or(value_get(d, "name"), ""), value_str_or(value_get(d, "version"), ""),
                           value_str_or(value_get(d, "repository"), "")};
}

// Several dependencies can be the same chart under other names (alias): it is there once.
static bool is_there(const struct chart *chart, const struct wanted *w)
{
    for (size_t i = 0; i < chart->dependencies.len; i++)
        if (str_eq(chart_name(chart->dependencies.items[i]), w->name))
            return true;
    return false;
}

static void add(struct resolver *res, struct chart *dependency)
{
    dependency->parent = res->chart;
    vec_push(res->r->arena, &res->chart->dependencies, dependency);
}

// ---- from a folder of the same repository -------------------------------------------------------------------------

static bool check_version(struct arena *a, const struct wanted *w, const struct chart *found, struct error *err)
{
    struct semver v;
    struct semver_constraint *range = semver_constraint_parse(a, w->version, err);
    if (!range)
        return error_wrap(err, "invalid version/constraint format '%s'", w->version);
    if (!semver_parse(a, str_or(chart_version(found), ""), &v, err))
        return false;
    return semver_check(range, &v) ||
           error_set(err, ERROR_INVALID, "can't get a valid version for constraint '%s'", w->version);
}

static bool add_local(struct resolver *res, const struct wanted *w, struct error *err)
{
    struct arena *a = res->r->arena;
    const char *below = *w->repository ? w->repository + strlen("file://") : arena_printf(a, "charts/%s", w->name),
               *path;
    const char *relative = path_clean(a, arena_printf(a, "%s/%s", res->folder, below));
    if (!path_within(a, res->root, relative, &path, err))
        return err->class == ERROR_NOT_FOUND
                   ? error_set(err, ERROR_NOT_FOUND, "no chart found at '%s' (reference '%s')", relative, w->repository)
                   : false;
    struct chart *found = chart_load(a, path, NULL, err);
    if (!found)
        return error_wrap(err, "failed to load chart from '%s' (reference '%s')", relative, w->repository);
    if (!check_version(a, w, found, err))
        return false;
    add(res, found);
    return true;
}

// ---- from a repository --------------------------------------------------------------------------------------------

static struct slice trimmed(const char *url)
{
    struct slice s = slice_of(url);
    while (s.len && s.data[s.len - 1] == '/')
        s.len--;
    return s;
}

// The HelmRepository of the namespace with this URL, or one made up that has nothing but the URL.
static struct value repository_object(struct resolver *res, const char *url)
{
    struct reconcile *r = res->r;
    struct informer *known = app_informer(r->app, SOURCE_API, "HelmRepository");
    struct value all = known ? informer_list(known, r->arena, r->namespace) : VALUE_NULL;
    for (size_t i = 0; i < value_len(all); i++) {
        const char *its = value_str_or(value_path(value_at(all, i), "spec.url"), "");
        if (slice_eq(trimmed(its), trimmed(url)))
            return value_at(all, i);
    }
    struct value made = value_dict(r->arena);
    value_set_path(made, "spec.url", value_string(url));
    if (str_has_prefix(url, "oci://"))
        value_set_path(made, "spec.type", value_string("oci"));
    return made;
}

// The stored index of a HelmRepository, else the one that its server has.
static bool read_index(struct resolver *res, struct value object, struct remote *remote, struct error *err)
{
    struct reconcile *r = res->r;
    struct artifact stored;
    if (remote->client.oci)
        return true;
    if (artifact_stored(res->request->source->store, object, &stored))
        return file_read(r->arena, store_local(res->request->source->store, r->arena, stored.path), STORED_INDEX_MAX,
                         &remote->index, err);
    return helm_client_index(&remote->client, r->arena, settings_of(r)->index_max, &remote->index, err) ||
           error_wrap(err, "failed to cache index");
}

static struct remote *open_remote(struct resolver *res, const char *url, struct error *err)
{
    const char *reason;
    if (url[0] == '@') {
        error_set(err, ERROR_INVALID, "aliased repository dependency is not supported: %s", url);
        return NULL;
    }
    if (!str_has_prefix(url, "http://") && !str_has_prefix(url, "https://") && !str_has_prefix(url, "oci://")) {
        error_set(err, ERROR_INVALID, "invalid dependency repository URL: %s", url_redact(res->r->arena, url));
        return NULL;
    }
    for (size_t i = 0; i < res->remotes.len; i++)
        if (slice_eq(trimmed(res->remotes.items[i]->url), trimmed(url)))
            return res->remotes.items[i];
    struct remote *remote = arena_new_of(res->r->arena, struct remote);
    struct value object = repository_object(res, url);
    remote->url = url;
    vec_push(res->r->arena, &res->remotes, remote);
    if (helm_client_open(res->r, object, &remote->client, &reason, err) && read_index(res, object, remote, err))
        return remote;
    res->remotes.len--;
    helm_client_close(&remote->client);
    error_wrap(err, "failed to get chart repository for URL '%s'", url_redact(res->r->arena, url));
    return NULL;
}

static bool add_remote(struct resolver *res, const struct wanted *w, struct error *err)
{
    struct remote *remote = open_remote(res, w->repository, err);
    struct helm_chart_ref ref;
    struct slice tgz;
    if (!remote)
        return false;
    if (!helm_client_find(&remote->client, res->r, remote->index, w->name, w->version, &ref, err))
        return error_wrap(err, "failed to get chart '%s' version '%s' from '%s'", w->name, w->version,
                          url_redact(res->r->arena, w->repository));
    if (!helm_client_chart(&remote->client, res->r, &ref, res->request->limit, &tgz, err))
        return error_wrap(err, "chart download of version '%s' failed", ref.version);
    struct chart *found = chart_load_archive(res->r->arena, tgz, err);
    if (!found)
        return error_wrap(err, "failed to load downloaded archive of version '%s'", ref.version);
    add(res, found);
    return true;
}

// ---- all of them --------------------------------------------------------------------------------------------------

static bool add_all(struct resolver *res, size_t *added, struct error *err)
{
    // What was locked takes precedence over what was asked for.
    struct value list = value_get(res->chart->lock, "dependencies");
    if (!value_is(list, V_LIST))
        list = value_get(res->chart->metadata, "dependencies");
    for (size_t i = 0; i < value_len(list); i++) {
        struct wanted w = wanted_at(list, i);
        bool local = !*w.repository || str_has_prefix(w.repository, "file://");
        if (is_there(res->chart, &w))
            continue;
        if (!(local ? add_local(res, &w, err) : add_remote(res, &w, err)))
            return error_wrap(err, "failed to add %s dependency '%s'", local ? "local" : "remote", w.name);
        ++*added;
    }
    return true;
}

bool dependencies_add(const struct build_request *q, const char *root, const char *folder, struct chart *chart,
                      size_t *added, struct error *err)
{
    struct resolver res = {.request = q, .r = q->source->r, .root = root, .folder = folder, .chart = chart};
    *added = 0;
    bool ok = add_all(&res, added, err);
    for (size_t i = 0; i < res.remotes.len; i++)
        helm_client_close(&res.remotes.items[i]->client);
    return ok;
}
