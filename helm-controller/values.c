// values.c - composing a HelmRelease's values.
#include "values.h"

#include "chart/chart.h"

struct reference {
    const char *kind, *name, *key, *target;
    bool optional, literal;
};

static struct reference read_reference(struct value v)
{
    return (struct reference){
        .kind = value_str_or(value_get(v, "kind"), ""),
        .name = value_str_or(value_get(v, "name"), ""),
        .key = value_str_or(value_get(v, "valuesKey"), "values.yaml"),
        .target = value_str(value_get(v, "targetPath")),
        .optional = value_true(value_get(v, "optional")),
        .literal = value_true(value_get(v, "literal")),
    };
}

// "could not resolve Secret chart values reference 'ns/name' with key 'values.yaml': …"
static bool fault(struct reconcile *r, const struct reference *ref, struct error *err)
{
    return error_wrap(err, "could not resolve%s %s chart values reference '%s/%s' with key '%s'",
                      ref->optional ? " optional" : "", ref->kind, r->namespace, ref->name, ref->key);
}

// *found false: it is not there, and may be missing.
static bool fetch(struct reconcile *r, const struct reference *ref, struct slice *data, bool *found, struct error *err)
{
    struct value object;
    *found = reconcile_get(r, (struct kube_ref){"v1", ref->kind, r->namespace, ref->name}, &object, err);
    if (!*found && err->class != ERROR_NOT_FOUND)
        return false;
    if (*found) {
        *found = kube_data(r->arena, object, ref->key, data);
        if (*found)
            return true;
        error_set(err, ERROR_NOT_FOUND, "key not found");
    }
    fault(r, ref, err);
    if (!ref->optional)
        return false;
    log_info(error_text(err));
    error_clear(err);
    return true;
}

// What a parser says of a Secret can quote it: only that it failed is told.
static bool hide(const struct reference *ref, const char *what, struct error *err)
{
    if (!str_eq(ref->kind, "Secret"))
        return false;
    error_clear(err);
    return error_set(err, ERROR_INVALID, "%s", what);
}

static bool is_quoted(struct slice s)
{
    return (slice_has_prefix(s, SLICE("'")) && slice_has_suffix(s, SLICE("'"))) ||
           (slice_has_prefix(s, SLICE("\"")) && slice_has_suffix(s, SLICE("\"")));
}

// As `--set PATH=VALUE` would; a value in quotes is a string whatever it looks like, a literal one is taken as it is.
static bool set_at_path(struct arena *a, const struct reference *ref, struct slice data, struct value into,
                        struct error *err)
{
    char kind = 's';
    if (ref->literal) {
        kind = 'l';
    } else if (is_quoted(data)) {
        kind = 'S';
        while (data.len && strchr("'\"", data.data[0]))
            data = slice_sub(data, 1, data.len);
        while (data.len && strchr("'\"", data.data[data.len - 1]))
            data = slice_sub(data, 0, data.len - 1);
    }
    if (strvals_parse(a, arena_printf(a, "%s=%.*s", ref->target, SLICE_ARG(data)), kind, into, err))
        return true;
    return hide(ref, "failed to merge value", err);
}

static bool merge(struct arena *a, const struct reference *ref, struct slice data, struct value into, struct error *err)
{
    struct value values;
    if (ref->target)
        return set_at_path(a, ref, data, into, err);
    if (!chart_unmarshal_map(a, data, &values, err))
        return hide(ref, "failed to read values data", err);
    chart_merge_values(a, into, values);
    return true;
}

bool values_compose(struct reconcile *r, struct value *out, struct error *err)
{
    struct value list = value_get(r->spec, "valuesFrom"), own = value_get(r->spec, "values");
    *out = value_dict(r->arena);
    for (size_t i = 0; i < value_len(list); i++) {
        struct reference ref = read_reference(value_at(list, i));
        struct slice data;
        bool found;
        if (!fetch(r, &ref, &data, &found, err))
            return false;
        if (found && !merge(r->arena, &ref, data, *out, err))
            return fault(r, &ref, err);
    }
    if (!value_is(own, V_DICT))
        return value_is_null(own) || error_set(err, ERROR_INVALID, "spec.values must be an object");
    // Through text: Helm's numbers are float64, those of API objects are not.
    struct buf text = BUF_IN(r->arena);
    struct value floats;
    if (!json_write(&text, own, 0) || !json_parse(r->arena, text.data, text.len, JSON_FLOATS, &floats, err))
        return error_wrap(err, "spec.values");
    chart_merge_values(r->arena, *out, floats);
    return true;
}

// ---- who is concerned ---------------------------------------------------------------------------
struct search {
    const char *kind, *name;
    struct queue_keys *keys;
};

static bool visit(void *ctx, struct value release)
{
    struct search *s = ctx;
    struct value list = value_path(release, "spec.valuesFrom");
    for (size_t i = 0; i < value_len(list); i++) {
        struct value ref = value_at(list, i);
        if (str_eq(value_str(value_get(ref, "kind")), s->kind) && str_eq(value_str(value_get(ref, "name")), s->name)) {
            queue_keys_add(s->keys, kube_namespace(release), kube_name(release));
            break;
        }
    }
    return true;
}

void values_map(struct app *app, struct informer *own, struct value old, struct value object, struct arena *scratch,
                struct queue_keys *keys)
{
    struct search search = {kube_kind(object), kube_name(object), keys};
    struct arena *each cleanup(cleanup_arena) = arena_new();
    informer_search(own, each, kube_namespace(object), arena_printf(scratch, "\"%s\"", search.name), visit, &search);
}
