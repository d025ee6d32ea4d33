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

static bool waits_for(struct value object)
{
    return str_eq(kube_kind(object), "Job") || str_eq(kube_kind(object), "Pod");
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
        if ((hooks[i].hook->delete_policies & policy) && !objects_delete(o, &hooks[i].objects, "Foreground", err))
            return false;
    return true;
}

// What the hook's Jobs and Pods say: CURRENT when all have succeeded.
static enum kstatus outcome(const struct objects *o, const object_list *list, const char **why, struct error *err)
{
    for (size_t i = 0; i < list->len; i++) {
        struct value live = VALUE_NULL;
        if (!waits_for(list->items[i]))
            continue;
        if (!kube_get(o->kube, o->arena, kube_ref_of(list->items[i]), &live, err) && err->class != ERROR_NOT_FOUND)
            return KSTATUS_UNKNOWN;
        error_clear(err);
        enum kstatus status = value_is_null(live) ? KSTATUS_NOT_FOUND : kstatus_completed(o->arena, live, why);
        if (status != KSTATUS_CURRENT)
            return status;
    }
    return KSTATUS_CURRENT;
}

static enum hooks_state fail(const struct objects *o, struct release *r, const struct running *hooks, size_t i,
                             const char *event, const char *why, const char **message, struct error *err)
{
    release_hook_set_phase(r, hooks[i].index, "Failed");
    *message = arena_printf(o->arena, "%s hook %s failed: %s", event, hooks[i].hook->manifest.source, why);
    return clean_up(o, hooks + i, 1, HOOK_FAILED, err) && clean_up(o, hooks, i, HOOK_SUCCEEDED, err) ? HOOKS_FAILED
                                                                                                     : HOOKS_ERROR;
}

enum hooks_state hooks_step(const struct objects *o, struct release *r, enum hook_event event, int64_t timeout_ms,
                            bool (*store)(void *ctx, struct error *err), void *ctx, const char **message,
                            struct error *err)
{
    hook_list all = {0};
    if (!release_hooks(o->arena, r, &all, err))
        return HOOKS_ERROR;
    hook_list order = hooks_for_event(o->arena, &all, event);
    struct running *hooks = arena_array(o->arena, struct running, order.len + 1);
    for (size_t i = 0; i < order.len; i++) {
        manifest_list one = {0};
        hooks[i] = (struct running){.hook = &order.items[i], .index = index_of(&all, &order.items[i])};
        vec_push(o->arena, &one, order.items[i].manifest);
        if (!objects_parse(o, &one, &hooks[i].objects, err)) {
            if (error_is_transient(err) || err->class == ERROR_DENIED || err->class == ERROR_CANCELLED)
                return HOOKS_ERROR;
            *message = arena_strdup(o->arena, error_text(err));
            error_clear(err);
            return HOOKS_FAILED;
        }
    }
    const char *word = hook_event_name(event);
    for (size_t i = 0; i < order.len; i++) {
        struct running *h = &hooks[i];
        const char *phase = of_this_phase(r, h->index) ? release_hook_phase(r, h->index) : "";
        if (str_eq(phase, "Succeeded"))
            continue;
        if (!str_eq(phase, "Running")) {
            bool there = false;
            if ((h->hook->delete_policies & HOOK_BEFORE_CREATION) &&
                (!objects_delete(o, &h->objects, "Foreground", err) || !exists(o, &h->objects, &there, err)))
                return HOOKS_ERROR;
            if (there && clock_wall_us() / 1000 - r->progress.phase_ms > timeout_ms)
                return fail(o, r, hooks, i, word, "timed out waiting for the one before to be deleted", message, err);
            if (there) {
                *message = arena_printf(o->arena, "%s hook %s: the one before is being deleted", word,
                                        h->hook->manifest.source);
                return HOOKS_RUNNING;
            }
            // Stored before it is made: after a crash it is known to have been started.
            release_hook_set_phase(r, h->index, "Running");
            if (!store(ctx, err))
                return HOOKS_ERROR;
        }
        // One that is said to run and is not there: a crash came before it was made.
        bool there = false;
        if (str_eq(phase, "Running") && !exists(o, &h->objects, &there, err))
            return HOOKS_ERROR;
        if (!there) {
            for (size_t j = 0; j < h->objects.len; j++) {
                if (objects_apply_plain(o, h->objects.items[j], err))
                    continue;
                if (error_is_transient(err) || err->class == ERROR_CANCELLED)
                    return HOOKS_ERROR;
                const char *why = arena_strdup(o->arena, error_text(err));
                error_clear(err);
                return fail(o, r, hooks, i, word, why, message, err);
            }
        }
        const char *why = "";
        switch (outcome(o, &h->objects, &why, err)) {
        case KSTATUS_CURRENT:
            release_hook_set_phase(r, h->index, "Succeeded");
            if (!store(ctx, err))
                return HOOKS_ERROR;
            continue;
        case KSTATUS_FAILED:
            return fail(o, r, hooks, i, word, str_or(why, "failed"), message, err);
        case KSTATUS_UNKNOWN:
            if (err->class)
                return HOOKS_ERROR;
            break;
        default:
            break;
        }
        if (overdue(r, h->index, timeout_ms))
            return fail(o, r, hooks, i, word, "timed out waiting for the condition", message, err);
        *message = arena_printf(o->arena, "waiting for %s hook %s", word, h->hook->manifest.source);
        return HOOKS_RUNNING;
    }
    return clean_up(o, hooks, order.len, HOOK_SUCCEEDED, err) ? HOOKS_DONE : HOOKS_ERROR;
}
