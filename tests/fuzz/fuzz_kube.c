// fuzz_kube.c - the API server's answers as text: objects made compact, watch events, lists in pieces. Compact text is
// the same object without its managed fields, and a list gives the same items however it is cut.
#include "fuzz.h"

#include "kube/text.h"

struct items {
    struct arena *arena;
    VEC(const char *) texts;
};

static bool take(void *ctx, struct slice text, struct error *err)
{
    struct items *items = ctx;
    vec_push(items->arena, &items->texts, slice_dup(items->arena, text));
    return true;
}

static bool read_list(struct arena *a, struct slice text, size_t step, struct items *items, struct error *err)
{
    struct list_reader r = {.item = take, .ctx = items};
    struct value head;
    bool ok = true;
    list_reader_begin(&r);
    for (size_t at = 0; at < text.len && ok; at += step) {
        struct slice piece = fuzz_exact(a, slice_sub(text, at, at + step));
        ok = list_reader_feed(&r, piece.data, piece.len, err);
    }
    ok = ok && list_reader_end(&r, a, &head, err);
    list_reader_free(&r);
    return ok;
}

static void check_list(struct arena *a, struct slice text)
{
    struct error whole_err cleanup(error_clear) = {0}, err cleanup(error_clear) = {0};
    struct items whole = {.arena = a}, pieces = {.arena = a};
    bool ok = read_list(a, text, text.len + 1, &whole, &whole_err);
    REQUIRE(read_list(a, text, 3, &pieces, &err) == ok, "in pieces: %s; whole: %s", error_text(&err),
            error_text(&whole_err));
    if (!ok)
        fuzz_require_error(&whole_err);
    REQUIRE(whole.texts.len == pieces.texts.len || !ok, "%zu items, or %zu", whole.texts.len, pieces.texts.len);
    for (size_t i = 0; i < whole.texts.len && ok; i++)
        REQUIRE(str_eq(whole.texts.items[i], pieces.texts.items[i]), "another item");
}

static void check_compact(struct arena *a, struct slice text)
{
    static const struct object_form forms[] = {{"v1", "Secret", false}, {"meta/v1", "Partial", true}};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct error err cleanup(error_clear) = {0};
        struct object_text out;
        struct value before, after;
        if (!object_compact(a, text, &forms[i], &out, &err)) {
            fuzz_require_error(&err);
            continue;
        }
        REQUIRE(json_parse(a, out.text.data, out.text.len, 0, &after, &err), "no JSON: %.*s", SLICE_ARG(out.text));
        REQUIRE(value_is(after, V_DICT), "no object: %.*s", SLICE_ARG(out.text));
        REQUIRE(!value_has(value_get(after, "metadata"), "managedFields"), "managed fields: %.*s", SLICE_ARG(out.text));
        if (i > 0 || !json_parse(a, text.data, text.len, 0, &before, &err))
            continue;
        value_set_str(before, "apiVersion", "v1");
        value_set_str(before, "kind", "Secret");
        if (value_is(value_get(before, "metadata"), V_DICT))
            value_unset(value_get(before, "metadata"), "managedFields");
        REQUIRE(value_equal(before, after), "another object: %.*s", SLICE_ARG(out.text));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct slice text = fuzz_exact(a, slice_n((const char *)data, size));
    struct watch_event event;
    if (watch_event_read(text, &event, &err))
        check_compact(a, event.object);
    else
        fuzz_require_error(&err);
    check_compact(a, text);
    check_list(a, text);
    return 0;
}
