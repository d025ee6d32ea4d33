// release.c - the record of one revision: its JSON, and the Secret's packed form of it.
#include "release.h"

#include <stdio.h>
#include <time.h>
#include <zlib.h>

// ---- looking ------------------------------------------------------------------------------------
bool release_status_pending(const char *status)
{
    return str_eq(status, RELEASE_PENDING_INSTALL) || str_eq(status, RELEASE_PENDING_UPGRADE) ||
           str_eq(status, RELEASE_PENDING_ROLLBACK);
}

const char *release_name(const struct release *r)
{
    return value_str_or(value_get(r->document, "name"), "");
}

const char *release_namespace(const struct release *r)
{
    return value_str_or(value_get(r->document, "namespace"), "");
}

int release_version(const struct release *r)
{
    return (int)value_int_or(value_get(r->document, "version"), 0);
}

const char *release_status(const struct release *r)
{
    return value_str_or(value_path(r->document, "info.status"), "unknown");
}

const char *release_description(const struct release *r)
{
    return value_str_or(value_path(r->document, "info.description"), "");
}

struct value release_config(const struct release *r)
{
    return value_get(r->document, "config");
}

struct slice release_manifest(const struct release *r)
{
    return value_slice(value_get(r->document, "manifest"));
}

struct value release_chart_metadata(const struct release *r)
{
    return value_path(r->document, "chart.metadata");
}

// Go's zero time stands where a time was never set.
static const char *time_of(const struct release *r, const char *path)
{
    const char *text = value_str(value_path(r->document, path));
    return str_empty(text) || str_has_prefix(text, "0001-01-01T") ? NULL : text;
}

const char *release_first_deployed(const struct release *r)
{
    return time_of(r, "info.first_deployed");
}

const char *release_last_deployed(const struct release *r)
{
    return time_of(r, "info.last_deployed");
}

const char *release_deleted(const struct release *r)
{
    return time_of(r, "info.deleted");
}

// ---- making -------------------------------------------------------------------------------------
static void stamp(struct value dict, const char *key)
{
    struct timespec now;
    char text[RFC3339_LEN + 8];
    clock_gettime(CLOCK_REALTIME, &now);
    time_rfc3339_nano(now.tv_sec, now.tv_nsec, text);
    value_set_str(dict, key, text);
}

struct release release_new(struct arena *a, const char *name, const char *namespace, int version, const char *status,
                           const char *first_deployed)
{
    struct release r = {.document = value_dict(a)};
    struct value info = value_dict(a);
    value_set(r.document, "info", info);
    value_set_str(r.document, "name", name);
    value_set_str(r.document, "namespace", namespace);
    value_set(r.document, "version", value_int(version));
    value_set_str(r.document, "apply_method", "ssa");
    value_set_str(info, "status", status);
    stamp(info, "last_deployed");
    value_set_str(info, "first_deployed", str_or(first_deployed, release_last_deployed(&r)));
    return r;
}

static struct value files_value(struct arena *a, const struct chart_file *files, size_t count)
{
    struct value list = value_list(a);
    for (size_t i = 0; i < count; i++) {
        struct buf data = BUF_IN(a);
        struct value file = value_dict(a);
        base64_encode(&data, files[i].data.data, files[i].data.len);
        value_set_str(file, "name", files[i].name);
        value_set(file, "data", value_string_n(buf_cstr(&data), data.len));
        value_push(list, file);
    }
    return list;
}

void release_set_chart(struct arena *a, struct release *r, const struct chart *chart)
{
    struct value c = value_dict(a);
    value_set(c, "metadata", chart_written_metadata(a, chart));
    value_set(c, "lock", chart->lock);
    value_set(c, "templates", files_value(a, chart->templates.items, chart->templates.len));
    value_set(c, "files", files_value(a, chart->files.items, chart->files.len));
    value_set(c, "values", chart->values);
    value_set(c, "schema", VALUE_NULL);
    if (chart->schema.len) {
        struct buf schema = BUF_IN(a);
        base64_encode(&schema, chart->schema.data, chart->schema.len);
        value_set(c, "schema", value_string_n(buf_cstr(&schema), schema.len));
    }
    value_set(r->document, "chart", c);
}

static struct value words(struct arena *a, const char *const *items, size_t count)
{
    struct value list = value_list(a);
    for (size_t i = 0; i < count; i++)
        value_push(list, value_string_copy(a, items[i], strlen(items[i])));
    return list;
}

static struct value hook_value(struct arena *a, const struct hook *h)
{
    struct value v = value_dict(a);
    struct value last_run = value_dict(a);
    value_set_str(v, "name", h->manifest.name);
    value_set_str(v, "kind", h->manifest.kind);
    value_set_str(v, "path", h->manifest.source);
    value_set(v, "manifest", value_string_copy(a, h->manifest.text, h->manifest.len));
    value_set(v, "events", words(a, h->event_list.items, h->event_list.len));
    value_set_str(last_run, "phase", "");
    value_set(v, "last_run", last_run);
    if (h->weight)
        value_set(v, "weight", value_int(h->weight));
    if (h->delete_list.len)
        value_set(v, "delete_policies", words(a, h->delete_list.items, h->delete_list.len));
    if (h->output_list.len)
        value_set(v, "output_log_policies", words(a, h->output_list.items, h->output_list.len));
    return v;
}

void release_set_rendered(struct arena *a, struct release *r, struct value config, struct slice manifest,
                          const hook_list *hooks, const char *notes)
{
    struct value list = value_list(a);
    for (size_t i = 0; i < hooks->len; i++)
        value_push(list, hook_value(a, &hooks->items[i]));
    value_set(r->document, "config", config);
    value_set(r->document, "manifest", value_string_copy(a, manifest.data, manifest.len));
    if (hooks->len)
        value_set(r->document, "hooks", list);
    if (!str_empty(notes))
        value_set_str(value_get(r->document, "info"), "notes", notes);
}

void release_set_status(struct release *r, const char *status, const char *description)
{
    struct value info = value_get(r->document, "info");
    value_set_str(info, "status", status);
    value_set_str(info, "description", description);
}

void release_set_deleted(struct release *r)
{
    stamp(value_get(r->document, "info"), "deleted");
}

// ---- hooks --------------------------------------------------------------------------------------
static const struct {
    const char *name;
    enum hook_delete_policy policy;
} DELETE_POLICIES[] = {
    {"before-hook-creation", HOOK_BEFORE_CREATION},
    {"hook-succeeded", HOOK_SUCCEEDED},
    {"hook-failed", HOOK_FAILED},
};

bool release_hooks(struct arena *a, const struct release *r, hook_list *out, struct error *err)
{
    struct value list = value_get(r->document, "hooks");
    for (size_t i = 0; i < value_len(list); i++) {
        struct value v = value_at(list, i);
        struct slice text = value_slice(value_get(v, "manifest"));
        struct value object;
        if (!yaml_parse(a, text.data, text.len, 0, &object, err))
            return error_wrap(err, "hook %s of the release", value_str_or(value_get(v, "path"), "?"));
        struct hook h = {
            .manifest = {.source = value_str_or(value_get(v, "path"), ""),
                         .text = slice_dup(a, text),
                         .len = text.len,
                         .api_version = value_str_or(value_get(object, "apiVersion"), ""),
                         .kind = value_str_or(value_get(object, "kind"), ""),
                         .name = kube_name(object),
                         .namespace = kube_namespace(object)},
            .weight = (int)value_int_or(value_get(v, "weight"), 0),
        };
        struct value events = value_get(v, "events"), policies = value_get(v, "delete_policies");
        for (size_t j = 0; j < value_len(events); j++) {
            enum hook_event event;
            const char *name = value_str_or(value_at(events, j), "");
            vec_push(a, &h.event_list, name);
            if (hook_event_parse(name, &event))
                h.events |= event;
        }
        for (size_t j = 0; j < value_len(policies); j++) {
            const char *name = value_str_or(value_at(policies, j), "");
            vec_push(a, &h.delete_list, name);
            for (size_t p = 0; p < ARRAY_LEN(DELETE_POLICIES); p++)
                h.delete_policies |= str_eq(name, DELETE_POLICIES[p].name) ? DELETE_POLICIES[p].policy : 0;
        }
        if (!h.delete_policies)
            h.delete_policies = HOOK_BEFORE_CREATION;
        vec_push(a, out, h);
    }
    return true;
}

static struct value last_run(const struct release *r, size_t i)
{
    return value_get(value_at(value_get(r->document, "hooks"), i), "last_run");
}

const char *release_hook_phase(const struct release *r, size_t i)
{
    return value_str_or(value_get(last_run(r, i), "phase"), "");
}

const char *release_hook_started(const struct release *r, size_t i)
{
    return value_str(value_get(last_run(r, i), "started_at"));
}

void release_hook_set_phase(struct release *r, size_t i, const char *phase)
{
    struct value run = last_run(r, i);
    value_set_str(run, "phase", phase);
    stamp(run, str_eq(phase, "Running") || str_eq(phase, "Unknown") ? "started_at" : "completed_at");
}

void release_hooks_reset(struct release *r)
{
    size_t count = value_len(value_get(r->document, "hooks"));
    for (size_t i = 0; i < count; i++) {
        struct value run = last_run(r, i);
        value_unset(run, "started_at");
        value_unset(run, "completed_at");
        value_set_str(run, "phase", "");
    }
}

// ---- the packed form ----------------------------------------------------------------------------
static bool gzip(struct arena *a, struct slice in, struct buf *out, struct error *err)
{
    z_stream z = {0};
    if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return error_set(err, ERROR_TRANSIENT, "gzip: cannot start");
    size_t room = deflateBound(&z, in.len);
    buf_reserve(out, room);
    z.next_in = (Bytef *)(uintptr_t)in.data;
    z.avail_in = (uInt)in.len;
    z.next_out = (Bytef *)out->data;
    z.avail_out = (uInt)room;
    int rc = deflate(&z, Z_FINISH);
    out->len = z.total_out;
    deflateEnd(&z);
    return rc == Z_STREAM_END || error_set(err, ERROR_TRANSIENT, "gzip: %d", rc);
}

static bool gunzip(struct slice in, size_t limit, struct buf *out, struct error *err)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)in.data, .avail_in = (uInt)in.len};
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return error_set(err, ERROR_TRANSIENT, "gzip: cannot start");
    int rc = Z_OK;
    while (rc == Z_OK && out->len < limit) {
        buf_reserve(out, out->len ? out->len : in.len * 4 + 4096);
        z.next_out = (Bytef *)out->data + out->len;
        z.avail_out = (uInt)(out->cap - out->len - 1);
        size_t before = z.total_out;
        rc = inflate(&z, Z_NO_FLUSH);
        out->len += z.total_out - before;
    }
    inflateEnd(&z);
    if (out->len >= limit)
        return error_set(err, ERROR_LIMIT, "release record is larger than %zu bytes", limit);
    if (rc != Z_STREAM_END)
        return error_set(err, ERROR_INVALID, "release record is not gzip");
    return true;
}

bool release_encode(struct arena *a, const struct release *r, struct slice *base64, struct error *err)
{
    struct buf json = BUF_IN(a), packed = BUF_IN(a), text = BUF_IN(a);
    json_write(&json, r->document, JSON_HTML);
    if (!gzip(a, buf_view(&json), &packed, err))
        return false;
    base64_encode(&text, packed.data, packed.len);
    *base64 = buf_view(&text);
    return true;
}

bool release_decode(struct arena *a, struct slice base64, struct release *out, struct error *err)
{
    struct buf packed = BUF_IN(a), json = BUF_IN(a);
    if (!base64_decode(&packed, base64.data, base64.len))
        return error_set(err, ERROR_INVALID, "release record is not base64");
    struct slice text = buf_view(&packed);
    if (packed.len > 2 && !memcmp(packed.data, "\x1f\x8b\x08", 3)) { // Helm reads records without gzip too
        if (!gunzip(text, RELEASE_JSON_MAX, &json, err))
            return false;
        text = buf_view(&json);
    }
    *out = (struct release){0};
    if (!json_parse(a, text.data, text.len, 0, &out->document, err))
        return error_wrap(err, "release record");
    if (!value_is(value_get(out->document, "info"), V_DICT) || str_empty(release_name(out)) || release_version(out) < 1)
        return error_set(err, ERROR_INVALID, "release record has no name, version or info");
    return true;
}
