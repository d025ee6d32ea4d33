// kube_probe.c - common/kube at the command line, for the integration tests: one call, or a watch that prints
// its events.
//
//     kube_probe KUBECONFIG CALL [ARGUMENT]...
//
// Prints the answer as a line of JSON; an error as {"error": …, "class": …, "code": …} with exit status 1. `watch`
// reads commands from stdin ("get NS NAME", "count", "end") and prints events as they come.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "kube/kube.h"

struct probe {
    struct kube *kube;
    struct arena *arena;
    char **args; // NULL-terminated
};

static pthread_mutex_t print_lock = PTHREAD_MUTEX_INITIALIZER;

static void print_value(struct value v)
{
    struct buf text = {0};
    json_write(&text, v, 0);
    pthread_mutex_lock(&print_lock);
    puts(buf_cstr(&text));
    fflush(stdout);
    pthread_mutex_unlock(&print_lock);
    buf_free(&text);
}

static const char *arg(const struct probe *p, size_t i)
{
    for (size_t n = 0; n <= i; n++)
        if (!p->args[n])
            return NULL;
    return *p->args[i] ? p->args[i] : NULL;
}

static bool json_arg(struct probe *p, size_t i, struct value *out, struct error *err)
{
    const char *text = str_or(arg(p, i), "null");
    return json_parse(p->arena, text, strlen(text), 0, out, err);
}

static struct kube_ref ref_arg(const struct probe *p, size_t i)
{
    return (struct kube_ref){arg(p, i), arg(p, i + 1), arg(p, i + 2), arg(p, i + 3)};
}

// ---- calls --------------------------------------------------------------------------------------------------------
static bool call_get(struct probe *p, struct value *out, struct error *err)
{
    return kube_get(p->kube, p->arena, ref_arg(p, 0), out, err);
}

static bool call_list(struct probe *p, struct value *out, struct error *err)
{
    struct kube_list_options o = {.namespace = arg(p, 2),
                                  .label_selector = arg(p, 3),
                                  .page = atoi(str_or(arg(p, 4), "0")),
                                  .metadata_only = arg(p, 5) != NULL};
    return kube_list(p->kube, p->arena, arg(p, 0), arg(p, 1), &o, out, err);
}

static bool call_create(struct probe *p, struct value *out, struct error *err)
{
    struct value object;
    bool ok = json_arg(p, 0, &object, err) && kube_create(p->kube, p->arena, object, arg(p, 1), out, err);
    if (!ok && kube_error_already_exists(err))
        error_wrap(err, "ALREADY EXISTS");
    return ok;
}

static bool call_apply(struct probe *p, struct value *out, struct error *err)
{
    struct value object;
    struct kube_apply_options o = {.field_manager = arg(p, 1),
                                   .force = arg(p, 2) != NULL,
                                   .dry_run = arg(p, 3) != NULL,
                                   .subresource = p->args[2] && p->args[3] ? arg(p, 4) : NULL};
    return json_arg(p, 0, &object, err) && kube_apply(p->kube, p->arena, object, &o, out, err);
}

static bool call_apply_crd(struct probe *p, struct value *out, struct error *err)
{
    struct value object;
    const char *refused = NULL;
    struct kube_apply_options o = {.field_manager = "probe", .force = true};
    if (!json_arg(p, 0, &object, err) || !kube_apply_crd(p->kube, p->arena, object, &o, &refused, NULL, err))
        return false;
    *out = value_dict(p->arena);
    value_set(*out, "refused", value_string(refused));
    return true;
}

static bool call_patch(struct probe *p, struct value *out, struct error *err)
{
    static const char *const types[] = {"merge", "json", "strategic"};
    struct value patch;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (str_eq(arg(p, 4), types[i]))
            return json_arg(p, 5, &patch, err) && kube_patch(p->kube, p->arena, ref_arg(p, 0), (enum kube_patch_type)i,
                                                             patch, p->args[6] ? arg(p, 6) : NULL, "probe", out, err);
    return error_set(err, ERROR_INVALID, "patch type");
}

static bool call_delete(struct probe *p, struct value *out, struct error *err)
{
    struct kube_delete_options o = {.propagation = arg(p, 4),
                                    .uid = p->args[4] ? arg(p, 5) : NULL,
                                    .resource_version = p->args[4] && p->args[5] ? arg(p, 6) : NULL};
    *out = value_bool(true);
    return kube_delete(p->kube, p->arena, ref_arg(p, 0), &o, err);
}

static bool call_raw(struct probe *p, struct value *out, struct error *err)
{
    return kube_raw(p->kube, p->arena, NULL, arg(p, 0), VALUE_NULL, out, err);
}

static bool call_versions(struct probe *p, struct value *out, struct error *err)
{
    return kube_api_versions(p->kube, p->arena, out, err);
}

static bool call_version(struct probe *p, struct value *out, struct error *err)
{
    return kube_version(p->kube, p->arena, out, err);
}

static bool call_discover(struct probe *p, struct value *out, struct error *err)
{
    struct kube_resource r;
    if (!kube_discover(p->kube, arg(p, 0), arg(p, 1), &r, err))
        return false;
    *out = value_dict(p->arena);
    value_set_str(*out, "plural", r.plural);
    value_set(*out, "namespaced", value_bool(r.namespaced));
    return true;
}

static bool call_status(struct probe *p, struct value *out, struct error *err)
{
    struct value object;
    const char *message;
    if (!kube_get(p->kube, p->arena, ref_arg(p, 0), &object, err))
        return false;
    *out = value_dict(p->arena);
    value_set_str(*out, "status", kstatus_name(kstatus_of(p->arena, object, &message)));
    value_set_str(*out, "message", message);
    return true;
}

// ---- watch --------------------------------------------------------------------------------------------------------
static void on_event(void *ctx, enum informer_event event, struct value old, struct value object)
{
    static const char *const names[] = {"ADDED", "UPDATED", "DELETED"};
    cleanup(cleanup_arena) struct arena *a = arena_new();
    struct value line = value_dict(a);
    value_set_str(line, "event", names[event]);
    value_set_str(line, "namespace", kube_namespace(object));
    value_set_str(line, "name", kube_name(object));
    value_set(line, "old", value_path(old, "metadata.resourceVersion"));
    value_set(line, "new", value_path(object, "metadata.resourceVersion"));
    print_value(line);
}

static int64_t memory_kib(void)
{
    char line[256];
    long long kib = 0;
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Private_Dirty: %lld", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib;
}

static void command(struct informer *i, struct arena *a, char *line)
{
    char verb[16] = "", ns[256] = "", name[256] = "";
    sscanf(line, "%15s %255s %255s", verb, ns, name);
    struct value out = value_dict(a);
    if (str_eq(verb, "get"))
        value_set(out, "got", informer_get(i, a, ns, name));
    else if (str_eq(verb, "count"))
        value_set(out, "count", value_int((int64_t)informer_count(i)));
    else if (str_eq(verb, "memory"))
        value_set(out, "memory", value_int(memory_kib()));
    print_value(out);
}

static bool call_watch(struct probe *p, struct value *out, struct error *err)
{
    struct informer_options o = {
        .api_version = arg(p, 0), .kind = arg(p, 1), .namespace = arg(p, 2), .on_event = on_event};
    for (size_t i = 3; p->args[2] && p->args[i]; i++) {
        if (str_eq(p->args[i], "metadata"))
            o.metadata_only = true;
        else if (str_eq(p->args[i], "optional"))
            o.optional = true;
        else if (str_eq(p->args[i], "quiet"))
            o.on_event = NULL;
        else
            o.label_selector = p->args[i];
    }
    struct watcher *w = watcher_new(p->kube);
    struct informer *i = watcher_add(w, &o);
    char line[1024];
    bool ok = watcher_start(w, err);
    ok = ok && (watcher_wait_synced(w, 20000) || error_set(err, ERROR_TIMEOUT, "not synced"));
    if (ok) {
        *out = value_dict(p->arena);
        value_set(*out, "synced", value_int((int64_t)informer_count(i)));
        print_value(*out);
        *out = VALUE_NULL;
    }
    while (ok && fgets(line, sizeof line, stdin) && strncmp(line, "end", 3) != 0) {
        cleanup(cleanup_arena) struct arena *a = arena_new();
        command(i, a, line);
    }
    watcher_stop(w);
    return ok;
}

static const struct {
    const char *name;
    bool (*call)(struct probe *p, struct value *out, struct error *err);
} calls[] = {
    {"get", call_get},
    {"list", call_list},
    {"create", call_create},
    {"apply", call_apply},
    {"apply-crd", call_apply_crd},
    {"patch", call_patch},
    {"delete", call_delete},
    {"raw", call_raw},
    {"versions", call_versions},
    {"version", call_version},
    {"discover", call_discover},
    {"status", call_status},
    {"watch", call_watch},
};

static bool run(struct probe *p, const char *name, struct value *out, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        if (str_eq(calls[i].name, name))
            return calls[i].call(p, out, err);
    return error_set(err, ERROR_INVALID, "no call \"%s\"", name);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    log_init("kube-probe", LOG_INFO, true);
    cleanup(error_clear) struct error err = {0};
    cleanup(cleanup_arena) struct arena *a = arena_new();
    struct kube_config config;
    struct probe p = {.arena = a, .args = argv + 3};
    struct value out = VALUE_NULL;
    bool ok = kube_config_load(a, argv[1], NULL, &config, &err) && (p.kube = kube_new(&config, &err)) &&
              run(&p, argv[2], &out, &err);
    if (!ok) {
        out = value_dict(a);
        value_set_str(out, "error", error_text(&err));
        value_set(out, "class", value_int(err.class));
        value_set(out, "code", value_int(err.code));
    }
    print_value(out);
    kube_free(p.kube);
    return ok ? 0 : 1;
}
