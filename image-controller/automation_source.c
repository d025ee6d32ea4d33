// automation_source.c - from an ImageUpdateAutomation's spec to a Git remote: the GitRepository it names, its Secrets,
// the branches.
#include "automation.h"

#define REASON_INVALID_SOURCE "InvalidSourceConfiguration"
#define DEFAULT_TIMEOUT_MS 60000
#define DEFAULT_BRANCH "master"

static struct repo_ref ref_of(struct value v)
{
    return (struct repo_ref){
        .branch = value_str(value_get(v, "branch")),
        .tag = value_str(value_get(v, "tag")),
        .semver = value_str(value_get(v, "semver")),
        .name = value_str(value_get(v, "name")),
        .commit = value_str(value_get(v, "commit")),
    };
}

// The push branch, and whether it is another one than what is checked out, by Flux's rules.
static bool choose_branches(struct reconcile *r, struct value repository, struct automation_source *s,
                            struct error *err)
{
    struct value checkout = value_path(r->spec, "git.checkout"), ref = value_get(checkout, "ref");
    if (!value_is(checkout, V_DICT))
        ref = value_path(repository, "spec.ref");
    s->checkout = ref_of(ref);
    s->push_branch = value_str_or(value_path(r->spec, "git.push.branch"), NULL);
    s->push_refspec = value_str_or(value_path(r->spec, "git.push.refspec"), NULL);
    if (s->push_branch) {
        const char *from = value_is(ref, V_DICT) ? s->checkout.branch : DEFAULT_BRANCH;
        s->switch_branch = !str_eq(s->push_branch, from);
        return true;
    }
    if (str_empty(s->checkout.branch))
        return error_set(
            err, ERROR_INVALID,
            "push spec not provided, and cannot be inferred from .spec.git.checkout.ref or GitRepository .spec.ref");
    s->push_branch = s->checkout.branch;
    return true;
}

static bool use_secrets(struct reconcile *r, struct value repository, struct automation_source *s, struct error *err)
{
    const char *namespace = kube_namespace(repository);
    const char *name = value_str(value_path(repository, "spec.secretRef.name"));
    const char *proxy = value_str(value_path(repository, "spec.proxySecretRef.name"));
    struct value secret = VALUE_NULL;
    if (name && !reconcile_get(r, (struct kube_ref){"v1", "Secret", namespace, name}, &secret, err))
        return error_wrap(err, "failed to get auth secret '%s/%s'", namespace, name);
    if (!repo_credentials(r->arena, secret, &s->remote, err))
        return error_wrap(err, "failed to configure authentication options");
    if (!proxy)
        return true;
    if (!reconcile_get(r, (struct kube_ref){"v1", "Secret", namespace, proxy}, &secret, err))
        return error_wrap(err, "failed to get proxy secret '%s/%s'", namespace, proxy);
    return repo_proxy(r->arena, secret, &s->remote, err) ? true : error_wrap(err, "secret '%s/%s'", namespace, proxy);
}

// push.options as the server gets them: "name=value", in the names' order.
static void use_push_options(struct reconcile *r, struct automation_source *s)
{
    struct value options = value_path(r->spec, "git.push.options");
    VEC(const char *) list = {0};
    for (struct value_iter it = {0}; value_next(options, &it);)
        vec_push(r->arena, &list, arena_printf(r->arena, "%s=%s", it.key, value_str_or(it.value, "")));
    vec_push(r->arena, &list, NULL);
    if (list.len > 1)
        s->remote.push_options = list.items;
}

static bool refuse(const char **stalled, const char *reason)
{
    *stalled = reason;
    return false;
}

bool automation_source(struct reconcile *r, struct automation_source *out, const char **stalled, struct error *err)
{
    *out = (struct automation_source){0};
    *stalled = NULL;
    const char *kind = value_str_or(value_path(r->spec, "sourceRef.kind"), "GitRepository");
    const char *name = value_str_or(value_path(r->spec, "sourceRef.name"), "");
    const char *namespace = value_str_or(value_path(r->spec, "sourceRef.namespace"), r->namespace);
    if (!value_is(value_get(r->spec, "git"), V_DICT)) {
        error_set(err, ERROR_INVALID, "source kind '%s' necessitates field .spec.git: invalid source configuration",
                  kind);
        return refuse(stalled, REASON_INVALID_SOURCE);
    }
    if (!str_eq(namespace, r->namespace) && app_flag_bool(r->app, "no-cross-namespace-refs")) {
        error_set(err, ERROR_DENIED, "can't access 'GitRepository/%s/%s', cross-namespace references have been blocked",
                  namespace, name);
        return refuse(stalled, REASON_ACCESS_DENIED);
    }
    struct value repository;
    if (!reconcile_get(r, (struct kube_ref){SOURCE_API, "GitRepository", namespace, name}, &repository, err))
        return error_wrap(err, err->class == ERROR_NOT_FOUND ? "referenced git repository does not exist"
                                                             : "failed to get referenced git repository");
    const char *provider = value_str_or(value_path(repository, "spec.provider"), "generic");
    if (!str_eq(provider, "generic")) {
        error_set(
            err, ERROR_INVALID,
            "GitRepository '%s/%s': spec.provider %s is not supported by Runnel yet: invalid source configuration",
            namespace, name, provider);
        return refuse(stalled, REASON_INVALID_SOURCE);
    }
    int64_t ns = 0;
    const char *timeout = value_str(value_path(repository, "spec.timeout"));
    out->timeout_ms = timeout && duration_parse(timeout, &ns) && ns > 0 ? ns / 1000000 : DEFAULT_TIMEOUT_MS;
    out->remote.url = value_str_or(value_path(repository, "spec.url"), "");
    out->remote.cancel = r->cancel;
    out->url = url_redact(r->arena, out->remote.url);
    use_push_options(r, out);
    return choose_branches(r, repository, out, err) && use_secrets(r, repository, out, err);
}

const struct repo_remote *automation_remote(struct automation_source *s)
{
    s->remote.deadline_ms = clock_mono_ms() + s->timeout_ms;
    return &s->remote;
}
