// sprig_url.c - Sprig's urlParse and urlJoin: Go's net/url, which follows RFC 3986 in its own way.
#include "template/sprig.h"

enum part { PART_PATH, PART_USER, PART_HOST, PART_FRAGMENT }; // each has its own set of bytes that need no escape

struct url {
    struct slice scheme, opaque, host, path, query, fragment;
    struct slice user, password;
    bool has_user, has_password;
};

static bool is_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool needs_escape(unsigned char c, enum part part)
{
    static const char *const plain[] = {
        [PART_PATH] = "$&+,/:;=@",
        [PART_USER] = "$&+,;=",
        [PART_HOST] = "!$&'()*+,;=:[]<>\"",
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

static bool unescape(struct arena *a, struct slice *s, enum part part, struct error *err)
{
    struct buf out = BUF_IN(a);
    for (size_t i = 0; i < s->len; i++) {
        unsigned char c = (unsigned char)s->data[i];
        if (c != '%') {
            if (part == PART_HOST && c < 0x80 && needs_escape(c, part))
                return error_set(err, ERROR_INVALID, "invalid character %s in host name",
                                 go_quoted(a, slice_sub(*s, i, i + 1)));
            buf_char(&out, (char)c);
            continue;
        }
        struct slice escape = slice_sub(*s, i, i + 3);
        int high = escape.len == 3 ? hex_value(escape.data[1]) : -1,
            low = escape.len == 3 ? hex_value(escape.data[2]) : -1;
        bool ascii_host = part == PART_HOST && high < 8 && !slice_eq_str(escape, "%25");
        if (high < 0 || low < 0 || ascii_host)
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

static bool parse_host(struct arena *a, struct slice host, struct url *u, struct error *err)
{
    struct slice port = {0};
    if (host.len && host.data[0] == '[') {
        ptrdiff_t close = last_of(host, ']');
        if (close < 0)
            return error_set(err, ERROR_INVALID, "missing ']' in host");
        port = slice_sub(host, (size_t)close + 1, host.len);
    } else if (last_of(host, ':') >= 0) {
        port = slice_sub(host, (size_t)last_of(host, ':'), host.len);
    }
    if (!valid_port(port))
        return error_set(err, ERROR_INVALID, "invalid port %s after host", go_quoted(a, port));
    u->host = host;
    return unescape(a, &u->host, PART_HOST, err);
}

static bool parse_authority(struct arena *a, struct slice authority, struct url *u, struct error *err)
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
static bool parse_scheme(struct arena *a, struct slice *rest, struct url *u, struct error *err)
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

static bool parse_before_fragment(struct arena *a, struct slice rest, struct url *u, struct error *err)
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
    slice_cut(rest, '?', &rest, &u->query);
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
    }
    u->path = rest;
    return unescape(a, &u->path, PART_PATH, err);
}

static bool parse_url(struct arena *a, struct slice text, struct url *u, struct error *err)
{
    struct slice front;
    *u = (struct url){0};
    slice_cut(text, '#', &front, &u->fragment);
    if (!parse_before_fragment(a, front, u, err))
        return error_wrap(err, "parse %s", go_quoted(a, front));
    if (!unescape(a, &u->fragment, PART_FRAGMENT, err))
        return error_wrap(err, "parse %s", go_quoted(a, text));
    return true;
}

// ---- writing --------------------------------------------------------------------------------------------------------

static void add_user(struct buf *out, const struct url *u)
{
    if (u->user.len == 0 && !u->has_password)
        return;
    add_escaped(out, u->user, PART_USER);
    if (!u->has_password)
        return;
    buf_char(out, ':');
    add_escaped(out, u->password, PART_USER);
}

static void add_hierarchy(struct buf *out, const struct url *u)
{
    if ((u->scheme.len || u->host.len || u->has_user) && (u->host.len || u->path.len || u->has_user)) {
        buf_str(out, "//");
        if (u->has_user) {
            add_user(out, u);
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
    if (slice_eq_str(u->path, "*"))
        buf_char(out, '*');
    else
        add_escaped(out, u->path, PART_PATH);
}

static void write_url(struct buf *out, const struct url *u)
{
    if (u->scheme.len) {
        buf_slice(out, u->scheme);
        buf_char(out, ':');
    }
    if (u->opaque.len)
        buf_slice(out, u->opaque);
    else
        add_hierarchy(out, u);
    if (u->query.len) {
        buf_char(out, '?');
        buf_slice(out, u->query);
    }
    if (u->fragment.len) {
        buf_char(out, '#');
        add_escaped(out, u->fragment, PART_FRAGMENT);
    }
}

// ---- the functions --------------------------------------------------------------------------------------------------

static struct slice host_name(struct slice host)
{
    if (host.len && host.data[0] == '[' && last_of(host, ']') > 0)
        return slice_sub(host, 1, (size_t)last_of(host, ']'));
    ptrdiff_t colon = slice_find_char(host, ':');
    return colon < 0 ? host : slice_sub(host, 0, (size_t)colon);
}

static void set_part(struct template_call *call, struct value dict, const char *key, struct slice part)
{
    value_set(dict, key, sprig_copy(call, part));
}

static bool fn_url_parse(struct template_call *call, struct value *result)
{
    struct url u;
    if (!parse_url(call->arena, arg_text(call, 0), &u, call->err))
        return error_wrap(call->err, "unable to parse url");
    struct buf user = BUF_IN(call->arena);
    add_user(&user, &u);
    *result = value_dict(call->arena);
    set_part(call, *result, "scheme", u.scheme);
    set_part(call, *result, "host", u.host);
    set_part(call, *result, "hostname", host_name(u.host));
    set_part(call, *result, "path", u.path);
    set_part(call, *result, "query", u.query);
    set_part(call, *result, "opaque", u.opaque);
    set_part(call, *result, "fragment", u.fragment);
    set_part(call, *result, "userinfo", slice_n(buf_cstr(&user), user.len));
    return true;
}

static bool get_part(struct template_call *call, const char *key, struct slice *out)
{
    struct value part;
    *out = slice_of("");
    if (!value_find(call->args[0], key, strlen(key), &part))
        return true;
    *out = value_slice(part);
    if (part.kind == V_STRING)
        return true;
    if (part.kind == V_NULL)
        return sprig_fail(call, "runtime error: invalid memory address or nil pointer dereference");
    return sprig_fail(call, "unable to parse %s key, must be of type string, but %s found", key, value_go_kind(part));
}

static bool fn_url_join(struct template_call *call, struct value *result)
{
    struct url u = {0};
    struct slice user;
    if (!get_part(call, "scheme", &u.scheme) || !get_part(call, "host", &u.host) || !get_part(call, "path", &u.path) ||
        !get_part(call, "query", &u.query) || !get_part(call, "opaque", &u.opaque) ||
        !get_part(call, "fragment", &u.fragment) || !get_part(call, "userinfo", &user))
        return false;
    if (user.len) {
        struct url with_user;
        char *text = arena_printf(call->arena, "proto://%.*s@host", SLICE_ARG(user));
        if (!parse_url(call->arena, slice_of(text), &with_user, call->err))
            return error_wrap(call->err, "unable to parse userinfo in dict");
        u.user = with_user.user;
        u.password = with_user.password;
        u.has_user = with_user.has_user;
        u.has_password = with_user.has_password;
    }
    struct buf out = BUF_IN(call->arena);
    write_url(&out, &u);
    *result = call_text(call, &out);
    return true;
}

static const struct template_func items[] = {{"urlJoin", "m", fn_url_join}, {"urlParse", "s", fn_url_parse}};
const struct template_funcs sprig_url = {.items = items, .count = ARRAY_LEN(items)};
