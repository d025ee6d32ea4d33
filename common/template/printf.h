// printf.h - private to printf*.c: what a directive of a format asks for.
#ifndef RUNNEL_TEMPLATE_PRINTF_H
#define RUNNEL_TEMPLATE_PRINTF_H

#include "value/value.h"

struct printer {
    struct buf *out;
    struct arena *arena;
    bool plus, minus, sharp, space, zero;
    bool sharp_v, plus_v; // %#v, %+v
    bool has_width, has_prec;
    int width, prec;
};

void printf_value(struct printer *p, struct value v, uint32_t verb);

#endif
