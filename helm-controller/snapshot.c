// snapshot.c - status.history and status.inventory.
#include "snapshot.h"

#include "digest/digest.h"
#include "hooks.h"

const char *values_digest(struct arena *a, struct value values)
{
    struct buf text = BUF_IN(a);
    struct error ignored cleanup(error_clear) = {0};
    // What YAML cannot hold (U+007F) is told apart by its JSON.
    if (value_len(values) && !yaml_write(&text, values, 0, &ignored))
        json_write(&text, values, 0);
    return sha256_digest(a, buf_cstr(&text), text.len);
}

// ---- one snapshot -------------------------------------------------------------------------------
static bool is_test(struct value hook)
{
    struct value events = value_get(hook, "events");
    for (size_t i = 0; i < value_len(events); i++)
        if (str_has_prefix(value_str_or(value_at(events, i), ""), "test"))
            return true;
    return false;
}

// Over what a release consists of, its chart's metadata for the chart. Tests do not count: they can be run by hand at
// any time.
static const char *digest_of(struct arena *a, const struct release *r, const char *oci_digest)
{
    static const char *const keys[] = {"name", "namespace", "version", "info", "config", "manifest"};
    struct value seen = value_dict(a), hooks = value_list(a), all = value_get(r->document, "hooks");
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        value_set(seen, keys[i], value_get(r->document, keys[i]));
    for (size_t i = 0; i < value_len(all); i++)
        if (!is_test(value_at(all, i)))
            value_push(hooks, value_at(all, i));
    value_set(seen, "chartMetadata", release_chart_metadata(r));
    value_set(seen, "hooks", hooks);
    value_set_str(seen, "ociDigest", str_or(oci_digest, NULL));
    struct buf text = BUF_IN(a);
    json_write(&text, seen, 0);
    return sha256_digest(a, buf_cstr(&text), text.len);
}

// A time in whole seconds, as Kubernetes has it.
static void set_time(struct value snapshot, const char *key, const char *text)
{
    int64_t us;
    char out[RFC3339_LEN];
    if (!text || !time_parse_rfc3339(text, &us))
        return;
    time_rfc3339(us / 1000000, out);
    value_set_str(snapshot, key, out);
}

struct value snapshot_of(struct arena *a, const struct release *r, const char *action, const char *oci_digest)
{
    struct value s = value_dict(a), metadata = release_chart_metadata(r);
    value_set_str(s, "apiVersion", SNAPSHOT_API);
    value_set_str(s, "digest", digest_of(a, r, oci_digest));
    value_set_str(s, "name", release_name(r));
    value_set_str(s, "namespace", release_namespace(r));
    value_set(s, "version", value_int(release_version(r)));
    value_set_str(s, "status", release_status(r));
    value_set_str(s, "action", str_or(action, NULL));
    value_set_str(s, "appVersion", value_str_or(value_get(metadata, "appVersion"), NULL));
    value_set_str(s, "chartName", value_str_or(value_get(metadata, "name"), ""));
    value_set_str(s, "chartVersion", value_str_or(value_get(metadata, "version"), ""));
    value_set_str(s, "configDigest", values_digest(a, release_config(r)));
    value_set_str(s, "ociDigest", str_or(oci_digest, NULL));
    set_time(s, "firstDeployed", str_or(release_first_deployed(r), "1970-01-01T00:00:00Z"));
    set_time(s, "lastDeployed", str_or(release_last_deployed(r), "1970-01-01T00:00:00Z"));
    set_time(s, "deleted", release_deleted(r));
    return s;
}

static bool same_revision(struct value snapshot, const struct release *r)
{
    return str_eq(value_str(value_get(snapshot, "name")), release_name(r)) &&
           str_eq(value_str(value_get(snapshot, "namespace")), release_namespace(r)) &&
           value_int_or(value_get(snapshot, "version"), 0) == release_version(r);
}

bool snapshot_matches(struct arena *a, struct value snapshot, const struct release *r)
{
    if (!same_revision(snapshot, r))
        return false;
    if (!str_eq(value_str(value_get(snapshot, "apiVersion")), SNAPSHOT_API))
        return str_eq(value_str(value_get(snapshot, "status")), release_status(r));
    return str_eq(value_str(value_get(snapshot, "digest")),
                  digest_of(a, r, value_str(value_get(snapshot, "ociDigest"))));
}

static const char *text(struct value snapshot, const char *key)
{
    return value_str_or(value_get(snapshot, key), "");
}

const char *snapshot_release_name(struct arena *a, struct value s)
{
    return arena_printf(a, "%s/%s.v%d", text(s, "namespace"), text(s, "name"),
                        (int)value_int_or(value_get(s, "version"), 0));
}

const char *snapshot_chart_name(struct arena *a, struct value s)
{
    return arena_printf(a, "%s@%s", text(s, "chartName"), text(s, "chartVersion"));
}

// ---- tests --------------------------------------------------------------------------------------
struct value snapshot_tests(struct arena *a, const struct release *r, struct value filters)
{
    struct value tests = value_dict(a), hooks = value_get(r->document, "hooks");
    for (size_t i = 0; i < value_len(hooks); i++) {
        struct value hook = value_at(hooks, i), run = value_get(hook, "last_run"), test = value_dict(a);
        const char *name = value_str_or(value_get(hook, "name"), "");
        if (!is_test(hook) || !hooks_selected(filters, name))
            continue;
        value_set_str(test, "phase", value_str_or(value_get(run, "phase"), NULL));
        set_time(test, "lastStarted", value_str(value_get(run, "started_at")));
        set_time(test, "lastCompleted", value_str(value_get(run, "completed_at")));
        value_set(tests, name, test);
    }
    return tests;
}

static bool in_phase(struct value test, const char *phase)
{
    return str_eq(value_str(value_get(test, "phase")), phase);
}

bool snapshot_tests_failed(struct value snapshot)
{
    struct value tests = value_get(snapshot, "testHooks");
    for (struct value_iter it = {0}; value_next(tests, &it);)
        if (in_phase(it.value, "Failed"))
            return true;
    return false;
}

bool snapshot_tested(struct value snapshot)
{
    struct value tests = value_get(snapshot, "testHooks");
    if (!value_is(tests, V_DICT))
        return false;
    if (snapshot_tests_failed(snapshot))
        return true;
    for (struct value_iter it = {0}; value_next(tests, &it);)
        if (!in_phase(it.value, "Succeeded"))
            return false;
    return true;
}

// ---- the history --------------------------------------------------------------------------------
static bool is_good(struct value snapshot, bool ignore_tests)
{
    if (!ignore_tests && snapshot_tests_failed(snapshot))
        return false;
    return str_eq(text(snapshot, "status"), RELEASE_DEPLOYED) || str_eq(text(snapshot, "status"), RELEASE_SUPERSEDED);
}

struct value history_latest(struct value status)
{
    return value_at(value_get(status, "history"), 0);
}

struct value history_previous(struct value status, bool ignore_tests)
{
    struct value list = value_get(status, "history");
    for (size_t i = 1; i < value_len(list); i++)
        if (is_good(value_at(list, i), ignore_tests))
            return value_at(list, i);
    return VALUE_NULL;
}

void history_put(struct arena *a, struct value status, struct value snapshot)
{
    struct value old = value_get(status, "history"), list = value_list(a);
    int64_t version = value_int_or(value_get(snapshot, "version"), 0);
    bool placed = false;
    for (size_t i = 0; i < value_len(old); i++) {
        int64_t other = value_int_or(value_get(value_at(old, i), "version"), 0);
        if (!placed && other <= version) {
            value_push(list, snapshot);
            placed = true;
        }
        if (other != version)
            value_push(list, value_at(old, i));
    }
    if (!placed)
        value_push(list, snapshot);
    value_set(status, "history", list);
}

void history_limit(struct arena *a, struct value status, size_t keep)
{
    struct value old = value_get(status, "history"), list = value_list(a);
    if (value_len(old) <= keep)
        return;
    for (size_t i = 0; i < keep; i++)
        value_push(list, value_at(old, i));
    value_set(status, "history", list);
}

void history_truncate(struct arena *a, struct value status, bool ignore_tests)
{
    struct value list = value_get(status, "history");
    size_t keep = HISTORY_KEPT;
    for (size_t i = value_len(list); i-- > 1;)
        if (is_good(value_at(list, i), ignore_tests))
            keep = i + 1;
    history_limit(a, status, keep);
}

void history_clear(struct value status)
{
    value_unset(status, "history");
}

void history_supersede(struct arena *a, struct value status, const struct release *superseded)
{
    struct value list = value_get(status, "history");
    if (value_is_null(superseded->document) || !str_eq(release_status(superseded), RELEASE_SUPERSEDED))
        return;
    for (size_t i = 0; i < value_len(list); i++) {
        struct value s = value_at(list, i);
        if (!same_revision(s, superseded) || !str_eq(text(s, "status"), RELEASE_DEPLOYED))
            continue;
        struct release before = *superseded;
        before.document = value_copy(a, superseded->document);
        release_set_status(&before, RELEASE_DEPLOYED, release_description(superseded));
        if (!snapshot_matches(a, s, &before))
            return;
        struct value now =
            snapshot_of(a, superseded, value_str(value_get(s, "action")), value_str(value_get(s, "ociDigest")));
        if (value_has(s, "testHooks"))
            value_set(now, "testHooks", value_get(s, "testHooks"));
        history_put(a, status, now);
        return;
    }
}

// ---- the inventory ------------------------------------------------------------------------------
// "namespace_name_group_kind", and colons (of RBAC names) as two underscores: cli-utils' ObjMetadata.
static const char *object_id(struct arena *a, struct value object, struct slice group)
{
    struct buf name = BUF_IN(a);
    for (const char *p = kube_name(object); *p; p++)
        buf_str(&name, *p == ':' ? "__" : (const char[]){*p, '\0'});
    return arena_printf(a, "%s_%s_%.*s_%s", kube_namespace(object), buf_cstr(&name), SLICE_ARG(group),
                        kube_kind(object));
}

struct value inventory_of(struct arena *a, const struct value *objects, size_t count)
{
    struct value inventory = value_dict(a), entries = value_list(a);
    for (size_t i = 0; i < count; i++) {
        struct slice group = {0}, version = slice_of(value_str_or(value_get(objects[i], "apiVersion"), ""));
        struct slice head, tail;
        if (slice_cut(version, '/', &head, &tail)) {
            group = head;
            version = tail;
        }
        struct value entry = value_dict(a);
        value_set_str(entry, "id", object_id(a, objects[i], group));
        value_set(entry, "v", value_string_copy(a, version.data, version.len));
        value_push(entries, entry);
    }
    value_set(inventory, "entries", entries);
    return inventory;
}

static bool inventory_has(struct value inventory, const char *id)
{
    struct value entries = value_get(inventory, "entries");
    for (size_t i = 0; i < value_len(entries); i++)
        if (str_eq(value_str(value_get(value_at(entries, i), "id")), id))
            return true;
    return false;
}

void inventory_keep_crds(struct value inventory, struct value known, struct value of_manifest)
{
    struct value entries = value_get(known, "entries");
    for (size_t i = 0; i < value_len(entries); i++) {
        const char *id = value_str_or(value_get(value_at(entries, i), "id"), "");
        if (str_has_suffix(id, "_apiextensions.k8s.io_CustomResourceDefinition") && !inventory_has(of_manifest, id) &&
            !inventory_has(inventory, id))
            value_push(value_get(inventory, "entries"), value_at(entries, i));
    }
}
