// wait.c - how the objects of a release stand: kstatus for each, looked at now and never waited for.
#include "objects.h"

#include <stdio.h>

#define NAMED_MAX 3 // objects that a message names; it goes into a condition

struct tally {
    struct buf text;
    size_t named, left;
};

static void add(struct tally *t, struct value object, enum kstatus status, const char *message)
{
    if (t->named == NAMED_MAX) {
        t->left++;
        return;
    }
    t->named++;
    buf_printf(&t->text, "%sresource %s/%s/%s not ready. status: %s, message: %s", t->text.len ? "; " : "",
               kube_kind(object), kube_namespace(object), kube_name(object), kstatus_name(status), str_or(message, ""));
}

static const char *finish(struct tally *t)
{
    if (t->left)
        buf_printf(&t->text, "; and %zu more", t->left);
    return buf_cstr(&t->text);
}

// A Job or Pod that has failed stays so; anything else may still heal.
static bool is_final(struct value object)
{
    return str_eq(kube_kind(object), "Job") || str_eq(kube_kind(object), "Pod");
}

enum objects_state objects_ready(const struct objects *o, const object_list *list, bool jobs, const char **message,
                                 struct error *err)
{
    struct tally pending = {.text = BUF_IN(o->arena)}, failed = {.text = BUF_IN(o->arena)};
    for (size_t i = 0; i < list->len; i++) {
        struct value object = list->items[i], live = VALUE_NULL;
        const char *why = NULL;
        if (!kube_get(o->kube, o->arena, kube_ref_of(object), &live, err)) {
            if (err->class != ERROR_NOT_FOUND)
                return OBJECTS_UNKNOWN;
            error_clear(err);
        }
        bool complete = jobs && str_eq(kube_kind(object), "Job");
        enum kstatus status = complete ? kstatus_completed(o->arena, live, &why) : kstatus_of(o->arena, live, &why);
        if (status == KSTATUS_CURRENT)
            continue;
        add(status == KSTATUS_FAILED && is_final(object) ? &failed : &pending, object, status, why);
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
                add(&left, list->items[i], KSTATUS_TERMINATING, "still there");
            continue;
        }
        if (err->class != ERROR_NOT_FOUND)
            return OBJECTS_UNKNOWN;
        error_clear(err);
    }
    *message = finish(&left);
    return left.named ? OBJECTS_PENDING : OBJECTS_READY;
}
