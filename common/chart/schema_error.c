// schema_error.c - how a failed check of values.schema.json reads: a tree of causes, quoted paths, English numbers.

#include "chart/schema.h"

#include <math.h>
#include <stdio.h>

const char *problem_quote(struct arena *a, struct slice s)
{
    struct buf go = BUF_IN(a), out = BUF_IN(a);
    go_quote(&go, s.data ? s.data : "", s.len);
    // Go's double quotes become single ones, outside and inside; a backslash before the closing one goes with it.
    buf_char(&out, '\'');
    for (size_t i = 1; i + 1 < go.len; i++) {
        if (go.data[i] == '\\' && go.data[i + 1] == '"') {
            if (i + 2 < go.len)
                buf_char(&out, '"');
            i++;
        } else if (go.data[i] == '\'') {
            buf_str(&out, "\\'");
        } else {
            buf_char(&out, go.data[i]);
        }
    }
    buf_char(&out, '\'');
    return buf_cstr(&out);
}

const char *problem_display(struct arena *a, struct value v)
{
    if (value_is(v, V_STRING))
        return problem_quote(a, value_slice(v));
    if (value_is(v, V_LIST) || value_is(v, V_DICT))
        return "value";
    struct buf out = BUF_IN(a);
    if (value_is(v, V_FLOAT)) { // as it stands in the schema, most likely: 1.0 was read as a float, 1 was not
        go_print_float(&out, v.number, 64, GO_FLOAT_JSON);
        if (!memchr(out.data, '.', out.len) && !memchr(out.data, 'e', out.len))
            buf_str(&out, ".0");
    } else {
        go_print_value(&out, v);
    }
    return buf_cstr(&out);
}

// Digits with a comma before each group of three.
static void add_grouped(struct buf *out, const char *digits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0)
            buf_char(out, ',');
        buf_char(out, digits[i]);
    }
}

const char *problem_count(struct arena *a, int64_t number)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%lld", (long long)number);
    struct buf out = BUF_IN(a);
    const char *from = digits;
    if (*from == '-')
        buf_char(&out, *from++);
    add_grouped(&out, from, strlen(from));
    return buf_cstr(&out);
}

// The shortest digits that read back as the same number, and the decimal exponent of the first.
static int shortest_digits(double number, char digits[32])
{
    char text[40];
    for (int precision = 0; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, number);
        if (strtod(text, NULL) == number)
            break;
    }
    size_t n = 0;
    const char *p = text;
    for (; *p && *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            digits[n++] = *p;
    digits[n] = 0;
    return *p ? atoi(p + 1) : 0;
}

static void add_superscript(struct buf *out, int exponent)
{
    static const char *const digits[] = {"\u2070", "\u00B9", "\u00B2", "\u00B3", "\u2074",
                                         "\u2075", "\u2076", "\u2077", "\u2078", "\u2079"};
    char text[16];
    snprintf(text, sizeof text, "%02d", exponent < 0 ? -exponent : exponent);
    if (exponent < 0)
        buf_str(out, "\u207B");
    for (const char *p = text; *p; p++)
        buf_str(out, digits[*p - '0']);
}

const char *problem_number(struct arena *a, double number)
{
    struct buf out = BUF_IN(a);
    if (number == 0 || !isfinite(number)) {
        buf_str(&out, number == 0 ? "0" : isnan(number) ? "NaN" : number < 0 ? "-\u221E" : "\u221E");
        return buf_cstr(&out);
    }
    if (number < 0)
        buf_char(&out, '-');
    char digits[32];
    int exponent = shortest_digits(fabs(number), digits);
    size_t len = strlen(digits);
    if (exponent < -4 || exponent >= 6) {
        buf_char(&out, digits[0]);
        if (len > 1)
            buf_printf(&out, ".%s", digits + 1);
        buf_str(&out, "\u00D710");
        add_superscript(&out, exponent);
    } else if (exponent < 0) {
        buf_str(&out, "0.");
        buf_fill(&out, '0', (size_t)(-exponent - 1));
        buf_str(&out, digits);
    } else {
        char whole[32];
        for (int i = 0; i <= exponent; i++)
            whole[i] = (size_t)i < len ? digits[i] : '0';
        add_grouped(&out, whole, (size_t)exponent + 1);
        if (len > (size_t)exponent + 1)
            buf_printf(&out, ".%s", digits + exponent + 1);
    }
    return buf_cstr(&out);
}

static void print_problem(struct buf *out, struct arena *a, const struct problem *p, size_t indent)
{
    if (!(p->reference && p->causes.len == 1)) {
        if (out->len > 0)
            buf_char(out, '\n');
        buf_fill(out, ' ', 2 * indent);
        buf_printf(out, "- at %s: %s", problem_quote(a, slice_of(p->path)), p->text);
        indent++;
    }
    for (size_t i = 0; i < p->causes.len; i++)
        print_problem(out, a, p->causes.items[i], indent);
}

void problem_print(struct buf *out, struct arena *a, const struct problem *p)
{
    if (!p->group) {
        print_problem(out, a, p, 0);
        return;
    }
    for (size_t i = 0; i < p->causes.len; i++)
        print_problem(out, a, p->causes.items[i], 0);
}
