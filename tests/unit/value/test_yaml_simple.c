// test_yaml_simple.c - the reader of simple YAML gives what libyaml gives, or nothing.
#include "support.h"
#include "value/yaml_simple.h"

#define NODES_MAX 10000

// Whether the text is simple; what it means is then held against libyaml's word, which yaml_parse_all asks always.
static bool compare(const char *text, size_t len, int flags)
{
    struct arena_mark mark = arena_mark(a);
    struct value simple, all;
    struct error err = {0};
    char *copy = exact_copy(text, len);
    bool is_simple = yaml_simple_parse(a, slice_n(copy, len), flags, NODES_MAX, &simple);
    if (is_simple) {
        if (!yaml_parse_all(a, copy, len, flags, &all, &err))
            fail_msg("%.*s\n---- libyaml: %s", (int)len, text, error_text(&err));
        struct value first = value_at(all, 0);
        if (value_len(all) > 1 || !value_deep_equal(simple, first))
            fail_msg("%.*s\n---- simple: %s\n---- libyaml: %s", (int)len, text, json_text(a, simple), json_text(a, all));
    }
    free(copy);
    arena_reset(a, mark);
    return is_simple;
}

static const char *const seeds[] = {
    "---\n# c\na: 1 # c\nb : 0x1F\n\"c d\": 'it''s'\nd: \"q\\n\\\"\\\\\"\ne:\nf: ~\ng: -1.5e3\nh: 2001-01-01\ni: yes\nj:   \n",
    "a:\n  b:\n    - x\n    - w: 1\n      z: 2\n    -\n    - - 1\n      - 2\n    - k:\n      - v\n  c:\n  - p\n  - q\nd: e\n",
    "- |\n  one\n\n   two\n- |-\n  x\n\n\n- |+ # c\n  y\n\n- z\n- k: |\n    # no comment\n    a: b\n  l: m\n",
    "t: some\n  more words\n\n  and\n\n\n  others\nu: 'one\n  two\n\n  three'\nv: \"four \n  five\"\nw:\n  below\nx:\n  {}\n",
    "a: []\nb: {}\nc: [ 1, \"x, y\", [z], {k: v, l: 'w'} ]\nd: [a, true, null, 1.5]\n",
    "url: http://a.b:80/c#d\nexpr: a{b=\"c\"} > 5\ntime: 12:30:45\nname: é ü\n-x: -y\n~k: a - b\n",
    "sum: 362ede9c501c47d0383fb35266d4905fdd15ba1f33736ef754d347fdb815afa70123456789\nbig: 123456789012345678901\n",
    "last: |\n  no newline",
    "# nothing\n\n  # at all",
    "{}",
    "--- # c\n[a, {b: 1}] # d\n\n",
    "a: 1\nb: |-",
    "a:\n  - |+ # c",
};

static void test_seeds(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(seeds); i++)
        for (int flags = 0; flags <= (YAML_FLOATS | YAML_UNIQUE_KEYS); flags++)
            if (!compare(seeds[i], strlen(seeds[i]), flags))
                fail_msg("not simple: %s", seeds[i]);
}

static void test_left_to_libyaml(void **state)
{
    static const char *const texts[] = {
        "",          "a: &x 1",    "a: *x",   "a: !!str 1", "<<: {a: 1}", "? a\n: b", "1: a",         "a: b: c",   "a:\tb",
        "a: b\n\tc", "a: >\n  b",  "a\n",     "a: 'b",      "a: \"\\u0041\"", "a: b\r\nc: d", "%YAML 1.1\n---\na: 1",
        "a: 1\n---\nb: 2", "a: .inf", "a: [b\n  c]", "a: \x01",  "a: \xff", "a: \xc2\x85", "\xef\xbb\xbf" "a: 1",
        "a: 1\n  b: 2",    "a:\n    b: 1\n  c: 2", "a: [b, c", "- a\nb: c", "a: @b",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (compare(texts[i], strlen(texts[i]), 0))
            fail_msg("taken for simple: %s", texts[i]);
    // A key in front of whose colon libyaml gives up looking.
    const char *key = memset(arena_zalloc(a, 2001), 'k', 2000);
    static const char *const long_keys[] = {"%.*s: 1", "\"%.*s\": 1", "{%.*s: 1}", "a: {'%.*s': 1}", "- {b: [{%.*s: 1}]}"};
    for (size_t i = 0; i < ARRAY_LEN(long_keys); i++) {
        bool simple = true;
        for (int len = 980; len < 1040; len++) {
            const char *text = arena_printf(a, long_keys[i], len, key);
            simple = compare(text, strlen(text), 0);
            assert_true(len > 980 || simple);
        }
        assert_false(simple);
    }
    assert_false(compare("a: 1\na: 2", 9, YAML_UNIQUE_KEYS));
    assert_true(compare("a: 1\na: 2", 9, 0));
}

static void test_mutations(void **state)
{
    static const char *const pieces[] = {
        "\n", "\n ", "\n  ", "\n    ", "- ", "-", ": ", ":", "'", "\"", "|", "|-\n", ">", "#", " #", "\t", "[", "]", "{", "}", ",",
        "&a ", "*a", "!x ", "~", "---", "...", "%", "\\", "\xc3\xa9", "\xff", "\xc2\x85", " ", "<<: ", "? ", "\r", "\n\n  more",
    };
    char text[512];
    size_t taken = 0, tried = 0;
    for (size_t i = 0; i < ARRAY_LEN(seeds); i++) {
        size_t len = strlen(seeds[i]);
        for (size_t at = 0; at <= len; at++) {
            compare(seeds[i], at, 0);
            for (size_t k = 0; k < ARRAY_LEN(pieces); k++) {
                size_t size = strlen(pieces[k]);
                for (size_t drop = 0; drop < 3 && at + drop <= len; drop++) {
                    memcpy(text, seeds[i], at);
                    memcpy(text + at, pieces[k], size);
                    memcpy(text + at + size, seeds[i] + at + drop, len - at - drop);
                    tried++;
                    taken += compare(text, len + size - drop, YAML_FLOATS);
                }
            }
        }
    }
    assert_in_range(taken, tried / 10, tried);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_seeds),
        TEST(test_left_to_libyaml),
        TEST(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
