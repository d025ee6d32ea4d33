// fuzz_toml.c - TOML: what was read and can be written is read again, and is then written with the same bytes.
#include "fuzz.h"

#include "template/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct value v, again;
    struct buf first = BUF_IN(a), second = BUF_IN(a);
    if (!toml_read(a, fuzz_exact(a, slice_n((const char *)data, size)), &v, &err)) {
        fuzz_require_error(&err);
        return 0;
    }
    REQUIRE(value_is(v, V_DICT), "a document that is no table");
    if (!toml_write(&first, a, v, &err)) {
        fuzz_require_error(&err);
        return 0;
    }
    struct slice text = fuzz_exact(a, buf_view(&first));
    REQUIRE(toml_read(a, text, &again, &err), "what was written is not read: %s\n%s", error_text(&err),
            buf_cstr(&first));
    REQUIRE(toml_write(&second, a, again, &err), "not written again: %s\n%s", error_text(&err), buf_cstr(&first));
    REQUIRE(slice_eq(text, buf_view(&second)), "written twice:\n%s\n%s", buf_cstr(&first), buf_cstr(&second));
    return 0;
}
