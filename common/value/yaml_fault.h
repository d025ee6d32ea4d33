// yaml_fault.h - what go-yaml v2 says where libyaml finds that a text is no YAML. Private to common/value.
#ifndef RUNNEL_VALUE_YAML_FAULT_H
#define RUNNEL_VALUE_YAML_FAULT_H

#include <yaml.h>

#include "value/value.h"

// The parser has failed, on input from memory that is still there. Sets err, and its code to the line. Returns false.
bool yaml_fault(const yaml_parser_t *parser, struct error *err);

#endif
