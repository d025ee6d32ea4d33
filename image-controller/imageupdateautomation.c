// imageupdateautomation.c - ImageUpdateAutomation: writes the images that policies elected into a Git repository.
//
// A run is: check out, edit the marked scalars, commit, push; again with a fresh checkout when somebody else was
// faster. Where neither the policies nor the remote changed since the last run, one request to the remote is all.
#include "automation.h"
#include "message.h"
#include "setter.h"

#define ATTEMPTS 3 // with a fresh checkout each
#define REASON_INVALID_SELECTOR "InvalidPolicySelector"
#define REASON_SOURCE_MANAGER_FAILED "SourceManagerFailed"
#define REASON_GIT_FAILED "GitOperationFailed"
#define REASON_UPDATE_FAILED "UpdateFailed"
#define REASON_REMOVED_FIELD "RemovedTemplateField"
#define UP_TO_DATE "repository up-to-date"

struct run {
    struct reconcile *r;
    struct automation_source source;
    VEC(struct setter_image) images;
    struct value observed;                  // policies by name, for the status
    struct repo_commit checked_out, pushed; // pushed.hash is empty when there was nothing to do
    const char *failed;                     // the reason of a failure
    bool stalled;
};

// ---- policies -----------------------------------------------------------------------------------------------------

// Those of the namespace that the selector takes and that have elected an image.
static bool list_policies(struct run *run, struct error *err)
{
    struct reconcile *r = run->r;
    struct value selector = value_get(r->spec, "policySelector");
    if (!selector_check(selector, err))
        return error_wrap(err, "failed to parse policy selector");
    struct value list = informer_list(app_informer(r->app, IMAGE_API, "ImagePolicy"), r->arena, r->namespace);
    run->observed = value_dict(r->arena);
    for (size_t i = 0; i < value_len(list); i++) {
        struct value policy = value_at(list, i), latest = value_path(policy, "status.latestRef");
        if (!value_is(latest, V_DICT) || !selector_matches(selector, value_path(policy, "metadata.labels")))
            continue;
        struct setter_image image = {
            .namespace = r->namespace,
            .policy = kube_name(policy),
            .name = value_str_or(value_get(latest, "name"), ""),
            .tag = value_str_or(value_get(latest, "tag"), ""),
            .digest = value_str_or(value_get(latest, "digest"), ""),
        };
        vec_push(r->arena, &run->images, image);
        value_set(run->observed, image.policy, latest);
    }
    return true;
}

// ---- whether there is anything to do ------------------------------------------------------------------------------

// Neither the policies nor the remote changed since the last run, which is known by what it observed.
static bool unchanged(struct run *run, bool *same, struct error *err)
{
    struct reconcile *r = run->r;
    struct automation_source *s = &run->source;
    const char *observed = value_str(value_get(r->status, "observedSourceRevision"));
    struct repo_commit there;
    *same = false;
    // The first run after a change of the spec looks at everything.
    bool seen = value_int_or(value_path(r->object, "status.observedGeneration"), 0) == kube_generation(r->object);
    if (!seen || !observed || !value_equal(value_get(r->status, "observedPolicies"), run->observed))
        return true;
    if (!repo_resolve(r->arena, automation_remote(s), &s->checkout, &there, err))
        return false;
    if (!there.hash[0] || !str_eq(there.revision, observed))
        return true;
    *same = true;
    if (!s->switch_branch)
        return true;
    // The branch that is pushed to has to be as it was left.
    const struct repo_ref branch = {.branch = s->push_branch};
    struct error missing cleanup(error_clear) = {0};
    *same = repo_resolve(r->arena, automation_remote(s), &branch, &there, &missing) &&
            str_eq(there.hash, value_str(value_get(r->status, "lastPushCommit")));
    return true;
}

// ---- one attempt --------------------------------------------------------------------------------------------------

static bool check_out(struct run *run, const char *folder, struct error *err)
{
    struct repo_clone_options options = {.ref = run->source.checkout, .shallow = true};
    if (repo_clone(run->r->arena, automation_remote(&run->source), &options, folder, &run->checked_out, err) &&
        repo_switch_branch(folder, run->source.push_branch, err))
        return true;
    run->failed = REASON_GIT_FAILED;
    return error_wrap(err, "failed to checkout source");
}

static bool edit_files(struct run *run, const char *folder, struct setter_result *changed, struct error *err)
{
    const char *path = value_str(value_path(run->r->spec, "update.path"));
    if (setter_run(run->r->arena, folder, path, run->images.items, run->images.len, changed, err)) {
        if (changed->skipped)
            log_info("files with image policy markers are no YAML and were left alone",
                     LOG_I("files", (int64_t)changed->skipped));
        return true;
    }
    run->failed = REASON_UPDATE_FAILED;
    return error_wrap(err, "failed to apply policies");
}

static bool commit(struct run *run, const char *folder, const struct setter_result *changed, struct error *err)
{
    struct reconcile *r = run->r;
    struct value spec = value_path(r->spec, "git.commit");
    const struct message_data data = {.namespace = r->namespace,
                                      .name = r->name,
                                      .changed = changed,
                                      .values = value_get(spec, "messageTemplateValues")};
    const struct repo_author author = {value_str(value_path(spec, "author.name")),
                                       value_str(value_path(spec, "author.email"))};
    const char *message;
    if (!message_render(r->arena, value_str(value_get(spec, "messageTemplate")), &data, &message, &run->stalled, err)) {
        run->failed = run->stalled ? REASON_REMOVED_FIELD : REASON_GIT_FAILED;
        return run->stalled ? false : error_wrap(err, "failed to update source");
    }
    const char **paths = arena_array(r->arena, const char *, changed->files.len);
    for (size_t i = 0; i < changed->files.len; i++)
        paths[i] = *changed->base ? path_join(r->arena, changed->base, changed->files.items[i].path)
                                  : changed->files.items[i].path;
    if (repo_commit_files(r->arena, folder, paths, changed->files.len, &author, message, &run->pushed, err))
        return true;
    run->failed = REASON_GIT_FAILED;
    return error_wrap(err, "failed to update source");
}

static bool push(struct run *run, const char *folder, struct error *err)
{
    struct automation_source *s = &run->source;
    const char *refspecs[] = {
        arena_printf(run->r->arena, "refs/heads/%s:refs/heads/%s", s->push_branch, s->push_branch), s->push_refspec};
    if (repo_push(run->r->arena, folder, automation_remote(s), refspecs, s->push_refspec ? 2 : 1, s->switch_branch,
                  err))
        return true;
    run->failed = REASON_GIT_FAILED;
    return error_wrap(err, "failed to update source");
}

static bool attempt_in(struct run *run, const char *folder, struct error *err)
{
    struct setter_result changed;
    run->pushed = (struct repo_commit){0};
    return check_out(run, folder, err) && edit_files(run, folder, &changed, err) &&
           (changed.files.len == 0 ||
            (commit(run, folder, &changed, err) && (!run->pushed.hash[0] || push(run, folder, err))));
}

// In a folder of its own, which is gone afterwards.
static bool attempt(struct run *run, struct error *err)
{
    const struct image_app *app = app_data(run->r->app);
    struct error ignored cleanup(error_clear) = {0};
    char id[37];
    uuid4(id);
    char *folder = arena_printf(run->r->arena, "%s/work/%s", app->storage, id);
    bool fine = dir_make_all(folder, 0700, err) && attempt_in(run, folder, err);
    if (!fine && !run->failed)
        run->failed = REASON_GIT_FAILED;
    if (!dir_remove_all(folder, &ignored))
        log_error(error_text(&ignored), "work folder stays behind");
    return fine;
}

static bool update(struct run *run, struct error *err)
{
    for (int i = 1; !attempt(run, err); i++) {
        if (err->class != ERROR_CONFLICT || i == ATTEMPTS)
            return false;
        log_info("the remote moved while a commit was made: once more with a fresh checkout",
                 LOG_S("reason", error_text(err)));
        error_clear(err);
    }
    return true;
}

// ---- the whole ----------------------------------------------------------------------------------------------------

static void tell_push(struct run *run)
{
    struct reconcile *r = run->r;
    const struct automation_source *s = &run->source;
    const char *refspecs = s->push_refspec ? arena_printf(r->arena, " and refspecs '%s'", s->push_refspec) : "";
    char now[RFC3339_LEN];
    time_rfc3339(clock_wall_s(), now);
    value_set_str(r->status, "lastPushCommit", run->pushed.hash);
    value_set_str(r->status, "lastPushTime", now);
    log_info("pushed commit", LOG_S("revision", run->pushed.revision), LOG_S("branch", s->push_branch));
    reconcile_event(r, "Normal", "Succeeded", VALUE_NULL, "pushed commit '%.7s' to branch '%s'%s\n%s", run->pushed.hash,
                    s->push_branch, refspecs, run->pushed.message);
    reconcile_announce(r, BUS_PUSH, run->pushed.revision, s->url);
}

static struct result reconcile_image_update_automation(struct reconcile *r)
{
    struct error err cleanup(error_clear) = {0};
    struct run run = {.r = r};
    const char *stalled;
    bool same;
    char now[RFC3339_LEN];
    if (r->deleting)
        return result_finalized(r);
    time_rfc3339(clock_wall_s(), now);
    value_set_str(r->status, "lastAutomationRunTime", now);
    if (!list_policies(&run, &err))
        return result_stalled(r, REASON_INVALID_SELECTOR, "%s", error_text(&err));
    if (!automation_source(r, &run.source, &stalled, &err)) {
        if (stalled)
            return result_stalled(r, stalled, "%s", error_text(&err));
        error_wrap(&err, "failed configuring source manager");
        return result_failed(r, REASON_SOURCE_MANAGER_FAILED, &err);
    }
    if (!unchanged(&run, &same, &err)) {
        error_wrap(&err, "failed to checkout source");
        return result_failed(r, REASON_GIT_FAILED, &err);
    }
    if (same)
        return result_ready(r, "Succeeded", UP_TO_DATE);
    if (!update(&run, &err))
        return run.stalled ? result_stalled(r, run.failed, "%s", error_text(&err)) : result_failed(r, run.failed, &err);
    bool to_checkout = run.pushed.hash[0] && !run.source.switch_branch;
    value_set_str(r->status, "observedSourceRevision", to_checkout ? run.pushed.revision : run.checked_out.revision);
    value_set(r->status, "observedPolicies", run.observed);
    if (run.pushed.hash[0])
        tell_push(&run);
    return result_ready(r, "Succeeded", UP_TO_DATE);
}

// ---- the table ----------------------------------------------------------------------------------------------------

// A policy that elected another image concerns every automation of its namespace: the link is in the markers of the
// files.
static void map_policy(struct app *app, struct informer *own, struct value old, struct value object,
                       struct arena *scratch, struct queue_keys *keys)
{
    if (value_is_null(value_path(object, "status.latestRef")) ||
        value_equal(value_path(old, "status.latestRef"), value_path(object, "status.latestRef")))
        return;
    struct value list = informer_list(own, scratch, kube_namespace(object));
    for (size_t i = 0; i < value_len(list); i++)
        queue_keys_add(keys, kube_namespace(value_at(list, i)), kube_name(value_at(list, i)));
}

struct search { // for the automations of a source
    struct value source;
    struct queue_keys *keys;
};

static bool visit(void *ctx, struct value automation)
{
    struct search *s = ctx;
    struct value ref = value_path(automation, "spec.sourceRef");
    if (str_eq(value_str_or(value_get(ref, "namespace"), kube_namespace(automation)), kube_namespace(s->source)) &&
        str_eq(value_str(value_get(ref, "name")), kube_name(s->source)))
        queue_keys_add(s->keys, kube_namespace(automation), kube_name(automation));
    return true;
}

static void map_repository(struct app *app, struct informer *own, struct value old, struct value object,
                           struct arena *scratch, struct queue_keys *keys)
{
    struct search search = {object, keys};
    struct arena *each cleanup(cleanup_arena) = arena_new();
    if (!value_equal(value_path(old, "metadata.generation"), value_path(object, "metadata.generation")))
        informer_search(own, each, NULL, arena_printf(scratch, "\"%s\"", kube_name(object)), visit, &search);
}

static const struct controller_map maps[] = {
    {.api_version = IMAGE_API, .kind = "ImagePolicy", .map = map_policy},
    {.api_version = SOURCE_API, .kind = "GitRepository", .map = map_repository, .optional = true},
};

static const struct field fields[] = {
    {"sourceRef", FIELD_WORKS, NULL, "GitRepository"},
    {"git.checkout", FIELD_WORKS, NULL, NULL},
    {"git.commit.author", FIELD_WORKS, NULL, NULL},
    {"git.commit.messageTemplate", FIELD_WORKS, NULL, NULL},
    {"git.commit.messageTemplateValues", FIELD_WORKS, NULL, NULL},
    {"git.commit.signingKey", FIELD_REFUSED, NULL, NULL},
    {"git.push.branch", FIELD_WORKS, NULL, "rebuilt from the checkout and forced when it is another branch"},
    {"git.push.refspec", FIELD_WORKS, NULL, NULL},
    {"git.push.options", FIELD_WORKS, NULL, NULL},
    {"interval", FIELD_WORKS, NULL, NULL},
    {"policySelector", FIELD_WORKS, NULL, NULL},
    {"suspend", FIELD_WORKS, NULL, NULL},
    {"update.path", FIELD_WORKS, NULL, NULL},
    {"update.strategy", FIELD_WORKS, NULL, "Setters"},
};

const struct controller_kind image_update_automation_kind = {
    .api_version = IMAGE_API,
    .kind = "ImageUpdateAutomation",
    .reconcile = reconcile_image_update_automation,
    .maps = maps,
    .map_count = ARRAY_LEN(maps),
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .schema = &schema_ImageUpdateAutomation,
};
