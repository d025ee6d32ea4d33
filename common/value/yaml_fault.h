// yaml_fault.h - what go-yaml v2 says where libyaml finds that a text is no YAML. Private to common/value.
#ifndef RUNNEL_VALUE_YAML_FAULT_H
#define RUNNEL_VALUE_YAML_FAULT_H

#include <yaml.h>

#include "value/value.h"

// The parser has failed, on input from memory that is still there. Sets err, and its code to the line. Returns false.
bool yaml_fault(const yaml_parser_t *parser, struct error *err);

// Whether a scalar of a flow collection holds a question mark that go-yaml does not take: then the parser has failed on it.
bool yaml_question_fault(yaml_parser_t *parser, const yaml_event_t *scalar);

// A read handler: the parser, which comes as `parser`, gets the text that was set as its input as go-yaml reads it.
int yaml_read_piece(void *parser, unsigned char *buffer, size_t size, size_t *got);

#endif
