// yaml_simple.h - the YAML that most documents are made of, read without libyaml. Private to common/value.
#ifndef RUNNEL_VALUE_YAML_SIMPLE_H
#define RUNNEL_VALUE_YAML_SIMPLE_H

#include "value/value.h"

// Reads one document into `a`. False: not simple, or wrong; libyaml is to be asked, and what it says holds. True: *out is
// what it would give.
bool yaml_simple_parse(struct arena *a, struct slice text, int flags, size_t nodes_max, struct value *out);

#endif
