// challenge.c - authentication challenges (RFC 7235): Bearer realm="…",service="…".
#include "http/http.h"

#include <ctype.h>
#include <strings.h>

static bool is_token_char(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static const char *skip(const char *p, const char *what)
{
    return p + strspn(p, what);
}

static const char *token_end(const char *p)
{
    while (is_token_char(*p))
        p++;
    return p;
}

// After a parameter's "=": a quoted string or a token. *p is moved behind it.
static const char *param_value(struct arena *a, const char **p)
{
    const char *s = skip(*p, " \t");
    if (*s != '"') {
        const char *end = s + strcspn(s, ", \t");
        *p = end;
        return arena_strndup(a, s, (size_t)(end - s));
    }
    struct buf out = BUF_IN(a);
    for (s++; *s && *s != '"'; s++) {
        if (*s == '\\' && s[1])
            s++;
        buf_char(&out, *s);
    }
    *p = *s ? s + 1 : s;
    return arena_strdup(a, buf_cstr(&out));
}

// Reads one challenge at p and gives the position of the next one; NULL: there is none here.
static const char *parse_one(struct arena *a, const char *p, struct http_challenge *out)
{
    *out = (struct http_challenge){0};
    p = skip(p, " \t,");
    const char *end = token_end(p);
    if (end == p)
        return NULL;
    char *scheme = arena_strndup(a, p, (size_t)(end - p));
    for (char *c = scheme; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    out->scheme = scheme;
    for (p = skip(end, " \t"); *p;) {
        p = skip(p, " \t,");
        const char *name = p, *name_end = token_end(p);
        const char *equals = skip(name_end, " \t");
        if (name_end == name)
            return *p ? p + 1 : p; // a stray byte, or the end
        if (*equals != '=')
            return name; // a word without "=" is the next challenge's scheme
        p = equals + 1;
        const char *value = param_value(a, &p);
        if (out->param_count < ARRAY_LEN(out->params))
            out->params[out->param_count++] =
                (struct http_header){arena_strndup(a, name, (size_t)(name_end - name)), value};
    }
    return p;
}

bool http_challenge_parse(struct arena *a, const char *header, struct http_challenge *out)
{
    return parse_one(a, header, out) != NULL;
}

bool http_challenge_find(struct arena *a, const struct http_response *res, const char *scheme,
                         struct http_challenge *out)
{
    for (size_t i = 0; i < res->header_count; i++) {
        if (strcmp(res->headers[i].name, "www-authenticate"))
            continue;
        for (const char *p = res->headers[i].value; p && *p;) {
            const char *next = parse_one(a, p, out);
            if (next && !strcmp(out->scheme, scheme))
                return true;
            p = next;
        }
    }
    return false;
}

const char *http_challenge_param(const struct http_challenge *c, const char *name)
{
    for (size_t i = 0; i < c->param_count; i++)
        if (!strcasecmp(c->params[i].name, name))
            return c->params[i].value;
    return NULL;
}
