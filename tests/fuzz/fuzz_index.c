// fuzz_index.c - index.yaml of a Helm repository. Every version that is found belongs to its chart and lies in the
// range.
#include "fuzz.h"

#include "chart/chart.h"
#include "semver/semver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const ranges[] = {"", "*", ">=0.0.0-0", "^1", "1.2.3", "not a range"};
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct chart_index *index = chart_index_parse(a, fuzz_exact(a, slice_n((const char *)data, size)), &err);
    if (!index) {
        fuzz_require_error(&err);
        return 0;
    }
    struct value names = chart_index_names(a, index);
    for (size_t i = 0; i < value_len(names) && i < 20; i++) {
        const char *name = value_str(value_at(names, i));
        for (size_t k = 0; k < ARRAY_LEN(ranges); k++) {
            struct error missing cleanup(error_clear) = {0};
            struct chart_index_entry found;
            struct semver version;
            if (!chart_index_find(a, index, name, ranges[k], &found, &missing)) {
                fuzz_require_error(&missing);
                continue;
            }
            REQUIRE(value_is(found.metadata, V_DICT), "%s: no entry", name);
            REQUIRE(semver_parse(a, found.version, &version, &missing), "%s: %s is no version", name, found.version);
            struct semver_constraint *c = semver_constraint_parse(a, ranges[k][0] ? ranges[k] : "*", &missing);
            REQUIRE(str_eq(found.version, ranges[k]) || (c && semver_check(c, &version)), "%s: %s is not in \"%s\"",
                    name, found.version, ranges[k]);
        }
    }
    return 0;
}
