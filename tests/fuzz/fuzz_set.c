// fuzz_set.c - the grammar of --set, --set-string, --set-json, --set-literal and --set-file: the words, then values in
// YAML that they change. What comes out is small, can be written, and is the same twice.
#include "fuzz.h"

#include "chart/chart.h"

static bool read_path(void *ctx, struct arena *a, const char *path, struct value *out, struct error *err)
{
    if (!*path)
        return error_set(err, ERROR_NOT_FOUND, "open : no such file or directory");
    *out = value_string_copy(a, path, strlen(path));
    return true;
}

static bool apply(struct arena *a, const char *text, char kind, struct slice yaml, struct value *into,
                  struct error *err)
{
    struct error ignored cleanup(error_clear) = {0};
    if (!chart_load_values(a, yaml, into, &ignored))
        *into = value_dict(a);
    return kind == 'f' ? strvals_parse_files(a, text, read_path, NULL, *into, err)
                       : strvals_parse(a, text, kind, *into, err);
}

static void only_strings(struct value v, const char *text)
{
    if (value_is(v, V_DICT)) {
        for (struct value_iter it = {0}; value_next(v, &it);)
            only_strings(it.value, text);
        return;
    }
    for (size_t i = 0; v.kind == V_LIST && i < value_len(v); i++)
        only_strings(value_at(v, i), text);
    REQUIRE(v.kind == V_LIST || v.kind == V_STRING || v.kind == V_NULL, "%s: a %s", text, value_go_type(v));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char kinds[] = {'s', 'S', 'j', 'l', 'f'};
    struct slice rest = slice_n((const char *)data, size), words = fuzz_part(&rest);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct arena *a cleanup(cleanup_arena) = arena_new();
        struct error first cleanup(error_clear) = {0}, second cleanup(error_clear) = {0};
        struct value into, again;
        struct buf json = BUF_IN(a), json_again = BUF_IN(a);
        const char *text = slice_dup(a, words);
        bool ok = apply(a, text, kinds[i], rest, &into, &first);
        REQUIRE(apply(a, text, kinds[i], rest, &again, &second) == ok && str_eq(first.message, second.message),
                "%c %s: two runs differ", kinds[i], text);
        if (!ok)
            fuzz_require_error(&first);
        REQUIRE(json_write(&json, into, 0) && json_write(&json_again, again, 0), "%c %s: cannot be written", kinds[i],
                text);
        REQUIRE(slice_eq(buf_view(&json), buf_view(&json_again)), "%c %s: two results differ", kinds[i], text);
        if (rest.len == 0 && (kinds[i] == 'S' || kinds[i] == 'l'))
            only_strings(into, text);
    }
    return 0;
}
