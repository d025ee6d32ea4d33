// test_hostile.c - charts made to bring a renderer down: each ends in a clear error, and the next one is rendered as ever.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "template_cmd.h"

struct hostile {
    const char *about, *template, *values, *schema;
    const char *says; // a part of the error; "": the chart is rendered
};

#define TEN(s) s "," s "," s "," s "," s "," s "," s "," s "," s "," s
#define LEVEL(below, name) name ": &" name " [" TEN("*" below) "]\n"
#define BRANCHES(below, name) "\"" name "\":{\"anyOf\":[" TEN("{\"$ref\":\"#/$defs/" below "\"}") "]},"

static const struct hostile cases[] = {
    {"a partial that includes itself", "{{ define \"x\" }}{{ include \"x\" . }}{{ end }}{{ include \"x\" . }}", "", NULL,
     "rendering template has a nested reference name: x: unable to execute template"},
    {"two that include each other",
     "{{ define \"x\" }}{{ include \"y\" . }}{{ end }}{{ define \"y\" }}{{ include \"x\" . }}{{ end }}{{ include \"x\" . }}", "",
     NULL, "error calling include"},
    {"a template that calls itself", "{{ define \"x\" }}{{ template \"x\" . }}{{ end }}{{ template \"x\" . }}", "", NULL,
     "exceeded"},
    {"tpl of itself", "{{ tpl .Values.t . }}", "t: '{{ tpl .Values.t . }}'\n", NULL, "tpl runs within itself more than 250 times"},
    {"a sequence without end", "{{ until 1000000000 }}", "", NULL, "bytes of memory"},
    {"a string of gigabytes", "{{ repeat 2000000000 \"x\" }}", "", NULL, "bytes of memory"},
    {"output beyond all measure", "{{ range 1000 }}{{ repeat 100000 \"x\" }}{{ end }}", "", NULL, "the output exceeds the limit"},
    {"values that hold themselves", "{{ $_ := set .Values \"me\" .Values }}a: {{ toYaml .Values | quote }}", "", NULL, ""},
    {"aliases of aliases", "a: b",
     "a: &a [" TEN("x") "]\n" LEVEL("a", "b") LEVEL("b", "c") LEVEL("c", "d") LEVEL("d", "e") LEVEL("e", "f") LEVEL("f", "g")
         LEVEL("g", "h") LEVEL("h", "i"),
     NULL, "document contains excessive aliasing"},
    {"a schema of itself", "a: b", "", "{\"$ref\":\"#\"}", "causing reference cycle"},
    {"a schema of a million branches", "a: b", "a: 1\n",
     "{\"$ref\":\"#/$defs/g\",\"$defs\":{" BRANCHES("b", "a") BRANCHES("c", "b") BRANCHES("d", "c") BRANCHES("e", "d")
         BRANCHES("f", "e") BRANCHES("h", "f") BRANCHES("a", "g") "\"h\":{\"type\":\"string\"}}}",
     "too much memory"},
    {"a pattern that others go back and forth over", "a: {{ regexMatch \"^(a+)+$\" (print (repeat 100000 \"a\") \"b\") }}", "", NULL,
     ""},
};

static void write_text(const char *folder, const char *name, const char *text)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    char *path = arena_printf(a, "%s/%s", folder, name), *below = arena_strdup(a, path);
    *strrchr(below, '/') = 0;
    if (!dir_make_all(below, 0755, &err) || !file_write_atomic(path, text, strlen(text), 0644, &err))
        fail_msg("%s", error_text(&err));
}

static void count_bytes(void *ctx, const char *data, size_t len)
{
    *(size_t *)ctx += len;
}

// Renders the chart in `folder` and takes the folder away.
static size_t render(const char *folder, struct error *err)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error ignored cleanup(error_clear) = {0};
    char *argv[] = {arena_strdup(a, "template"), arena_strdup(a, "rel"), arena_strdup(a, folder)};
    size_t written = 0;
    template_run(a, ARRAY_LEN(argv), argv, count_bytes, &written, NULL, err);
    dir_remove_all(folder, &ignored);
    return written;
}

static void make_folder(char folder[32])
{
    strcpy(folder, "/tmp/hostile-XXXXXX");
    assert_non_null(mkdtemp(folder));
    write_text(folder, "Chart.yaml", "apiVersion: v2\nname: hostile\nversion: 1.0.0\n");
}

static void test_hostile(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct hostile *c = &cases[i];
        struct error err cleanup(error_clear) = {0};
        char folder[32];
        make_folder(folder);
        write_text(folder, "templates/a.yaml", c->template);
        write_text(folder, "values.yaml", c->values);
        if (c->schema)
            write_text(folder, "values.schema.json", c->schema);
        size_t written = render(folder, &err);
        if (*c->says ? !strstr(error_text(&err), c->says) : err.class || !written)
            fail_msg("%s: %.500s", c->about, error_text(&err));
    }
}

static void test_ten_thousand_templates(void **state)
{
    struct error err cleanup(error_clear) = {0};
    char folder[32], name[32];
    make_folder(folder);
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "templates/%d.yaml", i);
        write_text(folder, name, "kind: A\n");
    }
    size_t written = render(folder, &err);
    assert_string_equal(error_text(&err), "");
    assert_true(written > 10000 * strlen("---\nkind: A\n"));
}

// A symbolic link to a folder above it.
static void test_folders_in_a_circle(void **state)
{
    struct error err cleanup(error_clear) = {0};
    char folder[32], link[64];
    make_folder(folder);
    write_text(folder, "templates/a.yaml", "a: b\n");
    snprintf(link, sizeof link, "%s/templates/loop", folder);
    assert_int_equal(symlink("..", link), 0);
    render(folder, &err);
    assert_true(err.class && *error_text(&err)); // how many links one may follow is the system's to say, folders are ours
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_hostile), cmocka_unit_test(test_ten_thousand_templates),
                                       cmocka_unit_test(test_folders_in_a_circle)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
