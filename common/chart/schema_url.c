// schema_url.c - references of schemas: resolved as net/url does it, and their fragments.

#include "chart/schema.h"

#include "value/go_url.h"

static bool parse(struct arena *a, struct slice text, struct go_url *u, struct error *err)
{
    return go_url_parse(a, text, u, err) || error_wrap(err, "error in parsing %s", go_quoted(a, text));
}

bool schema_fragment(struct arena *a, const char *reference, struct slice *out, struct error *err)
{
    struct slice before;
    slice_cut(slice_of(reference), '#', &before, out);
    return go_url_decode(a, out, err) || error_wrap(err, "error in parsing %s", go_quoted_str(a, reference));
}

const char *schema_join_url(struct arena *a, const char *base, const char *reference, struct error *err)
{
    struct slice text, fragment;
    struct go_url from, to, joined;
    slice_cut(slice_of(reference), '#', &text, &fragment);
    if (!parse(a, slice_of(base), &from, err) || !schema_fragment(a, reference, &fragment, err) || !parse(a, text, &to, err))
        return NULL;
    joined = go_url_resolve(a, &from, &to);
    if (!to.scheme.len && from.opaque.len)
        joined.opaque = from.opaque; // what is relative to a URN is itself
    struct buf out = BUF_IN(a);
    go_url_write(&out, &joined);
    return buf_cstr(&out);
}

const char *schema_location(struct arena *a, const char *url, struct slice pointer)
{
    struct buf out = BUF_IN(a);
    struct slice token;
    buf_printf(&out, "%s#", url);
    for (bool more = true, first = true; more; first = false) {
        more = slice_cut(pointer, '/', &token, &pointer);
        if (!first)
            buf_char(&out, '/');
        go_url_encode(&out, token);
    }
    return buf_cstr(&out);
}
