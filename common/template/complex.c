// complex.c - complex numbers as constants, printed as Go prints them. No function takes one.
#include "template/complex.h"

#include <math.h>

#include "template/node.h"

static void complex_print(struct buf *out, struct object *self)
{
    const struct complex *c = (struct complex *)self;
    buf_char(out, '(');
    go_print_float(out, c->re, 64, GO_FLOAT_G);
    if (!signbit(c->im) && !isinf(c->im)) // an infinity has its sign
        buf_char(out, '+');
    go_print_float(out, c->im, 64, GO_FLOAT_G);
    buf_str(out, "i)");
}

static bool complex_truth(struct object *self)
{
    const struct complex *c = (struct complex *)self;
    return c->re != 0 || c->im != 0;
}

static const char *complex_no_json(struct object *self)
{
    return "json: unsupported type: complex128";
}

static const struct value_class complex_class = {
    .go_type = "complex128",
    .go_kind = "complex128",
    .print = complex_print,
    .no_json = complex_no_json,
    .truth = complex_truth,
};

struct value complex_new(struct arena *a, double re, double im)
{
    struct complex *c = arena_new_of(a, struct complex);
    *c = (struct complex){{&complex_class}, re, im};
    return value_object(&c->object);
}

const struct complex *complex_of(struct value v)
{
    return v.kind == V_OBJECT && v.object->class == &complex_class ? (const struct complex *)v.object : NULL;
}

bool complex_parse(struct slice text, double *re, double *im)
{
    size_t sign = 0; // of the imaginary part
    if (text.len < 2 || text.data[text.len - 1] != 'i')
        return false;
    text = slice_sub(text, 0, text.len - 1);
    bool hex = slice_find(text, SLICE("0x")) >= 0 || slice_find(text, SLICE("0X")) >= 0;
    for (size_t i = 1; i < text.len; i++)
        if ((text.data[i] == '+' || text.data[i] == '-') && !strchr(hex ? "pP" : "eEpP", text.data[i - 1]))
            sign = i;
    *re = 0;
    return (sign == 0 || go_parse_float(slice_sub(text, 0, sign), re) == 0) &&
           go_parse_float(slice_sub(text, sign, text.len), im) == 0;
}
