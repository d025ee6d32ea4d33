// template_print.c - the output of `helm template`: manifests and hooks, printed, selected, or as files.

#include "template_print.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static void put(const struct template_output *o, const char *format, ...) PRINTF(2, 3);
static void put(const struct template_output *o, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct buf text = BUF_IN(o->arena);
    buf_vprintf(&text, format, args);
    va_end(args);
    o->write(o->ctx, text.data, text.len);
}

static bool is_shown(const struct template_output *o, const struct hook *h)
{
    return !o->flags->no_hooks && !(o->flags->skip_tests && (h->events & HOOK_TEST));
}

static struct slice manifest_body(const struct manifest *m)
{
    return slice_n(m->text, m->len);
}

// ---- stdout -------------------------------------------------------------------------------------------------------

static void print_line(const struct template_output *o, struct slice text)
{
    o->write(o->ctx, text.data ? text.data : "", text.len);
    o->write(o->ctx, "\n", 1);
}

static void print_source(const struct template_output *o, const char *path, struct slice text)
{
    put(o, "---\n# Source: %s\n", path);
    print_line(o, text);
}

// Helm trims the manifest as a whole, and objects are trimmed already: what is left is the end of the last CRD.
static void print_crds(const struct template_output *o, const struct rendered *r)
{
    size_t count = 0;
    struct chart_file *crds = o->flags->include_crds ? chart_crds(o->arena, r->chart, &count) : NULL;
    for (size_t i = 0; i < count; i++) {
        struct slice text = crds[i].data;
        bool last = i + 1 == count && r->objects.len == 0;
        while (last && text.len > 0 && strchr(" \t\n\v\f\r", text.data[text.len - 1]))
            text.len--;
        if (last && text.len == 0)
            put(o, "---\n# Source: %s\n", crds[i].name);
        else
            print_source(o, crds[i].name, text);
    }
    if (count == 0 && r->objects.len == 0)
        put(o, "\n");
}

static void print_objects(const struct template_output *o, const struct rendered *r)
{
    print_crds(o, r);
    for (size_t i = 0; i < r->objects.len; i++)
        print_source(o, r->objects.items[i].source, manifest_body(&r->objects.items[i]));
}

static void print_hooks(const struct template_output *o, const struct rendered *r)
{
    for (size_t i = 0; i < r->hooks.len; i++)
        if (is_shown(o, &r->hooks.items[i]))
            print_source(o, r->hooks.items[i].manifest.source, manifest_body(&r->hooks.items[i].manifest));
}

// ---- --output-dir -------------------------------------------------------------------------------------------------

static bool make_folder_of(struct arena *a, const char *target, struct error *err)
{
    const char *folder = path_clean(a, slice_dup(a, slice_n(target, (size_t)(strrchr(target, '/') - target))));
    struct stat st;
    if (stat(folder, &st) != 0 && errno != ENOENT)
        return error_set_errno(err, errno, "stat %s", folder);
    return dir_make_all(folder, 0755, err);
}

static bool write_document(const struct template_output *o, const char *folder, const char *path, struct slice text,
                           bool append, struct error *err)
{
    const char *target = arena_printf(o->arena, "%s/%s", folder, path);
    if (!path_is_local(path_clean(o->arena, path)))
        return error_set(err, ERROR_INVALID, "%s lies outside of the chart", path);
    if (!make_folder_of(o->arena, target, err))
        return false;
    FILE *file = fopen(target, append ? "a" : "w");
    if (!file)
        return error_set_errno(err, errno, "open %s", target);
    fprintf(file, "---\n# Source: %s\n", path);
    fwrite(text.data ? text.data : "", 1, text.len, file); // which may hold a NUL
    putc('\n', file);
    bool failed = ferror(file);
    if (fclose(file) != 0 || failed)
        return error_set_errno(err, errno, "write %s", target);
    put(o, "wrote %s\n", target);
    return true;
}

static const char *files_folder(const struct template_output *o)
{
    if (!o->flags->release_name)
        return o->flags->output_dir;
    return path_clean(o->arena, arena_printf(o->arena, "%s/%s", o->flags->output_dir, o->release));
}

// The first document of a name makes the file, the next ones are added to it.
static bool write_objects(const struct template_output *o, const struct rendered *r, struct error *err)
{
    size_t count = 0;
    struct map *seen = map_new(o->arena);
    struct chart_file *crds = o->flags->include_crds ? chart_crds(o->arena, r->chart, &count) : NULL;
    for (size_t i = 0; i < count; i++)
        if (!write_document(o, o->flags->output_dir, crds[i].name, crds[i].data, map_put(seen, crds[i].name, seen),
                            err))
            return false;
    for (size_t i = 0; i < r->objects.len; i++) {
        const struct manifest *m = &r->objects.items[i];
        if (!write_document(o, files_folder(o), m->source, manifest_body(m), map_put(seen, m->source, seen), err))
            return false;
    }
    return true;
}

// As Helm has it, hooks are added to whatever file is there, one of an earlier run too.
static bool write_hooks(const struct template_output *o, const struct rendered *r, struct error *err)
{
    for (size_t i = 0; i < r->hooks.len; i++) {
        const struct manifest *m = &r->hooks.items[i].manifest;
        if (!is_shown(o, &r->hooks.items[i]))
            continue;
        struct stat st;
        bool there = stat(arena_printf(o->arena, "%s/%s", files_folder(o), m->source), &st) == 0;
        if (!write_document(o, files_folder(o), m->source, manifest_body(m), there, err))
            return false;
    }
    return true;
}

// ---- --show-only --------------------------------------------------------------------------------------------------

// "# Source: CHART/PATH" of a document: PATH, or NULL.
static const char *source_path(struct arena *a, struct slice document)
{
    const struct slice mark = SLICE("# Source: ");
    for (ptrdiff_t at; (at = slice_find(document, mark)) >= 0;) {
        document = slice_sub(document, (size_t)at + mark.len, document.len);
        struct slice chart, rest, path;
        if (!slice_cut(document, '/', &chart, &rest) || chart.len == 0)
            continue;
        slice_cut(rest, '\n', &path, &rest);
        if (path.len > 0)
            return slice_dup(a, path);
    }
    return NULL;
}

// Nothing is printed unless every pattern finds something.
static bool print_selected(const struct template_output *o, struct slice text, struct error *err)
{
    slice_list documents = manifest_split(o->arena, text);
    struct buf out = BUF_IN(o->arena);
    for (size_t i = 0; i < o->flags->show_only.len; i++) {
        const char *pattern = o->flags->show_only.items[i];
        bool found = false;
        for (size_t k = 0; k < documents.len; k++) {
            const char *path = source_path(o->arena, documents.items[k]);
            if (!path || chart_path_match(pattern, path) != CHART_MATCH_YES)
                continue;
            found = true;
            buf_str(&out, "---\n");
            buf_slice(&out, documents.items[k]);
            buf_char(&out, '\n');
        }
        if (!found)
            return error_set(err, ERROR_NOT_FOUND, "could not find template %s in chart", pattern);
    }
    o->write(o->ctx, buf_cstr(&out), out.len);
    return true;
}

// ---- a release ----------------------------------------------------------------------------------------------------

static void collect_text(void *ctx, const char *data, size_t len)
{
    buf_add(ctx, data, len);
}

// failed: rendering did, and this is for --debug.
static bool print_release(const struct template_output *o, const struct rendered *r, bool failed, struct error *err)
{
    // Helm selects from what it would have printed.
    struct buf collected = BUF_IN(o->arena);
    struct template_output out = *o;
    bool files = !str_empty(o->flags->output_dir), select = o->flags->show_only.len > 0;
    if (files && !write_hooks(o, r, err))
        return false;
    if (select) {
        out.write = collect_text;
        out.ctx = &collected;
    }
    if (failed)
        print_line(&out, slice_trim_space(r->manifest_text));
    else if (files)
        put(&out, "\n"); // of Helm's manifest, which is empty then, the end of the line is printed still
    else
        print_objects(&out, r);
    if (!files)
        print_hooks(&out, r);
    return !select || print_selected(o, buf_view(&collected), err);
}

bool template_advise(struct error *err)
{
    struct error reason = *err;
    *err = (struct error){0};
    error_set(err, reason.class, "%s\n\nUse --debug flag to render out invalid YAML", error_text(&reason));
    error_clear(&reason);
    return false;
}

bool template_print_failed(const struct template_output *o, const struct rendered *r, struct error *err)
{
    struct error other = {0};
    if (print_release(o, r, true, &other))
        return false;
    error_clear(err);
    return error_move(err, &other);
}

bool template_print(const struct template_output *o, const struct rendered *r, struct error *err)
{
    if (str_empty(o->flags->output_dir) || write_objects(o, r, err))
        return print_release(o, r, false, err);
    return o->flags->debug ? template_print_failed(o, r, err) : template_advise(err);
}
