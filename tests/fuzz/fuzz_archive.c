// fuzz_archive.c - tar and tar.gz, and charts in them. Entries stay inside, in memory as on disk, and within the
// limits. A second try mends the checksums of tar headers, so that changed headers get past them, and packs the tar
// with gzip.
#include "fuzz.h"

#include "archive/archive.h"
#include "chart/chart.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { TOTAL_MAX = 8 << 20, FILE_MAX_BYTES = 4 << 20, ENTRIES_MAX = 200, BLOCK = 512 };
static const struct archive_limits limits = {.total = TOTAL_MAX, .file = FILE_MAX_BYTES, .entries = ENTRIES_MAX};

struct seen {
    size_t entries, total;
};

static bool entry(void *ctx, const struct archive_entry *e, struct error *err)
{
    struct seen *seen = ctx;
    seen->total += e->data.len;
    REQUIRE(++seen->entries <= ENTRIES_MAX && seen->total <= TOTAL_MAX, "over the limits");
    REQUIRE(*e->path && e->path[0] != '/' && path_is_local(e->path), "%s: not inside", e->path);
    struct slice part, rest = slice_of(e->path);
    while (rest.len) {
        slice_cut(rest, '/', &part, &rest);
        REQUIRE(part.len && !slice_eq_str(part, ".."), "%s: not clean", e->path);
    }
    REQUIRE(!(e->mode & ~0777u), "%s: mode %o", e->path, e->mode);
    REQUIRE(!e->symlink || (!str_empty(e->link) && e->link[0] != '/'), "%s: a link to elsewhere", e->path);
    return true;
}

// ---- on disk ------------------------------------------------------------------------------------------------------

static char root[64]; // a folder of this process: "in" is unpacked to, and whatever else appears there is an escape

static int look(const char *path, const struct stat *st, int type, struct FTW *at)
{
    REQUIRE(S_ISREG(st->st_mode) || S_ISDIR(st->st_mode) || S_ISLNK(st->st_mode), "%s: mode %o", path, st->st_mode);
    REQUIRE(S_ISLNK(st->st_mode) || !(st->st_mode & 07022), "%s: mode %o", path, st->st_mode);
    if (S_ISLNK(st->st_mode)) { // where it leads, if anywhere, is inside
        char *target cleanup(cleanup_free) = realpath(path, NULL);
        char *inside cleanup(cleanup_free) = xasprintf("%s/in", root);
        REQUIRE(!target || str_has_prefix(target, inside), "%s leads to %s", path, target);
    }
    return 0;
}

static void end(void)
{
    struct error err cleanup(error_clear) = {0};
    dir_remove_all(root, &err);
}

static void begin(void)
{
    if (root[0])
        return;
    snprintf(root, sizeof root, "%s/runnel-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(root))
        abort();
    atexit(end);
}

static void check_unpack(struct arena *a, struct slice archive)
{
    begin();
    struct error err cleanup(error_clear) = {0};
    char *in = path_join(a, root, "in"), *file = path_join(a, root, "archive");
    FILE *f = fopen(file, "w");
    if (!f || fwrite(archive.data, 1, archive.len, f) != archive.len || fclose(f) != 0 || mkdir(in, 0755) != 0)
        abort();
    if (!archive_unpack(file, in, &limits, &err))
        fuzz_require_error(&err);
    nftw(in, look, 16, FTW_PHYS);
    REQUIRE(dir_remove_all(in, &err), "%s", error_text(&err));
    unlink(file);
    REQUIRE(rmdir(root) == 0, "something was written outside");
    if (mkdir(root, 0700) != 0)
        abort();
}

// ---- all ways -----------------------------------------------------------------------------------------------------

static void check(struct slice archive)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct seen seen = {0};
    archive = fuzz_exact(a, archive);
    if (!archive_read(a, archive, &limits, entry, &seen, &err))
        fuzz_require_error(&err);
    if (seen.entries)
        check_unpack(a, archive);
    struct error chart_err cleanup(error_clear) = {0};
    struct chart *c = chart_load_archive(a, archive, &chart_err);
    if (!c) {
        fuzz_require_error(&chart_err);
        return;
    }
    struct error ignored cleanup(error_clear) = {0};
    size_t crds;
    chart_validate(c, &ignored);
    chart_crds(a, c, &crds);
    chart_template_view(a, c);
    chart_full_path(a, c);
    struct chart *own = chart_with_dependencies(a, c, VALUE_NULL, &ignored);
    struct value values;
    if (own)
        chart_coalesce(a, own, value_dict(a), &values, &ignored);
}

// Writes each header's checksum anew. A header's size field leads to the next one; where it is no number, the next
// block is taken for a header.
static void mend_checksums(char *tar, size_t len)
{
    for (size_t at = 0; at + BLOCK <= len;) {
        char *h = tar + at;
        unsigned sum = 0;
        memset(h + 148, ' ', 8);
        for (size_t i = 0; i < BLOCK; i++)
            sum += (unsigned char)h[i];
        if (sum == 8 * ' ')
            memset(h + 148, 0, 8); // the end of the archive
        else
            snprintf(h + 148, 8, "%06o", sum);
        char digits[13] = {0};
        memcpy(digits, h + 124, 12);
        unsigned long long size = strtoull(digits, NULL, 8);
        at += BLOCK + (size < len ? (size + BLOCK - 1) / BLOCK * BLOCK : 0);
    }
}

static struct slice gzipped(struct arena *a, struct slice tar)
{
    z_stream z = {0};
    deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    size_t room = deflateBound(&z, tar.len);
    char *out = arena_alloc(a, room);
    z.next_in = (Bytef *)(uintptr_t)tar.data;
    z.avail_in = (uInt)tar.len;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)room;
    REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END, "deflate");
    deflateEnd(&z);
    return slice_n(out, room - z.avail_out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice raw = slice_n((const char *)data, size);
    check(raw);
    if (size < BLOCK || slice_has_prefix(raw, SLICE("\x1f\x8b")))
        return 0;
    struct arena *a cleanup(cleanup_arena) = arena_new();
    char *mended = arena_strndup(a, raw.data, raw.len);
    mend_checksums(mended, size);
    check(gzipped(a, slice_n(mended, size)));
    return 0;
}
