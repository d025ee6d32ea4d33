// fuzz_semver.c - versions and ranges: a range, then one version a line. A version printed and read again is the same,
// the order is one, and a range's answer agrees with its reasons.
#include "fuzz.h"

#include "semver/semver.h"

enum { VERSIONS_MAX = 8 };

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static bool read_version(struct arena *a, const char *text, struct semver *out)
{
    struct error err cleanup(error_clear) = {0}, strict_err cleanup(error_clear) = {0};
    struct semver strict, again;
    bool ok = semver_parse(a, text, out, &err);
    if (semver_parse_strict(a, text, &strict, &strict_err))
        REQUIRE(ok && semver_compare(&strict, out) == 0, "%s: strictly a version, or another one", text);
    else
        fuzz_require_error(&strict_err);
    if (!ok) {
        fuzz_require_error(&err);
        return false;
    }
    const char *printed = semver_string(a, out);
    REQUIRE(semver_parse(a, printed, &again, &err), "%s: printed as %s: %s", text, printed, error_text(&err));
    REQUIRE(semver_compare(out, &again) == 0 && str_eq(out->meta, again.meta), "%s: printed as %s", text, printed);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct slice rest = slice_n((const char *)data, size), line;
    slice_cut(rest, '\n', &line, &rest);
    struct semver_constraint *range = semver_constraint_parse(a, slice_dup(a, line), &err);
    if (!range)
        fuzz_require_error(&err);
    struct semver versions[VERSIONS_MAX];
    size_t count = 0;
    while (rest.len && count < VERSIONS_MAX) {
        slice_cut(rest, '\n', &line, &rest);
        count += read_version(a, slice_dup(a, line), &versions[count]);
    }
    for (size_t i = 0; i < count; i++) {
        if (range)
            REQUIRE(semver_check(range, &versions[i]) == !semver_check_reason(a, range, &versions[i]),
                    "%s: the answer and its reasons differ", versions[i].original);
        for (size_t k = 0; k < count; k++) {
            int order = sign(semver_compare(&versions[i], &versions[k]));
            REQUIRE(order == -sign(semver_compare(&versions[k], &versions[i])), "no order");
            for (size_t m = 0; m < count && order <= 0; m++)
                if (semver_compare(&versions[k], &versions[m]) <= 0)
                    REQUIRE(semver_compare(&versions[i], &versions[m]) <= 0, "no order of three");
        }
    }
    return 0;
}
