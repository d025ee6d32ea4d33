// manifest.c - rendered files cut into documents, hooks set apart, all in Helm's order.

#include "manifest.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>

#include "template/text.h"

static const struct {
    enum hook_event event;
    const char *name;
} events[] = {
    {HOOK_PRE_INSTALL, "pre-install"},   {HOOK_POST_INSTALL, "post-install"},   {HOOK_PRE_DELETE, "pre-delete"},
    {HOOK_POST_DELETE, "post-delete"},   {HOOK_PRE_UPGRADE, "pre-upgrade"},     {HOOK_POST_UPGRADE, "post-upgrade"},
    {HOOK_PRE_ROLLBACK, "pre-rollback"}, {HOOK_POST_ROLLBACK, "post-rollback"}, {HOOK_TEST, "test"},
    {HOOK_TEST, "test-success"}, // Helm 2's word
};

static const struct {
    enum hook_delete_policy policy;
    const char *name;
} delete_policies[] = {
    {HOOK_BEFORE_CREATION, "before-hook-creation"}, {HOOK_SUCCEEDED, "hook-succeeded"}, {HOOK_FAILED, "hook-failed"}};

const char *hook_event_name(enum hook_event event)
{
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        if (events[i].event == event)
            return events[i].name;
    return "";
}

bool hook_event_parse(const char *name, enum hook_event *out)
{
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        if (str_eq(events[i].name, name)) {
            *out = events[i].event;
            return true;
        }
    return false;
}

// ---- documents ----------------------------------------------------------------------------------------------------

static bool is_regex_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

// Helm's separator, the regular expression (?:^|\s*\n)---\s* : the white space on both sides belongs to it, and a line break that
// one separator took is not there for the next. False: no more; *start and *end are where it lies.
static bool find_separator(struct slice s, size_t from, size_t *start, size_t *end)
{
    size_t at = from;
    while ((at == from && from > 0) || !slice_has_prefix(slice_sub(s, at, s.len), SLICE("---"))) {
        ptrdiff_t line = slice_find_char(slice_sub(s, at, s.len), '\n');
        if (line < 0)
            return false;
        at += (size_t)line + 1;
    }
    *start = at;
    while (*start > from && is_regex_space(s.data[*start - 1]))
        --*start;
    *end = at + 3;
    while (*end < s.len && is_regex_space(s.data[*end]))
        ++*end;
    return true;
}

slice_list manifest_split(struct arena *a, struct slice stream)
{
    slice_list list = {0};
    stream = text_trim_space(stream);
    size_t at = 0, start, end;
    for (bool more = true; more; at = end) {
        more = find_separator(stream, at, &start, &end);
        struct slice piece = slice_sub(stream, at, more ? start : stream.len);
        if (piece.len > 0)
            vec_push(a, &list, text_trim_space(piece));
    }
    return list;
}

// ---- heads --------------------------------------------------------------------------------------------------------

struct head {
    const char *api_version, *kind, *name, *namespace;
    bool has_annotations;
    struct value annotations; // strings
};

struct head_reader {
    struct arena *arena;
    struct error *err;
};

static void mismatch(struct head_reader *r, struct value v, const char *field, const char *type)
{
    if (!r->err->class)
        error_set(r->err, ERROR_INVALID,
                  "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s into Go struct field %s of type %s",
                  go_json_kind(v), field, type);
}

// A string field takes any scalar, as sigs.k8s.io/yaml reads it.
static const char *text_of(struct head_reader *r, struct value v, const char *field)
{
    switch (v.kind) {
    case V_NULL: return "";
    case V_STRING: return v.data;
    case V_LIST:
    case V_DICT: mismatch(r, v, field, "string"); return "";
    default: {
        struct buf out = BUF_IN(r->arena);
        go_print_value(&out, v);
        return buf_cstr(&out);
    }
    }
}

static void read_metadata(struct head_reader *r, struct value metadata, struct head *out)
{
    if (value_is_null(metadata))
        return;
    if (!value_is(metadata, V_DICT)) {
        mismatch(r, metadata, "SimpleHead.metadata",
                 "struct { Name string \"json:\\\"name\\\"\"; Annotations map[string]string \"json:\\\"annotations\\\"\" }");
        return;
    }
    struct value annotations = value_get(metadata, "annotations");
    if (!value_is_null(annotations) && !value_is(annotations, V_DICT))
        mismatch(r, annotations, ".metadata.annotations", "map[string]string");
    out->annotations = value_dict(r->arena);
    for (struct value_iter it = {0}; value_next(annotations, &it);) {
        out->has_annotations = true;
        value_set_n(out->annotations, it.key, it.key_len,
                    value_string(text_of(r, it.value, ".metadata.annotations")));
    }
    out->name = text_of(r, value_get(metadata, "name"), ".metadata.name");
    out->namespace = value_str_or(value_get(metadata, "namespace"), "");
}

static bool read_head(struct arena *a, struct slice text, struct head *out, struct error *err)
{
    *out = (struct head){.api_version = "", .kind = "", .name = "", .namespace = ""};
    struct value document = VALUE_NULL;
    if (!yaml_decode(a, text, 0, "util.SimpleHead", &document, err) || value_is_null(document))
        return !err->class;
    struct head_reader r = {.arena = a, .err = err};
    out->api_version = text_of(&r, value_get(document, "apiVersion"), "SimpleHead.apiVersion");
    out->kind = text_of(&r, value_get(document, "kind"), "SimpleHead.kind");
    read_metadata(&r, value_get(document, "metadata"), out);
    return !err->class;
}

// The few words of a head outlive the document's tree: that is scratch.
static bool read_head_briefly(struct arena *a, struct slice text, struct head *out, struct error *err)
{
    struct arena *scratch cleanup(cleanup_arena) = arena_new();
    struct head h;
    if (!read_head(scratch, text, &h, err))
        return false;
    *out = (struct head){.api_version = arena_strdup(a, h.api_version),
                         .kind = arena_strdup(a, h.kind),
                         .name = arena_strdup(a, h.name),
                         .namespace = arena_strdup(a, h.namespace),
                         .has_annotations = h.has_annotations};
    if (h.has_annotations)
        out->annotations = value_copy(a, h.annotations);
    return true;
}

static struct manifest make_manifest(const char *path, struct slice text, const struct head *h)
{
    return (struct manifest){.source = path,
                             .text = text.data,
                             .len = text.len,
                             .api_version = h->api_version,
                             .kind = h->kind,
                             .name = h->name,
                             .namespace = h->namespace};
}

// Behind a document stands white space, a separator or the NUL of the whole text: room for a NUL.
static void terminate(const struct manifest *m)
{
    ((char *)m->text)[m->len] = 0;
}

// ---- hooks --------------------------------------------------------------------------------------------------------

static char *lower_word(struct arena *a, struct slice s)
{
    char *word = slice_dup(a, text_trim_space(s));
    for (char *p = word; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return word;
}

// False: an event that Helm does not know; the whole document is left out then.
static bool read_events(struct arena *a, struct value annotation, struct hook *hook, struct chart_notices *notices)
{
    struct slice rest = value_slice(annotation), word;
    for (bool more = true; more;) {
        more = slice_cut(rest, ',', &word, &rest);
        enum hook_event event;
        if (!hook_event_parse(lower_word(a, word), &event)) {
            chart_notice(notices, "INFO", "skipping unknown hooks", CHART_PAIRS("hookTypes", value_str_or(annotation, "")));
            return false;
        }
        hook->events |= event;
        vec_push(a, &hook->event_list, hook_event_name(event));
    }
    return true;
}

static void read_policies(struct arena *a, const struct head *h, struct hook *hook)
{
    struct value annotation;
    struct slice rest, word;
    if (value_find(h->annotations, "helm.sh/hook-delete-policy", strlen("helm.sh/hook-delete-policy"), &annotation)) {
        rest = value_slice(annotation);
        for (bool more = true; more;) {
            more = slice_cut(rest, ',', &word, &rest);
            const char *name = lower_word(a, word);
            vec_push(a, &hook->delete_list, name);
            for (size_t i = 0; i < ARRAY_LEN(delete_policies); i++)
                if (str_eq(delete_policies[i].name, name))
                    hook->delete_policies |= delete_policies[i].policy;
        }
    }
    if (hook->delete_list.len == 0)
        hook->delete_policies = HOOK_BEFORE_CREATION;
    if (value_find(h->annotations, "helm.sh/hook-output-log-policy", strlen("helm.sh/hook-output-log-policy"), &annotation)) {
        rest = value_slice(annotation);
        for (bool more = true; more;) {
            more = slice_cut(rest, ',', &word, &rest);
            vec_push(a, &hook->output_list, (const char *)lower_word(a, word));
        }
    }
}

// strconv.Atoi, 0 where it fails.
static int read_weight(const struct head *h)
{
    const char *text = value_str_or(value_get(h->annotations, "helm.sh/hook-weight"), "");
    if (!*text || isspace((unsigned char)*text))
        return 0;
    char *end;
    errno = 0;
    long weight = strtol(text, &end, 10);
    return *end || errno || weight > INT_MAX || weight < INT_MIN ? 0 : (int)weight;
}

// ---- sorting ------------------------------------------------------------------------------------------------------

struct ranked {
    const char *kind;
    size_t place;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    int order = manifest_compare_kind(x->kind, y->kind);
    return order ? order : x->place < y->place ? -1 : 1;
}

// A stable order by kind: the places that the items move to.
static struct ranked *rank(struct arena *a, size_t count)
{
    return arena_array(a, struct ranked, count + 1);
}

static void sort_objects(struct arena *a, manifest_list *list)
{
    struct ranked *order = rank(a, list->len);
    struct manifest *sorted = arena_array(a, struct manifest, list->len + 1);
    for (size_t i = 0; i < list->len; i++)
        order[i] = (struct ranked){list->items[i].kind, i};
    qsort(order, list->len, sizeof *order, compare_ranked);
    for (size_t i = 0; i < list->len; i++)
        sorted[i] = list->items[order[i].place];
    list->items = sorted;
    list->cap = list->len + 1;
}

static void sort_hooks(struct arena *a, hook_list *list)
{
    struct ranked *order = rank(a, list->len);
    struct hook *sorted = arena_array(a, struct hook, list->len + 1);
    for (size_t i = 0; i < list->len; i++)
        order[i] = (struct ranked){list->items[i].manifest.kind, i};
    qsort(order, list->len, sizeof *order, compare_ranked);
    for (size_t i = 0; i < list->len; i++)
        sorted[i] = list->items[order[i].place];
    list->items = sorted;
    list->cap = list->len + 1;
}

static int compare_files(const void *a, const void *b)
{
    return strcmp((*(const struct manifest_file *const *)a)->path, (*(const struct manifest_file *const *)b)->path);
}

static bool add_document(struct arena *a, const char *path, struct slice text, manifest_list *objects, hook_list *hooks,
                         struct chart_notices *notices, struct error *err)
{
    struct head head;
    if (!read_head_briefly(a, text, &head, err))
        return error_wrap(err, "YAML parse error on %s", path);
    struct manifest m = make_manifest(path, text, &head);
    struct value annotation;
    if (!head.has_annotations || !value_find(head.annotations, "helm.sh/hook", strlen("helm.sh/hook"), &annotation)) {
        vec_push(a, objects, m);
        return true;
    }
    struct hook hook = {.manifest = m, .weight = read_weight(&head)};
    if (read_events(a, annotation, &hook, notices)) {
        read_policies(a, &head, &hook);
        vec_push(a, hooks, hook);
    }
    return true;
}

bool manifests_sort(struct arena *a, const struct manifest_file *files, size_t count, manifest_list *objects,
                    hook_list *hooks, struct chart_notices *notices, struct error *err)
{
    const struct manifest_file **sorted = arena_array(a, const struct manifest_file *, count + 1);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &files[i];
    if (count > 1)
        qsort(sorted, count, sizeof *sorted, compare_files);
    for (size_t i = 0; i < count; i++) {
        const char *slash = strrchr(sorted[i]->path, '/'), *base = slash ? slash + 1 : sorted[i]->path;
        if (*base == '_')
            continue;
        slice_list documents = manifest_split(a, sorted[i]->text);
        for (size_t k = 0; k < documents.len; k++)
            if (!add_document(a, sorted[i]->path, documents.items[k], objects, hooks, notices, err))
                return false;
    }
    for (size_t i = 0; i < objects->len; i++)
        terminate(&objects->items[i]);
    for (size_t i = 0; i < hooks->len; i++)
        terminate(&hooks->items[i].manifest);
    sort_objects(a, objects);
    sort_hooks(a, hooks);
    return true;
}

bool manifests_parse(struct arena *a, struct slice stream, manifest_list *out, struct error *err)
{
    slice_list documents = manifest_split(a, stream);
    for (size_t i = 0; i < documents.len; i++) {
        struct slice text = documents.items[i], line, rest;
        text = slice_n(slice_dup(a, text), text.len);
        const char *path = "";
        if (slice_has_prefix(text, SLICE("# Source: "))) {
            slice_cut(text, '\n', &line, &rest);
            path = slice_dup(a, text_trim_space(slice_sub(line, strlen("# Source: "), line.len)));
            text = text_trim_space(rest);
        }
        struct head head;
        if (!read_head_briefly(a, text, &head, err))
            return error_wrap(err, "YAML parse error on %s", path);
        if (*head.kind)
            vec_push(a, out, make_manifest(path, text, &head));
    }
    return true;
}

static bool runs_before(const struct hook *a, const struct hook *b)
{
    if (a->weight != b->weight)
        return a->weight < b->weight;
    return strcmp(a->manifest.name, b->manifest.name) < 0;
}

hook_list hooks_for_event(struct arena *a, const hook_list *hooks, enum hook_event event)
{
    hook_list list = {0};
    for (size_t i = 0; i < hooks->len; i++) {
        if (!(hooks->items[i].events & event))
            continue;
        vec_push(a, &list, hooks->items[i]);
        for (size_t k = list.len - 1; k > 0 && runs_before(&list.items[k], &list.items[k - 1]); k--) {
            struct hook swapped = list.items[k];
            list.items[k] = list.items[k - 1];
            list.items[k - 1] = swapped;
        }
    }
    return list;
}

bool manifest_keeps(struct value object)
{
    struct value policy = value_paths(object, "metadata", "annotations", "helm.sh/resource-policy", NULL);
    if (!value_is(policy, V_STRING))
        return false;
    struct arena *scratch cleanup(cleanup_arena) = arena_new();
    return str_eq(lower_word(scratch, value_slice(policy)), "keep");
}
