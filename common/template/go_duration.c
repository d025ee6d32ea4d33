// go_duration.c - the methods of time.Duration, time.Month and time.Weekday.
#include "template/methods.h"

#define METHOD(name, expression)                                                                                       \
    static bool named_##name(struct object *self, struct value_call *call)                                             \
    {                                                                                                                  \
        int64_t d = call->self.integer;                                                                                \
        call->result = (expression);                                                                                   \
        return true;                                                                                                   \
    }

// As Go divides: the whole part and the rest each by itself.
static struct value in_units(int64_t d, int64_t unit)
{
    return value_float((double)(d / unit) + (double)(d % unit) / (double)unit);
}

static struct value text_of(struct value_call *call)
{
    struct buf out = BUF_IN(call->arena);
    go_print_named(&out, call->self);
    return value_string_n(buf_cstr(&out), out.len);
}

static int64_t absolute(int64_t d)
{
    return d >= 0 ? d : d == INT64_MIN ? INT64_MAX : -d;
}

// Halves go away from zero; what would overflow stays at the end.
static int64_t rounded(int64_t d, int64_t unit)
{
    int64_t out;
    if (unit <= 0)
        return d;
    uint64_t rest = (uint64_t)absolute(d % unit);
    int64_t down = d - d % unit;
    if (rest + rest < (uint64_t)unit)
        return down;
    if (d < 0)
        return __builtin_sub_overflow(down, unit, &out) ? INT64_MIN : out;
    return __builtin_add_overflow(down, unit, &out) ? INT64_MAX : out;
}

static int64_t truncated(int64_t d, int64_t unit)
{
    return unit <= 0 ? d : d - d % unit;
}

METHOD(abs, value_int_of(GO_DURATION, absolute(d)))
METHOD(hours, in_units(d, INT64_C(3600000000000)))
METHOD(minutes, in_units(d, INT64_C(60000000000)))
METHOD(seconds, in_units(d, 1000000000))
METHOD(milliseconds, value_int(d / 1000000))
METHOD(microseconds, value_int(d / 1000))
METHOD(nanoseconds, value_int(d))
METHOD(round, value_int_of(GO_DURATION, rounded(d, call->args[0].integer)))
METHOD(truncate, value_int_of(GO_DURATION, truncated(d, call->args[0].integer)))

static bool named_string(struct object *self, struct value_call *call)
{
    call->result = text_of(call);
    return true;
}

static const struct value_member duration_members[] = {
    {"Abs", true, 0, 0, named_abs},
    {"Hours", true, 0, 0, named_hours},
    {"Microseconds", true, 0, 0, named_microseconds},
    {"Milliseconds", true, 0, 0, named_milliseconds},
    {"Minutes", true, 0, 0, named_minutes},
    {"Nanoseconds", true, 0, 0, named_nanoseconds},
    {"Round", true, 1, 1, named_round, "d"},
    {"Seconds", true, 0, 0, named_seconds},
    {"String", true, 0, 0, named_string},
    {"Truncate", true, 1, 1, named_truncate, "d"},
};
static const struct value_member name_members[] = {{"String", true, 0, 0, named_string}};

const struct method_set duration_methods = {"time.Duration", duration_members, ARRAY_LEN(duration_members)};
const struct method_set month_methods = {"time.Month", name_members, ARRAY_LEN(name_members)};
const struct method_set weekday_methods = {"time.Weekday", name_members, ARRAY_LEN(name_members)};
