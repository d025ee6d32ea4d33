// fuzz_json.c - JSON: what was read, written in any form and read again is the same; each form is valid UTF-8.
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int read_flags[] = {0, JSON_FLOATS},
                     write_flags[] = {0, JSON_HTML, JSON_INDENT, JSON_HTML | JSON_INDENT};
    struct arena *a cleanup(cleanup_arena) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(read_flags); i++) {
        struct error err cleanup(error_clear) = {0};
        struct value v, again;
        if (!json_parse(a, (const char *)data, size, read_flags[i], &v, &err)) {
            fuzz_require_error(&err);
            REQUIRE(err.code >= 0 && (size_t)err.code <= size, "an offset of %d in %zu bytes", err.code, size);
            continue;
        }
        for (size_t k = 0; k < ARRAY_LEN(write_flags); k++) {
            struct buf first = BUF_IN(a), second = BUF_IN(a);
            REQUIRE(json_write(&first, v, write_flags[k]), "what was read cannot be written");
            REQUIRE(utf8_valid(first.data, first.len), "bad UTF-8: %s", first.data);
            struct slice text = fuzz_exact(a, buf_view(&first));
            REQUIRE(json_parse(a, text.data, text.len, read_flags[i], &again, &err),
                    "what was written is not read: %s\n%s", error_text(&err), first.data);
            REQUIRE(value_equal(v, again), "what was written reads as something else: %s", first.data);
            if (!(read_flags[i] & JSON_FLOATS))
                continue; // -0.0 is written as -0, which is an integer
            REQUIRE(json_write(&second, again, write_flags[k]) && slice_eq(buf_view(&first), buf_view(&second)),
                    "written twice: %s\n%s", first.data, second.data);
        }
    }
    return 0;
}
