// json_string.h - strings of a JSON text: where they end, and what they say. Private to common/value.
#ifndef RUNNEL_VALUE_JSON_STRING_H
#define RUNNEL_VALUE_JSON_STRING_H

#include "value/value.h"

struct json_string {
    const char *text, *end; // between the quotes
    bool plain;             // stands as it is: no escapes, nothing that is not UTF-8
};

// Steps over the string whose opening quote stands at *p. NULL: *p stands behind its closing quote. Else what a message
// says of the byte at *p, where the fault is: "in string literal".
const char *json_string_scan(const char **p, const char *end, struct json_string *out);
// The text, NUL-terminated, with escapes resolved; what is no UTF-8 and halves of surrogate pairs become U+FFFD.
struct slice json_string_copy(struct arena *a, const struct json_string *s);

#endif
