// fuzz_regex.c - regular expressions: a pattern, a text, a replacement. Matches lie in the text, one behind the other,
// and replacing each by itself changes nothing.
#include "fuzz.h"

#include "regex/regex.h"

enum { GROUPS_MAX = 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct slice rest = slice_n((const char *)data, size), pattern = fuzz_exact(a, fuzz_part(&rest));
    struct slice text = fuzz_exact(a, fuzz_part(&rest));
    struct regex *re cleanup(regex_cleanup) = regex_new(pattern.data, pattern.len, &err);
    if (!re) {
        fuzz_require_error(&err);
        return 0;
    }
    struct slice groups[GROUPS_MAX];
    struct regex_cursor cursor = {0};
    const char *last_end = text.data;
    size_t count = 0;
    while (regex_next(re, text, &cursor, groups, GROUPS_MAX)) {
        REQUIRE(++count <= text.len + 1, "more matches than places");
        REQUIRE(groups[0].data >= last_end && groups[0].data + groups[0].len <= text.data + text.len,
                "a match outside, or before the last");
        last_end = groups[0].data + groups[0].len;
        for (int i = 1; i < GROUPS_MAX && i <= regex_groups(re); i++)
            REQUIRE(!groups[i].data ||
                        (groups[i].data >= text.data && groups[i].data + groups[i].len <= text.data + text.len),
                    "a group outside");
        struct buf expanded = BUF_IN(a);
        regex_expand(&expanded, re, rest, groups, GROUPS_MAX);
    }
    REQUIRE(regex_is_match(re, text) == (count > 0), "matches, and does not");
    for (int i = 1; i <= regex_groups(re); i++)
        regex_group_name(re, i, a);
    struct buf same = BUF_IN(a), other = BUF_IN(a);
    regex_replace(&same, re, text, SLICE("$0"), false);
    REQUIRE(slice_eq(buf_view(&same), text) || !utf8_valid(text.data, text.len), "replaced by itself: %s",
            buf_cstr(&same));
    regex_replace(&other, re, text, rest, false);
    return 0;
}
