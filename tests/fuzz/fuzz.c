// fuzz.c - what the fuzz targets share.
#include "fuzz.h"

#include <stdio.h>

void fuzz_broken(const char *file, int line, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "%s:%d: ", file, line);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

void fuzz_require_error(const struct error *err)
{
    REQUIRE(err->class, "failed without an error");
    REQUIRE(!str_empty(err->message), "an error without words");
}

struct slice fuzz_part(struct slice *rest)
{
    ptrdiff_t at = slice_find(*rest, SLICE("\n%%\n"));
    struct slice part = slice_sub(*rest, 0, at < 0 ? rest->len : (size_t)at + 1);
    *rest = slice_sub(*rest, at < 0 ? rest->len : (size_t)at + 4, rest->len);
    return part;
}

struct slice fuzz_exact(struct arena *a, struct slice s)
{
    char *copy = arena_alloc(a, s.len);
    if (s.len)
        memcpy(copy, s.data, s.len);
    return slice_n(copy, s.len);
}
