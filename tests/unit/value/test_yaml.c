// test_yaml.c - YAML beyond what Helm's functions show: documents, strict keys, integers, limits, hostile input.
#include <stdio.h>

#include "support.h"

// The document as JSON, or the error's text.
static const char *read_n(const char *yaml, size_t len, int flags, bool all)
{
    struct error err = {0};
    struct value v;
    char *in = exact_copy(yaml, len);
    bool ok = all ? yaml_parse_all(a, in, len, flags, &v, &err) : yaml_parse(a, in, len, flags, &v, &err);
    free(in);
    const char *text = ok ? json_text(a, v) : arena_strdup(a, error_text(&err));
    assert_true(ok == (err.class == 0));
    error_clear(&err);
    return text;
}

static const char *read(const char *yaml, int flags)
{
    return read_n(yaml, strlen(yaml), flags, false);
}

static void test_documents(void **state)
{
    static const struct {
        const char *yaml, *json;
    } cases[] = {
        {"", "[]"},
        {"# nothing\n", "[]"},
        {"---\n---\n# c\n---\n", "[]"},
        {"a: 1\n---\nb: 2\n", "[{\"a\":1},{\"b\":2}]"},
        {"---\na: 1\n...\n---\n- x\n--- text\n", "[{\"a\":1},[\"x\"],\"text\"]"},
        {"a: &x 1\n---\nb: *x\n", "yaml: unknown anchor 'x' referenced"},
        {"a: 1\n---\nb: [\n", "yaml: line 3: did not find expected node content"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(read_n(cases[i].yaml, strlen(cases[i].yaml), 0, true), cases[i].json);
    assert_string_equal(read("a: 1\n---\nb: [\n", 0), "{\"a\":1}"); // the rest is not looked at
}

static void test_numbers_of_api_objects(void **state)
{
    struct value v;
    const char *yaml = "[3, 3.0, 3.5, 9007199254740993, 18446744073709551615, 1e3, 1e30]";
    assert_true(yaml_parse(a, yaml, strlen(yaml), 0, &v, NULL));
    assert_string_equal(json_text(a, v), "[3,3,3.5,9007199254740993,18446744073709551615,1000,1e+30]");
    assert_string_equal(value_go_type(value_at(v, 1)), "int64");
    assert_string_equal(value_go_type(value_at(v, 2)), "float64");
    assert_true(yaml_parse(a, yaml, strlen(yaml), YAML_FLOATS, &v, NULL));
    assert_string_equal(value_go_type(value_at(v, 0)), "float64");
}

static void test_unique_keys(void **state)
{
    assert_string_equal(read("a: 1\nb: 2\na: 3\n", 0), "{\"a\":3,\"b\":2}");
    assert_string_equal(read("a: 1\nb: 2\na: 3\nc: {d: 1, d: 2}\n", YAML_UNIQUE_KEYS),
                        "yaml: unmarshal errors:\n  line 3: key \"a\" already set in map\n"
                        "  line 4: key \"d\" already set in map");
}

static void test_error_class_and_line(void **state)
{
    struct value v;
    struct error err = {0};
    const char *yaml = "a:\n  b: 1\n c: 2\n";
    assert_false(yaml_parse(a, yaml, strlen(yaml), 0, &v, &err));
    assert_int_equal(err.class, ERROR_INVALID);
    assert_int_equal(err.code, 2); // go-yaml's count, which is one short here
    assert_string_equal(error_text(&err), "yaml: line 2: did not find expected key");
    assert_true(value_is_null(v));
    error_clear(&err);
}

// An alias is a copy: changing it changes nothing else.
static void test_aliases_are_copies(void **state)
{
    struct value v;
    const char *yaml = "a: &x {k: [1]}\nb: *x\nc: {<<: *x}\n";
    assert_true(yaml_parse(a, yaml, strlen(yaml), 0, &v, NULL));
    value_push(value_path(v, "b.k"), value_int(2));
    value_push(value_path(v, "c.k"), value_int(3));
    assert_string_equal(json_text(a, v), "{\"a\":{\"k\":[1]},\"b\":{\"k\":[1,2]},\"c\":{\"k\":[1,3]}}");
}

// ---- limits -------------------------------------------------------------------------------------------------------
static void test_alias_bombs(void **state)
{
    static const char *const forms[][2] = {{"[", "]"}, {"{a: ", "}"}};
    for (size_t form = 0; form < ARRAY_LEN(forms); form++) {
        struct buf bomb = BUF_IN(a);
        for (int level = 0; level <= 10; level++) {
            buf_printf(&bomb, "l%d: &l%d [", level, level);
            for (int i = 0; i < 10; i++) {
                buf_str(&bomb, i ? ", " : "");
                if (level)
                    buf_printf(&bomb, "%s*l%d%s", forms[form][0], level - 1, forms[form][1]);
                else
                    buf_str(&bomb, "x");
            }
            buf_str(&bomb, "]\n");
        }
        size_t before = arena_used(a);
        assert_string_equal(read(bomb.data, 0), "yaml: document contains excessive aliasing");
        assert_true(arena_used(a) - before < 64u << 20);
    }
    // Merges expand aliases too.
    struct buf bomb = BUF_IN(a);
    buf_str(&bomb, "m0: &m0 {a0: x, b0: x}\n");
    for (int i = 1; i < 40; i++)
        buf_printf(&bomb, "m%d: &m%d {a%d: *m%d, b%d: *m%d, <<: *m%d}\n", i, i, i, i - 1, i, i - 1, i - 1);
    assert_string_equal(read(bomb.data, 0), "yaml: document contains excessive aliasing");
}

static void test_depth(void **state)
{
    enum { DEPTH = 100000 };
    static const char *const parts[] = {"[", "{a: ", "- ", "? ", "{? ", "[{a: "};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct buf text = {0};
        while (text.len < DEPTH)
            buf_str(&text, parts[i]);
        const char *message = read_n(text.data, text.len, 0, false);
        if (!strstr(message, "exceeded max depth") && !strstr(message, "line") && !str_has_prefix(message, "yaml: "))
            fail_msg("%s: %s", parts[i], message);
        buf_free(&text);
    }
    struct buf text = {0};
    buf_fill(&text, '[', DEPTH);
    assert_string_equal(read_n(text.data, text.len, 0, false), "yaml: exceeded max depth of 512");
    buf_free(&text);
    buf_fill(&text, '[', VALUE_DEPTH_MAX);
    buf_fill(&text, ']', VALUE_DEPTH_MAX);
    assert_int_equal(strlen(read_n(text.data, text.len, 0, false)), 2 * VALUE_DEPTH_MAX);
    buf_free(&text);
}

static void test_set_limits(void **state)
{
    yaml_set_limits(&(struct yaml_limits){.bytes = 20, .nodes = 5});
    assert_string_equal(read("[1, 2, 3]", 0), "[1,2,3]");
    assert_string_equal(read("[1, 2, 3, 4, 5]", 0), "yaml: document has more than 5 nodes");
    assert_string_equal(read("aaaaaaaaaaaaaaaaaaaaaaaaa", 0), "yaml: document of 25 bytes is over the limit of 20");
}

static void test_huge_scalars(void **state)
{
    enum { SIZE = 4 << 20 };
    static const char *const starts[] = {"a: ", "a: \"", "a: '", "a: |\n  ", "a: >\n  ", "a: !!binary ",
                                         "# ",  "&",     "*",    "!",        "%"};
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        struct buf text = {0};
        buf_str(&text, starts[i]);
        buf_fill(&text, 'x', SIZE);
        const char *got = read_n(text.data, text.len, 0, false);
        assert_true(strlen(got) >= 2);
        buf_free(&text);
    }
    struct buf digits = {0};
    buf_fill(&digits, '1', SIZE);
    assert_int_equal(strlen(read_n(digits.data, digits.len, 0, false)), SIZE + 2); // too big for a float: a string
    buf_free(&digits);
}

// Every prefix of a text that uses everything, and every byte of it replaced by each of some evil ones, must be read or
// refused without a fault that the sanitizers see, and what is read must survive being written and read again.
static void check_stable(const char *yaml, size_t len)
{
    struct value v, again;
    struct error err = {0};
    if (!yaml_parse(a, yaml, len, 0, &v, &err)) {
        assert_true(str_has_prefix(error_text(&err), "yaml: ") || strstr(error_text(&err), "unsupported"));
        error_clear(&err);
        return;
    }
    for (int flags = 0; flags <= YAML_INDENT_LISTS; flags++) {
        struct buf out = BUF_IN(a);
        if (!yaml_write(&out, v, flags, NULL))
            continue;
        if (flags && strchr(out.data, '\t')) // v3 lets a tab start a line of a literal block, which v2 cannot read
            continue;
        if (!yaml_parse(a, out.data, out.len, 0, &again, &err) || !value_equal(v, again))
            fail_msg("%.*s\n became\n%s%s", (int)len, yaml, out.data, error_text(&err));
    }
}

static void test_mutations(void **state)
{
    static const char seed[] =
        "%YAML 1.1\n---\na: &x {k: 'v''w', n: 0x1F}\nb: [*x, \"q\\n\\u00e9\", !!str 1, ~]\nc: |2-\n"
        "   text\n  more\n\nd: >+\n  fold\n  ed\n\n? k2\n: - 1.5\n  - yes\n  - <<: *x\n    z: é\n...\n";
    static const char evil[] = "\0\t\n\r -:?[]{},&*!|>'\"%@`#\\<~\x7f\xc2\x85\xe2\xff_.0";
    size_t len = sizeof seed - 1;
    char text[sizeof seed];
    for (size_t cut = 0; cut <= len; cut++) {
        struct arena_mark mark = arena_mark(a);
        check_stable(seed, cut);
        arena_reset(a, mark);
    }
    for (size_t i = 0; i < len; i++) {
        for (size_t k = 0; k < sizeof evil - 1; k++) {
            struct arena_mark mark = arena_mark(a);
            memcpy(text, seed, sizeof seed);
            text[i] = evil[k];
            check_stable(text, len);
            arena_reset(a, mark);
        }
    }
}

// What an archive has for an empty file.
static void test_no_bytes(void **state)
{
    struct error err cleanup(error_clear) = {0};
    struct value v = value_int(1);
    assert_true(yaml_parse(a, NULL, 0, 0, &v, &err));
    assert_true(value_is_null(v));
    assert_true(yaml_parse_all(a, NULL, 0, 0, &v, &err));
    assert_int_equal(value_len(v), 0);
}

static void test_decode(void **state)
{
    static const struct {
        const char *text;
        enum value_kind kind;
        const char *says; // NULL: no error
    } cases[] = {
        {"a: 1\n", V_DICT, NULL},
        {"", V_NULL, NULL},
        {"# nothing\n", V_NULL, NULL},
        {"- a\n", V_LIST, "cannot unmarshal array into Go value of type v2.Metadata"},
        {"text\n", V_STRING, "cannot unmarshal string into"},
        {"1.5\n", V_FLOAT, "cannot unmarshal number into"},
        {"true\n", V_BOOL, "cannot unmarshal bool into"},
        {"a: [\n", V_NULL, "error converting YAML to JSON: yaml: line"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err cleanup(error_clear) = {0};
        struct value out = VALUE_NULL;
        bool ok = yaml_decode(a, slice_of(cases[i].text), 0, "v2.Metadata", &out, &err);
        assert_int_equal(ok, !cases[i].says);
        assert_int_equal(out.kind, cases[i].kind);
        if (!ok)
            assert_non_null(strstr(error_text(&err), cases[i].says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_documents),
        TEST(test_numbers_of_api_objects),
        TEST(test_unique_keys),
        TEST(test_error_class_and_line),
        TEST(test_aliases_are_copies),
        TEST(test_alias_bombs),
        TEST(test_depth),
        TEST(test_set_limits),
        TEST(test_huge_scalars),
        TEST(test_mutations),
        TEST(test_no_bytes),
        TEST(test_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
