// release_work.c - a HelmRelease's release in Helm's storage: what is there, and how each action on it begins.
#include "work.h"

#include "render.h"
#include "web_fetch.h"

static const char *uid(struct work *w)
{
    return kube_uid(w->r->object);
}

// ---- what is there ------------------------------------------------------------------------------
bool work_read_latest(struct work *w, const char *storage_namespace, const char *name, struct error *err)
{
    struct reconcile *r = w->r;
    release_version_list all = {0};
    w->latest = (struct release){0};
    if (!release_versions(r->kube, r->arena, storage_namespace, name, &all, err))
        return false;
    // One that vanishes in between is a history being cleaned up: what is below it decides.
    for (size_t i = all.len; i-- > 0;) {
        if (release_get(r->kube, r->arena, storage_namespace, name, all.items[i].version, &w->latest, err))
            return true;
        if (err->class != ERROR_NOT_FOUND)
            return false;
        error_clear(err);
        w->latest = (struct release){0};
    }
    return true;
}

bool work_read(struct work *w, struct error *err)
{
    return work_read_latest(w, w->spec.storage_namespace, w->spec.release_name, err);
}

bool work_under_way(const struct work *w, enum action_kind *kind)
{
    return !value_is_null(w->latest.document) && kube_uid(w->r->object)[0] &&
           action_is_ours(&w->latest, kube_uid(w->r->object), NULL) &&
           action_kind_parse(w->latest.progress.action, kind);
}

bool work_unrecorded(const struct work *w, enum action_kind *kind)
{
    const struct release_progress *p = &w->latest.progress;
    if (value_is_null(w->latest.document) || p->phase || !str_eq(p->holder, kube_uid(w->r->object)) ||
        !action_kind_parse(p->action, kind))
        return false;
    struct value known = history_latest(w->r->status);
    return *kind != ACTION_UNINSTALL && value_int_or(value_get(known, "version"), 0) < release_version(&w->latest);
}

bool work_load_chart(struct work *w, struct error *err)
{
    if (w->chart)
        return true;
    w->chart = source_load(w->r, w->http, &w->source, &w->oci_digest, err);
    if (w->chart)
        w->version = chart_version(w->chart);
    return w->chart != NULL;
}

// ---- actions ------------------------------------------------------------------------------------
static struct action make_action(struct work *w, const char *storage_namespace, enum action_kind kind)
{
    struct reconcile *r = w->r;
    bool existing = (kind == ACTION_UNINSTALL || kind == ACTION_TEST) && !value_is_null(w->latest.document);
    return (struct action){
        .kind = kind,
        .objects = {.kube = r->kube,
                    .arena = r->arena,
                    .field_manager = reconcile_field_manager(r),
                    .release_name = existing ? release_name(&w->latest) : w->spec.release_name,
                    .release_namespace = existing ? release_namespace(&w->latest) : w->spec.release_namespace,
                    .owner_name = r->name,
                    .owner_namespace = r->namespace,
                    .common_metadata = value_get(r->spec, "commonMetadata"),
                    .refuse_ownership = spec_flag(&w->spec, kind, "disableTakeOwnership")},
        .storage_namespace = storage_namespace,
        .holder = uid(w),
        .digest = w->digest,
        .options = spec_options(&w->spec, kind),
    };
}

struct action work_continue(struct work *w, const char *storage_namespace, enum action_kind kind)
{
    struct action action = make_action(w, storage_namespace, kind);
    action.digest = w->latest.progress.digest;
    action.release = w->latest;
    return action;
}

// ---- rendering ----------------------------------------------------------------------------------

// Helm's lookup: what is not there is an empty dict.
static bool lookup(void *ctx, struct arena *a, const char *api_version, const char *kind, const char *namespace,
                   const char *name, struct value *out, struct error *err)
{
    struct kube *kube = ctx;
    struct kube_resource resource;
    if (!kube_discover(kube, api_version, kind, &resource, err))
        return false;
    if (str_empty(name)) {
        struct value items;
        struct kube_list_options options = {.namespace = resource.namespaced ? str_or(namespace, NULL) : NULL};
        if (!kube_list(kube, a, api_version, kind, &options, &items, err))
            return false;
        *out = value_dict(a);
        value_set_str(*out, "apiVersion", api_version);
        value_set(*out, "kind", value_printf(a, "%sList", kind));
        value_set(*out, "items", items);
        return true;
    }
    if (kube_get(kube, a, (struct kube_ref){api_version, kind, resource.namespaced ? namespace : NULL, name}, out, err))
        return true;
    if (err->class != ERROR_NOT_FOUND)
        return false;
    error_clear(err);
    *out = value_dict(a);
    return true;
}

static bool server_capabilities(struct work *w, struct render_capabilities *caps, struct error *err)
{
    struct arena *a = w->r->arena;
    struct value version, list;
    if (!kube_version(w->r->kube, a, &version, err) || !kube_api_versions(w->r->kube, a, &list, err))
        return error_wrap(err, "could not get apiVersions from Kubernetes");
    if (!render_parse_kube_version(a, value_str_or(value_get(version, "gitVersion"), ""), caps, err))
        return false;
    caps->kube_constraint = caps->kube_version; // Helm takes a server's version as it is
    caps->kube_major = value_str_or(value_get(version, "major"), caps->kube_major);
    caps->kube_minor = value_str_or(value_get(version, "minor"), caps->kube_minor);
    const char **names = arena_array(a, const char *, value_len(list) + 1);
    for (size_t i = 0; i < value_len(list); i++)
        names[i] = value_str_or(value_at(list, i), "");
    caps->api_versions = names;
    caps->api_version_count = value_len(list);
    return true;
}

static bool render(struct work *w, enum action_kind kind, int version, struct rendered *out, struct error *err)
{
    const struct chart_schema_source schemas = {.fetch = schema_fetch, .ctx = w->http};
    struct render_options options = {
        .release = {.name = w->spec.release_name,
                    .namespace = w->spec.release_namespace,
                    .revision = version,
                    .is_install = kind == ACTION_INSTALL,
                    .is_upgrade = kind == ACTION_UPGRADE},
        .lookup = lookup,
        .lookup_ctx = w->r->kube,
        .schema_source = &schemas,
        .skip_schema = spec_flag(&w->spec, kind, "disableSchemaValidation"),
    };
    return server_capabilities(w, &options.capabilities, err) &&
           render_chart(w->r->arena, w->chart, w->values, &options, out, err);
}

// The chart's objects as they will be applied: known to the server, marked, in a new revision.
static bool compose(struct work *w, enum action_kind kind, struct action *action, struct error *err)
{
    struct arena *a = w->r->arena;
    struct rendered out = {0};
    object_list objects = {0};
    bool first = value_is_null(w->latest.document);
    int version = first ? 1 : release_version(&w->latest) + 1;
    if (!render(w, kind, version, &out, err) ||
        !objects_mark(&action->objects, &out.objects, &out.hooks, &out.manifest_text, err) ||
        !objects_parse(&action->objects, &out.objects, &objects, err))
        return false;
    const char *since = kind == ACTION_UPGRADE && !first ? release_first_deployed(&w->latest) : NULL;
    action->release =
        release_new(a, w->spec.release_name, w->spec.release_namespace, version, RELEASE_PENDING_INSTALL, since);
    release_set_chart(a, &action->release, out.chart);
    release_set_rendered(a, &action->release, w->values, out.manifest_text, &out.hooks, out.notes);
    if (!action_list_crds(&action->objects, out.chart, &objects, err))
        return false;
    value_set(w->r->status, "inventory", inventory_of(a, objects.items, objects.len));
    return true;
}

// Errors of the API server and the network say nothing about the chart.
static enum begin_state fault(const struct error *err)
{
    return error_is_transient(err) || err->class == ERROR_CANCELLED || err->code == 401 ? BEGIN_ERROR : BEGIN_REFUSED;
}

static bool name_in_use(struct work *w, enum action_kind kind)
{
    return kind == ACTION_INSTALL && !value_is_null(w->latest.document) && !spec_flag(&w->spec, kind, "replace");
}

enum begin_state work_begin_release(struct work *w, enum action_kind kind, struct action *action, const char **message,
                                    struct error *err)
{
    *action = make_action(w, w->spec.storage_namespace, kind);
    if (!work_load_chart(w, err))
        return BEGIN_ERROR;
    if (name_in_use(w, kind)) {
        error_set(err, ERROR_INVALID, "cannot reuse a name that is still in use");
        return BEGIN_REFUSED;
    }
    if (!chart_check_installable(w->chart, err) || !chart_check_dependencies(w->chart, err))
        return BEGIN_REFUSED;
    bool create = kind == ACTION_INSTALL && spec_flag(&w->spec, kind, "createNamespace") &&
                  value_str(value_get(w->r->spec, "targetNamespace"));
    if (create && !action_create_namespace(&action->objects, err))
        return fault(err);
    // What conditions and tags switch off brings no CRDs either.
    struct chart *enabled = chart_with_dependencies(w->r->arena, w->chart, w->values, err);
    if (!enabled || !action_apply_crds(&action->objects, enabled, spec_crds(&w->spec, kind), message, err))
        return fault(err);
    if (*message) {
        *message = arena_printf(w->r->arena, "waiting for CustomResourceDefinition %s to be established", *message);
        return BEGIN_WAIT;
    }
    if (!compose(w, kind, action, err))
        return fault(err);
    if (!action_begin(action, err))
        return err->class == ERROR_LIMIT || err->class == ERROR_INVALID || err->class == ERROR_DENIED ? fault(err)
                                                                                                      : BEGIN_ERROR;
    w->latest = action->release;
    return BEGIN_STARTED;
}

// What a revision that is brought back will have in the cluster: its own objects, and the CRDs of crds/, which stay.
static bool inventory_of_stored(struct work *w, const struct action *action, struct error *err)
{
    struct arena *a = w->r->arena;
    struct value known = value_get(w->r->status, "inventory");
    object_list now = {0}, before = {0};
    if (!objects_parse_stored(&action->objects, release_manifest(&action->release), &now, err) ||
        !objects_parse_stored(&action->objects, release_manifest(&w->latest), &before, err))
        return false;
    struct value inventory = inventory_of(a, now.items, now.len);
    inventory_keep_crds(inventory, known, inventory_of(a, before.items, before.len));
    value_set(w->r->status, "inventory", inventory);
    return true;
}

bool work_begin_rollback(struct work *w, struct action *action, bool *missing, bool *corrupt, struct error *err)
{
    struct reconcile *r = w->r;
    struct value target = history_previous(r->status, w->spec.upgrade.ignore_tests);
    struct release old;
    *missing = value_is_null(target);
    *corrupt = false;
    if (*missing)
        return false;
    int version = (int)value_int_or(value_get(target, "version"), 0);
    if (!release_get(r->kube, r->arena, w->spec.storage_namespace, w->spec.release_name, version, &old, err)) {
        *corrupt = err->class == ERROR_NOT_FOUND || err->class == ERROR_INVALID;
        return false;
    }
    if (!snapshot_matches(r->arena, target, &old)) {
        *corrupt = true;
        return error_set(err, ERROR_INVALID, "release %s is not what it was", snapshot_release_name(r->arena, target));
    }
    *action = make_action(w, w->spec.storage_namespace, ACTION_ROLLBACK);
    const char *since = release_first_deployed(&old);
    action->release = release_new(r->arena, w->spec.release_name, w->spec.release_namespace,
                                  release_version(&w->latest) + 1, RELEASE_PENDING_ROLLBACK, since);
    static const char *const parts[] = {"chart", "config", "manifest", "hooks"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (value_has(old.document, parts[i]))
            value_set(action->release.document, parts[i], value_get(old.document, parts[i]));
    const char *notes = value_str(value_path(old.document, "info.notes"));
    if (notes)
        value_set_path(action->release.document, "info.notes", value_string(notes));
    release_hooks_reset(&action->release);
    release_set_status(&action->release, RELEASE_PENDING_ROLLBACK, arena_printf(r->arena, "Rollback to %d", version));
    if (!inventory_of_stored(w, action, err) || !action_begin(action, err))
        return false;
    w->latest = action->release;
    return true;
}

bool work_begin_test(struct work *w, struct action *action, struct error *err)
{
    *action = make_action(w, w->spec.storage_namespace, ACTION_TEST);
    action->release = w->latest;
    if (!action_begin(action, err))
        return false;
    w->latest = action->release;
    return true;
}

bool work_begin_uninstall(struct work *w, const char *storage_namespace, struct action *action, struct error *err)
{
    *action = make_action(w, storage_namespace, ACTION_UNINSTALL);
    action->release = w->latest;
    if (!action_begin(action, err))
        return false;
    w->latest = action->release;
    return true;
}
