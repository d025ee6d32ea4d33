// go_time.c - Go's time.Time and time.Location with the methods that templates can call.
#include "template/go_time.h"

#define YEAR_ONE INT64_C(62135596800) // seconds from the year 1 to 1970

#define LOCATION_ADDRESS 0xc000100000

struct location {
    struct object object; // first
    const struct zone *zone;
};

struct instant {
    struct object object; // first
    struct moment moment;
    struct location location; // what Location points to
};

static const struct value_class time_class, location_class;

struct value time_value(struct arena *a, struct moment m)
{
    struct instant *t = arena_new_of(a, struct instant);
    *t = (struct instant){{&time_class}, m, {{&location_class}, m.zone}};
    return value_object(&t->object);
}

const struct moment *time_moment(struct value v)
{
    return v.kind == V_OBJECT && v.object->class == &time_class ? &((struct instant *)v.object)->moment : NULL;
}

static struct moment moment_of(struct object *self)
{
    return ((struct instant *)self)->moment;
}

static struct civil civil_at(struct moment m)
{
    return civil_of(m.s + zone_at(m.zone, m.s).offset);
}

static struct civil civil_now(struct object *self)
{
    return civil_at(moment_of(self));
}

static struct moment in_zone(struct moment m, const struct zone *zone)
{
    m.zone = zone;
    return m;
}

struct moment time_later(struct moment m, int64_t ns)
{
    int64_t sum = m.ns + ns % 1000000000;
    m.s += ns / 1000000000 + (sum >= 1000000000) - (sum < 0);
    m.ns = (int32_t)(sum < 0 ? sum + 1000000000 : sum >= 1000000000 ? sum - 1000000000 : sum);
    return m;
}

int64_t time_between(struct moment from, struct moment to)
{
    int64_t ns;
    if (__builtin_sub_overflow(to.s, from.s, &ns) || __builtin_mul_overflow(ns, 1000000000, &ns) ||
        __builtin_add_overflow(ns, to.ns - from.ns, &ns))
        return from.s < to.s ? INT64_MAX : INT64_MIN;
    return ns;
}

// ---- what a time tells ----------------------------------------------------------------------------------------------

#define METHOD(name, expression)                                                                                       \
    static bool time_##name(struct object *self, struct value_call *call)                                              \
    {                                                                                                                  \
        call->result = (expression);                                                                                   \
        return true;                                                                                                   \
    }

static int64_t nanoseconds(struct moment m)
{
    return (int64_t)((uint64_t)m.s * 1000000000u + (uint64_t)m.ns);
}

METHOD(year, value_int_of(GO_INT, civil_now(self).year))
METHOD(month, value_int_of(GO_MONTH, civil_now(self).month))
METHOD(day, value_int_of(GO_INT, civil_now(self).day))
METHOD(hour, value_int_of(GO_INT, civil_now(self).hour))
METHOD(minute, value_int_of(GO_INT, civil_now(self).minute))
METHOD(second, value_int_of(GO_INT, civil_now(self).second))
METHOD(nanosecond, value_int_of(GO_INT, moment_of(self).ns))
METHOD(weekday, value_int_of(GO_WEEKDAY, civil_now(self).weekday))
METHOD(yearday, value_int_of(GO_INT, civil_now(self).yearday))
METHOD(unix, value_int(moment_of(self).s))
METHOD(unix_milli, value_int(moment_of(self).s * 1000 + moment_of(self).ns / 1000000))
METHOD(unix_micro, value_int(moment_of(self).s * 1000000 + moment_of(self).ns / 1000))
METHOD(unix_nano, value_int(nanoseconds(moment_of(self))))
METHOD(is_zero, value_bool(moment_of(self).s == -YEAR_ONE && moment_of(self).ns == 0))
METHOD(is_dst, value_bool(zone_at(moment_of(self).zone, moment_of(self).s).summer))
METHOD(location, value_object(&((struct instant *)self)->location.object))
METHOD(utc, time_value(call->arena, in_zone(moment_of(self), zone_utc())))
METHOD(local, time_value(call->arena, in_zone(moment_of(self), zone_load(call->arena, "Local"))))

// ---- two times, a time and a duration -------------------------------------------------------------------------------

// -1, 0 or 1, as this instant is before, at or after the one given.
static int order(struct object *self, const struct value_call *call)
{
    struct moment a = moment_of(self), b = *time_moment(call->args[0]);
    return a.s != b.s ? (a.s > b.s) - (a.s < b.s) : (a.ns > b.ns) - (a.ns < b.ns);
}

METHOD(before, value_bool(order(self, call) < 0))
METHOD(after, value_bool(order(self, call) > 0))
METHOD(equal, value_bool(order(self, call) == 0))
METHOD(compare, value_int_of(GO_INT, order(self, call)))
METHOD(sub, value_int_of(GO_DURATION, time_between(*time_moment(call->args[0]), moment_of(self))))
METHOD(add, time_value(call->arena, time_later(moment_of(self), call->args[0].integer)))

static bool time_add_date(struct object *self, struct value_call *call)
{
    struct moment m = moment_of(self);
    struct civil c = civil_now(self);
    int64_t wall = civil_seconds(c.year + call->args[0].integer, c.month + call->args[1].integer,
                                 c.day + call->args[2].integer, c.hour, c.minute, c.second);
    m.s = zone_instant(m.zone, wall);
    call->result = time_value(call->arena, m);
    return true;
}

// What is left of a time since the year 1 after as many durations as there are in it.
static int64_t rest_of(struct moment m, int64_t ns)
{
    __int128 rest = (((__int128)m.s + YEAR_ONE) * 1000000000 + m.ns) % ns;
    return (int64_t)(rest < 0 ? rest + ns : rest);
}

static bool time_truncate(struct object *self, struct value_call *call)
{
    int64_t ns = call->args[0].integer;
    struct moment m = moment_of(self);
    call->result = time_value(call->arena, ns > 0 ? time_later(m, -rest_of(m, ns)) : m);
    return true;
}

static bool time_round(struct object *self, struct value_call *call)
{
    int64_t ns = call->args[0].integer;
    struct moment m = moment_of(self);
    if (ns > 0) {
        int64_t rest = rest_of(m, ns);
        m = time_later(m, (uint64_t)rest + (uint64_t)rest < (uint64_t)ns ? -rest : ns - rest);
    }
    call->result = time_value(call->arena, m);
    return true;
}

static bool time_in(struct object *self, struct value_call *call)
{
    if (call->args[0].kind == V_NULL)
        return error_set(call->err, ERROR_INVALID, "time: missing Location in call to Time.In");
    const struct location *to = (const struct location *)call->args[0].object;
    call->result = time_value(call->arena, in_zone(moment_of(self), to->zone));
    return true;
}

// ---- texts ----------------------------------------------------------------------------------------------------------

static struct buf formatted(struct object *self, const struct value_call *call, struct slice before, struct slice layout)
{
    struct buf out = BUF_IN(call->arena);
    buf_slice(&out, before);
    layout_format(&out, layout, moment_of(self));
    return out;
}

static struct value text_of(struct buf out)
{
    return value_string_n(buf_cstr(&out), out.len);
}

static struct value bytes_of(struct buf out)
{
    return value_bytes(buf_cstr(&out), out.len);
}

static void time_print(struct buf *out, struct object *self)
{
    layout_format(out, SLICE("2006-01-02 15:04:05.999999999 -0700 MST"), moment_of(self));
}

static void time_go_print(struct buf *out, struct object *self)
{
    struct moment m = moment_of(self);
    struct civil c = civil_now(self);
    buf_printf(out, "time.Date(%lld, time.%s, %d, %d, %d, %d, %d, ", (long long)c.year, go_month_names[c.month - 1], c.day,
               c.hour, c.minute, c.second, m.ns);
    if (zone_is_local(m.zone))
        buf_str(out, "time.Local)");
    else if (m.zone == zone_utc())
        buf_str(out, "time.UTC)");
    else
        buf_printf(out, "time.Location(\"%s\"))", zone_name(m.zone));
}

static bool time_go_string(struct object *self, struct value_call *call)
{
    struct buf out = BUF_IN(call->arena);
    time_go_print(&out, self);
    call->result = text_of(out);
    return true;
}

METHOD(format, text_of(formatted(self, call, SLICE(""), value_slice(call->args[0]))))
METHOD(string, text_of(formatted(self, call, SLICE(""), SLICE("2006-01-02 15:04:05.999999999 -0700 MST"))))
METHOD(append_format, bytes_of(formatted(self, call, value_slice(call->args[0]), value_slice(call->args[1]))))

#define RFC3339 SLICE("2006-01-02T15:04:05.999999999Z07:00")

#define YEAR_OUTSIDE "year outside of range [0,9999]"
#define HOUR_OUTSIDE "timezone hour outside of range [0,23]"
#define NO_JSON "json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: "

// Why a time has no text by RFC 3339, or NULL.
static const char *unfit(struct moment m)
{
    int64_t year = civil_at(m).year;
    int hours = zone_at(m.zone, m.s).offset / 3600;
    if (year < 0 || year > 9999)
        return YEAR_OUTSIDE;
    return hours > 23 || hours < -23 ? HOUR_OUTSIDE : NULL;
}

static bool fits(struct object *self, struct value_call *call, const char *method)
{
    const char *why = unfit(moment_of(self));
    return !why || error_set(call->err, ERROR_INVALID, "Time.%s: %s", method, why);
}

static bool time_marshal_text(struct object *self, struct value_call *call)
{
    call->result = bytes_of(formatted(self, call, SLICE(""), RFC3339));
    return fits(self, call, "MarshalText");
}

static bool time_append_text(struct object *self, struct value_call *call)
{
    call->result = bytes_of(formatted(self, call, value_slice(call->args[0]), RFC3339));
    return fits(self, call, "AppendText");
}

static bool time_marshal_json(struct object *self, struct value_call *call)
{
    struct buf out = formatted(self, call, SLICE("\""), RFC3339);
    buf_char(&out, '"');
    call->result = bytes_of(out);
    return fits(self, call, "MarshalJSON");
}

static void add_big_endian(struct buf *out, uint64_t n, int bytes)
{
    while (bytes--)
        buf_char(out, (char)(n >> 8 * bytes));
}

// A version, seconds since the year 1, nanoseconds, minutes east of Greenwich (-1: UTC); the second version has the
// seconds of the offset behind them.
static struct value binary(struct object *self, struct value_call *call, struct slice before)
{
    struct moment m = moment_of(self);
    int offset = zone_at(m.zone, m.s).offset;
    struct buf out = BUF_IN(call->arena);
    buf_slice(&out, before);
    buf_char(&out, offset % 60 ? 2 : 1);
    add_big_endian(&out, (uint64_t)(m.s + YEAR_ONE), 8);
    add_big_endian(&out, (uint64_t)m.ns, 4);
    add_big_endian(&out, m.zone == zone_utc() ? UINT64_MAX : (uint64_t)(offset / 60), 2);
    if (offset % 60)
        buf_char(&out, (char)(offset % 60));
    return bytes_of(out);
}

METHOD(marshal_binary, binary(self, call, SLICE("")))
METHOD(append_binary, binary(self, call, value_slice(call->args[0])))

// ---- the classes ----------------------------------------------------------------------------------------------------

static struct value time_fields(struct arena *a, struct object *self)
{
    struct moment m = moment_of(self);
    struct value fields = value_dict_fields(a);
    value_set(fields, "wall", value_int_of(GO_UINT64, m.ns));
    value_set(fields, "ext", value_int(m.s + YEAR_ONE));
    value_set(fields, "loc", value_int(m.zone == zone_utc() ? 0 : LOCATION_ADDRESS)); // a pointer, and nil for UTC
    return fields;
}

static struct value time_plain(struct arena *a, struct object *self)
{
    struct buf out = BUF_IN(a);
    layout_format(&out, RFC3339, moment_of(self));
    return text_of(out);
}

static const char *time_no_json(struct object *self)
{
    const char *why = unfit(moment_of(self));
    if (!why)
        return NULL;
    return *why == 'y' ? NO_JSON YEAR_OUTSIDE : NO_JSON HOUR_OUTSIDE;
}

static bool time_equal_to(struct object *self, struct object *other)
{
    struct moment a = moment_of(self), b = moment_of(other);
    return a.s == b.s && a.ns == b.ns && zone_same(a.zone, b.zone);
}

#define SECOND_IS(name, type) "invalid function signature for " name ": second return value should be error; is " type
#define THREE(name) "function " name " has 3 return values; should be 1 or 2"

static const struct value_member time_members[] = {
    {"Add", true, 1, 1, time_add, "d"},
    {"AddDate", true, 3, 3, time_add_date, "iii"},
    {"After", true, 1, 1, time_after, "t"},
    {"AppendBinary", true, 1, 1, time_append_binary, "B"},
    {"AppendFormat", true, 2, 2, time_append_format, "Bs"},
    {"AppendText", true, 1, 1, time_append_text, "B"},
    {"Before", true, 1, 1, time_before, "t"},
    {"Clock", true, 0, 0, .refused = THREE("Clock")},
    {"Compare", true, 1, 1, time_compare, "t"},
    {"Date", true, 0, 0, .refused = THREE("Date")},
    {"Day", true, 0, 0, time_day},
    {"Equal", true, 1, 1, time_equal, "t"},
    {"Format", true, 1, 1, time_format, "s"},
    {"GoString", true, 0, 0, time_go_string},
    {"GobEncode", true, 0, 0, time_marshal_binary},
    {"Hour", true, 0, 0, time_hour},
    {"ISOWeek", true, 0, 0, .refused = SECOND_IS("ISOWeek", "int")},
    {"In", true, 1, 1, time_in, "L"},
    {"IsDST", true, 0, 0, time_is_dst},
    {"IsZero", true, 0, 0, time_is_zero},
    {"Local", true, 0, 0, time_local},
    {"Location", true, 0, 0, time_location},
    {"MarshalBinary", true, 0, 0, time_marshal_binary},
    {"MarshalJSON", true, 0, 0, time_marshal_json},
    {"MarshalText", true, 0, 0, time_marshal_text},
    {"Minute", true, 0, 0, time_minute},
    {"Month", true, 0, 0, time_month},
    {"Nanosecond", true, 0, 0, time_nanosecond},
    {"Round", true, 1, 1, time_round, "d"},
    {"Second", true, 0, 0, time_second},
    {"String", true, 0, 0, time_string},
    {"Sub", true, 1, 1, time_sub, "t"},
    {"Truncate", true, 1, 1, time_truncate, "d"},
    {"UTC", true, 0, 0, time_utc},
    {"Unix", true, 0, 0, time_unix},
    {"UnixMicro", true, 0, 0, time_unix_micro},
    {"UnixMilli", true, 0, 0, time_unix_milli},
    {"UnixNano", true, 0, 0, time_unix_nano},
    {"Weekday", true, 0, 0, time_weekday},
    {"Year", true, 0, 0, time_year},
    {"YearDay", true, 0, 0, time_yearday},
    {"Zone", true, 0, 0, .refused = SECOND_IS("Zone", "int")},
    {"ZoneBounds", true, 0, 0, .refused = SECOND_IS("ZoneBounds", "time.Time")},
};

static const struct value_class time_class = {.go_type = "time.Time", .go_kind = "struct", .members = time_members,
                                              .member_count = ARRAY_LEN(time_members), .print = time_print,
                                              .go_string = time_go_print, .fields = time_fields, .plain = time_plain, .timestamp = true,
                                              .no_json = time_no_json, .equal = time_equal_to};

static const char *location_text(struct object *self)
{
    return zone_name(((struct location *)self)->zone);
}

static void location_print(struct buf *out, struct object *self)
{
    buf_str(out, location_text(self));
}

static bool location_string(struct object *self, struct value_call *call)
{
    call->result = value_string(location_text(self));
    return true;
}

static struct value location_plain(struct arena *a, struct object *self)
{
    return value_dict(a); // it has no fields that others may see
}

static bool location_equal(struct object *self, struct object *other)
{
    return zone_same(((struct location *)self)->zone, ((struct location *)other)->zone);
}

static const struct value_member location_members[] = {{"String", true, 0, 0, location_string}};
static const struct value_class location_class = {.go_type = "*time.Location", .go_kind = "ptr",
                                                  .members = location_members,
                                                  .member_count = ARRAY_LEN(location_members),
                                                  .print = location_print, .plain = location_plain,
                                                  .equal = location_equal};
