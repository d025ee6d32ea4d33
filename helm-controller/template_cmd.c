// template_cmd.c - `helm-controller template`: flags, the chart, and the printing of `helm template`.

#include "template_cmd.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/base.h"
#include "render.h"
#include "schema_helper.h"
#include "value_options.h"

struct command {
    struct arena *arena;
    const char *namespace, *kube_version, *name_template, *output_dir;
    struct value_options values;
    word_list words, api_versions, show_only;
    template_write_fn *write;
    void *ctx;
    struct chart_notices *notices;
    bool include_crds, no_hooks, is_upgrade, skip_tests, generate_name, release_name, skip_schema, sub_notes, skip_crds, help;
};

// ---- flags ------------------------------------------------------------------------------------------------------------

enum flag_type {
    FLAG_BOOL,
    FLAG_TEXT,
    FLAG_WORDS, // each use adds one
    FLAG_COMMA, // each use adds several, separated by commas
};

struct flag {
    const char *name;
    char letter;
    enum flag_type type;
    size_t offset;
    const char *help;
};

#define AT(field) offsetof(struct command, field)
static const struct flag flags[] = {
    {"api-versions", 'a', FLAG_COMMA, AT(api_versions), "API versions added to .Capabilities.APIVersions"},
    {"generate-name", 'g', FLAG_BOOL, AT(generate_name), "generate the name (and omit the NAME parameter)"},
    {"help", 'h', FLAG_BOOL, AT(help), "this text"},
    {"include-crds", 0, FLAG_BOOL, AT(include_crds), "print the CRDs of crds/ as well"},
    {"is-upgrade", 0, FLAG_BOOL, AT(is_upgrade), "set .Release.IsUpgrade instead of .Release.IsInstall"},
    {"kube-version", 0, FLAG_TEXT, AT(kube_version), "Kubernetes version for .Capabilities.KubeVersion"},
    {"name-template", 0, FLAG_TEXT, AT(name_template), "template of the release's name"},
    {"namespace", 'n', FLAG_TEXT, AT(namespace), "namespace of the release"},
    {"no-hooks", 0, FLAG_BOOL, AT(no_hooks), "leave hooks out"},
    {"output-dir", 0, FLAG_TEXT, AT(output_dir), "write files below this folder instead of printing"},
    {"release-name", 0, FLAG_BOOL, AT(release_name), "use the release's name as a folder below --output-dir"},
    {"render-subchart-notes", 0, FLAG_BOOL, AT(sub_notes), "render the notes of subcharts along with the parent's"},
    {"set", 0, FLAG_WORDS, AT(values.plain), "set values: key1=val1,key2=val2"},
    {"set-file", 0, FLAG_WORDS, AT(values.from_files), "set values from files: key1=path1,key2=path2"},
    {"set-json", 0, FLAG_WORDS, AT(values.json), "set JSON values: key1=json1,key2=json2 or an object"},
    {"set-literal", 0, FLAG_WORDS, AT(values.literals), "set one literal string"},
    {"set-string", 0, FLAG_WORDS, AT(values.strings), "set strings: key1=val1,key2=val2"},
    {"show-only", 's', FLAG_WORDS, AT(show_only), "print the manifests of these templates only"},
    {"skip-crds", 0, FLAG_BOOL, AT(skip_crds), "has no effect on rendering, as in Helm"},
    {"skip-schema-validation", 0, FLAG_BOOL, AT(skip_schema), "do not check values against values.schema.json"},
    {"skip-tests", 0, FLAG_BOOL, AT(skip_tests), "leave test hooks out"},
    {"values", 'f', FLAG_COMMA, AT(values.files), "values from YAML files"},
};

static const struct flag *find_flag(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (slice_eq_str(name, flags[i].name))
            return &flags[i];
    return NULL;
}

static const struct flag *find_letter(char letter)
{
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (flags[i].letter == letter)
            return &flags[i];
    return NULL;
}

static bool parse_bool(const char *text, bool *out)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"}, *const no[] = {"0",     "f",     "F",
                                                                                          "false", "FALSE", "False"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (str_eq(text, yes[i]) || str_eq(text, no[i])) {
            *out = str_eq(text, yes[i]);
            return true;
        }
    }
    return false;
}

static bool set_flag(struct command *c, const struct flag *f, const char *text, struct error *err)
{
    void *field = (char *)c + f->offset;
    switch (f->type) {
    case FLAG_BOOL:
        return parse_bool(text, field) ||
               error_set(err, ERROR_INVALID,
                         "invalid argument \"%s\" for \"--%s\" flag: strconv.ParseBool: parsing \"%s\": invalid syntax", text,
                         f->name, text);
    case FLAG_TEXT: *(const char **)field = text; return true;
    case FLAG_WORDS: vec_push(c->arena, (word_list *)field, text); return true;
    default: {
        struct slice rest = slice_of(text), word;
        for (bool more = *text != 0; more;) {
            more = slice_cut(rest, ',', &word, &rest);
            vec_push(c->arena, (word_list *)field, (const char *)slice_dup(c->arena, word));
        }
        return true;
    }
    }
}

// "--name", "--name=value", "--name value".
static bool parse_long(struct command *c, const char *text, int argc, char **argv, int *i, struct error *err)
{
    struct slice name, value;
    bool given = slice_cut(slice_of(text), '=', &name, &value);
    const struct flag *f = find_flag(name);
    if (!f)
        return error_set(err, ERROR_INVALID, "unknown flag: --%.*s", SLICE_ARG(name));
    if (given)
        return set_flag(c, f, slice_dup(c->arena, value), err);
    if (f->type == FLAG_BOOL)
        return set_flag(c, f, "true", err);
    if (*i + 1 >= argc)
        return error_set(err, ERROR_INVALID, "flag needs an argument: --%s", f->name);
    return set_flag(c, f, argv[++*i], err);
}

// "-n value", "-nvalue", "-n=value"; letters without a value may stand together.
static bool parse_short(struct command *c, const char *text, int argc, char **argv, int *i, struct error *err)
{
    for (const char *p = text; *p; p++) {
        const struct flag *f = find_letter(*p);
        if (!f)
            return error_set(err, ERROR_INVALID, "unknown shorthand flag: '%c' in -%s", *p, text);
        if (f->type == FLAG_BOOL && p[1] != '=') {
            if (!set_flag(c, f, "true", err))
                return false;
            continue;
        }
        if (p[1])
            return set_flag(c, f, p + 1 + (p[1] == '='), err);
        if (*i + 1 >= argc)
            return error_set(err, ERROR_INVALID, "flag needs an argument: '%c' in -%s", *p, text);
        return set_flag(c, f, argv[++*i], err);
    }
    return true;
}

static bool parse_arguments(struct command *c, int argc, char **argv, struct error *err)
{
    bool flags_end = false;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        bool ok = true;
        if (flags_end || word[0] != '-' || !word[1])
            vec_push(c->arena, &c->words, word);
        else if (str_eq(word, "--"))
            flags_end = true;
        else if (word[1] == '-')
            ok = parse_long(c, word + 2, argc, argv, &i, err);
        else
            ok = parse_short(c, word + 1, argc, argv, &i, err);
        if (!ok)
            return false;
    }
    return true;
}

static int print_help(void)
{
    puts("Render a chart and print its manifests, as `helm template` does.\n\n"
         "Usage:\n  helm-controller template [NAME] CHART [flags]\n\nFlags:");
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        printf("  %c%c%c --%-24s %s\n", flags[i].letter ? '-' : ' ', flags[i].letter ? flags[i].letter : ' ',
               flags[i].letter ? ',' : ' ', flags[i].name, flags[i].help);
    return 0;
}

// ---- name and chart ---------------------------------------------------------------------------------------------------

static bool execute_name(struct command *c, const char **name, struct error *err)
{
    struct template_set *set = template_set_new(c->arena);
    template_set_funcs(set, template_sprig(), NULL);
    struct buf out = BUF_IN(c->arena);
    if (!template_parse(set, "name-template", c->name_template, strlen(c->name_template), err) ||
        !template_execute(set, c->arena, "name-template", VALUE_NULL, NULL, &out, err))
        return false;
    *name = buf_cstr(&out);
    return true;
}

static bool name_and_chart(struct command *c, const char **name, const char **chart, struct error *err)
{
    size_t count = c->words.len;
    if (count == 0)
        return error_set(err, ERROR_INVALID,
                         "\"helm template\" requires at least 1 argument\n\nUsage:  helm template [NAME] [CHART] [flags]");
    if (count > 2) {
        struct buf extra = BUF_IN(c->arena);
        for (size_t i = 2; i < count; i++)
            buf_printf(&extra, "%s%s", i > 2 ? ", " : "", c->words.items[i]);
        return error_set(err, ERROR_INVALID, "expected at most two arguments, unexpected arguments: %s", buf_cstr(&extra));
    }
    *chart = c->words.items[count - 1];
    *name = count == 2 ? c->words.items[0] : "release-name";
    if (count == 2 && c->generate_name)
        return error_set(err, ERROR_INVALID, "cannot set --generate-name and also specify a name");
    if (count == 2 && !str_empty(c->name_template))
        return error_set(err, ERROR_INVALID, "cannot set --name-template and also specify a name");
    return count == 2 || str_empty(c->name_template) || execute_name(c, name, err);
}

static bool locate_chart(struct command *c, const char *name, const char **path, struct error *err)
{
    name = slice_dup(c->arena, slice_trim_space(slice_of(name)));
    struct buf quoted = BUF_IN(c->arena);
    go_quote(&quoted, name, strlen(name));
    char absolute[PATH_MAX];
    if (realpath(name, absolute)) {
        *path = arena_strdup(c->arena, absolute);
        return true;
    }
    if (*name == '/' || *name == '.')
        return error_set(err, ERROR_NOT_FOUND, "path %s not found", buf_cstr(&quoted));
    if (strstr(name, "://"))
        return error_set(err, ERROR_INVALID, "%s: charts are read from folders and archives only, nothing is fetched", name);
    const char *slash = strchr(name, '/');
    if (!slash)
        return error_set(err, ERROR_NOT_FOUND, "non-absolute URLs should be in form of repo_name/path_to_chart, got: %s", name);
    return error_set(err, ERROR_NOT_FOUND, "repo %.*s not found", (int)(slash - name), name);
}

// ---- printing ---------------------------------------------------------------------------------------------------------

static void put(struct command *c, const char *format, ...) PRINTF(2, 3);
static void put(struct command *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct buf text = BUF_IN(c->arena);
    buf_vprintf(&text, format, args);
    va_end(args);
    c->write(c->ctx, text.data, text.len);
}

// "# Source: CHART/PATH" of a document: PATH, or NULL.
static const char *source_path(struct arena *a, struct slice document)
{
    ptrdiff_t at = slice_find(document, SLICE("# Source: "));
    if (at < 0)
        return NULL;
    struct slice line, rest, chart, path;
    slice_cut(slice_sub(document, (size_t)at + strlen("# Source: "), document.len), '\n', &line, &rest);
    if (!slice_cut(line, '/', &chart, &path) || chart.len == 0 || path.len == 0)
        return NULL;
    return slice_dup(a, path);
}

static bool print_selected(struct command *c, struct slice text, struct error *err)
{
    slice_list documents = manifest_split(c->arena, text);
    for (size_t i = 0; i < c->show_only.len; i++) {
        bool found = false;
        for (size_t k = 0; k < documents.len; k++) {
            const char *path = source_path(c->arena, documents.items[k]);
            if (!path || chart_path_match(c->show_only.items[i], path) != CHART_MATCH_YES)
                continue;
            found = true;
            put(c, "---\n%.*s\n", SLICE_ARG(documents.items[k]));
        }
        if (!found)
            return error_set(err, ERROR_NOT_FOUND, "could not find template %s in chart", c->show_only.items[i]);
    }
    return true;
}

struct written { // files of --output-dir: the first document makes a file, the next ones are added
    struct command *command;
    const char *folder;
    struct map *seen;
};

static bool write_document(struct written *w, const char *path, struct slice text, struct error *err)
{
    struct arena *a = w->command->arena;
    const char *target = arena_printf(a, "%s/%s", w->folder, path);
    if (!path_is_local(path_clean(a, path)))
        return error_set(err, ERROR_INVALID, "%s lies outside of the chart", path);
    char *folder = arena_strdup(a, target);
    *strrchr(folder, '/') = 0;
    if (!dir_make_all(folder, 0755, err))
        return false;
    FILE *file = fopen(target, map_put(w->seen, target, w) ? "a" : "w");
    if (!file)
        return error_set(err, ERROR_INVALID, "open %s: %m", target);
    fprintf(file, "---\n# Source: %s\n%.*s\n", path, SLICE_ARG(text));
    if (fclose(file) != 0)
        return error_set(err, ERROR_INVALID, "write %s: %m", target);
    printf("wrote %s\n", target);
    return true;
}

static bool is_shown(const struct command *c, const struct hook *h)
{
    return !c->no_hooks && !(c->skip_tests && (h->events & HOOK_TEST));
}

static bool write_files(struct command *c, const struct rendered *r, const char *name, struct error *err)
{
    const char *plain = c->output_dir, *named = c->release_name ? arena_printf(c->arena, "%s/%s", plain, name) : plain;
    struct written w = {.command = c, .folder = plain, .seen = map_new(c->arena)};
    size_t count = 0;
    struct chart_file *crds = c->include_crds ? chart_crds(c->arena, r->chart, &count) : NULL;
    for (size_t i = 0; i < count; i++)
        if (!write_document(&w, crds[i].name, crds[i].data, err))
            return false;
    w.folder = named;
    for (size_t i = 0; i < r->objects.len; i++) {
        const struct manifest *m = &r->objects.items[i];
        if (!write_document(&w, m->source, slice_n(m->text, m->len), err))
            return false;
    }
    for (size_t i = 0; i < r->hooks.len; i++) {
        const struct manifest *m = &r->hooks.items[i].manifest;
        if (is_shown(c, &r->hooks.items[i]) && !write_document(&w, m->source, slice_n(m->text, m->len), err))
            return false;
    }
    return true;
}

static void print_source(struct command *c, const char *path, struct slice text)
{
    put(c, "---\n# Source: %s\n", path);
    c->write(c->ctx, text.data ? text.data : "", text.len);
    c->write(c->ctx, "\n", 1);
}

// Helm trims the manifest as a whole, and objects are trimmed already: what is left is the end of the last CRD.
static void print_crds(struct command *c, const struct rendered *r)
{
    size_t count = 0;
    struct chart_file *crds = c->include_crds ? chart_crds(c->arena, r->chart, &count) : NULL;
    for (size_t i = 0; i < count; i++) {
        struct slice text = crds[i].data;
        bool last = i + 1 == count && r->objects.len == 0;
        while (last && text.len > 0 && strchr(" \t\n\v\f\r", text.data[text.len - 1]))
            text.len--;
        if (last && text.len == 0)
            put(c, "---\n# Source: %s\n", crds[i].name);
        else
            print_source(c, crds[i].name, text);
    }
    if (count == 0 && r->objects.len == 0)
        put(c, "\n");
}

static void print_all(struct command *c, const struct rendered *r)
{
    print_crds(c, r);
    for (size_t i = 0; i < r->objects.len; i++) {
        const struct manifest *m = &r->objects.items[i];
        print_source(c, m->source, slice_n(m->text, m->len));
    }
    for (size_t i = 0; i < r->hooks.len; i++) {
        const struct manifest *m = &r->hooks.items[i].manifest;
        if (is_shown(c, &r->hooks.items[i]))
            print_source(c, m->source, slice_n(m->text, m->len));
    }
}

static void collect_text(void *ctx, const char *data, size_t len)
{
    buf_add(ctx, data, len);
}

static bool print_rendered(struct command *c, const struct rendered *r, struct error *err)
{
    if (c->show_only.len == 0) {
        print_all(c, r);
        return true;
    }
    // Helm cuts up what it would have printed.
    struct buf text = BUF_IN(c->arena);
    struct command whole = *c;
    whole.write = collect_text;
    whole.ctx = &text;
    print_all(&whole, r);
    return print_selected(c, buf_view(&text), err);
}

// ---- the command ------------------------------------------------------------------------------------------------------

static bool load(struct command *c, const char *path, struct chart **chart, struct error *err)
{
    *chart = chart_load(c->arena, path, c->notices, err);
    if (!*chart || !chart_check_installable(*chart, err))
        return false;
    if (value_true(value_get((*chart)->metadata, "deprecated")))
        chart_notice(c->notices, "WARN", "this chart is deprecated", NULL);
    return chart_check_dependencies(*chart, err);
}

static bool add_api_versions(struct command *c, struct render_capabilities *caps)
{
    VEC(const char *) all = {0};
    for (size_t i = 0; i < caps->api_version_count; i++)
        vec_push(c->arena, &all, caps->api_versions[i]);
    for (size_t i = 0; i < c->api_versions.len; i++)
        vec_push(c->arena, &all, c->api_versions.items[i]);
    caps->api_versions = all.items;
    caps->api_version_count = all.len;
    return true;
}

static bool run(struct command *c, struct error *err)
{
    const char *name, *chart_word, *path;
    const struct chart_schema_source schemas = {.fetch = schema_helper_fetch};
    struct render_options options = {.capabilities = render_default_capabilities(),
                                     .skip_schema = c->skip_schema,
                                     .schema_source = &schemas,
                                     .sub_notes = c->sub_notes,
                                     .objects_only = true,
                                     .notices = c->notices};
    if (!str_empty(c->kube_version) &&
        !render_parse_kube_version(c->arena, c->kube_version, &options.capabilities, err))
        return error_wrap(err, "invalid kube version '%s'", c->kube_version);
    struct value values;
    struct chart *chart;
    if (!name_and_chart(c, &name, &chart_word, err) || !locate_chart(c, chart_word, &path, err) ||
        !value_options_merge(c->arena, &c->values, &values, err) || !load(c, path, &chart, err))
        return false;
    add_api_versions(c, &options.capabilities);
    options.release = (struct render_release){.name = name,
                                              .namespace = str_or(c->namespace, str_or(getenv("HELM_NAMESPACE"), "default")),
                                              .revision = 1,
                                              .is_install = !c->is_upgrade,
                                              .is_upgrade = c->is_upgrade};
    struct rendered rendered;
    if (!render_chart(c->arena, chart, values, &options, &rendered, err)) {
        // Helm has a release to show once it has come to the templates.
        if (rendered.chart) {
            struct error reason = *err;
            *err = (struct error){0};
            error_set(err, reason.class, "%s\n\nUse --debug flag to render out invalid YAML", error_text(&reason));
            error_clear(&reason);
        }
        return false;
    }
    return c->output_dir ? write_files(c, &rendered, name, err) : print_rendered(c, &rendered, err);
}

enum template_result template_run(struct arena *arena, int argc, char **argv, template_write_fn *write, void *ctx,
                                  struct chart_notices *notices, struct error *err)
{
    struct command command = {.arena = arena, .write = write, .ctx = ctx, .notices = notices};
    if (!parse_arguments(&command, argc, argv, err))
        return TEMPLATE_FAILED;
    if (command.help)
        return TEMPLATE_HELP;
    return run(&command, err) ? TEMPLATE_DONE : TEMPLATE_FAILED;
}

static void write_stdout(void *ctx, const char *data, size_t len)
{
    fwrite(data, 1, len, stdout); // a failure shows in ferror at the end
}

int template_command(int argc, char **argv)
{
    struct arena *arena cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct chart_notices notices = {.arena = arena};
    enum template_result result = template_run(arena, argc, argv, write_stdout, NULL, &notices, &err);
    for (size_t i = 0; i < notices.lines.len; i++)
        fprintf(stderr, "%s\n", notices.lines.items[i]);
    switch (result) {
    case TEMPLATE_HELP: return print_help();
    case TEMPLATE_FAILED: fprintf(stderr, "Error: %s\n", error_text(&err)); return 1;
    default: break;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("Error: write /dev/stdout");
        return 1;
    }
    return 0;
}
