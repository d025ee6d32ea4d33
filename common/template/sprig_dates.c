// sprig_dates.c - Sprig's dates and durations.
#include "template/go_time.h"
#include "template/node.h"
#include "template/sprig.h"

#include <time.h>

static struct moment now_in(const struct zone *zone)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (struct moment){ts.tv_sec, (int32_t)ts.tv_nsec, zone};
}

// ---- functions ------------------------------------------------------------------------------------------------------

// What Sprig takes for a date: a time, seconds since 1970, or anything else for now.
static struct moment date_of(struct value v)
{
    const struct moment *m = time_moment(v);
    if (m)
        return *m;
    if (v.kind == V_INT && (v.go == GO_DEFAULT || v.go == GO_INT || v.go == GO_INT32))
        return (struct moment){v.integer, 0, zone_utc()};
    return now_in(zone_utc());
}

static bool format_in(struct template_call *call, struct slice layout, struct value date, const char *zone,
                      struct value *result)
{
    struct moment m = date_of(date);
    m.zone = zone_load(call->arena, zone);
    if (!m.zone)
        m.zone = zone_utc();
    struct buf out = BUF_IN(call->arena);
    layout_format(&out, layout, m);
    *result = call_text(call, &out);
    return true;
}

static bool fn_date(struct template_call *call, struct value *result)
{
    return format_in(call, arg_text(call, 0), call->args[1], "Local", result);
}

static bool fn_date_in_zone(struct template_call *call, struct value *result)
{
    return format_in(call, arg_text(call, 0), call->args[1], call->args[2].data, result);
}

static bool fn_html_date(struct template_call *call, struct value *result)
{
    return format_in(call, SLICE("2006-01-02"), call->args[0], "Local", result);
}

static bool fn_html_date_in_zone(struct template_call *call, struct value *result)
{
    return format_in(call, SLICE("2006-01-02"), call->args[0], call->args[1].data, result);
}

static bool fn_now(struct template_call *call, struct value *result)
{
    *result = time_value(call->arena, now_in(zone_load(call->arena, "Local")));
    return true;
}

static bool fn_unix_epoch(struct template_call *call, struct value *result)
{
    *result = value_printf(call->arena, "%lld", (long long)time_moment(call->args[0])->s);
    return true;
}

// The first unit that time.ParseDuration would not know, in a text that it refuses. False: the fault lies elsewhere.
static bool bad_unit(struct slice text, struct slice *unit)
{
    static const char *const units[] = {"ns", "us", "\u00b5s", "\u03bcs", "ms", "s", "m", "h"};
    size_t i = text.len && strchr("+-", text.data[0]) ? 1 : 0;
    while (i < text.len) {
        size_t start = i, digits = 0, point = 0;
        for (; i < text.len && ((text.data[i] >= '0' && text.data[i] <= '9') || (text.data[i] == '.' && !point++)); i++)
            digits += text.data[i] != '.';
        if (!digits || i - start > 19) // no number, or one that overflows
            return false;
        *unit = slice_sub(text, i, text.len);
        for (size_t k = 0; k < unit->len && unit->len; k++)
            if (unit->data[k] == '.' || (unit->data[k] >= '0' && unit->data[k] <= '9'))
                *unit = slice_sub(*unit, 0, k);
        bool known = false;
        for (size_t k = 0; k < ARRAY_LEN(units); k++)
            known |= slice_eq_str(*unit, units[k]);
        if (!known)
            return true;
        i += unit->len;
    }
    return false;
}

bool go_parse_duration(struct arena *a, struct slice text, int64_t *ns, struct error *err)
{
    struct slice unit;
    if (duration_parse(text.data, ns))
        return true;
    const char *shown = time_quote(a, text);
    if (!bad_unit(text, &unit))
        return error_set(err, ERROR_INVALID, "time: invalid duration %s", shown);
    if (unit.len == 0)
        return error_set(err, ERROR_INVALID, "time: missing unit in duration %s", shown);
    return error_set(err, ERROR_INVALID, "time: unknown unit %s in duration %s", time_quote(a, unit), shown);
}

static bool fn_date_modify(struct template_call *call, struct value *result)
{
    int64_t ns;
    *result = call->args[1];
    if (duration_parse(call->args[0].data, &ns))
        *result = time_value(call->arena, time_later(*time_moment(call->args[1]), ns));
    return true;
}

static bool fn_must_date_modify(struct template_call *call, struct value *result)
{
    int64_t ns;
    if (!go_parse_duration(call->arena, value_slice(call->args[0]), &ns, call->err))
        return false;
    *result = time_value(call->arena, time_later(*time_moment(call->args[1]), ns));
    return true;
}

static bool to_date(struct template_call *call, bool must, struct value *result)
{
    struct moment m;
    const struct zone *local = zone_load(call->arena, "Local");
    if (!layout_parse(call->arena, arg_text(call, 0), arg_text(call, 1), local, &m, call->err)) {
        if (must)
            return false;
        error_clear(call->err);
        m = (struct moment){civil_seconds(1, 1, 1, 0, 0, 0), 0, zone_utc()};
    }
    *result = time_value(call->arena, m);
    return true;
}

static bool fn_to_date(struct template_call *call, struct value *result)
{
    return to_date(call, false, result);
}

static bool fn_must_to_date(struct template_call *call, struct value *result)
{
    return to_date(call, true, result);
}

static int64_t since(struct moment then)
{
    return time_between(then, now_in(zone_utc()));
}

static bool fn_ago(struct template_call *call, struct value *result)
{
    int64_t ns = since(date_of(call->args[0]));
    int64_t rounded;
    if (!__builtin_add_overflow(ns, ns < 0 ? -500000000 : 500000000, &rounded))
        ns = rounded / 1000000000 * 1000000000;
    *result = value_string(duration_format(call->arena, ns));
    return true;
}

static bool fn_duration(struct template_call *call, struct value *result)
{
    struct value v = call->args[0];
    int64_t seconds = 0;
    if (v.kind == V_STRING) // a number alone: "1.5" counts as nothing
        go_parse_int(value_slice(v), 10, &seconds);
    else if (v.kind == V_INT && v.go == GO_DEFAULT)
        seconds = v.integer;
    *result = value_string(duration_format(call->arena, (int64_t)((uint64_t)seconds * 1000000000u)));
    return true;
}

static bool fn_duration_round(struct template_call *call, struct value *result)
{
    static const struct {
        uint64_t seconds;
        const char *unit;
    } units[] = {{365 * 86400, "y"}, {30 * 86400, "mo"}, {86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
    struct value v = call->args[0];
    int64_t ns = 0;
    if (v.kind == V_STRING && !duration_parse(v.data, &ns))
        ns = 0;
    else if (v.kind == V_INT && v.go == GO_DEFAULT)
        ns = v.integer;
    else if (time_moment(v))
        ns = since(*time_moment(v));
    uint64_t u = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    *result = value_string("0s");
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        uint64_t unit = units[i].seconds * 1000000000u;
        if (u <= unit)
            continue;
        *result = value_printf(call->arena, "%llu%s", (unsigned long long)(u / unit), units[i].unit);
        break;
    }
    return true;
}

static const struct template_func items[] = {
    {"ago", "v", fn_ago},
    {"date", "sv", fn_date},
    {"dateInZone", "svs", fn_date_in_zone},
    {"dateModify", "st", fn_date_modify},
    {"date_in_zone", "svs", fn_date_in_zone},
    {"date_modify", "st", fn_date_modify},
    {"duration", "v", fn_duration},
    {"durationRound", "v", fn_duration_round},
    {"htmlDate", "v", fn_html_date},
    {"htmlDateInZone", "vs", fn_html_date_in_zone},
    {"mustDateModify", "st", fn_must_date_modify},
    {"mustToDate", "ss", fn_must_to_date},
    {"must_date_modify", "st", fn_must_date_modify},
    {"now", "", fn_now},
    {"toDate", "ss", fn_to_date},
    {"unixEpoch", "t", fn_unix_epoch},
};
const struct template_funcs sprig_dates = {.items = items, .count = ARRAY_LEN(items)};
