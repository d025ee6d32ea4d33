// package.c - a chart as a tgz, with the files and in the order of `helm package`: Chart.yaml written anew, the lock, values,
// schema, templates, other files, then the subcharts unpacked below charts/.

#include "chart/internal.h"

#include "archive/archive.h"

#define FILE_MODE 0644

struct packer {
    struct arena *arena;
    struct archive_writer *writer;
    const struct chart_package_options *options;
    struct error *err;
};

static bool put(struct packer *p, const char *base, const char *name, struct slice data)
{
    const char *path = path_clean(p->arena, arena_printf(p->arena, "%s/%s", base, name));
    if (!path_is_local(path))
        return error_set(p->err, ERROR_INVALID, "chart file %s lies outside of the chart", name);
    return archive_writer_file(p->writer, path, FILE_MODE, data, p->err);
}

static bool put_yaml(struct packer *p, const char *base, const char *name, struct value v)
{
    struct buf text = BUF_IN(p->arena);
    return yaml_write(&text, v, 0, p->err) && put(p, base, name, buf_view(&text));
}

static bool put_files(struct packer *p, const char *base, const chart_file_list *files)
{
    for (size_t i = 0; i < files->len; i++)
        if (!put(p, base, files->items[i].name, files->items[i].data))
            return false;
    return true;
}

static bool put_values(struct packer *p, const struct chart *c, const char *base)
{
    bool replaced = !c->parent && p->options && p->options->values_yaml.data;
    if (replaced)
        return put(p, base, "values.yaml", p->options->values_yaml);
    return !c->values_raw.data || put(p, base, "values.yaml", c->values_raw);
}

static bool put_schema(struct packer *p, const struct chart *c, const char *base)
{
    if (!c->schema.data)
        return true;
    struct value ignored;
    struct error reason cleanup(error_clear) = {0};
    if (!json_parse(p->arena, c->schema.data, c->schema.len, 0, &ignored, &reason))
        return error_set(p->err, ERROR_INVALID, "invalid JSON in values.schema.json");
    return put(p, base, "values.schema.json", c->schema);
}

static bool put_chart(struct packer *p, const struct chart *c, const char *prefix)
{
    const char *base = prefix ? arena_printf(p->arena, "%s/%s", prefix, chart_name(c)) : chart_name(c);
    struct value metadata = chart_written_metadata(p->arena, c);
    if (c->v1)
        value_unset(metadata, "dependencies"); // they stand in requirements.yaml
    if (!c->parent && p->options && p->options->version)
        value_set_str(metadata, "version", p->options->version);
    if (!put_yaml(p, base, "Chart.yaml", metadata))
        return false;
    if (!c->v1 && value_is(c->lock, V_DICT) && !put_yaml(p, base, "Chart.lock", c->lock))
        return false;
    if (!put_values(p, c, base) || !put_schema(p, c, base) || !put_files(p, base, &c->templates) ||
        !put_files(p, base, &c->files))
        return false;
    const char *charts = arena_printf(p->arena, "%s/charts", base);
    for (size_t i = 0; i < c->dependencies.len; i++)
        if (!put_chart(p, c->dependencies.items[i], charts))
            return false;
    return true;
}

bool chart_package(struct arena *a, const struct chart *c, const struct chart_package_options *options,
                   const char *target_path, struct error *err)
{
    if (!chart_validate(c, err))
        return error_wrap(err, "chart validation");
    struct archive_writer *writer = archive_writer_new(target_path, err);
    if (!writer)
        return false;
    struct packer p = {.arena = a, .writer = writer, .options = options, .err = err};
    if (!put_chart(&p, c, NULL)) {
        archive_writer_abort(writer);
        return false;
    }
    return archive_writer_end(writer, err);
}
