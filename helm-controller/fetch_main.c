// fetch_main.c - helm-fetch URL: prints a JSON schema from elsewhere, so that `template` itself need not know HTTP.
// The document goes to stdout; on failure the reason goes there instead and the exit code is 1.

#include <stdio.h>

#include "schema_fetch.h"

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: helm-fetch URL\n", stderr);
        return 2;
    }
    struct arena *arena cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct slice document;
    struct http *http = http_new(&(struct http_options){0}, &err);
    bool ok = http && schema_fetch(http, arena, argv[1], &document, &err);
    if (ok)
        fwrite(document.data, 1, document.len, stdout);
    else
        fputs(error_text(&err), stdout);
    if (http)
        http_free(http);
    return ok && fflush(stdout) == 0 ? 0 : 1;
}
