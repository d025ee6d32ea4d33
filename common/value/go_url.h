// go_url.h - Go's net/url, which follows RFC 3986 in its own way, and the addresses of net/netip, with their messages.
#ifndef RUNNEL_VALUE_GO_URL_H
#define RUNNEL_VALUE_GO_URL_H

#include "base/base.h"

struct go_url { // all decoded, but for opaque, query and raw_path
    struct slice scheme, opaque, host, path, query, fragment;
    struct slice raw_path; // as it was written, where that is not how the path would be written
    struct slice user, password;
    bool has_user, has_password;
    bool empty_query; // "?" with nothing behind it
    bool no_host;     // "scheme:/path"
};

bool go_url_parse(struct arena *a, struct slice text, struct go_url *u, struct error *err);
void go_url_write(struct buf *out, const struct go_url *u);
void go_url_write_user(struct buf *out, const struct go_url *u);
struct slice go_url_host_name(const struct go_url *u); // without port and brackets
// Where a reference leads from a URL: both were parsed.
struct go_url go_url_resolve(struct arena *a, const struct go_url *base, const struct go_url *reference);

// url.PathUnescape and PathEscape.
bool go_url_decode(struct arena *a, struct slice *s, struct error *err);
void go_url_encode(struct buf *out, struct slice s);

// netip.ParseAddr: NULL, or why it is no address. zone: whether it has one; four: whether it is an IPv4 address.
const char *go_address_fault(struct arena *a, struct slice s, bool *four, bool *zone);

#endif
