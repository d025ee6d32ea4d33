// test_render.c - the template command on small charts: cases/render.yaml has what helm v4.1.4 printed (record_render.py).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "template_cmd.h"
#include "value/value.h"

static char *make_chart(struct arena *a, struct value files)
{
    char template[] = "/tmp/runnel-render-XXXXXX";
    char *folder = arena_strdup(a, mkdtemp(template));
    struct error err = {0};
    for (struct value_iter it = {0}; value_next(files, &it);) {
        char *path = arena_printf(a, "%s/%s", folder, it.key), *parent = arena_strdup(a, path);
        *strrchr(parent, '/') = 0;
        struct slice text = value_slice(it.value);
        if (!dir_make_all(parent, 0755, &err) || !file_write_atomic(path, text.data, text.len, 0644, &err))
            fail_msg("%s", error_text(&err));
    }
    return folder;
}

static char *replace(struct arena *a, const char *text, const char *from, const char *to)
{
    struct buf out = BUF_IN(a);
    for (const char *at; (at = strstr(text, from)); text = at + strlen(from)) {
        buf_add(&out, text, (size_t)(at - text));
        buf_str(&out, to);
    }
    buf_str(&out, text);
    return (char *)buf_cstr(&out);
}

static void add_text(void *ctx, const char *data, size_t len)
{
    buf_add(ctx, data, len);
}

// True: as recorded.
static bool check_case(struct arena *a, struct value row)
{
    char *folder = make_chart(a, value_get(row, "files"));
    struct value words = value_get(row, "words");
    int argc = (int)value_len(words);
    char **argv = arena_array(a, char *, argc + 1);
    for (int i = 0; i < argc; i++)
        argv[i] = replace(a, value_str(value_at(words, i)), "CHART", folder);
    struct buf out = BUF_IN(a);
    struct error err cleanup(error_clear) = {0}, ignored cleanup(error_clear) = {0};
    template_run(a, argc, argv, add_text, &out, NULL, &err);
    dir_remove_all(folder, &ignored);
    const char *error = replace(a, error_text(&err), folder, "CHART");
    const char *want_out = value_str(value_get(row, "out")), *want_error = value_str(value_get(row, "error"));
    // Both lose trailing line breaks: Helm's stderr does not tell them from its own.
    size_t len = strlen(error);
    while (len > 0 && error[len - 1] == '\n')
        len--;
    if (str_eq(buf_cstr(&out), want_out) && strlen(want_error) == len && memcmp(error, want_error, len) == 0)
        return true;
    print_error("%s\n--- got\n%s%s\n--- want\n%s%s\n\n", value_str(value_get(row, "about")), buf_cstr(&out), error, want_out,
                want_error);
    return false;
}

static void test_recorded(void **state)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct slice text;
    struct value cases;
    const char *path = arena_printf(a, "%s/cases/render.yaml", getenv("CASES"));
    if (!file_read(a, path, 4 << 20, &text, &err) || !yaml_parse(a, text.data, text.len, 0, &cases, &err))
        fail_msg("%s", error_text(&err));
    assert_true(value_len(cases) > 80);
    size_t wrong = 0;
    for (size_t i = 0; i < value_len(cases); i++)
        wrong += !check_case(a, value_at(cases, i));
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_recorded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
