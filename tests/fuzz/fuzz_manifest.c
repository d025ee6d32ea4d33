// fuzz_manifest.c - what templates printed, cut into documents and sorted into objects and hooks. No document is lost,
// and the stored manifest reads back as what was stored, but for what has no kind.
#include "fuzz.h"

#include "manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct slice stream = slice_n((const char *)data, size);
    slice_list pieces = manifest_split(a, fuzz_exact(a, stream));
    struct slice writable = slice_n(arena_strndup(a, stream.data, stream.len), stream.len);
    struct manifest_file file = {.path = "c/templates/a.yaml", .text = writable};
    manifest_list objects = {0}, again = {0};
    hook_list hooks = {0};
    if (!manifests_sort(a, &file, 1, &objects, &hooks, NULL, &err)) {
        fuzz_require_error(&err);
        REQUIRE(slice_eq(writable, stream), "failed, and changed the file");
        return 0;
    }
    REQUIRE(objects.len + hooks.len <= pieces.len, "more objects than documents");
    struct buf stored = BUF_IN(a);
    size_t kinds = 0;
    for (size_t i = 0; i < objects.len; i++) {
        const struct manifest *m = &objects.items[i];
        REQUIRE(strlen(m->text) == m->len || memchr(m->text, 0, m->len), "a text without an end");
        REQUIRE(m->kind && m->api_version && m->name && m->namespace, "a field that is none");
        if (i)
            REQUIRE(manifest_compare_kind(objects.items[i - 1].kind, m->kind) <= 0, "not in order");
        kinds += *m->kind != 0;
        if (str_has_prefix(m->text, "---"))
            return 0; // what is left of "------" is a separator to the second reader
        buf_printf(&stored, "---\n# Source: %s\n%s\n", m->source, m->text);
    }
    for (enum hook_event event = HOOK_PRE_INSTALL; event <= HOOK_TEST; event <<= 1) {
        hook_list ran = hooks_for_event(a, &hooks, event);
        for (size_t i = 0; i < ran.len; i++)
            REQUIRE(ran.items[i].events & event, "a hook of another event");
    }
    manifests_sort_uninstall(&objects);
    if (slice_find_char(stream, 0) >= 0) // a text ends there
        return 0;
    REQUIRE(manifests_parse(a, buf_view(&stored), &again, &err), "what was stored is not read: %s", error_text(&err));
    REQUIRE(again.len == kinds, "%zu objects of %zu", again.len, kinds);
    return 0;
}
