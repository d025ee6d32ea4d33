// fuzz_ignore.c - .sourceignore (gitignore patterns) and .helmignore: patterns, then one path a line. The patterns
// given in two pieces mean what they mean in one, and every match ends.
#include "fuzz.h"

#include "archive/archive.h"
#include "chart/internal.h"

enum { PATHS_MAX = 16 };

static struct ignore *rules(struct arena *a, struct slice patterns, size_t cut)
{
    struct ignore *ig = ignore_new(a);
    ignore_add(ig, "", slice_sub(patterns, 0, cut));
    ignore_add(ig, "", slice_sub(patterns, cut, patterns.len));
    return ig;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct slice rest = slice_n((const char *)data, size), patterns = fuzz_exact(a, fuzz_part(&rest)), line;
    ptrdiff_t newline = slice_find_char(patterns, '\n');
    struct ignore *whole = rules(a, patterns, 0);
    struct ignore *cut = rules(a, patterns, newline < 0 ? 0 : (size_t)newline + 1);
    struct ignore *below = ignore_new(a);
    ignore_add(below, "a/b", patterns);
    struct helmignore *helm = helmignore_new(a);
    bool helm_ok = helmignore_parse(helm, patterns, &err);
    if (!helm_ok)
        fuzz_require_error(&err);
    for (int i = 0; i < PATHS_MAX && rest.len; i++) {
        slice_cut(rest, '\n', &line, &rest);
        const char *path = path_clean(a, slice_dup(a, line));
        if (!path_is_local(path))
            continue;
        for (int folder = 0; folder < 2; folder++) {
            REQUIRE(ignore_match(whole, path, folder) == ignore_match(cut, path, folder), "%s: two answers", path);
            if (!str_has_prefix(path, "a/b"))
                REQUIRE(!ignore_match(below, path, folder), "%s: patterns of a/b", path);
            if (helm_ok)
                helmignore_match(helm, path, folder);
        }
    }
    return 0;
}
