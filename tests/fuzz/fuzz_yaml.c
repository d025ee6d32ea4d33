// fuzz_yaml.c - YAML: what was read, written and read again is the same, and is written with the same bytes; but for
// the runes, and the zero, that go-yaml, whose bytes we write, changes on that way. And what is read without libyaml is
// what libyaml reads.
#include "fuzz.h"

#include "value/yaml_simple.h"

#include <math.h>

enum { NODES_MAX = 100000 };

// Line breaks other than \n, byte order marks and control characters; and a tab at the start of a text of several lines,
// which go-yaml writes as a literal block that it refuses to read.
static bool is_changed(struct slice s)
{
    if (s.len && s.data[0] == '\t' && memchr(s.data, '\n', s.len))
        return true;
    for (size_t i = 0, width; i < s.len; i += width) {
        uint32_t rune = utf8_decode(s.data + i, s.len - i, &width);
        if ((rune == RUNE_ERROR && width == 1) || (rune < 0x20 && rune != '\n' && rune != '\t') ||
            (rune >= 0x7f && rune < 0xa0) || rune == 0x2028 || rune == 0x2029 || rune == 0xfeff)
            return true;
    }
    return false;
}

static bool is_kept(struct value v)
{
    for (struct value_iter it = {0}; v.kind == V_DICT && value_next(v, &it);)
        if (is_changed(slice_n(it.key, it.key_len)) || !is_kept(it.value))
            return false;
    for (size_t i = 0; v.kind == V_LIST && i < value_len(v); i++)
        if (!is_kept(value_at(v, i)))
            return false;
    if (v.kind == V_FLOAT && v.number == 0 && signbit(v.number))
        return false; // -0, an integer
    return v.kind != V_STRING || !is_changed(value_slice(v));
}

static void check_round_trip(struct arena *a, struct value v, int read_flags, int write_flags)
{
    struct error err cleanup(error_clear) = {0};
    struct buf first = BUF_IN(a), second = BUF_IN(a);
    struct value again;
    if (!yaml_write(&first, v, write_flags, &err)) {
        fuzz_require_error(&err);
        REQUIRE(first.len == 0, "failed with output");
        return;
    }
    if (!is_kept(v))
        return;
    struct slice text = fuzz_exact(a, buf_view(&first));
    REQUIRE(yaml_parse(a, text.data, text.len, read_flags, &again, &err), "what was written is not read: %s\n%s",
            error_text(&err), buf_cstr(&first));
    REQUIRE(value_equal(v, again), "what was written reads as something else:\n%s", buf_cstr(&first));
    REQUIRE(yaml_write(&second, again, write_flags, &err) && slice_eq(buf_view(&first), buf_view(&second)),
            "written twice:\n%s\n%s", buf_cstr(&first), buf_cstr(&second));
}

// yaml_parse_all asks libyaml always.
static void check_simple(struct arena *a, struct slice text, int flags)
{
    struct error err cleanup(error_clear) = {0};
    struct value simple, all;
    if (!yaml_simple_parse(a, text, flags, NODES_MAX, &simple))
        return;
    REQUIRE(yaml_parse_all(a, text.data, text.len, flags, &all, &err), "libyaml: %s", error_text(&err));
    REQUIRE(value_len(all) <= 1 && value_deep_equal(simple, value_at(all, 0)), "libyaml reads %s, not %s",
            json_text(a, all), json_text(a, simple));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int read_flags[] = {0, YAML_FLOATS, YAML_UNIQUE_KEYS};
    static const struct yaml_limits limits = {.nodes = NODES_MAX};
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct slice text = fuzz_exact(a, slice_n((const char *)data, size));
    yaml_set_limits(&limits);
    for (size_t i = 0; i < ARRAY_LEN(read_flags); i++) {
        struct error err cleanup(error_clear) = {0};
        struct value v;
        check_simple(a, text, read_flags[i]);
        if (!yaml_parse(a, text.data, text.len, read_flags[i], &v, &err)) {
            fuzz_require_error(&err);
            continue;
        }
        check_round_trip(a, v, read_flags[i], 0);
        check_round_trip(a, v, read_flags[i], YAML_INDENT_LISTS);
    }
    struct error err cleanup(error_clear) = {0};
    struct value all;
    if (!yaml_parse_all(a, text.data, text.len, 0, &all, &err))
        fuzz_require_error(&err);
    else
        REQUIRE(value_is(all, V_LIST), "documents are no list");
    return 0;
}
