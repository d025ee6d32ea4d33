// sprig_convert.c - Sprig's conversions to numbers, and its lists of numbers.
#include "template/sprig.h"
#include "template/node.h"

static bool fn_int(struct template_call *call, struct value *result)
{
    *result = value_int_of(GO_INT, sprig_int(call->args[0]));
    return true;
}

static bool fn_int64(struct template_call *call, struct value *result)
{
    *result = value_int(sprig_int(call->args[0]));
    return true;
}

static bool fn_float64(struct template_call *call, struct value *result)
{
    *result = value_float(sprig_float(call->args[0]));
    return true;
}

static bool fn_atoi(struct template_call *call, struct value *result)
{
    int64_t i;
    go_parse_int(arg_text(call, 0), 10, &i);
    *result = value_int_of(GO_INT, i);
    return true;
}

// Reads octal digits, as file modes have them.
static bool fn_to_decimal(struct template_call *call, struct value *result)
{
    struct buf text = BUF_IN(call->arena);
    int64_t i;
    go_print_value(&text, call->args[0]);
    *result = value_int(go_parse_int(buf_view(&text), 8, &i) == 0 ? i : 0);
    return true;
}

// ---- sequences ------------------------------------------------------------------------------------------------------

// How many numbers there are from start up or down to stop, which is not one of them.
static uint64_t steps_between(int64_t start, int64_t stop, int64_t step)
{
    if ((stop < start && step >= 0) || (stop >= start && step <= 0))
        return 0;
    uint64_t distance = stop < start ? (uint64_t)start - (uint64_t)stop : (uint64_t)stop - (uint64_t)start;
    uint64_t stride = step < 0 ? 0 - (uint64_t)step : (uint64_t)step;
    return distance / stride + (distance % stride != 0);
}

static bool sequence(struct template_call *call, int64_t start, int64_t stop, int64_t step, struct value *result)
{
    uint64_t count = steps_between(start, stop, step);
    size_t bytes;
    if (__builtin_mul_overflow(count, sizeof(struct value), &bytes))
        bytes = SIZE_MAX / 2;
    if (!arena_room(call->arena, bytes))
        return false; // which the run explains
    *result = value_list_typed(call->arena, "[]int");
    value_made(*result, GO_SLICE_GROWN);
    if (count == 0)
        return true;
    // A step beyond the last int comes out at the first one, in Go as here, and may go on from there for long.
    for (int64_t i = start; (stop < start ? i > stop : i < stop) && !arena_full(call->arena);
         i = (int64_t)((uint64_t)i + (uint64_t)step))
        value_push(*result, value_int_of(GO_INT, i));
    return true;
}

static bool fn_until(struct template_call *call, struct value *result)
{
    int64_t count = call->args[0].integer;
    return sequence(call, 0, count, count < 0 ? -1 : 1, result);
}

static bool fn_until_step(struct template_call *call, struct value *result)
{
    return sequence(call, call->args[0].integer, call->args[1].integer, call->args[2].integer, result);
}

// seq END, seq START END, seq START STEP END: both ends are in it, as in the shell's.
static bool fn_seq(struct template_call *call, struct value *result)
{
    *result = value_string("");
    if (call->argc == 0 || call->argc > 3)
        return true;
    int64_t start = call->argc > 1 ? call->args[0].integer : 1, end = call->args[call->argc - 1].integer;
    int64_t direction = end < start ? -1 : 1, step = call->argc == 3 ? call->args[1].integer : direction;
    if (call->argc == 3 && end < start && step > 0)
        return true;
    struct value list;
    // Go's integers wrap: a range that ends with the largest is empty.
    if (!sequence(call, start, (int64_t)((uint64_t)end + (uint64_t)direction), step, &list))
        return false;
    struct buf out = BUF_IN(call->arena);
    for (size_t i = 0; i < value_len(list); i++)
        buf_printf(&out, i ? " %lld" : "%lld", (long long)value_at(list, i).integer);
    *result = call_text(call, &out);
    return true;
}

static const struct template_func items[] = {
    {"atoi", "s", fn_atoi},     {"float64", "v", fn_float64},        {"int", "v", fn_int},
    {"int64", "v", fn_int64},   {"seq", "i*", fn_seq},               {"toDecimal", "v", fn_to_decimal},
    {"until", "i", fn_until},   {"untilStep", "iii", fn_until_step},
};
const struct template_funcs sprig_convert = {.items = items, .count = ARRAY_LEN(items)};
