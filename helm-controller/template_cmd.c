// template_cmd.c - `helm-controller template`: the release's name, the chart, its rendering.

#include "template_cmd.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli_flags.h"
#include "fetch_helper.h"
#include "template_namespace.h"
#include "template_print.h"

struct command {
    struct arena *arena;
    struct template_flags flags;
    struct chart_notices *notices;
    template_write_fn *write;
    void *ctx;
};

// ---- what is refused before a chart is looked at ------------------------------------------------------------------

static bool read_tls_file(struct command *c, const char *what, const char *path, struct buf *problems)
{
    struct error err cleanup(error_clear) = {0};
    struct slice text;
    if (file_read(c->arena, path, 1 << 20, &text, &err))
        return true;
    if (problems->len > 0)
        buf_char(problems, '\n');
    buf_printf(problems, "%s: %s: %s", what, go_quoted_str(c->arena, path), error_text(&err));
    return false;
}

// Helm makes its registry client even if there is nothing to fetch, and reads the files for that.
static bool check_tls_files(struct command *c, struct error *err)
{
    const char *cert = str_or(c->flags.cert_file, ""), *key = str_or(c->flags.key_file, ""),
               *ca = str_or(c->flags.ca_file, "");
    struct buf problems = BUF_IN(c->arena);
    if (!(*cert && *key) && !*ca && !c->flags.insecure)
        return true;
    if (*cert || *key)
        (void)(read_tls_file(c, "unable to read cert file", cert, &problems) &&
               read_tls_file(c, "unable to read key file", key, &problems));
    if (*ca)
        read_tls_file(c, "can't read CA file", ca, &problems);
    return problems.len == 0 ||
           error_set(err, ERROR_INVALID, "missing registry client: can't create TLS config for client: %s",
                     buf_cstr(&problems));
}

static bool check_dry_run(struct command *c, struct error *err)
{
    const char *word = c->flags.dry_run;
    bool yes, is_bool = cli_parse_bool(word, &yes);
    if (str_eq(word, "server") || c->flags.validate)
        return error_set(err, ERROR_INVALID,
                         "--%s: there is no cluster here to ask, templates are rendered without one",
                         c->flags.validate ? "validate" : "dry-run=server");
    if (str_eq(word, "client"))
        return true;
    if (str_eq(word, "unset")) { // no value was given
        chart_notice(c->notices, "WARN", "--dry-run is deprecated and should be replaced with '--dry-run=client'",
                     NULL);
        return true;
    }
    if (str_eq(word, "none") || (is_bool && !yes))
        return error_set(err, ERROR_INVALID, "invalid dry-run value (%s). Must be \"server\" or \"client\"",
                         go_quoted_str(c->arena, word));
    if (!is_bool)
        return error_set(err, ERROR_INVALID, "invalid dry-run value (%s). Must be \"none\", \"server\", or \"client\"",
                         go_quoted_str(c->arena, word));
    chart_notice(c->notices, "WARN",
                 arena_printf(c->arena,
                              "boolean '--dry-run=%s' flag is deprecated and must be replaced with '--dry-run=client'",
                              word),
                 NULL);
    return true;
}

// ---- name and chart -----------------------------------------------------------------------------------------------

static bool execute_name(struct command *c, const char **name, struct error *err)
{
    struct template_set *set = template_set_new(c->arena);
    template_set_funcs(set, template_sprig(), NULL);
    struct buf out = BUF_IN(c->arena);
    if (!template_parse(set, "name-template", c->flags.name_template, strlen(c->flags.name_template), err) ||
        !template_execute(set, c->arena, "name-template", VALUE_NULL, NULL, &out, err))
        return false;
    *name = buf_cstr(&out);
    return true;
}

static bool name_and_chart(struct command *c, const char **name, const char **chart, struct error *err)
{
    size_t count = c->flags.words.len;
    if (count > 2) {
        struct buf extra = BUF_IN(c->arena);
        for (size_t i = 2; i < count; i++)
            buf_printf(&extra, "%s%s", i > 2 ? ", " : "", c->flags.words.items[i]);
        return error_set(err, ERROR_INVALID, "expected at most two arguments, unexpected arguments: %s",
                         buf_cstr(&extra));
    }
    *chart = c->flags.words.items[count - 1];
    *name = count == 2 ? c->flags.words.items[0] : "release-name";
    if (count == 2 && c->flags.generate_name)
        return error_set(err, ERROR_INVALID, "cannot set --generate-name and also specify a name");
    if (count == 2 && !str_empty(c->flags.name_template))
        return error_set(err, ERROR_INVALID, "cannot set --name-template and also specify a name");
    return count == 2 || str_empty(c->flags.name_template) || execute_name(c, name, err);
}

// The working folder in the shell's words, where they are true: so does Go's filepath.Abs.
static const char *working_folder(struct command *c)
{
    const char *shell = getenv("PWD");
    struct stat here, there;
    if (shell && *shell == '/' && stat(".", &here) == 0 && stat(shell, &there) == 0 && here.st_dev == there.st_dev &&
        here.st_ino == there.st_ino)
        return shell;
    cleanup(cleanup_free) char *folder = getcwd(NULL, 0);
    return folder ? arena_strdup(c->arena, folder) : "";
}

// Whether there is a file or folder of that name, with its path from the root.
static bool find_local(struct command *c, const char *name, const char **path, bool *is_folder)
{
    struct stat st;
    if (stat(name, &st) != 0)
        return false;
    *path = path_clean(c->arena, *name == '/' ? name : arena_printf(c->arena, "%s/%s", working_folder(c), name));
    *is_folder = S_ISDIR(st.st_mode);
    return true;
}

static bool locate_chart(struct command *c, const char *name, const char **path, struct error *err)
{
    name = slice_dup(c->arena, slice_trim_space(slice_of(name)));
    bool is_folder;
    if (!str_empty(c->flags.repo))
        return error_set(err, ERROR_INVALID, "--repo: charts are read from folders and archives only, nothing is fetched");
    if (find_local(c, name, path, &is_folder)) {
        if (c->flags.verify && is_folder)
            return error_set(err, ERROR_INVALID, "unpacked charts cannot be verified");
        return !c->flags.verify || error_set(err, ERROR_INVALID, "--verify: provenance files are not verified here");
    }
    if (*name == '/' || *name == '.')
        return error_set(err, ERROR_NOT_FOUND, "path %s not found", go_quoted_str(c->arena, name));
    chart_notice(c->notices, "DEBUG", "set up default downloader cache", NULL);
    if (strstr(name, "://"))
        return error_set(err, ERROR_INVALID, "charts are read from folders and archives only, nothing is fetched by URL");
    const char *slash = strchr(name, '/');
    if (!slash)
        return error_set(err, ERROR_NOT_FOUND,
                         "non-absolute URLs should be in form of repo_name/path_to_chart, got: %s", name);
    return error_set(err, ERROR_NOT_FOUND, "repo %.*s not found", (int)(slash - name), name);
}

static bool load(struct command *c, const char *path, struct chart **chart, struct error *err)
{
    *chart = chart_load(c->arena, path, c->notices, err);
    if (!*chart || !chart_check_installable(*chart, err))
        return false;
    if (value_true(value_get((*chart)->metadata, "deprecated")))
        chart_notice(c->notices, "WARN", "this chart is deprecated", NULL);
    if (chart_check_dependencies(*chart, err))
        return true;
    return c->flags.dependency_update ? error_wrap(err, "--dependency-update: dependencies are not fetched here")
                                      : false;
}

// ---- the command --------------------------------------------------------------------------------------------------

static void add_api_versions(struct command *c, struct render_capabilities *caps)
{
    VEC(const char *) all = {0};
    for (size_t i = 0; i < caps->api_version_count; i++)
        vec_push(c->arena, &all, caps->api_versions[i]);
    for (size_t i = 0; i < c->flags.api_versions.len; i++)
        vec_push(c->arena, &all, c->flags.api_versions.items[i]);
    caps->api_versions = all.items;
    caps->api_version_count = all.len;
}

static bool check_labels(const struct command *c, struct error *err)
{
    static const char *const own[] = {"name", "owner", "status", "version", "createdAt", "modifiedAt"};
    for (size_t i = 0; i < c->flags.labels.len; i++)
        for (size_t k = 0; k < ARRAY_LEN(own); k++)
            if (str_eq(c->flags.labels.items[i], own[k]))
                return error_set(
                    err, ERROR_INVALID,
                    "user supplied labels contains system reserved label name. System labels: [name owner status "
                    "version createdAt modifiedAt]");
    return true;
}

static bool render(struct command *c, const char *name, struct chart *chart, struct value values,
                   struct render_options *options, struct error *err)
{
    struct template_output out = {c->arena, &c->flags, name, c->write, c->ctx};
    struct error labels cleanup(error_clear) = {0};
    struct rendered rendered;
    bool done = render_chart(c->arena, chart, values, options, &rendered, err);
    if (rendered.chart && !check_labels(c, &labels)) { // Helm looks at them when it comes to the templates
        error_clear(err);
        return error_move(err, &labels);
    }
    if (done)
        return template_print(&out, &rendered, err);
    // Helm has a release to show once it has come to the templates.
    if (!rendered.chart)
        return false;
    return c->flags.debug ? template_print_failed(&out, &rendered, err) : template_advise(err);
}

static bool run(struct command *c, struct error *err)
{
    const struct template_flags *flags = &c->flags;
    const char *name, *chart_word, *path;
    const struct chart_schema_source schemas = {.fetch = fetch_helper_schema};
    struct render_options options = {.capabilities = render_default_capabilities(),
                                     .skip_schema = flags->skip_schema,
                                     .schema_source = &schemas,
                                     .resolve = flags->enable_dns ? fetch_helper_address : NULL,
                                     .objects_only = true,
                                     .notices = c->notices};
    if (!str_empty(flags->kube_version) &&
        !render_parse_kube_version(c->arena, flags->kube_version, &options.capabilities, err))
        return error_wrap(err, "invalid kube version '%s'", flags->kube_version);
    if (!check_tls_files(c, err) || !check_dry_run(c, err))
        return false;
    chart_notice(c->notices, "DEBUG", "Original chart version", CHART_PAIRS("version", str_or(flags->version, "")));
    if (flags->devel && str_empty(flags->version))
        chart_notice(c->notices, "DEBUG", "setting version to >0.0.0-0", NULL);
    struct value values;
    struct chart *chart;
    if (!name_and_chart(c, &name, &chart_word, err) || !locate_chart(c, chart_word, &path, err))
        return false;
    chart_notice(c->notices, "DEBUG", "Chart path", CHART_PAIRS("path", path));
    if (!value_options_merge(c->arena, &flags->values, &values, err) || !load(c, path, &chart, err))
        return false;
    add_api_versions(c, &options.capabilities);
    const char *namespace = flags->namespace;
    if (str_empty(namespace))
        namespace = template_namespace(c->arena, flags->kubeconfig, flags->kube_context);
    options.release = (struct render_release){.name = name,
                                              .namespace = namespace,
                                              .revision = 1,
                                              .is_install = !flags->is_upgrade,
                                              .is_upgrade = flags->is_upgrade};
    return render(c, name, chart, values, &options, err);
}

enum template_result template_run(struct arena *arena, int argc, char **argv, template_write_fn *write, void *ctx,
                                  struct chart_notices *notices, struct error *err)
{
    struct command command = {.arena = arena, .write = write, .ctx = ctx, .notices = notices};
    if (!template_flags_parse(arena, argc, argv, notices, &command.flags, err))
        return TEMPLATE_FAILED;
    if (command.flags.help)
        return TEMPLATE_HELP;
    if (notices)
        notices->debug = command.flags.debug;
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
    if (result == TEMPLATE_HELP)
        template_flags_help();
    if (err.class)
        fprintf(stderr, "Error: %s\n", error_text(&err));
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("Error: write /dev/stdout");
        return 1;
    }
    return result == TEMPLATE_FAILED;
}
