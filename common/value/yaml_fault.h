// yaml_fault.h - what go-yaml v2 says where libyaml finds that a text is no YAML. Private to common/value.
#ifndef RUNNEL_VALUE_YAML_FAULT_H
#define RUNNEL_VALUE_YAML_FAULT_H

#include <yaml.h>

#include "value/value.h"

// The parser has failed, on input from memory that is still there. Sets err, and its code to the line. Returns false.
bool yaml_fault(const yaml_parser_t *parser, struct error *err);

// Go-yaml ends a plain scalar of a flow collection at a question mark, which begins a key there; libyaml does not.
// Whether this is such a scalar: then the parser has failed on what follows it.
bool yaml_question_in_flow(yaml_parser_t *parser, const yaml_event_t *scalar);

#endif
