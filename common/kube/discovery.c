// discovery.c - which kinds the server has and what it calls them; its version.
//
// Group versions are asked for one by one, when a kind of theirs is first needed, and kept. A kind that is missing is
// asked for again after DISCOVERY_AGAIN_MS at the earliest. All strings are interned: they live as long as the handle.
#include <stdio.h>

#include "kube/kube_internal.h"

#define DISCOVERY_AGAIN_MS 5000
#define ASKED_MOST 8        // for one kind, in one call
#define ALL_KEPT_MS 60000   // of the whole list and the version
#define RESOURCES_MOST 4096 // in a group version
#define ACCEPT_AGGREGATED                                                                                              \
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"                                            \
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"

struct group_version {
    struct map *kinds; // kind to struct kube_resource *, in the arena
    int64_t asked_ms;
};

struct kept {
    char *json; // NULL: nothing
    int64_t asked_ms;
};

struct discovery {
    pthread_mutex_t lock;
    struct arena *arena;   // interned strings, resources
    struct map *strings;   // text to itself
    struct map *resources; // "apps/v1/Deployment" to struct kube_resource *: reused when it is found again
    struct map *groups;    // api version to struct group_version *
    int64_t forgotten_ms;  // an answer to an older question may lack what was defined since
    struct kept versions, server;
};

struct discovery *discovery_new(void)
{
    struct discovery *d = xcalloc(1, sizeof *d);
    pthread_mutex_init(&d->lock, NULL);
    d->arena = arena_new();
    d->strings = map_new(NULL);
    d->resources = map_new(NULL);
    d->groups = map_new(NULL);
    return d;
}

static void groups_clear(struct discovery *d)
{
    const char *key;
    void *group;
    for (size_t i = 0; map_each(d->groups, &i, &key, &group);) {
        map_free(((struct group_version *)group)->kinds);
        free(group);
    }
    map_free(d->groups);
    d->groups = map_new(NULL);
}

void discovery_free(struct discovery *d)
{
    groups_clear(d);
    map_free(d->groups);
    map_free(d->resources);
    map_free(d->strings);
    free(d->versions.json);
    free(d->server.json);
    arena_free(d->arena);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

void kube_discovery_forget(struct kube *k)
{
    struct discovery *d = k->discovery;
    pthread_mutex_lock(&d->lock);
    groups_clear(d);
    d->forgotten_ms = clock_mono_ms();
    pthread_mutex_unlock(&d->lock);
}

// ---- one group version --------------------------------------------------------------------------------------------
static const char *intern(struct discovery *d, const char *text)
{
    char *known = map_get(d->strings, text);
    if (!known) {
        known = arena_strdup(d->arena, text);
        map_put(d->strings, known, known);
    }
    return known;
}

// A definition may be replaced by one with other names; who holds the old struct's copy holds interned strings.
static struct kube_resource *resource_of(struct discovery *d, struct kube_resource r)
{
    cleanup(cleanup_free) char *key = xasprintf("%s/%s %s %d", r.api_version, r.kind, r.plural, r.namespaced);
    struct kube_resource *known = map_get(d->resources, key);
    if (!known) {
        known = arena_new_of(d->arena, struct kube_resource);
        *known = (struct kube_resource){.api_version = intern(d, r.api_version),
                                        .kind = intern(d, r.kind),
                                        .plural = intern(d, r.plural),
                                        .namespaced = r.namespaced};
        map_put(d->resources, key, known);
    }
    return known;
}

static void group_fill(struct discovery *d, const char *api_version, struct value list, struct group_version *group)
{
    for (size_t i = 0; i < value_len(list) && i < RESOURCES_MOST; i++) {
        struct value entry = value_at(list, i);
        const char *kind = value_str(value_get(entry, "kind")), *plural = value_str(value_get(entry, "name"));
        // "pods/log" is a subresource; "deployments/scale" has a kind of another group.
        if (str_empty(kind) || str_empty(plural) || strchr(plural, '/') || map_get(group->kinds, kind))
            continue;
        struct kube_resource r = {.api_version = api_version,
                                  .kind = kind,
                                  .plural = plural,
                                  .namespaced = value_true(value_get(entry, "namespaced"))};
        map_put(group->kinds, kind, resource_of(d, r));
    }
}

bool discovery_store(struct kube *k, const char *api_version, struct slice body, int64_t asked_ms, struct error *err)
{
    struct discovery *d = k->discovery;
    cleanup(cleanup_arena) struct arena *a = arena_new();
    struct value answer = VALUE_NULL;
    if (body.data) {
        if (!json_parse(a, body.data, body.len, 0, &answer, err) || !value_is(value_get(answer, "resources"), V_LIST)) {
            error_clear(err);
            return error_set(err, ERROR_TRANSIENT, "discovery of %s: not a list of resources", api_version);
        }
    }
    pthread_mutex_lock(&d->lock);
    struct group_version *group = map_get(d->groups, api_version);
    if (!group) {
        group = xcalloc(1, sizeof *group);
        map_put(d->groups, api_version, group);
    } else {
        map_free(group->kinds);
    }
    group->kinds = map_new(NULL);
    group->asked_ms = asked_ms;
    group_fill(d, api_version, value_get(answer, "resources"), group);
    pthread_mutex_unlock(&d->lock);
    return true;
}

bool discovery_lookup(struct kube *k, const char *api_version, const char *kind, struct kube_resource *out, bool *fresh)
{
    struct discovery *d = k->discovery;
    pthread_mutex_lock(&d->lock);
    struct group_version *group = map_get(d->groups, api_version);
    struct kube_resource *found = group ? map_get(group->kinds, kind) : NULL;
    *fresh = group && group->asked_ms > d->forgotten_ms && clock_mono_ms() - group->asked_ms < DISCOVERY_AGAIN_MS;
    if (found)
        *out = *found;
    pthread_mutex_unlock(&d->lock);
    return found != NULL;
}

bool kube_discover(struct kube *k, const char *api_version, const char *kind, struct kube_resource *out,
                   struct error *err)
{
    bool fresh;
    if (str_empty(api_version) || str_empty(kind))
        return error_set(err, ERROR_INVALID, "an object without %s", str_empty(api_version) ? "apiVersion" : "kind");
    // Another thread may have all forgotten between the question and the look at the answer: then it is asked again.
    for (int asked = 0;; asked++) {
        if (discovery_lookup(k, api_version, kind, out, &fresh))
            return true;
        if (fresh || asked == ASKED_MOST)
            break;
        cleanup(cleanup_arena) struct arena *a = arena_new();
        struct buf path = BUF_IN(a);
        struct kube_answer answer = {0};
        int64_t asked_ms = clock_mono_ms();
        path_group(&path, api_version);
        struct kube_call call = {.path = buf_cstr(&path)};
        if (!kube_do(k, a, &call, &answer, err)) {
            if (err->class != ERROR_NOT_FOUND)
                return error_wrap(err, "discovery of %s", api_version);
            error_clear(err);
        }
        if (!discovery_store(k, api_version, answer.body, asked_ms, err))
            return false;
    }
    return error_set(err, ERROR_NOT_FOUND, "no matches for kind \"%s\" in version \"%s\"", kind, api_version);
}

// ---- everything: Helm's .Capabilities.APIVersions -----------------------------------------------------------------
static void version_add(struct arena *a, struct value list, const char *group, const char *version,
                        struct value resources, const char *kind_key, const char *name_key)
{
    const char *api_version = str_empty(group) ? version : arena_printf(a, "%s/%s", group, version);
    if (str_empty(version))
        return;
    value_push(list, value_string_copy(a, api_version, strlen(api_version)));
    for (size_t i = 0; i < value_len(resources); i++) {
        struct value entry = value_at(resources, i);
        const char *name = value_str_or(value_get(entry, name_key), ""), *kind = value_str(value_path(entry, kind_key));
        if (!str_empty(kind) && !strchr(name, '/'))
            value_push(list, value_printf(a, "%s/%s", api_version, kind));
    }
}

// From 1.26 on one answer holds all groups with their kinds.
static void aggregated_add(struct arena *a, struct value list, struct value answer)
{
    struct value groups = value_get(answer, "items");
    for (size_t g = 0; g < value_len(groups); g++) {
        const char *group = value_str_or(value_path(value_at(groups, g), "metadata.name"), "");
        struct value versions = value_get(value_at(groups, g), "versions");
        for (size_t v = 0; v < value_len(versions); v++)
            version_add(a, list, group, value_str(value_get(value_at(versions, v), "version")),
                        value_get(value_at(versions, v), "resources"), "responseKind.kind", "resource");
    }
}

// Before that: a group version of an aggregated API server that is down (metrics.k8s.io) is left out, as Helm leaves it
// out.
static bool group_version_add(struct kube *k, struct arena *a, struct value list, const char *api_version,
                              struct error *err)
{
    cleanup(error_clear) struct error fault = {0};
    struct buf path = BUF_IN(a);
    struct value answer;
    path_group(&path, api_version);
    if (kube_do_json(k, a, &(struct kube_call){.path = buf_cstr(&path)}, &answer, &fault)) {
        version_add(a, list, NULL, api_version, value_get(answer, "resources"), "kind", "name");
        return true;
    }
    if (fault.class == ERROR_CANCELLED || fault.class == ERROR_DENIED)
        return error_move(err, &fault);
    log_info("group version left out of discovery", LOG_S("groupVersion", api_version),
             LOG_S("cause", error_text(&fault)));
    return true;
}

static bool versions_ask(struct kube *k, struct arena *a, const char *path, struct value list, struct error *err)
{
    struct value answer;
    struct kube_call call = {.path = path, .accept = ACCEPT_AGGREGATED};
    if (!kube_do_json(k, a, &call, &answer, err))
        return false;
    if (str_eq(value_str(value_get(answer, "kind")), "APIGroupDiscoveryList")) {
        aggregated_add(a, list, answer);
        return true;
    }
    struct value core = value_get(answer, "versions"), groups = value_get(answer, "groups");
    for (size_t i = 0; i < value_len(core); i++)
        if (value_str(value_at(core, i)) && !group_version_add(k, a, list, value_str(value_at(core, i)), err))
            return false;
    for (size_t g = 0; g < value_len(groups); g++) {
        struct value versions = value_get(value_at(groups, g), "versions");
        for (size_t v = 0; v < value_len(versions); v++) {
            const char *name = value_str(value_get(value_at(versions, v), "groupVersion"));
            if (name && !group_version_add(k, a, list, name, err))
                return false;
        }
    }
    return true;
}

static bool kept_get(struct discovery *d, struct kept *kept, struct arena *a, struct value *out)
{
    cleanup(error_clear) struct error ignored = {0};
    pthread_mutex_lock(&d->lock);
    bool ok = kept->json && kept->asked_ms > d->forgotten_ms && clock_mono_ms() - kept->asked_ms < ALL_KEPT_MS &&
              json_parse(a, kept->json, strlen(kept->json), 0, out, &ignored);
    pthread_mutex_unlock(&d->lock);
    return ok;
}

static void kept_put(struct discovery *d, struct kept *kept, struct value v, int64_t asked_ms)
{
    struct buf text = {0};
    json_write(&text, v, 0);
    pthread_mutex_lock(&d->lock);
    free(kept->json);
    *kept = (struct kept){.json = buf_steal(&text), .asked_ms = asked_ms};
    pthread_mutex_unlock(&d->lock);
}

bool kube_api_versions(struct kube *k, struct arena *a, struct value *list, struct error *err)
{
    if (kept_get(k->discovery, &k->discovery->versions, a, list))
        return true;
    int64_t asked_ms = clock_mono_ms();
    *list = value_list(a);
    if (!versions_ask(k, a, "/api", *list, err) || !versions_ask(k, a, "/apis", *list, err))
        return error_wrap(err, "discovery");
    kept_put(k->discovery, &k->discovery->versions, *list, asked_ms);
    return true;
}

bool kube_version(struct kube *k, struct arena *a, struct value *out, struct error *err)
{
    if (kept_get(k->discovery, &k->discovery->server, a, out))
        return true;
    int64_t asked_ms = clock_mono_ms();
    if (!kube_do_json(k, a, &(struct kube_call){.path = "/version"}, out, err))
        return error_wrap(err, "server version");
    kept_put(k->discovery, &k->discovery->server, *out, asked_ms);
    return true;
}
