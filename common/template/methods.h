// methods.h - the methods of Go's named types that are no structs here: dicts, lists and numbers.
#ifndef RUNNEL_TEMPLATE_METHODS_H
#define RUNNEL_TEMPLATE_METHODS_H

#include "value/value.h"

struct method_set {
    const char *go_type;
    const struct value_member *items;
    size_t count;
};

extern const struct method_set values_methods, version_set_methods, duration_methods, month_methods, weekday_methods;

// Of a type that has none, or of an object: NULL.
const struct method_set *methods_of(struct value v);

#endif
