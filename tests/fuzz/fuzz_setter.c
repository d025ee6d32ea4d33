// fuzz_setter.c - the image setter: a YAML file with markers. Only marked scalars change, to an image's parts; the rest
// of the file stays byte for byte, and a second run finds nothing to do.
#include "fuzz.h"

#include "setter.h"

#define MARKER "$imagepolicy"
static const struct setter_image images[] = {
    {"ns", "p", "ghcr.io/org/app", "1.0", "sha256:0123456789abcdef"},
    {"ns", "q", "on", "0x1F", ""},
    {"ns", "it's", "a b: \"c\" #d", "1", NULL},
};

static bool is_part(const char *s)
{
    for (size_t i = 0; i < ARRAY_LEN(images); i++) {
        const struct setter_image *m = &images[i];
        char *whole cleanup(cleanup_free) = xasprintf("%s:%s", m->name, m->tag);
        if (str_eq(s, m->name) || str_eq(s, m->tag) || str_eq(s, str_or(m->digest, "")) || str_has_prefix(s, whole))
            return true;
    }
    return false;
}

// Nothing but scalars that became an image's part differs.
static void compare(struct value before, struct value after)
{
    if (value_equal(before, after))
        return;
    if (before.kind == V_DICT && after.kind == V_DICT) {
        REQUIRE(value_len(before) == value_len(after), "a map of another size");
        for (struct value_iter it = {0}; value_next(before, &it);) {
            struct value other;
            REQUIRE(value_find(after, it.key, it.key_len, &other), "%s is gone", it.key);
            compare(it.value, other);
        }
        return;
    }
    if (before.kind == V_LIST && after.kind == V_LIST) {
        REQUIRE(value_len(before) == value_len(after), "a list of another size");
        for (size_t i = 0; i < value_len(before); i++)
            compare(value_at(before, i), value_at(after, i));
        return;
    }
    REQUIRE(before.kind != V_LIST && before.kind != V_DICT, "a collection became a scalar");
    REQUIRE(after.kind == V_STRING && is_part(after.data), "a scalar became neither what it was nor an image");
}

static size_t lines_in(struct slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += s.data[i] == '\n';
    return n;
}

// Lines without a marker are the same; of one with a marker, what starts with its comment.
static void compare_lines(struct slice before, struct slice after)
{
    struct slice old, new;
    while (before.len) {
        slice_cut(before, '\n', &old, &before);
        slice_cut(after, '\n', &new, &after);
        ptrdiff_t marker = -1, next;
        while ((next = slice_find(slice_sub(old, (size_t)(marker + 1), old.len), SLICE(MARKER))) >= 0)
            marker += 1 + next; // the last one: the scalar may hold the word too
        if (marker < 0)
            REQUIRE(slice_eq(old, new), "a line without a marker changed: %.*s", SLICE_ARG(new));
        else
            REQUIRE(slice_has_suffix(new, slice_sub(old, (size_t)marker, old.len)), "a comment changed: %.*s",
                    SLICE_ARG(new));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct slice text = fuzz_exact(a, slice_n((const char *)data, size));
    struct setter_file file = {0}, second = {0};
    struct buf out = BUF_IN(a), again = BUF_IN(a);
    bool is_yaml;
    if (!setter_edit(a, text, images, ARRAY_LEN(images), &out, &file, &is_yaml)) {
        REQUIRE(out.len == 0 && file.objects.len == 0, "changes without a change");
        return 0;
    }
    REQUIRE(is_yaml && file.objects.len, "a change of nothing");
    struct slice edited = fuzz_exact(a, buf_view(&out));
    if (lines_in(text) == lines_in(edited))
        compare_lines(text, edited);
    REQUIRE(!setter_edit(a, edited, images, ARRAY_LEN(images), &again, &second, &is_yaml), "changed again:\n%s\n%s",
            out.data, again.data);
    REQUIRE(is_yaml, "no YAML any more:\n%s", out.data);
    struct value before, after;
    if (!yaml_parse_all(a, text.data, text.len, 0, &before, &err))
        return 0;
    REQUIRE(yaml_parse_all(a, edited.data, edited.len, 0, &after, &err), "no longer read: %s\n%s", error_text(&err),
            out.data);
    compare(before, after);
    return 0;
}
