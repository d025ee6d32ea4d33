// hooks.c - hooks in the order of their weights: start, look, clean up.
#include "hooks.h"

#include <stdio.h>

// A hook of the record, with its place there and its objects.
struct running {
    const struct hook *hook;
    size_t index;
    object_list objects;
};

static size_t index_of(const hook_list *all, const struct hook *hook)
{
    for (size_t i = 0; i < all->len; i++)
        if (str_eq(all->items[i].manifest.source, hook->manifest.source) &&
            all->items[i].manifest.text == hook->manifest.text)
            return i;
    return all->len;
}

// Whether the hook belongs to the run that is under way. last_run is kept from event to event (a hook can run before
// and after an upgrade), so it counts only where it began after this phase did.
static bool of_this_phase(const struct release *r, size_t i)
{
    int64_t started_us;
    const char *text = release_hook_started(r, i);
    return text && time_parse_rfc3339(text, &started_us) && started_us / 1000 >= r->progress.phase_ms;
}

static bool overdue(const struct release *r, size_t i, int64_t timeout_ms)
{
    int64_t started_us;
    const char *text = release_hook_started(r, i);
    return text && time_parse_rfc3339(text, &started_us) && clock_wall_us() / 1000 - started_us / 1000 > timeout_ms;
}

// A CustomResourceDefinition too: the hooks after it may be of its kind.
static bool waits_for(struct value object)
{
    return str_eq(kube_kind(object), "Job") || str_eq(kube_kind(object), "Pod") || objects_is_crd(object);
}

// Whether the cluster may delete it once it has ended.
static bool may_vanish(const object_list *list)
{
    for (size_t i = 0; i < list->len; i++)
        if (objects_may_vanish(list->items[i]))
            return true;
    return false;
}

// A CustomResourceDefinition is never deleted by a policy: all its objects would go with it.
static bool stays(const object_list *list)
{
    for (size_t i = 0; i < list->len; i++)
        if (objects_is_crd(list->items[i]))
            return true;
    return false;
}

static bool exists(const struct objects *o, const object_list *list, bool *there, struct error *err)
{
    *there = false;
    for (size_t i = 0; i < list->len && !*there; i++) {
        struct value live;
        *there = kube_get(o->kube, o->arena, kube_ref_of(list->items[i]), &live, err);
        if (!*there && err->class != ERROR_NOT_FOUND)
            return false;
        error_clear(err);
    }
    return true;
}

// Deletes the objects of the hooks up to `last` that have this policy.
static bool clean_up(const struct objects *o, const struct running *hooks, size_t count, enum hook_delete_policy policy,
                     struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if ((hooks[i].hook->delete_policies & policy) && !stays(&hooks[i].objects) &&
            !objects_delete_hook(o, &hooks[i].objects, err))
            return false;
    return true;
}

// What the hook's Jobs, Pods and CustomResourceDefinitions say: CURRENT when all have succeeded.
static enum kstatus outcome(const struct objects *o, const object_list *list, const char **why, struct error *err)
{
    for (size_t i = 0; i < list->len; i++) {
        struct value live = VALUE_NULL;
        if (!waits_for(list->items[i]))
            continue;
        if (!kube_get(o->kube, o->arena, kube_ref_of(list->items[i]), &live, err) && err->class != ERROR_NOT_FOUND)
            return KSTATUS_UNKNOWN;
        error_clear(err);
        if (value_is_null(live) && objects_may_vanish(list->items[i]))
            continue;
        enum kstatus status = value_is_null(live) ? KSTATUS_NOT_FOUND : kstatus_completed(o->arena, live, why);
        if (status != KSTATUS_CURRENT)
            return status;
        if (objects_is_crd(list->items[i]))
            kube_discovery_forget(o->kube);
    }
    return KSTATUS_CURRENT;
}

static enum hooks_state fail(struct hooks_run *run, const struct running *hooks, size_t i, const char *why,
                             struct error *err)
{
    const struct objects *o = run->objects;
    release_hook_set_phase(run->release, hooks[i].index, "Failed");
    run->message = arena_printf(o->arena, "%s hook %s failed: %s", hook_event_name(run->event),
                                hooks[i].hook->manifest.source, why);
    bool cleaned = clean_up(o, hooks + i, 1, HOOK_FAILED, err) && clean_up(o, hooks, i, HOOK_SUCCEEDED, err);
    return cleaned ? HOOKS_FAILED : HOOKS_ERROR;
}

bool hooks_selected(struct value filters, const char *name)
{
    bool includes = false, included = false;
    for (size_t i = 0; i < value_len(filters); i++) {
        struct value f = value_at(filters, i);
        bool same = str_eq(value_str(value_get(f, "name")), name);
        if (value_true(value_get(f, "exclude"))) {
            if (same)
                return false;
            continue;
        }
        includes = true;
        included |= same;
    }
    return !includes || included;
}

// The hooks of the event that are selected, in their order.
static bool gather(struct hooks_run *run, struct running **hooks, size_t *count, struct error *err)
{
    struct arena *a = run->objects->arena;
    hook_list all = {0};
    *count = 0;
    if (!release_hooks(a, run->release, &all, err))
        return false;
    hook_list order = hooks_for_event(a, &all, run->event);
    *hooks = arena_array(a, struct running, order.len + 1);
    for (size_t i = 0; i < order.len; i++)
        if (hooks_selected(run->filters, order.items[i].manifest.name))
            (*hooks)[(*count)++] = (struct running){.hook = &order.items[i], .index = index_of(&all, &order.items[i])};
    return true;
}

// Reads a hook's objects when its turn comes: the hooks before it may have made their kind.
static enum hooks_state parse(struct hooks_run *run, struct running *h, struct error *err)
{
    struct arena *a = run->objects->arena;
    manifest_list one = {0};
    vec_push(a, &one, h->hook->manifest);
    if (objects_parse(run->objects, &one, &h->objects, err))
        return HOOKS_DONE;
    if (error_is_transient(err) || err->class == ERROR_DENIED || err->class == ERROR_CANCELLED)
        return HOOKS_ERROR;
    run->message = arena_strdup(a, error_text(err));
    error_clear(err);
    return HOOKS_FAILED;
}

// Takes away what an earlier run has left where the policy says so, and notes that the hook runs. HOOKS_DONE: it may be
// made now.
static enum hooks_state prepare(struct hooks_run *run, const struct running *hooks, size_t i, struct error *err)
{
    const struct objects *o = run->objects;
    const struct running *h = &hooks[i];
    bool there = false;
    if ((h->hook->delete_policies & HOOK_BEFORE_CREATION) && !stays(&h->objects) &&
        (!objects_delete_hook(o, &h->objects, err) || !exists(o, &h->objects, &there, err)))
        return HOOKS_ERROR;
    if (there && clock_wall_us() / 1000 - run->release->progress.phase_ms > run->timeout_ms)
        return fail(run, hooks, i, "timed out waiting for the one before to be deleted", err);
    if (there) {
        run->message = arena_printf(o->arena, "%s hook %s: the one before is being deleted",
                                    hook_event_name(run->event), h->hook->manifest.source);
        return HOOKS_RUNNING;
    }
    // Stored before it is made: after a crash it is known to have been started. One that may vanish says "Running" only
    // when it has been made.
    release_hook_set_phase(run->release, h->index, may_vanish(&h->objects) ? "Unknown" : "Running");
    return run->store(run->ctx, err) ? HOOKS_DONE : HOOKS_ERROR;
}

static enum hooks_state make(struct hooks_run *run, const struct running *hooks, size_t i, struct error *err)
{
    const struct running *h = &hooks[i];
    for (size_t j = 0; j < h->objects.len; j++) {
        if (objects_apply_plain(run->objects, h->objects.items[j], err))
            continue;
        if (error_is_transient(err) || err->class == ERROR_CANCELLED)
            return HOOKS_ERROR;
        const char *why = arena_strdup(run->objects->arena, error_text(err));
        error_clear(err);
        return fail(run, hooks, i, why, err);
    }
    return HOOKS_DONE;
}

static enum hooks_state note_made(struct hooks_run *run, const struct running *h, struct error *err)
{
    if (str_eq(release_hook_phase(run->release, h->index), "Running"))
        return HOOKS_DONE;
    release_hook_set_phase(run->release, h->index, "Running");
    return run->store(run->ctx, err) ? HOOKS_DONE : HOOKS_ERROR;
}

// Looks at a hook that has been made.
static enum hooks_state look(struct hooks_run *run, const struct running *hooks, size_t i, struct error *err)
{
    const struct running *h = &hooks[i];
    const char *why = "";
    switch (outcome(run->objects, &h->objects, &why, err)) {
    case KSTATUS_CURRENT:
        release_hook_set_phase(run->release, h->index, "Succeeded");
        return run->store(run->ctx, err) ? HOOKS_DONE : HOOKS_ERROR;
    case KSTATUS_FAILED:
        return fail(run, hooks, i, str_or(why, "failed"), err);
    default:
        break;
    }
    if (err->class)
        return HOOKS_ERROR;
    if (overdue(run->release, h->index, run->timeout_ms))
        return fail(run, hooks, i, "timed out waiting for the condition", err);
    run->message = arena_printf(run->objects->arena, "waiting for %s hook %s", hook_event_name(run->event),
                                h->hook->manifest.source);
    return HOOKS_RUNNING;
}

static enum hooks_state step(struct hooks_run *run, const struct running *hooks, size_t i, struct error *err)
{
    const struct running *h = &hooks[i];
    const char *phase = of_this_phase(run->release, h->index) ? release_hook_phase(run->release, h->index) : "";
    bool begun = str_eq(phase, "Running") || str_eq(phase, "Unknown"), there = false;
    enum hooks_state state = HOOKS_DONE;
    if (str_eq(phase, "Succeeded"))
        return HOOKS_DONE;
    if (!begun)
        state = prepare(run, hooks, i, err);
    else if (!exists(run->objects, &h->objects, &there, err))
        return HOOKS_ERROR;
    // One that is said to run and is not there: a crash came before it was made, or it has ended and vanished.
    bool made = there || (str_eq(phase, "Running") && may_vanish(&h->objects));
    if (state == HOOKS_DONE && !made)
        state = make(run, hooks, i, err);
    if (state == HOOKS_DONE)
        state = note_made(run, h, err);
    return state == HOOKS_DONE ? look(run, hooks, i, err) : state;
}

enum hooks_state hooks_step(struct hooks_run *run, struct error *err)
{
    struct running *hooks;
    size_t count;
    if (!gather(run, &hooks, &count, err))
        return HOOKS_ERROR;
    for (size_t i = 0; i < count; i++) {
        enum hooks_state state = parse(run, &hooks[i], err);
        if (state == HOOKS_DONE)
            state = step(run, hooks, i, err);
        if (state != HOOKS_DONE)
            return state;
    }
    return clean_up(run->objects, hooks, count, HOOK_SUCCEEDED, err) ? HOOKS_DONE : HOOKS_ERROR;
}
