// yaml_order.h - the order in which go-yaml writes the keys of a map.
#ifndef RUNNEL_VALUE_YAML_ORDER_H
#define RUNNEL_VALUE_YAML_ORDER_H

#include "value/internal.h"

// Sorts entries into go-yaml's natural order: numbers inside keys compare as numbers, letters come after everything
// else (v3: before it where the keys agree up to a digit). `spare` has room for count entries.
void yaml_order(const struct dict_entry **entries, const struct dict_entry **spare, size_t count, bool v3);

#endif
