// wait.c - how the objects of a release stand: kstatus for each, looked at now and never waited for.
#include "objects.h"

#include <stdio.h>

#define NAMED_MAX 3 // objects that a message names; it goes into a condition

struct tally {
    struct buf text;
    size_t named, left;
};

// "Deployment/apps/my-app status: 'InProgress': Available: 0/2", as Flux words it.
static void add(struct tally *t, struct value object, enum kstatus status, const char *message)
{
    const char *namespace = kube_namespace(object);
    if (t->named == NAMED_MAX) {
        t->left++;
        return;
    }
    t->named++;
    buf_printf(&t->text, "%s%s/%s%s%s status: '%s'", t->text.len ? ", " : "", kube_kind(object), namespace,
               *namespace ? "/" : "", kube_name(object), kstatus_name(status));
    if (!str_empty(message))
        buf_printf(&t->text, ": %s", message);
}

static const char *finish(struct tally *t)
{
    if (t->left)
        buf_printf(&t->text, ", and %zu more", t->left);
    return buf_cstr(&t->text);
}

static bool is(struct value object, const char *group, const char *kind)
{
    const char *api_version = value_str_or(value_get(object, "apiVersion"), "");
    size_t len = strlen(group);
    return str_eq(kube_kind(object), kind) && !strncmp(api_version, group, len) && api_version[len] == '/';
}

bool objects_may_vanish(struct value object)
{
    return is(object, "batch", "Job") && !value_is_null(value_path(object, "spec.ttlSecondsAfterFinished"));
}

// A Deployment that is paused by the chart rolls nothing out: nobody waits for it.
static bool is_paused(struct value object)
{
    return is(object, "apps", "Deployment") && value_true(value_path(object, "spec.paused"));
}

enum objects_state objects_ready(const struct objects *o, const object_list *list, bool jobs, const char **message,
                                 struct error *err)
{
    struct tally pending = {.text = BUF_IN(o->arena)}, failed = {.text = BUF_IN(o->arena)};
    for (size_t i = 0; i < list->len; i++) {
        struct value object = list->items[i], live = VALUE_NULL;
        const char *why = NULL;
        if (is_paused(object))
            continue;
        if (!kube_get(o->kube, o->arena, kube_ref_of(object), &live, err)) {
            if (err->class != ERROR_NOT_FOUND)
                return OBJECTS_UNKNOWN;
            error_clear(err);
            if (objects_may_vanish(object))
                continue;
        }
        bool complete = jobs && str_eq(kube_kind(object), "Job");
        enum kstatus status = complete ? kstatus_completed(o->arena, live, &why) : kstatus_of(o->arena, live, &why);
        if (status == KSTATUS_CURRENT)
            continue;
        add(status == KSTATUS_FAILED ? &failed : &pending, object, status, why);
    }
    *message = finish(failed.named ? &failed : &pending);
    return failed.named ? OBJECTS_FAILED : pending.named ? OBJECTS_PENDING : OBJECTS_READY;
}

enum objects_state objects_gone(const struct objects *o, const object_list *list, const char **message,
                                struct error *err)
{
    struct tally left = {.text = BUF_IN(o->arena)};
    for (size_t i = 0; i < list->len; i++) {
        struct value live;
        if (manifest_keeps(list->items[i]))
            continue;
        if (kube_get(o->kube, o->arena, kube_ref_of(list->items[i]), &live, err)) {
            if (!manifest_keeps(live))
                add(&left, list->items[i], KSTATUS_TERMINATING, NULL);
            continue;
        }
        if (err->class != ERROR_NOT_FOUND)
            return OBJECTS_UNKNOWN;
        error_clear(err);
    }
    *message = finish(&left);
    return left.named ? OBJECTS_PENDING : OBJECTS_READY;
}
