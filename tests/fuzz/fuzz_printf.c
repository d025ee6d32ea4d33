// fuzz_printf.c - fmt.Sprintf: a format, then its arguments as a YAML list. It prints the same twice, within the limit
// of the arena, and a format without a percent sign and without arguments prints itself.
#include "fuzz.h"

#include "template/template.h"

enum { ARGS_MAX = 12, MEMORY_MAX = 32 << 20 };

static size_t arguments(struct arena *a, struct slice yaml, struct value *args)
{
    struct error ignored cleanup(error_clear) = {0};
    struct value list;
    if (!yaml_parse(a, yaml.data, yaml.len, 0, &list, &ignored) || !value_is(list, V_LIST))
        return 0;
    size_t n = 0;
    for (size_t i = 0; i < value_len(list) && n + 3 < ARGS_MAX; i++) {
        struct value v = value_at(list, i);
        args[n++] = v;
        if (v.kind == V_INT) { // the other types of numbers
            args[n++] = value_int_of((enum value_go)(GO_INT + i % (GO_UINT64 - GO_INT + 1)), v.integer & 0x7f);
            args[n++] = (struct value){.kind = V_FLOAT, .go = GO_FLOAT32, .number = (float)v.integer};
        } else if (v.kind == V_STRING) {
            args[n++] = value_bytes(v.data, v.len);
        }
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct slice rest = slice_n((const char *)data, size), format = fuzz_exact(a, fuzz_part(&rest));
    struct value args[ARGS_MAX];
    size_t argc = arguments(a, rest, args);
    struct buf out = BUF_IN(a), again = BUF_IN(a);
    arena_limit(a, arena_used(a) + MEMORY_MAX);
    go_sprintf(&out, a, format, args, argc);
    REQUIRE(out.len <= MEMORY_MAX && arena_used(a) <= 2 * MEMORY_MAX, "%zu bytes", out.len);
    if (arena_full(a))
        return 0;
    arena_limit(a, 0);
    go_sprintf(&again, a, format, args, argc);
    REQUIRE(slice_eq(buf_view(&out), buf_view(&again)), "%s: printed again as %s", buf_cstr(&out), buf_cstr(&again));
    if (slice_find_char(format, '%') < 0 && argc == 0)
        REQUIRE(slice_eq(buf_view(&out), format), "%s", buf_cstr(&out));
    return 0;
}
