// fields.c - which spec fields of a kind work, and which are refused by name; their table for the docs.
#include <stdio.h>

#include "controller/runtime.h"

// ---- refusing -------------------------------------------------------------------------------------------------------
// The schema's node at a dotted path; arrays and dicts of one type are passed through. NULL: there is none.
static const struct schema_node *node_at(const struct schema_node *n, const char *path)
{
    struct slice rest = slice_of(path), part;
    while (n && rest.len) {
        while (n->items)
            n = n->items;
        slice_cut(rest, '.', &part, &rest);
        const struct schema_node *next = NULL;
        for (size_t i = 0; i < n->property_count; i++) {
            if (slice_eq_str(part, n->properties[i].name))
                next = n->properties[i].node;
        }
        n = next;
    }
    return n;
}

static bool equals_json(struct arena *a, struct value v, const char *json)
{
    struct value wanted;
    struct error ignored cleanup(error_clear) = {0};
    return json && json_parse(a, json, strlen(json), 0, &wanted, &ignored) && value_equal(v, wanted);
}

// What says the same as leaving the field out.
static bool is_unset(struct value v)
{
    return value_is_null(v) || (value_is(v, V_BOOL) && !v.boolean) || (value_is(v, V_STRING) && !v.len) ||
           (value_is(v, V_LIST) && !value_len(v));
}

struct refusal {
    struct arena *arena;
    const struct field *field;
    const char *fallback; // the CRD's default, JSON
};

static bool set_at(const struct refusal *refusal, struct value v, struct slice path)
{
    if (value_is(v, V_LIST) && path.len) {
        for (size_t i = 0; i < value_len(v); i++) {
            if (set_at(refusal, value_at(v, i), path))
                return true;
        }
        return false;
    }
    if (path.len) {
        struct slice part, rest;
        slice_cut(path, '.', &part, &rest);
        return set_at(refusal, value_get_n(v, part.data, part.len), rest);
    }
    return !is_unset(v) && !equals_json(refusal->arena, v, refusal->field->allowed) &&
           !equals_json(refusal->arena, v, refusal->fallback);
}

bool fields_check(struct arena *a, const struct schema *schema, const struct field *fields, size_t count,
                  struct value spec, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].state != FIELD_REFUSED)
            continue;
        const struct schema_node *node = schema ? node_at(&schema->spec, fields[i].path) : NULL;
        if (set_at(&(struct refusal){a, &fields[i], node ? node->fallback : NULL}, spec, slice_of(fields[i].path)))
            return error_set(err, ERROR_INVALID, "spec.%s is not supported by Runnel yet", fields[i].path);
    }
    return true;
}

// ---- covering -------------------------------------------------------------------------------------------------------
static bool is_below(const char *path, const char *above)
{
    size_t len = strlen(above);
    return strncmp(path, above, len) == 0 && (path[len] == '.' || !path[len]);
}

struct coverage {
    struct arena *arena;
    const struct field *fields;
    size_t count;
    struct buf faults;
};

static void cover(struct coverage *c, const struct schema_node *n, const char *path)
{
    while (n->items)
        n = n->items;
    for (size_t i = 0; i < n->property_count; i++) {
        const char *name = n->properties[i].name;
        cover(c, n->properties[i].node, *path ? arena_printf(c->arena, "%s.%s", path, name) : name);
    }
    if (n->property_count)
        return;
    for (size_t i = 0; i < c->count; i++) {
        if (is_below(path, c->fields[i].path))
            return;
    }
    buf_printf(&c->faults, "%sspec.%s is in the CRD but not in the table", c->faults.len ? "; " : "", path);
}

bool fields_cover(const struct schema *schema, const struct field *fields, size_t count, struct error *err)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct coverage c = {.arena = a, .fields = fields, .count = count, .faults = BUF_IN(a)};
    cover(&c, &schema->spec, "");
    for (size_t i = 0; i < count; i++) {
        if (!node_at(&schema->spec, fields[i].path))
            buf_printf(&c.faults, "%sspec.%s is in the table but not in the CRD", c.faults.len ? "; " : "",
                       fields[i].path);
        for (size_t j = 0; j < i; j++) {
            if (str_eq(fields[i].path, fields[j].path))
                buf_printf(&c.faults, "%sspec.%s is in the table twice", c.faults.len ? "; " : "", fields[i].path);
        }
    }
    return !c.faults.len || error_set(err, ERROR_INVALID, "%s: %s", schema->kind, c.faults.data);
}

// ---- documenting ----------------------------------------------------------------------------------------------------
static void dump_cell(const char *text)
{
    for (; *text; text++)
        printf(*text == '|' ? "\\|" : "%c", *text);
}

// The line that speaks for a field: its own, or the nearest one above it.
static const struct field *line_for(const struct controller_kind *kind, const char *path)
{
    const struct field *best = NULL;
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct field *f = &kind->fields[i];
        if (is_below(path, f->path) && (!best || strlen(f->path) > strlen(best->path)))
            best = f;
    }
    return best;
}

struct dump {
    struct arena *arena;
    const struct controller_kind *kind;
    const struct field *noted; // whose note stands in the table already
};

static void dump_field(struct dump *d, const char *path)
{
    const struct field *f = line_for(d->kind, path);
    printf("| `spec.%s` | %s | ", path, f->state == FIELD_WORKS && !d->kind->refused ? "works" : "refused by name");
    if (f != d->noted && f->state == FIELD_REFUSED && f->allowed)
        printf("`%s` is accepted%s", f->allowed, str_empty(f->note) ? "" : "; ");
    if (f != d->noted)
        dump_cell(str_or(f->note, ""));
    printf(" |\n");
    d->noted = f;
}

static void dump_fields(struct dump *d, const struct schema_node *n, const char *path)
{
    while (n->items)
        n = n->items;
    for (size_t i = 0; i < n->property_count; i++) {
        const char *name = n->properties[i].name;
        dump_fields(d, n->properties[i].node, *path ? arena_printf(d->arena, "%s.%s", path, name) : name);
    }
    if (!n->property_count)
        dump_field(d, path);
}

static bool dump_kind(const struct controller_kind *kind)
{
    struct error err cleanup(error_clear) = {0};
    struct arena *a cleanup(cleanup_arena) = arena_new();
    if (!fields_cover(kind->schema, kind->fields, kind->field_count, &err) ||
        (!kind->refused && !schema_rules_cover(kind->schema, kind->rules, kind->rule_count, &err))) {
        fprintf(stderr, "%s\n", error_text(&err));
        return false;
    }
    printf("## %s (%s)\n\n", kind->kind, kind->api_version);
    if (kind->refused)
        printf("%s.\n\n", kind->refused);
    printf("| Field | State | Note |\n| --- | --- | --- |\n");
    dump_fields(&(struct dump){.arena = a, .kind = kind}, &kind->schema->spec, "");
    printf("\n");
    return true;
}

bool fields_dump(const struct app_spec *spec)
{
    bool good = true;
    for (const struct controller_kind *const *kind = spec->kinds; *kind; kind++)
        good = dump_kind(*kind) && good;
    return good && fflush(stdout) == 0;
}
