// message.c - renders a commit message: Go's template language and Sprig without what depends on time, chance or the
// machine.
//
// The data are Go types as templates see them: Flux's TemplateData, update.Result and what is in it.
#include "message.h"

#include "template/template.h"

#define DEFAULT_MESSAGE "Update from image update automation"
#define TEMPLATE_NAME "commit message"

// ---- structs as templates see them --------------------------------------------------------------------------------

// A struct whose fields are known when it is made; the class's members look themselves up by place.
struct record {
    struct object object;
    struct value fields[4];
};

#define FIELD_GETTER(n)                                                                                                \
    static bool get_field_##n(struct object *self, struct value_call *call)                                            \
    {                                                                                                                  \
        call->result = ((struct record *)self)->fields[n];                                                             \
        return true;                                                                                                   \
    }
FIELD_GETTER(0)
FIELD_GETTER(1)
FIELD_GETTER(2)
FIELD_GETTER(3)

static struct value record(struct arena *a, const struct value_class *class, struct value f0, struct value f1,
                           struct value f2, struct value f3)
{
    struct record *r = arena_new_of(a, struct record);
    *r = (struct record){.object = {class}, .fields = {f0, f1, f2, f3}};
    return value_object(&r->object);
}

static void print_fields(struct buf *out, const struct record *r, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (i > from)
            buf_char(out, ' ');
        go_print_value(out, r->fields[i]);
    }
}

// types.NamespacedName has a String method.
static void print_name(struct buf *out, struct object *self)
{
    const struct record *r = (const struct record *)self;
    buf_printf(out, "%s/%s", value_str_or(r->fields[0], ""), value_str_or(r->fields[1], ""));
}

static bool name_string(struct object *self, struct value_call *call)
{
    struct buf text = BUF_IN(call->arena);
    print_name(&text, self);
    call->result = value_string(buf_cstr(&text));
    return true;
}

static const struct value_member name_members[] = {
    {.name = "Namespace", .get = get_field_0},
    {.name = "Name", .get = get_field_1},
    {.name = "String", .method = true, .get = name_string},
};
static const struct value_class name_class = {.go_type = "types.NamespacedName",
                                              .go_kind = "struct",
                                              .members = name_members,
                                              .member_count = ARRAY_LEN(name_members),
                                              .print = print_name};

static void print_change(struct buf *out, struct object *self)
{
    buf_char(out, '{');
    print_fields(out, (const struct record *)self, 0, 3);
    buf_char(out, '}');
}

static const struct value_member change_members[] = {
    {.name = "OldValue", .get = get_field_0},
    {.name = "NewValue", .get = get_field_1},
    {.name = "Setter", .get = get_field_2},
};
static const struct value_class change_class = {.go_type = "update.Change",
                                                .go_kind = "struct",
                                                .members = change_members,
                                                .member_count = ARRAY_LEN(change_members),
                                                .print = print_change};

// ObjectIdentifier embeds kyaml's ResourceIdentifier, of a TypeMeta and a NameMeta.
static void print_identifier(struct buf *out, struct object *self)
{
    buf_str(out, "{{{");
    print_fields(out, (const struct record *)self, 0, 2);
    buf_str(out, "} {");
    print_fields(out, (const struct record *)self, 2, 4);
    buf_str(out, "}}}");
}

static const struct value_member identifier_members[] = {
    {.name = "APIVersion", .get = get_field_0},
    {.name = "Kind", .get = get_field_1},
    {.name = "Name", .get = get_field_2},
    {.name = "Namespace", .get = get_field_3},
};
static const struct value_class identifier_class = {.go_type = "update.ObjectIdentifier",
                                                    .go_kind = "struct",
                                                    .members = identifier_members,
                                                    .member_count = ARRAY_LEN(identifier_members),
                                                    .print = print_identifier};

// ---- map[ObjectIdentifier][]Change --------------------------------------------------------------------------------

struct entry {
    const struct setter_object *identity;
    struct value key, changes;
};
struct object_changes {
    struct object object;
    VEC(struct entry) entries;
};

static bool next_object(struct object *self, struct value_iter *it)
{
    struct object_changes *o = (struct object_changes *)self;
    if (it->i >= o->entries.len)
        return false;
    const struct entry *e = &o->entries.items[it->i++];
    it->key = e->identity->name;
    it->key_len = strlen(it->key);
    it->key_value = e->key;
    it->value = e->changes;
    return true;
}

static void print_objects(struct buf *out, struct object *self)
{
    const struct object_changes *o = (const struct object_changes *)self;
    buf_str(out, "map[");
    for (size_t i = 0; i < o->entries.len; i++) {
        if (i)
            buf_char(out, ' ');
        go_print_value(out, o->entries.items[i].key);
        buf_char(out, ':');
        go_print_value(out, o->entries.items[i].changes);
    }
    buf_char(out, ']');
}

static bool any_objects(struct object *self)
{
    return ((struct object_changes *)self)->entries.len > 0;
}

static const struct value_class objects_class = {.go_type = "update.ObjectChanges",
                                                 .go_kind = "map",
                                                 .print = print_objects,
                                                 .truth = any_objects,
                                                 .next = next_object};

// The order in which Go's templates range over keys that are structs: field by field.
static int compare_identity(const struct setter_object *x, const struct setter_object *y)
{
    int order = strcmp(x->api_version, y->api_version);
    order = order ? order : strcmp(x->kind, y->kind);
    order = order ? order : strcmp(x->name, y->name);
    return order ? order : strcmp(x->namespace, y->namespace);
}

static int compare_entries(const void *a, const void *b)
{
    return compare_identity(((const struct entry *)a)->identity, ((const struct entry *)b)->identity);
}

static struct value change_value(struct arena *a, const struct setter_change *c)
{
    return record(a, &change_class, value_string(c->old_value), value_string(c->new_value), value_string(c->setter),
                  VALUE_NULL);
}

static void add_object(struct arena *a, struct object_changes *to, const struct setter_object *o)
{
    struct entry *e = NULL;
    for (size_t i = 0; i < to->entries.len && !e; i++)
        if (compare_identity(to->entries.items[i].identity, o) == 0)
            e = &to->entries.items[i];
    if (!e) {
        struct value key = record(a, &identifier_class, value_string(o->api_version), value_string(o->kind),
                                  value_string(o->name), value_string(o->namespace));
        vec_push(a, &to->entries, (struct entry){o, key, value_list_typed(a, "[]update.Change")});
        e = &to->entries.items[to->entries.len - 1];
    }
    for (size_t i = 0; i < o->changes.len; i++)
        value_push(e->changes, change_value(a, &o->changes.items[i]));
}

// The objects of `count` files as one map.
static struct value objects_of(struct arena *a, const struct setter_file *files, size_t count)
{
    struct object_changes *o = arena_new_of(a, struct object_changes);
    o->object.class = &objects_class;
    for (size_t f = 0; f < count; f++)
        for (size_t i = 0; i < files[f].objects.len; i++)
            add_object(a, o, &files[f].objects.items[i]);
    if (o->entries.len)
        qsort(o->entries.items, o->entries.len, sizeof *o->entries.items, compare_entries);
    return value_object(&o->object);
}

// ---- update.Result ------------------------------------------------------------------------------------------------

struct changed {
    struct object object;
    const struct setter_result *result;
    struct value files;
};

static bool get_file_changes(struct object *self, struct value_call *call)
{
    call->result = ((struct changed *)self)->files;
    return true;
}

static bool get_objects(struct object *self, struct value_call *call)
{
    const struct setter_result *result = ((struct changed *)self)->result;
    call->result = objects_of(call->arena, result->files.items, result->files.len);
    return true;
}

// Each change once, however many files have it.
static bool get_changes(struct object *self, struct value_call *call)
{
    const struct setter_result *result = ((struct changed *)self)->result;
    struct map *seen = map_new(call->arena);
    call->result = value_list_typed(call->arena, "[]update.Change");
    for (size_t f = 0; f < result->files.len; f++) {
        for (size_t o = 0; o < result->files.items[f].objects.len; o++) {
            const struct setter_object *object = &result->files.items[f].objects.items[o];
            for (size_t i = 0; i < object->changes.len; i++) {
                const struct setter_change *c = &object->changes.items[i];
                char *key = arena_printf(call->arena, "%s\n%s\n%s", c->old_value, c->new_value, c->setter);
                if (!map_put(seen, key, key))
                    value_push(call->result, change_value(call->arena, c));
            }
        }
    }
    return true;
}

static void print_changed(struct buf *out, struct object *self)
{
    buf_char(out, '{');
    go_print_value(out, ((struct changed *)self)->files);
    buf_char(out, '}');
}

static const struct value_member changed_members[] = {
    {.name = "FileChanges", .get = get_file_changes},
    {.name = "Changes", .method = true, .get = get_changes},
    {.name = "Objects", .method = true, .get = get_objects},
};
static const struct value_class changed_class = {.go_type = "update.Result",
                                                 .go_kind = "struct",
                                                 .members = changed_members,
                                                 .member_count = ARRAY_LEN(changed_members),
                                                 .print = print_changed};

// ---- the whole ----------------------------------------------------------------------------------------------------

static void print_data(struct buf *out, struct object *self)
{
    buf_char(out, '{');
    print_fields(out, (const struct record *)self, 0, 3);
    buf_char(out, '}');
}

static const struct value_member data_members[] = {
    {.name = "AutomationObject", .get = get_field_0},
    {.name = "Changed", .get = get_field_1},
    {.name = "Values", .get = get_field_2},
};
static const struct value_class data_class = {.go_type = "source.TemplateData",
                                              .go_kind = "struct",
                                              .members = data_members,
                                              .member_count = ARRAY_LEN(data_members),
                                              .print = print_data};

static struct value template_data(struct arena *a, const struct message_data *data)
{
    struct changed *changed = arena_new_of(a, struct changed);
    struct value values = value_dict_typed(a, "map[string]string");
    *changed =
        (struct changed){{&changed_class}, data->changed, value_dict_typed(a, "map[string]update.ObjectChanges")};
    for (size_t i = 0; i < data->changed->files.len; i++) {
        const struct setter_file *file = &data->changed->files.items[i];
        value_set(changed->files, file->path, objects_of(a, file, 1));
    }
    for (struct value_iter it = {0}; value_next(data->values, &it);)
        value_set_n(values, it.key, it.key_len, it.value);
    struct value name =
        record(a, &name_class, value_string(data->namespace), value_string(data->name), VALUE_NULL, VALUE_NULL);
    return record(a, &data_class, name, value_object(&changed->object), values, VALUE_NULL);
}

// Sprig's functions that give the same result for the same input wherever and whenever they run.
static void add_hermetic(struct arena *a, const struct template_funcs *from, struct template_func *to, size_t *count)
{
    static const char *const left_out[] = {
        "date",          "date_in_zone", "date_modify", "now",       "htmlDate",    "htmlDateInZone",
        "dateInZone",    "dateModify",   "randAlpha",   "randAscii", "randNumeric", "randAlphaNum",
        "getHostByName", "randBytes",    "uuidv4",      "env",       "expandenv"};
    for (size_t i = 0; i < from->count; i++) {
        bool fine = true;
        for (size_t w = 0; w < ARRAY_LEN(left_out) && fine; w++)
            fine = !str_eq(from->items[i].name, left_out[w]);
        if (fine && to)
            to[*count] = from->items[i];
        *count += fine;
    }
    for (size_t i = 0; i < from->part_count; i++)
        add_hermetic(a, from->parts[i], to, count);
}

static struct template_funcs *hermetic(struct arena *a)
{
    struct template_funcs *funcs = arena_new_of(a, struct template_funcs);
    size_t count = 0;
    add_hermetic(a, template_sprig(), NULL, &count);
    struct template_func *items = arena_array(a, struct template_func, count);
    count = 0;
    add_hermetic(a, template_sprig(), items, &count);
    *funcs = (struct template_funcs){.items = items, .count = count};
    return funcs;
}

// Fields that Flux once had: their templates will not work again until somebody changes them.
static bool is_removed_field(struct error *err)
{
    static const char *const removed[][2] = {
        {"can't evaluate field Updated in type source.TemplateData",
         "template uses the removed field '.Updated', use '.Changed' instead"},
        {"can't evaluate field ImageResult in type update.Result",
         "template uses the removed field '.Changed.ImageResult', use '.Changed.FileChanges' or '.Changed.Objects' "
         "instead"},
    };
    for (size_t i = 0; i < ARRAY_LEN(removed); i++)
        if (strstr(error_text(err), removed[i][0]))
            return !error_set(err, ERROR_INVALID, "%s", removed[i][1]);
    return false;
}

bool message_render(struct arena *a, const char *template, const struct message_data *data, const char **out,
                    bool *removed_field, struct error *err)
{
    static const struct template_limits limits = {.output = 1 << 20, .steps = 1000000, .memory = 64 << 20};
    const char *text = str_or(template, DEFAULT_MESSAGE);
    struct template_set *set = template_set_new(a);
    struct buf message = BUF_IN(a);
    *removed_field = false;
    template_set_funcs(set, hermetic(a), NULL);
    if (!template_parse(set, TEMPLATE_NAME, text, strlen(text), err))
        return error_wrap(err, "unable to create commit message template from spec");
    if (!template_execute(set, a, TEMPLATE_NAME, template_data(a, data), &limits, &message, err)) {
        *removed_field = is_removed_field(err);
        return *removed_field ? false : error_wrap(err, "failed to run template from spec");
    }
    *out = buf_cstr(&message);
    return true;
}
