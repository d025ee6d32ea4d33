// schema_url.c - references of schemas: resolved by RFC 3986, and their fragments.

#include "chart/schema.h"

#include <ctype.h>

static const char *decode_percent(struct arena *a, struct slice s)
{
    struct buf out = BUF_IN(a);
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '%' && i + 2 < s.len && isxdigit((unsigned char)s.data[i + 1]) &&
            isxdigit((unsigned char)s.data[i + 2])) {
            char hex[3] = {s.data[i + 1], s.data[i + 2], 0};
            buf_char(&out, (char)strtol(hex, NULL, 16));
            i += 2;
        } else {
            buf_char(&out, s.data[i]);
        }
    }
    return buf_cstr(&out);
}

const char *schema_fragment(struct arena *a, const char *reference)
{
    const char *hash = strchr(reference, '#');
    return hash ? decode_percent(a, slice_of(hash + 1)) : "";
}

// The length of "scheme:" at the start, 0 without.
static size_t scheme_length(const char *url)
{
    size_t i = 0;
    while (isalnum((unsigned char)url[i]) || url[i] == '+' || url[i] == '-' || url[i] == '.')
        i++;
    return i > 0 && url[i] == ':' && isalpha((unsigned char)url[0]) ? i + 1 : 0;
}

const char *schema_join_url(struct arena *a, const char *base, const char *reference)
{
    struct slice ref, ignored;
    slice_cut(slice_of(reference), '#', &ref, &ignored);
    char *text = slice_dup(a, ref);
    if (!*text)
        return base;
    if (scheme_length(text))
        return text;
    size_t scheme = scheme_length(base), authority = scheme;
    if (str_has_prefix(base + scheme, "//")) {
        const char *slash = strchr(base + scheme + 2, '/');
        authority = slash ? (size_t)(slash - base) : strlen(base);
    } else if (base[scheme] != '/') {
        return base; // an opaque base, a URN: what is relative to it is itself
    }
    if (str_has_prefix(text, "//"))
        return arena_printf(a, "%.*s%s", (int)scheme, base, text);
    const char *last = strrchr(base + authority, '/');
    const char *path = *text == '/' || !last ? text
                                             : arena_printf(a, "%.*s/%s", (int)(last - base - (ptrdiff_t)authority),
                                                            base + authority, text);
    const char *clean = path_clean(a, *path == '/' ? path : arena_printf(a, "/%s", path));
    return arena_printf(a, "%.*s%s", (int)authority, base, clean);
}
