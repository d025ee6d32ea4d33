// decimal.h - exact decimal arithmetic on floats, so that 0.1 + 0.2 is 0.3 as in Sprig's addf and its kin.
#ifndef RUNNEL_TEMPLATE_DECIMAL_H
#define RUNNEL_TEMPLATE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

// Folds the numbers from left to right by '+', '-', '*' or '/' (16 places, half away from zero). Each counts as the
// shortest decimal number that reads back as itself; none may be infinite or NaN. False: division by zero.
bool decimal_fold(char op, const double *numbers, size_t count, double *result);

#endif
