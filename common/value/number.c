// number.c - floats as Go writes them: the fewest digits that read back as the same number.
#include "value/internal.h"

#include <math.h>
#include <stdio.h>

// The digits of n, at the end of text; returns where they start.
#define INTEGER_LEN 20
static char *format_integer(char text[INTEGER_LEN], uint64_t n)
{
    char *p = text + INTEGER_LEN;
    do {
        *--p = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    return p;
}

void print_integer(struct buf *out, struct value v)
{
    char text[INTEGER_LEN];
    bool negative = v.integer < 0 && !(v.go >= GO_UINT && v.go <= GO_UINT64);
    char *start = format_integer(text, negative ? -(uint64_t)v.integer : (uint64_t)v.integer);
    if (negative)
        buf_char(out, '-');
    buf_add(out, start, (size_t)(text + INTEGER_LEN - start));
}

struct digits {
    char text[20]; // without point, no trailing zeros; "0" for zero
    int count;
    int exponent; // of the first digit: 0.05 is "5" with -2
};

static bool reads_back(const char *text, double f, int bits)
{
    return bits == 32 ? strtof(text, NULL) == (float)f : strtod(text, NULL) == f;
}

static void digits_from(struct digits *d, const char *scientific)
{
    const char *e = strchr(scientific, 'e');
    d->count = 0;
    for (const char *p = scientific; p < e; p++)
        if (*p != '.' && d->count < (int)sizeof d->text - 1)
            d->text[d->count++] = *p;
    while (d->count > 1 && d->text[d->count - 1] == '0')
        d->count--;
    d->text[d->count] = '\0';
    d->exponent = atoi(e + 1);
}

// f is positive and finite.
static void shortest(struct digits *d, double f, int bits)
{
    char text[40];
    // Whole numbers that doubles hold exactly need no search: their own digits, less the zeros at the end.
    if (bits == 64 && f < 1e15 && f == (double)(int64_t)f) {
        char integer[INTEGER_LEN], *start = format_integer(integer, (uint64_t)f);
        d->count = (int)(integer + INTEGER_LEN - start);
        memcpy(d->text, start, (size_t)d->count);
        d->text[d->count] = '\0';
        d->exponent = d->count - 1;
        while (d->count > 1 && d->text[d->count - 1] == '0')
            d->text[--d->count] = '\0';
        return;
    }
    // A normal double keeps any 15 digits (a float any 6), so nothing shorter than those needs a try of its own:
    // zeros at the end are dropped. The few bits of a subnormal are tried from one digit on.
    bool subnormal = f < (bits == 32 ? 0x1p-126 : 0x1p-1022);
    int most = bits == 32 ? 9 : 17;
    int unused;
    bool power_of_two = frexp(f, &unused) == 0.5;
    for (int precision = subnormal ? 1 : bits == 32 ? 6 : 15; precision <= most; precision++) {
        snprintf(text, sizeof text, "%.*e", precision - 1, f);
        if (reads_back(text, f, bits) || precision == most)
            break;
        // Below a power of two doubles lie closer together than above: there the next decimal up may read back
        // where the nearest one, below, does not.
        char *last = strchr(text, 'e') - 1;
        if (power_of_two && *last < '9' && strtod(text, NULL) < f) {
            ++*last;
            if (reads_back(text, f, bits))
                break;
        }
    }
    digits_from(d, text);
}

static void add_exponent(struct buf *out, int exponent, bool two_digits)
{
    char text[16];
    snprintf(text, sizeof text, two_digits ? "e%c%02d" : "e%c%d", exponent < 0 ? '-' : '+', abs(exponent));
    buf_str(out, text);
}

static void add_scientific(struct buf *out, const struct digits *d, bool two_digits)
{
    buf_char(out, d->text[0]);
    if (d->count > 1) {
        buf_char(out, '.');
        buf_add(out, d->text + 1, (size_t)d->count - 1);
    }
    add_exponent(out, d->exponent, two_digits);
}

static void add_plain(struct buf *out, const struct digits *d)
{
    int whole = d->exponent + 1; // digits before the point
    if (whole <= 0) {
        buf_str(out, "0.");
        buf_fill(out, '0', (size_t)-whole);
        buf_add(out, d->text, (size_t)d->count);
    } else if (whole >= d->count) {
        buf_add(out, d->text, (size_t)d->count);
        buf_fill(out, '0', (size_t)(whole - d->count));
    } else {
        buf_add(out, d->text, (size_t)whole);
        buf_char(out, '.');
        buf_add(out, d->text + whole, (size_t)(d->count - whole));
    }
}

void go_print_float(struct buf *out, double f, int bits, enum go_float_style style)
{
    bool yaml = style == GO_FLOAT_YAML;
    if (bits == 32)
        f = (float)f; // may overflow to an infinity, as in Go
    if (isnan(f)) {
        buf_str(out, yaml ? ".nan" : "NaN");
        return;
    }
    if (isinf(f)) {
        buf_str(out, yaml ? (f < 0 ? "-.inf" : ".inf") : f < 0 ? "-Inf" : "+Inf");
        return;
    }
    if (signbit(f)) {
        buf_char(out, '-');
        f = -f;
    }
    struct digits d = {.text = "0", .count = 1};
    if (f != 0)
        shortest(&d, f, bits);
    if (style == GO_FLOAT_JSON) { // JavaScript's rule: plain from 1e-6 up to 1e21
        bool plain = f == 0 || (bits == 32 ? (float)f >= 1e-6f && (float)f < 1e21f : f >= 1e-6 && f < 1e21);
        if (plain)
            add_plain(out, &d);
        else // e-09 is written e-9, but e+21 and e-10 stay
            add_scientific(out, &d, d.exponent > 0 || d.exponent <= -10);
    } else if (d.exponent < -4 || d.exponent >= 6) {
        add_scientific(out, &d, true);
    } else {
        add_plain(out, &d);
    }
}
