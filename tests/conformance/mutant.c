// mutant.c - `helm-controller template` with one template function or method broken: a golden of tests/conformance has to notice (mutate.py).
//
// RUNNEL_MUTANT is "list" (prints each function with its signature, see template.h) or a function's name and what is wrong:
//
//   NAME first      returns its first argument
//   NAME empty      returns an empty string
//   NAME drop I     does not look at argument I: gets an empty one of its type, or, of the variadic ones, none
//   NAME swap I J   takes argument I for J and J for I
//
// A method or a field has its Go type before its name: engine.files.Get; those of the types that a rendering meets are listed.
//
// The linker hands over the two ways by which functions come into a set, and each object that becomes a value (--wrap): the
// product knows nothing of this.
#include "template/methods.h"
#include "template/node.h"
#include "template_cmd.h"

#include <stdio.h>
#include <sys/mman.h>

struct mutation {
    const char *function, *change;
    int i, j;
    template_fn *original;
    bool (*member)(struct object *self, struct value_call *call);
    const char *args;
};
static struct mutation mutation;

static struct value empty_of(struct arena *a, char letter, struct value v)
{
    if (letter == 'l')
        return value_list(a);
    if (letter == 'm')
        return value_dict(a);
    switch (letter == 'v' || letter == 'r' ? V_NULL : v.kind) {
    case V_STRING: return value_string("");
    case V_INT: v.integer = 0; return v;
    case V_FLOAT: v.number = 0; return v;
    case V_BOOL: v.boolean = false; return v;
    default: return VALUE_NULL;
    }
}

static bool broken(struct template_call *call, struct value *result)
{
    const struct mutation *m = &mutation;
    if (str_eq(m->change, "empty")) {
        *result = value_string("");
        return true;
    }
    if (str_eq(m->change, "first")) {
        *result = call->argc > 0 ? call->args[0] : value_string("");
        return true;
    }
    struct value *args = arena_alloc(call->arena, (call->argc + 1) * sizeof *args);
    struct template_call changed = *call;
    changed.args = args;
    memcpy(args, call->args, call->argc * sizeof *args);
    size_t fixed = strlen(m->args), i = (size_t)m->i, j = (size_t)m->j;
    if (fixed && m->args[fixed - 1] == '*')
        fixed -= 2;
    if (str_eq(m->change, "swap") && j < call->argc) {
        args[i] = call->args[j];
        args[j] = call->args[i];
    } else if (str_eq(m->change, "drop") && i < fixed) {
        args[i] = empty_of(call->arena, m->args[i], args[i]);
    } else if (str_eq(m->change, "drop") && i < call->argc) {
        memmove(&args[i], &args[i + 1], (--changed.argc - i) * sizeof *args);
    }
    return m->original(&changed, result);
}

// The function itself, or a broken one in its place.
static struct template_func with_mutation(struct template_func f)
{
    if (!str_eq(f.name, mutation.function) || (mutation.original && mutation.original != f.fn))
        return f; // what came first goes first
    mutation.original = f.fn;
    mutation.args = f.args;
    f.fn = broken;
    return f;
}

static void list(const struct template_funcs *funcs)
{
    for (size_t i = 0; i < funcs->count; i++)
        printf("%s %s\n", funcs->items[i].name, funcs->items[i].args);
}

void __real_template_set_funcs(struct template_set *set, const struct template_funcs *funcs, void *user);
void __wrap_template_set_funcs(struct template_set *set, const struct template_funcs *funcs, void *user);
void __wrap_template_set_funcs(struct template_set *set, const struct template_funcs *funcs, void *user)
{
    if (str_eq(mutation.function, "list"))
        list(funcs);
    for (size_t i = 0; i < funcs->part_count; i++)
        __wrap_template_set_funcs(set, funcs->parts[i], user);
    static struct template_func items[1024]; // of one table after the other: a set copies none, so they stay
    static size_t used;
    struct template_funcs own = {.items = items + used, .count = funcs->count};
    for (size_t i = 0; i < funcs->count && used < ARRAY_LEN(items); i++)
        items[used++] = with_mutation(funcs->items[i]);
    __real_template_set_funcs(set, &own, user);
}

bool __real_builtin_binding(struct slice name, struct binding *out);
bool __wrap_builtin_binding(struct slice name, struct binding *out);
bool __wrap_builtin_binding(struct slice name, struct binding *out)
{
    static struct template_func own;
    if (!__real_builtin_binding(name, out))
        return false;
    if (slice_eq_str(name, mutation.function)) {
        own = with_mutation(*out->func);
        out->func = &own;
        out->shortcut = 0; // the broken one sees all its arguments
    }
    return true;
}

// ---- methods ------------------------------------------------------------------------------------------------------

static bool broken_member(struct object *self, struct value_call *call)
{
    const struct mutation *m = &mutation;
    if (!str_eq(m->change, "drop")) {
        call->result = str_eq(m->change, "first") && call->argc > 0 ? call->args[0] : value_string("");
        return true;
    }
    struct value *args = arena_alloc(call->arena, (call->argc + 1) * sizeof *args);
    struct value_call changed = *call;
    changed.args = args;
    memcpy(args, call->args, call->argc * sizeof *args);
    if ((size_t)m->i < call->argc)
        args[m->i] = empty_of(call->arena, m->args ? m->args[m->i] : 'v', args[m->i]);
    bool good = m->member(self, &changed);
    call->result = changed.result;
    return good;
}

// The table is a constant of the product's, so its page is made one that may be written.
static void break_member(const struct value_member *member)
{
    uintptr_t from = (uintptr_t)member & ~(uintptr_t)4095;
    if (member->get == broken_member || mprotect((void *)from, (uintptr_t)(member + 1) - from, PROT_READ | PROT_WRITE) != 0)
        return;
    mutation.member = member->get;
    mutation.args = member->args;
    ((struct value_member *)(uintptr_t)member)->get = broken_member;
}

// Tells of the members of a type, or breaks the one that is meant.
static void visit(const char *type, const struct value_member *members, size_t count)
{
    static const struct value_member *listed[64];
    size_t known = 0, len = type ? strlen(type) : 0;
    if (str_eq(mutation.function, "list")) {
        while (known < ARRAY_LEN(listed) && listed[known] && listed[known] != members)
            known++;
        for (size_t i = 0; i < count && known < ARRAY_LEN(listed) && !listed[known]; i++)
            if (!members[i].refused) // which nobody calls
                printf("%s.%s %s\n", type, members[i].name,
                       members[i].args ? members[i].args : members[i].max_args < 0 ? "v*" : &"vvvv"[4 - members[i].max_args]);
        if (known < ARRAY_LEN(listed))
            listed[known] = members;
    } else if (type && strncmp(mutation.function, type, len) == 0 && mutation.function[len] == '.') {
        for (size_t i = 0; i < count; i++)
            if (str_eq(members[i].name, mutation.function + len + 1))
                break_member(&members[i]);
    }
}

struct value __real_value_object(struct object *o);
struct value __wrap_value_object(struct object *o);
struct value __wrap_value_object(struct object *o)
{
    if (o)
        visit(o->class->go_type, o->class->members, o->class->member_count);
    return __real_value_object(o);
}

int main(int argc, char **argv)
{
    static char words[2][64];
    const char *wish = getenv("RUNNEL_MUTANT");
    if (!wish || sscanf(wish, "%63s %63s %d %d", words[0], words[1], &mutation.i, &mutation.j) < 1) {
        fputs("RUNNEL_MUTANT is not set\n", stderr);
        return 2;
    }
    mutation.function = words[0];
    mutation.change = words[1];
    if (str_eq(mutation.function, "list"))
        list(template_builtins());
    const struct method_set *const sets[] = {&values_methods, &version_set_methods, &duration_methods, &month_methods,
                                             &weekday_methods};
    for (size_t i = 0; i < ARRAY_LEN(sets); i++)
        visit(sets[i]->go_type, sets[i]->items, sets[i]->count);
    return template_command(argc, argv);
}
