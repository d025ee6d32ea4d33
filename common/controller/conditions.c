// conditions.c - status.conditions as kstatus and Flux understand them, and the results that set them.
#include "controller/runtime.h"

enum { MESSAGE_MAX = 32768 }; // metav1.Condition's limit

static struct value conditions_of(struct value object_or_status)
{
    struct value list = value_get(object_or_status, "conditions");
    return value_is(list, V_LIST) ? list : value_path(object_or_status, "status.conditions");
}

struct value condition_get(struct value object_or_status, const char *type)
{
    struct value list = conditions_of(object_or_status);
    for (size_t i = 0; i < value_len(list); i++) {
        struct value c = value_at(list, i);
        if (str_eq(value_str(value_get(c, "type")), type))
            return c;
    }
    return VALUE_NULL;
}

bool condition_is_true(struct value object_or_status, const char *type)
{
    return str_eq(value_str(value_get(condition_get(object_or_status, type), "status")), "True");
}

// Stalled, Reconciling and Ready come first, for people who read the list; the rest by age of what they observed, then
// by name.
static int weight(struct value condition)
{
    static const char *const first[] = {"Stalled", "Reconciling", "Ready"};
    for (size_t i = 0; i < ARRAY_LEN(first); i++) {
        if (str_eq(value_str(value_get(condition, "type")), first[i]))
            return (int)i;
    }
    return ARRAY_LEN(first);
}

static int compare(const void *a, const void *b)
{
    struct value x = *(const struct value *)a, y = *(const struct value *)b;
    int by_weight = weight(x) - weight(y);
    if (by_weight || weight(x) < 3)
        return by_weight;
    int64_t gx = value_int_or(value_get(x, "observedGeneration"), 0),
            gy = value_int_or(value_get(y, "observedGeneration"), 0);
    if (gx != gy)
        return gx > gy ? -1 : 1;
    return strcmp(value_str_or(value_get(x, "type"), ""), value_str_or(value_get(y, "type"), ""));
}

// The conditions but the one of this type, in an array with room for one more.
static struct value *others(struct reconcile *r, const char *type, size_t *count)
{
    struct value list = value_get(r->status, "conditions");
    struct value *items = arena_array(r->arena, struct value, value_len(list) + 1);
    *count = 0;
    for (size_t i = 0; i < value_len(list); i++) {
        if (!str_eq(value_str(value_get(value_at(list, i), "type")), type))
            items[(*count)++] = value_at(list, i);
    }
    return items;
}

static void store(struct reconcile *r, struct value *items, size_t count)
{
    qsort(items, count, sizeof *items, compare);
    struct value list = value_list(r->arena);
    for (size_t i = 0; i < count; i++)
        value_push(list, items[i]);
    value_set(r->status, "conditions", list);
}

// As Flux: a new transition time with each change of status, reason or message.
void condition_put(struct reconcile *r, const char *type, const char *status, const char *reason, const char *message)
{
    struct value old = condition_get(r->status, type);
    size_t len = strlen(message);
    if (len > MESSAGE_MAX) {
        len = MESSAGE_MAX - 3;
        while (len && ((unsigned char)message[len] & 0xC0) == 0x80)
            len--;
        message = arena_printf(r->arena, "%.*s...", (int)len, message);
    }
    bool same = str_eq(value_str(value_get(old, "status")), status) &&
                str_eq(value_str(value_get(old, "reason")), reason) &&
                str_eq(value_str(value_get(old, "message")), message);
    char now[RFC3339_LEN];
    time_rfc3339(clock_wall_s(), now);
    struct value c = value_dict(r->arena);
    value_set_str(c, "type", type);
    value_set_str(c, "status", status);
    value_set_str(c, "reason", reason);
    value_set_str(c, "message", message);
    value_set_str(c, "lastTransitionTime", same ? value_str_or(value_get(old, "lastTransitionTime"), now) : now);
    value_set(c, "observedGeneration", value_int(kube_generation(r->object)));
    size_t count;
    struct value *items = others(r, type, &count);
    items[count++] = c;
    store(r, items, count);
}

void condition_set(struct reconcile *r, const char *type, const char *status, const char *reason, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    condition_put(r, type, status, reason, arena_vprintf(r->arena, fmt, args));
    va_end(args);
}

void condition_remove(struct reconcile *r, const char *type)
{
    if (value_is_null(condition_get(r->status, type)))
        return;
    size_t count;
    struct value *items = others(r, type, &count);
    store(r, items, count);
}

// ---- results --------------------------------------------------------------------------------------------------------
static void remember(struct reconcile *r, const char *reason, char *message)
{
    r->runtime->reason = arena_strdup(r->arena, reason);
    r->runtime->message = message;
}

#define FORMAT_INTO(message)                                                                                           \
    va_list args;                                                                                                      \
    va_start(args, fmt);                                                                                               \
    char *message = arena_vprintf(r->arena, fmt, args);                                                                \
    va_end(args)

struct result result_ready(struct reconcile *r, const char *reason, const char *fmt, ...)
{
    FORMAT_INTO(message);
    remember(r, reason, message);
    condition_put(r, "Ready", "True", reason, message);
    condition_remove(r, "Reconciling");
    condition_remove(r, "Stalled");
    return (struct result){.kind = RESULT_READY};
}

struct result result_wait(struct reconcile *r, int64_t after_ms, const char *ready, const char *reason, const char *fmt,
                          ...)
{
    FORMAT_INTO(message);
    remember(r, reason, message);
    condition_put(r, "Ready", ready ? ready : "Unknown", reason, message);
    condition_put(r, "Reconciling", "True", "Progressing", message);
    condition_remove(r, "Stalled");
    return (struct result){.kind = RESULT_WAIT, .after_ms = after_ms};
}

struct result result_failed(struct reconcile *r, const char *reason, struct error *err)
{
    char *message = arena_strdup(r->arena, error_text(err));
    remember(r, reason, message);
    r->runtime->retry_ms = err->retry_after_ms;
    error_clear(err);
    condition_put(r, "Ready", "False", reason, message);
    condition_put(r, "Reconciling", "True", "ProgressingWithRetry", message);
    condition_remove(r, "Stalled");
    return (struct result){.kind = RESULT_FAILED};
}

struct result result_stalled(struct reconcile *r, const char *reason, const char *fmt, ...)
{
    FORMAT_INTO(message);
    remember(r, reason, message);
    condition_put(r, "Ready", "False", reason, message);
    condition_put(r, "Stalled", "True", reason, message);
    condition_remove(r, "Reconciling");
    return (struct result){.kind = RESULT_STALLED};
}

struct result result_finalized(struct reconcile *r)
{
    return (struct result){.kind = RESULT_FINALIZED};
}
