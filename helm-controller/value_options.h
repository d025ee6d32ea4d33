// value_options.h - the user's values from the command line: -f, --set, --set-string, --set-json, --set-file, --set-literal.
#ifndef RUNNEL_VALUE_OPTIONS_H
#define RUNNEL_VALUE_OPTIONS_H

#include "chart/chart.h"

#define VALUE_FILE_MAX (64u << 20) // bytes of one file of values

typedef VEC(const char *) word_list;

struct value_options {
    word_list files, json, plain, strings, from_files, literals;
};

// Merges them in Helm's order: files, then JSON, plain, strings, files' contents, literals. "-" as a file is standard
// input; http(s) URLs are fetched.
bool value_options_merge(struct arena *a, const struct value_options *options, struct value *out, struct error *err);

#endif
