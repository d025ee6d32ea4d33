// fuzz_git.c - what a Git server and a user say of references: a URL, what is wanted ("tag v1"), the advertisement
// ("HASH NAME" a line), and the packets of a push. What is chosen was advertised, or is the commit that was asked for.
#include "fuzz.h"

#include "git/private.h"

enum { HEADS_MAX = 64 };

static void check_url(struct arena *a, const char *url)
{
    struct error err cleanup(error_clear) = {0};
    struct repo_location location;
    if (!repo_location_parse(a, url, &location, &err)) {
        fuzz_require_error(&err);
        return;
    }
    REQUIRE(!str_empty(location.printable), "no URL to show");
    if (location.transport == GIT_OVER_SSH) {
        REQUIRE(!str_empty(location.host) && location.host[0] != '-' && !str_empty(location.path), "%s: no host", url);
        REQUIRE(location.port >= 0 && location.port <= 65535, "%s: port %d", url, location.port);
    }
}

static struct repo_ref wanted(struct arena *a, struct slice lines)
{
    struct repo_ref ref = {0};
    const char **fields[] = {&ref.branch, &ref.tag, &ref.semver, &ref.name, &ref.commit};
    static const char *const names[] = {"branch", "tag", "semver", "name", "commit"};
    while (lines.len) {
        struct slice line, name, value;
        slice_cut(lines, '\n', &line, &lines);
        slice_cut(line, ' ', &name, &value);
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
            if (slice_eq_str(name, names[i]))
                *fields[i] = slice_dup(a, value);
    }
    return ref;
}

static void check_choice(struct arena *a, const struct repo_ref *ref, struct slice lines)
{
    struct error err cleanup(error_clear) = {0};
    struct repo_head heads[HEADS_MAX];
    size_t count = 0;
    while (lines.len && count < HEADS_MAX) {
        struct slice line, hash, name;
        slice_cut(lines, '\n', &line, &lines);
        if (slice_cut(line, ' ', &hash, &name) && repo_hash_valid(slice_dup(a, hash)))
            heads[count++] = (struct repo_head){.name = slice_dup(a, name), .hash = slice_dup(a, hash)};
    }
    struct repo_choice choice = {0};
    if (!repo_choose(a, ref, heads, count, &choice, &err)) {
        fuzz_require_error(&err);
        return;
    }
    if (choice.hash) {
        bool known = str_eq(choice.hash, ref->commit);
        for (size_t i = 0; i < count; i++)
            known |= str_eq(choice.hash, heads[i].hash);
        REQUIRE(known, "%s was not advertised", choice.hash);
        repo_revision(a, choice.reference, choice.by_name, choice.hash);
    }
}

// The server's first words, then what libgit2 writes, in pieces.
static void check_packets(struct arena *a, struct slice heard, struct slice written)
{
    static const char *const options[] = {"a=b", "c", NULL};
    const struct repo_remote remote = {.push_options = options};
    struct repo_call call = {.arena = a, .remote = &remote};
    size_t step = written.len / 3 + 1, sent = 0;
    repo_push_options_hear(&call, heard.data, heard.len);
    for (size_t at = 0; at < written.len; at += step) {
        struct slice piece = fuzz_exact(a, slice_sub(written, at, at + step));
        const char *data = piece.data;
        size_t len = piece.len;
        struct buf out = {0};
        bool ok = repo_push_options_insert(&call, &data, &len, &out);
        if (!ok)
            fuzz_require_error(&call.error);
        sent += len;
        buf_free(&out);
        if (!ok)
            break;
    }
    REQUIRE(sent <= written.len + 100, "%zu bytes sent of %zu", sent, written.len);
    buf_free(&call.heard);
    buf_free(&call.updates);
    error_clear(&call.error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    if (!ready && !repo_setup(&err))
        abort();
    ready = true;
    struct slice rest = slice_n((const char *)data, size);
    const char *url = slice_dup(a, slice_trim_space(fuzz_part(&rest)));
    struct repo_ref ref = wanted(a, fuzz_part(&rest));
    struct slice advertised = fuzz_part(&rest);
    check_url(a, url);
    check_choice(a, &ref, advertised);
    check_packets(a, advertised, rest);
    bool safe = repo_path_safe(url);
    REQUIRE(!safe || (url[0] != '/' && path_is_local(url)), "%s: safe", url);
    return 0;
}
