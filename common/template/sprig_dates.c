// sprig_dates.c - Sprig's dates and durations, and Go's time.Time with the methods that templates can use.
#include "template/layout.h"
#include "template/node.h"
#include "template/sprig.h"

#include <time.h>

struct instant {
    struct object object; // first
    struct moment moment;
};

struct named { // time.Month and time.Weekday
    struct object object; // first
    const char *name;
};

static const struct value_class time_class, month_class, weekday_class;

struct value sprig_time(struct arena *a, struct moment m)
{
    struct instant *t = arena_new_of(a, struct instant);
    *t = (struct instant){{&time_class}, m};
    return value_object(&t->object);
}

static struct moment moment_of(struct object *self)
{
    return ((struct instant *)self)->moment;
}

static struct civil civil_now(struct object *self)
{
    struct moment m = moment_of(self);
    return civil_of(m.s + zone_at(m.zone, m.s).offset);
}

static struct moment now_in(const struct zone *zone)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (struct moment){ts.tv_sec, (int32_t)ts.tv_nsec, zone};
}

// ---- methods --------------------------------------------------------------------------------------------------------

#define TIME_METHOD(name, expression)                                                                                  \
    static bool time_##name(struct object *self, struct value_call *call)                                              \
    {                                                                                                                  \
        call->result = (expression);                                                                                   \
        return true;                                                                                                   \
    }

static struct value named_new(struct arena *a, const struct value_class *class, const char *name)
{
    struct named *n = arena_new_of(a, struct named);
    *n = (struct named){{class}, name};
    return value_object(&n->object);
}

static int64_t nanoseconds(struct moment m)
{
    return (int64_t)((uint64_t)m.s * 1000000000u + (uint64_t)m.ns);
}

TIME_METHOD(year, value_int_of(GO_INT, civil_now(self).year))
TIME_METHOD(month, named_new(call->arena, &month_class, month_names[civil_now(self).month - 1]))
TIME_METHOD(day, value_int_of(GO_INT, civil_now(self).day))
TIME_METHOD(hour, value_int_of(GO_INT, civil_now(self).hour))
TIME_METHOD(minute, value_int_of(GO_INT, civil_now(self).minute))
TIME_METHOD(second, value_int_of(GO_INT, civil_now(self).second))
TIME_METHOD(nanosecond, value_int_of(GO_INT, moment_of(self).ns))
TIME_METHOD(weekday, named_new(call->arena, &weekday_class, weekday_names[civil_now(self).weekday]))
TIME_METHOD(yearday, value_int_of(GO_INT, civil_now(self).yearday))
TIME_METHOD(unix, value_int(moment_of(self).s))
TIME_METHOD(unix_milli, value_int(moment_of(self).s * 1000 + moment_of(self).ns / 1000000))
TIME_METHOD(unix_micro, value_int(moment_of(self).s * 1000000 + moment_of(self).ns / 1000))
TIME_METHOD(unix_nano, value_int(nanoseconds(moment_of(self))))
TIME_METHOD(is_zero, value_bool(moment_of(self).s == civil_seconds(1, 1, 1, 0, 0, 0) && moment_of(self).ns == 0))

static bool time_utc(struct object *self, struct value_call *call)
{
    struct moment m = moment_of(self);
    m.zone = zone_utc();
    call->result = sprig_time(call->arena, m);
    return true;
}

static bool time_local(struct object *self, struct value_call *call)
{
    struct moment m = moment_of(self);
    m.zone = zone_load(call->arena, "Local");
    call->result = sprig_time(call->arena, m);
    return true;
}

static bool time_format(struct object *self, struct value_call *call)
{
    if (call->args[0].kind != V_STRING)
        return error_set(call->err, ERROR_INVALID, "wrong type for value; expected string; got %s",
                         value_go_type(call->args[0]));
    struct buf out = BUF_IN(call->arena);
    layout_format(&out, value_slice(call->args[0]), moment_of(self));
    call->result = value_string_n(buf_cstr(&out), out.len);
    return true;
}

static bool time_add_date(struct object *self, struct value_call *call)
{
    for (size_t i = 0; i < 3; i++)
        if (call->args[i].kind != V_INT)
            return error_set(call->err, ERROR_INVALID, "wrong type for value; expected int; got %s",
                             value_go_type(call->args[i]));
    struct moment m = moment_of(self);
    struct civil c = civil_now(self);
    int64_t wall = civil_seconds(c.year + call->args[0].integer, c.month + call->args[1].integer,
                                 c.day + call->args[2].integer, c.hour, c.minute, c.second);
    m.s = zone_instant(m.zone, wall);
    call->result = sprig_time(call->arena, m);
    return true;
}

// -1, 0 or 1, as this instant is before, at or after the one given.
static bool time_order(struct object *self, struct value_call *call, int *order)
{
    struct value other = call->args[0];
    if (other.kind != V_OBJECT || other.object->class != &time_class)
        return error_set(call->err, ERROR_INVALID, "wrong type for value; expected time.Time; got %s",
                         value_go_type(other));
    struct moment a = moment_of(self), b = moment_of(other.object);
    *order = a.s != b.s ? (a.s > b.s) - (a.s < b.s) : (a.ns > b.ns) - (a.ns < b.ns);
    return true;
}

static bool time_before(struct object *self, struct value_call *call)
{
    int order;
    if (!time_order(self, call, &order))
        return false;
    call->result = value_bool(order < 0);
    return true;
}

static bool time_after(struct object *self, struct value_call *call)
{
    int order;
    if (!time_order(self, call, &order))
        return false;
    call->result = value_bool(order > 0);
    return true;
}

static bool time_equal(struct object *self, struct value_call *call)
{
    int order;
    if (!time_order(self, call, &order))
        return false;
    call->result = value_bool(order == 0);
    return true;
}

static void time_print(struct buf *out, struct object *self)
{
    layout_format(out, SLICE("2006-01-02 15:04:05.999999999 -0700 MST"), moment_of(self));
}

static bool time_string(struct object *self, struct value_call *call)
{
    struct buf out = BUF_IN(call->arena);
    time_print(&out, self);
    call->result = value_string_n(buf_cstr(&out), out.len);
    return true;
}

static struct value time_plain(struct arena *a, struct object *self)
{
    struct buf out = BUF_IN(a);
    layout_format(&out, SLICE("2006-01-02T15:04:05.999999999Z07:00"), moment_of(self));
    return value_string_n(buf_cstr(&out), out.len);
}

static const struct value_member time_members[] = {
    {"AddDate", true, 3, 3, time_add_date}, {"After", true, 1, 1, time_after},
    {"Before", true, 1, 1, time_before},    {"Day", true, 0, 0, time_day},
    {"Equal", true, 1, 1, time_equal},      {"Format", true, 1, 1, time_format, "s"},
    {"Hour", true, 0, 0, time_hour},        {"IsZero", true, 0, 0, time_is_zero},
    {"Local", true, 0, 0, time_local},      {"Minute", true, 0, 0, time_minute},
    {"Month", true, 0, 0, time_month},      {"Nanosecond", true, 0, 0, time_nanosecond},
    {"Second", true, 0, 0, time_second},    {"String", true, 0, 0, time_string},
    {"UTC", true, 0, 0, time_utc},          {"Unix", true, 0, 0, time_unix},
    {"UnixMicro", true, 0, 0, time_unix_micro}, {"UnixMilli", true, 0, 0, time_unix_milli},
    {"UnixNano", true, 0, 0, time_unix_nano}, {"Weekday", true, 0, 0, time_weekday},
    {"Year", true, 0, 0, time_year},        {"YearDay", true, 0, 0, time_yearday},
};

static const struct value_class time_class = {.go_type = "time.Time", .go_kind = "struct", .members = time_members,
                                              .member_count = ARRAY_LEN(time_members), .print = time_print,
                                              .plain = time_plain};

static void named_print(struct buf *out, struct object *self)
{
    buf_str(out, ((struct named *)self)->name);
}

static bool named_string(struct object *self, struct value_call *call)
{
    call->result = value_string(((struct named *)self)->name);
    return true;
}

static const struct value_member named_members[] = {{"String", true, 0, 0, named_string}};
static const struct value_class month_class = {.go_type = "time.Month", .go_kind = "int", .members = named_members,
                                               .member_count = 1, .print = named_print};
static const struct value_class weekday_class = {.go_type = "time.Weekday", .go_kind = "int", .members = named_members,
                                                 .member_count = 1, .print = named_print};

// ---- functions ------------------------------------------------------------------------------------------------------

// What Sprig takes for a date: a time, seconds since 1970, or anything else for now.
static struct moment date_of(struct value v)
{
    if (v.kind == V_OBJECT && v.object->class == &time_class)
        return moment_of(v.object);
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
    *result = sprig_time(call->arena, now_in(zone_load(call->arena, "Local")));
    return true;
}

static bool fn_unix_epoch(struct template_call *call, struct value *result)
{
    *result = value_printf(call->arena, "%lld", (long long)moment_of(call->args[0].object).s);
    return true;
}

static struct moment later(struct moment m, int64_t ns)
{
    int64_t sum = m.ns + ns % 1000000000;
    m.s += ns / 1000000000 + (sum >= 1000000000) - (sum < 0);
    m.ns = (int32_t)(sum < 0 ? sum + 1000000000 : sum >= 1000000000 ? sum - 1000000000 : sum);
    return m;
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
        *result = sprig_time(call->arena, later(moment_of(call->args[1].object), ns));
    return true;
}

static bool fn_must_date_modify(struct template_call *call, struct value *result)
{
    int64_t ns;
    if (!go_parse_duration(call->arena, value_slice(call->args[0]), &ns, call->err))
        return false;
    *result = sprig_time(call->arena, later(moment_of(call->args[1].object), ns));
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
    *result = sprig_time(call->arena, m);
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

// Go's durations end with about 292 years: what is longer stays there.
static int64_t since(struct moment then)
{
    struct moment now = now_in(zone_utc());
    int64_t ns;
    if (__builtin_sub_overflow(now.s, then.s, &ns) || __builtin_mul_overflow(ns, 1000000000, &ns) ||
        __builtin_add_overflow(ns, now.ns - then.ns, &ns))
        return then.s < now.s ? INT64_MAX : INT64_MIN;
    return ns;
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
    else if (v.kind == V_OBJECT && v.object->class == &time_class)
        ns = since(moment_of(v.object));
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
