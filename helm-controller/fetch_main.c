// fetch_main.c - helm-fetch KIND WHAT: asks the network for what a rendering needs, so that `template` itself need not
// know how.
//
//   schema URL     a JSON schema          values URL     a file of values
//   address NAME   the addresses of a host, a line each; none if there are none
//
// The answer goes to stdout; on failure the reason goes there instead and the exit code is 1.

#include <netdb.h>
#include <stdio.h>

#include "web_fetch.h"

typedef bool fetch_fn(void *http, struct arena *a, const char *what, struct slice *out, struct error *err);

static bool addresses(void *http, struct arena *a, const char *name, struct slice *out, struct error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    struct buf text = BUF_IN(a);
    char address[NI_MAXHOST];
    if (getaddrinfo(name, NULL, &hints, &found) != 0)
        found = NULL;
    for (struct addrinfo *i = found; i; i = i->ai_next)
        if (getnameinfo(i->ai_addr, i->ai_addrlen, address, sizeof address, NULL, 0, NI_NUMERICHOST) == 0)
            buf_printf(&text, "%s\n", address);
    if (found)
        freeaddrinfo(found);
    *out = buf_view(&text);
    return true;
}

static const struct {
    const char *kind;
    fetch_fn *fetch;
} kinds[] = {{"schema", schema_fetch}, {"values", values_fetch}, {"address", addresses}};

int main(int argc, char **argv)
{
    fetch_fn *fetch = NULL;
    for (size_t i = 0; argc == 3 && i < ARRAY_LEN(kinds); i++)
        if (str_eq(argv[1], kinds[i].kind))
            fetch = kinds[i].fetch;
    if (!fetch) {
        fputs("usage: helm-fetch schema|values URL, helm-fetch address NAME\n", stderr);
        return 2;
    }
    struct arena *arena cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct slice answer;
    struct http *http = http_new(&(struct http_options){0}, &err);
    bool ok = http && fetch(http, arena, argv[2], &answer, &err);
    if (ok)
        fwrite(answer.data, 1, answer.len, stdout);
    else
        fputs(error_text(&err), stdout);
    if (http)
        http_free(http);
    return ok && fflush(stdout) == 0 ? 0 : 1;
}
