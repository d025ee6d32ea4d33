// gitrepository.c - GitRepository: what stands at a branch, tag, version or commit, as a tar.gz.
#include "git/git.h"
#include "secrets.h"
#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define API SOURCE_API
#define KIND "GitRepository"
#define TIMEOUT_MS 60000
#define SUBJECT_MAX 50 // characters of a commit's subject in an event

// ---- the remote ---------------------------------------------------------------------------------------------------

static bool remote_auth(struct reconcile *r, struct repo_remote *remote, struct error *err)
{
    const char *name = value_str(value_path(r->spec, "secretRef.name"));
    const char *proxy = value_str(value_path(r->spec, "proxySecretRef.name"));
    struct value secret = VALUE_NULL;
    if (proxy && !secret_proxy(r, proxy, &remote->proxy, err))
        return error_wrap(err, "failed to configure proxy options");
    if (name && !secret_get(r, name, &secret, err))
        return false;
    return repo_credentials(r->arena, secret, remote, err) ||
           error_wrap(err, "failed to configure authentication options");
}

static bool remote_of(struct reconcile *r, struct repo_remote *remote, const char **reason, struct error *err)
{
    struct url u;
    *remote = (struct repo_remote){.url = value_str(value_get(r->spec, "url")), .cancel = r->cancel};
    remote->deadline_ms = clock_mono_ms() + reconcile_timeout_ms(r, TIMEOUT_MS);
    *reason = "URLInvalid";
    if (!url_parse(r->arena, remote->url, &u, err))
        return error_wrap(err, "failed to parse url '%s'", url_redact(r->arena, str_or(remote->url, "")));
    *reason = "AuthenticationFailed";
    return remote_auth(r, remote, err);
}

static struct repo_ref ref_of(struct value spec)
{
    struct value ref = value_get(spec, "ref");
    return (struct repo_ref){
        .branch = value_str_or(value_get(ref, "branch"), NULL),
        .tag = value_str_or(value_get(ref, "tag"), NULL),
        .semver = value_str_or(value_get(ref, "semver"), NULL),
        .name = value_str_or(value_get(ref, "name"), NULL),
        .commit = value_str_or(value_get(ref, "commit"), NULL),
    };
}

// ---- other repositories within this one ---------------------------------------------------------------------------

struct include {
    const char *name, *from, *to;
    struct artifact artifact;
    struct value in_status;
};
struct includes {
    struct include *items;
    size_t count;
};

static bool read_includes(struct reconcile *r, struct includes *out, const char **reason, struct error *err)
{
    struct value list = value_get(r->spec, "include");
    *out = (struct includes){arena_array(r->arena, struct include, value_len(list) + 1), value_len(list)};
    for (size_t i = 0; i < out->count; i++) {
        struct include *in = &out->items[i];
        struct value spec = value_at(list, i), object;
        in->name = value_str_or(value_path(spec, "repository.name"), "");
        in->from = value_str_or(value_get(spec, "fromPath"), "/");
        in->to = value_str_or(value_get(spec, "toPath"), in->name);
        *reason = "NotFound";
        if (!reconcile_get(r, (struct kube_ref){API, KIND, r->namespace, in->name}, &object, err))
            return error_wrap(err, "could not get resource for include '%s'", in->name);
        *reason = "NoArtifact";
        if (!artifact_stored(settings_of(r)->store, object, &in->artifact))
            return error_set(err, ERROR_NOT_FOUND, "no artifact available for include '%s'", in->name);
        in->in_status = value_path(object, "status.artifact");
    }
    return true;
}

static struct value included_artifacts(struct reconcile *r, const struct includes *includes)
{
    struct value list = value_list(r->arena);
    for (size_t i = 0; i < includes->count; i++)
        value_push(list, value_copy(r->arena, includes->items[i].in_status));
    return list;
}

static bool includes_changed(struct reconcile *r, const struct includes *includes)
{
    struct value seen = value_get(r->status, "includedArtifacts");
    if (value_len(seen) != includes->count || value_len(value_get(r->status, "observedInclude")) != includes->count)
        return true;
    for (size_t i = 0; i < includes->count; i++) {
        const struct artifact *a = &includes->items[i].artifact;
        if (!str_eq(value_str(value_get(value_at(seen, i), "revision")), a->revision) ||
            !str_eq(value_str(value_get(value_at(seen, i), "digest")), a->digest))
            return true;
    }
    return includes->count && !value_equal(value_get(r->spec, "include"), value_get(r->status, "observedInclude"));
}

// Makes the folders above `to`, none of which may be a link out of the checkout.
static bool make_parents(struct reconcile *r, const char *root, const char *to, const char **target, struct error *err)
{
    const char *clean = path_clean(r->arena, to + strspn(to, "/")), *slash = strrchr(clean, '/'), *parent = root;
    if (!path_is_local(clean) || !strcmp(clean, "."))
        return error_set(err, ERROR_INVALID, "path '%s' leads out of its folder", to);
    struct slice part, rest = slice_n(clean, slash ? (size_t)(slash - clean) : 0);
    for (bool more = rest.len > 0; more;) {
        more = slice_cut(rest, '/', &part, &rest);
        const char *next = path_join(r->arena, parent, slice_dup(r->arena, part));
        struct stat st;
        if (lstat(next, &st) ? mkdir(next, 0700) : !S_ISDIR(st.st_mode))
            return error_set(err, ERROR_INVALID, "'%.*s' is not a folder", SLICE_ARG(part));
        parent = next;
    }
    *target = path_join(r->arena, parent, slash ? slash + 1 : clean);
    return true;
}

static bool copy_include(struct source *s, const struct include *in, const char *folder, struct error *err)
{
    struct work unpacked cleanup(work_remove) = {0};
    const char *from, *to;
    if (!store_work_dir(s->store, &unpacked, err) || !artifact_unpack(s, &in->artifact, unpacked.path, err) ||
        !path_within(s->r->arena, unpacked.path, in->from, &from, err) || !make_parents(s->r, folder, in->to, &to, err))
        return false;
    return !rename(from, to) || error_set(err, ERROR_INVALID, "rename: %s", strerror(errno));
}

static bool copy_includes(struct source *s, const struct includes *includes, const char *folder, struct error *err)
{
    for (size_t i = 0; i < includes->count; i++) {
        const struct include *in = &includes->items[i];
        if (!copy_include(s, in, folder, err))
            return error_wrap(err, "failed to copy '%s' include from %s to %s", in->name, in->from, in->to);
    }
    return true;
}

// ---- checkout and artifact ----------------------------------------------------------------------------------------

// What decides about an artifact's content beside the commit.
static bool config_changed(struct reconcile *r, const struct includes *includes)
{
    struct value sparse = value_get(r->spec, "sparseCheckout"), seen = value_get(r->status, "observedSparseCheckout");
    return !str_eq(value_str(value_get(r->spec, "ignore")), value_str(value_get(r->status, "observedIgnore"))) ||
           value_len(sparse) != value_len(seen) || (value_len(sparse) && !value_equal(sparse, seen)) ||
           includes_changed(r, includes);
}

static void observe(struct reconcile *r, const char *field, struct value v)
{
    if (value_is_null(v) || (value_is(v, V_LIST) && !value_len(v)))
        value_unset(r->status, field);
    else
        value_set(r->status, field, value_copy(r->arena, v));
}

static const char *const *sparse_folders(struct reconcile *r)
{
    struct value list = value_get(r->spec, "sparseCheckout");
    if (!value_len(list))
        return NULL;
    const char **out = arena_array(r->arena, const char *, value_len(list) + 1);
    for (size_t i = 0; i < value_len(list); i++) {
        const char *path = value_str_or(value_at(list, i), "");
        out[i] = str_has_prefix(path, "./") ? path + 2 : path;
    }
    return out;
}

static bool check_sparse(struct reconcile *r, const char *folder, struct error *err)
{
    const char *const *paths = sparse_folders(r), *ignored;
    for (size_t i = 0; paths && paths[i]; i++)
        if (!path_within(r->arena, folder, paths[i], &ignored, err))
            return error_wrap(
                err, "failed to sparse checkout directories : sparse checkout dir '%s' does not exist in repository",
                paths[i]);
    return true;
}

static bool checkout(struct source *s, const struct repo_remote *remote, const char *folder, struct repo_commit *commit,
                     struct error *err)
{
    struct reconcile *r = s->r;
    struct repo_clone_options options = {.ref = ref_of(r->spec), .shallow = true, .sparse = sparse_folders(r)};
    if (!repo_clone(r->arena, remote, &options, folder, commit, err))
        return error_wrap(err, "failed to checkout and determine revision");
    return check_sparse(r, folder, err);
}

// The commit's subject, cut after fifty characters, as Flux tells of it.
static const char *subject(struct arena *a, const char *message)
{
    size_t len = strcspn(message, "\n"), end = 0, width;
    for (int i = 0; i < SUBJECT_MAX && end < len; i++, end += width)
        utf8_decode(message + end, len - end, &width);
    return arena_printf(a, "%.*s%s", (int)end, message, end < len ? "..." : "");
}

static struct result up_to_date(struct source *s, const char *what)
{
    const char *message = arena_printf(s->r->arena, "stored artifact for revision '%s'", s->current.revision);
    return source_ready(s, "Succeeded", message, "NewArtifact",
                        arena_printf(s->r->arena, "stored artifact for commit '%s'", what));
}

static struct result archive(struct source *s, const struct includes *includes, const char *folder,
                             const struct repo_commit *commit)
{
    struct reconcile *r = s->r;
    struct error err cleanup(error_clear) = {0};
    struct artifact artifact = {.revision = commit->revision};
    struct ignore *ignore;
    const char *spec_ignore = value_str(value_get(r->spec, "ignore"));

    if (!copy_includes(s, includes, folder, &err))
        return source_failed(s, "StorageOperationFailed", "CopyFailure", &err);
    if (!source_ignore(r->arena, folder, spec_ignore, &ignore, &err))
        return source_failed(s, "StorageOperationFailed", "SourceIgnoreError", &err);
    if (!store_name(r->arena, KIND, r->namespace, r->name, arena_printf(r->arena, "%s.tar.gz", commit->hash),
                    &artifact.path, &err) ||
        !store_archive(s->store, r->arena, &artifact, folder, ignore, &err)) {
        error_wrap(&err, "unable to archive artifact to storage");
        return source_failed(s, "StorageOperationFailed", "ArchiveOperationFailed", &err);
    }
    source_store(s, &artifact, VALUE_NULL);
    observe(r, "includedArtifacts", included_artifacts(r, includes));
    observe(r, "observedInclude", value_get(r->spec, "include"));
    observe(r, "observedIgnore", value_get(r->spec, "ignore"));
    observe(r, "observedSparseCheckout", value_get(r->spec, "sparseCheckout"));
    return up_to_date(s, subject(r->arena, str_or(commit->message, commit->revision)));
}

// Whether the remote still stands where the artifact was made of. Saves the clone, which is most of the work.
static bool unmoved(struct source *s, const struct repo_remote *remote, bool *same, struct error *err)
{
    struct repo_commit commit;
    struct repo_ref ref = ref_of(s->r->spec);
    *same = false;
    if (!repo_resolve(s->r->arena, remote, &ref, &commit, err))
        return error_wrap(err, "failed to checkout and determine revision");
    *same = commit.hash[0] && artifact_is(&s->current, commit.revision);
    return true;
}

static struct result git_failed(struct source *s, struct error *err)
{
    if (err->code != REPO_EMPTY)
        return source_failed(s, "FetchFailed", "GitOperationFailed", err);
    error_set(err, err->class, "git repository is empty");
    return source_failed(s, "FetchFailed", "EmptyGitRepository", err);
}

static struct result reconcile_gitrepository(struct reconcile *r)
{
    struct error err cleanup(error_clear) = {0};
    struct work folder cleanup(work_remove) = {0};
    struct source s;
    struct result result;
    struct repo_remote remote;
    struct includes includes;
    struct repo_commit commit;
    const char *reason;
    bool same = false;

    if (r->deleting)
        return source_deleted(r);
    if (!source_begin(r, &s, &result))
        return result;
    if (!remote_of(r, &remote, &reason, &err))
        return str_eq(reason, "URLInvalid") ? source_stalled(&s, "FetchFailed", reason, &err)
                                            : source_failed(&s, "FetchFailed", reason, &err);
    if (!read_includes(r, &includes, &reason, &err))
        return source_waits(&s, "IncludeUnavailable", reason, error_text(&err));
    bool changed = config_changed(r, &includes);
    if (s.current.path && !changed && !unmoved(&s, &remote, &same, &err))
        return git_failed(&s, &err);
    if (same)
        return up_to_date(&s, s.current.revision);
    if (!store_work_dir(s.store, &folder, &err))
        return source_failed(&s, "StorageOperationFailed", "DirectoryCreationFailed", &err);
    if (!checkout(&s, &remote, folder.path, &commit, &err))
        return git_failed(&s, &err);
    if (artifact_is(&s.current, commit.revision) && !changed)
        return up_to_date(&s, s.current.revision);
    if (!artifact_is(&s.current, commit.revision) &&
        !source_progress(&s, "NewRevision", &err, "new upstream revision '%s'", commit.revision))
        return result_failed(r, "PatchOperationFailed", &err);
    return archive(&s, &includes, folder.path, &commit);
}

// ---- the kind -----------------------------------------------------------------------------------------------------

// image-controller has pushed somewhere: whoever reads from there may look at once.
static void map_push(struct app *app, struct informer *own, struct value old, struct value message,
                     struct arena *scratch, struct queue_keys *keys)
{
    const char *pushed = value_str(value_get(message, "url"));
    if (str_empty(pushed) || !str_eq(value_str(value_get(message, "topic")), "push"))
        return;
    struct value all = informer_list(own, scratch, NULL);
    for (size_t i = 0; i < value_len(all); i++) {
        struct value repo = value_at(all, i);
        const char *url = value_str(value_path(repo, "spec.url"));
        if (url && str_eq(url_redact(scratch, url), url_redact(scratch, pushed)))
            queue_keys_add(keys, kube_namespace(repo), kube_name(repo));
    }
}

static const struct controller_map maps[] = {
    {.bus_kind = "ImageUpdateAutomation", .map = map_push},
};

static bool service_account_has_provider(struct value self)
{
    const char *provider = value_str(value_get(self, "provider"));
    return !value_has(self, "serviceAccountName") || str_eq(provider, "azure") || str_eq(provider, "aws");
}

static const struct schema_rule rules[] = {
    {"!has(self.serviceAccountName) || (has(self.provider) && (self.provider == 'azure' || self.provider == 'aws'))",
     service_account_has_provider},
};

static const struct field fields[] = {
    {"ignore", FIELD_WORKS, NULL, NULL},
    {"include", FIELD_WORKS, NULL, NULL},
    {"interval", FIELD_WORKS, NULL, NULL},
    {"provider", FIELD_REFUSED, "\"generic\"", "cloud identities and GitHub Apps"},
    {"proxySecretRef", FIELD_WORKS, NULL, "for HTTP and HTTPS; refused over SSH"},
    {"recurseSubmodules", FIELD_REFUSED, "false", NULL},
    {"ref", FIELD_WORKS, NULL, NULL},
    {"secretRef", FIELD_WORKS, NULL,
     "username and password, bearerToken, ca.crt, tls.crt and tls.key, identity and known_hosts"},
    {"serviceAccountName", FIELD_REFUSED, NULL, "goes with cloud identities"},
    {"sparseCheckout", FIELD_WORKS, NULL, NULL},
    {"suspend", FIELD_WORKS, NULL, NULL},
    {"timeout", FIELD_WORKS, NULL, NULL},
    {"url", FIELD_WORKS, NULL, NULL},
    {"verify", FIELD_REFUSED, NULL, NULL},
};

const struct controller_kind gitrepository_kind = {
    .api_version = API,
    .kind = KIND,
    .reconcile = reconcile_gitrepository,
    .maps = maps,
    .map_count = ARRAY_LEN(maps),
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .schema = &schema_GitRepository,
    .rules = rules,
    .rule_count = ARRAY_LEN(rules),
};
