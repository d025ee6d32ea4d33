// support.h - what the tests of common/chart share: cmocka, values from YAML, text from values, charts from files in memory.
#ifndef RUNNEL_TEST_CHART_SUPPORT_H
#define RUNNEL_TEST_CHART_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "chart/chart.h"

static inline struct value from_yaml(struct arena *a, const char *text)
{
    struct value v = VALUE_NULL;
    struct error err = {0};
    if (!yaml_parse(a, text, strlen(text), YAML_FLOATS, &v, &err))
        fail_msg("%s: %s", text, error_text(&err));
    return v;
}

static inline const char *as_json(struct arena *a, struct value v)
{
    return json_text(a, v);
}

struct test_file {
    const char *name, *text;
};

// Writes the files below a new folder; the caller removes it.
static inline char *make_folder(struct arena *a, const struct test_file *files, size_t count)
{
    char template[] = "/tmp/runnel-chart-XXXXXX";
    char *folder = arena_strdup(a, mkdtemp(template));
    struct error err = {0};
    for (size_t i = 0; i < count; i++) {
        char *path = arena_printf(a, "%s/%s", folder, files[i].name);
        char *parent = arena_strdup(a, path);
        *strrchr(parent, '/') = 0;
        if (!dir_make_all(parent, 0755, &err) ||
            !file_write_atomic(path, files[i].text, strlen(files[i].text), 0644, &err))
            fail_msg("%s", error_text(&err));
    }
    return folder;
}

static inline struct chart *load_files(struct arena *a, const struct test_file *files, size_t count, struct error *err)
{
    char *folder = make_folder(a, files, count);
    struct chart *c = chart_load(a, folder, NULL, err);
    struct error ignored = {0};
    dir_remove_all(folder, &ignored);
    error_clear(&ignored);
    return c;
}

#define CHART(a, err, ...)                                                                                             \
    load_files((a), (const struct test_file[]){__VA_ARGS__}, ARRAY_LEN(((const struct test_file[]){__VA_ARGS__})), (err))

#endif
