// test_yaml_golden.c - YAML in and out, and Go's printing, against what the real Helm gave.
#include "golden.h"

static struct slice trimmed(struct buf *out)
{
    buf_cstr(out);
    struct slice s = buf_view(out);
    return slice_has_suffix(s, SLICE("\n")) ? slice_n(s.data, s.len - 1) : s;
}

static void test_read(void **state)
{
    struct arena *a = arena_new();
    size_t wrong = 0;
    struct value rows = golden_rows(a, "yaml_read.jsonl", 400);
    for (size_t i = 0; i < value_len(rows); i++) {
        struct value row = value_at(rows, i), got;
        struct error err = {0};
        struct buf input = BUF_IN(a), out = BUF_IN(a);
        if (value_has(row, "base64"))
            base64_decode(&input, value_str(value_get(row, "base64")), value_len(value_get(row, "base64")));
        else
            buf_slice(&input, value_slice(value_get(row, "yaml")));
        if (!yaml_parse(a, buf_cstr(&input), input.len, YAML_FLOATS, &got, &err)) {
            buf_str(&out, error_text(&err));
        } else if (value_is_null(got)) { // Helm's functions turn nothing into an empty map or list
            buf_str(&out, str_eq(value_str(value_get(row, "json")), "[]") ? "[]" : "{}");
        } else {
            json_write(&out, got, 0);
        }
        struct value want = value_get(row, value_has(row, "error") ? "error" : "json");
        if (!slice_eq(buf_view(&out), value_slice(want)))
            golden_wrong(&wrong, "reading", buf_view(&input), value_slice(want), buf_view(&out));
        error_clear(&err);
    }
    assert_int_equal(wrong, 0);
    arena_free(a);
}

static void test_write(void **state)
{
    static const struct {
        const char *key;
        int flags;
    } forms[] = {{"plain", 0}, {"pretty", YAML_INDENT_LISTS}};
    struct arena *a = arena_new();
    size_t wrong = 0;
    struct value rows = golden_rows(a, "yaml_write.jsonl", 700);
    for (size_t i = 0; i < value_len(rows); i++) {
        struct value row = value_at(rows, i), v;
        struct error err = {0};
        struct slice input = value_slice(value_get(row, "yaml"));
        assert_true(yaml_parse(a, input.data, input.len, YAML_FLOATS, &v, &err));
        for (size_t k = 0; k < ARRAY_LEN(forms); k++) {
            struct buf out = BUF_IN(a);
            struct value want = value_get(row, forms[k].key);
            bool ok = yaml_write(&out, v, forms[k].flags, &err);
            if (ok == value_is_null(want) || !slice_eq(trimmed(&out), value_slice(want)))
                golden_wrong(&wrong, forms[k].key, input, value_slice(want), trimmed(&out));
            assert_true(ok == (err.class == 0));
            error_clear(&err);
        }
    }
    assert_int_equal(wrong, 0);
    arena_free(a);
}

// Is the first key of a two-key map the one that `a` names?
static bool comes_first(struct arena *arena, const char *a, const char *b, int flags)
{
    struct buf out = BUF_IN(arena);
    struct value pair = value_dict(arena);
    value_set(pair, a, value_int(1));
    value_set(pair, b, value_int(2));
    assert_true(yaml_write(&out, pair, flags, NULL));
    return out.data[strcspn(out.data, "\n") - 1] == '1';
}

static void test_key_order(void **state)
{
    struct arena *a = arena_new();
    size_t wrong = 0;
    struct value rows = golden_rows(a, "key_order.jsonl", 40);
    for (size_t i = 0; i < value_len(rows); i++) {
        const char *x = value_str(value_get(value_at(rows, i), "key"));
        const char *plain = value_str(value_get(value_at(rows, i), "plain"));
        const char *pretty = value_str(value_get(value_at(rows, i), "pretty"));
        for (size_t j = i + 1; j < value_len(rows); j++) {
            const char *y = value_str(value_get(value_at(rows, j), "key"));
            if (comes_first(a, x, y, 0) != (plain[j - i - 1] == '<') ||
                comes_first(a, x, y, YAML_INDENT_LISTS) != (pretty[j - i - 1] == '<'))
                golden_wrong(&wrong, "order", slice_of(x), slice_of("other order"), slice_of(y));
        }
    }
    assert_int_equal(wrong, 0);
    arena_free(a);
}

static void test_print(void **state)
{
    struct arena *a = arena_new();
    size_t wrong = 0;
    struct value rows = golden_rows(a, "print.jsonl", 300);
    for (size_t i = 0; i < value_len(rows); i++) {
        struct value row = value_at(rows, i), v;
        struct slice input = value_slice(value_get(row, "yaml"));
        assert_true(yaml_parse(a, input.data, input.len, YAML_FLOATS, &v, NULL));
        struct buf text = BUF_IN(a), quoted = BUF_IN(a);
        go_print_value(&text, v);
        if (!slice_eq(buf_view(&text), value_slice(value_get(row, "text"))))
            golden_wrong(&wrong, "printing", input, value_slice(value_get(row, "text")), buf_view(&text));
        if (v.kind == V_NULL) // Sprig's toString gives it another text
            continue;
        go_quote(&quoted, text.data, text.len);
        if (!slice_eq(buf_view(&quoted), value_slice(value_get(row, "quoted"))))
            golden_wrong(&wrong, "quoting", input, value_slice(value_get(row, "quoted")), buf_view(&quoted));
    }
    assert_int_equal(wrong, 0);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_key_order),
        cmocka_unit_test(test_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
