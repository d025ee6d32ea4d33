// template_flags.c - the table of Helm's flags for `template`, checks across several of them, and the help.

#include "template_flags.h"

#include <stdio.h>

#include "cli_flags.h"

// ---- types of Helm's own ------------------------------------------------------------------------------------------

static bool set_wait(struct cli *cli, const char *text, void *field, struct error *why)
{
    static const char *const strategies[] = {"watcher", "hookOnly", "legacy"};
    static const char *const old[][2] = {{"true", "watcher"}, {"false", "hookOnly"}};
    for (size_t i = 0; i < ARRAY_LEN(strategies); i++)
        if (str_eq(text, strategies[i]))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(old); i++) {
        if (!str_eq(text, old[i][0]))
            continue;
        const char *line = arena_printf(
            cli->arena, "--wait=%s is deprecated (boolean value) and can be replaced with --wait=%s", text, old[i][1]);
        chart_notice(cli->notices, "WARN", line, NULL);
        return true;
    }
    return error_set(why, ERROR_INVALID, "invalid wait input %s. Valid inputs are watcher, hookOnly, and legacy",
                     go_quoted_str(cli->arena, text));
}

static bool set_post_renderer(struct cli *cli, const char *text, void *field, struct error *why)
{
    return !*text || error_set(why, ERROR_INVALID, "Helm's plugins are not run here");
}

static const struct cli_type type_wait = {"strategy", "watcher", set_wait};
static const struct cli_type type_dry_run = {"string", "unset", cli_set_text};
static const struct cli_type type_post_renderer = {"string", NULL, set_post_renderer};

// ---- the table ----------------------------------------------------------------------------------------------------

struct parsed { // what the table fills
    struct template_flags flags;
    const char *color;
};

#define AT(field) offsetof(struct parsed, flags.field)
#define UNUSED(type) type, CLI_NO_FIELD, "" // nothing that it could change is part of what `template` does
static const struct cli_flag table[] = {
    {"api-versions", 'a', &cli_list, AT(api_versions), "API versions added to .Capabilities.APIVersions"},
    {"atomic", 0, UNUSED(&cli_bool), "use --rollback-on-failure instead"},
    {"burst-limit", 0, UNUSED(&cli_int)},
    {"ca-file", 0, &cli_text, AT(ca_file), "has to be there; nothing is fetched by it"},
    {"cert-file", 0, &cli_text, AT(cert_file), "as --ca-file, together with --key-file"},
    {"color", 0, &cli_text, offsetof(struct parsed, color), "never, auto or always; nothing is coloured"},
    {"colour", 0, &cli_text, offsetof(struct parsed, color), "as --color"},
    {"content-cache", 0, UNUSED(&cli_text)},
    {"create-namespace", 0, UNUSED(&cli_bool)},
    {"debug", 0, &cli_bool, AT(debug), "print manifests that are no YAML as well, and say more on stderr"},
    {"dependency-update", 0, &cli_bool, AT(dependency_update),
     "refused where a dependency is missing: nothing is fetched"},
    {"description", 0, UNUSED(&cli_text)},
    {"devel", 0, &cli_bool, AT(devel), "said on stderr with --debug"},
    {"disable-openapi-validation", 0, UNUSED(&cli_bool)},
    {"dry-run", 0, &type_dry_run, AT(dry_run), "client; server is refused: there is no cluster"},
    {"enable-dns", 0, &cli_bool, AT(enable_dns), "let getHostByName ask for addresses"},
    {"force", 0, UNUSED(&cli_bool), "use --force-replace instead"},
    {"force-conflicts", 0, UNUSED(&cli_bool)},
    {"force-replace", 0, UNUSED(&cli_bool)},
    {"generate-name", 'g', &cli_bool, AT(generate_name), "the name is release-name (and NAME is not given)"},
    {"help", 'h', &cli_bool, AT(help), "this text"},
    {"hide-notes", 0, UNUSED(&cli_bool)},
    {"include-crds", 0, &cli_bool, AT(include_crds), "print the CRDs of crds/ as well"},
    {"insecure-skip-tls-verify", 0, &cli_bool, AT(insecure), "as --ca-file: the files of the others have to be there"},
    {"is-upgrade", 0, &cli_bool, AT(is_upgrade), "set .Release.IsUpgrade instead of .Release.IsInstall"},
    {"key-file", 0, &cli_text, AT(key_file), "as --ca-file, together with --cert-file"},
    {"keyring", 0, UNUSED(&cli_text)},
    {"kube-apiserver", 0, UNUSED(&cli_text)},
    {"kube-as-group", 0, UNUSED(&cli_texts)},
    {"kube-as-user", 0, UNUSED(&cli_text)},
    {"kube-ca-file", 0, UNUSED(&cli_text)},
    {"kube-context", 0, &cli_text, AT(kube_context), "the context of the kubeconfig that says the namespace"},
    {"kube-insecure-skip-tls-verify", 0, UNUSED(&cli_bool)},
    {"kube-tls-server-name", 0, UNUSED(&cli_text)},
    {"kube-token", 0, UNUSED(&cli_text)},
    {"kube-version", 0, &cli_text, AT(kube_version), "Kubernetes version for .Capabilities.KubeVersion"},
    {"kubeconfig", 0, &cli_text, AT(kubeconfig), "the kubeconfig whose context says the namespace"},
    {"labels", 'l', &cli_pairs, AT(labels), "labels of the release: those of Helm's own are refused"},
    {"name-template", 0, &cli_text, AT(name_template), "template of the release's name"},
    {"namespace", 'n', &cli_text, AT(namespace), "namespace of the release"},
    {"no-hooks", 0, &cli_bool, AT(no_hooks), "leave hooks out"},
    {"output-dir", 0, &cli_text, AT(output_dir), "write files below this folder instead of printing"},
    {"pass-credentials", 0, UNUSED(&cli_bool)},
    {"password", 0, UNUSED(&cli_text)},
    {"plain-http", 0, UNUSED(&cli_bool)},
    {"post-renderer", 0, &type_post_renderer, CLI_NO_FIELD, "refused: Helm's plugins are not run"},
    {"post-renderer-args", 0, UNUSED(&cli_texts)},
    {"qps", 0, UNUSED(&cli_float32)},
    {"registry-config", 0, UNUSED(&cli_text)},
    {"release-name", 0, &cli_bool, AT(release_name), "use the release's name as a folder below --output-dir"},
    {"render-subchart-notes", 0, UNUSED(&cli_bool)},
    {"replace", 0, UNUSED(&cli_bool)},
    {"repo", 0, &cli_text, AT(repo), "refused: charts are read from folders and archives"},
    {"repository-cache", 0, UNUSED(&cli_text)},
    {"repository-config", 0, UNUSED(&cli_text)},
    {"rollback-on-failure", 0, UNUSED(&cli_bool)},
    {"server-side", 0, UNUSED(&cli_bool)},
    {"set", 0, &cli_texts, AT(values.plain), "set values: key1=val1,key2=val2"},
    {"set-file", 0, &cli_texts, AT(values.from_files), "set values from files or URLs: key1=path1,key2=path2"},
    {"set-json", 0, &cli_texts, AT(values.json), "set JSON values: key1=json1,key2=json2 or an object"},
    {"set-literal", 0, &cli_texts, AT(values.literals), "set one literal string"},
    {"set-string", 0, &cli_texts, AT(values.strings), "set strings: key1=val1,key2=val2"},
    {"show-only", 's', &cli_texts, AT(show_only), "print the manifests of these templates only"},
    {"skip-crds", 0, UNUSED(&cli_bool)},
    {"skip-schema-validation", 0, &cli_bool, AT(skip_schema), "do not check values against values.schema.json"},
    {"skip-tests", 0, &cli_bool, AT(skip_tests), "leave test hooks out"},
    {"take-ownership", 0, UNUSED(&cli_bool)},
    {"timeout", 0, UNUSED(&cli_duration)},
    {"username", 0, UNUSED(&cli_text)},
    {"v", 'v', UNUSED(&cli_level)},
    {"validate", 0, &cli_bool, AT(validate), "refused: there is no cluster", "use '--dry-run=server' instead"},
    {"values", 'f', &cli_list, AT(values.files), "values from YAML files, - (standard input) or http(s) URLs"},
    {"verify", 0, &cli_bool, AT(verify), "refused: provenance files are not verified"},
    {"version", 0, &cli_text, AT(version), "said on stderr with --debug"},
    {"wait", 0, UNUSED(&type_wait)},
    {"wait-for-jobs", 0, UNUSED(&cli_bool)},
};

// ---- several at once ----------------------------------------------------------------------------------------------

static bool check_exclusive(const struct cli *cli, struct error *err)
{
    static const struct {
        const char *group, *one, *other, *both;
    } exclusive[] = {
        // in the order in which Helm looks at them
        {"force force-conflicts", "force", "force-conflicts", "force force-conflicts"},
        {"force-replace force-conflicts", "force-replace", "force-conflicts", "force-conflicts force-replace"},
        {"validate dry-run", "validate", "dry-run", "dry-run validate"},
    };
    for (size_t i = 0; i < ARRAY_LEN(exclusive); i++)
        if (cli_given(cli, exclusive[i].one) && cli_given(cli, exclusive[i].other))
            return error_set(err, ERROR_INVALID,
                             "if any flags in the group [%s] are set none of the others can be; [%s] were all set",
                             exclusive[i].group, exclusive[i].both);
    return true;
}

// Helm looks at it before it looks at its command.
static bool check_color(struct cli *cli, const char *color)
{
    static const char *const modes[] = {"never", "auto", "always"};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        if (str_eq(color, modes[i]))
            return true;
    const char *why = arena_printf(cli->arena, "invalid color mode %s: must be one of: never, auto, always",
                                   go_quoted_str(cli->arena, color));
    chart_notice(cli->notices, "WARN", "command failed", CHART_PAIRS("error", why));
    return false;
}

bool template_flags_parse(struct arena *a, int argc, char **argv, struct chart_notices *notices,
                          struct template_flags *out, struct error *err)
{
    struct parsed parsed = {.color = "auto"};
    struct template_flags *flags = &parsed.flags;
    flags->namespace = getenv("HELM_NAMESPACE");
    flags->kube_context = getenv("HELM_KUBECONTEXT");
    flags->dry_run = "client";
    cli_parse_bool(str_or(getenv("HELM_DEBUG"), ""), &flags->debug);
    struct cli cli = {.arena = a, .flags = table, .count = ARRAY_LEN(table), .target = &parsed, .notices = notices};
    bool whole = cli_parse(&cli, argc, argv, err);
    if (!check_color(&cli, parsed.color)) {
        error_clear(err);
        return false;
    }
    if (!whole)
        return false;
    flags->words = cli.words;
    *out = *flags;
    if (flags->help)
        return true;
    if (flags->words.len == 0)
        return error_set(
            err, ERROR_INVALID,
            "\"helm template\" requires at least 1 argument\n\nUsage:  helm template [NAME] [CHART] [flags]");
    return check_exclusive(&cli, err);
}

// ---- help ---------------------------------------------------------------------------------------------------------

static void print_unused(void)
{
    int column = 0;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (*table[i].help)
            continue;
        int width = (int)strlen(table[i].name) + 3;
        if (column == 0 || column + width > 100) {
            printf(column ? "\n " : " ");
            column = 1;
        }
        column += printf(" --%s", table[i].name);
    }
    putchar('\n');
}

void template_flags_help(void)
{
    puts("Render a chart and print its manifests, as `helm template` does.\n\n"
         "Usage:\n  helm-controller template [NAME] CHART [flags]\n\n"
         "CHART is a folder or an archive.\n\nFlags:");
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct cli_flag *f = &table[i];
        if (*f->help)
            printf("  %c%c%c --%s %-*s %s\n", f->letter ? '-' : ' ', f->letter ? f->letter : ' ', f->letter ? ',' : ' ',
                   f->name, 38 - (int)strlen(f->name), f->type->shown, f->help);
    }
    puts("\nTaken as Helm takes them; they change nothing of what is printed:");
    print_unused();
}
