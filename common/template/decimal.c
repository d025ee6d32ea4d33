// decimal.c - decimals as a big integer and a power of ten, on OpenSSL's bignums.
#include "template/decimal.h"
#include "value/value.h"

#include <openssl/bn.h>
#include <stdio.h>

#define DIVISION_PLACES 16

struct decimal { // coefficient * 10^exponent
    BIGNUM *coefficient;
    int exponent;
};

static void number_free(BIGNUM **n)
{
    BN_free(*n);
}

static void context_free(BN_CTX **ctx)
{
    BN_CTX_free(*ctx);
}

// From the shortest text: digits, a point, an exponent.
static struct decimal decimal_of(double f)
{
    struct buf text cleanup(buf_free) = {0}, digits cleanup(buf_free) = {0};
    go_print_float(&text, f, 64, GO_FLOAT_G);
    struct decimal d = {.coefficient = NULL};
    bool fraction = false;
    for (const char *p = text.data; *p; p++) {
        if (*p == 'e') {
            d.exponent += atoi(p + 1);
            break;
        }
        if (*p == '.') {
            fraction = true;
            continue;
        }
        buf_char(&digits, *p);
        d.exponent -= fraction;
    }
    BN_dec2bn(&d.coefficient, digits.data);
    return d;
}

static void shift_left(BIGNUM *n, int places, BN_CTX *ctx)
{
    BIGNUM *power cleanup(number_free) = BN_new();
    BIGNUM *ten cleanup(number_free) = BN_new();
    BIGNUM *exponent cleanup(number_free) = BN_new();
    BN_set_word(ten, 10);
    BN_set_word(exponent, (BN_ULONG)places);
    BN_exp(power, ten, exponent, ctx);
    BN_mul(n, n, power, ctx);
}

// Brings both to the lower of their exponents.
static void align(struct decimal *a, struct decimal *b, BN_CTX *ctx)
{
    struct decimal *high = a->exponent > b->exponent ? a : b;
    int low = a->exponent > b->exponent ? b->exponent : a->exponent;
    shift_left(high->coefficient, high->exponent - low, ctx);
    high->exponent = low;
}

// a / b to DIVISION_PLACES places.
static void divide(struct decimal *a, const struct decimal *b, BN_CTX *ctx)
{
    BIGNUM *divisor cleanup(number_free) = BN_dup(b->coefficient), *rest cleanup(number_free) = BN_new();
    int shift = a->exponent - b->exponent + DIVISION_PLACES;
    if (shift >= 0)
        shift_left(a->coefficient, shift, ctx);
    else
        shift_left(divisor, -shift, ctx);
    bool negative = BN_is_negative(a->coefficient) != BN_is_negative(divisor);
    BN_set_negative(a->coefficient, 0);
    BN_set_negative(divisor, 0);
    BN_div(a->coefficient, rest, a->coefficient, divisor, ctx);
    BN_lshift1(rest, rest);
    if (BN_cmp(rest, divisor) >= 0)
        BN_add_word(a->coefficient, 1);
    BN_set_negative(a->coefficient, negative);
    a->exponent = -DIVISION_PLACES;
}

static double to_double(const struct decimal *d)
{
    char *digits = BN_bn2dec(d->coefficient);
    struct buf text cleanup(buf_free) = {0};
    buf_printf(&text, "%se%d", digits, d->exponent);
    OPENSSL_free(digits);
    return strtod(text.data, NULL); // no point in it, so the locale has no say
}

bool decimal_fold(char op, const double *numbers, size_t count, double *result)
{
    BN_CTX *ctx cleanup(context_free) = BN_CTX_new();
    struct decimal sum = decimal_of(numbers[0]);
    bool good = true;
    for (size_t i = 1; i < count && good; i++) {
        struct decimal next = decimal_of(numbers[i]);
        switch (op) {
        case '+':
        case '-':
            align(&sum, &next, ctx);
            (op == '+' ? BN_add : BN_sub)(sum.coefficient, sum.coefficient, next.coefficient);
            break;
        case '*':
            BN_mul(sum.coefficient, sum.coefficient, next.coefficient, ctx);
            sum.exponent += next.exponent;
            break;
        default:
            good = !BN_is_zero(next.coefficient);
            if (good)
                divide(&sum, &next, ctx);
        }
        BN_free(next.coefficient);
    }
    if (good)
        *result = to_double(&sum);
    BN_free(sum.coefficient);
    return good;
}
