// set.c - sets of named templates and the functions they can call.
#include "template/run.h"

struct binding binding_of(const struct template_func *f, void *user)
{
    struct binding b = {.func = f, .user = user};
    size_t n = strlen(f->args);
    if (n && f->args[n - 1] == '*') {
        b.variadic = f->args[n - 2];
        n -= 2;
    }
    b.fixed = (uint8_t)n;
    return b;
}

static void bind(struct template_set *set, const struct template_func *f, void *user)
{
    struct binding *b = arena_new_of(set->arena, struct binding);
    *b = binding_of(f, user);
    map_put(set->functions, f->name, b);
}

// Earlier sets win over later ones.
static void bind_all(struct template_set *set, const struct template_funcs *funcs, void *user)
{
    for (size_t i = 0; i < funcs->count; i++)
        if (!map_get(set->functions, funcs->items[i].name))
            bind(set, &funcs->items[i], user);
    for (size_t i = 0; i < funcs->part_count; i++)
        bind_all(set, funcs->parts[i], user);
}

struct template_set *template_set_new(struct arena *a)
{
    struct template_set *set = arena_new_of(a, struct template_set);
    set->arena = a;
    set->trees = map_new(a);
    set->functions = map_new(a);
    return set;
}

void template_set_funcs(struct template_set *set, const struct template_funcs *funcs, void *user)
{
    if (set->functions_shared) { // keep the base as it is
        struct map *own = map_new(set->arena);
        const char *name;
        void *binding;
        for (size_t i = 0; map_each(set->functions, &i, &name, &binding);)
            map_put(own, name, binding);
        set->functions = own;
        set->functions_shared = false;
    }
    bind_all(set, funcs, user);
}

void template_set_missing_key(struct template_set *set, bool zero, bool error)
{
    set->missing = error ? MISSING_ERROR : zero ? MISSING_ZERO : MISSING_DEFAULT;
}

struct template_set *template_set_clone(struct arena *a, const struct template_set *base)
{
    struct template_set *set = arena_new_of(a, struct template_set);
    *set = (struct template_set){
        .arena = a,
        .base = base,
        .trees = map_new(a),
        .functions = base->functions,
        .functions_shared = true,
        .missing = base->missing,
    };
    return set;
}

// Go's own functions come last: a set's may replace them.
const struct binding *set_function(const struct template_set *set, struct slice name)
{
    const struct binding *b = map_get_n(set->functions, name.data, name.len);
    if (b)
        return b;
    struct binding builtin;
    if (!builtin_binding(name, &builtin))
        return NULL;
    struct binding *own = arena_new_of(set->arena, struct binding);
    *own = builtin;
    return own;
}

struct tree *set_lookup(const struct template_set *set, const char *name, size_t len)
{
    struct tree *tree = NULL;
    for (; set && !tree; set = set->base)
        tree = map_get_n(set->trees, name, len);
    return tree;
}

void set_add(struct template_set *set, struct tree *tree)
{
    if (!tree->empty || !set_lookup(set, tree->name, strlen(tree->name)))
        map_put(set->trees, tree->name, tree);
}

bool template_parse(struct template_set *set, const char *name, const char *text, size_t len, struct error *err)
{
    return parse_source(set, set->arena, arena_strdup(set->arena, name), slice_n(text, len), &set->latest, err);
}

bool template_defined(const struct template_set *set, const char *name)
{
    return set_lookup(set, name, strlen(name)) != NULL;
}
