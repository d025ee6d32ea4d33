// go_url.c - Go's net/url.
#include "value/go_url.h"

#include "value/value.h"

// Each has its own set of bytes that need no escape.
enum part { PART_PATH, PART_SEGMENT, PART_USER, PART_HOST, PART_ZONE, PART_FRAGMENT };

static bool is_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool needs_escape(unsigned char c, enum part part)
{
    static const char *const plain[] = {
        [PART_PATH] = "$&+,/:;=@",
        [PART_SEGMENT] = "$&+:=@",
        [PART_USER] = "$&+,;=",
        [PART_HOST] = "!$&'()*+,;=:[]<>\"",
        [PART_ZONE] = "!$&'()*+,;=:[]<>\"",
        [PART_FRAGMENT] = "$&+,/:;=?@!()*",
    };
    return !is_alnum(c) && !(c && (strchr("-_.~", c) || strchr(plain[part], c)));
}

static void add_escaped(struct buf *out, struct slice s, enum part part)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (needs_escape(c, part))
            buf_printf(out, "%%%02X", c);
        else
            buf_char(out, (char)c);
    }
}

// ---- reading --------------------------------------------------------------------------------------------------------

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

// Whether an escape may stand there: of a host only what is no ASCII and, before a zone, '%'.
static bool may_escape(struct slice escape, int byte, enum part part)
{
    if (slice_eq_str(escape, "%25"))
        return true;
    if (part == PART_ZONE)
        return byte == ' ' || !needs_escape((unsigned char)byte, PART_HOST);
    return part != PART_HOST || byte >= 0x80;
}

static bool unescape(struct arena *a, struct slice *s, enum part part, struct error *err)
{
    struct buf out = BUF_IN(a);
    bool host = part == PART_HOST || part == PART_ZONE;
    for (size_t i = 0; i < s->len; i++) {
        unsigned char c = (unsigned char)s->data[i];
        if (c != '%') {
            if (host && c < 0x80 && needs_escape(c, part))
                return error_set(err, ERROR_INVALID, "invalid character %s in host name",
                                 go_quoted(a, slice_sub(*s, i, i + 1)));
            buf_char(&out, (char)c);
            continue;
        }
        struct slice escape = slice_sub(*s, i, i + 3);
        int high = escape.len == 3 ? hex_value(escape.data[1]) : -1,
            low = escape.len == 3 ? hex_value(escape.data[2]) : -1;
        if (high < 0 || low < 0 || !may_escape(escape, high << 4 | low, part))
            return error_set(err, ERROR_INVALID, "invalid URL escape %s", go_quoted(a, escape));
        buf_char(&out, (char)(high << 4 | low));
        i += 2;
    }
    *s = slice_n(buf_cstr(&out), out.len);
    return true;
}

static bool valid_port(struct slice port) // with its colon
{
    for (size_t i = 1; i < port.len; i++)
        if (port.data[i] < '0' || port.data[i] > '9')
            return false;
    return port.len == 0 || port.data[0] == ':';
}

static ptrdiff_t last_of(struct slice s, char c)
{
    const char *found = s.data ? memrchr(s.data, c, s.len) : NULL;
    return found ? found - s.data : -1;
}

// "[fe80::1%25en0]:80"
static bool parse_bracketed(struct arena *a, struct slice host, struct go_url *u, struct error *err)
{
    ptrdiff_t close = last_of(host, ']');
    if (close < 0)
        return error_set(err, ERROR_INVALID, "missing ']' in host");
    struct slice port = slice_sub(host, (size_t)close + 1, host.len), name = slice_sub(host, 1, (size_t)close), zone = {0};
    if (!valid_port(port))
        return error_set(err, ERROR_INVALID, "invalid port %s after host", go_quoted(a, port));
    ptrdiff_t percent = slice_find(name, SLICE("%25"));
    if (percent >= 0) {
        zone = slice_sub(name, (size_t)percent, name.len);
        name = slice_sub(name, 0, (size_t)percent);
    }
    if (!unescape(a, &name, PART_HOST, err) || !unescape(a, &zone, PART_ZONE, err))
        return false;
    const char *address = arena_printf(a, "%.*s%.*s", SLICE_ARG(name), SLICE_ARG(zone));
    bool four, has_zone;
    const char *fault = go_address_fault(a, slice_of(address), &four, &has_zone);
    if (fault)
        return error_set(err, ERROR_INVALID, "invalid host: %s", fault);
    if (four)
        return error_set(err, ERROR_INVALID, "invalid IP-literal");
    u->host = slice_of(arena_printf(a, "[%s]%.*s", address, SLICE_ARG(port)));
    return true;
}

static bool parse_host(struct arena *a, struct slice host, struct go_url *u, struct error *err)
{
    ptrdiff_t open = last_of(host, '['), colon = last_of(host, ':');
    if (open > 0)
        return error_set(err, ERROR_INVALID, "invalid IP-literal");
    if (open == 0)
        return parse_bracketed(a, host, u, err);
    struct slice port = colon >= 0 ? slice_sub(host, (size_t)colon, host.len) : (struct slice){0};
    if (!valid_port(port))
        return error_set(err, ERROR_INVALID, "invalid port %s after host", go_quoted(a, port));
    u->host = host;
    return unescape(a, &u->host, PART_HOST, err);
}

static bool parse_authority(struct arena *a, struct slice authority, struct go_url *u, struct error *err)
{
    ptrdiff_t at = last_of(authority, '@');
    if (!parse_host(a, slice_sub(authority, (size_t)(at + 1), authority.len), u, err))
        return false;
    if (at < 0)
        return true;
    u->user = slice_sub(authority, 0, (size_t)at);
    for (size_t i = 0; i < u->user.len; i++) {
        unsigned char c = (unsigned char)u->user.data[i];
        if (!is_alnum(c) && !(c && strchr("-._:~!$&'()*+,;=%@", c)))
            return error_set(err, ERROR_INVALID, "net/url: invalid userinfo");
    }
    u->has_user = true;
    u->has_password = slice_cut(u->user, ':', &u->user, &u->password);
    return unescape(a, &u->user, PART_USER, err) && unescape(a, &u->password, PART_USER, err);
}

// Takes "scheme:" off the front. False: there is a colon and nothing before it.
static bool parse_scheme(struct arena *a, struct slice *rest, struct go_url *u, struct error *err)
{
    for (size_t i = 0; i < rest->len; i++) {
        unsigned char c = (unsigned char)rest->data[i];
        if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
            continue;
        if (c == ':') {
            if (i == 0)
                return error_set(err, ERROR_INVALID, "missing protocol scheme");
            char *scheme = slice_dup(a, slice_sub(*rest, 0, i));
            for (char *p = scheme; *p; p++)
                *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
            u->scheme = slice_of(scheme);
            *rest = slice_sub(*rest, i + 1, rest->len);
            return true;
        }
        if (i == 0 || !(is_alnum(c) || c == '+' || c == '-' || c == '.'))
            return true;
    }
    return true;
}

static bool set_path(struct arena *a, struct slice path, struct go_url *u, struct error *err)
{
    struct buf plain = BUF_IN(a);
    u->path = path;
    u->raw_path = (struct slice){0};
    if (!unescape(a, &u->path, PART_PATH, err))
        return false;
    add_escaped(&plain, u->path, PART_PATH);
    if (!slice_eq(buf_view(&plain), path))
        u->raw_path = path;
    return true;
}

static bool parse_before_fragment(struct arena *a, struct slice rest, struct go_url *u, struct error *err)
{
    for (size_t i = 0; i < rest.len; i++)
        if ((unsigned char)rest.data[i] < ' ' || rest.data[i] == 0x7F)
            return error_set(err, ERROR_INVALID, "net/url: invalid control character in URL");
    if (slice_eq_str(rest, "*")) {
        u->path = rest;
        return true;
    }
    if (!parse_scheme(a, &rest, u, err))
        return false;
    u->empty_query = slice_cut(rest, '?', &rest, &u->query) && u->query.len == 0;
    if (!slice_has_prefix(rest, SLICE("/"))) {
        if (u->scheme.len) {
            u->opaque = rest;
            return true;
        }
        struct slice segment, after;
        slice_cut(rest, '/', &segment, &after);
        if (slice_find_char(segment, ':') >= 0)
            return error_set(err, ERROR_INVALID, "first path segment in URL cannot contain colon");
    }
    bool authority = slice_has_prefix(rest, SLICE("//")) && (u->scheme.len || !slice_has_prefix(rest, SLICE("///")));
    if (authority) {
        rest = slice_sub(rest, 2, rest.len);
        ptrdiff_t slash = slice_find_char(rest, '/');
        size_t end = slash < 0 ? rest.len : (size_t)slash;
        if (!parse_authority(a, slice_sub(rest, 0, end), u, err))
            return false;
        rest = slice_sub(rest, end, rest.len);
    } else {
        u->no_host = u->scheme.len > 0;
    }
    return set_path(a, rest, u, err);
}

bool go_url_parse(struct arena *a, struct slice text, struct go_url *u, struct error *err)
{
    struct slice front;
    *u = (struct go_url){0};
    slice_cut(text, '#', &front, &u->fragment);
    if (!parse_before_fragment(a, front, u, err))
        return error_wrap(err, "parse %s", go_quoted(a, front));
    if (!unescape(a, &u->fragment, PART_FRAGMENT, err))
        return error_wrap(err, "parse %s", go_quoted(a, text));
    return true;
}

// ---- writing --------------------------------------------------------------------------------------------------------

void go_url_write_user(struct buf *out, const struct go_url *u)
{
    if (u->user.len == 0 && !u->has_password)
        return;
    add_escaped(out, u->user, PART_USER);
    if (!u->has_password)
        return;
    buf_char(out, ':');
    add_escaped(out, u->password, PART_USER);
}

// Whether a path is written so that it may stand as it is.
static bool is_written_path(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (!(c && strchr("!$&'()*+,;=:@[]%", c)) && needs_escape(c, PART_PATH))
            return false;
    }
    return true;
}

static void add_path(struct buf *out, const struct go_url *u)
{
    if (u->raw_path.len && is_written_path(u->raw_path))
        buf_slice(out, u->raw_path);
    else if (slice_eq_str(u->path, "*"))
        buf_char(out, '*');
    else
        add_escaped(out, u->path, PART_PATH);
}

static void add_hierarchy(struct buf *out, const struct go_url *u)
{
    bool omitted = u->no_host && !u->host.len && !u->has_user;
    if ((u->scheme.len || u->host.len || u->has_user) && !omitted && (u->host.len || u->path.len || u->has_user)) {
        buf_str(out, "//");
        if (u->has_user) {
            go_url_write_user(out, u);
            buf_char(out, '@');
        }
        add_escaped(out, u->host, PART_HOST);
    }
    bool rooted = u->path.len && u->path.data[0] == '/';
    if (u->path.len && !rooted && u->host.len)
        buf_char(out, '/');
    struct slice segment, after;
    slice_cut(u->path, '/', &segment, &after);
    if (out->len == 0 && slice_find_char(segment, ':') >= 0)
        buf_str(out, "./"); // else the segment would read as a scheme
    add_path(out, u);
}

void go_url_write(struct buf *out, const struct go_url *u)
{
    if (u->scheme.len) {
        buf_slice(out, u->scheme);
        buf_char(out, ':');
    }
    if (u->opaque.len)
        buf_slice(out, u->opaque);
    else
        add_hierarchy(out, u);
    if (u->query.len || u->empty_query) {
        buf_char(out, '?');
        buf_slice(out, u->query);
    }
    if (u->fragment.len) {
        buf_char(out, '#');
        add_escaped(out, u->fragment, PART_FRAGMENT);
    }
}

struct slice go_url_host_name(const struct go_url *u)
{
    struct slice host = u->host;
    ptrdiff_t colon = last_of(host, ':');
    if (colon >= 0 && valid_port(slice_sub(host, (size_t)colon, host.len)))
        host = slice_sub(host, 0, (size_t)colon);
    return host.len > 1 && host.data[0] == '[' && host.data[host.len - 1] == ']' ? slice_sub(host, 1, host.len - 1) : host;
}

bool go_url_decode(struct arena *a, struct slice *s, struct error *err)
{
    return slice_find_char(*s, '%') < 0 || unescape(a, s, PART_SEGMENT, err);
}

void go_url_encode(struct buf *out, struct slice s)
{
    add_escaped(out, s, PART_SEGMENT);
}

// ---- resolving ------------------------------------------------------------------------------------------------------

// Without "." and "..", as net/url does it, which is near to RFC 3986, 5.2.4.
static struct slice without_dots(struct arena *a, struct slice path)
{
    struct buf out = BUF_IN(a); // behind the leading slash
    struct slice rest = path, element = {0};
    bool first = true, dots = false;
    for (bool more = path.len > 0; more;) {
        more = slice_cut(rest, '/', &element, &rest);
        bool up = slice_eq_str(element, "..");
        dots = up || slice_eq_str(element, ".");
        if (up) {
            ptrdiff_t slash = last_of(buf_view(&out), '/');
            first = slash < 0;
            out.len = first ? 0 : (size_t)slash;
        } else if (dots) {
            first = false;
        } else {
            if (!first)
                buf_char(&out, '/');
            buf_slice(&out, element);
            first = false;
        }
    }
    if (dots)
        buf_char(&out, '/');
    bool rooted = path.len == 0 || (out.len > 0 && out.data[0] == '/');
    return slice_of(arena_printf(a, "%s%.*s", rooted ? "" : "/", (int)out.len, out.len ? out.data : ""));
}

static struct slice written_path(struct arena *a, const struct go_url *u)
{
    struct buf out = BUF_IN(a);
    add_path(&out, u);
    return slice_n(buf_cstr(&out), out.len);
}

// A reference's path beside the base's last element, unless it begins at the root.
static struct slice joined_path(struct arena *a, struct slice base, struct slice reference)
{
    if (reference.len == 0)
        return base;
    size_t kept = reference.data[0] == '/' ? 0 : (size_t)(last_of(base, '/') + 1);
    return slice_of(arena_printf(a, "%.*s%.*s", (int)kept, kept ? base.data : "", SLICE_ARG(reference)));
}

struct go_url go_url_resolve(struct arena *a, const struct go_url *base, const struct go_url *reference)
{
    struct error ignored cleanup(error_clear) = {0}; // paths that were written are well-formed
    struct go_url u = *reference;
    if (!u.scheme.len)
        u.scheme = base->scheme;
    if (reference->scheme.len || reference->host.len || reference->has_user) {
        set_path(a, without_dots(a, written_path(a, reference)), &u, &ignored);
        return u;
    }
    if (!reference->path.len && !reference->empty_query && !reference->query.len) {
        u.query = base->query;
        if (!reference->fragment.len)
            u.fragment = base->fragment;
    }
    if (!reference->path.len && base->opaque.len) {
        u.opaque = base->opaque;
        return u;
    }
    u.host = base->host;
    u.user = base->user;
    u.password = base->password;
    u.has_user = base->has_user;
    u.has_password = base->has_password;
    set_path(a, without_dots(a, joined_path(a, written_path(a, base), written_path(a, reference))), &u, &ignored);
    return u;
}
