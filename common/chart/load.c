// load.c - from files in memory to a chart: which file is what, and subcharts below charts/.

#include "chart/internal.h"

#define MAX_NESTED_ARCHIVES 8                   // a tgz in charts/ may hold tgz of its own
#define GZIP_HEADER 10                          // bytes
#define MAX_UNPACKED (512u << 20)               // bytes of all of them together

struct loader {
    struct arena *arena;
    struct chart_notices *notices;
    size_t start; // arena_used at the beginning
    int depth;
};

bool chart_unmarshal_map(struct arena *a, struct slice yaml, struct value *out, struct error *err)
{
    if (!yaml_decode(a, yaml, YAML_FLOATS, "map[string]interface {}", out, err))
        return false;
    if (value_is_null(*out))
        *out = value_dict(a);
    return true;
}

// Lines as Helm's reader hands them on: "\r\n" is one line feed, and the last line has its own.
static struct slice even_lines(struct arena *a, struct slice text)
{
    if (text.len > 0 && text.data[text.len - 1] == '\n' && slice_find(text, SLICE("\r\n")) < 0)
        return text;
    struct buf out = BUF_IN(a);
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] != '\r' || i + 1 == text.len || text.data[i + 1] != '\n')
            buf_char(&out, text.data[i]);
    if (text.len > 0 && text.data[text.len - 1] != '\n')
        buf_char(&out, '\n');
    return buf_view(&out);
}

// The next document of a stream: the separator is a line of "---" with nothing but white space and a comment behind.
// False: there is none left, or err says why it cannot be read.
static bool next_document(struct arena *a, struct slice *stream, struct slice *document, struct error *err)
{
    struct slice all = *stream, rest = all, line;
    size_t len = 0;
    while (rest.len > 0) {
        slice_cut(rest, '\n', &line, &rest);
        if (slice_has_prefix(line, SLICE("---"))) {
            struct slice behind = slice_trim_space(slice_sub(line, 3, line.len));
            if (behind.len > 0 && behind.data[0] != '#')
                return error_set(err, ERROR_INVALID, "error reading yaml document: invalid Yaml document separator: %.*s",
                                 SLICE_ARG(behind));
            if (len > 0)
                break;
        }
        len = all.len - rest.len;
    }
    *stream = rest;
    *document = even_lines(a, slice_sub(all, 0, len));
    return len > 0;
}

bool chart_load_values(struct arena *a, struct slice yaml, struct value *out, struct error *err)
{
    *out = value_dict(a);
    struct slice document;
    for (bool first = true; next_document(a, &yaml, &document, err); first = false) {
        struct value values = VALUE_NULL;
        if (!chart_unmarshal_map(a, document, &values, err))
            return error_wrap(err, "cannot unmarshal yaml document");
        if (first)
            *out = values;
        else
            chart_merge_values(a, *out, values);
    }
    return !err->class;
}

static struct chart *load_files(struct loader *l, struct chart_file *files, size_t count, struct error *err);

static struct chart *load_nested_archive(struct loader *l, struct slice tgz, struct error *err)
{
    if (l->depth >= MAX_NESTED_ARCHIVES || arena_used(l->arena) - l->start > MAX_UNPACKED) {
        error_set(err, ERROR_LIMIT, "chart archives are nested too deeply or unpack to more than %u bytes", MAX_UNPACKED);
        return NULL;
    }
    if (!slice_has_prefix(tgz, SLICE("\x1F\x8B"))) {
        error_set(err, ERROR_INVALID, "%s",
                  tgz.len == 0 ? "EOF" : tgz.len < GZIP_HEADER ? "unexpected EOF" : NO_GZIP);
        return NULL;
    }
    struct chart_file *files;
    size_t count;
    if (!chart_read_archive(l->arena, tgz, &files, &count, err))
        return NULL;
    l->depth++;
    struct chart *c = load_files(l, files, count, err);
    l->depth--;
    return c;
}

// The files of one entry of charts/.
struct subchart {
    const char *name;
    chart_file_list files;
};

static int compare_subcharts(const void *a, const void *b)
{
    return strcmp((*(struct subchart *const *)a)->name, (*(struct subchart *const *)b)->name);
}

static struct chart *load_subchart(struct loader *l, struct chart *parent, struct subchart *s, struct error *err)
{
    if (chart_has_extension(s->name, ".tgz")) {
        const struct chart_file *file = &s->files.items[0];
        if (!str_eq(file->name, s->name)) {
            error_set(err, ERROR_INVALID, "error unpacking subchart tar in %s: expected %s, got %s", chart_name(parent),
                      s->name, file->name);
            return NULL;
        }
        struct chart *c = load_nested_archive(l, file->data, err);
        if (!c)
            error_wrap(err, "error unpacking subchart %s in %s", s->name, chart_name(parent));
        return c;
    }
    chart_file_list inside = {0};
    for (size_t i = 0; i < s->files.len; i++) {
        struct chart_file f = s->files.items[i];
        const char *slash = strchr(f.name, '/');
        if (!slash)
            continue;
        f.name = slash + 1;
        vec_push(l->arena, &inside, f);
    }
    struct chart *c = load_files(l, inside.items, inside.len, err);
    if (!c)
        error_wrap(err, "error unpacking subchart %s in %s", s->name, chart_name(parent));
    return c;
}

static bool load_subcharts(struct loader *l, struct chart *c, struct map *groups, struct error *err)
{
    struct subchart **sorted = arena_array(l->arena, struct subchart *, map_len(groups) + 1);
    size_t count = 0, i = 0;
    const char *key;
    void *group;
    while (map_each(groups, &i, &key, &group))
        sorted[count++] = group;
    qsort(sorted, count, sizeof *sorted, compare_subcharts);
    for (i = 0; i < count; i++) {
        if (sorted[i]->name[0] == '_' || sorted[i]->name[0] == '.')
            continue;
        struct chart *sub = load_subchart(l, c, sorted[i], err);
        if (!sub)
            return false;
        sub->parent = c;
        vec_push(l->arena, &c->dependencies, sub);
    }
    return true;
}

static void add_subchart_file(struct loader *l, struct map *groups, const struct chart_file *f)
{
    struct chart_file inner = *f;
    inner.name += strlen("charts/");
    struct slice name, rest;
    slice_cut(slice_of(inner.name), '/', &name, &rest);
    struct subchart *s = map_get_n(groups, name.data, name.len);
    if (!s) {
        s = arena_new_of(l->arena, struct subchart);
        s->name = slice_dup(l->arena, name);
        map_put(groups, s->name, s);
    }
    vec_push(l->arena, &s->files, inner);
}

static bool load_chart_yaml(struct loader *l, struct chart *c, const struct chart_file *f, struct error *err)
{
    if (!metadata_decode(l->arena, f->data, c->metadata, err))
        return error_wrap(err, "cannot load Chart.yaml");
    // Helm 2 took charts without an apiVersion: they are v1.
    if (str_empty(value_str(value_get(c->metadata, "apiVersion"))))
        value_set_str(c->metadata, "apiVersion", "v1");
    c->mtime = f->mtime;
    return true;
}

static bool is_v1(const struct chart *c)
{
    return str_eq(value_str_or(value_get(c->metadata, "apiVersion"), ""), "v1");
}

static bool load_file(struct loader *l, struct chart *c, struct map *groups, const struct chart_file *f, struct error *err)
{
    struct arena *a = l->arena;
    if (str_eq(f->name, "Chart.yaml"))
        return true;
    if (str_eq(f->name, "Chart.lock"))
        return lock_decode(a, f->data, &c->lock, err) || error_wrap(err, "cannot load Chart.lock");
    if (str_eq(f->name, "values.yaml")) {
        c->values_raw = f->data;
        return chart_load_values(a, f->data, &c->values, err) || error_wrap(err, "cannot load values.yaml");
    }
    if (str_eq(f->name, "values.schema.json")) {
        c->schema = f->data;
        c->schema_mtime = f->mtime;
    } else if (str_eq(f->name, "requirements.yaml")) {
        if (!is_v1(c))
            chart_notice(l->notices, "INFO",
                         "Warning: Dependencies are handled in Chart.yaml since apiVersion \"v2\". We recommend migrating "
                         "dependencies to Chart.yaml.",
                         NULL);
        if (!metadata_decode(a, f->data, c->metadata, err))
            return error_wrap(err, "cannot load requirements.yaml");
        if (is_v1(c))
            vec_push(a, &c->files, *f);
    } else if (str_eq(f->name, "requirements.lock")) {
        if (!lock_decode(a, f->data, &c->lock, err))
            return error_wrap(err, "cannot load requirements.lock");
        if (!is_v1(c))
            chart_notice(l->notices, "INFO",
                         "Warning: Dependency locking is handled in Chart.lock since apiVersion \"v2\". We recommend "
                         "migrating to Chart.lock.",
                         NULL);
        if (is_v1(c))
            vec_push(a, &c->files, *f);
    } else if (str_has_prefix(f->name, "templates/")) {
        vec_push(a, &c->templates, *f);
    } else if (str_has_prefix(f->name, "charts/") && !chart_has_extension(f->name, ".prov")) {
        add_subchart_file(l, groups, f);
    } else {
        vec_push(a, &c->files, *f);
    }
    return true;
}

static struct chart *load_files(struct loader *l, struct chart_file *files, size_t count, struct error *err)
{
    struct arena *a = l->arena;
    struct chart *c = arena_new_of(a, struct chart);
    struct map *groups = map_new(a);
    c->metadata = value_dict(a);
    c->notices = l->notices;
    bool described = false;
    // Chart.yaml first, wherever it stands: what follows depends on its apiVersion.
    for (size_t i = 0; i < count; i++) {
        vec_push(a, &c->raw, files[i]);
        if (!str_eq(files[i].name, "Chart.yaml"))
            continue;
        described = true;
        if (!load_chart_yaml(l, c, &files[i], err))
            return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        described |= str_eq(files[i].name, "requirements.yaml") || str_eq(files[i].name, "requirements.lock");
        if (!load_file(l, c, groups, &files[i], err))
            return NULL;
    }
    if (!described) {
        error_set(err, ERROR_INVALID, "Chart.yaml file is missing");
        return NULL;
    }
    if (!metadata_validate(a, c->metadata, err))
        return NULL;
    c->v1 = is_v1(c);
    return load_subcharts(l, c, groups, err) ? c : NULL;
}

struct chart *chart_from_files(struct arena *a, struct chart_file *files, size_t count, struct chart_notices *notices,
                               struct error *err)
{
    struct loader l = {.arena = a, .notices = notices, .start = arena_used(a)};
    return load_files(&l, files, count, err);
}

struct chart *chart_describe(struct arena *a, struct slice chart_yaml, struct slice requirements, struct error *err)
{
    struct chart_file files[] = {{.name = "Chart.yaml", .data = chart_yaml},
                                 {.name = "requirements.yaml", .data = requirements}};
    return chart_from_files(a, files, requirements.len ? 2 : 1, NULL, err);
}
