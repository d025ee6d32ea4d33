// complex.h - complex128, of which templates can write constants: 1i, 2.5-1e3i.
#ifndef RUNNEL_TEMPLATE_COMPLEX_H
#define RUNNEL_TEMPLATE_COMPLEX_H

#include "value/value.h"

struct complex {
    struct object object; // first
    double re, im;
};

struct value complex_new(struct arena *a, double re, double im);
const struct complex *complex_of(struct value v); // NULL: something else
bool complex_parse(struct slice text, double *re, double *im); // "1i", "1+2i"

#endif
