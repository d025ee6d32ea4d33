// sprig_url.c - Sprig's urlParse and urlJoin.
#include "template/sprig.h"

#include "value/go_url.h"

static void set_part(struct template_call *call, struct value dict, const char *key, struct slice part)
{
    value_set(dict, key, sprig_copy(call, part));
}

static bool fn_url_parse(struct template_call *call, struct value *result)
{
    struct go_url u;
    if (!go_url_parse(call->arena, arg_text(call, 0), &u, call->err))
        return error_wrap(call->err, "unable to parse url");
    struct buf user = BUF_IN(call->arena);
    go_url_write_user(&user, &u);
    *result = value_dict(call->arena);
    set_part(call, *result, "scheme", u.scheme);
    set_part(call, *result, "host", u.host);
    set_part(call, *result, "hostname", go_url_host_name(&u));
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
    struct go_url u = {0};
    struct slice user;
    if (!get_part(call, "scheme", &u.scheme) || !get_part(call, "host", &u.host) || !get_part(call, "path", &u.path) ||
        !get_part(call, "query", &u.query) || !get_part(call, "opaque", &u.opaque) ||
        !get_part(call, "fragment", &u.fragment) || !get_part(call, "userinfo", &user))
        return false;
    if (user.len) {
        struct go_url with_user;
        struct buf text = BUF_IN(call->arena);
        buf_str(&text, "proto://");
        buf_slice(&text, user);
        buf_str(&text, "@host");
        if (!go_url_parse(call->arena, buf_view(&text), &with_user, call->err))
            return error_wrap(call->err, "unable to parse userinfo in dict");
        u.user = with_user.user;
        u.password = with_user.password;
        u.has_user = with_user.has_user;
        u.has_password = with_user.has_password;
    }
    struct buf out = BUF_IN(call->arena);
    go_url_write(&out, &u);
    *result = call_text(call, &out);
    return true;
}

static const struct template_func items[] = {{"urlJoin", "m", fn_url_join}, {"urlParse", "s", fn_url_parse}};
const struct template_funcs sprig_url = {.items = items, .count = ARRAY_LEN(items)};
