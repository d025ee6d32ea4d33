// template_flags.h - the flags of `helm template`, and what of its environment stands for a flag.
#ifndef RUNNEL_TEMPLATE_FLAGS_H
#define RUNNEL_TEMPLATE_FLAGS_H

#include "value_options.h"

struct template_flags {
    const char *namespace, *kubeconfig, *kube_context; // "" or NULL: not given
    const char *kube_version, *name_template, *output_dir, *dry_run, *repo, *version;
    const char *ca_file, *cert_file, *key_file;
    struct value_options values;
    word_list api_versions, show_only, labels; // of labels the keys
    word_list words;                           // NAME and CHART
    bool include_crds, no_hooks, is_upgrade, skip_tests, generate_name, release_name, skip_schema;
    bool debug, dependency_update, devel, enable_dns, insecure, validate, verify, help;
};

// argv[0] is the command's own name. Refuses what Helm refuses, with its messages; one that Helm gives as a line of its
// log instead of an error is a notice, and err stays unset.
bool template_flags_parse(struct arena *a, int argc, char **argv, struct chart_notices *notices,
                          struct template_flags *out, struct error *err);
void template_flags_help(void); // to stdout

#endif
