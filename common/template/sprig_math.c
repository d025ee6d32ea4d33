// sprig_math.c - Sprig's arithmetic: on int64 with Go's wrap-around, on decimals, and on floats.
#include "template/decimal.h"
#include "template/sprig.h"

#include <math.h>

static int64_t arg_int(const struct template_call *call, size_t i)
{
    return sprig_int(call->args[i]);
}

// Two's complement, as Go's integers wrap.
static int64_t wrapped(uint64_t u)
{
    return (int64_t)u;
}

static bool fn_add(struct template_call *call, struct value *result)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < call->argc; i++)
        sum += (uint64_t)arg_int(call, i);
    *result = value_int(wrapped(sum));
    return true;
}

static bool fn_add1(struct template_call *call, struct value *result)
{
    *result = value_int(wrapped((uint64_t)arg_int(call, 0) + 1));
    return true;
}

static bool fn_sub(struct template_call *call, struct value *result)
{
    *result = value_int(wrapped((uint64_t)arg_int(call, 0) - (uint64_t)arg_int(call, 1)));
    return true;
}

static bool fn_mul(struct template_call *call, struct value *result)
{
    uint64_t product = (uint64_t)arg_int(call, 0);
    for (size_t i = 1; i < call->argc; i++)
        product *= (uint64_t)arg_int(call, i);
    *result = value_int(wrapped(product));
    return true;
}

static bool fn_div(struct template_call *call, struct value *result)
{
    int64_t a = arg_int(call, 0), b = arg_int(call, 1);
    if (b == 0)
        return sprig_fail(call, "runtime error: integer divide by zero");
    *result = value_int(b == -1 ? wrapped(0 - (uint64_t)a) : a / b);
    return true;
}

static bool fn_mod(struct template_call *call, struct value *result)
{
    int64_t a = arg_int(call, 0), b = arg_int(call, 1);
    if (b == 0)
        return sprig_fail(call, "runtime error: integer divide by zero");
    *result = value_int(b == -1 ? 0 : a % b);
    return true;
}

static bool fn_max(struct template_call *call, struct value *result)
{
    int64_t most = arg_int(call, 0);
    for (size_t i = 1; i < call->argc; i++)
        if (arg_int(call, i) > most)
            most = arg_int(call, i);
    *result = value_int(most);
    return true;
}

static bool fn_min(struct template_call *call, struct value *result)
{
    int64_t least = arg_int(call, 0);
    for (size_t i = 1; i < call->argc; i++)
        if (arg_int(call, i) < least)
            least = arg_int(call, i);
    *result = value_int(least);
    return true;
}

// ---- decimals -------------------------------------------------------------------------------------------------------

// The arguments, after a number that goes before them where before is not NULL.
static bool decimals(struct template_call *call, char op, const double *before, const double *after,
                     struct value *result)
{
    double *numbers = arena_array(call->arena, double, call->argc + 2);
    size_t count = 0;
    if (before)
        numbers[count++] = *before;
    for (size_t i = 0; i < call->argc; i++)
        numbers[count++] = sprig_float(call->args[i]);
    if (after)
        numbers[count++] = *after;
    for (size_t i = 0; i < count; i++) { // each is converted and used before the next
        if (!isfinite(numbers[i]))
            return sprig_fail(call, "Cannot create a Decimal from %s", isnan(numbers[i]) ? "NaN"
                                                                       : numbers[i] > 0  ? "+Inf"
                                                                                         : "-Inf");
        if (op == '/' && i > 0 && numbers[i] == 0)
            break;
    }
    double f;
    if (!decimal_fold(op, numbers, count, &f))
        return sprig_fail(call, "decimal division by 0");
    *result = value_float(f);
    return true;
}

static bool fn_addf(struct template_call *call, struct value *result)
{
    const double zero = 0;
    return decimals(call, '+', &zero, NULL, result);
}

static bool fn_add1f(struct template_call *call, struct value *result)
{
    const double one = 1;
    return decimals(call, '+', NULL, &one, result);
}

static bool fn_subf(struct template_call *call, struct value *result)
{
    return decimals(call, '-', NULL, NULL, result);
}

static bool fn_mulf(struct template_call *call, struct value *result)
{
    return decimals(call, '*', NULL, NULL, result);
}

static bool fn_divf(struct template_call *call, struct value *result)
{
    return decimals(call, '/', NULL, NULL, result);
}

// ---- floats ---------------------------------------------------------------------------------------------------------

// Go's math.Max and Min: NaN wins.
static bool fn_maxf(struct template_call *call, struct value *result)
{
    double most = sprig_float(call->args[0]);
    for (size_t i = 1; i < call->argc; i++) {
        double f = sprig_float(call->args[i]);
        most = isnan(f) || isnan(most) ? NAN : fmax(most, f);
    }
    *result = value_float(most);
    return true;
}

static bool fn_minf(struct template_call *call, struct value *result)
{
    double least = sprig_float(call->args[0]);
    for (size_t i = 1; i < call->argc; i++) {
        double f = sprig_float(call->args[i]);
        least = isnan(f) || isnan(least) ? NAN : fmin(least, f);
    }
    *result = value_float(least);
    return true;
}

static bool fn_ceil(struct template_call *call, struct value *result)
{
    *result = value_float(ceil(sprig_float(call->args[0])));
    return true;
}

static bool fn_floor(struct template_call *call, struct value *result)
{
    *result = value_float(floor(sprig_float(call->args[0])));
    return true;
}

static bool fn_round(struct template_call *call, struct value *result)
{
    double power = pow(10, (double)call->args[1].integer), digits = power * sprig_float(call->args[0]), whole;
    double threshold = call->argc > 2 ? call->args[2].number : 0.5;
    bool up = modf(digits, &whole) >= threshold;
    *result = value_float((up ? ceil(digits) : floor(digits)) / power);
    return true;
}

static const struct template_func items[] = {
    {"add", "v*", fn_add},      {"add1", "v", fn_add1},      {"add1f", "v", fn_add1f},    {"addf", "v*", fn_addf},
    {"biggest", "vv*", fn_max}, {"ceil", "v", fn_ceil},      {"div", "vv", fn_div},       {"divf", "vv*", fn_divf},
    {"floor", "v", fn_floor},   {"max", "vv*", fn_max},      {"maxf", "vv*", fn_maxf},    {"min", "vv*", fn_min},
    {"minf", "vv*", fn_minf},   {"mod", "vv", fn_mod},       {"mul", "vv*", fn_mul},      {"mulf", "vv*", fn_mulf},
    {"round", "vif*", fn_round}, {"sub", "vv", fn_sub},      {"subf", "vv*", fn_subf},
};
const struct template_funcs sprig_math = {.items = items, .count = ARRAY_LEN(items)};
