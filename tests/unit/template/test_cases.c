// test_cases.c - runs a file of template cases: each renders to what the real Helm printed, or fails with what it said.
//
// The files are made by record.py. The data is values.yaml, as Helm would hand it to a chart's template.
#include "template/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>

#define NAME "t/templates/case.yaml"

struct one_case {
    struct slice template, expected;
    bool fails;
};

static struct arena *arena;
static struct value data;
static VEC(struct one_case) cases;

// Helm's include, without its count of nestings.
static bool include(struct template_call *call, struct value *result)
{
    struct buf out = BUF_IN(call->arena);
    if (!template_run_nested(call->run, template_run_set(call->run), call->args[0].data, call->args[1], &out,
                             call->err))
        return false;
    *result = value_string_n(buf_cstr(&out), out.len);
    return true;
}

static const struct template_func helm_items[] = {{"include", "sv", include}};
static const struct template_funcs helm_funcs = {.items = helm_items, .count = ARRAY_LEN(helm_items)};

static bool render(struct slice text, struct buf *out, struct error *err)
{
    struct template_set *set = template_set_new(arena);
    template_set_funcs(set, &helm_funcs, NULL);
    template_set_funcs(set, template_codecs(), NULL);
    template_set_funcs(set, template_sprig(), NULL);
    template_set_missing_key(set, true, false);
    struct value root = value_copy(arena, data); // a template may change it
    return template_parse(set, NAME, text.data, text.len, err) &&
           template_execute(set, arena, NAME, root, NULL, out, err);
}

// Every line of `parts` occurs in the message.
static const char *missing_part(const char *message, struct slice parts)
{
    while (parts.len) {
        struct slice line;
        slice_cut(parts, '\n', &line, &parts);
        if (line.len && slice_find(slice_of(message), line) < 0)
            return slice_dup(arena, line);
    }
    return NULL;
}

static void test_case(void **state)
{
    const struct one_case *c = *state;
    struct buf out = BUF_IN(arena);
    struct error err cleanup(error_clear) = {0};
    bool good = render(c->template, &out, &err);
    if (good == c->fails)
        fail_msg("%.*s\n%s: %s", SLICE_ARG(c->template), good ? "prints" : "fails",
                 good ? buf_cstr(&out) : error_text(&err));
    if (c->fails) {
        const char *missing = missing_part(error_text(&err), c->expected);
        if (missing)
            fail_msg("%.*s\nthe message: %s\nlacks: %s", SLICE_ARG(c->template), error_text(&err), missing);
        return;
    }
    struct buf shown = BUF_IN(arena); // Helm's engine takes these out
    struct slice printed = buf_view(&out);
    for (ptrdiff_t at; (at = slice_find(printed, SLICE("<no value>"))) >= 0;) {
        buf_add(&shown, printed.data, (size_t)at);
        printed = slice_sub(printed, (size_t)at + 10, printed.len);
    }
    buf_slice(&shown, printed);
    if (!slice_eq(buf_view(&shown), c->expected))
        fail_msg("%.*s\nexpected: %.*s\nprinted:  %s", SLICE_ARG(c->template), SLICE_ARG(c->expected),
                 buf_cstr(&shown));
}

static struct slice until_mark(struct slice *rest)
{
    ptrdiff_t end = slice_find(*rest, SLICE("\n%% "));
    struct slice part = slice_sub(*rest, 0, end < 0 ? rest->len - 1 : (size_t)end);
    *rest = slice_sub(*rest, end < 0 ? rest->len : (size_t)end + 1, rest->len);
    return part;
}

static bool read_cases(const char *path)
{
    struct slice rest;
    struct error err cleanup(error_clear) = {0};
    if (!file_read(arena, path, 1 << 24, &rest, &err)) {
        fprintf(stderr, "%s\n", error_text(&err));
        return false;
    }
    struct slice head = SLICE("%% case\n"), out = SLICE("%% out\n"), fails = SLICE("%% err\n");
    while (slice_has_prefix(rest, head)) {
        struct one_case c = {0};
        rest = slice_sub(rest, head.len, rest.len);
        c.template = until_mark(&rest);
        c.fails = slice_has_prefix(rest, fails);
        if (!c.fails && !slice_has_prefix(rest, out))
            break;
        rest = slice_sub(rest, out.len - 1, rest.len); // keeps the newline: the text may be empty
        c.expected = slice_sub(until_mark(&rest), 0, SIZE_MAX);
        c.expected = slice_sub(c.expected, 1, c.expected.len);
        vec_push(arena, &cases, c);
    }
    if (rest.len)
        fprintf(stderr, "%s: not a case: %.*s\n", path, (int)(rest.len > 60 ? 60 : rest.len), rest.data);
    return rest.len == 0 && cases.len > 0;
}

static bool read_data(const char *path)
{
    struct slice yaml;
    struct value values;
    struct error err cleanup(error_clear) = {0};
    if (!file_read(arena, path, 1 << 20, &yaml, &err) ||
        !yaml_parse(arena, yaml.data, yaml.len, YAML_FLOATS, &values, &err)) {
        fprintf(stderr, "%s\n", error_text(&err));
        return false;
    }
    struct value typed = value_dict_typed(arena, "common.Values");
    for (struct value_iter it = {0}; value_next(values, &it);)
        value_set_n(typed, it.key, it.key_len, it.value);
    data = value_dict(arena);
    value_set(data, "Values", typed);
    value_set_path(data, "Release.Name", value_string("release-name"));
    value_set_path(data, "Release.Namespace", value_string("default"));
    value_set_path(data, "Chart.Name", value_string("t"));
    value_set_path(data, "Chart.Version", value_string("0.1.0"));
    return true;
}

int main(int argc, char **argv)
{
    arena = arena_new();
    if (argc != 3 || !read_data(argv[1]) || !read_cases(argv[2]))
        return 1;
    struct CMUnitTest *tests = calloc(cases.len, sizeof *tests);
    for (size_t i = 0; i < cases.len; i++)
        tests[i] =
            (struct CMUnitTest){slice_dup(arena, cases.items[i].template), test_case, NULL, NULL, &cases.items[i]};
    int failed = _cmocka_run_group_tests(argv[2], tests, cases.len, NULL, NULL);
    free(tests);
    arena_free(arena);
    return failed;
}
