// value_options.c - -f and the --set family, merged as Helm merges them.

#include "value_options.h"

#include <stdio.h>
#include <strings.h>

#include "fetch_helper.h"

static bool read_stdin(struct arena *a, struct slice *out, struct error *err)
{
    struct buf text = BUF_IN(a);
    char block[65536];
    for (size_t n; (n = fread(block, 1, sizeof block, stdin)) > 0;) {
        if (text.len + n > VALUE_FILE_MAX)
            return error_set(err, ERROR_LIMIT, "standard input is longer than %u bytes", VALUE_FILE_MAX);
        buf_add(&text, block, n);
    }
    *out = buf_view(&text);
    return true;
}

static bool has_scheme(const char *path, const char *scheme)
{
    size_t len = strlen(scheme);
    return strncasecmp(path, scheme, len) == 0 && path[len] == ':';
}

static bool read_source(struct arena *a, const char *path, struct slice *out, struct error *err)
{
    if (slice_eq_str(slice_trim_space(slice_of(path)), "-"))
        return read_stdin(a, out, err);
    if (has_scheme(path, "http") || has_scheme(path, "https"))
        return fetch_helper_values(a, path, out, err);
    if (has_scheme(path, "oci"))
        return error_set(err, ERROR_INVALID, "values are not read from OCI registries");
    return file_read(a, path, VALUE_FILE_MAX, out, err);
}

static bool merge_files(struct arena *a, const word_list *files, struct value into, struct error *err)
{
    for (size_t i = 0; i < files->len; i++) {
        struct slice text;
        struct value values;
        if (!read_source(a, files->items[i], &text, err))
            return false;
        if (!chart_load_values(a, text, &values, err))
            return error_wrap(err, "failed to parse %s", files->items[i]);
        chart_merge_values(a, into, values);
    }
    return true;
}

static bool merge_json(struct arena *a, const word_list *words, struct value into, struct error *err)
{
    for (size_t i = 0; i < words->len; i++) {
        struct slice text = slice_trim_space(slice_of(words->items[i]));
        struct error reason cleanup(error_clear) = {0};
        struct value values;
        if (text.len > 0 && text.data[0] == '{') {
            if (!json_parse(a, text.data, text.len, JSON_FLOATS, &values, &reason))
                return error_set(err, ERROR_INVALID, "failed parsing --set-json data JSON: %s", words->items[i]);
            chart_merge_values(a, into, values);
        } else if (!strvals_parse(a, words->items[i], 'j', into, &reason)) {
            return error_set(err, ERROR_INVALID, "failed parsing --set-json data %s", words->items[i]);
        }
    }
    return true;
}

static bool merge_words(struct arena *a, const word_list *words, char kind, const char *flag, struct value into,
                        struct error *err)
{
    for (size_t i = 0; i < words->len; i++)
        if (!strvals_parse(a, words->items[i], kind, into, err))
            return error_wrap(err, "failed parsing %s data", flag);
    return true;
}

static bool read_value(void *ctx, struct arena *a, const char *path, struct value *out, struct error *err)
{
    struct slice text;
    if (!read_source(a, path, &text, err))
        return false;
    *out = value_string_copy(a, text.data ? text.data : "", text.len);
    return true;
}

bool value_options_merge(struct arena *a, const struct value_options *options, struct value *out, struct error *err)
{
    *out = value_dict(a);
    if (!merge_files(a, &options->files, *out, err) || !merge_json(a, &options->json, *out, err) ||
        !merge_words(a, &options->plain, 's', "--set", *out, err) ||
        !merge_words(a, &options->strings, 'S', "--set-string", *out, err))
        return false;
    for (size_t i = 0; i < options->from_files.len; i++)
        if (!strvals_parse_files(a, options->from_files.items[i], read_value, NULL, *out, err))
            return error_wrap(err, "failed parsing --set-file data");
    return merge_words(a, &options->literals, 'l', "--set-literal", *out, err);
}
