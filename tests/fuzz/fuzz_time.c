// fuzz_time.c - times and durations: a layout, a text, a zone's name. What is read with a layout, printed with
// nanoseconds and read again is the same instant; durations print as what they are.
#include "fuzz.h"

#include "template/layout.h"

static const struct slice nano = {"2006-01-02T15:04:05.999999999Z07:00", 35};

static void check_duration(struct arena *a, const char *text)
{
    int64_t ns, again, us;
    if (duration_parse(text, &ns))
        REQUIRE(duration_parse(duration_format(a, ns), &again) && again == ns, "%s: %s", text, duration_format(a, ns));
    if (time_parse_rfc3339(text, &us)) {
        char shown[RFC3339_LEN];
        time_rfc3339_micro(us, shown);
        REQUIRE(time_parse_rfc3339(shown, &again) && again == us, "%s: %s", text, shown);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct slice rest = slice_n((const char *)data, size), layout = fuzz_exact(a, fuzz_part(&rest));
    struct slice text = fuzz_exact(a, slice_trim_space(fuzz_part(&rest)));
    layout = slice_trim_space(layout);
    const struct zone *zone = zone_load(a, slice_dup(a, slice_trim_space(rest)));
    struct moment t, again;
    struct buf shown = BUF_IN(a), free_form = BUF_IN(a);
    check_duration(a, slice_dup(a, text));
    if (!layout_parse(a, layout, text, zone ? zone : zone_utc(), &t, &err)) {
        fuzz_require_error(&err);
        return 0;
    }
    REQUIRE(t.ns >= 0 && t.ns < 1000000000, "%d ns", t.ns);
    layout_format(&free_form, layout, t);
    layout_format(&shown, nano, t);
    struct civil local = civil_of(t.s + zone_at(t.zone, t.s).offset);
    // What a year of five digits or an offset with seconds would be, RFC 3339 cannot say.
    if (local.year < 0 || local.year > 9999 || zone_at(t.zone, t.s).offset % 60 ||
        abs(zone_at(t.zone, t.s).offset) >= 86400)
        return 0;
    REQUIRE(layout_parse(a, nano, buf_view(&shown), zone_utc(), &again, &err), "%s: %s", buf_cstr(&shown),
            error_text(&err));
    REQUIRE(t.s == again.s && t.ns == again.ns, "%s: another instant", buf_cstr(&shown));
    return 0;
}
